//! Failures of ours, for the operator. None of them holds a word of a question.

use crate::respond::Failure;

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The catalog.
    #[error(transparent)]
    Catalog(#[from] crate::catalog::CatalogError),
    /// The vector store.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// The model.
    #[error("embedding: {0}")]
    Embed(#[from] casebook_embeddings::EmbedError),
    /// A digest file.
    #[error(transparent)]
    Digest(#[from] crate::digest::DigestError),
    /// A tabular list.
    #[error("{file}: {source}")]
    Tabular {
        /// The file.
        file: String,
        /// What is wrong with it.
        source: crate::tabular::TabularError,
    },
    /// A file could not be read or written; the message holds its path.
    #[error(transparent)]
    File(#[from] std::io::Error),
    /// A task of ours ended before its time.
    #[error("a worker stopped: {0}")]
    Stopped(String),
    /// The vector engine refused constants of ours.
    #[error("BM25 settings: {0}")]
    Lexical(String),
}

impl From<Error> for Failure {
    fn from(e: Error) -> Self {
        let for_person = match &e {
            Error::Store(_) => "The index did not answer. Please try again in a minute.",
            Error::Catalog(_) | Error::File(_) => {
                "The code tables could not be read. Please try again in a minute."
            }
            _ => {
                "Something failed on our side. Please try again; if it happens again, give the operator the reference."
            }
        };
        Self {
            for_person: for_person.to_owned(),
            for_operator: e.to_string(),
        }
    }
}
