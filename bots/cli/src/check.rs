//! `casebook check`: what the loaded edit tables say about codes together.
//!
//! No edit table is loaded yet, so every pair is `no_data`, which is never "allowed"; what would be needed is
//! listed under `unchecked`.

use anyhow::Result;
use casebook_core::{Casebook, Setting, Status};
use chrono::NaiveDate;
use serde::Serialize;

/// The verdict, in the shape of `casebook check --json`.
#[derive(Serialize)]
pub struct Checked {
    as_of: NaiveDate,
    verdict: &'static str,
    pairs: Vec<Pair>,
    units: Vec<Units>,
    unchecked: Vec<String>,
}

#[derive(Serialize)]
struct Pair {
    column1: String,
    column2: String,
    verdict: &'static str,
    modifier_indicator: Option<String>,
    rationale: Option<String>,
    citation: Option<casebook_core::Citation>,
}

#[derive(Serialize)]
struct Units {
    code: String,
    mue: Option<u32>,
    adjudication: Option<String>,
    citation: Option<casebook_core::Citation>,
}

/// Checks every pair of codes.
pub fn check(
    casebook: &Casebook,
    typed: &[String],
    setting: Option<Setting>,
    as_of: NaiveDate,
) -> Result<Checked> {
    let cards = casebook.cards(typed, None, as_of)?;
    let setting = match setting {
        Some(Setting::Facility) => "hospital outpatient",
        _ => "practitioner",
    };
    let mut unchecked = vec![
        format!("NCCI PTP edits ({setting}): no release is loaded that covers {as_of}"),
        format!(
            "NCCI medically unlikely edits ({setting}): no release is loaded that covers {as_of}"
        ),
        format!("NCCI add-on code edits: no release is loaded that covers {as_of}"),
    ];
    unchecked.extend(
        cards
            .iter()
            .filter(|c| c.status == Status::Unknown)
            .map(|c| {
                format!(
                    "{}: {}",
                    c.code,
                    c.reason.as_deref().unwrap_or("not in the loaded sources")
                )
            }),
    );
    let codes: Vec<&str> = cards.iter().map(|c| c.code.as_str()).collect();
    let mut pairs = Vec::new();
    for (i, first) in codes.iter().enumerate() {
        for second in &codes[i + 1..] {
            pairs.push(Pair {
                column1: (*first).to_owned(),
                column2: (*second).to_owned(),
                verdict: "no_data",
                modifier_indicator: None,
                rationale: None,
                citation: None,
            });
        }
    }
    let units = codes
        .iter()
        .map(|code| Units {
            code: (*code).to_owned(),
            mue: None,
            adjudication: None,
            citation: None,
        })
        .collect();
    Ok(Checked {
        as_of,
        verdict: "no_data",
        pairs,
        units,
        unchecked,
    })
}

impl Checked {
    /// For the terminal.
    pub fn page(&self) -> String {
        let mut page = format!(
            "No verdict for {}: nothing that is loaded decides it.\n",
            self.as_of
        );
        for line in &self.unchecked {
            page.push_str(&format!("  not checked: {line}\n"));
        }
        page.push_str("That is not permission to bill them together.\n");
        page
    }
}
