//! Pictures and transcripts for the guides: every kind of message, out of the payloads that the stand-ins received from the
//! adapters, with answers of the real engine over our own small releases.
//!
//! A picture in `deploy/pictures` that is not what the payloads draw fails here. `INSTA_UPDATE=always cargo test --test
//! pictures` draws them anew: look at them before they are committed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use async_trait::async_trait;
use casebook_core::catalog::Catalog;
use casebook_core::catalog::ingest::{Options, ingest};
use casebook_core::{
    Answer, Casebook, CodeRef, EditionRef, Error, Failure, Request, Respond, Settings,
    StarterCorpus, StoreSettings,
};
use casebook_desk::{State, Supplies};
use casebook_tests::discord::{self, BOT, CHANNEL, Discord};
use casebook_tests::picture::{self, Look, Platform, Run as Piece, Scene, draw, torn, transcript};
use casebook_tests::slack::bot::{Bot, Run, state};
use casebook_tests::slack::{Call, PERSON, Slack, Trouble};
use chrono::NaiveDate;
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

const NOTE: &str = "58-year-old with diabetes of type 2, no complications. Low back pain for three weeks, no fever. Fell on \
                    the right hand: fracture of the lower end of the right radius, first visit.";
const WITH_PATIENT: &str =
    "Jane Roe, DOB 03/14/1961, MRN 4471920: is M54.50 right for her back pain?";
const MANY: &str = "62320 62321 62322 62323 62324 62325 62326 62327 64479 64480 64483 64484 64490 64491 64492 64493 64494 64495 77002 77003";
/// Manage Server.
const MANAGES: u64 = 1 << 5;

/// The engine as it answers on one day, and how it is made to fail or to take its time.
struct Stage {
    casebook: Casebook,
    mode: Mutex<Mode>,
    /// For which date of service it answers.
    on: Mutex<NaiveDate>,
    /// How many questions were made to wait.
    waiting: watch::Sender<usize>,
    go_on: Notify,
    _data: tempfile::TempDir,
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Answers,
    Fails,
    Waits,
}

fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 25).unwrap()
}

impl Stage {
    async fn open() -> Arc<Self> {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        let data = tempfile::tempdir().unwrap();
        let options = Options {
            today: today(),
            ..Options::default()
        };
        let catalog = Catalog::open(data.path()).unwrap();
        let releases = [fixtures.join("releases")];
        ingest(&catalog, &releases, &options, data.path(), &|_, _| ());
        drop(catalog);
        let starter = StarterCorpus {
            file: fixtures.join("tabular.xml"),
            name: "fixtures/tabular.xml".into(),
            sha256: "not loaded yet".into(),
        };
        let settings = Settings {
            data: data.path().to_owned(),
            store: StoreSettings::Edge,
        };
        let casebook = Casebook::open(&settings, Some(&starter), None, &|_| ())
            .await
            .unwrap();
        Arc::new(Self {
            casebook,
            mode: Mutex::new(Mode::Answers),
            on: Mutex::new(today()),
            waiting: watch::Sender::new(0),
            go_on: Notify::new(),
            _data: data,
        })
    }

    fn set(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
    }

    /// From now on it is this date.
    fn on(&self, date: &str) {
        *self.on.lock().unwrap() = date.parse().unwrap();
    }

    /// Waits until so many questions were made to wait in all.
    async fn waits_for(&self, n: usize) {
        let mut waiting = self.waiting.subscribe();
        waiting.wait_for(|waiting| *waiting >= n).await.unwrap();
    }
}

#[async_trait]
impl Respond for Stage {
    async fn respond(&self, mut request: Request) -> Result<Answer, Failure> {
        request.as_of = request.as_of.or(Some(*self.on.lock().unwrap()));
        let mode = *self.mode.lock().unwrap();
        match mode {
            Mode::Answers => {}
            Mode::Fails => return Err(Error::Stopped("in the wings".into()).into()),
            Mode::Waits => {
                let go_on = self.go_on.notified();
                let mut go_on = std::pin::pin!(go_on);
                go_on.as_mut().enable();
                self.waiting.send_modify(|n| *n += 1);
                go_on.await;
            }
        }
        self.casebook.respond(request).await
    }

    async fn suggest(&self, typed: &str, limit: usize) -> Result<Vec<CodeRef>, Failure> {
        self.casebook.suggest(typed, limit).await
    }

