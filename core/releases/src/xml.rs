//! XML that a stranger may have written: read event by event, with what an attack needs refused.
//!
//! The publishers' files need neither a document type nor entities of their own, and nest a dozen levels. A file that
//! declares entities (a bomb is made of them) or nests without end is refused before anything is built from it.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};

use crate::error::{Place, ReadError};

/// Elements inside elements. The tabular list and the index need fewer than 15.
const DEEPEST: usize = 48;

/// What is wrong with an XML text, and in which line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct Fault {
    /// From 1.
    pub line: u64,
    /// What is wrong.
    pub what: String,
}

impl Fault {
    /// As an error of the file that the text is from.
    pub(crate) fn of(self, file: &str) -> ReadError {
        ReadError::damaged(file, Place::Line(self.line), self.what)
    }
}

/// A piece of the text.
#[derive(Debug)]
pub(crate) enum Item<'a> {
    Start(BytesStart<'a>),
    End,
    Text(Cow<'a, str>),
    Finished,
}

/// Reads an XML text from its beginning.
pub(crate) struct Items<'a> {
    text: &'a str,
    reader: Reader<&'a [u8]>,
    depth: usize,
    root: bool,
}

impl<'a> Items<'a> {
    pub fn of(text: &'a str) -> Self {
        let mut reader = Reader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        Self {
            text,
            reader,
            depth: 0,
            root: false,
        }
    }

    /// A fault at where the reading is.
    pub fn fault(&self, what: impl Into<String>) -> Fault {
        let upto = (self.reader.buffer_position() as usize).min(self.text.len());
        let newlines = self.text.as_bytes()[..upto]
            .iter()
            .filter(|b| **b == b'\n')
            .count();
        Fault {
            line: newlines as u64 + 1,
            what: what.into(),
        }
    }

    /// The next piece. After the last one, `Finished`.
    pub fn next(&mut self) -> Result<Item<'a>, Fault> {
        loop {
            let event = self
                .reader
                .read_event()
                .map_err(|e| self.fault(e.to_string()))?;
            return Ok(match event {
                Event::Start(start) | Event::Empty(start) => {
                    self.root = true;
                    self.depth += 1;
                    if self.depth > DEEPEST {
                        return Err(self.fault(format!("elements lie more than {DEEPEST} deep")));
                    }
                    Item::Start(start)
                }
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    Item::End
                }
                Event::Text(text) => Item::Text(text.xml10_content()),
                Event::CData(text) => Item::Text(text.xml10_content()),
                Event::GeneralRef(name) => Item::Text(self.reference(&name)?),
                Event::DocType(declared) => {
                    if declared
                        .into_inner()
                        .to_ascii_uppercase()
                        .contains("<!ENTITY")
                    {
                        return Err(self.fault(
                            "it declares entities of its own, which no publisher's file does",
                        ));
                    }
                    continue;
                }
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => continue,
                Event::Eof if self.depth > 0 => {
                    return Err(self.fault("it ends in the middle of an element: the file is cut"));
                }
                Event::Eof if !self.root => return Err(self.fault("it holds no element")),
                Event::Eof => Item::Finished,
            });
        }
    }

    fn reference(&self, name: &quick_xml::events::BytesRef<'_>) -> Result<Cow<'a, str>, Fault> {
        if let Some(character) = name
            .resolve_char_ref()
            .map_err(|e| self.fault(e.to_string()))?
        {
            return Ok(Cow::Owned(character.to_string()));
        }
        resolve_predefined_entity(&name.xml10_content())
            .map(Cow::Borrowed)
            .ok_or_else(|| self.fault("an entity is used that XML does not define"))
    }
}

/// An element's attribute, trimmed.
pub(crate) fn attribute(start: &BytesStart<'_>, name: &str) -> Result<Option<String>, String> {
    let found = start.try_get_attribute(name).map_err(|e| e.to_string())?;
    Ok(found.map(|a| a.value.trim().to_owned()))
}

/// Reads a text to its end, for readers that would otherwise build it before they know that it may be built.
///
/// # Errors
/// Not well-formed, cut, nested too deeply, or with entities of its own.
pub fn check(text: &str) -> Result<(), Fault> {
    let mut items = Items::of(text);
    while !matches!(items.next()?, Item::Finished) {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_an_attack_needs_is_refused() {
        let bomb = "<?xml version='1.0'?>\n<!DOCTYPE x [<!ENTITY a 'ha'><!ENTITY b '&a;&a;'>]>\n<x>&b;</x>";
        let said = check(bomb).unwrap_err().to_string();
        assert!(
            said.contains("line 2") && said.contains("entities"),
            "{said}"
        );
        assert!(
            check("<x>\n\n&undefined;</x>")
                .unwrap_err()
                .to_string()
                .contains("line 3")
        );
        let deep = "<d>".repeat(100_000);
        assert!(check(&deep).unwrap_err().what.contains("48 deep"));
        assert!(check("<!DOCTYPE x SYSTEM 'x.dtd'><x>&amp;&#233;<y/></x>").is_ok());
    }

    #[test]
    fn a_cut_text_says_so() {
        for cut in ["<x><y>a</y>", "<x><y", "", "words"] {
            assert!(check(cut).is_err(), "{cut:?}");
        }
        assert!(check("<x></y>").is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[<>/!?a&;\\[\\]\" é-]{0,60}") {
            let _ = check(&text);
        }
    }
}
