//! Spans that may name a condition or a procedure.

use std::fmt;
use std::ops::Range;
use std::sync::LazyLock;

use crate::Note;
use crate::assertion::{self, Assertion, Mark};
use crate::sections::SectionKind;
use crate::sentences::Sentence;
use crate::words::{Gap, Lexicon};

/// Words to look up.
#[derive(Clone, PartialEq, Eq)]
pub struct Phrase<'n> {
    /// Where it stands, in bytes.
    pub range: Range<usize>,
    /// As it is written.
    pub text: &'n str,
    /// The section that it is in.
    pub section: SectionKind,
    /// What the note says of it.
    pub assertion: Assertion,
}

impl fmt::Debug for Phrase<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.text.len();
        write!(
            f,
            "Phrase({bytes} bytes, {:?}, {:?})",
            self.section, self.assertion
        )
    }
}

/// A longer phrase names nothing.
const LONGEST: usize = 14;

/// What joins two findings that may be one entry of a code set.
static LINKS: LazyLock<Lexicon<()>> = LazyLock::new(|| {
    let links = "and|or|nor|plus|with|without|w/o|due to|d/t|secondary to|2/2|because of|caused by|\
                 resulting from|related to|associated with|complicated by|in setting of|in the setting of|\
                 superimposed on|following|from|causing|involving|including|such as";
    Lexicon::new(links.split('|').map(|l| (l, ())))
});

/// Words that are no part of a name and separate two.
static BREAKS: LazyLock<Lexicon<()>> = LazyLock::new(|| {
    let breaks = "i|we|he|she|they|it|you|him|them|who|whom|which|that|there|what|patient|pt|patients|is|are|was|\
                  were|be|been|being|am|has|have|had|having|does|did|do|will|would|shall|should|can|could|may|might|\
                  must|presents|presented|presenting|presents for|comes|came|returns|returned|complains of|complaining of|\
                  complains|c/o|reports|reported|states|stated|endorses|admits|notes|noted|describes|described|says|\
                  shows|showed|showing|reveals|revealed|demonstrates|demonstrated|underwent|undergoing|performed|\
                  developed|develops|seen|found|diagnosed|treated|treat|takes|taking|took|given|started|start|continue|\
                  continues|continued|continuing|increase|increased|decreased|stop|stopped|began|begin|discussed|\
                  reviewed|discharged|admitted|transferred|improved|improving|worsened|worsening|worse|better|stable|\
                  today|yesterday|tomorrow|now|currently|ago|since|because|but|however|although|though|except|while|\
                  whereas|if|then|also|so|here for|here|years old|year old|yr old|month old|months old|day old|yo|y/o|\
                  male|female|man|woman|boy|girl|gentleman|lady|for the past|for|on|during|after|before|until|when|where|\
                  per|via|using|as|than|by|at|into|up|down|out|off|about|over|under|not|no|yes|well controlled|controlled|\
                  will follow up|follow up|f/u|return|recommend|recommended|ordered|order|refer|plan|monitor|check|approximately|about|\
                  positive for|significant for|remarkable for|notable for|known|documented|confirmed|stated|&";
    Lexicon::new(breaks.split('|').map(|b| (b.trim(), ())))
});

/// What a name does not begin or end with.
const EDGES: [&str; 41] = [
    "a",
    "an",
    "the",
    "his",
    "her",
    "their",
    "its",
    "this",
    "these",
    "those",
    "some",
    "any",
    "of",
    "in",
    "to",
    "for",
    "on",
    "at",
    "by",
    "from",
    "my",
    "our",
    "your",
    "very",
    "other",
    "new",
    "ongoing",
    "current",
    "currently",
    "active",
    "same",
    "again",
    "both",
    "each",
    "several",
    "all",
    "etc",
    "s",
    "another",
    "slightly",
    "only",
];

/// After a comma these belong to what was before it: "fracture, right distal radius, closed".
const BELONGS: [&str; 46] = [
    "type",
    "stage",
    "grade",
    "right",
    "left",
    "bilateral",
    "unspecified",
    "uncontrolled",
    "acute",
    "chronic",
    "mild",
    "moderate",
    "severe",
    "initial",
    "subsequent",
    "sequela",
    "closed",
    "open",
    "displaced",
    "nondisplaced",
    "recurrent",
    "with",
    "without",
    "due",
    "secondary",
    "class",
    "site",
    "unilateral",
    "primary",
    "malignant",
    "benign",
    "single",
    "lateral",
    "medial",
    "proximal",
    "distal",
    "upper",
    "lower",
    "controlled",
    "poorly",
    "in",
    "of",
    "not",
    "initially",
    "single",
    "persistent",
];

#[derive(Clone, Copy, PartialEq)]
enum Class {
    Content,
    Link,
    Break,
}

