//! Casebook in Slack against the stand-in, over the real protocol: what a person asks is answered once,
//! in the right place, whatever goes wrong on the way.

use std::sync::{Arc, Mutex};

use casebook_core::{Answer, CodeRef, EditionRef, Failure, Intent, Request, Respond};
use casebook_slack::SlackError;
use casebook_tests::answers::sample;
use casebook_tests::slack::{BOT_USER, PERSON, Slack, Trouble};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The first line of [`sample`], by which its posts are known.
const DIRECT: &str = "FY2026 (April 2026) of ICD-10-CM is not in force";

/// Answers [`sample`] while there are permits; fails or panics over some words.
struct Engine {
    asked: Mutex<Vec<Request>>,
    permits: Semaphore,
}

#[async_trait::async_trait]
impl Respond for Engine {
    async fn respond(&self, request: Request) -> Result<Answer, Failure> {
        let text = request.text.clone();
        self.asked.lock().expect("not poisoned").push(request);
        match text.as_str() {
            "fail" => Err(Failure {
                for_person: "The sources are being loaded. Ask again in <5 min>.".into(),
                for_operator: "store.db: locked".into(),
            }),
            "panic" => panic!("on purpose"),
            _ => {
                self.permits.acquire().await.expect("open").forget();
                Ok(sample())
            }
        }
    }

    async fn suggest(&self, _: &str, _: usize) -> Result<Vec<CodeRef>, Failure> {
        Ok(Vec::new())
    }

    fn loaded(&self) -> Result<Vec<EditionRef>, Failure> {
        Ok(Vec::new())
    }
}

/// The adapter, running against a stand-in.
struct Bot {
    slack: Slack,
    engine: Arc<Engine>,
    stop: CancellationToken,
    running: JoinHandle<Result<(), SlackError>>,
}

impl Bot {
    async fn start() -> Self {
        Self::with(json!({}), 1000).await
    }

    async fn with(config: Value, permits: usize) -> Self {
        let slack = Slack::start().await;
        let engine = Arc::new(Engine {
            asked: Mutex::default(),
            permits: Semaphore::new(permits),
        });
        let stop = CancellationToken::new();
        let running = tokio::spawn(casebook_slack::run(
            slack.config(config),
            engine.clone(),
            stop.clone(),
        ));
        slack.greeted(1).await;
        Self {
            slack,
            engine,
            stop,
            running,
        }
    }

    fn asked(&self) -> Vec<(Intent, String)> {
        let asked = self.engine.asked.lock().expect("not poisoned");
        asked
            .iter()
            .map(|request| (request.intent, request.text.clone()))
            .collect()
    }

    /// Asks once more and expects that this is the `n`th post, so that nothing was posted unseen before.
    async fn only(&self, n: usize) -> Vec<Value> {
        self.slack.mention("C0LAST", "the last one").await;
        let posts = self.slack.posts(n + 1).await;
        assert_eq!(posts.len(), n + 1);
        assert_eq!(posts[n]["channel"], "C0LAST");
        posts
    }
}

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
    let at_once = bot
        .slack
        .command("/code", " ")
        .await
        .expect("an answer at once");
    assert_eq!(at_once["response_type"], "ephemeral");
    let ts = bot.slack.mention("C0", "").await;
    bot.slack.direct_message("help").await;
    let mut posts = bot.slack.posts(2).await;
    posts.sort_by_key(|post| post["channel"].to_string());
    assert_eq!(posts[0]["thread_ts"], json!(ts));
    for text in [&at_once["text"], &posts[0]["text"], &posts[1]["text"]] {
        assert!(
            text.as_str()
                .is_some_and(|text| text.contains("`/ask` for a question")),
            "{text}"
        );
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
    let payload = json!({
        "command": "/ask", "text": "M54.50", "trigger_id": "1.2.3",
        "response_url": bot.slack.api_url().replace("/api", "/response/1"),
    });
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
    let bot = Bot::with(json!({"answers_in_flight": 1}), 0).await;
    bot.slack.mention("C1", "one").await;
    let ts = bot.slack.mention("C2", "two").await;
    let at_once = bot
        .slack
        .command("/ask", "three")
        .await
        .expect("an answer at once");
    assert!(
        at_once["text"]
            .as_str()
            .is_some_and(|text| text.contains("busy"))
    );
    let busy = &bot.slack.posts(1).await[0];
    assert!(
        busy["text"]
            .as_str()
            .is_some_and(|text| text.contains("ask this one again"))
    );
    assert_eq!(
        (&busy["channel"], &busy["thread_ts"]),
        (&json!("C2"), &json!(ts))
    );
    bot.engine.permits.add_permits(1);
    assert!(is_answer(&bot.slack.posts(2).await[1]));
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
    for (i, reason) in ["warning", "refresh_requested", "link_disabled"]
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
        let engine = Engine {
            asked: Mutex::default(),
            permits: Semaphore::new(0),
        };
        let run = casebook_slack::run(
            slack.config(json!({})),
            Arc::new(engine),
            CancellationToken::new(),
        );
        let error = run.await.expect_err("refused").to_string();
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
    let engine = Arc::new(Engine {
        asked: Mutex::default(),
        permits: Semaphore::new(1),
    });
    tokio::spawn(casebook_slack::run(
        slack.config(json!({})),
        engine,
        CancellationToken::new(),
    ));
    slack.greeted(1).await;
    slack.mention("C0", "M54.50").await;
    assert!(is_answer(&slack.posts(1).await[0]));
}

#[tokio::test]
async fn stopping_lets_answers_finish() {
    let bot = Bot::with(json!({}), 0).await;
    bot.slack.mention("C0", "M54.50").await;
    bot.stop.cancel();
    bot.engine.permits.add_permits(1);
    bot.running.await.expect("no panic").expect("no error");
    assert!(is_answer(&bot.slack.posts(1).await[0]));
}

#[tokio::test]
async fn stopping_does_not_wait_for_ever() {
    let bot = Bot::with(json!({}), 0).await;
    bot.slack.mention("C0", "never answered").await;
    bot.stop.cancel();
    bot.running.await.expect("no panic").expect("no error");
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
