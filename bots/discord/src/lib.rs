//! Casebook in Discord: commands, mentions, direct messages, buttons and forms, over the gateway or over HTTP.
//!
//! This crate knows Discord and nothing about coding. What happens arrives in `front`, from the gateway (`listen`) or as a
//! signed request (`endpoint`); `commands` is the table of commands, `buttons` and `markup` read what people pressed and
//! typed. The desk (`casebook_desk`) decides what becomes of it and hands back replies, which `place` puts where they
//! belong, as [`render`] draws them, by way of `api`, which knows timeouts and retries. Casebook asks for no privileged
//! intent: mentions, direct messages and interactions carry their text without one.
//!
//! # What never enters a log
//! What people type may hold patient data. This crate logs numbers (message, channel, error code) and
//! never text. serenity does log text: its spans hold whole events and request bodies, and a payload
//! that it cannot read is printed at WARN. [`LOG_FILTER`] turns that off and must be part of the
//! process's default filter; a test holds both to it. Setting a more talkative filter by hand gives
//! this protection up.

mod api;
mod buttons;
mod channels;
mod commands;
mod doctor;
mod endpoint;
mod front;
mod interaction;
mod listen;
mod markup;
mod place;
pub mod render;
mod revive;
mod settings;
mod suggest;

use std::num::{NonZeroU16, NonZeroU64};
use std::sync::Arc;
use std::time::Duration;

use casebook_desk::{Audience, ChannelSettings, Desk, Revive, Rules, Supplies};
use secrecy::SecretString;
use serde::Deserialize;
use serenity::all::{ClientBuilder, GatewayError, GatewayIntents, Http};
use tokio_util::sync::CancellationToken;

pub use commands::Registered;
pub use doctor::doctor;
use endpoint::Endpoint;
use front::Front;

/// The desk's and the state's name for this platform.
const PLATFORM: &str = "discord";

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
    /// The application's public key, from the General Information page of the developer portal: Discord signs with it
    /// what it sends to `listen`.
    #[serde(default)]
    pub public_key: Option<String>,
    /// Address and port on which interactions (commands, buttons, forms) are received over HTTP, such as
    /// `127.0.0.1:8081`, behind a proxy that ends TLS and whose address stands as Interactions Endpoint URL in the
    /// developer portal. Default: none, they come over the gateway like everything else.
    #[serde(default)]
    pub listen: Option<String>,
    /// Whether to connect to the gateway, without which mentions and direct messages do not arrive. Default: true.
    #[serde(default = "yes")]
    pub gateway: bool,
    /// Over how many connections to the gateway: a number, or `"auto"`, which asks Discord. It wants more than one
    /// from 2,500 servers on. Default: 1.
    #[serde(default)]
    pub shards: Shards,
    /// How many answers may be in the making at once.
    /// Default: 16.
    #[serde(default = "default_answers_in_flight")]
    pub answers_in_flight: NonZeroU16,
    /// How many questions may wait beyond those; whoever asks then is told that it is busy. Default: 256.
    #[serde(default = "default_queue")]
    pub queue: u16,
    /// Seconds that one answer may take before the asker is told that it failed. Default: 120.
    #[serde(default = "default_answer_timeout_s")]
    pub answer_timeout_s: NonZeroU16,
}

fn yes() -> bool {
    true
}

/// How many connections to the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shards {
    /// As many as Discord advises.
    Auto,
    /// So many.
    Number(NonZeroU16),
}

impl Default for Shards {
    fn default() -> Self {
        Self::Number(NonZeroU16::MIN)
    }
}

impl<'de> Deserialize<'de> for Shards {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Number(NonZeroU16),
            Word(String),
        }
        let wrong = || serde::de::Error::custom("shards is a number from 1, or \"auto\"");
        match Either::deserialize(deserializer).map_err(|_| wrong())? {
            Either::Number(number) => Ok(Self::Number(number)),
            Either::Word(word) if word == "auto" => Ok(Self::Auto),
            Either::Word(_) => Err(wrong()),
        }
    }
}

fn default_answers_in_flight() -> NonZeroU16 {
    NonZeroU16::MIN.saturating_add(15)
}

fn default_queue() -> u16 {
    256
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
    /// Keys of the configuration that do not go together.
    #[error("{0}")]
    Config(&'static str),
    /// `public_key` is no key.
    #[error(
        "discord.public_key must be the 64 hexadecimal digits of the application's public key: copy it again from the \
         General Information page of the application in the developer portal"
    )]
    PublicKey,
    /// The address of `listen` cannot be used.
    #[error("discord.listen = {address:?}: {why}")]
    Listen {
        /// The address.
        address: String,
        /// Why not.
        why: String,
    },
    /// Discord does not answer.
    #[error(
        "Discord at {address} does not answer as it should: {why}. Check the network and discord.api_url"
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
    /// The commands were not taken.
    #[error("Discord does not take the commands: {0}")]
    Commands(String),
    /// One connection is too few.
    #[error("Discord wants more connections for so many servers: set discord.shards = \"auto\"")]
    Shards,
    /// The connection ended for another reason that trying again does not mend.
    #[error("Discord's gateway ended the connection: {0}")]
    Gateway(String),
}

/// Tells Discord the commands of the table, as each start of [`run`] does.
///
/// # Errors
/// Where Discord is not reached, or refuses the token or the commands.
pub async fn register(config: &Config) -> Result<Registered, DiscordError> {
    let http = api::http(config)?;
    api::introduce(&http, config).await?;
    commands::register(&http, config.guild_id)
        .await
        .map_err(|why| DiscordError::Commands(why.to_string()))
}

