//! Where replies go: below an interaction, or to a message that somebody wrote.
//!
//! Both keep one rule: what the desk says to one person is shown to nobody else. And one wish: a public answer
//! has a thread, so that what follows from it does not flood the channel.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use casebook_core::Answer;
use casebook_desk::{
    Action, Audience, Content, Notice, Once, Place, PostFailed, Posted, Reply, Tone,
};
use serde_json::{Value, json};
use serenity::all::{ChannelId, GuildId, Http, MessageId, UserId};
use tokio::time::{sleep, timeout};

use crate::api::{self, Refusal};
use crate::buttons::{self, Standing};
use crate::channels;
use crate::interaction::Use;
use crate::render::{self, Said};

const POST_WITHIN: Duration = Duration::from_secs(30);
/// Discord shows the typing indicator for 10 s.
const TYPING_EVERY: Duration = Duration::from_secs(8);

/// Why a thread cannot be opened below a message: it has one.
const HAS_A_THREAD: isize = 160_004;

/// More messages than this for one answer would flood a private reply, too.
const MESSAGES: usize = 5;

/// What a reply looks like: a message, and where an answer's rest cannot be had by a button (because nothing of it may be
/// kept), further ones. `standing` are buttons that the message has already, and `in_public` says that people may ask on
/// below it.
fn said(reply: &Reply, standing: &[Standing], in_public: bool) -> Vec<Said> {
    let rows =
        |reply: &Reply| buttons::rows(&reply.actions, standing, in_public && is_answer(reply));
    let answer = match &reply.content {
        Content::Answer(answer) => answer,
        Content::Help(help) => return vec![render::help(help).with(rows(reply))],
        Content::Notice(notice) => return vec![render::notice(notice).with(rows(reply))],
        Content::Warning(warning) => return vec![render::warning(warning).with(rows(reply))],
    };
    let part = render::answer(answer);
    if part.rest == 0 {
        return vec![part.said.with(rows(reply))];
    }
    let mut reply = reply.clone();
    reply.cut_after(part.shown);
    let mut messages = vec![part.said.with(rows(&reply))];
    let has_button = |action: &Action| matches!(action, Action::More { .. });
    if reply.actions.iter().any(has_button) {
        return messages;
    }
    let mut rest = Answer {
        reason: None,
        codes: Vec::new(),
        ..(**answer).clone()
    };
    let mut shown = part.shown;
    while shown > 0 && messages.len() < MESSAGES {
        rest.lines.drain(..shown);
        if rest.lines.is_empty() {
            break;
        }
        let part = render::answer(&rest);
        shown = part.shown;
        messages.push(part.said);
    }
    messages
}

fn is_answer(reply: &Reply) -> bool {
    matches!(reply.content, Content::Answer(_))
}

/// What a thread is called: by the code that the answer is about, never by what was asked.
fn title(reply: &Reply) -> String {
    let code = match &reply.content {
        Content::Answer(answer) => answer.codes.first(),
        _ => None,
    };
    code.map_or("Coding question".to_owned(), |code| {
        buttons::cut(&format!("{} {}", code.code, code.title), 100)
    })
}

fn failed(why: Refusal) -> PostFailed {
    PostFailed(why.to_string())
}

/// Posts to a channel or a thread, as a reply to `to` where there is one. Returns the first message.
async fn send_all(
    http: &Http,
    channel: ChannelId,
    to: Option<MessageId>,
    once: &Once,
    said: &[Said],
) -> Result<MessageId, Refusal> {
    let mut first = None;
    for (i, said) in said.iter().enumerate() {
        let nonce = match i {
            0 => once.short(),
            i => format!("{}{i}", once.short()),
        };
        let sent = send(http, channel, to.filter(|_| i == 0), &nonce, said).await?;
        first.get_or_insert(sent);
    }
    first.ok_or_else(Refusal::none)
}

/// Posts one message. The nonce lets Discord drop a second copy.
async fn send(
    http: &Http,
    channel: ChannelId,
    to: Option<MessageId>,
    nonce: &str,
    said: &Said,
) -> Result<MessageId, Refusal> {
    let add = |body: &mut Value| {
        body["nonce"] = json!(nonce);
        body["enforce_nonce"] = json!(true);
        if let Some(to) = to {
            // The question may have been deleted; its answer then stands alone.
            body["message_reference"] =
                json!({"message_id": to.to_string(), "fail_if_not_exists": false});
        }
    };
    api::show(POST_WITHIN, channel.get(), said, add, |body| async move {
        http.send_message(channel, Vec::new(), &body)
            .await
            .map(|message| message.id)
    })
    .await
}

