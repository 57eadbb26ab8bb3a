//! From what a person calls a place to the payment localities that it may be: a number, a state, a city, a county.

use casebook_releases::gpci::GpciRow;

use crate::{Catalog, CatalogError};

/// A payment locality.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locality {
    /// Its indices, name and numbers.
    pub index: GpciRow,
    /// Its counties as printed; empty where no list of them is loaded.
    pub counties: String,
    /// How its list of counties names it; empty where none is loaded.
    pub area: String,
}

/// States and territories as the fee schedule abbreviates them.
const STATES: [(&str, &str); 54] = [
    ("AK", "ALASKA"),
    ("AL", "ALABAMA"),
    ("AR", "ARKANSAS"),
    ("AZ", "ARIZONA"),
    ("CA", "CALIFORNIA"),
    ("CO", "COLORADO"),
    ("CT", "CONNECTICUT"),
    ("DC", "DISTRICT OF COLUMBIA"),
    ("DE", "DELAWARE"),
    ("FL", "FLORIDA"),
    ("GA", "GEORGIA"),
    ("GU", "GUAM"),
    ("HI", "HAWAII"),
    ("IA", "IOWA"),
    ("ID", "IDAHO"),
    ("IL", "ILLINOIS"),
    ("IN", "INDIANA"),
    ("KS", "KANSAS"),
    ("KY", "KENTUCKY"),
    ("LA", "LOUISIANA"),
    ("MA", "MASSACHUSETTS"),
    ("MD", "MARYLAND"),
    ("ME", "MAINE"),
    ("MI", "MICHIGAN"),
    ("MN", "MINNESOTA"),
    ("MO", "MISSOURI"),
    ("MS", "MISSISSIPPI"),
    ("MT", "MONTANA"),
    ("NC", "NORTH CAROLINA"),
    ("ND", "NORTH DAKOTA"),
    ("NE", "NEBRASKA"),
    ("NH", "NEW HAMPSHIRE"),
    ("NJ", "NEW JERSEY"),
    ("NM", "NEW MEXICO"),
    ("NV", "NEVADA"),
    ("NY", "NEW YORK"),
    ("OH", "OHIO"),
    ("OK", "OKLAHOMA"),
    ("OR", "OREGON"),
    ("PA", "PENNSYLVANIA"),
    ("PR", "PUERTO RICO"),
    ("RI", "RHODE ISLAND"),
    ("SC", "SOUTH CAROLINA"),
    ("SD", "SOUTH DAKOTA"),
    ("TN", "TENNESSEE"),
    ("TX", "TEXAS"),
    ("UT", "UTAH"),
    ("VA", "VIRGINIA"),
    ("VI", "VIRGIN ISLANDS"),
    ("VT", "VERMONT"),
    ("WA", "WASHINGTON"),
    ("WI", "WISCONSIN"),
    ("WV", "WEST VIRGINIA"),
    ("WY", "WYOMING"),
];

/// The abbreviation of a state or territory by its name.
pub(crate) fn abbreviated(name: &str) -> Option<&'static str> {
    STATES
        .iter()
        .find(|(_, known)| known.eq_ignore_ascii_case(name.trim()))
        .map(|(short, _)| *short)
}

/// The state that a text names: by its name, or by its abbreviation in capitals ("in" and "or" are words, too).
pub fn state_in(text: &str) -> Option<&'static str> {
    let upper = format!(" {} ", words(text));
    let typed: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).collect();
    let named = STATES
        .iter()
        .filter(|(_, name)| upper.contains(&format!(" {name} ")));
    // "West Virginia" names both, and means the longer.
    named
        .max_by_key(|(_, name)| name.len())
        .or_else(|| STATES.iter().find(|(code, _)| typed.contains(code)))
        .map(|(code, _)| *code)
}

/// Where a text names a state by its whole name, in bytes; the longest name where several fit.
pub fn state_span(text: &str) -> Option<std::ops::Range<usize>> {
    // The names are ASCII, so upper case of that kind keeps every offset.
    let upper = text.to_ascii_uppercase();
    let inside = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let spans = STATES.iter().flat_map(|(_, name)| {
        let upper = upper.as_str();
        upper
            .match_indices(name)
            .map(|(at, name)| at..at + name.len())
            .filter(|span| {
                !inside(upper[..span.start].chars().next_back())
                    && !inside(upper[span.end..].chars().next())
            })
            .collect::<Vec<_>>()
    });
    spans.max_by_key(std::ops::Range::len)
}

