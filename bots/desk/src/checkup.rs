//! What `casebook doctor` finds: a line for each thing that was looked at, for the operator.
//!
//! Each platform's crate looks at its own side and hands over [`Check`] values. None of them holds a token, a key or a word
//! of anybody's question.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::DateTime;
use serde::Serialize;

/// How something stands. The worst of all lines is the whole's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// As it should be.
    Ok,
    /// Casebook runs, and something is missing or not as it seems to be meant.
    Warning,
    /// Casebook does not run, or not what is configured.
    Failed,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at: `Slack: bot token`.
    pub name: String,
    /// How it stands.
    pub health: Health,
    /// What was found.
    pub found: String,
    /// What to do next; empty where nothing is to be done.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub next: String,
}

impl Check {
    /// As it should be.
    pub fn ok(name: &str, found: impl Into<String>) -> Self {
        Self::new(name, Health::Ok, found, "")
    }

    /// Works, and deserves a look.
    pub fn warning(name: &str, found: impl Into<String>, next: impl Into<String>) -> Self {
        Self::new(name, Health::Warning, found, next)
    }

    /// Does not work.
    pub fn failed(name: &str, found: impl Into<String>, next: impl Into<String>) -> Self {
        Self::new(name, Health::Failed, found, next)
    }

    /// With everything given.
    pub fn new(
        name: &str,
        health: Health,
        found: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            health,
            found: found.into(),
            next: next.into(),
        }
    }
}

/// Beyond this both platforms' signatures count as too old or not yet made, and ours as theirs.
const SIGNATURES: Duration = Duration::from_secs(5 * 60);
/// Beyond this a clock is not kept by anybody.
const DRIFT: Duration = Duration::from_secs(30);

/// This machine's clock against the `Date` of an answer that came at `now`. `whose`: the platform's name.
pub fn clock(whose: &str, date: Option<&str>, now: SystemTime) -> Check {
    let name = format!("{whose}: clock");
    let theirs = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok());
    let (Some(theirs), Ok(ours)) = (theirs, now.duration_since(UNIX_EPOCH)) else {
        return Check::warning(
            &name,
            format!("{whose}'s answer names no time, so the clock cannot be compared"),
            "see that this machine keeps its time (NTP)",
        );
    };
    let ours = i64::try_from(ours.as_secs()).unwrap_or(i64::MAX);
    let off = ours.saturating_sub(theirs.timestamp());
    let (by, which) = (
        off.unsigned_abs(),
        if off > 0 { "ahead of" } else { "behind" },
    );
    let found = format!("{by} s {which} {whose}'s");
    const NEXT: &str = "set this machine's clock and keep it by NTP: signed requests are refused beyond 5 minutes, and the \
                        date decides which editions are in force";
    match Duration::from_secs(by) {
        off if off >= SIGNATURES => Check::failed(&name, found, NEXT),
        off if off >= DRIFT => Check::warning(&name, found, NEXT),
        _ => Check::ok(&name, format!("within {} s of {whose}'s", DRIFT.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_held_against_the_date_of_an_answer() {
        const DATE: &str = "Tue, 01 Dec 2026 15:10:02 GMT";
        let at = |off: i64| {
            let there = DateTime::parse_from_rfc2822(DATE)
                .expect("a date")
                .timestamp();
            let seconds = u64::try_from(there + off).expect("after 1970");
            UNIX_EPOCH + Duration::from_secs(seconds)
        };
        for (off, health) in [
            (0, Health::Ok),
            (29, Health::Ok),
            (-29, Health::Ok),
            (30, Health::Warning),
            (-299, Health::Warning),
            (300, Health::Failed),
            (-4000, Health::Failed),
        ] {
            assert_eq!(clock("Slack", Some(DATE), at(off)).health, health, "{off}");
        }
        let behind = clock("Slack", Some(DATE), at(-4000));
        assert_eq!(behind.found, "4000 s behind Slack's");
        for date in [None, Some("yesterday")] {
            assert_eq!(clock("Slack", date, at(0)).health, Health::Warning);
        }
    }
}
