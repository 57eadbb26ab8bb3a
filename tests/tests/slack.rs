//! Casebook in Slack, through the real protocol against a stand-in.

#[path = "slack/shown.rs"]
mod shown;

use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock};

use casebook_core::{Answer, Failure, Intent, Request, Respond};
use casebook_slack::render::render;
use casebook_slack::{Config, SlackError, run};
use casebook_tests::answers::sample;
use casebook_tests::slack::{APP_TOKEN, BOT, BOT_TOKEN, Call, Fault, Slack};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::prelude::*;

/// Answers at once with the sample; `wait`, `fail` and `panic` in the text do what they say.
struct Fake {
    asked: Mutex<Vec<(Intent, String)>>,
    gate: Semaphore,
}

#[async_trait::async_trait]
impl Respond for Fake {
    async fn respond(&self, request: Request) -> Result<Answer, Failure> {
        self.asked
            .lock()
            .expect("unpoisoned")
            .push((request.intent, request.text.clone()));
        if request.text.contains("wait") {
            self.gate.acquire().await.expect("no panic").forget();
        }
        if request.text.contains("fail") {
            return Err(Failure {
                for_person: "The code set is being <updated>. Please try again in a minute.".into(),
                for_operator: "store.rs: edition file is locked".into(),
            });
        }
        assert!(!request.text.contains("panic"), "asked to");
        Ok(sample())
    }
}

struct Bot {
    fake: Arc<Fake>,
    stop: CancellationToken,
    task: JoinHandle<Result<(), SlackError>>,
}

