//! Sentences and list items.

use std::ops::Range;

use crate::sections::{Section, SectionKind, between};
use crate::words::{Gap, Word};

/// A sentence, or an item of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    /// Where it stands, in bytes, without its number or bullet.
    pub range: Range<usize>,
    /// The section that it is in.
    pub section: SectionKind,
    /// Whether it has a number or a bullet, or is a line of its own in a section that lists diagnoses.
    pub item: bool,
    pub(crate) words: Range<usize>,
}

/// A longer sentence is cut: it is a table or no prose, and what is read of a sentence takes time by its length.
const LONGEST: usize = 160;

/// Words before a full stop that ends no sentence.
const ABBREVIATIONS: [&str; 34] = [
    "dr", "mr", "mrs", "ms", "vs", "eg", "ie", "approx", "no", "st", "hx", "dx", "fx", "tx", "rx",
    "sx", "pmh", "neg", "pos", "lt", "rt", "bilat", "hr", "hrs", "wk", "wks", "mo", "yr", "yrs",
    "min", "prof", "jr", "etc", "incl",
];

/// A line that ends with one of these goes on in the next.
const GOES_ON: [&str; 30] = [
    "a", "an", "the", "of", "and", "or", "with", "without", "to", "in", "on", "at", "for", "from",
    "by", "due", "no", "his", "her", "their", "is", "was", "has", "had", "not", "as", "left",
    "right", "that", "which",
];

/// The sentences of all sections, headings left out.
pub(crate) fn sentences(text: &str, words: &[Word], sections: &[Section]) -> Vec<Sentence> {
    let mut sentences = Vec::new();
    for section in sections {
        let mut number = 0;
        let mut index = section.words.start;
        while index < section.words.end {
            let mut item = words[index].gap.has(Gap::ITEM) && !words[index].gap.has(Gap::MINUS);
            let at_line = index == section.words.start || words[index].gap.has(Gap::LINE);
            if let Some(n) = marker(text, words, index, section.words.end)
                && (at_line || n == number + 1)
            {
                number = n;
                item = true;
                index += 1;
            }
            let start = index;
            index += 1;
            while index < section.words.end
                && index - start < LONGEST
                && !ends_before(text, words, start, index, number, section)
            {
                index += 1;
            }
            let alone = (index == words.len() || words[index].gap.has(Gap::LINE)) && at_line;
            sentences.push(Sentence {
                range: words[start].range.start..words[index - 1].range.end,
                section: section.kind,
                item: item || (alone && section.kind.lists_diagnoses()),
                words: start..index,
            });
        }
    }
    sentences
}

/// The number of an item, where a word is one: `1.`, `2)`, `#3`, `a.` and more words follow.
fn marker(text: &str, words: &[Word], index: usize, end: usize) -> Option<u32> {
    let word = &words[index];
    if index + 1 >= end || words[index + 1].gap.has(Gap::LINE) {
        return None;
    }
    let after = between(text, words, index + 1);
    let spaced = |signs: &[char]| {
        after
            .strip_prefix(signs)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
    };
    let hash = text[..word.range.start].ends_with('#');
    match word.form.parse::<u32>() {
        Ok(n) if n < 100 && (spaced(&['.', ')']) || hash) => Some(n),
        Ok(_) => None,
        Err(_) => {
            let letter = word.form.bytes().next()?;
            let listed = word.form.len() == 1 && matches!(letter, b'a'..=b'h');
            (listed && spaced(&[')', '.'])).then(|| u32::from(letter - b'a') + 1)
        }
    }
}

