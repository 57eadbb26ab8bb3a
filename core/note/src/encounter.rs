//! Outpatient, or inpatient at discharge: it decides whether an uncertain diagnosis is coded.

use std::sync::LazyLock;

use crate::Note;
use crate::sections::SectionKind;
use crate::words::Lexicon;

/// Where the patient was treated, by what the note says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encounter {
    /// Office, clinic, emergency department, observation, outpatient surgery (Official Guidelines IV).
    Outpatient,
    /// An inpatient stay that is over: uncertain diagnoses documented at discharge are coded as if established
    /// (Official Guidelines II.H). A progress note in mid-stay is not this.
    InpatientAtDischarge,
    /// The note does not say, or not clearly.
    Unknown,
}

#[derive(Clone, Copy, PartialEq)]
enum Cue {
    Summary,
    Admitted,
    Discharged,
    Outpatient,
}

static CUES: LazyLock<Lexicon<Cue>> = LazyLock::new(|| {
    let lists = [
        (
            Cue::Summary,
            "discharge summary|date of discharge|discharge date|hospital course|inpatient discharge",
        ),
        (
            Cue::Admitted,
            "admitted|was admitted|admission|hospital day|hospitalization|inpatient|hospitalized|admit date|\
             date of admission|admission date|icu|transferred to the floor|medical floor",
        ),
        (
            Cue::Discharged,
            "discharged|discharge|discharged home|discharged to|stable for discharge",
        ),
        (
            Cue::Outpatient,
            "office visit|clinic|in clinic|outpatient|office|telehealth|telemedicine|video visit|emergency department|\
             emergency room|ed course|ed|er|urgent care|ambulatory|same day surgery|return to clinic|rtc|new patient|\
             established patient|today's visit|observation status|placed in observation|admitted to observation|\
             observation|ambulatory surgery|day surgery|annual physical|wellness visit|follow up visit|walk in",
        ),
    ];
    Lexicon::new(
        lists
            .into_iter()
            .flat_map(|(cue, phrases)| phrases.split('|').map(move |p| (p.trim(), cue))),
    )
});

/// The setting of a note.
pub(crate) fn of(note: &Note) -> Encounter {
    let found = CUES.all(note.words(), 0..note.words().len());
    let has = |cue: Cue| found.iter().any(|(_, c)| *c == cue);
    let section = |kind: SectionKind| note.sections().iter().any(|s| s.kind == kind);
    let admitted = has(Cue::Admitted) || section(SectionKind::AdmissionDiagnoses);
    let summary = has(Cue::Summary) || section(SectionKind::HospitalCourse);
    let diagnoses = section(SectionKind::DischargeDiagnoses);
    let outpatient = has(Cue::Outpatient);
    // An emergency department writes discharge diagnoses, too.
    if summary && (admitted || diagnoses || !outpatient)
        || diagnoses && (admitted || !outpatient)
        || admitted && has(Cue::Discharged) && !outpatient
    {
        Encounter::InpatientAtDischarge
    } else if outpatient && !admitted {
        Encounter::Outpatient
    } else {
        Encounter::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Encounter::*;

    #[test]
    fn the_setting_by_its_cues() {
        for (text, expected) in [
            (
                "Discharge Diagnoses:\n1. Probable pneumonia",
                InpatientAtDischarge,
            ),
            (
                "DISCHARGE SUMMARY\nDate of admission: x",
                InpatientAtDischarge,
            ),
            ("Hospital course: he improved.", InpatientAtDischarge),
            (
                "Admitted with sepsis. Discharged home on hospital day 4.",
                InpatientAtDischarge,
            ),
            (
                "Brought to the ED, admitted to the floor.\nHospital Course: fine",
                InpatientAtDischarge,
            ),
            ("Office visit for cough", Outpatient),
            ("Seen in clinic today", Outpatient),
            (
                "ED course: fluids. Discharge diagnosis: gastroenteritis",
                Outpatient,
            ),
            (
                "Seen in the emergency department and discharged home",
                Outpatient,
            ),
            ("Telehealth visit", Outpatient),
            ("Hospital day 3. Continue antibiotics.", Unknown),
            ("Cough and fever", Unknown),
            ("", Unknown),
        ] {
            assert_eq!(of(&Note::read(text)), expected, "{text}");
        }
    }
}
