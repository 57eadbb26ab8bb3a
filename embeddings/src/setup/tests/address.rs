//! Downloads from a web address, served by this process.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use super::*;

/// What the server does with a request.
#[derive(Clone, Copy)]
enum Reply {
    /// Sends what is asked for.
    All,
    /// Announces what is asked for, and closes the connection after so many bytes.
    CutAfter(usize),
    /// Sends the whole file, though a part was asked for.
    Whole,
    /// Sends other bytes of the same number.
    Wrong,
    /// Sends this status only.
    Status(u16),
}

/// A server on this machine that gives one reply after the other, the last one for ever. Returns its address and
/// the `Range` headers it saw.
fn server(replies: &'static [Reply]) -> (String, Arc<Mutex<Vec<Option<String>>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/model.onnx", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let ranges = seen.clone();
    std::thread::spawn(move || {
        let content = content();
        for (i, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let mut range = None;
            for line in BufReader::new(&stream).lines() {
                let line = line.unwrap().to_lowercase();
                if line.is_empty() {
                    break;
                }
                range = range.or(line.strip_prefix("range: ").map(str::to_owned));
            }
            let from = range
                .as_ref()
                .map_or(0, |r| r["bytes=".len()..r.len() - 1].parse().unwrap());
            ranges.lock().unwrap().push(range);
            let part = |from: usize| {
                let status = if from > 0 {
                    "206 Partial Content"
                } else {
                    "200 OK"
                };
                let range = format!("bytes {from}-{}/{}", content.len() - 1, content.len());
                format!(
                    "HTTP/1.1 {status}\r\nContent-Range: {range}\r\nContent-Length: {}\r\n",
                    content.len() - from
                )
            };
            let (head, body) = match replies[i.min(replies.len() - 1)] {
                Reply::All => (part(from), content[from..].to_vec()),
                Reply::CutAfter(n) => (part(from), content[from..from + n].to_vec()),
                Reply::Whole => (part(0), content.clone()),
                Reply::Wrong => (part(0), vec![b'x'; content.len()]),
                Reply::Status(status) => (
                    format!("HTTP/1.1 {status} No\r\nContent-Length: 0\r\n"),
                    vec![],
                ),
            };
            // A client that hangs up early is its own affair.
            let _ = stream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes());
            let _ = stream.write_all(&body);
        }
    });
    (address, seen)
}

fn from_address(address: &str) -> Manifest {
    manifest(vec![Source::Address {
        address: address.to_owned(),
    }])
}

fn download(address: &str, data: &Path) -> Result<Assets, SetupError> {
    ensure(
        &from_address(address),
        data,
        &SetupOptions::default(),
        Path::new(NO_PYTHON),
    )
}

#[test]
fn a_cut_download_continues_where_it_ended() {
    let data = TempDir::new().unwrap();
    let (address, ranges) = server(&[
        Reply::CutAfter(100_000),
        Reply::CutAfter(50_000),
        Reply::All,
    ]);
    check(&download(&address, data.path()).unwrap());
    let expected = [
        None,
        Some("bytes=100000-".to_owned()),
        Some("bytes=150000-".to_owned()),
    ];
    assert_eq!(*ranges.lock().unwrap(), expected);
    assert_eq!(files(data.path()), [".lock", "model.onnx"]);
}

#[test]
fn the_next_set_up_continues_too() {
    let data = TempDir::new().unwrap();
    let (address, ranges) = server(&[
        Reply::CutAfter(1000),
        Reply::CutAfter(1000),
        Reply::CutAfter(1000),
        Reply::All,
    ]);
    let error = download(&address, data.path()).unwrap_err();
    assert!(
        matches!(&error, SetupError::AddressFailed { .. }),
        "{error}"
    );
    check(&download(&address, data.path()).unwrap());
    assert_eq!(
        ranges.lock().unwrap().last(),
        Some(&Some("bytes=3000-".to_owned()))
    );
}

#[test]
fn a_server_that_knows_no_ranges_is_read_from_the_beginning() {
    let data = TempDir::new().unwrap();
    let (address, _) = server(&[Reply::CutAfter(1000), Reply::Whole]);
    check(&download(&address, data.path()).unwrap());
}

#[test]
fn a_remainder_that_the_server_refuses_is_dropped() {
    let data = TempDir::new().unwrap();
    let (address, ranges) = server(&[Reply::CutAfter(1000), Reply::Status(416), Reply::All]);
    check(&download(&address, data.path()).unwrap());
    assert_eq!(ranges.lock().unwrap().last(), Some(&None));
}

#[test]
fn wrong_bytes_from_an_address_are_not_kept() {
    let data = TempDir::new().unwrap();
    let (address, _) = server(&[Reply::Wrong, Reply::All]);
    let error = download(&address, data.path()).unwrap_err();
    assert!(
        matches!(&error, SetupError::WrongChecksum { file, .. } if *file == address),
        "{error}"
    );
    assert_eq!(files(data.path()), [".lock"]);
    check(&download(&address, data.path()).unwrap());
}

#[test]
fn an_address_that_is_gone_is_asked_once() {
    let data = TempDir::new().unwrap();
    let (address, ranges) = server(&[Reply::Status(404)]);
    let error = download(&address, data.path()).unwrap_err();
    assert!(
        error.to_string().contains("the server answered 404"),
        "{error}"
    );
    assert_eq!(ranges.lock().unwrap().len(), 1);
}

#[test]
fn the_second_source_is_tried_where_the_first_fails() {
    let data = TempDir::new().unwrap();
    let (address, _) = server(&[Reply::All]);
    let mut manifest = from_wheel();
    manifest.assets[0].files[0]
        .sources
        .push(Source::Address { address });
    check(
        &ensure(
            &manifest,
            data.path(),
            &SetupOptions::default(),
            Path::new(NO_PYTHON),
        )
        .unwrap(),
    );
}

#[test]
fn two_set_ups_at_once_fetch_once() {
    let data = TempDir::new().unwrap();
    let (address, ranges) = server(&[Reply::All]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| check(&download(&address, data.path()).unwrap()));
        }
    });
    assert_eq!(ranges.lock().unwrap().len(), 1);
}
