//! Casebook's core: codes, sources and their editions, retrieval, and answers.
//!
//! Nothing here knows a chat platform. See `ARCHITECTURE.md` for the map.

pub mod answer;
pub mod code;
pub mod respond;

pub use answer::{Answer, Citation, EditionRef, Line, Timings, Verdict};
pub use code::{CodeRef, Status, System};
pub use respond::{Failure, Intent, Request, Respond, Setting};
