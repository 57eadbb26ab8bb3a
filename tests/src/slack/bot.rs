//! Casebook running against the stand-in, with an engine at hand.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use casebook_core::{Answer, CodeRef, EditionRef, Failure, Intent, Request, Respond};
use casebook_desk::{State, Supplies};
use casebook_slack::SlackError;
use casebook_state::Clock;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Slack;
use crate::answers::sample;

/// Answers [`sample`], or what it was given, while there are permits; fails or panics over some words.
pub struct Engine {
    /// What it was asked.
    pub asked: Mutex<Vec<Request>>,
    /// One for each answer that it may give.
    pub permits: Semaphore,
    answer: Answer,
    changed: Notify,
}

impl Engine {
    /// An engine with so many permits.
    pub fn new(answer: Answer, permits: usize) -> Arc<Self> {
        Arc::new(Self {
            asked: Mutex::default(),
            permits: Semaphore::new(permits),
            answer,
            changed: Notify::new(),
        })
    }

    /// What it was asked, in short.
    pub fn asked(&self) -> Vec<(Intent, String)> {
        let asked = self.asked.lock().expect("not poisoned");
        asked
            .iter()
            .map(|request| (request.intent, request.text.clone()))
            .collect()
    }

    /// Waits until it was asked `n` times in all.
    pub async fn asked_times(&self, n: usize) {
        self.until(|asked| asked.len() >= n).await;
    }

    /// Waits until it was asked this.
    pub async fn asked_text(&self, text: &str) {
        self.until(|asked| asked.iter().any(|request| request.text == text))
            .await;
    }

    async fn until(&self, is: impl Fn(&[Request]) -> bool) {
        let wait = async {
            loop {
                let changed = self.changed.notified();
                let mut changed = std::pin::pin!(changed);
                changed.as_mut().enable();
                if is(&self.asked.lock().expect("not poisoned")) {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(super::PATIENCE, wait)
            .await
            .expect("the engine is asked");
    }

    /// The latest request.
    pub fn last(&self) -> Request {
        let asked = self.asked.lock().expect("not poisoned");
        asked.last().expect("asked").clone()
    }
}

#[async_trait::async_trait]
impl Respond for Engine {
    async fn respond(&self, request: Request) -> Result<Answer, Failure> {
        let text = request.text.clone();
        self.asked.lock().expect("not poisoned").push(request);
        self.changed.notify_waiters();
        match text.split(' ').next() {
            Some("fail") => Err(Failure {
                for_person: "The sources are being loaded. Ask again in <5 min>.".into(),
                for_operator: "store.db: locked".into(),
            }),
            Some("panic") => panic!("over {text:?}"),
            _ => {
                self.permits.acquire().await.expect("open").forget();
                Ok(self.answer.clone())
            }
        }
    }

    async fn suggest(&self, _: &str, _: usize) -> Result<Vec<CodeRef>, Failure> {
        Ok(Vec::new())
    }

    fn loaded(&self) -> Result<Vec<EditionRef>, Failure> {
        Ok(sample().editions)
    }
}

/// A state store that ends with its last handle.
pub fn state() -> State {
    State::in_memory(casebook_state::Config::default(), Arc::new(SystemTime::now))
        .expect("a store in memory")
}

/// A store in a folder, which several runs may open.
pub fn state_in(folder: &Path, clock: Clock) -> State {
    State::open_with(folder, casebook_state::Config::default(), clock).expect("a store")
}

/// [`state_in`] with a key, so that questions in the making outlast a restart.
pub fn sealed_in(folder: &Path, clock: Clock) -> State {
    let key = json!({"encryption_key": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="});
    let config = serde_json::from_value(key).expect("a configuration");
    State::open_with(folder, config, clock).expect("a store")
}

/// One run of the adapter.
pub struct Run {
    /// Ends it in good order.
    pub stop: CancellationToken,
    /// Its outcome.
    pub running: JoinHandle<Result<(), SlackError>>,
}

impl Run {
    /// Starts the adapter.
    pub fn start(slack: &Slack, config: Value, engine: Arc<dyn Respond>, state: State) -> Self {
        let stop = CancellationToken::new();
        let supplies = Supplies::new(engine, state);
        let running = tokio::spawn(casebook_slack::run(
            slack.config(config),
            supplies,
            stop.clone(),
        ));
        Self { stop, running }
    }
}

/// A run with threads of its own, which ends as a process does: with the value, wherever it is.
pub struct Apart(Option<Runtime>);

impl Apart {
    /// Starts the adapter.
    pub fn start(slack: &Slack, engine: Arc<dyn Respond>, state: State) -> Self {
        Self::with(slack, json!({}), engine, state)
    }

    /// Starts the adapter with `config`.
    pub fn with(slack: &Slack, config: Value, engine: Arc<dyn Respond>, state: State) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let supplies = Supplies::new(engine, state);
        let config = slack.config(config);
        runtime.spawn(casebook_slack::run(
            config,
            supplies,
            CancellationToken::new(),
        ));
        Self(Some(runtime))
    }

    /// Ends everything at once.
    pub fn crash(self) {}
}

impl Drop for Apart {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// The adapter with everything around it.
pub struct Bot {
    /// The stand-in.
    pub slack: Slack,
    /// What answers.
    pub engine: Arc<Engine>,
    /// What is remembered.
    pub state: State,
    /// The run.
    pub run: Run,
}

impl Bot {
    /// The adapter as it is by default, with answers at hand.
    pub async fn start() -> Self {
        Self::with(json!({}), 1000).await
    }

    /// With `config` and so many permits for answers.
    pub async fn with(config: Value, permits: usize) -> Self {
        Self::answering(sample(), config, permits).await
    }

    /// With one answer for everything.
    pub async fn answering(answer: Answer, config: Value, permits: usize) -> Self {
        let (slack, engine, state) = (Slack::start().await, Engine::new(answer, permits), state());
        let run = Run::start(&slack, config, engine.clone(), state.clone());
        slack.greeted(1).await;
        Self {
            slack,
            engine,
            state,
            run,
        }
    }

    /// What the engine was asked.
    pub fn asked(&self) -> Vec<(Intent, String)> {
        self.engine.asked()
    }

    /// Waits until the engine was asked `n` times in all.
    pub async fn engine_asked(&self, n: usize) {
        self.engine.asked_times(n).await;
    }

    /// Waits until a question in this thread is remembered, which it is once its answer stands.
    pub async fn remembered(&self, channel: &str, thread: &str) {
        let conversation = format!("slack:{channel}:{thread}");
        while self
            .state
            .turns(&conversation)
            .await
            .expect("a store")
            .is_empty()
        {
            tokio::task::yield_now().await;
        }
    }

    /// Asks once more and expects that this is the `n`th post, so that nothing was posted unseen before.
    pub async fn only(&self, n: usize) -> Vec<Value> {
        self.slack.mention("C0LAST", "the last one").await;
        let posts = self.slack.posts(n + 1).await;
        assert_eq!(posts.len(), n + 1, "{posts:#?}");
        assert_eq!(posts[n]["channel"], "C0LAST");
        posts
    }
}
