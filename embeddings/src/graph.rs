//! BERT as an ONNX graph that holds no weights: each one is a reference to its bytes in the unchanged
//! `model.safetensors`.
//!
//! Weights are published, and trained further, as safetensors; the runtime wants a graph. Converting would make a
//! second file of 90 MB whose checksum nobody publishes. The graph is 40 KB, is built in a millisecond, and serves
//! every model of this family: layers and sizes are read from the shapes, the rest from `config.json`.
//!
//! Only operators of ONNX itself are used. The runtime fuses them into its own kernels for attention and GELU:
//! a graph that names those kernels is not faster.

mod onnx;

use prost::Message;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, Metadata};
use serde::Deserialize;

use onnx::{Attribute, DataType, Node, Tensor};

/// The file name that the references carry; the bytes are handed to the runtime under it.
pub(crate) const WEIGHTS_FILE: &str = "model.safetensors";

/// The edition of ONNX's operators that the graph is written in: the first with layer normalisation.
const OPERATORS: i64 = 17;

/// The edition of the file format that goes with it.
const FORMAT: i64 = 8;

/// What is added to the attention on a padded place, so that nothing of it is left. As BERT was trained.
const MASKED: f32 = -10_000.0;

/// A graph, and what the weights say of themselves.
#[derive(Debug)]
pub(crate) struct Graph {
    /// The ONNX file.
    pub onnx: Vec<u8>,
    /// Tokens that there are positions for.
    pub positions: usize,
}

/// Why no graph can be made of a pair of files.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(crate) enum GraphError {
    #[error("config.json cannot be read: {0}")]
    Config(String),
    #[error(
        "config.json says {key} = {value:?}, and only {wanted} can be made from safetensors; export the model to ONNX \
         and put model.onnx into the folder instead"
    )]
    Unsupported {
        key: &'static str,
        value: String,
        wanted: &'static str,
    },
    #[error("model.safetensors cannot be read: {0}; it may be cut off, fetch it again")]
    Weights(String),
    #[error(
        "model.safetensors has no tensor {0}, which a BERT encoder has; export the model to ONNX instead"
    )]
    Missing(String),
    #[error(
        "the tensor {name} in model.safetensors is {found}, where {expected} follows from config.json and the other tensors"
    )]
    Shape {
        name: String,
        found: String,
        expected: String,
    },
    #[error(
        "the tensor {name} in model.safetensors holds {found}; floating-point weights of 16 or 32 bits can be used"
    )]
    Numbers { name: String, found: String },
}

/// The keys of `config.json` that the tensors do not tell.
#[derive(Deserialize)]
struct Config {
    model_type: String,
    num_attention_heads: usize,
    #[serde(default = "gelu")]
    hidden_act: String,
    #[serde(default = "absolute")]
    position_embedding_type: String,
    #[serde(default = "epsilon")]
    layer_norm_eps: f32,
}

fn gelu() -> String {
    "gelu".to_owned()
}

fn absolute() -> String {
    "absolute".to_owned()
}

fn epsilon() -> f32 {
    1e-12
}

/// Writes the graph for the weights in `weights`, the bytes of `model.safetensors`. The same bytes give the same
/// graph.
///
/// # Errors
/// [`GraphError`] where the files are no BERT encoder or do not fit each other.
pub(crate) fn build(config: &[u8], weights: &[u8]) -> Result<Graph, GraphError> {
    let config: Config =
        serde_json::from_slice(config).map_err(|e| GraphError::Config(e.to_string()))?;
    for (key, value, wanted) in [
        ("model_type", &config.model_type, "bert"),
        ("hidden_act", &config.hidden_act, "gelu"),
        (
            "position_embedding_type",
            &config.position_embedding_type,
            "absolute",
        ),
    ] {
        if value != wanted {
            return Err(GraphError::Unsupported {
                key,
                value: value.clone(),
                wanted,
            });
        }
    }
    let (header, metadata) =
        SafeTensors::read_metadata(weights).map_err(|e| GraphError::Weights(e.to_string()))?;
    // The file begins with eight bytes that hold the header's length.
    let bert = Bert::new(&config, &metadata, header + 8)?;
    bert.write()
}

/// The tensors' names begin so in a checkpoint of the encoder, and in one of a model with a head.
const PREFIXES: [&str; 2] = ["", "bert."];

struct Bert<'a> {
    config: &'a Config,
    metadata: &'a Metadata,
    /// Where the tensors begin in the file.
    start: usize,
    prefix: &'static str,
    hidden: usize,
    nodes: Vec<Node>,
    initializers: Vec<Tensor>,
}

