//! What is indexed, and how it gets into the store.
//!
//! Two passes. The first writes every passage with its words: seconds, after which questions are answered by
//! exact codes and BM25. The second adds the meaning in batches: minutes on two cores. Both compare what
//! should be there with what is, by ids that are derived from the content, so a killed build resumes, a
//! changed passage is replaced, and a complete index is left alone.

use std::collections::HashSet;
use std::sync::Arc;

use casebook_embeddings::Embedder;
use casebook_releases::Kind;
use chrono::NaiveDate;
use sha2::{Digest as _, Sha256};

use crate::Error;
use crate::catalog::{Catalog, Edition};
use crate::code::System;
use crate::concept::{Concept, concepts};
use crate::digest::{Digest, Entry};
use crate::lexical::{Lexical, Sparse};
use crate::shelf::Shelf;
use crate::store::{Passage, Point, Store};
use crate::{official, outside};

/// Raise it when the way in which passages are made changes without their text changing.
const RULES: u32 = 4;

/// Passages for each write. A batch of meanings takes a few seconds, which is what a kill can lose.
const WORDS_BATCH: usize = 2_000;
const MEANING_BATCH: usize = 512;

/// The edition name of the digest's passages in the store.
pub const DIGEST: &str = "digest";

/// The edition name, in the store, of questions: those that the digest's entries answer, and those that nothing here does.
/// Their words are not indexed, so that they do not change what a word of official text weighs.
pub const ASKED: &str = "asked";

/// How far a build is, for progress bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Passages written by words.
    Words {
        /// Written so far.
        done: usize,
        /// All that must be.
        total: usize,
    },
    /// Passages embedded.
    Meaning {
        /// Embedded so far.
        done: usize,
        /// All that must be.
        total: usize,
    },
    /// The engine is ordering what it has.
    Ordering,
}

/// A passage to be indexed.
#[derive(Debug, Clone)]
pub struct Item {
    /// Derived from everything else here.
    pub id: u64,
    /// As the store keeps it; its text is what is searched by words.
    pub passage: Passage,
    /// What is embedded; none where a passage is found by its words alone.
    pub meaning: Option<String>,
}

/// The name of an edition in the store: its system and the beginning of its file's hash.
pub fn edition_key(edition: &Edition) -> String {
    format!(
        "{}-{}",
        edition.kind.as_str(),
        &edition.sha256[..edition.sha256.len().min(12)]
    )
}

/// Everything that should be in the index: the digest first, because it answers most questions in words.
///
/// Of a code set's editions only the newest gets its meanings, which cost minutes; older ones, asked for a past date
/// of service, are found by words.
///
/// # Errors
/// The catalog's.
pub fn items(digest: &Digest, catalog: &Catalog) -> Result<Vec<Item>, Error> {
    let mut items: Vec<Item> = digest
        .entries()
        .iter()
        .map(|e| digest_item(digest, e))
        .collect();
    items.extend(asked_items(digest));
    let shelf = Shelf::new(catalog.editions()?);
    let newest = shelf.codes(System::Icd10cm, NaiveDate::MAX).map(|e| e.id);
    for edition in shelf.editions() {
        match edition.kind {
            Kind::Icd10cmTabular | Kind::Icd10cmOrder | Kind::Icd10cmCodes => {
                // The order file lists codes whose list with notes is there for the same time.
                let listed = shelf.codes(System::Icd10cm, edition.effective);
                if listed.is_some_and(|e| e.id == edition.id) {
                    let printed = catalog.printed(edition.id)?;
                    let embedded = newest == Some(edition.id);
                    let made = concepts(&printed).into_iter();
                    items.extend(made.map(|c| concept_item(edition, c, embedded)));
                }
            }
            Kind::Hcpcs => {
                let embedded = shelf
                    .on(edition.kind, NaiveDate::MAX)
                    .is_some_and(|e| e.id == edition.id);
                for (entry, _) in catalog.printed(edition.id)? {
                    items.push(titled_item(
                        edition,
                        System::Hcpcs,
                        &entry.key,
                        &entry.title,
                        embedded,
                    ));
                }
                for row in catalog.hcpcs_modifiers(edition.id)? {
                    items.push(titled_item(
                        edition,
                        System::Modifier,
                        &row.code,
                        &row.long,
                        embedded,
                    ));
                }
            }
            // 79,000 titles made of the same few hundred words: their words find them, a vector would not.
            Kind::Icd10pcsOrder | Kind::Icd9cmCodes => {
                let system = edition.kind.system().unwrap_or(System::Icd10pcs);
                for (entry, _) in catalog
                    .printed(edition.id)?
                    .iter()
                    .filter(|(e, _)| e.billable)
                {
                    items.push(titled_item(
                        edition,
                        system,
                        &entry.key,
                        &entry.title,
                        false,
                    ));
                }
            }
            kind if official::KINDS.contains(&kind) => {
                passage_items(catalog, edition, &mut items)?;
                if matches!(kind, Kind::Ncd | Kind::Lcd | Kind::Article) {
                    coverage_items(catalog, edition, &mut items)?;
                }
            }
            _ => {}
        }
    }
    Ok(items)
}

