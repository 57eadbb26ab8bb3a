//! The relative value file of the Medicare physician fee schedule (PPRRVU), a quarter's edition of RVUs, payment
//! policy indicators and the conversion factor.
//!
//! Its columns are headed by words stacked over about five rows, below notice lines; they are bound by the stack, read
//! from above. The column DESCRIPTION holds CPT and CDT text, which is licensed: it is not bound, for no row, so that no
//! descriptor can get further than the row that the table reader holds.
//!
//! The form without headings is cut into the same columns by `fixed`.

use std::collections::HashSet;

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::columns::{self, Columns, heading};
use crate::edition::{Found, Kind};
use crate::error::ReadError;
use crate::fixed;
use crate::member::Member;
use crate::recognise::Look;
use crate::table::Row;

/// One code, or one code with a modifier (26, TC, 53), as the fee schedule values it. Figures are as printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelativeValue {
    /// HCPCS code of either level, or CDT's.
    pub code: String,
    /// `26`, `TC`, `53`, or empty.
    pub modifier: String,
    /// Status code, one letter. See [`status`].
    pub status: char,
    /// Whether Medicare does not pay by these values (`+`).
    pub not_used: bool,
    /// Work RVU.
    pub work: Decimal,
    /// Practice expense RVU outside of facilities.
    pub pe_non_facility: Decimal,
    /// Rarely or never done outside of facilities (`NA`).
    pub na_non_facility: bool,
    /// Practice expense RVU in facilities.
    pub pe_facility: Decimal,
    /// Rarely or never done in facilities, or not paid there by this schedule (`NA`).
    pub na_facility: bool,
    /// Malpractice RVU.
    pub mp: Decimal,
    /// Sum of the RVUs outside of facilities.
    pub total_non_facility: Decimal,
    /// Sum of the RVUs in facilities.
    pub total_facility: Decimal,
    /// Professional and technical component indicator, 0 to 9.
    pub pctc: String,
    /// Global days: `000`, `010`, `090`, `MMM`, `XXX`, `YYY`, `ZZZ`.
    pub global: String,
    /// Share of the work before the operation, 0 to 1.
    pub pre: Decimal,
    /// Share of the work in the operation.
    pub intra: Decimal,
    /// Share of the work after the operation.
    pub post: Decimal,
    /// Multiple procedure indicator.
    pub multiple: String,
    /// Bilateral surgery indicator.
    pub bilateral: String,
    /// Assistant at surgery indicator.
    pub assistant: String,
    /// Co-surgeons indicator.
    pub co_surgeons: String,
    /// Team surgery indicator.
    pub team: String,
    /// Pricing indicator, which 2026 brought; empty before.
    pub pricing: String,
    /// Code of the endoscopy that it is based on, or empty.
    pub endoscopic_base: String,
    /// Dollars for an RVU.
    pub conversion_factor: Decimal,
    /// Physician supervision of diagnostic procedures.
    pub supervision: String,
    /// Calculation flag.
    pub calculation_flag: String,
    /// Diagnostic imaging family; `99` none.
    pub imaging_family: String,
    /// Practice expense outside of facilities that the OPPS cap uses.
    pub opps_pe_non_facility: Decimal,
    /// Practice expense in facilities that the OPPS cap uses.
    pub opps_pe_facility: Decimal,
    /// Malpractice that the OPPS cap uses.
    pub opps_mp: Decimal,
}

impl RelativeValue {
    /// Whether the printed totals are the sums of the printed parts.
    pub fn adds_up(&self) -> bool {
        let rest = self.work + self.mp;
        self.total_non_facility == rest + self.pe_non_facility
            && self.total_facility == rest + self.pe_facility
    }
}

/// What became of a file's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Rows yielded.
    pub rows: u64,
    /// Rows whose printed totals are not the sums of their parts.
    pub unequal: u64,
}

