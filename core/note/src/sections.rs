//! Sections, by the headings that people write: on their own line or inline with a colon.

use std::ops::Range;
use std::sync::LazyLock;

use crate::words::{Gap, Lexicon, Word};

/// What a part of a note is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SectionKind {
    /// Before the first heading.
    Unheaded,
    /// Why the patient came.
    ChiefComplaint,
    /// History of present illness, also the subjective part and what happened since the last visit.
    PresentIllness,
    /// Questions asked system by system.
    ReviewOfSystems,
    /// Past medical history; its chronic diseases commonly still exist.
    PastMedical,
    /// What is wrong now, as a list.
    ProblemList,
    /// Past operations.
    PastSurgical,
    /// Diseases of relatives.
    Family,
    /// Habits, work, housing.
    Social,
    /// What the patient takes.
    Medications,
    /// What the patient does not tolerate.
    Allergies,
    /// Vital signs and physical examination.
    Exam,
    /// Laboratory, imaging and other tests.
    Results,
    /// The reader's conclusion of a study.
    Impression,
    /// The provider's diagnoses.
    Assessment,
    /// Diagnoses with what is to be done.
    AssessmentAndPlan,
    /// What is to be done.
    Plan,
    /// Why the patient was admitted.
    AdmissionDiagnoses,
    /// What was established at discharge, the principal diagnosis included.
    DischargeDiagnoses,
    /// What happened between admission and discharge.
    HospitalCourse,
    /// What was expected before an operation.
    PreoperativeDiagnoses,
    /// What was found at an operation; it is coded where it differs (Official Guidelines IV.N).
    PostoperativeDiagnoses,
    /// What was done.
    Procedure,
    /// Why a study or procedure was done.
    Indication,
    /// What the patient is told to do or to watch for.
    Instructions,
    /// A known heading that says nothing about diseases.
    Other,
}

impl SectionKind {
    /// Whether it lists diagnoses, so that a comma separates two of them.
    pub fn lists_diagnoses(self) -> bool {
        use SectionKind::*;
        matches!(
            self,
            PastMedical
                | ProblemList
                | Impression
                | Assessment
                | AssessmentAndPlan
                | AdmissionDiagnoses
                | DischargeDiagnoses
                | PreoperativeDiagnoses
                | PostoperativeDiagnoses
                | Indication
                | Results
        )
    }

    fn named(name: &str) -> Option<SectionKind> {
        use SectionKind::*;
        Some(match name {
            "ChiefComplaint" => ChiefComplaint,
            "PresentIllness" => PresentIllness,
            "ReviewOfSystems" => ReviewOfSystems,
            "PastMedical" => PastMedical,
            "ProblemList" => ProblemList,
            "PastSurgical" => PastSurgical,
            "Family" => Family,
            "Social" => Social,
            "Medications" => Medications,
            "Allergies" => Allergies,
            "Exam" => Exam,
            "Results" => Results,
            "Impression" => Impression,
            "Assessment" => Assessment,
            "AssessmentAndPlan" => AssessmentAndPlan,
            "Plan" => Plan,
            "AdmissionDiagnoses" => AdmissionDiagnoses,
            "DischargeDiagnoses" => DischargeDiagnoses,
            "HospitalCourse" => HospitalCourse,
            "PreoperativeDiagnoses" => PreoperativeDiagnoses,
            "PostoperativeDiagnoses" => PostoperativeDiagnoses,
            "Procedure" => Procedure,
            "Indication" => Indication,
            "Instructions" => Instructions,
            "Other" => Other,
            _ => return None,
        })
    }
}

/// A part of a note under one heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// What it is about.
    pub kind: SectionKind,
    /// The heading, in bytes, without colon; empty before the first one.
    pub heading: Range<usize>,
    /// What stands below it, in bytes.
    pub range: Range<usize>,
    /// The same, in words.
    pub(crate) words: Range<usize>,
}

static HEADINGS: LazyLock<Lexicon<SectionKind>> = LazyLock::new(|| {
    let lines = include_str!("headings.tsv").lines();
    Lexicon::new(
        lines
            .filter_map(|line| line.split_once('\t'))
            .filter_map(|(kind, names)| Some((SectionKind::named(kind)?, names)))
            .flat_map(|(kind, names)| names.split('|').map(move |name| (name, kind))),
    )
});

/// Abbreviations that are a heading at the beginning of a line also without a colon: no disease has this name.
const SURE: [&str; 14] = [
    "HPI", "PMH", "PMHX", "PSH", "PSHX", "FHX", "SHX", "ROS", "A/P", "A&P", "MEDS", "PMHx", "PSHx",
    "MDM",
];

