//! The ICD family: our small files in every detail, the real ones by their known counts and some rows.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are not test functions, which may unwrap"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use casebook_catalog::{
    Catalog, CatalogError, Edition, Loading, Outcome, Report, gem, history, icd_index, icd_order,
    poa,
};
use casebook_releases::archive::{Limits, walk};
use casebook_releases::icd10_addenda::Action;
use casebook_releases::icd10cm_index::Role;
use casebook_releases::recognise::recognise;
use casebook_releases::{Found, Kind, Member};
use chrono::NaiveDate;

fn open() -> (tempfile::TempDir, Catalog) {
    let dir = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(dir.path()).unwrap();
    (dir, catalog)
}

fn fill(loading: &mut Loading<'_>, member: &Member, found: &Found) -> Result<Report, CatalogError> {
    match found.kind {
        Kind::Icd10cmOrder | Kind::Icd10pcsOrder | Kind::Icd10cmCodes | Kind::Icd9cmCodes => {
            icd_order::load(loading, member, found)
        }
        Kind::Icd10cmIndex | Kind::Icd10cmExternal | Kind::Icd10cmNeoplasm | Kind::Icd10cmDrugs => {
            icd_index::load(loading, member, found)
        }
        Kind::GemForward | Kind::GemBackward => gem::load(loading, member, found),
        Kind::Icd10cmConversion => history::load_conversion(loading, member, found),
        Kind::Icd10cmAddenda | Kind::Icd10pcsAddenda => {
            history::load_addenda(loading, member, found)
        }
        Kind::PoaExempt => poa::load(loading, member, found),
        kind => panic!("{kind:?} is of another family"),
    }
}

/// Loads a file as what it is recognised as.
fn load(catalog: &Catalog, member: &Member) -> Result<(Edition, Report), CatalogError> {
    let found = recognise(member).unwrap_or_else(|| panic!("{} is not recognised", member.path));
    let edition = Edition {
        id: 0,
        kind: found.kind,
        setting: None,
        source: found.kind.source().into(),
        edition: found.edition.clone().unwrap_or_default(),
        effective: found.effective.unwrap_or_default(),
        through: found.through,
        part: found.part.clone(),
        url: String::new(),
        file: member.path.clone(),
        sha256: member.sha256.clone(),
        rows: 0,
    };
    let mut report = Report::default();
    match catalog.load(&edition, |l| fill(l, member, &found).map(|r| report = r))? {
        Outcome::Loaded(edition) | Outcome::Present(edition) => Ok((edition, report)),
    }
}

fn load_text(catalog: &Catalog, name: &str, text: &str) -> i64 {
    load(catalog, &Member::from_bytes(name, text.as_bytes()))
        .unwrap()
        .0
        .id
}

fn order(rows: &[(&str, bool, &str)]) -> String {
    rows.iter()
        .enumerate()
        .map(|(i, (code, billable, title))| {
            format!(
                "{:05} {code:<7} {} {title:<60} {title} in full\r\n",
                i + 1,
                u8::from(*billable)
            )
        })
        .collect()
}

const FORMER: &[(&str, bool, &str)] = &[
    ("A00", false, "Header"),
    ("A000", true, "First"),
    ("A001", true, "Second"),
    ("A009", true, "Ended"),
    ("Z99", true, "Last"),
];
const LATER: &[(&str, bool, &str)] = &[
    ("A00", false, "Header"),
    ("A000", true, "First, renamed"),
    ("A001", false, "Second"),
    ("A0011", true, "Below the second"),
    ("Z99", true, "Last"),
];

