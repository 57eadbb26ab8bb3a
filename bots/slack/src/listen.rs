//! From what Slack sends to a question: what is for us, from whom, and where the answer goes.
//!
//! Socket Mode and HTTP bring the same payloads, and [`Listener::take`] answers both: it reads, hands over and returns
//! what Slack waits for, and waits for nothing itself. Slack waits 3 s, and the websocket acknowledges one frame at a
//! time.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use casebook_core::{Intent, Request};
use casebook_desk::{
    Action, ChannelSettings, Desk, Manner, Person, Press, Question, Spot, Supplies, Wish, help,
};
use moka::future::Cache;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::api::{self, Me, Post, Slack, To, Trouble};
use crate::commands::{self, Does};
use crate::inbound::{
    self, AssistantThread, Clicked, Command, HomeOpened, Inbound, Message, Shortcut, Submitted,
    Unread,
};
use crate::markup::plain_text;
use crate::place::{Address, Mark, Original, SlackPlace};
use crate::{Config, render, views};

/// How long it is remembered who is an admin, who is in a group, and which groups matter.
const REMEMBER_PEOPLE: Duration = Duration::from_secs(300);
const REMEMBER_GROUPS: Duration = Duration::from_secs(30);

/// What is on its way at once beside the desk's own work.
const TASKS: u32 = 4096;
const DRAIN_WITHIN: Duration = Duration::from_secs(5);

const UNREADABLE: &str =
    "Casebook could not read what Slack sent for this command. Please try it again.";
const NOT_ADMIN: &str = "Only admins of this workspace can change Casebook's settings.";
const NO_FORM: &str = "Slack did not open the form. Please try it again.";
const TOO_LATE: &str = "Casebook does not know this button any more. Please ask again.";
const NOTHING_ENTERED: &str = "Please paste the note here.";

/// What Slack delivers, by either way.
pub(crate) enum Delivery {
    /// An `event_callback`.
    Event(Value),
    /// A slash command.
    Command(Value),
    /// A shortcut, a click or a form.
    Interaction(Value),
}

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

/// What a form carries, so that it is understood by any process that receives it.
#[derive(Serialize, Deserialize)]
struct Carried {
    address: Address,
    spot: Spot,
    /// The action that the form is for, encoded.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    action: String,
}

