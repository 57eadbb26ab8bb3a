//! The text of a PDF as lines on pages, with where each line stands.
//!
//! pdf-extract finds each character and its place; the lines are put together here, because a line's place is what
//! tells a running header from a heading and a superscript from a new line. The file is untrusted: what it unpacks to,
//! how its objects refer to each other, and how long it takes are bounded, and a panic inside of the library becomes
//! an error. A PDF that holds pictures of pages is refused: nothing here reads pictures.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Read as _;
use std::panic::AssertUnwindSafe;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use pdf_extract::{
    Dictionary, Document, MediaBox, Object, ObjectId, OutputDev, OutputError, Transform,
};

use crate::error::{Place, ReadError};
use crate::member::Member;

/// Largest file. The longest manuals have 20 MB.
const LARGEST: u64 = 128 << 20;
/// What all streams of a file may unpack to.
const UNPACKED: u64 = 1 << 30;
/// Characters of all pages together; a thousand pages have about three million.
const CHARACTERS: usize = 50_000_000;
/// Pages of a file.
const PAGES: usize = 20_000;
/// How long reading may take. The 121 pages of the guidelines take half a second.
const PATIENCE: Duration = Duration::from_secs(120);

/// One line as it is printed.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// The page, from 1.
    pub page: u32,
    /// Left end, in points from the page's left side.
    pub left: f64,
    /// Right end, in points from the page's left side.
    pub right: f64,
    /// Baseline, in points from the page's top.
    pub top: f64,
    /// Height of the letters, in points.
    pub size: f64,
    /// Its text: ligatures taken apart, runs of white space as one space, trimmed. Never empty.
    pub text: String,
}

/// The text of a PDF.
#[derive(Debug, Clone, PartialEq)]
pub struct Pages {
    /// How many pages there are.
    pub count: u32,
    /// The title that the file gives itself, where it does.
    pub title: Option<String>,
    /// The lines in the order in which the file prints them, without running headers, footers and page numbers.
    pub lines: Vec<Line>,
}

impl Pages {
    /// The lines of one page joined by spaces, for looking for words.
    pub fn page_text(&self, page: u32) -> String {
        let lines: Vec<&str> = self
            .lines
            .iter()
            .filter(|l| l.page == page)
            .map(|l| l.text.as_str())
            .collect();
        lines.join(" ")
    }
}

/// Reads a PDF.
///
/// # Errors
/// A file that is cut or damaged, encrypted with a password, has no text (pictures of pages), or that takes more
/// memory or time than a document does.
pub fn read(member: &Member) -> Result<Pages, ReadError> {
    let (title, count, lines) = limited(member, None)?;
    member.count(u64::from(count));
    if !lines
        .iter()
        .any(|l| l.text.chars().any(char::is_alphabetic))
    {
        return Err(ReadError::new(
            &member.path,
            Place::Whole,
            format!("none of its {count} pages has text: they are pictures"),
            "recognise the text first (OCR, for example with ocrmypdf) and load the result",
        ));
    }
    Ok(Pages {
        count,
        title,
        lines: without_running(lines, count),
    })
}

/// The first pages' lines, for recognising a document. `None` where it cannot be read: loading it says why.
pub fn first_pages(member: &Member, pages: u32) -> Option<Vec<Line>> {
    limited(member, Some(pages)).ok().map(|(_, _, lines)| lines)
}

type Extracted = (Option<String>, u32, Vec<Line>);

/// Reads in a thread of its own, so that a file on which the library never comes back does not hold up the caller for
/// ever. Such a thread stays behind; its memory is bounded.
fn limited(member: &Member, first: Option<u32>) -> Result<Extracted, ReadError> {
    let bytes = member.read(LARGEST)?;
    let path = member.path.clone();
    let (done, result) = mpsc::channel();
    let name = "pdf".to_owned();
    let started = std::thread::Builder::new()
        .name(name)
        .stack_size(16 << 20)
        .spawn(move || {
            let read = std::panic::catch_unwind(AssertUnwindSafe(|| extract(&path, &bytes, first)));
            // Nobody listens any more where the time is over.
            let _ = done.send(read);
        });
    let damaged = |what: &str| ReadError::damaged(&member.path, Place::Whole, what);
    if let Err(e) = started {
        return Err(ReadError::new(
            &member.path,
            Place::Whole,
            e.to_string(),
            "try again",
        ));
    }
    match result.recv_timeout(PATIENCE + Duration::from_secs(10)) {
        Ok(Ok(read)) => read,
        Ok(Err(_)) => Err(damaged(
            "the PDF is damaged: its structure cannot be followed",
        )),
        Err(_) => Err(damaged(TOO_LONG)),
    }
}

