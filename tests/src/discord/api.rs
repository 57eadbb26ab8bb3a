//! The HTTP API: what Discord does on each call that a bot like ours makes, and what it refuses.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{BOT, CHANNEL, Call, How, Inner, Shared, TOKEN, bot, limits, message};

pub(super) async fn api(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri
        .path()
        .strip_prefix("/api/v10")
        .unwrap_or(uri.path())
        .to_owned();
    let what = format!("{method} {path}");
    let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let at = Instant::now();
    let how = shared.change(|inner| {
        let found = inner
            .faults
            .iter()
            .position(|(wanted, _)| what.contains(wanted.as_str()));
        found.map(|i| inner.faults.remove(i).1)
    });
    if let Some(How::Slow(wait)) = how {
        tokio::time::sleep(wait).await;
    }
    let authorized = headers
        .get("authorization")
        .is_some_and(|h| h == format!("Bot {TOKEN}").as_str());
    let (status, reply) = match &how {
        Some(How::TooMany(seconds)) => (
            429,
            json!({"message": "You are being rate limited.", "retry_after": seconds, "global": false, "code": 0}),
        ),
        Some(How::Status(status)) => (
            *status,
            json!({"message": "Internal Server Error", "code": 0}),
        ),
        // Where the gateway is, anybody may ask.
        _ if !authorized && !what.ends_with("/gateway") => {
            (401, json!({"message": "401: Unauthorized", "code": 0}))
        }
        _ => shared.change(|inner| act(inner, &what, &body)),
    };
    shared.change(|inner| {
        inner.calls.push(Call {
            at,
            what,
            body,
            status,
        })
    });
    if matches!(how, Some(How::Lost)) {
        std::future::pending::<()>().await;
    }
    let status = StatusCode::from_u16(status).expect("a status");
    let mut response = (status, reply.to_string()).into_response();
    if let Some(How::TooMany(seconds)) = how {
        response.headers_mut().insert(
            "retry-after",
            seconds.to_string().parse().expect("a number"),
        );
    }
    response
}

/// What Discord does on a call.
fn act(inner: &mut Inner, what: &str, body: &Value) -> (u16, Value) {
    let parts: Vec<&str> = what.split(['/', ' ']).filter(|p| !p.is_empty()).collect();
    let bad = |error: Value| (400, error);
    match parts.as_slice() {
        ["GET", "gateway"] => (
            200,
            json!({"url": inner.url.replace("http:", "ws:") + "/gateway"}),
        ),
        ["GET", "users", "@me"] => (200, bot()),
        [verb, "applications", _, place @ .., "commands"] => {
            let place = if place.is_empty() { "global" } else { "guild" };
            if *verb == "PUT" {
                if let Some(error) = limits::commands(body) {
                    return bad(error);
                }
                let list = body.as_array().cloned().unwrap_or_default();
                let list = list
                    .into_iter()
                    .map(|c| as_registered(inner.id(), c))
                    .collect();
                inner.commands.insert(place.into(), list);
            }
            (
                200,
                json!(inner.commands.get(place).cloned().unwrap_or_default()),
            )
        }
        ["POST", "interactions", _, token, "callback"] => {
            let Some(interaction) = inner.interactions.get_mut(*token) else {
                return (
                    404,
                    json!({"code": 10062, "message": "Unknown interaction"}),
                );
            };
            if interaction.acknowledged {
                return bad(
                    json!({"code": 40060, "message": "Interaction has already been acknowledged."}),
                );
            }
            if interaction.since.elapsed() > Duration::from_secs(3) {
                return (
                    404,
                    json!({"code": 10062, "message": "Unknown interaction"}),
                );
            }
            interaction.acknowledged = true;
            interaction.flags = body["data"]["flags"].as_u64().unwrap_or(0);
            (204, Value::Null)
        }
        ["PATCH", "webhooks", _, token, "messages", "@original"] => {
            if let Some(error) = limits::message(body) {
                return bad(error);
            }
            let id = inner.id();
            match inner
                .interactions
                .get_mut(*token)
                .filter(|i| i.acknowledged)
            {
                None => (404, json!({"code": 10015, "message": "Unknown Webhook"})),
                Some(interaction) => {
                    interaction.answer = Some(body.clone());
                    let mut reply = message(id, CHANNEL, "");
                    reply["embeds"] = body["embeds"].clone();
                    (200, reply)
                }
            }
        }
        ["POST", "channels", _, "typing"] => (204, Value::Null),
        ["POST", "channels", channel, "messages"] => {
            if let Some(error) = limits::message(body) {
                return bad(error);
            }
            let nonce = &body["nonce"];
            let posted = inner
                .posts
                .iter()
                .find(|p| p["nonce"] == *nonce && p["channel_id"] == *channel);
            if let (true, false, Some(posted)) =
                (body["enforce_nonce"] == true, nonce.is_null(), posted)
            {
                return (200, posted.clone());
            }
            let mut post = message(inner.id(), channel.parse().unwrap_or(CHANNEL), "");
            for key in ["embeds", "nonce", "message_reference", "allowed_mentions"] {
                post[key] = body[key].clone();
            }
            inner.posts.push(post.clone());
            (200, post)
        }
        _ => (404, json!({"code": 0, "message": "404: Not Found"})),
    }
}

/// A command as Discord gives it back: with ids and defaults added.
fn as_registered(id: u64, mut command: Value) -> Value {
    command["id"] = json!(id.to_string());
    command["application_id"] = json!(BOT.to_string());
    command["version"] = json!(id.to_string());
    command["default_member_permissions"] = Value::Null;
    command["dm_permission"] = json!(true);
    command["type"] = json!(1);
    command
}
