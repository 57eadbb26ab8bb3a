//! The binary, as people and scripts run it: the JSON contract, exit statuses, and what errors say.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are not test functions, which may unwrap"
)]

use std::process::{Command, Output};

use casebook_tests::real;
use serde_json::Value;

fn casebook(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_casebook"))
        .arg("--data")
        .arg(real::data())
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", std::env::var_os("HOME").unwrap_or_default())
        .output()
        .unwrap()
}

fn json(arguments: &[&str]) -> Value {
    let output = casebook(arguments);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Sets up once; says why where that is not possible here.
fn ready() -> bool {
    match real::assets() {
        Ok(_) => true,
        Err(why) => {
            eprintln!("skipped, the real model is not to be had here: {why}");
            false
        }
    }
}

/// A folder that no service has used has no state, and looking makes none.
#[test]
fn what_the_bots_remember_is_shown_and_not_made_up() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let state = |more: &[&str]| {
        let mut arguments = vec!["state", "--data", &data];
        arguments.extend(more);
        Command::new(env!("CARGO_BIN_EXE_casebook"))
            .args(arguments)
            .env_clear()
            .output()
            .unwrap()
    };
    let nothing = state(&[]);
    assert_eq!(nothing.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&nothing.stderr).contains("no state.sqlite"));
    assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 0);

    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let state = casebook_state::State::open(folder.path(), Default::default()).unwrap();
        state.count("slack", "ask", "answered").await.unwrap();
    });
    let shown = state(&["--json", "--purge"]);
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(shown["usage"][0]["verdict"], "answered");
    assert_eq!(shown["usage"][0]["n"], 1);
    assert_eq!(shown["gaps"], serde_json::json!([]));
    let page = String::from_utf8(state(&[]).stdout).unwrap();
    assert!(page.contains("slack    ask     answered"), "{page}");
}

#[test]
fn the_json_contract() {
    if !ready() {
        return;
    }
    let answer = json(&[
        "ask",
        "--json",
        "--as-of",
        "2026-05-01",
        "what is modifier 25?",
    ]);
    assert_eq!(answer["verdict"], "answered");
    assert_eq!(answer["as_of"], "2026-05-01");
    assert!(answer.get("reason").is_none());
    for line in answer["lines"].as_array().unwrap() {
        assert!(!line["citations"].as_array().unwrap().is_empty());
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
        assert!(!answer["citations"][0][key].is_null(), "{key}");
    }
    for key in ["embed", "retrieve", "compose", "total"] {
        assert!(answer["timings_ms"][key].is_number(), "{key}");
    }
    assert_eq!(answer["codes"][0]["system"], "modifier");

    let refused = json(&["ask", "--json", "my knee hurts"]);
    assert_eq!(refused["verdict"], "refused");
    assert!(refused["reason"].is_string() && refused["citations"].as_array().unwrap().is_empty());

    let cards = json(&[
        "code",
        "--json",
        "--as-of",
        "2026-05-01",
        "M54.50",
        "e11.99",
        "77003",
        "25",
    ]);
    let cards = cards["cards"].as_array().unwrap();
    assert_eq!(cards.len(), 4);
    assert_eq!(
        (&cards[0]["status"], &cards[0]["code"]),
        (&"billable".into(), &"M54.50".into())
    );
    for key in [
        "includes",
        "excludes1",
        "excludes2",
        "code_first",
        "use_additional",
        "code_also",
    ] {
        assert!(cards[0]["notes"][key].is_array(), "{key}");
    }
    assert_eq!(cards[1]["status"], "unknown");
    assert!(cards[1]["reason"].is_string() && !cards[1]["near"].as_array().unwrap().is_empty());
    assert_eq!(
        (&cards[2]["system"], &cards[3]["system"]),
        (&"cpt".into(), &"modifier".into())
    );

    let found = json(&[
        "search", "--json", "--limit", "3", "--system", "icd10cm", "low", "back", "pain",
    ]);
    assert_eq!(found["hits"].as_array().unwrap().len(), 3);
    assert_eq!(found["hits"][0]["code"], "M54.50");
    assert!(found["hits"][0]["score"].is_number() && found["total_ms"].is_number());

    let checked = json(&["check", "--json", "77003", "62323"]);
    assert_eq!(checked["verdict"], "no_data");
    assert_eq!(checked["pairs"][0]["verdict"], "no_data");
    assert!(!checked["unchecked"].as_array().unwrap().is_empty());

    let editions = json(&["editions", "--json"]);
    let list = &editions["sources"][0];
    assert_eq!(list["source"], "ICD-10-CM Tabular List");
    for key in ["edition", "effective", "through", "rows", "file", "sha256"] {
        assert!(!list[key].is_null(), "{key}");
    }

    let queries = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/calibration/codes.tsv"
    );
    let measured = json(&["eval", queries, "--json", "--system", "icd10cm"]);
    for key in [
        "queries",
        "recall@1",
        "recall@5",
        "recall@10",
        "mrr@10",
        "category_recall@1",
        "category_recall@5",
        "p50_ms",
        "p99_ms",
    ] {
        assert!(measured[key].is_number(), "{key}");
    }
    assert!(measured["recall@5"].as_f64().unwrap() >= 0.75, "{measured}");
}