#[test]
fn an_order_file_is_a_tree_that_the_queries_of_codes_walk() {
    let (_dir, catalog) = open();
    let id = load_text(&catalog, "icd10cm-order-2031.txt", &order(LATER));
    let keys = |entries: Vec<casebook_catalog::Entry>| {
        entries.into_iter().map(|e| e.key).collect::<Vec<_>>()
    };
    assert_eq!(keys(catalog.children(id, "A00").unwrap()), ["A000", "A001"]);
    assert_eq!(
        keys(catalog.lineage(id, "A0011").unwrap()),
        ["A0011", "A001", "A00"]
    );
    assert_eq!(
        keys(catalog.billable_below(id, "A00", 9).unwrap()),
        ["A000", "A0011"]
    );
    assert_eq!(
        keys(catalog.starting_with(id, "A001", 9).unwrap()),
        ["A001", "A0011"]
    );
    assert_eq!(catalog.printed(id).unwrap().len(), 5);
    let entry = catalog.entry(id, "A000").unwrap().unwrap();
    assert_eq!(entry.title, "First, renamed in full");
    assert_eq!(
        catalog.short_title(id, "A000").unwrap().as_deref(),
        Some("First, renamed")
    );
    assert_eq!(catalog.short_title(id, "A999").unwrap(), None);
}

#[test]
fn what_changed_between_two_editions() {
    let (_dir, catalog) = open();
    let former = load_text(&catalog, "icd10cm-order-2030.txt", &order(FORMER));
    let later = load_text(&catalog, "icd10cm-order-2031.txt", &order(LATER));
    let of = |key| catalog.between(former, later, key).unwrap();
    assert!(of("A0011").added() && of("A009").ended() && of("Z99").unchanged());
    assert_eq!(
        of("A000").retitled(),
        Some(("First in full", "First, renamed in full"))
    );
    assert_eq!(of("A001").billable_now(), Some(false));
    assert!(of("B00").unchanged() && !of("B00").added());
    let changed: Vec<String> = catalog
        .changed_between(former, later, 100)
        .unwrap()
        .into_iter()
        .filter_map(|b| b.later.or(b.former).map(|e| e.key))
        .collect();
    assert_eq!(changed, ["A000", "A001", "A0011", "A009"]);
    assert_eq!(catalog.changed_between(later, later, 100).unwrap(), []);
}

#[test]
fn a_bad_line_at_the_end_leaves_nothing() {
    let (_dir, catalog) = open();
    let good = order(LATER);
    let index = INDEX.replace(
        "</letter>",
        "<mainTerm><code>R52</code></mainTerm></letter>",
    );
    let bad: [(&str, String); 5] = [
        ("o.txt", good[..good.len() - 60].to_owned()),
        ("i.xml", index),
        (
            "g.txt",
            "0010  A000    00000\r\n0010  A000    00000\r\n".into(),
        ),
        ("c.csv", CONVERSION.to_owned() + "A00.1,2023-02-30,A00\n"),
        (
            "p.txt",
            "POAexemptCode\tDescription\nB90.0\tOurs\nB90.0\tOurs\n".into(),
        ),
    ];
    for (name, text) in bad {
        let member = Member::from_bytes(name, text.into_bytes());
        assert!(
            matches!(load(&catalog, &member), Err(CatalogError::Read(_))),
            "{name}"
        );
    }
    assert_eq!(catalog.editions().unwrap(), []);
    let database = rusqlite::Connection::open(_dir.path().join("catalog.sqlite")).unwrap();
    for table in [
        "code",
        "index_term",
        "index_code",
        "gem",
        "conversion",
        "conversion_span",
        "poa_exempt",
    ] {
        let rows: i64 = database
            .query_row(&format!("SELECT count(*) FROM {table}"), [], |r| r.get(0))
            .unwrap();
        assert_eq!(rows, 0, "{table}");
    }
}

const INDEX: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<ICD10CM.index><version>2031</version><title>INDEX TO DISEASES and INJURIES</title><letter><title>A</title>
<mainTerm><title>Ache<nemod>(dull)</nemod></title><code>R52</code>
  <term level="1"><title>arm</title><code>M79.60-</code><term level="2"><title>left</title><code>M79.602</code></term></term>
  <term level="1"><title>heart, with ours</title><code>E85.4</code><manif>I43</manif></term>
</mainTerm>
<mainTerm><title>Aching</title><see>Ache</see></mainTerm>
</letter></ICD10CM.index>"#;

