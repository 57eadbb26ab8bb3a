//! From a case to codes: a pasted note becomes suggested codes, each with the words that support it.
//!
//! `casebook-note` reads the note, and knows no code. Here its phrases meet the names of the code set: [`find`] says
//! which code a phrase calls by name, [`detail`] which variant of it (side, stage, trimester, 7th character) the note
//! supports, [`told`] what numbers, habits and drugs tell, [`typed`] which codes stand in the note, and [`rules`] what
//! the classification and the Official Guidelines say of the codes together. Precision counts: what is not called by
//! name well enough is only to be considered, or not mentioned.
//!
//! The text is read in memory and gone with the answer: no error, no log and no `{:?}` holds a word of it.

mod answer;
mod detail;
mod find;
mod rules;
mod told;
mod typed;

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::ops::Range;

use casebook_note::{Assertion, Note, Phrase, SectionKind};
use chrono::NaiveDate;
use serde::{Serialize, Serializer};

use crate::Error;
use crate::answer::{Citation, EditionRef};
use crate::card::Diagnosis;
use crate::catalog::{Edition, Entry};
use crate::code::{CodeRef, System};
use crate::lookup::Desk;

pub use casebook_note::Encounter;

/// Characters of a note that are read: some twenty pages.
pub const LONGEST: usize = 50_000;

/// Why a note was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// Nothing was pasted.
    Empty,
    /// Longer than [`LONGEST`].
    TooLong,
    /// Control characters: a file, and no text.
    Binary,
    /// No edition of ICD-10-CM is loaded.
    NoCodes,
}

impl Unread {
    /// The sentence for the person who pasted it.
    pub fn sentence(self) -> String {
        match self {
            Self::Empty => "The note is empty. Paste its text after the command.".into(),
            Self::TooLong => format!(
                "The note is longer than {LONGEST} characters, so it was not read. Paste one encounter at a time."
            ),
            Self::Binary => {
                "That is a file rather than text. Save it as plain text (UTF-8) and try again."
                    .into()
            }
            Self::NoCodes => {
                "No edition of ICD-10-CM is loaded, so a case has no codes to lead to.".into()
            }
        }
    }
}

/// Words of the note, with where they stand: in Unicode scalar values from the start of the text.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// The first character.
    pub start: usize,
    /// The character after the last one.
    pub end: usize,
    /// The words, verbatim.
    pub text: String,
}

/// A code with the words that support it.
#[derive(Clone, PartialEq, Serialize)]
pub struct Suggestion {
    /// The code, its title and its status.
    #[serde(flatten)]
    pub code: CodeRef,
    /// The words of the note.
    pub evidence: Vec<Evidence>,
    /// The code's own row first, then what a reason rests on.
    pub citations: Vec<Citation>,
    /// Why it is only to be considered, or what else must be known: one sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Why a finding is no diagnosis of this patient's encounter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// Denied, absent, ruled out.
    Negated,
    /// It was, and is over.
    Historical,
    /// A relative's.
    Family,
    /// "Probable", "suspected" and the like, at an outpatient's visit.
    Uncertain,
}

impl Because {
    /// Its name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Negated => "negated",
            Self::Historical => "historical",
            Self::Family => "family",
            Self::Uncertain => "uncertain",
        }
    }

    /// The section of the Official Guidelines that says so.
    fn guideline(self) -> (&'static str, &'static str) {
        match self {
            Self::Negated => (
                "I.A.19",
                "the provider's statement that the condition exists",
            ),
            Self::Historical => ("IV.J", "conditions previously treated that no longer exist"),
            Self::Family => ("I.C.21.c.4", "family history codes"),
            Self::Uncertain => (
                "IV.H",
                "do not code diagnoses documented as probable, suspected",
            ),
        }
    }
}

/// A finding that is not coded.
#[derive(Clone, PartialEq, Serialize)]
pub struct SetAside {
    /// The words.
    #[serde(flatten)]
    pub words: Evidence,
    /// Why.
    pub because: Because,
    /// What would have been coded, where the words call a code by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<CodeRef>,
    /// Where it stands that it is not coded.
    #[serde(skip)]
    cites: Vec<usize>,
}

/// What the record should say. In JSON it is its sentence.
#[derive(Clone, PartialEq)]
pub struct Question {
    /// The sentence.
    pub text: String,
    cites: Vec<usize>,
}

