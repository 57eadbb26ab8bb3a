//! What people see in Slack: snapshots of each kind of answer, and the limits over any answer.

use casebook_core::{Answer, Citation, Line, Verdict};
use casebook_desk::{Action, Content, Notice, Tone, Warning};
use casebook_slack::render;
use casebook_tests::answers::{any_answer, sample};
use casebook_tests::slack::limits;
use proptest::prelude::*;
use serde_json::{Value, json};

/// The message with every button that an answer can have.
fn post(answer: &Answer) -> Value {
    shown(&Content::Answer(Box::new(answer.clone())), &buttons(answer))
}

fn shown(content: &Content, actions: &[Action]) -> Value {
    let message = render::message(content, actions);
    match message.blocks {
        Some(blocks) => json!({"blocks": blocks, "text": message.text}),
        None => json!({"text": message.text}),
    }
}

fn blocks(answer: &Answer) -> (Value, String) {
    let post = post(answer);
    (
        post["blocks"].clone(),
        post["text"].as_str().expect("text").to_owned(),
    )
}

/// More buttons than the desk offers.
fn buttons(answer: &Answer) -> Vec<Action> {
    let id = "0123456789abcdef";
    let decoded = |text: String| Action::decode(&text).expect("an action");
    let mut actions = vec![decoded(format!("cb1:more:{id}:3"))];
    for code in &answer.codes {
        let (system, code) = (code.system, code.code.clone());
        actions.push(Action::Card {
            system,
            code: code.clone(),
        });
        actions.push(Action::AskAbout { system, code });
    }
    actions.push(decoded(format!("cb1:share:{id}")));
    for (n, question) in answer.related.iter().enumerate() {
        let Action::RelatedTo { answer, n, .. } = decoded(format!("cb1:next:{id}:{n}")) else {
            panic!("a related question");
        };
        let question = question.clone();
        actions.push(Action::RelatedTo {
            answer,
            n,
            question,
        });
    }
    actions.extend([
        decoded(format!("cb1:yes:{id}")),
        decoded(format!("cb1:no:{id}")),
    ]);
    actions
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
fn how_a_question_was_read_and_who_arranged_the_answer() {
    let answer = Answer {
        read_as: Some("Can 77003 be billed with 62323?".into()),
        arranged_by: Some("a-model".into()),
        ..sample()
    };
    check("slack_read_as", &answer);
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
    // How the question was read stands first.
    let blocks = blocks.iter().skip_while(|block| block["type"] == "context");
    let of_lines = blocks.skip(usize::from(heading)).take(1);
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

/// Every address under `value`.
fn links(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(values) => values.iter().flat_map(links).collect(),
        Value::Object(map) => {
            let own = map.get("url").and_then(Value::as_str);
            own.into_iter()
                .chain(map.values().flat_map(links))
                .collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn a_link_leads_to_a_source_or_is_none() {
    for (url, linked) in [
        ("https://www.cms.gov/medicare/x?y=1#z", true),
        ("http://intranet.example/policy.pdf", true),
        ("https://www.cms.gov@elsewhere.example/", false),
        ("https:///nowhere", false),
        ("javascript:alert(1)", false),
        ("file:///srv/policy.pdf", false),
        ("https://www.cms.gov/a b", false),
        ("https://www.cms.gov/|x>", false),
        ("", false),
    ] {
        let mut answer = sample();
        for citation in &mut answer.citations {
            citation.url = url.into();
        }
        let (blocks, _) = blocks(&answer);
        let found = links(&blocks);
        assert_eq!(!found.is_empty(), linked, "{url}");
        assert!(found.iter().all(|found| *found == url));
    }
}

#[test]
fn notices_help_and_warnings() {
    let notice = Content::Notice(Notice::new(
        Tone::Failed,
        "It failed <!channel>. (Reference 01234567)",
    ));
    insta::assert_json_snapshot!("slack_notice", shown(&notice, &[]));
    insta::assert_json_snapshot!(
        "slack_help",
        shown(&Content::Help(casebook_desk::help()), &[])
    );
    let warning = Warning {
        text: "This seems to hold patient data: a name.".into(),
        seen: vec!["a name"],
    };
    let choices = ["anyway", "drop"]
        .map(|word| Action::decode(&format!("cb1:{word}:0123456789abcdef")).expect("an action"));
    insta::assert_json_snapshot!("slack_warning", shown(&Content::Warning(warning), &choices));
}

#[test]
fn the_manifest() {
    insta::assert_json_snapshot!("slack_manifest", casebook_slack::manifest(false, None));
    let wide = casebook_slack::manifest(true, Some("https://casebook.example.org/slack"));
    let scopes = wide["oauth_config"]["scopes"]["bot"].to_string();
    assert!(scopes.contains("channels:history") && scopes.contains("groups:history"));
    let events = wide["settings"]["event_subscriptions"].clone();
    assert!(
        events["bot_events"]
            .to_string()
            .contains("message.channels")
    );
    for url in [
        &events["request_url"],
        &wide["settings"]["interactivity"]["request_url"],
        &wide["features"]["slash_commands"][0]["url"],
    ] {
        assert_eq!(url, "https://casebook.example.org/slack");
    }
    assert_eq!(wide["settings"]["socket_mode_enabled"], false);
    // Nothing is asked for to hear channels where that is not wanted.
    let narrow = casebook_slack::manifest(false, None).to_string();
    assert!(!narrow.contains("channels:history") && !narrow.contains("message.channels"));
}

proptest! {
    #[test]
    fn links_lead_to_citations_and_nowhere_else(answer in any_answer()) {
        let (blocks, _) = blocks(&answer);
        for link in links(&blocks) {
            prop_assert!(answer.citations.iter().any(|citation| citation.url == link), "{link}");
        }
    }

    #[test]
    fn buttons_stay_however_long_the_answer(answer in any_answer()) {
        let (blocks, _) = blocks(&answer);
        let shown = blocks.to_string();
        for wanted in ["cb1:more:", "cb1:yes:", "cb1:no:"] {
            prop_assert!(shown.contains(wanted), "{wanted}");
        }
    }

    #[test]
    fn nothing_but_text_links_and_buttons_is_sent(answer in any_answer()) {
        fn kinds<'a>(value: &'a Value, into: &mut Vec<&'a str>) {
            match value {
                Value::Array(values) => values.iter().for_each(|value| kinds(value, into)),
                Value::Object(map) => {
                    into.extend(map.get("type").and_then(Value::as_str));
                    map.values().for_each(|value| kinds(value, into));
                }
                _ => {}
            }
        }
        let (blocks, _) = blocks(&answer);
        let mut found = Vec::new();
        kinds(&blocks, &mut found);
        for kind in found {
            let known = [
                "rich_text", "rich_text_section", "rich_text_list", "text", "link", "context", "plain_text", "actions",
                "button",
            ];
            prop_assert!(known.contains(&kind), "{kind}");
        }
    }

    #[test]
    fn notices_keep_the_limits(text in ".{1,5000}") {
        let notice = Content::Notice(Notice::new(Tone::Plain, text.clone()));
        let post = shown(&notice, &[]);
        if !post["text"].as_str().expect("text").is_empty() {
            prop_assert!(limits::check(&post).is_ok(), "{:?}", limits::check(&post));
        }
    }
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
        let (_, text) = blocks(&answer);
        let plain = text.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "");
        prop_assert!(!plain.contains(['<', '>', '&']), "{plain}");
    }

    #[test]
    fn lines_are_whole_in_order_and_counted(answer in any_answer()) {
        let (blocks, _) = blocks(&answer);
        let shown = shown_lines(&blocks, answer.verdict != Verdict::Answered);
        let all: Vec<String> = answer.lines.iter().map(line).collect();
        prop_assert_eq!(&shown[..], &all[..shown.len()]);
        let missing = all.len() - shown.len();
        let notice = match (shown.len(), missing) {
            (_, 0) => None,
            (0, _) => Some("One line is too long for Slack: ".to_owned()),
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
        let (blocks, _) = blocks(&answer);
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
