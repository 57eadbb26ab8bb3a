//! The Medicare Coverage Database: national and local coverage determinations and the articles with their codes.
//!
//! CMS exports it as archives of CSV tables, one row to a document, a code, a contractor; a cell may hold HTML and line
//! ends. Each table is a member of its own, and is loaded as a part of its kind's edition: what belongs together is
//! joined by document and version when it is asked for. Tables are known by the names of their columns, which are those
//! of CMS's data dictionaries. The list that the coverage API gives out as CSV is read as documents without text.
//!
//! [`api`] reads the same tables from the database's API.
//!
//! The code tables carry descriptors of CPT codes, which are the AMA's. Their columns are not looked at.

pub mod api;

use chrono::NaiveDate;

use crate::code::System;
use crate::document::{self, Passage};
use crate::edition::{Found, Kind};
use crate::error::{DOWNLOAD_AGAIN, Place, ReadError};
use crate::member::{Form, Member};
use crate::recognise::Look;
use crate::table::{self, Separator};

/// A document's version, by which the tables are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version {
    /// [`Kind::Lcd`], [`Kind::Article`] or [`Kind::Ncd`].
    pub kind: Kind,
    /// The database's number of the document: 36668 of L36668.
    pub document: i64,
    /// Counts up with each change.
    pub version: i64,
}

/// A coverage document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoverageDocument {
    /// Which.
    pub version: Version,
    /// As people cite it: `L36668`, `A57418`; of a national determination its section of the manual, `240.4`.
    pub display: String,
    /// Its title.
    pub title: String,
    /// Contractors and their types in words, where the list says so (the exports have tables for them).
    pub contractors: String,
    /// First day on which this version holds.
    pub effective: Option<NaiveDate>,
    /// Last day, where one is set: its revision ended, or the document was retired. CMS sets it before `effective` for
    /// some retired national determinations; it is kept as it is.
    pub end: Option<NaiveDate>,
    /// As the database has it: `A` active, `F` future, `R` retired; empty where it does not say.
    pub status: String,
    /// Where a person reads it.
    pub url: String,
    /// Its text, by section; the locator is `display`.
    pub passages: Vec<Passage>,
}

/// What an article (before 2019 also a determination) says of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Relation {
    /// A procedure, drug or supply that the document is about.
    Billed,
    /// A modifier that it names.
    Modifier,
    /// A diagnosis or procedure code that supports medical necessity.
    Covered,
    /// A diagnosis that does not.
    Noncovered,
}

impl Relation {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Billed,
        Self::Modifier,
        Self::Covered,
        Self::Noncovered,
    ];

    /// The identifier in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Billed => "billed",
            Self::Modifier => "modifier",
            Self::Covered => "covered",
            Self::Noncovered => "noncovered",
        }
    }

    /// The inverse of [`Self::as_str`].
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.as_str() == id)
    }
}

/// A code of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoverageCode {
    /// The document.
    pub of: Version,
    /// Whose code it is.
    pub system: System,
    /// Without dot, in upper case.
    pub code: String,
    /// What is said of it.
    pub relation: Relation,
    /// Groups belong together: the codes billed of group 1 with the diagnoses of group 1, as its paragraph says.
    pub group: i64,
}

/// The paragraph above a group of codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoverageGroup {
    /// The document.
    pub of: Version,
    /// Codes of which relation. Groups of ICD-10-PCS codes are [`Relation::Covered`] like those of diagnoses.
    pub relation: Relation,
    /// Whose codes they are: diagnoses and ICD-10-PCS procedures have groups of their own.
    pub system: System,
    /// The group's number.
    pub group: i64,
    /// Its text.
    pub paragraph: String,
    /// What an asterisk beside a code means; empty where there is none.
    pub asterisk: String,
}

/// A contractor, as of a version of its entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContractorId {
    /// The database's number.
    pub contractor: i64,
    /// Its type's number: MAC Part A, MAC Part B, DME MAC.
    pub kind: i64,
    /// The entry's version.
    pub version: i64,
}

/// A row of one of the tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// Of `lcd`, `article`, `ncd_trkg`, or the list.
    Document(Box<CoverageDocument>),
    /// Of the tables of codes.
    Code(CoverageCode),
    /// Of the tables of groups.
    Group(CoverageGroup),
    /// A document that a contractor put out.
    DocumentContractor(Version, ContractorId),
    /// A document's primary state.
    DocumentState(Version, i64),
    /// A contractor.
    Contractor {
        /// Which.
        id: ContractorId,
        /// The name under which it does business.
        name: String,
        /// Its contract's number: `05102`.
        number: String,
    },
    /// A state that a contractor serves.
    ContractorState {
        /// The contractor.
        id: ContractorId,
        /// The state's number.
        state: i64,
        /// Since when.
        from: Option<NaiveDate>,
        /// Until when.
        to: Option<NaiveDate>,
    },
    /// A state.
    State {
        /// Its number.
        id: i64,
        /// `TX`.
        abbreviation: String,
        /// `Texas`.
        name: String,
    },
    /// A document that names another one; the version named is 0 where none is.
    Related(Version, Version),
}

