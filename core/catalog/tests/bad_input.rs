//! Bad input, one test for each way in which a file can be bad, through the way that `casebook ingest` takes: a clear
//! error with file, line or cell; nothing half loaded; memory bounded.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are not test functions, which may unwrap"
)]

#[path = "../../releases/tests/pdfs/mod.rs"]
mod pdfs;

use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use casebook_catalog::Catalog;
use casebook_catalog::ingest::{Fate, Options, ingest};
use proptest::prelude::*;
use rusqlite::Connection;
use tempfile::TempDir;
use zip::write::SimpleFileOptions;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures")
}

fn fixture(name: &str) -> Vec<u8> {
    fs_err::read(fixtures().join("releases").join(name)).unwrap()
}

/// Our small files, whose rows have columns or codes that can be damaged.
const TABLES: &[&str] = &[
    "2018_I10gem.txt",
    "AOC_V2026Q4-MCR.txt",
    "GPCI2026.csv",
    "HCPC2026_OCT_ANWEB.csv",
    "MCR_MUE_PractitionerServices_Eff_10-01-2026.csv",
    "POAexemptCodesFY26.txt",
    "2027 Initial ICD-10-CM Mappings.csv",
    "PPRRVU2026_Oct_nonQPP.csv",
    "ccipra-v323r0-f3.txt",
    "icd10pcs_order_2026.txt",
    "mcd/article.csv",
    "mcd/article_x_icd10_covered.csv",
    "mcd/contractor_jurisdiction.csv",
];

/// A data folder in which a good edition of everything is loaded already.
struct Loaded {
    folder: TempDir,
    catalog: Catalog,
    /// Rows of every table, which no bad file may change.
    before: Vec<(String, i64)>,
}

impl Loaded {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(folder.path()).unwrap();
        let options = Options {
            today: "2026-11-25".parse().unwrap(),
            ..Options::default()
        };
        let done = ingest(
            &catalog,
            &[fixtures().join("releases")],
            &options,
            folder.path(),
            &|_, _| (),
        );
        assert!(
            done.iter().all(|i| matches!(i.fate, Fate::Loaded(..))),
            "{done:?}"
        );
        let before = counted(folder.path());
        Self {
            folder,
            catalog,
            before,
        }
    }

    /// A data folder in which nothing is loaded.
    fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(folder.path()).unwrap();
        let before = counted(folder.path());
        Self {
            folder,
            catalog,
            before,
        }
    }

    /// Loads a file under a name, for an edition of its own.
    fn load(&self, name: &str, bytes: &[u8]) -> Vec<(String, Fate)> {
        let place = self.folder.path().join("in");
        let path = place.join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(&path, bytes).unwrap();
        let done = self.load_path(&path);
        fs_err::remove_dir_all(place).unwrap();
        done
    }

    fn load_path(&self, path: &Path) -> Vec<(String, Fate)> {
        let options = Options {
            edition: Some("bad".into()),
            effective: "2027-01-01".parse().ok(),
            today: "2026-11-25".parse().unwrap(),
            ..Options::default()
        };
        let done = ingest(
            &self.catalog,
            &[path.to_owned()],
            &options,
            self.folder.path(),
            &|_, _| (),
        );
        done.into_iter().map(|i| (i.path, i.fate)).collect()
    }

    /// What is said of a bad file, which is refused and leaves no row, no edition and no file behind.
    fn refused(&self, name: &str, bytes: &[u8]) -> String {
        let said: Vec<String> = self
            .load(name, bytes)
            .into_iter()
            .map(|(path, fate)| match fate {
                Fate::Refused(why) => why,
                other => panic!("{path}: {other:?}"),
            })
            .collect();
        self.is_as_before();
        said.join("\n")
    }

    fn is_as_before(&self) {
        assert_eq!(counted(self.folder.path()), self.before);
        let left: Vec<String> = fs_err::read_dir(self.folder.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
            .filter(|name| !name.starts_with("catalog.sqlite"))
            .collect();
        assert_eq!(left, [] as [&str; 0], "temporary files are left");
    }
}

