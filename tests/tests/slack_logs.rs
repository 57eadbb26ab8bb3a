//! What the log holds: each failure once, with its reference, and never a word that a person typed.

use std::io::Write;
use std::sync::{Arc, Mutex};

use casebook_core::{Answer, CodeRef, EditionRef, Failure, Request, Respond};
use casebook_slack::LOG_FILTER;
use casebook_tests::answers::sample;
use casebook_tests::slack::{Slack, Trouble};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

/// A name that no code and no test data holds.
const PATIENT: &str = "Wilhelmina Featherstonehaugh";

struct Engine;

#[async_trait::async_trait]
impl Respond for Engine {
    async fn respond(&self, request: Request) -> Result<Answer, Failure> {
        match request.text.split(' ').next() {
            Some("fail") => Err(Failure {
                for_person: "The sources are being loaded. Ask again in a minute.".into(),
                for_operator: "store.db: locked".into(),
            }),
            Some("panic") => panic!("over {:?}", request.text),
            _ => Ok(sample()),
        }
    }

    async fn suggest(&self, _: &str, _: usize) -> Result<Vec<CodeRef>, Failure> {
        Ok(Vec::new())
    }

    fn loaded(&self) -> Result<Vec<EditionRef>, Failure> {
        Ok(Vec::new())
    }
}

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
    let stop = CancellationToken::new();
    let running = casebook_slack::run(slack.config(json!({})), Arc::new(Engine), stop.clone());
    let running = tokio::spawn(running);
    slack.greeted(1).await;

    slack.mention("C1", PATIENT).await;
    slack.direct_message(&format!("fail {PATIENT}")).await;
    slack.mention("C2", &format!("panic {PATIENT}")).await;
    slack.command("/ask", &format!("fail {PATIENT}")).await;
    slack.posts(4).await;
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
    let posts = slack.posts(5).await;
    stop.cancel();
    running.await.expect("no panic").expect("no error");

    let log = String::from_utf8(log.0.lock().expect("not poisoned").clone()).expect("UTF-8");
    assert!(!log.contains("Featherstonehaugh"), "{log}");
    for secret in ["xapp-", "xoxb-", "ticket-"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    for (found, times) in [
        ("connected to Slack", 1),
        ("a question could not be answered: store.db: locked", 2),
        ("a question could not be answered: it panicked", 1),
        (
            "an answer cannot be posted: Slack refuses it: not_in_channel",
            1,
        ),
        ("a command from Slack lacks", 1),
        ("a frame from Slack cannot be read", 1),
    ] {
        assert_eq!(log.matches(found).count(), times, "{found}\n{log}");
    }
    for post in posts {
        let text = post["text"].as_str().expect("text");
        if let Some((_, reference)) = text.split_once("(Reference ") {
            let reference = reference.trim_end_matches(')');
            assert_eq!(log.matches(reference).count(), 1, "{reference}\n{log}");
        }
    }
}