impl<'a> Bert<'a> {
    fn new(config: &'a Config, metadata: &'a Metadata, start: usize) -> Result<Self, GraphError> {
        const WORDS: &str = "embeddings.word_embeddings.weight";
        let prefix = PREFIXES
            .into_iter()
            .find(|prefix| metadata.info(&format!("{prefix}{WORDS}")).is_some())
            .ok_or_else(|| GraphError::Missing(WORDS.to_owned()))?;
        let mut bert = Self {
            config,
            metadata,
            start,
            prefix,
            hidden: 0,
            nodes: Vec::new(),
            initializers: Vec::new(),
        };
        bert.hidden = bert.columns(WORDS)?;
        let heads = config.num_attention_heads;
        if heads == 0 || bert.hidden == 0 || !bert.hidden.is_multiple_of(heads) {
            return Err(GraphError::Config(format!(
                "num_attention_heads is {heads}, which does not divide the {} numbers of a token",
                bert.hidden
            )));
        }
        Ok(bert)
    }

    fn write(mut self) -> Result<Graph, GraphError> {
        let positions = self.rows("embeddings.position_embeddings.weight")?;
        let layers = (0..)
            .take_while(|layer| self.has(&format!("encoder.layer.{layer}.output.dense.weight")))
            .count();
        if layers == 0 {
            return Err(GraphError::Missing(
                "encoder.layer.0.output.dense.weight".to_owned(),
            ));
        }
        self.constants();
        let mut tokens = self.embeddings()?;
        for layer in 0..layers {
            let output = if layer + 1 == layers {
                "last_hidden_state".to_owned()
            } else {
                format!("layer.{layer}")
            };
            tokens = self.layer(&format!("encoder.layer.{layer}."), &tokens, &output)?;
        }
        let ids = |name: &str| value(name, DataType::Int64, None);
        let graph = onnx::Graph {
            node: self.nodes,
            name: "bert".to_owned(),
            initializer: self.initializers,
            input: ["input_ids", "attention_mask", "token_type_ids"]
                .map(ids)
                .into(),
            output: vec![value(&tokens, DataType::Float, Some(self.hidden))],
        };
        let model = onnx::Model {
            ir_version: FORMAT,
            producer_name: "casebook".to_owned(),
            graph: Some(graph),
            opset_import: vec![onnx::OperatorSet {
                domain: String::new(),
                version: OPERATORS,
            }],
        };
        Ok(Graph {
            onnx: model.encode_to_vec(),
            positions,
        })
    }

    fn constants(&mut self) {
        let heads = self.config.num_attention_heads;
        let (heads, each) = (heads as i64, (self.hidden / heads) as i64);
        self.floats("one", 1.0);
        self.floats("half", 0.5);
        self.floats("root of two", std::f32::consts::SQRT_2);
        self.floats("masked", MASKED);
        self.floats("scale", 1.0 / (each as f32).sqrt());
        self.integers("0", &[0]);
        self.integers("1", &[1]);
        self.integers("2", &[2]);
        self.integers("1, 2", &[1, 2]);
        // A zero keeps the dimension that is there: texts, and tokens in each.
        self.integers("by head", &[0, 0, heads, each]);
        self.integers("joined", &[0, 0, self.hidden as i64]);
    }

    /// Tokens as vectors: what they are, where they stand, and which of two texts they belong to.
    fn embeddings(&mut self) -> Result<String, GraphError> {
        let hidden = self.hidden;
        let table = |rows| vec![rows, hidden];
        let [words, places, kinds] = ["word", "position", "token_type"]
            .map(|of| format!("embeddings.{of}_embeddings.weight"));
        let rows = [self.rows(&words)?, self.rows(&places)?, self.rows(&kinds)?];
        let words = self.weight(&words, &table(rows[0]))?;
        let places = self.weight(&places, &table(rows[1]))?;
        let kinds = self.weight(&kinds, &table(rows[2]))?;
        let words = self.node("Gather", &[&words, "input_ids"], "words");
        let kinds = self.node("Gather", &[&kinds, "token_type_ids"], "kinds");
        let shape = self.node("Shape", &["input_ids"], "shape");
        let length = self.node("Slice", &[&shape, "1", "2", "0"], "length");
        let places = self.node("Slice", &[&places, "0", &length, "0"], "places");
        let sum = self.node("Add", &[&words, &kinds], "words and kinds");
        let sum = self.node("Add", &[&sum, &places], "summed");

        let mask = self.attributed(
            "Cast",
            &["attention_mask"],
            "mask",
            vec![Attribute::int("to", DataType::Float as i64)],
        );
        let absent = self.node("Sub", &["one", &mask], "absent");
        let absent = self.node("Mul", &[&absent, "masked"], "absent, weighed");
        self.node("Unsqueeze", &[&absent, "1, 2"], "bias of the mask");
        self.normalised("embeddings.LayerNorm", &sum, "embedded")
    }

