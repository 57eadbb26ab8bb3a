//! Restarts in the middle of an answer, and two bots on one state.

use super::*;
use std::time::SystemTime;

/// Two stores on one file, whose clock a test moves.
struct Shared {
    folder: tempfile::TempDir,
    now: Arc<Mutex<SystemTime>>,
}

impl Shared {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            now: Arc::new(Mutex::new(SystemTime::now())),
        }
    }

    fn open(&self) -> State {
        self.open_with(json!({"encryption_key": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}))
    }

    fn open_with(&self, config: Value) -> State {
        let now = Arc::clone(&self.now);
        let config = serde_json::from_value(config).unwrap();
        let clock = Arc::new(move || *now.lock().expect("no panic"));
        State::open_with(self.folder.path(), config, clock).unwrap()
    }

    fn wait(&self, seconds: u64) {
        *self.now.lock().unwrap() += Duration::from_secs(seconds);
    }
}

/// A process that can be killed: what runs in it ends where it stands.
struct Process(tokio::runtime::Runtime);

impl Process {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        Self(runtime.unwrap())
    }

    fn start(&self, discord: &Discord, state: State) -> Bot {
        let _inside = self.0.enter();
        start_with(discord, json!({}), state)
    }

    fn kill(self) {
        self.0.shutdown_background();
    }
}

#[tokio::test]
async fn two_bots_on_one_state_answer_once() {
    let (discord, shared) = (Discord::start().await, Shared::new());
    let one = start_with(&discord, json!({}), shared.open());
    let two = start_with(&discord, json!({}), shared.open());
    discord.until_sessions(2, 0).await;
    let mut asked = Vec::new();
    for i in 0..5 {
        asked.push(discord.direct(&format!("message {i}")));
        asked.push(discord.mention(&format!("<@{BOT}> mention {i}")));
        asked.push(discord.command("ask", &[("question", &format!("command {i}"))]));
    }
    for id in &asked {
        discord.answer(*id).await;
    }
    for id in &asked {
        discord.deliver_to_all(*id);
    }
    let last = discord.direct("last");
    discord.answer(last).await;
    assert_eq!(
        one.fake.asked().len() + two.fake.asked().len(),
        asked.len() + 1
    );
    assert_eq!(discord.posts().len(), 11);
    let edits = discord
        .calls()
        .iter()
        .filter(|call| call.what.starts_with("PATCH"))
        .count();
    assert_eq!(edits, 5);
}

#[tokio::test]
async fn what_a_crash_left_unanswered_is_answered_by_the_next_run() {
    let (discord, shared) = (Discord::start().await, Shared::new());
    let process = Process::new();
    let first = process.start(&discord, shared.open());
    discord.ready().await;
    let command = discord.command("ask", &[("question", "wait for the command")]);
    let direct = discord.direct("wait for the message");
    let mention = discord.mention(&format!("<@{BOT}> wait for the mention"));
    while first.fake.asked().len() < 3 {
        tokio::task::yield_now().await;
    }
    // Nothing is drained, nothing is said.
    process.kill();
    shared.wait(120);
    let second = start_with(&discord, json!({}), shared.open());
    second.fake.gate.add_permits(3);
    for id in [command, direct, mention] {
        let answer = discord.answer(id).await;
        assert!(description(&answer).contains("M54.50"), "{answer}");
    }
    assert_eq!(second.fake.asked().len(), 3);
    assert_eq!(discord.posts().len(), 2);
}

#[tokio::test]
async fn what_stands_there_already_is_not_posted_again() {
    let (discord, shared) = (Discord::start().await, Shared::new());
    let process = Process::new();
    let _first = process.start(&discord, shared.open());
    discord.ready().await;
    // The posts arrive, and the process ends before it hears of it.
    for _ in 0..2 {
        discord.fail("/messages", How::Lost);
    }
    let direct = discord.direct("hello");
    let mention = discord.mention(&format!("<@{BOT}> hello"));
    discord.until_posts(2).await;
    process.kill();
    shared.wait(120);
    let second = start_with(&discord, json!({}), shared.open());
    discord.until_sessions(2, 0).await;
    discord.deliver_to_all(direct);
    discord.deliver_to_all(mention);
    // The next run looks into both channels before it would post.
    discord.until_calls("GET /channels/", 6).await;
    let last = discord.direct("last");
    discord.answer(last).await;
    assert_eq!(discord.posts().len(), 3);
    assert_eq!(second.fake.asked().len(), 1);
}

#[tokio::test]
async fn an_answer_to_a_command_is_not_taken_away_by_the_next_run() {
    let (discord, shared) = (Discord::start().await, Shared::new());
    let process = Process::new();
    // Without a key, so that the next run has nothing to say but that it knows nothing.
    let _first = process.start(&discord, shared.open_with(json!({})));
    discord.ready().await;
    discord.fail("PATCH", How::Lost);
    let command = discord.command("ask", &[("question", "hello")]);
    discord.answer(command).await;
    process.kill();
    shared.wait(120);
    let _second = start_with(&discord, json!({}), shared.open_with(json!({})));
    discord.calls_of("GET /webhooks").await;
    let last = discord.direct("last");
    discord.answer(last).await;
    let answer = discord.answer(command).await;
    assert!(description(&answer).contains("M54.50"), "{answer}");
}