/// What was read of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Rows yielded.
    pub rows: u64,
    /// Rows of codes that are none: placeholders of articles without codes.
    pub placeholders: u64,
    /// Documents that end before they begin.
    pub ended_before: u64,
}

/// A table of the export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Table {
    List,
    Lcd,
    Article,
    Ncd,
    Codes(Kind, Codes),
    Groups(Kind, Codes),
    DocumentContractor(Kind),
    DocumentState(Kind),
    Contractor,
    ContractorState,
    State,
    Related(Kind),
    RelatedNcd(Kind),
}

/// Which codes a table lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Codes {
    Hcpcs,
    Modifier,
    Icd10Covered,
    Icd10Noncovered,
    Icd10Pcs,
}

impl Codes {
    const ALL: [Self; 5] = [
        Self::Hcpcs,
        Self::Modifier,
        Self::Icd10Covered,
        Self::Icd10Noncovered,
        Self::Icd10Pcs,
    ];

    /// The column of the code, and of its group.
    fn columns(self) -> (&'static str, &'static str) {
        match self {
            Self::Hcpcs => ("hcpc_code_id", "hcpc_code_group"),
            Self::Modifier => ("hcpc_modifier_code_id", "hcpc_modifier_group"),
            Self::Icd10Covered => ("icd10_code_id", "icd10_covered_group"),
            Self::Icd10Noncovered => ("icd10_code_id", "icd10_noncovered_group"),
            Self::Icd10Pcs => ("icd10_pcs_code_id", "icd10_pcs_code_group"),
        }
    }

    fn relation(self) -> Relation {
        match self {
            Self::Hcpcs => Relation::Billed,
            Self::Modifier => Relation::Modifier,
            Self::Icd10Covered | Self::Icd10Pcs => Relation::Covered,
            Self::Icd10Noncovered => Relation::Noncovered,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Hcpcs => "hcpc_code",
            Self::Modifier => "hcpc_modifier",
            Self::Icd10Covered => "icd10_covered",
            Self::Icd10Noncovered => "icd10_noncovered",
            Self::Icd10Pcs => "icd10_pcs_code",
        }
    }
}

/// The columns of a document's number and version in the tables of its kind.
fn keys(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Lcd => ("lcd_id", "lcd_version"),
        Kind::Ncd => ("ncd_id", "ncd_vrsn_num"),
        _ => ("article_id", "article_version"),
    }
}

impl Table {
    /// The table that has these columns.
    fn of(columns: &[String]) -> Option<Self> {
        let has = |names: &[&str]| names.iter().all(|n| columns.iter().any(|c| c == n));
        if has(&[
            "document_display_id",
            "document_id",
            "document_version",
            "title",
            "url",
        ]) {
            return Some(Self::List);
        }
        if has(&[
            "ncd_id",
            "ncd_vrsn_num",
            "ncd_mnl_sect_title",
            "ncd_efctv_dt",
        ]) {
            return Some(Self::Ncd);
        }
        if has(&["lcd_id", "lcd_version", "title", "rev_eff_date"]) {
            return Some(Self::Lcd);
        }
        if has(&["article_id", "article_version", "title", "article_eff_date"]) {
            return Some(Self::Article);
        }
        for kind in [Kind::Lcd, Kind::Article] {
            let (id, version) = keys(kind);
            if !has(&[id, version]) {
                continue;
            }
            for codes in Codes::ALL {
                let (code, group) = codes.columns();
                if has(&[code, group]) {
                    return Some(Self::Codes(kind, codes));
                }
                if has(&[group, "paragraph"]) {
                    return Some(Self::Groups(kind, codes));
                }
            }
            if has(&["r_ncd_id", "r_ncd_version"]) {
                return Some(Self::RelatedNcd(kind));
            }
            if has(&["r_article_id", "r_lcd_id"]) {
                return Some(Self::Related(kind));
            }
            if has(&["contractor_id", "contractor_type_id", "contractor_version"]) {
                return Some(Self::DocumentContractor(kind));
            }
            if has(&["state_id"]) {
                return Some(Self::DocumentState(kind));
            }
            return None;
        }
        let contractor = has(&["contractor_id", "contractor_type_id", "contractor_version"]);
        if contractor && has(&["contractor_bus_name", "contractor_number"]) {
            return Some(Self::Contractor);
        }
        if contractor && has(&["state_id", "active_date", "term_date"]) {
            return Some(Self::ContractorState);
        }
        (has(&["state_id", "state_abbrev", "description"])).then_some(Self::State)
    }

