//! From a question's words to passages, best first.
//!
//! The store returns the nearest passages by meaning and by words, with both scores. They are fused here,
//! with two signals that neither engine gives: how much of the question the passage covers, for a word that
//! stands nowhere in a passage is the surest sign that it answers something else; and how like the question the
//! passage's likest name is, for "low back pain" should find the code of that name before its neighbours.

use std::collections::HashSet;
use std::sync::Arc;

use casebook_embeddings::Embedder;

use crate::Error;
use crate::catalog::{Catalog, Edition, Entry};
use crate::code::System;
use crate::lexical::Lexical;
use crate::store::{Filter, Found, Passage, Query, Store};

/// Fetched by meaning and by words, each.
const FETCH: usize = 40;

/// Weights of the signals, fitted on `tests/calibration/` (see its README).
const MEANING: f32 = 0.50;
const WORDS: f32 = 0.10;
const COVERAGE: f32 = 0.20;
const LIKENESS: f32 = 0.20;

/// How much the likeness of the variant counts beside the concept's own score.
const VARIANT: f32 = 0.15;

/// A passage with its scores.
#[derive(Debug, Clone)]
pub struct Hit {
    /// The passage.
    pub passage: Passage,
    /// Cosine similarity with the question; absent while no model is loaded or the passage has no meaning yet.
    pub meaning: Option<f32>,
    /// Share of the question's stems that stand in the passage, 0 to 1.
    pub coverage: f32,
    /// Likeness (Dice) of the question to the likest of the passage's names, 0 to 1.
    pub likeness: f32,
    /// Fused, 0 to 1.
    pub score: f32,
}

/// What a search needs.
pub struct Retriever {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) embedder: Option<Arc<Embedder>>,
    pub(crate) lexical: Lexical,
}

impl Retriever {
    /// The question as a vector, where a model is loaded.
    ///
    /// # Errors
    /// The model's.
    pub async fn embed(&self, text: &str) -> Result<Option<Vec<f32>>, Error> {
        let Some(embedder) = self.embedder.clone() else {
            return Ok(None);
        };
        let text = text.to_owned();
        let vector = tokio::task::spawn_blocking(move || embedder.embed_one(&text))
            .await
            .map_err(|e| Error::Stopped(e.to_string()))??;
        Ok(Some(vector))
    }

    /// The best passages for a question among those that a filter allows, best first.
    ///
    /// # Errors
    /// The store's.
    pub async fn search(
        &self,
        text: &str,
        dense: Option<Vec<f32>>,
        filter: Filter,
        limit: usize,
    ) -> Result<Vec<Hit>, Error> {
        let query = Query {
            dense,
            sparse: self.lexical.question(text),
            filter,
            limit: FETCH.max(limit * 2),
        };
        let found = self.store.search(&query).await?;
        let mut hits = self.fuse(text, found);
        hits.truncate(limit);
        Ok(hits)
    }

    fn fuse(&self, text: &str, found: Vec<Found>) -> Vec<Hit> {
        let stems = self.lexical.stems(text);
        let best_words = found
            .iter()
            .filter_map(|f| f.sparse)
            .fold(f32::EPSILON, f32::max);
        // A passage found by words alone is no nearer by meaning than the last one found by meaning.
        let floor = found
            .iter()
            .filter_map(|f| f.dense)
            .fold(f32::INFINITY, f32::min);
        let mut hits: Vec<Hit> = found
            .into_iter()
            .map(|f| {
                let (coverage, likeness) = self.compare(&stems, &f.passage.text);
                let words = f.sparse.unwrap_or_default() / best_words;
                let lexical = WORDS * words + COVERAGE * coverage + LIKENESS * likeness;
                let score = if floor.is_finite() {
                    MEANING * f.dense.unwrap_or(floor - 0.05) + lexical
                } else {
                    lexical / (WORDS + COVERAGE + LIKENESS)
                };
                Hit {
                    passage: f.passage,
                    meaning: f.dense,
                    coverage,
                    likeness,
                    score,
                }
            })
            .collect();
        hits.sort_by(|a, b| {
            b.score
                .total_cmp(&a.score)
                .then_with(|| a.passage.key.cmp(&b.passage.key))
        });
        hits
    }

