//! The ICD-10-CM conversion table: each code that was added since the code set began, when, and what it was coded as
//! before.
//!
//! A workbook of three columns below a notice. The effective date is a year (then October 1 of it) or a date. The
//! previous assignment is written for people: codes, lists, ranges, categories, or none; it is kept verbatim, and the
//! codes in it are read out.

use chrono::{Days, NaiveDate};

use crate::edition::{Found, Kind};
use crate::error::{Place, ReadError};
use crate::icd::{april_of, dated, printed};
use crate::member::Member;
use crate::recognise::Look;
use crate::table::{self, Separator};

/// A code or a range of codes, without dots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The first code.
    pub first: String,
    /// The last code of a range, with all below it; `None` for a single code.
    pub last: Option<String>,
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversion {
    /// The code that was added, without its dot.
    pub code: String,
    /// The first day on which it could be assigned.
    pub effective: NaiveDate,
    /// What was assigned before, verbatim; `None` says the table where there was nothing.
    pub previous: String,
    /// The codes in `previous`.
    pub spans: Vec<Span>,
}

/// What a file held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows, without those that stand twice.
    pub rows: u64,
    /// Rows that stand twice, word for word: the publisher's table has some.
    pub twice: u64,
}

/// The columns: new code, date, previous codes.
fn headings(cells: &[String]) -> Result<[usize; 3], &'static str> {
    const WANTED: [(&str, &str); 3] = [
        ("current code", "Current code assignment"),
        ("effective", "Effective"),
        ("previous code", "Previous Code(s) Assignment"),
    ];
    let mut columns = [0; 3];
    for (column, (begins, name)) in columns.iter_mut().zip(WANTED) {
        let is = |c: &String| {
            c.to_lowercase()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
                .starts_with(begins)
        };
        *column = cells.iter().position(is).ok_or(name)?;
    }
    Ok(columns)
}

fn is_heading(cells: &[String]) -> bool {
    // One of them may be missing or renamed, and the reader then says which.
    let begins = |w: &str| {
        cells
            .iter()
            .any(|c| c.to_lowercase().starts_with(w) && c.len() < 60)
    };
    [
        begins("current code"),
        begins("effective"),
        begins("previous code"),
    ]
    .iter()
    .filter(|b| **b)
    .count()
        >= 2
}

/// A conversion table; its notice says of which fiscal year, and whether it is April's.
pub(crate) fn recognise(look: &Look<'_>) -> Option<Found> {
    look.rows.iter().find(|r| is_heading(r))?;
    let notice: Vec<&str> = look
        .rows
        .iter()
        .take_while(|r| !is_heading(r))
        .flatten()
        .map(String::as_str)
        .collect();
    let notice = notice.join(" ").to_lowercase();
    let year = notice
        .split("fy")
        .skip(1)
        .find_map(|rest| rest.trim_start().get(..4)?.parse().ok());
    let found = Found::of(Kind::Icd10cmConversion);
    Some(match year {
        Some(year) if notice.contains(&format!("april 1, {year} update")) => april_of(found, year),
        Some(year) => found.fiscal_year(year),
        None => dated(found, look.member, None),
    })
}

/// Reads a conversion table, row by row.
///
/// # Errors
/// A missing column, a cell that is no code or no date, a table without rows, and whatever `take` returns.
pub fn read<E: From<ReadError>>(
    member: &Member,
    take: &mut dyn FnMut(Conversion) -> Result<(), E>,
) -> Result<Summary, E> {
    let mut summary = Summary::default();
    let mut columns: Option<[usize; 3]> = None;
    let mut seen: std::collections::HashSet<(String, NaiveDate, String)> =
        std::collections::HashSet::new();
    table::rows::<E>(member, Separator::Comma, &mut |row| {
        let Some([code, date, previous]) = columns else {
            if is_heading(row.cells) {
                let bound = headings(row.cells)
                    .map_err(|name| row.error(None, format!("the column \"{name}\" is missing")))?;
                columns = Some(bound);
            }
            return Ok(());
        };
        if row.is_blank() {
            return Ok(());
        }
        let key = printed(row.cell(code))
            .filter(|p| !p.incomplete)
            .ok_or_else(|| row.error(Some(code), "no ICD-10-CM code"))?
            .key;
        let effective = day(row.cell(date))
            .ok_or_else(|| row.error(Some(date), "neither a year nor a date"))?;
        let text = row.cell(previous);
        if text.is_empty() {
            return Err(row
                .error(
                    Some(previous),
                    "no previous assignment; where there is none, the table says None",
                )
                .into());
        }
        if !seen.insert((key.clone(), effective, text.to_owned())) {
            summary.twice += 1;
            return Ok(());
        }
        summary.rows += 1;
        take(Conversion {
            code: key,
            effective,
            previous: text.to_owned(),
            spans: spans(text),
        })
    })?;
    if columns.is_none() || summary.rows == 0 {
        let what = "it holds no row below the headings of a conversion table";
        return Err(ReadError::damaged(&member.path, Place::Whole, what).into());
    }
    Ok(summary)
}

