//! CPT text that a user holds a licence for: kept under the licence that was recorded with a name and a date, shown with
//! the AMA's notice, and removed without a trace.

use casebook_releases::cpt;
use casebook_releases::{Found, Kind, Member};
use chrono::NaiveDate;
use rusqlite::{OptionalExtension, params};

use crate::{Catalog, CatalogError, Loading, Report, unreadable};

/// The name under which a licence for CPT is recorded.
pub const CPT: &str = "cpt";

/// A licence that somebody declared to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Licence {
    /// Number on record; 0 before it is recorded.
    pub id: i64,
    /// What it licenses; [`CPT`].
    pub what: String,
    /// Who declared to hold it. Not empty.
    pub holder: String,
    /// When.
    pub acknowledged: NaiveDate,
    /// The words that they acknowledged. Not empty.
    pub statement: String,
}

/// Reads a file of [`Kind::Cpt`] or [`Kind::CptModifiers`] and writes it as the edition that is being loaded, under a
/// recorded licence.
///
/// # Errors
/// [`CatalogError::Licence`] where `licence` is not on record; the reader's and SQLite's. Nothing was then loaded.
pub fn load(
    loading: &mut Loading<'_>,
    member: &Member,
    found: &Found,
    licence: i64,
) -> Result<Report, CatalogError> {
    let known: Option<i64> = loading.sql(|t| {
        t.query_row(
            "SELECT id FROM licence WHERE id = ?1 AND what = ?2",
            params![licence, CPT],
            |r| r.get(0),
        )
        .optional()
    })?;
    if known.is_none() {
        return Err(CatalogError::Licence {
            file: member.path.clone(),
        });
    }
    let id = loading.edition;
    let sql = match found.kind {
        Kind::CptModifiers => {
            "INSERT INTO cpt_modifier (edition, modifier, text) VALUES (?1, ?2, ?3)"
        }
        _ => "INSERT INTO cpt_text (edition, code, text) VALUES (?1, ?2, ?3)",
    };
    let summary = {
        let failed = loading.failing();
        let mut insert = loading.transaction.prepare(sql).map_err(&failed)?;
        cpt::read::<CatalogError>(member, found.kind, &mut |row| {
            insert
                .execute(params![id, row.code, row.text])
                .map(|_| ())
                .map_err(&failed)
        })?
    };
    loading.sql(|t| {
        t.execute(
            "INSERT INTO cpt_edition (edition, licence, copyright) VALUES (?1, ?2, ?3)",
            params![id, licence, summary.copyright],
        )
    })?;
    loading.rows += summary.rows;
    let mut report = Report::default();
    if summary.copyright.is_none() {
        report
            .warnings
            .push("the file states no year of copyright, so the notice has none".into());
    }
    Ok(report)
}

impl Catalog {
    /// Records that somebody acknowledged a licence; `licence.id` is not read. Returns its number.
    ///
    /// # Errors
    /// An empty holder or statement, and SQLite's.
    pub fn record_licence(&self, licence: &Licence) -> Result<i64, CatalogError> {
        self.write(|t| {
            t.execute(
                "INSERT INTO licence (what, holder, acknowledged, statement) VALUES (?1, ?2, ?3, ?4)",
                params![
                    licence.what,
                    licence.holder,
                    licence.acknowledged.to_string(),
                    licence.statement
                ],
            )?;
            Ok(t.last_insert_rowid())
        })
    }

    /// The licence that was recorded last.
    ///
    /// # Errors
    /// SQLite's.
    pub fn licence(&self, what: &str) -> Result<Option<Licence>, CatalogError> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT id, what, holder, acknowledged, statement FROM licence WHERE what = ?1
                 ORDER BY id DESC LIMIT 1",
            )?
            .query_row([what], |r| {
                let date: String = r.get(3)?;
                Ok(Licence {
                    id: r.get(0)?,
                    what: r.get(1)?,
                    holder: r.get(2)?,
                    acknowledged: date.parse().map_err(|e| unreadable(3, e))?,
                    statement: r.get(4)?,
                })
            })
            .optional()
        })
    }

    /// A code's licensed text in an edition; its [`Self::cpt_notice`] is shown with it.
    ///
    /// # Errors
    /// SQLite's.
    pub fn cpt_text(&self, edition: i64, code: &str) -> Result<Option<String>, CatalogError> {
        self.read(|c| {
            c.prepare_cached("SELECT text FROM cpt_text WHERE edition = ?1 AND code = ?2")?
                .query_row(params![edition, code], |r| r.get(0))
                .optional()
        })
    }

    /// A modifier's licensed text in an edition; its [`Self::cpt_notice`] is shown with it.
    ///
    /// # Errors
    /// SQLite's.
    pub fn cpt_modifier(
        &self,
        edition: i64,
        modifier: &str,
    ) -> Result<Option<String>, CatalogError> {
        self.read(|c| {
            c.prepare_cached("SELECT text FROM cpt_modifier WHERE edition = ?1 AND modifier = ?2")?
                .query_row(params![edition, modifier], |r| r.get(0))
                .optional()
        })
    }

    /// The AMA's notice for an edition of licensed text.
    ///
    /// # Errors
    /// SQLite's.
    pub fn cpt_notice(&self, edition: i64) -> Result<String, CatalogError> {
        let year: Option<i32> = self.read(|c| {
            c.prepare_cached("SELECT copyright FROM cpt_edition WHERE edition = ?1")?
                .query_row([edition], |r| r.get(0))
                .optional()
                .map(Option::flatten)
        })?;
        Ok(cpt::notice(year))
    }

    /// Removes every licensed text with the record of its licence, and returns how many editions that were. Their pages
    /// are overwritten, the file is written anew and its journal emptied, so that no byte of them is left in either.
    ///
    /// What was derived from them elsewhere (an index) is not known here.
    ///
    /// # Errors
    /// SQLite's, and [`CatalogError::Busy`] where another process reads the catalog, so that its journal cannot be
    /// emptied: the text is no longer found then, but the removal must be repeated.
    pub fn remove_licensed(&self) -> Result<u64, CatalogError> {
        let failed = |e| self.failed(e);
        // Connections at rest hold no lock, but might hold pages.
        if let Ok(mut idle) = self.idle.lock() {
            idle.clear();
        }
        let mut connection = self.connect().map_err(failed)?;
        connection
            .pragma_update(None, "secure_delete", true)
            .map_err(failed)?;
        let removed = {
            let t = connection.transaction().map_err(failed)?;
            let removed = t
                .execute(
                    "DELETE FROM edition WHERE kind IN (?1, ?2)",
                    [Kind::Cpt.as_str(), Kind::CptModifiers.as_str()],
                )
                .map_err(failed)?;
            t.execute("DELETE FROM licence WHERE what = ?1", [CPT])
                .map_err(failed)?;
            t.commit().map_err(failed)?;
            removed as u64
        };
        connection.execute_batch("VACUUM").map_err(failed)?;
        let busy: i64 = connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |r| r.get(0))
            .map_err(failed)?;
        if busy != 0 {
            return Err(CatalogError::Busy {
                path: self.path.clone(),
            });
        }
        Ok(removed)
    }
}
