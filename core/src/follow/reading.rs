//! The part that each word of a question plays, as far as a follow-up changes it.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::catalog::localities::{state_in, state_span};
use crate::code::System;
use crate::question::{self, Mention, Question};
use crate::topic::{self, Topic};

/// What a word does in a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Code,
    /// A modifier, or the word.
    Modifier,
    Date,
    Payer,
    Place,
    /// Part of a phrase that asks for a topic.
    Topic,
    /// Qualifies a condition or service, and takes the place of another of its class.
    Quality(Class),
    Preposition,
    Frame,
    Content,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Side,
    Course,
    Encounter,
    Severity,
    Cause,
    Patient,
    Growth,
    Wound,
    Type,
}

const QUALITIES: &[(Class, &[&str])] = &[
    (
        Class::Side,
        &["left", "right", "bilateral", "bilaterally", "unilateral"],
    ),
    (Class::Course, &["acute", "chronic", "subacute"]),
    (Class::Encounter, &["initial", "subsequent", "sequela"]),
    (Class::Severity, &["mild", "moderate", "severe"]),
    (Class::Cause, &["traumatic", "nontraumatic"]),
    (Class::Patient, &["new", "established"]),
    (Class::Growth, &["benign", "malignant"]),
    (Class::Wound, &["open", "closed"]),
];

/// Words beside those of [`question::is_frame`] that carry nothing of what is asked.
const FILLERS: &str = "allowed also any anything apply applies assign both case correct could did different either else \
    find get gets has have here if instead just know limit many may maybe much must need needs now ok \
    one only paid pay pays per day question report reported right same say says should still than then \
    there they them these those though thing too two want was were will would its it's thank thx ty \
    great yes no not patients patient claims plan plans state dos date service effective using add \
    adding append appending ncci cci lookup";

pub(super) const PREPOSITIONS: &str = "with without for in at on of under by from to plus during after due because when while following \
    secondary about before within as against versus vs";

/// Words that a place does not begin with: "in the office", "in children".
const NO_PLACES: &str = "the a an office facility hospital clinic total full general addition children adults patients \
    pregnancy this that my our home asc outpatient inpatient case one both two each units detail words \
    it what which";

/// With these a question has a form of its own.
pub(super) const OPENERS: &str = "what what's whats which when who why how where is are can could may do does did should must will would has have \
    was were i we show give tell list look find explain define need code codes guideline guidelines icd \
    icd-10 cpt hcpcs dx diagnosis modifier modifiers lookup";

/// Whether a list of words holds one.
pub(super) fn is_in(list: &str, word: &str) -> bool {
    list.split_whitespace().any(|w| w == word)
}

pub(super) fn regex(pattern: &str) -> Option<Regex> {
    Regex::new(pattern).ok()
}

static TOKEN: LazyLock<Option<Regex>> =
    LazyLock::new(|| regex(r"[\p{L}\p{N}]+(?:[.\-'\u{2019}/][\p{L}\p{N}]+)*"));
