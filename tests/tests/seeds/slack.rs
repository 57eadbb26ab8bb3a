//! Days of Casebook in Slack, over websocket and HTTP.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use casebook_state::{Clock, LEASE};
use casebook_tests::slack::bot::{Apart, sealed_in};
use casebook_tests::slack::{Call, PERSON, Slack, Trouble};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::log::log;
use crate::oracle::{Kind, Oracle, SECRET, mark, words};
use crate::{drawn, folder, named, on_disk, once, play};

/// Something that happens.
#[derive(Debug, Clone)]
enum Happens {
    Asked {
        kind: Kind,
        way: Way,
        /// Whether its answer waits until it is let, or the day ends.
        slow: bool,
    },
    /// Mentions in these channels, delivered in another order than that in which they were said.
    Shuffled(u8, u8, u8),
    /// A mention whose connection breaks off before it is acknowledged; it is delivered again.
    CutOff(u8),
    /// Two deliveries of one mention, one to each process.
    Everywhere(u8),
    /// An earlier question is delivered again, as it was or as the other kind of event.
    Again(Index, bool),
    /// An answer that waits comes.
    Answered(Index),
    /// The next post in a channel meets this, or the next at a response address.
    Trouble(Trouble),
    /// The next message for one person meets this.
    PrivateTrouble(Trouble),
    /// The connection ends: with notice, with a reason, or without a word.
    Disconnected(Option<&'static str>),
    /// The process ends where it is, and another starts after its claims have run out.
    Crashed,
    /// Another process starts beside.
    Joined,
}

/// How a question comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// In one of so many channels.
    Mention(u8),
    Direct,
    Command,
}

fn happens() -> impl Strategy<Value = Happens> {
    let kind = prop_oneof![
        8 => Just(Kind::Known),
        2 => Just(Kind::Large),
        2 => Just(Kind::Unknown),
        1 => Just(Kind::Fails),
        1 => Just(Kind::Panics),
        1 => Just(Kind::Patient),
        1 => Just(Kind::Help),
    ];
    let way = prop_oneof![
        5 => (0..8u8).prop_map(Way::Mention),
        2 => Just(Way::Direct),
        2 => Just(Way::Command),
    ];
    let asked = (kind, way, prop::bool::weighted(0.3))
        .prop_map(|(kind, way, slow)| Happens::Asked { kind, way, slow });
    let passing = || {
        prop_oneof![
            Just(Trouble::Limited(0)),
            Just(Trouble::Limited(1)),
            Just(Trouble::Status(500)),
            Just(Trouble::Status(503)),
            Just(Trouble::Slow(300)),
        ]
    };
    let trouble = prop_oneof![
        5 => passing(),
        1 => Just(Trouble::Refused("internal_error")),
        1 => Just(Trouble::Refused("invalid_blocks")),
        2 => Just(Trouble::StatusAfterwards(500)),
        1 => Just(Trouble::Silence),
    ];
    let ends = prop_oneof![
        Just(Some("refresh_requested")),
        Just(Some("too_many_websockets")),
        Just(None),
    ];
    prop_oneof![
        8 => asked,
        1 => (0..8u8, 0..8u8, 0..8u8).prop_map(|(a, b, c)| Happens::Shuffled(a, b, c)),
        1 => (0..8u8).prop_map(Happens::CutOff),
        3 => (0..8u8).prop_map(Happens::Everywhere),
        3 => (any::<Index>(), any::<bool>()).prop_map(|(n, other)| Happens::Again(n, other)),
        2 => any::<Index>().prop_map(Happens::Answered),
        3 => trouble.prop_map(Happens::Trouble),
        1 => passing().prop_map(Happens::PrivateTrouble),
        1 => ends.prop_map(Happens::Disconnected),
        1 => Just(Happens::Crashed),
        2 => Just(Happens::Joined),
    ]
}

/// A day: whether Casebook hears whole channels, and what happens.
fn day() -> impl Strategy<Value = (bool, Vec<Happens>)> {
    (any::<bool>(), prop::collection::vec(happens(), 8..24))
}

/// A question that was asked.
struct Asked {
    kind: Kind,
    way: Way,
    /// The event, or a command's payload.
    payload: Value,
}

impl Asked {
    fn channel(&self) -> &Value {
        match self.way {
            Way::Command => &self.payload["channel_id"],
            _ => &self.payload["channel"],
        }
    }

    /// The last part of a command's response address.
    fn address(&self) -> Option<&str> {
        self.payload["response_url"].as_str()?.rsplit('/').next()
    }