    /// Its name in the export.
    fn name(self) -> String {
        let short = |kind| if kind == Kind::Lcd { "lcd" } else { "article" };
        match self {
            Self::List => "list".to_owned(),
            Self::Lcd => "lcd".to_owned(),
            Self::Article => "article".to_owned(),
            Self::Ncd => "ncd_trkg".to_owned(),
            Self::Codes(kind, codes) => format!("{}_x_{}", short(kind), codes.name()),
            Self::Groups(kind, codes) => format!("{}_x_{}_group", short(kind), codes.name()),
            Self::DocumentContractor(kind) => format!("{}_x_contractor", short(kind)),
            Self::DocumentState(kind) => format!("{}_x_primary_jurisdiction", short(kind)),
            Self::Contractor => "contractor".to_owned(),
            Self::ContractorState => "contractor_jurisdiction".to_owned(),
            Self::State => "state_lookup".to_owned(),
            Self::Related(kind) => format!("{}_related_documents", short(kind)),
            Self::RelatedNcd(kind) => format!("{}_related_ncd_documents", short(kind)),
        }
    }

    /// The columns that it cannot be read without.
    fn needs(self) -> Vec<&'static str> {
        match self {
            Self::List => vec![
                "document_display_id",
                "document_id",
                "document_version",
                "document_type",
                "title",
                "effective_date",
                "url",
            ],
            Self::Lcd => vec![
                "lcd_id",
                "lcd_version",
                "title",
                "rev_eff_date",
                "indication",
            ],
            Self::Article => vec![
                "article_id",
                "article_version",
                "title",
                "article_eff_date",
                "description",
            ],
            Self::Ncd => vec![
                "ncd_id",
                "ncd_vrsn_num",
                "ncd_mnl_sect",
                "ncd_mnl_sect_title",
                "ncd_efctv_dt",
                "indctn_lmtn",
            ],
            Self::Codes(kind, codes) => {
                let (code, group) = codes.columns();
                vec![keys(kind).0, keys(kind).1, code, group]
            }
            Self::Groups(kind, codes) => {
                vec![keys(kind).0, keys(kind).1, codes.columns().1, "paragraph"]
            }
            Self::DocumentContractor(kind) => vec![
                keys(kind).0,
                keys(kind).1,
                "contractor_id",
                "contractor_type_id",
                "contractor_version",
            ],
            Self::DocumentState(kind) => vec![keys(kind).0, keys(kind).1, "state_id"],
            Self::Contractor => vec!["contractor_bus_name", "contractor_number"],
            Self::ContractorState => vec!["state_id", "active_date", "term_date"],
            Self::State => vec!["state_id", "state_abbrev", "description"],
            Self::Related(kind) => vec![keys(kind).0, keys(kind).1, "r_article_id", "r_lcd_id"],
            Self::RelatedNcd(kind) => vec![keys(kind).0, keys(kind).1, "r_ncd_id"],
        }
    }
}

/// The columns that the first line names, in lower case.
fn columns(cells: &[String]) -> Vec<String> {
    cells
        .iter()
        .map(|c| c.trim_matches(['\u{feff}', '"', ' ']).to_lowercase())
        .collect()
}

/// The part of a list of documents as the coverage API gives it out.
pub const LISTED: &str = "api list";

/// The part of documents with their codes, as they were asked of the coverage API.
pub const DOCUMENTS: &str = "api documents";

/// A table of the coverage database. Its edition is the day of the export, which no table says.
pub(crate) fn recognise(look: &Look<'_>) -> Option<Found> {
    if look.member.form != Form::Text {
        return None;
    }
    if let Some(kind) = api::documents(&look.text) {
        let mut found = Found::of(kind);
        found.part = DOCUMENTS.to_owned();
        return Some(found);
    }
    if let Some(kind) = api::listed(&look.text) {
        let mut found = Found::of(kind);
        found.part = LISTED.to_owned();
        return Some(found);
    }
    let first = look.text.lines().next()?;
    let cells: Vec<String> = first.split(',').map(str::to_owned).collect();
    let table = Table::of(&columns(&cells))?;
    let kind = match table {
        Table::Ncd => Kind::Ncd,
        Table::Lcd | Table::List => Kind::Lcd,
        Table::Article => Kind::Article,
        Table::Codes(kind, _)
        | Table::Groups(kind, _)
        | Table::DocumentContractor(kind)
        | Table::DocumentState(kind)
        | Table::Related(kind)
        | Table::RelatedNcd(kind) => kind,
        // These come with each archive: with that of the articles they are the articles'.
        Table::Contractor | Table::ContractorState | Table::State => {
            if look.member.path.to_lowercase().contains("article") {
                Kind::Article
            } else {
                Kind::Lcd
            }
        }
    };
    let mut found = Found::of(kind);
    found.part = table.name();
    Some(found)
}

