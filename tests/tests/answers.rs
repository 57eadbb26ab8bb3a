//! What people see, as snapshots: cards, answers, refusals and errors, on a small list of our own and without a model,
//! so that they are the same on every machine.

use std::path::Path;

use casebook_core::{Answer, Casebook, Intent, Request, Settings, StarterCorpus, StoreSettings};
use chrono::NaiveDate;

async fn engine(data: &Path) -> Casebook {
    let starter = StarterCorpus {
        file: Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/tabular.xml"),
        name: "fixtures/tabular.xml".into(),
        sha256: "not loaded yet".into(),
    };
    let settings = Settings {
        data: data.to_owned(),
        store: StoreSettings::Edge,
    };
    Casebook::open(&settings, Some(&starter), None, &|_| ())
        .await
        .unwrap()
}

/// As a person reads it: verdict, reason, lines with their marks, sources.
fn shown(answer: &Answer) -> String {
    let mut page = format!("{:?}", answer.verdict);
    if let Some(reason) = &answer.reason {
        page.push_str(&format!(": {reason}"));
    }
    if let Some(read_as) = &answer.read_as {
        page.push_str(&format!("\nread as: {read_as}"));
    }
    for line in &answer.lines {
        page.push_str(&format!("\n- {} {:?}", line.text, line.citations));
    }
    for line in &answer.more {
        page.push_str(&format!("\n+ {} {:?}", line.text, line.citations));
    }
    if !answer.related.is_empty() {
        page.push_str(&format!("\nrelated: {}", answer.related.join(" | ")));
    }
    for c in &answer.citations {
        page.push_str(&format!(
            "\n[{}] {} | {} | {} | {} | {}",
            c.n, c.source, c.locator, c.edition, c.effective, c.url
        ));
    }
    let codes: Vec<String> = answer
        .codes
        .iter()
        .map(|c| format!("{} {:?}", c.code, c.status))
        .collect();
    format!("{page}\ncodes: {}", codes.join(", "))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_answer() {
    let dir = tempfile::tempdir().unwrap();
    let casebook = engine(dir.path()).await;
    let today = NaiveDate::from_ymd_opt(2026, 5, 1);
    let late = NaiveDate::from_ymd_opt(2026, 11, 24);
    let mut page = String::new();
    for (intent, text, as_of) in [
        (Intent::Code, "M54.50", today),
        (Intent::Code, "m5450", late),
        (Intent::Code, "M54.5-", today),
        (Intent::Code, "M5416", today),
        (Intent::Code, "S52.501A", today),
        (Intent::Code, "S52.9", today),
        (Intent::Code, "E11.22 M54.59", today),
        (Intent::Code, "E11.99", today),
        (Intent::Code, "hello", today),
        (Intent::Ask, "excludes1 for E11.9", today),
        (Intent::Ask, "can E11.9 and E10.9 be coded together", today),
        (
            Intent::Ask,
            "can E11.9 and M54.50 be billed together",
            today,
        ),
        (Intent::Ask, "7th character for S52.5", today),
        (Intent::Ask, "E11.9 on 2014-01-01", today),
        (Intent::Ask, "0SRD0J9", today),
        (Intent::Ask, "MS-DRG 470", today),
        (Intent::Ask, "lumbago", today),
        (Intent::Ask, "", today),
        (Intent::Ask, "🙂", today),
        (Intent::Ask, "I have chest pain, what should I do?", today),
        (Intent::Ask, "what dose of metformin should I give", today),
        (Intent::Ask, "how can I upcode this visit", today),
        (Intent::Ask, "who won the world cup", today),
    ] {
        let request = Request {
            intent,
            text: text.into(),
            as_of,
            setting: None,
            ..Request::default()
        };
        let answer = casebook.ask(&request).await.unwrap();
        page.push_str(&format!("=== {intent:?} {text}\n{}\n\n", shown(&answer)));
    }
    let long = casebook
        .ask(&Request {
            intent: Intent::Ask,
            text: "x ".repeat(50_000),
            as_of: today,
            setting: None,
            ..Request::default()
        })
        .await
        .unwrap();
    page.push_str(&format!("=== 100 KB\n{}\n", shown(&long)));
    insta::assert_snapshot!(page);
}

#[tokio::test(flavor = "multi_thread")]
async fn cards_as_json() {
    let dir = tempfile::tempdir().unwrap();
    let casebook = engine(dir.path()).await;
    let typed = ["E11.22", "S52.501A", "Z99.999"].map(str::to_owned);
    let cards = casebook
        .cards(
            &typed,
            None,
            None,
            NaiveDate::from_ymd_opt(2026, 5, 1).unwrap(),
        )
        .unwrap();
    insta::assert_json_snapshot!(cards);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_indexes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    drop(engine(dir.path()).await);
    let steps = std::sync::atomic::AtomicUsize::new(0);
    let settings = Settings {
        data: dir.path().to_owned(),
        store: StoreSettings::Edge,
    };
    Casebook::open(&settings, None, None, &|_| {
        steps.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    })
    .await
    .unwrap();
    assert_eq!(steps.into_inner(), 0);
}

#[tokio::test]
async fn a_missing_or_broken_corpus_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings {
        data: dir.path().join("data"),
        store: StoreSettings::Edge,
    };
    let broken = dir.path().join("broken.xml");
    fs_err::write(&broken, "<ICD10CM.tabular><version>").unwrap();
    for file in [broken, dir.path().join("absent.xml")] {
        let starter = StarterCorpus {
            file: file.clone(),
            name: "x".into(),
            sha256: "y".into(),
        };
        let failed = Casebook::open(&settings, Some(&starter), None, &|_| ())
            .await
            .err()
            .unwrap()
            .to_string();
        assert!(
            failed.contains(file.file_name().unwrap().to_str().unwrap()),
            "{failed}"
        );
    }
}
