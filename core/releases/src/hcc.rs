//! The ICD-10-CM mappings of Medicare's risk adjustment models: into which hierarchical condition categories (HCC) of
//! each model a diagnosis falls.
//!
//! CMS publishes a file for each payment year, first an initial one and later a midyear and final one, as csv and as
//! workbook. Below a title its headings name a model each (`CMS-HCC Model Category V28`), and, further right, whether
//! the model counts the diagnosis for that payment year (`CMS-HCC Model Category V28 for 2026 Payment Year`, `Yes` or
//! `No`). The models change from year to year, so that they are read from the headings and not known here.
//!
//! A payment year is paid by the diagnoses of the calendar year before it (42 CFR 422.310): the file of 2027 speaks for
//! dates of service in 2026. It holds no code that falls into no category of any model.

use std::collections::HashSet;

use chrono::NaiveDate;

use crate::columns::{self, Columns, heading, separator};
use crate::edition::{Found, Kind};
use crate::error::ReadError;
use crate::icd::printed;
use crate::member::Member;
use crate::recognise::Look;
use crate::table::{self, Row};

/// A category of one model into which a diagnosis falls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HccRow {
    /// The diagnosis, without its dot.
    pub code: String,
    /// The model and its version: `CMS-HCC V28`, `CMS-HCC ESRD V24`, `RxHCC V08`.
    pub model: String,
    /// The category's number, as printed.
    pub category: String,
    /// Whether the model counts it for the payment year; `None` where the file has no such column.
    pub counts: Option<bool>,
}

/// What a file held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Diagnoses.
    pub codes: u64,
    /// Categories yielded, over all diagnoses and models.
    pub rows: u64,
}

const DIAGNOSIS: &str = "DIAGNOSIS CODE";
const CATEGORY: &str = "MODEL CATEGORY ";
const FLAG: &str = " PAYMENT YEAR";

/// The file, by its headings; its title or its headings name the payment year.
pub(crate) fn recognise(look: &Look<'_>) -> Option<Found> {
    let at = look.rows.iter().position(|row| is_header(row))?;
    let title: Vec<String> = look.rows[..at]
        .iter()
        .flatten()
        .map(|c| heading(c))
        .collect();
    let title = title.join(" ");
    let flags = look.rows[at].iter().map(|c| heading(c));
    let flagged = flags
        .filter(|h| h.contains(FLAG))
        .find_map(|h| columns::year_in(&h));
    let year = columns::year_in(&title)
        .or(flagged)
        .or_else(|| columns::calendar(&look.member.path).map(|(year, _)| year));
    let said = format!("{title} {}", look.member.path.to_uppercase());
    let stage = if said.contains("INITIAL") {
        " initial"
    } else if said.contains("FINAL") {
        " final"
    } else if said.contains("MIDYEAR") {
        " midyear"
    } else {
        ""
    };
    let mut found = Found::of(Kind::Hcc);
    if let Some(year) = year {
        found.edition = Some(format!("PY{year}{stage}"));
        found.effective = NaiveDate::from_ymd_opt(year - 1, 1, 1);
        found.through = NaiveDate::from_ymd_opt(year - 1, 12, 31);
    }
    Some(found)
}

fn is_header(cells: &[String]) -> bool {
    let mut headings = cells.iter().map(|c| heading(c));
    headings.next().is_some_and(|h| h == DIAGNOSIS) && headings.any(|h| h.contains(CATEGORY))
}

/// A model's columns.
struct Model {
    name: String,
    category: usize,
    counts: Option<usize>,
}

/// `CMS-HCC ESRD Model Category V24` is `CMS-HCC ESRD V24`.
fn model(printed: &str) -> Option<String> {
    let words: Vec<&str> = printed.split_whitespace().collect();
    let at = words.windows(2).position(|w| {
        w[0].eq_ignore_ascii_case("model") && w[1].eq_ignore_ascii_case("category")
    })?;
    let version = words.get(at + 2)?;
    let mut name = words[..at].join(" ");
    if !name.is_empty() {
        name.push(' ');
    }
    Some(name + version)
}

