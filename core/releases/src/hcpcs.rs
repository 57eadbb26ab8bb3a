//! HCPCS Level II: the alpha-numeric file with its codes and modifiers, as text, workbook or csv; the processing notes
//! that its rows refer to; and the list of codes for what is not otherwise classified (NOC).
//!
//! The text form is fixed width (record layout "HCPCS Contractor Record", CMS): a code's or modifier's first record
//! carries every field, the records after it only go on with its long text. Before the records may stand a disclaimer.
//! Workbook and csv have 48 named columns and the long text in one piece.
//!
//! Level I of HCPCS is CPT and the D codes are CDT. Where a file carries them (CMS gives some to its contractors only),
//! their rows are counted and nothing of them is kept.

use std::collections::HashSet;

use chrono::NaiveDate;

use crate::columns::{self, Columns, heading, separator};
use crate::edition::{Found, Kind};
use crate::error::{DOWNLOAD_AGAIN, Place, ReadError};
use crate::member::{Form, Member};
use crate::recognise::Look;
use crate::table;

/// One code or modifier of HCPCS Level II with all that its file says of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HcpcsRow {
    /// The code (`A0428`), or the modifier (`AA`).
    pub code: String,
    /// Whether `code` is a modifier.
    pub modifier: bool,
    /// Long description, verbatim but for runs of spaces, which the forms print differently.
    pub long: String,
    /// Short description, at most 28 characters.
    pub short: String,
    /// Pricing indicators, one to four: how a price is made. See [`pricing`].
    pub pricing: Vec<String>,
    /// Multiple pricing indicator: whether that can differ by circumstance.
    pub multiple_pricing: String,
    /// Sections of the Coverage Issues Manual.
    pub cim: Vec<String>,
    /// Sections of the Medicare Carriers Manual.
    pub mcm: Vec<String>,
    /// Section of the statute.
    pub statute: String,
    /// Laboratory certification codes.
    pub lab: Vec<String>,
    /// Other codes that it refers to.
    pub cross_references: Vec<String>,
    /// Coverage code. See [`coverage`].
    pub coverage: String,
    /// Payment group of ambulatory surgical centers.
    pub asc_group: String,
    /// When that group took effect.
    pub asc_date: Option<NaiveDate>,
    /// Outpatient payment group (MOG).
    pub opps: String,
    /// Payment policy of that group.
    pub opps_indicator: String,
    /// When that group took effect.
    pub opps_date: Option<NaiveDate>,
    /// Number of its processing note; see [`NoteRow`].
    pub note: String,
    /// Berenson-Eggers type of service.
    pub betos: String,
    /// Types of service, one character each.
    pub types_of_service: String,
    /// Base units of anesthesia.
    pub anesthesia_units: Option<u16>,
    /// When it was added.
    pub added: Option<NaiveDate>,
    /// From when the last change holds. It may lie after `terminated`: the change is then the ending itself.
    pub effective: Option<NaiveDate>,
    /// Last date of service on which it is valid.
    pub terminated: Option<NaiveDate>,
    /// What the last change was. See [`action`].
    pub action: String,
}

impl HcpcsRow {
    /// Whether it is valid for a date of service: added by then, and not ended before.
    pub fn valid_on(&self, date: NaiveDate) -> bool {
        self.added.is_none_or(|added| added <= date)
            && self.terminated.is_none_or(|last| date <= last)
    }
}

/// What became of a file's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Codes yielded.
    pub codes: u64,
    /// Modifiers yielded.
    pub modifiers: u64,
    /// Rows of HCPCS Level I (CPT codes and modifiers), refused.
    pub cpt: u64,
    /// Rows of dental codes (CDT), refused.
    pub dental: u64,
}

/// A processing note, which rows refer to by its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteRow {
    /// Four digits.
    pub number: String,
    /// Verbatim, its lines joined.
    pub text: String,
}

/// A code for what has no code of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NocRow {
    /// The code.
    pub code: String,
    /// Long description; the print form cuts it at 80 characters.
    pub long: String,
    /// When it was added.
    pub added: Option<NaiveDate>,
    /// Last date of service on which it is valid.
    pub terminated: Option<NaiveDate>,
}

