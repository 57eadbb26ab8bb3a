//! The Medicare physician fee schedule: payment policy indicators in words, and the fee with its arithmetic.

use casebook_catalog::fee::{Amount, Fee, Indices, fee};
use casebook_catalog::localities::Locality;
use casebook_releases::gpci::GpciRow;
use casebook_releases::relative_values::{self, RelativeValue};

use crate::catalog::Edition;

use crate::compose::{Cite, Draft};
use crate::digest::FeeSchedule;
use crate::lookup::Desk;
use crate::service::Service;
use crate::{Error, Kind};

/// Localities that are named where several fit.
const SHOWN: usize = 6;

/// What the indicators of a row say, whichever way it was loaded.
struct Policy {
    status: String,
    pctc: String,
    global: String,
    multiple: String,
    bilateral: String,
    assistant: String,
    co_surgeons: String,
    team: String,
}

impl From<&FeeSchedule> for Policy {
    fn from(f: &FeeSchedule) -> Self {
        Self {
            status: f.status.clone(),
            pctc: f.pctc.clone(),
            global: f.global.clone(),
            multiple: f.multiple.clone(),
            bilateral: f.bilateral.clone(),
            assistant: f.assistant.clone(),
            co_surgeons: String::new(),
            team: String::new(),
        }
    }
}

impl From<&RelativeValue> for Policy {
    fn from(r: &RelativeValue) -> Self {
        Self {
            status: r.status.to_string(),
            pctc: r.pctc.clone(),
            global: r.global.clone(),
            multiple: r.multiple.clone(),
            bilateral: r.bilateral.clone(),
            assistant: r.assistant.clone(),
            co_surgeons: r.co_surgeons.clone(),
            team: r.team.clone(),
        }
    }
}

/// The payment policy indicators, cited: of the loaded file, else those that the digest carries.
fn policy(desk: &Desk<'_>, service: &Service<'_>, draft: &mut Draft) -> Option<(Policy, Cite)> {
    if let Some((edition, rows)) = &service.values
        && let Some(row) = rows.first()
    {
        let cite = draft.cite_row(edition, &format!("HCPCS {}", service.code), &quote(row));
        return Some((Policy::from(row), cite));
    }
    let entry = service.described?;
    let fees = entry.fee_schedule.as_ref()?;
    let (mut citation, edition) = desk.digest.cite(entry, draft.as_of());
    citation.source = format!("Digest of {}", edition.source);
    citation.quote = format!(
        "{}: STATUS CODE {}, PCTC IND {}, GLOB DAYS {}, MULT PROC {}, BILAT SURG {}, ASST SURG {}",
        service.code,
        fees.status,
        fees.pctc,
        fees.global,
        fees.multiple,
        fees.bilateral,
        fees.assistant
    );
    Some((Policy::from(fees), draft.cite((citation, edition))))
}

/// Adds the payment policy indicators.
pub(crate) fn indicators(desk: &Desk<'_>, service: &Service<'_>, draft: &mut Draft) {
    if let Some((policy, cite)) = policy(desk, service, draft) {
        draft.line(in_words(&policy), &[cite]);
    }
}

/// Adds which modifiers the indicators are about.
pub(crate) fn modifiers(desk: &Desk<'_>, service: &Service<'_>, draft: &mut Draft) {
    if let Some((policy, cite)) = policy(desk, service, draft)
        && let Some(text) = modifiers_in_words(&service.code, &policy)
    {
        draft.line(text, &[cite]);
    }
}

