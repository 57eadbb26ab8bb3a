//! The table of publishers, and what to do on a day to have a source's edition of that day.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono::{Datelike, NaiveDate};
use fs_err as fs;
use serde::{Deserialize, Serialize};

use crate::error::FetchError;
use crate::transfer::checked;

const SHIPPED: &str = include_str!("../publishers.toml");

/// Where official files come from.
#[derive(Debug, Clone)]
pub struct Publishers {
    sources: Vec<Source>,
}

/// One source: what a person names and gets as a whole.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// What a person types.
    pub name: String,
    /// What it is, in a few words.
    pub title: String,
    /// Who publishes it.
    pub publisher: String,
    /// When its editions begin.
    pub cadence: Cadence,
    /// Whether a person has to accept a licence first.
    pub click_through: ClickThrough,
    /// The publisher's page for people, with placeholders.
    page: String,
    /// The last edition, where there will be no other.
    edition: Option<String>,
    base: Option<String>,
    #[serde(default)]
    redirects: Vec<String>,
    look_for: Option<String>,
    #[serde(default)]
    file: Vec<File>,
}

/// A file of a source, and in which editions it has this name.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    path: String,
    save_as: Option<String>,
    from: Option<NaiveDate>,
    until: Option<NaiveDate>,
    #[serde(default)]
    months: Vec<u32>,
}

/// When editions begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cadence {
    /// On October 1, with the fiscal year.
    October,
    /// On October 1, and the update of April 1.
    OctoberApril,
    /// On January 1.
    January,
    /// On the first day of each quarter.
    Quarterly,
    /// Published again every day or week, under one address.
    Rolling,
    /// There will be no other edition.
    Ended,
}

impl Cadence {
    /// For a person: how often.
    pub fn words(self) -> &'static str {
        match self {
            Self::October => "yearly, October 1",
            Self::OctoberApril => "October 1 and April 1",
            Self::January => "yearly, January 1",
            Self::Quarterly => "quarterly",
            Self::Rolling => "weekly or oftener",
            Self::Ended => "ended",
        }
    }
}

/// Whether a person has to accept a licence before a file may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClickThrough {
    /// No: the program downloads it.
    None,
    /// The AMA's, for CPT. The program says what to open; it never accepts for a person.
    Ama,
}

/// An edition of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Edition {
    /// Its name, fit for a folder: `FY2027`, `FY2026-April`, `2026-Q4`, `2026`, a date, or the last one's.
    pub label: String,
    /// The first day on which it holds.
    pub from: NaiveDate,
}

/// A file to download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The source's name.
    pub source: String,
    /// The edition's label.
    pub edition: String,
    /// The address.
    pub url: String,
    /// The name on this machine: one plain component.
    pub file_name: String,
    /// The publisher's page, for a person.
    pub page: String,
    /// Hosts that a redirect may lead to.
    pub redirects: Vec<String>,
    /// Whether other content under the same name is no surprise.
    pub may_change: bool,
    /// Its checksum, where it is known beforehand.
    pub sha256: Option<String>,
}

/// What only a person can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Open {
    /// The source's name.
    pub source: String,
    /// The edition's label.
    pub edition: String,
    /// The page to open.
    pub page: String,
    /// What to download there.
    pub look_for: String,
    /// What to do with it.
    pub then: String,
}

/// One step towards a source's edition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The program does it.
    Download(Wanted),
    /// A person does it.
    Open(Open),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    source: Vec<Source>,
}

/// What an operator may change of a source. Not `click_through`: no setting makes the program accept a licence.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    page: Option<String>,
    base: Option<String>,
    redirects: Option<Vec<String>>,
    look_for: Option<String>,
    file: Option<Vec<File>>,
}

impl Publishers {
    /// The table that is compiled in.
    ///
    /// # Errors
    /// None that a build which passed its tests can have.
    pub fn embedded() -> Result<Self, FetchError> {
        const ORIGIN: &str = "the program's table of publishers";
        let table: Table = toml::from_str(SHIPPED).map_err(|e| table_error(ORIGIN, e))?;
        let publishers = Self {
            sources: table.source,
        };
        publishers.check(ORIGIN)?;
        Ok(publishers)
    }

    /// The table as changed by an operator's file, which holds a section for each source to change, with any of
    /// `base`, `page`, `redirects`, `look_for` and `file`; what it names replaces what was there.
    ///
    /// # Errors
    /// The file cannot be read, names an unknown source or key, or an address that may not be used.
    pub fn with_overrides(self, file: &Path) -> Result<Self, FetchError> {
        let text = fs::read_to_string(file)?;
        self.changed_by(&text, &file.display().to_string())
    }

