//! Calls of Slack's methods: each with a time limit, posts repeated where that posts nothing twice.
//!
//! A message carries a `client_msg_id` that follows from the message it answers, by which Slack knows a
//! repetition, even one from another process: posts to a channel are repeated after every passing trouble.
//! Slack documents the field only through the errors `duplicate_message_not_found` and
//! `duplicate_channel_not_found` of `chat.postMessage`. A response address takes no such id: there only
//! what Slack says it did not carry out (no connection, 429, 5xx) is repeated, and a lost answer is not.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Error as HyperError, connect::HttpConnector};
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::{Value, json};
use slack_morphism::errors::SlackClientError;
use slack_morphism::prelude::{
    SlackApiToken, SlackClient, SlackClientApiCallContext, SlackClientHttpConnector,
    SlackClientHyperConnector, SlackClientHyperHttpsConnector, SlackHyperClient, SlackResponseUrl,
};
use tokio::time::{Instant, sleep, timeout};

use crate::{Config, SlackError};

const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const CALL_WITHIN: Duration = Duration::from_secs(10);
/// Attempts at one post: with the pauses between them about 8 s where Slack does not name a time.
const ATTEMPTS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// A longer wait than this would outlive the question, and an earlier attempt would only prolong it.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);
/// Slack takes about one message a second in a channel, and short bursts.
const PER_SECOND: NonZeroU32 = NonZeroU32::MIN;
const BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(2);
/// Channels whose pace is remembered before the idle ones are forgotten.
const PACED_CHANNELS: usize = 1000;

/// Why a call failed. For the log: it never holds a body.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("Slack limits the rate")]
    Limited(Option<Duration>),
    #[error("Slack refuses it: {0}")]
    Refused(String),
    #[error("Slack answers with HTTP status {0}")]
    Status(u16),
    #[error("no connection to Slack: {0}")]
    NoConnection(String),
    #[error("Slack's answer is lost: {0}")]
    Lost(String),
    #[error("what answers in Slack's place does not speak its protocol")]
    Unreadable,
}

impl Trouble {
    /// Whether the call was certainly not carried out, and may be when repeated.
    pub(crate) fn left_no_trace(&self) -> bool {
        match self {
            Self::Limited(_) | Self::NoConnection(_) => true,
            Self::Status(status) => *status >= 500,
            Self::Refused(code) => matches!(
                code.as_str(),
                "ratelimited" | "rate_limited" | "service_unavailable" | "team_added_to_org"
            ),
            Self::Lost(_) | Self::Unreadable => false,
        }
    }

    /// Whether it may be over soon, although the call may have been carried out.
    fn passes(&self) -> bool {
        let unclear = match self {
            Self::Lost(_) => true,
            Self::Refused(code) => matches!(
                code.as_str(),
                "fatal_error" | "internal_error" | "request_timeout"
            ),
            _ => false,
        };
        unclear || self.left_no_trace()
    }

    /// Whether Slack refuses the form of a message rather than the message.
    fn is_about_blocks(&self, to: &To) -> bool {
        match self {
            Self::Refused(code) => matches!(
                code.as_str(),
                "invalid_blocks" | "invalid_blocks_format" | "msg_blocks_too_long"
            ),
            // A response address says so with a status alone.
            Self::Status(400) => matches!(to, To::Address { .. }),
            _ => false,
        }
    }
}

impl From<SlackClientError> for Trouble {
    fn from(error: SlackClientError) -> Self {
        match error {
            SlackClientError::RateLimitError(limit) => Self::Limited(limit.retry_after),
            SlackClientError::ApiError(refusal) => Self::Refused(refusal.code),
            SlackClientError::HttpError(http) => Self::Status(http.status_code.as_u16()),
            SlackClientError::ProtocolError(_) => Self::Unreadable,
            SlackClientError::HttpProtocolError(protocol) => {
                let cause = protocol.cause.as_deref();
                let described = cause.map_or_else(|| "no cause given".into(), |e| chain(e));
                let hyper = cause.and_then(|e| e.downcast_ref::<HyperError>());
                if hyper.is_some_and(HyperError::is_connect) {
                    Self::NoConnection(described)
                } else {
                    Self::Lost(described)
                }
            }
            SlackClientError::SystemError(system) => {
                let cause = system.cause.as_deref();
                Self::Lost(cause.map_or_else(|| "no cause given".into(), |e| chain(e)))
            }
            SlackClientError::EndOfStream(_) | SlackClientError::SocketModeProtocolError(_) => {
                Self::Lost("the connection ended".into())
            }
        }
    }
}

