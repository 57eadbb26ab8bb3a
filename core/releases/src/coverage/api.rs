//! The coverage API, by its OpenAPI description 1.5: what to ask, and how to read what it answers. Nothing here opens a
//! connection: the caller sends a [`Request`] and hands over the body.
//!
//! LCDs and articles hold text of the AMA, the ADA and the AHA, and the API gives them out against a token that stands
//! for the acceptance of their licence. **Casebook accepts no licence for anybody.** There is no function here that asks
//! for a token: the operator reads the agreement, gets the token, which is good for an hour, and configures it. Lists,
//! states and national determinations need none.
//!
//! The description knows no paging: a list comes in one piece.

use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Cells, Codes, Row, Summary, Table, Version, keys, one};
use crate::edition::Kind;
use crate::error::{Place, ReadError};

/// Where the API is. The operator may name another host: a mirror, or a test's.
pub const BASE: &str = "https://api.coverage.cms.gov";

/// Where a person reads the agreement and gets the token that [`Token`] holds.
pub const AGREEMENT: &str = "/v1/metadata/license-agreement/";

/// A token that the operator got by accepting the licences.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// As it was given out. `None` where it holds characters that no token has: it goes into a header.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let sound = !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        sound.then(|| Self(text.to_owned()))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(...)")
    }
}

/// What an endpoint gives out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoint(Table);

/// A `GET` to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Path and query, from the host on.
    pub path: String,
    /// What the answer holds.
    pub endpoint: Endpoint,
    /// Whether a token is needed.
    pub licensed: bool,
}

impl Request {
    /// The address below a host such as [`BASE`].
    pub fn url(&self, base: &str) -> String {
        format!("{}{}", base.trim_end_matches('/'), self.path)
    }

    /// The value of the `Authorization` header; `None` where none is needed.
    ///
    /// # Errors
    /// A token is needed and there is none.
    pub fn authorization(&self, token: Option<&Token>) -> Result<Option<String>, ReadError> {
        match (self.licensed, token) {
            (false, _) => Ok(None),
            (true, Some(token)) => Ok(Some(format!("Bearer {}", token.0))),
            (true, None) => Err(ReadError::new(
                &self.path,
                Place::Whole,
                "this part of the coverage API is given out under licences of the AMA, the ADA and the AHA",
                format!(
                    "read the agreement, and if you accept it get a token from {BASE}{AGREEMENT} and configure it"
                ),
            )),
        }
    }
}

/// A list of documents.
///
/// `status` is `A` (active), `F` (future) or `R` (retired), several of them with commas; national determinations have
/// none. `state` is the API's number of a state.
pub fn list(kind: Kind, status: Option<&str>, state: Option<i64>) -> Request {
    let path = match kind {
        Kind::Ncd => "/v1/reports/national-coverage-ncd/".to_owned(),
        _ => {
            let name = if kind == Kind::Lcd {
                "local-coverage-final-lcds"
            } else {
                "local-coverage-articles"
            };
            let status = status.map(|s| {
                let known: String = s.chars().filter(|c| "ARF,".contains(*c)).collect();
                format!("status={known}")
            });
            let state = state.map(|s| format!("state_id={s}"));
            let query: Vec<String> = status.into_iter().chain(state).collect();
            if query.is_empty() {
                format!("/v1/reports/{name}/")
            } else {
                format!("/v1/reports/{name}/?{}", query.join("&"))
            }
        }
    };
    Request {
        path,
        endpoint: Endpoint(Table::List),
        licensed: false,
    }
}

/// The states and their numbers.
pub fn states() -> Request {
    Request {
        path: "/v1/metadata/states/".to_owned(),
        endpoint: Endpoint(Table::State),
        licensed: false,
    }
}

/// A contractor, all versions of its entry.
pub fn contractor(id: i64) -> Request {
    Request {
        path: format!("/v1/data/contractor/?contractor_id={id}"),
        endpoint: Endpoint(Table::Contractor),
        licensed: false,
    }
}

