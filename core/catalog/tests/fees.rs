//! HCPCS, the fee schedule and licensed text in the catalog: small files of our own, and the real ones.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are not test functions, which may unwrap"
)]

use std::io::Read as _;
use std::path::PathBuf;

use casebook_catalog::fee::{Amount, Indices, fee};
use casebook_catalog::licensed::{CPT, Licence};
use casebook_catalog::localities::{Locality, search};
use casebook_catalog::{Catalog, CatalogError, Edition, Outcome, Report, fees, hcpcs, licensed};
use casebook_releases::gpci::GpciRow;
use casebook_releases::hcpcs::HcpcsRow;
use casebook_releases::opps_cap::OppsCapRow;
use casebook_releases::recognise::recognise;
use casebook_releases::relative_values::RelativeValue;
use casebook_releases::{Member, ReadError};
use chrono::NaiveDate;
use rust_decimal::Decimal;

fn open() -> (tempfile::TempDir, Catalog) {
    let dir = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(dir.path()).unwrap();
    (dir, catalog)
}

fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

fn figure(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// Loads a file as it is recognised, under a licence where one is given.
fn load(
    catalog: &Catalog,
    member: &Member,
    licence: Option<i64>,
) -> Result<(i64, Report), CatalogError> {
    let found = recognise(member).unwrap();
    let edition = Edition {
        id: 0,
        kind: found.kind,
        setting: None,
        source: found.kind.source().to_owned(),
        edition: found.edition.clone().unwrap_or_default(),
        effective: found.effective.unwrap_or(day(2026, 1, 1)),
        through: found.through,
        part: found.part.clone(),
        url: String::new(),
        file: member.path.clone(),
        sha256: member.sha256.clone(),
        rows: 0,
    };
    let mut report = Report::default();
    let outcome = catalog.load(&edition, |loading| {
        report = match found.kind.as_str() {
            "cpt" | "cpt_modifiers" => {
                licensed::load(loading, member, &found, licence.unwrap_or(0))?
            }
            kind if kind.starts_with("hcpcs") => hcpcs::load(loading, member, &found)?,
            _ => fees::load(loading, member, &found)?,
        };
        Ok(())
    })?;
    match outcome {
        Outcome::Loaded(edition) | Outcome::Present(edition) => Ok((edition.id, report)),
    }
}

fn file(name: &str, text: &str) -> Member {
    Member::from_bytes(name, text.as_bytes())
}

const HCPCS: &str = "HCPC,SEQNUM,RECID,LONG DESCRIPTION,SHORT DESCRIPTION,PRICE1,PRICE2,PRICE3,PRICE4,MULT_PI,CIM1,CIM2,CIM3,MCM1,MCM2,MCM3,STATUTE,LABCERT1,LABCERT2,LABCERT3,LABCERT4,LABCERT5,LABCERT6,LABCERT7,LABCERT8,XREF1,XREF2,XREF3,XREF4,XREF5,COV,ASC_GRP,ASC_DT,OPPS,OPPS_PI,OPPS_DT,PROCNOTE,BETOS,TOS1,TOS2,TOS3,TOS4,TOS5,ANEST_BU,ADD DT,ACT EFF DT,TERM DT,ACTION CD\n\
ZZ,,7,Our modifier,Ours,,,,,,,,,3350.5,,,,,,,,,,,,QM,,,,,D,,,,,,0069,,,,,,,,20020701,20020701,,N\n\
A9001,,3,A thing of ours,Thing,32,51,,,A,65-7,,,2079,2100,,1861(n),400,630,,,,,,,A9002,,,,,D,YY,20080101,,,,0001,D1E,A,P,,,,3,19820101,19960101,,N\n\
A9002,,3,An ended thing of ours,Ended,00,,,,9,,,,,,,,,,,,,,,,,,,,,I,,,,,,,Z2,9,,,,,0,20160101,20260701,20260630,D\n\
A9003,,3,A thing that ends in the quarter,Ends,00,,,,9,,,,,,,,,,,,,,,,,,,,,I,,,,,,,Z2,9,,,,,0,20160101,20261116,20261115,D\n\
99999,,3,MARKER,MARKER,00,,,,9,,,,,,,,,,,,,,,,,,,,,I,,,,,,,Z2,9,,,,,0,20160101,20180101,,N\n";

#[test]
fn hcpcs_comes_back_as_it_was_read() {
    let (dir, catalog) = open();
    let member = file("HCPC2026_OCT_ANWEB.csv", HCPCS);
    let (id, report) = load(&catalog, &member, None).unwrap();
    assert_eq!(report.warnings, ["1 numeric (CPT) rows refused"]);
    assert_eq!(catalog.editions().unwrap()[0].rows, 4);
    let mut read: Vec<HcpcsRow> = Vec::new();
    casebook_releases::hcpcs::read::<ReadError>(&member, &mut |row| {
        read.push(row);
        Ok(())
    })
    .unwrap();
    for row in &read {
        let stored = if row.modifier {
            catalog.hcpcs_modifier(id, &row.code)
        } else {
            catalog.hcpcs(id, &row.code)
        };
        assert_eq!(stored.unwrap().as_ref(), Some(row));
    }
    assert_eq!(catalog.hcpcs_modifiers(id).unwrap().len(), 1);
    let entry = |code: &str| catalog.entry(id, code).unwrap().unwrap();
    assert_eq!(entry("A9001").title, "A thing of ours");
    assert!(entry("A9001").billable);
    assert!(!entry("A9002").billable, "it ended before the quarter");
    assert!(entry("A9003").billable, "it ends within the quarter");
    assert_eq!(catalog.entry(id, "99999").unwrap(), None);
    assert!(!everything(dir.path()).contains("MARKER"));
}

#[test]
fn notes_and_noc_codes() {
    let (_dir, catalog) = open();
    let notes = file(
        "proc_notes_APR2026.txt",
        "   PROCESSING NOTES\n  0001--OURS,   *\n    GOES ON. *\n",
    );
    let (id, _) = load(&catalog, &notes, None).unwrap();
    assert_eq!(
        catalog.hcpcs_note(id, "0001").unwrap().as_deref(),
        Some("OURS, GOES ON.")
    );
    let noc = file(
        "n.prn",
        "  NOC CODES - HCPCS 2026\n\n  HCPCS  LONG DESCRIPTION          ADD DATE  TERM DATE\n  A9999  Ours, miscellaneous       20040101\n",
    );
    let (id, _) = load(&catalog, &noc, None).unwrap();
    assert_eq!(
        catalog.hcpcs_noc(id, "A9999").unwrap().unwrap().added,
        Some(day(2004, 1, 1))
    );
    assert_eq!(catalog.hcpcs_noc(id, "A9001").unwrap(), None);
}

#[test]
fn a_bad_row_leaves_nothing() {
    let (_dir, catalog) = open();
    let broken = HCPCS.replace("20261115", "20261131");
    let said = load(&catalog, &file("HCPC2026_OCT.csv", &broken), None).unwrap_err();
    assert!(
        said.to_string().contains("line 5: \"20261131\" is no date"),
        "{said}"
    );
    assert!(catalog.editions().unwrap().is_empty());
    assert_eq!(catalog.hcpcs(1, "A9001").unwrap(), None);
}

// The fee.

/// A row with the figures that count; the rest as the file prints where it does not apply.
fn value(status: char, work: &str, pe: &str, pe_facility: &str, mp: &str) -> RelativeValue {
    let zero = Decimal::ZERO;
    let (work, pe_non_facility, pe_facility, mp) =
        (figure(work), figure(pe), figure(pe_facility), figure(mp));
    RelativeValue {
        code: "99213".into(),
        modifier: String::new(),
        status,
        not_used: false,
        work,
        pe_non_facility,
        na_non_facility: false,
        pe_facility,
        na_facility: false,
        mp,
        total_non_facility: work + pe_non_facility + mp,
        total_facility: work + pe_facility + mp,
        pctc: "0".into(),
        global: "XXX".into(),
        pre: zero,
        intra: zero,
        post: zero,
        multiple: "0".into(),
        bilateral: "0".into(),
        assistant: "0".into(),
        co_surgeons: "0".into(),
        team: "0".into(),
        pricing: String::new(),
        endoscopic_base: String::new(),
        conversion_factor: figure("32.3465"),
        supervision: "09".into(),
        calculation_flag: "0".into(),
        imaging_family: "99".into(),
        opps_pe_non_facility: zero,
        opps_pe_facility: zero,
        opps_mp: zero,
    }
}

#[test]
fn the_fee_shows_its_arithmetic() {
    let visit = value('A', "1.30", "1.35", "0.57", "0.10");
    // National: 2.75 x 32.3465 = 88.952875, and 1.97 x 32.3465 = 63.722605.
    let national = fee(&visit, &Indices::national(), None);
    assert_eq!(national.non_facility.dollars(), Some(figure("88.95")));
    assert_eq!(national.facility.dollars(), Some(figure("63.72")));
    let indices = Indices {
        work: figure("1.064"),
        pe: figure("1.162"),
        mp: figure("1.586"),
    };
    let Amount::Paid {
        amount,
        capped,
        steps,
    } = fee(&visit, &indices, None).non_facility
    else {
        panic!("no fee");
    };
    assert_eq!((amount, capped), (figure("100.61"), false));
    assert_eq!(
        steps,
        [
            "work: 1.30 x 1.064 = 1.3832",
            "practice expense: 1.35 x 1.162 = 1.5687",
            "malpractice: 0.10 x 1.586 = 0.1586",
            "(3.1105) x 32.3465 = 100.61378825, rounded $100.61",
        ]
    );
}

#[test]
fn half_a_cent_goes_up_once_at_the_end() {
    let mut row = value('A', "1.00", "0.00", "0.00", "0.00");
    row.conversion_factor = figure("10.125");
    assert_eq!(
        fee(&row, &Indices::national(), None).facility.dollars(),
        Some(figure("10.13"))
    );
    // Rounded apart, each part would have gone up: 0.335 + 0.335 + 0.33 = 1.00 and not 1.01.
    let mut row = value('A', "0.335", "0.335", "0.335", "0.33");
    row.conversion_factor = figure("1");
    assert_eq!(
        fee(&row, &Indices::national(), None).facility.dollars(),
        Some(figure("1.00"))
    );
}

#[test]
fn what_has_no_fee_says_why() {
    for (status, says) in [
        ('B', "bundled"),
        ('C', "priced by the contractor"),
        ('E', "excluded from the fee schedule"),
        ('I', "not valid for Medicare"),
        ('J', "base units and time"),
        ('M', "measuring performance"),
        ('N', "not covered"),
        ('P', "bundled, or excluded"),
        ('X', "by statute"),
        ('Z', "not known"),
    ] {
        let fee = fee(
            &value(status, "1", "1", "1", "1"),
            &Indices::national(),
            None,
        );
        for amount in [&fee.non_facility, &fee.facility] {
            let Amount::None(reason) = amount else {
                panic!("{status} has a fee");
            };
            assert!(reason.contains(says), "{status}: {reason}");
        }
    }
    let empty = fee(&value('R', "0", "0", "0", "0"), &Indices::national(), None);
    assert!(matches!(&empty.facility, Amount::None(r) if r.contains("no relative values")));
    let mut unused = value('R', "1", "1", "1", "1");
    unused.not_used = true;
    let unused = fee(&unused, &Indices::national(), None);
    assert!(matches!(&unused.facility, Amount::None(r) if r.contains("not used for Medicare")));
    let mut inside = value('A', "1", "1", "1", "1");
    inside.na_non_facility = true;
    let inside = fee(&inside, &Indices::national(), None);
    assert!(matches!(&inside.non_facility, Amount::None(r) if r.contains("NA")));
    assert!(inside.facility.dollars().is_some());
    let mut outside = value('A', "1", "1", "1", "1");
    outside.na_facility = true;
    let outside = fee(&outside, &Indices::national(), None);
    assert!(outside.facility.dollars().is_none() && outside.non_facility.dollars().is_some());
}

#[test]
fn the_lower_of_fee_and_cap_is_paid() {
    let row = value('A', "0.00", "2.04", "2.04", "0.01");
    let cap = |amount: &str| OppsCapRow {
        code: "70450".into(),
        modifier: "TC".into(),
        status: "A".into(),
        contractor: "13202".into(),
        locality: "01".into(),
        facility: figure(amount),
        non_facility: figure(amount),
    };
    let low = fee(&row, &Indices::national(), Some(&cap("50.5")));
    assert!(
        matches!(&low.non_facility, Amount::Paid { amount, capped: true, .. } if amount.to_string() == "50.50")
    );
    let high = fee(&row, &Indices::national(), Some(&cap("99.00")));
    assert_eq!(high.non_facility.dollars(), Some(figure("66.31")));
}

// Localities.

fn place(contractor: &str, state: &str, locality: &str, name: &str, counties: &str) -> Locality {
    Locality {
        index: GpciRow {
            contractor: contractor.into(),
            state: state.into(),
            locality: locality.into(),
            name: name.into(),
            work: Decimal::ONE,
            pe: Decimal::ONE,
            mp: Decimal::ONE,
            note: String::new(),
        },
        counties: counties.into(),
        area: String::new(),
    }
}

#[test]
fn places_are_found_by_number_name_county_and_state() {
    let all = vec![
        place("13202", "NY", "01", "MANHATTAN", "NEW YORK"),
        place(
            "13202",
            "NY",
            "02",
            "NYC SUBURBS/LONG ISLAND",
            "BRONX, KINGS AND NASSAU",
        ),
        place(
            "13282",
            "NY",
            "99",
            "REST OF NEW YORK",
            "ALL OTHER COUNTIES",
        ),
        place(
            "01182",
            "CA",
            "18",
            "LOS ANGELES-LONG BEACH (LOS ANGELES/ORANGE CNTY)",
            "LOS ANGELES /ORANGE CNTY",
        ),
        place("01112", "CA", "57", "HANFORD-CORCORAN", "KINGS"),
        place(
            "11302",
            "VA",
            "00",
            "VIRGINIA",
            "ALL COUNTIES, EXCEPT ARLINGTON, FAIRFAX",
        ),
        place("11402", "WV", "16", "WEST VIRGINIA", "ALL COUNTIES"),
        place(
            "12202",
            "DC",
            "01",
            "DC + MD/VA SUBURBS",
            "DISTRICT OF COLUMBIA; ARLINGTON, FAIRFAX CITY IN VIRGINIA",
        ),
    ];
    for (asked, expected) in [
        ("Manhattan", "MANHATTAN"),
        ("manhattan, ny", "MANHATTAN"),
        (
            "los angeles",
            "LOS ANGELES-LONG BEACH (LOS ANGELES/ORANGE CNTY)",
        ),
        (
            "Orange County",
            "LOS ANGELES-LONG BEACH (LOS ANGELES/ORANGE CNTY)",
        ),
        (
            "Los Angeles, California",
            "LOS ANGELES-LONG BEACH (LOS ANGELES/ORANGE CNTY)",
        ),
        ("13202 1", "MANHATTAN"),
        ("13202-01", "MANHATTAN"),
        ("1320201", "MANHATTAN"),
        (
            "locality 18",
            "LOS ANGELES-LONG BEACH (LOS ANGELES/ORANGE CNTY)",
        ),
        ("NY 99", "REST OF NEW YORK"),
        ("kings|01112", "HANFORD-CORCORAN"),
        ("kings|13202", "NYC SUBURBS/LONG ISLAND"),
        ("Virginia", "VIRGINIA"),
        ("west virginia", "WEST VIRGINIA"),
        ("Arlington", "DC + MD/VA SUBURBS"),
        ("va", "VIRGINIA"),
    ] {
        let names: Vec<String> = search(all.clone(), asked)
            .into_iter()
            .map(|l| l.index.name)
            .collect();
        assert_eq!(names, [expected], "{asked}");
    }
    let several = |asked: &str| search(all.clone(), asked).len();
    assert_eq!(several("kings"), 2);
    assert_eq!(several("1"), 2);
    let york: Vec<String> = search(all.clone(), "new york")
        .into_iter()
        .map(|l| l.index.name)
        .collect();
    assert_eq!(
        york,
        ["MANHATTAN", "REST OF NEW YORK", "NYC SUBURBS/LONG ISLAND"]
    );
    assert_eq!(
        several("Gotham") + several("") + several("county") + several("123456789"),
        0
    );
}

// Licensed text.

const OURS: &str = "our own words for this code, MARKER, long enough to be no medium text at all";

fn licensed_file() -> String {
    let mut text = "CPT 2026, a test of ours, copyright 2025\n".to_owned();
    for n in 0..3_000 {
        text.push_str(&format!("{:05}\t{OURS} {n} end\n", 99_999 - n));
    }
    text
}

/// All bytes of the catalog's files, as text.
fn everything(folder: &std::path::Path) -> String {
    let mut all = String::new();
    for entry in fs_err::read_dir(folder).unwrap() {
        let bytes = fs_err::read(entry.unwrap().path()).unwrap();
        all.push_str(&String::from_utf8_lossy(&bytes));
    }
    all
}

#[test]
fn licensed_text_needs_a_licence_and_goes_without_a_trace() {
    let (dir, catalog) = open();
    let member = file("LONGULT.txt", &licensed_file());
    let refused = load(&catalog, &member, None).unwrap_err();
    assert!(
        matches!(&refused, CatalogError::Licence { .. }),
        "{refused}"
    );
    assert!(!refused.to_string().contains("MARKER"));
    assert!(catalog.editions().unwrap().is_empty());
    assert_eq!(catalog.licence(CPT).unwrap(), None);

    let mut licence = Licence {
        id: 0,
        what: CPT.into(),
        holder: "  ".into(),
        acknowledged: day(2026, 11, 25),
        statement: "I hold a licence".into(),
    };
    assert!(
        catalog.record_licence(&licence).is_err(),
        "nobody's licence"
    );
    licence.holder = "A Person of Ours".into();
    licence.id = catalog.record_licence(&licence).unwrap();
    assert_eq!(catalog.licence(CPT).unwrap().as_ref(), Some(&licence));
    let (id, _) = load(&catalog, &member, Some(licence.id)).unwrap();
    let modifiers: String = ["22", "25", "26", "59", "51"]
        .iter()
        .map(|m| format!("{m}\tour own words for it, MARKER\n"))
        .collect();
    let (other, report) = load(&catalog, &file("m.txt", &modifiers), Some(licence.id)).unwrap();
    assert_eq!(report.warnings.len(), 1, "no year of copyright");
    assert_eq!(
        catalog.cpt_text(id, "99999").unwrap(),
        Some(format!("{OURS} 0 end"))
    );
    assert_eq!(catalog.cpt_text(id, "00000").unwrap(), None);
    assert!(
        catalog
            .cpt_modifier(other, "25")
            .unwrap()
            .unwrap()
            .contains("MARKER")
    );
    assert!(
        catalog
            .cpt_notice(id)
            .unwrap()
            .starts_with("CPT copyright 2025 American")
    );
    assert!(
        catalog
            .cpt_notice(other)
            .unwrap()
            .starts_with("CPT copyright American")
    );

    // Something else stays, and an open second catalog does not hold the text back.
    load(&catalog, &file("HCPC2026_OCT.csv", HCPCS), None).unwrap();
    let second = Catalog::open(dir.path()).unwrap();
    assert!(second.cpt_text(id, "99999").unwrap().is_some());
    assert!(everything(dir.path()).contains("MARKER"));
    assert_eq!(catalog.remove_licensed().unwrap(), 2);
    assert!(!everything(dir.path()).contains("MARKER"));
    assert!(!everything(dir.path()).contains("A Person of Ours"));
    assert_eq!(second.cpt_text(id, "99999").unwrap(), None);
    assert_eq!(catalog.licence(CPT).unwrap(), None);
    let left = catalog.editions().unwrap();
    assert_eq!(left.len(), 1);
    assert!(catalog.hcpcs(left[0].id, "A9001").unwrap().is_some());
    assert_eq!(catalog.remove_licensed().unwrap(), 0);
}

// The real files.

fn shared(name: &str) -> Option<Member> {
    let folder = std::env::var_os("CASEBOOK_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let path = folder.join("data").join(name);
    let Ok(bytes) = fs_err::read(&path) else {
        eprintln!("skipped: {} is not there", path.display());
        return None;
    };
    let name = name.rsplit('/').next().unwrap();
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
fn real_fees() {
    let Some(values) = shared("rvu/PPRRVU2025_Oct.no-descriptions.csv.gz") else {
        return;
    };
    let Some(indices) = shared("rvu/GPCI2025.csv") else {
        return;
    };
    let Some(counties) = shared("rvu/25LOCCO.csv") else {
        return;
    };
    let Some(factors) = shared("rvu/ANES2025.csv") else {
        return;
    };
    let (dir, catalog) = open();
    let (values, report) = load(&catalog, &values, None).unwrap();
    assert_eq!(report, Report::default());
    let (indices, _) = load(&catalog, &indices, None).unwrap();
    let (counties, _) = load(&catalog, &counties, None).unwrap();
    let (factors, _) = load(&catalog, &factors, None).unwrap();
    let editions = catalog.editions().unwrap();
    let rows = |id: i64| editions.iter().find(|e| e.id == id).unwrap().rows;
    assert_eq!(
        (rows(values), rows(indices), rows(factors)),
        (19_090, 109, 109)
    );
    assert!(
        !everything(dir.path()).contains("Hearing service"),
        "a description was kept"
    );

    let visit = catalog.relative_values(values, "99213").unwrap().remove(0);
    let national = fee(&visit, &Indices::national(), None);
    assert_eq!(national.non_facility.dollars(), Some(figure("88.95")));
    assert_eq!(national.facility.dollars(), Some(figure("63.72")));
    let scan = catalog.relative_values(values, "70450").unwrap();
    let modifiers: Vec<&str> = scan.iter().map(|r| r.modifier.as_str()).collect();
    assert_eq!(modifiers, ["", "26", "TC"]);
    assert!(matches!(
        fee(&scan[2], &Indices::national(), None).facility,
        Amount::None(_)
    ));

    let found = |asked: &str| catalog.localities(indices, Some(counties), asked).unwrap();
    let manhattan = found("Manhattan");
    assert_eq!(manhattan.len(), 1);
    assert_eq!(
        (
            manhattan[0].index.contractor.as_str(),
            manhattan[0].index.locality.as_str()
        ),
        ("13202", "01")
    );
    // (1.30 x work + 1.35 x pe + 0.10 x mp) x 32.3465, by hand from the file's indices.
    let index = &manhattan[0].index;
    let by_hand =
        (figure("1.30") * index.work + figure("1.35") * index.pe + figure("0.10") * index.mp)
            * figure("32.3465");
    let paid = fee(&visit, &Indices::from(index), None)
        .non_facility
        .dollars()
        .unwrap();
    assert!(
        (paid - by_hand).abs() <= figure("0.005"),
        "{paid} {by_hand}"
    );
    let angeles = found("los angeles");
    assert_eq!(angeles.len(), 1);
    assert_eq!(angeles[0].index.locality, "18");
    assert_eq!(found("NY").len(), 5);
    assert_eq!(found("Bronx")[0].index.locality, "02");
    assert_eq!(found("Queens").len(), 1);
    assert_eq!(found("Arlington").len(), 1);
    assert_eq!(found("Miami Florida").len(), 1);
    assert_eq!(found("Texas").len(), 8);
    assert!(found("kings").len() > 1);
    let national = catalog.anesthesia_factor(factors, "", "").unwrap().unwrap();
    assert_eq!(national.factor, figure("20.3178"));
    let factor = catalog
        .anesthesia_factor(factors, "13202", "01")
        .unwrap()
        .unwrap();
    assert_eq!(factor.name, "MANHATTAN");
}

#[test]
fn real_hcpcs() {
    let Some(folder) = shared("hcpcs/2019-Alpha-Numeric-HCPCS-File.zip") else {
        return;
    };
    let temporary = tempfile::tempdir().unwrap();
    let zip = temporary.path().join("a.zip");
    fs_err::write(&zip, folder.read(1 << 30).unwrap()).unwrap();
    let (_dir, catalog) = open();
    let mut loaded = Vec::new();
    let limits = casebook_releases::archive::Limits::default();
    casebook_releases::archive::walk::<CatalogError>(
        &zip,
        temporary.path(),
        &limits,
        &mut |member| {
            if recognise(&member).is_some() && !member.name().ends_with("xlsx") {
                loaded.push(load(&catalog, &member, None)?.0);
            }
            Ok(())
        },
    )
    .unwrap();
    let (codes, notes) = (loaded[0], loaded[1]);
    assert_eq!(
        catalog
            .editions()
            .unwrap()
            .iter()
            .find(|e| e.id == codes)
            .unwrap()
            .rows,
        6_800
    );
    let bedside = catalog.hcpcs(codes, "A4357").unwrap().unwrap();
    assert_eq!(
        (bedside.pricing[0].as_str(), bedside.coverage.as_str()),
        ("37", "D")
    );
    assert!(!catalog.entry(codes, "G0503").unwrap().unwrap().billable);
    assert_eq!(catalog.hcpcs_modifiers(codes).unwrap().len(), 360);
    let anesthesiologist = catalog.hcpcs_modifier(codes, "AA").unwrap().unwrap();
    assert_eq!(anesthesiologist.mcm, ["3350.5"]);
    let with_note = catalog.hcpcs_modifier(codes, "AM").unwrap().unwrap();
    assert!(
        catalog
            .hcpcs_note(notes, &with_note.note)
            .unwrap()
            .is_some()
    );
}
