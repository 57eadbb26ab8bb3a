//! From a frame of Socket Mode to a question: what is for us, from whom, and where the answer goes.
//!
//! Frames are read here rather than by slack-morphism's models: those refuse a whole event for one
//! unknown part of a message's rich text, hide the reason of a disconnect, and print bodies in errors.

use std::sync::Arc;

use casebook_core::{Intent, Request, Setting};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use slack_morphism::prelude::SlackResponseUrl;

use crate::api::ReplyTo;
use crate::markup::plain_text;
use crate::reply::{self, Desk};

/// Messages of these kinds hold a person's own words; edits, joins, topics and the rest do not.
const SPOKEN: [&str; 3] = ["file_share", "me_message", "thread_broadcast"];
/// Slack's own bot, which has no bot id.
const SLACKBOT: &str = "USLACKBOT";

/// What a frame asks of the connection.
pub(crate) enum Heard {
    /// The connection is in use from now on.
    Hello,
    /// Slack ends the connection, for this reason.
    Goodbye(String),
    /// Slack waits for this frame.
    Acknowledge(String),
    Nothing,
}

#[derive(Deserialize)]
struct Frame {
    #[serde(rename = "type")]
    kind: String,
    envelope_id: Option<String>,
    #[serde(default)]
    payload: Value,
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Event {
    event_id: Option<String>,
    event: Message,
}

#[derive(Deserialize)]
struct Message {
    #[serde(rename = "type")]
    kind: String,
    channel: String,
    channel_type: Option<String>,
    ts: String,
    thread_ts: Option<String>,
    user: Option<String>,
    text: Option<String>,
    subtype: Option<String>,
    bot_id: Option<IgnoredAny>,
    bot_profile: Option<IgnoredAny>,
    edited: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Command {
    command: String,
    text: Option<String>,
    response_url: SlackResponseUrl,
    trigger_id: Option<String>,
}

/// Reads frames and hands questions to the desk. Nothing here waits for an answer: the connection
/// acknowledges one frame at a time, and Slack waits 3 s.
pub(crate) struct Listener {
    desk: Arc<Desk>,
    me: String,
    setting: Option<Setting>,
}

impl Listener {
    pub(crate) fn new(desk: Arc<Desk>, me: String, setting: Option<Setting>) -> Self {
        Self { desk, me, setting }
    }

    pub(crate) async fn hear(&self, body: &str) -> Heard {
        let frame: Frame = match serde_json::from_str(body) {
            Ok(frame) => frame,
            Err(why) => {
                // The error's own words can quote the text.
                let (column, why) = (why.column(), why.classify());
                tracing::warn!(column, "a frame from Slack cannot be read: {why:?}");
                return Heard::Nothing;
            }
        };
        match (frame.kind.as_str(), frame.envelope_id) {
            ("hello", _) => Heard::Hello,
            ("disconnect", _) => Heard::Goodbye(frame.reason.unwrap_or_else(|| "unknown".into())),
            (kind, Some(envelope_id)) => {
                let notice = match kind {
                    "events_api" => {
                        self.event(frame.payload).await;
                        None
                    }
                    "slash_commands" => self.command(frame.payload).await,
                    _ => None,
                };
                let mut acknowledgement = json!({"envelope_id": envelope_id});
                if let Some(text) = notice {
                    acknowledgement["payload"] =
                        json!({"response_type": "ephemeral", "text": text});
                }
                Heard::Acknowledge(acknowledgement.to_string())
            }
            _ => Heard::Nothing,
        }
    }

    async fn event(&self, payload: Value) {
        let kind = payload["event"]["type"].as_str();
        if !matches!(kind, Some("message" | "app_mention")) {
            return;
        }
        // A message without these fields (a deletion, a file's comment) is nobody's question.
        let Ok(Event { event_id, event }) = serde_json::from_value(payload) else {
            tracing::debug!("an event is passed over: it lacks a channel or a time stamp");
            return;
        };
        if !self.is_for_me(&event) {
            return;
        }
        // Slack delivers an event again under its id, and a mention in a direct message as two events.
        let key = format!("{}:{}:{}", self.me, event.channel, event.ts);
        let new_event = match event_id {
            Some(id) => self.desk.is_new(id).await,
            None => true,
        };
        if !(self.desk.is_new(key.clone()).await && new_event) {
            return;
        }
        let thread = match is_direct(&event) {
            true => event.thread_ts,
            false => Some(event.thread_ts.unwrap_or_else(|| event.ts.clone())),
        };
        let to = ReplyTo::Message {
            channel: event.channel,
            ts: event.ts,
            thread,
        };
        let text = plain_text(&event.text.unwrap_or_default(), &self.me);
        if asks_for_help(&text) {
            self.desk.say(to, reply::USAGE, &key);
        } else if let Err(to) = self.desk.take(self.request(Intent::Ask, text), to, &key) {
            self.desk.say(to, reply::BUSY, &key);
        }
    }

    /// A sentence to show at once, where there is one.
    async fn command(&self, payload: Value) -> Option<&'static str> {
        let Ok(command) = serde_json::from_value::<Command>(payload) else {
            tracing::error!("a command from Slack lacks its name or a usable response_url");
            return Some(reply::UNREADABLE);
        };
        let text = plain_text(&command.text.unwrap_or_default(), &self.me);
        if asks_for_help(&text) {
            return Some(reply::USAGE);
        }
        let key = command
            .trigger_id
            .unwrap_or_else(|| command.response_url.0.to_string());
        if !self.desk.is_new(key.clone()).await {
            return None;
        }
        let intent = match command.command.as_str() {
            "/code" => Intent::Code,
            _ => Intent::Ask,
        };
        let to = ReplyTo::Command(command.response_url);
        let taken = self.desk.take(self.request(intent, text), to, &key);
        taken.is_err().then_some(reply::BUSY)
    }

    /// Whether a person spoke to the bot: never another bot, which could go on for ever.
    fn is_for_me(&self, message: &Message) -> bool {
        let spoken = message
            .subtype
            .as_deref()
            .is_none_or(|subtype| SPOKEN.contains(&subtype));
        let by_person = message.bot_id.is_none()
            && message.bot_profile.is_none()
            && message
                .user
                .as_deref()
                .is_some_and(|user| user != self.me && user != SLACKBOT);
        let addressed = message.kind == "app_mention" || is_direct(message);
        spoken && by_person && addressed && message.edited.is_none()
    }

    fn request(&self, intent: Intent, text: String) -> Request {
        Request {
            intent,
            text,
            setting: self.setting,
            ..Request::default()
        }
    }
}

fn is_direct(message: &Message) -> bool {
    match message.channel_type.as_deref() {
        Some(kind) => kind == "im",
        None => message.channel.starts_with('D'),
    }
}

fn asks_for_help(text: &str) -> bool {
    text.is_empty() || text.eq_ignore_ascii_case("help")
}
