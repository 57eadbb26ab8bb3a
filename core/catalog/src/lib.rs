//! The catalog: every loaded edition's facts, in one SQLite file.
//!
//! Editions are immutable and stand side by side. Loading one is a single transaction ([`Catalog::load`]), so that a
//! crash or a bad row leaves the former state; loading the same bytes again does nothing. Reading goes through a
//! connection for each call from a small pool, so that a long load does not hold up an answer (WAL mode): whoever
//! reads sees the former editions until the new one is whole.
//!
//! One module for each family of tables holds both directions: how [`Loading`] writes its rows and how [`Catalog`]
//! reads them. The schema is a list of migrations (`migrations/`); each family adds a file, none is ever changed.

pub mod check;
pub mod codes;
pub mod coverage;
pub mod fee;
pub mod fees;
pub mod gem;
pub mod hcc;
pub mod hcpcs;
pub mod history;
pub mod icd_index;
pub mod icd_order;
pub mod ingest;
pub mod licensed;
pub mod localities;
pub mod ncci;
pub mod passages;
pub mod pcs;
pub mod poa;

use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};

use casebook_releases::{Kind, ReadError, Setting};
use chrono::NaiveDate;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use rusqlite_migration::{M, Migrations};

pub use codes::{Entry, Note};
pub use history::{Between, Converted};
pub use icd_index::{IndexCode, IndexName, IndexTerm};

/// In the order in which they were written. Never change one that was released: add another.
static MIGRATIONS: LazyLock<Migrations<'static>> = LazyLock::new(|| {
    Migrations::new(vec![
        M::up(include_str!("migrations/01-starter-corpus.sql")),
        M::up(include_str!("migrations/02-editions.sql")),
        M::up(include_str!("migrations/03-icd.sql")),
        M::up(include_str!("migrations/04-fees.sql")),
        M::up(include_str!("migrations/05-documents.sql")),
        M::up(include_str!("migrations/06-ncci.sql")),
        M::up(include_str!("migrations/07-hcc-pcs.sql")),
    ])
});

/// A failure of the catalog, for the operator. It never holds text that somebody asked.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// SQLite failed.
    #[error("catalog {path}: {source}")]
    Sql {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The file was written by a newer Casebook, or is none of ours.
    #[error("catalog {path}: {message}: update Casebook, or name another data folder")]
    Schema {
        /// The file.
        path: PathBuf,
        /// What the migration said.
        message: String,
    },
    /// The file that was being loaded.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A file of licensed text, and no licence on record.
    #[error(
        "{file}: it holds CPT text, which the AMA licenses; if you hold a licence, acknowledge it: casebook ingest --license cpt"
    )]
    Licence {
        /// The file.
        file: String,
    },
    /// Removed text may still stand in the catalog's journal.
    #[error("catalog {path}: it is being read by another process; stop it, and repeat the removal")]
    Busy {
        /// The file.
        path: PathBuf,
    },
}

/// An edition of a code set, table or document, as loaded.
#[derive(Debug, Clone, PartialEq)]
pub struct Edition {
    /// Row number in the catalog; 0 before it is loaded.
    pub id: i64,
    /// What it holds.
    pub kind: Kind,
    /// For which claims, where the tables differ by setting.
    pub setting: Option<Setting>,
    /// The document's name, as citations print it.
    pub source: String,
    /// The edition's name.
    pub edition: String,
    /// First date of service on which it holds.
    pub effective: NaiveDate,
    /// Last date on which it holds.
    pub through: Option<NaiveDate>,
    /// Which of the files that make up one edition: `f1`, `nonQPP`; empty where there is one.
    pub part: String,
    /// Where a person can read the document.
    pub url: String,
    /// File that it was read from.
    pub file: String,
    /// SHA-256 of that file, in hexadecimal.
    pub sha256: String,
    /// Rows loaded.
    pub rows: u64,
}

impl Edition {
    /// Whether it is in force on a date of service.
    pub fn in_force(&self, date: NaiveDate) -> bool {
        self.effective <= date && self.through.is_none_or(|t| date <= t)
    }
}

/// What became of a file that was to be loaded.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It is loaded now.
    Loaded(Edition),
    /// The same bytes were loaded before; nothing was done.
    Present(Edition),
}

/// What an operator should know of a file that was loaded.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// Records that were read ([`casebook_releases::Member::records`]); more than the rows that were loaded of them.
    pub read: u64,
    /// One sentence each.
    pub warnings: Vec<String>,
}

