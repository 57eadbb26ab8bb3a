//! Who may ask where, and whether something that was said is for Casebook. Pure.

use casebook_state::{Audience, ChannelSettings, Speaks, Turn};

use crate::{Manner, Person, Spot};

/// What to do with a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It is not for Casebook.
    Silence,
    /// Say why there is no answer.
    Deny(&'static str),
    /// Answer it.
    Answer,
    /// Answer it if there is an answer, else be silent: nobody asked Casebook.
    AnswerIfKnown,
}

const OFF: &str = "Casebook is switched off in this channel. Ask me in a direct message, or ask an admin to change it with \
                   /casebook config.";
const NOT_YOU: &str = "Casebook is not open to you in this channel. Ask an admin to allow you or a group of yours with \
                       /casebook config.";

/// Decides by the settings of the place and by what was asked in the thread before.
pub(crate) fn decide(
    manner: Manner,
    text: &str,
    from: &Person,
    at: &Spot,
    settings: &ChannelSettings,
    turns: &[Turn],
) -> Decision {
    let overheard = manner == Manner::Overheard && !at.direct;
    if settings.speaks == Speaks::Off && !at.direct {
        return if overheard {
            Decision::Silence
        } else {
            Decision::Deny(OFF)
        };
    }
    if !settings.allow(&from.id, &from.groups) {
        return if overheard {
            Decision::Silence
        } else {
            Decision::Deny(NOT_YOU)
        };
    }
    if !overheard {
        return Decision::Answer;
    }
    let in_thread = at.thread.is_some() && !at.opens_thread;
    if in_thread {
        // Ours is a thread that began with a question to us; in it, whoever asked there goes on asking, and the rest talk.
        let ours = turns.iter().any(|turn| turn.opens_thread);
        let asked = turns.iter().any(|turn| turn.by == from.id);
        return if ours && asked {
            Decision::AnswerIfKnown
        } else {
            Decision::Silence
        };
    }
    if settings.speaks == Speaks::EveryQuestion && is_question(text) {
        Decision::AnswerIfKnown
    } else {
        Decision::Silence
    }
}

/// Who sees the answer.
pub(crate) fn audience(manner: Manner, at: &Spot, settings: &ChannelSettings) -> Audience {
    if at.direct {
        return Audience::Everyone;
    }
    settings.audience.unwrap_or(match manner {
        Manner::Command => Audience::Asker,
        Manner::Direct | Manner::Mention | Manner::Overheard => Audience::Everyone,
    })
}

/// Whether a person's words in a channel ask something. Greetings and remarks do not.
fn is_question(text: &str) -> bool {
    const OPENERS: [&str; 24] = [
        "what", "which", "when", "where", "who", "why", "how", "can", "could", "is", "are", "does",
        "do", "did", "should", "would", "may", "must", "will", "has", "have", "anyone", "anybody",
        "whats",
    ];
    let text = text.trim();
    let words = text.split_whitespace().count();
    let first: String = text
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .chars()
        .filter(|c| c.is_alphabetic())
        .flat_map(char::to_lowercase)
        .collect();
    words >= 2 && (text.ends_with('?') || OPENERS.contains(&first.as_str()))
}
