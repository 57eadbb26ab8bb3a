//! How much is asked, and what could not be answered.

use rusqlite::params;
use serde::Serialize;

use crate::{DAY, State, StateError};

/// Characters of a gap's text that are kept.
const LONGEST: usize = 300;

/// A question that the loaded sources do not answer.
#[derive(Clone)]
pub struct Gap {
    /// Where it was asked.
    pub platform: String,
    /// By which command.
    pub intent: String,
    /// What about a code was asked, where that was understood.
    pub topic: String,
    /// The shapes of the codes in it, such as `99999` or `A99.9`.
    pub shapes: Vec<String>,
    /// Its words: kept only where [`crate::Config::keep_gap_text`] says so and nobody could be recognised by them.
    pub text: String,
}

/// Does not print the text.
impl std::fmt::Debug for Gap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gap")
            .field("intent", &self.intent)
            .field("topic", &self.topic)
            .field("shapes", &self.shapes)
            .finish_non_exhaustive()
    }
}

/// Gaps of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GapCount {
    /// By which command.
    pub intent: String,
    /// What about a code was asked.
    pub topic: String,
    /// Shapes of the codes in it.
    pub shapes: String,
    /// How many.
    pub n: u64,
    /// The words of the latest ones, where they are kept, at most 5.
    pub texts: Vec<String>,
}

/// How often something happened on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UsageCount {
    /// Days since 1970-01-01 (UTC).
    pub day: i64,
    /// Where.
    pub platform: String,
    /// By which command.
    pub intent: String,
    /// With which outcome.
    pub verdict: String,
    /// How often.
    pub n: u64,
}

/// Whether somebody could be recognised by a text: by any identifier at all, not only those that call for a warning.
pub(crate) fn recognisable(text: &str) -> bool {
    !casebook_note::identifiers(text).is_empty()
}

/// Whether a text tells of a certain person. A date of service alone does not.
pub(crate) fn tells_of_a_patient(text: &str) -> bool {
    casebook_note::identifiers(text)
        .iter()
        .any(casebook_note::Identifier::is_patient_data)
}

impl State {
    /// Counts one outcome.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn count(
        &self,
        platform: &str,
        intent: &str,
        verdict: &str,
    ) -> Result<(), StateError> {
        let row = (platform.to_owned(), intent.to_owned(), verdict.to_owned());
        self.work(move |c, now| {
            c.prepare_cached(
                "INSERT INTO usage (day, platform, intent, verdict, n) VALUES (?1, ?2, ?3, ?4, 1)
                 ON CONFLICT DO UPDATE SET n = n + 1",
            )?
            .execute(params![now / DAY, row.0, row.1, row.2])
            .map(|_| ())
        })
        .await
    }

    /// The counts of the last `days` days, the latest day first.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn usage(&self, days: u32) -> Result<Vec<UsageCount>, StateError> {
        self.work(move |c, now| {
            c.prepare_cached(
                "SELECT day, platform, intent, verdict, n FROM usage WHERE day > ?1
                 ORDER BY day DESC, platform, intent, verdict",
            )?
            .query_map([now / DAY - i64::from(days)], |r| {
                Ok(UsageCount {
                    day: r.get(0)?,
                    platform: r.get(1)?,
                    intent: r.get(2)?,
                    verdict: r.get(3)?,
                    n: r.get::<_, i64>(4)?.unsigned_abs(),
                })
            })?
            .collect()
        })
        .await
    }

    /// Records a gap.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn record_gap(&self, gap: Gap) -> Result<(), StateError> {
        let keep = self.0.config.keep_gap_text && !recognisable(&gap.text);
        let text = keep.then(|| gap.text.chars().take(LONGEST).collect::<String>());
        self.work(move |c, now| {
            c.execute(
                "INSERT INTO gap (at, platform, intent, topic, shapes, text) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![now, gap.platform, gap.intent, gap.topic, gap.shapes.join(" "), text],
            )
            .map(|_| ())
        })
        .await
    }

    /// The gaps of the last `days` days by kind, the most frequent first.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn gaps(&self, days: u32) -> Result<Vec<GapCount>, StateError> {
        self.work(move |c, now| {
            let since = now - i64::from(days) * DAY;
            let mut gaps = c
                .prepare(
                    "SELECT intent, topic, shapes, count(*) FROM gap WHERE at >= ?1
                     GROUP BY intent, topic, shapes ORDER BY count(*) DESC, intent, topic, shapes",
                )?
                .query_map([since], |r| {
                    Ok(GapCount {
                        intent: r.get(0)?,
                        topic: r.get(1)?,
                        shapes: r.get(2)?,
                        n: r.get::<_, i64>(3)?.unsigned_abs(),
                        texts: Vec::new(),
                    })
                })?
                .collect::<rusqlite::Result<Vec<_>>>()?;
            let mut texts = c.prepare(
                "SELECT text FROM gap WHERE at >= ?1 AND intent = ?2 AND topic = ?3 AND shapes = ?4
                     AND text IS NOT NULL ORDER BY id DESC LIMIT 5",
            )?;
            for gap in &mut gaps {
                gap.texts = texts
                    .query_map(params![since, gap.intent, gap.topic, gap.shapes], |r| {
                        r.get(0)
                    })?
                    .collect::<rusqlite::Result<_>>()?;
            }
            Ok(gaps)
        })
        .await
    }
}