/// How many rows each table of the catalog has.
fn counted(folder: &Path) -> Vec<(String, i64)> {
    let connection = Connection::open(folder.join("catalog.sqlite")).unwrap();
    let mut names = connection
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        .unwrap();
    let names: Vec<String> = names
        .query_map([], |r| r.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    names
        .into_iter()
        // Numbers of rows that were given out and taken back say nothing.
        .filter(|name| name != "sqlite_sequence")
        .map(|name| {
            let sql = format!("SELECT count(*) FROM \"{name}\"");
            let count = connection.query_row(&sql, [], |r| r.get(0)).unwrap();
            (name, count)
        })
        .collect()
}

/// A zip of these files.
fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer
            .start_file(*name, SimpleFileOptions::default())
            .unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A workbook whose one sheet has these rows; a cell that begins with `=` is a formula.
fn workbook(rows: &[&[&str]], head: &str) -> Vec<u8> {
    let mut sheet = format!(
        "<?xml version=\"1.0\"?>{head}<worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetData>"
    );
    for (r, row) in rows.iter().enumerate() {
        sheet.push_str(&format!("<row r=\"{}\">", r + 1));
        for (c, cell) in row.iter().enumerate() {
            let at = format!("{}{}", char::from(b'A' + c as u8), r + 1);
            match cell.strip_prefix('=') {
                Some(formula) => {
                    sheet.push_str(&format!("<c r=\"{at}\"><f>{formula}</f><v>1</v></c>"))
                }
                None => sheet.push_str(&format!(
                    "<c r=\"{at}\" t=\"inlineStr\"><is><t>{cell}</t></is></c>"
                )),
            }
        }
        sheet.push_str("</row>");
    }
    sheet.push_str("</sheetData></worksheet>");
    zip(&[
        (
            "[Content_Types].xml",
            br#"<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>"#,
        ),
        (
            "_rels/.rels",
            br#"<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#,
        ),
        (
            "xl/workbook.xml",
            br#"<?xml version="1.0"?><workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="MUE" sheetId="1" r:id="rId1"/></sheets></workbook>"#,
        ),
        (
            "xl/_rels/workbook.xml.rels",
            br#"<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#,
        ),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
    ])
}

const MUE: &[&[&str]] = &[
    &[
        "HCPCS/CPT Code",
        "Practitioner Services MUE Values",
        "MUE Adjudication Indicator",
        "MUE Rationale",
    ],
    &["62323", "1", "2 Date of Service Edit: Policy", "made up"],
    &["64484", "4", "3 Date of Service Edit: Clinical", "made up"],
];

/// The workbook is good without what is bad in it, or the tests of it would prove nothing.
#[test]
fn the_good_workbook_is_loaded() {
    let loaded = Loaded::new();
    let fates = loaded.load("mue_practitioner.xlsx", &workbook(MUE, ""));
    assert!(
        matches!(&fates[..], [(_, Fate::Loaded(e, report))] if e.rows == 2 && report.read == 3),
        "{fates:?}"
    );
}

#[test]
fn a_file_cut_in_the_middle() {
    let loaded = Loaded::new();
    for name in TABLES {
        let whole = fixture(name);
        let text = String::from_utf8(whole.clone()).unwrap();
        // In the middle of the last row: a few characters of it are there. Below the rows of one stand footnotes.
        let text = text.split("\n,,,,,,\n*").next().unwrap();
        let last = text.trim_end().rfind('\n').unwrap() + 1;
        let said = loaded.refused(name, &whole[..last + 4]);
        let line = text[..last].lines().count() + 1;
        assert!(
            said.contains(&format!("line {line}")) && said.contains("download it"),
            "{name}: {said}"
        );
    }
    let index = fixture("icd10cm_index_2026.xml");
    for at in [index.len() / 2, index.len() - 3] {
        let said = loaded.refused("icd10cm_index_2026.xml", &index[..at]);
        assert!(said.contains("line "), "{said}");
    }
    for name in [
        "icd10pcs_tables_2026.xml",
        "icd10pcs_index_2026.xml",
        "icd10pcs_definitions_2026.xml",
    ] {
        let whole = fixture(name);
        let said = loaded.refused(name, &whole[..whole.len() / 2]);
        assert!(said.contains("line "), "{name}: {said}");
    }
    let addenda = fixture("icd10cm-order-addenda-2026.txt");
    let said = loaded.refused("icd10cm-order-addenda-2026.txt", &addenda[..400]);
    assert!(said.contains("line "), "{said}");
    let tabular = fs_err::read(fixtures().join("tabular.xml")).unwrap();
    let said = loaded.refused("tabular.xml", &tabular[..tabular.len() / 2]);
    assert!(said.contains("tabular.xml"), "{said}");
    let book = workbook(MUE, "");
    let said = loaded.refused("mue_practitioner.xlsx", &book[..book.len() / 2]);
    assert!(said.contains("download it"), "{said}");
    let packed = zip(&[("a.txt", &fixture("ccipra-v323r0-f3.txt"))]);
    let said = loaded.refused("a.zip", &packed[..packed.len() - 40]);
    assert!(
        said.contains("a.zip") && said.contains("download it"),
        "{said}"
    );
    let pdf = pdfs::guidelines();
    let said = loaded.refused("guidelines.pdf", &pdf[..pdf.len() / 2]);
    assert!(said.contains("guidelines.pdf"), "{said}");
}

#[test]
fn a_wrong_encoding() {
    let loaded = Loaded::new();
    for name in TABLES {
        let text = String::from_utf8(fixture(name)).unwrap();
        let mut utf16 = vec![0xff, 0xfe];
        utf16.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        let said = loaded.refused(name, &utf16);
        assert!(said.contains("UTF-16"), "{name}: {said}");
    }
    // Bytes that are text in no encoding.
    let mut binary = fixture("ccipra-v323r0-f3.txt");
    let at = binary.len() - 5;
    binary[at] = 0;
    let said = loaded.refused("ccipra-v323r0-f3.txt", &binary);
    assert!(!said.is_empty());
    // Windows-1252, in which some of the files are, is read as such.
    let mut latin = fixture("HCPC2026_OCT_ANWEB.csv");
    let at = latin.windows(5).position(|w| w == b"stick").unwrap();
    latin[at] = 0xe9;
    let fates = loaded.load("HCPC2027_JAN_ANWEB.csv", &latin);
    let [(_, Fate::Loaded(e, _))] = &fates[..] else {
        panic!("{fates:?}")
    };
    let entry = loaded.catalog.entry(e.id, "E0100").unwrap().unwrap();
    assert!(entry.title.contains("walking étick"), "{}", entry.title);
}

/// Moves a column of a table that has headings to its end.
fn moved(text: &str, separator: char, column: usize) -> String {
    text.lines()
        .map(|line| {
            let mut cells: Vec<&str> = line.split(separator).collect();
            if cells.len() > column + 1 {
                let cell = cells.remove(column);
                cells.push(cell);
            }
            cells.join(&separator.to_string()) + "\n"
        })
        .collect()
}

#[test]
fn a_column_moved() {
    let loaded = Loaded::new();
    // Where columns have headings, a moved one is found by its own, and one that is gone is named.
    for (name, separator, column, heading) in [
        ("HCPC2026_OCT_ANWEB.csv", ',', 3, "LONG DESCRIPTION"),
        ("POAexemptCodesFY26.txt", '\t', 1, "POAexemptCode"),
        ("AOC_V2026Q4-MCR.txt", '\t', 1, "Add-On_Code"),
        ("mcd/article_x_icd10_covered.csv", ',', 2, "icd10_code_id"),
        ("PPRRVU2026_Oct_nonQPP.csv", ',', 5, "WORK"),
        ("GPCI2026.csv", ',', 3, "Locality Name"),
    ] {
        let text = String::from_utf8(fixture(name)).unwrap();
        let rows = |fates: &[(String, Fate)]| match fates {
            [(_, Fate::Loaded(e, _))] => {
                let rows = e.rows;
                loaded.catalog.remove(e.id).unwrap();
                rows
            }
            other => panic!("{name}: {other:?}"),
        };
        let plain = text.replace("Made up by us", "Made up by ourselves") + "\n";
        let expected = rows(&loaded.load(name, plain.as_bytes()));
        let got = rows(&loaded.load(name, moved(&text, separator, column).as_bytes()));
        assert_eq!(got, expected, "{name}");
        let said = loaded.refused(name, text.replacen(heading, "Something Else", 1).as_bytes());
        assert!(
            said.to_uppercase().contains(&heading.to_uppercase()) || said.contains("no release"),
            "{name}: {said}"
        );
    }
    // Where columns are positions, a line that is shifted says so.
    for name in ["icd10pcs_order_2026.txt", "2018_I10gem.txt"] {
        let text = String::from_utf8(fixture(name)).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines[2].insert(0, ' ');
        let said = loaded.refused(name, (lines.join("\n") + "\n").as_bytes());
        assert!(said.contains("line 3"), "{name}: {said}");
    }
}

#[test]
fn a_date_that_does_not_exist() {
    let loaded = Loaded::new();
    for (name, date, wrong, line) in [
        ("ccipra-v323r0-f3.txt", "20201231", "20200231", 8),
        ("HCPC2026_OCT_ANWEB.csv", "20260630", "20260631", 4),
        ("AOC_V2026Q4-MCR.txt", "2013091", "2013366", 3),
        ("mcd/article.csv", "2025-03-01", "2025-02-29", 2),
        (
            "mcd/contractor_jurisdiction.csv",
            "2020-01-01",
            "2020-13-01",
            2,
        ),
    ] {
        let text = String::from_utf8(fixture(name)).unwrap();
        assert!(text.contains(date), "{name}");
        let said = loaded.refused(name, text.replacen(date, wrong, 1).as_bytes());
        assert!(said.contains(&format!("line {line}")), "{name}: {said}");
    }
    // In a workbook, with its cell.
    let rows: &[&[&str]] = &[
        &[
            "Current code assignment",
            "Effective",
            "Previous Code(s) Assignment",
        ],
        &["M54.50", "2026-02-30", "M54.5"],
    ];
    let said = loaded.refused("conversion.xlsx", &workbook(rows, ""));
    assert!(said.contains("sheet \"MUE\", cell B2"), "{said}");
}

#[test]
fn a_duplicate_row() {
    let loaded = Loaded::new();
    for name in TABLES {
        // Mappings have several rows for a code; the same row twice is one of them all the same.
        let text = String::from_utf8(fixture(name)).unwrap();
        let last = match *name {
            // Footnotes stand below the rows.
            "GPCI2026.csv" => text.lines().nth(5).unwrap(),
            // The last rows are numbers of CPT, which are refused before anything else is asked of them.
            "HCPC2026_OCT_ANWEB.csv" => text.lines().nth(1).unwrap(),
            _ => text.trim_end().lines().last().unwrap(),
        };
        let twice = text.replacen(last, &format!("{last}\n{last}"), 1);
        if *name == "mcd/article_x_icd10_covered.csv" {
            // The same code may stand in a group once for each version of the code: one row says all.
            let fates = loaded.load(name, twice.as_bytes());
            let [(_, Fate::Loaded(e, _))] = &fates[..] else {
                panic!("{fates:?}")
            };
            loaded.catalog.remove(e.id).unwrap();
            loaded.is_as_before();
            continue;
        }
        let said = loaded.refused(name, twice.as_bytes());
        // An order file numbers its rows, so that a second one is out of order.
        let again = ["twice", "a second time", "order number"]
            .iter()
            .any(|words| said.contains(words));
        assert!(again, "{name}: {said}");
        if !name.starts_with("mcd/") {
            assert!(said.contains("line "), "{name}: {said}");
        }
    }
}

#[test]
fn a_zip_bomb() {
    let loaded = Loaded::new();
    let zeros = vec![b'0'; 64 << 20];
    let said = loaded.refused("bomb.zip", &zip(&[("0.txt", &zeros)]));
    assert!(
        said.contains("bomb.zip!0.txt") && said.contains("200 times"),
        "{said}"
    );
    let mut nested = zip(&[("a.txt", b"a")]);
    for _ in 0..10 {
        nested = zip(&[("n.zip", &nested)]);
    }
    let said = loaded.refused("nested.zip", &nested);
    assert!(said.contains("4 deep"), "{said}");
    // What a workbook packs is as much a stranger's.
    let cell = "0".repeat(64 << 20);
    let said = loaded.refused(
        "mue_practitioner.xlsx",
        &workbook(&[MUE[0], &["62323", &cell, "2", "x"]], ""),
    );
    assert!(said.contains("200 times"), "{said}");
}

#[test]
fn a_path_that_climbs_out_of_its_archive() {
    let loaded = Loaded::new();
    let row = fixture("ccipra-v323r0-f3.txt");
    let outside = loaded.folder.path().parent().unwrap().join("climbed.txt");
    let packed = zip(&[
        ("../../climbed.txt", &row),
        ("/tmp/climbed.txt", &row),
        ("..\\climbed.txt", &row),
    ]);
    for (path, fate) in loaded.load("ccipra-v324r0-f3.zip", &packed) {
        assert!(
            matches!(fate, Fate::Loaded(..) | Fate::Present(_)),
            "{path}: {fate:?}"
        );
    }
    assert!(!outside.exists() && !Path::new("/tmp/climbed.txt").exists());
    let left = fs_err::read_dir(loaded.folder.path()).unwrap();
    assert!(left.into_iter().all(|e| {
        let name = e.unwrap().file_name();
        name.to_string_lossy().starts_with("catalog.sqlite")
    }));
}

const BOMB: &str = "<!DOCTYPE a [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>\
    <!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;'><!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;'>]>";

#[test]
fn an_xml_entity_bomb() {
    let loaded = Loaded::new();
    let index = String::from_utf8(fixture("icd10cm_index_2026.xml")).unwrap();
    let tabular = fs_err::read_to_string(fixtures().join("tabular.xml")).unwrap();
    let pcs = |part: &str| {
        let name = format!("icd10pcs_{part}_2026.xml");
        String::from_utf8(fixture(&name)).unwrap()
    };
    let (tables, terms, definitions) = (pcs("tables"), pcs("index"), pcs("definitions"));
    for (name, text, root, word) in [
        (
            "icd10cm_index_2026.xml",
            &index,
            "<ICD10CM.index",
            "low back",
        ),
        ("tabular.xml", &tabular, "<ICD10CM.tabular", "</desc>"),
        ("tables.xml", &tables, "<ICD10PCS.tabular", "Our synthetic"),
        ("terms.xml", &terms, "<ICD10PCS.index", "Our kneecap"),
        (
            "definitions.xml",
            &definitions,
            "<ICD10PCS.definitions",
            "Our left kneecap",
        ),
    ] {
        let used = text.replacen(word, &format!("&d;{word}"), 1);
        let bomb = used.replacen(root, &format!("{BOMB}\n{root}"), 1);
        let said = loaded.refused(name, bomb.as_bytes());
        assert!(
            said.contains("line ") && said.contains("entities"),
            "{name}: {said}"
        );
        // Without its declaration, too.
        let said = loaded.refused(name, used.as_bytes());
        assert!(said.contains("entity"), "{name}: {said}");
    }
    // Inside office files nothing is made of it either.
    let said = loaded.refused(
        "mue_practitioner.xlsx",
        &workbook(&[MUE[0], &["62323", "&d;", "2", "x"]], BOMB),
    );
    assert!(said.contains("mue_practitioner.xlsx"), "{said}");
    let document = format!(
        "<?xml version=\"1.0\"?>{BOMB}<w:document xmlns:w=\"w\"><w:body><w:p><w:r><w:t>&d;</w:t></w:r></w:p></w:body></w:document>"
    );
    let said = loaded.refused(
        "bomb.docx",
        &zip(&[("word/document.xml", document.as_bytes())]),
    );
    assert!(said.contains("bomb.docx"), "{said}");
}

/// The child of the test below: loads the file that its parent names, and says how much memory that took.
#[test]
fn loads_and_says_its_peak() {
    let Some(path) = std::env::var_os("CASEBOOK_TEST_LONG_LINE") else {
        return;
    };
    let loaded = Loaded::new();
    for (path, fate) in loaded.load_path(Path::new(&path)) {
        println!("\nfate {path}: {fate:?}");
    }
    loaded.is_as_before();
    let status = fs_err::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    println!("\npeak {}", peak.unwrap().trim().trim_end_matches(" kB"));
}

#[test]
fn a_line_of_a_gigabyte() {
    for (name, bound) in [
        ("ccipra-v324r0-f3.txt", "the line is longer than"),
        (
            "MCR_MUE_PractitionerServices_Eff_01-01-2027.csv",
            "longer than",
        ),
        ("HCPC2027_JAN_ANWEB.csv", "longer than"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        let former = match name.as_bytes()[0] {
            b'c' => "ccipra-v323r0-f3.txt",
            b'M' => "MCR_MUE_PractitionerServices_Eff_10-01-2026.csv",
            _ => "HCPC2026_OCT_ANWEB.csv",
        };
        let mut file = fs_err::File::create(&path).unwrap();
        file.write_all(&fixture(former)).unwrap();
        let long = vec![b'1'; 1 << 20];
        for _ in 0..1024 {
            file.write_all(&long).unwrap();
        }
        drop(file);
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "loads_and_says_its_peak", "--nocapture"])
            .env("CASEBOOK_TEST_LONG_LINE", &path)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{said}");
        let fate = said.lines().find(|l| l.starts_with("fate ")).unwrap();
        assert!(
            fate.contains("Refused") && fate.contains(bound) && fate.contains("line "),
            "{fate}"
        );
        let peak = said.lines().find_map(|l| l.strip_prefix("peak "));
        let kilobytes: u64 = peak.unwrap().parse().unwrap();
        assert!(kilobytes < 200_000, "{name}: {kilobytes} kB");
    }
}