    fn is_private(&self) -> bool {
        let told = matches!(
            self.kind,
            Kind::Fails | Kind::Panics | Kind::Patient | Kind::Help
        );
        self.way == Way::Command || (told && self.way != Way::Direct)
    }

    /// Whether a message, or the arguments of a call, stands where this question's reply belongs.
    fn is_at(&self, post: &Value) -> bool {
        match self.way {
            Way::Command => self.address().is_some() && post["address"].as_str() == self.address(),
            _ => {
                post["channel"] == self.payload["channel"]
                    && post["thread_ts"] == self.payload["ts"]
            }
        }
    }

    /// The name of its reply.
    fn once(&self) -> String {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let key = match self.way {
            Way::Command => format!("command:{}", text(&self.payload["trigger_id"])),
            _ => format!(
                "{}:{}",
                text(&self.payload["channel"]),
                text(&self.payload["ts"])
            ),
        };
        once("slack", &key)
    }

    /// The name as Slack knows it.
    fn uuid(&self) -> String {
        let h = self.once();
        format!(
            "{}-{}-{}-{}-{}",
            &h[..8],
            &h[8..12],
            &h[12..16],
            &h[16..20],
            &h[20..]
        )
    }
}

struct World {
    seed: u64,
    slack: Slack,
    oracle: Arc<Oracle>,
    folder: TempDir,
    hears: bool,
    running: Vec<Apart>,
    /// How many generations of processes there were before.
    started: u32,
    connections: usize,
    asked: Vec<Asked>,
    held: Vec<usize>,
    silenced: bool,
    refused_blocks: bool,
}

impl World {
    /// Starts a process, by a clock at which the claims of all before it have run out if `later`.
    async fn start(&mut self, later: bool) {
        self.started += u32::from(later);
        let ahead = 2 * LEASE * self.started;
        let clock: Clock = Arc::new(move || SystemTime::now() + ahead);
        let state = sealed_in(self.folder.path(), clock);
        let config = json!({"channel_messages": self.hears});
        let process = Apart::with(&self.slack, config, self.oracle.clone(), state);
        self.running.push(process);
        self.connected().await;
    }

    async fn connected(&mut self) {
        self.connections += 1;
        self.slack.greeted(self.connections).await;
    }

    /// What somebody says to Casebook.
    fn said(&mut self, kind: Kind, way: Way) -> usize {
        let n = self.asked.len();
        let words = words(kind, n);
        let payload = match way {
            Way::Mention(channel) => {
                // As Slack writes a mention, and what was typed to look like one.
                let pings = "<!channel> <@U0OTHER> &lt;!here&gt; @everyone";
                let text = match kind {
                    Kind::Help => "<@U0BOT> help".into(),
                    _ => format!("<@U0BOT> {words} {pings}"),
                };
                self.slack
                    .message("app_mention", &format!("C{channel}"), &text)
            }
            Way::Direct => {
                let mut event = self.slack.message("message", "D0PERSON", &words);
                (event["channel_type"], event["thread_ts"]) = ("im".into(), event["ts"].clone());
                event
            }
            Way::Command => self.slack.commanded("/ask", &words),
        };
        self.oracle.hold(n);
        self.asked.push(Asked { kind, way, payload });
        n
    }

    /// Delivers question `n` and waits for its acknowledgement, which does not wait for the answer.
    async fn deliver(&self, n: usize, as_message: bool) {
        let asked = &self.asked[n];
        match asked.way {
            Way::Command => {
                let shown = self
                    .slack
                    .deliver("slash_commands", asked.payload.clone())
                    .await;
                assert!(shown.get("payload").is_none(), "{shown}");
            }
            _ => {
                let mut event = asked.payload.clone();
                if as_message {
                    event["type"] = "message".into();
                }
                self.slack.event(event).await;
            }
        }
    }

    async fn ask(&mut self, kind: Kind, way: Way, slow: bool) {
        let n = self.said(kind, way);
        self.deliver(n, false).await;
        match slow {
            true => self.held.push(n),
            false => self.oracle.let_go(n),
        }
    }

    /// Waits until each question is somebody's, so that none is lost between its acknowledgement and its claim.
    async fn claimed(&self) {
        for (n, asked) in self.asked.iter().enumerate() {
            match asked.kind {
                // These are never asked of the engine.
                Kind::Patient | Kind::Help => {
                    let what = format!("seed {}: a reply to question {n}", self.seed);
                    self.slack
                        .call_where(&what, |call| {
                            let mut arguments = call.body.clone();
                            arguments["address"] = call.address.clone().into();
                            asked.is_at(&arguments)
                        })
                        .await;
                }
                _ => self.oracle.asked(n).await,
            }
        }
    }

