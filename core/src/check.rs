//! Codes held against the NCCI tables: for `casebook check`, and for "can I bill A with B?".
//!
//! The verdicts are `casebook_catalog::check`'s. Here they become what people and scripts read, with citations.

pub(crate) use casebook_catalog::check::Line;
use casebook_catalog::check::{Claim, PairFinding, Standing, Verdict as Edit};
use casebook_releases::ncci::mue::Adjudication;
use chrono::NaiveDate;
use serde::Serialize;

use crate::answer::{Citation, EditionRef, Verdict};
use crate::compose::{Cite, Draft};
use crate::lookup::Desk;
use crate::respond::Setting;
use crate::{Error, Kind};

/// What the tables say, in the shape of `casebook check --json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckPage {
    /// Date of service.
    pub as_of: NaiveDate,
    /// Whose claims.
    pub setting: Setting,
    /// The worst of the findings: `pass`, `fail`, `bypassable` or `no_data`.
    pub verdict: &'static str,
    /// What must be known first: an edition that is not in force on the date.
    pub notices: Vec<String>,
    /// Every ordered pair.
    pub pairs: Vec<Pair>,
    /// The codes that have an MUE, or whose units cannot be checked.
    pub units: Vec<Units>,
    /// The add-on codes among them.
    pub add_ons: Vec<AddOn>,
    /// What no loaded edition covers.
    pub unchecked: Vec<String>,
}

/// What the PTP table says of an ordered pair.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pair {
    /// The code that would be paid.
    pub column1: String,
    /// The code that would not be paid beside it.
    pub column2: String,
    /// `pass`, `fail`, `bypassable` or `no_data`.
    pub verdict: &'static str,
    /// 0 never, 1 with a modifier, 9 not applicable; absent without a row.
    pub modifier_indicator: Option<String>,
    /// Why the edit exists, as the publisher says.
    pub rationale: Option<String>,
    /// One sentence for people.
    pub reason: String,
    /// Modifiers that may bypass the edit.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub may_bypass: Vec<&'static str>,
    /// Where it stands.
    pub citation: Option<Citation>,
}

/// What the MUE table says of a code.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Units {
    /// The code.
    pub code: String,
    /// The most units.
    pub mue: Option<u32>,
    /// How they are counted.
    pub adjudication: Option<&'static str>,
    /// `pass`, `fail`, `bypassable` or `no_data`.
    pub verdict: &'static str,
    /// One sentence for people.
    pub reason: String,
    /// Where it stands.
    pub citation: Option<Citation>,
}

/// What the add-on table says of an add-on code.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AddOn {
    /// The add-on code.
    pub code: String,
    /// Its primary codes, where the publisher lists them.
    pub primaries: Vec<String>,
    /// Those that are billed too.
    pub present: Vec<String>,
    /// `pass`, `fail` or `no_data`.
    pub verdict: &'static str,
    /// One sentence for people.
    pub reason: String,
    /// Where it stands.
    pub citation: Option<Citation>,
}

/// The adjudication indicator in words (NCCI MUE files; Policy Manual, ch. 1, V).
pub(crate) fn adjudication(indicator: Adjudication) -> &'static str {
    match indicator {
        Adjudication::Line => "1: for each line of the claim",
        Adjudication::DatePolicy => "2: for each date of service, absolute by policy",
        Adjudication::DateClinical => "3: for each date of service, by clinical benchmark",
    }
}

fn claim(desk: &Desk<'_>, lines: Vec<Line>) -> Claim {
    Claim {
        lines,
        date: desk.on,
        setting: desk.setting,
    }
}

