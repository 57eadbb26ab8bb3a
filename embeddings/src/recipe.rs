//! What a session is made from: the files of a model, and what has to be known to use them as they were meant.

use std::path::PathBuf;

use fastembed::{
    InitOptionsUserDefined, Pooling, TextEmbedding, TokenizerFiles, UserDefinedEmbeddingModel,
};
use fs_err as fs;
use ort::environment::Environment;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::choice::{self, Origin, OwnModel};
use crate::embedder::EmbedError;
use crate::graph;
use crate::manifest::{CONFIG_FILE, ONNX_FILE, SAFETENSORS_FILE, TOKENIZER_FILE};
use crate::setup::Assets;

/// Names under which a folder's weights are looked for, the first that is there being used. A published repository
/// often holds the same model as ONNX and as safetensors; only BERT's can be made from the latter.
pub(crate) const WEIGHTS: [&str; 3] = [ONNX_FILE, "onnx/model.onnx", SAFETENSORS_FILE];

/// What sentence-transformers writes beside the weights; each says something that is used here.
pub(crate) const SMALL_FILES: [&str; 6] = [
    CONFIG_FILE,
    TOKENIZER_CONFIG,
    SPECIAL_TOKENS,
    SENTENCE_CONFIG,
    MODULES,
    POOLING_CONFIG,
];
const TOKENIZER_CONFIG: &str = "tokenizer_config.json";
const SPECIAL_TOKENS: &str = "special_tokens_map.json";
const SENTENCE_CONFIG: &str = "sentence_bert_config.json";
const MODULES: &str = "modules.json";
const POOLING_CONFIG: &str = "1_Pooling/config.json";

/// Tokens that are read where a model's files do not say how many: as many as BERT has positions for.
const MAX_TOKENS: usize = 512;

/// A model, ready to be loaded any number of times.
pub(crate) struct Recipe {
    /// Its name with the beginning of a checksum.
    pub id: String,
    /// Numbers in a vector, where it was said beforehand.
    pub dimensions: Option<usize>,
    pub query_prefix: String,
    pub passage_prefix: String,
    name: String,
    /// The user's folder; none where the files are pinned.
    folder: Option<PathBuf>,
    weights: Weights,
    tokenizer: File,
    pooling: Pooling,
    max_tokens: usize,
    /// The small files as fastembed wants them.
    config: Vec<u8>,
    special_tokens: Vec<u8>,
    tokenizer_config: Vec<u8>,
}

enum Weights {
    Onnx(File),
    /// The graph is built from the header and from `config.json`.
    Safetensors {
        weights: File,
        config: Vec<u8>,
    },
}

/// A file and the SHA-256 it had when it was chosen.
#[derive(Debug, Clone)]
struct File {
    path: PathBuf,
    sha256: String,
}

impl File {
    /// Reads a file that must still be the one that was chosen: a later session must not come from another model.
    fn read(&self) -> Result<Vec<u8>, EmbedError> {
        let bytes = fs::read(&self.path)?;
        if casebook_fetch::file::sha256(bytes.as_slice())? == self.sha256 {
            Ok(bytes)
        } else {
            Err(EmbedError::Changed(self.path.clone()))
        }
    }
}

impl Recipe {
    /// A model of the manifest.
    pub fn pinned(assets: &Assets, name: &str) -> Result<Self, EmbedError> {
        let missing = || EmbedError::Missing(name.to_owned());
        let (id, model) = assets.model(name).ok_or_else(missing)?;
        let file = |file: &str| {
            Some(File {
                path: assets.path(name, file)?.to_owned(),
                sha256: assets.sha256(name, file)?.to_owned(),
            })
        };
        let weights = match file(ONNX_FILE) {
            Some(onnx) => Weights::Onnx(onnx),
            None => Weights::Safetensors {
                weights: file(SAFETENSORS_FILE).ok_or_else(missing)?,
                config: file(CONFIG_FILE).ok_or_else(missing)?.read()?,
            },
        };
        Ok(Self {
            id: id.to_owned(),
            dimensions: Some(model.dimensions),
            query_prefix: String::new(),
            passage_prefix: String::new(),
            name: name.to_owned(),
            folder: None,
            weights,
            tokenizer: file(TOKENIZER_FILE).ok_or_else(missing)?,
            pooling: Pooling::Mean,
            max_tokens: model.max_tokens,
            // The small files that fastembed reads besides, which are the same for all pinned models.
            config: br#"{"pad_token_id": 0}"#.to_vec(),
            special_tokens: br#"{"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]", "unk_token": "[UNK]", "mask_token": "[MASK]"}"#.to_vec(),
            tokenizer_config: tokenizer_config(model.max_tokens, json!("[PAD]")),
        })
    }

