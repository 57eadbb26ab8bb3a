//! The desk, held to each behaviour that people in Slack and Discord rely on. The engine and the platform are stand-ins;
//! the state store is real. Nothing here waits for time to pass but what the desk is told to wait.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are not test functions, which may unwrap"
)]

mod asking;
mod buttons;
mod channels;
mod limits;
mod operators;
mod privacy;
mod restarts;

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use casebook_core::{
    Answer, Citation, CodeRef, EditionRef, Failure, Intent, Line, Request, Respond, Status, System,
    Verdict,
};
use casebook_desk::{
    Action, Content, Desk, Manner, Once, Person, Place, PostFailed, Posted, Press, Question, Reply,
    Revive, Revived, Rules, Spot, Supplies, Tone, Wish,
};
use casebook_state::{Clock, Config, State};
use chrono::NaiveDate;
use futures_util::future::BoxFuture;
use secrecy::SecretString;
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

pub(crate) const KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// What the platform's stand-in saw.
pub(crate) enum Seen {
    Post(String, Reply),
    Sign(String),
}

type Does = dyn Fn(&Request) -> BoxFuture<'static, Result<Answer, Failure>> + Send + Sync;

/// Answers as a test says.
pub(crate) struct Engine {
    does: Box<Does>,
    pub(crate) asked: Mutex<Vec<Request>>,
}

impl Engine {
    pub(crate) fn new<F>(does: impl Fn(&Request) -> F + Send + Sync + 'static) -> Arc<Self>
    where
        F: Future<Output = Result<Answer, Failure>> + Send + 'static,
    {
        Arc::new(Self {
            does: Box::new(move |request| Box::pin(does(request))),
            asked: Mutex::default(),
        })
    }

    /// Answers at once, always the same.
    pub(crate) fn answering(answer: Answer) -> Arc<Self> {
        Self::new(move |_| std::future::ready(Ok(answer.clone())))
    }

    /// Never answers.
    pub(crate) fn stuck() -> Arc<Self> {
        Self::new(|_| std::future::pending())
    }

    pub(crate) fn asked(&self) -> Vec<Request> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Respond for Engine {
    async fn respond(&self, request: Request) -> Result<Answer, Failure> {
        self.asked.lock().unwrap().push(request.clone());
        (self.does)(&request).await
    }

    async fn suggest(&self, typed: &str, limit: usize) -> Result<Vec<CodeRef>, Failure> {
        match typed {
            "panic" => panic!("as asked"),
            "stuck" => std::future::pending().await,
            _ => Ok(vec![code("M54.50"); limit.min(2)]),
        }
    }

    fn loaded(&self) -> Result<Vec<EditionRef>, Failure> {
        Ok(vec![EditionRef {
            source: "ICD-10-CM Tabular List".into(),
            edition: "FY2027".into(),
            effective: date(),
            through: None,
            in_force: true,
        }])
    }
}

pub(crate) fn date() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 10, 1).expect("a real date")
}

pub(crate) fn code(code: &str) -> CodeRef {
    CodeRef {
        system: System::Icd10cm,
        code: code.into(),
        title: "a title".into(),
        status: Status::Billable,
    }
}

/// An answer with as many lines, further lines and related questions; every line has a citation of its own.
pub(crate) fn answer(lines: usize, more: usize, related: &[&str]) -> Answer {
    let mut answer = Answer::without_lines(Verdict::Answered, "", date());
    answer.reason = None;
    let line = |n: usize| Line {
        text: format!("line {n}"),
        citations: vec![n],
    };
    answer.lines = (1..=lines).map(line).collect();
    answer.more = (lines + 1..=lines + more).map(line).collect();
    answer.related = related
        .iter()
        .map(|&question| question.to_owned())
        .collect();
    answer.citations = (1..=lines + more)
        .map(|n| Citation {
            n,
            source: "ICD-10-CM Tabular List".into(),
            locator: format!("M{n}"),
            edition: "FY2027".into(),
            effective: date(),
            quote: format!("quote {n}"),
            url: "https://www.cms.gov/".into(),
            file: String::new(),
        })
        .collect();
    answer.codes = vec![code("M54.50")];
    answer
}

pub(crate) fn unanswered(verdict: Verdict) -> Answer {
    Answer::without_lines(verdict, "Nothing in the loaded sources.", date())
}

/// A place of the platform's stand-in, for one question.
pub(crate) struct Spotlight {
    name: String,
    seen: UnboundedSender<Seen>,
    platform: Arc<Platform>,
}

/// What several processes see of the platform.
#[derive(Default)]
pub(crate) struct Platform {
    /// Names of replies that stand there.
    pub(crate) posted: Mutex<HashSet<String>>,
    /// How many posts fail from now on.
    pub(crate) failing: AtomicU64,
    /// Posts arrive, and the call never returns.
    pub(crate) hangs: std::sync::atomic::AtomicBool,
    /// The platform does not tell what was posted.
    pub(crate) blind: std::sync::atomic::AtomicBool,
    /// The thread that posts open.
    pub(crate) opens: Mutex<Option<String>>,
}

