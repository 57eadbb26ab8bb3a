//! NCCI edits: pairs of codes (PTP), units (MUE), add-on codes. What they say of a claim is computed in
//! [`crate::check`].

use std::collections::{BTreeMap, BTreeSet, HashMap};

use casebook_releases::ncci::addon::{self, AddOn, AddOnType};
use casebook_releases::ncci::mue::{self, Adjudication, Mue};
use casebook_releases::ncci::ptp::{self, Edit, Indicator};
use casebook_releases::table::Row;
use casebook_releases::{Found, Kind, Member, Setting};
use chrono::{Datelike as _, NaiveDate};
use rusqlite::{Connection, OptionalExtension, Row as SqlRow, Statement, params};

use crate::check::{Checked, Claim, Facts, check};
use crate::{Catalog, CatalogError, Edition, Loading, Report, unreadable};

/// A PTP edit as the catalog holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PtpEdit {
    /// Edition (one part of it) that has the row.
    pub edition: i64,
    /// The code that is paid.
    pub column1: String,
    /// The code that is not paid beside it.
    pub column2: String,
    /// Whether the edit is older than 1996.
    pub prior_1996: bool,
    /// First date of service to which it applies.
    pub effective: NaiveDate,
    /// Last date of service to which it applies.
    pub deletion: Option<NaiveDate>,
    /// Whether a modifier may bypass it.
    pub indicator: Indicator,
    /// Verbatim.
    pub rationale: String,
}

impl PtpEdit {
    /// Whether it applies to a date of service. One that was deleted on the day on which it began, with indicator 9,
    /// never did.
    pub fn active(&self, date: NaiveDate) -> bool {
        self.indicator != Indicator::NotApplicable
            && self.effective <= date
            && self.deletion.is_none_or(|d| date <= d)
    }

    /// The row as the publisher's text file has it.
    pub fn quote(&self) -> String {
        let day = |d: NaiveDate| d.format("%Y%m%d").to_string();
        [
            self.column1.clone(),
            self.column2.clone(),
            if self.prior_1996 { "*" } else { "" }.to_owned(),
            day(self.effective),
            self.deletion.map_or_else(|| "*".to_owned(), day),
            self.indicator.figure().to_string(),
            self.rationale.clone(),
        ]
        .join("\t")
    }
}

/// An MUE with the edition that has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MueValue {
    /// Edition.
    pub edition: i64,
    /// The row.
    pub mue: Mue,
}

impl MueValue {
    /// The row as the publisher's CSV file has it.
    pub fn quote(&self) -> String {
        let m = &self.mue;
        format!(
            "{},{},{},{}",
            m.code, m.value, m.adjudication_text, m.rationale
        )
    }
}

/// An add-on code edit with the edition that has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddOnEdit {
    /// Edition.
    pub edition: i64,
    /// The row.
    pub addon: AddOn,
}

impl AddOnEdit {
    /// Whether it applies to a date of service, on which add-on and primary code both exist.
    pub fn active(&self, date: NaiveDate) -> bool {
        let a = &self.addon;
        a.effective <= date
            && [a.deletion, a.code_deletion, a.primary_deletion]
                .into_iter()
                .flatten()
                .all(|last| date <= last)
    }

    /// The row as the publisher's text file has it.
    pub fn quote(&self) -> String {
        let a = &self.addon;
        let day = |d: NaiveDate| format!("{:04}{:03}", d.year(), d.ordinal());
        let end = |d: Option<NaiveDate>| d.map(day).unwrap_or_default();
        [
            a.kind.figure().to_string(),
            a.code.clone(),
            end(a.code_deletion),
            a.primary.clone(),
            end(a.primary_deletion),
            day(a.effective),
            end(a.deletion),
            a.notes.clone(),
        ]
        .join("\t")
        .trim_end()
        .to_owned()
    }
}

/// Which column 1 codes a loaded part of a PTP table has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PtpPart {
    /// The edition that the part is.
    pub edition: i64,
    /// Its first column 1 code.
    pub first: String,
    /// Its last one.
    pub last: String,
}

