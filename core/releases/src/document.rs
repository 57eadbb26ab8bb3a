//! Documents of text, taken apart into passages that can be found, quoted and cited.
//!
//! A passage is verbatim: what the layout did to the text (line ends, hyphens, running headers) is undone, and nothing
//! else, so that a quote from it is found in the document. It never reaches over the end of a section, and knows the
//! section's locator as people cite it, the heading, and the pages where the form has pages.

mod flow;

use chrono::NaiveDate;

use crate::edition::{Found, Kind};
use crate::error::{Place, ReadError};
use crate::member::{Form, Member};
use crate::pdf;
use crate::recognise::Look;
use crate::{manual, pdf::Line};

/// The longest passage, in characters.
pub const LONGEST: usize = 1_800;
/// A passage ends at a paragraph's end beyond this, where nothing is left alone by it.
const ENOUGH: usize = 1_200;
/// The shortest passage, in characters, where its section has as much.
pub const SHORTEST: usize = 200;

/// A heading, whether text of its own follows it or only headings below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    /// As people cite it: `I.C.9.a.2`; in documents without numbers the path of headings, `Payment > Late claims`.
    pub locator: String,
    /// Its words, verbatim, without its number.
    pub text: String,
    /// The page it stands on, from 1.
    pub page: Option<u32>,
}

/// A piece of a document's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// The section's locator; empty for text before the first heading of a document without numbers.
    pub locator: String,
    /// The nearest heading; empty where there is none.
    pub heading: String,
    /// The page on which it begins, from 1; `None` where the form has no pages.
    pub page: Option<u32>,
    /// The page on which it ends.
    pub page_end: Option<u32>,
    /// Verbatim, of at most [`LONGEST`] characters; paragraphs, items and rows are separated by a line end.
    pub text: String,
}

/// A document, read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document {
    /// What it calls itself.
    pub title: Option<String>,
    /// Its headings in printed order.
    pub headings: Vec<Heading>,
    /// Its passages in printed order.
    pub passages: Vec<Passage>,
}

/// What a PDF, Word document, HTML or Markdown file is: one of the guidelines or manuals with numbered sections, else
/// a document of the operator's, whose dates nobody but the operator knows.
pub(crate) fn recognise(look: &Look<'_>) -> Option<Found> {
    let name = look.member.name();
    match look.member.form {
        Form::Pdf => {
            let lines = pdf::first_pages(look.member, 2).unwrap_or_default();
            Some(manual::recognise(&lines, &name).unwrap_or_else(|| Found::of(Kind::Document)))
        }
        Form::WordDocument | Form::Html => Some(Found::of(Kind::Document)),
        Form::Text if name.ends_with(".md") || name.ends_with(".markdown") => {
            Some(Found::of(Kind::Document))
        }
        _ => None,
    }
}

/// Reads a document of any form: PDF, DOCX, HTML; and of text as Markdown, where its name says so, else as paragraphs.
///
/// # Errors
/// A damaged file, a PDF without text or with a password, or a document without any text.
pub fn read(member: &Member) -> Result<Document, ReadError> {
    let document = match member.form {
        Form::Pdf => of_pages(pdf::read(member)?),
        Form::WordDocument => flow::word(member)?,
        Form::Html => flow::html(&member.read_text(flow::LARGEST)?),
        Form::Text => {
            let text = member.read_text(flow::LARGEST)?;
            let name = member.name();
            if name.ends_with(".md") || name.ends_with(".markdown") {
                flow::markdown(&text)
            } else {
                flow::plain(&text)
            }
        }
        Form::Xml | Form::Workbook | Form::Zip | Form::Gzip | Form::Binary => {
            return Err(ReadError::new(
                &member.path,
                Place::Whole,
                "no form of document that is read",
                "save it as PDF, DOCX, HTML, Markdown or text",
            ));
        }
    };
    if member.form != Form::Pdf {
        member.count(document.passages.len() as u64);
    }
    if document.passages.is_empty() {
        return Err(ReadError::damaged(
            &member.path,
            Place::Whole,
            "the document holds no text",
        ));
    }
    Ok(document)
}

/// What a document calls itself, for naming it as a source: its title, else its first heading, else its file's name.
pub fn name(document: &Document, member: &Member) -> String {
    let heading = || document.headings.first().map(|h| h.text.clone());
    let chosen = document.title.clone().or_else(heading);
    chosen.filter(|n| !n.trim().is_empty()).unwrap_or_else(|| {
        let file = member.path.rsplit(['/', '\\', '!']).next();
        file.unwrap_or(&member.path).to_owned()
    })
}

/// Text of HTML, as cells of the coverage database hold it: its paragraphs, items and rows, one to a line.
pub fn html_text(html: &str) -> String {
    let mut text = String::new();
    flow::html_blocks(html, &mut |block| {
        let line = match block {
            flow::Part::Heading(_, line) | flow::Part::Text(line) => line,
        };
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&line);
    });
    text
}

