//! HCPCS Level II: codes, modifiers, processing notes, and the codes for what is not otherwise classified.

use casebook_releases::hcpcs::{HcpcsRow, NocRow, read, read_noc, read_notes};
use casebook_releases::{Found, Kind, Member};
use chrono::NaiveDate;
use rusqlite::{OptionalExtension, Row, Statement, params};

use crate::{Catalog, CatalogError, Loading, Report, unreadable};

const COLUMNS: &str = "code, long, short, pricing, multiple, cim, mcm, statute, lab, xref, coverage, asc_group, \
     asc_date, opps, opps_indicator, opps_date, note, betos, types, units, added, effective, terminated, action";

/// Reads a file of [`Kind::Hcpcs`], [`Kind::HcpcsNotes`] or [`Kind::HcpcsNoc`] and writes it as the edition that is
/// being loaded.
///
/// # Errors
/// The reader's and SQLite's; nothing was then loaded.
pub fn load(
    loading: &mut Loading<'_>,
    member: &Member,
    found: &Found,
) -> Result<Report, CatalogError> {
    match found.kind {
        Kind::HcpcsNotes => notes(loading, member),
        Kind::HcpcsNoc => noc(loading, member),
        _ => codes(loading, member),
    }
}

fn codes(loading: &mut Loading<'_>, member: &Member) -> Result<Report, CatalogError> {
    let id = loading.edition;
    let effective = loading.effective()?;
    let mut ord = 0i64;
    let summary = {
        let failed = loading.failing();
        let prepare = |sql: &str| loading.transaction.prepare(sql).map_err(&failed);
        let insert = |table: &str| {
            let places: Vec<String> = (1..=25).map(|n| format!("?{n}")).collect();
            let places = places.join(",");
            prepare(&format!(
                "INSERT INTO {table} (edition, {COLUMNS}) VALUES ({places})"
            ))
        };
        let mut title = prepare(
            "INSERT INTO code (edition, code, parent, ord, title, level, billable) VALUES (?1, ?2, NULL, ?3, ?4, 2, ?5)",
        )?;
        let mut code = insert("hcpcs")?;
        let mut modifier = insert("modifier")?;
        read::<CatalogError>(member, &mut |row| {
            if row.modifier {
                return write(&mut modifier, id, &row, &row.long).map_err(&failed);
            }
            // Ended before the edition's first day. One that ends later is told apart by its dates.
            let billable = row.terminated.is_none_or(|last| last >= effective);
            title
                .execute(params![id, row.code, ord, row.long, billable])
                .map_err(&failed)?;
            ord += 1;
            write(&mut code, id, &row, "").map_err(&failed)
        })?
    };
    loading.rows += summary.codes + summary.modifiers;
    let mut report = Report::default();
    if summary.cpt > 0 {
        report
            .warnings
            .push(format!("{} numeric (CPT) rows refused", summary.cpt));
    }
    if summary.dental > 0 {
        report
            .warnings
            .push(format!("{} dental (CDT) rows refused", summary.dental));
    }
    Ok(report)
}

fn write(
    statement: &mut Statement<'_>,
    edition: i64,
    row: &HcpcsRow,
    long: &str,
) -> rusqlite::Result<()> {
    let date = |date: Option<NaiveDate>| date.map(|d| d.to_string());
    statement
        .execute(params![
            edition,
            row.code,
            long,
            row.short,
            row.pricing.join(";"),
            row.multiple_pricing,
            row.cim.join(";"),
            row.mcm.join(";"),
            row.statute,
            row.lab.join(";"),
            row.cross_references.join(";"),
            row.coverage,
            row.asc_group,
            date(row.asc_date),
            row.opps,
            row.opps_indicator,
            date(row.opps_date),
            row.note,
            row.betos,
            row.types_of_service,
            row.anesthesia_units,
            date(row.added),
            date(row.effective),
            date(row.terminated),
            row.action,
        ])
        .map(|_| ())
}

fn notes(loading: &mut Loading<'_>, member: &Member) -> Result<Report, CatalogError> {
    let rows = read_notes(member)?;
    let id = loading.edition;
    loading.sql(|t| {
        let mut insert =
            t.prepare("INSERT INTO hcpcs_note (edition, number, text) VALUES (?1, ?2, ?3)")?;
        for row in &rows {
            insert.execute(params![id, row.number, row.text])?;
        }
        Ok(())
    })?;
    loading.rows += rows.len() as u64;
    Ok(Report::default())
}