static POLITE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    regex(
        r"(?i)^(?:(?:ok(?:ay)?|thanks?(?: you)?|thx|ty|great|hmm+|so|got it|cool|perfect|yes|alright|hi|hello|hey|casebook)\b[\s,.!:;-]*)+",
    )
});
static CUE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    regex(
        r"(?ix)^(?:
            (?P<about> (?:(?:and|or|but|so|then)\s+)? (?: (?:what|how)\s+(?:about|if(?:\s+(?:it|it's|this|that|the\s+\w+)\s+is|\s+it's)?) | what\s+of ) )
          | (?P<same>  (?:and\s+)? (?:the\s+)? same (?:\s+(?:question|thing|one))? (?:\s+but)? )
          | (?P<and>   and\s*(?:also)?\b | also\b | plus\b | then\b | now\b | but\b )
          | (?P<or>    or\b )
        )[\s,:]*",
    )
});
/// Payers as people write them, Medicare among them.
static PAYER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    regex(
        r"(?ix)\b(?: medicare\s+advantage | medicare | (?:\w+\s+)?medicaid | medi-cal | tricare | champva | aetna | cigna | humana
          | uhc | united\s?health\s?care | bcbs | blue\s+cross(?:\s+(?:and\s+|/\s*)?blue\s+shield)? | blue\s+shield | anthem | kaiser
          | molina | centene | ambetter | (?:commercial|private)\s+(?:payers?|insur(?:ance|ers?)|plans?) | commercial
          | workers?'?s?\s+comp(?:ensation)? )\b",
    )
});
static PLACE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    regex(
        r"(?i)\b(?:in|at|locality)\s+([\p{L}\p{N}.'\u{2019}\- ]+?(?:,\s*[\p{L}]+)?)\s*(?:[?;!]|$|\b(?:for|on|with|under|by)\b)",
    )
});
static ABBREVIATED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    regex(r"\b(?:in|for|at)\s+([A-Za-z]{2})\s*(?:[?;!,.]|$|\b(?:for|on|with|under)\b)")
});
static BEFORE_DATE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    regex(
        r"(?i)(?:\b(?:on|for|as of|dos|from|in|effective|since|for (?:a )?date of service|date of service)\s*:?\s*)+$",
    )
});
static PRONOUN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    regex(
        r"(?ix)\b(?:
            (?:this|that|these|those|the(?:\s+same)?)\s+(?:codes?|ones?|two|pair|procedures?|combination|modifiers?|diagnos[ie]s) \b
          | it\b | they\b | them\b
        )",
    )
});
static POINTING: LazyLock<Option<Regex>> = LazyLock::new(|| {
    regex(
        r"(?i)\b(?:can|is|are|does|do|with|for|of|bill|code|report|may|should|about)\s+(this|that|these|those|both(?:\s+of\s+them)?)\s*(?:$|[?]|\b(?:be|billed|coded|paid|covered|billable|bundled|with|together|need|require|have|has|on|in|allowed|paid|valid|include|code first)\b)",
    )
});
/// "Is it possible to …" speaks of nothing that was said.
static NOTHING: LazyLock<Option<Regex>> = LazyLock::new(|| {
    regex(
        r"(?i)\b(?:is|was|be|if|does|would|will)\s+(it)\s+(?:possible|true|ok|okay|fine|fraud|legal|illegal|necessary|required|better|best|correct|right|wrong|appropriate|enough|a|an|the|matter|make sense|count as|that)\b",
    )
});
/// A question with the part that each word plays.
pub(super) struct Reading {
    /// White space collapsed, without the end's punctuation and without what opens a follow-up.
    pub(super) text: String,
    pub(super) opened: Option<Cue>,
    pub(super) question: Question,
    pub(super) topics: Vec<Topic>,
    pub(super) words: Vec<(Range<usize>, Role)>,
    pub(super) date: Option<Range<usize>>,
    pub(super) payer: Option<Range<usize>>,
    pub(super) place: Option<Range<usize>>,
    /// Without a form of its own: it begins with a preposition, or names nothing but changes.
    pub(super) elliptical: bool,
}

/// How a follow-up opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cue {
    /// "What about": instead of what was asked.
    About,
    /// "And": beside what was asked.
    And,
}

impl Reading {
    /// `placed`: whether the conversation is about something that differs by place, so that "in Houston" is one.
    pub(super) fn of(text: &str, placed: bool) -> Option<Self> {
        let collapsed = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let trimmed = collapsed.trim_end_matches(|c: char| "?!.;:, ".contains(c));
        let (opened, rest) = opening(trimmed);
        let question = question::parse(rest).ok()?;
        let text = rest.to_owned();
        let topics = topic::asked(&question.words);
        let placed = placed || topics.iter().any(|t| varies_by_place(*t));
        let date = question.date.and_then(|_| {
            let (range, _) = question::dates_in(&text).into_iter().next()?;
            Some(widened(&text, range))
        });
        let payer = PAYER
            .as_ref()
            .and_then(|p| p.find(&text))
            .map(|m| payer_span(&text, m.range()));
        let place = place_span(&text, placed);
        let mut reading = Self {
            text,
            opened,
            question,
            topics,
            words: Vec::new(),
            date,
            payer,
            place,
            elliptical: false,
        };
        reading.words = reading.roles();
        let first = reading.words.first().map(|(range, _)| reading.lower(range));
        let begins = |list: &str| first.as_deref().is_some_and(|w| is_in(list, w));
        reading.elliptical = begins(PREPOSITIONS) && !begins("when while because")
            || !begins(OPENERS) && reading.content().is_empty();
        Some(reading)
    }

