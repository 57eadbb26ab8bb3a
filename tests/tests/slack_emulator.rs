//! Slack's Web API as others wrote it, with a memory of its own: what stands in its threads after questions were answered.
//!
//! The emulator is a package of Node.js and is installed once into the target folder. Where Node.js or its registry is not there
//! the test says so and checks nothing. It has neither Socket Mode nor commands, so that events go to the app over HTTP.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use casebook_desk::Supplies;
use casebook_tests::answers::sample;
use casebook_tests::slack::bot::{Engine, state};
use casebook_tests::slack::{BOT_TOKEN, now, request, sign};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// The `latest` tag is another package.
const PACKAGE: &str = "emulate@0.11.2";
const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
/// Who the emulator says that any token belongs to, and its first channel.
const BOT: &str = "U000000001";
const CHANNEL: &str = "C000000001";
const PATIENCE: Duration = Duration::from_secs(30);

struct Emulator {
    process: Child,
    port: u16,
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// The emulator's program.
fn installed() -> Result<PathBuf, String> {
    let dir = Path::new(env!("CASEBOOK_TEST_TMP")).join("node-emulate");
    fs_err::create_dir_all(&dir).map_err(|e| e.to_string())?;
    let lock = fs_err::File::create(dir.join("lock")).map_err(|e| e.to_string())?;
    lock.file().lock().map_err(|e| e.to_string())?;
    let done = dir.join("installed.txt");
    if !fs_err::read_to_string(&done).is_ok_and(|installed| installed == PACKAGE) {
        let output = Command::new("npm")
            .args(["install", "--no-fund", "--no-audit", "--ignore-scripts"])
            .args(["--fetch-retries=1", "--fetch-timeout=20000", "--prefix"])
            .arg(&dir)
            .arg(PACKAGE)
            .stdin(Stdio::null())
            .output()
            .map_err(|e| format!("npm: {e}"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let last = said.lines().last().unwrap_or("no output");
            return Err(format!("npm failed: {last}"));
        }
        fs_err::write(&done, PACKAGE).map_err(|e| e.to_string())?;
    }
    Ok(dir.join("node_modules/emulate/dist/index.js"))
}

/// A port that was free a moment ago.
fn free() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("bound").port()
}

impl Emulator {
    fn start() -> Result<Self, String> {
        let (program, port) = (installed()?, free());
        let process = Command::new("node")
            .arg(program)
            .args(["start", "--service", "slack", "--port", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| format!("node: {e}"))?;
        let mut emulator = Self { process, port };
        let since = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Ok(Some(status)) = emulator.process.try_wait() {
                return Err(format!("the emulator ended with {status}"));
            }
            assert!(since.elapsed() < PATIENCE, "the emulator does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(emulator)
    }

    fn call(&self, method: &str, body: &Value) -> Value {
        let address = format!("http://127.0.0.1:{}/api/{method}", self.port);
        let answer = ureq::post(&address)
            .header("authorization", "Bearer test_token_admin")
            .header("content-type", "application/json")
            .send(body.to_string())
            .and_then(|mut answer| answer.body_mut().read_to_string())
            .expect("the emulator answers");
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        assert_eq!(answer["ok"], true, "{method}: {answer}");
        answer
    }

    /// What stands in a thread, once it is so much.
    fn thread(&self, ts: &str, messages: usize) -> Vec<Value> {
        let since = Instant::now();
        loop {
            let answer = self.call(
                "conversations.replies",
                &json!({"channel": CHANNEL, "ts": ts}),
            );
            let found = answer["messages"].as_array().cloned().unwrap_or_default();
            if found.len() >= messages {
                return found;
            }
            assert!(since.elapsed() < PATIENCE, "{messages} messages: {found:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Somebody asks in the channel; the message's `ts`.
    fn asked(&self, text: &str) -> String {
        let said = json!({"channel": CHANNEL, "text": format!("<@{BOT}> {text}")});
        let ts = self.call("chat.postMessage", &said)["ts"].clone();
        ts.as_str().expect("a ts").to_owned()
    }
}

/// Tells the app of a mention, as Slack does.
async fn mention(address: &str, id: &str, ts: &str, text: &str) {
    let body = json!({
        "type": "event_callback", "event_id": id, "team_id": "T000000001",
        "event": {
            "type": "app_mention", "channel": CHANNEL, "user": "U000000009", "ts": ts, "text": format!("<@{BOT}> {text}"),
        },
    })
    .to_string();
    let at = now();
    let head = format!(
        "Content-Type: application/json\r\nX-Slack-Request-Timestamp: {at}\r\nX-Slack-Signature: {}\r\n",
        sign(SECRET, at, &body)
    );
    let (status, answer) = request(address, &head, body.as_bytes()).await;
    assert_eq!(status, 200, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emulator_of_others_holds_one_answer_in_each_thread() {
    let emulator = match Emulator::start() {
        Ok(emulator) => emulator,
        Err(why) => return eprintln!("not checked with an emulator of Slack: {why}"),
    };
    let listen = format!("127.0.0.1:{}", free());
    let config = json!({
        "bot_token": BOT_TOKEN, "listen": listen, "signing_secret": SECRET,
        "api_url": format!("http://127.0.0.1:{}/api", emulator.port),
    });
    let stop = CancellationToken::new();
    let running = tokio::spawn(casebook_slack::run(
        serde_json::from_value(config).expect("a configuration"),
        Supplies::new(Engine::new(sample(), 1000), state()),
        stop.clone(),
    ));

    let first = emulator.asked("what is M54.50?");
    mention(&listen, "Ev1", &first, "what is M54.50?").await;
    let thread = emulator.thread(&first, 2);
    assert_eq!(thread[1]["thread_ts"], first, "{:?}", thread[1]);
    let shown = thread[1].to_string();
    assert!(
        shown.contains("FY2026 (April 2026) of ICD-10-CM is not in force"),
        "{shown}"
    );

    // Delivered again, and then another: when that is answered, the first would have been twice.
    mention(&listen, "Ev1", &first, "what is M54.50?").await;
    let second = emulator.asked("and M54.51?");
    mention(&listen, "Ev2", &second, "and M54.51?").await;
    emulator.thread(&second, 2);
    stop.cancel();
    running.await.expect("no panic").expect("no error");
    assert_eq!(emulator.thread(&first, 2).len(), 2);
    assert_eq!(emulator.thread(&second, 2).len(), 2);
}
