//! Which model embeds, as a person says it: the name of a pinned one, or a table that describes one's own.

use std::fmt;
use std::path::PathBuf;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};

/// Which model embeds.
///
/// In a configuration a string, `model = "minilm-fp32"`, or a table:
///
/// ```toml
/// model = { folder = "/models/ours", pooling = "mean" }
/// model = { hub = "sentence-transformers/all-MiniLM-L6-v2" }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelChoice {
    /// A model of the manifest, by the name of its asset. [`ensure`](crate::ensure) brings it.
    Pinned(String),
    /// Another model: what it is, its user answers for.
    Own(OwnModel),
}

impl Default for ModelChoice {
    fn default() -> Self {
        Self::Pinned("casebook-minilm".to_owned())
    }
}

impl ModelChoice {
    /// The asset that has to be set up for it; none where the model is the user's own.
    pub fn asset(&self) -> Option<&str> {
        match self {
            Self::Pinned(name) => Some(name),
            Self::Own(_) => None,
        }
    }
}

/// A model that is not in the manifest.
///
/// It is a sentence encoder as the sentence-transformers library saves one: a transformer, pooling, and perhaps
/// normalisation; vectors are brought to length 1 in any case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnModel {
    /// Where its files are.
    pub origin: Origin,
    /// What it is called in the names of indexes: key `name`, by default the last part of the folder or repository.
    pub name: String,
    /// Numbers in a vector: key `dimensions`. Where given, a model of another size is refused.
    pub dimensions: Option<usize>,
    /// Tokens of a text that are read: key `max_tokens`, by default what the model's files say. Never more than the
    /// model has positions for.
    pub max_tokens: Option<usize>,
    /// Key `pooling`, by default what `1_Pooling/config.json` says. It must be one of the two: the vectors of a
    /// model that is pooled in the wrong way are bad ones, and nothing shows it.
    pub pooling: Option<Pooling>,
    /// Written before a question: key `query_prefix`, for models trained with one, such as `query: `.
    pub query_prefix: String,
    /// Written before what is indexed: key `passage_prefix`.
    pub passage_prefix: String,
}

/// Where the files of an [`OwnModel`] are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Key `folder`: `tokenizer.json` with `model.onnx`, or with `model.safetensors` and `config.json`; the other
    /// small files where there are any.
    Folder(PathBuf),
    /// Key `hub`: a repository of a model hub, from which [`ModelChoice::fetch`] brings the same files.
    Hub(Repository),
}

/// A repository of a model hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// `owner/name`: key `hub`.
    pub id: String,
    /// Branch, tag or commit: key `revision`, by default `main`. Only a commit always means the same files.
    pub revision: String,
    /// The hub's base address: key `endpoint`, by default the public hub, for those who run a mirror.
    pub endpoint: String,
}

/// How the vectors of a text's tokens become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooling {
    /// Their mean.
    Mean,
    /// The first one's, which is that of the token `[CLS]`.
    Cls,
}

impl<'de> Deserialize<'de> for ModelChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Choice;
        impl<'de> Visitor<'de> for Choice {
            type Value = ModelChoice;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a model, or a table with `folder` or `hub`")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<ModelChoice, E> {
                Ok(ModelChoice::Pinned(name.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ModelChoice, A::Error> {
                let table = Table::deserialize(MapAccessDeserializer::new(map))?;
                table
                    .check()
                    .map(ModelChoice::Own)
                    .map_err(de::Error::custom)
            }
        }
        deserializer.deserialize_any(Choice)
    }
}

/// The table as it is written, before what excludes each other is told apart.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    name: Option<String>,
    folder: Option<PathBuf>,
    hub: Option<String>,
    revision: Option<String>,
    endpoint: Option<String>,
    dimensions: Option<usize>,
    max_tokens: Option<usize>,
    pooling: Option<Pooling>,
    #[serde(default)]
    query_prefix: String,
    #[serde(default)]
    passage_prefix: String,
}

