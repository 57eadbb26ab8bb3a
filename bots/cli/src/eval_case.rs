//! `casebook eval FILE.jsonl`: how well cases are read, on notes with the codes that an auditor would accept
//! (`tests/evaluation/README.md` gives the form).

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use casebook_core::{Case, Casebook, Encounter, System, today};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Expected {
    text: String,
    setting: String,
    codes: Vec<Vec<String>>,
    not_codes: Vec<NotCoded>,
    identifiers: Vec<Identifier>,
}

#[derive(Deserialize)]
struct NotCoded {
    codes: Vec<String>,
    because: String,
}

#[derive(Deserialize)]
struct Identifier {
    text: String,
    kind: String,
}

/// A share, with what it is a share of.
#[derive(Debug, Default, Clone, Copy, Serialize)]
struct Share {
    hits: usize,
    of: usize,
}

impl Share {
    fn count(&mut self, hit: bool) {
        self.of += 1;
        self.hits += usize::from(hit);
    }

    fn percent(&self) -> f64 {
        100.0 * self.hits as f64 / self.of.max(1) as f64
    }
}

/// The figures, summed over all notes.
#[derive(Default, Serialize)]
pub struct Measured {
    notes: usize,
    /// Of the codes expected, those that are coded.
    recall: Share,
    /// Of the codes that are coded, those expected.
    precision: Share,
    category_recall: Share,
    category_precision: Share,
    /// Of the codes expected, those that are coded or to be considered.
    suggested_recall: Share,
    suggested_category_recall: Share,
    suggested_precision: Share,
    /// Of what must not be suggested, what is not coded.
    not_coded: Share,
    /// And what is neither coded nor to be considered.
    not_suggested: Share,
    /// And what is set aside with that code for the right reason.
    set_aside: Share,
    set_aside_by_reason: BTreeMap<String, Share>,
    /// Of the identifiers, those whose place is found.
    identifiers: Share,
    p50_ms: f64,
    max_ms: f64,
    #[serde(skip)]
    misses: Vec<String>,
}

/// Reads every note of a file.
///
/// # Errors
/// Names the line that cannot be read, and never what is in it.
pub async fn run(casebook: &Casebook, file: &Path) -> Result<Measured> {
    let text = fs_err::read_to_string(file).context("the notes cannot be read")?;
    let mut measured = Measured::default();
    let mut times = Vec::new();
    for (number, line) in text
        .lines()
        .enumerate()
        .filter(|(_, l)| !l.trim().is_empty())
    {
        let place = format!("{}:{}", file.display(), number + 1);
        // The parser's error may quote the line.
        let Ok(expected) = serde_json::from_str::<Expected>(line) else {
            bail!("{place}: not a note with setting, codes, not_codes and identifiers");
        };
        let encounter = match expected.setting.as_str() {
            "inpatient" => Encounter::InpatientAtDischarge,
            _ => Encounter::Outpatient,
        };
        let started = Instant::now();
        let case = match casebook
            .case(&expected.text, Some(encounter), today())
            .await?
        {
            Ok(case) => case,
            Err(why) => bail!("{place}: {}", why.sentence()),
        };
        times.push(started.elapsed().as_secs_f64() * 1000.0);
        measured.add(number + 1, &expected, &case);
    }
    if measured.notes == 0 {
        bail!("{} holds no note", file.display());
    }
    times.sort_by(f64::total_cmp);
    measured.p50_ms = times[times.len() / 2];
    measured.max_ms = times[times.len() - 1];
    Ok(measured)
}

/// Prints, for each note, its phrases with the code that each calls and how well, to fit thresholds on: the note's line, the
/// words, what is asserted, the section, the code, and the shares.
///
/// # Errors
/// As [`run`].
pub fn signals(casebook: &Casebook, file: &Path) -> Result<String> {
    let text = fs_err::read_to_string(file).context("the notes cannot be read")?;
    let mut out = String::new();
    for (number, line) in text.lines().enumerate() {
        let Ok(expected) = serde_json::from_str::<Expected>(line) else {
            continue;
        };
        for phrase in casebook.case_signals(&expected.text, today())? {
            out.push_str(&format!("{}\t{phrase}\n", number + 1));
        }
    }
    Ok(out)
}

fn plain(code: &str) -> String {
    code.replace('.', "")
}

fn category(code: &str) -> String {
    code.chars().take(3).collect()
}