/// Reads a PTP, MUE or add-on code file and writes it, in a stream where it is long.
///
/// # Errors
/// What is wrong with the file, a PTP edit that stands twice (the same pair from the same date), and SQLite's.
pub fn load(
    loading: &mut Loading<'_>,
    member: &Member,
    found: &Found,
) -> Result<Report, CatalogError> {
    match found.kind {
        Kind::Mue => {
            loading.mue(&mue::read(member)?)?;
            Ok(Report::default())
        }
        Kind::AddOn => {
            loading.addons(&addon::read(member)?)?;
            Ok(Report::default())
        }
        _ => {
            let summary = loading.ptp(member)?;
            let mut report = Report::default();
            if found.part.is_empty() {
                report.warnings.push(format!(
                    "which part of the PTP table this is was not said (f1 to f4, as in the publisher's name): it \
                     answers for column 1 codes from {} to {} only",
                    summary.first, summary.last
                ));
            }
            Ok(report)
        }
    }
}

/// Memory for the pages that a long load writes, in KiB. Rows come in the order of their key, so that more would be
/// idle.
const LOAD_CACHE_KIB: i64 = 16 * 1024;

impl Loading<'_> {
    /// Writes a PTP file in a stream: memory holds one row, the rationales and [`LOAD_CACHE_KIB`].
    ///
    /// # Errors
    /// What is wrong with the file, with its place; SQLite's.
    pub fn ptp(&mut self, member: &Member) -> Result<ptp::Summary, CatalogError> {
        let failed = |source| CatalogError::Sql {
            path: self.path.to_owned(),
            source,
        };
        let id = self.edition;
        self.transaction
            .pragma_update(None, "cache_size", -LOAD_CACHE_KIB)
            .map_err(failed)?;
        let mut rationales = Rationales::of(self.transaction).map_err(failed)?;
        let mut insert = self
            .transaction
            .prepare(
                "INSERT INTO ptp (edition, column1, column2, effective, deletion, indicator, prior_1996, rationale)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )
            .map_err(failed)?;
        let summary = ptp::read::<CatalogError>(member, &mut |edit: &Edit<'_>, row: &Row<'_>| {
            let rationale = rationales.number(edit.rationale).map_err(failed)?;
            let written = insert.execute(params![
                id,
                edit.column1,
                edit.column2,
                number(edit.effective),
                edit.deletion.map(number),
                edit.indicator.figure(),
                edit.prior_1996,
                rationale
            ]);
            match written {
                Ok(_) => Ok(()),
                Err(rusqlite::Error::SqliteFailure(e, _))
                    if e.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY =>
                {
                    let what = format!(
                        "the edit {}/{} from {} stands here a second time",
                        edit.column1, edit.column2, edit.effective
                    );
                    Err(row.error(None, what).into())
                }
                Err(e) => Err(failed(e)),
            }
        })?;
        drop(insert);
        self.sql(|t| {
            t.execute(
                "INSERT INTO ptp_part (edition, first, last) VALUES (?1, ?2, ?3)",
                params![id, summary.first, summary.last],
            )?;
            // SQLite sorts outside of its memory where it must, and then appends.
            t.execute(
                "INSERT INTO ptp_reverse (edition, column2, column1)
                 SELECT DISTINCT edition, column2, column1 FROM ptp WHERE edition = ?1 ORDER BY column2, column1",
                [id],
            )
        })?;
        self.rows += summary.rows;
        Ok(summary)
    }

    /// Writes an MUE file's rows.
    ///
    /// # Errors
    /// SQLite's.
    pub fn mue(&mut self, rows: &[Mue]) -> Result<(), CatalogError> {
        let id = self.edition;
        self.sql(|t| {
            let mut insert = t.prepare(
                "INSERT INTO mue (edition, code, value, adjudication, adjudication_text, rationale)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?;
            for m in rows {
                insert.execute(params![
                    id,
                    m.code,
                    m.value,
                    m.adjudication.figure(),
                    m.adjudication_text,
                    m.rationale
                ])?;
            }
            Ok(())
        })?;
        self.rows += rows.len() as u64;
        Ok(())
    }

    /// Writes an add-on code file's rows.
    ///
    /// # Errors
    /// SQLite's.
    pub fn addons(&mut self, rows: &[AddOn]) -> Result<(), CatalogError> {
        let id = self.edition;
        self.sql(|t| {
            let mut insert = t.prepare(
                "INSERT INTO addon (edition, code, primary_code, effective, deletion, code_deletion, primary_deletion,
                                    type, notes)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?;
            for a in rows {
                insert.execute(params![
                    id,
                    a.code,
                    a.primary,
                    number(a.effective),
                    a.deletion.map(number),
                    a.code_deletion.map(number),
                    a.primary_deletion.map(number),
                    a.kind.figure(),
                    a.notes
                ])?;
            }
            Ok(())
        })?;
        self.rows += rows.len() as u64;
        Ok(())
    }
}

/// Rationales by their text, those of other editions included.
struct Rationales<'c> {
    known: HashMap<String, i64>,
    insert: Statement<'c>,
}

