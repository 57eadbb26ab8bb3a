//! What the files of the ICD family have in common: how their codes are written, and how their names are dated.

use chrono::NaiveDate;

use crate::edition::Found;
use crate::member::Member;
use crate::recognise::Look;

/// An ICD-10-CM code as an index or a table prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printed {
    /// Without the dot, as stores hold it: `M545`.
    pub key: String,
    /// A trailing dash was printed: more characters are required (Official Guidelines, I.A.6 and I.B.2).
    pub incomplete: bool,
}

/// Reads a printed code: `M54.5-` is `M545`, incomplete; `I63.-` is `I63`, incomplete. `None` where it is no code.
pub fn printed(text: &str) -> Option<Printed> {
    let text = text.trim();
    let stem = text.trim_end_matches('-');
    let incomplete = stem.len() < text.len();
    let stem = stem.strip_suffix('.').unwrap_or(stem);
    let key = match stem.as_bytes().get(3) {
        Some(b'.') => format!("{}{}", stem.get(..3)?, stem.get(4..)?),
        _ => stem.to_owned(),
    };
    is_cm_code(&key).then_some(Printed { key, incomplete })
}

/// Whether a text without a dot has the form of an ICD-10-CM code or header: 3 to 7 letters and digits, the first a
/// letter, and a digit in the second place (`M54`) or the third (`QA0`, since FY2026).
pub fn is_cm_code(key: &str) -> bool {
    let bytes = key.as_bytes();
    (3..=7).contains(&bytes.len())
        && bytes[0].is_ascii_uppercase()
        && bytes[1..3].iter().any(u8::is_ascii_digit)
        && bytes[1..]
            .iter()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

/// Whether a text has the form of an ICD-10-PCS code (7 characters) or table (3): digits and letters without I and O.
pub fn is_pcs_code(key: &str) -> bool {
    [3, 7].contains(&key.len())
        && key
            .bytes()
            .all(|b| b.is_ascii_digit() || (b.is_ascii_uppercase() && b != b'I' && b != b'O'))
}

/// A field of a fixed-width line, by its characters from 0; empty where the line is shorter. Not trimmed.
pub(crate) fn field(line: &str, from: usize, to: usize) -> &str {
    if line.is_ascii() {
        return line.get(from..to.min(line.len())).unwrap_or_default();
    }
    let at = |n: usize| line.char_indices().nth(n).map_or(line.len(), |(i, _)| i);
    line.get(at(from)..at(to)).unwrap_or_default()
}

/// The lines of the beginning of a file that are not blank. A last one without an end is left out, where it is not the
/// only one: the look may cut it, and where the file itself is cut, its reader can say so better than "not recognised".
pub(crate) fn lines<'a>(look: &'a Look<'_>) -> Vec<&'a str> {
    let mut lines: Vec<&str> = look.text.lines().collect();
    if lines.len() > 1 && !look.text.ends_with('\n') {
        lines.pop();
    }
    lines.retain(|l| !l.trim().is_empty());
    lines
}

/// Whether most titles are words, and not the second column of another table. A few have no small letter (COVID-19).
pub(crate) fn worded(rows: &[(&str, &str)]) -> bool {
    let words = |title: &str| {
        title
            .as_bytes()
            .windows(2)
            .any(|w| w.iter().all(u8::is_ascii_lowercase))
    };
    rows.iter().filter(|(_, title)| words(title)).count() * 2 > rows.len()
}

/// The file's name and those of the archives around it, innermost first, in lower case. Folders on disk are nobody's
/// edition; folders inside an archive are its publisher's.
fn names(member: &Member) -> Vec<String> {
    let mut parts = member.path.split('!');
    let disk = parts.next().unwrap_or_default();
    let disk = disk.rsplit(['/', '\\']).next().unwrap_or_default();
    let mut names: Vec<String> = std::iter::once(disk)
        .chain(parts.flat_map(|p| p.split(['/', '\\'])))
        .map(str::to_lowercase)
        .collect();
    names.reverse();
    names
}

/// The fiscal year that a name gives: `icd10cm-order-2026.txt`, `POAexemptCodesFY26.txt`. A name with `October 2025` is
/// of the year that begins then.
fn year(name: &str) -> Option<i32> {
    let bytes = name.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let digits = bytes[at..]
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .count();
        let number = name
            .get(at..at + digits)
            .and_then(|d| d.parse::<i32>().ok());
        let fy = name[..at].trim_end_matches(['-', '_', ' ']).ends_with("fy");
        match (digits, number) {
            (4, Some(n)) if (1990..2100).contains(&n) => {
                return Some(if name.contains("october") { n + 1 } else { n });
            }
            (2, Some(n)) if fy => return Some(2000 + n),
            _ => at += digits.max(1),
        }
        while !name.is_char_boundary(at) {
            at += 1;
        }
    }
    None
}

