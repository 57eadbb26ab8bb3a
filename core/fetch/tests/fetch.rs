//! Downloads from a publisher on this machine, whole and broken in every way that we could think of.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are not test functions, which may unwrap"
)]

mod publisher;

use std::path::{Path, PathBuf};
use std::time::Duration;

use casebook_fetch::file::sha256;
use casebook_fetch::{
    Downloads, FetchError, Fetched, How, Limits, Publishers, Silent, Step, Wanted,
};
use chrono::NaiveDate;
use fs_err as fs;
use proptest::prelude::*;
use publisher::{Publisher, Reply};
use tempfile::TempDir;

const PATH: &str = "/files/zip/codes-2027.zip";
const PAGE: &str = "https://publisher.example/codes";

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// A zip of about 200 kB whose bytes are not all alike, so that a part in the wrong place is noticed.
fn zip(seed: u32) -> Vec<u8> {
    use std::io::Write;
    let content: Vec<u8> = (0..50_000_u32)
        .flat_map(|i| (i ^ seed).wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    zip.start_file("codes.txt", stored).unwrap();
    zip.write_all(&content).unwrap();
    zip.finish().unwrap().into_inner()
}

fn wanted(url: &str) -> Wanted {
    Wanted {
        source: "codes".into(),
        edition: "FY2027".into(),
        url: url.into(),
        file_name: "codes-2027.zip".into(),
        page: PAGE.into(),
        redirects: Vec::new(),
        may_change: false,
        sha256: None,
    }
}

fn how() -> How {
    How {
        today: day("2026-11-25"),
        accept_changed: false,
        limits: Limits {
            attempts: 3,
            wait: Duration::ZERO,
            ..Limits::default()
        },
    }
}

/// One attempt only, so that a cut is final.
fn once() -> How {
    let mut how = how();
    how.limits.attempts = 1;
    how
}

fn fetch_with(folder: &Path, wanted: &Wanted, how: &How) -> Result<Fetched, FetchError> {
    Downloads::open(folder, &Silent)?.fetch(wanted, how, &Silent)
}

fn fetch(folder: &Path, publisher: &Publisher) -> Result<Fetched, FetchError> {
    fetch_with(folder, &wanted(&publisher.url(PATH)), &how())
}

/// All files below `folder` with their sizes, without the lock.
fn files(folder: &Path) -> Vec<(String, u64)> {
    fn walk(root: &Path, folder: &Path, found: &mut Vec<(String, u64)>) {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            match path.is_dir() {
                true => walk(root, &path, found),
                false => found.push((
                    path.strip_prefix(root).unwrap().display().to_string(),
                    entry.metadata().unwrap().len(),
                )),
            }
        }
    }
    let mut found = Vec::new();
    walk(folder, folder, &mut found);
    found.retain(|(name, _)| name != ".lock");
    found.sort();
    found
}

fn names(folder: &Path) -> Vec<String> {
    files(folder).into_iter().map(|(name, _)| name).collect()
}

/// What a folder holds after one whole download.
const DONE: [&str; 2] = ["codes/FY2027/codes-2027.zip", "record.toml"];

fn path(folder: &Path) -> PathBuf {
    folder.join(DONE[0])
}

fn started(seed: u32) -> (TempDir, Publisher, Vec<u8>) {
    let publisher = Publisher::start();
    let bytes = zip(seed);
    publisher.put(PATH, &bytes);
    (TempDir::new().unwrap(), publisher, bytes)
}

fn check(folder: &Path, fetched: &Fetched, bytes: &[u8]) {
    assert_eq!(fs::read(&fetched.path).unwrap(), bytes);
    assert_eq!(fetched.path, path(folder));
    assert_eq!(fetched.bytes, bytes.len() as u64);
    assert_eq!(fetched.sha256, sha256(bytes).unwrap());
    assert_eq!(names(folder), DONE);
}

