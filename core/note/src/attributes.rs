//! What qualifies a finding: side, acuity, stage, the phase of care, and what holds for the whole note.

use std::ops::Range;
use std::sync::LazyLock;

use crate::Note;
use crate::assertion::Assertion;
use crate::sections::SectionKind;
use crate::words::{Gap, Lexicon, Word};

/// A value with the bytes that say so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<T> {
    /// What was found.
    pub value: T,
    /// Where.
    pub range: Range<usize>,
}

/// A side of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Laterality {
    /// Left.
    Left,
    /// Right.
    Right,
    /// Both sides.
    Bilateral,
}

/// How long and how suddenly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Acuity {
    /// Sudden or new.
    Acute,
    /// Between the two.
    Subacute,
    /// Long.
    Chronic,
    /// Both at once ("acute on chronic", "exacerbation").
    AcuteOnChronic,
}

/// How bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Severity {
    /// Mild.
    Mild,
    /// Moderate.
    Moderate,
    /// Severe.
    Severe,
}

/// The phase of care that a seventh character tells (Official Guidelines I.C.19.a).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Care {
    /// Active treatment.
    Initial,
    /// Routine care while healing.
    Subsequent,
    /// What an injury left behind.
    Sequela,
}

/// How a fracture heals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Healing {
    /// As expected.
    Routine,
    /// Later than expected.
    Delayed,
    /// Not at all.
    Nonunion,
    /// In a wrong position.
    Malunion,
}

/// What qualifies a finding.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attributes {
    /// The side.
    pub laterality: Option<Found<Laterality>>,
    /// Acute or chronic.
    pub acuity: Option<Found<Acuity>>,
    /// How bad.
    pub severity: Option<Found<Severity>>,
    /// A stage or grade in small letters, Roman numerals as digits: `3b`, `4`, `unstageable`.
    pub stage: Option<Found<String>>,
    /// The phase of care; where the sentence does not say, what the note says elsewhere.
    pub care: Option<Found<Care>>,
    /// How it heals.
    pub healing: Option<Found<Healing>>,
}

/// A trimester, counted as ICD-10-CM chapter 15 does: the second begins at 14 weeks 0 days, the third at 28 weeks 0 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trimester {
    /// Less than 14 weeks 0 days.
    First,
    /// 14 weeks 0 days to less than 28 weeks 0 days.
    Second,
    /// From 28 weeks 0 days.
    Third,
}

/// How far a pregnancy has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pregnancy {
    /// Completed weeks, if the note gives them.
    pub weeks: Option<u8>,
    /// The trimester that it states or that follows from the weeks.
    pub trimester: Trimester,
}

/// Use of tobacco.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tobacco {
    /// Uses it.
    Current,
    /// Used it.
    Former,
    /// Never did.
    Never,
}

