//! `casebook`: the one binary.
//!
//! It parses, opens the engine and prints; what is said is decided in `casebook-core`. The commands and their
//! JSON are a contract (README, "The command line").

mod case;
mod check;
mod config;
mod coverage;
mod eval;
mod eval_case;
mod fetch;
mod ingest;
mod log;
mod page;
mod service;
mod slack;
mod start;
mod state;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use casebook_core::{Intent, Request, Setting, System, today};
use chrono::NaiveDate;
use clap::{Args, Parser, Subcommand};
use config::Config;
use serde::Serialize;

/// Answers for medical coders, every line quoted from a dated source.
#[derive(Parser)]
#[command(name = "casebook", version, arg_required_else_help = true)]
struct Cli {
    /// Folder that holds everything [env: CASEBOOK_DATA]
    #[arg(long, global = true)]
    data: Option<PathBuf>,
    /// Configuration file (TOML); variables in the environment override it
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Answers a question, or shows the cards of codes
    Ask {
        #[command(flatten)]
        common: Common,
        /// Where the service is rendered
        #[arg(long)]
        setting: Option<Setting>,
        /// An earlier question, where this one follows from it ("and for Medicaid?"); once for each, the latest last
        #[arg(long, value_name = "QUESTION")]
        after: Vec<String>,
        /// Where a fee is asked for, if the question names no place: a state, city, county or locality number
        #[arg(long, value_name = "PLACE")]
        locality: Option<String>,
        /// Whose coverage documents are asked for, if the question names none: a Medicare contractor or a state
        #[arg(long, value_name = "NAME")]
        contractor: Option<String>,
        /// The question
        #[arg(required = true, trailing_var_arg = true)]
        question: Vec<String>,
    },
    /// Shows the card of each code
    Code {
        #[command(flatten)]
        common: Common,
        /// icd10cm, icd10pcs, icd9cm, hcpcs, cpt, modifier or msdrg
        #[arg(long)]
        system: Option<System>,
        /// Whose edits and units: practitioner, facility or dme
        #[arg(long)]
        setting: Option<Setting>,
        /// Codes, in any way they are written
        #[arg(required = true)]
        codes: Vec<String>,
    },
    /// Finds codes for a condition or service in words
    Search {
        #[command(flatten)]
        common: Common,
        /// icd10cm, hcpcs, cpt or modifier
        #[arg(long)]
        system: Option<System>,
        /// At most so many codes
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=200))]
        limit: u16,
        /// The words
        #[arg(required = true, trailing_var_arg = true)]
        text: Vec<String>,
    },
    /// Checks codes against one another: PTP edits, MUE, add-on codes
    Check {
        #[command(flatten)]
        common: Common,
        /// Where the service is rendered
        #[arg(long)]
        setting: Option<Setting>,
        /// Two codes or more
        #[arg(required = true, num_args = 2..)]
        codes: Vec<String>,
    },
    /// Suggests codes for a note, with the words that support each
    Case(case::Options),
    /// Loads official files: recognised by content, each as a dated edition
    Ingest(ingest::Ingest),
    /// Takes an edition, or all licensed text, out again
    Remove(ingest::Remove),
    /// Lists what is loaded
    Editions {
        /// One JSON value on standard output
        #[arg(long)]
        json: bool,
    },
    /// Downloads official files from their publishers; without a source, lists what there is
    Fetch(fetch::Options),
    /// Measures retrieval on a file of queries and codes
    Eval {
        /// One JSON value on standard output
        #[arg(long)]
        json: bool,
        /// icd10cm, hcpcs, cpt or modifier
        #[arg(long)]
        system: Option<System>,
        /// Codes asked for, for each query
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=200))]
        limit: u16,
        /// Prints what speaks for each diagnosis considered instead, to fit weights on
        #[arg(long, conflicts_with = "json")]
        signals: bool,
        /// Prints the answer to each query instead, as `ask --json` does, one on a line
        #[arg(long, conflicts_with_all = ["json", "signals"])]
        answers: bool,
        /// Measures words alone, meaning alone and both by rank as well, on ICD-10-CM
        #[arg(long, conflicts_with_all = ["answers", "signals", "system"])]
        stages: bool,
        /// Query, TAB, codes by commas; or notes as JSON lines (.jsonl)
        file: PathBuf,
    },
    /// Fetches the model, the runtime and the starter corpus, and builds the index
    Setup,
    /// Shows the configuration in force, secrets hidden
    Config,
    /// Shows what the bots remember: usage, feedback, questions without an answer, channels' settings
    State(state::Options),
    /// Runs every service that is configured
    Run,
    /// Runs the Slack service, or prints the manifest of its app
    Slack {
        #[command(subcommand)]
        what: Option<slack::What>,
    },
    /// Runs the Discord service
    Discord {
        #[command(subcommand)]
        action: Option<DiscordAction>,
    },
}

#[derive(Subcommand)]
enum DiscordAction {
    /// Tells Discord the commands, and prints what changed; the service does so at each start
    Register,
}