/// The phrases of a note, in order.
pub(crate) fn phrases(note: &Note) -> Vec<Phrase<'_>> {
    let mut phrases = Vec::new();
    for sentence in note.sentences() {
        let marks = note.marks_of(sentence);
        let mut spans = spans(note, sentence, marks);
        spans.sort_by_key(|s| (s.start, std::cmp::Reverse(s.end)));
        spans.dedup();
        phrases.extend(spans.into_iter().map(|span| {
            let mut range = note.bytes(&span);
            // A parenthesis that is opened within is closed within.
            let opened = note.text[range.clone()].rfind('(');
            let closed = note.text[range.clone()].rfind(')');
            if opened > closed && note.text[range.end..].starts_with(')') {
                range.end += 1;
            }
            Phrase {
                text: &note.text[range.clone()],
                range,
                section: sentence.section,
                assertion: assertion::of(&note.words, sentence, marks, span),
            }
        }));
    }
    phrases
}

/// The phrases of a sentence, in words.
fn spans(note: &Note, sentence: &Sentence, marks: &[Mark]) -> Vec<Range<usize>> {
    let words = &note.words;
    let range = sentence.words.clone();
    let mut classes = vec![Class::Content; range.len()];
    let mut set = |at: &Range<usize>, class: Class| {
        for index in at.clone().filter(|i| range.contains(i)) {
            classes[index - range.start] = class;
        }
    };
    for (at, ()) in BREAKS.all(words, range.clone()) {
        set(&at, Class::Break);
    }
    for index in range.clone().skip(1) {
        // "Cough x 3 days"
        let number = |w: &crate::words::Word| w.form.starts_with(|c: char| c.is_ascii_digit());
        if words[index].form == "x" && words.get(index + 1).is_some_and(number) {
            set(&(index..index + 1), Class::Break);
        }
    }
    for mark in marks {
        set(&mark.words, Class::Break);
    }
    for (at, ()) in LINKS.all(words, range.clone()) {
        set(&at, Class::Link);
    }

    let mut spans = Vec::new();
    let mut runs: Vec<Vec<Range<usize>>> = Vec::new();
    let mut fresh = true;
    let mut inside = false;
    for index in range.clone() {
        let class = classes[index - range.start];
        if class == Class::Break || index > range.start && words[index].gap.is_hard() {
            fresh = true;
        }
        match class {
            Class::Break => inside = false,
            Class::Link => inside = false,
            Class::Content => {
                if fresh {
                    runs.push(Vec::new());
                    inside = false;
                }
                if words[index].gap.has(Gap::SLASH) && index > range.start {
                    inside = false;
                }
                fresh = false;
                let Some(run) = runs.last_mut() else { continue };
                match run.last_mut() {
                    Some(piece) if inside => piece.end = index + 1,
                    _ => run.push(index..index + 1),
                }
                inside = true;
            }
        }
    }

    let mut add = |span: Range<usize>| {
        if let Some(span) = trimmed(note, span).filter(|s| s.len() <= LONGEST) {
            spans.push(span);
        }
    };
    for (index, run) in runs.iter().enumerate() {
        let (Some(first), Some(last)) = (run.first(), run.last()) else {
            continue;
        };
        add(first.start..last.end);
        for piece in run {
            add(piece.clone());
        }
        if run.len() > 2 {
            for pair in run.windows(2) {
                add(pair[0].start..pair[1].end);
            }
        }
        // "Diabetes mellitus, type 2"; "osteoarthritis (left knee)".
        if let Some(next) = runs.get(index + 1).and_then(|r| r.first()) {
            let adjacent = next.start == last.end;
            let gap = words[next.start].gap;
            let belongs = BELONGS.contains(&words[next.start].form.as_str()) || gap.has(Gap::OPEN);
            if adjacent && belongs && !gap.has(Gap::SEMICOLON.or(Gap::DASH)) {
                add(last.start..next.end);
            }
        }
        // "History of breast cancer", "screening for colon cancer" are entries of their own.
        let cue = marks.iter().find(|m| {
            m.words.end == first.start
                && matches!(
                    m.says,
                    Some(
                        Assertion::Historical
                            | Assertion::Status
                            | Assertion::Family
                            | Assertion::Screening
                            | Assertion::Hypothetical
                    )
                )
        });
        if let Some(cue) = cue {
            add(cue.words.start..first.end);
        }
    }
    if sentence.item {
        add(range);
    }
    spans
}

/// Without what a name does not begin or end with; nothing if no letter is left.
fn trimmed(note: &Note, mut span: Range<usize>) -> Option<Range<usize>> {
    let edge = |index: usize| EDGES.contains(&note.words[index].form.as_str());
    let link = |index: usize| {
        matches!(
            note.words[index].form.as_str(),
            "and" | "or" | "with" | "without" | "due" | "is" | "was"
        )
    };
    while !span.is_empty() && (edge(span.start) || link(span.start)) {
        span.start += 1;
    }
    while !span.is_empty() && (edge(span.end - 1) || link(span.end - 1)) {
        span.end -= 1;
    }
    let letters = note.words[span.clone()].iter().any(|w| {
        let mut letters = w.form.chars().filter(|c| c.is_alphabetic());
        letters.next().is_some() && letters.next().is_some()
    });
    letters.then_some(span)
}
