#![no_main]
//! The fee schedule's files in fixed columns: any line behind one that fits.

use casebook_releases::{Member, ReadError, anesthesia, gpci, opps_cap, relative_values};
use libfuzzer_sys::fuzz_target;

const FITS: [&str; 4] = [
    "00100                                                    J   0.00   0.00     0.00    0.00   0.00  0.009XXX.00.00.0099999             32.3465 090 99      0.00   0.00   0.00\n",
    "10112           AL      00   ALABAMA                                                                                     1.000       0.869       0.575\n",
    "0633TTC C 01112  05   150.69    150.69\n",
    "10112       00    ALABAMA                                                1931\n",
];

fuzz_target!(|bytes: &[u8]| {
    for line in FITS {
        let member = Member::from_bytes("PPRRVU2025_Oct.txt", [line.as_bytes(), bytes].concat());
        let _ = relative_values::read::<ReadError>(&member, &mut |_| Ok(()));
        let _ = opps_cap::read::<ReadError>(&member, &mut |_| Ok(()));
        let _ = gpci::read(&member);
        let _ = anesthesia::read(&member);
    }
});
