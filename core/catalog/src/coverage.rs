//! Coverage documents: which say whether (NCD, LCD), and which say with what codes (articles).
//!
//! Each table of an export is loaded as an edition's part of its own, so a query takes all the editions that the caller
//! holds for in force and joins over them. A document counts on a date by its own dates, not by its export's.

use casebook_releases::coverage::{
    self, CoverageCode, CoverageDocument, CoverageGroup, Relation, Row, Version,
};
use casebook_releases::{Found, Kind, Member, Place, ReadError, System};
use chrono::NaiveDate;
use rusqlite::types::Value;
use rusqlite::{Row as SqlRow, params};

use crate::passages::Stored;
use crate::{Catalog, CatalogError, Loading, Report, localities, unreadable};

/// A coverage document as the catalog holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// The edition that holds it.
    pub edition: i64,
    /// What the export says of it. Its passages are read with [`Catalog::coverage_text`].
    pub document: CoverageDocument,
    first: i64,
    last: i64,
}

/// Who put a document out, and where it holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Jurisdiction {
    /// The contractor's name.
    pub contractor: String,
    /// Its contract's number.
    pub number: String,
    /// The state's abbreviation; empty where the export has none.
    pub state: String,
    /// The state's name.
    pub state_name: String,
}

/// Which documents are asked for. What is `None` is not asked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// LCD, article or NCD.
    pub kind: Option<Kind>,
    /// In force on this day.
    pub on: Option<NaiveDate>,
    /// A state's abbreviation or name. National determinations hold in every state and always stay.
    pub state: Option<&'a str>,
    /// A contract's number, or a part of a contractor's name. National determinations always stay.
    pub contractor: Option<&'a str>,
}

/// Reads a table of an export and loads it.
///
/// # Errors
/// The reader's and SQLite's; a row that is there twice is one of them.
pub fn load(
    loading: &mut Loading<'_>,
    member: &Member,
    found: &Found,
) -> Result<Report, CatalogError> {
    if found.part == coverage::LISTED {
        loading.coverage(&coverage::api::saved(member, found.kind)?)?;
        return Ok(Report::default());
    }
    let mut next = 0i64;
    if found.part == coverage::DOCUMENTS {
        let mut rows = 0;
        loading.rows += coverage::api::saved_documents::<CatalogError>(member, &mut |row| {
            rows += 1;
            write(loading, &row, &mut next).map_err(|e| twice(e, member, rows))
        })?;
        return Ok(Report::default());
    }
    let mut rows = 0u64;
    let summary = coverage::read::<CatalogError>(member, &mut |row| {
        rows += 1;
        write(loading, &row, &mut next).map_err(|e| twice(e, member, rows))
    })?;
    loading.rows += rows;
    let mut report = Report::default();
    if summary.placeholders > 0 {
        report.warnings.push(format!(
            "{} rows stand for \"no code\" and were left out",
            summary.placeholders
        ));
    }
    if summary.ended_before > 0 {
        report.warnings.push(format!(
            "{} documents end before they begin: they are in force on no date",
            summary.ended_before
        ));
    }
    Ok(report)
}

/// A row that the tables refuse is there already.
fn twice(e: CatalogError, member: &Member, row: u64) -> CatalogError {
    match &e {
        CatalogError::Sql {
            source: rusqlite::Error::SqliteFailure(failure, _),
            ..
        } if failure.code == rusqlite::ErrorCode::ConstraintViolation => {
            let what = format!("its row {row}, counted below the headings, stands in it twice");
            ReadError::damaged(&member.path, Place::Whole, what).into()
        }
        _ => e,
    }
}

impl Loading<'_> {
    /// Writes rows that were read from the API; of one edition all at once.
    ///
    /// # Errors
    /// SQLite's; a row that is there twice is one of them.
    pub fn coverage(&mut self, rows: &[Row]) -> Result<(), CatalogError> {
        let mut next = 0;
        for row in rows {
            write(self, row, &mut next)?;
        }
        self.rows += rows.len() as u64;
        Ok(())
    }
}

