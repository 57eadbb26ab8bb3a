//! `casebook slack manifest`: what Slack is to be told about the app.

use anyhow::{Result, bail};
use clap::Subcommand;

use crate::config::Config;

/// What to do instead of running the service.
#[derive(Subcommand)]
pub enum What {
    /// Prints the app manifest for "Create New App, From a manifest" in Slack's app settings
    Manifest {
        /// With the scopes to hear every message of its channels, for the mode "every question"
        #[arg(long)]
        channel_messages: bool,
        /// Address at which Slack reaches Casebook over HTTPS, such as https://casebook.example.org/slack; without it
        /// the app uses Socket Mode
        #[arg(long, value_name = "URL")]
        request_url: Option<String>,
    },
}

/// The manifest as JSON.
///
/// # Errors
/// Where the address is none that Slack takes.
pub fn run(what: &What, config: &Config) -> Result<String> {
    let What::Manifest {
        channel_messages,
        request_url,
    } = what;
    let configured = config
        .slack
        .as_ref()
        .is_some_and(|slack| slack.channel_messages);
    if let Some(url) = request_url
        && !url.starts_with("https://")
    {
        bail!("--request-url {url:?} does not begin with https://");
    }
    let manifest =
        casebook_slack::manifest(*channel_messages || configured, request_url.as_deref());
    Ok(serde_json::to_string_pretty(&manifest)?)
}
