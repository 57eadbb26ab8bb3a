//! The ICD-10-CM Tabular List in the XML that CDC/NCHS publishes.
//!
//! Pure: text in, rows out. The list is a tree (chapter, section, category, subcategory, code); a note on a
//! level holds for every level below it, and a `sevenChrDef` turns each code below it into one billable
//! code for each of its characters, padded with the placeholder X (Official Guidelines, I.A.4 and I.A.5).

use quick_xml::de::from_str;
use serde::Deserialize;

use crate::edition::{Found, Kind};
use crate::member::Form;
use crate::recognise::Look;

/// A tabular list: the fiscal year stands in its `version` element. The April edition says so only in its file's name.
pub(crate) fn recognise(look: &Look<'_>) -> Option<Found> {
    if look.member.form != Form::Xml || !look.text.contains("<ICD10CM.tabular") {
        return None;
    }
    let year = look
        .text
        .split_once("<version>")
        .and_then(|(_, rest)| rest.get(..4))
        .and_then(|y| y.parse().ok());
    Some(crate::icd::dated(
        Found::of(Kind::Icd10cmTabular),
        look.member,
        year,
    ))
}

/// What an instructional note says to do (Official Guidelines, I.A.11, I.A.12, I.A.13, I.A.17).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NoteKind {
    /// Another name of the condition that the code holds.
    InclusionTerm,
    /// Conditions that the level holds.
    Includes,
    /// Never coded together with it, but for unrelated conditions.
    Excludes1,
    /// Not part of it; both may be coded.
    Excludes2,
    /// The underlying condition goes first.
    CodeFirst,
    /// A further code is required where it applies.
    UseAdditional,
    /// Two codes may be needed, in either order.
    CodeAlso,
    /// Any other note.
    Note,
    /// What the 7th character is for.
    SeventhNote,
}

impl NoteKind {
    /// All kinds, in the order in which a card shows them.
    pub const ALL: [Self; 9] = [
        Self::InclusionTerm,
        Self::Includes,
        Self::Excludes1,
        Self::Excludes2,
        Self::CodeFirst,
        Self::UseAdditional,
        Self::CodeAlso,
        Self::Note,
        Self::SeventhNote,
    ];

    /// The identifier in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InclusionTerm => "inclusion_term",
            Self::Includes => "includes",
            Self::Excludes1 => "excludes1",
            Self::Excludes2 => "excludes2",
            Self::CodeFirst => "code_first",
            Self::UseAdditional => "use_additional",
            Self::CodeAlso => "code_also",
            Self::Note => "note",
            Self::SeventhNote => "seventh_note",
        }
    }

    /// The inverse of [`Self::as_str`].
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.as_str() == id)
    }

    /// How a coder reads it on a card.
    pub fn label(self) -> &'static str {
        match self {
            Self::InclusionTerm => "Also known as",
            Self::Includes => "Includes",
            Self::Excludes1 => "Excludes1",
            Self::Excludes2 => "Excludes2",
            Self::CodeFirst => "Code first",
            Self::UseAdditional => "Use additional code",
            Self::CodeAlso => "Code also",
            Self::Note => "Note",
            Self::SeventhNote => "7th character",
        }
    }
}

/// What a row of the list is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// A chapter; its code is `ch` and a number.
    Chapter,
    /// A block of categories such as `A00-A09`.
    Section,
    /// A category, subcategory or code printed in the list.
    Printed,
    /// A code with its 7th character, made by rule.
    Extended,
}

/// One row of the list.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Without the dot: `M5450`, `S52501A`; for blocks `A00-A09` (`B20-B20` for a block of
    /// one category), for chapters `ch1`.
    pub code: String,
    /// The row above.
    pub parent: Option<String>,
    /// Title, verbatim; for an extended code the parent's title, a comma and the character's meaning.
    pub title: String,
    /// What it is.
    pub level: Level,
    /// Whether it may stand on a claim: nothing below it and no 7th character missing.
    pub billable: bool,
    /// Its own notes, verbatim, in printed order. Inherited ones stand on the rows above.
    pub notes: Vec<(NoteKind, String)>,
    /// Its own 7th characters and their meanings.
    pub seventh: Vec<(String, String)>,
}