fn noc(loading: &mut Loading<'_>, member: &Member) -> Result<Report, CatalogError> {
    let (rows, refused) = read_noc(member)?;
    let id = loading.edition;
    loading.sql(|t| {
        let mut insert = t.prepare(
            "INSERT INTO hcpcs_noc (edition, code, long, added, terminated) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        for row in &rows {
            let (added, terminated) = (row.added.map(|d| d.to_string()), row.terminated.map(|d| d.to_string()));
            insert.execute(params![id, row.code, row.long, added, terminated])?;
        }
        Ok(())
    })?;
    loading.rows += rows.len() as u64;
    let mut report = Report::default();
    if refused > 0 {
        report
            .warnings
            .push(format!("{refused} CPT and CDT rows refused"));
    }
    Ok(report)
}

impl Catalog {
    /// All that an edition of HCPCS Level II says of a code; in upper case.
    ///
    /// # Errors
    /// SQLite's.
    pub fn hcpcs(&self, edition: i64, code: &str) -> Result<Option<HcpcsRow>, CatalogError> {
        let columns = COLUMNS.replacen("code, long, short", "h.code, c.title, h.short", 1);
        self.read(|c| {
            c.prepare_cached(&format!(
                "SELECT {columns} FROM hcpcs h JOIN code c ON c.edition = h.edition AND c.code = h.code
                 WHERE h.edition = ?1 AND h.code = ?2"
            ))?
            .query_row(params![edition, code], |r| row(r, false))
            .optional()
        })
    }

    /// All that an edition of HCPCS Level II says of a modifier; in upper case.
    ///
    /// # Errors
    /// SQLite's.
    pub fn hcpcs_modifier(
        &self,
        edition: i64,
        modifier: &str,
    ) -> Result<Option<HcpcsRow>, CatalogError> {
        self.read(|c| {
            c.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM modifier WHERE edition = ?1 AND code = ?2"
            ))?
            .query_row(params![edition, modifier], |r| row(r, true))
            .optional()
        })
    }

    /// Every modifier of an edition, in order.
    ///
    /// # Errors
    /// SQLite's.
    pub fn hcpcs_modifiers(&self, edition: i64) -> Result<Vec<HcpcsRow>, CatalogError> {
        self.read(|c| {
            c.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM modifier WHERE edition = ?1 ORDER BY code"
            ))?
            .query_map([edition], |r| row(r, true))?
            .collect()
        })
    }

    /// The text of a processing note, by the number that a row's `note` gives.
    ///
    /// # Errors
    /// SQLite's.
    pub fn hcpcs_note(&self, edition: i64, number: &str) -> Result<Option<String>, CatalogError> {
        self.read(|c| {
            c.prepare_cached("SELECT text FROM hcpcs_note WHERE edition = ?1 AND number = ?2")?
                .query_row(params![edition, number], |r| r.get(0))
                .optional()
        })
    }

    /// A code's row in the list of NOC codes, if it is one.
    ///
    /// # Errors
    /// SQLite's.
    pub fn hcpcs_noc(&self, edition: i64, code: &str) -> Result<Option<NocRow>, CatalogError> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT code, long, added, terminated FROM hcpcs_noc WHERE edition = ?1 AND code = ?2",
            )?
            .query_row(params![edition, code], |r| {
                Ok(NocRow {
                    code: r.get(0)?,
                    long: r.get(1)?,
                    added: date(r, 2)?,
                    terminated: date(r, 3)?,
                })
            })
            .optional()
        })
    }
}

fn date(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<NaiveDate>> {
    row.get::<_, Option<String>>(column)?
        .map(|text| text.parse().map_err(|e| unreadable(column, e)))
        .transpose()
}

fn row(r: &Row<'_>, modifier: bool) -> rusqlite::Result<HcpcsRow> {
    let list = |column: usize| -> rusqlite::Result<Vec<String>> {
        let text: String = r.get(column)?;
        Ok(text
            .split(';')
            .filter(|item| !item.is_empty())
            .map(str::to_owned)
            .collect())
    };
    Ok(HcpcsRow {
        code: r.get(0)?,
        modifier,
        long: r.get(1)?,
        short: r.get(2)?,
        pricing: list(3)?,
        multiple_pricing: r.get(4)?,
        cim: list(5)?,
        mcm: list(6)?,
        statute: r.get(7)?,
        lab: list(8)?,
        cross_references: list(9)?,
        coverage: r.get(10)?,
        asc_group: r.get(11)?,
        asc_date: date(r, 12)?,
        opps: r.get(13)?,
        opps_indicator: r.get(14)?,
        opps_date: date(r, 15)?,
        note: r.get(16)?,
        betos: r.get(17)?,
        types_of_service: r.get(18)?,
        anesthesia_units: r.get(19)?,
        added: date(r, 20)?,
        effective: date(r, 21)?,
        terminated: date(r, 22)?,
        action: r.get(23)?,
    })
}