/// What the indicators say of modifiers (Medicare Claims Processing Manual, ch. 23, addendum: MPFSDB record layout);
/// `None` where they say nothing of any.
fn modifiers_in_words(code: &str, f: &Policy) -> Option<String> {
    let mut parts = Vec::new();
    for (figure, meanings) in [
        (
            &f.pctc,
            &[
                ("0", "26 and TC do not apply"),
                ("1", "26 and TC apply"),
                (
                    "2",
                    "26 and TC do not apply: it is the professional component",
                ),
                ("3", "26 and TC do not apply: it is the technical component"),
                ("4", "26 and TC do not apply: it is both components"),
                ("5", "26 and TC do not apply"),
                ("6", "26 applies, TC does not"),
            ] as &[(&str, &str)],
        ),
        (
            &f.bilateral,
            &[
                ("0", "50 raises no payment"),
                ("1", "50 for both sides, paid at 150%"),
                ("2", "no 50: it is priced for both sides"),
                ("3", "50 for both sides, each paid in full"),
            ],
        ),
        (
            &f.multiple,
            &[
                ("2", "51 with further procedures, which are reduced"),
                (
                    "3",
                    "51 with further procedures, which are reduced by family",
                ),
            ],
        ),
        (
            &f.assistant,
            &[
                (
                    "0",
                    "80, 81, 82 and AS only with documentation of necessity",
                ),
                ("1", "80, 81, 82 and AS are not paid"),
                ("2", "80, 81, 82 and AS may be paid"),
            ],
        ),
        (
            &f.co_surgeons,
            &[
                ("0", "62 is not paid"),
                ("1", "62 only with documentation of necessity"),
                ("2", "62 for two surgeons of different specialties"),
            ],
        ),
        (
            &f.team,
            &[
                ("0", "66 is not paid"),
                ("1", "66 only with documentation of necessity, by report"),
                ("2", "66 by report"),
            ],
        ),
    ] {
        let meaning = meanings.iter().find(|(of, _)| of == figure);
        parts.extend(meaning.map(|(_, meaning)| *meaning));
    }
    // Outside of the schedule the indicators mean nothing.
    let outside = ["E", "X", "B", "I", "N", "P"].contains(&f.status.as_str());
    (!outside && !parts.is_empty()).then(|| {
        format!(
            "Modifiers of {code} by the fee schedule's indicators: {}.",
            parts.join("; ")
        )
    })
}

/// The indicators in words (Medicare Claims Processing Manual, ch. 23, addendum: MPFSDB record layout).
fn in_words(f: &Policy) -> String {
    let status = f
        .status
        .chars()
        .next()
        .and_then(relative_values::status)
        .map_or("see the file's notes", |s| s.0);
    let mut parts = vec![format!("status {} ({status})", f.status)];
    // Outside of the schedule the other indicators mean nothing.
    if !["E", "X"].contains(&f.status.as_str()) {
        if let Some(days) = relative_values::global(&f.global) {
            parts.push(format!("global {} ({days})", f.global));
        }
        if f.pctc != "0" && f.pctc != "9" && !f.pctc.is_empty() {
            let meaning = match f.pctc.as_str() {
                "1" => "diagnostic test: modifiers 26 and TC apply",
                "2" => "professional component only",
                "3" => "technical component only",
                "4" => "global test only",
                "5" => "incident to: no 26 or TC",
                "6" => "laboratory service with a physician's interpretation",
                "7" => "physical therapy, not paid to independent therapists",
                "8" => "physician interpretation of certain laboratory tests",
                _ => "see the file's notes",
            };
            parts.push(format!("PC/TC {} ({meaning})", f.pctc));
        }
        let bilateral = match f.bilateral.as_str() {
            "0" => Some("no 150% adjustment for both sides"),
            "1" => Some("150% adjustment for both sides applies"),
            "2" => Some("already priced for both sides"),
            "3" => Some("each side paid in full"),
            _ => None,
        };
        let multiple = match f.multiple.as_str() {
            "0" => Some("no reduction"),
            "2" => Some("100%, then 50% for each further procedure"),
            "3" => Some("endoscopic family rule"),
            "4" => Some("imaging family reduction of the technical component"),
            "5" => Some("therapy practice expense reduction"),
            "6" => Some("cardiovascular reduction of the technical component"),
            "7" => Some("ophthalmology reduction of the technical component"),
            _ => None,
        };
        let assistant = match f.assistant.as_str() {
            "0" => Some("only with documentation of necessity"),
            "1" => Some("not paid"),
            "2" => Some("may be paid"),
            _ => None,
        };
        let co = match f.co_surgeons.as_str() {
            "0" => Some("not paid"),
            "1" => Some("only with documentation of necessity"),
            "2" => Some("paid where the two are of different specialties"),
            _ => None,
        };
        let team = match f.team.as_str() {
            "0" => Some("not paid"),
            "1" => Some("only with documentation of necessity, by report"),
            "2" => Some("paid by report"),
            _ => None,
        };
        for (label, figure, meaning) in [
            ("multiple procedures", &f.multiple, multiple),
            ("bilateral", &f.bilateral, bilateral),
            ("assistant", &f.assistant, assistant),
            ("co-surgeons", &f.co_surgeons, co),
            ("team", &f.team, team),
        ] {
            if let Some(meaning) = meaning {
                parts.push(format!("{label} {figure} ({meaning})"));
            }
        }
    }
    format!("Medicare physician fee schedule: {}.", parts.join("; "))
}

