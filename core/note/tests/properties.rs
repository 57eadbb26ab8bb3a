//! What holds for every text.

use casebook_note::{Note, identifiers};
use proptest::prelude::*;

/// Pieces that notes are made of, so that random texts reach past the first condition.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "no",
            "denies",
            "history of",
            "mother",
            "pneumonia",
            "left",
            "stage",
            "IIIb",
            "or",
            "and",
            "but",
            "PMH:",
            "Assessment:",
            "\n",
            "\n\n",
            "- ",
            "1. ",
            "2) ",
            ",",
            ";",
            ".",
            "(",
            ")",
            "(+)",
            "(-)",
            "?",
            "+",
            ":",
            " - ",
            "Mr. ",
            "Dr.",
            "Smith",
            "John",
            "3/1/2026",
            "DOB",
            "MRN",
            "99213",
            "M54.50",
            "s/p",
            "w/",
            "vs",
            "without",
            "ruled out",
            "resolved",
            "28 weeks",
            "’s",
            "ß",
            "é",
            "\u{1F600}",
            "\t",
            "\r\n",
            "İ",
            "å",
            "fell",
            "insulin",
            "smoker",
            "L",
            "R",
            "knee",
            "&",
            "/",
            "–",
            "—",
            "•",
            "\u{a0}",
            "a.b",
            "CKD 3 B",
            "w",
        ])
        .prop_map(str::to_owned),
        "[a-zA-Z0-9]{1,8}",
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..80).prop_map(|pieces| {
        let mut text = String::new();
        for (index, piece) in pieces.iter().enumerate() {
            if index % 3 != 0 {
                text.push(' ');
            }
            text.push_str(piece);
        }
        text
    })
}

fn holds(text: &str) -> Result<(), TestCaseError> {
    let note = Note::read(text);
    let chars = text.chars().count();
    let sound = |range: &std::ops::Range<usize>| {
        range.start <= range.end && text.get(range.clone()).is_some()
    };
    let mut last = 0;
    for word in note.words() {
        prop_assert!(sound(&word.range) && word.range.start >= last && !word.form.is_empty());
        last = word.range.end;
    }
    let mut last = 0;
    for section in note.sections() {
        prop_assert!(sound(&section.range) && sound(&section.heading));
        prop_assert!(section.range.start >= last);
        last = section.range.end;
    }
    prop_assert_eq!(last, text.len());
    let mut last = 0;
    for sentence in note.sentences() {
        prop_assert!(sound(&sentence.range) && sentence.range.start >= last);
        last = sentence.range.end;
    }
    for phrase in note.phrases() {
        prop_assert_eq!(text.get(phrase.range.clone()), Some(phrase.text));
        prop_assert_eq!(note.assertion(phrase.range.clone()), phrase.assertion);
        let within = note.chars(phrase.range.clone());
        let cut: String = text.chars().skip(within.start).take(within.len()).collect();
        prop_assert_eq!(cut.as_str(), phrase.text);
        let _ = note.attributes(phrase.range);
    }
    for cause in note.external_causes() {
        prop_assert!(sound(&cause));
    }
    let _ = (
        note.pregnancy(),
        note.tobacco(),
        note.insulin(),
        note.encounter(),
    );
    let mut last = 0;
    for identifier in identifiers(text) {
        prop_assert!(identifier.start < identifier.end && identifier.start >= last);
        prop_assert!(identifier.end <= chars);
        last = identifier.end;
    }
    // What is printed for a developer shows nothing of the text.
    let printed = format!(
        "{note:?}{:?}",
        note.phrases().next().map(|p| format!("{p:?}"))
    );
    prop_assert!(printed.len() < 200);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read(text in any::<String>()) {
        holds(&text)?;
    }

    #[test]
    fn any_note_is_read(text in pieces()) {
        holds(&text)?;
    }

    #[test]
    fn any_range_has_an_assertion_and_attributes(text in pieces(), a in 0usize..400, b in 0usize..400) {
        let note = Note::read(&text);
        let _ = note.assertion(a..b);
        let _ = note.attributes(a..b);
        let _ = note.chars(a..b);
    }
}

/// Texts that make a careless reader take the square of their length: each is read, which for such a reader would
/// take hours.
#[test]
fn long_texts_of_one_kind_are_read() -> Result<(), TestCaseError> {
    for piece in [
        "no ",
        "a",
        "1. ",
        "no fever, ",
        "history of ",
        "((((",
        ". ",
        "\n",
        "mother ",
        "1/",
        "a@",
        "12-",
        "John ",
        "PMH: ",
        "left ",
        "vs ",
        "5 Oak ",
        "fell ",
        "or, ",
        "’s",
        "1.1.",
        "smoker ",
        "w/",
        "insulin\n",
        "a:",
        "+ ",
    ] {
        let text = piece.repeat(300_000 / piece.len());
        let note = Note::read(&text);
        let mut phrases = 0;
        for phrase in note.phrases() {
            phrases += 1;
            let _ = note.attributes(phrase.range);
        }
        let _ = (
            note.pregnancy(),
            note.tobacco(),
            note.insulin(),
            note.encounter(),
            note.external_causes(),
        );
        let found = identifiers(&text).len();
        prop_assert!(phrases <= text.len() && found <= text.len());
    }
    Ok(())
}
