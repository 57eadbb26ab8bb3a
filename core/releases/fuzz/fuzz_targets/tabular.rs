#![no_main]
//! The tabular list in XML.

use casebook_releases::tabular;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = tabular::parse(&String::from_utf8_lossy(data));
});