#[test]
fn an_index_leads_both_ways() {
    let (_dir, catalog) = open();
    let id = load_text(&catalog, "i.xml", INDEX);
    let paths = |terms: Vec<casebook_catalog::IndexTerm>| {
        terms.into_iter().map(|t| t.path).collect::<Vec<_>>()
    };
    assert_eq!(
        paths(catalog.index_leading_to(id, "M79602", 9).unwrap()),
        ["Ache (dull) > arm > left", "Ache (dull) > arm"]
    );
    assert_eq!(
        paths(catalog.index_leading_to(id, "I43", 9).unwrap()),
        ["Ache (dull) > heart, with ours"]
    );
    assert_eq!(catalog.index_leading_to(id, "M79602", 1).unwrap().len(), 1);
    assert_eq!(
        paths(catalog.index_starting(id, "ACH", true, 9).unwrap()),
        ["Ache (dull)", "Aching"]
    );
    assert_eq!(
        paths(catalog.index_starting(id, "ache, arm", false, 9).unwrap()).len(),
        2
    );
    let main = catalog.index_exactly(id, "Ache").unwrap().remove(0);
    assert_eq!(paths(catalog.index_under(id, main.ord).unwrap()).len(), 2);
    let heart = &catalog.index_under(id, main.ord).unwrap()[1];
    assert_eq!(
        (heart.codes[1].role, heart.codes[1].printed.as_str()),
        (Role::Manifestation, "I43")
    );
    // A manifestation is named by the code before it.
    let names = catalog.index_names(id).unwrap();
    let heart = names
        .iter()
        .find(|n| n.path == "Ache (dull) > heart, with ours");
    assert_eq!(heart.unwrap().codes, ["E854"]);
}

const CONVERSION: &str = "Current code assignment,Effective,Previous Code(s) Assignment\n\
    A00.0,2017,\"H02.101-H02.106; H02.109\"\nA00.9,2023-04-01,A00.0\nB00.1,2020,I63.-\n";

#[test]
fn what_a_code_was_before_and_what_it_became() {
    let (_dir, catalog) = open();
    let id = load_text(&catalog, "conversion-2031.csv", CONVERSION);
    let added = catalog.added_when(id, "A009").unwrap();
    assert_eq!(
        added[0].effective,
        NaiveDate::from_ymd_opt(2023, 4, 1).unwrap()
    );
    let became = |key| {
        catalog
            .became(id, key)
            .unwrap()
            .into_iter()
            .map(|c| c.code)
            .collect::<Vec<_>>()
    };
    assert_eq!(became("A000"), ["A009"]);
    assert_eq!(became("H02104"), ["A000"]);
    assert_eq!(became("H02109"), ["A000"]);
    assert_eq!(became("I639"), ["B001"]);
    assert!(became("H02107").is_empty() && became("I64").is_empty() && became("A00").is_empty());
}

#[test]
fn mappings_and_exemptions() {
    let (_dir, catalog) = open();
    let id = load_text(
        &catalog,
        "2018_g.txt",
        "80601 S14111A 10111\r\n80601 S12001A 10112\r\nE8000 NoDx    11000\r\n",
    );
    assert_eq!(catalog.gems_from(id, "80601").unwrap().len(), 2);
    assert!(catalog.gems_from(id, "E8000").unwrap()[0].no_map());
    assert_eq!(catalog.gems_to(id, "S12001A").unwrap()[0].choice, 2);
    let id = load_text(
        &catalog,
        "fy31.txt",
        "POAexemptCode\tDescription\nB90.0\tOurs\n",
    );
    assert_eq!(catalog.poa_exempt(id, "B900").unwrap(), None);
    assert_eq!(
        catalog.poa_changes(id, "B900").unwrap(),
        [("deleted".into(), "Ours".into())]
    );
    let removed = catalog.editions().unwrap();
    for edition in removed {
        catalog.remove(edition.id).unwrap();
    }
    assert!(catalog.gems_from(id, "80601").unwrap().is_empty());
}

