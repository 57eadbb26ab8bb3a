//! The counties of each Medicare payment locality (`25LOCCO`).
//!
//! The file is laid out to be looked at: a state is printed once for its localities, which follow without a gap; where
//! cells are merged, contractor and state stand in the first row only.

use crate::columns::{self, Columns, heading, separator};
use crate::edition::{Found, Kind};
use crate::error::ReadError;
use crate::member::Member;
use crate::recognise::Look;
use crate::relative_values::calendar_year;
use crate::table;

/// One locality and what it covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalityRow {
    /// Medicare administrative contractor, five digits.
    pub contractor: String,
    /// Locality number, two digits.
    pub locality: String,
    /// State's name, in capitals as printed.
    pub state: String,
    /// Name of the fee schedule area, without footnote stars.
    pub area: String,
    /// The counties, as printed: a list, `ALL COUNTIES`, or all but some.
    pub counties: String,
}

/// The list, by its headings; its title names the year.
pub(crate) fn recognise(look: &Look<'_>) -> Option<Found> {
    look.rows.iter().find(|row| is_header(row))?;
    let titled = look
        .rows
        .iter()
        .take(5)
        .flatten()
        .find_map(|cell| columns::year_in(cell));
    Some(calendar_year(
        Found::of(Kind::Localities),
        titled.or_else(|| year_of_name(&look.member.name())),
    ))
}

/// `25LOCCO.csv`: two digits, or four.
fn year_of_name(name: &str) -> Option<i32> {
    columns::year_in(name).or_else(|| {
        let at = name.find("locco")?;
        let digits = name.get(at.checked_sub(2)?..at)?;
        digits.parse::<i32>().ok().map(|year| 2000 + year)
    })
}

fn is_header(cells: &[String]) -> bool {
    let has = |name: &str| cells.iter().any(|c| heading(c) == name);
    has("LOCALITY NUMBER") && has("FEE SCHEDULE AREA") && has("COUNTIES")
}

/// Reads the localities, in the file's order.
///
/// # Errors
/// A heading that is missing, a row without a contractor or state above it, a row that is cut.
pub fn read(member: &Member) -> Result<Vec<LocalityRow>, ReadError> {
    struct Bound {
        columns: Columns,
        contractor: usize,
        locality: usize,
        state: usize,
        area: usize,
        counties: usize,
    }
    let mut bound: Option<Bound> = None;
    let mut rows: Vec<LocalityRow> = Vec::new();
    table::rows::<ReadError>(member, separator(member), &mut |row| {
        let Some(b) = &bound else {
            if is_header(row.cells) {
                let headings = row.cells.iter().map(|c| heading(c)).collect();
                let columns = Columns::new(&member.path, row.place(None), headings);
                bound = Some(Bound {
                    // Its middle word is misspelled in the real file.
                    contractor: columns.matching("Medicare Administrative Contractor", |h| {
                        h.contains("CONTRACTOR")
                    })?,
                    locality: columns.named(&["LOCALITY NUMBER"])?,
                    state: columns.named(&["STATE"])?,
                    area: columns.named(&["FEE SCHEDULE AREA"])?,
                    counties: columns.named(&["COUNTIES"])?,
                    columns,
                });
            }
            return Ok(());
        };
        if row.is_blank() || row.cells.iter().any(|c| c.starts_with('*')) {
            return Ok(());
        }
        columns::whole(row, &b.columns)?;
        let above = rows.last_mut();
        if row.cell(b.locality).is_empty() {
            // Counties that go on, below their locality.
            return match above {
                Some(above) => {
                    above.counties.push(' ');
                    above.counties.push_str(row.cell(b.counties));
                    Ok(())
                }
                None => Err(row.error(Some(b.locality), "counties without a locality")),
            };
        }
        let inherited = |column: usize, above: Option<&String>, what: &str| {
            let text = row.cell(column);
            match above {
                _ if !text.is_empty() => Ok(text.to_owned()),
                Some(above) => Ok(above.clone()),
                None => Err(row.error(Some(column), format!("the {what} is missing"))),
            }
        };
        let state = inherited(b.state, above.as_ref().map(|a| &a.state), "state")?;
        let contractor = if row.cell(b.contractor).is_empty() {
            inherited(
                b.contractor,
                above.as_ref().map(|a| &a.contractor),
                "contractor",
            )?
        } else {
            columns::number(row, b.contractor, 5, "contractor number")?
        };
        rows.push(LocalityRow {
            contractor,
            locality: columns::number(row, b.locality, 2, "locality number")?,
            state,
            area: row.cell(b.area).trim_end_matches('*').trim().to_owned(),
            counties: row.cell(b.counties).to_owned(),
        });
        Ok(())
    })?;
    if bound.is_none() {
        return Err(columns::nothing(
            member,
            "no row is headed Locality Number, Fee Schedule Area, Counties",
        ));
    }
    if rows.is_empty() {
        return Err(columns::nothing(
            member,
            "it holds headings, but no locality",
        ));
    }
    Ok(rows)
}
