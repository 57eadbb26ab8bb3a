//! General equivalence mappings between ICD-9-CM and ICD-10, both directions, diagnoses and procedures.
//!
//! Each line maps a source code to one target: source, target and five flags, in fixed width. The target's column tells
//! the direction: ICD-9-CM codes have at most 5 characters, so the target stands in 7-13 after one and in 9-13 after an
//! ICD-10 code. CMS published them last for FY2018.

use crate::edition::{Found, Kind};
use crate::error::{Place, ReadError};
use crate::icd::{dated, is_cm_code, is_pcs_code, lines};
use crate::member::{Form, Member};
use crate::recognise::Look;

/// One mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gem {
    /// The code that is mapped, without its dot.
    pub source: String,
    /// The code that it is mapped to, without its dot; `None` where the other system has none (`NoDx`, `NoPCS`).
    pub target: Option<String>,
    /// Not identical: close to it. Most are.
    pub approximate: bool,
    /// The source needs more than one target; see `scenario` and `choice`.
    pub combination: bool,
    /// With a combination: which of the alternative ways. 0 without.
    pub scenario: u8,
    /// With a combination: from which list a target of the scenario is chosen; one from each. 0 without.
    pub choice: u8,
}

impl Gem {
    /// The other system has no code for the source.
    pub fn no_map(&self) -> bool {
        self.target.is_none()
    }
}

/// A line's columns, where they are those of one direction: source, target, flags.
fn columns(line: &str, kind: Kind) -> Option<(&str, &str, [u8; 5])> {
    let line = line.trim_end();
    let at = if kind == Kind::GemForward { 6 } else { 8 };
    if !line.is_ascii() || line.len() != 19 {
        return None;
    }
    let (source, target, flags) = (&line[..at - 1], &line[at..13], &line[14..]);
    let (old, new) = if kind == Kind::GemForward {
        (source, target)
    } else {
        (target, source)
    };
    let none = |text: &str| ["NoDx", "NoPCS"].contains(&text);
    let (old, new) = (old.trim_end(), new.trim_end());
    // The file of FY2018 has one code in lower case, `v5889`.
    let is_old = |text: &str| is_icd9(&text.to_ascii_uppercase());
    let is_new = is_cm_code(new) || is_pcs_code(new);
    let sound = match kind {
        Kind::GemForward => is_old(old) && (is_new || none(new)),
        _ => is_new && (is_old(old) || none(old)),
    };
    let blank = line.as_bytes()[at - 1] == b' ' && line.as_bytes()[13] == b' ';
    let flags: Vec<u8> = flags
        .bytes()
        .filter(u8::is_ascii_digit)
        .map(|b| b - b'0')
        .collect();
    let flags: [u8; 5] = flags.try_into().ok()?;
    (sound && blank).then_some((source.trim_end(), target.trim_end(), flags))
}

/// The form of an ICD-9-CM code without its dot: a diagnosis (3 to 5 digits, the first may be V or E) or a procedure
/// (2 to 4 digits).
pub(crate) fn is_icd9(text: &str) -> bool {
    let rest = text.strip_prefix(['V', 'E']).unwrap_or(text);
    (2..=5).contains(&text.len()) && rest.bytes().all(|b| b.is_ascii_digit())
}

/// A mapping file: the direction from its columns, diagnoses or procedures (part `dx` or `pcs`) from its codes.
pub(crate) fn recognise(look: &Look<'_>) -> Option<Found> {
    if look.member.form != Form::Text {
        return None;
    }
    let lines = lines(look);
    let (kind, rows) = [Kind::GemForward, Kind::GemBackward]
        .into_iter()
        .find_map(|kind| {
            columns(lines.first()?, kind)?;
            // A bad line among them is for the reader to name.
            let rows: Vec<_> = lines.iter().filter_map(|l| columns(l, kind)).collect();
            (rows.len() * 4 >= lines.len() * 3).then_some((kind, rows))
        })?;
    let mut found = Found::of(kind);
    let (old, new): (Vec<&str>, Vec<&str>) = match kind {
        Kind::GemForward => rows.iter().map(|r| (r.0, r.1)).unzip(),
        _ => rows.iter().map(|r| (r.1, r.0)).unzip(),
    };
    let says = |text: &str| old.contains(&text) || new.contains(&text);
    let procedures = says("NoPCS")
        || (!says("NoDx")
            && new.iter().all(|c| is_pcs_code(c) && c.len() == 7)
            && old
                .iter()
                .all(|c| c.len() <= 4 && c.bytes().all(|b| b.is_ascii_digit())));
    found.part = if procedures { "pcs" } else { "dx" }.to_owned();
    Some(dated(found, look.member, None))
}

