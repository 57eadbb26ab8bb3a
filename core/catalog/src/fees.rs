//! The fee schedule's tables: relative values, geographic indices, localities, anesthesia factors and the OPPS cap.

use casebook_releases::anesthesia::{self, AnesthesiaRow};
use casebook_releases::gpci::{self, GpciRow};
use casebook_releases::localities::{self, LocalityRow};
use casebook_releases::opps_cap::{self, OppsCapRow};
use casebook_releases::relative_values::{self, RelativeValue};
use casebook_releases::{Found, Kind, Member};
use rusqlite::{OptionalExtension, Row, params};
use rust_decimal::Decimal;

use crate::{Catalog, CatalogError, Loading, Report, unreadable};

const VALUES: &str = "code, modifier, status, not_used, work, pe_non_facility, na_non_facility, pe_facility, \
     na_facility, mp, total_non_facility, total_facility, pctc, global, pre, intra, post, multiple, bilateral, \
     assistant, co_surgeons, team, pricing, endoscopic_base, conversion_factor, supervision, calculation_flag, \
     imaging_family, opps_pe_non_facility, opps_pe_facility, opps_mp";

/// Reads a file of the fee schedule ([`Kind::RelativeValues`], [`Kind::Gpci`], [`Kind::Localities`],
/// [`Kind::Anesthesia`], [`Kind::OppsCap`]) and writes it as the edition that is being loaded.
///
/// # Errors
/// The reader's and SQLite's; nothing was then loaded.
pub fn load(
    loading: &mut Loading<'_>,
    member: &Member,
    found: &Found,
) -> Result<Report, CatalogError> {
    match found.kind {
        Kind::Gpci => indices(loading, member),
        Kind::Localities => counties(loading, member),
        Kind::Anesthesia => factors(loading, member),
        Kind::OppsCap => caps(loading, member),
        _ => values(loading, member),
    }
}

fn values(loading: &mut Loading<'_>, member: &Member) -> Result<Report, CatalogError> {
    let id = loading.edition;
    let summary = {
        let failed = loading.failing();
        let places: Vec<String> = (1..=32).map(|n| format!("?{n}")).collect();
        let places = places.join(",");
        let mut insert = loading
            .transaction
            .prepare(&format!(
                "INSERT INTO relative_value (edition, {VALUES}) VALUES ({places})"
            ))
            .map_err(&failed)?;
        relative_values::read::<CatalogError>(member, &mut |v| {
            insert
                .execute(params![
                    id,
                    v.code,
                    v.modifier,
                    v.status.to_string(),
                    v.not_used,
                    v.work.to_string(),
                    v.pe_non_facility.to_string(),
                    v.na_non_facility,
                    v.pe_facility.to_string(),
                    v.na_facility,
                    v.mp.to_string(),
                    v.total_non_facility.to_string(),
                    v.total_facility.to_string(),
                    v.pctc,
                    v.global,
                    v.pre.to_string(),
                    v.intra.to_string(),
                    v.post.to_string(),
                    v.multiple,
                    v.bilateral,
                    v.assistant,
                    v.co_surgeons,
                    v.team,
                    v.pricing,
                    v.endoscopic_base,
                    v.conversion_factor.to_string(),
                    v.supervision,
                    v.calculation_flag,
                    v.imaging_family,
                    v.opps_pe_non_facility.to_string(),
                    v.opps_pe_facility.to_string(),
                    v.opps_mp.to_string(),
                ])
                .map(|_| ())
                .map_err(&failed)
        })?
    };
    loading.rows += summary.rows;
    let mut report = Report::default();
    if summary.unequal > 0 {
        report.warnings.push(format!(
            "{} rows whose printed totals are not the sums of their parts",
            summary.unequal
        ));
    }
    Ok(report)
}

