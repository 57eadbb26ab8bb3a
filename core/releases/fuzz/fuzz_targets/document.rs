#![no_main]
//! Documents of every form: the bytes say which, Markdown by its name.

use casebook_releases::{Member, document};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    for name in ["x.pdf", "x.md"] {
        let _ = document::read(&Member::from_bytes(name, data));
    }
});