impl<'c> Rationales<'c> {
    fn of(connection: &'c Connection) -> rusqlite::Result<Self> {
        let known = connection
            .prepare("SELECT text, id FROM ptp_rationale")?
            .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let insert = connection.prepare("INSERT INTO ptp_rationale (text) VALUES (?1)")?;
        Ok(Self { known, insert })
    }

    fn number(&mut self, text: &str) -> rusqlite::Result<i64> {
        if let Some(id) = self.known.get(text) {
            return Ok(*id);
        }
        let id = self.insert.insert([text])?;
        self.known.insert(text.to_owned(), id);
        Ok(id)
    }
}

/// 2026-07-01 as 20260701.
fn number(date: NaiveDate) -> i64 {
    i64::from(date.year()) * 10_000 + i64::from(date.month()) * 100 + i64::from(date.day())
}

/// The inverse of [`number`].
fn day(column: usize, number: i64) -> rusqlite::Result<NaiveDate> {
    let part = |n: i64| u32::try_from(n % 100).ok();
    i32::try_from(number / 10_000)
        .ok()
        .and_then(|year| NaiveDate::from_ymd_opt(year, part(number / 100)?, part(number)?))
        .ok_or_else(|| unreadable(column, format!("{number} is no date")))
}

fn last_day(row: &SqlRow<'_>, column: usize) -> rusqlite::Result<Option<NaiveDate>> {
    row.get::<_, Option<i64>>(column)?
        .map(|n| day(column, n))
        .transpose()
}

fn figure<T>(
    row: &SqlRow<'_>,
    column: usize,
    from: impl Fn(u8) -> Option<T>,
) -> rusqlite::Result<T> {
    from(row.get(column)?).ok_or_else(|| unreadable(column, "an unknown indicator"))
}

const EDIT: &str = "SELECT p.edition, p.column1, p.column2, p.effective, p.deletion, p.indicator, p.prior_1996, r.text
     FROM ptp p JOIN ptp_rationale r ON r.id = p.rationale";

fn edit(row: &SqlRow<'_>) -> rusqlite::Result<PtpEdit> {
    Ok(PtpEdit {
        edition: row.get(0)?,
        column1: row.get(1)?,
        column2: row.get(2)?,
        effective: day(3, row.get(3)?)?,
        deletion: last_day(row, 4)?,
        indicator: figure(row, 5, Indicator::from_figure)?,
        prior_1996: row.get(6)?,
        rationale: row.get(7)?,
    })
}

fn pair(
    c: &Connection,
    edition: i64,
    column1: &str,
    column2: &str,
    into: &mut Vec<PtpEdit>,
) -> rusqlite::Result<()> {
    let mut statement = c.prepare_cached(&format!(
        "{EDIT} WHERE p.edition = ?1 AND p.column1 = ?2 AND p.column2 = ?3 ORDER BY p.effective"
    ))?;
    for found in statement.query_map(params![edition, column1, column2], edit)? {
        into.push(found?);
    }
    Ok(())
}

fn parts(c: &Connection) -> rusqlite::Result<Vec<PtpPart>> {
    c.prepare_cached("SELECT edition, first, last FROM ptp_part ORDER BY edition")?
        .query_map([], |r| {
            Ok(PtpPart {
                edition: r.get(0)?,
                first: r.get(1)?,
                last: r.get(2)?,
            })
        })?
        .collect()
}

