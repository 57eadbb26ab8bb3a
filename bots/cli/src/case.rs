//! `casebook case`: a pasted note, read from a file or standard input, and its page for the terminal.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use casebook_core::case::{LONGEST, Suggestion, unreadable};
use casebook_core::{Case, Casebook, Citation, Encounter, Unread};
use chrono::NaiveDate;
use clap::{Args, ValueEnum};

use crate::page::from_file;

/// What `casebook case` takes.
#[derive(Args)]
pub struct Options {
    /// One JSON value on standard output
    #[arg(long)]
    pub json: bool,
    /// Date of service, YYYY-MM-DD; today where absent
    #[arg(long, value_name = "DATE")]
    pub as_of: Option<NaiveDate>,
    /// Where the patient was treated; the note's own words count where absent
    #[arg(long, value_enum)]
    encounter: Option<Place>,
    /// The note as plain text; standard input where absent or "-"
    #[arg(default_value = "-")]
    file: String,
}

/// Where a patient was treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Place {
    /// Office, emergency department, observation, outpatient surgery
    Outpatient,
    /// An inpatient stay that is over
    Inpatient,
}

impl From<Place> for Encounter {
    fn from(place: Place) -> Self {
        match place {
            Place::Outpatient => Self::Outpatient,
            Place::Inpatient => Self::InpatientAtDischarge,
        }
    }
}

/// Finds a note's codes.
///
/// # Errors
/// Where the note cannot be read; the message holds no word of it.
pub async fn run(
    casebook: &Casebook,
    options: &Options,
    text: &str,
    as_of: NaiveDate,
) -> Result<Case> {
    let read = casebook
        .case(text, options.encounter.map(Encounter::from), as_of)
        .await?;
    read.map_err(|why| anyhow!(why.sentence()))
}

/// Reads the note. It comes before the engine is opened: what cannot be read needs none.
///
/// # Errors
/// Where the note cannot be read; the message holds no word of it.
pub fn note(options: &Options) -> Result<String> {
    let file = options.file.as_str();
    // One byte more than the longest note has is enough to know that this one is longer.
    let limit = LONGEST as u64 * 4 + 1;
    let mut bytes = Vec::new();
    if file == "-" {
        std::io::stdin()
            .lock()
            .take(limit)
            .read_to_end(&mut bytes)
            .context("standard input cannot be read")?;
    } else {
        let opened = fs_err::File::open(Path::new(file))?;
        opened.take(limit).read_to_end(&mut bytes)?;
    }
    if bytes.len() as u64 == limit {
        bail!(Unread::TooLong.sentence());
    }
    // The error of a failed conversion holds the bytes.
    let text = String::from_utf8(bytes).map_err(|_| anyhow!(Unread::Binary.sentence()))?;
    match unreadable(&text) {
        Some(why) => bail!(why.sentence()),
        None => Ok(text),
    }
}

/// A case for the terminal.
pub fn page(case: &Case) -> String {
    let mut page = String::new();
    for notice in &case.notices {
        page.push_str(&format!("! {notice}\n"));
    }
    let mut sources: Vec<&Citation> = Vec::new();
    for (heading, list) in [("Coded", &case.codes), ("Consider", &case.consider)] {
        if list.is_empty() {
            continue;
        }
        page.push_str(&format!("{heading}\n"));
        for suggestion in list {
            suggested(suggestion, &mut page);
            suggestion.citations.iter().for_each(|c| sources.push(c));
        }
        page.push('\n');
    }
    if case.codes.is_empty() && case.consider.is_empty() {
        page.push_str("The note supports no code of the loaded edition by name.\n\n");
    }
    if !case.conflicts.is_empty() {
        page.push_str("Together\n");
        for conflict in &case.conflicts {
            page.push_str(&format!(
                "  {} [{}]\n",
                conflict.text.replace('\n', "\n    "),
                conflict.citation.n
            ));
            sources.push(&conflict.citation);
        }
        page.push('\n');
    }
    if !case.questions.is_empty() {
        page.push_str("The record should say\n");
        for question in &case.questions {
            page.push_str(&format!("  {}\n", question.text));
        }
        page.push('\n');
    }
    if !case.set_aside.is_empty() {
        page.push_str("Set aside\n");
        for set in &case.set_aside {
            let codes: Vec<&str> = set.codes.iter().map(|c| c.code.as_str()).collect();
            let codes = match codes.is_empty() {
                true => String::new(),
                false => format!(", not {}", codes.join(", ")),
            };
            page.push_str(&format!(
                "  “{}”: {}{codes}\n",
                one_line(&set.words.text),
                set.because.as_str()
            ));
        }
        page.push('\n');
    }
    if !case.identifiers.is_empty() {
        let mut kinds: Vec<(&str, usize)> = Vec::new();
        for found in &case.identifiers {
            match kinds.iter_mut().find(|(k, _)| *k == found.kind) {
                Some((_, count)) => *count += 1,
                None => kinds.push((found.kind, 1)),
            }
        }
        let kinds: Vec<String> = kinds
            .iter()
            .map(|(kind, count)| format!("{} {count}", kind.replace('_', " ")))
            .collect();
        page.push_str(&format!(
            "The text names its patient ({}): keep it where patient data may be.\n\n",
            kinds.join(", ")
        ));
    }
    sources.sort_by_key(|c| c.n);
    sources.dedup_by_key(|c| c.n);
    if !sources.is_empty() {
        page.push_str("Sources\n");
    }
    for c in sources {
        page.push_str(&format!(
            "  [{}] {}, {}, {}, effective {}{}\n      {}\n      “{}”\n",
            c.n,
            c.source,
            c.locator,
            c.edition,
            c.effective,
            from_file(c),
            c.url,
            c.quote.replace('\n', "\n       ")
        ));
    }
    page.push_str(&format!(
        "\nFor dates of service on {}; {}.\n",
        case.as_of,
        match case.encounter {
            "unknown" => "the note does not say whether it is an inpatient's discharge",
            place => place,
        }
    ));
    page
}

fn suggested(suggestion: &Suggestion, page: &mut String) {
    let marks: String = suggestion
        .citations
        .iter()
        .map(|c| format!("[{}]", c.n))
        .collect();
    let code = &suggestion.code;
    page.push_str(&format!("  {:9} {} {marks}\n", code.code, code.title));
    let words: Vec<String> = suggestion
        .evidence
        .iter()
        .map(|e| format!("“{}”", one_line(&e.text)))
        .collect();
    page.push_str(&format!("            {}\n", words.join(", ")));
    if let Some(reason) = &suggestion.reason {
        page.push_str(&format!("            {reason}\n"));
    }
}

/// Words that were broken over lines, on one.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
