#![no_main]
//! Addenda of order and code files.

use casebook_releases::{Member, ReadError, icd10_addenda};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = icd10_addenda::read::<ReadError>(&Member::from_bytes("x.txt", data), &mut |_| Ok(()));
});
