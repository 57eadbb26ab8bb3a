//! One file from one address, over a connection that may break.
//!
//! What has arrived lies in a part file and is taken up again, by the same call or by the next process. It is taken
//! up only if it certainly belongs to the same file: because the server names the version that it continues
//! (`If-Range` with the ETag or the date that came with the first bytes, RFC 9110, 13.1.5), or because the caller
//! knows the checksum and will notice. Otherwise the file is read from the beginning.
//!
//! Nothing is read over plain HTTP, except from this machine itself, and no redirect is followed to a host that the
//! caller did not name: a file of codes must come from whom it names as its source.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use fs_err as fs;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::Progress;
use crate::file;

/// How often a redirect is followed. Publishers use one; more than a few is a loop.
const REDIRECTS: usize = 5;

/// The longest wait between two attempts, also where the server asks for more: a person is watching.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What a transfer may cost.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The most bytes that are accepted.
    pub bytes: u64,
    /// How often the address is asked before the transfer fails. Each time continues where that is possible.
    pub attempts: u32,
    /// The wait before the second attempt; doubled for each one after it.
    pub wait: Duration,
    /// How long a connection may take.
    pub connect: Duration,
    /// How long a server may stay silent, before its answer and within it.
    pub silence: Duration,
    /// How long one attempt may take in all.
    pub attempt: Duration,
}

impl Default for Limits {
    /// 1 GiB (the largest file that is fetched today has 22 MB), five attempts, 15 s to connect, 60 s of silence,
    /// half an hour for an attempt.
    fn default() -> Self {
        Self {
            bytes: 1 << 30,
            attempts: 5,
            wait: Duration::from_secs(1),
            connect: Duration::from_secs(15),
            silence: Duration::from_secs(60),
            attempt: Duration::from_secs(1800),
        }
    }
}

/// How a server names a version of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validators {
    /// The `ETag` header, with its quotes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// The `Last-Modified` header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
}

impl Validators {
    fn of(headers: &ureq::http::HeaderMap) -> Self {
        Self {
            etag: header(headers, "etag"),
            last_modified: header(headers, "last-modified"),
        }
    }

    /// What identifies these very bytes: a strong ETag, else the date. A weak ETag may be shared by two files.
    fn if_range(&self) -> Option<&str> {
        let strong = self.etag.as_deref().filter(|e| !e.starts_with("W/"));
        strong.or(self.last_modified.as_deref())
    }

    /// Whether the two certainly name different versions.
    fn contradict(&self, other: &Self) -> bool {
        let differ =
            |a: &Option<String>, b: &Option<String>| matches!((a, b), (Some(a), Some(b)) if a != b);
        match (&self.etag, &other.etag) {
            (Some(_), Some(_)) => differ(&self.etag, &other.etag),
            _ => differ(&self.last_modified, &other.last_modified),
        }
    }
}

/// What is to be transferred.
#[derive(Debug, Clone)]
pub struct Transfer<'a> {
    /// The address: https, or http on this machine.
    pub url: &'a str,
    /// The exact size, where it is known.
    pub bytes: Option<u64>,
    /// Whether the caller knows the checksum, and so notices a remainder of another file.
    pub pinned: bool,
    /// Hosts that a redirect may lead to, besides the address's own.
    pub redirects: &'a [String],
    /// The version that the caller holds: the server need not send it again.
    pub held: Option<&'a Validators>,
    /// What it may cost.
    pub limits: &'a Limits,
}

/// How a transfer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrived {
    /// The server has the version that the caller holds.
    Unchanged,
    /// The part file is the whole file.
    Whole {
        /// Its size in bytes.
        bytes: u64,
        /// How many of them were there when the transfer began.
        resumed_from: u64,
        /// How the server names this version.
        validators: Validators,
    },
}

