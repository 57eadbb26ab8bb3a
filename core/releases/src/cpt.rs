//! CPT descriptors and modifiers, from the text files that the AMA gives to its licensees (LONGULT, MEDU, SHORTU and the
//! modifiers' file): a code, a tab or a space, its text, below a few lines of notice.
//!
//! The text is the AMA's. Reading it is one thing; the catalog keeps it only under a recorded licence, and can remove
//! it without a trace. None of it is in this repository: what the tests read is written by us.

use std::collections::HashSet;

use crate::columns::{self, nothing};
use crate::edition::{Found, Kind};
use crate::error::{Place, ReadError};
use crate::member::{Form, Member};
use crate::recognise::Look;

/// The notice that goes with every line of CPT text, as the AMA requires it, for the year of its copyright.
pub fn notice(year: Option<i32>) -> String {
    let year = year.map(|y| format!(" {y}")).unwrap_or_default();
    format!("CPT copyright{year} American Medical Association. All rights reserved.")
}

/// One code or modifier and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CptRow {
    /// The code of five characters, or the modifier of two.
    pub code: String,
    /// Its text, verbatim.
    pub text: String,
}

/// What a file held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Rows yielded.
    pub rows: u64,
    /// Year of the copyright, where the lines above the codes state it.
    pub copyright: Option<i32>,
}

/// Fewer lines than this do not show what a file is.
const LEAST: usize = 5;
/// Longest texts of the short and the medium form, in characters.
const SHORT: usize = 28;
const MEDIUM: usize = 48;

/// Descriptors, by their shape: every line below the notice is a code of five characters, most of them numbers, one
/// separator, and a text. The form (`long`, `medium`, `short`) becomes the part, by the longest text.
pub(crate) fn recognise(look: &Look<'_>) -> Option<Found> {
    let lines = body(look, 5)?;
    let numeric = lines
        .iter()
        .filter(|(code, _)| code.bytes().all(|b| b.is_ascii_digit()))
        .count();
    let shaped = lines.iter().all(|(code, _)| is_cpt(code));
    let others = lines
        .iter()
        .filter(|(code, text)| is_other(code, text))
        .count();
    if !shaped || numeric * 2 < lines.len() || others * 2 > lines.len() {
        return None;
    }
    let longest = lines.iter().map(|(_, text)| text.chars().count()).max()?;
    let part = if longest > MEDIUM {
        "long"
    } else if longest > SHORT {
        "medium"
    } else {
        "short"
    };
    let mut found = edition(look, Found::of(Kind::Cpt));
    found.part = part.to_owned();
    Some(found)
}

/// Modifiers, by their shape: every line below the notice is a modifier of two characters, one separator and a text,
/// and several of CPT's numbers are among them.
pub(crate) fn recognise_modifiers(look: &Look<'_>) -> Option<Found> {
    let lines = body(look, 2)?;
    let known = ["22", "25", "26", "50", "51", "57", "59"];
    let numbers = known
        .iter()
        .filter(|m| lines.iter().any(|(code, _)| code == *m))
        .count();
    let shaped = lines
        .iter()
        .all(|(_, text)| text.contains(char::is_alphabetic));
    (shaped && numbers >= 3).then(|| edition(look, Found::of(Kind::CptModifiers)))
}

/// A code set's year: the notice says `CPT 2026`, or the name does. The year of the copyright is no edition: it is
/// the year before.
fn edition(look: &Look<'_>, found: Found) -> Found {
    let stated = look.text.lines().take(60).find_map(|line| {
        let upper = line.to_uppercase();
        let at = upper.find("CPT")?;
        let rest = upper[at + 3..].trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
        if rest.starts_with("COPYRIGHT") {
            return None;
        }
        let year: i32 = rest.get(..4)?.parse().ok()?;
        (2000..2100).contains(&year).then_some(year)
    });
    let named = columns::calendar(&look.member.path).map(|(year, _)| year);
    crate::relative_values::calendar_year(found, stated.or(named))
}