impl Serialize for Question {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.text)
    }
}

/// Codes that do not stand together as they are, or whose order is prescribed.
#[derive(Clone, PartialEq, Serialize)]
pub struct Conflict {
    /// The codes; where the order is prescribed, in that order.
    pub codes: Vec<String>,
    /// `excludes1`, `code_first`, `use_additional` or `ptp`.
    pub rule: &'static str,
    /// One sentence.
    pub text: String,
    /// The note or row that says so.
    pub citation: Citation,
}

/// By what a person could be recognised; what it says is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Identified {
    /// What it is, as `casebook_note::IdentifierKind` names it.
    pub kind: &'static str,
    /// Its first character.
    pub start: usize,
    /// The character after its last one.
    pub end: usize,
}

/// What a case comes to, in the shape of `casebook case --json`.
#[derive(Clone, PartialEq, Serialize)]
pub struct Case {
    /// Date of service.
    pub as_of: NaiveDate,
    /// Where the patient was treated: `outpatient`, `inpatient` or `unknown`, as said or as the note tells.
    pub encounter: &'static str,
    /// What must be known first: an edition that is not in force on the date.
    pub notices: Vec<String>,
    /// What the note supports, in the order in which it is to be sequenced where an order is prescribed.
    pub codes: Vec<Suggestion>,
    /// What a coder should look at.
    pub consider: Vec<Suggestion>,
    /// What is not coded, and why.
    pub set_aside: Vec<SetAside>,
    /// What the record should say.
    pub questions: Vec<Question>,
    /// What does not stand together, or only in a certain order.
    pub conflicts: Vec<Conflict>,
    /// By what the patient could be recognised.
    pub identifiers: Vec<Identified>,
    /// The edition behind each citation, by its number.
    #[serde(skip)]
    editions: Vec<EditionRef>,
    /// All citations, by their number.
    #[serde(skip)]
    sources: Vec<Citation>,
}

/// Counts only: the words are a patient's.
impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case")
            .field("as_of", &self.as_of)
            .field("encounter", &self.encounter)
            .field("codes", &self.codes.len())
            .field("consider", &self.consider.len())
            .field("set_aside", &self.set_aside.len())
            .field("questions", &self.questions.len())
            .field("conflicts", &self.conflicts.len())
            .field("identifiers", &self.identifiers.len())
            .finish_non_exhaustive()
    }
}

/// A source that is cited, with its edition.
type Source = (Citation, EditionRef);

/// Whether a code is suggested, or only to be considered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Consider,
    Coded,
}

/// Why a finding is only considered, with where that stands.
#[derive(Clone)]
struct Reason {
    text: String,
    source: Option<Source>,
}

/// A code that the note leads to, in the making.
#[derive(Clone)]
struct Finding {
    code: Entry,
    rank: Rank,
    /// In bytes.
    evidence: Vec<Range<usize>>,
    /// It stands where the provider lists diagnoses.
    assessed: bool,
    /// The words fit the name; it may be coded where another code asks for it.
    sure: bool,
    /// The stems of the words that its name holds.
    said: Vec<u32>,
    /// The words say no more than the plainest form of it.
    generic: bool,
    reason: Option<Reason>,
    sources: Vec<Source>,
}

/// Codes by their key, in the order in which they were found.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, finding: Finding) {
        match self.0.iter_mut().find(|f| f.code.key == finding.code.key) {
            Some(known) => {
                if finding.rank > known.rank {
                    known.rank = finding.rank;
                    known.reason = finding.reason;
                }
                known.assessed |= finding.assessed;
                known.sure |= finding.sure;
                known.generic &= finding.generic;
                for range in finding.evidence {
                    let inside = |k: &Range<usize>| k.start <= range.start && range.end <= k.end;
                    if !known.evidence.iter().any(inside) {
                        known
                            .evidence
                            .retain(|k| !(range.start <= k.start && k.end <= range.end));
                        known.evidence.push(range);
                    }
                }
                for source in finding.sources {
                    if !known.sources.contains(&source) {
                        known.sources.push(source);
                    }
                }
            }
            None => self.0.push(finding),
        }
    }
}

/// What the record should say, in the making.
struct Asked {
    text: String,
    /// The code that the answer would change; what is asked of a code that is not suggested is not asked.
    about: Option<String>,
    sources: Vec<Source>,
}

