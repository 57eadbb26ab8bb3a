//! Guidelines and manuals whose sections are numbered: the locator is what coders cite.
//!
//! ICD-10-CM Official Guidelines (`I.C.9.a.2`), ICD-10-PCS Official Guidelines (`B3.1a`), and the chapters of the NCCI
//! Policy Manual (`I.E.1.d`). A number counts as a section's only where it is the next one of its level and stands
//! where its siblings stand: lists inside of the text have numbers too.

use chrono::{Datelike, NaiveDate};

use crate::document::{Builder, Document, date};
use crate::edition::{Found, Kind};
use crate::error::{Place, ReadError};
use crate::member::Member;
use crate::pdf::{self, Layout, Line};

/// What a PDF's first pages say it is.
pub(crate) fn recognise(first: &[Line], name: &str) -> Option<Found> {
    let text: Vec<&str> = first.iter().map(|l| l.text.as_str()).collect();
    let text = text.join(" ");
    let lower = text.to_lowercase();
    let start = &lower[..lower.floor_char_boundary(600)];
    if start.contains("icd-10-cm official guidelines for coding and reporting") {
        return Some(fiscal(Kind::Icd10cmGuidelines, &text));
    }
    if start.contains("icd-10-pcs official guidelines for coding and reporting") {
        return Some(fiscal(Kind::Icd10pcsGuidelines, &text));
    }
    if start.contains("icd-10-cm") && start.contains("addenda") {
        let mut found = Found::of(Kind::Icd10cmAddenda);
        if let Some(year) = start
            .split(' ')
            .find_map(|w| w.parse::<i32>().ok().filter(|y| (2015..2100).contains(y)))
        {
            found = found.fiscal_year(year);
        }
        let part = ["tabular", "external", "drugs", "neoplasms", "index"]
            .into_iter()
            .find(|p| start.contains(p));
        found.part = part.unwrap_or_default().to_owned();
        return Some(found);
    }
    let ncci = lower.contains("national correct coding initiative")
        && (lower.contains("policy manual") || name.contains("ncci"));
    if ncci {
        let mut found = Found::of(Kind::NcciManual);
        found.part =
            chapter(first).map_or_else(String::new, |(number, ..)| format!("ch{number:02}"));
        if let Some(day) = revised(&lower) {
            found.edition = Some(day.year().to_string());
            found.effective = Some(day);
        }
        return Some(found);
    }
    None
}

/// The fiscal year and the days of an edition of guidelines: `FY 2026 ... (October 1, 2025 - September 30, 2026)`.
fn fiscal(kind: Kind, text: &str) -> Found {
    let mut found = Found::of(kind);
    let range = text.split('(').skip(1).find_map(|rest| {
        let inside = rest.split(')').next()?;
        let (from, to) = inside.split_once(['-', '–'])?;
        Some((date(from)?, date(to)?))
    });
    let year = match range {
        Some((_, to)) => Some(to.year()),
        None => text.split([' ', ',']).find_map(|w| {
            let w = w.strip_prefix("FY").unwrap_or(w);
            w.parse().ok().filter(|y| (2015..2100).contains(y))
        }),
    };
    if let Some(year) = year {
        found = found.fiscal_year(year);
    }
    if let (Some((from, to)), Some(year)) = (range, year) {
        found.effective = Some(from);
        found.through = Some(to);
        // The April edition of a year is another one than October's.
        if from.month() == 4 {
            found.edition = Some(format!("FY{year} (April {year})"));
        }
    }
    found
}

/// `Revision Date (Medicare): 1/1/2026`.
fn revised(lower: &str) -> Option<NaiveDate> {
    let (_, rest) = lower.split_once("revision date")?;
    let (_, rest) = rest.split_once(':')?;
    date(rest.trim_start().split(' ').next()?)
}

/// A chapter's number, its Roman numeral, and where its title begins.
fn chapter(lines: &[Line]) -> Option<(u32, String, usize)> {
    lines.iter().take(40).enumerate().find_map(|(i, line)| {
        let mut words = line.text.split([' ', ':', '-', '–']);
        let first = words.next()?;
        if !first.eq_ignore_ascii_case("chapter") {
            return None;
        }
        let label = words.find(|w| !w.is_empty())?;
        let number = match label.parse() {
            Ok(n) => n,
            Err(_) => roman(&label.to_lowercase())?,
        };
        Some((number, numeral(number)?, i))
    })
}