    /// One layer of the encoder: attention, then the feed-forward network, each added to what went in.
    fn layer(&mut self, at: &str, tokens: &str, output: &str) -> Result<String, GraphError> {
        let hidden = self.hidden;
        let name = |what: &str| format!("{at}{what}");
        let mut by_head = |what: &str, order: [i64; 4]| -> Result<String, GraphError> {
            let x = self.linear(
                &name(&format!("attention.self.{what}")),
                tokens,
                hidden,
                hidden,
            )?;
            let x = self.node(
                "Reshape",
                &[&x, "by head"],
                &name(&format!("{what} by head")),
            );
            Ok(self.transposed(&x, &name(&format!("{what}, heads first")), &order))
        };
        let query = by_head("query", [0, 2, 1, 3])?;
        let key = by_head("key", [0, 2, 3, 1])?;
        let value = by_head("value", [0, 2, 1, 3])?;
        let scores = self.node("MatMul", &[&query, &key], &name("scores"));
        let scores = self.node("Mul", &[&scores, "scale"], &name("scores, scaled"));
        let scores = self.node(
            "Add",
            &[&scores, "bias of the mask"],
            &name("scores, masked"),
        );
        let attention = self.attributed(
            "Softmax",
            &[&scores],
            &name("attention"),
            vec![Attribute::int("axis", -1)],
        );
        let context = self.node("MatMul", &[&attention, &value], &name("context by head"));
        let context = self.transposed(&context, &name("context, tokens first"), &[0, 2, 1, 3]);
        let context = self.node("Reshape", &[&context, "joined"], &name("context"));
        let context = self.linear(&name("attention.output.dense"), &context, hidden, hidden)?;
        let sum = self.node("Add", &[&context, tokens], &name("attended"));
        let attended = self.normalised(
            &name("attention.output.LayerNorm"),
            &sum,
            &name("attended, normalised"),
        )?;

        let inner = self.rows(&name("intermediate.dense.weight"))?;
        let x = self.linear(&name("intermediate.dense"), &attended, hidden, inner)?;
        // GELU with the error function, in the form that the runtime knows.
        let erf = self.node("Div", &[&x, "root of two"], &name("gelu 1"));
        let erf = self.node("Erf", &[&erf], &name("gelu 2"));
        let erf = self.node("Add", &[&erf, "one"], &name("gelu 3"));
        let x = self.node("Mul", &[&x, &erf], &name("gelu 4"));
        let x = self.node("Mul", &[&x, "half"], &name("gelu"));
        let x = self.linear(&name("output.dense"), &x, inner, hidden)?;
        let sum = self.node("Add", &[&x, &attended], &name("fed forward"));
        self.normalised(&name("output.LayerNorm"), &sum, output)
    }

    /// `x` times the matrix `name.weight`, which stands transposed in the file, plus `name.bias`.
    fn linear(
        &mut self,
        name: &str,
        x: &str,
        from: usize,
        to: usize,
    ) -> Result<String, GraphError> {
        let matrix = self.weight(&format!("{name}.weight"), &[to, from])?;
        let bias = self.weight(&format!("{name}.bias"), &[to])?;
        let matrix = self.transposed(&matrix, &format!("{name}, upright"), &[1, 0]);
        let product = self.node("MatMul", &[x, &matrix], &format!("{name}, product"));
        Ok(self.node("Add", &[&product, &bias], name))
    }

    fn normalised(&mut self, name: &str, x: &str, output: &str) -> Result<String, GraphError> {
        let scale = self.weight(&format!("{name}.weight"), &[self.hidden])?;
        let bias = self.weight(&format!("{name}.bias"), &[self.hidden])?;
        let attributes = vec![
            Attribute::int("axis", -1),
            Attribute::float("epsilon", self.config.layer_norm_eps),
        ];
        Ok(self.attributed(
            "LayerNormalization",
            &[x, &scale, &bias],
            output,
            attributes,
        ))
    }

    fn transposed(&mut self, x: &str, output: &str, order: &[i64]) -> String {
        let order = vec![Attribute::ints("perm", order)];
        self.attributed("Transpose", &[x], output, order)
    }

