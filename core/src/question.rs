//! What people type, taken apart: codes in every way they are written, dates, and the words that are left.
//!
//! Pure and without look-ups: a [`Mention`] lists the systems that its shape allows, and the caller decides
//! by what exists (`M5416` is a diagnosis, though it has the shape of a HCPCS code).

use std::sync::LazyLock;

use casebook_releases::Setting;
use chrono::NaiveDate;
use regex::Regex;

use crate::code::System;

/// Longer questions are not read: a case belongs to `casebook case`, and nobody types this much.
pub const LONGEST: usize = 4_000;

/// At most so many codes are answered at once.
pub const MOST_CODES: usize = 20;

/// Something that may be a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// As it was typed.
    pub typed: String,
    /// In capitals, without dot, modifiers or trailing dash.
    pub code: String,
    /// The systems that its shape allows, the likeliest first.
    pub systems: Vec<System>,
    /// Whether only a code looks like this; where false, a code that does not exist was a word.
    pub sure: bool,
    /// Modifiers appended with dashes: `99213-25`.
    pub modifiers: Vec<String>,
}

/// A question, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Question {
    /// The text with white space collapsed.
    pub text: String,
    /// Codes in the order of their first mention, each once.
    pub mentions: Vec<Mention>,
    /// How many distinct codes were typed, of which `mentions` holds at most [`MOST_CODES`].
    pub typed_codes: usize,
    /// The one date in it.
    pub date: Option<NaiveDate>,
    /// The text without codes and dates.
    pub words: String,
    /// The text without dates: what is asked where nothing in it was a code after all, as in "T2DM".
    pub undated: String,
    /// Words that look like nothing but a code, of a form that no code system here has.
    pub malformed: Vec<String>,
}

/// Why a question is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// Nothing in it.
    Empty,
    /// No letter or digit in it.
    NoWords,
    /// Longer than [`LONGEST`].
    TooLong,
    /// Control characters: a file, not a question.
    Binary,
}

static TOKEN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"[A-Za-z0-9]+(?:[.\-][A-Za-z0-9]+)*(?:\.?-(?-u:\B))?").ok());
static DATE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)\b(?: (?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})
          | (?P<um>\d{1,2})/(?P<ud>\d{1,2})/(?P<uy>\d{4})
          | (?P<name>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?\s+(?P<nd>\d{1,2})(?:st|nd|rd|th)?,?\s+(?P<ny>\d{4})
        )\b",
    )
    .ok()
});
static DRG: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)\b(?:ms[- ]?)?drg[s#\s]*(\d{1,3})\b").ok());
static MODIFIERS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i)\b(?:modifiers?|mods?)\s+(-?[0-9A-Z]{2}\b(?:(?:\s*(?:,|/|&|\band\b|\bor\b|\bvs\.?|\bversus\b)\s*)+-?[0-9A-Z]{2}\b)*)",
    )
    .ok()
});
static MODIFIER_AFTER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)(?:^|[\s(])(-?[0-9A-Z]{2})\s+(?:modifier|mod)s?\b").ok());
static ICD10CM: LazyLock<Option<Regex>> = LazyLock::new(|| {
    // Since FY2026 a category may have a letter in second place (QA0).
    Regex::new(r"(?i)^([A-Z]\d[0-9A-Z]|Q[A-Z]\d)(\.?)([0-9A-Z]{1,4})?(\.?-)?$").ok()
});
static PROCEDURE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)^(\d{5}|\d{4}[FTUM]|[A-V]\d{4})((?:-[0-9A-Z]{2})*)$").ok());
static RANGE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^(\d{5})-(\d{5})$").ok());
static PCS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^[0-9B-DF-HX][0-9A-HJ-NP-Z]{6}$").ok());
static ICD9: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)^(\d{3}\.\d{1,2}|V\d{2}\.\d{1,2}|E\d{3}\.\d)$").ok());

/// Two-letter words that follow "modifier" and are no modifier.
const SMALL_WORDS: [&str; 20] = [
    "is", "to", "on", "in", "of", "or", "do", "be", "if", "it", "an", "as", "at", "by", "we", "no",
    "my", "so", "me", "vs",
];

