//! Columns bound by their headings, for tables whose publisher moves columns between editions; and the small fields
//! that such tables share.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::error::{Place, ReadError};
use crate::member::{Form, Member};
use crate::table::{self, Row, Separator};

/// A heading as it is compared: upper case, one space between words, none at the ends.
pub(crate) fn heading(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !plain.is_empty() {
            plain.push(' ');
        }
        plain.push_str(&word.to_uppercase());
    }
    plain
}

/// Comma or tab: whichever makes more columns of a text file's beginning. A workbook has neither.
pub(crate) fn separator(member: &Member) -> Separator {
    if member.form != Form::Text {
        return Separator::Comma;
    }
    let widest = |separator| {
        table::head(member, separator, 30)
            .iter()
            .map(Vec::len)
            .max()
            .unwrap_or_default()
    };
    if widest(Separator::Tab) > widest(Separator::Comma) {
        Separator::Tab
    } else {
        Separator::Comma
    }
}

/// A table's headings, each with its column.
#[derive(Debug)]
pub(crate) struct Columns {
    file: String,
    place: Place,
    headings: Vec<String>,
}

impl Columns {
    /// From the headings of a file, as [`heading`] writes them, and the place of the last row that prints them.
    pub(crate) fn new(file: &str, place: Place, headings: Vec<String>) -> Self {
        Self {
            file: file.to_owned(),
            place,
            headings,
        }
    }

    /// How many columns have a heading, counted up to the last.
    pub(crate) fn width(&self) -> usize {
        self.headings
            .iter()
            .rposition(|h| !h.is_empty())
            .map_or(0, |last| last + 1)
    }

    /// The column whose heading is one of these.
    pub(crate) fn optional(&self, names: &[&str]) -> Option<usize> {
        self.headings
            .iter()
            .position(|h| names.contains(&h.as_str()))
    }

    /// The column whose heading is one of these.
    ///
    /// # Errors
    /// Names the heading that is missing.
    pub(crate) fn named(&self, names: &[&str]) -> Result<usize, ReadError> {
        self.optional(names)
            .ok_or_else(|| self.missing(names.first().copied().unwrap_or_default()))
    }

    /// The first column whose heading fulfils a condition; `name` is what an error calls it.
    ///
    /// # Errors
    /// Names the heading that is missing.
    pub(crate) fn matching(
        &self,
        name: &str,
        is: impl Fn(&str) -> bool,
    ) -> Result<usize, ReadError> {
        self.headings
            .iter()
            .position(|h| is(h))
            .ok_or_else(|| self.missing(name))
    }

    /// A column's heading.
    pub(crate) fn heading(&self, column: usize) -> &str {
        self.headings.get(column).map_or("", String::as_str)
    }

    fn missing(&self, name: &str) -> ReadError {
        ReadError::damaged(
            &self.file,
            self.place.clone(),
            format!("no column is headed {name:?}"),
        )
    }
}

/// An error of a file that ended, or was read through, without what it must have.
pub(crate) fn nothing(member: &Member, what: &str) -> ReadError {
    ReadError::damaged(&member.path, Place::Whole, what)
}

/// Whether a row below the headings is a note in one cell, and no row that was cut: those end before their last column,
/// and begin with a code or a number.
pub(crate) fn note(row: &Row<'_>, columns: &Columns) -> bool {
    let mut filled = row.cells.iter().filter(|c| !c.is_empty());
    let (first, second) = (filled.next(), filled.next());
    let worded = |cell: &String| cell.starts_with('*') || cell.contains(' ');
    let padded = row.cells.len() >= columns.width() || !matches!(row.place(None), Place::Line(_));
    second.is_none() && first.is_none_or(|cell| padded || worded(cell))
}

/// Refuses a row that ends before its last column: the file was cut. A workbook leaves empty cells out, so that its
/// rows cannot be judged.
pub(crate) fn whole(row: &Row<'_>, columns: &Columns) -> Result<(), ReadError> {
    let text = matches!(row.place(None), Place::Line(_));
    if text && row.cells.len() < columns.width() {
        let what = format!(
            "the row ends after {} of {} columns",
            row.cells.len(),
            columns.width()
        );
        return Err(row.error(None, what));
    }
    Ok(())
}

/// A decimal figure, exactly as printed.
pub(crate) fn decimal(row: &Row<'_>, column: usize) -> Result<Decimal, ReadError> {
    let text = row.cell(column);
    let plain = text.trim_start_matches('$').replace(',', "");
    Decimal::from_str_exact(&plain)
        .map_err(|_| row.error(Some(column), format!("{:?} is no figure", short(text))))
}

/// A date as `20260101`, or as a workbook's date cell reads; an empty cell is none.
pub(crate) fn date(text: &str) -> Result<Option<NaiveDate>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let format = if text.contains('-') {
        "%Y-%m-%d"
    } else {
        "%Y%m%d"
    };
    let digits = text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit());
    let iso = text.len() == 10 && text.contains('-');
    if (digits || iso)
        && let Ok(date) = NaiveDate::parse_from_str(text, format)
    {
        return Ok(Some(date));
    }
    Err(format!("{:?} is no date (year, month, day)", short(text)))
}

/// At most 20 characters, for an error.
pub(crate) fn short(text: &str) -> String {
    text.chars().take(20).collect()
}

