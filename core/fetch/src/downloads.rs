//! The folder of downloads: what is there, and how a file gets there.
//!
//! ```text
//! <downloads>/record.toml                    what was fetched, with checksums
//! <downloads>/.lock                          held by the one process that fetches
//! <downloads>/<source>/<edition>/<file>      a whole, checked file
//! <downloads>/<source>/<edition>/<file>.part what has arrived of one, and <file>.part.toml, of which version
//! ```
//!
//! A file gets its name by one rename, after it arrived whole and was looked at. A process that is killed leaves what
//! was there before, and a part that the next one continues.

use std::io;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use fs_err as fs;

use crate::content::{self, Wrong};
use crate::error::{FetchError, Place};
use crate::file;
use crate::publishers::{Wanted, is_plain};
use crate::record::{Entry, Former, Record};
use crate::transfer::{Arrived, Cut, Limits, Transfer, Validators, discard, transfer};
use crate::{Progress, checked};

/// How to fetch.
#[derive(Debug, Clone)]
pub struct How {
    /// The day that is recorded.
    pub today: NaiveDate,
    /// Whether a file that the publisher changed within an edition replaces the one that is there.
    pub accept_changed: bool,
    /// What it may cost.
    pub limits: Limits,
}

/// A file that is in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in lower-case hex.
    pub sha256: String,
    /// How many bytes were there already when the transfer began.
    pub resumed_from: u64,
    /// How the server names this version.
    pub validators: Validators,
    /// Whether it was there before, the same.
    pub unchanged: bool,
}

/// The folder of downloads, for as long as this process fetches into it.
#[derive(Debug)]
pub struct Downloads {
    folder: PathBuf,
    record: Record,
    // Unlocked when it is dropped.
    _lock: fs::File,
}

