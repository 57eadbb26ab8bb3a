//! What people see: an [`Answer`] as one embed that keeps every limit of Discord's, and the same in plain text.
//!
//! The description holds the lines, the fields hold the passages that those lines cite, the footer
//! the date and the editions. What does not fit is left out in whole lines from the end, for the button
//! that shows the rest, and the reader is told how many; a line is shown only together with its sources. Text of sources is escaped: it
//! shows character for character, formats nothing and pings nobody.

use std::collections::BTreeSet;

use casebook_core::{Answer, Citation, EditionRef, Line, Status, Verdict};
use casebook_desk::{Help, Notice, Tone, Warning};
use serde_json::{Value, json};
use serenity::all::{CreateActionRow, CreateEmbed, CreateEmbedFooter};

use crate::api;

/// Discord's limits, in UTF-16 code units, which are never fewer than the characters it may count.
const CONTENT: usize = 2000;
const DESCRIPTION: usize = 4096;
const FIELD_NAME: usize = 256;
const FIELD_VALUE: usize = 1024;
const FIELDS: usize = 25;
const ALL_TEXT: usize = 6000;

/// What one line may take where it cannot be shown whole: the first one, since an answer without a
/// line is none.
const FIRST_LINE: usize = 1500;
const READ_AS: usize = 400;
/// A quote longer than this is cut; its link leads to the whole.
const QUOTE: usize = 480;
const LINK: usize = 300;
const FOOTER: usize = 600;
/// Room for the sentences that say what was left out.
const LEFT_OUT: usize = 160;

const GREEN: u32 = 0x2E7D32;
const AMBER: u32 = 0xF9A825;
const GREY: u32 = 0x607D8B;
const RED: u32 = 0xC62828;

/// A message: an embed with its buttons, and the same in plain text for where Discord refuses those.
#[derive(Debug, Clone)]
pub struct Said {
    embed: CreateEmbed,
    plain: String,
    rows: Vec<CreateActionRow>,
}

impl Said {
    fn new(embed: CreateEmbed, plain: &str) -> Self {
        Self {
            embed,
            plain: cut_lines(plain, CONTENT),
            rows: Vec::new(),
        }
    }

    /// The same with buttons.
    pub fn with(self, rows: Vec<CreateActionRow>) -> Self {
        Self { rows, ..self }
    }

    /// The body of a message: it pings nobody, whatever it holds.
    pub fn body(&self) -> Value {
        json!({
            "embeds": [self.embed],
            "components": self.rows,
            "allowed_mentions": api::no_mentions(),
        })
    }

    /// The body of a message without anything that Discord could refuse the form of.
    pub fn plain_body(&self) -> Value {
        json!({
            "content": self.plain,
            "embeds": [],
            "components": [],
            "allowed_mentions": api::no_mentions(),
        })
    }
}

/// An answer as it fits into one message.
#[derive(Debug, Clone)]
pub struct Part {
    /// What is shown.
    pub said: Said,
    /// How many of its lines are.
    pub shown: usize,
    /// How many are not.
    pub rest: usize,
}

/// The answer, as many of its lines as fit.
pub fn answer(answer: &Answer) -> Part {
    let (colour, title) = match answer.verdict {
        Verdict::Answered => (GREEN, None),
        Verdict::Uncertain => (AMBER, Some("Uncertain: please judge the passages")),
        Verdict::NoAnswer => (GREY, Some("No answer in the loaded sources")),
        Verdict::Refused => (GREY, Some("Casebook does not answer this")),
    };
    let lines = match answer.verdict {
        Verdict::Answered | Verdict::Uncertain => answer.lines.as_slice(),
        Verdict::NoAnswer | Verdict::Refused => &[],
    };
    let footer = footer(answer);
    let mut page = Page::new(ALL_TEXT - length(&footer) - title.map_or(0, length) - LEFT_OUT);
    if let Some(read_as) = read_as(answer) {
        page.paragraph(&escape(&read_as, READ_AS, " "));
    }
    if let Some(reason) = &answer.reason {
        page.paragraph(&escape(reason, FIRST_LINE, "\n"));
    }
    let shown = page.lines(answer, lines);
    if !lines.is_empty() {
        page.codes(answer, &shown);
    }
    let rest = lines.len() - shown.len();
    let plain = plain(answer, title, &lines[..shown.len()], rest, &footer);
    let mut embed = CreateEmbed::new()
        .colour(colour)
        .footer(CreateEmbedFooter::new(footer));
    if let Some(title) = title {
        embed = embed.title(title);
    }
    if !page.description.is_empty() {
        embed = embed.description(page.description);
    }
    let fields = page.fields.into_iter();
    let embed = embed.fields(fields.map(|(name, value)| (name, value, false)));
    Part {
        said: Said::new(embed, &plain),
        shown: shown.len(),
        rest,
    }
}

