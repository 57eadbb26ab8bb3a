//! `casebook fetch`, as people and scripts run it, against a publisher on this machine.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are not test functions, which may unwrap"
)]

#[path = "../../../core/fetch/tests/publisher/mod.rs"]
mod publisher;

use std::path::Path;
use std::process::{Command, Output};

use casebook_core::catalog::Catalog;
use casebook_core::catalog::ingest::{Fate, Options, ingest};
use casebook_core::{Casebook, Intent, Request, Settings, StoreSettings, Verdict};
use casebook_fetch::file::sha256;
use casebook_releases::Kind;
use casebook_releases::coverage::{Version, api};
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

const TOKEN: &str = "Bearer ours";

/// The coverage API on this machine, its answers in the form of its description: a national determination, and a local
/// one with the article that it names.
fn coverage_api() -> (TempDir, Publisher) {
    let publisher = Publisher::start();
    let (ncd, lcd, article) = (
        (Kind::Ncd, 20, 1),
        (Kind::Lcd, 500, 3),
        (Kind::Article, 900, 7),
    );
    for (kind, document, version) in [ncd, lcd, article] {
        let of = Version {
            kind,
            document,
            version,
        };
        for request in api::document(of) {
            let secret = request.licensed.then_some(TOKEN);
            publisher.put_answer(&request.path, r#"{"meta":{},"data":[]}"#, secret);
        }
    }
    let list = |kind: &str, id: i64, display: &str, version: i64, title: &str| {
        format!(
            r#"{{"meta":{{}},"data":[{{"document_id":{id},"document_version":{version},"document_display_id":"{display}",
            "document_type":"{kind}","title":"{title}","effective_date":"03/01/2025","url":"https://ours.example/"}}]}}"#
        )
    };
    let answers = [
        (
            "/v1/reports/national-coverage-ncd/",
            list("NCD", 20, "160.99", 1, "National"),
        ),
        (
            "/v1/reports/local-coverage-final-lcds/",
            list("LCD", 500, "L500", 3, "Our spinal injections"),
        ),
        (
            "/v1/reports/local-coverage-articles/",
            list("Article", 900, "A900", 7, "Billing our spinal injections"),
        ),
        (
            "/v1/metadata/states/",
            r#"{"data":[{"state_id":49,"description":"Texas"}]}"#.to_owned(),
        ),
        (
            "/v1/data/contractor/?contractor_id=8",
            r#"{"data":[{"contractor_id":8,"contract_type_id":2,"contractor_version":1,"contractor_name":"Our Contractor",
            "contract_number":"01234"}]}"#
                .to_owned(),
        ),
        (
            "/v1/data/ncd/?ncdid=20&ncdver=1",
            r#"{"data":[{"document_id":20,"document_version":1,"document_display_id":"160.99","title":"National",
            "effective_date":"01/01/2001","effective_end_date":"N/A","indications_limitations":"<p>Everywhere.</p>"}]}"#
                .to_owned(),
        ),
    ];
    for (path, body) in answers {
        publisher.put_answer(path, &body, None);
    }
    let licensed = [
        (
            "/v1/data/lcd/?lcdid=500&ver=3",
            r#"{"data":[{"lcd_id":500,"lcd_version":3,"title":"Our spinal injections","rev_eff_date":"03/01/2025",
            "indication":"<p>An epidural injection is covered after four weeks of other care.</p>","status":"A","display_id":"L500"}]}"#,
        ),
        (
            "/v1/data/lcd/related-documents?lcdid=500&ver=3",
            r#"{"data":[{"lcd_id":500,"lcd_version":3,"r_article_id":900,"r_article_version":0,"r_lcd_id":null}]}"#,
        ),
        (
            "/v1/data/article/?articleid=900&ver=7",
            r#"{"data":[{"article_id":900,"article_version":7,"title":"Billing our spinal injections",
            "article_eff_date":"03/01/2025","article_end_date":null,"description":"<p>Bill one level.</p>","status":"A","display_id":"A900"}]}"#,
        ),
        (
            "/v1/data/article/hcpc-code?articleid=900&ver=7",
            r#"{"data":[{"article_id":900,"article_version":7,"hcpc_code_id":"62323","hcpc_code_group":1,
            "long_description":"UNREAD","short_description":"UNREAD"}]}"#,
        ),
        (
            "/v1/data/article/icd10-covered?articleid=900&ver=7",
            r#"{"data":[{"article_id":900,"article_version":7,"icd10_code_id":"M54.16","icd10_covered_group":1,"description":"x"}]}"#,
        ),
        (
            "/v1/data/article/related-documents?articleid=900&ver=7",
            r#"{"data":[{"article_id":900,"article_version":7,"r_lcd_id":500,"r_lcd_version":3,"r_article_id":null}]}"#,
        ),
        (
            "/v1/data/article/primary-jurisdiction?articleid=900&ver=7",
            r#"{"data":[{"lcd_id":900,"lcd_version":7,"state_id":49}]}"#,
        ),
        (
            "/v1/data/lcd/primary-jurisdiction?lcdid=500&ver=3",
            r#"{"data":[{"lcd_id":500,"lcd_version":3,"state_id":49}]}"#,
        ),
        (
            "/v1/data/article/contractor?articleid=900&ver=7",
            r#"{"data":[{"article_id":900,"article_version":7,"contractor_id":8,"contractor_type_id":2,"contractor_version":1}]}"#,
        ),
    ];
    for (path, body) in licensed {
        publisher.put_answer(path, body, Some(TOKEN));
    }
    let data = TempDir::new().unwrap();
    let changes = format!("[coverage-api]\nbase = \"{}\"\n", publisher.base());
    fs_err::write(data.path().join("publishers.toml"), changes).unwrap();
    (data, publisher)
}

