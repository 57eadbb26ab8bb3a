//! What every placed file needs: its checksum, a temporary file that others may read later, a rename that lasts.

use std::io::{self, Read};
use std::path::Path;

use fs_err as fs;
use sha2::{Digest, Sha256};

/// Passes on what it reads, and knows its SHA-256 in the end.
pub struct Hashing<R> {
    inner: R,
    hash: Sha256,
}

impl<R: Read> Hashing<R> {
    /// Reads from `inner`.
    pub fn new(inner: R) -> Self {
        Self {
            inner,
            hash: Sha256::new(),
        }
    }

    /// The SHA-256 of what was read, in lower-case hex.
    pub fn finish(self) -> String {
        use std::fmt::Write;
        let hash = self.hash.finalize();
        hash.iter().fold(String::with_capacity(64), |mut hex, b| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{b:02x}");
            hex
        })
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.hash.update(&buffer[..n]);
        Ok(n)
    }
}

/// The SHA-256 of everything that `from` yields, in lower-case hex.
///
/// # Errors
/// Those of `from`.
pub fn sha256(from: impl Read) -> io::Result<String> {
    let mut hashing = Hashing::new(io::BufReader::with_capacity(1 << 16, from));
    io::copy(&mut hashing, &mut io::sink())?;
    Ok(hashing.finish())
}

/// A temporary file in `folder` that everybody may read once it is in place: the service may run as another user
/// than the person who fetches. The process's umask applies.
///
/// # Errors
/// Those of the file system.
#[cfg(unix)]
pub fn temporary(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    use std::os::unix::fs::PermissionsExt;
    let permissions = std::fs::Permissions::from_mode(0o644);
    tempfile::Builder::new()
        .permissions(permissions)
        .tempfile_in(folder)
}

/// A temporary file in `folder`.
///
/// # Errors
/// Those of the file system.
#[cfg(not(unix))]
pub fn temporary(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    tempfile::Builder::new().tempfile_in(folder)
}

/// Makes a rename in `folder` survive a power cut.
///
/// # Errors
/// Those of the file system.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Writes `text` to `path`, all of it or nothing.
///
/// # Errors
/// Those of the file system.
pub fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    use std::io::Write;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = temporary(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|e| e.error)?;
    sync_folder(folder)
}
