#![no_main]
//! PDFs with numbered sections.

use casebook_releases::{Kind, Member, manual};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let member = Member::from_bytes("x.pdf", data);
    for kind in [Kind::Icd10cmGuidelines, Kind::Icd10pcsGuidelines, Kind::NcciManual] {
        let _ = manual::read(&member, kind);
    }
});
