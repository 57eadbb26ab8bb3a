//! Documents of every form: ours in every detail, the real guidelines by their known sections.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are not test functions, which may unwrap"
)]

mod pdfs;

use std::path::PathBuf;

use casebook_releases::document::{self, Document, LONGEST, Passage};
use casebook_releases::recognise::recognise;
use casebook_releases::{Found, Kind, Member, manual, pdf};
use chrono::NaiveDate;
use pdfs::Page;
use proptest::prelude::*;

fn member(bytes: Vec<u8>) -> Member {
    Member::from_bytes("ours.pdf", bytes)
}

fn load(member: &Member) -> (Found, Document) {
    let found = recognise(member).unwrap();
    let document = match found.kind {
        Kind::Document | Kind::Icd10cmAddenda => document::read(member),
        kind => manual::read(member, kind),
    };
    (found, document.unwrap())
}

fn at<'a>(document: &'a Document, locator: &str) -> Vec<&'a Passage> {
    document
        .passages
        .iter()
        .filter(|p| p.locator == locator)
        .collect()
}

#[test]
fn guidelines_become_passages_by_numbered_section() {
    let (found, document) = load(&member(pdfs::guidelines()));
    assert_eq!(found.kind, Kind::Icd10cmGuidelines);
    assert_eq!(found.edition.as_deref(), Some("FY2026"));
    assert_eq!(found.effective, NaiveDate::from_ymd_opt(2025, 10, 1));
    assert_eq!(found.through, NaiveDate::from_ymd_opt(2026, 9, 30));
    let headings: Vec<(&str, &str, u32)> = document
        .headings
        .iter()
        .map(|h| (h.locator.as_str(), h.text.as_str(), h.page.unwrap()))
        .collect();
    assert_eq!(
        headings,
        [
            (
                "Introduction",
                "ICD-10-CM Official Guidelines for Coding and Reporting",
                1
            ),
            ("I", "Rules", 3),
            ("I.A", "First rules", 3),
            (
                "I.A.1",
                "A rule with a long name that goes over two lines because it needs that many words for its name",
                3
            ),
            ("I.A.2", "Another rule", 3),
            ("I.A.2.a", "Its part", 3),
            ("I.A.2.a.1", "A part of its part", 3),
            ("I.A.2.a.1.a", "Below", 3),
            ("I.A.2.a.1.a.i", "Lowest", 3),
            ("I.B", "Second rules", 4),
            ("II", "More", 4),
            ("II.A", "Of them", 4),
            ("Appendix I", "Ours on admission", 5),
            ("Appendix I", "Introduction", 5),
        ]
    );
    let first = at(&document, "I.A");
    assert!(
        first[0].text.ends_with("as in ICD-10-CM, which stays."),
        "{first:?}"
    );
    assert!(!first[0].text.contains('\n'), "{first:?}");
    assert_eq!(
        at(&document, "I.A.1")[0].text,
        "The 7th character comes last. There are lists in the text:\n1. of items that are no rules,\n2. and of others."
    );
    let lowest = at(&document, "I.A.2.a.1.a.i")[0];
    assert_eq!((lowest.page, lowest.page_end), (Some(3), Some(4)));
    assert!(
        lowest.text.ends_with("because the sentence is long."),
        "{lowest:?}"
    );
    assert_eq!(
        at(&document, "II.A")[0].text,
        "As was said in Section I. Rules, they hold."
    );
    assert_eq!(at(&document, "Appendix I")[0].heading, "Introduction");
    let all: String = document.passages.iter().map(|p| p.text.as_str()).collect();
    assert!(!all.contains("....") && !all.contains("Page 3") && !all.contains("FY 2026\n"));
}

