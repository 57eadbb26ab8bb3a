//! When a code was added, what it was before, and what changed between the loaded editions.

use casebook_releases::icd10_addenda::{Action, Change};

use crate::catalog::Edition;
use crate::code::System;
use crate::compose::Draft;
use crate::lookup::Desk;
use crate::service::Service;
use crate::tabular::dotted;
use crate::{Error, Kind};

mod edits;
mod hcpcs;
mod values;

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
    addenda(desk, System::Icd10cm, key, draft)?;
    // Two kinds print different rows.
    for kind in [Kind::Icd10cmTabular, Kind::Icd10cmOrder] {
        over_editions(desk, kind, key, draft)?;
    }
    Ok(())
}

/// Adds what changed for a code from each loaded edition of a kind to the next, the oldest first.
fn over_editions(desk: &Desk<'_>, kind: Kind, key: &str, draft: &mut Draft) -> Result<(), Error> {
    let mut editions: Vec<&Edition> = desk.shelf.of(kind).collect();
    editions.sort_by_key(|e| e.effective);
    for pair in editions.windows(2) {
        between(desk, pair[0], pair[1], key, draft)?;
    }
    Ok(())
}

/// A code as it is written.
fn written(system: System, key: &str) -> String {
    match system {
        System::Icd10cm => dotted(key),
        _ => key.to_owned(),
    }
}

/// What one edition's addenda did to a code, in words after the code; `None` where they say nothing of it.
fn done(changes: &[Change]) -> Option<String> {
    let of = |action| changes.iter().find(move |c| c.action == action);
    match (
        of(Action::Add),
        of(Action::Delete),
        of(Action::ReviseFrom),
        of(Action::ReviseTo),
    ) {
        (Some(added), None, ..) => Some(format!("was added: \u{201c}{}\u{201d}", added.title)),
        (None, Some(_), ..) => Some("was deleted".to_owned()),
        (Some(added), Some(_), ..) => Some(match added.billable {
            Some(false) => {
                "was billable and is a heading since: more characters are required".to_owned()
            }
            _ => "was a heading and is billable since".to_owned(),
        }),
        (None, None, Some(from), Some(to)) => Some(format!(
            "was \u{201c}{}\u{201d} and is \u{201c}{}\u{201d} since",
            from.title, to.title
        )),
        _ => None,
    }
}

/// The editions of a system's addenda, the oldest first, each with what it says of a code. An order file's addenda, which
/// have headings, go before a code file's of the same edition.
fn changed<'a>(
    desk: &Desk<'a>,
    system: System,
    key: &str,
) -> Result<Vec<(&'a Edition, Vec<Change>)>, Error> {
    let kind = match system {
        System::Icd10pcs => Kind::Icd10pcsAddenda,
        _ => Kind::Icd10cmAddenda,
    };
    let mut found: Vec<(&Edition, Vec<Change>)> = Vec::new();
    for edition in desk.shelf.of(kind) {
        let changes = desk.catalog.addenda(edition.id, key)?;
        if changes.is_empty() {
            continue;
        }
        match found.iter_mut().find(|(e, _)| e.edition == edition.edition) {
            Some(known) if known.1.len() < changes.len() => *known = (edition, changes),
            Some(_) => {}
            None => found.push((edition, changes)),
        }
    }
    found.sort_by_key(|(e, _)| e.effective);
    Ok(found)
}

/// Adds what addenda did to a code.
fn addenda(desk: &Desk<'_>, system: System, key: &str, draft: &mut Draft) -> Result<(), Error> {
    let code = written(system, key);
    for (edition, changes) in changed(desk, system, key)? {
        let Some(what) = done(&changes) else { continue };
        let quote: Vec<&str> = changes.iter().map(|c| c.title.as_str()).collect();
        let cite = draft.cite_row(edition, &code, &quote.join("\n"));
        let text = format!(
            "{}, from {}: {code} {what}.",
            edition.edition, edition.effective
        );
        draft.line(text, &[cite]);
    }
    Ok(())
}