/// Passages of HTML that is one section of a larger document; headings inside become the passages' headings.
pub fn html_passages(locator: &str, heading: &str, html: &str) -> Vec<Passage> {
    let mut builder = Builder::default();
    builder.section(locator.to_owned(), heading.to_owned(), None);
    flow::html_blocks(html, &mut |part| match part {
        flow::Part::Heading(_, text) => {
            builder.section(locator.to_owned(), text, None);
        }
        flow::Part::Text(text) => builder.block(None, None, text),
    });
    builder.finish(None).passages
}

/// Collects sections and their blocks, and cuts them to passages.
#[derive(Default)]
pub(crate) struct Builder {
    document: Document,
    locator: String,
    heading: String,
    blocks: Vec<Piece>,
    stack: Vec<(u32, String)>,
}

struct Piece {
    page: Option<u32>,
    page_end: Option<u32>,
    text: String,
}

impl Builder {
    /// Begins a section.
    pub(crate) fn section(&mut self, locator: String, heading: String, page: Option<u32>) {
        self.cut();
        self.document.headings.push(Heading {
            locator: locator.clone(),
            text: heading.clone(),
            page,
        });
        self.locator = locator;
        self.heading = heading;
    }

    /// Goes on in a section that has no heading of its own: an item of a list that people cite by its number.
    pub(crate) fn item(&mut self, locator: String) {
        self.cut();
        self.locator = locator;
    }

    /// Begins a section of a document without numbers, by its heading's level from 1.
    pub(crate) fn heading(&mut self, level: u32, text: String, page: Option<u32>) {
        while self.stack.last().is_some_and(|(l, _)| *l >= level) {
            self.stack.pop();
        }
        self.stack.push((level, text.clone()));
        let path: Vec<&str> = self.stack.iter().map(|(_, t)| t.as_str()).collect();
        self.section(path.join(" > "), text, page);
    }

    /// Adds a paragraph.
    pub(crate) fn block(&mut self, page: Option<u32>, page_end: Option<u32>, text: String) {
        if !text.is_empty() {
            self.blocks.push(Piece {
                page,
                page_end,
                text,
            });
        }
    }

    /// The document.
    pub(crate) fn finish(mut self, title: Option<String>) -> Document {
        self.cut();
        self.document.title = title;
        self.document
    }

    /// Cuts what the section holds so far.
    fn cut(&mut self) {
        let mut pieces: Vec<Piece> = Vec::new();
        for piece in self.blocks.drain(..) {
            for text in sentences(&piece.text) {
                pieces.push(Piece { text, ..piece });
            }
        }
        let length = |p: &Piece| p.text.chars().count();
        let mut groups: Vec<(Vec<Piece>, usize)> = Vec::new();
        for piece in pieces {
            let more = length(&piece);
            match groups.last_mut() {
                // A sentence that announces a list stays with the list.
                Some((group, so_far))
                    if *so_far + 1 + more <= ENOUGH
                        || (*so_far < SHORTEST
                            || group.last().is_some_and(|p| p.text.ends_with(':')))
                            && *so_far + 1 + more <= LONGEST =>
                {
                    *so_far += 1 + more;
                    group.push(piece);
                }
                _ => groups.push((vec![piece], more)),
            }
        }
        // What is left over at the end joins what comes before it, or takes a paragraph from there.
        if let [.., (before, b), (last, l)] = &mut groups[..]
            && *l < SHORTEST
        {
            if *b + 1 + *l <= LONGEST {
                before.append(last);
            } else if before.len() > 1
                && let Some(piece) = before.pop()
            {
                last.insert(0, piece);
            }
        }
        for (group, _) in groups {
            let (Some(first), Some(end)) = (group.first(), group.last()) else {
                continue;
            };
            let texts: Vec<&str> = group.iter().map(|p| p.text.as_str()).collect();
            self.document.passages.push(Passage {
                locator: self.locator.clone(),
                heading: self.heading.clone(),
                page: first.page,
                page_end: end.page_end,
                text: texts.join("\n"),
            });
        }
    }
}

/// A paragraph in parts of at most [`ENOUGH`] characters, at the ends of sentences where there are any.
fn sentences(text: &str) -> Vec<String> {
    let mut rest = text.trim();
    let mut parts = Vec::new();
    while rest.chars().count() > LONGEST {
        let limit = rest
            .char_indices()
            .nth(ENOUGH)
            .map_or(rest.len(), |(i, _)| i);
        let window = &rest[..limit];
        let sentence = window
            .match_indices(['.', ';', '?', '!'])
            .filter(|(i, _)| rest[i + 1..].starts_with(' '))
            .map(|(i, _)| i + 1)
            .next_back();
        let word = || window.rfind(char::is_whitespace);
        let at = sentence
            .filter(|i| *i > limit / 3)
            .or_else(word)
            .filter(|i| *i > 0)
            .unwrap_or(limit);
        parts.push(rest[..at].trim_end().to_owned());
        rest = rest[at..].trim_start();
    }
    if !rest.is_empty() {
        parts.push(rest.to_owned());
    }
    parts
}