    pub(super) fn lower(&self, range: &Range<usize>) -> String {
        self.text[range.clone()].to_lowercase()
    }

    fn roles(&self) -> Vec<(Range<usize>, Role)> {
        let Some(token) = TOKEN.as_ref() else {
            return Vec::new();
        };
        let within = |span: &Option<Range<usize>>, range: &Range<usize>| {
            span.as_ref()
                .is_some_and(|s| s.start <= range.start && range.end <= s.end)
        };
        let codes: Vec<Range<usize>> = self
            .question
            .mentions
            .iter()
            .flat_map(|m| {
                spans_of(&self.text, &m.typed)
                    .into_iter()
                    .filter(|_| !is_modifier(m))
            })
            .collect();
        let cues = topic::cue_words(&self.question.words);
        let mut found: Vec<(Range<usize>, Role)> = Vec::new();
        for range in token.find_iter(&self.text).map(|m| m.range()) {
            let word = self.text[range.clone()].to_lowercase();
            let modifier =
                self.question.mentions.iter().any(|m| {
                    is_modifier(m) && m.typed.trim_matches('-').eq_ignore_ascii_case(&word)
                });
            let after_type = found.last().is_some_and(|(last, _)| {
                ["type", "stage", "grade"].contains(&self.lower(last).as_str())
            });
            let role = if codes
                .iter()
                .any(|c| c.start <= range.start && range.end <= c.end)
            {
                Role::Code
            } else if modifier || ["modifier", "modifiers", "mod", "mods"].contains(&word.as_str())
            {
                Role::Modifier
            } else if within(&self.date, &range) {
                Role::Date
            } else if within(&self.place, &range) {
                Role::Place
            } else if within(&self.payer, &range) {
                Role::Payer
            } else if after_type && word.len() <= 3 {
                Role::Quality(Class::Type)
            } else if let Some(class) = class_of(&word) {
                Role::Quality(class)
            } else if is_in(PREPOSITIONS, &word) {
                Role::Preposition
            } else if cues.contains(&word.as_str()) {
                Role::Topic
            } else if question::is_frame(&word)
                || is_in(FILLERS, &word)
                || ["type", "side", "sides"].contains(&word.as_str())
            {
                Role::Frame
            } else {
                Role::Content
            };
            found.push((range, role));
        }
        found
    }

    /// Codes that are no modifiers. What only may be one counts where nothing else is asked about.
    pub(super) fn codes(&self) -> Vec<&Mention> {
        let alone = self.content().is_empty();
        self.question
            .mentions
            .iter()
            .filter(|m| !is_modifier(m))
            .filter(|m| m.sure || (alone && m.typed.starts_with(|c: char| c.is_uppercase())))
            .collect()
    }

    pub(super) fn modifiers(&self) -> Vec<String> {
        self.question
            .mentions
            .iter()
            .filter(|m| is_modifier(m))
            .map(|m| m.code.clone())
            .collect()
    }

    pub(super) fn content(&self) -> Vec<&Range<usize>> {
        self.words
            .iter()
            .filter(|(_, role)| *role == Role::Content)
            .map(|(range, _)| range)
            .collect()
    }

    pub(super) fn qualities(&self) -> Vec<(Class, &Range<usize>)> {
        self.words
            .iter()
            .filter_map(|(range, role)| match role {
                Role::Quality(class) => Some((*class, range)),
                _ => None,
            })
            .collect()
    }

    pub(super) fn has_subject(&self) -> bool {
        !self.question.mentions.is_empty() || self.condition().is_some()
    }

    /// What the question is about, in words of it.
    pub(super) fn subject(&self) -> Option<String> {
        let codes: Vec<&str> = self.codes().iter().map(|m| m.typed.as_str()).collect();
        if !codes.is_empty() {
            return Some(codes.join(" and "));
        }
        let modifiers = self.modifiers();
        if !modifiers.is_empty() {
            return Some(format!("modifier {}", modifiers.join(" and ")));
        }
        self.condition()
            .filter(|span| self.is_phrase(span))
            .map(|span| self.text[span].to_owned())
    }

