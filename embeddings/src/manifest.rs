//! The list of assets: what there is, where each file comes from, and the checksums that pin it.
//!
//! The list is a value. The one this crate ships is `assets.toml`; tests make their own.

use std::sync::LazyLock;

use serde::Deserialize;

/// `assets.toml` as it is compiled in.
static SHIPPED: LazyLock<Result<Manifest, toml::de::Error>> =
    LazyLock::new(|| toml::from_str(include_str!("../assets.toml")));

/// The file of a model asset that holds its weights, and by whose checksum the model is known: with their graph, or
/// without one.
pub(crate) const ONNX_FILE: &str = "model.onnx";
pub(crate) const SAFETENSORS_FILE: &str = "model.safetensors";

/// The file that says of weights without a graph what their shapes do not tell.
pub(crate) const CONFIG_FILE: &str = "config.json";

/// The file of a model asset that holds its vocabulary.
pub(crate) const TOKENIZER_FILE: &str = "tokenizer.json";

/// The asset that holds ONNX Runtime's library, its only file.
pub(crate) const RUNTIME: &str = "runtime";

/// All assets and the wheels they come in.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    #[serde(default, rename = "wheel")]
    pub wheels: Vec<Wheel>,
    #[serde(default, rename = "asset")]
    pub assets: Vec<Asset>,
}

/// A Python wheel, which is a zip archive, fetched with `pip download`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wheel {
    /// The wheel's file name.
    pub file: String,
    /// What pip is asked for: `name==version`.
    pub requirement: String,
    pub bytes: u64,
    pub sha256: String,
    /// More of pip's arguments: the platform, where the wheel has one.
    #[serde(default)]
    pub pip: Vec<String>,
}

/// One thing Casebook needs, of one or more files.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asset {
    pub name: String,
    /// What it is, for the person who watches the set-up.
    pub what: String,
    pub licence: String,
    /// Set where the asset is an embedding model.
    #[serde(default)]
    pub model: Option<Model>,
    #[serde(rename = "file")]
    pub files: Vec<File>,
}

/// What has to be known of an embedding model besides its files.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Model {
    /// Numbers in a vector.
    pub dimensions: usize,
    /// Tokens of a text that are read; the rest is cut off.
    pub max_tokens: usize,
}

/// One file of an asset.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    /// Its name in the data folder.
    pub name: String,
    /// `architecture-system` as Rust names them, for example `x86_64-linux`; absent where one file serves all.
    #[serde(default)]
    pub platform: Option<String>,
    pub bytes: u64,
    pub sha256: String,
    /// Where it comes from, the first to be tried first.
    pub sources: Vec<Source>,
}

/// One place a file comes from.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(crate) enum Source {
    /// A member of a wheel.
    Wheel { wheel: String, member: String },
    /// A web address that serves the file itself.
    Address { address: String },
    /// A file that this crate carries.
    Shipped { shipped: String },
}

impl Manifest {
    /// The list this crate ships.
    pub fn shipped() -> Result<&'static Self, String> {
        SHIPPED.as_ref().map_err(ToString::to_string)
    }

    pub fn asset(&self, name: &str) -> Option<&Asset> {
        self.assets.iter().find(|a| a.name == name)
    }

    pub fn wheel(&self, file: &str) -> Option<&Wheel> {
        self.wheels.iter().find(|w| w.file == file)
    }
}

impl Asset {
    /// The files for `platform`, and those that serve every platform.
    pub fn files_for<'a>(&'a self, platform: &'a str) -> impl Iterator<Item = &'a File> {
        self.files
            .iter()
            .filter(move |f| f.platform.as_deref().is_none_or(|p| p == platform))
    }

    /// The platforms that this asset has files for; empty where the files serve every platform.
    pub fn platforms(&self) -> Vec<&str> {
        self.files
            .iter()
            .filter_map(|f| f.platform.as_deref())
            .collect()
    }

    /// The model's name with the first 12 hex digits of its file's checksum.
    pub fn model_id(&self) -> Option<String> {
        self.model?;
        let file = self.files.iter().find(|f| f.holds_weights())?;
        Some(format!("{}-{}", self.name, file.sha256.get(..12)?))
    }
}

impl File {
    /// Whether a model is known by this file.
    fn holds_weights(&self) -> bool {
        self.name == ONNX_FILE || self.name == SAFETENSORS_FILE
    }

