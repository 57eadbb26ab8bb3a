//! The ICD-10-CM indexes: from a word to a code, and from a code to the words that lead to it.

use std::collections::HashMap;

use casebook_releases::icd10cm_index::{self, Role, Term, plain};
use casebook_releases::{Found, Member};
use rusqlite::{Connection, Row as SqlRow, params};

use crate::{Catalog, CatalogError, Loading, Report, unreadable};

/// A line of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexTerm {
    /// Its number in printed order; with the edition it names the term.
    pub ord: i64,
    /// The term above.
    pub parent: Option<i64>,
    /// 0 for a main term.
    pub level: u8,
    /// Verbatim, with nonessential modifiers.
    pub title: String,
    /// The titles from the main term down, ` > ` between them.
    pub path: String,
    /// "See": go there instead.
    pub see: Option<String>,
    /// "See also".
    pub see_also: Option<String>,
    /// Where it leads.
    pub codes: Vec<IndexCode>,
}

/// A code that a term leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexCode {
    /// What it stands for.
    pub role: Role,
    /// The heading of its column, for a cell of a table: `Malignant Primary`, `Adverse effect`.
    pub heading: Option<String>,
    /// Without dot; `None` where the publisher printed words.
    pub key: Option<String>,
    /// More characters are required.
    pub incomplete: bool,
    /// Verbatim: `M54.5-`.
    pub printed: String,
}

/// A name that an index gives to codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexName {
    /// The titles from the main term down, ` > ` between them, verbatim.
    pub path: String,
    /// The heading of its column, for a cell of a table: `Malignant Primary`, `Adverse effect`.
    pub heading: Option<String>,
    /// Without dot; an incomplete one as far as it goes.
    pub codes: Vec<String>,
}

/// Reads and writes one of the four index files.
///
/// # Errors
/// The reader's and SQLite's.
pub fn load(loading: &mut Loading<'_>, member: &Member, _: &Found) -> Result<Report, CatalogError> {
    let summary = icd10cm_index::read::<CatalogError>(member, &mut |term| loading.term(&term))?;
    let id = loading.edition;
    loading.sql(|t| {
        let mut insert = t.prepare_cached(
            "INSERT INTO index_heading (edition, col, heading) VALUES (?1, ?2, ?3)",
        )?;
        for (column, heading) in &summary.headings {
            insert.execute(params![id, column, heading])?;
        }
        Ok(())
    })?;
    Ok(Report {
        warnings: summary.warnings,
        ..Report::default()
    })
}

fn role_id(role: Role) -> (&'static str, u8) {
    match role {
        Role::Code => ("code", 0),
        Role::Manifestation => ("manifestation", 0),
        Role::Category => ("category", 0),
        Role::Subcategory => ("subcategory", 0),
        Role::Cell(column) => ("cell", column),
    }
}

impl Loading<'_> {
    fn term(&mut self, term: &Term) -> Result<(), CatalogError> {
        let id = self.edition;
        self.sql(|t| {
            t.prepare_cached(
                "INSERT INTO index_term (edition, ord, parent, level, title, path, plain, see, see_also)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                id, term.ord, term.parent, term.level, term.title, term.path, term.plain, term.see, term.see_also
            ])?;
            for (place, code) in term.codes.iter().enumerate() {
                let (role, column) = role_id(code.role);
                t.prepare_cached(
                    "INSERT INTO index_code (edition, ord, place, role, col, code, incomplete, printed)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                )?
                .execute(params![
                    id, term.ord, place as i64, role, column, code.key, code.incomplete, code.printed
                ])?;
            }
            Ok(())
        })?;
        self.rows += 1;
        Ok(())
    }
}

const TERM: &str =
    "SELECT t.ord, t.parent, t.level, t.title, t.path, t.see, t.see_also FROM index_term t";