/// What a coverage code means, in our words (HCPCS record layout, "HCPCS Coverage Code").
pub fn coverage(code: &str) -> Option<&'static str> {
    Some(match code {
        "C" => "the contractor decides",
        "D" => "special coverage instructions apply",
        "I" => "not payable by Medicare",
        "M" => "not covered by Medicare",
        "S" => "not covered by Medicare, by statute",
        _ => return None,
    })
}

/// What an action code means, in our words (HCPCS record layout, "HCPCS Action Code").
pub fn action(code: &str) -> Option<&'static str> {
    Some(match code {
        "A" => "added",
        "B" => "administrative data and long description changed",
        "C" => "long description changed",
        "D" => "discontinued",
        "F" => "administrative data changed",
        "N" => "no change",
        "P" => "payment changed",
        "R" => "taken up again",
        "S" => "short description changed",
        "T" => "type of service or category changed",
        _ => return None,
    })
}

/// What a pricing indicator means, in our words, by its group (HCPCS record layout, "HCPCS Pricing Indicator Code").
pub fn pricing(code: &str) -> Option<&'static str> {
    Some(match code {
        "00" => "not priced separately by Part B",
        "11" => "physician fee schedule, national relative values",
        "12" => "physician fee schedule, anesthesia base units",
        "13" => "physician fee schedule, priced by the contractor",
        "21" => "laboratory fee schedule, national limit",
        "22" => "laboratory fee schedule, priced by the contractor",
        "31" => "equipment fee schedule, frequently serviced",
        "32" => "equipment fee schedule, inexpensive or routinely purchased",
        "33" => "oxygen and oxygen equipment",
        "34" => "equipment supplies",
        "35" => "surgical dressings",
        "36" => "capped rental",
        "37" => "ostomy, tracheostomy and urological supplies",
        "38" => "orthotics, prosthetics, prosthetic devices and vision",
        "39" => "parenteral and enteral nutrition",
        "45" => "customized equipment",
        "46" => "equipment priced by the contractor",
        "51" => "drugs",
        "52" => "reasonable charge",
        "53" => "statute",
        "54" => "vaccination",
        "55" => "splints and casts",
        "56" => "intraocular lenses inserted in an office",
        "57" => "other, priced by the contractor",
        "99" => "value not established",
        _ => return None,
    })
}

/// Which level a code or modifier is of.
enum Level {
    Two,
    Cpt,
    Dental,
    Neither,
}

fn level(code: &str, modifier: bool) -> Level {
    let bytes = code.as_bytes();
    if modifier {
        return match bytes {
            // `25`, `8P`: CPT's modifiers begin with a digit.
            [b'0'..=b'9', b'0'..=b'9' | b'A'..=b'Z'] => Level::Cpt,
            [b'A'..=b'Z', b'0'..=b'9' | b'A'..=b'Z'] => Level::Two,
            _ => Level::Neither,
        };
    }
    let digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    match bytes {
        [first, rest @ ..] if rest.len() == 4 && digits(rest) => match first {
            b'D' => Level::Dental,
            b'A'..=b'V' => Level::Two,
            b'0'..=b'9' => Level::Cpt,
            _ => Level::Neither,
        },
        // CPT categories II and III, and its laboratory codes: `0001F`, `0042T`, `0001U`.
        [start @ .., last] if start.len() == 4 && digits(start) && last.is_ascii_uppercase() => {
            Level::Cpt
        }
        _ => Level::Neither,
    }
}

/// The alpha-numeric file in any of its three forms.
pub(crate) fn recognise(look: &Look<'_>) -> Option<Found> {
    let named = look.rows.iter().any(|row| is_header(row));
    let fixed = look.member.form == Form::Text && look.text.lines().any(is_first_record);
    (named || fixed).then(|| edition(look.member, Found::of(Kind::Hcpcs), None))
}

/// The processing notes: a title, then numbered notes.
pub(crate) fn recognise_notes(look: &Look<'_>) -> Option<Found> {
    let titled = look
        .text
        .lines()
        .take(10)
        .any(|l| l.to_uppercase().contains("PROCESSING NOTES"));
    let numbered = look.text.lines().any(|l| note_start(l.trim()).is_some());
    (titled && numbered).then(|| edition(look.member, Found::of(Kind::HcpcsNotes), None))
}

