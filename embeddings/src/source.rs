//! Where an asset's file comes from: a folder a person prepared, a wheel that pip downloads, a web address.
//!
//! Nothing here is trusted. A file counts once its bytes have the pinned checksum, and only then does it get
//! its final name, by one rename: a set-up that is killed leaves whole files or none.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use casebook_fetch::file::{Hashing, sha256, sync_folder, temporary};
use casebook_fetch::{Cut, Limits, Progress, Transfer, discard, transfer};
use fs_err as fs;

use crate::error::{Needs, SetupError};
use crate::manifest::{self, Wheel};

/// How often a download's growing file is looked at, for the progress bar only.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The extension of a download that can be continued.
pub(crate) const PART: &str = "part";

/// What a download from an address may cost, besides its size, which is pinned.
const LIMITS: Limits = Limits {
    bytes: u64::MAX,
    attempts: 3,
    wait: Duration::from_millis(200),
    connect: Duration::from_secs(15),
    silence: Duration::from_secs(30),
    attempt: Duration::from_secs(1800),
};

/// Where a verified file goes, and the folder on the same file system where it is written first.
pub(crate) struct Target<'a> {
    pub file: &'a manifest::File,
    pub to: &'a Path,
    pub temporary: &'a Path,
}

/// Copies `from` to a temporary file, checks its checksum, and renames it to its place.
/// `origin` names where the bytes come from, for the error.
pub(crate) fn place(from: impl Read, target: &Target<'_>, origin: &str) -> Result<(), SetupError> {
    let Target {
        file,
        to,
        temporary: beside,
    } = *target;
    let folder = to.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut temporary = temporary(beside)?;
    // One byte more than expected is enough to know that the file is wrong.
    let mut from = Hashing::new(from.take(file.bytes + 1));
    io::copy(&mut from, &mut temporary)?;
    let found = from.finish();
    if found != file.sha256 {
        return Err(SetupError::WrongChecksum {
            file: origin.to_owned(),
            expected: file.sha256.clone(),
            found,
        });
    }
    temporary.as_file().sync_all()?;
    temporary.persist(to).map_err(|e| e.error)?;
    Ok(sync_folder(folder)?)
}

/// Takes `member` out of the wheel at `wheel` and places it.
pub(crate) fn extract(wheel: &Path, member: &str, target: &Target<'_>) -> Result<(), SetupError> {
    let bad = |e: zip::result::ZipError| SetupError::BadWheel {
        wheel: wheel.display().to_string(),
        member: member.to_owned(),
        message: e.to_string(),
    };
    let mut archive = zip::ZipArchive::new(fs::File::open(wheel)?).map_err(bad)?;
    let reader = archive.by_name(member).map_err(bad)?;
    place(reader, target, &format!("{member} in {}", wheel.display()))
}

/// The first regular file among `candidates` that has the checksum; an error where some are there and none has it.
pub(crate) fn pick(
    candidates: &[PathBuf],
    bytes: u64,
    expected: &str,
) -> Result<Option<PathBuf>, SetupError> {
    let mut wrong = None;
    for path in candidates {
        if !path.is_file() {
            continue;
        }
        let opened = fs::File::open(path)?;
        let size = opened.metadata()?.len();
        let found = if size == bytes {
            sha256(opened)?
        } else {
            format!("a file of {size} bytes, not {bytes}")
        };
        if found == expected {
            return Ok(Some(path.clone()));
        }
        wrong.get_or_insert(SetupError::WrongChecksum {
            file: path.display().to_string(),
            expected: expected.to_owned(),
            found,
        });
    }
    wrong.map_or(Ok(None), Err)
}

