//! Calls of Slack's methods: each with a time limit, posts repeated where that posts nothing twice.
//!
//! A message carries a `client_msg_id` that follows from the message it answers, by which Slack knows a
//! repetition, even one from another process: posts to a channel are repeated after every passing trouble.
//! Slack documents the field only through the errors `duplicate_message_not_found` and
//! `duplicate_channel_not_found` of `chat.postMessage`. A response address takes no such id: there only
//! what Slack says it did not carry out (no connection, 429, 5xx) is repeated, and a lost answer is not.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use hyper_util::client::legacy::{Error as HyperError, connect::HttpConnector};
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::{Value, json};
use slack_morphism::errors::SlackClientError;
use slack_morphism::prelude::{
    SlackApiToken, SlackClient, SlackClientApiCallContext, SlackClientHttpConnector,
    SlackClientHyperConnector, SlackClientHyperHttpsConnector, SlackHyperClient, SlackResponseUrl,
};
use tokio::time::{sleep, timeout};

use crate::{Config, SlackError};

const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const CALL_WITHIN: Duration = Duration::from_secs(10);
/// Attempts at one post: with the pauses between them about 8 s where Slack does not name a time.
const ATTEMPTS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// A longer wait than this would outlive the question.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
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
    fn left_no_trace(&self) -> bool {
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
    fn is_about_blocks(&self) -> bool {
        let Self::Refused(code) = self else {
            return false;
        };
        matches!(
            code.as_str(),
            "invalid_blocks" | "invalid_blocks_format" | "msg_blocks_too_long"
        )
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
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |e| e.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

/// Where an answer goes.
pub(crate) enum ReplyTo {
    /// To a message with time stamp `ts`, in `thread` where one is named.
    Message {
        channel: String,
        ts: String,
        thread: Option<String>,
    },
    /// To a command, for the eyes of the person who gave it alone.
    Command(SlackResponseUrl),
}

/// What is posted: text, and blocks that show the same better.
pub(crate) struct Post {
    pub(crate) text: String,
    pub(crate) blocks: Option<Value>,
}

/// A post as Slack wants it, with no key that does not apply.
#[derive(Serialize)]
struct Body<'a> {
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    blocks: Option<Value>,
    #[serde(flatten)]
    to: Target<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Target<'a> {
    Message {
        channel: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        thread_ts: Option<&'a str>,
        client_msg_id: &'a str,
        unfurl_links: bool,
        unfurl_media: bool,
    },
    Command {
        response_type: &'static str,
    },
}

impl<'a> Body<'a> {
    fn new(to: &'a ReplyTo, post: Post, id: &'a str) -> Self {
        let to = match to {
            ReplyTo::Message {
                channel, thread, ..
            } => Target::Message {
                channel,
                thread_ts: thread.as_deref(),
                client_msg_id: id,
                unfurl_links: false,
                unfurl_media: false,
            },
            ReplyTo::Command(_) => Target::Command {
                response_type: "ephemeral",
            },
        };
        Self {
            text: post.text,
            blocks: post.blocks,
            to,
        }
    }
}

/// Slack's methods, as far as Casebook uses them.
pub(crate) struct Slack {
    pub(crate) client: Arc<SlackHyperClient>,
    pub(crate) app_token: SlackApiToken,
    bot_token: SlackApiToken,
    pace: DefaultKeyedRateLimiter<String>,
}

impl Slack {
    pub(crate) fn new(config: &Config) -> Result<Self, SlackError> {
        // An error means that the process has chosen a provider already, which will do.
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_connect_timeout(Some(CONNECT_WITHIN));
        http.set_nodelay(true);
        let https = hyper_rustls::HttpsConnectorBuilder::new()
            .with_native_roots()
            .map_err(SlackError::Certificates)?
            .https_or_http()
            .enable_http1()
            .enable_http2()
            .wrap_connector(http);
        let mut connector: SlackClientHyperHttpsConnector = SlackClientHyperConnector::from(https);
        if let Some(url) = &config.api_url {
            connector = connector.with_slack_api_url(url.trim_end_matches('/'));
        }
        let token =
            |secret: &secrecy::SecretString| SlackApiToken::new(secret.expose_secret().into());
        Ok(Self {
            client: Arc::new(SlackClient::new(connector)),
            app_token: token(&config.app_token),
            bot_token: token(&config.bot_token),
            pace: RateLimiter::keyed(Quota::per_second(PER_SECOND).allow_burst(BURST)),
        })
    }

    /// The id of the user that the bot token speaks for.
    pub(crate) async fn who_am_i(&self) -> Result<String, Trouble> {
        let answer = self
            .method("auth.test", &json!({}), &self.bot_token)
            .await?;
        answer["user_id"]
            .as_str()
            .map(str::to_owned)
            .ok_or(Trouble::Unreadable)
    }

    /// Whether Slack lets the app token open a connection. The address that it gives is not used.
    pub(crate) async fn may_connect(&self) -> Result<(), Trouble> {
        self.method("apps.connections.open", &json!({}), &self.app_token)
            .await
            .map(drop)
    }

    /// Adds a reaction to a message, once.
    pub(crate) async fn react(&self, channel: &str, ts: &str, name: &str) -> Result<(), Trouble> {
        let body = json!({"channel": channel, "timestamp": ts, "name": name});
        self.method("reactions.add", &body, &self.bot_token)
            .await
            .map(drop)
    }

    /// Posts at the channel's pace, and again where that posts nothing twice. `id`, a UUID, is the post's
    /// identity for Slack.
    pub(crate) async fn post(&self, to: &ReplyTo, post: Post, id: &str) -> Result<(), Trouble> {
        let mut body = Body::new(to, post, id);
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            let trouble = match self.post_once(to, &body).await {
                Ok(()) => break,
                Err(trouble) => trouble,
            };
            let repeatable = match to {
                ReplyTo::Message { .. } => trouble.passes(),
                ReplyTo::Command(_) => trouble.left_no_trace(),
            };
            if attempt == ATTEMPTS {
                return Err(trouble);
            } else if trouble.is_about_blocks() && body.blocks.take().is_some() {
                tracing::warn!(id, "an answer goes out as plain text: {trouble}");
            } else if let Trouble::Limited(Some(wait)) = trouble {
                sleep(wait.min(LONGEST_PAUSE)).await;
            } else if repeatable {
                sleep(pause).await;
                pause *= 2;
            } else {
                return Err(trouble);
            }
        }
        Ok(())
    }

    async fn post_once(&self, to: &ReplyTo, body: &Body<'_>) -> Result<(), Trouble> {
        match to {
            ReplyTo::Message { channel, .. } => {
                if self.pace.len() > PACED_CHANNELS {
                    self.pace.retain_recent();
                }
                self.pace.until_key_ready(channel).await;
                self.method("chat.postMessage", body, &self.bot_token)
                    .await
                    .map(drop)
            }
            ReplyTo::Command(url) => {
                let connector = &self.client.http_api.connector;
                // The address is a secret of its own: no token goes there, and the log does not name it.
                let call = connector.http_post_uri(url.0.clone(), body, context(None));
                match limited::<Value>(call).await {
                    // Slack's success is the word "ok" here, whatever type the answer claims.
                    Ok(_) | Err(Trouble::Unreadable) => Ok(()),
                    Err(trouble) => Err(trouble),
                }
            }
        }
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
