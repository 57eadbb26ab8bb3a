//! The desk itself: takes questions in, keeps what is in the making, and ends in good order.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use casebook_core::{CodeRef, EditionRef};
use casebook_state::{ChannelSettings, Claim, LeftOver, StateError};
use futures_util::FutureExt;
use moka::sync::Cache;
use tokio::sync::{Notify, Semaphore};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::errand::{Errand, Job};
use crate::press::of_press;
use crate::privacy::Held;
use crate::turnstile::{Ticket, Turnstile};
use crate::{
    Help, Manner, Meters, Notice, Person, Place, Press, Question, Revive, Rules, Spot, Supplies,
    Tone, admin, errand, help, stored,
};

/// Platforms deliver again within minutes; the state store knows it for longer.
const REMEMBER: Duration = Duration::from_secs(15 * 60);
/// How long a question with patient data waits, in memory alone, for the person's choice.
pub(crate) const HOLD: Duration = Duration::from_secs(15 * 60);
const MOST_HELD: u64 = 1_000;
/// Notices on their way at once that never had a place in the queue.
const NOTICES: usize = 256;
/// Overheard messages that are looked at at once; with more, some go unheard.
const LISTENING: usize = 64;
const HURRY: Duration = Duration::from_secs(2);
const PURGE_EVERY: Duration = Duration::from_secs(3600);
/// Autocomplete waits no longer: the platform has stopped waiting.
const SUGGEST_WITHIN: Duration = Duration::from_millis(1500);
/// A question that was begun so often and never finished is given up: it may be what ends the process.
const MOST_ATTEMPTS: u32 = 3;
/// Older questions are not answered after a restart: the person has gone on.
const TOO_OLD: Duration = Duration::from_secs(30 * 60);

pub(crate) const BUSY: &str =
    "Casebook is busy with other questions. Please ask this one again in a minute.";
pub(crate) const RESTARTING: &str = "Casebook is being restarted. Please ask again in a minute.";

/// Takes questions in and has replies posted. One for each platform of a process.
pub struct Desk {
    pub(crate) platform: &'static str,
    pub(crate) rules: Rules,
    pub(crate) supplies: Supplies,
    pub(crate) turnstile: Turnstile,
    /// One permit for each reply that is being posted.
    pub(crate) posting: Semaphore,
    pub(crate) held: Cache<String, Arc<Held>>,
    pub(crate) hurry: CancellationToken,
    seen: Cache<String, ()>,
    notices: Arc<Semaphore>,
    listening: Arc<Semaphore>,
    /// Tasks of this desk.
    alive: AtomicUsize,
    /// Told when one of them ends.
    ended: Notify,
    active: Mutex<HashMap<String, Claim>>,
    closing: AtomicBool,
}

/// What became of a question that was handed over. The desk has posted, or will post, whatever there is to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is being worked on.
    Yes,
    /// It was handed over before.
    Before,
    /// There is no room, and the person is told so; but not of what was merely overheard.
    Busy,
    /// The desk is closing, and the person is told so.
    Closing,
}

/// What a person's own page shows.
#[derive(Clone)]
pub struct Home {
    /// The person's latest questions, the latest first, as far as they are kept.
    pub recent: Vec<String>,
    /// What is loaded.
    pub editions: Vec<EditionRef>,
    /// What Casebook can do.
    pub help: Help,
}

impl Desk {
    /// A desk for a platform, whose name is in metrics and in what is kept: `slack`.
    pub fn new(platform: &'static str, rules: Rules, supplies: Supplies) -> Arc<Self> {
        Arc::new(Self {
            platform,
            turnstile: Turnstile::new(rules.answers_in_flight.max(1), rules.queue),
            posting: Semaphore::new(rules.answers_in_flight.max(1) + rules.queue),
            held: Cache::builder()
                .max_capacity(MOST_HELD)
                .time_to_live(HOLD)
                .build(),
            seen: Cache::builder()
                .max_capacity(100_000)
                .time_to_live(REMEMBER)
                .build(),
            notices: Arc::new(Semaphore::new(NOTICES)),
            listening: Arc::new(Semaphore::new(LISTENING)),
            alive: AtomicUsize::new(0),
            ended: Notify::new(),
            active: Mutex::default(),
            closing: AtomicBool::new(false),
            hurry: CancellationToken::new(),
            rules,
            supplies,
        })
    }

