//! HCPCS Level II: small files of our own in each form, bad ones, and the real ones by their known counts.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are not test functions, which may unwrap"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use casebook_releases::archive::{Limits, walk};
use casebook_releases::hcpcs::{self, HcpcsRow, Summary};
use casebook_releases::recognise::recognise;
use casebook_releases::{Kind, Member, ReadError};
use chrono::NaiveDate;
use proptest::prelude::*;

/// A record of the fixed-width form: `fields` are put at their columns, from 1.
fn record(width: usize, fields: &[(usize, &str)]) -> String {
    let mut line = vec![' '; width];
    for (column, text) in fields {
        for (i, c) in text.chars().enumerate() {
            line[column - 1 + i] = c;
        }
    }
    line.into_iter().collect()
}

const HEADINGS: &str = "HCPC,SEQNUM,RECID,LONG DESCRIPTION,SHORT DESCRIPTION,PRICE1,PRICE2,PRICE3,PRICE4,MULT_PI,CIM1,CIM2,CIM3,MCM1,MCM2,MCM3,STATUTE,LABCERT1,LABCERT2,LABCERT3,LABCERT4,LABCERT5,LABCERT6,LABCERT7,LABCERT8,XREF1,XREF2,XREF3,XREF4,XREF5,COV,ASC_GRP,ASC_DT,OPPS,OPPS_PI,OPPS_DT,PROCNOTE,BETOS,TOS1,TOS2,TOS3,TOS4,TOS5,ANEST_BU,ADD DT,ACT EFF DT,TERM DT,ACTION CD";

/// Our two codes and our modifier as fixed-width lines.
fn fixed(width: usize) -> Vec<String> {
    vec![
        "***Disclaimers\t\t".into(),
        "A line of our own before the records.\t".into(),
        String::new(),
        record(
            width,
            &[
                (4, "ZZ"),
                (6, "001007"),
                (12, "Our modifier"),
                (92, "Our mod"),
                (230, "C"),
                (269, "2002070120020701"),
                (293, "N"),
            ],
        ),
        record(
            width,
            &[
                (1, "A9001"),
                (6, "001003"),
                (12, "A thing of ours that takes more"),
                (92, "Thing of ours"),
                (120, "3211"),
                (128, "A"),
                (129, "65-7"),
                (147, "2079"),
                (155, "2100"),
                (171, "1861(n)"),
                (205, "A9002"),
                (230, "D"),
                (231, "YY20080101"),
                (253, "0007"),
                (257, "D1E"),
                (261, "AP"),
                (266, "  3"),
                (269, "1982010119960101"),
                (293, "C"),
            ],
        ),
        record(width, &[(1, "A9001"), (6, "002004"), (12, "than one line")]),
        record(
            width,
            &[
                (1, "Q9002"),
                (6, "001003"),
                (12, "Ended the day before its change took effect"),
                (92, "Ended"),
                (120, "00"),
                (230, "I"),
                (269, "201601012018010120171231D"),
            ],
        ),
    ]
}

fn member(name: &str, lines: &[String]) -> Member {
    Member::from_bytes(name, lines.join("\r\n").into_bytes())
}

fn csv() -> String {
    let row = |cells: &[(&str, &str)]| {
        HEADINGS
            .split(',')
            .map(|h| cells.iter().find(|(n, _)| *n == h).map_or("", |(_, v)| v))
            .collect::<Vec<_>>()
            .join(",")
    };
    [
        HEADINGS.to_owned(),
        row(&[
            ("HCPC", "   ZZ"),
            ("RECID", "7"),
            ("LONG DESCRIPTION", "Our modifier"),
            ("SHORT DESCRIPTION", "Our mod"),
            ("COV", "C"),
            ("ADD DT", "20020701"),
            ("ACT EFF DT", "20020701"),
            ("ACTION CD", "N"),
        ]),
        row(&[
            ("HCPC", "A9001"),
            ("RECID", "3"),
            (
                "LONG DESCRIPTION",
                "A thing of ours that takes more  than one line",
            ),
            ("SHORT DESCRIPTION", "Thing of ours"),
            ("PRICE1", "32"),
            ("PRICE2", "11"),
            ("MULT_PI", "A"),
            ("CIM1", "65-7"),
            ("MCM1", "2079"),
            ("MCM2", "2100"),
            ("STATUTE", "1861(n)"),
            ("XREF1", "A9002"),
            ("COV", "D"),
            ("ASC_GRP", "YY"),
            ("ASC_DT", "20080101"),
            ("PROCNOTE", "0007"),
            ("BETOS", "D1E"),
            ("TOS1", "A"),
            ("TOS2", "P"),
            ("ANEST_BU", "3"),
            ("ADD DT", "19820101"),
            ("ACT EFF DT", "19960101"),
            ("ACTION CD", "C"),
        ]),
        row(&[
            ("HCPC", "Q9002"),
            ("RECID", "3"),
            (
                "LONG DESCRIPTION",
                "Ended the day before its change took effect",
            ),
            ("SHORT DESCRIPTION", "Ended"),
            ("PRICE1", "00"),
            ("COV", "I"),
            ("ADD DT", "20160101"),
            ("ACT EFF DT", "20180101"),
            ("TERM DT", "20171231"),
            ("ACTION CD", "D"),
        ]),
    ]
    .join("\n")
}

