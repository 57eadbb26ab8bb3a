//! Which variant of a code the note supports: side, stage, trimester, what it is with and without, 7th character.
//!
//! A name leads to a level of the tabular list; claims want a leaf below it. A leaf is chosen only by what the note says,
//! or because it is the form that says nothing more. Otherwise there is no code but a question, with the choices.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use casebook_note::{Attributes, Care, Healing, Laterality, Severity, Trimester};

use super::find::{Candidate, Finder};
use super::{Asked, Read, Source};
use crate::Error;
use crate::catalog::{Edition, Entry};
use crate::compose::{tabular_citation, tabular_edition};
use crate::concept::stripped;
use crate::tabular::{Level, dotted};

/// What a phrase comes to.
#[derive(Default)]
pub(super) struct Detailed {
    /// Billable; one, or one for each side. None where the note leaves the choice open.
    pub codes: Vec<Entry>,
    /// What the record should say.
    pub asked: Vec<Asked>,
    /// The note says nothing more than the plainest form.
    pub generic: bool,
    /// Words outside of the phrase that decided.
    pub beside: Vec<Range<usize>>,
}

/// Leaves that are compared below one level; no level that a diagnosis is named by has more.
const MOST_BELOW: usize = 3000;
/// Choices that a question lists.
const CHOICES: usize = 5;

/// A side as a title says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
    Both,
}

fn side(title: &str) -> Option<Side> {
    let mut found = None;
    for word in title.split(|c: char| !c.is_ascii_alphabetic()) {
        let side = match word {
            "right" => Side::Right,
            "left" => Side::Left,
            "bilateral" => return Some(Side::Both),
            _ => continue,
        };
        // "Right and left" is no side.
        if found.is_some_and(|f| f != side) {
            return None;
        }
        found = Some(side);
    }
    found
}

/// A title in parts: what it says, what it is "with", and what it is "without".
#[derive(Debug, Default, PartialEq)]
pub(super) struct Parts {
    pub plain: String,
    pub with: Vec<String>,
    pub without: Vec<String>,
}

pub(super) fn parts(title: &str) -> Parts {
    let mut parts = Parts::default();
    let mut mode = 'p';
    for word in title.split_whitespace() {
        match word.trim_matches(|c: char| !c.is_alphanumeric()) {
            "with" => {
                mode = 'w';
                parts.with.push(String::new());
                continue;
            }
            "without" | "not" | "no" => {
                mode = 'o';
                parts.without.push(String::new());
                continue;
            }
            // "Without foreign body of left index finger" says where, too.
            "of" if mode == 'o' => mode = 'p',
            _ => {}
        }
        let part = match mode {
            'w' => parts.with.last_mut(),
            'o' => parts.without.last_mut(),
            _ => None,
        };
        let part = part.unwrap_or(&mut parts.plain);
        part.push(' ');
        part.push_str(word);
        if word.ends_with(',') {
            mode = 'p';
        }
    }
    parts
}

/// What the note says around a phrase, in stems.
struct Context<'c> {
    phrase: HashSet<u32>,
    /// The whole sentence, without words that may belong to another finding of it.
    near: HashSet<u32>,
    affirmed: &'c [HashSet<u32>],
    attributes: Attributes,
    trimester: Option<Trimester>,
    stage: Option<String>,
    lower: String,
}

/// Words of a sentence that belong to one finding and not to its neighbour.
const OWN: &str = "right left bilateral mild moderate severe acute chronic stage grade class type degree first second third";

/// Words that only say that nothing more is said.
const SILENT: &str = "uncomplicated site type part specified unspecified acquired essential adult";

