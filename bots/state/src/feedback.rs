//! Whether answers helped.

use rusqlite::params;
use serde::Serialize;

use crate::{State, StateError, digest};

/// Characters of a reason that are kept.
const LONGEST: usize = 1_000;

/// What a person says of an answer.
#[derive(Clone)]
pub struct Feedback {
    /// The answer.
    pub answer: String,
    /// Who says it: kept only as a digest with the answer's id, so that a second opinion replaces the first.
    pub person: String,
    /// Where.
    pub platform: String,
    /// By which command it was asked.
    pub intent: String,
    /// How the answer stood to its question.
    pub verdict: String,
    /// Whether it helped.
    pub helpful: bool,
    /// Why. Not kept if a person could be recognised by it.
    pub reason: Option<String>,
}

/// Does not print the reason.
impl std::fmt::Debug for Feedback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feedback")
            .field("answer", &self.answer)
            .field("helpful", &self.helpful)
            .finish_non_exhaustive()
    }
}

/// What people said of the answers of some days.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Opinions {
    /// Answers that helped.
    pub helpful: u64,
    /// Answers that did not.
    pub not_helpful: u64,
    /// Reasons that were given, the latest first, at most 20.
    pub reasons: Vec<String>,
}

impl State {
    /// Keeps an opinion; the same person's second one on an answer replaces the first. Returns whether the reason was
    /// kept, where there is one.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn rate(&self, feedback: Feedback) -> Result<bool, StateError> {
        let reason = feedback
            .reason
            .map(|reason| reason.trim().chars().take(LONGEST).collect::<String>())
            .filter(|reason| !reason.is_empty());
        let kept = reason
            .clone()
            .filter(|reason| !crate::usage::recognisable(reason));
        let whole = kept.is_some() == reason.is_some();
        let person = digest(&[&feedback.answer, &feedback.person]);
        self.work(move |c, now| {
            c.execute(
                "INSERT INTO feedback (answer, person, at, platform, intent, verdict, helpful, reason)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                 ON CONFLICT DO UPDATE SET at = excluded.at, helpful = excluded.helpful, reason = excluded.reason",
                params![
                    feedback.answer,
                    &person[..16],
                    now,
                    feedback.platform,
                    feedback.intent,
                    feedback.verdict,
                    feedback.helpful,
                    kept
                ],
            )
            .map(|_| whole)
        })
        .await
    }

    /// Opinions of the last `days` days.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn opinions(&self, days: u32) -> Result<Opinions, StateError> {
        self.work(move |c, now| {
            let since = now - i64::from(days) * crate::DAY;
            let (helpful, all): (i64, i64) = c.query_row(
                "SELECT coalesce(sum(helpful), 0), count(*) FROM feedback WHERE at >= ?1",
                [since],
                |r| Ok((r.get(0)?, r.get(1)?)),
            )?;
            let reasons = c
                .prepare(
                    "SELECT reason FROM feedback WHERE at >= ?1 AND reason IS NOT NULL ORDER BY at DESC LIMIT 20",
                )?
                .query_map([since], |r| r.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            Ok(Opinions { helpful: helpful.unsigned_abs(), not_helpful: (all - helpful).unsigned_abs(), reasons })
        })
        .await
    }
}
