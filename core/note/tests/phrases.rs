//! Which phrases are proposed for a look-up.

use casebook_note::{Assertion, Note, SectionKind};

/// The text yields these phrases, among others.
fn has(text: &str, expected: &[&str]) {
    let note = Note::read(text);
    let found: Vec<&str> = note.phrases().map(|p| p.text).collect();
    for phrase in expected {
        assert!(
            found.contains(phrase),
            "{phrase:?} of {text:?} is not in {found:?}"
        );
    }
}

/// The text yields exactly these phrases.
fn is(text: &str, expected: &[&str]) {
    let note = Note::read(text);
    let found: Vec<&str> = note.phrases().map(|p| p.text).collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn a_sentence_in_pieces_and_together() {
    is("Pneumonia.", &["Pneumonia"]);
    is("HTN, DM, and CKD", &["HTN", "DM", "CKD"]);
    is("She has a severe headache today.", &["severe headache"]);
    is("no fever", &["fever"]);
    is("denies chest pain", &["chest pain"]);
    has(
        "nausea and vomiting",
        &["nausea and vomiting", "nausea", "vomiting"],
    );
    has(
        "anemia due to blood loss",
        &["anemia due to blood loss", "anemia", "blood loss"],
    );
    has(
        "hypertension with CKD stage 3",
        &[
            "hypertension with CKD stage 3",
            "hypertension",
            "CKD stage 3",
        ],
    );
    has(
        "diabetes without complications",
        &["diabetes without complications", "diabetes"],
    );
    has("HTN/DM", &["HTN", "DM"]);
    has(
        "presents with pain in the left knee for 3 weeks",
        &["pain in the left knee"],
    );
    has(
        "Patient complains of shortness of breath and cough",
        &["shortness of breath", "cough"],
    );
    has("pneumonia vs bronchitis", &["pneumonia", "bronchitis"]);
    has(
        "fracture of right distal radius",
        &["fracture of right distal radius"],
    );
    has(
        "sepsis secondary to pyelonephritis",
        &[
            "sepsis secondary to pyelonephritis",
            "sepsis",
            "pyelonephritis",
        ],
    );
    has("a, b", &[]);
    has("The patient was seen.", &[]);
}

#[test]
fn items_and_what_follows_a_comma() {
    has(
        "Assessment:\n1. Type 2 diabetes, uncontrolled",
        &["Type 2 diabetes, uncontrolled", "Type 2 diabetes"],
    );
    has("Diabetes mellitus, type 2", &["Diabetes mellitus, type 2"]);
    has(
        "osteoarthritis (left knee)",
        &["osteoarthritis (left knee)", "osteoarthritis"],
    );
    has("1. HTN 2. Acute cystitis", &["HTN", "Acute cystitis"]);
    has(
        "- low back pain\n- sciatica, left side",
        &["low back pain", "sciatica, left side"],
    );
}

#[test]
fn a_cue_that_is_part_of_a_name_stays_with_it() {
    has(
        "history of breast cancer",
        &["history of breast cancer", "breast cancer"],
    );
    has(
        "screening for colon cancer",
        &["screening for colon cancer", "colon cancer"],
    );
    has(
        "family history of colon cancer",
        &["family history of colon cancer"],
    );
    has("s/p appendectomy", &["s/p appendectomy", "appendectomy"]);
}

#[test]
fn a_phrase_knows_its_section_and_what_is_said_of_it() {
    let note = Note::read("PMH: asthma\nFH: stroke\nAssessment: cough, no fever");
    let found: Vec<_> = note
        .phrases()
        .map(|p| (p.text, p.section, p.assertion))
        .collect();
    assert_eq!(
        found,
        [
            ("asthma", SectionKind::PastMedical, Assertion::Listed),
            ("stroke", SectionKind::Family, Assertion::Family),
            (
                "cough, no fever",
                SectionKind::Assessment,
                Assertion::Affirmed
            ),
            ("cough", SectionKind::Assessment, Assertion::Affirmed),
            ("fever", SectionKind::Assessment, Assertion::Negated),
        ]
    );
}

#[test]
fn offsets_count_characters() {
    let note = Note::read("Größe normal. Übelkeit und cough");
    let cough = note.phrases().find(|p| p.text.ends_with("cough")).unwrap();
    let chars = note.chars(cough.range);
    let text: String = note
        .text()
        .chars()
        .skip(chars.start)
        .take(chars.len())
        .collect();
    assert_eq!(text, cough.text);
}

#[test]
fn a_phrase_prints_no_text() {
    let note = Note::read("sarcoidosis");
    let printed = format!("{:?} {note:?}", note.phrases().next().unwrap());
    assert!(!printed.contains("sarcoidosis"), "{printed}");
}
