//! Seeds: random days of Casebook in Slack, with everything going wrong that may. Each question gets one reply.
//!
//! A seed decides what happens; how threads run is the machine's. `CASEBOOK_SEED=7` plays one again, `CASEBOOK_SEEDS=500`
//! that many.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use casebook_state::LEASE;
use casebook_tests::answers::sample;
use casebook_tests::slack::bot::{Apart, Engine, sealed_in};
use casebook_tests::slack::{Slack, Trouble};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;

/// Something that happens.
#[derive(Debug, Clone)]
enum Happens {
    /// A mention in one of so many channels.
    Asked(u8),
    /// A direct message.
    Told,
    /// An earlier question is delivered again, as it was or as the other kind of event.
    Again(usize, bool),
    /// The next post meets this.
    Trouble(Trouble),
    /// The connection ends, with or without notice.
    Disconnected(bool),
    /// The process ends where it is, and another starts after its claims have run out.
    Crashed,
    /// Another process starts beside.
    Joined,
    /// Two deliveries of one question, one to each process.
    Everywhere(u8),
}

fn happens() -> impl Strategy<Value = Happens> {
    let trouble = prop_oneof![
        Just(Trouble::Limited(0)),
        Just(Trouble::Limited(1)),
        Just(Trouble::Status(500)),
        Just(Trouble::Status(503)),
        Just(Trouble::Refused("internal_error")),
        Just(Trouble::Refused("invalid_blocks")),
        Just(Trouble::StatusAfterwards(500)),
    ];
    prop_oneof![
        6 => (0..4u8).prop_map(Happens::Asked),
        2 => Just(Happens::Told),
        3 => (any::<usize>(), any::<bool>()).prop_map(|(n, other)| Happens::Again(n, other)),
        3 => trouble.prop_map(Happens::Trouble),
        1 => any::<bool>().prop_map(Happens::Disconnected),
        1 => Just(Happens::Crashed),
        1 => Just(Happens::Joined),
        2 => (0..4u8).prop_map(Happens::Everywhere),
    ]
}

/// What happens under a seed.
fn day(seed: u64) -> Vec<Happens> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let day = prop::collection::vec(happens(), 8..24).new_tree(&mut runner);
    day.expect("a day").current()
}

struct Processes<'a> {
    slack: &'a Slack,
    engine: Arc<Engine>,
    folder: &'a Path,
    running: Vec<Apart>,
    started: usize,
    connections: usize,
}

impl Processes<'_> {
    /// Starts one, by a clock at which the claims of all before it have run out if `later`.
    async fn start(&mut self, later: bool) {
        self.started += usize::from(later);
        let ahead = 2 * LEASE * u32::try_from(self.started).expect("few");
        let clock = Arc::new(move || SystemTime::now() + ahead);
        let state = sealed_in(self.folder, clock);
        self.running
            .push(Apart::start(self.slack, self.engine.clone(), state));
        self.connected().await;
    }

    /// Waits until the engine was asked each question, so that none is lost between its acknowledgement and its claim.
    async fn claimed(&self, questions: usize) {
        for n in 0..questions {
            self.engine.asked_text(&words(n)).await;
        }
    }

    async fn connected(&mut self) {
        self.connections += 1;
        self.slack.greeted(self.connections).await;
    }
}

fn words(n: usize) -> String {
    format!("question number {n}")
}

fn mention(slack: &Slack, channel: u8, n: usize) -> Value {
    slack.message(
        "app_mention",
        &format!("C{channel}"),
        &format!("<@U0BOT> {}", words(n)),
    )
}

