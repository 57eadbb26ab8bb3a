#![no_main]
//! Indexes and tables in XML.

use casebook_releases::{Member, ReadError, icd10cm_index};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = icd10cm_index::read::<ReadError>(&Member::from_bytes("x.xml", data), &mut |_| Ok(()));
});
