//! Any bytes as an MUE file, text or workbook.
#![no_main]

use casebook_releases::{Member, ncci::mue};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = mue::read(&Member::from_bytes("file", bytes));
});
