//! From a question's words to passages, best first.
//!
//! The store returns the nearest passages by meaning and by words, with both scores. They are fused here,
//! with two signals that neither engine gives: how much of the question the passage covers, for a word that
//! stands nowhere in a passage is the surest sign that it answers something else; and how like the question the
//! passage's likest name is, for "low back pain" should find the code of that name before its neighbours.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use casebook_embeddings::Embedder;

use crate::Error;
use crate::catalog::{Catalog, Edition, Entry};
use crate::code::System;
use crate::digest::Digest;
use crate::index::{ASKED, digest_passage};
use crate::lexical::{Lexical, Sparse};
use crate::names::{Called, NameKind, Names, Wording};
use crate::outside::Outside;
use crate::store::{Filter, Found, Passage, Query, Store};

/// Fetched by meaning and by words, each.
const FETCH: usize = 40;

/// Weights of a passage's signals (see [`Hit::features`]).
const PASSAGE: [f32; 5] = [0.25, 0.45, 0.05, 0.15, 0.10];

/// Questions fetched by meaning: an entry answers several, so that these are fewer entries.
const ASKED_FETCH: usize = 60;
/// A passage that no question was written for resembles one about so much more than its text does.
pub(crate) const UNASKED: f32 = 0.12;

/// Codes that are called by name, for each reading of the question.
const CALLED: usize = 300;
/// A name this like the question proposes its code, whatever else was found.
const LIKELY: f32 = 0.4;

/// Weights of a concept's signals (see [`Signals::features`]), chosen near the best of a grid on the
/// tune halves of `tests/evaluation`, from what `casebook eval --signals` prints.
const WEIGHTS: [f32; 5] = [0.60, 0.04, 0.18, 0.12, 0.06];

/// The score of a code whose title or inclusion term was said to the letter.
const NAMED: f32 = 1.0;

/// How much the likeness of the variant counts beside the concept's own score.
const VARIANT: f32 = 0.15;

/// Concepts that show their second variant, and how far it stands behind the first.
const TWO_VARIANTS: usize = 3;
const NEXT_VARIANT: f32 = 0.04;

/// A passage with its scores.
#[derive(Debug, Clone)]
pub struct Hit {
    /// The passage.
    pub passage: Passage,
    /// Cosine similarity with the question; absent while no model is loaded or the passage has no meaning yet.
    pub meaning: Option<f32>,
    /// Cosine similarity with the likest question that the passage is known to answer.
    pub asked: Option<f32>,
    /// BM25, as a share of the best one's.
    pub words: f32,
    /// Share of the question's stems that stand in the passage, 0 to 1.
    pub coverage: f32,
    /// Likeness (Dice) of the question to the likest of the passage's names, 0 to 1.
    pub likeness: f32,
    /// Fused, 0 to 1.
    pub score: f32,
}

impl Hit {
    /// What the fused score is a weighted sum of, each about 0 to 1; `floor` stands for a meaning that is not known.
    pub fn features(&self, floor: f32) -> [f32; 5] {
        let meaning = self.meaning.unwrap_or(floor);
        let asked = self.asked.unwrap_or(meaning + UNASKED);
        [meaning, asked, self.words, self.coverage, self.likeness]
    }

    /// `least` is the smallest cosine in the list; without one nothing has its meaning yet, and words decide.
    fn fused(&self, least: Option<f32>) -> f32 {
        let skipped = if least.is_some() { 0 } else { 2 };
        let features = self.features(least.unwrap_or_default() - 0.05);
        let weights = &PASSAGE[skipped..];
        let sum: f32 = features[skipped..]
            .iter()
            .zip(weights)
            .map(|(f, w)| f * w)
            .sum();
        sum / weights.iter().sum::<f32>()
    }
}

/// Which known questions a question resembles.
#[derive(Debug, Clone, Default)]
pub struct Resembled {
    /// Digest entries by id, with the cosine similarity of the likest question that each answers.
    pub entries: HashMap<String, f32>,
    /// The kind of the likest question that is not answered, with its cosine similarity.
    pub outside: Option<(Outside, f32)>,
}

impl Resembled {
    /// The likeness of the likest question that is answered.
    pub fn inside(&self) -> f32 {
        self.entries.values().copied().fold(0.0, f32::max)
    }
}