    /// Takes a question in. It never waits; the reply comes through `place`.
    pub fn take(self: &Arc<Self>, question: Question, place: Arc<dyn Place>) -> Taken {
        let key = self.key(&question.key);
        if question.manner == Manner::Overheard && !question.at.direct {
            return self.overhear(key, question, place);
        }
        self.admit(Job::new(key, Errand::Question(question)), place)
    }

    /// Takes a press of a button in; as [`Desk::take`].
    pub fn press(self: &Arc<Self>, press: Press, place: Arc<dyn Place>) -> Taken {
        let key = self.key(&press.key);
        let job = of_press(self, key, press);
        self.admit(job, place)
    }

    fn key(&self, key: &str) -> String {
        format!("{}:{key}", self.platform)
    }

    fn admit(self: &Arc<Self>, job: Job, place: Arc<dyn Place>) -> Taken {
        if !self.is_new(&job.key) {
            return Taken::Before;
        }
        let closing = self.closing.load(Ordering::SeqCst);
        let entered = (!closing)
            .then(|| self.turnstile.enter(job.person()))
            .flatten();
        self.supplies
            .meters
            .depth(self.platform, self.turnstile.waiting());
        if let Some((ticket, seat)) = entered {
            self.spawn(job, place, Some(ticket), seat);
            return Taken::Yes;
        }
        let (text, taken) = if closing {
            (RESTARTING, Taken::Closing)
        } else {
            (BUSY, Taken::Busy)
        };
        match self.notices.clone().try_acquire_owned() {
            Ok(slot) => {
                let job = job.only(Notice::new(Tone::Busy, text), "busy");
                self.spawn(job, place, None, slot);
            }
            // Only with hundreds of notices on their way, which would not make anything better.
            Err(_) => tracing::warn!(
                platform = self.platform,
                "a question goes without a word: too many notices"
            ),
        }
        taken
    }

    fn overhear(self: &Arc<Self>, key: String, question: Question, place: Arc<dyn Place>) -> Taken {
        if self.seen.contains_key(&key) {
            return Taken::Before;
        }
        if self.closing.load(Ordering::SeqCst) {
            return Taken::Closing;
        }
        match self.listening.clone().try_acquire_owned() {
            Ok(slot) => {
                self.spawn(Job::new(key, Errand::Question(question)), place, None, slot);
                Taken::Yes
            }
            Err(_) => Taken::Busy,
        }
    }

    /// Lets a key be seen once more.
    pub(crate) fn forget(&self, key: &str) {
        self.seen.invalidate(key);
    }

    /// Whether this process sees a key for the first time.
    pub(crate) fn is_new(&self, key: &str) -> bool {
        self.seen.entry_by_ref(key).or_insert(()).is_fresh()
    }

    /// `holds` is kept until the end.
    fn spawn(
        self: &Arc<Self>,
        job: Job,
        place: Arc<dyn Place>,
        ticket: Option<Ticket>,
        holds: impl Send + 'static,
    ) {
        self.alive.fetch_add(1, Ordering::SeqCst);
        let alive = Alive(self.clone());
        let desk = self.clone();
        let flight = self.supplies.meters.flight(self.platform);
        tokio::spawn(async move {
            let reference = job.reference();
            // A panic ends this question and nothing else. Its claim runs out, and the question is looked at again.
            let worked = AssertUnwindSafe(errand::attend(&desk, job, place, ticket))
                .catch_unwind()
                .await;
            if worked.is_err() {
                let platform = desk.platform;
                tracing::error!(
                    platform,
                    reference,
                    "a question's task panicked; standard error names the place"
                );
            }
            drop((holds, flight, alive));
        });
    }

    /// Keeps a claim renewed until the value is dropped.
    pub(crate) fn hold(self: &Arc<Self>, claim: Claim) -> Holding {
        self.active().insert(claim.key.clone(), claim.clone());
        Holding {
            desk: self.clone(),
            claim,
        }
    }

