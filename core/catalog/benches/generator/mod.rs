//! PTP files of any size in the publisher's layout, with made-up edits: the real set is not ours to pass on.
//!
//! Deterministic by seed. About 200 column 2 codes stand beside a column 1 code, a few have many more; one edit in
//! three is deleted, one in fifty was never active, one in two hundred pairs was deleted and added again.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use fs_err::File;

/// In which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Tab separated text.
    Text,
    /// A workbook with shared strings, as spreadsheet programs write it.
    Workbook,
}

const HEADING: [[&str; 7]; 6] = [
    [
        "Made-up rows in the layout of the NCCI PTP edits; they are no edits.",
        "",
        "",
        "",
        "",
        "",
        "",
    ],
    ["Column1/Column2 Edits", "", "", "", "", "", ""],
    [
        "Column 1",
        "Column 2",
        "*=in existence",
        "Effective",
        "Deletion",
        "Modifier",
        "PTP Edit Rationale",
    ],
    ["", "", "prior to 1996", "Date", "Date", "0=not allowed", ""],
    ["", "", "", "", "*=no data", "1=allowed", ""],
    ["", "", "", "", "", "9=not applicable", ""],
];

/// SplitMix64: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

/// The codes that stand in the columns, in their order: about 16,000, as many as there are.
fn codes() -> Vec<String> {
    let mut codes: BTreeSet<String> = (100..99_608)
        .step_by(8)
        .map(|n| format!("{n:05}"))
        .collect();
    codes.extend((1..900).map(|n| format!("{n:04}T")));
    codes.extend((1..600).map(|n| format!("{n:04}U")));
    for letter in ["A", "C", "G", "J", "Q"] {
        codes.extend((100..1_000).step_by(2).map(|n| format!("{letter}{n:04}")));
    }
    codes.into_iter().collect()
}

/// Writes `rows` edits as the four parts of the practitioners' table of 2026 Q3 into a folder.
pub fn generate(folder: &Path, rows: u64, seed: u64, format: Format) -> io::Result<Vec<PathBuf>> {
    let codes = codes();
    let mut random = Random(seed);
    // Fewer rows have fewer column 1 codes, spread over all of them.
    let wanted = (rows / 200).clamp(4, codes.len() as u64);
    let step = codes.len() as u64 / wanted;
    let mut paths = Vec::new();
    let mut written = 0;
    for part in 0..4u64 {
        let (extension, from, to) = (
            if format == Format::Text {
                "txt"
            } else {
                "xlsx"
            },
            wanted * part / 4,
            wanted * (part + 1) / 4,
        );
        let path = folder.join(format!("ccipra-v322r0-f{}.{extension}", part + 1));
        let mut sink = Sink::create(&path, format)?;
        for row in &HEADING {
            sink.row(&row.map(str::to_owned))?;
        }
        for i in from..to {
            let column1 = &codes[(i * step) as usize];
            // What is left, over the codes that are left; the last one takes the rest. A few take many times more.
            let left = rows - written;
            let mean = left / (wanted - i);
            let mut count = match random.below(20) {
                0 => mean * 4,
                1..=9 => mean / 2 + random.below(mean.max(1)),
                _ => mean / 2 + random.below(mean / 2 + 1),
            };
            // Leave at least one for each code to come.
            count = count.clamp(1, left.saturating_sub(wanted - i - 1).max(1));
            if i + 1 == wanted {
                count = left;
            }
            written += beside(column1, count, &codes, &mut random, &mut sink)?;
        }
        sink.finish()?;
        paths.push(path);
    }
    Ok(paths)
}

/// `count` edits of a column 1 code, in the order of column 2.
fn beside(
    column1: &str,
    count: u64,
    codes: &[String],
    random: &mut Random,
    sink: &mut Sink,
) -> io::Result<u64> {
    let most = codes.len() as u64 - 1;
    let pairs = count.min(most);
    let stride = (most / pairs.max(1)).max(1);
    let mut written = 0;
    let mut at = random.below(stride);
    while written < count && at < codes.len() as u64 {
        let column2 = &codes[at as usize];
        at += stride;
        if column2 == column1 {
            continue;
        }
        let year = 1996 + random.below(30);
        let effective = format!("{year}{:02}01", random.below(4) * 3 + 1);
        let indicator = if random.below(4) == 0 { "0" } else { "1" };
        let again = written + 1 < count && random.below(200) == 0;
        let (deletion, indicator) = match random.below(100) {
            0 | 1 if !again => (effective.clone(), "9"),
            2..=34 => (
                format!("{}1231", year + random.below(2026 - year)),
                indicator,
            ),
            _ if again => (format!("{year}1231"), indicator),
            _ => ("*".to_owned(), indicator),
        };
        let old = if year == 1996 && random.below(2) == 0 {
            "*"
        } else {
            ""
        };
        let reason = random.below(20);
        let mut row = [
            column1.to_owned(),
            column2.clone(),
            old.to_owned(),
            effective,
            deletion,
            indicator.to_owned(),
            format!("Made-up rationale number {reason}, as long as one is"),
        ];
        sink.row(&row)?;
        written += 1;
        if again {
            row[3] = "20260401".to_owned();
            row[4] = "*".to_owned();
            sink.row(&row)?;
            written += 1;
        }
    }
    // A code has no more column 2 codes than there are codes; what is missing is made up by further dates.
    let mut serial = 0;
    while written < count {
        let column2 = &codes[(serial % most) as usize];
        let effective = format!("{:04}0102", 1700 + serial / most);
        serial += 1;
        if column2 == column1 {
            continue;
        }
        let row = [
            column1,
            column2,
            "",
            &effective,
            "*",
            "1",
            "Made-up rationale number 0, as long as one is",
        ];
        sink.row(&row.map(str::to_owned))?;
        written += 1;
    }
    Ok(written)
}

