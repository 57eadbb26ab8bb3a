//! The other way in: events, commands and interactions over HTTP, and who is turned away.

use casebook_core::Intent;
use casebook_tests::answers::sample;
use casebook_tests::slack::bot::{Engine, Run, state};
use casebook_tests::slack::{Slack, form, now, request, sign};
use serde_json::{Value, json};
use std::sync::Arc;

const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
const JSON: &str = "application/json";

struct Door {
    slack: Slack,
    engine: Arc<Engine>,
    address: String,
    run: Run,
}

async fn open() -> Door {
    let slack = Slack::start().await;
    let engine = Engine::new(sample(), 1000);
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = free.local_addr().expect("bound").to_string();
    drop(free);
    let config = json!({"app_token": null, "listen": address, "signing_secret": SECRET});
    let run = Run::start(&slack, config, engine.clone(), state());
    slack.deliver_over_http(&address, SECRET);
    Door {
        slack,
        engine,
        address,
        run,
    }
}

fn is_answer(post: &Value) -> bool {
    post["blocks"]
        .to_string()
        .contains("FY2026 (April 2026) of ICD-10-CM is not in force")
}

fn mention() -> String {
    json!({
        "type": "event_callback", "event_id": "Ev1", "team_id": "T0",
        "event": {"type": "app_mention", "channel": "C0", "user": "U1", "ts": "1.1", "text": "<@U0BOT> M54.50"},
    })
    .to_string()
}

#[tokio::test]
async fn slack_is_answered_over_http_as_over_its_websocket() {
    let door = open().await;
    let slack = &door.slack;
    let (status, challenge) = slack
        .http(
            JSON,
            &json!({"type": "url_verification", "challenge": "3eZbrw1a"}).to_string(),
            0,
        )
        .await;
    assert_eq!((status, challenge.as_str()), (200, "3eZbrw1a"));
    slack.mention("C0", "M54.50").await;
    slack.posts(1).await;
    slack.command("/codes", "low back & neck pain").await;
    let private = slack.posts(2).await[1].clone();
    assert_eq!(
        door.engine.asked(),
        [
            (Intent::Ask, "M54.50".to_owned()),
            (Intent::Search, "low back & neck pain".to_owned())
        ]
    );
    slack.click(&private, "cb1:share:").await;
    slack.posts(3).await;
    slack.command("/case", "").await;
    let note = slack.views(1).await[0].clone();
    let errors = slack
        .submit(&note, json!({}))
        .await
        .expect("the form stays");
    assert_eq!(errors["response_action"], "errors");
    assert_eq!(
        slack.submit(&note, json!({"note": "Low back pain."})).await,
        None
    );
    let posts = slack.posts(4).await;
    assert!(is_answer(&posts[0]) && is_answer(&posts[2]) && is_answer(&posts[3]));
    // Socket Mode was not used at all, and it ends when it is told to.
    assert!(slack.calls("apps.connections.open", 0).await.is_empty());
    door.run.stop.cancel();
    door.run.running.await.expect("no panic").expect("no error");
}

#[tokio::test]
async fn a_command_that_cannot_be_read_is_told_at_once() {
    let door = open().await;
    let (status, body) = door
        .slack
        .http(
            "application/x-www-form-urlencoded",
            &form([("command", "/ask".to_owned())]),
            0,
        )
        .await;
    assert_eq!(status, 200);
    assert!(body.contains("could not read"), "{body}");
}

#[tokio::test]
async fn whoever_is_not_slack_is_turned_away() {
    let door = open().await;
    let body = mention();
    let send =
        async |head: String, body: &str| request(&door.address, &head, body.as_bytes()).await.0;
    let head = |at: i64, signature: &str| {
        format!(
            "Content-Type: {JSON}\r\nX-Slack-Request-Timestamp: {at}\r\nX-Slack-Signature: {signature}\r\n"
        )
    };
    let at = now();
    for (what, head) in [
        ("no signature", format!("Content-Type: {JSON}\r\n")),
        (
            "no time",
            format!("X-Slack-Signature: {}\r\n", sign(SECRET, at, &body)),
        ),
        ("another secret", head(at, &sign("another", at, &body))),
        (
            "another body",
            head(at, &sign(SECRET, at, &body.replace("C0", "C1"))),
        ),
        ("another time", head(at + 1, &sign(SECRET, at, &body))),
        ("too old", head(at - 301, &sign(SECRET, at - 301, &body))),
        ("too early", head(at + 330, &sign(SECRET, at + 330, &body))),
        ("no number", head(at, "v0=")),
        ("half of it", head(at, &sign(SECRET, at, &body)[..30])),
    ] {
        assert_eq!(send(head, &body).await, 401, "{what}");
    }
    assert_eq!(door.engine.asked(), []);
    assert_eq!(send(head(at, &sign(SECRET, at, &body)), &body).await, 200);
    door.slack.posts(1).await;
}

#[tokio::test]
async fn what_was_received_once_is_not_received_again() {
    let door = open().await;
    let (body, at) = (
        form([("payload", json!({"type": "unknown"}).to_string())]),
        now(),
    );
    let head = format!(
        "X-Slack-Request-Timestamp: {at}\r\nX-Slack-Signature: {}\r\nContent-Type: text/plain\r\n",
        sign(SECRET, at, &body)
    );
    assert_eq!(request(&door.address, &head, body.as_bytes()).await.0, 200);
    // A replay of a command, letter by letter: it is acknowledged and does nothing.
    let command = door.slack.commanded("/ask", "M54.50");
    let fields = command.as_object().expect("an object").iter();
    let body = form(
        fields.map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default().to_owned())),
    );
    let head = format!(
        "X-Slack-Request-Timestamp: {at}\r\nX-Slack-Signature: {}\r\nContent-Type: \
         application/x-www-form-urlencoded\r\n",
        sign(SECRET, at, &body)
    );
    for _ in 0..3 {
        assert_eq!(
            request(&door.address, &head, body.as_bytes()).await,
            (200, String::new())
        );
    }
    door.slack.posts(1).await;
    door.slack.mention("C0LAST", "the last one").await;
    assert_eq!(door.slack.posts(2).await[1]["channel"], "C0LAST");
    assert_eq!(door.engine.asked().len(), 2);
}

#[tokio::test]
async fn a_body_is_read_up_to_a_limit() {
    let door = open().await;
    let body = "x".repeat((1 << 20) + 1);
    let at = now();
    let head = format!(
        "X-Slack-Request-Timestamp: {at}\r\nX-Slack-Signature: {}\r\n",
        sign(SECRET, at, &body)
    );
    assert_eq!(request(&door.address, &head, body.as_bytes()).await.0, 413);
    // Not signed at all, it is not even read.
    assert_eq!(request(&door.address, "", body.as_bytes()).await.0, 401);
}

#[tokio::test]
async fn a_configuration_that_cannot_work_is_refused_with_advice() {
    let slack = Slack::start().await;
    let other = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let taken = other.local_addr().expect("bound");
    for (config, said) in [
        (json!({"app_token": null}), "slack.app_token"),
        (json!({"listen": "127.0.0.1:0"}), "slack.signing_secret"),
        (
            json!({"listen": "127.0.0.1:0", "signing_secret": ""}),
            "slack.signing_secret",
        ),
        (
            json!({"listen": taken.to_string(), "signing_secret": SECRET}),
            "slack.listen",
        ),
    ] {
        let run = Run::start(&slack, config, Engine::new(sample(), 0), state());
        let error = run
            .running
            .await
            .expect("no panic")
            .expect_err("refused")
            .to_string();
        assert!(error.contains(said), "{error}");
    }
}
