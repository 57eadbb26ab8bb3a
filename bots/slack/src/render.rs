//! What people see: an [`Answer`] as Slack's blocks, and as text for notifications, screen readers and
//! clients without blocks.
//!
//! Text of sources goes into rich text, whose elements Slack shows character for character: nothing in
//! them formats, links or pings. What does not fit is dropped in whole lines from the end, and the reader
//! is told how many; a line is shown only together with its sources, and a quote only whole.

use casebook_core::{Answer, Citation, EditionRef, Line, Verdict};
use serde_json::{Value, json};

/// All text of a message. Slack does not document its limit: 9,597 characters passed, 11,341 did not.
const ALL_TEXT: usize = 8500;
/// The fallback text. Slack may split a text near 4,000 characters into several messages.
const FALLBACK: usize = 3000;
const REASON: usize = 2000;
const FOOTER: usize = 600;
/// Room for headings and for the sentences that say what was left out.
const FRAME: usize = 300;

const SHORTENED: &str = "(shortened)";

/// The answer as blocks for `chat.postMessage` or a response address, and as fallback text in mrkdwn.
/// Both keep every limit of Slack's.
pub fn blocks(answer: &Answer) -> (Value, String) {
    let page = Page::of(answer);
    (page.blocks(), page.text())
}

/// Escapes text for mrkdwn: after this no character of it begins a link, a mention or an entity.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// What fits of an answer.
struct Page<'a> {
    heading: Option<&'static str>,
    reason: Option<String>,
    lines: Vec<&'a Line>,
    sources: Vec<Source<'a>>,
    left_out: Option<String>,
    footer: String,
}

struct Source<'a> {
    citation: &'a Citation,
    quote: Option<&'a str>,
}

impl<'a> Page<'a> {
    fn of(answer: &'a Answer) -> Self {
        let shows_sources = matches!(answer.verdict, Verdict::Answered | Verdict::Uncertain);
        let editions: &[EditionRef] = if shows_sources { &answer.editions } else { &[] };
        let mut page = Self {
            heading: match answer.verdict {
                Verdict::Answered => None,
                Verdict::Uncertain => Some("Uncertain: please judge the passages"),
                Verdict::NoAnswer => Some("No answer in the loaded sources"),
                Verdict::Refused => Some("Casebook does not answer this"),
            },
            reason: answer.reason.as_deref().map(|reason| clip(reason, REASON)),
            lines: Vec::new(),
            sources: Vec::new(),
            left_out: None,
            footer: footer(answer, editions),
        };
        if shows_sources {
            let taken = page.reason.as_deref().map_or(0, weight) + weight(&page.footer) + FRAME;
            page.fill(answer, ALL_TEXT - taken);
        }
        page
    }

    /// Takes lines in with their sources while there is `room`, then quotes.
    fn fill(&mut self, answer: &'a Answer, mut room: usize) {
        for line in &answer.lines {
            let new = answer
                .citations
                .iter()
                .filter(|citation| line.citations.contains(&citation.n) && !self.has(citation));
            let new: Vec<_> = new.collect();
            let takes = weight(&line.text)
                + weight(&numbers(line))
                + new
                    .iter()
                    .map(|citation| weight_of_source(citation))
                    .sum::<usize>();
            let Some(left) = room.checked_sub(takes) else {
                break;
            };
            room = left;
            self.lines.push(line);
            self.sources.extend(new.into_iter().map(|citation| Source {
                citation,
                quote: None,
            }));
        }
        let lines = answer.lines.len() - self.lines.len();
        self.sources.sort_by_key(|source| source.citation.n);
        let shown: Vec<String> = self.lines.iter().map(|line| squash(&line.text)).collect();
        let mut quotes = 0;
        for source in &mut self.sources {
            let quote = &source.citation.quote;
            let squashed = squash(quote);
            if shown.iter().any(|line| line.contains(&squashed)) {
                continue;
            }
            match room.checked_sub(weight(quote) + 4) {
                Some(left) => {
                    room = left;
                    source.quote = Some(quote);
                }
                None => quotes += 1,
            }
        }
        self.left_out = left_out(self.lines.is_empty(), lines, quotes);
    }