/// Why a transfer ended without its file.
#[derive(Debug, thiserror::Error)]
pub enum Cut {
    /// The file system of this machine; the message holds the path.
    #[error("{0}")]
    Disk(#[from] io::Error),
    /// The address may not be used.
    #[error("{0}")]
    Address(String),
    /// No answer: no connection, no name, a timeout.
    #[error("{0}")]
    Unreachable(String),
    /// The connection ended, or the server fell silent, before the file was whole.
    #[error("the connection ended after {have} {}bytes{why}", of.map_or(String::new(), |of| format!("of {of} ")))]
    Ended {
        /// Bytes that arrived, and are kept.
        have: u64,
        /// Bytes that were announced.
        of: Option<u64>,
        /// In parentheses, what the system said; empty where the server just closed it.
        why: String,
    },
    /// What was there did not fit what the server has now; it was dropped.
    #[error("{0}")]
    Restart(&'static str),
    /// The server answered with this status.
    #[error("the server answered {status}")]
    Status {
        /// The status.
        status: u16,
        /// How long the server asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// A redirect to somewhere else.
    #[error("the server sent us on to {to}, which is not listed as a host of this source")]
    Redirect {
        /// Where to.
        to: String,
    },
    /// The server sent more than the exact size.
    #[error("the server sent more than the {bytes} bytes expected")]
    TooMuch {
        /// The exact size.
        bytes: u64,
    },
    /// The file is larger than is accepted.
    #[error("the file is larger than the {limit} bytes that are accepted")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
}

impl Cut {
    /// Whether another attempt may succeed.
    fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Ended { .. } | Self::Restart(_) => true,
            Self::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500..),
            _ => false,
        }
    }
}

/// Checks that `address` may be read from: https, or http where the host is this machine.
///
/// # Errors
/// A sentence that names the address.
pub fn checked(address: &str) -> Result<Url, String> {
    let url = Url::parse(address).map_err(|e| format!("{address} is no web address: {e}"))?;
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        _ => Err(format!(
            "{address} is not fetched: only https:// is, because anybody on the way could change the file"
        )),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Brings the file at an address into `part`, continuing what is there.
///
/// On an error what has arrived stays in `part`, unless it is of no use. The progress gets sizes and positions;
/// its step is begun and ended by the caller.
///
/// # Errors
/// [`Cut`]: after the last attempt where another one might have helped, else at once.
pub fn transfer(
    request: &Transfer<'_>,
    part: &Path,
    progress: &dyn Progress,
) -> Result<Arrived, Cut> {
    let url = checked(request.url).map_err(Cut::Address)?;
    let mut part = Part::open(part, request)?;
    let mut wait = request.limits.wait;
    let mut attempt = 1;
    loop {
        match part.attempt(&url, request, progress) {
            Ok(Attempt::Unchanged) => return Ok(Arrived::Unchanged),
            Ok(Attempt::Whole) => {
                part.out.sync_all()?;
                return Ok(Arrived::Whole {
                    bytes: part.have,
                    resumed_from: part.inherited,
                    validators: part.version.validators.clone(),
                });
            }
            Err(cut) if cut.may_pass() && attempt < request.limits.attempts => {
                let asked = match &cut {
                    Cut::Status { retry_after, .. } => *retry_after,
                    _ => None,
                };
                let pause = asked.unwrap_or(wait).min(LONGEST_WAIT);
                tracing::debug!(url = request.url, attempt, error = %cut, "a transfer is tried again");
                if pause >= Duration::from_secs(1) {
                    progress.note(&format!("{cut}; trying again in {} s", pause.as_secs()));
                }
                std::thread::sleep(pause);
                wait = wait.saturating_mul(2);
                attempt += 1;
            }
            Err(cut) => return Err(cut),
        }
    }
}

/// A question to a publisher's API, whose answer is small.
#[derive(Clone)]
pub struct Ask<'a> {
    /// The address: https, or http on this machine.
    pub url: &'a str,
    /// The value of the `Authorization` header: a secret, which no message names.
    pub authorization: Option<&'a str>,
    /// What it may cost.
    pub limits: &'a Limits,
}

