//! The text files that lie beside csv and xlsx in the archives of the fee schedule: the same rows in fixed columns, without
//! headings.
//!
//! A line is cut into the cells of the csv form, under that form's headings, so that one reader reads both. The record
//! layout is printed in the PDF of the same archive, which was not at hand: the positions here were measured on lines of
//! the files of October 2025. They are not trusted blindly: a line must fit them, and a relative value's printed totals
//! must be the sums of its parts, or the file is refused in favour of its csv or xlsx. Of 2026 the place of the pricing
//! indicator was not seen; it is taken to stand before the endoscopic base.
//!
//! The file of localities and counties is not read in this form.

use crate::columns;
use crate::edition::{Found, Kind};
use crate::error::{Place, ReadError};
use crate::icd::field;
use crate::member::{Form, Member};
use crate::recognise::Look;
use crate::relative_values::{calendar_year, qpp, quarter};
use crate::table::{self, Row};

/// What helps where a line does not fit.
pub(crate) const OTHER_FORM: &str = "load the csv or xlsx file of the same archive";

type Cells = Vec<String>;

struct Layout {
    kind: Kind,
    headings: &'static [&'static str],
    /// A line's cells; `None` where it is no line of this layout.
    cells: fn(&str) -> Option<Cells>,
}

const LAYOUTS: [Layout; 4] = [
    Layout {
        kind: Kind::RelativeValues,
        headings: &[
            "HCPCS",
            "MOD",
            "DESCRIPTION",
            "STATUS CODE",
            "NOT USED FOR MEDICARE PAYMENT",
            "WORK RVU",
            "NON-FAC PE RVU",
            "NON-FAC NA INDICATOR",
            "FACILITY PE RVU",
            "FACILITY NA INDICATOR",
            "MP RVU",
            "NON-FACILITY TOTAL",
            "FACILITY TOTAL",
            "PCTC IND",
            "GLOB DAYS",
            "PRE OP",
            "INTRA OP",
            "POST OP",
            "MULT PROC",
            "BILAT SURG",
            "ASST SURG",
            "CO-SURG",
            "TEAM SURG",
            "PRIC IND",
            "ENDO BASE",
            "CONV FACTOR",
            "PHYSICIAN SUPERVISION OF DIAGNOSTIC PROCEDURES",
            "CALCULATION FLAG",
            "DIAGNOSTIC IMAGING FAMILY INDICATOR",
            "NON-FACILITY PE USED FOR OPPS PAYMENT AMOUNT",
            "FACILITY PE USED FOR OPPS PAYMENT AMOUNT",
            "MP USED FOR OPPS PAYMENT AMOUNT",
        ],
        cells: relative_value,
    },
    Layout {
        kind: Kind::Gpci,
        headings: &[
            "MEDICARE ADMINISTRATIVE CONTRACTOR (MAC)",
            "STATE",
            "LOCALITY NUMBER",
            "LOCALITY NAME",
            "PW GPCI",
            "PE GPCI",
            "MP GPCI",
        ],
        cells: index,
    },
    Layout {
        kind: Kind::OppsCap,
        headings: &[
            "HCPCS",
            "MOD",
            "PROCSTAT",
            "CARRIER",
            "LOCALITY",
            "FACILITY PRICE",
            "NON-FACILITY PRICE",
        ],
        cells: cap,
    },
    Layout {
        kind: Kind::Anesthesia,
        headings: &["CONTRACTOR", "LOCALITY", "LOCALITY NAME", "ANES CF"],
        cells: factor,
    },
];

fn trimmed(line: &str, from: usize, to: usize) -> String {
    field(line, from, to).trim().to_owned()
}

/// A figure with a decimal point.
fn figure(text: &str) -> bool {
    text.split_once('.').is_some_and(|(whole, rest)| {
        let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
        digits(whole) && digits(rest) && !rest.is_empty()
    })
}

fn digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|b| b.is_ascii_digit())
}

fn coded(text: &str) -> bool {
    text.len() == 5
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
        && text.bytes().any(|b| b.is_ascii_digit())
}

/// `NA` before a figure, and the figure.
fn with_na(text: &str) -> (String, String) {
    let text = text.trim();
    match text.strip_prefix("NA") {
        Some(rest) => ("NA".to_owned(), rest.trim().to_owned()),
        None => (String::new(), text.to_owned()),
    }
}

/// `.25` is 0.25.
fn share(line: &str, from: usize) -> String {
    let text = trimmed(line, from, from + 3);
    if text.starts_with('.') {
        format!("0{text}")
    } else {
        text
    }
}

