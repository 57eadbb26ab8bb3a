//! The gateway: one session with a log of its events, from which a resumed connection catches up.

use std::sync::Arc;

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
pub(super) struct Session {
    id: String,
    intents: u64,
    /// Events so far; the number of an event is its place, from 1.
    events: Vec<Value>,
    live: Option<UnboundedSender<Out>>,
    pub identified: usize,
    pub resumed: usize,
    pub closed: Option<u16>,
}

enum Out {
    Frame(String),
    HangUp,
}

impl Session {
    pub fn dispatch(&mut self, kind: &str, data: Value) {
        let event = json!({"op": 0, "s": self.events.len() + 1, "t": kind, "d": data});
        self.frame(&event);
        self.events.push(event);
    }

    /// A message reaches the bot only where its intents cover it, and with its text only where it is
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
        if self.intents & needed != 0 {
            self.dispatch("MESSAGE_CREATE", event);
        }
    }

    pub fn deliver_again(&mut self, id: u64) {
        let again = self.events.iter().find(|e| is(&e["d"]["id"], id)).cloned();
        let mut event = again.expect("was delivered before");
        let data = event["d"].take();
        self.dispatch(event["t"].as_str().expect("has a kind"), data);
    }

    pub fn frame(&mut self, frame: &Value) {
        self.send(Out::Frame(frame.to_string()));
    }

    pub fn hang_up(&mut self) {
        self.send(Out::HangUp);
        self.live = None;
    }

    fn send(&mut self, out: Out) {
        if let Some(live) = &self.live {
            // A connection that has just ended is caught up on its resumption.
            let _ = live.send(out);
        }
    }

    /// Answers one frame of the bot's; a number closes the connection.
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
                self.id = format!("session-{}", self.identified);
                self.intents = data["intents"].as_u64().unwrap_or(0);
                self.events.clear();
                self.live = Some(live.clone());
                let ready = json!({
                    "v": 10, "user": bot(), "guilds": [], "session_id": self.id,
                    "resume_gateway_url": "wss://unused.invalid",
                    "application": {"id": BOT.to_string(), "flags": 0},
                });
                self.dispatch("READY", ready);
            }
            Some(6) if !right => return Err(4004),
            Some(6) if data["session_id"] != self.id.as_str() => {
                let _ = live.send(Out::Frame(json!({"op": 9, "d": false}).to_string()));
            }
            Some(6) => {
                self.resumed += 1;
                let seen = data["seq"].as_u64().unwrap_or(0);
                self.live = Some(live.clone());
                for event in self
                    .events
                    .clone()
                    .iter()
                    .filter(|e| e["s"].as_u64() > Some(seen))
                {
                    self.frame(event);
                }
                self.dispatch("RESUMED", json!({}));
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
    let hello = json!({"op": 10, "d": {"heartbeat_interval": 41250}});
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
                _ => return,
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