    /// A model of the user's, from its folder.
    pub fn own(model: &OwnModel) -> Result<Self, EmbedError> {
        let folder = match &model.origin {
            Origin::Folder(folder) => Folder(std::path::absolute(folder)?),
            Origin::Hub(repository) => return Err(EmbedError::Missing(repository.id.clone())),
        };
        folder.check_modules()?;
        let config = folder.read(CONFIG_FILE)?;
        let file = folder
            .first(&WEIGHTS)
            .ok_or_else(|| folder.wrong(format!("it holds none of {}", WEIGHTS.join(", "))))?;
        let mut positions = None;
        let weights = if file.ends_with(SAFETENSORS_FILE) {
            let config = config.clone().ok_or_else(|| {
                folder.wrong(format!(
                    "it holds no {CONFIG_FILE}, which {SAFETENSORS_FILE} needs"
                ))
            })?;
            let bytes = fs::read(&file)?;
            let graph = graph::build(&config, &bytes).map_err(|e| folder.wrong(e.to_string()))?;
            positions = Some(graph.positions);
            let sha256 = casebook_fetch::file::sha256(bytes.as_slice())?;
            Weights::Safetensors {
                weights: File { path: file, sha256 },
                config,
            }
        } else {
            Weights::Onnx(folder.file(file)?)
        };
        let tokenizer = folder
            .first(&[TOKENIZER_FILE])
            .ok_or_else(|| folder.wrong(format!("it holds no {TOKENIZER_FILE}")))?;
        let tokenizer = folder.file(tokenizer)?;
        let max_tokens = folder.max_tokens(model.max_tokens, positions)?;
        let pooling = folder.pooling(model.pooling)?;
        let special_tokens = folder
            .read(SPECIAL_TOKENS)?
            .unwrap_or_else(|| b"{}".to_vec());
        let tokenizer_config = tokenizer_config(max_tokens, folder.pad_token()?);

        // Everything that makes another vector of a passage. The prefix of questions is not among it: with another
        // one, an index stays as it is.
        let made_of = json!([
            weights.sha256(),
            tokenizer.sha256,
            config.as_deref().map(String::from_utf8_lossy),
            String::from_utf8_lossy(&special_tokens),
            String::from_utf8_lossy(&tokenizer_config),
            pooling == Pooling::Mean,
            model.passage_prefix,
        ]);
        let sha256 = casebook_fetch::file::sha256(made_of.to_string().as_bytes())?;
        Ok(Self {
            id: format!("{}-{}", model.name, &sha256[..12]),
            dimensions: model.dimensions,
            query_prefix: model.query_prefix.clone(),
            passage_prefix: model.passage_prefix.clone(),
            name: model.name.clone(),
            folder: Some(folder.0),
            weights,
            tokenizer,
            pooling,
            max_tokens,
            config: config.unwrap_or_else(|| b"{}".to_vec()),
            special_tokens,
            tokenizer_config,
        })
    }

    /// A session of one thread.
    pub fn session(&self, environment: Environment) -> Result<TextEmbedding, EmbedError> {
        let tokenizer = TokenizerFiles {
            tokenizer_file: self.tokenizer.read()?,
            config_file: self.config.clone(),
            special_tokens_map_file: self.special_tokens.clone(),
            tokenizer_config_file: self.tokenizer_config.clone(),
        };
        let model = match &self.weights {
            Weights::Onnx(onnx) => UserDefinedEmbeddingModel::new(onnx.read()?, tokenizer),
            Weights::Safetensors { weights, config } => {
                let bytes = weights.read()?;
                let graph =
                    graph::build(config, &bytes).map_err(|e| self.refused(e.to_string()))?;
                UserDefinedEmbeddingModel::new(graph.onnx, tokenizer)
                    .with_external_initializer(graph::WEIGHTS_FILE.to_owned(), bytes)
            }
        };
        let options = InitOptionsUserDefined::new()
            .with_environment(environment)
            .with_max_length(self.max_tokens)
            .with_intra_threads(1);
        TextEmbedding::try_new_from_user_defined(model.with_pooling(self.pooling.clone()), options)
            .map_err(|e| self.refused(e.to_string()))
    }

    /// The error for a model that the runtime or the tokenizer refused.
    pub fn refused(&self, message: String) -> EmbedError {
        match &self.folder {
            Some(folder) => EmbedError::Own {
                folder: folder.clone(),
                message,
            },
            None => EmbedError::Model {
                model: self.name.clone(),
                message,
            },
        }
    }
}

impl Weights {
    fn sha256(&self) -> &str {
        match self {
            Self::Onnx(file) | Self::Safetensors { weights: file, .. } => &file.sha256,
        }
    }
}

/// fastembed refuses one without these two, which not every model's own file has.
fn tokenizer_config(max_tokens: usize, pad_token: Value) -> Vec<u8> {
    json!({ "model_max_length": max_tokens, "pad_token": pad_token })
        .to_string()
        .into_bytes()
}