/// A row's cells by the names of the columns.
struct Cells<'a> {
    file: &'a str,
    place: &'a dyn Fn(Option<usize>) -> Place,
    columns: &'a [String],
    cells: &'a [String],
}

impl Cells<'_> {
    fn at(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c == name)
    }

    /// A cell; empty where the export has no such column.
    fn text(&self, name: &str) -> &str {
        self.at(name)
            .and_then(|i| self.cells.get(i))
            .map_or("", String::as_str)
    }

    fn error(&self, name: &str, what: String) -> ReadError {
        ReadError::damaged(self.file, (self.place)(self.at(name)), what)
    }

    fn number(&self, name: &str) -> Result<i64, ReadError> {
        let text = self.text(name);
        // The Access export writes some numbers with decimals.
        let whole = text.strip_suffix(".0").unwrap_or(text);
        whole.parse().map_err(|_| {
            let what = format!("{name} is no number: {:?}", short(text));
            self.error(name, what)
        })
    }

    /// A number that may be missing: 0 then.
    fn number_or_zero(&self, name: &str) -> Result<i64, ReadError> {
        if self.text(name).is_empty() {
            Ok(0)
        } else {
            self.number(name)
        }
    }

    fn date(&self, name: &str) -> Result<Option<NaiveDate>, ReadError> {
        let text = self.text(name);
        if text.is_empty() || text.eq_ignore_ascii_case("n/a") {
            return Ok(None);
        }
        document::date(text).map(Some).ok_or_else(|| {
            let what = format!("{name} is no date: {:?}", short(text));
            self.error(name, what)
        })
    }

    fn version(&self, kind: Kind) -> Result<Version, ReadError> {
        let (id, version) = keys(kind);
        Ok(Version {
            kind,
            document: self.number(id)?,
            version: self.number(version)?,
        })
    }

    fn contractor(&self) -> Result<ContractorId, ReadError> {
        Ok(ContractorId {
            contractor: self.number("contractor_id")?,
            kind: self.number("contractor_type_id")?,
            version: self.number("contractor_version")?,
        })
    }

    fn passages(&self, display: &str, sections: &[(&str, &str)]) -> Vec<Passage> {
        let mut passages = Vec::new();
        for (column, heading) in sections {
            passages.extend(document::html_passages(display, heading, self.text(column)));
        }
        passages
    }
}

fn short(text: &str) -> String {
    text.chars().take(20).collect()
}

/// The text columns of a local determination, in the order of its page, under the page's headings.
const LCD_SECTIONS: &[(&str, &str)] = &[
    ("cms_cov_policy", "CMS National Coverage Policy"),
    ("issue", "Issue"),
    (
        "indication",
        "Coverage Indications, Limitations, and/or Medical Necessity",
    ),
    ("summary_of_evidence", "Summary of Evidence"),
    ("analysis_of_evidence", "Analysis of Evidence"),
    (
        "diagnoses_support",
        "Diagnoses that Support Medical Necessity",
    ),
    (
        "diagnoses_dont_support",
        "Diagnoses that DO NOT Support Medical Necessity",
    ),
    ("coding_guidelines", "Coding Guidelines"),
    ("doc_reqs", "Documentation Requirements"),
    ("util_guide", "Utilization Guidelines"),
    ("associated_info", "Associated Information"),
];

const ARTICLE_SECTIONS: &[(&str, &str)] = &[
    ("cms_cov_policy", "CMS National Coverage Policy"),
    ("description", "Article Text"),
    ("add_icd10_info", "Additional ICD-10 Information"),
    ("other_comments", "Other Comments"),
];

const NCD_SECTIONS: &[(&str, &str)] = &[
    ("itm_srvc_desc", "Item/Service Description"),
    ("indctn_lmtn", "Indications and Limitations of Coverage"),
    ("xref_txt", "Cross Reference"),
    ("othr_txt", "Other"),
];

