//! The vector store: one small trait, two engines.
//!
//! [`edge::EdgeStore`] runs Qdrant inside the process; [`server::ServerStore`] talks to a Qdrant cluster. A
//! search asks for the nearest passages by meaning and by words in one request and returns the union with
//! both scores: fusing is done in `retrieve`, because a calibrated threshold needs the scores themselves and
//! rank fusion throws them away. `tests/tests/store.rs` runs one conformance suite against both engines.

pub mod edge;
pub mod server;

use std::collections::HashSet;

use async_trait::async_trait;
use chrono::{Datelike, NaiveDate};

use crate::code::System;
use crate::lexical::Sparse;

/// Names of the vectors and payload fields in either engine.
pub(crate) const DENSE: &str = "dense";
pub(crate) const SPARSE: &str = "bm25";

/// What a point says about its passage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// A digest entry's id, or the code at the head of a concept.
    pub key: String,
    /// The code system that the passage belongs to; none for a rule.
    pub system: Option<System>,
    /// Identifier of the edition, as the index names it.
    pub edition: String,
    /// First date of service on which the edition holds.
    pub from: NaiveDate,
    /// Last date on which it holds.
    pub through: Option<NaiveDate>,
    /// The text that was indexed by words. Official or ours, never a person's.
    pub text: String,
}

/// A passage with its vectors.
#[derive(Debug, Clone)]
pub struct Point {
    /// Derived from what is indexed, so that the same passage has the same number everywhere.
    pub id: u64,
    /// What is known about it.
    pub passage: Passage,
    /// Its words.
    pub sparse: Sparse,
    /// Its meaning, once embedded.
    pub dense: Option<Vec<f32>>,
}

/// Which passages a search may return; an empty list allows all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// Only passages of these systems. Rules have none: `Some(vec![])` allows rules alone.
    pub systems: Option<Vec<System>>,
    /// Only these editions.
    pub editions: Vec<String>,
    /// Only editions in force on this date.
    pub on: Option<NaiveDate>,
}

/// A search. At least one of the vectors is given.
#[derive(Debug, Clone)]
pub struct Query {
    /// The question's meaning; absent while no model is loaded.
    pub dense: Option<Vec<f32>>,
    /// The question's words.
    pub sparse: Sparse,
    /// Which passages may be returned.
    pub filter: Filter,
    /// How many to fetch by meaning and how many by words.
    pub limit: usize,
}

/// A passage found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The point.
    pub id: u64,
    /// What is known about it.
    pub passage: Passage,
    /// Cosine similarity, where it was among the nearest by meaning.
    pub dense: Option<f32>,
    /// BM25 score, where it was among the best by words.
    pub sparse: Option<f32>,
}

/// A failure of the vector store, for the operator. It never holds a question.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the embedded store open.
    #[error(
        "the index in {0} is open in another casebook process; stop it, name another data folder with --data, \
         or configure a Qdrant server (store.kind = \"qdrant\")"
    )]
    Locked(String),
    /// The embedded engine failed.
    #[error("vector index in {path}: {message}")]
    Edge {
        /// The folder.
        path: String,
        /// What the engine said.
        message: String,
    },
    /// The server failed or is not reachable.
    #[error(
        "Qdrant at {url}: {message}; check that it runs and that store.url and store.api_key are right"
    )]
    Server {
        /// The configured address.
        url: String,
        /// What the client said.
        message: String,
    },
}

/// What Casebook needs of a vector engine. Writers are few (the index builder); readers are many.
#[async_trait]
pub trait Store: Send + Sync {
    /// Where the points are kept, for messages and for remembering what was written there.
    fn name(&self) -> String;

    /// How many points there are.
    async fn count(&self) -> Result<usize, StoreError>;

    /// Inserts points or replaces those of the same id.
    async fn upsert(&self, points: Vec<Point>) -> Result<(), StoreError>;

    /// Adds the meaning to points that are there already.
    async fn set_dense(&self, vectors: Vec<(u64, Vec<f32>)>) -> Result<(), StoreError>;

    /// Removes points; unknown ids are ignored.
    async fn delete(&self, ids: &[u64]) -> Result<(), StoreError>;

    /// The ids of all points, or only of those that have their meaning.
    async fn ids(&self, with_dense: bool) -> Result<HashSet<u64>, StoreError>;

    /// The best passages by meaning and by words.
    async fn search(&self, query: &Query) -> Result<Vec<Found>, StoreError>;

    /// Makes everything written so far survive a crash.
    async fn flush(&self) -> Result<(), StoreError>;

    /// Builds whatever makes searching a complete index quick. May take seconds.
    async fn optimize(&self) -> Result<(), StoreError>;
}

/// Dates are stored as days so that both engines compare them as integers.
pub(crate) fn day(date: NaiveDate) -> i64 {
    i64::from(date.num_days_from_ce())
}

pub(crate) fn from_day(day: i64) -> NaiveDate {
    i32::try_from(day)
        .ok()
        .and_then(NaiveDate::from_num_days_from_ce_opt)
        .unwrap_or_default()
}

/// The last day, for an edition without an announced end.
pub(crate) const OPEN_END: i64 = 9_999_999;

impl Passage {
    pub(crate) fn payload(&self) -> serde_json::Value {
        serde_json::json!({
            "key": self.key,
            "system": self.system.map_or("rule", System::as_str),
            "edition": self.edition,
            "from": day(self.from),
            "through": self.through.map_or(OPEN_END, day),
            "text": self.text,
        })
    }

    /// From the fields of a payload; `text` and `number` read one field.
    pub(crate) fn read(
        text: impl Fn(&str) -> Option<String>,
        number: impl Fn(&str) -> Option<i64>,
    ) -> Self {
        let field = |name| text(name).unwrap_or_default();
        Self {
            key: field("key"),
            system: field("system").parse().ok(),
            edition: field("edition"),
            from: from_day(number("from").unwrap_or_default()),
            through: number("through").filter(|&d| d < OPEN_END).map(from_day),
            text: field("text"),
        }
    }
}

impl Filter {
    /// The values of the payload's `system` field that are allowed, if not all.
    pub(crate) fn system_values(&self) -> Option<Vec<String>> {
        self.systems.as_ref().map(|systems| {
            if systems.is_empty() {
                vec!["rule".to_owned()]
            } else {
                systems.iter().map(|s| s.as_str().to_owned()).collect()
            }
        })
    }
}

/// The union of two result lists, in no particular order.
pub(crate) fn union(
    dense: impl IntoIterator<Item = (u64, f32, Passage)>,
    sparse: impl IntoIterator<Item = (u64, f32, Passage)>,
) -> Vec<Found> {
    let mut found: Vec<Found> = dense
        .into_iter()
        .map(|(id, score, passage)| Found {
            id,
            passage,
            dense: Some(score),
            sparse: None,
        })
        .collect();
    for (id, score, passage) in sparse {
        match found.iter_mut().find(|f| f.id == id) {
            Some(f) => f.sparse = Some(score),
            None => found.push(Found {
                id,
                passage,
                dense: None,
                sparse: Some(score),
            }),
        }
    }
    found
}
