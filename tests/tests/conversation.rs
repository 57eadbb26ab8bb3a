//! Questions that follow from others: what they are read as, and that what an answer offers next is answered.

use std::path::{Path, PathBuf};

use casebook_core::catalog::Catalog;
use casebook_core::catalog::ingest::{Options, ingest};
use casebook_core::{Answer, Casebook, Request, Settings, StarterCorpus, StoreSettings, Verdict};
use chrono::NaiveDate;

const NOW: &str = "2026-11-25";

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// The engine on our small releases, without a model: the same answers on every machine.
async fn engine(data: &Path) -> Casebook {
    let options = Options {
        today: day(NOW),
        ..Options::default()
    };
    let catalog = Catalog::open(data).unwrap();
    ingest(
        &catalog,
        &[fixtures().join("releases")],
        &options,
        data,
        &|_, _| (),
    );
    let starter = StarterCorpus {
        file: fixtures().join("tabular.xml"),
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

fn request(text: &str) -> Request {
    Request {
        text: text.into(),
        as_of: Some(day(NOW)),
        ..Request::default()
    }
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|t| (*t).to_owned()).collect()
}

async fn follow(casebook: &Casebook, before: &[&str], text: &str) -> Answer {
    let request = Request {
        before: strings(before),
        ..request(text)
    };
    casebook.ask(&request).await.unwrap()
}

fn says(answer: &Answer, needle: &str) -> bool {
    answer.lines.iter().any(|l| l.text.contains(needle))
}

/// As a person reads it.
fn shown(answer: &Answer) -> String {
    let mut page = format!("{:?}", answer.verdict);
    if let Some(reason) = &answer.reason {
        page.push_str(&format!(": {reason}"));
    }
    if let Some(read_as) = &answer.read_as {
        page.push_str(&format!("\nread as: {read_as}"));
    }
    for line in answer.lines.iter().take(3) {
        let first = line.text.lines().next().unwrap_or_default();
        page.push_str(&format!("\n- {first} {:?}", line.citations));
    }
    page.push_str(&format!("\nnext: {}", answer.related.join(" | ")));
    page
}

#[tokio::test(flavor = "multi_thread")]
async fn follow_ups_as_a_person_sees_them() {
    let dir = tempfile::tempdir().unwrap();
    let casebook = engine(dir.path()).await;
    let pair = "can I bill 77003 with 62323?";
    let mut page = String::new();
    for (before, text) in [
        (vec![pair], "and with modifier 59?"),
        (vec![pair], "and for Medicaid?"),
        (vec![pair], "on 6/1/2020?"),
        (vec![pair], "what about 77002?"),
        (vec![pair, "and with modifier 59?"], "on 6/1/2020?"),
        (vec!["fee for 99213 in Manhattan"], "and in Alaska?"),
        (vec!["fee for 99213 in Manhattan"], "what about 77003?"),
        (vec!["fee for 77003"], "and with modifier 26?"),
        (vec!["fee for 99213"], "what about Aetna?"),
        (vec!["is 62323 covered in Texas?"], "and the fee?"),
        (vec!["is 62323 covered in Texas?"], "in Utah?"),
        (vec!["what is 62323?"], "what is the MUE?"),
        (vec!["fee for 64483"], "what about bilateral?"),
        (vec!["what is E11.22?"], "ICD-9 crosswalk?"),
        (vec![pair], "what is modifier 25?"),
        (vec![pair], "fee for 99213"),
    ] {
        let answer = follow(&casebook, &before, text).await;
        page.push_str(&format!(
            "=== {} > {text}\n{}\n\n",
            before.join(" > "),
            shown(&answer)
        ));
    }
    insta::assert_snapshot!(page);
}

/// What follows is answered as if it had been asked in one piece, and what stands alone as if nothing had been asked before.
#[tokio::test(flavor = "multi_thread")]
async fn a_follow_up_is_the_question_written_out() {
    let dir = tempfile::tempdir().unwrap();
    let casebook = engine(dir.path()).await;
    let pair = "can I bill 77003 with 62323?";
    for (before, text, whole) in [
        (
            pair,
            "and with modifier 59?",
            "can I bill 77003-59 with 62323?",
        ),
        (
            pair,
            "on 6/1/2020?",
            "can I bill 77003 with 62323 on 6/1/2020?",
        ),
        (
            "fee for 99213 in Manhattan",
            "and in Alaska?",
            "fee for 99213 in Alaska?",
        ),
        (
            "what is 62323?",
            "what is the MUE?",
            "what is the MUE for 62323?",
        ),
        (
            "is 62323 covered in Texas?",
            "and the fee?",
            "the fee for 62323 in Texas?",
        ),
        (pair, "M54.50", "M54.50"),
        (pair, "what is modifier 25?", "what is modifier 25?"),
        (
            pair,
            "is there an LCD for spinal injections",
            "is there an LCD for spinal injections",
        ),
    ] {
        let followed = follow(&casebook, &[before], text).await;
        let alone = casebook.ask(&request(whole)).await.unwrap();
        assert_eq!(
            followed.read_as.as_deref(),
            (text != whole).then_some(whole)
        );
        let plain = |answer: Answer| Answer {
            read_as: None,
            timings_ms: casebook_core::Timings::default(),
            ..answer
        };
        assert_eq!(plain(followed), plain(alone), "{before} > {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chosen_codes_are_what_a_question_is_about() {
    let dir = tempfile::tempdir().unwrap();
    let casebook = engine(dir.path()).await;
    let on = |text: &str, codes: &[&str]| Request {
        about: strings(codes),
        ..request(text)
    };
    let answer = casebook
        .ask(&on("what is the fee in Manhattan?", &["99213"]))
        .await
        .unwrap();
    assert!(
        says(&answer, "Medicare fee of 99213 (MANHATTAN)"),
        "{answer:?}"
    );
    let answer = casebook
        .ask(&on("can it be billed with 77003?", &["62323"]))
        .await
        .unwrap();
    assert!(
        says(&answer, "77003 is not paid beside 62323"),
        "{answer:?}"
    );
    let answer = casebook.ask(&on("", &["M54.50"])).await.unwrap();
    assert!(says(&answer, "M54.50"), "{answer:?}");
}

/// A default speaks where the question names no place, and gives way where it does.
#[tokio::test(flavor = "multi_thread")]
async fn usual_places() {
    let dir = tempfile::tempdir().unwrap();
    let casebook = engine(dir.path()).await;
    let at = |text: &str| Request {
        locality: Some("Alaska".into()),
        contractor: Some("Texas".into()),
        ..request(text)
    };
    let answer = casebook.ask(&at("fee for 99213")).await.unwrap();
    assert!(
        says(&answer, "Medicare fee of 99213 (ALASKA)"),
        "{answer:?}"
    );
    let answer = casebook
        .ask(&at("fee for 99213 in Manhattan"))
        .await
        .unwrap();
    assert!(
        says(&answer, "Medicare fee of 99213 (MANHATTAN)"),
        "{answer:?}"
    );
    let answer = casebook.ask(&at("is 62323 covered?")).await.unwrap();
    assert_eq!(answer.verdict, Verdict::Answered, "{answer:?}");
    let answer = casebook
        .ask(&at("is 62323 covered in Utah?"))
        .await
        .unwrap();
    assert_eq!(answer.verdict, Verdict::Uncertain, "{answer:?}");
    let elsewhere = Request {
        contractor: Some("Utah".into()),
        ..request("is 62323 covered?")
    };
    let answer = casebook.ask(&elsewhere).await.unwrap();
    assert_eq!(answer.verdict, Verdict::Uncertain, "{answer:?}");
}

const ASKED: [&str; 14] = [
    "can I bill 77003 with 62323?",
    "can 20611 and 20610 be billed together",
    "77003",
    "62323",
    "99213",
    "J3301",
    "M54.50",
    "E11.9",
    "S52.501A",
    "fee for 99213 in Manhattan",
    "what is the MUE for 62323?",
    "is 62323 covered in Texas?",
    "MUE for 62323 on 12/1/2026",
    "code for low back pain",
];

/// Every question that is offered is answered from tables or the digest.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_offered_next_is_answered() {
    let dir = tempfile::tempdir().unwrap();
    let casebook = engine(dir.path()).await;
    let mut offered = 0;
    for asked in ASKED {
        let answer = casebook.ask(&request(asked)).await.unwrap();
        for next in &answer.related {
            let answer = casebook.ask(&request(next)).await.unwrap();
            assert_eq!(
                answer.verdict,
                Verdict::Answered,
                "{asked} > {next}: {answer:?}"
            );
            assert!(!answer.lines.is_empty());
            offered += 1;
        }
        assert!(answer.related.len() <= 3);
    }
    assert!(offered >= ASKED.len(), "{offered} questions were offered");
    // Without tables there is nothing to offer but what the digest holds.
    let empty = tempfile::tempdir().unwrap();
    let settings = Settings {
        data: empty.path().to_owned(),
        store: StoreSettings::Edge,
    };
    let bare = Casebook::open(&settings, None, None, &|_| ())
        .await
        .unwrap();
    for asked in ASKED {
        let answer = bare.ask(&request(asked)).await.unwrap();
        for next in &answer.related {
            let answer = bare.ask(&request(next)).await.unwrap();
            assert_eq!(
                answer.verdict,
                Verdict::Answered,
                "{asked} > {next}: {answer:?}"
            );
        }
    }
}

/// Further lines cite, say nothing twice, and need no warning of their own.
#[tokio::test(flavor = "multi_thread")]
async fn further_lines_are_sound() {
    let dir = tempfile::tempdir().unwrap();
    let casebook = engine(dir.path()).await;
    let mut further = 0;
    for asked in [
        "guideline for sepsis",
        "when is modifier 25 used with an office visit",
        "when may modifier 59 be used",
        "how are units of drugs counted",
        "code for low back pain",
        "is there an LCD for spinal injections",
    ] {
        let answer = casebook.ask(&request(asked)).await.unwrap();
        further += answer.more.len();
        for line in &answer.more {
            assert!(!line.citations.is_empty(), "{line:?}");
            assert!(answer.lines.iter().all(|l| l.text != line.text));
            for n in &line.citations {
                assert_eq!(answer.citations[n - 1].n, *n);
            }
        }
        let warned = answer
            .lines
            .first()
            .is_some_and(|l| l.text.starts_with("Not in force"));
        assert!(
            warned || answer.editions.iter().all(|e| e.in_force),
            "{asked}: {answer:?}"
        );
    }
    assert!(further > 0, "no answer had further lines");
}

/// Another payer's rules are not Medicare's, whether the payer is named at once or afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn other_payers() {
    let dir = tempfile::tempdir().unwrap();
    let casebook = engine(dir.path()).await;
    for (before, text) in [
        (vec![], "fee for 99213 for Aetna"),
        (vec!["fee for 99213"], "and for Aetna?"),
        (vec!["can I bill 77003 with 62323?"], "what about Medicaid?"),
    ] {
        let answer = follow(&casebook, &before, text).await;
        assert_eq!(answer.verdict, Verdict::NoAnswer, "{answer:?}");
        assert!(answer.lines.is_empty() && answer.related.is_empty());
    }
}

/// Questions that people ask by themselves are not bent to what was asked before. The sets were not written for this.
#[test]
fn questions_stand_alone() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut questions: Vec<String> = Vec::new();
    for file in [
        "calibration/answerable.tsv",
        "calibration/unanswerable.txt",
        "evaluation/unanswerable.tune.tsv",
        "evaluation/answerable.tune.tsv",
        "evaluation/clinical.tune.tsv",
        "evaluation/everyday.tune.tsv",
        "evaluation/guidelines.tune.tsv",
    ] {
        let text = fs_err::read_to_string(folder.join(file)).unwrap();
        let lines = text
            .lines()
            .filter(|l| !l.is_empty() && !l.starts_with('#'));
        questions.extend(lines.filter_map(|l| Some(l.split('\t').next()?.to_owned())));
    }
    let (mut bent, mut all) = (Vec::new(), 0);
    for earlier in [
        "can I bill 77003 with 62323?",
        "fee for 99213 in Manhattan",
        "what is modifier 25?",
        "code for low back pain",
        "guideline for sepsis with pneumonia",
        "M54.50",
    ] {
        for question in &questions {
            all += 1;
            let read = casebook_core::follow::whole(question, &strings(&[earlier]), &|_| None);
            if let Some(read) = read {
                bent.push(format!("{earlier} > {question}: {read}"));
            }
        }
    }
    assert!(
        bent.len() * 200 <= all,
        "{} of {all} were bent:\n{}",
        bent.len(),
        bent.join("\n")
    );
}
