//! Days of Casebook in Discord, over its gateway and its HTTP API.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use casebook_desk::Supplies;
use casebook_state::{Clock, LEASE};
use casebook_tests::discord::{BOT, CHANNEL, Call, DIRECT, Discord, How, OPENED, TOKEN};
use casebook_tests::slack::bot::sealed_in;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::log::log;
use crate::oracle::{Kind, Oracle, SECRET, mark, words};
use crate::slack::alone;
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
    /// The connection breaks off, and this is said before the next one stands.
    InTheGap(Way),
    /// An earlier question is delivered again: to whoever had it, or to everyone.
    Again(Index, bool),
    /// An answer that waits comes.
    Answered(Index),
    /// The next call of this kind goes wrong.
    Trouble(&'static str, How),
    /// The connections end.
    Disconnected(End),
    /// The processes end where they are, and another starts after their claims have run out.
    Crashed,
    /// Another process starts beside.
    Joined,
}

/// How a question comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Mention,
    Direct,
    Command,
}

/// How connections end.
#[derive(Debug, Clone, Copy)]
enum End {
    /// Without a word.
    Dropped,
    /// They stay open, and nothing goes through them any more.
    HalfOpen,
    /// Discord asks for a new one.
    Reconnect,
    /// Discord has forgotten the session.
    Invalid,
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
    let way = prop_oneof![4 => Just(Way::Mention), 2 => Just(Way::Direct), 4 => Just(Way::Command)];
    let asked = (kind, way, prop::bool::weighted(0.3))
        .prop_map(|(kind, way, slow)| Happens::Asked { kind, way, slow });
    let passing = || {
        prop_oneof![
            Just(How::TooMany(0.1)),
            Just(How::Status(500)),
            Just(How::Status(503)),
            Just(How::Slow(Duration::from_millis(300))),
        ]
    };
    let lost = || Just(How::Lost);
    let trouble = prop_oneof![
        4 => passing().prop_map(|how| ("POST /channels", how)),
        1 => Just(("POST /channels", How::Refused(400, 50035))),
        1 => lost().prop_map(|how| ("POST /channels", how)),
        2 => passing().prop_map(|how| ("PATCH", how)),
        1 => Just(("PATCH", How::Refused(400, 50035))),
        1 => lost().prop_map(|how| ("PATCH", how)),
        1 => passing().prop_map(|how| ("/callback", how)),
        1 => lost().prop_map(|how| ("/callback", how)),
        1 => Just(("/threads", How::Refused(403, 50013))),
        1 => passing().prop_map(|how| ("/users/@me/channels", how)),
    ];
    let end = prop_oneof![
        2 => Just(End::Dropped),
        1 => Just(End::HalfOpen),
        1 => Just(End::Reconnect),
        1 => Just(End::Invalid),
    ];
    prop_oneof![
        10 => asked,
        // Of an interaction Discord waits 3 s for a word, and connections take longer to come back.
        1 => prop_oneof![Just(Way::Mention), Just(Way::Direct)].prop_map(Happens::InTheGap),
        3 => (any::<Index>(), any::<bool>()).prop_map(|(n, all)| Happens::Again(n, all)),
        2 => any::<Index>().prop_map(Happens::Answered),
        4 => trouble.prop_map(|(what, how)| Happens::Trouble(what, how)),
        1 => end.prop_map(Happens::Disconnected),
        1 => Just(Happens::Crashed),
        3 => Just(Happens::Joined),
    ]
}

/// A day: whether answers to commands are for everyone, and what happens.
fn day() -> impl Strategy<Value = (bool, Vec<Happens>)> {
    (any::<bool>(), prop::collection::vec(happens(), 8..24))
}

/// A question that was asked.
struct Asked {
    kind: Kind,
    way: Way,
    id: u64,
}

impl Asked {
    /// Whether its reply is for its person alone. Between two people there is nobody else.
    fn is_private(&self, public: bool) -> bool {
        match (self.kind, self.way) {
            (_, Way::Direct) => false,
            (Kind::Known | Kind::Large | Kind::Unknown, Way::Mention) => false,
            (Kind::Known | Kind::Large | Kind::Unknown, Way::Command) => !public,
            _ => true,
        }
    }

    /// By which Discord knows a second copy of its reply.
    fn nonce(&self) -> String {
        once("discord", &self.id.to_string())[8..].to_owned()
    }

    fn token(&self) -> String {
        format!("/token-{}/", self.id)
    }

    /// Whether a call tries to reply to it.
    fn is_tried_by(&self, call: &Call) -> bool {
        match self.way {
            Way::Command => {
                let of_it = format!("{}/", call.what).contains(&self.token());
                of_it && (call.what.starts_with("PATCH") || call.what.starts_with("POST /webhooks"))
            }
            _ => call.body["nonce"] == self.nonce().as_str(),
        }
    }
}

/// A process: what runs in it ends with its runtime, wherever it stands.
struct Process(Option<Runtime>);

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

