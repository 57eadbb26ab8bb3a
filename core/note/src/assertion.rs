//! What a note says of something in it: that it is so, is not so, was, may be, or is somebody else's.
//!
//! After NegEx (Chapman 2001) and ConText (Harkema 2009): a cue has a scope, before or after it, which words like
//! "but" or the end of the sentence end. What they leave open and notes need: which commas end a scope. `Denies`
//! runs through commas, `without` only to "or", and `no` by what follows and by the section it is in.

use std::ops::Range;
use std::sync::LazyLock;

use crate::sections::SectionKind;
use crate::sentences::Sentence;
use crate::words::{Gap, Lexicon, Word};

/// How a note speaks of a finding. Where several apply, the first of this list counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Assertion {
    /// Denied, absent, or ruled out.
    Negated,
    /// A relative's.
    Family,
    /// A condition that something is said for: "return if", "at risk for", "prophylaxis".
    Hypothetical,
    /// What a test looks for.
    Screening,
    /// To be done.
    Planned,
    /// "Probable", "suspected", "rule out", "consistent with" and the like. Not coded for outpatients (Official
    /// Guidelines IV.H); coded as if established at discharge from inpatient care (II.H).
    Uncertain,
    /// It was, and is over.
    Historical,
    /// A procedure in the past, whose present state may be coded ("s/p", past surgical history).
    Status,
    /// In a list of past medical history or allergies: often still so, and the note does not say.
    Listed,
    /// It is so.
    Affirmed,
}

/// How far a cue reaches over what follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Through the commas of a list.
    List,
    /// Like `List` in prose, like `Clause` where a section lists diagnoses.
    Auto,
    /// Through commas only up to "or" and "nor".
    Clause,
    /// A few words.
    Near,
    /// The next word.
    Word,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cue {
    Before(Assertion, Reach),
    After(Assertion),
    /// Before if something follows, else after: "suspected pneumonia", "pneumonia suspected".
    Either(Assertion, Reach),
    Both(Assertion),
    /// A relative.
    Member,
    /// Ends every scope.
    Stop,
    /// Ends the scope of what is not so; a relative's disease is still a relative's after "was diagnosed with".
    Affirm,
    /// Looks like a cue and is none.
    Pseudo,
}

impl Cue {
    fn named(kind: &str, reach: &str) -> Option<Cue> {
        let assertion = match kind {
            "member" => return Some(Cue::Member),
            "stop" => return Some(Cue::Stop),
            "affirm" => return Some(Cue::Affirm),
            "pseudo" => return Some(Cue::Pseudo),
            "negated" => Assertion::Negated,
            "family" => Assertion::Family,
            "hypothetical" => Assertion::Hypothetical,
            "screening" => Assertion::Screening,
            "planned" => Assertion::Planned,
            "uncertain" => Assertion::Uncertain,
            "historical" => Assertion::Historical,
            "status" => Assertion::Status,
            "listed" => Assertion::Listed,
            _ => return None,
        };
        let before = |name: &str| {
            Some(match name {
                "list" => Reach::List,
                "auto" => Reach::Auto,
                "clause" => Reach::Clause,
                "near" => Reach::Near,
                "word" => Reach::Word,
                _ => return None,
            })
        };
        Some(match reach.split_once('/') {
            Some((name, _)) => Cue::Either(assertion, before(name)?),
            None if reach == "after" => Cue::After(assertion),
            None if reach == "both" => Cue::Both(assertion),
            None => Cue::Before(assertion, before(reach)?),
        })
    }
}

static CUES: LazyLock<Lexicon<Cue>> = LazyLock::new(|| {
    Lexicon::new(
        entries()
            .filter_map(|(cue, phrases)| Some((cue?, phrases)))
            .flat_map(|(cue, phrases)| phrases.split('|').map(move |phrase| (phrase, cue))),
    )
});

fn entries() -> impl Iterator<Item = (Option<Cue>, &'static str)> {
    include_str!("cues.tsv").lines().filter_map(|line| {
        let mut columns = line.splitn(3, '\t');
        let cue = Cue::named(columns.next()?, columns.next()?);
        Some((cue, columns.next()?))
    })
}

