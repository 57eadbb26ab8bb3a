//! ICD-10-PCS beyond its list of codes: the tables that make them, and what their characters mean.

use casebook_releases::icd10pcs_definitions::{self, Definition};
use casebook_releases::icd10pcs_tables::{self, Axis, Table};
use casebook_releases::{Found, Kind, Member};
use rusqlite::{OptionalExtension, params};

use crate::{Catalog, CatalogError, Loading, Report, unreadable};

/// Reads and writes the tables ([`Kind::Icd10pcsTables`]; a row of the edition is a line of a table) or the definitions.
///
/// # Errors
/// The reader's and SQLite's.
pub fn load(
    loading: &mut Loading<'_>,
    member: &Member,
    found: &Found,
) -> Result<Report, CatalogError> {
    if found.kind == Kind::Icd10pcsDefinitions {
        icd10pcs_definitions::read::<CatalogError>(member, &mut |d| loading.pcs_definition(&d))?;
    } else {
        icd10pcs_tables::read::<CatalogError>(member, &mut |table| loading.pcs_table(&table))?;
    }
    Ok(Report::default())
}

impl Loading<'_> {
    fn pcs_table(&mut self, table: &Table) -> Result<(), CatalogError> {
        let id = self.edition;
        let lines = std::iter::once(&table.head).chain(&table.lines);
        self.sql(|t| {
            let mut axes = t.prepare_cached(
                "INSERT INTO pcs_axis (edition, tab, line, position, title, definition)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?;
            let mut values = t.prepare_cached(
                "INSERT INTO pcs_value (edition, tab, line, position, value, ord, label)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?;
            for (line, cells) in lines.enumerate() {
                for axis in cells {
                    let (line, position) = (line as i64, axis.position);
                    axes.execute(params![
                        id,
                        table.key,
                        line,
                        position,
                        axis.title,
                        axis.definition
                    ])?;
                    for (ord, (value, label)) in axis.values.iter().enumerate() {
                        let value = value.to_string();
                        values.execute(params![
                            id, table.key, line, position, value, ord as i64, label
                        ])?;
                    }
                }
            }
            Ok(())
        })?;
        self.rows += table.lines.len() as u64;
        Ok(())
    }

    fn pcs_definition(&mut self, d: &Definition) -> Result<(), CatalogError> {
        let (id, ord) = (self.edition, self.rows as i64);
        self.sql(|t| {
            t.prepare_cached(
                "INSERT INTO pcs_definition
                 (edition, ord, section, position, axis, name, definition, explanation, includes)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                id,
                ord,
                d.section,
                d.position,
                d.axis,
                d.name,
                d.definition,
                d.explanation,
                d.includes
            ])
        })?;
        self.rows += 1;
        Ok(())
    }
}

impl Catalog {
    /// A table by its three characters.
    ///
    /// # Errors
    /// SQLite's.
    pub fn pcs_table(&self, edition: i64, key: &str) -> Result<Option<Table>, CatalogError> {
        self.read(|c| {
            let mut statement = c.prepare_cached(
                "SELECT a.line, a.position, a.title, a.definition, v.value, v.label
                 FROM pcs_axis a JOIN pcs_value v
                   ON v.edition = a.edition AND v.tab = a.tab AND v.line = a.line AND v.position = a.position
                 WHERE a.edition = ?1 AND a.tab = ?2 ORDER BY a.line, a.position, v.ord",
            )?;
            let mut rows = statement.query(params![edition, key])?;
            let mut lines: Vec<Vec<Axis>> = Vec::new();
            while let Some(row) = rows.next()? {
                let (line, position): (usize, u8) = (row.get::<_, i64>(0)?.unsigned_abs() as usize, row.get(1)?);
                if lines.len() <= line {
                    lines.resize(line + 1, Vec::new());
                }
                let axes = &mut lines[line];
                if axes.last().is_none_or(|a| a.position != position) {
                    axes.push(Axis {
                        position,
                        title: row.get(2)?,
                        definition: row.get(3)?,
                        values: Vec::new(),
                    });
                }
                let value: String = row.get(4)?;
                let value = value.chars().next().ok_or_else(|| unreadable(4, "a value without a character"))?;
                let label = row.get(5)?;
                if let Some(axis) = axes.last_mut() {
                    axis.values.push((value, label));
                }
            }
            let mut lines = lines.into_iter();
            Ok(lines.next().map(|head| Table {
                key: key.to_owned(),
                head,
                lines: lines.collect(),
            }))
        })
    }

    /// What a value is, by its section, its character's position in the code, and its name.
    ///
    /// # Errors
    /// SQLite's.
    pub fn pcs_defined(
        &self,
        edition: i64,
        section: &str,
        position: u8,
        name: &str,
    ) -> Result<Option<Definition>, CatalogError> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT section, position, axis, name, definition, explanation, includes FROM pcs_definition
                 WHERE edition = ?1 AND section = ?2 AND position = ?3 AND name = ?4 ORDER BY ord LIMIT 1",
            )?
            .query_row(params![edition, section, position, name], |r| {
                Ok(Definition {
                    section: r.get(0)?,
                    position: r.get(1)?,
                    axis: r.get(2)?,
                    name: r.get(3)?,
                    definition: r.get(4)?,
                    explanation: r.get(5)?,
                    includes: r.get(6)?,
                })
            })
            .optional()
        })
    }
}