/// The models of the headings, each with the column that says whether it counts.
fn models(cells: &[String]) -> Vec<Model> {
    let mut models: Vec<Model> = Vec::new();
    let mut flags: Vec<(String, usize)> = Vec::new();
    for (column, cell) in cells.iter().enumerate().skip(1) {
        let Some(name) = model(cell) else { continue };
        if heading(cell).contains(FLAG) {
            flags.push((name, column));
        } else if !models.iter().any(|m| m.name == name) {
            models.push(Model {
                name,
                category: column,
                counts: None,
            });
        }
    }
    for model in &mut models {
        let flag = flags.iter().find(|(name, _)| *name == model.name);
        model.counts = flag.map(|(_, column)| *column);
    }
    models
}

/// Reads the categories, in the file's order.
///
/// # Errors
/// A heading that is missing, a cell that is no diagnosis, no category or neither yes nor no, a diagnosis that stands
/// twice, a row that is cut; and whatever `take` returns.
pub fn read<E: From<ReadError>>(
    member: &Member,
    take: &mut dyn FnMut(HccRow) -> Result<(), E>,
) -> Result<Summary, E> {
    let mut bound: Option<(Columns, Vec<Model>)> = None;
    let mut seen = HashSet::new();
    let mut summary = Summary::default();
    table::rows::<E>(member, separator(member), &mut |row| {
        let Some((columns, models)) = &bound else {
            if is_header(row.cells) {
                let headings = row.cells.iter().map(|c| heading(c)).collect();
                let columns = Columns::new(&member.path, row.place(None), headings);
                bound = Some((columns, models(row.cells)));
            }
            return Ok(());
        };
        if columns::note(row, columns) && printed(row.cell(0)).is_none() {
            return Ok(());
        }
        columns::whole(row, columns)?;
        let code = printed(row.cell(0))
            .filter(|p| !p.incomplete)
            .ok_or_else(|| row.error(Some(0), "no ICD-10-CM code"))?
            .key;
        if !seen.insert(code.clone()) {
            return Err(row
                .error(Some(0), format!("code {code} stands twice"))
                .into());
        }
        summary.codes += 1;
        for model in models {
            let Some(category) = category(row, model.category)? else {
                continue;
            };
            let counts = match model.counts {
                Some(column) => yes(row, column)?,
                None => None,
            };
            summary.rows += 1;
            take(HccRow {
                code: code.clone(),
                model: model.name.clone(),
                category,
                counts,
            })?;
        }
        Ok(())
    })?;
    if summary.rows == 0 {
        let what = match bound {
            Some(_) => "it holds headings, but no diagnosis with a category",
            None => "no row is headed Diagnosis Code and names a model's categories",
        };
        return Err(columns::nothing(member, what).into());
    }
    Ok(summary)
}

fn category(row: &Row<'_>, column: usize) -> Result<Option<String>, ReadError> {
    let text = row.cell(column);
    if text.is_empty() {
        return Ok(None);
    }
    if text.len() > 4 || !text.bytes().all(|b| b.is_ascii_digit()) {
        let what = format!("{:?} is no category", columns::short(text));
        return Err(row.error(Some(column), what));
    }
    Ok(Some(text.to_owned()))
}

