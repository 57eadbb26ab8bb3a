//! From a question to a posted answer: a bounded number at a time, each to its end.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use casebook_core::{Request, Respond};
use futures_util::FutureExt;
use moka::future::Cache;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::api::{Post, ReplyTo, Slack, Trouble};
use crate::{Config, render};

/// Slack delivers again after 1 and 5 min, and after a reconnect.
const REMEMBER: Duration = Duration::from_secs(15 * 60);
/// An answer that comes sooner needs no sign of life.
const MARK_AFTER: Duration = Duration::from_secs(1);
const DRAIN_WITHIN: Duration = Duration::from_secs(10);
/// Notices on their way at once; more would be a flood that a notice makes worse.
const NOTICES: usize = 8;

pub(crate) const USAGE: &str = "Ask a coding question in words, or name codes. In a channel mention me; here in \
    Slack there are also `/ask` for a question and `/code` for one or more codes, whose answers only you see. \
    Please leave out names, dates of birth and other details that identify a patient.";
pub(crate) const BUSY: &str =
    "Casebook is busy with other questions. Please ask this one again in a minute.";
pub(crate) const UNREADABLE: &str =
    "Casebook could not read what Slack sent for this command. Please try it again.";

/// Takes questions in and posts answers.
pub(crate) struct Desk {
    slack: Arc<Slack>,
    respond: Arc<dyn Respond>,
    answer_within: Duration,
    limit: u16,
    /// One permit for each answer in the making, held until it is posted.
    slots: Arc<Semaphore>,
    notices: Arc<Semaphore>,
    /// Events and messages that have been taken in.
    seen: Cache<String, ()>,
    reaction: String,
    /// Whether the token may react; unknown until it is tried.
    may_react: AtomicBool,
    /// Cancelled when answers in the making must end.
    hurry: CancellationToken,
}

impl Desk {
    pub(crate) fn new(config: &Config, slack: Arc<Slack>, respond: Arc<dyn Respond>) -> Self {
        let limit = config.answers_in_flight.get();
        Self {
            slack,
            respond,
            answer_within: Duration::from_secs(config.answer_timeout_s.get()),
            limit,
            slots: Arc::new(Semaphore::new(limit.into())),
            notices: Arc::new(Semaphore::new(NOTICES)),
            seen: Cache::builder()
                .max_capacity(100_000)
                .time_to_live(REMEMBER)
                .build(),
            may_react: AtomicBool::new(!config.reaction.is_empty()),
            reaction: config.reaction.clone(),
            hurry: CancellationToken::new(),
        }
    }

    /// Whether `key` is seen for the first time.
    pub(crate) async fn is_new(&self, key: String) -> bool {
        self.seen.entry(key).or_insert(()).await.is_fresh()
    }

    /// Starts to answer, unless too many answers are in the making: then it gives `to` back. `key` names
    /// the question for Slack and, shortened, for people.
    pub(crate) fn take(
        self: &Arc<Self>,
        request: Request,
        to: ReplyTo,
        key: &str,
    ) -> Result<(), ReplyTo> {
        let Ok(slot) = self.slots.clone().try_acquire_owned() else {
            return Err(to);
        };
        let (desk, id) = (self.clone(), uuid(key));
        tokio::spawn(async move {
            desk.hurry
                .run_until_cancelled(desk.answer(request, &to, &id))
                .await;
            drop(slot);
        });
        Ok(())
    }

    /// Posts a notice.
    pub(crate) fn say(self: &Arc<Self>, to: ReplyTo, text: &'static str, key: &str) {
        let Ok(slot) = self.notices.clone().try_acquire_owned() else {
            tracing::warn!("a message goes without a notice: too many notices are on their way");
            return;
        };
        let (desk, id) = (self.clone(), uuid(key));
        tokio::spawn(async move {
            desk.post(&to, notice(text), &id).await;
            drop(slot);
        });
    }