fn indices(loading: &mut Loading<'_>, member: &Member) -> Result<Report, CatalogError> {
    let rows = gpci::read(member)?;
    let id = loading.edition;
    loading.sql(|t| {
        let mut insert = t.prepare(
            "INSERT INTO gpci (edition, contractor, locality, state, name, work, pe, mp, note)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?;
        for row in &rows {
            insert.execute(params![
                id,
                row.contractor,
                row.locality,
                row.state,
                row.name,
                row.work.to_string(),
                row.pe.to_string(),
                row.mp.to_string(),
                row.note
            ])?;
        }
        Ok(())
    })?;
    loading.rows += rows.len() as u64;
    Ok(Report::default())
}

fn counties(loading: &mut Loading<'_>, member: &Member) -> Result<Report, CatalogError> {
    let rows = localities::read(member)?;
    let id = loading.edition;
    loading.sql(|t| {
        let mut insert = t.prepare(
            "INSERT INTO locality (edition, ord, contractor, locality, state, area, counties)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        for (ord, row) in rows.iter().enumerate() {
            insert.execute(params![
                id,
                ord as i64,
                row.contractor,
                row.locality,
                row.state,
                row.area,
                row.counties
            ])?;
        }
        Ok(())
    })?;
    loading.rows += rows.len() as u64;
    Ok(Report::default())
}

fn factors(loading: &mut Loading<'_>, member: &Member) -> Result<Report, CatalogError> {
    let file = anesthesia::read(member)?;
    let id = loading.edition;
    loading.sql(|t| {
        let mut insert = t.prepare(
            "INSERT INTO anesthesia (edition, contractor, locality, name, factor, qualifying)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        for row in &file.rows {
            insert.execute(params![
                id,
                row.contractor,
                row.locality,
                row.name,
                row.factor.to_string(),
                row.qualifying.map(|q| q.to_string())
            ])?;
        }
        if let Some(national) = file.national {
            let qualifying = file.national_qualifying.map(|q| q.to_string());
            insert.execute(params![
                id,
                "",
                "",
                "national",
                national.to_string(),
                qualifying
            ])?;
        }
        Ok(())
    })?;
    loading.rows += file.rows.len() as u64;
    Ok(Report::default())
}

fn caps(loading: &mut Loading<'_>, member: &Member) -> Result<Report, CatalogError> {
    let id = loading.edition;
    let rows = {
        let failed = loading.failing();
        let mut insert = loading
            .transaction
            .prepare(
                "INSERT INTO opps_cap (edition, code, modifier, contractor, locality, status, facility, non_facility)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )
            .map_err(&failed)?;
        opps_cap::read::<CatalogError>(member, &mut |row| {
            insert
                .execute(params![
                    id,
                    row.code,
                    row.modifier,
                    row.contractor,
                    row.locality,
                    row.status,
                    row.facility.to_string(),
                    row.non_facility.to_string()
                ])
                .map(|_| ())
                .map_err(&failed)
        })?
    };
    loading.rows += rows;
    Ok(Report::default())
}

impl Catalog {
    /// What a fee schedule says of a code: one row without a modifier, and one for each of 26, TC and 53 that it
    /// values apart.
    ///
    /// # Errors
    /// SQLite's.
    pub fn relative_values(
        &self,
        edition: i64,
        code: &str,
    ) -> Result<Vec<RelativeValue>, CatalogError> {
        self.read(|c| {
            c.prepare_cached(&format!(
                "SELECT {VALUES} FROM relative_value WHERE edition = ?1 AND code = ?2 ORDER BY modifier"
            ))?
            .query_map(params![edition, code], value)?
            .collect()
        })
    }

    /// The indices of a locality.
    ///
    /// # Errors
    /// SQLite's.
    pub fn gpci(
        &self,
        edition: i64,
        contractor: &str,
        locality: &str,
    ) -> Result<Option<GpciRow>, CatalogError> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT contractor, locality, state, name, work, pe, mp, note FROM gpci
                 WHERE edition = ?1 AND contractor = ?2 AND locality = ?3",
            )?
            .query_row(params![edition, contractor, locality], index)
            .optional()
        })
    }

    /// Every locality's indices.
    ///
    /// # Errors
    /// SQLite's.
    pub fn all_gpci(&self, edition: i64) -> Result<Vec<GpciRow>, CatalogError> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT contractor, locality, state, name, work, pe, mp, note FROM gpci
                 WHERE edition = ?1 ORDER BY state, locality, contractor",
            )?
            .query_map([edition], index)?
            .collect()
        })
    }

    /// Every locality's counties, as printed.
    ///
    /// # Errors
    /// SQLite's.
    pub fn counties(&self, edition: i64) -> Result<Vec<LocalityRow>, CatalogError> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT contractor, locality, state, area, counties FROM locality WHERE edition = ?1 ORDER BY ord",
            )?
            .query_map([edition], |r| {
                Ok(LocalityRow {
                    contractor: r.get(0)?,
                    locality: r.get(1)?,
                    state: r.get(2)?,
                    area: r.get(3)?,
                    counties: r.get(4)?,
                })
            })?
            .collect()
        })
    }

    /// The anesthesia conversion factor of a locality, or, of an empty contractor and locality, the national one.
    ///
    /// # Errors
    /// SQLite's.
    pub fn anesthesia_factor(
        &self,
        edition: i64,
        contractor: &str,
        locality: &str,
    ) -> Result<Option<AnesthesiaRow>, CatalogError> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT contractor, locality, name, factor, qualifying FROM anesthesia
                 WHERE edition = ?1 AND contractor = ?2 AND locality = ?3",
            )?
            .query_row(params![edition, contractor, locality], |r| {
                Ok(AnesthesiaRow {
                    contractor: r.get(0)?,
                    locality: r.get(1)?,
                    name: r.get(2)?,
                    factor: figure(r, 3)?,
                    qualifying: r
                        .get::<_, Option<String>>(4)?
                        .map(|text| text.parse().map_err(|e| unreadable(4, e)))
                        .transpose()?,
                })
            })
            .optional()
        })
    }

    /// What the OPPS cap leaves of a code's fee in a locality.
    ///
    /// # Errors
    /// SQLite's.
    pub fn opps_cap(
        &self,
        edition: i64,
        code: &str,
        modifier: &str,
        contractor: &str,
        locality: &str,
    ) -> Result<Option<OppsCapRow>, CatalogError> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT code, modifier, status, contractor, locality, facility, non_facility FROM opps_cap
                 WHERE edition = ?1 AND code = ?2 AND modifier = ?3 AND contractor = ?4 AND locality = ?5",
            )?
            .query_row(
                params![edition, code, modifier, contractor, locality],
                |r| {
                    Ok(OppsCapRow {
                        code: r.get(0)?,
                        modifier: r.get(1)?,
                        status: r.get(2)?,
                        contractor: r.get(3)?,
                        locality: r.get(4)?,
                        facility: figure(r, 5)?,
                        non_facility: figure(r, 6)?,
                    })
                },
            )
            .optional()
        })
    }
}

