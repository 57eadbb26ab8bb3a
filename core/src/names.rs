//! What the code set calls its codes, and which codes a text calls by name.
//!
//! Every title, inclusion term and index entry is a name: a bag of stems that leads to a code. A question is matched with
//! names rather than with whole passages, because a name is what coders type: "double pneumonia" is the index entry
//! "Pneumonia (acute) (double) (migratory)", word for word. Words count by how few names hold them, so that "Crohn's
//! disease" is about Crohn.
//!
//! The vocabulary of these names is also what misspelt words are corrected to.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use chrono::NaiveDate;
use regex::Regex;

use crate::Error;
use crate::catalog::{Catalog, Edition};
use crate::concept::concepts;
use crate::digest::Digest;
use crate::lexical::Lexical;
use crate::lexicon::Official;
use crate::shelf::Shelf;
use crate::{Kind, lexicon};

/// Where a name stands. The earlier ones say more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NameKind {
    /// The code's own title.
    Title,
    /// An inclusion term of the tabular list.
    Inclusion,
    /// An entry of the Alphabetic Index or the index of external causes.
    Index,
    /// A cell of the neoplasm table or the table of drugs.
    Cell,
}

#[derive(Debug, Clone)]
struct Name {
    code: u32,
    kind: NameKind,
    /// "Other …": what is left when the rest of its family has been named.
    residual: bool,
    /// Summed weight of the stems that must be said for the name to be said.
    weight: f32,
}

/// All names of an edition.
pub struct Names {
    codes: Vec<String>,
    /// For each code, the head of the concept that it is a variant of.
    heads: Vec<u32>,
    names: Vec<Name>,
    /// The names that hold a stem, and whether they would be the same name without it.
    postings: HashMap<u32, Vec<(u32, bool)>>,
    /// Titles and inclusion terms, to the letter.
    exact: HashMap<u64, u32>,
    /// The vocabulary, with how many names hold each word.
    words: HashMap<String, u64>,
    silent: HashSet<u32>,
}

/// A code that a text calls by one of its names.
#[derive(Debug, Clone, PartialEq)]
pub struct Called {
    /// Without dot.
    pub code: String,
    /// Without dot: the head of its concept, as it is indexed.
    pub head: String,
    /// Where the name stands.
    pub kind: NameKind,
    /// Weighted Dice coefficient of question and name, 0 to 1.
    pub likeness: f32,
    /// Weighted share of the question that the name says, 0 to 1.
    pub coverage: f32,
    /// Weighted share of the name that the question says, 0 to 1: where it is less, the code says more than was asked.
    pub filled: f32,
    /// Which name it is, for [`Names::said`].
    name: u32,
}

impl Called {
    /// Whether this name fits the question better than another of the same concept.
    pub(crate) fn says_more_than(&self, other: &Self) -> bool {
        (self.likeness, other.kind, &other.code) > (other.likeness, self.kind, &self.code)
    }
}

/// A question in words: as it was typed, slips of spelling mended, and with official wording for what has one.
#[derive(Clone, PartialEq, Eq)]
pub struct Wording {
    typed: String,
    official: Option<Official>,
}

impl Wording {
    /// By the lexicon alone, where no edition's names are loaded.
    pub fn plain(text: &str) -> Self {
        Self {
            official: lexicon::official(text),
            typed: text.to_owned(),
        }
    }

    /// The best wording to search with.
    pub fn official(&self) -> &str {
        self.official.as_ref().map_or(&self.typed, |o| &o.text)
    }

    /// As it was typed, slips mended: rules are not written in the wording of the code set.
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// What is to be embedded: the official wording, and where that replaced only a part, what was typed as well.
    pub fn meanings(&self) -> Vec<&str> {
        match &self.official {
            Some(o) if !o.whole => vec![&o.text, &self.typed],
            _ => vec![self.official()],
        }
    }