const TOO_LONG: &str = "reading the PDF takes longer than a document does";

fn extract(path: &str, bytes: &[u8], first: Option<u32>) -> Result<Extracted, ReadError> {
    let damaged = |what: String| ReadError::damaged(path, Place::Whole, what);
    if unpacked(bytes) > UNPACKED {
        let what = format!("it unpacks to more than {UNPACKED} bytes");
        return Err(damaged(what));
    }
    let encrypted = || {
        ReadError::new(
            path,
            Place::Whole,
            "the PDF is encrypted with a password",
            "save it without a password and load that file",
        )
    };
    let mut document = Document::load_mem(bytes).map_err(|e| match e {
        pdf_extract::Error::InvalidPassword | pdf_extract::Error::Decryption(_) => encrypted(),
        other => damaged(format!("no whole PDF: {other}")),
    })?;
    if document.is_encrypted() && document.decrypt("").is_err() {
        return Err(encrypted());
    }
    let pages = document.get_pages();
    if pages.is_empty() || pages.len() > PAGES {
        return Err(damaged(format!("a PDF with {} pages", pages.len())));
    }
    for (number, id) in &pages {
        if !has_an_end(&document, *id) {
            let what = "the page tree runs in a circle";
            return Err(ReadError::damaged(path, Place::Page(*number), what));
        }
    }
    let title = title(&document);
    quiet(&mut document);
    let mut output = Output {
        lines: Vec::new(),
        runs: Vec::new(),
        page: 0,
        characters: 0,
        height: 0.0,
        left: 0.0,
        until: Instant::now() + PATIENCE,
    };
    let count = pages.len() as u32;
    for number in pages.keys().take(first.unwrap_or(count) as usize) {
        pdf_extract::output_doc_page(&document, &mut output, *number).map_err(|e| {
            let what = match &e {
                OutputError::IoError(e) => e.to_string(),
                other => other.to_string(),
            };
            ReadError::damaged(path, Place::Page(*number), what)
        })?;
    }
    Ok((title, count, output.lines))
}

/// What the compressed streams unpack to, as far as that is more than is allowed. Streams are found by their keyword,
/// before anything of the file is believed; a stream packed twice is unpacked twice.
fn unpacked(bytes: &[u8]) -> u64 {
    fn inflated(from: &mut dyn std::io::Read, layers: u32, budget: u64) -> u64 {
        let mut decoder = flate2::read::ZlibDecoder::new(from).take(budget);
        let mut head = [0; 2];
        if decoder.read_exact(&mut head).is_err() {
            return 0;
        }
        let inside = if layers > 0 && head[0] == 0x78 && [0x01, 0x5e, 0x9c, 0xda].contains(&head[1])
        {
            inflated(&mut (&head[..]).chain(&mut decoder), layers - 1, budget)
        } else {
            0
        };
        // Damaged data ends it: what came before counts.
        let mut buffer = vec![0; 1 << 16];
        let mut total = 2;
        while let Ok(n @ 1..) = decoder.read(&mut buffer) {
            total += n as u64;
        }
        total.max(inside)
    }
    const WORD: &[u8] = b"stream";
    let mut total = 0;
    let mut at = 0;
    while let Some(found) = bytes[at..].windows(WORD.len()).position(|w| w == WORD) {
        at += found + WORD.len();
        let data = &bytes[at..];
        let data = data.strip_prefix(b"\r").unwrap_or(data);
        let data = data.strip_prefix(b"\n").unwrap_or(data);
        if data.first() == Some(&0x78) {
            total += inflated(&mut &*data, 2, (UNPACKED + 1).saturating_sub(total));
        }
        if total > UNPACKED {
            break;
        }
    }
    total
}

/// Whether a page's chain of parents ends: the library would follow a circle until the stack is full.
fn has_an_end(document: &Document, page: ObjectId) -> bool {
    let mut at = page;
    for _ in 0..64 {
        let parent = document
            .get_dictionary(at)
            .and_then(|d| d.get(b"Parent"))
            .and_then(Object::as_reference);
        match parent {
            Ok(id) => at = id,
            Err(_) => return true,
        }
    }
    false
}