#[test]
fn a_file_is_fetched_checked_and_recorded() {
    let (data, publisher, bytes) = started(1);
    let fetched = fetch(data.path(), &publisher).unwrap();
    check(data.path(), &fetched, &bytes);
    assert_eq!((fetched.resumed_from, fetched.unchanged), (0, false));

    let downloads = Downloads::open(data.path(), &Silent).unwrap();
    let [entry] = downloads.entries() else {
        panic!()
    };
    assert_eq!(entry.url, publisher.url(PATH));
    assert_eq!(entry.bytes, bytes.len() as u64);
    assert_eq!(entry.sha256, sha256(&bytes[..]).unwrap());
    assert_eq!(entry.fetched, day("2026-11-25"));
    assert_eq!(entry.etag, fetched.validators.etag);
    let agent = publisher.headers("user-agent")[0].clone().unwrap();
    assert!(agent.starts_with("casebook/"), "{agent}");
}

#[test]
fn what_is_there_is_only_asked_for() {
    let (data, publisher, bytes) = started(1);
    let first = fetch(data.path(), &publisher).unwrap();
    let later = How {
        today: day("2026-12-24"),
        ..how()
    };
    let second = fetch_with(data.path(), &wanted(&publisher.url(PATH)), &later).unwrap();
    check(data.path(), &second, &bytes);
    assert!(second.unchanged);
    assert_eq!(
        publisher.headers("if-none-match"),
        [None, first.validators.etag]
    );
    let downloads = Downloads::open(data.path(), &Silent).unwrap();
    let [entry] = downloads.entries() else {
        panic!()
    };
    assert_eq!(
        (entry.fetched, entry.checked),
        (day("2026-11-25"), day("2026-12-24"))
    );
}

#[test]
fn a_cut_connection_is_taken_up_where_it_ended() {
    let (data, publisher, bytes) = started(1);
    publisher.reply([Reply::cut(70_000), Reply::cut(50_000)]);
    let fetched = fetch(data.path(), &publisher).unwrap();
    check(data.path(), &fetched, &bytes);
    assert_eq!(
        publisher.headers("range"),
        [
            None,
            Some("bytes=70000-".to_owned()),
            Some("bytes=120000-".to_owned())
        ]
    );
    // Each continuation names the version that it continues.
    let etag = fetched.validators.etag;
    assert_eq!(publisher.headers("if-range"), [None, etag.clone(), etag]);
}

#[test]
fn the_next_run_continues_too() {
    let (data, publisher, bytes) = started(1);
    publisher.reply([Reply::cut(1000), Reply::cut(1000), Reply::cut(1000)]);
    let error = fetch(data.path(), &publisher).unwrap_err();
    let said = error.to_string();
    assert!(
        said.contains(&format!(
            "the connection ended after 3000 of {} bytes; run the command again to continue",
            bytes.len()
        )),
        "{said}"
    );
    assert!(!path(data.path()).exists());
    let fetched = fetch(data.path(), &publisher).unwrap();
    check(data.path(), &fetched, &bytes);
    assert_eq!(fetched.resumed_from, 3000);
    assert_eq!(
        publisher.headers("range").last(),
        Some(&Some("bytes=3000-".to_owned()))
    );
}

#[test]
fn a_date_names_a_version_where_there_is_no_strong_etag() {
    for (etag, date, continued) in [
        (
            Some("W/\"weak\""),
            Some("Tue, 16 Jun 2026 12:00:00 GMT"),
            true,
        ),
        (None, Some("Tue, 16 Jun 2026 12:00:00 GMT"), true),
        (Some("W/\"weak\""), None, false),
        (None, None, false),
    ] {
        let (data, publisher, bytes) = started(1);
        publisher.put_as(PATH, &bytes, etag, date);
        publisher.reply([Reply::cut(1000)]);
        fetch_with(data.path(), &wanted(&publisher.url(PATH)), &once()).unwrap_err();
        let fetched = fetch(data.path(), &publisher).unwrap();
        check(data.path(), &fetched, &bytes);
        // What cannot be named is read from the beginning: it might be a part of another file.
        assert_eq!(
            fetched.resumed_from,
            if continued { 1000 } else { 0 },
            "{etag:?} {date:?}"
        );
        let asked = publisher.headers("if-range")[1].clone();
        assert_eq!(asked.as_deref(), date.filter(|_| continued));
    }
}

