//! Which code a phrase of the note calls by name.
//!
//! A phrase is matched with the names of the code set, as it is written and in official wording. Phrases nest ("type 2
//! diabetes with polyneuropathy" holds two more), so the one that says most wins, and what it has said already is not
//! said again, unless the classification asks for both codes.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use casebook_note::{Assertion, Note, Phrase, SectionKind};

use super::detail::parts;
use super::{FILLED, LIKE, Read};
use crate::Error;
use crate::catalog::{Edition, Entry, Note as Printed};
use crate::excludes;
use crate::lookup::{self, Desk};
use crate::names::{Called, NameKind, Names, Wording};
use crate::tabular::NoteKind;

/// A code that words call by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Match {
    /// Without dot.
    pub key: String,
    /// Likeness of words and name, 0 to 1.
    pub likeness: f32,
    /// Share of the words that the name says.
    pub coverage: f32,
    /// Share of the name that the words say.
    pub filled: f32,
    /// The stems that both have.
    pub said: Vec<u32>,
    /// How much those tell.
    pub weight: f32,
}

impl Match {
    fn fits(&self) -> bool {
        self.likeness >= LIKE && self.filled >= FILLED
    }

    /// What a phrase is worth beside another that it overlaps with.
    fn value(&self) -> f32 {
        let value = self.weight * self.likeness * self.filled;
        if self.fits() { value } else { value * 0.3 }
    }
}

/// A phrase of the note with the code that it calls.
#[derive(Clone)]
pub(super) struct Candidate {
    /// In bytes.
    pub range: Range<usize>,
    /// As it is written.
    pub text: String,
    pub section: SectionKind,
    pub assertion: Assertion,
    /// It stands where the provider lists diagnoses.
    pub assessed: bool,
    /// The code is of a reason for the encounter, or of a status.
    pub encounter: bool,
    pub called: Match,
    /// The name's words stand apart in a sentence.
    pub apart: bool,
    /// Of the words as written and in official wording.
    pub stems: Vec<u32>,
}

/// Names that are looked at for a phrase.
const LOOKED_AT: usize = 40;
/// The share of a newborn's code's name that must be said: "bacterial" need not be.
const NEWBORN: f32 = 0.6;
/// By how much official wording must be liker than the words as they are written, where those call a code, too.
const OFFICIAL: f32 = 0.12;
/// Names that are as like, but for rounding; and how many of them are compared.
const SAME: f32 = 0.003;
const MOST_TIED: usize = 12;
/// A phrase that is less like every name is none.
const LEAST: f32 = 0.40;
/// A name that stands apart: the share of it that must be said, its stems, and those of the sentence.
const WHOLE: f32 = 0.95;
const LEAST_APART: usize = 3;
const MOST_APART: usize = 24;
/// Words whose spelling is mended: each costs a pass over the vocabulary.
const MOST_MENDED: usize = 60;
/// Phrases that are searched by meaning: each costs some milliseconds.
const MOST_MEANT: usize = 16;
/// A code found by meaning: its score, and how like its name the words must be to be coded.
const MEANT: f32 = 0.62;
const MEANT_SURELY: f32 = 0.74;

/// The least score of an external cause.
const CAUSE: f32 = 0.40;

/// Looks phrases up, and remembers what it found.
pub(super) struct Finder<'a> {
    pub(super) desk: &'a Desk<'a>,
    pub(super) edition: &'a Edition,
    names: Option<Arc<Names>>,
    mended: HashMap<String, Option<String>>,
    looked_up: usize,
    entries: HashMap<String, Option<Entry>>,
    notes: HashMap<String, Arc<Vec<Printed>>>,
    histories: Option<Histories>,
}

/// Codes of personal and family histories, each with its notes.
type Histories = Arc<Vec<(Entry, Vec<String>)>>;

impl<'a> Finder<'a> {
    pub(super) fn new(desk: &'a Desk<'a>, edition: &'a Edition) -> Result<Self, Error> {
        Ok(Self {
            desk,
            edition,
            names: desk.names()?,
            mended: HashMap::new(),
            looked_up: 0,
            entries: HashMap::new(),
            notes: HashMap::new(),
            histories: None,
        })
    }

