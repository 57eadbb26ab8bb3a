//! An [`Answer`] as Block Kit. Pure: it decides how an answer looks, never what it says.
//!
//! Order: the verdict where it is not "answered", the direct line in bold, further lines, numbered
//! sources with links, and a footer with the date of service and the editions. Everything counts
//! towards one budget, spent in that order; what does not fit is left out whole, from the end, and
//! the reader is told how much it was.

use casebook_core::{Answer, Citation, EditionRef, Verdict};
use serde_json::{Value, json};

use crate::markup::{escape, width};

/// Text over all blocks. Undocumented; 9,597 passed and 11,341 failed with `msg_blocks_too_long`.
const TOTAL: usize = 8_900;
/// One `section` or one element of a `context` block.
const TEXT: usize = 3_000;
/// One line of an answer, so that a section holds it with its marks and numbers.
const LINE: usize = 2_400;
/// One quotation below its source.
const QUOTE: usize = 600;
/// What the footer and the notices may take; set aside first, because a cut must be announced.
const RESERVED: usize = 1_000;
/// Notification text: one direct line, not the answer again.
const FALLBACK: usize = 600;

/// An answer as blocks (an array for `chat.postMessage` or a `response_url`) and as the short text
/// that notifications and screen readers get. Keeps every limit of Slack's, whatever the answer holds.
pub fn render(answer: &Answer) -> (Value, String) {
    let mut left = TOTAL - RESERVED;
    let mut blocks = Vec::new();
    let banner = banner(answer);
    if let Some(banner) = &banner {
        left = left.saturating_sub(width(banner));
        blocks.push(section(banner));
    }
    let lines = lines(answer, &mut left);
    let shown = lines.len();
    blocks.extend(pack(&lines).iter().map(|text| section(text)));
    let omitted = answer.lines.len() - shown;
    if omitted > 0 {
        let noun = if omitted == 1 { "line" } else { "lines" };
        blocks.push(context(&format!(
            "…and {omitted} more {noun}: ask for a single code, or use the terminal"
        )));
    }
    blocks.extend(
        pack(&sources(answer, shown, &mut left))
            .iter()
            .map(|text| context(text)),
    );
    blocks.push(context(&footer(answer)));
    (Value::Array(blocks), fallback(answer))
}

/// Why an answer is not simply an answer.
fn banner(answer: &Answer) -> Option<String> {
    let title = title(answer.verdict)?;
    let reason = answer.reason.as_deref().unwrap_or_default();
    Some(
        format!("*{title}*\n{}", escape(reason, 1_500))
            .trim_end()
            .to_owned(),
    )
}

fn title(verdict: Verdict) -> Option<&'static str> {
    match verdict {
        Verdict::Answered => None,
        Verdict::Uncertain => Some("Uncertain: please judge for yourself"),
        Verdict::NoAnswer => Some("No answer in the loaded sources"),
        Verdict::Refused => Some("Casebook does not answer this"),
    }
}

/// The lines that fit with their sources' heads; there are as many as the answer's first lines.
fn lines(answer: &Answer, left: &mut usize) -> Vec<String> {
    let mut out = Vec::new();
    let mut cited: Vec<usize> = Vec::new();
    let mut heads = 0;
    for (i, line) in answer.lines.iter().enumerate() {
        // Only an answer's first line is its answer; the passages of an uncertain one are equals.
        let direct = i == 0 && answer.verdict == Verdict::Answered;
        let text = if direct {
            bold(&line.text)
        } else {
            format!("• {}", escape(&line.text, LINE))
        };
        let text = format!("{text}{}", numbers(&line.citations));
        let new = |c: &&Citation| line.citations.contains(&c.n) && !cited.contains(&c.n);
        let more: usize = answer
            .citations
            .iter()
            .filter(new)
            .map(|c| width(&head(c)) + 1)
            .sum();
        let cost = width(&text) + 1;
        // The first line is shown in any case; where it has too many sources, they give way.
        if i > 0 && cost + heads + more > *left {
            break;
        }
        *left = left.saturating_sub(cost);
        heads += more;
        cited.extend(&line.citations);
        out.push(text);
    }
    out
}

/// Bold row by row: Slack's bold ends at a line break.
fn bold(text: &str) -> String {
    let mut max = LINE;
    loop {
        let rows: Vec<String> = escape(text, max)
            .split('\n')
            .map(|row| match row.trim() {
                "" => String::new(),
                row => format!("*{row}*"),
            })
            .collect();
        let out = rows.join("\n");
        if out.trim().is_empty() {
            return "—".to_owned(); // Slack refuses a section without text.
        }
        // Two marks a row: a text of very many short rows outgrows the section only by them.
        if width(&out) <= LINE + 100 {
            return out;
        }
        max = max * 3 / 4;
    }
}

