//! Claims: who answers a question, so that exactly one answer is posted for it.
//!
//! A claim is held for [`LEASE`] and renewed while its question is worked on. Whoever crashed renews nothing, and after
//! the lease the question may be taken over ([`State::left_over`]). A claim that was taken over cannot be used by its
//! former holder any more: [`State::begin_post`] then says no. A claim that is done stays, so that a late delivery finds
//! it.

use std::time::Duration;

use rusqlite::{OptionalExtension, params};

use crate::{State, StateError, write};

/// How long a claim holds without being renewed.
pub const LEASE: Duration = Duration::from_secs(60);
const LEASE_MS: i64 = 60_000;
/// Taken over at once.
const BATCH: i64 = 50;

const TAKEN: i64 = 0;
const POSTING: i64 = 1;
const DONE: i64 = 2;

/// The right to answer one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Names the question, the same in every delivery.
    pub key: String,
    /// How often the question was claimed, this time included. Above 1: whoever had it before did not finish.
    pub attempts: u32,
    /// Whether a former holder had begun to post: the answer may stand there already.
    pub may_be_posted: bool,
    owner: String,
}

/// What became of an attempt to claim a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// It is ours to answer.
    Mine(Claim),
    /// Somebody works on it.
    Held,
    /// It has its answer.
    Done,
}

/// A question whose holder is gone, taken over by this store.
#[derive(Clone)]
pub struct LeftOver {
    /// Ours now.
    pub claim: Claim,
    /// Where its reply goes, in the adapter's own words.
    pub address: String,
    /// What was kept of the question by [`State::claim`]; nothing without an encryption key.
    pub question: Option<String>,
    /// How long ago it was first claimed.
    pub age: Duration,
}

/// Does not print the question.
impl std::fmt::Debug for LeftOver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LeftOver")
            .field("claim", &self.claim)
            .field("has_question", &self.question.is_some())
            .field("age", &self.age)
            .finish_non_exhaustive()
    }
}

