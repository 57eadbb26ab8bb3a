#![no_main]

use casebook_releases::Member;
use casebook_releases::{ReadError, hcpcs, recognise};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let member = Member::from_bytes("file", bytes);
    let _ = recognise::recognise(&member);
    let _ = hcpcs::read::<ReadError>(&member, &mut |_| Ok(()));
});
