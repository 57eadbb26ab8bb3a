//! Official text, where it is loaded: guidelines, the NCCI Policy Manual, coverage documents, an operator's documents.
//!
//! It goes before the digest. Two ways lead to it: a search finds a passage by its own words, and a rule of the digest
//! names the section that it digests, so that a question which finds the rule is answered with the section's own text
//! and the digest beside it.

use casebook_catalog::coverage::{Coverage, Wanted};
use casebook_releases::coverage::CoverageDocument;
use casebook_releases::document::Passage;

use crate::Error;
use crate::Kind;
use crate::answer::{Citation, EditionRef};
use crate::catalog::Edition;
use crate::compose::{Draft, tabular_edition};
use crate::digest::{Digest, Entry as DigestEntry, Kind as EntryKind};
use crate::excerpt;
use crate::lookup::Desk;
use crate::topic::Topic;

/// Kinds whose passages are searched.
pub(crate) const KINDS: [Kind; 7] = [
    Kind::Icd10cmGuidelines,
    Kind::Icd10pcsGuidelines,
    Kind::NcciManual,
    Kind::Ncd,
    Kind::Lcd,
    Kind::Article,
    Kind::Document,
];

/// Rules that a card shows.
const MORE_RULES: usize = 3;

/// The document that a source of the digest digests, where an importer reads it.
fn digested(source: &str) -> Option<Kind> {
    match source {
        "icd10cm-guidelines" => Some(Kind::Icd10cmGuidelines),
        "icd10pcs-guidelines" => Some(Kind::Icd10pcsGuidelines),
        "ncci-policy-manual" => Some(Kind::NcciManual),
        _ => None,
    }
}

/// The editions whose passages answer for the desk's date: of a dated document the one that speaks, of documents that
/// stand for themselves (coverage, an operator's own) all that are in force.
pub(crate) fn editions<'a>(desk: &Desk<'a>) -> Vec<&'a Edition> {
    let mut found = Vec::new();
    for kind in KINDS {
        match kind {
            Kind::Icd10cmGuidelines | Kind::Icd10pcsGuidelines | Kind::NcciManual => {
                if let Some(edition) = desk.shelf.on(kind, desk.on) {
                    found.extend(desk.shelf.parts(edition));
                }
            }
            // A coverage document has dates of its own, whenever its export was loaded.
            Kind::Ncd | Kind::Lcd | Kind::Article => found.extend(desk.shelf.of(kind)),
            _ => found.extend(desk.shelf.of(kind).filter(|e| e.in_force(desk.on))),
        }
    }
    found
}

/// A passage with where it stands.
pub(crate) struct Text<'a> {
    pub edition: &'a Edition,
    pub passage: Passage,
    /// The coverage document that it is part of, which has dates and an address of its own.
    pub document: Option<Coverage>,
}

/// The key of a passage in the store.
pub(crate) fn key(edition: i64, ord: i64) -> String {
    format!("passage {edition} {ord}")
}

/// The key of a coverage document's title in the store.
pub(crate) fn document_key(document: &CoverageDocument) -> String {
    format!("document {}", document.display)
}

/// What a coverage document is called.
pub(crate) fn coverage_label(kind: Kind) -> &'static str {
    match kind {
        Kind::Ncd => "NCD",
        Kind::Lcd => "LCD",
        _ => "Article",
    }
}

/// Adds a coverage document by its title: that there is one, whose it is, and since when. False where the key names
/// none that holds on the date.
pub(crate) fn title_line(desk: &Desk<'_>, key: &str, draft: &mut Draft) -> Result<bool, Error> {
    let Some(display) = key.strip_prefix("document ") else {
        return Ok(false);
    };
    let kinds = [Kind::Ncd, Kind::Lcd, Kind::Article];
    let editions: Vec<i64> = desk
        .shelf
        .editions()
        .iter()
        .filter(|e| kinds.contains(&e.kind))
        .map(|e| e.id)
        .collect();
    let wanted = Wanted {
        on: Some(desk.on),
        ..Wanted::default()
    };
    let found = desk
        .catalog
        .coverage_documents(&editions, display, &wanted)?;
    let Some(coverage) = found.first() else {
        return Ok(false);
    };
    let d = &coverage.document;
    let edition = desk
        .shelf
        .editions()
        .iter()
        .find(|e| e.id == coverage.edition);
    let quote = format!("{} {}", d.display, d.title);
    let cite = draft.cite_document(edition, d, &d.display, &quote);
    let whose = if d.contractors.is_empty() {
        String::new()
    } else {
        format!(" ({})", d.contractors.replace('\n', " "))
    };
    let since = d
        .effective
        .map_or(String::new(), |date| format!(", effective {date}"));
    draft.line(
        format!(
            "{} {}: {}{whose}{since}.",
            coverage_label(d.version.kind),
            d.display,
            d.title
        ),
        &[cite],
    );
    Ok(true)
}

/// The passage that a key of the store names, where its edition is still loaded.
pub(crate) fn by_key<'a>(desk: &Desk<'a>, key: &str) -> Result<Option<Text<'a>>, Error> {
    let mut parts = key.strip_prefix("passage ").unwrap_or_default().split(' ');
    let (Some(id), Some(ord)) = (
        parts.next().and_then(|p| p.parse::<i64>().ok()),
        parts.next().and_then(|p| p.parse().ok()),
    ) else {
        return Ok(None);
    };
    let Some(edition) = desk.shelf.editions().iter().find(|e| e.id == id) else {
        return Ok(None);
    };
    let Some(stored) = desk.catalog.passage(id, ord)? else {
        return Ok(None);
    };
    let document = match edition.kind {
        Kind::Lcd | Kind::Article | Kind::Ncd => desk.catalog.coverage_of_passage(id, ord)?,
        _ => None,
    };
    Ok(Some(Text {
        edition,
        passage: stored.passage,
        document,
    }))
}

