#![no_main]
//! The ICD-10-PCS definitions.

use casebook_releases::{Member, ReadError, icd10pcs_definitions};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let member = Member::from_bytes("file.xml", bytes);
    let _ = icd10pcs_definitions::read::<ReadError>(&member, &mut |_| Ok(()));
});
