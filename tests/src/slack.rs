//! A stand-in for Slack: the Web API's methods that Casebook calls, `response_url`s, and the Socket
//! Mode websocket, on loopback. It refuses what Slack refuses (wrong tokens, missing fields, blocks
//! beyond their limits) and can be told to fail. `slack_sdk`'s own client checks it, see
//! `tests/python/slack_check.py`.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

/// The tokens that the stand-in accepts.
pub const APP_TOKEN: &str = "xapp-1-A0TEST-1-secret";
/// See [`APP_TOKEN`].
pub const BOT_TOKEN: &str = "xoxb-1-secret";
/// The bot's own user id.
pub const BOT: &str = "U0BOT";

/// How long a test waits for what must happen, before it fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a call meets instead of success.
#[derive(Debug, Clone)]
pub enum Fault {
    /// HTTP 429 with `Retry-After` in seconds.
    RateLimited(u64),
    /// A bare HTTP status.
    Status(u16),
    /// HTTP 200 with `ok: false` and this code.
    Refused(&'static str),
    /// Success, after this long.
    Slow(Duration),
}

/// One call that was received, whether it succeeded or not.
#[derive(Debug, Clone)]
pub struct Call {
    /// `chat.postMessage`, `reactions.add`, `response_url`, ...
    pub method: String,
    /// What was sent.
    pub body: Value,
    /// The bearer token, where one was sent.
    pub token: Option<String>,
    /// Status and code of the reply: `200`, `429`, `ok:false channel_not_found`, ...
    pub outcome: String,
}

#[derive(Default)]
struct Shared {
    base: String,
    calls: Vec<Call>,
    acks: Vec<Value>,
    faults: HashMap<String, VecDeque<Fault>>,
    sockets: Vec<(u64, mpsc::UnboundedSender<Message>)>,
    /// Every new connection is told to go away, for this reason.
    turn_away: Option<&'static str>,
    connections: u64,
    /// The last post in each channel, where the rate is watched.
    last_post: Option<HashMap<String, Instant>>,
    next: u64,
}

struct Inner {
    shared: Mutex<Shared>,
    changed: watch::Sender<u64>,
}

/// A running stand-in; it ends when dropped.
pub struct Slack {
    inner: Arc<Inner>,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Slack {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// An event that was sent, to await what follows from it.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The envelope to be acknowledged.
    pub envelope_id: String,
    /// The message's timestamp, which names it within its channel.
    pub ts: String,
    /// The whole frame, to deliver it again.
    pub frame: Value,
}

impl Slack {
    /// Starts on a free port of loopback.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port");
        let address: SocketAddr = listener.local_addr().expect("bound");
        let shared = Shared {
            base: format!("127.0.0.1:{}", address.port()),
            ..Shared::default()
        };
        let inner = Arc::new(Inner {
            shared: Mutex::new(shared),
            changed: watch::Sender::new(0),
        });
        let app = Router::new()
            .route("/api/{method}", any(api))
            .route("/commands/{id}", any(response_url))
            .route("/link", get(link))
            .with_state(inner.clone());
        let server = tokio::spawn(async move {
            axum::serve(listener, app)
                .await
                .expect("serves until aborted");
        });
        Self { inner, server }
    }

    /// Base address of the Web API.
    pub fn api_url(&self) -> String {
        format!("http://{}/api", self.inner.shared(|s| s.base.clone()))
    }

    /// The next call of `method` meets `fault`; several queue up.
    pub fn fail(&self, method: &str, fault: Fault) {
        self.inner.shared(|s| {
            s.faults
                .entry(method.to_owned())
                .or_default()
                .push_back(fault)
        });
    }

    /// From now on new connections get `disconnect` at once (`None`: no longer).
    pub fn turn_away(&self, reason: Option<&'static str>) {
        self.inner.shared(|s| s.turn_away = reason);
    }

    /// From now on a post within 0.9 s of the last one in its channel gets HTTP 429.
    pub fn watch_rate(&self) {
        self.inner.shared(|s| s.last_post = Some(HashMap::new()));
    }

    /// How many websockets have been opened so far.
    pub fn connections(&self) -> u64 {
        self.inner.shared(|s| s.connections)
    }

    /// How many websockets are open.
    pub fn open_sockets(&self) -> usize {
        self.inner.shared(|s| s.sockets.len())
    }

    /// Calls of `method` so far.
    pub fn calls(&self, method: &str) -> Vec<Call> {
        self.inner.shared(|s| {
            s.calls
                .iter()
                .filter(|c| c.method == method)
                .cloned()
                .collect()
        })
    }

