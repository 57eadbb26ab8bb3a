//! What a person sees while files are fetched.

use std::io::{IsTerminal, stderr};
use std::sync::Mutex;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Told what is being fetched, one file at a time.
pub trait Progress: Sync {
    /// A step begins: `what` is a short phrase for a person, `bytes` how much there is to fetch, 0 where only the
    /// server knows.
    fn begin(&self, what: &str, bytes: u64);
    /// The server has said how many bytes there are.
    fn size(&self, bytes: u64);
    /// So many bytes of the step are done, counted from its beginning.
    fn at(&self, bytes: u64);
    /// The step ended, well or badly.
    fn end(&self);
    /// Something to know that is no step, such as waiting for another process.
    fn note(&self, text: &str);
}

/// Says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _what: &str, _bytes: u64) {}
    fn size(&self, _bytes: u64) {}
    fn at(&self, _bytes: u64) {}
    fn end(&self) {}
    fn note(&self, _text: &str) {}
}

/// A bar for each step on standard error; one plain line a step where that is no terminal.
#[derive(Debug, Default)]
pub struct Bars {
    now: Mutex<Option<ProgressBar>>,
}

impl Bars {
    /// Bars on standard error.
    pub fn new() -> Self {
        Self::default()
    }

    fn with(&self, f: impl FnOnce(&mut Option<ProgressBar>)) {
        // A bar is only shown: one that a panicking thread left behind is as good as any.
        f(&mut self
            .now
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner));
    }
}

impl Progress for Bars {
    fn begin(&self, what: &str, bytes: u64) {
        if !stderr().is_terminal() {
            match bytes {
                0 => eprintln!("{what}"),
                _ => eprintln!("{what} ({:.1} MB)", bytes as f64 / 1e6),
            }
            return;
        }
        let bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template(
            "{msg}\n  {wide_bar} {decimal_bytes}/{decimal_total_bytes} {eta}",
        ) {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        self.with(|now| *now = Some(bar));
    }

    fn size(&self, bytes: u64) {
        self.with(|now| {
            if let Some(bar) = now {
                bar.set_length(bytes);
            }
        });
    }

    fn at(&self, bytes: u64) {
        self.with(|now| {
            if let Some(bar) = now {
                bar.set_position(bytes);
            }
        });
    }

    fn end(&self) {
        self.with(|now| {
            if let Some(bar) = now.take() {
                bar.finish();
            }
        });
    }

    fn note(&self, text: &str) {
        self.with(|now| match now {
            Some(bar) => bar.suspend(|| eprintln!("{text}")),
            None => eprintln!("{text}"),
        });
    }
}
