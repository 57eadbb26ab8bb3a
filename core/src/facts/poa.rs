//! Whether a diagnosis is exempt from present-on-admission reporting (Official Guidelines, appendix I).

use crate::Error;
use crate::compose::Draft;
use crate::lookup::Desk;
use crate::tabular::dotted;
use crate::{Kind, shelf::Shelf};
use chrono::NaiveDate;

/// The whole list that speaks for a date; lists of changes are parts of their own.
fn list(shelf: &Shelf, on: NaiveDate) -> Option<&crate::catalog::Edition> {
    let edition = shelf.on(Kind::PoaExempt, on)?;
    shelf.parts(edition).into_iter().find(|e| e.part == "list")
}

/// Adds that a code is exempt; where it was asked for, also that it is not.
pub(crate) fn line(
    desk: &Desk<'_>,
    key: &str,
    asked: bool,
    draft: &mut Draft,
) -> Result<(), Error> {
    let Some(edition) = list(desk.shelf, desk.on) else {
        return Ok(());
    };
    let code = dotted(key);
    match desk.catalog.poa_exempt(edition.id, key)? {
        Some(title) => {
            let cite = draft.cite_row(edition, &code, &format!("{code} {title}"));
            draft.line(
                format!("{code} is exempt from present-on-admission reporting."),
                &[cite],
            );
        }
        None if asked => {
            let quote = format!(
                "{} codes are listed; {code} is not among them",
                edition.rows
            );
            let cite = draft.cite_row(edition, "the whole list", &quote);
            draft.line(
                format!("{code} is not on the exempt list: a present-on-admission indicator is reported with it."),
                &[cite],
            );
        }
        None => {}
    }
    Ok(())
}