    /// What may be a name to the letter: what was typed, and official wording that stands for the whole of it.
    pub fn whole(&self) -> impl Iterator<Item = &str> {
        self.official
            .iter()
            .filter(|o| o.whole)
            .map(|o| o.text.as_str())
            .chain([self.typed.as_str()])
    }

    /// Every wording, the best first.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.official
            .iter()
            .map(|o| o.text.as_str())
            .chain([self.typed.as_str()])
    }
}

/// The names of the editions that were asked for, each read once for what is loaded.
#[derive(Default)]
pub struct NameShelf(Mutex<HashMap<(i64, i64), Arc<Names>>>);

impl NameShelf {
    /// The names of an edition. Reading them takes part of a second, once.
    ///
    /// # Errors
    /// The catalog's.
    pub fn of(
        &self,
        catalog: &Catalog,
        shelf: &Shelf,
        edition: &Edition,
        on: NaiveDate,
        lexical: &Lexical,
        digest: &Digest,
    ) -> Result<Arc<Names>, Error> {
        let key = (catalog.version()?, edition.id);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(names) = known.get(&key) {
            return Ok(names.clone());
        }
        // Names of what was loaded before are of no use any more.
        known.retain(|(version, _), _| *version == key.0);
        let names = Arc::new(Names::read(catalog, shelf, edition, on, lexical, digest)?);
        known.insert(key, names.clone());
        Ok(names)
    }
}

/// What the publisher adds in parentheses may be said or not: "Pneumonia (acute) (double)".
static NONESSENTIAL: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\(([^()]*)\)").ok());

/// "Other" is no stem, and yet a name that begins with it is less like the words after it.
const RESIDUAL: f32 = 2.0;

/// Words that only say that nothing more is said.
const SILENT: &str = "unspecified NOS NEC initial encounter specified elsewhere classified";

impl Names {
    /// The names of an edition's codes, with those of the indexes that speak for its time. The digest's words are no
    /// names, but no misspelt ones either.
    ///
    /// # Errors
    /// The catalog's.
    pub fn read(
        catalog: &Catalog,
        shelf: &Shelf,
        edition: &Edition,
        on: NaiveDate,
        lexical: &Lexical,
        digest: &Digest,
    ) -> Result<Self, Error> {
        let mut making = Making::new(lexical);
        let printed = catalog.printed(edition.id)?;
        for (entry, terms) in &printed {
            let code = making.code(&entry.key);
            making.name(code, NameKind::Title, &entry.title, "");
            for term in terms {
                making.name(code, NameKind::Inclusion, term, "");
            }
        }
        for concept in concepts(&printed) {
            let head = making.code(&concept.key);
            for member in &concept.members {
                let member = making.code(member);
                making.heads[member as usize] = head;
            }
        }
        for kind in [
            Kind::Icd10cmIndex,
            Kind::Icd10cmExternal,
            Kind::Icd10cmNeoplasm,
            Kind::Icd10cmDrugs,
        ] {
            let Some(index) = shelf.on(kind, on) else {
                continue;
            };
            for name in catalog.index_names(index.id)? {
                let (at, free) = match &name.heading {
                    Some(heading) => (NameKind::Cell, heading.as_str()),
                    None => (NameKind::Index, ""),
                };
                for key in &name.codes {
                    // An index of another year may lead to a code that is gone; one that was divided is a header now.
                    if let Some(code) = making.known(key) {
                        making.name(code, at, &name.path.replace(" > ", " "), free);
                    }
                }
            }
        }
        for entry in digest.entries() {
            making.spell(&entry.title);
            making.spell(&entry.text);
            entry.ask.iter().for_each(|asked| making.spell(asked));
        }
        Ok(making.finish())
    }

    /// A question's stems without those that say nothing.
    pub fn stems(&self, lexical: &Lexical, text: &str) -> Vec<u32> {
        let mut stems: Vec<u32> = lexical.stems(text).into_iter().collect();
        stems.retain(|s| !self.silent.contains(s));
        stems.sort_unstable();
        stems
    }