#[async_trait]
impl Place for Spotlight {
    async fn post(&self, reply: &Reply) -> Result<Posted, PostFailed> {
        let left = self.platform.failing.load(Ordering::SeqCst);
        if left > 0 {
            self.platform.failing.store(left - 1, Ordering::SeqCst);
            return Err(PostFailed("channel_not_found".into()));
        }
        self.platform
            .posted
            .lock()
            .unwrap()
            .insert(reply.once.hex());
        let _ = self.seen.send(Seen::Post(self.name.clone(), reply.clone()));
        if self.platform.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        Ok(Posted {
            thread: self.platform.opens.lock().unwrap().clone(),
        })
    }

    async fn working(&self) {
        let _ = self.seen.send(Seen::Sign(self.name.clone()));
    }

    async fn is_posted(&self, once: &Once) -> bool {
        !self.platform.blind.load(Ordering::SeqCst)
            && self.platform.posted.lock().unwrap().contains(&once.hex())
    }
}

/// A clock that a test moves.
#[derive(Clone)]
pub(crate) struct Hands(Arc<AtomicU64>);

impl Hands {
    pub(crate) fn pass(&self, time: Duration) {
        self.0.fetch_add(
            u64::try_from(time.as_millis()).expect("a time that fits"),
            Ordering::SeqCst,
        );
    }

    pub(crate) fn clock(&self) -> Clock {
        let hands = self.0.clone();
        Arc::new(move || {
            SystemTime::UNIX_EPOCH + Duration::from_millis(hands.load(Ordering::SeqCst))
        })
    }
}

/// A folder, a clock, and what the platform saw; desks are opened in it as processes are.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) hands: Hands,
    pub(crate) config: Config,
    pub(crate) platform: Arc<Platform>,
    seen: UnboundedReceiver<Seen>,
    sender: UnboundedSender<Seen>,
}

impl World {
    pub(crate) fn new() -> Self {
        let (sender, seen) = unbounded_channel();
        Self {
            folder: TempDir::new().unwrap(),
            hands: Hands(Arc::new(AtomicU64::new(1_800_000_000_000))),
            config: Config::default(),
            platform: Arc::default(),
            seen,
            sender,
        }
    }

    pub(crate) fn with_key() -> Self {
        let mut world = Self::new();
        world.config.encryption_key = Some(SecretString::from(KEY));
        world
    }

    pub(crate) fn state(&self) -> State {
        State::open_with(self.folder.path(), self.config.clone(), self.hands.clock())
            .expect("a store")
    }

    pub(crate) fn supplies(&self, engine: &Arc<Engine>) -> Supplies {
        Supplies::new(engine.clone(), self.state())
    }

    pub(crate) fn desk(&self, engine: &Arc<Engine>) -> Arc<Desk> {
        Desk::new("slack", rules(), self.supplies(engine))
    }

    pub(crate) fn place(&self, name: &str) -> Arc<dyn Place> {
        Arc::new(Spotlight {
            name: name.into(),
            seen: self.sender.clone(),
            platform: self.platform.clone(),
        })
    }

    /// Takes a question in at the place that has its key as a name.
    pub(crate) fn take(&self, desk: &Arc<Desk>, question: Question) -> casebook_desk::Taken {
        let place = self.place(&question.key);
        desk.take(question, place)
    }

    pub(crate) fn press(
        &self,
        desk: &Arc<Desk>,
        key: &str,
        action: Action,
        by: &str,
    ) -> casebook_desk::Taken {
        self.press_with(desk, key, action, by, None)
    }

    pub(crate) fn press_with(
        &self,
        desk: &Arc<Desk>,
        key: &str,
        action: Action,
        by: &str,
        typed: Option<&str>,
    ) -> casebook_desk::Taken {
        let press = Press {
            key: key.into(),
            address: format!("at {key}"),
            // As it comes back from the platform.
            action: Action::decode(&action.encode()).expect("an action"),
            typed: typed.map(Into::into),
            from: person(by),
            at: channel(),
        };
        desk.press(press, self.place(key))
    }

    /// The next thing that the platform sees.
    pub(crate) async fn next(&mut self) -> Seen {
        tokio::time::timeout(Duration::from_secs(60), self.seen.recv())
            .await
            .expect("nothing was posted within a minute")
            .expect("a sender is left")
    }

    /// The next reply, with the place it went to.
    pub(crate) async fn reply(&mut self) -> (String, Reply) {
        loop {
            if let Seen::Post(place, reply) = self.next().await {
                return (place, reply);
            }
        }
    }

    /// Ends a desk in good order, and returns what was posted until then.
    pub(crate) async fn rest(&mut self, desk: &Desk) -> Vec<(String, Reply)> {
        desk.close().await;
        let mut rest = Vec::new();
        while let Ok(seen) = self.seen.try_recv() {
            if let Seen::Post(place, reply) = seen {
                rest.push((place, reply));
            }
        }
        rest
    }

