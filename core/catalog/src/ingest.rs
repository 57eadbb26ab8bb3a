//! From paths that an operator names to loaded editions.
//!
//! Every file is recognised by its content, given its dates, and loaded in a transaction of its own: what fails is
//! reported and leaves nothing behind, and the other files are loaded all the same. A second run does only what is
//! missing, so an interrupted one is taken up by running it again.

use std::path::{Path, PathBuf};

use casebook_releases::archive::{self, Limits};
use casebook_releases::recognise::recognise;
use casebook_releases::{Form, Found, Kind, Member, Place, ReadError};
use chrono::NaiveDate;

use crate::{
    Catalog, CatalogError, Edition, Loading, Outcome, Report, coverage, fees, gem, hcc, hcpcs,
    history, icd_index, icd_order, licensed, ncci, passages, pcs, poa,
};

/// What the operator says of the files. Overrides what they say of themselves.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The edition's name.
    pub edition: Option<String>,
    /// First date of service.
    pub effective: Option<NaiveDate>,
    /// Last date of service.
    pub through: Option<NaiveDate>,
    /// The document's name, for documents that are no known release.
    pub title: Option<String>,
    /// Load every file as a document, whatever it is recognised as: a manual whose layout has changed, plain text.
    pub document: bool,
    /// The licence on record under which CPT text is loaded; see [`crate::licensed`].
    pub licence: Option<i64>,
    /// From when a document holds that says nothing of it.
    pub today: NaiveDate,
}

/// What became of one file.
#[derive(Debug, Clone, PartialEq)]
pub enum Fate {
    /// Loaded now, with what the operator should know of it.
    Loaded(Edition, Report),
    /// The same bytes were loaded before.
    Present(Edition),
    /// No release: a reader's note inside an archive, say.
    Skipped,
    /// Not loaded, and why.
    Refused(String),
}

/// One file that was looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Ingested {
    /// As a person finds it: `a.zip!b.txt`.
    pub path: String,
    /// What became of it.
    pub fate: Fate,
}

/// Reads a file's rows into the edition that is being loaded.
fn rows(
    loading: &mut Loading<'_>,
    member: &Member,
    found: &Found,
    options: &Options,
) -> Result<Report, CatalogError> {
    match found.kind {
        Kind::Icd10cmTabular => tabular(loading, member),
        Kind::Icd10cmOrder | Kind::Icd10cmCodes | Kind::Icd10pcsOrder | Kind::Icd9cmCodes => {
            icd_order::load(loading, member, found)
        }
        Kind::Icd10cmIndex
        | Kind::Icd10cmExternal
        | Kind::Icd10cmNeoplasm
        | Kind::Icd10cmDrugs
        | Kind::Icd10pcsIndex => icd_index::load(loading, member, found),
        Kind::Icd10pcsTables | Kind::Icd10pcsDefinitions => pcs::load(loading, member, found),
        Kind::Icd10cmConversion => history::load_conversion(loading, member, found),
        // The addenda of order files are lists; those of the books are documents.
        Kind::Icd10cmAddenda | Kind::Icd10pcsAddenda if member.form == Form::Text => {
            history::load_addenda(loading, member, found)
        }
        Kind::PoaExempt => poa::load(loading, member, found),
        Kind::Hcc => hcc::load(loading, member, found),
        Kind::GemForward | Kind::GemBackward => gem::load(loading, member, found),
        Kind::Hcpcs | Kind::HcpcsNotes | Kind::HcpcsNoc => hcpcs::load(loading, member, found),
        Kind::Ptp | Kind::Mue | Kind::AddOn => ncci::load(loading, member, found),
        Kind::RelativeValues | Kind::Gpci | Kind::Localities | Kind::Anesthesia | Kind::OppsCap => {
            fees::load(loading, member, found)
        }
        Kind::Lcd | Kind::Article | Kind::Ncd => coverage::load(loading, member, found),
        Kind::Icd10cmAddenda
        | Kind::Icd10pcsAddenda
        | Kind::Icd10cmGuidelines
        | Kind::Icd10pcsGuidelines
        | Kind::NcciManual
        | Kind::Document => passages::load(loading, member, found),
        Kind::Cpt | Kind::CptModifiers => {
            let licence = options.licence.ok_or_else(|| {
                let what = "it holds CPT text, which is the AMA's";
                let remedy = "if you are licensed to use it, load it with --license cpt";
                ReadError::new(&member.path, Place::Whole, what, remedy)
            })?;
            licensed::load(loading, member, found, licence)
        }
    }
}

