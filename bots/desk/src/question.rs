//! What an adapter hands over: questions, presses of buttons, and where replies go.

use std::sync::Arc;

use async_trait::async_trait;
use casebook_core::Request;
use serde::{Deserialize, Serialize};

use crate::{Action, Once, Reply};

/// A question, as a platform's event was understood.
#[derive(Clone)]
pub struct Question {
    /// Names the question, the same in every delivery, of every kind of event and in every process: channel and time
    /// stamp, or the id of a message or interaction. Unique within the platform. No text.
    pub key: String,
    /// How a process that was started anew finds the place again ([`Revive::revive`]); kept until the reply is posted.
    /// Ids only, no text. Empty: it cannot.
    pub address: String,
    /// What is wanted.
    pub wish: Wish,
    /// Who asks.
    pub from: Person,
    /// Where.
    pub at: Spot,
    /// How Casebook came to hear it.
    pub manner: Manner,
}

/// Does not print what is asked.
impl std::fmt::Debug for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Question")
            .field("key", &self.key)
            .field("at", &self.at)
            .field("manner", &self.manner)
            .finish_non_exhaustive()
    }
}

/// What is wanted.
#[derive(Clone)]
pub enum Wish {
    /// An answer. A text that is empty or `help` is answered with help. `before`, and where they are absent `setting`,
    /// `locality` and `contractor`, are filled in by the desk.
    Ask(Request),
    /// What Casebook can do.
    Help,
    /// A command for admins, in words: `gaps`, `usage`, `editions`.
    Admin(String),
}

/// Who asks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The platform's id.
    pub id: String,
    /// Ids of the groups or roles that the person is in, where the platform says so with the event.
    pub groups: Vec<String>,
    /// Whether the person may change settings and see gaps and usage.
    pub admin: bool,
}

/// Where it is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spot {
    /// The platform's id of the channel (of the parent channel, where a thread is a channel of its own).
    pub channel: String,
    /// The platform's id of the workspace or server. Settings of a channel win over settings of its workspace.
    pub workspace: Option<String>,
    /// The thread, where it is asked in one or the reply opens one; whose questions are context of each other.
    pub thread: Option<String>,
    /// Whether the thread begins with this question: then it is Casebook's, and who asked may go on in it without a
    /// mention.
    pub opens_thread: bool,
    /// Whether only this person and Casebook are there.
    pub direct: bool,
}

/// How Casebook came to hear a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Manner {
    /// A command, a modal or a shortcut: nobody else saw it.
    Command,
    /// Said to Casebook alone.
    Direct,
    /// Said in a channel, with a mention.
    Mention,
    /// Said in a channel to nobody in particular. Most of these are passed over in silence.
    Overheard,
}

/// A button that was pressed, or a form below it that was sent.
#[derive(Clone)]
pub struct Press {
    /// Names the press, the same in every delivery: the id of the interaction.
    pub key: String,
    /// As [`Question::address`].
    pub address: String,
    /// Which button.
    pub action: Action,
    /// What was typed into the action's [`crate::Form`].
    pub typed: Option<String>,
    /// Who pressed.
    pub from: Person,
    /// Where.
    pub at: Spot,
}

/// Where replies to one question go. One for each question or press; the adapter implements it.
#[async_trait]
pub trait Place: Send + Sync + 'static {
    /// Posts a reply. It is called once for each [`Reply::once`] of this process, and does its own repeating, pacing and
    /// timeouts; what it gives up on is an error, which the desk logs and counts.
    async fn post(&self, reply: &Reply) -> Result<Posted, PostFailed>;

    /// Shows that an answer is in the making, for as long as it is polled: it is called once, after a second, and dropped
    /// when the answer is there. What it cannot show is no failure.
    async fn working(&self) {}

    /// Whether this reply stands there already. Asked only where a former process may have posted it before it ended.
    async fn is_posted(&self, once: &Once) -> bool {
        let _ = once;
        false
    }
}

/// A reply that the platform took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Posted {
    /// The thread that it opened or went into, where that was not known before.
    pub thread: Option<String>,
}

/// Why a reply could not be posted: for the operator, without a word of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PostFailed(pub String);

/// Finds the place of a question again, after a restart.
#[async_trait]
pub trait Revive: Send + Sync + 'static {
    /// What stands behind a [`Question::address`]; none if it is too late to reply there, or the address is not readable.
    async fn revive(&self, address: &str) -> Option<Revived>;
}

/// A question whose process is gone.
pub struct Revived {
    /// Where its reply goes.
    pub place: Arc<dyn Place>,
    /// The question with its text, where the platform still has it and lets us read it. Without it the desk uses what it
    /// kept encrypted, or asks the person to ask again.
    pub question: Option<Question>,
}
