//! For operators: whether the process lives, whether it is ready, and what it counts, over HTTP.
//!
//! `GET /health` says that the process answers. `GET /ready` says whether it can answer questions: every adapter that has
//! started is connected, the state can be written, the catalog can be read. `GET /metrics` is for Prometheus. None of
//! them shows anything that a person typed, and none of them takes input.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::Supplies;

/// Where operators look. Off until the section exists.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address to listen on. Default: `127.0.0.1:9464`, this machine alone.
    #[serde(default = "listen")]
    pub listen: SocketAddr,
}

fn listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 9464))
}

/// Opens the address.
///
/// # Errors
/// Where it is in use or not ours.
pub async fn bind(config: &Config) -> std::io::Result<TcpListener> {
    TcpListener::bind(config.listen).await
}

/// Serves until `stop` is cancelled.
///
/// # Errors
/// Where the socket fails.
pub async fn serve(
    listener: TcpListener,
    supplies: Supplies,
    stop: CancellationToken,
) -> std::io::Result<()> {
    axum::serve(listener, router(supplies))
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
}

/// The three pages, for an adapter that listens for the platform's requests anyway.
pub fn router(supplies: Supplies) -> Router {
    Router::new()
        .route("/health", get(|| async { "alive\n" }))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .with_state(supplies)
}

async fn metrics(State(supplies): State<Supplies>) -> Response {
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    (
        [(header::CONTENT_TYPE, OPEN_METRICS)],
        supplies.meters.text(),
    )
        .into_response()
}

/// One line for each thing that readiness rests on.
async fn ready(State(supplies): State<Supplies>) -> Response {
    let mut page = String::new();
    let mut all = true;
    let mut say = |what: &str, yes: bool| {
        all &= yes;
        page.push_str(&format!(
            "{what}: {}\n",
            if yes { "ready" } else { "not ready" }
        ));
    };
    say("state", supplies.state.check().await.is_ok());
    say("catalog", supplies.respond.loaded().is_ok());
    let connections = supplies.meters.connections();
    say("adapters", !connections.is_empty());
    for (platform, connected) in connections {
        say(platform, connected);
    }
    let status = if all {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, page).into_response()
}
