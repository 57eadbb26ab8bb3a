//! `casebook state`: what the bots remember, for an operator. It opens no engine.

use std::fmt::Write;

use anyhow::{Result, bail};
use casebook_state::{ChannelSettings, GapCount, Opinions, State};
use chrono::{DateTime, NaiveDate};
use clap::Args;
use serde::Serialize;

use crate::config::Config;

/// What to show, and what to forget.
#[derive(Args)]
pub struct Options {
    /// One JSON value on standard output
    #[arg(long)]
    pub json: bool,
    /// Days that are counted
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: u32,
    /// Forgets what is older than configured first, as a running service does every hour
    #[arg(long)]
    purge: bool,
}

/// What the bots remember of some days.
#[derive(Serialize)]
pub struct Remembered {
    days: u32,
    gaps: Vec<GapCount>,
    usage: Vec<Usage>,
    opinions: Opinions,
    channels: Vec<Channel>,
}

#[derive(Serialize)]
struct Usage {
    day: NaiveDate,
    platform: String,
    intent: String,
    verdict: String,
    n: u64,
}

#[derive(Serialize)]
struct Channel {
    channel: String,
    settings: ChannelSettings,
}

/// Reads the state of a data folder.
///
/// # Errors
/// Where there is none, or it cannot be read.
pub async fn read(config: &Config, options: &Options) -> Result<Remembered> {
    // Opening makes the file, and a misspelt folder would be full of nothing.
    if !config.data.join("state.sqlite").exists() {
        bail!(
            "{} holds no state.sqlite: no service has run there yet, or --data names another folder",
            config.data.display()
        );
    }
    let state = State::open(&config.data, config.state.clone())?;
    if options.purge {
        state.purge().await?;
    }
    let usage = state.usage(options.days).await?.into_iter();
    let channels = state.all_settings().await?.into_iter();
    Ok(Remembered {
        days: options.days,
        gaps: state.gaps(options.days).await?,
        usage: usage
            .map(|count| Usage {
                day: DateTime::from_timestamp(count.day * 86_400, 0)
                    .unwrap_or_default()
                    .date_naive(),
                platform: count.platform,
                intent: count.intent,
                verdict: count.verdict,
                n: count.n,
            })
            .collect(),
        opinions: state.opinions(options.days).await?,
        channels: channels
            .map(|(channel, settings)| Channel { channel, settings })
            .collect(),
    })
}

impl Remembered {
    /// As a page for the terminal.
    pub fn page(&self) -> String {
        let mut page = format!("The last {} days\n\nUsage\n", self.days);
        for count in &self.usage {
            let Usage {
                day,
                platform,
                intent,
                verdict,
                n,
            } = count;
            let _ = writeln!(
                page,
                "  {day}  {platform:<8} {intent:<7} {verdict:<10} {n:>6}"
            );
        }
        let Opinions {
            helpful,
            not_helpful,
            reasons,
        } = &self.opinions;
        let _ = writeln!(page, "\nHelpful: {helpful}. Not helpful: {not_helpful}.");
        for reason in reasons {
            let _ = writeln!(page, "  {reason}");
        }
        page.push_str("\nQuestions without an answer\n");
        for gap in &self.gaps {
            let or = |text: &str, none: &str| {
                if text.is_empty() {
                    none.to_owned()
                } else {
                    text.to_owned()
                }
            };
            let (topic, shapes) = (or(&gap.topic, "no topic"), or(&gap.shapes, "no code"));
            let _ = writeln!(page, "  {:>4} × {}, {topic}, {shapes}", gap.n, gap.intent);
            for text in &gap.texts {
                let _ = writeln!(page, "         {text}");
            }
        }
        page.push_str("\nChannels with settings of their own\n");
        for Channel { channel, settings } in &self.channels {
            let settings = serde_json::to_string(settings).unwrap_or_default();
            let _ = writeln!(page, "  {channel}  {settings}");
        }
        page
    }
}
