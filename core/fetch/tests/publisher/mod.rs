//! A publisher on this machine: a static file server with ranges and validators, and with every fault that real ones
//! have. Written on the bare socket, because no test server cuts, stalls or lies on request.

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};

/// How the next request is answered; `Reply::default()` is what a well-behaved server does.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Close the connection after so many bytes of the body.
    pub cut: Option<usize>,
    /// After `cut` bytes, keep the connection open and say nothing more.
    pub stall: bool,
    /// Serve parts.
    pub ranges: bool,
    /// Serve a part only of the version that the client names.
    pub if_range: bool,
    /// Announce no length.
    pub chunked: bool,
    /// Answer with this status, and these header lines, instead.
    pub status: Option<(u16, String)>,
}

impl Default for Reply {
    fn default() -> Self {
        Self {
            cut: None,
            stall: false,
            ranges: true,
            if_range: true,
            chunked: false,
            status: None,
        }
    }
}

#[allow(
    dead_code,
    reason = "each test binary that includes this uses its own part"
)]
impl Reply {
    pub fn cut(bytes: usize) -> Self {
        Self {
            cut: Some(bytes),
            ..Self::default()
        }
    }

    pub fn status(status: u16) -> Self {
        Self {
            status: Some((status, String::new())),
            ..Self::default()
        }
    }

    pub fn redirect(to: &str) -> Self {
        Self {
            status: Some((302, format!("Location: {to}\r\n"))),
            ..Self::default()
        }
    }
}

/// The headers of a request that was seen, names in lower case.
type Headers = HashMap<String, String>;

struct File {
    bytes: Vec<u8>,
    etag: Option<String>,
    last_modified: Option<String>,
    /// The `Authorization` header without which it is not given out.
    secret: Option<String>,
}

#[derive(Default)]
struct State {
    files: HashMap<String, File>,
    replies: VecDeque<Reply>,
    seen: Vec<Headers>,
}

/// The server. It ends with the process.
#[derive(Clone)]
pub struct Publisher {
    port: u16,
    state: Arc<Mutex<State>>,
}

#[allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test binary that includes this uses its own part; a stand-in that cannot serve fails its test"
)]
impl Publisher {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let publisher = Self {
            port: listener.local_addr().unwrap().port(),
            state: Arc::default(),
        };
        let server = publisher.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = server.clone();
                // A client that hangs up early is its own affair.
                std::thread::spawn(move || server.answer(stream));
            }
        });
        publisher
    }

    pub fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base())
    }

    /// The same file under another host name.
    pub fn elsewhere(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.port)
    }

    /// Puts a file there; its ETag follows its content.
    pub fn put(&self, path: &str, bytes: &[u8]) {
        let etag = format!("\"{}\"", casebook_fetch::file::sha256(bytes).unwrap());
        self.put_as(path, bytes, Some(&etag), None);
    }

    pub fn put_as(
        &self,
        path: &str,
        bytes: &[u8],
        etag: Option<&str>,
        last_modified: Option<&str>,
    ) {
        let file = File {
            bytes: bytes.to_vec(),
            etag: etag.map(str::to_owned),
            last_modified: last_modified.map(str::to_owned),
            secret: None,
        };
        self.state().files.insert(path.to_owned(), file);
    }

    /// Puts an answer of an API there, which is given out with this `Authorization` header alone, where one is named.
    pub fn put_answer(&self, path: &str, body: &str, secret: Option<&str>) {
        let file = File {
            bytes: body.as_bytes().to_vec(),
            etag: None,
            last_modified: None,
            secret: secret.map(str::to_owned),
        };
        self.state().files.insert(path.to_owned(), file);
    }

    /// How the next requests are answered, one after the other; then well again.
    pub fn reply(&self, replies: impl IntoIterator<Item = Reply>) {
        self.state().replies.extend(replies);
    }

    /// The requests so far.
    pub fn seen(&self) -> Vec<Headers> {
        self.state().seen.clone()
    }

    /// One header of each request so far.
    pub fn headers(&self, name: &str) -> Vec<Option<String>> {
        let seen = self.seen();
        seen.iter().map(|r| r.get(name).cloned()).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn answer(&self, mut stream: TcpStream) -> Option<()> {
        let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
        let path = lines.next()?.ok()?.split(' ').nth(1)?.to_owned();
        let mut headers = HashMap::new();
        for line in lines {
            let line = line.ok()?;
            let Some((name, value)) = line.split_once(": ") else {
                break;
            };
            headers.insert(name.to_lowercase(), value.to_owned());
        }
        let (head, body, reply) = self.decide(path, headers);
        stream.write_all(head.as_bytes()).ok()?;
        let body = &body[..reply.cut.unwrap_or(body.len()).min(body.len())];
        if reply.chunked {
            for piece in body.chunks(1000) {
                write!(stream, "{:x}\r\n", piece.len()).ok()?;
                stream.write_all(piece).ok()?;
                stream.write_all(b"\r\n").ok()?;
            }
            if reply.cut.is_none() {
                stream.write_all(b"0\r\n\r\n").ok()?;
            }
        } else {
            stream.write_all(body).ok()?;
        }
        stream.flush().ok()?;
        if reply.stall {
            // Until the client goes away.
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        }
        Some(())
    }

    fn decide(&self, path: String, headers: Headers) -> (String, Vec<u8>, Reply) {
        let mut state = self.state();
        let reply = state.replies.pop_front().unwrap_or_default();
        state.seen.push(headers.clone());
        let plain = |status: u16, lines: &str| {
            format!("HTTP/1.1 {status} X\r\n{lines}Content-Length: 0\r\nConnection: close\r\n\r\n")
        };
        if let Some((status, lines)) = &reply.status {
            return (plain(*status, lines), Vec::new(), reply);
        }
        let Some(file) = state.files.get(&path) else {
            return (plain(404, ""), Vec::new(), reply);
        };
        if file.secret.is_some() && file.secret.as_ref() != headers.get("authorization") {
            return (plain(403, ""), Vec::new(), reply);
        }
        let names = |value: &String| {
            file.etag.as_ref() == Some(value) || file.last_modified.as_ref() == Some(value)
        };
        if headers.get("if-none-match").is_some_and(names)
            || headers.get("if-modified-since").is_some_and(names)
        {
            return (plain(304, ""), Vec::new(), reply);
        }
        let mut lines = String::new();
        for (name, value) in [("ETag", &file.etag), ("Last-Modified", &file.last_modified)] {
            if let Some(value) = value {
                lines.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        let whole = file.bytes.len();
        let from = headers
            .get("range")
            .and_then(|r| r.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok())
            .filter(|_| reply.ranges)
            .filter(|_| !reply.if_range || headers.get("if-range").is_none_or(names));
        let (status, from) = match from {
            Some(from) if from >= whole => return (plain(416, ""), Vec::new(), reply),
            Some(from) => {
                lines.push_str(&format!(
                    "Content-Range: bytes {from}-{}/{whole}\r\n",
                    whole - 1
                ));
                (206, from)
            }
            None => (200, 0),
        };
        lines.push_str(&match reply.chunked {
            true => "Transfer-Encoding: chunked\r\n".to_owned(),
            false => format!("Content-Length: {}\r\n", whole - from),
        });
        let head = format!("HTTP/1.1 {status} X\r\n{lines}Connection: close\r\n\r\n");
        (head, file.bytes[from..].to_vec(), reply)
    }
}