/// Takes a question apart.
///
/// # Errors
/// [`Unreadable`], to be answered with a sentence that helps.
pub fn parse(text: &str) -> Result<Question, Unreadable> {
    if text.trim().is_empty() {
        return Err(Unreadable::Empty);
    }
    if text.chars().count() > LONGEST {
        return Err(Unreadable::TooLong);
    }
    if text
        .chars()
        .any(|c| c == '\u{fffd}' || (c.is_control() && !c.is_whitespace()))
    {
        return Err(Unreadable::Binary);
    }
    if !text.chars().any(char::is_alphanumeric) {
        return Err(Unreadable::NoWords);
    }
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut reading = Reading {
        left: text.clone(),
        mentions: Vec::new(),
    };
    let date = reading.take_date();
    let undated = reading
        .left
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    reading.take_drgs();
    reading.take_modifiers();
    reading.take_codes();
    let Reading { left, mut mentions } = reading;
    let typed_codes = mentions.len();
    mentions.truncate(MOST_CODES);
    let words = left.split_whitespace().collect::<Vec<_>>().join(" ");
    let malformed = words
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '.')
        .map(|w| w.trim_matches('.'))
        .filter(|w| is_malformed(w))
        .map(str::to_owned)
        .collect();
    Ok(Question {
        malformed,
        text,
        mentions,
        typed_codes,
        date,
        words,
        undated,
    })
}

/// Every date in a text, with where it stands in bytes.
pub(crate) fn dates_in(text: &str) -> Vec<(std::ops::Range<usize>, NaiveDate)> {
    let Some(pattern) = DATE.as_ref() else {
        return Vec::new();
    };
    let mut dates = Vec::new();
    for found in pattern.captures_iter(text) {
        let number = |name: &str| {
            found
                .name(name)
                .and_then(|m| m.as_str().parse::<u32>().ok())
        };
        let month = number("m").or(number("um")).or_else(|| {
            let name = found.name("name")?.as_str().to_ascii_lowercase();
            [
                "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
            ]
            .iter()
            .position(|m| *m == name)
            .map(|i| i as u32 + 1)
        });
        let year = number("y").or(number("uy")).or(number("ny"));
        let day = number("d").or(number("ud")).or(number("nd"));
        if let (Some(y), Some(m), Some(d)) = (year, month, day)
            && let Some(date) = NaiveDate::from_ymd_opt(y as i32, m, d)
            && let Some(whole) = found.get(0)
        {
            dates.push((whole.range(), date));
        }
    }
    dates
}

struct Reading {
    left: String,
    mentions: Vec<Mention>,
}

impl Reading {
    /// Overwrites what was read, so that it is not read again and offsets stay.
    fn blank(&mut self, range: std::ops::Range<usize>) {
        let spaces = " ".repeat(range.len());
        self.left.replace_range(range, &spaces);
    }

    fn mention(&mut self, mention: Mention) {
        match self
            .mentions
            .iter_mut()
            .find(|m| m.code == mention.code && m.systems == mention.systems)
        {
            Some(known) => {
                known.sure |= mention.sure;
                for m in mention.modifiers {
                    if !known.modifiers.contains(&m) {
                        known.modifiers.push(m);
                    }
                }
            }
            None => self.mentions.push(mention),
        }
    }

    fn take_date(&mut self) -> Option<NaiveDate> {
        let mut dates = Vec::new();
        for (range, date) in dates_in(&self.left) {
            self.blank(range);
            dates.push(date);
        }
        dates.dedup();
        // Several dates are a story, not a date of service.
        (dates.len() == 1).then(|| dates[0])
    }

    fn take_drgs(&mut self) {
        let Some(pattern) = DRG.as_ref() else { return };
        let found: Vec<_> = pattern
            .captures_iter(&self.left)
            .filter_map(|c| {
                Some((
                    c.get(0)?.range(),
                    c.get(0)?.as_str().to_owned(),
                    c.get(1)?.as_str().to_owned(),
                ))
            })
            .collect();
        for (range, typed, number) in found {
            self.blank(range);
            self.mention(Mention {
                typed,
                code: format!("{number:0>3}"),
                systems: vec![System::Msdrg],
                sure: true,
                modifiers: Vec::new(),
            });
        }
    }