/// A year is October 1 of it; a date is itself, also where a workbook holds it as a number of days.
fn day(text: &str) -> Option<NaiveDate> {
    if let Ok(number) = text.parse::<u32>() {
        return match number {
            2010..2100 => NaiveDate::from_ymd_opt(number as i32, 10, 1),
            // Days since 1899-12-30, for 2010 to 2099.
            40_179..73_051 => {
                NaiveDate::from_ymd_opt(1899, 12, 30)?.checked_add_days(Days::new(number.into()))
            }
            _ => None,
        };
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .or_else(|_| NaiveDate::parse_from_str(text, "%m/%d/%Y"))
        .ok()
        .filter(|d| *d >= NaiveDate::from_ymd_opt(2010, 1, 1).unwrap_or_default())
}

/// The codes and ranges in a text such as `H02.101-H02.106; H02.109`.
fn spans(text: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    for word in text.split(|c: char| c.is_whitespace() || [',', ';', '&'].contains(&c)) {
        match word.split_once('-') {
            Some((first, last)) if !last.is_empty() => {
                if let (Some(first), Some(last)) = (printed(first), printed(last)) {
                    spans.push(Span {
                        first: first.key,
                        last: Some(last.key),
                    });
                }
            }
            _ => {
                if let Some(code) = printed(word) {
                    let last = code.incomplete.then(|| code.key.clone());
                    spans.push(Span {
                        first: code.key,
                        last,
                    });
                }
            }
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recognise::recognise;
    use proptest::prelude::*;

    const TABLE: &str = "\"Ours for FY 2031 (October 1, 2030 Update), current code and so on\",,\n\
        Current code assignment,Effective,Previous Code(s) Assignment\n\
        A04.71 ,2017,A04.7\n\
        H02.151,45017,\"H02.101-H02.106; H02.109\"\n\
        P91.821,2023-04-01,I63.- and P91.88\n\
        U07.1,2020,None\n\
        W44.A0XA,2023,Codes in Categories T15-T19\n\
        U07.1,2020,None\n";

    fn all(text: &str) -> Result<(Vec<Conversion>, Summary), String> {
        let mut rows = Vec::new();
        let summary = read::<ReadError>(&Member::from_bytes("c.csv", text.as_bytes()), &mut |c| {
            rows.push(c);
            Ok(())
        })
        .map_err(|e| e.to_string())?;
        Ok((rows, summary))
    }

    #[test]
    fn rows_dates_and_ranges() {
        let (rows, summary) = all(TABLE).unwrap();
        assert_eq!((summary.rows, summary.twice), (5, 1));
        let day = |y, m, d| NaiveDate::from_ymd_opt(y, m, d).unwrap();
        assert_eq!(
            (rows[0].code.as_str(), rows[0].effective),
            ("A0471", day(2017, 10, 1))
        );
        assert_eq!(rows[1].effective, day(2023, 4, 1));
        assert_eq!(rows[2].effective, day(2023, 4, 1));
        let span = |first: &str, last: Option<&str>| Span {
            first: first.into(),
            last: last.map(str::to_owned),
        };
        assert_eq!(
            rows[1].spans,
            [span("H02101", Some("H02106")), span("H02109", None)]
        );
        assert_eq!(
            rows[2].spans,
            [span("I63", Some("I63")), span("P9188", None)]
        );
        assert!(rows[3].spans.is_empty());
        assert_eq!(rows[4].spans, [span("T15", Some("T19"))]);
        assert_eq!(rows[4].previous, "Codes in Categories T15-T19");
    }

    #[test]
    fn columns_are_bound_by_their_headings() {
        let moved = "Effective,Previous Code(s) Assignment,New,Current code assignment\n2017,A04.7,x,A04.71\n";
        assert_eq!(all(moved).unwrap().0[0].code, "A0471");
        let missing = "Current code assignment,Previous Code(s) Assignment\nA04.71,A04.7\n";
        assert!(
            all(missing)
                .unwrap_err()
                .contains("line 1: the column \"Effective\" is missing")
        );
    }

    #[test]
    fn recognised_by_content() {
        let found = |text: &str| recognise(&Member::from_bytes("c.csv", text.as_bytes())).unwrap();
        assert_eq!(
            (found(TABLE).kind, found(TABLE).edition.as_deref()),
            (Kind::Icd10cmConversion, Some("FY2031"))
        );
        let april = found(&TABLE.replace("October 1, 2030", "April 1, 2031"));
        assert_eq!(april.effective, NaiveDate::from_ymd_opt(2031, 4, 1));
    }

    #[test]
    fn bad_cells_are_refused_with_their_line() {
        assert!(
            all(&TABLE.replace("2023-04-01", "2023-02-30"))
                .unwrap_err()
                .contains("line 5: neither a year")
        );
        assert!(
            all(&TABLE.replace("A04.71", "words"))
                .unwrap_err()
                .contains("line 3: no ICD-10-CM code")
        );
        assert!(
            all(&TABLE.replace("2017,A04.7", "2017,"))
                .unwrap_err()
                .contains("line 3: no previous")
        );
        assert!(all(&TABLE[..120]).unwrap_err().contains("no row below"));
        assert!(all("").unwrap_err().contains("no row below"));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[A-Z0-9.,;& -]{0,40}") {
            let _ = spans(&text);
            let _ = day(&text);
            let _ = all(&text);
        }

        #[test]
        fn single_codes_come_back(code in "[A-Z][0-9][0-9]\\.[0-9A-Z]{1,4}") {
            let key = code.replace('.', "");
            prop_assert_eq!(spans(&code), vec![Span { first: key, last: None }]);
        }
    }
}
