//! Casebook in Slack, over Socket Mode.
//!
//! This crate knows Slack and nothing about coding: it turns what people type into
//! [`casebook_core::Request`]s, hands them to a [`casebook_core::Respond`], and shows the answers.
//!
//! * `listen` keeps the websockets open, acknowledges, and drops what was seen before;
//! * `desk` takes one question from acceptance to its reply, a bounded number at a time;
//! * `reply` makes the HTTP calls: time limits, retries, one post a second in each channel;
//! * `markup` and [`render`] translate text and answers; both are pure.
//!
//! What people write may hold patient data. No part of it enters a log, an error or a `Debug` output
//! of this crate. `slack_morphism` writes whole frames to its log at level `TRACE`: whoever installs
//! a subscriber must keep that target at `DEBUG` or above.

mod desk;
mod listen;
mod markup;
pub mod render;
mod reply;

use std::sync::Arc;
use std::time::Duration;

use casebook_core::{Respond, Setting};
use hyper_rustls::HttpsConnectorBuilder;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use slack_morphism::prelude::{
    SlackApiToken, SlackApiTokenValue, SlackClient, SlackClientHyperConnector, SlackHyperClient,
};
use tokio_util::sync::CancellationToken;

use crate::reply::{Poster, Refusal};

/// The settings of the Slack service.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// App-level token (`xapp-…`) with the scope `connections:write`. Required.
    pub app_token: SecretString,
    /// Bot token (`xoxb-…`) with the scopes of `deploy/slack-manifest.yaml`. Required.
    pub bot_token: SecretString,
    /// Base address of the Web API, without a trailing slash. Default: Slack's own. An `http://`
    /// address is accepted, for tests and for proxies on the same machine.
    #[serde(default)]
    pub api_url: Option<String>,
    /// Where services are rendered, for rules that differ by it. Default: not stated.
    #[serde(default)]
    pub setting: Option<Setting>,
    /// Websockets held at once, 1 to 10. Default 2, so that Slack's hourly renewal of one does not
    /// interrupt the service.
    #[serde(default = "Config::default_connections")]
    pub connections: u32,
    /// Questions worked on at once; the next one gets "busy, try again". Default 16.
    #[serde(default = "Config::default_max_in_flight")]
    pub max_in_flight: u32,
    /// Seconds that one answer may take before the person is told that it failed. Default 60.
    #[serde(default = "Config::default_answer_timeout_s")]
    pub answer_timeout_s: u64,
    /// Seconds that one HTTP call may take. Default 10.
    #[serde(default = "Config::default_http_timeout_s")]
    pub http_timeout_s: u64,
    /// Emoji (without colons) set on a message whose answer takes more than a second; empty for none.
    /// Default `eyes`.
    #[serde(default = "Config::default_reaction")]
    pub reaction: String,
}

impl Config {
    fn default_connections() -> u32 {
        2
    }
    fn default_max_in_flight() -> u32 {
        16
    }
    fn default_answer_timeout_s() -> u64 {
        60
    }
    fn default_http_timeout_s() -> u64 {
        10
    }
    fn default_reaction() -> String {
        "eyes".to_owned()
    }
}

/// Why the service could not start. Each says what to change; none holds a token.
#[derive(Debug, thiserror::Error)]
pub enum SlackError {
    /// A setting is out of its range.
    #[error("Slack settings: {0}")]
    Config(String),
    /// Slack does not accept the bot token.
    #[error(
        "Slack refuses the bot token (auth.test: {0}): set `bot_token` to the \"Bot User OAuth Token\" \
         (xoxb-…) of an app that is installed in the workspace"
    )]
    BotToken(String),
    /// Slack does not open a websocket for the app token.
    #[error(
        "Slack opens no Socket Mode connection (apps.connections.open: {0}): set `app_token` to an \
         app-level token (xapp-…) with the scope connections:write, and turn Socket Mode on in the \
         app's settings"
    )]
    AppToken(String),
}