#[derive(Args)]
struct Common {
    /// One JSON value on standard output
    #[arg(long)]
    json: bool,
    /// Date of service, YYYY-MM-DD; today where absent
    #[arg(long, value_name = "DATE")]
    as_of: Option<NaiveDate>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("casebook: {e:#}");
            match e.downcast_ref() {
                Some(casebook_fetch::FetchError::UnknownSource { .. }) => ExitCode::from(2),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

fn run(cli: Cli) -> Result<()> {
    if matches!(cli.command, Command::Config) {
        return print(&config::shown(cli.config.as_deref(), cli.data.as_deref())?);
    }
    let config = config::load(cli.config.as_deref(), cli.data.as_deref())?;
    log::start(&config.log)?;
    if let Command::Fetch(options) = &cli.command {
        return fetch::run(options, &config);
    }
    if let Command::Slack { what: Some(what) } = &cli.command {
        return print(&slack::run(what, &config)?);
    }
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the asynchronous runtime does not start")?
        .block_on(dispatch(cli.command, config))
}

async fn dispatch(command: Command, config: Config) -> Result<()> {
    match command {
        Command::Ask {
            common,
            setting,
            after,
            locality,
            contractor,
            question,
        } => {
            let casebook = Arc::new(start::open(&config).await?);
            let request = Request {
                intent: Intent::Ask,
                text: question.join(" "),
                as_of: common.as_of,
                setting,
                before: after,
                locality,
                contractor,
                ..Request::default()
            };
            let asked = start::responder(&config, &casebook)?.respond(request).await;
            // Here the person who asks is the operator.
            let answer = asked.map_err(|failure| anyhow::anyhow!("{failure}"))?;
            output(common.json, &answer, || page::answer(&answer))?;
            start::finish(&casebook).await
        }
        Command::Code {
            common,
            system,
            setting,
            codes,
        } => {
            let casebook = start::open(&config).await?;
            let as_of = common.as_of.unwrap_or_else(today);
            let cards = casebook.cards(&codes, system, setting, as_of)?;
            let page = serde_json::json!({ "as_of": as_of, "cards": cards });
            output(common.json, &page, || page::cards(&cards, as_of))
        }
        Command::Search {
            common,
            system,
            limit,
            text,
        } => {
            let casebook = start::open(&config).await?;
            let started = std::time::Instant::now();
            let as_of = common.as_of.unwrap_or_else(today);
            let hits = casebook
                .search(&text.join(" "), system, limit.into(), as_of)
                .await?;
            let total = started.elapsed().as_secs_f64() * 1000.0;
            let page = serde_json::json!({ "hits": hits, "total_ms": total });
            output(common.json, &page, || page::hits(&hits))
        }
        Command::Check {
            common,
            setting,
            codes,
        } => {
            let casebook = start::open(&config).await?;
            let as_of = common.as_of.unwrap_or_else(today);
            let checked = casebook.check(&codes, setting, as_of)?;
            output(common.json, &checked, || check::page(&checked))
        }
        Command::Case(options) => {
            let note = case::note(&options)?;
            let casebook = start::open(&config).await?;
            let as_of = options.as_of.unwrap_or_else(today);
            let found = case::run(&casebook, &options, &note, as_of).await?;
            output(options.json, &found, || case::page(&found))
        }
        Command::Ingest(ingest) => ingest::run(&config, ingest).await,
        Command::Remove(remove) => ingest::remove(&config, remove).await,
        Command::Editions { json } => {
            let casebook = start::open(&config).await?;
            let editions = casebook.editions(today())?;
            output(json, &editions, || page::editions(&editions))
        }
        Command::Eval {
            json,
            system,
            limit,
            signals,
            answers,
            stages,
            file,
        } => {
            let casebook = start::open(&config).await?;
            start::finish(&casebook).await?;
            if file.extension().is_some_and(|e| e == "jsonl") {
                if signals {
                    return print(&eval_case::signals(&casebook, &file)?);
                }
                let measured = eval_case::run(&casebook, &file).await?;
                return output(json, &measured, || measured.page());
            }
            if signals {
                return print(&eval::signals(&casebook, &file).await?);
            }
            if answers {
                return print(&eval::answers(&casebook, &file).await?);
            }
            if stages {
                let measured = eval::stages(&casebook, &file, limit.into()).await?;
                return output(json, &measured, || measured.page());
            }
            let measured = eval::run(&casebook, &file, system, limit.into()).await?;
            output(json, &measured, || measured.page())
        }
        Command::State(options) => {
            let remembered = state::read(&config, &options).await?;
            output(options.json, &remembered, || remembered.page())
        }
        Command::Setup => {
            let casebook = start::open(&config).await?;
            start::finish(&casebook).await?;
            print(&page::editions(&casebook.editions(today())?))
        }
        Command::Run => {
            if config.slack.is_none() && config.discord.is_none() {
                bail!(
                    "no service is configured: add a [slack] or [discord] section to the configuration file, or set \
                     CASEBOOK_SLACK_APP_TOKEN and CASEBOOK_SLACK_BOT_TOKEN, or CASEBOOK_DISCORD_TOKEN"
                );
            }
            service::run(&config, true, true).await
        }
        Command::Slack { .. } => {
            if config.slack.is_none() {
                bail!(
                    "Slack is not configured: add a [slack] section with app_token and bot_token to the \
                     configuration file, or set CASEBOOK_SLACK_APP_TOKEN and CASEBOOK_SLACK_BOT_TOKEN"
                );
            }
            service::run(&config, true, false).await
        }
        Command::Discord { action } => {
            let Some(discord) = &config.discord else {
                bail!(
                    "Discord is not configured: add a [discord] section with token to the configuration file, or set \
                     CASEBOOK_DISCORD_TOKEN"
                );
            };
            match action {
                None => service::run(&config, false, true).await,
                Some(DiscordAction::Register) => {
                    let registered = casebook_discord::register(discord).await?;
                    print(&registered.to_string())
                }
            }
        }
        // Handled before the runtime starts.
        Command::Config | Command::Fetch(_) => Ok(()),
    }
}

fn output<T: Serialize>(json: bool, value: &T, page: impl FnOnce() -> String) -> Result<()> {
    if json {
        print(&serde_json::to_string_pretty(value)?)
    } else {
        print(&page())
    }
}

/// Writes to standard output; a reader that went away (`| head`) is no failure.
fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let written = writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush());
    match written {
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("standard output"),
    }
}
