#![doc = include_str!("../README.md")]

mod content;
mod downloads;
mod error;
pub mod file;
mod progress;
mod publishers;
mod record;
mod transfer;

pub use downloads::{Downloads, Fetched, How};
pub use error::{FetchError, Place};
pub use progress::{Bars, Progress, Silent};
pub use publishers::{Cadence, ClickThrough, Edition, Open, Publishers, Source, Step, Wanted};
pub use record::{Entry, Former};
pub use transfer::{
    Arrived, Ask, Cut, Limits, Transfer, Validators, ask, checked, discard, transfer,
};
