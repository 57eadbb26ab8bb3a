//! Words with their places, what stands between them, and phrases found among them.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

/// A word of the note.
#[derive(Clone, PartialEq, Eq)]
pub struct Word {
    /// Where it stands, in bytes.
    pub range: Range<usize>,
    /// In lower case, with a straight apostrophe, without possessive `'s` and without the dots of `y.o.`;
    /// `&` is `and`, `w/` is `with`. A hyphen separates words, so that `follow-up` is `follow up`.
    pub form: String,
    /// What stands between the word before (or the start) and this one.
    pub(crate) gap: Gap,
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Word({} bytes)", self.range.len())
    }
}

/// What stands between two words, as a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Gap(u16);

impl Gap {
    pub(crate) const COMMA: Gap = Gap(1);
    pub(crate) const COLON: Gap = Gap(1 << 1);
    /// A full stop, exclamation or question mark.
    pub(crate) const STOP: Gap = Gap(1 << 2);
    pub(crate) const SEMICOLON: Gap = Gap(1 << 3);
    pub(crate) const OPEN: Gap = Gap(1 << 4);
    pub(crate) const CLOSE: Gap = Gap(1 << 5);
    pub(crate) const SLASH: Gap = Gap(1 << 6);
    /// A dash with white space around it; one without is a hyphen and no gap at all.
    pub(crate) const DASH: Gap = Gap(1 << 7);
    /// `+cough`, `(+) cough`
    pub(crate) const PLUS: Gap = Gap(1 << 8);
    /// `(-) cough`, and ` -cough` within a line
    pub(crate) const MINUS: Gap = Gap(1 << 9);
    /// `?pneumonia`
    pub(crate) const QUERY: Gap = Gap(1 << 10);
    pub(crate) const LINE: Gap = Gap(1 << 11);
    pub(crate) const BLANK_LINE: Gap = Gap(1 << 12);
    /// A bullet, a table's bar, an arrow, or the space between two columns.
    pub(crate) const BREAK: Gap = Gap(1 << 13);
    /// `-`, `*` or another sign that begins a line.
    pub(crate) const ITEM: Gap = Gap(1 << 14);

    pub(crate) const fn or(self, other: Gap) -> Gap {
        Gap(self.0 | other.0)
    }

    /// Whether any of these is in it.
    pub(crate) const fn has(self, any: Gap) -> bool {
        self.0 & any.0 != 0
    }

    /// Whether a phrase may not run across it.
    pub(crate) const fn is_hard(self) -> bool {
        self.has(Gap(!(Gap::SLASH.0 | Gap::LINE.0 | Gap::STOP.0)))
    }

    fn of(between: &str, first: bool) -> Gap {
        if between == " " {
            return Gap(0);
        }
        let mut gap = Gap(0);
        let mut spaces = 0;
        let mut lines = 0;
        let mut line_start = first;
        let compact = !between.contains(char::is_whitespace);
        let mut rest = between.chars().peekable();
        let mut before = ' ';
        while let Some(c) = rest.next() {
            let last = rest.peek().is_none();
            gap = gap.or(match c {
                '\n' | '\r' => {
                    lines += usize::from(c == '\n' || rest.peek() != Some(&'\n'));
                    line_start = true;
                    Gap::LINE
                }
                '\t' if !line_start => Gap::BREAK,
                _ if c.is_whitespace() => {
                    spaces += 1;
                    if spaces >= 3 && !line_start {
                        Gap::BREAK
                    } else {
                        Gap(0)
                    }
                }
                '-' | '*' | '#' | '–' | '—' | '>' if line_start => Gap::ITEM,
                ',' => Gap::COMMA,
                ':' => Gap::COLON,
                '?' if last && before.is_whitespace() => Gap::QUERY,
                '.' | '!' | '?' | '…' => Gap::STOP,
                ';' => Gap::SEMICOLON,
                '(' | '[' | '{' => Gap::OPEN,
                ')' | ']' | '}' => Gap::CLOSE,
                '/' | '\\' => Gap::SLASH,
                '+' if last || before == '(' => Gap::PLUS,
                '-' if before == '(' && rest.peek() == Some(&')') => Gap::MINUS,
                '-' if last && before.is_whitespace() && !compact => Gap::MINUS,
                '-' | '–' | '—' if !compact || c == '—' => Gap::DASH,
                '•' | '·' | '●' | '▪' | '◦' | '○' | '■' | '\u{f0b7}' | '|' | '→' => {
                    Gap::BREAK.or(Gap::ITEM)
                }
                _ => Gap(0),
            });
            if c != '\n' && c != '\r' && !c.is_whitespace() {
                line_start = false;
                spaces = 0;
            }
            before = c;
        }
        if lines > 1 {
            gap = gap.or(Gap::BLANK_LINE);
        }
        gap
    }
}

