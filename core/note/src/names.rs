//! Names of people, where something marks them as such: a label, a title, a credential, or a common given name before
//! another capitalised word. A name that nothing marks is not found.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::LazyLock;

use crate::identifiers::IdentifierKind;
use crate::sections::between;
use crate::words::{Gap, Lexicon, Word};

/// Common given names in the United States.
static GIVEN: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("given_names.txt").split_whitespace().collect());

/// Words of notes and of billing that stand where a name could: "Patient Presents With".
static VOCABULARY: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("not_names.txt").split_whitespace().collect());

/// Given names that are words or belong to names of things.
const ALSO_WORDS: [&str; 34] = [
    "angel",
    "april",
    "austin",
    "bill",
    "chad",
    "chase",
    "christian",
    "crystal",
    "daisy",
    "dale",
    "dawn",
    "dean",
    "don",
    "earl",
    "faith",
    "frank",
    "gene",
    "grace",
    "grant",
    "hazel",
    "holly",
    "jack",
    "jean",
    "june",
    "lance",
    "mark",
    "max",
    "may",
    "penny",
    "ray",
    "rose",
    "ruby",
    "sue",
    "violet",
];

/// What follows a person's name that names a thing: "Charles Bonnet syndrome", "Mary Washington Hospital".
const THINGS: [&str; 27] = [
    "syndrome",
    "disease",
    "sign",
    "test",
    "procedure",
    "prosthesis",
    "hospital",
    "clinic",
    "medical",
    "center",
    "health",
    "healthcare",
    "university",
    "insurance",
    "medicare",
    "medicaid",
    "disorder",
    "maneuver",
    "score",
    "scale",
    "classification",
    "fracture",
    "palsy",
    "lymphoma",
    "foundation",
    "act",
    "institute",
];

#[derive(Clone, Copy, PartialEq)]
enum Label {
    /// What follows is a name, in any case of letters.
    Name,
    /// What follows is a name if it is capitalised.
    Perhaps,
    /// What follows is somebody who treats.
    Clinician,
}

static LABELS: LazyLock<Lexicon<Label>> = LazyLock::new(|| {
    let lists = [
        (
            Label::Name,
            "patient name|pt name|name of patient|patient's name|member name|subscriber name|full name|legal name|last name|\
             first name|guarantor name|beneficiary name|insured name|name of insured|mother's name|father's name|\
             maiden name|preferred name|client name|resident name|emergency contact|next of kin",
        ),
        (
            Label::Perhaps,
            "patient|pt|name|client|resident|member|subscriber|guarantor|beneficiary|insured|spouse|wife|husband|\
             guardian|re|caregiver",
        ),
        (
            Label::Clinician,
            "attending|attending physician|surgeon|assistant surgeon|pcp|provider|physician|referring provider|\
             referring physician|ordering provider|ordering physician|primary care provider|signed by|\
             electronically signed by|e signed by|dictated by|transcribed by|cosigned by|author|anesthesiologist|\
             rendering provider|consultant|resident physician|seen by|nurse|signed|reviewed by|authored by|radiologist",
        ),
    ];
    Lexicon::new(
        lists
            .into_iter()
            .flat_map(|(label, phrases)| phrases.split('|').map(move |p| (p, label))),
    )
});

/// Whether a word of this form is no name.
pub(crate) fn is_vocabulary(form: &str) -> bool {
    VOCABULARY.contains(form)
}

/// Names with what they are, in bytes.
pub(crate) fn names(text: &str, words: &[Word]) -> Vec<(Range<usize>, IdentifierKind)> {
    let reader = Reader { text, words };
    let mut found = Vec::new();
    let mut index = 0;
    while index < words.len() {
        match reader.name(index) {
            Some((name, kind)) => {
                let range = words[name.start].range.start..words[name.end - 1].range.end;
                found.push((range, kind));
                index = name.end;
            }
            None => index += 1,
        }
    }
    found
}

struct Reader<'t> {
    text: &'t str,
    words: &'t [Word],
}