/// No heading has more words.
const LONGEST: usize = 7;

/// The sections of a text, from its start to its end.
pub(crate) fn sections(text: &str, words: &[Word]) -> Vec<Section> {
    let mut sections = vec![Section {
        kind: SectionKind::Unheaded,
        heading: 0..0,
        range: 0..text.len(),
        words: 0..words.len(),
    }];
    let mut index = 0;
    while index < words.len() {
        let Some((heading, kind)) = heading(text, words, index) else {
            index += 1;
            continue;
        };
        let start = words[heading.start].range.start;
        let end = words[heading.end - 1].range.end;
        if let Some(last) = sections.last_mut() {
            last.range.end = start;
            last.words.end = heading.start;
        }
        sections.push(Section {
            kind,
            heading: start..end,
            range: end..text.len(),
            words: heading.end..words.len(),
        });
        index = heading.end;
    }
    sections
}

/// The heading that begins at a word, as words.
fn heading(text: &str, words: &[Word], index: usize) -> Option<(Range<usize>, SectionKind)> {
    let word = &words[index];
    let line_start = index == 0 || word.gap.has(Gap::LINE);
    let after_break = line_start
        || word
            .gap
            .has(Gap::STOP.or(Gap::SEMICOLON).or(Gap::BREAK).or(Gap::ITEM));
    let known = HEADINGS.at(words, index).and_then(|(length, kind)| {
        let end = after_parenthesis(text, words, index + length);
        let written = &text[word.range.start..words[index + length - 1].range.end];
        let capital = written.chars().next().is_some_and(char::is_uppercase);
        let heads = match following(text, words, end) {
            Following::Colon => after_break || (capital && written.chars().nth(1).is_some()),
            // A word alone on its line: written as a heading, or known to be one.
            Following::LineEnd => line_start && capital && written.chars().nth(2).is_some(),
            Following::Dash => line_start && capital && written.chars().nth(2).is_some(),
            Following::Text => line_start && SURE.contains(&written),
        };
        heads.then_some((index..end, kind))
    });
    known.or_else(|| line_start.then(|| unlisted(text, words, index)).flatten())
}

/// `Past Ocular History:` is not in the list, but says in its last word what it is.
fn unlisted(text: &str, words: &[Word], index: usize) -> Option<(Range<usize>, SectionKind)> {
    use SectionKind::*;
    let mut end = index + 1;
    while end < words.len() && end - index < LONGEST && !words[end].gap.is_hard() {
        if words[end].gap.has(Gap::LINE.or(Gap::STOP)) {
            return None;
        }
        end += 1;
    }
    if !matches!(following(text, words, end), Following::Colon) {
        return None;
    }
    let phrase = &words[index..end];
    let has = |form: &str| phrase.iter().any(|w| w.form == form);
    let kind = match phrase.last()?.form.as_str() {
        "history" | "hx" if has("family") => Family,
        "history" | "hx" if has("social") || has("tobacco") || has("substance") => Social,
        "history" | "hx" if has("surgical") => PastSurgical,
        "history" | "hx" if has("medication") => Medications,
        "history" | "hx" if has("present") || has("interval") => PresentIllness,
        "history" | "hx" => PastMedical,
        "diagnosis" | "diagnoses" | "dx" if has("discharge") => DischargeDiagnoses,
        "diagnosis" | "diagnoses" | "dx"
            if has("differential") || has("working") || has("provisional") =>
        {
            return None;
        }
        "diagnosis" | "diagnoses" | "dx" => Assessment,
        "exam" | "examination" => Exam,
        "medications" | "meds" => Medications,
        "allergies" => Allergies,
        "results" | "labs" | "imaging" | "radiographs" => Results,
        "impression" => Impression,
        "procedure" | "procedures" | "operation" => Procedure,
        "instructions" => Instructions,
        "course" if has("hospital") => HospitalCourse,
        _ => return None,
    };
    Some((index..end, kind))
}

/// `Past Medical History (PMH):` ends after the parenthesis.
fn after_parenthesis(text: &str, words: &[Word], end: usize) -> usize {
    let opens = words.get(end).is_some_and(|w| w.gap.has(Gap::OPEN));
    if !opens {
        return end;
    }
    (end + 1..=(end + 4).min(words.len()))
        .find(|&i| {
            let after = between(text, words, i);
            after.starts_with(')') && after[1..].trim_start().starts_with(':')
        })
        .unwrap_or(end)
}

