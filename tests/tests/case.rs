//! From a case to codes, rule by rule: on a small list of our own and without a model, so that it is the same on every
//! machine. How well real notes are read is measured in `real.rs`.

use std::path::Path;
use std::sync::OnceLock;

use casebook_core::case::{LONGEST, Suggestion};
use casebook_core::{
    Answer, Case, Casebook, Encounter, Intent, Request, Settings, StarterCorpus, StoreSettings,
    Unread, Verdict,
};
use chrono::NaiveDate;
use proptest::prelude::*;
use tokio::runtime::Runtime;

/// The engine on the list of `fixtures/case.xml`, made once.
fn engine() -> &'static (Runtime, Casebook, tempfile::TempDir) {
    static ENGINE: OnceLock<(Runtime, Casebook, tempfile::TempDir)> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let runtime = Runtime::new().unwrap();
        let data = tempfile::tempdir().unwrap();
        let starter = StarterCorpus {
            file: Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/case.xml"),
            name: "fixtures/case.xml".into(),
            sha256: "not loaded yet".into(),
        };
        let settings = Settings {
            data: data.path().to_owned(),
            store: StoreSettings::Edge,
        };
        let casebook = runtime
            .block_on(Casebook::open(&settings, Some(&starter), None, &|_| ()))
            .unwrap();
        (runtime, casebook, data)
    })
}

fn on() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 5, 1).unwrap()
}

fn read(text: &str, encounter: Option<Encounter>) -> Result<Case, Unread> {
    let (runtime, casebook, _) = engine();
    runtime
        .block_on(casebook.case(text, encounter, on()))
        .unwrap()
}

fn case(text: &str) -> Case {
    read(text, Some(Encounter::Outpatient)).unwrap()
}

fn codes(list: &[Suggestion]) -> Vec<&str> {
    list.iter().map(|s| s.code.code.as_str()).collect()
}

/// The coded codes of a note, in order.
fn coded(text: &str, expected: &[&str]) {
    let case = case(text);
    assert_eq!(codes(&case.codes), expected, "{text}");
}

fn considered(text: &str, code: &str, because: &str) {
    let case = case(text);
    let found = case.consider.iter().find(|s| s.code.code == code);
    let found = found.unwrap_or_else(|| panic!("{code} is not considered in {text}"));
    let reason = found.reason.as_deref().unwrap_or_default();
    assert!(reason.contains(because), "{reason}");
    assert!(!codes(&case.codes).contains(&code));
}

fn set_aside(case: &Case) -> Vec<(&str, &str)> {
    case.set_aside
        .iter()
        .map(|s| (s.words.text.as_str(), s.because.as_str()))
        .collect()
}

fn asks(text: &str, says: &str) {
    let case = case(text);
    assert!(
        case.questions.iter().any(|q| q.text.contains(says)),
        "{text}: {:?}",
        case.questions.iter().map(|q| &q.text).collect::<Vec<_>>()
    );
}

#[test]
fn a_phrase_that_calls_a_code_by_name_is_coded() {
    coded("Assessment: essential hypertension.", &["I10"]);
    coded("He came with pneumonia.", &["J18.9"]);
    coded("Assessment: chronic systolic heart failure", &["I50.22"]);
    // No name fits: nothing is guessed.
    coded("The patient feels much better and enjoys gardening.", &[]);
    coded("Assessment: exotic jungle syndrome of the elbow", &[]);
}

#[test]
fn the_variant_is_what_the_note_says() {
    coded(
        "Assessment: primary osteoarthritis of the left knee",
        &["M17.12"],
    );
    coded("Assessment: chronic kidney disease, stage 3b", &["N18.32"]);
    coded(
        "Assessment: fracture of the lower end of right radius",
        &["S52.501A"],
    );
    coded(
        "Follow-up visit. Assessment: fracture of the lower end of right radius, routine healing",
        &["S52.501D"],
    );
    coded(
        "G2P1 at 34 weeks. Assessment: severe pre-eclampsia",
        &["O14.13", "Z3A.34"],
    );
    // One of each side, where no code is of both.
    let both = case("Assessment: bilateral fracture of the lower end of radius");
    assert_eq!(codes(&both.codes), ["S52.501A", "S52.502A"]);
}

#[test]
fn what_is_missing_is_asked() {
    asks("Assessment: primary osteoarthritis of knee", "M17.11");
    asks(
        "Assessment: fracture of the lower end of radius",
        "which side",
    );
    asks("Assessment: severe pre-eclampsia", "trimester");
    asks("Assessment: chronic kidney disease", "N18.3");
}