    fn has(&self, citation: &Citation) -> bool {
        self.sources
            .iter()
            .any(|source| source.citation.n == citation.n)
    }

    fn blocks(&self) -> Value {
        let mut blocks = Vec::new();
        let heading = self.heading.map(|heading| text(heading, true));
        let reason = self.reason.as_deref().map(|reason| {
            let gap = if heading.is_some() { "\n" } else { "" };
            text(&format!("{gap}{reason}"), false)
        });
        let opening: Vec<Value> = heading.into_iter().chain(reason).collect();
        if !opening.is_empty() {
            blocks.push(rich_text(vec![section(opening)]));
        }
        if let Some((first, others)) = self.lines.split_first() {
            // The direct line comes first; where nothing is certain, no line is the answer.
            let mut body = vec![section(line(first, self.heading.is_none()))];
            if !others.is_empty() {
                body.push(list(others.iter().map(|other| section(line(other, false)))));
            }
            blocks.push(rich_text(body));
        }
        if let Some(left_out) = &self.left_out {
            blocks.push(context(left_out));
        }
        if !self.sources.is_empty() {
            let sources = self.sources.iter().map(|source| section(source.elements()));
            blocks.push(rich_text(vec![
                section(vec![text("Sources", true)]),
                list(sources),
            ]));
        }
        blocks.push(context(&self.footer));
        Value::Array(blocks)
    }

    fn text(&self) -> String {
        let lines = self
            .lines
            .iter()
            .map(|line| line.text.clone() + &numbers(line));
        let sources = self.sources.iter().map(Source::text);
        let all = self.heading.map(str::to_owned).into_iter();
        let all = all.chain(self.reason.clone()).chain(lines);
        let all = all.chain(self.left_out.clone()).chain(sources);
        let mut room = FALLBACK - SHORTENED.len() - 1;
        let mut kept: Vec<String> = Vec::new();
        for line in all.chain([self.footer.clone()]) {
            match room.checked_sub(weight(&line) + 1) {
                Some(left) => room = left,
                None => {
                    if kept.is_empty() {
                        kept.push(escape(&clip(&line, room)));
                    }
                    kept.push(SHORTENED.to_owned());
                    break;
                }
            }
            kept.push(escape(&line));
        }
        kept.join("\n")
    }
}

impl Source<'_> {
    fn elements(&self) -> Vec<Value> {
        let (number, name, dates) = parts(self.citation);
        let quote = self.quote.map(|quote| format!(": \u{201C}{quote}\u{201D}"));
        vec![
            text(&number, false),
            match linkable(&self.citation.url) {
                true => json!({"type": "link", "url": self.citation.url, "text": name}),
                false => text(&name, false),
            },
            text(&(dates + &quote.unwrap_or_default()), false),
        ]
    }

    fn text(&self) -> String {
        let (number, name, dates) = parts(self.citation);
        let quote = self.quote.map(|quote| format!(": \u{201C}{quote}\u{201D}"));
        let url = &self.citation.url;
        format!("{number}{name}{dates}{} {url}", quote.unwrap_or_default())
    }
}

/// `[1] `, `ICD-10-CM Tabular List, M54.50` and `, FY2026 (April 2026), effective 2026-04-01`.
fn parts(citation: &Citation) -> (String, String, String) {
    let Citation {
        n,
        source,
        locator,
        edition,
        effective,
        ..
    } = citation;
    (
        format!("[{n}] "),
        format!("{source}, {locator}"),
        format!(", {edition}, effective {effective}"),
    )
}

fn weight_of_source(citation: &Citation) -> usize {
    let (number, name, dates) = parts(citation);
    weight(&number) + weight(&name) + weight(&dates) + weight(&citation.url)
}

