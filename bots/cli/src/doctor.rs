//! `casebook doctor`: what Casebook rests on, a line for each thing, and what to do about it. It changes nothing: no file
//! is fetched, nothing is indexed, posted or registered. And it prints no secret, whatever it finds.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail};
use casebook_arrange::Reach;
use casebook_core::casebook::{Inspected, collection_name};
use casebook_core::store::server::ServerStore;
use casebook_core::{Casebook, Settings, today};
use casebook_desk::checkup::{Check, Health};
use casebook_embeddings::{Embedder, EmbedderOptions, SetupOptions, Silent, ensure, lacking};
use casebook_state::State;
use clap::Args;
use serde::Serialize;

use crate::config::{self, Config, Store};
use crate::start;

/// How to show it.
#[derive(Args)]
pub struct Options {
    /// One JSON value on standard output
    #[arg(long)]
    json: bool,
}

/// Everything that was looked at.
#[derive(Serialize)]
struct Report {
    /// The worst of all.
    health: Health,
    checks: Vec<Check>,
}

/// Looks at everything and prints it.
///
/// # Errors
/// Where something failed: how many lines say so.
pub fn run(options: &Options, loaded: Result<Config>, file: Option<&Path>) -> Result<()> {
    let mut checks = vec![configuration(&loaded, file)];
    if let Ok(config) = &loaded {
        // A panic or a warning of a library is not to hold anything either.
        match crate::log::start(&config.log) {
            Ok(()) => checks.extend(crate::runtime()?.block_on(examine(config))),
            Err(why) => checks.push(Check::failed(
                CONFIGURATION,
                format!("{why:#}"),
                "mend log, or CASEBOOK_LOG",
            )),
        }
    }
    let worst = checks.iter().map(|check| check.health).max();
    let report = Report {
        health: worst.unwrap_or(Health::Ok),
        checks,
    };
    crate::output(options.json, &report, || report.page())?;
    let failed = report
        .checks
        .iter()
        .filter(|check| check.health == Health::Failed);
    match failed.count() {
        0 => Ok(()),
        1 => bail!("one check failed"),
        n => bail!("{n} checks failed"),
    }
}

const CONFIGURATION: &str = "Configuration";
const MODEL: &str = "Model";
const SOURCES: &str = "Sources";
const INDEX: &str = "Index";
const STATE: &str = "State";
const QDRANT: &str = "Qdrant server";
const LANGUAGE_MODEL: &str = "Language model";

