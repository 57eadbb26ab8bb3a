//! What changed for a code in the NCCI tables: its units between the loaded editions, and the pair edits that began or
//! ended with the edition of the date, which their own dates tell.

use std::collections::BTreeMap;

use super::{comparable, differing, only_in, succession};
use crate::catalog::Edition;
use crate::catalog::ncci::PtpEdit;
use crate::code::System;
use crate::compose::Draft;
use crate::lookup::Desk;
use crate::service::Service;
use crate::{Error, Kind, check};

/// Edits that are listed; the rest is counted.
const SHOWN: usize = 10;
/// Edits of a code that are compared. A code has some thousands at most.
const COMPARED: usize = 20_000;

/// Adds both, for the desk's setting.
pub(super) fn changes(
    desk: &Desk<'_>,
    service: &Service<'_>,
    draft: &mut Draft,
) -> Result<(), Error> {
    if !matches!(service.system, System::Cpt | System::Hcpcs) {
        return Ok(());
    }
    units(desk, &service.code, draft)?;
    pairs(desk, &service.code, draft)
}

fn units(desk: &Desk<'_>, code: &str, draft: &mut Draft) -> Result<(), Error> {
    let of_setting = |e: &&Edition| e.setting == Some(desk.setting);
    let editions = succession(desk.shelf.of(Kind::Mue).filter(of_setting));
    for pair in editions.windows(2) {
        let (former, later) = (pair[0], pair[1]);
        let was = desk.catalog.mue(former.id, code)?;
        let is = desk.catalog.mue(later.id, code)?;
        match (was, is) {
            (Some(was), Some(is)) => {
                let quotes = (was.quote(), is.quote());
                let adjudicated = |m| check::adjudication(m).to_owned();
                let fields = [
                    ("MUE", was.mue.value.to_string(), is.mue.value.to_string()),
                    (
                        "adjudication indicator",
                        adjudicated(was.mue.adjudication),
                        adjudicated(is.mue.adjudication),
                    ),
                ];
                differing(
                    code,
                    (former, &quotes.0),
                    (later, &quotes.1),
                    &fields,
                    draft,
                );
            }
            (Some(was), None) if comparable(former, later) => {
                only_in(code, (former, &was.quote()), later, draft);
            }
            (None, Some(is)) if comparable(former, later) => {
                only_in(code, (later, &is.quote()), former, draft);
            }
            _ => {}
        }
    }
    Ok(())
}

fn pairs(desk: &Desk<'_>, code: &str, draft: &mut Draft) -> Result<(), Error> {
    let Some(edition) = desk.shelf.for_setting(Kind::Ptp, desk.setting, desk.on) else {
        return Ok(());
    };
    let Some(before) = edition.effective.pred_opt() else {
        return Ok(());
    };
    for part in desk.shelf.parts(edition) {
        let was = desk.catalog.ptp_of(part.id, code, before, COMPARED)?;
        let is = desk
            .catalog
            .ptp_of(part.id, code, edition.effective, COMPARED)?;
        for (column, was, is) in [("column 1", was.0, is.0), ("column 2", was.1, is.1)] {
            let by_pair = |rows: Vec<PtpEdit>| -> BTreeMap<String, String> {
                rows.iter()
                    .map(|r| {
                        let other = if column == "column 1" {
                            &r.column2
                        } else {
                            &r.column1
                        };
                        (other.clone(), r.quote())
                    })
                    .collect()
            };
            let (was, is) = (by_pair(was), by_pair(is));
            for (what, of, than) in [("began with", &is, &was), ("ended before", &was, &is)] {
                let changed: Vec<(&String, &String)> = of
                    .iter()
                    .filter(|(other, _)| !than.contains_key(*other))
                    .collect();
                if changed.is_empty() {
                    continue;
                }
                let codes: Vec<&str> = changed
                    .iter()
                    .take(SHOWN)
                    .map(|(c, _)| c.as_str())
                    .collect();
                let rows: Vec<&str> = changed
                    .iter()
                    .take(SHOWN)
                    .map(|(_, q)| q.as_str())
                    .collect();
                let more = match changed.len().saturating_sub(SHOWN) {
                    0 => String::new(),
                    n => format!(" and {n} more"),
                };
                let cite = draft.cite_row(part, &format!("{column} {code}"), &rows.join("\n"));
                draft.line(
                    format!(
                        "PTP edits ({}) with {code} in {column} that {what} {} ({}): {}{more}.",
                        desk.setting.label(),
                        edition.edition,
                        edition.effective,
                        codes.join(", ")
                    ),
                    &[cite],
                );
            }
        }
    }
    Ok(())
}
