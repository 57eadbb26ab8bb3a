//! The fee schedule's files: small ones of our own, bad ones, and the real ones by their known counts.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are not test functions, which may unwrap"
)]

use std::io::Read as _;
use std::path::PathBuf;

use casebook_releases::anesthesia;
use casebook_releases::gpci;
use casebook_releases::localities;
use casebook_releases::opps_cap::{self, OppsCapRow};
use casebook_releases::recognise::recognise;
use casebook_releases::relative_values::{self, RelativeValue, Summary};
use casebook_releases::{Kind, Member, ReadError};
use chrono::NaiveDate;
use proptest::prelude::*;
use rust_decimal::Decimal;

/// The headings of 2025, each with its words from above; `PRIC IND` of 2026 is put in by `values`.
const HEADINGS: [&str; 31] = [
    "||||HCPCS",
    "||||MOD",
    "||||DESCRIPTION",
    "|||STATUS|CODE",
    "|NOT USED|FOR|MEDICARE |PAYMENT",
    "|||WORK|RVU",
    "||NON-FAC|NON-FAC|PE RVU",
    "|||NA|INDICATOR",
    "|||FACILITY|PE RVU",
    "|||NA|INDICATOR",
    "|||MP|RVU",
    "|||NON-FACILITY|TOTAL",
    "|||FACILITY|TOTAL",
    "|||PCTC|IND",
    "|||GLOB|DAYS",
    "|||PRE|OP",
    "|||INTRA|OP",
    "|||POST|OP",
    "|||MULT|PROC",
    "|||BILAT|SURG",
    "|||ASST|SURG",
    "|||CO-|SURG",
    "|||TEAM|SURG",
    "|||ENDO|BASE",
    "|||CONV|FACTOR",
    "|PHYSICIAN|SUPERVISION OF|DIAGNOSTIC|PROCEDURES",
    "|||CALCULATION|FLAG",
    "|DIAGNOSTIC|IMAGING|FAMILY|INDICATOR",
    "NON-FACILITY|PE USED|FOR OPPS|PAYMENT|AMOUNT",
    "FACILITY|PE USED|FOR OPPS|PAYMENT|AMOUNT",
    "|MP USED|FOR OPPS|PAYMENT|AMOUNT",
];

/// A table of columns, each its heading and its cells, below the notices.
fn values(columns: &[(String, Vec<String>)], separator: &str) -> String {
    let blank = vec![""; columns.len() - 3].join(separator);
    let mut lines: Vec<String> = [
        "2025 National Physician Fee Schedule Relative Value File October Release",
        "A notice of ours",
        "RELEASED 09/11/2025",
    ]
    .iter()
    .map(|text| format!("{separator}{separator}{text}{separator}{blank}"))
    .collect();
    for depth in 0..5 {
        let row: Vec<&str> = columns
            .iter()
            .map(|(heading, _)| heading.split('|').nth(depth).unwrap())
            .collect();
        lines.push(row.join(separator));
    }
    for i in 0..columns[0].1.len() {
        let row: Vec<&str> = columns.iter().map(|(_, cells)| cells[i].as_str()).collect();
        lines.push(row.join(separator));
    }
    lines.join("\r\n")
}

const MARKER: &str = "MARKER OF A LICENSED TEXT";

fn columns() -> Vec<(String, Vec<String>)> {
    let rows = [
        "99213,,@,A,,1.30,1.35,,0.57,,0.10,2.75,1.97,0,XXX,0.00,0.00,0.00,0,0,0,0,0,,32.3465,09,0,99,0.00,0.00,0.00",
        "70450,TC,@,A,,0.00,2.04,,2.04,NA,0.01,2.05,2.05,1,XXX,0.00,0.00,0.00,4,0,0,0,0,,32.3465,01,0,88,3.27,3.27,0.02",
        "D0150,,@,R,+,0.00,0.00,,0.00,,0.00,0.00,0.00,0,XXX,0.00,0.00,0.00,0,0,0,0,0,,32.3465,09,0,99,0.00,0.00,0.00",
        "G0008,,@,X,,0.00,0.00,NA,0.00,,0.00,0.00,0.00,9,090,0.10,0.69,0.21,9,9,9,9,9,52000,32.3465,09,0,99,0.00,0.00,0.00",
    ];
    HEADINGS
        .iter()
        .enumerate()
        .map(|(i, heading)| {
            let cells = rows.iter().map(|row| {
                let cell = row.split(',').nth(i).unwrap();
                cell.replace('@', MARKER)
            });
            // The two NA indicators have the words above them that tell them apart.
            let heading = match i {
                7 => "||NON-FAC|NA|INDICATOR".to_owned(),
                9 => "||FACILITY |NA|INDICATOR".to_owned(),
                6 => "|||NON-FAC|PE RVU".to_owned(),
                _ => (*heading).to_owned(),
            };
            (heading, cells.collect())
        })
        .collect()
}