struct World {
    seed: u64,
    discord: Discord,
    oracle: Arc<Oracle>,
    folder: TempDir,
    public: bool,
    running: Vec<Process>,
    /// How many generations of processes there were before.
    started: u32,
    /// Sessions that were begun and resumed so far.
    sessions: (usize, usize),
    asked: Vec<Asked>,
    held: Vec<usize>,
    lost: bool,
    refused: bool,
}

impl World {
    /// Starts a process, by a clock at which the claims of all before it have run out if `later`.
    async fn start(&mut self, later: bool) {
        self.started += u32::from(later);
        let ahead = 2 * LEASE * self.started;
        let clock: Clock = Arc::new(move || SystemTime::now() + ahead);
        let state = sealed_in(self.folder.path(), clock);
        let config = json!({
            "token": TOKEN, "api_url": self.discord.url(), "public_answers": self.public,
        });
        let config = serde_json::from_value(config).expect("a configuration");
        let supplies = Supplies::new(self.oracle.clone(), state);
        let runtime = Runtime::new().expect("a runtime");
        runtime.spawn(casebook_discord::run(
            config,
            supplies,
            CancellationToken::new(),
        ));
        self.running.push(Process(Some(runtime)));
        self.sessions.0 += 1;
        self.connected().await;
    }

    async fn connected(&self) {
        let (begun, resumed) = self.sessions;
        self.discord.until_sessions(begun, resumed).await;
    }

    fn say(&mut self, kind: Kind, way: Way) -> usize {
        let n = self.asked.len();
        self.oracle.hold(n);
        let words = words(kind, n);
        let text = match kind {
            Kind::Help => words,
            _ => format!("{words} @everyone <@&123> <@123>"),
        };
        let id = match way {
            Way::Mention => self.discord.mention(&format!("<@{BOT}> {text}")),
            Way::Direct => self.discord.direct(&text),
            Way::Command => self.discord.command("ask", &[("question", &text)]),
        };
        self.asked.push(Asked { kind, way, id });
        n
    }

    /// Waits until each question is somebody's.
    async fn claimed(&self) {
        for (n, asked) in self.asked.iter().enumerate() {
            match asked.kind {
                // These are never asked of the engine.
                Kind::Patient | Kind::Help => {
                    let what = format!("seed {}: a reply to question {n}", self.seed);
                    self.discord
                        .call_where(&what, |call| asked.is_tried_by(call))
                        .await;
                }
                _ => self.oracle.asked(n).await,
            }
        }
    }

    async fn crash(&mut self) {
        self.claimed().await;
        self.running.clear();
        self.start(true).await;
    }

    fn end(&mut self, end: End) {
        let there = self.running.len();
        match end {
            End::Dropped => self.discord.hang_up(),
            End::HalfOpen => self.discord.freeze(),
            End::Reconnect => self.discord.frame(json!({"op": 7, "d": null})),
            End::Invalid => self.discord.frame(json!({"op": 9, "d": false})),
        }
        match end {
            // serenity begins a new session after a half-open connection, too.
            End::Invalid | End::HalfOpen => self.sessions.0 += there,
            End::Dropped | End::Reconnect => self.sessions.1 += there,
        }
    }

