//! When a code was added, what it was before, and what changed between the loaded editions.

use crate::catalog::Edition;
use crate::compose::Draft;
use crate::lookup::Desk;
use crate::service::Service;
use crate::tabular::dotted;
use crate::{Error, Kind};

/// Codes that took over from one, as listed.
const SHOWN: usize = 6;

/// Adds a diagnosis's history: by the conversion table, and by comparing the editions that are loaded.
pub(crate) fn diagnosis(desk: &Desk<'_>, key: &str, draft: &mut Draft) -> Result<(), Error> {
    if let Some(table) = desk.shelf.on(Kind::Icd10cmConversion, desk.on) {
        for row in desk.catalog.added_when(table.id, key)? {
            let quote = format!("{}; {}; {}", dotted(&row.code), row.effective, row.previous);
            let cite = draft.cite_row(table, &dotted(key), &quote);
            draft.line(
                format!(
                    "{} was added on {}; before, {} was assigned.",
                    dotted(key),
                    row.effective,
                    row.previous
                ),
                &[cite],
            );
        }
        let became = desk.catalog.became(table.id, key)?;
        if let Some(first) = became.first() {
            let named: Vec<String> = became.iter().take(SHOWN).map(|r| dotted(&r.code)).collect();
            let more = match became.len().saturating_sub(SHOWN) {
                0 => String::new(),
                n => format!(" and {n} more"),
            };
            let quote = became
                .iter()
                .take(SHOWN)
                .map(|r| format!("{}; {}; {}", dotted(&r.code), r.effective, r.previous))
                .collect::<Vec<_>>()
                .join("\n");
            let cite = draft.cite_row(table, &dotted(key), &quote);
            draft.line(
                format!(
                    "From {} on, conditions that were coded {} have codes of their own: {}{more}.",
                    first.effective,
                    dotted(key),
                    named.join(", ")
                ),
                &[cite],
            );
        }
    }
    // Editions of one kind, oldest first: two kinds print different rows.
    for kind in [Kind::Icd10cmTabular, Kind::Icd10cmOrder] {
        let mut editions: Vec<&Edition> = desk.shelf.of(kind).collect();
        editions.sort_by_key(|e| e.effective);
        for pair in editions.windows(2) {
            between(desk, pair[0], pair[1], key, draft)?;
        }
    }
    Ok(())
}

/// Adds what changed for a code between two editions.
fn between(
    desk: &Desk<'_>,
    former: &Edition,
    later: &Edition,
    key: &str,
    draft: &mut Draft,
) -> Result<(), Error> {
    let change = desk.catalog.between(former.id, later.id, key)?;
    let code = dotted(key);
    let mut cite = |edition: &Edition, title: &str| draft.cite_row(edition, &code, title);
    let (text, cites) = match (&change.former, &change.later) {
        (None, Some(now)) => (
            format!(
                "{code} is in {} and was not in {}.",
                later.edition, former.edition
            ),
            vec![cite(later, &now.title)],
        ),
        (Some(before), None) => (
            format!(
                "{code} was in {} and is not in {}.",
                former.edition, later.edition
            ),
            vec![cite(former, &before.title)],
        ),
        (Some(before), Some(now)) => {
            let cites = vec![cite(former, &before.title), cite(later, &now.title)];
            if let Some((from, to)) = change.retitled() {
                let text = format!(
                    "{code} was \u{201c}{from}\u{201d} in {} and is \u{201c}{to}\u{201d} in {}.",
                    former.edition, later.edition
                );
                (text, cites)
            } else if let Some(billable) = change.billable_now() {
                let (was, is) = if billable {
                    ("a heading", "billable")
                } else {
                    ("billable", "a heading: more characters are required")
                };
                (
                    format!(
                        "{code} was {was} in {} and is {is} in {}.",
                        former.edition, later.edition
                    ),
                    cites,
                )
            } else {
                return Ok(());
            }
        }
        (None, None) => return Ok(()),
    };
    draft.line(text, &cites);
    Ok(())
}

/// Adds when HCPCS added, changed or ended a code or modifier.
pub(crate) fn service(
    _desk: &Desk<'_>,
    service: &Service<'_>,
    draft: &mut Draft,
) -> Result<(), Error> {
    let Some((edition, row)) = &service.listed else {
        return Ok(());
    };
    let mut parts = Vec::new();
    let mut quote = Vec::new();
    if let Some(added) = row.added {
        parts.push(format!("added {added}"));
        quote.push(format!("ADD DT {}", added.format("%Y%m%d")));
    }
    if let Some(effective) = row.effective {
        parts.push(format!("last change in force from {effective}"));
        quote.push(format!("ACT EFF DT {}", effective.format("%Y%m%d")));
    }
    if let Some(terminated) = row.terminated {
        parts.push(format!("ended {terminated}"));
        quote.push(format!("TERM DT {}", terminated.format("%Y%m%d")));
    }
    if !parts.is_empty() {
        let cite = draft.cite_row(edition, &service.code, &quote.join(", "));
        draft.line(format!("{} {}.", service.code, parts.join("; ")), &[cite]);
    }
    Ok(())
}