fn write(loading: &Loading<'_>, row: &Row, next: &mut i64) -> Result<(), CatalogError> {
    let e = loading.edition;
    let day = |d: Option<NaiveDate>| d.map(|d| d.to_string());
    let run = |sql: &str, values: &[&dyn rusqlite::ToSql]| {
        loading.sql(|t| t.prepare_cached(sql)?.execute(values).map(|_| ()))
    };
    match row {
        Row::Document(d) => {
            let (first, last) = (*next, *next + d.passages.len() as i64);
            loading.passages(first, &d.passages)?;
            *next = last;
            let v = &d.version;
            run(
                "INSERT INTO coverage_document (edition, kind, document, version, display, title, contractors, effective, ended, status, url, first, last)
                 VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13)",
                params![
                    e,
                    v.kind.as_str(),
                    v.document,
                    v.version,
                    d.display,
                    d.title,
                    d.contractors,
                    day(d.effective),
                    day(d.end),
                    d.status,
                    d.url,
                    first,
                    last
                ],
            )
        }
        // The same code may stand in a group twice, once for each version of the code: one row says all.
        Row::Code(c) => run(
            "INSERT OR IGNORE INTO coverage_code (edition, kind, document, version, relation, grp, system, code)
             VALUES (?1,?2,?3,?4,?5,?6,?7,?8)",
            params![
                e,
                c.of.kind.as_str(),
                c.of.document,
                c.of.version,
                c.relation.as_str(),
                c.group,
                c.system.as_str(),
                c.code
            ],
        ),
        Row::Group(g) => run(
            "INSERT INTO coverage_group (edition, kind, document, version, relation, system, grp, paragraph, asterisk)
             VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9)",
            params![
                e,
                g.of.kind.as_str(),
                g.of.document,
                g.of.version,
                g.relation.as_str(),
                g.system.as_str(),
                g.group,
                g.paragraph,
                g.asterisk
            ],
        ),
        Row::DocumentContractor(v, id) => run(
            "INSERT INTO coverage_document_contractor VALUES (?1,?2,?3,?4,?5,?6,?7)",
            params![e, v.kind.as_str(), v.document, v.version, id.contractor, id.kind, id.version],
        ),
        Row::DocumentState(v, state) => run(
            "INSERT INTO coverage_document_state VALUES (?1,?2,?3,?4,?5)",
            params![e, v.kind.as_str(), v.document, v.version, state],
        ),
        Row::Contractor { id, name, number } => run(
            "INSERT INTO coverage_contractor VALUES (?1,?2,?3,?4,?5,?6)",
            params![e, id.contractor, id.kind, id.version, name, number],
        ),
        Row::ContractorState { id, state, from, to } => run(
            "INSERT INTO coverage_contractor_state VALUES (?1,?2,?3,?4,?5,?6,?7)",
            params![e, id.contractor, id.kind, id.version, state, day(*from), day(*to)],
        ),
        Row::State { id, abbreviation, name } => {
            // The API names states and has no abbreviations for them.
            let short = match abbreviation.as_str() {
                "" => localities::abbreviated(name).unwrap_or_default(),
                short => short,
            };
            run(
                "INSERT INTO coverage_state VALUES (?1,?2,?3,?4)",
                params![e, id, short, name],
            )
        }
        Row::Related(a, b) => run(
            "INSERT OR IGNORE INTO coverage_related VALUES (?1,?2,?3,?4,?5,?6,?7)",
            params![
                e,
                a.kind.as_str(),
                a.document,
                a.version,
                b.kind.as_str(),
                b.document,
                b.version
            ],
        ),
    }
}

const DOCUMENT: &str = "d.edition, d.kind, d.document, d.version, d.display, d.title, d.contractors, d.effective, d.ended, d.status, d.url, d.first, d.last";

fn document(r: &SqlRow<'_>) -> rusqlite::Result<Coverage> {
    let date = |i: usize| -> rusqlite::Result<Option<NaiveDate>> {
        r.get::<_, Option<String>>(i)?
            .map(|s| s.parse().map_err(|e| unreadable(i, e)))
            .transpose()
    };
    Ok(Coverage {
        edition: r.get(0)?,
        document: CoverageDocument {
            version: version(r, 1)?,
            display: r.get(4)?,
            title: r.get(5)?,
            contractors: r.get(6)?,
            effective: date(7)?,
            end: date(8)?,
            status: r.get(9)?,
            url: r.get(10)?,
            passages: Vec::new(),
        },
        first: r.get(11)?,
        last: r.get(12)?,
    })
}

fn version(r: &SqlRow<'_>, at: usize) -> rusqlite::Result<Version> {
    Ok(Version {
        kind: r
            .get::<_, String>(at)?
            .parse()
            .map_err(|e: String| unreadable(at, e))?,
        document: r.get(at + 1)?,
        version: r.get(at + 2)?,
    })
}