/// Chooses among what is below `key`, for a phrase of the note. `affirmed` are the other findings that are so.
pub(super) fn choose(
    finder: &mut Finder<'_>,
    read: &Read<'_>,
    candidate: &Candidate,
    key: &str,
    affirmed: &[HashSet<u32>],
) -> Result<Detailed, Error> {
    let mut detailed = Detailed::default();
    let Some(mut base) = finder.entry(key)? else {
        return Ok(detailed);
    };
    // A name of one side says nothing of the side that the note says, or does not say.
    let wanted = match read.note.attributes(candidate.range.clone()).laterality {
        Some(found) => match found.value {
            Laterality::Left => Some(Side::Left),
            Laterality::Right => Some(Side::Right),
            Laterality::Bilateral => Some(Side::Both),
        },
        None => None,
    };
    while let Some(of) = side(&base.title.to_lowercase())
        && Some(of) != wanted
        && let Some(parent) = base.parent.clone().filter(|p| !p.contains('-'))
        && let Some(above) = finder.entry(&parent)?
    {
        base = above;
    }
    let leaves = printed_leaves(finder, &base)?;
    if leaves.is_empty() {
        return Ok(detailed);
    }
    let context = context(finder, read, candidate, affirmed);
    let groups = grouped(&base, leaves);
    let Some((chosen, satisfied, said)) = best_group(finder, &base, &groups, &context) else {
        return Ok(detailed);
    };
    if !satisfied && groups.len() > 1 {
        let choices: Vec<&Entry> = groups.iter().filter_map(|g| g.1.first()).collect();
        let text = format!(
            "{} {} needs more characters; the record should say which: {}.",
            dotted(&base.key),
            base.title,
            listed(&choices)
        );
        detailed.asked.push(asked(finder, text, &choices));
        return Ok(detailed);
    }
    let members = &groups[chosen].1;
    let picked = variants(finder, members, &context, &mut detailed);
    let plain = |t: &str| {
        let t = t.to_lowercase();
        [
            "unspecified",
            "without complication",
            "uncomplicated",
            " nos",
        ]
        .iter()
        .any(|w| t.contains(w))
    };
    detailed.generic = !said && picked.iter().all(|p| plain(&p.title));
    if detailed.generic && detailed.asked.is_empty() {
        unspecified(finder, &picked, &mut detailed)?;
    }
    for leaf in picked {
        if leaf.billable {
            detailed.codes.push(leaf);
        } else if let Some(extended) = seventh(finder, &leaf, &context, &mut detailed)? {
            detailed.codes.push(extended);
        }
    }
    let own = |r: &Range<usize>| candidate.range.start <= r.start && r.end <= candidate.range.end;
    if detailed
        .codes
        .iter()
        .any(|c| side(&c.title.to_lowercase()).is_some())
        && let Some(found) = &context.attributes.laterality
        && !own(&found.range)
    {
        detailed.beside.push(found.range.clone());
    }
    if let Some(found) = &context.attributes.stage
        && !own(&found.range)
        && detailed
            .codes
            .iter()
            .any(|c| stage_of(&c.title.to_lowercase()).as_deref() == Some(&found.value))
    {
        detailed.beside.push(found.range.clone());
    }
    Ok(detailed)
}

/// The levels that the list prints and nothing printed is below, at or below a code.
fn printed_leaves(finder: &mut Finder<'_>, base: &Entry) -> Result<Vec<Entry>, Error> {
    let rows = finder
        .desk
        .catalog
        .billable_below(finder.edition.id, &base.key, MOST_BELOW)?;
    let mut leaves: Vec<Entry> = Vec::new();
    let mut seen: HashSet<String> = HashSet::new();
    for row in rows {
        let leaf = match (&row.level, &row.parent) {
            (Level::Extended, Some(parent)) if row.key != base.key => {
                if !seen.insert(parent.clone()) {
                    continue;
                }
                match finder.entry(parent)? {
                    Some(parent) => parent,
                    None => continue,
                }
            }
            _ => row,
        };
        leaves.push(leaf);
    }
    Ok(leaves)
}

