//! What the classification and the Official Guidelines say of the codes together.

use std::collections::HashSet;

use casebook_note::Encounter;

use super::detail::parts;
use super::find::Finder;
use super::{Asked, Because, Clash, Finding, Making, Rank, Read, Reason, ServiceFound, Source};
use crate::Error;
use crate::catalog::{Entry, Note};
use crate::check;
use crate::compose::{tabular_citation, tabular_edition};
use crate::excludes;
use crate::tabular::{NoteKind, dotted};

/// Diagnoses that are coded only when confirmed, also at discharge: HIV, Zika, COVID-19, influenza of an identified
/// strain (Official Guidelines I.C.1.a.1, I.C.1.f.1, I.C.1.g.1.a, I.C.10.c).
pub(super) fn confirmed_only(key: &str) -> bool {
    ["B20", "A925", "U071", "J09", "J10"]
        .iter()
        .any(|only| key.starts_with(only))
}

/// All of them, in the order in which one prepares the next.
pub(super) fn apply<'a>(
    making: &mut Making<'a>,
    finder: &mut Finder<'a>,
    read: &Read<'_>,
) -> Result<(), Error> {
    plainer(making, finder)?;
    hypertension(making, finder)?;
    companions(making, finder)?;
    plainer(making, finder)?;
    contained(making, finder)?;
    asked_for(making, finder)?;
    excluded(making, finder)?;
    symptoms(making, finder, read)?;
    order(making, finder)?;
    if read.encounter == Encounter::Unknown
        && making.aside.iter().any(|a| a.because == Because::Uncertain)
    {
        let sources = ["IV.H", "II.H"]
            .iter()
            .filter_map(|s| making.guideline(s, "uncertain diagnosis probable suspected"))
            .collect();
        making.asked.push(Asked {
            text: "Uncertain diagnoses were set aside, as for an outpatient; the record should say whether this is an \
                   inpatient's discharge, at which they are coded as if established."
                .into(),
            about: None,
            sources,
        });
    }
    Ok(())
}

fn category(key: &str) -> &str {
    key.get(..3).unwrap_or(key)
}

/// Which of a code's notes of a kind names another.
fn naming<'n>(notes: &'n [Note], kinds: &[NoteKind], key: &str) -> Option<&'n Note> {
    notes
        .iter()
        .find(|n| kinds.contains(&n.kind) && excludes::names(&n.text, key))
}

impl Making<'_> {
    /// A note of the tabular list as a source.
    fn printed(&self, finder: &Finder<'_>, note: &Note) -> Source {
        let edition = finder.noting();
        (
            tabular_citation(edition, &note.on, &note.text),
            tabular_edition(edition, self.desk.on),
        )
    }

    fn coded(&self) -> Vec<Entry> {
        self.findings
            .0
            .iter()
            .filter(|f| f.rank == Rank::Coded)
            .map(|f| f.code.clone())
            .collect()
    }

    /// Takes a finding away whose words another one says better; the words support that one.
    fn fold(&mut self, key: &str, into: &str) {
        let Some(at) = self.findings.0.iter().position(|f| f.code.key == key) else {
            return;
        };
        let gone = self.findings.0.remove(at);
        if let Some(kept) = self.findings.0.iter_mut().find(|f| f.code.key == into) {
            kept.rank = kept.rank.max(gone.rank);
            if kept.rank == Rank::Coded {
                kept.reason = None;
            }
            kept.assessed |= gone.assessed;
            for range in gone.evidence {
                if !kept.evidence.contains(&range) {
                    kept.evidence.push(range);
                }
            }
        }
    }
}

