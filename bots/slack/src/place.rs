//! Where replies to one question go, and how it is found again after a restart.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use casebook_desk::{Audience, Once, Place, PostFailed, Posted, Reply, Revive, Revived};
use serde::{Deserialize, Serialize};
use serde_json::json;
use slack_morphism::prelude::SlackResponseUrl;

use crate::api::{Post, Respond, Slack, To, Trouble};
use crate::render;

/// A response address is good for 30 min; the rest is for the post itself.
const ADDRESS_LASTS: Duration = Duration::from_secs(29 * 60);

/// Where replies go, in ids: kept by the desk until the reply is posted, and carried by forms.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Address {
    pub(crate) channel: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) thread: Option<String>,
    /// Who asked.
    pub(crate) user: String,
    /// The message that asked, to be marked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ts: Option<String>,
    /// The response address of a command or a click.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<String>,
    /// Seconds since 1970 when the response address was given out.
    #[serde(default)]
    pub(crate) at: u64,
    /// Whether this is a conversation with the app alone.
    #[serde(default)]
    pub(crate) direct: bool,
}

impl Address {
    pub(crate) fn encode(&self) -> String {
        // Strings, numbers and booleans: this cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Notes a response address that was given out now.
    pub(crate) fn with_url(mut self, url: Option<String>) -> Self {
        self.at = now();
        self.url = url;
        self
    }

    fn response(&self, as_: Respond) -> Option<To> {
        if now().saturating_sub(self.at) > ADDRESS_LASTS.as_secs() {
            return None;
        }
        let url = self.url.as_deref()?.parse().ok()?;
        Some(To::Address {
            url: SlackResponseUrl(url),
            thread: self.thread.clone(),
            as_,
        })
    }

    /// Where a message for everybody goes.
    fn public(&self) -> To {
        To::Channel {
            channel: self.channel.clone(),
            thread: self.thread.clone(),
        }
    }

    /// Where a message for the person who asked goes, and for nobody else.
    pub(crate) fn private(&self) -> To {
        if let Some(to) = self.response(Respond::Private) {
            to
        } else if self.direct {
            self.public()
        } else {
            To::Person {
                channel: self.channel.clone(),
                thread: self.thread.clone(),
                user: self.user.clone(),
            }
        }
    }
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// How a slow answer is marked.
pub(crate) struct Mark {
    reaction: String,
    /// Whether the token may react; unknown until it is tried.
    may_react: AtomicBool,
}

impl Mark {
    pub(crate) fn new(reaction: &str) -> Self {
        Self {
            reaction: reaction.to_owned(),
            may_react: AtomicBool::new(!reaction.is_empty()),
        }
    }

    /// A sign of life on a message. A token that may not react is not tried again.
    async fn show(&self, slack: &Slack, channel: &str, ts: &str) {
        if !self.may_react.load(Ordering::Relaxed) {
            return;
        }
        match slack.react(channel, ts, &self.reaction).await {
            Err(Trouble::Refused(code)) if code == "missing_scope" => {
                self.may_react.store(false, Ordering::Relaxed);
                tracing::info!("slow answers are not marked: the bot token lacks reactions:write");
            }
            Err(trouble) => tracing::debug!(channel, "a slow answer is not marked: {trouble}"),
            Ok(()) => {}
        }
    }
}

/// What becomes of the message that holds a button, with the reply to its press.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Original {
    /// It stays.
    Stays,
    /// The reply stands in its place: a warning that was decided on.
    Replaced,
    /// It says that it was shared, and the reply says by whom: a private answer that everybody sees now.
    Shared { by: String },
}

/// Where replies to one question go.
pub(crate) struct SlackPlace {
    pub(crate) slack: Arc<Slack>,
    pub(crate) mark: Arc<Mark>,
    pub(crate) address: Address,
    pub(crate) original: Original,
}

const SHARED: &str = "Shared: everybody in this conversation sees the answer now.";

impl SlackPlace {
    /// Posts for everybody: where Casebook is not in the channel, by the response address, which needs no membership.
    async fn publicly(&self, post: Post, id: &str) -> Result<Option<String>, Trouble> {
        let posted = self
            .slack
            .post(&self.address.public(), post.clone(), id)
            .await;
        match (posted, self.address.response(Respond::Public)) {
            (Err(Trouble::Refused(code)), Some(to))
                if matches!(code.as_str(), "not_in_channel" | "channel_not_found") =>
            {
                self.slack.post(&to, post, id).await
            }
            (posted, _) => posted,
        }
    }