fn read(member: &Member) -> Result<(Vec<HcpcsRow>, Summary), String> {
    let mut rows = Vec::new();
    let summary = hcpcs::read::<ReadError>(member, &mut |row| {
        rows.push(row);
        Ok(())
    })
    .map_err(|e| e.to_string())?;
    Ok((rows, summary))
}

fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

#[test]
fn every_form_reads_to_the_same_rows() {
    let (rows, summary) = read(&member("a.txt", &fixed(320))).unwrap();
    assert_eq!((summary.codes, summary.modifiers), (2, 1));
    assert_eq!(rows[0].code, "ZZ");
    assert!(rows[0].modifier);
    assert_eq!(
        rows[1].long,
        "A thing of ours that takes more than one line"
    );
    assert_eq!(rows[1].pricing, ["32", "11"]);
    assert_eq!(rows[1].mcm, ["2079", "2100"]);
    assert_eq!(rows[1].asc_date, Some(day(2008, 1, 1)));
    assert_eq!(rows[1].anesthesia_units, Some(3));
    assert_eq!(rows[1].types_of_service, "AP");
    assert_eq!(read(&member("b.txt", &fixed(293))).unwrap().0, rows);
    let csv = Member::from_bytes("c.csv", csv().into_bytes());
    assert_eq!(read(&csv).unwrap().0, rows);
}

#[test]
fn a_code_that_ended_is_not_revived_by_its_change() {
    let (rows, _) = read(&member("a.txt", &fixed(293))).unwrap();
    let ended = &rows[2];
    assert!(ended.terminated < ended.effective);
    assert!(ended.valid_on(day(2017, 12, 31)));
    assert!(!ended.valid_on(day(2018, 1, 1)));
    assert!(!ended.valid_on(day(2015, 12, 31)));
}

#[test]
fn licensed_rows_are_counted_and_dropped() {
    let mut lines = fixed(293);
    let marker = "MARKER";
    for (code, kind) in [
        ("99999", '3'),
        ("0999T", '3'),
        ("D9999", '3'),
        ("   25", '7'),
    ] {
        lines.push(record(
            293,
            &[
                (1, code),
                (6, "00100"),
                (11, &kind.to_string()),
                (12, marker),
                (269, "1984010119840101"),
                (293, "N"),
            ],
        ));
        let more = if kind == '3' { "002004" } else { "002008" };
        lines.push(record(293, &[(1, code), (6, more), (12, marker)]));
    }
    let (rows, summary) = read(&member("a.txt", &lines)).unwrap();
    assert_eq!((summary.cpt, summary.dental), (3, 1));
    assert_eq!(rows.len(), 3);
    assert!(!format!("{rows:?}").contains(marker));
    let only: Vec<String> = lines[7..].to_vec();
    assert!(
        read(&member("a.txt", &only))
            .unwrap_err()
            .contains("CPT or CDT rows only")
    );
}