fn mue_of(c: &Connection, edition: i64, code: &str) -> rusqlite::Result<Option<MueValue>> {
    c.prepare_cached(
        "SELECT code, value, adjudication, adjudication_text, rationale FROM mue WHERE edition = ?1 AND code = ?2",
    )?
    .query_row(params![edition, code], |r| {
        Ok(MueValue {
            edition,
            mue: Mue {
                code: r.get(0)?,
                value: r.get(1)?,
                adjudication: figure(r, 2, Adjudication::from_figure)?,
                adjudication_text: r.get(3)?,
                rationale: r.get(4)?,
            },
        })
    })
    .optional()
}

const ADDON: &str = "SELECT edition, code, primary_code, effective, deletion, code_deletion, primary_deletion, type, notes
     FROM addon";

fn addon_edit(row: &SqlRow<'_>) -> rusqlite::Result<AddOnEdit> {
    Ok(AddOnEdit {
        edition: row.get(0)?,
        addon: AddOn {
            code: row.get(1)?,
            primary: row.get(2)?,
            effective: day(3, row.get(3)?)?,
            deletion: last_day(row, 4)?,
            code_deletion: last_day(row, 5)?,
            primary_deletion: last_day(row, 6)?,
            kind: figure(row, 7, AddOnType::from_figure)?,
            notes: row.get(8)?,
        },
    })
}

fn addons_of(c: &Connection, edition: i64, code: &str) -> rusqlite::Result<Vec<AddOnEdit>> {
    c.prepare_cached(&format!(
        "{ADDON} WHERE edition = ?1 AND code = ?2 ORDER BY primary_code, effective"
    ))?
    .query_map(params![edition, code], addon_edit)?
    .collect()
}

impl Catalog {
    /// The column 1 codes of every loaded part of a PTP table.
    ///
    /// # Errors
    /// SQLite's.
    pub fn ptp_parts(&self) -> Result<Vec<PtpPart>, CatalogError> {
        self.read(parts)
    }

    /// The edits of an ordered pair in one edition, oldest first.
    ///
    /// # Errors
    /// SQLite's.
    pub fn ptp_pair(
        &self,
        edition: i64,
        column1: &str,
        column2: &str,
    ) -> Result<Vec<PtpEdit>, CatalogError> {
        self.read(|c| {
            let mut found = Vec::new();
            pair(c, edition, column1, column2, &mut found)?;
            Ok(found)
        })
    }

    /// The edits in which a code stands, in column 1 or in column 2, that apply to a date; at most `limit` of each, in
    /// the order of the other code. For a card.
    ///
    /// # Errors
    /// SQLite's.
    pub fn ptp_of(
        &self,
        edition: i64,
        code: &str,
        date: NaiveDate,
        limit: usize,
    ) -> Result<(Vec<PtpEdit>, Vec<PtpEdit>), CatalogError> {
        const APPLIES: &str =
            "p.effective <= ?3 AND (p.deletion IS NULL OR p.deletion >= ?3) AND p.indicator <> 9";
        let values = params![edition, code, number(date), limit as i64];
        self.read(|c| {
            let first = c
                .prepare_cached(&format!(
                    "{EDIT} WHERE p.edition = ?1 AND p.column1 = ?2 AND {APPLIES} ORDER BY p.column2 LIMIT ?4"
                ))?
                .query_map(values, edit)?
                .collect::<rusqlite::Result<_>>()?;
            // CROSS JOIN keeps the order of the tables: from the few reverse rows to the edits.
            let second = c
                .prepare_cached(&format!(
                    "SELECT p.edition, p.column1, p.column2, p.effective, p.deletion, p.indicator, p.prior_1996, r.text
                     FROM ptp_reverse v
                     CROSS JOIN ptp p ON p.edition = v.edition AND p.column1 = v.column1 AND p.column2 = v.column2
                     CROSS JOIN ptp_rationale r ON r.id = p.rationale
                     WHERE v.edition = ?1 AND v.column2 = ?2 AND {APPLIES} ORDER BY v.column1 LIMIT ?4"
                ))?
                .query_map(values, edit)?
                .collect::<rusqlite::Result<_>>()?;
            Ok((first, second))
        })
    }

