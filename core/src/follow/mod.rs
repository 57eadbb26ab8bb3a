//! What a follow-up asks: "and for Medicaid?" after "can I bill 77003 with 62323?".
//!
//! [`whole`] decides whether a question stands alone. If it does not, it is written out as one that does, from the
//! latest earlier question and what the new one changes in it: codes, modifiers, date, place, payer, topic, or words
//! that qualify a condition. Everything after it reads that one text, and the answer repeats it ([`Answer::read_as`]),
//! so that a person sees how he was understood.
//!
//! A question that stands alone is not changed; in doubt, a question stands alone. Pure: the one thing looked up is a
//! diagnosis's title, through a function that is handed in.
//!
//! [`Answer::read_as`]: crate::Answer::read_as

mod reading;

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::catalog::localities::state_in;
use crate::code::System;
use crate::question::Mention;
use crate::tables::together;
use crate::topic::Topic;
use reading::{
    Class, Cue, OPENERS, PREPOSITIONS, Reading, Role, is_diagnosis, is_in, is_procedure, joined,
    regex, replaced, spans_of, varies_by_place,
};

/// Earlier questions that are looked at; a conversation that is longer began with something else.
const READ_BACK: usize = 10;

/// Words of its own that a question with a pronoun may have; with more it tells a story of its own.
const SAID_OF_IT: usize = 4;

/// Where a question places what it asks about, as in "in Texas".
pub(crate) fn place(text: &str) -> Option<String> {
    let read = Reading::of(text, true)?;
    read.place.is_some().then(|| read.said(&read.place, "in"))
}

/// The question written out, where it does not stand alone after those `before` it, the latest last. `title` gives the
/// title of a diagnosis, where it is one.
pub fn whole(
    text: &str,
    before: &[String],
    title: &dyn Fn(&str) -> Option<String>,
) -> Option<String> {
    let recent = before.len().saturating_sub(READ_BACK);
    let mut earlier: Option<String> = None;
    for asked in &before[recent..] {
        let read = earlier
            .as_deref()
            .and_then(|earlier| after(asked, earlier, title))
            .unwrap_or_else(|| asked.clone());
        // "Thanks!" is no question to follow.
        if Reading::of(&read, false).is_some_and(|r| r.has_subject() || !r.topics.is_empty()) {
            earlier = Some(read);
        }
    }
    after(text, &earlier?, title)
}

/// The question with the codes that a person chose to ask about, where it names none of its own.
pub fn about(text: &str, codes: &[String]) -> Option<String> {
    if codes.is_empty() {
        return None;
    }
    let chosen = codes.join(" and ");
    let asked = Reading::of(text, false);
    let Some(asked) = asked else {
        return text.trim().is_empty().then(|| codes.join(" "));
    };
    let named = asked.codes();
    if codes.iter().all(|c| named.iter().any(|m| same_code(m, c))) {
        return None;
    }
    if let Some(pronoun) = asked.pronoun() {
        return Some(replaced(&asked.text, vec![(pronoun, chosen)]));
    }
    if named.is_empty() {
        let (body, tail) = asked.parted();
        return Some(joined(&[&body, "for", &chosen, &tail]));
    }
    together(&asked.question.words)
        .then(|| joined(&[&asked.text, &format!("(and {chosen})")]))
        .or_else(|| asked.elliptical.then(|| joined(&[&chosen, &asked.text])))
}

fn same_code(mention: &Mention, code: &str) -> bool {
    let plain = |text: &str| text.replace('.', "").to_uppercase();
    plain(&mention.code) == plain(code.split('-').next().unwrap_or(code))
}

/// Of those, the ones that add to a condition instead of naming another.
const ADDING: &str =
    "with without in during after due because when while following secondary if on before by from";

static DEFINING: LazyLock<Option<Regex>> = LazyLock::new(|| {
    regex(
        r"(?i)^(?:what(?:'s| is| are)\s+(?:an?\s|the (?:meaning|definition|difference))|what (?:does|do) .*\b(?:mean|stand for)\b|define\b|explain\b|meaning of\b)",
    )
});
/// "What is medical necessity?" asks what the words mean; "what is the fee?" asks for the fee of something.
static NAMING: LazyLock<Option<Regex>> =
    LazyLock::new(|| regex(r"(?i)^what(?:'s|s|\s+is|\s+are)\s+(\w+)"));
