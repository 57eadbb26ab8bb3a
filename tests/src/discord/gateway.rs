//! The gateway: sessions, each with a log of its events, from which a resumed connection catches up.
//!
//! Several bots may be connected at once (replicas), and one bot with several shards: a session gets what its shard
//! covers.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::{BOT, DIRECT, Shared, TOKEN, bot, is};

/// Members, presences and message content: intents that need Discord's permission.
const PRIVILEGED: u64 = 1 << 1 | 1 << 8 | 1 << 15;
const GUILD_MESSAGES: u64 = 1 << 9;
const DIRECT_MESSAGES: u64 = 1 << 12;

#[derive(Default)]
pub(super) struct Gateway {
    /// How often a bot is to say that it lives, where not as seldom as Discord wants it.
    pub heartbeat: Option<Duration>,
    sessions: Vec<Session>,
    pub identified: usize,
    pub resumed: usize,
    pub closed: Option<u16>,
}

struct Session {
    id: String,
    intents: u64,
    /// Which shard of how many.
    shard: (u64, u64),
    /// Events so far; the number of an event is its place, from 1.
    events: Vec<Value>,
    live: Option<UnboundedSender<Out>>,
}

enum Out {
    Frame(String),
    HangUp,
    /// The connection stays open, and nothing goes through it any more.
    Freeze,
}

impl Session {
    fn dispatch(&mut self, kind: &str, data: Value) {
        let event = json!({"op": 0, "s": self.events.len() + 1, "t": kind, "d": data});
        self.send(Out::Frame(event.to_string()));
        self.events.push(event);
    }

    /// Events of a guild go to one shard, all others to the first.
    fn covers(&self, data: &Value) -> bool {
        let guild = data["guild_id"].as_str().and_then(|id| id.parse().ok());
        let (mine, all) = self.shard;
        guild.map_or(0, |id: u64| (id >> 22) % all) == mine
    }

    fn send(&mut self, out: Out) {
        if let Some(live) = &self.live {
            // A connection that has just ended is caught up on its resumption.
            let _ = live.send(out);
        }
    }
}

impl Gateway {
    pub fn dispatch(&mut self, kind: &str, data: Value) {
        for session in self.sessions.iter_mut().filter(|s| s.covers(&data)) {
            session.dispatch(kind, data.clone());
        }
    }

    /// A message reaches a bot only where its intents cover it, and with its text only where it is
    /// direct or mentions the bot.
    pub fn say(&mut self, mut event: Value) {
        let direct = is(&event["channel_id"], DIRECT);
        let needed = if direct {
            DIRECT_MESSAGES
        } else {
            GUILD_MESSAGES
        };
        let mentioned = event["mentions"]
            .as_array()
            .is_some_and(|m| m.iter().any(|u| is(&u["id"], BOT)));
        if !direct && !mentioned {
            event["content"] = json!("");
        }
        for session in self.sessions.iter_mut().filter(|s| s.covers(&event)) {
            if session.intents & needed != 0 {
                session.dispatch("MESSAGE_CREATE", event.clone());
            }
        }
    }

    /// Delivers the event about this message or interaction once more, to whoever had it.
    pub fn deliver_again(&mut self, id: u64) {
        let mut found = false;
        for session in &mut self.sessions {
            let again = session.events.iter().find(|e| is(&e["d"]["id"], id));
            if let Some(mut event) = again.cloned() {
                let data = event["d"].take();
                session.dispatch(event["t"].as_str().expect("has a kind"), data);
                found = true;
            }
        }
        assert!(found, "was delivered before");
    }

    /// Delivers an event that an earlier session had to the sessions that there are now.
    pub fn deliver_to_all(&mut self, id: u64) {
        let again = self
            .sessions
            .iter()
            .flat_map(|s| &s.events)
            .find(|e| is(&e["d"]["id"], id))
            .cloned();
        let mut event = again.expect("was delivered before");
        let data = event["d"].take();
        self.dispatch(event["t"].as_str().expect("has a kind"), data);
    }

    /// A message that was said, as the API gives it: without the guild.
    pub fn message(&self, id: u64) -> Option<Value> {
        let mut events = self.sessions.iter().flat_map(|s| &s.events);
        let said = events.find(|e| e["t"] == "MESSAGE_CREATE" && is(&e["d"]["id"], id))?;
        let mut message = said["d"].clone();
        message.as_object_mut()?.remove("guild_id");
        Some(message)
    }