/// An error and its causes, in one line.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |e| e.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

/// Where a message goes.
#[derive(Clone)]
pub(crate) enum To {
    /// Into a conversation, in `thread` where one is named.
    Channel {
        channel: String,
        thread: Option<String>,
    },
    /// Into a conversation, for the eyes of `user` alone.
    Person {
        channel: String,
        thread: Option<String>,
        user: String,
    },
    /// To the address that came with a command or a click.
    Address {
        url: SlackResponseUrl,
        thread: Option<String>,
        as_: Respond,
    },
}

/// What a response address makes of a message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Respond {
    /// A message for the eyes of the person alone.
    Private,
    /// The message that the button stands in becomes this one.
    Replace,
    /// The message that the button stands in goes away.
    Delete,
    /// A message for everybody in the conversation.
    Public,
}

/// What is posted: text, and blocks that show the same better.
#[derive(Clone)]
pub(crate) struct Post {
    pub(crate) text: String,
    pub(crate) blocks: Option<Value>,
}

impl Post {
    /// Plain text, shown as it is.
    pub(crate) fn text(text: &str) -> Self {
        Self {
            text: crate::render::escape(text),
            blocks: None,
        }
    }
}

impl To {
    fn method(&self) -> &'static str {
        match self {
            Self::Channel { .. } => "chat.postMessage",
            Self::Person { .. } => "chat.postEphemeral",
            Self::Address { .. } => "response_url",
        }
    }

    /// For the log.
    pub(crate) fn place(&self) -> &str {
        match self {
            Self::Channel { channel, .. } | Self::Person { channel, .. } => channel,
            Self::Address { .. } => "response_url",
        }
    }

    /// The post as Slack wants it, with no key that does not apply.
    fn body(&self, post: Post, id: &str) -> Value {
        let mut body = match self {
            Self::Channel { channel, .. } => json!({
                "channel": channel, "client_msg_id": id, "unfurl_links": false, "unfurl_media": false,
            }),
            Self::Person { channel, user, .. } => json!({"channel": channel, "user": user}),
            Self::Address { as_, .. } => match as_ {
                Respond::Private => {
                    json!({"response_type": "ephemeral", "replace_original": false})
                }
                Respond::Replace => json!({"replace_original": true}),
                Respond::Delete => return json!({"delete_original": true}),
                Respond::Public => {
                    json!({"response_type": "in_channel", "replace_original": false})
                }
            },
        };
        if let Self::Channel {
            thread: Some(thread),
            ..
        }
        | Self::Person {
            thread: Some(thread),
            ..
        }
        | Self::Address {
            thread: Some(thread),
            as_: Respond::Private | Respond::Public,
            ..
        } = self
        {
            body["thread_ts"] = thread.as_str().into();
        }
        body["text"] = post.text.into();
        if let Some(blocks) = post.blocks {
            body["blocks"] = blocks;
        }
        body
    }

    /// Whether repeating after `trouble` shows nothing twice.
    fn repeatable(&self, trouble: &Trouble) -> bool {
        match self {
            // Known by its id, or the same however often it is done.
            Self::Channel { .. } => trouble.passes(),
            Self::Address { as_, .. } if *as_ != Respond::Private && *as_ != Respond::Public => {
                trouble.passes()
            }
            Self::Person { .. } | Self::Address { .. } => trouble.left_no_trace(),
        }
    }
}

/// What opens connections to Slack.
pub(crate) fn connector() -> Result<HttpsConnector<HttpConnector>, SlackError> {
    // An error means that the process has chosen a provider already, which will do.
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_connect_timeout(Some(CONNECT_WITHIN));
    http.set_nodelay(true);
    Ok(HttpsConnectorBuilder::new()
        .with_native_roots()
        .map_err(SlackError::Certificates)?
        .https_or_http()
        .enable_http1()
        .enable_http2()
        .wrap_connector(http))
}

/// Whom the bot token speaks for.
pub(crate) struct Me {
    /// The bot's user.
    pub(crate) user: String,
    /// Its workspace.
    pub(crate) team: String,
}

/// Slack's methods, as far as Casebook uses them.
pub(crate) struct Slack {
    pub(crate) client: Arc<SlackHyperClient>,
    /// For Socket Mode.
    pub(crate) app_token: Option<SlackApiToken>,
    bot_token: SlackApiToken,
    pace: DefaultKeyedRateLimiter<String>,
    /// Channels to which Slack wants no post before a time.
    held: Mutex<HashMap<String, Instant>>,
}