static CODE_TOGETHER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    regex(r"(?i)^(?:together\s+)?(?:with|plus|alongside|beside|next to)\s+(?:code\s+|cpt\s+)?$")
});

/// A follow-up to one earlier question, written out; `None` where it stands alone.
fn after(text: &str, earlier: &str, title: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let earlier = Reading::of(earlier, false)?;
    let placed = earlier.topics.iter().any(|t| varies_by_place(*t));
    let mut new = Reading::of(text, placed)?;
    bare_modifiers(&mut new, &earlier);
    let both = Both {
        new: &new,
        earlier: &earlier,
        title,
    };
    let mut written = both.written()?;
    if text.trim_end().ends_with('?') {
        written.push('?');
    }
    Some(written)
}

/// "and with 59?" after a procedure: two characters that only a modifier has there.
fn bare_modifiers(new: &mut Reading, earlier: &Reading) {
    if !earlier.codes().iter().any(|m| is_procedure(m)) || !new.modifiers().is_empty() {
        return;
    }
    let mut found = Vec::new();
    for (i, (range, role)) in new.words.iter().enumerate() {
        let typed = &new.text[range.clone()];
        let previous = i.checked_sub(1).map(|i| new.lower(&new.words[i].0));
        let led = previous.as_deref().map_or(new.words.len() == 1, |w| {
            [
                "with",
                "using",
                "add",
                "adding",
                "append",
                "appending",
                "plus",
            ]
            .contains(&w)
        });
        let formed = typed.len() == 2
            && typed
                .chars()
                .all(|c| c.is_ascii_digit() || c.is_ascii_uppercase())
            && state_in(typed).is_none();
        if led && formed && !matches!(role, Role::Code | Role::Date) {
            found.push((i, typed.to_owned()));
        }
    }
    for (i, typed) in found {
        new.words[i].1 = Role::Modifier;
        new.question.mentions.push(Mention {
            code: typed.clone(),
            typed,
            systems: vec![System::Modifier],
            sure: true,
            modifiers: Vec::new(),
        });
        new.elliptical = true;
    }
}

/// A question and the one before it.
struct Both<'a> {
    new: &'a Reading,
    earlier: &'a Reading,
    title: &'a dyn Fn(&str) -> Option<String>,
}

