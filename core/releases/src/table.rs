//! Tables in any of the forms in which publishers put out the same rows: comma or tab separated text, and workbooks.
//!
//! [`rows`] yields each row as text cells with its place, so that a parser is written once for all forms. Text is read
//! in a stream; so is a workbook's sheet (its shared strings are held in memory, up to a bound).

use std::io::{BufReader, Read as _};

use calamine::{DataRef, Reader as _, Xlsx};

use crate::error::{Place, ReadError};
use crate::member::{Form, Member};

/// How the cells of a text file are separated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Separator {
    /// CSV, with quotes that may span lines.
    Comma,
    /// Tabs; quotes mean nothing.
    Tab,
}

/// One row of a table.
#[derive(Debug)]
pub struct Row<'a> {
    file: &'a str,
    sheet: Option<&'a str>,
    /// Line of the text file, or row of the sheet, from 1.
    pub number: u64,
    /// Its cells, trimmed. A workbook's row is padded with empty cells on its left, as it is printed.
    pub cells: &'a [String],
}

impl<'a> Row<'a> {
    /// A line that was cut into cells elsewhere.
    pub(crate) fn of_line(file: &'a str, number: u64, cells: &'a [String]) -> Self {
        Self {
            file,
            sheet: None,
            number,
            cells,
        }
    }
}

impl Row<'_> {
    /// A cell by its column from 0; empty where the row is shorter.
    pub fn cell(&self, column: usize) -> &str {
        self.cells.get(column).map_or("", String::as_str)
    }

    /// Whether every cell is empty.
    pub fn is_blank(&self) -> bool {
        self.cells.iter().all(String::is_empty)
    }

    /// The place of a cell, by its column from 0, or of the whole row.
    pub fn place(&self, column: Option<usize>) -> Place {
        match self.sheet {
            Some(sheet) => Place::Cell {
                sheet: sheet.to_owned(),
                row: self.number,
                column: column.map(|c| c as u32 + 1),
            },
            None => Place::Line(self.number),
        }
    }

    /// An error at a cell, by its column from 0, or at the whole row.
    pub fn error(&self, column: Option<usize>, what: impl Into<String>) -> ReadError {
        ReadError::damaged(self.file, self.place(column), what)
    }
}

/// Yields every row of a table: of a text file with `separator`, or of a workbook's first sheet that holds rows.
///
/// # Errors
/// What the form's reader refuses, a formula where a value is expected, and whatever `take` returns.
pub fn rows<E: From<ReadError>>(
    member: &Member,
    separator: Separator,
    take: &mut dyn FnMut(&Row<'_>) -> Result<(), E>,
) -> Result<(), E> {
    match (member.form, separator) {
        (Form::Workbook, _) => workbook(member, take),
        (_, Separator::Comma) => commas(member, take),
        (_, Separator::Tab) => tabs(member, take),
    }
}

/// The first rows of a table, for recognising it. What cannot be read is no row.
pub fn head(member: &Member, separator: Separator, most: usize) -> Vec<Vec<String>> {
    begun(member, separator, most).0
}

/// Why the beginning of a workbook or of a text cannot be read as a table; `None` where it can. For a file that nobody
/// recognised: this is then what there is to say of it.
pub fn unreadable(member: &Member) -> Option<ReadError> {
    match member.form {
        Form::Workbook => begun(member, Separator::Comma, 30).1,
        _ => member.utf16(),
    }
}

fn begun(
    member: &Member,
    separator: Separator,
    most: usize,
) -> (Vec<Vec<String>>, Option<ReadError>) {
    enum Enough {
        Rows,
        Unreadable(Box<ReadError>),
    }
    impl From<ReadError> for Enough {
        fn from(e: ReadError) -> Self {
            Self::Unreadable(Box::new(e))
        }
    }
    let mut found = Vec::new();
    let counted = member.records();
    let ended = rows::<Enough>(member, separator, &mut |row| {
        found.push(row.cells.to_vec());
        if found.len() < most {
            Ok(())
        } else {
            Err(Enough::Rows)
        }
    });
    member.uncount(counted);
    match ended {
        Err(Enough::Unreadable(e)) => (found, Some(*e)),
        _ => (found, None),
    }
}

fn tabs<E: From<ReadError>>(
    member: &Member,
    take: &mut dyn FnMut(&Row<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut lines = member.lines()?;
    let mut cells: Vec<String> = Vec::new();
    while let Some((number, text)) = lines.next()? {
        let mut count = 0;
        for part in text.split('\t') {
            match cells.get_mut(count) {
                Some(cell) => {
                    cell.clear();
                    cell.push_str(part.trim());
                }
                None => cells.push(part.trim().to_owned()),
            }
            count += 1;
        }
        take(&Row {
            file: &member.path,
            sheet: None,
            number,
            cells: &cells[..count],
        })?;
    }
    Ok(())
}

fn commas<E: From<ReadError>>(
    member: &Member,
    take: &mut dyn FnMut(&Row<'_>) -> Result<(), E>,
) -> Result<(), E> {
    if let Some(e) = member.utf16() {
        return Err(e.into());
    }
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        // A carriage return is trimmed off its cell; left to the reader, it shifts the line numbers by one.
        .terminator(csv::Terminator::Any(b'\n'))
        .from_reader(Bounded::new(BufReader::new(member.open()?)));
    let mut record = csv::ByteRecord::new();
    loop {
        let number = reader.position().line();
        match reader.read_byte_record(&mut record) {
            Ok(true) => member.count(1),
            Ok(false) => return Ok(()),
            Err(e) => {
                return Err(
                    ReadError::damaged(&member.path, Place::Line(number), e.to_string()).into(),
                );
            }
        }
        let cells: Vec<String> = record
            .iter()
            .map(|c| crate::member::decode(c).trim().to_owned())
            .collect();
        take(&Row {
            file: &member.path,
            sheet: None,
            number,
            cells: &cells,
        })?;
    }
}

/// Longest record of a CSV file, in bytes: an article of the coverage database has a few hundred thousand.
const LONGEST_RECORD: usize = 16 << 20;

/// Ends a file whose quotes never close before its record fills the memory: the reader grows with a record, so the
/// bytes since the last line end outside of quotes are counted.
struct Bounded<R> {
    inner: R,
    quoted: bool,
    since: usize,
}

impl<R> Bounded<R> {
    fn new(inner: R) -> Self {
        Self {
            inner,
            quoted: false,
            since: 0,
        }
    }
}

impl<R: std::io::Read> std::io::Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buffer)?;
        for byte in &buffer[..n] {
            self.since += 1;
            match byte {
                b'"' => self.quoted = !self.quoted,
                b'\n' if !self.quoted => self.since = 0,
                _ => {}
            }
        }
        if self.since > LONGEST_RECORD {
            let what =
                format!("one record is longer than {LONGEST_RECORD} bytes: a quote is not closed");
            return Err(std::io::Error::other(what));
        }
        Ok(n)
    }
}