#[test]
fn what_is_not_so_is_set_aside() {
    let case = case(
        "No pneumonia. Mother had breast cancer. Personal history of pneumonia in 2014. Possible asthma. \
         Assessment: essential hypertension.",
    );
    assert_eq!(codes(&case.codes), ["I10"]);
    let aside = set_aside(&case);
    for expected in [
        ("pneumonia", "negated"),
        ("breast cancer", "family"),
        ("asthma", "uncertain"),
    ] {
        assert!(aside.contains(&expected), "{expected:?} in {aside:?}");
    }
    assert!(aside.iter().any(|(_, because)| *because == "historical"));
    // A history that the code set names is to be considered.
    let considered = codes(&case.consider);
    assert!(
        considered.contains(&"Z80.3") && considered.contains(&"Z87.01"),
        "{considered:?}"
    );
}

#[test]
fn an_uncertain_diagnosis_counts_at_discharge_only() {
    let text = "Final diagnosis: probable pneumonia.";
    let outpatient = read(text, Some(Encounter::Outpatient)).unwrap();
    assert!(outpatient.codes.is_empty());
    assert_eq!(set_aside(&outpatient), [("pneumonia", "uncertain")]);
    let inpatient = read(text, Some(Encounter::InpatientAtDischarge)).unwrap();
    assert_eq!(codes(&inpatient.codes), ["J18.9"]);
    assert!(
        inpatient.codes[0]
            .citations
            .iter()
            .any(|c| c.locator.starts_with("II.H"))
    );
    // What is coded only when confirmed is not, anywhere.
    let text = "Final diagnosis: probable influenza of an identified strain.";
    let inpatient = read(text, Some(Encounter::InpatientAtDischarge)).unwrap();
    assert!(inpatient.codes.is_empty());
    // The note itself says where it was.
    let told = read(
        "DISCHARGE SUMMARY\nHospital course: improved.\nDischarge diagnosis: probable pneumonia",
        None,
    );
    assert_eq!(told.unwrap().encounter, "inpatient");
    let unknown = read("Impression: probable pneumonia", None).unwrap();
    assert!(
        unknown
            .questions
            .iter()
            .any(|q| q.text.contains("inpatient"))
    );
}

#[test]
fn a_symptom_gives_way_to_a_diagnosis() {
    considered(
        "Cough for a week. Assessment: pneumonia.",
        "R05.9",
        "no routine part",
    );
    // Without a diagnosis it is what is known.
    coded("Assessment: cough", &["R05.9"]);
    // By itself among the diagnoses it stays.
    coded(
        "Assessment: chest pain; essential hypertension",
        &["R07.9", "I10"],
    );
    // The classification asks for it.
    coded(
        "Assessment: enlarged prostate with trouble of the urine. Weak urinary stream.",
        &["N40.1", "R39.12"],
    );
}

#[test]
fn the_most_particular_code_stands_alone() {
    coded(
        "Heart failure for years. Assessment: chronic systolic heart failure",
        &["I50.22"],
    );
    coded("Type 2 diabetes. Assessment: type 2 diabetes", &["E11.9"]);
}

#[test]
fn hypertension_and_what_it_is_presumed_to_cause() {
    let heart = case("Assessment: essential hypertension, chronic systolic heart failure");
    assert_eq!(codes(&heart.codes), ["I11.0", "I50.22"]);
    assert!(
        heart.codes[0]
            .citations
            .iter()
            .any(|c| c.locator.starts_with("I.C.9.a"))
    );
    let kidney = case("Assessment: essential hypertension; chronic kidney disease, stage 3b");
    assert_eq!(codes(&kidney.codes), ["I12.9", "N18.32"]);
}

#[test]
fn with_presumes_the_link() {
    let case = case("Assessment: type 2 diabetes; chronic kidney disease, stage 3b");
    assert_eq!(codes(&case.codes), ["E11.22", "N18.32"]);
    let order = case
        .conflicts
        .iter()
        .find(|c| c.codes == ["E11.22", "N18.32"]);
    let order = order.expect("the order is prescribed");
    assert_eq!(order.rule, "code_first");
    assert_eq!(order.citation.quote, "kidney disease of diabetes (E11.22)");
}

