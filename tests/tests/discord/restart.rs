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
        let now = Arc::clone(&self.now);
        let config = json!({"encryption_key": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="});
        let config = serde_json::from_value(config).unwrap();
        let clock = Arc::new(move || *now.lock().expect("no panic"));
        State::open_with(self.folder.path(), config, clock).unwrap()
    }

    fn wait(&self, seconds: u64) {
        *self.now.lock().unwrap() += Duration::from_secs(seconds);
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
    assert_eq!(one.fake.asked().len() + two.fake.asked().len(), asked.len() + 1);
    assert_eq!(discord.posts().len(), 11);
    let edits = discord.calls().iter().filter(|call| call.what.starts_with("PATCH")).count();
    assert_eq!(edits, 5);
}

#[tokio::test]
async fn what_a_crash_left_unanswered_is_answered_by_the_next_run() {
    let (discord, shared) = (Discord::start().await, Shared::new());
    let first = start_with(&discord, json!({}), shared.open());
    discord.ready().await;
    let command = discord.command("ask", &[("question", "wait for the command")]);
    let direct = discord.direct("wait for the message");
    discord.calls_of("/callback").await;
    while first.fake.asked().len() < 2 {
        tokio::task::yield_now().await;
    }
    // The process is killed: nothing is drained, nothing is said.
    first.task.abort();
    let _ = first.task.await;
    drop(first.fake);
    shared.wait(120);
    let second = start_with(&discord, json!({}), shared.open());
    second.fake.gate.add_permits(2);
    let (command, direct) = (discord.answer(command).await, discord.answer(direct).await);
    assert!(description(&command).contains("M54.50"), "{command}");
    assert!(description(&direct).contains("M54.50"), "{direct}");
    assert_eq!(discord.posts().len(), 1);
}
