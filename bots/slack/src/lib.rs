//! Casebook in Slack: slash commands, mentions and direct messages, over Socket Mode.
//!
//! This crate knows Slack and nothing about coding: it turns what Slack sends into questions and presses of buttons for
//! [`casebook_desk`] (`inbound`, `markup`, `listen`), and shows the desk's replies (`place`, [`render`], `views`).
//! `link` keeps the websocket, `http` is the other way in, `api` calls Slack's methods, `commands` is what Slack is told
//! about the app.
//!
//! # What can go wrong, and what happens then
//! * **The person's side and ours**: too many questions, no answer in time, a failure, a panic, a restart. The desk's: the
//!   person is told what to do, with a reference number that the log has, too.
//! * **Slack's side**: a call is late, limited, refused or answered with an error. It is repeated where
//!   that cannot post an answer twice (see `api`), goes out as plain text where Slack refuses its form, and is logged
//!   and counted when given up.
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
mod commands;
mod doctor;
mod http;
mod inbound;
mod link;
mod listen;
mod markup;
mod place;
pub mod render;
mod views;

use std::net::SocketAddr;
use std::num::{NonZeroU16, NonZeroU64};
use std::sync::Arc;
use std::time::Duration;

use casebook_core::Setting;
use casebook_desk::{ChannelSettings, Desk, Rules, Supplies};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

pub use commands::manifest;
pub use doctor::doctor;

/// The platform's name in metrics and in what is kept.
pub(crate) const PLATFORM: &str = "slack";

/// Filter directives that keep people's text out of the log, for `tracing_subscriber::EnvFilter`:
/// append them to the default level, as in `info,{LOG_FILTER}`.
pub const LOG_FILTER: &str = "slack_morphism=off,tungstenite=warn,tokio_tungstenite=warn";

/// How Casebook runs in Slack. `{:?}` hides the tokens.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The app-level token, `xapp-…`, with the scope `connections:write`: "Basic Information", "App-Level
    /// Tokens" in the app's settings.
    /// Not needed where [`Config::listen`] is set.
    #[serde(default)]
    pub app_token: Option<SecretString>,
    /// The bot token, `xoxb-…`: "OAuth & Permissions" in the app's settings, after installing the app.
    pub bot_token: SecretString,
    /// Where to wait for Slack over HTTP instead of Socket Mode, such as `0.0.0.0:3000`: the path is `/slack`, and a
    /// proxy in front speaks TLS. Default: none, Socket Mode.
    #[serde(default)]
    pub listen: Option<SocketAddr>,
    /// The signing secret, with [`Config::listen`]: "Basic Information", "App Credentials" in the app's settings.
    #[serde(default)]
    pub signing_secret: Option<SecretString>,
    /// Whether the app was created from a manifest with `--channel-messages` and so hears every message of the
    /// channels that it is in: for the mode "every question", and for threads of its own without a mention.
    /// Default: false.
    #[serde(default)]
    pub channel_messages: bool,
    /// Ids of users who may change the settings and see what is kept, beside the workspace's admins. Default: none.
    #[serde(default)]
    pub admins: Vec<String>,
    /// Another base address in place of `https://slack.com/api`, such as `http://127.0.0.1:4903/api`: a
    /// proxy or a test server. Default: Slack itself.
    #[serde(default)]
    pub api_url: Option<String>,
    /// The setting that questions are about where their channel has none. Default: none, answers then cover both.
    #[serde(default)]
    pub setting: Option<Setting>,
    /// How many answers may be in the making at once. Default: 16.
    #[serde(default = "default_answers_in_flight")]
    pub answers_in_flight: NonZeroU16,
    /// How many questions may wait beyond that, in turn between people; whoever asks then is told to ask again.
    /// Default: 256.
    #[serde(default = "default_queue")]
    pub queue: u16,
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

fn default_queue() -> u16 {
    256
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
    /// Socket Mode without its token, or HTTP without its secret.
    #[error("{0}")]
    Config(&'static str),
    /// Slack ends every connection.
    #[error(
        "Slack ends every connection with \"link_disabled\": switch Socket Mode on in the app's settings, or set slack.listen"
    )]
    LinkDisabled,
    /// The address to wait at cannot be used.
    #[error("slack.listen = \"{address}\": {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
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
    supplies: Supplies,
    stop: CancellationToken,
) -> Result<(), SlackError> {
    let door = match (config.listen, &config.signing_secret, &config.app_token) {
        (Some(address), Some(secret), _) if !secret.expose_secret().is_empty() => {
            Some((address, secret.clone()))
        }
        (Some(_), ..) => {
            return Err(SlackError::Config(
                "slack.listen needs slack.signing_secret",
            ));
        }
        (None, _, Some(_)) => None,
        (None, _, None) => {
            return Err(SlackError::Config(
                "Slack needs slack.app_token (Socket Mode), or slack.listen and slack.signing_secret (HTTP)",
            ));
        }
    };
    let slack = Arc::new(api::Slack::new(&config)?);
    let Some(outcome) = stop.run_until_cancelled(link::introduce(&slack)).await else {
        return Ok(());
    };
    let me = outcome?;
    let rules = Rules {
        answers_in_flight: config.answers_in_flight.get().into(),
        queue: config.queue.into(),
        answer_within: Duration::from_secs(config.answer_timeout_s.get()),
        defaults: ChannelSettings {
            setting: config.setting,
            ..ChannelSettings::default()
        },
        ..Rules::default()
    };
    // Ready is who is connected.
    supplies.meters.connected(PLATFORM, false);
    let desk = Desk::new(PLATFORM, rules, supplies.clone());
    let mark = Arc::new(place::Mark::new(&config.reaction));
    let revive = place::SlackRevive {
        slack: slack.clone(),
        mark: mark.clone(),
    };
    let keeping = tokio::spawn(desk.clone().keep(Arc::new(revive), stop.clone()));
    let listener = listen::Listener::new(&config, desk.clone(), supplies, slack.clone(), mark, me);
    let outcome = match (door, &slack.app_token) {
        (Some((address, secret)), _) => {
            http::serve(address, &secret, listener.clone(), desk.meters(), &stop).await
        }
        (None, Some(token)) => link::keep(&slack, token, &listener, desk.meters(), &stop).await,
        (None, None) => Ok(()),
    };
    listener.close().await;
    desk.close().await;
    keeping.abort();
    outcome
}
