//! Logs: on standard error, and never a word that a person typed.

use std::io::IsTerminal;

use anyhow::{Context, Result};
use tracing_subscriber::EnvFilter;

/// Crates that write frames and bodies, and so what people type, at the levels that are cut off here whatever
/// the operator's filter says.
const CAPPED: &str = "hyper=info,hyper_util=info,reqwest=info,h2=info";

/// Starts logging by a filter, and keeps panics from printing their messages, which may hold text.
///
/// # Errors
/// Where the filter is not one.
pub fn start(filter: &str) -> Result<()> {
    let whole = format!(
        "{filter},{CAPPED},{},{},{}",
        casebook_arrange::LOG_FILTER,
        casebook_slack::LOG_FILTER,
        casebook_discord::LOG_FILTER
    );
    let filter =
        EnvFilter::try_new(&whole).with_context(|| format!("log = {filter:?} is not a filter"))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map_or("an unknown place".to_owned(), ToString::to_string);
        eprintln!("casebook: a panic at {place}; please report the place");
    }));
    Ok(())
}
