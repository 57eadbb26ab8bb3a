//! `casebook case` through the binary: its JSON, its page, and that nothing of a note is left behind.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are not test functions, which may unwrap"
)]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use casebook_tests::real;
use serde_json::Value;

const NOTE: &str = "Patient: Marlene Okafor, MRN 4471829. Seen in clinic, Zürich.\n\
She denies chest pain. Mother had breast cancer. Former smoker.\n\
Assessment:\n\
1. Type 2 diabetes with diabetic chronic kidney disease, stage 3b, on insulin\n\
2. Primary osteoarthritis of knee\n\
3. Possible pneumonia\n";

fn run(data: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_casebook"))
        .arg("--data")
        .arg(data)
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", std::env::var_os("HOME").unwrap_or_default())
        // Everything that may be logged is.
        .env("CASEBOOK_LOG", "trace")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A reader that stops early closes the pipe.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn ready() -> bool {
    match real::assets() {
        Ok(_) => true,
        Err(why) => {
            eprintln!("skipped, the real model is not to be had here: {why}");
            false
        }
    }
}

fn is_clean(output: &[u8]) {
    let said = String::from_utf8_lossy(output).to_lowercase();
    for word in [
        "okafor",
        "4471829",
        "breast cancer",
        "osteoarthritis",
        "denies",
        "zürich",
    ] {
        assert!(!said.contains(word), "{word} in {said}");
    }
}

#[test]
fn the_json_contract_of_a_case() {
    if !ready() {
        return;
    }
    let output = run(
        &real::data(),
        &["case", "--json", "--as-of", "2026-05-01", "-"],
        NOTE,
    );
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    is_clean(&output.stderr);
    let case: Value = serde_json::from_slice(&output.stdout).unwrap();
    let list = |key: &str| {
        case[key]
            .as_array()
            .unwrap_or_else(|| panic!("{key}"))
            .clone()
    };
    let codes = list("codes");
    assert!(!codes.is_empty());
    let characters: Vec<char> = NOTE.chars().collect();
    for suggested in codes.iter().chain(&list("consider")) {
        assert_eq!(suggested["system"], "icd10cm");
        assert!(suggested["code"].is_string() && suggested["title"].is_string());
        for evidence in suggested["evidence"].as_array().unwrap() {
            let at = |key: &str| evidence[key].as_u64().unwrap() as usize;
            let words: String = characters[at("start")..at("end")].iter().collect();
            assert_eq!(evidence["text"], words.as_str());
        }
        for key in [
            "n",
            "source",
            "locator",
            "edition",
            "effective",
            "quote",
            "url",
        ] {
            assert!(!suggested["citations"][0][key].is_null(), "{key}");
        }
    }
    let written: Vec<&str> = codes.iter().map(|c| c["code"].as_str().unwrap()).collect();
    assert!(
        written.contains(&"E11.22") && written.contains(&"N18.32"),
        "{written:?}"
    );
    let aside = list("set_aside");
    let because: Vec<&str> = aside
        .iter()
        .map(|s| s["because"].as_str().unwrap())
        .collect();
    for reason in ["negated", "family", "uncertain"] {
        assert!(because.contains(&reason), "{because:?}");
    }
    assert!(
        aside
            .iter()
            .all(|s| s["text"].is_string() && s["start"].is_u64() && s["end"].is_u64())
    );
    assert!(list("questions").iter().all(Value::is_string));
    for conflict in list("conflicts") {
        assert!(conflict["codes"].is_array() && conflict["rule"].is_string());
        assert!(conflict["citation"]["quote"].is_string());
    }
    let identifiers = list("identifiers");
    assert!(identifiers.len() >= 2);
    for found in identifiers {
        assert_eq!(found.as_object().unwrap().len(), 3, "kind and offsets only");
        assert!(found["kind"].is_string() && found["start"].is_u64() && found["end"].is_u64());
    }
}

#[test]
fn a_case_in_the_terminal() {
    if !ready() {
        return;
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    fs_err::write(file.path(), NOTE).unwrap();
    let path = file.path().to_str().unwrap();
    let output = run(&real::data(), &["case", "--as-of", "2026-05-01", path], "");
    assert!(output.status.success());
    is_clean(&output.stderr);
    insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap());
}

#[test]
fn a_note_that_cannot_be_read_is_no_message() {
    if !ready() {
        return;
    }
    let long = NOTE.repeat(400);
    let binary = format!("{NOTE}\u{0}");
    for (note, says) in [
        (long.as_str(), "longer than 50000 characters"),
        (binary.as_str(), "a file rather than text"),
        ("  \n", "The note is empty"),
    ] {
        let output = run(&real::data(), &["case", "--json"], note);
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(says), "{said}");
        is_clean(&output.stderr);
    }
    let missing = run(&real::data(), &["case", "/nowhere/note.txt"], "");
    assert_eq!(missing.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("/nowhere/note.txt"));
    assert_eq!(
        run(&real::data(), &["case", "--encounter", "moon"], "")
            .status
            .code(),
        Some(2)
    );
}

/// The data folder before and after: a case leaves no byte of itself there.
#[test]
fn nothing_of_a_note_is_stored() {
    if !ready() {
        return;
    }
    let words = "Assessment: pneumonia of the improbable Quuxworth kind, seen by nobody.";
    let output = run(&real::data(), &["case", "--json", "-"], words);
    assert!(output.status.success());
    for file in walk(&real::data()) {
        // The assets are checked by their checksums, and a running test may replace a file while it is read.
        let Ok(bytes) = fs_err::read(&file) else {
            continue;
        };
        let left = bytes.windows(9).any(|w| w == b"Quuxworth");
        assert!(!left, "{} holds the note", file.display());
    }
}

/// The files of a folder but for the assets and what links lead to.
fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    let Ok(entries) = fs_err::read_dir(folder) else {
        return files;
    };
    for entry in entries.flatten() {
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        if kind.is_dir() && entry.file_name() != "assets" {
            files.extend(walk(&entry.path()));
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    files
}
