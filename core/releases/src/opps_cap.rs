//! What the OPPS cap leaves of a fee: for imaging and some other services the technical part may not be paid higher
//! than in a hospital's outpatient department (section 1848(b)(4) of the Social Security Act).
//!
//! The file gives the amounts of each locality after the cap; for codes that the contractor prices, the cap alone.

use std::collections::HashSet;

use rust_decimal::Decimal;

use crate::columns::{self, Columns, heading};
use crate::edition::{Found, Kind};
use crate::error::ReadError;
use crate::fixed;
use crate::member::Member;
use crate::recognise::Look;
use crate::relative_values::{qpp, quarter};

/// A code's amounts in one locality.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OppsCapRow {
    /// HCPCS code.
    pub code: String,
    /// `TC` or empty.
    pub modifier: String,
    /// Status code of the fee schedule.
    pub status: String,
    /// Medicare administrative contractor, five digits.
    pub contractor: String,
    /// Locality number, two digits.
    pub locality: String,
    /// Dollars in facilities.
    pub facility: Decimal,
    /// Dollars outside of facilities.
    pub non_facility: Decimal,
}

/// The file, by its headings. The year stands in its archive's name only (`rvu25d.zip!OPPSCAP_Oct.csv`).
pub(crate) fn recognise(look: &Look<'_>) -> Option<Found> {
    look.rows.iter().find(|row| is_header(row))?;
    let mut found = Found::of(Kind::OppsCap);
    if let Some((year, Some(month))) = columns::calendar(&look.member.path) {
        found = quarter(found, year, month);
    }
    found.part = qpp(&look.member.name()).to_owned();
    Some(found)
}

fn is_header(cells: &[String]) -> bool {
    let has = |name: &str| cells.iter().any(|c| heading(c) == name);
    has("HCPCS") && has("PROCSTAT") && has("CARRIER") && has("LOCALITY")
}

/// Reads the amounts, in the file's order, and says how many.
///
/// # Errors
/// A heading that is missing, a figure that is none, a code that stands twice for a locality, a row that is cut; and
/// whatever `take` returns.
pub fn read<E: From<ReadError>>(
    member: &Member,
    take: &mut dyn FnMut(OppsCapRow) -> Result<(), E>,
) -> Result<u64, E> {
    struct Bound {
        columns: Columns,
        code: usize,
        modifier: usize,
        status: usize,
        contractor: usize,
        locality: usize,
        facility: usize,
        non_facility: usize,
    }
    let mut bound: Option<Bound> = None;
    let mut seen = HashSet::new();
    let mut count = 0;
    fixed::rows::<E>(member, Kind::OppsCap, &mut |row| {
        let Some(b) = &bound else {
            if is_header(row.cells) {
                let headings = row.cells.iter().map(|c| heading(c)).collect();
                let columns = Columns::new(&member.path, row.place(None), headings);
                bound = Some(Bound {
                    code: columns.named(&["HCPCS"])?,
                    modifier: columns.named(&["MOD"])?,
                    status: columns.named(&["PROCSTAT"])?,
                    contractor: columns.named(&["CARRIER"])?,
                    locality: columns.named(&["LOCALITY"])?,
                    facility: columns.named(&["FACILITY PRICE"])?,
                    // The publisher's own spelling lacks a letter.
                    non_facility: columns.named(&["NON-FACILITY PRICE", "NON-FACILTY PRICE"])?,
                    columns,
                });
            }
            return Ok(());
        };
        if row.is_blank() {
            return Ok(());
        }
        columns::whole(row, &b.columns)?;
        let read = OppsCapRow {
            code: columns::code(row, b.code)?,
            modifier: columns::modifier(row, b.modifier)?,
            status: row.cell(b.status).to_owned(),
            contractor: columns::number(row, b.contractor, 5, "contractor number")?,
            locality: columns::number(row, b.locality, 2, "locality number")?,
            facility: columns::decimal(row, b.facility)?,
            non_facility: columns::decimal(row, b.non_facility)?,
        };
        let key = format!(
            "{}{:2}{}{}",
            read.code, read.modifier, read.contractor, read.locality
        );
        if !seen.insert(key) {
            let what = format!(
                "{} {} stands twice for contractor {}, locality {}",
                read.code, read.modifier, read.contractor, read.locality
            );
            return Err(row.error(Some(b.code), what).into());
        }
        count += 1;
        take(read)
    })?;
    if count == 0 {
        let what = if bound.is_some() {
            "it holds headings, but no amount"
        } else {
            "no row is headed HCPCS, MOD, PROCSTAT, CARRIER, LOCALITY"
        };
        return Err(columns::nothing(member, what).into());
    }
    Ok(count)
}
