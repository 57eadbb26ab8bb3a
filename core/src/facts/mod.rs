//! What tables say about a code, a topic at a time.
//!
//! Each module knows one topic and adds lines to a draft, every one quoted or computed from a row with its edition. A
//! topic without a loaded table adds nothing on a card; where it was asked for, it says which release would answer.

pub(crate) mod attributes;
pub(crate) mod coverage;
pub(crate) mod crosswalk;
pub(crate) mod edits;
pub(crate) mod fees;
pub(crate) mod hcc;
pub(crate) mod history;
pub(crate) mod index_terms;
pub(crate) mod licensed;
pub(crate) mod pcs;
pub(crate) mod poa;

use crate::Error;
use crate::Kind;
use crate::card::Diagnosis;
use crate::code::System;
use crate::compose::Draft;
use crate::lookup::Desk;
use crate::question::Question;
use crate::service::Service;
use crate::topic::Topic;

/// What a question asks about a code; a card asks for everything.
pub(crate) struct Asked<'a> {
    /// The topics.
    pub topics: &'a [Topic],
    /// The question: its words name a state, a locality or a contractor, and its codes carry modifiers.
    pub question: &'a Question,
}

/// Whether a topic is wanted, and with which words it was asked for.
fn wanted<'a>(asked: Option<&Asked<'a>>, topic: Topic) -> Option<&'a str> {
    match asked {
        None => Some(""),
        Some(asked) => asked
            .topics
            .contains(&topic)
            .then_some(asked.question.words.as_str()),
    }
}

/// Why no table answered a topic: it is not loaded, or it says nothing of the code. `None` where only rules can answer.
pub(crate) fn lacking(desk: &Desk<'_>, topic: Topic) -> Option<String> {
    let (kinds, load): (&[Kind], _) = match topic {
        Topic::Fee | Topic::Indicators | Topic::Modifiers => (
            &[Kind::RelativeValues],
            "the fee schedule's relative value file (rvu)",
        ),
        Topic::Units => (&[Kind::Mue], "the medically unlikely edits (ncci-mue)"),
        Topic::Edits => (
            &[Kind::Ptp],
            "the PTP edits (ncci-ptp-practitioner, ncci-ptp-hospital)",
        ),
        Topic::AddOn => (&[Kind::AddOn], "the add-on code edits (ncci-addon)"),
        Topic::Coverage => (
            &[Kind::Lcd, Kind::Article, Kind::Ncd],
            "an export of the coverage database (mcd)",
        ),
        Topic::Hcc => (
            &[Kind::Hcc],
            "the risk adjustment mappings of the payment year (hcc)",
        ),
        Topic::Poa => (&[Kind::PoaExempt], "the POA exempt list (poa)"),
        Topic::Crosswalk => (
            &[Kind::GemForward, Kind::GemBackward],
            "the general equivalence mappings (gems)",
        ),
        Topic::History => (
            &[Kind::Icd10cmConversion],
            "the conversion table (conversion) or a former edition",
        ),
        Topic::Index => (&[Kind::Icd10cmIndex], "the Alphabetic Index (icd10cm)"),
        Topic::Code | Topic::Notes | Topic::Attributes | Topic::Rules => return None,
    };
    let loaded = kinds.iter().find_map(|kind| match kind {
        // These differ by setting, and one of another setting says nothing.
        Kind::Mue | Kind::Ptp => desk.shelf.for_setting(*kind, desk.setting, desk.on),
        kind => desk.shelf.on(*kind, desk.on),
    });
    Some(match loaded {
        Some(edition) => format!(
            "The loaded {} ({}) has nothing on it, which is no answer either way.",
            edition.source, edition.edition
        ),
        None => format!("For that, ask the operator to load {load}."),
    })
}

/// Adds what is known of a service or modifier.
pub(crate) fn service(
    desk: &Desk<'_>,
    service: &Service<'_>,
    asked: Option<&Asked<'_>>,
    draft: &mut Draft,
) -> Result<(), Error> {
    if service.system == System::Icd10pcs && wanted(asked, Topic::Index).is_some() {
        draft.about(Topic::Index);
        pcs::lines(desk, &service.code, draft)?;
    }
    if wanted(asked, Topic::Indicators).is_some() {
        draft.about(Topic::Indicators);
        fees::indicators(desk, service, draft);
    }
    if wanted(asked, Topic::Modifiers).is_some() {
        draft.about(Topic::Modifiers);
        fees::modifiers(desk, service, draft);
    }
    if let Some(words) = wanted(asked, Topic::Fee) {
        draft.about(Topic::Fee);
        match asked {
            Some(asked) => {
                let written = asked.question.modifiers_of(&service.code);
                fees::amount(desk, service, words, &written, draft)?;
            }
            None => fees::in_short(service, draft),
        }
    }
    if wanted(asked, Topic::Units).is_some() {
        draft.about(Topic::Units);
        edits::units(desk, service, draft)?;
    }
    if wanted(asked, Topic::Edits).is_some() {
        draft.about(Topic::Edits);
        edits::pairs(desk, service, draft)?;
    }
    if wanted(asked, Topic::AddOn).is_some() {
        draft.about(Topic::AddOn);
        edits::add_on(desk, service, draft)?;
    }
    if wanted(asked, Topic::Attributes).is_some() {
        draft.about(Topic::Attributes);
        attributes::lines(desk, service, draft)?;
    }
    if let Some(words) = wanted(asked, Topic::Coverage) {
        draft.about(Topic::Coverage);
        coverage::lines(
            desk,
            service.system,
            &service.code,
            words,
            asked.is_some(),
            draft,
        )?;
    }
    if wanted(asked, Topic::Crosswalk).is_some() {
        draft.about(Topic::Crosswalk);
        crosswalk::lines(desk, service.system, &service.code, draft)?;
    }
    if wanted(asked, Topic::History).is_some() {
        draft.about(Topic::History);
        history::service(desk, service, asked.is_some(), draft)?;
    }
    Ok(())
}

/// Adds what tables beside the tabular list say of a diagnosis.
pub(crate) fn diagnosis(
    desk: &Desk<'_>,
    diagnosis: &Diagnosis,
    asked: Option<&Asked<'_>>,
    draft: &mut Draft,
) -> Result<(), Error> {
    let key = diagnosis.entry.key.as_str();
    if wanted(asked, Topic::Poa).is_some() && diagnosis.entry.billable {
        draft.about(Topic::Poa);
        poa::line(desk, key, asked.is_some(), draft)?;
    }
    if wanted(asked, Topic::Hcc).is_some() {
        draft.about(Topic::Hcc);
        hcc::line(desk, key, asked.is_some(), draft)?;
    }
    if wanted(asked, Topic::Crosswalk).is_some() {
        draft.about(Topic::Crosswalk);
        crosswalk::lines(desk, System::Icd10cm, key, draft)?;
    }
    if wanted(asked, Topic::History).is_some() {
        draft.about(Topic::History);
        history::diagnosis(desk, key, draft)?;
    }
    if wanted(asked, Topic::Index).is_some() {
        draft.about(Topic::Index);
        index_terms::lines(desk, key, draft)?;
    }
    if let Some(words) = wanted(asked, Topic::Coverage) {
        draft.about(Topic::Coverage);
        coverage::lines(desk, System::Icd10cm, key, words, asked.is_some(), draft)?;
    }
    Ok(())
}