#[test]
fn a_moved_column_reads_right_and_a_missing_one_is_named() {
    let swap = |line: &str, a: usize, b: usize| {
        let mut cells: Vec<&str> = line.split(',').collect();
        cells.swap(a, b);
        cells.join(",")
    };
    let whole = csv();
    let moved: Vec<String> = whole.lines().map(|l| swap(l, 3, 46)).collect();
    let expected = read(&Member::from_bytes("c.csv", whole.clone().into_bytes())).unwrap();
    assert_eq!(read(&member("c.csv", &moved)).unwrap(), expected);
    let renamed = whole.replacen("TERM DT", "LAST DAY", 1);
    let said = read(&Member::from_bytes("c.csv", renamed.into_bytes())).unwrap_err();
    assert!(
        said.contains("c.csv, line 1: no column is headed \"TERM DT\""),
        "{said}"
    );
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    let broken = |change: &dyn Fn(&mut Vec<String>)| {
        let mut lines = fixed(293);
        change(&mut lines);
        read(&member("a.txt", &lines)).unwrap_err()
    };
    let said = broken(&|l| l[6].truncate(200));
    assert!(
        said.contains("a.txt, line 7: the record ends after 200 of 293 characters"),
        "{said}"
    );
    let said = broken(&|l| l[6] = l[6].replace("20171231", "20170231"));
    assert!(
        said.contains("line 7: terminated: \"20170231\" is no date"),
        "{said}"
    );
    let said = broken(&|l| l.push(l[4].clone()));
    assert!(
        said.contains("line 8: A9001 stands in the file twice"),
        "{said}"
    );
    let said = broken(&|l| drop(l.remove(4)));
    assert!(said.contains("the text of A9001 goes on"), "{said}");
    let said = broken(&|l| l[4] = l[4].replace("A9001", "A90!1"));
    assert!(said.contains("is no code of HCPCS Level II"), "{said}");
    let said = broken(&|l| l.insert(5, "something else".into()));
    assert!(
        said.contains("line 6: the line is no HCPCS record"),
        "{said}"
    );
    let utf16: Vec<u8> = fixed(293)
        .join("\n")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let utf16 = [&b"\xff\xfe"[..], &utf16].concat();
    assert!(
        read(&Member::from_bytes("a.txt", utf16))
            .unwrap_err()
            .contains("UTF-16")
    );
    let cut = csv();
    let said = read(&Member::from_bytes(
        "c.csv",
        &cut.as_bytes()[..cut.len() - 20],
    ))
    .unwrap_err();
    assert!(said.contains("of 48 columns"), "{said}");
}

#[test]
fn latin_1_counts_characters() {
    let mut lines = fixed(293);
    lines[4] = lines[4].replace("A thing", "A th\u{e9}ng");
    let bytes: Vec<u8> = lines.join("\n").chars().map(|c| c as u8).collect();
    let (rows, _) = read(&Member::from_bytes("a.txt", bytes)).unwrap();
    assert!(rows[1].long.starts_with("A th\u{e9}ng"));
    assert_eq!(rows[1].short, "Thing of ours");
    let (utf8, _) = read(&member("a.txt", &lines)).unwrap();
    assert_eq!(utf8, rows);
}

#[test]
fn files_are_recognised_by_content() {
    let found = recognise(&member("HCPC2026_OCT_ANWEB.txt", &fixed(293))).unwrap();
    assert_eq!(found.kind, Kind::Hcpcs);
    assert_eq!(found.edition.as_deref(), Some("2026 Q4"));
    assert_eq!(found.effective, Some(day(2026, 10, 1)));
    let found = recognise(&member("renamed.txt", &fixed(320))).unwrap();
    assert_eq!((found.kind, found.edition), (Kind::Hcpcs, None));
    let found = recognise(&Member::from_bytes("x.csv", csv().into_bytes())).unwrap();
    assert_eq!(found.kind, Kind::Hcpcs);
    for other in [
        "HCPCS/MOD,TYPE OF CHANGE,SHORT DESCRIPTION,LONG DESCRIPTION\n   ZZ,ADD,Ours,Our modifier\n",
        " HCPCS/MOD      TYPE OF CHANGE    SHORT DESCRIPTION\n      ZZ             ADD          Ours\n",
        "2019 ALPHANUMERIC\nHEALTH CARE PROCEDURE CODING SYSTEM (HCPCS)\n",
    ] {
        assert_eq!(
            recognise(&Member::from_bytes("HCPC2026_OCT", other.as_bytes())),
            None
        );
    }
}

const NOTES: &str = "          PROCESSING NOTES\r\n ____\r\n\r\n\
          0001--OUR FIRST NOTE, WHICH    *\r\n                GOES ON.                 *\r\n\
                                         *\r\n\t  0002--OUR SECOND.\t\t   *\r\n\r\n";

#[test]
fn notes_are_joined() {
    let file = Member::from_bytes("proc_notes_APR2025.txt", NOTES.as_bytes());
    let found = recognise(&file).unwrap();
    assert_eq!(found.kind, Kind::HcpcsNotes);
    assert_eq!(found.edition.as_deref(), Some("2025 Q2"));
    let notes = hcpcs::read_notes(&file).unwrap();
    assert_eq!(notes.len(), 2);
    assert_eq!(notes[0].text, "OUR FIRST NOTE, WHICH GOES ON.");
    assert_eq!(notes[1].number, "0002");
    let twice = format!("{NOTES}{NOTES}");
    let said = hcpcs::read_notes(&Member::from_bytes("n.txt", twice.into_bytes())).unwrap_err();
    assert!(
        said.to_string()
            .contains("note 0001 stands in the file twice")
    );
    assert!(hcpcs::read_notes(&Member::from_bytes("n.txt", &b"nothing"[..])).is_err());
}

