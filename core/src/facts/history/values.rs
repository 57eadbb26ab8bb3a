//! What changed for a code between the loaded editions of the fee schedule.

use casebook_releases::relative_values::RelativeValue;

use super::{comparable, differing, only_in, succession};
use crate::catalog::Edition;
use crate::compose::Draft;
use crate::facts::fees;
use crate::lookup::Desk;
use crate::service::Service;
use crate::{Error, Kind};

/// Adds what changed from each loaded edition to the next, of the row without a modifier.
pub(super) fn changes(
    desk: &Desk<'_>,
    service: &Service<'_>,
    draft: &mut Draft,
) -> Result<(), Error> {
    let code = service.code.as_str();
    for pair in succession(desk.shelf.of(Kind::RelativeValues)).windows(2) {
        let (former, later) = (pair[0], pair[1]);
        let was = first(desk, former, code)?;
        let is = first(desk, later, code)?;
        match (was, is) {
            (Some(was), Some(is)) => {
                let quotes = (fees::quote(&was), fees::quote(&is));
                let (from, to) = ((former, quotes.0.as_str()), (later, quotes.1.as_str()));
                differing(code, from, to, &fields(&was, &is), draft);
            }
            (Some(was), None) if comparable(former, later) => {
                only_in(code, (former, &fees::quote(&was)), later, draft);
            }
            (None, Some(is)) if comparable(former, later) => {
                only_in(code, (later, &fees::quote(&is)), former, draft);
            }
            _ => {}
        }
    }
    Ok(())
}

/// A code's row without a modifier, which stands first.
fn first(desk: &Desk<'_>, edition: &Edition, code: &str) -> Result<Option<RelativeValue>, Error> {
    let rows = desk.catalog.relative_values(edition.id, code)?;
    Ok(rows.into_iter().next())
}

fn fields(was: &RelativeValue, is: &RelativeValue) -> Vec<(&'static str, String, String)> {
    type Field = fn(&RelativeValue) -> String;
    let fields: [(&'static str, Field); 14] = [
        ("status", |r| r.status.to_string()),
        ("work RVU", |r| r.work.to_string()),
        ("non-facility PE RVU", |r| r.pe_non_facility.to_string()),
        ("facility PE RVU", |r| r.pe_facility.to_string()),
        ("MP RVU", |r| r.mp.to_string()),
        ("conversion factor", |r| r.conversion_factor.to_string()),
        ("global days", |r| r.global.clone()),
        ("PC/TC", |r| r.pctc.clone()),
        ("multiple procedures", |r| r.multiple.clone()),
        ("bilateral", |r| r.bilateral.clone()),
        ("assistant", |r| r.assistant.clone()),
        ("co-surgeons", |r| r.co_surgeons.clone()),
        ("team", |r| r.team.clone()),
        ("supervision", |r| r.supervision.clone()),
    ];
    fields
        .iter()
        .map(|(name, of)| (*name, of(was), of(is)))
        .collect()
}
