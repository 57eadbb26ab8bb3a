//! A code's card: everything that the loaded editions say about one code.

use chrono::NaiveDate;
use serde::Serialize;

use crate::answer::{Citation, EditionRef};
use crate::catalog::{Catalog, Edition, Entry, Note};
use crate::code::{CodeRef, Status, System};
use crate::compose::{Cite, Draft, Fact, tabular_citation, tabular_edition};
use crate::digest::{Digest, Entry as DigestEntry};
use crate::facts;
use crate::lookup::Desk;
use crate::tabular::{Level, NoteKind, dotted};
use crate::{Error, Kind};

/// Notes that a chat card shows for each level and kind; the rest is counted.
const NOTES_SHOWN: usize = 6;
/// Codes below a header that a card lists.
const BELOW_SHOWN: usize = 12;
/// Billable codes that are named for one that is not.
pub(crate) const NEAREST: usize = 5;

/// Notes of a code and of the levels above it, verbatim.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CardNotes {
    /// Other names of the condition.
    pub inclusion_terms: Vec<String>,
    /// Conditions that belong here.
    pub includes: Vec<String>,
    /// Never coded together.
    pub excludes1: Vec<String>,
    /// Not part of it; both may be coded.
    pub excludes2: Vec<String>,
    /// Underlying condition first.
    pub code_first: Vec<String>,
    /// Additional code where it applies.
    pub use_additional: Vec<String>,
    /// Two codes may be needed.
    pub code_also: Vec<String>,
    /// Everything else.
    pub notes: Vec<String>,
}

/// A 7th character and what it means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Seventh {
    /// One character.
    pub character: String,
    /// Verbatim.
    pub meaning: String,
}

/// A code's card, in the shape of `casebook code --json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Card {
    /// The code system.
    pub system: System,
    /// As it is written.
    pub code: String,
    /// Official title, or our name where the title is licensed; empty for an unknown code.
    pub title: String,
    /// The notice that stands beside a title which is licensed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// Whether it can be billed.
    pub status: Status,
    /// Why not, or what is missing; one sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The edition that the card is from.
    pub edition: Option<String>,
    /// First date of service of that edition.
    pub effective: Option<NaiveDate>,
    /// Last date of service of that edition, where known.
    pub through: Option<NaiveDate>,
    /// Whether that edition is in force on the card's date.
    pub in_force: bool,
    /// What has to be said first: which editions behind the card are not in force on its date. One sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
    /// Notes of the code and, inherited, of the levels above.
    pub notes: CardNotes,
    /// 7th characters that apply.
    pub seventh_characters: Vec<Seventh>,
    /// Codes directly below a header.
    pub below: Vec<CodeRef>,
    /// Common-language description, in our words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The card in sentences, each with its sources: what a chat shows.
    pub facts: Vec<Fact>,
    /// What stands behind the card.
    pub citations: Vec<Citation>,
    /// For an unknown code, codes near it; for one that cannot be billed, the first ones below it that can.
    pub near: Vec<CodeRef>,
}

/// An ICD-10-CM code with its place in the tree, as the catalog holds it.
pub(crate) struct Diagnosis {
    pub entry: Entry,
    /// The code first, its chapter last.
    pub lineage: Vec<Entry>,
    /// Own notes first, then those of each level above.
    pub notes: Vec<Note>,
    /// The tabular list that the notes and 7th characters are from, where the code's own edition prints none: order
    /// files list codes alone.
    pub notes_from: Option<Edition>,
    /// 7th characters that apply, and the level that defines them.
    pub seventh: Vec<(String, String)>,
    pub seventh_on: String,
    pub below: Vec<Entry>,
    /// Of a code that cannot be billed, the first ones below it that can; with what the list prints of one that its 7th
    /// character makes.
    pub nearest: Vec<(Entry, Option<Entry>)>,
}

