//! The engine: a data folder, opened.
//!
//! [`Casebook::open`] makes the folder answerable by exact codes and words; [`Casebook::complete`] adds the
//! meanings, minutes the first time and nothing afterwards. Both may run while questions are answered.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use casebook_embeddings::Embedder;
use casebook_releases::{Kind, Setting};
use chrono::NaiveDate;
use secrecy::SecretString;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::answer::{Answer, EditionRef};
use crate::ask;
use crate::ask::Considered;
use crate::card::{Card, Diagnosis};
use crate::case::{self, Case, Unread};
use crate::catalog::{Catalog, Edition};
use crate::check::{self, CheckPage};
use crate::code::{CodeRef, System};
use crate::digest::Digest;
use crate::error::Error;
use crate::follow;
use crate::index::{self, Step};
use crate::lexical::Lexical;
use crate::lookup::{self, CodeHit, Desk};
use crate::names::NameShelf;
use crate::respond::{Failure, Intent, Request, Respond};
use crate::retrieve::{Ranking, Retriever};
use crate::shelf::Shelf;
use crate::store::edge::EdgeStore;
use crate::store::server::ServerStore;
use crate::store::{Store, StoreError};
use crate::tabular;

/// The index's name where no model is there, and the dimensions of its vectors, of which it holds none.
const WITHOUT_MODEL: (&str, usize) = ("none", 1);

/// Where the vectors are kept.
#[derive(Debug, Clone, Default)]
pub enum StoreSettings {
    /// In the data folder, by Qdrant inside the process.
    #[default]
    Edge,
    /// On a Qdrant server.
    Server {
        /// gRPC address, e.g. `http://localhost:6334`.
        url: String,
        /// API key, where the server asks for one.
        api_key: Option<SecretString>,
        /// Beginning of the collection's name; the model's name follows.
        collection: String,
    },
}

/// The tabular list that every installation starts with.
#[derive(Debug, Clone)]
pub struct StarterCorpus {
    /// The XML.
    pub file: PathBuf,
    /// Name by which an operator knows it.
    pub name: String,
    /// SHA-256, in hexadecimal, as the manifest pins it.
    pub sha256: String,
}

/// How to open a data folder.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The data folder.
    pub data: PathBuf,
    /// Where the vectors are kept.
    pub store: StoreSettings,
}

/// A row of `casebook editions --json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Loaded {
    /// Number by which `casebook remove` takes it out again; absent for the digest, which is part of the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// For which claims, where the tables differ by setting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub setting: Option<Setting>,
    /// Which of several files that make up the edition.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub part: String,
    /// The document.
    pub source: String,
    /// The edition.
    pub edition: String,
    /// First date of service.
    pub effective: NaiveDate,
    /// Last date of service, where known.
    pub through: Option<NaiveDate>,
    /// Rows or entries loaded.
    pub rows: usize,
    /// The file that it was read from.
    pub file: String,
    /// SHA-256 of that file.
    pub sha256: String,
}

/// What is loaded, and what is wrong with it today.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Editions {
    /// Everything loaded.
    pub sources: Vec<Loaded>,
    /// Editions that are not in force, and what to do.
    pub warnings: Vec<String>,
}

/// What a data folder holds, as far as is seen without opening its store.
#[derive(Debug, Clone, PartialEq)]
pub struct Inspected {
    /// What is loaded, and what is wrong with it on the date.
    pub editions: Editions,
    /// Whether everything loaded is found by its words.
    pub words: bool,
    /// Whether everything loaded is found by its meaning.
    pub meanings: bool,
}

/// The engine.
pub struct Casebook {
    digest: Digest,
    catalog: Catalog,
    retriever: Retriever,
    /// What is loaded, and the catalog's version when it was read.
    shelf: RwLock<(i64, Arc<Shelf>)>,
    names: NameShelf,
    model: String,
    copy: bool,
}