#[test]
fn procedure_guidelines_are_cited_by_letter_and_number() {
    let pages = [Page::new()
        .line(
            100.0,
            16.0,
            "ICD-10-PCS Official Guidelines for Coding and Reporting",
        )
        .line(100.0, 16.0, "2026")
        .gap(72.0, 12.0, "Some words before.")
        .gap(72.0, 14.0, "Conventions")
        .gap(72.0, 12.0, "A1")
        .line(
            72.0,
            12.0,
            "Codes have seven characters, as we say in words of our own.",
        )
        .gap(72.0, 12.0, "B3. Root things")
        .gap(72.0, 12.0, "Several procedures")
        .line(72.0, 12.0, "B3.2")
        .line(
            72.0,
            12.0,
            "Several are coded when they are several, which is the rule.",
        )
        .gap(
            72.0,
            12.0,
            "B3.10c Text beside its number is text of the rule.",
        )];
    let (found, document) = load(&member(pdfs::pdf(&pages)));
    assert_eq!(found.kind, Kind::Icd10pcsGuidelines);
    assert_eq!(found.edition.as_deref(), Some("FY2026"));
    assert_eq!(at(&document, "A1")[0].heading, "Conventions");
    assert!(at(&document, "A1")[0].text.starts_with("Codes have seven"));
    assert_eq!(at(&document, "B3.2")[0].heading, "Several procedures");
    assert!(at(&document, "B3.10c")[0].text.starts_with("Text beside"));
}

#[test]
fn a_chapter_of_the_manual_has_its_numeral_in_every_locator() {
    let foot = |page: Page, n: u32| {
        page.at(72.0, 740.0, 10.0, "Revision Date (Medicare): 1/1/2026")
            .at(300.0, 752.0, 10.0, &format!("IV-{n}"))
    };
    let pages = [
        foot(Page::new(), 1)
            .line(250.0, 12.0, "CHAPTER IV")
            .line(200.0, 12.0, "OUR SURGERY")
            .line(150.0, 12.0, "NATIONAL CORRECT CODING INITIATIVE POLICY MANUAL")
            .line(200.0, 12.0, "FOR MEDICARE SERVICES"),
        foot(Page::new(), 2)
            .line(72.0, 12.0, "Chapter IV")
            .gap(72.0, 12.0, "A. Introduction")
            .gap(72.0, 12.0, "The principles that we wrote for this test apply to every procedure that is in the test and to")
            .line(72.0, 12.0, "no other one.")
            .gap(72.0, 12.0, "B. Evaluation")
            .gap(90.0, 12.0, "1. The first rule of ours is that a rule has a number, by which it can be cited by anyone.")
            .gap(108.0, 12.0, "a. A part of it.")
            .gap(90.0, 12.0, "2. The second rule is shorter."),
        foot(Page::new(), 3).line(90.0, 12.0, "It ends here."),
    ];
    let (found, document) = load(&member(pdfs::pdf(&pages)));
    assert_eq!(
        (found.kind, found.part.as_str()),
        (Kind::NcciManual, "ch04")
    );
    assert_eq!(found.edition.as_deref(), Some("2026"));
    assert_eq!(found.effective, NaiveDate::from_ymd_opt(2026, 1, 1));
    assert_eq!(at(&document, "IV.A")[0].heading, "Introduction");
    let rule = at(&document, "IV.B.1")[0];
    assert_eq!((rule.heading.as_str(), rule.page), ("Evaluation", Some(2)));
    assert!(rule.text.starts_with("1. The first rule"));
    assert_eq!(at(&document, "IV.B.1.a")[0].text, "a. A part of it.");
    let last = at(&document, "IV.B.2")[0];
    assert_eq!((last.page, last.page_end), (Some(2), Some(3)));
    let all: String = document.passages.iter().map(|p| p.text.as_str()).collect();
    assert!(
        !all.contains("Revision Date") && !all.contains("IV-2"),
        "{all}"
    );
}