/// After a comma or "and", one of these begins something that is so.
const BEGINS_ANEW: [&str; 46] = [
    "has",
    "have",
    "had",
    "is",
    "are",
    "was",
    "were",
    "with",
    "there",
    "he",
    "she",
    "they",
    "patient",
    "pt",
    "it",
    "also",
    "only",
    "still",
    "does",
    "did",
    "will",
    "positive",
    "takes",
    "on",
    "taking",
    "started",
    "continue",
    "normal",
    "intact",
    "some",
    "stable",
    "this",
    "his",
    "her",
    "both",
    "well",
    "clear",
    "just",
    "status",
    "s/p",
    "occasional",
    "likely",
    "mild",
    "moderate",
    "severe",
    "small",
];

/// The same, unless an "or" shows that the list goes on.
const QUALIFIES: [&str; 12] = [
    "mild",
    "moderate",
    "severe",
    "small",
    "large",
    "minimal",
    "chronic",
    "diffuse",
    "multilevel",
    "new",
    "old",
    "trace",
];

/// A word that follows a cue which speaks of what is before it: "ruled out by", "suspected on".
const FOLLOWS_AFTER: [&str; 20] = [
    "by", "on", "in", "at", "and", "or", "since", "for", "via", "per", "after", "with", "based",
    "as", "but", "this", "during", "to", "is", "was",
];

/// A relative who only tells, or is only there: "mother reports", "lives with her mother".
const TELLS: [&str; 30] = [
    "reports",
    "reported",
    "states",
    "stated",
    "says",
    "said",
    "denies",
    "denied",
    "notes",
    "noted",
    "brought",
    "brings",
    "called",
    "calls",
    "concerned",
    "worried",
    "accompanied",
    "present",
    "at",
    "describes",
    "feels",
    "thinks",
    "believes",
    "noticed",
    "gave",
    "gives",
    "agrees",
    "requests",
    "asks",
    "endorses",
];

/// What stands before a relative who is no patient's family history.
const TOLD_BY: [&str; 14] = [
    "per",
    "by",
    "with",
    "from",
    "to",
    "according",
    "and",
    "via",
    "lives",
    "for",
    "s",
    "through",
    "between",
    "accompanied",
];

/// No cue speaks of what is so many words before it.
const FARTHEST_BACK: usize = 8;
/// How far "not" reaches.
const NEAR: usize = 5;

/// A cue in the text with what it governs, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The cue itself.
    pub(crate) words: Range<usize>,
    /// What it says; nothing if it only ends a scope, or looks like a cue.
    pub(crate) says: Option<Assertion>,
    scope: Range<usize>,
}

/// All cues of all sentences, in order.
pub(crate) fn marks(text: &str, words: &[Word], sentences: &[Sentence]) -> Vec<Mark> {
    let mut marks = Vec::new();
    for sentence in sentences {
        let reader = Reader {
            words,
            sentence,
            cues: cues(text, words, sentence),
        };
        let first = marks.len();
        for index in 0..reader.cues.len() {
            reader.read(index, &mut marks);
        }
        if let Some(mark) = reader.had_in_a_year() {
            marks.push(mark);
            marks[first..].sort_by_key(|m| m.words.start);
        }
    }
    marks
}

/// Cues of a sentence; signs like `(+)` and `?` are cues as well.
fn cues(text: &str, words: &[Word], sentence: &Sentence) -> Vec<(Range<usize>, Cue)> {
    let mut cues = CUES.all(words, sentence.words.clone());
    // `fever (-) cough (+)`: where a sign ends the sentence, each one belongs to what is before it.
    let rest = text[sentence.range.end..].trim_start_matches(' ');
    let signs_follow = rest.starts_with("(-)") || rest.starts_with("(+)");
    if rest.starts_with("(-)") {
        let end = sentence.words.end;
        cues.push((end..end, Cue::After(Assertion::Negated)));
    }
    for index in sentence.words.clone() {
        let gap = words[index].gap;
        let inside = index > sentence.words.start;
        let in_review = sentence.section == SectionKind::ReviewOfSystems && inside;
        let cue = if gap.has(Gap::PLUS) {
            Cue::Affirm
        } else if gap.has(Gap::QUERY) {
            Cue::Before(Assertion::Uncertain, Reach::Clause)
        } else if gap.has(Gap::MINUS) && gap.has(Gap::CLOSE) && signs_follow {
            Cue::After(Assertion::Negated)
        } else if gap.has(Gap::MINUS) && (in_review || gap.has(Gap::CLOSE)) {
            Cue::Before(Assertion::Negated, Reach::Clause)
        } else {
            continue;
        };
        cues.push((index..index, cue));
    }
    cues.sort_by_key(|(range, _)| (range.start, range.end));
    cues
}

struct Reader<'n> {
    words: &'n [Word],
    sentence: &'n Sentence,
    cues: Vec<(Range<usize>, Cue)>,
}