/// Of one condition the most particular code stands: an unspecified form gives way to another of its category, to one
/// that excludes it, and a bare injury to one of a site.
fn plainer<'a>(making: &mut Making<'a>, finder: &mut Finder<'a>) -> Result<(), Error> {
    let generic: Vec<String> = making
        .findings
        .0
        .iter()
        .filter(|f| f.generic)
        .map(|f| f.code.key.clone())
        .collect();
    for plain in generic {
        let others: Vec<String> = making
            .findings
            .0
            .iter()
            .filter(|f| f.code.key != plain && (!f.generic || f.code.key.len() > plain.len()))
            .map(|f| f.code.key.clone())
            .collect();
        let mut better = None;
        for other in others {
            let injury = |k: &str| k.starts_with(['S', 'T']);
            let bare = category(&plain) == "T14" && injury(&other) && category(&other) != "T14";
            if category(&other) == category(&plain) || bare {
                better = Some(other);
                break;
            }
            let kinds = [NoteKind::Excludes1];
            let either = naming(&finder.notes(&plain)?, &kinds, &other).is_some()
                || naming(&finder.notes(&other)?, &kinds, &plain).is_some();
            if either && !is_symptom(finder, &plain)? {
                better = Some(other);
                break;
            }
        }
        if let Some(better) = better {
            making.fold(&plain, &better);
        }
    }
    Ok(())
}

/// What a combination code says already is not coded beside it (Official Guidelines I.B.9), unless the classification asks
/// for both: "diffuse goiter" beside "thyrotoxicosis with diffuse goiter".
fn contained<'a>(making: &mut Making<'a>, finder: &mut Finder<'a>) -> Result<(), Error> {
    for whole in making.coded() {
        let with: Vec<HashSet<u32>> = parts(&whole.title.to_lowercase())
            .with
            .iter()
            .map(|part| finder.stems(part))
            .collect();
        if with.is_empty() {
            continue;
        }
        let asks = [NoteKind::UseAdditional, NoteKind::CodeAlso];
        let within: Vec<String> = making
            .findings
            .0
            .iter()
            .filter(|f| f.code.key != whole.key && !f.said.is_empty())
            .filter(|f| {
                let said: HashSet<u32> = f.said.iter().copied().collect();
                with.iter().any(|part| said.is_subset(part))
            })
            .map(|f| f.code.key.clone())
            .collect();
        for part in within {
            let asked = naming(&finder.notes(&whole.key)?, &asks, &part).is_some()
                || naming(&finder.notes(&part)?, &[NoteKind::CodeFirst], &whole.key).is_some();
            if !asked {
                making.fold(&part, &whole.key);
            }
        }
    }
    Ok(())
}

/// Hypertension with heart failure or chronic kidney disease is one combination, whether or not the provider links them
/// (Official Guidelines I.C.9.a). What is "heart" and "kidney" the categories' own notes say.
fn hypertension<'a>(making: &mut Making<'a>, finder: &mut Finder<'a>) -> Result<(), Error> {
    let coded = making.coded();
    let Some(plain) = coded
        .iter()
        .find(|c| ["I10", "I11", "I12"].contains(&category(&c.key)))
    else {
        return Ok(());
    };
    let includes = |finder: &mut Finder<'a>, of: &str| -> Result<Option<(Entry, Note)>, Error> {
        let notes = finder.notes(of)?;
        for code in &coded {
            let note = notes.iter().find(|n| {
                n.on == of && n.kind == NoteKind::Includes && excludes::names(&n.text, &code.key)
            });
            if let Some(note) = note {
                return Ok(Some((code.clone(), note.clone())));
            }
        }
        Ok(None)
    };
    let heart = includes(finder, "I11")?;
    let kidney = includes(finder, "I12")?;
    let failing = heart
        .as_ref()
        .is_some_and(|(c, _)| category(&c.key) == "I50");
    let last_stage = kidney
        .as_ref()
        .is_some_and(|(c, _)| ["N185", "N186"].contains(&c.key.as_str()));
    let heart_named = heart.is_some() || category(&plain.key) == "I11";
    let kidney_named = kidney.is_some() || category(&plain.key) == "I12";
    let key = match (heart_named, kidney_named) {
        (false, false) => return Ok(()),
        (true, false) if failing => "I110",
        (true, false) => "I119",
        (false, true) if last_stage => "I120",
        (false, true) => "I129",
        (true, true) => match (failing, last_stage) {
            (true, false) => "I130",
            (false, false) => "I1310",
            (false, true) => "I1311",
            (true, true) => "I132",
        },
    };
    if key == plain.key {
        return Ok(());
    }
    let Some(code) = finder.entry(key)?.filter(|e| e.billable) else {
        return Ok(());
    };
    let evidence = making
        .findings
        .0
        .iter()
        .filter(|f| {
            f.code.key == plain.key
                || [&heart, &kidney]
                    .iter()
                    .any(|x| x.as_ref().is_some_and(|(c, _)| c.key == f.code.key))
        })
        .flat_map(|f| f.evidence.clone())
        .collect();
    let mut sources: Vec<Source> = [heart, kidney]
        .iter()
        .flatten()
        .map(|(_, note)| making.printed(finder, note))
        .collect();
    sources.extend(making.guideline(
        "I.C.9.a",
        "presumes a causal relationship hypertension heart kidney",
    ));
    let plain = plain.key.clone();
    making.findings.add(Finding {
        code,
        rank: Rank::Coded,
        sure: true,
        said: Vec::new(),
        evidence,
        assessed: true,
        generic: false,
        reason: None,
        sources,
    });
    making.fold(&plain, key);
    Ok(())
}

