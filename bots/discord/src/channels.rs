//! What Discord knows about channels and their messages, asked for as seldom as possible.

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use serenity::all::{Channel, ChannelId, GuildId, Http, Message, MessageId, UserId};

use crate::api;
use crate::interaction::is_thread;

const WITHIN: Duration = Duration::from_secs(5);
/// A channel does not become a thread; only memory is bounded by this.
const KEEP: Duration = Duration::from_secs(24 * 3600);

/// What a channel is, as far as answers go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    /// The channel that it is a thread of.
    pub parent: Option<ChannelId>,
    /// Whether threads can be opened in it below messages.
    pub takes_threads: bool,
}

/// What channels are, once they were asked for.
pub(crate) struct Channels {
    http: Arc<Http>,
    known: Cache<ChannelId, Known>,
}

impl Channels {
    pub fn new(http: Arc<Http>) -> Self {
        let known = Cache::builder()
            .max_capacity(50_000)
            .time_to_live(KEEP)
            .build();
        Self { http, known }
    }

    /// What a guild's channel is. Where Discord does not say, it is taken for one without threads, and asked for again
    /// the next time.
    pub async fn get(&self, id: ChannelId) -> Known {
        if let Some(known) = self.known.get(&id).await {
            return known;
        }
        let channel = api::patiently(WITHIN, || self.http.get_channel(id)).await;
        match channel {
            Ok(Channel::Guild(channel)) => {
                use serenity::all::ChannelType::{News, Text};
                let in_thread = is_thread(channel.kind);
                let known = Known {
                    parent: channel.parent_id.filter(|_| in_thread),
                    takes_threads: matches!(channel.kind, Text | News),
                };
                self.known.insert(id, known).await;
                known
            }
            Ok(_) => Known {
                parent: None,
                takes_threads: false,
            },
            Err(why) => {
                tracing::debug!(
                    channel = id.get(),
                    "Discord does not say what a channel is: {why}"
                );
                Known {
                    parent: None,
                    takes_threads: true,
                }
            }
        }
    }
}

/// A message, with its text where it mentions us.
pub(crate) async fn message(http: &Http, channel: ChannelId, id: MessageId) -> Option<Message> {
    api::patiently(WITHIN, || http.get_message(channel, id))
        .await
        .ok()
}

/// The roles of a guild's member, by which settings may allow them to ask.
pub(crate) async fn roles(http: &Http, guild: Option<GuildId>, person: UserId) -> Vec<String> {
    let Some(guild) = guild else {
        return Vec::new();
    };
    let member = api::patiently(WITHIN, || http.get_member(guild, person)).await;
    member.map_or(Vec::new(), |member| {
        member.roles.iter().map(ToString::to_string).collect()
    })
}

/// Whether a reply of ours to this message stands in its thread or below it.
pub(crate) async fn has_our_reply(
    http: &Http,
    channel: ChannelId,
    message: MessageId,
    opens_thread: bool,
) -> bool {
    use serenity::all::MessagePagination::After;
    let Ok(me) = api::patiently(WITHIN, || http.get_current_user()).await else {
        return false;
    };
    // Discord gives the thread below a message that message's id.
    let mut places = vec![channel];
    if opens_thread {
        places.push(ChannelId::new(message.get()));
    }
    for place in places {
        let messages = api::patiently(WITHIN, || {
            http.get_messages(place, Some(After(message)), Some(50))
        })
        .await;
        let ours = |other: &Message| {
            let to = other
                .message_reference
                .as_ref()
                .and_then(|to| to.message_id);
            other.author.id == me.id && (place != channel || to == Some(message))
        };
        if messages.is_ok_and(|messages| messages.iter().any(ours)) {
            return true;
        }
    }
    false
}
