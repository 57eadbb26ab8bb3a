//! Codes with their place in a tree and their notes: the tabular list of ICD-10-CM.

use casebook_releases::code::{CodeRef, Status, System};
use casebook_releases::tabular::{Level, NoteKind, Row, dotted};
use rusqlite::{OptionalExtension, Row as SqlRow, params};

use crate::{Catalog, CatalogError, Loading};

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
            code: match system {
                System::Icd10cm => dotted(&self.key),
                _ => self.key.clone(),
            },
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

impl Loading<'_> {
    /// Writes a tabular list's rows.
    ///
    /// # Errors
    /// SQLite's.
    pub fn tabular(&mut self, rows: &[Row]) -> Result<(), CatalogError> {
        let id = self.edition;
        self.sql(|t| {
            let mut code = t.prepare(
                "INSERT INTO code (edition, code, parent, ord, title, level, billable) VALUES (?1,?2,?3,?4,?5,?6,?7)",
            )?;
            let mut note = t.prepare("INSERT INTO note (edition, code, ord, kind, text) VALUES (?1,?2,?3,?4,?5)")?;
            let mut seventh =
                t.prepare("INSERT INTO seventh (edition, code, ord, character, meaning) VALUES (?1,?2,?3,?4,?5)")?;
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
        })?;
        self.rows += rows.len() as u64;
        Ok(())
    }
}

impl Catalog {
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