const VIEW: &str = "https://www.cms.gov/medicare-coverage-database/view";

/// Reads a table.
///
/// # Errors
/// A table that is none of the coverage database, a column that is missing, a number or a date that is none, a code that
/// is none, and whatever `take` returns.
pub fn read<E: From<ReadError>>(
    member: &Member,
    take: &mut dyn FnMut(Row) -> Result<(), E>,
) -> Result<Summary, E> {
    let mut summary = Summary::default();
    let mut named: Option<(Table, Vec<String>)> = None;
    table::rows::<E>(member, Separator::Comma, &mut |row| {
        if row.is_blank() {
            return Ok(());
        }
        let Some((table, columns)) = &named else {
            let columns = self::columns(row.cells);
            let unknown = || {
                let what = "no table of the coverage database has these columns";
                ReadError::new(&member.path, row.place(None), what, DOWNLOAD_AGAIN)
            };
            let table = Table::of(&columns).ok_or_else(unknown)?;
            if let Some(missing) = table
                .needs()
                .iter()
                .find(|n| !columns.iter().any(|c| c == *n))
            {
                let what = format!("the column {missing} is missing");
                return Err(row.error(None, what).into());
            }
            named = Some((table, columns));
            return Ok(());
        };
        if row.cells.len() != columns.len() {
            let what = format!(
                "{} cells where {} are named",
                row.cells.len(),
                columns.len()
            );
            return Err(row.error(None, what).into());
        }
        let cells = Cells {
            file: &member.path,
            place: &|column| row.place(column),
            columns,
            cells: row.cells,
        };
        if let Some(row) = one(*table, &cells, &mut summary)? {
            summary.rows += 1;
            take(row)?;
        }
        Ok(())
    })?;
    if named.is_none() {
        let what = "the table has no heading";
        return Err(ReadError::damaged(&member.path, Place::Whole, what).into());
    }
    Ok(summary)
}

fn one(table: Table, cells: &Cells<'_>, summary: &mut Summary) -> Result<Option<Row>, ReadError> {
    let row = match table {
        Table::List | Table::Lcd | Table::Article | Table::Ncd => {
            let document = document(table, cells)?;
            if document
                .end
                .zip(document.effective)
                .is_some_and(|(end, from)| end < from)
            {
                summary.ended_before += 1;
            }
            Row::Document(Box::new(document))
        }
        Table::Codes(kind, codes) => {
            let (column, group) = codes.columns();
            let text = cells.text(column).replace('.', "").to_uppercase();
            if text.is_empty() || text == "XX000" || text == "N/A" {
                summary.placeholders += 1;
                return Ok(None);
            }
            let Some(system) = system(codes, &text) else {
                let what = format!("{column} is no code: {:?}", short(&text));
                return Err(cells.error(column, what));
            };
            Row::Code(CoverageCode {
                of: cells.version(kind)?,
                system,
                code: text,
                relation: codes.relation(),
                group: cells.number_or_zero(group)?,
            })
        }
        Table::Groups(kind, codes) => Row::Group(CoverageGroup {
            of: cells.version(kind)?,
            relation: codes.relation(),
            system: match codes {
                Codes::Hcpcs => System::Hcpcs,
                Codes::Modifier => System::Modifier,
                Codes::Icd10Pcs => System::Icd10pcs,
                Codes::Icd10Covered | Codes::Icd10Noncovered => System::Icd10cm,
            },
            group: cells.number_or_zero(codes.columns().1)?,
            paragraph: document::html_text(cells.text("paragraph")),
            asterisk: document::html_text(cells.text("icd10_covered_ast")),
        }),
        Table::DocumentContractor(kind) => {
            Row::DocumentContractor(cells.version(kind)?, cells.contractor()?)
        }
        Table::DocumentState(kind) => {
            Row::DocumentState(cells.version(kind)?, cells.number("state_id")?)
        }
        Table::Contractor => Row::Contractor {
            id: cells.contractor()?,
            name: cells.text("contractor_bus_name").to_owned(),
            number: cells.text("contractor_number").to_owned(),
        },
        Table::ContractorState => Row::ContractorState {
            id: cells.contractor()?,
            state: cells.number("state_id")?,
            from: cells.date("active_date")?,
            to: cells.date("term_date")?,
        },
        Table::State => Row::State {
            id: cells.number("state_id")?,
            abbreviation: cells.text("state_abbrev").to_owned(),
            name: cells.text("description").to_owned(),
        },
        Table::Related(kind) => {
            let article = cells.number_or_zero("r_article_id")?;
            let lcd = cells.number_or_zero("r_lcd_id")?;
            let other = if article > 0 {
                Version {
                    kind: Kind::Article,
                    document: article,
                    version: cells.number_or_zero("r_article_version")?,
                }
            } else if lcd > 0 {
                Version {
                    kind: Kind::Lcd,
                    document: lcd,
                    version: cells.number_or_zero("r_lcd_version")?,
                }
            } else {
                return Ok(None);
            };
            Row::Related(cells.version(kind)?, other)
        }
        Table::RelatedNcd(kind) => {
            let ncd = cells.number_or_zero("r_ncd_id")?;
            if ncd == 0 {
                return Ok(None);
            }
            let other = Version {
                kind: Kind::Ncd,
                document: ncd,
                version: cells.number_or_zero("r_ncd_version")?,
            };
            Row::Related(cells.version(kind)?, other)
        }
    };
    Ok(Some(row))
}

