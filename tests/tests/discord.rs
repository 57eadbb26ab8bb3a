//! Casebook in Discord, from an event on the gateway to what the person who asked sees.

use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use casebook_core::{Answer, Failure, Intent, Request, Respond, Setting};
use casebook_discord::{Config, DiscordError, LOG_FILTER, run};
use casebook_tests::answers::sample;
use casebook_tests::discord::{BOT, CHANNEL, Discord, How, TOKEN};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{EnvFilter, fmt};

/// Stands for patient data in what people type.
const SECRET: &str = "Zebulon Quince";

/// Answers with the sample; words in the question make it behave otherwise.
struct Fake {
    asked: Mutex<Vec<Request>>,
    /// One permit lets one question with `wait` in it go on.
    gate: Semaphore,
}

#[async_trait]
impl Respond for Fake {
    async fn respond(&self, request: Request) -> Result<Answer, Failure> {
        let text = request.text.clone();
        self.asked.lock().unwrap().push(request);
        if text.contains("wait") {
            self.gate.acquire().await.unwrap().forget();
        }
        assert!(!text.contains("panic"), "asked to panic");
        if text.contains("fail") {
            return Err(Failure {
                for_person: "The store is being rebuilt. Ask again in a minute.".into(),
                for_operator: "store/index.rs: the index has no segment".into(),
            });
        }
        Ok(sample())
    }
}

impl Fake {
    fn asked(&self) -> Vec<Request> {
        self.asked.lock().unwrap().clone()
    }
}

struct Bot {
    discord: Discord,
    fake: Arc<Fake>,
    stop: CancellationToken,
    task: JoinHandle<Result<(), DiscordError>>,
}

fn config(mut value: Value) -> Config {
    value["token"] = json!(TOKEN);
    serde_json::from_value(value).unwrap()
}

fn start_on(discord: &Discord, mut settings: Value) -> Bot {
    logs();
    settings["api_url"] = json!(discord.url());
    let fake = Arc::new(Fake {
        asked: Mutex::default(),
        gate: Semaphore::new(0),
    });
    let stop = CancellationToken::new();
    let respond: Arc<dyn Respond> = Arc::clone(&fake) as _;
    let task = tokio::spawn(run(config(settings), respond, stop.clone()));
    Bot {
        discord: discord.clone(),
        fake,
        stop,
        task,
    }
}

async fn start(settings: Value) -> Bot {
    let bot = start_on(&Discord::start().await, settings);
    bot.discord.ready().await;
    bot
}