#[test]
fn a_server_without_ranges_is_read_from_the_beginning() {
    let (data, publisher, bytes) = started(1);
    let whole = Reply {
        ranges: false,
        ..Reply::default()
    };
    publisher.reply([Reply::cut(1000), whole]);
    let fetched = fetch(data.path(), &publisher).unwrap();
    check(data.path(), &fetched, &bytes);
    assert_eq!(fetched.resumed_from, 0);
    assert_eq!(publisher.seen().len(), 2);
}

#[test]
fn a_remainder_that_the_server_refuses_is_dropped() {
    let (data, publisher, bytes) = started(1);
    publisher.reply([Reply::cut(1000), Reply::status(416)]);
    let fetched = fetch(data.path(), &publisher).unwrap();
    check(data.path(), &fetched, &bytes);
    assert_eq!(publisher.headers("range").last(), Some(&None));
}

#[test]
fn a_file_that_changed_in_between_is_not_patched_together() {
    // A server that honours If-Range sends the new file whole; one that does not betrays itself by its ETag.
    for honest in [true, false] {
        let (data, publisher, _) = started(1);
        publisher.reply([Reply::cut(100_000)]);
        fetch_with(data.path(), &wanted(&publisher.url(PATH)), &once()).unwrap_err();
        let new = zip(2);
        publisher.put(PATH, &new);
        publisher.reply([Reply {
            if_range: honest,
            ..Reply::default()
        }]);
        let fetched = fetch(data.path(), &publisher).unwrap();
        check(data.path(), &fetched, &new);
        assert_eq!(fetched.resumed_from, 0);
        assert_eq!(publisher.seen().len(), if honest { 2 } else { 3 });
    }
}

#[test]
fn a_remainder_of_another_address_is_not_continued() {
    let (data, publisher, _) = started(1);
    publisher.reply([Reply::cut(1000)]);
    fetch_with(data.path(), &wanted(&publisher.url(PATH)), &once()).unwrap_err();
    let other = zip(2);
    publisher.put("/moved/codes-2027.zip", &other);
    let fetched = fetch_with(
        data.path(),
        &wanted(&publisher.url("/moved/codes-2027.zip")),
        &how(),
    )
    .unwrap();
    check(data.path(), &fetched, &other);
    assert_eq!(publisher.headers("range"), [None, None]);
}

#[test]
fn a_file_that_is_truncated_at_the_publisher_is_refused() {
    let (data, publisher, bytes) = started(1);
    publisher.put(PATH, &bytes[..bytes.len() - 100]);
    let error = fetch(data.path(), &publisher).unwrap_err();
    let said = error.to_string();
    assert!(matches!(error, FetchError::Damaged { .. }), "{said}");
    assert!(
        said.contains("arrived whole, but it is no complete zip file") && said.contains(PAGE),
        "{said}"
    );
    assert_eq!(names(data.path()), [""; 0]);
    // Mended, it is fetched.
    publisher.put(PATH, &bytes);
    check(
        data.path(),
        &fetch(data.path(), &publisher).unwrap(),
        &bytes,
    );
}

#[test]
fn a_connection_that_always_breaks_is_given_up() {
    let (data, publisher, bytes) = started(1);
    publisher.reply(std::iter::repeat_n(Reply::cut(0), 10));
    let error = fetch(data.path(), &publisher).unwrap_err();
    assert!(matches!(error, FetchError::Broken { .. }), "{error}");
    assert!(error.to_string().contains(&format!("0 of {}", bytes.len())));
    assert_eq!(publisher.seen().len(), 3);
    assert_eq!(names(data.path()), [""; 0]);
}