/// A row's figures under the headings of the file.
pub(crate) fn quote(r: &RelativeValue) -> String {
    format!(
        "{}{} STATUS CODE {}, WORK RVU {}, NON-FAC PE RVU {}, FACILITY PE RVU {}, MP RVU {}, PCTC IND {}, GLOB DAYS {}, \
         MULT PROC {}, BILAT SURG {}, ASST SURG {}, CO-SURG {}, TEAM SURG {}, CONV FACTOR {}",
        r.code,
        if r.modifier.is_empty() {
            String::new()
        } else {
            format!("-{}", r.modifier)
        },
        r.status,
        r.work,
        r.pe_non_facility,
        r.pe_facility,
        r.mp,
        r.pctc,
        r.global,
        r.multiple,
        r.bilateral,
        r.assistant,
        r.co_surgeons,
        r.team,
        r.conversion_factor
    )
}

/// Adds the fee: for the locality that the words name, else the national amount; of the components that are written
/// as modifiers, else of all.
pub(crate) fn amount(
    desk: &Desk<'_>,
    service: &Service<'_>,
    words: &str,
    written: &[String],
    draft: &mut Draft,
) -> Result<(), Error> {
    let Some((edition, rows)) = &service.values else {
        return Ok(());
    };
    let mut rows: Vec<(&Edition, RelativeValue)> =
        rows.iter().map(|row| (*edition, row.clone())).collect();
    // The other of the two files, where both are loaded: the person knows which conversion factor is theirs.
    let others = desk.shelf.parts(edition).into_iter();
    for other in others.filter(|e| e.part != edition.part) {
        let theirs = desk.catalog.relative_values(other.id, &service.code)?;
        rows.extend(theirs.into_iter().map(|row| (other, row)));
    }
    // 77003-26 asks for the professional component alone.
    if rows.iter().any(|(_, r)| written.contains(&r.modifier)) {
        rows.retain(|(_, r)| written.contains(&r.modifier));
    }
    let gpci = desk.shelf.on(Kind::Gpci, desk.on);
    let mut places = Vec::new();
    if let (Some(gpci), Some(asked)) = (gpci, place(words).or(desk.locality)) {
        let counties = desk.shelf.on(Kind::Localities, desk.on).map(|e| e.id);
        places = desk.catalog.localities(gpci.id, counties, asked)?;
    }
    let chosen = match (gpci, places.as_slice()) {
        (Some(gpci), [one]) => Some((gpci, &one.index)),
        (Some(gpci), [_, _, ..]) => {
            several(gpci, &places, draft);
            None
        }
        _ => None,
    };
    for (edition, row) in &rows {
        let mut cites =
            vec![draft.cite_row(edition, &format!("HCPCS {}", service.code), &quote(row))];
        let mut cap = None;
        if let Some((gpci, place)) = chosen {
            let locator = format!("{} locality {}", place.contractor, place.locality);
            let quote = format!(
                "{} {} {}: PW GPCI {}, PE GPCI {}, MP GPCI {}",
                place.contractor, place.locality, place.name, place.work, place.pe, place.mp
            );
            cites.push(draft.cite_row(gpci, &locator, &quote));
            if let Some(caps) = desk.shelf.on(Kind::OppsCap, desk.on) {
                cap = desk.catalog.opps_cap(
                    caps.id,
                    &row.code,
                    &row.modifier,
                    &place.contractor,
                    &place.locality,
                )?;
                if let Some(cap) = &cap {
                    let quote = format!(
                        "FACILITY PRICE {}, NON-FACILITY PRICE {}",
                        cap.facility, cap.non_facility
                    );
                    cites.push(draft.cite_row(
                        caps,
                        &format!("HCPCS {}, {locator}", row.code),
                        &quote,
                    ));
                }
            }
        }
        let indices = chosen.map_or_else(Indices::national, |(_, place)| Indices::from(place));
        let name = chosen.map_or("national, not adjusted for a locality", |(_, place)| {
            place.name.as_str()
        });
        let place = format!("({name}){}", paid_by(edition));
        draft.line(
            fee_line(row, &fee(row, &indices, cap.as_ref()), &place),
            &cites,
        );
    }
    if service
        .values
        .as_ref()
        .is_some_and(|(_, rows)| rows.iter().any(|r| r.status == 'J'))
    {
        anesthesia(desk, chosen.map(|(_, place)| place), draft)?;
    }
    Ok(())
}