fn description(answer: &Value) -> &str {
    answer["embeds"][0]["description"].as_str().unwrap()
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn lines(&self) -> Vec<String> {
        String::from_utf8_lossy(&self.0.lock().unwrap())
            .lines()
            .map(str::to_owned)
            .collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The log of this process: first as an operator has it by default, with our crates at TRACE on top;
/// second with everything, to show that the first test can fail.
fn logs() -> (Log, Log) {
    static LOGS: OnceLock<(Log, Log)> = OnceLock::new();
    LOGS.get_or_init(|| {
        let (ours, all) = (Log::default(), Log::default());
        let filter = format!("info,{LOG_FILTER},casebook_discord=trace,casebook_core=trace");
        let layer = |log: &Log, filter: &str| {
            fmt::layer()
                .with_ansi(false)
                .with_writer(log.clone())
                .with_filter(EnvFilter::new(filter))
        };
        let layers = vec![layer(&ours, &filter), layer(&all, "warn,serenity=debug")];
        tracing_subscriber::registry().with(layers).init();
        (ours, all)
    })
    .clone()
}

#[tokio::test]
async fn a_command_is_deferred_privately_and_then_edited() {
    let bot = start(json!({})).await;
    let options = [
        ("question", "Is <@1> **M54.50** billable?"),
        ("date", "2026-11-24"),
        ("setting", "facility"),
    ];
    let id = bot.discord.command("ask", &options);
    let answer = bot.discord.answer(id).await;
    assert_eq!(answer["flags"], 64, "only the person who asked sees it");
    assert!(
        description(&answer).contains("M54.50 Low back pain, unspecified: billable"),
        "{answer}"
    );
    assert_eq!(answer["allowed_mentions"]["parse"], json!([]));
    let asked = &bot.fake.asked()[0];
    assert_eq!(asked.text, "Is @user M54.50 billable?");
    assert_eq!(
        (asked.intent, asked.setting),
        (Intent::Ask, Some(Setting::Facility))
    );
    assert_eq!(asked.as_of.unwrap().to_string(), "2026-11-24");
}

#[tokio::test]
async fn codes_are_asked_for_and_answers_may_be_public() {
    let bot = start(json!({"public_answers": true})).await;
    let id = bot.discord.command("code", &[("codes", "M54.50 77003")]);
    assert_eq!(bot.discord.answer(id).await["flags"], 0);
    let asked = &bot.fake.asked()[0];
    assert_eq!(
        (asked.intent, asked.text.as_str(), asked.as_of),
        (Intent::Code, "M54.50 77003", None)
    );
}

#[tokio::test]
async fn the_first_reply_does_not_wait_for_the_answer() {
    let bot = start(json!({})).await;
    let id = bot.discord.command("ask", &[("question", "wait for it")]);
    let deferred = bot.discord.calls_of("/callback").await;
    assert_eq!(
        (deferred[0].body["type"].as_u64(), deferred[0].status),
        (Some(5), 204)
    );
    assert!(
        bot.discord
            .calls()
            .iter()
            .all(|c| !c.what.starts_with("PATCH")),
        "not answered yet"
    );
    bot.fake.gate.add_permits(1);
    bot.discord.answer(id).await;
}

#[tokio::test]
async fn a_mention_gets_one_reply_that_pings_nobody() {
    let bot = start(json!({})).await;
    let id = bot
        .discord
        .mention(&format!("<@{BOT}> wait: is M54.50 billable?"));
    let typing = bot.discord.calls_of("/typing").await;
    assert_eq!(typing[0].what, format!("POST /channels/{CHANNEL}/typing"));
    bot.fake.gate.add_permits(1);
    let post = bot.discord.answer(id).await;
    assert_eq!(
        post["allowed_mentions"],
        json!({"parse": [], "users": [], "roles": [], "replied_user": false})
    );
    assert_eq!(post["message_reference"]["fail_if_not_exists"], false);
    assert_eq!(post["nonce"], id.to_string());
    assert_eq!(bot.fake.asked()[0].text, "wait: is M54.50 billable?");
}

#[tokio::test]
async fn a_direct_message_needs_no_mention() {
    let bot = start(json!({})).await;
    let id = bot.discord.direct("Is M54.50 billable?");
    bot.discord.answer(id).await;
    assert_eq!(bot.fake.asked()[0].text, "Is M54.50 billable?");
}

#[tokio::test]
async fn only_people_who_turn_to_us_are_answered() {
    let bot = start(json!({})).await;
    let mention = format!("<@{BOT}> hello");
    let robot = json!({"author": {"id": "5", "username": "other", "discriminator": "0", "avatar": null, "bot": true}});
    let ourselves = json!({"author": {"id": BOT.to_string(), "username": "casebook", "discriminator": "0", "avatar": null, "bot": true}});
    bot.discord.say(&mention, CHANNEL, robot);
    bot.discord.say(&mention, CHANNEL, ourselves);
    bot.discord
        .say(&mention, CHANNEL, json!({"webhook_id": "77"}));
    bot.discord.say(&mention, CHANNEL, json!({"type": 7}));
    bot.discord.say("Is M54.50 billable?", CHANNEL, json!({}));
    bot.discord
        .say("@everyone", CHANNEL, json!({"mention_everyone": true}));
    bot.discord.say(
        "<@&900000000000000001>",
        CHANNEL,
        json!({"mention_roles": ["900000000000000001"], "mentions": []}),
    );
    let id = bot.discord.mention(&mention);
    bot.discord.answer(id).await;
    assert_eq!(bot.fake.asked().len(), 1);
    assert_eq!(bot.discord.posts().len(), 1);
}

#[tokio::test]
async fn what_is_delivered_twice_is_answered_once() {
    let bot = start(json!({})).await;
    let (message, command) = (
        bot.discord.direct("one"),
        bot.discord.command("ask", &[("question", "two")]),
    );
    bot.discord.deliver_again(message);
    bot.discord.deliver_again(command);
    bot.discord.answer(message).await;
    bot.discord.answer(command).await;
    bot.discord.deliver_again(message);
    bot.discord.deliver_again(command);
    let last = bot.discord.direct("three");
    bot.discord.answer(last).await;
    assert_eq!(bot.fake.asked().len(), 3);
    assert_eq!(bot.discord.posts().len(), 2);
}

#[tokio::test]
async fn a_lost_reply_to_a_post_does_not_double_it() {
    let bot = start(json!({})).await;
    bot.discord.fail("/messages", How::Lost);
    let id = bot.discord.direct("hello");
    bot.discord.until_calls("POST /channels", 2).await;
    bot.discord.answer(id).await;
    assert_eq!(bot.discord.posts().len(), 1);
}

#[tokio::test]
async fn a_lost_reply_to_the_first_reply_is_no_failure() {
    let bot = start(json!({})).await;
    bot.discord.fail("/callback", How::Lost);
    let id = bot.discord.command("ask", &[("question", "hello")]);
    bot.discord.answer(id).await;
    assert_eq!(
        bot.discord
            .calls_of("/callback")
            .await
            .last()
            .unwrap()
            .status,
        400
    );
}

#[tokio::test]
async fn limits_and_outages_are_waited_out() {
    let bot = start(json!({})).await;
    for how in [How::TooMany(0.2), How::Status(500), How::Status(503)] {
        bot.discord.fail("/messages", how);
    }
    bot.discord.fail("/callback", How::Status(502));
    bot.discord.fail("PATCH", How::TooMany(0.1));
    let message = bot.discord.direct("one");
    let command = bot.discord.command("ask", &[("question", "two")]);
    bot.discord.answer(message).await;
    bot.discord.answer(command).await;
    let pauses: Vec<Duration> = bot
        .discord
        .calls()
        .iter()
        .filter(|c| c.what.starts_with("POST /channels"))
        .map(|c| c.at)
        .collect::<Vec<_>>()
        .windows(2)
        .map(|pair| pair[1] - pair[0])
        .collect();
    assert!(
        pauses[0] >= Duration::from_millis(200) && pauses.is_sorted(),
        "{pauses:?}"
    );
}

#[tokio::test]
async fn whoever_asks_nothing_is_told_how_to_ask() {
    let bot = start(json!({})).await;
    let id = bot.discord.mention(&format!(" <@{BOT}> "));
    assert_eq!(
        bot.discord.answer(id).await["embeds"][0]["title"],
        "How to ask"
    );
    let id = bot
        .discord
        .command("ask", &[("question", "yesterday"), ("date", "24.11.2026")]);
    assert!(description(&bot.discord.answer(id).await).contains("such as 2026-11-24"));
    assert!(bot.fake.asked().is_empty());
}

#[tokio::test]
async fn a_failure_is_shown_with_a_reference_and_logged_once_under_it() {
    let bot = start(json!({})).await;
    let id = bot
        .discord
        .command("ask", &[("question", &format!("fail for {SECRET}"))]);
    let answer = bot.discord.answer(id).await;
    assert_eq!(
        description(&answer),
        "The store is being rebuilt. Ask again in a minute."
    );
    assert_eq!(
        answer["embeds"][0]["footer"]["text"],
        format!("Reference {id}")
    );
    assert!(!answer.to_string().contains("store/index.rs"));
    let logged: Vec<String> = logs()
        .0
        .lines()
        .into_iter()
        .filter(|l| l.contains("no segment"))
        .collect();
    assert_eq!(
        logged
            .iter()
            .filter(|l| l.contains(&id.to_string()))
            .count(),
        1,
        "{logged:?}"
    );
}

#[tokio::test]
async fn a_panic_fails_one_answer_alone() {
    let bot = start(json!({})).await;
    let id = bot.discord.direct("panic");
    assert!(description(&bot.discord.answer(id).await).contains("failed on this question"));
    let id = bot.discord.direct("hello");
    assert!(description(&bot.discord.answer(id).await).contains("M54.50"));
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_given_up() {
    let bot = start(json!({"answer_timeout_s": 1})).await;
    let id = bot.discord.command("ask", &[("question", "wait")]);
    assert!(description(&bot.discord.answer(id).await).contains("took too long"));
}

#[tokio::test]
async fn beyond_the_limit_people_are_told_that_it_is_busy() {
    let bot = start(json!({"answers_in_flight": 1})).await;
    let first = bot.discord.direct("wait");
    bot.discord.calls_of("/typing").await;
    let second = bot.discord.direct("hello");
    assert!(description(&bot.discord.answer(second).await).contains("busy"));
    bot.fake.gate.add_permits(1);
    assert!(description(&bot.discord.answer(first).await).contains("M54.50"));
    // The permit comes back just after the post.
    let mut third = bot.discord.direct("hello again");
    while description(&bot.discord.answer(third).await).contains("busy") {
        third = bot.discord.direct("hello again");
    }
}

#[tokio::test]
async fn commands_are_registered_once() {
    let bot = start(json!({})).await;
    bot.stop.cancel();
    bot.task.await.unwrap().unwrap();
    let names: Vec<Value> = bot
        .discord
        .commands()
        .iter()
        .map(|c| c["name"].clone())
        .collect();
    assert_eq!(names, ["ask", "code"]);
    let again = start_on(&bot.discord, json!({}));
    bot.discord.until_sessions(2, 0).await;
    let id = bot.discord.direct("hello");
    bot.discord.answer(id).await;
    again.stop.cancel();
    again.task.await.unwrap().unwrap();
    let calls = bot.discord.calls();
    let of = |verb: &str| {
        calls
            .iter()
            .filter(|c| c.what.starts_with(verb) && c.what.ends_with("/commands"))
            .count()
    };
    assert_eq!((of("GET"), of("PUT")), (2, 1));
}

#[tokio::test]
async fn commands_of_one_guild_for_development() {
    let bot = start(json!({"guild_id": casebook_tests::discord::GUILD})).await;
    assert_eq!(bot.discord.guild_commands().len(), 2);
    assert!(bot.discord.commands().is_empty());
}

#[tokio::test]
async fn a_dropped_connection_is_resumed_and_nothing_is_missed() {
    let bot = start(json!({})).await;
    bot.discord.hang_up();
    let id = bot.discord.direct("asked in the gap");
    bot.discord.answer(id).await;
    bot.discord.until_sessions(1, 1).await;
    bot.discord.frame(json!({"op": 7, "d": null}));
    bot.discord.until_sessions(1, 2).await;
    let id = bot.discord.direct("asked afterwards");
    bot.discord.answer(id).await;
    assert_eq!(bot.fake.asked().len(), 2);
}

#[tokio::test]
async fn a_lost_session_is_begun_anew() {
    let bot = start(json!({})).await;
    bot.discord.frame(json!({"op": 9, "d": false}));
    bot.discord.until_sessions(2, 0).await;
    let id = bot.discord.direct("hello");
    bot.discord.answer(id).await;
}

#[tokio::test]
async fn stopping_lets_answers_finish_and_takes_leave() {
    let bot = start(json!({})).await;
    let id = bot.discord.command("ask", &[("question", "wait")]);
    bot.discord.calls_of("/callback").await;
    bot.stop.cancel();
    assert_eq!(bot.discord.closed().await, 1000);
    bot.fake.gate.add_permits(1);
    bot.task.await.unwrap().unwrap();
    assert!(description(&bot.discord.answer(id).await).contains("M54.50"));
}

#[tokio::test]
async fn stopping_does_not_wait_for_ever() {
    let bot = start(json!({})).await;
    let id = bot.discord.command("ask", &[("question", "wait")]);
    bot.discord.calls_of("/callback").await;
    bot.stop.cancel();
    bot.task.await.unwrap().unwrap();
    assert!(description(&bot.discord.answer(id).await).contains("being restarted"));
}

#[tokio::test]
async fn a_start_that_cannot_succeed_says_what_to_do() {
    let discord = Discord::start().await;
    let fake: Arc<dyn Respond> = Arc::new(Fake {
        asked: Mutex::default(),
        gate: Semaphore::new(0),
    });
    let error = |value: Value| {
        let config: Config = serde_json::from_value(value).unwrap();
        run(config, Arc::clone(&fake), CancellationToken::new())
    };
    // Discord refuses a token on the gateway; a proxy may do so before.
    for proxy in [false, true] {
        if proxy {
            discord.fail("GET /gateway", How::Status(401));
        }
        let wrong = error(json!({"token": "wrong", "api_url": discord.url()}))
            .await
            .unwrap_err();
        assert!(matches!(wrong, DiscordError::Token), "{wrong}");
    }
    let no_address = error(json!({"token": TOKEN, "api_url": "discord.example"}))
        .await
        .unwrap_err();
    assert!(
        no_address.to_string().contains("must begin with http://"),
        "{no_address}"
    );
    let closed = error(json!({"token": TOKEN, "api_url": "http://127.0.0.1:1"}))
        .await
        .unwrap_err();
    assert!(closed.to_string().contains("127.0.0.1:1"), "{closed}");
}

#[tokio::test]
async fn an_interaction_that_serenity_cannot_parse_is_reported() {
    let bot = start(json!({})).await;
    bot.discord
        .dispatch("INTERACTION_CREATE", json!({"id": "1", "content": SECRET}));
    let id = bot.discord.direct("hello");
    bot.discord.answer(id).await;
    let warned = || {
        logs()
            .0
            .lines()
            .iter()
            .any(|l| l.contains("cannot parse an INTERACTION_CREATE"))
    };
    while !warned() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn no_log_holds_what_people_type() {
    let bot = start(json!({})).await;
    for fault in [How::Status(400), How::TooMany(0.1)] {
        bot.discord.fail("/messages", fault);
        let id = bot.discord.direct(&format!("{SECRET}, M54.50?"));
        bot.discord.dispatch(
            "MESSAGE_CREATE",
            json!({"id": id.to_string(), "content": SECRET}),
        );
    }
    for question in [SECRET.to_owned(), format!("fail {SECRET}")] {
        let id = bot.discord.command("ask", &[("question", &question)]);
        bot.discord.answer(id).await;
    }
    // A frame that is no event at all: serenity prints it at WARN.
    bot.discord
        .frame(json!({"op": "nothing", "content": SECRET}));
    bot.discord.hang_up();
    bot.discord.until_sessions(1, 1).await;
    let last = bot.discord.direct(SECRET);
    bot.discord.answer(last).await;
    let (ours, all) = logs();
    let leaks = |log: &Log| {
        log.lines()
            .into_iter()
            .filter(|l| l.contains("Zebulon"))
            .collect::<Vec<_>>()
    };
    assert!(
        leaks(&all).iter().any(|l| l.contains("WARN")),
        "serenity logs text unless LOG_FILTER stands against it"
    );
    assert_eq!(leaks(&ours), Vec::<String>::new());
    assert!(
        ours.lines()
            .iter()
            .any(|l| l.contains("connected to Discord"))
    );
    assert!(
        !ours
            .lines()
            .iter()
            .any(|l| l.contains(TOKEN) || l.contains("token-"))
    );
}

#[test]
fn configuration_hides_the_token_and_knows_its_keys() {
    assert!(!format!("{:?}", config(json!({}))).contains(TOKEN));
    let unknown = serde_json::from_value::<Config>(json!({"token": "t", "tokn": 1}));
    assert!(
        unknown
            .unwrap_err()
            .to_string()
            .contains("unknown field `tokn`")
    );
}
