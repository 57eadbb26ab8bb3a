//! The catalog: every loaded edition's codes and notes, in one SQLite file.
//!
//! Editions are immutable and stand side by side. Loading one is a single transaction, so that a crash or
//! a bad row leaves the former state; loading the same bytes again does nothing. Reading goes through a
//! connection for each call from a small pool, so that a long load does not hold up an answer (WAL mode).

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use chrono::NaiveDate;
use rusqlite::{Connection, OptionalExtension, Row as SqlRow, params};

use crate::code::{CodeRef, Status, System};
use crate::tabular::{Level, NoteKind, Row, dotted};

/// The schema's version; a data folder of a newer one is refused rather than guessed at.
const SCHEMA: i64 = 1;

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
    /// The file was written by a newer Casebook.
    #[error(
        "catalog {path} has schema {found}, newer than {SCHEMA}: update Casebook, or name another data folder"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version found.
        found: i64,
    },
}

/// An edition of a code set or document, as loaded.
#[derive(Debug, Clone, PartialEq)]
pub struct Edition {
    /// Row number in the catalog; 0 before it is loaded.
    pub id: i64,
    /// The code system that its rows belong to.
    pub system: System,
    /// The document's name.
    pub source: String,
    /// The edition's name.
    pub edition: String,
    /// First date of service on which it holds.
    pub effective: NaiveDate,
    /// Last date on which it holds.
    pub through: Option<NaiveDate>,
    /// File that it was read from.
    pub file: String,
    /// SHA-256 of that file, in hexadecimal.
    pub sha256: String,
    /// Rows loaded.
    pub rows: usize,
}

impl Edition {
    /// Whether it is in force on a date of service.
    pub fn in_force(&self, date: NaiveDate) -> bool {
        self.effective <= date && self.through.is_none_or(|t| date <= t)
    }
}

/// A code as the catalog holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Without dot, as stored: `M5450`.
    pub key: String,
    /// The level above, if any.
    pub parent: Option<String>,
    /// Verbatim title.
    pub title: String,
    /// What the row is.
    pub level: Level,
    /// May stand on a claim.
    pub billable: bool,
}

impl Entry {
    /// As an answer names it.
    pub fn code_ref(&self, system: System) -> CodeRef {
        CodeRef {
            system,
            code: dotted(&self.key),
            title: self.title.clone(),
            status: if self.billable {
                Status::Billable
            } else {
                Status::Header
            },
        }
    }
}

/// A note with the level it stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Level that prints it: a code, a section or a chapter.
    pub on: String,
    /// What it says to do.
    pub kind: NoteKind,
    /// Verbatim.
    pub text: String,
}

/// The SQLite file.
pub struct Catalog {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Catalog {
    /// Opens or creates `catalog.sqlite` in a data folder.
    ///
    /// # Errors
    /// Where the file cannot be opened, or is of a newer Casebook.
    pub fn open(data: &Path) -> Result<Self, CatalogError> {
        let catalog = Self {
            path: data.join("catalog.sqlite"),
            idle: Mutex::new(Vec::new()),
        };
        let found: i64 = catalog.read(|c| {
            c.pragma_update(None, "journal_mode", "WAL")?;
            c.query_row("PRAGMA user_version", [], |r| r.get(0))
        })?;
        match found {
            0 => catalog.write(|c| {
                c.execute_batch(include_str!("schema.sql"))?;
                c.pragma_update(None, "user_version", SCHEMA)
            })?,
            SCHEMA => {}
            _ => {
                return Err(CatalogError::Newer {
                    path: catalog.path,
                    found,
                });
            }
        }
        Ok(catalog)
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let connection = Connection::open(&self.path)?;
        connection.busy_timeout(std::time::Duration::from_secs(30))?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        Ok(connection)
    }

    fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, CatalogError> {
        let pooled = self.idle.lock().ok().and_then(|mut idle| idle.pop());
        let sql = |source| CatalogError::Sql {
            path: self.path.clone(),
            source,
        };
        let connection = match pooled {
            Some(c) => c,
            None => self.connect().map_err(sql)?,
        };
        let result = work(&connection).map_err(sql);
        if let Ok(mut idle) = self.idle.lock() {
            idle.push(connection);
        }
        result
    }

