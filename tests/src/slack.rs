//! A stand-in for Slack: its Web API and Socket Mode on loopback, as strict as the real one where that
//! is known, with failures on demand.
//!
//! It keeps what Slack's documents and measurements say: tokens by kind, a `client_msg_id` posts once, a
//! response address works five times and takes no token, messages beyond the [`limits`] are refused. It is
//! checked from the other side by Slack's own client (`tests/python/slack.py`).

pub mod limits;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};

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
}

/// A call that reached the stand-in.
#[derive(Debug, Clone)]
pub struct Call {
    /// `chat.postMessage`, or `response_url`.
    pub method: String,
    /// The arguments.
    pub body: Value,
    /// Whether the call came with a token.
    pub authorized: bool,
    /// What was done instead of serving it.
    pub trouble: Option<Trouble>,
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
    /// Messages as people see them: what was posted or sent to a response address.
    posts: Vec<Value>,
    posted_ids: HashMap<String, String>,
    response_uses: HashMap<String, u32>,
    connections: Vec<mpsc::UnboundedSender<Message>>,
    greeted: usize,
    acknowledgements: HashMap<String, Value>,
}

impl Inner {
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
        let payload = json!({
            "type": "event_callback", "event": event, "event_id": id, "event_time": 1_795_500_000,
            "team_id": "T0", "api_app_id": "A0",
            "authorizations": [{"team_id": "T0", "user_id": BOT_USER, "is_bot": true}],
        });
        let acknowledgement = self.deliver("events_api", payload).await;
        assert!(
            acknowledgement.get("payload").is_none(),
            "events take no payload"
        );
    }

    /// A slash command. Returns what the person sees at once, where there is something.
    pub async fn command(&self, command: &str, text: &str) -> Option<Value> {
        let n = self.state.lock().next();
        let payload = json!({
            "command": command, "text": text, "channel_id": "C0", "channel_name": "coding",
            "user_id": PERSON, "user_name": "dana", "team_id": "T0", "team_domain": "t",
            "trigger_id": format!("{n}.1.abc"), "api_app_id": "A0",
            "response_url": format!("http://{}/response/{n}", self.address),
        });
        let acknowledgement = self.deliver("slash_commands", payload).await;
        acknowledgement.get("payload").cloned()
    }

    /// Delivers an envelope over the newest connection and waits for its acknowledgement.
    ///
    /// # Panics
    /// Where the acknowledgement does not come in Slack's 3 s.
    pub async fn deliver(&self, kind: &str, payload: Value) -> Value {
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

    /// Says that Slack will close the newest connection, for `reason`, and closes it.
    pub fn disconnect(&self, reason: &str) {
        self.send(json!({"type": "disconnect", "reason": reason, "debug_info": {"host": "test"}}));
        let connection = self.state.lock().connections.pop();
        let close = connection.map(|connection| connection.send(Message::Close(None)));
        assert!(close.is_some(), "there is a connection");
    }

    /// Sends a frame as it is, over the newest connection.
    pub fn send(&self, frame: Value) {
        let inner = self.state.lock();
        let connection = inner.connections.last().expect("there is a connection");
        connection
            .send(Message::text(frame.to_string()))
            .expect("the connection is open");
    }

    async fn until<T>(&self, what: &str, mut ready: impl FnMut(&Inner) -> Option<T>) -> T {
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
        match tokio::time::timeout(PATIENCE, wait).await {
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
    fn record(&self, method: &str, body: &Value, headers: &HeaderMap) -> Option<Trouble> {
        let mut inner = self.lock();
        let trouble = inner.troubles.get_mut(method).and_then(VecDeque::pop_front);
        inner.calls.push(Call {
            method: method.into(),
            body: body.clone(),
            authorized: headers.contains_key(header::AUTHORIZATION),
            trouble,
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
    let trouble = state.record(&method, &body, &headers);
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
            "chat.update" | "reactions.add" => json!({"ok": true}),
            _ => return refuse("unknown_method"),
        };
        axum::Json(answer).into_response()
    })
    .await;
    state.changed.notify_waiters();
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
            let ts = inner.ts();
            if let Some(id) = id {
                inner.posted_ids.insert(id.into(), ts.clone());
            }
            inner.posts.push(body.clone());
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
    let trouble = state.record("response_url", &body, &headers);
    let response = serve(trouble, || {
        let mut inner = state.lock();
        let uses = inner.response_uses.entry(id).or_default();
        *uses += 1;
        if *uses > 5 {
            return (StatusCode::NOT_FOUND, "used_url").into_response();
        }
        if let Err(why) = limits::check(&body) {
            return (StatusCode::INTERNAL_SERVER_ERROR, why.code).into_response();
        }
        inner.posts.push(body.clone());
        "ok".into_response()
    })
    .await;
    state.changed.notify_waiters();
    response
}

/// Arguments as JSON, whether they come as JSON, as a form or in the address.
fn arguments(uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Value {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok());
    if kind.is_some_and(|kind| kind.starts_with("application/json")) {
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
    let hello = {
        let mut inner = state.lock();
        inner.connections.push(frames);
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
