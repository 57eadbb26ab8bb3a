//! Order files and code files: every code of ICD-10-CM or ICD-10-PCS with its titles, in fixed width.
//!
//! An order file has a header for each level and a code for each complete one; columns 1-5 number them, 7-13 hold the
//! code without its dot, 15 says 1 where it is billable, 17-76 hold the short title and 78 on the long one. A code file
//! has the billable codes alone, in 1-7, and the long title from 9. Both are complete or useless, so a number that is
//! left out, a code that comes twice and an end before the last chapter are errors.

use std::collections::HashSet;

use crate::code::System;
use crate::edition::{Found, Kind};
use crate::error::{Place, ReadError};
use crate::icd::{dated, field, is_cm_code, is_pcs_code, lines, worded};
use crate::member::{Form, Member};
use crate::recognise::Look;

/// A row of an order file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRow {
    /// Its number in the file, from 1.
    pub number: u32,
    /// Without the dot.
    pub code: String,
    /// The longest code or header before it that it begins with.
    pub parent: Option<String>,
    /// Whether it may stand on a claim. The others are headers.
    pub billable: bool,
    /// The title in at most 60 characters, verbatim.
    pub short: String,
    /// The full title, verbatim.
    pub title: String,
}

/// What a file held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// All rows.
    pub rows: u64,
    /// Those that may stand on a claim.
    pub billable: u64,
}

/// An order file or an ICD-10-CM code file. The edition stands in the name alone.
pub(crate) fn recognise(look: &Look<'_>) -> Option<Found> {
    if look.member.form != Form::Text {
        return None;
    }
    let lines = lines(look);
    // A bad line among them is for the reader to name.
    let rows: Vec<_> = lines.iter().filter_map(|l| order_line(l)).collect();
    let begins = lines.first().is_some_and(|l| order_line(l).is_some());
    let kind = match rows {
        rows if begins && rows.len() * 4 >= lines.len() * 3 => {
            let digits = rows
                .iter()
                .any(|r| r.1.starts_with(|c: char| c.is_ascii_digit()));
            let pcs = rows
                .iter()
                .all(|r| is_pcs_code(r.1) && (r.1.len() == 7) == r.2);
            let cm = rows.iter().all(|r| is_cm_code(r.1));
            match (pcs, cm) {
                (true, false) => Kind::Icd10pcsOrder,
                (false, true) => Kind::Icd10cmOrder,
                // A few lines may have codes that both systems could have.
                (true, true) if digits || look.member.name().contains("pcs") => Kind::Icd10pcsOrder,
                (true, true) => Kind::Icd10cmOrder,
                (false, false) => return None,
            }
        }
        _ => {
            let codes: Option<Vec<_>> = lines.iter().map(|l| code_line(l)).collect();
            // Codes of PCS all have 7 characters: a file of those is none of ICD-10-CM.
            codes.filter(|c| c.iter().any(|(code, _)| code.len() < 7) && worded(c))?;
            Kind::Icd10cmCodes
        }
    };
    Some(dated(Found::of(kind), look.member, None))
}

/// The columns of an order file's line: number, code, billable, short title, long title.
fn order_line(line: &str) -> Option<(u32, &str, bool, &str, &str)> {
    let number = field(line, 0, 5);
    let code = field(line, 6, 13).trim_end();
    let blanks = [(5, 6), (13, 14), (15, 16), (76, 77)].map(|(from, to)| field(line, from, to));
    let (short, title) = (
        field(line, 16, 76).trim(),
        field(line, 77, usize::MAX).trim(),
    );
    let billable = match field(line, 14, 15) {
        "0" => false,
        "1" => true,
        _ => return None,
    };
    let whole = number.len() == 5
        && number.bytes().all(|b| b.is_ascii_digit())
        && blanks.iter().all(|b| *b == " ")
        && (is_cm_code(code) || is_pcs_code(code))
        && !short.is_empty()
        && !title.is_empty();
    whole.then_some((number.parse().ok()?, code, billable, short, title))
}

/// The columns of a code file's line: code and long title.
fn code_line(line: &str) -> Option<(&str, &str)> {
    let (code, title) = (field(line, 0, 7).trim_end(), field(line, 8, usize::MAX));
    let titled = !title.starts_with(' ') && title.contains(|c: char| c.is_alphabetic());
    let whole = is_cm_code(code) && field(line, 7, 8) == " " && titled;
    whole.then(|| (code, title.trim()))
}

/// The letters with which the last code of a whole file can begin. Chapter 22 (U) stands at the end since FY2021, in
/// older ones chapter 21 (Z) does; ICD-10-PCS has its section X since FY2016.
fn ends_whole(system: System, last: &str) -> bool {
    let letters: &[char] = if system == System::Icd10pcs {
        &['X', 'H']
    } else {
        &['U', 'Z']
    };
    last.starts_with(letters)
}