/// What a status code means, in our words (National Physician Fee Schedule Relative Value File, attachment A), and
/// whether Medicare pays for it by its RVUs.
pub fn status(code: char) -> Option<(&'static str, bool)> {
    Some(match code {
        'A' => ("active: paid by its relative values if covered", true),
        'B' => ("bundled: payment is always part of other services", false),
        'C' => ("priced by the contractor, from its documentation", false),
        'D' => ("deleted", false),
        'E' => ("excluded from the fee schedule by regulation", false),
        'F' => ("deleted, without a grace period", false),
        'G' => (
            "not valid for Medicare, with a grace period: another code is used",
            false,
        ),
        'H' => ("its modifier was deleted", false),
        'I' => ("not valid for Medicare: another code is used", false),
        'J' => (
            "anesthesia: paid by base units and time, not by relative values",
            false,
        ),
        'M' => ("for measuring performance only", false),
        'N' => ("not covered by Medicare", false),
        'P' => ("bundled, or excluded from the fee schedule", false),
        'Q' => ("for reporting the state of function only", false),
        'R' => ("restricted coverage: special instructions apply", true),
        'T' => (
            "paid only if nothing else is billed that day by the same practitioner",
            true,
        ),
        'X' => (
            "by statute no physician service: not paid by this schedule",
            false,
        ),
        _ => return None,
    })
}

/// What global days mean, in our words (Medicare Claims Processing Manual, chapter 12, section 40.1).
pub fn global(days: &str) -> Option<&'static str> {
    Some(match days {
        "000" => "the day of the procedure",
        "010" => "the day of the procedure and 10 days after",
        "090" => "the day before, the day of the procedure and 90 days after",
        "MMM" => "maternity: the usual global period does not apply",
        "XXX" => "the global concept does not apply",
        "YYY" => "the contractor sets the period",
        "ZZZ" => "part of another service's global period",
        _ => return None,
    })
}

/// The file with headings, as csv, tab separated text or workbook.
pub(crate) fn recognise(look: &Look<'_>) -> Option<Found> {
    let header = look.rows.iter().position(|row| is_last_header(row))?;
    let stacked = stack(&look.rows[..=header]);
    if !["WORK RVU", "CONV FACTOR"]
        .iter()
        .all(|name| stacked.iter().any(|s| s == name))
    {
        return None;
    }
    let title = look.rows[..header]
        .iter()
        .flatten()
        .find(|cell| heading(cell).contains("RELATIVE VALUE FILE"));
    let year = title.and_then(|t| columns::year_in(t));
    let month = title.and_then(|t| t.split_whitespace().find_map(columns::month));
    let named = columns::calendar(&look.member.path);
    let year = year.or(named.map(|(year, _)| year));
    let month = month.or(named.and_then(|(_, month)| month));
    let mut found = Found::of(Kind::RelativeValues);
    if let (Some(year), Some(month)) = (year, month) {
        found = quarter(found, year, month);
    }
    found.part = qpp(&look.member.name()).to_owned();
    Some(found)
}

/// The fee schedule's name of a quarter: `RVU25D` holds from October 1 to December 31, 2025.
pub(crate) fn quarter(found: Found, year: i32, month: u32) -> Found {
    let quarter = month.div_ceil(3);
    let letter = ['A', 'B', 'C', 'D'][(quarter as usize - 1).min(3)];
    let mut found = found.quarter(year, quarter);
    found.edition = Some(format!("RVU{:02}{letter}", year.rem_euclid(100)));
    found
}

/// A calendar year's edition: GPCIs, localities, anesthesia conversion factors.
pub(crate) fn calendar_year(mut found: Found, year: Option<i32>) -> Found {
    if let Some(year) = year {
        found.edition = Some(year.to_string());
        found.effective = NaiveDate::from_ymd_opt(year, 1, 1);
        found.through = NaiveDate::from_ymd_opt(year, 12, 31);
    }
    found
}

/// For whom the conversion factor is: since 2026 participants in advanced payment models (QPP) have another. Only the
/// name says so.
pub(crate) fn qpp(name: &str) -> &'static str {
    let name = name.to_lowercase().replace(['-', '_', ' '], "");
    if name.contains("nonqpp") {
        "nonQPP"
    } else if name.contains("qpp") {
        "QPP"
    } else {
        ""
    }
}

/// The last row of the stacked headings. Other files begin with HCPCS and MOD too; only this one has DESCRIPTION.
fn is_last_header(cells: &[String]) -> bool {
    let has = |name: &str| cells.iter().any(|c| heading(c) == name);
    has("HCPCS") && has("MOD") && has("DESCRIPTION")
}