    /// From the first word of the condition or service that is asked about to its last.
    pub(super) fn condition(&self) -> Option<Range<usize>> {
        let said = |role: &Role| matches!(role, Role::Content | Role::Quality(_));
        let first = self.words.iter().position(|(_, role)| said(role))?;
        let last = self.words.iter().rposition(|(_, role)| said(role))?;
        // "type 2" begins with its noun.
        let first = match self.words[first].1 {
            Role::Quality(Class::Type) => first.saturating_sub(1),
            _ => first,
        };
        Some(self.words[first].0.start..self.words[last].0.end)
    }

    /// Whether a span names a thing, and is no clause.
    pub(super) fn is_phrase(&self, span: &Range<usize>) -> bool {
        self.words
            .iter()
            .filter(|(range, _)| span.start <= range.start && range.end <= span.end)
            .all(|(range, role)| {
                *role != Role::Topic
                    && ![
                        "does", "do", "did", "can", "is", "are", "was", "were", "have", "has",
                        "may", "must", "should", "i", "we", "you", "when", "if", "be", "how",
                        "what",
                    ]
                    .contains(&self.lower(range).as_str())
            })
    }

    pub(super) fn pronoun(&self) -> Option<Range<usize>> {
        let nothing = NOTHING
            .as_ref()
            .and_then(|p| p.captures(&self.text))
            .and_then(|c| c.get(1))
            .map(|m| m.range());
        let pointing = POINTING
            .as_ref()
            .and_then(|p| p.captures(&self.text))
            .and_then(|c| c.get(1))
            .map(|m| m.range());
        PRONOUN
            .as_ref()
            .and_then(|p| {
                p.find_iter(&self.text)
                    .map(|m| m.range())
                    .find(|r| Some(r) != nothing.as_ref())
            })
            .or(pointing)
    }

    /// The text without date and place, and these two as they go last: what follows "in" is read as a place.
    pub(super) fn parted(&self) -> (String, String) {
        let cut = [&self.date, &self.place]
            .into_iter()
            .flatten()
            .map(|range| (range.clone(), String::new()))
            .collect();
        let tail = joined(&[&self.said(&self.date, "on"), &self.said(&self.place, "in")]);
        (replaced(&self.text, cut), tail)
    }

    /// A date or place with its preposition.
    pub(super) fn said(&self, span: &Option<Range<usize>>, preposition: &str) -> String {
        let Some(span) = span else {
            return String::new();
        };
        let text = self.text[span.clone()].trim_matches(|c: char| !c.is_alphanumeric());
        if preposition == "on" {
            let date = question::dates_in(text).into_iter().next();
            return date.map_or(String::new(), |(range, _)| format!("on {}", &text[range]));
        }
        let bare = ["in ", "at ", "for "]
            .iter()
            .find_map(|p| {
                text.get(..p.len())
                    .filter(|t| t.eq_ignore_ascii_case(p))
                    .map(|_| &text[p.len()..])
            })
            .unwrap_or(text);
        let bare = match bare.len() {
            2 => bare.to_uppercase(),
            _ => bare.to_owned(),
        };
        format!("in {bare}")
    }

    pub(super) fn payer_said(&self) -> Option<&str> {
        let span = self.payer.clone()?;
        Some(&self.text[span])
    }
}

pub(super) fn varies_by_place(topic: Topic) -> bool {
    matches!(topic, Topic::Fee | Topic::Coverage)
}

fn is_modifier(mention: &Mention) -> bool {
    mention.systems == [System::Modifier]
}

pub(super) fn is_procedure(mention: &Mention) -> bool {
    matches!(mention.systems.first(), Some(System::Cpt | System::Hcpcs))
}

pub(super) fn is_diagnosis(mention: &Mention) -> bool {
    mention.systems.first() == Some(&System::Icd10cm)
}

fn class_of(word: &str) -> Option<Class> {
    QUALITIES
        .iter()
        .find(|(_, words)| words.contains(&word))
        .map(|(class, _)| *class)
}

/// Where a word or phrase stands by itself.
pub(super) fn spans_of(text: &str, needle: &str) -> Vec<Range<usize>> {
    let inside = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    text.match_indices(needle)
        .map(|(at, found)| at..at + found.len())
        .filter(|r| {
            !inside(text[..r.start].chars().next_back()) && !inside(text[r.end..].chars().next())
        })
        .collect()
}

