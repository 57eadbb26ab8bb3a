//! NCCI medically unlikely edits (MUE): the most units of a code that are paid for one patient and one date, or on one
//! line of a claim. A file for each setting; the heading of its value column says which.

use chrono::{Datelike as _, NaiveDate};

use super::{Tail, bind, code, names, no_heading, short, squeezed};
use crate::edition::{Found, Kind, Setting};
use crate::error::ReadError;
use crate::member::Member;
use crate::recognise::Look;
use crate::table::{self, Row, Separator};

/// How a claim's units are held against the value: the MUE Adjudication Indicator (NCCI Policy Manual, ch. 1, V).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Adjudication {
    /// 1: each line of the claim by itself.
    Line,
    /// 2: all units of a date of service; absolute, by statute, regulation or policy.
    DatePolicy,
    /// 3: all units of a date of service; a clinical benchmark.
    DateClinical,
}

impl Adjudication {
    /// The figure in the file.
    pub fn figure(self) -> u8 {
        match self {
            Self::Line => 1,
            Self::DatePolicy => 2,
            Self::DateClinical => 3,
        }
    }

    /// The inverse of [`Self::figure`].
    pub fn from_figure(figure: u8) -> Option<Self> {
        [Self::Line, Self::DatePolicy, Self::DateClinical]
            .into_iter()
            .find(|a| a.figure() == figure)
    }

    /// What the figure means, as an answer says it.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Line => "the units of each claim line are compared by themselves",
            Self::DatePolicy => {
                "all units of a date of service are compared; the limit is absolute, by policy or regulation"
            }
            Self::DateClinical => {
                "all units of a date of service are compared; the limit is a clinical benchmark"
            }
        }
    }
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mue {
    /// CPT or HCPCS Level II code.
    pub code: String,
    /// The most units.
    pub value: u32,
    /// How units are held against it.
    pub adjudication: Adjudication,
    /// The indicator's cell, verbatim: the figure and its name.
    pub adjudication_text: String,
    /// Why it is so many, verbatim.
    pub rationale: String,
}

pub(super) fn recognise(look: &Look<'_>) -> Option<Found> {
    let heading = look.rows.iter().find(|row| is_heading(row))?;
    let mut found = Found::of(Kind::Mue);
    found.setting = heading.iter().find_map(|c| setting(&squeezed(c)));
    if let Some(date) = names(look.member).find_map(|name| effective(&name)) {
        if date.day() == 1 && date.month() % 3 == 1 {
            found = found.quarter(date.year(), date.month() / 3 + 1);
        } else {
            found.edition = Some(date.to_string());
            found.effective = Some(date);
        }
    }
    Some(found)
}

/// `…_eff_07-01-2026.csv`.
fn effective(name: &str) -> Option<NaiveDate> {
    let (_, rest) = name
        .split_once("eff_")
        .or_else(|| name.split_once("eff-"))?;
    let mut parts = rest.split(|c: char| !c.is_ascii_digit());
    let mut next = || parts.next()?.parse::<u32>().ok();
    let (month, day, year) = (next()?, next()?, next()?);
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)
}

fn setting(heading: &str) -> Option<Setting> {
    if !heading.contains("muevalue") {
        return None;
    }
    [
        ("practitioner", Setting::Practitioner),
        ("outpatienthospital", Setting::Facility),
        ("dme", Setting::Dme),
    ]
    .into_iter()
    .find_map(|(word, setting)| heading.contains(word).then_some(setting))
}

fn is_heading(cells: &[String]) -> bool {
    let has = |part: &str| cells.iter().any(|c| squeezed(c).contains(part));
    has("cptcode") && has("muevalue")
}

struct Columns {
    code: usize,
    value: usize,
    adjudication: usize,
    rationale: usize,
}