#[test]
fn a_refusal_is_asked_for_once_and_says_what_to_do() {
    for (status, says) in [
        (403, "127.0.0.1 refuses this program (403)"),
        (401, "refuses this program (401)"),
        (404, "/files/zip/codes-2027.zip is not there (404)"),
        (410, "is not there (410)"),
    ] {
        let (data, publisher, _) = started(1);
        publisher.reply([Reply::status(status)]);
        let said = fetch(data.path(), &publisher).unwrap_err().to_string();
        assert!(said.contains(says), "{said}");
        assert!(
            said.contains(&format!("open {PAGE} in a browser, download codes-2027.zip there, then run: casebook ingest FILE")),
            "{said}"
        );
        assert_eq!(publisher.seen().len(), 1);
        assert_eq!(names(data.path()), [""; 0]);
    }
}

#[test]
fn a_server_that_is_busy_is_asked_again() {
    let (data, publisher, bytes) = started(1);
    let busy = Reply {
        status: Some((503, "Retry-After: 0\r\n".to_owned())),
        ..Reply::default()
    };
    publisher.reply([Reply::status(500), busy]);
    check(
        data.path(),
        &fetch(data.path(), &publisher).unwrap(),
        &bytes,
    );
    assert_eq!(publisher.seen().len(), 3);
}

#[test]
fn a_failure_in_the_middle_keeps_what_arrived() {
    let (data, publisher, bytes) = started(1);
    publisher.reply([Reply::cut(1000), Reply::status(502), Reply::status(502)]);
    let error = fetch(data.path(), &publisher).unwrap_err();
    assert!(
        matches!(error, FetchError::Status { status: 502, .. }),
        "{error}"
    );
    let fetched = fetch(data.path(), &publisher).unwrap();
    check(data.path(), &fetched, &bytes);
    assert_eq!(fetched.resumed_from, 1000);
}

