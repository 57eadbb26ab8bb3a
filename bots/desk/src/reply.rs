//! What the desk hands to an adapter.

use casebook_core::Answer;
use sha2::{Digest, Sha256};

use crate::{Action, AnswerId, Audience, Help};

/// One reply, complete: a renderer decides how it looks.
#[derive(Clone)]
pub struct Reply {
    /// Names this reply, for platforms that drop a second copy.
    pub once: Once,
    /// What a person can name and an operator can find in the log.
    pub reference: String,
    /// Who may see it.
    pub audience: Audience,
    /// What it says.
    pub content: Content,
    /// Buttons, the most useful first. A platform with too few places leaves out the last.
    pub actions: Vec<Action>,
    /// The answer that it shows, and which of that answer's lines its first line is.
    pub(crate) shows: Option<(AnswerId, usize)>,
}

/// What a reply says.
#[derive(Clone)]
pub enum Content {
    /// An answer, or the rest of one.
    Answer(Box<Answer>),
    /// What Casebook can do.
    Help(Help),
    /// A sentence or two.
    Notice(Notice),
    /// A question that was not answered because it seems to hold patient data.
    Warning(Warning),
}

/// A sentence or two for the person, in plain text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The text. It may have several lines.
    pub text: String,
    /// How it is meant.
    pub tone: Tone,
}

impl Notice {
    /// A notice of this tone.
    pub fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            tone,
        }
    }
}

/// How a notice is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Something was done, or is so.
    Plain,
    /// Ask again later.
    Busy,
    /// It failed on our side; the text ends with the reference.
    Failed,
    /// The person may not do this, or not here.
    Denied,
}

/// What is said before a question with patient data is answered. Its choices are the reply's actions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The text.
    pub text: String,
    /// What was seen, in words for people: `a name`, `a date of birth`. Never what it says.
    pub seen: Vec<&'static str>,
}

/// Names one reply to one question: the same in every attempt and every process.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Once([u8; 16]);

impl Once {
    pub(crate) fn new(key: &str, what: &str) -> Self {
        let mut hasher = Sha256::new();
        hasher.update((key.len() as u64).to_le_bytes());
        hasher.update(key.as_bytes());
        hasher.update(what.as_bytes());
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hasher.finalize()[..16]);
        // Version 8 (by the application's own rule) and the RFC's variant.
        bytes[6] = bytes[6] & 0x0f | 0x80;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Self(bytes)
    }

    /// As a UUID, such as Slack's `client_msg_id`.
    pub fn uuid(&self) -> String {
        let h = self.hex();
        format!(
            "{}-{}-{}-{}-{}",
            &h[..8],
            &h[8..12],
            &h[12..16],
            &h[16..20],
            &h[20..]
        )
    }

    /// In 24 characters, such as Discord's `nonce` of at most 25.
    pub fn short(&self) -> String {
        self.hex()[8..].to_owned()
    }

    /// In 32 hexadecimal digits.
    pub fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl std::fmt::Debug for Once {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.hex())
    }
}

impl Reply {
    /// Tells that a renderer showed only the first `shown` of the answer's lines: the rest is then behind "More passages".
    pub fn cut_after(&mut self, shown: usize) {
        let Some((answer, first)) = &self.shows else {
            return;
        };
        let from = u16::try_from(first + shown).unwrap_or(u16::MAX);
        let more = Action::More {
            answer: answer.clone(),
            from,
        };
        match self
            .actions
            .iter_mut()
            .find(|action| matches!(action, Action::More { .. }))
        {
            Some(action) => *action = more,
            None => self.actions.insert(0, more),
        }
    }
}

/// Does not print lines of answers.
impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let content = match &self.content {
            Content::Answer(answer) => format!("{:?}", answer.verdict),
            Content::Help(_) => "Help".into(),
            Content::Notice(notice) => format!("{:?}", notice.tone),
            Content::Warning(_) => "Warning".into(),
        };
        f.debug_struct("Reply")
            .field("reference", &self.reference)
            .field("audience", &self.audience)
            .field("content", &content)
            .field("actions", &self.actions.len())
            .finish_non_exhaustive()
    }
}