/// Asks, as often as the limits allow while the server is busy or away, and yields the status and what it said.
/// A redirect is not followed: a secret would go with it.
///
/// # Errors
/// [`Cut`]: no answer, or one of more bytes than the limits allow.
pub fn ask(question: &Ask<'_>, progress: &dyn Progress) -> Result<(u16, Vec<u8>), Cut> {
    let url = checked(question.url).map_err(Cut::Address)?;
    let limits = question.limits;
    let mut wait = limits.wait;
    let mut attempt = 1;
    loop {
        match once(&url, question) {
            Err(cut) if cut.may_pass() && attempt < limits.attempts => {
                let asked = match &cut {
                    Cut::Status { retry_after, .. } => *retry_after,
                    _ => None,
                };
                let pause = asked.unwrap_or(wait).min(LONGEST_WAIT);
                if pause >= Duration::from_secs(1) {
                    progress.note(&format!("{cut}; trying again in {} s", pause.as_secs()));
                }
                std::thread::sleep(pause);
                wait = wait.saturating_mul(2);
                attempt += 1;
            }
            other => return other,
        }
    }
}

fn once(url: &Url, question: &Ask<'_>) -> Result<(u16, Vec<u8>), Cut> {
    let mut get = agent(url, question.limits)
        .get(url.as_str())
        .header("Accept", "application/json")
        .header("Accept-Encoding", "identity");
    if let Some(value) = question.authorization {
        get = get.header("Authorization", value);
    }
    let response = get.call().map_err(|e| Cut::Unreachable(e.to_string()))?;
    let status = response.status().as_u16();
    if matches!(status, 408 | 425 | 429 | 500..) {
        let retry_after = header(response.headers(), "retry-after")
            .and_then(|v| v.trim().parse().ok())
            .map(Duration::from_secs);
        return Err(Cut::Status {
            status,
            retry_after,
        });
    }
    let announced = header(response.headers(), "content-length").and_then(|v| v.parse().ok());
    let limit = question.limits.bytes;
    let mut bytes = Vec::new();
    let read = response
        .into_body()
        .into_reader()
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes);
    let have = bytes.len() as u64;
    if have > limit {
        return Err(Cut::TooLarge { limit });
    }
    let cut = |why: String| Cut::Ended {
        have,
        of: announced,
        why,
    };
    read.map_err(|e| match e.kind() {
        io::ErrorKind::UnexpectedEof => cut(String::new()),
        _ => cut(format!(" ({e})")),
    })?;
    match announced {
        Some(of) if have < of => Err(cut(String::new())),
        _ => Ok((status, bytes)),
    }
}

/// Forgets what has arrived in `part`.
///
/// # Errors
/// Those of the file system.
pub fn discard(part: &Path) -> io::Result<()> {
    for path in [part.to_owned(), beside(part)] {
        match fs::remove_file(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    Ok(())
}

/// The file beside a part that says of what it is a part.
fn beside(part: &Path) -> PathBuf {
    let mut name = part.as_os_str().to_owned();
    name.push(".toml");
    name.into()
}

/// Of which version of which file a part is a part.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Version {
    url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(flatten)]
    validators: Validators,
}

/// What has arrived.
struct Part {
    path: PathBuf,
    out: fs::File,
    have: u64,
    /// How many bytes of what is there an earlier call left.
    inherited: u64,
    version: Version,
}

enum Attempt {
    Unchanged,
    Whole,
}

