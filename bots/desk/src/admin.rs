//! What admins may read: gaps, usage, editions.

use std::collections::BTreeMap;
use std::fmt::Write;

use casebook_core::{EditionRef, Failure};
use casebook_state::StateError;
use chrono::{DateTime, NaiveDate};

use crate::{Notice, Person, Supplies, Tone};

const DAYS: u32 = 30;
/// Lines of a list; more would not be read in a chat.
const LINES: usize = 15;

const COMMANDS: &str = "Commands for admins: `gaps` lists what could not be answered, `usage` counts questions, \
                        `editions` lists what is loaded, `config` changes the settings of this channel.";

/// Answers a command for admins.
pub(crate) async fn run(
    supplies: &Supplies,
    words: &str,
    from: &Person,
) -> Result<Notice, Failure> {
    let command = words
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .to_lowercase();
    // What is loaded is no secret.
    if command != "editions" && !from.admin {
        return Ok(Notice::new(Tone::Denied, "Only admins can do this."));
    }
    let text = match command.as_str() {
        "gaps" => gaps(supplies).await?,
        "usage" => usage(supplies).await?,
        "editions" => editions(supplies)?,
        _ => COMMANDS.to_owned(),
    };
    Ok(Notice::new(Tone::Plain, text))
}

/// The state's failure, as two texts.
pub(crate) fn failed(why: StateError) -> Failure {
    Failure {
        for_person:
            "Casebook's own records could not be read or written. Please try again in a minute."
                .into(),
        for_operator: why.to_string(),
    }
}

async fn gaps(supplies: &Supplies) -> Result<String, Failure> {
    let gaps = supplies.state.gaps(DAYS).await.map_err(failed)?;
    if gaps.is_empty() {
        return Ok(format!(
            "Every question of the last {DAYS} days had an answer, or none was asked."
        ));
    }
    let all: u64 = gaps.iter().map(|gap| gap.n).sum();
    let mut text = format!("Questions without an answer in the last {DAYS} days: {all}");
    for gap in gaps.iter().take(LINES) {
        let about = if gap.topic.is_empty() {
            "no topic"
        } else {
            gap.topic.as_str()
        };
        let shapes = if gap.shapes.is_empty() {
            "no code"
        } else {
            gap.shapes.as_str()
        };
        let _ = write!(text, "\n{} × {}, {about}, {shapes}", gap.n, gap.intent);
        for words in &gap.texts {
            let _ = write!(text, "\n    {words}");
        }
    }
    left_out(&mut text, gaps.len());
    Ok(text)
}

async fn usage(supplies: &Supplies) -> Result<String, Failure> {
    let counts = supplies.state.usage(DAYS).await.map_err(failed)?;
    let opinions = supplies.state.opinions(DAYS).await.map_err(failed)?;
    let mut by_day: BTreeMap<i64, u64> = BTreeMap::new();
    let mut by_kind: BTreeMap<(&str, &str, &str), u64> = BTreeMap::new();
    for count in &counts {
        *by_day.entry(count.day).or_default() += count.n;
        *by_kind
            .entry((&count.platform, &count.intent, &count.verdict))
            .or_default() += count.n;
    }
    let all: u64 = by_day.values().sum();
    let mut text = format!("Questions in the last {DAYS} days: {all}");
    for (day, n) in by_day.iter().rev().take(7) {
        let _ = write!(text, "\n{}: {n}", date(*day));
    }
    let mut kinds: Vec<_> = by_kind.into_iter().collect();
    kinds.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    for ((platform, intent, verdict), n) in kinds.iter().take(LINES) {
        let _ = write!(text, "\n{platform}, {intent}, {verdict}: {n}");
    }
    left_out(&mut text, kinds.len());
    let _ = write!(
        text,
        "\nHelpful: {}. Not helpful: {}.",
        opinions.helpful, opinions.not_helpful
    );
    for reason in opinions.reasons.iter().take(5) {
        let _ = write!(text, "\n    {reason}");
    }
    Ok(text)
}

fn editions(supplies: &Supplies) -> Result<String, Failure> {
    let editions = supplies.respond.loaded()?;
    if editions.is_empty() {
        return Ok("No edition is loaded.".into());
    }
    let mut text = format!("Editions that are loaded: {}", editions.len());
    let said = editions_in_words(&editions);
    for line in said.iter().take(LINES * 2) {
        let _ = write!(text, "\n{line}");
    }
    if said.len() > LINES * 2 {
        let _ = write!(text, "\n… and {} more", said.len() - LINES * 2);
    }
    Ok(text)
}

/// Editions, a line for each. Documents of one source that came together are one line: a coverage database has thousands.
pub fn editions_in_words(editions: &[EditionRef]) -> Vec<String> {
    let mut said: Vec<(String, usize)> = Vec::new();
    for edition in editions {
        let through = edition
            .through
            .map_or(String::new(), |date| format!(" to {date}"));
        let force = match edition.in_force {
            true => "",
            false => ", not in force today",
        };
        let line = format!(
            "{}, {}: from {}{through}{force}",
            edition.source, edition.edition, edition.effective
        );
        match said.last_mut() {
            Some((last, n)) if *last == line => *n += 1,
            _ => said.push((line, 1)),
        }
    }
    let counted = said.into_iter().map(|(line, n)| match n {
        1 => line,
        n => format!("{line} ({n} of them)"),
    });
    counted.collect()
}

fn left_out(text: &mut String, all: usize) {
    if all > LINES {
        let _ = write!(text, "\n… and {} more", all - LINES);
    }
}

fn date(day: i64) -> NaiveDate {
    DateTime::from_timestamp(day * 86_400, 0)
        .unwrap_or_default()
        .date_naive()
}
