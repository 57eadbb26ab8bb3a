//! From an event on the websocket to the posted answer, on loopback, with a responder that takes no
//! time: what the adapter itself costs. Every event has a channel of its own, or the pace of one post
//! a second in each channel would be measured.

use std::sync::Arc;

use casebook_core::{Answer, Failure, Request, Respond};
use casebook_tests::answers::sample;
use casebook_tests::slack::{APP_TOKEN, BOT_TOKEN, Slack};
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::json;
use tokio_util::sync::CancellationToken;

struct Instantly;

#[async_trait::async_trait]
impl Respond for Instantly {
    async fn respond(&self, _: Request) -> Result<Answer, Failure> {
        Ok(sample())
    }
}

fn event_to_post(c: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let slack = runtime.block_on(Slack::start());
    let config = serde_json::from_value(json!({"app_token": APP_TOKEN, "bot_token": BOT_TOKEN,
        "api_url": slack.api_url(), "connections": 1}))
    .expect("complete settings");
    let stop = CancellationToken::new();
    let bot = runtime.spawn(casebook_slack::run(
        config,
        Arc::new(Instantly),
        stop.clone(),
    ));
    runtime.block_on(slack.connected());
    let mut sent = 0;
    c.bench_function("slack/event_to_post", |b| {
        b.iter(|| {
            sent += 1;
            slack.direct(&format!("D{sent}"), "is M54.50 billable?", None);
            runtime.block_on(slack.await_count("chat.postMessage", sent));
        });
    });
    let answer = sample();
    c.bench_function("slack/render", |b| {
        b.iter(|| casebook_slack::render::render(&answer))
    });
    stop.cancel();
    runtime
        .block_on(bot)
        .expect("no panic")
        .expect("a clean stop");
}

criterion_group!(benches, event_to_post);
criterion_main!(benches);
