//! Why nothing was fetched, in sentences that say what to do next.

use std::io;
use std::path::PathBuf;

use chrono::NaiveDate;

use crate::transfer::Cut;

/// Where a file was to come from and what a person can do by hand, for the errors.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The address.
    pub url: String,
    /// The name that the file gets.
    pub file: String,
    /// The publisher's page that a person opens.
    pub page: String,
}

impl Place {
    fn host(&self) -> String {
        url::Url::parse(&self.url)
            .ok()
            .and_then(|u| u.host_str().map(str::to_owned))
            .unwrap_or_else(|| self.url.clone())
    }

    fn by_hand(&self) -> String {
        format!(
            "open {} in a browser, download {} there, then run: casebook ingest FILE",
            self.page, self.file
        )
    }
}

/// Why nothing was fetched. Each message says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The table of publishers, or the operator's file that changes it, is not right.
    #[error("{origin}: {message}; correct that file")]
    Table {
        /// The file.
        origin: String,
        /// What is wrong, with its line where that is known.
        message: String,
    },
    /// No source has this name.
    #[error("there is no source named {source_name}; known are {known}")]
    UnknownSource {
        /// The name that was asked for.
        source_name: String,
        /// The names there are.
        known: String,
    },
    /// The table has no address for an edition.
    #[error(
        "no address is known for {source_name}, edition {edition}; open {page} in a browser, download it there, then \
         run: casebook ingest FILE"
    )]
    NoAddress {
        /// The source.
        source_name: String,
        /// The edition.
        edition: String,
        /// The publisher's page.
        page: String,
    },
    /// The publisher does not let this program in.
    #[error("{} refuses this program ({status}): it may block programs, or this network; {}", .place.host(), .place.by_hand())]
    Refused {
        /// What was asked for.
        place: Box<Place>,
        /// 401, 403 or 451.
        status: u16,
    },
    /// Nothing is at the address.
    #[error(
        "{} is not there ({status}): publishers rename files from one edition to the next, and publish some late; {}; \
         or put its new path into your publishers file", .place.url, .place.by_hand()
    )]
    Gone {
        /// What was asked for.
        place: Box<Place>,
        /// 404 or 410.
        status: u16,
    },
    /// The publisher answered with another failure, on every attempt.
    #[error("{} answers {status}; run the command again later, or {}", .place.url, .place.by_hand())]
    Status {
        /// What was asked for.
        place: Box<Place>,
        /// The status.
        status: u16,
    },
    /// The connection broke, on every attempt.
    #[error("{} could not be fetched whole: {cut}; run the command again to continue", .place.url)]
    Broken {
        /// What was asked for.
        place: Box<Place>,
        /// What happened last.
        cut: Cut,
    },
    /// The publisher could not be reached, on any attempt.
    #[error(
        "{} could not be reached ({message}); connect this machine to the network or set HTTPS_PROXY, and run the \
         command again; on a machine without a network, {}", .place.host(), .place.by_hand()
    )]
    Unreachable {
        /// What was asked for.
        place: Box<Place>,
        /// What the system said.
        message: String,
    },
    /// A redirect to a host that is not listed.
    #[error(
        "{} sent us on to {to}, which is not listed for this source; if that is the publisher's, add it to `redirects` \
         in your publishers file, else {}", .place.url, .place.by_hand()
    )]
    Redirect {
        /// What was asked for.
        place: Box<Place>,
        /// Where to.
        to: String,
    },
    /// Larger than anything of this kind.
    #[error("{} is larger than the {limit} bytes that are accepted; {}", .place.url, .place.by_hand())]
    TooLarge {
        /// What was asked for.
        place: Box<Place>,
        /// The limit.
        limit: u64,
    },
    /// A web page, or another thing, where the file should be.
    #[error(
        "{} answered with {found} and not with {expected}: perhaps a licence to accept, or an outage; nothing was kept; {}",
        .place.url, .place.by_hand()
    )]
    NotTheFile {
        /// What was asked for.
        place: Box<Place>,
        /// What was there.
        found: String,
        /// What should have been.
        expected: &'static str,
    },
    /// The file is cut short or damaged at the publisher.
    #[error(
        "{} arrived whole, but it is no complete {kind} ({message}): it is damaged at the publisher; nothing was kept; \
         run the command again later, or {}", .place.url, .place.by_hand()
    )]
    Damaged {
        /// What was asked for.
        place: Box<Place>,
        /// What it should be.
        kind: &'static str,
        /// What is wrong.
        message: String,
    },
    /// The file is not the one whose checksum was given.
    #[error(
        "{} is not the file expected: SHA-256 {expected} expected, {found} found; nothing was kept; {}",
        .place.url, .place.by_hand()
    )]
    WrongChecksum {
        /// What was asked for.
        place: Box<Place>,
        /// The checksum given.
        expected: String,
        /// The checksum found.
        found: String,
    },
    /// The publisher changed a file of an edition that was fetched before.
    #[error(
        "the publisher changed {} since {} (SHA-256 {old} then, {new} now); {} was left as it is: keep it and do \
         nothing, or take the new one with --accept-changed",
        .place.url, since.map_or("it was put there".to_owned(), |d| d.to_string()), path.display()
    )]
    Changed {
        /// What was asked for.
        place: Box<Place>,
        /// The file that stays.
        path: PathBuf,
        /// When it was fetched, where that is recorded.
        since: Option<NaiveDate>,
        /// Its checksum.
        old: String,
        /// The checksum of what the publisher has now.
        new: String,
    },
    /// The record of downloads cannot be read.
    #[error("{}: {message}; restore it from a backup, or remove it and fetch again", path.display())]
    Record {
        /// The record.
        path: PathBuf,
        /// What is wrong, with its line where that is known.
        message: String,
    },
    /// The disk is full.
    #[error("no space is left for {}; free some and run the command again to continue", path.display())]
    DiskFull {
        /// The file that did not fit.
        path: PathBuf,
    },
    /// Another failure of the file system; the message holds the path.
    #[error("{0}; check that file and run the command again")]
    File(#[from] io::Error),
}

impl FetchError {
    /// What a broken transfer means for the person; `path` is where the file should have gone.
    pub(crate) fn of(cut: Cut, place: Box<Place>, path: PathBuf) -> Self {
        match cut {
            Cut::Disk(e)
                if matches!(
                    e.kind(),
                    io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
                ) =>
            {
                Self::DiskFull { path }
            }
            Cut::Disk(e) => Self::File(e),
            Cut::Address(message) => Self::Table {
                origin: "the table of publishers".to_owned(),
                message,
            },
            Cut::Unreachable(message) => Self::Unreachable { place, message },
            Cut::Status { status, .. } => match status {
                401 | 403 | 451 => Self::Refused { place, status },
                404 | 410 => Self::Gone { place, status },
                status => Self::Status { place, status },
            },
            Cut::Redirect { to } => Self::Redirect { place, to },
            Cut::TooLarge { limit } => Self::TooLarge { place, limit },
            cut @ (Cut::Ended { .. } | Cut::Restart(_) | Cut::TooMuch { .. }) => {
                Self::Broken { place, cut }
            }
        }
    }
}
