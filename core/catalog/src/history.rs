//! What became of codes: between two editions of a list, by the conversion table, and by addenda.

use casebook_releases::icd10_addenda::{self, Action, Change};
use casebook_releases::{Found, Member, conversion};
use chrono::NaiveDate;
use rusqlite::{Row as SqlRow, params};

use crate::codes::Entry;
use crate::{Catalog, CatalogError, Loading, Report, unreadable};

/// A code in two editions of one list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Between {
    /// In the former edition, if it was there.
    pub former: Option<Entry>,
    /// In the later edition, if it is there.
    pub later: Option<Entry>,
}

impl Between {
    /// It is in the later edition alone.
    pub fn added(&self) -> bool {
        self.former.is_none() && self.later.is_some()
    }

    /// It was in the former edition alone.
    pub fn ended(&self) -> bool {
        self.former.is_some() && self.later.is_none()
    }

    /// Its title was one and is another: from, to.
    pub fn retitled(&self) -> Option<(&str, &str)> {
        let (former, later) = (self.former.as_ref()?, self.later.as_ref()?);
        (former.title != later.title).then_some((&former.title, &later.title))
    }

    /// It was billable and is a header, or the other way round: whether it is billable now.
    pub fn billable_now(&self) -> Option<bool> {
        let (former, later) = (self.former.as_ref()?, self.later.as_ref()?);
        (former.billable != later.billable).then_some(later.billable)
    }

    /// Neither of the four.
    pub fn unchanged(&self) -> bool {
        self.former.as_ref().map(|e| (&e.title, e.billable))
            == self.later.as_ref().map(|e| (&e.title, e.billable))
    }
}

/// A row of the conversion table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converted {
    /// The code that was added, without dot.
    pub code: String,
    /// The first day on which it could be assigned.
    pub effective: NaiveDate,
    /// What was assigned before, verbatim.
    pub previous: String,
}

/// Reads and writes a conversion table.
///
/// # Errors
/// The reader's and SQLite's.
pub fn load_conversion(
    loading: &mut Loading<'_>,
    member: &Member,
    _: &Found,
) -> Result<Report, CatalogError> {
    let summary = conversion::read::<CatalogError>(member, &mut |row| {
        let (id, ord) = (loading.edition, loading.rows as i64);
        loading.sql(|t| {
            t.prepare_cached(
                "INSERT INTO conversion (edition, code, ord, effective, previous) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![id, row.code, ord, row.effective.to_string(), row.previous])?;
            for (place, span) in row.spans.iter().enumerate() {
                t.prepare_cached(
                    "INSERT INTO conversion_span (edition, first, last, code, ord, place) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )?
                .execute(params![id, span.first, span.last, row.code, ord, place as i64])?;
            }
            Ok(())
        })?;
        loading.rows += 1;
        Ok(())
    })?;
    let mut report = Report::default();
    if summary.twice > 0 {
        report.warnings.push(format!(
            "{} rows stand twice, word for word, and were loaded once",
            summary.twice
        ));
    }
    Ok(report)
}

/// Reads and writes the addenda of an order or code file.
///
/// # Errors
/// The reader's and SQLite's.
pub fn load_addenda(
    loading: &mut Loading<'_>,
    member: &Member,
    _: &Found,
) -> Result<Report, CatalogError> {
    icd10_addenda::read::<CatalogError>(member, &mut |row| {
        let (id, ord) = (loading.edition, loading.rows as i64);
        loading.sql(|t| {
            t.prepare_cached(
                "INSERT INTO code_change (edition, ord, action, code, billable, short, title)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                id,
                ord,
                row.action.as_str(),
                row.code,
                row.billable,
                row.short,
                row.title
            ])
        })?;
        loading.rows += 1;
        Ok(())
    })?;
    Ok(Report::default())
}

impl Catalog {
    /// A code in two editions. They should be of one kind: the tabular list and the order file word the same title
    /// differently, and a code file has no headers.
    ///
    /// # Errors
    /// SQLite's.
    pub fn between(&self, former: i64, later: i64, key: &str) -> Result<Between, CatalogError> {
        Ok(Between {
            former: self.entry(former, key)?,
            later: self.entry(later, key)?,
        })
    }

    /// Every code that changed between two editions of one kind, in code order, at most `limit`.
    ///
    /// # Errors
    /// SQLite's.
    pub fn changed_between(
        &self,
        former: i64,
        later: i64,
        limit: usize,
    ) -> Result<Vec<Between>, CatalogError> {
        let keys: Vec<String> = self.read(|c| {
            c.prepare_cached(
                "SELECT b.code FROM code b LEFT JOIN code a ON a.edition = ?1 AND a.code = b.code
                 WHERE b.edition = ?2 AND b.level >= 2
                   AND (a.code IS NULL OR a.title <> b.title OR a.billable <> b.billable)
                 UNION ALL
                 SELECT a.code FROM code a LEFT JOIN code b ON b.edition = ?2 AND b.code = a.code
                 WHERE a.edition = ?1 AND a.level >= 2 AND b.code IS NULL
                 ORDER BY 1 LIMIT ?3",
            )?
            .query_map(params![former, later, limit as i64], |r| r.get(0))?
            .collect()
        })?;
        keys.iter()
            .map(|key| self.between(former, later, key))
            .collect()
    }

    /// When a code (without dot) was added and what was assigned before, by a conversion table. Empty for a code that
    /// the code set began with (October 1, 2015), and for one that does not exist.
    ///
    /// # Errors
    /// SQLite's.
    pub fn added_when(&self, edition: i64, key: &str) -> Result<Vec<Converted>, CatalogError> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT code, effective, previous FROM conversion WHERE edition = ?1 AND code = ?2 ORDER BY effective, ord",
            )?
            .query_map(params![edition, key], converted)?
            .collect()
        })
    }

    /// The codes that took over from a code (without dot), by a conversion table: those whose previous assignment names
    /// it, alone or in a range. In the order of their dates.
    ///
    /// # Errors
    /// SQLite's.
    pub fn became(&self, edition: i64, key: &str) -> Result<Vec<Converted>, CatalogError> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT DISTINCT v.code, v.effective, v.previous FROM conversion_span s
                 JOIN conversion v ON v.edition = ?1 AND v.code = s.code AND v.ord = s.ord
                 WHERE s.edition = ?1 AND s.first <= ?2
                   AND (s.first = ?2 OR (s.last IS NOT NULL AND ?2 < s.last || '~'))
                 ORDER BY v.effective, v.code",
            )?
            .query_map(params![edition, key], converted)?
            .collect()
        })
    }

    /// What addenda of an order or code file say of a code (without dot), in printed order.
    ///
    /// # Errors
    /// SQLite's.
    pub fn addenda(&self, edition: i64, key: &str) -> Result<Vec<Change>, CatalogError> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT action, code, billable, short, title FROM code_change WHERE edition = ?1 AND code = ?2 ORDER BY ord",
            )?
            .query_map(params![edition, key], |r| {
                Ok(Change {
                    action: Action::from_id(&r.get::<_, String>(0)?)
                        .ok_or_else(|| unreadable(0, "an action that this version does not know"))?,
                    code: r.get(1)?,
                    billable: r.get(2)?,
                    short: r.get(3)?,
                    title: r.get(4)?,
                })
            })?
            .collect()
        })
    }
}

fn converted(row: &SqlRow<'_>) -> rusqlite::Result<Converted> {
    let effective: String = row.get(1)?;
    Ok(Converted {
        code: row.get(0)?,
        effective: effective
            .parse()
            .map_err(|e: chrono::ParseError| unreadable(1, e))?,
        previous: row.get(2)?,
    })
}
