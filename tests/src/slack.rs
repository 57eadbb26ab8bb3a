//! A stand-in for Slack: its Web API and Socket Mode on loopback, as strict as the real one where that
//! is known, with failures on demand.
//!
//! It keeps what Slack's documents and measurements say: tokens by kind, a `client_msg_id` posts once, a
//! response address works five times and takes no token, a trigger opens one view and within 3 s, messages and views
//! beyond the [`limits`] are refused. It delivers over a websocket, or over HTTP with a signature. It is
//! checked from the other side by Slack's own client (`tests/python/slack.py`).

pub mod bot;
pub mod limits;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

/// The app-level token that the stand-in takes.
pub const APP_TOKEN: &str = "xapp-1-A0-1-test";
/// The bot token that the stand-in takes.
pub const BOT_TOKEN: &str = "xoxb-1-1-test";
/// The user that the bot token speaks for.
pub const BOT_USER: &str = "U0BOT";
/// The person who asks.
pub const PERSON: &str = "U0PERSON";

/// How long Slack waits for an acknowledgement.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(3);
/// How long a trigger is good for.
const TRIGGER_WITHIN: Duration = Duration::from_secs(3);
const FORM: &str = "application/x-www-form-urlencoded";
/// How long tests wait for what should come; it comes at once unless something is broken.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the stand-in does with one call instead of serving it.
#[derive(Debug, Clone, Copy)]
pub enum Trouble {
    /// HTTP 429 with `Retry-After` in seconds.
    Limited(u64),
    /// Another HTTP status, nothing done.
    Status(u16),
    /// HTTP 200 with `ok: false` and this code.
    Refused(&'static str),
    /// The call is carried out and answered with this HTTP status.
    StatusAfterwards(u16),
    /// The call is never answered, nothing done.
    Silence,
    /// The call is carried out after so many milliseconds.
    Slow(u64),
}

/// A call that reached the stand-in.
#[derive(Debug, Clone)]
pub struct Call {
    /// `chat.postMessage`, or `response_url`.
    pub method: String,
    /// The arguments.
    pub body: Value,
    /// Which response address it was, of those.
    pub address: Option<String>,
    /// Whether the call came with a token.
    pub authorized: bool,
    /// What was done instead of serving it.
    pub trouble: Option<Trouble>,
    /// When it came.
    pub at: Instant,
}

/// A running stand-in.
pub struct Slack {
    address: String,
    state: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    inner: Mutex<Inner>,
    changed: Notify,
}

#[derive(Default)]
struct Inner {
    address: String,
    count: u64,
    tickets: Vec<String>,
    troubles: HashMap<String, VecDeque<Trouble>>,
    calls: Vec<Call>,
    /// Messages as people see them, in the order in which they were posted; an update changes one in place. Each
    /// has a `ts`, and `ephemeral` where one person alone sees it.
    posts: Vec<Value>,
    posted_ids: HashMap<String, String>,
    response_uses: HashMap<String, u32>,
    /// What the response addresses given out belong to.
    addresses: HashMap<String, Origin>,
    /// When each trigger was given out; taken away when it is used.
    triggers: HashMap<String, Instant>,
    /// Views as they were last opened, updated or published.
    views: Vec<Value>,
    admins: HashSet<String>,
    groups: HashMap<String, Vec<String>>,
    /// Messages that were taken away.
    deleted: usize,
    /// What the bot token may do, where it is not what the manifest asks for.
    scopes: Option<String>,
    /// Seconds by which Slack's clock is ahead of ours.
    ahead: i64,
    signing: Option<Signing>,
    connections: Vec<Connection>,
    greeted: usize,
    acknowledgements: HashMap<String, Value>,
}

/// A websocket, from this end.
struct Connection {
    frames: mpsc::UnboundedSender<Message>,
    /// From then on it stays open, and nothing goes through it.
    frozen: CancellationToken,
}

/// What a response address belongs to: a command's channel, or the message that holds a button.
#[derive(Clone, Default)]
struct Origin {
    channel: String,
    message: Option<String>,
}

/// Where the app is reached over HTTP, and the secret with which Slack signs.
#[derive(Clone)]
struct Signing {
    address: String,
    secret: String,
}

impl Inner {
    /// A new response address of `origin`.
    fn response_url(&mut self, origin: Origin) -> String {
        let n = self.next().to_string();
        self.addresses.insert(n.clone(), origin);
        format!("http://{}/response/{n}", self.address)
    }

    fn trigger(&mut self) -> String {
        let trigger = format!("{}.1.abc", self.next());
        self.triggers.insert(trigger.clone(), Instant::now());
        trigger
    }

    fn show(&mut self, mut post: Value, channel: &str) -> String {
        let ts = self.ts();
        post["ts"] = ts.as_str().into();
        post["channel"] = channel.into();
        self.posts.push(post);
        ts
    }