#[test]
fn any_other_pdf_has_the_path_of_its_headings() {
    let pages = [Page::new()
        .line(72.0, 20.0, "Our payer's rules")
        .gap(72.0, 16.0, "Claims")
        .gap(72.0, 12.0, "Claims are sent in time, and whoever sends them late is told so by a letter of some length.")
        .gap(72.0, 14.0, "Late ones")
        .gap(72.0, 12.0, "They are late.")];
    let (found, document) = load(&member(pdfs::pdf(&pages)));
    assert_eq!((found.kind, found.effective), (Kind::Document, None));
    assert_eq!(document.title.as_deref(), Some("Our payer's rules"));
    let file = Member::from_bytes("folder/a.zip!rules.pdf", Vec::new());
    assert_eq!(document::name(&document, &file), "Our payer's rules");
    assert_eq!(document::name(&Document::default(), &file), "rules.pdf");
    assert_eq!(
        at(&document, "Claims > Late ones")[0].text,
        "They are late."
    );
}

fn refused(bytes: Vec<u8>) -> String {
    let started = std::time::Instant::now();
    let said = document::read(&member(bytes)).unwrap_err().to_string();
    eprintln!("{:?}: {said}", started.elapsed());
    assert!(said.starts_with("ours.pdf"), "{said}");
    said
}

#[test]
fn pictures_of_pages_need_their_text_recognised_first() {
    let said = refused(pdfs::pdf(&[Page::new(), Page::new()]));
    assert!(
        said.contains("none of its 2 pages has text") && said.contains("OCR"),
        "{said}"
    );
}

#[test]
fn a_pdf_cut_in_its_middle_is_refused() {
    let whole = pdfs::guidelines();
    let said = refused(whole[..whole.len() / 2].to_vec());
    assert!(said.contains("download it"), "{said}");
    refused(whole[..20].to_vec());
}

#[test]
fn a_pdf_with_a_password_is_refused() {
    use pdf_extract::{EncryptionState, EncryptionVersion, Object, Permissions, StringFormat};
    let mut file = pdf_extract::Document::load_mem(&pdfs::guidelines()).unwrap();
    let id = Object::String(b"0123456789abcdef".to_vec(), StringFormat::Literal);
    file.trailer.set("ID", Object::Array(vec![id.clone(), id]));
    let version = EncryptionVersion::V2 {
        document: &file,
        owner_password: "owner",
        user_password: "user",
        key_length: 128,
        permissions: Permissions::all(),
    };
    let state = EncryptionState::try_from(version).unwrap();
    file.encrypt(&state).unwrap();
    let mut bytes = Vec::new();
    file.save_to(&mut bytes).unwrap();
    let said = refused(bytes);
    assert!(
        said.contains("encrypted") && said.contains("without a password"),
        "{said}"
    );
}

#[test]
fn a_structure_that_cannot_be_followed_is_an_error() {
    // Without a size of the page the library panics.
    let page = "/Resources << /Font << /F1 3 0 R >> >>";
    let said = refused(pdfs::pdf_with(
        &[Page::new().line(72.0, 12.0, "x")],
        page,
        &[],
    ));
    assert!(said.contains("damaged"), "{said}");
}

#[test]
fn forms_that_draw_themselves_and_pictures_are_no_text() {
    let form = |content: &str, resources: &str| {
        format!(
            "<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] {resources} /Length {} >>\nstream\n{content}\nendstream",
            content.len()
        )
    };
    let page = "/MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> /XObject << /A 6 0 R /B 7 0 R /C 8 0 R >> >>";
    let extra = [
        form("/A Do", "/Resources << /XObject << /A 6 0 R >> >>"),
        form("/B Do", ""),
        "<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /Length 9 >>\nstream\n(((/C Do \nendstream".to_owned(),
    ];
    let bytes = pdfs::pdf_with(
        &[Page::new().line(
            72.0,
            12.0,
            "Text beside them. ) Tj ET /A Do /B Do /C Do BT (",
        )],
        page,
        &extra,
    );
    // The page's text escapes its parentheses; the drawing is put in unescaped.
    let drawn = String::from_utf8(bytes)
        .unwrap()
        .replace(
            "\\) Tj ET /A Do /B Do /C Do BT \\(",
            ") Tj ET /A Do /B Do /C Do q BT (",
        )
        .into_bytes();
    let read = pdf::read(&member(drawn)).unwrap();
    assert!(read.lines[0].text.starts_with("Text beside them."));
}