    /// Coverage of the question by the whole passage, and likeness (Dice) to its likest name or sentence.
    fn compare(&self, stems: &HashSet<u32>, passage: &str) -> (f32, f32) {
        if stems.is_empty() {
            return (0.0, 0.0);
        }
        let mut covered = HashSet::new();
        let mut likeness = 0.0f32;
        for name in passage.split(['.', ';', '?']).filter(|n| n.len() > 2) {
            let have = self.telling_stems(name);
            let shared: Vec<u32> = stems.intersection(&have).copied().collect();
            likeness = likeness.max(2.0 * shared.len() as f32 / (stems.len() + have.len()) as f32);
            covered.extend(shared);
        }
        (covered.len() as f32 / stems.len() as f32, likeness)
    }

    /// The best billable codes for a condition in words, each once, best first. A hit is a concept; the code is
    /// the variant of it that the words fit.
    ///
    /// # Errors
    /// The store's or the catalog's.
    pub async fn codes(
        &self,
        catalog: &Catalog,
        edition: &Edition,
        text: &str,
        dense: Option<Vec<f32>>,
        limit: usize,
    ) -> Result<Vec<(Entry, Hit)>, Error> {
        let stems = self.lexical.stems(text);
        let mut codes = Vec::new();
        for mut hit in self
            .search(text, dense, concepts_of(edition), limit * 2)
            .await?
        {
            if let Some((code, likeness)) =
                self.variant(catalog, edition, &hit.passage.key, &stems)?
            {
                // The concept's other names are those of the code at its head.
                let likeness = if code.key == hit.passage.key {
                    likeness.max(hit.likeness)
                } else {
                    likeness
                };
                hit.score = (1.0 - VARIANT) * hit.score + VARIANT * likeness;
                codes.push((code, hit));
            }
        }
        codes.sort_by(|a, b| {
            b.1.score
                .total_cmp(&a.1.score)
                .then_with(|| a.0.key.cmp(&b.0.key))
        });
        let mut seen = HashSet::new();
        codes.retain(|(code, _)| seen.insert(code.key.clone()));
        codes.truncate(limit);
        Ok(codes)
    }

    /// The billable code below a concept that fits the question's words best: the side, encounter or site that
    /// they name, or the plainest one where they name none. With its likeness to the question.
    fn variant(
        &self,
        catalog: &Catalog,
        edition: &Edition,
        head: &str,
        stems: &HashSet<u32>,
    ) -> Result<Option<(Entry, f32)>, Error> {
        let mut best: Option<(f32, f32, Entry)> = None;
        for leaf in catalog.billable_below(edition.id, head, 500)? {
            let title = self.telling_stems(&leaf.title);
            let shared = title.intersection(stems).count() as f32;
            let extra = title.difference(stems).count() as f32;
            let lower = leaf.title.to_lowercase();
            let has = |words: &[&str]| words.iter().any(|w| lower.contains(w));
            let mut score = 2.0 * shared - 0.3 * extra;
            if has(&["unspecified", "without complication", "uncomplicated"]) {
                score += 0.6;
            }
            if has(&["other specified"]) || lower.starts_with("other ") {
                score -= 0.6;
            }
            if has(&["initial encounter"]) {
                score += 0.4;
            }
            if best.as_ref().is_none_or(|(s, _, _)| score > *s) {
                let likeness = 2.0 * shared / (stems.len() + title.len()).max(1) as f32;
                best = Some((score, likeness, leaf));
            }
        }
        Ok(best.map(|(_, likeness, leaf)| (leaf, likeness)))
    }

    /// The stems of a title but for those that only say that nothing more is said.
    fn telling_stems(&self, title: &str) -> HashSet<u32> {
        let mut stems = self.lexical.stems(title);
        for silent in self
            .lexical
            .stems("unspecified NOS initial encounter complications")
        {
            stems.remove(&silent);
        }
        stems
    }
}

/// Which concepts are searched for a date of service: those of the edition that holds then.
pub fn concepts_of(edition: &Edition) -> Filter {
    Filter {
        systems: Some(vec![System::Icd10cm]),
        editions: vec![crate::index::edition_key(edition)],
        on: None,
    }
}