impl Reader<'_> {
    fn form(&self, index: usize) -> &str {
        match self.sentence.words.contains(&index) {
            true => &self.words[index].form,
            false => "",
        }
    }

    /// Adds what one cue governs.
    fn read(&self, index: usize, marks: &mut Vec<Mark>) {
        let (at, cue) = (self.cues[index].0.clone(), self.cues[index].1);
        let mut mark = |says, scope| {
            marks.push(Mark {
                words: at.clone(),
                says,
                scope,
            });
        };
        match cue {
            Cue::Pseudo => {}
            Cue::Stop | Cue::Affirm => mark(None, at.end..at.end),
            Cue::Before(says, _) if self.answers(&at) => mark(Some(says), self.backward(&at)),
            Cue::Before(says, reach) => mark(Some(says), self.forward(index, says, reach)),
            Cue::After(says) => mark(Some(says), self.backward(&at)),
            Cue::Either(says, reach) => {
                if self.answers(&at) || self.closes(&at) {
                    mark(Some(says), self.backward(&at));
                } else {
                    mark(Some(says), self.forward(index, says, reach));
                }
            }
            Cue::Both(says) => {
                mark(Some(says), self.backward(&at));
                mark(Some(says), self.forward(index, says, Reach::Auto));
            }
            Cue::Member => {
                let before = match at.start.checked_sub(1) {
                    Some(i) => self.form(i),
                    None => "",
                };
                let pronoun = matches!(
                    before,
                    "his" | "her" | "the" | "a" | "their" | "pt" | "patient"
                );
                let before = match (pronoun, at.start.checked_sub(2)) {
                    (true, Some(i)) => self.form(i),
                    _ => before,
                };
                let opened = self.words[at.start].gap.has(Gap::OPEN);
                if before == "in" || before == "of" || opened {
                    // "Breast cancer in her mother."
                    mark(Some(Assertion::Family), self.backward(&at));
                }
                let tells = (at.end..at.end + 2).any(|i| TELLS.contains(&self.form(i)));
                let told = TOLD_BY.contains(&before);
                let colon = self
                    .words
                    .get(at.end)
                    .is_some_and(|w| w.gap.has(Gap::COLON));
                let section = self.sentence.section == SectionKind::Family;
                if section || colon || !(tells || told) {
                    let scope = self.forward(index, Assertion::Family, Reach::List);
                    mark(Some(Assertion::Family), scope);
                }
            }
        }
    }

    /// "She had a stroke in 2018": what is dated in the past tense is history. "Since 2018" would not be.
    fn had_in_a_year(&self) -> Option<Mark> {
        let words = &self.sentence.words;
        let had = words.clone().find(|i| self.form(*i) == "had")?;
        let year = |i: usize| {
            let form = self.form(i);
            form.len() == 4
                && (form.starts_with("19") || form.starts_with("20"))
                && form.bytes().all(|b| b.is_ascii_digit())
        };
        let dated = (had + 1..words.end).find(|i| self.form(*i) == "in" && year(*i + 1))?;
        Some(Mark {
            words: had..had + 1,
            says: Some(Assertion::Historical),
            scope: had + 1..dated,
        })
    }

    /// `Fever: no  Chills: no`: the cue is an answer to what stands before the colon.
    fn answers(&self, at: &Range<usize>) -> bool {
        let asked = at.start > self.sentence.words.start
            && self.words[at.start].gap.has(Gap::COLON.or(Gap::DASH));
        if !asked {
            return false;
        }
        let end = self.sentence.words.end;
        let next = |i: usize| self.words[i].gap;
        at.end >= end
            || next(at.end).has(Gap::COMMA.or(Gap::BREAK).or(Gap::OPEN))
            || (at.end + 1..(at.end + 4).min(end)).any(|i| next(i).has(Gap::COLON))
    }

    /// Whether nothing that a cue could speak of follows it.
    fn closes(&self, at: &Range<usize>) -> bool {
        at.end >= self.sentence.words.end
            || self.words[at.end].gap.is_hard()
            || FOLLOWS_AFTER.contains(&self.form(at.end))
            || self
                .cues
                .iter()
                .any(|(r, c)| r.start == at.end && matches!(c, Cue::Stop))
    }

    fn forward(&self, cue: usize, says: Assertion, reach: Reach) -> Range<usize> {
        let start = self.cues[cue].0.end;
        let end = self.sentence.words.end;
        let reach = match reach {
            Reach::Auto if self.sentence.section.lists_diagnoses() => Reach::Clause,
            Reach::Auto => Reach::List,
            reach => reach,
        };
        let not_so = !matches!(
            says,
            Assertion::Family | Assertion::Hypothetical | Assertion::Listed
        );
        let inside_parenthesis = self.opened(start);
        let mut next_cue = cue + 1;
        for index in start..end {
            let gap = self.words[index].gap;
            let form = self.form(index);
            let comma = gap.has(Gap::COMMA);
            let joined = index > start && matches!(self.form(index - 1), "and" | "or" | "nor");
            if index > start {
                if gap.has(Gap::COLON.or(Gap::DASH).or(Gap::PLUS).or(Gap::SEMICOLON))
                    || gap.has(Gap::CLOSE) && inside_parenthesis
                {
                    return start..self.without_subject(start, index, gap);
                }
                if gap.has(Gap::LINE) && !gap.has(Gap::COMMA) && reach == Reach::Word {
                    return start..index;
                }
            } else if gap.has(Gap::DASH.or(Gap::PLUS)) || (comma && reach != Reach::List) {
                return start..index;
            }
            while self
                .cues
                .get(next_cue)
                .is_some_and(|(r, _)| r.start < index)
            {
                next_cue += 1;
            }
            if let Some((range, other)) = self.cues.get(next_cue)
                && range.start == index
            {
                let anew = comma || (joined && self.form(index - 1) == "and");
                let ends = match other {
                    Cue::Stop => true,
                    Cue::Affirm => !matches!(says, Assertion::Family | Assertion::Hypothetical),
                    Cue::Before(other, _) | Cue::Either(other, _) => {
                        anew && *other != says
                            && (reach != Reach::List || *other == Assertion::Uncertain)
                            || says == Assertion::Historical && *other == Assertion::Negated
                    }
                    Cue::Member => anew && says == Assertion::Historical,
                    _ => false,
                };
                if ends {
                    return start..index;
                }
            }
            if not_so && index > start && (comma || (joined && self.form(index - 1) == "and")) {
                let listed = self.or_follows(index);
                let qualifies = QUALIFIES.contains(&form);
                let begins = qualifies || BEGINS_ANEW.contains(&form);
                if begins && !(qualifies && listed) {
                    return start..index;
                }
                if comma
                    && (matches!(reach, Reach::Near | Reach::Word)
                        || reach == Reach::Clause && !listed && !joined)
                {
                    return start..index;
                }
            }
            let count = index - start;
            let ends = match reach {
                Reach::Word => count >= 1,
                Reach::Near => {
                    count >= NEAR
                        || index > start
                            && matches!(
                                form,
                                "with" | "due" | "because" | "for" | "on" | "as" | "from"
                            )
                }
                _ => {
                    says == Assertion::Negated
                        && (form == "due" || form == "d/t" || form == "secondary" || form == "2/2")
                        && index > start
                }
            };
            if ends {
                return start..index;
            }
        }
        start..end
    }

    /// `no cough Heart: regular`: what stands before a colon belongs to what follows it.
    fn without_subject(&self, start: usize, index: usize, gap: Gap) -> usize {
        if !gap.has(Gap::COLON) || index - start > 4 {
            return index;
        }
        // One word may be the subject of the next answer; the cue keeps at least one.
        (index - 1).max(start + 1)
    }

    /// Whether "or" or "nor" comes later in the same list.
    fn or_follows(&self, index: usize) -> bool {
        let mut since_comma = 0;
        for at in index..self.sentence.words.end {
            let gap = self.words[at].gap;
            if at > index {
                if gap.has(Gap::COLON.or(Gap::DASH).or(Gap::PLUS)) {
                    return false;
                }
                if gap.has(Gap::COMMA) {
                    since_comma = 0;
                }
            }
            let form = self.form(at);
            if form == "or" || form == "nor" {
                return true;
            }
            if matches!(
                form,
                "but" | "except" | "however" | "presents" | "has" | "is" | "was"
            ) {
                return false;
            }
            since_comma += 1;
            if since_comma > 6 {
                return false;
            }
        }
        false
    }

    /// Whether a parenthesis is open at a word.
    fn opened(&self, index: usize) -> bool {
        let mut open = false;
        for at in self.sentence.words.start..index.min(self.sentence.words.end) {
            let gap = self.words[at].gap;
            if gap.has(Gap::CLOSE) {
                open = false;
            }
            if gap.has(Gap::OPEN) {
                open = true;
            }
        }
        open
    }

    fn backward(&self, at: &Range<usize>) -> Range<usize> {
        let first = self.sentence.words.start;
        let mut start = at.start;
        let mut joined = false;
        // "Paraplegia after an injury ten years ago": only the injury is over.
        let dates = at.clone().any(|i| self.form(i) == "ago");
        while start > first && at.start - start < FARTHEST_BACK {
            let index = start - 1;
            // What stands directly before the cue may be a comma or a colon: "pneumonia, resolved".
            if start < at.start {
                let gap = self.words[start].gap;
                let list = gap.has(Gap::COMMA) && joined;
                if gap.is_hard() && !list && !gap.has(Gap::CLOSE) {
                    break;
                }
            }
            let form = self.form(index);
            if dates && matches!(form, "after" | "following" | "due" | "from" | "secondary") {
                break;
            }
            joined |= matches!(form, "and" | "or");
            let ends = self.cues.iter().any(|(range, cue)| {
                range.contains(&index) && matches!(cue, Cue::Stop | Cue::Affirm | Cue::Before(..))
            });
            if ends && start != at.start {
                break;
            }
            start = index;
        }
        start..at.start
    }
}