impl State {
    /// Claims a question. `address` says where its reply goes, for who may have to take it over; it must hold no text.
    /// `question` is what is needed to answer it then, and is kept only encrypted: without a key it is dropped here.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn claim(
        &self,
        key: &str,
        platform: &str,
        address: &str,
        question: Option<&str>,
    ) -> Result<Claimed, StateError> {
        let owner = self.0.owner.clone();
        let (key, platform) = (key.to_owned(), platform.to_owned());
        let seal = self.0.seal.as_ref();
        // Platforms put a short-lived right to reply into an address, so it is sealed where that is possible.
        let address = match seal {
            Some(seal) => seal.close("address", &key, &address),
            None => Some(address.as_bytes().to_vec()),
        };
        let sealed = seal
            .zip(question)
            .and_then(|(seal, text)| seal.close("claim", &key, &text));
        self.work(move |c, now| {
            let transaction = write(c)?;
            let known: Option<(i64, i64, u32)> = transaction
                .prepare_cached("SELECT stage, until, attempts FROM claim WHERE key = ?1")?
                .query_row([&key], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
                .optional()?;
            let claim = match known {
                Some((DONE, ..)) => return Ok(Claimed::Done),
                Some((_, until, _)) if until > now => return Ok(Claimed::Held),
                Some((stage, _, attempts)) => {
                    transaction
                        .prepare_cached(
                            "UPDATE claim SET owner = ?2, attempts = ?3, until = ?4, address = ?5,
                                 sealed = coalesce(?6, sealed) WHERE key = ?1",
                        )?
                        .execute(params![key, owner, attempts + 1, now + LEASE_MS, address, sealed])?;
                    Claim { attempts: attempts + 1, may_be_posted: stage == POSTING, key, owner }
                }
                None => {
                    transaction
                        .prepare_cached(
                            "INSERT INTO claim (key, platform, owner, attempts, stage, taken, until, address, sealed)
                             VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6, ?7, ?8)",
                        )?
                        .execute(params![key, platform, owner, TAKEN, now, now + LEASE_MS, address, sealed])?;
                    Claim { attempts: 1, may_be_posted: false, key, owner }
                }
            };
            transaction.commit()?;
            Ok(Claimed::Mine(claim))
        })
        .await
    }

    /// Renews the claims on questions that are being worked on; those that were taken over stay so.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn renew(&self, claims: Vec<Claim>) -> Result<(), StateError> {
        if claims.is_empty() {
            return Ok(());
        }
        self.work(move |c, now| {
            let transaction = write(c)?;
            for claim in &claims {
                transaction
                    .prepare_cached(
                        "UPDATE claim SET until = ?4
                         WHERE key = ?1 AND owner = ?2 AND attempts = ?3 AND stage < 2",
                    )?
                    .execute(params![
                        claim.key,
                        claim.owner,
                        claim.attempts,
                        now + LEASE_MS
                    ])?;
            }
            transaction.commit()
        })
        .await
    }

    /// Notes that a reply is about to be posted, and renews the claim. False: it was taken over or is done, and nothing
    /// may be posted.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn begin_post(&self, claim: &Claim) -> Result<bool, StateError> {
        self.advance(claim, "UPDATE claim SET stage = 1, until = ?4")
            .await
    }

    /// Notes that the question has its reply, and forgets all but its key.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn done(&self, claim: &Claim) -> Result<bool, StateError> {
        self.advance(
            claim,
            "UPDATE claim SET stage = 2, until = ?4, address = NULL, sealed = NULL",
        )
        .await
    }

    async fn advance(&self, claim: &Claim, update: &'static str) -> Result<bool, StateError> {
        let claim = claim.clone();
        self.work(move |c, now| {
            let sql =
                format!("{update} WHERE key = ?1 AND owner = ?2 AND attempts = ?3 AND stage < 2");
            let changed = c.prepare_cached(&sql)?.execute(params![
                claim.key,
                claim.owner,
                claim.attempts,
                now + LEASE_MS
            ])?;
            Ok(changed == 1)
        })
        .await
    }

    /// Takes over questions of a platform whose holders are gone, oldest first, at most 50 at a time.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn left_over(&self, platform: &str) -> Result<Vec<LeftOver>, StateError> {
        let (owner, platform) = (self.0.owner.clone(), platform.to_owned());
        type Row = (String, i64, u32, i64, Option<Vec<u8>>, Option<Vec<u8>>);
        let (rows, now) = self
            .work(move |c, now| {
                let transaction = write(c)?;
                let rows: Vec<Row> = transaction
                    .prepare_cached(
                        "SELECT key, stage, attempts, taken, address, sealed FROM claim
                         WHERE platform = ?1 AND stage < 2 AND until <= ?2 ORDER BY taken LIMIT ?3",
                    )?
                    .query_map(params![platform, now, BATCH], |r| {
                        Ok((
                            r.get(0)?,
                            r.get(1)?,
                            r.get(2)?,
                            r.get(3)?,
                            r.get(4)?,
                            r.get(5)?,
                        ))
                    })?
                    .collect::<rusqlite::Result<_>>()?;
                for (key, _, attempts, ..) in &rows {
                    transaction
                        .prepare_cached(
                            "UPDATE claim SET owner = ?2, attempts = ?3, until = ?4 WHERE key = ?1",
                        )?
                        .execute(params![key, owner, attempts + 1, now + LEASE_MS])?;
                }
                transaction.commit()?;
                Ok((rows, now))
            })
            .await?;
        let left = rows
            .into_iter()
            .map(|(key, stage, attempts, taken, address, sealed)| {
                let address = address.unwrap_or_default();
                let address = match &self.0.seal {
                    Some(seal) => seal.open("address", &key, &address).unwrap_or_default(),
                    None => String::from_utf8(address).unwrap_or_default(),
                };
                let open = |sealed: Vec<u8>| self.0.seal.as_ref()?.open("claim", &key, &sealed);
                LeftOver {
                    address,
                    question: sealed.and_then(open),
                    age: Duration::from_millis(now.saturating_sub(taken).unsigned_abs()),
                    claim: Claim {
                        attempts: attempts + 1,
                        may_be_posted: stage == POSTING,
                        owner: self.0.owner.clone(),
                        key,
                    },
                }
            });
        Ok(left.collect())
    }
}