/// Slack refuses a whole message for one address that is none.
fn linkable(url: &str) -> bool {
    (url.starts_with("https://") || url.starts_with("http://"))
        && url.chars().all(|c| c.is_ascii_graphic())
}

fn left_out(all_lines: bool, lines: usize, quotes: usize) -> Option<String> {
    let advice = "ask for a single code or use the terminal";
    let lines = match (all_lines, lines) {
        (_, 0) => None,
        (true, _) => Some(format!("The answer is too long for Slack: {advice}.")),
        (false, 1) => Some(format!("\u{2026}and 1 more line: {advice}.")),
        (false, n) => Some(format!("\u{2026}and {n} more lines: {advice}.")),
    };
    let quotes = match quotes {
        0 => None,
        1 => Some("1 quote is left out: follow its link.".to_owned()),
        n => Some(format!("{n} quotes are left out: follow their links.")),
    };
    let sentences: Vec<String> = lines.into_iter().chain(quotes).collect();
    (!sentences.is_empty()).then(|| sentences.join(" "))
}

fn footer(answer: &Answer, editions: &[EditionRef]) -> String {
    let mut footer = format!("As of {}", answer.as_of);
    for (i, edition) in editions.iter().enumerate() {
        let EditionRef {
            source,
            edition,
            effective,
            through,
            in_force,
        } = edition;
        let dates = match through {
            Some(through) => format!("{effective} to {through}"),
            None => format!("from {effective}"),
        };
        let not = if *in_force { "" } else { ", not in force" };
        let next = format!(" \u{00B7} {source} {edition}, {dates}{not}");
        if weight(&footer) + weight(&next) > FOOTER {
            footer.push_str(&format!(
                " \u{00B7} and {} more editions",
                editions.len() - i
            ));
            break;
        }
        footer.push_str(&next);
    }
    footer
}

/// ` [1] [2]`, what a line refers to.
fn numbers(line: &Line) -> String {
    line.citations.iter().map(|n| format!(" [{n}]")).collect()
}

fn line(line: &Line, bold: bool) -> Vec<Value> {
    let mut elements = vec![text(&line.text, bold)];
    let numbers = numbers(line);
    if !numbers.is_empty() {
        elements.push(text(&numbers, false));
    }
    elements
}

fn text(text: &str, bold: bool) -> Value {
    match bold {
        true => json!({"type": "text", "text": text, "style": {"bold": true}}),
        false => json!({"type": "text", "text": text}),
    }
}

fn section(elements: Vec<Value>) -> Value {
    json!({"type": "rich_text_section", "elements": elements})
}

fn list(sections: impl Iterator<Item = Value>) -> Value {
    json!({"type": "rich_text_list", "style": "bullet", "elements": sections.collect::<Vec<_>>()})
}

fn rich_text(elements: Vec<Value>) -> Value {
    json!({"type": "rich_text", "elements": elements})
}

fn context(text: &str) -> Value {
    json!({"type": "context", "elements": [{"type": "plain_text", "text": text, "emoji": false}]})
}

/// What `text` takes of Slack's limits: escaped, in UTF-16 code units, which are never fewer than the
/// characters that Slack may count.
fn weight(text: &str) -> usize {
    text.chars().map(weight_of).sum()
}

fn weight_of(c: char) -> usize {
    match c {
        '&' => "&amp;".len(),
        '<' | '>' => "&lt;".len(),
        other => other.len_utf16(),
    }
}

/// As much of the beginning of `text` as weighs `most`, with an ellipsis where something is missing.
fn clip(text: &str, most: usize) -> String {
    if weight(text) <= most {
        return text.to_owned();
    }
    let mut room = most - 1;
    let kept = text.chars().take_while(|c| {
        let left = room.checked_sub(weight_of(*c));
        room = left.unwrap_or_default();
        left.is_some()
    });
    kept.chain(['\u{2026}']).collect()
}

/// Text as a reader compares it: without regard to case and white space.
fn squash(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").to_lowercase()
}
