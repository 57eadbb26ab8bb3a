//! NCCI: how many edits a code has, how many units, and with which codes it is billed as an add-on.

use std::collections::BTreeSet;

use casebook_releases::ncci::addon::CONTRACTOR_DEFINED;

use crate::catalog::Edition;
use crate::compose::Draft;
use crate::lookup::Desk;
use crate::service::Service;
use crate::{Error, Kind, System, check};

/// Codes that are listed; the rest is counted.
const SHOWN: usize = 10;
/// Edits of a code that are counted. A code has some thousands at most.
const COUNTED: usize = 20_000;

fn is_procedure(service: &Service<'_>) -> bool {
    matches!(service.system, System::Cpt | System::Hcpcs)
}

/// Adds the code's MUE for the desk's setting.
pub(crate) fn units(
    desk: &Desk<'_>,
    service: &Service<'_>,
    draft: &mut Draft,
) -> Result<(), Error> {
    let edition = desk.shelf.for_setting(Kind::Mue, desk.setting, desk.on);
    let (true, Some(edition)) = (is_procedure(service), edition) else {
        return Ok(());
    };
    if let Some(row) = desk.catalog.mue(edition.id, &service.code)? {
        let cite = draft.cite_row(edition, &service.code, &row.quote());
        draft.line(
            format!(
                "MUE ({}): {} {}, adjudication indicator {}. Rationale: {}.",
                desk.setting.label(),
                row.mue.value,
                if row.mue.value == 1 { "unit" } else { "units" },
                check::adjudication(row.mue.adjudication),
                row.mue.rationale
            ),
            &[cite],
        );
    }
    Ok(())
}

/// Adds how many PTP edits the code stands in, and the first of them.
pub(crate) fn pairs(
    desk: &Desk<'_>,
    service: &Service<'_>,
    draft: &mut Draft,
) -> Result<(), Error> {
    let edition = desk.shelf.for_setting(Kind::Ptp, desk.setting, desk.on);
    let (true, Some(edition)) = (is_procedure(service), edition) else {
        return Ok(());
    };
    let (mut first, mut second) = (Vec::new(), Vec::new());
    let mut parts: Vec<&Edition> = Vec::new();
    for part in desk.shelf.parts(edition) {
        let (one, two) = desk
            .catalog
            .ptp_of(part.id, &service.code, desk.on, COUNTED)?;
        if !one.is_empty() || !two.is_empty() {
            parts.push(part);
        }
        first.extend(one);
        second.extend(two);
    }
    for (rows, column, other) in [
        (&first, "column 1", "column 2"),
        (&second, "column 2", "column 1"),
    ] {
        let Some(row) = rows.first() else { continue };
        let names: BTreeSet<&str> = rows
            .iter()
            .map(|r| {
                if column == "column 1" {
                    r.column2.as_str()
                } else {
                    r.column1.as_str()
                }
            })
            .collect();
        let named = names
            .iter()
            .take(SHOWN)
            .copied()
            .collect::<Vec<_>>()
            .join(", ");
        let more = match names.len().saturating_sub(SHOWN) {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        let Some(part) = parts.iter().find(|p| p.id == row.edition) else {
            continue;
        };
        let quotes: Vec<String> = rows.iter().take(SHOWN).map(|r| r.quote()).collect();
        let cite = draft.cite_row(
            part,
            &format!("{column} {}", service.code),
            &quotes.join("\n"),
        );
        draft.line(
            format!(
                "PTP edits ({}) with {} in {column}: {}; in {other} {named}{more}.",
                desk.setting.label(),
                service.code,
                names.len()
            ),
            &[cite],
        );
    }
    Ok(())
}

/// Adds an add-on code's primaries, or a primary's add-on codes.
pub(crate) fn add_on(
    desk: &Desk<'_>,
    service: &Service<'_>,
    draft: &mut Draft,
) -> Result<(), Error> {
    let (true, Some(edition)) = (is_procedure(service), desk.shelf.on(Kind::AddOn, desk.on)) else {
        return Ok(());
    };
    let mut rows = desk.catalog.addon(edition.id, &service.code)?;
    rows.retain(|r| r.active(desk.on));
    if let Some(row) = rows.first() {
        let primaries: Vec<&str> = rows
            .iter()
            .map(|r| r.addon.primary.as_str())
            .filter(|p| *p != CONTRACTOR_DEFINED)
            .collect();
        let quotes: Vec<String> = rows.iter().take(SHOWN).map(|r| r.quote()).collect();
        let cite = draft.cite_row(edition, &service.code, &quotes.join("\n"));
        let with = if primaries.is_empty() {
            "its primary codes are defined by the contractor".to_owned()
        } else {
            format!("billed with one of {}", listed(&primaries))
        };
        draft.line(
            format!(
                "{} is an add-on code (type {}): {with}.",
                service.code,
                row.addon.kind.figure()
            ),
            &[cite],
        );
    }
    let mut beside = desk.catalog.addons_beside(edition.id, &service.code)?;
    beside.retain(|r| r.active(desk.on));
    if !beside.is_empty() {
        let codes: Vec<&str> = beside.iter().map(|r| r.addon.code.as_str()).collect();
        let quotes: Vec<String> = beside.iter().take(SHOWN).map(|r| r.quote()).collect();
        let cite = draft.cite_row(edition, &service.code, &quotes.join("\n"));
        draft.line(
            format!(
                "Add-on codes that go with {}: {}.",
                service.code,
                listed(&codes)
            ),
            &[cite],
        );
    }
    Ok(())
}

fn listed(codes: &[&str]) -> String {
    let more = match codes.len().saturating_sub(SHOWN) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    format!("{}{more}", codes[..codes.len().min(SHOWN)].join(", "))
}
