//! Passages and coverage documents: loaded, found, and gone again.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are not test functions, which may unwrap"
)]

#[path = "../../releases/tests/pdfs/mod.rs"]
mod pdfs;

use casebook_catalog::coverage::{self, Wanted};
use casebook_catalog::{Catalog, Edition, Outcome, passages};
use casebook_releases::coverage::{Relation, Version};
use casebook_releases::recognise::recognise;
use casebook_releases::{Kind, Member, System};
use chrono::NaiveDate;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// Loads a member as ingesting does; what it was called when it failed.
fn load(catalog: &Catalog, member: &Member) -> Result<(i64, Vec<String>), String> {
    let found = recognise(member).unwrap();
    let edition = Edition {
        id: 0,
        kind: found.kind,
        setting: None,
        source: found.kind.source().to_owned(),
        edition: found.edition.clone().unwrap_or_else(|| "ours".to_owned()),
        effective: found.effective.unwrap_or_else(|| day("2025-08-01")),
        through: found.through,
        part: found.part.clone(),
        url: String::new(),
        file: member.path.clone(),
        sha256: member.sha256.clone(),
        rows: 0,
    };
    let mut warnings = Vec::new();
    let outcome = catalog
        .load(&edition, |loading| {
            let report = match found.kind {
                Kind::Lcd | Kind::Article | Kind::Ncd => coverage::load(loading, member, &found)?,
                _ => passages::load(loading, member, &found)?,
            };
            warnings = report.warnings;
            Ok(())
        })
        .map_err(|e| e.to_string())?;
    match outcome {
        Outcome::Loaded(e) | Outcome::Present(e) => Ok((e.id, warnings)),
    }
}

fn catalog() -> (tempfile::TempDir, Catalog) {
    let dir = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(dir.path()).unwrap();
    (dir, catalog)
}

#[test]
fn passages_are_found_by_locator_place_and_number() {
    let (_dir, catalog) = catalog();
    let member = Member::from_bytes("g.pdf", pdfs::guidelines());
    let (id, warnings) = load(&catalog, &member).unwrap();
    assert!(warnings.is_empty());
    let all = catalog.passages_from(id, 0, 100).unwrap();
    assert_eq!(catalog.editions().unwrap()[0].rows, all.len() as u64);
    let one = catalog.section(id, "I.A.2.a.1.a").unwrap();
    assert_eq!(one.len(), 1);
    assert_eq!(
        catalog.passage(id, one[0].ord).unwrap().as_ref(),
        Some(&one[0])
    );
    let below: Vec<String> = catalog
        .sections_below(id, "I", 100)
        .unwrap()
        .into_iter()
        .map(|s| s.passage.locator)
        .collect();
    assert!(below.contains(&"I.B".to_owned()));
    assert!(
        !below
            .iter()
            .any(|l| l.starts_with("II") || l == "Introduction"),
        "{below:?}"
    );
    let place: Vec<String> = catalog
        .headings(id, "I.A.2.a.1.a.i")
        .unwrap()
        .into_iter()
        .map(|h| h.text)
        .collect();
    assert_eq!(
        place,
        [
            "Rules",
            "First rules",
            "Another rule",
            "Its part",
            "A part of its part",
            "Below",
            "Lowest"
        ]
    );
    catalog.remove(id).unwrap();
    assert!(catalog.passages_from(id, 0, 100).unwrap().is_empty());
}

#[test]
fn a_document_of_the_operator_is_found_by_its_headings() {
    let (_dir, catalog) = catalog();
    let member = Member::from_bytes("rules.md", &b"# Our rules\n\nSend claims early.\n"[..]);
    let (id, _) = load(&catalog, &member).unwrap();
    assert_eq!(
        catalog.section(id, "Our rules").unwrap()[0].passage.text,
        "Send claims early."
    );
}