/// A conflict in the making.
struct Clash {
    codes: Vec<String>,
    rule: &'static str,
    text: String,
    source: Source,
}

/// A finding that is set aside, in the making.
struct Aside {
    range: Range<usize>,
    because: Because,
    codes: Vec<Entry>,
}

/// The bytes of a note that identify a person: no evidence is taken from them.
struct Hidden(Vec<Range<usize>>);

impl Hidden {
    fn of(text: &str, identifiers: &[casebook_note::Identifier]) -> Self {
        // Both are in order, so one pass makes bytes of characters.
        let mut bytes = text.char_indices().map(|(at, _)| at).chain([text.len()]);
        let mut passed = 0;
        let mut byte = bytes.next().unwrap_or(0);
        let mut at = |character: usize| {
            while passed < character {
                byte = bytes.next().unwrap_or(text.len());
                passed += 1;
            }
            byte
        };
        Self(identifiers.iter().map(|i| at(i.start)..at(i.end)).collect())
    }

    fn touches(&self, range: &Range<usize>) -> bool {
        self.0
            .iter()
            .any(|h| h.start < range.end && range.start < h.end)
    }
}

/// Everything that is read of a note before codes come into it.
struct Read<'n> {
    note: &'n Note,
    phrases: Vec<Phrase<'n>>,
    encounter: Encounter,
    hidden: Hidden,
    /// Diagnoses at admission give way to final ones, and those before an operation to those after it.
    has_final_diagnoses: bool,
    has_postoperative: bool,
}

impl Read<'_> {
    /// The sentence around some words, in lower case.
    fn sentence(&self, range: &Range<usize>) -> String {
        self.note.sentence_of(range).map_or(String::new(), |s| {
            self.note.text()[s.range.clone()].to_lowercase()
        })
    }

    /// Whether words stand in the first sentence below a heading.
    fn opens_section(&self, range: &Range<usize>) -> bool {
        let section = self
            .note
            .sections()
            .iter()
            .find(|s| s.range.start <= range.start && range.end <= s.range.end);
        let first = section.and_then(|section| {
            self.note
                .sentences()
                .iter()
                .find(|s| section.range.start <= s.range.start)
        });
        first.is_some_and(|s| range.start < s.range.end)
    }

    /// Whether what a sentence says to be over was over within an inpatient's stay, and not before.
    fn is_of_the_stay(&self, section: SectionKind, sentence: &str) -> bool {
        const BEFORE: [&str; 9] = [
            "history",
            "ago",
            "childhood",
            "as a child",
            "in the past",
            "remote",
            "previous",
            "prior",
            "years",
        ];
        self.encounter == Encounter::InpatientAtDischarge
            && !matches!(
                section,
                SectionKind::PastMedical | SectionKind::PastSurgical
            )
            && sentence.contains("resolved")
            && !BEFORE.iter().any(|w| sentence.contains(w))
    }
}

/// Why a text is not read as a note, whatever is loaded; `None` where it is.
pub fn unreadable(text: &str) -> Option<Unread> {
    if text.trim().is_empty() {
        return Some(Unread::Empty);
    }
    // Bytes first: counting characters of a gigabyte takes its time.
    if text.len() > LONGEST * 4 || text.chars().count() > LONGEST {
        return Some(Unread::TooLong);
    }
    let binary = |c: char| c == '\u{fffd}' || (c.is_control() && !c.is_whitespace());
    text.chars().any(binary).then_some(Unread::Binary)
}

