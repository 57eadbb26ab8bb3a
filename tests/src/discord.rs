//! A stand-in for Discord on loopback: the part of its HTTP API and gateway that a bot like ours uses.
//!
//! It refuses what Discord refuses ([`limits`], the 3 s for the first reply, a second first reply),
//! drops a repeated nonce, hides text that the bot's intents do not cover, and breaks on demand. What people do
//! ([`Discord::command`], [`Discord::press`] and others) reaches the bot by the gateway or, after
//! [`Discord::deliver_to`], signed over HTTP.

mod api;
pub mod endpoint;
mod gateway;
pub mod limits;
mod people;

pub use people::member;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

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
/// The channel of direct messages that the bot opens with the person, where it has none from them.
pub const OPENED: u64 = 900_000_000_000_000_006;

/// How a call goes wrong.
#[derive(Debug, Clone)]
pub enum How {
    /// 429 with this many seconds to wait.
    TooMany(f64),
    /// This status, without effect.
    Status(u16),
    /// This status with Discord's code for the reason, without effect.
    Refused(u16, u64),
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
    gateway: gateway::Gateway,
    calls: Vec<Call>,
    commands: HashMap<String, Vec<Value>>,
    interactions: HashMap<String, Interaction>,
    posts: Vec<Value>,
    /// Threads by id, as Discord describes them.
    threads: HashMap<u64, Value>,
    faults: Vec<(String, How)>,
    shards: u64,
    /// What the application's description says beyond the usual.
    application: Value,
    /// In how many servers the bot is.
    servers: u64,
    /// Seconds by which Discord's clock is ahead of ours.
    ahead: i64,
    endpoint: Option<endpoint::Endpoint>,
    last_id: u64,
    /// How often a first reply was filled with what it promised.
    filled: usize,
}

/// A use of the bot, and what became of it.
struct Interaction {
    id: u64,
    event: Value,
    since: Instant,
    /// The type of the first reply.
    first: Option<u64>,
    flags: u64,
    /// The message that the first reply made, or that the button pressed is on.
    message: u64,
    answer: Option<Value>,
    form: Option<Value>,
    choices: Option<Value>,
    added: Vec<Value>,
    /// Whether the first reply was taken back.
    withdrawn: bool,
}

impl Inner {
    fn interaction(&self, id: u64) -> Option<&Interaction> {
        self.interactions.values().find(|i| i.id == id)
    }

    fn answer(&self, id: u64) -> Option<Value> {
        let filled = self.interaction(id).and_then(|i| {
            let mut answer = i.answer.clone()?;
            answer["flags"] = json!(i.flags);
            answer["id"] = json!(i.message.to_string());
            Some(answer)
        });
        let replied = || {
            self.posts
                .iter()
                .find(|p| is(&p["message_reference"]["message_id"], id) || is(&p["channel_id"], id))
        };
        filled.or_else(|| replied().cloned())
    }