/// Everything of one document: its text, and of local documents the contractors, states, related documents and codes.
pub fn document(of: Version) -> Vec<Request> {
    let Version {
        kind,
        document,
        version,
    } = of;
    let (name, query) = match kind {
        Kind::Ncd => ("ncd", format!("ncdid={document}&ncdver={version}")),
        Kind::Lcd => ("lcd", format!("lcdid={document}&ver={version}")),
        _ => ("article", format!("articleid={document}&ver={version}")),
    };
    let request = |path: &str, table| Request {
        path: format!("/v1/data/{name}/{path}?{query}"),
        endpoint: Endpoint(table),
        licensed: kind != Kind::Ncd,
    };
    let codes = |path: &str, codes| request(path, Table::Codes(kind, codes));
    let groups = |path: &str, codes| request(path, Table::Groups(kind, codes));
    let mut requests = match kind {
        Kind::Ncd => return vec![request("", Table::Ncd)],
        Kind::Lcd => vec![request("", Table::Lcd)],
        _ => vec![request("", Table::Article)],
    };
    requests.extend([
        request("contractor", Table::DocumentContractor(kind)),
        request("primary-jurisdiction", Table::DocumentState(kind)),
        request("related-documents", Table::Related(kind)),
        request("related-ncd-documents", Table::RelatedNcd(kind)),
        codes("hcpc-code", Codes::Hcpcs),
        groups("hcpc-code-group", Codes::Hcpcs),
    ]);
    if kind == Kind::Article {
        requests.extend([
            codes("hcpc-modifier", Codes::Modifier),
            groups("hcpc-modifier-group", Codes::Modifier),
            codes("icd10-covered", Codes::Icd10Covered),
            groups("icd10-covered-group", Codes::Icd10Covered),
            codes("icd10-noncovered", Codes::Icd10Noncovered),
            groups("icd10-noncovered-group", Codes::Icd10Noncovered),
            codes("icd10-pcs-code", Codes::Icd10Pcs),
            groups("icd10-pcs-code-group", Codes::Icd10Pcs),
        ]);
    }
    requests
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Map<String, Value>>,
}

/// The API's own words for what went wrong.
#[derive(Deserialize)]
struct Fault {
    message: String,
}

/// The API's names of columns that the exports call otherwise, and one that its description has by mistake.
fn column(table: Table, name: &str) -> String {
    let name = name.to_lowercase();
    let other = match (table, name.as_str()) {
        (Table::Ncd, "document_id") => "ncd_id",
        (Table::Ncd, "document_version") => "ncd_vrsn_num",
        (Table::Ncd, "document_display_id") => "ncd_mnl_sect",
        (Table::Ncd, "title") => "ncd_mnl_sect_title",
        (Table::Ncd, "effective_date") => "ncd_efctv_dt",
        (Table::Ncd, "effective_end_date") => "ncd_trmntn_dt",
        (Table::Ncd, "item_service_description") => "itm_srvc_desc",
        (Table::Ncd, "indications_limitations") => "indctn_lmtn",
        (Table::Ncd, "cross_reference") => "xref_txt",
        (Table::Ncd, "other_text") => "othr_txt",
        (Table::DocumentState(Kind::Article), "lcd_id") => "article_id",
        (Table::DocumentState(Kind::Article), "lcd_version") => "article_version",
        (Table::Contractor, "contract_type_id") => "contractor_type_id",
        (Table::Contractor, "contract_number") => "contractor_number",
        (Table::Contractor, "contractor_name") => "contractor_bus_name",
        _ => return name,
    };
    other.to_owned()
}

/// Which documents a list holds that was saved from the API, by its beginning; `None` where it is none.
pub(super) fn listed(head: &str) -> Option<Kind> {
    let head = head.trim_start();
    if !head.starts_with('{') || !head.contains("\"document_display_id\"") {
        return None;
    }
    let (_, kind) = head.split_once("\"document_type\"")?;
    let kind = kind.trim_start_matches([':', ' ', '"']);
    Some(match kind.get(..3)? {
        "NCD" | "NCA" => Kind::Ncd,
        "Art" => Kind::Article,
        _ => Kind::Lcd,
    })
}

