//! Text to vectors, on this machine: the model, ONNX Runtime, and their set-up.
//!
//! [`ensure`] brings the pinned files into the data folder, [`ModelChoice::fetch`] a model that is not pinned, and
//! [`Embedder`] turns text into vectors with them. Nothing that is embedded leaves the process, and no text enters a
//! log or an error.

mod choice;
mod embedder;
mod error;
mod graph;
mod hub;
mod manifest;
mod recipe;
mod setup;
mod source;
mod weights;

pub use casebook_fetch::{Bars, Progress, Silent};
pub use choice::{ModelChoice, Origin, OwnModel, Pooling, Repository};
pub use embedder::{EmbedError, Embedder, EmbedderOptions};
pub use error::{Needs, SetupError};
pub use manifest::model_id;
pub use setup::{Assets, Lacking, SetupOptions, ensure, lacking};
