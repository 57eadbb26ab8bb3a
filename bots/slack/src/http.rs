//! The Events API over HTTPS, the other way in: one address for events, commands and interactions.
//!
//! slack-morphism verifies signatures (in constant time, within Slack's 300 s). Around that stands here what its own
//! listener leaves out: a body is read only up to a limit and within a time, and what was received once is not
//! received again.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use casebook_desk::Meters;
use moka::future::Cache;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use slack_morphism::signature_verifier::SlackEventSignatureVerifier;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::listen::{Delivery, Listener};
use crate::{PLATFORM, SlackError};

/// Slack's largest payloads, interactions with whole views, stay far below.
const BODY: usize = 1 << 20;
/// Slack itself gives up after 3 s.
const READ_WITHIN: Duration = Duration::from_secs(3);
/// A signature is good for 300 s before and after now.
const REMEMBER: Duration = Duration::from_secs(660);
const REMEMBERED: u64 = 100_000;
const DRAIN_WITHIN: Duration = Duration::from_secs(5);

struct Door {
    listener: Arc<Listener>,
    verifier: SlackEventSignatureVerifier,
    /// Signatures that have been received.
    received: Cache<String, ()>,
}

/// Receives until `stop` is cancelled.
pub(crate) async fn serve(
    address: SocketAddr,
    secret: &SecretString,
    listener: Arc<Listener>,
    meters: &Meters,
    stop: &CancellationToken,
) -> Result<(), SlackError> {
    let failed = |source| SlackError::Listen { address, source };
    let socket = TcpListener::bind(address).await.map_err(failed)?;
    tracing::info!(%address, "waiting for Slack over HTTP");
    meters.connected(PLATFORM, true);
    let door = Arc::new(Door {
        listener,
        verifier: SlackEventSignatureVerifier::new(&secret.expose_secret().to_owned().into()),
        received: Cache::builder()
            .max_capacity(REMEMBERED)
            .time_to_live(REMEMBER)
            .build(),
    });
    let app = Router::new()
        .route("/slack", post(receive))
        .with_state(door);
    let stopping = stop.clone().cancelled_owned();
    let mut server = tokio::spawn(
        axum::serve(socket, app)
            .with_graceful_shutdown(stopping)
            .into_future(),
    );
    let served = tokio::select! {
        served = &mut server => served,
        () = stop.cancelled() => match timeout(DRAIN_WITHIN, &mut server).await {
            Ok(served) => served,
            // A connection that does not end is cut.
            Err(_) => {
                server.abort();
                return Ok(());
            }
        },
    };
    match served {
        Ok(served) => served.map_err(failed),
        Err(_) => Err(failed(std::io::Error::other("the server's task failed"))),
    }
}

async fn receive(State(door): State<Arc<Door>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let (Some(signature), Some(at)) = (
        named(
            &head.headers,
            SlackEventSignatureVerifier::SLACK_SIGNED_HASH_HEADER,
        ),
        named(
            &head.headers,
            SlackEventSignatureVerifier::SLACK_SIGNED_TIMESTAMP,
        ),
    ) else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let body = match timeout(READ_WITHIN, to_bytes(body, BODY)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    let Ok(body) = std::str::from_utf8(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    if door.verifier.verify(signature, body, at).is_err() {
        tracing::warn!(
            "a request is refused: it is not signed with slack.signing_secret, or its time is off"
        );
        return StatusCode::UNAUTHORIZED.into_response();
    }
    if !door
        .received
        .entry(signature.to_owned())
        .or_insert(())
        .await
        .is_fresh()
    {
        tracing::warn!("a request that was received before is passed over");
        return StatusCode::OK.into_response();
    }
    // What cannot be read is Slack's to deliver only once: another status would bring it again.
    match read(named(&head.headers, header::CONTENT_TYPE.as_str()), body) {
        Some(Payload::Challenge(challenge)) => challenge.into_response(),
        Some(Payload::Delivery(delivery)) => match door.listener.take(delivery) {
            Some(answer) => {
                let json = [(header::CONTENT_TYPE, "application/json")];
                (json, answer.to_string()).into_response()
            }
            None => StatusCode::OK.into_response(),
        },
        None => StatusCode::OK.into_response(),
    }
}

fn named<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

enum Payload {
    /// Slack asks whether this address is the app's.
    Challenge(String),
    Delivery(Delivery),
}

fn read(kind: Option<&str>, body: &str) -> Option<Payload> {
    if kind.is_some_and(|kind| kind.starts_with("application/json")) {
        let payload: Value = serde_json::from_str(body).ok()?;
        return match payload["type"].as_str()? {
            "url_verification" => Some(Payload::Challenge(
                payload["challenge"].as_str()?.to_owned(),
            )),
            "event_callback" => Some(Payload::Delivery(Delivery::Event(payload))),
            _ => None,
        };
    }
    let form: HashMap<String, String> = form_urlencoded::parse(body.as_bytes())
        .into_owned()
        .collect();
    if let Some(payload) = form.get("payload") {
        let payload = serde_json::from_str(payload).ok()?;
        return Some(Payload::Delivery(Delivery::Interaction(payload)));
    }
    form.contains_key("command").then(|| {
        let payload = form
            .into_iter()
            .map(|(key, value)| (key, Value::String(value)));
        Payload::Delivery(Delivery::Command(payload.collect()))
    })
}

#[cfg(test)]
mod tests {
    use super::{Delivery, Payload, read};

    #[test]
    fn bodies_are_told_apart() {
        let json = Some("application/json; charset=utf-8");
        let challenge = read(json, r#"{"type": "url_verification", "challenge": "c"}"#);
        assert!(matches!(challenge, Some(Payload::Challenge(c)) if c == "c"));
        let event = read(json, r#"{"type": "event_callback", "event": {}}"#);
        assert!(matches!(event, Some(Payload::Delivery(Delivery::Event(_)))));
        let form = Some("application/x-www-form-urlencoded");
        let Some(Payload::Delivery(Delivery::Command(command))) =
            read(form, "command=%2Fask&text=low+back%26pain")
        else {
            panic!("a command")
        };
        assert_eq!(command["text"], "low back&pain");
        let click = read(form, "payload=%7B%22type%22%3A%22block_actions%22%7D");
        assert!(matches!(
            click,
            Some(Payload::Delivery(Delivery::Interaction(_)))
        ));
        for (kind, body) in [
            (json, "{"),
            (json, "[]"),
            (form, "ssl_check=1"),
            (form, "payload=x"),
        ] {
            assert!(read(kind, body).is_none(), "{body}");
        }
    }
}