#[test]
fn two_diagnoses_that_exclude_one_another_are_a_conflict() {
    let case = case("Assessment: Codes E10.9 and E11.22 were used before.");
    assert_eq!(codes(&case.codes), ["E10.9", "E11.22"]);
    let clash = case
        .conflicts
        .iter()
        .find(|c| c.rule == "excludes1")
        .expect("a conflict");
    assert_eq!(clash.citation.quote, "type 2 diabetes (E11.-)");
}

#[test]
fn numbers_and_drugs_are_coded_where_a_diagnosis_asks() {
    coded(
        "Assessment: obesity, class 3, BMI 46.2",
        &["E66.813", "Z68.42"],
    );
    considered(
        "BMI 46.2. Assessment: essential hypertension",
        "Z68.42",
        "body mass index",
    );
    coded(
        "Takes metformin and insulin. Assessment: type 2 diabetes",
        &["E11.9", "Z79.84", "Z79.4"],
    );
    considered(
        "Takes apixaban. Assessment: pneumonia",
        "Z79.01",
        "taken for long",
    );
    coded(
        "Assessment: pneumonia. On apixaban long term.",
        &["J18.9", "Z79.01"],
    );
    considered("Former smoker. Assessment: pneumonia", "Z87.891", "tobacco");
}

#[test]
fn codes_in_the_note_are_looked_up() {
    coded("Asthma, and raised pressure (I10).", &["I10", "J45.909"]);
    asks("Assessment: M54.5", "needs more characters");
    // A number is no procedure by itself.
    let case = case("Platelets 99213, room 20610. Billed CPT 62323 with 77003.");
    let services: Vec<&str> = codes(&case.codes);
    assert_eq!(services, ["62323", "77003"]);
}

#[test]
fn the_past_and_the_examination_are_only_considered() {
    considered(
        "PMH: asthma\nAssessment: pneumonia",
        "J45.909",
        "past history",
    );
    considered(
        "Exam: fever\nAssessment: essential hypertension",
        "R50.9",
        "findings",
    );
    let planned = case("Screening for breast cancer is planned. Return if chest pain.");
    assert!(planned.codes.is_empty() && planned.consider.is_empty());
}

