//! NCCI files: our small ones in the official layout, in every form and with every fault; the real excerpts by their
//! known rows.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are not test functions, which may unwrap"
)]

use std::io::Write as _;
use std::path::PathBuf;

use casebook_releases::ncci::addon::{self, AddOnType, CONTRACTOR_DEFINED};
use casebook_releases::ncci::mue::{self, Adjudication};
use casebook_releases::ncci::ptp::{self, Indicator};
use casebook_releases::recognise::recognise;
use casebook_releases::{Kind, Member, ReadError, Setting};
use chrono::NaiveDate;
use proptest::prelude::*;

/// The stacked heading of the publisher's text file.
const HEADING: &str = "Made up by us.\t\t\t\t\t\t
Column1/Column2 Edits\t\t\t\t\t\t
Column 1\tColumn 2\t*=in existence\tEffective\tDeletion\tModifier\tPTP Edit Rationale
\t\tprior to 1996\tDate\tDate\t0=not allowed\t
\t\t\t\t*=no data\t1=allowed\t
\t\t\t\t\t9=not applicable\t
";

fn ptp_text(rows: &str) -> Member {
    Member::from_bytes(
        "ccipra-v322r0-f2.txt",
        format!("{HEADING}{rows}").into_bytes(),
    )
}

/// A workbook of one sheet; a cell that begins with `=` is a formula, one that begins with `#` a number.
fn workbook(name: &str, rows: &[Vec<String>]) -> Member {
    const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    const DOCUMENT: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006/relationships";
    let mut sheet = format!("<worksheet xmlns=\"{MAIN}\"><sheetData>");
    for (y, row) in rows.iter().enumerate() {
        sheet.push_str(&format!("<row r=\"{}\">", y + 1));
        for (x, cell) in row.iter().enumerate().filter(|(_, c)| !c.is_empty()) {
            let at = format!("{}{}", char::from(b'A' + x as u8), y + 1);
            sheet.push_str(&match cell.split_at(1) {
                ("=", f) => format!("<c r=\"{at}\"><f>{f}</f><v>1</v></c>"),
                ("#", n) => format!("<c r=\"{at}\"><v>{n}</v></c>"),
                _ => format!("<c r=\"{at}\" t=\"inlineStr\"><is><t>{cell}</t></is></c>"),
            });
        }
        sheet.push_str("</row>");
    }
    sheet.push_str("</sheetData></worksheet>");
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (part, text) in [
        (
            "_rels/.rels",
            format!(
                "<Relationships xmlns=\"{PACKAGE}\"><Relationship Id=\"r1\" Type=\"{DOCUMENT}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                "<workbook xmlns=\"{MAIN}\" xmlns:r=\"{DOCUMENT}\"><sheets><sheet name=\"Sheet1\" sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                "<Relationships xmlns=\"{PACKAGE}\"><Relationship Id=\"r1\" Type=\"{DOCUMENT}/worksheet\" Target=\"worksheets/sheet1.xml\"/></Relationships>"
            ),
        ),
        ("xl/worksheets/sheet1.xml", sheet),
    ] {
        zip.start_file(part, zip::write::SimpleFileOptions::default())
            .unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    Member::from_bytes(name, zip.finish().unwrap().into_inner())
}

fn cells(text: &str, separator: char) -> Vec<Vec<String>> {
    text.lines()
        .map(|l| l.split(separator).map(str::to_owned).collect())
        .collect()
}

/// An edit in one line, so that it can be compared.
fn shown(e: &ptp::Edit<'_>) -> String {
    let end = e.deletion.map_or("-".to_owned(), |d| d.to_string());
    format!(
        "{}/{} {} {} {end} {} {}",
        e.column1,
        e.column2,
        e.prior_1996,
        e.effective,
        e.indicator.figure(),
        e.rationale
    )
}

fn edits(member: &Member) -> Result<(Vec<String>, ptp::Summary), String> {
    let mut found = Vec::new();
    let summary = ptp::read::<ReadError>(member, &mut |edit, _| {
        found.push(shown(edit));
        Ok(())
    })
    .map_err(|e| e.to_string())?;
    Ok((found, summary))
}

fn day(text: &str) -> Option<NaiveDate> {
    text.parse().ok()
}

#[test]
fn ptp_rows_in_every_form() {
    let rows =
        "62323\t77003\t\t20170101\t*\t0\tours\n10060\t11055\t*\t19960101\t20260630\t1\tours too\n";
    let expected = [
        "62323/77003 false 2017-01-01 - 0 ours",
        "10060/11055 true 1996-01-01 2026-06-30 1 ours too",
    ];
    let member = ptp_text(rows);
    let found = recognise(&member).unwrap();
    assert_eq!(
        (found.kind, found.setting, found.part.as_str()),
        (Kind::Ptp, Some(Setting::Practitioner), "f2")
    );
    assert_eq!(
        (found.edition.as_deref(), found.effective, found.through),
        (Some("2026 Q3"), day("2026-07-01"), day("2026-09-30"))
    );
    let (got, summary) = edits(&member).unwrap();
    assert_eq!(got, expected);
    assert_eq!(
        (summary.rows, summary.first.as_str(), summary.last.as_str()),
        (2, "10060", "62323")
    );

    // The same as a workbook, its heading in one row, its numbers as numbers.
    let mut table = vec![
        cells("Column1/Column2 Edits", '\t').remove(0),
        cells("Column 1\tColumn 2\t*=in existence prior to 1996\tEffective Date\tDeletion Date *=no data\tModifier 0=not allowed\tPTP Edit Rationale", '\t').remove(0),
    ];
    table.extend(cells(rows, '\t'));
    table[2][3] = "#20170101".into();
    table[2][5] = "#0".into();
    let member = workbook("ccioph-v321r1-f4.xlsx", &table);
    let found = recognise(&member).unwrap();
    assert_eq!(
        (found.kind, found.setting, found.part.as_str()),
        (Kind::Ptp, Some(Setting::Facility), "f4")
    );
    assert_eq!(found.edition.as_deref(), Some("2026 Q2 (revision 1)"));
    assert_eq!(edits(&member).unwrap().0, expected);
}

#[test]
fn a_name_that_says_nothing_leaves_the_operator_to_say() {
    let text = format!("{HEADING}62323\t77003\t\t20170101\t*\t0\tours\n");
    let found = recognise(&Member::from_bytes("edits.txt", text.clone().into_bytes())).unwrap();
    assert_eq!(
        (
            found.kind,
            found.setting,
            found.edition,
            found.part.as_str()
        ),
        (Kind::Ptp, None, None, "")
    );
    // The archive's name counts where the file's own has nothing.
    let inside = "/x/ccioph-v322r0-f3.zip!edits.txt";
    let found = recognise(&Member::from_bytes(inside, text.into_bytes())).unwrap();
    assert_eq!(
        (found.setting, found.part.as_str()),
        (Some(Setting::Facility), "f3")
    );
}

#[test]
fn ptp_columns_are_bound_by_their_headings() {
    let moved: Vec<String> = format!("{HEADING}62323\t77003\t\t20170101\t*\t0\tours\n")
        .lines()
        .map(|l| {
            let mut c: Vec<&str> = l.split('\t').collect();
            c.rotate_left(2);
            c.join("\t")
        })
        .collect();
    let member = Member::from_bytes("x.txt", (moved.join("\n") + "\n").into_bytes());
    assert_eq!(recognise(&member).unwrap().kind, Kind::Ptp);
    assert_eq!(
        edits(&member).unwrap().0,
        ["62323/77003 false 2017-01-01 - 0 ours"]
    );

    let missing = HEADING.replace("Deletion", "").replace("\t*=no data", "\t");
    let member = Member::from_bytes(
        "x.txt",
        (missing + "62323\t77003\t\t20170101\t*\t0\tours\n").into_bytes(),
    );
    assert_eq!(recognise(&member).unwrap().kind, Kind::Ptp);
    let said = edits(&member).unwrap_err();
    assert!(
        said.contains("line 7") && said.contains("\"Deletion Date\""),
        "{said}"
    );
}

#[test]
fn faults_of_a_ptp_file_name_their_line() {
    let good = "62323\t77003\t\t20170101\t*\t0\tours\n";
    for (bad, says) in [
        (
            "62323\t77003\t\t20170132\t*\t0\tours\n",
            "effective date \"20170132\" does not exist",
        ),
        (
            "62323\t77003\t\t20170101\t20230229\t0\tours\n",
            "deletion date \"20230229\" does not exist",
        ),
        (
            "62323\t77003\t\t20170101\t\t0\tours\n",
            "deletion date \"\"",
        ),
        ("62323\t77003\t\t20170101\t*\t2\tours\n", "none of 0, 1, 9"),
        (
            "62323\t77003\t?\t20170101\t*\t1\tours\n",
            "neither * nor empty",
        ),
        ("62323\t7700\t\t20170101\t*\t1\tours\n", "leading zeros"),
        (
            "623233\t77003\t\t20170101\t*\t1\tours\n",
            "no code of five characters",
        ),
        // Cut in the middle of its row.
        ("62323\t770", "column 2 \"770\""),
        ("62323\t77003\t\t2017", "effective date"),
        ("62323\t77003\t\t20170101\t*", "modifier indicator \"\""),
        ("62323\t77003\t\t20170101\t*\t1\t", "rationale is missing"),
        ("62323\t77\u{0}03", "binary data"),
    ] {
        let said = edits(&ptp_text(&format!("{good}{bad}"))).unwrap_err();
        assert!(said.contains("line 8") && said.contains(says), "{said}");
        assert!(said.starts_with("ccipra-v322r0-f2.txt, "), "{said}");
    }
    assert!(
        edits(&ptp_text(""))
            .unwrap_err()
            .contains("no edit stands below")
    );
    let said = edits(&Member::from_bytes("x.txt", &b"a\tb\n"[..])).unwrap_err();
    assert!(said.contains("no row is the heading"), "{said}");
    let wide: Vec<u8> = HEADING.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let said = edits(&Member::from_bytes(
        "x.txt",
        [&b"\xff\xfe"[..], &wide].concat(),
    ))
    .unwrap_err();
    assert!(said.contains("UTF-16"), "{said}");
    // A workbook names sheet and cell.
    let mut table = cells(HEADING, '\t');
    table.extend(cells("62323\t77003\t\t20171301\t*\t0\tours", '\t'));
    let said = edits(&workbook("x.xlsx", &table)).unwrap_err();
    assert!(said.contains("sheet \"Sheet1\", cell D7"), "{said}");
    table[6][3] = "=20170101".into();
    let said = edits(&workbook("x.xlsx", &table)).unwrap_err();
    assert!(
        said.contains("cell D7: a formula stands where a value is expected"),
        "{said}"
    );
}

#[test]
fn a_file_cut_in_its_last_column_is_noticed() {
    let row = |n: u32| {
        format!(
            "62323\t{:05}\t\t20170101\t*\t0\tours is a reason\n",
            10_000 + n
        )
    };
    let whole: String = (0..30).map(row).collect();
    assert_eq!(edits(&ptp_text(&whole)).unwrap().0.len(), 30);
    let said = edits(&ptp_text(&whole[..whole.len() - 5])).unwrap_err();
    assert!(said.contains("the file is cut"), "{said}");
    // Whole but for its last line end: no fault.
    assert_eq!(edits(&ptp_text(whole.trim_end())).unwrap().0.len(), 30);
}

const MUE: &str = "\"Made up by us.

In several lines.\",,,
\"HCPCS/
CPT Code\",Practitioner Services MUE Values,MUE Adjudication Indicator,MUE Rationale
62323,1,2 Date of Service Edit: Policy,ours
64484,4,\"3 Date of Service Edit: Clinical\",ours, too
";

#[test]
fn mue_rows_in_every_form() {
    let member = Member::from_bytes("MCR_MUE_x_Eff_07-01-2026.csv", MUE.as_bytes());
    let found = recognise(&member).unwrap();
    assert_eq!(
        (found.kind, found.setting, found.edition.as_deref()),
        (Kind::Mue, Some(Setting::Practitioner), Some("2026 Q3"))
    );
    let rows = mue::read(&member).unwrap();
    assert_eq!(
        (rows[0].code.as_str(), rows[0].value, rows[0].adjudication),
        ("62323", 1, Adjudication::DatePolicy)
    );
    assert_eq!(
        (
            rows[1].value,
            rows[1].adjudication,
            rows[1].adjudication_text.as_str()
        ),
        (
            4,
            Adjudication::DateClinical,
            "3 Date of Service Edit: Clinical"
        )
    );

    // Another setting, moved columns, numbers.
    let table = [
        "MUE Rationale|DME Supplier Services MUE Values|MUE Adjudication Indicator|HCPCS/ CPT Code",
        "ours|#2|1 Line Edit|E0100",
    ];
    let table: Vec<_> = table.iter().flat_map(|l| cells(l, '|')).collect();
    let member = workbook("mue.xlsx", &table);
    let found = recognise(&member).unwrap();
    assert_eq!(
        (found.kind, found.setting, found.edition),
        (Kind::Mue, Some(Setting::Dme), None)
    );
    let rows = mue::read(&member).unwrap();
    assert_eq!(
        (rows[0].code.as_str(), rows[0].value, rows[0].adjudication),
        ("E0100", 2, Adjudication::Line)
    );
}

#[test]
fn faults_of_an_mue_file() {
    let read = |text: String| mue::read(&Member::from_bytes("m.csv", text.into_bytes()));
    for (bad, says) in [
        ("62323,1,2 x,ours\n", "62323 stands here a second time"),
        ("62324,one,2 x,ours\n", "no whole number"),
        ("62324,1,4 x,ours\n", "none of 1, 2, 3"),
        ("62324,1,23,ours\n", "none of 1, 2, 3"),
        ("62324,1,2 x\n", "the rationale is missing"),
        ("62324,1", "none of 1, 2, 3"),
        ("100,1,2 x,ours\n", "leading zeros"),
    ] {
        let said = read(format!("{MUE}{bad}")).unwrap_err().to_string();
        assert!(
            said.contains("m.csv, line 8") && said.contains(says),
            "{said}"
        );
    }
    let said = read(MUE.replace("MUE Adjudication Indicator", "x"))
        .unwrap_err()
        .to_string();
    assert!(said.contains("\"MUE Adjudication Indicator\""), "{said}");
}

const ADDON: &str = "Made up by us.
AOC_Edit_Type\tAdd-On_Code\tAOC_DelDT\tPrimary_Code\tPrimary_Code_DelDT\tAOC_Edit_EffDT\tAOC_Edit_DelDT\tSpecial_Instruction_Notes
1\t64484\t\t64483\t\t2013091\t\t
2\t99292\t\tCCCCC\t\t2013091\t2025365\tours
3\t0054T\t2020366\t27130\t*\t2013091\t0\t
";

#[test]
fn add_on_rows_in_every_form() {
    for member in [
        Member::from_bytes("AOC_V2026Q2-MCR.txt", ADDON.as_bytes()),
        workbook("AOC_V2026Q2-MCR.xlsx", &cells(ADDON, '\t')),
    ] {
        let found = recognise(&member).unwrap();
        assert_eq!(
            (found.kind, found.setting, found.edition.as_deref()),
            (Kind::AddOn, None, Some("2026 Q2"))
        );
        let rows = addon::read(&member).unwrap();
        assert_eq!(
            (
                rows[0].kind,
                rows[0].code.as_str(),
                rows[0].primary.as_str()
            ),
            (AddOnType::Complete, "64484", "64483")
        );
        assert_eq!(
            (Some(rows[0].effective), rows[0].deletion),
            (day("2013-04-01"), None)
        );
        assert_eq!(
            (
                rows[1].primary.as_str(),
                rows[1].deletion,
                rows[1].notes.as_str()
            ),
            (CONTRACTOR_DEFINED, day("2025-12-31"), "ours")
        );
        assert_eq!(
            (
                rows[2].code_deletion,
                rows[2].primary_deletion,
                rows[2].deletion
            ),
            (day("2020-12-31"), None, None)
        );
    }
}

#[test]
fn faults_of_an_add_on_file() {
    for (bad, says) in [
        ("1\t64484\t\t64483\t\t2013091\t\t\n", "a second time"),
        ("1\t64484\t\t64483\t\t2013366\t\t\n", "does not exist"),
        ("1\t64484\t\t64483\t\t\t\t\n", "does not exist"),
        ("4\t64484\t\t64483\t\t2013091\t\t\n", "none of 1, 2, 3"),
        (
            "1\t64484\t\tDDDDD\t\t2013091\t\t\n",
            "the primary code \"DDDDD\"",
        ),
        ("1\t644", "the add-on code \"644\""),
    ] {
        let text = format!("{ADDON}{bad}");
        let said = addon::read(&Member::from_bytes("a.txt", text.into_bytes()))
            .unwrap_err()
            .to_string();
        assert!(
            said.contains("a.txt, line 6") && said.contains(says),
            "{said}"
        );
    }
    let text = ADDON.replace("Primary_Code_DelDT", "x");
    let said = addon::read(&Member::from_bytes("a.txt", text.into_bytes()))
        .unwrap_err()
        .to_string();
    assert!(said.contains("\"Primary_Code_DelDT\""), "{said}");
}

fn shared(name: &str) -> Option<Member> {
    let folder = std::env::var_os("CASEBOOK_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let path = folder.join("data/ncci").join(name);
    if !path.is_file() {
        eprintln!("skipped: {} is not there", path.display());
        return None;
    }
    Some(Member::from_bytes(name, fs_err::read(path).unwrap()))
}

#[test]
fn the_real_ptp_excerpt() {
    let Some(member) = shared("ccipra-v322r0-f1.excerpt.txt") else {
        return;
    };
    let found = recognise(&member).unwrap();
    assert_eq!(
        (
            found.kind,
            found.setting,
            found.part.as_str(),
            found.edition.as_deref()
        ),
        (
            Kind::Ptp,
            Some(Setting::Practitioner),
            "f1",
            Some("2026 Q3")
        )
    );
    let mut indicators = [0; 3];
    let (mut open, mut rows) = (0, 0);
    let summary = ptp::read::<ReadError>(&member, &mut |e, row| {
        rows += 1;
        indicators[match e.indicator {
            Indicator::NotAllowed => 0,
            Indicator::Allowed => 1,
            Indicator::NotApplicable => 2,
        }] += 1;
        open += u32::from(e.deletion.is_none());
        if row.number == 27 {
            assert_eq!(
                (e.column1, e.column2, Some(e.effective), e.deletion),
                ("0001U", "0029U", day("2018-07-01"), day("2026-06-30"))
            );
        }
        Ok(())
    })
    .unwrap();
    assert_eq!(
        (
            rows,
            summary.rows,
            summary.first.as_str(),
            summary.last.as_str()
        ),
        (30, 30, "0001A", "0001U")
    );
    assert_eq!((indicators, open), ([3, 24, 3], 8));
}

#[test]
fn the_real_mue_excerpt() {
    let Some(member) = shared("MCR_MUE_PractitionerServices_Eff_07-01-2026.excerpt.csv") else {
        return;
    };
    let found = recognise(&member).unwrap();
    assert_eq!(
        (found.kind, found.setting, found.edition.as_deref()),
        (Kind::Mue, Some(Setting::Practitioner), Some("2026 Q3"))
    );
    let rows = mue::read(&member).unwrap();
    assert_eq!(rows.len(), 8);
    assert_eq!(
        (rows[3].code.as_str(), rows[3].value, rows[3].adjudication),
        ("0009U", 2, Adjudication::DateClinical)
    );
}

fn code() -> impl Strategy<Value = String> {
    "[0-9A-V][0-9]{3}[0-9A-Z]"
}

fn date() -> impl Strategy<Value = NaiveDate> {
    (1990i32..2040, 1u32..=366).prop_filter_map("a date", |(y, d)| NaiveDate::from_yo_opt(y, d))
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        for heading in [HEADING, MUE, ADDON] {
            let member = Member::from_bytes("x", [heading.as_bytes(), &bytes].concat());
            let _ = recognise(&member);
            let _ = edits(&member);
            let _ = mue::read(&member);
            let _ = addon::read(&member);
        }
    }

    #[test]
    fn ptp_rows_come_back(rows in prop::collection::vec((code(), code(), any::<bool>(), date(), prop::option::of(date()), prop::sample::select(vec![0u8, 1, 9])), 1..20)) {
        let day = |d: &NaiveDate| d.format("%Y%m%d").to_string();
        let text: String = rows.iter().map(|(a, b, old, from, to, indicator)| format!(
            "{a}\t{b}\t{}\t{}\t{}\t{indicator}\tours\n",
            if *old { "*" } else { "" }, day(from), to.as_ref().map_or("*".to_owned(), day)
        )).collect();
        let expected: Vec<String> = rows.iter().map(|(a, b, old, from, to, indicator)| format!(
            "{a}/{b} {old} {from} {} {indicator} ours", to.map_or("-".to_owned(), |d| d.to_string())
        )).collect();
        prop_assert_eq!(edits(&ptp_text(&text)).unwrap().0, expected);
    }

    #[test]
    fn a_ptp_file_cut_anywhere_is_an_error_or_ends_after_a_row(at in 0usize..2000) {
        let rows: String = (0..30).map(|n| format!("62323\t{:05}\t\t20170101\t*\t0\tours is a reason\n", 10_000 + n)).collect();
        let at = at.min(rows.len());
        if let Ok((found, _)) = edits(&ptp_text(&rows[..at])) {
            let text = &rows[..at];
            // A cut within one of the first few reasons cannot be told from a reason.
            let whole = text.ends_with('\n') || text.ends_with("reason");
            prop_assert!(whole || found.len() < 20, "{} rows from {:?}", found.len(), &text[text.len().saturating_sub(30)..]);
        }
    }

    #[test]
    fn mue_rows_come_back(rows in prop::collection::btree_map(code(), (0u32..100_000, 1u8..=3), 1..20)) {
        let mut text = MUE[..MUE.find("62323").unwrap()].to_owned();
        for (code, (value, figure)) in &rows {
            text.push_str(&format!("{code},{value},{figure} x,ours\n"));
        }
        let got = mue::read(&Member::from_bytes("m.csv", text.into_bytes())).unwrap();
        let got: std::collections::BTreeMap<_, _> = got.into_iter().map(|m| (m.code, (m.value, m.adjudication.figure()))).collect();
        prop_assert_eq!(got, rows);
    }

    #[test]
    fn add_on_rows_come_back(addon in code(), primary in code(), from in date(), to in prop::option::of(date())) {
        let day = |d: &NaiveDate| d.format("%Y%j").to_string();
        let heading = ADDON.lines().nth(1).unwrap();
        let text = format!("{heading}\n1\t{addon}\t\t{primary}\t\t{}\t{}\t\n", day(&from), to.as_ref().map(day).unwrap_or_default());
        let got = addon::read(&Member::from_bytes("a.txt", text.into_bytes())).unwrap();
        prop_assert_eq!((&got[0].code, &got[0].primary, got[0].effective, got[0].deletion), (&addon, &primary, from, to));
    }
}
