//! By what a person could be recognised: the identifiers of the Safe Harbor method (45 CFR 164.514(b)(2)), as far as
//! they can be seen in a text.
//!
//! Two uses ask for different things. A note is answered with everything that was found. A chat message calls for a
//! private warning only if it tells of a patient ([`Identifier::is_patient_data`]); a question with a date of
//! service or a code does not. So a pattern here needs a label or a shape that codes do not have.

use std::ops::Range;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::names;
use crate::words::{Offsets, words};

/// What kind of identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IdentifierKind {
    /// A name of the patient or of somebody near them.
    Name,
    /// A name of somebody who treats.
    Clinician,
    /// A date of birth.
    DateOfBirth,
    /// Another full date; alone it may be a date of service.
    Date,
    /// Medical record, encounter and similar numbers.
    RecordNumber,
    /// Member, account, policy and claim numbers, Medicare beneficiary identifiers.
    AccountNumber,
    /// A social security number.
    SocialSecurityNumber,
    /// A telephone number; toll-free ones belong to no person and are left out.
    Phone,
    /// A fax number.
    Fax,
    /// An e-mail address.
    Email,
    /// A street address or a post office box.
    Address,
    /// City, state and ZIP code.
    Place,
    /// A web address.
    Url,
    /// An IP address.
    IpAddress,
    /// Serial numbers of devices and vehicles, licence plates and certificates.
    Serial,
    /// An age over 89.
    Age,
}

impl IdentifierKind {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        use IdentifierKind::*;
        match self {
            Name => "name",
            Clinician => "clinician",
            DateOfBirth => "date_of_birth",
            Date => "date",
            RecordNumber => "record_number",
            AccountNumber => "account_number",
            SocialSecurityNumber => "social_security_number",
            Phone => "phone",
            Fax => "fax",
            Email => "email",
            Address => "address",
            Place => "place",
            Url => "url",
            IpAddress => "ip_address",
            Serial => "serial",
            Age => "age",
        }
    }
}

/// Where an identifier stands; what it says is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identifier {
    /// What it is.
    pub kind: IdentifierKind,
    /// Its first character, in Unicode scalar values from the start of the text.
    pub start: usize,
    /// The character after its last one.
    pub end: usize,
}

impl Identifier {
    /// Whether a text with this in it tells of a certain person, so that whoever typed it into a chat should be
    /// warned. A date (of service), a clinician's name, a place, a web address or an age alone does not.
    pub fn is_patient_data(&self) -> bool {
        use IdentifierKind::*;
        match self.kind {
            Name | DateOfBirth | RecordNumber | AccountNumber | SocialSecurityNumber | Phone
            | Fax | Email | Address | Serial => true,
            Clinician | Date | Place | Url | IpAddress | Age => false,
        }
    }
}

const DATE: &str = r"(?:\d{1,2}[/.-]\d{1,2}[/.-](?:19|20)?\d{2}|(?:19|20)\d{2}-\d{1,2}-\d{1,2}|\d{1,2}[- ](?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?[-, ]{1,2}(?:19|20)?\d{2}|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?\ \d{1,2}(?:st|nd|rd|th)?,?\ (?:19|20)\d{2})\b";

