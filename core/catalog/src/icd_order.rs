//! Order files, code files and ICD-9-CM titles: codes without notes, in the tables of [`crate::codes`].

use casebook_releases::code::System;
use casebook_releases::tabular::Level;
use casebook_releases::{Found, Kind, Member, icd9, icd10_order};
use rusqlite::{OptionalExtension, params};

use crate::{Catalog, CatalogError, Loading, Report};

/// Reads and writes an ICD-10-CM or ICD-10-PCS order file, an ICD-10-CM code file, or a file of ICD-9-CM titles.
///
/// # Errors
/// The reader's and SQLite's.
pub fn load(
    loading: &mut Loading<'_>,
    member: &Member,
    found: &Found,
) -> Result<Report, CatalogError> {
    let mut report = Report::default();
    match found.kind {
        Kind::Icd10cmOrder | Kind::Icd10pcsOrder => {
            let system = found.kind.system().unwrap_or(System::Icd10cm);
            icd10_order::read::<CatalogError>(member, system, &mut |row| {
                loading.titled(
                    &row.code,
                    row.parent.as_deref(),
                    &row.title,
                    Some(&row.short),
                    row.billable,
                )
            })?;
        }
        Kind::Icd10cmCodes => {
            icd10_order::read_codes::<CatalogError>(member, &mut |code, title| {
                loading.titled(code, None, title, None, true)
            })?;
        }
        _ => {
            icd9::read::<CatalogError>(member, &found.part, &mut |row| {
                loading.titled(&row.code, None, &row.title, None, true)
            })?;
            if found.part.ends_with("short") {
                report.warnings.push(
                    "the titles are the short ones; the file with LONG in its name has all words"
                        .into(),
                );
            }
        }
    }
    Ok(report)
}

impl Loading<'_> {
    /// Writes the next code of a list without notes.
    fn titled(
        &mut self,
        code: &str,
        parent: Option<&str>,
        title: &str,
        short: Option<&str>,
        billable: bool,
    ) -> Result<(), CatalogError> {
        let (id, ord) = (self.edition, self.rows as i64);
        self.sql(|t| {
            t.prepare_cached(
                "INSERT INTO code (edition, code, parent, ord, title, level, billable, short)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                id,
                code,
                parent,
                ord,
                title,
                Level::Printed as i64,
                billable,
                short
            ])
        })?;
        self.rows += 1;
        Ok(())
    }
}

impl Catalog {
    /// The short title (at most 60 characters) of a code, where its edition is an order file.
    ///
    /// # Errors
    /// SQLite's.
    pub fn short_title(&self, edition: i64, key: &str) -> Result<Option<String>, CatalogError> {
        self.read(|c| {
            c.prepare_cached("SELECT short FROM code WHERE edition = ?1 AND code = ?2")?
                .query_row(params![edition, key], |r| r.get(0))
                .optional()
        })
        .map(Option::flatten)
    }
}