    /// What was acknowledged so far.
    pub fn acks(&self) -> Vec<Value> {
        self.inner.shared(|s| s.acks.clone())
    }

    /// Waits until `ready` yields something.
    ///
    /// # Panics
    /// After 20 s, with `what` was awaited.
    pub async fn until<T>(&self, what: &str, mut ready: impl FnMut(&Self) -> Option<T>) -> T {
        let mut changed = self.inner.changed.subscribe();
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            if let Some(value) = ready(self) {
                return value;
            }
            if tokio::time::timeout_at(deadline, changed.changed())
                .await
                .is_err()
            {
                panic!(
                    "waited in vain for {what}; calls: {:#?}",
                    self.inner.shared(|s| s.calls.clone())
                );
            }
        }
    }

    /// Waits for a websocket.
    pub async fn connected(&self) {
        self.until("a connection", |s| (s.open_sockets() > 0).then_some(()))
            .await;
    }

    /// Waits until `method` has been called `n` times; returns those calls.
    pub async fn await_calls(&self, method: &str, n: usize) -> Vec<Call> {
        let what = format!("{n} calls of {method}");
        self.until(&what, |s| {
            Some(s.calls(method)).filter(|calls| calls.len() >= n)
        })
        .await
    }

    /// Like [`Slack::await_calls`] without copying them, for benchmarks.
    pub async fn await_count(&self, method: &str, n: usize) {
        let count = |s: &Self| {
            s.inner
                .shared(|s| s.calls.iter().rev().filter(|c| c.method == method).count())
        };
        self.until("calls", |s| (count(s) >= n).then_some(())).await;
    }

    /// Waits for the acknowledgement of `sent`.
    pub async fn await_ack(&self, sent: &Sent) -> Value {
        self.until("an acknowledgement", |s| {
            s.acks()
                .into_iter()
                .find(|ack| ack["envelope_id"] == json!(sent.envelope_id))
        })
        .await
    }

    /// Somebody mentions the bot. As Slack does for an app that also reads the channel, the message
    /// arrives as `message` first and then as `app_mention`, under two event ids.
    pub fn mention(&self, channel: &str, text: &str, thread_ts: Option<&str>) -> Sent {
        let text = format!("<@{BOT}> {text}");
        let ts = self.inner.ts();
        let mut event = json!({"type": "message", "channel": channel, "channel_type": "channel",
            "user": "U777", "text": text, "ts": ts, "event_ts": ts,
            "blocks": [{"type": "rich_text", "elements": [{"type": "a_type_of_the_future"}]}]});
        if let Some(thread) = thread_ts {
            event["thread_ts"] = json!(thread);
        }
        self.event(event.clone());
        event["type"] = json!("app_mention");
        event
            .as_object_mut()
            .expect("an object")
            .remove("channel_type");
        self.event(event)
    }

    /// Somebody writes to the bot directly.
    pub fn direct(&self, channel: &str, text: &str, thread_ts: Option<&str>) -> Sent {
        let ts = self.inner.ts();
        let mut event = json!({"type": "message", "channel": channel, "channel_type": "im",
            "user": "U777", "text": text, "ts": ts, "event_ts": ts});
        if let Some(thread) = thread_ts {
            event["thread_ts"] = json!(thread);
        }
        self.event(event)
    }

    /// Any event, in an envelope of its own.
    pub fn event(&self, event: Value) -> Sent {
        let n = self.inner.number();
        let frame = json!({"type": "events_api", "envelope_id": format!("env-{n}"),
            "accepts_response_payload": false, "retry_attempt": 0, "retry_reason": "",
            "payload": {"type": "event_callback", "team_id": "T1", "api_app_id": "A0TEST",
                "event_id": format!("Ev{n}"), "event_time": 1_763_999_999, "event": event}});
        self.frame(frame)
    }

    /// Somebody uses a command.
    pub fn command(&self, command: &str, text: &str) -> Sent {
        let n = self.inner.number();
        let base = self.inner.shared(|s| s.base.clone());
        self.frame(json!({"type": "slash_commands", "envelope_id": format!("env-{n}"),
            "accepts_response_payload": true,
            "payload": {"token": "t", "team_id": "T1", "team_domain": "x", "channel_id": "C1",
                "channel_name": "coding", "user_id": "U777", "user_name": "u", "command": command,
                "text": text, "api_app_id": "A0TEST", "is_enterprise_install": "false",
                "response_url": format!("http://{base}/commands/{n}"), "trigger_id": format!("tr.{n}")}}))
    }