impl Part {
    fn open(path: &Path, request: &Transfer<'_>) -> io::Result<Self> {
        let out = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)?;
        let have = out.metadata()?.len();
        let mut part = Self {
            path: path.to_owned(),
            out,
            have,
            inherited: have,
            version: Version {
                url: request.url.to_owned(),
                bytes: request.bytes,
                validators: Validators::default(),
            },
        };
        if request.pinned || part.have == 0 {
            return Ok(part);
        }
        // A record that cannot be read is as good as none: the file is then read from the beginning.
        let version = fs::read_to_string(beside(path))
            .ok()
            .and_then(|text| toml::from_str::<Version>(&text).ok());
        match version {
            Some(v) if v.url == request.url && v.validators.if_range().is_some() => {
                part.version = v;
            }
            _ => part.empty()?,
        }
        Ok(part)
    }

    fn empty(&mut self) -> io::Result<()> {
        self.out.set_len(0)?;
        (self.have, self.inherited) = (0, 0);
        Ok(())
    }

    /// Forgets what is there, for a server that has something else.
    fn restart(&mut self, why: &'static str) -> Cut {
        self.version.validators = Validators::default();
        match self.empty() {
            Ok(()) => Cut::Restart(why),
            Err(e) => Cut::Disk(e),
        }
    }

    fn attempt(
        &mut self,
        url: &Url,
        request: &Transfer<'_>,
        progress: &dyn Progress,
    ) -> Result<Attempt, Cut> {
        let limit = request.limits.bytes;
        if let Some(bytes) = request.bytes.or(self.version.bytes)
            && self.have > 0
        {
            if self.have == bytes {
                return Ok(Attempt::Whole);
            }
            if self.have > bytes {
                self.empty()?;
            }
        }
        let response = self.ask(url, request)?;
        let status = response.status().as_u16();
        let headers = response.headers();
        let validators = Validators::of(headers);
        let length = header(headers, "content-length").and_then(|v| v.parse::<u64>().ok());
        let announced = match status {
            304 if request.held.is_some() && self.have == 0 => return Ok(Attempt::Unchanged),
            206 => {
                let (from, total) = header(headers, "content-range")
                    .and_then(|v| content_range(&v))
                    .unwrap_or((u64::MAX, None));
                if from != self.have {
                    return Err(self.restart("the server does not continue a download"));
                }
                let other_size =
                    matches!((total, self.version.bytes), (Some(a), Some(b)) if a != b);
                if !request.pinned
                    && (other_size || validators.contradict(&self.version.validators))
                {
                    return Err(self.restart("the file changed while it was being fetched"));
                }
                total.or(length.map(|n| self.have.saturating_add(n)))
            }
            200 => {
                // The server sends the whole file, whatever was asked.
                self.empty()?;
                self.version = Version {
                    url: request.url.to_owned(),
                    bytes: length,
                    validators,
                };
                length
            }
            416 => return Err(self.restart("the server does not continue a download")),
            status => {
                let retry_after = header(headers, "retry-after")
                    .and_then(|v| v.trim().parse().ok())
                    .map(Duration::from_secs);
                return Err(Cut::Status {
                    status,
                    retry_after,
                });
            }
        };
        let expected = request.bytes.or(announced);
        if expected.is_some_and(|bytes| bytes > limit) {
            self.empty()?;
            return Err(Cut::TooLarge { limit });
        }
        if !request.pinned {
            let text = toml::to_string(&self.version).map_err(io::Error::other)?;
            file::write_whole(&beside(&self.path), &text)?;
        }
        if let Some(bytes) = expected {
            progress.size(bytes);
        }
        progress.at(self.have);
        self.read(response, expected, limit, progress)?;
        match (expected, request.bytes) {
            (Some(of), _) if self.have < of => Err(Cut::Ended {
                have: self.have,
                of: Some(of),
                why: String::new(),
            }),
            (_, Some(bytes)) if self.have > bytes => {
                self.empty()?;
                Err(Cut::TooMuch { bytes })
            }
            _ => Ok(Attempt::Whole),
        }
    }

    /// Sends the request and follows redirects as far as they are allowed.
    fn ask(
        &self,
        url: &Url,
        request: &Transfer<'_>,
    ) -> Result<ureq::http::Response<ureq::Body>, Cut> {
        let mut at = url.clone();
        for _ in 0..=REDIRECTS {
            let mut get = agent(&at, request.limits)
                .get(at.as_str())
                .header("Accept-Encoding", "identity");
            if self.have > 0 {
                get = get.header("Range", format!("bytes={}-", self.have));
                if let Some(version) = self.version.validators.if_range() {
                    get = get.header("If-Range", version);
                }
            } else if let Some(held) = request.held {
                if let Some(etag) = &held.etag {
                    get = get.header("If-None-Match", etag);
                }
                if let Some(date) = &held.last_modified {
                    get = get.header("If-Modified-Since", date);
                }
            }
            let response = get.call().map_err(|e| Cut::Unreachable(e.to_string()))?;
            if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok(response);
            }
            let location = header(response.headers(), "location").unwrap_or_default();
            let to = at.join(&location).map_err(|_| Cut::Redirect {
                to: location.clone(),
            })?;
            let refused = || Cut::Redirect {
                to: format!("{}://{}", to.scheme(), to.host_str().unwrap_or_default()),
            };
            let host = to.host_str().unwrap_or_default();
            let listed =
                Some(host) == url.host_str() || request.redirects.iter().any(|r| r == host);
            if !listed || checked(to.as_str()).is_err() {
                return Err(refused());
            }
            at = to;
        }
        Err(Cut::Unreachable(
            "the server redirects without end".to_owned(),
        ))
    }

    fn read(
        &mut self,
        response: ureq::http::Response<ureq::Body>,
        expected: Option<u64>,
        limit: u64,
        progress: &dyn Progress,
    ) -> Result<(), Cut> {
        // One byte more than there should be is enough to know.
        let most = expected.unwrap_or(limit).saturating_add(1);
        let mut body = response
            .into_body()
            .into_reader()
            .take(most.saturating_sub(self.have));
        let mut buffer = vec![0; 1 << 16];
        loop {
            let n = match body.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => {
                    let closed = e.kind() == io::ErrorKind::UnexpectedEof;
                    return Err(Cut::Ended {
                        have: self.have,
                        of: expected,
                        why: match closed {
                            true => String::new(),
                            false => format!(" ({e})"),
                        },
                    });
                }
            };
            self.out.write_all(&buffer[..n])?;
            self.have += n as u64;
            if self.have > limit {
                self.empty()?;
                return Err(Cut::TooLarge { limit });
            }
            progress.at(self.have);
        }
    }
}

