//! General equivalence mappings, by source and by target.

use casebook_releases::gem::{self, Gem};
use casebook_releases::{Found, Member};
use rusqlite::{Row as SqlRow, params};

use crate::{Catalog, CatalogError, Loading, Report};

/// Reads and writes a mapping file of either direction.
///
/// # Errors
/// The reader's and SQLite's.
pub fn load(
    loading: &mut Loading<'_>,
    member: &Member,
    found: &Found,
) -> Result<Report, CatalogError> {
    gem::read::<CatalogError>(member, found.kind, &mut |row| {
        let (id, ord) = (loading.edition, loading.rows as i64);
        loading.sql(|t| {
            t.prepare_cached(
                "INSERT INTO gem (edition, source, ord, target, approximate, combination, scenario, choice)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                id, row.source, ord, row.target, row.approximate, row.combination, row.scenario, row.choice
            ])
        })?;
        loading.rows += 1;
        Ok(())
    })?;
    Ok(Report::default())
}

impl Catalog {
    /// What a code (without dot) is mapped to, in the file's order. Empty where the file does not have the code: a
    /// header, or no code of its year.
    ///
    /// # Errors
    /// SQLite's.
    pub fn gems_from(&self, edition: i64, source: &str) -> Result<Vec<Gem>, CatalogError> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT source, target, approximate, combination, scenario, choice FROM gem
                 WHERE edition = ?1 AND source = ?2 ORDER BY ord",
            )?
            .query_map(params![edition, source], row)?
            .collect()
        })
    }

    /// What is mapped to a code (without dot), in the file's order. It is not the other direction's mapping: that is a
    /// file of its own.
    ///
    /// # Errors
    /// SQLite's.
    pub fn gems_to(&self, edition: i64, target: &str) -> Result<Vec<Gem>, CatalogError> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT source, target, approximate, combination, scenario, choice FROM gem
                 WHERE edition = ?1 AND target = ?2 ORDER BY ord",
            )?
            .query_map(params![edition, target], row)?
            .collect()
        })
    }
}

fn row(row: &SqlRow<'_>) -> rusqlite::Result<Gem> {
    Ok(Gem {
        source: row.get(0)?,
        target: row.get(1)?,
        approximate: row.get(2)?,
        combination: row.get(3)?,
        scenario: row.get(4)?,
        choice: row.get(5)?,
    })
}