    fn take_modifiers(&mut self) {
        let mut found: Vec<(std::ops::Range<usize>, String)> = Vec::new();
        for pattern in [&*MODIFIERS, &*MODIFIER_AFTER].into_iter().flatten() {
            found.extend(
                pattern
                    .captures_iter(&self.left)
                    .filter_map(|c| Some((c.get(0)?.range(), c.get(1)?.as_str().to_owned()))),
            );
        }
        for (range, list) in found {
            let mut any = false;
            for typed in list
                .split(|c: char| !c.is_ascii_alphanumeric())
                .filter(|t| t.len() == 2)
            {
                if SMALL_WORDS.contains(&typed) {
                    continue;
                }
                any = true;
                let letters = typed.chars().all(|c| c.is_ascii_lowercase());
                self.mention(Mention {
                    typed: typed.to_owned(),
                    code: typed.to_ascii_uppercase(),
                    systems: vec![System::Modifier],
                    sure: !letters,
                    modifiers: Vec::new(),
                });
            }
            if any {
                self.blank(range);
            }
        }
    }

    fn take_codes(&mut self) {
        let Some(token) = TOKEN.as_ref() else { return };
        let tokens: Vec<_> = token
            .find_iter(&self.left)
            .map(|m| (m.range(), m.as_str().to_owned()))
            .collect();
        let alone = tokens.len() == 1;
        for (range, typed) in tokens {
            let read = classify(&typed, alone);
            if !read.is_empty() {
                self.blank(range);
            }
            for mention in read {
                self.mention(mention);
            }
        }
    }
}

fn classify(typed: &str, alone: bool) -> Vec<Mention> {
    let is = |pattern: &Option<Regex>| pattern.as_ref().is_some_and(|p| p.is_match(typed));
    let upper = typed.to_ascii_uppercase();
    let mention = |code: &str, systems: &[System], sure: bool| Mention {
        typed: typed.to_owned(),
        code: code.to_owned(),
        systems: systems.to_vec(),
        sure,
        modifiers: Vec::new(),
    };
    if let Some(ends) = RANGE.as_ref().and_then(|p| p.captures(&upper)) {
        return [&ends[1], &ends[2]]
            .map(|code| mention(code, &[System::Cpt], true))
            .to_vec();
    }
    let icd10cm = ICD10CM
        .as_ref()
        .and_then(|p| p.captures(&upper))
        .filter(|c| {
            // A dot stands after the third character or not at all.
            c.get(2).is_none_or(|dot| dot.is_empty()) || c.get(3).is_some() || c.get(4).is_some()
        });
    let procedure = PROCEDURE.as_ref().and_then(|p| p.captures(&upper));
    if let Some(found) = icd10cm {
        let dot = found.get(2).is_some_and(|d| !d.is_empty());
        let tail = found.get(3).map_or("", |t| t.as_str());
        let code = format!("{}{tail}", &found[1]);
        let mut systems = vec![System::Icd10cm];
        if procedure.is_some() {
            systems.push(System::Hcpcs);
        }
        if is(&PCS) {
            systems.push(System::Icd10pcs);
        }
        if is(&ICD9) {
            systems.push(System::Icd9cm);
        }
        let digits = code.chars().skip(1).filter(char::is_ascii_digit).count();
        let shaped = dot || found.get(4).is_some() || (code.len() > 3 && digits >= 3);
        // Three characters may be a mask (N95), a vitamin (B12) or a vertebra (T12) unless they stand alone.
        let bare = code.len() == 3 && !dot && found.get(4).is_none();
        if bare && !alone && typed.chars().next().is_some_and(char::is_lowercase) {
            return Vec::new();
        }
        return vec![mention(&code, &systems, shaped || alone)];
    }
    if let Some(found) = procedure {
        let code = &found[1];
        let system = if code.starts_with(|c: char| c.is_ascii_alphabetic()) {
            System::Hcpcs
        } else {
            System::Cpt
        };
        let mut made = mention(code, &[system], true);
        made.modifiers = found[2]
            .split('-')
            .filter(|m| !m.is_empty())
            .map(str::to_owned)
            .collect();
        return vec![made];
    }
    if is(&PCS)
        && typed.chars().any(|c| c.is_ascii_alphabetic())
        && typed.chars().any(|c| c.is_ascii_digit())
    {
        return vec![mention(&upper, &[System::Icd10pcs], true)];
    }
    if is(&ICD9) {
        return vec![mention(&upper, &[System::Icd9cm], alone)];
    }
    Vec::new()
}

