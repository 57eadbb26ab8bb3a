//! What qualifies a finding, case by case: the finding stands in brackets.

use casebook_note::{
    Acuity, Attributes, Care, Healing, Laterality, Note, Severity, Tobacco, Trimester,
};

fn of(case: &str) -> Attributes {
    let start = case.find('[').unwrap_or_default();
    let end = case.find(']').map_or(start, |end| end - 1);
    assert!(start < end, "{case}");
    let text = case.replace(['[', ']'], "");
    Note::read(&text).attributes(start..end)
}

#[test]
fn laterality() {
    use Laterality::*;
    for (case, expected) in [
        ("[left knee pain]", Some(Left)),
        ("[pain] in the left knee", Some(Left)),
        ("[pain] in right shoulder", Some(Right)),
        ("L knee [osteoarthritis]", Some(Left)),
        ("[osteoarthritis] R hip", Some(Right)),
        ("[cataract] (R)", Some(Right)),
        ("bilateral [edema]", Some(Bilateral)),
        ("[edema] b/l", Some(Bilateral)),
        ("[numbness] of both feet", Some(Bilateral)),
        ("[pain] in right and left knees", Some(Bilateral)),
        ("left [otitis media], right knee pain", Some(Left)),
        ("left otitis media, right [knee pain]", Some(Right)),
        ("[fracture], right distal radius", Some(Right)),
        ("right-sided [weakness]", Some(Right)),
        ("Lt [hydronephrosis]", Some(Left)),
        // None of these is a side.
        ("[cough] and he left the ED", None),
        ("right handed man with [headache]", None),
        ("[pain] right now", None),
        ("[HTN]", None),
        ("[back pain] at L4-L5", None),
        ("class R [thing]", None),
        ("[rash], pain in left arm and right leg", None),
    ] {
        assert_eq!(of(case).laterality.map(|f| f.value), expected, "{case}");
    }
}

#[test]
fn acuity_and_severity() {
    for (case, expected) in [
        ("acute [bronchitis]", Some(Acuity::Acute)),
        ("[acute bronchitis]", Some(Acuity::Acute)),
        ("chronic [low back pain]", Some(Acuity::Chronic)),
        (
            "acute on chronic [systolic heart failure]",
            Some(Acuity::AcuteOnChronic),
        ),
        ("[COPD] exacerbation", Some(Acuity::AcuteOnChronic)),
        ("subacute [cough]", Some(Acuity::Subacute)),
        ("acute cough, [diabetes]", None),
        ("[asthma]", None),
    ] {
        assert_eq!(of(case).acuity.map(|f| f.value), expected, "{case}");
    }
    for (case, expected) in [
        ("mild [asthma]", Some(Severity::Mild)),
        ("[depression], severe", None),
        ("moderate to severe [stenosis]", Some(Severity::Severe)),
        ("[moderate malnutrition]", Some(Severity::Moderate)),
    ] {
        assert_eq!(of(case).severity.map(|f| f.value), expected, "{case}");
    }
}

#[test]
fn stages() {
    for (case, expected) in [
        ("[CKD stage 3b]", Some("3b")),
        ("[CKD] stage IIIb", Some("3b")),
        ("[CKD], stage 4", Some("4")),
        ("[CKD 3a]", Some("3a")),
        ("[chronic kidney disease] stage 3 B", Some("3b")),
        ("stage 2 [pressure ulcer] of sacrum", Some("2")),
        ("stage IV [sacral decubitus]", Some("4")),
        ("unstageable [pressure ulcer]", Some("unstageable")),
        ("[type 2 diabetes]", None),
        ("[CKD]", None),
        ("stage 3 CKD, [HTN]", None),
    ] {
        assert_eq!(
            of(case).stage.map(|f| f.value).as_deref(),
            expected,
            "{case}"
        );
    }
}