impl Catalog {
    /// The entries of an index that lead to a code (without dot), at most `limit`: those that print it, those that print
    /// its beginning (`S52.5-` leads to S52.501A, and so does a code whose 7th character the index leaves out), as
    /// code, as manifestation, as a cell or as "see category". The most particular come first.
    ///
    /// # Errors
    /// SQLite's.
    pub fn index_leading_to(
        &self,
        edition: i64,
        key: &str,
        limit: usize,
    ) -> Result<Vec<IndexTerm>, CatalogError> {
        self.read(|c| {
            let mut ords: Vec<i64> = Vec::new();
            let mut statement = c.prepare_cached(
                "SELECT DISTINCT ord FROM index_code WHERE edition = ?1 AND code = ?2 ORDER BY ord",
            )?;
            for length in (3..=key.len()).rev().filter(|n| key.is_char_boundary(*n)) {
                for ord in statement.query_map(params![edition, &key[..length]], |r| r.get(0))? {
                    let ord = ord?;
                    if !ords.contains(&ord) {
                        ords.push(ord);
                    }
                    if ords.len() >= limit {
                        break;
                    }
                }
                if ords.len() >= limit {
                    break;
                }
            }
            let mut statement =
                c.prepare_cached(&format!("{TERM} WHERE t.edition = ?1 AND t.ord = ?2"))?;
            let terms = ords
                .into_iter()
                .map(|ord| statement.query_row(params![edition, ord], term))
                .collect::<rusqlite::Result<_>>()?;
            with_codes(c, edition, terms)
        })
    }

    /// The entries whose words begin so, at most `limit`, in order of their words: a main term (`fracture`) and, with
    /// more words, the terms under it (`fracture traumatic ankle`). Case, accents, punctuation and nonessential modifiers
    /// do not count. With `main`, main terms alone.
    ///
    /// # Errors
    /// SQLite's.
    pub fn index_starting(
        &self,
        edition: i64,
        words: &str,
        main: bool,
        limit: usize,
    ) -> Result<Vec<IndexTerm>, CatalogError> {
        let from = plain(words);
        self.read(|c| {
            let terms = c
                .prepare_cached(&format!(
                    "{TERM} WHERE t.edition = ?1 AND t.plain >= ?2 AND t.plain < ?3 AND (t.level = 0 OR NOT ?4)
                     ORDER BY t.plain, t.ord LIMIT ?5"
                ))?
                .query_map(params![edition, from, format!("{from}\u{10ffff}"), main, limit as i64], term)?
                .collect::<rusqlite::Result<_>>()?;
            with_codes(c, edition, terms)
        })
    }

    /// The entries whose words are these, with as many levels as they have. As [`Self::index_starting`], but for the
    /// whole: `abandonment` finds the main term, and nothing under it.
    ///
    /// # Errors
    /// SQLite's.
    pub fn index_exactly(&self, edition: i64, words: &str) -> Result<Vec<IndexTerm>, CatalogError> {
        self.read(|c| {
            let terms = c
                .prepare_cached(&format!(
                    "{TERM} WHERE t.edition = ?1 AND t.plain = ?2 ORDER BY t.ord"
                ))?
                .query_map(params![edition, plain(words)], term)?
                .collect::<rusqlite::Result<_>>()?;
            with_codes(c, edition, terms)
        })
    }

    /// The terms directly under a term, in printed order.
    ///
    /// # Errors
    /// SQLite's.
    pub fn index_under(&self, edition: i64, ord: i64) -> Result<Vec<IndexTerm>, CatalogError> {
        self.read(|c| {
            let terms = c
                .prepare_cached(&format!(
                    "{TERM} WHERE t.edition = ?1 AND t.parent = ?2 ORDER BY t.ord"
                ))?
                .query_map(params![edition, ord], term)?
                .collect::<rusqlite::Result<_>>()?;
            with_codes(c, edition, terms)
        })
    }

