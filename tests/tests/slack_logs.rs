//! What the log holds: each failure once, with its reference, and never a word that a person typed.

use std::io::Write;
use std::sync::{Arc, Mutex};

use casebook_slack::LOG_FILTER;
use casebook_tests::answers::sample;
use casebook_tests::slack::bot::{Engine, Run, state};
use casebook_tests::slack::{PERSON, Slack, Trouble};
use serde_json::json;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

/// A name that no code and no test data holds.
const PATIENT: &str = "Wilhelmina Featherstonehaugh";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

// One thread, so that the subscriber of this thread sees everything.
#[tokio::test]
async fn the_log_names_failures_and_nobody() {
    let log = Log::default();
    let writer = log.clone();
    let _guard = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(format!("trace,{LOG_FILTER}")))
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .set_default();
    let slack = Slack::start().await;
    let run = Run::start(&slack, json!({}), Engine::new(sample(), 1000), state());
    slack.greeted(1).await;

    slack.mention("C1", PATIENT).await;
    slack.direct_message(&format!("fail {PATIENT}")).await;
    slack.mention("C2", &format!("panic {PATIENT}")).await;
    slack.command("/ask", &format!("fail {PATIENT}")).await;
    slack.posts(4).await;
    let is_answer =
        |post: &serde_json::Value| post["blocks"].to_string().contains("is not in force");
    let answer = slack.post_where("an answer", is_answer).await;
    // A note, a reason, a question about a code, somebody else's message, and what calls for a warning.
    slack.command("/case", PATIENT).await;
    let form = slack.views(1).await[0].clone();
    slack.submit(&form, json!({})).await;
    slack.posts(5).await;
    slack.click(&answer, "cb1:no:").await;
    let form = slack.views(2).await[1].clone();
    slack.submit(&form, json!({"typed": PATIENT})).await;
    slack.posts(6).await;
    slack.click(&answer, "cb1:about:").await;
    let form = slack.views(3).await[2].clone();
    slack.submit(&form, json!({"typed": PATIENT})).await;
    slack.posts(7).await;
    slack.shortcut("ask_casebook", "C1", PATIENT).await;
    slack.posts(8).await;
    slack
        .direct_message(&format!("MRN 4471920, {PATIENT}, DOB 03/14/1961"))
        .await;
    slack.posts(9).await;
    slack
        .event(json!({"type": "app_home_opened", "user": PERSON, "tab": "home"}))
        .await;
    slack.views(4).await;
    slack.trouble("chat.postMessage", [Trouble::Refused("invalid_blocks")]);
    slack.mention("C6", PATIENT).await;
    slack.posts(10).await;
    // Slack refuses the answer, and what cannot be read.
    slack.trouble("chat.postMessage", [Trouble::Refused("not_in_channel")]);
    slack.mention("C3", PATIENT).await;
    let mut event = slack.message("app_mention", "C4", PATIENT);
    event["ts"] = json!([PATIENT]);
    slack.event(event).await;
    slack
        .deliver(
            "slash_commands",
            json!({"text": PATIENT, "response_url": PATIENT}),
        )
        .await;
    slack.send(json!({"type": [PATIENT]}));
    slack.mention("C5", PATIENT).await;
    let posts = slack.posts(11).await;
    run.stop.cancel();
    run.running.await.expect("no panic").expect("no error");

    let log = String::from_utf8(log.0.lock().expect("not poisoned").clone()).expect("UTF-8");
    assert!(!log.contains("Featherstonehaugh"), "{log}");
    for secret in ["xapp-", "xoxb-", "ticket-", "/response/"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    for (found, times) in [
        ("connected to Slack", 1),
        ("a question could not be answered: store.db: locked", 2),
        ("a question could not be answered: it panicked", 1),
        (
            "a reply cannot be posted: Slack refuses it: not_in_channel",
            1,
        ),
        ("Slack refuses our blocks", 1),
        ("Slack sent what cannot be read: a command lacks", 1),
        ("a frame from Slack cannot be read", 1),
    ] {
        assert_eq!(log.matches(found).count(), times, "{found}\n{log}");
    }
    for post in posts {
        let text = post["text"].as_str().expect("text");
        if let Some((_, reference)) = text.split_once("(Reference ") {
            let reference = reference.trim_end_matches(')');
            let failure = |line: &&str| line.contains(reference) && line.contains(" ERROR ");
            assert_eq!(log.lines().filter(failure).count(), 1, "{reference}\n{log}");
        }
    }
}