/// The list of NOC codes: its title names the year.
pub(crate) fn recognise_noc(look: &Look<'_>) -> Option<Found> {
    let title = match look.member.form {
        Form::Text => look.text.lines().take(10).find(|l| is_noc_title(l))?,
        _ => look
            .rows
            .iter()
            .flatten()
            .find(|cell| is_noc_title(cell))?
            .as_str(),
    };
    Some(edition(
        look.member,
        Found::of(Kind::HcpcsNoc),
        columns::year_in(title),
    ))
}

fn is_noc_title(text: &str) -> bool {
    let text = heading(text);
    text.starts_with("NOC CODES") && text.contains("HCPCS")
}

/// The quarter stands in the file's name: `HCPC2026_OCT_ANWEB`. A name with a year alone is one of the former annual
/// files, in force for that year.
fn edition(member: &Member, mut found: Found, year: Option<i32>) -> Found {
    let named = columns::calendar(&member.path);
    let year = year.or(named.map(|(year, _)| year));
    let month = named.and_then(|(_, month)| month);
    match (year, month) {
        (Some(year), Some(month)) => found.quarter(year, month.div_ceil(3)),
        (Some(year), None) => {
            found.edition = Some(year.to_string());
            found.effective = NaiveDate::from_ymd_opt(year, 1, 1);
            found.through = NaiveDate::from_ymd_opt(year, 12, 31);
            found
        }
        (None, _) => found,
    }
}

/// Reads the codes and modifiers, in the file's order.
///
/// # Errors
/// A file that is cut, a date that does not exist, a code that stands twice or is of no level; and whatever `take`
/// returns.
pub fn read<E: From<ReadError>>(
    member: &Member,
    take: &mut dyn FnMut(HcpcsRow) -> Result<(), E>,
) -> Result<Summary, E> {
    let separator = separator(member);
    let named = member.form == Form::Workbook
        || table::head(member, separator, 30)
            .iter()
            .any(|row| is_header(row));
    let mut taken = Taken {
        file: &member.path,
        seen: HashSet::new(),
        summary: Summary::default(),
        open: None,
        take,
    };
    if named {
        named_columns(member, separator, &mut taken)?;
    } else {
        fixed_width(member, &mut taken)?;
    }
    taken.close()?;
    let summary = taken.summary;
    if summary.codes + summary.modifiers == 0 {
        let what = if summary.cpt + summary.dental > 0 {
            "it holds CPT or CDT rows only, which are not loaded from it"
        } else {
            "no HCPCS record was found"
        };
        let remedy = "name the alpha-numeric file of HCPCS Level II";
        return Err(ReadError::new(&member.path, Place::Whole, what, remedy).into());
    }
    Ok(summary)
}

/// Passes rows on, each code once, when their text is complete.
struct Taken<'a, E> {
    file: &'a str,
    seen: HashSet<String>,
    summary: Summary,
    /// The code whose records are being read, whether it is kept, and where it began.
    open: Option<(HcpcsRow, bool, Place)>,
    take: &'a mut dyn FnMut(HcpcsRow) -> Result<(), E>,
}

