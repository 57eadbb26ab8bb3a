//! The coverage API's client against a server of our own on the loopback, with answers that we wrote.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are not test functions, which may unwrap"
)]

use casebook_releases::coverage::api::{self, Request, Token};
use casebook_releases::coverage::{Row, Version};
use casebook_releases::{Kind, ReadError};

/// What the server answers to each path; a path with a question mark is one with its query.
const ANSWERS: &[(&str, &str)] = &[
    (
        "/v1/reports/local-coverage-articles/?status=A",
        r#"{"meta":{"status":{"id":200,"message":"OK"}},"data":[{"document_id":900,"document_version":7,
            "document_display_id":"A900","document_type":"Article","title":"Ours","contractor_name_type":"Our\nContractor",
            "effective_date":"03/01/2025","retirement_date":"N/A","url":"https://x"}]}"#,
    ),
    (
        "/v1/data/article/?articleid=900&ver=7",
        r#"{"data":[{"article_id":900,"article_version":7,"title":"Ours","article_eff_date":"03/01/2025","article_end_date":null,
            "description":"<p>Bill it <i>so</i>.</p>","status":"A","display_id":"A900","article_rev_end_Date":""}]}"#,
    ),
    (
        "/v1/data/article/hcpc-code?articleid=900&ver=7",
        r#"{"data":[{"article_id":900,"article_version":7,"hcpc_code_id":"99999","hcpc_code_group":1,
            "long_description":"UNREAD","short_description":"UNREAD"}]}"#,
    ),
    (
        "/v1/data/article/icd10-covered?articleid=900&ver=7",
        r#"{"data":[{"article_id":900,"article_version":7,"icd10_code_id":"M54.50","icd10_covered_group":1,"description":"x"}]}"#,
    ),
    (
        "/v1/data/article/primary-jurisdiction?articleid=900&ver=7",
        r#"{"data":[{"lcd_id":900,"lcd_version":7,"state_id":49}]}"#,
    ),
    (
        "/v1/data/ncd/?ncdid=20&ncdver=1",
        r#"{"data":[{"document_id":20,"document_version":1,"document_display_id":"160.99","title":"National",
            "effective_date":"01/01/2001","effective_end_date":"N/A","indications_limitations":"<p>Everywhere.</p>"}]}"#,
    ),
    (
        "/v1/metadata/states/",
        r#"{"data":[{"state_id":49,"description":"Texas"}]}"#,
    ),
];

/// The server's address. It lives until the test's process ends.
fn server() -> String {
    let server = tiny_http::Server::http("127.0.0.1:0").unwrap();
    let address = format!("http://{}", server.server_addr());
    std::thread::spawn(move || {
        for request in server.incoming_requests() {
            let path = request.url().to_owned();
            let token = request
                .headers()
                .iter()
                .find(|h| h.field.equiv("Authorization"))
                .map(|h| h.value.to_string());
            let licensed = path.contains("/data/article") || path.contains("/data/lcd");
            let (status, body) = if path.contains("license-agreement") {
                panic!("nobody accepted the licence")
            } else if licensed && token.as_deref() != Some("Bearer ours") {
                (403, "{}".to_owned())
            } else {
                match ANSWERS.iter().find(|(p, _)| *p == path) {
                    Some((_, body)) => (200, (*body).to_owned()),
                    None => (200, r#"{"data":[]}"#.to_owned()),
                }
            };
            let response = tiny_http::Response::from_string(body).with_status_code(status);
            let _ = request.respond(response);
        }
    });
    address
}

fn send(base: &str, request: &Request, token: Option<&Token>) -> Result<Vec<Row>, ReadError> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let mut call = agent.get(request.url(base));
    if let Some(value) = request.authorization(token)? {
        call = call.header("Authorization", value);
    }
    let mut answer = call.call().unwrap();
    let status = answer.status().as_u16();
    let body = answer.body_mut().read_to_vec().unwrap();
    api::rows(request, status, &body)
}

#[test]
fn a_list_and_a_document_with_its_codes() {
    let base = server();
    let token = Token::new("ours");
    let listed = send(&base, &api::list(Kind::Article, Some("A"), None), None).unwrap();
    let [Row::Document(listed)] = &listed[..] else {
        panic!("{listed:?}")
    };
    assert_eq!(listed.contractors, "Our Contractor");
    let mut rows = Vec::new();
    for request in api::document(listed.version) {
        rows.extend(send(&base, &request, token.as_ref()).unwrap());
    }
    assert!(!format!("{rows:?}").contains("UNREAD"));
    assert_eq!(rows.len(), 4, "{rows:?}");
    assert!(matches!(&rows[0], Row::Document(d) if d.passages[0].text == "Bill it so."));
    assert!(
        rows.iter()
            .any(|r| matches!(r, Row::DocumentState(v, 49) if v.kind == Kind::Article))
    );
    assert!(
        rows.iter()
            .any(|r| matches!(r, Row::Code(c) if c.code == "M5450"))
    );
    let states = send(&base, &api::states(), None).unwrap();
    assert!(matches!(&states[..], [Row::State { id: 49, name, .. }] if name == "Texas"));
}

#[test]
fn a_national_determination_needs_no_token_and_an_article_does() {
    let base = server();
    let of = |kind, document, version| Version {
        kind,
        document,
        version,
    };
    let ncd = send(&base, &api::document(of(Kind::Ncd, 20, 1))[0], None).unwrap();
    assert!(matches!(&ncd[..], [Row::Document(d)] if d.display == "160.99" && d.end.is_none()));
    let article = &api::document(of(Kind::Article, 900, 7))[0];
    let said = send(&base, article, None).unwrap_err().to_string();
    assert!(said.contains("licences of the AMA"), "{said}");
    let said = send(&base, article, Token::new("old").as_ref())
        .unwrap_err()
        .to_string();
    assert!(said.contains("get a new one"), "{said}");
}
