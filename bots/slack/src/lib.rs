//! Casebook in Slack: slash commands, mentions and direct messages, over Socket Mode.
//!
//! This crate knows Slack and nothing about coding: it turns events into [`casebook_core::Request`]s
//! (`listen`, `markup`) and carries the answer back (`reply`, [`render`]). `link` keeps the connection, `api`
//! calls Slack's methods.
//!
//! # What can go wrong, and what happens then
//! * **The person's side**: no words, too many questions at once. They are told what to do.
//! * **Our side**: no answer in time, a failure, a panic. They are told so with a reference number, and
//!   the log has one line with the same number and the cause.
//! * **Slack's side**: a call is late, limited, refused or answered with an error. It is repeated where
//!   that cannot post an answer twice (see `api`), and logged when given up.
//! * **The connection**: it ends about once an hour by Slack's own wish, and otherwise by accident. A
//!   new one is opened at once or after a growing pause (see `link`).
//!
//! # What never enters a log
//! What people type may hold patient data. This crate logs numbers (reference, channel, error code) and
//! never text. slack-morphism does log text: its errors carry whole bodies, its traces whole frames.
//! [`LOG_FILTER`] turns it off and must be part of the process's default filter; what matters of it,
//! this crate logs itself. A panic's message can hold text as well: the process's panic hook should
//! print the place alone.

mod api;
mod link;
mod listen;
mod markup;
pub mod render;
mod reply;

use std::num::{NonZeroU16, NonZeroU64};
use std::sync::Arc;

use casebook_core::{Respond, Setting};
use secrecy::SecretString;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

/// Filter directives that keep people's text out of the log, for `tracing_subscriber::EnvFilter`:
/// append them to the default level, as in `info,{LOG_FILTER}`.
pub const LOG_FILTER: &str = "slack_morphism=off,tungstenite=warn,tokio_tungstenite=warn";

/// How Casebook runs in Slack. `{:?}` hides the tokens.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The app-level token, `xapp-…`, with the scope `connections:write`: "Basic Information", "App-Level
    /// Tokens" in the app's settings.
    pub app_token: SecretString,
    /// The bot token, `xoxb-…`: "OAuth & Permissions" in the app's settings, after installing the app.
    pub bot_token: SecretString,
    /// Another base address in place of `https://slack.com/api`, such as `http://127.0.0.1:4903/api`: a
    /// proxy or a test server. Default: Slack itself.
    #[serde(default)]
    pub api_url: Option<String>,
    /// The setting that questions are about. Default: none, answers then cover both.
    #[serde(default)]
    pub setting: Option<Setting>,
    /// How many answers may be in the making at once; whoever asks beyond that is told to ask again.
    /// Default: 16.
    #[serde(default = "default_answers_in_flight")]
    pub answers_in_flight: NonZeroU16,
    /// Seconds after which an answer is given up and the person is told so. Default: 60.
    #[serde(default = "default_answer_timeout_s")]
    pub answer_timeout_s: NonZeroU64,
    /// The emoji, without colons, that marks a message whose answer takes longer than a second. It needs
    /// the scope `reactions:write`; without it nothing is marked. Empty: never. Default: `eyes`.
    #[serde(default = "default_reaction")]
    pub reaction: String,
}

fn default_answers_in_flight() -> NonZeroU16 {
    NonZeroU16::MIN.saturating_add(15)
}

fn default_answer_timeout_s() -> NonZeroU64 {
    NonZeroU64::MIN.saturating_add(59)
}

fn default_reaction() -> String {
    "eyes".into()
}

/// Why Casebook cannot run in Slack. For the operator; it holds no token and no text of a message.
#[derive(Debug, thiserror::Error)]
pub enum SlackError {
    /// The machine has no usable root certificates.
    #[error(
        "no root certificates for a connection to Slack: {0}; install the system's ca-certificates"
    )]
    Certificates(#[source] std::io::Error),
    /// Slack does not accept a token.
    #[error(
        "Slack refuses {method} with \"{code}\": check the {token} (slack.{key}) and the app's scopes"
    )]
    Token {
        /// The method of Slack's that was called.
        method: &'static str,
        /// Slack's error code.
        code: String,
        /// The token's name in Slack's settings.
        token: &'static str,
        /// The token's name in our configuration.
        key: &'static str,
    },
}

/// Answers in Slack until `stop` is cancelled: then no new question is taken in, answers in the making
/// get 10 s, and the call returns.
///
/// While Slack cannot be reached it waits and tries again, and says so in the log.
///
/// # Errors
/// [`SlackError`] where trying again would not help.
pub async fn run(
    config: Config,
    respond: Arc<dyn Respond>,
    stop: CancellationToken,
) -> Result<(), SlackError> {
    let slack = Arc::new(api::Slack::new(&config)?);
    let Some(outcome) = stop.run_until_cancelled(link::introduce(&slack)).await else {
        return Ok(());
    };
    let me = outcome?;
    let desk = Arc::new(reply::Desk::new(&config, slack.clone(), respond));
    let listener = Arc::new(listen::Listener::new(desk.clone(), me, config.setting));
    let outcome = link::keep(&slack, &listener, &stop).await;
    desk.close().await;
    outcome
}