/// "Code first any associated diabetic chronic kidney disease (E11.22)", where diabetes is coded: the combination is meant.
/// The classification joins the two by "with", so the link is presumed (Official Guidelines I.A.15).
fn companions<'a>(making: &mut Making<'a>, finder: &mut Finder<'a>) -> Result<(), Error> {
    let coded = making.coded();
    for second in &coded {
        let notes = finder.notes(&second.key)?;
        for note in notes.iter().filter(|n| n.kind == NoteKind::CodeFirst) {
            for named in excludes::references(&note.text) {
                let Some(first) = coded.iter().find(|c| {
                    category(&c.key) == category(&named)
                        && category(&c.key) != category(&second.key)
                        && !c.key.starts_with(&named)
                }) else {
                    continue;
                };
                if making
                    .findings
                    .0
                    .iter()
                    .any(|f| f.code.key.starts_with(&named))
                {
                    continue;
                }
                let Some(combined) = finder.entry(&named)?.filter(|e| e.billable) else {
                    continue;
                };
                if !is_joined(finder, first, second, &combined)? {
                    continue;
                }
                let evidence = making
                    .findings
                    .0
                    .iter()
                    .filter(|f| f.code.key == second.key)
                    .flat_map(|f| f.evidence.clone())
                    .collect();
                let mut sources = vec![making.printed(finder, note)];
                sources.extend(making.guideline("I.A.15", "with presumes a causal relationship"));
                making.findings.add(Finding {
                    code: combined,
                    rank: Rank::Coded,
                    sure: true,
                    said: Vec::new(),
                    evidence,
                    assessed: true,
                    generic: false,
                    reason: None,
                    sources,
                });
            }
        }
    }
    Ok(())
}

/// Whether a title says of one condition what the other one's title says.
fn is_joined(
    finder: &mut Finder<'_>,
    first: &Entry,
    second: &Entry,
    combined: &Entry,
) -> Result<bool, Error> {
    let mut known = finder.stems(&first.title);
    if let Some(heading) = finder.entry(category(&first.key))? {
        known.extend(finder.stems(&heading.title));
    }
    known.extend(finder.stems("diabetic hypertensive with"));
    let says: HashSet<u32> = finder
        .stems(&combined.title)
        .difference(&known)
        .copied()
        .collect();
    Ok(!says.is_empty() && says.is_subset(&finder.stems(&second.title)))
}

/// What a coded diagnosis asks for ("use additional code …") is coded, where the words fit.
fn asked_for<'a>(making: &mut Making<'a>, finder: &mut Finder<'a>) -> Result<(), Error> {
    let asking = [NoteKind::UseAdditional, NoteKind::CodeAlso];
    for at in 0..making.findings.0.len() {
        let (key, ready) = {
            let f = &making.findings.0[at];
            (f.code.key.clone(), f.rank == Rank::Consider && f.sure)
        };
        if !ready {
            continue;
        }
        let own = finder.notes(&key)?;
        for first in making.coded() {
            let notes = finder.notes(&first.key)?;
            // "Should be used as a supplementary code with categories T20-T25", and for all codes of a category such as Z68.
            let note = naming(&notes, &asking, &key).or_else(|| {
                own.iter().find(|n| {
                    n.kind == NoteKind::Note
                        && n.on == category(&key)
                        && n.text.contains("categor")
                        && excludes::names(&n.text, &first.key)
                })
            });
            if let Some(note) = note {
                let source = making.printed(finder, note);
                let finding = &mut making.findings.0[at];
                finding.rank = Rank::Coded;
                finding.reason = None;
                finding.sources.push(source);
                break;
            }
        }
    }
    Ok(())
}

