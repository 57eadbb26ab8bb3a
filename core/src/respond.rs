//! The seam between platforms and answers.
//!
//! An adapter hands over what a person typed and gets an [`Answer`] or a [`Failure`]. It is a trait so
//! that adapters can be tested without a model, and so that an adapter cannot reach around it.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::answer::{Answer, EditionRef};
use crate::code::CodeRef;

pub use casebook_releases::Setting;

/// What a person asked, by which command.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intent {
    /// A question in words, perhaps with codes in it: `/ask`, a mention, a direct message.
    #[default]
    Ask,
    /// One or more codes to show: `/code`.
    Code,
    /// Codes for a condition or service in words: `/codes`.
    Search,
    /// Codes against one another: `/check`.
    Check,
    /// Codes for a pasted note: `/case`. Its dates are a patient's, so none of them is taken as the date of service.
    Case,
}

/// One request from a platform. `text` may hold patient data: it is never logged or stored.
#[derive(Clone, Default)]
pub struct Request {
    /// By which command.
    pub intent: Intent,
    /// The words, with the platform's markup already turned into plain text.
    pub text: String,
    /// Date of service; today where absent. A date in the text wins over it.
    pub as_of: Option<NaiveDate>,
    /// Setting, where one is configured or chosen.
    pub setting: Option<Setting>,
    /// Earlier questions of the same conversation, the latest last: a follow-up is read with them. They may
    /// hold patient data, too.
    pub before: Vec<String>,
    /// Codes that the person chose to ask about ("Ask about this code").
    pub about: Vec<String>,
    /// Fee-schedule locality or a place in it, for fees, where the text names none: `Houston`.
    pub locality: Option<String>,
    /// Medicare contractor or state, for coverage, where the text names none: `Texas`.
    pub contractor: Option<String>,
}

/// Never prints `text` or `before`: requests may hold patient data and end up in logs by way of `{:?}`.
impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("intent", &self.intent)
            .field("text_chars", &self.text.chars().count())
            .field("as_of", &self.as_of)
            .field("setting", &self.setting)
            .field("before", &self.before.len())
            .field("about", &self.about)
            .field("locality", &self.locality)
            .field("contractor", &self.contractor)
            .finish()
    }
}

/// A failure of ours, as two messages that never mix.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{for_operator}")]
pub struct Failure {
    /// A sentence for the person who asked, saying what to do next. The adapter adds a reference number.
    pub for_person: String,
    /// What the log must say, with the place; never a word of the request.
    pub for_operator: String,
}

/// Whatever answers requests.
#[async_trait::async_trait]
pub trait Respond: Send + Sync {
    /// Answers one request. Cancel-safe: dropping the future abandons the request and nothing else.
    async fn respond(&self, request: Request) -> Result<Answer, Failure>;

    /// Codes that begin with what was typed so far, or are found by its words, best first, at most `limit`: for a
    /// platform's autocomplete, which waits milliseconds.
    ///
    /// # Errors
    /// As [`Respond::respond`].
    async fn suggest(&self, typed: &str, limit: usize) -> Result<Vec<CodeRef>, Failure>;

    /// The editions that are loaded, for a platform's home page and the operators' commands.
    ///
    /// # Errors
    /// As [`Respond::respond`].
    fn loaded(&self) -> Result<Vec<EditionRef>, Failure>;
}
