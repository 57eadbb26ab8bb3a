//! Opening the engine: assets first, then the data folder, with progress on standard error.

use std::sync::Arc;

use anyhow::{Context, Result};
use casebook_arrange::Arranged;
use casebook_core::{Casebook, Respond, Settings, StarterCorpus, Step};
use casebook_embeddings::{Bars, Embedder, EmbedderOptions, SetupOptions, ensure};
use indicatif::{ProgressBar, ProgressStyle};

use crate::config::Config;

/// The assets that every start needs, beside the model's.
pub(crate) const ASSETS: [&str; 2] = ["runtime", STARTER];
const STARTER: &str = "icd10cm-2026-04";
const STARTER_FILE: &str = "icd10cm-tabular.xml";

/// Opens the engine, setting up what is missing.
pub async fn open(config: &Config) -> Result<Casebook> {
    let setup = config.clone();
    let (assets, embedder) = tokio::task::spawn_blocking(move || -> Result<_> {
        let options = SetupOptions {
            assets_folder: setup.assets.clone(),
            offline: setup.offline,
        };
        let model = setup.model.fetch(&setup.data, &options, &Bars::new())?;
        let wanted: Vec<&str> = ASSETS.into_iter().chain(model.asset()).collect();
        let assets = ensure(&setup.data, &wanted, &options, &Bars::new())?;
        let options = EmbedderOptions {
            model,
            ..EmbedderOptions::default()
        };
        let embedder = Embedder::load(&assets, &options).context("the model does not load")?;
        Ok((assets, Arc::new(embedder)))
    })
    .await??;
    let starter = match (
        assets.path(STARTER, STARTER_FILE),
        assets.sha256(STARTER, STARTER_FILE),
    ) {
        (Some(file), Some(sha256)) => Some(StarterCorpus {
            file: file.to_owned(),
            name: format!("{STARTER}/{STARTER_FILE}"),
            sha256: sha256.to_owned(),
        }),
        _ => None,
    };
    let settings = Settings {
        data: config.data.clone(),
        store: config.store.clone().into(),
    };
    let bar = Bar::default();
    let casebook = Casebook::open(&settings, starter.as_ref(), Some(embedder), &|step| {
        bar.show(step)
    })
    .await?;
    bar.done();
    Ok(casebook)
}

/// What answers requests: the engine, with its answers arranged by a language model where one is configured.
pub fn responder(config: &Config, casebook: &Arc<Casebook>) -> Result<Arc<dyn Respond>> {
    Ok(match &config.arrange {
        Some(arrange) => Arc::new(Arranged::new(casebook.clone(), arrange)?),
        None => casebook.clone(),
    })
}

/// Completes the index, if it is not complete.
pub async fn finish(casebook: &Casebook) -> Result<()> {
    if casebook.is_complete().await? {
        return Ok(());
    }
    let bar = Bar::default();
    bar.say("The index is searched by words already; meanings are added now. Interrupting is safe: the next start goes on.");
    casebook.complete(&|step| bar.show(step)).await?;
    bar.done();
    Ok(())
}

/// One bar for the index; drawn on standard error, and only where that is a terminal.
#[derive(Default)]
struct Bar(std::sync::OnceLock<ProgressBar>);

impl Bar {
    fn bar(&self) -> &ProgressBar {
        self.0.get_or_init(|| {
            let bar = ProgressBar::new(0);
            if let Ok(style) = ProgressStyle::with_template("{msg:24} {wide_bar} {pos}/{len} {eta}")
            {
                bar.set_style(style);
            }
            bar
        })
    }

    fn say(&self, text: &str) {
        self.bar().suspend(|| eprintln!("{text}"));
    }

    fn show(&self, step: Step) {
        let (message, done, total) = match step {
            Step::Words { done, total } => ("Indexing words", done, total),
            Step::Meaning { done, total } => ("Indexing meanings", done, total),
            Step::Ordering => ("Ordering the index", 0, 0),
        };
        let bar = self.bar();
        if bar.is_hidden() {
            // A log, not a terminal: a line for every tenth part.
            if total == 0 {
                eprintln!("{message}");
            } else if done == total || done % (total / 10).max(1) < 512 {
                eprintln!("{message} {done}/{total}");
            }
            return;
        }
        bar.set_message(message);
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    }

    fn done(&self) {
        if let Some(bar) = self.0.get() {
            bar.finish_and_clear();
        }
    }
}