fn relative_value(line: &str) -> Option<Cells> {
    let one = |at: usize| trimmed(line, at, at + 1);
    let work = trimmed(line, 58, 65);
    let (not_used, work) = match work.strip_prefix('+') {
        Some(rest) => ("+", rest.trim().to_owned()),
        None => ("", work),
    };
    let (na_non_facility, pe_facility) = with_na(field(line, 72, 81));
    let (na_facility, mp) = with_na(field(line, 81, 89));
    // Behind the five indicators: since 2026 the pricing indicator, the base of an endoscopy, the conversion factor.
    let tail = field(line, 120, 140);
    let mut words: Vec<&str> = tail.split_whitespace().collect();
    let conversion = words.pop()?.to_owned();
    let (pricing, base) = match words[..] {
        [] => ("", ""),
        [one] if one.len() == 1 => (one, ""),
        [base] if base.len() == 5 => ("", base),
        [both] if both.len() == 6 && both.is_ascii() => both.split_at(1),
        [one, base] if one.len() == 1 && base.len() == 5 => (one, base),
        _ => return None,
    };
    let cells = vec![
        trimmed(line, 0, 5),
        trimmed(line, 5, 7),
        // The description is CPT's or CDT's, and is not read.
        String::new(),
        one(57),
        not_used.to_owned(),
        work,
        trimmed(line, 65, 72),
        na_non_facility,
        pe_facility,
        na_facility,
        mp,
        trimmed(line, 89, 96),
        trimmed(line, 96, 102),
        one(102),
        trimmed(line, 103, 106),
        share(line, 106),
        share(line, 109),
        share(line, 112),
        one(115),
        one(116),
        one(117),
        one(118),
        one(119),
        pricing.to_owned(),
        base.to_owned(),
        conversion,
        trimmed(line, 140, 143),
        one(143),
        trimmed(line, 144, 147),
        trimmed(line, 147, 157),
        trimmed(line, 157, 164),
        trimmed(line, 164, 171),
    ];
    let figures = [5, 6, 8, 10, 11, 12, 15, 16, 17, 25, 29, 30, 31];
    let fits = coded(&cells[0])
        && cells[3].bytes().all(|b| b.is_ascii_uppercase())
        && !cells[3].is_empty()
        && figures.iter().all(|i| figure(&cells[*i]));
    fits.then_some(cells)
}

fn index(line: &str) -> Option<Cells> {
    let cells = vec![
        trimmed(line, 0, 5),
        trimmed(line, 16, 18),
        trimmed(line, 24, 26),
        trimmed(line, 28, 118),
        trimmed(line, 118, 126),
        trimmed(line, 126, 138),
        trimmed(line, 138, 150),
    ];
    let fits = digits(&cells[0], 5)
        && digits(&cells[2], 2)
        && !cells[3].is_empty()
        && cells[4..].iter().all(|c| figure(c));
    fits.then_some(cells)
}

fn cap(line: &str) -> Option<Cells> {
    let cells = vec![
        trimmed(line, 0, 5),
        trimmed(line, 5, 7),
        trimmed(line, 7, 10),
        trimmed(line, 10, 15),
        trimmed(line, 15, 20),
        trimmed(line, 20, 28),
        trimmed(line, 28, 38),
    ];
    let fits = coded(&cells[0])
        && cells[2].len() == 1
        && digits(&cells[3], 5)
        && digits(&cells[4], 2)
        && cells[5..].iter().all(|c| figure(c));
    fits.then_some(cells)
}

/// The factor is printed in cents.
fn factor(line: &str) -> Option<Cells> {
    let cents = trimmed(line, 70, 80);
    let (dollars, rest) = cents.split_at_checked(cents.len().checked_sub(2)?)?;
    let cells = vec![
        trimmed(line, 0, 5),
        trimmed(line, 5, 16),
        trimmed(line, 16, 70),
        format!("{dollars}.{rest}"),
    ];
    let fits =
        digits(&cells[0], 5) && digits(&cells[1], 2) && !cells[2].is_empty() && digits(&cents, 4);
    fits.then_some(cells)
}

