//! `casebook doctor` against the stand-ins: each thing that can be wrong is named with what to do, what is right is not
//! called wrong, and no secret is printed.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are not test functions, which may unwrap"
)]

use std::path::Path;
use std::process::Command;

use casebook_tests::discord::{Discord, How, TOKEN};
use casebook_tests::model::{Say, Service};
use casebook_tests::real;
use casebook_tests::slack::{APP_TOKEN, BOT_TOKEN, Slack, Trouble};
use serde_json::{Value, json};

/// 32 bytes in base64.
const KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
/// What no output may hold.
const SECRETS: [&str; 8] = [
    APP_TOKEN, BOT_TOKEN, TOKEN, KEY, "hunter2", "xapp-1", "xoxb-1", "ticket-",
];

/// What `casebook doctor` found.
struct Found {
    status: Option<i32>,
    report: Value,
    page: String,
}

impl Found {
    fn check(&self, name: &str) -> &Value {
        let checks = self.report["checks"].as_array().unwrap();
        checks
            .iter()
            .find(|check| check["name"] == name)
            .unwrap_or_else(|| panic!("no line {name:?} in {:#}", self.report))
    }

    /// How a line stands.
    fn health(&self, name: &str) -> &str {
        self.check(name)["health"].as_str().unwrap()
    }

    /// Asserts how a line stands, and what it says of it or of what to do.
    fn says(&self, name: &str, health: &str, words: &[&str]) {
        let check = self.check(name);
        assert_eq!(check["health"], health, "{check:#}");
        let said = format!("{} {}", check["found"], check["next"]);
        for word in words {
            assert!(said.contains(word), "{word:?} is not in {check:#}");
        }
        // Whoever reads that something is wrong reads what to do.
        assert_eq!(check["next"].is_string(), health != "ok", "{check:#}");
    }
}

async fn doctor(data: &Path, variables: &[(&str, &str)]) -> Found {
    let run = |json: bool| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_casebook"));
        command.arg("--data").arg(data).arg("doctor").env_clear();
        if json {
            command.arg("--json");
        }
        command.envs(variables.iter().copied());
        tokio::task::spawn_blocking(move || command.output().unwrap())
    };
    let (as_json, as_page) = (run(true).await.unwrap(), run(false).await.unwrap());
    for output in [&as_json, &as_page] {
        for bytes in [&output.stdout, &output.stderr] {
            let said = String::from_utf8_lossy(bytes);
            for secret in SECRETS {
                assert!(!said.contains(secret), "{secret} is in {said}");
            }
        }
    }
    assert_eq!(as_json.status.code(), as_page.status.code());
    Found {
        status: as_json.status.code(),
        report: serde_json::from_slice(&as_json.stdout).unwrap(),
        page: String::from_utf8(as_page.stdout).unwrap(),
    }
}

/// In a folder where nothing was set up.
async fn bare(variables: &[(&str, &str)]) -> Found {
    let folder = tempfile::tempdir().unwrap();
    let found = doctor(folder.path(), variables).await;
    // Looking makes nothing.
    assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 0);
    found
}

async fn slack(slack: &Slack, more: &[(&str, &str)]) -> Found {
    let url = slack.api_url();
    let mut variables = vec![
        ("CASEBOOK_SLACK_API_URL", url.as_str()),
        ("CASEBOOK_SLACK_APP_TOKEN", APP_TOKEN),
        ("CASEBOOK_SLACK_BOT_TOKEN", BOT_TOKEN),
    ];
    variables.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
    variables.extend(more);
    bare(&variables).await
}

async fn discord(discord: &Discord, more: &[(&str, &str)]) -> Found {
    let url = discord.url();
    let mut variables = vec![
        ("CASEBOOK_DISCORD_API_URL", url.as_str()),
        ("CASEBOOK_DISCORD_TOKEN", TOKEN),
    ];
    variables.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
    variables.extend(more);
    bare(&variables).await
}

