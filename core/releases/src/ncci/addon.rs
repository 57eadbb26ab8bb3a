//! NCCI add-on code edits: a code that is paid only where one of its primary codes is paid too.

use std::collections::HashSet;

use chrono::NaiveDate;

use super::{bind, code, names, no_heading, separator, short, squeezed};
use crate::edition::{Found, Kind};
use crate::error::ReadError;
use crate::member::Member;
use crate::recognise::Look;
use crate::table::{self, Row};

/// What stands for the primary code where the Medicare contractors define it.
pub const CONTRACTOR_DEFINED: &str = "CCCCC";

/// How complete a list of primary codes is (CMS, Add-on Code Edits).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AddOnType {
    /// 1: the listed primary codes are all there are.
    Complete,
    /// 2: no primary code is listed; contractors define them.
    ContractorDefined,
    /// 3: some are listed; contractors may accept others.
    Partial,
}

impl AddOnType {
    /// The figure in the file.
    pub fn figure(self) -> u8 {
        match self {
            Self::Complete => 1,
            Self::ContractorDefined => 2,
            Self::Partial => 3,
        }
    }

    /// The inverse of [`Self::figure`].
    pub fn from_figure(figure: u8) -> Option<Self> {
        [Self::Complete, Self::ContractorDefined, Self::Partial]
            .into_iter()
            .find(|t| t.figure() == figure)
    }

    /// What the figure means, as an answer says it.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Complete => "only the listed primary codes count",
            Self::ContractorDefined => "the Medicare contractors define its primary codes",
            Self::Partial => "the listed primary codes count, and contractors may accept others",
        }
    }
}

/// One row: an add-on code and one of its primary codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddOn {
    /// How complete the list is.
    pub kind: AddOnType,
    /// The add-on code.
    pub code: String,
    /// Last date of service on which that code exists.
    pub code_deletion: Option<NaiveDate>,
    /// The primary code, or [`CONTRACTOR_DEFINED`].
    pub primary: String,
    /// Last date of service on which the primary code exists.
    pub primary_deletion: Option<NaiveDate>,
    /// First date of service to which the edit applies.
    pub effective: NaiveDate,
    /// Last date of service to which it applies.
    pub deletion: Option<NaiveDate>,
    /// Special instructions, verbatim; empty where there are none.
    pub notes: String,
}

pub(super) fn recognise(look: &Look<'_>) -> Option<Found> {
    look.rows.iter().find(|row| is_heading(row))?;
    let found = Found::of(Kind::AddOn);
    Some(match names(look.member).find_map(|name| edition(&name)) {
        Some((year, quarter)) => found.quarter(year, quarter),
        None => found,
    })
}

/// `aoc_v2026q2-mcr.xlsx`.
fn edition(name: &str) -> Option<(i32, u32)> {
    let (_, rest) = name
        .split_once("aoc_v")
        .or_else(|| name.split_once("aoc-v"))?;
    let (year, rest) = rest.split_once('q')?;
    let quarter = rest
        .get(..1)?
        .parse()
        .ok()
        .filter(|q| (1..=4).contains(q))?;
    let year = (year.len() == 4).then(|| year.parse().ok())??;
    Some((year, quarter))
}

fn is_heading(cells: &[String]) -> bool {
    let has = |wanted: &str| cells.iter().any(|c| squeezed(c) == wanted);
    has("addoncode") && has("primarycode")
}

struct Columns {
    kind: usize,
    code: usize,
    code_deletion: usize,
    primary: usize,
    primary_deletion: usize,
    effective: usize,
    deletion: usize,
    notes: usize,
}

impl Columns {
    fn bind(row: &Row<'_>) -> Result<Self, ReadError> {
        let headings: Vec<String> = row.cells.iter().map(|c| squeezed(c)).collect();
        let bound = |named: &str| {
            let wanted = squeezed(named);
            bind(&headings, row, named, |h| h == wanted)
        };
        Ok(Self {
            kind: bound("AOC_Edit_Type")?,
            code: bound("Add-On_Code")?,
            code_deletion: bound("AOC_DelDT")?,
            primary: bound("Primary_Code")?,
            primary_deletion: bound("Primary_Code_DelDT")?,
            effective: bound("AOC_Edit_EffDT")?,
            deletion: bound("AOC_Edit_DelDT")?,
            notes: bound("Special_Instruction_Notes")?,
        })
    }

