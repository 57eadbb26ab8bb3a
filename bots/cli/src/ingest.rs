//! `casebook ingest`: official files into the catalog, then into the index.

use std::io::IsTerminal;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use casebook_core::catalog::Catalog;
use casebook_core::catalog::ingest::{self, Fate, Ingested, Options};
use casebook_core::catalog::licensed::{CPT, Licence};
use casebook_core::{Casebook, today};
use chrono::NaiveDate;
use clap::Args;
use indicatif::{HumanBytes, ProgressBar};
use serde::Serialize;

use crate::config::Config;
use crate::{output, start};

/// What the command line says of the files.
#[derive(Args)]
pub struct Ingest {
    /// One JSON value on standard output
    #[arg(long)]
    json: bool,
    /// The edition's name, where the files do not say it
    #[arg(long)]
    edition: Option<String>,
    /// First date of service, where the files do not say it
    #[arg(long, value_name = "DATE")]
    effective: Option<NaiveDate>,
    /// Last date of service
    #[arg(long, value_name = "DATE")]
    through: Option<NaiveDate>,
    /// The document's name, for documents of your own
    #[arg(long)]
    title: Option<String>,
    /// Load the files as documents, whatever they are recognised as
    #[arg(long, value_name = "KIND", value_parser = ["document"])]
    kind: Option<String>,
    /// Load licensed text: `cpt`, for those who hold a licence of the AMA
    #[arg(long, value_name = "WHAT", value_parser = ["cpt"])]
    license: Option<String>,
    /// Who acknowledges the licence's terms, where nobody can be asked
    #[arg(long, value_name = "NAME", requires = "license")]
    acknowledged_by: Option<String>,
    /// Files, archives and folders
    #[arg(required = true)]
    paths: Vec<PathBuf>,
}

/// What to take out again.
#[derive(Args)]
pub struct Remove {
    /// An edition's number as `casebook editions` lists it, or `cpt` for all licensed text
    #[arg(required = true)]
    what: Vec<String>,
}

/// What a holder of a licence acknowledges, in our words.
const STATEMENT: &str = "CPT is owned and copyrighted by the American Medical Association. I hold a licence of the AMA \
    that covers the use of this file in this installation and by the people who ask it, and I will remove the text \
    (casebook remove cpt) when that licence ends.";

/// The licence on record, or a new one from whoever is at the terminal or named on the command line.
fn licence(catalog: &Catalog, named: Option<String>) -> Result<i64> {
    if let Some(known) = catalog.licence(CPT)? {
        return Ok(known.id);
    }
    let holder = match named {
        Some(name) => name,
        None if std::io::stdin().is_terminal() => {
            eprintln!("{STATEMENT}\nType your name to acknowledge this, or nothing to stop:");
            let mut name = String::new();
            std::io::stdin()
                .read_line(&mut name)
                .context("the terminal")?;
            name
        }
        None => bail!(
            "the licence's terms must be acknowledged: {STATEMENT} To do so, add --acknowledged-by NAME"
        ),
    };
    if holder.trim().is_empty() {
        bail!("nobody acknowledged the licence's terms, so nothing was loaded");
    }
    let licence = Licence {
        id: 0,
        what: CPT.to_owned(),
        holder: holder.trim().to_owned(),
        acknowledged: today(),
        statement: STATEMENT.to_owned(),
    };
    Ok(catalog.record_licence(&licence)?)
}

/// Takes editions, or all licensed text, out of the catalog and the index.
///
/// # Errors
/// An edition that is not loaded; nothing is removed then.
pub async fn remove(config: &Config, remove: Remove) -> Result<()> {
    let catalog = Catalog::open(&config.data)?;
    let loaded = catalog.editions()?;
    let mut ids = Vec::new();
    for what in &remove.what {
        if what == CPT {
            continue;
        }
        let id = what
            .trim_start_matches('#')
            .parse()
            .ok()
            .filter(|id| loaded.iter().any(|e| e.id == *id));
        ids.push(id.with_context(|| {
            format!("{what}: no loaded edition has this number; `casebook editions` lists them")
        })?);
    }
    if remove.what.iter().any(|w| w == CPT) {
        let editions = catalog.remove_licensed()?;
        eprintln!(
            "Removed {editions} licensed editions and the acknowledgement; no byte of the text is left in the data folder."
        );
    }
    for id in ids {
        catalog.remove(id)?;
        eprintln!("Removed edition #{id}.");
    }
    index(&start::open(config).await?).await
}