/// Reads an order file of `system` (ICD-10-CM or ICD-10-PCS), row by row.
///
/// # Errors
/// A line of another layout, a number left out, a code that stands twice, an end before the last chapter, and whatever
/// `take` returns.
pub fn read<E: From<ReadError>>(
    member: &Member,
    system: System,
    take: &mut dyn FnMut(OrderRow) -> Result<(), E>,
) -> Result<Summary, E> {
    let mut summary = Summary::default();
    let mut seen: HashSet<String> = HashSet::new();
    let mut last = String::new();
    let mut lines = member.lines()?;
    while let Some((line, text)) = lines.next()? {
        let damaged = |what: String| ReadError::damaged(&member.path, Place::Line(line), what);
        if text.trim().is_empty() {
            continue;
        }
        let (number, code, billable, short, title) = order_line(text)
            .filter(|row| {
                if system == System::Icd10pcs {
                    is_pcs_code(row.1)
                } else {
                    is_cm_code(row.1)
                }
            })
            .ok_or_else(|| damaged(format!("no line of an {} order file", system.label())))?;
        let expected = summary.rows + 1;
        if u64::from(number) != expected {
            return Err(damaged(format!(
                "order number {number} where {expected} is expected: lines are missing"
            ))
            .into());
        }
        if !seen.insert(code.to_owned()) {
            return Err(damaged(format!("code {code} stands twice")).into());
        }
        let parent = (3..code.len())
            .rev()
            .map(|n| &code[..n])
            .find(|p| seen.contains(*p));
        summary.rows += 1;
        summary.billable += u64::from(billable);
        code.clone_into(&mut last);
        take(OrderRow {
            number,
            code: code.to_owned(),
            parent: parent.map(str::to_owned),
            billable,
            short: short.to_owned(),
            title: title.to_owned(),
        })?;
    }
    whole(member, system, &last)?;
    Ok(summary)
}

/// Reads an ICD-10-CM code file, code by code with its long title.
///
/// # Errors
/// As [`read`], but that the lines have no numbers.
pub fn read_codes<E: From<ReadError>>(
    member: &Member,
    take: &mut dyn FnMut(&str, &str) -> Result<(), E>,
) -> Result<Summary, E> {
    let mut summary = Summary::default();
    let mut seen: HashSet<String> = HashSet::new();
    let mut last = String::new();
    let mut lines = member.lines()?;
    while let Some((line, text)) = lines.next()? {
        let damaged = |what: String| ReadError::damaged(&member.path, Place::Line(line), what);
        if text.trim().is_empty() {
            continue;
        }
        let (code, title) =
            code_line(text).ok_or_else(|| damaged("no line of an ICD-10-CM code file".into()))?;
        if !seen.insert(code.to_owned()) {
            return Err(damaged(format!("code {code} stands twice")).into());
        }
        summary.rows += 1;
        summary.billable += 1;
        code.clone_into(&mut last);
        take(code, title)?;
    }
    whole(member, System::Icd10cm, &last)?;
    Ok(summary)
}