fn numbers(citations: &[usize]) -> String {
    let all: String = citations
        .iter()
        .take(20)
        .map(|n| format!("[{n}]"))
        .collect();
    if all.is_empty() {
        all
    } else {
        format!(" {all}")
    }
}

/// The sources of the first `shown` lines, each with its quotation unless a line already shows it.
fn sources(answer: &Answer, shown: usize, left: &mut usize) -> Vec<String> {
    let lines = &answer.lines[..shown];
    let used: Vec<&Citation> = answer
        .citations
        .iter()
        .filter(|c| lines.iter().any(|l| l.citations.contains(&c.n)))
        .collect();
    let said: Vec<String> = lines.iter().map(|l| squeeze(&l.text)).collect();
    let mut out = Vec::new();
    for citation in &used {
        let text = head(citation);
        if width(&text) + 1 > *left {
            break;
        }
        *left -= width(&text) + 1;
        out.push(text);
    }
    let mut quotes_left_out = 0;
    for (text, citation) in out.iter_mut().zip(&used) {
        let quote = squeeze(&citation.quote);
        if quote.is_empty() || said.iter().any(|line| line.contains(&quote)) {
            continue;
        }
        let quote = format!("\n“{}”", escape(&quote, QUOTE));
        if width(&quote) <= *left {
            *left -= width(&quote);
            text.push_str(&quote);
        } else {
            quotes_left_out += 1;
        }
    }
    let heads_left_out = used.len() - out.len();
    for (count, noun) in [(heads_left_out, "source"), (quotes_left_out, "quotation")] {
        if count > 0 {
            let s = if count == 1 { "" } else { "s" };
            out.push(format!("…and {count} more {noun}{s}: use the terminal"));
        }
    }
    out
}

/// `[1] source, locator, edition, effective date`, with the source linked where its address can be.
fn head(c: &Citation) -> String {
    let source = flat(&c.source, 200);
    let linked = match link(&c.url) {
        Some(url) => format!("<{url}|{source}>"),
        None => source,
    };
    format!(
        "[{}] {linked}, {}, {}, effective {}",
        c.n,
        flat(&c.locator, 120),
        flat(&c.edition, 120),
        c.effective
    )
}

/// An address that can stand in `<address|label>`.
fn link(url: &str) -> Option<String> {
    let web = url.starts_with("https://") || url.starts_with("http://");
    let clean = !url
        .chars()
        .any(|c| c.is_whitespace() || c.is_control() || "<>|".contains(c));
    let url = url.replace('&', "&amp;");
    (web && clean && width(&url) <= 500).then_some(url)
}

fn footer(answer: &Answer) -> String {
    let mut out = format!("Date of service {}", answer.as_of);
    for (i, edition) in answer.editions.iter().enumerate() {
        let text = format!(" · {}", edition_text(edition));
        let rest = answer.editions.len() - i;
        if width(&out) + width(&text) > RESERVED - 300 {
            out.push_str(&format!(" · …and {rest} more editions"));
            break;
        }
        out.push_str(&text);
    }
    out
}

fn edition_text(e: &EditionRef) -> String {
    let through = e
        .through
        .map(|d| format!(" through {d}"))
        .unwrap_or_default();
    let force = if e.in_force { "" } else { " (not in force)" };
    format!(
        "{} {}, from {}{through}{force}",
        flat(&e.source, 200),
        flat(&e.edition, 120),
        e.effective
    )
}

fn fallback(answer: &Answer) -> String {
    let first = answer.lines.first().map(|l| l.text.as_str());
    let said = match answer.verdict {
        Verdict::Answered => first.unwrap_or("An answer without lines."),
        _ => answer.reason.as_deref().unwrap_or_default(),
    };
    match title(answer.verdict) {
        Some(title) => format!("{title}. {}", flat(said, FALLBACK))
            .trim_end()
            .to_owned(),
        None => flat(said, FALLBACK),
    }
}

/// Escaped, on one row.
fn flat(text: &str, max: usize) -> String {
    escape(&squeeze(text), max)
}

/// White space as single spaces, so that a quotation is found in a line that breaks elsewhere.
fn squeeze(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Joins texts to as few as fit into one block each; every input is shorter than that.
fn pack(texts: &[String]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for text in texts {
        match out.last_mut() {
            Some(last) if width(last) + 1 + width(text) <= TEXT => {
                last.push('\n');
                last.push_str(text);
            }
            _ => out.push(text.clone()),
        }
    }
    out
}

/// `verbatim`: Slack must not turn words of a source into links or mentions of its own.
fn section(text: &str) -> Value {
    json!({"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": true}})
}

fn context(text: &str) -> Value {
    json!({"type": "context", "elements": [{"type": "mrkdwn", "text": text, "verbatim": true}]})
}
