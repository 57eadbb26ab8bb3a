//! What people see: a reply of the desk's as Slack's blocks, and as text for notifications, screen readers and
//! clients without blocks.
//!
//! Text of sources and of people goes into rich text, whose elements Slack shows character for character: nothing in
//! them formats, links or pings. A link goes nowhere but to the address of a citation. What does not fit is dropped in
//! whole lines from the end, and the reader is told how many and finds them behind a button; a line is shown only
//! together with its sources, and a quote only whole. Buttons come last and are never dropped for lines.

use casebook_core::{Answer, Citation, EditionRef, Line, Verdict};
use casebook_desk::{Action, Content, Help, Reply};
use serde_json::{Value, json};

use crate::api::Post;

/// All text of a message. Slack does not document its limit: 9,597 characters passed, 11,341 did not.
const ALL_TEXT: usize = 8500;
/// The fallback text. Slack may split a text near 4,000 characters into several messages.
const FALLBACK: usize = 3000;
const REASON: usize = 2000;
const READ_AS: usize = 400;
const FOOTER: usize = 600;
/// Room for headings and for the sentences that say what was left out.
const FRAME: usize = 300;

/// Text of a notice.
const NOTICE: usize = 6000;
/// Buttons of a message: three rows that a person still looks at.
const BUTTONS: usize = 15;
/// Characters of a button.
const LABEL: usize = 75;

const SHORTENED: &str = "(shortened)";

/// A message: blocks for `chat.postMessage` or a response address, and fallback text in mrkdwn. Both keep every limit
/// of Slack's.
#[derive(Debug, Clone)]
pub struct Message {
    /// The blocks; none where the text says it all.
    pub blocks: Option<Value>,
    /// The same as text.
    pub text: String,
    /// How many of an answer's lines are shown, where some are not.
    pub cut_after: Option<usize>,
}

/// Content with the buttons below it.
pub fn message(content: &Content, actions: &[Action]) -> Message {
    let rows = rows(actions);
    let of_buttons = rows.iter().map(labels).sum::<usize>();
    let (mut blocks, text, cut_after) = match content {
        Content::Answer(answer) => {
            let goes_on = actions
                .iter()
                .any(|action| matches!(action, Action::More { .. }));
            let page = Page::of(answer, of_buttons, goes_on);
            (page.blocks(), page.text(), page.cut_after)
        }
        Content::Help(help) => (help_blocks(help), help_text(help), None),
        Content::Notice(notice) if rows.is_empty() => {
            return Message {
                blocks: None,
                text: notice_text(&notice.text),
                cut_after: None,
            };
        }
        Content::Notice(notice) => (notice_blocks(&notice.text), notice_text(&notice.text), None),
        Content::Warning(warning) => (
            notice_blocks(&warning.text),
            notice_text(&warning.text),
            None,
        ),
    };
    blocks.extend(rows);
    if let Content::Help(help) = content {
        blocks.push(topics(help));
    }
    Message {
        blocks: Some(Value::Array(blocks)),
        text,
        cut_after,
    }
}

/// A reply, with the lines that do not fit behind its button.
pub(crate) fn post(reply: &Reply) -> Post {
    let shown = message(&reply.content, &reply.actions);
    let shown = match shown.cut_after {
        Some(lines) => {
            let mut reply = reply.clone();
            reply.cut_after(lines);
            message(&reply.content, &reply.actions)
        }
        None => shown,
    };
    Post {
        text: shown.text,
        blocks: shown.blocks,
    }
}

/// The answer that `by` shows to everybody.
pub(crate) fn shared(mut post: Post, by: &str) -> Post {
    let said = format!("{} shares this answer.", clip(by, LABEL));
    if let Some(Value::Array(blocks)) = &mut post.blocks {
        blocks.insert(0, context(&said));
    }
    post.text = format!("{}\n{}", escape(&said), post.text);
    post
}