/// How the question was read, where it did not stand alone: nobody is to wonder what was answered.
fn read_as(answer: &Answer) -> Option<String> {
    let read_as = answer.read_as.as_ref()?;
    Some(format!("Read as: {read_as}"))
}

/// The same lines with their sources, without an embed.
fn plain(
    answer: &Answer,
    title: Option<&str>,
    lines: &[Line],
    rest: usize,
    footer: &str,
) -> String {
    let mut text = String::new();
    let read_as = read_as(answer);
    let opening = [read_as.as_deref(), title, answer.reason.as_deref()];
    for sentence in opening.into_iter().flatten() {
        text.push_str(&format!("{}\n", escape(sentence, FIRST_LINE, "\n")));
    }
    let mut cited: BTreeSet<usize> = BTreeSet::new();
    for (i, line) in lines.iter().enumerate() {
        text.push_str(&format!("{}\n", line_text(line, i == 0, FIRST_LINE)));
        cited.extend(&line.citations);
    }
    for citation in answer.citations.iter().filter(|c| cited.contains(&c.n)) {
        let document = format!(
            "{}, {}, {}, from {}",
            citation.source, citation.locator, citation.edition, citation.effective
        );
        // Angle brackets keep Discord from showing a preview of the page.
        let link = link(&citation.url).map_or(String::new(), |url| format!(" <{url}>"));
        text.push_str(&format!(
            "[{}] {}{link}\n",
            citation.n,
            escape(&document, FIELD_NAME, " ")
        ));
    }
    if rest > 0 {
        text.push_str(&format!("…and {}\n", count(rest, "more line")));
    }
    text.push_str(&escape(footer, FOOTER, " "));
    text
}

/// A sentence from Casebook itself.
pub fn notice(notice: &Notice) -> Said {
    let colour = match notice.tone {
        Tone::Plain => GREY,
        Tone::Busy | Tone::Denied => AMBER,
        Tone::Failed => RED,
    };
    let text = cut_lines(&escape(&notice.text, usize::MAX, "\n"), DESCRIPTION);
    Said::new(CreateEmbed::new().colour(colour).description(&text), &text)
}

/// What stands before an answer to a question that seems to hold patient data.
pub fn warning(warning: &Warning) -> Said {
    let text = escape(&warning.text, DESCRIPTION, "\n");
    const TITLE: &str = "Patient details?";
    let embed = CreateEmbed::new()
        .colour(AMBER)
        .title(TITLE)
        .description(&text);
    Said::new(embed, &format!("{TITLE}\n{text}"))
}

/// What Casebook can do.
pub fn help(help: &Help) -> Said {
    let mut text = format!(
        "{}\n\n{}\n",
        escape(help.intro, FIRST_LINE, "\n"),
        escape(help.how, FIRST_LINE, "\n")
    );
    for topic in help.topics {
        let (name, example) = (escape(topic.name, 80, " "), escape(topic.example, 200, " "));
        text.push_str(&format!("\n**{name}**: {example}"));
    }
    text.push_str(&format!("\n\n{}", escape(help.privacy, FIRST_LINE, "\n")));
    let text = cut_lines(&text, DESCRIPTION);
    const TITLE: &str = "How to ask";
    let embed = CreateEmbed::new()
        .colour(GREY)
        .title(TITLE)
        .description(&text);
    Said::new(embed, &format!("{TITLE}\n{text}"))
}

