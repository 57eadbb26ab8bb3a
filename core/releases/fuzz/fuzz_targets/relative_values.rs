#![no_main]

use casebook_releases::Member;
use casebook_releases::{ReadError, relative_values};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let member = Member::from_bytes("file", bytes);
    let _ = relative_values::read::<ReadError>(&member, &mut |_| Ok(()));
});