impl Reader<'_> {
    fn written(&self, index: usize) -> &str {
        self.words
            .get(index)
            .map_or("", |w| &self.text[w.range.clone()])
    }

    fn form(&self, index: usize) -> &str {
        self.words.get(index).map_or("", |w| w.form.as_str())
    }

    /// A name that a word begins, or that is after the label which a word begins.
    fn name(&self, index: usize) -> Option<(Range<usize>, IdentifierKind)> {
        use IdentifierKind::{Clinician, Name};
        let labelled = LABELS.at(self.words, index).and_then(|(length, label)| {
            let start = index + length;
            let gap = self.words.get(start)?.gap;
            let colon = between(self.text, self.words, start)
                .trim_start()
                .starts_with([':', '=']);
            match label {
                Label::Clinician if colon || self.form(start - 1) == "by" => {
                    let start = start + usize::from(matches!(self.form(start), "dr" | "doctor"));
                    self.capitalised(start, 4, true).map(|n| (n, Clinician))
                }
                Label::Name
                    if colon || gap == Gap::default() && !is_vocabulary(self.form(start)) =>
                {
                    self.capitalised(start, 4, true)
                        .or_else(|| colon.then(|| self.lower(start)).flatten())
                        .map(|n| (n, Name))
                }
                Label::Perhaps if colon && !self.qualified(index) => {
                    let name = self.capitalised(start, 4, true)?;
                    let sure = name.len() > 1 || GIVEN.contains(self.form(name.start));
                    sure.then_some((name, Name))
                }
                // "pt John Smith", "patient Jane Doe"
                Label::Perhaps
                    if matches!(self.form(index), "pt" | "patient") && gap == Gap::default() =>
                {
                    self.unlabelled(start).map(|n| (n, Name))
                }
                _ => None,
            }
        });
        labelled
            .or_else(|| self.titled(index))
            .or_else(|| self.credentialed(index).map(|n| (n, Clinician)))
            .or_else(|| self.common(index).map(|n| (n, Name)))
            .or_else(|| self.introduced(index).map(|n| (n, Name)))
    }

    /// "Wendell Ostrowski, DOB …", "Emeka Thornbury, born …": two capitalised words before what identifies a person.
    fn introduced(&self, index: usize) -> Option<Range<usize>> {
        let name = self.capitalised(index, 3, false)?;
        let after = between(self.text, self.words, name.end);
        let follows = matches!(
            self.form(name.end),
            "dob"
                | "born"
                | "mrn"
                | "hospital"
                | "chart"
                | "record"
                | "ssn"
                | "phone"
                | "birthdate"
        );
        let numbered = match self.form(name.end) {
            "hospital" | "chart" | "record" => {
                matches!(self.form(name.end + 1), "no" | "number" | "id")
            }
            _ => true,
        };
        let mixed = name
            .clone()
            .all(|i| self.written(i).chars().any(char::is_lowercase) || self.written(i).len() == 1);
        (name.len() > 1 && after.starts_with([',', ';', '(']) && follows && numbered && mixed)
            .then_some(name)
    }

    /// `Drug name:`, `Facility name:` are no labels of a person.
    fn qualified(&self, index: usize) -> bool {
        self.form(index) == "name" && index > 0 && self.words[index].gap == Gap::default()
    }

    /// "Mr. Smith", "Dr. Jones".
    fn titled(&self, index: usize) -> Option<(Range<usize>, IdentifierKind)> {
        use IdentifierKind::{Clinician, Name};
        let written = self.written(index);
        let kind = match self.form(index) {
            // "MR brain", "MS": in capitals they are other things.
            "mr" | "mrs" | "ms" | "miss" | "mx" => Name,
            "dr" | "doctor" => Clinician,
            _ => return None,
        };
        let dot = between(self.text, self.words, index + 1);
        if !matches!(dot, " " | ". " | "." | ".  ") {
            return None;
        }
        let title =
            written.starts_with(char::is_uppercase) && written[1..].chars().all(char::is_lowercase);
        let dotted = dot.starts_with('.');
        if (title || kind == Clinician || self.form(index) == "mrs")
            && let Some(name) = self.capitalised(index + 1, 3, false)
        {
            return Some((name, kind));
        }
        // "mr. smith", "mrs smith", "dr. jones"; "MR. Patient" may end a sentence.
        let lower = written.chars().all(char::is_lowercase);
        let next = self.form(index + 1);
        let fits = (title || lower) && (dotted || self.form(index) == "mrs");
        (fits
            && is_alphabetic(next)
            && next.len() > 2
            && !is_vocabulary(next)
            && !THINGS.contains(&next))
        .then_some((index + 1..index + 2, kind))
    }

    /// "Jane Doe, MD".
    fn credentialed(&self, index: usize) -> Option<Range<usize>> {
        let name = self.capitalised(index, 3, false)?;
        let after = between(self.text, self.words, name.end);
        let credential = matches!(
            self.written(name.end),
            "MD" | "M.D"
                | "DO"
                | "D.O"
                | "NP"
                | "PA"
                | "RN"
                | "APRN"
                | "FNP"
                | "DPM"
                | "CRNA"
                | "PhD"
                | "DDS"
                | "DMD"
                | "PharmD"
                | "LCSW"
        );
        // With one word before it, "MD" is Maryland as well.
        (name.len() > 1 && credential && after.starts_with(',')).then_some(name)
    }

    /// After "pt": two capitalised words, or in small letters a common given name and a word that is none of ours.
    fn unlabelled(&self, index: usize) -> Option<Range<usize>> {
        if let Some(name) = self.capitalised(index, 3, false) {
            let mixed = name.clone().all(|i| {
                self.written(i).chars().any(char::is_lowercase) || self.written(i).len() == 1
            });
            let given = GIVEN.contains(self.form(index));
            // A Title Cased Sentence has capitals throughout.
            let title_case = self.written(name.end).starts_with(char::is_uppercase)
                && between(self.text, self.words, name.end) == " ";
            return (name.len() > 1 && mixed && (given || !title_case)).then_some(name);
        }
        let (given, family) = (self.form(index), self.form(index + 1));
        let fits = GIVEN.contains(given)
            && !ALSO_WORDS.contains(&given)
            && is_alphabetic(family)
            && family.len() > 2
            && !is_vocabulary(family)
            && self
                .words
                .get(index + 1)
                .is_some_and(|w| w.gap == Gap::default());
        fits.then_some(index..index + 2)
    }

    /// A common given name with a capitalised word after it.
    fn common(&self, index: usize) -> Option<Range<usize>> {
        let given = self.form(index);
        if !GIVEN.contains(given) || ALSO_WORDS.contains(&given) {
            return None;
        }
        let name = self.capitalised(index, 3, false)?;
        let mixed = name
            .clone()
            .all(|i| self.written(i).chars().any(char::is_lowercase) || self.written(i).len() == 1);
        let thing = (name.end - 1..name.end + 2).any(|i| THINGS.contains(&self.form(i)));
        let whole = name.len() > 1 && self.written(name.end - 1).len() > 1;
        (whole && mixed && !thing).then_some(name)
    }

    /// Capitalised words from a word on: "Smith, John A.", "Mary-Ann O'Brien", "GARCIA LOPEZ".
    fn capitalised(&self, start: usize, most: usize, comma: bool) -> Option<Range<usize>> {
        let mut end = start;
        let mut commas = 0;
        while end < self.words.len() && end - start < most {
            if end > start {
                let gap = between(self.text, self.words, end);
                let initial =
                    self.written(end - 1).chars().count() == 1 || self.form(end - 1) == "st";
                let joined = matches!(gap, " " | "-" | "  ") || (initial && gap == ". ");
                let listed = comma && commas == 0 && end == start + 1 && matches!(gap, ", " | ",");
                if !joined && !listed {
                    break;
                }
                commas += usize::from(listed);
            }
            if !self.is_name_like(end, end > start) {
                break;
            }
            end += 1;
        }
        (end > start).then_some(start..end)
    }

    fn is_name_like(&self, index: usize, initial: bool) -> bool {
        let written = self.written(index);
        let mut chars = written.chars();
        let upper = chars.next().is_some_and(char::is_uppercase);
        let letters = chars.all(|c| c.is_alphabetic() || matches!(c, '\'' | '’'));
        let long = written.chars().count() > 1 || initial;
        let credential = matches!(
            written,
            "MD" | "DO" | "NP" | "PA" | "RN" | "DOB" | "MRN" | "AGE"
        );
        let single = written.chars().count() == 1;
        upper && letters && long && !credential && (single || !is_vocabulary(self.form(index)))
    }

    /// "patient name: john smith"
    fn lower(&self, start: usize) -> Option<Range<usize>> {
        let fits = |i: usize| {
            is_alphabetic(self.form(i)) && self.form(i).len() > 1 && !is_vocabulary(self.form(i))
        };
        let second = self
            .words
            .get(start + 1)
            .is_some_and(|w| w.gap == Gap::default() || w.gap == Gap::COMMA);
        if !fits(start) {
            return None;
        }
        Some(start..start + if second && fits(start + 1) { 2 } else { 1 })
    }
}

fn is_alphabetic(form: &str) -> bool {
    !form.is_empty() && form.chars().all(|c| c.is_alphabetic() || c == '\'')
}