const TABLES: &[(&str, &str)] = &[
    (
        "all.zip!lcd.csv",
        "lcd_id,lcd_version,title,orig_det_eff_date,rev_eff_date,rev_end_date,indication,status,display_id\n\
         500,3,Our test,2015-10-01 00:00:00,2025-03-01 00:00:00,,<p>Needed when needed.</p>,A,L500\n\
         500,2,Our test,2015-10-01 00:00:00,2024-03-01 00:00:00,2025-02-28 00:00:00,<p>Needed at times.</p>,A,L500\n",
    ),
    (
        "all.zip!article.csv",
        "article_id,article_version,title,article_eff_date,article_end_date,description,status,display_id\n\
         900,7,Billing our test,2025-03-01 00:00:00,,\"<h3>Bill</h3>\n<p>Bill it so.</p>\",A,A900\n",
    ),
    (
        "all.zip!article_x_hcpc_code.csv",
        "article_id,article_version,hcpc_code_id,hcpc_code_group,long_description,short_description\n\
         900,7,99999,1,UNREAD,UNREAD\n900,7,A9999,2,,\n",
    ),
    (
        "all.zip!article_x_icd10_covered.csv",
        "article_id,article_version,icd10_code_id,icd10_covered_group,description\n\
         900,7,M54.50,1,x\n900,7,R07.9,2,x\n900,7,XX000,3,x\n",
    ),
    (
        "all.zip!article_x_icd10_noncovered.csv",
        "article_id,article_version,icd10_code_id,icd10_noncovered_group,description\n900,7,Z00.00,1,x\n",
    ),
    (
        "all.zip!article_x_icd10_covered_group.csv",
        "article_id,article_version,icd10_covered_group,paragraph,icd10_covered_ast\n\
         900,7,1,<p>For 99999:</p>,*only once\n",
    ),
    (
        "all.zip!article_related_documents.csv",
        "article_id,article_version,related_num,r_article_id,r_article_version,r_lcd_id,r_lcd_version\n900,7,1,,,500,2\n",
    ),
    (
        "all.zip!lcd_related_ncd_documents.csv",
        "lcd_id,lcd_version,related_num,r_ncd_id,r_ncd_version\n500,3,1,20,1\n",
    ),
    (
        "all.zip!ncd_trkg.csv",
        "NCD_id,NCD_vrsn_num,NCD_mnl_sect,NCD_mnl_sect_title,NCD_efctv_dt,NCD_trmntn_dt,itm_srvc_desc,indctn_lmtn\n\
         20,1,160.99,Our national test,2001-01-01,,,<p>Everywhere.</p>\n",
    ),
    (
        "all.zip!lcd_x_contractor.csv",
        "lcd_id,lcd_version,contractor_id,contractor_type_id,contractor_version\n500,3,8,2,1\n500,2,8,2,1\n",
    ),
    (
        "article.zip!article_x_contractor.csv",
        "article_id,article_version,article_type,contractor_id,contractor_type_id,contractor_version\n900,7,1,8,2,1\n",
    ),
    (
        "all.zip!contractor.csv",
        "contractor_id,contractor_type_id,contractor_version,contractor_bus_name,contractor_number\n8,2,1,Our Contractor,01234\n",
    ),
    (
        "all.zip!contractor_jurisdiction.csv",
        "contractor_id,contractor_type_id,contractor_version,state_id,active_date,term_date\n8,2,1,49,2020-01-01,\n8,2,1,50,2010-01-01,2019-12-31\n",
    ),
    (
        "all.zip!state_lookup.csv",
        "state_id,state_abbrev,description\n49,TX,Texas\n50,UT,Utah\n",
    ),
    (
        "list.csv",
        "contractor_name_type,document_display_id,document_id,document_type,document_version,effective_date,note,retirement_date,title,updated_on,updated_on_sort,url\n\
         \"Our Contractor\n(MAC - Part B)\",L500,500,LCD,3,03/01/2025,,N/A,Our test,03/01/2025,1,https://x\n\
         Other,A901,901,Article,1,03/01/2025,,04/01/2025,Other test,03/01/2025,1,https://x\n",
    ),
];