    fn loaded(&self) -> Result<Vec<EditionRef>, Failure> {
        let editions = self.casebook.editions(today()).map_err(Failure::from)?;
        let edition = |e: casebook_core::casebook::Loaded| EditionRef {
            in_force: e.effective <= today() && e.through.is_none_or(|t| today() <= t),
            source: e.source,
            edition: e.edition,
            effective: e.effective,
            through: e.through,
        };
        Ok(editions.sources.into_iter().map(edition).collect())
    }
}

/// Pictures of a platform, and what happens on them as one text.
struct Album {
    platform: Platform,
    prefix: &'static str,
    transcript: String,
    wrong: Vec<String>,
    drawn: BTreeSet<String>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/pictures")
}

impl Album {
    fn new(platform: Platform, prefix: &'static str) -> Self {
        Self {
            platform,
            prefix,
            transcript: String::new(),
            wrong: Vec::new(),
            drawn: BTreeSet::new(),
        }
    }

    /// One picture. `whole` is written out, `shown` is drawn.
    fn add(&mut self, name: &str, title: &str, scenes: &[Scene]) {
        self.transcript
            .push_str(&format!("=== {title}\n{}\n", transcript(scenes)));
        let svg = draw(self.platform, title, scenes);
        let name = format!("{}-{name}.svg", self.prefix);
        let path = folder().join(&name);
        if std::env::var_os("INSTA_UPDATE").is_some_and(|update| update == "always") {
            fs_err::create_dir_all(folder()).unwrap();
            fs_err::write(&path, &svg).unwrap();
        } else if fs_err::read_to_string(&path).ok().as_ref() != Some(&svg) {
            self.wrong.push(name.clone());
        }
        self.drawn.insert(name);
    }

    /// Compares the pictures with those that are committed and named in the guide.
    fn close(self, guide: &str) -> String {
        assert!(
            self.wrong.is_empty(),
            "not what the payloads draw: {:?}. INSTA_UPDATE=always cargo test --test pictures, and look at them",
            self.wrong
        );
        let names = fs_err::read_dir(folder()).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let kept: BTreeSet<String> = names.filter(|name| name.starts_with(self.prefix)).collect();
        assert_eq!(kept, self.drawn, "pictures that nothing draws any more");
        let path = folder().join("..").join(guide);
        let guide = fs_err::read_to_string(path).unwrap();
        for name in &self.drawn {
            assert!(
                guide.contains(&format!("](pictures/{name})")),
                "{name} is not in the guide"
            );
        }
        self.transcript
    }
}

fn person(text: &str) -> Scene {
    Scene::Person(vec![Piece::new(text, Look::Plain)])
}

fn place(text: &str) -> Scene {
    Scene::Place(text.to_owned())
}

fn typed(text: &str) -> Scene {
    Scene::Typed(text.to_owned())
}