    /// Whether what is posted can have a thread that nobody knows yet. A conversation with the app is one without.
    fn opens_thread(&self) -> bool {
        self.address.thread.is_none() && !self.address.direct
    }

    async fn try_post(&self, reply: &Reply) -> Result<Option<String>, Trouble> {
        let mut post = render::post(reply);
        let id = reply.once.uuid();
        match reply.audience {
            Audience::Everyone => {
                if let Original::Shared { by } = &self.original {
                    post = render::shared(post, by);
                }
                let posted = self.publicly(post, &id).await?;
                let original = match &self.original {
                    Original::Stays => None,
                    Original::Replaced => Some((Respond::Delete, "")),
                    Original::Shared { .. } => Some((Respond::Replace, SHARED)),
                };
                if let Some((as_, text)) = original
                    && let Some(to) = self.address.response(as_)
                    // The answer stands in the channel; that its private copy stays as well is no failure.
                    && let Err(trouble) = self.slack.post(&to, Post::text(text), &id).await
                {
                    tracing::debug!("a private message stays as it was: {trouble}");
                }
                Ok(posted)
            }
            Audience::Asker => {
                let replaced = (self.original == Original::Replaced)
                    .then(|| self.address.response(Respond::Replace))
                    .flatten();
                let to = replaced.unwrap_or_else(|| self.address.private());
                self.slack.post(&to, post, &id).await
            }
        }
    }
}

#[async_trait]
impl Place for SlackPlace {
    async fn post(&self, reply: &Reply) -> Result<Posted, PostFailed> {
        match self.try_post(reply).await {
            Ok(ts) => Ok(Posted {
                thread: self.opens_thread().then_some(ts).flatten(),
            }),
            Err(trouble) => Err(PostFailed(trouble.to_string())),
        }
    }

    async fn working(&self) {
        let Address {
            channel,
            thread,
            ts,
            direct,
            ..
        } = &self.address;
        if let (true, Some(thread)) = (direct, thread) {
            let status = json!({
                "channel_id": channel, "thread_ts": thread, "status": "is looking in the loaded sources\u{2026}",
            });
            match self
                .slack
                .call("assistant.threads.setStatus", &status)
                .await
            {
                Ok(_) => return,
                Err(trouble) => tracing::debug!("no status in the assistant pane: {trouble}"),
            }
        }
        if let Some(ts) = ts {
            self.mark.show(&self.slack, channel, ts).await;
        }
    }

    async fn is_posted(&self, _: &Once) -> bool {
        // Slack drops a second copy by its client_msg_id. What one person alone sees has none: seen twice is better
        // than not at all.
        false
    }
}

/// Finds places again.
pub(crate) struct SlackRevive {
    pub(crate) slack: Arc<Slack>,
    pub(crate) mark: Arc<Mark>,
}

#[async_trait]
impl Revive for SlackRevive {
    async fn revive(&self, address: &str) -> Option<Revived> {
        let address = serde_json::from_str(address).ok()?;
        let place = SlackPlace {
            slack: self.slack.clone(),
            mark: self.mark.clone(),
            address,
            original: Original::Stays,
        };
        // Reading a message again needs a scope that nothing else does.
        Some(Revived {
            place: Arc::new(place),
            question: None,
        })
    }
}