    async fn crash(&mut self) {
        self.claimed().await;
        for process in self.running.drain(..) {
            process.crash();
        }
        self.slack.forget_connections();
        self.start(true).await;
    }

    async fn happen(&mut self, happens: Happens) {
        match happens {
            Happens::Asked { kind, way, slow } => self.ask(kind, way, slow).await,
            Happens::Shuffled(a, b, c) => {
                let said = [a, b, c].map(|channel| self.said(Kind::Known, Way::Mention(channel)));
                // Where it hears its channels, a mention comes as two events, and neither need be the first.
                for (n, as_message) in [(2, true), (0, false), (2, false), (1, false), (0, true)] {
                    self.deliver(said[n], as_message).await;
                }
                for n in said {
                    self.oracle.let_go(n);
                }
            }
            Happens::CutOff(channel) => {
                let n = self.said(Kind::Known, Way::Mention(channel));
                self.slack.send_event(self.asked[n].payload.clone());
                self.slack.drop_connection();
                self.connected().await;
                self.deliver(n, false).await;
                self.oracle.let_go(n);
            }
            Happens::Everywhere(channel) => {
                let n = self.said(Kind::Known, Way::Mention(channel));
                self.slack
                    .event_everywhere(self.asked[n].payload.clone())
                    .await;
                self.oracle.let_go(n);
            }
            Happens::Again(n, other) => {
                if !self.asked.is_empty() {
                    let n = n.index(self.asked.len());
                    let mention = matches!(self.asked[n].way, Way::Mention(_));
                    self.deliver(n, other && mention).await;
                }
            }
            Happens::Answered(which) => {
                if !self.held.is_empty() {
                    let n = self.held.remove(which.index(self.held.len()));
                    self.oracle.let_go(n);
                }
            }
            // It takes 10 s to notice.
            Happens::Trouble(Trouble::Silence) if self.silenced => {}
            Happens::Trouble(trouble) => {
                self.silenced |= matches!(trouble, Trouble::Silence);
                self.refused_blocks |= matches!(trouble, Trouble::Refused("invalid_blocks"));
                self.slack.trouble("chat.postMessage", [trouble]);
            }
            Happens::PrivateTrouble(trouble) => {
                self.slack.trouble("chat.postEphemeral", [trouble]);
                self.slack.trouble("response_url", [trouble]);
            }
            Happens::Disconnected(reason) => {
                match reason {
                    Some(reason) => self.slack.disconnect(reason),
                    None => self.slack.drop_connection(),
                }
                self.connected().await;
            }
            // With one more at the end a question has its three attempts; after those it is given up.
            Happens::Crashed if self.started > 0 => {}
            Happens::Crashed => self.crash().await,
            Happens::Joined => {
                if self.running.len() < 2 {
                    self.start(false).await;
                }
            }
        }
    }

    /// Slack drops a second copy; but for a lost answer or a crash there is none.
    fn posted_once(&self) {
        let calls = self.slack.all_calls();
        for asked in &self.asked {
            let of_it: Vec<_> = calls
                .iter()
                .filter(|call| call.body["client_msg_id"] == asked.uuid().as_str())
                .collect();
            let is = |call: &&&Call, of: fn(&Option<Trouble>) -> bool| of(&call.trouble);
            let lost =
                |trouble: &Option<Trouble>| matches!(trouble, Some(Trouble::StatusAfterwards(_)));
            let whole =
                |trouble: &Option<Trouble>| matches!(trouble, None | Some(Trouble::Slow(_)));
            let doubts = of_it.iter().filter(|call| is(call, lost)).count();
            let taken = doubts + of_it.iter().filter(|call| is(call, whole)).count();
            let crashes = usize::try_from(self.started).expect("few");
            assert!(
                taken <= 1 + doubts + crashes,
                "seed {}: {:?} by {:?}: {taken} posts, {doubts} in doubt, {crashes} crashes",
                self.seed,
                asked.kind,
                asked.way
            );
        }
    }

