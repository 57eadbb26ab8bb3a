//! Slack's own Python library as a second opinion: on the stand-in, and on the blocks we make.
//!
//! Where Python or its package index cannot be reached these tests say so and check nothing.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use casebook_core::{Answer, Verdict};
use casebook_desk::{Action, Content};
use casebook_slack::render;
use casebook_tests::answers::{any_answer, sample};
use casebook_tests::python;
use casebook_tests::slack::bot::Bot;
use casebook_tests::slack::{APP_TOKEN, BOT_TOKEN, PERSON, Slack};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::json;

fn slack_sdk() -> Option<Command> {
    match python::interpreter("slack") {
        Ok(python) => {
            let mut command = Command::new(python);
            command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("python/slack.py"));
            command
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
            Some(command)
        }
        Err(why) => {
            eprintln!("not checked with slack_sdk: {why}");
            None
        }
    }
}

#[test]
fn slack_sdk_reads_our_blocks_without_a_difference() {
    let Some(mut command) = slack_sdk() else {
        return;
    };
    let mut answers = vec![
        sample(),
        Answer {
            verdict: Verdict::Uncertain,
            reason: Some("A reason.".into()),
            ..sample()
        },
        Answer::without_lines(Verdict::NoAnswer, "A reason.", sample().as_of),
    ];
    let mut runner = TestRunner::deterministic();
    for _ in 0..100 {
        answers.push(
            any_answer()
                .new_tree(&mut runner)
                .expect("an answer")
                .current(),
        );
    }
    let actions = [
        "more:0123456789abcdef:7",
        "card:icd10cm:M54.50",
        "ask:What is M54.51?",
        "yes:0123456789abcdef",
    ]
    .map(|action| Action::decode(&format!("cb1:{action}")).expect("an action"));
    let posts = answers.into_iter().map(|answer| {
        let message = render::message(&Content::Answer(Box::new(answer)), &actions);
        json!({"blocks": message.blocks})
    });
    let posts = serde_json::Value::Array(posts.collect()).to_string();
    let mut python = command.arg("blocks").spawn().expect("Python starts");
    let mut input = python.stdin.take().expect("piped");
    input.write_all(posts.as_bytes()).expect("written");
    drop(input);
    let output = python.wait_with_output().expect("Python ends");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        "103 posts come back the same"
    );
}

#[tokio::test]
async fn slack_sdk_reads_our_views_without_a_difference() {
    let Some(mut command) = slack_sdk() else {
        return;
    };
    let bot = Bot::with(json!({"admins": [PERSON], "channel_messages": true}), 1000).await;
    bot.slack.command("/case", "Low back pain.").await;
    bot.slack.views(1).await;
    bot.slack.command("/casebook", "config").await;
    bot.slack.views(2).await;
    bot.slack.command("/ask", "M54.50").await;
    let answer = bot.slack.posts(1).await[0].clone();
    for (n, action) in ["cb1:about:", "cb1:no:"].iter().enumerate() {
        bot.slack.click(&answer, action).await;
        bot.slack.views(n + 3).await;
    }
    bot.slack
        .event(json!({"type": "app_home_opened", "user": PERSON, "tab": "home"}))
        .await;
    let mut views = bot.slack.views(5).await;
    for view in &mut views {
        for added in ["id", "view_of"] {
            view.as_object_mut().expect("an object").remove(added);
        }
    }
    let views = serde_json::Value::Array(views).to_string();
    let read = tokio::task::spawn_blocking(move || {
        let mut python = command.arg("views").spawn().expect("Python starts");
        let mut input = python.stdin.take().expect("piped");
        input.write_all(views.as_bytes()).expect("written");
        drop(input);
        python.wait_with_output().expect("Python ends")
    });
    let output = read.await.expect("not cancelled");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        "5 views come back the same"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn slack_sdk_takes_the_stand_in_for_slack() {
    let Some(mut command) = slack_sdk() else {
        return;
    };
    let slack = Slack::start().await;
    command.args(["client", &slack.api_url(), APP_TOKEN, BOT_TOKEN]);
    let python = command.spawn().expect("Python starts");
    slack.greeted(1).await;

    let ts = slack.mention("C0", "M54.50?").await;
    let posts = slack.posts(1).await;
    assert_eq!(posts[0]["thread_ts"], json!(ts));
    assert_eq!(posts[0]["blocks"][0]["text"]["text"], "<@U0BOT> M54.50?");
    let marks = slack.calls("reactions.add", 1).await;
    assert_eq!(
        marks[0].body,
        json!({"channel": "C0", "timestamp": ts, "name": "eyes"})
    );
    let at_once = slack.command("/code", "M54.50").await;
    assert_eq!(
        at_once,
        Some(json!({"text": "at once: M54.50"})),
        "for {PERSON}"
    );

    let output = tokio::task::spawn_blocking(move || python.wait_with_output());
    let output = output.await.expect("not cancelled").expect("Python ends");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "auth.test: U0BOT\nconnected\n"
    );
}
