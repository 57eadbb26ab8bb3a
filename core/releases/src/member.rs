//! One file to be read, wherever it lies: on disk, or inside an archive.

use std::io::{self, BufRead, BufReader, Cursor, Read, Seek};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

use crate::error::{Place, ReadError};

/// How much of a file is looked at to recognise it.
const HEAD: usize = 64 * 1024;

/// Longer lines than this are no line of any format here: a file of another kind, or an attack.
pub const LONGEST_LINE: usize = 1 << 20;

/// How a file is built, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Lines of text: fixed width, comma or tab separated, Markdown.
    Text,
    /// XML.
    Xml,
    /// HTML.
    Html,
    /// An Office workbook (xlsx).
    Workbook,
    /// An Office document (docx).
    WordDocument,
    /// A zip archive of files.
    Zip,
    /// One file, packed by gzip.
    Gzip,
    /// A PDF.
    Pdf,
    /// Something else.
    Binary,
}

/// Where the bytes are.
#[derive(Debug)]
pub(crate) enum Content {
    Path(PathBuf),
    Memory(Arc<[u8]>),
    Spooled(tempfile::NamedTempFile),
}

/// Something that can be read from any position.
pub trait ReadSeek: Read + Seek {}
impl<T: Read + Seek> ReadSeek for T {}

/// One file, with what is needed to recognise it.
#[derive(Debug)]
pub struct Member {
    /// As a person finds it: `folder/a.zip!inner.txt`.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 of its bytes, in lower-case hexadecimal.
    pub sha256: String,
    /// How it is built.
    pub form: Form,
    pub(crate) content: Content,
    head: Vec<u8>,
    records: AtomicU64,
}

impl Member {
    /// From bytes that are there already; for tests and small members of archives.
    pub fn from_bytes(path: impl Into<String>, bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes = bytes.into();
        let sha256 = crate::archive::hex(&<sha2::Sha256 as sha2::Digest>::digest(&bytes));
        let head = bytes[..bytes.len().min(HEAD)].to_vec();
        Self::new(
            path.into(),
            bytes.len() as u64,
            sha256,
            Content::Memory(bytes),
            head,
        )
    }

    pub(crate) fn new(
        path: String,
        bytes: u64,
        sha256: String,
        content: Content,
        head: Vec<u8>,
    ) -> Self {
        let mut member = Self {
            path,
            bytes,
            sha256,
            form: Form::Binary,
            content,
            head,
            records: AtomicU64::new(0),
        };
        member.form = member.recognise_form();
        member
    }

    /// How many records its readers have taken in so far: lines of a text, rows of a table or workbook, terms or entries
    /// of an XML file, pages of a PDF. A look at the beginning does not count. More than what was loaded of it: there are
    /// headings, notices, and rows that are refused.
    pub fn records(&self) -> u64 {
        self.records.load(Ordering::Relaxed)
    }

    /// Counts records that a reader took in by other means than [`Self::lines`] and [`crate::table::rows`].
    pub fn count(&self, records: u64) {
        self.records.fetch_add(records, Ordering::Relaxed);
    }

    /// Forgets what was counted since, for a look that is not the reading.
    pub(crate) fn uncount(&self, since: u64) {
        self.records.store(since, Ordering::Relaxed);
    }

    /// The name alone, without folders and archives, in lower case.
    pub fn name(&self) -> String {
        let name = self
            .path
            .rsplit(['/', '\\', '!'])
            .next()
            .unwrap_or_default();
        name.to_lowercase()
    }

