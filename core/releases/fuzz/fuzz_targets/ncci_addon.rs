//! Any bytes as an add-on code file, text or workbook.
#![no_main]

use casebook_releases::{Member, ncci::addon};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = addon::read(&Member::from_bytes("file", bytes));
});