/// Reads one of the manuals.
///
/// # Errors
/// As [`pdf::read`]; and where no numbered section is found, which a change of the layout would cause: better no
/// guidelines than guidelines without locators.
pub fn read(member: &Member, kind: Kind) -> Result<Document, ReadError> {
    let pages = pdf::read(member)?;
    let title = pages.title;
    let all = pages.lines;
    let document = match kind {
        Kind::Icd10pcsGuidelines => procedures(all),
        Kind::NcciManual => {
            let found = chapter(&all);
            numbered(all, &NCCI, found.map(|(_, numeral, _)| numeral))
        }
        _ => numbered(all, &ICD10CM, None),
    };
    let sections = document
        .headings
        .iter()
        .filter(|h| h.locator.contains(['.', '1']))
        .count();
    if sections < 2 || document.passages.is_empty() {
        return Err(ReadError::new(
            &member.path,
            Place::Whole,
            "no numbered sections are found in it",
            "load it as a document, with --kind document, and report that its layout has changed",
        ));
    }
    Ok(Document { title, ..document })
}

/// How a level's number is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// `A.`
    Upper,
    /// `1.`
    Digits,
    /// `a.`
    Lower,
    /// `1)`
    DigitsParen,
    /// `(a)`
    LowerParens,
    /// `(i)`
    RomanParens,
    /// `(1)`
    DigitsParens,
}

impl Shape {
    /// The number, its label and the rest of the line.
    fn take(self, text: &str) -> Option<(u32, &str, &str)> {
        let (inner, closing) = match self {
            Self::LowerParens | Self::RomanParens | Self::DigitsParens => {
                (text.strip_prefix('(')?, ')')
            }
            Self::DigitsParen => (text, ')'),
            Self::Upper | Self::Digits | Self::Lower => (text, '.'),
        };
        let (label, rest) = inner.split_once(closing)?;
        // "(iii)Lower" is a slip of the publisher; "1.5" is a number.
        if closing == '.' && !rest.is_empty() && !rest.starts_with(' ') {
            return None;
        }
        let single = || {
            let mut letters = label.chars();
            letters.next().filter(|_| letters.next().is_none())
        };
        let value = match self {
            Self::Upper => single()
                .filter(char::is_ascii_uppercase)
                .map(|c| c as u32 - 'A' as u32 + 1)?,
            Self::Lower | Self::LowerParens => single()
                .filter(char::is_ascii_lowercase)
                .map(|c| c as u32 - 'a' as u32 + 1)?,
            Self::RomanParens => roman(label)?,
            Self::Digits | Self::DigitsParen | Self::DigitsParens => {
                if label.is_empty() || label.len() > 2 || !label.bytes().all(|b| b.is_ascii_digit())
                {
                    return None;
                }
                label.parse().ok()?
            }
        };
        Some((value, label, rest.trim_start()))
    }
}

fn roman(label: &str) -> Option<u32> {
    (1..=39).find(|n| numeral(*n).is_some_and(|r| r.to_lowercase() == label))
}