/// Each column's heading, read from above. The stack begins below the last notice, which has one cell of the row.
fn stack(rows: &[Vec<String>]) -> Vec<String> {
    let filled = |row: &Vec<String>| row.iter().filter(|c| !c.trim().is_empty()).count();
    let begin = rows
        .iter()
        .rposition(|row| filled(row) < 2)
        .map_or(0, |notice| notice + 1);
    let rows = &rows[begin..];
    let width = rows.iter().map(Vec::len).max().unwrap_or_default();
    (0..width)
        .map(|column| {
            let words: Vec<&str> = rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.trim())
                .filter(|cell| !cell.is_empty())
                .collect();
            heading(&words.join(" "))
        })
        .collect()
}

struct Bound {
    columns: Columns,
    code: usize,
    modifier: usize,
    status: usize,
    not_used: usize,
    work: usize,
    pe_non_facility: usize,
    na_non_facility: usize,
    pe_facility: usize,
    na_facility: usize,
    mp: usize,
    total_non_facility: usize,
    total_facility: usize,
    pctc: usize,
    global: usize,
    pre: usize,
    intra: usize,
    post: usize,
    multiple: usize,
    bilateral: usize,
    assistant: usize,
    co_surgeons: usize,
    team: usize,
    pricing: Option<usize>,
    endoscopic_base: usize,
    conversion_factor: usize,
    supervision: usize,
    calculation_flag: usize,
    imaging_family: usize,
    opps_pe_non_facility: usize,
    opps_pe_facility: usize,
    opps_mp: usize,
}

impl Bound {
    fn bind(columns: Columns) -> Result<Self, ReadError> {
        let one = |name: &str| columns.named(&[name]);
        Ok(Self {
            code: one("HCPCS")?,
            modifier: one("MOD")?,
            status: one("STATUS CODE")?,
            not_used: one("NOT USED FOR MEDICARE PAYMENT")?,
            work: one("WORK RVU")?,
            pe_non_facility: one("NON-FAC PE RVU")?,
            na_non_facility: one("NON-FAC NA INDICATOR")?,
            pe_facility: one("FACILITY PE RVU")?,
            na_facility: one("FACILITY NA INDICATOR")?,
            mp: one("MP RVU")?,
            total_non_facility: one("NON-FACILITY TOTAL")?,
            total_facility: one("FACILITY TOTAL")?,
            pctc: one("PCTC IND")?,
            global: one("GLOB DAYS")?,
            pre: one("PRE OP")?,
            intra: one("INTRA OP")?,
            post: one("POST OP")?,
            multiple: one("MULT PROC")?,
            bilateral: one("BILAT SURG")?,
            assistant: one("ASST SURG")?,
            co_surgeons: columns.named(&["CO- SURG", "CO-SURG", "CO SURG"])?,
            team: one("TEAM SURG")?,
            pricing: columns.optional(&["PRIC IND", "PRICING INDICATOR"]),
            endoscopic_base: one("ENDO BASE")?,
            conversion_factor: one("CONV FACTOR")?,
            supervision: one("PHYSICIAN SUPERVISION OF DIAGNOSTIC PROCEDURES")?,
            calculation_flag: one("CALCULATION FLAG")?,
            imaging_family: one("DIAGNOSTIC IMAGING FAMILY INDICATOR")?,
            opps_pe_non_facility: one("NON-FACILITY PE USED FOR OPPS PAYMENT AMOUNT")?,
            opps_pe_facility: one("FACILITY PE USED FOR OPPS PAYMENT AMOUNT")?,
            opps_mp: one("MP USED FOR OPPS PAYMENT AMOUNT")?,
            columns,
        })
    }