    fn active(&self) -> std::sync::MutexGuard<'_, HashMap<String, Claim>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Renews claims, takes over questions whose process ended before it replied, and forgets what is too old; until
    /// `stop` is cancelled. Run it once for each desk.
    pub async fn keep(self: Arc<Self>, revive: Arc<dyn Revive>, stop: CancellationToken) {
        let mut ticks = interval(self.rules.look_every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut purged: Option<Instant> = None;
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            if purged.is_none_or(|at| at.elapsed() >= PURGE_EVERY) {
                purged = Some(Instant::now());
                if let Err(why) = self.supplies.state.purge().await {
                    tracing::error!(
                        platform = self.platform,
                        "what is too old was not forgotten: {why}"
                    );
                }
            }
            if stop.run_until_cancelled(self.look(&revive)).await.is_none() {
                return;
            }
        }
    }

    async fn look(self: &Arc<Self>, revive: &Arc<dyn Revive>) {
        self.supplies
            .meters
            .depth(self.platform, self.turnstile.waiting());
        let claims = self.active().values().cloned().collect();
        if let Err(why) = self.supplies.state.renew(claims).await {
            tracing::error!(platform = self.platform, "claims were not renewed: {why}");
        }
        match self.supplies.state.left_over(self.platform).await {
            Ok(left) => {
                for left in left {
                    self.supplies.meters.left_over(self.platform);
                    self.take_over(left, revive).await;
                }
            }
            Err(why) => tracing::error!(
                platform = self.platform,
                "left-over questions were not looked for: {why}"
            ),
        }
    }

    async fn take_over(self: &Arc<Self>, left: LeftOver, revive: &Arc<dyn Revive>) {
        let claim = left.claim;
        let reference = errand::reference(&claim.key);
        // Once more than it is tried, for the sentence that says so; that may fail as well.
        let hopeless = left.address.is_empty() || claim.attempts > MOST_ATTEMPTS + 1;
        let revived = match hopeless {
            true => None,
            false => revive.revive(&left.address).await,
        };
        let Some(revived) = revived else {
            tracing::warn!(
                platform = self.platform,
                reference,
                "a question stays without a reply: its place cannot be found again, or nothing can be posted there"
            );
            if let Err(why) = self.supplies.state.done(&claim).await {
                tracing::error!(
                    platform = self.platform,
                    reference,
                    "a claim was not ended: {why}"
                );
            }
            return;
        };
        tracing::info!(
            platform = self.platform,
            reference,
            attempts = claim.attempts,
            "a question is taken over from a process that ended before it replied"
        );
        let stored = || left.question.as_deref().and_then(stored::restored);
        let question = revived.question.or_else(stored);
        let fit = claim.attempts <= MOST_ATTEMPTS && left.age <= TOO_OLD;
        let errand = match question.filter(|_| fit) {
            Some(question) => Errand::Question(question),
            None => errand::lost(claim.attempts > MOST_ATTEMPTS, claim.may_be_posted),
        };
        let job = Job::new(claim.key.clone(), errand).taken_over(claim);
        match self.turnstile.enter(job.person()) {
            Some((ticket, seat)) => self.spawn(job, revived.place, Some(ticket), seat),
            // Its lease runs out, and it is found again.
            None => tracing::debug!(
                platform = self.platform,
                reference,
                "no room for a left-over question yet"
            ),
        }
    }

