//! Anesthesia conversion factors by locality: dollars for a unit of base and time. The national factor stands in the
//! heading; since 2026 there are two, one for participants in advanced payment models (qualifying APM).

use std::collections::HashSet;

use rust_decimal::Decimal;

use crate::columns::{self, Columns, heading};
use crate::edition::{Found, Kind};
use crate::error::ReadError;
use crate::fixed;
use crate::member::Member;
use crate::recognise::Look;
use crate::relative_values::calendar_year;

/// One locality's factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnesthesiaRow {
    /// Medicare administrative contractor, five digits.
    pub contractor: String,
    /// Locality number, two digits.
    pub locality: String,
    /// Name, without footnote stars.
    pub name: String,
    /// Dollars for a unit.
    pub factor: Decimal,
    /// Dollars for a unit of participants in advanced payment models, where the file has them apart.
    pub qualifying: Option<Decimal>,
}

/// The file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anesthesia {
    /// The national factor, where the heading states it.
    pub national: Option<Decimal>,
    /// The national factor of participants in advanced payment models.
    pub national_qualifying: Option<Decimal>,
    /// By locality, in the file's order.
    pub rows: Vec<AnesthesiaRow>,
}

/// The table, by its headings. Only its name says the year.
pub(crate) fn recognise(look: &Look<'_>) -> Option<Found> {
    look.rows.iter().find(|row| is_header(row))?;
    let year = columns::calendar(&look.member.path).map(|(year, _)| year);
    Some(calendar_year(Found::of(Kind::Anesthesia), year))
}

fn is_header(cells: &[String]) -> bool {
    let has = |name: &str| cells.iter().any(|c| heading(c).contains(name));
    has("CONTRACTOR") && has("LOCALITY") && has("ANES CF")
}

fn is_qualifying(heading: &str) -> bool {
    heading.contains("QUALIFYING")
        && !heading.contains("NON-QUALIFYING")
        && !heading.contains("NON QUALIFYING")
}

/// The figure at the end of `NATIONAL ANES CF OF 20.3178`.
fn national(heading: &str) -> Option<Decimal> {
    let last = heading.split_whitespace().last()?;
    Decimal::from_str_exact(last.trim_start_matches('$')).ok()
}

/// Reads the factors.
///
/// # Errors
/// A heading that is missing, a figure that is none, a locality that stands twice, a row that is cut.
pub fn read(member: &Member) -> Result<Anesthesia, ReadError> {
    struct Bound {
        columns: Columns,
        contractor: usize,
        locality: usize,
        name: usize,
        factor: usize,
        qualifying: Option<usize>,
    }
    let mut bound: Option<Bound> = None;
    let mut rows = Vec::new();
    let mut seen = HashSet::new();
    fixed::rows::<ReadError>(member, Kind::Anesthesia, &mut |row| {
        let Some(b) = &bound else {
            if is_header(row.cells) {
                let headings = row.cells.iter().map(|c| heading(c)).collect();
                let columns = Columns::new(&member.path, row.place(None), headings);
                bound = Some(Bound {
                    contractor: columns.named(&["CONTRACTOR"])?,
                    locality: columns.named(&["LOCALITY", "LOCALITY NUMBER"])?,
                    name: columns.named(&["LOCALITY NAME"])?,
                    factor: columns.matching("National Anes CF", |h| {
                        h.contains("ANES CF") && !is_qualifying(h)
                    })?,
                    qualifying: columns
                        .matching("Qualifying APM National Anes CF", |h| {
                            h.contains("ANES CF") && is_qualifying(h)
                        })
                        .ok(),
                    columns,
                });
            }
            return Ok(());
        };
        // Blank rows and footnotes.
        if columns::note(row, &b.columns) {
            return Ok(());
        }
        columns::whole(row, &b.columns)?;
        let contractor = columns::number(row, b.contractor, 5, "contractor number")?;
        let locality = columns::number(row, b.locality, 2, "locality number")?;
        if !seen.insert((contractor.clone(), locality.clone())) {
            let what =
                format!("contractor {contractor}, locality {locality} stand in the file twice");
            return Err(row.error(Some(b.contractor), what));
        }
        rows.push(AnesthesiaRow {
            contractor,
            locality,
            name: row.cell(b.name).trim_end_matches('*').trim().to_owned(),
            factor: columns::decimal(row, b.factor)?,
            qualifying: b
                .qualifying
                .map(|column| columns::decimal(row, column))
                .transpose()?,
        });
        Ok(())
    })?;
    let Some(b) = bound else {
        return Err(columns::nothing(
            member,
            "no row is headed Contractor, Locality, Anes CF",
        ));
    };
    if rows.is_empty() {
        return Err(columns::nothing(
            member,
            "it holds headings, but no locality",
        ));
    }
    Ok(Anesthesia {
        national: national(b.columns.heading(b.factor)),
        national_qualifying: b
            .qualifying
            .and_then(|column| national(b.columns.heading(column))),
        rows,
    })
}