    fn shown(&mut self, ts: &str) -> Option<&mut Value> {
        self.posts.iter_mut().find(|post| post["ts"] == ts)
    }

    /// Opens a view, or publishes it as the home of `user`.
    fn view(&mut self, view: &Value, user: Option<&str>) -> Result<Value, &'static str> {
        limits::check_view(view).map_err(|why| why.code)?;
        if user.is_some() != (view["type"] == "home") {
            return Err("invalid_arguments");
        }
        let mut view = view.clone();
        view["id"] = format!("V{}", self.next()).into();
        view["view_of"] = user.unwrap_or("a modal").into();
        self.views.push(view.clone());
        Ok(view)
    }

    fn next(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    fn ts(&mut self) -> String {
        format!("1795500000.{:06}", self.next())
    }
}

impl Slack {
    /// Starts on a free port of the loopback address.
    pub async fn start() -> Self {
        let state = Arc::new(Shared::default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port");
        let address = listener.local_addr().expect("bound").to_string();
        state.lock().address = address.clone();
        let app = Router::new()
            .route("/api/{method}", any(method))
            .route("/response/{id}", post(respond))
            .route("/link", get(link))
            .with_state(state.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, state }
    }

    /// The base address for clients.
    pub fn api_url(&self) -> String {
        format!("http://{}/api", self.address)
    }

    /// A configuration for this stand-in, with `more` keys.
    pub fn config(&self, more: Value) -> casebook_slack::Config {
        let mut config = json!({
            "app_token": APP_TOKEN, "bot_token": BOT_TOKEN, "api_url": self.api_url(),
        });
        for (key, value) in more.as_object().expect("an object") {
            config[key] = value.clone();
        }
        serde_json::from_value(config).expect("a valid configuration")
    }

    /// Queues trouble for the next calls of `method` (`response_url` for response addresses).
    pub fn trouble(&self, method: &str, troubles: impl IntoIterator<Item = Trouble>) {
        let mut inner = self.state.lock();
        inner
            .troubles
            .entry(method.into())
            .or_default()
            .extend(troubles);
    }

    /// Waits until `n` connections have been opened in all.
    pub async fn greeted(&self, n: usize) {
        self.until(&format!("{n} connections"), |inner| {
            (inner.greeted >= n).then_some(())
        })
        .await;
    }

    /// As [`Slack::greeted`], for what takes its time.
    pub async fn greeted_within(&self, n: usize, time: Duration) {
        let greeted = |inner: &Inner| (inner.greeted >= n).then_some(());
        self.until_within(time, &format!("{n} connections"), greeted)
            .await;
    }

    /// Waits until `n` messages have been posted in all, and returns them.
    pub async fn posts(&self, n: usize) -> Vec<Value> {
        self.posted(n).await;
        self.state.lock().posts.clone()
    }

    /// Waits until `n` messages have been posted in all.
    pub async fn posted(&self, n: usize) {
        self.until(&format!("{n} posts"), |inner| {
            (inner.posts.len() >= n).then_some(())
        })
        .await;
    }

    /// Waits until `method` has been called `n` times in all, and returns the calls.
    pub async fn calls(&self, method: &str, n: usize) -> Vec<Call> {
        self.until(&format!("{n} calls of {method}"), |inner| {
            let calls = inner.calls.iter().filter(|call| call.method == method);
            let calls: Vec<Call> = calls.cloned().collect();
            (calls.len() >= n).then_some(calls)
        })
        .await
    }

    /// Every call so far.
    pub fn all_calls(&self) -> Vec<Call> {
        self.state.lock().calls.clone()
    }

    /// Waits until a call satisfies `is`.
    pub async fn call_where(&self, what: &str, is: impl Fn(&Call) -> bool) {
        self.until(what, |inner| inner.calls.iter().any(&is).then_some(()))
            .await;
    }

    /// A mention of the bot in `channel`, outside a thread. Returns its time stamp.
    pub async fn mention(&self, channel: &str, text: &str) -> String {
        let event = self.message("app_mention", channel, &format!("<@{BOT_USER}> {text}"));
        self.event(event.clone()).await;
        event["ts"].as_str().expect("set").to_owned()
    }

    /// A direct message to the bot. Returns its time stamp.
    pub async fn direct_message(&self, text: &str) -> String {
        let mut event = self.message("message", "D0PERSON", text);
        event["channel_type"] = "im".into();
        self.event(event.clone()).await;
        event["ts"].as_str().expect("set").to_owned()
    }

    /// An event of `kind` as Slack shapes it, to be changed and delivered by [`Slack::event`].
    pub fn message(&self, kind: &str, channel: &str, text: &str) -> Value {
        let ts = self.state.lock().ts();
        json!({
            "type": kind, "channel": channel, "user": PERSON, "text": text, "ts": ts,
            "event_ts": ts, "team": "T0", "client_msg_id": "00000000-0000-4000-8000-000000000000",
            "blocks": [{"type": "rich_text", "elements": [
                {"type": "an element that no library knows yet", "text": text},
            ]}],
        })
    }

    /// Delivers an event under a new event id and waits for its acknowledgement.
    pub async fn event(&self, event: Value) {
        let id = format!("Ev{}", self.state.lock().next());
        self.event_with_id(event, &id).await;
    }

    /// Delivers an event under `id` and waits for its acknowledgement.
    pub async fn event_with_id(&self, event: Value, id: &str) {
        let acknowledgement = self.deliver("events_api", callback(event, id)).await;
        assert!(
            acknowledgement.get("payload").is_none(),
            "events take no payload"
        );
    }

    /// Sends an event and waits for nothing: its acknowledgement is lost.
    pub fn send_event(&self, event: Value) {
        let (id, envelope) = {
            let mut inner = self.state.lock();
            (
                format!("Ev{}", inner.next()),
                format!("envelope-{}", inner.next()),
            )
        };
        self.send(json!({
            "type": "events_api", "envelope_id": envelope, "payload": callback(event, &id),
            "accepts_response_payload": false,
        }));
    }

    /// The payload of a slash command, to be delivered with [`Slack::deliver`].
    pub fn commanded(&self, command: &str, text: &str) -> Value {
        let mut inner = self.state.lock();
        let origin = Origin {
            channel: "C0".into(),
            message: None,
        };
        json!({
            "command": command, "text": text, "channel_id": "C0", "channel_name": "coding",
            "user_id": PERSON, "user_name": "dana", "team_id": "T0", "team_domain": "t",
            "trigger_id": inner.trigger(), "api_app_id": "A0", "response_url": inner.response_url(origin),
        })
    }

    /// A slash command. Returns what the person sees at once, where there is something.
    pub async fn command(&self, command: &str, text: &str) -> Option<Value> {
        let payload = self.commanded(command, text);
        let acknowledgement = self.deliver("slash_commands", payload).await;
        acknowledgement.get("payload").cloned()
    }

    /// From now on everything is delivered over HTTP, to `address` and signed with `secret`.
    pub fn deliver_over_http(&self, address: &str, secret: &str) {
        let (address, secret) = (address.to_owned(), secret.to_owned());
        self.state.lock().signing = Some(Signing { address, secret });
    }

    /// Grants the bot token these scopes instead of the manifest's.
    pub fn grant(&self, scopes: &[&str]) {
        self.state.lock().scopes = Some(scopes.join(","));
    }

    /// Sets Slack's clock ahead of ours.
    pub fn clock_is_ahead(&self, seconds: i64) {
        self.state.lock().ahead = seconds;
    }

    /// Makes a person an admin of the workspace.
    pub fn admin(&self, user: &str) {
        self.state.lock().admins.insert(user.to_owned());
    }

    /// Makes people the members of a user group.
    pub fn group(&self, group: &str, members: &[&str]) {
        let members = members.iter().map(|member| (*member).to_owned()).collect();
        self.state.lock().groups.insert(group.to_owned(), members);
    }

    /// Waits until `n` messages have been taken away in all.
    pub async fn deleted(&self, n: usize) {
        self.until(&format!("{n} deletions"), |inner| {
            (inner.deleted >= n).then_some(())
        })
        .await;
    }

    /// Waits until `n` views have been opened or published in all, and returns them as they are now.
    pub async fn views(&self, n: usize) -> Vec<Value> {
        self.until(&format!("{n} views"), |inner| {
            (inner.views.len() >= n).then(|| inner.views.clone())
        })
        .await
    }

    /// Waits until a message satisfies `is`, and returns it.
    pub async fn post_where(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        self.until(what, |inner| {
            inner.posts.iter().find(|post| is(post)).cloned()
        })
        .await
    }

    /// A click of [`PERSON`] on the first button of `message` whose value begins with `action`.
    pub async fn click(&self, message: &Value, action: &str) {
        self.click_as(PERSON, message, action).await;
    }

    /// A click of `user` on the first button of `message` whose value begins with `action`.
    pub async fn click_as(&self, user: &str, message: &Value, action: &str) {
        let payload = self.clicked(user, message, action);
        let acknowledgement = self.deliver("interactive", payload).await;
        assert!(
            acknowledgement.get("payload").is_none(),
            "clicks take no payload"
        );
    }

    /// The payload of a click, to be delivered with [`Slack::deliver`].
    pub fn clicked(&self, user: &str, message: &Value, action: &str) -> Value {
        let button = button(message, action)
            .unwrap_or_else(|| panic!("no button {action:?} in {message:#}"));
        let mut inner = self.state.lock();
        let (channel, ts) = (&message["channel"], &message["ts"]);
        let ephemeral = message["ephemeral"] == true;
        let origin = Origin {
            channel: channel.as_str().unwrap_or_default().to_owned(),
            message: ts.as_str().map(str::to_owned),
        };
        let action_ts = inner.ts();
        let mut payload = json!({
            "type": "block_actions", "user": {"id": user, "username": "dana", "name": "dana", "team_id": "T0"},
            "team": {"id": "T0", "domain": "t"}, "api_app_id": "A0", "token": "legacy",
            "trigger_id": inner.trigger(), "enterprise": null, "is_enterprise_install": false,
            "actions": [{
                "type": "button", "action_id": button["action_id"], "block_id": "b", "text": button["text"],
                "value": button["value"], "action_ts": action_ts,
            }],
        });
        if message["view_of"].is_string() {
            payload["container"] = json!({"type": "view", "view_id": message["id"]});
            payload["view"] = message.clone();
        } else {
            payload["container"] = json!({
                "type": "message", "message_ts": ts, "channel_id": channel, "is_ephemeral": ephemeral,
            });
            if let Some(thread) = message["thread_ts"].as_str() {
                payload["container"]["thread_ts"] = thread.into();
            }
            payload["channel"] = json!({"id": channel, "name": "coding"});
            payload["response_url"] = inner.response_url(origin).into();
            if !ephemeral {
                payload["message"] = message.clone();
            }
        }
        payload
    }

    /// The message shortcut on a message with `text` in `channel`.
    pub async fn shortcut(&self, callback_id: &str, channel: &str, text: &str) {
        let payload = {
            let mut inner = self.state.lock();
            let origin = Origin {
                channel: channel.to_owned(),
                message: None,
            };
            json!({
                "type": "message_action", "callback_id": callback_id, "trigger_id": inner.trigger(),
                "user": {"id": PERSON, "username": "dana", "team_id": "T0"}, "team": {"id": "T0", "domain": "t"},
                "channel": {"id": channel, "name": "coding"}, "message_ts": "1795400000.000100",
                "message": {"type": "message", "user": "U0OTHER", "ts": "1795400000.000100", "text": text},
                "response_url": inner.response_url(origin), "action_ts": inner.ts(),
            })
        };
        self.deliver("interactive", payload).await;
    }

    /// Sends the form `view` with `values` by block. Returns what Slack would show in its place.
    pub async fn submit(&self, view: &Value, values: Value) -> Option<Value> {
        let payload = self.submitted(view, values);
        let acknowledgement = self.deliver("interactive", payload).await;
        acknowledgement.get("payload").cloned()
    }

    /// The payload of a form that is sent.
    pub fn submitted(&self, view: &Value, values: Value) -> Value {
        let inputs = view["blocks"].as_array().expect("blocks").iter();
        let inputs = inputs.filter(|block| block["type"] == "input");
        let mut state = json!({});
        for input in inputs {
            let (block, element) = (&input["block_id"], &input["element"]);
            let block = block.as_str().expect("an id");
            let value = &values[block];
            let kind = element["type"].as_str().expect("a type");
            let entered = match kind {
                "plain_text_input" if value.is_null() => &element["initial_value"],
                _ => value,
            };
            let given = match kind {
                "plain_text_input" => json!({"type": kind, "value": entered}),
                "multi_users_select" if value.is_null() => {
                    json!({"type": kind, "selected_users": element["initial_users"].as_array().cloned().unwrap_or_default()})
                }
                "multi_users_select" => json!({"type": kind, "selected_users": value}),
                _ if value.is_null() => {
                    json!({"type": kind, "selected_option": element["initial_option"]})
                }
                _ => {
                    let options = element["options"].as_array().expect("options");
                    let option = options.iter().find(|option| option["value"] == *value);
                    json!({"type": kind, "selected_option": option.expect("one of the options")})
                }
            };
            state[block] = json!({element["action_id"].as_str().expect("an id"): given});
        }
        let known = values.as_object().expect("an object").keys();
        for key in known {
            assert!(state[key].is_object(), "no input {key} in {view:#}");
        }
        let mut view = view.clone();
        view["state"] = json!({"values": state});
        json!({
            "type": "view_submission", "user": {"id": PERSON, "username": "dana", "team_id": "T0"},
            "team": {"id": "T0", "domain": "t"}, "api_app_id": "A0", "view": view, "response_urls": [],
        })
    }

    /// An event about the app itself (`app_home_opened`, `assistant_thread_started`).
    pub async fn app_event(&self, event: Value) {
        self.event(event).await;
    }

    /// Sends a body to the app over HTTP as Slack would, `age` seconds old, and returns status and body.
    pub async fn http(&self, content_type: &str, body: &str, age: i64) -> (u16, String) {
        let signing = self.state.lock().signing.clone().expect("over HTTP");
        let at = now() - age;
        let signature = sign(&signing.secret, at, body);
        let head = format!(
            "Content-Type: {content_type}\r\nX-Slack-Request-Timestamp: {at}\r\nX-Slack-Signature: {signature}\r\n"
        );
        request(&signing.address, &head, body.as_bytes()).await
    }

    /// Delivers over HTTP and shapes the answer as an acknowledgement.
    async fn deliver_http(&self, kind: &str, payload: Value) -> Value {
        let (content_type, body) = match kind {
            "events_api" => ("application/json", payload.to_string()),
            "interactive" => (FORM, form([("payload", payload.to_string())])),
            _ => {
                let fields = payload.as_object().expect("an object").iter();
                let fields = fields.map(|(key, value)| {
                    (key.as_str(), value.as_str().unwrap_or_default().to_owned())
                });
                (FORM, form(fields))
            }
        };
        let (status, body) = self.http(content_type, &body, 0).await;
        assert_eq!(status, 200, "{body}");
        match body.is_empty() {
            true => json!({}),
            false => json!({"payload": serde_json::from_str::<Value>(&body).expect("JSON")}),
        }
    }

    /// Delivers an envelope over the newest connection, or over HTTP, and waits for its acknowledgement.
    ///
    /// # Panics
    /// Where the acknowledgement does not come in Slack's 3 s.
    pub async fn deliver(&self, kind: &str, payload: Value) -> Value {
        if self.state.lock().signing.is_some() {
            return tokio::time::timeout(ACKNOWLEDGED_WITHIN, self.deliver_http(kind, payload))
                .await
                .expect("acknowledged within 3 s");
        }
        let envelope_id = format!("envelope-{}", self.state.lock().next());
        self.send(json!({
            "type": kind, "envelope_id": envelope_id, "payload": payload,
            "accepts_response_payload": kind == "slash_commands",
        }));
        let acknowledged = self.until("an acknowledgement", |inner| {
            inner.acknowledgements.get(&envelope_id).cloned()
        });
        tokio::time::timeout(ACKNOWLEDGED_WITHIN, acknowledged)
            .await
            .expect("acknowledged within 3 s")
    }

    /// Delivers an event under one id over every connection, as Slack never would at once but may one after the other.
    pub async fn event_everywhere(&self, event: Value) {
        let payload = json!({
            "type": "event_callback", "event": event, "event_id": "Ev-everywhere", "event_time": 1_795_500_000,
            "team_id": "T0", "api_app_id": "A0",
        });
        let mut ids = Vec::new();
        {
            let mut inner = self.state.lock();
            for i in 0..inner.connections.len() {
                let id = format!("envelope-{}", inner.next());
                let frame = json!({"type": "events_api", "envelope_id": id, "payload": payload});
                inner.connections[i]
                    .frames
                    .send(Message::text(frame.to_string()))
                    .expect("open");
                ids.push(id);
            }
        }
        self.until("all acknowledgements", |inner| {
            ids.iter()
                .all(|id| inner.acknowledgements.contains_key(id))
                .then_some(())
        })
        .await;
    }

    /// Takes connections as gone whose process has ended.
    pub fn forget_connections(&self) {
        self.state.lock().connections.clear();
    }

    /// Says that Slack will close the newest connection, for `reason`, and closes it.
    pub fn disconnect(&self, reason: &str) {
        self.send(json!({"type": "disconnect", "reason": reason, "debug_info": {"host": "test"}}));
        let connection = self.state.lock().connections.pop();
        let close = connection.map(|connection| connection.frames.send(Message::Close(None)));
        assert!(close.is_some(), "there is a connection");
    }

    /// Breaks the newest connection off without a word.
    pub fn drop_connection(&self) {
        let connection = self.state.lock().connections.pop();
        assert!(connection.is_some(), "there is a connection");
    }

    /// Leaves the newest connection half open: nobody closes it, and nothing goes through it any more.
    pub fn freeze_connection(&self) {
        let connection = self.state.lock().connections.pop();
        connection.expect("there is a connection").frozen.cancel();
    }

    /// Sends a frame as it is, over the newest connection.
    pub fn send(&self, frame: Value) {
        let inner = self.state.lock();
        let connection = inner.connections.last().expect("there is a connection");
        connection
            .frames
            .send(Message::text(frame.to_string()))
            .expect("the connection is open");
    }

    async fn until<T>(&self, what: &str, ready: impl FnMut(&Inner) -> Option<T>) -> T {
        self.until_within(PATIENCE, what, ready).await
    }

    async fn until_within<T>(
        &self,
        time: Duration,
        what: &str,
        mut ready: impl FnMut(&Inner) -> Option<T>,
    ) -> T {
        let wait = async {
            loop {
                let changed = self.state.changed.notified();
                let mut changed = std::pin::pin!(changed);
                changed.as_mut().enable();
                if let Some(value) = ready(&self.state.lock()) {
                    return value;
                }
                changed.await;
            }
        };
        match tokio::time::timeout(time, wait).await {
            Ok(value) => value,
            Err(_) => panic!(
                "{what} did not come; calls so far: {:#?}",
                self.state.lock().calls
            ),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Records a call and takes the trouble that is queued for it.
    fn record(
        &self,
        method: &str,
        body: &Value,
        address: Option<&str>,
        headers: &HeaderMap,
    ) -> Option<Trouble> {
        let mut inner = self.lock();
        let trouble = inner.troubles.get_mut(method).and_then(VecDeque::pop_front);
        inner.calls.push(Call {
            method: method.into(),
            body: body.clone(),
            address: address.map(str::to_owned),
            authorized: headers.contains_key(header::AUTHORIZATION),
            trouble,
            at: Instant::now(),
        });
        trouble
    }
}

/// Serves a call, or does what `trouble` says.
async fn serve(trouble: Option<Trouble>, work: impl FnOnce() -> Response) -> Response {
    let status = |code| StatusCode::from_u16(code).expect("a status");
    match trouble {
        None => work(),
        Some(Trouble::Limited(seconds)) => (
            StatusCode::TOO_MANY_REQUESTS,
            [(header::RETRY_AFTER, seconds.to_string())],
            axum::Json(json!({"ok": false, "error": "ratelimited"})),
        )
            .into_response(),
        Some(Trouble::Status(code)) => (status(code), "upstream error").into_response(),
        Some(Trouble::Refused(code)) => refuse(code),
        Some(Trouble::StatusAfterwards(code)) => {
            work();
            (status(code), "upstream error").into_response()
        }
        Some(Trouble::Silence) => std::future::pending().await,
        Some(Trouble::Slow(ms)) => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            work()
        }
    }
}

fn refuse(code: &str) -> Response {
    axum::Json(json!({"ok": false, "error": code})).into_response()
}

async fn method(
    State(state): State<Arc<Shared>>,
    Path(method): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let body = arguments(&uri, &headers, &body);
    let trouble = state.record(&method, &body, None, &headers);
    // Of a call that is not served, whoever waits for it learns now.
    if trouble.is_some() {
        state.changed.notify_waiters();
    }
    let response = serve(trouble, || {
        let token = headers
            .get(header::AUTHORIZATION)
            .and_then(|v| v.to_str().ok());
        let wanted = if method == "apps.connections.open" {
            APP_TOKEN
        } else {
            BOT_TOKEN
        };
        match token.and_then(|token| token.strip_prefix("Bearer ")) {
            None => return refuse("not_authed"),
            Some(token) if token == wanted => {}
            Some(APP_TOKEN | BOT_TOKEN) => return refuse("not_allowed_token_type"),
            Some(_) => return refuse("invalid_auth"),
        }
        let reads = matches!(method.as_str(), "users.info" | "usergroups.users.list");
        if reads && is_json(&headers) {
            return refuse("invalid_arguments");
        }
        let mut inner = state.lock();
        let answer = match method.as_str() {
            "apps.connections.open" => {
                let ticket = format!("ticket-{}", inner.next());
                let url = format!("ws://{}/link?ticket={ticket}", inner.address);
                inner.tickets.push(ticket);
                json!({"ok": true, "url": url})
            }
            "auth.test" => json!({
                "ok": true, "user_id": BOT_USER, "bot_id": "B0", "team_id": "T0", "team": "Test",
                "user": "casebook", "url": "https://test.slack.com/",
            }),
            "chat.postMessage" => return post_message(&mut inner, &body),
            "chat.postEphemeral" => {
                let (Some(channel), true) = (body["channel"].as_str(), body["user"].is_string()) else {
                    return refuse("user_not_in_channel");
                };
                if let Err(why) = limits::check(&body) {
                    return refuse(why.code);
                }
                let mut post = body.clone();
                post["ephemeral"] = true.into();
                let ts = inner.show(post, channel);
                json!({"ok": true, "message_ts": ts})
            }
            "chat.update" => {
                if let Err(why) = limits::check(&body) {
                    return refuse(why.code);
                }
                let channel = body["channel"].clone();
                match inner.shown(body["ts"].as_str().unwrap_or_default()) {
                    Some(post) if post["channel"] == channel && post["ephemeral"] != true => {
                        replace(post, &body);
                    }
                    _ => return refuse("message_not_found"),
                }
                json!({"ok": true, "ts": body["ts"], "channel": channel})
            }
            "views.open" => {
                let given = body["trigger_id"].as_str().and_then(|id| inner.triggers.remove(id));
                match given {
                    None => return refuse("invalid_trigger_id"),
                    Some(given) if given.elapsed() > TRIGGER_WITHIN => return refuse("expired_trigger_id"),
                    Some(_) => {}
                }
                match inner.view(&body["view"], None) {
                    Ok(view) => json!({"ok": true, "view": view}),
                    Err(code) => return refuse(code),
                }
            }
            "views.publish" => {
                let Some(user) = body["user_id"].as_str() else {
                    return refuse("invalid_arguments");
                };
                match inner.view(&body["view"], Some(user)) {
                    Ok(view) => json!({"ok": true, "view": view}),
                    Err(code) => return refuse(code),
                }
            }
            "usergroups.users.list" => {
                match inner.groups.get(body["usergroup"].as_str().unwrap_or_default()) {
                    Some(members) => json!({"ok": true, "users": members}),
                    None => return refuse("no_such_subteam"),
                }
            }
            "users.info" => {
                let user = body["user"].as_str().unwrap_or_default();
                json!({"ok": true, "user": {
                    "id": user, "name": "dana", "is_admin": inner.admins.contains(user), "is_owner": false,
                }})
            }
            "assistant.threads.setStatus" | "assistant.threads.setSuggestedPrompts" => {
                let named = ["channel_id", "thread_ts"].iter().all(|key| body[*key].is_string());
                let prompts = body["prompts"].as_array().map_or(0, Vec::len);
                if !named || prompts > 4 {
                    return refuse("invalid_arguments");
                }
                json!({"ok": true})
            }
            "reactions.add" => json!({"ok": true}),
            _ => return refuse("unknown_method"),
        };
        axum::Json(answer).into_response()
    })
    .await;
    state.changed.notify_waiters();
    headed(&state, response)
}

/// With what stands in the head of Slack's answers: what the token may do, and what time it is there.
fn headed(state: &Shared, mut response: Response) -> Response {
    let inner = state.lock();
    let scopes = inner.scopes.clone().unwrap_or_else(|| {
        let manifest = casebook_slack::manifest(false, None);
        let scopes = manifest["oauth_config"]["scopes"]["bot"].as_array();
        let scopes = scopes.expect("scopes").iter();
        let scopes: Vec<&str> = scopes.filter_map(Value::as_str).collect();
        scopes.join(",")
    });
    let there = chrono::DateTime::from_timestamp(now() + inner.ahead, 0).expect("a time");
    let there = there.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let head = response.headers_mut();
    head.insert("x-oauth-scopes", scopes.parse().expect("a header"));
    head.insert(header::DATE, there.parse().expect("a header"));
    response
}

fn post_message(inner: &mut Inner, body: &Value) -> Response {
    let Some(channel) = body["channel"].as_str() else {
        return refuse("channel_not_found");
    };
    if let Err(why) = limits::check(body) {
        return refuse(why.code);
    }
    let id = body["client_msg_id"].as_str();
    let ts = match id.and_then(|id| inner.posted_ids.get(id)).cloned() {
        Some(ts) => ts,
        None => {
            let ts = inner.show(body.clone(), channel);
            if let Some(id) = id {
                inner.posted_ids.insert(id.into(), ts.clone());
            }
            ts
        }
    };
    axum::Json(json!({"ok": true, "channel": channel, "ts": ts, "message": body})).into_response()
}

async fn respond(
    State(state): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let trouble = state.record("response_url", &body, Some(&id), &headers);
    if trouble.is_some() {
        state.changed.notify_waiters();
    }
    let response = serve(trouble, || {
        let mut inner = state.lock();
        let uses = inner.response_uses.entry(id.clone()).or_default();
        *uses += 1;
        if *uses > 5 {
            return (StatusCode::NOT_FOUND, "used_url").into_response();
        }
        if body["delete_original"] != true
            && let Err(why) = limits::check(&body)
        {
            return (StatusCode::BAD_REQUEST, why.code).into_response();
        }
        let Origin { channel, message } = inner.addresses.get(&id).cloned().unwrap_or_default();
        if body["delete_original"] == true {
            inner
                .posts
                .retain(|post| post["ts"] != message.as_deref().unwrap_or_default());
            inner.deleted += 1;
            return "ok".into_response();
        }
        if body["replace_original"] == true {
            let message = message.as_deref().and_then(|ts| inner.shown(ts));
            return match message {
                Some(post) => {
                    replace(post, &body);
                    "ok".into_response()
                }
                None => (StatusCode::NOT_FOUND, "message_not_found").into_response(),
            };
        }
        let mut post = body.clone();
        if body["response_type"] != "in_channel" {
            post["ephemeral"] = true.into();
        }
        post["address"] = id.as_str().into();
        inner.show(post, &channel);
        "ok".into_response()
    })
    .await;
    state.changed.notify_waiters();
    response
}

/// What an update changes of a message.
fn replace(post: &mut Value, body: &Value) {
    post["text"] = body["text"].clone();
    match body.get("blocks") {
        Some(blocks) => post["blocks"] = blocks.clone(),
        None => {
            post.as_object_mut().expect("an object").remove("blocks");
        }
    }
    post["updates"] = (post["updates"].as_u64().unwrap_or(0) + 1).into();
}

/// What surrounds an event.
fn callback(event: Value, id: &str) -> Value {
    json!({
        "type": "event_callback", "event": event, "event_id": id, "event_time": 1_795_500_000,
        "team_id": "T0", "api_app_id": "A0",
        "authorizations": [{"team_id": "T0", "user_id": BOT_USER, "is_bot": true}],
    })
}

/// The first button under `value` whose value begins with `action`.
pub fn button<'a>(value: &'a Value, action: &str) -> Option<&'a Value> {
    match value {
        Value::Array(values) => values.iter().find_map(|value| button(value, action)),
        Value::Object(map) => {
            let is = |value: &Value| {
                value["type"] == "button"
                    && value["value"]
                        .as_str()
                        .is_some_and(|value| value.starts_with(action))
            };
            match is(value) {
                true => Some(value),
                false => map.values().find_map(|value| button(value, action)),
            }
        }
        _ => None,
    }
}

/// The time as Slack signs it.
pub fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since.expect("after 1970").as_secs()).expect("before the end of time")
}