impl<E: From<ReadError>> Taken<'_, E> {
    /// A first record; `read` makes its row if it is kept.
    fn first(
        &mut self,
        code: String,
        modifier: bool,
        place: Place,
        read: impl FnOnce(String) -> Result<HcpcsRow, ReadError>,
    ) -> Result<(), E> {
        self.close()?;
        let kept = self.admits(&code, modifier, &place)?;
        let row = if kept {
            read(code)?
        } else {
            HcpcsRow {
                code,
                modifier,
                ..HcpcsRow::default()
            }
        };
        self.open = Some((row, kept, place));
        Ok(())
    }

    /// A record that goes on with the long text of the one before.
    fn more(
        &mut self,
        code: &str,
        modifier: bool,
        text: &str,
        place: &Place,
    ) -> Result<(), ReadError> {
        match &mut self.open {
            Some((row, kept, _)) if row.code == code && row.modifier == modifier => {
                if *kept {
                    row.long.push(' ');
                    row.long.push_str(text);
                }
                Ok(())
            }
            _ => {
                let what = format!(
                    "the text of {} goes on, but its first record is missing",
                    columns::short(code)
                );
                Err(ReadError::damaged(self.file, place.clone(), what))
            }
        }
    }

    /// Passes on the row that was being read.
    fn close(&mut self) -> Result<(), E> {
        let Some((row, true, place)) = self.open.take() else {
            return Ok(());
        };
        if !self.seen.insert(row.code.clone()) {
            let what = format!("{} stands in the file twice", row.code);
            return Err(ReadError::damaged(self.file, place, what).into());
        }
        if row.modifier {
            self.summary.modifiers += 1;
        } else {
            self.summary.codes += 1;
        }
        (self.take)(spaced(row))
    }

    /// Whether a row is to be kept; counts it where it is CPT's or CDT's.
    fn admits(&mut self, code: &str, modifier: bool, place: &Place) -> Result<bool, ReadError> {
        match level(code, modifier) {
            Level::Two => return Ok(true),
            Level::Cpt => self.summary.cpt += 1,
            Level::Dental => self.summary.dental += 1,
            Level::Neither => {
                let kind = if modifier { "modifier" } else { "code" };
                let what = format!("{:?} is no {kind} of HCPCS Level II", columns::short(code));
                return Err(ReadError::damaged(self.file, place.clone(), what));
            }
        }
        Ok(false)
    }
}

// The fixed-width form.

/// Columns of the record layout, from 1, first and last.
mod at {
    pub(super) const CODE: (usize, usize) = (1, 5);
    pub(super) const LONG: (usize, usize) = (12, 91);
    pub(super) const SHORT: (usize, usize) = (92, 119);
    pub(super) const PRICING: [(usize, usize); 4] =
        [(120, 121), (122, 123), (124, 125), (126, 127)];
    pub(super) const MULTIPLE: (usize, usize) = (128, 128);
    pub(super) const CIM: [(usize, usize); 3] = [(129, 134), (135, 140), (141, 146)];
    pub(super) const MCM: [(usize, usize); 3] = [(147, 154), (155, 162), (163, 170)];
    pub(super) const STATUTE: (usize, usize) = (171, 180);
    pub(super) const LAB: [(usize, usize); 8] = [
        (181, 183),
        (184, 186),
        (187, 189),
        (190, 192),
        (193, 195),
        (196, 198),
        (199, 201),
        (202, 204),
    ];
    pub(super) const XREF: [(usize, usize); 5] =
        [(205, 209), (210, 214), (215, 219), (220, 224), (225, 229)];
    pub(super) const COVERAGE: (usize, usize) = (230, 230);
    pub(super) const ASC_GROUP: (usize, usize) = (231, 232);
    pub(super) const ASC_DATE: (usize, usize) = (233, 240);
    pub(super) const OPPS: (usize, usize) = (241, 243);
    pub(super) const OPPS_INDICATOR: (usize, usize) = (244, 244);
    pub(super) const OPPS_DATE: (usize, usize) = (245, 252);
    pub(super) const NOTE: (usize, usize) = (253, 256);
    pub(super) const BETOS: (usize, usize) = (257, 259);
    pub(super) const TYPES: [(usize, usize); 5] =
        [(261, 261), (262, 262), (263, 263), (264, 264), (265, 265)];
    pub(super) const UNITS: (usize, usize) = (266, 268);
    pub(super) const ADDED: (usize, usize) = (269, 276);
    pub(super) const EFFECTIVE: (usize, usize) = (277, 284);
    pub(super) const TERMINATED: (usize, usize) = (285, 292);
    pub(super) const ACTION: (usize, usize) = (293, 293);
    /// Characters of a record since 2025; before, blanks followed up to 320.
    pub(super) const RECORD: usize = 293;
}

/// A line of the fixed-width form, by columns that are counted in characters.
struct Record<'a> {
    file: &'a str,
    number: u64,
    text: &'a str,
    ascii: bool,
}

