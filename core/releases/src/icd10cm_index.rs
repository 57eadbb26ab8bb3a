//! The ICD-10-CM indexes in XML: Alphabetic Index, External Cause of Injuries Index, Table of Neoplasms, Table of Drugs.
//!
//! All four have one schema. A letter holds main terms, a main term holds subterms, and so on; a term has a title with
//! nonessential modifiers (words that do not change the code, Official Guidelines I.A.7), and a code, cells of a table
//! under headings, or a cross-reference. A main term is read whole and then handed over, so that memory holds the text
//! and one main term.
//!
//! The ICD-10-PCS index has the same schema with elements of its own: `tab` names a table (`0SR`), `codes` the beginning of
//! a code, both also inside of `see`; `use` names the value of a character under which a word is classified.

use unicode_normalization::UnicodeNormalization as _;

use crate::edition::{Found, Kind};
use crate::error::ReadError;
use crate::icd::{Printed, dated, printed};
use crate::member::{Form, Member};
use crate::recognise::Look;
use crate::xml::{Fault, Item, Items};

/// The largest file has 9 MB.
const LARGEST: u64 = 128 << 20;

/// Between the levels of a path.
pub const STEP: &str = " > ";

/// What a code of a term stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// The code of the term.
    Code,
    /// The manifestation's code in brackets, which follows the first (Official Guidelines, I.A.7 and I.A.13).
    Manifestation,
    /// "See category".
    Category,
    /// "See subcategory".
    Subcategory,
    /// A cell of a table; the column's heading stands in [`Summary::headings`].
    Cell(u8),
}

/// A code that a term leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TermCode {
    /// What it stands for.
    pub role: Role,
    /// Without its dot; `None` where the publisher put words in the place of a code.
    pub key: Option<String>,
    /// More characters are required: a dash was printed.
    pub incomplete: bool,
    /// Verbatim: `M54.5-`.
    pub printed: String,
}

/// One line of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// Its number in the file, from 0, in printed order.
    pub ord: u32,
    /// The number of the term that it stands under.
    pub parent: Option<u32>,
    /// 0 for a main term.
    pub level: u8,
    /// Verbatim, with nonessential modifiers.
    pub title: String,
    /// The titles from the main term down, with [`STEP`] between them.
    pub path: String,
    /// The path without nonessential modifiers, as [`plain`] makes it: what people type is looked up in it.
    pub plain: String,
    /// "See": go there instead.
    pub see: Option<String>,
    /// "See also": what is sought may stand there.
    pub see_also: Option<String>,
    /// The codes that it leads to.
    pub codes: Vec<TermCode>,
}

/// What a file held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// The year in the file's `version` element.
    pub version: String,
    /// Headings of the table's columns.
    pub headings: Vec<(u8, String)>,
    /// Terms of all levels.
    pub terms: u64,
    /// Codes and cells that hold a code.
    pub codes: u64,
    /// What is odd, for the operator.
    pub warnings: Vec<String>,
}

/// One of the four; the title or the first column's heading tells which, and `version` the fiscal year.
pub(crate) fn recognise(look: &Look<'_>) -> Option<Found> {
    let text = &look.text;
    if look.member.form == Form::Xml && text.contains("<ICD10PCS.index") {
        let year = crate::icd10pcs_tables::version(text);
        return Some(dated(Found::of(Kind::Icd10pcsIndex), look.member, year));
    }
    let root = text.find("<ICD10CM.index")?;
    if look.member.form != Form::Xml
        || text[root..]
            .split('>')
            .next()?
            .contains("isAddenda=\"true\"")
    {
        return None;
    }
    let between = |open: &str, close: &str| {
        text.split_once(open)
            .and_then(|(_, rest)| rest.split_once(close))
            .map(|(inner, _)| inner.trim().to_lowercase())
    };
    let head = between("<head col=\"1\">", "<").unwrap_or_default();
    // The title of the index itself comes before its letters; theirs have titles too.
    let title = text
        .split_once("<letter")
        .and_then(|(before, _)| before.split_once("<title>"))
        .and_then(|(_, rest)| rest.split_once('<'))
        .map(|(title, _)| title.to_lowercase())
        .unwrap_or_default();
    let kind = if head.contains("neoplasm") {
        Kind::Icd10cmNeoplasm
    } else if head.contains("substance") || head.contains("drug") {
        Kind::Icd10cmDrugs
    } else if title.contains("external cause") {
        Kind::Icd10cmExternal
    } else if title.contains("diseases") {
        Kind::Icd10cmIndex
    } else {
        return None;
    };
    let year = between("<version>", "<").and_then(|v| v.get(..4)?.parse().ok());
    Some(dated(Found::of(kind), look.member, year))
}

