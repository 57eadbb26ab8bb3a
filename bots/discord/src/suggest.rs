//! Autocomplete: codes and texts while a person types.
//!
//! Discord drops what comes after 3 s and asks again at each key, so this never waits long: it answers with what is
//! there after [`WITHIN`], and with what was typed where that is nothing. Nothing typed is kept.

use std::sync::Arc;
use std::time::Duration;

use casebook_core::CodeRef;
use casebook_desk::Desk;
use serenity::all::{AutocompleteChoice, CommandData, CreateAutocompleteResponse};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::buttons;

/// How many choices Discord shows, and how long a choice's name and value may be, in UTF-16 code units.
const CHOICES: usize = 25;
const CHOICE: usize = 100;
/// How long a person who types is kept waiting.
const WITHIN: Duration = Duration::from_millis(700);
/// Look-ups at once. Beyond that typing is answered with what was typed.
const AT_ONCE: usize = 16;

/// Suggests codes.
pub(crate) struct Suggester {
    desk: Arc<Desk>,
    slots: Semaphore,
}

impl Suggester {
    pub fn new(desk: Arc<Desk>) -> Self {
        Self {
            desk,
            slots: Semaphore::new(AT_ONCE),
        }
    }

    /// The choices for the option in which the person types.
    pub async fn choices(&self, data: &CommandData) -> CreateAutocompleteResponse {
        let choices = match data.autocomplete() {
            Some(option) => self.suggest(option.name, option.value).await,
            None => Vec::new(),
        };
        CreateAutocompleteResponse::new().set_choices(
            choices
                .into_iter()
                .map(|(name, value)| AutocompleteChoice::new(name, value))
                .collect(),
        )
    }

    async fn suggest(&self, option: &str, typed: &str) -> Vec<(String, String)> {
        let typed = typed.trim_start();
        // A list of codes is finished at its last one; words are one whole.
        let (before, wanted) = match option {
            "text" => ("", typed),
            _ => last_of(typed),
        };
        if wanted.trim().is_empty() {
            return echo(typed);
        }
        let found = self.look_up(wanted.trim()).await;
        let mut choices: Vec<(String, String)> = Vec::new();
        for code in found {
            let value = match option {
                // Words find more codes than one: the official wording goes on from there, where it fits.
                "text" if length(&code.title) <= CHOICE => code.title.trim().to_owned(),
                "text" => code.code.clone(),
                _ => format!("{before}{}", code.code),
            };
            let name = match option {
                "text" => cut(&format!("{} · {}", code.title, code.code)),
                _ => cut(&format!("{value} {}", code.title)),
            };
            let known = choices.iter().any(|(_, other)| *other == value);
            if !value.is_empty() && length(&value) <= CHOICE && !known {
                choices.push((name, value));
            }
            if choices.len() == CHOICES {
                break;
            }
        }
        if choices.is_empty() {
            echo(typed)
        } else {
            choices
        }
    }

    /// Nothing where it takes too long or fails: what was typed can be asked all the same.
    async fn look_up(&self, wanted: &str) -> Vec<CodeRef> {
        let Ok(_slot) = self.slots.try_acquire() else {
            return Vec::new();
        };
        timeout(WITHIN, self.desk.suggest(wanted, CHOICES))
            .await
            .unwrap_or_default()
    }
}

/// What was typed, as the one choice: Discord says "no options match" otherwise, which is not true.
fn echo(typed: &str) -> Vec<(String, String)> {
    let typed = typed.trim();
    if typed.is_empty() || length(typed) > CHOICE {
        return Vec::new();
    }
    vec![(typed.to_owned(), typed.to_owned())]
}

/// A list of codes as what is finished, with its separator, and what is being typed: the last code, or all words that
/// follow the last code.
fn last_of(typed: &str) -> (&str, &str) {
    let separator = |c: char| c.is_whitespace() || c == ',' || c == ';';
    let mut start = 0;
    while let Some(end) = typed[start..].find(separator) {
        let word = &typed[start..start + end];
        if !word.is_empty() && !is_code(word) {
            break;
        }
        let mut chars = typed[start + end..].chars();
        start += end + chars.next().map_or(1, char::len_utf8);
    }
    typed.split_at(start)
}

fn is_code(word: &str) -> bool {
    word.len() <= 12
        && word.chars().any(|c| c.is_ascii_digit())
        && word
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-')
}

fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// `text` within a choice's length, with a sign where it was cut.
fn cut(text: &str) -> String {
    buttons::cut(text, CHOICE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_being_typed_follows_the_last_whole_code() {
        for (typed, before, wanted) in [
            ("", "", ""),
            ("M54", "", "M54"),
            ("M54.50 770", "M54.50 ", "770"),
            ("M54.50, 62323-59;J01", "M54.50, 62323-59;", "J01"),
            ("low back pain", "", "low back pain"),
            ("77003 low back", "77003 ", "low back"),
            ("77003 ", "77003 ", ""),
            ("größe M54", "", "größe M54"),
        ] {
            assert_eq!(last_of(typed), (before, wanted), "{typed:?}");
        }
    }

    #[test]
    fn a_choice_is_cut_where_it_is_too_long() {
        let cut_text = cut(&"😀 ".repeat(60));
        assert!(
            length(&cut_text) <= CHOICE && cut_text.ends_with('…'),
            "{cut_text}"
        );
        assert_eq!(cut("short"), "short");
        assert!(echo(&"x".repeat(101)).is_empty());
    }
}