/// A file that is being written, row by row.
enum Sink {
    Text(BufWriter<File>),
    Workbook(Box<Book>),
}

struct Book {
    zip: zip::ZipWriter<BufWriter<File>>,
    strings: HashMap<String, usize>,
    order: Vec<String>,
    row: u64,
    line: String,
}

impl Sink {
    fn create(path: &Path, format: Format) -> io::Result<Self> {
        let file = BufWriter::new(File::create(path)?);
        if format == Format::Text {
            return Ok(Self::Text(file));
        }
        let mut book = Book {
            zip: zip::ZipWriter::new(file),
            strings: HashMap::new(),
            order: Vec::new(),
            row: 0,
            line: String::new(),
        };
        const NS: &str = "http://schemas.openxmlformats.org";
        book.part("[Content_Types].xml", &format!(
            "<Types xmlns=\"{NS}/package/2006/content-types\"><Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/><Default Extension=\"xml\" ContentType=\"application/xml\"/></Types>"
        ))?;
        book.part("_rels/.rels", &format!(
            "<Relationships xmlns=\"{NS}/package/2006/relationships\"><Relationship Id=\"r1\" Type=\"{NS}/officeDocument/2006/relationships/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
        ))?;
        book.part("xl/workbook.xml", &format!(
            "<workbook xmlns=\"{NS}/spreadsheetml/2006/main\" xmlns:r=\"{NS}/officeDocument/2006/relationships\"><sheets><sheet name=\"Edits\" sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>"
        ))?;
        book.part("xl/_rels/workbook.xml.rels", &format!(
            "<Relationships xmlns=\"{NS}/package/2006/relationships\"><Relationship Id=\"r1\" Type=\"{NS}/officeDocument/2006/relationships/worksheet\" Target=\"worksheets/sheet1.xml\"/><Relationship Id=\"r2\" Type=\"{NS}/officeDocument/2006/relationships/sharedStrings\" Target=\"sharedStrings.xml\"/></Relationships>"
        ))?;
        book.part(
            "xl/worksheets/sheet1.xml",
            &format!("<worksheet xmlns=\"{NS}/spreadsheetml/2006/main\"><sheetData>"),
        )?;
        Ok(Self::Workbook(Box::new(book)))
    }

    fn row(&mut self, cells: &[String; 7]) -> io::Result<()> {
        match self {
            Self::Text(file) => writeln!(file, "{}", cells.join("\t")),
            Self::Workbook(book) => book.row(cells),
        }
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Self::Text(mut file) => file.flush(),
            Self::Workbook(book) => book.finish(),
        }
    }
}

impl Book {
    /// Begins a part and writes its first text.
    fn part(&mut self, name: &str, text: &str) -> io::Result<()> {
        self.zip
            .start_file(name, zip::write::SimpleFileOptions::default())?;
        self.zip.write_all(text.as_bytes())
    }

    fn row(&mut self, cells: &[String; 7]) -> io::Result<()> {
        use std::fmt::Write as _;
        self.row += 1;
        self.line.clear();
        // Writing to a string cannot fail.
        let _ = write!(self.line, "<row r=\"{}\">", self.row);
        for (column, cell) in cells.iter().enumerate().filter(|(_, c)| !c.is_empty()) {
            let at = char::from(b'A' + column as u8);
            let number = match self.strings.get(cell) {
                Some(n) => *n,
                None => {
                    self.order.push(cell.clone());
                    self.strings.insert(cell.clone(), self.order.len() - 1);
                    self.order.len() - 1
                }
            };
            let _ = write!(
                self.line,
                "<c r=\"{at}{}\" t=\"s\"><v>{number}</v></c>",
                self.row
            );
        }
        self.line.push_str("</row>");
        self.zip.write_all(self.line.as_bytes())
    }

    fn finish(mut self) -> io::Result<()> {
        self.zip.write_all(b"</sheetData></worksheet>")?;
        self.part("xl/sharedStrings.xml", &format!(
            "<sst xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\" uniqueCount=\"{}\">",
            self.order.len()
        ))?;
        for text in &self.order {
            write!(self.zip, "<si><t>{text}</t></si>")?;
        }
        self.zip.write_all(b"</sst>")?;
        self.zip.finish()?.flush()
    }
}
