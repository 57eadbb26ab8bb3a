//! Casebook's core: codes, sources and their editions, retrieval, and answers.
//!
//! Nothing here knows a chat platform. See `ARCHITECTURE.md` for the map.

pub mod answer;
mod ask;
pub mod card;
pub mod case;
pub mod casebook;
pub mod check;
mod compose;
pub mod concept;
pub mod digest;
pub mod error;
mod excerpt;
mod excludes;
mod facts;
pub mod follow;
mod further;
pub mod gate;
pub mod index;
pub mod lexical;
pub mod lexicon;
mod lookup;
pub mod names;
mod official;
pub mod outside;
pub mod question;
mod related;
pub mod respond;
pub mod retrieve;
mod service;
pub mod shelf;
pub mod store;
mod tables;
pub mod topic;

pub use casebook_catalog as catalog;
pub use casebook_releases::{Kind, code, tabular};

pub use answer::{Answer, Citation, EditionRef, Line, Timings, Verdict};
pub use ask::Considered;
pub use card::Card;
pub use case::{Case, Encounter, Unread};
pub use casebook::{Casebook, Settings, StarterCorpus, StoreSettings, today};
pub use check::CheckPage;
pub use code::{CodeRef, Status, System};
pub use compose::Fact;
pub use error::Error;
pub use index::Step;
pub use lookup::CodeHit;
pub use respond::{Failure, Intent, Request, Respond, Setting};
pub use retrieve::Ranking;
