//! Any bytes as a PTP file, text or workbook.
#![no_main]

use casebook_releases::{Member, ReadError, ncci::ptp, recognise::recognise};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let member = Member::from_bytes("ccipra-v322r0-f1", bytes);
    let _ = recognise(&member);
    let _ = ptp::read::<ReadError>(&member, &mut |_, _| Ok(()));
});