/// `CASEBOOK_SHARED`, or `shared` beside the checkout.
fn shared() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let shared = std::env::var_os("CASEBOOK_SHARED")
        .map_or(beside, PathBuf::from)
        .join("data");
    if !shared.is_dir() {
        eprintln!("skipped: neither CASEBOOK_SHARED nor ../shared holds the official files");
        return None;
    }
    Some(shared)
}

/// Loads every file of an archive that is of this family, by kind and part.
fn real(catalog: &Catalog, dir: &Path, archive: &str) -> BTreeMap<(Kind, String), Edition> {
    let mut loaded = BTreeMap::new();
    let file = shared().unwrap().join(archive);
    walk::<CatalogError>(&file, dir, &Limits::default(), &mut |member| {
        let Some(found) = recognise(&member) else {
            return Ok(());
        };
        // PDFs are read elsewhere, the tabular list has its own tests, and a workbook repeats its text file.
        let pdf = member.form == casebook_releases::Form::Pdf;
        if pdf
            || found.kind == Kind::Icd10cmTabular
            || loaded.contains_key(&(found.kind, found.part.clone()))
        {
            return Ok(());
        }
        let started = std::time::Instant::now();
        let (edition, report) = load(catalog, &member)?;
        eprintln!(
            "{} {:?} {} {} rows in {:?} {:?}",
            member.name(),
            edition.kind,
            edition.edition,
            edition.rows,
            started.elapsed(),
            report.warnings
        );
        loaded.insert((edition.kind, edition.part.clone()), edition);
        Ok(())
    })
    .unwrap();
    loaded
}

#[test]
fn the_real_order_and_code_files() {
    if shared().is_none() {
        return;
    }
    let (dir, catalog) = open();
    let cm = real(
        &catalog,
        dir.path(),
        "icd10cm/icd10cm-code-descriptions-2026.zip",
    );
    let at = |kind, part: &str| &cm[&(kind, part.to_owned())];
    let order = at(Kind::Icd10cmOrder, "");
    assert_eq!((order.rows, order.edition.as_str()), (98_186, "FY2026"));
    let codes = at(Kind::Icd10cmCodes, "");
    assert_eq!(codes.rows, 74_719);
    // Additions, deletions, and revisions twice, of codes and headers.
    assert_eq!(at(Kind::Icd10cmAddenda, "codes").rows, 487 + 28 + 2 * 38);
    assert_eq!(at(Kind::Icd10cmAddenda, "order").rows, 630 + 28 + 2 * 45);
    assert_eq!(
        catalog
            .billable_below(order.id, "", usize::MAX >> 1)
            .unwrap()
            .len(),
        74_719
    );
    // The two files say the same but for the headers.
    let differ = catalog
        .changed_between(codes.id, order.id, 100_000)
        .unwrap();
    assert_eq!(differ.len(), 98_186 - 74_719);
    assert!(
        differ
            .iter()
            .all(|b| b.added() && b.later.as_ref().is_some_and(|e| !e.billable))
    );
    let lineage: Vec<String> = catalog
        .lineage(order.id, "S52501A")
        .unwrap()
        .into_iter()
        .map(|e| e.key)
        .collect();
    assert_eq!(lineage, ["S52501A", "S52501", "S5250", "S525", "S52"]);
    let addenda = catalog
        .addenda(at(Kind::Icd10cmAddenda, "order").id, "B880")
        .unwrap();
    assert_eq!(
        addenda
            .iter()
            .map(|c| (c.action, c.billable))
            .collect::<Vec<_>>(),
        [(Action::Delete, Some(true)), (Action::Add, Some(false))]
    );

    let pcs = real(&catalog, dir.path(), "icd10pcs/icd10pcs_order_2026.zip");
    let order = &pcs[&(Kind::Icd10pcsOrder, String::new())];
    assert_eq!((order.rows, order.edition.as_str()), (80_029, "FY2026"));
    assert_eq!(
        catalog
            .billable_below(order.id, "", usize::MAX >> 1)
            .unwrap()
            .len(),
        79_115
    );
    assert_eq!(
        catalog
            .entry(order.id, "0016070")
            .unwrap()
            .unwrap()
            .parent
            .as_deref(),
        Some("001")
    );
    assert_eq!(
        pcs[&(Kind::Icd10pcsAddenda, "order".to_owned())].rows,
        160 + 27 + 2
    );
}

