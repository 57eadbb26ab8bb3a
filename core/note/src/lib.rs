//! A clinical note, read for whoever looks for codes in it.
//!
//! [`Note::read`] cannot fail and does no I/O. It yields what a look-up needs: [sections](Note::sections),
//! [sentences](Note::sentences), [phrases](Note::phrases) with what the note [asserts](Note::assertion) of each,
//! what stands [near](Note::attributes) them (side, acuity, stage, initial or subsequent care), the
//! [setting](Note::encounter), and who could be recognised by it ([`identifiers`]).
//!
//! It knows language and no codes: no disease is listed here, so that what is found does not depend on which code
//! sets are loaded. Ranges are in bytes of the text; [`Note::chars`] makes characters of them.
//!
//! The text stays in the value. No error holds it (there is none), and `{:?}` prints lengths.

mod assertion;
mod attributes;
mod encounter;
mod identifiers;
mod names;
mod phrases;
mod sections;
mod sentences;
mod words;

use std::fmt;
use std::ops::Range;
use std::sync::OnceLock;

pub use assertion::Assertion;
pub use attributes::{
    Acuity, Attributes, Care, Found, Healing, Laterality, Pregnancy, Severity, Tobacco, Trimester,
};
pub use encounter::Encounter;
pub use identifiers::{Identifier, IdentifierKind, identifiers};
pub use phrases::Phrase;
pub use sections::{Section, SectionKind};
pub use sentences::Sentence;
pub use words::Word;

/// A note, taken apart.
pub struct Note {
    text: String,
    offsets: words::Offsets,
    words: Vec<Word>,
    sections: Vec<Section>,
    sentences: Vec<Sentence>,
    marks: Vec<assertion::Mark>,
    /// What holds for all findings, read once: asked for each phrase it would take the square of the length.
    care: OnceLock<Option<Found<Care>>>,
}

impl Note {
    /// Reads a note. Takes time in proportion to its length, whatever is in it.
    pub fn read(text: &str) -> Note {
        let words = words::words(text);
        let sections = sections::sections(text, &words);
        let sentences = sentences::sentences(text, &words, &sections);
        let marks = assertion::marks(text, &words, &sentences);
        Note {
            text: text.to_owned(),
            offsets: words::Offsets::new(text),
            words,
            sections,
            sentences,
            marks,
            care: OnceLock::new(),
        }
    }

    /// The text as it was read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A range of bytes in Unicode scalar values from the start of the text.
    pub fn chars(&self, range: Range<usize>) -> Range<usize> {
        self.offsets.chars(&self.text, range.start)..self.offsets.chars(&self.text, range.end)
    }

    /// All words, headings included.
    pub fn words(&self) -> &[Word] {
        &self.words
    }

    /// The sections in order. The first is what stands before any heading, and may be empty.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// The sentences and list items of all sections, headings left out.
    pub fn sentences(&self) -> &[Sentence] {
        &self.sentences
    }

    /// The sentence that a byte range begins in.
    pub fn sentence_of(&self, range: &Range<usize>) -> Option<&Sentence> {
        let next = self
            .sentences
            .partition_point(|s| s.range.end <= range.start);
        self.sentences
            .get(next)
            .filter(|s| s.range.start < range.end && range.start < s.range.end)
    }

    /// What the note says of the words in a byte range. Where the range holds a cue itself ("no fever"), the cue
    /// counts for the rest of it; where it holds several findings ("pneumonia without sepsis"), the first one is meant.
    pub fn assertion(&self, range: Range<usize>) -> Assertion {
        match (self.sentence_of(&range), self.word_range(&range)) {
            (Some(sentence), Some(span)) => {
                assertion::of(&self.words, sentence, self.marks_of(sentence), span)
            }
            _ => Assertion::Affirmed,
        }
    }

    /// Phrases to look up: what a sentence or item names, in pieces and where useful also together
    /// ("nausea and vomiting", "anemia due to blood loss"). Nested ones follow the longer one.
    pub fn phrases(&self) -> impl Iterator<Item = Phrase<'_>> {
        phrases::phrases(self).into_iter()
    }

    /// What qualifies the words in a byte range, in them or near them in their sentence.
    pub fn attributes(&self, range: Range<usize>) -> Attributes {
        attributes::of(self, &range)
    }

    /// How far a pregnancy has come, if the note tells.
    pub fn pregnancy(&self) -> Option<Found<Pregnancy>> {
        attributes::pregnancy(self)
    }

    /// Use of tobacco, where the note states it; what it states last and of now comes first.
    pub fn tobacco(&self) -> Option<Found<Tobacco>> {
        attributes::tobacco(self)
    }

    /// Where the note says that the patient uses insulin.
    pub fn insulin(&self) -> Option<Range<usize>> {
        attributes::insulin(self)
    }

    /// Sentences that tell how an injury came about, in bytes: falls, collisions, bites and the like.
    pub fn external_causes(&self) -> Vec<Range<usize>> {
        attributes::external_causes(self)
    }

    /// Where the patient was treated, by what the note says.
    pub fn encounter(&self) -> Encounter {
        encounter::of(self)
    }

    /// By what a person could be recognised; see [`identifiers`].
    pub fn identifiers(&self) -> Vec<Identifier> {
        identifiers(&self.text)
    }

    /// The cues of a sentence; one may stand at its very end.
    fn marks_of(&self, sentence: &Sentence) -> &[assertion::Mark] {
        let words = &sentence.words;
        let first = self.marks.partition_point(|m| m.words.start < words.start);
        let last = self.marks.partition_point(|m| m.words.start <= words.end);
        &self.marks[first..last]
    }

    /// The words that a byte range touches.
    fn word_range(&self, range: &Range<usize>) -> Option<Range<usize>> {
        let start = self.words.partition_point(|w| w.range.end <= range.start);
        let end = self.words.partition_point(|w| w.range.start < range.end);
        (start < end).then_some(start..end)
    }

    /// From words to bytes; the words are not empty.
    fn bytes(&self, words: &Range<usize>) -> Range<usize> {
        self.words[words.start].range.start..self.words[words.end - 1].range.end
    }
}

impl fmt::Debug for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bytes, sentences) = (self.text.len(), self.sentences.len());
        write!(f, "Note({bytes} bytes, {sentences} sentences)")
    }
}
