//! One question from acceptance to its reply, a bounded number at a time.

use std::hash::{BuildHasher, Hasher};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use casebook_core::{Answer, Failure, Intent, Request, Respond, Setting};
use futures_util::FutureExt;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::Config;
use crate::markup::{escape, plain};
use crate::render::render;
use crate::reply::{Poster, Target};

/// Replies other than answers ("busy", usage) that may be under way at once; more are dropped.
const NOTES: u32 = 32;
/// After this time without an answer a message gets a reaction.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);
/// Of the 10 s of a graceful stop: the first part is for answers, the rest for telling whoever got none.
const FINISH: Duration = Duration::from_secs(8);
const SAY_SO: Duration = Duration::from_secs(2);

pub(crate) const BUSY: &str =
    "Casebook is busy with other questions. Please try again in a few seconds.";
const RESTARTING: &str = "Casebook is restarting. Please ask again in a minute.";

/// What somebody asked. No `Debug`: the text may hold patient data.
pub(crate) struct Question {
    pub(crate) intent: Intent,
    /// As Slack sent it.
    pub(crate) text: String,
    pub(crate) target: Target,
    /// Channel and timestamp of the message, where there is one to react to.
    pub(crate) message: Option<(String, String)>,
}

/// Accepts questions and sees to their replies.
pub(crate) struct Desk {
    respond: Arc<dyn Respond>,
    poster: Poster,
    setting: Option<Setting>,
    limit: Duration,
    reaction: String,
    max_in_flight: u32,
    answers: Arc<Semaphore>,
    notes: Arc<Semaphore>,
    /// Cancelled when answers that are still being worked on must end.
    cut: CancellationToken,
}

impl Desk {
    pub(crate) fn new(config: &Config, respond: Arc<dyn Respond>, poster: Poster) -> Arc<Self> {
        Arc::new(Self {
            respond,
            poster,
            setting: config.setting,
            limit: Duration::from_secs(config.answer_timeout_s),
            reaction: config.reaction.clone(),
            max_in_flight: config.max_in_flight,
            answers: Arc::new(Semaphore::new(config.max_in_flight as usize)),
            notes: Arc::new(Semaphore::new(NOTES as usize)),
            cut: CancellationToken::new(),
        })
    }

    /// Starts on a question and returns at once. `Err`: what to tell the person instead.
    pub(crate) fn accept(self: &Arc<Self>, question: Question) -> Result<(), String> {
        let text = plain(&question.text);
        if text.is_empty() {
            return Err(usage(question.intent));
        }
        let Ok(permit) = self.answers.clone().try_acquire_owned() else {
            tracing::warn!(
                max_in_flight = self.max_in_flight,
                "a question was turned away: every place is taken"
            );
            return Err(BUSY.to_owned());
        };
        tokio::spawn(self.clone().work(question, text, permit));
        Ok(())
    }

    /// Sends a short text on its own task.
    pub(crate) fn note(self: &Arc<Self>, target: Target, text: String) {
        let Ok(permit) = self.notes.clone().try_acquire_owned() else {
            tracing::warn!("a short reply was dropped: too many are under way");
            return;
        };
        let desk = self.clone();
        tokio::spawn(async move {
            if let Err(why) = desk.poster.send(&target, None, &text).await {
                tracing::error!(%why, "a short reply could not be posted");
            }
            drop(permit);
        });
    }

    async fn work(self: Arc<Self>, question: Question, text: String, permit: OwnedSemaphorePermit) {
        let intent = question.intent;
        let reference = reference();
        match self.answer(&question, text).await {
            Ok((answer, (blocks, fallback))) => {
                match self
                    .poster
                    .send(&question.target, Some(&blocks), &fallback)
                    .await
                {
                    Ok(()) => tracing::info!(
                        ?intent,
                        verdict = ?answer.verdict,
                        answer_ms = answer.timings_ms.total,
                        "answered"
                    ),
                    Err(why) => {
                        tracing::error!(reference, ?intent, %why, "an answer could not be posted");
                        // Perhaps only the blocks were refused, so the person can still be told.
                        self.report(&question.target, "The answer could not be shown here. Please try again, or use the terminal.", &reference).await;
                    }
                }
            }
            Err(failure) => {
                tracing::error!(
                    reference,
                    ?intent,
                    why = failure.for_operator,
                    "a question failed"
                );
                self.report(&question.target, &failure.for_person, &reference)
                    .await;
            }
        }
        drop(permit);
    }

