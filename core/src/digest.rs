//! Casebook's digest: rules, modifiers and common-language descriptions that we wrote ourselves, each with
//! the document and section in which a person can check it.
//!
//! The files lie in `core/digest/` and are compiled in, so that an installation always has the digest that
//! its version was tested with. They are checked by `core/tests/digest.rs`.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::answer::{Citation, EditionRef};
use crate::code::System;

/// The files that make up the digest, by name. A test compares the list with the folder.
pub const FILES: &[(&str, &str)] = &[
    ("basics.toml", include_str!("../digest/basics.toml")),
    ("compliance.toml", include_str!("../digest/compliance.toml")),
    ("coverage.toml", include_str!("../digest/coverage.toml")),
    ("crosswalks.toml", include_str!("../digest/crosswalks.toml")),
    (
        "evaluation_management.toml",
        include_str!("../digest/evaluation_management.toml"),
    ),
    (
        "global_surgery.toml",
        include_str!("../digest/global_surgery.toml"),
    ),
    ("hcpcs.toml", include_str!("../digest/hcpcs.toml")),
    (
        "icd10cm_guidelines.toml",
        include_str!("../digest/icd10cm_guidelines.toml"),
    ),
    ("modifiers.toml", include_str!("../digest/modifiers.toml")),
    ("ncci.toml", include_str!("../digest/ncci.toml")),
    (
        "procedures_digestive.toml",
        include_str!("../digest/procedures_digestive.toml"),
    ),
    (
        "procedures_drugs_supplies.toml",
        include_str!("../digest/procedures_drugs_supplies.toml"),
    ),
    (
        "procedures_em.toml",
        include_str!("../digest/procedures_em.toml"),
    ),
    (
        "procedures_ent_chest.toml",
        include_str!("../digest/procedures_ent_chest.toml"),
    ),
    (
        "procedures_eye_anesthesia.toml",
        include_str!("../digest/procedures_eye_anesthesia.toml"),
    ),
    (
        "procedures_hcpcs.toml",
        include_str!("../digest/procedures_hcpcs.toml"),
    ),
    (
        "procedures_heart_vessels.toml",
        include_str!("../digest/procedures_heart_vessels.toml"),
    ),
    (
        "procedures_imaging.toml",
        include_str!("../digest/procedures_imaging.toml"),
    ),
    (
        "procedures_lab.toml",
        include_str!("../digest/procedures_lab.toml"),
    ),
    (
        "procedures_medicine.toml",
        include_str!("../digest/procedures_medicine.toml"),
    ),
    (
        "procedures_orthopedics.toml",
        include_str!("../digest/procedures_orthopedics.toml"),
    ),
    (
        "procedures_pain_spine.toml",
        include_str!("../digest/procedures_pain_spine.toml"),
    ),
    (
        "procedures_skin_breast.toml",
        include_str!("../digest/procedures_skin_breast.toml"),
    ),
    (
        "procedures_therapy.toml",
        include_str!("../digest/procedures_therapy.toml"),
    ),
    (
        "procedures_urology_obgyn.toml",
        include_str!("../digest/procedures_urology_obgyn.toml"),
    ),
];

const SOURCES: &str = include_str!("../digest/sources.toml");

/// What an entry describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A coding or billing rule.
    Rule,
    /// A modifier: what it says and when it is used.
    Modifier,
    /// A procedure or supply code in common language.
    Code,
}

/// Figures of the Medicare physician fee schedule for a code without a modifier, as the file prints them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeeSchedule {
    /// Status code, e.g. `A` active, `N` not covered.
    pub status: String,
    /// Global period: days, or `XXX`, `YYY`, `ZZZ`, `MMM`.
    pub global: String,
    /// Professional and technical component indicator.
    pub pctc: String,
    /// Multiple procedure indicator.
    pub multiple: String,
    /// Bilateral surgery indicator.
    pub bilateral: String,
    /// Assistant at surgery indicator.
    pub assistant: String,
}