/// A user's folder, as sentence-transformers saves a model.
struct Folder(PathBuf);

impl Folder {
    fn wrong(&self, message: String) -> EmbedError {
        EmbedError::Own {
            folder: self.0.clone(),
            message,
        }
    }

    /// The first of these files that is there.
    fn first(&self, names: &[&str]) -> Option<PathBuf> {
        names
            .iter()
            .map(|name| self.0.join(name))
            .find(|path| path.is_file())
    }

    fn file(&self, path: PathBuf) -> Result<File, EmbedError> {
        let sha256 = casebook_fetch::file::sha256(fs::File::open(&path)?)?;
        Ok(File { path, sha256 })
    }

    /// A small file; `None` where there is none.
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, EmbedError> {
        match self.first(&[name]) {
            Some(path) => Ok(Some(fs::read(path)?)),
            None => Ok(None),
        }
    }

    fn json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, EmbedError> {
        self.read(name)?
            .map(|bytes| {
                serde_json::from_slice(&bytes)
                    .map_err(|e| self.wrong(format!("{name} cannot be read: {e}")))
            })
            .transpose()
    }

    /// A layer that is left out makes other vectors, and nothing would show it.
    fn check_modules(&self) -> Result<(), EmbedError> {
        #[derive(Deserialize)]
        struct Module {
            r#type: String,
        }
        let modules: Vec<Module> = self.json(MODULES)?.unwrap_or_default();
        for module in modules {
            let name = module.r#type.rsplit('.').next().unwrap_or_default();
            if !matches!(name, "Transformer" | "Pooling" | "Normalize") {
                return Err(self.wrong(format!(
                    "{MODULES} names a layer {name}, which Casebook does not apply; choose a model without it"
                )));
            }
        }
        Ok(())
    }

    fn pooling(&self, said: Option<choice::Pooling>) -> Result<Pooling, EmbedError> {
        #[derive(Deserialize)]
        #[serde(default)]
        #[derive(Default)]
        struct Modes {
            pooling_mode_cls_token: bool,
            pooling_mode_mean_tokens: bool,
            pooling_mode_max_tokens: bool,
            pooling_mode_mean_sqrt_len_tokens: bool,
            pooling_mode_weightedmean_tokens: bool,
            pooling_mode_lasttoken: bool,
        }
        match said {
            Some(choice::Pooling::Mean) => return Ok(Pooling::Mean),
            Some(choice::Pooling::Cls) => return Ok(Pooling::Cls),
            None => {}
        }
        let modes: Modes = self.json(POOLING_CONFIG)?.ok_or_else(|| {
            self.wrong(format!(
                "it holds no {POOLING_CONFIG}; say pooling = \"mean\" or pooling = \"cls\" as the model's page does"
            ))
        })?;
        let others = modes.pooling_mode_max_tokens
            || modes.pooling_mode_mean_sqrt_len_tokens
            || modes.pooling_mode_weightedmean_tokens
            || modes.pooling_mode_lasttoken;
        match (modes.pooling_mode_mean_tokens, modes.pooling_mode_cls_token) {
            (true, false) if !others => Ok(Pooling::Mean),
            (false, true) if !others => Ok(Pooling::Cls),
            _ => Err(self.wrong(format!(
                "{POOLING_CONFIG} asks for another pooling than that by mean or by the first token, which are the \
                 two there are; choose another model"
            ))),
        }
    }

    /// Tokens of a text that are read.
    fn max_tokens(
        &self,
        said: Option<usize>,
        positions: Option<usize>,
    ) -> Result<usize, EmbedError> {
        let number = |value: Option<Value>, key: &str| -> Option<usize> {
            // "No limit" is written as 10 to the 30th.
            let n = value?.get(key)?.as_u64()?;
            usize::try_from(n).ok().filter(|&n| n > 0)
        };
        let positions = match positions {
            Some(positions) => Some(positions),
            None => number(self.json(CONFIG_FILE)?, "max_position_embeddings"),
        };
        let wanted = said
            .or(number(self.json(SENTENCE_CONFIG)?, "max_seq_length"))
            .or(number(self.json(TOKENIZER_CONFIG)?, "model_max_length"))
            .unwrap_or(MAX_TOKENS);
        Ok(positions.map_or(wanted, |positions| wanted.min(positions)))
    }

    /// The token that fills a batch up. Any serves, since what is filled up is masked.
    fn pad_token(&self) -> Result<Value, EmbedError> {
        for name in [TOKENIZER_CONFIG, SPECIAL_TOKENS] {
            let config: Option<Value> = self.json(name)?;
            if let Some(token) = config.and_then(|c| c.get("pad_token").cloned())
                && (token.is_string() || token.get("content").is_some_and(Value::is_string))
            {
                return Ok(token);
            }
        }
        Ok(json!("[PAD]"))
    }
}

impl std::fmt::Debug for Recipe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recipe")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