/// The patterns in the order in which they claim text. The group `x` is the identifier, else the whole match. All
/// repetitions are bounded, so that reading a text takes time in proportion to its length. `DATE` stands for [`DATE`].
const PATTERNS: [(IdentifierKind, &str); 31] = {
    use IdentifierKind::*;
    [
        (
            Email,
            r"(?i)\b[a-z0-9][a-z0-9._%+-]{0,63}@(?:[a-z0-9-]{1,63}\.){1,4}[a-z]{2,12}\b",
        ),
        (Url, r"(?i)\b(?:https?://|www\.)[^\s<>|]{3,300}"),
        (
            DateOfBirth,
            r"(?i)\b(?:dob|d\.o\.b\.?|date\ of\ birth|birth\ ?date|birthday|born(?:\ on)?)[\s:=(#-]{0,5}(?P<x>DATE)",
        ),
        (DateOfBirth, r"(?i)(?P<x>\bDATE)\s{0,2}\(?(?:dob|d\.o\.b)\b"),
        (
            SocialSecurityNumber,
            r"(?i)\b(?:ssn?|social\ security(?:\ (?:number|no\.?|\#))?)\b[\s:=#-]{0,5}(?P<x>\d{3}[- ]?\d{2}[- ]?\d{4})\b",
        ),
        (
            SocialSecurityNumber,
            r"(?:^|[^\d-])(?P<x>\d{3}-\d{2}-\d{4})(?:$|[^\d-])",
        ),
        (
            SocialSecurityNumber,
            r"(?i)\b(?:ssn?|social\ security)\b.{0,20}(?P<x>(?:xxx-xx|\*{3}-\*{2})-\d{4})",
        ),
        (
            Fax,
            r"(?i)\bfax(?:\ (?:number|no\.?|\#))?[\s:=#.]{0,4}(?P<x>(?:\+?1[-. ])?\(?[2-9]\d{2}\)?[-. ]{0,2}[2-9]\d{2}[-. ]?\d{4})\b",
        ),
        (
            Phone,
            r"(?i)\b(?:phone|ph|tel|telephone|cell|mobile|home|work|call|contact|pager|callback)(?:\ (?:number|no\.?|\#|phone|is|at|him|her))?[\s:=#.]{0,4}(?P<x>(?:\+?1[-. ])?\(?[2-9]\d{2}\)?[-. ]{0,2}[2-9]\d{2}[-. ]?\d{4})\b",
        ),
        (
            Phone,
            r"(?P<x>(?:\+?\b1[-. ])?\([2-9]\d{2}\)[-. ]{0,2}[2-9]\d{2}[-. ]\d{4})\b",
        ),
        (
            Phone,
            r"(?:^|[^\d.-])(?P<x>(?:\+?1[-. ])?[2-9]\d{2}-[2-9]\d{2}-\d{4})(?:$|[^\d-])",
        ),
        (
            Phone,
            r"(?:^|[^\d.-])(?P<x>(?:\+?1[-. ])?[2-9]\d{2}\.[2-9]\d{2}\.\d{4})(?:$|[^\d])",
        ),
        (
            Phone,
            r"(?:^|[^\d.-])(?P<x>\+1[-. ]?[2-9]\d{2}[-. ]?[2-9]\d{2}[-. ]?\d{4})(?:$|[^\d-])",
        ),
        (
            RecordNumber,
            r"(?i)\b(?:mrn|m\.r\.n\.?|medical\ record|med\ rec|mr\s?\#)(?:\s?(?:number|no\.?|num|\#|id|on\ file))?\s{0,3}(?:[:=\#]\s{0,3}|is\s|\s)\#?(?P<x>[a-z]{0,4}-?\d[\d-]{3,14})\b",
        ),
        (
            RecordNumber,
            r"(?i)\b(?:chart|record|hospital|patient|pt|encounter|visit|case|accession|specimen|csn|fin|har)\s?(?:number|no\.?|num|\#|id)\s{0,3}[:=\#]?\s{0,3}(?P<x>[a-z]{0,4}-?\d[\da-z-]{4,14})\b",
        ),
        (
            AccountNumber,
            r"(?i)\b(?:account|acct|member|subscriber|policy|group|claim|insurance|beneficiary|medicaid|medicare|hicn|mbi|bank|guarantor|rx)\.?\s?(?:number|no\.?|num|\#|id(?:entifier)?)\s{0,3}[:=\#]?\s{0,3}(?P<x>[a-z]{0,4}-?\d[\da-z-]{4,16})\b",
        ),
        (
            AccountNumber,
            r"(?i)\b(?:mbi|hicn|acct|member\ id|account)\s{0,2}[:=\#]\s{0,3}(?P<x>[a-z]{0,4}\d[\da-z-]{4,16})\b",
        ),
        // A Medicare beneficiary identifier: 11 characters, letters without S, L, O, I, B and Z.
        (
            AccountNumber,
            r"\b[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9][0-9]-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9][0-9]-?[AC-HJKMNP-RT-Y]{2}[0-9]{2}\b",
        ),
        (
            Serial,
            r"(?i)\b(?:serial(?:\ (?:number|no\.?|num|\#))?|s/n|imei|vin|udi|device\ (?:id|number|identifier)|license\ plate|licence\ plate|plate\ (?:number|no\.?|\#)|driver'?s\ licen[sc]e(?:\ (?:number|no\.?|\#))?|licen[sc]e\ (?:number|no\.?|\#)|dl\#|certificate\ (?:number|no\.?|\#))\s{0,3}[:=\#]?\s{0,3}(?P<x>[a-z0-9()-]{0,6}\d[a-z0-9()-]{3,30})",
        ),
        (IpAddress, r"\b(?P<x>\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})\b"),
        (IpAddress, r"(?i)\b(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}\b"),
        (Date, r"(?i)(?:^|[^\w/.-])(?P<x>DATE)"),
        (Address, r"(?i)\bp\.?\s?o\.?\s{0,2}box\s{1,3}\d{1,6}\b"),
        (
            Address,
            r"\b\d{1,5}[A-Z]?\ (?:(?:N|S|E|W|NE|NW|SE|SW|North|South|East|West)\.?\ )?(?P<name>(?:[A-Z][A-Za-z'-]{1,20}|\d{1,3}(?:st|nd|rd|th))(?:\ [A-Z][A-Za-z'-]{1,20}){0,2})\ (?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Court|Ct|Circle|Cir|Place|Way|Terrace|Ter|Highway|Hwy|Parkway|Pkwy|Trail|Trl|Square|STREET|AVENUE|AVE|ROAD|RD|BLVD|LANE|LN|DRIVE)\b\.?(?:,?\ (?:Apt|Apartment|Unit|Suite|Ste|\#)\.?\ ?[A-Za-z0-9-]{1,6}\b)?",
        ),
        // "Dr" is a doctor if a name follows.
        (
            Address,
            r"(?m)\b(?P<x>\d{1,5}\ (?:(?:N|S|E|W|North|South|East|West)\.?\ )?(?P<name>[A-Z][A-Za-z'-]{1,20}(?:\ [A-Z][A-Za-z'-]{1,20}){0,2})\ Dr\b\.?)(?:,|\s{0,3}$|\s(?:Apt|Unit|\#))",
        ),
        (
            Address,
            r"(?i)\b\d{1,5}\ (?:[nsew]\.?\ |north\ |south\ |east\ |west\ )?(?P<name>[a-z]{3,20}(?:\ [a-z]{3,20})?)\ (?:street|avenue|boulevard|blvd|ave)\b",
        ),
        (
            Place,
            r"\b[A-Z][A-Za-z.'-]{1,20}(?:\ [A-Z][A-Za-z.'-]{1,20}){0,2},?\ (?P<state>[A-Z]{2})\.?,?\ {1,2}(?P<zip>\d{5})(?:-\d{4})?\b",
        ),
        (
            Age,
            r"(?i)\b(?P<x>(?:9\d|1[01]\d)[- ]?(?:y\.?/?o\b|yrs?[- ]old|years?[- ]old|y/o|year\s?olds?))",
        ),
        (Age, r"(?i)\bage[ds]?\s?[:=]?\s?(?P<x>9\d|1[01]\d)\b"),
        (Age, r"\b(?P<x>(?:9\d|10\d)\ ?y(?:o|/o)?\ ?[MFmf])\b"),
        (
            Age,
            r"(?i)\b(?P<x>(?:ninety|one\ hundred)(?:[- ](?:one|two|three|four|five|six|seven|eight|nine))?[- ]years?[- ]old)\b",
        ),
    ]
};