/// Leaves whose titles differ in side, trimester or "unspecified" alone, in printed order, by what else they say beyond the
/// base's title.
fn grouped(base: &Entry, leaves: Vec<Entry>) -> Vec<(String, Vec<Entry>)> {
    let words =
        |title: &str| -> Vec<String> { stripped(title).split(' ').map(str::to_owned).collect() };
    let known = words(&base.title);
    // "Right eye" and "bilateral": the part stands only where one of two is meant.
    let paired = leaves
        .iter()
        .any(|l| side(&l.title.to_lowercase()) == Some(Side::Both));
    let mut parts_of_body: HashSet<String> = HashSet::new();
    if paired {
        for leaf in &leaves {
            let title = leaf.title.to_lowercase();
            let mut before = "";
            for word in title.split(|c: char| !c.is_alphanumeric()) {
                if ["right", "left"].contains(&before) {
                    parts_of_body.extend(words(word));
                }
                before = word;
            }
        }
    }
    let mut groups: Vec<(String, Vec<Entry>)> = Vec::new();
    let mut of: HashMap<String, usize> = HashMap::new();
    for leaf in leaves {
        let name: Vec<String> = words(&leaf.title)
            .into_iter()
            .filter(|w| {
                ["with", "without", "not", "of"].contains(&w.as_str()) || !known.contains(w)
            })
            .filter(|w| !parts_of_body.contains(w))
            .collect();
        let name = name.join(" ");
        let name = name.trim_end_matches(" of").to_owned();
        let at = *of.entry(name.clone()).or_insert_with(|| {
            groups.push((name, Vec::new()));
            groups.len() - 1
        });
        groups[at].1.push(leaf);
    }
    groups
}

fn context<'c>(
    finder: &Finder<'_>,
    read: &Read<'_>,
    candidate: &Candidate,
    affirmed: &'c [HashSet<u32>],
) -> Context<'c> {
    let note = read.note;
    let attributes = note.attributes(candidate.range.clone());
    let mut phrase: HashSet<u32> = candidate.stems.iter().copied().collect();
    for range in [
        attributes.severity.as_ref().map(|f| &f.range),
        attributes.acuity.as_ref().map(|f| &f.range),
        attributes.healing.as_ref().map(|f| &f.range),
    ]
    .into_iter()
    .flatten()
    {
        phrase.extend(finder.stems(&note.text()[range.clone()]));
    }
    let mut near = HashSet::new();
    let mut lower = candidate.text.to_lowercase();
    if let Some(sentence) = note.sentence_of(&candidate.range) {
        let text = &note.text()[sentence.range.clone()];
        lower = text.to_lowercase();
        near = finder.stems(text);
        for own in finder.stems(OWN) {
            near.remove(&own);
        }
        // What the sentence denies is not near.
        let inside = |p: &&casebook_note::Phrase<'_>| {
            sentence.range.start <= p.range.start && p.range.end <= sentence.range.end
        };
        for other in read.phrases.iter().filter(inside) {
            use casebook_note::Assertion::*;
            if !matches!(other.assertion, Affirmed | Listed | Status) {
                for stem in finder.stems(other.text) {
                    if !phrase.contains(&stem) {
                        near.remove(&stem);
                    }
                }
            }
        }
    }
    Context {
        phrase,
        near,
        affirmed,
        stage: attributes.stage.as_ref().map(|f| f.value.clone()),
        attributes,
        trimester: note.pregnancy().map(|p| p.value.trimester),
        lower,
    }
}

/// The stage that a title names: `3b`, `unstageable`.
fn stage_of(title: &str) -> Option<String> {
    if title.contains("unstageable") {
        return Some("unstageable".to_owned());
    }
    let (_, rest) = title.split_once("stage ")?;
    let value: String = rest.chars().take_while(|c| c.is_alphanumeric()).collect();
    value
        .starts_with(|c: char| c.is_ascii_digit())
        .then_some(value)
}