/// What the marks and the section say of some words.
pub(crate) fn of(
    words: &[Word],
    sentence: &Sentence,
    marks: &[Mark],
    span: Range<usize>,
) -> Assertion {
    // A cue within the span speaks of the rest of it: "history of breast cancer".
    let content = span
        .clone()
        .find(|i| {
            !marks
                .iter()
                .any(|m| m.says.is_some() && m.words.contains(i))
                && !is_empty(&words[*i].form)
        })
        .unwrap_or(span.start);
    let said = marks
        .iter()
        .filter(|m| m.scope.contains(&content))
        .filter_map(|m| m.says)
        .min();
    let procedure = words[span].iter().any(|w| is_procedure(&w.form));
    let said = match said {
        // What was done is a status; what was suffered is history.
        Some(Assertion::Status | Assertion::Historical) if procedure => Some(Assertion::Status),
        Some(Assertion::Status) => Some(Assertion::Historical),
        said => said,
    };
    use SectionKind::*;
    match (sentence.section, said) {
        (_, Some(Assertion::Negated)) => Assertion::Negated,
        (Family, _) => Assertion::Family,
        (Instructions, None | Some(Assertion::Planned)) => Assertion::Hypothetical,
        (PastMedical | Allergies, None) if !procedure => Assertion::Listed,
        (PastMedical | PastSurgical, None) if procedure => Assertion::Status,
        (PastSurgical, None) => Assertion::Historical,
        (_, said) => said.unwrap_or(Assertion::Affirmed),
    }
}

