#![no_main]

use casebook_releases::Member;
use casebook_releases::hcpcs;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let member = Member::from_bytes("file", bytes);
    let _ = hcpcs::read_notes(&member);
    let _ = hcpcs::read_noc(&member);
});