/// One file, in the shape of `casebook ingest --json`.
#[derive(Serialize)]
struct File {
    path: String,
    /// `loaded`, `present`, `skipped` or `refused`.
    fate: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    edition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effective: Option<NaiveDate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    through: Option<NaiveDate>,
    rows: u64,
    /// Lines, rows, entries or pages that were read of a file that was loaded now.
    #[serde(skip_serializing_if = "Option::is_none")]
    rows_read: Option<u64>,
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl From<Ingested> for File {
    fn from(ingested: Ingested) -> Self {
        let mut file = Self {
            path: ingested.path,
            fate: "skipped",
            source: None,
            edition: None,
            effective: None,
            through: None,
            rows: 0,
            rows_read: None,
            warnings: Vec::new(),
            error: None,
        };
        let edition = match ingested.fate {
            Fate::Loaded(edition, report) => {
                file.fate = "loaded";
                file.rows_read = Some(report.read);
                file.warnings = report.warnings;
                Some(edition)
            }
            Fate::Present(edition) => {
                file.fate = "present";
                Some(edition)
            }
            Fate::Skipped => None,
            Fate::Refused(error) => {
                file.fate = "refused";
                file.error = Some(error);
                None
            }
        };
        if let Some(e) = edition {
            file.source = Some(e.source);
            file.edition = Some(e.edition);
            file.effective = Some(e.effective);
            file.through = e.through;
            file.rows = e.rows;
        }
        file
    }
}

/// Loads the files, indexes what they brought, and reports.
///
/// # Errors
/// Where a file was refused: the others are loaded all the same.
pub async fn run(config: &Config, ingest: Ingest) -> Result<()> {
    let data = config.data.clone();
    fs_err::create_dir_all(&data)?;
    let licence = match &ingest.license {
        Some(_) => Some(licence(&Catalog::open(&data)?, ingest.acknowledged_by)?),
        None => None,
    };
    let options = Options {
        edition: ingest.edition,
        effective: ingest.effective,
        through: ingest.through,
        title: ingest.title,
        document: ingest.kind.is_some(),
        licence,
        today: today(),
    };
    let paths = ingest.paths;
    let files: Vec<File> = tokio::task::spawn_blocking(move || -> Result<_> {
        let catalog = Catalog::open(&data)?;
        let temporary = tempfile::tempdir_in(&data).context("a temporary folder")?;
        let bar = ProgressBar::new_spinner();
        bar.enable_steady_tick(std::time::Duration::from_millis(200));
        let progress =
            |path: &str, bytes: u64| bar.set_message(format!("{path} ({})", HumanBytes(bytes)));
        let done = ingest::ingest(&catalog, &paths, &options, temporary.path(), &progress);
        bar.finish_and_clear();
        Ok(done.into_iter().map(File::from).collect())
    })
    .await??;
    let refused = files.iter().filter(|f| f.fate == "refused").count();
    // What was loaded is said first: without a model the tables answer all the same.
    output(ingest.json, &serde_json::json!({ "files": files }), || {
        page(&files)
    })?;
    if files.iter().any(|f| f.fate == "loaded") {
        index(&start::open(config).await?).await?;
    }
    if refused > 0 {
        bail!(
            "{refused} of {} files were not loaded; the reasons stand above",
            files.len()
        );
    }
    Ok(())
}

async fn index(casebook: &Casebook) -> Result<()> {
    if casebook.is_copy() {
        eprintln!(
            "A running casebook holds the index; it answers from the new tables at once and indexes their words within a minute."
        );
        return Ok(());
    }
    start::finish(casebook).await
}

fn page(files: &[File]) -> String {
    let mut page = String::new();
    for f in files.iter().filter(|f| f.fate != "skipped") {
        match (&f.error, &f.source, &f.edition, f.effective) {
            (Some(error), ..) => page.push_str(&format!("refused  {error}\n")),
            (None, Some(source), Some(edition), Some(effective)) => {
                let through = f.through.map_or(String::new(), |t| format!(" to {t}"));
                let already = if f.fate == "present" { "already " } else { "" };
                page.push_str(&format!(
                    "{already}loaded  {source}, {edition} ({effective}{through}): {} rows from {}\n",
                    f.rows, f.path
                ));
            }
            _ => {}
        }
        f.warnings
            .iter()
            .for_each(|w| page.push_str(&format!("  ! {w}\n")));
    }
    let skipped = files.iter().filter(|f| f.fate == "skipped").count();
    if skipped > 0 {
        page.push_str(&format!(
            "{skipped} other files inside are no releases and were passed over\n"
        ));
    }
    page
}