/// Buttons in rows: what to do with the answer, related questions, whether it helped.
fn rows(actions: &[Action]) -> Vec<Value> {
    let row = |action: &Action| match action {
        Action::Related { .. } | Action::RelatedTo { .. } => 1,
        Action::Helpful { .. } | Action::NotHelpful { .. } => 2,
        _ => 0,
    };
    // Whether it helped is always asked; of the others the first go first.
    let feedback = actions.iter().filter(|action| row(action) == 2).count();
    let others = actions.iter().filter(|action| row(action) < 2);
    let shown: Vec<&Action> = others.take(BUTTONS.saturating_sub(feedback)).collect();
    let feedback = actions.iter().filter(|action| row(action) == 2);
    let shown: Vec<&Action> = shown.into_iter().chain(feedback).collect();
    let rows = (0..3).map(|n| {
        let buttons = shown
            .iter()
            .enumerate()
            .filter(|(_, action)| row(action) == n);
        buttons
            .map(|(i, action)| button(&format!("a{i}"), action))
            .collect::<Vec<_>>()
    });
    rows.filter(|buttons| !buttons.is_empty())
        .map(|buttons| json!({"type": "actions", "elements": buttons}))
        .collect()
}

/// A button; the action is its value.
pub(crate) fn button(id: &str, action: &Action) -> Value {
    json!({
        "type": "button", "action_id": id, "value": action.encode(),
        "text": {"type": "plain_text", "text": clip(&action.label(), LABEL), "emoji": false},
    })
}

/// What a row of buttons takes of the text of a message.
fn labels(row: &Value) -> usize {
    let buttons = row["elements"].as_array().into_iter().flatten();
    buttons
        .map(|button| button["text"]["text"].as_str().map_or(0, weight))
        .sum()
}

fn notice_blocks(text: &str) -> Vec<Value> {
    vec![rich_text(vec![section(vec![text_element(
        &clip(text, NOTICE),
        false,
    )])])]
}

fn notice_text(text: &str) -> String {
    escape(&clip(text, FALLBACK))
}

/// A button for each topic, which asks its example.
fn topics(help: &Help) -> Value {
    let buttons = help.topics.iter().enumerate().map(|(i, topic)| {
        let question = topic.example.to_owned();
        let mut button = button(&format!("t{i}"), &Action::Related { question });
        button["text"]["text"] = clip(topic.name, LABEL).into();
        button
    });
    json!({"type": "actions", "elements": buttons.collect::<Vec<_>>()})
}

/// What a new thread of the assistant pane begins with.
pub(crate) fn greeting(help: &Help) -> Post {
    const HELLO: &str =
        "Ask a coding question in words, or name codes. Or choose a topic for an example.";
    let hello = rich_text(vec![section(vec![text_element(HELLO, false)])]);
    let blocks = json!([hello, topics(help), context(help.privacy)]);
    Post {
        text: escape(HELLO),
        blocks: Some(blocks),
    }
}

fn help_blocks(help: &Help) -> Vec<Value> {
    let topics = help.topics.iter().map(|topic| {
        section(vec![
            text_element(&format!("{}: ", topic.name), true),
            text_element(topic.example, false),
        ])
    });
    vec![
        rich_text(vec![
            section(vec![text_element(&format!("{}\n", help.intro), false)]),
            section(vec![text_element(help.how, false)]),
        ]),
        rich_text(vec![
            section(vec![text_element("For example", true)]),
            list(topics),
        ]),
        context(help.privacy),
    ]
}

fn help_text(help: &Help) -> String {
    let topics = help
        .topics
        .iter()
        .map(|topic| format!("{}: {}", topic.name, topic.example));
    let all = [help.intro.to_owned(), help.how.to_owned()].into_iter();
    let all: Vec<String> = all.chain(topics).chain([help.privacy.to_owned()]).collect();
    escape(&clip(&all.join("\n"), FALLBACK))
}

/// Escapes text for mrkdwn: after this no character of it begins a link, a mention or an entity.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// What fits of an answer.
struct Page<'a> {
    /// How the question was read, where it did not stand alone.
    read_as: Option<String>,
    heading: Option<&'static str>,
    reason: Option<String>,
    lines: Vec<&'a Line>,
    sources: Vec<Source<'a>>,
    left_out: Option<String>,
    footer: String,
    /// How many lines are shown or told of, where more follow.
    cut_after: Option<usize>,
}

struct Source<'a> {
    citation: &'a Citation,
    quote: Option<&'a str>,
}