/// What speaks for a concept.
#[derive(Debug, Clone, Default)]
pub struct Signals {
    /// Cosine similarity with the question; absent where the concept was found by words alone.
    pub meaning: Option<f32>,
    /// BM25, as a share of the best one's.
    pub words: f32,
    /// The likest of its names.
    pub called: Option<Called>,
}

impl Signals {
    /// What the fused score is a weighted sum of, each 0 to 1; `floor` stands for a meaning that is not known.
    pub fn features(&self, floor: f32) -> [f32; 5] {
        let called = self.called.as_ref();
        [
            self.meaning.unwrap_or(floor),
            self.words,
            called.map_or(0.0, |c| c.likeness),
            called.map_or(0.0, |c| c.coverage),
            called.map_or(0.0, |c| {
                f32::from(u8::from(c.kind <= NameKind::Index)) * c.likeness
            }),
        ]
    }

    /// `least` is the smallest cosine in the list; without one nothing has its meaning yet, and words decide.
    fn score(&self, least: Option<f32>) -> f32 {
        let features = self.features(least.map_or(0.0, |least| least - 0.02));
        let skipped = usize::from(least.is_none());
        let weights = &WEIGHTS[skipped..];
        let sum: f32 = features[skipped..]
            .iter()
            .zip(weights)
            .map(|(f, w)| f * w)
            .sum();
        sum / weights.iter().sum::<f32>()
    }
}

/// What the scores of one result list are measured by.
struct Scale {
    /// The best BM25 score.
    words: f32,
    /// The smallest cosine: what was found by words alone is no nearer by meaning. `None` where nothing has a meaning yet.
    meaning: Option<f32>,
}

impl Scale {
    fn of(found: &[Found]) -> Self {
        Self {
            words: found
                .iter()
                .filter_map(|f| f.sparse)
                .fold(f32::EPSILON, f32::max),
            meaning: found.iter().filter_map(|f| f.dense).reduce(f32::min),
        }
    }
}

/// A billable code that was found for a condition in words.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// The code.
    pub code: Entry,
    /// Fused, 0 to 1.
    pub score: f32,
    /// How like the code's own title the question is, 0 to 1.
    pub variant: f32,
    /// What speaks for its concept.
    pub signals: Signals,
}

/// How codes are ranked: what is used, and the plain rankings that it is measured against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ranking {
    /// BM25 of the typed words.
    Words,
    /// Cosine similarity of the typed words.
    Meaning,
    /// Both, by reciprocal rank.
    Ranks,
    /// What answers: names, lexicon and fitted weights with both.
    Full,
}

