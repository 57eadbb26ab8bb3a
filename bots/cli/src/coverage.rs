//! `casebook fetch coverage-api --document …`: documents of the coverage database, with their text and codes, by its API.
//!
//! The lists that the source brings name the documents; each is then asked for piece by piece, and the answers are kept
//! in one file for each kind, a line for each answer, which `casebook ingest` reads. Local documents are given out
//! against a token that stands for the acceptance of the licences of the AMA, the ADA and the AHA: the operator gets
//! it, and no program here does. What was answered before a run ended is not asked again by the next.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use casebook_fetch::{Ask, Downloads, Fetched, Limits, Progress};
use casebook_releases::coverage::api::{self, Request, Token};
use casebook_releases::coverage::{Row, Version};
use casebook_releases::{Kind, Member};
use chrono::NaiveDate;
use serde::Deserialize;

/// The source whose lists name the documents.
pub const SOURCE: &str = "coverage-api";

/// The kinds of documents, and the beginnings of the names of the files that list them.
const LISTS: [(Kind, &str); 3] = [
    (Kind::Ncd, "national-coverage-ncd"),
    (Kind::Lcd, "local-coverage-final-lcds"),
    (Kind::Article, "local-coverage-articles"),
];

/// What is to be asked, of whom.
pub struct Wanted<'a> {
    /// The API's address.
    pub base: &'a str,
    /// The edition's label: the day of the lists.
    pub edition: &'a str,
    /// The lists that were fetched.
    pub lists: &'a [PathBuf],
    /// `L36668`, `A57418`, a section of the manual of national determinations (`240.4`), or `ncd` for all of those.
    pub names: &'a [String],
    /// The operator's token.
    pub token: Option<Token>,
    /// The day that is recorded.
    pub today: NaiveDate,
}

/// Asks for the documents, and for the articles that a local determination names, and puts them into the folder of
/// downloads.
///
/// # Errors
/// A name that no list has, a token that is missing or refused, an API that does not answer: what was answered before is
/// kept for the next run.
pub fn fetch(
    wanted: &Wanted<'_>,
    downloads: &mut Downloads,
    progress: &dyn Progress,
) -> Result<Vec<Fetched>> {
    let listed = Listed::read(wanted.lists)?;
    let mut queue: VecDeque<Version> = VecDeque::new();
    for name in wanted.names {
        queue.extend(listed.named(name)?);
    }
    let mut parts: BTreeMap<&'static str, Part> = BTreeMap::new();
    let mut contractors: BTreeMap<&'static str, BTreeSet<i64>> = BTreeMap::new();
    let mut seen = HashSet::new();
    let mut done = 0;
    while let Some(version) = queue.pop_front() {
        if !seen.insert(version) {
            continue;
        }
        done += 1;
        let kind = version.kind.as_str();
        progress.begin(
            &format!(
                "{kind} {} ({done} of {})",
                version.document,
                done + queue.len()
            ),
            0,
        );
        let part = match parts.get_mut(kind) {
            Some(part) => part,
            None => {
                let file = format!("coverage-{kind}-documents.jsonl");
                let place = downloads.place(SOURCE, wanted.edition, &file)?;
                parts.entry(kind).or_insert(Part::open(&place)?)
            }
        };
        for request in api::document(version) {
            for row in part.answered(&request, wanted, progress)? {
                match row {
                    Row::DocumentContractor(_, id) => {
                        contractors.entry(kind).or_default().insert(id.contractor);
                    }
                    // "Whether" is the determination's to say, "with which codes" its article's.
                    Row::Related(of, other)
                        if of.kind == Kind::Lcd && other.kind == Kind::Article =>
                    {
                        queue.extend(listed.current(other));
                    }
                    _ => {}
                }
            }
        }
        progress.end();
    }
    for (kind, part) in &mut parts {
        // National determinations hold in every state.
        if *kind == Kind::Ncd.as_str() {
            continue;
        }
        part.answered(&api::states(), wanted, progress)?;
        for id in contractors.get(kind).into_iter().flatten() {
            part.answered(&api::contractor(*id), wanted, progress)?;
        }
    }
    let mut fetched = Vec::new();
    for (kind, part) in parts {
        let file = format!("coverage-{kind}-documents.jsonl");
        let url = format!("{}/v1/data/{kind}/", wanted.base);
        part.file.sync_all()?;
        fetched.push(downloads.keep(
            (SOURCE, wanted.edition, &file),
            &url,
            &part.path,
            wanted.today,
        )?);
    }
    Ok(fetched)
}

