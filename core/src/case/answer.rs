//! A case as an answer for chat: every line with its sources.

use super::{Because, Case, Suggestion};
use crate::answer::{Answer, Verdict};
use crate::code::Status;
use crate::compose::{Cite, Draft};

/// Lines of each kind that a chat shows; the terminal and JSON have all.
const SHOWN: usize = 12;
/// Words of a note that a line repeats.
const QUOTED: usize = 3;

impl Case {
    /// As an answer: what is coded, what conflicts, what the record should say, what to consider, what is set aside.
    pub fn answer(&self) -> Answer {
        let mut draft = Draft::new(self.as_of);
        for suggestion in &self.codes {
            self.suggested("Coded", suggestion, &mut draft);
        }
        for conflict in self.conflicts.iter().take(SHOWN) {
            let cite = self.cite(conflict.citation.n, &mut draft);
            draft.line(conflict.text.clone(), &cite);
        }
        for question in self.questions.iter().take(SHOWN) {
            let cites = self.cites(&question.cites, &mut draft);
            if !cites.is_empty() {
                draft.line(question.text.clone(), &cites);
            }
        }
        for suggestion in self.consider.iter().take(SHOWN) {
            self.suggested("Consider", suggestion, &mut draft);
        }
        for because in [
            Because::Negated,
            Because::Historical,
            Because::Family,
            Because::Uncertain,
        ] {
            let aside: Vec<_> = self
                .set_aside
                .iter()
                .filter(|s| s.because == because)
                .collect();
            let Some(first) = aside.first() else { continue };
            let cites = self.cites(&first.cites, &mut draft);
            if cites.is_empty() {
                continue;
            }
            let mut words: Vec<String> = Vec::new();
            for set in &aside {
                let quoted = format!("\u{201c}{}\u{201d}", one_line(&set.words.text));
                if !words.contains(&quoted) {
                    words.push(quoted);
                }
            }
            let more = match words.len().saturating_sub(SHOWN) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            words.truncate(SHOWN);
            draft.line(
                format!(
                    "Set aside, {}: {}{more}.",
                    because.as_str(),
                    words.join(", ")
                ),
                &cites,
            );
        }
        if draft.is_empty() {
            return draft.finish(
                Verdict::NoAnswer,
                Some(
                    "The note calls no code of the loaded edition by name. Ask about one condition at a time."
                        .to_owned(),
                ),
            );
        }
        draft.finish(Verdict::Answered, None)
    }

    /// What must be known first: which edition behind a line is not in force.
    pub(super) fn late(&self) -> Vec<String> {
        let late = self.editions.iter().any(|e| !e.in_force);
        let lines = self.answer().lines;
        let first = lines.into_iter().next().filter(|_| late);
        first.map(|line| line.text).into_iter().collect()
    }

    fn suggested(&self, label: &str, suggestion: &Suggestion, draft: &mut Draft) {
        let cites: Vec<Cite> = suggestion
            .citations
            .iter()
            .flat_map(|c| self.cite(c.n, draft))
            .collect();
        if cites.is_empty() {
            return;
        }
        let mut words: Vec<String> = suggestion
            .evidence
            .iter()
            .map(|e| format!("\u{201c}{}\u{201d}", one_line(&e.text)))
            .collect();
        words.dedup();
        words.truncate(QUOTED);
        let code = &suggestion.code;
        let billable = match code.status {
            Status::Billable => "",
            _ => " (not billable)",
        };
        let reason = suggestion
            .reason
            .as_ref()
            .map_or(String::new(), |r| format!(" {r}"));
        draft.line(
            format!(
                "{label}: {} {}{billable}, from {}.{reason}",
                code.code,
                code.title,
                words.join(", ")
            ),
            &cites,
        );
        draft.code(code.clone());
    }

    fn cite(&self, n: usize, draft: &mut Draft) -> Vec<Cite> {
        let at = n.wrapping_sub(1);
        match (self.sources.get(at), self.editions.get(at)) {
            (Some(citation), Some(edition)) => {
                vec![draft.cite((citation.clone(), edition.clone()))]
            }
            _ => Vec::new(),
        }
    }

    fn cites(&self, numbers: &[usize], draft: &mut Draft) -> Vec<Cite> {
        numbers.iter().flat_map(|n| self.cite(*n, draft)).collect()
    }
}

/// Words that were broken over lines, on one.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
