//! The check between codes, from made-up facts.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are not test functions, which may unwrap"
)]

use std::collections::BTreeSet;

use casebook_catalog::Edition;
use casebook_catalog::check::{
    ASSOCIATED, Checked, Claim, Facts, Line, PairFinding, Standing, Verdict, check,
};
use casebook_catalog::ncci::{AddOnEdit, MueValue, PtpEdit, PtpPart};
use casebook_releases::ncci::addon::{AddOn, AddOnType, CONTRACTOR_DEFINED};
use casebook_releases::ncci::mue::{Adjudication, Mue};
use casebook_releases::ncci::ptp::Indicator;
use casebook_releases::{Found, Kind, Setting};
use chrono::NaiveDate;
use proptest::prelude::*;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn edition(id: i64, kind: Kind, (year, quarter): (i32, u32), part: &str) -> Edition {
    let found = Found::of(kind).quarter(year, quarter);
    Edition {
        id,
        kind,
        setting: (kind != Kind::AddOn).then_some(Setting::Practitioner),
        source: kind.source().to_owned(),
        edition: found.edition.unwrap(),
        effective: found.effective.unwrap(),
        through: found.through,
        part: part.to_owned(),
        url: String::new(),
        file: "file".into(),
        sha256: format!("{id}"),
        rows: 1,
    }
}

/// Facts with the given parts of 2026 Q3, `(part, first, last)`; their editions are 1, 2 …
fn parts(parts: &[(&str, &str, &str)]) -> Facts {
    let mut facts = Facts::default();
    for (id, (part, first, last)) in (1..).zip(parts) {
        facts.editions.push(edition(id, Kind::Ptp, (2026, 3), part));
        facts.parts.push(PtpPart {
            edition: id,
            first: (*first).to_owned(),
            last: (*last).to_owned(),
        });
    }
    facts
}

/// All four parts.
fn whole() -> Facts {
    parts(&[
        ("f1", "0001A", "25999"),
        ("f2", "26010", "39999"),
        ("f3", "40490", "69990"),
        ("f4", "70010", "V5299"),
    ])
}

/// What a test adds to facts.
trait Add: Sized {
    fn edit(
        self,
        edition: i64,
        pair: (&str, &str),
        dates: (&str, Option<&str>),
        figure: u8,
    ) -> Self;
    fn mue(self, code: &str, value: u32, figure: u8) -> Self;
    fn addon(self, figure: u8, code: &str, primary: &str, dates: (&str, Option<&str>)) -> Self;
}

impl Add for Facts {
    fn edit(
        mut self,
        edition: i64,
        pair: (&str, &str),
        dates: (&str, Option<&str>),
        figure: u8,
    ) -> Self {
        self.edits.push(PtpEdit {
            edition,
            column1: pair.0.to_owned(),
            column2: pair.1.to_owned(),
            prior_1996: false,
            effective: day(dates.0),
            deletion: dates.1.map(day),
            indicator: Indicator::from_figure(figure).unwrap(),
            rationale: "ours".to_owned(),
        });
        self
    }

    fn mue(mut self, code: &str, value: u32, figure: u8) -> Self {
        let facts = &mut self;
        if !facts.editions.iter().any(|e| e.id == 50) {
            facts.editions.push(edition(50, Kind::Mue, (2026, 3), ""));
        }
        facts.mues.push(MueValue {
            edition: 50,
            mue: Mue {
                code: code.to_owned(),
                value,
                adjudication: Adjudication::from_figure(figure).unwrap(),
                adjudication_text: figure.to_string(),
                rationale: "ours".to_owned(),
            },
        });
        self
    }

    fn addon(mut self, figure: u8, code: &str, primary: &str, dates: (&str, Option<&str>)) -> Self {
        let facts = &mut self;
        if !facts.editions.iter().any(|e| e.id == 60) {
            facts.editions.push(edition(60, Kind::AddOn, (2026, 3), ""));
        }
        facts.addons.push(AddOnEdit {
            edition: 60,
            addon: AddOn {
                kind: AddOnType::from_figure(figure).unwrap(),
                code: code.to_owned(),
                code_deletion: None,
                primary: primary.to_owned(),
                primary_deletion: None,
                effective: day(dates.0),
                deletion: dates.1.map(day),
                notes: String::new(),
            },
        });
        self
    }
}