/// The list, parsed.
#[derive(Debug, Clone, PartialEq)]
pub struct Tabular {
    /// The year in the file's `version` element.
    pub version: String,
    /// All rows in printed order, a parent before its children.
    pub rows: Vec<Row>,
}

/// Why a file is not a tabular list.
#[derive(Debug, thiserror::Error)]
pub enum TabularError {
    /// Not well-formed, or not of the schema.
    #[error("not an ICD-10-CM tabular list: {0}")]
    Xml(#[from] quick_xml::DeError),
    /// Damaged, or made to do harm: entities of its own, elements without end.
    #[error("not an ICD-10-CM tabular list: {0}")]
    Refused(#[from] crate::xml::Fault),
    /// Well-formed, but empty or cut.
    #[error("the tabular list is incomplete: {0}")]
    Incomplete(String),
}

#[derive(Deserialize)]
struct XmlRoot {
    version: String,
    #[serde(default)]
    chapter: Vec<XmlChapter>,
}

#[derive(Deserialize, Default)]
struct XmlNotes {
    #[serde(default)]
    note: Vec<String>,
}

macro_rules! xml_level {
    ($name:ident { $($extra:tt)* }) => {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct $name {
            $($extra)*
            desc: String,
            #[serde(default)] inclusion_term: Vec<XmlNotes>,
            #[serde(default)] includes: Vec<XmlNotes>,
            #[serde(default)] excludes1: Vec<XmlNotes>,
            #[serde(default)] excludes2: Vec<XmlNotes>,
            #[serde(default)] code_first: Vec<XmlNotes>,
            #[serde(default)] use_additional_code: Vec<XmlNotes>,
            #[serde(default)] code_also: Vec<XmlNotes>,
            #[serde(default)] notes: Vec<XmlNotes>,
            #[serde(default)] seven_chr_note: Vec<XmlNotes>,
            #[serde(default)] seven_chr_def: Vec<XmlSeventh>,
        }

        impl $name {
            fn notes(&mut self) -> Vec<(NoteKind, String)> {
                let mut out = Vec::new();
                for (kind, lists) in [
                    (NoteKind::InclusionTerm, std::mem::take(&mut self.inclusion_term)),
                    (NoteKind::Includes, std::mem::take(&mut self.includes)),
                    (NoteKind::Excludes1, std::mem::take(&mut self.excludes1)),
                    (NoteKind::Excludes2, std::mem::take(&mut self.excludes2)),
                    (NoteKind::CodeFirst, std::mem::take(&mut self.code_first)),
                    (NoteKind::UseAdditional, std::mem::take(&mut self.use_additional_code)),
                    (NoteKind::CodeAlso, std::mem::take(&mut self.code_also)),
                    (NoteKind::Note, std::mem::take(&mut self.notes)),
                    (NoteKind::SeventhNote, std::mem::take(&mut self.seven_chr_note)),
                ] {
                    for list in lists {
                        for note in list.note {
                            let text = note.trim();
                            if !text.is_empty() {
                                out.push((kind, text.to_owned()));
                            }
                        }
                    }
                }
                out
            }

            fn seventh(&self) -> Vec<(String, String)> {
                self.seven_chr_def
                    .iter()
                    .flat_map(|d| &d.extension)
                    .map(|e| (e.character.clone(), e.meaning.trim().to_owned()))
                    .collect()
            }
        }
    };
}

xml_level!(XmlChapter { name: String, #[serde(default)] section: Vec<XmlSection>, });
xml_level!(XmlSection { #[serde(rename = "@id")] id: String, #[serde(default)] diag: Vec<XmlDiag>, });
xml_level!(XmlDiag { name: String, #[serde(default)] diag: Vec<XmlDiag>, });

#[derive(Deserialize)]
struct XmlSeventh {
    #[serde(default)]
    extension: Vec<XmlExtension>,
}

#[derive(Deserialize)]
struct XmlExtension {
    #[serde(rename = "@char")]
    character: String,
    #[serde(rename = "$text", default)]
    meaning: String,
}

/// Parses the XML and expands the codes that take a 7th character.
///
/// # Errors
/// [`TabularError`] where the text is not a whole tabular list; nothing is returned in part.
pub fn parse(xml: &str) -> Result<Tabular, TabularError> {
    // The levels become nested calls: how deep they are is known first.
    crate::xml::check(xml)?;
    let root: XmlRoot = from_str(xml)?;
    let mut rows = Vec::with_capacity(80_000);
    for mut chapter in root.chapter {
        let code = format!("ch{}", chapter.name);
        rows.push(Row {
            notes: chapter.notes(),
            seventh: chapter.seventh(),
            code: code.clone(),
            parent: None,
            title: chapter.desc.trim().to_owned(),
            level: Level::Chapter,
            billable: false,
        });
        for mut section in chapter.section {
            // A block of one category (B20) must not share its category's key.
            if !section.id.contains('-') {
                section.id = format!("{0}-{0}", section.id);
            }
            rows.push(Row {
                notes: section.notes(),
                seventh: section.seventh(),
                code: section.id.clone(),
                parent: Some(code.clone()),
                title: section.desc.trim().to_owned(),
                level: Level::Section,
                billable: false,
            });
            for diag in section.diag {
                push_diag(diag, &section.id, &[], &mut rows);
            }
        }
    }
    if !rows.iter().any(|r| r.billable) {
        return Err(TabularError::Incomplete("it holds no billable code".into()));
    }
    Ok(Tabular {
        version: root.version,
        rows,
    })
}

fn push_diag(mut diag: XmlDiag, parent: &str, inherited: &[(String, String)], rows: &mut Vec<Row>) {
    let code = diag.name.trim().replace('.', "");
    let own = diag.seventh();
    // The nearest definition counts: S12.8 has other characters than S12.
    let seventh = if own.is_empty() {
        inherited.to_vec()
    } else {
        own.clone()
    };
    let leaf = diag.diag.is_empty();
    rows.push(Row {
        notes: diag.notes(),
        seventh: own,
        parent: Some(parent.to_owned()),
        title: diag.desc.trim().to_owned(),
        level: Level::Printed,
        billable: leaf && (seventh.is_empty() || code.len() == 7),
        code: code.clone(),
    });
    if leaf && code.len() < 7 {
        for (character, meaning) in seventh.iter().filter(|(c, _)| extends(&code, c)) {
            rows.push(Row {
                code: format!("{code:X<6}{character}"),
                parent: Some(code.clone()),
                title: format!("{}, {meaning}", diag.desc.trim()),
                level: Level::Extended,
                billable: true,
                notes: Vec::new(),
                seventh: Vec::new(),
            });
        }
    }
    for child in diag.diag {
        push_diag(child, &code, &seventh, rows);
    }
}

/// The one exception that the list states in words, at S06: a patient who died before regaining consciousness
/// (6th character 7 or 8) has no subsequent encounter and no sequela.
fn extends(code: &str, character: &str) -> bool {
    !(code.starts_with("S06")
        && code.len() == 6
        && code.ends_with(['7', '8'])
        && ["D", "S"].contains(&character))
}

/// `M5450` as people write it: `M54.50`. Codes of three characters have no dot.
pub fn dotted(code: &str) -> String {
    if code.len() > 3 && code.is_ascii() && !code.contains('-') {
        format!("{}.{}", &code[..3], &code[3..])
    } else {
        code.to_owned()
    }
}