fn lexicon<T: Copy>(lists: &[(T, &'static str)]) -> Lexicon<T> {
    Lexicon::new(
        lists
            .iter()
            .flat_map(|(value, phrases)| phrases.split('|').map(move |p| (p.trim(), *value))),
    )
}

static SIDES: LazyLock<Lexicon<Option<Laterality>>> = LazyLock::new(|| {
    lexicon(&[
        (Some(Laterality::Left), "left|lt|left sided|l"),
        (Some(Laterality::Right), "right|rt|right sided|r"),
        (
            Some(Laterality::Bilateral),
            "bilateral|bilaterally|bilat|b/l|both|bilateral lower|right and left|left and right|r and l|l and r|r/l|l/r",
        ),
        // Looks like a side and is none.
        (
            None,
            "left the|left ama|left against|left without|left to|left for|left before|left after|left in|left untreated|\
             left alone|left over|has left|was left|were left|right now|right away|right handed|left handed|\
             right hand dominant|left hand dominant|right hand dominance|right before|right after|all right|\
             right when|both of",
        ),
    ])
});

static ACUITIES: LazyLock<Lexicon<Acuity>> = LazyLock::new(|| {
    lexicon(&[
        (
            Acuity::AcuteOnChronic,
            "acute on chronic|acute and chronic|acute exacerbation of chronic|acute on top of chronic|a/c",
        ),
        (Acuity::Acute, "acute|acutely|sudden onset|new onset"),
        (Acuity::Subacute, "subacute|sub acute"),
        (
            Acuity::Chronic,
            "chronic|chronically|long standing|longstanding|persistent",
        ),
    ])
});

static SEVERITIES: LazyLock<Lexicon<Severity>> = LazyLock::new(|| {
    lexicon(&[
        (Severity::Mild, "mild|mildly"),
        (Severity::Moderate, "moderate|moderately|mild to moderate"),
        (Severity::Severe, "severe|severely|moderate to severe"),
    ])
});

static CARES: LazyLock<Lexicon<Care>> = LazyLock::new(|| {
    lexicon(&[
        (
            Care::Initial,
            "initial encounter|initial visit|active treatment|initial evaluation|initial treatment|first visit for",
        ),
        (
            Care::Subsequent,
            "subsequent encounter|subsequent visit|follow up|f/u|followup|fu|healing|routine healing|aftercare|\
             cast check|cast change|cast removal|suture removal|staple removal|hardware removal|post op visit|\
             postoperative visit|post op check|post op follow up|s/p orif|status post orif|s/p fixation|\
             status post fixation|s/p open reduction|status post open reduction|s/p closed reduction|\
             status post closed reduction|post op week|weeks post op|weeks postop|weeks out from|recheck|\
             wound check|nonunion|malunion|delayed healing|delayed union|non union|mal union|weeks s/p|weeks status post",
        ),
        (
            Care::Sequela,
            "sequela|sequelae|sequela of|late effect|late effects|late effect of|residual from|residuals of|\
             due to old|scar from|from old injury|due to previous|resulting from old|from an old|residual effects",
        ),
    ])
});

static HEALINGS: LazyLock<Lexicon<Healing>> = LazyLock::new(|| {
    lexicon(&[
        (
            Healing::Routine,
            "routine healing|healing well|healing normally|healing appropriately|healing as expected|well healing|\
             good callus|interval healing|healing",
        ),
        (
            Healing::Delayed,
            "delayed healing|delayed union|slow healing|healing slowly",
        ),
        (Healing::Nonunion, "nonunion|non union|failure to unite"),
        (Healing::Malunion, "malunion|mal union|malunited"),
    ])
});

/// Parts of the body that `L` and `R` alone stand before.
const BODY: [&str; 62] = [
    "knee",
    "hip",
    "shoulder",
    "elbow",
    "wrist",
    "ankle",
    "foot",
    "hand",
    "arm",
    "leg",
    "eye",
    "ear",
    "breast",
    "lung",
    "kidney",
    "ovary",
    "testicle",
    "thumb",
    "finger",
    "toe",
    "heel",
    "thigh",
    "calf",
    "forearm",
    "upper",
    "lower",
    "side",
    "flank",
    "cheek",
    "face",
    "facial",
    "neck",
    "rib",
    "ribs",
    "femur",
    "tibia",
    "fibula",
    "radius",
    "ulna",
    "humerus",
    "clavicle",
    "scapula",
    "distal",
    "proximal",
    "index",
    "middle",
    "ring",
    "great",
    "big",
    "rotator",
    "carotid",
    "renal",
    "femoral",
    "inguinal",
    "sided",
    "mca",
    "acl",
    "rue",
    "hemiparesis",
    "hemiplegia",
    "lateral",
    "medial",
];

/// What qualifies the words of a byte range.
pub(crate) fn of(note: &Note, range: &Range<usize>) -> Attributes {
    let Some(span) = note.word_range(range) else {
        return Attributes::default();
    };
    let near = neighbourhood(note, &span);
    let sentence = note
        .sentence_of(range)
        .map_or(near.clone(), |s| s.words.clone());
    Attributes {
        laterality: laterality(note, &span, &near, &sentence),
        acuity: closest(note, &ACUITIES, &span, &near).or_else(|| exacerbation(note, &near)),
        severity: closest(note, &SEVERITIES, &span, &near),
        stage: stage(note, &span, &near, &sentence),
        care: closest(note, &CARES, &span, &sentence)
            .or_else(|| note.care.get_or_init(|| care_of_note(note)).clone()),
        healing: closest(note, &HEALINGS, &span, &sentence),
    }
}

/// The part of the sentence around some words, from comma to comma.
fn neighbourhood(note: &Note, span: &Range<usize>) -> Range<usize> {
    let words = note.words();
    let Some(sentence) = note.sentence_of(&words[span.start].range) else {
        return span.clone();
    };
    let ends = |index: usize| {
        words[index].gap.is_hard() && !words[index].gap.has(Gap::OPEN.or(Gap::CLOSE))
            || words[index].form == "but"
    };
    let mut start = span.start;
    while start > sentence.words.start && !ends(start) {
        start -= 1;
    }
    let mut end = span.end;
    while end < sentence.words.end && !ends(end) {
        end += 1;
    }
    start..end
}

/// The value within the span, else the one with the fewest words between; before the span rather than after it.
fn closest<T: Copy>(
    note: &Note,
    lexicon: &Lexicon<T>,
    span: &Range<usize>,
    within: &Range<usize>,
) -> Option<Found<T>> {
    let found = lexicon.all(note.words(), within.clone());
    let (at, value) = found.into_iter().min_by_key(|(at, _)| distance(at, span))?;
    Some(Found {
        value,
        range: note.bytes(&at),
    })
}

fn distance(at: &Range<usize>, span: &Range<usize>) -> usize {
    if at.start < span.end && span.start < at.end {
        0
    } else if at.end <= span.start {
        2 * (span.start - at.end) + 1
    } else {
        2 * (at.start - span.end) + 2
    }
}

fn laterality(
    note: &Note,
    span: &Range<usize>,
    near: &Range<usize>,
    sentence: &Range<usize>,
) -> Option<Found<Laterality>> {
    let sides: Vec<(Range<usize>, Laterality)> = SIDES
        .all(note.words(), sentence.clone())
        .into_iter()
        .filter_map(|(at, side)| Some((at, side?)))
        .filter(|(at, _)| is_side(note, at))
        .collect();
    let within = |limits: &Range<usize>| {
        let inside: Vec<_> = sides
            .iter()
            .filter(|(at, _)| limits.start <= at.start && at.end <= limits.end)
            .collect();
        let nearest = inside.iter().min_by_key(|(at, _)| distance(at, span))?;
        let mixed = inside.iter().any(|(_, side)| *side != nearest.1);
        Some((nearest.0.clone(), nearest.1, mixed))
    };
    let found = |at: &Range<usize>, value| {
        Some(Found {
            value,
            range: note.bytes(at),
        })
    };
    if let Some((at, side, mixed)) = within(span) {
        let value = if mixed { Laterality::Bilateral } else { side };
        return found(&at, value);
    }
    if let Some((at, side, _)) = within(near) {
        return found(&at, side);
    }
    // Farther away a side counts only if the sentence knows no other.
    match within(sentence) {
        Some((at, side, false)) => found(&at, side),
        _ => None,
    }
}

/// A single letter is a side in capitals, before a part of the body or in parentheses.
fn is_side(note: &Note, at: &Range<usize>) -> bool {
    let word = &note.words()[at.start];
    if word.range.len() > 1 {
        return true;
    }
    let capital = note.text[word.range.clone()].starts_with(char::is_uppercase);
    let next = note.words().get(at.end);
    let before_part = next.is_some_and(|w| BODY.contains(&w.form.as_str()) && !w.gap.is_hard());
    let enclosed = word.gap.has(Gap::OPEN) && note.text[word.range.end..].starts_with([')', ']']);
    let and = at.len() > 1;
    capital && (before_part || enclosed || and)
}

/// "Exacerbation" and "flare" of a disease that is chronic by nature.
fn exacerbation(note: &Note, near: &Range<usize>) -> Option<Found<Acuity>> {
    let index = near.clone().find(|i| {
        matches!(
            note.words()[*i].form.as_str(),
            "exacerbation" | "decompensated" | "flare"
        )
    })?;
    Some(Found {
        value: Acuity::AcuteOnChronic,
        range: note.bytes(&(index..index + 1)),
    })
}

fn stage(
    note: &Note,
    span: &Range<usize>,
    near: &Range<usize>,
    sentence: &Range<usize>,
) -> Option<Found<String>> {
    let words = note.words();
    let stages = |within: &Range<usize>| {
        within
            .clone()
            .filter_map(|index| stage_at(words, index, within.end))
            .min_by_key(|(at, _)| distance(at, span))
    };
    // "CKD, stage 3": a comma may stand between.
    let (at, value) = stages(near).or_else(|| {
        let end = (near.end + 3).min(sentence.end);
        let next = words.get(near.end).map(|w| w.form.as_str());
        matches!(next, Some("stage" | "grade" | "unstageable")).then(|| stages(&(near.end..end)))?
    })?;
    Some(Found {
        value,
        range: note.bytes(&at),
    })
}

/// A stage that begins at a word: "stage IIIb", "CKD 3a", "unstageable".
fn stage_at(words: &[Word], index: usize, end: usize) -> Option<(Range<usize>, String)> {
    let form = words[index].form.as_str();
    if form == "unstageable" {
        return Some((index..index + 1, form.to_owned()));
    }
    if !matches!(form, "stage" | "stg" | "grade" | "ckd") {
        return None;
    }
    let next = index + 1;
    if next >= end || words[next].gap.is_hard() {
        return None;
    }
    let mut value = numeral(&words[next].form)?;
    let mut last = next + 1;
    // "3 B"
    if let Some(letter) = words.get(last).filter(|w| last < end && !w.gap.is_hard())
        && matches!(letter.form.as_str(), "a" | "b" | "c")
        && letter.range.start == words[next].range.end + 1
        && value.bytes().all(|b| b.is_ascii_digit())
        && words
            .get(last + 1)
            .is_none_or(|w| w.gap.is_hard() || last + 1 >= end)
    {
        value.push_str(&letter.form);
        last += 1;
    }
    Some((index..last, value))
}

/// `3b`, `iiib`, `iv`, in digits.
fn numeral(form: &str) -> Option<String> {
    let (number, letter) = match form.strip_suffix(['a', 'b', 'c']) {
        Some(number) if !number.is_empty() => (number, &form[number.len()..]),
        _ => (form, ""),
    };
    let digit = match number {
        "i" | "1" => '1',
        "ii" | "2" => '2',
        "iii" | "3" => '3',
        "iv" | "4" => '4',
        "v" | "5" => '5',
        "0" => '0',
        _ => return None,
    };
    Some(format!("{digit}{letter}"))
}

/// What the note says of the phase of care where it says why the patient came.
fn care_of_note(note: &Note) -> Option<Found<Care>> {
    use SectionKind::*;
    let sections = note.sections().iter().filter(|s| {
        matches!(
            s.kind,
            ChiefComplaint
                | PresentIllness
                | Assessment
                | AssessmentAndPlan
                | Indication
                | Unheaded
        )
    });
    for section in sections {
        // "Follow up in two weeks" tells of the next visit.
        let found = CARES.all(note.words(), section.words.clone());
        let of_this_visit = found.into_iter().find(|(at, _)| {
            let next = note.words().get(at.end).map(|w| w.form.as_str());
            !matches!(next, Some("in" | "with" | "as" | "at" | "if"))
                && note.assertion(note.bytes(at)) != Assertion::Hypothetical
        });
        if let Some((at, value)) = of_this_visit {
            return Some(Found {
                value,
                range: note.bytes(&at),
            });
        }
    }
    None
}

static TRIMESTERS: LazyLock<Lexicon<Trimester>> = LazyLock::new(|| {
    lexicon(&[
        (Trimester::First, "first trimester|1st trimester"),
        (Trimester::Second, "second trimester|2nd trimester"),
        (Trimester::Third, "third trimester|3rd trimester"),
    ])
});

/// Words that only a pregnancy's note has.
const PREGNANT: [&str; 17] = [
    "pregnant",
    "pregnancy",
    "gestation",
    "gestational",
    "ega",
    "iup",
    "gravida",
    "prenatal",
    "antepartum",
    "trimester",
    "primigravida",
    "multigravida",
    "obstetric",
    "ob",
    "gravid",
    "ga",
    "fetal",
];

pub(crate) fn pregnancy(note: &Note) -> Option<Found<Pregnancy>> {
    let words = note.words();
    let stated = TRIMESTERS.all(words, 0..words.len()).into_iter().next();
    let pregnant = words.iter().any(|w| {
        PREGNANT.contains(&w.form.as_str())
            || w.form.len() >= 4 && w.form.starts_with('g') && w.form.contains('p') && {
                // G2P1
                let rest = w.form.trim_start_matches('g');
                rest.bytes().all(|b| b.is_ascii_digit() || b == b'p')
            }
    });
    let newborn = words
        .iter()
        .any(|w| matches!(w.form.as_str(), "newborn" | "neonate" | "infant" | "nicu"));
    let weeks = (pregnant && !newborn)
        .then(|| (0..words.len()).find_map(|i| weeks_at(words, i)))
        .flatten();
    let trimester = |weeks: u8| match weeks {
        0..=13 => Trimester::First,
        14..=27 => Trimester::Second,
        _ => Trimester::Third,
    };
    match (weeks, stated) {
        (Some((at, weeks)), stated) => Some(Found {
            value: Pregnancy {
                weeks: Some(weeks),
                trimester: stated.map_or(trimester(weeks), |(_, t)| t),
            },
            range: note.bytes(&at),
        }),
        (None, Some((at, trimester))) => Some(Found {
            value: Pregnancy {
                weeks: None,
                trimester,
            },
            range: note.bytes(&at),
        }),
        (None, None) => None,
    }
}

/// "28 weeks", "28 3/7 weeks", "28w3d", "28 wks", "32+4 weeks", unless the weeks are of something else.
fn weeks_at(words: &[Word], index: usize) -> Option<(Range<usize>, u8)> {
    let form = words[index].form.as_str();
    let plausible = |n: u8| (4..=43).contains(&n).then_some(n);
    if let Some((weeks, days)) = form.split_once('w') {
        let days = days.strip_suffix('d').unwrap_or(days);
        let fits = days.is_empty() || days.parse::<u8>().is_ok_and(|d| d < 7);
        let weeks = weeks.parse().ok().and_then(plausible)?;
        return fits.then_some((index..index + 1, weeks));
    }
    let weeks = form.parse().ok().and_then(plausible)?;
    let unit = (index + 1..index + 3).find(|i| {
        words
            .get(*i)
            .is_some_and(|w| matches!(w.form.as_str(), "weeks" | "week" | "wks" | "wk"))
    })?;
    let between_fits = unit == index + 1 || {
        let days = words[index + 1].form.trim_end_matches("/7");
        days.parse::<u8>().is_ok_and(|d| d < 7)
    };
    let of_else = words.get(unit + 1).is_some_and(|w| {
        matches!(
            w.form.as_str(),
            "ago" | "of" | "history" | "later" | "old" | "prior" | "postpartum" | "post" | "for"
        )
    });
    let gestation = words
        .get(unit + 2)
        .is_some_and(|w| w.form.starts_with("gestation") || w.form.starts_with("pregnan"));
    let before = index.checked_sub(1).map_or("", |i| words[i].form.as_str());
    let else_before = matches!(before, "in" | "for" | "every" | "x" | "past" | "last");
    (between_fits && (!of_else || gestation) && !else_before).then_some((index..unit + 1, weeks))
}

static TOBACCO: LazyLock<Lexicon<Tobacco>> = LazyLock::new(|| {
    lexicon(&[
        (
            Tobacco::Current,
            "current smoker|smoker|smokes|smoking|active smoker|tobacco use|tobacco abuse|tobacco dependence|\
             nicotine dependence|chews tobacco|vapes|pack per day|packs per day|ppd|current every day smoker|\
             current some day smoker|tobacco use disorder|tobacco|smoking status|tobacco status|smoking history|tobacco history|smoking hx|cigarettes daily|cigarettes per day|cigarette smoker",
        ),
        (
            Tobacco::Former,
            "former smoker|ex smoker|quit smoking|former tobacco use|history of smoking|history of tobacco use|\
             h/o smoking|h/o tobacco use|stopped smoking|past smoker|previous smoker|prior smoker|prior tobacco use|\
             hx of smoking|hx of tobacco use|quit tobacco|former cigarette smoker|past tobacco use|quit",
        ),
        (
            Tobacco::Never,
            "never smoker|non smoker|nonsmoker|never smoked|never used tobacco|no tobacco|does not smoke|denies smoking|\
             denies tobacco|denies tobacco use|no tobacco use|no smoking|lifelong nonsmoker|\
             denies any tobacco use|doesn't smoke|lifetime nonsmoker|no history of smoking|no history of tobacco use",
        ),
    ])
});

/// "Tobacco", "smoking status": what follows a colon answers it, and without one it says nothing.
fn is_question(last: &Word) -> bool {
    matches!(last.form.as_str(), "tobacco" | "status" | "history" | "hx")
}

/// "Quit" alone, and a heading "Tobacco use:", say nothing by themselves.
pub(crate) fn tobacco(note: &Note) -> Option<Found<Tobacco>> {
    let words = note.words();
    let smoking = words.iter().any(|w| {
        w.form.starts_with("smok")
            || w.form.contains("tobacco")
            || w.form.starts_with("cigar")
            || w.form == "ppd"
    });
    if !smoking {
        return None;
    }
    let mut found: Vec<Found<Tobacco>> = Vec::new();
    for (at, mut value) in TOBACCO.all(words, 0..words.len()) {
        let range = note.bytes(&at);
        let next = words.get(at.end);
        if next.is_some_and(|w| {
            w.form == "cessation" || w.form == "quit" || w.form == "history" && at.len() == 1
        }) {
            continue;
        }
        if next.is_some_and(|w| w.gap.has(Gap::COLON)) {
            value = match next.map(|w| w.form.as_str()) {
                Some("never" | "no" | "none" | "denies" | "denied" | "negative") => Tobacco::Never,
                Some("former" | "quit" | "past" | "prior" | "previous" | "ex") => Tobacco::Former,
                Some("yes" | "current" | "every" | "some" | "active") => Tobacco::Current,
                _ => continue,
            };
        } else if is_question(&words[at.end - 1]) {
            continue;
        } else if value == Tobacco::Current {
            value = match note.assertion(range.clone()) {
                Assertion::Affirmed | Assertion::Listed => Tobacco::Current,
                Assertion::Negated => Tobacco::Never,
                Assertion::Historical => Tobacco::Former,
                _ => continue,
            };
        } else if note.assertion(range.clone()) == Assertion::Family {
            continue;
        }
        found.push(Found { value, range });
    }
    // "1 ppd, quit 2010": who quit is no current smoker.
    let former = found.iter().position(|f| f.value == Tobacco::Former);
    match former {
        Some(index) => Some(found.swap_remove(index)),
        None => found.into_iter().next(),
    }
}

const INSULINS: [&str; 22] = [
    "insulin",
    "lantus",
    "humalog",
    "novolog",
    "glargine",
    "lispro",
    "aspart",
    "detemir",
    "degludec",
    "levemir",
    "basaglar",
    "tresiba",
    "toujeo",
    "humulin",
    "novolin",
    "apidra",
    "glulisine",
    "semglee",
    "admelog",
    "fiasp",
    "lyumjev",
    "ssi",
];

pub(crate) fn insulin(note: &Note) -> Option<Range<usize>> {
    let words = note.words();
    (0..words.len()).find_map(|index| {
        if !INSULINS.contains(&words[index].form.as_str()) {
            return None;
        }
        let next = words.get(index + 1).map(|w| w.form.as_str());
        let before = index.checked_sub(1).map(|i| words[i].form.as_str());
        if matches!(
            next,
            Some("resistance" | "resistant" | "level" | "levels" | "sensitivity" | "dependent")
        ) || before == Some("non")
        {
            return None;
        }
        let range = words[index].range.clone();
        let taken = matches!(
            note.assertion(range.clone()),
            Assertion::Affirmed | Assertion::Listed
        );
        taken.then_some(range)
    })
}

static CAUSES: LazyLock<Lexicon<()>> = LazyLock::new(|| {
    let causes = "fell|fall from|fall off|fall down|fall on|fall onto|fall at|fall while|ground level fall|mechanical fall|\
                  a fall|slipped|tripped|mva|mvc|mvr|motor vehicle accident|motor vehicle collision|motor vehicle crash|\
                  car accident|car crash|motorcycle accident|motorcycle crash|bicycle accident|bike accident|atv accident|\
                  assaulted|assault|struck by|hit by|kicked by|punched|bitten|bite by|dog bite|cat bite|bit by|stung|\
                  stung by|burned by|burned on|burned by|scalded|stabbed|gunshot|gsw|shot by|crushed by|crushed in|\
                  caught in|run over|rolled over|rear ended|while playing|playing football|playing soccer|\
                  playing basketball|accident at work|injured at work|accidentally ingested|lacerated by|cut by|\
                  cut on|stepped on|twisted his|twisted her|twisted ankle|rolled ankle|rolled his ankle|rolled her ankle|\
                  pedestrian|ejected from|collided with|collision|thrown from|near drowning";
    Lexicon::new(causes.split('|').map(|c| (c, ())))
});

pub(crate) fn external_causes(note: &Note) -> Vec<Range<usize>> {
    use SectionKind::*;
    let told = |kind: SectionKind| !matches!(kind, Family | Instructions | Medications | Other);
    let sentences = note.sentences().iter().filter(|s| told(s.section));
    sentences
        .filter(|sentence| {
            CAUSES
                .all(note.words(), sentence.words.clone())
                .iter()
                .any(|(at, ())| {
                    // "Fell asleep", "fell to 90%" are no injuries.
                    let next = note.words().get(at.end).map(|w| w.form.as_str());
                    !matches!(
                        next,
                        Some("asleep" | "risk" | "precautions" | "ill" | "below")
                    ) && matches!(
                        note.assertion(note.bytes(at)),
                        Assertion::Affirmed | Assertion::Historical | Assertion::Uncertain
                    )
                })
        })
        .map(|sentence| sentence.range.clone())
        .collect()
}