static COMPILED: LazyLock<Vec<(IdentifierKind, Regex)>> = LazyLock::new(|| {
    PATTERNS
        .iter()
        .filter_map(|(kind, pattern)| {
            let pattern = pattern.replace("DATE", DATE);
            Some((*kind, Regex::new(&pattern).ok()?))
        })
        .collect()
});

/// Finds identifiers, in order and without overlaps. Fast enough to run before anything else happens with a text.
///
/// It errs towards silence where a text only asks about codes, and cannot find a name that nothing marks as one.
pub fn identifiers(text: &str) -> Vec<Identifier> {
    let mut taken: Vec<(Range<usize>, IdentifierKind)> = Vec::new();
    let any_digit = text.bytes().any(|b| b.is_ascii_digit());
    for (kind, pattern) in COMPILED.iter() {
        // Only e-mail addresses, web addresses and spelt ages do without a digit.
        if !any_digit
            && !matches!(
                kind,
                IdentifierKind::Email | IdentifierKind::Url | IdentifierKind::Age
            )
        {
            continue;
        }
        for captures in pattern.captures_iter(text) {
            let Some(found) = captures.name("x").or_else(|| captures.get(0)) else {
                continue;
            };
            if is_plausible(*kind, found.as_str(), &captures) {
                taken.push((found.range(), *kind));
            }
        }
    }
    let words = words(text);
    taken.extend(names::names(text, &words));
    // Stable: of two that begin together the pattern that stands first claims the text, and then the longer one.
    let mut order: Vec<usize> = (0..taken.len()).collect();
    order.sort_by_key(|i| (taken[*i].0.start, *i));
    let offsets = Offsets::new(text);
    let mut end = 0;
    let mut found = Vec::with_capacity(order.len());
    for index in order {
        let (range, kind) = &taken[index];
        if range.start < end || range.is_empty() {
            continue;
        }
        end = range.end;
        found.push(Identifier {
            kind: *kind,
            start: offsets.chars(text, range.start),
            end: offsets.chars(text, range.end),
        });
    }
    found
}

