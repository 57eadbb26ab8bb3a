//! The ICD-10-PCS tables in XML: which values of the seven characters make a code.
//!
//! A code's first three characters (section, body system, operation) name its table. The table's lines each list values of
//! the other four; every combination within one line is a code, and nothing else is (ICD-10-PCS Official Guidelines, A6
//! and A7).
//!
//! `ICD10PCS.tabular > pcsTable > axis@pos@values(title, label@code, definition)` for the first three, and
//! `pcsTable > pcsRow@codes > axis` for the others. The counts in `values` and `codes` are held against what is there, so
//! that a table that lost a part is noticed. A table is read whole and then handed over, so that memory holds the text
//! and one table.

use crate::edition::{Found, Kind};
use crate::error::ReadError;
use crate::icd::dated;
use crate::member::{Form, Member};
use crate::recognise::Look;
use crate::xml::{Fault, Item, Items, attribute};

/// The largest real file has 13 MB.
const LARGEST: u64 = 128 << 20;

/// One character's place, and the values that it may have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Axis {
    /// 1 to 7.
    pub position: u8,
    /// What it stands for: `Body Part`, `Approach`.
    pub title: String,
    /// Of the third: what the operation is. Else empty.
    pub definition: String,
    /// Each value and its name, in printed order.
    pub values: Vec<(char, String)>,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    /// Section, body system and operation: `0SR`.
    pub key: String,
    /// Those three, each with one value.
    pub head: Vec<Axis>,
    /// Lines of four axes: every combination of one line's values is a code.
    pub lines: Vec<Vec<Axis>>,
}

impl Table {
    /// How many codes the table makes.
    pub fn codes(&self) -> u64 {
        self.lines.iter().map(|line| combinations(line)).sum()
    }

    /// The line that makes a code (seven characters), if one does.
    pub fn line_of(&self, code: &str) -> Option<&[Axis]> {
        let has = |line: &Vec<Axis>| {
            let rest = code.chars().skip(3);
            code.starts_with(&self.key)
                && code.chars().count() == 7
                && line
                    .iter()
                    .zip(rest)
                    .all(|(axis, c)| axis.values.iter().any(|(value, _)| *value == c))
        };
        self.lines.iter().find(|line| has(line)).map(Vec::as_slice)
    }
}

fn combinations(line: &[Axis]) -> u64 {
    line.iter().map(|axis| axis.values.len() as u64).product()
}

/// What a file held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Tables.
    pub tables: u64,
    /// Codes that they make.
    pub codes: u64,
}

/// The tables; `version` names the fiscal year.
pub(crate) fn recognise(look: &Look<'_>) -> Option<Found> {
    if look.member.form != Form::Xml || !look.text.contains("<ICD10PCS.tabular") {
        return None;
    }
    Some(dated(
        Found::of(Kind::Icd10pcsTables),
        look.member,
        version(&look.text),
    ))
}

/// The year in a file's `version` element.
pub(crate) fn version(text: &str) -> Option<i32> {
    let (_, rest) = text.split_once("<version>")?;
    let (inner, _) = rest.split_once('<')?;
    inner.trim().get(..4)?.parse().ok()
}