    /// Opens the file from its beginning.
    ///
    /// # Errors
    /// Where the file cannot be opened.
    pub fn open(&self) -> Result<Box<dyn ReadSeek + '_>, ReadError> {
        let opened: io::Result<Box<dyn ReadSeek>> = match &self.content {
            Content::Path(path) => {
                fs_err::File::open(path).map(|f| Box::new(f) as Box<dyn ReadSeek>)
            }
            Content::Memory(bytes) => Ok(Box::new(Cursor::new(bytes.clone()))),
            Content::Spooled(file) => {
                fs_err::File::open(file.path()).map(|f| Box::new(f) as Box<dyn ReadSeek>)
            }
        };
        opened.map_err(|e| {
            ReadError::new(
                &self.path,
                Place::Whole,
                e.to_string(),
                "check that it can be read",
            )
        })
    }

    /// The whole file as bytes. Only for formats that must be read whole; `limit` bounds the memory.
    ///
    /// # Errors
    /// Where it is larger than `limit` bytes, or cannot be read.
    pub fn read(&self, limit: u64) -> Result<Vec<u8>, ReadError> {
        if self.bytes > limit {
            let what = format!(
                "{} bytes are more than a file of this kind has ({limit})",
                self.bytes
            );
            return Err(ReadError::damaged(&self.path, Place::Whole, what));
        }
        let mut bytes = Vec::with_capacity(self.bytes as usize);
        self.open()?
            .read_to_end(&mut bytes)
            .map_err(|e| self.io(&e))?;
        Ok(bytes)
    }

    /// The whole file as text, decoded as [`Lines`] does.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_text(&self, limit: u64) -> Result<String, ReadError> {
        let bytes = self.read(limit)?;
        Ok(decode(&bytes).into_owned())
    }

    /// The first 64 KB as text, for recognising it. Empty for binary files.
    pub fn head_text(&self) -> String {
        match self.form {
            Form::Text | Form::Xml | Form::Html => {
                // A character cut at the end is no sign of another encoding.
                let end = (0..4).find_map(|cut| {
                    let upto = self.head.len().checked_sub(cut)?;
                    std::str::from_utf8(&self.head[..upto]).ok().map(|_| upto)
                });
                decode(&self.head[..end.unwrap_or(self.head.len())]).into_owned()
            }
            _ => String::new(),
        }
    }

    /// The error of a text in UTF-16, which no publisher here writes and no table is read in; `None` where it is none.
    pub fn utf16(&self) -> Option<ReadError> {
        let bom = Encoding::for_bom(&self.head);
        let is = self.form == Form::Text && bom.is_some_and(|(encoding, _)| encoding != UTF_8);
        is.then(|| {
            let (what, remedy) = ("the text is UTF-16", "save it as UTF-8");
            ReadError::new(&self.path, Place::Line(1), what, remedy)
        })
    }

    /// Its lines, one at a time, in bounded memory.
    ///
    /// # Errors
    /// Where the file cannot be opened.
    pub fn lines(&self) -> Result<Lines<'_>, ReadError> {
        Ok(Lines {
            member: self,
            reader: BufReader::with_capacity(1 << 16, self.open()?),
            number: 0,
            buffer: Vec::new(),
            text: String::new(),
        })
    }

    pub(crate) fn io(&self, e: &io::Error) -> ReadError {
        ReadError::damaged(&self.path, Place::Whole, e.to_string())
    }

    fn recognise_form(&self) -> Form {
        let head = &self.head[..];
        if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
            return self.zip_form();
        }
        if head.starts_with(b"\x1f\x8b") {
            return Form::Gzip;
        }
        // Some PDFs begin with a few bytes of something else.
        if head[..head.len().min(1024)]
            .windows(5)
            .any(|w| w == b"%PDF-")
        {
            return Form::Pdf;
        }
        let utf16 = head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff");
        if !utf16 && head.contains(&0) {
            return Form::Binary;
        }
        let text = decode(&head[..head.len().min(2048)])
            .trim_start()
            .to_lowercase();
        if text.starts_with("<!doctype html") || text.starts_with("<html") {
            Form::Html
        } else if text.starts_with("<?xml") || text.starts_with("<icd") {
            if text.contains("<html") {
                Form::Html
            } else {
                Form::Xml
            }
        } else {
            Form::Text
        }
    }

    /// Office files are zips; their parts tell which.
    fn zip_form(&self) -> Form {
        let Ok(opened) = self.open() else {
            return Form::Zip;
        };
        let Ok(archive) = zip::ZipArchive::new(opened) else {
            return Form::Zip;
        };
        if archive.index_for_name("xl/workbook.xml").is_some() {
            Form::Workbook
        } else if archive.index_for_name("word/document.xml").is_some() {
            Form::WordDocument
        } else {
            Form::Zip
        }
    }
}