/// The layout of a text, by its first lines: some fit it, and between those and the end of the look nothing else stands.
fn layout(text: &str) -> Option<&'static Layout> {
    // The look may cut the last line.
    let lines = || text.lines().take(40).filter(|l| !l.trim().is_empty());
    let several = lines().count() > 3;
    LAYOUTS.iter().find(|layout| {
        let fit: Vec<bool> = lines().map(|l| (layout.cells)(l).is_some()).collect();
        let first = fit.iter().position(|fits| *fits);
        first.is_some_and(|first| {
            let rest = &fit[first..];
            let whole = rest.len() - usize::from(several);
            rest[..whole.max(1)].iter().all(|fits| *fits)
        })
    })
}

fn of(member: &Member) -> Option<&'static Layout> {
    (member.form == Form::Text).then(|| layout(&member.head_text()))?
}

/// Whether a file is the fixed form of a kind.
pub(crate) fn is(member: &Member, kind: Kind) -> bool {
    of(member).is_some_and(|layout| layout.kind == kind)
}

/// The fixed form of one of the files; the year stands in its notice or in a name.
pub(crate) fn recognise(look: &Look<'_>) -> Option<Found> {
    let layout = of(look.member)?;
    let named = columns::calendar(&look.member.path);
    let notice: Vec<&str> = look
        .text
        .lines()
        .take_while(|l| (layout.cells)(l).is_none())
        .take(40)
        .collect();
    let notice = notice.join(" ");
    let found = Found::of(layout.kind);
    Some(match layout.kind {
        Kind::RelativeValues | Kind::OppsCap => {
            let titled = notice.to_uppercase().contains("RELATIVE VALUE FILE");
            let said = titled.then(|| {
                let month = notice.split_whitespace().find_map(columns::month);
                Some((columns::year_in(&notice)?, month?))
            });
            let named = named.and_then(|(year, month)| Some((year, month?)));
            let mut found = match said.flatten().or(named) {
                Some((year, month)) => quarter(found, year, month),
                None => found,
            };
            found.part = qpp(&look.member.name()).to_owned();
            found
        }
        _ => calendar_year(
            found,
            columns::year_in(&notice).or(named.map(|(year, _)| year)),
        ),
    })
}