fn workbook<E: From<ReadError>>(
    member: &Member,
    take: &mut dyn FnMut(&Row<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let damaged = |e: calamine::XlsxError| {
        E::from(ReadError::damaged(
            &member.path,
            Place::Whole,
            e.to_string(),
        ))
    };
    parts(member)?;
    shared_strings(member)?;
    let mut book: Xlsx<_> = Xlsx::new(BufReader::new(member.open()?)).map_err(damaged)?;
    for sheet in book.sheet_names() {
        let mut any = false;
        let mut reader = book.worksheet_cells_reader(&sheet).map_err(damaged)?;
        let mut current: Option<u32> = None;
        let mut cells: Vec<String> = Vec::new();
        // Values and formulas in one pass, so that nothing but a row is held and a look at the head ends there.
        while let Some(cell) = reader.next_cell_with_formula_metadata().map_err(damaged)? {
            let (row, column) = cell.pos;
            if cell.formula.is_some() {
                let place = Place::Cell {
                    sheet,
                    row: u64::from(row) + 1,
                    column: Some(column + 1),
                };
                let what = "a formula stands where a value is expected";
                let remedy = "use the publisher's file as it was downloaded, or save the values";
                return Err(ReadError::new(&member.path, place, what, remedy).into());
            }
            let text = shown(&cell.value);
            if current != Some(row) {
                if let Some(done) = current {
                    any |= cells.iter().any(|c| !c.is_empty());
                    take(&Row {
                        file: &member.path,
                        sheet: Some(&sheet),
                        number: u64::from(done) + 1,
                        cells: &cells,
                    })?;
                }
                cells.clear();
                current = Some(row);
                member.count(1);
            }
            // A sheet has 16,384 columns; no table of ours has more than 60.
            if column < 200 {
                cells.resize(cells.len().max(column as usize + 1), String::new());
                cells[column as usize] = text;
            }
        }
        if let Some(done) = current {
            any |= cells.iter().any(|c| !c.is_empty());
            take(&Row {
                file: &member.path,
                sheet: Some(&sheet),
                number: u64::from(done) + 1,
                cells: &cells,
            })?;
        }
        if any {
            return Ok(());
        }
    }
    Ok(())
}

/// Bytes that a part of a workbook unpacks to for each byte packed, once they are more than a megabyte. Sheets of real
/// tables reach 40.
const RATIO: u64 = 200;

/// Refuses a workbook with a part that is packed as no table is: a bomb.
fn parts(member: &Member) -> Result<(), ReadError> {
    let damaged =
        |what: String| ReadError::damaged(&member.path, Place::Whole, format!("workbook: {what}"));
    let mut archive =
        zip::ZipArchive::new(BufReader::new(member.open()?)).map_err(|e| damaged(e.to_string()))?;
    for i in 0..archive.len() {
        let part = archive
            .by_index_raw(i)
            .map_err(|e| damaged(e.to_string()))?;
        let (packed, unpacked) = (part.compressed_size(), part.size());
        if unpacked > 1 << 20 && unpacked / packed.max(1) > RATIO {
            let what = format!("{packed} bytes unpack to more than {RATIO} times as many");
            return Err(damaged(what));
        }
    }
    Ok(())
}

/// Largest part of a workbook that is held in memory, unpacked: its shared strings. A table of a million rows has some
/// hundred thousand different ones.
const SHARED_STRINGS: u64 = 256 << 20;

/// Refuses shared strings that would fill the memory. Their reader believes the number that their head names and makes
/// room for as many; a string takes nine bytes (`<si></si>`) at the least.
fn shared_strings(member: &Member) -> Result<(), ReadError> {
    let damaged =
        |what: String| ReadError::damaged(&member.path, Place::Whole, format!("workbook: {what}"));
    let mut archive =
        zip::ZipArchive::new(BufReader::new(member.open()?)).map_err(|e| damaged(e.to_string()))?;
    let name = archive
        .file_names()
        .flatten()
        .find(|n| n.to_lowercase().ends_with("sharedstrings.xml"))
        .map(std::borrow::Cow::into_owned);
    let Some(name) = name else {
        return Ok(());
    };
    let part = archive.by_name(&name).map_err(|e| damaged(e.to_string()))?;
    let size = part.size();
    if size > SHARED_STRINGS {
        let what = format!("its strings unpack to {size} bytes, more than {SHARED_STRINGS}");
        return Err(damaged(what));
    }
    let mut head = Vec::new();
    part.take(4096)
        .read_to_end(&mut head)
        .map_err(|e| damaged(e.to_string()))?;
    let head = String::from_utf8_lossy(&head);
    let claimed = head
        .split_once("uniqueCount=")
        .map(|(_, rest)| rest.trim_start_matches(['"', '\'']))
        .map(|rest| {
            let digits = rest.split(|c: char| !c.is_ascii_digit()).next();
            digits.unwrap_or_default()
        });
    match claimed {
        Some(n) if n.parse::<u64>().map_or(!n.is_empty(), |n| n > size / 9) => {
            Err(damaged(format!("{size} bytes cannot hold {n} strings")))
        }
        _ => Ok(()),
    }
}

/// A cell as it reads: whole numbers without a decimal point, dates as ISO 8601.
fn shown(value: &DataRef<'_>) -> String {
    match value {
        DataRef::Empty => String::new(),
        DataRef::String(s) => s.trim().to_owned(),
        DataRef::SharedString(s) => s.trim().to_owned(),
        DataRef::Int(i) => i.to_string(),
        DataRef::Float(f) => f.to_string(),
        DataRef::Bool(b) => b.to_string(),
        DataRef::DateTime(d) => {
            let (year, month, day, ..) = d.to_ymd_hms_milli();
            format!("{year:04}-{month:02}-{day:02}")
        }
        DataRef::DateTimeIso(s) | DataRef::DurationIso(s) => s.clone(),
        DataRef::Error(e) => e.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(member: &Member, separator: Separator) -> Result<Vec<(u64, Vec<String>)>, String> {
        let mut found = Vec::new();
        rows::<ReadError>(member, separator, &mut |row| {
            found.push((row.number, row.cells.to_vec()));
            Ok(())
        })
        .map_err(|e| e.to_string())?;
        Ok(found)
    }

    #[test]
    fn text_tables() {
        let tabs = Member::from_bytes("f.txt", &b"a\tb \t\"c\n1\t2\n"[..]);
        let got = all(&tabs, Separator::Tab).unwrap();
        assert_eq!(got[0], (1, vec!["a".into(), "b".into(), "\"c".into()]));
        assert_eq!(got[1], (2, vec!["1".into(), "2".into()]));
        let commas = Member::from_bytes("f.csv", &b"\"a\n\nb\",c\r\nd,\xe9\n"[..]);
        let got = all(&commas, Separator::Comma).unwrap();
        assert_eq!(got[0], (1, vec!["a\n\nb".into(), "c".into()]));
        assert_eq!(got[1], (4, vec!["d".into(), "é".into()]));
    }

    #[test]
    fn a_quote_that_never_closes_is_bounded() {
        let mut bytes = b"a,\"".to_vec();
        bytes.resize(LONGEST_RECORD + 100_000, b'x');
        let said = all(&Member::from_bytes("f.csv", bytes), Separator::Comma).unwrap_err();
        assert!(said.contains("a quote is not closed"), "{said}");
    }

    #[test]
    fn strings_that_cannot_be_there_are_refused_before_room_is_made() {
        use std::io::Write as _;
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (part, text) in [
            ("xl/workbook.xml", "<workbook/>"),
            (
                "xl/sharedStrings.xml",
                "<sst uniqueCount=\"99999999999\"><si><t>a</t></si></sst>",
            ),
        ] {
            zip.start_file(part, zip::write::SimpleFileOptions::default())
                .unwrap();
            zip.write_all(text.as_bytes()).unwrap();
        }
        let member = Member::from_bytes("f.xlsx", zip.finish().unwrap().into_inner());
        assert_eq!(member.form, Form::Workbook);
        let said = all(&member, Separator::Comma).unwrap_err();
        assert!(said.contains("cannot hold 99999999999 strings"), "{said}");
    }
}
