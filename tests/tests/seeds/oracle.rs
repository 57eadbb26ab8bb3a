//! What answers in a day: by what the question says, at once or when it is let.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use casebook_core::{Answer, CodeRef, EditionRef, Failure, Line, Request, Respond, Verdict};
use casebook_tests::answers::sample;
use tokio::sync::Notify;

/// Stands for what a person typed, and is nowhere but in the answer to that person.
pub const SECRET: &str = "Quincunxia";
/// What an answer holds that would ping, if it were let.
pub const PINGS: &str =
    "<!channel> <!here> @here <@U0OTHER> <!subteam^S1|@coders> @everyone <@&123> <@123>";

/// What a question is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It has an answer.
    Known,
    /// It has one that no message can hold.
    Large,
    /// It has none.
    Unknown,
    /// The engine fails over it.
    Fails,
    /// The engine panics over it.
    Panics,
    /// It is never answered.
    Endless,
    /// It tells of a patient.
    Patient,
    /// It asks for help.
    Help,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// The words of question `n`.
pub fn words(kind: Kind, n: usize) -> String {
    match kind {
        Kind::Help => "help".into(),
        Kind::Patient => {
            format!("what is {kind} number {n} of {SECRET}, MRN 4471920, DOB 03/14/1961?")
        }
        _ => format!("what is {kind} number {n} of {SECRET}?"),
    }
}

/// What the answer to question `n` holds, and no other.
pub fn mark(n: usize) -> String {
    format!("number {n} of {SECRET}")
}

/// Which question's words these are.
pub fn number(text: &str) -> Option<usize> {
    let (_, rest) = text.split_once("number ")?;
    rest.split(' ').next()?.parse().ok()
}

/// The engine of a day.
#[derive(Default)]
pub struct Oracle {
    inner: Mutex<Inner>,
    changed: Notify,
}

#[derive(Default)]
struct Inner {
    asked: HashMap<usize, u32>,
    held: HashSet<usize>,
    /// Nothing is held any more.
    hurry: bool,
    endless: usize,
}

impl Oracle {
    /// One that holds nothing.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("not poisoned")
    }

    /// The answer to question `n` waits until it is let go.
    pub fn hold(&self, n: usize) {
        self.lock().held.insert(n);
    }

    /// Lets the answer to question `n` come.
    pub fn let_go(&self, n: usize) {
        self.lock().held.remove(&n);
        self.changed.notify_waiters();
    }

    /// Holds nothing any more.
    pub fn hurry(&self) {
        self.lock().hurry = true;
        self.changed.notify_waiters();
    }

    /// How many questions it is at that it never answers.
    pub fn endless(&self) -> usize {
        self.lock().endless
    }

    /// Waits until it was asked this question.
    ///
    /// # Panics
    /// Where that takes half a minute.
    pub async fn asked(&self, n: usize) {
        let asked = self.until(|inner| inner.asked.contains_key(&n));
        let asked = tokio::time::timeout(Duration::from_secs(30), asked).await;
        asked.unwrap_or_else(|_| panic!("the engine was not asked question {n}"));
    }

    async fn until(&self, is: impl Fn(&Inner) -> bool) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if is(&self.lock()) {
                return;
            }
            changed.await;
        }
    }
}

/// Counts an endless question for as long as somebody waits for it.
struct Endless<'a>(&'a Oracle);

impl Drop for Endless<'_> {
    fn drop(&mut self) {
        self.0.lock().endless -= 1;
    }
}

#[async_trait::async_trait]
impl Respond for Oracle {
    async fn respond(&self, request: Request) -> Result<Answer, Failure> {
        let text = request.text;
        if let Some(n) = number(&text) {
            *self.lock().asked.entry(n).or_default() += 1;
            self.changed.notify_waiters();
            self.until(|inner| inner.hurry || !inner.held.contains(&n))
                .await;
        }
        let is = |kind: Kind| text.contains(&format!("is {kind} "));
        if is(Kind::Endless) {
            self.lock().endless += 1;
            let _counted = Endless(self);
            std::future::pending::<()>().await;
        }
        if is(Kind::Fails) {
            return Err(Failure {
                for_person: "The sources are being loaded. Ask again in a minute.".into(),
                for_operator: "store.db: locked".into(),
            });
        }
        if is(Kind::Panics) {
            // As a panic, but for the report of it: a hundred of those would hide the one that matters.
            resume_unwind(Box::new("as asked"));
        }
        let mut answer = sample();
        if is(Kind::Unknown) {
            let reason = format!("Nothing in the loaded sources tells of {text} {PINGS}");
            answer = Answer::without_lines(Verdict::NoAnswer, reason, answer.as_of);
        } else {
            let line = |text: String| Line {
                text,
                citations: vec![1],
            };
            answer.lines.push(line(format!("Of {text} {PINGS}")));
            answer.more.push(line(format!("Further of {text} {PINGS}")));
            answer.codes[0].title = PINGS.into();
            answer.related = vec![
                format!("Is M54.50 billable {PINGS}?"),
                format!("What of {}?", "words ".repeat(30)),
            ];
            if is(Kind::Large) {
                let many = (0..60).map(|i| line(format!("Line {i}. {}", "word ".repeat(60))));
                answer.lines.extend(many);
            }
        }
        answer.read_as = Some(format!("as {text} {PINGS}"));
        Ok(answer)
    }

    async fn suggest(&self, _: &str, _: usize) -> Result<Vec<CodeRef>, Failure> {
        Ok(Vec::new())
    }

    fn loaded(&self) -> Result<Vec<EditionRef>, Failure> {
        Ok(sample().editions)
    }
}
