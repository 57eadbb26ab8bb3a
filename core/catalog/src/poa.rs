//! Exemption from present-on-admission reporting.

use casebook_releases::{Found, Member, poa};
use rusqlite::{OptionalExtension, params};

use crate::{Catalog, CatalogError, Loading, Report};

/// Reads and writes the whole list or one of its lists of changes.
///
/// # Errors
/// The reader's and SQLite's.
pub fn load(
    loading: &mut Loading<'_>,
    member: &Member,
    found: &Found,
) -> Result<Report, CatalogError> {
    poa::read::<CatalogError>(member, &found.part, &mut |row| {
        let id = loading.edition;
        loading.sql(|t| {
            t.prepare_cached(
                "INSERT INTO poa_exempt (edition, code, entry, title) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![id, row.code, row.entry.as_str(), row.title])
        })?;
        loading.rows += 1;
        Ok(())
    })?;
    let mut report = Report::default();
    if found.part == "add" && !member.name().contains("add") {
        report.warnings.push(
            "taken for the codes that were added to the list, because of its size; \
            if it is the whole list, it is cut: download it again"
                .into(),
        );
    }
    Ok(report)
}

impl Catalog {
    /// The list's title of a code (without dot) that is exempt; `None` where it is not. `edition` must be one of part
    /// `list`.
    ///
    /// # Errors
    /// SQLite's.
    pub fn poa_exempt(&self, edition: i64, key: &str) -> Result<Option<String>, CatalogError> {
        self.read(|c| {
            c.prepare_cached("SELECT title FROM poa_exempt WHERE edition = ?1 AND code = ?2 AND entry = 'exempt'")?
                .query_row(params![edition, key], |r| r.get(0))
                .optional()
        })
    }

    /// What a list of changes (part `add`, `delete` or `revise`) says of a code: what was done (`added`, `deleted`,
    /// `revised_from`, `revised_to`) and the title that it prints.
    ///
    /// # Errors
    /// SQLite's.
    pub fn poa_changes(
        &self,
        edition: i64,
        key: &str,
    ) -> Result<Vec<(String, String)>, CatalogError> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT entry, title FROM poa_exempt WHERE edition = ?1 AND code = ?2 AND entry <> 'exempt' ORDER BY entry",
            )?
            .query_map(params![edition, key], |r| Ok((r.get(0)?, r.get(1)?)))?
            .collect()
        })
    }
}
