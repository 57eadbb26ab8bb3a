//! `casebook fetch`: official files from their publishers, or what a person has to open for them.
//!
//! It downloads and says where; loading is `casebook ingest`. It needs neither the model nor the index, so it opens no
//! engine.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use casebook_core::today;
use casebook_fetch::{
    Bars, Cadence, ClickThrough, Downloads, Edition, FetchError, How, Limits, Open, Publishers,
    Source, Step,
};
use casebook_releases::coverage::api::Token;
use chrono::NaiveDate;
use clap::Args;
use secrecy::ExposeSecret;
use serde::Serialize;

use crate::config::Config;
use crate::coverage;

/// The options of `casebook fetch`.
#[derive(Args)]
pub struct Options {
    /// One JSON value on standard output
    #[arg(long)]
    json: bool,
    /// Fetch the edition that is in force on this day, YYYY-MM-DD; today where absent
    #[arg(long, value_name = "DATE")]
    as_of: Option<NaiveDate>,
    /// Show what would be fetched, and fetch nothing
    #[arg(long)]
    list: bool,
    /// Folder for the files; `downloads` in the data folder where absent
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Replace a file that its publisher changed since it was fetched
    #[arg(long)]
    accept_changed: bool,
    /// Of the coverage API, documents with their text and codes: L36668, A57418, 240.4, or ncd for all national ones
    #[arg(long, value_name = "WHICH", value_delimiter = ',')]
    document: Vec<String>,
    /// The sources to fetch; without any, all are listed
    #[arg(value_name = "SOURCE")]
    sources: Vec<String>,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report {
    as_of: NaiveDate,
    sources: Vec<Line>,
}

/// One source in it.
#[derive(Serialize)]
struct Line {
    source: String,
    title: String,
    publisher: String,
    cadence: Cadence,
    click_through: ClickThrough,
    edition: String,
    effective: NaiveDate,
    page: String,
    /// What a person has to do, where the program may not.
    #[serde(skip_serializing_if = "Option::is_none")]
    open: Option<Open>,
    files: Vec<File>,
    errors: Vec<String>,
    /// The command that loads what was fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Serialize)]
struct File {
    file: String,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fetched: Option<Placed>,
}

#[derive(Serialize)]
struct Placed {
    path: PathBuf,
    bytes: u64,
    sha256: String,
    resumed_from: u64,
    unchanged: bool,
}

/// Runs the command.
///
/// # Errors
/// [`FetchError::UnknownSource`] is wrong usage; anything else means that something was not fetched.
pub fn run(options: &Options, config: &Config) -> Result<()> {
    let mut publishers = Publishers::embedded()?;
    if let Some(file) = &config.publishers {
        publishers = publishers.with_overrides(file)?;
    }
    let as_of = options.as_of.unwrap_or_else(today);
    if !options.document.is_empty() && options.sources != [coverage::SOURCE] {
        bail!(
            "--document is of the coverage API alone: casebook fetch {} --document {}",
            coverage::SOURCE,
            options.document.join(",")
        );
    }
    let sources: Vec<&Source> = if options.sources.is_empty() {
        publishers.sources().iter().collect()
    } else {
        let named = options.sources.iter().map(|name| publishers.source(name));
        named.collect::<Result<_, _>>()?
    };
    let only_list = options.list || options.sources.is_empty();
    let mut report = Report {
        as_of,
        sources: Vec::new(),
    };
    if only_list {
        for source in sources {
            let (mut line, steps) = planned(&publishers, source, as_of);
            for step in steps {
                if let Step::Download(wanted) = step {
                    line.files.push(File {
                        file: wanted.file_name,
                        url: wanted.url,
                        fetched: None,
                    });
                }
            }
            report.sources.push(line);
        }
        let in_detail = !options.sources.is_empty();
        return crate::output(options.json, &report, || report.list(in_detail));
    }

    let mut failures = Vec::new();
    let mut downloads = None;
    for source in sources {
        let (mut line, steps) = planned(&publishers, source, as_of);
        if !steps.iter().all(|s| matches!(s, Step::Open(_))) {
            if config.offline {
                line.errors.push(format!(
                    "downloads are switched off (offline); open {} on a machine with a network, bring its files here, \
                     then run: casebook ingest FILE",
                    line.page
                ));
            } else {
                let folder = match &options.dir {
                    Some(dir) => dir.clone(),
                    None => config.data.join("downloads"),
                };
                let downloads = match &mut downloads {
                    Some(downloads) => downloads,
                    none => none.insert(Downloads::open(&folder, &Bars::new())?),
                };
                download(downloads, steps, options, &mut line);
                if !options.document.is_empty()
                    && line.errors.is_empty()
                    && let Err(e) = documents(downloads, options, config, &mut line)
                {
                    line.errors.push(format!("{e:#}"));
                }
            }
        }
        let errors = line.errors.iter();
        failures.extend(errors.map(|e| format!("{}: {e}", line.source)));
        line.next = line.ingest();
        report.sources.push(line);
    }
    crate::output(options.json, &report, || report.page())?;
    match failures.is_empty() {
        true => Ok(()),
        false => bail!("{}", failures.join("\ncasebook: ")),
    }
}

/// A source's line, and what there is to do for it; where there is nothing, the line has the error.
fn planned(publishers: &Publishers, source: &Source, as_of: NaiveDate) -> (Line, Vec<Step>) {
    let Edition { label, from } = source.edition(as_of);
    let mut line = Line {
        source: source.name.clone(),
        title: source.title.clone(),
        publisher: source.publisher.clone(),
        cadence: source.cadence,
        click_through: source.click_through,
        edition: label,
        effective: from,
        page: source.page(as_of),
        open: None,
        files: Vec::new(),
        errors: Vec::new(),
        next: None,
    };
    let steps = publishers.plan(&source.name, as_of).unwrap_or_else(|e| {
        line.errors.push(e.to_string());
        Vec::new()
    });
    for step in &steps {
        if let Step::Open(open) = step {
            line.open = Some(open.clone());
        }
    }
    (line, steps)
}

fn download(downloads: &mut Downloads, steps: Vec<Step>, options: &Options, line: &mut Line) {
    let how = How {
        today: today(),
        accept_changed: options.accept_changed,
        limits: Limits::default(),
    };
    for step in steps {
        let Step::Download(wanted) = step else {
            continue;
        };
        let mut file = File {
            file: wanted.file_name.clone(),
            url: wanted.url.clone(),
            fetched: None,
        };
        match downloads.fetch(&wanted, &how, &Bars::new()) {
            Ok(fetched) => {
                file.fetched = Some(Placed {
                    path: fetched.path,
                    bytes: fetched.bytes,
                    sha256: fetched.sha256,
                    resumed_from: fetched.resumed_from,
                    unchanged: fetched.unchanged,
                });
                line.files.push(file);
            }
            Err(e) => {
                line.errors.push(e.to_string());
                line.files.push(file);
                // The same host would say the same of the next file, after the same wait.
                if matches!(
                    e,
                    FetchError::Unreachable { .. } | FetchError::Refused { .. }
                ) {
                    break;
                }
            }
        }
    }
}

/// Adds the documents that were asked for to what was fetched of the coverage API.
fn documents(
    downloads: &mut Downloads,
    options: &Options,
    config: &Config,
    line: &mut Line,
) -> Result<()> {
    let token = match &config.coverage_token {
        Some(secret) => Some(Token::new(secret.expose_secret()).context(
            "CASEBOOK_COVERAGE_TOKEN holds characters that no token has: copy it again",
        )?),
        None => None,
    };
    let lists: Vec<PathBuf> = line
        .files
        .iter()
        .filter_map(|f| Some(f.fetched.as_ref()?.path.clone()))
        .collect();
    let base = line.files.first().and_then(|f| f.url.split("/v1/").next());
    let base = base.context("the source has no address")?.to_owned();
    let wanted = coverage::Wanted {
        base: &base,
        edition: &line.edition,
        lists: &lists,
        names: &options.document,
        token,
        today: today(),
    };
    let fetched = coverage::fetch(&wanted, downloads, &Bars::new())?;
    for file in fetched {
        let name = file.path.file_name().unwrap_or_default();
        line.files.push(File {
            file: name.to_string_lossy().into_owned(),
            url: base.clone(),
            fetched: Some(Placed {
                path: file.path,
                bytes: file.bytes,
                sha256: file.sha256,
                resumed_from: 0,
                unchanged: file.unchanged,
            }),
        });
    }
    Ok(())
}

impl Line {
    /// The command that loads what was fetched: the edition's folder if all of it is there.
    fn ingest(&self) -> Option<String> {
        let placed: Vec<&Path> = self
            .files
            .iter()
            .filter_map(|f| Some(f.fetched.as_ref()?.path.as_path()))
            .collect();
        let paths: Vec<String> = match (&placed[..], self.errors.is_empty()) {
            ([], _) => return None,
            ([_, _, ..], true) => vec![quoted(placed[0].parent()?)],
            _ => placed.into_iter().map(quoted).collect(),
        };
        Some(format!("casebook ingest {}", paths.join(" ")))
    }
}

impl Report {
    fn list(&self, in_detail: bool) -> String {
        let mut page = format!("Editions in force on {}.\n", self.as_of);
        for (click_through, head) in [
            (
                ClickThrough::None,
                "\nDownloaded by `casebook fetch SOURCE`:\n",
            ),
            (
                ClickThrough::Ama,
                "\nBehind a licence of the AMA that only you can accept; `casebook fetch SOURCE` says what to open:\n",
            ),
        ] {
            let lines = || {
                self.sources
                    .iter()
                    .filter(|l| l.click_through == click_through)
            };
            if lines().next().is_some() {
                page.push_str(head);
            }
            for line in lines() {
                page.push_str(&format!(
                    "  {:22} {:13} {} ({}; {})\n",
                    line.source,
                    line.edition,
                    line.title,
                    line.publisher,
                    line.cadence.words()
                ));
                if in_detail {
                    for file in &line.files {
                        page.push_str(&format!("      {}\n", file.url));
                    }
                    page.push_str(&format!("      page: {}\n", line.page));
                }
                for error in &line.errors {
                    page.push_str(&format!("      ! {error}\n"));
                }
            }
        }
        page
    }

    fn page(&self) -> String {
        let mut page = String::new();
        for line in &self.sources {
            page.push_str(&format!(
                "{}, {}: {} ({})\n",
                line.source, line.edition, line.title, line.publisher
            ));
            for placed in line.files.iter().filter_map(|f| f.fetched.as_ref()) {
                page.push_str(&format!(
                    "  {} {} ({:.1} MB)\n",
                    if placed.unchanged {
                        "unchanged"
                    } else {
                        "fetched  "
                    },
                    placed.path.display(),
                    placed.bytes as f64 / 1e6
                ));
            }
            if let Some(open) = &line.open {
                page.push_str(&format!(
                    "  It stands behind a licence of the AMA that only you can accept.\n  \
                     1. open {}\n  2. download {}\n  3. then run: {}\n",
                    open.page, open.look_for, open.then
                ));
            }
            if let Some(next) = &line.next {
                page.push_str(&format!("  then run: {next}\n"));
            }
        }
        page
    }
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+:@%,=".contains(c);
    match text.chars().all(plain) {
        true => text,
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}