/// Whose conversion factor a file has, where there are two (section 1848(d)(1)(A) of the Social Security Act).
fn paid_by(edition: &Edition) -> &'static str {
    match edition.part.as_str() {
        "QPP" => ", qualifying APM participants",
        "nonQPP" => ", not for qualifying APM participants",
        _ => "",
    }
}

/// For a card: the national amounts in one line. The arithmetic is for who asks for the fee.
pub(crate) fn in_short(service: &Service<'_>, draft: &mut Draft) {
    let Some((edition, rows)) = &service.values else {
        return;
    };
    let mut parts = Vec::new();
    let mut quotes = Vec::new();
    for row in rows {
        let fee = fee(row, &Indices::national(), None);
        let amounts: Vec<String> = [
            ("non-facility", &fee.non_facility),
            ("facility", &fee.facility),
        ]
        .into_iter()
        .filter_map(|(label, amount)| amount.dollars().map(|d| format!("{label} ${d}")))
        .collect();
        if !amounts.is_empty() {
            let modifier = if row.modifier.is_empty() {
                String::new()
            } else {
                format!("-{} ", row.modifier)
            };
            parts.push(format!("{modifier}{}", amounts.join(", ")));
            quotes.push(quote(row));
        }
    }
    if !parts.is_empty() {
        let cite = draft.cite_row(
            edition,
            &format!("HCPCS {}", service.code),
            &quotes.join("\n"),
        );
        draft.line(
            format!(
                "Medicare fee, national{}: {}. Ask \u{201c}fee for {} in\u{201d} a place for its locality and the arithmetic.",
                paid_by(edition),
                parts.join("; "),
                service.code
            ),
            &[cite],
        );
    }
}

/// Where the words place a service: what stands behind "in", "for" or "at" last.
fn place(words: &str) -> Option<&str> {
    let lower = words.to_lowercase();
    [" in ", " at ", " locality "]
        .iter()
        .filter_map(|cue| lower.rfind(cue).map(|i| i + cue.len()))
        .max()
        // Lower case may be longer than what was typed; then nothing is guessed.
        .and_then(|from| words.get(from..))
        // "in Manhattan on", where a date stood, and "in Texas for Medicare".
        .map(|place| {
            let place = place.trim_end_matches(|c: char| !c.is_alphanumeric());
            let padded = format!("{} ", place.to_lowercase());
            let ends = [" on ", " for ", " with ", " under "]
                .iter()
                .filter_map(|w| padded.find(w));
            ends.min().and_then(|end| place.get(..end)).unwrap_or(place)
        })
        .map(|place| place.trim_matches(|c: char| !c.is_alphanumeric()))
        .filter(|place| !place.is_empty())
}

