#![no_main]
//! ICD-9-CM titles.

use casebook_releases::{Member, ReadError, icd9};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let member = Member::from_bytes("x.txt", data);
    for part in ["dx", "sg"] {
        let _ = icd9::read::<ReadError>(&member, part, &mut |_| Ok(()));
    }
});
