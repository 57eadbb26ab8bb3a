//! The other way in: Discord sends interactions to us over HTTP, signed with Ed25519.
//!
//! A request proves that it comes from Discord before anything in it is read, and that it is new: the signature covers a
//! timestamp, whose age is checked here. Inside that window a repeated request is the same
//! interaction, which is claimed once. The first reply goes the same way as with the gateway, by Discord's callback
//! address, for which Discord asks that the request be answered with 202 and no body.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use ed25519_dalek::{Signature, VerifyingKey};
use serenity::all::Interaction;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::DiscordError;
use crate::front::Front;

/// How far a signed timestamp may lie from now, either way.
const AGE: Duration = Duration::from_secs(300);
/// An interaction is some kilobytes; a form's text and a message's embeds make it some tens.
const BODY: usize = 512 * 1024;

/// Where and for whom interactions are received.
pub(crate) struct Endpoint {
    listener: TcpListener,
    key: VerifyingKey,
}

impl Endpoint {
    /// Binds the address.
    pub async fn bind(address: &str, public_key: &str) -> Result<Self, DiscordError> {
        let key = hex(public_key.trim())
            .and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok())
            .ok_or(DiscordError::PublicKey)?;
        let listener = TcpListener::bind(address)
            .await
            .map_err(|why| DiscordError::Listen {
                address: address.to_owned(),
                why: why.to_string(),
            })?;
        if let Ok(address) = listener.local_addr() {
            tracing::info!(%address, "waiting for Discord's interactions");
        }
        Ok(Self { listener, key })
    }

    /// Receives until `stop` is cancelled.
    pub async fn serve(
        self,
        front: Arc<Front>,
        stop: CancellationToken,
    ) -> Result<(), DiscordError> {
        let app = Router::new()
            .route("/", post(receive))
            .route("/interactions", post(receive))
            .route("/health", get(async || StatusCode::NO_CONTENT))
            .layer(DefaultBodyLimit::max(BODY))
            .with_state((front, self.key));
        axum::serve(self.listener, app)
            .with_graceful_shutdown(async move { stop.cancelled().await })
            .await
            .map_err(|why| DiscordError::Gateway(format!("the endpoint stopped: {why}")))
    }
}

/// Bytes that are written in hexadecimal digits, exactly so many.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != 2 * N || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// Whether Discord signed this timestamp with this body.
fn is_signed(key: &VerifyingKey, signature: &str, timestamp: &str, body: &[u8]) -> bool {
    let Some(bytes) = hex(signature) else {
        return false;
    };
    let message = [timestamp.as_bytes(), body].concat();
    key.verify_strict(&message, &Signature::from_bytes(&bytes))
        .is_ok()
}

async fn receive(
    State((front, key)): State<(Arc<Front>, VerifyingKey)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let header = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let timestamp = header("x-signature-timestamp");
    let signature = header("x-signature-ed25519");
    if !is_recent(timestamp) || !is_signed(&key, signature, timestamp, &body) {
        return (StatusCode::UNAUTHORIZED, "invalid request signature").into_response();
    }
    // The error would name a value of the request: it is not logged.
    let Ok(interaction) = serde_json::from_slice::<Interaction>(&body) else {
        tracing::warn!(
            "serenity cannot parse an interaction: a command goes unanswered. Look for a newer serenity"
        );
        return StatusCode::BAD_REQUEST.into_response();
    };
    if let Interaction::Ping(_) = interaction {
        let json = [(header::CONTENT_TYPE, "application/json")];
        return (json, r#"{"type":1}"#).into_response();
    }
    tokio::spawn(async move { front.interaction(interaction).await });
    StatusCode::ACCEPTED.into_response()
}

fn is_recent(timestamp: &str) -> bool {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |age| age.as_secs());
    timestamp
        .parse::<u64>()
        .is_ok_and(|signed| now.abs_diff(signed) <= AGE.as_secs())
}
