#![no_main]
//! Mappings to HCCs.

use casebook_releases::{Member, ReadError, hcc};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let member = Member::from_bytes("file.csv", bytes);
    let _ = hcc::read::<ReadError>(&member, &mut |_| Ok(()));
});