/// Today's schema with content of FY2017: the parser of the list reads it, and it has codes that today's has not.
#[test]
fn the_real_tabular_list_of_2017() {
    if shared().is_none() {
        return;
    }
    let (dir, catalog) = open();
    let file = shared()
        .unwrap()
        .join("icd10cm/ICD10CM_FY2017_Full_XML.zip");
    let mut lists = Vec::new();
    walk::<CatalogError>(&file, dir.path(), &Limits::default(), &mut |member| {
        if let Some(found) = recognise(&member).filter(|f| f.kind == Kind::Icd10cmTabular) {
            lists.push((
                found.edition,
                casebook_releases::tabular::parse(&member.read_text(64 << 20)?).unwrap(),
            ));
        }
        Ok(())
    })
    .unwrap();
    let (edition, list) = lists.remove(0);
    assert_eq!(edition.as_deref(), Some("FY2017"));
    let billable = list.rows.iter().filter(|r| r.billable).count();
    eprintln!(
        "tabular list of FY2017: {} rows, {billable} billable",
        list.rows.len()
    );
    assert_eq!(billable, 71_486);
    let order = real(
        &catalog,
        dir.path(),
        "icd10cm/icd10cm-code-descriptions-2026.zip",
    );
    let order = &order[&(Kind::Icd10cmOrder, String::new())];
    // Q87.1 became a header in FY2020, U07.1 came in 2020.
    let then = |code: &str| {
        list.rows
            .iter()
            .find(|r| r.code == code)
            .map(|r| r.billable)
    };
    assert_eq!((then("Q871"), then("U071")), (Some(true), None));
    assert!(!catalog.entry(order.id, "Q871").unwrap().unwrap().billable);
    assert!(catalog.entry(order.id, "U071").unwrap().is_some());
}

/// The counts of the indexes are those of codes: `code` elements, and cells that hold a code.
#[test]
fn the_real_indexes() {
    if shared().is_none() {
        return;
    }
    let (dir, catalog) = open();
    let older = real(&catalog, dir.path(), "icd10cm/ICD10CM_FY2017_Full_XML.zip");
    let newer = real(
        &catalog,
        dir.path(),
        "icd10cm/icd10cm_eindex_drug_neoplasm_2022_xml.zip",
    );
    let of = |editions: &BTreeMap<(Kind, String), Edition>, kind| {
        editions[&(kind, String::new())].clone()
    };
    let codes = |id: i64, role: &str| -> i64 {
        rusqlite::Connection::open(dir.path().join("catalog.sqlite"))
            .unwrap()
            .query_row(
                "SELECT count(*) FROM index_code WHERE edition = ?1 AND role = ?2",
                rusqlite::params![id, role],
                |r| r.get(0),
            )
            .unwrap()
    };
    let index = of(&older, Kind::Icd10cmIndex);
    assert_eq!(
        (index.rows, index.edition.as_str()),
        (7_973 + 69_226, "FY2017")
    );
    assert_eq!(codes(index.id, "code"), 59_412);
    assert_eq!(codes(index.id, "manifestation"), 746);
    let external = of(&newer, Kind::Icd10cmExternal);
    assert_eq!(
        (external.rows, external.edition.as_str()),
        (314 + 7_486, "FY2022")
    );
    assert_eq!(codes(external.id, "code"), 6_416);
    let drugs = of(&newer, Kind::Icd10cmDrugs);
    assert_eq!(
        (drugs.rows, codes(drugs.id, "cell")),
        (5_175 + 2_248, 40_000)
    );
    let neoplasms = of(&newer, Kind::Icd10cmNeoplasm);
    assert_eq!(
        (neoplasms.rows, codes(neoplasms.id, "cell")),
        (1 + 1_938, 9_018)
    );
    assert_eq!(of(&older, Kind::Icd10cmExternal).rows, 314 + 7_258);

    let ache = catalog.index_exactly(index.id, "abasia").unwrap();
    assert_eq!(ache[0].title, "Abasia (-astasia) (hysterical)");
    assert_eq!(ache[0].codes[0].printed, "F44.4");
    let lung = catalog
        .index_starting(neoplasms.id, "neoplasm neoplastic lung", false, 1)
        .unwrap()
        .remove(0);
    let primary = &lung.codes[0];
    assert_eq!(
        (primary.heading.as_deref(), primary.printed.as_str()),
        (Some("Malignant Primary"), "C34.9-")
    );
    assert!(
        !catalog
            .index_leading_to(drugs.id, "T513X1A", 9)
            .unwrap()
            .is_empty()
    );
    assert!(catalog.index_names(index.id).unwrap().len() > 58_000);
}