    /// How much a stem tells: more, the fewer names hold it. One that stands nowhere tells most.
    fn weight(&self, stem: u32) -> f32 {
        let holders = self.postings.get(&stem).map_or(0, Vec::len);
        weight(self.names.len(), holders)
    }

    /// The codes that stems call by name, the likest first, each once, at most `limit`.
    pub fn called(&self, stems: &[u32], limit: usize) -> Vec<Called> {
        // For each name the weight that was said of it, and of that what it may lack: stems in parentheses make a name
        // no longer, only better covered.
        let mut said: HashMap<u32, (f32, f32)> = HashMap::new();
        let mut asked = 0.0;
        for stem in stems {
            let weight = self.weight(*stem);
            asked += weight;
            for &(name, may_lack) in self.postings.get(stem).into_iter().flatten() {
                let sums = said.entry(name).or_default();
                sums.0 += weight;
                if may_lack {
                    sums.1 += weight;
                }
            }
        }
        if asked <= 0.0 {
            return Vec::new();
        }
        let mut best: HashMap<u32, (f32, u32)> = HashMap::new();
        for (&number, &(sum, free)) in &said {
            let name = &self.names[number as usize];
            let likeness = 2.0 * sum / (asked + name.weight + free);
            let known = best.entry(name.code).or_insert((-1.0, number));
            let stands = |n: u32| (self.names[n as usize].kind, n);
            if likeness > known.0 || (likeness == known.0 && stands(number) < stands(known.1)) {
                *known = (likeness, number);
            }
        }
        let mut called: Vec<(f32, u32)> = best.into_values().collect();
        called.sort_by(|a, b| {
            let (x, y) = (&self.names[a.1 as usize], &self.names[b.1 as usize]);
            b.0.total_cmp(&a.0)
                .then(x.kind.cmp(&y.kind))
                .then_with(|| self.codes[x.code as usize].cmp(&self.codes[y.code as usize]))
        });
        called.truncate(limit);
        called
            .into_iter()
            .map(|(likeness, number)| {
                let n = &self.names[number as usize];
                let (said, free) = said[&number];
                Called {
                    code: self.codes[n.code as usize].clone(),
                    head: self.codes[self.heads[n.code as usize] as usize].clone(),
                    kind: n.kind,
                    likeness,
                    coverage: said / asked,
                    filled: (said / (n.weight + free).max(f32::EPSILON)).min(1.0),
                    name: number,
                }
            })
            .collect()
    }

    /// The code whose title or inclusion term a text is, but for capitals and spaces.
    pub fn exactly(&self, text: &str) -> Option<Called> {
        let &number = self.exact.get(&letters(text))?;
        let name = &self.names[number as usize];
        Some(Called {
            code: self.codes[name.code as usize].clone(),
            head: self.codes[self.heads[name.code as usize] as usize].clone(),
            kind: name.kind,
            likeness: 1.0,
            coverage: 1.0,
            filled: 1.0,
            name: number,
        })
    }

    /// Which of a question's stems the name of a code that it calls holds.
    pub(crate) fn said(&self, called: &Called, stems: &[u32]) -> Vec<u32> {
        let holds = |stem: &u32| {
            let holders = self.postings.get(stem).map_or(&[][..], Vec::as_slice);
            holders.binary_search_by_key(&called.name, |h| h.0).is_ok()
        };
        stems.iter().copied().filter(holds).collect()
    }

    /// How much stems tell together.
    pub(crate) fn weigh(&self, stems: &[u32]) -> f32 {
        stems.iter().map(|stem| self.weight(*stem)).sum()
    }

    /// Whether a word (in lower case) is one that is spelt so.
    pub(crate) fn knows(&self, word: &str) -> bool {
        self.words.contains_key(word)
    }

