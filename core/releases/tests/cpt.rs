//! CPT text files in the AMA's layout, with texts of our own: there is no real one here, and there must not be.

use casebook_releases::cpt::{self, CptRow, Summary};
use casebook_releases::recognise::recognise;
use casebook_releases::{Kind, Member, ReadError};
use proptest::prelude::*;

fn read(member: &Member, kind: Kind) -> Result<(Vec<CptRow>, Summary), String> {
    let mut rows = Vec::new();
    let summary = cpt::read::<ReadError>(member, kind, &mut |row| {
        rows.push(row);
        Ok(())
    })
    .map_err(|e| e.to_string())?;
    Ok((rows, summary))
}

fn file(name: &str, text: impl Into<String>) -> Member {
    Member::from_bytes(name, text.into().into_bytes())
}

const CODES: [&str; 6] = ["00100", "0001F", "99213", "99214", "99215", "0042T"];

fn descriptors(separator: char, text: &str) -> String {
    let mut all =
        "CPT 2026, a test file of ours\nCopyright 2025 by the owner of the real one\n\n".to_owned();
    for code in CODES {
        all.push_str(&format!("{code}{separator}{text} of {code}\n"));
    }
    all
}

#[test]
fn descriptors_are_known_by_their_shape() {
    let long = "our own words for this code, long enough to be no medium text:";
    for (text, part) in [
        (long, "long"),
        ("our own words for the code", "medium"),
        ("ours:", "short"),
    ] {
        for separator in ['\t', ' '] {
            let member = file("renamed.txt", descriptors(separator, text));
            let found = recognise(&member).unwrap();
            assert_eq!((found.kind, found.part.as_str()), (Kind::Cpt, part));
            assert_eq!(found.edition.as_deref(), Some("2026"));
            let (rows, summary) = read(&member, Kind::Cpt).unwrap();
            assert_eq!(
                summary,
                Summary {
                    rows: 6,
                    copyright: Some(2025)
                }
            );
            assert_eq!(
                rows[2],
                CptRow {
                    code: "99213".into(),
                    text: format!("{text} of 99213")
                }
            );
        }
    }
    let unnamed = descriptors('\t', "ours").replace("CPT 2026", "CPT");
    assert_eq!(
        recognise(&file("a.txt", unnamed.clone())).unwrap().edition,
        None
    );
    assert_eq!(
        recognise(&file("LONGULT_2027.txt", unnamed))
            .unwrap()
            .edition
            .as_deref(),
        Some("2027")
    );
    assert_eq!(
        cpt::notice(Some(2025)),
        "CPT copyright 2025 American Medical Association. All rights reserved."
    );
}

#[test]
fn modifiers_are_known_by_their_shape() {
    let mut text = "A notice of ours, copyright 2025\n\n".to_owned();
    for modifier in ["22", "25", "26", "59", "1P"] {
        text.push_str(&format!("{modifier}\tour own words for {modifier}\n"));
    }
    let member = file("m.txt", text);
    assert_eq!(recognise(&member).unwrap().kind, Kind::CptModifiers);
    let (rows, _) = read(&member, Kind::CptModifiers).unwrap();
    assert_eq!(rows[1].text, "our own words for 25");
}

#[test]
fn other_files_are_not_taken_for_cpt() {
    let order: String = (1..20)
        .map(|i| format!("{i:05} A0{:<5} 0 Ours                                                         Ours\n", i % 10))
        .collect();
    let gem: String = (1..20)
        .map(|i| format!("{:05} A{i:04}   10000\n", i + 100))
        .collect();
    let icd9: String = (1..20)
        .map(|i| {
            if i % 3 == 0 {
                format!("00{i:02} a title of ours\n")
            } else {
                format!("00{i:02}1 a title of ours\n")
            }
        })
        .collect();
    let ptp: String = (1..20)
        .map(|i| format!("{:05}\t{:05}\t*\t20200101\t*\t1\tours\n", i, i + 1))
        .collect();
    let caps: String = (1..20)
        .map(|i| format!("{:05}   A 01112  05   100.00   100.00\n", i + 70_000))
        .collect();
    for text in [order, gem, icd9, ptp, caps] {
        let found = recognise(&file("x.txt", text.clone())).map(|f| f.kind);
        assert!(
            !matches!(found, Some(Kind::Cpt | Kind::CptModifiers)),
            "{}",
            &text[..60]
        );
    }
}

#[test]
fn what_is_wrong_is_said_without_the_text() {
    let whole = descriptors('\t', "MARKER");
    let twice = format!("{whole}99213\tMARKER\n");
    let said = read(&file("a.txt", twice), Kind::Cpt).unwrap_err();
    assert!(
        said.contains("a.txt, line 10: 99213 stands in the file twice"),
        "{said}"
    );
    let mixed = format!("{whole}MARKER of another kind\n");
    let said = read(&file("a.txt", mixed), Kind::Cpt).unwrap_err();
    assert!(said.contains("line 10: the line is no code"), "{said}");
    assert!(!said.contains("MARKER"), "{said}");
    assert!(read(&file("a.txt", "nothing"), Kind::Cpt).is_err());
    let utf16: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain(whole.encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    assert!(
        read(&Member::from_bytes("a.txt", utf16), Kind::Cpt)
            .unwrap_err()
            .contains("UTF-16")
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let file = Member::from_bytes("f", bytes);
        let _ = recognise(&file);
        let _ = read(&file, Kind::Cpt);
        let _ = read(&file, Kind::CptModifiers);
    }

    #[test]
    fn arbitrary_text_never_panics(text in "([0-9A-Zé]{2,6}[\t ]{0,2}[a-zéA-Z0-9 ]{0,30}\n){0,20}") {
        let file = file("f", text);
        let _ = recognise(&file);
        let _ = read(&file, Kind::Cpt);
        let _ = read(&file, Kind::CptModifiers);
    }

    #[test]
    fn generated_rows_come_back(rows in proptest::collection::btree_map("[0-9]{4}[0-9A-Z]", "[a-z]{1,8}( [a-z]{1,8}){0,9}", 1..30)) {
        let text: String = rows.iter().map(|(code, text)| format!("{code}\t{text}\r\n")).collect();
        let (read, _) = read(&file("f.txt", text), Kind::Cpt).unwrap();
        let read: Vec<(String, String)> = read.into_iter().map(|r| (r.code, r.text)).collect();
        prop_assert_eq!(read, rows.into_iter().collect::<Vec<_>>());
    }
}
