//! What people see: rendered answers, their limits, and what `slack_sdk` says about them and about
//! the stand-in.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use casebook_core::{Answer, Line, Verdict};
use casebook_slack::render::render;
use casebook_tests::answers::{any_answer, sample};
use casebook_tests::python;
use casebook_tests::slack::{Fault, Slack, check_blocks};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use serde_json::{Value, json};

/// With one quotation that no line shows.
fn uncertain() -> Answer {
    let mut citations = sample().citations;
    citations[1].quote = "Excludes1 notes are <never> coded together".into();
    Answer {
        citations,
        verdict: Verdict::Uncertain,
        reason: Some("Two passages may apply; neither names the situation.".into()),
        ..sample()
    }
}

fn without(verdict: Verdict, reason: &str) -> Answer {
    Answer::without_lines(verdict, reason, sample().as_of)
}

/// More lines than fit, a line of several rows, a line that is itself too long, and a quotation that
/// no line shows.
fn long() -> Answer {
    let mut answer = sample();
    answer.citations[1].quote = "A note that no line repeats".into();
    answer.lines[1].text = "first row\n  second row & <third>".into();
    answer.lines[2].text = "long ".repeat(900);
    let more = |n| Line {
        text: format!("Line {n} {}", ["of many"; 20].join(" ")),
        citations: vec![2],
    };
    answer.lines.extend((0..40).map(more));
    answer
}

#[test]
fn answers_look_as_reviewed() {
    let no_answer = without(Verdict::NoAnswer, "No loaded source covers dental codes.");
    let refused = without(
        Verdict::Refused,
        "This asks for clinical advice; ask the provider.",
    );
    let cases = [
        ("answered", sample()),
        ("uncertain", uncertain()),
        ("no_answer", no_answer),
        ("refused", refused),
        ("long", long()),
    ];
    for (name, answer) in cases {
        let (blocks, text) = render(&answer);
        insta::assert_json_snapshot!(name, json!({"blocks": blocks, "text": text}));
    }
}

fn texts(blocks: &Value) -> Vec<String> {
    let text = |t: &Value| t["text"].as_str().expect("a text").to_owned();
    let blocks = blocks.as_array().expect("an array");
    blocks
        .iter()
        .flat_map(|b| match b["type"].as_str().expect("a text") {
            "section" => vec![text(&b["text"])],
            _ => b["elements"]
                .as_array()
                .expect("an array")
                .iter()
                .map(text)
                .collect(),
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_limit_holds_and_every_cut_is_announced(answer in any_answer()) {
        let (blocks, fallback) = render(&answer);
        prop_assert_eq!(check_blocks(&blocks), Ok(()));
        prop_assert!(fallback.encode_utf16().count() <= 1_000);
        let texts = texts(&blocks);
        for text in texts.iter().chain([&fallback]) {
            // Without our links and Slack's three entities nothing active is left.
            let bare = text.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "");
            prop_assert!(!bare.contains('&'), "{bare}");
            prop_assert_eq!(bare.matches('<').count(), bare.matches("<https://www.cms.gov/").count());
            prop_assert_eq!(bare.matches('<').count(), bare.matches('>').count());
        }
        let announced = texts.iter().find_map(|t| t.strip_prefix("…and ")?.split_once(" more line"));
        let omitted: usize = announced.map_or(0, |(n, _)| n.parse().expect("a number"));
        prop_assert!(omitted < answer.lines.len().max(1), "the direct line is always shown");
        let bullets = texts.iter().flat_map(|t| t.split('\n')).filter(|r| r.starts_with("• ")).count();
        let direct = usize::from(answer.verdict == Verdict::Answered && !answer.lines.is_empty());
        // A line may hold a bullet of its own.
        prop_assert!(bullets + direct + omitted >= answer.lines.len());
        if answer.lines.is_empty() {
            prop_assert!(texts.iter().all(|t| !t.contains("[1]") || answer.reason.is_some()));
        }
    }
}

/// The script's interpreter; `None` after saying why the check is skipped.
fn checker() -> Option<(PathBuf, PathBuf)> {
    match python::interpreter("slack") {
        Ok(python) => {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/slack_check.py");
            Some((python, script))
        }
        Err(why) => {
            eprintln!("skipped: slack_sdk is not available: {why}");
            None
        }
    }
}

#[test]
fn slack_sdk_reads_the_blocks_as_they_are() {
    let Some((python, script)) = checker() else {
        return;
    };
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut answers = vec![
        sample(),
        uncertain(),
        without(Verdict::Refused, "No."),
        long(),
    ];
    answers.extend((0..100).map(|_| {
        any_answer()
            .new_tree(&mut runner)
            .expect("succeeds")
            .current()
    }));
    let lists: Vec<Value> = answers.iter().map(|answer| render(answer).0).collect();
    let mut child = Command::new(python)
        .arg(script)
        .arg("blocks")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python starts");
    child
        .stdin
        .take()
        .expect("succeeds")
        .write_all(json!(lists).to_string().as_bytes())
        .expect("succeeds");
    let output = child.wait_with_output().expect("succeeds");
    assert!(output.status.success(), "see above for what slack_sdk says");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "104 lists");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stand_in_is_slack_to_slack_sdk() {
    let checker = tokio::task::spawn_blocking(checker)
        .await
        .expect("no panic");
    let Some((python, script)) = checker else {
        return;
    };
    let slack = Slack::start().await;
    slack.fail("chat.postMessage", Fault::RateLimited(7));
    let mut child = Command::new(python)
        .arg(script)
        .args(["client", &slack.api_url()])
        .stdout(Stdio::piped())
        .spawn()
        .expect("python starts");
    let mut said = BufReader::new(child.stdout.take().expect("piped")).lines();
    let said = tokio::task::spawn_blocking(move || (said.next(), said))
        .await
        .expect("succeeds");
    assert_eq!(said.0.expect("succeeds").expect("succeeds"), "connected");
    slack.connected().await;
    let message = slack.direct("D1", "hello", None);
    let command = slack.command("/ask", "hello");
    slack.await_ack(&message).await;
    assert_eq!(
        slack.await_ack(&command).await["payload"],
        json!({"text": "one moment"})
    );
    let posts = slack.await_calls("chat.postMessage", 2).await;
    assert_eq!(
        (posts[0].outcome.as_str(), posts[1].outcome.as_str()),
        ("429", "200")
    );
    assert_eq!(posts[1].body["thread_ts"], json!(message.ts));
    let reply = slack.await_calls("response_url", 1).await.remove(0);
    assert_eq!(reply.body["text"], "/ask seen by slack_sdk");
    let status = tokio::task::spawn_blocking(move || child.wait())
        .await
        .expect("succeeds")
        .expect("succeeds");
    assert!(status.success(), "see above for what slack_sdk says");
}