/// The words of a text.
pub(crate) fn words(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::with_capacity(text.len() / 6);
    let mut end = 0;
    let mut at = 0;
    while let Some(c) = text.get(at..).and_then(|t| t.chars().next()) {
        if !c.is_alphanumeric() && c != '&' {
            at += c.len_utf8();
            continue;
        }
        let (length, form) = word(&text[at..]);
        let range = at..at + length;
        let gap = Gap::of(&text[end..at], words.is_empty());
        at = range.end;
        end = at;
        words.push(Word { range, form, gap });
    }
    words
}

/// The word at the beginning of a text, which is not empty: its bytes and its form.
fn word(text: &str) -> (usize, String) {
    if text.starts_with('&') {
        return (1, "and".to_owned());
    }
    let alphanumeric = |t: &str| t.find(|c: char| !c.is_alphanumeric()).unwrap_or(t.len());
    let mut end = alphanumeric(text);
    let mut dotted = false;
    loop {
        let part = &text[..end];
        let mut rest = text[end..].chars();
        let (Some(joint), next) = (rest.next(), rest.next()) else {
            break;
        };
        let Some(next) = next.filter(|c| c.is_alphanumeric()) else {
            break;
        };
        let after = end + joint.len_utf8();
        let length = alphanumeric(&text[after..]);
        let following = &text[after..after + length];
        let before = part.chars().next_back().unwrap_or(' ');
        let letters = |t: &str| t.chars().all(char::is_alphabetic);
        let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
        let last_part = part
            .rsplit(|c: char| !c.is_alphanumeric())
            .next()
            .unwrap_or(part);
        let joins = match joint {
            '\'' | '’' => {
                before.is_alphabetic()
                    && next.is_alphabetic()
                    && (length <= 3 || part.chars().count() == 1)
            }
            '.' if next.is_ascii_digit() => before.is_ascii_digit(),
            '.' => {
                let one = |t: &str| letters(t) && t.chars().count() == 1;
                let joins = one(last_part) && one(following);
                dotted |= joins;
                joins
            }
            '/' => {
                let short = |t: &str| letters(t) && t.chars().count() <= 2;
                (short(last_part) && short(following)) || (digits(last_part) && digits(following))
            }
            _ => false,
        };
        // A word is bounded, so that a form is never longer than what a person can read.
        if !joins || end > 64 {
            break;
        }
        end = after + length;
    }
    let mut form = String::with_capacity(end);
    for c in text[..end].chars() {
        match c {
            '’' => form.push('\''),
            '.' if dotted => {}
            c => form.extend(c.to_lowercase()),
        }
    }
    if form.ends_with("'s") {
        form.truncate(form.len() - 2);
    }
    if form == "w" && text[end..].starts_with('/') {
        form = "with".to_owned();
        end += 1;
    }
    (end, form)
}

/// Phrases, each with a value, to be found among words; the longest at a place counts.
pub(crate) struct Lexicon<T> {
    by_first: HashMap<String, Vec<(Vec<String>, T)>>,
}

impl<T: Copy> Lexicon<T> {
    pub(crate) fn new<'a>(entries: impl IntoIterator<Item = (&'a str, T)>) -> Self {
        let mut by_first: HashMap<String, Vec<(Vec<String>, T)>> = HashMap::new();
        for (phrase, value) in entries {
            let mut forms = words(phrase).into_iter().map(|w| w.form);
            if let Some(first) = forms.next() {
                by_first
                    .entry(first)
                    .or_default()
                    .push((forms.collect(), value));
            }
        }
        for entries in by_first.values_mut() {
            entries.sort_by_key(|(rest, _)| std::cmp::Reverse(rest.len()));
        }
        Lexicon { by_first }
    }

    /// The longest phrase that begins at a word: how many words it has, and its value.
    pub(crate) fn at(&self, words: &[Word], index: usize) -> Option<(usize, T)> {
        let entries = self.by_first.get(words.get(index)?.form.as_str())?;
        entries.iter().find_map(|(rest, value)| {
            let tail = words.get(index + 1..index + 1 + rest.len())?;
            let same = tail
                .iter()
                .zip(rest)
                .all(|(word, form)| word.form == *form && !word.gap.is_hard());
            same.then_some((rest.len() + 1, *value))
        })
    }

    /// All phrases within some words, none overlapping another.
    pub(crate) fn all(&self, words: &[Word], within: Range<usize>) -> Vec<(Range<usize>, T)> {
        let mut found = Vec::new();
        let mut index = within.start;
        let words = &words[..within.end];
        while index < words.len() {
            match self.at(words, index) {
                Some((length, value)) => {
                    found.push((index..index + length, value));
                    index += length;
                }
                None => index += 1,
            }
        }
        found
    }
}