async fn live_through(seed: u64) {
    let (slack, folder) = (Slack::start().await, tempfile::tempdir().expect("a folder"));
    let engine = Engine::new(sample(), 10_000);
    let mut processes = Processes {
        slack: &slack,
        engine,
        folder: folder.path(),
        running: Vec::new(),
        started: 0,
        connections: 0,
    };
    processes.start(false).await;
    let mut asked: Vec<Value> = Vec::new();
    for happens in day(seed) {
        match happens {
            Happens::Asked(channel) => {
                let event = mention(&slack, channel, asked.len());
                asked.push(event.clone());
                slack.event(event).await;
            }
            Happens::Told => {
                let mut event = slack.message("message", "D0PERSON", &words(asked.len()));
                (event["channel_type"], event["thread_ts"]) = ("im".into(), event["ts"].clone());
                asked.push(event.clone());
                slack.event(event).await;
            }
            Happens::Again(n, other) if !asked.is_empty() => {
                let mut event = asked[n % asked.len()].clone();
                if other && event["channel_type"].is_null() {
                    event["type"] = "message".into();
                }
                slack.event(event).await;
            }
            Happens::Again(..) => {}
            Happens::Trouble(trouble) => slack.trouble("chat.postMessage", [trouble]),
            Happens::Disconnected(notice) => {
                slack.disconnect(if notice {
                    "refresh_requested"
                } else {
                    "too_many_websockets"
                });
                processes.connected().await;
            }
            // With one more at the end a question has its three attempts; after those it is given up.
            Happens::Crashed if processes.started > 0 => {}
            Happens::Crashed => {
                processes.claimed(asked.len()).await;
                for process in processes.running.drain(..) {
                    process.crash();
                }
                slack.forget_connections();
                processes.start(true).await;
            }
            Happens::Joined => {
                if processes.running.len() < 2 {
                    processes.start(false).await;
                }
            }
            Happens::Everywhere(channel) => {
                let event = mention(&slack, channel, asked.len());
                asked.push(event.clone());
                slack.event_everywhere(event).await;
            }
        }
    }
    processes.claimed(asked.len()).await;
    // What is still on its way when the last process ends is finished by one more.
    for process in processes.running.drain(..) {
        process.crash();
    }
    slack.forget_connections();
    processes.start(true).await;
    // Each has its answer. A process whose threads end one by one may still have said that it failed, to the person alone.
    let public = |post: &Value| post["ephemeral"] != true;
    for question in &asked {
        let what = format!("seed {seed}: an answer to {question}");
        slack
            .post_where(&what, |post| {
                public(post) && post["thread_ts"] == question["ts"]
            })
            .await;
    }
    let posts: Vec<Value> = slack.posts(0).await.into_iter().filter(public).collect();
    let mut replies: HashMap<String, usize> = HashMap::new();
    for post in &posts {
        *replies.entry(post["thread_ts"].to_string()).or_default() += 1;
    }
    for question in &asked {
        let n = replies
            .get(&question["ts"].to_string())
            .copied()
            .unwrap_or(0);
        assert_eq!(
            n,
            1,
            "seed {seed}: {n} replies to {question:#}, after {:#?}",
            day(seed)
        );
    }
    assert_eq!(posts.len(), asked.len(), "seed {seed}");
}

fn seeds() -> Range<u64> {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    match (number("CASEBOOK_SEED"), number("CASEBOOK_SEEDS")) {
        (Some(seed), _) => seed..seed + 1,
        (None, Some(seeds)) => 0..seeds,
        (None, None) => 0..16,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_question_gets_one_reply_whatever_happens() {
    let mut seeds = seeds();
    loop {
        let batch: Vec<u64> = seeds.by_ref().take(8).collect();
        if batch.is_empty() {
            return;
        }
        let mut days = tokio::task::JoinSet::new();
        for seed in batch {
            days.spawn(live_through(seed));
        }
        while let Some(day) = days.join_next().await {
            day.expect("each question gets one reply");
        }
    }
}

#[test]
fn a_seed_replays() {
    let again = format!("{:?}", day(7));
    assert_eq!(format!("{:?}", day(7)), again);
    assert_ne!(format!("{:?}", day(8)), again);
}