    /// The names that the file may have in a folder a person prepared: ours, and its name inside each wheel.
    pub fn known_as(&self) -> Vec<&str> {
        let mut names = vec![self.name.as_str()];
        for source in &self.sources {
            let name = match source {
                Source::Wheel { member, .. } => member.as_str(),
                Source::Address { address } => address.as_str(),
                // What is carried is smaller than the file that is made of it.
                Source::Shipped { .. } => continue,
            };
            if let Some(name) = name.rsplit('/').next()
                && !names.contains(&name)
            {
                names.push(name);
            }
        }
        names
    }
}

/// This machine, as the manifest's `platform` names it.
pub(crate) fn platform() -> String {
    format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS)
}

/// The id of the model named `model`: its name with the first 12 hex digits of its file's checksum, of `a-z`,
/// `0-9` and `-` only. Nothing is loaded, so this is cheap; `None` where no such model is known.
pub fn model_id(model: &str) -> Option<String> {
    Manifest::shipped().ok()?.asset(model)?.model_id()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn is_sha256(s: &str) -> bool {
        s.len() == 64 && s.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    }

    #[test]
    fn the_shipped_list_is_well_formed() {
        let manifest = Manifest::shipped().unwrap();
        let wheels: BTreeSet<_> = manifest.wheels.iter().map(|w| &w.file).collect();
        assert_eq!(
            wheels.len(),
            manifest.wheels.len(),
            "two wheels of one name"
        );
        let assets: BTreeSet<_> = manifest.assets.iter().map(|a| &a.name).collect();
        assert_eq!(
            assets.len(),
            manifest.assets.len(),
            "two assets of one name"
        );
        for wheel in &manifest.wheels {
            assert!(
                is_sha256(&wheel.sha256) && wheel.bytes > 0,
                "{}",
                wheel.file
            );
            assert!(
                wheel.requirement.contains("=="),
                "{} is not pinned",
                wheel.requirement
            );
        }
        for asset in &manifest.assets {
            assert!(
                !asset.licence.is_empty() && !asset.what.is_empty(),
                "{}",
                asset.name
            );
            let files: BTreeSet<_> = asset.files.iter().map(|f| (&f.name, &f.platform)).collect();
            assert_eq!(
                files.len(),
                asset.files.len(),
                "two files of one name in {}",
                asset.name
            );
            let holds = |name: &str| asset.files.iter().any(|f| f.name == name);
            assert_eq!(
                asset.model.is_some(),
                holds(TOKENIZER_FILE)
                    && (holds(ONNX_FILE) || (holds(SAFETENSORS_FILE) && holds(CONFIG_FILE))),
                "{}",
                asset.name
            );
            for file in &asset.files {
                assert!(is_sha256(&file.sha256) && file.bytes > 0, "{}", file.name);
                assert!(!file.sources.is_empty(), "{} comes from nowhere", file.name);
                assert!(
                    !file.name.contains('/') && file.name != "..",
                    "{} is no file name",
                    file.name
                );
                for source in &file.sources {
                    match source {
                        Source::Wheel { wheel, .. } => {
                            assert!(wheels.contains(wheel), "{wheel} is not listed")
                        }
                        Source::Address { address } => {
                            assert!(address.starts_with("https://"), "{address}")
                        }
                        Source::Shipped { shipped } => {
                            let bytes = crate::weights::shipped(shipped).unwrap().unwrap();
                            let found = casebook_fetch::file::sha256(bytes.as_slice()).unwrap();
                            assert_eq!(found, file.sha256, "{shipped}");
                            assert_eq!(bytes.len() as u64, file.bytes, "{shipped}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_shipped_list_names_no_host() {
        // Packages come through pip and whatever index it is configured with. No address is pinned today.
        let hosts = toml::from_str::<toml::Table>(include_str!("../assets.toml"))
            .unwrap()
            .to_string();
        assert!(!hosts.contains("://"));
    }

    #[test]
    fn a_model_id_is_plain_and_follows_the_file() {
        let id = model_id("minilm-int8").unwrap();
        assert_eq!(id, "minilm-int8-8199be6f699a");
        assert!(
            id.bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        );
        assert_eq!(
            model_id("minilm-fp32").as_deref(),
            Some("minilm-fp32-53aa51172d14")
        );
        assert_eq!(model_id("runtime"), None);
        assert_eq!(model_id("nothing"), None);
    }

    #[test]
    fn an_unknown_key_is_refused() {
        assert!(
            toml::from_str::<Manifest>(
                "[[wheel]]\nfile='a'\nrequirement='a==1'\nbytes=1\nsha256=''\nhash='x'"
            )
            .is_err()
        );
    }
}