    pub fn frame(&mut self, frame: &Value) {
        for session in &mut self.sessions {
            session.send(Out::Frame(frame.to_string()));
        }
    }

    pub fn hang_up(&mut self) {
        for session in &mut self.sessions {
            session.send(Out::HangUp);
            session.live = None;
        }
    }

    pub fn freeze(&mut self) {
        for session in &mut self.sessions {
            session.send(Out::Freeze);
            session.live = None;
        }
    }

    /// Answers one frame of a bot's; a number closes the connection.
    fn hear(&mut self, frame: &Value, live: &UnboundedSender<Out>) -> Result<(), u16> {
        let data = &frame["d"];
        let right = data["token"]
            .as_str()
            .is_some_and(|t| t.trim_start_matches("Bot ") == TOKEN);
        match frame["op"].as_u64() {
            Some(1) => {
                let _ = live.send(Out::Frame(json!({"op": 11}).to_string()));
            }
            Some(2) if !right => return Err(4004),
            Some(2) if data["intents"].as_u64().unwrap_or(0) & PRIVILEGED != 0 => return Err(4014),
            Some(2) => {
                self.identified += 1;
                let id = format!("session-{}", self.identified);
                let shard = &data["shard"];
                let ready = json!({
                    "v": 10, "user": bot(), "guilds": [], "session_id": id, "shard": shard,
                    "resume_gateway_url": "wss://unused.invalid",
                    "application": {"id": BOT.to_string(), "flags": 0},
                });
                let mut session = Session {
                    id,
                    intents: data["intents"].as_u64().unwrap_or(0),
                    shard: (
                        shard[0].as_u64().unwrap_or(0),
                        shard[1].as_u64().unwrap_or(1),
                    ),
                    events: Vec::new(),
                    live: Some(live.clone()),
                };
                session.dispatch("READY", ready);
                self.sessions.push(session);
            }
            Some(6) if !right => return Err(4004),
            Some(6) => {
                let known = self
                    .sessions
                    .iter_mut()
                    .find(|s| data["session_id"] == s.id.as_str());
                let Some(session) = known else {
                    let _ = live.send(Out::Frame(json!({"op": 9, "d": false}).to_string()));
                    return Ok(());
                };
                self.resumed += 1;
                let seen = data["seq"].as_u64().unwrap_or(0);
                session.live = Some(live.clone());
                for event in session.events.clone() {
                    if event["s"].as_u64() > Some(seen) {
                        session.send(Out::Frame(event.to_string()));
                    }
                }
                session.dispatch("RESUMED", json!({}));
            }
            _ => {}
        }
        Ok(())
    }
}

pub(super) async fn connect(
    State(shared): State<Arc<Shared>>,
    upgrade: WebSocketUpgrade,
) -> Response {
    upgrade.on_upgrade(|socket| serve(shared, socket))
}

async fn serve(shared: Arc<Shared>, mut socket: WebSocket) {
    let (live, mut out) = unbounded_channel();
    let heartbeat = shared.change(|inner| inner.gateway.heartbeat);
    let heartbeat_ms = heartbeat.map_or(41250, |heartbeat| heartbeat.as_millis());
    let hello = json!({"op": 10, "d": {"heartbeat_interval": u64::try_from(heartbeat_ms).unwrap_or(41250)}});
    if socket.send(Message::text(hello.to_string())).await.is_err() {
        return;
    }
    loop {
        tokio::select! {
            out = out.recv() => match out {
                Some(Out::Frame(text)) => {
                    if socket.send(Message::text(text)).await.is_err() {
                        return;
                    }
                }
                Some(Out::Freeze) => std::future::pending().await,
                Some(Out::HangUp) | None => return,
            },
            frame = socket.recv() => match frame {
                Some(Ok(Message::Text(text))) => {
                    let frame = serde_json::from_str(&text).expect("the bot sends JSON");
                    if let Err(code) = shared.change(|inner| inner.gateway.hear(&frame, &live)) {
                        let close = CloseFrame { code, reason: "refused".into() };
                        let _ = socket.send(Message::Close(Some(close))).await;
                        return;
                    }
                }
                Some(Ok(Message::Close(frame))) => {
                    let code = frame.map_or(1005, |f| f.code);
                    shared.change(|inner| inner.gateway.closed = Some(code));
                    return;
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
        }
    }
}
