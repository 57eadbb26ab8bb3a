//! Addenda: what an edition of ICD-10-CM or ICD-10-PCS added, deleted and revised.
//!
//! With the order and code files come addenda of the same columns, each line led by what was done (13 columns), and
//! closed by a summary that counts them: it says whether the file is whole. The addenda of the Tabular List and of the
//! indexes come as PDF; here they are only named, and their pages are read elsewhere.

use crate::edition::{Found, Kind};
use crate::error::{Place, ReadError};
use crate::icd::{dated, field, is_cm_code, is_pcs_code, lines};
use crate::member::{Form, Member};
use crate::recognise::Look;

/// What was done to a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// It is new, as what the line says (a code that became a header is deleted and added).
    Add,
    /// It is no more what the line says.
    Delete,
    /// Its titles were these.
    ReviseFrom,
    /// Its titles are these now.
    ReviseTo,
}

impl Action {
    /// All of them, with the words that lead a line.
    const ALL: [(Self, &'static str); 4] = [
        (Self::Add, "Add:"),
        (Self::Delete, "Delete:"),
        (Self::ReviseFrom, "Revise from:"),
        (Self::ReviseTo, "Revise to:"),
    ];

    /// The identifier in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Delete => "delete",
            Self::ReviseFrom => "revise_from",
            Self::ReviseTo => "revise_to",
        }
    }

    /// The inverse of [`Self::as_str`].
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .map(|(action, _)| action)
            .find(|a| a.as_str() == id)
    }
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What was done.
    pub action: Action,
    /// Without its dot.
    pub code: String,
    /// Whether it is billable, where the line says so; a code addenda has billable codes alone.
    pub billable: Option<bool>,
    /// The short title, where the line has one.
    pub short: Option<String>,
    /// The long title, verbatim.
    pub title: String,
}

/// The layouts of a line after its first 13 columns.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Layout {
    /// Flag, code, short and long title: ICD-10-CM order addenda.
    Order,
    /// Code and long title: ICD-10-CM code addenda.
    Codes,
    /// Code, short and long title: ICD-10-PCS order addenda.
    Pcs,
}

fn change(line: &str, layout: Layout) -> Option<Change> {
    let led = field(line, 0, 13).trim_end();
    let (action, _) = Action::ALL.into_iter().find(|(_, words)| *words == led)?;
    let rest = field(line, 13, usize::MAX);
    let (billable, rest) = match (layout, field(rest, 0, 2)) {
        (Layout::Order, "0 ") => (Some(false), field(rest, 2, usize::MAX)),
        (Layout::Order, "1 ") => (Some(true), field(rest, 2, usize::MAX)),
        (Layout::Order, _) => return None,
        (Layout::Codes, _) => (Some(true), rest),
        (Layout::Pcs, _) => (Some(field(rest, 0, 7).trim_end().len() == 7), rest),
    };
    let code = field(rest, 0, 7).trim_end();
    let (short, title) = match layout {
        Layout::Codes => (None, field(rest, 8, usize::MAX)),
        _ if field(rest, 68, 69) == " " => {
            (Some(field(rest, 8, 68).trim()), field(rest, 69, usize::MAX))
        }
        _ => return None,
    };
    let known = if layout == Layout::Pcs {
        is_pcs_code(code)
    } else {
        is_cm_code(code)
    };
    let whole =
        known && field(rest, 7, 8) == " " && !title.starts_with(' ') && !title.trim().is_empty();
    whole.then(|| Change {
        action,
        code: code.to_owned(),
        billable,
        short: short.map(str::to_owned),
        title: title.trim_end().to_owned(),
    })
}

/// The layout of a file, by its first lines.
fn layout(lines: &[&str]) -> Option<Layout> {
    let led: Vec<&str> = lines
        .iter()
        .copied()
        .take_while(|l| Action::ALL.iter().any(|(_, words)| l.starts_with(words)))
        .collect();
    // Every line of a PCS file could be one of a code file, but for codes that begin with a digit.
    [Layout::Order, Layout::Pcs, Layout::Codes]
        .into_iter()
        .find(|layout| !led.is_empty() && led.iter().all(|l| change(l, *layout).is_some()))
}

/// An addenda file: part `order` or `codes`. A PDF says what it is on its pages, which are read elsewhere: its name has
/// to say that it is an addenda, and of what (`tabular`, `index`, `eindex`, `drug`, `neoplasm`).
pub(crate) fn recognise(look: &Look<'_>) -> Option<Found> {
    if look.member.form != Form::Text {
        return None;
    }
    let (kind, part) = match layout(&lines(look))? {
        Layout::Order => (Kind::Icd10cmAddenda, "order"),
        Layout::Codes => (Kind::Icd10cmAddenda, "codes"),
        Layout::Pcs => (Kind::Icd10pcsAddenda, "order"),
    };
    let mut found = Found::of(kind);
    part.clone_into(&mut found.part);
    Some(dated(found, look.member, None))
}

