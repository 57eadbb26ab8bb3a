//! A BERT of a few thousand random numbers: its files as they are published, and, against the graph, what it
//! computes, written down once more in plain loops of 64-bit numbers.
#![allow(
    dead_code,
    reason = "each of the tests that take this file in uses a part of it"
)]

use std::collections::BTreeMap;
use std::io;

/// How the weights are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbers {
    F32,
    F16,
    Bf16,
}

/// The measures of a model.
#[derive(Debug, Clone, Copy)]
pub struct Measures {
    pub hidden: usize,
    pub heads: usize,
    pub layers: usize,
    pub inner: usize,
    /// Tokens of the longest text.
    pub positions: usize,
    pub numbers: Numbers,
    /// What the tensors' names begin with.
    pub prefix: &'static str,
    pub seed: u64,
}

pub const SMALL: Measures = Measures {
    hidden: 16,
    heads: 4,
    layers: 2,
    inner: 32,
    positions: 12,
    numbers: Numbers::F32,
    prefix: "",
    seed: 1,
};

const WORDS: [&str; 17] = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "fracture", "of", "the", "femur", "left",
    "right", "pain", "chest", "acute", "query", "passage", ":",
];
const UNKNOWN: usize = 1;
const FIRST: usize = 2;
const LAST: usize = 3;

/// A tensor: its shape and its numbers, row by row.
type Tensor = (Vec<usize>, Vec<f64>);

pub struct Tiny {
    pub measures: Measures,
    pub tensors: BTreeMap<String, Tensor>,
}

/// Numbers that 8 bits of significand hold, so that every way to write them holds the same.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 40) % 511) as f64 / 256.0 - 255.0 / 256.0
    }
}

impl Tiny {
    pub fn new(measures: Measures) -> Self {
        let Measures { hidden, inner, .. } = measures;
        let mut random = Random(measures.seed);
        let mut tensors = BTreeMap::new();
        let mut add = |name: String, shape: &[usize]| {
            let count = shape.iter().product();
            let values = std::iter::repeat_with(|| random.next())
                .take(count)
                .collect();
            tensors.insert(name, (shape.to_vec(), values));
        };
        for (of, rows) in [
            ("word", WORDS.len()),
            ("position", measures.positions),
            ("token_type", 2),
        ] {
            add(
                format!("embeddings.{of}_embeddings.weight"),
                &[rows, hidden],
            );
        }
        let mut linear = vec![];
        let mut norms = vec!["embeddings.LayerNorm".to_owned()];
        for layer in 0..measures.layers {
            let at = format!("encoder.layer.{layer}.");
            for (name, to, from) in [
                ("attention.self.query", hidden, hidden),
                ("attention.self.key", hidden, hidden),
                ("attention.self.value", hidden, hidden),
                ("attention.output.dense", hidden, hidden),
                ("intermediate.dense", inner, hidden),
                ("output.dense", hidden, inner),
            ] {
                linear.push((format!("{at}{name}"), to, from));
            }
            norms.push(format!("{at}attention.output.LayerNorm"));
            norms.push(format!("{at}output.LayerNorm"));
        }
        for (name, to, from) in linear {
            add(format!("{name}.weight"), &[to, from]);
            add(format!("{name}.bias"), &[to]);
        }
        for name in norms {
            add(format!("{name}.weight"), &[hidden]);
            add(format!("{name}.bias"), &[hidden]);
        }
        // A published file holds what no sentence encoder needs, too.
        add("pooler.dense.weight".to_owned(), &[hidden, hidden]);
        Self { measures, tensors }
    }