/// Gives a file its fiscal year: the one that its content says, or else the one in its name or its archive's. What
/// takes effect in April says so only in a name.
pub(crate) fn dated(found: Found, member: &Member, content: Option<i32>) -> Found {
    let names = names(member);
    let Some(year) = content.or_else(|| names.iter().find_map(|n| year(n))) else {
        return found;
    };
    let april = names.iter().any(|n| n.contains("april"));
    if april {
        april_of(found, year)
    } else {
        found.fiscal_year(year)
    }
}

/// The edition of April 1, which replaces that of October for the rest of the fiscal year.
pub(crate) fn april_of(found: Found, year: i32) -> Found {
    let mut found = found.fiscal_year(year);
    found.edition = Some(format!("FY{year} (April {year})"));
    found.effective = NaiveDate::from_ymd_opt(year, 4, 1);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edition::Kind;
    use proptest::prelude::*;

    #[test]
    fn codes_as_they_are_printed() {
        let read = |t| printed(t).map(|p| (p.key, p.incomplete));
        assert_eq!(read("M54.5-"), Some(("M545".into(), true)));
        assert_eq!(read("I63.-"), Some(("I63".into(), true)));
        assert_eq!(read("A80-"), Some(("A80".into(), true)));
        assert_eq!(read("F02.81 "), Some(("F0281".into(), false)));
        assert_eq!(read("C7A.010"), Some(("C7A010".into(), false)));
        assert_eq!(read("QA0.0101"), Some(("QA00101".into(), false)));
        for no in [
            "",
            "--",
            "-",
            "mouth",
            "AND",
            "54.5",
            "M5.45",
            "M54.56789",
            "m54.5",
            "é54.5",
        ] {
            assert_eq!(read(no), None, "{no}");
        }
    }

    #[test]
    fn names_give_years() {
        let of = |path: &str| {
            let member = Member::from_bytes(path, &b""[..]);
            let found = dated(Found::of(Kind::Icd10cmOrder), &member, None);
            (
                found.edition.unwrap_or_default(),
                found.effective.map(|d| d.to_string()).unwrap_or_default(),
            )
        };
        assert_eq!(
            of("/2019/icd10cm_order_2026.txt"),
            ("FY2026".into(), "2025-10-01".into())
        );
        assert_eq!(
            of("POAexemptCodesFY26.txt"),
            ("FY2026".into(), "2025-10-01".into())
        );
        assert_eq!(
            of("d/2018-gems.zip!gem_i9pcs.txt"),
            ("FY2018".into(), "2017-10-01".into())
        );
        assert_eq!(
            of("april-1-2026.zip!x/order.txt"),
            ("FY2026 (April 2026)".into(), "2026-04-01".into())
        );
        assert_eq!(of("ICD-10-CM-October-2025-Guidelines.pdf").0, "FY2026");
        assert_eq!(of("icd10cm.txt").0, "");
        assert_eq!(of("é20261.txt").0, "");
    }

    proptest! {
        #[test]
        fn any_text_has_fields(line in ".{0,40}", a in 0usize..50, b in 0usize..50) {
            let wanted: String = line.chars().skip(a).take(b.saturating_sub(a)).collect();
            if a <= b {
                prop_assert_eq!(field(&line, a, b), wanted);
            }
            let _ = printed(&line);
            let _ = year(&line);
        }
    }
}