#[test]
fn the_phase_of_care() {
    for (case, expected) in [
        ("[ankle fracture], initial encounter", Some(Care::Initial)),
        ("follow-up of [wrist fracture]", Some(Care::Subsequent)),
        ("[fracture] healing well", Some(Care::Subsequent)),
        ("f/u [radius fracture]", Some(Care::Subsequent)),
        (
            "CC: cast check\nAssessment: [tibia fracture]",
            Some(Care::Subsequent),
        ),
        ("status post ORIF of [hip fracture]", Some(Care::Subsequent)),
        ("[contracture], sequela of burn", Some(Care::Sequela)),
        ("[scar] late effect of burn", Some(Care::Sequela)),
        (
            "CC: fell. Assessment: [ankle fracture]. Follow up in 2 weeks",
            None,
        ),
        ("[ankle sprain]", None),
    ] {
        assert_eq!(of(case).care.map(|f| f.value), expected, "{case}");
    }
    for (case, expected) in [
        ("[fracture] with routine healing", Some(Healing::Routine)),
        ("[fracture] with delayed healing", Some(Healing::Delayed)),
        ("nonunion of [fracture]", Some(Healing::Nonunion)),
        ("[fracture] malunion", Some(Healing::Malunion)),
        ("[fracture]", None),
    ] {
        assert_eq!(of(case).healing.map(|f| f.value), expected, "{case}");
    }
}

#[test]
fn pregnancy() {
    use Trimester::*;
    for (text, expected) in [
        ("G2P1 at 28 weeks", Some((Some(28), Third))),
        ("pregnant, 13 weeks", Some((Some(13), First))),
        ("IUP at 14w0d", Some((Some(14), Second))),
        ("EGA 27 6/7 weeks", Some((Some(27), Second))),
        ("32 weeks of gestation", Some((Some(32), Third))),
        ("32+4 weeks pregnant", Some((Some(32), Third))),
        ("pregnancy in second trimester", Some((None, Second))),
        ("1st trimester bleeding", Some((None, First))),
        ("pain for 6 weeks", None),
        ("pregnant, seen 6 weeks ago", None),
        ("newborn born at 34 weeks gestation", None),
        ("", None),
    ] {
        let found = Note::read(text)
            .pregnancy()
            .map(|f| (f.value.weeks, f.value.trimester));
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn tobacco_and_insulin() {
    use Tobacco::*;
    for (text, expected) in [
        ("SH: smokes 1 ppd", Some(Current)),
        ("current every day smoker", Some(Current)),
        ("Former smoker, quit 2005", Some(Former)),
        ("smoker 1 ppd, quit in 2010", Some(Former)),
        ("never smoker", Some(Never)),
        ("denies tobacco use", Some(Never)),
        ("Does not smoke.", Some(Never)),
        ("Tobacco use: never", Some(Never)),
        ("Tobacco: none", Some(Never)),
        ("history of smoking", Some(Former)),
        ("FH: father smoker", None),
        ("counseled on smoking cessation", None),
        ("cough", None),
    ] {
        let found = Note::read(text).tobacco().map(|f| f.value);
        assert_eq!(found, expected, "{text}");
    }
    for (text, expected) in [
        ("20 units of Lantus at bedtime", true),
        ("insulin glargine 20 units", true),
        ("on insulin", true),
        ("insulin resistance", false),
        ("non-insulin dependent diabetes", false),
        ("not on insulin", false),
        ("denies insulin use", false),
        ("metformin", false),
    ] {
        assert_eq!(Note::read(text).insulin().is_some(), expected, "{text}");
    }
}

#[test]
fn external_causes() {
    for (text, expected) in [
        (
            "He fell from a ladder. Has wrist pain.",
            &["He fell from a ladder"][..],
        ),
        ("Involved in MVA yesterday", &["Involved in MVA yesterday"]),
        ("Bitten by a dog", &["Bitten by a dog"]),
        ("tripped over a rug", &["tripped over a rug"]),
        ("denies a fall", &[]),
        ("fell asleep", &[]),
        ("fall risk", &[]),
        ("at risk for a fall", &[]),
        ("FH: mother fell", &[]),
    ] {
        let note = Note::read(text);
        let found: Vec<_> = note
            .external_causes()
            .into_iter()
            .map(|r| &note.text()[r])
            .collect();
        assert_eq!(found, expected, "{text}");
    }
}