fn figure(row: &Row<'_>, column: usize) -> rusqlite::Result<Decimal> {
    let text: String = row.get(column)?;
    text.parse().map_err(|e| unreadable(column, e))
}

fn index(r: &Row<'_>) -> rusqlite::Result<GpciRow> {
    Ok(GpciRow {
        contractor: r.get(0)?,
        locality: r.get(1)?,
        state: r.get(2)?,
        name: r.get(3)?,
        work: figure(r, 4)?,
        pe: figure(r, 5)?,
        mp: figure(r, 6)?,
        note: r.get(7)?,
    })
}

fn value(r: &Row<'_>) -> rusqlite::Result<RelativeValue> {
    let status: String = r.get(2)?;
    Ok(RelativeValue {
        code: r.get(0)?,
        modifier: r.get(1)?,
        status: status
            .chars()
            .next()
            .ok_or_else(|| unreadable(2, "a row without a status"))?,
        not_used: r.get(3)?,
        work: figure(r, 4)?,
        pe_non_facility: figure(r, 5)?,
        na_non_facility: r.get(6)?,
        pe_facility: figure(r, 7)?,
        na_facility: r.get(8)?,
        mp: figure(r, 9)?,
        total_non_facility: figure(r, 10)?,
        total_facility: figure(r, 11)?,
        pctc: r.get(12)?,
        global: r.get(13)?,
        pre: figure(r, 14)?,
        intra: figure(r, 15)?,
        post: figure(r, 16)?,
        multiple: r.get(17)?,
        bilateral: r.get(18)?,
        assistant: r.get(19)?,
        co_surgeons: r.get(20)?,
        team: r.get(21)?,
        pricing: r.get(22)?,
        endoscopic_base: r.get(23)?,
        conversion_factor: figure(r, 24)?,
        supervision: r.get(25)?,
        calculation_flag: r.get(26)?,
        imaging_family: r.get(27)?,
        opps_pe_non_facility: figure(r, 28)?,
        opps_pe_facility: figure(r, 29)?,
        opps_mp: figure(r, 30)?,
    })
}