/// Loads everything below `paths`. `progress` is told the path of each file before it is read; `temporary` is a
/// folder for what archives unpack.
pub fn ingest(
    catalog: &Catalog,
    paths: &[PathBuf],
    options: &Options,
    temporary: &Path,
    progress: &dyn Fn(&str, u64),
) -> Vec<Ingested> {
    let mut all = Vec::new();
    for path in paths {
        let named = path.is_file();
        let walked =
            archive::walk::<ReadError>(path, temporary, &Limits::default(), &mut |member| {
                progress(&member.path, member.bytes);
                let inside = !named || member.path.contains('!');
                let fate = one(catalog, &member, options, inside)
                    .unwrap_or_else(|e| Fate::Refused(e.to_string()));
                all.push(Ingested {
                    path: member.path.clone(),
                    fate,
                });
                Ok(())
            });
        if let Err(e) = walked {
            all.push(Ingested {
                path: path.display().to_string(),
                fate: Fate::Refused(e.to_string()),
            });
        }
    }
    all
}

/// Loads one file. `inside` an archive or folder, what is not recognised is passed over; a file that was named is not.
fn one(
    catalog: &Catalog,
    member: &Member,
    options: &Options,
    inside: bool,
) -> Result<Fate, CatalogError> {
    let inside_archive = member.path.contains('!');
    let recognised = if options.document {
        Some(Found::of(Kind::Document))
    } else {
        recognise(member)
    };
    let found = match recognised {
        // A document is a source only where somebody meant it: archives hold readers' notes.
        Some(found) if found.kind == Kind::Document && inside_archive => return Ok(Fate::Skipped),
        Some(found) => found,
        None if inside => return Ok(Fate::Skipped),
        None => {
            // Recognisers see nothing in what cannot be read, so that this is why.
            if let Some(e) = casebook_releases::table::unreadable(member) {
                return Err(e.into());
            }
            let what =
                "it is no release that Casebook knows, and no document (PDF, DOCX, HTML, Markdown)";
            let remedy =
                "name the publisher's file as it was downloaded; `casebook fetch` lists them";
            return Err(ReadError::new(&member.path, Place::Whole, what, remedy).into());
        }
    };
    let mut report = Report::default();
    let edition = dated(member, &found, options, &mut report.warnings)?;
    if let Some(other) = other_form(catalog, &edition)? {
        return Ok(Fate::Present(other));
    }
    let before = member.records();
    let outcome = catalog.load(&edition, |loading| {
        let loaded = rows(loading, member, &found, options)?;
        report.warnings.extend(loaded.warnings);
        Ok(())
    })?;
    report.read = member.records() - before;
    Ok(match outcome {
        Outcome::Loaded(edition) => Fate::Loaded(edition, report),
        Outcome::Present(edition) => Fate::Present(edition),
    })
}

/// The same edition from another file of the same archive: publishers put the same rows out as text, csv and workbook
/// side by side. A file from elsewhere is loaded beside it, for it may be a correction.
fn other_form(catalog: &Catalog, edition: &Edition) -> Result<Option<Edition>, CatalogError> {
    let archive = |file: &str| file.split_once('!').map(|(archive, _)| archive.to_owned());
    let Some(from) = archive(&edition.file) else {
        return Ok(None);
    };
    let same = |e: &Edition| {
        (
            e.kind,
            e.setting,
            &e.source,
            &e.edition,
            e.effective,
            &e.part,
        ) == (
            edition.kind,
            edition.setting,
            &edition.source,
            &edition.edition,
            edition.effective,
            &edition.part,
        ) && archive(&e.file).as_deref() == Some(&from)
            && e.sha256 != edition.sha256
    };
    Ok(catalog.editions()?.into_iter().find(same))
}

/// The edition that a file is, by what it says of itself and what the operator says of it.
fn dated(
    member: &Member,
    found: &Found,
    options: &Options,
    warnings: &mut Vec<String>,
) -> Result<Edition, ReadError> {
    let mut edition = options.edition.clone().or_else(|| found.edition.clone());
    let mut effective = options.effective.or(found.effective);
    if effective.is_none()
        && matches!(
            found.kind,
            Kind::Document | Kind::Lcd | Kind::Article | Kind::Ncd
        )
    {
        effective = Some(options.today);
        edition = edition.or_else(|| Some(format!("as loaded on {}", options.today)));
        // Coverage documents carry dates of their own.
        if found.kind == Kind::Document {
            warnings.push(format!(
                "nothing says from when it holds, so {} is taken; say it with --effective",
                options.today
            ));
        }
    }
    let (Some(edition), Some(effective)) = (edition, effective) else {
        let what = format!(
            "it is a {}, but neither its text nor its name says of which edition",
            found.kind.source()
        );
        let remedy =
            "say so with --edition NAME and --effective DATE (and --through DATE where it ends)";
        return Err(ReadError::new(&member.path, Place::Whole, what, remedy));
    };
    let title = match found.kind {
        Kind::Document => member.name(),
        kind => kind.source().to_owned(),
    };
    let through = options
        .through
        .or(found.through.filter(|_| options.effective.is_none()));
    if through.is_some_and(|t| t < effective) {
        let what = format!("its edition would end before it begins on {effective}");
        return Err(ReadError::new(
            &member.path,
            Place::Whole,
            what,
            "check --effective and --through",
        ));
    }
    Ok(Edition {
        id: 0,
        kind: found.kind,
        setting: found.setting,
        source: options.title.clone().unwrap_or(title),
        edition,
        effective,
        through,
        part: found.part.clone(),
        url: found.kind.page().to_owned(),
        file: shown(&member.path),
        sha256: member.sha256.clone(),
        rows: 0,
    })
}

