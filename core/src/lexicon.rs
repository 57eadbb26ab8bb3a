//! What people say, in the words of the code set: "water on the brain", "CHF", "tumour".
//!
//! The lists in `core/lexicon/` are ours. They lead from a saying to official wording and never to a code: the code is what
//! that wording finds in the loaded edition.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The lists, each a saying, a tab and official wording on a line; `#` begins a comment.
const LISTS: &[&str] = &[
    include_str!("../lexicon/abbreviations.tsv"),
    include_str!("../lexicon/encounters.tsv"),
    include_str!("../lexicon/endocrine_mental_nervous.tsv"),
    include_str!("../lexicon/eye_ear_heart.tsv"),
    include_str!("../lexicon/infections_neoplasms_blood.tsv"),
    include_str!("../lexicon/injuries_poisoning.tsv"),
    include_str!("../lexicon/kidney_pregnancy_newborn_congenital.tsv"),
    include_str!("../lexicon/lung_digestive.tsv"),
    include_str!("../lexicon/skin_musculoskeletal.tsv"),
    include_str!("../lexicon/symptoms.tsv"),
];

struct Saying {
    words: Vec<Word>,
    wording: &'static str,
}

/// Sayings by the singular of their first word, the longest first.
static SAYINGS: LazyLock<HashMap<String, Vec<Saying>>> = LazyLock::new(|| {
    let mut sayings: HashMap<String, Vec<Saying>> = HashMap::new();
    for (said, wording) in lines() {
        let words = words_of(said);
        if let Some(first) = words.first() {
            let first = first.singular().to_owned();
            let saying = Saying { words, wording };
            sayings.entry(first).or_default().push(saying);
        }
    }
    for list in sayings.values_mut() {
        // Stable: of two lines for one saying the first one stands.
        list.sort_by_key(|saying| std::cmp::Reverse(saying.words.len()));
    }
    sayings
});

impl Saying {
    /// How these words begin with the saying: to the letter, or but for a plural.
    fn begins(&self, words: &[Word]) -> Option<bool> {
        let pairs = || self.words.iter().zip(words);
        if words.len() < self.words.len() || !pairs().all(|(a, b)| a.singular() == b.singular()) {
            return None;
        }
        Some(pairs().all(|(a, b)| a.text == b.text))
    }
}

fn lines() -> impl Iterator<Item = (&'static str, &'static str)> {
    LISTS
        .iter()
        .flat_map(|list| list.lines())
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('\t'))
}

/// A word as it is compared: in lower case, without apostrophes.
struct Word {
    text: String,
    range: std::ops::Range<usize>,
}

impl Word {
    /// Without the ending of a plural.
    fn singular(&self) -> &str {
        let keeps = ["ss", "us", "is", "as", "os", "/s"];
        match self.text.strip_suffix('s') {
            Some(stem) if stem.len() > 2 && !keeps.iter().any(|end| self.text.ends_with(end)) => {
                stem
            }
            _ => &self.text,
        }
    }
}

/// Words that a saying may hold or not: "blood in the urine".
const PASSED_OVER: [&str; 12] = [
    "a", "an", "the", "my", "his", "her", "their", "our", "your", "its", "this", "some",
];

/// Everyday words in place of which a saying may have another, tried where the words themselves are no saying.
const PLAIN_WORDS: &[(&str, &str)] = &[
    ("belly", "stomach"),
    ("bum", "buttock"),
    ("kid", "child"),
    ("mom", "mother"),
    ("mum", "mother"),
    ("dad", "father"),
    ("pee", "urine"),
    ("peeing", "urinating"),
    ("poo", "stool"),
    ("poop", "stool"),
    ("pooping", "stool"),
    ("period", "menstruation"),
    ("tummy", "stomach"),
    ("wee", "urine"),
];