impl Diagnosis {
    /// Reads a code of `edition`; its notes from `tabular`, if the edition has none of its own.
    pub(crate) fn read(
        catalog: &Catalog,
        edition: &Edition,
        tabular: Option<&Edition>,
        key: &str,
    ) -> Result<Option<Self>, Error> {
        let Some(entry) = catalog.entry(edition.id, key)? else {
            return Ok(None);
        };
        let lineage = catalog.lineage(edition.id, key)?;
        let mut notes = Vec::new();
        let (mut seventh, mut seventh_on) = (Vec::new(), String::new());
        let notes_from = tabular
            .filter(|t| edition.kind != Kind::Icd10cmTabular && t.id != edition.id)
            .cloned();
        let noting = notes_from.as_ref().map_or(edition.id, |t| t.id);
        let levels = if notes_from.is_some() {
            catalog.lineage(noting, key)?
        } else {
            lineage.clone()
        };
        for level in &levels {
            notes.extend(catalog.notes(noting, &level.key)?);
            if seventh.is_empty() {
                seventh = catalog.seventh(noting, &level.key)?;
                seventh_on.clone_from(&level.key);
            }
        }
        let below = if entry.billable {
            Vec::new()
        } else {
            catalog.children(edition.id, key)?
        };
        let mut nearest = Vec::new();
        if !entry.billable {
            for code in catalog.billable_below(edition.id, key, NEAREST)? {
                let printed = match (&code.parent, code.level) {
                    (Some(parent), Level::Extended) => catalog.entry(edition.id, parent)?,
                    _ => None,
                };
                nearest.push((code, printed));
            }
        }
        Ok(Some(Self {
            entry,
            lineage,
            notes,
            notes_from,
            seventh,
            seventh_on,
            below,
            nearest,
        }))
    }

    /// The edition that prints the notes.
    pub(crate) fn noting<'e>(&'e self, edition: &'e Edition) -> &'e Edition {
        self.notes_from.as_ref().unwrap_or(edition)
    }

    fn is_extended(&self) -> bool {
        self.entry.level == Level::Extended
    }

    /// Notes of one kind with the level that prints them, nearest first.
    fn notes_of(&self, kind: NoteKind) -> Vec<(&str, Vec<&str>)> {
        let mut levels: Vec<(&str, Vec<&str>)> = Vec::new();
        for note in self.notes.iter().filter(|n| n.kind == kind) {
            match levels.last_mut() {
                Some((on, texts)) if *on == note.on => texts.push(&note.text),
                _ => levels.push((&note.on, vec![&note.text])),
            }
        }
        levels
    }

    /// Cites the title: for an extended code the printed title and the 7th character's meaning.
    pub(crate) fn cite_title(&self, edition: &Edition, draft: &mut Draft) -> Vec<Cite> {
        let sources = self.title_sources(edition, draft.as_of());
        sources.into_iter().map(|s| draft.cite(s)).collect()
    }

    /// What [`Self::cite_title`] cites.
    pub(crate) fn title_sources(
        &self,
        edition: &Edition,
        as_of: NaiveDate,
    ) -> Vec<(Citation, EditionRef)> {
        let tabular = |on: &str, quote: &str| {
            (
                tabular_citation(edition, on, quote),
                tabular_edition(edition, as_of),
            )
        };
        if !self.is_extended() {
            return vec![tabular(&self.entry.key, &self.entry.title)];
        }
        let mut cites = Vec::new();
        if let Some(printed) = self.lineage.get(1) {
            cites.push(tabular(&printed.key, &printed.title));
        }
        let character = self
            .entry
            .key
            .chars()
            .last()
            .map(String::from)
            .unwrap_or_default();
        if let Some((_, meaning)) = self.seventh.iter().find(|(c, _)| *c == character) {
            cites.push(tabular(&self.seventh_on, meaning));
        }
        cites
    }

    /// The first line: code, title, and whether it can be billed.
    pub(crate) fn headline(&self, edition: &Edition, draft: &mut Draft) {
        let cites = self.cite_title(edition, draft);
        let code = dotted(&self.entry.key);
        let state = if self.entry.billable {
            "billable"
        } else if self.entry.level == Level::Printed {
            "not billable, more characters are required"
        } else {
            "a heading, not a code"
        };
        draft.line(format!("{code} {}: {state}.", self.entry.title), &cites);
        draft.code(self.entry.code_ref(System::Icd10cm));
    }

