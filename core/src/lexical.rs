//! Words to sparse vectors: BM25 as Qdrant computes it, so that both stores hold the same numbers.

use qdrant_edge::bm25_embed::{EdgeBm25, EdgeBm25Config, EdgeBm25Error};

/// A sparse vector: hashed stems and their weights. The store multiplies by inverse document frequency.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sparse {
    /// Hashed stems.
    pub indices: Vec<u32>,
    /// A weight for each of them.
    pub values: Vec<f32>,
}

/// Tokenizer, stemmer and term weights.
pub struct Lexical {
    bm25: EdgeBm25,
}

impl Lexical {
    /// English, with the average length of our passages: titles and their synonyms, about twelve words.
    ///
    /// # Errors
    /// Where the vector engine refuses the settings, which are constants.
    pub fn new() -> Result<Self, EdgeBm25Error> {
        let avg_len = 12.0f64.try_into().unwrap_or_default();
        Ok(Self {
            bm25: EdgeBm25::new(EdgeBm25Config {
                avg_len,
                ..EdgeBm25Config::default()
            })?,
        })
    }

    /// A passage as it is stored.
    pub fn passage(&self, text: &str) -> Sparse {
        let v = self.bm25.embed_document(text);
        Sparse {
            indices: v.indices,
            values: v.values,
        }
    }

    /// A question as it is searched.
    pub fn question(&self, text: &str) -> Sparse {
        let v = self.bm25.embed_query(text);
        Sparse {
            indices: v.indices,
            values: v.values,
        }
    }

    /// The distinct stems of a text, hashed; stop words left out.
    pub fn stems(&self, text: &str) -> std::collections::HashSet<u32> {
        self.bm25.embed_query(text).indices.into_iter().collect()
    }
}