/// Serves Discord until `stop` is cancelled, then lets answers in the making finish for up to 10 s.
/// Connections that drop are resumed.
///
/// # Errors
/// [`DiscordError`] when starting is impossible or Discord ends the connection for good.
pub async fn run(
    config: Config,
    supplies: Supplies,
    stop: CancellationToken,
) -> Result<(), DiscordError> {
    let http = Arc::new(api::http(&config)?);
    let endpoint = match (&config.listen, &config.public_key) {
        (Some(listen), Some(key)) => Some(Endpoint::bind(listen, key).await?),
        (Some(_), None) => {
            return Err(DiscordError::Config(
                "discord.listen needs discord.public_key, by which Discord's requests are told from others",
            ));
        }
        (None, _) if !config.gateway => {
            return Err(DiscordError::Config(
                "discord.gateway = false leaves no way in: set discord.listen and discord.public_key",
            ));
        }
        (None, _) => None,
    };
    // Before anything is taken in or taken up again: replies need to know whose they are.
    let bot = tokio::select! {
        introduced = api::introduce(&http, &config) => introduced?,
        () = stop.cancelled() => return Ok(()),
    };
    let rules = Rules {
        answers_in_flight: config.answers_in_flight.get().into(),
        queue: config.queue.into(),
        answer_within: Duration::from_secs(config.answer_timeout_s.get().into()),
        sign_after: SIGN_AFTER,
        defaults: ChannelSettings {
            audience: config.public_answers.then_some(Audience::Everyone),
            ..ChannelSettings::default()
        },
        ..Rules::default()
    };
    let meters = supplies.meters.clone();
    let desk = Desk::new(PLATFORM, rules, supplies);
    let front = Arc::new(Front::new(Arc::clone(&http), desk.clone(), bot));
    let revive: Arc<dyn Revive> = Arc::clone(&front) as _;
    let served = async {
        tokio::try_join!(
            by_http(endpoint, &front, &config, &http, stop.clone()),
            by_gateway(&front, &config, Arc::clone(&http), meters, stop.clone()),
        )
        .map(|_| ())
    };
    let keeping = tokio::spawn(desk.clone().keep(revive, stop.clone()));
    let outcome = served.await;
    if outcome.is_err() {
        keeping.abort();
    }
    desk.close().await;
    outcome
}

/// A sign of life comes well before a person wonders. An answer that comes sooner needs none.
const SIGN_AFTER: Duration = Duration::from_millis(250);

/// Receives interactions over HTTP, where that is configured.
async fn by_http(
    endpoint: Option<Endpoint>,
    front: &Arc<Front>,
    config: &Config,
    http: &Http,
    stop: CancellationToken,
) -> Result<(), DiscordError> {
    let Some(endpoint) = endpoint else {
        return Ok(());
    };
    let serving = endpoint.serve(Arc::clone(front), stop.clone());
    if config.gateway {
        // The gateway's beginning registers the commands.
        return serving.await;
    }
    let registering = async {
        if let Err(why) = commands::register(http, config.guild_id).await {
            tracing::error!("Discord does not take the commands: {why}");
        }
        Ok::<_, DiscordError>(())
    };
    tokio::try_join!(serving, registering).map(|_| ())
}

/// Serves the gateway, unless it is switched off.
async fn by_gateway(
    front: &Arc<Front>,
    config: &Config,
    http: Arc<Http>,
    meters: casebook_desk::Meters,
    stop: CancellationToken,
) -> Result<(), DiscordError> {
    const WITHIN: Duration = Duration::from_secs(60);
    if !config.gateway {
        return Ok(());
    }
    let asking = async {
        Ok::<_, api::Refusal>(match config.shards {
            Shards::Number(number) => {
                let gateway = api::patiently(WITHIN, || http.get_gateway()).await?;
                (gateway.url, number.get().into())
            }
            Shards::Auto => {
                let gateway = api::patiently(WITHIN, || http.get_bot_gateway()).await?;
                (gateway.url, gateway.shards.max(1))
            }
        })
    };
    let (url, shards) = tokio::select! {
        gateway = asking => gateway.map_err(|why| api::start_failed(config, why))?,
        () = stop.cancelled() => return Ok(()),
    };
    let intents = GatewayIntents::GUILD_MESSAGES | GatewayIntents::DIRECT_MESSAGES;
    let listener = listen::Listener::new(Arc::clone(front), config.guild_id, meters, shards);
    let mut client = ClientBuilder::new_with_http(api::http(config)?, intents)
        .event_handler(listener)
        .raw_event_handler(listen::Unparsed::default())
        .await
        .map_err(|error| DiscordError::Gateway(error.to_string()))?;
    // serenity asks for the address a second time and, when that fails, falls back to the real
    // Discord with a mere warning. A test server's messages must never go there.
    *client.ws_url.lock().await = url;
    let manager = Arc::clone(&client.shard_manager);
    let ended = tokio::select! {
        ended = client.start_shards(shards) => Some(ended),
        () = stop.cancelled() => None,
    };
    match ended {
        None => {
            manager.shutdown_all().await;
            Ok(())
        }
        Some(Err(serenity::Error::Gateway(GatewayError::InvalidAuthentication))) => {
            Err(DiscordError::Token)
        }
        Some(Err(serenity::Error::Gateway(GatewayError::OverloadedShard))) => {
            Err(DiscordError::Shards)
        }
        Some(Err(error)) => Err(DiscordError::Gateway(error.to_string())),
        Some(Ok(())) => Err(DiscordError::Gateway("all shards have stopped".into())),
    }
}