    async fn happen(&mut self, happens: Happens) {
        match happens {
            Happens::Asked { kind, way, slow } => {
                let n = self.say(kind, way);
                if way == Way::Command {
                    // The first reply comes although there is no answer yet.
                    let first = format!("/interactions/{}/", self.asked[n].id);
                    let what = format!("seed {}: {first}", self.seed);
                    self.discord
                        .call_where(&what, |call| {
                            call.what.contains(&first) && matches!(call.status, 204 | 400)
                        })
                        .await;
                }
                match slow {
                    true => self.held.push(n),
                    false => self.oracle.let_go(n),
                }
            }
            Happens::InTheGap(way) => {
                self.end(End::Dropped);
                let n = self.say(Kind::Known, way);
                self.oracle.let_go(n);
                self.connected().await;
            }
            Happens::Again(n, all) => {
                if !self.asked.is_empty() {
                    let id = self.asked[n.index(self.asked.len())].id;
                    match all {
                        true => self.discord.deliver_to_all(id),
                        false => self.discord.deliver_again(id),
                    }
                }
            }
            Happens::Answered(which) => {
                if !self.held.is_empty() {
                    let n = self.held.remove(which.index(self.held.len()));
                    self.oracle.let_go(n);
                }
            }
            // It takes up to 10 s to notice.
            Happens::Trouble(_, How::Lost) if self.lost => {}
            // The next call would be the plain text that takes an embed's place.
            Happens::Trouble(_, How::Refused(..)) if self.refused => {}
            Happens::Trouble(what, how) => {
                self.lost |= matches!(how, How::Lost);
                self.refused |= matches!(how, How::Refused(..));
                self.discord.fail(what, how);
            }
            Happens::Disconnected(end) => {
                self.end(end);
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

    /// Discord drops a second copy; but for a lost answer or a crash there is none.
    fn posted_once(&self) {
        let calls = self.discord.calls();
        for asked in &self.asked {
            let tried = calls.iter().filter(|call| asked.is_tried_by(call));
            let taken = tried.filter(|call| call.status == 200).count();
            let crashes = usize::try_from(self.started).expect("few");
            let doubts = usize::from(self.lost);
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
        for (n, asked) in self.asked.iter().enumerate() {
            let what = format!(
                "seed {}: a reply to {n}, {:?} by {:?}",
                self.seed, asked.kind, asked.way
            );
            match asked.way {
                Way::Command => {
                    self.discord
                        .call_where(&what, |call| asked.is_tried_by(call) && call.status == 200)
                        .await;
                    self.check_command(n, asked, &what);
                }
                _ => {
                    let nonce = asked.nonce();
                    self.discord
                        .post_where(&what, |post| post["nonce"] == nonce.as_str())
                        .await;
                    self.check_message(n, asked, &what);
                }
            }
        }
        let seed = self.seed;
        for post in self.discord.posts() {
            let known = |asked: &Asked| post["nonce"] == asked.nonce().as_str();
            assert!(
                self.asked.iter().any(known),
                "seed {seed}: a post belongs to no question: {post:#}"
            );
        }
        for call in self.discord.calls() {
            pings_nobody(&call);
            if let Some(named) = named(&call.body.to_string()) {
                assert!(
                    log().tells_of(named),
                    "seed {seed}: {named} is not in the log"
                );
            }
        }
        log().is_discreet();
        assert!(
            !on_disk(&self.folder, SECRET),
            "the disk holds what was typed"
        );
    }

    fn check_message(&self, n: usize, asked: &Asked, what: &str) {
        let nonce = asked.nonce();
        let posts = self.discord.posts();
        let here: Vec<&Value> = posts
            .iter()
            .filter(|post| post["nonce"] == nonce.as_str())
            .collect();
        assert_eq!(here.len(), 1, "{what}: {here:#?}");
        let channel = |id: u64| here[0]["channel_id"] == id.to_string().as_str();
        let to = here[0]["message_reference"]["message_id"] == asked.id.to_string().as_str();
        let in_place = match (asked.is_private(self.public), asked.way) {
            (true, _) => channel(OPENED),
            (false, Way::Direct) => channel(DIRECT) && to,
            // In the thread below it, or where there can be none as a reply.
            (false, _) => channel(asked.id) || (channel(CHANNEL) && to),
        };
        assert!(in_place, "{what}: {:#}", here[0]);
        self.holds(n, asked, here[0], what);
    }

    fn check_command(&self, n: usize, asked: &Asked, what: &str) {
        let private = asked.is_private(self.public);
        let (answer, added) = (
            self.discord.answered(asked.id),
            self.discord.additions(asked.id),
        );
        let shown = match (&answer, added.as_slice()) {
            // Where everyone was promised something that is for one person, that promise was taken back.
            (None, [first, ..]) if private && self.public => {
                assert!(self.discord.is_withdrawn(asked.id), "{what}");
                // A process that ended after the first may have left it in doubt.
                let most = 1 + usize::try_from(self.started).expect("few");
                assert!(added.len() <= most, "{what}: {added:#?}");
                first
            }
            (Some(answer), []) => answer,
            other => panic!("{what}: {other:#?}"),
        };
        let ephemeral = shown["flags"].as_u64().unwrap_or(0) & 64 == 64;
        assert_eq!(ephemeral, private, "{what}: {shown:#}");
        self.holds(n, asked, shown, what);
    }

    /// What a reply says is the answer to its question, and to no other.
    fn holds(&self, n: usize, asked: &Asked, shown: &Value, what: &str) {
        let text = shown.to_string();
        if matches!(asked.kind, Kind::Known | Kind::Large | Kind::Unknown) {
            assert!(text.contains(&mark(n)), "{what}: {shown:#}");
            let whole = shown["embeds"].as_array().is_some_and(|e| !e.is_empty());
            assert!(whole || self.refused, "{what}: {shown:#}");
        }
        for other in (0..self.asked.len()).filter(|other| *other != n) {
            assert!(!text.contains(&mark(other)), "{what}: {shown:#}");
        }
    }
}

fn pings_nobody(call: &Call) {
    let body = match call.body["data"].is_object() {
        true => &call.body["data"],
        false => &call.body,
    };
    if body["content"].is_null() && body["embeds"].is_null() {
        return;
    }
    let mentions = &body["allowed_mentions"];
    assert_eq!(mentions["parse"], json!([]), "{call:#?}");
    for key in ["users", "roles"] {
        let none = mentions[key].as_array().is_none_or(Vec::is_empty);
        assert!(none, "{call:#?}");
    }
    assert_ne!(mentions["replied_user"], json!(true), "{call:#?}");
}

async fn live(seed: u64) {
    let (public, happens) = drawn(seed, day());
    let discord = Discord::start().await;
    discord.beat_every(Duration::from_secs(1));
    let mut world = World {
        seed,
        discord,
        oracle: Oracle::new(),
        folder: folder(),
        public,
        running: Vec::new(),
        started: 0,
        sessions: (0, 0),
        asked: Vec::new(),
        held: Vec::new(),
        lost: false,
        refused: false,
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

#[test]
fn each_question_gets_one_reply_whatever_happens() {
    log();
    play("discord", 128, 32, |seed| {
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