/// Whether a code is of a sign or symptom: chapter 18, but for what follows an underlying disease by rule; and pain of a
/// site, which other chapters hold.
fn is_symptom(finder: &mut Finder<'_>, key: &str) -> Result<bool, Error> {
    if key.starts_with('R') {
        let notes = finder.notes(key)?;
        return Ok(!notes
            .iter()
            .any(|n| n.kind == NoteKind::CodeFirst && n.on.len() > 3));
    }
    let pain = finder.entry(key)?.is_some_and(|e| {
        let title = e.title.to_lowercase();
        title.starts_with("pain ") || title.contains(" pain") || title.starts_with("stiffness")
    });
    Ok(key.starts_with('M') && pain)
}

/// Excludes1: a symptom gives way to the diagnosis; two diagnoses are a conflict that a person decides.
fn excluded<'a>(making: &mut Making<'a>, finder: &mut Finder<'a>) -> Result<(), Error> {
    let coded = making.coded();
    for (i, a) in coded.iter().enumerate() {
        for b in &coded[i + 1..] {
            let of = |from: &Entry,
                      to: &Entry,
                      finder: &mut Finder<'a>|
             -> Result<Option<Note>, Error> {
                Ok(naming(&finder.notes(&from.key)?, &[NoteKind::Excludes1], &to.key).cloned())
            };
            let (note, from, to) = match (of(a, b, finder)?, of(b, a, finder)?) {
                (Some(note), _) => (note, a, b),
                (None, Some(note)) => (note, b, a),
                (None, None) => continue,
            };
            let source = making.printed(finder, &note);
            let text = format!(
                "{} and {} are not coded together unless the conditions are unrelated: Excludes1 at {}: {}",
                dotted(&from.key),
                dotted(&to.key),
                dotted(&note.on),
                note.text
            );
            let symptom = match (is_symptom(finder, &a.key)?, is_symptom(finder, &b.key)?) {
                (true, false) => Some(a),
                (false, true) => Some(b),
                _ => None,
            };
            if let Some(symptom) = symptom {
                let finding = making
                    .findings
                    .0
                    .iter_mut()
                    .find(|f| f.code.key == symptom.key);
                if let Some(finding) = finding {
                    finding.rank = Rank::Consider;
                    finding.reason = Some(Reason {
                        text,
                        source: Some(source),
                    });
                }
                continue;
            }
            making.clashes.push(Clash {
                codes: vec![dotted(&from.key), dotted(&to.key)],
                rule: "excludes1",
                text,
                source,
            });
        }
    }
    Ok(())
}

/// A sign or symptom that routinely goes with a confirmed diagnosis is not coded beside it, unless the classification
/// says so (Official Guidelines I.B.5). Which ones do, no table tells: so it is moved where a person looks at it.
fn symptoms<'a>(
    making: &mut Making<'a>,
    finder: &mut Finder<'a>,
    read: &Read<'_>,
) -> Result<(), Error> {
    let coded = making.coded();
    let mut diagnoses: Vec<&Entry> = Vec::new();
    for code in &coded {
        let other = code.key.starts_with(['Z', 'V', 'W', 'X', 'Y']);
        if !other && !is_symptom(finder, &code.key)? {
            diagnoses.push(code);
        }
    }
    if diagnoses.is_empty() {
        return Ok(());
    }
    for symptom in &coded {
        if !is_symptom(finder, &symptom.key)? {
            continue;
        }
        let mut instructed = false;
        for diagnosis in &diagnoses {
            let notes = finder.notes(&diagnosis.key)?;
            let asking = [NoteKind::UseAdditional, NoteKind::CodeAlso];
            instructed |= naming(&notes, &asking, &symptom.key).is_some();
        }
        let Some(finding) = making.findings.0.iter().find(|f| f.code.key == symptom.key) else {
            continue;
        };
        let alone = finding.assessed && !beside_a_diagnosis(making, read, finding, &diagnoses);
        if instructed || alone {
            continue;
        }
        let source = making.guideline(
            "I.B.5",
            "signs and symptoms that routinely belong to a disease",
        );
        if let Some(finding) = making
            .findings
            .0
            .iter_mut()
            .find(|f| f.code.key == symptom.key)
        {
            finding.rank = Rank::Consider;
            finding.reason = Some(Reason {
                text: "A sign or symptom beside a confirmed diagnosis: coded only if it is no routine part of it.".into(),
                source,
            });
        }
    }
    Ok(())
}