    fn changed_by(mut self, text: &str, origin: &str) -> Result<Self, FetchError> {
        let changes: BTreeMap<String, Change> =
            toml::from_str(text).map_err(|e| table_error(origin, e))?;
        for (name, change) in changes {
            let known = self.known();
            let Some(source) = self.sources.iter_mut().find(|s| s.name == name) else {
                let message = format!("there is no source named {name}; known are {known}");
                return Err(table_error(origin, message));
            };
            if source.click_through == ClickThrough::Ama
                && (change.base.is_some() || change.file.is_some())
            {
                let message = format!(
                    "[{name}] stands behind a licence that only a person can accept, and is not downloaded from \
                     anywhere; ingest your own copy: casebook ingest FILE"
                );
                return Err(table_error(origin, message));
            }
            let Change {
                page,
                base,
                redirects,
                look_for,
                file,
            } = change;
            source.page = page.unwrap_or_else(|| source.page.clone());
            source.base = base.or_else(|| source.base.clone());
            source.redirects = redirects.unwrap_or_else(|| source.redirects.clone());
            source.look_for = look_for.or_else(|| source.look_for.clone());
            source.file = file.unwrap_or_else(|| source.file.clone());
        }
        self.check(origin)?;
        Ok(self)
    }

    /// All sources, in the table's order.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The source named `name`.
    ///
    /// # Errors
    /// There is none; the message lists those there are.
    pub fn source(&self, name: &str) -> Result<&Source, FetchError> {
        self.sources
            .iter()
            .find(|s| s.name == name)
            .ok_or_else(|| FetchError::UnknownSource {
                source_name: name.to_owned(),
                known: self.known(),
            })
    }

    /// What has to be done to have the edition of the source `name` that is in force on `date`.
    ///
    /// # Errors
    /// There is no such source, or the table has no address for that edition.
    pub fn plan(&self, name: &str, date: NaiveDate) -> Result<Vec<Step>, FetchError> {
        self.source(name)?.plan(date)
    }

    fn known(&self) -> String {
        let names: Vec<&str> = self.sources.iter().map(|s| s.name.as_str()).collect();
        names.join(", ")
    }

    /// Everything that a later step relies on.
    fn check(&self, origin: &str) -> Result<(), FetchError> {
        let mut names = BTreeSet::new();
        for source in &self.sources {
            let wrong =
                |message: String| table_error(origin, format!("{}: {message}", source.name));
            if !names.insert(&source.name) || !is_plain(&source.name) {
                return Err(wrong("the name is taken, or is no plain word".to_owned()));
            }
            source.check().map_err(wrong)?;
        }
        Ok(())
    }
}

fn table_error(origin: &str, message: impl ToString) -> FetchError {
    FetchError::Table {
        origin: origin.to_owned(),
        message: message.to_string().trim_end().to_owned(),
    }
}

/// A name that is one component of a path on every system, and needs no quotes in a shell.
pub(crate) fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(['.', '-'])
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}

impl Source {
    /// The edition that is in force on `date`.
    pub fn edition(&self, date: NaiveDate) -> Edition {
        let (year, month) = (date.year(), date.month());
        let (year, month) = match self.cadence {
            Cadence::October if month < 10 => (year - 1, 10),
            Cadence::October => (year, 10),
            Cadence::OctoberApril if month < 4 => (year - 1, 10),
            Cadence::OctoberApril if month < 10 => (year, 4),
            Cadence::OctoberApril => (year, 10),
            Cadence::January => (year, 1),
            Cadence::Quarterly => (year, month - (month - 1) % 3),
            Cadence::Rolling | Cadence::Ended => (year, month),
        };
        let day = match self.cadence {
            Cadence::Rolling | Cadence::Ended => date.day(),
            _ => 1,
        };
        let from = NaiveDate::from_ymd_opt(year, month, day).unwrap_or(date);
        let label = match (self.cadence, &self.edition) {
            (_, Some(edition)) => edition.clone(),
            (Cadence::OctoberApril, _) if month == 4 => format!("FY{year}-April"),
            (Cadence::October | Cadence::OctoberApril, _) => format!("FY{}", year + 1),
            (Cadence::January, _) => year.to_string(),
            (Cadence::Quarterly, _) => format!("{year}-Q{}", month.div_ceil(3)),
            (Cadence::Rolling | Cadence::Ended, _) => from.to_string(),
        };
        Edition { label, from }
    }

    /// The publisher's page for people, for the edition of `date`.
    pub fn page(&self, date: NaiveDate) -> String {
        self.fill(&self.page, date)
    }