/// Whole lines of `text` within `max`, and how many were left out.
fn cut_lines(text: &str, max: usize) -> String {
    if length(text) <= max {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    let lines: Vec<&str> = text.lines().collect();
    for (i, line) in lines.iter().enumerate() {
        if used + length(line) + 1 + 40 > max {
            if out.is_empty() {
                // Escaped text is cut where no escape is split: its cutter knows how.
                out = line.chars().take(max / 4).collect::<String>();
                out.truncate(out.trim_end_matches('\\').len());
                out.push('…');
            } else {
                out.push_str(&format!("…and {}", count(lines.len() - i, "more line")));
            }
            return out;
        }
        out.push_str(line);
        out.push('\n');
        used += length(line) + 1;
    }
    out
}

/// A field's name and value.
type Field = (String, String);

/// The part of an embed that grows until it is full.
struct Page {
    description: String,
    fields: Vec<Field>,
    /// Code units that description and fields may still take together.
    room: usize,
}

impl Page {
    fn new(room: usize) -> Self {
        Self {
            description: String::new(),
            fields: Vec::new(),
            room,
        }
    }

    fn paragraph(&mut self, text: &str) {
        if !self.description.is_empty() {
            self.description.push('\n');
        }
        self.description.push_str(text);
        self.room = self.room.saturating_sub(length(text) + 1);
    }

    fn field(&mut self, field: Field) {
        self.room = self.room.saturating_sub(cost(&field));
        self.fields.push(field);
    }

    /// Shows lines, each with the sources that it cites, for as long as both fit, and returns them.
    fn lines<'a>(&mut self, answer: &Answer, lines: &'a [Line]) -> Vec<&'a str> {
        let mut shown: Vec<&str> = Vec::new();
        let mut cited: Vec<&Citation> = Vec::new();
        let mut wanted: BTreeSet<usize> = BTreeSet::new();
        for line in lines {
            let first = shown.is_empty();
            shown.push(&line.text);
            let max = if first { FIRST_LINE } else { usize::MAX };
            let text = line_text(line, first, max);
            let mut sources: Vec<(&Citation, Field)> = answer
                .citations
                .iter()
                .filter(|c| line.citations.contains(&c.n) && !cited.contains(c))
                .map(|c| (c, source(c, &shown)))
                .collect();
            if first {
                // An answer without its direct line is none: rather show it with fewer sources.
                while !self.fits(&text, &sources) && sources.pop().is_some() {}
            }
            if !self.fits(&text, &sources) {
                shown.pop();
                break;
            }
            wanted.extend(&line.citations);
            self.paragraph(&text);
            for (citation, field) in sources {
                cited.push(citation);
                self.field(field);
            }
        }
        // A later line may have made a quote superfluous; fields only get shorter by that.
        self.fields = cited.iter().map(|c| source(c, &shown)).collect();
        let sources_left_out = wanted.len().saturating_sub(cited.len());
        let lines_left_out = lines.len() - shown.len();
        if lines_left_out > 0 {
            self.paragraph(&format!("…and {}", count(lines_left_out, "more line")));
        }
        if sources_left_out > 0 {
            self.paragraph(&format!("…and {}", count(sources_left_out, "more source")));
        }
        shown
    }

    fn fits(&self, text: &str, sources: &[(&Citation, Field)]) -> bool {
        let sources_cost: usize = sources.iter().map(|(_, field)| cost(field)).sum();
        length(text) + 1 + sources_cost <= self.room
            && length(&self.description) + 1 + length(text) + LEFT_OUT <= DESCRIPTION
            && self.fields.len() + sources.len() <= FIELDS
    }

    /// The codes that no shown line names.
    fn codes(&mut self, answer: &Answer, shown: &[&str]) {
        const NAME: &str = "Codes";
        let named = |code: &str| {
            let mut words = shown
                .iter()
                .flat_map(|l| l.split(|c: char| !c.is_alphanumeric() && c != '.'));
            words.any(|word| word.trim_end_matches('.') == code)
        };
        let mut rest = answer.codes.iter().filter(|c| !named(&c.code)).peekable();
        let room = self.room.saturating_sub(NAME.len()).min(FIELD_VALUE);
        let mut value = String::new();
        while let Some(code) = rest.peek() {
            let line = format!(
                "{} ({}) {}\n",
                escape(&code.code, 40, " "),
                status(code.status),
                escape(&code.title, 200, " ")
            );
            if length(&value) + length(&line) + 20 > room {
                break;
            }
            value.push_str(&line);
            rest.next();
        }
        let left_out = rest.count();
        if value.is_empty() || self.fields.len() == FIELDS {
            return;
        }
        if left_out > 0 {
            value.push_str(&format!("…and {left_out} more"));
        }
        self.field((NAME.into(), value));
    }
}

