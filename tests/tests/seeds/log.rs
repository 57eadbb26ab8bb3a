//! The log of this process, as an operator has it with our own crates at their most talkative.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Mutex, OnceLock};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::oracle::SECRET;

/// Everything that was logged.
#[derive(Default)]
pub struct Log {
    /// Warnings and errors by the reference that they name.
    told: Mutex<HashMap<String, Vec<String>>>,
    /// Lines that hold what somebody typed.
    indiscreet: Mutex<Vec<String>>,
    /// Warnings and errors without a reference.
    other: Mutex<Vec<String>>,
}

/// The log, which begins with the first call.
pub fn log() -> &'static Log {
    static LOG: OnceLock<Log> = OnceLock::new();
    static BEGUN: OnceLock<()> = OnceLock::new();
    let log = LOG.get_or_init(Log::default);
    BEGUN.get_or_init(|| {
        let filter = format!(
            "info,{},{},casebook_desk=trace,casebook_slack=trace,casebook_discord=trace,casebook_state=trace",
            casebook_slack::LOG_FILTER,
            casebook_discord::LOG_FILTER,
        );
        tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new(filter))
            .with_ansi(false)
            .with_writer(log)
            .init();
    });
    log
}

impl Log {
    /// Whether a warning or an error names a reference.
    pub fn tells_of(&self, reference: &str) -> bool {
        self.told
            .lock()
            .expect("not poisoned")
            .contains_key(reference)
    }

    /// Warnings and errors under a reference.
    pub fn of(&self, reference: &str) -> Vec<String> {
        let told = self.told.lock().expect("not poisoned");
        told.get(reference).cloned().unwrap_or_default()
    }

    /// Warnings and errors that hold `words`, whatever they are about.
    pub fn lines_with(&self, words: &str) -> usize {
        let other = self.other.lock().expect("not poisoned");
        other.iter().filter(|line| line.contains(words)).count()
    }

    /// # Panics
    /// Where the log holds what somebody typed.
    pub fn is_discreet(&self) {
        let indiscreet = self.indiscreet.lock().expect("not poisoned");
        assert!(
            indiscreet.is_empty(),
            "the log holds what somebody typed: {indiscreet:#?}"
        );
    }

    /// An event comes in one piece.
    fn line(&self, line: &str) {
        if line.contains(SECRET) {
            self.indiscreet
                .lock()
                .expect("not poisoned")
                .push(line.to_owned());
        }
        if !line.contains(" WARN ") && !line.contains("ERROR ") {
            return;
        }
        let reference = line
            .split_once("reference=")
            .and_then(|(_, rest)| rest.trim_start_matches('"').get(..8));
        match reference {
            Some(reference) => self
                .told
                .lock()
                .expect("not poisoned")
                .entry(reference.to_owned())
                .or_default()
                .push(line.to_owned()),
            None => self
                .other
                .lock()
                .expect("not poisoned")
                .push(line.to_owned()),
        }
    }
}

impl Write for &Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.line(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for &'static Log {
    type Writer = &'static Log;

    fn make_writer(&'a self) -> &'static Log {
        self
    }
}
