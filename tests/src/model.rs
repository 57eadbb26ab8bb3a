//! A stand-in for a language model's service: the chat completions protocol on this machine's loopback, with a script of
//! what to say, good and bad.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};

/// What the service does with a request.
#[derive(Debug, Clone)]
pub enum Say {
    /// Streams a reply in these pieces, to its end.
    Pieces(Vec<&'static str>),
    /// Streams pieces and closes without an end.
    Cut(Vec<&'static str>),
    /// Ends a reply for this reason.
    Ended(&'static str, &'static str),
    /// Begins to stream, and never goes on.
    Hangs,
    /// Answers with a status, and repeats the request in the error's message, as some services do.
    Status(u16),
    /// Says that the temperature is not to be set, unless it is not.
    NoTemperature(&'static str),
    /// Answers with bytes that are no events of the protocol.
    Garbage(&'static str),
}

/// What a service was asked: the key of each request and its body.
type Asked = Arc<Mutex<Vec<(Option<String>, Value)>>>;

/// The service, and what it was asked.
pub struct Service {
    address: String,
    asked: Asked,
}

#[derive(Clone)]
struct Script {
    say: Say,
    asked: Asked,
}

impl Service {
    /// Starts a service that does this with every request.
    pub async fn start(say: Say) -> Self {
        let asked = Arc::default();
        let script = Script {
            say,
            asked: Arc::clone(&asked),
        };
        let router = Router::new()
            .route("/v1/chat/completions", post(complete))
            .route("/v1/models", get(models))
            .with_state(script);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/v1", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, asked }
    }

    /// Its base address.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The requests so far: what stood in `Authorization`, and the body.
    pub fn asked(&self) -> Vec<(Option<String>, Value)> {
        self.asked.lock().unwrap().clone()
    }
}

/// Its list of models: one, `stand-in`.
async fn models(State(script): State<Script>) -> Response<Body> {
    match script.say {
        Say::Status(status) => failed(status, &json!(null)),
        _ => Response::new(Body::from(
            json!({"object": "list", "data": [{"id": "stand-in"}]}).to_string(),
        )),
    }
}

async fn complete(State(script): State<Script>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let key = headers
        .get("authorization")
        .map(|v| v.to_str().unwrap().to_owned());
    let request: Value = serde_json::from_slice(&body).unwrap();
    script.asked.lock().unwrap().push((key, request.clone()));
    let done = "data: [DONE]\n\n".to_owned();
    match script.say {
        Say::Pieces(pieces) => events(pieces.iter().map(|p| piece(p)).chain([end("stop"), done])),
        Say::Cut(pieces) => events(pieces.iter().map(|p| piece(p))),
        Say::Ended(text, reason) => events([piece(text), end(reason), done]),
        Say::Hangs => {
            let first = futures_util::stream::iter([Ok::<_, std::io::Error>(piece("77003 is"))]);
            let stream = futures_util::StreamExt::chain(first, futures_util::stream::pending());
            streamed(Body::from_stream(stream))
        }
        Say::Status(status) => failed(status, &request),
        Say::NoTemperature(_) if request.get("temperature").is_some() => failed(400, &request),
        Say::NoTemperature(text) => events([piece(text), end("stop"), done]),
        Say::Garbage(bytes) => streamed(Body::from(bytes)),
    }
}

fn piece(text: &str) -> String {
    let chunk = json!({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "stand-in",
        "choices": [{"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": null}]});
    format!("data: {chunk}\n\n")
}

fn end(reason: &str) -> String {
    let chunk = json!({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "stand-in",
        "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]});
    format!("data: {chunk}\n\n: a comment, as proxies send them\n\n")
}

fn events(events: impl IntoIterator<Item = String>) -> Response<Body> {
    streamed(Body::from(events.into_iter().collect::<String>()))
}

fn streamed(body: Body) -> Response<Body> {
    Response::builder()
        .header("content-type", "text/event-stream")
        .body(body)
        .unwrap()
}

fn failed(status: u16, request: &Value) -> Response<Body> {
    let body = json!({"error": {"message": format!("cannot do this: {request}"), "type": "invalid_request_error"}});
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .unwrap()
}