/// Sides as they are charted. "L5" is a word of its own, and no side.
const SIDES: &[(&str, &str)] = &[
    ("b/l", "bilateral"),
    ("bilat", "bilateral"),
    ("both", "bilateral"),
    ("l", "left"),
    ("lt", "left"),
    ("r", "right"),
    ("rt", "right"),
];

fn listed(list: &[(&'static str, &'static str)], word: &str) -> Option<&'static str> {
    list.iter()
        .find(|(from, _)| *from == word)
        .map(|(_, to)| *to)
}

/// What the wording of a default says beyond the condition. In a longer question it would contradict the rest: "T2DM with
/// hyperglycemia" is not "without complications".
fn without_default(wording: &str) -> &str {
    let cut = [
        ", unspecified",
        " unspecified",
        ", single episode",
        " without ",
    ]
    .iter()
    .filter_map(|end| wording.find(end))
    .filter(|at| *at > 3)
    .min();
    cut.map_or(wording, |at| &wording[..at])
}

/// The words of a text, each with its place. A slash belongs to a word: `s/p`.
fn words_of(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut begin = None;
    let silent = |c: &char| ['\'', '\u{2019}'].contains(c);
    let inside = |c: char| c.is_alphanumeric() || silent(&c) || c == '/';
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match (inside(c), begin) {
            (true, None) => begin = Some(at),
            (false, Some(from)) => {
                let letters = text[from..at].chars().filter(|c| !silent(c));
                let word: String = letters.flat_map(char::to_lowercase).collect();
                if !(word.is_empty() || PASSED_OVER.contains(&word.as_str())) {
                    words.push(Word {
                        text: word,
                        range: from..at,
                    });
                }
                begin = None;
            }
            _ => {}
        }
    }
    words
}

/// A text in official wording.
#[derive(Clone, PartialEq, Eq)]
pub struct Official {
    /// Every saying in it replaced, the longest first.
    pub text: String,
    /// One saying was the whole text.
    pub whole: bool,
}

/// A text with every saying that stands in it replaced by official wording; `None` where none does.
pub fn official(text: &str) -> Option<Official> {
    let mut words = words_of(text);
    replaced(text, &words).or_else(|| {
        let mut any = false;
        for word in &mut words {
            if let Some(plain) = listed(PLAIN_WORDS, word.singular()) {
                word.text = plain.to_owned();
                any = true;
            }
        }
        any.then(|| replaced(text, &words))?
    })
}

fn replaced(text: &str, words: &[Word]) -> Option<Official> {
    let mut out = String::with_capacity(text.len() * 2);
    let (mut at, mut copied, mut any) = (0, 0, false);
    while at < words.len() {
        let saying = longest(&words[at..]);
        let (wording, taken) = match saying {
            Some(saying) if saying.words.len() == words.len() => {
                return Some(Official {
                    text: saying.wording.to_owned(),
                    whole: true,
                });
            }
            Some(saying) => (without_default(saying.wording), saying.words.len()),
            None => match listed(SIDES, &words[at].text) {
                Some(side) => (side, 1),
                None => {
                    at += 1;
                    continue;
                }
            },
        };
        out.push_str(&text[copied..words[at].range.start]);
        out.push_str(wording);
        at += taken;
        copied = words[at - 1].range.end;
        any = true;
    }
    out.push_str(&text[copied..]);
    any.then_some(Official {
        text: out,
        whole: false,
    })
}

/// The longest saying that words begin with; of two, the one that is the same to the letter.
fn longest(words: &[Word]) -> Option<&'static Saying> {
    let mut found: Option<&'static Saying> = None;
    for saying in SAYINGS.get(words[0].singular()).into_iter().flatten() {
        if found.is_some_and(|f| f.words.len() > saying.words.len()) {
            break;
        }
        match saying.begins(words) {
            Some(true) => return Some(saying),
            Some(false) if found.is_none() => found = Some(saying),
            _ => {}
        }
    }
    found
}