/// The group that the note fits best, whether everything it says is said, and whether that is more than the base says.
fn best_group(
    finder: &Finder<'_>,
    base: &Entry,
    groups: &[(String, Vec<Entry>)],
    context: &Context<'_>,
) -> Option<(usize, bool, bool)> {
    let mut known = finder.stems(&stripped(&base.title));
    known.extend(finder.stems(SILENT));
    let mut best: Option<(f32, usize, bool, bool)> = None;
    for (place, (name, members)) in groups.iter().enumerate() {
        let title = members
            .first()
            .map_or(name.as_str(), |m| m.title.as_str())
            .to_lowercase();
        let parts = parts(name);
        let (mut score, mut unsaid, mut said) = (0.0, 0, false);
        let stage = stage_of(&title);
        for stem in finder.stems(&parts.plain) {
            if known.contains(&stem) {
                continue;
            }
            if context.phrase.contains(&stem) {
                score += 2.0;
                said = true;
            } else if context.near.contains(&stem) {
                score += 1.2;
                said = true;
            } else if stage.is_none() {
                score -= 0.7;
                unsaid += 1;
            }
        }
        match (&stage, &context.stage) {
            (Some(of), Some(wanted)) if of == wanted => {
                score += 4.0;
                said = true;
            }
            (Some(_), Some(_)) => score -= 4.0,
            (Some(_), None) => {
                score -= 1.5;
                unsaid += 1;
            }
            (None, _) => {}
        }
        for with in &parts.with {
            let stems: HashSet<u32> = finder.stems(with).difference(&known).copied().collect();
            if stems.is_empty() {
                continue;
            }
            if stems.is_subset(&context.phrase) {
                score += 2.5;
                said = true;
            } else if stems
                .iter()
                .all(|s| context.phrase.contains(s) || context.near.contains(s))
            {
                score += 1.5;
                said = true;
            } else if context.affirmed.iter().any(|a| stems.is_subset(a)) {
                // Official Guidelines I.A.15: "with" presumes the link.
                score += 1.0;
                said = true;
            } else {
                let some = stems.intersection(&context.phrase).count() as f32;
                score += 0.5 * some - 1.2 * (stems.len() as f32).min(2.0);
                unsaid += 1;
            }
        }
        for without in &parts.without {
            let stems: HashSet<u32> = finder.stems(without).difference(&known).copied().collect();
            let so = !stems.is_empty()
                && context.affirmed.iter().any(|a| stems.is_subset(a))
                && !context
                    .lower
                    .contains(&format!("without {}", without.trim()));
            score += if so { -2.0 } else { 0.3 };
        }
        let lower = title.as_str();
        if members.iter().any(|m| {
            let t = m.title.to_lowercase();
            t.contains("unspecified") || t.ends_with(" nos")
        }) {
            score += 0.4;
        }
        if lower.starts_with("other ") || lower.contains("other specified") {
            score -= 0.6;
        }
        if best.is_none_or(|b| score > b.0 + 1e-4) {
            best = Some((score, place, unsaid == 0, said));
        }
    }
    best.map(|b| (b.1, b.2, b.3))
}

