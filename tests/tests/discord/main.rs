//! Casebook in Discord, from an event on the gateway to what the person who asked sees.

mod asking;
mod buttons;
mod commands;
mod connection;
mod endpoint;
mod limits;
mod privacy;
mod restart;
mod settings;
mod threads;
mod trouble;
mod typing;

use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use casebook_core::{
    Answer, CodeRef, EditionRef, Failure, Intent, Line, Request, Respond, Setting, Status, System,
};
use casebook_desk::{State, Supplies};
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
    /// What was typed where suggestions are wanted.
    typed: Mutex<Vec<String>>,
    /// One permit lets one question with `wait` in it go on.
    gate: Semaphore,
}

#[async_trait]
impl Respond for Fake {
    async fn respond(&self, request: Request) -> Result<Answer, Failure> {
        let text = request.text.clone();
        self.asked.lock().expect("no panic").push(request);
        if text.contains("wait") {
            self.gate.acquire().await.expect("open").forget();
        }
        assert!(!text.contains("panic"), "asked to panic");
        if text.contains("fail") {
            return Err(Failure {
                for_person: "The store is being rebuilt. Ask again in a minute.".into(),
                for_operator: "store/index.rs: the index has no segment".into(),
            });
        }
        if text.contains("long") {
            return Ok(long());
        }
        Ok(Answer {
            related: vec![
                "Is M54.50 billable?".into(),
                format!("What of {}?", "words ".repeat(30)),
            ],
            ..sample()
        })
    }

    async fn suggest(&self, typed: &str, limit: usize) -> Result<Vec<CodeRef>, Failure> {
        self.typed.lock().expect("no panic").push(typed.to_owned());
        if typed.contains("wait") {
            std::future::pending::<()>().await;
        }
        assert!(!typed.contains("panic"), "asked to panic");
        if typed.contains("fail") {
            return Err(Failure {
                for_person: "fails".into(),
                for_operator: "fails".into(),
            });
        }
        let code = |code: String, title: String| CodeRef {
            system: System::Icd10cm,
            code,
            title,
            status: Status::Billable,
        };
        if typed.contains("many") {
            // More than were asked for, and longer than Discord takes.
            return Ok((0..limit + 10)
                .map(|i| {
                    code(
                        format!("M{i:02}"),
                        format!("{i} {}", "long 😀 title ".repeat(i)),
                    )
                })
                .collect());
        }
        let one = |number: &str, title: &str| code(number.to_owned(), title.to_owned());
        Ok(vec![
            one("M54.50", "Low back pain, unspecified"),
            one("M54.51", "Vertebrogenic low back pain"),
        ])
    }

    fn loaded(&self) -> Result<Vec<EditionRef>, Failure> {
        Ok(sample().editions)
    }
}

/// An answer of forty lines, of which no message can hold all.
fn long() -> Answer {
    let line = |i: usize| Line {
        text: format!("Line {i}. {}", "word ".repeat(60)),
        citations: vec![1 + i % 2],
    };
    Answer {
        lines: (1..=40).map(line).collect(),
        ..sample()
    }
}

impl Fake {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            asked: Mutex::default(),
            typed: Mutex::default(),
            gate: Semaphore::new(0),
        })
    }

    fn asked(&self) -> Vec<Request> {
        self.asked.lock().expect("no panic").clone()
    }

    fn typed(&self) -> Vec<String> {
        self.typed.lock().expect("no panic").clone()
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
    serde_json::from_value(value).expect("a configuration")
}

/// A state that ends with the test.
fn memory() -> State {
    let clock = Arc::new(std::time::SystemTime::now);
    State::in_memory(casebook_state::Config::default(), clock).expect("opens")
}

fn start_on(discord: &Discord, settings: Value) -> Bot {
    start_with(discord, settings, memory())
}

fn start_with(discord: &Discord, mut settings: Value, state: State) -> Bot {
    logs();
    settings["api_url"] = json!(discord.url());
    let fake = Fake::new();
    let stop = CancellationToken::new();
    let respond: Arc<dyn Respond> = Arc::clone(&fake) as _;
    let supplies = Supplies::new(respond, state);
    let task = tokio::spawn(run(config(settings), supplies, stop.clone()));
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

/// The labels of a message's buttons.
fn labels(message: &Value) -> Vec<String> {
    let rows = message["components"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    rows.iter()
        .flat_map(|row| row["components"].as_array().cloned().unwrap_or_default())
        .map(|part| part["label"].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// Manage Server.
const MANAGES: u64 = 1 << 5;

fn description(answer: &Value) -> &str {
    answer["embeds"][0]["description"]
        .as_str()
        .expect("a description")
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn lines(&self) -> Vec<String> {
        String::from_utf8_lossy(&self.0.lock().expect("no panic"))
            .lines()
            .map(str::to_owned)
            .collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").write(bytes)
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