/// Names the localities among which only the person can choose.
fn several(gpci: &Edition, places: &[Locality], draft: &mut Draft) {
    let named: Vec<String> = places
        .iter()
        .take(SHOWN)
        .map(|p| {
            format!(
                "{} ({} locality {})",
                p.index.name, p.index.contractor, p.index.locality
            )
        })
        .collect();
    let cite = draft.cite_row(gpci, "localities", &named.join("\n"));
    let more = match places.len().saturating_sub(SHOWN) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    draft.line(
        format!(
            "Several localities fit: {}{more}. Name one for its fee.",
            named.join("; ")
        ),
        &[cite],
    );
}

fn fee_line(row: &RelativeValue, fee: &Fee, place: &str) -> String {
    let code = if row.modifier.is_empty() {
        row.code.clone()
    } else {
        format!("{}-{}", row.code, row.modifier)
    };
    if let (Amount::None(why), Amount::None(also)) = (&fee.non_facility, &fee.facility)
        && why == also
    {
        return format!("{code} has no fee in the physician fee schedule: {why}.");
    }
    let parts: Vec<String> = [
        ("non-facility", &fee.non_facility),
        ("facility", &fee.facility),
    ]
    .into_iter()
    .map(|(label, amount)| match amount {
        Amount::Paid { amount, steps, .. } => format!("{label} ${amount}\n{}", steps.join("\n")),
        Amount::None(why) => format!("{label}: {why}"),
    })
    .collect();
    format!("Medicare fee of {code} {place}: {}", parts.join("\n"))
}

/// Anesthesia is paid by base units and time: its conversion factor is what the tables say.
fn anesthesia(desk: &Desk<'_>, place: Option<&GpciRow>, draft: &mut Draft) -> Result<(), Error> {
    let (Some(edition), Some(place)) = (desk.shelf.on(Kind::Anesthesia, desk.on), place) else {
        return Ok(());
    };
    if let Some(row) =
        desk.catalog
            .anesthesia_factor(edition.id, &place.contractor, &place.locality)?
    {
        let quote = format!(
            "{} {} {}: {}",
            row.contractor, row.locality, row.name, row.factor
        );
        let cite = draft.cite_row(
            edition,
            &format!("{} locality {}", row.contractor, row.locality),
            &quote,
        );
        draft.line(
            format!(
                "Anesthesia conversion factor in {}: ${} for each base and time unit.",
                row.name, row.factor
            ),
            &[cite],
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Policy, modifiers_in_words, place};

    #[test]
    fn places_in_questions() {
        assert_eq!(place("fee for in Manhattan?"), Some("Manhattan"));
        assert_eq!(
            place("what is the fee in the office in Los Angeles, CA"),
            Some("Los Angeles, CA")
        );
        assert_eq!(place("fee for in Manhattan on"), Some("Manhattan"));
        assert_eq!(
            place("fee for in Houston, TX for Medicare?"),
            Some("Houston, TX")
        );
        assert_eq!(place("fee for"), None);
    }

    #[test]
    fn indicators_as_modifiers() {
        let figures = |status: &str, pctc: &str, bilateral: &str, assistant: &str| Policy {
            status: status.into(),
            pctc: pctc.into(),
            global: "090".into(),
            multiple: "2".into(),
            bilateral: bilateral.into(),
            assistant: assistant.into(),
            co_surgeons: "1".into(),
            team: "9".into(),
        };
        assert_eq!(
            modifiers_in_words("27447", &figures("A", "0", "1", "2")).unwrap(),
            "Modifiers of 27447 by the fee schedule's indicators: 26 and TC do not apply; 50 for both sides, paid at 150%; \
             51 with further procedures, which are reduced; 80, 81, 82 and AS may be paid; 62 only with documentation of \
             necessity."
        );
        assert!(modifiers_in_words("J3301", &figures("E", "9", "9", "9")).is_none());
    }
}