/// How a follow-up opens, and the rest of it.
fn opening(text: &str) -> (Option<Cue>, &str) {
    let polite = POLITE
        .as_ref()
        .and_then(|p| p.find(text))
        .map_or(0, |m| m.end());
    let rest = &text[polite..];
    // "Thanks" alone stays as it is, and so does a word that only begins like one.
    let rest = if rest.is_empty() { text } else { rest };
    let Some(found) = CUE.as_ref().and_then(|p| p.captures(rest)) else {
        return (None, rest);
    };
    let cue = match (found.name("about"), found.name("same")) {
        (Some(_), _) | (_, Some(_)) => Cue::About,
        _ => Cue::And,
    };
    let end = found.get(0).map_or(0, |m| m.end());
    match rest[end..].trim() {
        "" => (None, rest),
        left => (Some(cue), left),
    }
}

/// A date's span with the preposition before it.
fn widened(text: &str, range: Range<usize>) -> Range<usize> {
    let start = BEFORE_DATE
        .as_ref()
        .and_then(|p| p.find(&text[..range.start]))
        .map_or(range.start, |m| m.start());
    start..range.end
}

/// A payer's span: "Ohio Medicaid", but not "for Medicaid".
fn payer_span(text: &str, range: Range<usize>) -> Range<usize> {
    let found = &text[range.clone()];
    match found.split_once(' ') {
        Some((first, rest))
            if rest.eq_ignore_ascii_case("medicaid") && state_in(first).is_none() =>
        {
            range.end - rest.len()..range.end
        }
        _ => range,
    }
}

/// Where a text names a place, with its preposition.
fn place_span(text: &str, placed: bool) -> Option<Range<usize>> {
    if let Some(state) = state_span(text) {
        let before = text[..state.start].to_lowercase();
        // "in Austin, Texas" is one place.
        let from = ["in ", "at "]
            .iter()
            .filter_map(|p| before.rfind(p))
            .filter(|at| {
                before.len() == text[..state.start].len()
                    && text[..*at].chars().next_back().is_none_or(|c| c == ' ')
            })
            .max()
            .filter(|at| text[*at + 3..state.start].split_whitespace().count() <= 3)
            .filter(|at| !text[*at + 3..state.start].contains(|c: char| c.is_ascii_digit()));
        // The payer of a state is a payer.
        let payer = text[state.end..]
            .trim_start()
            .to_lowercase()
            .starts_with("medicaid");
        return (!payer).then(|| from.unwrap_or(state.start)..state.end);
    }
    let abbreviated = ABBREVIATED
        .as_ref()
        .and_then(|p| p.captures(text))
        .filter(|c| {
            let letters = &c[1];
            let capital = letters.chars().all(|c| c.is_uppercase());
            let known = state_in(&letters.to_uppercase()).is_some();
            known
                && (capital
                    || placed
                        && !["or", "me", "ok", "hi", "in", "oh", "pa", "al"].contains(&letters))
        });
    if let Some(found) = abbreviated
        && let (Some(all), Some(letters)) = (found.get(0), found.get(1))
    {
        return Some(all.start()..letters.end());
    }
    if !placed {
        return None;
    }
    let found = PLACE.as_ref()?.captures_iter(text).last()?;
    let (all, name) = (found.get(0)?, found.get(1)?);
    let first = name
        .as_str()
        .split(' ')
        .next()
        .unwrap_or_default()
        .to_lowercase();
    (!is_in(NO_PLACES, &first) && name.as_str().split(' ').count() <= 4)
        .then(|| all.start()..name.end())
}

/// A text with spans replaced.
pub(super) fn replaced(text: &str, mut edits: Vec<(Range<usize>, String)>) -> String {
    edits.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    let mut out = text.to_owned();
    for (range, with) in edits {
        if range.end <= out.len() {
            out.replace_range(range, &with);
        }
    }
    joined(&[&out])
}

/// Pieces with one space between them and none before punctuation.
pub(super) fn joined(pieces: &[&str]) -> String {
    let text = pieces.join(" ");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.replace(" ,", ",")
        .trim_end_matches([',', ' '])
        .to_owned()
}