fn code(r: &SqlRow<'_>, of: Version, at: usize) -> rusqlite::Result<CoverageCode> {
    let (relation, system): (String, String) = (r.get(at)?, r.get(at + 2)?);
    Ok(CoverageCode {
        of,
        relation: Relation::from_id(&relation).ok_or_else(|| unreadable(at, "unknown relation"))?,
        group: r.get(at + 1)?,
        system: system.parse().map_err(|e: String| unreadable(at + 2, e))?,
        code: r.get(at + 3)?,
    })
}

/// Editions as SQLite's JSON functions take them.
fn among(editions: &[i64]) -> String {
    let ids: Vec<String> = editions.iter().map(i64::to_string).collect();
    format!("[{}]", ids.join(","))
}

/// Where a document holds: by the contractors that put it out and the states that they serve, or by its primary states.
/// `?1` are the editions, `?3` the day or NULL, and `d` the document.
const SERVES: &str = "
    SELECT c.name, c.number, s.abbreviation, s.name AS state_name
    FROM coverage_document_contractor dc
    JOIN coverage_contractor c ON c.contractor = dc.contractor AND c.contractor_type = dc.contractor_type
         AND c.contractor_version = dc.contractor_version
    LEFT JOIN coverage_contractor_state cs ON cs.contractor = dc.contractor AND cs.contractor_type = dc.contractor_type
         AND cs.contractor_version = dc.contractor_version AND cs.edition IN (SELECT value FROM json_each(?1))
         AND (?3 IS NULL OR ((cs.since IS NULL OR cs.since <= ?3) AND (cs.until IS NULL OR ?3 <= cs.until)))
    LEFT JOIN coverage_state s ON s.state = cs.state AND s.edition IN (SELECT value FROM json_each(?1))
    WHERE dc.kind = d.kind AND dc.document = d.document AND dc.version = d.version
      AND dc.edition IN (SELECT value FROM json_each(?1)) AND c.edition IN (SELECT value FROM json_each(?1))";

/// The conditions of [`Wanted`], whose values are `?2` to `?5`.
fn conditions() -> String {
    format!(
        "d.edition IN (SELECT value FROM json_each(?1))
         AND (?2 IS NULL OR d.kind = ?2)
         AND (?3 IS NULL OR ((d.effective IS NULL OR d.effective <= ?3) AND (d.ended IS NULL OR ?3 <= d.ended)))
         AND (?4 IS NULL OR d.kind = 'ncd'
              OR EXISTS (SELECT 1 FROM ({SERVES}) j WHERE lower(j.abbreviation) = lower(?4) OR lower(j.state_name) = lower(?4))
              OR EXISTS (SELECT 1 FROM coverage_document_state ds JOIN coverage_state s ON s.state = ds.state
                         WHERE ds.kind = d.kind AND ds.document = d.document AND ds.version = d.version
                           AND ds.edition IN (SELECT value FROM json_each(?1)) AND s.edition IN (SELECT value FROM json_each(?1))
                           AND (lower(s.abbreviation) = lower(?4) OR lower(s.name) = lower(?4))))
         AND (?5 IS NULL OR d.kind = 'ncd' OR instr(lower(d.contractors), lower(?5)) > 0
              OR EXISTS (SELECT 1 FROM ({SERVES}) j WHERE j.number = ?5 OR instr(lower(j.name), lower(?5)) > 0))"
    )
}

fn values(editions: &[i64], wanted: &Wanted<'_>) -> Vec<Value> {
    let text = |t: Option<String>| t.map_or(Value::Null, Value::Text);
    vec![
        Value::Text(among(editions)),
        text(wanted.kind.map(|k| k.as_str().to_owned())),
        text(wanted.on.map(|d| d.to_string())),
        text(wanted.state.map(str::to_owned)),
        text(wanted.contractor.map(str::to_owned)),
    ]
}