    /// Waits until the answers in the making are posted, for 10 s at most.
    pub(crate) async fn close(&self) {
        if timeout(DRAIN_WITHIN, self.slots.acquire_many(self.limit.into()))
            .await
            .is_err()
        {
            let left = usize::from(self.limit) - self.slots.available_permits();
            tracing::warn!(left, "stopping although answers are still in the making");
        }
        self.hurry.cancel();
    }

    async fn answer(&self, request: Request, to: &ReplyTo, id: &str) {
        let started = Instant::now();
        let work = async {
            let answer = self.respond.respond(request).await?;
            Ok((answer.verdict, render::blocks(&answer)))
        };
        // A panic ends this question and nothing else.
        let work = timeout(self.answer_within, AssertUnwindSafe(work).catch_unwind());
        let mut work = pin!(work);
        let outcome = match timeout(MARK_AFTER, work.as_mut()).await {
            Ok(outcome) => outcome,
            Err(_) => tokio::join!(work, self.mark(to)).0,
        };
        let post = match outcome {
            Ok(Ok(Ok((verdict, (blocks, text))))) => {
                let elapsed_ms = started.elapsed().as_millis();
                let reference = reference(id);
                tracing::info!(reference, elapsed_ms, ?verdict, "a question is answered");
                Post {
                    text,
                    blocks: Some(blocks),
                }
            }
            Ok(Ok(Err(casebook_core::Failure {
                for_person,
                for_operator,
            }))) => failed(id, &for_person, &for_operator),
            Ok(Err(_)) => failed(
                id,
                "Casebook failed over this question. Please put it in other words, or tell whoever runs Casebook.",
                "it panicked; the panic's place is in the standard error output",
            ),
            Err(_) => failed(
                id,
                "Casebook took too long over this question. Please ask again in a minute.",
                &format!("no answer within {} s", self.answer_within.as_secs()),
            ),
        };
        self.post(to, post, id).await;
    }

    async fn post(&self, to: &ReplyTo, post: Post, id: &str) {
        if let Err(trouble) = self.slack.post(to, post, id).await {
            let channel = match to {
                ReplyTo::Message { channel, .. } => channel,
                ReplyTo::Command(_) => "response_url",
            };
            let reference = reference(id);
            tracing::error!(reference, channel, "an answer cannot be posted: {trouble}");
        }
    }

    /// A sign of life. A token that may not react is not tried again.
    async fn mark(&self, to: &ReplyTo) {
        let ReplyTo::Message { channel, ts, .. } = to else {
            return;
        };
        if !self.may_react.load(Ordering::Relaxed) {
            return;
        }
        match self.slack.react(channel, ts, &self.reaction).await {
            Err(Trouble::Refused(code)) if code == "missing_scope" => {
                self.may_react.store(false, Ordering::Relaxed);
                tracing::info!("slow answers are not marked: the bot token lacks reactions:write");
            }
            Err(trouble) => tracing::debug!(channel, "a slow answer is not marked: {trouble}"),
            Ok(()) => {}
        }
    }
}

fn failed(id: &str, for_person: &str, for_operator: &str) -> Post {
    let reference = reference(id);
    tracing::error!(
        reference,
        "a question could not be answered: {for_operator}"
    );
    notice(&format!("{for_person} (Reference {reference})"))
}

fn notice(text: &str) -> Post {
    Post {
        text: render::escape(text),
        blocks: None,
    }
}

/// The same for every delivery of a question, in every process.
fn uuid(key: &str) -> String {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, key).hash(&mut hasher);
        hasher.finish()
    };
    let (high, low) = (half(0), half(1));
    // Version 8 (by the application's own rule) and the RFC's variant.
    format!(
        "{:08x}-{:04x}-8{:03x}-a{:03x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        low >> 52,
        low & 0xffff_ffff_ffff
    )
}

/// What a person can name and an operator can find.
fn reference(id: &str) -> &str {
    &id[..8]
}