    fn node(&mut self, operator: &str, inputs: &[&str], output: &str) -> String {
        self.attributed(operator, inputs, output, Vec::new())
    }

    /// Adds a node; its one output is named as the node, and returned.
    fn attributed(
        &mut self,
        operator: &str,
        inputs: &[&str],
        output: &str,
        attribute: Vec<Attribute>,
    ) -> String {
        self.nodes.push(Node {
            input: inputs.iter().map(|&i| i.to_owned()).collect(),
            output: vec![output.to_owned()],
            name: output.to_owned(),
            op_type: operator.to_owned(),
            attribute,
        });
        output.to_owned()
    }

    fn floats(&mut self, name: &str, value: f32) {
        self.constant(
            name,
            DataType::Float,
            Vec::new(),
            value.to_le_bytes().into(),
        );
    }

    fn integers(&mut self, name: &str, values: &[i64]) {
        let raw = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(name, DataType::Int64, vec![values.len() as i64], raw);
    }

    fn constant(&mut self, name: &str, kind: DataType, dims: Vec<i64>, raw_data: Vec<u8>) {
        self.initializers.push(Tensor {
            dims,
            data_type: kind as i32,
            name: name.to_owned(),
            raw_data,
            ..Tensor::default()
        });
    }

    /// Refers to a tensor of the file, which must have this shape, and widens it to 32 bits where it is narrower.
    fn weight(&mut self, name: &str, shape: &[usize]) -> Result<String, GraphError> {
        let info = self.info(name)?;
        if info.shape != shape {
            return Err(GraphError::Shape {
                name: name.to_owned(),
                found: format!("{:?}", info.shape),
                expected: format!("{shape:?}"),
            });
        }
        let kind = match info.dtype {
            Dtype::F32 => DataType::Float,
            Dtype::F16 => DataType::Float16,
            Dtype::BF16 => DataType::Bfloat16,
            other => {
                return Err(GraphError::Numbers {
                    name: name.to_owned(),
                    found: format!("{other:?}"),
                });
            }
        };
        let (from, to) = info.data_offsets;
        let pair = |key: &str, value: String| onnx::StringPair {
            key: key.to_owned(),
            value,
        };
        self.initializers.push(Tensor {
            dims: shape.iter().map(|&n| n as i64).collect(),
            data_type: kind as i32,
            name: name.to_owned(),
            external_data: vec![
                pair("location", WEIGHTS_FILE.to_owned()),
                pair("offset", (self.start + from).to_string()),
                pair("length", (to - from).to_string()),
            ],
            data_location: 1,
            ..Tensor::default()
        });
        if kind == DataType::Float {
            return Ok(name.to_owned());
        }
        let to = vec![Attribute::int("to", DataType::Float as i64)];
        Ok(self.attributed("Cast", &[name], &format!("{name}, widened"), to))
    }

    fn has(&self, name: &str) -> bool {
        self.info(name).is_ok()
    }

    fn info(&self, name: &str) -> Result<&'a safetensors::tensor::TensorInfo, GraphError> {
        self.metadata
            .info(&format!("{}{name}", self.prefix))
            .ok_or_else(|| GraphError::Missing(name.to_owned()))
    }

    fn rows(&self, name: &str) -> Result<usize, GraphError> {
        self.matrix(name).map(|(rows, _)| rows)
    }

    fn columns(&self, name: &str) -> Result<usize, GraphError> {
        self.matrix(name).map(|(_, columns)| columns)
    }

    fn matrix(&self, name: &str) -> Result<(usize, usize), GraphError> {
        match self.info(name)?.shape.as_slice() {
            &[rows, columns] => Ok((rows, columns)),
            other => Err(GraphError::Shape {
                name: name.to_owned(),
                found: format!("{other:?}"),
                expected: "a matrix".to_owned(),
            }),
        }
    }
}

/// An input or output: texts, tokens in each, and, where given, numbers for each token.
fn value(name: &str, kind: DataType, numbers: Option<usize>) -> onnx::ValueInfo {
    let named = |name: &str| onnx::Dimension {
        value: None,
        name: Some(name.to_owned()),
    };
    let mut dim = vec![named("batch"), named("sequence")];
    dim.extend(numbers.map(|n| onnx::Dimension {
        value: Some(n as i64),
        name: None,
    }));
    onnx::ValueInfo {
        name: name.to_owned(),
        kind: Some(onnx::Type {
            tensor: Some(onnx::TensorType {
                data_type: kind as i32,
                shape: Some(onnx::Shape { dim }),
            }),
        }),
    }
}

#[cfg(test)]
mod tests;