/// Reads an addenda file of text; yields how many rows.
///
/// # Errors
/// A line of another layout, a revision without its other half, a summary that is missing or counts otherwise, and
/// whatever `take` returns.
pub fn read<E: From<ReadError>>(
    member: &Member,
    take: &mut dyn FnMut(Change) -> Result<(), E>,
) -> Result<u64, E> {
    let look = Look {
        member,
        text: member.head_text(),
        rows: Vec::new(),
    };
    let layout = layout(&lines(&look)).ok_or_else(|| {
        ReadError::damaged(
            &member.path,
            Place::Whole,
            "its lines are not those of an addenda file",
        )
    })?;
    // Additions, deletions, revisions: as read, and as the summary counts them.
    let mut read = [0u64; 3];
    let mut counted: Option<[u64; 3]> = None;
    let mut rows = 0;
    let mut revised: Option<String> = None;
    let mut summary = false;
    let mut lines = member.lines()?;
    while let Some((line, text)) = lines.next()? {
        let damaged = |what: String| ReadError::damaged(&member.path, Place::Line(line), what);
        let Some(change) = change(text, layout) else {
            let trimmed = text.trim();
            let mut words = trimmed.split(' ');
            let (number, what, more) = (
                words.next().and_then(|n| n.parse::<u64>().ok()),
                words.next(),
                words.next(),
            );
            summary |= ["Headers", "Codes"].contains(&trimmed);
            let at = ["additions", "deletions", "revisions"]
                .iter()
                .position(|w| Some(*w) == what);
            match (number, at, more) {
                (Some(number), Some(at), None) => counted.get_or_insert_default()[at] += number,
                _ if trimmed.is_empty() || summary => {}
                _ => return Err(damaged("no line of an addenda file".into()).into()),
            }
            continue;
        };
        if summary {
            return Err(damaged("a change stands below the summary".into()).into());
        }
        match (change.action, revised.take()) {
            (Action::ReviseFrom, None) => revised = Some(change.code.clone()),
            (Action::ReviseTo, Some(from)) if from == change.code => read[2] += 1,
            (Action::Add, None) => read[0] += 1,
            (Action::Delete, None) => read[1] += 1,
            _ => {
                let code = &change.code;
                return Err(damaged(format!("the revision at {code} lacks its other half")).into());
            }
        }
        rows += 1;
        take(change)?;
    }
    let damaged = |what: String| E::from(ReadError::damaged(&member.path, Place::Whole, what));
    match counted {
        None => Err(damaged(
            "the summary at its end is missing: the file is cut".into(),
        )),
        Some(counted) if counted != read => {
            let what = format!(
                "it holds {} additions, {} deletions and {} revisions, and its summary counts {}, {} and {}",
                read[0], read[1], read[2], counted[0], counted[1], counted[2]
            );
            Err(damaged(what))
        }
        Some(_) => Ok(rows),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recognise::recognise;
    use proptest::prelude::*;

    const CODES: &str = "Delete:      B880    Ours, gone\r\nAdd:         B8801   Ours, new\r\n\
        Revise from: L02212  Ours [old]\r\nRevise to:   L02212  Ours [new]\r\n\r\n\
        Codes\r\n  10 codes in a.txt\r\n    1 additions\r\n    1 deletions\r\n    1 revisions\r\n";

    fn order(flag: &str, code: &str) -> String {
        format!(
            "Add:         {flag}{code:<7} {:<60} Ours in full\r\n",
            "Ours"
        )
    }

    const SUMMARY: &str = "\r\nHeaders\r\n    1 additions\r\n    0 deletions\r\n    0 revisions\r\nof which\r\n      \
        0 revisions to both long and short titles\r\n\r\nCodes\r\n    1 additions\r\n    0 deletions\r\n    0 revisions\r\n";

    fn all(text: &str) -> Result<Vec<Change>, String> {
        let mut rows = Vec::new();
        read::<ReadError>(&Member::from_bytes("a.txt", text.as_bytes()), &mut |c| {
            rows.push(c);
            Ok(())
        })
        .map_err(|e| e.to_string())?;
        Ok(rows)
    }

    #[test]
    fn three_layouts() {
        let rows = all(CODES).unwrap();
        assert_eq!(
            (rows.len(), rows[1].code.as_str(), rows[1].action),
            (4, "B8801", Action::Add)
        );
        assert_eq!(rows[3].title, "Ours [new]");
        let cm = format!("{}{}{SUMMARY}", order("0 ", "C50A"), order("1 ", "C50A0"));
        let rows = all(&cm).unwrap();
        assert_eq!(
            (rows[0].billable, rows[0].short.as_deref()),
            (Some(false), Some("Ours"))
        );
        let pcs = format!("{}{}{SUMMARY}", order("", "00H"), order("", "00H033J"));
        assert_eq!(all(&pcs).unwrap()[1].billable, Some(true));
        let found = |name: &str, text: &str| {
            recognise(&Member::from_bytes(name, text.as_bytes())).map(|f| (f.kind, f.part))
        };
        assert_eq!(
            found("x", CODES),
            Some((Kind::Icd10cmAddenda, "codes".into()))
        );
        assert_eq!(
            found("x", &cm),
            Some((Kind::Icd10cmAddenda, "order".into()))
        );
        assert_eq!(
            found("x", &pcs),
            Some((Kind::Icd10pcsAddenda, "order".into()))
        );
    }

    #[test]
    fn bad_files_are_refused() {
        assert!(
            all(&CODES[..120])
                .unwrap_err()
                .contains("summary at its end is missing")
        );
        assert!(
            all(&CODES.replace("1 additions", "2 additions"))
                .unwrap_err()
                .contains("its summary counts 2")
        );
        let half = CODES.replace("Revise to:   L02212  Ours [new]\r\n", "");
        assert!(all(&half).unwrap_err().contains("its summary counts"));
        assert!(
            all(&CODES.replace("Revise to:   L02212", "Revise to:   L02213"))
                .unwrap_err()
                .contains("line 4")
        );
        assert!(
            all(&CODES.replace("Add:         B8801  ", "Added:  "))
                .unwrap_err()
                .contains("line 2")
        );
        assert!(all("").unwrap_err().contains("not those of an addenda"));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let text = format!("Add:         {}", String::from_utf8_lossy(&bytes));
            let _ = all(&text);
            let _ = recognise(&Member::from_bytes("x", text.into_bytes()));
        }
    }
}