#[derive(Default)]
struct Parser {
    open: Vec<Element>,
    table: Table,
    line: Vec<Axis>,
    axis: Axis,
    /// The counts that the file gives: of the values of the axis, and of the codes of the line.
    values: Option<u64>,
    codes: Option<u64>,
    label: Option<char>,
    buffer: String,
    summary: Summary,
    seen: std::collections::HashSet<String>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Element {
    Table,
    Line,
    Axis,
    Title,
    Label,
    Definition,
    Other,
}

impl Parser {
    /// Takes a piece in; true where a table is whole.
    fn item(&mut self, item: Item<'_>) -> Result<bool, String> {
        match item {
            Item::Start(start) => {
                let number = |name: &str| -> Result<Option<u64>, String> {
                    match attribute(&start, name)? {
                        Some(text) => text
                            .parse()
                            .map(Some)
                            .map_err(|_| format!("{name} is no number")),
                        None => Ok(None),
                    }
                };
                let name = start.name();
                let element = match name.as_ref() {
                    "pcsTable" => {
                        self.table = Table::default();
                        Element::Table
                    }
                    "pcsRow" => {
                        self.line = Vec::new();
                        self.codes = number("codes")?;
                        Element::Line
                    }
                    "axis" => {
                        let position = number("pos")?.filter(|p| (1..=7).contains(p));
                        self.axis = Axis {
                            position: position.ok_or("an axis without its position, 1 to 7")? as u8,
                            ..Axis::default()
                        };
                        self.values = number("values")?;
                        Element::Axis
                    }
                    "title" => Element::Title,
                    "definition" => Element::Definition,
                    "label" => {
                        let code = attribute(&start, "code")?.unwrap_or_default();
                        let mut letters = code.chars();
                        let (Some(value), None) = (letters.next(), letters.next()) else {
                            return Err("a label without its one character".into());
                        };
                        self.label = Some(value);
                        Element::Label
                    }
                    _ => Element::Other,
                };
                self.buffer.clear();
                self.open.push(element);
                Ok(false)
            }
            Item::Text(text) => {
                self.buffer.push_str(&text);
                Ok(false)
            }
            Item::End => self.end(),
            Item::Finished => Ok(false),
        }
    }

    fn end(&mut self) -> Result<bool, String> {
        let Some(element) = self.open.pop() else {
            return Ok(false);
        };
        let text: String = self.buffer.split_whitespace().collect::<Vec<_>>().join(" ");
        self.buffer.clear();
        let in_axis = self.open.last() == Some(&Element::Axis);
        match element {
            Element::Title if in_axis => self.axis.title = text,
            Element::Definition if in_axis => self.axis.definition = text,
            Element::Label => self.label(text)?,
            Element::Axis => self.axis()?,
            Element::Line => self.line()?,
            Element::Table => {
                self.table()?;
                return Ok(true);
            }
            Element::Title | Element::Definition | Element::Other => {}
        }
        Ok(false)
    }

    fn label(&mut self, text: String) -> Result<(), String> {
        let value = self.label.take().unwrap_or_default();
        let sound =
            value.is_ascii_digit() || (value.is_ascii_uppercase() && !['I', 'O'].contains(&value));
        if !sound {
            return Err(format!("{value:?} is no character of ICD-10-PCS"));
        }
        if text.is_empty() {
            return Err(format!("value {value} has no name"));
        }
        if self.axis.values.iter().any(|(v, _)| *v == value) {
            return Err(format!("value {value} stands twice"));
        }
        self.axis.values.push((value, text));
        Ok(())
    }

    fn axis(&mut self) -> Result<(), String> {
        let axis = std::mem::take(&mut self.axis);
        let found = axis.values.len() as u64;
        if self.values.take().is_some_and(|values| values != found) {
            return Err(format!(
                "character {} has not as many values as it says",
                axis.position
            ));
        }
        let (place, expected) = match self.open.last() {
            Some(Element::Line) => (&mut self.line, 4),
            Some(Element::Table) => (&mut self.table.head, 1),
            _ => return Err("an axis stands in no table".into()),
        };
        if usize::from(axis.position) != expected + place.len() {
            return Err(format!(
                "character {} stands out of its order",
                axis.position
            ));
        }
        if expected == 1 {
            let [(value, _)] = axis.values[..] else {
                return Err(format!(
                    "character {} of a table has not one value",
                    axis.position
                ));
            };
            self.table.key.push(value);
        }
        place.push(axis);
        Ok(())
    }

    fn line(&mut self) -> Result<(), String> {
        let line = std::mem::take(&mut self.line);
        if line.len() != 4 {
            return Err(format!(
                "a line of table {} has not four characters",
                self.table.key
            ));
        }
        let codes = combinations(&line);
        if self.codes.take().is_some_and(|said| said != codes) {
            let what = format!(
                "a line of table {} makes {codes} codes and says another number",
                self.table.key
            );
            return Err(what);
        }
        self.table.lines.push(line);
        Ok(())
    }