/// Empties what is drawn and holds no text: pictures, which the library would read as if they were text; and forms that
/// draw themselves, which would never end.
fn quiet(document: &mut Document) {
    let dictionary = |object: &'_ Object| -> Option<Dictionary> {
        match object {
            Object::Reference(id) => document.get_dictionary(*id).ok().cloned(),
            Object::Dictionary(d) => Some(d.clone()),
            _ => None,
        }
    };
    let mut silent: HashSet<ObjectId> = HashSet::new();
    let mut draws: HashMap<ObjectId, Vec<ObjectId>> = HashMap::new();
    for (id, object) in &document.objects {
        let Ok(stream) = object.as_stream() else {
            continue;
        };
        match stream.dict.get(b"Subtype").and_then(Object::as_name) {
            Ok(b"Image") => {
                silent.insert(*id);
            }
            Ok(b"Form") => {
                let drawn = stream
                    .dict
                    .get(b"Resources")
                    .ok()
                    .and_then(&dictionary)
                    .and_then(|r| r.get(b"XObject").ok().and_then(&dictionary));
                let drawn: Vec<ObjectId> = drawn
                    .iter()
                    .flat_map(|d| d.iter().filter_map(|(_, o)| o.as_reference().ok()))
                    .collect();
                // Without resources of its own it has its page's, and could draw itself by them.
                let own = stream.dict.has(b"Resources");
                let content = stream.get_plain_content().unwrap_or_default();
                if !own && content.windows(2).any(|w| w == b"Do") {
                    silent.insert(*id);
                }
                draws.insert(*id, drawn);
            }
            _ => {}
        }
    }
    // A form is followed at most so deep: deeper ones, and circles, are emptied.
    const DEEPEST: u32 = 12;
    let mut depth: HashMap<ObjectId, u32> = draws.keys().map(|id| (*id, 0)).collect();
    for round in 1..=DEEPEST + 1 {
        let mut deeper = Vec::new();
        for (id, drawn) in &draws {
            if drawn.iter().any(|d| depth.get(d) == Some(&(round - 1))) {
                deeper.push(*id);
            }
        }
        for id in deeper {
            depth.insert(id, round);
        }
    }
    silent.extend(
        depth
            .iter()
            .filter(|(_, d)| **d > DEEPEST)
            .map(|(id, _)| *id),
    );
    for id in silent {
        if let Some(Object::Stream(stream)) = document.objects.get_mut(&id) {
            stream.dict.remove(b"Filter");
            stream.dict.remove(b"DecodeParms");
            stream.set_content(Vec::new());
        }
    }
}

/// The title in the file's own description.
fn title(document: &Document) -> Option<String> {
    let info = document.trailer.get(b"Info").ok()?;
    let info = match info {
        Object::Reference(id) => document.get_dictionary(*id).ok()?,
        Object::Dictionary(d) => d,
        _ => return None,
    };
    let text = pdf_extract::decode_text_string(info.get(b"Title").ok()?).ok()?;
    let text = squeezed(&text);
    (!text.is_empty() && text.len() < 300).then_some(text)
}

/// A run of characters on one line while a page is read.
struct Run {
    left: f64,
    right: f64,
    top: f64,
    size: f64,
    text: String,
}

struct Output {
    lines: Vec<Line>,
    runs: Vec<Run>,
    page: u32,
    characters: usize,
    height: f64,
    left: f64,
    until: Instant,
}

impl Output {
    fn check(&self) -> Result<(), OutputError> {
        let refused = |what: &str| OutputError::IoError(std::io::Error::other(what.to_owned()));
        if self.characters > CHARACTERS {
            return Err(refused("more text than a document has"));
        }
        if Instant::now() > self.until {
            return Err(refused(TOO_LONG));
        }
        Ok(())
    }
}

impl OutputDev for Output {
    fn begin_page(
        &mut self,
        number: u32,
        media: &MediaBox,
        _: Option<(f64, f64, f64, f64)>,
    ) -> Result<(), OutputError> {
        self.page = number;
        self.height = media.ury;
        self.left = media.llx;
        self.check()
    }

    fn end_page(&mut self) -> Result<(), OutputError> {
        for run in self.runs.drain(..) {
            let text = squeezed(&run.text);
            if !text.is_empty() {
                self.lines.push(Line {
                    page: self.page,
                    left: run.left,
                    right: run.right,
                    top: run.top,
                    size: run.size,
                    text,
                });
            }
        }
        Ok(())
    }