/// Slack's signature, version 0, of `body` sent `at`.
pub fn sign(secret: &str, at: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key will do");
    mac.update(format!("v0:{at}:{body}").as_bytes());
    let bytes = mac.finalize().into_bytes();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("v0={hex}")
}

/// A form's body.
pub fn form<'a>(fields: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (key, value) in fields {
        form.append_pair(key, &value);
    }
    form.finish()
}

/// A POST to `/slack` at `address` with `head` as it is. Returns status and body.
pub async fn request(address: &str, head: &str, body: &[u8]) -> (u16, String) {
    let mut socket = connect(address).await;
    let length = body.len();
    let head = format!(
        "POST /slack HTTP/1.1\r\nHost: casebook\r\nConnection: close\r\nContent-Length: {length}\r\n{head}\r\n"
    );
    socket.write_all(head.as_bytes()).await.expect("written");
    // A body that is too long is refused before it is read to its end.
    socket.write_all(body).await.ok();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.ok();
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    (status.expect("a status"), body.to_owned())
}

/// The app opens its door a moment after it was started.
async fn connect(address: &str) -> TcpStream {
    let opened = async {
        loop {
            match TcpStream::connect(address).await {
                Ok(socket) => return socket,
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, opened)
        .await
        .expect("the app listens")
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/json"))
}

/// Arguments as JSON, whether they come as JSON, as a form or in the address.
fn arguments(uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Value {
    if is_json(headers) {
        return serde_json::from_slice(body).unwrap_or_default();
    }
    let query = match body.is_empty() {
        true => uri.query().unwrap_or_default().to_owned(),
        false => String::from_utf8_lossy(body).into_owned(),
    };
    let uri = Uri::builder().path_and_query(format!("/?{query}")).build();
    let form = uri
        .ok()
        .and_then(|uri| Query::<HashMap<String, String>>::try_from_uri(&uri).ok());
    json!(form.map(|Query(form)| form).unwrap_or_default())
}

async fn link(
    State(state): State<Arc<Shared>>,
    Query(query): Query<HashMap<String, String>>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let ticket = query.get("ticket").cloned().unwrap_or_default();
    let mut inner = state.lock();
    let Some(known) = inner.tickets.iter().position(|known| *known == ticket) else {
        return StatusCode::FORBIDDEN.into_response();
    };
    inner.tickets.remove(known);
    drop(inner);
    upgrade.on_upgrade(move |socket| connection(state, socket))
}

/// One connection: greets, carries frames out and acknowledgements in.
async fn connection(state: Arc<Shared>, mut socket: WebSocket) {
    let (frames, mut outgoing) = mpsc::unbounded_channel();
    let frozen = CancellationToken::new();
    let hello = {
        let mut inner = state.lock();
        inner.connections.push(Connection {
            frames,
            frozen: frozen.clone(),
        });
        json!({
            "type": "hello", "num_connections": inner.connections.len(),
            "connection_info": {"app_id": "A0"}, "debug_info": {"host": "test"},
        })
    };
    if socket.send(Message::text(hello.to_string())).await.is_err() {
        return;
    }
    state.lock().greeted += 1;
    state.changed.notify_waiters();
    loop {
        tokio::select! {
            () = frozen.cancelled() => std::future::pending().await,
            frame = outgoing.recv() => match frame {
                Some(frame) => {
                    if socket.send(frame).await.is_err() {
                        return;
                    }
                }
                None => return,
            },
            frame = socket.recv() => match frame {
                Some(Ok(Message::Text(text))) => {
                    let frame: Value = serde_json::from_str(&text).expect("JSON from the client");
                    let id = frame["envelope_id"].as_str().expect("an acknowledgement");
                    state.lock().acknowledgements.insert(id.to_owned(), frame.clone());
                    state.changed.notify_waiters();
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
        }
    }
}
