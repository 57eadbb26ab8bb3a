//! One connection to Slack, kept up: a new one before the old ends where Slack gives notice, otherwise
//! after a pause that grows while connections do not last.
//!
//! slack-morphism opens the websocket, watches it by pings and would reopen it at once and for ever.
//! Here each connection is used once and this module decides when the next is opened: `link_disabled`
//! would otherwise come back three times a second.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use slack_morphism::clients_manager::{
    SlackSocketModeClientsManager, SlackSocketModeClientsManagerFactory,
};
use slack_morphism::prelude::{
    SlackApiToken, SlackClientEventsListenerEnvironment, SlackClientSocketModeConfig,
    SlackSocketModeClientListener, SlackSocketModeWssClientId,
};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use casebook_desk::Meters;

use crate::api::{Me, Slack, Trouble};
use crate::listen::{Heard, Listener};
use crate::{PLATFORM, SlackError};

/// Slack greets at once; slack-morphism tries four times in this time.
const HELLO_WITHIN: Duration = Duration::from_secs(20);
const TRY_EVERY_S: u64 = 5;
const PING_EVERY_S: u64 = 15;
/// Missing answers to pings after which a connection counts as dead: 30 to 45 s.
const MISSED_PINGS: u64 = 2;
/// A connection that lasts this long was a good one.
const STEADY: Duration = Duration::from_secs(30);
/// Connections in a row that Slack ends with `link_disabled` before we believe that Socket Mode is off.
const DISABLED: u32 = 3;

/// The bot's user and workspace, once Slack accepts the tokens.
pub(crate) async fn introduce(slack: &Slack) -> Result<Me, SlackError> {
    let mut pause = Pause::default();
    loop {
        let trouble = match slack.who_am_i().await {
            Ok(me) if slack.app_token.is_none() => return Ok(me),
            Ok(me) => match slack.may_connect().await {
                Ok(()) => return Ok(me),
                Err(trouble) => app_token_refused(trouble)?,
            },
            Err(trouble) => bot_token_refused(trouble)?,
        };
        let pause = pause.next();
        tracing::warn!(
            pause_ms = pause.as_millis(),
            "Slack cannot be reached: {trouble}"
        );
        sleep(pause).await;
    }
}

/// Keeps a connection until `stop` is cancelled.
pub(crate) async fn keep(
    slack: &Slack,
    token: &SlackApiToken,
    listener: &Arc<Listener>,
    meters: &Meters,
    stop: &CancellationToken,
) -> Result<(), SlackError> {
    let mut pause = Pause::default();
    let mut replaced = None;
    let mut disabled = 0;
    let mut first = true;
    loop {
        if !std::mem::take(&mut first) {
            meters.reconnected(PLATFORM);
        }
        let mut connection = Connection::open(slack, token, listener).await;
        let opened = Instant::now();
        let Some(end) = stop
            .run_until_cancelled(connection.serve(&mut replaced, meters))
            .await
        else {
            connection.close().await;
            if let Some(replaced) = replaced {
                replaced.close().await;
            }
            return Ok(());
        };
        let steady = opened.elapsed() >= STEADY;
        if steady {
            pause = Pause::default();
        }
        disabled = match end {
            End::Disabled if steady => 1,
            End::Disabled => disabled + 1,
            _ => 0,
        };
        match end {
            // It serves until the next one does.
            End::Refresh => replaced = Some(connection),
            End::Never | End::Disabled | End::Other(_) => {
                meters.connected(PLATFORM, false);
                connection.close().await;
            }
        }
        match end {
            End::Disabled if disabled >= DISABLED => return Err(SlackError::LinkDisabled),
            End::Disabled => tracing::warn!("Slack has ended the connection with link_disabled"),
            End::Refresh if steady => continue,
            End::Refresh => {
                tracing::warn!("Slack replaces a connection soon after it was opened");
            }
            End::Other(reason) => {
                tracing::warn!("the connection to Slack has ended: {reason}");
            }
            End::Never => {
                let why = match slack.may_connect().await {
                    Ok(()) => "the websocket cannot be opened, or Slack does not greet".into(),
                    Err(trouble) => app_token_refused(trouble)?.to_string(),
                };
                tracing::warn!("no connection to Slack: {why}");
            }
        }
        let pause = pause.next();
        tracing::info!(
            pause_ms = pause.as_millis(),
            "connecting to Slack again after a pause"
        );
        if stop.run_until_cancelled(sleep(pause)).await.is_none() {
            return Ok(());
        }
    }
}

/// Why a connection is over.
enum End {
    /// Slack will close it within seconds and wants a new one first.
    Refresh,
    /// It was never greeted.
    Never,
    /// Slack says that Socket Mode is switched off for the app.
    Disabled,
    Other(String),
}

struct Connection {
    manager: Arc<dyn SlackSocketModeClientsManager + Send + Sync>,
    heard: UnboundedReceiver<Heard>,
}