/// Yields a file's rows as [`table::rows`] does; of one in the fixed form first the headings of its csv form, then its
/// lines as that form's rows.
///
/// # Errors
/// A line that does not fit its layout, and those of [`table::rows`].
pub(crate) fn rows<E: From<ReadError>>(
    member: &Member,
    kind: Kind,
    take: &mut dyn FnMut(&Row<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let Some(layout) = of(member).filter(|layout| layout.kind == kind) else {
        return table::rows(member, columns::separator(member), take);
    };
    let headings: Vec<String> = layout.headings.iter().map(|h| (*h).to_owned()).collect();
    take(&Row::of_line(&member.path, 0, &headings))?;
    let mut begun = false;
    let mut lines = member.lines()?;
    while let Some((number, line)) = lines.next()? {
        if let Some(cells) = (layout.cells)(line) {
            begun = true;
            take(&Row::of_line(&member.path, number, &cells))?;
        } else if line.trim_start().starts_with('*') {
            // A footnote, which the csv form has in one cell.
            take(&Row::of_line(
                &member.path,
                number,
                &[line.trim().to_owned()],
            ))?;
        } else if begun && !line.trim().is_empty() {
            let what = "the line does not fit the columns of this file";
            let place = Place::Line(number);
            return Err(ReadError::new(&member.path, place, what, OTHER_FORM).into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recognise::recognise;
    use crate::relative_values::{self, RelativeValue};
    use crate::{anesthesia, gpci, opps_cap};
    use proptest::prelude::*;

    /// A line of October 2025 as it is published, but for its description.
    const REAL: &str = "00100                                                    J   0.00   0.00     0.00    0.00   0.00  0.009XXX.00.00.0099999             32.3465 090 99      0.00   0.00   0.00";

    /// A line of our own. `mark` stands where the description does; `tail` between the indicators and the factor.
    fn line(
        code: &str,
        na: (&str, &str),
        figures: [&str; 6],
        indicators: &str,
        tail: &str,
    ) -> String {
        let [
            work,
            non_facility,
            facility,
            mp,
            total_non_facility,
            total_facility,
        ] = figures;
        format!(
            "{code:<7}{:<50}A {work:>6}{non_facility:>7}{:<2}{facility:>7}{:<2}{mp:>6}{total_non_facility:>7}{total_facility:>6}{indicators}{tail:<13}32.3465 090 99{:>10}{:>7}{:>7}",
            "LICENSED", na.0, na.1, "1.00", "2.00", "3.00"
        )
    }

    fn read(name: &str, text: &str) -> Result<Vec<RelativeValue>, String> {
        let mut rows = Vec::new();
        relative_values::read::<ReadError>(
            &Member::from_bytes(name, text.as_bytes()),
            &mut |row| {
                rows.push(row);
                Ok(())
            },
        )
        .map_err(|e| e.to_string())?;
        Ok(rows)
    }

    #[test]
    fn values_in_fixed_columns() {
        let imaging = line(
            "70450TC",
            ("", "NA"),
            ["0.00", "2.04", "2.04", "0.01", "2.05", "2.05"],
            "1XXX.00.00.0040000",
            "",
        );
        let scope = line(
            "45380",
            ("NA", ""),
            ["3.56", "9.11", "2.02", "0.42", "13.09", "6.00"],
            "0000.10.80.1030010",
            "45378",
        );
        let text = format!(
            "HDR2025 National Physician Fee Schedule Relative Value File October Release\r\nHDRA notice\r\n{REAL}\r\n{imaging}\r\n{scope}\r\n"
        );
        let member = Member::from_bytes("PPRRVU2025_Oct.txt", text.as_bytes());
        let found = recognise(&member).unwrap();
        assert_eq!(
            (found.kind, found.edition.as_deref()),
            (Kind::RelativeValues, Some("RVU25D"))
        );
        let rows = read("PPRRVU2025_Oct.txt", &text).unwrap();
        assert_eq!(rows.len(), 3);
        let [first, second, third] = &rows[..] else {
            panic!("{rows:?}")
        };
        assert_eq!(
            (first.code.as_str(), first.status, first.global.as_str()),
            ("00100", 'J', "XXX")
        );
        assert_eq!(
            (first.supervision.as_str(), first.imaging_family.as_str()),
            ("09", "99")
        );
        assert_eq!((first.multiple.as_str(), first.team.as_str()), ("9", "9"));
        assert_eq!(
            (
                second.modifier.as_str(),
                second.na_facility,
                second.na_non_facility
            ),
            ("TC", true, false)
        );
        assert_eq!(second.total_facility.to_string(), "2.05");
        assert_eq!(
            (third.na_non_facility, third.endoscopic_base.as_str()),
            (true, "45378")
        );
        assert_eq!(
            (
                third.pre.to_string().as_str(),
                third.intra.to_string().as_str()
            ),
            ("0.10", "0.80")
        );
        assert_eq!(third.opps_mp.to_string(), "3.00");
        assert!(!format!("{rows:?}").contains("LICENSED"));
        // With the pricing indicator before the base.
        let priced = scope.replace("45378        ", "945378       ");
        assert_ne!(priced, scope);
        let rows = read("PPRRVU2026_Oct.txt", &format!("{REAL}\n{priced}\n")).unwrap();
        assert_eq!(
            (rows[1].pricing.as_str(), rows[1].endoscopic_base.as_str()),
            ("9", "45378")
        );
    }

    #[test]
    fn other_columns_are_refused() {
        let good = line(
            "99213",
            ("", ""),
            ["1.30", "1.35", "0.57", "0.10", "2.75", "1.97"],
            "0XXX.00.00.0000000",
            "",
        );
        assert_eq!(
            read("PPRRVU2025_Oct.txt", &format!("{REAL}\n{good}\n"))
                .unwrap()
                .len(),
            2
        );
        // A figure moved to its neighbour's place: the totals say so.
        let moved = good.replace("  1.35     0.57", "  0.57     1.35");
        assert_ne!(moved, good);
        let said = read("PPRRVU2025_Oct.txt", &format!("{REAL}\n{moved}\n")).unwrap_err();
        assert!(
            said.contains("line 2") && said.contains("load the csv or xlsx"),
            "{said}"
        );
        let other = |n: u8| REAL.replacen("00100", &format!("0010{n}"), 1);
        // A line that was cut, and one that is shifted.
        for bad in [&good[..130], &format!(" {good}")] {
            let said = read(
                "PPRRVU2025_Oct.txt",
                &format!(
                    "{REAL}\n{}\n{}\n{}\n{good}\n{bad}",
                    other(1),
                    other(2),
                    other(3)
                ),
            )
            .unwrap_err();
            assert!(said.contains("line 6"), "{said}");
        }
    }

    #[test]
    fn the_other_files() {
        let text = "ADDENDUM E. FINAL CY 2025 GEOGRAPHIC PRACTICE COST INDICES (GPCIs)\n\n\
            10112           AL      00   ALABAMA                                                                                     1.000       0.869       0.575\n\
            02102           AK      01   ALASKA*                                                                                     1.500       1.081       0.592\n\n\
            *A footnote of ours.\n";
        let member = Member::from_bytes("GPCI2025.txt", text.as_bytes());
        let found = recognise(&member).unwrap();
        assert_eq!(
            (found.kind, found.edition.as_deref()),
            (Kind::Gpci, Some("2025"))
        );
        let rows = gpci::read(&member).unwrap();
        assert_eq!(
            (rows[1].name.as_str(), rows[1].work.to_string().as_str()),
            ("ALASKA", "1.500")
        );
        assert_eq!(rows[1].note, "A footnote of ours.");

        let text = "0633TTC C 01112  05   150.69    150.69\n0633TTC C 01112  09   152.38    152.38\n70450TC A 01112  09    90.00     91.00\n";
        let member = Member::from_bytes("rvu25d.zip!OPPSCAP_Oct.txt", text.as_bytes());
        let found = recognise(&member).unwrap();
        assert_eq!(
            (found.kind, found.edition.as_deref()),
            (Kind::OppsCap, Some("RVU25D"))
        );
        let mut rows = Vec::new();
        opps_cap::read::<ReadError>(&member, &mut |row| {
            rows.push(row);
            Ok(())
        })
        .unwrap();
        assert_eq!(
            (rows[2].code.as_str(), rows[2].modifier.as_str()),
            ("70450", "TC")
        );
        assert_eq!(
            (
                rows[2].facility.to_string(),
                rows[2].non_facility.to_string()
            ),
            ("90.00".into(), "91.00".into())
        );

        let text = "10112       00    ALABAMA                                                1931\n02102       01    ALASKA                                                 2786\n";
        let member = Member::from_bytes("ANES2025.txt", text.as_bytes());
        let found = recognise(&member).unwrap();
        assert_eq!(
            (found.kind, found.edition.as_deref()),
            (Kind::Anesthesia, Some("2025"))
        );
        let file = anesthesia::read(&member).unwrap();
        assert_eq!(file.rows[1].factor.to_string(), "27.86");
        assert_eq!(file.national, None);
    }

    /// The published values of 2025, cut into these columns and read again.
    #[test]
    fn the_real_values_survive_these_columns() {
        let folder = std::env::var_os("CASEBOOK_SHARED").map_or_else(
            || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
            std::path::PathBuf::from,
        );
        let path = folder.join("data/rvu/PPRRVU2025_Oct.no-descriptions.csv.gz");
        if !path.is_file() {
            eprintln!("skipped: {} is not there", path.display());
            return;
        }
        let mut text = String::new();
        let file = fs_err::File::open(path).unwrap();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(file), &mut text).unwrap();
        let expected = read("PPRRVU2025_Oct.csv", &text).unwrap();
        let fixed: String = expected
            .iter()
            .map(|v| {
                let na = |is: bool| if is { "NA" } else { "" };
                let share = |d: rust_decimal::Decimal| d.to_string()[1..].to_owned();
                format!(
                    "{:<5}{:<2}{:50}{}{:<1}{:>6}{:>7}{:<2}{:>7}{:<2}{:>6}{:>7}{:>6}{}{}{}{}{}{}{}{}{}{}{:<13}{:>7} {:<2}{} {:<2}{:>10}{:>7}{:>7}\n",
                    v.code, v.modifier, "", v.status, if v.not_used { "+" } else { "" }, v.work, v.pe_non_facility,
                    na(v.na_non_facility), v.pe_facility, na(v.na_facility), v.mp, v.total_non_facility,
                    v.total_facility, v.pctc, v.global, share(v.pre), share(v.intra), share(v.post), v.multiple,
                    v.bilateral, v.assistant, v.co_surgeons, v.team, v.endoscopic_base, v.conversion_factor,
                    v.supervision, v.calculation_flag, v.imaging_family, v.opps_pe_non_facility, v.opps_pe_facility,
                    v.opps_mp
                )
            })
            .collect();
        assert_eq!(read("PPRRVU2025_Oct.txt", &fixed).unwrap(), expected);
    }

    proptest! {
        #[test]
        fn no_line_panics(text in "\\PC{0,180}", cut in 0usize..172) {
            for layout in &LAYOUTS {
                let _ = (layout.cells)(&text);
                let _ = (layout.cells)(&format!("{}{text}", &REAL[..cut]));
            }
            let _ = recognise(&Member::from_bytes("PPRRVU2025_Oct.txt", format!("{REAL}\n{text}").into_bytes()));
        }
    }
}