impl Drop for Bot {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn config(slack: &Slack, more: Value) -> Config {
    let mut settings = json!({"app_token": APP_TOKEN, "bot_token": BOT_TOKEN,
        "api_url": slack.api_url(), "connections": 1});
    settings
        .as_object_mut()
        .expect("an object")
        .extend(more.as_object().expect("an object").clone());
    serde_json::from_value(settings).expect("complete settings")
}

async fn bot_with(slack: &Slack, more: Value) -> Bot {
    let fake = Arc::new(Fake {
        asked: Mutex::default(),
        gate: Semaphore::new(0),
    });
    let stop = CancellationToken::new();
    let task = tokio::spawn(run(config(slack, more), fake.clone(), stop.clone()));
    Bot { fake, stop, task }
}

async fn start() -> (Slack, Bot) {
    logs();
    let slack = Slack::start().await;
    let bot = bot_with(&slack, json!({})).await;
    slack.connected().await;
    (slack, bot)
}

/// Everything that is logged in this process: all of it at DEBUG, Casebook's own at TRACE.
fn logs() -> String {
    static LOGS: OnceLock<Arc<Mutex<Vec<u8>>>> = OnceLock::new();
    #[derive(Clone)]
    struct Sink(Arc<Mutex<Vec<u8>>>);
    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("unpoisoned").extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let buffer = LOGS.get_or_init(|| {
        let buffer = Arc::new(Mutex::new(Vec::new()));
        let sink = Sink(buffer.clone());
        let levels = tracing_subscriber::filter::Targets::new()
            .with_default(tracing::Level::DEBUG)
            .with_target("casebook_slack", tracing::Level::TRACE);
        tracing_subscriber::registry()
            .with(
                tracing_subscriber::fmt::layer()
                    .with_ansi(false)
                    .with_writer(move || sink.clone()),
            )
            .with(levels)
            .init();
        buffer
    });
    String::from_utf8_lossy(&buffer.lock().expect("unpoisoned")).into_owned()
}

fn shown(call: &Call) -> String {
    call.body["text"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mention_is_answered_in_its_thread_and_once() {
    let (slack, bot) = start().await;
    let sent = slack.mention("C1", "is *M54.50* billable &amp; “valid”?", None);
    let post = slack.await_calls("chat.postMessage", 1).await.remove(0);
    let (blocks, text) = render(&sample());
    let body = json!({"channel": "C1", "thread_ts": sent.ts, "blocks": blocks, "text": text,
        "unfurl_links": false, "unfurl_media": false});
    assert_eq!(post.body, body);
    assert_eq!(post.token.as_deref(), Some(BOT_TOKEN));
    // Slack delivers again: the same envelope, and the same message under another event id.
    slack.frame(sent.frame.clone());
    slack.event(sent.frame["payload"]["event"].clone());
    // What comes after has been handled after: one socket, one reader.
    let in_thread = slack.mention("C2", "and Z79.4?", Some("1700000000.000001"));
    let posts = slack.await_calls("chat.postMessage", 2).await;
    slack.await_ack(&in_thread).await;
    assert_eq!(posts.len(), 2);
    assert_eq!(posts[1].body["thread_ts"], "1700000000.000001");
    let asked = bot.fake.asked.lock().expect("unpoisoned").clone();
    assert_eq!(
        asked[0],
        (Intent::Ask, "is M54.50 billable & \"valid\"?".to_owned())
    );
    assert_eq!(asked.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_message_is_answered_where_it_stands() {
    let (slack, _bot) = start().await;
    slack.direct("D1", "M54.50", None);
    slack.direct("D2", "M54.50", Some("1700000000.000001"));
    slack.direct("D3", " ", None);
    let posts = slack.await_calls("chat.postMessage", 3).await;
    let to = |id: &str| {
        posts
            .iter()
            .find(|p| p.body["channel"] == id)
            .expect("succeeds")
    };
    assert_eq!(to("D1").body["thread_ts"], Value::Null);
    assert_eq!(to("D2").body["thread_ts"], "1700000000.000001");
    assert!(
        shown(to("D3")).starts_with("Ask a coding question"),
        "{:?}",
        to("D3")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_answered_privately() {
    let (slack, bot) = start().await;
    let ask = slack.command("/ask", "is M54.50 billable?");
    let ack = slack.await_ack(&ask).await;
    assert_eq!(ack, json!({"envelope_id": ask.envelope_id}));
    slack.await_calls("response_url", 1).await;
    slack.command("/code", "M54.50");
    let replies = slack.await_calls("response_url", 2).await;
    for reply in &replies {
        assert_eq!(reply.body["response_type"], "ephemeral");
        assert_eq!(reply.body["blocks"], render(&sample()).0);
        assert_eq!(reply.token, None, "the token belongs to the Web API only");
    }
    let intents: Vec<Intent> = bot
        .fake
        .asked
        .lock()
        .expect("unpoisoned")
        .iter()
        .map(|a| a.0)
        .collect();
    assert_eq!(intents, [Intent::Ask, Intent::Code]);
    for (command, text) in [("/ask", "  "), ("/code", ""), ("/else", "M54.50")] {
        let sent = slack.command(command, text);
        let ack = slack.await_ack(&sent).await;
        assert_eq!(ack["payload"]["response_type"], "ephemeral");
        assert!(
            ack["payload"]["text"]
                .as_str()
                .expect("a text")
                .contains("`/code M54.50 Z79.4`")
        );
    }
    assert_eq!(slack.calls("response_url").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_while_the_answer_takes_long() {
    let (slack, bot) = start().await;
    let first = slack.direct("D1", "wait for it", None);
    let second = slack.command("/ask", "wait for this too");
    slack.await_ack(&first).await;
    slack.await_ack(&second).await;
    // The sign of life comes before the answer does.
    let reaction = slack.await_calls("reactions.add", 1).await.remove(0);
    assert_eq!(
        reaction.body,
        json!({"channel": "D1", "timestamp": first.ts, "name": "eyes"})
    );
    assert!(slack.calls("chat.postMessage").is_empty());
    bot.fake.gate.add_permits(2);
    slack.await_calls("chat.postMessage", 1).await;
    slack.await_calls("response_url", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_too_many_is_told_to_try_again() {
    logs();
    let slack = Slack::start().await;
    let bot = bot_with(&slack, json!({"max_in_flight": 1, "reaction": ""})).await;
    slack.connected().await;
    let first = slack.direct("D1", "wait", None);
    slack.await_ack(&first).await;
    slack.direct("D2", "M54.50", None);
    let busy = slack.await_calls("chat.postMessage", 1).await.remove(0);
    assert_eq!(busy.body["channel"], "D2");
    assert!(shown(&busy).contains("busy"));
    let command = slack.command("/ask", "M54.50");
    let ack = slack.await_ack(&command).await;
    assert!(
        ack["payload"]["text"]
            .as_str()
            .expect("a text")
            .contains("busy")
    );
    bot.fake.gate.add_permits(1);
    slack.await_calls("chat.postMessage", 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bots_edits_and_other_peoples_talk_are_ignored() {
    let (slack, bot) = start().await;
    let message = |more: Value| {
        let mut event = json!({"type": "message", "channel": "D1", "channel_type": "im", "user": "U777",
            "text": "not for you", "ts": "1.1"});
        event
            .as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        event
    };
    let ignored = [
        message(json!({"bot_id": "B9"})),
        message(json!({"user": BOT})),
        message(json!({"subtype": "message_changed"})),
        message(json!({"channel_type": "channel"})),
        message(json!({"type": "app_mention", "bot_id": "B9"})),
        message(json!({"type": "reaction_added"})),
        message(json!({"user": null})),
        json!({"type": "team_join", "user": {"id": "U1"}}),
    ];
    let sent: Vec<_> = ignored
        .into_iter()
        .map(|event| slack.event(event))
        .collect();
    slack.frame(json!({"type": "from_the_future", "envelope_id": "env-x", "payload": 7}));
    slack.direct("D1", "for you", None);
    slack.await_calls("chat.postMessage", 1).await;
    for one in &sent {
        slack.await_ack(one).await;
    }
    let unknown = json!({"envelope_id": "env-x"});
    slack
        .until("its acknowledgement", |s| {
            s.acks().contains(&unknown).then_some(())
        })
        .await;
    assert_eq!(
        *bot.fake.asked.lock().expect("unpoisoned"),
        [(Intent::Ask, "for you".to_owned())]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_outlives_rate_limits_errors_and_silence() {
    logs();
    let slack = Slack::start().await;
    let _bot = bot_with(&slack, json!({"http_timeout_s": 1})).await;
    slack.connected().await;
    slack.fail("chat.postMessage", Fault::RateLimited(1));
    slack.fail("chat.postMessage", Fault::Status(503));
    slack.fail(
        "chat.postMessage",
        Fault::Slow(std::time::Duration::from_secs(5)),
    );
    slack.fail("chat.postMessage", Fault::Refused("internal_error"));
    slack.fail("response_url", Fault::Status(500));
    slack.direct("D1", "M54.50", None);
    slack.command("/ask", "M54.50");
    let posts = slack
        .until("a post that succeeds", |s| {
            Some(s.calls("chat.postMessage")).filter(|c| c.iter().any(|c| c.outcome == "200"))
        })
        .await;
    let outcomes: Vec<_> = posts.iter().map(|c| c.outcome.as_str()).collect();
    // The silent call is missing: its connection was given up before the stand-in replied.
    assert_eq!(outcomes, ["429", "503", "ok:false internal_error", "200"]);
    let replies = slack.await_calls("response_url", 2).await;
    assert_eq!(replies[1].outcome, "200");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_gets_one_post_a_second_and_others_do_not_wait() {
    let (slack, _bot) = start().await;
    slack.watch_rate();
    for channel in ["D1", "D1", "D1", "D2"] {
        slack.direct(channel, "M54.50", None);
    }
    let posts = slack.await_calls("chat.postMessage", 4).await;
    assert!(posts.iter().all(|p| p.outcome == "200"), "{posts:#?}");
    assert!(
        posts[..2].iter().any(|p| p.body["channel"] == "D2"),
        "D2 waited for D1"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_answer_is_not_a_silent_thread() {
    let (slack, _bot) = start().await;
    slack.fail("chat.postMessage", Fault::Refused("invalid_blocks"));
    slack.direct("D1", "M54.50", None);
    let posts = slack.await_calls("chat.postMessage", 2).await;
    assert_eq!(posts[1].body["blocks"], Value::Null);
    let reference = reference(&shown(&posts[1]));
    let logs = logs();
    let lines: Vec<_> = logs.lines().filter(|l| l.contains(&reference)).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].contains("Slack refused: invalid_blocks"),
        "{lines:?}"
    );
}

fn reference(text: &str) -> String {
    let (_, tail) = text
        .split_once("(reference ")
        .unwrap_or_else(|| panic!("{text}"));
    tail.trim_end_matches(')').to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_visible_logged_once_and_without_a_word_of_the_message() {
    logs();
    let slack = Slack::start().await;
    let bot = bot_with(&slack, json!({"answer_timeout_s": 1})).await;
    slack.connected().await;
    let cases = [
        (
            "fail",
            "being &lt;updated&gt;",
            "store.rs: edition file is locked",
        ),
        ("panic", "went wrong on our side", "a panic while answering"),
        ("wait", "took too long", "answer_timeout_s"),
    ];
    for (n, (word, person, operator)) in cases.into_iter().enumerate() {
        slack.mention(
            "C1",
            &format!("{word} Doe-Patient born 1950 PRIVATE-TEXT"),
            None,
        );
        slack.command("/ask", &format!("{word} Doe-Patient PRIVATE-TEXT"));
        let post = slack.await_calls("chat.postMessage", n + 1).await.remove(n);
        let reply = slack.await_calls("response_url", n + 1).await.remove(n);
        for call in [post, reply] {
            assert!(shown(&call).contains(person), "{call:?}");
            let reference = reference(&shown(&call));
            let logs = logs();
            let lines: Vec<_> = logs.lines().filter(|l| l.contains(&reference)).collect();
            assert_eq!(lines.len(), 1, "{lines:?}");
            assert!(
                lines[0].contains(operator) && lines[0].contains("ERROR"),
                "{lines:?}"
            );
        }
    }
    // A frame and an event that cannot be read are not quoted either.
    slack.frame(json!({"type": "events_api", "envelope_id": "env-y", "payload": "PRIVATE-TEXT"}));
    slack.event(json!({"type": "message", "ts": ["PRIVATE-TEXT"]}));
    slack.direct("D1", "PRIVATE-TEXT", None);
    slack.await_calls("chat.postMessage", 4).await;
    drop(bot);
    let logs = logs();
    assert!(logs.contains("could not be read") && logs.contains("answered"));
    assert!(!logs.contains("PRIVATE-TEXT") && !logs.contains("Doe-Patient"));
    assert!(!logs.contains("secret"), "a token was logged");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_connection_is_replaced() {
    let (slack, _bot) = start().await;
    for n in 2..4 {
        slack.disconnect("refresh_requested");
        slack
            .until("a new connection", |s| (s.connections() == n).then_some(()))
            .await;
        slack.connected().await;
        slack.direct(&format!("D{n}"), "M54.50", None);
        slack.await_calls("chat.postMessage", n as usize - 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn link_disabled_is_not_answered_with_a_storm() {
    logs();
    let slack = Slack::start().await;
    slack.turn_away(Some("link_disabled"));
    let _bot = bot_with(&slack, json!({})).await;
    slack
        .until("a connection", |s| (s.connections() > 0).then_some(()))
        .await;
    // Without a pause there would be several by now.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(slack.connections(), 1);
    assert!(logs().contains("Socket Mode is turned off; turn it on in the app's settings"));
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_finishes_what_was_accepted() {
    let (slack, mut bot) = start().await;
    let accepted = slack.direct("D1", "wait", None);
    slack.await_ack(&accepted).await;
    bot.stop.cancel();
    let late = slack.direct("D2", "too late", None);
    bot.fake.gate.add_permits(1);
    let post = slack.await_calls("chat.postMessage", 1).await.remove(0);
    assert_eq!(post.body["blocks"], render(&sample()).0);
    (&mut bot.task)
        .await
        .expect("no panic")
        .expect("a clean stop");
    slack
        .until("the connection's end", |s| {
            (s.open_sockets() == 0).then_some(())
        })
        .await;
    assert!(
        !slack
            .acks()
            .contains(&json!({"envelope_id": late.envelope_id}))
    );
    assert_eq!(slack.calls("chat.postMessage").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_tells_those_who_get_no_answer() {
    let (slack, mut bot) = start().await;
    let accepted = slack.direct("D1", "wait", None);
    slack.await_ack(&accepted).await;
    bot.stop.cancel();
    let post = slack.await_calls("chat.postMessage", 1).await.remove(0);
    assert!(shown(&post).contains("restarting"), "{post:?}");
    (&mut bot.task)
        .await
        .expect("no panic")
        .expect("a clean stop");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_token_ends_the_service_with_a_reason_and_an_outage_does_not() {
    let slack = Slack::start().await;
    let outcome = |more: Value| bot_with(&slack, more);
    let bot = &mut outcome(json!({"bot_token": "xoxb-mistyped"})).await;
    let error = (&mut bot.task)
        .await
        .expect("no panic")
        .expect_err("a refusal");
    assert!(matches!(&error, SlackError::BotToken(code) if code == "invalid_auth"));
    assert!(!error.to_string().contains("mistyped"));
    let bot = &mut outcome(json!({"app_token": "xapp-mistyped"})).await;
    let error = (&mut bot.task)
        .await
        .expect("no panic")
        .expect_err("a refusal");
    assert!(matches!(&error, SlackError::AppToken(code) if code == "invalid_auth"));
    let bot = &mut outcome(json!({"connections": 11})).await;
    let error = (&mut bot.task)
        .await
        .expect("no panic")
        .expect_err("a refusal");
    assert!(error.to_string().contains("between 1 and 10"));
    // Nobody listens at this port of loopback.
    let mut bot = outcome(json!({"api_url": "http://127.0.0.1:9/api"})).await;
    bot.stop.cancel();
    (&mut bot.task)
        .await
        .expect("no panic")
        .expect("a clean stop");
}

#[test]
fn settings_reject_what_they_do_not_know_and_hide_secrets() {
    let full = json!({"app_token": "xapp-s3cret", "bot_token": "xoxb-s3cret"});
    let config: Config = serde_json::from_value(full.clone()).expect("complete settings");
    assert!(!format!("{config:?}").contains("s3cret"));
    let mut wrong = full;
    wrong["bot_tokn"] = json!("x");
    assert!(serde_json::from_value::<Config>(wrong).is_err());
}