/// Every word of the lists, in lower case.
pub(crate) fn words() -> impl Iterator<Item = String> {
    lines().flat_map(|(said, wording)| {
        [said, wording]
            .into_iter()
            .flat_map(|t| t.split(|c: char| !c.is_ascii_alphabetic()))
            .filter(|w| w.len() > 2)
            .map(str::to_lowercase)
            .collect::<Vec<_>>()
    })
}

/// British spellings and their American ones, which the code set prints. A rule proposes; the vocabulary decides.
const SPELLINGS: &[(&str, &str)] = &[
    ("aem", "em"),
    ("aes", "es"),
    ("aec", "ec"),
    ("aed", "ed"),
    ("aet", "et"),
    ("ael", "el"),
    ("aen", "en"),
    ("oed", "ed"),
    ("oes", "es"),
    ("oet", "et"),
    ("oeb", "eb"),
    ("oel", "el"),
    ("oec", "ec"),
    ("rrhoe", "rrhe"),
    ("pnoe", "pne"),
    ("our", "or"),
    ("tre", "ter"),
    ("bre", "ber"),
    ("yse", "yze"),
    ("ise", "ize"),
    ("isa", "iza"),
    ("sulph", "sulf"),
    ("ence", "ense"),
    ("lling", "ling"),
    ("lled", "led"),
    ("ogue", "og"),
    ("eing", "ing"),
    ("gramme", "gram"),
];

/// What an American would write for a word, by one or two rules, the likeliest first.
pub(crate) fn american(word: &str) -> impl Iterator<Item = String> {
    let by_rule = |word: &str| -> Vec<String> {
        SPELLINGS
            .iter()
            .filter(|(british, _)| word.contains(british))
            .map(|(british, american)| word.replace(british, american))
            .collect()
    };
    let once = by_rule(word);
    let twice: Vec<String> = once.iter().flat_map(|w| by_rule(w)).collect();
    once.into_iter().chain(twice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sayings_become_official_wording() {
        let said = |text| official(text).map(|o| o.text.to_lowercase());
        assert!(
            said("water on the brain")
                .unwrap()
                .contains("hydrocephalus")
        );
        assert!(official("water on brain").unwrap().whole);
        assert!(said("CHF since March").unwrap().ends_with("since march"));
        assert_eq!(said("xyzzy, R").unwrap(), "xyzzy, right");
        assert_eq!(said("xyzzy"), None);
        assert_eq!(said(""), None);
        // Whole words only.
        assert!(official("chfx").is_none());
    }

    #[test]
    fn a_default_gives_way_to_what_else_is_said() {
        let said = official("t2dm with hyperglycemia").unwrap().text;
        assert!(
            said.ends_with("with hyperglycemia") && !said.contains("without"),
            "{said}"
        );
    }

    #[test]
    fn every_line_is_well_formed() {
        for list in LISTS {
            for line in list
                .lines()
                .filter(|l| !l.is_empty() && !l.starts_with('#'))
            {
                let (said, wording) = line.split_once('\t').expect(line);
                assert!(
                    !said.trim().is_empty() && !wording.trim().is_empty(),
                    "{line}"
                );
                assert!(!wording.contains('\t'), "{line}");
            }
        }
    }

    #[test]
    fn british_spellings() {
        for (british, expected) in [
            ("haemorrhage", "hemorrhage"),
            ("oesophageal", "esophageal"),
            ("diarrhoea", "diarrhea"),
            ("tumour", "tumor"),
            ("fibre", "fiber"),
            ("leukaemia", "leukemia"),
            ("oedema", "edema"),
            ("paediatric", "pediatric"),
            ("dyspnoea", "dyspnea"),
            ("anaemia", "anemia"),
            ("caesarean", "cesarean"),
            ("orthopaedic", "orthopedic"),
        ] {
            assert!(american(british).any(|w| w == expected), "{british}");
        }
    }
}