fn whole(member: &Member, system: System, last: &str) -> Result<(), ReadError> {
    if ends_whole(system, last) {
        return Ok(());
    }
    let what = format!("it ends at code {last:?}, before the last chapter: the file is cut");
    Err(ReadError::damaged(&member.path, Place::Whole, what))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recognise::recognise;
    use proptest::prelude::*;

    fn line(number: usize, code: &str, billable: bool, short: &str, long: &str) -> String {
        format!(
            "{number:05} {code:<7} {} {short:<60} {long}\r\n",
            u8::from(billable)
        )
    }

    fn cm() -> String {
        [
            line(1, "A00", false, "Our header", "Our header in full"),
            line(
                2,
                "A000",
                true,
                "Ours, first",
                "Our first code, with a title that is long",
            ),
            line(3, "A0001", true, "Ours, odd", "Below a code"),
            line(4, "S52", false, "Arm", "Arm, ours"),
            line(5, "S52501A", true, "Arm, 7", "Arm, initial"),
            line(6, "Z99", true, "Last", "The last of ours: Ménière"),
        ]
        .concat()
    }

    fn all(text: &[u8], system: System) -> Result<Vec<OrderRow>, String> {
        let mut rows = Vec::new();
        read::<ReadError>(&Member::from_bytes("order.txt", text), system, &mut |r| {
            rows.push(r);
            Ok(())
        })
        .map_err(|e| e.to_string())?;
        Ok(rows)
    }

    #[test]
    fn rows_with_their_parents() {
        let rows = all(cm().as_bytes(), System::Icd10cm).unwrap();
        let tree: Vec<_> = rows
            .iter()
            .map(|r| (r.code.as_str(), r.parent.as_deref().unwrap_or("-")))
            .collect();
        assert_eq!(
            tree,
            [
                ("A00", "-"),
                ("A000", "A00"),
                ("A0001", "A000"),
                ("S52", "-"),
                ("S52501A", "S52"),
                ("Z99", "-")
            ]
        );
        assert_eq!(rows[1].short, "Ours, first");
        assert_eq!(rows[5].title, "The last of ours: Ménière");
        assert!(rows[1].billable && !rows[0].billable);
        // The same in Latin-1, and without carriage returns.
        let latin: Vec<u8> = cm().replace('\r', "").chars().map(|c| c as u8).collect();
        assert_eq!(all(&latin, System::Icd10cm).unwrap(), rows);
    }

    #[test]
    fn recognised_by_content() {
        let kind = |name: &str, text: &str| {
            recognise(&Member::from_bytes(name, text.as_bytes())).map(|f| f.kind)
        };
        let pcs = [
            line(1, "001", false, "T", "Table"),
            line(2, "0016070", true, "C", "Code"),
        ]
        .concat();
        let both = [
            line(1, "B00", false, "T", "Table"),
            line(2, "B00B0ZZ", true, "C", "Code"),
        ]
        .concat();
        assert_eq!(kind("x", &cm()), Some(Kind::Icd10cmOrder));
        assert_eq!(kind("x", &pcs), Some(Kind::Icd10pcsOrder));
        assert_eq!(
            kind("icd10pcs_order_2026.txt", &both),
            Some(Kind::Icd10pcsOrder)
        );
        assert_eq!(
            kind("x", "A000    Ours\r\nM5450   Ours too\r\n"),
            Some(Kind::Icd10cmCodes)
        );
        assert_eq!(kind("x", "0016070 A code of PCS\r\n"), None);
        assert_eq!(kind("icd10cm_order_2026.txt", "words\n"), None);
        assert_eq!(kind("x", ""), None);
        let found = recognise(&Member::from_bytes(
            "icd10cm_order_2026.txt",
            cm().as_bytes(),
        ))
        .unwrap();
        assert_eq!(found.edition.as_deref(), Some("FY2026"));
    }

    #[test]
    fn bad_files_are_refused_with_their_line() {
        let good = cm();
        let said = |text: &str| all(text.as_bytes(), System::Icd10cm).unwrap_err();
        assert!(said(&good[..good.len() - 40]).contains("line 6"));
        let missing: String = good
            .split_inclusive('\n')
            .enumerate()
            .filter(|(i, _)| *i != 2)
            .map(|(_, l)| l)
            .collect();
        assert!(said(&missing).contains("line 3: order number 4 where 3 is expected"));
        let cut: String = good.split_inclusive('\n').take(4).collect();
        assert!(said(&cut).contains("\"S52\", before the last chapter"));
        let twice = good.clone() + &line(7, "A000", true, "a", "b");
        assert!(said(&twice).contains("line 7: code A000 stands twice"));
        // A column moved by one.
        assert!(said(&good.replace("A00 ", "A00  ")).contains("line 1"));
        assert!(said("").contains("before the last chapter"));
        assert!(
            all(good.as_bytes(), System::Icd10pcs)
                .unwrap_err()
                .contains("line 2: no line of an ICD-10-PCS")
        );
        assert!(
            all(b"\xff\xfe0\x000\x00", System::Icd10cm)
                .unwrap_err()
                .contains("UTF-16")
        );
    }

    #[test]
    fn code_files() {
        let read = |text: &str| {
            let mut rows = Vec::new();
            read_codes::<ReadError>(&Member::from_bytes("c", text.as_bytes()), &mut |c, t| {
                rows.push((c.to_owned(), t.to_owned()));
                Ok(())
            })
            .map(|_| rows)
            .map_err(|e| e.to_string())
        };
        let rows = read("A000    Ours\r\nU099    Ours too\r\n").unwrap();
        assert_eq!(rows[1], ("U099".into(), "Ours too".into()));
        assert!(
            read("A000    Ours\nA000    Ours\n")
                .unwrap_err()
                .contains("line 2: code A000 stands twice")
        );
        assert!(read("A000    Ours\nB00").unwrap_err().contains("line 2"));
        assert!(
            read("A000    Ours\n")
                .unwrap_err()
                .contains("before the last chapter")
        );
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = all(&bytes, System::Icd10cm);
            let _ = recognise(&Member::from_bytes("x", bytes));
        }

        #[test]
        fn rows_come_back(titles in proptest::collection::vec("[A-Za-zé][A-Za-z ,é]{0,70}[a-z]", 1..20)) {
            let text: String = titles.iter().enumerate().map(|(i, t)| {
                let short: String = t.chars().take(60).collect();
                line(i + 1, &format!("Z{i:03}"), i % 2 == 0, short.trim(), t)
            }).collect();
            let rows = all(text.as_bytes(), System::Icd10cm).unwrap();
            prop_assert_eq!(rows.len(), titles.len());
            for (row, title) in rows.iter().zip(&titles) {
                prop_assert_eq!(&row.title, title);
            }
        }
    }
}