/// A code with its official title.
fn titled_item(edition: &Edition, system: System, code: &str, title: &str, embedded: bool) -> Item {
    let passage = Passage {
        key: code.to_owned(),
        system: Some(system),
        edition: edition_key(edition),
        from: edition.effective,
        through: edition.through,
        text: format!("{title}; {code}"),
    };
    Item {
        id: id(&passage, title),
        passage,
        meaning: embedded.then(|| title.to_owned()),
    }
}

/// The titles of coverage documents, by which people ask for one.
fn coverage_items(
    catalog: &Catalog,
    edition: &Edition,
    items: &mut Vec<Item>,
) -> Result<(), Error> {
    for coverage in catalog.coverage_titles(edition.id)? {
        let d = &coverage.document;
        let passage = Passage {
            key: official::document_key(d),
            system: None,
            edition: edition_key(edition),
            from: d.effective.unwrap_or(edition.effective),
            through: d.end,
            text: format!(
                "{} {}; {}",
                official::coverage_label(d.version.kind),
                d.title,
                d.display
            ),
        };
        items.push(Item {
            id: id(&passage, &d.title),
            passage,
            meaning: Some(d.title.clone()),
        });
    }
    Ok(())
}

/// Passages read from the catalog at once.
const PASSAGES: usize = 1_000;

/// The passages of a document, each under its heading: what a section is about often stands only there.
fn passage_items(catalog: &Catalog, edition: &Edition, items: &mut Vec<Item>) -> Result<(), Error> {
    let mut next = 0;
    loop {
        let read = catalog.passages_from(edition.id, next, PASSAGES)?;
        let Some(last) = read.last() else {
            return Ok(());
        };
        next = last.ord + 1;
        for stored in read {
            let text = format!("{}. {}", stored.passage.heading, stored.passage.text);
            let passage = Passage {
                key: official::key(edition.id, stored.ord),
                system: None,
                edition: edition_key(edition),
                from: edition.effective,
                through: edition.through,
                text: text.clone(),
            };
            items.push(Item {
                id: id(&passage, &text),
                passage,
                meaning: Some(text),
            });
        }
    }
}

/// Whether an edition of a kind is found by words or meaning. Tables of edits and fees are looked up, never searched.
fn is_indexed(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Icd10cmTabular
            | Kind::Icd10cmOrder
            | Kind::Icd10cmCodes
            | Kind::Hcpcs
            | Kind::Icd10pcsOrder
            | Kind::Icd9cmCodes
    ) || official::KINDS.contains(&kind)
}

/// A number that changes when anything that is indexed changes, without making the items.
///
/// # Errors
/// The catalog's.
pub fn fingerprint(digest: &Digest, catalog: &Catalog, model: &str) -> Result<String, Error> {
    let mut parts = vec![RULES.to_string(), model.to_owned()];
    parts.extend(
        digest
            .entries()
            .iter()
            .map(|e| digest_item(digest, e).id.to_string()),
    );
    parts.extend(asked_items(digest).map(|item| item.id.to_string()));
    let editions = catalog
        .editions()?
        .into_iter()
        .filter(|e| is_indexed(e.kind));
    parts.extend(editions.map(|e| format!("{} {}", e.id, e.sha256)));
    Ok(format!("{:016x}", number(&parts)))
}

/// An entry of the digest as it is stored.
pub(crate) fn digest_passage(digest: &Digest, entry: &Entry) -> Passage {
    let source = &digest.sources()[&entry.source];
    let mut text = digest_text(entry, usize::MAX);
    for code in entry.code.iter().chain(&entry.codes) {
        text.push(' ');
        text.push_str(code);
    }
    Passage {
        key: entry.id.clone(),
        system: entry.system(),
        edition: DIGEST.to_owned(),
        from: source.effective,
        through: source.through,
        text,
    }
}

/// Questions in an entry's own vector: more would blur it and leave no room for its text.
const BLENDED: usize = 3;

/// Title, questions (at most `asks`) and text.
fn digest_text(entry: &Entry, asks: usize) -> String {
    std::iter::once(entry.title.as_str())
        .chain(entry.ask.iter().take(asks).map(String::as_str))
        .chain([entry.text.as_str()])
        .collect::<Vec<_>>()
        .join(". ")
}