    /// The bytes of `model.safetensors`.
    pub fn safetensors(&self) -> Vec<u8> {
        let (kind, size) = match self.measures.numbers {
            Numbers::F32 => ("F32", 4),
            Numbers::F16 => ("F16", 2),
            Numbers::Bf16 => ("BF16", 2),
        };
        let mut header = String::from("{\"__metadata__\":{\"format\":\"pt\"}");
        let mut data = Vec::new();
        for (name, (shape, values)) in &self.tensors {
            let from = data.len();
            let prefix = self.measures.prefix;
            let to = from + values.len() * size;
            header.push_str(&format!(
                ",\"{prefix}{name}\":{{\"dtype\":\"{kind}\",\"shape\":{shape:?},\"data_offsets\":[{from},{to}]}}"
            ));
            for &value in values {
                let bits = (value as f32).to_bits();
                match self.measures.numbers {
                    Numbers::F32 => data.extend(bits.to_le_bytes()),
                    Numbers::Bf16 => data.extend(((bits >> 16) as u16).to_le_bytes()),
                    Numbers::F16 => data.extend(half(bits).to_le_bytes()),
                }
            }
        }
        header.push('}');
        while header.len() % 8 != 0 {
            header.push(' ');
        }
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend(header.as_bytes());
        file.extend(data);
        file
    }

    /// The text of `config.json`.
    pub fn config(&self) -> String {
        format!(
            r#"{{"model_type": "bert", "hidden_act": "gelu", "layer_norm_eps": 0.001, "num_attention_heads": {}, "pad_token_id": 0}}"#,
            self.measures.heads
        )
    }

