//! What HCPCS says of a code beside its description: coverage, pricing, its processing note.

use casebook_releases::hcpcs;

use crate::compose::Draft;
use crate::lookup::Desk;
use crate::service::Service;
use crate::{Error, Kind};

/// Adds the attributes of a HCPCS Level II code or modifier.
pub(crate) fn lines(
    desk: &Desk<'_>,
    service: &Service<'_>,
    draft: &mut Draft,
) -> Result<(), Error> {
    let Some((edition, row)) = &service.listed else {
        return Ok(());
    };
    let mut parts = Vec::new();
    let mut quote = Vec::new();
    if let Some(meaning) = hcpcs::coverage(&row.coverage) {
        parts.push(format!("coverage {} ({meaning})", row.coverage));
        quote.push(format!("COV {}", row.coverage));
    }
    for indicator in &row.pricing {
        if let Some(meaning) = hcpcs::pricing(indicator) {
            parts.push(format!("pricing {indicator} ({meaning})"));
            quote.push(format!("PRICE {indicator}"));
        }
    }
    if !row.betos.is_empty() {
        parts.push(format!("BETOS {}", row.betos));
        quote.push(format!("BETOS {}", row.betos));
    }
    if !row.cross_references.is_empty() {
        parts.push(format!("see {}", row.cross_references.join(", ")));
        quote.push(format!("XREF {}", row.cross_references.join(", ")));
    }
    if !parts.is_empty() {
        let cite = draft.cite_row(edition, &service.code, &quote.join(", "));
        draft.line(format!("HCPCS: {}.", parts.join("; ")), &[cite]);
    }
    if !row.note.is_empty()
        && let Some(notes) = desk.shelf.on(Kind::HcpcsNotes, desk.on)
        && let Some(text) = desk.catalog.hcpcs_note(notes.id, &row.note)?
    {
        let cite = draft.cite_row(notes, &format!("note {}", row.note), &text);
        draft.line(format!("Processing note {}: {text}", row.note), &[cite]);
    }
    if let Some(list) = desk.shelf.on(Kind::HcpcsNoc, desk.on)
        && let Some(noc) = desk.catalog.hcpcs_noc(list.id, &service.code)?
    {
        let cite = draft.cite_row(list, &service.code, &noc.long);
        draft.line(
            format!(
                "{} is on the list of codes for what has no code of its own (NOC): say on the claim what was used.",
                service.code
            ),
            &[cite],
        );
    }
    Ok(())
}
