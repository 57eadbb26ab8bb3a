#![no_main]
//! Tables of the coverage database.

use casebook_releases::{Member, ReadError, coverage};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = coverage::read::<ReadError>(&Member::from_bytes("x.csv", data), &mut |_| Ok(()));
});