#[test]
fn wrong_usage_is_2_and_failure_is_1() {
    for wrong in [
        &["ask"][..],
        &["frobnicate"],
        &["code", "--as-of", "yesterday", "I10"],
        &["check", "77003"],
        &["search", "--limit", "0", "x"],
    ] {
        let output = casebook(wrong);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
        assert!(output.stdout.is_empty());
    }
    for (failing, says) in [
        (&["run"][..], "no service is configured"),
        (&["slack"], "CASEBOOK_SLACK_APP_TOKEN"),
        (&["discord"], "CASEBOOK_DISCORD_TOKEN"),
        (
            &["--config", "/nowhere/casebook.toml", "config"],
            "/nowhere/casebook.toml",
        ),
    ] {
        let output = casebook(failing);
        assert_eq!(output.status.code(), Some(1), "{failing:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(says), "{said}");
    }
}

#[test]
fn a_wrong_token_is_told_in_words() {
    use std::io::{Read, Write};
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in server.incoming().flatten() {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let body = r#"{"message": "401: Unauthorized", "code": 0}"#;
            let _ = write!(
                stream,
                "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\nconnection: close\r\n\
                 content-length: {}\r\n\r\n{body}",
                body.len()
            );
        }
    });
    let output = Command::new(env!("CARGO_BIN_EXE_casebook"))
        .args(["discord", "register"])
        .env("CASEBOOK_DISCORD_TOKEN", "hunter2")
        .env("CASEBOOK_DISCORD_API_URL", format!("http://{address}"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("refuses the token") && !said.contains("hunter2"),
        "{said}"
    );
}

#[test]
fn the_configuration_in_force_hides_secrets() {
    let output = Command::new(env!("CARGO_BIN_EXE_casebook"))
        .arg("config")
        .env("CASEBOOK_DISCORD_TOKEN", "hunter2")
        .output()
        .unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success() && shown.contains("(hidden)") && !shown.contains("hunter2"),
        "{shown}"
    );
}

/// A licensed user's own text: only after an acknowledgement, with the owner's notice, and gone with one command.
fn copy(from: &std::path::Path, to: &std::path::Path) {
    fs_err::create_dir_all(to).unwrap();
    for entry in fs_err::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs_err::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn the_manifest_of_the_slack_app_is_printed_without_any_token() {
    let manifest = json(&["slack", "manifest"]);
    assert_eq!(manifest["settings"]["socket_mode_enabled"], true);
    let url = "https://casebook.example.org/slack";
    let manifest = json(&[
        "slack",
        "manifest",
        "--channel-messages",
        "--request-url",
        url,
    ]);
    assert_eq!(manifest["settings"]["interactivity"]["request_url"], url);
    let scopes = manifest["oauth_config"]["scopes"]["bot"].to_string();
    assert!(scopes.contains("channels:history"), "{scopes}");
    let refused = casebook(&[
        "slack",
        "manifest",
        "--request-url",
        "http://casebook.example.org",
    ]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("https://"));
}

#[test]
fn licensed_text_comes_and_goes() {
    if !ready() {
        return;
    }
    let data = tempfile::tempdir().unwrap();
    // A copy of what is set up already: only what is loaded here has to be indexed.
    copy(&real::data(), data.path());
    let file = data.path().join("theirs.txt");
    let mut text =
        "CPT 2026, a test file of ours\nCopyright 2025 by the owner of the real one\n\n".to_owned();
    for code in ["00100", "99212", "99213", "99214", "99215", "0042T"] {
        text.push_str(&format!(
            "{code}\tour own marked words for this code, long enough for the long form: {code}\n"
        ));
    }
    fs_err::write(&file, text).unwrap();
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_casebook"))
            .arg("--data")
            .arg(data.path())
            .args(arguments)
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        (output.status.code(), said)
    };
    let path = file.to_str().unwrap();
    let (status, said) = run(&["ingest", path]);
    assert!(
        status == Some(1) && said.contains("--license cpt"),
        "{said}"
    );
    let (status, said) = run(&["ingest", "--license", "cpt", path]);
    assert!(
        status == Some(1) && said.contains("--acknowledged-by"),
        "{said}"
    );
    let (_, said) = run(&["code", "99213", "--as-of", "2026-05-01"]);
    assert!(!said.contains("our own marked words"), "{said}");
    let (status, said) = run(&[
        "ingest",
        "--license",
        "cpt",
        "--acknowledged-by",
        "A. Coder",
        path,
    ]);
    assert!(status == Some(0) && said.contains("6 rows"), "{said}");
    let (_, said) = run(&["ask", "99213", "--as-of", "2026-05-01"]);
    assert!(said.contains("our own marked words"), "{said}");
    assert!(
        said.contains("CPT copyright 2025 American Medical Association. All rights reserved."),
        "{said}"
    );
    let (_, said) = run(&["code", "99213", "--as-of", "2026-05-01"]);
    let shown = said.find("our own marked words").unwrap();
    let notice = said.find("CPT copyright 2025 American Medical Association.");
    assert!(notice.unwrap() > shown, "{said}");
    let (_, said) = run(&["search", "our own marked words for this code"]);
    assert!(!said.contains("our own marked words"), "{said}");
    let (status, said) = run(&["remove", "cpt"]);
    assert_eq!(status, Some(0), "{said}");
    let (_, said) = run(&["ask", "99213", "--as-of", "2026-05-01"]);
    assert!(!said.contains("our own marked words"), "{said}");
    fs_err::remove_file(&file).unwrap();
    for entry in walk(data.path()) {
        let bytes = fs_err::read(&entry).unwrap();
        let left = bytes.windows(20).any(|w| w == b"our own marked words");
        assert!(!left, "{} still holds the text", entry.display());
    }
}

/// The files of a folder, but for those behind links.
fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in fs_err::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            files.extend(walk(&entry.path()));
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    files
}