    /// The word that was meant by one that stands in no name: British spelling first, then the commonest word one slip
    /// away, two for long words. `None` where nothing is near, or the word is too short to tell.
    pub fn corrected(&self, word: &str) -> Option<String> {
        if self.knows(word) || !word.chars().all(|c| c.is_ascii_lowercase()) {
            return None;
        }
        if let Some(american) = lexicon::american(word).find(|w| self.knows(w)) {
            return Some(american);
        }
        let slips = match word.len() {
            0..=4 => return None,
            5..=8 => 1,
            _ => 2,
        };
        let first = word.chars().next();
        let mixed = sorted(word);
        let mut best: Option<(usize, bool, u64, &str)> = None;
        for (near, &count) in &self.words {
            if near.len() < 4 || near.len().abs_diff(word.len()) > slips {
                continue;
            }
            let other_first = near.chars().next() != first;
            // A slip in the first letter is rare: it counts where nothing else is near.
            if other_first && best.is_some_and(|b| !b.1) {
                continue;
            }
            let mut distance = strsim::osa_distance(word, near);
            // "Athsma", "naseau": the right letters in another order are one slip.
            if near.len() == word.len() && distance <= MIXED && sorted(near) == mixed {
                distance = 1;
            }
            let rank = (other_first, distance, u64::MAX - count);
            let better =
                best.is_none_or(|b| (rank, near.as_str()) < ((b.1, b.0, u64::MAX - b.2), b.3));
            if distance <= slips && better {
                best = Some((distance, other_first, count, near));
            }
        }
        best.map(|b| b.3.to_owned())
    }

    /// A question's wording: slips mended, then sayings replaced.
    pub fn wording(&self, text: &str) -> Wording {
        let mut typed = String::with_capacity(text.len());
        for piece in text.split_inclusive(|c: char| !c.is_alphanumeric()) {
            let word = piece.trim_end_matches(|c: char| !c.is_alphanumeric());
            match self.corrected(&word.to_lowercase()) {
                Some(meant) => {
                    typed.push_str(&meant);
                    typed.push_str(&piece[word.len()..]);
                }
                None => typed.push_str(piece),
            }
        }
        Wording {
            official: lexicon::official(&typed),
            typed,
        }
    }
}

/// How far apart the same letters may stand.
const MIXED: usize = 3;

/// A word's letters in order, of `a` to `z`.
fn sorted(word: &str) -> Vec<u8> {
    let mut letters = word.as_bytes().to_vec();
    letters.sort_unstable();
    letters
}

/// A text's words in lower case as one number: names are compared by it, and 200,000 texts need not be kept.
fn letters(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    for word in text.split_whitespace() {
        word.to_lowercase().hash(&mut hasher);
    }
    hasher.finish()
}

/// Inverse document frequency as BM25 has it, which is never negative.
fn weight(names: usize, holders: usize) -> f32 {
    let (n, h) = (names as f32, holders as f32);
    (1.0 + (n - h + 0.5).max(0.0) / (h + 0.5)).ln()
}

struct Making<'a> {
    lexical: &'a Lexical,
    silent: HashSet<u32>,
    codes: Vec<String>,
    heads: Vec<u32>,
    by_code: HashMap<String, u32>,
    names: Vec<Name>,
    stems: Vec<Vec<(u32, bool)>>,
    exact: HashMap<u64, u32>,
    words: HashMap<String, u64>,
    /// A word's stem: the same few thousand words make all names.
    stemmed: HashMap<String, Vec<u32>>,
}

impl<'a> Making<'a> {
    fn new(lexical: &'a Lexical) -> Self {
        Self {
            lexical,
            silent: lexical.stems(SILENT),
            codes: Vec::new(),
            heads: Vec::new(),
            by_code: HashMap::new(),
            names: Vec::new(),
            stems: Vec::new(),
            exact: HashMap::new(),
            words: HashMap::new(),
            stemmed: HashMap::new(),
        }
    }

