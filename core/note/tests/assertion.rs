//! What a note says of a finding, case by case: the finding stands in brackets.

use casebook_note::{Assertion, Note};

/// Reads the text without its brackets and compares what is said of what stood in them.
fn check(expected: Assertion, cases: &[&str]) {
    let mut wrong = Vec::new();
    for case in cases {
        let mut text = String::new();
        let mut spans = Vec::new();
        for c in case.chars() {
            match c {
                '[' => spans.push(text.len()..text.len()),
                ']' => {
                    if let Some(span) = spans.last_mut() {
                        span.end = text.len();
                    }
                }
                c => text.push(c),
            }
        }
        assert!(!spans.is_empty(), "{case}");
        let note = Note::read(&text);
        for span in spans {
            let found = note.assertion(span.clone());
            if found != expected {
                wrong.push(format!("{found:?} for {:?} in {case}", &text[span]));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "expected {expected:?}, but\n{}",
        wrong.join("\n")
    );
}

#[test]
fn negated() {
    check(
        Assertion::Negated,
        &[
            "She has never been diagnosed with [hypertension].",
            "No [fever].",
            "No [fever], [chills], or [cough].",
            "No [fever] or [chills]. He has cough.",
            "Denies [chest pain], [shortness of breath], [palpitations].",
            "Patient denies any [nausea] or [vomiting] but has diarrhea",
            "He denies [fever], [chills] and [night sweats].",
            "Denies: [fever]; cough is present",
            "Negative for [headache], [vision changes], [dysuria].",
            "neg. for [DVT]",
            "without [complications]",
            "type 2 diabetes without [retinopathy] or [nephropathy]",
            "pneumonia w/o [sepsis]",
            "There is no evidence of [acute fracture].",
            "No acute [fracture].",
            "no [fracture or dislocation]",
            "[Pulmonary embolism] was ruled out.",
            "[PE] ruled out by CT",
            "[MI] has been ruled out",
            "ruled out for [MI]",
            "CT negative for [PE]",
            "The scan rules out [stroke]",
            "no history of [seizures]",
            "denies history of [DVT]",
            "No h/o [asthma]",
            "No family history of [colon cancer]",
            "FH: no [breast cancer]",
            "Family History: negative for [cancer]",
            "FH: denies [diabetes], [MI]",
            "[Fever]: no\n[Chills]: none",
            "Fever: Yes  [Chills]: No  Cough: Yes",
            "ROS: [fever] (-)",
            "(-) [fever] (+) cough",
            "[Chest pain]: denies",
            "[Edema] absent",
            "[Edema] is not present",
            "no [edema]",
            "Extremities: no [clubbing], [cyanosis], or [edema]",
            "Heart: regular, no [murmurs], [rubs], or [gallops]",
            "He does not have [diabetes].",
            "She doesn't have [asthma]",
            "was not found to have [cancer]",
            "never had [tuberculosis]",
            "[Tuberculosis] is unlikely",
            "Neither [swelling] nor [redness]",
            "The patient has no [chest pain] and no [dyspnea].",
            "There are no signs of [infection].",
            "absence of [infection]",
            "Nontender. No [masses].",
            "No known [drug allergies]",
            "no new [weakness]",
            "[Fever] denied.",
            "[Fever, chills and cough] denied",
            "Impression: No [pneumothorax]. Small effusion.",
            "not consistent with [pneumonia]",
            "no [f/c], no [n/v]",
            "[no fever]",
            "[no evidence of pneumonia]",
            "mother has asthma; patient has no [asthma]",
            "non [diabetic]",
            "Patient does not report [suicidal ideation]",
            "Lungs clear, no [wheezes], [rales], [rhonchi]",
            "Without any evidence of [malignancy]",
            "free of [disease]",
            "Head CT was negative for [acute bleed]",
            "not on [insulin]",
            "lack of [sleep]",
            "No longer smokes. No [alcohol abuse].",
            "[HIV] negative",
            "ROS: Constitutional: no [fever], [weight loss]\nRespiratory: no [cough]",
        ],
    );
}

#[test]
fn affirmed() {
    check(
        Assertion::Affirmed,
        &[
            "He has had [diabetes] since 2010.",
            "[Paraplegia] after a spinal injury ten years ago",
            "He has [pneumonia].",
            "No fever but has [cough].",
            "No fever, has [cough] for two weeks",
            "Denies fever, reports [cough].",
            "Denies chest pain. Has [dyspnea].",
            "No change in his [COPD].",
            "no increase in [edema]",
            "not only [cough] but also [wheezing]",
            "No improvement in [back pain] with therapy",
            "No relief of [pain] with ibuprofen",
            "pain with no fever. [Rash] noted.",
            "no fracture, mild [degenerative changes]",
            "No fracture. Moderate [osteoarthritis]",
            "Impression: No acute fracture, [degenerative changes] at L4",
            "[diabetes] without complications",
            "[Pneumonia] without sepsis, on ceftriaxone",
            "Assessment: [type 2 diabetes] without complications, [hypertension]",
            "1. [Pneumonia], no sepsis 2. [HTN]",
            "All negative except [cough]",
            "denies all symptoms except for [fatigue]",
            "[gram negative sepsis]",
            "triple negative [breast cancer]",
            "3 week history of [cough]",
            "presents with a 3-day history of [abdominal pain]",
            "long-standing history of [low back pain]",
            "[pain] for the past 3 weeks",
            "over the past week [cough] worsened",
            "(-) fever (+) [cough]",
            "fever: no\n[cough]: yes",
            "no fever, +[cough]",
            "HPI: 45 year old man with [knee pain].",
            "A: [Essential hypertension], stable",
            "mother reports [fever] since Monday",
            "Per mother, he had [vomiting] today",
            "Lives with her mother. Has [asthma].",
            "brought by his father with [cough]",
            "[hypertension] not well controlled",
            "[COPD] not responding to inhalers",
            "positive for [influenza]",
            "diagnosed with [lupus]",
            "presents for follow-up of [gout]",
            "Patient is not compliant with CPAP for [sleep apnea]",
            "non-compliant with treatment of [diabetes]",
            "ROS: positive for [numbness] of both feet",
            "denies fever; complains of [sore throat]",
            "History of Present Illness: [cough]",
            "history of asthma, presents with [wheezing]",
            "history of MI who now has [chest pain]",
            "h/o COPD admitted with [pneumonia]",
            "the plan was discussed. [Gout] flare today",
            "[Cough] likely due to viral illness",
            "no fever however [chills] persist",
            "known [cirrhosis]",
            "78 yo with PMH of CHF who was brought in with [fever]",
            "HPI: with PMH of CHF, found to have [UTI]",
            "Problem list:\n[CKD stage 3]\n[Anemia]",
            "[Non-Hodgkin lymphoma]",
            "[non-pressure ulcer] of left heel",
            "The [chest pain] is worse with exertion and not relieved by rest",
            "[Obesity], BMI 41",
            "Discharge diagnoses: 1. [Sepsis]",
            "Postoperative diagnosis: [Inguinal hernia]",
            "[Diabetes] with no complications",
            "He has a history of falls and currently has [hip pain]",
        ],
    );
}

#[test]
fn historical() {
    check(
        Assertion::Historical,
        &[
            "She had a [stroke] in 2018 without residual deficits.",
            "He had [squamous cell carcinoma] removed in 2014, completely cured.",
            "She had [kidney stones] in college, none since.",
            "Weakness after a [spinal injury] ten years ago",
            "history of [breast cancer]",
            "[history of breast cancer]",
            "h/o [MI]",
            "hx of [TIA] in 2015",
            "personal history of [colon polyps]",
            "status post [stroke]",
            "s/p [MI] 2010",
            "previous [DVT]",
            "prior [stroke] without residual",
            "remote [rib fracture]",
            "[Pneumonia], resolved",
            "[Pneumonia] has resolved",
            "[Rash] resolved",
            "had [chickenpox] as a child",
            "[asthma] in childhood",
            "[Kidney stones] 10 years ago",
            "no longer has [migraines]",
            "PMH: history of [prostate cancer]",
            "PMH: h/o [DVT], HTN",
            "HPI: 62F with history of [stroke], [DVT], and [GI bleed] presents with cough",
            "childhood [asthma]",
            "former [smoker]",
            "[Hepatitis C], resolved after treatment",
            "recovered from [COVID-19]",
        ],
    );
}

#[test]
fn a_past_procedure_is_a_status() {
    check(
        Assertion::Status,
        &[
            "s/p [appendectomy]",
            "status post [total knee replacement]",
            "history of [CABG]",
            "s/p left [mastectomy] for breast cancer",
            "PSH: [cholecystectomy], [hysterectomy]",
            "Past Surgical History:\n- [Appendectomy] 1999\n- [hernia repair]",
            "PMH: HTN, [hip replacement]",
            "s/p [ORIF] of the ankle",
            "S/P [kidney transplant]",
            "prior [cesarean section]",
        ],
    );
}

#[test]
fn listed() {
    check(
        Assertion::Listed,
        &[
            "PMH: [HTN], [DM2], [CKD]",
            "Past Medical History:\n1. [Hypertension]\n2. [Asthma]",
            "PMH significant for [hypertension] and [diabetes]. HPI: cough",
            "HPI: 50M with past medical history of [COPD], [CHF] presents with cough",
            "Past medical history includes [gout].",
            "Allergies: [penicillin]",
        ],
    );
}

#[test]
fn family() {
    check(
        Assertion::Family,
        &[
            "Family history of [breast cancer].",
            "FH: [diabetes], [hypertension]",
            "FHx: father with [MI] at 60",
            "Her mother had [breast cancer].",
            "Mother was diagnosed with [lupus].",
            "Father died of [colon cancer]",
            "Brother has [diabetes] and [hypertension]",
            "Mother: [DM], [HTN]",
            "maternal aunt with [ovarian cancer]",
            "[breast cancer] in her mother",
            "[Colon cancer] (father)",
            "strong family history of [CAD]",
            "[Diabetes] runs in the family",
            "Family History:\nMother - [stroke]\nFather - [MI]",
            "[family history of colon cancer]",
        ],
    );
}

#[test]
fn uncertain() {
    check(
        Assertion::Uncertain,
        &[
            "Probable [pneumonia].",
            "possible [appendicitis]",
            "Suspected [DVT]",
            "[DVT] suspected",
            "[Pneumonia] is suspected on CXR",
            "likely [viral gastroenteritis]",
            "[Viral syndrome], likely",
            "Cough likely due to [pneumonia]",
            "r/o [MI]",
            "rule out [sepsis]",
            "R/O [PE], [MI], or [dissection]",
            "[pneumonia] vs [bronchitis]",
            "[CHF] versus [COPD]",
            "consistent with [pneumonia]",
            "Findings compatible with [osteomyelitis]",
            "concern for [cellulitis]",
            "concerning for [malignancy]",
            "suspicious for [malignancy]",
            "suggestive of [diverticulitis]",
            "cannot rule out [fracture]",
            "[Fracture] cannot be excluded",
            "[PE] not ruled out",
            "questionable [infiltrate]",
            "?[pneumonia]",
            "differential includes [gout], [pseudogout], and [septic arthritis]",
            "may represent [metastasis]",
            "might be [shingles]",
            "Working diagnosis: [lupus]",
            "evaluate for [anemia]",
            "appears to be [eczema]",
            "Assessment:\n1. Possible [UTI]\n2. HTN",
            "history of possible [seizure]",
            "most likely [GERD]",
            "presumed [COVID]",
            "[Sepsis] still to be ruled out",
            "unclear if [stroke]",
            "It could be [sarcoidosis]",
            "no fever, possible [bronchitis]",
            "Discharge diagnosis: probable [aspiration pneumonia]",
        ],
    );
}

#[test]
fn uncertainty_ends() {
    check(
        Assertion::Affirmed,
        &[
            "Assessment: Possible UTI, [hypertension]",
            "Probable pneumonia. [COPD]",
            "Likely viral URI; [asthma]",
            "1. Rule out MI 2. [Hyperlipidemia]",
            "[Cough], possible pneumonia",
            "possible pneumonia but definite [hypoxia]",
        ],
    );
}

#[test]
fn hypothetical_screening_and_planned() {
    check(
        Assertion::Hypothetical,
        &[
            "Return if [fever] develops.",
            "Return for [fever], [vomiting], or [worsening pain]",
            "Call if [swelling] or [redness] occurs",
            "at risk for [falls]",
            "High risk for [stroke]",
            "DVT: none. [DVT] prophylaxis with heparin",
            "Watch for [bleeding]",
            "Risks including [infection] and [bleeding] were discussed",
            "Discharge instructions: seek care for [chest pain]",
            "Instructions: [fever] over 101",
            "Return precautions: [shortness of breath]",
            "ibuprofen as needed for [headache]",
            "[fall] risk",
            "exposure to [COVID-19]",
        ],
    );
    check(
        Assertion::Screening,
        &[
            "screening for [colon cancer]",
            "[Screening for diabetes]",
            "screened for [depression]",
            "[hepatitis B] vaccine",
            "vaccination against [influenza]",
        ],
    );
    check(
        Assertion::Planned,
        &[
            "scheduled for [colonoscopy]",
            "will undergo [cholecystectomy]",
            "refer for [physical therapy]",
            "recommend [MRI]",
        ],
    );
}

#[test]
fn the_strongest_cue_counts() {
    check(
        Assertion::Negated,
        &["mother denies [seizures]", "no possible [fracture]"],
    );
    check(Assertion::Uncertain, &["history of probable [TIA]"]);
    check(Assertion::Hypothetical, &["return if possible [infection]"]);
}

#[test]
fn an_empty_or_foreign_range_is_affirmed() {
    let note = Note::read("No fever.");
    assert_eq!(note.assertion(0..0), Assertion::Affirmed);
    assert_eq!(note.assertion(100..200), Assertion::Affirmed);
    assert_eq!(Note::read("").assertion(0..1), Assertion::Affirmed);
}
