//! Casebook in Slack against the stand-in, over the real protocol: what a person asks is answered once,
//! in the right place, whatever goes wrong on the way.

use std::time::{Duration, Instant};

use casebook_core::Intent;
use casebook_tests::answers::sample;
use casebook_tests::slack::bot::{Bot, Engine, Run, state};
use casebook_tests::slack::{BOT_USER, PERSON, Slack, Trouble};
use serde_json::{Value, json};

/// The first line of [`sample`], by which its posts are known.
const DIRECT: &str = "FY2026 (April 2026) of ICD-10-CM is not in force";

fn is_answer(post: &Value) -> bool {
    post["text"]
        .as_str()
        .is_some_and(|text| text.starts_with(DIRECT))
        && post["blocks"].to_string().contains(DIRECT)
}

#[tokio::test]
async fn a_mention_is_answered_in_a_thread() {
    let bot = Bot::start().await;
    let ts = bot
        .slack
        .mention("C0", "is `M54.50` R&amp;D <https://x.org|billable>?")
        .await;
    let post = &bot.slack.posts(1).await[0];
    assert!(is_answer(post));
    assert_eq!(
        (&post["channel"], &post["thread_ts"]),
        (&json!("C0"), &json!(ts))
    );
    assert_eq!(
        (&post["unfurl_links"], &post["unfurl_media"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(
        bot.asked(),
        [(Intent::Ask, "is M54.50 R&D billable?".to_owned())]
    );
}

#[tokio::test]
async fn a_mention_in_a_thread_is_answered_in_that_thread() {
    let bot = Bot::start().await;
    let mut event = bot.slack.message("app_mention", "C0", "<@U0BOT> M54.50");
    event["thread_ts"] = "1795400000.000001".into();
    bot.slack.event(event).await;
    assert_eq!(
        bot.slack.posts(1).await[0]["thread_ts"],
        "1795400000.000001"
    );
}

#[tokio::test]
async fn a_direct_message_is_answered_beside_it() {
    let bot = Bot::start().await;
    bot.slack.direct_message("M54.50").await;
    let mut event = bot.slack.message("message", "D0PERSON", "and E11.9?");
    event["channel_type"] = "im".into();
    event["thread_ts"] = "1795400000.000001".into();
    bot.slack.posts(1).await;
    bot.slack.event(event).await;
    let posts = bot.slack.posts(2).await;
    assert!(
        posts
            .iter()
            .all(|post| is_answer(post) && post["channel"] == "D0PERSON")
    );
    assert_eq!(posts[0]["thread_ts"], Value::Null);
    assert_eq!(posts[1]["thread_ts"], "1795400000.000001");
}

#[tokio::test]
async fn commands_are_answered_for_the_asker_alone() {
    let bot = Bot::start().await;
    assert_eq!(bot.slack.command("/ask", "low back pain?").await, None);
    bot.slack.posts(1).await;
    assert_eq!(bot.slack.command("/code", "M54.50").await, None);
    let posts = bot.slack.posts(2).await;
    assert!(
        posts
            .iter()
            .all(|post| is_answer(post) && post["response_type"] == "ephemeral")
    );
    let calls = bot.slack.calls("response_url", 2).await;
    assert!(
        calls.iter().all(|call| !call.authorized),
        "no token goes to a response address"
    );
    assert_eq!(
        bot.asked(),
        [
            (Intent::Ask, "low back pain?".to_owned()),
            (Intent::Code, "M54.50".to_owned())
        ]
    );
}

#[tokio::test]
async fn without_words_there_is_help() {
    let bot = Bot::start().await;
    assert_eq!(bot.slack.command("/code", " ").await, None);
    bot.slack.posts(1).await;
    bot.slack.command("/casebook", "help").await;
    bot.slack.posts(2).await;
    let ts = bot.slack.mention("C1", "").await;
    bot.slack.posts(3).await;
    bot.slack.direct_message("help").await;
    let posts = bot.slack.posts(4).await;
    // In a channel help is for who asked for it alone.
    assert!(posts[..3].iter().all(|post| post["ephemeral"] == true));
    assert_eq!(
        (&posts[2]["thread_ts"], &posts[2]["user"]),
        (&json!(ts), &json!(PERSON))
    );
    for post in posts {
        for topic in casebook_desk::TOPICS {
            assert!(post["blocks"].to_string().contains(topic.example), "{post}");
        }
    }
    assert_eq!(bot.asked(), []);
}

#[tokio::test]
async fn the_setting_of_the_configuration_reaches_the_engine() {
    let bot = Bot::with(json!({"setting": "facility"}), 1).await;
    bot.slack.mention("C0", "MUE of 77003?").await;
    bot.slack.posts(1).await;
    let asked = bot.engine.asked.lock().expect("not poisoned");
    assert_eq!(asked[0].setting, Some(casebook_core::Setting::Facility));
}

#[tokio::test]
async fn frames_are_acknowledged_while_answers_take_long() {
    let bot = Bot::with(json!({}), 0).await;
    // Each of these waits for its acknowledgement, for 3 s at most.
    bot.slack.mention("C1", "one").await;
    bot.slack.mention("C2", "two").await;
    bot.slack.command("/ask", "three").await;
    bot.engine.permits.add_permits(3);
    assert!(bot.slack.posts(3).await.iter().all(is_answer));
}

#[tokio::test]
async fn a_slow_answer_is_marked_even_where_the_token_may_not() {
    for trouble in [None, Some(Trouble::Refused("missing_scope"))] {
        let bot = Bot::with(json!({}), 0).await;
        bot.slack.trouble("reactions.add", trouble);
        let ts = bot.slack.mention("C0", "slow").await;
        let mark = bot.slack.calls("reactions.add", 1).await[0].body.clone();
        assert_eq!(
            mark,
            json!({"channel": "C0", "timestamp": ts, "name": "eyes"})
        );
        bot.engine.permits.add_permits(1);
        assert!(is_answer(&bot.slack.posts(1).await[0]));
    }
}

#[tokio::test]
async fn what_is_delivered_twice_is_answered_once() {
    let bot = Bot::start().await;
    // Slack's retry: the same event under the same id.
    let event = bot.slack.message("app_mention", "C0", "<@U0BOT> M54.50");
    bot.slack.event_with_id(event.clone(), "Ev-again").await;
    bot.slack.event_with_id(event.clone(), "Ev-again").await;
    // One message as two events.
    let mut message = event;
    message["type"] = "message".into();
    bot.slack.event(message).await;
    let mut direct = bot.slack.message("message", "D0PERSON", "<@U0BOT> M54.50");
    direct["channel_type"] = "im".into();
    bot.slack.event(direct.clone()).await;
    direct["type"] = "app_mention".into();
    bot.slack.event(direct).await;
    bot.slack.posts(2).await;
    bot.only(2).await;
    // Slack would drop a second post by its id; the engine must not be asked for it either.
    assert_eq!(bot.asked().len(), 3);
}

#[tokio::test]
async fn a_command_that_is_delivered_twice_is_answered_once() {
    let bot = Bot::start().await;
    let payload = bot.slack.commanded("/ask", "M54.50");
    bot.slack.deliver("slash_commands", payload.clone()).await;
    bot.slack.deliver("slash_commands", payload).await;
    bot.slack.posts(1).await;
    bot.only(1).await;
}

#[tokio::test]
async fn nobody_but_people_who_mean_the_bot_are_answered() {
    let bot = Bot::start().await;
    let change = |kind: &str, channel: &str, change: Value| {
        let mut event = bot.slack.message(kind, channel, "<@U0BOT> M54.50");
        for (key, value) in change.as_object().expect("an object") {
            event[key] = value.clone();
        }
        event
    };
    for event in [
        change("app_mention", "C0", json!({"bot_id": "B1"})),
        change("app_mention", "C0", json!({"bot_profile": {"id": "B1"}})),
        change("app_mention", "C0", json!({"user": BOT_USER})),
        change("app_mention", "C0", json!({"user": "USLACKBOT"})),
        change("app_mention", "C0", json!({"user": null})),
        change(
            "app_mention",
            "C0",
            json!({"edited": {"user": PERSON, "ts": "1.2"}}),
        ),
        change("message", "C0", json!({"channel_type": "channel"})),
        change(
            "message",
            "D0PERSON",
            json!({"channel_type": "im", "subtype": "bot_message"}),
        ),
        change(
            "message",
            "D0PERSON",
            json!({"channel_type": "im", "subtype": "channel_join"}),
        ),
        change(
            "message",
            "D0PERSON",
            json!({"channel_type": "im", "subtype": "message_changed", "message": {"text": "x"}}),
        ),
        json!({"type": "reaction_added", "user": PERSON, "item": {"channel": "C0"}}),
        json!({"type": "channel_created", "channel": {"id": "C1"}}),
        json!({"type": "message", "channel_type": "im"}),
    ] {
        bot.slack.event(event).await;
    }
    bot.slack
        .deliver("interactive", json!({"type": "block_actions"}))
        .await;
    bot.slack.deliver("a type of tomorrow", json!([])).await;
    bot.only(0).await;
}

#[tokio::test]
async fn too_many_questions_are_declined_with_a_reason() {
    let bot = Bot::with(json!({"answers_in_flight": 1, "queue": 0}), 0).await;
    bot.slack.mention("C1", "one").await;
    bot.engine_asked(1).await;
    let ts = bot.slack.mention("C2", "two").await;
    let busy = &bot.slack.posts(1).await[0];
    let says_busy = |post: &Value| {
        post["ephemeral"] == true
            && post["text"]
                .as_str()
                .is_some_and(|text| text.contains("ask this one again"))
    };
    assert!(says_busy(busy), "{busy}");
    assert_eq!(
        (&busy["channel"], &busy["thread_ts"]),
        (&json!("C2"), &json!(ts))
    );
    bot.slack.command("/ask", "three").await;
    assert!(says_busy(&bot.slack.posts(2).await[1]));
    bot.engine.permits.add_permits(1);
    assert!(is_answer(&bot.slack.posts(3).await[2]));
}

#[tokio::test]
async fn failures_and_panics_are_told_with_a_reference() {
    let bot = Bot::start().await;
    bot.slack.mention("C0", "fail").await;
    bot.slack.posts(1).await;
    bot.slack.mention("C0", "panic").await;
    bot.slack.posts(2).await;
    bot.slack.command("/ask", "fail").await;
    let posts = bot.slack.posts(3).await;
    let texts: Vec<&str> = posts
        .iter()
        .map(|post| post["text"].as_str().expect("text"))
        .collect();
    for (text, begins) in texts.iter().zip([
        "The sources are being loaded. Ask again in &lt;5 min&gt;. (Reference ",
        "Casebook failed over this question. ",
        "The sources are being loaded. ",
    ]) {
        assert!(
            text.starts_with(begins) && !text.contains("store.db"),
            "{text}"
        );
        let (_, reference) = text.split_once("(Reference ").expect("a reference");
        assert_eq!(reference.len(), "12345678)".len(), "{text}");
    }
    bot.only(3).await;
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_given_up() {
    let bot = Bot::with(json!({"answer_timeout_s": 1}), 0).await;
    bot.slack.mention("C0", "M54.50").await;
    let text = bot.slack.posts(1).await[0]["text"].to_string();
    assert!(
        text.contains("took too long") && text.contains("Reference"),
        "{text}"
    );
}

#[tokio::test]
async fn posts_are_repeated_after_passing_trouble_and_appear_once() {
    let bot = Bot::start().await;
    for trouble in [
        Trouble::Limited(1),
        Trouble::Status(503),
        Trouble::Refused("service_unavailable"),
        Trouble::Refused("internal_error"),
        // Carried out, but Slack's answer is lost: it posts once all the same.
        Trouble::StatusAfterwards(500),
    ] {
        let bot = Bot::start().await;
        bot.slack.trouble("chat.postMessage", [trouble]);
        bot.slack.mention("C0", "M54.50").await;
        let calls = bot.slack.calls("chat.postMessage", 2).await;
        assert_eq!(calls[0].body, calls[1].body, "after {trouble:?}");
        assert!(is_answer(&bot.slack.posts(1).await[0]), "after {trouble:?}");
        bot.only(1).await;
    }
    bot.only(0).await;
}

#[tokio::test]
async fn a_channel_is_not_posted_to_faster_than_slack_takes_it() {
    let bot = Bot::start().await;
    let begun = Instant::now();
    for _ in 0..5 {
        bot.slack.mention("C0", "M54.50").await;
    }
    bot.slack.mention("C1", "M54.50").await;
    bot.slack.posts(6).await;
    let calls = bot.slack.calls("chat.postMessage", 6).await;
    let of = |channel: &str| {
        let calls = calls.iter().filter(|call| call.body["channel"] == channel);
        calls.map(|call| call.at).collect::<Vec<_>>()
    };
    // Three at once, then one a second; another channel waits for none of them.
    let (slow, other) = (of("C0"), of("C1"));
    assert!(slow[4] - begun >= Duration::from_millis(1900), "{slow:?}");
    assert!(other[0] < slow[4]);
}

#[tokio::test]
async fn a_call_that_hangs_is_given_up_and_repeated() {
    let bot = Bot::start().await;
    bot.slack.trouble("chat.postMessage", [Trouble::Silence]);
    bot.slack.mention("C0", "M54.50").await;
    assert!(is_answer(&bot.slack.posts(1).await[0]));
    bot.only(1).await;
}

#[tokio::test]
async fn a_response_address_is_used_again_where_slack_did_nothing() {
    let bot = Bot::start().await;
    bot.slack
        .trouble("response_url", [Trouble::Limited(0), Trouble::Status(502)]);
    bot.slack.command("/ask", "M54.50").await;
    assert!(is_answer(&bot.slack.posts(1).await[0]));
    assert_eq!(bot.slack.calls("response_url", 3).await.len(), 3);
    bot.only(1).await;
}

#[tokio::test]
async fn a_lasting_refusal_is_not_repeated() {
    let bot = Bot::start().await;
    bot.slack
        .trouble("chat.postMessage", [Trouble::Refused("channel_not_found")]);
    bot.slack.mention("C0", "M54.50").await;
    bot.slack.calls("chat.postMessage", 1).await;
    bot.only(0).await;
    assert_eq!(bot.slack.calls("chat.postMessage", 2).await.len(), 2);
}

#[tokio::test]
async fn where_slack_refuses_the_blocks_the_text_is_posted() {
    for code in ["invalid_blocks", "msg_blocks_too_long"] {
        let bot = Bot::start().await;
        bot.slack
            .trouble("chat.postMessage", [Trouble::Refused(code)]);
        bot.slack.mention("C0", "M54.50").await;
        let post = bot.slack.posts(1).await[0].clone();
        assert!(
            post["text"]
                .as_str()
                .is_some_and(|text| text.starts_with(DIRECT))
        );
        assert_eq!(post["blocks"], Value::Null);
    }
}

#[tokio::test]
async fn a_connection_that_ends_is_replaced() {
    for (i, reason) in [
        "warning",
        "refresh_requested",
        "link_disabled",
        "something new",
    ]
    .iter()
    .enumerate()
    {
        let bot = Bot::start().await;
        bot.slack.disconnect(reason);
        bot.slack.greeted(2).await;
        bot.slack.mention("C0", "M54.50").await;
        assert!(
            is_answer(&bot.slack.posts(1).await[0]),
            "{i}: after {reason}"
        );
        // One attempt for each connection: no storm.
        assert_eq!(
            bot.slack.calls("apps.connections.open", 3).await.len(),
            3,
            "after {reason}"
        );
    }
}

#[tokio::test]
async fn link_disabled_again_and_again_ends_the_run_with_advice() {
    let bot = Bot::start().await;
    for n in 1..=3 {
        bot.slack.greeted(n).await;
        bot.slack.disconnect("link_disabled");
    }
    let error = bot
        .run
        .running
        .await
        .expect("no panic")
        .expect_err("disabled")
        .to_string();
    assert!(error.contains("switch Socket Mode on"), "{error}");
}

#[tokio::test]
async fn a_connection_that_is_to_end_serves_until_the_next_is_there() {
    let bot = Bot::start().await;
    bot.slack
        .send(json!({"type": "disconnect", "reason": "warning"}));
    bot.slack.mention("C1", "M54.50").await;
    assert!(is_answer(&bot.slack.posts(1).await[0]));
    bot.slack.greeted(2).await;
    bot.only(1).await;
}

#[tokio::test]
async fn a_refused_token_ends_the_run_with_advice() {
    for (method, key) in [
        ("auth.test", "bot_token"),
        ("apps.connections.open", "app_token"),
    ] {
        let slack = Slack::start().await;
        slack.trouble(method, [Trouble::Refused("invalid_auth")]);
        let run = Run::start(&slack, json!({}), Engine::new(sample(), 0), state());
        let error = run
            .running
            .await
            .expect("no panic")
            .expect_err("refused")
            .to_string();
        assert!(
            error.contains(method) && error.contains(&format!("slack.{key}")),
            "{error}"
        );
    }
}

#[tokio::test]
async fn slack_that_is_away_at_the_start_is_waited_for() {
    let slack = Slack::start().await;
    slack.trouble("auth.test", [Trouble::Status(503)]);
    let _run = Run::start(&slack, json!({}), Engine::new(sample(), 1), state());
    slack.greeted(1).await;
    slack.mention("C0", "M54.50").await;
    assert!(is_answer(&slack.posts(1).await[0]));
}

#[tokio::test]
async fn stopping_lets_answers_finish() {
    let bot = Bot::with(json!({}), 0).await;
    bot.slack.mention("C0", "M54.50").await;
    bot.engine_asked(1).await;
    bot.run.stop.cancel();
    bot.engine.permits.add_permits(1);
    bot.run.running.await.expect("no panic").expect("no error");
    assert!(is_answer(&bot.slack.posts(1).await[0]));
}

#[tokio::test]
async fn stopping_does_not_wait_for_ever() {
    let bot = Bot::with(json!({}), 0).await;
    bot.slack.mention("C0", "never answered").await;
    bot.engine_asked(1).await;
    bot.run.stop.cancel();
    bot.run.running.await.expect("no panic").expect("no error");
    let post = &bot.slack.posts(1).await[0];
    assert!(
        post["text"]
            .as_str()
            .is_some_and(|text| text.contains("being restarted"))
    );
}

#[test]
fn the_configuration_hides_its_tokens_and_refuses_unknown_keys() {
    let config = json!({"app_token": "xapp-secret", "bot_token": "xoxb-secret"});
    let parsed: casebook_slack::Config =
        serde_json::from_value(config.clone()).expect("defaults for the rest");
    assert!(!format!("{parsed:?}").contains("secret\""));
    assert_eq!(parsed.answers_in_flight.get(), 16);
    assert_eq!(parsed.answer_timeout_s.get(), 60);
    let mut unknown = config;
    unknown["bot_tokn"] = "x".into();
    assert!(serde_json::from_value::<casebook_slack::Config>(unknown).is_err());
}
