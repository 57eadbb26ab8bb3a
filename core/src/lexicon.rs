//! What people say, in the words of the code set: "water on the brain", "CHF", "tumour".
//!
//! The lists in `core/lexicon/` are ours. They lead from a saying to official wording and never to a code: the code is what
//! that wording finds in the loaded edition.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The lists, each a saying, a tab and official wording on a line; `#` begins a comment, and `=` a saying that counts only
/// as the whole of a question, because its word has other meanings elsewhere: `=ed`.
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
    // Last: of two lines for one saying the first one stands, and that of a condition says more than its cause.
    include_str!("../lexicon/external_causes_factors.tsv"),
];

/// Phrases that sayings hold in many forms ("exposed to", "been around someone with"), each with the one that stands for all.
const PHRASES: &str = include_str!("../lexicon/phrases.tsv");

struct Saying {
    words: Vec<Word>,
    wording: &'static str,
    /// It counts only as the whole of a question.
    alone: bool,
}

/// Sayings by the singular of their first word, the longest first.
static SAYINGS: LazyLock<HashMap<String, Vec<Saying>>> = LazyLock::new(|| {
    let mut sayings: HashMap<String, Vec<Saying>> = HashMap::new();
    for (line, wording) in lines() {
        let said = line.trim_start_matches('=');
        let alone = said.len() < line.len() || only_alone(wording);
        let typed = words_of(said);
        let alike = alike(&typed);
        // A phrase alone is a saying only in its own words: "h/o", but not "prior".
        let words = if alike.len() > 1 { alike } else { typed };
        if let Some(first) = words.first() {
            let first = first.singular().to_owned();
            let saying = Saying {
                words,
                wording,
                alone,
            };
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
    /// How many words of the text it takes.
    fn taken(&self, words: &[Word]) -> usize {
        words[..self.words.len()].iter().map(|w| w.count).sum()
    }

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
    LISTS.iter().flat_map(|list| pairs(list))
}

fn pairs(list: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    list.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('\t'))
}

/// A phrase in its words, and what stands for it.
type Phrase = (Vec<String>, &'static str);

/// Phrases by the singular of their first word, the longest first.
static ALIKE: LazyLock<HashMap<String, Vec<Phrase>>> = LazyLock::new(|| {
    let mut alike: HashMap<String, Vec<Phrase>> = HashMap::new();
    for (phrase, stands) in pairs(PHRASES) {
        let words: Vec<String> = words_of(phrase)
            .iter()
            .map(|w| w.singular().to_owned())
            .collect();
        if let Some(first) = words.first() {
            alike
                .entry(first.clone())
                .or_default()
                .push((words, stands));
        }
    }
    for list in alike.values_mut() {
        list.sort_by_key(|(words, _)| std::cmp::Reverse(words.len()));
    }
    alike
});

/// The same words, with one word in place of each phrase.
fn alike(words: &[Word]) -> Vec<Word> {
    let mut out = Vec::with_capacity(words.len());
    let mut at = 0;
    while at < words.len() {
        let rest = &words[at..];
        let begins = |phrase: &Vec<String>| {
            phrase.len() <= rest.len() && phrase.iter().zip(rest).all(|(p, w)| p == w.singular())
        };
        let known = ALIKE.get(rest[0].singular()).into_iter().flatten();
        match known.into_iter().find(|(phrase, _)| begins(phrase)) {
            Some((phrase, stands)) => {
                let phrase = &rest[..phrase.len()];
                out.push(Word {
                    text: (*stands).to_owned(),
                    range: phrase[0].range.start..phrase[phrase.len() - 1].range.end,
                    count: phrase.iter().map(|w| w.count).sum(),
                    sides: phrase
                        .iter()
                        .flat_map(|w| w.sides.iter().copied())
                        .collect(),
                });
                at += phrase.len();
            }
            None => {
                out.push(rest[0].clone());
                at += 1;
            }
        }
    }
    out
}

/// A word as it is compared: in lower case, without apostrophes.
#[derive(Clone)]
struct Word {
    text: String,
    range: std::ops::Range<usize>,
    /// Words of the text that it stands for: more than one for a phrase.
    count: usize,
    /// Sides that were said after it.
    sides: Vec<&'static str>,
}

impl Word {
    /// Without the ending of a plural.
    fn singular(&self) -> &str {
        let keeps = ["ss", "us", "is", "as", "os", "/s"];
        match self.text.strip_suffix('s') {
            Some(stem)
                if stem.len() > 2
                    && self.text != "does"
                    && !keeps.iter().any(|end| self.text.ends_with(end)) =>
            {
                stem
            }
            _ => &self.text,
        }
    }
}

/// Words that a saying may hold or not: "blood in the urine".
const PASSED_OVER: [&str; 19] = [
    "a", "an", "the", "my", "his", "her", "their", "our", "your", "its", "this", "some", "is",
    "are", "was", "were", "him", "me", "them",
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
    ("bilateral", "bilateral"),
    ("both", "bilateral"),
    ("l", "left"),
    ("left", "left"),
    ("lt", "left"),
    ("r", "right"),
    ("right", "right"),
    ("rt", "right"),
];

/// Sides as an eye clinic charts them. "OD" is an overdose elsewhere, so an eye has to be spoken of.
const EYE_SIDES: &[(&str, &str)] = &[("od", "right"), ("os", "left"), ("ou", "bilateral")];

const OF_EYES: &[&str] = &[
    "amd",
    "angle",
    "armd",
    "blepharitis",
    "brvo",
    "cataract",
    "chalazion",
    "conjunctivitis",
    "cornea",
    "corneal",
    "crao",
    "crvo",
    "drusen",
    "dry",
    "erm",
    "eye",
    "floater",
    "glaucoma",
    "hyphema",
    "iop",
    "iritis",
    "keratitis",
    "keratoconus",
    "lid",
    "macula",
    "macular",
    "ns",
    "npdr",
    "pdr",
    "poag",
    "pterygium",
    "ptosis",
    "pvd",
    "rd",
    "retina",
    "retinal",
    "retinopathy",
    "uveitis",
    "vitreous",
];

fn listed(list: &[(&'static str, &'static str)], word: &str) -> Option<&'static str> {
    list.iter()
        .find(|(from, _)| *from == word)
        .map(|(_, to)| *to)
}

/// What the wording of a default says beyond the condition. In a longer question it would contradict the rest: "T2DM with
/// hyperglycemia" is not "without complications". What it leaves open in its middle is only passed over: the clavicle of
/// "Fracture of unspecified part of unspecified clavicle" is the condition's.
fn without_default(wording: &str) -> String {
    let cut = [", unspecified", ", single episode", " without "]
        .iter()
        .filter_map(|end| wording.find(end))
        .filter(|at| *at > 3)
        .min();
    let mut kept = cut.map_or(wording, |at| &wording[..at]).to_owned();
    for open in [
        " unspecified part of",
        " unspecified site of",
        " unspecified",
    ] {
        kept = kept.replace(open, "");
    }
    kept
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
                // The letter of "influenza A" is no article: it ends a phrase, or is a capital within one.
                let letter = word == "a"
                    && !words.is_empty()
                    && (&text[from..at] == "A" || !text[at..].contains(char::is_alphanumeric));
                if letter || !(word.is_empty() || PASSED_OVER.contains(&word.as_str())) {
                    words.push(Word {
                        text: word,
                        range: from..at,
                        count: 1,
                        sides: Vec::new(),
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
    if words.iter().any(|w| OF_EYES.contains(&w.singular())) {
        for word in &mut words {
            if let Some(side) = listed(EYE_SIDES, &word.text) {
                word.text = side.to_owned();
            }
        }
    }
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
        let (wording, taken) = match said(&words[at..]) {
            Some(said) if said.taken == words.len() => {
                return Some(Official {
                    text: said.wording(true),
                    whole: true,
                });
            }
            Some(said) if !said.alone => (said.wording(false), said.taken),
            _ => match listed(SIDES, &words[at].text) {
                Some(side) if side != text[words[at].range.clone()].to_lowercase() => {
                    (side.to_owned(), 1)
                }
                _ => {
                    at += 1;
                    continue;
                }
            },
        };
        out.push_str(&text[copied..words[at].range.start]);
        out.push_str(&wording);
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

/// What was done and where tells no diagnosis from another: beside one it would only blur it.
fn only_alone(wording: &str) -> bool {
    wording.starts_with("Activity, ")
        || wording.ends_with("place of occurrence of the external cause")
}

/// What "unspecified" may open that is no part of the body, and so has no side.
const NOT_SIDED: &[&str] = &[
    "part",
    "site",
    "trimester",
    "severity",
    "stage",
    "type",
    "degree",
    "behavior",
    "organism",
    "number",
    "whether",
    "level",
    "fall",
    "condition",
];

/// Wording with the side that was said in the place where it leaves one open.
fn sided(wording: &str, side: &str) -> String {
    let open = " unspecified ";
    let place = wording.rmatch_indices(open).map(|(at, _)| at).find(|at| {
        let after = &wording[at + open.len()..];
        !NOT_SIDED.iter().any(|word| after.starts_with(word))
    });
    match place {
        // "Carpal tunnel syndrome, bilateral upper limbs" is one of few; "…, bilateral" is how both sides are printed.
        Some(at) if side == "bilateral" => {
            let kept = wording[..at].trim_end_matches(',');
            format!("{kept}, {side}")
        }
        Some(at) => {
            let (before, after) = (&wording[..at], &wording[at + open.len()..]);
            format!("{before} {side} {after}")
        }
        None => wording.to_owned(),
    }
}

impl Said {
    /// Its wording, as the whole of a question or beside what else it says.
    fn wording(&self, whole: bool) -> String {
        let side = self.sides.first();
        let placed = side.map_or(self.wording.to_owned(), |side| sided(self.wording, side));
        let wording = if whole {
            placed
        } else {
            without_default(&placed)
        };
        match side {
            Some(side) if !wording.contains(side) => format!("{wording}, {side}"),
            _ => wording,
        }
    }
}

/// A saying that stands at the beginning of a text.
struct Said {
    wording: &'static str,
    /// Words of the text that it takes.
    taken: usize,
    alone: bool,
    /// Sides that were said within it: "broken left wrist".
    sides: Vec<&'static str>,
}

/// The longest saying that words begin with: as typed, with another phrase in place of theirs, or around a side.
fn said(words: &[Word]) -> Option<Said> {
    let sideless = sideless(words);
    let mut best: Option<Said> = None;
    for words in [words, &alike(words), &sideless, &alike(&sideless)] {
        if let Some(saying) = longest(words) {
            let taken = saying.taken(words);
            if best.as_ref().is_none_or(|b| taken > b.taken) {
                let sides = words[..saying.words.len()].iter();
                best = Some(Said {
                    wording: saying.wording,
                    taken,
                    alone: saying.alone,
                    sides: sides.flat_map(|w| w.sides.iter().copied()).collect(),
                });
            }
        }
    }
    best
}

/// The same words, each side with the word before it, and a letter that a list took for an article.
fn sideless(words: &[Word]) -> Vec<Word> {
    let mut out: Vec<Word> = Vec::with_capacity(words.len());
    for word in words {
        match (listed(SIDES, &word.text), out.last_mut()) {
            (side, Some(before)) if side.is_some() || word.text == "a" => {
                before.count += word.count;
                before.range.end = word.range.end;
                before.sides.extend(side);
            }
            _ => out.push(word.clone()),
        }
    }
    out
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
    lines().chain(pairs(PHRASES)).flat_map(|(said, wording)| {
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
    fn a_saying_stands_in_each_of_its_phrases() {
        for text in [
            "exposed to covid",
            "close contact with covid",
            "been around someone with COVID",
            "exposure to covid",
        ] {
            let said = official(text).unwrap();
            assert!(
                said.whole && said.text.contains("exposure to COVID-19"),
                "{text}"
            );
        }
        // "ED" is an emergency department elsewhere.
        assert!(official("ED").unwrap().text.contains("erectile"));
        assert!(official("ED visit, level 4").is_none());
        // So is "OD" an overdose, but where an eye is spoken of.
        let eye = official("cataract OD").unwrap();
        assert!(eye.whole && eye.text.contains("right"), "{}", eye.text);
        assert!(official("flu A").unwrap().text.contains("identified"));
        assert!(official("flu").unwrap().text.contains("unidentified"));
        // A side is said within the saying, and stands where the wording leaves it open.
        let broken = official("broken left wrist").unwrap();
        assert!(
            broken.whole && broken.text.contains("left"),
            "{}",
            broken.text
        );
        // A phrase that is no saying by itself stays as it is, and hides no saying that begins with its words.
        assert!(official("prior authorization").is_none());
        assert!(official("fell off").is_none());
        let burned = official("burned on Tuesday").unwrap();
        assert!(burned.text.starts_with("Burn") && burned.text.ends_with("on Tuesday"));
    }

    #[test]
    fn a_default_gives_way_to_what_else_is_said() {
        let said = official("t2dm with hyperglycemia").unwrap().text;
        assert!(
            said.ends_with("with hyperglycemia") && !said.contains("without"),
            "{said}"
        );
        let said = official("broken collarbone, closed").unwrap().text;
        assert!(
            said.contains("clavicle") && !said.contains("unspecified"),
            "{said}"
        );
    }

    #[test]
    fn every_line_is_well_formed() {
        for list in LISTS.iter().chain([&PHRASES]) {
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
