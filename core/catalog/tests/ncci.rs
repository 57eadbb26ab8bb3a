//! NCCI tables in the catalog: loaded whole or not at all, while others read, and after a kill.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are not test functions, which may unwrap"
)]

#[path = "../benches/generator/mod.rs"]
mod generator;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;

use casebook_catalog::check::{Claim, Verdict};
use casebook_catalog::{Catalog, CatalogError, Edition, Outcome, ncci};
use casebook_releases::archive::{Limits, walk};
use casebook_releases::ncci::addon::AddOnType;
use casebook_releases::ncci::mue::Adjudication;
use casebook_releases::recognise::recognise;
use casebook_releases::{Found, Member, Setting};
use chrono::NaiveDate;

const HEADING: &str = "Column 1\tColumn 2\t*=in existence prior to 1996\tEffective Date\tDeletion Date\tModifier 0=not allowed\tPTP Edit Rationale\n";

fn ptp(name: &str, rows: &str) -> Member {
    Member::from_bytes(name, format!("{HEADING}{rows}").into_bytes())
}

fn edition(member: &Member, found: &Found) -> Edition {
    Edition {
        id: 0,
        kind: found.kind,
        setting: found.setting,
        source: found.kind.source().to_owned(),
        edition: found.edition.clone().unwrap(),
        effective: found.effective.unwrap(),
        through: found.through,
        part: found.part.clone(),
        url: String::new(),
        file: member.path.clone(),
        sha256: member.sha256.clone(),
        rows: 0,
    }
}

fn load(catalog: &Catalog, member: &Member) -> Result<Outcome, CatalogError> {
    let found = recognise(member).unwrap();
    catalog.load(&edition(member, &found), |l| {
        ncci::load(l, member, &found).map(|_| ())
    })
}

