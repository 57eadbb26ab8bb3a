//! What Slack sends, read as far as Casebook needs it: events, commands, shortcuts, clicks, forms.
//!
//! Payloads are read here rather than by slack-morphism's models: those refuse a whole event for one unknown part
//! of a message's rich text, and print bodies in errors. Here what is missing is named, and its text never.

use std::collections::HashMap;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// One thing that Slack sent.
pub(crate) enum Inbound {
    Message(Message),
    HomeOpened(HomeOpened),
    ThreadStarted(AssistantThread),
    Command(Command),
    Shortcut(Shortcut),
    Clicked(Clicked),
    Submitted(Submitted),
}

/// A message that somebody wrote, as the event `message` or `app_mention`.
#[derive(Deserialize)]
pub(crate) struct Message {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) channel: String,
    channel_type: Option<String>,
    pub(crate) ts: String,
    pub(crate) thread_ts: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) team: Option<String>,
    #[serde(default, deserialize_with = "or_empty")]
    pub(crate) text: String,
    pub(crate) subtype: Option<String>,
    bot_id: Option<IgnoredAny>,
    bot_profile: Option<IgnoredAny>,
    edited: Option<IgnoredAny>,
}

/// Messages of these kinds hold a person's own words; edits, joins, topics and the rest do not.
const SPOKEN: [&str; 3] = ["file_share", "me_message", "thread_broadcast"];
/// Slack's own bot, which has no bot id.
const SLACKBOT: &str = "USLACKBOT";

impl Message {
    /// The person whose new words these are: never another bot, which could go on for ever, and never `me`.
    pub(crate) fn speaker(&self, me: &str) -> Option<&str> {
        let spoken = self
            .subtype
            .as_deref()
            .is_none_or(|subtype| SPOKEN.contains(&subtype));
        let by_bot = self.bot_id.is_some() || self.bot_profile.is_some();
        let user = self.user.as_deref()?;
        (spoken && !by_bot && self.edited.is_none() && user != me && user != SLACKBOT)
            .then_some(user)
    }

    /// Whether it stands in a conversation with the app alone.
    pub(crate) fn is_direct(&self) -> bool {
        match self.channel_type.as_deref() {
            Some(kind) => kind == "im",
            None => self.channel.starts_with('D'),
        }
    }
}

/// Somebody looks at the app's home.
#[derive(Deserialize)]
pub(crate) struct HomeOpened {
    pub(crate) user: String,
    /// `home` or `messages`.
    tab: Option<String>,
}

impl HomeOpened {
    pub(crate) fn shows_home(&self) -> bool {
        self.tab.as_deref() != Some("messages")
    }
}

/// A thread of the assistant pane.
#[derive(Deserialize)]
pub(crate) struct AssistantThread {
    #[serde(rename = "channel_id")]
    pub(crate) channel: String,
    #[serde(rename = "thread_ts")]
    pub(crate) thread: String,
}

/// A slash command.
#[derive(Deserialize)]
pub(crate) struct Command {
    pub(crate) command: String,
    #[serde(default, deserialize_with = "or_empty")]
    pub(crate) text: String,
    #[serde(rename = "user_id")]
    pub(crate) user: String,
    #[serde(rename = "channel_id")]
    pub(crate) channel: String,
    #[serde(rename = "team_id")]
    pub(crate) team: Option<String>,
    pub(crate) response_url: String,
    pub(crate) trigger_id: Option<String>,
}

/// The message shortcut.
#[derive(Deserialize)]
pub(crate) struct Shortcut {
    pub(crate) callback_id: String,
    pub(crate) user: Person,
    #[serde(default)]
    pub(crate) team: Option<Id>,
    pub(crate) channel: Id,
    pub(crate) message: Quoted,
    pub(crate) response_url: String,
    pub(crate) trigger_id: Option<String>,
}

/// The message that a shortcut is about.
#[derive(Deserialize)]
pub(crate) struct Quoted {
    #[serde(default, deserialize_with = "or_empty")]
    pub(crate) text: String,
    pub(crate) ts: String,
}

/// A click on a button, in a message or in the app's home.
#[derive(Deserialize)]
pub(crate) struct Clicked {
    pub(crate) user: Person,
    #[serde(default)]
    pub(crate) team: Option<Id>,
    pub(crate) trigger_id: Option<String>,
    pub(crate) response_url: Option<String>,
    pub(crate) channel: Option<Id>,
    #[serde(default)]
    pub(crate) container: Container,
    pub(crate) message: Option<Whole>,
    pub(crate) actions: Vec<Action>,
}

/// What a button stands in.
#[derive(Default, Deserialize)]
pub(crate) struct Container {
    pub(crate) message_ts: Option<String>,
    pub(crate) thread_ts: Option<String>,
    #[serde(default)]
    pub(crate) is_ephemeral: bool,
}

/// The message that a button stands in; an ephemeral one comes without.
#[derive(Deserialize)]
pub(crate) struct Whole {
    pub(crate) thread_ts: Option<String>,
}

/// The button.
#[derive(Deserialize)]
pub(crate) struct Action {
    pub(crate) action_id: String,
    #[serde(default, deserialize_with = "or_empty")]
    pub(crate) value: String,
    pub(crate) action_ts: Option<String>,
}

/// A form that was sent.
#[derive(Deserialize)]
pub(crate) struct Submitted {
    pub(crate) user: Person,
    pub(crate) view: View,
}

/// The form, with what was entered.
#[derive(Deserialize)]
pub(crate) struct View {
    pub(crate) id: String,
    pub(crate) callback_id: String,
    #[serde(default)]
    pub(crate) private_metadata: String,
    #[serde(default)]
    state: State,
}