impl<'a> Record<'a> {
    fn new(file: &'a str, number: u64, text: &'a str) -> Self {
        Self {
            file,
            number,
            text,
            ascii: text.is_ascii(),
        }
    }

    fn raw(&self, (first, last): (usize, usize)) -> &'a str {
        if self.ascii {
            let end = last.min(self.text.len());
            return self.text.get(first - 1..end).unwrap_or("");
        }
        let byte = |n: usize| {
            self.text
                .char_indices()
                .nth(n)
                .map_or(self.text.len(), |(at, _)| at)
        };
        self.text.get(byte(first - 1)..byte(last)).unwrap_or("")
    }

    fn field(&self, columns: (usize, usize)) -> String {
        self.raw(columns).trim().to_owned()
    }

    fn fields(&self, columns: &[(usize, usize)]) -> Vec<String> {
        columns
            .iter()
            .map(|c| self.field(*c))
            .filter(|f| !f.is_empty())
            .collect()
    }

    fn error(&self, what: String) -> ReadError {
        ReadError::damaged(self.file, Place::Line(self.number), what)
    }

    fn date(&self, columns: (usize, usize), name: &str) -> Result<Option<NaiveDate>, ReadError> {
        columns::date(self.raw(columns).trim()).map_err(|e| self.error(format!("{name}: {e}")))
    }
}

/// Record identifications: 3 a code, 4 its long text going on, 7 a modifier, 8 its long text going on.
fn record_kind(text: &str) -> Option<char> {
    let kind = text.chars().nth(10)?;
    let sequence = text.chars().skip(5).take(5).all(|c| c.is_ascii_digit());
    (sequence && ['3', '4', '7', '8'].contains(&kind)).then_some(kind)
}

fn is_first_record(line: &str) -> bool {
    let record = Record::new("", 0, line);
    let Some(kind) = record_kind(line) else {
        return false;
    };
    let code = record.raw(at::CODE);
    let shaped = match kind {
        '3' => code.bytes().all(|b| b.is_ascii_alphanumeric()),
        '7' => code.starts_with("   ") && !code.trim().is_empty(),
        _ => false,
    };
    shaped
        && line.chars().count() >= at::RECORD
        && columns::date(record.raw(at::ADDED).trim()).is_ok_and(|d| d.is_some())
}

fn fixed_width<E: From<ReadError>>(member: &Member, taken: &mut Taken<'_, E>) -> Result<(), E> {
    let mut lines = member.lines()?;
    let mut begun = false;
    while let Some((number, text)) = lines.next()? {
        let record = Record::new(&member.path, number, text);
        let Some(kind) = record_kind(text) else {
            if begun && !text.trim().is_empty() {
                return Err(record
                    .error("the line is no HCPCS record: the file is cut or mixed".into())
                    .into());
            }
            continue;
        };
        if !begun && !is_first_record(text) {
            // A line of the disclaimer that happens to have digits in the right places.
            continue;
        }
        begun = true;
        let length = text.chars().count();
        if length < at::RECORD {
            let what = format!(
                "the record ends after {length} of {} characters",
                at::RECORD
            );
            return Err(record.error(what).into());
        }
        let code = record.field(at::CODE);
        let modifier = matches!(kind, '7' | '8');
        let place = Place::Line(number);
        if matches!(kind, '4' | '8') {
            taken.more(&code, modifier, record.raw(at::LONG).trim(), &place)?;
        } else {
            taken.first(code, modifier, place, |code| {
                first_record(&record, code, modifier)
            })?;
        }
    }
    Ok(())
}