    /// A code's MUE in an edition.
    ///
    /// # Errors
    /// SQLite's.
    pub fn mue(&self, edition: i64, code: &str) -> Result<Option<MueValue>, CatalogError> {
        self.read(|c| mue_of(c, edition, code))
    }

    /// The edits of an add-on code in an edition: its primary codes.
    ///
    /// # Errors
    /// SQLite's.
    pub fn addon(&self, edition: i64, code: &str) -> Result<Vec<AddOnEdit>, CatalogError> {
        self.read(|c| addons_of(c, edition, code))
    }

    /// The edits of a primary code in an edition: its add-on codes.
    ///
    /// # Errors
    /// SQLite's.
    pub fn addons_beside(
        &self,
        edition: i64,
        primary: &str,
    ) -> Result<Vec<AddOnEdit>, CatalogError> {
        self.read(|c| {
            c.prepare_cached(&format!(
                "{ADDON} WHERE edition = ?1 AND primary_code = ?2 ORDER BY code, effective"
            ))?
            .query_map(params![edition, primary], addon_edit)?
            .collect()
        })
    }

    /// What the editions hold of a claim's codes, for [`check`].
    ///
    /// # Errors
    /// SQLite's.
    pub fn ncci_facts(&self, claim: &Claim, editions: &[Edition]) -> Result<Facts, CatalogError> {
        let codes: BTreeSet<&str> = claim.lines.iter().map(|l| l.code.as_str()).collect();
        let mut facts = Facts {
            editions: editions
                .iter()
                .filter(|e| relevant(e, claim.setting))
                .cloned()
                .collect(),
            ..Facts::default()
        };
        let by_id: BTreeMap<i64, Kind> = facts.editions.iter().map(|e| (e.id, e.kind)).collect();
        self.read(|c| {
            // One snapshot: an edition that is removed between two queries must not read as one without a row.
            let c = &*c.unchecked_transaction()?;
            facts.parts = parts(c)?;
            facts.parts.retain(|p| by_id.contains_key(&p.edition));
            for part in &facts.parts {
                for column1 in &codes {
                    if (part.first.as_str()..=part.last.as_str()).contains(column1) {
                        for column2 in codes.iter().filter(|c| *c != column1) {
                            pair(c, part.edition, column1, column2, &mut facts.edits)?;
                        }
                    }
                    let named: bool = c
                        .prepare_cached(
                            "SELECT EXISTS (SELECT 1 FROM ptp WHERE edition = ?1 AND column1 = ?2)
                                 OR EXISTS (SELECT 1 FROM ptp_reverse WHERE edition = ?1 AND column2 = ?2)",
                        )?
                        .query_row(params![part.edition, column1], |r| r.get(0))?;
                    if named {
                        facts.named.insert((*column1).to_owned());
                    }
                }
            }
            for (id, kind) in &by_id {
                for code in &codes {
                    match kind {
                        Kind::Mue => facts.mues.extend(mue_of(c, *id, code)?),
                        Kind::AddOn => facts.addons.extend(addons_of(c, *id, code)?),
                        _ => {}
                    }
                }
            }
            Ok(())
        })?;
        Ok(facts)
    }

    /// Holds a claim's codes against the NCCI tables among `editions`: [`check`] with what this catalog holds.
    ///
    /// # Errors
    /// SQLite's.
    pub fn ncci_check(&self, claim: &Claim, editions: &[Edition]) -> Result<Checked, CatalogError> {
        Ok(check(claim, &self.ncci_facts(claim, editions)?))
    }
}

/// Whether an edition speaks of claims of a setting.
fn relevant(edition: &Edition, setting: Setting) -> bool {
    matches!(edition.kind, Kind::Ptp | Kind::Mue | Kind::AddOn)
        && edition.setting.is_none_or(|s| s == setting)
        // A PTP or MUE table whose setting nobody knows is for no claim in particular.
        && (edition.kind == Kind::AddOn || edition.setting.is_some())
}
