//! The same in another code set, by the general equivalence mappings, with their flags in words.
//!
//! A mapping is no equivalence: its flags say how near it is (GEMs technical documentation, 2018). The last edition
//! is of 2018; codes added since then are in none.

use casebook_releases::gem::Gem;

use crate::catalog::Edition;
use crate::compose::Draft;
use crate::lookup::Desk;
use crate::tabular::dotted;
use crate::{Error, Kind, System};

/// Targets that are listed; the rest is counted.
const SHOWN: usize = 8;

/// `4019` as people write it: `401.9`; E codes have four characters before the dot.
pub(crate) fn icd9_dotted(code: &str) -> String {
    let before = if code.starts_with('E') { 4 } else { 3 };
    match code.is_ascii() && code.len() > before && !code.contains('.') {
        true => format!("{}.{}", &code[..before], &code[before..]),
        false => code.to_owned(),
    }
}

/// `8154`, a procedure of ICD-9-CM, as people write it: `81.54`.
fn icd9_procedure(code: &str) -> String {
    match code.is_ascii() && code.len() > 2 && !code.contains('.') {
        true => format!("{}.{}", &code[..2], &code[2..]),
        false => code.to_owned(),
    }
}

/// Adds the mappings of a code in both directions that have one.
pub(crate) fn lines(
    desk: &Desk<'_>,
    system: System,
    code: &str,
    draft: &mut Draft,
) -> Result<(), Error> {
    let (kind, part, from, to) = match system {
        System::Icd10cm => (Kind::GemBackward, "dx", System::Icd10cm, System::Icd9cm),
        System::Icd10pcs => (Kind::GemBackward, "pcs", System::Icd10pcs, System::Icd9cm),
        System::Icd9cm => (Kind::GemForward, "dx", System::Icd9cm, System::Icd10cm),
        _ => return Ok(()),
    };
    let Some(edition) = list(desk, kind, part) else {
        return Ok(());
    };
    let key = code.replace('.', "");
    let rows = desk.catalog.gems_from(edition.id, &key)?;
    if !rows.is_empty() {
        mapped(edition, from, to, &rows, draft);
    }
    Ok(())
}

/// The mappings of a direction, of diagnoses or procedures, that speak for the date.
fn list<'a>(desk: &Desk<'a>, kind: Kind, part: &str) -> Option<&'a Edition> {
    let edition = desk.shelf.on(kind, desk.on)?;
    let mut parts = desk.shelf.parts(edition).into_iter();
    parts.find(|e| e.part == part)
}

/// The first mapping of an ICD-9-CM diagnosis, which says that there is such a code where no list of titles is loaded.
pub(crate) fn names<'a>(
    desk: &Desk<'a>,
    code: &str,
) -> Result<Option<(&'a Edition, String)>, Error> {
    let Some(edition) = list(desk, Kind::GemForward, "dx") else {
        return Ok(None);
    };
    let rows = desk.catalog.gems_from(edition.id, &code.replace('.', ""))?;
    Ok(rows.first().map(|row| (edition, quote(row, "dx"))))
}

/// A code as it is written, in mappings of diagnoses (`dx`) or procedures (`pcs`): of ICD-9-CM both are digits.
fn written(system: System, part: &str, code: &str) -> String {
    match (system, part) {
        (System::Icd10cm, _) => dotted(code),
        (System::Icd9cm, "pcs") => icd9_procedure(code),
        (System::Icd9cm, _) => icd9_dotted(code),
        _ => code.to_owned(),
    }
}

/// One line for all rows of a code; each row is quoted in the file's columns.
fn mapped(edition: &Edition, from: System, to: System, rows: &[Gem], draft: &mut Draft) {
    let part = edition.part.as_str();
    let source = written(from, part, &rows[0].source);
    let quote = rows
        .iter()
        .take(SHOWN)
        .map(|row| quote(row, part))
        .collect::<Vec<_>>()
        .join("\n");
    let cite = draft.cite_row(edition, &source, &quote);
    if rows.iter().all(Gem::no_map) {
        draft.line(
            format!(
                "{source} has no map to {}: the mappings name no code for it.",
                to.label()
            ),
            &[cite],
        );
        return;
    }
    let alternatives: Vec<String> = if rows.iter().any(|r| r.combination) {
        let mut scenarios: Vec<u8> = rows.iter().map(|r| r.scenario).collect();
        scenarios.dedup();
        scenarios
            .into_iter()
            .map(|scenario| {
                let mut lists: Vec<Vec<String>> = Vec::new();
                for row in rows.iter().filter(|r| r.scenario == scenario) {
                    let place = usize::from(row.choice.max(1)) - 1;
                    lists.resize(lists.len().max(place + 1), Vec::new());
                    lists[place].extend(row.target.as_deref().map(|t| written(to, part, t)));
                }
                let lists: Vec<String> = lists
                    .iter()
                    .filter(|l| !l.is_empty())
                    .map(|l| l.join(" or "))
                    .collect();
                format!("{} together", lists.join(" with "))
            })
            .collect()
    } else {
        rows.iter()
            .filter_map(|r| r.target.as_deref().map(|t| written(to, part, t)))
            .collect()
    };
    let more = match alternatives.len().saturating_sub(SHOWN) {
        0 => String::new(),
        n => format!(", and {n} more"),
    };
    let near = if rows.iter().any(|r| r.approximate) {
        "approximately"
    } else {
        "exactly"
    };
    let choose = if alternatives.len() > 1 {
        " Choose by the record: none is preferred."
    } else {
        ""
    };
    draft.line(
        format!(
            "{source} maps {near} to {} {}{more}.{choose}",
            to.label(),
            alternatives[..alternatives.len().min(SHOWN)].join(", or ")
        ),
        &[cite],
    );
}

/// A row in the file's columns: source, target, the five flags.
fn quote(row: &Gem, part: &str) -> String {
    let none = if part == "pcs" { "NoPCS" } else { "NoDx" };
    let flag = |on: bool| if on { '1' } else { '0' };
    format!(
        "{} {} {}{}{}{}{}",
        row.source,
        row.target.as_deref().unwrap_or(none),
        flag(row.approximate),
        flag(row.no_map()),
        flag(row.combination),
        row.scenario,
        row.choice
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn icd9_codes_have_their_dot() {
        assert_eq!(icd9_dotted("4019"), "401.9");
        assert_eq!(icd9_dotted("E8809"), "E880.9");
        assert_eq!(icd9_dotted("V270"), "V27.0");
        assert_eq!(icd9_dotted("486"), "486");
        assert_eq!(written(System::Icd9cm, "pcs", "8154"), "81.54");
        assert_eq!(written(System::Icd9cm, "dx", "8154"), "815.4");
    }

    #[test]
    fn a_row_is_quoted_as_its_file_has_it() {
        let row = Gem {
            source: "0000".into(),
            target: None,
            approximate: true,
            combination: false,
            scenario: 0,
            choice: 0,
        };
        assert_eq!(quote(&row, "pcs"), "0000 NoPCS 11000");
        assert_eq!(quote(&row, "dx"), "0000 NoDx 11000");
    }
}