/// What is added to a rank before it is inverted, as rank fusion was published.
const RANK_OFFSET: f32 = 60.0;

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

    /// A question's wordings as one vector: the mean of theirs.
    ///
    /// # Errors
    /// The model's.
    pub async fn embed_wording(&self, asked: &Wording) -> Result<Option<Vec<f32>>, Error> {
        let mut sum: Option<Vec<f32>> = None;
        for text in asked.meanings() {
            let Some(vector) = self.embed(text).await? else {
                return Ok(None);
            };
            sum = Some(match sum {
                None => vector,
                Some(sum) => sum.iter().zip(&vector).map(|(a, b)| a + b).collect(),
            });
        }
        Ok(sum.map(|mut v| {
            let length = v
                .iter()
                .map(|x| x * x)
                .sum::<f32>()
                .sqrt()
                .max(f32::EPSILON);
            v.iter_mut().for_each(|x| *x /= length);
            v
        }))
    }

    /// The questions of the index that a question resembles; none without a model.
    ///
    /// # Errors
    /// The store's.
    pub async fn resembled(&self, dense: Option<&[f32]>) -> Result<Resembled, Error> {
        let mut resembled = Resembled::default();
        let Some(dense) = dense else {
            return Ok(resembled);
        };
        let query = Query {
            dense: Some(dense.to_vec()),
            sparse: Sparse::default(),
            filter: Filter {
                editions: vec![ASKED.to_owned()],
                ..Filter::default()
            },
            limit: ASKED_FETCH,
        };
        for found in self.store.search(&query).await? {
            let near = found.dense.unwrap_or_default();
            match Outside::by_key(&found.passage.key) {
                Some(kind) if resembled.outside.is_none_or(|(_, best)| near > best) => {
                    resembled.outside = Some((kind, near));
                }
                Some(_) => {}
                None => {
                    let known = resembled.entries.entry(found.passage.key).or_insert(near);
                    *known = known.max(near);
                }
            }
        }
        Ok(resembled)
    }

    /// The best passages for a question among those that a filter allows, best first; entries of the digest also by the
    /// questions that they answer.
    ///
    /// # Errors
    /// The store's.
    pub async fn search(
        &self,
        text: &str,
        dense: Option<Vec<f32>>,
        filter: Filter,
        resembled: &Resembled,
        digest: &Digest,
        limit: usize,
    ) -> Result<Vec<Hit>, Error> {
        let allows = |passage: &Passage| {
            (filter.editions.is_empty() || filter.editions.contains(&passage.edition))
                && filter
                    .systems
                    .as_ref()
                    .is_none_or(|allowed| match passage.system {
                        Some(system) => allowed.contains(&system),
                        None => allowed.is_empty(),
                    })
        };
        let by_question: Vec<Passage> = resembled
            .entries
            .keys()
            .filter_map(|id| Some(digest_passage(digest, digest.get(id)?)))
            .filter(allows)
            .collect();
        let query = Query {
            dense,
            sparse: self.lexical.question(text),
            filter,
            limit: FETCH.max(limit * 2),
        };
        let mut found = self.store.search(&query).await?;
        let present: HashSet<String> = found.iter().map(|f| f.passage.key.clone()).collect();
        let missed = by_question
            .into_iter()
            .filter(|p| !present.contains(&p.key));
        found.extend(missed.map(|passage| Found {
            id: 0,
            passage,
            dense: None,
            sparse: None,
        }));
        let mut hits = self.fuse(text, found, resembled);
        hits.truncate(limit);
        Ok(hits)
    }

    fn fuse(&self, text: &str, found: Vec<Found>, resembled: &Resembled) -> Vec<Hit> {
        let stems = self.lexical.stems(text);
        let scale = Scale::of(&found);
        let mut hits: Vec<Hit> = found
            .into_iter()
            .map(|f| {
                let (coverage, likeness) = self.compare(&stems, &f.passage.text);
                let mut hit = Hit {
                    meaning: f.dense,
                    asked: resembled.entries.get(&f.passage.key).copied(),
                    words: f.sparse.unwrap_or_default() / scale.words,
                    coverage,
                    likeness,
                    score: 0.0,
                    passage: f.passage,
                };
                hit.score = hit.fused(scale.meaning);
                hit
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

    /// The best billable codes for a condition in words, each once, best first: what meaning and words find among the
    /// concepts, and what the text calls by name. Of a concept only the variant that the words fit is proposed.
    ///
    /// # Errors
    /// The store's or the catalog's.
    pub async fn codes(
        &self,
        catalog: &Catalog,
        edition: &Edition,
        names: &Names,
        asked: &Wording,
        dense: Option<Vec<f32>>,
        limit: usize,
    ) -> Result<Vec<Proposal>, Error> {
        let query = Query {
            dense,
            sparse: self.lexical.question(asked.official()),
            filter: concepts_of(edition),
            limit: FETCH.max(limit * 2),
        };
        let found = self.store.search(&query).await?;
        let scale = Scale::of(&found);
        let mut concepts: HashMap<String, Signals> = HashMap::new();
        for f in found {
            let signals = concepts.entry(f.passage.key).or_default();
            signals.meaning = f.dense;
            signals.words = f.sparse.unwrap_or_default() / scale.words;
        }
        let mut called: HashMap<String, Called> = HashMap::new();
        for text in asked.texts() {
            for c in names.called(&names.stems(&self.lexical, text), CALLED) {
                match called.get(&c.head) {
                    Some(known) if !c.says_more_than(known) => {}
                    _ => {
                        called.insert(c.head.clone(), c);
                    }
                }
            }
        }
        for (head, c) in called {
            let strong = c.likeness >= LIKELY;
            if strong || concepts.contains_key(&head) {
                concepts.entry(head).or_default().called = Some(c);
            }
        }
        let mut ranked: Vec<(f32, String, Signals)> = concepts
            .into_iter()
            .map(|(head, signals)| (signals.score(scale.meaning), head, signals))
            .collect();
        let order = |a: &(f32, String, Signals), b: &(f32, String, Signals)| {
            b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1))
        };
        ranked.sort_by(order);
        ranked.truncate(limit * 2);
        // The typed words would choose "unspecified eye" for "pink eye".
        let stems = self.lexical.stems(asked.official());
        let mut proposals: Vec<Proposal> = Vec::new();
        for (score, head, signals) in ranked {
            // The name may be that of one variant: "Diabetes" is what the index calls E11.9.
            let base = match &signals.called {
                Some(c) if c.likeness >= LIKELY => c.code.clone(),
                _ => head,
            };
            // Of the best concepts the next variant, too: the side or stage may be one that the words only hint at.
            let shown = if proposals.len() < TWO_VARIANTS { 2 } else { 1 };
            for (place, (code, likeness)) in self
                .variants(catalog, edition, &base, &stems)?
                .into_iter()
                .take(shown)
                .enumerate()
            {
                let score = (1.0 - VARIANT) * score + VARIANT * likeness;
                proposals.push(Proposal {
                    code,
                    score: score - NEXT_VARIANT * place as f32,
                    variant: likeness,
                    signals: signals.clone(),
                });
            }
        }
        // A text that is a name to the letter is that code, whatever else is like it: its siblings differ by a "with", a
        // "without" or an "other" that stems do not tell apart.
        if let Some(named) = asked.whole().find_map(|text| names.exactly(text)) {
            let variants = self.variants(catalog, edition, &named.code, &stems)?;
            if let Some((code, likeness)) = variants.into_iter().next() {
                let known = proposals.iter().find(|p| p.code.key == code.key);
                let signals = Signals {
                    called: Some(named),
                    ..known.map_or_else(Signals::default, |p| p.signals.clone())
                };
                proposals.push(Proposal {
                    code,
                    score: NAMED,
                    variant: likeness,
                    signals,
                });
            }
        }
        proposals.sort_by(|a, b| {
            b.score
                .total_cmp(&a.score)
                .then_with(|| a.code.key.cmp(&b.code.key))
        });
        let mut seen = HashSet::new();
        proposals.retain(|p| seen.insert(p.code.key.clone()));
        proposals.truncate(limit);
        Ok(proposals)
    }

    /// The codes that words alone, meaning alone or both by rank find among the concepts, best first: what
    /// [`codes`](Self::codes) is measured against.
    ///
    /// # Errors
    /// The store's or the catalog's.
    pub(crate) async fn plainly(
        &self,
        catalog: &Catalog,
        edition: &Edition,
        text: &str,
        dense: Option<Vec<f32>>,
        ranking: Ranking,
        limit: usize,
    ) -> Result<Vec<Entry>, Error> {
        let query = Query {
            dense: dense.filter(|_| ranking != Ranking::Words),
            sparse: match ranking {
                Ranking::Meaning => Sparse::default(),
                _ => self.lexical.question(text),
            },
            filter: concepts_of(edition),
            limit: FETCH.max(limit * 2),
        };
        let found = self.store.search(&query).await?;
        let mut scores: HashMap<&str, f32> = HashMap::new();
        for score in [|f: &Found| f.dense, |f: &Found| f.sparse] {
            let mut list: Vec<(f32, &str)> = found
                .iter()
                .filter_map(|f| Some((score(f)?, f.passage.key.as_str())))
                .collect();
            list.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
            for (rank, (_, head)) in list.into_iter().enumerate() {
                *scores.entry(head).or_default() += 1.0 / (RANK_OFFSET + 1.0 + rank as f32);
            }
        }
        let mut ranked: Vec<(f32, &str)> = scores.into_iter().map(|(head, s)| (s, head)).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
        let stems = self.lexical.stems(text);
        let mut codes = Vec::new();
        for (_, head) in ranked.into_iter().take(limit) {
            let variants = self.variants(catalog, edition, head, &stems)?;
            codes.extend(variants.into_iter().next().map(|(code, _)| code));
        }
        Ok(codes)
    }

    /// The billable codes below a concept, the one first that fits the question's words best: the side, encounter or site
    /// that they name, or the plainest one where they name none. Each with its likeness to the question.
    fn variants(
        &self,
        catalog: &Catalog,
        edition: &Edition,
        head: &str,
        stems: &HashSet<u32>,
    ) -> Result<Vec<(Entry, f32)>, Error> {
        let mut scored: Vec<(f32, f32, Entry)> = Vec::new();
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
            let likeness = 2.0 * shared / (stems.len() + title.len()).max(1) as f32;
            scored.push((score, likeness, leaf));
        }
        // Stable: of equals the first in printed order.
        scored.sort_by(|a, b| b.0.total_cmp(&a.0));
        Ok(scored.into_iter().map(|(_, l, leaf)| (leaf, l)).collect())
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