/// From byte offsets to character offsets, without counting from the start each time.
pub(crate) struct Offsets {
    /// Characters before each [`Offsets::STEP`]th byte; empty where a byte is a character.
    counts: Vec<usize>,
}

impl Offsets {
    const STEP: usize = 128;

    pub(crate) fn new(text: &str) -> Offsets {
        if text.is_ascii() {
            return Offsets { counts: Vec::new() };
        }
        let mut counts = Vec::with_capacity(text.len() / Self::STEP + 1);
        let mut chars = 0;
        for (index, byte) in text.bytes().enumerate() {
            if index % Self::STEP == 0 {
                counts.push(chars);
            }
            // A continuation byte begins no character.
            chars += usize::from(byte & 0xC0 != 0x80);
        }
        Offsets { counts }
    }

    /// How many characters begin before a byte offset.
    pub(crate) fn chars(&self, text: &str, byte: usize) -> usize {
        let byte = byte.min(text.len());
        if self.counts.is_empty() {
            return byte;
        }
        let step = (byte / Self::STEP).min(self.counts.len() - 1);
        let rest = &text.as_bytes()[step * Self::STEP..byte];
        self.counts[step] + rest.iter().filter(|b| **b & 0xC0 != 0x80).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forms(text: &str) -> String {
        let forms: Vec<_> = words(text).into_iter().map(|w| w.form).collect();
        forms.join(" ")
    }

    #[test]
    fn words_are_what_a_clinician_calls_a_word() {
        for (text, expected) in [
            ("H/O MI, s/p CABG", "h/o mi s/p cabg"),
            ("Crohn's disease", "crohn disease"),
            ("Crohn’s", "crohn"),
            ("doesn't", "doesn't"),
            ("doesn’t", "doesn't"),
            ("follow-up", "follow up"),
            ("M54.50 99213-25", "m54.50 99213 25"),
            ("45 y.o. male", "45 yo male"),
            ("DM w/ CKD", "dm with ckd"),
            ("w/o contrast", "w/o contrast"),
            ("neck/back pain", "neck back pain"),
            ("A&P", "a and p"),
            ("BP 120/80", "bp 120/80"),
            ("seen 3/1/2026.", "seen 3/1/2026"),
            ("pain.Patient", "pain patient"),
            ("2/2 sepsis", "2/2 sepsis"),
            ("Sjögren", "sjögren"),
            ("O'Brien", "o'brien"),
        ] {
            assert_eq!(forms(text), expected, "{text}");
        }
    }

    #[test]
    fn what_stands_between_words_is_kept() {
        let gap = |text: &str| words(text).last().unwrap().gap;
        assert!(gap("a, b").has(Gap::COMMA));
        assert!(gap("a: b").has(Gap::COLON));
        assert!(!gap("a-b").has(Gap::DASH));
        assert!(gap("a - b").has(Gap::DASH));
        assert!(gap("a (+) b").has(Gap::PLUS));
        assert!(gap("a, +b").has(Gap::PLUS));
        assert!(gap("a (-) b").has(Gap::MINUS));
        assert!(gap("a, -b").has(Gap::MINUS));
        assert!(gap("a ?b").has(Gap::QUERY));
        assert!(gap("a? b").has(Gap::STOP));
        assert!(gap("a\n\nb").has(Gap::BLANK_LINE));
        assert!(gap("a\r\n\r\nb").has(Gap::BLANK_LINE));
        assert!(!gap("a\r\nb").has(Gap::BLANK_LINE));
        assert!(gap("a\n- b").has(Gap::ITEM));
        assert!(gap("a    b").has(Gap::BREAK));
    }

    #[test]
    fn a_debug_print_shows_no_text() {
        assert_eq!(format!("{:?}", words("Smith")), "[Word(5 bytes)]");
    }
}
