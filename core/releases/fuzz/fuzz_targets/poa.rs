#![no_main]
//! Lists of POA exemptions.

use casebook_releases::{Member, ReadError, poa};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let member = Member::from_bytes("x", data);
    for part in ["list", "revise"] {
        let _ = poa::read::<ReadError>(&member, part, &mut |_| Ok(()));
    }
});