impl Measured {
    fn add(&mut self, number: usize, expected: &Expected, case: &Case) {
        self.notes += 1;
        let keys = |list: &[casebook_core::case::Suggestion]| -> Vec<String> {
            list.iter()
                .filter(|s| s.code.system == System::Icd10cm)
                .map(|s| plain(&s.code.code))
                .collect()
        };
        let coded = keys(&case.codes);
        let considered = keys(&case.consider);
        let below =
            |code: &str, wanted: &[String]| wanted.iter().any(|w| code.starts_with(&plain(w)));
        let beside = |code: &str, wanted: &[String]| {
            wanted.iter().any(|w| category(code) == category(&plain(w)))
        };
        for wanted in &expected.codes {
            let is = |c: &String| below(c, wanted);
            let near = |c: &String| beside(c, wanted);
            let among = |list: &[String], test: &dyn Fn(&String) -> bool| list.iter().any(test);
            self.recall.count(among(&coded, &is));
            self.category_recall.count(among(&coded, &near));
            self.suggested_recall
                .count(among(&coded, &is) || among(&considered, &is));
            self.suggested_category_recall
                .count(among(&coded, &near) || among(&considered, &near));
            if !among(&coded, &is) {
                let at = if among(&considered, &is) {
                    "only considered"
                } else {
                    "missed"
                };
                self.misses
                    .push(format!("{number}: {at}: {}", wanted.join(" or ")));
            }
        }
        for code in &coded {
            let is = expected.codes.iter().any(|w| below(code, w));
            self.precision.count(is);
            self.category_precision
                .count(expected.codes.iter().any(|w| beside(code, w)));
            if !is {
                self.misses.push(format!("{number}: not expected: {code}"));
            }
        }
        for code in coded.iter().chain(&considered) {
            self.suggested_precision
                .count(expected.codes.iter().any(|w| below(code, w)));
        }
        for not in &expected.not_codes {
            let is = |c: &String| below(c, &not.codes);
            self.not_coded.count(!coded.iter().any(is));
            if let Some(code) = coded.iter().find(|c| is(c)) {
                self.misses
                    .push(format!("{number}: coded though {}: {code}", not.because));
            }
            self.not_suggested
                .count(!coded.iter().chain(&considered).any(is));
            // A code below or above: "diabetes" denied is E11.9, and the type expected may be another.
            let right = case.set_aside.iter().any(|s| {
                s.because.as_str() == not.because
                    && s.codes.iter().any(|c| beside(&plain(&c.code), &not.codes))
            });
            self.set_aside.count(right);
            self.set_aside_by_reason
                .entry(not.because.clone())
                .or_default()
                .count(right);
            if !right {
                self.misses.push(format!(
                    "{number}: not set aside as {}: {}",
                    not.because,
                    not.codes.join(" or ")
                ));
            }
        }
        for identifier in &expected.identifiers {
            let found = expected.text.find(&identifier.text).is_some_and(|at| {
                let start = expected.text[..at].chars().count();
                let end = start + identifier.text.chars().count();
                case.identifiers
                    .iter()
                    .any(|i| i.start < end && start < i.end)
            });
            self.identifiers.count(found);
            if !found {
                self.misses.push(format!(
                    "{number}: identifier not found: {}",
                    identifier.kind
                ));
            }
        }
    }

    /// For the terminal: the figures, then what is wrong, by the note's line.
    pub fn page(&self) -> String {
        let mut page = format!("{} notes\n", self.notes);
        for (label, share) in [
            ("coded: recall", self.recall),
            ("coded: precision", self.precision),
            ("coded: category recall", self.category_recall),
            ("coded: category precision", self.category_precision),
            ("coded or considered: recall", self.suggested_recall),
            (
                "coded or considered: category recall",
                self.suggested_category_recall,
            ),
            ("coded or considered: precision", self.suggested_precision),
            ("not to be coded: not coded", self.not_coded),
            ("not to be coded: not suggested", self.not_suggested),
            ("set aside for the reason", self.set_aside),
            ("identifiers found", self.identifiers),
        ] {
            page.push_str(&format!(
                "  {label:38} {:5.1} %  {} of {}\n",
                share.percent(),
                share.hits,
                share.of
            ));
        }
        for (because, share) in &self.set_aside_by_reason {
            page.push_str(&format!(
                "    {because:36} {:5.1} %  {} of {}\n",
                share.percent(),
                share.hits,
                share.of
            ));
        }
        page.push_str(&format!(
            "  {:.0} ms for a note (median), {:.0} ms at most\n",
            self.p50_ms, self.max_ms
        ));
        for miss in &self.misses {
            page.push_str(&format!("{miss}\n"));
        }
        page
    }
}