/// A line with the numbers of its sources, in at most `max` code units and those; the direct line stands out.
fn line_text(line: &Line, stands_out: bool, max: usize) -> String {
    let marks: String = line.citations.iter().map(|n| format!("[{n}]")).collect();
    let text = escape(line.text.trim(), max, "\n");
    if stands_out {
        format!("**{text}** {marks}")
    } else {
        format!("{text} {marks}")
    }
}

/// A citation as a field. The quote is left out where it only repeats a line that is shown.
fn source(citation: &Citation, shown: &[&str]) -> Field {
    let mut name = format!("[{}] ", citation.n);
    let document = format!("{}, {}", citation.source, citation.locator);
    name.push_str(&escape(&document, FIELD_NAME - length(&name), " "));
    let mut value = String::new();
    if !shown.iter().any(|line| repeats(line, &citation.quote)) {
        value = format!("> {}\n", escape(citation.quote.trim(), QUOTE, "\n> "));
    }
    value.push_str(&format!(
        "{}, from {}",
        escape(&citation.edition, 120, " "),
        citation.effective
    ));
    if let Some(url) = link(&citation.url) {
        value.push_str(&format!(" · [open]({url})"));
    }
    (name, value)
}

fn repeats(line: &str, quote: &str) -> bool {
    let words = |s: &str| {
        s.split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
            .to_lowercase()
    };
    words(line).contains(&words(quote))
}

/// The address as a masked link can hold it, where it is one that a person can open. One that names a user before its host
/// leads elsewhere than it seems to.
fn link(url: &str) -> Option<String> {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.is_empty() || host.contains('@') {
        return None;
    }
    let encoded: String = url
        .bytes()
        .map(|b| match b {
            b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'\\' | b'"' | b'`' => format!("%{b:02X}"),
            b if b.is_ascii_graphic() => char::from(b).to_string(),
            b => format!("%{b:02X}"),
        })
        .collect();
    (length(&encoded) <= LINK).then_some(encoded)
}

/// The date and the editions. Discord shows a footer as it is: nothing in it is markup.
fn footer(answer: &Answer) -> String {
    let mut footer = format!("For {}", answer.as_of);
    if !matches!(answer.verdict, Verdict::Answered | Verdict::Uncertain) {
        return footer;
    }
    for (i, edition) in answer.editions.iter().enumerate() {
        let text = edition_text(edition);
        if length(&footer) + length(&text) + 30 > FOOTER {
            footer.push_str(&format!(
                " · and {}",
                count(answer.editions.len() - i, "more edition")
            ));
            break;
        }
        footer.push_str(&format!(" · {text}"));
    }
    footer
}

fn edition_text(edition: &EditionRef) -> String {
    let through = edition
        .through
        .map_or(String::new(), |date| format!(" to {date}"));
    let in_force = if edition.in_force {
        ""
    } else {
        ", not in force"
    };
    format!(
        "{} {}, from {}{through}{in_force}",
        edition.source, edition.edition, edition.effective
    )
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Billable => "billable",
        Status::NotBillable => "not billable",
        Status::Header => "needs more characters",
        Status::Terminated => "ended",
        Status::Unknown => "unknown",
    }
}

fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

fn cost((name, value): &Field) -> usize {
    length(name) + length(value)
}

/// Where a character stands in its line, for marks that mean something only at its beginning.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Start,
    AfterDigits,
    Inside,
}