#[test]
fn a_workbook_with_a_formula() {
    let loaded = Loaded::new();
    let said = loaded.refused(
        "mue_practitioner.xlsx",
        &workbook(&[MUE[0], MUE[1], &["64484", "=1+1", "3", "x"]], ""),
    );
    assert!(
        said.contains("sheet \"MUE\", cell B3") && said.contains("formula"),
        "{said}"
    );
}

#[test]
fn a_pdf_without_text() {
    let loaded = Loaded::new();
    let said = loaded.refused("scan.pdf", &pdfs::pdf(&[pdfs::Page::new()]));
    assert!(
        said.contains("scan.pdf") && said.contains("recognise the text first"),
        "{said}"
    );
}

/// The child of the test below: loads the parts of a set and stops before the third, for its parent to kill.
#[test]
fn loads_two_parts_and_is_killed() {
    let Some(folder) = std::env::var_os("CASEBOOK_TEST_PARTS") else {
        return;
    };
    let folder = Path::new(&folder);
    let catalog = Catalog::open(folder).unwrap();
    ingest(
        &catalog,
        &[fixtures().join("releases")],
        &Options::default(),
        folder,
        &|path, _| {
            if path.ends_with("f3.txt") {
                println!("\nstopped");
                loop {
                    std::thread::park();
                }
            }
        },
    );
}