/// Answers in Slack until `stop` is cancelled; then finishes what was accepted (10 s at most), closes
/// the connections and returns `Ok`.
///
/// While Slack cannot be reached it keeps trying, at growing intervals, and logs why.
///
/// # Errors
/// [`SlackError`] when Slack refuses a token, or a setting is out of its range.
pub async fn run(
    config: Config,
    respond: Arc<dyn Respond>,
    stop: CancellationToken,
) -> Result<(), SlackError> {
    check(&config)?;
    let client = Arc::new(client(config.api_url.as_deref()));
    let poster = Poster::new(
        client.clone(),
        token(&config.bot_token),
        Duration::from_secs(config.http_timeout_s),
    );
    let app = token(&config.app_token);
    let Some(me) = until_reached(&stop, "auth.test", || poster.auth_test()).await else {
        return Ok(());
    };
    let me = me.map_err(SlackError::BotToken)?;
    // The crate that keeps the connections would try a bad token for ever, so it is tried here once.
    let Some(open) = until_reached(&stop, "apps.connections.open", || poster.open(&app)).await
    else {
        return Ok(());
    };
    open.map_err(SlackError::AppToken)?;
    let desk = desk::Desk::new(&config, respond, poster);
    listen::serve(&config, client, app, me, desk, stop).await;
    Ok(())
}

fn check(config: &Config) -> Result<(), SlackError> {
    let bad = |what: &str| Err(SlackError::Config(what.to_owned()));
    if !(1..=10).contains(&config.connections) {
        return bad("`connections` must be between 1 and 10");
    }
    if !(1..=10_000).contains(&config.max_in_flight) {
        return bad("`max_in_flight` must be between 1 and 10000");
    }
    if config.answer_timeout_s == 0 || config.http_timeout_s == 0 {
        return bad("`answer_timeout_s` and `http_timeout_s` must be at least 1");
    }
    match &config.api_url {
        Some(url) if !url.starts_with("http://") && !url.starts_with("https://") => {
            bad("`api_url` must begin with https:// or http://")
        }
        _ => Ok(()),
    }
}

fn token(secret: &SecretString) -> SlackApiToken {
    SlackApiToken::new(SlackApiTokenValue(secret.expose_secret().to_owned()))
}

fn client(api_url: Option<&str>) -> SlackHyperClient {
    // Two providers may be compiled in; without a choice rustls panics at the first handshake.
    // An error only says that somebody chose before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = match HttpsConnectorBuilder::new().with_native_roots() {
        Ok(with_roots) => with_roots,
        // A minimal container has no certificate store.
        Err(_) => HttpsConnectorBuilder::new().with_webpki_roots(),
    };
    let plain = api_url.is_some_and(|url| url.starts_with("http://"));
    let builder = if plain {
        builder.https_or_http()
    } else {
        builder.https_only()
    };
    let connector = SlackClientHyperConnector::from(builder.enable_http1().enable_http2().build());
    SlackClient::new(match api_url {
        Some(url) => connector.with_slack_api_url(url.trim_end_matches('/')),
        None => connector,
    })
}

/// Repeats a start-up call until Slack says yes or no. `None`: stopped before it did.
async fn until_reached<T, F>(
    stop: &CancellationToken,
    method: &str,
    call: impl Fn() -> F,
) -> Option<Result<T, String>>
where
    F: Future<Output = Result<T, Refusal>>,
{
    let mut pause = Duration::from_secs(2);
    loop {
        let outcome = tokio::select! {
            () = stop.cancelled() => return None,
            outcome = call() => outcome,
        };
        match outcome {
            Ok(value) => return Some(Ok(value)),
            Err(Refusal::Said(code)) => return Some(Err(code)),
            Err(Refusal::Unreachable(why)) => {
                tracing::error!(
                    method,
                    why,
                    retry_in_s = pause.as_secs(),
                    "Slack is not reachable"
                );
            }
        }
        tokio::select! {
            () = stop.cancelled() => return None,
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(Duration::from_secs(60));
    }
}