/// What is in capitals and digits and is no code: amounts, years, spine levels.
static NO_CODE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"^([A-Z]{3}.*|(FY|CY)?20\d\d(Q\d)?|([CTLS]\d{1,2})+|.*\d(MG|MCG|G|KG|LB|ML|L|CC|CM|MM|HR|MIN|MEQ|IU|X|S|TH|ND|RD|ST))$",
    )
    .ok()
});

/// Whether a word is meant for a code, though no code looks so: `10000Z`, `0OI1ABC`, `999.999`.
fn is_malformed(word: &str) -> bool {
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let letters = word.chars().filter(char::is_ascii_uppercase).count();
    let dots = word.chars().filter(|c| *c == '.').count();
    if digits + letters + dots != word.len() {
        return false;
    }
    if letters == 0 {
        let (whole, rest) = word.split_once('.').unwrap_or((word, ""));
        return whole.len() == 3 && rest.len() >= 3 && !rest.contains('.');
    }
    let long = (word.len() >= 5 && digits >= 3) || (word.len() == 7 && digits >= 2);
    dots == 0 && long && !NO_CODE.as_ref().is_some_and(|p| p.is_match(word))
}

/// Words in which a question is put; without them and without codes nothing is left of "what is E11.9?".
const FRAME: &[&str] = &[
    "a",
    "about",
    "an",
    "and",
    "are",
    "as",
    "be",
    "bill",
    "billing",
    "billed",
    "by",
    "can",
    "claim",
    "cm",
    "code",
    "coded",
    "codes",
    "coding",
    "cpt",
    "define",
    "definition",
    "describe",
    "description",
    "diagnosis",
    "do",
    "does",
    "dx",
    "explain",
    "for",
    "give",
    "hcpcs",
    "how",
    "i",
    "icd",
    "icd10",
    "icd-10",
    "icd-10-cm",
    "icd10cm",
    "in",
    "info",
    "is",
    "it",
    "look",
    "lookup",
    "me",
    "mean",
    "meaning",
    "means",
    "modifier",
    "modifiers",
    "my",
    "of",
    "on",
    "or",
    "pcs",
    "please",
    "procedure",
    "show",
    "stand",
    "stands",
    "tell",
    "that",
    "the",
    "this",
    "to",
    "up",
    "use",
    "used",
    "using",
    "we",
    "what",
    "whats",
    "what's",
    "when",
    "which",
    "with",
    "you",
    "s",
    "10",
    "mod",
    "mods",
    "hi",
    "hello",
    "thanks",
    "casebook",
    "meant",
    "guideline",
    "guidelines",
    "rule",
    "rules",
    "policy",
];

/// Those of [`FRAME`] that ask for a code wherever they stand.
const ASKS: &[&str] = &[
    "bill",
    "billing",
    "billed",
    "cm",
    "code",
    "coded",
    "codes",
    "coding",
    "cpt",
    "diagnosis",
    "dx",
    "hcpcs",
    "icd",
    "icd10",
    "icd-10",
    "icd-10-cm",
    "icd10cm",
    "modifier",
    "modifiers",
    "pcs",
    "please",
    "what",
    "what's",
    "whats",
    "which",
    "casebook",
];

/// Whether a word, in lower case, belongs to the frame of a question and not to what is asked.
pub(crate) fn is_frame(word: &str) -> bool {
    FRAME.contains(&word)
}

