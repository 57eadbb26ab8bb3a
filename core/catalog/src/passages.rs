//! Text that is quoted, in passages: guidelines, manuals, documents of the operator's. Coverage documents put their
//! passages into the same table, so that one index finds them all.

use casebook_releases::document::{self, Document, Heading, Passage};
use casebook_releases::{Found, Kind, Member, manual};
use rusqlite::{OptionalExtension, Row, params};

use crate::{Catalog, CatalogError, Loading, Report};

/// A passage with its place in the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The edition.
    pub edition: i64,
    /// Its number in the edition, in printed order.
    pub ord: i64,
    /// The passage.
    pub passage: Passage,
}

/// Reads a document and loads its passages: guidelines, manuals and addenda by their numbers, any other by its headings.
///
/// # Errors
/// The reader's and SQLite's.
pub fn load(
    loading: &mut Loading<'_>,
    member: &Member,
    found: &Found,
) -> Result<Report, CatalogError> {
    let document = match found.kind {
        Kind::Icd10cmGuidelines | Kind::Icd10pcsGuidelines | Kind::NcciManual => {
            manual::read(member, found.kind)?
        }
        _ => document::read(member)?,
    };
    loading.document(&document)?;
    if found.kind == Kind::Document {
        // It was named after its file so far; its own title is what people know it by.
        let (id, title, file) = (
            loading.edition,
            document::name(&document, member),
            member.name(),
        );
        loading.sql(|t| {
            t.execute(
                "UPDATE edition SET source = ?2 WHERE id = ?1 AND source = ?3",
                params![id, title, file],
            )
        })?;
    }
    Ok(Report::default())
}

impl Loading<'_> {
    /// Writes a document's headings and passages.
    ///
    /// # Errors
    /// SQLite's.
    pub fn document(&mut self, document: &Document) -> Result<(), CatalogError> {
        let id = self.edition;
        self.sql(|t| {
            let mut heading = t.prepare(
                "INSERT INTO heading (edition, ord, locator, text, page) VALUES (?1,?2,?3,?4,?5)",
            )?;
            for (ord, h) in document.headings.iter().enumerate() {
                heading.execute(params![id, ord as i64, h.locator, h.text, h.page])?;
            }
            Ok(())
        })?;
        self.passages(0, &document.passages)?;
        self.rows += document.passages.len() as u64;
        Ok(())
    }

    /// Writes passages from a number on; for documents with passages in this crate.
    pub(crate) fn passages(&self, first: i64, passages: &[Passage]) -> Result<(), CatalogError> {
        let id = self.edition;
        self.sql(|t| {
            let mut insert = t.prepare_cached(
                "INSERT INTO passage (edition, ord, locator, heading, page, page_end, text) VALUES (?1,?2,?3,?4,?5,?6,?7)",
            )?;
            for (ord, p) in (first..).zip(passages) {
                insert.execute(params![
                    id, ord, p.locator, p.heading, p.page, p.page_end, p.text
                ])?;
            }
            Ok(())
        })
    }
}

const COLUMNS: &str = "edition, ord, locator, heading, page, page_end, text";

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok(Stored {
        edition: row.get(0)?,
        ord: row.get(1)?,
        passage: Passage {
            locator: row.get(2)?,
            heading: row.get(3)?,
            page: row.get(4)?,
            page_end: row.get(5)?,
            text: row.get(6)?,
        },
    })
}

impl Catalog {
    /// One passage.
    ///
    /// # Errors
    /// SQLite's.
    pub fn passage(&self, edition: i64, ord: i64) -> Result<Option<Stored>, CatalogError> {
        self.read(|c| {
            c.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM passage WHERE edition = ?1 AND ord = ?2"
            ))?
            .query_row([edition, ord], stored)
            .optional()
        })
    }

    /// The passages of one section, in printed order; not those of the sections below it.
    ///
    /// # Errors
    /// SQLite's.
    pub fn section(&self, edition: i64, locator: &str) -> Result<Vec<Stored>, CatalogError> {
        self.read(|c| {
            c.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM passage WHERE edition = ?1 AND locator = ?2 ORDER BY ord"
            ))?
            .query_map(params![edition, locator], stored)?
            .collect()
        })
    }

    /// The passages of a section and of all below it, in printed order, at most `limit`. `I.C.1` holds `I.C.1.d`, and
    /// not `I.C.10`; `B3.1` of the ICD-10-PCS guidelines holds `B3.1a`.
    ///
    /// # Errors
    /// SQLite's.
    pub fn sections_below(
        &self,
        edition: i64,
        locator: &str,
        limit: usize,
    ) -> Result<Vec<Stored>, CatalogError> {
        // A letter goes on a number without a dot between them, in the ICD-10-PCS guidelines only.
        let lettered = locator.ends_with(|c: char| c.is_ascii_digit());
        self.read(|c| {
            c.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM passage
                 WHERE edition = ?1 AND locator >= ?2 AND locator < ?2 || '~'
                   AND (substr(locator, length(?2) + 1, 1) IN ('', '.') OR substr(locator, length(?2) + 1, 3) = ' > '
                        OR (?4 AND substr(locator, length(?2) + 1, 1) BETWEEN 'a' AND 'z'))
                 ORDER BY ord LIMIT ?3"
            ))?
            .query_map(params![edition, locator, limit as i64, lettered], stored)?
            .collect()
        })
    }

    /// Every passage of an edition, in printed order, from a number on, at most `limit`: for building an index piece by
    /// piece.
    ///
    /// # Errors
    /// SQLite's.
    pub fn passages_from(
        &self,
        edition: i64,
        ord: i64,
        limit: usize,
    ) -> Result<Vec<Stored>, CatalogError> {
        self.read(|c| {
            c.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM passage WHERE edition = ?1 AND ord >= ?2 ORDER BY ord LIMIT ?3"
            ))?
            .query_map(params![edition, ord, limit as i64], stored)?
            .collect()
        })
    }

    /// The headings of a section and of those above it, from the top: the place of `I.C.9.a.2` is `I`, `I.C`, `I.C.9`,
    /// `I.C.9.a`, `I.C.9.a.2`. Levels without a heading are left out.
    ///
    /// # Errors
    /// SQLite's.
    pub fn headings(&self, edition: i64, locator: &str) -> Result<Vec<Heading>, CatalogError> {
        let separator = if locator.contains(" > ") { " > " } else { "." };
        let mut ends: Vec<usize> = locator.match_indices(separator).map(|(i, _)| i).collect();
        ends.push(locator.len());
        self.read(|c| {
            let mut find = c.prepare_cached(
                "SELECT locator, text, page FROM heading WHERE edition = ?1 AND locator = ?2 ORDER BY ord LIMIT 1",
            )?;
            let mut headings = Vec::with_capacity(ends.len());
            for end in ends {
                let found = find
                    .query_row(params![edition, &locator[..end]], |r| {
                        Ok(Heading {
                            locator: r.get(0)?,
                            text: r.get(1)?,
                            page: r.get(2)?,
                        })
                    })
                    .optional()?;
                headings.extend(found);
            }
            Ok(headings)
        })
    }
}
