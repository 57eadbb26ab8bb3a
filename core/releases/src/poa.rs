//! The list of ICD-10-CM codes that are exempt from present-on-admission reporting, and its changes.
//!
//! CMS publishes, each year, the whole list and what was added, deleted and revised since the last, each as text (tab
//! separated) and as workbook. The four are parts of one edition; the whole list alone says what is exempt.

use std::collections::HashSet;

use crate::edition::{Found, Kind};
use crate::error::{Place, ReadError};
use crate::icd::{dated, printed};
use crate::member::{Form, Member};
use crate::recognise::Look;
use crate::table::{self, Separator};

/// What a row says of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Entry {
    /// It is exempt: the whole list.
    Exempt,
    /// It came onto the list.
    Added,
    /// It left the list.
    Deleted,
    /// Its title was this.
    RevisedFrom,
    /// Its title is this now.
    RevisedTo,
}

impl Entry {
    /// The identifier in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exempt => "exempt",
            Self::Added => "added",
            Self::Deleted => "deleted",
            Self::RevisedFrom => "revised_from",
            Self::RevisedTo => "revised_to",
        }
    }
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exempt {
    /// What it says.
    pub entry: Entry,
    /// Without its dot.
    pub code: String,
    /// Verbatim.
    pub title: String,
}

const CODE: &str = "poaexemptcode";

/// Part `list` (the whole), `add`, `delete` or `revise`, by the columns; the whole list and the additions have the same
/// ones and are told apart by the name, or else by the size: the whole has tens of thousands of rows.
pub(crate) fn recognise(look: &Look<'_>) -> Option<Found> {
    let heading: Vec<String> = match look.member.form {
        Form::Workbook => look
            .rows
            .first()?
            .iter()
            .map(|c| c.to_lowercase())
            .collect(),
        Form::Text => look
            .text
            .lines()
            .next()?
            .split('\t')
            .map(|c| c.trim().to_lowercase())
            .collect(),
        _ => return None,
    };
    heading.iter().find(|h| *h == CODE)?;
    let order = heading.iter().find_map(|h| h.strip_prefix("order"));
    let name = look.member.name();
    let mut found = Found::of(Kind::PoaExempt);
    found.part = if heading.iter().any(|h| h == "action") {
        "revise"
    } else if order.is_none() {
        "delete"
    } else if name.contains("add") || look.member.bytes < 100_000 {
        "add"
    } else {
        "list"
    }
    .to_owned();
    // The heading of the numbers is `Order26` in the files of FY2026.
    let year = order
        .and_then(|y| y.trim().parse::<i32>().ok())
        .map(|y| if y < 100 { 2000 + y } else { y });
    Some(dated(found, look.member, year))
}

/// Reads one of the four files, `part` being what it was recognised as; yields how many rows.
///
/// # Errors
/// A missing column, a cell that is no code, a code that stands twice, an action that nobody knows, a revision without
/// its other half, and whatever `take` returns.
pub fn read<E: From<ReadError>>(
    member: &Member,
    part: &str,
    take: &mut dyn FnMut(Exempt) -> Result<(), E>,
) -> Result<u64, E> {
    let mut columns: Option<(usize, usize, Option<usize>)> = None;
    let mut seen: HashSet<(String, Entry)> = HashSet::new();
    let mut revised: Option<String> = None;
    table::rows::<E>(member, Separator::Tab, &mut |row| {
        let Some((code, title, action)) = columns else {
            let find = |name: &str| row.cells.iter().position(|c| c.to_lowercase() == name);
            let need = |name: &str, shown: &str| {
                find(name)
                    .ok_or_else(|| row.error(None, format!("the column \"{shown}\" is missing")))
            };
            let action = if part == "revise" {
                Some(need("action", "Action")?)
            } else {
                None
            };
            columns = Some((
                need(CODE, "POAexemptCode")?,
                need("description", "Description")?,
                action,
            ));
            return Ok(());
        };
        if row.is_blank() {
            return Ok(());
        }
        let key = printed(row.cell(code))
            .filter(|p| !p.incomplete)
            .ok_or_else(|| row.error(Some(code), "no ICD-10-CM code"))?
            .key;
        let entry = match (
            part,
            action
                .map(|a| row.cell(a).trim_end_matches(':').to_lowercase())
                .as_deref(),
        ) {
            (_, Some("revise from")) => Entry::RevisedFrom,
            (_, Some("revise to")) => Entry::RevisedTo,
            (_, Some(_)) => {
                return Err(row
                    .error(action, "neither \"Revise from:\" nor \"Revise to:\"")
                    .into());
            }
            ("add", None) => Entry::Added,
            ("delete", None) => Entry::Deleted,
            (_, None) => Entry::Exempt,
        };
        match (entry, revised.take()) {
            (Entry::RevisedFrom, None) => revised = Some(key.clone()),
            (Entry::RevisedTo, Some(from)) if from == key => {}
            (Entry::RevisedFrom | Entry::RevisedTo, _) => {
                return Err(row
                    .error(None, format!("the revision of {key} lacks its other half"))
                    .into());
            }
            _ => {}
        }
        let text = unquoted(row.cell(title));
        if text.is_empty() {
            return Err(row.error(Some(title), "no description").into());
        }
        if !seen.insert((key.clone(), entry)) {
            return Err(row
                .error(Some(code), format!("code {key} stands twice"))
                .into());
        }
        take(Exempt {
            entry,
            code: key,
            title: text,
        })
    })?;
    let damaged = |what: &str| E::from(ReadError::damaged(&member.path, Place::Whole, what));
    if revised.is_some() {
        return Err(damaged(
            "it ends in the middle of a revision: the file is cut",
        ));
    }
    if seen.is_empty() {
        return Err(damaged("it holds no code"));
    }
    Ok(seen.len() as u64)
}