/// Reads a note. `encounter` is where the patient was treated, where the person says so; else the note's own words count.
pub(crate) async fn read(
    desk: &Desk<'_>,
    text: &str,
    encounter: Option<Encounter>,
) -> Result<Result<Case, Unread>, Error> {
    if let Some(why) = unreadable(text) {
        return Ok(Err(why));
    }
    let Some(edition) = desk.icd10cm else {
        return Ok(Err(Unread::NoCodes));
    };
    let note = Note::read(text);
    let identifiers = note.identifiers();
    let has = |kind| note.sections().iter().any(|s| s.kind == kind);
    let read = Read {
        encounter: encounter.unwrap_or_else(|| note.encounter()),
        hidden: Hidden::of(text, &identifiers),
        has_final_diagnoses: has(SectionKind::DischargeDiagnoses),
        has_postoperative: has(SectionKind::PostoperativeDiagnoses),
        phrases: note.phrases().collect(),
        note: &note,
    };
    let mut finder = find::Finder::new(desk, edition)?;
    let mut making = Making {
        desk,
        edition,
        findings: Findings::default(),
        aside: Vec::new(),
        asked: Vec::new(),
        clashes: Vec::new(),
        affirmed: Vec::new(),
        denied: HashSet::new(),
    };
    let candidates = finder.candidates(&read).await?;
    making.affirmed = candidates
        .iter()
        .filter(|c| matches!(c.assertion, Assertion::Affirmed | Assertion::Listed))
        .map(|c| c.stems.iter().copied().collect())
        .collect();
    making.denied = candidates
        .iter()
        .filter(|c| c.assertion == Assertion::Negated)
        .map(|c| c.called.key.clone())
        .collect();
    for candidate in &candidates {
        making.take(&mut finder, &read, candidate)?;
    }
    tokio::task::yield_now().await;
    making.by_meaning(&mut finder, &read, &candidates).await?;
    told::add(&mut making, &mut finder, &read)?;
    told::causes(&mut making, &mut finder, &read).await?;
    let services = typed::add(&mut making, &read)?;
    rules::apply(&mut making, &mut finder, &read)?;
    rules::procedures(&mut making, &services)?;
    Ok(Ok(making.finish(&read, services, &identifiers)))
}

/// What speaks for each phrase of a note, a line each: its words, what is asserted, its section, the code it calls, likeness,
/// share of the name and of the words. For fitting thresholds on notes that are no patient's.
pub(crate) fn signals(desk: &Desk<'_>, text: &str) -> Result<Vec<String>, Error> {
    let Some(edition) = desk.icd10cm else {
        return Ok(Vec::new());
    };
    let note = Note::read(text);
    let mut finder = find::Finder::new(desk, edition)?;
    let mut lines = Vec::new();
    for phrase in note.phrases() {
        let candidate = finder.candidate(&note, &phrase)?;
        let m = &candidate.called;
        lines.push(format!(
            "{}\t{:?}\t{:?}\t{}\t{:.2}\t{:.2}\t{:.2}",
            candidate.text.replace(['\n', '\t'], " "),
            candidate.assertion,
            candidate.section,
            m.key,
            m.likeness,
            m.filled,
            m.coverage
        ));
    }
    Ok(lines)
}

/// A service whose code stands in the note.
struct ServiceFound {
    code: CodeRef,
    /// With its modifiers, as `casebook check` reads it.
    line: String,
    evidence: Vec<Range<usize>>,
    sources: Vec<Source>,
}

/// A case in the making.
struct Making<'a> {
    desk: &'a Desk<'a>,
    edition: &'a Edition,
    findings: Findings,
    aside: Vec<Aside>,
    asked: Vec<Asked>,
    clashes: Vec<Clash>,
    /// The stems of each finding that is so, for what is "with" another.
    affirmed: Vec<HashSet<u32>>,
    /// The codes of what the note says not to be so.
    denied: HashSet<String>,
}

/// How well a name must fit: `LIKE` of words and name, `FILLED` of the name, `COVERED` of the words.
const LIKE: f32 = 0.72;
const FILLED: f32 = 0.80;
const COVERED: f32 = 0.60;
/// The same for what is only to be considered.
const LIKE_CONSIDER: f32 = 0.62;
const FILLED_CONSIDER: f32 = 0.70;
/// What is set aside is not coded, so that a name need not fit as well.
const LIKE_ASIDE: f32 = 0.45;

