//! `record.toml` in the folder of downloads: what was fetched, from where, when, and its checksum.

use std::io;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use fs_err as fs;
use serde::{Deserialize, Serialize};

use crate::error::FetchError;
use crate::file;
use crate::transfer::Validators;

const FILE: &str = "record.toml";

const HEAD: &str = "# What `casebook fetch` downloaded. A file that the publisher changes later is noticed by what stands here.\n\n";

/// A file that was fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The source's name.
    pub source: String,
    /// The edition's label.
    pub edition: String,
    /// The file's name.
    pub file: String,
    /// Where it came from.
    pub url: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in lower-case hex.
    pub sha256: String,
    /// The day on which it was fetched.
    pub fetched: NaiveDate,
    /// The day on which the publisher last had it unchanged.
    pub checked: NaiveDate,
    /// The server's `ETag`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// The server's `Last-Modified`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
    /// What it replaced, because a person accepted a change; the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaced: Vec<Former>,
}

/// A file that the publisher changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Former {
    /// Its SHA-256.
    pub sha256: String,
    /// The day on which it was fetched, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetched: Option<NaiveDate>,
}

impl Entry {
    pub(crate) fn validators(&self) -> Validators {
        Validators {
            etag: self.etag.clone(),
            last_modified: self.last_modified.clone(),
        }
    }
}

/// All that was fetched into a folder.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    #[serde(default)]
    file: Vec<Entry>,
    #[serde(skip)]
    path: PathBuf,
}

impl Record {
    /// Reads the record in `folder`, where there is one.
    pub fn open(folder: &Path) -> Result<Self, FetchError> {
        let path = folder.join(FILE);
        let text = match fs::read_to_string(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => String::new(),
            text => text?,
        };
        let record = toml::from_str::<Self>(&text).map_err(|e| FetchError::Record {
            path: path.clone(),
            message: e.to_string().trim_end().to_owned(),
        })?;
        Ok(Self { path, ..record })
    }

    pub fn entries(&self) -> &[Entry] {
        &self.file
    }

    pub fn find(&self, source: &str, edition: &str, file: &str) -> Option<&Entry> {
        self.file
            .iter()
            .find(|e| e.source == source && e.edition == edition && e.file == file)
    }

    /// Puts `entry` in the place of what was recorded of that file, and writes the record.
    pub fn put(&mut self, entry: Entry) -> Result<(), FetchError> {
        self.file.retain(|e| {
            (&e.source, &e.edition, &e.file) != (&entry.source, &entry.edition, &entry.file)
        });
        self.file.push(entry);
        self.file
            .sort_by(|a, b| (&a.source, a.fetched, &a.file).cmp(&(&b.source, b.fetched, &b.file)));
        let text = toml::to_string(self).map_err(io::Error::other)?;
        Ok(file::write_whole(&self.path, &format!("{HEAD}{text}"))?)
    }
}
