//! The official release files, read: bytes in, dated rows out.
//!
//! A release is a file that a publisher puts out for a span of dates of service: a code set, an edit table, a fee
//! schedule, a manual. Reading one takes three steps, each a module:
//!
//! 1. [`archive`] walks what a person names (files, folders, zips in zips) within limits and yields a
//!    [`member::Member`] for every file inside.
//! 2. [`recognise`] says what a member is **by its content**: publishers rename their files, and people rename them
//!    again. A name only fills in what the content does not say (a quarter, a year).
//! 3. One module for each family of files turns a member into rows, in a stream where the file is long.
//!
//! Nothing here writes to a store. An [`error::ReadError`] names the file, the line or cell, and the remedy; rows that
//! were yielded before it must then be thrown away by whoever took them, which a transaction does.

pub mod anesthesia;
pub mod archive;
pub mod code;
mod columns;
pub mod conversion;
pub mod coverage;
pub mod cpt;
pub mod document;
pub mod edition;
pub mod error;
mod fixed;
pub mod gem;
pub mod gpci;
pub mod hcc;
pub mod hcpcs;
pub mod icd;
pub mod icd10_addenda;
pub mod icd10_order;
pub mod icd10cm_index;
pub mod icd10pcs_definitions;
pub mod icd10pcs_tables;
pub mod icd9;
pub mod localities;
pub mod manual;
pub mod member;
pub mod ncci;
pub mod opps_cap;
pub mod pdf;
pub mod poa;
pub mod recognise;
pub mod relative_values;
pub mod table;
pub mod tabular;
pub mod xml;

pub use code::{CodeRef, Status, System};
pub use edition::{Found, Kind, Setting};
pub use error::{Place, ReadError};
pub use member::{Form, Member};
