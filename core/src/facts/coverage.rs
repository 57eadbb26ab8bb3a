//! Medicare's coverage documents about a code. Whether a service is covered is what a determination (NCD, LCD) says;
//! with which codes, what the article to it says: since 2019 code lists stand in articles (Program Integrity Manual,
//! ch. 13). A document is quoted, never summed up into "covered".

use casebook_catalog::coverage::{Coverage, Wanted, distinct};
use casebook_catalog::localities::state_in;
use casebook_releases::coverage::Relation;

use crate::compose::Draft;
use crate::lookup::Desk;
use crate::tabular::dotted;
use crate::{Error, Kind, System, official};

/// Documents that a card names; a question about coverage shows more.
const ON_A_CARD: usize = 2;
const ASKED_FOR: usize = 6;
/// Codes of one group that are listed; the rest is counted.
const CODES_SHOWN: usize = 12;

/// Medicare's contractors for Part A and Part B, by the beginning of their names.
const CONTRACTORS: [&str; 7] = [
    "Noridian",
    "Novitas",
    "Palmetto",
    "National Government",
    "CGS",
    "Wisconsin Physicians",
    "First Coast",
];

/// The contractor that the words name, by its name or what it is called for short.
fn contractor(words: &str) -> Option<&'static str> {
    let lower = words.to_lowercase();
    let short = |cue: &str| {
        lower
            .split(|c: char| !c.is_alphanumeric())
            .any(|w| w == cue)
    };
    if short("wps") {
        return Some("Wisconsin Physicians");
    }
    if short("ngs") {
        return Some("National Government");
    }
    CONTRACTORS
        .iter()
        .copied()
        .find(|name| lower.contains(&name.to_lowercase()))
}

/// The editions that hold coverage documents.
fn editions(desk: &Desk<'_>) -> Vec<i64> {
    let kinds = [Kind::Lcd, Kind::Article, Kind::Ncd];
    desk.shelf
        .editions()
        .iter()
        .filter(|e| kinds.contains(&e.kind))
        .map(|e| e.id)
        .collect()
}

/// Where coverage is asked for: the state and the contractor that the words name, else the usual ones.
pub(crate) fn asked_where(
    desk: &Desk<'_>,
    words: &str,
) -> (Option<&'static str>, Option<&'static str>) {
    match (state_in(words), contractor(words), desk.contractor) {
        (None, None, Some(usual)) => (state_in(usual), contractor(usual)),
        (state, contractor, _) => (state, contractor),
    }
}

/// Whether the coverage document behind a key of the store holds where `wanted` says. What is no such document does.
pub(crate) fn holds(desk: &Desk<'_>, key: &str, wanted: &Wanted<'_>) -> Result<bool, Error> {
    let display = match key.strip_prefix("document ") {
        Some(display) => display.to_owned(),
        None => match official::by_key(desk, key)?.and_then(|text| text.document) {
            Some(document) => document.document.display,
            None => return Ok(true),
        },
    };
    let found = desk
        .catalog
        .coverage_documents(&editions(desk), &display, wanted)?;
    Ok(!found.is_empty())
}

/// Adds the documents that name a code, in the state or of the contractor that the words name.
pub(crate) fn lines(
    desk: &Desk<'_>,
    system: System,
    code: &str,
    words: &str,
    asked: bool,
    draft: &mut Draft,
) -> Result<(), Error> {
    let editions = editions(desk);
    if editions.is_empty() {
        return Ok(());
    }
    let (place, whose) = asked_where(desk, words);
    let wanted = Wanted {
        on: Some(desk.on),
        state: place,
        contractor: whose,
        ..Wanted::default()
    };
    let found = desk
        .catalog
        .coverage_of_code(&editions, system, code, &wanted)?;
    let most = if asked { ASKED_FOR } else { ON_A_CARD };
    let mut shown = Vec::new();
    let total = distinct(found.iter().map(|(c, _)| c.clone()).collect()).len();
    for (document, named) in &found {
        if shown.len() == most {
            break;
        }
        if shown.contains(&document.document.version) {
            continue;
        }
        shown.push(document.document.version);
        let says = match named.relation {
            Relation::Billed => "lists it among the codes it is about",
            Relation::Modifier => "names it as a modifier",
            Relation::Covered => "lists it among the codes that support medical necessity",
            Relation::Noncovered => {
                "lists it among the codes that do not support medical necessity"
            }
        };
        let written = if system == System::Icd10cm {
            dotted(code)
        } else {
            code.to_owned()
        };
        let quote = format!(
            "{} {}: group {}, {written}",
            document.document.display, document.document.title, named.group
        );
        let cite = cite(
            desk,
            document,
            &format!("{}, group {}", document.document.display, named.group),
            &quote,
            draft,
        );
        let who = if document.document.contractors.is_empty() {
            String::new()
        } else {
            format!(" ({})", document.document.contractors)
        };
        draft.line(
            format!(
                "{} {}, {}{who} {says}, group {}.",
                label(document.document.version.kind),
                document.document.display,
                document.document.title,
                named.group
            ),
            &[cite],
        );
        if asked
            && named.relation == Relation::Billed
            && document.document.version.kind == Kind::Article
        {
            with_which_codes(desk, &editions, document, named.group, draft)?;
        }
        if asked {
            determinations(desk, &editions, document, &wanted, words, draft)?;
        }
    }
    if total > shown.len() && !shown.is_empty() {
        let first = found.first().map(|(c, _)| c);
        if let Some(first) = first {
            let cite = cite(
                desk,
                first,
                &first.document.display,
                &first.document.title,
                draft,
            );
            let hint = if place.is_none() {
                " Name a state to see those that hold there."
            } else {
                ""
            };
            draft.line(
                format!(
                    "{} more coverage documents name {code}.{hint}",
                    total - shown.len()
                ),
                &[cite],
            );
        }
    }
    Ok(())
}