impl<'a> Page<'a> {
    /// `of_buttons`: what buttons take of the text. `goes_on`: whether one of them shows what is left out.
    fn of(answer: &'a Answer, of_buttons: usize, goes_on: bool) -> Self {
        let shows_sources = matches!(answer.verdict, Verdict::Answered | Verdict::Uncertain);
        let editions: &[EditionRef] = if shows_sources { &answer.editions } else { &[] };
        let read_as = answer.read_as.as_deref();
        let mut page = Self {
            read_as: read_as.map(|read_as| clip(&format!("Read as: {read_as}"), READ_AS)),
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
            cut_after: None,
        };
        if shows_sources {
            let of_opening = [page.read_as.as_deref(), page.reason.as_deref()];
            let of_opening: usize = of_opening.into_iter().flatten().map(weight).sum();
            let taken = of_opening + weight(&page.footer) + FRAME;
            page.fill(answer, ALL_TEXT.saturating_sub(taken + of_buttons), goes_on);
        }
        page
    }

    /// Takes lines in with their sources while there is `room`, then quotes.
    fn fill(&mut self, answer: &'a Answer, mut room: usize, goes_on: bool) {
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
        self.left_out = left_out(self.lines.is_empty(), lines, quotes, goes_on);
        // A line that no message can hold is told of, and the next page goes on after it.
        let told = self.lines.len().max(1);
        self.cut_after = (told < answer.lines.len()).then_some(told);
    }

    fn has(&self, citation: &Citation) -> bool {
        self.sources
            .iter()
            .any(|source| source.citation.n == citation.n)
    }

    fn blocks(&self) -> Vec<Value> {
        let mut blocks: Vec<Value> = self.read_as.as_deref().map(context).into_iter().collect();
        let heading = self.heading.map(|heading| text_element(heading, true));
        let reason = self.reason.as_deref().map(|reason| {
            let gap = if heading.is_some() { "\n" } else { "" };
            text_element(&format!("{gap}{reason}"), false)
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
                section(vec![text_element("Sources", true)]),
                list(sources),
            ]));
        }
        blocks.push(context(&self.footer));
        blocks
    }

    fn text(&self) -> String {
        let lines = self
            .lines
            .iter()
            .map(|line| line.text.clone() + &numbers(line));
        let sources = self.sources.iter().map(Source::text);
        let opening = [self.read_as.clone(), self.heading.map(str::to_owned)];
        let all = opening.into_iter().flatten();
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
            text_element(&number, false),
            match linkable(&self.citation.url) {
                true => json!({"type": "link", "url": self.citation.url, "text": name}),
                false => text_element(&name, false),
            },
            text_element(&(dates + &quote.unwrap_or_default()), false),
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

/// Whether `url` is the address of a page and nothing else. Slack refuses a whole message for one address that is none,
/// and `https://www.cms.gov@elsewhere.example` leads elsewhere.
fn linkable(url: &str) -> bool {
    let Some(rest) = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))
    else {
        return false;
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    !host.is_empty()
        && !host.contains('@')
        && url
            .chars()
            .all(|c| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '|' | '"' | '\\'))
}

fn left_out(all_lines: bool, lines: usize, quotes: usize, goes_on: bool) -> Option<String> {
    let advice = match goes_on {
        true => "press \u{201C}More passages\u{201D}",
        false => "ask for a single code or use the terminal",
    };
    let lines = match (all_lines, lines) {
        (_, 0) => None,
        (true, 1) => Some("One line is too long for Slack: see it in the terminal.".to_owned()),
        (true, n) => {
            let n = n - 1;
            Some(format!(
                "One line is too long for Slack: see it in the terminal. {n} more: {advice}."
            ))
        }
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
    if let Some(model) = &answer.arranged_by {
        let model = clip(model, 80);
        footer.push_str(&format!(
            " \u{00B7} Arranged by {model}; every sentence was checked against its sources"
        ));
    }
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
    let mut elements = vec![text_element(&line.text, bold)];
    let numbers = numbers(line);
    if !numbers.is_empty() {
        elements.push(text_element(&numbers, false));
    }
    elements
}

fn text_element(text: &str, bold: bool) -> Value {
    match bold {
        true => json!({"type": "text", "text": text, "style": {"bold": true}}),
        false => json!({"type": "text", "text": text}),
    }
}

pub(crate) fn section(elements: Vec<Value>) -> Value {
    json!({"type": "rich_text_section", "elements": elements})
}

pub(crate) fn list(sections: impl Iterator<Item = Value>) -> Value {
    json!({"type": "rich_text_list", "style": "bullet", "elements": sections.collect::<Vec<_>>()})
}

pub(crate) fn rich_text(elements: Vec<Value>) -> Value {
    json!({"type": "rich_text", "elements": elements})
}

pub(crate) fn context(text: &str) -> Value {
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
pub(crate) fn clip(text: &str, most: usize) -> String {
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
