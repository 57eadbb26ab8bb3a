#![no_main]
//! Addenda of order and code files, and of PDFs' lines.

use casebook_releases::{Member, ReadError, icd10_addenda, icd10cm_addenda_pages};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = icd10_addenda::read::<ReadError>(&Member::from_bytes("x.txt", data), &mut |_| Ok(()));
    let text = String::from_utf8_lossy(data);
    for list in [
        icd10cm_addenda_pages::List::Tabular,
        icd10cm_addenda_pages::List::Index,
    ] {
        let _ = icd10cm_addenda_pages::changes(list, text.lines().map(|l| (1, l)));
    }
});
