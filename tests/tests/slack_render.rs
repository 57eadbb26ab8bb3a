//! What people see in Slack: snapshots of each kind of answer, and the limits over any answer.

use casebook_core::{Answer, Citation, Line, Verdict};
use casebook_slack::render;
use casebook_tests::answers::{any_answer, sample};
use casebook_tests::slack::limits;
use proptest::prelude::*;
use serde_json::{Value, json};

fn post(answer: &Answer) -> Value {
    let (blocks, text) = render::blocks(answer);
    json!({"blocks": blocks, "text": text})
}

#[track_caller]
fn check(name: &str, answer: &Answer) {
    insta::assert_json_snapshot!(name, post(answer));
}

fn uncertain() -> Answer {
    Answer {
        verdict: Verdict::Uncertain,
        reason: Some("The passages name \"low back pain\" without its cause.".into()),
        ..sample()
    }
}

fn without_lines(verdict: Verdict, reason: &str) -> Answer {
    Answer::without_lines(verdict, reason, sample().as_of)
}

/// More lines than a message can hold, each with a source of its own and a quote that says more.
fn long() -> Answer {
    let citation = sample().citations[0].clone();
    let citations = 1..=60;
    Answer {
        lines: citations
            .clone()
            .map(|n| Line {
                text: format!("Line {n} of an answer that names many codes, one after the other."),
                citations: vec![n],
            })
            .collect(),
        citations: citations
            .map(|n| Citation {
                n,
                quote: format!("Passage {n}, in its own words."),
                ..citation.clone()
            })
            .collect(),
        ..sample()
    }
}

#[test]
fn an_answer() {
    check("slack_answered", &sample());
}

#[test]
fn an_uncertain_answer() {
    check("slack_uncertain", &uncertain());
}

#[test]
fn no_answer() {
    let reason = "No loaded source mentions this. Name a code, or load the edition that covers it.";
    check("slack_no_answer", &without_lines(Verdict::NoAnswer, reason));
}

#[test]
fn a_refused_question() {
    let reason = "Casebook does not give clinical advice. Ask how a documented service is coded.";
    check("slack_refused", &without_lines(Verdict::Refused, reason));
}

#[test]
fn an_answer_that_does_not_fit() {
    check("slack_long", &long());
}

#[test]
fn a_quote_that_says_more_than_its_line_is_shown() {
    let mut answer = sample();
    answer.citations[1].quote = "Excludes1: <low back strain> (S39.012) & others".into();
    check("slack_quote", &answer);
}

#[test]
fn an_answer_whose_first_line_does_not_fit() {
    let mut answer = sample();
    answer.lines[0].text = "x".repeat(limits::ALL_TEXT);
    check("slack_first_line", &answer);
}

#[test]
fn sources_are_not_shown_where_there_is_no_answer() {
    for verdict in [Verdict::NoAnswer, Verdict::Refused] {
        let answer = Answer {
            verdict,
            reason: Some("A reason.".into()),
            ..sample()
        };
        let shown = post(&answer).to_string();
        assert!(
            shown.contains("A reason.") && !shown.contains("Tabular"),
            "{shown}"
        );
    }
}

/// The text of every section in `block` and below it, the elements of a section joined.
fn sections(block: &Value) -> Vec<String> {
    let elements = block["elements"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    match block["type"].as_str() {
        Some("rich_text_section") => {
            vec![
                elements
                    .iter()
                    .filter_map(|element| element["text"].as_str())
                    .collect(),
            ]
        }
        _ => elements.iter().flat_map(sections).collect(),
    }
}

/// The lines as the message shows them: everything between the reason and what comes after them.
fn shown_lines(blocks: &Value, heading: bool) -> Vec<String> {
    let blocks = blocks.as_array().expect("blocks");
    let of_lines = blocks.iter().skip(usize::from(heading)).take(1);
    let of_lines = of_lines.filter(|block| block["type"] == "rich_text");
    let shown: Vec<String> = of_lines.flat_map(sections).collect();
    match shown.first().map(String::as_str) {
        Some("Sources") => Vec::new(),
        _ => shown,
    }
}

fn line(line: &Line) -> String {
    let numbers: String = line.citations.iter().map(|n| format!(" [{n}]")).collect();
    format!("{}{numbers}", line.text)
}

proptest! {
    #[test]
    fn every_message_keeps_the_limits(answer in any_answer()) {
        let post = post(&answer);
        prop_assert!(limits::check(&post).is_ok(), "{:?}", limits::check(&post));
        prop_assert!(!post["text"].as_str().expect("text").is_empty());
    }

    #[test]
    fn the_fallback_text_holds_no_markup(answer in any_answer()) {
        let (_, text) = render::blocks(&answer);
        let plain = text.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "");
        prop_assert!(!plain.contains(['<', '>', '&']), "{plain}");
    }

    #[test]
    fn lines_are_whole_in_order_and_counted(answer in any_answer()) {
        let (blocks, _) = render::blocks(&answer);
        let shown = shown_lines(&blocks, answer.verdict != Verdict::Answered);
        let all: Vec<String> = answer.lines.iter().map(line).collect();
        prop_assert_eq!(&shown[..], &all[..shown.len()]);
        let missing = all.len() - shown.len();
        let notice = match (shown.len(), missing) {
            (_, 0) => None,
            (0, _) => Some("The answer is too long for Slack: ".to_owned()),
            (_, 1) => Some("\u{2026}and 1 more line: ".to_owned()),
            (_, n) => Some(format!("\u{2026}and {n} more lines: ")),
        };
        if let Some(notice) = notice {
            let said = blocks.to_string().contains(&notice);
            prop_assert!(said, "{} lines are missing and nobody says so", missing);
        }
    }

    #[test]
    fn a_line_is_shown_with_its_sources(answer in any_answer()) {
        let (blocks, _) = render::blocks(&answer);
        let shown = shown_lines(&blocks, answer.verdict != Verdict::Answered);
        let sections: Vec<String> = blocks.as_array().expect("blocks").iter().flat_map(sections).collect();
        for line in &answer.lines[..shown.len()] {
            for n in &line.citations {
                let source = &answer.citations[n - 1];
                let begins = format!("[{n}] {}, {}, {}", source.source, source.locator, source.edition);
                prop_assert!(sections.iter().any(|section| section.starts_with(&begins)));
            }
        }
    }
}
