//! The services: each adapter with one engine behind them, until a signal stops them.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use casebook_core::{Casebook, Step};
use casebook_desk::{Supplies, ops};
use casebook_state::State;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::start;

/// Runs the services that are configured and wanted.
///
/// # Errors
/// The first service that ends with an error stops the others, so that a supervisor restarts all of them.
pub async fn run(config: &Config, slack: bool, discord: bool) -> Result<()> {
    let casebook = Arc::new(start::open(config).await?);
    if casebook.is_copy() {
        anyhow::bail!(
            "another casebook process has {} open; stop it, name another folder with --data, or configure a Qdrant \
             server (store.kind = \"qdrant\")",
            config.data.display()
        );
    }
    let stop = CancellationToken::new();
    let mut services = JoinSet::new();
    let state = State::open(&config.data, config.state.clone())?;
    let supplies = Supplies::new(start::responder(config, &casebook)?, state);
    if let Some(metrics) = &config.metrics {
        let listener = ops::bind(metrics).await;
        let listener = listener.with_context(|| format!("metrics.listen = {}", metrics.listen))?;
        let (supplies, stop) = (supplies.clone(), stop.clone());
        services.spawn(async move {
            ops::serve(listener, supplies, stop)
                .await
                .context("metrics")
        });
    }
    if let (true, Some(slack)) = (slack, config.slack.clone()) {
        let (supplies, stop) = (supplies.clone(), stop.clone());
        services.spawn(async move {
            casebook_slack::run(slack, supplies, stop)
                .await
                .context("Slack")
        });
    }
    if let (true, Some(discord)) = (discord, config.discord.clone()) {
        let (supplies, stop) = (supplies.clone(), stop.clone());
        services.spawn(async move {
            casebook_discord::run(discord, supplies, stop)
                .await
                .context("Discord")
        });
    }
    let indexing = tokio::spawn(keep_indexed(casebook.clone(), stop.clone()));
    let mut outcome = Ok(());
    tokio::select! {
        () = signalled() => tracing::info!("stopping"),
        Some(ended) = services.join_next() => outcome = ended.context("a service stopped")?,
    }
    stop.cancel();
    while let Some(ended) = services.join_next().await {
        let ended = ended.context("a service stopped")?;
        outcome = outcome.and(ended);
    }
    indexing.await.context("the index builder stopped")?;
    outcome
}

/// How often a running service looks whether another process loaded an edition.
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// Completes the index, and again whenever an edition was loaded. Tables answer from a new edition at once; its words
/// and meanings follow here.
async fn keep_indexed(casebook: Arc<Casebook>, stop: CancellationToken) {
    let mut indexed = None;
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    let work = async {
        loop {
            ticks.tick().await;
            let done = async {
                let version = casebook.version()?;
                if indexed != Some(version) {
                    casebook.complete(&log_step).await?;
                    indexed = Some(version);
                }
                Ok::<_, casebook_core::Error>(())
            };
            if let Err(e) = done.await {
                tracing::error!(error = %e, "the index was not completed; questions are answered from what is indexed");
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = work => {}
    }
}

fn log_step(step: Step) {
    if let Step::Meaning { done, total } = step {
        tracing::info!(done, total, "indexing meanings");
    }
}

async fn signalled() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! { _ = interrupt => {}, _ = terminate.recv() => {} }
            return;
        }
    }
    // Without a handler there is nothing to wait for but the end.
    if interrupt.await.is_err() {
        std::future::pending::<()>().await;
    }
}
