//! Load: how many questions a second each platform's way bears, and how long one takes from its event to its post.
//!
//! `cargo bench -p casebook-tests --bench load`. Event and post are what the stand-in sends and sees, on the same machine: its
//! own work is in the figures. The state store is on the disk. Each row first keeps [`AT_ONCE`] questions on their way,
//! which gives the most a second; then asks at half of that rate, evenly, which gives the times that a person sees.
//! Results are kept in `README.md` beside this file.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use casebook_core::{Answer, CodeRef, EditionRef, Failure, Request, Respond};
use casebook_desk::{State, Supplies};
use casebook_tests::answers::sample;
use casebook_tests::discord::{self, BOT, Discord};
use casebook_tests::real;
use casebook_tests::slack::{BOT_USER, Slack};
use serde_json::json;
use tokio_util::sync::CancellationToken;

/// Questions on their way at once. Casebook works on 16 of them by default, and the rest wait.
const AT_ONCE: usize = 32;

/// An engine that takes no time.
struct AtHand;

#[async_trait]
impl Respond for AtHand {
    async fn respond(&self, _: Request) -> Result<Answer, Failure> {
        Ok(sample())
    }

    async fn suggest(&self, _: &str, _: usize) -> Result<Vec<CodeRef>, Failure> {
        Ok(Vec::new())
    }

    fn loaded(&self) -> Result<Vec<EditionRef>, Failure> {
        Ok(Vec::new())
    }
}