impl Columns {
    fn bind(row: &Row<'_>) -> Result<Self, ReadError> {
        let headings: Vec<String> = row.cells.iter().map(|c| squeezed(c)).collect();
        Ok(Self {
            code: bind(&headings, row, "HCPCS/CPT Code", |h| h.contains("cptcode"))?,
            value: bind(&headings, row, "MUE Values", |h| h.contains("muevalue"))?,
            adjudication: bind(&headings, row, "MUE Adjudication Indicator", |h| {
                h.contains("adjudicationindicator")
            })?,
            rationale: bind(&headings, row, "MUE Rationale", |h| {
                h.contains("muerationale")
            })?,
        })
    }

    fn mue(&self, row: &Row<'_>) -> Result<Mue, ReadError> {
        let code = code(row, self.code, "the code")?.to_owned();
        let wrong = |column: usize, what: &str| {
            let what = format!("{what}: {:?}", short(row.cell(column)));
            row.error(Some(column), what)
        };
        let text = row.cell(self.adjudication);
        // The figure stands alone or before its name; "23" would be no indicator.
        let figure = text.split(|c: char| !c.is_ascii_digit()).next();
        let adjudication = figure
            .and_then(|f| f.parse().ok())
            .and_then(Adjudication::from_figure);
        Ok(Mue {
            code,
            value: row
                .cell(self.value)
                .parse()
                .map_err(|_| wrong(self.value, "the MUE value is no whole number"))?,
            adjudication: adjudication.ok_or_else(|| {
                wrong(
                    self.adjudication,
                    "the adjudication indicator is none of 1, 2, 3",
                )
            })?,
            adjudication_text: text.to_owned(),
            rationale: match row.cell(self.rationale) {
                "" => return Err(wrong(self.rationale, "the rationale is missing")),
                text => text.to_owned(),
            },
        })
    }
}

/// Reads a file, of which the largest has some 15,000 rows.
///
/// # Errors
/// A heading that misses a column, a value that is none, a code that stands twice, a cut file.
pub fn read(member: &Member) -> Result<Vec<Mue>, ReadError> {
    let mut columns: Option<Columns> = None;
    let mut tail = Tail::default();
    let mut seen = std::collections::HashSet::new();
    let mut found: Vec<Mue> = Vec::new();
    table::rows::<ReadError>(member, Separator::Comma, &mut |row| {
        let Some(columns) = &columns else {
            if is_heading(row.cells) {
                columns = Some(Columns::bind(row)?);
            }
            return Ok(());
        };
        if row.is_blank() {
            return Ok(());
        }
        let mue = columns.mue(row)?;
        if !seen.insert(mue.code.clone()) {
            let what = format!("the code {} stands here a second time", mue.code);
            return Err(row.error(Some(columns.code), what));
        }
        if found.len() >= MOST_ROWS || !tail.note(&mue.rationale) {
            return Err(row.error(None, "there are more rows than an MUE file has"));
        }
        found.push(mue);
        Ok(())
    })?;
    if columns.is_none() {
        return Err(no_heading(member, "\"HCPCS/CPT Code\", \"… MUE Values\" …"));
    }
    tail.finish(member)?;
    if found.is_empty() {
        let what = "no value stands below the heading";
        return Err(ReadError::damaged(&member.path, crate::Place::Whole, what));
    }
    Ok(found)
}

/// A bound for the memory: there are some 20,000 codes.
const MOST_ROWS: usize = 200_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_says_the_date() {
        let day = NaiveDate::from_ymd_opt(2026, 7, 1);
        assert_eq!(
            effective("mcr_mue_practitionerservices_eff_07-01-2026.csv"),
            day
        );
        assert_eq!(effective("mcr_mue_eff_13-01-2026.csv"), None);
        assert_eq!(effective("mue.csv"), None);
    }

    #[test]
    fn the_heading_says_the_setting() {
        assert_eq!(
            setting("practitionerservicesmuevalues"),
            Some(Setting::Practitioner)
        );
        assert_eq!(
            setting("outpatienthospitalservicesmuevalues"),
            Some(Setting::Facility)
        );
        assert_eq!(setting("dmesupplierservicesmuevalues"), Some(Setting::Dme));
        assert_eq!(setting("practitioner"), None);
    }
}