#[test]
fn noc_codes_stand_below_their_headings() {
    let list = "            NOC CODES - HCPCS 2019\r\n\r\n\
                \x20 HCPCS  LONG DESCRIPTION          ADD DATE  TERM DATE\r\n\r\n\
                \x20 A9999  Ours, miscellaneous       20040101  20171231\r\n\
                \x20 99999  Refused                   20040101\r\n";
    let file = Member::from_bytes("list.prn", list.as_bytes());
    let found = recognise(&file).unwrap();
    assert_eq!(
        (found.kind, found.edition.as_deref()),
        (Kind::HcpcsNoc, Some("2019"))
    );
    let (rows, refused) = hcpcs::read_noc(&file).unwrap();
    assert_eq!((rows.len(), refused), (1, 1));
    assert_eq!(rows[0].long, "Ours, miscellaneous");
    assert_eq!(rows[0].terminated, Some(day(2017, 12, 31)));
    let wrong = list.replace("20171231", "20171331");
    let said = hcpcs::read_noc(&Member::from_bytes("l.prn", wrong.into_bytes())).unwrap_err();
    assert!(said.to_string().contains("line 5: TERM DATE"), "{said}");
    let headless = list.replace("TERM DATE", "");
    let said = hcpcs::read_noc(&Member::from_bytes("l.prn", headless.into_bytes())).unwrap_err();
    assert!(
        said.to_string()
            .contains("no column is headed \"TERM DATE\""),
        "{said}"
    );
}

// The real files.