/// The thread below a message: opened, or there already. None where Casebook may not open one, or nobody can.
async fn thread_below(
    http: &Http,
    channel: ChannelId,
    message: MessageId,
    name: &str,
) -> Option<ChannelId> {
    let body = json!({"name": name, "auto_archive_duration": 1440});
    let opened = api::patiently(Duration::from_secs(10), || {
        http.create_thread_from_message(channel, message, &body, None)
    })
    .await;
    match opened {
        Ok(thread) => Some(thread.id),
        // Discord gives it the message's id.
        Err(why) if why.code == Some(HAS_A_THREAD) => Some(ChannelId::new(message.get())),
        Err(why) => {
            tracing::info!(
                channel = channel.get(),
                "no thread for a public answer, the channel takes it: {why}"
            );
            None
        }
    }
}

/// How an interaction was deferred, and so where its reply goes by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deferred {
    /// To a message that the person alone sees.
    Private,
    /// To a message that everyone sees.
    Public,
    /// To the message on which a button was pressed, in place of what it says.
    Change,
    /// To the message on which a button was pressed, where its answer's other lines take the place of those that it shows.
    /// Anything else is said beside it.
    Page,
}

/// Below an interaction.
pub(crate) struct Below {
    pub http: Arc<Http>,
    pub used: Use,
    pub deferred: Deferred,
    /// Whether nothing of it may be public, whatever the settings: it is about a note.
    pub always_private: bool,
    /// The message in whose thread a public reply goes.
    pub thread_of: Option<MessageId>,
    /// Buttons that stay on a message whose lines change.
    pub standing: Vec<Standing>,
}

#[async_trait]
impl Place for Below {
    async fn post(&self, reply: &Reply) -> Result<Posted, PostFailed> {
        let place = &self.used.place;
        let direct = place.guild.is_none();
        let public = reply.audience == Audience::Everyone && !self.always_private;
        match self.deferred {
            Deferred::Public if !public && !direct => {
                // Said to one person, where everyone was promised something: that promise goes first.
                self.used.withdraw(&self.http).await.map_err(failed)?;
                for said in said(reply, &[], false) {
                    self.used
                        .add(&self.http, &said, true)
                        .await
                        .map_err(failed)?;
                }
                Ok(Posted::default())
            }
            Deferred::Private if public && !direct => self.publish(reply).await,
            Deferred::Page if !is_answer(reply) => {
                for said in said(reply, &[], false) {
                    self.used
                        .add(&self.http, &said, !direct)
                        .await
                        .map_err(failed)?;
                }
                Ok(Posted::default())
            }
            deferred => {
                let in_public = deferred == Deferred::Public && !direct;
                let messages = said(reply, &self.standing, in_public);
                let mut messages = messages.iter();
                let first = messages.next().ok_or_else(|| failed(Refusal::none()))?;
                let message = self.used.fill(&self.http, first).await.map_err(failed)?;
                for further in messages {
                    self.used
                        .add(&self.http, further, !in_public && !direct)
                        .await
                        .map_err(failed)?;
                }
                let mut posted = Posted::default();
                if in_public && is_answer(reply) && place.parent.is_none() {
                    let name = title(reply);
                    let thread = thread_below(&self.http, place.channel, message, &name).await;
                    posted.thread = thread.map(|thread| thread.to_string());
                }
                Ok(posted)
            }
        }
    }

    async fn is_posted(&self, _once: &Once) -> bool {
        match self.deferred {
            // What a former process said must not be taken away by what this one has to say.
            Deferred::Private | Deferred::Public => self.used.is_filled(&self.http).await,
            // The message stood there before the button was pressed. The same change made again changes nothing.
            Deferred::Change | Deferred::Page => false,
        }
    }
}