/// Reads a list of documents that was saved from the API, as `casebook fetch coverage-api` does.
///
/// # Errors
/// What is no such list, with the file's name.
pub fn saved(member: &crate::Member, kind: Kind) -> Result<Vec<Row>, ReadError> {
    /// The longest list, that of the articles, has some three megabytes.
    const LARGEST: u64 = 256 << 20;
    let rows =
        rows(&list(kind, None, None), 200, &member.read(LARGEST)?).map_err(|e| ReadError {
            file: member.path.clone(),
            ..e
        })?;
    member.count(rows.len() as u64);
    Ok(rows)
}

/// An answer with the request that it is to, as `casebook fetch coverage-api --document` keeps them: one to a line.
#[derive(Deserialize)]
struct Saved {
    path: String,
    answer: Answer,
}

/// The line under which an answer is kept; [`saved_documents`] reads it.
///
/// # Errors
/// As [`rows`]: only what can be read is kept.
pub fn line(request: &Request, status: u16, body: &[u8]) -> Result<String, ReadError> {
    rows(request, status, body)?;
    let answer: Value = serde_json::from_slice(body)
        .map_err(|e| ReadError::damaged(&request.path, Place::Whole, e.to_string()))?;
    // `path` first, by which such a file is known; a map of serde's would put `answer` there.
    Ok(format!(
        "{{\"path\":{},\"answer\":{answer}}}",
        Value::from(request.path.as_str())
    ))
}

/// The request that a line of a saved file answers, by its path.
fn asked(path: &str) -> Option<Request> {
    if path == states().path {
        return Some(states());
    }
    let number = |name: &str| {
        let (_, query) = path.split_once('?')?;
        let pair = query.split('&').find_map(|p| p.strip_prefix(name))?;
        pair.strip_prefix('=')?.parse::<i64>().ok()
    };
    if path.starts_with("/v1/data/contractor/") {
        return Some(contractor(number("contractor_id")?));
    }
    let (kind, document, version) = match path.split('/').nth(3)? {
        "ncd" => (Kind::Ncd, number("ncdid")?, number("ncdver")?),
        "lcd" => (Kind::Lcd, number("lcdid")?, number("ver")?),
        "article" => (Kind::Article, number("articleid")?, number("ver")?),
        _ => return None,
    };
    let of = Version {
        kind,
        document,
        version,
    };
    self::document(of).into_iter().find(|r| r.path == path)
}

/// Which documents a file of saved answers holds first; `None` where it is none.
pub(super) fn documents(head: &str) -> Option<Kind> {
    let rest = head.trim_start().strip_prefix("{\"path\":\"/v1/data/")?;
    match rest.split('/').next()? {
        "ncd" => Some(Kind::Ncd),
        "lcd" => Some(Kind::Lcd),
        "article" => Some(Kind::Article),
        _ => None,
    }
}

/// The longest line of saved answers: the longest list of an article's diagnoses has some megabytes.
const LONGEST_ANSWER: u64 = 64 << 20;