    pub(super) fn entry(&mut self, key: &str) -> Result<Option<Entry>, Error> {
        if let Some(known) = self.entries.get(key) {
            return Ok(known.clone());
        }
        let entry = self.desk.catalog.entry(self.edition.id, key)?;
        self.entries.insert(key.to_owned(), entry.clone());
        Ok(entry)
    }

    /// The notes of a code and of all levels above it, from the edition that prints notes.
    pub(super) fn notes(&mut self, key: &str) -> Result<Arc<Vec<Printed>>, Error> {
        if let Some(known) = self.notes.get(key) {
            return Ok(known.clone());
        }
        let catalog = self.desk.catalog;
        let edition = self.noting().id;
        let mut notes = Vec::new();
        for level in catalog.lineage(edition, key)? {
            notes.extend(catalog.notes(edition, &level.key)?);
        }
        let notes = Arc::new(notes);
        self.notes.insert(key.to_owned(), notes.clone());
        Ok(notes)
    }

    /// The edition that prints the notes.
    pub(super) fn noting(&self) -> &'a Edition {
        match (self.edition.kind, self.desk.tabular()) {
            (crate::Kind::Icd10cmTabular, _) | (_, None) => self.edition,
            (_, Some(tabular)) => tabular,
        }
    }

    pub(super) fn stems(&self, text: &str) -> HashSet<u32> {
        let lexical = &self.desk.retriever.lexical;
        match &self.names {
            Some(names) => names.stems(lexical, text).into_iter().collect(),
            None => lexical.stems(text),
        }
    }

    /// Words as the code set would put them; names of people are not mended into diseases.
    pub(super) fn wording(&mut self, text: &str) -> Wording {
        let Some(names) = self.names.clone() else {
            return Wording::plain(text);
        };
        let mut typed = String::with_capacity(text.len());
        for piece in text.split_inclusive(|c: char| !c.is_alphanumeric()) {
            let word = piece.trim_end_matches(|c: char| !c.is_alphanumeric());
            let lower = word.starts_with(char::is_lowercase);
            let meant = if lower && word.len() > 4 {
                match self.mended.get(word) {
                    Some(known) => known.clone(),
                    None => {
                        let meant = singular(word).filter(|one| names.knows(one)).or_else(|| {
                            (self.looked_up < MOST_MENDED)
                                .then(|| names.corrected(word))
                                .flatten()
                        });
                        self.looked_up += usize::from(meant.is_some() || !names.knows(word));
                        self.mended.insert(word.to_owned(), meant.clone());
                        meant
                    }
                }
            } else {
                None
            };
            match meant {
                Some(meant) => {
                    typed.push_str(&meant);
                    typed.push_str(&piece[word.len()..]);
                }
                None => typed.push_str(piece),
            }
        }
        Wording::plain(&typed)
    }

    /// The code that words call by the likest name, among those that are kept.
    pub(super) fn called(
        &mut self,
        wording: &Wording,
        keep: &dyn Fn(&str) -> bool,
    ) -> Result<Option<Match>, Error> {
        let Some(names) = self.names.clone() else {
            return Ok(None);
        };
        let lexical = &self.desk.retriever.lexical;
        let mut matches: Vec<Match> = Vec::new();
        for text in wording.texts() {
            let stems = names.stems(lexical, text);
            let mut found = names.called(&stems, LOOKED_AT);
            found.retain(|c| keep(&c.code));
            for called in found.iter_mut().take(MOST_TIED) {
                self.without_unsaid(&names, &stems, called)?;
            }
            found.sort_by(|a, b| b.likeness.total_cmp(&a.likeness));
            let Some(lead) = found.first().map(|c| c.likeness) else {
                continue;
            };
            found.retain(|c| c.likeness > lead - SAME);
            found.truncate(MOST_TIED);
            let called = match found.len() {
                1 => found.swap_remove(0),
                _ => self.with_or_without(text, found)?,
            };
            let said = names.said(&called, &stems);
            matches.push(Match {
                likeness: called.likeness,
                coverage: called.coverage,
                filled: called.filled,
                weight: names.weigh(&said),
                said,
                key: called.code,
            });
        }
        let typed = matches.pop();
        Ok(match (matches.pop(), typed) {
            // Official wording is longer than what was said, so that it is like a name by itself.
            (Some(official), Some(typed)) if typed.fits() => {
                let better = official.fits() && official.likeness > typed.likeness + OFFICIAL;
                Some(if better { official } else { typed })
            }
            (Some(official), Some(typed)) if official.likeness < typed.likeness => Some(typed),
            (Some(official), _) => Some(official),
            (None, typed) => typed,
        })
    }

    /// A title says what its code is "without": who says nothing of it has said as much.
    fn without_unsaid(
        &mut self,
        names: &Names,
        stems: &[u32],
        called: &mut Called,
    ) -> Result<(), Error> {
        if called.kind != NameKind::Title {
            return Ok(());
        }
        let Some(title) = self.entry(&called.code)?.map(|e| e.title.to_lowercase()) else {
            return Ok(());
        };
        let sided = ["unilateral", "bilateral", "right", "left"]
            .iter()
            .any(|w| title.contains(w));
        if !sided && !title.contains(" without ") {
            return Ok(());
        }
        let mut lacks: HashSet<u32> = parts(&title)
            .without
            .iter()
            .flat_map(|part| self.stems(part))
            .collect();
        // The side is chosen later, by what the note says of it.
        if sided {
            lacks.extend(self.stems("unilateral bilateral right left"));
        }
        let mut named: Vec<u32> = self
            .stems(&title)
            .into_iter()
            .filter(|s| stems.contains(s) || !lacks.contains(s))
            .collect();
        // Sums depend on the order in their last digit, and of two names that are as likely that would choose.
        named.sort_unstable();
        let said: Vec<u32> = named
            .iter()
            .copied()
            .filter(|s| stems.contains(s))
            .collect();
        let (asked, named, said) = (
            names.weigh(stems),
            names.weigh(&named).max(f32::EPSILON),
            names.weigh(&said),
        );
        called.likeness = called.likeness.max(2.0 * said / (asked + named));
        called.filled = called.filled.max(said / named);
        Ok(())
    }

    /// Of codes that words call as well as one another, the one that is "with" and "without" the same: to a bag of stems
    /// the two are one.
    fn with_or_without(&mut self, text: &str, tied: Vec<Called>) -> Result<Called, Error> {
        let sides = |finder: &Self, text: &str| -> (HashSet<u32>, HashSet<u32>) {
            let parts = parts(&text.to_lowercase());
            let stems = |list: &[String]| list.iter().flat_map(|t| finder.stems(t)).collect();
            (stems(&parts.with), stems(&parts.without))
        };
        let (with, without) = sides(self, text);
        let mut best: Option<(isize, Called)> = None;
        for called in tied {
            let title = self.entry(&called.code)?.map_or(String::new(), |e| e.title);
            let (has, lacks) = sides(self, &title);
            let both = |a: &HashSet<u32>, b: &HashSet<u32>| a.intersection(b).count() as isize;
            let score = both(&with, &has) + both(&without, &lacks)
                - both(&with, &lacks)
                - both(&without, &has);
            if best.as_ref().is_none_or(|b| score > b.0) {
                best = Some((score, called));
            }
        }
        best.map(|b| b.1)
            .ok_or_else(|| Error::Stopped("no name was left of several".into()))
    }

    /// The phrases of a note that call a code by name, none said twice.
    pub(super) async fn candidates(&mut self, read: &Read<'_>) -> Result<Vec<Candidate>, Error> {
        let note = read.note;
        let shouted = !note.text().chars().any(char::is_lowercase);
        let mut found: Vec<Candidate> = Vec::new();
        for (number, phrase) in read.phrases.iter().enumerate() {
            // A long note is no reason for others to wait.
            if number % 32 == 31 {
                tokio::task::yield_now().await;
            }
            if read.hidden.touches(&phrase.range) || (!shouted && is_shorthand(phrase.text)) {
                continue;
            }
            let candidate = self.candidate(read.note, phrase)?;
            if candidate.called.likeness >= LEAST {
                found.push(candidate);
            }
        }
        found.sort_by(|a, b| {
            let (x, y) = (a.called.value(), b.called.value());
            y.total_cmp(&x)
                .then(b.range.len().cmp(&a.range.len()))
                .then(a.range.start.cmp(&b.range.start))
        });
        let mut kept: Vec<Candidate> = Vec::new();
        for candidate in found {
            let mut said = false;
            for k in &kept {
                let overlaps =
                    k.range.start < candidate.range.end && candidate.range.start < k.range.end;
                if !overlaps {
                    continue;
                }
                let covered = candidate
                    .called
                    .said
                    .iter()
                    .all(|s| k.called.said.contains(s));
                // A code whose words fit goes before a nearby name of longer words.
                let weaker = k.called.fits() && !candidate.called.fits();
                let inside =
                    k.range.start <= candidate.range.start && candidate.range.end <= k.range.end;
                let same = k.called.key == candidate.called.key
                    || inside
                        && k.called.fits()
                        && k.called.key.get(..3) == candidate.called.key.get(..3);
                if (covered || weaker || same) && !self.linked(&k.called.key, &candidate.called)? {
                    said = true;
                    break;
                }
            }
            if !said {
                kept.push(candidate);
            }
        }
        self.apart(read, &mut kept)?;
        kept.sort_by_key(|c| (c.range.start, c.range.end));
        Ok(kept)
    }

    /// Names whose words stand apart in a sentence of which nothing else is known: "delivered vaginally at 39 weeks, single
    /// liveborn".
    fn apart(&mut self, read: &Read<'_>, kept: &mut Vec<Candidate>) -> Result<(), Error> {
        let Some(names) = self.names.clone() else {
            return Ok(());
        };
        let note = read.note;
        for sentence in note.sentences() {
            let range = &sentence.range;
            let inside = |r: &Range<usize>| range.start <= r.start && r.end <= range.end;
            let named = kept.iter().any(|c| inside(&c.range) && c.called.fits());
            let plain = read
                .phrases
                .iter()
                .filter(|p| inside(&p.range))
                .all(|p| p.assertion == Assertion::Affirmed);
            if named || !plain || read.hidden.touches(range) {
                continue;
            }
            let text = &note.text()[range.clone()];
            let wording = self.wording(text);
            let lexical = &self.desk.retriever.lexical;
            let stems = names.stems(lexical, wording.typed());
            if stems.len() > MOST_APART {
                continue;
            }
            let mut best: Option<Match> = None;
            for called in names.called(&stems, LOOKED_AT * 4) {
                let said = names.said(&called, &stems);
                let weight = names.weigh(&said);
                let whole = called.filled >= WHOLE && said.len() >= LEAST_APART
                    || called.filled >= FILLED && said.len() > LEAST_APART;
                if !whole
                    || called.code.starts_with(['V', 'W', 'X', 'Y'])
                    || is_substance(&called.code)
                    || best.as_ref().is_some_and(|b| b.weight >= weight)
                {
                    continue;
                }
                best = Some(Match {
                    likeness: LIKE,
                    coverage: 1.0,
                    filled: called.filled,
                    weight,
                    said,
                    key: called.code,
                });
            }
            if let Some(called) = best {
                kept.push(Candidate {
                    range: range.clone(),
                    text: text.to_owned(),
                    section: sentence.section,
                    assertion: Assertion::Affirmed,
                    assessed: false,
                    encounter: called.key.starts_with('Z'),
                    stems,
                    apart: true,
                    called,
                });
            }
        }
        Ok(())
    }

    /// A phrase with the code that it calls, whatever comes of it.
    pub(super) fn candidate(
        &mut self,
        note: &Note,
        phrase: &Phrase<'_>,
    ) -> Result<Candidate, Error> {
        let wording = self.wording(&undated(phrase.text));
        let sentence = note
            .sentence_of(&phrase.range)
            .map_or("", |s| &note.text()[s.range.clone()]);
        let poisoned = is_poisoning(sentence);
        // "History of breast cancer" is Z85.3: what was is looked up by itself, and its history after that.
        let was = matches!(phrase.assertion, Assertion::Historical | Assertion::Family);
        // External causes are looked for by themselves; a drug alone is no poisoning, and a body mass index no diagnosis
        // (`told` reads it).
        let keep = |code: &str| {
            let elsewhere = code.starts_with(['V', 'W', 'X', 'Y'])
                || code.starts_with("Z68")
                || (was && code.starts_with('Z'));
            !elsewhere && (poisoned || !is_substance(code))
        };
        let mut called = self.called(&wording, &keep)?.unwrap_or_default();
        // Conditions of a newborn have a chapter of their own (Official Guidelines I.C.16).
        if phrase.assertion != Assertion::Family && is_newborn(note) {
            for words in [
                format!("{} of newborn", phrase.text),
                format!("neonatal {}", phrase.text),
            ] {
                let wording = self.wording(&words);
                let perinatal = self.called(&wording, &|code| code.starts_with('P'))?;
                let own = self.stems(phrase.text);
                if let Some(perinatal) = perinatal
                    && own.iter().all(|stem| perinatal.said.contains(stem))
                    && perinatal.likeness >= LIKE
                    && perinatal.filled >= NEWBORN
                    && !(called.key.starts_with('P') && called.likeness >= perinatal.likeness)
                {
                    called = perinatal;
                }
            }
        }
        // What it is "without" it does not say.
        let says = |text: &str| {
            let parts = parts(&text.to_lowercase());
            format!("{} {}", parts.plain, parts.with.join(" "))
        };
        let mut stems: Vec<u32> = wording.texts().flat_map(|t| self.stems(&says(t))).collect();
        stems.sort_unstable();
        stems.dedup();
        Ok(Candidate {
            range: phrase.range.clone(),
            text: phrase.text.to_owned(),
            section: phrase.section,
            assertion: phrase.assertion,
            assessed: is_assessed(phrase.section),
            encounter: called.key.starts_with('Z'),
            called,
            apart: false,
            stems,
        })
    }

    /// The codes that a code's own notes ask for beside it, where the same words call one: the stage in "diabetic chronic
    /// kidney disease, stage 3b".
    pub(super) fn asked_beside(
        &mut self,
        candidate: &Candidate,
        key: &str,
    ) -> Result<Vec<Candidate>, Error> {
        let notes = self.notes(key)?;
        let wording = self.wording(&candidate.text);
        let mut beside = Vec::new();
        for note in notes.iter().filter(|n| {
            n.kind == NoteKind::UseAdditional && !n.on.contains('-') && !n.on.starts_with("ch")
        }) {
            let keep = |code: &str| excludes::names(&note.text, code);
            if let Some(called) = self.called(&wording, &keep)?
                && called.filled >= FILLED
                && called.said.len() > 1
            {
                beside.push(Candidate {
                    encounter: false,
                    called,
                    ..candidate.clone()
                });
            }
        }
        Ok(beside)
    }

    /// Whether the classification asks for a second code beside a first one.
    fn linked(&mut self, first: &str, second: &Match) -> Result<bool, Error> {
        if first == second.key || !second.fits() || first.get(..3) == second.key.get(..3) {
            return Ok(false);
        }
        let asks = self.notes(first)?.iter().any(|n| {
            matches!(n.kind, NoteKind::UseAdditional | NoteKind::CodeAlso)
                && excludes::names(&n.text, &second.key)
        });
        Ok(asks
            || self
                .notes(&second.key)?
                .iter()
                .any(|n| n.kind == NoteKind::CodeFirst && excludes::names(&n.text, first)))
    }

    /// Diagnoses of the provider that no name fits, for a search by meaning.
    pub(super) fn unnamed(
        &mut self,
        read: &Read<'_>,
        named: &[Candidate],
    ) -> Result<Vec<Candidate>, Error> {
        let mut left: Vec<Candidate> = Vec::new();
        for phrase in &read.phrases {
            if left.len() == MOST_MEANT {
                break;
            }
            let usable = is_assessed(phrase.section)
                && matches!(phrase.assertion, Assertion::Affirmed)
                && phrase.text.split_whitespace().count() >= 2
                && !read.hidden.touches(&phrase.range);
            let overlaps =
                |r: &Range<usize>| r.start < phrase.range.end && phrase.range.start < r.end;
            let known = named
                .iter()
                .any(|c| c.called.likeness >= LIKE && overlaps(&c.range))
                || left.iter().any(|c| overlaps(&c.range));
            if usable && !known {
                let mut candidate = self.candidate(read.note, phrase)?;
                candidate.called = Match::default();
                left.push(candidate);
            }
        }
        Ok(left)
    }

    /// The code that words mean, and whether that is as good as its name.
    pub(super) async fn meant(&mut self, text: &str) -> Result<Option<(Entry, bool)>, Error> {
        let wording = self.wording(text);
        let Some(dense) = self.desk.retriever.embed_wording(&wording).await? else {
            return Ok(None);
        };
        let found = lookup::proposals(self.desk, &wording, Some(dense), 3).await?;
        let Some(best) = found.into_iter().next() else {
            return Ok(None);
        };
        if best.score < MEANT {
            return Ok(None);
        }
        let filled = best.signals.called.as_ref().map_or(0.0, |c| c.filled);
        let sure = best.score >= MEANT_SURELY && filled >= FILLED;
        Ok(Some((best.code, sure)))
    }

    /// The external cause that a sentence tells of, by meaning.
    pub(super) async fn cause(&mut self, text: &str) -> Result<Option<Entry>, Error> {
        let wording = self.wording(text);
        let dense = self.desk.retriever.embed_wording(&wording).await?;
        let found = lookup::proposals(self.desk, &wording, dense, LOOKED_AT).await?;
        Ok(found
            .into_iter()
            .find(|p| p.code.key.starts_with(['V', 'W', 'X', 'Y']) && p.score >= CAUSE)
            .map(|p| p.code))
    }

    /// The code of a history ("Personal history of …", "Family history of …") of what words call by name.
    pub(super) fn history(
        &mut self,
        heading: &str,
        text: &str,
        key: &str,
        sentence: &str,
    ) -> Result<Option<Entry>, Error> {
        let histories = self.histories()?;
        let text = &undated(text);
        if let Some(names) = self.names.clone() {
            let known: Vec<&str> = text
                .split(|c: char| !c.is_alphanumeric())
                .filter(|w| w.len() > 1 && names.knows(&w.to_lowercase()))
                .filter(|w| !matches!(*w, "had" | "has" | "in"))
                .collect();
            let wording = self.wording(&known.join(" "));
            let lexical = &self.desk.retriever.lexical;
            for text in wording.texts() {
                let asked = names.stems(lexical, text);
                // What the sentence says beside it may fill the name: "without residual deficits".
                let all = names.stems(lexical, &format!("{heading} {text} {sentence}"));
                for called in names.called(&all, 200) {
                    let found = histories.iter().find(|(e, _)| e.key == called.code);
                    let Some((entry, _)) = found.filter(|(e, _)| e.billable) else {
                        continue;
                    };
                    if !entry.title.starts_with(heading) || called.filled < FILLED {
                        continue;
                    }
                    let said = names.said(&called, &all);
                    if !asked.is_empty() && asked.iter().all(|s| said.contains(s)) {
                        return Ok(Some(entry.clone()));
                    }
                }
            }
        }
        // "Conditions classifiable to C50.-": the classification says which history it is.
        let mut classified: Vec<&Entry> = histories
            .iter()
            .filter(|(entry, notes)| {
                entry.billable
                    && entry.title.starts_with(heading)
                    && notes
                        .iter()
                        .any(|n| n.contains("classifiable to") && excludes::names(n, key))
            })
            .map(|(entry, _)| entry)
            .collect();
        classified.sort_by_key(|e| std::cmp::Reverse(e.key.len()));
        Ok(classified.first().map(|e| (*e).clone()))
    }

    /// The codes of personal and family histories, with their notes.
    fn histories(&mut self) -> Result<Histories, Error> {
        if let Some(known) = &self.histories {
            return Ok(known.clone());
        }
        let catalog = self.desk.catalog;
        let noting = self.noting().id;
        let mut histories = Vec::new();
        for entry in catalog.starting_with(self.edition.id, "Z", 3000)? {
            if entry.title.contains("history of") {
                let notes = catalog.notes(noting, &entry.key)?;
                histories.push((entry, notes.into_iter().map(|n| n.text).collect()));
            }
        }
        let histories = Arc::new(histories);
        self.histories = Some(histories.clone());
        Ok(histories)
    }

    /// The code whose name words are, to the letter or nearly: for wording of our own.
    pub(super) fn named(&mut self, words: &str, beginning: &str) -> Result<Option<Entry>, Error> {
        let wording = Wording::plain(words);
        let Some(names) = self.names.clone() else {
            return Ok(None);
        };
        let stems = names.stems(&self.desk.retriever.lexical, wording.typed());
        let found = names.called(&stems, LOOKED_AT);
        let best = found
            .iter()
            .find(|c| c.likeness >= 0.9 && c.code.starts_with(beginning));
        match best {
            Some(called) => self.entry(&called.code),
            None => Ok(None),
        }
    }
}