    /// Takes no question in any more, waits for the answers in the making, and after [`Rules::drain_within`] ends the
    /// rest with a sentence that says so.
    pub async fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
        if timeout(self.rules.drain_within, self.idle()).await.is_ok() {
            return;
        }
        self.hurry.cancel();
        if timeout(HURRY, self.idle()).await.is_err() {
            let left = self.alive.load(Ordering::SeqCst);
            tracing::warn!(
                platform = self.platform,
                left,
                "stopping before every reply was posted"
            );
        }
    }

    /// How many questions and presses were taken in and are not yet seen to.
    pub fn in_the_making(&self) -> usize {
        self.alive.load(Ordering::SeqCst)
    }

    /// Waits until nothing is in the making.
    async fn idle(&self) {
        loop {
            let mut ended = pin!(self.ended.notified());
            // From here on no end is missed.
            ended.as_mut().enable();
            if self.alive.load(Ordering::SeqCst) == 0 {
                return;
            }
            ended.await;
        }
    }

    /// Codes for a platform's autocomplete, best first. Where they cannot be had in time there are none: a person who
    /// types is not shown errors.
    pub async fn suggest(&self, typed: &str, limit: usize) -> Vec<CodeRef> {
        let found = AssertUnwindSafe(self.supplies.respond.suggest(typed, limit)).catch_unwind();
        match timeout(SUGGEST_WITHIN, found).await {
            Ok(Ok(Ok(codes))) => codes,
            Ok(Ok(Err(failure))) => {
                tracing::warn!(
                    platform = self.platform,
                    "no suggestions: {}",
                    failure.for_operator
                );
                Vec::new()
            }
            Ok(Err(_)) => {
                tracing::error!(platform = self.platform, "suggesting codes panicked");
                Vec::new()
            }
            Err(_) => Vec::new(),
        }
    }

    /// The settings that hold in a place, for the form in which an admin changes them.
    ///
    /// # Errors
    /// A notice to show instead.
    pub async fn settings(&self, at: &Spot) -> Result<ChannelSettings, Notice> {
        let settings = self.settings_of(at).await;
        settings.map_err(|why| self.failure_of(admin::failed(why), &errand::reference(&at.channel)))
    }

    pub(crate) async fn settings_of(&self, at: &Spot) -> Result<ChannelSettings, StateError> {
        let own = format!("{}:{}", self.platform, at.channel);
        let workspace = at
            .workspace
            .as_ref()
            .map(|id| format!("{}:workspace:{id}", self.platform));
        let places = std::iter::once(own).chain(workspace).collect();
        let settings = self.supplies.state.settings(places).await?;
        Ok(settings.map_or_else(
            || self.rules.defaults.clone(),
            |own| own.or(&self.rules.defaults),
        ))
    }

    /// Sets what holds in a place's channel (with an empty channel: in its whole workspace), if the person may. The notice
    /// says what was done.
    pub async fn configure(&self, from: &Person, at: &Spot, settings: &ChannelSettings) -> Notice {
        if !from.admin {
            return Notice::new(
                Tone::Denied,
                "Only admins can change how Casebook works in a channel.",
            );
        }
        let place = match &at.workspace {
            Some(workspace) if at.channel.is_empty() => {
                format!("{}:workspace:{workspace}", self.platform)
            }
            _ => format!("{}:{}", self.platform, at.channel),
        };
        match self.supplies.state.set(&place, settings).await {
            Ok(()) => {
                tracing::info!(
                    platform = self.platform,
                    channel = at.channel,
                    "settings of a channel were changed"
                );
                Notice::new(
                    Tone::Plain,
                    "The settings are changed. They hold from the next question on.",
                )
            }
            Err(why) => self.failure_of(admin::failed(why), &errand::reference(&at.channel)),
        }
    }

    /// What a person's own page shows. What cannot be had is left out.
    pub async fn home(&self, from: &Person) -> Home {
        let turns = self
            .supplies
            .state
            .turns(&self.own_list(from))
            .await
            .unwrap_or_default();
        Home {
            recent: turns.into_iter().rev().map(|turn| turn.question).collect(),
            editions: self.supplies.respond.loaded().unwrap_or_default(),
            help: help(),
        }
    }

    pub(crate) fn own_list(&self, from: &Person) -> String {
        format!("{}:person:{}", self.platform, from.id)
    }

    /// The counters, for what only the adapter sees.
    pub fn meters(&self) -> &Meters {
        &self.supplies.meters
    }

    /// A failure as the person sees it; the operator's half goes to the log under the same number.
    pub(crate) fn failure_of(&self, failure: casebook_core::Failure, reference: &str) -> Notice {
        let platform = self.platform;
        tracing::error!(
            platform,
            reference,
            "a question could not be answered: {}",
            failure.for_operator
        );
        Notice::new(
            Tone::Failed,
            format!("{} (Reference {reference})", failure.for_person),
        )
    }
}

/// A task that runs.
struct Alive(Arc<Desk>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.alive.fetch_sub(1, Ordering::SeqCst);
        self.0.ended.notify_waiters();
    }
}

/// A claim that is renewed while this lives.
pub(crate) struct Holding {
    desk: Arc<Desk>,
    pub(crate) claim: Claim,
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.desk.active().remove(&self.claim.key);
    }
}
