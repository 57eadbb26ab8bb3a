//! The tables of the National Correct Coding Initiative (NCCI): pairs of codes that are not paid together
//! ([`ptp`]), the most units of a code ([`mue`]), and codes that stand only beside another ([`addon`]).
//!
//! The publisher names edition, setting and part of a PTP file only in the file's name; where the name is gone, the
//! operator is asked. Everything else is found by the headings.

use std::collections::HashSet;
use std::io::{Read as _, Seek as _, SeekFrom};

use chrono::NaiveDate;

use crate::edition::Found;
use crate::error::{Place, ReadError};
use crate::member::{Form, Member};
use crate::recognise::Look;
use crate::table::{Row, Separator};

pub mod addon;
pub mod mue;
pub mod ptp;

/// A PTP, MUE or add-on code table, by its headings.
pub(crate) fn recognise(look: &Look<'_>) -> Option<Found> {
    if !matches!(look.member.form, Form::Text | Form::Workbook) {
        return None;
    }
    ptp::recognise(look)
        .or_else(|| mue::recognise(look))
        .or_else(|| addon::recognise(look))
}

/// Whether this is how a CPT or HCPCS Level II code is written: five characters, three digits in their middle.
pub fn is_code(text: &str) -> bool {
    let outer = |b: u8| b.is_ascii_digit() || b.is_ascii_uppercase();
    matches!(text.as_bytes(), [a, b, c, d, e]
        if outer(*a) && outer(*e) && [b, c, d].iter().all(|b| b.is_ascii_digit()))
}

/// A heading without its blanks, line breaks and punctuation, which differ between the forms of a file.
fn squeezed(heading: &str) -> String {
    heading
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// The column whose heading `is` the one that is sought; without it the file cannot be read.
fn bind(
    headings: &[String],
    row: &Row<'_>,
    named: &str,
    is: impl Fn(&str) -> bool,
) -> Result<usize, ReadError> {
    headings.iter().position(|h| is(h)).ok_or_else(|| {
        let what = format!("the heading has no column {named:?}");
        row.error(None, what)
    })
}

/// What is said of a table whose heading never came.
fn no_heading(member: &Member, sought: &str) -> ReadError {
    let what = format!("no row is the heading {sought}");
    ReadError::damaged(&member.path, Place::Whole, what)
}

/// A cell that must be a code.
fn code<'r>(row: &'r Row<'_>, column: usize, named: &str) -> Result<&'r str, ReadError> {
    let text = row.cell(column);
    if is_code(text) {
        return Ok(text);
    }
    let mut what = format!("{named} {:?} is no code of five characters", short(text));
    // What a spreadsheet program leaves of 00100 when it saves a CSV.
    if !text.is_empty() && text.len() < 5 && text.bytes().all(|b| b.is_ascii_digit()) {
        what.push_str(" (a spreadsheet program may have taken its leading zeros)");
    }
    Err(row.error(Some(column), what))
}

/// The beginning of a cell, for an error.
fn short(text: &str) -> String {
    text.chars().take(20).collect()
}

/// `20260701`, or the ISO form in which a workbook's date cell is read.
fn date(text: &str) -> Option<NaiveDate> {
    let digits = |part: &str| part.parse::<u32>().ok();
    if !text.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
        return None;
    }
    let (year, month, day) = match text.len() {
        8 => (text.get(..4)?, text.get(4..6)?, text.get(6..)?),
        10 if text.get(4..5)? == "-" && text.get(7..8)? == "-" => {
            (text.get(..4)?, text.get(5..7)?, text.get(8..)?)
        }
        _ => return None,
    };
    NaiveDate::from_ymd_opt(year.parse().ok()?, digits(month)?, digits(day)?)
}

/// Commas if the text has no tab; a workbook does not care.
fn separator(member: &Member) -> Separator {
    if member.form == Form::Text && !member.head_text().contains('\t') {
        Separator::Comma
    } else {
        Separator::Tab
    }
}

/// The names that a file goes by, innermost first: its own, its archive's, its folder's; in lower case.
fn names(member: &Member) -> impl Iterator<Item = String> + '_ {
    member
        .path
        .rsplit(['/', '\\', '!'])
        .map(str::to_lowercase)
        .collect::<Vec<_>>()
        .into_iter()
}

/// Notices where a text file ends in the middle of its last column.
///
/// A cut anywhere else leaves a row without its last cells, which is an error by itself. Here the last column is a
/// reason out of a few dozen, so a last line without its line end whose reason stands on no other row is a cut one.
#[derive(Default)]
struct Tail {
    seen: HashSet<String>,
    rows: u64,
    fresh: bool,
}

/// Reasons in one file; the publisher has some twenty. More are another kind of file, and would fill the memory.
const MOST_REASONS: usize = 10_000;
/// In a file of fewer rows than this, a reason that stands once is no sign of anything.
const FEW_ROWS: u64 = 20;

impl Tail {
    /// Takes a row's last cell; `false` where there are more different ones than any file of the kind has.
    #[must_use]
    fn note(&mut self, reason: &str) -> bool {
        self.rows += 1;
        self.fresh = !self.seen.contains(reason);
        if self.fresh {
            self.seen.insert(reason.to_owned());
        }
        self.seen.len() <= MOST_REASONS
    }

    fn finish(&self, member: &Member) -> Result<(), ReadError> {
        if !self.fresh || self.rows < FEW_ROWS || member.form != Form::Text {
            return Ok(());
        }
        let mut last = [0];
        let mut file = member.open()?;
        file.seek(SeekFrom::End(-1))
            .and_then(|_| file.read_exact(&mut last))
            .map_err(|e| member.io(&e))?;
        if last == [b'\n'] {
            return Ok(());
        }
        let what =
            "the file is cut: its last line has no end, and that line's reason is on no other row";
        Err(ReadError::damaged(&member.path, Place::Whole, what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_dates() {
        assert!(
            ["0001A", "99213", "G0008", "0002M"]
                .iter()
                .all(|c| is_code(c))
        );
        assert!(
            ["", "100", "M5416X", "m5416", "GG008", "992 3", "9921é"]
                .iter()
                .all(|c| !is_code(c))
        );
        let day = NaiveDate::from_ymd_opt(2026, 7, 1);
        assert_eq!(date("20260701"), day);
        assert_eq!(date("2026-07-01"), day);
        for wrong in [
            "20260732",
            "20260229",
            "2026070",
            "+2026070",
            "2026-7-01",
            "*",
            "",
            "2026é701",
        ] {
            assert_eq!(date(wrong), None, "{wrong}");
        }
    }
}
