//! Concepts: the unit in which ICD-10-CM is indexed.
//!
//! Some 74,700 billable codes say the same thing in a few dozen variants: side, encounter, trimester, intent.
//! Embedding each would take a quarter of an hour and fill every page of results with one fracture. So codes
//! whose titles differ only in such words make one concept; the variant is chosen afterwards, from the
//! question's own words (see `retrieve`).

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;

use crate::catalog::Entry;
use crate::tabular::dotted;

/// One condition, with the codes that are its variants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Concept {
    /// The level whose title names it best: the first in printed order.
    pub key: String,
    /// Every printed level that belongs to it, the head included.
    pub members: Vec<String>,
    /// What is searched by words: title, other names, and the code itself.
    pub words: String,
    /// What is embedded: the title and a few other names. Long lists blur a vector.
    pub meaning: String,
}

/// Where variants go deepest a concept is at most a subcategory: of five characters for injuries and
/// musculoskeletal sites, of four for external causes.
const DEEPEST: [(char, usize); 7] = [
    ('S', 5),
    ('T', 5),
    ('M', 5),
    ('V', 4),
    ('W', 4),
    ('X', 4),
    ('Y', 4),
];

/// Other names embedded with a title.
const NAMES: usize = 3;

static VARIANT: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        r"\b(right|left|bilateral|unilateral)\b",
        r"\b(first|second|third|unspecified) trimester\b",
        r"\b(fetus \d|other fetus|not applicable or unspecified)\b",
        r"\b(accidental \(unintentional\)|intentional self-harm|assault|undetermined)\b",
        r"\bunspecified (side|eye|ear|hand|foot|arm|leg|upper limb|lower limb|shoulder|hip|knee|ankle|elbow|wrist|site)\b",
        r"\b(unspecified|other specified|other|not otherwise specified|nos|nec)\b",
        r"\b(with|without) (initial|subsequent) encounter.*$",
        r"\b(dominant|non-dominant) side\b",
        r"\b(upper|lower) (eyelid|lid)\b",
    ]
    .into_iter()
    .filter_map(|p| Regex::new(&format!("(?i){p}")).ok())
    .collect()
});

/// A title without the words that only tell variants apart, in lower case.
pub fn stripped(title: &str) -> String {
    let mut text = title.to_lowercase();
    for variant in VARIANT.iter() {
        text = variant.replace_all(&text, " ").into_owned();
    }
    let mut words: Vec<&str> = text
        .split(|c: char| !c.is_alphanumeric())
        // "Complications" heads what "complication" is filed under.
        .map(|w| {
            if w.len() > 4 && !w.ends_with("ss") {
                w.strip_suffix('s').unwrap_or(w)
            } else {
                w
            }
        })
        .filter(|w| !w.is_empty())
        .collect();
    while words
        .last()
        .is_some_and(|w| ["of", "in", "with", "and", "or", "by", "the"].contains(w))
    {
        words.pop();
    }
    words.join(" ")
}

/// Groups the printed levels of an edition, given in printed order with their inclusion terms.
pub fn concepts(printed: &[(Entry, Vec<String>)]) -> Vec<Concept> {
    let mut made: Vec<Draft> = Vec::new();
    let mut of: HashMap<&str, usize> = HashMap::new();
    let mut siblings: HashMap<(&str, String), usize> = HashMap::new();
    for (entry, terms) in printed {
        let parent = entry.parent.as_deref().and_then(|p| of.get(p).copied());
        let plain = stripped(&entry.title);
        let shallow = DEEPEST
            .iter()
            .any(|(c, n)| entry.key.starts_with(*c) && entry.key.len() > *n);
        let home = match parent {
            // Deeper than we look: the levels between are told apart by the question's words, later.
            Some(p) if shallow || made[p].plain == plain => Some(p),
            _ => siblings
                .get(&(&entry.key[..entry.key.len().min(3)], plain.clone()))
                .copied(),
        };
        let index = home.unwrap_or_else(|| {
            made.push(Draft {
                key: entry.key.clone(),
                title: entry.title.clone(),
                plain: plain.clone(),
                members: Vec::new(),
                terms: Vec::new(),
            });
            made.len() - 1
        });
        let draft = &mut made[index];
        draft.members.push(entry.key.clone());
        draft.terms.extend(terms.iter().cloned());
        of.insert(&entry.key, index);
        siblings
            .entry((&entry.key[..entry.key.len().min(3)], plain))
            .or_insert(index);
    }
    made.into_iter().map(Draft::finish).collect()
}

struct Draft {
    key: String,
    title: String,
    plain: String,
    members: Vec<String>,
    terms: Vec<String>,
}

impl Draft {
    fn finish(mut self) -> Concept {
        let mut seen = std::collections::HashSet::from([self.plain]);
        self.terms.retain(|t| seen.insert(stripped(t)));
        let meaning = std::iter::once(self.title.as_str())
            .chain(self.terms.iter().take(NAMES).map(String::as_str))
            .collect::<Vec<_>>()
            .join("; ");
        let words = std::iter::once(self.title.as_str())
            .chain(self.terms.iter().map(String::as_str))
            .chain([dotted(&self.key).as_str()])
            .collect::<Vec<_>>()
            .join("; ");
        Concept {
            key: self.key,
            members: self.members,
            words,
            meaning,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tabular::Level;

    fn entry(key: &str, parent: &str, title: &str) -> (Entry, Vec<String>) {
        let entry = Entry {
            key: key.into(),
            parent: Some(parent.into()),
            title: title.into(),
            level: Level::Printed,
            billable: false,
        };
        (entry, Vec::new())
    }

    #[test]
    fn sides_are_one_concept() {
        let made = concepts(&[
            entry("H60", "H60-H62", "Otitis externa"),
            entry("H600", "H60", "Abscess of external ear"),
            entry("H6000", "H600", "Abscess of external ear, unspecified ear"),
            entry("H6001", "H600", "Abscess of right external ear"),
            entry("H601", "H60", "Cellulitis of external ear"),
        ]);
        let heads: Vec<_> = made
            .iter()
            .map(|c| (c.key.as_str(), c.members.len()))
            .collect();
        assert_eq!(heads, [("H60", 1), ("H600", 3), ("H601", 1)]);
    }

    #[test]
    fn an_injury_is_at_most_a_subcategory() {
        let made = concepts(&[
            entry("S525", "S52", "Fracture of lower end of radius"),
            entry("S5252", "S525", "Torus fracture of lower end of radius"),
            entry(
                "S52521",
                "S5252",
                "Torus fracture of lower end of right radius, displaced",
            ),
        ]);
        assert_eq!(made.len(), 2);
        assert_eq!(made[1].members, ["S5252", "S52521"]);
    }

    #[test]
    fn a_word_inside_another_stays() {
        assert_eq!(
            stripped("Lefty syndrome of the left eye"),
            "lefty syndrome of the eye"
        );
    }
}