/// Whether a sentence that began at `start` is over before a word.
fn ends_before(
    text: &str,
    words: &[Word],
    start: usize,
    index: usize,
    number: u32,
    section: &Section,
) -> bool {
    let (before, word) = (&words[index - 1], &words[index]);
    let gap = word.gap;
    if gap.has(Gap::BLANK_LINE) {
        return true;
    }
    if gap.has(Gap::BREAK) {
        // `Lungs:     clear` is one thing.
        return !gap.has(Gap::COLON);
    }
    if gap.has(Gap::SEMICOLON) {
        return !matches!(word.form.as_str(), "or" | "nor");
    }
    if gap.has(Gap::LINE) {
        return gap.has(Gap::ITEM)
            || marker(text, words, index, section.words.end).is_some()
            || !wraps(text, words, start, index);
    }
    // `1. HTN 2. DM` on one line.
    if number > 0 && marker(text, words, index, section.words.end) == Some(number + 1) {
        return true;
    }
    if gap.has(Gap::STOP) {
        let written = &text[before.range.clone()];
        let initial = written.len() == 1 && written.chars().all(char::is_uppercase);
        // `Neg. for`, but also `The answer is no. He`.
        let lower = text[word.range.clone()].starts_with(char::is_lowercase);
        let title = matches!(
            before.form.as_str(),
            "dr" | "mr" | "mrs" | "ms" | "st" | "prof" | "vs"
        );
        let abbreviated = ABBREVIATIONS.contains(&before.form.as_str()) && (lower || title);
        let dots = between(text, words, index);
        if dots.contains(char::is_whitespace) {
            return !(abbreviated || (initial && !dots.contains(['!', '?'])));
        }
        // `pain.Patient` lacks its space.
        return dots == "." && !lower && before.form.chars().count() >= 3;
    }
    false
}

/// Whether a line only went on in the next: pasted text is often broken at a width.
fn wraps(text: &str, words: &[Word], start: usize, index: usize) -> bool {
    let (before, word) = (&words[index - 1], &words[index]);
    let gap = word.gap;
    if gap.has(Gap::STOP.or(Gap::COLON)) {
        return false;
    }
    let line_start = text[..before.range.end].rfind('\n').map_or(0, |n| n + 1);
    let length = text[line_start..before.range.end].chars().count();
    let lower = text[word.range.clone()].starts_with(char::is_lowercase);
    let prose = length >= 45 || words[start..index].len() > 7;
    GOES_ON.contains(&before.form.as_str())
        || (gap.has(Gap::COMMA) && length >= 30)
        || (lower && prose)
        || (length >= 68 && !text[word.range.clone()].starts_with(char::is_uppercase))
}

#[cfg(test)]
mod tests {
    fn split(text: &str) -> Vec<&str> {
        let words = crate::words::words(text);
        let sections = crate::sections::sections(text, &words);
        let sentences = super::sentences(text, &words, &sections);
        sentences.into_iter().map(|s| &text[s.range]).collect()
    }

    #[test]
    fn sentences_and_items() {
        for (text, expected) in [
            ("Cough. Fever.", &["Cough", "Fever"][..]),
            ("Cough; fever", &["Cough", "fever"]),
            ("no cough; or fever", &["no cough; or fever"]),
            (
                "Dr. Smith saw him. He is well.",
                &["Dr. Smith saw him", "He is well"],
            ),
            ("Seen by J. Smith today", &["Seen by J. Smith today"]),
            ("neg. for fever", &["neg. for fever"]),
            ("1. HTN\n2. DM", &["HTN", "DM"]),
            ("1. HTN 2. DM 3) CKD", &["HTN", "DM", "CKD"]),
            (
                "1) HTN\n   - lisinopril\n2) DM",
                &["HTN", "lisinopril", "DM"],
            ),
            ("#1 HTN\n#2 DM", &["HTN", "DM"]),
            ("# HTN\n# DM", &["HTN", "DM"]),
            ("- HTN\n- DM", &["HTN", "DM"]),
            ("• HTN • DM", &["HTN", "DM"]),
            ("a. HTN\nb. DM", &["HTN", "DM"]),
            ("HTN\nDM", &["HTN", "DM"]),
            (
                "The patient is a 45 year old man who came with pain in his\nleft knee since Monday",
                &[
                    "The patient is a 45 year old man who came with pain in his\nleft knee since Monday",
                ],
            ),
            ("HTN\n\nDM", &["HTN", "DM"]),
            ("temp 38.5 today", &["temp 38.5 today"]),
            (
                "Has pain.Patient is well.",
                &["Has pain", "Patient is well"],
            ),
            ("HPI: cough. Plan: rest", &["cough", "rest"]),
            ("HTN | DM", &["HTN", "DM"]),
            ("Grade 2. Stable.", &["Grade 2", "Stable"]),
        ] {
            assert_eq!(split(text), expected, "{text}");
        }
    }

    #[test]
    fn a_sentence_without_end_is_cut() {
        let text = "word ".repeat(1000);
        assert!(split(&text).len() > 5);
    }
}
