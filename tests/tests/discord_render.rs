//! What people see in Discord: one picture for each verdict, and every limit for any answer.

use casebook_core::{Answer, Line, Verdict};
use casebook_desk::{Notice, Tone, Warning, help};
use casebook_discord::render;
use casebook_tests::answers::{any_answer, sample};
use casebook_tests::discord::limits;
use insta::assert_json_snapshot;
use proptest::prelude::*;
use serde_json::{Value, json};

fn answer(verdict: Verdict) -> Answer {
    Answer {
        verdict,
        ..Answer::without_lines(verdict, "", sample().as_of)
    }
}

/// The embeds of an answer's message.
fn embeds(answer: &Answer) -> Value {
    render::answer(answer).said.body()["embeds"].clone()
}

#[test]
fn answered() {
    assert_json_snapshot!(embeds(&sample()));
}

#[test]
fn a_question_that_was_read_with_others_is_repeated() {
    let read = Answer {
        read_as: Some("can I bill 77003 with 62323 in Texas?".into()),
        ..sample()
    };
    let said = render::answer(&read).said;
    for text in [
        &said.body()["embeds"][0]["description"],
        &said.plain_body()["content"],
    ] {
        let text = text.as_str().unwrap();
        assert!(
            text.starts_with("Read as: can I bill 77003 with 62323 in Texas?\n"),
            "{text}"
        );
    }
}

#[test]
fn uncertain() {
    let uncertain = Answer {
        verdict: Verdict::Uncertain,
        reason: Some("No passage settles it; these come closest.".into()),
        ..sample()
    };
    assert_json_snapshot!(embeds(&uncertain));
}

#[test]
fn no_answer() {
    let reason = "No loaded edition covers dental codes. Load one with `casebook ingest`.";
    let no_answer = Answer {
        reason: Some(reason.into()),
        ..answer(Verdict::NoAnswer)
    };
    assert_json_snapshot!(embeds(&no_answer));
}

#[test]
fn refused_shows_no_sources_even_where_there_are_some() {
    let refused = Answer {
        verdict: Verdict::Refused,
        reason: Some("Casebook does not advise on treatment. Ask the treating clinician.".into()),
        ..sample()
    };
    assert_json_snapshot!(embeds(&refused));
}

#[test]
fn a_quote_that_a_line_repeats_is_not_shown_again() {
    let shown = embeds(&sample());
    let fields = shown[0]["fields"].as_array().unwrap();
    assert!(
        fields
            .iter()
            .all(|f| !f["value"].as_str().unwrap().contains("> ")),
        "{fields:?}"
    );
    let mut other = sample();
    other.citations[0].quote = "Lumbago NOS".into();
    let embeds = embeds(&other);
    let value = embeds[0]["fields"][0]["value"].as_str().unwrap();
    assert!(value.starts_with("> Lumbago NOS\n"), "{value}");
}

#[test]
fn a_long_answer_says_how_many_lines_it_leaves_out() {
    let line = |i: usize| Line {
        text: format!("Line {i}. {}", "word ".repeat(80)),
        citations: vec![1],
    };
    let long = Answer {
        lines: (1..=30).map(line).collect(),
        ..sample()
    };
    let embeds = embeds(&long);
    let description = embeds[0]["description"].as_str().unwrap();
    let shown = description.matches("Line ").count();
    let rest = 30 - shown;
    assert!(shown > 5, "{shown} lines");
    assert!(
        description.ends_with(&format!("…and {rest} more lines")),
        "{description}"
    );
    let part = render::answer(&long);
    assert_eq!((part.shown, part.rest), (shown, rest));
}

#[test]
fn help_notices_and_warning() {
    let warning = Warning {
        text: "This seems to hold patient data: a name. It was not answered.".into(),
        seen: vec!["a name"],
    };
    let notice = |tone| render::notice(&Notice::new(tone, "Casebook says *this* to <@1>.")).body();
    assert_json_snapshot!(json!({
        "help": render::help(&help()).body()["embeds"],
        "plain": notice(Tone::Plain),
        "failed": notice(Tone::Failed)["embeds"],
        "warning": render::warning(&warning).body()["embeds"],
    }));
}

#[test]
fn the_same_in_plain_text() {
    assert_json_snapshot!(render::answer(&sample()).said.plain_body());
}