fn label(kind: Kind) -> &'static str {
    match kind {
        Kind::Ncd => "National coverage determination",
        Kind::Lcd => "Local coverage determination",
        _ => "Article",
    }
}

/// The diagnoses of the article's group that goes with the procedure's, as the article lists them, and its modifiers.
fn with_which_codes(
    desk: &Desk<'_>,
    editions: &[i64],
    document: &Coverage,
    group: i64,
    draft: &mut Draft,
) -> Result<(), Error> {
    let codes = desk
        .catalog
        .coverage_codes(editions, document.document.version)?;
    for (relation, says) in [
        (
            Relation::Covered,
            "Diagnoses that support medical necessity",
        ),
        (
            Relation::Noncovered,
            "Diagnoses that do not support medical necessity",
        ),
        (Relation::Modifier, "Modifiers that the article names"),
    ] {
        let all: Vec<&_> = codes.iter().filter(|c| c.relation == relation).collect();
        // An article with one list gives it the number 1, whatever the procedures' groups are.
        let of_group: Vec<String> = {
            let same: Vec<&&_> = all.iter().filter(|c| c.group == group).collect();
            let chosen = if same.is_empty() {
                all.iter().collect()
            } else {
                same
            };
            chosen
                .iter()
                .map(|c| match c.system {
                    System::Icd10cm => dotted(&c.code),
                    _ => c.code.clone(),
                })
                .collect()
        };
        if of_group.is_empty() {
            continue;
        }
        let listed = of_group[..of_group.len().min(CODES_SHOWN)].join(", ");
        let more = match of_group.len().saturating_sub(CODES_SHOWN) {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        let locator = format!(
            "{}, {}, group {group}",
            document.document.display,
            says.to_lowercase()
        );
        let cite = cite(desk, document, &locator, &listed, draft);
        draft.line(
            format!("{says} ({}): {listed}{more}.", document.document.display),
            &[cite],
        );
    }
    Ok(())
}

/// What the determination behind an article says of coverage.
fn determinations(
    desk: &Desk<'_>,
    editions: &[i64],
    document: &Coverage,
    wanted: &Wanted<'_>,
    words: &str,
    draft: &mut Draft,
) -> Result<(), Error> {
    let mut sources = vec![document.clone()];
    if document.document.version.kind == Kind::Article {
        sources = distinct(desk.catalog.coverage_related(
            editions,
            document.document.version,
            wanted,
        )?);
        sources.retain(|c| matches!(c.document.version.kind, Kind::Lcd | Kind::Ncd));
    }
    for source in sources.iter().take(1) {
        let Some(edition) = desk
            .shelf
            .editions()
            .iter()
            .find(|e| e.id == source.edition)
        else {
            continue;
        };
        let stems = desk.retriever.lexical.stems(&format!(
            "{words} covered indications limitations medically necessary"
        ));
        let mut passages = desk.catalog.coverage_text(source)?;
        let shared = |text: &str| {
            desk.retriever
                .lexical
                .stems(text)
                .intersection(&stems)
                .count()
        };
        passages.sort_by_key(|p| std::cmp::Reverse(shared(&p.passage.text)));
        if let Some(best) = passages.first() {
            let text = official::Text {
                edition,
                passage: best.passage.clone(),
                document: Some(source.clone()),
            };
            official::passage_line(desk, &text, &format!("{words} covered indications"), draft);
        }
    }
    Ok(())
}

fn cite(
    desk: &Desk<'_>,
    document: &Coverage,
    locator: &str,
    quote: &str,
    draft: &mut Draft,
) -> crate::compose::Cite {
    let d = &document.document;
    let edition = desk
        .shelf
        .editions()
        .iter()
        .find(|e| e.id == document.edition);
    draft.cite_document(edition, d, locator, quote)
}
