//! ICD-9-CM titles: diagnoses and procedures, in force until 2015-09-30.
//!
//! CMS published four text files with its last version, 32: `CMS32_DESC_LONG_DX.txt` and `_SG`, and the same with short
//! titles. A line is a code without its dot, padded to 5 columns (diagnoses) or 4 (procedures), a space and a title.
//! The long titles are in Latin-1.

use std::collections::HashSet;

use crate::edition::{Found, Kind};
use crate::error::{Place, ReadError};
use crate::gem::is_icd9;
use crate::icd::{field, lines, worded};
use crate::member::{Form, Member};
use crate::recognise::Look;

/// A code with its title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Title {
    /// Without its dot.
    pub code: String,
    /// Verbatim.
    pub title: String,
}

/// The columns of a code: 5 for a diagnosis, 4 for a procedure.
fn width(part: &str) -> usize {
    if part.starts_with("dx") { 5 } else { 4 }
}

fn columns(line: &str, width: usize) -> Option<(&str, &str)> {
    let (code, title) = (
        field(line, 0, width).trim_end(),
        field(line, width + 1, usize::MAX),
    );
    let digits = code.bytes().all(|b| b.is_ascii_digit());
    let sound = match width {
        5 => code.len() >= 3 && is_icd9(code),
        _ => code.len() >= 2 && digits,
    };
    let whole = sound
        && field(line, width, width + 1) == " "
        && !title.starts_with(' ')
        && title.contains(|c: char| c.is_alphabetic());
    whole.then(|| (code, title.trim_end()))
}

/// A file of titles; its part is `dx` or `sg`, with ` short` where no title is longer than the 24 characters of a short
/// one. The name gives the version: 32 is of FY2015.
pub(crate) fn recognise(look: &Look<'_>) -> Option<Found> {
    if look.member.form != Form::Text {
        return None;
    }
    let lines = lines(look);
    let (part, rows) = ["dx", "sg"].into_iter().find_map(|part| {
        let rows: Option<Vec<_>> = lines.iter().map(|l| columns(l, width(part))).collect();
        // CPT codes have 5 digits without exception: a licensed file of theirs is none of ours. Nor are mappings, or
        // numbers of any other kind: these titles are in words.
        let ours =
            |rows: &Vec<(&str, &str)>| rows.iter().any(|(code, _)| code.len() < 5) && worded(rows);
        Some((part, rows.filter(ours)?))
    })?;
    let mut found = Found::of(Kind::Icd9cmCodes);
    let short = rows.iter().all(|(_, title)| title.chars().count() <= 24);
    found.part = format!("{part}{}", if short { " short" } else { "" });
    let version = look
        .member
        .name()
        .strip_prefix("cms")
        .and_then(|n| n.get(..2)?.parse::<i32>().ok());
    Some(match version {
        Some(version) => found.fiscal_year(1983 + version),
        None => found,
    })
}

/// Reads a file of titles, `part` being what it was recognised as; yields how many rows.
///
/// # Errors
/// A line of another layout, a code that stands twice, a file without codes, and whatever `take` returns.
pub fn read<E: From<ReadError>>(
    member: &Member,
    part: &str,
    take: &mut dyn FnMut(Title) -> Result<(), E>,
) -> Result<u64, E> {
    let mut seen: HashSet<String> = HashSet::new();
    let mut lines = member.lines()?;
    while let Some((line, text)) = lines.next()? {
        let damaged = |what: String| ReadError::damaged(&member.path, Place::Line(line), what);
        if text.trim().is_empty() {
            continue;
        }
        let (code, title) = columns(text, width(part))
            .ok_or_else(|| damaged("no line of an ICD-9-CM file of titles".into()))?;
        if !seen.insert(code.to_owned()) {
            return Err(damaged(format!("code {code} stands twice")).into());
        }
        take(Title {
            code: code.to_owned(),
            title: title.to_owned(),
        })?;
    }
    if seen.is_empty() {
        return Err(ReadError::damaged(&member.path, Place::Whole, "it holds no code").into());
    }
    Ok(seen.len() as u64)
}

/// A code with its dot, as people write it: `250.00`, `E800.0`, and `00.01` for a procedure (part `sg`).
pub fn dotted(code: &str, part: &str) -> String {
    let before = match width(part) {
        5 if code.starts_with('E') => 4,
        5 => 3,
        _ => 2,
    };
    match code.split_at_checked(before) {
        Some((stem, rest)) if !rest.is_empty() => format!("{stem}.{rest}"),
        _ => code.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recognise::recognise;
    use proptest::prelude::*;

    const DX: &[u8] = b"0010  Ours, with a title longer than a short one\r\n24900 M\xe9ni\xe8re, ours\r\nV6542 Ours\r\nE8000 Ours, outside\r\n";
    const SG: &[u8] = b"0001 Our procedure, with a title that is long\r\n9999 Another\r\n";

    fn all(text: &[u8], part: &str) -> Result<Vec<Title>, String> {
        let mut rows = Vec::new();
        read::<ReadError>(&Member::from_bytes("t.txt", text), part, &mut |t| {
            rows.push(t);
            Ok(())
        })
        .map_err(|e| e.to_string())?;
        Ok(rows)
    }

    #[test]
    fn diagnoses_and_procedures() {
        let found = |name: &str, text: &[u8]| {
            recognise(&Member::from_bytes(name, text)).map(|f| (f.part, f.edition))
        };
        assert_eq!(
            found("CMS32_DESC_LONG_DX.txt", DX),
            Some(("dx".into(), Some("FY2015".into())))
        );
        assert_eq!(found("x.txt", SG), Some(("sg".into(), None)));
        assert_eq!(
            found("x.txt", b"0010  Ours d/t short\n"),
            Some(("dx short".into(), None))
        );
        // A list in which every code has 5 digits is not ICD-9-CM.
        assert_eq!(
            found("x.txt", b"10000 WORDS OF SOMEBODY\n10001 MORE WORDS\n"),
            None
        );
        assert_eq!(all(DX, "dx").unwrap()[1].title, "Ménière, ours");
        assert_eq!(all(SG, "sg").unwrap()[0].code, "0001");
    }

    #[test]
    fn dots() {
        assert_eq!(dotted("25000", "dx"), "250.00");
        assert_eq!(dotted("V6542", "dx"), "V65.42");
        assert_eq!(dotted("E8000", "dx"), "E800.0");
        assert_eq!(dotted("042", "dx"), "042");
        assert_eq!(dotted("0001", "sg"), "00.01");
    }

    #[test]
    fn bad_files_are_refused_with_their_line() {
        assert!(
            all(b"0010  Ours\n0010  Ours\n", "dx")
                .unwrap_err()
                .contains("line 2: code 0010 stands twice")
        );
        assert!(
            all(b"0010  Ours\n001", "dx")
                .unwrap_err()
                .contains("line 2")
        );
        assert!(all(b"0010   Moved\n", "dx").unwrap_err().contains("line 1"));
        assert!(all(b"", "dx").unwrap_err().contains("no code"));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = all(&bytes, "dx");
            let _ = all(&bytes, "sg");
            let _ = dotted(&String::from_utf8_lossy(&bytes), "dx");
        }

        #[test]
        fn rows_come_back(code in "[0-9]{3,5}", title in "[A-Za-z][a-z ,é]{0,40}[a-z]") {
            let line = format!("{code:<5} {title}\r\n");
            prop_assert_eq!(all(line.as_bytes(), "dx").unwrap(), vec![Title { code, title }]);
        }
    }
}