fn is_plausible(kind: IdentifierKind, found: &str, captures: &Captures<'_>) -> bool {
    use IdentifierKind::*;
    let digits: String = found.chars().filter(char::is_ascii_digit).collect();
    match kind {
        // Never issued: 000, 666 and 900 to 999, group 00, serial 0000.
        SocialSecurityNumber if digits.len() == 9 => {
            !(digits.starts_with("000") || digits.starts_with("666") || digits.starts_with('9'))
                && &digits[3..5] != "00"
                && &digits[5..] != "0000"
        }
        Phone | Fax => {
            let number = digits
                .strip_prefix('1')
                .filter(|n| n.len() == 10)
                .unwrap_or(&digits);
            const TOLL_FREE: [&str; 7] = ["800", "833", "844", "855", "866", "877", "888"];
            !TOLL_FREE.contains(&&number[..3.min(number.len())])
        }
        Date => is_date(found, false),
        DateOfBirth => is_date(found, true),
        RecordNumber | AccountNumber => digits.len() >= 4 && !is_code(found),
        Serial => digits.len() >= 4,
        // A section of a manual is numbered in four parts, too.
        IpAddress if found.contains('.') => {
            let parts: Vec<u16> = found.split('.').filter_map(|p| p.parse().ok()).collect();
            parts.iter().all(|p| *p < 256) && parts.iter().any(|p| *p > 99)
        }
        Address => captures.name("name").is_none_or(|name| {
            !words(name.as_str())
                .iter()
                .any(|w| names::is_vocabulary(&w.form))
        }),
        Place => match (captures.name("state"), captures.name("zip")) {
            (Some(state), Some(zip)) => fits(state.as_str(), zip.as_str()),
            _ => false,
        },
        _ => true,
    }
}

/// Whether the numbers of a date can be a day, a month and a year; without a label `1-2-26` is none.
fn is_date(found: &str, labelled: bool) -> bool {
    if found.contains(char::is_alphabetic) {
        return true;
    }
    let separators: Vec<char> = found.chars().filter(|c| !c.is_ascii_digit()).collect();
    if separators.windows(2).any(|pair| pair[0] != pair[1]) {
        return false;
    }
    let parts: Vec<&str> = found.split(['/', '.', '-']).collect();
    let numbers: Vec<u16> = parts.iter().filter_map(|p| p.parse().ok()).collect();
    let [a, b, c] = numbers[..] else { return false };
    if a > 1900 {
        return (1..=12).contains(&b) && (1..=31).contains(&c);
    }
    // With dots or dashes and two digits it may be a section or a range.
    let certain = labelled || found.contains('/') || c > 1900;
    certain
        && ((1..=12).contains(&a) && (1..=31).contains(&b)
            || (1..=31).contains(&a) && (1..=12).contains(&b))
}

/// Whether it has the shape of a code: a number after a label would be one of a person, but these are not.
fn is_code(found: &str) -> bool {
    let bytes = found.as_bytes();
    // L33822, A52464: a local coverage determination or article; J3301: HCPCS.
    matches!(bytes.first(), Some(b'A'..=b'V' | b'a'..=b'v'))
        && matches!(bytes.len(), 5 | 6)
        && bytes[1..].iter().all(u8::is_ascii_digit)
}

/// Whether a ZIP code begins as those of a state do.
fn fits(state: &str, zip: &str) -> bool {
    const STATES: [&str; 10] = [
        "CT MA ME NH NJ PR RI VT VI",
        "DE NY PA",
        "DC MD NC SC VA WV",
        "AL FL GA MS TN",
        "IN KY MI OH",
        "IA MN MT ND SD WI",
        "IL KS MO NE",
        "AR LA OK TX",
        "AZ CO ID NM NV UT WY",
        "AK CA HI OR WA GU AS",
    ];
    zip.bytes()
        .next()
        .and_then(|b| STATES.get(usize::from(b.wrapping_sub(b'0'))))
        .is_some_and(|states| states.split(' ').any(|s| s == state))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        assert_eq!(COMPILED.len(), PATTERNS.len());
        for (_, pattern) in PATTERNS {
            let unbounded = pattern.replace(r"\+", "").replace("%+-", "");
            assert!(!unbounded.contains(['+']), "{pattern}");
        }
    }
}
