//! What Casebook says: one value, made in this crate and rendered elsewhere.
//!
//! An [`Answer`] is complete. A renderer (terminal, Block Kit, embed, e-mail) decides how it looks and
//! never what it says; a renderer that must cut drops whole lines from the end and says so.
//!
//! Two invariants hold for every `Answer` that leaves [`crate::Casebook`]:
//! * every line of an [`Verdict::Answered`] answer cites at least one of `citations`;
//! * a citation's `quote` is text that stands in its source, character for character.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::code::CodeRef;

/// How an answer stands to its question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The loaded sources answer the question.
    Answered,
    /// Passages were found that may answer it; the person must judge.
    Uncertain,
    /// The loaded sources do not answer it. No sources are shown.
    NoAnswer,
    /// Casebook does not answer this kind of question (clinical advice, requests to cheat).
    Refused,
}

/// One line of an answer, in plain text, with the numbers of the citations that support it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Plain text without markup. It may hold any character; renderers escape it.
    pub text: String,
    /// Values of [`Citation::n`].
    pub citations: Vec<usize>,
}

/// A passage of a dated source that supports lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Citation {
    /// Number by which lines refer to it, from 1 in the order of first use.
    pub n: usize,
    /// The document, e.g. `ICD-10-CM Official Guidelines`. A digest of ours begins with `Digest of`, a
    /// description of a code in our words with `Casebook's description of`.
    pub source: String,
    /// Section, code or row within the document, e.g. `I.C.9.a.2`.
    pub locator: String,
    /// The edition, e.g. `FY2026 (April 2026)`.
    pub edition: String,
    /// First date of service on which the edition holds.
    pub effective: NaiveDate,
    /// Verbatim text of the source (of our digest, where `source` says so).
    pub quote: String,
    /// Where a person can read the document.
    pub url: String,
    /// The loaded file that the quote is from; empty for the digest, which is part of the program.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub file: String,
}

/// An edition that an answer rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditionRef {
    /// The document's or code set's name.
    pub source: String,
    /// The edition's name.
    pub edition: String,
    /// First date of service on which it holds.
    pub effective: NaiveDate,
    /// Last date on which it holds, where one is known.
    pub through: Option<NaiveDate>,
    /// Whether it is in force on the answer's date.
    pub in_force: bool,
}

/// Where the time went, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Timings {
    /// Turning the question into a vector.
    pub embed: f64,
    /// Exact look-ups and vector search.
    pub retrieve: f64,
    /// Choosing lines and checking them.
    pub compose: f64,
    /// From the question's arrival to the finished answer.
    pub total: f64,
}

/// The answer to one question or command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// How it stands to the question.
    pub verdict: Verdict,
    /// One sentence for the person who asked; present unless `Answered`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// The question as it was read, where it followed from earlier ones or from chosen codes and did not stand alone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub read_as: Option<String>,
    /// The language model that arranged `lines`, where one did. Each of its sentences was held against its citations, and
    /// the lines as they were found are the first of `more`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub arranged_by: Option<String>,
    /// Date of service that the answer is for.
    pub as_of: NaiveDate,
    /// The direct line first, then what supports it.
    pub lines: Vec<Line>,
    /// Further lines, for who wants to read on: shown behind a button where a platform has one. They cite, too,
    /// and rest on editions that are in force or named by `lines` as not in force.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub more: Vec<Line>,
    /// Questions that follow from this one, each of which the loaded tables or the digest answer.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub related: Vec<String>,
    /// The passages cited, numbered from 1: those of `lines` first, then those that only `more` cites.
    pub citations: Vec<Citation>,
    /// Codes that the answer is about.
    pub codes: Vec<CodeRef>,
    /// The editions behind the citations, each once.
    pub editions: Vec<EditionRef>,
    /// Where the time went.
    pub timings_ms: Timings,
}

impl Answer {
    /// An answer without lines: nothing found, or declined. `reason` is shown to the person who asked.
    pub fn without_lines(verdict: Verdict, reason: impl Into<String>, as_of: NaiveDate) -> Self {
        Self {
            verdict,
            reason: Some(reason.into()),
            read_as: None,
            arranged_by: None,
            as_of,
            lines: Vec::new(),
            more: Vec::new(),
            related: Vec::new(),
            citations: Vec::new(),
            codes: Vec::new(),
            editions: Vec::new(),
            timings_ms: Timings::default(),
        }
    }
}