fn first_record(record: &Record<'_>, code: String, modifier: bool) -> Result<HcpcsRow, ReadError> {
    let units = record.field(at::UNITS);
    Ok(HcpcsRow {
        code,
        modifier,
        long: record.field(at::LONG),
        short: record.field(at::SHORT),
        pricing: record.fields(&at::PRICING),
        multiple_pricing: record.field(at::MULTIPLE),
        cim: record.fields(&at::CIM),
        mcm: record.fields(&at::MCM),
        statute: record.field(at::STATUTE),
        lab: record.fields(&at::LAB),
        cross_references: record.fields(&at::XREF),
        coverage: record.field(at::COVERAGE),
        asc_group: record.field(at::ASC_GROUP),
        asc_date: record.date(at::ASC_DATE, "ASC date")?,
        opps: record.field(at::OPPS),
        opps_indicator: record.field(at::OPPS_INDICATOR),
        opps_date: record.date(at::OPPS_DATE, "OPPS date")?,
        note: record.field(at::NOTE),
        betos: record.field(at::BETOS),
        types_of_service: record.fields(&at::TYPES).concat(),
        anesthesia_units: units_of(&units).map_err(|what| record.error(what))?,
        added: record.date(at::ADDED, "added")?,
        effective: record.date(at::EFFECTIVE, "action effective")?,
        terminated: record.date(at::TERMINATED, "terminated")?,
        action: record.field(at::ACTION),
    })
}

fn units_of(text: &str) -> Result<Option<u16>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse()
        .map(Some)
        .map_err(|_| format!("{:?} is no number of base units", columns::short(text)))
}

/// One space between words: the text form breaks at 80 characters and drops what stood there.
fn spaced(mut row: HcpcsRow) -> HcpcsRow {
    let one = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    row.long = one(&row.long);
    row.short = one(&row.short);
    row
}

// The forms with named columns.

fn is_header(cells: &[String]) -> bool {
    let has = |name: &str| cells.iter().any(|c| heading(c) == name);
    has("HCPC") && has("SEQNUM") && has("RECID")
}

struct Named {
    columns: Columns,
    code: usize,
    kind: usize,
    long: usize,
    short: usize,
    pricing: Vec<usize>,
    multiple: usize,
    cim: Vec<usize>,
    mcm: Vec<usize>,
    statute: usize,
    lab: Vec<usize>,
    xref: Vec<usize>,
    coverage: usize,
    asc_group: usize,
    asc_date: usize,
    opps: usize,
    opps_indicator: usize,
    opps_date: usize,
    note: usize,
    betos: usize,
    types: Vec<usize>,
    units: usize,
    added: usize,
    effective: usize,
    terminated: usize,
    action: usize,
}

impl Named {
    fn bind(columns: Columns) -> Result<Self, ReadError> {
        let one = |name: &str| columns.named(&[name]);
        let many = |name: &str, n: usize| {
            (1..=n)
                .map(|i| columns.named(&[&format!("{name}{i}")]))
                .collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            code: one("HCPC")?,
            kind: one("RECID")?,
            long: one("LONG DESCRIPTION")?,
            short: one("SHORT DESCRIPTION")?,
            pricing: many("PRICE", 4)?,
            multiple: one("MULT_PI")?,
            cim: many("CIM", 3)?,
            mcm: many("MCM", 3)?,
            statute: one("STATUTE")?,
            lab: many("LABCERT", 8)?,
            xref: many("XREF", 5)?,
            coverage: one("COV")?,
            asc_group: one("ASC_GRP")?,
            asc_date: one("ASC_DT")?,
            opps: one("OPPS")?,
            opps_indicator: one("OPPS_PI")?,
            opps_date: one("OPPS_DT")?,
            note: one("PROCNOTE")?,
            betos: one("BETOS")?,
            types: many("TOS", 5)?,
            units: one("ANEST_BU")?,
            added: one("ADD DT")?,
            effective: one("ACT EFF DT")?,
            terminated: one("TERM DT")?,
            action: one("ACTION CD")?,
            columns,
        })
    }

    fn row(
        &self,
        row: &table::Row<'_>,
        code: String,
        modifier: bool,
    ) -> Result<HcpcsRow, ReadError> {
        let cell = |column: usize| row.cell(column).to_owned();
        let cells = |columns: &[usize]| -> Vec<String> {
            columns
                .iter()
                .map(|c| row.cell(*c).to_owned())
                .filter(|c| !c.is_empty())
                .collect()
        };
        let date = |column: usize| {
            columns::date(row.cell(column)).map_err(|what| row.error(Some(column), what))
        };
        Ok(HcpcsRow {
            code,
            modifier,
            long: cell(self.long),
            short: cell(self.short),
            pricing: cells(&self.pricing)
                .into_iter()
                .map(|p| columns::zeros(&p, 2))
                .collect(),
            multiple_pricing: cell(self.multiple),
            cim: cells(&self.cim),
            mcm: cells(&self.mcm),
            statute: cell(self.statute),
            lab: cells(&self.lab),
            cross_references: cells(&self.xref),
            coverage: cell(self.coverage),
            asc_group: cell(self.asc_group),
            asc_date: date(self.asc_date)?,
            opps: cell(self.opps),
            opps_indicator: cell(self.opps_indicator),
            opps_date: date(self.opps_date)?,
            note: columns::zeros(row.cell(self.note), 4),
            betos: cell(self.betos),
            types_of_service: cells(&self.types).concat(),
            anesthesia_units: units_of(row.cell(self.units))
                .map_err(|what| row.error(Some(self.units), what))?,
            added: date(self.added)?,
            effective: date(self.effective)?,
            terminated: date(self.terminated)?,
            action: cell(self.action),
        })
    }
}

