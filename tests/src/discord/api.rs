//! The HTTP API: what Discord does on each call that a bot like ours makes, and what it refuses.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{
    BOT, CHANNEL, Call, DIRECT, GUILD, How, Inner, OPENED, Shared, TOKEN, bot, limits, message,
    person,
};

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
        Some(How::Refused(status, code)) => (*status, json!({"message": "refused", "code": code})),
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
    let ahead = shared.change(|inner| inner.ahead);
    let there = chrono::DateTime::from_timestamp(crate::slack::now() + ahead, 0).expect("a time");
    let there = there.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let date = there.parse().expect("a header");
    response.headers_mut().insert("date", date);
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
        ["GET", "gateway", "bot"] => (
            200,
            json!({
                "url": inner.url.replace("http:", "ws:") + "/gateway", "shards": inner.shards,
                "session_start_limit": {"total": 1000, "remaining": 999, "reset_after": 1, "max_concurrency": 1},
            }),
        ),
        ["GET", "users", "@me"] => (200, bot()),
        ["GET", "oauth2", "applications", "@me"] => (200, application(&inner.application)),
        ["GET", "users", "@me", "guilds"] => {
            let server =
                |n: u64| json!({"id": (GUILD + n).to_string(), "name": "a server", "owner": false});
            (200, (0..inner.servers).map(server).collect())
        }
        ["POST", "users", "@me", "channels"] => (
            200,
            json!({"id": OPENED.to_string(), "type": 1, "recipients": [person()], "last_message_id": null}),
        ),
        ["GET", "channels", id] => match inner.threads.get(&id.parse().unwrap_or(0)) {
            Some(thread) => (200, thread.clone()),
            None => (200, channel(id.parse().unwrap_or(CHANNEL))),
        },
        ["POST", "channels", parent, "messages", id, "threads"] => {
            if let Some(error) = limits::thread(body) {
                return bad(error);
            }
            let id: u64 = id.parse().unwrap_or(0);
            if inner.threads.contains_key(&id) {
                return bad(
                    json!({"code": 160004, "message": "A thread has already been created for this message"}),
                );
            }
            let parent = parent.parse().unwrap_or(CHANNEL);
            let name = body["name"].as_str().unwrap_or("");
            let thread = thread(id, parent, name, BOT);
            inner.threads.insert(id, thread.clone());
            (201, thread)
        }
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
        ["POST", "interactions", _, token, "callback"] => callback(inner, token, body),
        ["PATCH", "webhooks", _, token, "messages", "@original"] => {
            if let Some(error) = limits::message(body) {
                return bad(error);
            }
            match inner
                .interactions
                .get_mut(*token)
                .filter(|i| matches!(i.first, Some(4..=7)))
            {
                None => (404, json!({"code": 10015, "message": "Unknown Webhook"})),
                Some(interaction) => {
                    interaction.answer = Some(body.clone());
                    inner.filled += 1;
                    let mut reply = message(interaction.message, CHANNEL, "");
                    reply["embeds"] = body["embeds"].clone();
                    (200, reply)
                }
            }
        }
        ["GET", "webhooks", _, token, "messages", "@original"] => {
            match inner
                .interactions
                .get(*token)
                .filter(|i| i.first.is_some() && !i.withdrawn)
            {
                None => (404, json!({"code": 10015, "message": "Unknown Webhook"})),
                Some(interaction) => {
                    const LOADING: u64 = 128;
                    let mut reply = message(interaction.message, CHANNEL, "");
                    let waits = if interaction.answer.is_none() {
                        LOADING
                    } else {
                        0
                    };
                    reply["flags"] = json!(interaction.flags | waits);
                    (200, reply)
                }
            }
        }
        ["POST", "webhooks", _, token] => {
            if let Some(error) = limits::message(body) {
                return bad(error);
            }
            let id = inner.id();
            match inner
                .interactions
                .get_mut(*token)
                .filter(|i| i.first.is_some())
            {
                None => (404, json!({"code": 10015, "message": "Unknown Webhook"})),
                Some(interaction) => {
                    let mut added = body.clone();
                    added["id"] = json!(id.to_string());
                    interaction.added.push(added);
                    let mut reply = message(id, CHANNEL, "");
                    reply["embeds"] = body["embeds"].clone();
                    (200, reply)
                }
            }
        }
        ["DELETE", "webhooks", _, token, "messages", "@original"] => {
            match inner
                .interactions
                .get_mut(*token)
                .filter(|i| i.first.is_some())
            {
                None => (404, json!({"code": 10015, "message": "Unknown Webhook"})),
                Some(interaction) => {
                    interaction.withdrawn = true;
                    (204, Value::Null)
                }
            }
        }
        ["GET", "channels", _, "messages", id] => {
            match inner.gateway.message(id.parse().unwrap_or(0)) {
                Some(message) => (200, message),
                None => (404, json!({"code": 10008, "message": "Unknown Message"})),
            }
        }
        ["GET", "channels", channel, "messages"] => {
            let posted = inner.posts.iter().filter(|p| p["channel_id"] == *channel);
            (200, posted.cloned().collect())
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
            for key in [
                "content",
                "embeds",
                "components",
                "nonce",
                "message_reference",
                "allowed_mentions",
            ] {
                post[key] = body.get(key).cloned().unwrap_or(post[key].take());
            }
            if !post["message_reference"].is_null() {
                post["message_reference"]["channel_id"] = json!(channel);
                post["message_reference"]["type"] = json!(0);
            }
            inner.posts.push(post.clone());
            (200, post)
        }
        _ => (404, json!({"code": 0, "message": "404: Not Found"})),
    }
}