/// Downloads `wheel` into `folder`, which is empty and ours, with `python -m pip download`.
///
/// pip is asked rather than an index, so that a hospital's own mirror and proxy are used as they are configured.
pub(crate) fn pip(
    python: &OsStr,
    wheel: &Wheel,
    folder: &Path,
    needs: &Needs,
    progress: &dyn Progress,
) -> Result<PathBuf, SetupError> {
    let downloads = folder.join("wheels");
    fs::create_dir(&downloads)?;
    let child = Command::new(python)
        .args([
            "-m",
            "pip",
            "download",
            "--no-deps",
            "--only-binary=:all:",
            "--no-cache-dir",
            "--no-input",
        ])
        .args([
            "--disable-pip-version-check",
            "--progress-bar=off",
            "--retries=2",
            "--dest",
        ])
        .arg(&downloads)
        .args(&wheel.pip)
        .arg(&wheel.requirement)
        // `-m` looks for modules in the working folder first; ours is empty.
        .current_dir(folder)
        .env("TMPDIR", folder)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        // Nothing is installed, so a machine that allows pip only in environments is not disobeyed.
        .env("PIP_REQUIRE_VIRTUALENV", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(e) => {
            let message = format!("{}: {e}", python.display());
            return Err(SetupError::NoPip {
                message,
                needs: needs.clone(),
            });
        }
    };
    // Read into memory: a full disk could not hold what pip says of it. Read beside the wait: a full pipe stops pip.
    let errors = child.stderr.take();
    let reader = std::thread::spawn(move || {
        let mut said = Vec::new();
        // What was read before a failure is all there is to show.
        let _ = errors.map(|mut errors| errors.read_to_end(&mut said));
        said
    });
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        progress.at(largest_wheel(folder));
        std::thread::sleep(LOOK_EVERY);
    };
    let said = reader.join().unwrap_or_default();
    if status.success() {
        let path = downloads.join(&wheel.file);
        return match pick(std::slice::from_ref(&path), wheel.bytes, &wheel.sha256)? {
            Some(path) => Ok(path),
            None => Err(SetupError::PipFailed {
                wheel: wheel.file.clone(),
                message: "pip downloaded a file of another name".to_owned(),
                needs: needs.clone(),
            }),
        };
    }
    Err(pip_error(&String::from_utf8_lossy(&said), wheel, needs))
}

/// What pip's words on standard error mean for the person.
fn pip_error(said: &str, wheel: &Wheel, needs: &Needs) -> SetupError {
    let lines = || said.lines().map(str::trim).filter(|l| !l.is_empty());
    let last = lines()
        .rfind(|l| l.starts_with("ERROR"))
        .or_else(|| lines().next_back())
        .unwrap_or("it said nothing");
    let message = last.trim_start_matches("ERROR:").trim().to_owned();
    if said.contains("No module named pip") {
        SetupError::NoPip {
            message,
            needs: needs.clone(),
        }
    } else if said.contains("No space left on device") {
        needs.disk_full()
    } else if lines().any(|l| l.starts_with("WARNING: Retrying")) {
        // pip ends with "No matching distribution found", which would send the reader the wrong way.
        SetupError::NoNetwork {
            wheel: wheel.file.clone(),
            message,
            needs: needs.clone(),
        }
    } else {
        SetupError::PipFailed {
            wheel: wheel.file.clone(),
            message,
            needs: needs.clone(),
        }
    }
}

/// The size of the largest wheel under `folder`. pip downloads into a folder of its own making below TMPDIR.
fn largest_wheel(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    let size = |entry: fs::DirEntry| {
        let path = entry.path();
        match entry.metadata() {
            Ok(m) if m.is_dir() => largest_wheel(&path),
            Ok(m) if path.extension() == Some(OsStr::new("whl")) => m.len(),
            _ => 0,
        }
    };
    entries.flatten().map(size).max().unwrap_or(0)
}

/// Downloads a file from `address` and places it. What a cut connection left is kept and taken up again, by this
/// call or the next.
pub(crate) fn address(
    address: &str,
    target: &Target<'_>,
    needs: &Needs,
    progress: &dyn Progress,
) -> Result<(), SetupError> {
    // Named by its content, so that another version's remainder is not taken up.
    let part = &target
        .temporary
        .join(format!("{}.{PART}", target.file.sha256));
    let request = Transfer {
        url: address,
        bytes: Some(target.file.bytes),
        pinned: true,
        redirects: &[],
        held: None,
        limits: &LIMITS,
    };
    match transfer(&request, part, progress) {
        Ok(_) => {
            let placed = place(fs::File::open(part)?, target, address);
            // Whole and wrong, or whole and placed: in both cases there is nothing to take up again.
            discard(part)?;
            placed
        }
        Err(Cut::Disk(e)) => Err(e.into()),
        Err(cut) => Err(SetupError::AddressFailed {
            address: address.to_owned(),
            message: cut.to_string(),
            needs: needs.clone(),
        }),
    }
}