fn document(table: Table, cells: &Cells<'_>) -> Result<CoverageDocument, ReadError> {
    let shown = |version: &Version, letter: &str| {
        let display = cells.text("display_id");
        if display.starts_with(letter) {
            display.to_owned()
        } else {
            format!("{letter}{}", version.document)
        }
    };
    let earliest = |names: &[&str]| -> Result<Option<NaiveDate>, ReadError> {
        let mut earliest: Option<NaiveDate> = None;
        for name in names {
            let date = cells.date(name)?;
            earliest = match (earliest, date) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
        }
        Ok(earliest)
    };
    Ok(match table {
        Table::Lcd => {
            let version = cells.version(Kind::Lcd)?;
            let display = shown(&version, "L");
            let effective = match cells.date("rev_eff_date")? {
                Some(day) => Some(day),
                None => cells.date("orig_det_eff_date")?,
            };
            CoverageDocument {
                title: cells.text("title").to_owned(),
                contractors: String::new(),
                effective,
                end: earliest(&["rev_end_date", "ent_det_end_date", "date_retired"])?,
                status: cells.text("status").to_owned(),
                url: format!(
                    "{VIEW}/lcd.aspx?lcdid={}&ver={}",
                    version.document, version.version
                ),
                passages: cells.passages(&display, LCD_SECTIONS),
                display,
                version,
            }
        }
        Table::Article => {
            let version = cells.version(Kind::Article)?;
            let display = shown(&version, "A");
            CoverageDocument {
                title: cells.text("title").to_owned(),
                contractors: String::new(),
                effective: cells.date("article_eff_date")?,
                end: earliest(&["article_rev_end_date", "article_end_date", "date_retired"])?,
                status: cells.text("status").to_owned(),
                url: format!(
                    "{VIEW}/article.aspx?articleid={}&ver={}",
                    version.document, version.version
                ),
                passages: cells.passages(&display, ARTICLE_SECTIONS),
                display,
                version,
            }
        }
        Table::Ncd => {
            let version = cells.version(Kind::Ncd)?;
            let display = cells.text("ncd_mnl_sect").to_owned();
            CoverageDocument {
                title: cells.text("ncd_mnl_sect_title").to_owned(),
                contractors: String::new(),
                effective: cells.date("ncd_efctv_dt")?,
                end: cells.date("ncd_trmntn_dt")?,
                status: String::new(),
                url: format!(
                    "{VIEW}/ncd.aspx?ncdid={}&ncdver={}",
                    version.document, version.version
                ),
                passages: cells.passages(&display, NCD_SECTIONS),
                display,
                version,
            }
        }
        _ => {
            let kind = match cells.text("document_type").to_lowercase().as_str() {
                "lcd" => Kind::Lcd,
                "article" => Kind::Article,
                "ncd" => Kind::Ncd,
                other => {
                    let what = format!("a document of the type {:?} is not known", short(other));
                    return Err(cells.error("document_type", what));
                }
            };
            CoverageDocument {
                version: Version {
                    kind,
                    document: cells.number("document_id")?,
                    version: cells.number("document_version")?,
                },
                display: cells.text("document_display_id").to_owned(),
                title: cells.text("title").to_owned(),
                contractors: crate::pdf::squeezed(cells.text("contractor_name_type")),
                effective: cells.date("effective_date")?,
                end: cells.date("retirement_date")?,
                status: String::new(),
                url: cells.text("url").to_owned(),
                passages: Vec::new(),
            }
        }
    })
}

