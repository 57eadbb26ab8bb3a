//! CPT text that a licensed user loaded, with the notice that must stand beside it.

use crate::catalog::Edition;
use crate::lookup::Desk;
use crate::{Error, Kind, System};

/// The licensed text of a CPT code or modifier, the longest there is, with its edition.
pub(crate) fn text<'a>(
    desk: &Desk<'a>,
    system: System,
    code: &str,
) -> Result<Option<(String, &'a Edition)>, Error> {
    let kind = match system {
        System::Cpt => Kind::Cpt,
        System::Modifier => Kind::CptModifiers,
        _ => return Ok(None),
    };
    let Some(edition) = desk.shelf.on(kind, desk.on) else {
        return Ok(None);
    };
    let mut parts = desk.shelf.parts(edition);
    parts.sort_by_key(|e| {
        ["long", "medium", "short"]
            .iter()
            .position(|p| *p == e.part)
    });
    for part in parts {
        let text = if kind == Kind::Cpt {
            desk.catalog.cpt_text(part.id, code)?
        } else {
            desk.catalog.cpt_modifier(part.id, code)?
        };
        if let Some(text) = text {
            return Ok(Some((text, part)));
        }
    }
    Ok(None)
}

/// The AMA's notice for an edition.
pub(crate) fn notice(desk: &Desk<'_>, edition: &Edition) -> Result<String, Error> {
    Ok(desk.catalog.cpt_notice(edition.id)?)
}
