//! Why assets could not be set up, in sentences that say what to do next.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// What is still missing, for the errors: a person should hear of all of it at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// The names of the wheels, or of the files, that have to be found.
    pub files: Vec<String>,
    /// Bytes that they take in the data folder while they are unpacked.
    pub bytes: u64,
    /// The data folder.
    pub folder: PathBuf,
}

impl Needs {
    pub(crate) fn disk_full(&self) -> SetupError {
        SetupError::DiskFull {
            folder: self.folder.clone(),
            bytes: self.bytes,
        }
    }
}

impl fmt::Display for Needs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "put these files into a folder and name it as the assets folder: {}",
            self.files.join(", ")
        )
    }
}

/// Why assets could not be set up. Each message says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The list of assets compiled into the program cannot be read: a fault of the build.
    #[error("the program's list of assets is damaged ({0}); install Casebook again")]
    Manifest(String),
    /// No asset has this name.
    #[error("there is no asset named {asset}; known are {known}")]
    UnknownAsset {
        /// The name that was asked for.
        asset: String,
        /// The names there are.
        known: String,
    },
    /// There is no file for this kind of machine.
    #[error("{asset} is not available for {platform}; run Casebook on one of {supported}")]
    UnsupportedPlatform {
        /// The asset.
        asset: String,
        /// This machine.
        platform: String,
        /// The machines that are supported.
        supported: String,
    },
    /// A file is not the one that was pinned.
    #[error(
        "{file} is not the file Casebook was tested with: SHA-256 {expected} expected, {found} found; delete it if it is \
         yours, fetch it again, and ask your package mirror's operator if it stays wrong"
    )]
    WrongChecksum {
        /// The file, or where its bytes came from.
        file: String,
        /// The pinned checksum.
        expected: String,
        /// The checksum found, or what else was wrong.
        found: String,
    },
    /// Python or its pip is not there.
    #[error("pip cannot be run ({message}); install Python 3 with pip, or {needs}")]
    NoPip {
        /// What the system said.
        message: String,
        /// What is missing.
        needs: Needs,
    },
    /// pip reached no package index.
    #[error(
        "pip could not reach its package index for {wheel} ({message}); connect this machine to the network or configure pip's index, or {needs}"
    )]
    NoNetwork {
        /// The wheel.
        wheel: String,
        /// pip's last line.
        message: String,
        /// What is missing.
        needs: Needs,
    },
    /// pip ended with an error.
    #[error("pip could not download {wheel}: {message}; check pip's configuration, or {needs}")]
    PipFailed {
        /// The wheel.
        wheel: String,
        /// pip's last line.
        message: String,
        /// What is missing.
        needs: Needs,
    },
    /// A web address did not yield its file.
    #[error(
        "{address} could not be downloaded: {message}; run the set-up again to continue, or {needs}"
    )]
    AddressFailed {
        /// The address.
        address: String,
        /// What happened.
        message: String,
        /// What is missing.
        needs: Needs,
    },
    /// A model hub did not yield a model.
    #[error(
        "the model {repository} could not be fetched from {endpoint}: {message}; check the name and this machine's \
         network, or fetch its files on another machine and name the folder instead: model = {{ folder = \"...\" }}"
    )]
    Hub {
        /// The repository, `owner/name`.
        repository: String,
        /// The hub's address.
        endpoint: String,
        /// What happened.
        message: String,
    },
    /// A wheel does not hold the file that it should.
    #[error(
        "{member} could not be read from {wheel}: {message}; delete that wheel and fetch it again"
    )]
    BadWheel {
        /// The wheel.
        wheel: String,
        /// The file inside.
        member: String,
        /// What was wrong.
        message: String,
    },
    /// Something is missing and downloads are forbidden.
    #[error("downloads are switched off and files are missing; allow downloads once, or {0}")]
    Offline(Needs),
    /// The disk is full.
    #[error("no space is left for {}: up to {bytes} bytes are needed; free them and run the set-up again", folder.display())]
    DiskFull {
        /// The data folder.
        folder: PathBuf,
        /// Bytes needed at most.
        bytes: u64,
    },
    /// The data folder cannot be written to.
    #[error("the data folder {} cannot be written to ({source}); give this user the right to write there, or name another data folder", folder.display())]
    NotWritable {
        /// The data folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The assets folder cannot be read.
    #[error("the assets folder {} cannot be read ({source}); check its name and this user's rights", folder.display())]
    AssetsFolder {
        /// The assets folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another failure of the file system; the message holds the path.
    #[error("{0}; check that file and run the set-up again")]
    File(#[from] io::Error),
}

/// A failure of the file system that a person can do something about gets its own sentence.
pub(crate) fn classify(e: io::Error, needs: &Needs) -> SetupError {
    match e.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => needs.disk_full(),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            SetupError::NotWritable {
                folder: needs.folder.clone(),
                source: e,
            }
        }
        _ => SetupError::File(e),
    }
}
