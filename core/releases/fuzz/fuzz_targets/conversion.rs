#![no_main]
//! Conversion tables.

use casebook_releases::{Member, ReadError, conversion};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = conversion::read::<ReadError>(&Member::from_bytes("x", data), &mut |_| Ok(()));
});