fn coverage(data: &Path, token: Option<&str>, documents: &str) -> (Option<i32>, String, String) {
    let mut command = casebook(data, &["--json", "coverage-api", "--document", documents]);
    command.env("CASEBOOK_PUBLISHERS", data.join("publishers.toml"));
    if let Some(token) = token {
        command.env("CASEBOOK_COVERAGE_TOKEN", token);
    }
    said(&command.output().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn coverage_documents_come_with_their_codes() {
    let (data, publisher) = coverage_api();
    // National determinations need no token; local ones are not even asked for without one.
    let (status, page, errors) = coverage(data.path(), None, "160.99");
    assert_eq!(status, Some(0), "{page} {errors}");
    let asked = publisher.seen().len();
    let (status, _, errors) = coverage(data.path(), None, "L500");
    assert_eq!(status, Some(1));
    assert!(
        errors.contains("read the agreement") && errors.contains("CASEBOOK_COVERAGE_TOKEN"),
        "{errors}"
    );
    // The lists alone were looked at again.
    assert_eq!(publisher.seen().len(), asked + 3);
    let (status, _, errors) = coverage(data.path(), Some("expired"), "L500");
    assert_eq!(status, Some(1));
    assert!(
        errors.contains("get a new one") && !errors.contains("expired"),
        "{errors}"
    );
    let (status, _, errors) = coverage(data.path(), Some("ours"), "L123");
    assert_eq!(status, Some(1));
    assert!(
        errors.contains("no list of the coverage API has it"),
        "{errors}"
    );

    // A connection that breaks after some answers: the next run asks only for the rest.
    let well = || Reply::default();
    let broken = || Reply {
        status: Some((400, String::new())),
        ..Reply::default()
    };
    publisher.reply([well(), well(), well(), well(), well(), broken()]);
    let before = publisher.seen().len();
    let (status, _, errors) = coverage(data.path(), Some("ours"), "L500");
    assert_eq!(status, Some(1), "{errors}");
    assert_eq!(publisher.seen().len(), before + 6);
    let (status, page, errors) = coverage(data.path(), Some("ours"), "L500");
    assert_eq!(status, Some(0), "{errors}");
    // Three lists, 7 and 15 pieces but for the two that were there; twice the states, and a contractor.
    assert_eq!(publisher.seen().len(), before + 6 + 3 + 7 + 15 - 2 + 3);
    let json: Value = serde_json::from_str(&page).unwrap();
    let files = json["sources"][0]["files"].as_array().unwrap();
    let names: Vec<&str> = files.iter().map(|f| f["file"].as_str().unwrap()).collect();
    assert_eq!(
        names[3..],
        [
            "coverage-article-documents.jsonl",
            "coverage-lcd-documents.jsonl"
        ]
    );
    let folder = Path::new(files[3]["fetched"]["path"].as_str().unwrap())
        .parent()
        .unwrap()
        .to_owned();
    let record = fs_err::read_to_string(data.path().join("downloads/record.toml")).unwrap();
    assert!(record.contains(files[3]["fetched"]["sha256"].as_str().unwrap()));
    assert!(!record.contains("ours.part") && !record.contains("Bearer"));

    // And what was fetched is loaded, and answers.
    let catalog = Catalog::open(data.path()).unwrap();
    let options = Options {
        today: "2026-11-25".parse().unwrap(),
        ..Options::default()
    };
    let done = ingest(&catalog, &[folder], &options, data.path(), &|_, _| ());
    assert_eq!(done.len(), 6);
    assert!(
        done.iter().all(|i| matches!(i.fate, Fate::Loaded(..))),
        "{done:?}"
    );
    let settings = Settings {
        data: data.path().to_owned(),
        store: StoreSettings::Edge,
    };
    let casebook = Casebook::open(&settings, None, None, &|_| ())
        .await
        .unwrap();
    for place in ["Texas", "TX"] {
        let request = Request {
            intent: Intent::Ask,
            text: format!("is 62323 covered in {place} and with which codes?"),
            as_of: "2026-11-25".parse().ok(),
            ..Request::default()
        };
        let answer = casebook.ask(&request).await.unwrap();
        assert_eq!(answer.verdict, Verdict::Answered, "{answer:?}");
        let lines = answer.lines.iter().map(|l| l.text.as_str());
        let cited = answer.citations.iter().map(|c| c.locator.as_str());
        let text = lines.chain(cited).collect::<Vec<_>>().join("\n");
        assert!(
            text.contains("A900") && text.contains("L500") && text.contains("M54.16"),
            "{text}"
        );
        assert!(!text.contains("UNREAD"));
    }
}

#[test]
fn documents_are_of_the_coverage_api_alone() {
    let (data, _) = started();
    let (status, _, errors) = fetch(data.path(), &["icd10cm", "--document", "L500"]);
    assert_eq!(status, Some(1));
    assert!(
        errors.contains("casebook fetch coverage-api --document L500"),
        "{errors}"
    );
}