impl Casebook {
    /// Opens a data folder: loads the starter corpus where it is missing, and indexes by words what is not
    /// indexed. Seconds the first time.
    ///
    /// Vectors of two models cannot be compared, so each model has an index of its own, named after it; going back to
    /// the former one costs nothing.
    ///
    /// # Errors
    /// Where a file is missing or wrong, or the store does not open; nothing is left half done that the next
    /// call would not finish.
    pub async fn open(
        settings: &Settings,
        starter: Option<&StarterCorpus>,
        embedder: Option<Arc<Embedder>>,
        progress: &(dyn Fn(Step) + Sync),
    ) -> Result<Self, Error> {
        fs_err::create_dir_all(&settings.data)?;
        let (model, dimensions) = embedder
            .as_deref()
            .map_or(WITHOUT_MODEL, |e| (e.model_id(), e.dimensions()));
        let model = model.to_owned();
        let digest = Digest::embedded()?;
        let catalog = Catalog::open(&settings.data)?;
        if let Some(starter) = starter {
            load_starter(&catalog, starter)?;
        }
        let (store, copy) = open_store(settings, &model, dimensions).await?;
        let lexical = Lexical::new().map_err(|e| Error::Lexical(e.to_string()))?;
        let shelf = RwLock::new((
            catalog.version()?,
            Arc::new(Shelf::new(catalog.editions()?)),
        ));
        let casebook = Self {
            digest,
            catalog,
            retriever: Retriever {
                store,
                embedder,
                lexical,
            },
            shelf,
            names: NameShelf::default(),
            model,
            copy,
        };
        casebook.write_words(progress).await?;
        Ok(casebook)
    }

    /// Indexes by words what is not indexed: at the start, and when an edition was loaded since.
    async fn write_words(&self, progress: &(dyn Fn(Step) + Sync)) -> Result<(), Error> {
        if self.copy || self.is_done("words").await? {
            return Ok(());
        }
        let items = index::items(&self.digest, &self.catalog)?;
        let retriever = &self.retriever;
        index::write_words(
            retriever.store.as_ref(),
            &retriever.lexical,
            &items,
            progress,
        )
        .await?;
        self.set_done("words")
    }

    /// Whether every passage has its meaning.
    ///
    /// # Errors
    /// The catalog's or the store's.
    pub async fn is_complete(&self) -> Result<bool, Error> {
        Ok(self.copy || self.is_done("meaning").await?)
    }

    /// Brings the index up to what is loaded: words first, then the meanings that are missing. Dropping the future is
    /// safe; the next call goes on from there.
    ///
    /// # Errors
    /// The model's or the store's. Without a model there are no meanings to add.
    pub async fn complete(&self, progress: &(dyn Fn(Step) + Sync)) -> Result<(), Error> {
        self.write_words(progress).await?;
        let Some(embedder) = &self.retriever.embedder else {
            return Ok(());
        };
        if self.is_complete().await? {
            return Ok(());
        }
        let items = index::items(&self.digest, &self.catalog)?;
        index::write_meaning(self.retriever.store.as_ref(), embedder, &items, progress).await?;
        self.set_done("meaning")
    }

    /// A pass is done if it was done for what is loaded now, and the store still holds something.
    async fn is_done(&self, pass: &str) -> Result<bool, Error> {
        let now = index::fingerprint(&self.digest, &self.catalog, &self.model)?;
        let done = self.catalog.remembered(&self.memory_key(pass))? == Some(now);
        Ok(done && self.retriever.store.count().await? > 0)
    }

    fn set_done(&self, pass: &str) -> Result<(), Error> {
        let now = index::fingerprint(&self.digest, &self.catalog, &self.model)?;
        Ok(self.catalog.remember(&self.memory_key(pass), &now)?)
    }

    fn memory_key(&self, pass: &str) -> String {
        memory_key(pass, &self.model, &self.retriever.store.name())
    }

    /// Looks into a data folder, also while a service runs on it: what is loaded, and how far it is indexed for the model
    /// of this id. None where nothing was ever loaded.
    ///
    /// # Errors
    /// The catalog's.
    pub fn inspect(
        settings: &Settings,
        model: &str,
        date: NaiveDate,
    ) -> Result<Option<Inspected>, Error> {
        // Opening makes the file.
        if !settings.data.join("catalog.sqlite").is_file() {
            return Ok(None);
        }
        let (digest, catalog) = (Digest::embedded()?, Catalog::open(&settings.data)?);
        let (store, there) = match &settings.store {
            StoreSettings::Edge => {
                let path = edge_path(settings, model);
                (EdgeStore::name_of(&path), path.join("segments").is_dir())
            }
            StoreSettings::Server {
                url, collection, ..
            } => {
                let collection = collection_name(collection, model);
                (ServerStore::name_of(url, &collection), true)
            }
        };
        let now = index::fingerprint(&digest, &catalog, model)?;
        let done = |pass| {
            let remembered = catalog.remembered(&memory_key(pass, model, &store))?;
            Ok::<_, Error>(there && remembered.as_ref() == Some(&now))
        };
        Ok(Some(Inspected {
            words: done("words")?,
            meanings: done("meaning")?,
            editions: editions(&catalog.editions()?, &digest, date),
        }))
    }