/// What follows a heading.
enum Following {
    Colon,
    Dash,
    LineEnd,
    Text,
}

fn following(text: &str, words: &[Word], end: usize) -> Following {
    let after = between(text, words, end);
    let after = after.trim_start_matches([' ', '\t', '*', '_', ')', '.']);
    match after.chars().next() {
        None if end == words.len() => Following::LineEnd,
        Some(':') => Following::Colon,
        Some('\n' | '\r') => Following::LineEnd,
        Some('-' | '–' | '—') if after.chars().nth(1) == Some(' ') => Following::Dash,
        _ => Following::Text,
    }
}

/// What stands between a word and the one before.
pub(crate) fn between<'t>(text: &'t str, words: &[Word], index: usize) -> &'t str {
    let start = match index {
        0 => 0,
        i => words.get(i - 1).map_or(text.len(), |w| w.range.end),
    };
    let end = words.get(index).map_or(text.len(), |w| w.range.start);
    &text[start..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use SectionKind::*;

    fn kinds(text: &str) -> Vec<SectionKind> {
        let words = crate::words::words(text);
        let sections = sections(text, &words);
        sections.iter().skip(1).map(|s| s.kind).collect()
    }

    #[test]
    fn every_listed_heading_has_a_kind() {
        for line in include_str!("headings.tsv").lines() {
            let (kind, names) = line.split_once('\t').unwrap();
            assert!(SectionKind::named(kind).is_some(), "{kind}");
            for name in names.split('|') {
                let text = format!("{}:\ntext", name.to_uppercase());
                assert_eq!(kinds(&text), [SectionKind::named(kind).unwrap()], "{name}");
            }
        }
    }

    #[test]
    fn headings_in_the_ways_people_write_them() {
        for (text, expected) in [
            (
                "CC: knee pain\nHPI: fell",
                &[ChiefComplaint, PresentIllness][..],
            ),
            ("Chief Complaint\nKnee pain", &[ChiefComplaint]),
            ("## Assessment\n1. HTN", &[Assessment]),
            ("**Plan:** rest", &[Plan]),
            ("ASSESSMENT/PLAN:\nHTN", &[AssessmentAndPlan]),
            ("Assessment & Plan:\nHTN", &[AssessmentAndPlan]),
            ("A/P\nHTN", &[AssessmentAndPlan]),
            ("A/P: HTN", &[AssessmentAndPlan]),
            (
                "S: cough\nO: afebrile\nA: URI\nP: rest",
                &[PresentIllness, Exam, Assessment, Plan],
            ),
            ("Past Medical History (PMH): DM", &[PastMedical]),
            (
                "PMHx: DM. FHx: MI. SHx: smoker",
                &[PastMedical, Family, Social],
            ),
            (
                "he came. PMH: HTN, DM Meds: metformin",
                &[PastMedical, Medications],
            ),
            ("PMH HTN, DM", &[PastMedical]),
            ("HPI 45 yo male", &[PresentIllness]),
            ("Past Ocular History: cataract", &[PastMedical]),
            ("Pertinent Family History: none", &[Family]),
            ("Discharge Diagnoses:\n1. Sepsis", &[DischargeDiagnoses]),
            (
                "PREOPERATIVE DIAGNOSIS: Hernia.\nPOSTOPERATIVE DIAGNOSIS: Same.",
                &[PreoperativeDiagnoses, PostoperativeDiagnoses],
            ),
            ("Impression - pneumonia", &[Impression]),
            ("HISTORY OF PRESENT ILLNESS :\ncough", &[PresentIllness]),
            // None of these is a heading.
            ("PE was ruled out.", &[]),
            ("history of diabetes", &[]),
            ("Problems with sleep", &[]),
            ("the plan was to rest", &[]),
            ("Hypertension:\ncontinue", &[]),
            ("Lungs: clear", &[]),
            ("a: b", &[Assessment]),
            ("time: 10:00", &[Other]),
        ] {
            assert_eq!(kinds(text), expected, "{text}");
        }
    }

    #[test]
    fn sections_cover_the_text_below_their_headings() {
        let text = "x\nHPI: cough\nPlan: rest";
        let words = crate::words::words(text);
        let sections = sections(text, &words);
        let parts: Vec<_> = sections
            .iter()
            .map(|s| (&text[s.heading.clone()], &text[s.range.clone()]))
            .collect();
        assert_eq!(
            parts,
            [("", "x\n"), ("HPI", ": cough\n"), ("Plan", ": rest")]
        );
    }
}