/// What coders ask, from the set that answers are tuned on.
fn questions() -> Vec<String> {
    include_str!("../evaluation/answerable.tune.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split('\t').next())
        .map(str::to_owned)
        .collect()
}

/// A platform's stand-in with Casebook at it, as far as load goes.
#[async_trait]
trait Side: Send + Sync {
    /// Asks question `n`. Returns the name by which its post is known, and how long its acknowledgement took.
    async fn ask(&self, n: usize, text: &str) -> (String, Duration);

    /// Waits until so many replies were posted in all.
    async fn posted(&self, replies: usize);

    /// When each reply was posted, by name.
    fn posts(&self) -> HashMap<String, Instant>;
}

/// Mentions in Slack, each in a channel of its own or all in one; or commands.
struct InSlack {
    slack: Slack,
    one_channel: bool,
    commands: bool,
}

#[async_trait]
impl Side for InSlack {
    async fn ask(&self, n: usize, text: &str) -> (String, Duration) {
        if self.commands {
            let mut payload = self.slack.commanded("/ask", text);
            payload["user_id"] = format!("U{}", n % 50).into();
            let address = payload["response_url"].as_str().expect("an address");
            let name = address.rsplit('/').next().unwrap_or_default().to_owned();
            let asked = Instant::now();
            self.slack.deliver("slash_commands", payload).await;
            return (name, asked.elapsed());
        }
        let channel = if self.one_channel { 0 } else { n };
        let text = format!("<@{BOT_USER}> {text}");
        let mut event = self
            .slack
            .message("app_mention", &format!("C{channel}"), &text);
        event["user"] = format!("U{}", n % 50).into();
        let name = event["ts"].as_str().expect("a time stamp").to_owned();
        let asked = Instant::now();
        self.slack.event(event).await;
        (name, asked.elapsed())
    }

    async fn posted(&self, replies: usize) {
        self.slack.posted(replies).await;
    }

    fn posts(&self) -> HashMap<String, Instant> {
        let calls = self.slack.all_calls().into_iter();
        let posts = calls.filter_map(|call| {
            let thread = call.body["thread_ts"].as_str().map(str::to_owned);
            Some((call.address.or(thread)?, call.at))
        });
        posts.collect()
    }
}

/// Mentions in Discord, or commands.
struct InDiscord {
    discord: Discord,
    commands: bool,
}

const FILLED: &str = "PATCH /webhooks";

#[async_trait]
impl Side for InDiscord {
    async fn ask(&self, n: usize, text: &str) -> (String, Duration) {
        let asked = Instant::now();
        if self.commands {
            let user = json!({"user": {"id": (1000 + n % 50).to_string(), "username": "coder", "discriminator": "0", "avatar": null}});
            let mut member = discord::member(&[], 0);
            member["user"] = user["user"].clone();
            let options = json!([{"name": "question", "type": 3, "value": text}]);
            let id = self
                .discord
                .command_in("ask", options, json!({"member": member}));
            self.discord.first_reply(id).await;
            return (id.to_string(), asked.elapsed());
        }
        let author = json!({"author": {"id": (1000 + n % 50).to_string(), "username": "coder", "discriminator": "0", "avatar": null}});
        let said = format!("<@{BOT}> {text}");
        let id = self.discord.say(&said, discord::CHANNEL, author);
        (id.to_string(), Duration::ZERO)
    }

    async fn posted(&self, replies: usize) {
        if self.commands {
            self.discord.until_filled(replies).await;
        } else {
            self.discord.until_posted(replies).await;
        }
    }

    fn posts(&self) -> HashMap<String, Instant> {
        let calls = self.discord.calls().into_iter();
        let posts = calls.filter_map(|call| {
            let path = call.what.as_str();
            let name = match path.strip_prefix(FILLED) {
                Some(rest) => rest.split("/token-").nth(1)?.split('/').next()?,
                // The thread of a mention has its id.
                None => path
                    .strip_prefix("POST /channels/")?
                    .strip_suffix("/messages")?,
            };
            Some((name.to_owned(), call.at))
        });
        posts.collect()
    }
}

/// What was measured of one way.
struct Measured {
    a_second: f64,
    times: Times,
}

/// Sorted times.
struct Times(Vec<Duration>);

impl Times {
    fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// The time that so many in a hundred stay within.
    fn within(&self, percent: usize) -> Duration {
        let last = self.0.len().saturating_sub(1);
        self.0
            .get(last * percent / 100)
            .copied()
            .unwrap_or_default()
    }
}

fn times(asked: &[(String, Instant)], posts: &HashMap<String, Instant>) -> Times {
    let taken = asked
        .iter()
        .filter_map(|(name, at)| Some(posts.get(name)?.saturating_duration_since(*at)));
    Times::new(taken.collect())
}

/// Keeps so many questions on their way for `time`.
async fn as_many_as_it_bears(
    side: &dyn Side,
    next: &mut usize,
    questions: &[String],
    time: Duration,
    at_once: usize,
) -> Measured {
    let (before, begun) = (*next, Instant::now());
    let mut asked = Vec::new();
    while begun.elapsed() < time {
        let at = Instant::now();
        let (name, _) = side.ask(*next, &questions[*next % questions.len()]).await;
        asked.push((name, at));
        *next += 1;
        if *next - before >= at_once {
            side.posted(*next - at_once + 1).await;
        }
    }
    side.posted(*next).await;
    let a_second = asked.len() as f64 / begun.elapsed().as_secs_f64();
    Measured {
        a_second,
        times: times(&asked, &side.posts()),
    }
}

/// Asks at an even rate. Returns times to the post, and to the acknowledgement.
async fn at_a_rate(
    side: Arc<dyn Side>,
    next: &mut usize,
    questions: &[String],
    rate: f64,
    time: Duration,
) -> (Times, Times) {
    let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / rate));
    let begun = Instant::now();
    let mut asking = tokio::task::JoinSet::new();
    while begun.elapsed() < time {
        ticks.tick().await;
        let (n, side) = (*next, side.clone());
        let text = questions[n % questions.len()].clone();
        *next += 1;
        asking.spawn(async move {
            let at = Instant::now();
            let (name, acknowledged) = side.ask(n, &text).await;
            ((name, at), acknowledged)
        });
    }
    let (asked, acknowledged): (Vec<_>, Vec<_>) = asking.join_all().await.into_iter().unzip();
    // Where the machine stood still for long enough, some were told "busy", and beyond hundreds of those nothing.
    tokio::time::timeout(Duration::from_secs(10), side.posted(*next))
        .await
        .ok();
    (times(&asked, &side.posts()), Times::new(acknowledged))
}