/// The members of a group that the note's side and trimester choose: one, or one for each side.
fn variants(
    finder: &Finder<'_>,
    members: &[Entry],
    context: &Context<'_>,
    detailed: &mut Detailed,
) -> Vec<Entry> {
    let lower: Vec<String> = members.iter().map(|m| m.title.to_lowercase()).collect();
    let of_side = |wanted: Side| -> Vec<usize> {
        (0..members.len())
            .filter(|i| side(&lower[*i]) == Some(wanted))
            .collect()
    };
    let (rights, lefts, boths) = (
        of_side(Side::Right),
        of_side(Side::Left),
        of_side(Side::Both),
    );
    let mut left: Vec<usize> = (0..members.len()).collect();
    if !rights.is_empty() && !lefts.is_empty() {
        let none: Vec<usize> = (0..members.len())
            .filter(|i| side(&lower[*i]).is_none())
            .collect();
        left = match context.attributes.laterality.as_ref().map(|l| l.value) {
            Some(Laterality::Right) => rights,
            Some(Laterality::Left) => lefts,
            Some(Laterality::Bilateral) if !boths.is_empty() => boths,
            // Official Guidelines I.B.13: without a bilateral code, one for each side.
            Some(Laterality::Bilateral) => {
                return [rights[0], lefts[0]]
                    .iter()
                    .map(|i| members[*i].clone())
                    .collect();
            }
            None => {
                let choices: Vec<&Entry> = rights
                    .iter()
                    .take(1)
                    .chain(lefts.iter().take(1))
                    .chain(boths.iter().take(1))
                    .map(|i| &members[*i])
                    .collect();
                let which = if boths.is_empty() {
                    "right or left"
                } else {
                    "right, left or both"
                };
                let text = format!(
                    "The record should say which side ({which}): {}.",
                    listed(&choices)
                );
                let question = asked(finder, text, &choices);
                detailed.asked.push(question);
                none
            }
        };
    }
    let of_trimester = |word: &str| -> Vec<usize> {
        left.iter()
            .copied()
            .filter(|i| lower[*i].contains(&format!("{word} trimester")))
            .collect()
    };
    if !of_trimester("second").is_empty() || !of_trimester("third").is_empty() {
        let wanted = match context.trimester {
            Some(Trimester::First) => "first",
            Some(Trimester::Second) => "second",
            Some(Trimester::Third) => "third",
            None => "unspecified",
        };
        if context.trimester.is_none() {
            let choices: Vec<&Entry> = ["first", "second", "third"]
                .iter()
                .flat_map(|w| of_trimester(w).into_iter().take(1))
                .map(|i| &members[i])
                .collect();
            let text = format!("The record should say the trimester: {}.", listed(&choices));
            let question = asked(finder, text, &choices);
            detailed.asked.push(question);
        }
        left = of_trimester(wanted);
    }
    // What is left differs in how little it says.
    let rank = |i: &usize| {
        let t = &lower[*i];
        let other = t.starts_with("other ") || t.contains("other specified");
        let unspecified = t.contains("unspecified") || t.ends_with(" nos");
        (other, !unspecified, *i)
    };
    left.sort_by_key(rank);
    left.into_iter()
        .take(1)
        .map(|i| members[i].clone())
        .collect()
}

/// An unspecified form asks for the particular ones beside it.
fn unspecified(
    finder: &Finder<'_>,
    picked: &[Entry],
    detailed: &mut Detailed,
) -> Result<(), Error> {
    let Some(leaf) = picked.first() else {
        return Ok(());
    };
    let Some(parent) = leaf.parent.clone().filter(|p| !p.contains('-')) else {
        return Ok(());
    };
    let children = finder.desk.catalog.children(finder.edition.id, &parent)?;
    let choices: Vec<&Entry> = children
        .iter()
        .filter(|c| c.key != leaf.key && c.level == Level::Printed)
        .filter(|c| {
            !c.title.starts_with("Other") && !c.title.to_lowercase().contains("other specified")
        })
        .collect();
    if choices.len() < 2 {
        return Ok(());
    }
    let text = format!(
        "{} is the unspecified form; the record should say more if it can: {}.",
        dotted(&leaf.key),
        listed(&choices)
    );
    let question = asked(finder, text, &choices);
    detailed.asked.push(question);
    Ok(())
}