fn exported(catalog: &Catalog) -> Vec<i64> {
    TABLES
        .iter()
        .map(|(path, csv)| {
            load(catalog, &Member::from_bytes(*path, csv.as_bytes()))
                .unwrap()
                .0
        })
        .collect()
}

#[test]
fn whether_and_with_which_codes() {
    let (_dir, catalog) = catalog();
    let editions = exported(&catalog);
    let now = Wanted {
        on: Some(day("2025-08-01")),
        ..Wanted::default()
    };
    let found = catalog
        .coverage_of_code(
            &editions,
            System::Cpt,
            "99999",
            &Wanted {
                state: Some("tx"),
                ..now
            },
        )
        .unwrap();
    assert_eq!(found.len(), 1);
    let (article, code) = &found[0];
    assert_eq!((article.document.display.as_str(), code.group), ("A900", 1));
    assert_eq!(code.relation, Relation::Billed);
    let of = article.document.version;
    let codes: Vec<(Relation, i64, String)> = catalog
        .coverage_codes(&editions, of)
        .unwrap()
        .into_iter()
        .map(|c| (c.relation, c.group, c.code))
        .collect();
    assert_eq!(
        codes,
        [
            (Relation::Billed, 1, "99999".to_owned()),
            (Relation::Billed, 2, "A9999".to_owned()),
            (Relation::Covered, 1, "M5450".to_owned()),
            (Relation::Covered, 2, "R079".to_owned()),
            (Relation::Noncovered, 1, "Z0000".to_owned()),
        ]
    );
    let groups = catalog.coverage_groups(&editions, of).unwrap();
    assert_eq!(
        (groups[0].paragraph.as_str(), groups[0].asterisk.as_str()),
        ("For 99999:", "*only once")
    );
    let text = catalog.coverage_text(article).unwrap();
    assert_eq!(text[0].passage.text, "Bill it so.");
    assert_eq!(
        catalog
            .coverage_of_passage(text[0].edition, text[0].ord)
            .unwrap()
            .unwrap()
            .document
            .display,
        "A900"
    );
    // A diagnosis leads to the same article, another state to none.
    let by_diagnosis = catalog
        .coverage_of_code(&editions, System::Icd10cm, "R079", &now)
        .unwrap();
    assert_eq!(by_diagnosis[0].1.group, 2);
    let elsewhere = Wanted {
        state: Some("Utah"),
        ..now
    };
    assert!(
        catalog
            .coverage_of_code(&editions, System::Cpt, "99999", &elsewhere)
            .unwrap()
            .is_empty()
    );
    // Editions that are not asked for do not count.
    assert!(
        catalog
            .coverage_of_code(&editions[..1], System::Cpt, "99999", &now)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn determinations_and_articles_lead_to_each_other() {
    let (_dir, catalog) = catalog();
    let editions = exported(&catalog);
    let now = Wanted {
        on: Some(day("2025-08-01")),
        ..Wanted::default()
    };
    let versions = |wanted: &Wanted<'_>| -> Vec<i64> {
        let found = catalog
            .coverage_documents(&editions, "L500", wanted)
            .unwrap();
        coverage::distinct(found)
            .iter()
            .map(|c| c.document.version.version)
            .collect()
    };
    assert_eq!(versions(&Wanted::default()), [3, 2]);
    assert_eq!(versions(&now), [3]);
    assert_eq!(
        versions(&Wanted {
            on: Some(day("2025-02-28")),
            ..now
        }),
        [2]
    );
    assert_eq!(
        versions(&Wanted {
            contractor: Some("01234"),
            ..now
        }),
        [3]
    );
    assert_eq!(
        versions(&Wanted {
            contractor: Some("our contractor"),
            ..now
        }),
        [3]
    );
    assert!(
        versions(&Wanted {
            contractor: Some("another"),
            ..now
        })
        .is_empty()
    );
    let names = |kind, document, version| -> Vec<String> {
        let of = Version {
            kind,
            document,
            version,
        };
        let found = catalog.coverage_related(&editions, of, &now).unwrap();
        coverage::distinct(found)
            .into_iter()
            .map(|c| c.document.display)
            .collect()
    };
    // The article names version 2 of its determination: it is version 3's article too.
    assert_eq!(names(Kind::Lcd, 500, 3), ["A900", "160.99"]);
    assert_eq!(names(Kind::Article, 900, 7), ["L500"]);
    assert_eq!(names(Kind::Ncd, 20, 1), ["L500"]);
    let of = Version {
        kind: Kind::Lcd,
        document: 500,
        version: 3,
    };
    let where_ = catalog
        .coverage_jurisdictions(&editions, of, now.on)
        .unwrap();
    assert_eq!(where_.len(), 1, "Utah is over: {where_:?}");
    let before = catalog.coverage_jurisdictions(&editions, of, None).unwrap();
    assert_eq!(before.len(), 2);
    assert_eq!(
        (where_[0].number.as_str(), where_[0].state.as_str()),
        ("01234", "TX")
    );
    // A national determination holds in every state.
    let utah = Wanted {
        state: Some("UT"),
        ..now
    };
    assert_eq!(
        catalog
            .coverage_documents(&editions, "160.99", &utah)
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn nothing_of_a_damaged_table_stays() {
    let (_dir, catalog) = catalog();
    let twice = "article_id,article_version,title,article_eff_date,description,status,display_id\n\
        900,7,Ours,2025-03-01,<p>Text.</p>,A,A900\n900,7,Ours,2025-03-01,<p>Text.</p>,A,A900\n";
    let said = load(
        &catalog,
        &Member::from_bytes("article.csv", twice.as_bytes()),
    )
    .unwrap_err();
    assert!(said.contains("row 2") && said.contains("twice"), "{said}");
    let cut = &twice[..twice.len() - 30];
    assert!(load(&catalog, &Member::from_bytes("article.csv", cut.as_bytes())).is_err());
    assert!(catalog.editions().unwrap().is_empty());
}

/// The AMA's descriptors lie in columns that are not read: no byte of them may reach the file.
#[test]
fn descriptors_are_not_stored() {
    let (dir, catalog) = catalog();
    exported(&catalog);
    drop(catalog);
    for file in fs_err::read_dir(dir.path()).unwrap() {
        let bytes = fs_err::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(6).any(|w| w == b"UNREAD"));
    }
}

/// What `casebook fetch coverage-api` saves is loaded as it is.
#[test]
fn a_list_saved_from_the_api() {
    let (_dir, catalog) = catalog();
    let list = r#"{"meta":{"status":{"id":200,"message":"OK"}},"data":[{"document_id":700,"document_version":2,
        "document_display_id":"L700","document_type":"LCD","title":"Our listed test","contractor_name_type":"Our\nContractor",
        "effective_date":"03/01/2025","retirement_date":"N/A","url":"https://x"}]}"#;
    let member = Member::from_bytes("local-coverage-final-lcds-2026-11-25.json", list.as_bytes());
    let found = recognise(&member).unwrap();
    assert_eq!(
        (found.kind, found.part.as_str()),
        (Kind::Lcd, casebook_releases::coverage::LISTED)
    );
    let (id, _) = load(&catalog, &member).unwrap();
    let titles = catalog.coverage_titles(id).unwrap();
    assert_eq!(titles.len(), 1);
    assert_eq!(titles[0].document.title, "Our listed test");
    let broken = Member::from_bytes(
        "x.json",
        list.replace("\"title\":", "\"name\":").into_bytes(),
    );
    assert!(load(&catalog, &broken).unwrap_err().contains("x.json"));
}