/// Sections in which the provider says what the patient has.
fn is_assessed(section: SectionKind) -> bool {
    use SectionKind::*;
    matches!(
        section,
        ProblemList
            | Impression
            | Assessment
            | AssessmentAndPlan
            | AdmissionDiagnoses
            | DischargeDiagnoses
            | PreoperativeDiagnoses
            | PostoperativeDiagnoses
            | Indication
    )
}

/// The singular of a Greek or Latin plural: "keratoses", which no stemmer makes "keratosis".
fn singular(word: &str) -> Option<String> {
    [
        ("oses", "osis"),
        ("ases", "asis"),
        ("itides", "itis"),
        ("omata", "oma"),
        ("omas", "oma"),
        ("ula", "ulum"),
        ("ae", "a"),
        ("es", "is"),
    ]
    .iter()
    .find_map(|(many, one)| Some(format!("{}{one}", word.strip_suffix(many)?)))
}

/// Words without the year in which it was: no name holds it.
fn undated(text: &str) -> String {
    let year = |word: &str| {
        let word = word.trim_end_matches(|c: char| !c.is_alphanumeric());
        word.len() == 4
            && (word.starts_with("19") || word.starts_with("20"))
            && word.bytes().all(|b| b.is_ascii_digit())
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut kept: Vec<&str> = Vec::with_capacity(words.len());
    let mut at = 0;
    while at < words.len() {
        if matches!(words[at], "in" | "since") && words.get(at + 1).is_some_and(|w| year(w)) {
            at += 2;
            continue;
        }
        kept.push(words[at]);
        at += 1;
    }
    kept.join(" ")
}

/// Codes of poisoning by, adverse effects and underdosing of drugs, and of toxic effects.
fn is_substance(code: &str) -> bool {
    ("T36".."T66").contains(&code)
}

/// Whether the patient is a newborn: the note speaks of one before it speaks of a mother's pregnancy as her own.
fn is_newborn(note: &Note) -> bool {
    note.words().iter().any(|w| {
        matches!(
            w.form.as_str(),
            "newborn" | "neonate" | "neonatal" | "liveborn"
        )
    }) && note.pregnancy().is_none()
}

/// Whether a sentence speaks of harm by a drug or substance.
fn is_poisoning(sentence: &str) -> bool {
    let sentence = sentence.to_lowercase();
    [
        "poison",
        "overdos",
        "toxic",
        "adverse",
        "underdos",
        "ingest",
        "reaction to",
        "side effect",
        "intoxicat",
        "venom",
        "sting",
        "stung",
        "anaphyl",
        "allergic",
        "noncomplian",
        "inhal",
        "due to",
        "induced",
        "swallow",
    ]
    .iter()
    .any(|cue| sentence.contains(cue))
}

/// A word of two or three small letters is a word, and no abbreviation of a disease: "ms", "fit".
fn is_shorthand(text: &str) -> bool {
    text.len() <= 3 && text.chars().all(|c| c.is_ascii_lowercase())
}
