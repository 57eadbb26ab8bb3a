//! Codes that stand in the note. They are looked up and never guessed: a number is a procedure's only where the note
//! says so, or where its form is that of no other number.

use std::sync::LazyLock;

use casebook_note::Assertion;
use regex::Regex;

use super::{Asked, Finding, Making, Rank, Read, ServiceFound};
use crate::Error;
use crate::code::System;
use crate::compose::Draft;
use crate::service::Service;
use crate::tabular::dotted;

/// With its dot, or in parentheses: `E11.9`, `(I10)`.
static DIAGNOSIS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"\b(?P<a>[A-Z]\d[0-9A-Z])\.(?P<b>[0-9A-Z]{1,4})\b|[(\[](?P<c>[A-Z]\d[0-9A-Z]{1,5})[)\]]",
    )
    .ok()
});

/// CPT or HCPCS Level II, with its modifiers.
static SERVICE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"\b(?P<code>\d{4}[0-9A-Z]|[A-V]\d{4})(?P<mods>(?:-[0-9A-Z]{2})*)\b").ok()
});

/// Words beside a number by which it is a procedure's.
static CUE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(cpt|hcpcs|codes?|coded|billed|bill|billing|charges?|procedures?)\b").ok()
});

/// Codes that are looked up; a note with more is a list of codes and no note.
const MOST: usize = 60;

/// Adds the diagnoses, and returns the services.
pub(super) fn add(making: &mut Making<'_>, read: &Read<'_>) -> Result<Vec<ServiceFound>, Error> {
    diagnoses(making, read)?;
    services(making, read)
}

fn diagnoses(making: &mut Making<'_>, read: &Read<'_>) -> Result<(), Error> {
    let Some(pattern) = DIAGNOSIS.as_ref() else {
        return Ok(());
    };
    let text = read.note.text();
    for found in pattern.captures_iter(text).take(MOST) {
        let group = |name: &str| found.name(name).map(|m| m.as_str());
        let key = match (group("a"), group("b"), group("c")) {
            (Some(a), Some(b), _) => format!("{a}{b}"),
            (_, _, Some(c)) => c.to_owned(),
            _ => continue,
        };
        let range = match (found.name("c"), found.get(0)) {
            (Some(c), _) => c.range(),
            (None, Some(whole)) => whole.range(),
            (None, None) => continue,
        };
        let so = matches!(
            read.note.assertion(range.clone()),
            Assertion::Affirmed | Assertion::Listed
        );
        if read.hidden.touches(&range) || !so {
            continue;
        }
        let entry = making.desk.catalog.entry(making.edition.id, &key)?;
        match entry {
            Some(code) if code.billable => making.findings.add(Finding {
                code,
                rank: Rank::Coded,
                sure: true,
                said: Vec::new(),
                evidence: vec![range],
                assessed: true,
                generic: false,
                reason: None,
                sources: Vec::new(),
            }),
            Some(heading) => {
                let text = format!(
                    "{} {} stands in the note and needs more characters; the record should say more.",
                    dotted(&heading.key),
                    heading.title
                );
                let sources = making.titled(&heading)?;
                making.asked.push(Asked {
                    text,
                    about: None,
                    sources,
                });
            }
            None => {}
        }
    }
    Ok(())
}

fn services(making: &mut Making<'_>, read: &Read<'_>) -> Result<Vec<ServiceFound>, Error> {
    let (Some(pattern), Some(cue)) = (SERVICE.as_ref(), CUE.as_ref()) else {
        return Ok(Vec::new());
    };
    let desk = making.desk;
    let text = read.note.text();
    let mut services: Vec<ServiceFound> = Vec::new();
    for found in pattern.captures_iter(text).take(MOST) {
        let Some(whole) = found.get(0) else { continue };
        let range = whole.range();
        let code = &found["code"];
        let letter = code.starts_with(|c: char| c.is_ascii_alphabetic());
        let system = if letter { System::Hcpcs } else { System::Cpt };
        let sentence = read.note.sentence_of(&range);
        let said = sentence.is_some_and(|s| cue.is_match(&text[s.range.clone()]));
        // A number with a decimal or a unit behind it is a value.
        let part = |at: usize| {
            text[at..].starts_with(['.', '/'])
                && text[at + 1..].starts_with(|c: char| c.is_ascii_digit())
        };
        if read.hidden.touches(&range)
            || part(range.end)
            || text[..range.start].ends_with(['$', '#', '.', '/', '-'])
            || !(said || letter || !found["mods"].is_empty())
        {
            continue;
        }
        if let Some(known) = services.iter_mut().find(|s| s.code.code == code) {
            known.evidence.push(range);
            continue;
        }
        let Some(service) = Service::read(desk, system, code)? else {
            continue;
        };
        let mut draft = Draft::new(desk.on);
        service.headline(desk, &mut draft);
        services.push(ServiceFound {
            code: service.code_ref(desk.on),
            line: whole.as_str().to_owned(),
            evidence: vec![range],
            sources: draft.into_sources(),
        });
    }
    Ok(services)
}