/// The SQLite file.
pub struct Catalog {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Catalog {
    /// Opens or creates `catalog.sqlite` in a data folder, and brings its schema up to date.
    ///
    /// # Errors
    /// Where the file cannot be opened, or is of a newer Casebook.
    pub fn open(data: &Path) -> Result<Self, CatalogError> {
        let catalog = Self {
            path: data.join("catalog.sqlite"),
            idle: Mutex::new(Vec::new()),
        };
        let sql = |source| catalog.failed(source);
        let mut connection = catalog.connect().map_err(sql)?;
        connection
            .pragma_update(None, "journal_mode", "WAL")
            .map_err(sql)?;
        MIGRATIONS
            .to_latest(&mut connection)
            .map_err(|e| CatalogError::Schema {
                path: catalog.path.clone(),
                message: e.to_string(),
            })?;
        Ok(catalog)
    }

    fn failed(&self, source: rusqlite::Error) -> CatalogError {
        CatalogError::Sql {
            path: self.path.clone(),
            source,
        }
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let connection = Connection::open(&self.path)?;
        connection.busy_timeout(std::time::Duration::from_secs(30))?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        // A load of millions of rows leaves a log as long as they are; it need not keep it.
        connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
        Ok(connection)
    }

    /// Reads; for the modules of this crate.
    pub(crate) fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, CatalogError> {
        let pooled = self.idle.lock().ok().and_then(|mut idle| idle.pop());
        let connection = match pooled {
            Some(c) => c,
            None => self.connect().map_err(|e| self.failed(e))?,
        };
        let result = work(&connection).map_err(|e| self.failed(e));
        if let Ok(mut idle) = self.idle.lock() {
            idle.push(connection);
        }
        result
    }

    /// Writes in one transaction; for the modules of this crate.
    pub(crate) fn write<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, CatalogError> {
        let mut connection = self.connect().map_err(|e| self.failed(e))?;
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|e| self.failed(e))?;
        let value = work(&transaction).map_err(|e| self.failed(e))?;
        transaction.commit().map_err(|e| self.failed(e))?;
        Ok(value)
    }