impl Catalog {
    /// The documents that name a code, with what they say of it, newest versions first within a document. An article
    /// that names a procedure in group 2 wants the diagnoses of its group 2.
    ///
    /// `code` without dot, in upper case.
    ///
    /// # Errors
    /// SQLite's.
    pub fn coverage_of_code(
        &self,
        editions: &[i64],
        system: System,
        code: &str,
        wanted: &Wanted<'_>,
    ) -> Result<Vec<(Coverage, CoverageCode)>, CatalogError> {
        let sql = format!(
            "SELECT DISTINCT {DOCUMENT}, cc.relation, cc.grp, cc.system, cc.code
             FROM coverage_code cc JOIN coverage_document d
               ON d.kind = cc.kind AND d.document = cc.document AND d.version = cc.version
             WHERE cc.code = ?6 AND cc.system = ?7 AND cc.edition IN (SELECT value FROM json_each(?1)) AND {}
             ORDER BY d.kind, d.document, d.version DESC, d.last - d.first DESC, cc.relation, cc.grp",
            conditions()
        );
        let mut values = values(editions, wanted);
        values.push(Value::Text(code.to_owned()));
        values.push(Value::Text(system.as_str().to_owned()));
        self.read(|c| {
            c.prepare_cached(&sql)?
                .query_map(rusqlite::params_from_iter(values), |r| {
                    let found = document(r)?;
                    let code = self::code(r, found.document.version, 13)?;
                    Ok((found, code))
                })?
                .collect()
        })
    }

    /// The documents that people cite as `display` (`L36668`, `A57418`, `240.4`), newest version first.
    ///
    /// # Errors
    /// SQLite's.
    pub fn coverage_documents(
        &self,
        editions: &[i64],
        display: &str,
        wanted: &Wanted<'_>,
    ) -> Result<Vec<Coverage>, CatalogError> {
        let sql = format!(
            "SELECT {DOCUMENT} FROM coverage_document d WHERE d.display = ?6 AND {}
             ORDER BY d.version DESC, d.last - d.first DESC",
            conditions()
        );
        let mut values = values(editions, wanted);
        values.push(Value::Text(display.to_owned()));
        self.read(|c| {
            c.prepare_cached(&sql)?
                .query_map(rusqlite::params_from_iter(values), document)?
                .collect()
        })
    }

    /// The newest version of every document of an edition, with its title: for an index of titles.
    ///
    /// # Errors
    /// SQLite's.
    pub fn coverage_titles(&self, edition: i64) -> Result<Vec<Coverage>, CatalogError> {
        let sql = format!(
            "SELECT {DOCUMENT} FROM coverage_document d WHERE d.edition = ?1 AND d.version =
               (SELECT max(version) FROM coverage_document n
                WHERE n.edition = d.edition AND n.kind = d.kind AND n.document = d.document)
             ORDER BY d.kind, d.document"
        );
        self.read(|c| {
            c.prepare_cached(&sql)?
                .query_map([edition], document)?
                .collect()
        })
    }

    /// The document that a passage belongs to: a hit in the index leads back to its title, dates and address.
    ///
    /// # Errors
    /// SQLite's.
    pub fn coverage_of_passage(
        &self,
        edition: i64,
        ord: i64,
    ) -> Result<Option<Coverage>, CatalogError> {
        self.read(|c| {
            let sql = format!(
                "SELECT {DOCUMENT} FROM coverage_document d WHERE d.edition = ?1 AND d.first <= ?2 AND ?2 < d.last"
            );
            c.prepare_cached(&sql)?
                .query_map([edition, ord], document)?
                .next()
                .transpose()
        })
    }

    /// A document's text.
    ///
    /// # Errors
    /// SQLite's.
    pub fn coverage_text(&self, coverage: &Coverage) -> Result<Vec<Stored>, CatalogError> {
        let length = usize::try_from(coverage.last - coverage.first).unwrap_or_default();
        self.passages_from(coverage.edition, coverage.first, length)
    }

