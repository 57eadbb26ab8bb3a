#![no_main]
//! The ICD-10-PCS tables.

use casebook_releases::{Member, ReadError, icd10pcs_tables};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let member = Member::from_bytes("file.xml", bytes);
    let _ = icd10pcs_tables::read::<ReadError>(&member, &mut |table| {
        let _ = table.line_of("0SRD0J9");
        Ok(())
    });
});