/// A PDF without numbered sections: larger letters are headings.
fn of_pages(pages: pdf::Pages) -> Document {
    let lines = pdf::without_contents(pages.lines);
    let layout = pdf::Layout::of(&lines);
    let mut sizes: Vec<i64> = lines
        .iter()
        .filter(|l| layout.is_large(l))
        .map(|l| (l.size * 2.0).round() as i64)
        .collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    sizes.dedup();
    let level = |line: &Line| {
        let size = (line.size * 2.0).round() as i64;
        sizes.iter().position(|s| *s == size).unwrap_or(0) as u32 + 1
    };
    let mut builder = Builder::default();
    let mut text: Vec<&Line> = Vec::new();
    let mut title: Option<String> = None;
    let flush = |builder: &mut Builder, text: &mut Vec<&Line>| {
        for block in layout.blocks(text) {
            builder.block(Some(block.page), Some(block.page_end), block.text);
        }
        text.clear();
    };
    let mut i = 0;
    while i < lines.len() {
        let line = &lines[i];
        if !layout.is_large(line) || !line.text.chars().any(char::is_alphabetic) {
            text.push(line);
            i += 1;
            continue;
        }
        let mut heading = line.text.clone();
        let mut next = i + 1;
        while let Some(more) = lines.get(next)
            && more.page == line.page
            && (more.size - line.size).abs() < 0.6
            && (0.0..1.6 * line.size).contains(&(more.top - lines[next - 1].top))
        {
            layout.join(&mut heading, &more.text);
            next += 1;
        }
        if heading.chars().count() > 250 {
            text.extend(&lines[i..next]);
        } else {
            flush(&mut builder, &mut text);
            if title.is_none() && line.page == 1 {
                // The title is in every locator, if it is in one: it stays out of them.
                title = Some(heading.clone());
                builder.section(String::new(), heading, Some(line.page));
            } else {
                builder.heading(level(line), heading, Some(line.page));
            }
        }
        i = next;
    }
    flush(&mut builder, &mut text);
    builder.finish(title.or(pages.title))
}

/// A date as publishers write it: `October 1, 2025`, `1/1/2026`, `2025-10-01`.
pub(crate) fn date(text: &str) -> Option<NaiveDate> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let text = text.trim().to_lowercase();
    if let Some((month, rest)) = text.split_once(' ')
        && let Some(month) = MONTHS.iter().position(|m| *m == month)
    {
        let (day, year) = rest.split_once(',')?;
        return NaiveDate::from_ymd_opt(
            year.trim().parse().ok()?,
            month as u32 + 1,
            day.trim().parse().ok()?,
        );
    }
    if let Some((month, rest)) = text.split_once('/') {
        let (day, year) = rest.split_once('/')?;
        let year: i32 = year.parse().ok()?;
        return NaiveDate::from_ymd_opt(year, month.parse().ok()?, day.parse().ok()?);
    }
    text.get(..10).and_then(|d| d.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(blocks: &[&str]) -> Vec<String> {
        let mut builder = Builder::default();
        builder.section("A".into(), "H".into(), Some(1));
        for (i, block) in blocks.iter().enumerate() {
            let page = Some(i as u32 + 1);
            builder.block(page, page, (*block).to_owned());
        }
        let document = builder.finish(None);
        document.passages.into_iter().map(|p| p.text).collect()
    }

    #[test]
    fn passages_end_where_paragraphs_end() {
        let long = "A sentence of the text. ".repeat(40);
        let long = long.trim();
        let short = "A short end.";
        assert_eq!(built(&[long, short]), [format!("{long}\n{short}")]);
        assert_eq!(built(&[long, long]), [long, long]);
        let list = format!("{}:", &long[..long.len() - 1]);
        assert_eq!(built(&[&list, long]).len(), 2, "too long to stay together");
        assert_eq!(built(&[&list, &long[..600]]).len(), 1);
    }

    #[test]
    fn a_paragraph_too_long_is_cut_at_a_sentence() {
        let long = "A sentence of the text. ".repeat(400);
        let parts = built(&[&long]);
        assert!(
            parts
                .iter()
                .all(|p| p.ends_with("text.") && p.chars().count() <= LONGEST)
        );
        assert_eq!(parts.join(" "), long.trim());
        // Without sentences, without words, of letters of several bytes.
        let parts = built(&[&"é".repeat(5000)]);
        assert_eq!(parts.concat(), "é".repeat(5000));
    }

    #[test]
    fn dates() {
        let day = |y, m, d| NaiveDate::from_ymd_opt(y, m, d);
        assert_eq!(date("October 1, 2025"), day(2025, 10, 1));
        assert_eq!(date("1/1/2026"), day(2026, 1, 1));
        assert_eq!(date("2025-10-01 00:00:00"), day(2025, 10, 1));
        assert_eq!(date("2/30/2026"), None);
        assert_eq!(date("N/A"), None);
        assert_eq!(date(""), None);
    }
}