    /// A number that changes when an edition is loaded or removed, by this process or another.
    ///
    /// # Errors
    /// The catalog's.
    pub fn version(&self) -> Result<i64, Error> {
        Ok(self.catalog.version()?)
    }

    /// Whether this process reads a copy of an index that another one holds.
    pub fn is_copy(&self) -> bool {
        self.copy
    }

    /// What is loaded now: another process may have loaded an edition since the last question.
    fn shelf(&self) -> Result<Arc<Shelf>, Error> {
        let version = self.catalog.version()?;
        {
            let known = self.shelf.read().unwrap_or_else(PoisonError::into_inner);
            if known.0 == version {
                return Ok(known.1.clone());
            }
        }
        let shelf = Arc::new(Shelf::new(self.catalog.editions()?));
        *self.shelf.write().unwrap_or_else(PoisonError::into_inner) = (version, shelf.clone());
        Ok(shelf)
    }

    fn desk<'a>(&'a self, shelf: &'a Shelf, date: NaiveDate, setting: Option<Setting>) -> Desk<'a> {
        Desk {
            digest: &self.digest,
            catalog: &self.catalog,
            retriever: &self.retriever,
            shelf,
            on: date,
            setting: setting.unwrap_or(Setting::Practitioner),
            locality: None,
            contractor: None,
            icd10cm: shelf.codes(System::Icd10cm, date),
            names: &self.names,
        }
    }

    /// Answers a question or a list of codes.
    ///
    /// # Errors
    /// Ours, never the asker's: a question without an answer is an [`Answer`].
    pub async fn ask(&self, request: &Request) -> Result<Answer, Error> {
        let today = today();
        let shelf = self.shelf()?;
        let read_as = self.read_as(request, &shelf, today);
        let whole = Request {
            text: read_as.as_ref().unwrap_or(&request.text).clone(),
            ..request.clone()
        };
        // The date and the setting in the text win, so the desk is set for them; reading twice is cheap. A note's are its own.
        let typed = match request.intent {
            Intent::Case => None,
            _ => crate::question::parse(&whole.text).ok(),
        };
        let (typed, setting) = typed.map_or((None, None), |q| (q.date, q.setting()));
        let date = typed.or(request.as_of).unwrap_or(today);
        let desk = Desk {
            locality: request.locality.as_deref(),
            contractor: request.contractor.as_deref(),
            ..self.desk(&shelf, date, setting.or(request.setting))
        };
        let mut answer = ask::answer(&desk, &whole, today).await?;
        answer.read_as = read_as;
        Ok(answer)
    }

    /// The question written out, where it follows from earlier ones or is about chosen codes. Only questions in words
    /// are: a command's codes are meant as they stand.
    fn read_as(&self, request: &Request, shelf: &Shelf, today: NaiveDate) -> Option<String> {
        if request.intent != Intent::Ask {
            return None;
        }
        let desk = self.desk(shelf, request.as_of.unwrap_or(today), request.setting);
        let title = |code: &str| {
            let edition = desk.icd10cm?;
            let found = Diagnosis::read(desk.catalog, edition, desk.tabular(), code);
            found.ok().flatten().map(|d| d.entry.title)
        };
        follow::about(&request.text, &request.about)
            .or_else(|| follow::whole(&request.text, &request.before, &title))
    }

    /// A pasted note's codes, with the words that support them. `encounter` is where the patient was treated; where it is
    /// not said, the note's own words count.
    ///
    /// # Errors
    /// The catalog's, the model's or the store's. What cannot be read is [`Unread`], with a sentence for who pasted it.
    pub async fn case(
        &self,
        text: &str,
        encounter: Option<case::Encounter>,
        as_of: NaiveDate,
    ) -> Result<Result<Case, Unread>, Error> {
        let shelf = self.shelf()?;
        case::read(&self.desk(&shelf, as_of, None), text, encounter).await
    }

