#![no_main]
//! Answers of the coverage API.

use casebook_releases::Kind;
use casebook_releases::coverage::{Version, api};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    for kind in [Kind::Lcd, Kind::Article, Kind::Ncd] {
        let of = Version { kind, document: 1, version: 1 };
        for request in api::document(of) {
            let _ = api::rows(&request, 200, data);
        }
    }
});