/// The first reply to an interaction.
fn callback(inner: &mut Inner, token: &str, body: &Value) -> (u16, Value) {
    let unknown = || {
        (
            404,
            json!({"code": 10062, "message": "Unknown interaction"}),
        )
    };
    let kind = body["type"].as_u64().unwrap_or(0);
    let data = &body["data"];
    let Some(interaction) = inner.interactions.get_mut(token) else {
        return unknown();
    };
    if interaction.first.is_some() {
        let error = json!({"code": 40060, "message": "Interaction has already been acknowledged."});
        return (400, error);
    }
    if interaction.since.elapsed() > Duration::from_secs(3) {
        return unknown();
    }
    let refused = match kind {
        4 | 7 => limits::message(data),
        8 => limits::choices(data),
        9 => limits::form(data),
        5 | 6 => None,
        _ => Some(json!({"code": 50035, "message": "Invalid Form Body"})),
    };
    if let Some(error) = refused {
        return (400, error);
    }
    interaction.first = Some(kind);
    match kind {
        4 | 5 => interaction.flags = data["flags"].as_u64().unwrap_or(0),
        8 => interaction.choices = Some(data.clone()),
        9 => interaction.form = Some(data.clone()),
        _ => {}
    }
    if let 4 | 7 = kind {
        interaction.answer = Some(data.clone());
    }
    (204, Value::Null)
}

fn channel(id: u64) -> Value {
    let kind = if id == DIRECT { 1 } else { 0 };
    json!({
        "id": id.to_string(), "type": kind, "guild_id": GUILD.to_string(), "name": "coding", "position": 0,
        "permission_overwrites": [], "last_message_id": null, "recipients": [person()],
    })
}

/// A public thread as Discord describes it.
pub(super) fn thread(id: u64, parent: u64, name: &str, owner: u64) -> Value {
    let mut thread = channel(id);
    thread["type"] = json!(11);
    thread["parent_id"] = json!(parent.to_string());
    thread["name"] = json!(name);
    thread["owner_id"] = json!(owner.to_string());
    thread["thread_metadata"] = json!({
        "archived": false, "auto_archive_duration": 1440, "locked": false,
        "archive_timestamp": "2026-11-24T12:00:00Z",
    });
    thread
}

fn application(change: &Value) -> Value {
    let mut application = json!({
        "id": BOT.to_string(), "name": "Casebook", "icon": null, "description": "", "bot_public": true,
        "bot_require_code_grant": false, "verify_key": "", "team": null, "summary": "", "flags": 0,
        "owner": person(),
    });
    for (key, value) in change.as_object().into_iter().flatten() {
        application[key] = value.clone();
    }
    application
}

/// A command as Discord gives it back: with ids and defaults added.
fn as_registered(id: u64, mut command: Value) -> Value {
    command["id"] = json!(id.to_string());
    command["application_id"] = json!(BOT.to_string());
    command["version"] = json!(id.to_string());
    command["default_member_permissions"] = Value::Null;
    command["dm_permission"] = json!(true);
    if command["type"].is_null() {
        command["type"] = json!(1);
    }
    if command["description"].is_null() {
        command["description"] = json!("");
    }
    command
}