/// Reads documents that were saved from the API, an answer at a time, and says how many.
///
/// # Errors
/// A line that is no answer to a request for a document, with its number; and whatever `take` returns.
pub fn saved_documents<E: From<ReadError>>(
    member: &crate::Member,
    take: &mut dyn FnMut(Row) -> Result<(), E>,
) -> Result<u64, E> {
    use std::io::{BufRead as _, Read as _};
    let mut reader = std::io::BufReader::new(member.open()?);
    let mut bytes = Vec::new();
    let mut number = 0;
    let mut count = 0;
    loop {
        bytes.clear();
        let read = (&mut reader)
            .take(LONGEST_ANSWER + 1)
            .read_until(b'\n', &mut bytes)
            .map_err(|e| member.io(&e))?;
        if read == 0 {
            break;
        }
        number += 1;
        let damaged = |what: String| ReadError::damaged(&member.path, Place::Line(number), what);
        if read as u64 > LONGEST_ANSWER {
            return Err(damaged(format!("the line is longer than {LONGEST_ANSWER} bytes")).into());
        }
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        let saved: Saved = serde_json::from_slice(&bytes).map_err(|e| damaged(e.to_string()))?;
        let request = asked(&saved.path)
            .ok_or_else(|| damaged("it answers no request for a coverage document".to_owned()))?;
        let rows = of_answer(&request, saved.answer).map_err(|e| damaged(format!("{e}")))?;
        member.count(rows.len() as u64);
        count += rows.len() as u64;
        for row in rows {
            take(row)?;
        }
    }
    Ok(count)
}

/// Reads an answer: `status` and `body` of the response to a request. Descriptors of codes are dropped unread.
///
/// # Errors
/// A status of failure, with what to do; a body that is no answer of this endpoint.
pub fn rows(request: &Request, status: u16, body: &[u8]) -> Result<Vec<Row>, ReadError> {
    let fault = |what: String, remedy: &str| {
        ReadError::new(&request.path, Place::Whole, what, remedy.to_owned())
    };
    match status {
        200 => {}
        401 | 403 => {
            let what = format!("the coverage API refuses the token (status {status})");
            let remedy = "tokens are good for an hour: get a new one and configure it";
            return Err(fault(what, remedy));
        }
        429 | 500.. => {
            let what = format!("the coverage API cannot answer now (status {status})");
            return Err(fault(what, "try again later"));
        }
        _ => {
            let said = serde_json::from_slice::<Fault>(body).map(|f| f.message);
            let said: String = said.unwrap_or_default().chars().take(200).collect();
            let what = format!("the coverage API refuses the request (status {status}): {said}");
            return Err(fault(what, "check the document's number and version"));
        }
    }
    let answer: Answer = serde_json::from_slice(body).map_err(|e| {
        let what = format!("the coverage API's answer is none of its description: {e}");
        fault(what, "try again; if it stays so, the API has changed")
    })?;
    of_answer(request, answer)
}