/// The code with its 7th character.
fn seventh(
    finder: &Finder<'_>,
    leaf: &Entry,
    context: &Context<'_>,
    detailed: &mut Detailed,
) -> Result<Option<Entry>, Error> {
    let children = finder.desk.catalog.children(finder.edition.id, &leaf.key)?;
    let care = context.attributes.care.as_ref().map(|c| c.value);
    let healing = context.attributes.healing.as_ref().map(|h| h.value);
    let severity = context
        .attributes
        .severity
        .as_ref()
        .map(|s| s.value)
        .or_else(|| {
            // Behind a comma it is this one's only if the sentence knows no other.
            let found: Vec<Severity> = [
                ("mild", Severity::Mild),
                ("moderate", Severity::Moderate),
                ("severe", Severity::Severe),
            ]
            .iter()
            .filter(|(word, _)| context.lower.contains(word))
            .map(|(_, severity)| *severity)
            .collect();
            (found.len() == 1).then(|| found[0])
        });
    let open = context
        .lower
        .split(|c: char| !c.is_alphanumeric())
        .any(|w| w == "open" || w == "compound");
    let mut best: Option<(f32, Entry)> = None;
    for child in children.into_iter().filter(|c| c.billable) {
        let meaning = child
            .title
            .strip_prefix(leaf.title.as_str())
            .unwrap_or(&child.title)
            .to_lowercase();
        let has = |word: &str| meaning.contains(word);
        let mut score = 0.0;
        let mut expect = |says: bool, so: bool| {
            if says {
                score += if so { 3.0 } else { -3.0 };
            }
        };
        expect(
            has("initial encounter"),
            matches!(care, None | Some(Care::Initial)),
        );
        expect(has("subsequent encounter"), care == Some(Care::Subsequent));
        expect(has("sequela"), care == Some(Care::Sequela));
        expect(has("closed fracture"), !open);
        expect(has("open fracture"), open);
        expect(
            has("routine healing"),
            matches!(healing, None | Some(Healing::Routine)),
        );
        expect(has("delayed healing"), healing == Some(Healing::Delayed));
        expect(has("nonunion"), healing == Some(Healing::Nonunion));
        expect(has("malunion"), healing == Some(Healing::Malunion));
        expect(has("mild"), severity == Some(Severity::Mild));
        expect(has("moderate"), severity == Some(Severity::Moderate));
        expect(has("severe"), severity == Some(Severity::Severe));
        if has("unspecified") || has("not applicable") {
            score += 0.5;
        }
        if has("indeterminate") || has("fetus") && !has("not applicable") {
            score -= 1.0;
        }
        if has("with ") && !has("without") {
            let said = finder.stems(&meaning);
            let all = !said.is_empty()
                && said
                    .iter()
                    .all(|s| context.phrase.contains(s) || context.near.contains(s));
            score += if all { 2.0 } else { -0.5 };
        }
        if best.as_ref().is_none_or(|b| score > b.0) {
            best = Some((score, child));
        }
    }
    if let Some(found) = &context.attributes.care
        && best.is_some()
    {
        detailed.beside.push(found.range.clone());
    }
    Ok(best.map(|b| b.1))
}

/// Choices as a question lists them.
fn listed(choices: &[&Entry]) -> String {
    let mut named: Vec<String> = choices
        .iter()
        .take(CHOICES)
        .map(|c| format!("{} {}", dotted(&c.key), c.title))
        .collect();
    if choices.len() > CHOICES {
        named.push("…".to_owned());
    }
    named.join("; ")
}

fn asked(finder: &Finder<'_>, text: String, choices: &[&Entry]) -> Asked {
    Asked {
        text,
        about: None,
        sources: choices
            .iter()
            .take(CHOICES)
            .map(|c| cited(finder.edition, finder.desk.on, c))
            .collect(),
    }
}

fn cited(edition: &Edition, on: chrono::NaiveDate, code: &Entry) -> Source {
    (
        tabular_citation(edition, &code.key, &code.title),
        tabular_edition(edition, on),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_in_parts() {
        let p = parts("type 1 diabetes mellitus with ketoacidosis without coma");
        assert_eq!(p.plain.trim(), "type 1 diabetes mellitus");
        assert_eq!(p.with, [" ketoacidosis"]);
        assert_eq!(p.without, [" coma"]);
        let p =
            parts("laceration without foreign body of left index finger without damage to nail");
        assert_eq!(p.plain.trim(), "laceration of left index finger");
        assert_eq!(p.without, [" foreign body", " damage to nail"]);
    }

    #[test]
    fn sides_and_stages_of_titles() {
        assert_eq!(side("pain in right knee"), Some(Side::Right));
        assert_eq!(side("combined disorders of right and left heart"), None);
        assert_eq!(side("nuclear cataract, bilateral"), Some(Side::Both));
        assert_eq!(
            stage_of("chronic kidney disease, stage 3b").as_deref(),
            Some("3b")
        );
        assert_eq!(
            stage_of("pressure ulcer, unstageable").as_deref(),
            Some("unstageable")
        );
        assert_eq!(stage_of("mild stage"), None);
        assert_eq!(stage_of("unspecified stage"), None);
    }
}