#[derive(Default, Deserialize)]
struct State {
    /// By block and action.
    #[serde(default)]
    values: HashMap<String, HashMap<String, Value>>,
}

impl View {
    fn field(&self, id: &str) -> Option<&Value> {
        self.state.values.get(id)?.get(id)
    }

    /// What stands in a field for text, trimmed. Block and action have the same id in all our forms.
    pub(crate) fn text(&self, id: &str) -> Option<&str> {
        let text = self.field(id)?["value"].as_str()?.trim();
        (!text.is_empty()).then_some(text)
    }

    /// The value of what is chosen from a list.
    pub(crate) fn chosen(&self, id: &str) -> Option<&str> {
        self.field(id)?["selected_option"]["value"].as_str()
    }

    /// The ids of chosen people.
    pub(crate) fn people(&self, id: &str) -> Vec<String> {
        let chosen = self
            .field(id)
            .and_then(|field| field["selected_users"].as_array());
        let ids = chosen.into_iter().flatten().filter_map(Value::as_str);
        ids.map(str::to_owned).collect()
    }
}

/// Who did something. Slack has two keys for the name that they go by, and sends either or both.
#[derive(Deserialize)]
pub(crate) struct Person {
    pub(crate) id: String,
    name: Option<String>,
    username: Option<String>,
}

impl Person {
    /// The name that they go by.
    pub(crate) fn name(&self) -> &str {
        self.name
            .as_deref()
            .or(self.username.as_deref())
            .unwrap_or("Somebody")
    }
}

#[derive(Deserialize)]
pub(crate) struct Id {
    pub(crate) id: String,
}

/// Why something that Slack sent is not answered. For the log: it holds no text of a person.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unread {
    /// Nothing for Casebook, and no fault of anybody.
    #[error("not for Casebook")]
    NotForUs,
    /// A part is missing that Slack documents.
    #[error("{0} lacks what Slack documents for it")]
    Damaged(&'static str),
}

/// Slack says "nothing" by leaving a key out and by null.
fn or_empty<'de, D: Deserializer<'de>>(value: D) -> Result<String, D::Error> {
    Ok(Option::<String>::deserialize(value)?.unwrap_or_default())
}

fn read<T: DeserializeOwned>(payload: Value, what: &'static str) -> Result<T, Unread> {
    // serde's own words can quote the text.
    serde_json::from_value(payload).map_err(|_| Unread::Damaged(what))
}

/// An `event_callback`.
pub(crate) fn event(mut payload: Value) -> Result<Inbound, Unread> {
    let event = payload["event"].take();
    match event["type"].as_str() {
        Some("message" | "app_mention") => {
            // A message without these fields (a deletion, a file's comment) is nobody's question.
            let message = read(event, "a message").map_err(|_| Unread::NotForUs)?;
            Ok(Inbound::Message(message))
        }
        Some("app_home_opened") => read(event, "an opened home").map(Inbound::HomeOpened),
        Some("assistant_thread_started") => {
            let mut event = event;
            read(
                event["assistant_thread"].take(),
                "a thread of the assistant pane",
            )
            .map(Inbound::ThreadStarted)
        }
        _ => Err(Unread::NotForUs),
    }
}

/// A slash command.
pub(crate) fn command(payload: Value) -> Result<Inbound, Unread> {
    read(payload, "a command").map(Inbound::Command)
}

/// A shortcut, a click or a form.
pub(crate) fn interaction(payload: Value) -> Result<Inbound, Unread> {
    match payload["type"].as_str() {
        Some("message_action") => read(payload, "a shortcut").map(Inbound::Shortcut),
        Some("block_actions") => read(payload, "a click").map(Inbound::Clicked),
        Some("view_submission") => read(payload, "a form").map(Inbound::Submitted),
        _ => Err(Unread::NotForUs),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Inbound, Unread, event, interaction};

    #[test]
    fn a_form_gives_its_fields() {
        let payload = json!({
            "type": "view_submission", "user": {"id": "U1", "username": "dana", "name": "dana"}, "team": null,
            "view": {"id": "V1", "callback_id": "note", "private_metadata": "m", "state": {"values": {
                "note": {"note": {"type": "plain_text_input", "value": " a note "}},
                "empty": {"empty": {"type": "plain_text_input", "value": null}},
                "mode": {"mode": {"type": "static_select", "selected_option": {"value": "off"}}},
                "users": {"users": {"type": "multi_users_select", "selected_users": ["U1", "U2"]}},
            }}},
        });
        let Ok(Inbound::Submitted(form)) = interaction(payload) else {
            panic!("a form")
        };
        assert_eq!((form.user.id.as_str(), form.user.name()), ("U1", "dana"));
        let view = form.view;
        assert_eq!(view.text("note"), Some("a note"));
        assert_eq!((view.text("empty"), view.text("absent")), (None, None));
        assert_eq!(view.chosen("mode"), Some("off"));
        assert_eq!(view.people("users"), ["U1", "U2"]);
        assert!(view.people("mode").is_empty());
    }

    #[test]
    fn what_is_not_for_us_is_told_from_what_is_damaged() {
        let unread = |payload| event(payload).err();
        let other = json!({"event": {"type": "reaction_added", "user": "U1"}});
        assert!(matches!(unread(other), Some(Unread::NotForUs)));
        let deleted = json!({"event": {"type": "message", "channel_type": "im"}});
        assert!(matches!(unread(deleted), Some(Unread::NotForUs)));
        let damaged = json!({"event": {"type": "app_home_opened"}});
        assert!(matches!(unread(damaged), Some(Unread::Damaged(_))));
        let kind = interaction(json!({"type": "view_closed"})).err();
        assert!(matches!(kind, Some(Unread::NotForUs)));
    }
}