/// A text as it is looked up: lower case, without accents, apostrophes and punctuation, single spaces.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.nfd().flat_map(char::to_lowercase) {
        let c = if c == 'ø' { 'o' } else { c };
        let joins =
            unicode_normalization::char::is_combining_mark(c) || ['\'', '\u{2019}'].contains(&c);
        if c.is_alphanumeric() {
            out.push(c);
        } else if !(joins || out.is_empty() || out.ends_with(' ')) {
            out.push(' ');
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// Reads one of the four files, term by term in printed order, a term before those under it.
///
/// # Errors
/// XML that is damaged, cut, too deep or with entities of its own; a term without a title; a cell under no heading; an
/// addenda file, whose terms are changes; and whatever `take` returns.
pub fn read<E: From<ReadError>>(
    member: &Member,
    take: &mut dyn FnMut(Term) -> Result<(), E>,
) -> Result<Summary, E> {
    enum Ended<E> {
        Fault(Fault),
        Taker(E),
    }
    let text = member.read_text(LARGEST)?;
    let mut parser = Parser::default();
    let mut items = Items::of(&text);
    let mut run = || -> Result<(), Ended<E>> {
        loop {
            let item = items.next().map_err(Ended::Fault)?;
            if matches!(item, Item::Finished) {
                return Ok(());
            }
            let whole = parser
                .item(item)
                .map_err(|what| Ended::Fault(items.fault(what)))?;
            if whole {
                member.count(parser.terms.len() as u64);
                for term in parser.terms.drain(..) {
                    take(term).map_err(Ended::Taker)?;
                }
            }
        }
    };
    let ended = run();
    match ended {
        Err(Ended::Fault(fault)) => Err(fault.of(&member.path).into()),
        Err(Ended::Taker(error)) => Err(error),
        Ok(()) if parser.summary.terms == 0 => Err(items
            .fault("it holds no term: the file is no index")
            .of(&member.path)
            .into()),
        Ok(()) => Ok(parser.summary),
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Element {
    Root,
    Version,
    Letter,
    Term,
    Title,
    Modifier,
    See,
    SeeAlso,
    Use,
    Code(Role),
    Heading(u8),
    /// Holds others, or nothing that is kept.
    Other,
}

#[derive(Default)]
struct Parser {
    summary: Summary,
    open: Vec<Element>,
    /// Places in `terms` of the terms that are open.
    inside: Vec<usize>,
    /// The terms of the main term that is open.
    terms: Vec<Term>,
    /// Titles of `terms` without nonessential modifiers.
    essential: Vec<String>,
    buffer: String,
    /// A nonessential modifier has begun, and none of its text came yet.
    modifier: bool,
    /// The codes are ICD-10-PCS's.
    procedures: bool,
}

impl Parser {
    /// Takes a piece in; true where a main term is whole.
    fn item(&mut self, item: Item<'_>) -> Result<bool, String> {
        match item {
            Item::Start(start) => {
                let name = start.name();
                let element = self.element(name.as_ref(), || column(&start))?;
                match element {
                    Element::Term => self.start_term()?,
                    Element::Modifier => self.modifier = true,
                    Element::Root => self.procedures = name.as_ref() == "ICD10PCS.index",
                    Element::Title | Element::Letter | Element::Other => {}
                    _ => {
                        // A reference's words, before the table that it names.
                        if self.open.last() == Some(&Element::See)
                            && let Some(&at) = self.inside.last()
                        {
                            add(&mut self.terms[at].see, self.buffer.trim());
                        }
                        self.buffer.clear();
                    }
                }
                self.open.push(element);
            }
            Item::Text(text) => self.text(&text),
            Item::End => return self.end(),
            Item::Finished => {}
        }
        Ok(false)
    }

    fn element(
        &self,
        name: &str,
        column: impl Fn() -> Result<u8, String>,
    ) -> Result<Element, String> {
        Ok(match name {
            "ICD10CM.index" | "ICD10PCS.index" => Element::Root,
            "version" => Element::Version,
            "letter" => Element::Letter,
            "mainTerm" | "term" => Element::Term,
            "title" => Element::Title,
            "nemod" => Element::Modifier,
            "see" => Element::See,
            "seeAlso" => Element::SeeAlso,
            "use" => Element::Use,
            "code" => Element::Code(Role::Code),
            "tab" | "codes" => Element::Code(Role::Category),
            "manif" => Element::Code(Role::Manifestation),
            "seecat" => Element::Code(Role::Category),
            "subcat" => Element::Code(Role::Subcategory),
            "cell" => {
                let column = column()?;
                if !self.summary.headings.iter().any(|(c, _)| *c == column) {
                    return Err(format!(
                        "a cell stands in column {column}, which has no heading"
                    ));
                }
                Element::Code(Role::Cell(column))
            }
            "head" => Element::Heading(column()?),
            "diff" | "old" | "new" | "unc" => {
                return Err("it marks changes: this is an addenda file, not an index".into());
            }
            _ => Element::Other,
        })
    }

    fn start_term(&mut self) -> Result<(), String> {
        let parent = self.inside.last().map(|i| &self.terms[*i]);
        if parent.is_some_and(|p| p.path.is_empty()) {
            return Err("a term has no title".into());
        }
        let ord = u32::try_from(self.summary.terms).map_err(|e| e.to_string())?;
        self.terms.push(Term {
            ord,
            parent: parent.map(|p| p.ord),
            level: self.inside.len() as u8,
            title: String::new(),
            path: String::new(),
            plain: String::new(),
            see: None,
            see_also: None,
            codes: Vec::new(),
        });
        self.essential.push(String::new());
        self.inside.push(self.terms.len() - 1);
        self.summary.terms += 1;
        Ok(())
    }

    fn text(&mut self, text: &str) {
        // A title of a letter or of the index itself is nobody's: no term is open.
        let Some(&at) = self.inside.last() else {
            self.buffer.push_str(text);
            return;
        };
        let title = &mut self.terms[at].title;
        match self.open.last() {
            // The publisher writes `title<nemod>(modifier)</nemod> NEC`: the space before is left to the printer.
            Some(Element::Modifier) => {
                let first = std::mem::take(&mut self.modifier);
                if first && !title.is_empty() && !title.ends_with(' ') && text.trim() != "(s)" {
                    title.push(' ');
                }
                title.push_str(text);
            }
            Some(Element::Title) => {
                if title.ends_with(')') && text.starts_with(char::is_alphanumeric) {
                    title.push(' ');
                }
                title.push_str(text);
                self.essential[at].push_str(text);
            }
            _ => self.buffer.push_str(text),
        }
    }

    fn end(&mut self) -> Result<bool, String> {
        let Some(element) = self.open.pop() else {
            return Ok(false);
        };
        let text = self.buffer.trim();
        let Some(&at) = self.inside.last() else {
            match element {
                Element::Version => text.clone_into(&mut self.summary.version),
                Element::Heading(column) => self.summary.headings.push((column, text.to_owned())),
                _ => {}
            }
            self.buffer.clear();
            return Ok(false);
        };
        match element {
            Element::Title | Element::Modifier => self.named(at),
            Element::See => add(&mut self.terms[at].see, text),
            Element::SeeAlso => add(&mut self.terms[at].see_also, text),
            Element::Use if !text.is_empty() => {
                let text = format!("use {text}");
                add(&mut self.terms[at].see, &text);
            }
            Element::Code(role) => self.code(at, role),
            Element::Term => {
                if self.terms[at].path.is_empty() {
                    return Err("a term has no title".into());
                }
                self.inside.pop();
                if self.inside.is_empty() {
                    self.essential.clear();
                    return Ok(true);
                }
            }
            Element::Use
            | Element::Root
            | Element::Version
            | Element::Letter
            | Element::Heading(_)
            | Element::Other => {}
        }
        self.buffer.clear();
        Ok(false)
    }

    /// A title, or a part of it, is complete.
    fn named(&mut self, at: usize) {
        let above = self.inside.len().checked_sub(2).map(|i| self.inside[i]);
        let title = single_spaces(&self.terms[at].title);
        let essential = plain(&self.essential[at]);
        let (path, plain) = match above.map(|i| &self.terms[i]) {
            Some(above) => (
                format!("{}{STEP}{title}", above.path),
                format!("{} {essential}", above.plain).trim().to_owned(),
            ),
            None => (title.clone(), essential),
        };
        let term = &mut self.terms[at];
        // Inside an open title the buffer is the title itself; it is tidied when the term ends with it.
        if !self.open.contains(&Element::Title) && !title.is_empty() {
            term.title = title;
            term.path = path;
            term.plain = plain;
        }
    }

    fn code(&mut self, at: usize, role: Role) {
        let text = self.buffer.trim();
        // A dash alone says that the column has no code for the term.
        if text.trim_matches('-').is_empty() {
            return;
        }
        let read = if self.procedures {
            procedure(text)
        } else {
            printed(text)
        };
        if read.is_none() {
            let what = format!(
                "{}: words where a code is expected, kept as words",
                self.terms[at].path
            );
            self.summary.warnings.push(what);
        } else {
            self.summary.codes += 1;
        }
        let (key, incomplete) = read.map_or((None, false), |p| (Some(p.key), p.incomplete));
        self.terms[at].codes.push(TermCode {
            role,
            key,
            incomplete,
            printed: text.to_owned(),
        });
    }
}

/// An ICD-10-PCS code, its beginning, or its table.
fn procedure(text: &str) -> Option<Printed> {
    let sound = (3..=7).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || (b.is_ascii_uppercase() && !b"IO".contains(&b)));
    sound.then(|| Printed {
        key: text.to_owned(),
        incomplete: text.len() < 7,
    })
}

fn add(to: &mut Option<String>, text: &str) {
    if text.is_empty() {
        return;
    }
    match to {
        Some(former) => {
            former.push_str("; ");
            former.push_str(text);
        }
        None => *to = Some(text.to_owned()),
    }
}

fn single_spaces(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn column(start: &quick_xml::events::BytesStart<'_>) -> Result<u8, String> {
    let wrong = || "a cell or heading without the number of its column".to_owned();
    let attribute = start
        .try_get_attribute("col")
        .map_err(|e| e.to_string())?
        .ok_or_else(wrong)?;
    attribute.value.trim().parse().map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recognise::recognise;
    use proptest::prelude::*;

    const INDEX: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<ICD10CM.index>
  <version>2031</version>
  <title>ICD-10-CM INDEX TO DISEASES and INJURIES</title>
  <letter>
    <title>A</title>
    <mainTerm>
      <title>Ache<nemod>(dull) (sharp)</nemod> NEC</title>
      <code>R52</code>
      <term level="1">
        <title>Ménière's ear<nemod>(s)</nemod></title>
        <seeAlso>Otalgia &amp; so on</seeAlso>
        <code>H92.0-</code>
        <manif>I43</manif>
        <term level="2">
          <title>with fever</title>
          <see>Fever</see>
        </term>
      </term>
      <term level="1">
        <title>nerve</title>
        <subcat>H93.3</subcat>
      </term>
    </mainTerm>
    <mainTerm><title>Fever</title><code>R50.9</code></mainTerm>
  </letter>
</ICD10CM.index>
"#;

    const TABLE: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<ICD10CM.index>
  <version>2031</version>
  <indexHeading><head col="1">Substance</head><head col="2">Accident</head><head col="3">Adverse</head></indexHeading>
  <letter><title>#</title>
    <mainTerm><title>1-ours</title><cell col="2">T51.3X1</cell><cell col="3">--</cell></mainTerm>
    <mainTerm><title>Other</title><manif>words of theirs</manif><cell col="3">T65.-</cell></mainTerm>
  </letter>
</ICD10CM.index>"#;

    fn all(text: &[u8]) -> Result<(Vec<Term>, Summary), String> {
        let mut terms = Vec::new();
        let summary = read::<ReadError>(&Member::from_bytes("i.xml", text), &mut |t| {
            terms.push(t);
            Ok(())
        })
        .map_err(|e| e.to_string())?;
        Ok((terms, summary))
    }

    #[test]
    fn terms_nest() {
        let (terms, summary) = all(INDEX.as_bytes()).unwrap();
        assert_eq!(
            (summary.version.as_str(), summary.terms, summary.codes),
            ("2031", 5, 5)
        );
        let ear = &terms[1];
        assert_eq!(ear.title, "Ménière's ear(s)");
        assert_eq!(ear.path, "Ache (dull) (sharp) NEC > Ménière's ear(s)");
        assert_eq!(ear.plain, "ache nec menieres ear");
        assert_eq!((ear.ord, ear.parent, ear.level), (1, Some(0), 1));
        assert_eq!(ear.see_also.as_deref(), Some("Otalgia & so on"));
        assert_eq!(ear.codes[0].key.as_deref(), Some("H920"));
        assert!(ear.codes[0].incomplete);
        assert_eq!(
            (ear.codes[0].printed.as_str(), ear.codes[1].role),
            ("H92.0-", Role::Manifestation)
        );
        assert_eq!(
            (terms[2].level, terms[2].see.as_deref()),
            (2, Some("Fever"))
        );
        assert_eq!(
            terms[2].path,
            "Ache (dull) (sharp) NEC > Ménière's ear(s) > with fever"
        );
        assert_eq!(
            (terms[3].parent, terms[3].codes[0].role),
            (Some(0), Role::Subcategory)
        );
        assert_eq!((terms[4].ord, terms[4].parent), (4, None));
    }

    #[test]
    fn cells_have_headings_and_a_dash_is_no_code() {
        let (terms, summary) = all(TABLE.as_bytes()).unwrap();
        assert_eq!(summary.headings[2], (3, "Adverse".into()));
        assert_eq!(terms[0].codes.len(), 1);
        assert_eq!(terms[0].codes[0].role, Role::Cell(2));
        assert_eq!(terms[1].codes[0].key, None);
        assert_eq!(terms[1].codes[1].key.as_deref(), Some("T65"));
        assert_eq!((summary.codes, summary.warnings.len()), (2, 1));
    }

    #[test]
    fn the_index_of_procedures_names_tables() {
        let text = r#"<?xml version="1.0" encoding="utf-8"?>
<ICD10PCS.index><version>2031</version><letter><title>A</title>
<mainTerm><title>Our arthroplasty</title>
  <term level="1"><see>Our replacement, Our joints <tab>0SR</tab></see></term>
</mainTerm>
<mainTerm><title>Our knee</title><term level="1"><title>Left</title><codes>0SRD</codes></term>
  <term level="1"><title>Cemented</title><code>0SRD0J9</code></term></mainTerm>
<mainTerm><title>Our kneecap</title><use>Left knee</use></mainTerm>
</letter></ICD10PCS.index>"#;
        // A reference under a main term has no title of its own in no real file: it is the main term's.
        let text = text
            .replace(r#"<term level="1"><see>"#, "<see>")
            .replace("</see></term>", "</see>");
        let found = recognise(&Member::from_bytes("x", text.as_bytes())).unwrap();
        assert_eq!(
            (found.kind, found.edition.as_deref()),
            (Kind::Icd10pcsIndex, Some("FY2031"))
        );
        let (terms, summary) = all(text.as_bytes()).unwrap();
        assert_eq!((summary.terms, summary.codes), (5, 3));
        assert_eq!(terms[0].see.as_deref(), Some("Our replacement, Our joints"));
        assert_eq!(
            (
                terms[0].codes[0].key.as_deref(),
                terms[0].codes[0].incomplete
            ),
            (Some("0SR"), true)
        );
        assert_eq!(terms[2].codes[0].key.as_deref(), Some("0SRD"));
        assert!(!terms[3].codes[0].incomplete);
        assert_eq!(terms[4].see.as_deref(), Some("use Left knee"));
        assert_eq!(summary.warnings, [] as [&str; 0]);
    }

    #[test]
    fn recognised_by_content() {
        let found = |text: &str| recognise(&Member::from_bytes("x", text.as_bytes()));
        let index = found(INDEX).unwrap();
        assert_eq!(
            (index.kind, index.edition.as_deref()),
            (Kind::Icd10cmIndex, Some("FY2031"))
        );
        let external = INDEX.replace(
            "INDEX TO DISEASES and INJURIES",
            "External Cause of Injuries Index",
        );
        assert_eq!(found(&external).unwrap().kind, Kind::Icd10cmExternal);
        assert_eq!(found(TABLE).unwrap().kind, Kind::Icd10cmDrugs);
        assert_eq!(
            found(&TABLE.replace("Substance", "Neoplasm")).unwrap().kind,
            Kind::Icd10cmNeoplasm
        );
        assert_eq!(
            found(&INDEX.replace("<ICD10CM.index>", "<ICD10CM.index isAddenda=\"true\">")),
            None
        );
        assert_eq!(found("<?xml version='1.0'?><other/>"), None);
    }

    #[test]
    fn bad_files_are_refused_with_their_line() {
        let said = |text: &str| all(text.as_bytes()).unwrap_err();
        assert!(said(INDEX.split_once("</mainTerm>").unwrap().0).contains("the file is cut"));
        assert!(
            said(&INDEX.replace("<title>with fever</title>", ""))
                .contains("line 18: a term has no title")
        );
        assert!(
            said(&TABLE.replace("cell col=\"3\"", "cell col=\"9\""))
                .contains("column 9, which has no heading")
        );
        assert!(
            said(&TABLE.replace("cell col=\"3\"", "cell"))
                .contains("without the number of its column")
        );
        assert!(
            said(&INDEX.replace(
                "<title>Fever</title>",
                "<title><diff><old>F</old></diff></title>"
            ))
            .contains("addenda")
        );
        let bomb = INDEX.replacen(
            "<ICD10CM.index>",
            "<!DOCTYPE a [<!ENTITY a 'b'>]><ICD10CM.index>",
            1,
        );
        assert!(said(&bomb).contains("entities"));
        assert!(said("<ICD10CM.index></ICD10CM.index>").contains("no term"));
        let deep = format!(
            "<ICD10CM.index><letter><mainTerm><title>x</title>{}",
            "<term><title>x</title>".repeat(60)
        );
        assert!(said(&deep).contains("48 deep"));
    }

    #[test]
    fn a_taker_that_fails_ends_the_reading() {
        let member = Member::from_bytes("i.xml", INDEX.as_bytes());
        let mut taken = 0;
        let result = read::<ReadError>(&member, &mut |_| {
            taken += 1;
            Err(ReadError::damaged("store", crate::Place::Whole, "full"))
        });
        assert!(result.unwrap_err().to_string().starts_with("store: full"));
        assert_eq!(taken, 1);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = all(&bytes);
        }

        #[test]
        fn no_arrangement_panics(picks in proptest::collection::vec(0usize..14, 0..40)) {
            let pieces = ["<mainTerm>", "</mainTerm>", "<term>", "</term>", "<title>", "</title>", "<nemod>", "</nemod>",
                "<code>", "</code>", "M54.5-", "<cell col='1'>", "</cell>", "é &amp; (s)"];
            let text: String = picks.iter().map(|i| pieces[*i]).collect();
            let _ = all(format!("<ICD10CM.index><head col='1'>a</head>{text}</ICD10CM.index>").as_bytes());
        }

        #[test]
        fn plain_is_stable(text in ".{0,60}") {
            let once = plain(&text);
            prop_assert_eq!(plain(&once), once);
        }

        #[test]
        fn titles_come_back(titles in proptest::collection::vec("[A-Za-z]{1,8}( [a-z]{1,8}){0,3}", 1..12)) {
            let body: String = titles.iter().map(|t| format!("<mainTerm><title>{t}</title><code>R52</code></mainTerm>")).collect();
            let (terms, _) = all(format!("<ICD10CM.index><letter>{body}</letter></ICD10CM.index>").as_bytes()).unwrap();
            let got: Vec<&str> = terms.iter().map(|t| t.title.as_str()).collect();
            prop_assert_eq!(got, titles.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }
}
