//! What changed for a code or modifier between the loaded editions of HCPCS Level II.

use casebook_releases::hcpcs::HcpcsRow;

use super::{comparable, differing, only_in, succession};
use crate::catalog::Edition;
use crate::code::System;
use crate::compose::Draft;
use crate::lookup::Desk;
use crate::service::Service;
use crate::{Error, Kind};

fn row(
    desk: &Desk<'_>,
    edition: &Edition,
    system: System,
    code: &str,
) -> Result<Option<HcpcsRow>, Error> {
    Ok(match system {
        System::Modifier => desk.catalog.hcpcs_modifier(edition.id, code)?,
        _ => desk.catalog.hcpcs(edition.id, code)?,
    })
}

/// That a code which the edition of the date does not have stands in another one that is loaded.
pub(super) fn elsewhere(
    desk: &Desk<'_>,
    system: System,
    code: &str,
) -> Result<Option<String>, Error> {
    for edition in succession(desk.shelf.of(Kind::Hcpcs)).into_iter().rev() {
        let Some(row) = row(desk, edition, system, code)? else {
            continue;
        };
        let ended = row
            .terminated
            .map_or(String::new(), |last| format!(", ended {last}"));
        return Ok(Some(format!(
            "In {} {} (from {}) it is \u{201c}{}\u{201d}{ended}.",
            edition.source, edition.edition, edition.effective, row.long
        )));
    }
    Ok(None)
}

/// Adds what changed from each loaded edition to the next.
pub(super) fn changes(
    desk: &Desk<'_>,
    service: &Service<'_>,
    draft: &mut Draft,
) -> Result<(), Error> {
    if !matches!(service.system, System::Hcpcs | System::Modifier) {
        return Ok(());
    }
    let code = service.code.as_str();
    let day = |d: Option<chrono::NaiveDate>| d.map_or("none".to_owned(), |d| d.to_string());
    for pair in succession(desk.shelf.of(Kind::Hcpcs)).windows(2) {
        let (former, later) = (pair[0], pair[1]);
        let was = row(desk, former, service.system, code)?;
        let is = row(desk, later, service.system, code)?;
        match (was, is) {
            (Some(was), Some(is)) => {
                let fields = [
                    ("description", quoted(&was.long), quoted(&is.long)),
                    ("coverage", was.coverage.clone(), is.coverage.clone()),
                    ("pricing", was.pricing.join(" "), is.pricing.join(" ")),
                    ("end", day(was.terminated), day(is.terminated)),
                ];
                let (from, to) = ((former, was.long.as_str()), (later, is.long.as_str()));
                differing(code, from, to, &fields, draft);
            }
            (Some(was), None) if comparable(former, later) => {
                only_in(code, (former, &was.long), later, draft);
            }
            (None, Some(is)) if comparable(former, later) => {
                only_in(code, (later, &is.long), former, draft);
            }
            _ => {}
        }
    }
    Ok(())
}

fn quoted(text: &str) -> String {
    format!("\u{201c}{text}\u{201d}")
}