/// Waits until a conversation's first question is remembered, which is once its answer stands.
async fn remembered(state: &State, conversation: &str) {
    while state.turns(conversation).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slack() {
    let stage = Stage::open().await;
    let slack = Slack::start().await;
    let state = state();
    let run = Run::start(&slack, json!({}), stage.clone(), state.clone());
    slack.greeted(1).await;
    slack.admin(PERSON);
    let mut album = Album::new(Platform::Slack, "slack");
    let said = picture::slack::message;
    let mut seen = 0;
    // The posts come one after the other, so the latest is the one that was just asked for.
    macro_rules! latest {
        () => {{
            seen += 1;
            slack.posts(seen).await[seen - 1].clone()
        }};
    }

    let pair = "can I bill 77003 with 62323?";
    let ts = slack.mention("C0", pair).await;
    let answer = latest!();
    let asked = person(&format!("@Casebook {pair}"));
    let thread = || place("Thread in #coding");
    album.add(
        "answer",
        "An answer in the thread of a mention",
        &[thread(), asked, said(&answer)],
    );

    let next = "and with modifier 59?";
    remembered(&state, &format!("slack:C0:{ts}")).await;
    let mut event = slack.message("app_mention", "C0", &format!("<@U0BOT> {next}"));
    event["thread_ts"] = ts.as_str().into();
    slack.event(event).await;
    let answer = latest!();
    let scenes = [
        thread(),
        person(&format!("@Casebook {next}")),
        said(&answer),
    ];
    album.add(
        "follow-up",
        "A follow-up is read with the question before it",
        &scenes,
    );

    stage.on("2026-05-01");
    slack.command("/code", "M54.50").await;
    let card = latest!();
    album.add(
        "card",
        "The card of a code, for its reader alone",
        &[typed("/code M54.50"), said(&card)],
    );

    slack.click(&card, "cb1:about:").await;
    let form = slack.views(1).await[0].clone();
    album.add(
        "ask-about",
        "The form of \u{201C}Ask about\u{201D} a code",
        &[picture::slack::view(&form)],
    );
    slack.click(&card, "cb1:no:").await;
    let form = slack.views(2).await[1].clone();
    album.add(
        "reason",
        "What was not helpful?",
        &[picture::slack::view(&form)],
    );

    slack.click(&card, "cb1:share:").await;
    let shared = latest!();
    album.add(
        "shared",
        "An answer that somebody shares",
        &[place("#coding"), said(&shared)],
    );

    slack.command("/code", MANY).await;
    let long = latest!();
    let scenes = [typed(&format!("/code {MANY}")), torn(said(&long), 4, 8)];
    album.add(
        "long",
        "A long answer is cut between lines, and goes on behind a button",
        &scenes,
    );

    let unknown = "who won the world cup";
    slack.command("/ask", unknown).await;
    let none = latest!();
    album.add(
        "no-answer",
        "No answer in the loaded sources",
        &[typed(&format!("/ask {unknown}")), said(&none)],
    );

    slack.mention("C0", WITH_PATIENT).await;
    let warning = latest!();
    let scenes = [
        thread(),
        person(&format!("@Casebook {WITH_PATIENT}")),
        said(&warning),
    ];
    album.add(
        "warning",
        "Patient details: a question back, for the asker alone",
        &scenes,
    );

    slack.command("/case", "").await;
    let form = slack.views(3).await[2].clone();
    album.add(
        "note-form",
        "The form for a note",
        &[typed("/case"), picture::slack::view(&form)],
    );
    slack.submit(&form, json!({"note": NOTE})).await;
    let case = latest!();
    album.add(
        "case",
        "Codes for a note, for its author alone",
        &[said(&case)],
    );

    slack.command("/casebook", "config").await;
    let form = slack.views(4).await[3].clone();
    let scenes = [typed("/casebook config"), picture::slack::view(&form)];
    album.add("settings", "Settings of a channel", &scenes);

    slack.command("/casebook", "help").await;
    let help = latest!();
    album.add("help", "Help", &[typed("/casebook help"), said(&help)]);

    slack
        .event(json!({"type": "app_home_opened", "user": PERSON, "channel": "D0PERSON", "tab": "home", "event_ts": "1.2"}))
        .await;
    let home = slack.views(5).await[4].clone();
    let home = torn(picture::slack::view(&home), 22, 2);
    album.add("home", "Casebook's home", &[home]);

    let pane = "1795400000.000001";
    let started =
        json!({"user_id": PERSON, "channel_id": "D0PERSON", "thread_ts": pane, "context": {}});
    slack
        .event(json!({"type": "assistant_thread_started", "event_ts": pane, "assistant_thread": started}))
        .await;
    let greeting = latest!();
    let scenes = [place("Assistant pane"), said(&greeting)];
    album.add(
        "assistant",
        "What a new thread of the assistant pane begins with",
        &scenes,
    );

    stage.set(Mode::Fails);
    slack.command("/ask", pair).await;
    let failed = latest!();
    stage.set(Mode::Answers);
    album.add(
        "error",
        "A failure, with the reference that the log has",
        &[typed(&format!("/ask {pair}")), said(&failed)],
    );
    run.stop.cancel();
    run.running.await.unwrap().unwrap();

    let busy = Slack::start().await;
    let one = json!({"answers_in_flight": 1, "queue": 0});
    let run = Run::start(
        &busy,
        one,
        stage.clone(),
        casebook_tests::slack::bot::state(),
    );
    busy.greeted(1).await;
    stage.set(Mode::Waits);
    busy.command("/ask", pair).await;
    stage.waits_for(1).await;
    busy.command("/ask", "what is modifier 25?").await;
    let told = busy.posts(1).await[0].clone();
    stage.set(Mode::Answers);
    stage.go_on.notify_waiters();
    album.add(
        "busy",
        "Too many questions at once",
        &[typed("/ask what is modifier 25?"), said(&told)],
    );
    run.stop.cancel();
    run.running.await.unwrap().unwrap();

    let transcript = album.close("slack.md");
    insta::assert_snapshot!("transcript_of_slack", transcript);
}

/// A run of the adapter for Discord.
async fn on_discord(
    stage: &Arc<Stage>,
    mut settings: Value,
) -> (Discord, CancellationToken, State) {
    let discord = Discord::start().await;
    settings["token"] = json!(discord::TOKEN);
    settings["api_url"] = json!(discord.url());
    let config = serde_json::from_value(settings).unwrap();
    let state =
        State::in_memory(casebook_state::Config::default(), Arc::new(SystemTime::now)).unwrap();
    let stop = CancellationToken::new();
    let supplies = Supplies::new(stage.clone(), state.clone());
    tokio::spawn(casebook_discord::run(config, supplies, stop.clone()));
    discord.ready().await;
    (discord, stop, state)
}

#[tokio::test(flavor = "multi_thread")]
async fn in_discord() {
    let stage = Stage::open().await;
    let (discord, stop, state) = on_discord(&stage, json!({})).await;
    let mut album = Album::new(Platform::Discord, "discord");
    let said = picture::discord::message;

    let pair = "can I bill 77003 with 62323?";
    let id = discord.mention(&format!("<@{BOT}> {pair}"));
    let answer = discord.answer(id).await;
    let name = discord.threads()[&id]["name"].as_str().unwrap().to_owned();
    let thread = || place(&format!("Thread \u{201C}{name}\u{201D} in #coding"));
    let scenes = [
        person(&format!("@Casebook {pair}")),
        thread(),
        said(&answer),
    ];
    album.add("answer", "An answer in a thread below a mention", &scenes);

    remembered(&state, &format!("discord:{CHANNEL}:{id}")).await;
    let next = "and with modifier 59?";
    let in_thread = json!({"channel_id": id.to_string()});
    discord.say(&format!("<@{BOT}> {next}"), id, in_thread);
    let answer = discord.until_posts(2).await[1].clone();
    let scenes = [
        thread(),
        person(&format!("@Casebook {next}")),
        said(&answer),
    ];
    album.add(
        "follow-up",
        "A follow-up is read with the question before it",
        &scenes,
    );

    let choices = discord.choices(discord.types("code", "codes", "M54")).await;
    let choices = choices.into_iter().map(|(name, _)| name).collect();
    let scenes = [typed("/code codes: M54"), Scene::Choices(choices)];
    album.add("choices", "Codes are suggested while one types", &scenes);

    stage.on("2026-05-01");
    let card = discord
        .answer(discord.command("code", &[("codes", "M54.50")]))
        .await;
    album.add(
        "card",
        "The card of a code, for its reader alone",
        &[typed("/code codes: M54.50"), said(&card)],
    );

    let form = discord.form(discord.press(&card, "Ask about")).await;
    album.add(
        "ask-about",
        "The form of \u{201C}Ask about\u{201D} a code",
        &[picture::discord::form(&form)],
    );
    let form = discord.form(discord.press(&card, "Not helpful")).await;
    album.add(
        "reason",
        "What was not helpful?",
        &[picture::discord::form(&form)],
    );

    // Two answers stand in the thread already.
    discord.answer(discord.press(&card, "Share")).await;
    let shared = discord.until_posts(3).await[2].clone();
    album.add(
        "shared",
        "An answer that somebody shares",
        &[place("#coding"), said(&shared)],
    );

    let long = discord
        .answer(discord.command("code", &[("codes", MANY)]))
        .await;
    let scenes = [
        typed(&format!("/code codes: {MANY}")),
        torn(said(&long), 4, 5),
    ];
    album.add(
        "long",
        "A long answer is cut between lines, and goes on behind a button",
        &scenes,
    );

    let unknown = "who won the world cup";
    let none = discord
        .answer(discord.command("ask", &[("question", unknown)]))
        .await;
    let scenes = [typed(&format!("/ask question: {unknown}")), said(&none)];
    album.add("no-answer", "No answer in the loaded sources", &scenes);

    let warning = discord
        .answer(discord.command("ask", &[("question", WITH_PATIENT)]))
        .await;
    let scenes = [
        typed(&format!("/ask question: {WITH_PATIENT}")),
        said(&warning),
    ];
    album.add(
        "warning",
        "Patient details: a question back, for the asker alone",
        &scenes,
    );

    let form = discord.form(discord.command("case", &[])).await;
    album.add(
        "note-form",
        "The form for a note",
        &[typed("/case"), picture::discord::form(&form)],
    );
    let case = discord.answer(discord.submit(&form, &[NOTE], None)).await;
    album.add(
        "case",
        "Codes for a note, for its author alone",
        &[said(&case)],
    );

    let options = json!([
        {"name": "setting", "type": 3, "value": "facility"},
        {"name": "locality", "type": 3, "value": "Houston"},
        {"name": "contractor", "type": 3, "value": "Texas"},
    ]);
    let settings = discord
        .answer(discord.casebook("config", options, MANAGES))
        .await;
    let scenes = [
        typed("/casebook config setting: Facility locality: Houston contractor: Texas"),
        said(&settings),
    ];
    album.add("settings", "Settings of a channel", &scenes);

    let help = discord.answer(discord.casebook("help", json!([]), 0)).await;
    album.add("help", "Help", &[typed("/casebook help"), said(&help)]);

    stage.set(Mode::Fails);
    let failed = discord
        .answer(discord.command("ask", &[("question", pair)]))
        .await;
    stage.set(Mode::Answers);
    let scenes = [typed(&format!("/ask question: {pair}")), said(&failed)];
    album.add(
        "error",
        "A failure, with the reference that the log has",
        &scenes,
    );
    stop.cancel();

    let (busy, stop, _) = on_discord(&stage, json!({"answers_in_flight": 1, "queue": 0})).await;
    stage.set(Mode::Waits);
    busy.direct(pair);
    stage.waits_for(1).await;
    let told = busy
        .answer(busy.command("ask", &[("question", "what is modifier 25?")]))
        .await;
    stage.set(Mode::Answers);
    stage.go_on.notify_waiters();
    let scenes = [typed("/ask question: what is modifier 25?"), said(&told)];
    album.add("busy", "Too many questions at once", &scenes);
    stop.cancel();

    let transcript = album.close("discord.md");
    insta::assert_snapshot!("transcript_of_discord", transcript);
}

/// Calls as a log of the wire has them.
fn wire(calls: &[Call]) -> String {
    let line = |call: &Call| {
        let form = match call.body.get("blocks").is_some() {
            true => "blocks and text",
            false => "text alone",
        };
        let outcome = match call.trouble {
            None => "ok".to_owned(),
            Some(Trouble::Limited(seconds)) => format!("HTTP 429, Retry-After: {seconds}"),
            Some(Trouble::Refused(code)) => format!("ok: false, {code}"),
            Some(Trouble::Status(status)) => format!("HTTP {status}, nothing done"),
            Some(Trouble::StatusAfterwards(status)) => {
                format!("posted, and answered HTTP {status}")
            }
            Some(Trouble::Silence) => "no answer".to_owned(),
            Some(Trouble::Slow(ms)) => format!("ok after {ms} ms"),
        };
        format!("  {} ({form}): {outcome}\n", call.method)
    };
    calls.iter().map(line).collect()
}

/// What goes over the wire when something goes wrong, and how often people see the answer.
#[tokio::test(flavor = "multi_thread")]
async fn slack_in_trouble() {
    let mut transcript = String::new();
    let troubles = [
        ("Slack limits the rate", vec![Trouble::Limited(1)]),
        (
            "Slack is out of order for a moment",
            vec![Trouble::Status(503), Trouble::Refused("internal_error")],
        ),
        (
            "Slack posts, and its answer is lost",
            vec![Trouble::StatusAfterwards(500)],
        ),
        (
            "Slack does not take our blocks",
            vec![Trouble::Refused("invalid_blocks")],
        ),
    ];
    for (what, troubles) in troubles {
        let bot = Bot::start().await;
        let calls = troubles.len() + 1;
        bot.slack.trouble("chat.postMessage", troubles);
        bot.slack.mention("C0", "is M54.50 billable?").await;
        let calls = bot.slack.calls("chat.postMessage", calls).await;
        let seen = bot.slack.posts(1).await.len();
        transcript.push_str(&format!(
            "=== {what}\n{}people see {seen} answer\n\n",
            wire(&calls)
        ));
    }
    let bot = Bot::start().await;
    let event = bot
        .slack
        .message("app_mention", "C0", "<@U0BOT> is M54.50 billable?");
    for id in ["Ev1", "Ev1", "Ev2"] {
        bot.slack.event_with_id(event.clone(), id).await;
    }
    // The next question's answer is the second post: nothing else was posted before it.
    bot.slack.posts(1).await;
    let posts = bot.only(1).await;
    let calls = bot.slack.calls("chat.postMessage", 2).await;
    let seen = posts.iter().filter(|post| post["channel"] == "C0").count();
    transcript.push_str(&format!(
        "=== An event is delivered three times, under two ids\n{}people see {seen} answer\n",
        wire(&calls[..1])
    ));
    insta::assert_snapshot!("transcript_of_slack_in_trouble", transcript);
}
