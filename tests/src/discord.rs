//! A stand-in for Discord on loopback: the part of its HTTP API and gateway that a bot like ours uses.
//!
//! It refuses what Discord refuses ([`limits`], the 3 s for the first reply, a second first reply),
//! drops a repeated nonce, hides text that the bot's intents do not cover, and breaks on demand.

mod api;
mod gateway;
pub mod limits;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use serde_json::{Value, json};
use tokio::sync::watch;

/// The token that the stand-in accepts.
pub const TOKEN: &str = "MTIzNDU2Nzg5.stand-in.token";
/// Ids of the application, which is also the bot's user, and of the places and people around it.
pub const BOT: u64 = 900_000_000_000_000_001;
/// A guild's channel.
pub const CHANNEL: u64 = 900_000_000_000_000_002;
/// The guild.
pub const GUILD: u64 = 900_000_000_000_000_003;
/// The channel of direct messages between the bot and the person.
pub const DIRECT: u64 = 900_000_000_000_000_004;
/// A person.
pub const PERSON: u64 = 900_000_000_000_000_005;

/// How a call goes wrong.
#[derive(Debug, Clone)]
pub enum How {
    /// 429 with this many seconds to wait.
    TooMany(f64),
    /// This status, without effect.
    Status(u16),
    /// The reply comes late.
    Slow(Duration),
    /// The call takes effect and its reply never comes.
    Lost,
}

/// One HTTP call of the bot's.
#[derive(Debug, Clone)]
pub struct Call {
    /// When it arrived.
    pub at: Instant,
    /// `METHOD /path` without the API's prefix.
    pub what: String,
    /// The body, null where there is none.
    pub body: Value,
    /// The status that it got.
    pub status: u16,
}

#[derive(Default)]
struct Inner {
    url: String,
    gateway: gateway::Session,
    calls: Vec<Call>,
    commands: HashMap<String, Vec<Value>>,
    interactions: HashMap<String, Interaction>,
    posts: Vec<Value>,
    faults: Vec<(String, How)>,
    last_id: u64,
}

struct Interaction {
    id: u64,
    since: Instant,
    flags: u64,
    acknowledged: bool,
    answer: Option<Value>,
}

impl Inner {
    fn id(&mut self) -> u64 {
        self.last_id += 1;
        1_000_000_000_000_000_000 + self.last_id
    }
}

struct Shared {
    inner: Mutex<Inner>,
    changed: watch::Sender<u64>,
}

impl Shared {
    fn change<T>(&self, f: impl FnOnce(&mut Inner) -> T) -> T {
        let result = f(&mut self.inner.lock().expect("no panic while locked"));
        self.changed.send_modify(|n| *n += 1);
        result
    }
}

/// A running stand-in. It ends with the runtime that it was started on.
#[derive(Clone)]
pub struct Discord(Arc<Shared>);

