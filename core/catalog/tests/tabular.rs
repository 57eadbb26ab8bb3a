//! The tabular list: our small one in every detail, the real one by its known counts.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are not test functions, which may unwrap"
)]

use std::path::PathBuf;

use casebook_catalog::{Catalog, Edition};
use casebook_releases::Kind;
use casebook_releases::tabular::{Level, NoteKind, Tabular, parse};
use chrono::NaiveDate;

fn small() -> Tabular {
    parse(include_str!("../../../tests/fixtures/tabular.xml")).unwrap()
}

fn catalog(list: &Tabular) -> (tempfile::TempDir, Catalog, i64) {
    let dir = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(dir.path()).unwrap();
    let edition = Edition {
        id: 0,
        kind: Kind::Icd10cmTabular,
        setting: None,
        part: String::new(),
        url: String::new(),
        source: "list".into(),
        edition: "one".into(),
        effective: NaiveDate::from_ymd_opt(2026, 4, 1).unwrap(),
        through: None,
        file: "f".into(),
        sha256: "s".into(),
        rows: 0,
    };
    catalog.load(&edition, |l| l.tabular(&list.rows)).unwrap();
    let id = catalog.editions().unwrap()[0].id;
    (dir, catalog, id)
}

#[test]
fn seventh_characters_make_billable_codes() {
    let billable: Vec<String> = small()
        .rows
        .into_iter()
        .filter(|r| r.billable)
        .map(|r| r.code)
        .collect();
    assert_eq!(
        billable,
        [
            "E109", "E1122", "E119", "M5450", "M5459", "M5416", "S061X0A", "S061X0D", "S061X0S",
            // Died: neither a later encounter nor a sequela.
            "S061X7A", "S52501A", "S52501D", "S52502A", "S52502D", "S529XXA", "S529XXD", "B20"
        ]
    );
}

#[test]
fn a_block_of_one_category_keeps_its_own_row() {
    let rows = small().rows;
    assert!(
        rows.iter()
            .any(|r| r.code == "B20-B20" && r.level == Level::Section)
    );
    assert!(
        rows.iter()
            .any(|r| r.code == "B20" && r.parent.as_deref() == Some("B20-B20"))
    );
}

#[test]
fn notes_and_characters_come_down_the_tree() {
    let list = small();
    let (_dir, catalog, id) = catalog(&list);
    let lineage: Vec<String> = catalog
        .lineage(id, "S52501A")
        .unwrap()
        .into_iter()
        .map(|e| e.key)
        .collect();
    assert_eq!(
        lineage,
        ["S52501A", "S52501", "S525", "S52", "S50-S59", "ch19"]
    );
    let notes = catalog.notes(id, "E11").unwrap();
    let excludes: Vec<&str> = notes
        .iter()
        .filter(|n| n.kind == NoteKind::Excludes1)
        .map(|n| n.text.as_str())
        .collect();
    assert_eq!(
        excludes,
        [
            "diabetes of type 1 (E10.-)",
            "diabetes of pregnancy (O24.4-)"
        ]
    );
    assert_eq!(catalog.seventh(id, "S52").unwrap().len(), 2);
    assert_eq!(catalog.billable_below(id, "S525", 10).unwrap().len(), 4);
}

#[test]
fn the_same_file_twice_is_one_edition() {
    let list = small();
    let (_dir, catalog, _) = catalog(&list);
    let edition = catalog.editions().unwrap().remove(0);
    catalog.load(&edition, |l| l.tabular(&list.rows)).unwrap();
    assert_eq!(catalog.editions().unwrap().len(), 1);
}

#[test]
fn what_is_not_a_whole_list_is_refused() {
    for text in [
        "",
        "not xml",
        "<ICD10CM.tabular><version>1</version></ICD10CM.tabular>",
    ] {
        assert!(parse(text).is_err(), "{text:?}");
    }
    let whole = include_str!("../../../tests/fixtures/tabular.xml");
    assert!(parse(&whole[..whole.len() / 2]).is_err());
}

#[test]
fn a_bomb_is_refused_before_it_is_built() {
    let whole = include_str!("../../../tests/fixtures/tabular.xml");
    let bomb = whole.replacen(
        "<ICD10CM.tabular>",
        "<!DOCTYPE a [<!ENTITY a \"b\">]><ICD10CM.tabular>",
        1,
    );
    assert!(
        parse(&bomb)
            .unwrap_err()
            .to_string()
            .contains("entities of its own")
    );
    let deep = format!("<ICD10CM.tabular>{}", "<diag>".repeat(200_000));
    assert!(parse(&deep).unwrap_err().to_string().contains("48 deep"));
}

/// The real list against the official code file: the same billable codes but for none.
/// Needs the files that tests may read; says so where they are absent.
#[test]
fn the_real_list_expands_to_the_official_codes() {
    let Some((xml, official)) = real_files() else {
        return;
    };
    let list = parse(&fs_err::read_to_string(xml).unwrap()).unwrap();
    assert_eq!(
        list.rows
            .iter()
            .filter(|r| r.level == Level::Printed)
            .count(),
        46_881
    );
    let mut ours: Vec<&str> = list
        .rows
        .iter()
        .filter(|r| r.billable)
        .map(|r| r.code.as_str())
        .collect();
    ours.sort_unstable();
    let text = fs_err::read_to_string(official).unwrap();
    let mut theirs: Vec<&str> = text
        .lines()
        .filter_map(|l| l.split_whitespace().next())
        .collect();
    theirs.sort_unstable();
    assert_eq!(ours.len(), 74_719);
    assert_eq!(ours, theirs);
}

/// `CASEBOOK_TEST_ICD10CM` names a folder with the starter corpus's XML (`tabular.xml`) and the publisher's list
/// of billable codes (`codes.txt`).
fn real_files() -> Option<(PathBuf, PathBuf)> {
    let found = std::env::var_os("CASEBOOK_TEST_ICD10CM").map(PathBuf::from);
    let Some(folder) = found else {
        eprintln!("skipped: CASEBOOK_TEST_ICD10CM names no folder with tabular.xml and codes.txt");
        return None;
    };
    Some((folder.join("tabular.xml"), folder.join("codes.txt")))
}

/// A data folder of the first version holds one kind of edition; it is brought up to date, and the starter corpus loaded
/// again.
#[test]
fn a_data_folder_of_the_first_version_opens() {
    let dir = tempfile::tempdir().unwrap();
    let old = rusqlite::Connection::open(dir.path().join("catalog.sqlite")).unwrap();
    old.execute_batch(include_str!("../src/migrations/01-starter-corpus.sql"))
        .unwrap();
    old.execute_batch(
        "PRAGMA user_version = 1;
         INSERT INTO edition VALUES (1, 'icd10cm', 'list', 'one', '2026-04-01', NULL, 'f', 's', 1);
         INSERT INTO code VALUES (1, 'A00', NULL, 0, 'Cholera', 2, 0);",
    )
    .unwrap();
    drop(old);
    let catalog = Catalog::open(dir.path()).unwrap();
    assert!(catalog.editions().unwrap().is_empty());
    let list = small();
    let edition = Edition {
        id: 0,
        kind: Kind::Icd10cmTabular,
        setting: None,
        part: String::new(),
        url: String::new(),
        source: "list".into(),
        edition: "one".into(),
        effective: NaiveDate::from_ymd_opt(2026, 4, 1).unwrap(),
        through: None,
        file: "f".into(),
        sha256: "s".into(),
        rows: 0,
    };
    catalog.load(&edition, |l| l.tabular(&list.rows)).unwrap();
    assert_eq!(catalog.editions().unwrap().len(), 1);
}