fn digest_item(digest: &Digest, entry: &Entry) -> Item {
    let passage = digest_passage(digest, entry);
    let meaning = digest_text(entry, BLENDED);
    Item {
        id: id(&passage, &meaning),
        passage,
        meaning: Some(meaning),
    }
}

/// The questions that entries answer, one passage each under the entry's id: a question is more like a question than like
/// the text that answers it. And questions that nothing here answers, under their kind.
fn asked_items(digest: &Digest) -> impl Iterator<Item = Item> + '_ {
    let answered = digest
        .entries()
        .iter()
        .flat_map(|e| e.ask.iter().map(|asked| (e.id.clone(), asked.as_str())));
    let outside = outside::questions().map(|(kind, asked)| (kind.key().to_owned(), asked));
    answered.chain(outside).map(|(key, asked)| {
        let passage = Passage {
            key,
            system: None,
            edition: ASKED.to_owned(),
            from: NaiveDate::default(),
            through: None,
            text: asked.to_owned(),
        };
        Item {
            id: id(&passage, asked),
            passage,
            meaning: Some(asked.to_owned()),
        }
    })
}

fn concept_item(edition: &Edition, concept: Concept, embedded: bool) -> Item {
    let passage = Passage {
        key: concept.key,
        system: edition.kind.system(),
        edition: edition_key(edition),
        from: edition.effective,
        through: edition.through,
        text: concept.words,
    };
    Item {
        id: id(&passage, &concept.meaning),
        passage,
        meaning: embedded.then_some(concept.meaning),
    }
}

fn id(passage: &Passage, meaning: &str) -> u64 {
    number(&[
        RULES.to_string(),
        passage.key.clone(),
        passage.edition.clone(),
        passage.from.to_string(),
        format!("{:?}", passage.through),
        passage.text.clone(),
        meaning.to_owned(),
    ])
}

/// The same number on every machine and for every build, for texts that are the same.
fn number(parts: &[String]) -> u64 {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let hash = hasher.finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&hash[..8]);
    u64::from_le_bytes(first)
}

/// First pass: every passage with its words; what should no longer be there is removed.
///
/// # Errors
/// The store's. What was written stays, and the next call goes on from there.
pub async fn write_words(
    store: &dyn Store,
    lexical: &Lexical,
    items: &[Item],
    progress: &(dyn Fn(Step) + Sync),
) -> Result<(), Error> {
    let present = store.ids(false).await?;
    let wanted: HashSet<u64> = items.iter().map(|i| i.id).collect();
    let gone: Vec<u64> = present.difference(&wanted).copied().collect();
    if !gone.is_empty() {
        store.delete(&gone).await?;
    }
    let missing: Vec<&Item> = items.iter().filter(|i| !present.contains(&i.id)).collect();
    let mut done = items.len() - missing.len();
    for batch in missing.chunks(WORDS_BATCH) {
        let points = batch
            .iter()
            .map(|i| Point {
                id: i.id,
                passage: i.passage.clone(),
                sparse: match i.passage.edition.as_str() {
                    ASKED => Sparse::default(),
                    _ => lexical.passage(&i.passage.text),
                },
                dense: None,
            })
            .collect();
        store.upsert(points).await?;
        done += batch.len();
        progress(Step::Words {
            done,
            total: items.len(),
        });
    }
    if !missing.is_empty() || !gone.is_empty() {
        store.flush().await?;
    }
    Ok(())
}

/// Second pass: the meaning of every passage that lacks it. Dropping the future between batches is safe.
///
/// # Errors
/// The model's or the store's. What was written stays, and the next call goes on from there.
pub async fn write_meaning(
    store: &dyn Store,
    embedder: &Arc<Embedder>,
    items: &[Item],
    progress: &(dyn Fn(Step) + Sync),
) -> Result<(), Error> {
    let present = store.ids(true).await?;
    let embedded: Vec<&Item> = items.iter().filter(|i| i.meaning.is_some()).collect();
    let missing: Vec<&&Item> = embedded
        .iter()
        .filter(|i| !present.contains(&i.id))
        .collect();
    let mut done = embedded.len() - missing.len();
    for batch in missing.chunks(MEANING_BATCH) {
        let texts: Vec<String> = batch.iter().filter_map(|i| i.meaning.clone()).collect();
        let embedder = embedder.clone();
        let vectors = tokio::task::spawn_blocking(move || embedder.embed(&texts, &|_| ()))
            .await
            .map_err(|e| Error::Stopped(e.to_string()))??;
        store
            .set_dense(batch.iter().map(|i| i.id).zip(vectors).collect())
            .await?;
        store.flush().await?;
        done += batch.len();
        progress(Step::Meaning {
            done,
            total: embedded.len(),
        });
    }
    if !missing.is_empty() {
        progress(Step::Ordering);
        store.optimize().await?;
    }
    Ok(())
}