/// A file's name with its archives, without the folders of the machine that loaded it.
fn shown(path: &str) -> String {
    let archive = path.split('!').next().unwrap_or_default();
    let start = archive.rfind(['/', '\\']).map_or(0, |i| i + 1);
    path[start..].to_owned()
}

/// Largest tabular list, in bytes; the real one has under 10 MB.
const LARGEST_TABULAR: u64 = 64 << 20;

fn tabular(loading: &mut Loading<'_>, member: &Member) -> Result<Report, CatalogError> {
    let list = casebook_releases::tabular::parse(&member.read_text(LARGEST_TABULAR)?)
        .map_err(|e| ReadError::damaged(&member.path, Place::Whole, e.to_string()))?;
    member.count(list.rows.len() as u64);
    loading.tabular(&list.rows)?;
    Ok(Report::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setup() -> (tempfile::TempDir, Catalog) {
        let dir = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(dir.path()).unwrap();
        (dir, catalog)
    }

    fn fates(
        dir: &Path,
        catalog: &Catalog,
        name: &str,
        bytes: &[u8],
        options: &Options,
    ) -> Vec<Fate> {
        let path = dir.join(name);
        fs_err::write(&path, bytes).unwrap();
        let done = ingest(catalog, &[path], options, dir, &|_, _| ());
        done.into_iter().map(|i| i.fate).collect()
    }

    const LIST: &[u8] = include_bytes!("../../../tests/fixtures/tabular.xml");

    #[test]
    fn a_release_is_loaded_once_under_any_name() {
        let (dir, catalog) = setup();
        let options = Options {
            edition: Some("test".into()),
            effective: "2026-04-01".parse().ok(),
            ..Options::default()
        };
        let first = fates(dir.path(), &catalog, "holiday.jpg", LIST, &options);
        assert!(
            matches!(&first[..], [Fate::Loaded(e, _)] if e.rows > 20 && e.file == "holiday.jpg"),
            "{first:?}"
        );
        let second = fates(dir.path(), &catalog, "again.xml", LIST, &options);
        assert!(matches!(&second[..], [Fate::Present(e)] if e.file == "holiday.jpg"));
    }

    #[test]
    fn a_cut_file_leaves_nothing() {
        let (dir, catalog) = setup();
        let options = Options {
            edition: Some("test".into()),
            effective: "2026-04-01".parse().ok(),
            ..Options::default()
        };
        let cut = fates(
            dir.path(),
            &catalog,
            "a.xml",
            &LIST[..LIST.len() / 2],
            &options,
        );
        assert!(
            matches!(&cut[..], [Fate::Refused(why)] if why.contains("a.xml")),
            "{cut:?}"
        );
        assert!(catalog.editions().unwrap().is_empty());
    }

    #[test]
    fn plain_text_is_a_document_where_it_is_said_so() {
        let (dir, catalog) = setup();
        let options = Options {
            document: true,
            today: "2026-11-25".parse().unwrap(),
            ..Options::default()
        };
        let text = b"Send every claim within ninety days of the service, and keep a copy of it.";
        let fate = fates(dir.path(), &catalog, "rules.txt", text, &options);
        assert!(
            matches!(&fate[..], [Fate::Loaded(e, _)] if e.kind == Kind::Document),
            "{fate:?}"
        );
    }

    #[test]
    fn what_is_no_release_says_so() {
        let (dir, catalog) = setup();
        let fate = fates(
            dir.path(),
            &catalog,
            "a.txt",
            b"dear diary",
            &Options::default(),
        );
        assert!(
            matches!(&fate[..], [Fate::Refused(why)] if why.contains("casebook fetch")),
            "{fate:?}"
        );
        let missing = ingest(
            &catalog,
            &[dir.path().join("no such")],
            &Options::default(),
            dir.path(),
            &|_, _| (),
        );
        assert!(matches!(&missing[0].fate, Fate::Refused(why) if why.contains("check the path")));
    }
}