impl<'a> Making<'a> {
    /// What becomes of a phrase that calls a code by name.
    fn take(
        &mut self,
        finder: &mut find::Finder<'a>,
        read: &Read<'_>,
        candidate: &find::Candidate,
    ) -> Result<(), Error> {
        let m = &candidate.called;
        let sentence = read.sentence(&candidate.range);
        // "Immunizations today: MMR, polio" are no diseases.
        let immunized = ["immuniz", "vaccin"].iter().any(|w| sentence.contains(w));
        if immunized && !m.key.starts_with('Z') && candidate.assertion == Assertion::Affirmed {
            return Ok(());
        }
        let because = match candidate.assertion {
            // What came and went within the stay is coded.
            Assertion::Historical if read.is_of_the_stay(candidate.section, &sentence) => None,
            Assertion::Negated => Some(Because::Negated),
            Assertion::Family => Some(Because::Family),
            Assertion::Historical => Some(Because::Historical),
            Assertion::Uncertain => match read.encounter {
                // What was suspected and then ruled out was not there at discharge.
                Encounter::InpatientAtDischarge
                    if !rules::confirmed_only(&m.key) && !self.denied.contains(&m.key) =>
                {
                    None
                }
                _ => Some(Because::Uncertain),
            },
            _ => None,
        };
        if let Some(because) = because {
            if m.likeness < LIKE_ASIDE {
                return Ok(());
            }
            let mut codes = Vec::new();
            if m.likeness >= LIKE_CONSIDER {
                let detailed = detail::choose(finder, read, candidate, &m.key, &self.affirmed)?;
                codes = detailed.codes;
                if codes.is_empty() {
                    codes.extend(finder.entry(&m.key)?);
                }
            }
            self.aside.push(Aside {
                range: candidate.range.clone(),
                because,
                codes,
            });
            if matches!(because, Because::Historical | Because::Family) {
                self.history(finder, read, candidate, because)?;
            }
            return Ok(());
        }
        let fits = |like, filled| m.likeness >= like && m.filled >= filled && m.coverage >= COVERED;
        let fit = if fits(LIKE, FILLED) && !candidate.apart {
            Rank::Coded
        } else if fits(LIKE_CONSIDER, FILLED_CONSIDER) {
            Rank::Consider
        } else {
            return Ok(());
        };
        let Some((most, why)) = self.place(read, candidate) else {
            return Ok(());
        };
        let detailed = detail::choose(finder, read, candidate, &m.key, &self.affirmed)?;
        let rank = fit.min(most);
        let reason = match (rank, why) {
            (Rank::Coded, _) => None,
            (_, Some(why)) => Some(why),
            (_, None) => Some(Reason {
                text: "The words are near its name and not the same; read the title.".into(),
                source: None,
            }),
        };
        if rank == Rank::Coded {
            let about = detailed.codes.first().map(|c| c.key.clone());
            self.asked.extend(detailed.asked.into_iter().map(|a| Asked {
                about: about.clone(),
                ..a
            }));
        }
        let mut evidence = vec![candidate.range.clone()];
        evidence.extend(
            detailed
                .beside
                .into_iter()
                .filter(|r| !read.hidden.touches(r)),
        );
        if rank == Rank::Coded {
            for code in &detailed.codes {
                for beside in finder.asked_beside(candidate, &code.key)? {
                    let key = beside.called.key.clone();
                    let chosen = detail::choose(finder, read, &beside, &key, &self.affirmed)?;
                    for code in chosen.codes {
                        self.findings.add(Finding {
                            code,
                            rank,
                            sure: true,
                            said: beside.called.said.clone(),
                            evidence: vec![candidate.range.clone()],
                            assessed: candidate.assessed,
                            generic: chosen.generic,
                            reason: None,
                            sources: Vec::new(),
                        });
                    }
                }
            }
        }
        for code in detailed.codes {
            let mut sources = Vec::new();
            if candidate.assertion == Assertion::Uncertain {
                sources.extend(self.guideline("II.H", "code as if it existed at discharge"));
            }
            self.findings.add(Finding {
                code,
                rank,
                sure: fit == Rank::Coded,
                said: candidate.called.said.clone(),
                evidence: evidence.clone(),
                assessed: candidate.assessed,
                generic: detailed.generic,
                reason: reason.clone(),
                sources,
            });
        }
        Ok(())
    }

