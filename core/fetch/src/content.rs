//! Whether what arrived is the kind of file that was asked for.
//!
//! A publisher's server answers 200 with a licence page, a "we are down" page or a page of a firewall in between.
//! And a file can be cut short where the publisher's own upload broke: then every byte that was announced arrives.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use fs_err as fs;

/// What a file is, by the ending of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Also a workbook, which is a zip.
    Zip,
    Pdf,
    Json,
    Other,
}

impl Kind {
    fn of(name: &str) -> Self {
        let ending = name.rsplit('.').next().unwrap_or_default();
        match ending.to_ascii_lowercase().as_str() {
            "zip" | "xlsx" => Self::Zip,
            "pdf" => Self::Pdf,
            "json" => Self::Json,
            _ => Self::Other,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Zip => "a zip file",
            Self::Pdf => "a PDF file",
            Self::Json => "a JSON document",
            Self::Other => "a data file",
        }
    }
}

/// What is wrong with a file that arrived.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// It is something else.
    Else {
        found: String,
        expected: &'static str,
    },
    /// It begins as it should and does not end so.
    Damaged { kind: &'static str, message: String },
}

/// Looks at the file at `path`, which is to be named `name`.
pub(crate) fn look(path: &Path, name: &str) -> io::Result<Result<(), Wrong>> {
    let kind = Kind::of(name);
    let mut file = fs::File::open(path)?;
    let size = file.metadata()?.len();
    let mut head = Vec::new();
    file.by_ref().take(1024).read_to_end(&mut head)?;
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(size.saturating_sub(1024)))?;
    file.read_to_end(&mut tail)?;
    let other = |found: &str| {
        Ok(Err(Wrong::Else {
            found: found.to_owned(),
            expected: kind.words(),
        }))
    };
    let damaged = |message: &str| {
        Ok(Err(Wrong::Damaged {
            kind: kind.words().trim_start_matches("a "),
            message: message.to_owned(),
        }))
    };
    if size == 0 {
        return other("an empty file");
    }
    if is_web_page(&head) {
        return other("a web page");
    }
    match kind {
        Kind::Zip if !head.starts_with(b"PK") => other("something else"),
        Kind::Zip => {
            // Reads the directory at the end, and finds it only if the file is whole.
            match zip::ZipArchive::new(io::BufReader::new(fs::File::open(path)?)) {
                Ok(archive) if archive.is_empty() => damaged("it holds no file"),
                Ok(_) => Ok(Ok(())),
                Err(e) => damaged(&e.to_string()),
            }
        }
        Kind::Pdf if !head.starts_with(b"%PDF-") => other("something else"),
        Kind::Pdf if !tail.windows(5).any(|w| w == b"%%EOF") => damaged("its end is missing"),
        Kind::Json => {
            let first = head.iter().find(|b| !b.is_ascii_whitespace());
            let last = tail.iter().rfind(|b| !b.is_ascii_whitespace());
            match (first, last) {
                (Some(b'{'), Some(b'}')) | (Some(b'['), Some(b']')) => Ok(Ok(())),
                (Some(b'{' | b'['), _) => damaged("its end is missing"),
                _ => other("something else"),
            }
        }
        Kind::Pdf | Kind::Other => Ok(Ok(())),
    }
}

fn is_web_page(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head).to_lowercase();
    let text = text.trim_start_matches('\u{feff}').trim_start();
    text.starts_with("<!doctype html")
        || text.starts_with("<html")
        || (text.starts_with("<?xml") || text.starts_with("<!--")) && text.contains("<html")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looked(name: &str, bytes: &[u8]) -> Result<(), Wrong> {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("x.part");
        fs::write(&path, bytes).unwrap();
        look(&path, name).unwrap()
    }

    fn found(name: &str, bytes: &[u8]) -> String {
        match looked(name, bytes).unwrap_err() {
            Wrong::Else { found, .. } => found,
            Wrong::Damaged { message, .. } => format!("damaged: {message}"),
        }
    }

    fn zip() -> Vec<u8> {
        use std::io::Write;
        let mut zip = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
        let stored = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Stored);
        zip.start_file("a.txt", stored).unwrap();
        zip.write_all(&[b'a'; 5000]).unwrap();
        zip.finish().unwrap().into_inner()
    }

    #[test]
    fn whole_files_pass() {
        for (name, bytes) in [
            ("a.zip", zip()),
            ("a.XLSX", zip()),
            ("a.pdf", b"%PDF-1.7\n...\n%%EOF\r\n".to_vec()),
            ("a.json", b"{\"data\": []}\n".to_vec()),
            (
                "a.xml",
                b"<?xml version=\"1.0\"?><ICD10CM.tabular/>".to_vec(),
            ),
            ("a.txt", b"A00 x".to_vec()),
        ] {
            assert_eq!(looked(name, &bytes), Ok(()), "{name}");
        }
    }

    #[test]
    fn a_web_page_is_no_file() {
        for page in [
            "<!DOCTYPE html><title>License Agreement</title>",
            "\u{feff}\n <HTML lang=en>",
            "<?xml version=\"1.0\"?>\n<html xmlns=\"x\">",
            "<!-- cached --><html>",
        ] {
            for name in ["a.zip", "a.pdf", "a.json", "a.txt"] {
                assert_eq!(found(name, page.as_bytes()), "a web page", "{page}");
            }
        }
        assert_eq!(found("a.zip", b"Access denied"), "something else");
        assert_eq!(found("a.json", b"Access denied"), "something else");
        assert_eq!(found("a.pdf", &zip()), "something else");
        assert_eq!(found("a.txt", b""), "an empty file");
    }

    #[test]
    fn a_file_without_its_end_is_damaged() {
        let whole = zip();
        for n in [4, 100, whole.len() - 30, whole.len() - 1] {
            let said = found("a.zip", &whole[..n]);
            assert!(said.starts_with("damaged"), "{n}: {said}");
        }
        assert!(found("a.pdf", b"%PDF-1.7\n...").starts_with("damaged"));
        assert!(found("a.json", b"{\"data\": [").starts_with("damaged"));
    }
}