impl Discord {
    /// Starts on a free port of loopback.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback");
        let address = listener.local_addr().expect("bound");
        let inner = Inner {
            url: format!("http://{address}"),
            ..Inner::default()
        };
        let shared = Arc::new(Shared {
            inner: Mutex::new(inner),
            changed: watch::Sender::new(0),
        });
        let app = Router::new()
            .route("/gateway", get(gateway::connect))
            .fallback(api::api)
            .with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, app).await.expect("serves") });
        Self(shared)
    }

    /// The base address, in place of `https://discord.com`.
    pub fn url(&self) -> String {
        self.0.change(|inner| inner.url.clone())
    }

    /// Makes the next call that contains `what` go wrong; repeat for more.
    pub fn fail(&self, what: &str, how: How) {
        self.0.change(|inner| inner.faults.push((what.into(), how)));
    }

    /// Commands registered in every guild and in direct messages.
    pub fn commands(&self) -> Vec<Value> {
        self.0
            .change(|inner| inner.commands.get("global").cloned().unwrap_or_default())
    }

    /// Commands registered in the guild alone.
    pub fn guild_commands(&self) -> Vec<Value> {
        self.0
            .change(|inner| inner.commands.get("guild").cloned().unwrap_or_default())
    }

    /// A person uses a command in the guild's channel. Returns the interaction's id.
    pub fn command(&self, name: &str, options: &[(&str, &str)]) -> u64 {
        let options: Vec<Value> = options
            .iter()
            .map(|(name, value)| json!({"name": name, "type": 3, "value": value}))
            .collect();
        self.0.change(|inner| {
            let id = inner.id();
            let token = format!("token-{id}");
            let interaction =
                Interaction { id, since: Instant::now(), flags: 0, acknowledged: false, answer: None };
            inner.interactions.insert(token.clone(), interaction);
            let data = json!({"id": "1", "name": name, "type": 1, "options": options});
            let event = json!({
                "id": id.to_string(), "application_id": BOT.to_string(), "type": 2, "token": token,
                "version": 1, "data": data, "guild_id": GUILD.to_string(), "channel_id": CHANNEL.to_string(),
                "member": {"user": person(), "roles": [], "joined_at": "2026-01-01T00:00:00Z", "deaf": false,
                           "mute": false, "flags": 0, "permissions": "0"},
                "locale": "en-US", "entitlements": [], "context": 0, "authorizing_integration_owners": {},
                "attachment_size_limit": 1, "app_permissions": "0",
            });
            inner.gateway.dispatch("INTERACTION_CREATE", event);
            id
        })
    }

    /// A person mentions the bot in the guild's channel. Returns the message's id.
    pub fn mention(&self, text: &str) -> u64 {
        self.say(text, CHANNEL, json!({}))
    }

    /// A person writes to the bot directly.
    pub fn direct(&self, text: &str) -> u64 {
        self.say(text, DIRECT, json!({}))
    }

    /// Someone says something; `change` replaces keys of the event.
    pub fn say(&self, text: &str, channel: u64, change: Value) -> u64 {
        self.0.change(|inner| {
            let id = inner.id();
            let mentioned = text.contains(&BOT.to_string());
            let mut event = message(id, channel, text);
            event["author"] = person();
            if mentioned {
                event["mentions"] = json!([bot()]);
            }
            if channel != DIRECT {
                event["guild_id"] = json!(GUILD.to_string());
            }
            for (key, value) in change.as_object().into_iter().flatten() {
                event[key] = value.clone();
            }
            inner.gateway.say(event);
            id
        })
    }

    /// Delivers the event about this message or interaction once more.
    pub fn deliver_again(&self, id: u64) {
        self.0.change(|inner| inner.gateway.deliver_again(id));
    }

    /// Sends any event.
    pub fn dispatch(&self, kind: &str, data: Value) {
        self.0.change(|inner| inner.gateway.dispatch(kind, data));
    }

    /// Sends a raw frame, as RECONNECT (`op` 7) or INVALID_SESSION (9).
    pub fn frame(&self, frame: Value) {
        self.0.change(|inner| inner.gateway.frame(&frame));
    }

    /// Breaks the gateway's connection off without a word.
    pub fn hang_up(&self) {
        self.0.change(|inner| inner.gateway.hang_up());
    }

    /// Identifications and resumptions so far.
    pub fn sessions(&self) -> (usize, usize) {
        self.0
            .change(|inner| (inner.gateway.identified, inner.gateway.resumed))
    }

    /// Waits until the bot is connected and its commands are registered.
    pub async fn ready(&self) {
        self.until("the bot to connect", |inner| {
            (!inner.commands.is_empty()).then_some(())
        })
        .await;
    }

    /// Waits for what the person who asked sees in the end: the edited first reply to a command, or
    /// the reply to a message. For a command, `flags` of the first reply are added.
    pub async fn answer(&self, id: u64) -> Value {
        self.until("an answer", |inner| {
            let edited = inner
                .interactions
                .values()
                .find(|i| i.id == id)
                .and_then(|i| {
                    let mut answer = i.answer.clone()?;
                    answer["flags"] = json!(i.flags);
                    Some(answer)
                });
            let posted = || {
                inner
                    .posts
                    .iter()
                    .find(|p| is(&p["message_reference"]["message_id"], id))
            };
            edited.or_else(|| posted().cloned())
        })
        .await
    }

    /// Waits for a call that contains `what` and returns all of them.
    pub async fn calls_of(&self, what: &str) -> Vec<Call> {
        self.until(what, |inner| {
            let calls: Vec<Call> = inner
                .calls
                .iter()
                .filter(|c| c.what.contains(what))
                .cloned()
                .collect();
            (!calls.is_empty()).then_some(calls)
        })
        .await
    }

    /// Waits until there were that many calls that contain `what`.
    pub async fn until_calls(&self, what: &str, many: usize) {
        self.until(what, |inner| {
            (inner.calls.iter().filter(|c| c.what.contains(what)).count() >= many).then_some(())
        })
        .await;
    }

    /// Every call so far.
    pub fn calls(&self) -> Vec<Call> {
        self.0.change(|inner| inner.calls.clone())
    }

    /// Forgets calls and answers so far, so that a long run's log does not slow it down.
    pub fn forget(&self) {
        self.0.change(|inner| {
            inner.calls.clear();
            inner.posts.clear();
            inner.interactions.clear();
        });
    }

    /// Messages that the bot has posted.
    pub fn posts(&self) -> Vec<Value> {
        self.0.change(|inner| inner.posts.clone())
    }

    /// Waits until the gateway has seen that many identifications and resumptions.
    pub async fn until_sessions(&self, identified: usize, resumed: usize) {
        self.until("the bot to come back", |inner| {
            (inner.gateway.identified >= identified && inner.gateway.resumed >= resumed)
                .then_some(())
        })
        .await;
    }

    /// Waits until the bot has closed its connection, and returns the code that it gave.
    pub async fn closed(&self) -> u16 {
        self.until("the bot to leave", |inner| inner.gateway.closed)
            .await
    }

    async fn until<T>(&self, what: &str, f: impl Fn(&Inner) -> Option<T>) -> T {
        let mut changed = self.0.changed.subscribe();
        let wait = async {
            loop {
                if let Some(found) = f(&self.0.inner.lock().expect("no panic while locked")) {
                    return found;
                }
                changed.changed().await.expect("the stand-in lives");
            }
        };
        match tokio::time::timeout(Duration::from_secs(40), wait).await {
            Ok(found) => found,
            Err(_) => panic!(
                "waited in vain for {what}; the bot's calls: {:#?}",
                self.calls()
            ),
        }
    }
}

/// Whether `value` is this id, which Discord writes as a string.
fn is(value: &Value, id: u64) -> bool {
    value.as_str().is_some_and(|text| text.parse() == Ok(id))
}

fn bot() -> Value {
    json!({"id": BOT.to_string(), "username": "casebook", "discriminator": "0", "avatar": null, "bot": true})
}

fn person() -> Value {
    json!({"id": PERSON.to_string(), "username": "coder", "discriminator": "0", "avatar": null})
}

fn message(id: u64, channel: u64, content: &str) -> Value {
    json!({
        "id": id.to_string(), "channel_id": channel.to_string(), "author": bot(), "content": content,
        "timestamp": "2026-11-24T12:00:00Z", "edited_timestamp": null, "tts": false,
        "mention_everyone": false, "mentions": [], "mention_roles": [], "attachments": [], "embeds": [],
        "pinned": false, "type": 0,
    })
}