    /// A document's codes, by relation and group.
    ///
    /// # Errors
    /// SQLite's.
    pub fn coverage_codes(
        &self,
        editions: &[i64],
        of: Version,
    ) -> Result<Vec<CoverageCode>, CatalogError> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT DISTINCT relation, grp, system, code FROM coverage_code
                 WHERE kind = ?2 AND document = ?3 AND version = ?4 AND edition IN (SELECT value FROM json_each(?1))
                 ORDER BY relation, grp, system, code",
            )?
            .query_map(
                params![among(editions), of.kind.as_str(), of.document, of.version],
                |r| code(r, of, 0),
            )?
            .collect()
        })
    }

    /// The paragraphs above a document's groups of codes.
    ///
    /// # Errors
    /// SQLite's.
    pub fn coverage_groups(
        &self,
        editions: &[i64],
        of: Version,
    ) -> Result<Vec<CoverageGroup>, CatalogError> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT DISTINCT relation, grp, system, paragraph, asterisk FROM coverage_group
                 WHERE kind = ?2 AND document = ?3 AND version = ?4 AND edition IN (SELECT value FROM json_each(?1))
                 ORDER BY relation, system, grp",
            )?
            .query_map(
                params![among(editions), of.kind.as_str(), of.document, of.version],
                |r| {
                    let (relation, system): (String, String) = (r.get(0)?, r.get(2)?);
                    Ok(CoverageGroup {
                        of,
                        relation: Relation::from_id(&relation)
                            .ok_or_else(|| unreadable(0, "unknown relation"))?,
                        system: system.parse().map_err(|e: String| unreadable(2, e))?,
                        group: r.get(1)?,
                        paragraph: r.get(3)?,
                        asterisk: r.get(4)?,
                    })
                },
            )?
            .collect()
        })
    }

    /// The documents that a document names and those that name it: a determination's articles, and an article's
    /// determination. Of a related document the version named may have been followed by others: every version counts.
    ///
    /// # Errors
    /// SQLite's.
    pub fn coverage_related(
        &self,
        editions: &[i64],
        of: Version,
        wanted: &Wanted<'_>,
    ) -> Result<Vec<Coverage>, CatalogError> {
        let sql = format!(
            "SELECT DISTINCT {DOCUMENT} FROM coverage_document d
             JOIN (SELECT other_kind AS kind, other_document AS document FROM coverage_related
                   WHERE kind = ?6 AND document = ?7 AND version = ?8 AND edition IN (SELECT value FROM json_each(?1))
                   UNION
                   SELECT kind, document FROM coverage_related
                   WHERE other_kind = ?6 AND other_document = ?7 AND edition IN (SELECT value FROM json_each(?1))) r
               ON d.kind = r.kind AND d.document = r.document
             WHERE {} ORDER BY d.kind, d.document, d.version DESC, d.last - d.first DESC",
            conditions()
        );
        let mut values = values(editions, wanted);
        values.push(Value::Text(of.kind.as_str().to_owned()));
        values.push(Value::Integer(of.document));
        values.push(Value::Integer(of.version));
        self.read(|c| {
            c.prepare_cached(&sql)?
                .query_map(rusqlite::params_from_iter(values), document)?
                .collect()
        })
    }

    /// Who put a document out and where it holds on a day, by contractor and state. Empty where the tables of contractors
    /// are not loaded: a question about a state cannot be answered then, and [`Wanted::state`] finds nothing.
    ///
    /// # Errors
    /// SQLite's.
    pub fn coverage_jurisdictions(
        &self,
        editions: &[i64],
        of: Version,
        on: Option<NaiveDate>,
    ) -> Result<Vec<Jurisdiction>, CatalogError> {
        // The document's key takes the place of the row that it is elsewhere.
        let serves = SERVES
            .replace("= d.kind", "= ?6")
            .replace("= d.document", "= ?7")
            .replace("= d.version", "= ?8");
        let sql = format!(
            "SELECT DISTINCT j.name, j.number, coalesce(j.abbreviation, ''), coalesce(j.state_name, '')
             FROM ({serves}) j ORDER BY 1, 2, 3"
        );
        let mut values = values(
            editions,
            &Wanted {
                on,
                ..Wanted::default()
            },
        );
        values.push(Value::Text(of.kind.as_str().to_owned()));
        values.push(Value::Integer(of.document));
        values.push(Value::Integer(of.version));
        self.read(|c| {
            c.prepare_cached(&sql)?
                .query_map(rusqlite::params_from_iter(values), |r| {
                    Ok(Jurisdiction {
                        contractor: r.get(0)?,
                        number: r.get(1)?,
                        state: r.get(2)?,
                        state_name: r.get(3)?,
                    })
                })?
                .collect()
        })
    }
}

/// Of a document that several editions hold, the one with the most text: an export before a list.
pub fn distinct(found: Vec<Coverage>) -> Vec<Coverage> {
    let mut kept: Vec<Coverage> = Vec::new();
    for one in found {
        let text = |c: &Coverage| c.last - c.first;
        match kept
            .iter_mut()
            .find(|k| k.document.version == one.document.version)
        {
            Some(before) if text(before) < text(&one) => *before = one,
            Some(_) => {}
            None => kept.push(one),
        }
    }
    kept
}
