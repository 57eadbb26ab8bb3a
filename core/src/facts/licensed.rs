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
    let text = if kind == Kind::Cpt {
        desk.catalog.cpt_text(edition.id, code)?
    } else {
        desk.catalog.cpt_modifier(edition.id, code)?
    };
    Ok(text.map(|text| (text, edition)))
}

/// The AMA's notice for an edition.
pub(crate) fn notice(desk: &Desk<'_>, edition: &Edition) -> Result<String, Error> {
    Ok(desk.catalog.cpt_notice(edition.id)?)
}