/// Whose code it is; `None` where it is nobody's.
fn system(codes: Codes, text: &str) -> Option<System> {
    let bytes = text.as_bytes();
    if !bytes.iter().all(u8::is_ascii_alphanumeric) {
        return None;
    }
    let digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    match codes {
        // A letter first is HCPCS Level II; CPT begins with digits, and may end with a letter (0001U, 0500F).
        Codes::Hcpcs if bytes.len() == 5 => match bytes {
            [b'A'..=b'Z', rest @ ..] if digits(rest) => Some(System::Hcpcs),
            [rest @ .., last] if digits(rest) && last.is_ascii_alphanumeric() => Some(System::Cpt),
            _ => None,
        },
        Codes::Modifier if bytes.len() == 2 => Some(System::Modifier),
        Codes::Icd10Covered | Codes::Icd10Noncovered
            if (3..=7).contains(&bytes.len()) && bytes[0].is_ascii_uppercase() =>
        {
            Some(System::Icd10cm)
        }
        Codes::Icd10Pcs if bytes.len() == 7 => Some(System::Icd10pcs),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rows(csv: &str) -> Result<(Vec<Row>, Summary), String> {
        let member = Member::from_bytes("x.csv", csv.as_bytes());
        let mut rows = Vec::new();
        let summary = read::<ReadError>(&member, &mut |row| {
            rows.push(row);
            Ok(())
        })
        .map_err(|e| e.to_string())?;
        Ok((rows, summary))
    }

    fn found(path: &str, csv: &str) -> Option<(Kind, String)> {
        let member = Member::from_bytes(path, csv.as_bytes());
        recognise(&Look::at(&member)).map(|f| (f.kind, f.part))
    }

    const LCD: &str = "lcd_id,lcd_version,title,determination_number,orig_det_eff_date,rev_eff_date,rev_end_date,indication,status,display_id,date_retired\r\n\
        12345,3,\"Our test, of ours\",,2015-10-01 00:00:00,2025-03-04 00:00:00,,\"<h2>When</h2>\r\n<p>It is <b>covered</b>\nwhen needed.</p><ul><li>one</li><li>two</li></ul>\",A,L12345,\r\n";

    #[test]
    fn a_determination_keeps_its_text_by_section() {
        assert_eq!(found("a/lcd.csv", LCD), Some((Kind::Lcd, "lcd".into())));
        let (rows, summary) = rows(LCD).unwrap();
        assert_eq!(summary.rows, 1);
        let Row::Document(document) = &rows[0] else {
            panic!("{rows:?}")
        };
        assert_eq!(
            (document.display.as_str(), document.version.version),
            ("L12345", 3)
        );
        assert_eq!(document.effective, NaiveDate::from_ymd_opt(2025, 3, 4));
        assert_eq!(document.end, None);
        assert!(document.url.ends_with("lcdid=12345&ver=3"));
        assert_eq!(document.passages.len(), 1);
        assert_eq!(document.passages[0].heading, "When");
        assert_eq!(
            document.passages[0].text,
            "It is covered when needed.\none\ntwo"
        );
    }

    #[test]
    fn codes_have_a_system_and_descriptors_are_not_read() {
        let csv = "article_id,article_version,hcpc_code_id,hcpc_code_version,hcpc_code_group,range,last_updated,long_description,short_description\n\
            7,1,99999,1,1,,,\"UNREAD\",UNREAD\n7,1,A9999,1,2,,,,\n7,1,0999U,1,2,,,,\n";
        assert_eq!(
            found("article_x_hcpc_code.csv", csv),
            Some((Kind::Article, "article_x_hcpc_code".into()))
        );
        let (rows, _) = rows(csv).unwrap();
        assert!(!format!("{rows:?}").contains("UNREAD"));
        let systems: Vec<System> = rows
            .iter()
            .map(|r| match r {
                Row::Code(code) => code.system,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(systems, [System::Cpt, System::Hcpcs, System::Cpt]);
    }

    #[test]
    fn diagnoses_lose_their_dots_and_placeholders_go() {
        let csv = "icd10_code_id,article_version,article_id,icd10_covered_group\nm54.50,1,7,2\nXX000,1,7,1\n";
        let (rows, summary) = rows(csv).unwrap();
        assert_eq!(summary.placeholders, 1);
        assert!(
            matches!(&rows[..], [Row::Code(c)] if c.code == "M5450" && c.group == 2 && c.relation == Relation::Covered)
        );
    }

    #[test]
    fn faults_name_the_line_and_the_column() {
        let said = |csv: &str| rows(csv).unwrap_err();
        let e = said("article_id,article_version,icd10_code_id,icd10_covered_group\nx,1,M5450,1\n");
        assert!(e.contains("x.csv, line 2: article_id is no number"), "{e}");
        let e = said("article_id,article_version,icd10_code_id,icd10_covered_group\n7,1,M5450\n");
        assert!(e.contains("3 cells where 4 are named"), "{e}");
        let e =
            said("article_id,article_version,icd10_code_id,icd10_covered_group\n7,1,M54-50,1\n");
        assert!(e.contains("icd10_code_id is no code"), "{e}");
        let e = said(&LCD.replace("2025-03-04", "2025-02-30"));
        assert!(e.contains("rev_eff_date is no date"), "{e}");
        let e = said(&LCD.replace("indication", "moved"));
        assert!(e.contains("the column indication is missing"), "{e}");
        let e = said("a,b\n1,2\n");
        assert!(e.contains("no table of the coverage database"), "{e}");
        assert!(said("").contains("no heading"));
    }

    #[test]
    fn tables_of_jurisdiction_and_relations() {
        let all = |csv: &str| rows(csv).unwrap().0;
        let of = Version {
            kind: Kind::Lcd,
            document: 5,
            version: 2,
        };
        let id = ContractorId {
            contractor: 8,
            kind: 2,
            version: 1,
        };
        assert_eq!(
            all(
                "lcd_id,lcd_version,contractor_id,contractor_type_id,contractor_version\n5,2,8,2,1\n"
            ),
            [Row::DocumentContractor(of, id)]
        );
        assert_eq!(
            all("lcd_id,lcd_version,state_id\n5,2,49\n"),
            [Row::DocumentState(of, 49)]
        );
        assert_eq!(
            all("state_id,state_abbrev,description\n49,TX,Texas\n"),
            [Row::State {
                id: 49,
                abbreviation: "TX".into(),
                name: "Texas".into()
            }]
        );
        let csv = "contractor_id,contractor_type_id,contractor_version,state_id,active_date,term_date\n8,2,1,49,2020-01-01 00:00:00,\n";
        assert_eq!(
            found("current_article_csv.zip!contractor_jurisdiction.csv", csv)
                .unwrap()
                .0,
            Kind::Article
        );
        assert!(matches!(
            &all(csv)[..],
            [Row::ContractorState {
                state: 49,
                to: None,
                ..
            }]
        ));
        let article = Version {
            kind: Kind::Article,
            document: 9,
            version: 4,
        };
        assert_eq!(
            all(
                "lcd_id,lcd_version,related_num,r_article_id,r_article_version,r_lcd_id,r_lcd_version\n5,2,1,9,4,,\n5,2,2,,,,\n"
            ),
            [Row::Related(of, article)]
        );
        let ncd = Version {
            kind: Kind::Ncd,
            document: 3,
            version: 1,
        };
        assert_eq!(
            all("lcd_id,lcd_version,related_num,r_ncd_id,r_ncd_version\n5,2,1,3,1\n5,2,2,0,0\n"),
            [Row::Related(of, ncd)]
        );
    }

    #[test]
    fn a_national_determination() {
        let csv = "NCD_id,NCD_vrsn_num,NCD_mnl_sect,NCD_mnl_sect_title,NCD_efctv_dt,NCD_trmntn_dt,itm_srvc_desc,indctn_lmtn\n\
            20,3,160.99,Our thing - RETIRED,2023-04-10,2021-01-01,,<p>None.</p>\n";
        assert_eq!(
            found("ncd_trkg.csv", csv),
            Some((Kind::Ncd, "ncd_trkg".into()))
        );
        let (rows, summary) = rows(csv).unwrap();
        assert_eq!(summary.ended_before, 1);
        assert!(
            matches!(&rows[..], [Row::Document(d)] if d.display == "160.99" && d.passages[0].text == "None.")
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut csv = b"article_id,article_version,icd10_code_id,icd10_covered_group\n".to_vec();
            csv.extend(bytes);
            let member = Member::from_bytes("x.csv", csv);
            let _ = read::<ReadError>(&member, &mut |_| Ok(()));
        }

        #[test]
        fn rows_come_back(codes in proptest::collection::vec(("[A-Z][0-9][0-9A-Z]{1,5}", 1i64..9), 1..20)) {
            let mut csv = "icd10_covered_group,icd10_code_id,article_id,article_version\n".to_owned();
            for (code, group) in &codes {
                csv += &format!("{group},{code},7,1\n");
            }
            let (rows, _) = rows(&csv).unwrap();
            let back: Vec<(String, i64)> = rows.into_iter().map(|r| match r {
                Row::Code(c) => (c.code, c.group),
                other => panic!("{other:?}"),
            }).collect();
            prop_assert_eq!(back, codes);
        }
    }
}