    async fn check(&self) {
        for asked in &self.asked {
            let what = format!(
                "seed {}: a reply to {:?} by {:?}, {}",
                self.seed,
                asked.kind,
                asked.way,
                asked.channel()
            );
            self.slack
                .post_where(&what, |post| {
                    asked.is_at(post) && (asked.is_private() || post["ephemeral"] != true)
                })
                .await;
        }
        let posts = self.slack.posts(0).await;
        let seed = self.seed;
        for (n, asked) in self.asked.iter().enumerate() {
            let here = || posts.iter().filter(|post| asked.is_at(post));
            let aloud = here().filter(|post| post["ephemeral"] != true).count();
            let what = || {
                format!(
                    "seed {seed}: {:?} by {:?}: {:#?}",
                    asked.kind,
                    asked.way,
                    here().collect::<Vec<_>>()
                )
            };
            assert_eq!(aloud, usize::from(!asked.is_private()), "{}", what());
            // A process that ends between a private message and its record leaves that message in doubt; one whose
            // threads end one by one may still have said that it failed.
            let alone = here().count() - aloud;
            assert!(alone <= usize::from(asked.is_private()) + 2, "{}", what());
            let is_answer = matches!(asked.kind, Kind::Known | Kind::Large | Kind::Unknown);
            if is_answer && !self.refused_blocks {
                let whole = |post: &&Value| {
                    post["blocks"].is_array() && post.to_string().contains(&mark(n))
                };
                assert!(here().any(|post| whole(&post)), "{}", what());
            }
            // Its words stand nowhere else.
            let elsewhere = posts
                .iter()
                .filter(|post| !asked.is_at(post) && post.to_string().contains(&mark(n)))
                .count();
            assert_eq!(elsewhere, 0, "{}", what());
        }
        for post in &posts {
            pings_nobody(post);
            let text = post["text"].as_str().unwrap_or_default();
            if let Some(named) = named(text) {
                assert!(
                    log().tells_of(named),
                    "seed {seed}: {named} is not in the log"
                );
            }
            let known = self.asked.iter().any(|asked| asked.is_at(post));
            assert!(
                known,
                "seed {seed}: a post belongs to no question: {post:#}"
            );
        }
        log().is_discreet();
        assert!(
            !on_disk(&self.folder, SECRET),
            "the disk holds what was typed"
        );
    }
}

/// Text stands in blocks that show it as it is, and in a fallback without markup.
fn pings_nobody(post: &Value) {
    let text = post["text"].as_str().unwrap_or_default();
    assert!(!text.contains('<'), "{text}");
    assert!(post["link_names"].is_null() && post["parse"].is_null());
    let shown = post["blocks"].to_string();
    for kind in ["user", "usergroup", "broadcast", "channel", "mrkdwn"] {
        assert!(!shown.contains(&format!("\"type\":\"{kind}\"")), "{shown}");
    }
}

async fn live(seed: u64) {
    let (hears, happens) = drawn(seed, day());
    let mut world = World {
        seed,
        slack: Slack::start().await,
        oracle: Oracle::new(),
        folder: folder(),
        hears,
        running: Vec::new(),
        started: 0,
        connections: 0,
        asked: Vec::new(),
        held: Vec::new(),
        silenced: false,
        refused_blocks: false,
    };
    world.start(false).await;
    for happens in happens {
        world.happen(happens).await;
    }
    // What is still on its way when the last process ends is finished by one more.
    world.oracle.hurry();
    world.claimed().await;
    world.posted_once();
    world.crash().await;
    world.check().await;
    world.running.clear();
}

/// Runs a day on a runtime of its own.
pub fn alone(day: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(day);
}

#[test]
fn each_question_gets_one_reply_whatever_happens() {
    log();
    play("slack", 128, 32, |seed| {
        let lived = std::panic::catch_unwind(|| alone(live(seed)));
        if let Err(why) = lived {
            eprintln!("seed {seed}: {:#?}", drawn(seed, day()));
            std::panic::resume_unwind(why);
        }
    });
}

#[test]
fn a_seed_replays() {
    let again = format!("{:?}", drawn(7, day()));
    assert_eq!(format!("{:?}", drawn(7, day())), again);
    assert_ne!(format!("{:?}", drawn(8, day())), again);
}

#[test]
fn a_half_open_connection_is_noticed_and_what_was_asked_on_it_is_answered() {
    log();
    alone(async {
        let (slack, folder, oracle) = (Slack::start().await, folder(), Oracle::new());
        let state = sealed_in(folder.path(), Arc::new(SystemTime::now));
        let _process = Apart::start(&slack, oracle, state);
        slack.greeted(1).await;
        slack.freeze_connection();
        let event = slack.message(
            "app_mention",
            "C0",
            &format!("<@U0BOT> {}", words(Kind::Known, 0)),
        );
        // Slack hears nothing of it and delivers it again, over the next connection. Two pings go unanswered before.
        slack.greeted_within(2, Duration::from_secs(90)).await;
        slack.event(event.clone()).await;
        let answer = slack.posts(1).await;
        assert_eq!(answer[0]["thread_ts"], event["ts"]);
        assert_eq!(event["user"], PERSON);
    });
}
