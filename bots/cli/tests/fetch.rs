//! `casebook fetch`, as people and scripts run it, against a publisher on this machine.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are not test functions, which may unwrap"
)]

#[path = "../../../core/fetch/tests/publisher/mod.rs"]
mod publisher;

use std::path::Path;
use std::process::{Command, Output};

use casebook_fetch::file::sha256;
use publisher::{Publisher, Reply};
use serde_json::Value;
use tempfile::TempDir;

const GUIDELINES: &[u8] = b"%PDF-1.7\nnot much\n%%EOF\n";
const PATH: &str = "/guidelines-2027.pdf";

fn casebook(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_casebook"));
    command
        .arg("--data")
        .arg(data)
        .arg("fetch")
        .args(arguments)
        .env_clear();
    command
}

fn said(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// A publisher that has the guidelines, and a folder with a file that leads there.
fn started() -> (TempDir, Publisher) {
    let publisher = Publisher::start();
    publisher.put(PATH, GUIDELINES);
    let data = TempDir::new().unwrap();
    let changes = format!(
        "[icd10cm-guidelines]\nbase = \"{}\"\nfile = [{{ path = \"/guidelines-{{fy}}.pdf\" }}]\n",
        publisher.base()
    );
    fs_err::write(data.path().join("publishers.toml"), changes).unwrap();
    (data, publisher)
}

fn fetch(data: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = casebook(data, arguments);
    command.env("CASEBOOK_PUBLISHERS", data.join("publishers.toml"));
    said(&command.output().unwrap())
}

#[test]
fn without_a_source_it_lists_what_there_is() {
    let data = TempDir::new().unwrap();
    let list = |arguments: &[&str]| said(&casebook(data.path(), arguments).output().unwrap());
    let (status, page, _) = list(&["--as-of", "2026-11-25"]);
    assert_eq!(status, Some(0));
    let (ours, theirs) = page.split_once("only you can accept").unwrap();
    for (name, edition) in [
        ("icd10cm", "FY2027"),
        ("hcpcs", "2026-Q4"),
        ("gems", "FY2018"),
    ] {
        assert!(
            ours.lines()
                .any(|l| l.trim().starts_with(name) && l.contains(edition)),
            "{name}: {page}"
        );
    }
    for name in ["ncci-ptp-practitioner", "ncci-mue", "rvu", "mcd"] {
        assert!(theirs.contains(name), "{name}: {page}");
    }
    let (status, json, _) = list(&["--json", "--as-of", "2026-11-25"]);
    assert_eq!(status, Some(0));
    let json: Value = serde_json::from_str(&json).unwrap();
    let sources = json["sources"].as_array().unwrap();
    let hcpcs = sources.iter().find(|s| s["source"] == "hcpcs").unwrap();
    assert_eq!(hcpcs["effective"], "2026-10-01");
    assert_eq!(
        hcpcs["files"][0]["url"],
        "https://www.cms.gov/files/zip/october-2026-alpha-numeric-hcpcs-file.zip"
    );
    // Nothing was made.
    assert_eq!(fs_err::read_dir(data.path()).unwrap().count(), 0);
}

#[test]
fn a_source_is_fetched_and_the_next_command_named() {
    let (data, publisher) = started();
    let path = data
        .path()
        .join("downloads/icd10cm-guidelines/FY2027/guidelines-2027.pdf");
    let (status, page, _) = fetch(
        data.path(),
        &["--as-of", "2026-11-25", "icd10cm-guidelines"],
    );
    assert_eq!(status, Some(0), "{page}");
    assert_eq!(fs_err::read(&path).unwrap(), GUIDELINES);
    assert!(
        page.contains(&format!("fetched   {}", path.display())),
        "{page}"
    );
    assert!(
        page.contains(&format!("then run: casebook ingest {}", path.display())),
        "{page}"
    );

    let (status, json, _) = fetch(
        data.path(),
        &["--json", "--as-of", "2026-11-25", "icd10cm-guidelines"],
    );
    assert_eq!(status, Some(0));
    let json: Value = serde_json::from_str(&json).unwrap();
    let fetched = &json["sources"][0]["files"][0]["fetched"];
    assert_eq!(fetched["unchanged"], true);
    assert_eq!(fetched["sha256"], sha256(GUIDELINES).unwrap());
    assert_eq!(publisher.seen().len(), 2);
}

#[test]
fn what_a_person_has_to_accept_is_not_fetched() {
    let (data, publisher) = started();
    let (status, page, _) = fetch(data.path(), &["--as-of", "2026-11-25", "ncci-mue", "rvu"]);
    assert_eq!(status, Some(0));
    for part in [
        "only you can accept",
        "1. open https://www.cms.gov/medicare/payment/fee-schedules/physician/pfs-relative-value-files/rvu26d",
        "medicare-ncci-2026-q4-practitioner-services-mue-table",
        "3. then run: casebook ingest FILE",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert_eq!(publisher.seen().len(), 0);
    assert!(!data.path().join("downloads").exists());
}

#[test]
fn failures_say_what_to_do() {
    let (data, publisher) = started();
    let guidelines = |more: &[&str]| {
        let mut arguments = vec!["--as-of", "2026-11-25", "icd10cm-guidelines"];
        arguments.extend(more);
        fetch(data.path(), &arguments)
    };
    publisher.reply([Reply::status(403)]);
    let (status, page, errors) = guidelines(&["--json"]);
    assert_eq!(status, Some(1));
    assert!(
        errors.contains("refuses this program (403)") && errors.contains("casebook ingest FILE"),
        "{errors}"
    );
    let json: Value = serde_json::from_str(&page).unwrap();
    assert!(json["sources"][0]["errors"][0].is_string());

    // A changed checksum, and its acceptance.
    assert_eq!(guidelines(&[]).0, Some(0));
    let changed = [GUIDELINES, b"%%EOF\n"].concat();
    publisher.put(PATH, &changed);
    let (status, _, errors) = guidelines(&[]);
    assert_eq!(status, Some(1));
    assert!(errors.contains("--accept-changed"), "{errors}");
    assert_eq!(guidelines(&["--accept-changed"]).0, Some(0));

    // Wrong usage is 2, and names what there is.
    let (status, _, errors) = fetch(data.path(), &["icd11"]);
    assert_eq!(status, Some(2));
    assert!(errors.contains("known are icd10cm, "), "{errors}");

    // Offline nothing is asked.
    let before = publisher.seen().len();
    let output = casebook(data.path(), &["icd10cm-guidelines"])
        .env("CASEBOOK_PUBLISHERS", data.path().join("publishers.toml"))
        .env("CASEBOOK_OFFLINE", "true")
        .output()
        .unwrap();
    let (status, _, errors) = said(&output);
    assert_eq!(status, Some(1));
    assert!(errors.contains("switched off (offline)"), "{errors}");
    assert_eq!(publisher.seen().len(), before);

    // An operator's file that is wrong is named.
    fs_err::write(
        data.path().join("publishers.toml"),
        "[hcpcs]\nhost = \"a\"\n",
    )
    .unwrap();
    let (status, _, errors) = guidelines(&[]);
    assert_eq!(status, Some(1));
    assert!(
        errors.contains("publishers.toml") && errors.contains("host"),
        "{errors}"
    );
}

#[test]
fn a_killed_command_is_continued_by_the_next() {
    let (data, publisher) = started();
    let large = [b"%PDF-1.7\n", &[b'x'; 100_000][..], b"\n%%EOF\n"].concat();
    publisher.put(PATH, &large);
    publisher.reply([Reply {
        stall: true,
        ..Reply::cut(40_000)
    }]);
    let arguments = ["--as-of", "2026-11-25", "icd10cm-guidelines"];
    let mut child = casebook(data.path(), &arguments)
        .env("CASEBOOK_PUBLISHERS", data.path().join("publishers.toml"))
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let folder = data.path().join("downloads/icd10cm-guidelines/FY2027");
    let part = folder.join("guidelines-2027.pdf.part");
    while fs_err::metadata(&part).map_or(0, |m| m.len()) < 40_000 {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!folder.join("guidelines-2027.pdf").exists());
    let (status, json, _) = fetch(
        data.path(),
        &["--json", "--as-of", "2026-11-25", "icd10cm-guidelines"],
    );
    assert_eq!(status, Some(0));
    let json: Value = serde_json::from_str(&json).unwrap();
    let fetched = &json["sources"][0]["files"][0]["fetched"];
    assert_eq!(fetched["resumed_from"], 40_000);
    assert_eq!(
        fs_err::read(folder.join("guidelines-2027.pdf")).unwrap(),
        large
    );
    assert_eq!(
        publisher.headers("range"),
        [None, Some("bytes=40000-".to_owned())]
    );
}