fn read(member: &Member) -> Result<(Vec<RelativeValue>, Summary), String> {
    let mut rows = Vec::new();
    let summary = relative_values::read::<ReadError>(member, &mut |row| {
        rows.push(row);
        Ok(())
    })
    .map_err(|e| e.to_string())?;
    Ok((rows, summary))
}

fn file(name: &str, text: String) -> Member {
    Member::from_bytes(name, text.into_bytes())
}

fn figure(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn values_are_bound_by_their_stacked_headings() {
    let csv = file("a.csv", values(&columns(), ","));
    let found = recognise(&csv).unwrap();
    assert_eq!(found.kind, Kind::RelativeValues);
    assert_eq!(found.edition.as_deref(), Some("RVU25D"));
    assert_eq!(found.effective, NaiveDate::from_ymd_opt(2025, 10, 1));
    assert_eq!(found.through, NaiveDate::from_ymd_opt(2025, 12, 31));
    let (rows, summary) = read(&csv).unwrap();
    assert_eq!(
        summary,
        Summary {
            rows: 4,
            unequal: 0
        }
    );
    assert_eq!(rows[0].work, figure("1.30"));
    assert_eq!(rows[0].total_facility, figure("1.97"));
    assert!(rows[1].na_facility && !rows[1].na_non_facility);
    assert_eq!(rows[1].modifier, "TC");
    assert_eq!(rows[1].opps_mp, figure("0.02"));
    assert!(rows[2].not_used && rows[3].na_non_facility);
    assert_eq!(
        (rows[3].global.as_str(), rows[3].endoscopic_base.as_str()),
        ("090", "52000")
    );
    assert_eq!(rows[3].post, figure("0.21"));
    // Tab separated, and with the columns the other way round: the same rows.
    assert_eq!(
        read(&file("a.txt", values(&columns(), "\t"))).unwrap().0,
        rows
    );
    let mut turned = columns();
    turned[3..].reverse();
    assert_eq!(read(&file("a.csv", values(&turned, ","))).unwrap().0, rows);
}

#[test]
fn no_description_is_read() {
    let (rows, _) = read(&file("a.csv", values(&columns(), ","))).unwrap();
    assert!(!format!("{rows:?}").contains("MARKER"));
    let broken = values(&columns(), ",").replace("1.35", "l.35");
    let said = read(&file("a.csv", broken)).unwrap_err();
    assert!(!said.contains("MARKER"), "{said}");
}

#[test]
fn the_form_of_2026_has_one_column_more() {
    let mut columns = columns();
    let cells = vec!["9".to_owned(); 4];
    columns.insert(23, ("|||PRIC|IND".to_owned(), cells));
    let text = values(&columns, ",").replace("2025 National", "2026 National");
    let text = text.replace("October", "July");
    let found = recognise(&file("PPRRVU2026_Jul_nonQPP.csv", text.clone())).unwrap();
    assert_eq!(found.edition.as_deref(), Some("RVU26C"));
    assert_eq!(found.part, "nonQPP");
    let found = recognise(&file("PPRRVU2026_Jul_QPP.csv", text.clone())).unwrap();
    assert_eq!(found.part, "QPP");
    let (rows, _) = read(&file("a.csv", text)).unwrap();
    assert_eq!(
        (rows[0].pricing.as_str(), rows[3].endoscopic_base.as_str()),
        ("9", "52000")
    );
}

#[test]
fn what_is_wrong_with_values_is_said_with_its_line() {
    let whole = values(&columns(), ",");
    let said = |text: String| read(&file("a.csv", text)).unwrap_err();
    let cut = said(whole[..whole.len() - 10].to_owned());
    assert!(
        cut.contains("a.csv, line 12: the row ends after 29 of 31 columns"),
        "{cut}"
    );
    let twice = said(format!("{whole}\n{}", whole.lines().last().unwrap()));
    assert!(
        twice.contains("line 13: G0008  stands in the file twice"),
        "{twice}"
    );
    let missing = said(whole.replacen("WORK", "TOIL", 1));
    assert!(
        missing.contains("line 8: no column is headed \"WORK RVU\""),
        "{missing}"
    );
    let figure = said(whole.replacen("1.30", "1,30", 1));
    assert!(figure.contains("line 9"), "{figure}");
    let status = said(whole.replacen(",A,", ",AA,", 1));
    assert!(status.contains("is no status code"), "{status}");
    assert!(said("nothing\n".into()).contains("no row is headed HCPCS, MOD, DESCRIPTION"));
    let sum = whole.replacen("2.75", "2.76", 1);
    assert_eq!(read(&file("a.csv", sum)).unwrap().1.unequal, 1);
}

const GPCI: &str = "ADDENDUM OF OURS CY 2026,,,,,,\n,,,,,,\n\
Medicare Administrative Contractor (MAC),State,Locality Number,Locality Name,2026 PW GPCI (with 1.0 Floor)***,2026 PE GPCI,2026 MP GPCI\n\
02102,AK,01,ALASKA*,1.500,1.065,0.551\n1112,CA,5,\"SAN FRANCISCO, OURS\",1.1,1.2,0.4\n\
\"MAC Assignments\",,,,,,\n,,,,,,\n*A floor of ours.,,,,,,\n";

#[test]
fn indices_keep_their_footnotes() {
    let csv = file("x.csv", GPCI.into());
    let found = recognise(&csv).unwrap();
    assert_eq!(
        (found.kind, found.edition.as_deref()),
        (Kind::Gpci, Some("2026"))
    );
    let rows = gpci::read(&csv).unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(
        (rows[0].name.as_str(), rows[0].work),
        ("ALASKA", figure("1.5"))
    );
    assert_eq!(
        rows[0].note,
        "2026 PW GPCI (WITH 1.0 FLOOR); A floor of ours."
    );
    assert_eq!(
        (rows[1].contractor.as_str(), rows[1].locality.as_str()),
        ("01112", "05")
    );
    let turned = GPCI
        .replace("2026 PE GPCI,2026 MP GPCI", "2026 MP GPCI,2026 PE GPCI")
        .replace("1.065,0.551", "0.551,1.065")
        .replace("1.2,0.4", "0.4,1.2");
    assert_eq!(gpci::read(&file("x.csv", turned)).unwrap(), rows);
    for (from, to, says) in [
        ("1.065", "none", "line 4: \"none\" is no figure"),
        (
            "1112,CA,5",
            "02102,AK,01",
            "line 5: contractor 02102, locality 01 stand in the file twice",
        ),
        (
            "Locality Name",
            "Name",
            "no column is headed \"LOCALITY NAME\"",
        ),
        ("1112,CA", "xx112,CA", "is no contractor number"),
        ("1112,CA", "1112,California", "is no state"),
    ] {
        let said = gpci::read(&file("x.csv", GPCI.replacen(from, to, 1)))
            .unwrap_err()
            .to_string();
        assert!(said.contains(says), "{said}");
    }
    let cut = &GPCI[..GPCI.find(",0.551").unwrap()];
    assert!(
        gpci::read(&file("x.csv", cut.into()))
            .unwrap_err()
            .to_string()
            .contains("of 7 columns")
    );
}

const COUNTIES: &str = "COUNTIES OF OURS 2025,,,,\n,,,,\n\
Medicare Adminstrative Contractor,Locality Number,State ,Fee Schedule Area ,Counties\n,,,,\n\
1112,5,OURLAND ,BIG CITY*,\"BIG, SMALL\"\n,6, ,OTHER CITY ,OTHER \n,,,,AND MORE\n1182,99,,REST ,ALL OTHER COUNTIES\n,,,,\n* A footnote.,,,,\n";

#[test]
fn merged_cells_take_what_stands_above() {
    let csv = file("25LOCCO.csv", COUNTIES.into());
    let found = recognise(&csv).unwrap();
    assert_eq!(
        (found.kind, found.edition.as_deref()),
        (Kind::Localities, Some("2025"))
    );
    let untitled = COUNTIES.replace(" 2025", "");
    let found = recognise(&file("26LOCCO.csv", untitled)).unwrap();
    assert_eq!(found.edition.as_deref(), Some("2026"));
    let rows = localities::read(&csv).unwrap();
    assert_eq!(rows.len(), 3);
    assert_eq!(
        (rows[0].area.as_str(), rows[0].locality.as_str()),
        ("BIG CITY", "05")
    );
    assert_eq!(
        (rows[1].contractor.as_str(), rows[1].state.as_str()),
        ("01112", "OURLAND")
    );
    assert_eq!(rows[1].counties, "OTHER AND MORE");
    assert_eq!(
        (rows[2].contractor.as_str(), rows[2].state.as_str()),
        ("01182", "OURLAND")
    );
    let orphan = COUNTIES.replace("1112,5,OURLAND", ",5,OURLAND");
    let said = localities::read(&file("x.csv", orphan))
        .unwrap_err()
        .to_string();
    assert!(said.contains("line 5: the contractor is missing"), "{said}");
    let said = localities::read(&file("x.csv", COUNTIES.replace("Counties\n", "Cities\n")));
    assert!(said.unwrap_err().to_string().contains("no row is headed"));
}

#[test]
fn anesthesia_factors_with_one_and_with_two_columns() {
    let one = "Contractor,Locality,Locality Name,National Anes CF of 20.3178\n\
               10112 ,00 ,OURS*,19.31 \n,,,\n";
    let csv = file("ANES2025.csv", one.into());
    let found = recognise(&csv).unwrap();
    assert_eq!(
        (found.kind, found.edition.as_deref()),
        (Kind::Anesthesia, Some("2025"))
    );
    let read = anesthesia::read(&csv).unwrap();
    assert_eq!(read.national, Some(figure("20.3178")));
    assert_eq!(
        (read.rows[0].name.as_str(), read.rows[0].factor),
        ("OURS", figure("19.31"))
    );
    let two = "Contractor,Locality,Locality Name,Qualifying APM National Anes CF of 20.60,Non-Qualifying APM National Anes CF of 20.50\n\
               10112,00,OURS,19.60,19.50\n";
    let read = anesthesia::read(&file("a.csv", two.into())).unwrap();
    assert_eq!(
        (read.national, read.national_qualifying),
        (Some(figure("20.50")), Some(figure("20.60")))
    );
    assert_eq!(
        (read.rows[0].factor, read.rows[0].qualifying),
        (figure("19.50"), Some(figure("19.60")))
    );
    let said = anesthesia::read(&file("a.csv", one.replace("19.31", "x")))
        .unwrap_err()
        .to_string();
    assert!(said.contains("line 2: \"x\" is no figure"), "{said}");
}

fn caps(member: &Member) -> Result<Vec<OppsCapRow>, String> {
    let mut rows = Vec::new();
    opps_cap::read::<ReadError>(member, &mut |row| {
        rows.push(row);
        Ok(())
    })
    .map_err(|e| e.to_string())?;
    Ok(rows)
}

#[test]
fn caps_are_of_a_code_and_a_locality() {
    let text = "HCPCS,MOD,PROCSTAT,CARRIER,LOCALITY,FACILITY PRICE,NON-FACILTY PRICE\n\
                70450,TC,A,01112,05,100.10,100.20\n70450,,A,01112,05,150.00,150.00\n";
    let csv = file("rvu25d.zip!OPPSCAP_Oct.csv", text.into());
    let found = recognise(&csv).unwrap();
    assert_eq!(
        (found.kind, found.edition.as_deref()),
        (Kind::OppsCap, Some("RVU25D"))
    );
    assert_eq!(
        recognise(&file("OPPSCAP_Oct.csv", text.into()))
            .unwrap()
            .edition,
        None
    );
    let rows = caps(&csv).unwrap();
    assert_eq!(
        (rows[0].facility, rows[0].non_facility),
        (figure("100.10"), figure("100.20"))
    );
    let proper = text.replace("FACILTY", "FACILITY");
    assert_eq!(caps(&file("a.csv", proper)).unwrap(), rows);
    let said = caps(&file("a.csv", text.replace("70450,,", "70450,TC,"))).unwrap_err();
    assert!(said.contains("line 3: 70450 TC stands twice"), "{said}");
    let said = caps(&file("a.csv", text.replace("CARRIER", "PAYER"))).unwrap_err();
    assert!(said.contains("no row is headed"), "{said}");
    let said = caps(&file("a.csv", text.replace("MOD", "MODIFIER"))).unwrap_err();
    assert!(said.contains("no column is headed \"MOD\""), "{said}");
}

/// A workbook of one sheet. Cells that are numbers are stored as numbers, as somebody's spreadsheet does who saved the
/// file again: leading zeros are then gone.
fn workbook(table: &[Vec<String>]) -> Member {
    use std::io::Write as _;
    let mut sheet = String::from(
        "<worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetData>",
    );
    for (r, row) in table.iter().enumerate() {
        sheet.push_str(&format!("<row r=\"{}\">", r + 1));
        for (c, cell) in row.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
            let letter = |n: usize| char::from(b'A' + n as u8);
            let column = if c < 26 {
                letter(c).to_string()
            } else {
                format!("A{}", letter(c - 26))
            };
            sheet.push_str(&match cell.parse::<f64>() {
                Ok(number) => format!("<c r=\"{column}{}\"><v>{number}</v></c>", r + 1),
                Err(_) => format!(
                    "<c r=\"{column}{}\" t=\"inlineStr\"><is><t>{cell}</t></is></c>",
                    r + 1
                ),
            });
        }
        sheet.push_str("</row>");
    }
    sheet.push_str("</sheetData></worksheet>");
    let types = "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"/>";
    let kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let relations = |to: &str, what: &str| {
        format!(
            "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">\
             <Relationship Id=\"r1\" Type=\"{kind}/{what}\" Target=\"{to}\"/></Relationships>"
        )
    };
    let book = format!(
        "<workbook xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\" xmlns:r=\"{kind}\">\
         <sheets><sheet name=\"A\" sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>"
    );
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in [
        ("[Content_Types].xml", types.to_owned()),
        (
            "_rels/.rels",
            relations("xl/workbook.xml", "officeDocument"),
        ),
        ("xl/workbook.xml", book),
        (
            "xl/_rels/workbook.xml.rels",
            relations("worksheets/sheet1.xml", "worksheet"),
        ),
        ("xl/worksheets/sheet1.xml", sheet),
    ] {
        zip.start_file(name, zip::write::SimpleFileOptions::default())
            .unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    Member::from_bytes("a.xlsx", zip.finish().unwrap().into_inner())
}

fn cells(text: &str) -> Vec<Vec<String>> {
    text.lines()
        .map(|line| line.split(',').map(|c| c.trim().to_owned()).collect())
        .collect()
}

#[test]
fn a_workbook_reads_as_its_text_does() {
    let text = values(&columns(), ",").replace("70450", "00450");
    let book = workbook(&cells(&text));
    let found = recognise(&book).unwrap();
    assert_eq!(
        (found.kind, found.edition.as_deref()),
        (Kind::RelativeValues, Some("RVU25D"))
    );
    let rows = read(&book).unwrap().0;
    assert_eq!(rows, read(&file("a.csv", text.clone())).unwrap().0);
    assert_eq!(
        (rows[1].code.as_str(), rows[1].supervision.as_str()),
        ("00450", "01")
    );
    let said = read(&workbook(&cells(&text.replace("1.35", "l.35")))).unwrap_err();
    assert!(
        said.contains("a.xlsx, sheet \"A\", cell G9: \"l.35\" is no figure"),
        "{said}"
    );
    let plain = GPCI.replace("\"SAN FRANCISCO, OURS\"", "SAN FRANCISCO");
    let plain = plain.replace('"', "");
    assert_eq!(
        gpci::read(&workbook(&cells(&plain))).unwrap(),
        gpci::read(&file("a.csv", plain)).unwrap()
    );
}

#[test]
fn nothing_else_is_taken_for_these() {
    let folder = std::env::var_os("CASEBOOK_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    if !folder.join("data").is_dir() {
        eprintln!("skipped: {} has no data", folder.display());
        return;
    }
    let temporary = tempfile::tempdir().unwrap();
    let ours = [
        Kind::Hcpcs,
        Kind::HcpcsNotes,
        Kind::HcpcsNoc,
        Kind::RelativeValues,
        Kind::Gpci,
        Kind::Localities,
        Kind::Anesthesia,
        Kind::OppsCap,
        Kind::Cpt,
        Kind::CptModifiers,
    ];
    for other in ["gems", "icd10cm", "icd10pcs", "mcd", "ncci"] {
        let limits = casebook_releases::archive::Limits::default();
        let path = folder.join("data").join(other);
        casebook_releases::archive::walk::<ReadError>(&path, temporary.path(), &limits, &mut |m| {
            let kind = recognise(&m).map(|f| f.kind);
            assert!(
                kind.is_none_or(|k| !ours.contains(&k)),
                "{}: {kind:?}",
                m.path
            );
            Ok(())
        })
        .unwrap();
    }
}

// The real files.

fn shared(name: &str) -> Option<Member> {
    let folder = std::env::var_os("CASEBOOK_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let path = folder.join("data/rvu").join(name);
    let Ok(bytes) = fs_err::read(&path) else {
        eprintln!("skipped: {} is not there", path.display());
        return None;
    };
    let Some(inner) = name.strip_suffix(".gz") else {
        return Some(Member::from_bytes(name, bytes));
    };
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(&bytes[..])
        .read_to_end(&mut plain)
        .unwrap();
    Some(Member::from_bytes(inner, plain))
}

#[test]
fn the_real_values_of_2025() {
    let Some(file) = shared("PPRRVU2025_Oct.no-descriptions.csv.gz") else {
        return;
    };
    let found = recognise(&file).unwrap();
    assert_eq!(
        (found.kind, found.edition.as_deref()),
        (Kind::RelativeValues, Some("RVU25D"))
    );
    let (rows, summary) = read(&file).unwrap();
    assert_eq!(
        summary,
        Summary {
            rows: 19_090,
            unequal: 0
        }
    );
    assert!(
        rows.iter()
            .all(|r| r.conversion_factor == figure("32.3465"))
    );
    let visit = rows.iter().find(|r| r.code == "99213").unwrap();
    assert_eq!(
        (visit.work, visit.pe_non_facility, visit.mp),
        (figure("1.30"), figure("1.35"), figure("0.10"))
    );
    let scan = rows
        .iter()
        .find(|r| r.code == "70450" && r.modifier == "TC")
        .unwrap();
    assert!(scan.na_facility);
    assert_eq!(
        (scan.imaging_family.as_str(), scan.opps_pe_facility),
        ("88", figure("3.27"))
    );
    assert!(
        rows.iter()
            .all(|r| relative_values::status(r.status).is_some())
    );
    assert!(
        rows.iter()
            .all(|r| relative_values::global(&r.global).is_some())
    );
    // Words of Level II descriptions, which the file has.
    let all = format!("{rows:?}");
    assert!(!all.contains("Hearing service") && !all.contains("Bls"));
}

#[test]
fn the_real_values_of_2026() {
    let Some(file) = shared("PPRRVU2026_Jul_nonQPP.excerpt.redacted.csv") else {
        return;
    };
    let found = recognise(&file).unwrap();
    assert_eq!(
        (found.edition.as_deref(), found.part.as_str()),
        (Some("RVU26C"), "nonQPP")
    );
    let (rows, _) = read(&file).unwrap();
    assert_eq!(rows.len(), 6);
    assert_eq!(rows[0].conversion_factor, figure("33.4009"));
    assert_eq!(
        (rows[0].pricing.as_str(), rows[0].supervision.as_str()),
        ("9", "09")
    );
    assert!(!format!("{rows:?}").contains("REDACTED"));
}

#[test]
fn the_real_localities() {
    let Some(file) = shared("GPCI2025.csv") else {
        return;
    };
    let found = recognise(&file).unwrap();
    assert_eq!(
        (found.kind, found.edition.as_deref()),
        (Kind::Gpci, Some("2025"))
    );
    let indices = gpci::read(&file).unwrap();
    assert_eq!(indices.len(), 109);
    let alaska = indices.iter().find(|r| r.state == "AK").unwrap();
    assert!(
        alaska.note.contains("1.5 floor in Alaska"),
        "{}",
        alaska.note
    );
    let Some(file) = shared("GPCI2026.excerpt.csv") else {
        return;
    };
    assert_eq!(recognise(&file).unwrap().edition.as_deref(), Some("2026"));
    let later = gpci::read(&file).unwrap();
    assert_eq!((later.len(), later[5].name.as_str()), (9, "HAWAII, GUAM"));

    let Some(file) = shared("25LOCCO.csv") else {
        return;
    };
    let found = recognise(&file).unwrap();
    assert_eq!(
        (found.kind, found.edition.as_deref()),
        (Kind::Localities, Some("2025"))
    );
    let counties = localities::read(&file).unwrap();
    for row in &counties {
        let known = indices
            .iter()
            .any(|i| (&i.contractor, &i.locality) == (&row.contractor, &row.locality));
        assert!(known, "{row:?}");
    }
    for index in &indices {
        let known = counties
            .iter()
            .any(|r| (&index.contractor, &index.locality) == (&r.contractor, &r.locality));
        assert!(known, "{index:?}");
    }

    let Some(file) = shared("ANES2025.csv") else {
        return;
    };
    let found = recognise(&file).unwrap();
    assert_eq!(
        (found.kind, found.edition.as_deref()),
        (Kind::Anesthesia, Some("2025"))
    );
    let factors = anesthesia::read(&file).unwrap();
    assert_eq!(
        (factors.rows.len(), factors.national),
        (109, Some(figure("20.3178")))
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let file = Member::from_bytes("f", bytes);
        let _ = recognise(&file);
        let _ = read(&file);
        let _ = gpci::read(&file);
        let _ = localities::read(&file);
        let _ = anesthesia::read(&file);
        let _ = caps(&file);
    }

    #[test]
    fn broken_files_never_panic(which in 0usize..3, at in 0usize..4000, byte in any::<u8>(), cut in 0usize..4000) {
        let text = [values(&columns(), ","), GPCI.to_owned(), COUNTIES.to_owned()][which].clone();
        let mut bytes = text.into_bytes();
        let length = bytes.len();
        bytes[at % length] = byte;
        bytes.truncate(length - cut % length);
        let file = Member::from_bytes("f.csv", bytes);
        let _ = recognise(&file);
        let _ = read(&file);
        let _ = gpci::read(&file);
        let _ = localities::read(&file);
    }

    #[test]
    fn generated_values_come_back(figures in proptest::collection::vec(0u32..99_999, 1..30)) {
        let mut columns = columns();
        let cents = |n: u32| format!("{}.{:02}", n / 100, n % 100);
        for (column, (heading, cells)) in columns.iter_mut().enumerate() {
            let first = cells[0].clone();
            *cells = figures
                .iter()
                .enumerate()
                .map(|(i, n)| match column {
                    0 => format!("{:05}", i),
                    5 => cents(*n),
                    _ => first.clone(),
                })
                .collect();
            prop_assert!(!heading.is_empty());
        }
        let (rows, _) = read(&file("f.csv", values(&columns, ","))).unwrap();
        prop_assert_eq!(rows.len(), figures.len());
        for (row, n) in rows.iter().zip(&figures) {
            prop_assert_eq!(row.work.to_string(), cents(*n));
        }
    }
}