impl Slack {
    pub(crate) fn new(config: &Config) -> Result<Self, SlackError> {
        let https = connector()?;
        let mut connector: SlackClientHyperHttpsConnector = SlackClientHyperConnector::from(https);
        if let Some(url) = &config.api_url {
            connector = connector.with_slack_api_url(url.trim_end_matches('/'));
        }
        let token =
            |secret: &secrecy::SecretString| SlackApiToken::new(secret.expose_secret().into());
        Ok(Self {
            client: Arc::new(SlackClient::new(connector)),
            app_token: config.app_token.as_ref().map(token),
            bot_token: token(&config.bot_token),
            pace: RateLimiter::keyed(Quota::per_second(PER_SECOND).allow_burst(BURST)),
            held: Mutex::default(),
        })
    }

    /// Whom the bot token speaks for.
    pub(crate) async fn who_am_i(&self) -> Result<Me, Trouble> {
        let answer = self.call("auth.test", &json!({})).await?;
        let said = |key: &str| answer[key].as_str().map(str::to_owned);
        let user = said("user_id").ok_or(Trouble::Unreadable)?;
        let team = said("team_id").unwrap_or_default();
        Ok(Me { user, team })
    }

    /// Whether Slack lets the app token open a connection. The address that it gives is not used.
    pub(crate) async fn may_connect(&self) -> Result<(), Trouble> {
        let Some(token) = &self.app_token else {
            return Ok(());
        };
        self.method("apps.connections.open", &json!({}), token)
            .await
            .map(drop)
    }

    /// Adds a reaction to a message, once.
    pub(crate) async fn react(&self, channel: &str, ts: &str, name: &str) -> Result<(), Trouble> {
        let body = json!({"channel": channel, "timestamp": ts, "name": name});
        self.call("reactions.add", &body).await.map(drop)
    }

    /// One call of a method with the bot token, not repeated.
    pub(crate) async fn call(&self, method: &str, body: &Value) -> Result<Value, Trouble> {
        self.method(method, body, &self.bot_token).await
    }

