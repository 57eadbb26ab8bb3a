//! Finding a place again after a restart, from the ids that were kept of it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use casebook_desk::{Revive, Revived};
use serenity::all::{ChannelId, GuildId, InteractionId, MessageId, RoleId, UserId};

use crate::channels;
use crate::front::Front;
use crate::interaction::{Place, Use};
use crate::place::{Below, Deferred, ToMessage};

/// For how long Discord takes a reply to an interaction, less what posting may take.
const REPLY_WITHIN: Duration = Duration::from_secs(14 * 60);

/// Where a reply goes, in ids alone; numbers apart by `:`.
pub(crate) enum Address {
    Message {
        channel: ChannelId,
        message: MessageId,
        guild: Option<GuildId>,
        person: UserId,
        opens_thread: bool,
    },
    Interaction {
        id: InteractionId,
        token: String,
        channel: ChannelId,
        parent: Option<ChannelId>,
        guild: Option<GuildId>,
        person: UserId,
        deferred: Deferred,
    },
}

/// How long ago Discord made an id: its upper bits are milliseconds since 2015.
fn age(id: InteractionId) -> Duration {
    const EPOCH_MS: u64 = 1_420_070_400_000;
    let made = UNIX_EPOCH + Duration::from_millis((id.get() >> 22) + EPOCH_MS);
    SystemTime::now().duration_since(made).unwrap_or_default()
}

impl Address {
    pub fn message(place: &ToMessage) -> Self {
        Self::Message {
            channel: place.channel,
            message: place.message,
            guild: place.guild,
            person: place.person,
            opens_thread: place.opens_thread,
        }
    }

    pub fn interaction(used: &Use, deferred: Deferred) -> Self {
        Self::Interaction {
            id: used.id,
            token: used.token().to_owned(),
            channel: used.place.channel,
            parent: used.place.parent,
            guild: used.place.guild,
            person: used.place.person,
            deferred,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split(':').collect();
        let number = |i: usize| parts.get(i)?.parse::<u64>().ok();
        // 0 stands for nothing: Discord has no such id, and serenity panics at it.
        let id = |i: usize| number(i).filter(|n| *n > 0);
        match *parts.first()? {
            "m" => Some(Self::Message {
                channel: ChannelId::new(id(1)?),
                message: MessageId::new(id(2)?),
                guild: id(3).map(GuildId::new),
                person: UserId::new(id(4)?),
                opens_thread: number(5)? == 1,
            }),
            "i" => Some(Self::Interaction {
                id: InteractionId::new(id(1)?),
                channel: ChannelId::new(id(2)?),
                parent: id(3).map(ChannelId::new),
                guild: id(4).map(GuildId::new),
                person: UserId::new(id(5)?),
                deferred: match number(6)? {
                    0 => Deferred::Private,
                    1 => Deferred::Public,
                    2 => Deferred::Change,
                    _ => Deferred::Page,
                },
                token: (*parts.get(7)?).to_owned(),
            }),
            _ => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let guild = |guild: &Option<GuildId>| guild.map_or(0, GuildId::get);
        match self {
            Self::Message {
                channel,
                message,
                guild: of,
                person,
                opens_thread,
            } => write!(
                f,
                "m:{channel}:{message}:{}:{person}:{}",
                guild(of),
                u8::from(*opens_thread)
            ),
            Self::Interaction {
                id,
                token,
                channel,
                parent,
                guild: of,
                person,
                deferred,
            } => {
                let parent = parent.map_or(0, ChannelId::get);
                let deferred = match deferred {
                    Deferred::Private => 0,
                    Deferred::Public => 1,
                    Deferred::Change => 2,
                    Deferred::Page => 3,
                };
                let of = guild(of);
                write!(
                    f,
                    "i:{id}:{channel}:{parent}:{of}:{person}:{deferred}:{token}"
                )
            }
        }
    }
}

#[async_trait]
impl Revive for Front {
    async fn revive(&self, address: &str) -> Option<Revived> {
        match Address::parse(address)? {
            Address::Message {
                channel,
                message,
                guild,
                person,
                opens_thread,
            } => {
                let place = ToMessage {
                    http: Arc::clone(&self.http),
                    channel,
                    message,
                    guild,
                    person,
                    opens_thread,
                };
                let question = match channels::message(&self.http, channel, message).await {
                    Some(mut message) => {
                        // Discord says it with events only.
                        message.guild_id = guild;
                        let question = self.question(&message).await;
                        let roles = channels::roles(&self.http, guild, person).await;
                        question.map(|(mut question, _)| {
                            question.from.groups = roles;
                            question
                        })
                    }
                    None => None,
                };
                Some(Revived {
                    place: Arc::new(place),
                    question,
                })
            }
            Address::Interaction {
                id,
                token,
                channel,
                parent,
                guild,
                person,
                deferred,
            } => {
                if age(id) > REPLY_WITHIN {
                    return None;
                }
                let place = Place {
                    person,
                    roles: Vec::<RoleId>::new(),
                    manages: false,
                    guild,
                    channel,
                    parent,
                };
                let place = Below {
                    http: Arc::clone(&self.http),
                    used: Use::again(id, token, place),
                    deferred,
                    always_private: deferred == Deferred::Private,
                    thread_of: None,
                    standing: Vec::new(),
                };
                Some(Revived {
                    place: Arc::new(place),
                    question: None,
                })
            }
        }
    }
}