/// A code of five characters in capital letters and digits; digits that a workbook stripped of their zeros get them
/// back.
pub(crate) fn code(row: &Row<'_>, column: usize) -> Result<String, ReadError> {
    let text = row.cell(column).to_ascii_uppercase();
    let text = zeros(&text, 5);
    if text.len() == 5 && text.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Ok(text);
    }
    Err(row.error(
        Some(column),
        format!("{:?} is no code of five characters", short(&text)),
    ))
}

/// A modifier of two characters, or none.
pub(crate) fn modifier(row: &Row<'_>, column: usize) -> Result<String, ReadError> {
    let text = row.cell(column).to_ascii_uppercase();
    if text.is_empty() {
        return Ok(text);
    }
    let text = zeros(&text, 2);
    if text.len() == 2 && text.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Ok(text);
    }
    Err(row.error(
        Some(column),
        format!("{:?} is no modifier of two characters", short(&text)),
    ))
}

/// A number with its leading zeros, which spreadsheets strip: contractor `02102`, locality `00`.
pub(crate) fn zeros(text: &str, width: usize) -> String {
    if !text.is_empty() && text.len() < width && text.bytes().all(|b| b.is_ascii_digit()) {
        format!("{text:0>width$}")
    } else {
        text.to_owned()
    }
}

/// A number of exactly `width` digits, with its leading zeros.
pub(crate) fn number(
    row: &Row<'_>,
    column: usize,
    width: usize,
    what: &str,
) -> Result<String, ReadError> {
    let text = zeros(row.cell(column), width);
    if text.len() == width && text.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(text);
    }
    Err(row.error(Some(column), format!("{:?} is no {what}", short(&text))))
}

/// The year and, where it is named, the month of a release, out of a file's name or else of the archive's around it.
///
/// Knows `HCPC2026_OCT`, `proc_notes_2019`, `PPRRVU2025_Oct`, `january-2026-...zip` and `rvu25d`, whose letter is
/// a quarter. Folders are not looked at: people name them for reasons of their own.
pub(crate) fn calendar(path: &str) -> Option<(i32, Option<u32>)> {
    path.split('!').rev().find_map(|part| {
        let name = part.rsplit(['/', '\\']).next().unwrap_or_default();
        let name = name.to_lowercase();
        let runs = runs(&name);
        let year = runs
            .iter()
            .find_map(|run| (run.len() == 4 && run.starts_with("20")).then(|| run.parse().ok())?);
        let month = runs.iter().find_map(|run| month(run));
        if let Some(year) = year {
            return Some((year, month));
        }
        let at = runs.iter().position(|run| *run == "rvu")?;
        let year: i32 = runs.get(at + 1).filter(|y| y.len() == 2)?.parse().ok()?;
        let quarter = match runs.get(at + 2).copied() {
            Some("a") => Some(1),
            Some("b") => Some(4),
            Some("c") => Some(7),
            Some("d") => Some(10),
            _ => None,
        };
        Some((2000 + year, month.or(quarter)))
    })
}

/// The months in which releases begin, as names and file names write them.
pub(crate) fn month(word: &str) -> Option<u32> {
    match word.to_lowercase().as_str() {
        "jan" | "january" => Some(1),
        "apr" | "april" => Some(4),
        "jul" | "july" => Some(7),
        "oct" | "october" => Some(10),
        _ => None,
    }
}

/// A name's runs of letters and of digits.
fn runs(name: &str) -> Vec<&str> {
    let mut runs = Vec::new();
    let kind = |c: char| {
        if c.is_ascii_digit() {
            1
        } else if c.is_alphabetic() {
            2
        } else {
            0
        }
    };
    let mut start = 0;
    let mut last = 0;
    for (at, c) in name.char_indices() {
        let now = kind(c);
        if now != last {
            if last != 0 {
                runs.push(&name[start..at]);
            }
            start = at;
            last = now;
        }
    }
    if last != 0 {
        runs.push(&name[start..]);
    }
    runs
}

/// The first year from 2000 to 2099 that a text names as a word of its own.
pub(crate) fn year_in(text: &str) -> Option<i32> {
    runs(text)
        .iter()
        .find_map(|run| (run.len() == 4 && run.starts_with("20")).then(|| run.parse().ok())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_quarter() {
        assert_eq!(calendar("HCPC2026_OCT_ANWEB.csv"), Some((2026, Some(10))));
        assert_eq!(calendar("HCPC2019_CONTR_ANWEB.txt"), Some((2019, None)));
        assert_eq!(calendar("NOC codes_APR 2025.xlsx"), Some((2025, Some(4))));
        assert_eq!(
            calendar("x/rvu25d.zip!OPPSCAP_Oct.csv"),
            Some((2025, Some(10)))
        );
        assert_eq!(calendar("RVU26A.zip!a.csv"), Some((2026, Some(1))));
        assert_eq!(
            calendar("2024-jan/april-2025-alpha-numeric.zip!a.csv"),
            Some((2025, Some(4)))
        );
        assert_eq!(calendar("2024-jan/a.csv"), None);
        assert_eq!(calendar("janitor.csv"), None);
    }

    #[test]
    fn dates_are_whole_or_refused() {
        assert_eq!(date(""), Ok(None));
        assert_eq!(date("20240229"), Ok(NaiveDate::from_ymd_opt(2024, 2, 29)));
        assert_eq!(date("2024-02-29"), Ok(NaiveDate::from_ymd_opt(2024, 2, 29)));
        for wrong in ["20230229", "2023", "202302291", "+2023022", "2023-2-29-"] {
            assert!(date(wrong).is_err(), "{wrong}");
        }
    }
}
