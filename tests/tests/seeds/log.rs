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
    /// Lines by the reference that they name.
    told: Mutex<HashMap<String, Vec<String>>>,
    /// Lines that hold what somebody typed.
    indiscreet: Mutex<Vec<String>>,
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

/// Whether a line is a warning or an error.
fn is_grave(line: &str) -> bool {
    line.contains(" WARN ") || line.contains("ERROR ")
}

impl Log {
    /// Whether a warning or an error names a reference.
    pub fn tells_of(&self, reference: &str) -> bool {
        self.of(reference).iter().any(|line| is_grave(line))
    }

    /// All that is said under a reference.
    pub fn of(&self, reference: &str) -> Vec<String> {
        let told = self.told.lock().expect("not poisoned");
        told.get(reference).cloned().unwrap_or_default()
    }

    /// # Panics
    /// Where the log holds what somebody typed.
    pub fn is_discreet(&self) {
        let indiscreet = self.indiscreet.lock().expect("not poisoned").clone();
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
        let reference = line
            .split_once("reference=")
            .and_then(|(_, rest)| rest.trim_start_matches('"').get(..8));
        if let Some(reference) = reference {
            let mut told = self.told.lock().expect("not poisoned");
            let lines = told.entry(reference.to_owned()).or_default();
            lines.push(line.to_owned());
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