    /// An id as Discord makes them: its upper bits say when.
    fn id(&mut self) -> u64 {
        const EPOCH_MS: u128 = 1_420_070_400_000;
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let ms = since.map_or(0, |since| since.as_millis() - EPOCH_MS);
        let now = u64::try_from(ms).expect("this century") << 22;
        self.last_id = now.max(self.last_id + 1);
        self.last_id
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
            shards: 1,
            servers: 1,
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

    /// Leaves the gateway's connections half open: nobody closes them, and nothing goes through them any more.
    pub fn freeze(&self) {
        self.0.change(|inner| inner.gateway.freeze());
    }

    /// How often bots that connect from now on have to say that they live.
    pub fn beat_every(&self, heartbeat: Duration) {
        self.0
            .change(|inner| inner.gateway.heartbeat = Some(heartbeat));
    }

    /// Delivers the event about this message or interaction once more, to whoever had it.
    pub fn deliver_again(&self, id: u64) {
        self.0.change(|inner| inner.gateway.deliver_again(id));
    }

    /// Delivers an event that some session had to the sessions that there are now.
    pub fn deliver_to_all(&self, id: u64) {
        self.0.change(|inner| inner.gateway.deliver_to_all(id));
    }

    /// Somebody else's thread stands in a channel.
    pub fn has_thread(&self, id: u64, parent: u64) {
        self.0.change(|inner| {
            inner
                .threads
                .insert(id, api::thread(id, parent, "theirs", PERSON));
        });
    }

    /// Changes the list of registered commands, as an older bot would have left it.
    pub fn alter_commands(&self, change: impl FnOnce(&mut Vec<Value>)) {
        self.0
            .change(|inner| change(inner.commands.entry("global".into()).or_default()));
    }

    /// A message of the bot's, as an event about a button on it holds it.
    pub fn any_message(&self) -> Value {
        self.0.change(|inner| message(inner.id(), CHANNEL, ""))
    }

    /// Waits for the event of an interaction that was used over HTTP.
    pub async fn event(&self, id: u64) -> Value {
        self.until("an event", |inner| {
            Some(inner.interaction(id)?.event.clone())
        })
        .await
    }

    /// Waits for an interaction's first reply and returns its body.
    pub async fn call_of_interaction(&self, id: u64) -> Value {
        let what = format!("/interactions/{id}/");
        self.calls_of(&what).await[0].body.clone()
    }

    /// Changes what the developer portal says of the application.
    pub fn application(&self, change: Value) {
        self.0.change(|inner| inner.application = change);
    }

    /// How many servers the bot is in.
    pub fn is_in_servers(&self, servers: u64) {
        self.0.change(|inner| inner.servers = servers);
    }

    /// Sets Discord's clock ahead of ours.
    pub fn clock_is_ahead(&self, seconds: i64) {
        self.0.change(|inner| inner.ahead = seconds);
    }

    /// How many shards Discord advises.
    pub fn advise_shards(&self, shards: u64) {
        self.0.change(|inner| inner.shards = shards);
    }

    /// From now on interactions reach the bot over HTTP.
    pub fn deliver_to(&self, endpoint: endpoint::Endpoint) {
        self.0.change(|inner| inner.endpoint = Some(endpoint));
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

    /// Waits for what the person who asked sees in the end: the filled or immediate first reply to an interaction, or
    /// the reply to a message (in its thread, too). For an interaction `flags` and `id` of the message are added.
    pub async fn answer(&self, id: u64) -> Value {
        self.until("an answer", |inner| inner.answer(id)).await
    }

    /// The answer, if there is one by now.
    pub fn answered(&self, id: u64) -> Option<Value> {
        self.0.change(|inner| inner.answer(id))
    }

    /// Whether the first reply to an interaction was taken back.
    pub fn is_withdrawn(&self, id: u64) -> bool {
        self.0
            .change(|inner| inner.interaction(id).is_some_and(|i| i.withdrawn))
    }

    /// Waits for the form that an interaction opens.
    pub async fn form(&self, id: u64) -> Value {
        self.until("a form", |inner| inner.interaction(id)?.form.clone())
            .await
    }

    /// Waits for the choices that are offered while a person types.
    pub async fn choices(&self, id: u64) -> Vec<(String, String)> {
        let data = self
            .until("choices", |inner| inner.interaction(id)?.choices.clone())
            .await;
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        data["choices"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|choice| (text(&choice["name"]), text(&choice["value"])))
            .collect()
    }

    /// Waits for the messages that were added to an interaction's first reply.
    pub async fn added(&self, id: u64) -> Vec<Value> {
        self.until("a further message", |inner| {
            let added = inner.interaction(id)?.added.clone();
            (!added.is_empty()).then_some(added)
        })
        .await
    }

    /// The messages that were added to an interaction's first reply by now.
    pub fn additions(&self, id: u64) -> Vec<Value> {
        self.0.change(|inner| {
            let added = inner.interaction(id).map(|i| i.added.clone());
            added.unwrap_or_default()
        })
    }

    /// Waits until a call satisfies `is`.
    pub async fn call_where(&self, what: &str, is: impl Fn(&Call) -> bool) {
        self.until(what, |inner| inner.calls.iter().any(&is).then_some(()))
            .await;
    }

    /// Waits until a post satisfies `is`.
    pub async fn post_where(&self, what: &str, is: impl Fn(&Value) -> bool) {
        self.until(what, |inner| inner.posts.iter().any(&is).then_some(()))
            .await;
    }

    /// Waits until an interaction has its first reply.
    pub async fn first_reply(&self, id: u64) {
        let token = format!("token-{id}");
        self.until("a first reply", |inner| {
            inner.interactions.get(&token)?.first.map(|_| ())
        })
        .await;
    }

    /// Waits until that many first replies were filled with what they promised.
    pub async fn until_filled(&self, many: usize) {
        self.until("answers to commands", |inner| {
            (inner.filled >= many).then_some(())
        })
        .await;
    }

    /// Waits until that many messages were posted.
    pub async fn until_posted(&self, many: usize) {
        self.until("posts", |inner| (inner.posts.len() >= many).then_some(()))
            .await;
    }

    /// Waits until that many messages were posted, and returns all of them.
    pub async fn until_posts(&self, many: usize) -> Vec<Value> {
        self.until("posts", |inner| {
            (inner.posts.len() >= many).then(|| inner.posts.clone())
        })
        .await
    }

    /// The threads that the bot made, by the id of the message below which each stands.
    pub fn threads(&self) -> HashMap<u64, Value> {
        self.0.change(|inner| inner.threads.clone())
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