/// A passage's line: the sentences that fit the question, verbatim, under its heading.
pub(crate) fn passage_line(desk: &Desk<'_>, text: &Text<'_>, question: &str, draft: &mut Draft) {
    let lexical = &desk.retriever.lexical;
    let passage = &text.passage;
    let quote = excerpt::best(&passage.text, &lexical.stems(question), &|text| {
        lexical.stems(text)
    });
    let locator = match passage.page {
        Some(page) => format!("{}, page {page}", passage.locator),
        None => passage.locator.clone(),
    };
    // Two rules of one section are answered by one quote of it.
    if text.document.is_none() && draft.quotes(text.edition, &locator) {
        return;
    }
    let cite = match &text.document {
        Some(document) => {
            let d = &document.document;
            let locator = if locator.starts_with(&d.display) {
                locator
            } else {
                format!("{} {locator}", d.display)
            };
            draft.cite_document(Some(text.edition), d, &locator, quote)
        }
        None => draft.cite_row(text.edition, &locator, quote),
    };
    let heading = if passage.heading.is_empty() {
        String::new()
    } else {
        format!("{}: ", passage.heading)
    };
    draft.line(format!("{heading}\u{201c}{quote}\u{201d}"), &[cite]);
}

/// A rule of the digest: first the official section that it digests, where that is loaded, then the digest.
pub(crate) fn rule_line(
    desk: &Desk<'_>,
    rule: &DigestEntry,
    question: Option<&str>,
    draft: &mut Draft,
) -> Result<(), Error> {
    if let Some(kind) = digested(&rule.source)
        && let Some(edition) = desk.shelf.on(kind, desk.on)
    {
        // The sentence that the digest was made from is the one most like it.
        let asked = format!(
            "{} {} {}",
            question.unwrap_or_default(),
            rule.title,
            rule.text
        );
        let mut passages = Vec::new();
        for part in desk.shelf.parts(edition) {
            for stored in desk.catalog.section(part.id, &rule.locator)? {
                passages.push((part, stored.passage));
            }
        }
        let stems = desk.retriever.lexical.stems(&asked);
        let shared = |p: &Passage| {
            desk.retriever
                .lexical
                .stems(&p.text)
                .intersection(&stems)
                .count()
        };
        passages.sort_by_key(|(_, p)| std::cmp::Reverse(shared(p)));
        if let Some((part, passage)) = passages.into_iter().next() {
            let text = Text {
                edition: part,
                passage,
                document: None,
            };
            passage_line(desk, &text, &asked, draft);
        }
    }
    digest_line(desk.digest, rule, draft);
    Ok(())
}

/// A rule of the digest alone: its headline says what the sentence is about.
fn digest_line(digest: &Digest, rule: &DigestEntry, draft: &mut Draft) {
    let cite = draft.cite_digest(digest, rule);
    draft.line(
        format!("{}: {}", rule.title.trim_end_matches('.'), rule.text),
        &[cite],
    );
}

/// Rules of the digest about a described code or modifier.
pub(crate) fn rules_naming(
    desk: &Desk<'_>,
    entry: &DigestEntry,
    draft: &mut Draft,
) -> Result<(), Error> {
    let Some(code) = entry.code.as_deref() else {
        return Ok(());
    };
    draft.about(Topic::Rules);
    let about: Vec<&DigestEntry> = if entry.kind == EntryKind::Modifier {
        let named = [format!("modifier {code}"), format!("modifiers {code}")];
        let rules = desk
            .digest
            .entries()
            .iter()
            .filter(|e| e.kind == EntryKind::Rule);
        rules
            .filter(|e| {
                named
                    .iter()
                    .any(|n| e.title.to_lowercase().contains(&n.to_lowercase()))
            })
            .collect()
    } else {
        desk.digest.rules_about(code)
    };
    for rule in about.into_iter().take(MORE_RULES) {
        rule_line(desk, rule, None, draft)?;
    }
    Ok(())
}

/// A section of the Official Guidelines, as a citation: its own sentence that is likest to `about` where the guidelines are
/// loaded, else the digest of it.
pub(crate) fn section(
    desk: &Desk<'_>,
    locator: &str,
    about: &str,
) -> Result<Option<(Citation, EditionRef)>, Error> {
    if let Some(edition) = desk.shelf.on(Kind::Icd10cmGuidelines, desk.on) {
        let lexical = &desk.retriever.lexical;
        let asked = lexical.stems(about);
        for part in desk.shelf.parts(edition) {
            let passages = desk.catalog.section(part.id, locator)?;
            let shared = |p: &Passage| lexical.stems(&p.text).intersection(&asked).count();
            let Some(best) = passages
                .into_iter()
                .map(|stored| stored.passage)
                .max_by_key(shared)
            else {
                continue;
            };
            let quote = excerpt::best(&best.text, &asked, &|text| lexical.stems(text));
            let locator = match best.page {
                Some(page) => format!("{}, page {page}", best.locator),
                None => best.locator.clone(),
            };
            let citation = Citation {
                n: 0,
                source: part.source.clone(),
                locator,
                edition: part.edition.clone(),
                effective: part.effective,
                quote: quote.to_owned(),
                url: part.url.clone(),
                file: part.file.clone(),
            };
            return Ok(Some((citation, tabular_edition(part, desk.on))));
        }
    }
    let digest = desk.digest.entries().iter().find(|e| {
        e.kind == EntryKind::Rule && e.source == "icd10cm-guidelines" && e.locator == locator
    });
    Ok(digest.map(|entry| desk.digest.cite(entry, desk.on)))
}
