//! Questions that follow from an answer, by its codes. Each is put through the look-ups that would answer it, and only
//! those that a loaded table or the digest answers are offered.

use crate::Error;
use crate::answer::{Answer, Verdict};
use crate::code::{CodeRef, System};
use crate::compose::Draft;
use crate::follow;
use crate::lookup::{Desk, Known, look_up};
use crate::question::{self, Question};
use crate::tables::{about_codes, together};
use crate::topic::{self, Topic};

/// Questions that are offered: what fits beside an answer.
const MOST: usize = 3;
/// Codes of an answer that questions are made for.
const CODES: usize = 2;

/// What is asked of a procedure, drug or supply, the likeliest first.
const OF_SERVICES: &[(Topic, &str)] = &[
    (Topic::Fee, "What is the fee for {}?"),
    (Topic::Units, "What is the MUE for {}?"),
    (Topic::Coverage, "Is {} covered?"),
    (Topic::AddOn, "Which add-on codes go with {}?"),
    (Topic::Indicators, "What are the global days of {}?"),
    (Topic::Edits, "Which NCCI edits does {} have?"),
];

/// What is asked of a diagnosis.
const OF_DIAGNOSES: &[(Topic, &str)] = &[
    (Topic::Notes, "What does {} exclude?"),
    (Topic::Coverage, "Which coverage documents name {}?"),
    (Topic::Poa, "Is {} exempt from POA reporting?"),
    (Topic::Crosswalk, "What is the ICD-9 equivalent of {}?"),
    (Topic::History, "When was {} added or changed?"),
];

/// The questions that follow from an answer.
pub(crate) fn questions(
    desk: &Desk<'_>,
    asked: &Question,
    answer: &Answer,
) -> Result<Vec<String>, Error> {
    let mut offered: Vec<String> = Vec::new();
    if !matches!(answer.verdict, Verdict::Answered | Verdict::Uncertain) {
        return Ok(offered);
    }
    let topics = topic::asked(&asked.words);
    let place = follow::place(&asked.text);
    // Asked of another day, the next question is about that day, too.
    let day = asked.date.map_or(String::new(), |d| format!(" on {d}?"));
    let mut offer = |text: String, checked: &dyn Fn(&Question) -> Result<bool, Error>| {
        let text = match day.as_str() {
            "" => text,
            day => format!("{}{day}", text.trim_end_matches('?')),
        };
        if offered.len() < MOST
            && !offered.contains(&text)
            && let Ok(question) = question::parse(&text)
            && checked(&question)?
        {
            offered.push(text);
        }
        Ok::<(), Error>(())
    };
    // An edit that a modifier may bypass asks for the modifier.
    if asked.mentions.len() > 1
        && together(&asked.words)
        && let Some(modifier) = bypassing(answer)
        && !asked.mentions.iter().any(|m| m.code == modifier)
    {
        offer(format!("What is modifier {modifier}?"), &|_| {
            Ok(desk.digest.describing(System::Modifier, modifier).is_some())
        })?;
    }
    for code in answer.codes.iter().take(CODES) {
        for (topic, form) in of(code) {
            if topics.contains(topic) || said(answer, *topic) {
                continue;
            }
            let mut text = form.replace("{}", &code.code);
            if let (Some(place), Topic::Fee | Topic::Coverage) = (&place, topic) {
                text = format!("{} {place}?", text.trim_end_matches('?'));
            }
            offer(text, &|question| is_answered(desk, question, *topic))?;
        }
    }
    Ok(offered)
}

fn of(code: &CodeRef) -> &'static [(Topic, &'static str)] {
    match code.system {
        System::Cpt | System::Hcpcs => OF_SERVICES,
        System::Icd10cm => OF_DIAGNOSES,
        _ => &[],
    }
}

/// Whether an answer says already what a topic's question would be answered with.
fn said(answer: &Answer, topic: Topic) -> bool {
    let begins = |starts: &[&str]| {
        let mut lines = answer.lines.iter();
        lines.any(|l| starts.iter().any(|s| l.text.starts_with(s)))
    };
    match topic {
        Topic::Units => begins(&["MUE ("]),
        Topic::Edits => begins(&["PTP edits ("]),
        Topic::Indicators => begins(&["Medicare physician fee schedule:"]),
        Topic::Notes => begins(&["Excludes1 (", "Excludes2 ("]),
        _ => false,
    }
}

/// A modifier by which an answer's edit may be bypassed.
fn bypassing(answer: &Answer) -> Option<&'static str> {
    let may = answer
        .lines
        .iter()
        .any(|l| l.text.contains("Such modifiers are 59"));
    may.then_some("59")
}

/// Whether tables answer a question of ours by themselves, as they would if a person put it.
fn is_answered(desk: &Desk<'_>, question: &Question, topic: Topic) -> Result<bool, Error> {
    if topic != Topic::Notes && topic::asked(&question.words) != [topic] {
        return Ok(false);
    }
    let mut known: Vec<Known<'_>> = Vec::new();
    for mention in &question.mentions {
        known.extend(look_up(desk, mention, false)?);
    }
    let mut draft = Draft::new(desk.on);
    let done = about_codes(desk, question, &known, &mut draft)?;
    let lines = match topic {
        // The code's own line comes with the notes.
        Topic::Notes => draft.starts_with(&["Excludes1 (", "Excludes2 ("]),
        _ => !draft.is_empty(),
    };
    Ok(lines && matches!(done, Some((Verdict::Answered, _))))
}