#[tokio::test(flavor = "multi_thread")]
async fn where_everything_is_well_nothing_is_called_wrong() {
    if let Err(why) = real::casebook().await {
        eprintln!("skipped, the real model is not to be had here: {why}");
        return;
    }
    let (on_slack, on_discord) = (Slack::start().await, Discord::start().await);
    let model = Service::start(Say::Pieces(vec!["no"])).await;
    let (slack_url, discord_url) = (on_slack.api_url(), on_discord.url());
    let variables = [
        ("CASEBOOK_SLACK_API_URL", slack_url.as_str()),
        ("CASEBOOK_SLACK_APP_TOKEN", APP_TOKEN),
        ("CASEBOOK_SLACK_BOT_TOKEN", BOT_TOKEN),
        ("CASEBOOK_DISCORD_API_URL", discord_url.as_str()),
        ("CASEBOOK_DISCORD_TOKEN", TOKEN),
        ("CASEBOOK_STATE_ENCRYPTION_KEY", KEY),
        ("CASEBOOK_MODEL_URL", model.address()),
        ("CASEBOOK_MODEL_NAME", "stand-in"),
        ("CASEBOOK_MODEL_KEY", "hunter2"),
    ];
    let data = real::data();
    let register = {
        let mut command = Command::new(env!("CARGO_BIN_EXE_casebook"));
        command
            .args(["discord", "register"])
            .env_clear()
            .envs(variables);
        tokio::task::spawn_blocking(move || command.output().unwrap())
    };
    assert!(register.await.unwrap().status.success());
    let found = doctor(&data, &variables).await;
    assert_eq!(found.status, Some(0), "{}", found.page);
    for check in found.report["checks"].as_array().unwrap() {
        // The starter corpus is of April 2026, and this test is not.
        let may_be_old = check["name"] == "Sources" && check["health"] == "warning";
        assert!(check["health"] == "ok" || may_be_old, "{check:#}");
    }
    for name in [
        "Model",
        "Index",
        "State",
        "Language model",
        "Slack: scopes",
        "Discord: commands",
    ] {
        assert_eq!(found.health(name), "ok");
    }
    assert!(
        found.page.contains("ok       Slack: bot token"),
        "{}",
        found.page
    );
    // Neither connected, posted nor asked anything.
    assert!(on_discord.posts().is_empty() && on_discord.sessions() == (0, 0));
    assert!(model.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_before_the_set_up_is_said() {
    let found = bare(&[]).await;
    assert_eq!(found.status, Some(1));
    assert_eq!(found.report["health"], "failed");
    found.says(
        "Configuration",
        "warning",
        &["neither Slack nor Discord", "deploy/slack.md"],
    );
    found.says("Model", "failed", &["is missing", "casebook setup"]);
    found.says(
        "Sources",
        "failed",
        &["nothing is loaded", "casebook setup"],
    );
    found.says("State", "ok", &["in memory only"]);
    assert!(found.page.contains("→ casebook setup"), "{}", found.page);
    let found = bare(&[("CASEBOOK_OFFLINE", "true")]).await;
    found.says("Model", "failed", &["offline is set"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_model_is_told_from_a_missing_one() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = folder.path().join("assets/icd10cm-2026-04");
    fs_err::create_dir_all(&runtime).unwrap();
    fs_err::write(runtime.join("icd10cm-tabular.xml"), "<no/>").unwrap();
    let found = doctor(folder.path(), &[]).await;
    found.says(
        "Model",
        "failed",
        &["icd10cm-tabular.xml has a wrong checksum", "is missing"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_is_looked_at_first() {
    let folder = tempfile::tempdir().unwrap();
    let found = bare(&[("CASEBOOK_SLACK_TOKEN", "hunter2")]).await;
    found.says(
        "Configuration",
        "warning",
        &["CASEBOOK_SLACK_TOKEN", "misspelling"],
    );
    // A token of digits is a token, and a wrong file is not shown.
    let found = bare(&[("CASEBOOK_STATE_ENCRYPTION_KEY", "12345")]).await;
    found.says("State", "failed", &["openssl rand -base64 32"]);
    let file = folder.path().join("casebook.toml");
    fs_err::write(&file, "[slack]\nbot_token = \"hunter2").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_casebook"))
        .args(["doctor", "--config"])
        .arg(&file)
        .env_clear()
        .output()
        .unwrap();
    let page = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1));
    assert!(page.starts_with("failed   Configuration"), "{page}");
    assert!(
        page.contains("line 2") && !page.contains("hunter2"),
        "{page}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn slack_as_it_should_be() {
    let on = Slack::start().await;
    let found = slack(&on, &[]).await;
    found.says("Slack: bot token", "ok", &["speaks for casebook in Test"]);
    found.says("Slack: scopes", "ok", &["all 8"]);
    found.says("Slack: way in", "ok", &["Socket Mode"]);
    found.says("Slack: clock", "ok", &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_slack_refuses() {
    let on = Slack::start().await;
    let found = slack(&on, &[("CASEBOOK_SLACK_BOT_TOKEN", "xoxb-hunter2")]).await;
    found.says(
        "Slack: bot token",
        "failed",
        &["invalid_auth", "Install App"],
    );
    found.says("Slack: way in", "ok", &[]);
    // Both in the wrong place.
    let swapped = [
        ("CASEBOOK_SLACK_BOT_TOKEN", APP_TOKEN),
        ("CASEBOOK_SLACK_APP_TOKEN", BOT_TOKEN),
    ];
    let found = slack(&on, &swapped).await;
    assert_eq!(found.status, Some(1));
    found.says(
        "Slack: bot token",
        "failed",
        &[
            "not_allowed_token_type",
            "does not begin with \\\"xoxb-\\\"",
        ],
    );
    found.says(
        "Slack: way in",
        "failed",
        &["connections:write", "does not begin with"],
    );
    on.trouble(
        "auth.test",
        [
            Trouble::Refused("account_inactive"),
            Trouble::Refused("account_inactive"),
        ],
    );
    slack(&on, &[])
        .await
        .says("Slack: bot token", "failed", &["account_inactive"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes_that_are_missing_or_unused() {
    let on = Slack::start().await;
    let all = casebook_slack::manifest(false, None)["oauth_config"]["scopes"]["bot"].clone();
    let all: Vec<&str> = all
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let without =
        |scope: &str| -> Vec<&str> { all.iter().copied().filter(|s| *s != scope).collect() };
    on.grant(&without("im:history"));
    slack(&on, &[]).await.says(
        "Slack: scopes",
        "failed",
        &["im:history", "install the app again"],
    );
    on.grant(&without("reactions:write"));
    slack(&on, &[]).await.says(
        "Slack: scopes",
        "warning",
        &["reactions:write (for a sign of life"],
    );
    on.grant(&[all.as_slice(), &["channels:history"]].concat());
    slack(&on, &[])
        .await
        .says("Slack: scopes", "warning", &["others: channels:history"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_wrong() {
    let on = Slack::start().await;
    on.clock_is_ahead(-400);
    slack(&on, &[])
        .await
        .says("Slack: clock", "failed", &["ahead of Slack's", "NTP"]);
    on.clock_is_ahead(100);
    slack(&on, &[])
        .await
        .says("Slack: clock", "warning", &["behind Slack's"]);
    let on = Discord::start().await;
    on.clock_is_ahead(4000);
    // The clock is known although the token is not.
    let found = discord(&on, &[("CASEBOOK_DISCORD_TOKEN", "hunter2")]).await;
    found.says("Discord: clock", "failed", &["behind Discord's"]);
    found.says("Discord: token", "failed", &["Reset Token"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_into_slack() {
    let on = Slack::start().await;
    let over_http = [("CASEBOOK_SLACK_LISTEN", "127.0.0.1:3000")];
    let found = slack(&on, &over_http).await;
    found.says("Slack: way in", "failed", &["signing_secret"]);
    let over_http = [over_http[0], ("CASEBOOK_SLACK_SIGNING_SECRET", "hunter2")];
    slack(&on, &over_http)
        .await
        .says("Slack: way in", "ok", &["127.0.0.1:3000"]);
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let url = format!("http://{nobody}/api");
    let found = slack(&on, &[("CASEBOOK_SLACK_API_URL", &url)]).await;
    found.says(
        "Slack: bot token",
        "failed",
        &["not reached", "slack.api_url"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn discord_as_it_should_be_and_otherwise() {
    let on = Discord::start().await;
    let found = discord(&on, &[]).await;
    found.says("Discord: token", "ok", &["casebook"]);
    found.says("Discord: intents", "ok", &["none that is privileged"]);
    found.says("Discord: way in", "ok", &["the gateway"]);
    found.says("Discord: servers", "ok", &[]);
    found.says("Discord: connections", "ok", &["999"]);
    found.says("Discord: clock", "ok", &[]);
    found.says(
        "Discord: commands",
        "warning",
        &["does not have: ask, code", "casebook discord register"],
    );
    assert!(on.commands().is_empty());

    on.application(
        json!({"flags": 1 << 19, "interactions_endpoint_url": "https://elsewhere.example/i"}),
    );
    on.is_in_servers(0);
    on.advise_shards(2);
    let found = discord(&on, &[]).await;
    found.says("Discord: intents", "warning", &["Message Content"]);
    found.says(
        "Discord: way in",
        "failed",
        &["https://elsewhere.example/i", "Interactions Endpoint URL"],
    );
    found.says("Discord: servers", "warning", &["Install Link"]);
    found.says("Discord: connections", "warning", &["shards"]);

    let key = "ab".repeat(32);
    on.application(json!({"verify_key": key}));
    let over_http = [
        ("CASEBOOK_DISCORD_LISTEN", "127.0.0.1:8081"),
        ("CASEBOOK_DISCORD_PUBLIC_KEY", key.as_str()),
    ];
    let found = discord(&on, &over_http).await;
    found.says("Discord: way in", "warning", &["names no address"]);
    let other = "cd".repeat(32);
    let over_http = [
        over_http[0],
        ("CASEBOOK_DISCORD_PUBLIC_KEY", other.as_str()),
    ];
    discord(&on, &over_http)
        .await
        .says("Discord: way in", "failed", &["public_key"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_discord_that_does_not_answer_everything() {
    let on = Discord::start().await;
    // Once for each of the two runs.
    for _ in 0..2 {
        on.fail("/oauth2/applications/@me", How::Refused(403, 50001));
    }
    let found = discord(&on, &[]).await;
    found.says("Discord: way in", "warning", &["HTTP 403"]);
    found.says("Discord: servers", "ok", &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_language_model_and_a_server_for_vectors() {
    let service = Service::start(Say::Pieces(vec!["no"])).await;
    let with = |name: &'static str| {
        let address = service.address().to_owned();
        async move {
            bare(&[
                ("CASEBOOK_MODEL_URL", address.as_str()),
                ("CASEBOOK_MODEL_NAME", name),
                ("CASEBOOK_MODEL_KEY", "hunter2"),
            ])
            .await
        }
    };
    with("stand-in")
        .await
        .says("Language model", "ok", &["stand-in"]);
    with("another")
        .await
        .says("Language model", "failed", &["no another"]);
    for (status, health, word) in [
        (401, "failed", "arrange.api_key"),
        (404, "warning", "Arranged by"),
    ] {
        let service = Service::start(Say::Status(status)).await;
        let variables = [
            ("CASEBOOK_MODEL_URL", service.address()),
            ("CASEBOOK_MODEL_NAME", "x"),
        ];
        bare(&variables)
            .await
            .says("Language model", health, &[word]);
    }
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let url = format!("http://{nobody}");
    let variables = [
        ("CASEBOOK_STORE_KIND", "qdrant"),
        ("CASEBOOK_STORE_URL", url.as_str()),
        ("CASEBOOK_STORE_API_KEY", "hunter2"),
        ("CASEBOOK_MODEL_URL", url.as_str()),
        ("CASEBOOK_MODEL_NAME", "x"),
    ];
    let found = bare(&variables).await;
    found.says("Qdrant server", "failed", &["6334"]);
    found.says("Language model", "failed", &["does not answer"]);
}
