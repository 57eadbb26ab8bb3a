//! Payers other than Medicare, whose rules no loaded table holds.
//!
//! NCCI, the fee schedule and the coverage database are Medicare's. A question that names Aetna is not answered with
//! what Medicare pays, unless the answer says so.

use std::sync::LazyLock;

use regex::Regex;

use crate::topic::Topic;

/// Payers as people write them, Medicare among them.
pub(crate) static NAMED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)\b(?: medicare\s+advantage | medicare | (?:\w+\s+)?medicaid | medi-cal | tricare | champva | aetna | cigna | humana
          | uhc | united\s?health\s?care | bcbs | blue\s+cross(?:\s+(?:and\s+|/\s*)?blue\s+shield)? | blue\s+shield | anthem | kaiser
          | molina | centene | ambetter | (?:commercial|private)\s+(?:payers?|insur(?:ance|ers?)|plans?) | commercial
          | workers?'?s?\s+comp(?:ensation)? )\b",
    )
    .ok()
});

/// A payer that a text names and whose tables are not Medicare's, as a sentence can name it.
pub(crate) fn other(text: &str) -> Option<&'static str> {
    let names = NAMED.as_ref()?.find_iter(text);
    names.map(|m| m.as_str().to_lowercase()).find_map(|name| {
        let is = |part: &str| name.contains(part);
        Some(match () {
            () if is("advantage") => "a Medicare Advantage plan",
            () if is("medicare") => return None,
            () if is("medicaid") || is("medi-cal") => "Medicaid",
            () if is("tricare") => "TRICARE",
            () if is("champva") => "CHAMPVA",
            () if is("aetna") => "Aetna",
            () if is("cigna") => "Cigna",
            () if is("humana") => "Humana",
            () if is("uhc") || is("united") => "UnitedHealthcare",
            () if is("bcbs") || is("blue") => "Blue Cross Blue Shield",
            () if is("anthem") => "Anthem",
            () if is("kaiser") => "Kaiser",
            () if is("molina") => "Molina",
            () if is("centene") || is("ambetter") => "Centene",
            () if is("comp") => "workers' compensation",
            () => "a private insurer",
        })
    })
}

/// Whether only the payer can say: its prices and what it covers. Edits and units it may have taken from Medicare.
pub(crate) fn decides(topics: &[Topic]) -> bool {
    topics
        .iter()
        .any(|t| matches!(t, Topic::Fee | Topic::Coverage))
}

/// Why there is no answer, where only the payer can say.
pub(crate) fn unknown(payer: &str) -> String {
    format!(
        "What {payer} pays or covers stands in its own documents, and none are loaded. Leave the payer out to see what \
         Medicare says."
    )
}

/// What to know before reading Medicare's tables for another payer.
pub(crate) fn caution(payer: &str) -> String {
    format!("The loaded tables are Medicare's; those of {payer} may differ and are not loaded.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payers_by_what_they_are_called() {
        for (text, payer) in [
            (
                "can I bill 77003 with 62323 for Medicaid?",
                Some("Medicaid"),
            ),
            ("Ohio medicaid units of 62323", Some("Medicaid")),
            ("what does Medicare pay for 99213", None),
            (
                "Medicare Advantage prior authorization",
                Some("a Medicare Advantage plan"),
            ),
            (
                "fee for 99213 with United Healthcare",
                Some("UnitedHealthcare"),
            ),
            ("workers comp rate for 97110", Some("workers' compensation")),
            (
                "commercial payers and modifier 25",
                Some("a private insurer"),
            ),
            ("fee for 99213", None),
        ] {
            assert_eq!(other(text), payer, "{text}");
        }
    }
}