/// One fact.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Kebab-case, unique over all files.
    pub id: String,
    /// What the entry describes.
    pub kind: Kind,
    /// Subject area, e.g. `guidelines`.
    pub topic: String,
    /// Headline; for a code our common-language name of the service.
    pub title: String,
    /// The fact, in our words.
    pub text: String,
    /// Key of a [`Source`].
    pub source: String,
    /// Section of the source.
    pub locator: String,
    /// Codes that the entry is about, as they are written.
    #[serde(default)]
    pub codes: Vec<String>,
    /// Ways in which coders ask for it; searched, never shown.
    pub ask: Vec<String>,
    /// The code or modifier described; absent for rules.
    #[serde(default)]
    pub code: Option<String>,
    /// Fee schedule figures, where the schedule has the code.
    #[serde(default)]
    pub fee_schedule: Option<FeeSchedule>,
}

impl Entry {
    /// The code system of a described code: five characters that begin with a letter are HCPCS Level II.
    pub fn system(&self) -> Option<System> {
        let code = self.code.as_deref()?;
        Some(match self.kind {
            Kind::Rule => return None,
            Kind::Modifier => System::Modifier,
            Kind::Code if code.starts_with(|c: char| c.is_ascii_alphabetic()) => System::Hcpcs,
            Kind::Code => System::Cpt,
        })
    }

    /// Whether the entry is about the code itself, its category, or a range that holds it.
    pub fn is_about(&self, code: &str) -> bool {
        let code = plain(code);
        self.code.as_deref() == Some(code.as_str())
            || self.codes.iter().any(|named| holds(named, &code))
    }

    /// How many codes the entry is about, a range counting as many: the fewer, the more it is about each.
    pub fn breadth(&self) -> usize {
        self.codes
            .iter()
            .map(|c| {
                if c.contains('-') && !c.ends_with('-') {
                    20
                } else {
                    1
                }
            })
            .sum()
    }
}

fn plain(code: &str) -> String {
    code.replace('.', "").to_ascii_uppercase()
}

/// Whether `named` (`E11`, `R65.2-`, `T36-T50`, `99202-99215`) is or holds a code given without its dot.
fn holds(named: &str, code: &str) -> bool {
    let named = plain(named);
    let named = named.trim_end_matches('-');
    if let Some((first, last)) = named.split_once('-') {
        return first.len() == last.len()
            && code
                .get(..first.len())
                .is_some_and(|c| (first..=last).contains(&c));
    }
    // Only diagnoses have codes below them: a letter, then fewer than seven characters.
    let diagnosis = |c: &str| c.starts_with(|l: char| l.is_ascii_uppercase()) && c.len() >= 3;
    named == code
        || (diagnosis(named) && diagnosis(code) && !hcpcs(named) && code.starts_with(named))
}

/// The shape of a HCPCS Level II code: a letter and four digits.
fn hcpcs(code: &str) -> bool {
    code.len() == 5 && code.chars().skip(1).all(|c| c.is_ascii_digit())
}

/// An official document that entries digest.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The document's name.
    pub title: String,
    /// Who publishes it.
    pub publisher: String,
    /// The edition that was digested.
    pub edition: String,
    /// First date of service on which that edition holds.
    pub effective: NaiveDate,
    /// Last date, where the publisher has announced one.
    #[serde(default)]
    pub through: Option<NaiveDate>,
    /// Where a person can read it.
    pub url: String,
}

/// A digest file is not as it must be. Names the file; TOML's own message names the line.
#[derive(Debug, thiserror::Error)]
pub enum DigestError {
    /// Not TOML, or a key is missing or unknown.
    #[error("core/digest/{file}: {source}")]
    Toml {
        /// File name.
        file: String,
        /// TOML's message with the line.
        source: Box<toml::de::Error>,
    },
    /// An entry names a source that `sources.toml` lacks.
    #[error(
        "core/digest/{file}: entry {id} names the source {key:?}, which sources.toml does not list"
    )]
    Source {
        /// File name.
        file: String,
        /// The entry.
        id: String,
        /// The missing key.
        key: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    entry: Vec<Entry>,
}

/// All entries and their sources.
#[derive(Debug)]
pub struct Digest {
    sources: BTreeMap<String, Source>,
    entries: Vec<Entry>,
    by_code: HashMap<(System, String), usize>,
    by_id: HashMap<String, usize>,
    sha256: String,
}