impl Both<'_> {
    fn written(&self) -> Option<String> {
        let (new, earlier) = (self.new, self.earlier);
        // "right knee?" after one about the left knee.
        let changes_quality = new.words.len() <= 4
            && !new.qualities().is_empty()
            && !self.begins_with(OPENERS)
            && self.known_content();
        let linked = new.opened.is_some() || new.elliptical || changes_quality;
        let codes = new.codes();
        if let Some(pronoun) = new.pronoun() {
            return self.for_pronoun(pronoun);
        }
        if !codes.is_empty() {
            // A code by itself is a question by itself.
            let led = new.opened.is_some() || self.begins_with(PREPOSITIONS);
            return led.then(|| self.other_codes(&codes)).flatten();
        }
        if !new.modifiers().is_empty() {
            let led = new.opened.is_some() || self.begins_with("with using plus add adding append");
            return led.then(|| self.with_modifiers()).flatten();
        }
        let defining = DEFINING.as_ref().is_some_and(|p| p.is_match(&new.text))
            || NAMING
                .as_ref()
                .and_then(|p| p.captures(&new.text))
                .is_some_and(|c| !["the", "its", "their"].contains(&c[1].to_lowercase().as_str()));
        let known = self.known_content();
        if defining && new.opened.is_none() {
            return None;
        }
        if known && !new.topics.is_empty() {
            return self.other_topic();
        }
        if !linked {
            return None;
        }
        if known && new.qualities().is_empty() {
            let changes = new.date.is_some() || new.place.is_some() || new.payer.is_some();
            return (changes && earlier.has_subject()).then(|| self.changed(Vec::new(), ""));
        }
        if known {
            return self.qualified();
        }
        new.opened.and_then(|cue| self.other_condition(cue))
    }

    fn begins_with(&self, words: &str) -> bool {
        self.new
            .words
            .first()
            .is_some_and(|(range, _)| is_in(words, &self.new.lower(range)))
    }

    /// Whether the new question says nothing that the earlier one did not: its words qualify or repeat.
    fn known_content(&self) -> bool {
        let said: Vec<String> = self
            .earlier
            .words
            .iter()
            .map(|(r, _)| self.earlier.lower(r))
            .collect();
        self.new
            .content()
            .iter()
            .all(|r| said.contains(&self.new.lower(r)))
    }

    /// The earlier question with `edits` and `more` at its end, and the date, place and payer of the new one where it
    /// names them.
    fn changed(&self, mut edits: Vec<(Range<usize>, String)>, more: &str) -> String {
        let (new, earlier) = (self.new, self.earlier);
        let overlaps = |a: &Range<usize>, b: &Range<usize>| a.start < b.end && b.start < a.end;
        for span in [&earlier.date, &earlier.place].into_iter().flatten() {
            if !edits.iter().any(|(range, _)| overlaps(range, span)) {
                edits.push((span.clone(), String::new()));
            }
        }
        let mut payer = String::new();
        if let Some(named) = new.payer_said() {
            match &earlier.payer {
                Some(span) if !edits.iter().any(|(range, _)| overlaps(range, span)) => {
                    edits.push((span.clone(), named.to_owned()));
                }
                _ => payer = format!("for {named}"),
            }
        }
        let body = replaced(&earlier.text, edits);
        joined(&[&body, more, &payer, &self.tail(true)])
    }

    /// Date and place: the new question's, else the earlier one's.
    fn tail(&self, placed: bool) -> String {
        let (new, earlier) = (self.new, self.earlier);
        let date = match new.date {
            Some(_) => new.said(&new.date, "on"),
            None => earlier.said(&earlier.date, "on"),
        };
        let place = match new.place {
            Some(_) => new.said(&new.place, "in"),
            None if placed => earlier.said(&earlier.place, "in"),
            None => String::new(),
        };
        joined(&[&date, &place])
    }

    /// The new question's words, with what they leave to the earlier one at their end.
    fn completed(&self, body: &str, topics: &[Topic]) -> String {
        let payer = match (self.new.payer_said(), self.earlier.payer_said()) {
            (None, Some(payer)) => format!("for {payer}"),
            _ => String::new(),
        };
        let placed = topics.iter().any(|t| varies_by_place(*t));
        joined(&[body, &payer, &self.tail(placed)])
    }

    /// "can it be billed with 77003?"
    fn for_pronoun(&self, pronoun: Range<usize>) -> Option<String> {
        let subject = self.earlier.subject()?;
        // A code in the question may be what the pronoun stands for: "is 77003 bundled, or can it be billed?"
        let codes = self.new.codes();
        // So may a thing that it names: "if a patient has sepsis and pneumonia, are both coded?"
        if self
            .new
            .content()
            .iter()
            .any(|range| range.end <= pronoun.start)
            || self.new.content().len() > SAID_OF_IT
        {
            return None;
        }
        if codes.iter().any(|m| {
            spans_of(&self.new.text, &m.typed)
                .iter()
                .any(|r| r.start < pronoun.start)
        }) {
            return None;
        }
        let cut: Vec<_> = [&self.new.date, &self.new.place]
            .into_iter()
            .flatten()
            .filter(|span| span.start >= pronoun.end)
            .map(|span| (span.clone(), String::new()))
            .chain([(pronoun.clone(), subject)])
            .collect();
        let body = replaced(&self.new.text, cut);
        Some(self.completed(&body, &self.new.topics))
    }

    /// "what about 77003?", "and with 77002?", "and the fee of 77003?"
    fn other_codes(&self, codes: &[&Mention]) -> Option<String> {
        let (new, earlier) = (self.new, self.earlier);
        if !new.content().is_empty() || self.begins_with(OPENERS) && new.topics.is_empty() {
            return None;
        }
        if !new.topics.is_empty() {
            new.opened?;
            let (body, _) = new.parted();
            return Some(self.completed(&body, &new.topics));
        }
        let typed: Vec<&str> = codes.iter().map(|m| m.typed.as_str()).collect();
        let named = typed.join(" and ");
        let before: Vec<&Mention> = earlier.codes();
        if codes.iter().all(|c| {
            before
                .iter()
                .any(|b| b.code == c.code && b.modifiers == c.modifiers)
        }) {
            return None;
        }
        let pair = before.len() > 1 && together(&earlier.question.words);
        let first = new.words.iter().find(|(_, role)| *role == Role::Code)?;
        let with = CODE_TOGETHER
            .as_ref()
            .is_some_and(|p| p.is_match(&new.text[..first.0.start]));
        if with && !pair && !before.is_empty() {
            let asked = format!("can I bill {} with {named}", earlier.subject()?);
            return Some(joined(&[&asked, &self.tail(false)]));
        }
        let Some(last) = before.last() else {
            // A topic that was asked of a condition is asked of the code.
            let topic = *earlier.topics.first()?;
            return Some(joined(&[phrase(topic), &named, &self.tail(true)]));
        };
        if pair && codes.len() == 1 {
            // The one that it is like, else the last.
            let alike = |m: &&&Mention| shared_start(&m.code, &codes[0].code);
            let likest = before.iter().max_by_key(alike).filter(|m| alike(m) > 0);
            let replaced = likest.unwrap_or(last);
            let spans = spans_of(&earlier.text, &replaced.typed);
            return Some(self.changed(spans.into_iter().map(|r| (r, named.clone())).collect(), ""));
        }
        let mut edits = Vec::new();
        for (i, mention) in before.iter().enumerate() {
            let with = match (pair && codes.len() == before.len(), i) {
                (true, i) => typed[i].to_owned(),
                (false, 0) => named.clone(),
                _ => String::new(),
            };
            edits.extend(
                spans_of(&earlier.text, &mention.typed)
                    .into_iter()
                    .map(|r| (r, with.clone())),
            );
        }
        // What joined codes that are no longer there goes with them.
        if before.len() > codes.len() || before.len() > 1 && !pair {
            let asked = match earlier.topics.first() {
                Some(topic) => phrase(*topic).to_owned(),
                None => return (!pair).then(|| joined(&[&named, &self.tail(false)])),
            };
            return Some(joined(&[&asked, &named, &self.tail(true)]));
        }
        Some(self.changed(edits, ""))
    }

    /// "and with modifier 59?"
    fn with_modifiers(&self) -> Option<String> {
        let (new, earlier) = (self.new, self.earlier);
        if !new.content().is_empty()
            || self.begins_with(OPENERS) && !self.begins_with("modifier modifiers")
        {
            return None;
        }
        let modifiers = new.modifiers();
        let named = format!("modifier {}", modifiers.join(" and "));
        let codes = earlier.codes();
        let procedures: Vec<&&Mention> = codes.iter().filter(|m| is_procedure(m)).collect();
        let attaches = together(&earlier.question.words) && codes.len() > 1
            || earlier.topics.contains(&Topic::Fee);
        if attaches && let Some(first) = procedures.first() {
            // 24, 25 and 57 stand on evaluation and management codes, the others do not.
            let visit = |m: &Mention| ("99202"..="99499").contains(&m.code.as_str());
            let wants_visit = modifiers
                .iter()
                .any(|m| ["24", "25", "57"].contains(&m.as_str()));
            let on = procedures
                .iter()
                .find(|m| visit(m) == wants_visit)
                .unwrap_or(first);
            let plain = on.typed.split('-').next().unwrap_or(&on.typed);
            let with = format!("{plain}-{}", modifiers.join("-"));
            let spans = spans_of(&earlier.text, &on.typed);
            return Some(self.changed(spans.into_iter().map(|r| (r, with.clone())).collect(), ""));
        }
        if !codes.is_empty() {
            return (!procedures.is_empty())
                .then(|| self.changed(Vec::new(), &format!("with {named}")));
        }
        let before = earlier.modifiers();
        if before.is_empty() {
            return earlier
                .has_subject()
                .then(|| self.changed(Vec::new(), &format!("with {named}")));
        }
        if self.begins_with("with") {
            return Some(self.changed(Vec::new(), &named));
        }
        // Another modifier in the place of those that were asked about.
        let of: Vec<&Range<usize>> = earlier
            .words
            .iter()
            .filter(|(range, role)| {
                *role == Role::Modifier && !earlier.lower(range).starts_with("mod")
            })
            .map(|(range, _)| range)
            .collect();
        let (first, last) = (of.first()?, of.last()?);
        Some(self.changed(vec![(first.start..last.end, modifiers.join(" and "))], ""))
    }

    /// "and the fee?", "is it covered?", "what is the MUE?"
    fn other_topic(&self) -> Option<String> {
        let (new, earlier) = (self.new, self.earlier);
        let codes = earlier.codes();
        let of_services = |t: &Topic| {
            matches!(
                t,
                Topic::Fee
                    | Topic::Units
                    | Topic::Edits
                    | Topic::AddOn
                    | Topic::Indicators
                    | Topic::Modifiers
            )
        };
        let service = codes
            .iter()
            .any(|m| !is_diagnosis(m) || m.systems.len() > 1);
        if new.topics.iter().all(of_services) && !codes.is_empty() && !service {
            return None;
        }
        // Without a code, only what is linked by a word is meant of the condition.
        if codes.is_empty() && (new.opened.is_none() || earlier.condition().is_none()) {
            return None;
        }
        let subject = earlier.subject()?;
        let (body, _) = new.parted();
        let body = body.trim_end_matches(" for").trim_end_matches(" of");
        Some(self.completed(&joined(&[body, "for", &subject]), &new.topics))
    }

    /// "what about bilateral?", "and the left knee?", "chronic?"
    fn qualified(&self) -> Option<String> {
        let (new, earlier) = (self.new, self.earlier);
        let qualities = new.qualities();
        let codes = earlier.codes();
        if codes.iter().any(|m| is_procedure(m)) {
            // A table says how a procedure is paid on both sides.
            let both = new
                .words
                .iter()
                .any(|(r, _)| new.lower(r).starts_with("bilateral"));
            let subject = earlier.subject()?;
            return both.then(|| joined(&["bilateral indicator of", &subject, &self.tail(false)]));
        }
        if let Some(code) = codes.first() {
            let title = (codes.len() == 1)
                .then(|| (self.title)(&code.code))
                .flatten()?;
            let said = self.requalified(&title, &qualities);
            return Some(joined(&["code for", &said, &self.tail(false)]));
        }
        let span = earlier.condition()?;
        let said = self.requalified(&earlier.text[span.clone()], &qualities);
        Some(self.changed(vec![(span, said)], ""))
    }

    /// A condition with other qualities: each in the place of those of its class, else before it.
    fn requalified(&self, condition: &str, qualities: &[(Class, &Range<usize>)]) -> String {
        let mut said = condition.to_owned();
        for (class, range) in qualities {
            let with = &self.new.text[(*range).clone()];
            let Some(old) = Reading::of(&said, false) else {
                continue;
            };
            let same: Vec<Range<usize>> = old
                .qualities()
                .into_iter()
                .filter(|(c, _)| c == class)
                .map(|(_, r)| r.clone())
                .collect();
            said = if same.is_empty() {
                let with = match class {
                    Class::Type => format!("type {with}"),
                    _ => with.to_owned(),
                };
                joined(&[&with, &old.text])
            } else {
                let mut edits: Vec<_> = same.into_iter().map(|r| (r, String::new())).collect();
                edits[0].1 = with.to_owned();
                replaced(&old.text, edits)
            };
        }
        said
    }

    /// "what about neck pain?", "and with sciatica?"
    fn other_condition(&self, cue: Cue) -> Option<String> {
        let (new, earlier) = (self.new, self.earlier);
        let (body, _) = new.parted();
        let adds = self.begins_with(ADDING);
        if self.begins_with(OPENERS) {
            return None;
        }
        let codes = earlier.codes();
        if let [code] = codes[..]
            && adds
            && is_diagnosis(code)
        {
            let title = (self.title)(&code.code)?;
            // "without complications" and "unspecified" are what the new words change.
            let kept = title.split(" without ").next().unwrap_or(&title);
            let kept = kept.trim_end_matches(", unspecified");
            return Some(joined(&["code for", kept, &body, &self.tail(false)]));
        }
        if !earlier.question.mentions.is_empty() {
            return None;
        }
        let span = earlier.condition()?;
        let condition = &earlier.text[span.clone()];
        if adds {
            let again = condition.to_lowercase().find(" with ");
            if let (Cue::About, Some(at), true) = (cue, again, self.begins_with("with")) {
                let from = span.start + at;
                return Some(self.changed(vec![(from..span.end, format!(" {body}"))], ""));
            }
            return Some(self.changed(Vec::new(), &body));
        }
        let bare = body
            .strip_prefix("for ")
            .or(body.strip_prefix("of "))
            .unwrap_or(&body)
            .to_owned();
        match earlier.is_phrase(&span) {
            true => Some(self.changed(vec![(span, bare)], "")),
            false => Some(self.changed(Vec::new(), &bare)),
        }
    }
}