    /// Every name that an index gives to codes, in printed order. A "see" that leads to exactly one entry gives that entry's
    /// codes one more name; manifestations, which the code before them names, are left out.
    ///
    /// # Errors
    /// SQLite's.
    pub fn index_names(&self, edition: i64) -> Result<Vec<IndexName>, CatalogError> {
        self.read(|c| {
            let mut statement = c.prepare(
                "SELECT t.ord, t.path, t.plain, t.see, h.heading, k.code FROM index_term t
                 LEFT JOIN index_code k ON k.edition = ?1 AND k.ord = t.ord AND k.code IS NOT NULL
                     AND k.role <> 'manifestation'
                 LEFT JOIN index_heading h ON h.edition = ?1 AND k.role = 'cell' AND h.col = k.col
                 WHERE t.edition = ?1 AND (k.code IS NOT NULL OR t.see IS NOT NULL) ORDER BY t.ord, k.place",
            )?;
            let mut rows = statement.query([edition])?;
            let mut names: Vec<IndexName> = Vec::new();
            let mut last = None;
            let mut by_words: HashMap<String, Option<Vec<String>>> = HashMap::new();
            let mut references: Vec<(String, String)> = Vec::new();
            while let Some(row) = rows.next()? {
                let (ord, path): (i64, String) = (row.get(0)?, row.get(1)?);
                let heading: Option<String> = row.get(4)?;
                let Some(code) = row.get::<_, Option<String>>(5)? else {
                    if let Some(see) = row.get::<_, Option<String>>(3)? {
                        references.push((path, plain(&see)));
                    }
                    continue;
                };
                match names.last_mut() {
                    // A cell of a table is a name of its own: the same substance, another intent.
                    Some(name) if last == Some(ord) && heading.is_none() => name.codes.push(code),
                    _ => {
                        if heading.is_none() {
                            let codes = by_words.entry(row.get(2)?).or_insert(Some(Vec::new()));
                            // Two entries of the same words: a reference to them is of no use.
                            *codes = match codes {
                                Some(known) if known.is_empty() => Some(vec![code.clone()]),
                                _ => None,
                            };
                        }
                        names.push(IndexName {
                            path,
                            heading,
                            codes: vec![code],
                        });
                    }
                }
                last = Some(ord);
            }
            for (path, see) in references {
                if let Some(Some(codes)) = by_words.get(&see) {
                    names.push(IndexName {
                        path,
                        heading: None,
                        codes: codes.clone(),
                    });
                }
            }
            Ok(names)
        })
    }
}

fn term(row: &SqlRow<'_>) -> rusqlite::Result<IndexTerm> {
    Ok(IndexTerm {
        ord: row.get(0)?,
        parent: row.get(1)?,
        level: row.get(2)?,
        title: row.get(3)?,
        path: row.get(4)?,
        see: row.get(5)?,
        see_also: row.get(6)?,
        codes: Vec::new(),
    })
}

fn with_codes(
    c: &Connection,
    edition: i64,
    mut terms: Vec<IndexTerm>,
) -> rusqlite::Result<Vec<IndexTerm>> {
    let mut statement = c.prepare_cached(
        "SELECT k.role, k.col, h.heading, k.code, k.incomplete, k.printed FROM index_code k
         LEFT JOIN index_heading h ON h.edition = k.edition AND h.col = k.col
         WHERE k.edition = ?1 AND k.ord = ?2 ORDER BY k.place",
    )?;
    for term in &mut terms {
        term.codes = statement
            .query_map(params![edition, term.ord], |r| {
                let (role, column): (String, u8) = (r.get(0)?, r.get(1)?);
                Ok(IndexCode {
                    role: match role.as_str() {
                        "code" => Role::Code,
                        "manifestation" => Role::Manifestation,
                        "category" => Role::Category,
                        "subcategory" => Role::Subcategory,
                        "cell" => Role::Cell(column),
                        _ => return Err(unreadable(0, "a role that this version does not know")),
                    },
                    heading: r.get(2)?,
                    key: r.get(3)?,
                    incomplete: r.get(4)?,
                    printed: r.get(5)?,
                })
            })?
            .collect::<rusqlite::Result<_>>()?;
    }
    Ok(terms)
}
