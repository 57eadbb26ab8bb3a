//! The Medicare fee of a service in a locality, by the fee schedule's formula, with its arithmetic.
//!
//! Payment = (work x GPCI work + practice expense x GPCI practice expense + malpractice x GPCI malpractice) x conversion
//! factor, apart for facilities and elsewhere (Medicare Claims Processing Manual, chapter 12, section 20.1). Every step
//! is exact, and the result is rounded once, at the end, to the cent, half up: the manual names no rounding before.
//! What a patient owes, sequestration, and reductions for multiple procedures come after this and are not in it.

use casebook_releases::gpci::GpciRow;
use casebook_releases::opps_cap::OppsCapRow;
use casebook_releases::relative_values::{RelativeValue, status};
use rust_decimal::{Decimal, RoundingStrategy};

/// What the parts of a fee are multiplied by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indices {
    /// Index of the work.
    pub work: Decimal,
    /// Index of the practice expense.
    pub pe: Decimal,
    /// Index of malpractice.
    pub mp: Decimal,
}

impl Indices {
    /// The national amounts, which no place adjusts.
    pub fn national() -> Self {
        Self {
            work: Decimal::ONE,
            pe: Decimal::ONE,
            mp: Decimal::ONE,
        }
    }
}

impl From<&GpciRow> for Indices {
    fn from(row: &GpciRow) -> Self {
        Self {
            work: row.work,
            pe: row.pe,
            mp: row.mp,
        }
    }
}

/// A service's fee in both settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fee {
    /// Outside of facilities: offices, homes.
    pub non_facility: Amount,
    /// In facilities: hospitals, surgical centers.
    pub facility: Amount,
}

/// A fee, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Amount {
    /// Dollars and how they come about.
    Paid {
        /// Dollars, to the cent.
        amount: Decimal,
        /// Whether the OPPS cap is what is paid.
        capped: bool,
        /// The arithmetic, one line for each step.
        steps: Vec<String>,
    },
    /// No fee, and the reason, as a sentence's end: "not valid for Medicare: another code is used".
    None(String),
}

impl Amount {
    /// The dollars, where there are any.
    pub fn dollars(&self) -> Option<Decimal> {
        match self {
            Self::Paid { amount, .. } => Some(*amount),
            Self::None(_) => None,
        }
    }
}

/// Computes the fee. `cap` is the service's row of the OPPS cap for the same locality, where one is loaded: the lower of
/// both is paid (section 1848(b)(4) of the Social Security Act).
pub fn fee(row: &RelativeValue, indices: &Indices, cap: Option<&OppsCapRow>) -> Fee {
    if let Some(reason) = unpaid(row) {
        return Fee {
            non_facility: Amount::None(reason.clone()),
            facility: Amount::None(reason),
        };
    }
    let non_facility = if row.na_non_facility {
        Amount::None("rarely or never done outside of facilities (NA), so the file prices it in facilities only".into())
    } else {
        amount(
            row,
            row.pe_non_facility,
            indices,
            cap.map(|c| c.non_facility),
        )
    };
    let facility = if row.na_facility {
        Amount::None(
            "rarely or never done in facilities, or not paid there by this schedule (NA)".into(),
        )
    } else {
        amount(row, row.pe_facility, indices, cap.map(|c| c.facility))
    };
    Fee {
        non_facility,
        facility,
    }
}

/// Why no formula makes a fee of the row.
fn unpaid(row: &RelativeValue) -> Option<String> {
    let Some((meaning, paid)) = status(row.status) else {
        return Some(format!("status {} is not known", row.status));
    };
    if !paid {
        return Some(format!("status {}: {meaning}", row.status));
    }
    if row.not_used {
        return Some("the file marks its values as not used for Medicare payment (+)".into());
    }
    if row.total_non_facility.is_zero() && row.total_facility.is_zero() {
        return Some(format!(
            "status {}: {meaning}; the file has no relative values for it",
            row.status
        ));
    }
    None
}

fn amount(row: &RelativeValue, pe: Decimal, indices: &Indices, cap: Option<Decimal>) -> Amount {
    let mut steps = Vec::new();
    let mut sum = Decimal::ZERO;
    for (name, rvu, index) in [
        ("work", row.work, indices.work),
        ("practice expense", pe, indices.pe),
        ("malpractice", row.mp, indices.mp),
    ] {
        let part = rvu * index;
        sum += part;
        steps.push(format!("{name}: {rvu} x {index} = {}", part.normalize()));
    }
    let exact = sum * row.conversion_factor;
    let computed = cents(exact);
    steps.push(format!(
        "({}) x {} = {}, rounded ${computed}",
        sum.normalize(),
        row.conversion_factor,
        exact.normalize()
    ));
    let cap = cap.map(cents);
    match cap {
        Some(cap) if cap < computed => {
            steps.push(format!("OPPS cap: ${cap} is lower and is paid"));
            Amount::Paid {
                amount: cap,
                capped: true,
                steps,
            }
        }
        Some(cap) => {
            steps.push(format!("OPPS cap: ${cap} is not lower"));
            Amount::Paid {
                amount: computed,
                capped: false,
                steps,
            }
        }
        None => Amount::Paid {
            amount: computed,
            capped: false,
            steps,
        },
    }
}

/// To the cent, half up, with two decimals.
fn cents(exact: Decimal) -> Decimal {
    let mut cents = exact.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
    cents.rescale(2);
    cents
}