    /// A call that may be repeated after every passing trouble, because it is the same however often it is done.
    pub(crate) async fn insist(&self, method: &str, body: &Value) -> Result<Value, Trouble> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..ATTEMPTS {
            match self.call(method, body).await {
                Err(trouble) if trouble.passes() => wait(&trouble, &mut pause).await?,
                outcome => return outcome,
            }
        }
        self.call(method, body).await
    }

    /// Whether Slack counts a person among the workspace's admins or owners.
    pub(crate) async fn is_admin(&self, user: &str) -> Result<bool, Trouble> {
        let answer = self.read("users.info", ("user", user)).await?;
        let is = |key: &str| answer["user"][key] == true;
        Ok(is("is_admin") || is("is_owner"))
    }

    /// The members of a user group.
    pub(crate) async fn members(&self, group: &str) -> Result<Vec<String>, Trouble> {
        let answer = self
            .read("usergroups.users.list", ("usergroup", group))
            .await?;
        let users = answer["users"].as_array().into_iter().flatten();
        Ok(users
            .filter_map(|user| user.as_str().map(str::to_owned))
            .collect())
    }

    /// Posts at the channel's pace, and again where that shows nothing twice. `id`, a UUID, is the post's
    /// identity for Slack. Gives the message's time stamp where Slack tells it.
    pub(crate) async fn post(
        &self,
        to: &To,
        post: Post,
        id: &str,
    ) -> Result<Option<String>, Trouble> {
        let mut body = to.body(post, id);
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            let trouble = match self.post_once(to, &body).await {
                Ok(answer) => return Ok(answer["ts"].as_str().map(str::to_owned)),
                Err(trouble) => trouble,
            };
            let has_blocks = body.get("blocks").is_some();
            if attempt == ATTEMPTS {
                return Err(trouble);
            } else if trouble.is_about_blocks(to) && has_blocks {
                tracing::error!(
                    id,
                    "Slack refuses our blocks, so that plain text goes out: {trouble}"
                );
                if let Some(body) = body.as_object_mut() {
                    body.remove("blocks");
                }
            } else if to.repeatable(&trouble) {
                if let Trouble::Limited(Some(for_)) = trouble {
                    self.hold(to, for_);
                }
                wait(&trouble, &mut pause).await?;
            } else {
                return Err(trouble);
            }
        }
        Err(Trouble::Unreadable)
    }

    async fn post_once(&self, to: &To, body: &Value) -> Result<Value, Trouble> {
        if let To::Address { url, .. } = to {
            let connector = &self.client.http_api.connector;
            // The address is a secret of its own: no token goes there, and the log does not name it.
            let call = connector.http_post_uri(url.0.clone(), body, context(None));
            return match limited::<Value>(call).await {
                // Slack's success is the word "ok" here, whatever type the answer claims.
                Ok(_) | Err(Trouble::Unreadable) => Ok(Value::Null),
                Err(trouble) => Err(trouble),
            };
        }
        let channel = to.place();
        if self.pace.len() > PACED_CHANNELS {
            self.pace.retain_recent();
        }
        self.held(channel).await?;
        self.pace.until_key_ready(&channel.to_owned()).await;
        self.call(to.method(), body).await
    }

    /// No further post goes to this channel before Slack wants one.
    fn hold(&self, to: &To, wait: Duration) {
        let Some(until) = Instant::now().checked_add(wait) else {
            return;
        };
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|_, until| *until > Instant::now());
        held.insert(to.place().to_owned(), until);
    }

    /// Waits until Slack wants posts in this channel again, or gives up at once where that is too long.
    async fn held(&self, channel: &str) -> Result<(), Trouble> {
        let left = || {
            let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            let until = held.get(channel)?;
            until.checked_duration_since(Instant::now())
        };
        // It may have been held again in the meantime.
        while let Some(left) = left().filter(|left| !left.is_zero()) {
            if left > LONGEST_PAUSE {
                return Err(Trouble::Limited(Some(left)));
            }
            sleep(left).await;
        }
        Ok(())
    }

    /// A method that reads. Slack takes no JSON for these.
    async fn read(&self, name: &str, argument: (&str, &str)) -> Result<Value, Trouble> {
        let arguments = vec![(argument.0, Some(argument.1))];
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            let connector = &self.client.http_api.connector;
            let call = connector.http_get(name, &arguments, context(Some(&self.bot_token)));
            match limited::<Value>(call).await {
                Ok(answer) if answer["ok"] == true => return Ok(answer),
                Ok(_) => break,
                Err(trouble) if trouble.passes() && attempt < ATTEMPTS => {
                    wait(&trouble, &mut pause).await?;
                }
                Err(trouble) => return Err(trouble),
            }
        }
        Err(Trouble::Unreadable)
    }

    async fn method(
        &self,
        name: &str,
        body: &(impl Serialize + Send + Sync),
        token: &SlackApiToken,
    ) -> Result<Value, Trouble> {
        let connector = &self.client.http_api.connector;
        let answer: Value = limited(connector.http_post(name, body, context(Some(token)))).await?;
        // slack-morphism takes a page that is no JSON for an empty success.
        if answer["ok"] == true {
            Ok(answer)
        } else {
            Err(Trouble::Unreadable)
        }
    }
}

/// Waits as long as Slack says, or for a pause that doubles. Gives the trouble back where that is too long.
async fn wait(trouble: &Trouble, pause: &mut Duration) -> Result<(), Trouble> {
    match trouble {
        Trouble::Limited(Some(wait)) if *wait > LONGEST_PAUSE => Err(Trouble::Limited(Some(*wait))),
        Trouble::Limited(Some(wait)) => {
            sleep(*wait).await;
            Ok(())
        }
        _ => {
            sleep(*pause).await;
            *pause *= 2;
            Ok(())
        }
    }
}

fn context(token: Option<&SlackApiToken>) -> SlackClientApiCallContext<'_> {
    static NO_SPAN: std::sync::LazyLock<tracing::Span> =
        std::sync::LazyLock::new(tracing::Span::none);
    SlackClientApiCallContext {
        rate_control_params: None,
        token,
        tracing_span: &NO_SPAN,
        is_sensitive_url: token.is_none(),
    }
}

async fn limited<T>(call: impl Future<Output = Result<T, SlackClientError>>) -> Result<T, Trouble> {
    match timeout(CALL_WITHIN, call).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Trouble::Lost(format!(
            "none within {} s",
            CALL_WITHIN.as_secs()
        ))),
    }
}

/// The same for every delivery of what `key` names, in every process.
pub(crate) fn uuid(key: &str) -> String {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, key).hash(&mut hasher);
        hasher.finish()
    };
    let (high, low) = (half(0), half(1));
    // Version 8 (by the application's own rule) and the RFC's variant.
    format!(
        "{:08x}-{:04x}-8{:03x}-a{:03x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        low >> 52,
        low & 0xffff_ffff_ffff
    )
}