fn agent(url: &Url, limits: &Limits) -> ureq::Agent {
    let mut config = ureq::Agent::config_builder()
        .user_agent(concat!("casebook/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(limits.connect))
        .timeout_recv_response(Some(limits.silence))
        .timeout_per_read(Some(limits.silence))
        .timeout_recv_body(Some(limits.attempt))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false);
    if is_loopback(url) {
        // What runs on this machine is not reached through a proxy, whatever the environment says.
        config = config.proxy(None);
    }
    config.build().into()
}

fn header(headers: &ureq::http::HeaderMap, name: &str) -> Option<String> {
    headers
        .get(name)
        .and_then(|v| v.to_str().ok())
        .map(str::to_owned)
}

/// `bytes 100-199/200`: the first position, and the whole size unless it is `*`.
fn content_range(value: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = value.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (from, _) = range.split_once('-')?;
    Some((from.trim().parse().ok()?, total.trim().parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for address in [
            "https://www.cms.gov/a.zip",
            "http://127.0.0.1:8/a",
            "http://[::1]/a",
            "http://localhost/a",
        ] {
            assert!(checked(address).is_ok(), "{address}");
        }
        for address in [
            "http://www.cms.gov/a.zip",
            "http://localhost.example/a",
            "ftp://ftp.cdc.gov/a",
            "file:///etc/passwd",
            "a.zip",
        ] {
            assert!(checked(address).is_err(), "{address}");
        }
    }

    #[test]
    fn content_ranges() {
        assert_eq!(content_range("bytes 5-9/10"), Some((5, Some(10))));
        assert_eq!(content_range("bytes 5-9/*"), Some((5, None)));
        for bad in ["", "bytes", "bytes */10", "items 5-9/10", "bytes x-9/10"] {
            assert_eq!(content_range(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_weak_etag_identifies_no_bytes() {
        let weak = Validators {
            etag: Some("W/\"1\"".to_owned()),
            last_modified: None,
        };
        assert_eq!(weak.if_range(), None);
        let dated = Validators {
            last_modified: Some("Tue, 16 Jun 2026 12:00:00 GMT".to_owned()),
            ..weak
        };
        assert_eq!(dated.if_range(), Some("Tue, 16 Jun 2026 12:00:00 GMT"));
    }

    proptest::proptest! {
        #[test]
        fn no_header_panics(value in ".*") {
            let _ = content_range(&value);
            let _ = checked(&value);
        }
    }
}