    fn addon(&self, row: &Row<'_>) -> Result<AddOn, ReadError> {
        let wrong = |column: usize, what: &str| {
            let what = format!("{what}: {:?}", short(row.cell(column)));
            row.error(Some(column), what)
        };
        let day = |column: usize| {
            julian(row.cell(column))
                .ok_or_else(|| wrong(column, "the date (year and day of the year) does not exist"))
        };
        // How the publisher writes "not deleted" is not described: an empty cell, and what its other tables have.
        let end = |column: usize| match row.cell(column) {
            "" | "*" | "0" => Ok(None),
            _ => day(column).map(Some),
        };
        let kind = row
            .cell(self.kind)
            .parse()
            .ok()
            .and_then(AddOnType::from_figure);
        Ok(AddOn {
            kind: kind.ok_or_else(|| wrong(self.kind, "the edit type is none of 1, 2, 3"))?,
            code: code(row, self.code, "the add-on code")?.to_owned(),
            code_deletion: end(self.code_deletion)?,
            primary: match row.cell(self.primary) {
                CONTRACTOR_DEFINED => CONTRACTOR_DEFINED.to_owned(),
                _ => code(row, self.primary, "the primary code")?.to_owned(),
            },
            primary_deletion: end(self.primary_deletion)?,
            effective: day(self.effective)?,
            deletion: end(self.deletion)?,
            notes: row.cell(self.notes).to_owned(),
        })
    }
}

/// `2026091`: the year and the day of the year, April 1 here.
pub fn julian(text: &str) -> Option<NaiveDate> {
    if text.len() != 7 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    NaiveDate::from_yo_opt(text[..4].parse().ok()?, text[4..].parse().ok()?)
}

/// Reads a file, which has a few thousand rows.
///
/// # Errors
/// A heading that misses a column, a date that does not exist, a row that stands twice.
pub fn read(member: &Member) -> Result<Vec<AddOn>, ReadError> {
    let mut columns: Option<Columns> = None;
    let mut seen = HashSet::new();
    let mut found: Vec<AddOn> = Vec::new();
    table::rows::<ReadError>(member, separator(member), &mut |row| {
        let Some(columns) = &columns else {
            if is_heading(row.cells) {
                columns = Some(Columns::bind(row)?);
            }
            return Ok(());
        };
        if row.is_blank() {
            return Ok(());
        }
        let addon = columns.addon(row)?;
        if !seen.insert((addon.code.clone(), addon.primary.clone(), addon.effective)) {
            let what = format!(
                "add-on code {} with primary code {} from {} stands here a second time",
                addon.code, addon.primary, addon.effective
            );
            return Err(row.error(None, what));
        }
        if found.len() >= MOST_ROWS {
            return Err(row.error(None, "there are more rows than an add-on code file has"));
        }
        found.push(addon);
        Ok(())
    })?;
    if columns.is_none() {
        return Err(no_heading(member, "\"Add-On_Code\", \"Primary_Code\" …"));
    }
    if found.is_empty() {
        let what = "no edit stands below the heading";
        return Err(ReadError::damaged(&member.path, crate::Place::Whole, what));
    }
    Ok(found)
}

/// A bound for the memory.
const MOST_ROWS: usize = 500_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_the_year() {
        assert_eq!(julian("2026091"), NaiveDate::from_ymd_opt(2026, 4, 1));
        assert_eq!(julian("2024366"), NaiveDate::from_ymd_opt(2024, 12, 31));
        for wrong in ["2026366", "2026000", "202609", "20260401", "2026é1", ""] {
            assert_eq!(julian(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_name_says_the_quarter() {
        assert_eq!(edition("aoc_v2026q2-mcr.xlsx"), Some((2026, 2)));
        assert_eq!(edition("aoc_v2026q5.xlsx"), None);
        assert_eq!(edition("aoc.txt"), None);
    }
}
