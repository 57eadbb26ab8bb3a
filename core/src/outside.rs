//! Questions that Casebook does not answer, by kind.
//!
//! `core/outside.tsv` holds some hundred examples of each kind, written by us. They are embedded like the questions that the
//! digest answers, so that a new question is known by the company it keeps: what is nearest to "which antibiotic for a
//! kidney infection" asks for treatment, however many passages speak of kidney infections.

use crate::answer::Verdict;

const LIST: &str = include_str!("../outside.tsv");

/// A kind of question that is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outside {
    /// Treatment, dosage, what a clinician should do.
    Clinical,
    /// The person's own symptoms or illness.
    OwnHealth,
    /// Billing for what was not done or not documented, hiding something from an auditor.
    Cheating,
    /// Rules and rates of a payer of whom nothing is loaded.
    Payer,
    /// Editions, codes and rates that nobody has published yet.
    Future,
    /// Code systems that are not medical coding's, or not loaded.
    OtherCodeSystem,
    /// The asker's own claims, staff, schedules and screens.
    OwnRecords,
    /// Examinations, salaries, which product to buy.
    Career,
    /// Commands to the program rather than questions.
    Injection,
    /// Anything else, among it words of coding in another sense.
    OffTopic,
}

impl Outside {
    fn named(kind: &str) -> Option<Self> {
        Some(match kind {
            "clinical" => Self::Clinical,
            "own_health" => Self::OwnHealth,
            "cheating" => Self::Cheating,
            "payer" => Self::Payer,
            "future" => Self::Future,
            "other_code_system" => Self::OtherCodeSystem,
            "own_records" => Self::OwnRecords,
            "career" => Self::Career,
            "injection" => Self::Injection,
            "off_topic" | "near_miss" | "small_talk" => Self::OffTopic,
            _ => return None,
        })
    }

    /// As it is named in the store.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Clinical => "outside clinical",
            Self::OwnHealth => "outside own_health",
            Self::Cheating => "outside cheating",
            Self::Payer => "outside payer",
            Self::Future => "outside future",
            Self::OtherCodeSystem => "outside other_code_system",
            Self::OwnRecords => "outside own_records",
            Self::Career => "outside career",
            Self::Injection => "outside injection",
            Self::OffTopic => "outside off_topic",
        }
    }

    /// The kind that a key of the store names.
    pub(crate) fn by_key(key: &str) -> Option<Self> {
        Self::named(key.strip_prefix("outside ")?)
    }

    /// Declined, or only without an answer.
    pub fn verdict(self) -> Verdict {
        match self {
            Self::Clinical | Self::OwnHealth | Self::Cheating | Self::Injection => Verdict::Refused,
            _ => Verdict::NoAnswer,
        }
    }

    /// The sentence for the person who asked.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Clinical => {
                "Casebook codes what a clinician has documented; it gives no advice on diagnosis, treatment or dosage."
            }
            Self::OwnHealth => {
                "Casebook is for coding records, not for anyone's own symptoms: please ask a clinician, or call your \
                 local emergency number if it is urgent."
            }
            Self::Cheating => {
                "Casebook does not help to bill for what was not done or not documented; code what the record \
                 supports, or ask your compliance officer."
            }
            Self::Payer => {
                "Nothing is loaded from that payer: Casebook's sources are ICD-10-CM, HCPCS and Medicare's rules. Look in \
                 the payer's own policies, or ask for Medicare's rule."
            }
            Self::Future => {
                "No loaded edition covers that time: what is not published yet cannot be quoted. Name a date of service \
                 up to today, or leave it out."
            }
            Self::OtherCodeSystem => {
                "That code system is not loaded. Casebook answers on ICD-10-CM, ICD-10-PCS, HCPCS and CPT numbers, \
                 modifiers, NCCI edits and Medicare coverage."
            }
            Self::OwnRecords => {
                "Casebook sees official sources only, none of your organisation's claims, schedules or records. Ask \
                 whoever runs that system."
            }
            Self::Career => {
                "This is not in the loaded sources, which are about codes and the rules for them."
            }
            Self::Injection => {
                "Casebook answers coding questions from official sources and takes no other instructions. Ask with a \
                 code or in words, e.g. \"M54.50\" or \"what is modifier 25\"."
            }
            Self::OffTopic => {
                "This does not look like a coding question, and nothing in the loaded sources answers it. Ask with a \
                 code or in words, e.g. \"M54.50\" or \"what is modifier 25\"."
            }
        }
    }
}

/// All examples with their kinds. A line of an unknown kind is passed over; a test finds it.
pub(crate) fn questions() -> impl Iterator<Item = (Outside, &'static str)> {
    lines().filter_map(|(kind, asked)| Some((Outside::named(kind)?, asked)))
}

fn lines() -> impl Iterator<Item = (&'static str, &'static str)> {
    LIST.lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| line.split_once('\t').unwrap_or((line, "")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_has_a_kind_and_a_question_and_stands_once() {
        let mut seen = std::collections::HashSet::new();
        for (kind, asked) in lines() {
            let named = Outside::named(kind).unwrap_or_else(|| panic!("{kind}\t{asked}"));
            assert_eq!(Outside::by_key(named.key()), Some(named));
            assert!(!asked.trim().is_empty(), "{kind}");
            assert!(seen.insert(asked.to_lowercase()), "twice: {asked}");
        }
        assert!(seen.len() > 500);
    }
}