    fn plan(&self, date: NaiveDate) -> Result<Vec<Step>, FetchError> {
        let edition = self.edition(date);
        if let (ClickThrough::Ama, Some(look_for)) = (self.click_through, &self.look_for) {
            return Ok(vec![Step::Open(Open {
                source: self.name.clone(),
                edition: edition.label,
                page: self.page(date),
                look_for: self.fill(look_for, date),
                then: "casebook ingest FILE".to_owned(),
            })]);
        }
        let wanted = |file: &File| {
            Step::Download(Wanted {
                source: self.name.clone(),
                edition: edition.label.clone(),
                url: self.address(file, date),
                file_name: self.file_name(file, date),
                page: self.page(date),
                redirects: self.redirects.clone(),
                may_change: self.cadence == Cadence::Rolling,
                sha256: None,
            })
        };
        let steps: Vec<Step> = self
            .file
            .iter()
            .filter(|f| f.belongs_to(&edition))
            .map(wanted)
            .collect();
        if steps.is_empty() {
            return Err(FetchError::NoAddress {
                source_name: self.name.clone(),
                edition: edition.label,
                page: self.page(date),
            });
        }
        Ok(steps)
    }

    fn address(&self, file: &File, date: NaiveDate) -> String {
        let base = self.base.as_deref().unwrap_or_default();
        format!(
            "{}{}",
            base.trim_end_matches('/'),
            self.fill(&file.path, date)
        )
    }

    fn file_name(&self, file: &File, date: NaiveDate) -> String {
        let template = match &file.save_as {
            Some(name) => name,
            None => file.path.rsplit('/').next().unwrap_or_default(),
        };
        self.fill(template, date)
    }

    fn check(&self) -> Result<(), String> {
        if (self.cadence == Cadence::Ended) != self.edition.is_some() {
            return Err("`edition` belongs to a source that has ended, and only there".to_owned());
        }
        if !self.edition.as_deref().is_none_or(is_plain) {
            return Err("`edition` is no plain name".to_owned());
        }
        // Any day will do: placeholders are filled alike on all of them.
        let day = NaiveDate::default();
        let templates = [Some(&self.page), self.look_for.as_ref()];
        let files = self
            .file
            .iter()
            .flat_map(|f| [Some(&f.path), f.save_as.as_ref()]);
        for template in templates.into_iter().chain(files).flatten() {
            placeholders(template)?;
        }
        if !self.page(day).starts_with("https://") {
            return Err(format!("`page` is no https:// address: {}", self.page));
        }
        match (self.click_through, &self.base) {
            (ClickThrough::Ama, None) if self.file.is_empty() => match self.look_for {
                Some(_) => return Ok(()),
                None => return Err("`look_for` is missing".to_owned()),
            },
            (ClickThrough::Ama, _) => {
                return Err("a source behind a licence has no `base` and no `file`".to_owned());
            }
            (ClickThrough::None, Some(base)) => {
                let url = checked(base)?;
                if url.query().is_some() || url.fragment().is_some() {
                    return Err(format!("`base` is more than a host and a folder: {base}"));
                }
                if !url.username().is_empty() || url.password().is_some() {
                    // It would stand in messages and in the record of downloads.
                    return Err("`base` holds a user name or password".to_owned());
                }
            }
            (ClickThrough::None, None) => return Err("`base` is missing".to_owned()),
        }
        if self.file.is_empty() {
            return Err("`file` is missing".to_owned());
        }
        for file in &self.file {
            if !file.path.starts_with('/') {
                return Err(format!("`path` does not begin with /: {}", file.path));
            }
            checked(&self.address(file, day))?;
            let name = self.file_name(file, day);
            if !is_plain(&name) {
                return Err(format!(
                    "{} gives the file name {name:?}, which is not plain; name one with `save_as`",
                    file.path
                ));
            }
        }
        Ok(())
    }

    /// Fills in the placeholders of `template`.
    fn fill(&self, template: &str, date: NaiveDate) -> String {
        let edition = self.edition(date);
        let mut text = template.to_owned();
        for name in PLACEHOLDERS {
            text = text.replace(&format!("{{{name}}}"), &value(name, &edition, date));
        }
        text
    }
}

impl File {
    fn belongs_to(&self, edition: &Edition) -> bool {
        self.from.is_none_or(|d| d <= edition.from)
            && self.until.is_none_or(|d| edition.from <= d)
            && (self.months.is_empty() || self.months.contains(&edition.from.month()))
    }
}

const PLACEHOLDERS: [&str; 11] = [
    "fy", "fy2", "yyyy", "next", "yy", "mon", "month", "mm", "quarter", "letter", "date",
];