    /// Sends a frame to one of the open websockets.
    ///
    /// # Panics
    /// When none is open.
    pub fn frame(&self, frame: Value) -> Sent {
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let sent = Sent {
            envelope_id: text(&frame["envelope_id"]),
            ts: text(&frame["payload"]["event"]["ts"]),
            frame: frame.clone(),
        };
        let delivered = self.inner.shared(|s| {
            let message = Message::text(frame.to_string());
            s.sockets
                .iter()
                .any(|(_, socket)| socket.send(message.clone()).is_ok())
        });
        assert!(delivered, "no websocket is open");
        sent
    }

    /// Tells every connection to go away and closes it.
    pub fn disconnect(&self, reason: &str) {
        self.inner.shared(|s| {
            for (_, socket) in s.sockets.drain(..) {
                let _ = socket.send(Message::text(disconnect(reason)));
                let _ = socket.send(Message::Close(None));
            }
        });
    }
}

fn disconnect(reason: &str) -> String {
    json!({"type": "disconnect", "reason": reason, "debug_info": {"host": "stand-in"}}).to_string()
}

impl Inner {
    fn shared<T>(&self, f: impl FnOnce(&mut Shared) -> T) -> T {
        f(&mut self.shared.lock().expect("no test panics while holding it"))
    }

    fn number(&self) -> u64 {
        self.shared(|s| {
            s.next += 1;
            s.next
        })
    }

    fn ts(&self) -> String {
        format!("1763999999.{:06}", self.number())
    }

    fn changed(&self) {
        self.changed.send_modify(|n| *n += 1);
    }

    fn record(&self, method: &str, body: Value, token: Option<String>, outcome: &str) {
        let call = Call {
            method: method.to_owned(),
            body,
            token,
            outcome: outcome.to_owned(),
        };
        self.shared(|s| s.calls.push(call));
        self.changed();
    }

    /// The injected fault of a call, if it is not to succeed.
    async fn fault(&self, method: &str) -> Option<(String, Response)> {
        let fault = self.shared(|s| s.faults.get_mut(method).and_then(VecDeque::pop_front))?;
        match fault {
            Fault::RateLimited(seconds) => Some(rate_limited(seconds)),
            Fault::Status(status) => {
                let code = StatusCode::from_u16(status).expect("a status");
                Some((
                    status.to_string(),
                    (code, "upstream trouble").into_response(),
                ))
            }
            Fault::Refused(code) => Some(refused(code)),
            Fault::Slow(time) => {
                tokio::time::sleep(time).await;
                None
            }
        }
    }
}

fn rate_limited(seconds: u64) -> (String, Response) {
    let headers = [("retry-after", seconds.to_string())];
    let body = axum::Json(json!({"ok": false, "error": "ratelimited"}));
    (
        "429".to_owned(),
        (StatusCode::TOO_MANY_REQUESTS, headers, body).into_response(),
    )
}

fn refused(code: &str) -> (String, Response) {
    let body = axum::Json(json!({"ok": false, "error": code}));
    (format!("ok:false {code}"), body.into_response())
}

async fn api(
    State(inner): State<Arc<Inner>>,
    Path(method): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let token = headers
        .get("authorization")
        .and_then(|h| h.to_str().ok()?.strip_prefix("Bearer ").map(str::to_owned));
    let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let (outcome, response) = match inner.fault(&method).await {
        Some(fault) => fault,
        None => match reply(&inner, &method, token.as_deref(), &body) {
            Ok(value) => ("200".to_owned(), axum::Json(value).into_response()),
            Err("ratelimited") => rate_limited(1),
            Err(code) => refused(code),
        },
    };
    inner.record(&method, body, token, &outcome);
    response
}

