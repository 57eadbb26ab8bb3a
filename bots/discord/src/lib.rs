//! Casebook in Discord: slash commands, mentions and direct messages, over the gateway.
//!
//! This crate knows Discord and nothing about coding: it turns events into [`casebook_core::Request`]s
//! (`listen`, `commands`, `markup`), carries the answer back (`reply`, [`render`]) and talks to
//! Discord with timeouts and retries (`api`). It asks for no privileged intent: mentions, direct
//! messages and commands carry their text without one.
//!
//! # What never enters a log
//! What people type may hold patient data. This crate logs numbers (message, channel, error code) and
//! never text. serenity does log text: its spans hold whole events and request bodies, and a payload
//! that it cannot read is printed at WARN. [`LOG_FILTER`] turns that off and must be part of the
//! process's default filter; a test holds both to it. Setting a more talkative filter by hand gives
//! this protection up.

mod api;
mod commands;
mod listen;
mod markup;
pub mod render;
mod reply;

use std::num::{NonZeroU16, NonZeroU64};
use std::sync::Arc;
use std::time::Duration;

use casebook_core::Respond;
use secrecy::SecretString;
use serde::Deserialize;
use serenity::all::{ClientBuilder, GatewayError, GatewayIntents};
use tokio_util::sync::CancellationToken;

/// Filter directives that keep people's text out of the log, for `tracing_subscriber::EnvFilter`:
/// append them to the default level, as in `info,{LOG_FILTER}`.
///
/// serenity stays at ERROR except where its warnings name a connection's trouble and hold no payload.
pub const LOG_FILTER: &str =
    "serenity=error,serenity::gateway::bridge=warn,tungstenite=warn,tokio_tungstenite=warn";

/// How Casebook runs in Discord. `{:?}` hides the token.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The bot's token, from the Bot page of the application in Discord's developer portal.
    pub token: SecretString,
    /// Another base address in place of `https://discord.com`, without `/api`: a proxy that limits the
    /// rate, or a test server. Default: Discord itself, with the rate limiter of this process.
    #[serde(default)]
    pub api_url: Option<String>,
    /// Register the commands in this guild only, where a change shows at once. For development.
    /// Default: in every guild and in direct messages.
    #[serde(default)]
    pub guild_id: Option<NonZeroU64>,
    /// Whether everyone in the channel sees the answer to a command. Default: false, only the person
    /// who asked sees the question and the answer (Discord calls this ephemeral), because a question
    /// may hold patient data. Mentions are public by nature and are answered in public.
    #[serde(default)]
    pub public_answers: bool,
    /// How many answers may be in the making at once; whoever asks beyond that is told to ask again.
    /// Default: 16.
    #[serde(default = "default_answers_in_flight")]
    pub answers_in_flight: NonZeroU16,
    /// Seconds that one answer may take before the asker is told that it failed. Default: 120.
    #[serde(default = "default_answer_timeout_s")]
    pub answer_timeout_s: NonZeroU16,
}

fn default_answers_in_flight() -> NonZeroU16 {
    NonZeroU16::MIN.saturating_add(15)
}

fn default_answer_timeout_s() -> NonZeroU16 {
    NonZeroU16::MIN.saturating_add(119)
}

/// Why Casebook stopped, or did not start, in Discord. For the operator; holds no secret and no text.
#[derive(Debug, thiserror::Error)]
pub enum DiscordError {
    /// `api_url` is not an address.
    #[error("discord.api_url {0:?} must begin with http:// or https:// and name a host")]
    ApiUrl(String),
    /// The gateway's address could not be had.
    #[error(
        "Discord at {address} does not give its gateway's address: {why}. Check the network and discord.api_url"
    )]
    Unreachable {
        /// The base address that was asked.
        address: String,
        /// The last failure.
        why: String,
    },
    /// Discord refused the token.
    #[error(
        "Discord refuses the token: copy it again from the Bot page of the application in the developer portal"
    )]
    Token,
    /// The connection ended for another reason that trying again does not mend.
    #[error("Discord's gateway ended the connection: {0}")]
    Gateway(String),
}

/// Serves Discord until `stop` is cancelled, then lets answers in the making finish for up to 10 s.
/// Connections that drop are resumed.
///
/// # Errors
/// [`DiscordError`] when starting is impossible or Discord ends the connection for good.
pub async fn run(
    config: Config,
    respond: Arc<dyn Respond>,
    stop: CancellationToken,
) -> Result<(), DiscordError> {
    let http = api::http(&config)?;
    let gateway = tokio::select! {
        gateway = api::patiently(Duration::from_secs(60), || http.get_gateway()) => {
            gateway.map_err(|why| match why.status {
                Some(401) => DiscordError::Token,
                _ => DiscordError::Unreachable { address: api::address(&config), why: why.to_string() },
            })?
        }
        () = stop.cancelled() => return Ok(()),
    };
    let desk = Arc::new(reply::Desk::new(&config, respond));
    let intents = GatewayIntents::GUILD_MESSAGES | GatewayIntents::DIRECT_MESSAGES;
    let mut client = ClientBuilder::new_with_http(http, intents)
        .event_handler(listen::Listener::new(Arc::clone(&desk), config.guild_id))
        .raw_event_handler(listen::Unparsed::default())
        .await
        .map_err(|error| DiscordError::Gateway(error.to_string()))?;
    // serenity asks for the address a second time and, when that fails, falls back to the real
    // Discord with a mere warning. A test server's messages must never go there.
    *client.ws_url.lock().await = gateway.url;
    let shards = Arc::clone(&client.shard_manager);
    let ended = tokio::select! {
        ended = client.start() => Some(ended),
        () = stop.cancelled() => None,
    };
    match ended {
        None => {
            tokio::join!(shards.shutdown_all(), desk.drain());
            Ok(())
        }
        Some(Err(serenity::Error::Gateway(GatewayError::InvalidAuthentication))) => {
            Err(DiscordError::Token)
        }
        Some(Err(error)) => Err(DiscordError::Gateway(error.to_string())),
        Some(Ok(())) => Err(DiscordError::Gateway("all shards have stopped".into())),
    }
}