impl Connection {
    async fn open(slack: &Slack, token: &SlackApiToken, listener: &Arc<Listener>) -> Self {
        let environment = SlackClientEventsListenerEnvironment::new(slack.client.clone());
        let connector = &slack.client.http_api.connector;
        let manager = connector.new_clients_manager(Arc::new(environment));
        let config = SlackClientSocketModeConfig::new()
            .with_max_connections_count(1)
            .with_reconnect_timeout_in_seconds(TRY_EVERY_S)
            .with_ping_interval_in_seconds(PING_EVERY_S)
            .with_ping_failure_threshold_times(MISSED_PINGS);
        let (tell, heard) = mpsc::unbounded_channel();
        let ear = Arc::new(Ear {
            listener: listener.clone(),
            tell,
        });
        // This only fills a list; it has no way to fail.
        manager
            .register_new_token(&config, token.clone(), ear)
            .await
            .ok();
        manager.start().await;
        Self { manager, heard }
    }

    /// Waits for the connection's end. Once it is greeted, the one that it replaces is closed.
    async fn serve(&mut self, replaced: &mut Option<Self>, meters: &Meters) -> End {
        let Ok(mut heard) = timeout(HELLO_WITHIN, self.heard.recv()).await else {
            return End::Never;
        };
        loop {
            match heard {
                Some(Heard::Hello) => {
                    tracing::info!("connected to Slack");
                    meters.connected(PLATFORM, true);
                    if let Some(replaced) = replaced.take() {
                        replaced.close().await;
                    }
                }
                Some(Heard::Goodbye(reason)) => return ending(reason),
                Some(_) => {}
                None => return End::Other("its task has ended".into()),
            }
            heard = self.heard.recv().await;
        }
    }

    async fn close(&self) {
        self.manager.shutdown().await;
    }
}

fn ending(reason: String) -> End {
    match reason.as_str() {
        "warning" | "refresh_requested" => End::Refresh,
        "link_disabled" => End::Disabled,
        _ => End::Other(reason),
    }
}

/// The end of a websocket that hears.
struct Ear {
    listener: Arc<Listener>,
    tell: UnboundedSender<Heard>,
}

#[async_trait]
impl SlackSocketModeClientListener for Ear {
    async fn on_message(&self, _: &SlackSocketModeWssClientId, body: String) -> Option<String> {
        match self.listener.hear(&body) {
            Heard::Acknowledge(frame) => return Some(frame),
            Heard::Nothing => {}
            heard => {
                // Nobody listens to a connection that is being replaced.
                self.tell.send(heard).ok();
            }
        }
        None
    }

    async fn on_error(&self, _: Box<dyn std::error::Error + Send + Sync>) {
        // The loss of the connection follows and is told; the error's own words can hold a frame.
    }

    async fn on_disconnect(&self, _: &SlackSocketModeWssClientId) {
        self.tell
            .send(Heard::Goodbye("the connection is lost".into()))
            .ok();
    }
}

/// Pauses of up to 1, 2, 4 … 60 s, and half of that at least: replicas that lost Slack together do not come back
/// together.
#[derive(Default)]
struct Pause(u32);

impl Pause {
    fn next(&mut self) -> Duration {
        let most = 1000 * 1_u64.checked_shl(self.0).unwrap_or(u64::MAX).min(60);
        self.0 = self.0.saturating_add(1);
        Duration::from_millis(fastrand::u64(most / 2..=most))
    }
}

fn bot_token_refused(trouble: Trouble) -> Result<Trouble, SlackError> {
    refused(trouble, "auth.test", "bot token", "bot_token")
}

fn app_token_refused(trouble: Trouble) -> Result<Trouble, SlackError> {
    refused(
        trouble,
        "apps.connections.open",
        "app-level token",
        "app_token",
    )
}

/// Gives the trouble back unless it is about the token, which time does not mend.
fn refused(
    trouble: Trouble,
    method: &'static str,
    token: &'static str,
    key: &'static str,
) -> Result<Trouble, SlackError> {
    const LASTING: [&str; 9] = [
        "access_denied",
        "account_inactive",
        "invalid_auth",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "token_expired",
        "token_revoked",
    ];
    match trouble {
        Trouble::Refused(code) if LASTING.contains(&code.as_str()) => Err(SlackError::Token {
            method,
            code,
            token,
            key,
        }),
        other => Ok(other),
    }
}

#[cfg(test)]
mod tests {
    use super::Pause;

    #[test]
    fn replicas_do_not_come_back_together() {
        let pauses: std::collections::HashSet<_> = (0..50).map(|_| Pause(6).next()).collect();
        assert!(pauses.len() > 1);
    }

    #[test]
    fn pauses_grow_to_a_minute() {
        let mut pause = Pause::default();
        for most in [1, 2, 4, 8, 16, 32].into_iter().chain([60; 70]) {
            let pause = pause.next().as_millis();
            assert!(
                (500 * most..=1000 * most).contains(&pause),
                "{pause} of {most} s"
            );
        }
    }
}
