#![no_main]
//! Mappings of both directions.

use casebook_releases::{Kind, Member, ReadError, gem};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let member = Member::from_bytes("x.txt", data);
    for kind in [Kind::GemForward, Kind::GemBackward] {
        let _ = gem::read::<ReadError>(&member, kind, &mut |_| Ok(()));
    }
});