fn yes(row: &Row<'_>, column: usize) -> Result<Option<bool>, ReadError> {
    match row.cell(column).to_ascii_lowercase().as_str() {
        "" => Ok(None),
        "yes" => Ok(Some(true)),
        "no" => Ok(Some(false)),
        other => {
            let what = format!("{:?} is neither Yes nor No", columns::short(other));
            Err(row.error(Some(column), what))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recognise::recognise;
    use proptest::prelude::*;

    /// In the publisher's layout, made up: two models, one of them with a flag, headings with line ends in them.
    const FILE: &str = "\"2031 Midyear/Final ICD-10-CM Mappings, made up\",,,,\n,,,,\n\
        \"Diagnosis\nCode\",Description,\"CMS-HCC ESRD Model\nCategory V99\",CMS-HCC Model Category V98,\"CMS-HCC Model Category V98\nfor 2031 Payment Year\"\n\
        B20,Ours,1,2,Yes\nM5450,Ours,,7,No\nZ992,Ours,134,,\nA note of ours,,,,\n";

    fn all(text: &[u8], name: &str) -> Result<(Vec<HccRow>, Summary), String> {
        let mut rows = Vec::new();
        let summary = read::<ReadError>(&Member::from_bytes(name, text), &mut |row| {
            rows.push(row);
            Ok(())
        })
        .map_err(|e| e.to_string())?;
        Ok((rows, summary))
    }

    #[test]
    fn models_are_read_from_their_headings() {
        let (rows, summary) = all(FILE.as_bytes(), "m.csv").unwrap();
        assert_eq!(summary, Summary { codes: 3, rows: 4 });
        let shown: Vec<String> = rows
            .iter()
            .map(|r| format!("{} {} {} {:?}", r.code, r.model, r.category, r.counts))
            .collect();
        assert_eq!(
            shown,
            [
                "B20 CMS-HCC ESRD V99 1 None",
                "B20 CMS-HCC V98 2 Some(true)",
                "M5450 CMS-HCC V98 7 Some(false)",
                "Z992 CMS-HCC ESRD V99 134 None",
            ]
        );
    }

    #[test]
    fn a_payment_year_speaks_for_the_year_before() {
        let found = recognise(&Member::from_bytes("m.csv", FILE.as_bytes())).unwrap();
        assert_eq!(found.kind, Kind::Hcc);
        assert_eq!(found.edition.as_deref(), Some("PY2031 final"));
        assert_eq!(found.effective, NaiveDate::from_ymd_opt(2030, 1, 1));
        assert_eq!(found.through, NaiveDate::from_ymd_opt(2030, 12, 31));
        let untitled = FILE.split_once("\n,,,,\n").unwrap().1;
        let found = recognise(&Member::from_bytes(
            "2031-initial-mappings.zip!m.csv",
            untitled.as_bytes(),
        ));
        assert_eq!(found.unwrap().edition.as_deref(), Some("PY2031 initial"));
    }

    #[test]
    fn bad_files_are_refused_with_their_line() {
        let said =
            |from: &str, to: &str| all(FILE.replacen(from, to, 1).as_bytes(), "m.csv").unwrap_err();
        assert!(said("B20", "B2?").contains("line 7"));
        assert!(said("Yes", "Perhaps").contains("neither Yes nor No"));
        assert!(said("134", "13X").contains("line 9: \"13X\" is no category"));
        assert!(said("M5450", "B20").contains("code B20 stands twice"));
        assert!(said("Z992,Ours,134,,", "Z992,Ours,134").contains("ends after 3 of 5 columns"));
        assert!(said("Diagnosis", "Diagnoses").contains("no row is headed"));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0usize..400) {
            let _ = all(&bytes, "m.csv");
            let _ = all(&FILE.as_bytes()[..cut.min(FILE.len())], "m.csv");
        }

        #[test]
        fn rows_come_back(categories in proptest::collection::vec(proptest::option::of(1u16..500), 1..40)) {
            let mut text = "Diagnosis Code,Description,RxHCC Model Category V08\n".to_owned();
            for (i, category) in categories.iter().enumerate() {
                let category = category.map_or(String::new(), |c| c.to_string());
                text.push_str(&format!("A{i:02}0,Ours,{category}\n"));
            }
            let expected: Vec<String> = categories.iter().flatten().map(u16::to_string).collect();
            match all(text.as_bytes(), "m.csv") {
                Ok((rows, _)) => prop_assert_eq!(rows.into_iter().map(|r| r.category).collect::<Vec<_>>(), expected),
                Err(said) => prop_assert!(expected.is_empty(), "{}", said),
            }
        }
    }
}