impl Catalog {
    /// The localities that a person may mean by `asked`, the likeliest first: a locality's number, with or without its
    /// contractor's (`13202 01`) or its state (`NY 01`), a state, a locality's name, a county. None where nothing
    /// fits; several where it is ambiguous, which only the person can settle.
    ///
    /// `counties` is the edition of the list of counties, where one is loaded.
    ///
    /// # Errors
    /// SQLite's.
    pub fn localities(
        &self,
        gpci: i64,
        counties: Option<i64>,
        asked: &str,
    ) -> Result<Vec<Locality>, CatalogError> {
        let printed = match counties {
            Some(edition) => self.counties(edition)?,
            None => Vec::new(),
        };
        let all = self
            .all_gpci(gpci)?
            .into_iter()
            .map(|index| {
                let mut rows = printed
                    .iter()
                    .filter(|r| r.contractor == index.contractor && r.locality == index.locality);
                let first = rows.next();
                let mut counties = first.map(|r| r.counties.clone()).unwrap_or_default();
                for more in rows {
                    counties.push_str("; ");
                    counties.push_str(&more.counties);
                }
                let area = first.map(|r| r.area.clone()).unwrap_or_default();
                Locality {
                    index,
                    counties,
                    area,
                }
            })
            .collect();
        Ok(search(all, asked))
    }
}

/// How well a locality fits, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// The whole name.
    Name,
    /// One of its counties, or its area's name.
    County,
    /// The beginning of its name.
    Begins,
    /// Words of its name or counties.
    Within,
    /// Its state.
    State,
}

/// The localities that `asked` may mean, the likeliest first.
pub fn search(all: Vec<Locality>, asked: &str) -> Vec<Locality> {
    let asked = words(asked);
    let (numbers, mut text): (Vec<&str>, Vec<&str>) = asked
        .split(' ')
        .filter(|w| {
            !w.is_empty() && !["COUNTY", "CNTY", "LOCALITY", "CONTRACTOR", "MAC"].contains(w)
        })
        .partition(|w| w.bytes().all(|b| b.is_ascii_digit()));
    if numbers.is_empty() && text.is_empty() {
        return Vec::new();
    }
    let state = trailing_state(&mut text);
    let text = text.join(" ");
    let mut found: Vec<(Fit, Locality)> = all
        .into_iter()
        .filter(|l| numbers.iter().all(|n| numbered(l, n)))
        .filter(|l| state.is_none_or(|s| l.index.state == s))
        .filter_map(|l| {
            if text.is_empty() {
                return Some((Fit::State, l));
            }
            fit(&l, &text).map(|fit| (fit, l))
        })
        .collect();
    // A locality's whole name is meant as such, though the words stand in others' as well: "Virginia".
    if found.iter().any(|(fit, _)| *fit == Fit::Name) {
        found.retain(|(fit, _)| *fit == Fit::Name);
    }
    found.sort_by_key(|(fit, _)| *fit);
    found.into_iter().map(|(_, l)| l).collect()
}

/// Takes a state off the end of several words: `MIAMI FLORIDA`, `MANHATTAN NY`. A state alone, and `WEST VIRGINIA`,
/// stay as they are.
fn trailing_state(text: &mut Vec<&str>) -> Option<&'static str> {
    let whole = text.join(" ");
    if STATES
        .iter()
        .any(|(code, name)| whole == *name || whole == *code)
    {
        return None;
    }
    for (code, name) in STATES {
        for ending in [code, name] {
            let count = ending.split(' ').count();
            if text.len() > count && text[text.len() - count..].join(" ") == ending {
                text.truncate(text.len() - count);
                return Some(code);
            }
        }
    }
    None
}

fn numbered(locality: &Locality, number: &str) -> bool {
    let (contractor, own) = (&locality.index.contractor, &locality.index.locality);
    match number.len() {
        1 | 2 => format!("{number:0>2}") == *own,
        4 | 5 => format!("{number:0>5}") == *contractor,
        7 => number[..5] == **contractor && number[5..] == **own,
        _ => false,
    }
}

fn fit(locality: &Locality, text: &str) -> Option<Fit> {
    let state = &locality.index.state;
    let is_state = STATES
        .iter()
        .any(|(code, name)| code == state && (text == *code || text == *name));
    // Two letters are a state, and not words to look for.
    if text.len() == 2 {
        return is_state.then_some(Fit::State);
    }
    let (name, area) = (words(&locality.index.name), words(&locality.area));
    // "ALL COUNTIES, EXCEPT ..." names those that it does not have.
    let counties = locality.counties.to_uppercase();
    let counties = counties.split("EXCEPT").next().unwrap_or_default();
    let county = counties
        .split([',', '/', ';'])
        .flat_map(|part| part.split(" AND "))
        .any(|c| words(c) == text);
    let within = |longer: &str| format!(" {longer} ").contains(&format!(" {text} "));
    let begins = |longer: &str| format!("{longer} ").starts_with(&format!("{text} "));
    if name == text {
        Some(Fit::Name)
    } else if county || area == text {
        Some(Fit::County)
    } else if begins(&name) || begins(&area) {
        Some(Fit::Begins)
    } else if within(&name) || within(&area) || within(&words(counties)) {
        Some(Fit::Within)
    } else {
        is_state.then_some(Fit::State)
    }
}

/// Capital letters and digits, one space between words.
fn words(text: &str) -> String {
    let plain: String = text
        .chars()
        .filter(|c| *c != '\'' && *c != '.')
        .map(|c| if c.is_alphanumeric() { c } else { ' ' })
        .collect();
    plain
        .to_uppercase()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}
