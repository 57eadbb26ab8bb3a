//! NCCI procedure-to-procedure (PTP) edits: which code is not paid beside which, since when, and whether a modifier
//! may say that the two were apart.
//!
//! Four files make up an edition for a setting (`f1` to `f4`), split by column 1 code in the order of the codes. The
//! heading is stacked over several rows. Deleted pairs stay in the file with their dates, so that an edition also
//! answers for dates of service before it; the same pair may stand several times, with other dates.

use chrono::NaiveDate;

use super::{Tail, bind, code, date, names, no_heading, separator, short, squeezed};
use crate::edition::{Found, Kind, Setting};
use crate::error::ReadError;
use crate::member::Member;
use crate::recognise::Look;
use crate::table::{self, Row};

/// Whether a modifier may bypass an edit: the Correct Coding Modifier Indicator (NCCI Policy Manual, ch. 1, E).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Indicator {
    /// 0: none may.
    NotAllowed,
    /// 1: one of the NCCI PTP-associated modifiers may.
    Allowed,
    /// 9: the question does not arise, for the edit was deleted on the day on which it began.
    NotApplicable,
}

impl Indicator {
    /// The figure in the file.
    pub fn figure(self) -> u8 {
        match self {
            Self::NotAllowed => 0,
            Self::Allowed => 1,
            Self::NotApplicable => 9,
        }
    }

    /// The inverse of [`Self::figure`].
    pub fn from_figure(figure: u8) -> Option<Self> {
        [Self::NotAllowed, Self::Allowed, Self::NotApplicable]
            .into_iter()
            .find(|i| i.figure() == figure)
    }

    /// What the figure means, as an answer says it.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::NotAllowed => "no modifier bypasses the edit",
            Self::Allowed => {
                "an NCCI PTP-associated modifier bypasses the edit where the record supports it"
            }
            Self::NotApplicable => "not applicable: the edit was never active",
        }
    }
}

/// One row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edit<'a> {
    /// The code that is paid.
    pub column1: &'a str,
    /// The code that is not paid beside it.
    pub column2: &'a str,
    /// Whether the edit is older than 1996.
    pub prior_1996: bool,
    /// First date of service to which it applies.
    pub effective: NaiveDate,
    /// Last date of service to which it applies. Equal to `effective` where it was never active.
    pub deletion: Option<NaiveDate>,
    /// Whether a modifier may bypass it.
    pub indicator: Indicator,
    /// Why the two are not paid together, verbatim.
    pub rationale: &'a str,
}

/// What a file held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Rows.
    pub rows: u64,
    /// The first column 1 code in the order of the codes.
    pub first: String,
    /// The last one.
    pub last: String,
}

pub(super) fn recognise(look: &Look<'_>) -> Option<Found> {
    let at = look.rows.iter().position(|row| is_heading(row))?;
    // The rows below the first complete the heading; one of these words tells it from any other table with columns.
    let heading: String = look.rows[at..]
        .iter()
        .take(6)
        .flatten()
        .map(|c| squeezed(c))
        .collect();
    if !["priorto1996", "rationale", "0notallowed"]
        .iter()
        .any(|w| heading.contains(w))
    {
        return None;
    }
    let mut found = Found::of(Kind::Ptp);
    if let Some(named) = names(look.member).find_map(|name| Named::read(&name)) {
        found.setting = Some(named.setting);
        found.part = named.part;
        if let Some((year, quarter, revision)) = named.version {
            found = found.quarter(year, quarter);
            // A corrected release of the same quarter stands beside the one that it corrects.
            if let (Some(edition), 1..) = (&mut found.edition, revision) {
                edition.push_str(&format!(" (revision {revision})"));
            }
        }
    }
    Some(found)
}

/// What the publisher puts into a name: `ccipra-v322r0-f1` is the practitioners' table, version 32.2, first part.
struct Named {
    setting: Setting,
    /// Year, quarter, revision.
    version: Option<(i32, u32, u32)>,
    part: String,
}

impl Named {
    fn read(name: &str) -> Option<Self> {
        let (setting, rest) = [
            ("ccipra", Setting::Practitioner),
            ("ccioph", Setting::Facility),
        ]
        .into_iter()
        .find_map(|(word, setting)| name.split_once(word).map(|(_, rest)| (setting, rest)))?;
        let mut named = Self {
            setting,
            version: None,
            part: String::new(),
        };
        for token in rest.split(|c: char| !c.is_ascii_alphanumeric()) {
            if let Some(version) = token.strip_prefix('v') {
                named.version = version_of(version);
            } else if let [b'f', b'1'..=b'9'] = token.as_bytes() {
                token.clone_into(&mut named.part);
            }
        }
        Some(named)
    }
}

/// `322r0`: version 32 is that of 2026, and its .2 the third quarter's.
fn version_of(text: &str) -> Option<(i32, u32, u32)> {
    let (version, revision) = text.split_once('r').unwrap_or((text, "0"));
    let version: u32 = version.parse().ok().filter(|v| (10..1000).contains(v))?;
    let quarter = version % 10 + 1;
    (quarter <= 4).then_some(())?;
    Some((
        1994 + i32::try_from(version / 10).ok()?,
        quarter,
        revision.parse().ok()?,
    ))
}

fn is_heading(cells: &[String]) -> bool {
    let has = |wanted: &str| cells.iter().any(|c| squeezed(c) == wanted);
    has("column1") && has("column2")
}

struct Columns {
    column1: usize,
    column2: usize,
    prior: usize,
    effective: usize,
    deletion: usize,
    indicator: usize,
    rationale: usize,
}

