//! The websockets: what arrives, what is acknowledged, and when to connect again.
//!
//! `slack_morphism` opens and pings the connections; the frames are read here. Its own listener
//! acknowledges only after a callback has returned, hides the reason of a disconnect, reconnects at
//! once however often it is turned away, and models whole messages, so that one unknown block would
//! lose a question. Here every frame is acknowledged at once and only the fields in use are read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use casebook_core::Intent;
use serde::Deserialize;
use serde_json::{Value, json};
use slack_morphism::prelude::{
    SlackApiToken, SlackClientEventsListenerEnvironment, SlackClientSocketModeConfig,
    SlackHyperClient, SlackResponseUrl,
};
use slack_morphism::socket_mode::clients_manager::{
    SlackSocketModeClientsManager, SlackSocketModeClientsManagerFactory,
};
use slack_morphism::{SlackSocketModeClientListener, SlackSocketModeWssClientId};
use tokio_util::sync::CancellationToken;

use crate::Config;
use crate::desk::{Desk, Question, usage};
use crate::reply::Target;

/// Slack delivers at most four times, the last time about five minutes after the first.
const REMEMBER: Duration = Duration::from_secs(15 * 60);
/// More than a busy workspace asks in that time; the oldest are forgotten first.
const REMEMBER_MOST: u64 = 100_000;
/// A connection that lasted this long was a good one: Slack renews each after about an hour.
const GOOD: Duration = Duration::from_secs(60);
/// Without a connection for this long the whole set is built anew. No call of the crate that opens
/// connections has a time limit, so one can hang for ever.
const HUNG: Duration = Duration::from_secs(90);
const RETRY_OPEN_S: u64 = 10;
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

type Manager = dyn SlackSocketModeClientsManager + Send + Sync;

/// Receives until `stop`, then lets the desk finish and closes the connections.
pub(crate) async fn serve(
    config: &Config,
    client: Arc<SlackHyperClient>,
    app: SlackApiToken,
    me: String,
    desk: Arc<Desk>,
    stop: CancellationToken,
) {
    let ears = Arc::new(Ears {
        desk: desk.clone(),
        me,
        seen: moka::future::Cache::builder()
            .time_to_live(REMEMBER)
            .max_capacity(REMEMBER_MOST)
            .build(),
        manager: Mutex::new(None),
        health: Mutex::new(Health::new()),
        stop: stop.clone(),
    });
    let settings = SlackClientSocketModeConfig::new()
        .with_max_connections_count(config.connections)
        .with_initial_backoff_in_seconds(1)
        .with_reconnect_timeout_in_seconds(RETRY_OPEN_S);
    let environment = Arc::new(SlackClientEventsListenerEnvironment::new(client.clone()));
    let mut manager = connect(&client, &environment, &settings, &app, &ears).await;
    let mut tick = tokio::time::interval(Duration::from_secs(5));
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = tick.tick() => {}
        }
        desk.tidy();
        if ears.health().hung() {
            tracing::error!(
                after_s = HUNG.as_secs(),
                "no Slack connection: building all of them anew"
            );
            manager.shutdown().await;
            *ears.health() = Health::new();
            manager = connect(&client, &environment, &settings, &app, &ears).await;
        }
    }
    tracing::info!("Slack: stopping; finishing accepted questions");
    desk.finish().await;
    manager.shutdown().await;
    // The crate closes its sockets on tasks of its own.
    tokio::time::sleep(Duration::from_millis(100)).await;
}

async fn connect(
    client: &SlackHyperClient,
    environment: &Arc<slack_morphism::prelude::SlackHyperListenerEnvironment>,
    settings: &SlackClientSocketModeConfig,
    app: &SlackApiToken,
    ears: &Arc<Ears>,
) -> Arc<Manager> {
    let manager = client
        .http_api
        .connector
        .new_clients_manager(environment.clone());
    *lock(&ears.manager) = Some(Arc::downgrade(&manager));
    // Fails only where its signature allows it: the crate's implementation always succeeds.
    if let Err(error) = manager
        .register_new_token(settings, app.clone(), ears.clone())
        .await
    {
        tracing::error!(%error, "Slack connections could not be set up");
    }
    manager.start().await;
    manager
}

/// The state of the connections.
struct Health {
    /// Since when each open connection has been greeted.
    open: HashMap<String, Instant>,
    /// Since when there has been none, a deliberate pause not counted.
    down_since: Instant,
    /// Connections in a row that did not last.
    failed: u32,
}

impl Health {
    fn new() -> Self {
        Self {
            open: HashMap::new(),
            down_since: Instant::now(),
            failed: 0,
        }
    }