fn value(name: &str, edition: &Edition, date: NaiveDate) -> String {
    let from = edition.from;
    let fiscal = from.year() + i32::from(from.month() >= 10);
    let quarter = from.month().div_ceil(3);
    match name {
        "fy" => fiscal.to_string(),
        "fy2" => format!("{:02}", fiscal.rem_euclid(100)),
        "yyyy" => from.year().to_string(),
        "next" => (from.year() + 1).to_string(),
        "yy" => format!("{:02}", from.year().rem_euclid(100)),
        "mon" => month(from).chars().take(3).collect(),
        "month" => month(from).to_lowercase(),
        "mm" => format!("{:02}", from.month()),
        "quarter" => quarter.to_string(),
        "letter" => ["a", "b", "c", "d"][quarter as usize - 1].to_owned(),
        _ => date.to_string(),
    }
}

fn month(date: NaiveDate) -> &'static str {
    chrono::Month::try_from(date.month() as u8).map_or("", |m| m.name())
}

/// Refuses a brace that no placeholder explains.
fn placeholders(template: &str) -> Result<(), String> {
    let mut rest = template.to_owned();
    for name in PLACEHOLDERS {
        rest = rest.replace(&format!("{{{name}}}"), "");
    }
    if rest.contains(['{', '}']) {
        return Err(format!(
            "{template} has a placeholder that is not known; known are {}",
            PLACEHOLDERS.map(|p| format!("{{{p}}}")).join(" ")
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn urls(name: &str, date: &str) -> Vec<String> {
        Publishers::embedded()
            .unwrap()
            .plan(name, day(date))
            .unwrap()
            .into_iter()
            .map(|step| match step {
                Step::Download(w) => w.url,
                Step::Open(o) => o.look_for,
            })
            .collect()
    }

    #[test]
    fn the_editions_of_a_day() {
        let publishers = Publishers::embedded().unwrap();
        for (name, date, label, from) in [
            ("icd10cm", "2026-11-25", "FY2027", "2026-10-01"),
            ("icd10cm", "2027-03-31", "FY2027", "2026-10-01"),
            ("icd10cm", "2026-04-01", "FY2026-April", "2026-04-01"),
            ("icd10cm", "2026-09-30", "FY2026-April", "2026-04-01"),
            ("icd10cm-guidelines", "2026-09-30", "FY2026", "2025-10-01"),
            ("hcpcs", "2026-11-25", "2026-Q4", "2026-10-01"),
            ("hcpcs", "2026-03-31", "2026-Q1", "2026-01-01"),
            ("ncci-policy-manual", "2026-12-31", "2026", "2026-01-01"),
            ("gems", "2026-12-31", "FY2018", "2026-12-31"),
            ("mcd", "2026-12-31", "2026-12-31", "2026-12-31"),
        ] {
            let edition = publishers.source(name).unwrap().edition(day(date));
            assert_eq!(
                (edition.label.as_str(), edition.from),
                (label, day(from)),
                "{name} {date}"
            );
        }
    }

    #[test]
    fn names_follow_the_edition() {
        let folder = "https://ftp.cdc.gov/pub/Health_Statistics/NCHS/Publications/ICD10CM";
        assert_eq!(
            urls("icd10cm", "2026-11-25"),
            [
                format!("{folder}/2027/icd10cm-code-descriptions-2027.zip"),
                format!("{folder}/2027/icd10cm-table-and-index-2027.zip"),
                format!("{folder}/2027/icd10cm-addenda-2027.zip"),
            ]
        );
        assert_eq!(
            urls("icd10cm", "2026-05-01"),
            [
                format!("{folder}/2026-update/icd10cm-Code%20Descriptions-April-1-2026.zip"),
                format!("{folder}/2026-update/icd10cm-April-1-2026-XML.zip"),
            ]
        );
        assert_eq!(
            urls("icd10cm-guidelines", "2026-11-25"),
            [format!(
                "{folder}/2027/ICD-10-CM-October-1-2026-FY27-Guidelines.pdf"
            )]
        );
        assert_eq!(
            urls("hcpcs", "2026-11-25"),
            ["https://www.cms.gov/files/zip/october-2026-alpha-numeric-hcpcs-file.zip"]
        );
        assert_eq!(
            urls("rvu", "2026-11-25"),
            ["the zip rvu26d, which may carry the day of its last update in its name"]
        );
        let [ncd, ..] = &urls("coverage-api", "2026-11-25")[..] else {
            panic!()
        };
        assert_eq!(
            ncd,
            "https://api.coverage.cms.gov/v1/reports/national-coverage-ncd/"
        );
    }

    #[test]
    fn what_stands_behind_a_licence_is_never_downloaded() {
        let publishers = Publishers::embedded().unwrap();
        for name in [
            "ncci-ptp-practitioner",
            "ncci-ptp-hospital",
            "ncci-mue",
            "ncci-addon",
            "rvu",
            "mcd",
        ] {
            let steps = publishers.plan(name, day("2026-11-25")).unwrap();
            let [Step::Open(open)] = &steps[..] else {
                panic!("{name}: {steps:?}")
            };
            assert!(open.page.starts_with("https://www.cms.gov/"), "{name}");
            assert_eq!(open.then, "casebook ingest FILE");
            assert!(!open.look_for.contains('{'), "{}", open.look_for);
        }
        // Nor does an operator's file make it so.
        for change in [
            "click_through = \"none\"",
            "base = \"https://mirror.example\"",
            "file = [{ path = \"/a.zip\" }]",
        ] {
            let text = format!("[rvu]\n{change}");
            let e = publishers.clone().changed_by(&text, "mine.toml");
            assert!(e.is_err(), "{change}");
        }
    }

    #[test]
    fn an_old_edition_without_an_address_names_the_page() {
        let e = Publishers::embedded()
            .unwrap()
            .plan("icd10cm", day("2019-01-01"))
            .unwrap_err()
            .to_string();
        assert!(
            e.contains("FY2019") && e.contains("https://www.cdc.gov/nchs/icd/icd-10-cm/files.html"),
            "{e}"
        );
    }

    #[test]
    fn an_operator_replaces_hosts_and_paths() {
        let changed = Publishers::embedded()
            .unwrap()
            .changed_by(
                "[hcpcs]\nbase = \"https://mirror.example/cms/\"\n[gems]\nfile = [{ path = \"/g/gems-{fy}.zip\" }]\n",
                "mine.toml",
            )
            .unwrap();
        let url = |name: &str| match &changed.plan(name, day("2026-11-25")).unwrap()[..] {
            [Step::Download(w)] => w.url.clone(),
            steps => panic!("{steps:?}"),
        };
        assert_eq!(
            url("hcpcs"),
            "https://mirror.example/cms/files/zip/october-2026-alpha-numeric-hcpcs-file.zip"
        );
        assert_eq!(url("gems"), "https://www.cms.gov/g/gems-2027.zip");
    }

    #[test]
    fn a_wrong_override_is_refused_with_its_reason() {
        for (text, says) in [
            ("[hcpcs]\nhost = \"a\"", "unknown field `host`"),
            ("[hcpsc]\nbase = \"https://a\"", "no source named hcpsc"),
            ("[hcpcs]\nbase = \"http://mirror.example\"", "only https://"),
            ("[hcpcs]\nbase = \"https://a/?x\"", "more than a host"),
            ("[hcpcs]\nbase = \"https://me:pw@a\"", "password"),
            ("[hcpcs]\nfile = []", "`file` is missing"),
            ("[hcpcs]\nfile = [{ path = \"a.zip\" }]", "begin with /"),
            ("[hcpcs]\nfile = [{ path = \"/{year}.zip\" }]", "{yyyy}"),
            ("[hcpcs]\nfile = [{ path = \"/a%20b.zip\" }]", "save_as"),
            (
                "[hcpcs]\nfile = [{ path = \"/a\", save_as = \"../b\" }]",
                "save_as",
            ),
            ("[hcpcs]\npage = \"cms.gov\"", "no https:// address"),
            ("hcpcs", "line 1"),
        ] {
            let e = Publishers::embedded()
                .unwrap()
                .changed_by(text, "mine.toml")
                .unwrap_err()
                .to_string();
            assert!(e.starts_with("mine.toml: ") && e.contains(says), "{e}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_day_has_a_plan_or_a_sentence(days in 0_i64..20_000) {
            let publishers = Publishers::embedded().unwrap();
            let date = day("2000-01-01") + chrono::Duration::days(days);
            for source in publishers.sources() {
                let edition = source.edition(date);
                assert!(edition.from <= date && is_plain(&edition.label));
                for step in publishers.plan(&source.name, date).unwrap_or_default() {
                    if let Step::Download(w) = step {
                        assert!(w.url.starts_with("https://") && !w.url.contains('{'), "{}", w.url);
                        assert!(is_plain(&w.file_name), "{}", w.file_name);
                    }
                }
            }
        }

        #[test]
        fn no_override_panics(text in ".*") {
            let _ = Publishers::embedded().unwrap().changed_by(&text, "mine.toml");
            let _ = Publishers::embedded().unwrap().changed_by(&format!("[hcpcs]\nbase = {text:?}"), "mine.toml");
        }
    }
}