    /// The most that the section and the assertion allow; `None` where it is nothing of this encounter.
    fn place(
        &self,
        read: &Read<'_>,
        candidate: &find::Candidate,
    ) -> Option<(Rank, Option<Reason>)> {
        use SectionKind::*;
        let consider = |text: &str, guideline: &str| {
            let source = self.guideline(guideline, text);
            Some((
                Rank::Consider,
                Some(Reason {
                    text: text.to_owned(),
                    source,
                }),
            ))
        };
        match candidate.assertion {
            Assertion::Hypothetical | Assertion::Planned => return None,
            // "Screening for …" is an encounter of its own; what is screened for is not there.
            Assertion::Screening if !candidate.encounter => return None,
            Assertion::Status if !candidate.called.key.starts_with('Z') => return None,
            Assertion::Status => {
                return consider(
                    "A status is coded where it matters to the encounter.",
                    "I.C.21.c.3",
                );
            }
            Assertion::Listed => {
                return consider(
                    "It stands in the past history: coded if it still exists and is treated or affects care.",
                    "IV.J",
                );
            }
            _ => {}
        }
        match candidate.section {
            // "Patient: …" is a heading, too; what comes after its line is the note.
            Other if read.opens_section(&candidate.range) => None,
            Other => Some((Rank::Coded, None)),
            Family | Medications | Allergies | Instructions => None,
            PreoperativeDiagnoses if read.has_postoperative => None,
            AdmissionDiagnoses if read.has_final_diagnoses => consider(
                "It was the diagnosis at admission; the final diagnoses decide.",
                "II",
            ),
            // A study's conclusion on a disease is a diagnosis; an abnormal value is none.
            Results if !candidate.called.key.starts_with('R') => Some((Rank::Coded, None)),
            Exam | Results | ReviewOfSystems | Social => consider(
                "It stands among findings: coded only where the provider says what it means.",
                "III.B",
            ),
            _ => Some((Rank::Coded, None)),
        }
    }

    /// The Z code of what was, or of what runs in the family, where the code set has one by name.
    fn history(
        &mut self,
        finder: &mut find::Finder<'a>,
        read: &Read<'_>,
        candidate: &find::Candidate,
        because: Because,
    ) -> Result<(), Error> {
        let heading = match because {
            Because::Family => "Family history of",
            _ => "Personal history of",
        };
        let sentence = read
            .note
            .sentence_of(&candidate.range)
            .map_or("", |s| &read.note.text()[s.range.clone()]);
        let key = &candidate.called.key;
        let Some(found) = finder.history(heading, &candidate.text, key, sentence)? else {
            return Ok(());
        };
        let source = self.guideline("I.C.21.c.4", heading);
        self.findings.add(Finding {
            code: found,
            rank: Rank::Consider,
            sure: true,
            said: Vec::new(),
            evidence: vec![candidate.range.clone()],
            assessed: false,
            generic: false,
            reason: Some(Reason {
                text: "A history code is added where it matters to the encounter.".into(),
                source,
            }),
            sources: Vec::new(),
        });
        Ok(())
    }

    /// What no name fits, in the provider's own diagnoses: searched by meaning, and only ever to be considered.
    async fn by_meaning(
        &mut self,
        finder: &mut find::Finder<'a>,
        read: &Read<'_>,
        candidates: &[find::Candidate],
    ) -> Result<(), Error> {
        for phrase in finder.unnamed(read, candidates)? {
            let Some((code, sure)) = finder.meant(&phrase.text).await? else {
                continue;
            };
            if self.place(read, &phrase).is_none_or(|p| p.0 != Rank::Coded) {
                continue;
            }
            let detailed = detail::choose(finder, read, &phrase, &code.key, &self.affirmed)?;
            for code in detailed.codes {
                let reason = (!sure).then(|| Reason {
                    text: "Found by meaning and not by name; read the title.".into(),
                    source: None,
                });
                self.findings.add(Finding {
                    code,
                    rank: if sure { Rank::Coded } else { Rank::Consider },
                    sure,
                    said: Vec::new(),
                    evidence: vec![phrase.range.clone()],
                    assessed: phrase.assessed,
                    generic: false,
                    reason,
                    sources: Vec::new(),
                });
            }
        }
        Ok(())
    }

    /// A section of the Official Guidelines: its own words where they are loaded, else the digest of it.
    fn guideline(&self, locator: &str, about: &str) -> Option<Source> {
        crate::official::section(self.desk, locator, about)
            .ok()
            .flatten()
    }

    /// Cites a code's title, as a card does.
    fn titled(&self, code: &Entry) -> Result<Vec<Source>, Error> {
        let desk = self.desk;
        let read = Diagnosis::read(desk.catalog, self.edition, desk.tabular(), &code.key)?;
        Ok(read.map_or_else(Vec::new, |d| d.title_sources(self.edition, desk.on)))
    }