fn empty() -> (tempfile::TempDir, Catalog) {
    let folder = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(folder.path()).unwrap();
    (folder, catalog)
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn claim(codes: &str, date: &str) -> Claim {
    Claim {
        lines: codes.split(' ').map(|c| c.parse().unwrap()).collect(),
        date: day(date),
        setting: Setting::Practitioner,
    }
}

fn verdict(catalog: &Catalog, codes: &str, date: &str) -> Verdict {
    let editions = catalog.editions().unwrap();
    catalog
        .ncci_check(&claim(codes, date), &editions)
        .unwrap()
        .verdict
}

#[test]
fn rows_come_back_and_go_with_their_edition() {
    let (_folder, catalog) = empty();
    let rows = "62323\t77003\t*\t20170101\t20191231\t0\tours\n62323\t77003\t\t20210101\t*\t1\tours too\n62324\t77003\t\t20170101\t20170101\t9\tours\n";
    load(&catalog, &ptp("ccipra-v322r0-f2.txt", rows)).unwrap();
    let id = catalog.editions().unwrap()[0].id;
    assert_eq!(catalog.editions().unwrap()[0].rows, 3);
    let pair = catalog.ptp_pair(id, "62323", "77003").unwrap();
    // The quote is the file's own line.
    let quotes: Vec<String> = pair.iter().map(|e| e.quote()).collect();
    assert_eq!(quotes, rows.lines().take(2).collect::<Vec<_>>());
    assert!(catalog.ptp_pair(id, "77003", "62323").unwrap().is_empty());
    let (first, second) = catalog.ptp_of(id, "77003", day("2026-08-01"), 10).unwrap();
    assert_eq!((first.len(), second.len()), (0, 1));
    assert_eq!(second[0].effective, day("2021-01-01"));
    let (first, _) = catalog.ptp_of(id, "62323", day("2018-08-01"), 10).unwrap();
    assert_eq!((first.len(), first[0].effective), (1, day("2017-01-01")));
    let part = catalog.ptp_parts().unwrap().remove(0);
    assert_eq!(
        (part.first.as_str(), part.last.as_str()),
        ("62323", "62324")
    );
    catalog.remove(id).unwrap();
    assert!(catalog.ptp_parts().unwrap().is_empty());
    assert!(catalog.ptp_pair(id, "62323", "77003").unwrap().is_empty());
}

#[test]
fn mue_and_add_on_rows_come_back() {
    let (_folder, catalog) = empty();
    let mue = "HCPCS/CPT Code,Practitioner Services MUE Values,MUE Adjudication Indicator,MUE Rationale\n62323,1,2 Date of Service Edit: Policy,ours\n";
    load(
        &catalog,
        &Member::from_bytes("MUE_Eff_07-01-2026.csv", mue.as_bytes()),
    )
    .unwrap();
    let addon = "AOC_Edit_Type\tAdd-On_Code\tAOC_DelDT\tPrimary_Code\tPrimary_Code_DelDT\tAOC_Edit_EffDT\tAOC_Edit_DelDT\tSpecial_Instruction_Notes\n1\t64484\t\t64483\t\t2013091\t2025365\tours\n";
    load(
        &catalog,
        &Member::from_bytes("AOC_V2026Q2-MCR.txt", addon.as_bytes()),
    )
    .unwrap();
    let editions = catalog.editions().unwrap();
    let id = |name: &str| {
        editions
            .iter()
            .find(|e| e.kind.as_str() == name)
            .unwrap()
            .id
    };
    let value = catalog.mue(id("ncci_mue"), "62323").unwrap().unwrap();
    assert_eq!(
        (value.mue.value, value.mue.adjudication),
        (1, Adjudication::DatePolicy)
    );
    assert_eq!(value.quote(), mue.lines().nth(1).unwrap());
    let edits = catalog.addon(id("ncci_addon"), "64484").unwrap();
    assert_eq!(
        (edits[0].addon.kind, edits[0].addon.deletion),
        (AddOnType::Complete, Some(day("2025-12-31")))
    );
    assert_eq!(edits[0].quote(), addon.lines().nth(1).unwrap());
    assert_eq!(
        catalog.addons_beside(id("ncci_addon"), "64483").unwrap(),
        edits
    );
}

#[test]
fn a_bad_row_loads_nothing() {
    let (_folder, catalog) = empty();
    let good = "62323\t77003\t\t20170101\t*\t0\tours\n";
    for (rows, says) in [
        (
            format!("{good}10060\t11055\t\t20170101\t*\t1\tours\n{good}"),
            "line 4: the edit 62323/77003 from 2017-01-01 stands here a second time",
        ),
        (
            format!("{good}10060\t11055\t\t20170230\t*\t1\tours\n"),
            "line 3",
        ),
        (format!("{good}10060\t110"), "line 3"),
    ] {
        let said = load(&catalog, &ptp("ccipra-v322r0-f1.txt", &rows))
            .unwrap_err()
            .to_string();
        assert!(said.contains(says), "{said}");
        assert!(catalog.editions().unwrap().is_empty());
        assert!(catalog.ptp_parts().unwrap().is_empty());
        assert!(catalog.ptp_pair(1, "62323", "77003").unwrap().is_empty());
    }
    load(&catalog, &ptp("ccipra-v322r0-f1.txt", good)).unwrap();
    assert!(matches!(
        load(&catalog, &ptp("other-name-ccipra-v322r0-f1.txt", good)).unwrap(),
        Outcome::Present(_)
    ));
    assert_eq!(catalog.editions().unwrap().len(), 1);
}

#[test]
fn an_unknown_part_is_loaded_with_a_warning() {
    let (_folder, catalog) = empty();
    let member = ptp(
        "ccipra-v322r0.txt",
        "62323\t77003\t\t20170101\t*\t0\tours\n",
    );
    let found = recognise(&member).unwrap();
    let mut warnings = Vec::new();
    catalog
        .load(&edition(&member, &found), |l| {
            warnings = ncci::load(l, &member, &found)?.warnings;
            Ok(())
        })
        .unwrap();
    assert!(
        warnings[0].contains("from 62323 to 62323 only"),
        "{warnings:?}"
    );
}

#[test]
fn a_generated_set_is_read_as_generated_in_both_forms() {
    for format in [generator::Format::Text, generator::Format::Workbook] {
        let (folder, catalog) = empty();
        let files = folder.path().join("files");
        fs_err::create_dir(&files).unwrap();
        generator::generate(&files, 5_000, 7, format).unwrap();
        walk::<CatalogError>(&files, folder.path(), &Limits::default(), &mut |m| {
            load(&catalog, &m).map(|_| ())
        })
        .unwrap();
        let editions = catalog.editions().unwrap();
        assert_eq!(editions.iter().map(|e| e.rows).sum::<u64>(), 5_000);
        assert_eq!(
            editions.iter().map(|e| e.part.as_str()).collect::<Vec<_>>(),
            ["f1", "f2", "f3", "f4"]
        );
        // All four parts cover every code.
        assert_eq!(
            verdict(&catalog, "00001 99999", "2026-08-01"),
            Verdict::Pass
        );
        let again = tempfile::tempdir().unwrap();
        let twice = generator::generate(again.path(), 5_000, 7, format).unwrap();
        assert_eq!(
            fs_err::read(&twice[2]).unwrap(),
            fs_err::read(files.join(twice[2].file_name().unwrap())).unwrap()
        );
    }
}

const OLD: &str = "62323\t77003\t\t20170101\t*\t0\tours\n";
const NEW: &str =
    "62323\t77003\t\t20170101\t20260930\t0\tours\n62323\t77003\t\t20261001\t*\t1\tours\n";

#[test]
fn a_reader_answers_from_the_old_edition_while_the_new_one_loads() {
    let (folder, catalog) = empty();
    load(&catalog, &ptp("ccipra-v322r0-f1.txt", OLD)).unwrap();
    std::thread::scope(|scope| {
        let (written, until_written) = mpsc::channel::<()>();
        let (go_on, until_go_on) = mpsc::channel::<()>();
        let catalog = &catalog;
        let loader = scope.spawn(move || {
            let member = ptp("ccipra-v323r0-f1.txt", NEW);
            let found = recognise(&member).unwrap();
            catalog
                .load(&edition(&member, &found), |l| {
                    ncci::load(l, &member, &found)?;
                    written.send(()).unwrap();
                    until_go_on.recv().unwrap();
                    Ok(())
                })
                .unwrap();
        });
        until_written.recv().unwrap();
        // Every row of the new edition is written now, and its transaction open.
        assert_eq!(catalog.editions().unwrap().len(), 1);
        assert_eq!(verdict(catalog, "62323 77003", "2026-11-25"), Verdict::Fail);
        let other = Catalog::open(folder.path()).unwrap();
        assert_eq!(verdict(&other, "62323 77003", "2026-11-25"), Verdict::Fail);
        go_on.send(()).unwrap();
        loader.join().unwrap();
    });
    assert_eq!(
        verdict(&catalog, "62323 77003", "2026-11-25"),
        Verdict::Bypassable
    );
    assert_eq!(catalog.editions().unwrap().len(), 2);
}

/// The child of the test below: loads a large part and stops in the middle of its transaction, for its parent to kill.
#[test]
fn loads_until_it_is_killed() {
    let Some(folder) = std::env::var_os("CASEBOOK_TEST_KILLED") else {
        return;
    };
    let folder = Path::new(&folder);
    let catalog = Catalog::open(folder).unwrap();
    walk::<CatalogError>(
        &folder.join("ccipra-v323r0-f1.txt"),
        folder,
        &Limits::default(),
        &mut |member| {
            let found = recognise(&member).unwrap();
            catalog.load(&edition(&member, &found), |l| {
                ncci::load(l, &member, &found)?;
                println!("\nwritten {}", l.rows);
                loop {
                    std::thread::park();
                }
            })?;
            Ok(())
        },
    )
    .unwrap();
}

#[test]
fn a_kill_in_the_middle_leaves_the_former_state() {
    let (folder, catalog) = empty();
    load(&catalog, &ptp("ccipra-v322r0-f1.txt", OLD)).unwrap();
    drop(catalog);
    // More pages than the cache holds, so that some are in the log when the process ends.
    let made = generator::generate(folder.path(), 2_000_000, 3, generator::Format::Text).unwrap();
    let path = folder.path().join("ccipra-v323r0-f1.txt");
    fs_err::rename(&made[0], &path).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "loads_until_it_is_killed", "--nocapture"])
        .env("CASEBOOK_TEST_KILLED", folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let written = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(|l| l.unwrap())
        .any(|l| l.starts_with("written"));
    let log = fs_err::metadata(folder.path().join("catalog.sqlite-wal"))
        .unwrap()
        .len();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(written, "the child ended by itself");
    assert!(
        log > 1 << 20,
        "nothing of the load was on disk yet: {log} bytes"
    );
    let catalog = Catalog::open(folder.path()).unwrap();
    let editions = catalog.editions().unwrap();
    assert_eq!(editions.len(), 1);
    assert_eq!(editions[0].edition, "2026 Q3");
    assert_eq!(catalog.ptp_parts().unwrap().len(), 1);
    assert_eq!(
        verdict(&catalog, "62323 77003", "2026-08-01"),
        Verdict::Fail
    );
    // And the file can be loaded again.
    load(&catalog, &ptp("ccipra-v323r0-f2.txt", NEW)).unwrap();
    assert_eq!(catalog.editions().unwrap().len(), 2);
}