    fn write<T>(
        &self,
        work: impl FnOnce(&rusqlite::Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, CatalogError> {
        let sql = |source| CatalogError::Sql {
            path: self.path.clone(),
            source,
        };
        let mut connection = self.connect().map_err(sql)?;
        let transaction = connection
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .map_err(sql)?;
        let value = work(&transaction).map_err(sql)?;
        transaction.commit().map_err(sql)?;
        Ok(value)
    }

    /// Loads a tabular list as one edition. The same file again is left as it is.
    ///
    /// # Errors
    /// SQLite's; the catalog is then as it was.
    pub fn load_tabular(&self, edition: &Edition, rows: &[Row]) -> Result<(), CatalogError> {
        self.write(|t| {
            let loaded: Option<i64> = t
                .query_row(
                    "SELECT id FROM edition WHERE system = ?1 AND sha256 = ?2",
                    params![edition.system.as_str(), edition.sha256],
                    |r| r.get(0),
                )
                .optional()?;
            if loaded.is_some() {
                return Ok(());
            }
            t.execute(
                "INSERT INTO edition (system, source, edition, effective, through, file, sha256, rows)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    edition.system.as_str(),
                    edition.source,
                    edition.edition,
                    edition.effective.to_string(),
                    edition.through.map(|d| d.to_string()),
                    edition.file,
                    edition.sha256,
                    rows.len() as i64
                ],
            )?;
            let id = t.last_insert_rowid();
            let mut code = t.prepare(
                "INSERT INTO code (edition, code, parent, ord, title, level, billable) VALUES (?1,?2,?3,?4,?5,?6,?7)",
            )?;
            let mut note =
                t.prepare("INSERT INTO note (edition, code, ord, kind, text) VALUES (?1,?2,?3,?4,?5)")?;
            let mut seventh = t
                .prepare("INSERT INTO seventh (edition, code, ord, character, meaning) VALUES (?1,?2,?3,?4,?5)")?;
            for (ord, row) in rows.iter().enumerate() {
                code.execute(params![
                    id, row.code, row.parent, ord as i64, row.title, row.level as i64, row.billable
                ])?;
                for (i, (kind, text)) in row.notes.iter().enumerate() {
                    note.execute(params![id, row.code, i as i64, kind.as_str(), text])?;
                }
                for (i, (character, meaning)) in row.seventh.iter().enumerate() {
                    seventh.execute(params![id, row.code, i as i64, character, meaning])?;
                }
            }
            Ok(())
        })
    }

    /// All loaded editions, newest first within a system.
    ///
    /// # Errors
    /// SQLite's.
    pub fn editions(&self) -> Result<Vec<Edition>, CatalogError> {
        self.read(|c| {
            c.prepare(
                "SELECT id, system, source, edition, effective, through, file, sha256, rows FROM edition
                 ORDER BY system, effective DESC",
            )?
            .query_map([], |r| {
                let date = |i: usize| -> rusqlite::Result<Option<NaiveDate>> {
                    r.get::<_, Option<String>>(i)?.map(|s| s.parse().map_err(|e| unreadable(i, e))).transpose()
                };
                let system: String = r.get(1)?;
                Ok(Edition {
                    id: r.get(0)?,
                    system: system.parse().map_err(|e: String| unreadable(1, e))?,
                    source: r.get(2)?,
                    edition: r.get(3)?,
                    effective: date(4)?.ok_or_else(|| unreadable(4, "an edition without a first date"))?,
                    through: date(5)?,
                    file: r.get(6)?,
                    sha256: r.get(7)?,
                    rows: r.get::<_, i64>(8)? as usize,
                })
            })?
            .collect()
        })
    }

    /// One code of an edition; `key` without dot, in upper case.
    ///
    /// # Errors
    /// SQLite's.
    pub fn entry(&self, edition: i64, key: &str) -> Result<Option<Entry>, CatalogError> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT code, parent, title, level, billable FROM code WHERE edition = ?1 AND code = ?2",
            )?
            .query_row(params![edition, key], entry)
            .optional()
        })
    }

    /// The codes that begin with `prefix`, in code order, at most `limit`.
    ///
    /// # Errors
    /// SQLite's.
    pub fn starting_with(
        &self,
        edition: i64,
        prefix: &str,
        limit: usize,
    ) -> Result<Vec<Entry>, CatalogError> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT code, parent, title, level, billable FROM code
                 WHERE edition = ?1 AND code >= ?2 AND code < ?3 AND level >= 2 ORDER BY code LIMIT ?4",
            )?
            .query_map(params![edition, prefix, format!("{prefix}~"), limit as i64], entry)?
            .collect()
        })
    }

    /// The rows directly below a row, in printed order.
    ///
    /// # Errors
    /// SQLite's.
    pub fn children(&self, edition: i64, key: &str) -> Result<Vec<Entry>, CatalogError> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT code, parent, title, level, billable FROM code WHERE edition = ?1 AND parent = ?2 ORDER BY ord",
            )?
            .query_map(params![edition, key], entry)?
            .collect()
        })
    }

    /// The billable codes at or below a code, in printed order, at most `limit`. Codes below share its beginning.
    ///
    /// # Errors
    /// SQLite's.
    pub fn billable_below(
        &self,
        edition: i64,
        key: &str,
        limit: usize,
    ) -> Result<Vec<Entry>, CatalogError> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT code, parent, title, level, billable FROM code
                 WHERE edition = ?1 AND code >= ?2 AND code < ?3 AND billable ORDER BY ord LIMIT ?4",
            )?
            .query_map(params![edition, key, format!("{key}~"), limit as i64], entry)?
            .collect()
        })
    }

    /// The levels from a code up to its chapter, the code itself first.
    ///
    /// # Errors
    /// SQLite's.
    pub fn lineage(&self, edition: i64, key: &str) -> Result<Vec<Entry>, CatalogError> {
        self.read(|c| {
            c.prepare_cached(
                "WITH RECURSIVE up(code, depth) AS (
                     VALUES (?2, 0) UNION ALL
                     SELECT code.parent, depth + 1 FROM code JOIN up ON code.code = up.code
                     WHERE code.edition = ?1 AND code.parent IS NOT NULL)
                 SELECT c.code, c.parent, c.title, c.level, c.billable FROM up JOIN code c ON c.code = up.code
                 WHERE c.edition = ?1 ORDER BY up.depth",
            )?
            .query_map(params![edition, key], entry)?
            .collect()
        })
    }

    /// A row's own notes, in printed order.
    ///
    /// # Errors
    /// SQLite's.
    pub fn notes(&self, edition: i64, key: &str) -> Result<Vec<Note>, CatalogError> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT kind, text FROM note WHERE edition = ?1 AND code = ?2 ORDER BY ord",
            )?
            .query_map(params![edition, key], |r| {
                Ok(Note {
                    on: key.to_owned(),
                    kind: NoteKind::from_id(&r.get::<_, String>(0)?).unwrap_or(NoteKind::Note),
                    text: r.get(1)?,
                })
            })?
            .collect()
        })
    }

    /// A row's own 7th characters and their meanings.
    ///
    /// # Errors
    /// SQLite's.
    pub fn seventh(&self, edition: i64, key: &str) -> Result<Vec<(String, String)>, CatalogError> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT character, meaning FROM seventh WHERE edition = ?1 AND code = ?2 ORDER BY ord",
            )?
            .query_map(params![edition, key], |r| Ok((r.get(0)?, r.get(1)?)))?
            .collect()
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

    /// Every printed row of an edition with its other names (inclusion terms, includes), for indexing.
    ///
    /// # Errors
    /// SQLite's.
    pub fn printed(&self, edition: i64) -> Result<Vec<(Entry, Vec<String>)>, CatalogError> {
        self.read(|c| {
            let mut terms: std::collections::HashMap<String, Vec<String>> = std::collections::HashMap::new();
            let mut statement = c.prepare(
                "SELECT code, text FROM note WHERE edition = ?1 AND kind IN ('inclusion_term', 'includes') ORDER BY code, ord",
            )?;
            let mut found = statement.query(params![edition])?;
            while let Some(row) = found.next()? {
                terms.entry(row.get(0)?).or_default().push(row.get(1)?);
            }
            c.prepare(
                "SELECT code, parent, title, level, billable FROM code WHERE edition = ?1 AND level = 2 ORDER BY ord",
            )?
            .query_map(params![edition], entry)?
            .map(|e| e.map(|e| (e.clone(), terms.remove(&e.key).unwrap_or_default())))
            .collect()
        })
    }
}

/// A value that this version did not write: better no answer than one with another edition's dates.
fn unreadable(
    column: usize,
    why: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, why.into())
}

fn entry(row: &SqlRow<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        key: row.get(0)?,
        parent: row.get(1)?,
        title: row.get(2)?,
        level: match row.get::<_, i64>(3)? {
            0 => Level::Chapter,
            1 => Level::Section,
            2 => Level::Printed,
            _ => Level::Extended,
        },
        billable: row.get(4)?,
    })
}
