#![no_main]
//! Order and code files.

use casebook_releases::{Member, ReadError, System, icd10_order};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let member = Member::from_bytes("x.txt", data);
    for system in [System::Icd10cm, System::Icd10pcs] {
        let _ = icd10_order::read::<ReadError>(&member, system, &mut |_| Ok(()));
    }
    let _ = icd10_order::read_codes::<ReadError>(&member, &mut |_, _| Ok(()));
});
