//! Where the Alphabetic Index and its tables lead to a code.

use casebook_releases::icd10cm_index::Role;

use crate::compose::Draft;
use crate::lookup::Desk;
use crate::{Error, Kind};

/// Entries of each index that are shown.
const SHOWN: usize = 5;

/// Adds the entries that lead to a code (without dot).
pub(crate) fn lines(desk: &Desk<'_>, key: &str, draft: &mut Draft) -> Result<(), Error> {
    for kind in [
        Kind::Icd10cmIndex,
        Kind::Icd10cmExternal,
        Kind::Icd10cmNeoplasm,
        Kind::Icd10cmDrugs,
    ] {
        of(desk, kind, key, draft)?;
    }
    Ok(())
}

/// Adds the entries of one index that lead to a code (without dot).
pub(crate) fn of(desk: &Desk<'_>, kind: Kind, key: &str, draft: &mut Draft) -> Result<(), Error> {
    if let Some(edition) = desk.shelf.on(kind, desk.on) {
        let terms = desk.catalog.index_leading_to(edition.id, key, SHOWN)?;
        if terms.is_empty() {
            return Ok(());
        }
        let printed: Vec<String> = terms
            .iter()
            .map(|term| {
                let codes: Vec<String> = term
                    .codes
                    .iter()
                    // Of a table's row only the cell that leads here is of interest.
                    .filter(|c| {
                        !matches!(c.role, Role::Cell(_))
                            || c.key.as_deref().is_some_and(|k| key.starts_with(k))
                    })
                    .map(|c| match &c.heading {
                        Some(heading) => format!("{heading}: {}", c.printed),
                        None => c.printed.clone(),
                    })
                    .collect();
                format!("{} {}", term.path, codes.join(", "))
            })
            .collect();
        let cite = draft.cite_row(edition, &terms[0].path, &printed.join("\n"));
        draft.line(
            format!("{}: {}.", edition.source, printed.join("; ")),
            &[cite],
        );
    }
    Ok(())
}
