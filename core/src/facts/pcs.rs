//! What the characters of an ICD-10-PCS code say, and why a combination of them is no code: from the tables.

use casebook_releases::icd10pcs_tables::Axis;

use super::index_terms;
use crate::compose::Draft;
use crate::lookup::Desk;
use crate::{Error, Kind};

/// Values that go with the rest of a code, as listed where one does not.
const SHOWN: usize = 12;

/// The axis's value with its name: `Approach 0 Open`.
fn read_as(axis: &Axis, value: char) -> Option<String> {
    let (_, label) = axis.values.iter().find(|(v, _)| *v == value)?;
    Some(format!("{} {value} {label}", axis.title))
}

/// Adds what each character means, what the operation is, and what leads to it in the index.
pub(crate) fn lines(desk: &Desk<'_>, code: &str, draft: &mut Draft) -> Result<(), Error> {
    characters(desk, code, draft)?;
    index_terms::of(desk, Kind::Icd10pcsIndex, code, draft)
}

fn characters(desk: &Desk<'_>, code: &str, draft: &mut Draft) -> Result<(), Error> {
    let Some(edition) = desk.shelf.on(Kind::Icd10pcsTables, desk.on) else {
        return Ok(());
    };
    let Some(table) = code
        .get(..3)
        .map(|key| desk.catalog.pcs_table(edition.id, key))
        .transpose()?
        .flatten()
    else {
        return Ok(());
    };
    let Some(line) = table.line_of(code) else {
        return Ok(());
    };
    let parts: Vec<String> = table
        .head
        .iter()
        .chain(line)
        .zip(code.chars())
        .filter_map(|(axis, value)| read_as(axis, value))
        .collect();
    let locator = format!("table {}", table.key);
    let cite = draft.cite_row(edition, &locator, &parts.join("\n"));
    draft.line(
        format!("{code} by its characters: {}.", parts.join("; ")),
        &[cite],
    );
    let section = &code[..1];
    let defining = desk.shelf.on(Kind::Icd10pcsDefinitions, desk.on);
    for (axis, value) in table
        .head
        .iter()
        .skip(2)
        .chain(line)
        .zip(code.chars().skip(2))
    {
        let Some((_, label)) = axis.values.iter().find(|(v, _)| *v == value) else {
            continue;
        };
        let defined = match defining {
            Some(e) => desk
                .catalog
                .pcs_defined(e.id, section, axis.position, label)?
                .map(|d| (e, d)),
            None => None,
        };
        match defined {
            Some((from, d)) => {
                let mut said: Vec<String> = Vec::new();
                said.extend((!d.definition.is_empty()).then(|| d.definition.clone()));
                said.extend((!d.explanation.is_empty()).then(|| d.explanation.clone()));
                said.extend((!d.includes.is_empty()).then(|| format!("includes {}", d.includes)));
                if said.is_empty() {
                    continue;
                }
                let quote = [&d.definition, &d.explanation, &d.includes]
                    .into_iter()
                    .filter(|t| !t.is_empty())
                    .cloned()
                    .collect::<Vec<_>>()
                    .join("\n");
                let cite = draft.cite_row(from, &format!("{}, {label}", d.axis), &quote);
                draft.line(format!("{} {label}: {}.", d.axis, said.join("; ")), &[cite]);
            }
            None if !axis.definition.is_empty() => {
                let cite = draft.cite_row(edition, &locator, &axis.definition);
                draft.line(
                    format!("{} {label}: {}.", axis.title, axis.definition),
                    &[cite],
                );
            }
            None => {}
        }
    }
    Ok(())
}

/// Why seven characters are no code: the first of them that its table has in no line with those before it, and what may
/// stand in its place. `None` where no table is loaded or the characters are in order.
pub(crate) fn why_none(desk: &Desk<'_>, code: &str) -> Result<Option<String>, Error> {
    let Some(edition) = desk.shelf.on(Kind::Icd10pcsTables, desk.on) else {
        return Ok(None);
    };
    let (Some(key), 7) = (code.get(..3), code.chars().count()) else {
        return Ok(None);
    };
    let name = format!("{} {}", edition.source, edition.edition);
    let Some(table) = desk.catalog.pcs_table(edition.id, key)? else {
        return Ok(Some(format!("{name} has no table {key}.")));
    };
    let mut lines: Vec<&Vec<Axis>> = table.lines.iter().collect();
    for (place, value) in code.chars().skip(3).enumerate() {
        let with: Vec<&Vec<Axis>> = lines
            .iter()
            .copied()
            .filter(|line| line[place].values.iter().any(|(v, _)| *v == value))
            .collect();
        if with.is_empty() {
            let mut may: Vec<String> = Vec::new();
            for (v, label) in lines.iter().flat_map(|line| &line[place].values) {
                let shown = format!("{v} {label}");
                if !may.contains(&shown) {
                    may.push(shown);
                }
            }
            let more = match may.len().saturating_sub(SHOWN) {
                0 => String::new(),
                n => format!(" and {n} more"),
            };
            may.truncate(SHOWN);
            let title = lines
                .first()
                .map_or_else(String::new, |line| line[place].title.to_lowercase());
            return Ok(Some(format!(
                "In {name}, table {key}, no line has {title} {value} after {}; there may stand {}{more}.",
                &code[..3 + place],
                may.join(", ")
            )));
        }
        lines = with;
    }
    Ok(None)
}
