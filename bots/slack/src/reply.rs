//! Calls to Slack's Web API: time limits, retries, one post a second in each channel.
//!
//! The crate's own rate control is not used: it holds posts to one a second for a whole workspace,
//! where Slack's limit is per channel, and it retries nothing but 429.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use serde_json::{Value, json};
use slack_morphism::errors::SlackClientError;
use slack_morphism::prelude::{
    SlackApiToken, SlackClientApiCallContext, SlackClientHttpConnector, SlackHyperClient,
    SlackResponseUrl,
};

/// Attempts of one call, the first included.
const ATTEMPTS: u32 = 5;
/// The first pause after a failure; it doubles.
const PAUSE: Duration = Duration::from_millis(500);
/// The longest `Retry-After` that is waited for; a person will have asked again by then.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// Why a call did not succeed. Safe to log: Slack's code or a transport's error, never a body.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Refusal {
    /// Slack answered, and said no; its code.
    #[error("Slack refused: {0}")]
    Said(String),
    /// No usable reply after every attempt.
    #[error("Slack is not reachable: {0}")]
    Unreachable(String),
}

/// Where a reply goes.
#[derive(Clone)]
pub(crate) enum Target {
    /// A message in a channel, perhaps in a thread.
    Message {
        /// The channel's id.
        channel: String,
        /// The thread's first message.
        thread_ts: Option<String>,
    },
    /// Only the person who used a command sees it.
    Private(SlackResponseUrl),
}

/// Makes the calls.
pub(crate) struct Poster {
    client: Arc<SlackHyperClient>,
    token: SlackApiToken,
    timeout: Duration,
    channels: DefaultKeyedRateLimiter<String>,
}

impl Poster {
    pub(crate) fn new(
        client: Arc<SlackHyperClient>,
        token: SlackApiToken,
        timeout: Duration,
    ) -> Self {
        let channels = RateLimiter::keyed(Quota::per_second(NonZeroU32::MIN));
        Self {
            client,
            token,
            timeout,
            channels,
        }
    }

    /// The user id that the bot token belongs to.
    pub(crate) async fn auth_test(&self) -> Result<String, Refusal> {
        let me = self
            .method(&self.token, "auth.test", None, &json!({}))
            .await?;
        match me["user_id"].as_str() {
            Some(id) => Ok(id.to_owned()),
            None => Err(Refusal::Said("no user_id in the reply".to_owned())),
        }
    }

    /// Whether Slack would open a websocket; the address is thrown away.
    pub(crate) async fn open(&self, app: &SlackApiToken) -> Result<(), Refusal> {
        self.method(app, "apps.connections.open", None, &json!({}))
            .await
            .map(|_| ())
    }

    /// Posts `text`, or `blocks` with `text` for notifications.
    pub(crate) async fn send(
        &self,
        target: &Target,
        blocks: Option<&Value>,
        text: &str,
    ) -> Result<(), Refusal> {
        let mut body = json!({"text": text});
        if let Some(blocks) = blocks {
            body["blocks"] = blocks.clone();
        }
        match target {
            Target::Message { channel, thread_ts } => {
                body["channel"] = json!(channel);
                // Sources are links; their previews would bury the answer.
                body["unfurl_links"] = json!(false);
                body["unfurl_media"] = json!(false);
                if let Some(ts) = thread_ts {
                    body["thread_ts"] = json!(ts);
                }
                self.method(&self.token, "chat.postMessage", Some(channel), &body)
                    .await
            }
            Target::Private(url) => {
                body["response_type"] = json!("ephemeral");
                body["replace_original"] = json!(false);
                self.post_url(url, &body).await
            }
        }
        .map(|_| ())
    }

    /// Sets an emoji on a message, as a sign of life. One attempt: it is worth no more.
    pub(crate) async fn react(&self, channel: &str, ts: &str, name: &str) -> Result<(), Refusal> {
        let body = json!({"channel": channel, "timestamp": ts, "name": name});
        let session = self.client.open_session(&self.token);
        let call = session
            .http_session_api
            .http_post("reactions.add", &body, None);
        self.once(Box::pin(call))
            .await
            .map(|_| ())
            .map_err(|failure| failure.refusal)
    }

    /// Forgets channels without recent posts.
    pub(crate) fn forget_idle_channels(&self) {
        self.channels.retain_recent();
        self.channels.shrink_to_fit();
    }

    async fn method(
        &self,
        token: &SlackApiToken,
        method: &str,
        channel: Option<&String>,
        body: &Value,
    ) -> Result<Value, Refusal> {
        let session = self.client.open_session(token);
        self.retried(method, channel, || {
            Box::pin(session.http_session_api.http_post(method, body, None))
        })
        .await
    }