/// Checks codes as they were typed, each perhaps with modifiers and units.
///
/// # Errors
/// The catalog's. What is no procedure code is named under `unchecked`.
pub(crate) fn page(desk: &Desk<'_>, typed: &[String]) -> Result<CheckPage, Error> {
    let mut lines = Vec::new();
    let mut unchecked = Vec::new();
    for text in typed {
        match text.parse::<Line>() {
            Ok(line) => lines.push(line),
            Err(how) => {
                let shown: String = text.chars().take(20).collect();
                unchecked.push(format!(
                    "{shown}: NCCI tables pair procedure, drug and supply codes; {how}."
                ));
            }
        }
    }
    let checked = desk
        .catalog
        .ncci_check(&claim(desk, lines), desk.shelf.editions())?;
    let cited = |c: &casebook_catalog::check::Citation| Citation {
        n: 0,
        source: c.edition.source.clone(),
        locator: c.locator.clone(),
        edition: named(&c.edition),
        effective: c.edition.effective,
        quote: c.quote.clone(),
        url: c.edition.url.clone(),
        file: c.edition.file.clone(),
    };
    unchecked.extend(checked.unchecked.iter().cloned());
    let mut notices = checked.notices.clone();
    let findings = (checked.pairs.iter().filter_map(|p| p.citation.as_ref()))
        .chain(checked.addons.iter().map(|a| &a.citation));
    for edition in findings
        .filter(|c| c.standing == Standing::Later)
        .map(|c| &c.edition)
    {
        let text = format!(
            "{} {} begins on {}, after {}: it answers by the dates of its rows.",
            edition.source,
            named(edition),
            edition.effective,
            desk.on
        );
        if !notices.contains(&text) {
            notices.push(text);
        }
    }
    // A code that was not checked leaves the whole without a verdict, unless something fails already.
    let verdict = match checked.verdict {
        Edit::Pass if unchecked.len() > checked.unchecked.len() => Edit::NoData,
        verdict => verdict,
    };
    Ok(CheckPage {
        as_of: desk.on,
        setting: desk.setting,
        verdict: verdict.as_str(),
        notices,
        pairs: checked
            .pairs
            .iter()
            .map(|p| Pair {
                column1: p.column1.clone(),
                column2: p.column2.clone(),
                verdict: p.verdict.as_str(),
                modifier_indicator: p.edit.as_ref().map(|e| e.indicator.figure().to_string()),
                rationale: p.edit.as_ref().map(|e| e.rationale.clone()),
                reason: sentence(p),
                may_bypass: p.may_bypass.to_vec(),
                citation: p.citation.as_ref().map(cited),
            })
            .collect(),
        units: checked
            .units
            .iter()
            .map(|u| Units {
                code: u.code.clone(),
                mue: u.mue,
                adjudication: u.adjudication.map(adjudication),
                verdict: u.verdict.as_str(),
                reason: u.reason.clone(),
                citation: u.citation.as_ref().map(cited),
            })
            .collect(),
        add_ons: checked
            .addons
            .iter()
            .map(|a| AddOn {
                code: a.code.clone(),
                primaries: a.primaries.clone(),
                present: a.present.clone(),
                verdict: a.verdict.as_str(),
                reason: a.reason.clone(),
                citation: Some(cited(&a.citation)),
            })
            .collect(),
        unchecked,
    })
}

/// An edition's name with its setting: PTP and MUE tables of one quarter differ by it.
fn named(edition: &crate::catalog::Edition) -> String {
    match edition.setting {
        Some(setting) => format!("{}, {}", edition.edition, setting.label()),
        None => edition.edition.clone(),
    }
}

/// Why no edit table says anything of codes together.
pub(crate) fn uncovered(desk: &Desk<'_>, codes: &[String], date: NaiveDate) -> String {
    let codes = codes.join(" and ");
    if desk.setting == Setting::Dme {
        return format!(
            "No NCCI pair edits are published for DME suppliers, so none says anything of {codes}. What the sources do say \
             about them follows."
        );
    }
    let table = match desk.shelf.for_setting(Kind::Ptp, desk.setting, date) {
        Some(edition) => format!(
            "The loaded {} ({}) do not cover {codes}",
            edition.source,
            named(edition)
        ),
        None => format!(
            "No NCCI edit table for {} claims is loaded",
            desk.setting.label()
        ),
    };
    format!(
        "{table}, so whether {codes} are an edit pair on {date} is not known here. What the sources do say about them \
         follows."
    )
}

/// An edit between two codes, as a case shows it.
pub(crate) struct Edited {
    /// Column 1 first.
    pub codes: Vec<String>,
    /// What it says.
    pub sentence: String,
    /// The row.
    pub source: (Citation, EditionRef),
}

/// The edits that apply between services; silence is no pass, and is not reported here.
pub(crate) fn edits(desk: &Desk<'_>, lines: Vec<Line>) -> Result<Vec<Edited>, Error> {
    let checked = desk
        .catalog
        .ncci_check(&claim(desk, lines), desk.shelf.editions())?;
    let mut edits = Vec::new();
    for pair in checked.pairs.iter().filter(|p| p.verdict > Edit::NoData) {
        let mut draft = Draft::new(desk.on);
        if cite(pair.citation.as_ref(), &mut draft).is_none() {
            continue;
        }
        edits.extend(draft.into_sources().into_iter().map(|source| Edited {
            codes: vec![pair.column1.clone(), pair.column2.clone()],
            sentence: sentence(pair),
            source,
        }));
    }
    Ok(edits)
}

/// How much of a check somebody asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Whether codes go together: pairs and add-on codes.
    Together,
    /// Everything: units, too, and what no loaded table covers.
    Whole,
}

/// The units that are written on codes (`62323x2`), and the text without them, as questions are read.
pub(crate) fn without_units(text: &str) -> (String, Vec<(String, u32)>) {
    let mut units: Vec<(String, u32)> = Vec::new();
    let words: Vec<String> = text
        .split(|c: char| c.is_whitespace() || c == ',' || c == ';')
        .map(|word| match word.parse::<Line>() {
            Ok(line) if line.units.is_some() => {
                units.extend(line.units.map(|n| (line.code.clone(), n)));
                let parts: Vec<&str> = std::iter::once(&line.code)
                    .chain(&line.modifiers)
                    .map(String::as_str)
                    .collect();
                parts.join("-")
            }
            _ => word.to_owned(),
        })
        .collect();
    (words.join(" "), units)
}