    fn code(&mut self, key: &str) -> u32 {
        if let Some(&known) = self.by_code.get(key) {
            return known;
        }
        let number = self.codes.len() as u32;
        self.codes.push(key.to_owned());
        self.heads.push(number);
        self.by_code.insert(key.to_owned(), number);
        number
    }

    /// The number of a code of this edition: itself, or the level that it is a variant of by its 7th character.
    fn known(&self, key: &str) -> Option<u32> {
        let printed = || key.get(..6).map(|k| k.trim_end_matches('X'));
        self.by_code
            .get(key)
            .or_else(|| self.by_code.get(printed()?))
            .copied()
    }

    /// Takes a text's words as spelt right.
    fn spell(&mut self, text: &str) {
        for word in text.split(|c: char| !c.is_alphanumeric()) {
            if word.len() > 2 {
                self.words.entry(word.to_lowercase()).or_insert(1);
            }
        }
    }

    fn name(&mut self, code: u32, kind: NameKind, text: &str, free: &str) {
        let mut stems: Vec<(u32, bool)> = Vec::new();
        let mut optional = free.to_owned();
        let essential = match NONESSENTIAL.as_ref() {
            Some(pattern) => {
                for found in pattern.captures_iter(text) {
                    optional.push(' ');
                    optional.push_str(&found[1]);
                }
                pattern.replace_all(text, " ")
            }
            None => text.into(),
        };
        for (text, may_lack) in [(essential.as_ref(), false), (optional.as_str(), true)] {
            for word in text
                .split(|c: char| !(c.is_alphanumeric() || c == '\''))
                .filter(|w| !w.is_empty())
            {
                let word = word.to_lowercase();
                if !self.stemmed.contains_key(&word) {
                    let mut stems: Vec<u32> = self.lexical.stems(&word).into_iter().collect();
                    stems.sort_unstable();
                    self.stemmed.insert(word.clone(), stems);
                }
                for stem in &self.stemmed[&word] {
                    if !self.silent.contains(stem) && !stems.iter().any(|(s, _)| s == stem) {
                        stems.push((*stem, may_lack));
                    }
                }
                *self.words.entry(word).or_default() += 1;
            }
        }
        if stems.iter().any(|(_, may_lack)| !may_lack) {
            let number = self.names.len() as u32;
            if kind <= NameKind::Inclusion {
                // A title says more than an inclusion term, and of two codes of one title the first holds the second.
                let known = self.exact.entry(letters(text)).or_insert(number);
                if kind < self.names.get(*known as usize).map_or(kind, |n| n.kind) {
                    *known = number;
                }
            }
            self.names.push(Name {
                code,
                kind,
                residual: text.starts_with("Other "),
                weight: 0.0,
            });
            self.stems.push(stems);
        }
    }

    fn finish(mut self) -> Names {
        let mut postings: HashMap<u32, Vec<(u32, bool)>> = HashMap::new();
        for (name, stems) in self.stems.iter().enumerate() {
            for (stem, may_lack) in stems {
                postings
                    .entry(*stem)
                    .or_default()
                    .push((name as u32, *may_lack));
            }
        }
        let all = self.names.len();
        let weights: HashMap<u32, f32> = postings
            .iter()
            .map(|(stem, holders)| (*stem, weight(all, holders.len())))
            .collect();
        for (name, stems) in self.names.iter_mut().zip(&self.stems) {
            let essential = stems.iter().filter(|(_, may_lack)| !may_lack);
            let residual = if name.residual { RESIDUAL } else { 0.0 };
            name.weight = residual + essential.map(|(stem, _)| weights[stem]).sum::<f32>();
        }
        let mut words = self.words;
        for word in lexicon::words() {
            words.entry(word).or_insert(1);
        }
        Names {
            codes: self.codes,
            heads: self.heads,
            names: self.names,
            postings,
            exact: self.exact,
            words,
            silent: self.silent,
        }
    }
}