    /// Without the token: the address itself is the permission.
    async fn post_url(&self, url: &SlackResponseUrl, body: &Value) -> Result<Value, Refusal> {
        let span = tracing::Span::none();
        self.retried("response_url", None, || {
            let context = SlackClientApiCallContext {
                rate_control_params: None,
                token: None,
                tracing_span: &span,
                is_sensitive_url: true,
            };
            self.client
                .http_api
                .connector
                .http_post_uri(url.0.clone(), body, context)
        })
        .await
    }

    /// A post that timed out may have arrived, and is sent again all the same: twice is better than never.
    async fn retried<'a>(
        &'a self,
        method: &str,
        channel: Option<&String>,
        call: impl Fn() -> BoxFuture<'a, Result<Value, SlackClientError>>,
    ) -> Result<Value, Refusal> {
        let mut pause = PAUSE;
        for attempt in 1.. {
            if let Some(channel) = channel {
                self.channels.until_key_ready(channel).await;
            }
            let failure = match self.once(call()).await {
                Ok(value) => return Ok(value),
                Err(failure) => failure,
            };
            let wait = match failure.retry {
                Retry::No => return Err(failure.refusal),
                Retry::After(wait) if wait > LONGEST_WAIT => return Err(failure.refusal),
                Retry::After(wait) => wait,
                Retry::Soon => pause,
            };
            if attempt >= ATTEMPTS {
                return Err(failure.refusal);
            }
            tracing::debug!(method, attempt, wait_ms = wait.as_millis() as u64, why = %failure.refusal, "trying again");
            tokio::time::sleep(wait).await;
            pause *= 2;
        }
        Err(Refusal::Unreachable("no attempt was made".to_owned()))
    }

    async fn once(
        &self,
        call: BoxFuture<'_, Result<Value, SlackClientError>>,
    ) -> Result<Value, CallFailure> {
        match tokio::time::timeout(self.timeout, call).await {
            Err(_) => Err(CallFailure::unreachable(format!(
                "no reply within {:?}",
                self.timeout
            ))),
            Ok(Err(error)) => Err(CallFailure::from(&error)),
            // The crate looks at `error` only.
            Ok(Ok(value)) if value["ok"] == json!(false) => {
                Err(CallFailure::said("ok:false without an error code"))
            }
            Ok(Ok(value)) => Ok(value),
        }
    }
}

enum Retry {
    No,
    Soon,
    After(Duration),
}

struct CallFailure {
    refusal: Refusal,
    retry: Retry,
}

impl CallFailure {
    fn said(code: &str) -> Self {
        Self {
            refusal: Refusal::Said(code.to_owned()),
            retry: Retry::No,
        }
    }

    fn unreachable(why: String) -> Self {
        Self {
            refusal: Refusal::Unreachable(why),
            retry: Retry::Soon,
        }
    }
}

/// The crate's own messages quote response bodies, and those can hold what was posted.
impl From<&SlackClientError> for CallFailure {
    fn from(error: &SlackClientError) -> Self {
        match error {
            SlackClientError::ApiError(e) => match e.code.as_str() {
                "ratelimited"
                | "rate_limited"
                | "internal_error"
                | "fatal_error"
                | "service_unavailable"
                | "request_timeout" => Self::unreachable(e.code.clone()),
                code => Self::said(code),
            },
            SlackClientError::RateLimitError(e) => Self {
                refusal: Refusal::Unreachable("rate limit (HTTP 429)".to_owned()),
                retry: e.retry_after.map_or(Retry::Soon, Retry::After),
            },
            SlackClientError::HttpError(e) if e.status_code.is_server_error() => {
                Self::unreachable(format!("HTTP {}", e.status_code.as_u16()))
            }
            SlackClientError::HttpError(e) => {
                Self::said(&format!("HTTP {}", e.status_code.as_u16()))
            }
            SlackClientError::HttpProtocolError(e) => Self::unreachable(match &e.cause {
                Some(cause) => with_causes(cause.as_ref()),
                None => "connection failed".to_owned(),
            }),
            SlackClientError::SystemError(_) => Self::unreachable("the reply broke off".to_owned()),
            SlackClientError::ProtocolError(_) => Self::said("a reply that is not Slack's JSON"),
            SlackClientError::EndOfStream(_) | SlackClientError::SocketModeProtocolError(_) => {
                Self::said("a protocol error")
            }
        }
    }
}

fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