    fn finish(
        self,
        read: &Read<'_>,
        services: Vec<ServiceFound>,
        identifiers: &[casebook_note::Identifier],
    ) -> Case {
        let mut sources = Sources::default();
        let words = |range: &Range<usize>| {
            let chars = read.note.chars(range.clone());
            Evidence {
                start: chars.start,
                end: chars.end,
                text: read.note.text()[range.clone()].to_owned(),
            }
        };
        let (mut codes, mut consider) = (Vec::new(), Vec::new());
        for finding in &self.findings.0 {
            let mut evidence = finding.evidence.clone();
            evidence.sort_by_key(|r| (r.start, r.end));
            let mut cited = self.titled(&finding.code).unwrap_or_default();
            cited.extend(finding.reason.iter().filter_map(|r| r.source.clone()));
            cited.extend(finding.sources.iter().cloned());
            let suggestion = Suggestion {
                code: finding.code.code_ref(System::Icd10cm),
                evidence: evidence.iter().map(words).collect(),
                citations: cited.into_iter().map(|s| sources.cite(s)).collect(),
                reason: finding.reason.as_ref().map(|r| r.text.clone()),
            };
            match finding.rank {
                Rank::Coded => codes.push(suggestion),
                Rank::Consider => consider.push(suggestion),
            }
        }
        for service in services {
            codes.push(Suggestion {
                code: service.code,
                evidence: service.evidence.iter().map(words).collect(),
                citations: service
                    .sources
                    .into_iter()
                    .map(|s| sources.cite(s))
                    .collect(),
                reason: None,
            });
        }
        let mut because: BTreeMap<Because, Vec<usize>> = BTreeMap::new();
        let mut set_aside = Vec::new();
        for aside in &self.aside {
            let cites = because
                .entry(aside.because)
                .or_insert_with(|| {
                    let (locator, about) = aside.because.guideline();
                    let source = crate::official::section(self.desk, locator, about);
                    let source = source.ok().flatten();
                    source.map(|s| sources.cite(s).n).into_iter().collect()
                })
                .clone();
            set_aside.push(SetAside {
                words: words(&aside.range),
                because: aside.because,
                codes: aside
                    .codes
                    .iter()
                    .map(|c| c.code_ref(System::Icd10cm))
                    .collect(),
                cites,
            });
        }
        set_aside.sort_by_key(|s| (s.words.start, s.words.end));
        let mut questions: Vec<Question> = Vec::new();
        let coded = |key: &String| {
            let mut findings = self.findings.0.iter();
            findings.any(|f| f.rank == Rank::Coded && f.code.key == *key)
        };
        for asked in self.asked {
            let moot = asked.about.as_ref().is_some_and(|key| !coded(key));
            if moot || questions.iter().any(|q| q.text == asked.text) {
                continue;
            }
            questions.push(Question {
                text: asked.text,
                cites: asked
                    .sources
                    .into_iter()
                    .map(|s| sources.cite(s).n)
                    .collect(),
            });
        }
        let conflicts = self
            .clashes
            .into_iter()
            .map(|c| Conflict {
                codes: c.codes,
                rule: c.rule,
                text: c.text,
                citation: sources.cite(c.source),
            })
            .collect();
        let (sources, editions): (Vec<_>, Vec<_>) = sources.0.into_iter().unzip();
        let mut case = Case {
            as_of: self.desk.on,
            encounter: match read.encounter {
                Encounter::Outpatient => "outpatient",
                Encounter::InpatientAtDischarge => "inpatient",
                Encounter::Unknown => "unknown",
            },
            notices: Vec::new(),
            codes,
            consider,
            set_aside,
            questions,
            conflicts,
            identifiers: identifiers
                .iter()
                .map(|i| Identified {
                    kind: i.kind.name(),
                    start: i.start,
                    end: i.end,
                })
                .collect(),
            editions,
            sources,
        };
        case.notices = case.late();
        case
    }
}

/// Citations, numbered from 1 as they come.
#[derive(Default)]
struct Sources(Vec<Source>);

impl Sources {
    fn cite(&mut self, (citation, edition): Source) -> Citation {
        let same = |(c, e): &Source| {
            c.source == citation.source
                && c.locator == citation.locator
                && c.quote == citation.quote
                && *e == edition
        };
        let at = self.0.iter().position(same).unwrap_or_else(|| {
            let n = self.0.len() + 1;
            self.0.push((Citation { n, ..citation }, edition));
            self.0.len() - 1
        });
        self.0[at].0.clone()
    }
}