fn named_columns<E: From<ReadError>>(
    member: &Member,
    separator: table::Separator,
    taken: &mut Taken<'_, E>,
) -> Result<(), E> {
    let mut bound: Option<Named> = None;
    table::rows::<E>(member, separator, &mut |row| {
        let Some(named) = &bound else {
            if is_header(row.cells) {
                let headings = row.cells.iter().map(|c| heading(c)).collect();
                bound = Some(Named::bind(Columns::new(
                    &member.path,
                    row.place(None),
                    headings,
                ))?);
            }
            return Ok(());
        };
        if row.is_blank() {
            return Ok(());
        }
        columns::whole(row, &named.columns)?;
        let code = row.cell(named.code).to_ascii_uppercase();
        let place = row.place(Some(named.code));
        let kind = row.cell(named.kind);
        let modifier = matches!(kind, "7" | "8");
        match kind {
            "3" | "7" => {
                taken.first(code, modifier, place, |code| named.row(row, code, modifier))?
            }
            // One text of 2019 is longer than a cell.
            "4" | "8" => taken.more(&code, modifier, row.cell(named.long), &place)?,
            other => {
                let what = format!(
                    "{:?} is no record of a code (3, 4) or a modifier (7, 8)",
                    columns::short(other)
                );
                return Err(row.error(Some(named.kind), what).into());
            }
        }
        Ok(())
    })?;
    if bound.is_none() {
        return Err(columns::nothing(member, "no row is headed HCPC, SEQNUM, RECID").into());
    }
    Ok(())
}

// Processing notes.

/// The number and the beginning of a note: `0003--THIS ...`.
fn note_start(line: &str) -> Option<(&str, &str)> {
    let (number, text) = line.split_once("--")?;
    (number.len() == 4 && number.bytes().all(|b| b.is_ascii_digit())).then_some((number, text))
}