/// The documents that the lists name, with their current versions.
struct Listed(Vec<(String, Version)>);

impl Listed {
    fn read(lists: &[PathBuf]) -> Result<Self> {
        let mut all = Vec::new();
        for path in lists {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let Some((kind, _)) = LISTS.iter().find(|(_, begins)| name.starts_with(begins)) else {
                continue;
            };
            let member = Member::from_bytes(path.display().to_string(), fs_err::read(path)?);
            for row in api::saved(&member, *kind)? {
                if let Row::Document(document) = row {
                    all.push((document.display, document.version));
                }
            }
        }
        Ok(Self(all))
    }

    /// The version of a document that the list has.
    fn current(&self, of: Version) -> Option<Version> {
        let same = |v: &&Version| v.kind == of.kind && v.document == of.document;
        self.0.iter().map(|(_, v)| v).filter(same).max().copied()
    }

    fn named(&self, name: &str) -> Result<Vec<Version>> {
        let found: BTreeSet<Version> = self
            .0
            .iter()
            .filter(|(display, version)| {
                display.eq_ignore_ascii_case(name)
                    || (name.eq_ignore_ascii_case("ncd") && version.kind == Kind::Ncd)
            })
            .filter_map(|(_, version)| self.current(*version))
            .collect();
        if found.is_empty() {
            bail!(
                "{name}: no list of the coverage API has it; name documents as L36668, A57418 or 240.4, or all national \
                 ones as ncd"
            );
        }
        Ok(found.into_iter().collect())
    }
}

/// The answers of one kind of document that have arrived.
struct Part {
    path: PathBuf,
    file: fs_err::File,
    /// By the paths of their requests.
    known: HashMap<String, String>,
}

#[derive(Deserialize)]
struct Kept {
    path: String,
    answer: serde_json::Value,
}

impl Part {
    /// Begins with what the day's file has, and with what an earlier run that did not end left.
    fn open(place: &Path) -> Result<Self> {
        let mut name = place.as_os_str().to_owned();
        name.push(".part");
        let path = PathBuf::from(name);
        let mut known = HashMap::new();
        let mut text = String::new();
        for former in [place, &path] {
            let Ok(former) = fs_err::File::open(former) else {
                continue;
            };
            for line in BufReader::new(former).lines() {
                let line = line?;
                // The last line may be cut.
                let Ok(kept) = serde_json::from_str::<Kept>(&line) else {
                    continue;
                };
                if known.insert(kept.path, kept.answer.to_string()).is_none() {
                    text.push_str(&line);
                    text.push('\n');
                }
            }
        }
        // Whole again before anything is asked: a run that ends at once must not lose what was there.
        fs_err::write(&path, text)?;
        let file = fs_err::OpenOptions::new().append(true).open(&path)?;
        Ok(Self { path, file, known })
    }

    /// The rows of the answer to a request: of the one that is there, or of the one that the API gives now.
    fn answered(
        &mut self,
        request: &Request,
        wanted: &Wanted<'_>,
        progress: &dyn Progress,
    ) -> Result<Vec<Row>> {
        if let Some(body) = self.known.get(&request.path) {
            return Ok(api::rows(request, 200, body.as_bytes())?);
        }
        let authorization = request.authorization(wanted.token.as_ref()).context(
            "the token is CASEBOOK_COVERAGE_TOKEN, or coverage_token in the configuration",
        )?;
        let limits = Limits {
            bytes: 64 << 20,
            ..Limits::default()
        };
        let url = request.url(wanted.base);
        let question = Ask {
            url: &url,
            authorization: authorization.as_deref(),
            limits: &limits,
        };
        let (status, body) = casebook_fetch::ask(&question, progress)
            .with_context(|| format!("{url}: run the command again to continue"))?;
        let line = api::line(request, status, &body)?;
        writeln!(self.file, "{line}")?;
        let rows = api::rows(request, status, &body)?;
        self.known.insert(
            request.path.clone(),
            String::from_utf8_lossy(&body).into_owned(),
        );
        Ok(rows)
    }
}
