//! Sample answers for renderers: one as coders see it, and generated ones that try every limit.

use casebook_core::{
    Answer, Citation, CodeRef, EditionRef, Line, Status, System, Timings, Verdict,
};
use chrono::NaiveDate;
use proptest::prelude::*;

fn date(y: i32, m: u32, d: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(y, m, d).expect("a real date")
}

/// An answered question with an expired edition, two citations and one code.
pub fn sample() -> Answer {
    Answer {
        verdict: Verdict::Answered,
        reason: None,
        read_as: None,
        arranged_by: None,
        as_of: date(2026, 11, 24),
        lines: vec![
            Line {
                text: "FY2026 (April 2026) of ICD-10-CM is not in force on 2026-11-24: it held until 2026-09-30.".into(),
                citations: vec![1],
            },
            Line { text: "M54.50 Low back pain, unspecified: billable.".into(), citations: vec![1] },
            Line { text: "Excludes1: low back strain (S39.012)".into(), citations: vec![2] },
        ],
        more: Vec::new(),
        related: Vec::new(),
        citations: vec![
            Citation {
                n: 1,
                source: "ICD-10-CM Tabular List".into(),
                locator: "M54.50".into(),
                edition: "FY2026 (April 2026)".into(),
                effective: date(2026, 4, 1),
                quote: "Low back pain, unspecified".into(),
                url: "https://www.cms.gov/medicare/coding-billing/icd-10-codes".into(),
                file: String::new(),
            },
            Citation {
                n: 2,
                source: "ICD-10-CM Tabular List".into(),
                locator: "M54.5".into(),
                edition: "FY2026 (April 2026)".into(),
                effective: date(2026, 4, 1),
                quote: "low back strain (S39.012)".into(),
                url: "https://www.cms.gov/medicare/coding-billing/icd-10-codes".into(),
                file: String::new(),
            },
        ],
        codes: vec![CodeRef {
            system: System::Icd10cm,
            code: "M54.50".into(),
            title: "Low back pain, unspecified".into(),
            status: Status::Billable,
        }],
        editions: vec![EditionRef {
            source: "ICD-10-CM Tabular List".into(),
            edition: "FY2026 (April 2026)".into(),
            effective: date(2026, 4, 1),
            through: Some(date(2026, 9, 30)),
            in_force: false,
        }],
        timings_ms: Timings::default(),
    }
}

/// Text that a source or a person could hold: markup and mentions of both platforms, control
/// characters, emoji, right-to-left text, and long runs.
fn text(max: usize) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[ -~]{0,60}",
        "\\PC{0,40}",
        Just(
            "<!channel> <@U012AB3CD> <https://evil.example|click> &amp; *bold* _i_ ~s~ `c`"
                .to_owned()
        ),
        Just(
            "@everyone @here <@&123> <@123> <#456> ||spoiler|| [x](https://evil.example) # h\n> q"
                .to_owned()
        ),
        Just("```\ncode\n```".to_owned()),
        Just("word ".repeat(400)),
        Just("x".repeat(3500)),
    ];
    prop::collection::vec(piece, 1..6)
        .prop_map(move |v| v.concat().chars().take(max).collect::<String>())
        .prop_filter("not blank", |s| !s.trim().is_empty())
}

prop_compose! {
    fn citation()(source in text(300), locator in text(80), edition in text(60), quote in text(8000)) -> Citation {
        Citation {
            n: 0,
            source,
            locator,
            edition,
            effective: date(2026, 4, 1),
            quote,
            url: "https://www.cms.gov/files/document/fy-2026-icd-10-cm-coding-guidelines.pdf".into(),
            file: String::new(),
        }
    }
}

prop_compose! {
    fn code()(code in "[A-Z][0-9]{2}\\.[0-9A-Z]{1,4}", title in text(400)) -> CodeRef {
        CodeRef { system: System::Icd10cm, code, title, status: Status::Billable }
    }
}

prop_compose! {
    /// Any answer that the core could make, and many worse than it would.
    pub fn any_answer()(
        verdict in prop_oneof![
            Just(Verdict::Answered), Just(Verdict::Uncertain), Just(Verdict::NoAnswer), Just(Verdict::Refused)
        ],
        reason in text(1200),
        mut citations in prop::collection::vec(citation(), 1..30),
        lines in prop::collection::vec((text(6000), prop::collection::vec(0usize..30, 1..5)), 0..80),
        codes in prop::collection::vec(code(), 0..40),
        more in prop::collection::vec(text(2000), 0..4),
        related in prop::collection::vec(text(300), 0..5),
        read_as in prop::option::of(text(900)),
    ) -> Answer {
        for (i, c) in citations.iter_mut().enumerate() {
            c.n = i + 1;
        }
        let shown = matches!(verdict, Verdict::Answered | Verdict::Uncertain);
        let last = citations.len();
        Answer {
            verdict,
            reason: (verdict != Verdict::Answered).then_some(reason),
            lines: if shown {
                lines.into_iter()
                    .map(|(text, c)| Line { text, citations: c.into_iter().map(|i| i % last + 1).collect() })
                    .collect()
            } else {
                Vec::new()
            },
            more: if shown {
                more.into_iter().map(|text| Line { text, citations: vec![1] }).collect()
            } else {
                Vec::new()
            },
            related,
            read_as,
            citations: if shown { citations } else { Vec::new() },
            codes,
            ..sample()
        }
    }
}