/// Words that say for whose claims a question is asked.
const SETTINGS: [(&str, Setting); 7] = [
    ("outpatient hospital", Setting::Facility),
    ("hospital outpatient", Setting::Facility),
    ("opps", Setting::Facility),
    ("dme", Setting::Dme),
    ("dmepos", Setting::Dme),
    ("durable medical equipment", Setting::Dme),
    ("practitioner", Setting::Practitioner),
];

impl Question {
    /// For whose claims it is asked, where its words say so.
    pub fn setting(&self) -> Option<Setting> {
        let words: Vec<String> = self
            .words
            .split(|c: char| !c.is_alphanumeric())
            .filter(|w| !w.is_empty())
            .map(str::to_lowercase)
            .collect();
        let text = format!(" {} ", words.join(" "));
        SETTINGS
            .iter()
            .find(|(cue, _)| text.contains(&format!(" {cue} ")))
            .map(|(_, setting)| *setting)
    }

    /// The same question where nothing that looks like a code is one.
    pub fn in_words(self) -> Self {
        Self {
            words: self.undated.clone(),
            mentions: Vec::new(),
            ..self
        }
    }

    /// The modifiers that are written on a code: `62323-59`.
    pub fn modifiers_of(&self, code: &str) -> Vec<String> {
        self.mentions
            .iter()
            .filter(|m| m.code == code)
            .flat_map(|m| m.modifiers.iter().cloned())
            .collect()
    }

    /// Whether it only names codes, to be shown: "M54.50", "what is modifier 25?", but not "can I bill 77003 with 62323?".
    pub fn only_names_codes(&self) -> bool {
        let pair = self.mentions.len() > 1 && crate::tables::together(&self.words);
        self.substance().is_empty() && !pair
    }

    /// What is asked about, as it was written: from the first word that carries the question to the last, without what only asks
    /// for a code. "Clot in my leg" and "w/o" are sayings only as they stand.
    pub fn condition(&self) -> String {
        let words: Vec<&str> = self.words.split_whitespace().collect();
        let bare = |word: &str| {
            word.trim_matches(|c: char| !c.is_alphanumeric())
                .to_lowercase()
        };
        let carries = |word: &&str| {
            let word = bare(word);
            !word.is_empty() && !is_frame(&word)
        };
        let (Some(mut first), Some(last)) = (
            words.iter().position(carries),
            words.iter().rposition(carries),
        ) else {
            return String::new();
        };
        // "On warfarin" is a status, "mod" is how moderate is charted; other little words before it belong to the frame.
        if first > 0 && ["on", "mod"].contains(&bare(words[first - 1]).as_str()) {
            first -= 1;
        }
        let kept = words[first..=last]
            .iter()
            .filter(|word| !ASKS.contains(&bare(word).as_str()));
        let kept: Vec<&str> = kept.copied().collect();
        kept.join(" ")
            .trim_end_matches(['?', '.', '!', ',', ';', ':'])
            .to_owned()
    }