/// What was loaded before a kill stays, and the next run loads the rest and no more.
#[test]
fn a_load_that_was_killed_is_taken_up() {
    use std::io::{BufRead as _, BufReader};
    use std::process::Stdio;
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "loads_two_parts_and_is_killed", "--nocapture"])
        .env("CASEBOOK_TEST_PARTS", folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let stopped = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .any(|l| l.unwrap() == "stopped");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(stopped, "the child ended by itself");
    let catalog = Catalog::open(folder.path()).unwrap();
    let parts = |catalog: &Catalog| {
        let mut parts: Vec<String> = catalog
            .editions()
            .unwrap()
            .into_iter()
            .filter(|e| e.kind == casebook_releases::Kind::Ptp)
            .map(|e| e.part)
            .collect();
        parts.sort();
        parts
    };
    assert_eq!(parts(&catalog), ["f1", "f2"]);
    let options = Options {
        today: "2026-11-25".parse().unwrap(),
        ..Options::default()
    };
    let done = ingest(
        &catalog,
        &[fixtures().join("releases")],
        &options,
        folder.path(),
        &|_, _| (),
    );
    for ingested in &done {
        let before = ingested.path.contains("-f1.") || ingested.path.contains("-f2.");
        if before {
            assert!(matches!(ingested.fate, Fate::Present(_)), "{ingested:?}");
        }
        if ingested.path.contains("-f3.") || ingested.path.contains("-f4.") {
            assert!(matches!(ingested.fate, Fate::Loaded(..)), "{ingested:?}");
        }
    }
    assert_eq!(parts(&catalog), ["f1", "f2", "f3", "f4"]);
}