fn shared_start(a: &str, b: &str) -> usize {
    a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count()
}

/// How a topic is asked of a code.
fn phrase(topic: Topic) -> &'static str {
    match topic {
        Topic::Fee => "fee for",
        Topic::Units => "MUE for",
        Topic::Edits => "PTP edits of",
        Topic::AddOn => "add-on codes of",
        Topic::Modifiers => "which modifiers apply to",
        Topic::Indicators => "global days of",
        Topic::Coverage => "coverage of",
        Topic::Poa => "POA exempt",
        Topic::Hcc => "HCC of",
        Topic::Crosswalk => "ICD-9 crosswalk of",
        Topic::History => "history of",
        Topic::Index => "index entries of",
        Topic::Code | Topic::Notes | Topic::Attributes | Topic::Rules => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn title(code: &str) -> Option<String> {
        match code {
            "M1711" => Some("Unilateral primary osteoarthritis, right knee".to_owned()),
            "E119" => Some("Type 2 diabetes mellitus without complications".to_owned()),
            _ => None,
        }
    }

    fn check(before: &[&str], text: &str, expected: &str) {
        let before: Vec<String> = before.iter().map(|b| (*b).to_owned()).collect();
        let read = whole(text, &before, &title);
        let expected = if expected.is_empty() {
            None
        } else {
            Some(expected)
        };
        assert_eq!(read.as_deref(), expected, "{text:?} after {before:?}");
    }

    /// Every line of `core/tests/follow.tsv`.
    #[test]
    fn follow_ups_and_questions_that_stand_alone() {
        let cases = include_str!("../../tests/follow.tsv");
        let mut wrong = Vec::new();
        for line in cases
            .lines()
            .filter(|l| !l.is_empty() && !l.starts_with('#'))
        {
            let mut columns = line.split('\t');
            let mut column = || columns.next().unwrap_or_default();
            let (before, text, expected) = (column(), column(), column());
            let before: Vec<String> = before.split(" > ").map(str::to_owned).collect();
            let read = whole(text, &before, &title).unwrap_or_default();
            if read != expected {
                wrong.push(format!("{line}\n    was read as {read:?}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn a_longer_conversation() {
        let pair = "can I bill 77003 with 62323?";
        let asked = [pair, "and with modifier 59?", "thanks!", "on 6/1/2020?"];
        let whole = "can I bill 77003-59 with 62323 for Medicaid on 6/1/2020?";
        check(&asked, "and for Medicaid?", whole);
        // A question that stands alone begins anew.
        let asked = ["fee for 99213 in Texas", "M54.50"];
        check(&asked, "ICD-9?", "ICD-9 for M54.50?");
        check(&[], "and for Medicaid?", "");
        check(&["", "\u{0}"], "and for Medicaid?", "");
    }

    #[test]
    fn chosen_codes() {
        let on = |text: &str, codes: &[&str]| {
            let codes: Vec<String> = codes.iter().map(|c| (*c).to_owned()).collect();
            about(text, &codes)
        };
        assert_eq!(
            on("what is the fee in Texas?", &["62323"]).as_deref(),
            Some("what is the fee for 62323 in Texas")
        );
        assert_eq!(
            on("can it be billed with 77003", &["62323"]).as_deref(),
            Some("can 62323 be billed with 77003")
        );
        assert_eq!(
            on("", &["62323", "M54.50"]).as_deref(),
            Some("62323 M54.50")
        );
        assert_eq!(on("fee for 62323", &["62323"]), None);
        assert_eq!(on("fee for 62323", &[]), None);
    }
}