/// Whatever a reader of Discord's markup would act on, if it stood there without a backslash.
fn acts(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    let mut i = 0;
    while i < chars.len() {
        match chars[i] {
            '\\' => i += 1,
            '<' | '@' | '`' | '|' | '~' | '_' => return true,
            _ => {}
        }
        i += 1;
    }
    false
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_answer_keeps_every_limit(answer in any_answer()) {
        let embeds = embeds(&answer);
        prop_assert_eq!(embeds.as_array().map(Vec::len), Some(1));
        let said = render::answer(&answer).said;
        for body in [said.body(), said.plain_body()] {
            prop_assert_eq!(limits::message(&body), None);
            prop_assert_eq!(limits::second_opinion(&body), Ok(()));
        }
    }

    #[test]
    fn plain_text_neither_formats_nor_pings(answer in any_answer()) {
        let body = render::answer(&answer).said.plain_body();
        let text = body["content"].as_str().unwrap_or("");
        // Our own links stand in angle brackets.
        let text: String = text.lines().map(|line| line.split(" <https://www.cms.gov").next().unwrap_or(line)).collect();
        prop_assert!(!acts(&text.replace("**", "")), "{}", text);
    }

    #[test]
    fn notices_of_any_text_keep_every_limit(text in "(\\PC{0,60}[ *_@<`\n]){1,120}") {
        let body = render::notice(&Notice::new(Tone::Plain, text)).body();
        prop_assert_eq!(limits::message(&body), None);
        prop_assert_eq!(limits::second_opinion(&body), Ok(()));
    }

    #[test]
    fn text_of_sources_neither_formats_nor_pings(answer in any_answer()) {
        let embeds = embeds(&answer);
        let embed = &embeds[0];
        let fields = embed["fields"].as_array().cloned().unwrap_or_default();
        let values = fields.iter().flat_map(|f| [&f["name"], &f["value"]]);
        for text in std::iter::once(&embed["description"]).chain(values).filter_map(Value::as_str) {
            // Our own links hold an address, in which `_` and `-` are only characters.
            let text = text.split(" · [open](").next().unwrap_or(text);
            prop_assert!(!acts(text), "{}", text);
        }
    }

    #[test]
    fn links_lead_to_citations_and_nowhere_else(answer in any_answer()) {
        let embeds = embeds(&answer);
        let embed = &embeds[0];
        prop_assert!(embed["url"].is_null());
        let fields = embed["fields"].as_array().cloned().unwrap_or_default();
        let values = fields.iter().flat_map(|f| [&f["name"], &f["value"]]);
        for text in std::iter::once(&embed["description"]).chain(values).filter_map(Value::as_str) {
            // Discord makes a link of every address that stands there whole; in text of others it is broken by a backslash.
            let whole = text.match_indices("://").filter(|(at, _)| !text[..*at].ends_with('\\'));
            for (at, _) in whole {
                let begins = at.saturating_sub("https".len());
                let address = text.get(begins..).and_then(|rest| rest.split(')').next()).unwrap_or(text);
                prop_assert!(answer.citations.iter().any(|citation| citation.url == address), "{}", address);
            }
        }
    }

    #[test]
    fn a_line_is_shown_with_its_sources_and_the_rest_is_counted(answer in any_answer()) {
        prop_assume!(matches!(answer.verdict, Verdict::Answered | Verdict::Uncertain));
        let embeds = embeds(&answer);
        let description = embeds[0]["description"].as_str().unwrap_or("");
        let fields = embeds[0]["fields"].as_array().cloned().unwrap_or_default();
        let named = |n: usize| fields.iter().any(|f| f["name"].as_str().is_some_and(|s| s.starts_with(&format!("[{n}] "))));
        let marks = |line: &Line| line.citations.iter().map(|n| format!("[{n}]")).collect::<String>();
        let left_out = description
            .lines()
            .rev()
            .find_map(|l| l.strip_prefix("…and ")?.split(" more line").next()?.parse::<usize>().ok())
            .unwrap_or(0);
        let shown = answer.lines.len() - left_out;
        for (i, line) in answer.lines.iter().take(shown).enumerate() {
            prop_assert!(description.contains(&marks(line)), "line {} of {}", i, shown);
            // The first line is shown at any price, also with fewer sources; that is said too.
            if i > 0 || !description.contains(" more source") {
                prop_assert!(line.citations.iter().all(|n| named(*n)) || i > 0 && description.contains(" more source"));
            }
        }
    }
}