    /// Loads one file as one edition (or one part of it). `fill` writes its rows; if it fails, nothing was loaded. A
    /// file with the same kind, part and checksum is left as it is, and `fill` is not called.
    ///
    /// `edition.id` and `edition.rows` are set here.
    ///
    /// # Errors
    /// SQLite's, and what `fill` returns.
    pub fn load(
        &self,
        edition: &Edition,
        fill: impl FnOnce(&mut Loading<'_>) -> Result<(), CatalogError>,
    ) -> Result<Outcome, CatalogError> {
        let sql = |source| self.failed(source);
        let mut connection = self.connect().map_err(sql)?;
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(sql)?;
        let present: Option<i64> = transaction
            .query_row(
                "SELECT id FROM edition WHERE kind = ?1 AND sha256 = ?2 AND part = ?3",
                params![edition.kind.as_str(), edition.sha256, edition.part],
                |r| r.get(0),
            )
            .optional()
            .map_err(sql)?;
        if let Some(id) = present {
            drop(transaction);
            let known = self.editions()?.into_iter().find(|e| e.id == id);
            return Ok(Outcome::Present(known.unwrap_or_else(|| edition.clone())));
        }
        transaction
            .execute(
                "INSERT INTO edition (kind, setting, source, edition, effective, through, part, url, file, sha256, rows)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 0)",
                params![
                    edition.kind.as_str(),
                    edition.setting.map(Setting::as_str),
                    edition.source,
                    edition.edition,
                    edition.effective.to_string(),
                    edition.through.map(|d| d.to_string()),
                    edition.part,
                    edition.url,
                    edition.file,
                    edition.sha256,
                ],
            )
            .map_err(sql)?;
        let mut loading = Loading {
            path: &self.path,
            edition: transaction.last_insert_rowid(),
            transaction: &transaction,
            rows: 0,
        };
        fill(&mut loading)?;
        let (id, rows) = (loading.edition, loading.rows);
        transaction
            .execute(
                "UPDATE edition SET rows = ?2 WHERE id = ?1",
                params![id, rows as i64],
            )
            .map_err(sql)?;
        transaction.commit().map_err(sql)?;
        Ok(Outcome::Loaded(Edition {
            id,
            rows,
            ..edition.clone()
        }))
    }

    /// All loaded editions, newest first within a kind.
    ///
    /// # Errors
    /// SQLite's.
    pub fn editions(&self) -> Result<Vec<Edition>, CatalogError> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT id, kind, setting, source, edition, effective, through, part, url, file, sha256, rows
                 FROM edition ORDER BY kind, effective DESC, part",
            )?
            .query_map([], |r| {
                let date = |i: usize| -> rusqlite::Result<Option<NaiveDate>> {
                    r.get::<_, Option<String>>(i)?.map(|s| s.parse().map_err(|e| unreadable(i, e))).transpose()
                };
                let (kind, setting): (String, Option<String>) = (r.get(1)?, r.get(2)?);
                Ok(Edition {
                    id: r.get(0)?,
                    kind: kind.parse().map_err(|e: String| unreadable(1, e))?,
                    setting: setting.map(|s| s.parse().map_err(|e: String| unreadable(2, e))).transpose()?,
                    source: r.get(3)?,
                    edition: r.get(4)?,
                    effective: date(5)?.ok_or_else(|| unreadable(5, "an edition without a first date"))?,
                    through: date(6)?,
                    part: r.get(7)?,
                    url: r.get(8)?,
                    file: r.get(9)?,
                    sha256: r.get(10)?,
                    rows: r.get::<_, i64>(11)?.unsigned_abs(),
                })
            })?
            .collect()
        })
    }

    /// Removes an edition with all its rows, as an operator asks for: a file loaded by mistake, a licence that ended.
    ///
    /// # Errors
    /// SQLite's; the edition then stays whole.
    pub fn remove(&self, id: i64) -> Result<(), CatalogError> {
        self.write(|t| {
            t.execute("DELETE FROM edition WHERE id = ?1", [id])
                .map(|_| ())
        })
    }

    /// A number that changes whenever another connection changed the catalog: cheap to ask before each answer.
    ///
    /// # Errors
    /// SQLite's.
    pub fn version(&self) -> Result<i64, CatalogError> {
        self.read(|c| {
            c.prepare_cached("SELECT coalesce(max(id), 0) * 1000003 + count(*) FROM edition")?
                .query_row([], |r| r.get(0))
        })
    }

    /// A value that Casebook keeps for itself, such as the fingerprint of a finished index.
    ///
    /// # Errors
    /// SQLite's.
    pub fn remembered(&self, key: &str) -> Result<Option<String>, CatalogError> {
        self.read(|c| {
            c.query_row("SELECT value FROM memory WHERE key = ?1", [key], |r| {
                r.get(0)
            })
            .optional()
        })
    }

    /// Keeps a value; see [`Self::remembered`].
    ///
    /// # Errors
    /// SQLite's.
    pub fn remember(&self, key: &str, value: &str) -> Result<(), CatalogError> {
        self.write(|t| {
            t.execute(
                "INSERT OR REPLACE INTO memory (key, value) VALUES (?1, ?2)",
                [key, value],
            )
            .map(|_| ())
        })
    }
}

/// One edition being loaded, inside its transaction.
pub struct Loading<'a> {
    path: &'a Path,
    pub(crate) edition: i64,
    pub(crate) transaction: &'a Transaction<'a>,
    /// Rows so far; becomes the edition's `rows`.
    pub rows: u64,
}

impl Loading<'_> {
    /// Runs SQL inside the transaction; for the modules of this crate.
    pub(crate) fn sql<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, CatalogError> {
        work(self.transaction).map_err(self.failing())
    }

    /// Turns SQLite's errors into ours; for the modules of this crate that stream.
    pub(crate) fn failing(&self) -> impl Fn(rusqlite::Error) -> CatalogError + use<> {
        let path = self.path.to_owned();
        move |source| CatalogError::Sql {
            path: path.clone(),
            source,
        }
    }

    /// The first date of service of the edition that is being loaded.
    pub(crate) fn effective(&self) -> Result<NaiveDate, CatalogError> {
        self.sql(|t| {
            let text: String = t.query_row(
                "SELECT effective FROM edition WHERE id = ?1",
                [self.edition],
                |r| r.get(0),
            )?;
            text.parse().map_err(|e| unreadable(0, e))
        })
    }
}

/// A value that this version did not write: better no answer than one with another edition's dates.
pub(crate) fn unreadable(
    column: usize,
    why: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, why.into())
}