/// Reads the processing notes, in the file's order. Each line ends in a star; a note's lines are joined.
///
/// # Errors
/// A number that stands twice, a file without notes, or one that cannot be read.
pub fn read_notes(member: &Member) -> Result<Vec<NoteRow>, ReadError> {
    let mut notes: Vec<NoteRow> = Vec::new();
    let mut seen = HashSet::new();
    let mut lines = member.lines()?;
    while let Some((number, line)) = lines.next()? {
        let line = line.trim().trim_end_matches('*').trim();
        if let Some((id, text)) = note_start(line) {
            if !seen.insert(id.to_owned()) {
                let what = format!("note {id} stands in the file twice");
                return Err(ReadError::damaged(&member.path, Place::Line(number), what));
            }
            notes.push(NoteRow {
                number: id.to_owned(),
                text: text.trim().to_owned(),
            });
        } else if let Some(note) = notes.last_mut().filter(|_| !line.is_empty()) {
            note.text.push(' ');
            note.text.push_str(line);
        }
    }
    if notes.is_empty() {
        return Err(columns::nothing(member, "it holds no numbered note"));
    }
    for note in &mut notes {
        note.text = note.text.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    Ok(notes)
}

// NOC codes.

/// Reads the list of NOC codes, and how many of its rows were CPT's or CDT's and refused.
///
/// # Errors
/// A heading that is missing, a date that does not exist, a code that stands twice.
pub fn read_noc(member: &Member) -> Result<(Vec<NocRow>, u64), ReadError> {
    let mut list = NocList::default();
    if member.form == Form::Workbook {
        let mut bound: Option<[usize; 4]> = None;
        table::rows::<ReadError>(member, table::Separator::Comma, &mut |row| {
            let Some([code, long, added, terminated]) = bound else {
                let headings: Vec<String> = row.cells.iter().map(|c| heading(c)).collect();
                if headings.iter().any(|h| h == "HCPCS") {
                    let columns = Columns::new(&member.path, row.place(None), headings);
                    bound = Some([
                        columns.named(&["HCPCS"])?,
                        columns.named(&["LONG DESCRIPTION"])?,
                        columns.named(&["ADD DATE"])?,
                        columns.named(&["TERM DATE"])?,
                    ]);
                }
                return Ok(());
            };
            // The end-of-file mark of the print form has come along into the real workbook.
            if row.is_blank() || row.cell(code) == "\u{1a}" {
                return Ok(());
            }
            let date = |column| {
                columns::date(row.cell(column)).map_err(|what| row.error(Some(column), what))
            };
            let read = NocRow {
                code: row.cell(code).to_owned(),
                long: row.cell(long).to_owned(),
                added: date(added)?,
                terminated: date(terminated)?,
            };
            list.push(&member.path, row.place(Some(code)), read)
        })?;
    } else {
        // The print form: where each heading begins, its column does.
        let mut bound: Option<[usize; 4]> = None;
        let mut lines = member.lines()?;
        while let Some((number, line)) = lines.next()? {
            let Some([code, long, added, terminated]) = bound else {
                let find = |name: &str| line.find(name);
                if let Some(code) = find("HCPCS").filter(|_| line.contains("DESCRIPTION")) {
                    let missing = |name: &str| {
                        let what = format!("no column is headed {name:?}");
                        ReadError::damaged(&member.path, Place::Line(number), what)
                    };
                    let named = |name: &str| find(name).ok_or_else(|| missing(name));
                    bound = Some([
                        code,
                        named("LONG DESCRIPTION")?,
                        named("ADD DATE")?,
                        named("TERM DATE")?,
                    ]);
                }
                continue;
            };
            if matches!(line.trim(), "" | "\u{1a}") {
                continue;
            }
            let place = Place::Line(number);
            let record = Record::new(&member.path, number, line);
            let date = |first: usize, name: &str| record.date((first + 1, first + 8), name);
            let read = NocRow {
                code: record.field((code + 1, code + 5)),
                long: record.field((long + 1, added)),
                added: date(added, "ADD DATE")?,
                terminated: date(terminated, "TERM DATE")?,
            };
            list.push(&member.path, place, read)?;
        }
    }
    if list.rows.is_empty() {
        return Err(ReadError::new(
            &member.path,
            Place::Whole,
            "it lists no code of HCPCS Level II",
            DOWNLOAD_AGAIN,
        ));
    }
    Ok((list.rows, list.refused))
}

#[derive(Default)]
struct NocList {
    rows: Vec<NocRow>,
    seen: HashSet<String>,
    refused: u64,
}

impl NocList {
    fn push(&mut self, file: &str, place: Place, row: NocRow) -> Result<(), ReadError> {
        match level(&row.code, false) {
            Level::Two => {}
            Level::Cpt | Level::Dental => {
                self.refused += 1;
                return Ok(());
            }
            Level::Neither => {
                let what = format!(
                    "{:?} is no code of HCPCS Level II",
                    columns::short(&row.code)
                );
                return Err(ReadError::damaged(file, place, what));
            }
        }
        let open = self.rows.last_mut().filter(|above| above.code == row.code);
        if let (Some(above), None, None) = (open, row.added, row.terminated) {
            // A long text goes on in a row that repeats the code and has no dates.
            above.long.push(' ');
            above.long.push_str(&row.long);
            return Ok(());
        }
        if !self.seen.insert(row.code.clone()) {
            let what = format!("{} stands in the list twice", row.code);
            return Err(ReadError::damaged(file, place, what));
        }
        self.rows.push(row);
        Ok(())
    }
}