#[test]
fn a_changed_file_does_not_replace_the_one_that_is_there() {
    let (data, publisher, old) = started(1);
    fetch(data.path(), &publisher).unwrap();
    let before = fs::read_to_string(data.path().join("record.toml")).unwrap();
    let new = zip(2);
    publisher.put(PATH, &new);
    let later = How {
        today: day("2026-12-24"),
        ..how()
    };
    let wanted = wanted(&publisher.url(PATH));
    let error = fetch_with(data.path(), &wanted, &later).unwrap_err();
    let said = error.to_string();
    for part in [
        "changed",
        "since 2026-11-25",
        &sha256(&old[..]).unwrap(),
        &sha256(&new[..]).unwrap(),
        "--accept-changed",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(fs::read(path(data.path())).unwrap(), old);
    assert_eq!(names(data.path()), DONE);
    assert_eq!(
        fs::read_to_string(data.path().join("record.toml")).unwrap(),
        before
    );

    let accepting = How {
        accept_changed: true,
        ..later
    };
    let fetched = fetch_with(data.path(), &wanted, &accepting).unwrap();
    check(data.path(), &fetched, &new);
    assert!(!fetched.unchanged);
    let downloads = Downloads::open(data.path(), &Silent).unwrap();
    let [entry] = downloads.entries() else {
        panic!()
    };
    assert_eq!(entry.fetched, day("2026-12-24"));
    let [former] = &entry.replaced[..] else {
        panic!()
    };
    assert_eq!(former.sha256, sha256(&old[..]).unwrap());
    assert_eq!(former.fetched, Some(day("2026-11-25")));
}

#[test]
fn a_list_that_is_published_daily_may_change() {
    let (data, publisher, _) = started(1);
    let wanted = Wanted {
        may_change: true,
        ..wanted(&publisher.url(PATH))
    };
    fetch_with(data.path(), &wanted, &how()).unwrap();
    let new = zip(2);
    publisher.put(PATH, &new);
    check(
        data.path(),
        &fetch_with(data.path(), &wanted, &how()).unwrap(),
        &new,
    );
}

#[test]
fn a_file_that_a_person_put_there_counts_as_well() {
    let (data, publisher, bytes) = started(1);
    fs::create_dir_all(path(data.path()).parent().unwrap()).unwrap();
    fs::write(path(data.path()), zip(7)).unwrap();
    let said = fetch(data.path(), &publisher).unwrap_err().to_string();
    assert!(said.contains("since it was put there"), "{said}");
    assert_eq!(fs::read(path(data.path())).unwrap(), zip(7));
    // The same content is adopted.
    fs::write(path(data.path()), &bytes).unwrap();
    let fetched = fetch(data.path(), &publisher).unwrap();
    check(data.path(), &fetched, &bytes);
    assert!(fetched.unchanged);
}

#[test]
fn a_file_that_was_damaged_or_removed_here_is_fetched_again() {
    let (data, publisher, bytes) = started(1);
    fetch(data.path(), &publisher).unwrap();
    fs::write(path(data.path()), b"PK and then nothing").unwrap();
    check(
        data.path(),
        &fetch(data.path(), &publisher).unwrap(),
        &bytes,
    );
    fs::remove_file(path(data.path())).unwrap();
    let fetched = fetch(data.path(), &publisher).unwrap();
    check(data.path(), &fetched, &bytes);
    assert!(!fetched.unchanged);
    // It was never asked whether it changed, because it was not there to keep.
    assert_eq!(publisher.headers("if-none-match"), [None, None, None]);
}

#[test]
fn a_web_page_is_not_taken_for_a_file() {
    let (data, publisher, _) = started(1);
    publisher.put(
        PATH,
        b"<!DOCTYPE html>\n<html><title>License Agreement</title></html>",
    );
    let error = fetch(data.path(), &publisher).unwrap_err();
    let said = error.to_string();
    assert!(matches!(error, FetchError::NotTheFile { .. }), "{said}");
    assert!(
        said.contains("a web page and not with a zip file")
            && said.contains(&format!("open {PAGE}")),
        "{said}"
    );
    assert_eq!(names(data.path()), [""; 0]);
}

#[test]
fn redirects_stay_with_the_hosts_that_are_listed() {
    let (data, publisher, bytes) = started(1);
    // The same host, and a relative address.
    publisher.reply([Reply::redirect(PATH)]);
    let moved = wanted(&publisher.url("/old"));
    check(
        data.path(),
        &fetch_with(data.path(), &moved, &how()).unwrap(),
        &bytes,
    );

    let data = TempDir::new().unwrap();
    let to = publisher.elsewhere(PATH);
    publisher.reply([Reply::redirect(&to)]);
    let error = fetch_with(data.path(), &moved, &how()).unwrap_err();
    let said = error.to_string();
    assert!(matches!(error, FetchError::Redirect { .. }), "{said}");
    assert!(
        said.contains("http://localhost") && said.contains("redirects"),
        "{said}"
    );
    assert_eq!(names(data.path()), [""; 0]);

    publisher.reply([Reply::redirect(&to)]);
    let listed = Wanted {
        redirects: vec!["localhost".into()],
        ..moved.clone()
    };
    check(
        data.path(),
        &fetch_with(data.path(), &listed, &how()).unwrap(),
        &bytes,
    );

    // Listed or not, nothing is read over plain HTTP from another machine.
    let data = TempDir::new().unwrap();
    publisher.reply([Reply::redirect("http://publisher.example/codes.zip")]);
    let listed = Wanted {
        redirects: vec!["publisher.example".into()],
        ..moved.clone()
    };
    let error = fetch_with(data.path(), &listed, &how()).unwrap_err();
    assert!(matches!(error, FetchError::Redirect { .. }), "{error}");

    // And a circle ends.
    publisher.reply(std::iter::repeat_n(Reply::redirect("/old"), 50));
    let error = fetch_with(data.path(), &moved, &once()).unwrap_err();
    assert!(error.to_string().contains("without end"), "{error}");
}

#[test]
fn a_file_that_is_too_large_is_refused() {
    for chunked in [false, true] {
        let (data, publisher, _) = started(1);
        publisher.reply([Reply {
            chunked,
            ..Reply::default()
        }]);
        let mut how = how();
        how.limits.bytes = 100_000;
        let error = fetch_with(data.path(), &wanted(&publisher.url(PATH)), &how).unwrap_err();
        assert!(
            matches!(error, FetchError::TooLarge { limit: 100_000, .. }),
            "{error}"
        );
        assert_eq!(publisher.seen().len(), 1);
        assert_eq!(names(data.path()), [""; 0]);
    }
}

#[test]
fn a_length_need_not_be_announced() {
    let (data, publisher, bytes) = started(1);
    let chunked = |cut| Reply {
        chunked: true,
        cut,
        ..Reply::default()
    };
    publisher.reply([chunked(Some(5000)), chunked(None)]);
    let fetched = fetch(data.path(), &publisher).unwrap();
    check(data.path(), &fetched, &bytes);
    assert_eq!(publisher.seen().len(), 2);
}

#[test]
fn a_silent_server_is_not_waited_for() {
    let (data, publisher, bytes) = started(1);
    publisher.reply([Reply {
        stall: true,
        ..Reply::cut(1000)
    }]);
    let mut how = once();
    how.limits.silence = Duration::from_millis(200);
    let error = fetch_with(data.path(), &wanted(&publisher.url(PATH)), &how).unwrap_err();
    let said = error.to_string();
    assert!(
        said.contains("ended after 1000 of") && said.contains("run the command again"),
        "{said}"
    );
    let fetched = fetch(data.path(), &publisher).unwrap();
    check(data.path(), &fetched, &bytes);
    assert_eq!(fetched.resumed_from, 1000);
}

#[test]
fn a_host_that_is_not_there() {
    let data = TempDir::new().unwrap();
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/a.zip", free.local_addr().unwrap());
    drop(free);
    let said = fetch_with(data.path(), &wanted(&url), &how())
        .unwrap_err()
        .to_string();
    assert!(
        said.contains("could not be reached") && said.contains("HTTPS_PROXY"),
        "{said}"
    );
}

#[test]
fn plain_http_is_refused_before_anything_is_sent() {
    let data = TempDir::new().unwrap();
    let said = fetch_with(
        data.path(),
        &wanted("http://publisher.example/a.zip"),
        &how(),
    )
    .unwrap_err()
    .to_string();
    assert!(said.contains("only https:// is"), "{said}");
    assert_eq!(names(data.path()), [""; 0]);
}

#[test]
fn a_name_that_leads_out_of_the_folder_is_refused() {
    let (data, publisher, _) = started(1);
    for name in ["../codes.zip", "a/b.zip", "..", "", ".lock", "-rf"] {
        let wanted = Wanted {
            file_name: name.into(),
            ..wanted(&publisher.url(PATH))
        };
        let said = fetch_with(data.path(), &wanted, &how())
            .unwrap_err()
            .to_string();
        assert!(said.contains("no plain name"), "{said}");
    }
    assert_eq!(publisher.seen().len(), 0);
}

#[test]
fn a_checksum_given_beforehand_is_held_to() {
    let (data, publisher, bytes) = started(1);
    let pinned = |bytes: &[u8]| Wanted {
        sha256: Some(sha256(bytes).unwrap()),
        ..wanted(&publisher.url(PATH))
    };
    let error = fetch_with(data.path(), &pinned(b"other"), &how()).unwrap_err();
    assert!(matches!(error, FetchError::WrongChecksum { .. }), "{error}");
    assert_eq!(names(data.path()), [""; 0]);
    let fetched = fetch_with(data.path(), &pinned(&bytes), &how()).unwrap();
    check(data.path(), &fetched, &bytes);
}

#[test]
fn a_damaged_record_is_said_with_its_line() {
    let (data, publisher, _) = started(1);
    fs::write(
        data.path().join("record.toml"),
        "[[file]]\nsource = \"codes\"\ncolour = 1\n",
    )
    .unwrap();
    let said = fetch(data.path(), &publisher).unwrap_err().to_string();
    assert!(
        said.contains("record.toml") && said.contains("line"),
        "{said}"
    );
    assert_eq!(publisher.seen().len(), 0);
}

#[test]
fn two_at_once_fetch_once() {
    let (data, publisher, bytes) = started(1);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| fetch(data.path(), &publisher).unwrap());
        }
    });
    assert_eq!(fs::read(path(data.path())).unwrap(), bytes);
    let asked = publisher.headers("if-none-match");
    assert_eq!(asked.iter().filter(|a| a.is_none()).count(), 1);
}