/// The lines of a file's beginning that are codes, where all below the first are; `width` is a code's.
fn body<'t>(look: &'t Look<'_>, width: usize) -> Option<Vec<(&'t str, &'t str)>> {
    if look.member.form != Form::Text {
        return None;
    }
    let mut lines: Vec<&str> = look.text.lines().collect();
    // The last line of the look is cut where the file goes on.
    if look.member.bytes > look.text.len() as u64 {
        lines.pop();
    }
    let begin = lines.iter().position(|l| split(l, width).is_some())?;
    let body = lines[begin..]
        .iter()
        .filter(|l| !l.trim().is_empty() && **l != "\u{1a}")
        .map(|l| split(l, width))
        .collect::<Option<Vec<_>>>()?;
    (body.len() >= LEAST).then_some(body)
}

/// The year of a line's copyright: the one after the word or the sign, or else the line's only one.
fn copyright(line: &str) -> Option<i32> {
    let upper = line.to_uppercase();
    let (_, after) = upper
        .split_once("COPYRIGHT")
        .or_else(|| upper.split_once('\u{a9}'))?;
    columns::year_in(after).or_else(|| columns::year_in(&upper))
}

/// A line's code and text: exactly one tab or space stands between them.
fn split(line: &str, width: usize) -> Option<(&str, &str)> {
    let code = line.get(..width)?;
    let rest = line.get(width..)?;
    let text = rest.strip_prefix('\t').or_else(|| rest.strip_prefix(' '))?;
    let shaped = code
        .bytes()
        .all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
        && code.bytes().any(|b| b.is_ascii_digit());
    let one = !text.starts_with([' ', '\t']) && !text.contains('\t');
    let text = text.trim_end();
    (shaped && one && !text.is_empty()).then_some((code, text))
}

/// A code of CPT: four digits, then a digit or a letter.
fn is_cpt(code: &str) -> bool {
    let bytes = code.as_bytes();
    bytes.len() == 5
        && bytes[..4].iter().all(u8::is_ascii_digit)
        && (bytes[4].is_ascii_digit() || bytes[4].is_ascii_uppercase())
}

/// Lines of other files that begin with five digits: order numbers of the ICD-10 order files, and mappings.
fn is_other(code: &str, text: &str) -> bool {
    let line: Vec<char> = format!("{code} {text}").chars().collect();
    let order = line.get(13) == Some(&' ')
        && matches!(line.get(14), Some('0' | '1'))
        && line.get(15) == Some(&' ');
    let words: Vec<&str> = text.split_whitespace().collect();
    let mapping = matches!(words[..], [_, flags] if flags.len() == 5 && flags.bytes().all(|b| b.is_ascii_digit()));
    order || mapping || !text.contains(char::is_alphabetic)
}

/// Reads descriptors or modifiers, as `kind` ([`Kind::Cpt`], [`Kind::CptModifiers`]) says, in the file's order.
///
/// # Errors
/// A line below the first code that is none, a code that stands twice; and whatever `take` returns. No error repeats a
/// text.
pub fn read<E: From<ReadError>>(
    member: &Member,
    kind: Kind,
    take: &mut dyn FnMut(CptRow) -> Result<(), E>,
) -> Result<Summary, E> {
    let width = if kind == Kind::CptModifiers { 2 } else { 5 };
    let mut summary = Summary::default();
    let mut seen = HashSet::new();
    let mut lines = member.lines()?;
    while let Some((number, line)) = lines.next()? {
        let Some((code, text)) = split(line, width).filter(|(code, _)| width == 2 || is_cpt(code))
        else {
            if line.trim().is_empty() {
                continue;
            }
            if summary.rows > 0 {
                let what = "the line is no code, separator and text: the file is cut or mixed";
                return Err(ReadError::damaged(&member.path, Place::Line(number), what).into());
            }
            summary.copyright = summary.copyright.or_else(|| copyright(line));
            continue;
        };
        if !seen.insert(code.to_owned()) {
            let what = format!("{code} stands in the file twice");
            return Err(ReadError::damaged(&member.path, Place::Line(number), what).into());
        }
        summary.rows += 1;
        take(CptRow {
            code: code.to_owned(),
            text: text.to_owned(),
        })?;
    }
    if summary.rows == 0 {
        return Err(nothing(member, "it holds no line of code, tab and text").into());
    }
    Ok(summary)
}
