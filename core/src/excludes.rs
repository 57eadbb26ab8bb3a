//! Whether the Excludes notes of two diagnoses name one another (Official Guidelines, I.A.12).

use std::sync::LazyLock;

use regex::Regex;

use crate::card::Diagnosis;
use crate::tabular::{NoteKind, dotted};

/// An Excludes note of one code that names the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Between {
    /// The code whose note it is, as it is written.
    pub of: String,
    /// The code that it names.
    pub named: String,
    /// The level that prints the note.
    pub on: String,
    /// Excludes1 or Excludes2.
    pub kind: NoteKind,
    /// Verbatim.
    pub text: String,
}

impl Between {
    pub(crate) fn sentence(&self) -> String {
        let meaning = match self.kind {
            NoteKind::Excludes1 => "are not coded together unless the conditions are unrelated",
            _ => "are different conditions and may both be coded where both are documented",
        };
        format!(
            "{} and {} {meaning}: {} at {}: {}",
            self.of,
            self.named,
            self.kind.label(),
            dotted(&self.on),
            self.text
        )
    }
}

/// Codes and ranges inside a note's parentheses: `E10.-`, `O24.4-`, `A00-A09`, `S39.012`.
static REFERENCE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"\b([A-Z]\d[0-9A-Z](?:\.[0-9A-Z]{1,4})?)(?:\s*-\s*([A-Z]\d[0-9A-Z](?:\.[0-9A-Z]{1,4})?))?",
    )
    .ok()
});

/// Notes of either code, or of a level above it, that name the other; Excludes1 first.
pub(crate) fn between(a: &Diagnosis, b: &Diagnosis) -> Vec<Between> {
    let mut found = one_way(a, b);
    found.extend(one_way(b, a));
    found.sort_by_key(|f| f.kind);
    found
}

fn one_way(from: &Diagnosis, to: &Diagnosis) -> Vec<Between> {
    from.notes
        .iter()
        .filter(|n| {
            matches!(n.kind, NoteKind::Excludes1 | NoteKind::Excludes2)
                && names(&n.text, &to.entry.key)
        })
        .map(|n| Between {
            of: dotted(&from.entry.key),
            named: dotted(&to.entry.key),
            on: n.on.clone(),
            kind: n.kind,
            text: n.text.clone(),
        })
        .collect()
}

/// The single codes that a note refers to, without dots; a range names none.
pub(crate) fn references(note: &str) -> Vec<String> {
    let Some(pattern) = REFERENCE.as_ref() else {
        return Vec::new();
    };
    pattern
        .captures_iter(note)
        .filter(|c| c.get(2).is_none())
        .map(|c| c[1].replace('.', ""))
        .collect()
}

/// Whether a note's references hold a code, given without its dot.
pub(crate) fn names(note: &str, code: &str) -> bool {
    let Some(pattern) = REFERENCE.as_ref() else {
        return false;
    };
    pattern.captures_iter(note).any(|c| {
        let first = c[1].replace('.', "");
        match c.get(2).map(|m| m.as_str().replace('.', "")) {
            Some(last) => {
                let length = first.len().min(last.len()).min(code.len());
                (first.as_str()..=last.as_str()).contains(&code) || code[..length] == last[..length]
            }
            None => code.starts_with(&first),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn references_of_notes() {
        assert!(names("type 1 diabetes mellitus (E10.-)", "E109"));
        assert!(!names("type 1 diabetes mellitus (E10.-)", "E119"));
        assert!(names("low back strain (S39.012)", "S39012A"));
        assert!(names("certain infectious diseases (A00-B99)", "B20"));
        assert!(!names("certain infectious diseases (A00-B99)", "C20"));
        assert!(names("gestational diabetes (O24.4-)", "O24410"));
        assert!(names(
            "pain in thoracic spine (M54.6), lumbago (M54.4-, M54.5-)",
            "M5450"
        ));
    }
}