#[test]
fn a_stream_that_unpacks_without_end_is_refused_in_bounded_memory() {
    use std::io::Write as _;
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![b' '; 1 << 20];
    for _ in 0..1100 {
        packed.write_all(&zeros).unwrap();
    }
    let packed = packed.finish().unwrap();
    let mut bytes = b"%PDF-1.4\n4 0 obj\n<< /Filter /FlateDecode >>\nstream\n".to_vec();
    bytes.extend(packed);
    bytes.extend(b"\nendstream\nendobj\n");
    assert!(refused(bytes).contains("unpacks to more than"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Damage anywhere gives text or an error, never a panic.
    #[test]
    fn damage_is_read_or_refused(at in 0usize..6000, with in proptest::collection::vec(any::<u8>(), 1..20)) {
        let mut bytes = pdfs::guidelines();
        let at = at % bytes.len();
        let end = (at + with.len()).min(bytes.len());
        bytes.splice(at..end, with);
        let _ = document::read(&member(bytes));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,2000}", name in "x\\.(md|txt|html)") {
        let member = Member::from_bytes(name, text.clone().into_bytes());
        if let Ok(document) = document::read(&member) {
            for p in &document.passages {
                prop_assert!(p.text.chars().count() <= LONGEST && !p.text.trim().is_empty());
            }
        }
    }

    /// What is said in plain paragraphs comes back, word for word.
    #[test]
    fn paragraphs_come_back(words in proptest::collection::vec("[a-z]{1,9}[.]?", 1..900), every in 3usize..200) {
        let text: String = words.chunks(every).map(|c| c.join(" ")).collect::<Vec<_>>().join("\n\n");
        let member = Member::from_bytes("x.txt", text.into_bytes());
        let document = document::read(&member).unwrap();
        let back: Vec<String> = document
            .passages
            .iter()
            .flat_map(|p| p.text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        prop_assert_eq!(back, words);
    }
}

fn shared(file: &str) -> Option<Member> {
    let root = std::env::var("CASEBOOK_SHARED").map_or_else(
        |_| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let path = root.join("data").join(file);
    match fs_err::read(&path) {
        Ok(bytes) => Some(Member::from_bytes(file, bytes)),
        Err(e) => {
            println!("skipped: {e}");
            None
        }
    }
}

#[test]
fn the_official_guidelines() {
    let Some(member) = shared("icd10cm/ICD-10-CM-October-2025-Guidelines.pdf") else {
        return;
    };
    let (found, document) = load(&member);
    assert_eq!(
        (found.kind, found.edition.as_deref()),
        (Kind::Icd10cmGuidelines, Some("FY2026"))
    );
    assert_eq!(found.through, NaiveDate::from_ymd_opt(2026, 9, 30));
    let locators: std::collections::BTreeSet<&str> = document
        .headings
        .iter()
        .map(|h| h.locator.as_str())
        .collect();
    assert_eq!((locators.len(), document.passages.len()), (493, 491));
    for (locator, words, page) in [
        ("I.A.19", "Clinical Criteria", 12),
        ("I.B.14", "Clinicians Other than the", 15),
        (
            "I.C.1.d.1.a.iv",
            "not clearly associated with the sepsis",
            23,
        ),
        ("I.C.1.d.4", "with a localized infection", 24),
        ("I.C.1.a.2.i", "HIV testing", 21),
        ("I.C.9.a.2", "Hypertensive Chronic Kidney", 50),
        ("I.C.21.c.17", "Social Determinants", 106),
        ("II.C", "for principal diagnosis", 108),
        ("III.B", "Abnormal findings", 111),
        ("IV.H", "Uncertain", 114),
        ("Appendix I", "Present on Admission", 116),
    ] {
        let heading = document
            .headings
            .iter()
            .find(|h| h.locator == locator)
            .unwrap();
        assert!(heading.text.contains(words), "{heading:?}");
        assert_eq!(heading.page, Some(page), "{heading:?}");
        assert!(!at(&document, locator).is_empty(), "{locator}");
    }
    // Every passage stands in the document, word for word, on the pages that it names.
    let pages = pdf::read(&member).unwrap();
    assert_eq!(pages.count, 121);
    let squeezed = |text: &str| text.split_whitespace().collect::<String>();
    for p in &document.passages {
        assert!(
            p.text.chars().count() <= LONGEST && !p.text.contains("....."),
            "{p:?}"
        );
        let (from, to) = (p.page.unwrap(), p.page_end.unwrap());
        let printed: String = (from..=to).map(|n| squeezed(&pages.page_text(n))).collect();
        assert!(printed.contains(&squeezed(&p.text)), "{p:?}");
    }
    // And every line of the document stands in a heading or a passage.
    let held: String = document
        .headings
        .iter()
        .map(|h| squeezed(&h.text))
        .chain(document.passages.iter().map(|p| squeezed(&p.text)))
        .collect();
    let missing = pages
        .lines
        .iter()
        .filter(|l| l.page > 6 && !held.contains(&squeezed(&l.text)))
        // A heading's line with its number, which is in the locator.
        .filter(|l| {
            !l.text
                .starts_with(|c: char| c.is_alphanumeric() || c == '(')
        })
        .count();
    assert_eq!(missing, 0);
}

#[test]
fn the_addenda_of_a_year() {
    let Some(member) = shared("icd10cm/icd10cm-addenda-2026.zip") else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("addenda.zip");
    fs_err::write(&path, member.read(u64::MAX).unwrap()).unwrap();
    let mut parts = Vec::new();
    casebook_releases::archive::walk::<casebook_releases::ReadError>(
        &path,
        directory.path(),
        &casebook_releases::archive::Limits::default(),
        &mut |inside| {
            let (found, document) = load(&inside);
            assert_eq!(
                (found.kind, found.edition.as_deref()),
                (Kind::Icd10cmAddenda, Some("FY2026"))
            );
            parts.push((found.part, document.passages.len()));
            Ok(())
        },
    )
    .unwrap();
    parts.sort();
    let names: Vec<&str> = parts.iter().map(|(p, _)| p.as_str()).collect();
    assert_eq!(
        names,
        ["drugs", "external", "index", "neoplasms", "tabular"]
    );
}

#[test]
fn the_list_of_the_coverage_database() {
    use casebook_releases::coverage::{self, Row};
    use std::io::Read as _;
    let Some(member) = shared("mcd/coverage_api_documents_2025-08.csv.gz") else {
        return;
    };
    let packed = member.read(u64::MAX).unwrap();
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(&packed[..])
        .read_to_end(&mut bytes)
        .unwrap();
    let member = Member::from_bytes("list.csv", bytes);
    let found = recognise(&member).unwrap();
    assert_eq!((found.kind, found.part.as_str()), (Kind::Lcd, "list"));
    let (mut lcds, mut articles, mut retired) = (0, 0, 0);
    coverage::read::<casebook_releases::ReadError>(&member, &mut |row| {
        let Row::Document(d) = row else {
            panic!("{row:?}")
        };
        assert!(
            d.effective.is_some() && d.url.starts_with("https://www.cms.gov/"),
            "{d:?}"
        );
        match d.version.kind {
            Kind::Lcd => lcds += 1,
            _ => articles += 1,
        }
        retired += u32::from(d.end.is_some());
        Ok(())
    })
    .unwrap();
    assert_eq!((lcds, articles, retired), (972, 2161, 94));
}
