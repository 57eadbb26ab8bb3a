//! The ICD-10-PCS definitions in XML: what an operation is, an approach, a body part.
//!
//! `ICD10PCS.definitions > section@code > axis@pos(title) > terms(title, definition, explanation, includes)`. What a value
//! is called in the tables is its title here; the values themselves do not stand in this file.

use crate::edition::{Found, Kind};
use crate::error::ReadError;
use crate::icd::dated;
use crate::icd10pcs_tables::version;
use crate::member::{Form, Member};
use crate::recognise::Look;
use crate::xml::{Fault, Item, Items, attribute};

/// The largest real file has a few megabytes.
const LARGEST: u64 = 64 << 20;

/// A definition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Definition {
    /// The section's character.
    pub section: String,
    /// Of which character of the code: 3 operation, 4 body part, 5 approach, 6 device, 7 qualifier.
    pub position: u8,
    /// What that character stands for.
    pub axis: String,
    /// The value's name, as the tables print it.
    pub name: String,
    /// What it is; empty where only `includes` says something.
    pub definition: String,
    /// More about it, or empty.
    pub explanation: String,
    /// What belongs to it, separated by `; `, or empty.
    pub includes: String,
}

/// The definitions; `version` or a name gives the fiscal year.
pub(crate) fn recognise(look: &Look<'_>) -> Option<Found> {
    if look.member.form != Form::Xml || !look.text.contains("<ICD10PCS.definitions") {
        return None;
    }
    Some(dated(
        Found::of(Kind::Icd10pcsDefinitions),
        look.member,
        version(&look.text),
    ))
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Element {
    Section,
    Axis,
    Terms,
    Title,
    Definition,
    Explanation,
    Includes,
    Other,
}

/// Reads the definitions, in printed order, and says how many.
///
/// # Errors
/// XML that is damaged, cut, too deep or with entities of its own; terms outside of a section's axis or without a title;
/// and whatever `take` returns.
pub fn read<E: From<ReadError>>(
    member: &Member,
    take: &mut dyn FnMut(Definition) -> Result<(), E>,
) -> Result<u64, E> {
    let text = member.read_text(LARGEST)?;
    let mut items = Items::of(&text);
    let fault = |fault: Fault| E::from(fault.of(&member.path));
    let mut open: Vec<Element> = Vec::new();
    let mut here = Definition::default();
    let mut buffer = String::new();
    let mut count = 0;
    loop {
        match items.next().map_err(fault)? {
            Item::Finished => break,
            Item::Text(text) => buffer.push_str(&text),
            Item::Start(start) => {
                buffer.clear();
                let given = |name: &str| attribute(&start, name);
                let what = |what: String| fault(items.fault(what));
                let name = start.name();
                open.push(match name.as_ref() {
                    "section" => {
                        here.section = given("code").map_err(what)?.unwrap_or_default();
                        Element::Section
                    }
                    "axis" => {
                        let position = given("pos").map_err(what)?.and_then(|p| p.parse().ok());
                        here.position = position
                            .filter(|p| (1..=7).contains(p))
                            .ok_or_else(|| what("an axis without its position, 1 to 7".into()))?;
                        here.axis.clear();
                        Element::Axis
                    }
                    "terms" => {
                        if open.last() != Some(&Element::Axis) || here.section.is_empty() {
                            return Err(what("terms stand in no section's axis".into()));
                        }
                        here = Definition {
                            section: here.section,
                            position: here.position,
                            axis: here.axis,
                            ..Definition::default()
                        };
                        Element::Terms
                    }
                    "title" => Element::Title,
                    "definition" => Element::Definition,
                    "explanation" => Element::Explanation,
                    "includes" => Element::Includes,
                    _ => Element::Other,
                });
            }
            Item::End => {
                let text = buffer.split_whitespace().collect::<Vec<_>>().join(" ");
                buffer.clear();
                let ended = open.pop();
                match (ended, open.last()) {
                    (Some(Element::Title), Some(Element::Axis)) => here.axis = text,
                    (Some(Element::Title), Some(Element::Terms)) => here.name = text,
                    (Some(Element::Definition), Some(Element::Terms)) => here.definition = text,
                    (Some(Element::Explanation), Some(Element::Terms)) => here.explanation = text,
                    (Some(Element::Includes), Some(Element::Terms)) => {
                        if !here.includes.is_empty() {
                            here.includes.push_str("; ");
                        }
                        here.includes.push_str(&text);
                    }
                    (Some(Element::Terms), _) => {
                        if here.name.is_empty() {
                            return Err(fault(items.fault("terms without a title")));
                        }
                        count += 1;
                        member.count(1);
                        take(here.clone())?;
                    }
                    _ => {}
                }
            }
        }
    }
    if count == 0 {
        return Err(fault(items.fault("it holds no definition")));
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recognise::recognise;
    use proptest::prelude::*;

    const FILE: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<ICD10PCS.definitions>
  <version>2031</version>
  <section code="0">
    <title>Our surgery</title>
    <axis pos="3">
      <title>Operation</title>
      <terms><title>Our replacement</title><definition>Putting in
        something of ours</definition><explanation>More of it</explanation></terms>
    </axis>
    <axis pos="4">
      <title>Body Part</title>
      <terms><title>Left knee</title><includes>Left kneecap</includes><includes>Left side</includes></terms>
    </axis>
  </section>
</ICD10PCS.definitions>
"#;

    fn all(text: &str) -> Result<Vec<Definition>, String> {
        let mut rows = Vec::new();
        read::<ReadError>(&Member::from_bytes("d.xml", text.as_bytes()), &mut |d| {
            rows.push(d);
            Ok(())
        })
        .map_err(|e| e.to_string())?;
        Ok(rows)
    }

    #[test]
    fn definitions_have_their_place() {
        let rows = all(FILE).unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!(
            (
                rows[0].section.as_str(),
                rows[0].position,
                rows[0].axis.as_str()
            ),
            ("0", 3, "Operation")
        );
        assert_eq!(rows[0].definition, "Putting in something of ours");
        assert_eq!(
            (rows[1].axis.as_str(), rows[1].definition.as_str()),
            ("Body Part", "")
        );
        assert_eq!(rows[1].includes, "Left kneecap; Left side");
        let found = recognise(&Member::from_bytes("x", FILE.as_bytes())).unwrap();
        assert_eq!(
            (found.kind, found.edition.as_deref()),
            (Kind::Icd10pcsDefinitions, Some("FY2031"))
        );
    }

    #[test]
    fn bad_files_are_refused_with_their_line() {
        let said = |from: &str, to: &str| all(&FILE.replacen(from, to, 1)).unwrap_err();
        assert!(said("pos=\"3\"", "pos=\"9\"").contains("line 6: an axis without its position"));
        assert!(said("<title>Left knee</title>", "").contains("terms without a title"));
        assert!(said("<section code=\"0\">", "<section>").contains("terms stand in no section"));
        assert!(
            all(FILE.split_once("</section>").unwrap().0)
                .unwrap_err()
                .contains("the file is cut")
        );
        assert!(
            all("<ICD10PCS.definitions/>")
                .unwrap_err()
                .contains("no definition")
        );
    }

    proptest! {
        #[test]
        fn no_damage_panics(at in 0usize..900, with in "[<>/a-zA-Z0-9=\"]{0,4}", cut in 0usize..1200) {
            let mut text = FILE.to_owned();
            text.insert_str(at.min(FILE.len()), &with);
            text.truncate(cut.min(text.len()));
            let _ = all(&text);
        }
    }
}
