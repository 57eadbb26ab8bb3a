//! The seam between platforms and answers.
//!
//! An adapter hands over what a person typed and gets an [`Answer`] or a [`Failure`]. It is a trait so
//! that adapters can be tested without a model, and so that an adapter cannot reach around it.

use crate::answer::Answer;
use chrono::NaiveDate;

pub use casebook_releases::Setting;

/// What a person asked, by which command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// A question in words, perhaps with codes in it: `/ask`, a mention, a direct message.
    Ask,
    /// One or more codes to show: `/code`.
    Code,
}

/// One request from a platform. `text` may hold patient data: it is never logged or stored.
#[derive(Clone)]
pub struct Request {
    /// By which command.
    pub intent: Intent,
    /// The words, with the platform's markup already turned into plain text.
    pub text: String,
    /// Date of service; today where absent. A date in the text wins over it.
    pub as_of: Option<NaiveDate>,
    /// Setting, where one is configured or chosen.
    pub setting: Option<Setting>,
}

/// Never prints `text`: requests may hold patient data and end up in logs by way of `{:?}`.
impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("intent", &self.intent)
            .field("text_chars", &self.text.chars().count())
            .field("as_of", &self.as_of)
            .field("setting", &self.setting)
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
}
