//! A model of one's own, from the configuration file to an index that is named after it.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are not test functions, which may unwrap"
)]

use std::path::Path;
use std::process::{Command, Output};

use casebook_tests::real;

#[path = "../../../embeddings/tests/tiny/mod.rs"]
mod tiny;

use tiny::{SMALL, Tiny};

fn casebook(folder: &Path, config: &str, arguments: &[&str]) -> Output {
    let file = folder.join("casebook.toml");
    fs_err::write(&file, config).unwrap();
    Command::new(env!("CARGO_BIN_EXE_casebook"))
        .arg("--data")
        .arg(folder.join("data"))
        .arg("--config")
        .arg(file)
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", folder)
        // Set up once for all tests; this folder stands for a machine without a network.
        .env("CASEBOOK_ASSETS", real::data().join("assets"))
        .env("CASEBOOK_OFFLINE", "true")
        .output()
        .unwrap()
}

#[test]
fn a_folder_in_the_configuration_is_the_model() {
    if let Err(why) = real::assets() {
        return eprintln!("skipped, the runtime is not to be had here: {why}");
    }
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("Our model");
    Tiny::new(SMALL).write(&model).unwrap();
    let config = format!(
        "model = {{ folder = '{}', pooling = 'mean', dimensions = 16 }}",
        model.display()
    );
    let output = casebook(folder.path(), &config, &["code", "--json", "E11.9"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let cards: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(cards["cards"][0]["status"], "billable");
    let indexes: Vec<_> = fs_err::read_dir(folder.path().join("data/index"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(
        matches!(indexes.as_slice(), [index] if index.starts_with("our-model-")),
        "{indexes:?}"
    );
    let assets = folder.path().join("data/assets");
    assert!(
        !assets.join("casebook-minilm").exists(),
        "it was not asked for"
    );
}

#[test]
fn a_model_that_cannot_be_used_is_said_in_one_sentence() {
    if let Err(why) = real::assets() {
        return eprintln!("skipped, the runtime is not to be had here: {why}");
    }
    let folder = tempfile::tempdir().unwrap();
    for (model, said) in [
        ("'minilm-int4'".to_owned(), "minilm-fp32"),
        (
            format!("{{ folder = '{}', name = 'x' }}", folder.path().display()),
            "it holds none of model.onnx",
        ),
        ("{ hub = 'owner/model' }".to_owned(), "model = { folder"),
    ] {
        let output = casebook(
            folder.path(),
            &format!("model = {model}"),
            &["code", "E11.9"],
        );
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains(said), "{error}");
    }
}
