//! Addenda of the Tabular List and of the indexes, from the lines of their PDF.
//!
//! Each line is led by what was done: `Add`, `Delete`, `Revise from`, `Revise to`, or `No Change` for a line that only
//! shows where one is; a line that is led by none goes on with the one before. In the tabular addenda the nearest code
//! above says where a note stands, in those of an index the dashes do. The addenda of the tables of neoplasms and drugs
//! mark single cells and are not read here.
//!
//! Pure: it takes the lines and their pages from whoever reads the PDF.

use crate::icd::printed;
use crate::icd10_addenda::Action;
use crate::icd10cm_index::STEP;

/// A change, as the pages print it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageChange {
    /// The page that it begins on.
    pub page: u32,
    /// What was done.
    pub action: Action,
    /// Where it stands. Tabular list: the code that it belongs to, without dot (its own, where the change is a code);
    /// empty above the first one. Index: the terms above it with [`STEP`] between them, empty for a main term.
    pub on: String,
    /// Tabular list: the kind of note that it stands under, as printed (`Excludes1:`); empty for others.
    pub under: String,
    /// Verbatim, its lines joined; in an index without its dashes.
    pub text: String,
}

/// Which list the pages are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// The Tabular List.
    Tabular,
    /// The Alphabetic Index or the External Cause of Injuries Index.
    Index,
}

const LEADS: [(&str, Option<Action>); 5] = [
    ("No Change", None),
    ("Add", Some(Action::Add)),
    ("Delete", Some(Action::Delete)),
    ("Revise from", Some(Action::ReviseFrom)),
    ("Revise to", Some(Action::ReviseTo)),
];

/// Reads the changes from lines with their pages (from 1), in printed order.
pub fn changes<'a>(list: List, lines: impl IntoIterator<Item = (u32, &'a str)>) -> Vec<PageChange> {
    let mut led: Vec<(u32, Option<Action>, String)> = Vec::new();
    for (page, line) in lines {
        let line = line.trim();
        // A page's number alone is no continuation.
        if line.is_empty() || line.bytes().all(|b| b.is_ascii_digit()) {
            continue;
        }
        let lead = LEADS.iter().find_map(|(words, action)| {
            let rest = line.strip_prefix(words)?;
            (rest.is_empty() || rest.starts_with([' ', ':']))
                .then(|| (*action, rest.trim_start_matches(':').trim()))
        });
        match (lead, led.last_mut()) {
            (Some((action, text)), _) => led.push((page, action, text.to_owned())),
            (None, Some((_, _, text))) => {
                text.push(' ');
                text.push_str(line);
            }
            // The title above the first one.
            (None, None) => {}
        }
    }
    match list {
        List::Tabular => tabular(led),
        List::Index => index(led),
    }
}

fn tabular(led: Vec<(u32, Option<Action>, String)>) -> Vec<PageChange> {
    let (mut on, mut under) = (String::new(), String::new());
    let mut found = Vec::new();
    for (page, action, text) in led {
        let code = text
            .split_whitespace()
            .next()
            .and_then(printed)
            .filter(|p| !p.incomplete);
        if let Some(code) = code {
            on = code.key;
            under.clear();
        } else if text.ends_with(':') {
            under.clone_from(&text);
        } else if text.ends_with(')')
            && action.is_none()
            && text.contains('-')
            && text.contains(" (")
            && is_block(&text)
        {
            // A chapter or block begins: what follows belongs to none of the codes before.
            on.clear();
            under.clear();
        }
        if let Some(action) = action {
            let under = if text == under {
                String::new()
            } else {
                under.clone()
            };
            found.push(PageChange {
                page,
                action,
                on: on.clone(),
                under,
                text,
            });
        }
    }
    found
}

/// Whether a title ends with the codes of a block: `(B85-B89)`.
fn is_block(title: &str) -> bool {
    title
        .rsplit_once('(')
        .and_then(|(_, codes)| codes.trim_end_matches(')').split_once('-'))
        .is_some_and(|(first, last)| {
            first.len() == 3
                && last.len() == 3
                && printed(first).is_some()
                && printed(last).is_some()
        })
}

fn index(led: Vec<(u32, Option<Action>, String)>) -> Vec<PageChange> {
    let mut above: Vec<String> = Vec::new();
    let mut found = Vec::new();
    for (page, action, text) in led {
        let mut rest = text.as_str();
        let mut level = 0;
        while let Some(inner) = rest.strip_prefix("- ") {
            rest = inner.trim_start();
            level += 1;
        }
        above.truncate(level);
        if let Some(action) = action {
            found.push(PageChange {
                page,
                action,
                on: above.join(STEP),
                under: String::new(),
                text: rest.to_owned(),
            });
        }
        // What leads to it is the title alone: no code, no cross-reference.
        let title = rest.split(" - see ").next().unwrap_or(rest);
        let words: Vec<&str> = title.split_whitespace().collect();
        let keep = words
            .iter()
            .rposition(|w| printed(w.trim_matches(['[', ']'])).is_none())
            .map_or(0, |i| i + 1);
        // A level that the addenda leaves out keeps its place.
        above.resize(level, String::new());
        above.push(words[..keep].join(" "));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tabular_changes_stand_on_their_codes() {
        let lines = [
            (1, "ICD-10-CM TABULAR LIST"),
            (1, "No Change Ours (A00-A09)"),
            (1, "Add A note on the block"),
            (1, "No Change A00 Ours"),
            (1, "No Change Excludes1: "),
            (1, "Revise from ours that goes on"),
            (2, "in the next line (A01.-)"),
            (2, "Revise to ours (A01.0)"),
            (2, "7"),
            (2, "Add A00.1 Another"),
            (2, "Add Its other name"),
        ];
        let found = changes(List::Tabular, lines);
        let seen: Vec<_> = found
            .iter()
            .map(|c| {
                (
                    c.page,
                    c.action,
                    c.on.as_str(),
                    c.under.as_str(),
                    c.text.as_str(),
                )
            })
            .collect();
        assert_eq!(
            seen,
            [
                (1, Action::Add, "", "", "A note on the block"),
                (
                    1,
                    Action::ReviseFrom,
                    "A00",
                    "Excludes1:",
                    "ours that goes on in the next line (A01.-)"
                ),
                (2, Action::ReviseTo, "A00", "Excludes1:", "ours (A01.0)"),
                (2, Action::Add, "A001", "", "A00.1 Another"),
                (2, Action::Add, "A001", "", "Its other name"),
            ]
        );
    }

    #[test]
    fn index_changes_stand_below_their_terms() {
        let lines = [
            (1, "No Change Ache (dull) - see also Pain R52"),
            (1, "No Change - arm M79.60-"),
            (1, "Add - - left M79.602"),
            (1, "Delete Aching R52"),
        ];
        let found = changes(List::Index, lines);
        assert_eq!(
            (found[0].on.as_str(), found[0].text.as_str()),
            ("Ache (dull) > arm", "left M79.602")
        );
        assert_eq!(
            (found[1].on.as_str(), found[1].action),
            ("", Action::Delete)
        );
    }

    proptest! {
        #[test]
        fn no_lines_panic(lines in proptest::collection::vec("(No Change |Add |Delete |Revise from )?(- ){0,4}[A-Z0-9.( )-]{0,12}", 0..12)) {
            for list in [List::Tabular, List::Index] {
                let found = changes(list, lines.iter().map(|l| (1, l.as_str())));
                prop_assert!(found.len() <= lines.len());
            }
        }
    }
}