fn claim(codes: &str, date: &str) -> Claim {
    Claim {
        lines: codes.split(' ').map(|c| c.parse().unwrap()).collect(),
        date: day(date),
        setting: Setting::Practitioner,
    }
}

const DAY: &str = "2026-08-01";

fn pair<'c>(checked: &'c Checked, column1: &str, column2: &str) -> &'c PairFinding {
    checked
        .pairs
        .iter()
        .find(|p| p.column1 == column1 && p.column2 == column2)
        .unwrap()
}

#[test]
fn lines_as_people_write_them() {
    let line = |text: &str| text.parse::<Line>();
    let expected = |code: &str, modifiers: &[&str], units| Line {
        code: code.into(),
        modifiers: modifiers.iter().map(|m| (*m).to_owned()).collect(),
        units,
    };
    assert_eq!(line("62323"), Ok(expected("62323", &[], None)));
    assert_eq!(line(" g0008 "), Ok(expected("G0008", &[], None)));
    assert_eq!(line("62323-59"), Ok(expected("62323", &["59"], None)));
    assert_eq!(
        line("62323-xs-lt x2"),
        Ok(expected("62323", &["XS", "LT"], Some(2)))
    );
    assert_eq!(line("64483x3"), Ok(expected("64483", &[], Some(3))));
    assert_eq!(
        line("64483, RT * 3"),
        Ok(expected("64483", &["RT"], Some(3)))
    );
    for wrong in [
        "",
        "6232",
        "62323-5",
        "62323x0",
        "62323x",
        "62323 59",
        "62323-59x99999999999",
        "M54.16",
        "62323é",
        "6232é3",
    ] {
        assert!(line(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn indicators_decide() {
    let facts = whole()
        .edit(3, ("62323", "77003"), ("2017-01-01", None), 0)
        .edit(1, ("10060", "11055"), ("2017-01-01", None), 1)
        .edit(1, ("10061", "11055"), ("2017-01-01", Some("2017-01-01")), 9);
    let got = check(&claim("62323 77003", DAY), &facts);
    assert_eq!(got.verdict, Verdict::Fail);
    let found = pair(&got, "62323", "77003");
    assert_eq!(
        found.reason,
        "77003 is not paid beside 62323: indicator 0, no modifier bypasses the edit."
    );
    let citation = found.citation.as_ref().unwrap();
    assert_eq!(
        (citation.edition.id, citation.standing),
        (3, Standing::InForce)
    );
    assert_eq!(citation.locator, "column 1 62323, column 2 77003");
    assert_eq!(citation.quote, "62323\t77003\t\t20170101\t*\t0\tours");
    let other = pair(&got, "77003", "62323");
    assert_eq!(other.verdict, Verdict::Pass);
    assert_eq!(other.citation.as_ref().unwrap().edition.id, 4);
    assert!(got.notices.is_empty());

    let got = check(&claim("10060 11055", DAY), &facts);
    assert_eq!(
        (got.verdict, pair(&got, "10060", "11055").may_bypass),
        (Verdict::Bypassable, ASSOCIATED)
    );
    let got = check(&claim("10061 11055", DAY), &facts);
    assert_eq!(got.verdict, Verdict::Pass);
    assert!(
        pair(&got, "10061", "11055")
            .reason
            .contains("was never active")
    );
}

#[test]
fn dates_decide() {
    // Deleted, and added again with another indicator.
    let facts = whole()
        .edit(1, ("10060", "11055"), ("2010-01-01", Some("2015-12-31")), 0)
        .edit(1, ("10060", "11055"), ("2026-01-01", None), 1);
    for (date, verdict, says) in [
        (
            "2009-12-31",
            Verdict::Pass,
            "begins on 2010-01-01, after 2009-12-31",
        ),
        ("2010-01-01", Verdict::Fail, "indicator 0"),
        ("2015-12-31", Verdict::Fail, "indicator 0"),
        (
            "2016-01-01",
            Verdict::Pass,
            "was deleted: it applied last on 2015-12-31, before 2016-01-01",
        ),
        ("2026-01-01", Verdict::Bypassable, "indicator 1"),
    ] {
        let got = check(&claim("10060 11055", date), &facts);
        let found = pair(&got, "10060", "11055");
        assert_eq!(found.verdict, verdict, "{date}");
        assert!(found.reason.contains(says), "{date}: {}", found.reason);
        assert!(found.citation.is_some());
    }
}

#[test]
fn what_no_loaded_part_covers_is_no_pass() {
    let verdicts = |facts: &Facts, codes: &str| {
        let got = check(&claim(codes, DAY), facts);
        let uncovered = got
            .unchecked
            .iter()
            .filter(|u| u.starts_with("PTP"))
            .count();
        let pairs: Vec<&str> = got.pairs.iter().map(|p| p.verdict.as_str()).collect();
        (got.verdict, pairs.join(" "), uncovered)
    };
    assert_eq!(
        verdicts(&Facts::default(), "10060 77003"),
        (Verdict::NoData, "no_data no_data".into(), 2)
    );
    // f1 covers everything below its first code, f4 everything above its last; between two neighbours as well.
    assert_eq!(
        verdicts(&whole(), "00000 V9999"),
        (Verdict::Pass, "pass pass".into(), 0)
    );
    assert_eq!(
        verdicts(&whole(), "26000 70000"),
        (Verdict::Pass, "pass pass".into(), 0)
    );
    // Part 2 is missing: its codes, and those on its edges.
    let without = parts(&[("f1", "0001A", "25999"), ("f3", "40490", "69990")]);
    assert_eq!(
        verdicts(&without, "25999 26000"),
        (Verdict::NoData, "pass no_data".into(), 1)
    );
    assert_eq!(
        verdicts(&without, "30000 40490"),
        (Verdict::NoData, "no_data pass".into(), 1)
    );
    assert_eq!(
        verdicts(&without, "40000 70000"),
        (Verdict::NoData, "no_data no_data".into(), 2)
    );
    // A part without its number answers for its own codes only.
    let unnamed = parts(&[("", "10060", "25999")]);
    assert_eq!(
        verdicts(&unnamed, "10061 0001A"),
        (Verdict::NoData, "pass no_data".into(), 1)
    );
    // What fails, fails, whatever else is unknown.
    let fails = unnamed.edit(1, ("10061", "99213"), (DAY, None), 0);
    assert_eq!(verdicts(&fails, "10061 99213").0, Verdict::Fail);
    // None are published for DME.
    let mut dme = claim("E0100 E0105", DAY);
    dme.setting = Setting::Dme;
    let got = check(&dme, &Facts::default());
    assert_eq!(got.verdict, Verdict::NoData);
    assert!(
        got.unchecked[0].contains("none are published for DME suppliers"),
        "{:?}",
        got.unchecked
    );
}

#[test]
fn the_edition_in_force_answers_then_a_later_then_an_earlier_one() {
    let mut facts = Facts::default();
    for (id, quarter) in [(1, (2026, 1)), (2, (2026, 2)), (3, (2026, 4))] {
        facts.editions.push(edition(id, Kind::Ptp, quarter, "f1"));
        facts.parts.push(PtpPart {
            edition: id,
            first: "10000".into(),
            last: "19999".into(),
        });
        facts = facts.edit(id, ("10060", "11055"), ("2010-01-01", None), 1);
    }
    let cited = |date: &str| {
        let got = check(&claim("10060 11055", date), &facts);
        let citation = got.pairs[0].citation.clone().unwrap();
        (citation.edition.id, citation.standing, got.notices.len())
    };
    assert_eq!(cited("2026-05-01"), (2, Standing::InForce, 0));
    assert_eq!(cited("2026-08-01"), (3, Standing::Later, 0));
    assert_eq!(cited("2020-01-01"), (1, Standing::Later, 0));
    assert_eq!(cited("2027-02-01"), (3, Standing::Earlier, 1));
    let got = check(&claim("10060 11055", "2027-02-01"), &facts);
    assert!(
        got.notices[0].contains("edition 2026 Q4, in force from 2026-10-01 through 2026-12-31"),
        "{:?}",
        got.notices
    );
    // A correction goes before what it corrects, and the later copy of a part before the earlier.
    let mut corrected = edition(4, Kind::Ptp, (2026, 2), "f1");
    corrected.edition.push_str(" (revision 1)");
    facts.editions.push(corrected);
    facts.parts.push(PtpPart {
        edition: 4,
        first: "10000".into(),
        last: "19999".into(),
    });
    let got = check(&claim("10060 11055", "2026-05-01"), &facts);
    assert_eq!(got.pairs[0].citation.as_ref().unwrap().edition.id, 4);
    assert_eq!(got.verdict, Verdict::Pass, "the correction has no such row");
}

#[test]
fn written_modifiers_are_weighed() {
    let facts = whole()
        .edit(1, ("10060", "11055"), ("2010-01-01", None), 1)
        .edit(4, ("99213", "36415"), ("2010-01-01", None), 1)
        .edit(3, ("62323", "77003"), ("2010-01-01", None), 0);
    let written = |codes: &str, date: &str| -> Vec<(String, String, bool)> {
        let got = check(&claim(codes, date), &facts);
        got.pairs[0]
            .written
            .iter()
            .map(|w| (w.code.clone(), w.modifier.clone(), w.bypasses))
            .collect()
    };
    let one = |code: &str, modifier: &str, does| vec![(code.to_owned(), modifier.to_owned(), does)];
    assert_eq!(written("10060 11055-59", DAY), one("11055", "59", true));
    assert_eq!(written("10060-XS 11055", DAY), one("10060", "XS", true));
    // Until 2019-07-01 on column 2 alone.
    assert_eq!(
        written("10060-59 11055", "2019-06-30"),
        one("10060", "59", false)
    );
    assert_eq!(
        written("10060 11055-59", "2019-06-30"),
        one("11055", "59", true)
    );
    assert_eq!(written("10060-22 11055", DAY), one("10060", "22", false));
    assert_eq!(written("10060-25 11055", DAY), one("10060", "25", false));
    assert_eq!(written("99213-25 36415", DAY), one("99213", "25", true));
    assert_eq!(written("99213-59 36415", DAY), one("99213", "59", false));
    // No modifier helps with indicator 0, and one that helps makes no pass.
    assert_eq!(written("62323 77003-59", DAY), one("77003", "59", false));
    assert_eq!(
        check(&claim("10060 11055-59", DAY), &facts).verdict,
        Verdict::Bypassable
    );
}

#[test]
fn units_against_their_limit() {
    let facts = whole()
        .mue("10060", 1, 2)
        .mue("11055", 2, 1)
        .mue("64483", 3, 3)
        .mue("0001A", 0, 1);
    let unit = |codes: &str, code: &str| {
        let got = check(&claim(codes, DAY), &facts);
        let found = got.units.iter().find(|u| u.code == code).unwrap().clone();
        assert!(got.verdict >= found.verdict);
        (found.units, found.verdict, found.citation.map(|c| c.quote))
    };
    assert_eq!(
        unit("10060 11055", "10060"),
        (1, Verdict::Pass, Some("10060,1,2,ours".into()))
    );
    // By date of service all lines count, by line the largest.
    assert_eq!(unit("10060 10060-59", "10060").1, Verdict::Fail);
    assert_eq!(
        unit("11055x2 11055-59x2", "11055"),
        (2, Verdict::Pass, Some("11055,2,1,ours".into()))
    );
    assert_eq!(unit("11055x3 10060", "11055").1, Verdict::Bypassable);
    assert_eq!(unit("64483x2 64483-59x2", "64483").1, Verdict::Fail);
    assert_eq!(unit("0001A 10060", "0001A").1, Verdict::Fail);
    // Units that no table limits are not passed.
    assert_eq!(unit("36415x2 10060", "36415"), (2, Verdict::NoData, None));
    let got = check(&claim("36415 10060", DAY), &facts);
    assert_eq!(got.verdict, Verdict::Pass);
    assert!(
        got.unchecked.iter().any(|u| u.starts_with("MUE of 36415")),
        "{:?}",
        got.unchecked
    );
    // An edition of another date is said to be one.
    let got = check(&claim("10060 11055", "2026-05-01"), &facts);
    assert!(
        got.notices
            .iter()
            .any(|n| n.contains("the values may differ")),
        "{:?}",
        got.notices
    );
}

#[test]
fn add_on_codes_need_a_primary_code() {
    let facts = whole()
        .addon(1, "64484", "64483", ("2013-04-01", None))
        .addon(1, "64484", "64479", ("2013-04-01", Some("2020-12-31")))
        .addon(2, "99292", CONTRACTOR_DEFINED, ("2013-04-01", None))
        .addon(3, "0054T", "27130", ("2013-04-01", None));
    let addon = |codes: &str, date: &str| {
        let got = check(&claim(codes, date), &facts);
        let found = got.addons[0].clone();
        (
            found.verdict,
            found.primaries.join(" "),
            found.present.join(" "),
            got.verdict,
        )
    };
    assert_eq!(
        addon("64483 64484", DAY),
        (Verdict::Pass, "64483".into(), "64483".into(), Verdict::Pass)
    );
    assert_eq!(
        addon("64479 64484", DAY),
        (Verdict::Fail, "64483".into(), String::new(), Verdict::Fail)
    );
    assert_eq!(addon("64479 64484", "2020-12-31").0, Verdict::Pass);
    assert_eq!(
        addon("99292 64483", DAY),
        (
            Verdict::NoData,
            String::new(),
            String::new(),
            Verdict::NoData
        )
    );
    assert_eq!(addon("0054T 27130", DAY).0, Verdict::Pass);
    assert_eq!(addon("0054T 64483", DAY).0, Verdict::NoData);
    let got = check(&claim("0054T 64483", DAY), &facts);
    assert!(
        got.unchecked
            .iter()
            .any(|u| u.contains("contractors may accept others")),
        "{:?}",
        got.unchecked
    );
    assert_eq!(got.addons[0].citation.quote, "3\t0054T\t\t27130\t\t2013091");
    // Before the edit began it is not an add-on code of the table.
    assert!(
        check(&claim("64484 10060", "2013-03-31"), &facts)
            .addons
            .is_empty()
    );
    let got = check(&claim("64484 10060", DAY), &whole());
    assert!(
        got.unchecked.iter().any(|u| u.starts_with("Add-on codes")),
        "{:?}",
        got.unchecked
    );
}

#[test]
fn one_code_alone_is_no_pass_of_pairs() {
    assert_eq!(
        check(&claim("10060", DAY), &whole()).verdict,
        Verdict::NoData
    );
    let got = check(&claim("99998 10060", DAY), &whole());
    assert!(
        got.unchecked
            .iter()
            .any(|u| u.starts_with("Whether 99998 is a code")),
        "{:?}",
        got.unchecked
    );
}

fn codes() -> impl Strategy<Value = BTreeSet<String>> {
    let known = [
        "0001A", "10060", "11055", "26000", "36415", "62323", "70000", "77003", "99213", "G0008",
        "V9999",
    ];
    prop::collection::btree_set(
        prop::sample::select(known.map(str::to_owned).to_vec()),
        2..6,
    )
}

fn any_date() -> impl Strategy<Value = NaiveDate> {
    (2024i32..2029, 1u32..=365).prop_filter_map("a date", |(y, d)| NaiveDate::from_yo_opt(y, d))
}

prop_compose! {
    /// Any of the parts of two quarters, with any edits between the codes.
    fn facts()(
        loaded in prop::collection::btree_set((3u32..=4, 0usize..4), 0..8),
        edits in prop::collection::vec((0usize..11, 0usize..11, any_date(), prop::option::of(0u64..900), prop::sample::select(vec![0u8, 1, 9])), 0..30),
    ) -> Facts {
        let ranges = [("f1", "0001A", "25999"), ("f2", "26010", "39999"), ("f3", "40490", "69990"), ("f4", "70010", "V5299")];
        let known = ["0001A", "10060", "11055", "26000", "36415", "62323", "70000", "77003", "99213", "G0008", "V9999"];
        let mut facts = Facts::default();
        for (id, (quarter, part)) in (1..).zip(loaded) {
            let (label, first, last) = ranges[part];
            facts.editions.push(edition(id, Kind::Ptp, (2026, quarter), label));
            facts.parts.push(PtpPart { edition: id, first: first.into(), last: last.into() });
            for (a, b, from, length, figure) in &edits {
                let to = length.map(|l| *from + chrono::Days::new(l));
                if a != b && (first..=last).contains(&known[*a]) {
                    facts.edits.push(PtpEdit {
                        edition: id,
                        column1: known[*a].into(),
                        column2: known[*b].into(),
                        prior_1996: false,
                        effective: *from,
                        deletion: to,
                        indicator: Indicator::from_figure(*figure).unwrap(),
                        rationale: "ours".into(),
                    });
                }
            }
        }
        facts
    }
}

fn of(codes: impl Iterator<Item = String>, date: NaiveDate) -> Claim {
    Claim {
        lines: codes
            .map(|code| Line {
                code,
                modifiers: Vec::new(),
                units: None,
            })
            .collect(),
        date,
        setting: Setting::Practitioner,
    }
}

proptest! {
    #[test]
    fn the_order_of_the_codes_does_not_matter(codes in codes(), date in any_date(), facts in facts()) {
        let there = check(&of(codes.iter().cloned(), date), &facts);
        let back = check(&of(codes.iter().rev().cloned(), date), &facts);
        prop_assert_eq!(there.verdict, back.verdict);
        prop_assert_eq!(there.pairs.len(), codes.len() * (codes.len() - 1));
        for found in &there.pairs {
            prop_assert_eq!(found, pair(&back, &found.column1, &found.column2));
        }
    }

    #[test]
    fn nothing_passes_that_is_not_covered(codes in codes(), date in any_date(), facts in facts()) {
        let got = check(&of(codes.iter().cloned(), date), &facts);
        for found in &got.pairs {
            let missing = got.unchecked.iter().any(|u| u.starts_with("PTP") && u.contains(&found.column1));
            prop_assert_eq!(found.verdict == Verdict::NoData, missing);
            prop_assert_eq!(found.verdict == Verdict::NoData, found.citation.is_none());
            // Some loaded part of one edition is at or beside the code.
            if facts.parts.is_empty() {
                prop_assert_eq!(found.verdict, Verdict::NoData);
            }
        }
        let passes = got.pairs.iter().all(|p| p.verdict == Verdict::Pass);
        prop_assert_eq!(got.verdict == Verdict::Pass, passes);
        let worst = got.pairs.iter().map(|p| p.verdict).max().unwrap();
        prop_assert_eq!(got.verdict, worst);
    }

    #[test]
    fn only_an_edit_that_applies_on_the_date_fails(codes in codes(), date in any_date(), facts in facts()) {
        let got = check(&of(codes.iter().cloned(), date), &facts);
        for found in &got.pairs {
            if found.verdict >= Verdict::Bypassable {
                let edit = found.edit.as_ref().unwrap();
                prop_assert!(edit.effective <= date && edit.deletion.is_none_or(|d| date <= d));
                prop_assert!(edit.indicator != Indicator::NotApplicable);
                prop_assert_eq!(found.verdict == Verdict::Fail, edit.indicator == Indicator::NotAllowed);
            } else if let Some(edit) = &found.edit {
                prop_assert!(!edit.active(date));
            }
        }
    }

    #[test]
    fn what_people_write_makes_no_panic(text in "\\PC{0,20}") {
        let _ = text.parse::<Line>();
    }
}