#[test]
fn the_real_conversions_exemptions_and_mappings() {
    if shared().is_none() {
        return;
    }
    let (dir, catalog) = open();
    let loaded = real(
        &catalog,
        dir.path(),
        "icd10cm/ICD-10-CM-CONVERSION-TABLE-FY2026.xlsx",
    );
    let table = &loaded[&(Kind::Icd10cmConversion, String::new())];
    // The sheet ends at row 5,897; two rows above the table, 5,892 in it, 8 of them twice.
    assert_eq!((table.rows, table.edition.as_str()), (5_884, "FY2026"));
    assert_eq!(
        table.effective,
        NaiveDate::from_ymd_opt(2025, 10, 1).unwrap()
    );
    let added = &catalog.added_when(table.id, "A0471").unwrap()[0];
    assert_eq!(
        (
            added.effective.to_string().as_str(),
            added.previous.as_str()
        ),
        ("2017-10-01", "A04.7")
    );
    assert_eq!(catalog.became(table.id, "A047").unwrap().len(), 2);

    let lists = real(&catalog, dir.path(), "icd10cm/POAexemptCodesFY26.zip");
    let list = |part: &str| &lists[&(Kind::PoaExempt, part.to_owned())];
    assert_eq!(
        (list("list").rows, list("list").edition.as_str()),
        (38_349, "FY2026")
    );
    assert_eq!(
        (list("add").rows, list("delete").rows, list("revise").rows),
        (209, 14, 50)
    );
    assert!(
        catalog
            .poa_exempt(list("list").id, "Z993")
            .unwrap()
            .is_some()
    );
    assert!(
        catalog
            .poa_exempt(list("list").id, "A000")
            .unwrap()
            .is_none()
    );

    // Each workbook says what its text file says.
    let file = shared().unwrap().join("icd10cm/POAexemptCodesFY26.zip");
    let mut rows: BTreeMap<String, Vec<casebook_releases::poa::Exempt>> = BTreeMap::new();
    walk::<CatalogError>(&file, dir.path(), &Limits::default(), &mut |member| {
        if let Some(found) = recognise(&member).filter(|f| f.kind == Kind::PoaExempt) {
            let of = rows
                .entry(format!("{} {:?}", found.part, member.form))
                .or_default();
            casebook_releases::poa::read::<CatalogError>(&member, &found.part, &mut |row| {
                of.push(row);
                Ok(())
            })?;
        }
        Ok(())
    })
    .unwrap();
    assert_eq!(rows.len(), 8);
    for part in ["list", "add", "delete", "revise"] {
        assert_eq!(
            rows[&format!("{part} Text")],
            rows[&format!("{part} Workbook")],
            "{part}"
        );
    }

    let gems = real(&catalog, dir.path(), "gems/Dxgem_2018.zip");
    let forward = &gems[&(Kind::GemForward, "dx".to_owned())];
    let backward = &gems[&(Kind::GemBackward, "dx".to_owned())];
    assert_eq!(
        (forward.rows, backward.rows, forward.edition.as_str()),
        (24_860, 81_593, "FY2018")
    );
    assert_eq!(
        catalog.gems_from(forward.id, "0010").unwrap()[0]
            .target
            .as_deref(),
        Some("A000")
    );
    assert!(catalog.gems_from(backward.id, "R29700").unwrap()[0].no_map());
}