    /// The words that carry the question, in lower case: neither codes nor the frame.
    pub fn substance(&self) -> Vec<String> {
        self.words
            .split(|c: char| !(c.is_alphanumeric() || c == '-' || c == '\''))
            .map(|w| w.trim_matches(|c| c == '-' || c == '\'').to_lowercase())
            .filter(|w| !w.is_empty() && !FRAME.contains(&w.as_str()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let q = parse(text).unwrap();
        let shown: Vec<String> = q
            .mentions
            .iter()
            .map(|m| {
                let systems: Vec<_> = m.systems.iter().map(|s| s.as_str()).collect();
                let modifiers: String = m.modifiers.iter().map(|m| format!("-{m}")).collect();
                format!(
                    "{}{modifiers}={}{}",
                    m.code,
                    systems.join("|"),
                    if m.sure { "" } else { "?" }
                )
            })
            .collect();
        assert_eq!(shown.join(" "), expected, "in {text:?}");
    }

    #[test]
    fn codes_as_people_write_them() {
        check("E11.9", "E119=icd10cm");
        check("what is e119?", "E119=icd10cm");
        check("M54.5-", "M545=icd10cm");
        check("m54.5 and M54.-", "M545=icd10cm M54=icd10cm");
        check("J3301 x 4", "J3301=icd10cm|hcpcs");
        check("M5416", "M5416=icd10cm|hcpcs");
        check("99213-25", "99213-25=cpt");
        check("99213-25-59, 0591T", "99213-25-59=cpt 0591T=cpt");
        check("99202-99215", "99202=cpt 99215=cpt");
        check("S52.501A", "S52501A=icd10cm");
        check("T36.0X1A/T36.0X5A", "T360X1A=icd10cm T360X5A=icd10cm");
        check("MS-DRG 291 vs drg 65", "291=msdrg 065=msdrg");
        check("0SRD0J9", "0SRD0J9=icd10pcs");
        check("250.00", "250.00=icd9cm");
        check("I10", "I10=icd10cm");
        check("U07.1, F32.A", "U071=icd10cm F32A=icd10cm");
    }

    #[test]
    fn modifiers() {
        check("what is modifier 25?", "25=modifier");
        check(
            "modifiers 59, XS and LT",
            "59=modifier XS=modifier LT=modifier",
        );
        check("mod gt vs 95", "GT=modifier? 95=modifier");
        check("when do I use the 25 modifier", "25=modifier");
        check("what modifier is used", "");
    }

    #[test]
    fn words_that_look_like_codes() {
        check("hemoglobin a1c with e11", "");
        check("H1N1 influenza", "H1N1=icd10cm?");
        check("N95 mask and B12", "N95=icd10cm? B12=icd10cm?");
        check("fever 100.5 in room 302", "100.5=icd9cm?");
        check("COVID-19 and ICD-10-CM", "");
    }

    #[test]
    fn dates() {
        for text in [
            "E11.9 on 2025-12-31",
            "E11.9 on 12/31/2025",
            "E11.9 DOS Dec. 31st, 2025",
        ] {
            let q = parse(text).unwrap();
            assert_eq!(q.date, NaiveDate::from_ymd_opt(2025, 12, 31), "{text}");
            assert_eq!(q.mentions.len(), 1, "{text}");
        }
        assert_eq!(parse("from 2025-01-01 to 2025-02-01").unwrap().date, None);
        assert_eq!(parse("on 2025-13-45").unwrap().date, None);
    }

    #[test]
    fn what_is_no_question() {
        assert_eq!(parse(" \n "), Err(Unreadable::Empty));
        assert_eq!(parse("🙂🙂 !?"), Err(Unreadable::NoWords));
        assert_eq!(parse(&"x ".repeat(50_000)), Err(Unreadable::TooLong));
        assert_eq!(parse("abc\u{0}def"), Err(Unreadable::Binary));
    }

    #[test]
    fn many_codes_are_counted_and_cut() {
        let text: String = (0..100).map(|i| format!("99{i:03} ")).collect();
        let q = parse(&text).unwrap();
        assert_eq!((q.typed_codes, q.mentions.len()), (100, MOST_CODES));
    }

    #[test]
    fn substance_is_what_the_frame_leaves() {
        assert!(parse("what is E11.9?").unwrap().substance().is_empty());
        assert_eq!(
            parse("code for low back pain").unwrap().substance(),
            ["low", "back", "pain"]
        );
    }

    #[test]
    fn what_was_no_code_stays_in_its_place() {
        let question = parse("T2DM with CKD on 2026-05-01").unwrap();
        assert_eq!(question.condition(), "CKD");
        let question = question.in_words();
        assert_eq!(question.condition(), "T2DM with CKD");
        assert!(question.mentions.is_empty());
    }

    #[test]
    fn a_condition_stands_as_it_was_written() {
        for (text, expected) in [
            (
                "what is the ICD-10 code for a clot in my leg?",
                "clot in my leg",
            ),
            ("on coumadin", "on coumadin"),
            (
                "code for COPD w/o complications, please",
                "COPD w/o complications",
            ),
            (
                "asthma diagnosis code with exacerbation",
                "asthma with exacerbation",
            ),
            ("what is E11.9?", ""),
        ] {
            assert_eq!(parse(text).unwrap().condition(), expected, "{text}");
        }
    }
}
