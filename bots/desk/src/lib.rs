//! The desk: what the chat platforms share between "an event was understood" and "this is shown".
//!
//! It knows neither a platform nor coding. An adapter hands a [`Question`] (or a [`Press`] of a button) to a [`Desk`] with
//! a [`Place`], and gets back, through that place, [`Reply`] values, which it renders. Everything between is here, once:
//! who may ask and where, claims, the queue, the warning about patient data, context of a thread, timeouts, failures,
//! buttons, feedback, gaps, usage, shutdown, and what a crash left over.
//!
//! # For who writes an adapter
//! ```text
//! let desk = Desk::new("slack", Rules { .. }, supplies);
//! tokio::spawn(desk.clone().keep(Arc::new(MyRevive), stop.clone()));   // leases, left-over questions, purge
//! // for each event: acknowledge it first, then
//! desk.take(question, Arc::new(MyPlace { .. }));                       // returns at once, posts through the place
//! // for each button: Action::decode(custom_id); if action.form() is some, open a modal and press on submission
//! desk.press(press, Arc::new(MyPlace { .. }));
//! // at the end
//! desk.close().await;
//! ```
//! * [`Desk::take`] never waits, so acknowledging is the adapter's alone. It may be called for every delivery: the desk
//!   answers a [`Question::key`] once.
//! * Also hand over what was merely overheard ([`Manner::Overheard`]) where the platform lets you hear it: the desk
//!   decides by the channel's settings whether to speak.
//! * A message that mentions Casebook is [`Manner::Mention`] in whichever kind of event it arrives. Leave out what bots
//!   say, and edits and deletions.
//! * An answer or a warning for [`Audience::Asker`] is shown to nobody else. Where a platform cannot do that in the place
//!   itself, use another (a direct message). A notice holds nothing private; who cannot whisper may say it aloud.
//! * A renderer that drops lines calls [`Reply::cut_after`], so that the rest is behind a button.
//! * Post under [`Once`] where the platform drops a second copy (`client_msg_id`, `nonce`).
//!
//! # What people type
//! It may hold patient data. It is in no log, no metric and no `{:?}` of this crate's values, and reaches the state store
//! only by way of [`casebook_state`], which keeps it in memory or encrypted.

mod action;
mod admin;
mod answering;
pub mod checkup;
mod desk;
mod errand;
mod fair;
mod help;
mod meters;
pub mod ops;
mod policy;
mod press;
mod privacy;
mod question;
mod reply;
mod stored;
mod turnstile;

use std::sync::Arc;
use std::time::Duration;

use casebook_core::Respond;

pub use action::{Action, AnswerId, Form, LONGEST_ACTION};
pub use admin::editions_in_words;
pub use casebook_state::{Audience, ChannelSettings, Speaks, State};
pub use desk::{Desk, Home, Taken};
pub use fair::Fair;
pub use help::{Help, TOPICS, Topic, help};
pub use meters::Meters;
pub use question::{
    Manner, Person, Place, PostFailed, Posted, Press, Question, Revive, Revived, Spot, Wish,
};
pub use reply::{Content, Notice, Once, Reply, Tone, Warning};

/// What a desk works with. One for the process; clones share everything.
#[derive(Clone)]
pub struct Supplies {
    /// What answers.
    pub respond: Arc<dyn Respond>,
    /// What is remembered.
    pub state: State,
    /// What is counted.
    pub meters: Meters,
}

impl Supplies {
    /// Supplies with counters that nobody else reads.
    pub fn new(respond: Arc<dyn Respond>, state: State) -> Self {
        Self {
            respond,
            state,
            meters: Meters::default(),
        }
    }
}

/// How much a desk does at once, for how long it waits, and what holds where no admin set anything.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Answers in the making at once.
    pub answers_in_flight: usize,
    /// Questions that may wait beyond those.
    pub queue: usize,
    /// After so long without an answer the person is told that it failed.
    pub answer_within: Duration,
    /// After so long without an answer there is a sign of life. Default: 1 s.
    pub sign_after: Duration,
    /// For so long [`Desk::close`] waits for answers in the making. Default: 10 s.
    pub drain_within: Duration,
    /// How often [`Desk::keep`] renews claims and looks for questions that a crash left over. Well below
    /// [`casebook_state::LEASE`]. Default: 15 s.
    pub look_every: Duration,
    /// What holds in channels for which nobody set anything, and for what a channel's settings leave open.
    pub defaults: ChannelSettings,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            answers_in_flight: 16,
            queue: 256,
            answer_within: Duration::from_secs(60),
            sign_after: Duration::from_secs(1),
            drain_within: Duration::from_secs(10),
            look_every: Duration::from_secs(15),
            defaults: ChannelSettings::default(),
        }
    }
}