    /// What speaks for each phrase of a note, a line each: what `casebook eval --signals` prints of notes.
    ///
    /// # Errors
    /// The catalog's.
    pub fn case_signals(&self, text: &str, as_of: NaiveDate) -> Result<Vec<String>, Error> {
        let shelf = self.shelf()?;
        case::signals(&self.desk(&shelf, as_of, None), text)
    }

    /// One card for each code typed, in order. `setting` is whose edits and units it shows.
    ///
    /// # Errors
    /// The catalog's.
    pub fn cards(
        &self,
        typed: &[String],
        system: Option<System>,
        setting: Option<Setting>,
        as_of: NaiveDate,
    ) -> Result<Vec<Card>, Error> {
        lookup::typed_cards(&self.desk(&*self.shelf()?, as_of, setting), typed, system)
    }

    /// What the NCCI tables say of codes together; each may be written with modifiers and units (`62323-59`, `64483x2`).
    ///
    /// # Errors
    /// The catalog's.
    pub fn check(
        &self,
        typed: &[String],
        setting: Option<Setting>,
        as_of: NaiveDate,
    ) -> Result<CheckPage, Error> {
        check::page(&self.desk(&*self.shelf()?, as_of, setting), typed)
    }

    /// Codes for a condition or service in words, best first.
    ///
    /// # Errors
    /// The model's or the store's.
    pub async fn search(
        &self,
        text: &str,
        system: Option<System>,
        limit: usize,
        as_of: NaiveDate,
    ) -> Result<Vec<CodeHit>, Error> {
        let shelf = self.shelf()?;
        lookup::search_codes(&self.desk(&shelf, as_of, None), text, system, limit).await
    }

    /// ICD-10-CM codes as one of the rankings finds them, best first, without points: for measuring what each step adds.
    ///
    /// # Errors
    /// The model's or the store's.
    pub async fn ranked(
        &self,
        text: &str,
        ranking: Ranking,
        limit: usize,
        as_of: NaiveDate,
    ) -> Result<Vec<String>, Error> {
        if ranking == Ranking::Full {
            let hits = self
                .search(text, Some(System::Icd10cm), limit, as_of)
                .await?;
            return Ok(hits
                .into_iter()
                .map(|h| h.code.code.replace('.', ""))
                .collect());
        }
        let shelf = self.shelf()?;
        let desk = self.desk(&shelf, as_of, None);
        let Some(edition) = desk.icd10cm else {
            return Ok(Vec::new());
        };
        let dense = match ranking {
            Ranking::Words => None,
            _ => desk.retriever.embed(text).await?,
        };
        let found = desk
            .retriever
            .plainly(desk.catalog, edition, text, dense, ranking, limit)
            .await?;
        Ok(found.into_iter().map(|code| code.key).collect())
    }

    /// What may answer a question in words, with what speaks for each: what `casebook eval --signals` prints, and weights
    /// are fitted on.
    ///
    /// # Errors
    /// The model's or the store's.
    pub async fn considered(&self, text: &str, as_of: NaiveDate) -> Result<Considered, Error> {
        let shelf = self.shelf()?;
        let desk = self.desk(&shelf, as_of, None);
        let question = crate::question::parse(text).unwrap_or_default();
        let question = match question.mentions.iter().any(|m| m.sure) {
            true => question,
            false => question.in_words(),
        };
        let mut timings = crate::Timings::default();
        ask::consider(&desk, &question, &question.words, &mut timings).await
    }

    /// What is loaded, and which of it is not in force on a date.
    ///
    /// # Errors
    /// The catalog's.
    pub fn editions(&self, date: NaiveDate) -> Result<Editions, Error> {
        Ok(editions(self.shelf()?.editions(), &self.digest, date))
    }
}

/// What is loaded, with the digest, and which of it is not in force on a date.
fn editions(loaded: &[Edition], digest: &Digest, date: NaiveDate) -> Editions {
    let mut sources: Vec<Loaded> = loaded
        .iter()
        .map(|e| Loaded {
            id: Some(e.id),
            setting: e.setting,
            part: e.part.clone(),
            source: e.source.clone(),
            edition: e.edition.clone(),
            effective: e.effective,
            through: e.through,
            rows: e.rows as usize,
            file: e.file.clone(),
            sha256: e.sha256.clone(),
        })
        .collect();
    for (key, source) in digest.sources() {
        let rows = digest.entries().iter().filter(|e| e.source == *key).count();
        if rows > 0 {
            sources.push(Loaded {
                id: None,
                setting: None,
                part: String::new(),
                source: format!("Digest of {}", source.title),
                edition: source.edition.clone(),
                effective: source.effective,
                through: source.through,
                rows,
                file: "core/digest".to_owned(),
                sha256: digest.sha256().to_owned(),
            });
        }
    }
    let warnings = sources
        .iter()
        .filter(|s| s.effective > date || s.through.is_some_and(|t| t < date))
        .map(|s| {
            let end = s.through.map_or(String::new(), |t| format!(" to {t}"));
            format!(
                "{} {} ({}{end}) is not in force on {date}; answers from it say so first.",
                s.source, s.edition, s.effective
            )
        })
        .collect();
    Editions { sources, warnings }
}

