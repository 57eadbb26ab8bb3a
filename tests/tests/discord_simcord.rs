//! A second opinion on what we send to Discord, by a simulation that others wrote (simcord).

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use casebook_core::{Answer, CodeRef, EditionRef, Failure, Line, Request, Respond};
use casebook_desk::{State, Supplies};
use casebook_tests::answers::{any_answer, sample};
use casebook_tests::discord::TOKEN;
use casebook_tests::python::interpreter;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

const DIRECT_MESSAGES: usize = 60;

/// Answers direct messages with the worst answers that the generator thinks of, the rest with the sample.
struct Worst(Mutex<Vec<Answer>>);

#[async_trait]
impl Respond for Worst {
    async fn respond(&self, request: Request) -> Result<Answer, Failure> {
        let worst = request
            .text
            .starts_with("question")
            .then(|| self.0.lock().expect("no panic").pop());
        if request.text.contains("long") {
            let line = |i: usize| Line {
                text: format!("Line {i}. {}", "word ".repeat(80)),
                citations: vec![1],
            };
            return Ok(Answer {
                lines: (1..=40).map(line).collect(),
                ..sample()
            });
        }
        let worst = worst.flatten().unwrap_or_else(sample);
        Ok(Answer {
            related: vec!["Is M54.50 billable?".into(), "words ".repeat(30)],
            ..worst
        })
    }

    async fn suggest(&self, _: &str, limit: usize) -> Result<Vec<CodeRef>, Failure> {
        Ok(vec![sample().codes[0].clone(); limit])
    }

    fn loaded(&self) -> Result<Vec<EditionRef>, Failure> {
        Ok(Vec::new())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn simcord_accepts_what_we_send() {
    let python = match interpreter("discord") {
        Ok(python) => python,
        Err(why) => {
            eprintln!("skipped, simcord is not available: {why}");
            return;
        }
    };
    let mut child = Command::new(python)
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/python/discord_simcord.py"
        ))
        .arg(DIRECT_MESSAGES.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python runs");
    let mut lines = BufReader::new(child.stdout.take().expect("piped"))
        .lines()
        .map(|line| serde_json::from_str::<Value>(&line.expect("text")).expect("JSON"));
    let api_url = lines.next().expect("the address");

    let mut runner = TestRunner::deterministic();
    let mut generate = || {
        any_answer()
            .new_tree(&mut runner)
            .expect("an answer")
            .current()
    };
    let worst = (0..DIRECT_MESSAGES).map(|_| generate()).collect();
    let config = json!({"token": TOKEN, "api_url": api_url});
    let config = serde_json::from_value(config).expect("a configuration");
    let stop = CancellationToken::new();
    let respond = Arc::new(Worst(Mutex::new(worst)));
    let clock = Arc::new(std::time::SystemTime::now);
    let state = State::in_memory(casebook_state::Config::default(), clock).expect("opens");
    let supplies = Supplies::new(respond, state);
    let bot = tokio::spawn(casebook_discord::run(config, supplies, stop.clone()));

    let reports = tokio::task::spawn_blocking(move || lines.collect::<Vec<Value>>())
        .await
        .expect("reads");
    stop.cancel();
    bot.await.expect("no panic").expect("stops in peace");
    assert!(child.wait().expect("ends").success());

    let (refused, answers) = reports.split_last().expect("reports");
    assert_eq!(refused["refused"], json!([]));
    let of = |kind: &str| {
        answers
            .iter()
            .find(|answer| answer["kind"] == kind)
            .expect(kind)
    };
    assert_eq!(
        answers
            .iter()
            .filter(|answer| answer["kind"] == "direct")
            .count(),
        DIRECT_MESSAGES
    );
    assert!(
        answers
            .iter()
            .filter(|a| a["kind"] != "choices")
            .all(|a| a["mentions"] == json!([])),
        "somebody was pinged"
    );
    // Who asks with a command, a menu, a form or a button is answered alone.
    for kind in [
        "ask",
        "code",
        "codes",
        "check",
        "case",
        "config",
        "gaps",
        "usage",
        "editions",
        "help",
        "changed",
        "menu",
        "card",
        "related",
        "about",
        "helpful",
        "not helpful",
        "share",
        "long",
        "more",
    ] {
        let private = of(kind)["flags"]
            .as_u64()
            .is_some_and(|flags| flags & 64 != 0);
        assert!(private, "{kind} is not private");
    }
    for kind in ["shared", "mention"] {
        assert_eq!(
            of(kind)["embeds"],
            of("ask")["embeds"],
            "the same answer on every way"
        );
    }
    assert_eq!(
        of("asked on")["channel"],
        of("mention")["channel"],
        "in the thread"
    );
    assert_ne!(
        of("mention")["channel"],
        of("shared")["channel"],
        "a thread of its own"
    );
    assert_eq!(of("choices")["choices"][0]["value"], "M54.50");
}