fn ms(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1000.0)
}

async fn row(name: &str, side: Arc<dyn Side>, time: Duration, one_channel: bool) {
    let (questions, mut next) = (questions(), 0);
    // Caches fill, connections open.
    let at_once = if one_channel { 10 } else { AT_ONCE };
    as_many_as_it_bears(&*side, &mut next, &questions, time / 5, at_once).await;
    let most = as_many_as_it_bears(&*side, &mut next, &questions, time, at_once).await;
    let (half, acknowledged) = match one_channel {
        // Its pace is Slack's: there is no half of it worth measuring.
        true => (Times(Vec::new()), Times(Vec::new())),
        false => at_a_rate(side, &mut next, &questions, most.a_second / 2.0, time).await,
    };
    println!(
        "| {name} | {:.1} | {} | {} | {} | {} | {} | {} | {} |",
        most.a_second,
        ms(most.times.within(50)),
        ms(most.times.within(99)),
        half.0.len(),
        ms(half.within(50)),
        ms(half.within(99)),
        ms(acknowledged.within(99)),
        ms(acknowledged.within(100)),
    );
}

fn supplies(respond: Arc<dyn Respond>, folder: &tempfile::TempDir) -> Supplies {
    let state = State::open(folder.path(), casebook_state::Config::default());
    Supplies::new(respond, state.expect("a store"))
}

async fn slack(respond: Arc<dyn Respond>, commands: bool, one_channel: bool) -> Arc<InSlack> {
    let (slack, folder) = (Slack::start().await, tempfile::tempdir().expect("a folder"));
    let running = casebook_slack::run(
        slack.config(json!({})),
        supplies(respond, &folder),
        CancellationToken::new(),
    );
    tokio::spawn(async move {
        let _kept = folder;
        running.await
    });
    slack.greeted(1).await;
    Arc::new(InSlack {
        slack,
        one_channel,
        commands,
    })
}

async fn discord(respond: Arc<dyn Respond>, commands: bool) -> Arc<InDiscord> {
    let (discord, folder) = (
        Discord::start().await,
        tempfile::tempdir().expect("a folder"),
    );
    let config = json!({"token": discord::TOKEN, "api_url": discord.url()});
    let config = serde_json::from_value(config).expect("a configuration");
    let running =
        casebook_discord::run(config, supplies(respond, &folder), CancellationToken::new());
    tokio::spawn(async move {
        let _kept = folder;
        running.await
    });
    discord.ready().await;
    Arc::new(InDiscord { discord, commands })
}

async fn measure(time: Duration) {
    println!(
        "| | most a second | p50 ms | p99 ms | at half of it: answered | p50 ms | p99 ms | acknowledged: p99 ms | slowest ms |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let mut engines: Vec<(&str, Arc<dyn Respond>)> = vec![("an answer at hand", Arc::new(AtHand))];
    match real::casebook().await {
        Ok(casebook) => engines.push(("the real index", casebook)),
        Err(why) => eprintln!("skipped, the real model is not to be had here: {why}"),
    }
    for (engine, respond) in engines {
        for (what, commands) in [("mentions, each in its channel", false), ("commands", true)] {
            let side = slack(respond.clone(), commands, false).await;
            row(&format!("Slack, {what}; {engine}"), side, time, false).await;
        }
        for (what, commands) in [("mentions", false), ("commands", true)] {
            let side = discord(respond.clone(), commands).await;
            row(&format!("Discord, {what}; {engine}"), side, time, false).await;
        }
    }
    let side = slack(Arc::new(AtHand), false, true).await;
    row(
        "Slack, mentions, ten at once in one channel; an answer at hand",
        side,
        time,
        true,
    )
    .await;
}

fn main() {
    // Without `--bench` cargo only wants to know whether it runs.
    let time = match std::env::args().any(|argument| argument == "--bench") {
        true => Duration::from_secs(10),
        false => Duration::from_millis(200),
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(measure(time));
}