/// Today, where the machine stands.
pub fn today() -> NaiveDate {
    chrono::Local::now().date_naive()
}

#[async_trait]
impl Respond for Casebook {
    async fn respond(&self, request: Request) -> Result<Answer, Failure> {
        self.ask(&request).await.map_err(Failure::from)
    }

    async fn suggest(&self, typed: &str, limit: usize) -> Result<Vec<CodeRef>, Failure> {
        let suggested = async {
            let shelf = self.shelf()?;
            lookup::suggested(&self.desk(&shelf, today(), None), typed, limit).await
        };
        suggested.await.map_err(Failure::from)
    }

    fn loaded(&self) -> Result<Vec<EditionRef>, Failure> {
        let today = today();
        let editions = self.editions(today).map_err(Failure::from)?;
        Ok(editions
            .sources
            .into_iter()
            .map(|e| EditionRef {
                in_force: e.effective <= today && e.through.is_none_or(|t| today <= t),
                source: e.source,
                edition: e.edition,
                effective: e.effective,
                through: e.through,
            })
            .collect())
    }
}

/// Where what was written to a store is remembered.
fn memory_key(pass: &str, model: &str, store: &str) -> String {
    format!("indexed {pass} {model} {store}")
}

fn edge_path(settings: &Settings, model: &str) -> PathBuf {
    settings.data.join("index").join(model)
}

/// The name of a model's collection on a server.
pub fn collection_name(collection: &str, model: &str) -> String {
    format!("{collection}-{model}")
}

async fn open_store(
    settings: &Settings,
    model: &str,
    dimensions: usize,
) -> Result<(Arc<dyn Store>, bool), Error> {
    match &settings.store {
        StoreSettings::Edge => {
            let path = edge_path(settings, model);
            match EdgeStore::open(&path, dimensions) {
                Ok(store) => Ok((Arc::new(store), false)),
                // A bot is running on this folder: read what it last flushed.
                Err(StoreError::Locked(_)) => {
                    Ok((Arc::new(EdgeStore::open_copy(&path, dimensions)?), true))
                }
                Err(e) => Err(e.into()),
            }
        }
        StoreSettings::Server {
            url,
            api_key,
            collection,
        } => {
            let name = collection_name(collection, model);
            Ok((
                Arc::new(ServerStore::open(url, api_key.as_ref(), &name, dimensions).await?),
                false,
            ))
        }
    }
}

/// Loads the starter corpus unless it is loaded, whatever else is.
fn load_starter(catalog: &Catalog, starter: &StarterCorpus) -> Result<(), Error> {
    if catalog
        .editions()?
        .iter()
        .any(|e| e.sha256 == starter.sha256)
    {
        return Ok(());
    }
    let xml = fs_err::read_to_string(&starter.file)?;
    let list = tabular::parse(&xml).map_err(|source| Error::Tabular {
        file: starter.file.display().to_string(),
        source,
    })?;
    let sha256 = Sha256::digest(xml.as_bytes())
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect::<String>();
    let edition = Edition {
        id: 0,
        kind: Kind::Icd10cmTabular,
        setting: None,
        source: Kind::Icd10cmTabular.source().to_owned(),
        edition: "FY2026 (April 2026)".to_owned(),
        effective: NaiveDate::from_ymd_opt(2026, 4, 1).unwrap_or_default(),
        through: NaiveDate::from_ymd_opt(2026, 9, 30),
        part: String::new(),
        url: Kind::Icd10cmTabular.page().to_owned(),
        file: starter.name.clone(),
        sha256,
        rows: 0,
    };
    catalog.load(&edition, |loading| loading.tabular(&list.rows))?;
    Ok(())
}