    fn row(&self, row: &Row<'_>) -> Result<RelativeValue, ReadError> {
        let cell = |column: usize| row.cell(column).to_owned();
        let decimal = |column: usize| columns::decimal(row, column);
        let mut letters = row.cell(self.status).chars();
        let (Some(status @ 'A'..='Z'), None) = (letters.next(), letters.next()) else {
            let what = format!(
                "{:?} is no status code",
                columns::short(row.cell(self.status))
            );
            return Err(row.error(Some(self.status), what));
        };
        let na = |column: usize| match row.cell(column) {
            "" => Ok(false),
            "NA" => Ok(true),
            other => Err(row.error(
                Some(column),
                format!("{:?} is neither NA nor empty", columns::short(other)),
            )),
        };
        Ok(RelativeValue {
            code: columns::code(row, self.code)?,
            modifier: columns::modifier(row, self.modifier)?,
            status,
            not_used: row.cell(self.not_used) == "+",
            work: decimal(self.work)?,
            pe_non_facility: decimal(self.pe_non_facility)?,
            na_non_facility: na(self.na_non_facility)?,
            pe_facility: decimal(self.pe_facility)?,
            na_facility: na(self.na_facility)?,
            mp: decimal(self.mp)?,
            total_non_facility: decimal(self.total_non_facility)?,
            total_facility: decimal(self.total_facility)?,
            pctc: cell(self.pctc),
            global: columns::zeros(row.cell(self.global), 3),
            pre: decimal(self.pre)?,
            intra: decimal(self.intra)?,
            post: decimal(self.post)?,
            multiple: cell(self.multiple),
            bilateral: cell(self.bilateral),
            assistant: cell(self.assistant),
            co_surgeons: cell(self.co_surgeons),
            team: cell(self.team),
            pricing: self.pricing.map(cell).unwrap_or_default(),
            endoscopic_base: columns::zeros(row.cell(self.endoscopic_base), 5),
            conversion_factor: decimal(self.conversion_factor)?,
            supervision: columns::zeros(row.cell(self.supervision), 2),
            calculation_flag: cell(self.calculation_flag),
            imaging_family: columns::zeros(row.cell(self.imaging_family), 2),
            opps_pe_non_facility: decimal(self.opps_pe_non_facility)?,
            opps_pe_facility: decimal(self.opps_pe_facility)?,
            opps_mp: decimal(self.opps_mp)?,
        })
    }
}

/// Headings stand in the first rows; a file without them is not searched to its end.
const NOTICE_ROWS: usize = 50;

/// Reads the values, in the file's order.
///
/// # Errors
/// A heading that is missing, a figure that is none, a code and modifier that stand twice, a row that is cut; and
/// whatever `take` returns.
pub fn read<E: From<ReadError>>(
    member: &Member,
    take: &mut dyn FnMut(RelativeValue) -> Result<(), E>,
) -> Result<Summary, E> {
    let mut above: Vec<Vec<String>> = Vec::new();
    let mut bound: Option<Bound> = None;
    let mut seen = HashSet::new();
    let mut summary = Summary::default();
    let in_fixed_columns = fixed::is(member, Kind::RelativeValues);
    fixed::rows::<E>(member, Kind::RelativeValues, &mut |row| {
        let Some(bind) = &bound else {
            above.push(row.cells.to_vec());
            if is_last_header(row.cells) {
                let columns = Columns::new(&member.path, row.place(None), stack(&above));
                bound = Some(Bound::bind(columns)?);
            } else if above.len() > NOTICE_ROWS {
                return Err(row.error(None, NO_HEADINGS).into());
            }
            return Ok(());
        };
        if row.is_blank() {
            return Ok(());
        }
        columns::whole(row, &bind.columns)?;
        let value = bind.row(row)?;
        if !seen.insert((value.code.clone(), value.modifier.clone())) {
            let what = format!("{} {} stands in the file twice", value.code, value.modifier);
            return Err(row.error(Some(bind.code), what).into());
        }
        if in_fixed_columns && !value.adds_up() {
            let what = format!(
                "the totals of {} are not the sums of its parts: these are other columns",
                value.code
            );
            return Err(
                ReadError::new(&member.path, row.place(None), what, fixed::OTHER_FORM).into(),
            );
        }
        summary.rows += 1;
        summary.unequal += u64::from(!value.adds_up());
        take(value)
    })?;
    if summary.rows == 0 {
        let what = if bound.is_some() {
            "it holds headings, but no code"
        } else {
            NO_HEADINGS
        };
        return Err(columns::nothing(member, what).into());
    }
    Ok(summary)
}

const NO_HEADINGS: &str = "no row is headed HCPCS, MOD, DESCRIPTION";