#[test]
fn what_identifies_a_patient_is_no_evidence() {
    let case = case("Patient: John Fever, MRN 4471829, phone 312-555-0148. Assessment: pneumonia.");
    let kinds: Vec<&str> = case.identifiers.iter().map(|i| i.kind).collect();
    assert!(
        ["name", "record_number", "phone"]
            .iter()
            .all(|k| kinds.contains(k)),
        "{kinds:?}"
    );
    let shown = serde_json::to_string(&case).unwrap();
    for hidden in ["John", "4471829", "555-0148"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
}

#[test]
fn what_cannot_be_read_says_why() {
    assert_eq!(read("  \n", None).err(), Some(Unread::Empty));
    assert_eq!(read("a\u{0}b", None).err(), Some(Unread::Binary));
    assert_eq!(
        read(&"ü ".repeat(LONGEST), None).err(),
        Some(Unread::TooLong)
    );
    assert!(read(&"ü ".repeat(LONGEST / 2), None).is_ok());
    for why in [
        Unread::Empty,
        Unread::TooLong,
        Unread::Binary,
        Unread::NoCodes,
    ] {
        assert!(why.sentence().ends_with('.'));
    }
}

#[test]
fn nothing_of_the_note_is_in_debug() {
    let text = "Patient: Wilhelmina Zzyzx. Assessment: pneumonia.";
    let case = case(text);
    let shown = format!("{case:?}");
    assert!(
        !shown.contains("neumonia") && !shown.contains("Zzyzx"),
        "{shown}"
    );
    let request = Request {
        intent: Intent::Case,
        text: text.into(),
        ..Request::default()
    };
    assert!(!format!("{request:?}").contains("neumonia"));
}

const NOTE: &str = "Patient: Marlene Okafor, MRN 4471829. Seen in clinic for follow-up.\n\
PMH: asthma. Mother had breast cancer. Former smoker.\n\
HPI: She reports a cough but no fever and no chest pain. Takes metformin.\n\
Assessment:\n\
1. Type 2 diabetes with chronic kidney disease stage 3b\n\
2. Essential hypertension\n\
3. Primary osteoarthritis of knee\n\
4. Possible pneumonia\n\
5. Obesity, class 3, BMI 46.2\n";

fn answer(text: &str) -> Answer {
    let (runtime, casebook, _) = engine();
    let request = Request {
        intent: Intent::Case,
        text: text.into(),
        as_of: Some(on()),
        ..Request::default()
    };
    runtime.block_on(casebook.ask(&request)).unwrap()
}

#[test]
fn a_case_in_chat() {
    let answer = answer(NOTE);
    let mut page = format!("{:?}\n", answer.verdict);
    for line in &answer.lines {
        assert!(!line.citations.is_empty(), "{}", line.text);
        page.push_str(&format!("- {} {:?}\n", line.text, line.citations));
    }
    for c in &answer.citations {
        page.push_str(&format!(
            "[{}] {} | {} | {} | {}\n",
            c.n, c.source, c.locator, c.edition, c.quote
        ));
    }
    insta::assert_snapshot!(page);
}

#[test]
fn a_note_without_a_condition_is_no_answer() {
    for text in [
        "The weather was fine and the visit was short.",
        "",
        "a\u{0}b",
    ] {
        let answer = answer(text);
        assert_eq!(answer.verdict, Verdict::NoAnswer);
        assert!(answer.lines.is_empty() && answer.reason.is_some());
    }
    // A date of the note is no date of service.
    assert_eq!(answer("Pneumonia on 3/1/2012.").as_of, on());
}

#[test]
fn a_case_as_json() {
    insta::assert_json_snapshot!(case(NOTE));
}

/// What a case must be, whatever the text.
fn is_sound(text: &str, case: &Case) {
    let characters: Vec<char> = text.chars().collect();
    let evidence = case
        .codes
        .iter()
        .chain(&case.consider)
        .flat_map(|s| &s.evidence)
        .chain(case.set_aside.iter().map(|s| &s.words));
    for e in evidence {
        assert!(e.start < e.end && e.end <= characters.len());
        let there: String = characters[e.start..e.end].iter().collect();
        assert_eq!(there, e.text);
        for i in &case.identifiers {
            assert!(
                i.end <= e.start || e.end <= i.start,
                "evidence of an identifier"
            );
        }
    }
    for i in &case.identifiers {
        assert!(i.start < i.end && i.end <= characters.len());
    }
    for s in &case.codes {
        assert!(!s.evidence.is_empty() && !s.citations.is_empty());
        assert_eq!(s.code.status, casebook_core::Status::Billable);
    }
    for s in &case.consider {
        assert!(!s.evidence.is_empty() && s.reason.is_some());
    }
    let mut all: Vec<&str> = codes(&case.codes);
    all.extend(codes(&case.consider));
    all.sort_unstable();
    let count = all.len();
    all.dedup();
    assert_eq!(all.len(), count, "a code stands twice");
    let answer = case.answer();
    for line in &answer.lines {
        assert!(!line.citations.is_empty());
    }
}

/// Pieces of notes, and of what is none.
fn piece() -> impl Strategy<Value = String> {
    let known = [
        "Assessment:",
        "PMH:",
        "Exam:",
        "FH:",
        "\n",
        ". ",
        ", ",
        "; ",
        "no ",
        "possible ",
        "history of ",
        "mother had ",
        "type 2 diabetes",
        "pneumonia",
        "chronic kidney disease stage 3b",
        "left knee",
        "osteoarthritis of knee",
        "essential hypertension",
        "heart failure",
        "cough",
        "BMI 46.2",
        "34 weeks",
        "pregnant",
        "I10",
        "(E11.9)",
        "CPT 99213-25",
        "fracture of radius",
        "bilateral",
        "Patient: John Doe",
        "MRN 123456",
        "fell from a ladder",
        "smoker",
        "metformin",
        "s/p ",
        "screening for ",
        "unstageable",
        "with ",
        "without ",
        "TBSA 4%",
        "🙂",
        "é",
        "\u{301}",
    ];
    prop_oneof![
        4 => prop::sample::select(known.to_vec()).prop_map(str::to_owned),
        1 => "\\PC{0,12}",
        1 => "[ -~]{0,20}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_text_gives_a_sound_case(pieces in prop::collection::vec(piece(), 0..40), inpatient: bool) {
        let text = pieces.join(" ");
        let encounter = inpatient.then_some(Encounter::InpatientAtDischarge);
        if let Ok(case) = read(&text, encounter) {
            is_sound(&text, &case);
        }
    }
}

#[test]
fn the_sample_is_sound() {
    is_sound(NOTE, &case(NOTE));
}