/// `text` so that Discord shows it character for character, in at most `max` code units. What does not
/// fit is cut at a space and ends with `…`. Each line break becomes `newline`; other control
/// characters, which Discord would drop or refuse, become spaces.
fn escape(text: &str, max: usize, newline: &str) -> String {
    let mut out = String::with_capacity(text.len().min(max));
    let mut used = 0;
    // Where the text can be cut with room left for the `…`.
    let mut cut = 0;
    let mut place = Place::Start;
    let mut chars = text
        .chars()
        .map(|c| if c.is_control() && c != '\n' { ' ' } else { c })
        .peekable();
    while let Some(c) = chars.next() {
        let marked = match c {
            '\\' | '*' | '_' | '~' | '`' | '|' | '[' | ']' | '<' | '@' => true,
            '#' | '>' | '-' => place == Place::Start,
            // `1.` begins a list.
            '.' => place == Place::AfterDigits,
            // `https://` becomes a link and `:name:` an emoji.
            ':' => chars.peek().is_some_and(|next| !next.is_whitespace()),
            _ => false,
        };
        place = match c {
            '\n' => Place::Start,
            _ if place == Place::Start && c.is_whitespace() => Place::Start,
            _ if place != Place::Inside && c.is_ascii_digit() => Place::AfterDigits,
            _ => Place::Inside,
        };
        used += if c == '\n' {
            length(newline)
        } else {
            usize::from(marked) + c.len_utf16()
        };
        if used > max {
            out.truncate(cut);
            if let Some(space) = out.rfind(char::is_whitespace).filter(|at| *at > cut / 2) {
                out.truncate(space);
            }
            out.push('…');
            return out;
        }
        if c == '\n' {
            out.push_str(newline);
        } else {
            if marked {
                out.push('\\');
            }
            out.push(c);
        }
        if used < max {
            cut = out.len();
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Discord's parser makes of an escape: the backslash vanishes before anything but letters,
    /// digits and spaces.
    fn shown(escaped: &str) -> String {
        let mut out = String::new();
        let mut chars = escaped.chars().peekable();
        while let Some(c) = chars.next() {
            match chars.peek() {
                Some(next) if c == '\\' && !next.is_alphanumeric() && !next.is_whitespace() => {
                    out.extend(chars.next());
                }
                _ => out.push(c),
            }
        }
        out
    }

    #[test]
    fn marks_are_escaped_and_show_as_they_are() {
        for (text, escaped) in [
            (
                "**bold** _i_ ~~s~~ `c` ||x||",
                r"\*\*bold\*\* \_i\_ \~\~s\~\~ \`c\` \|\|x\|\|",
            ),
            (
                "@everyone <@&1> <@2> <#3>",
                r"\@everyone \<\@&1> \<\@2> \<#3>",
            ),
            ("[x](https://e.org)", r"\[x\](https\://e.org)"),
            (
                "# h\n> q\n- l\n12. n\na - b",
                "\\# h\n\\> q\n\\- l\n12\\. n\na - b",
            ),
            ("Excludes1: strain :smile:", r"Excludes1: strain \:smile:"),
            ("M54.50 (S39.012)", "M54.50 (S39.012)"),
            (r"a\b", r"a\\b"),
        ] {
            assert_eq!(escape(text, usize::MAX, "\n"), escaped);
            assert_eq!(shown(escaped), text);
        }
    }

    #[test]
    fn a_cut_never_splits_an_escape_and_says_that_it_cut() {
        let text = "one *two* three 😀 four";
        for max in 2..40 {
            let cut = escape(text, max, "\n");
            assert!(length(&cut) <= max, "{cut:?} is longer than {max}");
            let back = shown(&cut);
            match back.strip_suffix('…') {
                Some(front) => assert!(text.starts_with(front), "{front:?}"),
                None => assert_eq!(back, text),
            }
        }
        assert_eq!(escape("one two three", 9, "\n"), "one two…");
    }

    #[test]
    fn links_hold_together() {
        assert_eq!(
            link("https://e.org/a(b) c").as_deref(),
            Some("https://e.org/a%28b%29%20c")
        );
        for none in [
            "javascript:alert(1)",
            "https://",
            "https://www.cms.gov@evil.example/x",
        ] {
            assert_eq!(link(none), None);
        }
        assert_eq!(link(&format!("https://e.org/{}", "x".repeat(400))), None);
    }
}
