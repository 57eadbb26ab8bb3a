//! Geographic practice cost indices (addendum E of the physician fee schedule): what the parts of a fee are multiplied
//! by in each locality.

use std::collections::HashSet;

use rust_decimal::Decimal;

use crate::columns::{self, Columns, heading};
use crate::edition::{Found, Kind};
use crate::error::ReadError;
use crate::fixed;
use crate::member::Member;
use crate::recognise::Look;
use crate::relative_values::calendar_year;

/// The indices of one locality.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GpciRow {
    /// Medicare administrative contractor, five digits.
    pub contractor: String,
    /// State or territory, two letters.
    pub state: String,
    /// Locality number, two digits, within the contractor.
    pub locality: String,
    /// Name, without its footnote's stars.
    pub name: String,
    /// Index of the work.
    pub work: Decimal,
    /// Index of the practice expense.
    pub pe: Decimal,
    /// Index of malpractice.
    pub mp: Decimal,
    /// What the file says of its floors for this locality, verbatim: the heading of the work index, and the footnote
    /// that the name's stars refer to.
    pub note: String,
}

/// The table, by the words in its headings.
pub(crate) fn recognise(look: &Look<'_>) -> Option<Found> {
    let row = look.rows.iter().find(|row| is_header(row))?;
    let year = row
        .iter()
        .chain(look.rows.iter().take(5).flatten())
        .find_map(|cell| columns::year_in(cell))
        .or_else(|| columns::calendar(&look.member.path).map(|(year, _)| year));
    Some(calendar_year(Found::of(Kind::Gpci), year))
}

fn is_header(cells: &[String]) -> bool {
    let has = |name: &str| cells.iter().any(|c| heading(c).contains(name));
    has("PW GPCI") && has("PE GPCI") && has("MP GPCI")
}

/// Reads the indices, in the file's order.
///
/// Where the file prints the work index with and without the 1.0 floor, the one with it is read: it is the one in
/// force while Congress extends the floor, and [`GpciRow::note`] names the heading.
///
/// # Errors
/// A heading that is missing, a figure that is none, a locality that stands twice, a row that is cut.
pub fn read(member: &Member) -> Result<Vec<GpciRow>, ReadError> {
    struct Bound {
        columns: Columns,
        contractor: usize,
        state: usize,
        locality: usize,
        name: usize,
        work: usize,
        pe: usize,
        mp: usize,
    }
    let mut bound: Option<Bound> = None;
    let mut rows: Vec<(GpciRow, String)> = Vec::new();
    let mut notes: Vec<(String, String)> = Vec::new();
    let mut seen = HashSet::new();
    fixed::rows::<ReadError>(member, Kind::Gpci, &mut |row| {
        let Some(b) = &bound else {
            if is_header(row.cells) {
                let headings = row.cells.iter().map(|c| heading(c)).collect();
                let columns = Columns::new(&member.path, row.place(None), headings);
                let work = columns
                    .matching("PW GPCI", |h| {
                        h.contains("PW GPCI") && !h.contains("WITHOUT")
                    })
                    .or_else(|_| columns.matching("PW GPCI", |h| h.contains("PW GPCI")))?;
                bound = Some(Bound {
                    contractor: columns
                        .matching("Medicare Administrative Contractor (MAC)", |h| {
                            h.contains("CONTRACTOR")
                        })?,
                    state: columns.named(&["STATE"])?,
                    locality: columns.named(&["LOCALITY NUMBER"])?,
                    name: columns.named(&["LOCALITY NAME"])?,
                    work,
                    pe: columns.matching("PE GPCI", |h| h.contains("PE GPCI"))?,
                    mp: columns.matching("MP GPCI", |h| h.contains("MP GPCI"))?,
                    columns,
                });
            }
            return Ok(());
        };
        if columns::note(row, &b.columns) {
            // Below the table stand footnotes, each in one cell.
            let text = row.cells.iter().find(|c| c.starts_with('*'));
            if let Some(text) = text {
                let stars: String = text.chars().take_while(|c| *c == '*').collect();
                let text = text.trim_start_matches('*').trim().to_owned();
                notes.push((stars, text));
            }
            return Ok(());
        }
        columns::whole(row, &b.columns)?;
        let contractor = columns::number(row, b.contractor, 5, "contractor number")?;
        let locality = columns::number(row, b.locality, 2, "locality number")?;
        let state = row.cell(b.state).to_ascii_uppercase();
        if state.len() != 2 || !state.bytes().all(|c| c.is_ascii_uppercase()) {
            let what = format!("{:?} is no state", columns::short(&state));
            return Err(row.error(Some(b.state), what));
        }
        if !seen.insert((contractor.clone(), locality.clone())) {
            let what =
                format!("contractor {contractor}, locality {locality} stand in the file twice");
            return Err(row.error(Some(b.contractor), what));
        }
        let printed = row.cell(b.name);
        let name = printed.trim_end_matches('*').trim();
        rows.push((
            GpciRow {
                contractor,
                state,
                locality,
                name: name.to_owned(),
                work: columns::decimal(row, b.work)?,
                pe: columns::decimal(row, b.pe)?,
                mp: columns::decimal(row, b.mp)?,
                note: row_note(b.columns.heading(b.work)),
            },
            printed[printed.trim_end_matches('*').len()..].to_owned(),
        ));
        Ok(())
    })?;
    if bound.is_none() {
        return Err(columns::nothing(
            member,
            "no row is headed with PW GPCI, PE GPCI and MP GPCI",
        ));
    }
    if rows.is_empty() {
        return Err(columns::nothing(
            member,
            "it holds headings, but no locality",
        ));
    }
    Ok(rows
        .into_iter()
        .map(|(mut row, stars)| {
            let footnote = notes.iter().find(|(s, _)| !stars.is_empty() && *s == stars);
            if let Some((_, text)) = footnote {
                if !row.note.is_empty() {
                    row.note.push_str("; ");
                }
                row.note.push_str(text);
            }
            row
        })
        .collect())
}

/// What the heading of the work index says of a floor.
fn row_note(heading: &str) -> String {
    if heading.contains("FLOOR") {
        heading.trim_end_matches('*').to_owned()
    } else {
        String::new()
    }
}