fn is_empty(form: &str) -> bool {
    matches!(
        form,
        "a" | "an" | "the" | "any" | "of" | "his" | "her" | "their" | "this" | "and" | "or"
    )
}

/// Whether a word names something that is done.
fn is_procedure(form: &str) -> bool {
    const ENDS: [&str; 13] = [
        "ectomy", "ectomies", "plasty", "plasties", "ostomy", "otomy", "oscopy", "opexy", "desis",
        "rrhaphy", "centesis", "otripsy", "grafting",
    ];
    const NAMES: [&str; 44] = [
        "repair",
        "replacement",
        "graft",
        "bypass",
        "cabg",
        "tka",
        "tha",
        "tkr",
        "thr",
        "pci",
        "stent",
        "stents",
        "stenting",
        "fusion",
        "orif",
        "amputation",
        "transplant",
        "transplantation",
        "surgery",
        "implant",
        "implantation",
        "pacemaker",
        "icd",
        "fixation",
        "bka",
        "aka",
        "turp",
        "tah",
        "bso",
        "acdf",
        "csection",
        "cesarean",
        "section",
        "ablation",
        "ligation",
        "tavr",
        "tips",
        "evar",
        "cholecystectomy",
        "resection",
        "excision",
        "release",
        "vasectomy",
        "cardioversion",
    ];
    ENDS.iter().any(|end| form.ends_with(end)) || NAMES.contains(&form)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cue_has_a_kind_and_stands_once() {
        let mut seen = std::collections::HashSet::new();
        for (cue, phrases) in entries() {
            assert!(cue.is_some(), "{phrases}");
            for phrase in phrases.split('|') {
                assert!(seen.insert(phrase), "{phrase} twice");
                assert!(!crate::words::words(phrase).is_empty(), "{phrase:?}");
            }
        }
    }
}