/// A Roman numeral up to 39.
fn numeral(n: u32) -> Option<String> {
    const ONES: [&str; 10] = ["", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX"];
    (1..=39).contains(&n).then(|| {
        let ones = ONES.get(n as usize % 10).copied().unwrap_or_default();
        format!("{}{ones}", "X".repeat(n as usize / 10))
    })
}

struct Scheme {
    /// The levels below a section or chapter.
    levels: &'static [Shape],
    /// So many of them have headings; the items below are cited by their numbers and have none.
    headed: usize,
    /// So many of them have letters larger than the text's, where the document's first level has.
    large: usize,
}

const ICD10CM: Scheme = Scheme {
    levels: &[
        Shape::Upper,
        Shape::Digits,
        Shape::Lower,
        Shape::DigitsParen,
        Shape::LowerParens,
        Shape::RomanParens,
    ],
    headed: 6,
    large: 4,
};

const NCCI: Scheme = Scheme {
    levels: &[
        Shape::Upper,
        Shape::Digits,
        Shape::Lower,
        Shape::DigitsParens,
        Shape::LowerParens,
    ],
    headed: 1,
    large: 0,
};

/// Where the reading is: a number on the path from the section down.
struct Step {
    label: String,
    value: u32,
    left: f64,
}

/// `Section II. Selection of Principal Diagnosis`, `Appendix I`.
fn root(line: &Line) -> Option<(String, &str)> {
    let (word, rest) = line.text.split_once(' ')?;
    let (label, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let label = label.trim_end_matches(['.', ':']);
    roman(&label.to_lowercase())?;
    match word.to_lowercase().as_str() {
        "section" => Some((label.to_owned(), rest.trim())),
        "appendix" => Some((format!("Appendix {label}"), rest.trim())),
        _ => None,
    }
}

/// Reads lines into sections. `chapter` is the first part of every locator, where the document is one chapter.
fn numbered(lines: Vec<Line>, scheme: &Scheme, chapter: Option<String>) -> Document {
    let lines = pdf::without_contents(lines);
    let layout = Layout::of(&lines);
    let strict = lines
        .iter()
        .any(|l| layout.is_large(l) && root(l).is_some());
    let mut builder = Builder::default();
    let mut top: Option<String> = chapter.clone();
    let mut path: Vec<Step> = Vec::new();
    let mut text: Vec<&Line> = Vec::new();
    let flush = |builder: &mut Builder, text: &mut Vec<&Line>| {
        for block in layout.blocks(text) {
            builder.block(Some(block.page), Some(block.page_end), block.text);
        }
        text.clear();
    };
    // What comes before the first section: the title page's text.
    let introduction = lines.first().map_or("", |l| l.text.as_str());
    builder.section(
        chapter.clone().unwrap_or_else(|| "Introduction".to_owned()),
        introduction.to_owned(),
        lines.first().map(|l| l.page),
    );
    let mut i = 0;
    while let Some(line) = lines.get(i) {
        let large = layout.is_large(line);
        if large
            && chapter.is_none()
            && let Some((label, rest)) = root(line)
        {
            flush(&mut builder, &mut text);
            let (mut heading, mut next) = wrapped(&layout, &lines, i, rest);
            // An appendix has its title on the next line.
            if heading.is_empty()
                && let Some(below) = lines.get(next).filter(|l| layout.is_large(l))
            {
                (heading, next) = wrapped(&layout, &lines, next, &below.text);
            }
            path.clear();
            builder.section(label.clone(), heading, Some(line.page));
            top = Some(label);
            i = next;
            continue;
        }
        let appendix = top.as_ref().is_some_and(|t| t.starts_with("Appendix"));
        if let Some(section) = top.as_ref().filter(|_| !appendix)
            && let Some((level, value, label, rest)) =
                next_number(line, scheme, &path, strict, large)
        {
            flush(&mut builder, &mut text);
            path.truncate(level);
            path.push(Step {
                label: label.to_owned(),
                value,
                left: line.left,
            });
            let labels: Vec<&str> = std::iter::once(section.as_str())
                .chain(path.iter().map(|s| s.label.as_str()))
                .collect();
            let locator = labels.join(".");
            if level < scheme.headed {
                let (heading, next) = wrapped(&layout, &lines, i, rest);
                builder.section(locator, heading, Some(line.page));
                i = next;
            } else {
                builder.item(locator);
                text.push(line);
                i += 1;
            }
            continue;
        }
        if let (true, true, Some(section)) = (large, appendix, &top) {
            flush(&mut builder, &mut text);
            let (heading, next) = wrapped(&layout, &lines, i, &line.text);
            builder.section(section.clone(), heading, Some(line.page));
            i = next;
            continue;
        }
        text.push(line);
        i += 1;
    }
    flush(&mut builder, &mut text);
    builder.finish(None)
}

/// A heading with the lines it goes over: they have its size, no gap between them, and their words did not fit before.
fn wrapped(layout: &Layout, lines: &[Line], at: usize, first: &str) -> (String, usize) {
    let mut heading = first.to_owned();
    let mut next = at + 1;
    while let (Some(before), Some(line)) = (lines.get(next - 1), lines.get(next))
        && next - at < 4
        && line.page == before.page
        && (line.size - before.size).abs() < 0.6
        && (0.0..1.3 * before.size).contains(&(line.top - before.top))
        && !heading.is_empty()
        && !layout.would_fit(before, line)
        && !pdf::starts_item(&line.text)
    {
        layout.join(&mut heading, &line.text);
        next += 1;
    }
    (heading, next)
}

/// The level, value, label and heading of a line that begins the next numbered section; `None` for text.
fn next_number<'a>(
    line: &'a Line,
    scheme: &Scheme,
    path: &[Step],
    strict: bool,
    large: bool,
) -> Option<(usize, u32, &'a str, &'a str)> {
    let mut child = None;
    for (level, shape) in scheme.levels.iter().enumerate().take(path.len() + 1).rev() {
        let Some((value, label, rest)) = shape.take(&line.text) else {
            continue;
        };
        if strict && level < scheme.large && !large {
            continue;
        }
        match path.get(level) {
            // The next sibling. Where letters tell a heading, a number that the publisher left out is no reason to
            // give everything after it to the section before.
            Some(step) => {
                let most = if strict && large {
                    step.value + 3
                } else {
                    step.value + 1
                };
                if (step.value + 1..=most).contains(&value) && (step.left - line.left).abs() < 12.0
                {
                    return Some((level, value, label, rest));
                }
            }
            // The first child.
            None if value == 1 && path.last().is_none_or(|p| p.left <= line.left + 1.0) => {
                child = Some((level, value, label, rest));
            }
            None => {}
        }
    }
    child
}

/// The ICD-10-PCS guidelines: `B3.1a` stands before its text, alone or on its line; the headings above have no numbers.
fn procedures(lines: Vec<Line>) -> Document {
    let lines = pdf::without_contents(lines);
    let layout = Layout::of(&lines);
    let mut builder = Builder::default();
    let introduction = lines.first().map_or("", |l| l.text.as_str());
    builder.section(
        "Introduction".to_owned(),
        introduction.to_owned(),
        lines.first().map(|l| l.page),
    );
    let mut text: Vec<&Line> = Vec::new();
    let mut heading = String::new();
    let mut rest: Vec<Line> = Vec::with_capacity(lines.len());
    let mut starts: Vec<(usize, String)> = Vec::new();
    for line in &lines {
        match procedure_number(&line.text) {
            Some(label) => {
                starts.push((rest.len(), label.to_owned()));
                let after = line.text[label.len()..].trim_start_matches(['.', ' ']);
                if !after.is_empty() {
                    rest.push(Line {
                        text: after.to_owned(),
                        ..line.clone()
                    });
                }
            }
            None => rest.push(line.clone()),
        }
    }
    let mut starts = starts.into_iter().peekable();
    let flush = |builder: &mut Builder, text: &mut Vec<&Line>| {
        for block in layout.blocks(text) {
            builder.block(Some(block.page), Some(block.page_end), block.text);
        }
        text.clear();
    };
    for (i, line) in rest.iter().enumerate() {
        while let Some((_, label)) = starts.next_if(|(at, _)| *at == i) {
            // A short line before the number, that ends no sentence, is the guideline's heading.
            let heads = text.last().is_some_and(|l| {
                layout.would_fit(l, line)
                    && !l.text.ends_with(['.', ':', ';', ','])
                    && l.text.len() < 90
            });
            if heads && let Some(last) = text.pop() {
                heading.clone_from(&last.text);
            }
            flush(&mut builder, &mut text);
            builder.section(label, heading.clone(), Some(line.page));
        }
        if layout.is_large(line) {
            heading.clone_from(&line.text);
            flush(&mut builder, &mut text);
            builder.section(heading.clone(), heading.clone(), Some(line.page));
            continue;
        }
        text.push(line);
    }
    flush(&mut builder, &mut text);
    builder.finish(None)
}

/// `A1`, `B2.1a`, `B3.10c`, `E1.a` at the start of a line.
fn procedure_number(text: &str) -> Option<&str> {
    let first = text.split(' ').next()?.trim_end_matches('.');
    let mut rest = first.strip_prefix(['A', 'B', 'C', 'D', 'E', 'F'])?;
    let digits = |s: &str| s.bytes().take_while(u8::is_ascii_digit).count();
    let n = digits(rest);
    // There are fewer than twenty of each: B20 and A00.0 are codes.
    if !matches!(rest[..n].parse(), Ok(1u32..=19)) || rest.starts_with('0') {
        return None;
    }
    rest = &rest[n..];
    if let Some(after) = rest.strip_prefix('.') {
        let n = digits(after);
        if n > 2 {
            return None;
        }
        rest = &after[n..];
    }
    let letters = rest.bytes().all(|b| b.is_ascii_lowercase());
    (letters && rest.len() <= 1).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(page: u32, left: f64, top: f64, size: f64, text: &str) -> Line {
        let right = left + text.len() as f64 * size * 0.5;
        Line {
            page,
            left,
            right,
            top,
            size,
            text: text.to_owned(),
        }
    }

    #[test]
    fn numbers() {
        assert_eq!(Shape::Upper.take("A. Rules"), Some((1, "A", "Rules")));
        assert_eq!(Shape::Digits.take("19. Rules"), Some((19, "19", "Rules")));
        assert_eq!(Shape::Digits.take("1.5 mg"), None);
        assert_eq!(Shape::LowerParens.take("(e.g., civilian)"), None);
        assert_eq!(
            Shape::RomanParens.take("(iii)Lower"),
            Some((3, "iii", "Lower"))
        );
        assert_eq!(Shape::DigitsParen.take("147), pp."), None);
        assert_eq!(roman("xiv"), Some(14));
        assert_eq!(procedure_number("B3.10c The"), Some("B3.10c"));
        assert_eq!(procedure_number("E1.a"), Some("E1.a"));
        assert_eq!(procedure_number("A00.0 Cholera"), None);
        assert_eq!(procedure_number("B12"), Some("B12"));
        assert_eq!(procedure_number("A patient"), None);
    }

    #[test]
    fn an_i_after_an_h_is_a_letter_where_letters_stand_and_a_numeral_below() {
        let mut lines = vec![
            line(1, 72.0, 80.0, 16.0, "Section I. Ours"),
            line(1, 80.0, 110.0, 14.0, "A. First"),
            line(1, 90.0, 140.0, 13.0, "1. One"),
            line(1, 100.0, 170.0, 14.0, "a. Ay"),
            line(1, 110.0, 200.0, 13.0, "1) Won"),
        ];
        for (n, c) in ('a'..='h').enumerate() {
            lines.push(line(
                2,
                120.0,
                80.0 + 60.0 * n as f64,
                12.0,
                &format!("({c}) Item"),
            ));
            lines.push(line(
                2,
                130.0,
                110.0 + 60.0 * n as f64,
                12.0,
                "Text that says what the item is about.",
            ));
        }
        lines.push(line(3, 140.0, 80.0, 12.0, "(i) Numeral"));
        lines.push(line(
            3,
            150.0,
            110.0,
            12.0,
            "Text of the numeral, with a list: a. no, b. no.",
        ));
        lines.push(line(
            3,
            150.0,
            140.0,
            12.0,
            "a. When this is an item of a list, it is text.",
        ));
        lines.push(line(3, 120.0, 170.0, 12.0, "(i) Letter"));
        lines.push(line(3, 130.0, 200.0, 12.0, "Text of the letter."));
        let document = numbered(lines, &ICD10CM, None);
        let locators: Vec<&str> = document
            .headings
            .iter()
            .map(|h| h.locator.as_str())
            .collect();
        assert_eq!(
            &locators[10..],
            [
                "I.A.1.a.1.e",
                "I.A.1.a.1.f",
                "I.A.1.a.1.g",
                "I.A.1.a.1.h",
                "I.A.1.a.1.h.i",
                "I.A.1.a.1.i"
            ]
        );
        assert_eq!(
            document.passages.last().map(|p| p.text.as_str()),
            Some("Text of the letter.")
        );
    }

    #[test]
    fn editions() {
        let first = |texts: &[&str]| -> Vec<Line> {
            texts.iter().map(|t| line(1, 72.0, 72.0, 12.0, t)).collect()
        };
        let cm = recognise(
            &first(&[
                "ICD-10-CM Official Guidelines for Coding and Reporting",
                "FY 2026 -- UPDATED April 1, 2026",
                "(April 1, 2026 - September 30, 2026)",
            ]),
            "x.pdf",
        )
        .unwrap();
        assert_eq!(cm.kind, Kind::Icd10cmGuidelines);
        assert_eq!(cm.edition.as_deref(), Some("FY2026 (April 2026)"));
        assert_eq!(cm.effective, NaiveDate::from_ymd_opt(2026, 4, 1));
        assert_eq!(cm.through, NaiveDate::from_ymd_opt(2026, 9, 30));
        let pcs = recognise(
            &first(&[
                "ICD-10-PCS Official Guidelines for Coding and Reporting",
                "2026",
            ]),
            "x.pdf",
        )
        .unwrap();
        assert_eq!(
            (pcs.kind, pcs.edition.as_deref()),
            (Kind::Icd10pcsGuidelines, Some("FY2026"))
        );
        let ncci = recognise(
            &first(&[
                "Revision Date (Medicare): 1/1/2026",
                "CHAPTER IV",
                "Ours",
                "NATIONAL CORRECT CODING INITIATIVE POLICY MANUAL FOR MEDICARE SERVICES",
            ]),
            "x.pdf",
        )
        .unwrap();
        assert_eq!((ncci.kind, ncci.part.as_str()), (Kind::NcciManual, "ch04"));
        assert_eq!(ncci.effective, NaiveDate::from_ymd_opt(2026, 1, 1));
        assert_eq!(recognise(&first(&["A letter"]), "x.pdf"), None);
    }
}