    /// Whether a text stands anywhere on the disk.
    pub(crate) fn on_disk(&self, text: &str) -> bool {
        fs_err::read_dir(self.folder.path()).unwrap().any(|entry| {
            // The journal of a process that is ending may go while we look.
            let bytes = fs_err::read(entry.unwrap().path()).unwrap_or_default();
            bytes
                .windows(text.len())
                .any(|window| window == text.as_bytes())
        })
    }
}

/// Waits far longer than a test takes, but for what it is about.
pub(crate) fn rules() -> Rules {
    Rules {
        answer_within: HOUR,
        sign_after: HOUR,
        drain_within: Duration::from_secs(60),
        look_every: Duration::from_millis(2),
        ..Rules::default()
    }
}

pub(crate) fn person(id: &str) -> Person {
    Person {
        id: id.into(),
        ..Person::default()
    }
}

pub(crate) fn admin() -> Person {
    Person {
        admin: true,
        ..person("UADMIN")
    }
}

pub(crate) fn channel() -> Spot {
    Spot {
        channel: "C1".into(),
        workspace: Some("T1".into()),
        ..Spot::default()
    }
}

/// A mention in a channel, to which a thread is opened.
pub(crate) fn mention(key: &str, by: &str, text: &str) -> Question {
    Question {
        key: key.into(),
        address: format!("at {key}"),
        wish: Wish::Ask(Request {
            text: text.into(),
            ..Request::default()
        }),
        from: person(by),
        at: Spot {
            thread: Some(format!("thread of {key}")),
            opens_thread: true,
            ..channel()
        },
        manner: Manner::Mention,
    }
}

pub(crate) fn command(key: &str, by: &str, text: &str) -> Question {
    Question {
        at: channel(),
        manner: Manner::Command,
        ..mention(key, by, text)
    }
}

pub(crate) fn direct(key: &str, by: &str, text: &str) -> Question {
    let at = Spot {
        channel: "D1".into(),
        direct: true,
        ..Spot::default()
    };
    Question {
        at,
        manner: Manner::Direct,
        ..mention(key, by, text)
    }
}

/// Something said in a channel outside of threads.
pub(crate) fn overheard(key: &str, by: &str, text: &str) -> Question {
    Question {
        manner: Manner::Overheard,
        ..mention(key, by, text)
    }
}

/// Something said in the thread that a former question opened.
pub(crate) fn in_thread_of(root: &str, question: Question) -> Question {
    let at = Spot {
        thread: Some(format!("thread of {root}")),
        opens_thread: false,
        ..channel()
    };
    Question { at, ..question }
}

pub(crate) fn of_intent(intent: Intent, mut question: Question) -> Question {
    if let Wish::Ask(request) = &mut question.wish {
        request.intent = intent;
    }
    question
}

/// Waits until what follows a reply is done, too.
pub(crate) async fn settle(desk: &Desk) {
    while desk.in_the_making() > 0 {
        tokio::task::yield_now().await;
    }
}

/// What a notice says, and how it is meant.
pub(crate) fn notice(reply: &Reply) -> (Tone, &str) {
    match &reply.content {
        Content::Notice(notice) => (notice.tone, &notice.text),
        _ => panic!("{reply:?}"),
    }
}

pub(crate) fn shown(reply: &Reply) -> &Answer {
    match &reply.content {
        Content::Answer(answer) => answer,
        _ => panic!("{reply:?}"),
    }
}

pub(crate) fn lines(reply: &Reply) -> Vec<&str> {
    shown(reply)
        .lines
        .iter()
        .map(|line| line.text.as_str())
        .collect()
}

/// The first of a reply's actions that a test looks for.
pub(crate) fn action(reply: &Reply, is: impl Fn(&Action) -> bool) -> Action {
    reply
        .actions
        .iter()
        .find(|action| is(action))
        .cloned()
        .unwrap_or_else(|| panic!("{:?}", reply.actions))
}

/// Finds every place again; the text only of questions that a test names.
pub(crate) struct Finder {
    pub(crate) sender: UnboundedSender<Seen>,
    pub(crate) platform: Arc<Platform>,
    pub(crate) questions: Vec<Question>,
    pub(crate) places: bool,
}

impl World {
    pub(crate) fn finder(&self, questions: Vec<Question>) -> Arc<Finder> {
        let (sender, platform) = (self.sender.clone(), self.platform.clone());
        Arc::new(Finder {
            sender,
            platform,
            questions,
            places: true,
        })
    }
}

#[async_trait]
impl Revive for Finder {
    async fn revive(&self, address: &str) -> Option<Revived> {
        let name = address.strip_prefix("at ")?;
        let place = Spotlight {
            name: name.into(),
            seen: self.sender.clone(),
            platform: self.platform.clone(),
        };
        let question = self
            .questions
            .iter()
            .find(|question| question.key == name)
            .cloned();
        self.places.then(|| Revived {
            place: Arc::new(place),
            question,
        })
    }
}
