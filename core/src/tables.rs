//! Questions about codes that tables answer by themselves: whether two may be billed together, what a table says of one,
//! which notes it has.

use crate::Error;
use crate::answer::Verdict;
use crate::card::Diagnosis;
use crate::check::Extent;
use crate::code::System;
use crate::compose::Draft;
use crate::lookup::{Desk, Known};
use crate::question::Question;
use crate::service::Service;
use crate::tabular::NoteKind;
use crate::topic::{self, Topic};
use crate::{check, excludes, facts, official};

/// Questions about codes that tables answer by themselves: an attribute of one code, or whether diagnoses
/// exclude one another.
pub(crate) fn about_codes(
    desk: &Desk<'_>,
    question: &Question,
    known: &[Known<'_>],
    draft: &mut Draft,
) -> Result<Option<(Verdict, Option<String>)>, Error> {
    let diagnoses: Vec<&Diagnosis> = known
        .iter()
        .filter_map(|k| {
            if let Known::Diagnosis(d) = k {
                Some(&**d)
            } else {
                None
            }
        })
        .collect();
    if question.mentions.len() > 1
        && together(&question.words)
        && let Some(done) = checked(desk, question, known, &[], Extent::Together, draft)?
    {
        return Ok(Some(done));
    }
    let topics = topic::asked(&question.words);
    if !topics.is_empty()
        && let Some(done) = topics_of(desk, question, known, &topics, draft)?
    {
        return Ok(Some(done));
    }
    let Some(edition) = desk.icd10cm else {
        return Ok(None);
    };
    if diagnoses.len() == 1
        && known.len() == 1
        && let Some(first) = attribute(&question.words)
    {
        diagnoses[0].lines(edition, draft, &first);
        return Ok(Some((Verdict::Answered, None)));
    }
    if diagnoses.len() == 2 && known.len() == 2 && together(&question.words) {
        let found = excludes::between(diagnoses[0], diagnoses[1]);
        for note in &found {
            let cite = draft.cite_tabular(diagnoses[0].noting(edition), &note.on, &note.text);
            draft.line(note.sentence(), &[cite]);
        }
        for d in &diagnoses {
            d.headline(edition, draft);
        }
        if found.is_empty() {
            let reason = format!(
                "No Excludes note of {} names the other code. That is not permission: read the notes of both codes and \
                 the guidelines.",
                edition.edition
            );
            return Ok(Some((Verdict::Uncertain, Some(reason))));
        }
        return Ok(Some((Verdict::Answered, None)));
    }
    Ok(None)
}

/// What the edit tables say of procedures together, then what the sources say about them; `units` are those that were
/// typed with codes. `None` where no table covers them: the question then goes to the rules alone.
pub(crate) fn checked(
    desk: &Desk<'_>,
    question: &Question,
    known: &[Known<'_>],
    units: &[(String, u32)],
    extent: Extent,
    draft: &mut Draft,
) -> Result<Option<(Verdict, Option<String>)>, Error> {
    let services: Vec<&Service<'_>> = known.iter().filter_map(Known::service).collect();
    let procedures: Vec<&&Service<'_>> = services
        .iter()
        .filter(|s| matches!(s.system, System::Cpt | System::Hcpcs))
        .collect();
    if procedures.len() < 2 || procedures.len() + 1 < known.len() {
        return Ok(None);
    }
    let coded = procedures
        .iter()
        .map(|s| check::Line {
            code: s.code.clone(),
            modifiers: question.modifiers_of(&s.code),
            units: units.iter().find(|(c, _)| *c == s.code).map(|(_, n)| *n),
        })
        .collect();
    let Some(verdict) = check::lines(desk, coded, extent, draft)? else {
        return Ok(None);
    };
    for service in &services {
        service.beside(desk, draft);
    }
    Ok(Some(verdict))
}

/// What tables say about the codes on the topics that were asked for.
fn topics_of(
    desk: &Desk<'_>,
    question: &Question,
    known: &[Known<'_>],
    topics: &[Topic],
    draft: &mut Draft,
) -> Result<Option<(Verdict, Option<String>)>, Error> {
    let asked = facts::Asked { topics, question };
    for k in known {
        match k {
            Known::Diagnosis(d) => facts::diagnosis(desk, d, Some(&asked), draft)?,
            Known::Service(s) => facts::service(desk, s, Some(&asked), draft)?,
            Known::Missing { .. } => {}
        }
    }
    let answered = !draft.is_empty();
    let lacking: Vec<String> = topics
        .iter()
        .filter_map(|t| facts::lacking(desk, *t))
        .collect();
    // A rule of the digest may still answer, but not what only a table can.
    if !answered && (lacking.is_empty() || known.iter().all(|k| matches!(k, Known::Missing { .. })))
    {
        return Ok(None);
    }
    for k in known {
        match k {
            Known::Diagnosis(d) => {
                if let Some(edition) = desk.icd10cm {
                    d.headline(edition, draft);
                }
            }
            Known::Service(s) if answered => s.beside(desk, draft),
            Known::Service(s) => {
                s.headline(desk, draft);
                if let Some(entry) = s.described {
                    official::rules_naming(desk, entry, draft)?;
                }
            }
            Known::Missing { .. } => {}
        }
    }
    if answered {
        return Ok(Some((Verdict::Answered, None)));
    }
    let reason = format!(
        "No loaded table answers this for {}. {}",
        draft.as_of(),
        lacking.join(" ")
    );
    Ok(Some((Verdict::Uncertain, Some(reason))))
}

/// The notes that a question about one code asks for.
fn attribute(words: &str) -> Option<Vec<NoteKind>> {
    let words = words.to_lowercase();
    let mut kinds = Vec::new();
    for (cue, kind) in [
        ("excludes1", NoteKind::Excludes1),
        ("excludes 1", NoteKind::Excludes1),
        ("excludes2", NoteKind::Excludes2),
        ("excludes 2", NoteKind::Excludes2),
        ("exclud", NoteKind::Excludes1),
        ("exclud", NoteKind::Excludes2),
        ("includ", NoteKind::Includes),
        ("inclusion", NoteKind::InclusionTerm),
        ("code first", NoteKind::CodeFirst),
        ("additional", NoteKind::UseAdditional),
        ("code also", NoteKind::CodeAlso),
        ("7th", NoteKind::SeventhNote),
        ("seventh", NoteKind::SeventhNote),
    ] {
        if words.contains(cue) && !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    let plain = [
        "billable",
        "valid",
        "specific enough",
        "header",
        "notes",
        "subcodes",
        "below",
        "children",
        "card",
        "title",
    ];
    (!kinds.is_empty() || plain.iter().any(|p| words.contains(p))).then_some(kinds)
}

/// Whether a question is about two things at once.
pub(crate) fn together(words: &str) -> bool {
    let words = words.to_lowercase();
    let asks = words.split(|c: char| !c.is_alphanumeric()).any(|w| {
        [
            "can", "bill", "billed", "with", "together", "same", "both", "also",
        ]
        .contains(&w)
    });
    asks || ["exclud", "conflict", "combin", "bundl"]
        .iter()
        .any(|w| words.contains(w))
}
