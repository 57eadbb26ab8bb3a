//! Conversations, and the answers behind buttons: in memory, or encrypted where a key is configured.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use moka::sync::Cache;
use rusqlite::{OptionalExtension, params};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Config, HOUR, State, StateError, write};

/// Turns of one conversation that are kept: more would not help to understand the next question.
const TURNS: usize = 10;
/// Characters of a question that are kept.
const LONGEST: usize = 1_000;
const THREADS: u64 = 5_000;
/// Bytes of all answers in memory.
const ANSWERS: u64 = 64 << 20;

/// A question of a conversation.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Who asked.
    pub by: String,
    /// The words.
    pub question: String,
    /// Codes that it was about by choice.
    pub about: Vec<String>,
    /// Whether the thread began with it.
    pub opens_thread: bool,
}

/// Does not print the question.
impl std::fmt::Debug for Turn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Turn")
            .field("about", &self.about)
            .finish_non_exhaustive()
    }
}

type Turns = Arc<Mutex<VecDeque<(i64, Turn)>>>;

/// What is kept where no key is configured.
pub(crate) struct Memory {
    threads: Cache<String, Turns>,
    answers: Cache<String, (i64, Arc<[u8]>)>,
}

impl Memory {
    pub(crate) fn new(config: &Config) -> Self {
        // The store's clock decides what is still shown; this one only frees the memory.
        let keep = Duration::from_secs(u64::from(config.keep_conversations_h.max(1)) * 3600);
        Self {
            threads: Cache::builder()
                .max_capacity(THREADS)
                .time_to_live(keep)
                .build(),
            answers: Cache::builder()
                .weigher(|id: &String, (_, bytes): &(i64, Arc<[u8]>)| {
                    u32::try_from(id.len() + bytes.len()).unwrap_or(u32::MAX)
                })
                .max_capacity(ANSWERS)
                .time_to_live(keep)
                .build(),
        }
    }
}

impl State {
    /// Adds a question to a conversation (a thread, or a person's own list). Callers leave out what holds patient data;
    /// where it is found here nevertheless, nothing is kept.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn remember(&self, thread: &str, mut turn: Turn) -> Result<(), StateError> {
        if self.0.config.keep_conversations_h == 0
            || crate::usage::tells_of_a_patient(&turn.question)
        {
            return Ok(());
        }
        if let Some((end, _)) = turn.question.char_indices().nth(LONGEST) {
            turn.question.truncate(end);
        }
        let Some(seal) = &self.0.seal else {
            let now = self.now();
            let turns = self
                .0
                .memory
                .threads
                .get_with(thread.to_owned(), Turns::default);
            if let Ok(mut turns) = turns.lock() {
                turns.push_back((now, turn));
                while turns.len() > TURNS {
                    turns.pop_front();
                }
            }
            return Ok(());
        };
        let sealed = seal.close("turn", thread, &turn);
        let thread = thread.to_owned();
        self.work(move |c, now| {
            let transaction = write(c)?;
            transaction.execute(
                "INSERT INTO turn (thread, at, sealed) VALUES (?1, ?2, ?3)",
                params![thread, now, sealed],
            )?;
            transaction.execute(
                "DELETE FROM turn WHERE thread = ?1 AND id NOT IN
                     (SELECT id FROM turn WHERE thread = ?1 ORDER BY id DESC LIMIT ?2)",
                params![thread, i64::try_from(TURNS).unwrap_or(i64::MAX)],
            )?;
            transaction.commit()
        })
        .await
    }

    /// The questions of a conversation that are still kept, the latest last.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn turns(&self, thread: &str) -> Result<Vec<Turn>, StateError> {
        let keep = i64::from(self.0.config.keep_conversations_h) * HOUR;
        let Some(seal) = &self.0.seal else {
            let since = self.now() - keep;
            let turns = self.0.memory.threads.get(thread);
            let kept = turns
                .as_ref()
                .and_then(|turns| turns.lock().ok())
                .map(|turns| {
                    let fresh = turns.iter().filter(|(at, _)| *at >= since);
                    fresh.map(|(_, turn)| turn.clone()).collect()
                });
            return Ok(kept.unwrap_or_default());
        };
        let key = thread.to_owned();
        let sealed: Vec<Vec<u8>> = self
            .work(move |c, now| {
                c.prepare_cached(
                    "SELECT sealed FROM turn WHERE thread = ?1 AND at >= ?2 ORDER BY id",
                )?
                .query_map(params![key, now - keep], |r| r.get(0))?
                .collect()
            })
            .await?;
        let open = |sealed: &Vec<u8>| seal.open("turn", thread, sealed);
        Ok(sealed.iter().filter_map(open).collect())
    }

    /// Keeps an answer for the buttons below it.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn keep_answer<T: Serialize>(&self, id: &str, answer: &T) -> Result<(), StateError> {
        if self.0.config.keep_conversations_h == 0 {
            return Ok(());
        }
        let Some(seal) = &self.0.seal else {
            if let Ok(bytes) = serde_json::to_vec(answer) {
                self.0
                    .memory
                    .answers
                    .insert(id.to_owned(), (self.now(), bytes.into()));
            }
            return Ok(());
        };
        let sealed = seal.close("answer", id, answer);
        let id = id.to_owned();
        self.work(move |c, now| {
            c.execute(
                "INSERT OR REPLACE INTO answer (id, at, sealed) VALUES (?1, ?2, ?3)",
                params![id, now, sealed],
            )
            .map(|_| ())
        })
        .await
    }

    /// An answer that is still kept.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn kept_answer<T: DeserializeOwned>(
        &self,
        id: &str,
    ) -> Result<Option<T>, StateError> {
        let keep = i64::from(self.0.config.keep_conversations_h) * HOUR;
        let Some(seal) = &self.0.seal else {
            let since = self.now() - keep;
            let kept = self.0.memory.answers.get(id).filter(|(at, _)| *at >= since);
            return Ok(kept.and_then(|(_, bytes)| serde_json::from_slice(&bytes).ok()));
        };
        let key = id.to_owned();
        let sealed: Option<Vec<u8>> = self
            .work(move |c, now| {
                c.prepare_cached("SELECT sealed FROM answer WHERE id = ?1 AND at >= ?2")?
                    .query_row(params![key, now - keep], |r| r.get(0))
                    .optional()
            })
            .await?;
        Ok(sealed.and_then(|sealed| seal.open("answer", id, &sealed)))
    }
}