fn shared() -> Option<PathBuf> {
    let folder = std::env::var_os("CASEBOOK_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let folder = folder.join("data/hcpcs");
    if !folder.is_dir() {
        eprintln!("skipped: {} is no folder", folder.display());
        return None;
    }
    Some(folder)
}

fn members(folder: &std::path::Path) -> Vec<Member> {
    let temporary = tempfile::tempdir().unwrap();
    let mut all = Vec::new();
    walk::<ReadError>(folder, temporary.path(), &Limits::default(), &mut |m| {
        all.push(m);
        Ok(())
    })
    .unwrap();
    all
}

#[test]
fn the_real_files_are_what_they_are() {
    let Some(folder) = shared() else { return };
    let kinds: BTreeMap<String, Option<(Kind, Option<String>)>> = members(&folder)
        .iter()
        .map(|m| (m.name(), recognise(m).map(|f| (f.kind, f.edition))))
        .collect();
    let annual = |kind| Some((kind, Some("2019".to_owned())));
    let expected = [
        ("changes_by_actioncode.prn", None),
        ("changes_by_hcpcscode.prn", None),
        ("hcpc2019_contr_anweb.txt", annual(Kind::Hcpcs)),
        ("hcpc2019_contr_anweb.xlsx", annual(Kind::Hcpcs)),
        ("hcpc2019_readme.txt", None),
        ("hcpc2019_trans_alpha.xlsx", None),
        (
            "hcpc2026_oct_anweb.excerpt.csv",
            Some((Kind::Hcpcs, Some("2026 Q4".into()))),
        ),
        ("hcpcs2019_recordlayout.txt", None),
        ("noc_codes_2019.prn", annual(Kind::HcpcsNoc)),
        ("noc_codes_2019.xlsx", annual(Kind::HcpcsNoc)),
        ("proc_notes_2019.txt", annual(Kind::HcpcsNotes)),
    ];
    for (name, kind) in expected {
        assert_eq!(kinds.get(name), Some(&kind), "{name}");
    }
}

#[test]
fn the_real_file_reads_the_same_from_text_and_workbook() {
    let Some(folder) = shared() else { return };
    let all = members(&folder.join("2019-Alpha-Numeric-HCPCS-File.zip"));
    let named = |name: &str| all.iter().find(|m| m.name() == name).unwrap();
    let (text, summary) = read(named("hcpc2019_contr_anweb.txt")).unwrap();
    assert_eq!(
        summary,
        Summary {
            codes: 6_440,
            modifiers: 360,
            cpt: 0,
            dental: 0
        }
    );
    let (book, same) = read(named("hcpc2019_contr_anweb.xlsx")).unwrap();
    assert_eq!(same, summary);
    // What the publisher's two forms print differently: the workbook leaves out a date for codes that never changed,
    // and has a type of service more in two rows.
    let (mut dates, mut types) = (0, 0);
    for (text, book) in text.iter().zip(&book) {
        let mut book = book.clone();
        if book.effective.is_none() && text.effective.is_some() {
            assert_eq!(text.effective, text.added);
            book.effective = text.effective;
            dates += 1;
        }
        if book.types_of_service != text.types_of_service {
            assert_eq!(book.types_of_service, format!("{}R", text.types_of_service));
            book.types_of_service.clone_from(&text.types_of_service);
            types += 1;
        }
        assert_eq!(&book, text);
    }
    assert_eq!((dates, types), (115, 2));
    let row = |code: &str| text.iter().find(|r| r.code == code).unwrap();
    let ambulance = row("A0428");
    assert_eq!(ambulance.pricing, ["52"]);
    assert_eq!(ambulance.betos, "O1A");
    assert_eq!(ambulance.added, Some(day(2001, 1, 1)));
    assert!(row("AD").long.ends_with("procedures"));
    assert!(!row("G0503").valid_on(day(2019, 1, 1)));
    let odd = text
        .iter()
        .filter(|r| r.terminated.is_some() && r.terminated < r.effective);
    assert_eq!(odd.count(), 515);
}

#[test]
fn the_real_csv_notes_and_noc_lists() {
    let Some(folder) = shared() else { return };
    let all = members(&folder);
    let named = |name: &str| all.iter().find(|m| m.name() == name).unwrap();
    let (rows, summary) = read(named("hcpc2026_oct_anweb.excerpt.csv")).unwrap();
    assert_eq!(summary.modifiers, 8);
    let jg = rows.iter().find(|r| r.code == "JG").unwrap();
    assert!(!jg.valid_on(day(2026, 10, 1)));
    assert_eq!(rows.iter().find(|r| r.code == "AM").unwrap().note, "0069");
    let notes = hcpcs::read_notes(named("proc_notes_2019.txt")).unwrap();
    assert!(notes.len() > 130, "{}", notes.len());
    assert!(
        notes
            .iter()
            .all(|n| !n.text.contains('*') && !n.text.is_empty())
    );
    let (book, _) = hcpcs::read_noc(named("noc_codes_2019.xlsx")).unwrap();
    let (print, _) = hcpcs::read_noc(named("noc_codes_2019.prn")).unwrap();
    assert_eq!(book.len(), print.len());
    for (book, print) in book.iter().zip(&print) {
        assert_eq!(
            (&book.code, book.added, book.terminated),
            (&print.code, print.added, print.terminated)
        );
        assert!(book.long.starts_with(&print.long), "{}", book.code);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let file = Member::from_bytes("f", bytes);
        let _ = recognise(&file);
        let _ = read(&file);
        let _ = hcpcs::read_notes(&file);
        let _ = hcpcs::read_noc(&file);
    }

    #[test]
    fn broken_records_never_panic(at in 0usize..1500, byte in any::<u8>(), cut in 0usize..1500) {
        let mut bytes = fixed(293).join("\n").into_bytes();
        let length = bytes.len();
        bytes[at % length] = byte;
        bytes.truncate(length - cut % length);
        let _ = read(&Member::from_bytes("f", bytes));
    }

    #[test]
    fn generated_codes_come_back(
        codes in proptest::collection::btree_set("[A-CE-V][0-9]{4}", 1..20),
        text in "[A-Za-z][A-Za-z,;]{0,10}( [a-z]{1,9}){0,12}",
        year in 1984i32..2026,
    ) {
        let words: Vec<&str> = text.split(' ').collect();
        let mut lines = Vec::new();
        for code in &codes {
            let date = format!("{year}0101{year}0701");
            for (i, word) in words.iter().enumerate() {
                let number = format!("{:05}{}", (i + 1) * 100, if i == 0 { 3 } else { 4 });
                let mut fields = vec![(1, code.as_str()), (6, &number), (12, *word)];
                if i == 0 {
                    fields.push((269, &date));
                }
                lines.push(record(293, &fields));
            }
        }
        let (rows, _) = read(&member("f.txt", &lines)).unwrap();
        prop_assert_eq!(rows.len(), codes.len());
        for (row, code) in rows.iter().zip(&codes) {
            prop_assert_eq!(&row.code, code);
            prop_assert_eq!(&row.long, &text);
            prop_assert_eq!(row.added, NaiveDate::from_ymd_opt(year, 1, 1));
        }
    }
}