#[test]
fn the_table_with_an_operators_changes_leads_to_files() {
    let (data, publisher, bytes) = started(1);
    let folder = "/mirror/pub/Health_Statistics/NCHS/Publications/ICD10CM/2026";
    publisher.put(
        &format!("{folder}/icd10cm-Code%20Descriptions-2026.zip"),
        &bytes,
    );
    publisher.put(
        &format!("{folder}/icd10cm-table%20and%20index-2026.zip"),
        &bytes,
    );
    publisher.put(&format!("{folder}/icd10cm-addenda-2026.zip"), &bytes);
    let mine = data.path().join("publishers.toml");
    fs::write(
        &mine,
        format!("[icd10cm]\nbase = \"{}\"\n", publisher.url("/mirror/")),
    )
    .unwrap();
    let publishers = Publishers::embedded()
        .unwrap()
        .with_overrides(&mine)
        .unwrap();
    let mut downloads = Downloads::open(&data.path().join("downloads"), &Silent).unwrap();
    let mut placed = Vec::new();
    for step in publishers.plan("icd10cm", day("2026-01-15")).unwrap() {
        let Step::Download(wanted) = step else {
            panic!("{step:?}")
        };
        let fetched = downloads.fetch(&wanted, &how(), &Silent).unwrap();
        placed.push(fetched.path.strip_prefix(data.path()).unwrap().to_owned());
    }
    assert_eq!(
        placed,
        [
            "icd10cm-addenda-2026.zip",
            "icd10cm-code-descriptions-2026.zip",
            "icd10cm-table-and-index-2026.zip"
        ]
        .map(|name| Path::new("downloads/icd10cm/FY2026").join(name))
    );
}