    fn hung(&self) -> bool {
        // `down_since` lies in the future during a pause.
        self.open.is_empty()
            && Instant::now()
                .checked_duration_since(self.down_since)
                .is_some_and(|d| d > HUNG)
    }

    /// Notes the end of a connection; returns how long to wait before the next one.
    fn closed(&mut self, id: &str, reason: &str) -> Duration {
        let lasted = self.open.remove(id).map(|since| since.elapsed());
        self.failed = match lasted {
            Some(lasted) if lasted >= GOOD => 0,
            _ => self.failed + 1,
        };
        let pause = pause(self.failed, reason);
        self.down_since = Instant::now() + pause;
        pause
    }
}

/// The first early end is free: Slack also closes young connections to move them elsewhere.
fn pause(failed: u32, reason: &str) -> Duration {
    let least = if reason == "link_disabled" {
        Duration::from_secs(30)
    } else {
        Duration::ZERO
    };
    let grown = match failed {
        0 | 1 => Duration::ZERO,
        n => Duration::from_secs(1 << (n - 2).min(20)),
    };
    grown.max(least).min(LONGEST_PAUSE)
}

/// What listens at every connection.
struct Ears {
    desk: Arc<Desk>,
    /// The bot's own user id.
    me: String,
    /// Event ids, and channel with timestamp: a mention in a direct message arrives twice under two ids.
    seen: moka::future::Cache<String, ()>,
    manager: Mutex<Option<Weak<Manager>>>,
    health: Mutex<Health>,
    stop: CancellationToken,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that is guarded here can be left half-written.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A frame; only what is used.
#[derive(Deserialize)]
struct Frame {
    #[serde(rename = "type")]
    kind: String,
    envelope_id: Option<String>,
    #[serde(default)]
    accepts_response_payload: bool,
    #[serde(default)]
    payload: Value,
    reason: Option<String>,
}

#[derive(Deserialize)]
struct EventPayload {
    event_id: String,
    event: Event,
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    channel: Option<String>,
    channel_type: Option<String>,
    user: Option<String>,
    bot_id: Option<String>,
    subtype: Option<String>,
    text: Option<String>,
    ts: Option<String>,
    thread_ts: Option<String>,
}

#[derive(Deserialize)]
struct Command {
    command: String,
    #[serde(default)]
    text: String,
    response_url: SlackResponseUrl,
    trigger_id: Option<String>,
}

#[async_trait::async_trait]
impl SlackSocketModeClientListener for Ears {
    async fn on_message(&self, id: &SlackSocketModeWssClientId, body: String) -> Option<String> {
        let frame: Frame = match serde_json::from_str(&body) {
            Ok(frame) => frame,
            Err(error) => {
                unreadable("frame", &error);
                return None;
            }
        };
        match frame.kind.as_str() {
            "hello" => {
                self.health().open.insert(id.to_string(), Instant::now());
                tracing::info!(connection = id.to_string(), "connected to Slack");
                return None;
            }
            "disconnect" => {
                self.reconnect(id, frame.reason.as_deref().unwrap_or("no reason given"))
                    .await;
                return None;
            }
            _ => {}
        }
        let envelope_id = frame.envelope_id?;
        if self.stop.is_cancelled() {
            // Not acknowledged: Slack delivers it again, to whoever is there by then.
            return None;
        }
        let mut ack = json!({"envelope_id": envelope_id});
        match frame.kind.as_str() {
            "events_api" => match serde_json::from_value(frame.payload) {
                Ok(payload) => self.event(payload).await,
                Err(error) => unreadable("event", &error),
            },
            "slash_commands" => match serde_json::from_value(frame.payload) {
                Ok(command) => {
                    if let Some(text) = self.command(command, &envelope_id).await
                        && frame.accepts_response_payload
                    {
                        ack["payload"] = json!({"response_type": "ephemeral", "text": text});
                    }
                }
                Err(error) => unreadable("command", &error),
            },
            // Buttons that only open a link are reported too, and want nothing but the acknowledgement.
            _ => {}
        }
        Some(ack.to_string())
    }

    async fn on_error(&self, _error: Box<dyn std::error::Error + Send + Sync>) {
        // Reported by the crate already, and its text may quote a frame.
    }

    async fn on_disconnect(&self, id: &SlackSocketModeWssClientId) {
        self.reconnect(id, "connection lost").await;
    }
}

impl Ears {
    fn health(&self) -> MutexGuard<'_, Health> {
        lock(&self.health)
    }