impl Table {
    fn check(self) -> Result<OwnModel, String> {
        let (origin, last) = match (self.folder, self.hub) {
            (Some(folder), None) => {
                if self.revision.is_some() || self.endpoint.is_some() {
                    return Err("`revision` and `endpoint` belong to a `hub`".to_owned());
                }
                let last = folder.file_name().map(|n| n.to_string_lossy().into_owned());
                (Origin::Folder(folder), last)
            }
            (None, Some(id)) => {
                let repository = Repository {
                    revision: self.revision.unwrap_or_else(|| "main".to_owned()),
                    endpoint: self
                        .endpoint
                        .unwrap_or_else(|| "https://huggingface.co".to_owned()),
                    id,
                };
                repository.check()?;
                let last = repository.id.rsplit('/').next().map(str::to_owned);
                (Origin::Hub(repository), last)
            }
            _ => {
                return Err(
                    "a model of your own needs either `folder`, where its files are, or `hub`, a repository"
                        .to_owned(),
                );
            }
        };
        if self.max_tokens == Some(0) || self.dimensions == Some(0) {
            return Err("`max_tokens` and `dimensions` are at least 1".to_owned());
        }
        let name = plain(&self.name.or(last).unwrap_or_default());
        if name.is_empty() {
            return Err("`name` is needed: letters and digits, for the index's name".to_owned());
        }
        Ok(OwnModel {
            origin,
            name,
            dimensions: self.dimensions,
            max_tokens: self.max_tokens,
            pooling: self.pooling,
            query_prefix: self.query_prefix,
            passage_prefix: self.passage_prefix,
        })
    }
}

impl Repository {
    /// Both become parts of addresses and of file names.
    fn check(&self) -> Result<(), String> {
        let good = |part: &str| {
            !part.is_empty()
                && !part.starts_with('.')
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        };
        if self.id.split('/').count() > 2 || !self.id.split('/').all(good) {
            return Err(format!("`hub = {:?}` is not owner/name", self.id));
        }
        if !self.revision.split('/').all(good) {
            return Err(format!(
                "`revision = {:?}` is no branch, tag or commit",
                self.revision
            ));
        }
        Ok(())
    }
}

/// A name as those of the manifest are written: `a-z`, `0-9` and `-`. It becomes part of a folder's name and of a
/// collection's on a server.
fn plain(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        match c.to_ascii_lowercase() {
            c @ ('a'..='z' | '0'..='9') => out.push(c),
            _ if out.ends_with('-') || out.is_empty() => {}
            _ => out.push('-'),
        }
        // Folders' names are limited, and so is what a person reads.
        if out.len() == 60 {
            break;
        }
    }
    out.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Result<ModelChoice, String> {
        #[derive(serde::Deserialize)]
        struct Config {
            model: ModelChoice,
        }
        toml::from_str::<Config>(&format!("model = {value}"))
            .map(|config| config.model)
            .map_err(|e| e.to_string())
    }

    fn own(value: &str) -> OwnModel {
        match read(value).unwrap() {
            ModelChoice::Own(own) => own,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_string_names_a_pinned_model() {
        let choice = read("\"minilm-fp32\"").unwrap();
        assert_eq!(choice.asset(), Some("minilm-fp32"));
        assert_eq!(ModelChoice::default().asset(), Some("casebook-minilm"));
    }

    #[test]
    fn a_folder_is_named_after_itself_unless_it_is_named() {
        let model =
            own("{ folder = '/models/Our MiniLM_v2/', pooling = 'cls', query_prefix = 'query: ' }");
        assert_eq!(model.name, "our-minilm-v2");
        assert_eq!(model.pooling, Some(Pooling::Cls));
        assert_eq!(model.query_prefix, "query: ");
        assert_eq!(model.dimensions, None);
        assert_eq!(own("{ folder = '/x', name = 'B' }").name, "b");
    }

    #[test]
    fn a_repository_has_a_revision_and_an_endpoint() {
        let model = own(
            "{ hub = 'owner/Some.Model', revision = 'refs/pr/1', endpoint = 'http://mirror:80' }",
        );
        assert_eq!(model.name, "some-model");
        let Origin::Hub(repository) = model.origin else {
            panic!("{:?}", model.origin)
        };
        assert_eq!(repository.id, "owner/Some.Model");
        assert_eq!(repository.revision, "refs/pr/1");
        assert_eq!(repository.endpoint, "http://mirror:80");
    }

    #[test]
    fn what_cannot_be_meant_is_refused_in_words() {
        for (value, said) in [
            ("3", "the name of a model"),
            ("{ }", "needs either `folder`"),
            ("{ folder = '/a', hub = 'a/b' }", "needs either `folder`"),
            ("{ folder = '/a', revision = 'main' }", "belong to a `hub`"),
            ("{ hub = 'a/b', colour = 1 }", "colour"),
            ("{ hub = 'a/b', pooling = 'max' }", "max"),
            ("{ hub = '../b' }", "not owner/name"),
            ("{ hub = 'a/b/c' }", "not owner/name"),
            ("{ hub = 'a/b?c' }", "not owner/name"),
            ("{ hub = 'a/b', revision = '../../c' }", "no branch"),
            ("{ folder = '/' }", "`name` is needed"),
            ("{ folder = '/a', dimensions = 0 }", "at least 1"),
        ] {
            let e = read(value).unwrap_err();
            assert!(e.contains(said), "{value}: {e}");
        }
    }
}
