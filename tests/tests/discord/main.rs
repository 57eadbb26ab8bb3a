//! Casebook in Discord, from an event on the gateway to what the person who asked sees.

mod asking;
mod connection;
mod privacy;
mod trouble;

use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use casebook_core::{Answer, CodeRef, EditionRef, Failure, Intent, Request, Respond, Setting};
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
        Ok(sample())
    }

    async fn suggest(&self, _: &str, _: usize) -> Result<Vec<CodeRef>, Failure> {
        Ok(Vec::new())
    }

    fn loaded(&self) -> Result<Vec<EditionRef>, Failure> {
        Ok(Vec::new())
    }
}

impl Fake {
    fn asked(&self) -> Vec<Request> {
        self.asked.lock().expect("no panic").clone()
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