    /// The notes of one kind, a line for each level that prints them; with `categories_only` without those of
    /// blocks and chapters.
    pub(crate) fn note_lines(
        &self,
        kind: NoteKind,
        edition: &Edition,
        draft: &mut Draft,
        categories_only: bool,
    ) {
        for (on, texts) in self.notes_of(kind) {
            // A chapter's general notes would bury a code's own; the JSON card has them all.
            let general = on.starts_with("ch") || on.contains('-');
            if general
                && (categories_only
                    || !matches!(
                        kind,
                        NoteKind::Excludes1 | NoteKind::CodeFirst | NoteKind::UseAdditional
                    ))
            {
                continue;
            }
            let quote = texts[..texts.len().min(NOTES_SHOWN)].join("\n");
            let cite = draft.cite_tabular(self.noting(edition), on, &quote);
            let place = if on.starts_with("ch") {
                on.replace("ch", "chapter ")
            } else {
                dotted(on)
            };
            let more = if texts.len() > NOTES_SHOWN {
                format!("\n… and {} more at {place}", texts.len() - NOTES_SHOWN)
            } else {
                String::new()
            };
            draft.line(
                format!("{} ({place}): {quote}{more}", kind.label()),
                &[cite],
            );
        }
    }

    fn seventh_line(&self, edition: &Edition, draft: &mut Draft) {
        if self.seventh.is_empty() || self.entry.billable {
            return;
        }
        let quote = self
            .seventh
            .iter()
            .map(|(c, meaning)| format!("{c} {meaning}"))
            .collect::<Vec<_>>()
            .join("\n");
        let cite = draft.cite_tabular(self.noting(edition), &self.seventh_on, &quote);
        draft.line(
            format!("7th character ({}): {quote}", dotted(&self.seventh_on)),
            &[cite],
        );
    }

    fn below_lines(&self, edition: &Edition, draft: &mut Draft) {
        for child in self
            .below
            .iter()
            .filter(|c| c.level != Level::Extended)
            .take(BELOW_SHOWN)
        {
            let cite = draft.cite_tabular(edition, &child.key, &child.title);
            let state = if child.billable {
                "billable"
            } else {
                "more characters are required"
            };
            draft.line(
                format!("{} {}: {state}.", dotted(&child.key), child.title),
                &[cite],
            );
            draft.code(child.code_ref(System::Icd10cm));
        }
        // Where what is right below cannot be billed either.
        let shown = |e: &Entry| self.below.iter().any(|b| b.key == e.key && b.billable);
        if !self.nearest.is_empty() && !self.nearest.iter().any(|(e, _)| shown(e)) {
            let named: Vec<String> = self
                .nearest
                .iter()
                .map(|(e, _)| format!("{} {}", dotted(&e.key), e.title))
                .collect();
            let mut cites: Vec<Cite> = self
                .nearest
                .iter()
                .map(|(e, printed)| {
                    let e = printed.as_ref().unwrap_or(e);
                    draft.cite_tabular(edition, &e.key, &e.title)
                })
                .collect();
            cites.dedup();
            draft.line(
                format!("The first billable codes below it: {}.", named.join("; ")),
                &cites,
            );
        }
    }

    /// The whole card, what was asked for first.
    pub(crate) fn lines(&self, edition: &Edition, draft: &mut Draft, first: &[NoteKind]) {
        self.headline(edition, draft);
        for &kind in first {
            if kind == NoteKind::SeventhNote {
                self.seventh_line(edition, draft);
            } else {
                self.note_lines(kind, edition, draft, false);
            }
        }
        self.below_lines(edition, draft);
        self.seventh_line(edition, draft);
        for kind in [
            NoteKind::CodeFirst,
            NoteKind::UseAdditional,
            NoteKind::CodeAlso,
            NoteKind::Excludes1,
            NoteKind::Excludes2,
            NoteKind::Includes,
            NoteKind::InclusionTerm,
            NoteKind::Note,
        ] {
            self.note_lines(kind, edition, draft, false);
        }
    }