/// That a code which does not exist on the date did so once, by addenda or by another edition that is loaded.
pub(crate) fn ended(desk: &Desk<'_>, system: System, key: &str) -> Result<Option<String>, Error> {
    let code = written(system, key);
    if let Some((edition, changes)) = changed(desk, system, key)?.pop()
        && let Some(what) = done(&changes)
    {
        return Ok(Some(format!(
            "By {} {}, from {}, {code} {what}.",
            edition.source, edition.edition, edition.effective
        )));
    }
    let kinds: &[Kind] = match system {
        System::Icd10cm => &[Kind::Icd10cmTabular, Kind::Icd10cmOrder, Kind::Icd10cmCodes],
        System::Icd10pcs => &[Kind::Icd10pcsOrder],
        System::Hcpcs | System::Modifier => return hcpcs::elsewhere(desk, system, key),
        _ => return Ok(None),
    };
    let mut editions: Vec<&Edition> = kinds.iter().flat_map(|k| desk.shelf.of(*k)).collect();
    editions.sort_by_key(|e| std::cmp::Reverse(e.effective));
    for edition in editions {
        if let Some(entry) = desk.catalog.entry(edition.id, key)? {
            let through = edition
                .through
                .map_or(String::new(), |t| format!(" to {t}"));
            return Ok(Some(format!(
                "In {} {} ({}{through}) it is \u{201c}{}\u{201d}.",
                edition.source, edition.edition, edition.effective, entry.title
            )));
        }
    }
    Ok(None)
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
    let code = written(former.kind.system().unwrap_or(System::Icd10cm), key);
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

/// Adds when HCPCS added, changed or ended a code or modifier, and what became of a procedure of ICD-10-PCS; where it was
/// asked for, also what changed for the code between the loaded editions of each table.
pub(crate) fn service(
    desk: &Desk<'_>,
    service: &Service<'_>,
    asked: bool,
    draft: &mut Draft,
) -> Result<(), Error> {
    if service.system == System::Icd10pcs {
        addenda(desk, service.system, &service.code, draft)?;
        return over_editions(desk, Kind::Icd10pcsOrder, &service.code, draft);
    }
    listed(service, draft);
    if asked {
        hcpcs::changes(desk, service, draft)?;
        values::changes(desk, service, draft)?;
        edits::changes(desk, service, draft)?;
    }
    Ok(())
}

/// The dates that HCPCS gives a code or modifier.
fn listed(service: &Service<'_>, draft: &mut Draft) {
    let Some((edition, row)) = &service.listed else {
        return;
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
}

/// The loaded editions of a table, each with its first part, the oldest first.
fn succession<'a>(editions: impl Iterator<Item = &'a Edition>) -> Vec<&'a Edition> {
    let mut editions: Vec<&Edition> = editions.collect();
    editions.sort_by(|a, b| (a.effective, &a.part).cmp(&(b.effective, &b.part)));
    editions.dedup_by_key(|e| e.effective);
    editions
}

/// Whether one edition may lack a code that another has: both have to be of a size. An excerpt or a correction is no list.
fn comparable(former: &Edition, later: &Edition) -> bool {
    former.rows * 2 >= later.rows && later.rows * 2 >= former.rows
}

/// Adds that one edition of a table has a code and the one before or after it has not.
fn only_in(code: &str, of: (&Edition, &str), other: &Edition, draft: &mut Draft) {
    let (edition, quote) = of;
    let cite = draft.cite_row(edition, code, quote);
    let text = if other.effective < edition.effective {
        format!(
            "{code} is in {} {} and was not in {}.",
            edition.source, edition.edition, other.edition
        )
    } else {
        format!(
            "{code} was in {} {} and is not in {}.",
            edition.source, edition.edition, other.edition
        )
    };
    draft.line(text, &[cite]);
}

/// Adds what differs in a code's rows of two editions: each with its name, what it was and what it is.
fn differing(
    code: &str,
    former: (&Edition, &str),
    later: (&Edition, &str),
    fields: &[(&str, String, String)],
    draft: &mut Draft,
) {
    let changed: Vec<String> = fields
        .iter()
        .filter(|(_, was, is)| was != is)
        .map(|(name, was, is)| format!("{name} {was}, now {is}"))
        .collect();
    if changed.is_empty() {
        return;
    }
    let cites = [former, later].map(|(edition, quote)| draft.cite_row(edition, code, quote));
    draft.line(
        format!(
            "{code}, {} {} to {}: {}.",
            later.0.source,
            former.0.edition,
            later.0.edition,
            changed.join("; ")
        ),
        &cites,
    );
}