fn configuration(loaded: &Result<Config>, file: Option<&Path>) -> Check {
    let config = match loaded {
        Ok(config) => config,
        Err(why) => {
            const NEXT: &str = "every key stands with its default in bots/cli/src/config.rs; nothing else was looked at";
            return Check::failed(CONFIGURATION, format!("{why:#}"), NEXT);
        }
    };
    let from = file.map_or("the environment".to_owned(), |file| {
        file.display().to_string()
    });
    let services: Vec<&str> = [
        config.slack.as_ref().map(|_| "Slack"),
        config.discord.as_ref().map(|_| "Discord"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let found = format!("from {from}; data in {}", config.data.display());
    let unknown = config::unknown_variables();
    if !unknown.is_empty() {
        return Check::warning(
            CONFIGURATION,
            format!(
                "{found}; these variables set nothing: {}",
                unknown.join(", ")
            ),
            "look for a misspelling: casebook config shows what is in force",
        );
    }
    if services.is_empty() {
        return Check::warning(
            CONFIGURATION,
            format!("{found}; neither Slack nor Discord is configured"),
            "deploy/slack.md and deploy/discord.md say how; the terminal's commands need neither",
        );
    }
    Check::ok(
        CONFIGURATION,
        format!("{found}; {}", services.join(" and ")),
    )
}

async fn examine(config: &Config) -> Vec<Check> {
    let slack = async {
        match &config.slack {
            Some(slack) => casebook_slack::doctor(slack).await,
            None => Vec::new(),
        }
    };
    let discord = async {
        match &config.discord {
            Some(discord) => casebook_discord::doctor(discord).await,
            None => Vec::new(),
        }
    };
    let (own, state, arranges, slack, discord) = tokio::join!(
        own(config),
        state(config),
        language_model(config),
        slack,
        discord
    );
    let mut checks = own;
    checks.push(state);
    checks.extend(arranges);
    checks.extend(slack);
    checks.extend(discord);
    checks
}

/// The model, what is loaded, the index and where it is kept.
async fn own(config: &Config) -> Vec<Check> {
    let setup = config.clone();
    let loaded = tokio::task::spawn_blocking(move || model(&setup)).await;
    let (check, id) = loaded.unwrap_or_else(|_| {
        let check = Check::failed(
            MODEL,
            "loading it ended in a panic",
            "please report the place that the panic named",
        );
        (check, None)
    });
    let mut checks = vec![check];
    // Without the model loaded a pinned one is still known by its checksum, and so is its index.
    let id = id.or_else(|| casebook_embeddings::model_id(config.model.asset()?));
    let id = id.as_deref().unwrap_or("none");
    let settings = Settings {
        data: config.data.clone(),
        store: config.store.clone().into(),
    };
    match Casebook::inspect(&settings, id, today()) {
        Err(why) => checks.push(Check::failed(
            SOURCES,
            why.to_string(),
            "see that the data folder may be read and written, and is of this version or an older one",
        )),
        Ok(None) => checks.push(Check::failed(
            SOURCES,
            format!("nothing is loaded in {}", config.data.display()),
            "casebook setup loads the starter corpus; a service does so at its first start",
        )),
        Ok(Some(inspected)) => {
            checks.push(sources(&inspected));
            checks.push(index(&inspected));
        }
    }
    checks.extend(qdrant(config, id).await);
    checks
}

/// Whether the model's files are there and it makes vectors, and the id of its index.
fn model(config: &Config) -> (Check, Option<String>) {
    let wanted: Vec<&str> = start::ASSETS
        .into_iter()
        .chain(config.model.asset())
        .collect();
    let setup = match (config.offline, &config.assets) {
        (false, _) | (true, Some(_)) => "casebook setup fetches what is missing",
        (true, None) => {
            "offline is set: carry the assets over (deploy/README.md, \"Without a network\"), or unset it"
        }
    };
    let lacking = match lacking(&config.data, &wanted) {
        Ok(lacking) => lacking,
        Err(why) => return (Check::failed(MODEL, why.to_string(), setup), None),
    };
    if !lacking.is_empty() {
        let said = lacking.iter().map(|file| {
            let how = if file.damaged {
                "has a wrong checksum"
            } else {
                "is missing"
            };
            format!("{} {how}", file.path.display())
        });
        let said: Vec<String> = said.collect();
        return (Check::failed(MODEL, said.join("; "), setup), None);
    }
    let loaded = || -> Result<Arc<Embedder>> {
        // All of it is there, so nothing is fetched.
        let options = SetupOptions {
            assets_folder: None,
            offline: true,
        };
        let model = config.model.fetch(&config.data, &options, &Silent)?;
        let assets = ensure(&config.data, &wanted, &options, &Silent)?;
        let options = EmbedderOptions {
            model,
            ..EmbedderOptions::default()
        };
        Ok(Arc::new(Embedder::load(&assets, &options)?))
    };
    match loaded() {
        Err(why) => (
            Check::failed(
                MODEL,
                format!("it does not load: {why:#}"),
                "check model in the configuration; casebook setup",
            ),
            None,
        ),
        Ok(embedder) => {
            let id = embedder.model_id().to_owned();
            let found = format!("{id} is loaded, its files have their checksums");
            (Check::ok(MODEL, found), Some(id))
        }
    }
}

fn sources(inspected: &Inspected) -> Check {
    /// More are not read in a line.
    const NAMED: usize = 5;
    let all = &inspected.editions.sources;
    let loaded = all.iter().filter(|source| source.id.is_some()).count();
    if loaded == 0 {
        return Check::failed(
            SOURCES,
            "no edition is loaded",
            "casebook setup loads the starter corpus; casebook ingest loads official files",
        );
    }
    let rows: usize = all.iter().map(|source| source.rows).sum();
    let editions = if loaded == 1 { "edition" } else { "editions" };
    let found = format!("{loaded} {editions} and the digest, {rows} rows");
    let today = today();
    let mut not_in_force: Vec<String> = all
        .iter()
        .filter(|source| {
            source.effective > today || source.through.is_some_and(|last| last < today)
        })
        .map(|source| format!("{} {}", source.source, source.edition))
        .collect();
    not_in_force.dedup();
    if not_in_force.is_empty() {
        return Check::ok(SOURCES, format!("{found}, all in force today"));
    }
    let more = not_in_force.len().saturating_sub(NAMED);
    not_in_force.truncate(NAMED);
    let mut named = not_in_force.join("; ");
    if more > 0 {
        let _ = write!(named, "; and {more} more");
    }
    Check::warning(
        SOURCES,
        format!("{found}; not in force today, which answers from them say first: {named}"),
        "casebook fetch lists where the current ones are, and casebook ingest loads them; casebook editions lists all",
    )
}

fn index(inspected: &Inspected) -> Check {
    const NEXT: &str = "casebook setup completes it; so does a running service, in the background";
    match (inspected.words, inspected.meanings) {
        (true, true) => Check::ok(INDEX, "complete: by words and by meaning"),
        (true, false) => Check::warning(
            INDEX,
            "what is loaded is found by words, not all of it by meaning",
            NEXT,
        ),
        (false, _) => Check::warning(INDEX, "it is not of what is loaded now", NEXT),
    }
}

async fn qdrant(config: &Config, model: &str) -> Option<Check> {
    let Store::Qdrant {
        url,
        api_key,
        collection,
    } = &config.store
    else {
        return None;
    };
    let collection = collection_name(collection, model);
    Some(
        match ServerStore::probe(url, api_key.as_ref(), &collection).await {
            Err(why) => Check::failed(
                QDRANT,
                why.to_string(),
                "store.url is its gRPC address, usually port 6334; store.api_key its key",
            ),
            Ok(probe) => match probe.points {
                None | Some(0) => Check::warning(
                    QDRANT,
                    format!("version {}; {collection} holds nothing yet", probe.version),
                    "casebook setup fills it; so does a running service, in the background",
                ),
                Some(points) => Check::ok(
                    QDRANT,
                    format!(
                        "version {}; {points} passages in {collection}",
                        probe.version
                    ),
                ),
            },
        },
    )
}

/// Whether what the bots remember can be written, and whether conversations outlast a restart.
async fn state(config: &Config) -> Check {
    const NEXT: &str = "the user that runs Casebook must own the data folder";
    let file = config.data.join("state.sqlite");
    if !config.data.is_dir() {
        return Check::warning(
            STATE,
            format!("{} does not exist yet", config.data.display()),
            "casebook setup makes it, or --data names another folder",
        );
    }
    // A store in memory tells whether the key is one; opening the real one would make the file.
    let opened = match file.is_file() {
        true => State::open(&config.data, config.state.clone()),
        false => State::in_memory(config.state.clone(), Arc::new(std::time::SystemTime::now)),
    };
    let state = match opened {
        Ok(state) => state,
        Err(why @ casebook_state::StateError::Key) => {
            return Check::failed(
                STATE,
                why.to_string(),
                "set it anew; what was kept under another key is not read any more",
            );
        }
        Err(why) => return Check::failed(STATE, why.to_string(), NEXT),
    };
    if let Err(why) = state.check().await {
        return Check::failed(STATE, why.to_string(), NEXT);
    }
    if let Err(why) = tempfile::tempfile_in(&config.data) {
        return Check::failed(STATE, format!("{}: {why}", config.data.display()), NEXT);
    }
    let kept = match state.keeps_conversations_on_disk() {
        true => "conversations are kept encrypted",
        false => {
            "without state.encryption_key conversations are in memory only, and end with the process"
        }
    };
    Check::ok(
        STATE,
        format!("{} can be written; {kept}", config.data.display()),
    )
}

async fn language_model(config: &Config) -> Option<Check> {
    let arrange = config.arrange.as_ref()?;
    const AWAY: &str = "until it does, answers are sent as they were found; see that it runs, and arrange.base_url";
    let name = &arrange.model;
    Some(match casebook_arrange::reach(arrange).await {
        Err(why) => Check::failed(
            LANGUAGE_MODEL,
            why.to_string(),
            "it is an address such as http://localhost:11434/v1",
        ),
        Ok(Reach::Has) => Check::ok(LANGUAGE_MODEL, format!("the service has {name}")),
        Ok(Reach::HasNot) => Check::failed(
            LANGUAGE_MODEL,
            format!("the service answers, and has no {name}"),
            "see its list of models, and arrange.model",
        ),
        Ok(Reach::NoList(status)) => Check::warning(
            LANGUAGE_MODEL,
            format!(
                "the service gives no list of its models (HTTP status {status}), so nothing is known of {name}"
            ),
            "ask a question and look for \"Arranged by\" below the answer",
        ),
        Ok(Reach::Refused(status)) => Check::failed(
            LANGUAGE_MODEL,
            format!("the service refuses us (HTTP status {status})"),
            "check arrange.api_key, or CASEBOOK_MODEL_KEY",
        ),
        Ok(Reach::Away) => Check::failed(LANGUAGE_MODEL, "the service does not answer", AWAY),
    })
}

impl Report {
    /// As a page for the terminal.
    fn page(&self) -> String {
        let widest = self
            .checks
            .iter()
            .map(|check| check.name.chars().count())
            .max();
        let widest = widest.unwrap_or(0);
        let mut page = String::new();
        for check in &self.checks {
            let Check {
                name,
                health,
                found,
                next,
            } = check;
            let health = match health {
                Health::Ok => "ok",
                Health::Warning => "warning",
                Health::Failed => "failed",
            };
            let _ = writeln!(page, "{health:<8} {name:<widest$}  {found}");
            if !next.is_empty() {
                let _ = writeln!(page, "{:<8} {:<widest$}  → {next}", "", "");
            }
        }
        page
    }
}