impl Carried {
    fn encode(&self) -> String {
        // Strings, numbers and booleans: this cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Reads what Slack sends and hands it to the desk.
pub(crate) struct Listener {
    desk: Arc<Desk>,
    supplies: Supplies,
    slack: Arc<Slack>,
    mark: Arc<Mark>,
    me: Me,
    admins: Vec<String>,
    channel_messages: bool,
    /// Work that is not the desk's: forms, the home, who is an admin.
    tasks: Arc<Semaphore>,
    is_admin: Cache<String, bool>,
    /// The groups that any settings name.
    groups: Cache<(), Arc<HashSet<String>>>,
    members: Cache<String, Arc<HashSet<String>>>,
}

impl Listener {
    pub(crate) fn new(
        config: &Config,
        desk: Arc<Desk>,
        supplies: Supplies,
        slack: Arc<Slack>,
        mark: Arc<Mark>,
        me: Me,
    ) -> Arc<Self> {
        let people = || {
            Cache::builder()
                .max_capacity(10_000)
                .time_to_live(REMEMBER_PEOPLE)
        };
        Arc::new(Self {
            desk,
            supplies,
            slack,
            mark,
            me,
            admins: config.admins.clone(),
            channel_messages: config.channel_messages,
            tasks: Arc::new(Semaphore::new(TASKS as usize)),
            is_admin: people().build(),
            groups: Cache::builder().time_to_live(REMEMBER_GROUPS).build(),
            members: Cache::builder()
                .max_capacity(1000)
                .time_to_live(REMEMBER_PEOPLE)
                .build(),
        })
    }

    /// Waits for forms and other work that was begun. The desk is closed afterwards.
    pub(crate) async fn close(&self) {
        if timeout(DRAIN_WITHIN, self.tasks.acquire_many(TASKS))
            .await
            .is_err()
        {
            tracing::warn!("stopping although forms are still on their way");
        }
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let Ok(permit) = self.tasks.clone().try_acquire_owned() else {
            return tracing::error!("something that Slack sent is dropped: too much is on its way");
        };
        tokio::spawn(async move {
            work.await;
            drop(permit);
        });
    }

    /// Reads a frame of Socket Mode.
    pub(crate) fn hear(self: &Arc<Self>, body: &str) -> Heard {
        let frame: Frame = match serde_json::from_str(body) {
            Ok(frame) => frame,
            Err(why) => {
                // The error's own words can quote the text.
                let (column, why) = (why.column(), why.classify());
                tracing::warn!(column, "a frame from Slack cannot be read: {why:?}");
                return Heard::Nothing;
            }
        };
        let payload = frame.payload;
        let delivery = match (frame.kind.as_str(), &frame.envelope_id) {
            ("hello", _) => return Heard::Hello,
            ("disconnect", _) => {
                return Heard::Goodbye(frame.reason.unwrap_or_else(|| "unknown".into()));
            }
            (_, None) => return Heard::Nothing,
            ("events_api", _) => Some(Delivery::Event(payload)),
            ("slash_commands", _) => Some(Delivery::Command(payload)),
            ("interactive", _) => Some(Delivery::Interaction(payload)),
            _ => None,
        };
        let mut acknowledgement = json!({"envelope_id": frame.envelope_id});
        if let Some(answer) = delivery.and_then(|delivery| self.take(delivery)) {
            acknowledgement["payload"] = answer;
        }
        Heard::Acknowledge(acknowledgement.to_string())
    }

    /// Takes a delivery in. Gives what Slack shows at once, where there is something.
    pub(crate) fn take(self: &Arc<Self>, delivery: Delivery) -> Option<Value> {
        let is_command = matches!(delivery, Delivery::Command(_));
        let read = match delivery {
            Delivery::Event(payload) => inbound::event(payload),
            Delivery::Command(payload) => inbound::command(payload),
            Delivery::Interaction(payload) => inbound::interaction(payload),
        };
        match read {
            Ok(Inbound::Message(message)) => self.message(message),
            Ok(Inbound::HomeOpened(opened)) => self.home(opened),
            Ok(Inbound::ThreadStarted(thread)) => self.suggest(thread),
            Ok(Inbound::Command(command)) => self.command(command),
            Ok(Inbound::Shortcut(shortcut)) => self.shortcut(shortcut),
            Ok(Inbound::Clicked(clicked)) => self.clicked(clicked),
            Ok(Inbound::Submitted(form)) => return self.submitted(form),
            Err(Unread::NotForUs) => {}
            Err(why @ Unread::Damaged(_)) => {
                tracing::error!("Slack sent what cannot be read: {why}");
                if is_command {
                    return Some(json!({"response_type": "ephemeral", "text": UNREADABLE}));
                }
            }
        }
        None
    }

    fn message(self: &Arc<Self>, message: Message) {
        let Some(user) = message.speaker(&self.me.user).map(str::to_owned) else {
            return;
        };
        let direct = message.is_direct();
        // A mention comes as two events where Casebook hears its channels; both are the same question.
        let names_me = || {
            let me = &self.me.user;
            let names = [format!("<@{me}>"), format!("<@{me}|")];
            names.iter().any(|name| message.text.contains(name))
        };
        let mentioned = message.kind == "app_mention" || (self.channel_messages && names_me());
        let manner = if direct {
            Manner::Direct
        } else if mentioned {
            Manner::Mention
        } else if self.channel_messages {
            Manner::Overheard
        } else {
            return;
        };
        let key = format!("{}:{}", message.channel, message.ts);
        let opens_thread = !direct && message.thread_ts.is_none();
        let thread = match direct {
            true => message.thread_ts.clone(),
            false => Some(
                message
                    .thread_ts
                    .clone()
                    .unwrap_or_else(|| message.ts.clone()),
            ),
        };
        let address = Address {
            channel: message.channel.clone(),
            thread: thread.clone(),
            user,
            ts: Some(message.ts.clone()),
            direct,
            ..Address::default()
        };
        let spot = Spot {
            channel: message.channel,
            workspace: self.workspace(message.team.as_deref()),
            thread,
            opens_thread,
            direct,
        };
        let text = plain_text(&message.text, &self.me.user);
        let wish = Wish::Ask(Request {
            intent: Intent::Ask,
            text,
            ..Request::default()
        });
        self.ask(key, wish, spot, manner, address);
    }

    fn command(self: &Arc<Self>, command: Command) {
        let key = match &command.trigger_id {
            Some(trigger) => format!("command:{trigger}"),
            None => format!("command:{}", command.response_url),
        };
        let address = Address {
            channel: command.channel.clone(),
            user: command.user,
            ..Address::default()
        }
        .with_url(Some(command.response_url));
        let spot = Spot {
            channel: command.channel,
            workspace: self.workspace(command.team.as_deref()),
            ..Spot::default()
        };
        let text = plain_text(&command.text, &self.me.user);
        match commands::command(&command.command).map(|command| command.does) {
            Some(Does::Ask(intent)) => {
                let wish = Wish::Ask(Request {
                    intent,
                    text,
                    ..Request::default()
                });
                self.ask(key, wish, spot, Manner::Command, address);
            }
            Some(Does::Note) => {
                let carried = Carried {
                    address,
                    spot,
                    action: String::new(),
                };
                let view = views::note(&text, &carried.encode());
                self.open(key, command.trigger_id, view, carried.address);
            }
            Some(Does::Casebook) => match text.to_lowercase().as_str() {
                "" | "help" => self.ask(key, Wish::Help, spot, Manner::Command, address),
                "config" => self.configure(key, command.trigger_id, spot, address),
                _ => self.ask(key, Wish::Admin(text), spot, Manner::Command, address),
            },
            // Of an older or a newer manifest.
            None => self.ask(key, Wish::Help, spot, Manner::Command, address),
        }
    }

    fn shortcut(self: &Arc<Self>, shortcut: Shortcut) {
        if shortcut.callback_id != commands::ASK_SHORTCUT {
            return;
        }
        let trigger = shortcut
            .trigger_id
            .unwrap_or_else(|| shortcut.message.ts.clone());
        let address = Address {
            channel: shortcut.channel.id.clone(),
            user: shortcut.user.id,
            ..Address::default()
        }
        .with_url(Some(shortcut.response_url));
        let spot = Spot {
            channel: shortcut.channel.id,
            workspace: self.workspace(shortcut.team.as_ref().map(|team| team.id.as_str())),
            ..Spot::default()
        };
        let text = plain_text(&shortcut.message.text, &self.me.user);
        let wish = Wish::Ask(Request {
            intent: Intent::Ask,
            text,
            ..Request::default()
        });
        self.ask(
            format!("shortcut:{trigger}"),
            wish,
            spot,
            Manner::Command,
            address,
        );
    }

    fn clicked(self: &Arc<Self>, clicked: Clicked) {
        let Some(clicked_on) = clicked.actions.into_iter().next() else {
            return;
        };
        let (by, user) = (clicked.user.name().to_owned(), clicked.user.id);
        let at = clicked_on
            .action_ts
            .or_else(|| clicked.trigger_id.clone())
            .unwrap_or_default();
        let key = format!("click:{user}:{at}:{}", clicked_on.action_id);
        let private = clicked.container.is_ephemeral;
        // In the app's home there is no channel: the answer goes to the conversation with the app.
        let channel = clicked
            .channel
            .map_or_else(|| user.clone(), |channel| channel.id);
        let direct = !private && !channel.starts_with(['C', 'G']);
        let within = clicked
            .container
            .thread_ts
            .or(clicked.message.and_then(|message| message.thread_ts));
        // A public answer's follow-ups stand below it; a private one has nothing below.
        let thread = match (direct, private) {
            (true, _) | (_, true) => within,
            (false, false) => within.or(clicked.container.message_ts),
        };
        let address = Address {
            channel: channel.clone(),
            thread: thread.clone(),
            user: user.clone(),
            direct,
            ..Address::default()
        }
        .with_url(clicked.response_url);
        let spot = Spot {
            channel,
            workspace: self.workspace(clicked.team.as_ref().map(|team| team.id.as_str())),
            thread,
            opens_thread: false,
            direct,
        };
        let Some(action) = Action::decode(&clicked_on.value) else {
            return self.tell(&key, address, TOO_LATE);
        };
        match action.form() {
            Some(form) => {
                let carried = Carried {
                    address,
                    spot,
                    action: action.encode(),
                };
                let view = views::typed(&form, &carried.encode());
                self.open(key, clicked.trigger_id, view, carried.address);
            }
            None => {
                let original = match action {
                    Action::AnswerAnyway { .. } | Action::Drop { .. } if private => {
                        Original::Replaced
                    }
                    Action::Share { .. } if private => Original::Shared { by },
                    _ => Original::Stays,
                };
                self.press(key, action, None, spot, address, original);
            }
        }
    }

    /// Gives what Slack does with the form: nothing closes it.
    fn submitted(self: &Arc<Self>, form: Submitted) -> Option<Value> {
        let view = form.view;
        let Ok(carried) = serde_json::from_str::<Carried>(&view.private_metadata) else {
            tracing::error!("a form came back without what it carried");
            return None;
        };
        let Carried {
            address,
            spot,
            action,
        } = carried;
        let address = Address {
            user: form.user.id,
            ..address
        };
        let key = format!("form:{}", view.id);
        match view.callback_id.as_str() {
            views::NOTE => {
                let text = views::entered_note(&view);
                if text.is_empty() {
                    return Some(json!({
                        "response_action": "errors", "errors": {"note": NOTHING_ENTERED},
                    }));
                }
                let wish = Wish::Ask(Request {
                    intent: Intent::Case,
                    text,
                    ..Request::default()
                });
                self.ask(key, wish, spot, Manner::Command, address);
            }
            views::TYPED => match Action::decode(&action) {
                Some(action) => {
                    let typed = views::entered_text(&view);
                    self.press(key, action, typed, spot, address, Original::Stays);
                }
                None => self.tell(&key, address, TOO_LATE),
            },
            views::SETTINGS => self.set(key, spot, address, views::entered_settings(&view)),
            _ => {}
        }
        None
    }

    fn workspace(&self, team: Option<&str>) -> Option<String> {
        let team = team.unwrap_or(&self.me.team);
        (!team.is_empty()).then(|| team.to_owned())
    }

    fn place(&self, address: Address, original: Original) -> Arc<SlackPlace> {
        Arc::new(SlackPlace {
            slack: self.slack.clone(),
            mark: self.mark.clone(),
            address,
            original,
        })
    }

    /// Hands a question over, with the groups of the person who asks and whether they are an admin.
    fn ask(self: &Arc<Self>, key: String, wish: Wish, at: Spot, manner: Manner, address: Address) {
        let this = self.clone();
        self.spawn(async move {
            let from = Person {
                groups: this.groups_of(&address.user).await,
                admin: matches!(wish, Wish::Admin(_)) && this.is_admin(&address.user).await,
                id: address.user.clone(),
            };
            let address_ = address.encode();
            let question = Question {
                key,
                address: address_,
                wish,
                from,
                at,
                manner,
            };
            this.desk
                .take(question, this.place(address, Original::Stays));
        });
    }

    /// Hands a press of a button over, with the groups of the person.
    fn press(
        self: &Arc<Self>,
        key: String,
        action: Action,
        typed: Option<String>,
        at: Spot,
        address: Address,
        original: Original,
    ) {
        let this = self.clone();
        self.spawn(async move {
            let from = Person {
                groups: this.groups_of(&address.user).await,
                admin: false,
                id: address.user.clone(),
            };
            let address_ = address.encode();
            let press = Press {
                key,
                address: address_,
                action,
                typed,
                from,
                at,
            };
            this.desk.press(press, this.place(address, original));
        });
    }

    /// Says something to the person who did something, and to nobody else.
    fn tell(self: &Arc<Self>, key: &str, address: Address, text: &str) {
        let (this, post) = (self.clone(), Post::text(text));
        let id = api::uuid(key);
        self.spawn(async move {
            if let Err(trouble) = this.slack.post(&address.private(), post, &id).await {
                tracing::error!(id, "a notice cannot be posted: {trouble}");
            }
        });
    }

    /// Opens a form; a trigger lasts 3 s.
    fn open(self: &Arc<Self>, key: String, trigger: Option<String>, view: Value, address: Address) {
        let this = self.clone();
        self.spawn(async move {
            this.open_now(&key, trigger, &view, address).await;
        });
    }

    async fn open_now(
        self: &Arc<Self>,
        key: &str,
        trigger: Option<String>,
        view: &Value,
        address: Address,
    ) {
        let body = json!({"trigger_id": trigger.unwrap_or_default(), "view": view});
        let opened = match self.slack.call("views.open", &body).await {
            // Nothing was opened, and there may be time for once more.
            Err(trouble) if trouble.left_no_trace() => self.slack.call("views.open", &body).await,
            opened => opened,
        };
        match opened {
            Ok(_) => {}
            // The trigger was used: by a delivery of the same click that came before.
            Err(Trouble::Refused(code)) if code == "exchanged_trigger_id" => {}
            Err(trouble) => {
                tracing::error!("a form cannot be opened: {trouble}");
                self.tell(key, address, NO_FORM);
            }
        }
    }

    fn configure(
        self: &Arc<Self>,
        key: String,
        trigger: Option<String>,
        spot: Spot,
        address: Address,
    ) {
        let this = self.clone();
        self.spawn(async move {
            if !this.is_admin(&address.user).await {
                return this.tell(&key, address, NOT_ADMIN);
            }
            match this.desk.settings(&spot).await {
                Ok(now) => {
                    let carried = Carried {
                        address,
                        spot,
                        action: String::new(),
                    };
                    let view = views::settings(&now, this.channel_messages, &carried.encode());
                    this.open_now(&key, trigger, &view, carried.address).await;
                }
                Err(notice) => this.tell(&key, address, &notice.text),
            }
        });
    }

    /// Home of a person: what they asked, what is loaded, what can be asked.
    fn home(self: &Arc<Self>, opened: HomeOpened) {
        if !opened.shows_home() {
            return;
        }
        let this = self.clone();
        self.spawn(async move {
            let person = Person {
                id: opened.user,
                ..Person::default()
            };
            let view = views::home(&this.desk.home(&person).await);
            let body = json!({"user_id": person.id, "view": view});
            if let Err(trouble) = this.slack.insist("views.publish", &body).await {
                tracing::error!("a home cannot be shown: {trouble}");
            }
        });
    }

    /// Prompts and a greeting for a new thread of the assistant pane.
    fn suggest(self: &Arc<Self>, started: AssistantThread) {
        let this = self.clone();
        self.spawn(async move {
            let AssistantThread { channel, thread } = started;
            let body = json!({
                "channel_id": channel, "thread_ts": thread, "title": "For example", "prompts": views::prompts(&help()),
            });
            if let Err(trouble) = this.slack.insist("assistant.threads.setSuggestedPrompts", &body).await {
                tracing::warn!("no prompts in the assistant pane: {trouble}");
            }
            // The same id in every delivery: Slack shows it once.
            let id = api::uuid(&format!("greeting:{channel}:{thread}"));
            let to = To::Channel { channel, thread: Some(thread) };
            if let Err(trouble) = this.slack.post(&to, render::greeting(&help()), &id).await {
                tracing::warn!("no greeting in the assistant pane: {trouble}");
            }
        });
    }

    async fn is_admin(&self, user: &str) -> bool {
        if self.admins.iter().any(|admin| admin == user) {
            return true;
        }
        let asked = self
            .is_admin
            .try_get_with(user.to_owned(), self.slack.is_admin(user))
            .await;
        asked.unwrap_or_else(|trouble| {
            tracing::warn!("who is an admin cannot be asked, so that nobody is: {trouble}");
            false
        })
    }

    /// The groups that the person is in, of those that any settings name.
    async fn groups_of(&self, user: &str) -> Vec<String> {
        let named = self.groups.try_get_with((), async {
            let settings = self.supplies.state.all_settings().await?;
            let groups = settings
                .into_iter()
                .flat_map(|(_, settings)| settings.allowed_groups);
            Ok::<_, casebook_state::StateError>(Arc::new(groups.collect::<HashSet<_>>()))
        });
        let named = match named.await {
            Ok(named) => named,
            Err(why) => {
                tracing::error!("settings cannot be read: {why}");
                return Vec::new();
            }
        };
        let mut groups = Vec::new();
        for group in named.iter() {
            let members = self.members.try_get_with(group.clone(), async {
                let members = self.slack.members(group).await?;
                Ok::<_, Trouble>(Arc::new(members.into_iter().collect::<HashSet<_>>()))
            });
            match members.await {
                Ok(members) if members.contains(user) => groups.push(group.clone()),
                Ok(_) => {}
                Err(trouble) => {
                    tracing::warn!(group, "the members of a group cannot be asked: {trouble}");
                }
            }
        }
        groups
    }

    fn set(self: &Arc<Self>, key: String, spot: Spot, address: Address, settings: ChannelSettings) {
        let this = self.clone();
        self.spawn(async move {
            // Asked again: the form was open for who knows how long.
            let from = Person {
                admin: this.is_admin(&address.user).await,
                id: address.user.clone(),
                ..Person::default()
            };
            let notice = this.desk.configure(&from, &spot, &settings).await;
            this.groups.invalidate(&()).await;
            this.tell(&key, address, &notice.text);
        });
    }
}