/// The text files put quotes around a description with a comma in it.
fn unquoted(cell: &str) -> String {
    match cell.strip_prefix('"').and_then(|c| c.strip_suffix('"')) {
        Some(inner) => inner.replace("\"\"", "\""),
        None => cell.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recognise::recognise;
    use proptest::prelude::*;

    const LIST: &str = "Order31\tPOAexemptCode\tDescription\r\n01238\tB90.0\tOurs\r\n01240\tS30.1XXD\t\"Ours, later\"\r\n";
    const REVISE: &str = "Order31\tAction\tPOAexemptCode\tDescription\r\n1\tRevise from:\tQ75.001\tOld\r\n1\tRevise to:\tQ75.001\tNew\r\n";

    fn all(text: &str, part: &str) -> Result<Vec<Exempt>, String> {
        let mut rows = Vec::new();
        read::<ReadError>(
            &Member::from_bytes("p.txt", text.as_bytes()),
            part,
            &mut |e| {
                rows.push(e);
                Ok(())
            },
        )
        .map_err(|e| e.to_string())?;
        Ok(rows)
    }

    #[test]
    fn the_four_parts() {
        let rows = all(LIST, "list").unwrap();
        assert_eq!(
            rows[1],
            Exempt {
                entry: Entry::Exempt,
                code: "S301XXD".into(),
                title: "Ours, later".into()
            }
        );
        let rows = all(REVISE, "revise").unwrap();
        assert_eq!(
            (rows[0].entry, rows[1].entry),
            (Entry::RevisedFrom, Entry::RevisedTo)
        );
        assert_eq!(
            all("POAexemptCode\tDescription\nB90.0\tOurs\n", "delete").unwrap()[0].entry,
            Entry::Deleted
        );
        // A column that was moved.
        assert_eq!(
            all(
                "Description\tOrder31\tPOAexemptCode\nOurs\t1\tB90.0\n",
                "add"
            )
            .unwrap()[0]
                .code,
            "B900"
        );
    }

    #[test]
    fn recognised_by_content() {
        let found = |name: &str, text: &str| {
            recognise(&Member::from_bytes(name, text.as_bytes()))
                .map(|f| (f.part, f.edition.unwrap_or_default()))
        };
        let long = LIST.to_owned() + &"1\tB90.0\tOurs\r\n".repeat(10_000);
        assert_eq!(
            found("x.txt", &long),
            Some(("list".into(), "FY2031".into()))
        );
        assert_eq!(found("POAexemptAddCodesFY31.txt", &long).unwrap().0, "add");
        assert_eq!(found("x.txt", LIST).unwrap().0, "add");
        assert_eq!(found("x.txt", REVISE).unwrap().0, "revise");
        assert_eq!(
            found("FY26.txt", "POAexemptCode\tDescription\n"),
            Some(("delete".into(), "FY2026".into()))
        );
    }

    #[test]
    fn bad_files_are_refused_with_their_line() {
        assert!(
            all(&LIST.replace("POAexemptCode", "Code"), "list")
                .unwrap_err()
                .contains("\"POAexemptCode\" is missing")
        );
        assert!(
            all(&LIST.replace("B90.0", "S30.1XXD"), "list")
                .unwrap_err()
                .contains("line 3: code S301XXD stands twice")
        );
        assert!(
            all(&LIST.replace("B90.0", "90.0"), "list")
                .unwrap_err()
                .contains("line 2: no ICD-10-CM code")
        );
        assert!(
            all(&LIST[..LIST.len() - 16], "list")
                .unwrap_err()
                .contains("line 3: no description")
        );
        let half: String = REVISE.split_inclusive('\n').take(2).collect();
        assert!(
            all(&half, "revise")
                .unwrap_err()
                .contains("the file is cut")
        );
        assert!(
            all(&REVISE.replace("Revise to", "Do"), "revise")
                .unwrap_err()
                .contains("line 3: neither")
        );
        assert!(all("", "list").unwrap_err().contains("no code"));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let text = format!("Order31\tPOAexemptCode\tDescription\n{}", String::from_utf8_lossy(&bytes));
            let _ = all(&text, "list");
            let _ = recognise(&Member::from_bytes("x", bytes));
        }

        #[test]
        fn titles_come_back(title in "[A-Za-z][A-Za-z ,\"é]{0,40}[a-z]") {
            let cell = format!("\"{}\"", title.replace('"', "\"\""));
            let rows = all(&format!("Order31\tPOAexemptCode\tDescription\n1\tB90.0\t{cell}\n"), "list").unwrap();
            prop_assert_eq!(&rows[0].title, &title);
        }
    }
}