    /// Replaces a connection, at once or after a pause where the ones before did not last.
    async fn reconnect(&self, id: &SlackSocketModeWssClientId, reason: &str) {
        let connection = id.to_string();
        let pause = self.health().closed(&connection, reason);
        let pause_s = pause.as_secs();
        if reason == "link_disabled" {
            tracing::error!(
                connection,
                pause_s,
                "Slack closed the connection: Socket Mode is turned off; turn it on in the app's settings"
            );
        } else if pause.is_zero() {
            tracing::info!(
                connection,
                reason,
                "Slack closed a connection; opening another"
            );
        } else {
            tracing::warn!(
                connection,
                reason,
                pause_s,
                "Slack keeps closing connections; pausing"
            );
        }
        tokio::select! {
            () = self.stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        let manager = lock(&self.manager).as_ref().and_then(Weak::upgrade);
        if let Some(manager) = manager {
            manager.restart_client(id).await;
        }
    }

    /// Whether this is the first time that `key` is seen. One step, so that two deliveries that
    /// arrive on two connections at once cannot both be first.
    async fn first(&self, key: String) -> bool {
        self.seen.entry(key).or_insert(()).await.is_fresh()
    }

    async fn event(&self, EventPayload { event_id, event }: EventPayload) {
        let direct = event.kind == "message" && event.channel_type.as_deref() == Some("im");
        // In a channel a mention also arrives as `message`, if the app is subscribed to those; the
        // other copy is the one to answer, so this one must not count as seen.
        if !(direct || event.kind == "app_mention") || event.subtype.is_some() {
            return;
        }
        let (Some(channel), Some(ts), Some(user)) = (event.channel, event.ts, event.user) else {
            return;
        };
        // Two bots that answer each other never stop.
        if event.bot_id.is_some() || user == self.me {
            return;
        }
        let known = !self.first(event_id).await;
        if !self.first(format!("{channel}/{ts}")).await || known {
            tracing::debug!("an event was delivered again and ignored");
            return;
        }
        let thread_ts = if direct {
            event.thread_ts
        } else {
            Some(event.thread_ts.unwrap_or(ts.clone()))
        };
        let target = Target::Message {
            channel: channel.clone(),
            thread_ts,
        };
        let question = Question {
            intent: Intent::Ask,
            text: event.text.unwrap_or_default(),
            target: target.clone(),
            message: Some((channel, ts)),
        };
        if let Err(instead) = self.desk.accept(question) {
            self.desk.note(target, instead);
        }
    }

    /// Starts on a command; returns what the acknowledgement should say instead, if anything.
    async fn command(&self, command: Command, envelope_id: &str) -> Option<String> {
        let key = command.trigger_id.unwrap_or_else(|| envelope_id.to_owned());
        if !self.first(key).await {
            return None;
        }
        let intent = match command.command.as_str() {
            "/ask" => Intent::Ask,
            "/code" => Intent::Code,
            _ => return Some(usage(Intent::Ask)),
        };
        let target = Target::Private(command.response_url);
        self.desk
            .accept(Question {
                intent,
                text: command.text,
                target,
                message: None,
            })
            .err()
    }
}

/// The place and kind of a mistake, and never the parser's own words, which quote the input.
fn unreadable(what: &str, error: &serde_json::Error) {
    tracing::warn!(
        what,
        kind = ?error.classify(),
        line = error.line(),
        column = error.column(),
        "Slack sent something that could not be read; it was acknowledged and ignored"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_a_good_connection_resets_them() {
        let seconds = |n, reason: &str| pause(n, reason).as_secs();
        assert_eq!(
            [0, 1, 2, 3, 4, 99].map(|n| seconds(n, "warning")),
            [0, 0, 1, 2, 4, 300]
        );
        assert_eq!(seconds(1, "link_disabled"), 30);

        let mut health = Health::new();
        for _ in 0..5 {
            health.closed("1", "warning");
        }
        assert_eq!(health.failed, 5);
        if let Some(long_ago) = Instant::now().checked_sub(GOOD) {
            health.open.insert("1".to_owned(), long_ago);
            assert_eq!(health.closed("1", "refresh_requested"), Duration::ZERO);
        }
    }

    #[test]
    fn a_pause_is_not_taken_for_a_hang() {
        let mut health = Health::new();
        health.closed("1", "link_disabled");
        assert!(!health.hung());
        if let Some(long_ago) = Instant::now().checked_sub(HUNG + GOOD) {
            health.down_since = long_ago;
            assert!(health.hung());
            health.open.insert("2".to_owned(), Instant::now());
            assert!(!health.hung());
        }
    }
}
