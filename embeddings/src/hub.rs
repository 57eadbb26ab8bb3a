//! A model out of a repository of a model hub, for those who can reach one.
//!
//! ```text
//! <data>/assets/hub/<owner>--<name>@<revision>/     the files, once all are there
//! ```
//!
//! Nobody has pinned these files, so there is no checksum to hold them to; who wants that names a commit as the
//! revision. What was fetched is not fetched again: an index must not change under a running service because
//! somebody pushed to a branch.
//!
//! The hub's files are plain downloads. Its own client was not taken: the release that fits our dependencies pulls
//! in a licence that `deny.toml` does not allow, the next an HTTP stack and a storage protocol of its own.

use std::io;
use std::path::Path;
use std::time::Duration;

use fs_err as fs;

use crate::choice::{ModelChoice, Origin, OwnModel, Repository};
use crate::error::SetupError;
use crate::manifest::TOKENIZER_FILE;
use crate::recipe::{SMALL_FILES, WEIGHTS};
use crate::setup::SetupOptions;
use casebook_fetch::Progress;

/// Says which commit an answer is from, so that all files are of one.
const COMMIT: &str = "x-repo-commit";

impl ModelChoice {
    /// Brings a hub's model into the data folder `data`, unless it is there, and returns the choice of that folder.
    /// Any other choice is returned as it is. The call blocks.
    ///
    /// # Errors
    /// [`SetupError::Hub`] where the hub or the repository is not reachable.
    pub fn fetch(
        &self,
        data: &Path,
        options: &SetupOptions,
        progress: &dyn Progress,
    ) -> Result<Self, SetupError> {
        let Self::Own(model) = self else {
            return Ok(self.clone());
        };
        let Origin::Hub(repository) = &model.origin else {
            return Ok(self.clone());
        };
        let folder = std::path::absolute(data)?
            .join("assets")
            .join("hub")
            .join(format!("{}@{}", repository.id, repository.revision).replace('/', "--"));
        if !folder.is_dir() {
            let failed = |message: String| SetupError::Hub {
                repository: repository.id.clone(),
                endpoint: repository.endpoint.clone(),
                message,
            };
            if options.offline {
                return Err(failed("downloads are switched off".to_owned()));
            }
            download(repository, &folder, progress).map_err(|e| match e {
                Trouble::Hub(message) => failed(message),
                Trouble::Disk(e) => SetupError::File(e),
            })?;
        }
        Ok(Self::Own(OwnModel {
            origin: Origin::Folder(folder),
            ..model.clone()
        }))
    }
}

enum Trouble {
    Hub(String),
    Disk(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(e: io::Error) -> Self {
        Self::Disk(e)
    }
}

/// Downloads all files, and gives the folder its name when they are there.
fn download(
    repository: &Repository,
    folder: &Path,
    progress: &dyn Progress,
) -> Result<(), Trouble> {
    let parent = folder.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent)?;
    let temporary = tempfile::Builder::new()
        .prefix(".fetching-")
        .tempdir_in(parent)?;
    let mut hub = Hub::new(repository, progress);
    for name in SMALL_FILES {
        hub.get(name, temporary.path())?;
    }
    if !hub.get(TOKENIZER_FILE, temporary.path())? {
        return Err(Trouble::Hub(format!(
            "the repository holds no {TOKENIZER_FILE} at {}",
            repository.revision
        )));
    }
    let mut found = false;
    for name in WEIGHTS {
        if !found {
            found = hub.get(name, temporary.path())?;
        }
    }
    if !found {
        return Err(Trouble::Hub(format!(
            "the repository holds none of {}",
            WEIGHTS.join(", ")
        )));
    }
    // Readable by the service, which may run as another user; a temporary folder is not.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(temporary.path(), std::fs::Permissions::from_mode(0o755))?;
    }
    match fs::rename(temporary.path(), folder) {
        // Another process was quicker.
        Err(_) if folder.is_dir() => Ok(()),
        result => Ok(result?),
    }
}

struct Hub<'a> {
    agent: ureq::Agent,
    repository: &'a Repository,
    /// The revision, or the commit that it was when the first file came.
    revision: String,
    progress: &'a dyn Progress,
}

impl<'a> Hub<'a> {
    fn new(repository: &'a Repository, progress: &'a dyn Progress) -> Self {
        Self {
            agent: ureq::Agent::config_builder()
                .timeout_connect(Some(Duration::from_secs(15)))
                .timeout_recv_response(Some(Duration::from_secs(30)))
                .timeout_recv_body(Some(Duration::from_secs(1800)))
                .http_status_as_error(false)
                .build()
                .into(),
            repository,
            revision: repository.revision.clone(),
            progress,
        }
    }

    /// Downloads a file; false where the repository does not hold it.
    fn get(&mut self, name: &str, folder: &Path) -> Result<bool, Trouble> {
        let Repository { id, endpoint, .. } = self.repository;
        let address = format!(
            "{}/{id}/resolve/{}/{name}",
            endpoint.trim_end_matches('/'),
            // A branch may have slashes; in the address it is one part.
            self.revision.replace('/', "%2F")
        );
        let response = self
            .agent
            .get(&address)
            .call()
            .map_err(|e| Trouble::Hub(format!("{name}: {e}")))?;
        match response.status().as_u16() {
            200 => {}
            404 => return Ok(false),
            // What the hub answers for a name that it does not know, lest it tell which private ones there are.
            401 | 403 => {
                return Err(Trouble::Hub(format!(
                    "{name}: there is no such repository, or it is not public"
                )));
            }
            status => return Err(Trouble::Hub(format!("{name}: the hub answered {status}"))),
        }
        let header = |name: &str| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        if let Some(commit) = header(COMMIT)
            && commit.bytes().all(|b| b.is_ascii_hexdigit())
        {
            self.revision = commit.to_owned();
        }
        let bytes: Option<u64> = header("content-length").and_then(|n| n.parse().ok());
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let mut out = fs::File::create(&path)?;
        // The small files are too many and too quick for a bar each.
        if bytes.is_none_or(|bytes| bytes > 1_000_000) {
            self.progress
                .begin(&format!("{id}, {name}"), bytes.unwrap_or_default());
        }
        let copied = self.copy(&mut response.into_body().into_reader(), &mut out);
        self.progress.end();
        let copied = copied.map_err(|e| match e {
            Trouble::Hub(message) => Trouble::Hub(format!("{name}: {message}")),
            e => e,
        })?;
        match bytes {
            Some(bytes) if bytes != copied => Err(Trouble::Hub(format!(
                "{name}: the connection ended after {copied} of {bytes} bytes"
            ))),
            _ => {
                out.sync_all()?;
                Ok(true)
            }
        }
    }

    /// Copies, and tells a fault of the network from one of the disk.
    fn copy(&self, from: &mut dyn io::Read, to: &mut dyn io::Write) -> Result<u64, Trouble> {
        let mut buffer = vec![0; 1 << 16];
        let mut copied = 0;
        loop {
            let n = from
                .read(&mut buffer)
                .map_err(|e| Trouble::Hub(e.to_string()))?;
            if n == 0 {
                return Ok(copied);
            }
            to.write_all(&buffer[..n])?;
            copied += n as u64;
            self.progress.at(copied);
        }
    }
}