    fn output_character(
        &mut self,
        place: &Transform,
        width: f64,
        _spacing: f64,
        font_size: f64,
        text: &str,
    ) -> Result<(), OutputError> {
        self.characters += 1;
        if self.characters.is_multiple_of(1024) {
            self.check()?;
        }
        // The square root of the area that a square of the font's size becomes.
        let area = (place.m11 * place.m22 - place.m12 * place.m21).abs();
        let size = font_size.abs() * area.sqrt();
        let (left, top) = (place.m31 - self.left, self.height - place.m32);
        if !(size.is_finite() && left.is_finite() && top.is_finite()) {
            return Ok(());
        }
        let right = left + width * size;
        let blank = text.chars().all(char::is_whitespace);
        match self.runs.last_mut() {
            // On the line, or a little above or below it: a superscript, as in "7th".
            Some(run)
                if (run.top - top).abs() < 0.6 * run.size.max(size)
                    && left > run.right - 2.0 * run.size.max(size) =>
            {
                if left > run.right + 0.15 * size && !blank && !run.text.ends_with(' ') {
                    run.text.push(' ');
                }
                push(&mut run.text, text);
                if !blank {
                    // The line is where its large letters are.
                    if size > run.size {
                        (run.size, run.top) = (size, top);
                    }
                }
                run.right = right;
            }
            _ if blank => {}
            _ => {
                let mut run = Run {
                    left,
                    right,
                    top,
                    size,
                    text: String::new(),
                };
                push(&mut run.text, text);
                self.runs.push(run);
            }
        }
        Ok(())
    }

    fn begin_word(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn end_word(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn end_line(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn stroke(
        &mut self,
        _: &Transform,
        _: &pdf_extract::ColorSpace,
        _: &[f64],
        _: &pdf_extract::Path,
    ) -> Result<(), OutputError> {
        self.check()
    }

    fn fill(
        &mut self,
        _: &Transform,
        _: &pdf_extract::ColorSpace,
        _: &[f64],
        _: &pdf_extract::Path,
    ) -> Result<(), OutputError> {
        self.check()
    }
}

/// Appends what a glyph stands for: ligatures in letters, the bullets of symbol fonts as bullets, no control characters.
fn push(to: &mut String, glyph: &str) {
    for c in glyph.chars() {
        match c {
            '\u{fb00}' => to.push_str("ff"),
            '\u{fb01}' => to.push_str("fi"),
            '\u{fb02}' => to.push_str("fl"),
            '\u{fb03}' => to.push_str("ffi"),
            '\u{fb04}' => to.push_str("ffl"),
            '\u{fb05}' | '\u{fb06}' => to.push_str("st"),
            // Word's bullets, in the private codes of Symbol and Wingdings.
            '\u{f0a7}' | '\u{f0b7}' | '\u{f0d8}' | '\u{f076}' | '\u{f02d}' => to.push('•'),
            '\u{f0fc}' => to.push('✓'),
            '\u{ad}' => to.push('\u{ad}'),
            c if c.is_whitespace() => to.push(' '),
            c if c.is_control() => {}
            c => to.push(c),
        }
    }
}

/// Runs of white space as one space, without any at the ends.
pub(crate) fn squeezed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// Removes running headers, footers and page numbers: what stands in the same place, at the top or the bottom, in the
/// same words but for numbers, on several pages.
fn without_running(lines: Vec<Line>, pages: u32) -> Vec<Line> {
    /// So many lines at either end of a page may be running ones.
    const EDGE: usize = 5;
    let mut by_page: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (i, line) in lines.iter().enumerate() {
        by_page.entry(line.page).or_default().push(i);
    }
    let mut edges: Vec<usize> = Vec::new();
    for indices in by_page.values_mut() {
        indices.sort_by(|a, b| lines[*a].top.total_cmp(&lines[*b].top));
        let n = indices.len();
        let head = indices.iter().take(EDGE.min(n));
        let foot = indices.iter().skip(EDGE.max(n.saturating_sub(EDGE)));
        edges.extend(head.chain(foot));
    }
    let key = |i: usize, shift: i64| {
        let line: &Line = &lines[i];
        let place = (line.top / 4.0).round() as i64 + shift;
        (place, numberless(&line.text))
    };
    let mut seen: HashMap<(i64, String), HashSet<u32>> = HashMap::new();
    for i in &edges {
        seen.entry(key(*i, 0)).or_default().insert(lines[*i].page);
    }
    let needed = pages.min(3) as usize;
    let mut running: HashSet<usize> = HashSet::new();
    for i in &edges {
        let on: usize = (-1..=1)
            .filter_map(|shift| seen.get(&key(*i, shift)))
            .map(HashSet::len)
            .sum();
        if (on >= needed && pages > 1) || is_page_number(&lines[*i].text, lines[*i].page) {
            running.insert(*i);
        }
    }
    let mut kept = Vec::with_capacity(lines.len() - running.len());
    for (i, line) in lines.into_iter().enumerate() {
        if !running.contains(&i) {
            kept.push(line);
        }
    }
    kept
}

/// The words with every number as `#`.
fn numberless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if !c.is_ascii_digit() {
            out.extend(c.to_lowercase());
        } else if !out.ends_with('#') {
            out.push('#');
        }
    }
    out
}

/// A line that is only the page's own number.
fn is_page_number(text: &str, page: u32) -> bool {
    let text = text.to_lowercase();
    let bare = text.trim_matches(|c: char| !c.is_alphanumeric());
    let bare = bare.strip_prefix("page ").unwrap_or(bare);
    let number = bare.split(" of ").next().unwrap_or(bare);
    number.parse() == Ok(page)
}

/// What is usual in a document, by which the unusual is told: headings, ends of paragraphs, hyphens at line ends.
pub(crate) struct Layout {
    /// The size of most of its letters.
    pub body: f64,
    /// Right end of full lines, by their left end in steps of four points.
    margins: HashMap<i64, f64>,
    margin: f64,
    /// Words that stand inside of lines.
    words: HashSet<String>,
}

/// A paragraph, an item of a list, or a row: lines put together.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Block {
    pub page: u32,
    pub page_end: u32,
    pub text: String,
}