    fn table(&mut self) -> Result<(), String> {
        let key = &self.table.key;
        if key.len() != 3 || self.table.lines.is_empty() {
            return Err(format!("table {key} has not three characters and a line"));
        }
        if !self.seen.insert(key.clone()) {
            return Err(format!("table {key} stands twice"));
        }
        self.summary.tables += 1;
        self.summary.codes += self.table.codes();
        Ok(())
    }
}

/// Reads the tables, in printed order.
///
/// # Errors
/// XML that is damaged, cut, too deep or with entities of its own; an axis out of its order, without a value or with
/// another number of them than it says; a table that stands twice; and whatever `take` returns.
pub fn read<E: From<ReadError>>(
    member: &Member,
    take: &mut dyn FnMut(Table) -> Result<(), E>,
) -> Result<Summary, E> {
    let text = member.read_text(LARGEST)?;
    let mut parser = Parser::default();
    let mut items = Items::of(&text);
    let fault = |fault: Fault| E::from(fault.of(&member.path));
    loop {
        let item = items.next().map_err(fault)?;
        if matches!(item, Item::Finished) {
            break;
        }
        if parser.item(item).map_err(|what| fault(items.fault(what)))? {
            let table = std::mem::take(&mut parser.table);
            member.count(1);
            take(table)?;
        }
    }
    if parser.summary.tables == 0 {
        return Err(fault(items.fault("it holds no table")));
    }
    Ok(parser.summary)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recognise::recognise;
    use proptest::prelude::*;

    /// Made up, in the publisher's layout.
    pub(crate) const TABLES: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<ICD10PCS.tabular>
  <version>2031</version>
  <title>Ours</title>
  <pcsTable>
    <axis pos="1" values="1"><title>Section</title><label code="0">Our surgery</label></axis>
    <axis pos="2" values="1"><title>Body System</title><label code="S">Our joints</label></axis>
    <axis pos="3" values="1"><title>Operation</title><label code="R">Our replacement</label>
      <definition>Putting in something of ours</definition></axis>
    <pcsRow codes="4">
      <axis pos="4" values="2"><title>Body Part</title><label code="C">Right knee</label><label code="D">Left knee</label></axis>
      <axis pos="5" values="1"><title>Approach</title><label code="0">Open</label></axis>
      <axis pos="6" values="1"><title>Device</title><label code="J">Synthetic &amp; ours</label></axis>
      <axis pos="7" values="2"><title>Qualifier</title><label code="9">Cemented</label><label code="A">Uncemented</label></axis>
    </pcsRow>
    <pcsRow codes="1">
      <axis pos="4" values="1"><title>Body Part</title><label code="D">Left knee</label></axis>
      <axis pos="5" values="1"><title>Approach</title><label code="0">Open</label></axis>
      <axis pos="6" values="1"><title>Device</title><label code="7">Tissue</label></axis>
      <axis pos="7" values="1"><title>Qualifier</title><label code="Z">No qualifier</label></axis>
    </pcsRow>
  </pcsTable>
</ICD10PCS.tabular>
"#;

    fn all(text: &str) -> Result<(Vec<Table>, Summary), String> {
        let mut tables = Vec::new();
        let member = Member::from_bytes("icd10pcs_tables.xml", text.as_bytes());
        let summary = read::<ReadError>(&member, &mut |table| {
            tables.push(table);
            Ok(())
        })
        .map_err(|e| e.to_string())?;
        Ok((tables, summary))
    }

    #[test]
    fn lines_make_codes() {
        let (tables, summary) = all(TABLES).unwrap();
        assert_eq!(
            summary,
            Summary {
                tables: 1,
                codes: 5
            }
        );
        let table = &tables[0];
        assert_eq!(table.key, "0SR");
        assert_eq!(table.head[2].definition, "Putting in something of ours");
        let line = table.line_of("0SRD0J9").unwrap();
        assert_eq!(line[2].values, [('J', "Synthetic & ours".to_owned())]);
        assert!(table.line_of("0SRD07Z").is_some());
        // Each value is there, but in no line together.
        for none in ["0SRC07Z", "0SRD0J", "0SRD0J99", "0SPD0J9"] {
            assert_eq!(table.line_of(none), None, "{none}");
        }
    }

    #[test]
    fn recognised_by_content() {
        let found = recognise(&Member::from_bytes("x", TABLES.as_bytes())).unwrap();
        assert_eq!(
            (found.kind, found.edition.as_deref()),
            (Kind::Icd10pcsTables, Some("FY2031"))
        );
    }

    #[test]
    fn bad_files_are_refused_with_their_line() {
        let said = |from: &str, to: &str| {
            let text = TABLES.replacen(from, to, 1);
            assert_ne!(text, TABLES);
            all(&text).unwrap_err()
        };
        assert!(
            said("values=\"2\"", "values=\"3\"")
                .contains("line 11: character 4 has not as many values")
        );
        assert!(said("codes=\"4\"", "codes=\"5\"").contains("makes 4 codes"));
        assert!(said("pos=\"5\"", "pos=\"6\"").contains("character 6 stands out of its order"));
        assert!(said("pos=\"5\"", "pos=\"8\"").contains("without its position"));
        assert!(said("code=\"D\"", "code=\"C\"").contains("value C stands twice"));
        assert!(said("code=\"D\"", "code=\"O\"").contains("no character"));
        assert!(said(">Open<", "><").contains("value 0 has no name"));
        assert!(said("</pcsRow>", "").contains("line "));
        let (head, _) = TABLES.split_once("</pcsRow>").unwrap();
        assert!(all(head).unwrap_err().contains("the file is cut"));
        let bomb = TABLES.replacen("<ICD10PCS", "<!DOCTYPE a [<!ENTITY a 'b'>]><ICD10PCS", 1);
        assert!(all(&bomb).unwrap_err().contains("entities"));
        let (before, rest) = TABLES.split_once("<pcsTable>").unwrap();
        let (table, after) = rest.split_once("</pcsTable>").unwrap();
        let twice =
            format!("{before}<pcsTable>{table}</pcsTable><pcsTable>{table}</pcsTable>{after}");
        assert!(all(&twice).unwrap_err().contains("table 0SR stands twice"));
    }

    proptest! {
        #[test]
        fn no_damage_panics(at in 0usize..2000, with in "[<>/a-zA-Z0-9=\"]{0,4}", cut in 0usize..2500) {
            let mut text = TABLES.to_owned();
            let at = at.min(text.len());
            text.insert_str(at, &with);
            text.truncate(cut.min(text.len()));
            let _ = all(&text);
        }

        #[test]
        fn every_combination_is_a_code(sizes in proptest::collection::vec(1usize..8, 4)) {
            let mut row = format!("<pcsRow codes=\"{}\">", sizes.iter().product::<usize>());
            for (i, size) in sizes.iter().enumerate() {
                row.push_str(&format!("<axis pos=\"{}\" values=\"{size}\"><title>t</title>", i + 4));
                for value in 0..*size {
                    row.push_str(&format!("<label code=\"{value}\">v{value}</label>"));
                }
                row.push_str("</axis>");
            }
            let (head, _) = TABLES.split_once("<pcsRow").unwrap();
            let (tables, _) = all(&format!("{head}{row}</pcsRow></pcsTable></ICD10PCS.tabular>")).unwrap();
            let mut codes = 0;
            for a in 0..8 { for b in 0..8 { for c in 0..8 { for d in 0..8 {
                codes += u64::from(tables[0].line_of(&format!("0SR{a}{b}{c}{d}")).is_some());
            }}}}
            prop_assert_eq!(codes, tables[0].codes());
        }
    }
}