impl Below {
    /// Shows to everyone what was asked for in private: in the thread, or in the channel with a thread of its own.
    async fn publish(&self, reply: &Reply) -> Result<Posted, PostFailed> {
        let place = &self.used.place;
        let said = said(reply, &[], true);
        let name = title(reply);
        let mut target = place.channel;
        let mut thread = place.parent.map(|_| place.channel);
        if let Some(message) = self.thread_of
            && place.parent.is_none()
            && let Some(below) = thread_below(&self.http, place.channel, message, &name).await
        {
            target = below;
            thread = Some(below);
        }
        match send_all(&self.http, target, None, &reply.once, &said).await {
            Ok(message) if thread.is_none() => {
                thread = thread_below(&self.http, target, message, &name).await;
            }
            Ok(_) => {}
            // Without the right to write here, an interaction may still be answered for everyone.
            Err(why) if why.status == Some(403) => {
                for said in &said {
                    self.used
                        .add(&self.http, said, false)
                        .await
                        .map_err(failed)?;
                }
            }
            Err(why) => return Err(failed(why)),
        }
        let text = match target == place.channel {
            true => "It stands in the channel now, for everyone to see.",
            false => "The answer stands in the thread, for everyone to see.",
        };
        let notice = render::notice(&Notice::new(Tone::Plain, text));
        // The answer stands where it should: that this note about it fails is no failure of it.
        if let Err(why) = self.used.fill(&self.http, &notice).await {
            tracing::warn!(
                reference = reply.reference,
                "a note could not be shown: {why}"
            );
        }
        Ok(Posted {
            thread: thread.map(|thread| thread.to_string()),
        })
    }
}

/// To a message that mentions Casebook, or was written to it.
pub(crate) struct ToMessage {
    pub http: Arc<Http>,
    pub channel: ChannelId,
    pub message: MessageId,
    pub guild: Option<GuildId>,
    pub person: UserId,
    /// Whether an answer opens a thread below the message.
    pub opens_thread: bool,
}

#[async_trait]
impl Place for ToMessage {
    async fn post(&self, reply: &Reply) -> Result<Posted, PostFailed> {
        if reply.audience == Audience::Asker && self.guild.is_some() {
            return self.whisper(reply).await;
        }
        let in_public = self.guild.is_some();
        let said = said(reply, &[], in_public);
        // A sentence needs no thread of its own.
        let in_thread =
            self.opens_thread && matches!(reply.content, Content::Answer(_) | Content::Help(_));
        let thread = match in_thread {
            true => thread_below(&self.http, self.channel, self.message, &title(reply)).await,
            false => None,
        };
        let sent = match thread {
            Some(thread) => send_all(&self.http, thread, None, &reply.once, &said).await,
            None => Err(Refusal::none()),
        };
        match sent {
            Ok(_) => Ok(Posted {
                thread: thread.map(|thread| thread.to_string()),
            }),
            // No thread, or one that Casebook may not write in.
            Err(why) if thread.is_none() || why.status == Some(403) => {
                send_all(
                    &self.http,
                    self.channel,
                    Some(self.message),
                    &reply.once,
                    &said,
                )
                .await
                .map_err(failed)?;
                Ok(Posted::default())
            }
            Err(why) => Err(failed(why)),
        }
    }

    async fn working(&self) {
        loop {
            // The indicator is a courtesy: where it fails, the answer still comes.
            let shown = timeout(TYPING_EVERY, self.http.broadcast_typing(self.channel));
            let _ = shown.await;
            sleep(TYPING_EVERY).await;
        }
    }

    async fn is_posted(&self, _once: &Once) -> bool {
        channels::has_our_reply(&self.http, self.channel, self.message, self.opens_thread).await
    }
}

impl ToMessage {
    /// Says it to the person alone, by a direct message. Where they take none, the channel only learns that there is
    /// something to say.
    async fn whisper(&self, reply: &Reply) -> Result<Posted, PostFailed> {
        let body = json!({"recipient_id": self.person.to_string()});
        let private = api::patiently(Duration::from_secs(10), || {
            self.http.create_private_channel(&body)
        })
        .await;
        let sent = match private {
            Ok(channel) => {
                send_all(
                    &self.http,
                    channel.id,
                    None,
                    &reply.once,
                    &said(reply, &[], false),
                )
                .await
            }
            Err(why) => Err(why),
        };
        match sent {
            Ok(_) => Ok(Posted::default()),
            Err(why) if why.status == Some(403) => {
                let hint = render::notice(&Notice::new(
                    Tone::Denied,
                    "I have something to tell you alone, and your privacy settings keep me from writing to you. Ask with \
                     /ask: only you see what I reply to that.",
                ));
                let nonce = reply.once.short();
                send(&self.http, self.channel, Some(self.message), &nonce, &hint)
                    .await
                    .map_err(failed)?;
                Ok(Posted::default())
            }
            Err(why) => Err(failed(why)),
        }
    }
}
