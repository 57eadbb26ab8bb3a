#![no_main]

use casebook_releases::Member;
use casebook_releases::{Kind, ReadError, cpt};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let member = Member::from_bytes("file", bytes);
    for kind in [Kind::Cpt, Kind::CptModifiers] {
        let _ = cpt::read::<ReadError>(&member, kind, &mut |_| Ok(()));
    }
});