fn reply(
    inner: &Inner,
    method: &str,
    token: Option<&str>,
    body: &Value,
) -> Result<Value, &'static str> {
    let wanted = if method == "apps.connections.open" {
        APP_TOKEN
    } else {
        BOT_TOKEN
    };
    if token != Some(wanted) {
        return Err(if token.is_none() {
            "not_authed"
        } else {
            "invalid_auth"
        });
    }
    let text = |name: &str| body[name].as_str().filter(|t| !t.is_empty());
    match method {
        "apps.connections.open" => {
            let base = inner.shared(|s| s.base.clone());
            Ok(json!({"ok": true, "url": format!("ws://{base}/link?ticket=t&app_id=A0TEST")}))
        }
        "auth.test" => Ok(
            json!({"ok": true, "url": "https://x.slack.com/", "team": "X", "team_id": "T1",
            "user": "casebook", "user_id": BOT, "bot_id": "B0BOT"}),
        ),
        "chat.postMessage" => {
            let channel = text("channel").ok_or("channel_not_found")?;
            if body["blocks"].is_null() && text("text").is_none() {
                return Err("no_text");
            }
            check_blocks(&body["blocks"])?;
            let ts = inner.ts();
            inner.shared(|s| {
                let Some(last) = &mut s.last_post else {
                    return Ok(());
                };
                let before = last.insert(channel.to_owned(), Instant::now());
                let soon = before.is_some_and(|t| t.elapsed() < Duration::from_millis(900));
                if soon { Err("ratelimited") } else { Ok(()) }
            })?;
            Ok(json!({"ok": true, "channel": channel, "ts": ts, "message": {"text": body["text"]}}))
        }
        "reactions.add" => match (text("channel"), text("timestamp"), text("name")) {
            (Some(_), Some(_), Some(_)) => Ok(json!({"ok": true})),
            _ => Err("invalid_arguments"),
        },
        _ => Err("unknown_method"),
    }
}

/// Slack's limits on blocks, those that Casebook's blocks could break.
///
/// # Errors
/// The code that Slack gives.
pub fn check_blocks(blocks: &Value) -> Result<(), &'static str> {
    let Some(blocks) = blocks.as_array() else {
        return Ok(());
    };
    if blocks.len() > 50 {
        return Err("invalid_blocks");
    }
    let mut total = 0;
    for block in blocks {
        let texts: Vec<&Value> = match block["type"].as_str() {
            Some("section") => vec![&block["text"]],
            Some("context") => block["elements"]
                .as_array()
                .ok_or("invalid_blocks")?
                .iter()
                .collect(),
            _ => return Err("invalid_blocks"),
        };
        if texts.is_empty() || texts.len() > 10 {
            return Err("invalid_blocks");
        }
        for text in texts {
            let text = text["text"].as_str().ok_or("invalid_blocks")?;
            let width = text.encode_utf16().count();
            if width == 0 || width > 3_000 {
                return Err("invalid_blocks");
            }
            total += width;
        }
    }
    if total > 9_000 {
        Err("msg_blocks_too_long")
    } else {
        Ok(())
    }
}

async fn response_url(
    State(inner): State<Arc<Inner>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let token = headers
        .get("authorization")
        .and_then(|h| h.to_str().ok().map(str::to_owned));
    let (outcome, response) = match inner.fault("response_url").await {
        Some(fault) => fault,
        None => match check_blocks(&body["blocks"]) {
            Err(code) => (
                code.to_owned(),
                (StatusCode::BAD_REQUEST, code).into_response(),
            ),
            // Slack answers with two bare letters here.
            Ok(()) => ("200".to_owned(), "ok".into_response()),
        },
    };
    inner.record("response_url", body, token, &outcome);
    response
}

async fn link(State(inner): State<Arc<Inner>>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(move |socket| converse(inner, socket))
}

async fn converse(inner: Arc<Inner>, socket: WebSocket) {
    let (mut out, mut incoming) = socket.split();
    let (sender, mut queue) = mpsc::unbounded_channel();
    let (id, turn_away) = inner.shared(|s| {
        s.connections += 1;
        (s.connections, s.turn_away)
    });
    let first = match turn_away {
        Some(reason) => disconnect(reason),
        None => {
            json!({"type": "hello", "num_connections": 1, "connection_info": {"app_id": "A0TEST"},
            "debug_info": {"host": "stand-in", "approximate_connection_time": 18_060}})
            .to_string()
        }
    };
    if out.send(Message::text(first)).await.is_ok() && turn_away.is_none() {
        inner.shared(|s| s.sockets.push((id, sender)));
    }
    inner.changed();
    loop {
        tokio::select! {
            Some(message) = queue.recv() => {
                if out.send(message).await.is_err() {
                    break;
                }
            }
            received = incoming.next() => match received {
                Some(Ok(Message::Text(text))) => {
                    let ack = serde_json::from_str(&text).unwrap_or(Value::Null);
                    inner.shared(|s| s.acks.push(ack));
                    inner.changed();
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => {}
            },
        }
    }
    inner.shared(|s| s.sockets.retain(|(other, _)| *other != id));
    inner.changed();
}