/// Reads a mapping file of `kind` ([`Kind::GemForward`] or [`Kind::GemBackward`]); yields how many rows.
///
/// # Errors
/// A line of another layout, a flag that contradicts its target, a mapping that stands twice, and whatever `take`
/// returns.
pub fn read<E: From<ReadError>>(
    member: &Member,
    kind: Kind,
    take: &mut dyn FnMut(Gem) -> Result<(), E>,
) -> Result<u64, E> {
    let mut rows = 0;
    // All mappings of the source at hand: they stand together.
    let mut same: Vec<Gem> = Vec::new();
    let mut lines = member.lines()?;
    while let Some((line, text)) = lines.next()? {
        let damaged = |what: String| ReadError::damaged(&member.path, Place::Line(line), what);
        if text.trim().is_empty() {
            continue;
        }
        let (source, target, flags) = columns(text, kind)
            .ok_or_else(|| damaged(format!("no line of the {}", kind.source())))?;
        let none = target.starts_with("No");
        if flags[..3].iter().any(|f| *f > 1) || (flags[1] == 1) != none {
            return Err(damaged(format!(
                "the flags of {source} contradict its target {target}"
            ))
            .into());
        }
        let gem = Gem {
            source: source.to_ascii_uppercase(),
            target: (!none).then(|| target.to_ascii_uppercase()),
            approximate: flags[0] == 1,
            combination: flags[2] == 1,
            scenario: flags[3],
            choice: flags[4],
        };
        if same.first().is_some_and(|g| g.source != gem.source) {
            same.clear();
        }
        if same.contains(&gem) {
            return Err(
                damaged(format!("the mapping of {source} to {target} stands twice")).into(),
            );
        }
        same.push(gem.clone());
        rows += 1;
        take(gem)?;
    }
    if rows == 0 {
        return Err(ReadError::damaged(&member.path, Place::Whole, "it holds no mapping").into());
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recognise::recognise;
    use proptest::prelude::*;

    const FORWARD: &str = "0010  A000    00000\r\nE8000 V811XXA 10000\r\n36570 NoDx    11000\r\n80601 S14111A 10111\r\n80601 S12001A 10112\r\n";
    const BACKWARD: &str = "A000    0010  00000\r\nS14111A 80601 10111\r\nR29700  NoDx  11000\r\n";

    fn all(text: &[u8], kind: Kind) -> Result<Vec<Gem>, String> {
        let mut rows = Vec::new();
        read::<ReadError>(&Member::from_bytes("g.txt", text), kind, &mut |g| {
            rows.push(g);
            Ok(())
        })
        .map_err(|e| e.to_string())?;
        Ok(rows)
    }

    #[test]
    fn both_directions() {
        let rows = all(FORWARD.as_bytes(), Kind::GemForward).unwrap();
        assert_eq!(
            (rows[0].source.as_str(), rows[0].target.as_deref()),
            ("0010", Some("A000"))
        );
        assert!(!rows[0].approximate && rows[2].no_map() && rows[3].combination);
        assert_eq!((rows[4].scenario, rows[4].choice), (1, 2));
        let rows = all(BACKWARD.as_bytes(), Kind::GemBackward).unwrap();
        assert_eq!(
            (rows[1].source.as_str(), rows[1].target.as_deref()),
            ("S14111A", Some("80601"))
        );
        assert!(rows[2].no_map());
        let rows = all(b"T8853XD v5889 10000\r\n", Kind::GemBackward).unwrap();
        assert_eq!(rows[0].target.as_deref(), Some("V5889"));
    }

    #[test]
    fn recognised_by_content() {
        let found = |text: &str| {
            recognise(&Member::from_bytes("2018_x.txt", text.as_bytes()))
                .map(|f| (f.kind, f.part, f.edition))
        };
        let fy = Some("FY2018".to_owned());
        assert_eq!(
            found(FORWARD),
            Some((Kind::GemForward, "dx".into(), fy.clone()))
        );
        assert_eq!(
            found(BACKWARD),
            Some((Kind::GemBackward, "dx".into(), fy.clone()))
        );
        assert_eq!(
            found("0001  6A750Z4 00000\n"),
            Some((Kind::GemForward, "pcs".into(), fy.clone()))
        );
        assert_eq!(
            found("0016070 0232  10000\n8E0ZXY6 NoPCS 11000\n"),
            Some((Kind::GemBackward, "pcs".into(), fy))
        );
        assert_eq!(found("0010  A000    0000\n"), None);
    }

    #[test]
    fn bad_files_are_refused_with_their_line() {
        let said = |text: &str| all(text.as_bytes(), Kind::GemForward).unwrap_err();
        assert!(said(&FORWARD[..FORWARD.len() - 6]).contains("line 5"));
        assert!(said(BACKWARD).contains("line 1"));
        assert!(
            said(&FORWARD.replace("NoDx    11000", "NoDx    10000"))
                .contains("line 3: the flags of 36570")
        );
        assert!(
            said(&format!("{FORWARD}80601 S14111A 10111\r\n"))
                .contains("line 6: the mapping of 80601")
        );
        assert!(said("").contains("no mapping"));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = all(&bytes, Kind::GemForward);
            let _ = recognise(&Member::from_bytes("x", bytes));
        }

        #[test]
        fn rows_come_back(a: bool, combination: bool, scenario in 0u8..10, choice in 0u8..10, code in "[A-Z][0-9][0-9A-Z]{1,5}") {
            let line = format!("{:<5} {code:<7} {}0{}{scenario}{choice}\n", "V1000", u8::from(a), u8::from(combination));
            let rows = all(line.as_bytes(), Kind::GemForward).unwrap();
            let gem = Gem { source: "V1000".into(), target: Some(code), approximate: a, combination, scenario, choice };
            prop_assert_eq!(rows, vec![gem]);
        }
    }
}