fn of_answer(request: &Request, answer: Answer) -> Result<Vec<Row>, ReadError> {
    let Endpoint(table) = request.endpoint;
    let mut rows = Vec::with_capacity(answer.data.len());
    let mut summary = Summary::default();
    for (i, object) in answer.data.into_iter().enumerate() {
        let mut columns = Vec::with_capacity(object.len());
        let mut cells = Vec::with_capacity(object.len());
        for (name, value) in object {
            let name = column(table, &name);
            let descriptor = matches!(table, Table::Codes(..)) && name.contains("description");
            if descriptor {
                continue;
            }
            let text = match value {
                Value::String(s) => s.trim().to_owned(),
                Value::Number(n) => n.to_string(),
                Value::Bool(b) => b.to_string(),
                Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
            };
            columns.push(name);
            cells.push(text);
        }
        let place = format!("{} (row {})", request.path, i + 1);
        // What makes a row the table's; the rest may be left out where it is empty.
        let needs: Vec<&str> = match table {
            Table::List => vec!["document_id", "document_version", "title"],
            Table::Codes(kind, codes) => vec![keys(kind).0, codes.columns().0],
            Table::State => {
                // The API has no abbreviations.
                vec!["state_id", "description"]
            }
            table => table.needs().into_iter().take(2).collect(),
        };
        if let Some(missing) = needs.iter().find(|n| !columns.iter().any(|c| c == *n)) {
            let what = format!("{missing} is missing");
            return Err(ReadError::new(
                &place,
                Place::Whole,
                what,
                "the API has changed: report it",
            ));
        }
        let cells = Cells {
            file: &place,
            place: &|_| Place::Whole,
            columns: &columns,
            cells: &cells,
        };
        rows.extend(one(table, &cells, &mut summary)?);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_those_of_the_description() {
        assert_eq!(
            list(Kind::Lcd, Some("A,F&x=1"), Some(49)).url("http://h/"),
            "http://h/v1/reports/local-coverage-final-lcds/?status=A,F&state_id=49"
        );
        assert_eq!(
            list(Kind::Article, None, None).path,
            "/v1/reports/local-coverage-articles/"
        );
        assert_eq!(
            list(Kind::Ncd, Some("A"), None).path,
            "/v1/reports/national-coverage-ncd/"
        );
        let of = |kind| Version {
            kind,
            document: 7,
            version: 2,
        };
        let article = document(of(Kind::Article));
        assert_eq!(article.len(), 15);
        assert_eq!(
            article[9].path,
            "/v1/data/article/icd10-covered?articleid=7&ver=2"
        );
        assert!(article.iter().all(|r| r.licensed));
        assert_eq!(
            document(of(Kind::Ncd))[0].path,
            "/v1/data/ncd/?ncdid=7&ncdver=2"
        );
        assert_eq!(document(of(Kind::Lcd)).len(), 7);
    }

    #[test]
    fn a_token_is_the_operators_and_is_not_shown() {
        let token = Token::new(" abc.def \n").unwrap();
        assert_eq!(format!("{token:?}"), "Token(...)");
        assert!(Token::new("a\r\nb").is_none() && Token::new("").is_none());
        let of = Version {
            kind: Kind::Article,
            document: 7,
            version: 2,
        };
        let request = &document(of)[0];
        let said = request.authorization(None).unwrap_err().to_string();
        assert!(said.contains("read the agreement"), "{said}");
        assert_eq!(
            request.authorization(Some(&token)).unwrap().as_deref(),
            Some("Bearer abc.def")
        );
        assert_eq!(states().authorization(None).unwrap(), None);
    }

    #[test]
    fn answers_that_are_none() {
        let request = states();
        let said = |status, body: &str| {
            rows(&request, status, body.as_bytes())
                .unwrap_err()
                .to_string()
        };
        assert!(said(403, "").contains("get a new one"));
        assert!(said(503, "").contains("try again later"));
        assert!(said(400, r#"{"message":"no such state","code":400}"#).contains("no such state"));
        assert!(said(200, "<html>").contains("none of its description"));
        assert!(said(200, r#"{"data":[{"state_id":1}]}"#).contains("description is missing"));
        assert!(said(200, r#"{"data":[{"state_id":"x","description":"y"}]}"#).contains("(row 1)"));
    }

    #[test]
    fn the_description_has_every_path() {
        let root = std::env::var("CASEBOOK_SHARED").map_or_else(
            |_| std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
            std::path::PathBuf::from,
        );
        let packed = match fs_err::read(root.join("data/mcd/coverage_api_openapi.yaml.gz")) {
            Ok(packed) => packed,
            Err(e) => return println!("skipped: {e}"),
        };
        let mut text = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&packed[..]), &mut text)
            .unwrap();
        // The file is called YAML, and is JSON, which is YAML.
        let described: Value = serde_json::from_str(&text).unwrap();
        let of = |kind| Version {
            kind,
            document: 7,
            version: 2,
        };
        let mut requests = vec![states(), contractor(1)];
        for kind in [Kind::Lcd, Kind::Article, Kind::Ncd] {
            requests.push(list(kind, None, None));
            requests.extend(document(of(kind)));
        }
        for request in requests {
            let path = request.path.split('?').next().unwrap();
            assert!(described["paths"].get(path).is_some(), "{path}");
            for parameter in request.path.split(['?', '&']).skip(1) {
                let name = parameter.split('=').next().unwrap();
                let parameters = described["paths"][path]["get"]["parameters"].to_string();
                assert!(parameters.contains(&format!("/{name}\"")), "{path} {name}");
            }
        }
        assert!(described["paths"].get(AGREEMENT).is_some());
    }
}
