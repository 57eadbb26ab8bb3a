#![no_main]
//! What a file is.

use casebook_releases::{Member, recognise::recognise};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = recognise(&Member::from_bytes("x", data));
});