impl Columns {
    fn bind(headings: &[String], row: &Row<'_>) -> Result<Self, ReadError> {
        Ok(Self {
            column1: bind(headings, row, "Column 1", |h| h == "column1")?,
            column2: bind(headings, row, "Column 2", |h| h == "column2")?,
            prior: bind(headings, row, "*=in existence prior to 1996", |h| {
                h.contains("priorto1996")
            })?,
            effective: bind(headings, row, "Effective Date", |h| {
                h.starts_with("effective")
            })?,
            deletion: bind(headings, row, "Deletion Date", |h| {
                h.starts_with("deletion")
            })?,
            indicator: bind(headings, row, "Modifier", |h| h.starts_with("modifier"))?,
            rationale: bind(headings, row, "PTP Edit Rationale", |h| {
                h.contains("rationale")
            })?,
        })
    }

    fn edit<'r>(&self, row: &'r Row<'_>) -> Result<Edit<'r>, ReadError> {
        let day = |column: usize, named: &str| {
            let text = row.cell(column);
            date(text).ok_or_else(|| {
                let what = format!("the {named} date {:?} does not exist", short(text));
                row.error(Some(column), what)
            })
        };
        Ok(Edit {
            column1: code(row, self.column1, "column 1")?,
            column2: code(row, self.column2, "column 2")?,
            prior_1996: match row.cell(self.prior) {
                "" => false,
                "*" => true,
                other => {
                    let what = format!("{:?} is neither * nor empty", short(other));
                    return Err(row.error(Some(self.prior), what));
                }
            },
            effective: day(self.effective, "effective")?,
            // An empty cell is no `*`: a row that was cut must not read as an edit without an end.
            deletion: match row.cell(self.deletion) {
                "*" => None,
                _ => Some(day(self.deletion, "deletion")?),
            },
            indicator: match row.cell(self.indicator) {
                "0" => Indicator::NotAllowed,
                "1" => Indicator::Allowed,
                "9" => Indicator::NotApplicable,
                other => {
                    let what = format!(
                        "the modifier indicator {:?} is none of 0, 1, 9",
                        short(other)
                    );
                    return Err(row.error(Some(self.indicator), what));
                }
            },
            rationale: match row.cell(self.rationale) {
                "" => return Err(row.error(Some(self.rationale), "the rationale is missing")),
                text => text,
            },
        })
    }
}

enum State {
    Before,
    /// The heading so far, one text for each column, and where its column 1 is.
    Heading(Vec<String>, usize),
    Rows(Columns),
}

/// Reads a file in a stream: memory holds one row. `take` gets each edit with the row on which it stands, which places
/// an error of its own.
///
/// # Errors
/// A heading that misses a column, a code or date that is none, a cut file, and whatever `take` returns. What `take`
/// got before is then part of a file and must be thrown away.
pub fn read<E: From<ReadError>>(
    member: &Member,
    take: &mut dyn FnMut(&Edit<'_>, &Row<'_>) -> Result<(), E>,
) -> Result<Summary, E> {
    let mut state = State::Before;
    let mut tail = Tail::default();
    let mut range: Option<(String, String)> = None;
    table::rows::<E>(member, separator(member), &mut |row| {
        if row.is_blank() {
            return Ok(());
        }
        match &mut state {
            State::Before => {
                if is_heading(row.cells) {
                    let headings: Vec<String> = row.cells.iter().map(|c| squeezed(c)).collect();
                    let column1 = headings.iter().position(|h| h == "column1");
                    state = State::Heading(headings, column1.unwrap_or_default());
                }
                return Ok(());
            }
            State::Heading(headings, column1) => {
                if row.cell(*column1).is_empty() {
                    headings.resize(headings.len().max(row.cells.len()), String::new());
                    for (heading, more) in headings.iter_mut().zip(row.cells) {
                        heading.push_str(&squeezed(more));
                    }
                    return Ok(());
                }
                state = State::Rows(Columns::bind(headings, row)?);
            }
            State::Rows(_) => {}
        }
        let State::Rows(columns) = &state else {
            return Ok(());
        };
        let edit = columns.edit(row)?;
        if !tail.note(edit.rationale) {
            let what = "there are more different rationales than a PTP file has";
            return Err(row.error(Some(columns.rationale), what).into());
        }
        match &mut range {
            None => range = Some((edit.column1.to_owned(), edit.column1.to_owned())),
            Some((first, last)) => {
                if edit.column1 > last.as_str() {
                    edit.column1.clone_into(last);
                } else if edit.column1 < first.as_str() {
                    edit.column1.clone_into(first);
                }
            }
        }
        take(&edit, row)
    })?;
    tail.finish(member)?;
    match range {
        Some((first, last)) => Ok(Summary {
            rows: tail.rows,
            first,
            last,
        }),
        None if matches!(state, State::Before) => {
            Err(no_heading(member, "\"Column 1\", \"Column 2\" …").into())
        }
        None => {
            let what = "no edit stands below the heading";
            Err(ReadError::damaged(&member.path, crate::Place::Whole, what).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_setting_quarter_and_part() {
        let named = Named::read("ccipra-v322r0-f1.txt").unwrap();
        assert_eq!(
            (named.setting, named.version, named.part.as_str()),
            (Setting::Practitioner, Some((2026, 3, 0)), "f1")
        );
        let named = Named::read("x_ccioph_v313r1_f4.xlsx").unwrap();
        assert_eq!(
            (named.setting, named.version, named.part.as_str()),
            (Setting::Facility, Some((2025, 4, 1)), "f4")
        );
        let named = Named::read("ccipra-v329r0.txt").unwrap();
        assert_eq!((named.version, named.part.as_str()), (None, ""));
        assert!(Named::read("edits.txt").is_none());
    }
}