/// Whether all words of a symptom stand in one breath with those of a diagnosis: no comma between them.
fn beside_a_diagnosis(
    making: &Making<'_>,
    read: &Read<'_>,
    symptom: &Finding,
    diagnoses: &[&Entry],
) -> bool {
    let text = read.note.text();
    let near = |range: &std::ops::Range<usize>| {
        making
            .findings
            .0
            .iter()
            .filter(|f| diagnoses.iter().any(|d| d.key == f.code.key))
            .flat_map(|f| &f.evidence)
            .any(|other| {
                let (from, to) = if other.end <= range.start {
                    (other.end, range.start)
                } else {
                    (range.end, other.start)
                };
                from >= to || !text[from..to].contains([',', ';', '.', '\n', ':'])
            })
    };
    symptom.evidence.iter().all(near)
}

/// What goes first, by "code first" and "use additional code" (Official Guidelines I.A.13, I.B.7).
fn order<'a>(making: &mut Making<'a>, finder: &mut Finder<'a>) -> Result<(), Error> {
    let coded = making.coded();
    let mut before: Vec<(String, String)> = Vec::new();
    for first in &coded {
        for second in &coded {
            if first.key == second.key
                || before.contains(&(first.key.clone(), second.key.clone()))
                || before.contains(&(second.key.clone(), first.key.clone()))
            {
                continue;
            }
            let later = finder.notes(&second.key)?;
            let earlier = finder.notes(&first.key)?;
            let found = match naming(&later, &[NoteKind::CodeFirst], &first.key) {
                Some(note) => Some(("code_first", "Code first", &second.key, note)),
                None => naming(&earlier, &[NoteKind::UseAdditional], &second.key)
                    .map(|note| ("use_additional", "Use additional code", &first.key, note)),
            };
            let Some((rule, label, of, note)) = found else {
                continue;
            };
            let text = format!(
                "{} goes before {}: {label} at {} ({}): {}",
                dotted(&first.key),
                dotted(&second.key),
                dotted(of),
                dotted(&note.on),
                note.text
            );
            let source = making.printed(finder, note);
            making.clashes.push(Clash {
                codes: vec![dotted(&first.key), dotted(&second.key)],
                rule,
                text,
                source,
            });
            before.push((first.key.clone(), second.key.clone()));
        }
    }
    // What the provider lists goes before what is only told; then as the note has it; then as the rules want it.
    let rank = |f: &Finding| {
        let at = f.evidence.iter().map(|r| r.start).min().unwrap_or(0);
        (f.code.key.starts_with('Z'), !f.assessed, at)
    };
    making.findings.0.sort_by_key(rank);
    let mut sorted: Vec<Finding> = Vec::new();
    let mut left = std::mem::take(&mut making.findings.0);
    while !left.is_empty() {
        let free = left.iter().position(|f| {
            !before
                .iter()
                .any(|(a, b)| *b == f.code.key && left.iter().any(|l| l.code.key == *a))
        });
        // Notes that go round in a circle: the note's own order stands.
        sorted.push(left.remove(free.unwrap_or(0)));
    }
    making.findings.0 = sorted;
    Ok(())
}

/// PTP edits between the procedures whose codes stand in the note.
pub(super) fn procedures(making: &mut Making<'_>, services: &[ServiceFound]) -> Result<(), Error> {
    if services.len() < 2 {
        return Ok(());
    }
    let lines: Vec<check::Line> = services
        .iter()
        .filter_map(|s| s.line.parse().ok())
        .collect();
    for edit in check::edits(making.desk, lines)? {
        making.clashes.push(Clash {
            codes: edit.codes,
            rule: "ptp",
            text: edit.sentence,
            source: edit.source,
        });
    }
    Ok(())
}