    /// The failure itself is in the log already; a report that cannot be posted adds nothing to it.
    async fn report(&self, target: &Target, sentence: &str, reference: &str) {
        let text = format!("{} (reference {reference})", escape(sentence, 1_000));
        if let Err(why) = self.poster.send(target, None, &text).await {
            tracing::debug!(reference, %why, "the person could not be told of a failure");
        }
    }

    async fn answer(
        &self,
        question: &Question,
        text: String,
    ) -> Result<(Answer, (Value, String)), Failure> {
        let request = Request {
            intent: question.intent,
            text,
            as_of: None,
            setting: self.setting,
        };
        let shown = async {
            let answer = self.respond.respond(request).await?;
            let shown = render(&answer);
            Ok((answer, shown))
        };
        let respond = AssertUnwindSafe(shown).catch_unwind();
        let outcome = tokio::select! {
            outcome = tokio::time::timeout(self.limit, respond) => outcome,
            never = self.show_life(question) => match never {},
            () = self.cut.cancelled() => return Err(failure(RESTARTING, "stopped before it was answered")),
        };
        match outcome {
            Ok(Ok(answered)) => answered,
            // The panic's own message may quote the question; the panic hook has printed the place.
            Ok(Err(_)) => Err(failure(
                "Something went wrong on our side. Please try again; if it happens again, tell your administrator.",
                "a panic while answering or rendering (see the process's standard error for the place)",
            )),
            Err(_) => Err(failure(
                "This took too long. Please try again with a shorter or more precise question.",
                &format!("no answer within {:?} (answer_timeout_s)", self.limit),
            )),
        }
    }

    /// Reacts to a message that waits; never ends, so that it can stand in a `select!`.
    async fn show_life(&self, question: &Question) -> std::convert::Infallible {
        tokio::time::sleep(SIGN_OF_LIFE).await;
        if let (Some((channel, ts)), false) = (&question.message, self.reaction.is_empty())
            && let Err(why) = self.poster.react(channel, ts, &self.reaction).await
        {
            tracing::debug!(%why, "no reaction could be set");
        }
        std::future::pending().await
    }

    /// Forgets what is kept per channel and no longer needed.
    pub(crate) fn tidy(&self) {
        self.poster.forget_idle_channels();
    }

    /// Waits for what was accepted, 10 s at most; whoever gets no answer is told.
    pub(crate) async fn finish(&self) {
        if tokio::time::timeout(FINISH, self.idle()).await.is_ok() {
            return;
        }
        self.cut.cancel();
        if tokio::time::timeout(SAY_SO, self.idle()).await.is_err() {
            let left = self.max_in_flight as usize - self.answers.available_permits();
            tracing::error!(
                left,
                "stopped with replies that could not be posted in time"
            );
        }
    }

    async fn idle(&self) {
        // Every permit back means that every task is done. The semaphores are never closed.
        let _ = self.answers.acquire_many(self.max_in_flight).await;
        let _ = self.notes.acquire_many(NOTES).await;
    }
}

fn failure(for_person: &str, for_operator: &str) -> Failure {
    Failure {
        for_person: for_person.to_owned(),
        for_operator: for_operator.to_owned(),
    }
}

pub(crate) fn usage(intent: Intent) -> String {
    match intent {
        Intent::Ask => "Ask a coding question, for example `/ask is M54.50 billable on 2026-04-01?`. \
                        In a channel, mention me with your question; in a direct message, just write it. \
                        `/code M54.50 Z79.4` shows codes. Please leave out names and other identifiers.",
        Intent::Code => "Name one or more codes, for example `/code M54.50 Z79.4`. For a question in words \
                         use `/ask`.",
    }
    .to_owned()
}

/// Eight hexadecimal digits that a person can read out. Unique enough to find one line of a log;
/// the standard library's hasher is seeded anew each time.
fn reference() -> String {
    let hasher = std::collections::hash_map::RandomState::new().build_hasher();
    format!("{:08X}", hasher.finish() as u32)
}