impl Downloads {
    /// Opens the folder, which is made where it is missing. Waits while another process fetches into it.
    ///
    /// # Errors
    /// The folder cannot be written to, or its record cannot be read.
    pub fn open(folder: &Path, progress: &dyn Progress) -> Result<Self, FetchError> {
        let folder = std::path::absolute(folder)?;
        fs::create_dir_all(&folder)?;
        let lock = fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join(".lock"))?;
        if lock.try_lock().is_err() {
            progress.note("another process is fetching into this folder; waiting for it");
            lock.lock()?;
        }
        let record = Record::open(&folder)?;
        Ok(Self {
            folder,
            record,
            _lock: lock,
        })
    }

    /// What was fetched so far.
    pub fn entries(&self) -> &[Entry] {
        self.record.entries()
    }

    /// Brings one file into its place, and records it.
    ///
    /// What is there and recorded is only asked for: has it changed? A file whose content differs from what was
    /// recorded for the same edition does not replace it, unless `how` accepts that.
    ///
    /// # Errors
    /// [`FetchError`], whose message says what to do next; what was in the file's place is then still there.
    pub fn fetch(
        &mut self,
        wanted: &Wanted,
        how: &How,
        progress: &dyn Progress,
    ) -> Result<Fetched, FetchError> {
        let wrong = |message| FetchError::Table {
            origin: "the table of publishers".to_owned(),
            message,
        };
        checked(&wanted.url).map_err(wrong)?;
        for name in [&wanted.source, &wanted.edition, &wanted.file_name] {
            if !is_plain(name) {
                return Err(wrong(format!(
                    "{name:?} is no plain name for a file or folder"
                )));
            }
        }
        let folder = self.folder.join(&wanted.source).join(&wanted.edition);
        fs::create_dir_all(&folder)?;
        let path = folder.join(&wanted.file_name);
        let part = folder.join(format!("{}.part", wanted.file_name));

        let known = self
            .record
            .find(&wanted.source, &wanted.edition, &wanted.file_name)
            .cloned();
        let there = match fs::File::open(&path) {
            Ok(file) => Some(file::sha256(file)?),
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => return Err(e.into()),
        };
        // A file that was damaged or removed since is fetched again, not asked for.
        let intact = known
            .as_ref()
            .filter(|e| there.as_ref() == Some(&e.sha256) && e.url == wanted.url);
        let held = intact.map(Entry::validators);

        let what = format!(
            "{}, {}: {}",
            wanted.source, wanted.edition, wanted.file_name
        );
        progress.begin(&what, 0);
        let arrived = transfer(
            &Transfer {
                url: &wanted.url,
                bytes: None,
                pinned: wanted.sha256.is_some(),
                redirects: &wanted.redirects,
                held: held.as_ref(),
                limits: &how.limits,
            },
            &part,
            progress,
        );
        progress.end();
        let arrived = arrived.map_err(|cut| self.explain(cut, wanted, &path, &part))?;

        let (bytes, resumed_from, validators) = match (arrived, intact) {
            (Arrived::Unchanged, Some(entry)) => {
                discard(&part)?;
                let entry = Entry {
                    checked: how.today,
                    ..entry.clone()
                };
                let fetched = Fetched {
                    path,
                    bytes: entry.bytes,
                    sha256: entry.sha256.clone(),
                    resumed_from: 0,
                    validators: entry.validators(),
                    unchanged: true,
                };
                self.record.put(entry)?;
                return Ok(fetched);
            }
            // Only what is intact is asked for with its validators, so this is not reached.
            (Arrived::Unchanged, None) => {
                return Err(FetchError::Status {
                    place: place(wanted),
                    status: 304,
                });
            }
            (
                Arrived::Whole {
                    bytes,
                    resumed_from,
                    validators,
                },
                _,
            ) => (bytes, resumed_from, validators),
        };

        let sha256 = match self.judge(wanted, &part) {
            Ok(sha256) => sha256,
            Err(e) => {
                discard(&part)?;
                return Err(e);
            }
        };
        // What a person left there counts too: it may be what was loaded.
        let former = match (&known, &there) {
            (Some(e), _) => Some((e.sha256.clone(), Some(e.fetched))),
            (None, Some(sha256)) => Some((sha256.clone(), None)),
            (None, None) => None,
        };
        let same = former.as_ref().is_some_and(|(old, _)| *old == sha256);
        if let Some((old, since)) = &former
            && !same
            && !wanted.may_change
            && !how.accept_changed
        {
            discard(&part)?;
            return Err(FetchError::Changed {
                place: place(wanted),
                path,
                since: *since,
                old: old.clone(),
                new: sha256,
            });
        }

        fs::rename(&part, &path)?;
        discard(&part)?;
        file::sync_folder(&folder)?;
        let mut replaced = known.as_ref().map_or(Vec::new(), |e| e.replaced.clone());
        if let Some((sha256, fetched)) = former.filter(|_| !same) {
            replaced.push(Former { sha256, fetched });
        }
        self.record.put(Entry {
            source: wanted.source.clone(),
            edition: wanted.edition.clone(),
            file: wanted.file_name.clone(),
            url: wanted.url.clone(),
            bytes,
            sha256: sha256.clone(),
            fetched: match &known {
                Some(e) if same => e.fetched,
                _ => how.today,
            },
            checked: how.today,
            etag: validators.etag.clone(),
            last_modified: validators.last_modified.clone(),
            replaced,
        })?;
        Ok(Fetched {
            path,
            bytes,
            sha256,
            resumed_from,
            validators,
            unchanged: same && there.is_some(),
        })
    }

    /// Where a file of a source's edition goes, whose folder is made.
    ///
    /// # Errors
    /// A name that is not plain; those of the file system.
    pub fn place(&self, source: &str, edition: &str, file: &str) -> Result<PathBuf, FetchError> {
        for name in [source, edition, file] {
            if !is_plain(name) {
                return Err(FetchError::Table {
                    origin: "the table of publishers".to_owned(),
                    message: format!("{name:?} is no plain name for a file or folder"),
                });
            }
        }
        let folder = self.folder.join(source).join(edition);
        fs::create_dir_all(&folder)?;
        Ok(folder.join(file))
    }

    /// Takes a file that was put together from a publisher's answers, `part`, to its place, and records it as coming from
    /// `url`. What stood there before is replaced: it was asked anew.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn keep(
        &mut self,
        (source, edition, file): (&str, &str, &str),
        url: &str,
        part: &Path,
        today: NaiveDate,
    ) -> Result<Fetched, FetchError> {
        let path = self.place(source, edition, file)?;
        let sha256 = file::sha256(fs::File::open(part)?)?;
        let bytes = fs::metadata(part)?.len();
        fs::rename(part, &path)?;
        if let Some(folder) = path.parent() {
            file::sync_folder(folder)?;
        }
        let known = self.record.find(source, edition, file).cloned();
        let unchanged = known.as_ref().is_some_and(|e| e.sha256 == sha256);
        let mut replaced = known.as_ref().map_or(Vec::new(), |e| e.replaced.clone());
        if let Some(e) = known.filter(|_| !unchanged) {
            replaced.push(Former {
                sha256: e.sha256,
                fetched: Some(e.fetched),
            });
        }
        self.record.put(Entry {
            source: source.to_owned(),
            edition: edition.to_owned(),
            file: file.to_owned(),
            url: url.to_owned(),
            bytes,
            sha256: sha256.clone(),
            fetched: today,
            checked: today,
            etag: None,
            last_modified: None,
            replaced,
        })?;
        Ok(Fetched {
            path,
            bytes,
            sha256,
            resumed_from: 0,
            validators: Validators::default(),
            unchanged,
        })
    }

    /// Whether what arrived in `part` is what was wanted; its checksum.
    fn judge(&self, wanted: &Wanted, part: &Path) -> Result<String, FetchError> {
        let place = place(wanted);
        match content::look(part, &wanted.file_name)? {
            Ok(()) => {}
            Err(Wrong::Else { found, expected }) => {
                return Err(FetchError::NotTheFile {
                    place,
                    found,
                    expected,
                });
            }
            Err(Wrong::Damaged { kind, message }) => {
                return Err(FetchError::Damaged {
                    place,
                    kind,
                    message,
                });
            }
        }
        let found = file::sha256(fs::File::open(part)?)?;
        match &wanted.sha256 {
            Some(expected) if *expected != found => Err(FetchError::WrongChecksum {
                place,
                expected: expected.clone(),
                found,
            }),
            _ => Ok(found),
        }
    }

    fn explain(&self, cut: Cut, wanted: &Wanted, path: &Path, part: &Path) -> FetchError {
        // An empty part says nothing; a leftover does no harm.
        if fs::metadata(part).is_ok_and(|m| m.len() == 0) {
            let _ = discard(part);
        }
        FetchError::of(cut, place(wanted), path.to_owned())
    }
}

fn place(wanted: &Wanted) -> Box<Place> {
    Box::new(Place {
        url: wanted.url.clone(),
        file: wanted.file_name.clone(),
        page: wanted.page.clone(),
    })
}