    /// The text of `tokenizer.json`: lower case, words as they are listed, `[CLS]` before and `[SEP]` behind.
    pub fn tokenizer() -> String {
        let vocabulary: Vec<String> = WORDS
            .iter()
            .enumerate()
            .map(|(id, word)| format!("\"{word}\": {id}"))
            .collect();
        let added: Vec<String> = WORDS[..5]
            .iter()
            .enumerate()
            .map(|(id, word)| {
                format!(
                    r#"{{"id": {id}, "content": "{word}", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}}"#
                )
            })
            .collect();
        format!(
            r#"{{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [{}],
            "normalizer": {{"type": "Lowercase"}}, "pre_tokenizer": {{"type": "WhitespaceSplit"}},
            "post_processor": {{"type": "TemplateProcessing",
              "single": [{{"SpecialToken": {{"id": "[CLS]", "type_id": 0}}}}, {{"Sequence": {{"id": "A", "type_id": 0}}}}, {{"SpecialToken": {{"id": "[SEP]", "type_id": 0}}}}],
              "pair": [{{"Sequence": {{"id": "A", "type_id": 0}}}}, {{"Sequence": {{"id": "B", "type_id": 1}}}}],
              "special_tokens": {{"[CLS]": {{"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]}}, "[SEP]": {{"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]}}}}}},
            "decoder": null, "model": {{"type": "WordLevel", "vocab": {{{}}}, "unk_token": "[UNK]"}}}}"#,
            added.join(", "),
            vocabulary.join(", ")
        )
    }

    /// Writes the folder that a person would name.
    pub fn write(&self, folder: &std::path::Path) -> io::Result<()> {
        fs_err::create_dir_all(folder)?;
        fs_err::write(folder.join("model.safetensors"), self.safetensors())?;
        fs_err::write(folder.join("config.json"), self.config())?;
        fs_err::write(folder.join("tokenizer.json"), Self::tokenizer())
    }

    /// The tokens of a text whose words stand apart by spaces, cut at the last position.
    fn tokens(&self, text: &str) -> Vec<usize> {
        let words = text.split_whitespace().map(|word| {
            WORDS
                .iter()
                .position(|w| *w == word.to_lowercase())
                .unwrap_or(UNKNOWN)
        });
        let mut tokens = vec![FIRST];
        tokens.extend(words.take(self.measures.positions - 2));
        tokens.push(LAST);
        tokens
    }

    /// The vector of a text: the mean of its tokens' vectors, or the first of them, brought to length 1.
    pub fn vector(&self, text: &str, mean: bool) -> Vec<f64> {
        let tokens = self.encode(&self.tokens(text));
        let mut vector = tokens[0].clone();
        if mean {
            for token in &tokens[1..] {
                add(&mut vector, token);
            }
        }
        let length = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
        vector.iter().map(|x| x / length).collect()
    }

    /// What comes out of the last layer for each token.
    fn encode(&self, tokens: &[usize]) -> Vec<Vec<f64>> {
        let mut x: Vec<Vec<f64>> = tokens
            .iter()
            .enumerate()
            .map(|(at, &token)| {
                let mut row = self.row("embeddings.word_embeddings.weight", token);
                add(
                    &mut row,
                    &self.row("embeddings.position_embeddings.weight", at),
                );
                add(
                    &mut row,
                    &self.row("embeddings.token_type_embeddings.weight", 0),
                );
                self.normalised("embeddings.LayerNorm", &row)
            })
            .collect();
        for layer in 0..self.measures.layers {
            x = self.layer(&format!("encoder.layer.{layer}."), &x);
        }
        x
    }

    fn layer(&self, at: &str, x: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let all = |name: &str| -> Vec<Vec<f64>> {
            x.iter()
                .map(|row| self.linear(&format!("{at}attention.self.{name}"), row))
                .collect()
        };
        let (query, key, value) = (all("query"), all("key"), all("value"));
        let each = self.measures.hidden / self.measures.heads;
        x.iter()
            .enumerate()
            .map(|(i, row)| {
                let mut context = vec![0.0; self.measures.hidden];
                for head in 0..self.measures.heads {
                    let of = head * each..(head + 1) * each;
                    let scores: Vec<f64> = key
                        .iter()
                        .map(|k| dot(&query[i][of.clone()], &k[of.clone()]) / (each as f64).sqrt())
                        .map(f64::exp)
                        .collect();
                    let sum: f64 = scores.iter().sum();
                    for (score, v) in scores.iter().zip(&value) {
                        for n in of.clone() {
                            context[n] += score / sum * v[n];
                        }
                    }
                }
                let mut attended = self.linear(&format!("{at}attention.output.dense"), &context);
                add(&mut attended, row);
                let attended =
                    self.normalised(&format!("{at}attention.output.LayerNorm"), &attended);
                let inner: Vec<f64> = self
                    .linear(&format!("{at}intermediate.dense"), &attended)
                    .into_iter()
                    .map(|x| 0.5 * x * (1.0 + erf(x / std::f64::consts::SQRT_2)))
                    .collect();
                let mut out = self.linear(&format!("{at}output.dense"), &inner);
                add(&mut out, &attended);
                self.normalised(&format!("{at}output.LayerNorm"), &out)
            })
            .collect()
    }

    fn row(&self, name: &str, row: usize) -> Vec<f64> {
        let (shape, values) = &self.tensors[name];
        values[row * shape[1]..(row + 1) * shape[1]].to_vec()
    }

    fn linear(&self, name: &str, x: &[f64]) -> Vec<f64> {
        let bias = &self.tensors[&format!("{name}.bias")].1;
        let matrix = format!("{name}.weight");
        bias.iter()
            .enumerate()
            .map(|(row, bias)| dot(&self.row(&matrix, row), x) + bias)
            .collect()
    }

    fn normalised(&self, name: &str, x: &[f64]) -> Vec<f64> {
        let n = x.len() as f64;
        let mean = x.iter().sum::<f64>() / n;
        let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
        let scale = &self.tensors[&format!("{name}.weight")].1;
        let bias = &self.tensors[&format!("{name}.bias")].1;
        x.iter()
            .zip(scale.iter().zip(bias))
            .map(|(x, (scale, bias))| (x - mean) / (variance + 0.001).sqrt() * scale + bias)
            .collect()
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(to: &mut [f64], x: &[f64]) {
    for (to, x) in to.iter_mut().zip(x) {
        *to += x;
    }
}

/// The error function, by its series; beyond 5 it differs from 1 in the twelfth place.
fn erf(x: f64) -> f64 {
    if x.abs() > 5.0 {
        return x.signum();
    }
    let (mut term, mut sum) = (x, x);
    for n in 1..200 {
        term *= -x * x / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    sum * std::f64::consts::FRAC_2_SQRT_PI
}

/// The 16-bit form of a 32-bit number that fits into it.
fn half(bits: u32) -> u16 {
    let sign = (bits >> 16) as u16 & 0x8000;
    if bits & 0x7fff_ffff == 0 {
        return sign;
    }
    let exponent = ((bits >> 23) & 0xff) as u16 + 15 - 127;
    sign | exponent << 10 | (bits >> 13) as u16 & 0x3ff
}
