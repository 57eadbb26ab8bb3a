//! Into which categories of Medicare's risk adjustment models a diagnosis falls.

use casebook_releases::hcc::{self, HccRow};
use casebook_releases::{Found, Member};
use rusqlite::params;

use crate::{Catalog, CatalogError, Loading, Report};

/// Reads and writes a payment year's mappings.
///
/// # Errors
/// The reader's and SQLite's.
pub fn load(loading: &mut Loading<'_>, member: &Member, _: &Found) -> Result<Report, CatalogError> {
    hcc::read::<CatalogError>(member, &mut |row| {
        let (id, ord) = (loading.edition, loading.rows as i64);
        loading.sql(|t| {
            t.prepare_cached(
                "INSERT INTO hcc (edition, code, ord, model, category, counts) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![id, row.code, ord, row.model, row.category, row.counts])
        })?;
        loading.rows += 1;
        Ok(())
    })?;
    Ok(Report::default())
}

impl Catalog {
    /// The categories of a diagnosis (without dot), in the order of the file's columns. Empty where it has none in any
    /// model of the file.
    ///
    /// # Errors
    /// SQLite's.
    pub fn hccs(&self, edition: i64, key: &str) -> Result<Vec<HccRow>, CatalogError> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT code, model, category, counts FROM hcc WHERE edition = ?1 AND code = ?2 ORDER BY ord",
            )?
            .query_map(params![edition, key], |r| {
                Ok(HccRow {
                    code: r.get(0)?,
                    model: r.get(1)?,
                    category: r.get(2)?,
                    counts: r.get(3)?,
                })
            })?
            .collect()
        })
    }
}