/// Our small files of every format, as they are loaded.
fn every_fixture() -> Vec<(String, Vec<u8>)> {
    let releases = fixtures().join("releases");
    let mut files = Vec::new();
    for folder in [releases.clone(), releases.join("mcd")] {
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                files.push((name, fs_err::read(path).unwrap()));
            }
        }
    }
    let tabular = fs_err::read(fixtures().join("tabular.xml")).unwrap();
    files.push(("tabular.xml".to_owned(), tabular));
    files.push(("guidelines.pdf".to_owned(), pdfs::guidelines()));
    files.push(("mue_practitioner.xlsx".to_owned(), workbook(MUE, "")));
    files.sort();
    files
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    /// Whatever is done to a file of whatever format, it is loaded, passed over or refused, and refused it leaves nothing.
    #[test]
    fn any_damage_is_loaded_or_refused(
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        with in prop::collection::vec(any::<u8>(), 0..6),
        cut in any::<bool>(),
    ) {
        let files = every_fixture();
        let (name, mut bytes) = which.get(&files).clone();
        let at = at.index(bytes.len());
        if cut {
            bytes.truncate(at);
        }
        let end = bytes.len().min(at + with.len());
        bytes.splice(at.min(end)..end, with);
        let loaded = Loaded::empty();
        for (path, fate) in loaded.load(&name, &bytes) {
            if let Fate::Refused(why) = fate {
                prop_assert!(why.contains(&name), "{path}: {why}");
                loaded.is_as_before();
            }
        }
    }
}
