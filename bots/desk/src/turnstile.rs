//! Who may work now: a bounded number at once, a bounded number waiting, fair between people.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::Fair;

/// Lets people in.
#[derive(Clone)]
pub(crate) struct Turnstile(Arc<Shared>);

struct Shared {
    inner: Mutex<Inner>,
    /// What one person may have in here at once, waiting or not.
    share: usize,
}

struct Inner {
    free: usize,
    waiting: Fair<String, oneshot::Sender<Permit>>,
    inside: HashMap<String, usize>,
}

/// A place in the queue. Dropping it gives it up.
pub(crate) struct Ticket {
    turn: oneshot::Receiver<Permit>,
}

/// The right to work; dropping it lets the next one in.
pub(crate) struct Permit(Option<Turnstile>);

/// Counts towards what one person has in here; dropping it ends that.
pub(crate) struct Seat {
    turnstile: Turnstile,
    who: String,
}

impl Turnstile {
    pub(crate) fn new(at_once: usize, room: usize) -> Self {
        let inner = Inner {
            free: at_once,
            waiting: Fair::new(room),
            inside: HashMap::new(),
        };
        // A quarter leaves room for others even where nothing waits and all are being posted in one slow channel.
        let share = ((at_once + room) / 4).max(4);
        Self(Arc::new(Shared {
            inner: Mutex::new(inner),
            share,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here panics half-way through a change.
        self.0.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a person; none if there is no room, or the person has more than their share.
    pub(crate) fn enter(&self, who: &str) -> Option<(Ticket, Seat)> {
        let (sender, mut turn) = oneshot::channel();
        let mut inner = self.lock();
        if inner.inside.get(who).is_some_and(|n| *n >= self.0.share) {
            return None;
        }
        if inner.free > 0 {
            inner.free -= 1;
            // The receiver is here, so this cannot fail.
            let _ = sender.send(Permit(Some(self.clone())));
        } else if let Some(out) = inner.waiting.push(who.to_owned(), sender) {
            // Whoever waits at the other end learns of it by this; it may be our own end.
            drop(out);
            if matches!(turn.try_recv(), Err(oneshot::error::TryRecvError::Closed)) {
                return None;
            }
        }
        *inner.inside.entry(who.to_owned()).or_default() += 1;
        let seat = Seat {
            turnstile: self.clone(),
            who: who.to_owned(),
        };
        Some((Ticket { turn }, seat))
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.lock().waiting.len()
    }
}

impl Ticket {
    /// Waits for its turn. None: it was given up to let others in.
    pub(crate) async fn wait(self) -> Option<Permit> {
        self.turn.await.ok()
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let Some(turnstile) = self.0.take() else {
            return;
        };
        loop {
            let next = {
                let mut inner = turnstile.lock();
                let next = inner.waiting.pop();
                if next.is_none() {
                    inner.free += 1;
                }
                next
            };
            let Some(next) = next else { return };
            match next.send(Permit(Some(turnstile.clone()))) {
                Ok(()) => return,
                // Nobody waits there any more: this one must not pass it on as well.
                Err(mut unused) => unused.0 = None,
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut inner = self.turnstile.lock();
        if let Some(n) = inner.inside.get_mut(&self.who) {
            *n -= 1;
            if *n == 0 {
                inner.inside.remove(&self.who);
            }
        }
    }
}