/// Text of a government file: UTF-8 or UTF-16 where it says so or is valid, else Windows-1252, of which Latin-1 is a part.
pub(crate) fn decode(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    if let Some((encoding, bom)) = Encoding::for_bom(bytes) {
        return encoding.decode_without_bom_handling(&bytes[bom..]).0;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => std::borrow::Cow::Borrowed(text),
        Err(_) => WINDOWS_1252.decode_without_bom_handling(bytes).0,
    }
}

/// A file's lines with their numbers. Memory holds one line; one of over [`LONGEST_LINE`] bytes is an error.
pub struct Lines<'a> {
    member: &'a Member,
    reader: BufReader<Box<dyn ReadSeek + 'a>>,
    number: u64,
    buffer: Vec<u8>,
    text: String,
}

impl Lines<'_> {
    /// The next line, without its end, and its number from 1.
    ///
    /// # Errors
    /// A line too long, binary data, UTF-16 (which no publisher here uses), or a file that cannot be read.
    #[expect(
        clippy::should_implement_trait,
        reason = "a line borrows the buffer, which Iterator cannot say"
    )]
    pub fn next(&mut self) -> Result<Option<(u64, &str)>, ReadError> {
        self.buffer.clear();
        let mut bounded = (&mut self.reader).take(LONGEST_LINE as u64 + 1);
        let read = bounded
            .read_until(b'\n', &mut self.buffer)
            .map_err(|e| self.member.io(&e))?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        self.member.count(1);
        let place = Place::Line(self.number);
        if read > LONGEST_LINE {
            let what = format!("the line is longer than {LONGEST_LINE} bytes");
            return Err(ReadError::damaged(&self.member.path, place, what));
        }
        while self
            .buffer
            .last()
            .is_some_and(|b| [b'\n', b'\r'].contains(b))
        {
            self.buffer.pop();
        }
        if self.number == 1 {
            match Encoding::for_bom(&self.buffer) {
                Some((encoding, bom)) if encoding == UTF_8 => {
                    self.buffer.drain(..bom);
                }
                Some(_) => return self.member.utf16().map_or(Ok(None), Err),
                None => {}
            }
        }
        // A lone end-of-file mark of DOS ends some old files.
        if self.buffer == [0x1a] {
            return Ok(None);
        }
        if self.buffer.contains(&0) {
            let what = "binary data where a line of text is expected";
            return Err(ReadError::damaged(&self.member.path, place, what));
        }
        self.text.clear();
        self.text.push_str(&decode(&self.buffer));
        Ok(Some((self.number, &self.text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8]) -> Result<Vec<(u64, String)>, String> {
        let member = Member::from_bytes("f.txt", bytes);
        let mut lines = member.lines().map_err(|e| e.to_string())?;
        let mut all = Vec::new();
        while let Some((n, text)) = lines.next().map_err(|e| e.to_string())? {
            all.push((n, text.to_owned()));
        }
        Ok(all)
    }

    #[test]
    fn lines_have_numbers_and_an_encoding() {
        assert_eq!(
            lines(b"\xef\xbb\xbfa\r\n\r\nM\xe9ni\xe8re\n\x1a").unwrap(),
            [
                (1, "a".to_owned()),
                (2, String::new()),
                (3, "Ménière".to_owned())
            ]
        );
        assert!(lines(b"\xff\xfea\0").unwrap_err().contains("UTF-16"));
        assert!(lines(b"a\nb\0c\n").unwrap_err().contains("line 2"));
    }

    #[test]
    fn a_line_without_end_is_refused_in_bounded_memory() {
        let long = vec![b'x'; LONGEST_LINE + 10];
        assert!(
            lines(&long)
                .unwrap_err()
                .contains("line 1: the line is longer")
        );
    }

    #[test]
    fn forms() {
        let form = |bytes: &[u8]| Member::from_bytes("x", bytes).form;
        assert_eq!(form(b"%PDF-1.7"), Form::Pdf);
        assert_eq!(form(b"<?xml version='1.0'?><ICD10CM.tabular>"), Form::Xml);
        assert_eq!(form(b"<!DOCTYPE html><html>"), Form::Html);
        assert_eq!(form(b"A00 Cholera"), Form::Text);
        assert_eq!(form(b"\x00\x01"), Form::Binary);
        assert_eq!(form(b""), Form::Text);
    }
}