/// The address for the process that [`a_killed_process_leaves_what_the_next_one_continues`] kills.
const CHILD_URL: &str = "CASEBOOK_TEST_FETCH_URL";
const CHILD_DATA: &str = "CASEBOOK_TEST_FETCH_DATA";

/// Does nothing, unless it is started as that process.
#[test]
fn the_process_that_is_killed() {
    let (Some(url), Some(data)) = (std::env::var_os(CHILD_URL), std::env::var_os(CHILD_DATA))
    else {
        return;
    };
    let _ = fetch_with(Path::new(&data), &wanted(url.to_str().unwrap()), &how());
}

#[test]
fn a_killed_process_leaves_what_the_next_one_continues() {
    let (data, publisher, bytes) = started(1);
    publisher.reply([Reply {
        stall: true,
        ..Reply::cut(60_000)
    }]);
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_process_that_is_killed"])
        .env(CHILD_URL, publisher.url(PATH))
        .env(CHILD_DATA, data.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let part = data.path().join("codes/FY2027/codes-2027.zip.part");
    while fs::metadata(&part).map_or(0, |m| m.len()) < 60_000 {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(
        files(data.path())
            .into_iter()
            .filter(|(name, _)| !name.ends_with(".toml"))
            .collect::<Vec<_>>(),
        [("codes/FY2027/codes-2027.zip.part".to_owned(), 60_000)]
    );
    let fetched = fetch(data.path(), &publisher).unwrap();
    check(data.path(), &fetched, &bytes);
    assert_eq!(fetched.resumed_from, 60_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// However often and wherever the connection breaks, and whatever the server can do: never another file than
    /// the publisher's, and in the end that one.
    #[test]
    fn whatever_breaks_the_file_is_whole(
        faults in prop::collection::vec((0_usize..120_000, any::<bool>(), any::<bool>()), 0..8),
    ) {
        let (data, publisher, bytes) = started(3);
        publisher.reply(faults.iter().map(|&(cut, ranges, chunked)| Reply {
            ranges,
            chunked,
            ..Reply::cut(cut)
        }));
        let mut runs = 0;
        let fetched = loop {
            match fetch(data.path(), &publisher) {
                Ok(fetched) => break fetched,
                Err(_) => prop_assert!(!path(data.path()).exists()),
            }
            runs += 1;
            prop_assert!(runs <= 8);
        };
        check(data.path(), &fetched, &bytes);
    }
}
