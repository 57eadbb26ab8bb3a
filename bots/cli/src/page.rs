//! Pages for the terminal: plain text, made from values that core decided.

use casebook_core::casebook::Editions;
use casebook_core::topic::Topic;
use casebook_core::{Answer, Card, Citation, CodeHit, Status, Verdict};
use chrono::NaiveDate;

/// An answer: the direct line, what supports it, then the sources.
pub fn answer(answer: &Answer) -> String {
    let mut page = String::new();
    if let Some(read_as) = &answer.read_as {
        page.push_str(&format!("Read as: {read_as}\n\n"));
    }
    if let Some(reason) = &answer.reason {
        let label = match answer.verdict {
            Verdict::Uncertain => "Uncertain: ",
            _ => "",
        };
        page.push_str(&format!("{label}{reason}\n\n"));
    }
    for line in &answer.lines {
        let marks: String = line.citations.iter().map(|n| format!("[{n}]")).collect();
        page.push_str(&format!(
            "{} {marks}\n\n",
            line.text.replace('\n', "\n    ")
        ));
    }
    if !answer.more.is_empty() {
        page.push_str("Further passages\n\n");
    }
    for line in &answer.more {
        let marks: String = line.citations.iter().map(|n| format!("[{n}]")).collect();
        page.push_str(&format!(
            "  {} {marks}\n\n",
            line.text.replace('\n', "\n    ")
        ));
    }
    if !answer.citations.is_empty() {
        page.push_str("Sources\n");
    }
    for c in &answer.citations {
        page.push_str(&format!(
            "  [{}] {}, {}, {}, effective {}{}\n      {}\n",
            c.n,
            c.source,
            c.locator,
            c.edition,
            c.effective,
            from_file(c),
            c.url
        ));
        // A quote that stands in a line already is not printed twice.
        let mut lines = answer.lines.iter().chain(&answer.more);
        if !lines.any(|l| l.text.contains(&c.quote)) {
            page.push_str(&format!("      “{}”\n", c.quote.replace('\n', "\n       ")));
        }
    }
    if !answer.related.is_empty() {
        page.push_str(&format!("\nAsk next\n  {}\n", answer.related.join("\n  ")));
    }
    if let Some(model) = &answer.arranged_by {
        page.push_str(&format!(
            "\nArranged by {model}; every sentence was checked against its sources.\n"
        ));
    }
    page.push_str(&format!("\nFor dates of service on {}.\n", answer.as_of));
    page
}

/// The loaded file behind a citation, for an operator who looks a figure up.
pub fn from_file(citation: &Citation) -> String {
    if citation.file.is_empty() {
        return String::new();
    }
    format!(", from {}", citation.file)
}

/// Cards, one after the other.
pub fn cards(cards: &[Card], as_of: NaiveDate) -> String {
    cards
        .iter()
        .map(|c| card(c, as_of))
        .collect::<Vec<_>>()
        .join("\n")
}

fn card(card: &Card, as_of: NaiveDate) -> String {
    let mut page = String::new();
    if let Some(notice) = &card.notice {
        page.push_str(&format!("! {notice}\n"));
    }
    page.push_str(&format!(
        "{} {}  {}\n",
        card.system.label(),
        card.code,
        card.title
    ));
    if let Some(licence) = &card.licence {
        page.push_str(&format!("  {licence}\n"));
    }
    let status = match card.status {
        Status::Billable => "billable",
        Status::NotBillable => "not billable",
        Status::Header => "a heading: more characters are required",
        Status::Terminated => "ended",
        Status::Unknown => "unknown",
    };
    page.push_str(&format!("  {status}"));
    if let (Some(edition), Some(effective)) = (&card.edition, card.effective) {
        let through = card.through.map_or(String::new(), |t| format!(" to {t}"));
        page.push_str(&format!(", {edition}, {effective}{through}"));
        if !card.in_force {
            page.push_str(&format!(", NOT IN FORCE on {as_of}"));
        }
    }
    page.push('\n');
    if let Some(reason) = &card.reason {
        page.push_str(&format!("  {reason}\n"));
    }
    if let Some(text) = &card.description {
        page.push_str(&format!("  {text}\n"));
    }
    for (label, notes) in [
        ("Code first", &card.notes.code_first),
        ("Use additional code", &card.notes.use_additional),
        ("Code also", &card.notes.code_also),
        ("Excludes1", &card.notes.excludes1),
        ("Excludes2", &card.notes.excludes2),
        ("Includes", &card.notes.includes),
        ("Also known as", &card.notes.inclusion_terms),
        ("Notes", &card.notes.notes),
    ] {
        if !notes.is_empty() {
            page.push_str(&format!("  {label}\n"));
            notes
                .iter()
                .for_each(|n| page.push_str(&format!("    - {n}\n")));
        }
    }
    // What the card is and its notes stand above, in their own form.
    for fact in card
        .facts
        .iter()
        .filter(|f| !matches!(f.topic, Topic::Code | Topic::Notes))
    {
        let marks: String = fact.citations.iter().map(|n| format!("[{n}]")).collect();
        page.push_str(&format!(
            "  {} {marks}\n",
            fact.text.replace('\n', "\n    ")
        ));
    }
    if !card.seventh_characters.is_empty() {
        page.push_str("  7th characters\n");
        for s in &card.seventh_characters {
            page.push_str(&format!("    {}  {}\n", s.character, s.meaning));
        }
    }
    for (label, codes) in [("Below it", &card.below), ("Near it", &card.near)] {
        if !codes.is_empty() {
            page.push_str(&format!("  {label}\n"));
            codes
                .iter()
                .for_each(|c| page.push_str(&format!("    {}  {}\n", c.code, c.title)));
        }
    }
    for c in &card.citations {
        page.push_str(&format!(
            "  [{}] {}, {}, {}, effective {}{}: {}\n",
            c.n,
            c.source,
            c.locator,
            c.edition,
            c.effective,
            from_file(c),
            c.url
        ));
    }
    page
}

/// Codes found, best first.
pub fn hits(hits: &[CodeHit]) -> String {
    if hits.is_empty() {
        return "Nothing found. Try other words, or fewer.".to_owned();
    }
    hits.iter()
        .map(|h| {
            format!(
                "{:.3}  {:9} {:9} {}",
                h.score,
                h.code.system.as_str(),
                h.code.code,
                h.code.title
            )
        })
        .collect::<Vec<_>>()
        .join("\n")
}

/// What is loaded.
pub fn editions(editions: &Editions) -> String {
    let mut page = String::new();
    for s in &editions.sources {
        let through = s.through.map_or(String::new(), |t| format!(" to {t}"));
        let id = s.id.map_or(String::new(), |id| format!("#{id} "));
        let setting = s
            .setting
            .map_or(String::new(), |s| format!(", {}", s.label()));
        let part = if s.part.is_empty() {
            String::new()
        } else {
            format!(", {}", s.part)
        };
        page.push_str(&format!(
            "{id}{}, {}{setting}{part} ({}{through}): {} rows\n",
            s.source, s.edition, s.effective, s.rows
        ));
    }
    for w in &editions.warnings {
        page.push_str(&format!("! {w}\n"));
    }
    page
}