    /// As JSON.
    pub(crate) fn card(&self, desk: &Desk<'_>, edition: &Edition) -> Result<Card, Error> {
        let mut draft = Draft::new(desk.on);
        self.lines(edition, &mut draft, &[]);
        facts::diagnosis(desk, self, None, &mut draft)?;
        let (notice, facts, citations) = draft.into_facts();
        let all = |kind| {
            self.notes
                .iter()
                .filter(|n| n.kind == kind)
                .map(|n| n.text.clone())
                .collect()
        };
        Ok(Card {
            system: System::Icd10cm,
            code: dotted(&self.entry.key),
            title: self.entry.title.clone(),
            licence: None,
            status: if self.entry.billable {
                Status::Billable
            } else {
                Status::Header
            },
            reason: (!self.entry.billable).then(|| "More characters are required.".to_owned()),
            edition: Some(edition.edition.clone()),
            effective: Some(edition.effective),
            through: edition.through,
            in_force: edition.in_force(desk.on),
            notice,
            notes: CardNotes {
                inclusion_terms: all(NoteKind::InclusionTerm),
                includes: all(NoteKind::Includes),
                excludes1: all(NoteKind::Excludes1),
                excludes2: all(NoteKind::Excludes2),
                code_first: all(NoteKind::CodeFirst),
                use_additional: all(NoteKind::UseAdditional),
                code_also: all(NoteKind::CodeAlso),
                notes: all(NoteKind::Note),
            },
            seventh_characters: self
                .seventh
                .iter()
                .map(|(character, meaning)| Seventh {
                    character: character.clone(),
                    meaning: meaning.clone(),
                })
                .collect(),
            below: self
                .below
                .iter()
                .map(|e| e.code_ref(System::Icd10cm))
                .collect(),
            description: None,
            facts,
            citations,
            near: self
                .nearest
                .iter()
                .map(|(e, _)| e.code_ref(System::Icd10cm))
                .collect(),
        })
    }
}

/// What a digest entry describes, as an answer names it.
pub(crate) fn described(entry: &DigestEntry) -> Option<CodeRef> {
    Some(CodeRef {
        system: entry.system()?,
        code: entry.code.clone()?,
        title: entry.title.clone(),
        status: match &entry.fee_schedule {
            // Bundled, or replaced for Medicare by another code: it may not stand on a Medicare claim.
            Some(f) if ["B", "I", "P"].contains(&f.status.as_str()) => Status::NotBillable,
            _ => Status::Billable,
        },
    })
}

/// The line of a code or modifier that the digest describes.
pub(crate) fn described_line(digest: &Digest, entry: &DigestEntry, draft: &mut Draft) {
    let cite = draft.cite_digest(digest, entry);
    let label = entry.system().map_or("", System::label);
    let code = entry.code.as_deref().unwrap_or_default();
    let name = format!("{label} {code}");
    let title = entry.title.trim_end_matches('.');
    let heading = if title.starts_with(&name) {
        title.to_owned()
    } else {
        format!("{name}: {title}")
    };
    draft.line(format!("{heading}. {}", entry.text), &[cite]);
    if let Some(code) = described(entry) {
        draft.code(code);
    }
}

/// A code in no loaded edition.
pub(crate) fn unknown_card(
    system: System,
    code: String,
    reason: String,
    near: Vec<CodeRef>,
) -> Card {
    Card {
        system,
        code,
        title: String::new(),
        licence: None,
        status: Status::Unknown,
        reason: Some(reason),
        edition: None,
        effective: None,
        through: None,
        in_force: false,
        notice: None,
        notes: CardNotes::default(),
        seventh_characters: Vec::new(),
        below: Vec::new(),
        description: None,
        facts: Vec::new(),
        citations: Vec::new(),
        near,
    }
}