impl Layout {
    pub(crate) fn of(lines: &[Line]) -> Self {
        let mut sizes: HashMap<i64, usize> = HashMap::new();
        let mut words = HashSet::new();
        for line in lines {
            *sizes.entry((line.size * 2.0).round() as i64).or_default() += line.text.len();
            // The first and the last word of a line may be halves.
            let inner: Vec<&str> = line.text.split(' ').collect();
            if inner.len() > 2 {
                words.extend(inner[1..inner.len() - 1].iter().map(|w| bare(w)));
            }
        }
        let body = sizes
            .iter()
            .max_by_key(|(size, letters)| (**letters, -**size))
            .map_or(12.0, |(size, _)| *size as f64 / 2.0);
        // A heading may be wider than the text is.
        let mut lefts: HashMap<i64, Vec<f64>> = HashMap::new();
        for line in lines.iter().filter(|l| l.size < body + 0.6) {
            lefts
                .entry((line.left / 4.0).round() as i64)
                .or_default()
                .push(line.right);
        }
        let margin = lefts.values().flatten().copied().fold(0.0, f64::max);
        let margins = lefts
            .into_iter()
            .filter(|(_, rights)| rights.len() > 4)
            .map(|(left, rights)| (left, rights.into_iter().fold(0.0, f64::max)))
            .collect();
        Self {
            body,
            margins,
            margin,
            words,
        }
    }

    /// Whether a line's letters are larger than the text's: a heading.
    pub(crate) fn is_large(&self, line: &Line) -> bool {
        line.size > self.body + 0.6
    }

    /// Whether `next` could have begun on `line`, had the author wanted it there.
    pub(crate) fn would_fit(&self, line: &Line, next: &Line) -> bool {
        let letters = next.text.chars().count().max(1) as f64;
        let first = next.text.split(' ').next().unwrap_or_default();
        let width = (next.right - next.left) / letters * first.chars().count() as f64;
        let margin = self
            .margins
            .get(&((line.left / 4.0).round() as i64))
            .copied()
            .unwrap_or(self.margin);
        line.right + 0.25 * line.size + width < margin - 0.5 * line.size
    }

    /// Whether two lines of one paragraph: neither a gap, a mark of a list, nor a line that ended early between them.
    fn goes_on(&self, line: &Line, next: &Line) -> bool {
        if starts_item(&next.text) {
            return false;
        }
        let ended = line.text.ends_with(['.', ':', '?', '!', ';']);
        let halved = line.text.ends_with(['-', '\u{ad}']) && !line.text.ends_with(" -");
        if next.page != line.page {
            return !ended && !self.would_fit(line, next);
        }
        let gap = next.top - line.top;
        if gap < 0.0 {
            // The next column.
            return !ended && !self.would_fit(line, next);
        }
        let close = gap < 1.5 * line.size.max(next.size);
        close
            && (halved || !self.would_fit(line, next))
            && (line.size - next.size).abs() < 1.0
            && !(ended && (next.left - line.left).abs() > 10.0 && !starts_item(&line.text))
    }