/// Adds what the tables say of services together. `None` where no table covers the pair, so that rules may speak; not of a
/// whole check, which says then what is missing.
pub(crate) fn lines(
    desk: &Desk<'_>,
    coded: Vec<Line>,
    extent: Extent,
    draft: &mut Draft,
) -> Result<Option<(Verdict, Option<String>)>, Error> {
    let checked = desk
        .catalog
        .ncci_check(&claim(desk, coded), desk.shelf.editions())?;
    let covered = checked.pairs.iter().any(|p| p.citation.is_some());
    if extent == Extent::Together && !covered && checked.addons.is_empty() {
        return Ok(None);
    }
    let (bad, good): (Vec<_>, Vec<_>) = checked
        .pairs
        .iter()
        .filter(|p| p.citation.is_some())
        .partition(|p| p.verdict > Edit::NoData);
    // An edit decides; where there is none, that is said once for both directions.
    let shown = if bad.is_empty() { good } else { bad };
    for pair in shown {
        if let Some(cite) = cite(pair.citation.as_ref(), draft) {
            draft.line(sentence(pair), &[cite]);
            for written in &pair.written {
                draft.line(
                    format!(
                        "{}-{}: {}.",
                        written.code,
                        written.modifier,
                        written.why.trim_end_matches('.')
                    ),
                    &[cite],
                );
            }
        }
    }
    for add_on in &checked.addons {
        if let Some(cite) = cite(Some(&add_on.citation), draft) {
            draft.line(add_on.reason.clone(), &[cite]);
        }
    }
    for units in &checked.units {
        if let Some(cite) = cite(units.citation.as_ref(), draft) {
            draft.line(units.reason.clone(), &[cite]);
        }
    }
    if extent == Extent::Whole
        && let Some(edition) = desk.shelf.for_setting(Kind::Mue, desk.setting, desk.on)
    {
        for code in &checked.unpublished {
            let locator = format!("no row for code {code}");
            let cite = draft.cite_row(edition, &locator, &locator);
            draft.line(
                format!(
                    "{code}: no MUE in {}; not every MUE is published.",
                    named(edition)
                ),
                &[cite],
            );
        }
    }
    // What is not checked is never passed over: an edit between two of three codes says nothing of the third.
    let pairs = checked.pairs.iter().map(|p| p.verdict);
    let add_ons = checked.addons.iter().map(|a| a.verdict);
    let units = checked.units.iter().map(|u| u.verdict);
    let of_units = units.filter(|_| extent == Extent::Whole);
    let open = pairs
        .chain(add_ons)
        .chain(of_units)
        .any(|v| v == Edit::NoData)
        || (extent == Extent::Whole && checked.unchecked.len() > checked.unpublished.len());
    Ok(Some(match open {
        true => {
            let reason = format!("Not everything is checked. {}", checked.unchecked.join(" "));
            (Verdict::Uncertain, Some(reason))
        }
        false => (Verdict::Answered, None),
    }))
}

/// A pair's finding for people: what it says, which modifiers may bypass it, and the publisher's reason.
fn sentence(pair: &PairFinding) -> String {
    let mut text = pair.reason.clone();
    if pair.verdict == Edit::Bypassable {
        text.push_str(
            " Such modifiers are 59 or XE, XP, XS, XU, the anatomical ones (LT, RT, E1 to E4, FA to F9, TA to T9, LC, LD, \
             LM, RC, RI), and 24, 25, 27, 57, 58, 78, 79, 91.",
        );
    }
    if let Some(edit) = pair.edit.as_ref().filter(|_| pair.verdict > Edit::NoData) {
        text.push_str(&format!(
            " Rationale: {}.",
            edit.rationale.trim_end_matches('.')
        ));
    }
    text
}

fn cite(citation: Option<&casebook_catalog::check::Citation>, draft: &mut Draft) -> Option<Cite> {
    let citation = citation?;
    // A table that has no row is cited as such: there is nothing to quote.
    let quote = if citation.quote.is_empty() {
        &citation.locator
    } else {
        &citation.quote
    };
    let mut edition = citation.edition.clone();
    edition.edition = named(&edition);
    Some(draft.cite_row(&edition, &citation.locator, quote))
}

#[cfg(test)]
mod tests {
    use super::without_units;

    #[test]
    fn units_are_taken_off_the_codes() {
        let (text, units) = without_units("77003, 62323-59x2 and 64483 x");
        assert_eq!(text, "77003  62323-59 and 64483 x");
        assert_eq!(units, [("62323".to_owned(), 2)]);
    }
}
