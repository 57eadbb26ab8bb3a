//! What is wrong with a file: where, what, and what to do.

use std::fmt;

/// A place inside a file, as a person finds it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Place {
    /// The file as a whole.
    #[default]
    Whole,
    /// A line of a text file, from 1.
    Line(u64),
    /// A cell of a workbook: the sheet's name, the row from 1, and the column from 1 where one cell is at fault.
    Cell {
        /// The sheet.
        sheet: String,
        /// From 1.
        row: u64,
        /// From 1.
        column: Option<u32>,
    },
    /// A page of a PDF, from 1.
    Page(u32),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => Ok(()),
            Self::Line(n) => write!(f, ", line {n}"),
            Self::Cell {
                sheet,
                row,
                column: Some(column),
            } => {
                write!(f, ", sheet {sheet:?}, cell {}{row}", letters(*column))
            }
            Self::Cell {
                sheet,
                row,
                column: None,
            } => write!(f, ", sheet {sheet:?}, row {row}"),
            Self::Page(n) => write!(f, ", page {n}"),
        }
    }
}

/// A column's name in a workbook: 1 is A, 27 is AA.
fn letters(mut column: u32) -> String {
    let mut name = Vec::new();
    while column > 0 {
        let rest = ((column - 1) % 26) as u8;
        name.push(char::from(b'A' + rest));
        column = (column - 1) / 26;
    }
    name.iter().rev().collect()
}

/// Why a file could not be read. Shown to the operator who loads it; it never holds more of the file than a code or
/// a short field.
#[derive(Debug, thiserror::Error)]
#[error("{file}{place}: {what}; {remedy}")]
pub struct ReadError {
    /// The file; inside an archive `outer.zip!inner.txt`.
    pub file: String,
    /// Where in it.
    pub place: Place,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

/// What helps where a file is damaged.
pub const DOWNLOAD_AGAIN: &str = "download it from its publisher again";

impl ReadError {
    /// A fault at a place.
    pub fn new(
        file: &str,
        place: Place,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            file: file.to_owned(),
            place,
            what: what.into(),
            remedy: remedy.into(),
        }
    }

    /// A damaged file: what remains is to download it again.
    pub fn damaged(file: &str, place: Place, what: impl Into<String>) -> Self {
        Self::new(file, place, what, DOWNLOAD_AGAIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_as_a_person_finds_it() {
        let cell = |column| Place::Cell {
            sheet: "MUE".into(),
            row: 7,
            column,
        };
        let e = ReadError::damaged("a.zip!b.xlsx", cell(Some(28)), "no number");
        assert_eq!(
            e.to_string(),
            "a.zip!b.xlsx, sheet \"MUE\", cell AB7: no number; download it from its publisher again"
        );
        assert_eq!(cell(Some(26)).to_string(), ", sheet \"MUE\", cell Z7");
        assert_eq!(cell(None).to_string(), ", sheet \"MUE\", row 7");
    }
}