    /// Puts lines together to paragraphs.
    pub(crate) fn blocks(&self, lines: &[&Line]) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        for (i, line) in lines.iter().enumerate() {
            match blocks.last_mut() {
                Some(block) if self.goes_on(lines[i - 1], line) => {
                    self.join(&mut block.text, &line.text);
                    block.page_end = line.page;
                }
                _ => blocks.push(Block {
                    page: line.page,
                    page_end: line.page,
                    text: line.text.clone(),
                }),
            }
        }
        for block in &mut blocks {
            block.text.retain(|c| c != '\u{ad}');
        }
        blocks
    }

    /// Appends a line to its paragraph. A hyphen at the end stays (`ICD-` and `10-CM`), unless the word without it
    /// stands elsewhere in the document and the word with it does not.
    pub(crate) fn join(&self, text: &mut String, next: &str) {
        if text.ends_with('\u{ad}') {
            text.pop();
        } else if text.ends_with('-') && !text.ends_with(" -") {
            let half = text.rsplit(' ').next().unwrap_or_default();
            let rest = next.split(' ').next().unwrap_or_default();
            let whole = bare(&format!("{}{rest}", half.trim_end_matches('-')));
            let hyphened = bare(&format!("{half}{rest}"));
            if rest.starts_with(char::is_lowercase)
                && self.words.contains(&whole)
                && !self.words.contains(&hyphened)
            {
                text.pop();
            }
        } else if !text.ends_with('—') || text.ends_with(" —") {
            text.push(' ');
        }
        text.push_str(next);
    }
}

fn bare(word: &str) -> String {
    word.trim_matches(|c: char| !c.is_alphanumeric())
        .to_lowercase()
}

/// A bullet, or the number of a list's item: `1.`, `a)`, `(iv)`.
pub(crate) fn starts_item(text: &str) -> bool {
    if text.starts_with(['•', '▪', '◦', '‣', '●', '○', '–', '✓', '*']) {
        return true;
    }
    let first = text.split(' ').next().unwrap_or_default();
    if first == "-" || first == "o" {
        return true;
    }
    let inner = first.strip_prefix('(').unwrap_or(first);
    let Some(label) = inner.strip_suffix([')', '.']) else {
        return false;
    };
    let digits = label.len() <= 2 && label.bytes().all(|b| b.is_ascii_digit());
    let letter = label.len() == 1 && label.bytes().all(|b| b.is_ascii_alphabetic());
    let roman = label.len() <= 4 && label.bytes().all(|b| b"ivx".contains(&b));
    !label.is_empty() && (digits || letter || roman)
}

/// Drops tables of contents: lines that lead with dots to a page number, and what stands between them.
pub(crate) fn without_contents(lines: Vec<Line>) -> Vec<Line> {
    let leads = |text: &str| {
        let end =
            text.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == ' ' || c == '-');
        text.len() - end.len() <= 12 && (end.ends_with("....") || end.ends_with(". . ."))
    };
    /// An entry over several lines, and the title of the table.
    const BETWEEN: usize = 4;
    let marked: Vec<usize> = (0..lines.len())
        .filter(|i| leads(&lines[*i].text))
        .collect();
    // A lone line of dots is a form to fill in, no table of contents.
    if marked.len() < 3 {
        return lines;
    }
    let mut drop = vec![false; lines.len()];
    for pair in marked.windows(2) {
        if pair[1] - pair[0] <= BETWEEN {
            drop[pair[0]..=pair[1]].fill(true);
        }
    }
    // Before the first: its title, and the beginning of an entry that goes over two lines.
    if let Some(first) = marked.first() {
        let title = |i: usize| {
            let text = lines[i].text.to_lowercase();
            text.contains("contents") && text.len() < 60
        };
        if let Some(at) = (first.saturating_sub(6)..*first).find(|i| title(*i)) {
            drop[at..=*first].fill(true);
        }
    }
    let mut keep = drop.iter().map(|d| !d);
    let mut lines = lines;
    lines.retain(|_| keep.next().unwrap_or(true));
    lines
}