#[test]
fn the_real_excerpt_answers_with_its_own_lines() {
    let folder = std::env::var_os("CASEBOOK_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        std::path::PathBuf::from,
    );
    let path = folder.join("data/ncci/ccipra-v322r0-f1.excerpt.txt");
    if !path.is_file() {
        eprintln!("skipped: {} is not there", path.display());
        return;
    }
    let text = fs_err::read_to_string(path).unwrap();
    let (_folder, catalog) = empty();
    load(
        &catalog,
        &Member::from_bytes("ccipra-v322r0-f1.excerpt.txt", text.as_bytes()),
    )
    .unwrap();
    let editions = catalog.editions().unwrap();
    assert_eq!(editions[0].rows, 30);
    let first = |codes: &str, date: &str| {
        let got = catalog.ncci_check(&claim(codes, date), &editions).unwrap();
        let citation = got.pairs[0].citation.clone().unwrap();
        assert!(
            text.lines().any(|l| l == citation.quote),
            "{}",
            citation.quote
        );
        (got.pairs[0].verdict, got.pairs[0].reason.clone())
    };
    assert_eq!(first("0001U 0030U", "2026-08-01").0, Verdict::Bypassable);
    assert_eq!(first("0001M 80050", "2018-12-31").0, Verdict::Fail);
    assert_eq!(first("0001U 0029U", "2026-06-30").0, Verdict::Bypassable);
    let (verdict, reason) = first("0001U 0029U", "2026-07-01");
    assert_eq!(verdict, Verdict::Pass);
    assert!(reason.contains("applied last on 2026-06-30"), "{reason}");
    let (verdict, reason) = first("0001A G0008", "2022-01-01");
    assert_eq!(verdict, Verdict::Pass);
    assert!(reason.contains("never active"), "{reason}");
}