impl Digest {
    /// The digest of this version.
    ///
    /// # Errors
    /// Only where a file in the source tree is wrong, which the tests find first.
    pub fn embedded() -> Result<Self, DigestError> {
        Self::parse(SOURCES, FILES)
    }

    /// Parses a sources file and entry files, given as name and text.
    ///
    /// # Errors
    /// The first fault found, with its file.
    pub fn parse(sources: &str, files: &[(&str, &str)]) -> Result<Self, DigestError> {
        let toml = |file: &str| {
            let file = file.to_owned();
            move |e| DigestError::Toml {
                file,
                source: Box::new(e),
            }
        };
        let sources: BTreeMap<String, Source> =
            toml::from_str(sources).map_err(toml("sources.toml"))?;
        let mut entries = Vec::new();
        for (name, text) in files {
            let file: File = toml::from_str(text).map_err(toml(name))?;
            for entry in file.entry {
                if !sources.contains_key(&entry.source) {
                    return Err(DigestError::Source {
                        file: (*name).to_owned(),
                        id: entry.id,
                        key: entry.source,
                    });
                }
                entries.push(entry);
            }
        }
        let by_code = entries
            .iter()
            .enumerate()
            .filter_map(|(i, e)| Some(((e.system()?, e.code.clone()?), i)))
            .collect();
        let by_id = entries
            .iter()
            .enumerate()
            .map(|(i, e)| (e.id.clone(), i))
            .collect();
        let mut hasher = Sha256::new();
        files.iter().for_each(|(_, text)| hasher.update(text));
        let sha256 = hasher
            .finalize()
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        Ok(Self {
            sources,
            entries,
            by_code,
            by_id,
            sha256,
        })
    }

    /// All entries, in file order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// SHA-256 of the entry files, in hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The documents digested, by key.
    pub fn sources(&self) -> &BTreeMap<String, Source> {
        &self.sources
    }

    /// The entry that describes a code or modifier.
    pub fn describing(&self, system: System, code: &str) -> Option<&Entry> {
        self.by_code
            .get(&(system, code.to_ascii_uppercase()))
            .map(|&i| &self.entries[i])
    }

    /// The entry with an id.
    pub fn get(&self, id: &str) -> Option<&Entry> {
        self.by_id.get(id).map(|&i| &self.entries[i])
    }

    /// Rules about a code, those about the fewest codes first.
    pub fn rules_about(&self, code: &str) -> Vec<&Entry> {
        let mut rules: Vec<_> = self
            .entries
            .iter()
            .filter(|e| e.kind == Kind::Rule && e.is_about(code))
            .collect();
        rules.sort_by_key(|e| e.breadth());
        rules
    }

    /// How an answer cites an entry. The number is given by the answer.
    pub fn cite(&self, entry: &Entry, as_of: NaiveDate) -> (Citation, EditionRef) {
        let source = &self.sources[&entry.source];
        // A description of a code is ours alone: the document proves that the code exists, and its figures.
        let name = match entry.kind {
            Kind::Code => format!("Casebook's description of a code in the {}", source.title),
            Kind::Rule | Kind::Modifier => format!("Digest of {}", source.title),
        };
        (
            Citation {
                n: 0,
                source: name,
                locator: entry.locator.clone(),
                edition: source.edition.clone(),
                effective: source.effective,
                quote: entry.text.clone(),
                url: source.url.clone(),
                file: String::new(),
            },
            EditionRef {
                source: source.title.clone(),
                edition: source.edition.clone(),
                effective: source.effective,
                through: source.through,
                in_force: source.effective <= as_of && source.through.is_none_or(|t| as_of <= t),
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::holds;

    #[test]
    fn categories_and_ranges_hold_their_codes() {
        assert!(holds("E11", "E119") && holds("R65.2-", "R6520") && holds("T36-T50", "T360X1A"));
        assert!(holds("99202-99215", "99213") && holds("A41.9", "A419"));
        assert!(!holds("E11", "E109") && !holds("99213", "992131"));
        assert!(!holds("J3301", "J33011"));
    }
}
