//! From an event on the gateway to the posted answer, on loopback, with an answer that costs nothing:
//! what Discord's adapter adds to an answer.
//!
//! `cargo bench -p casebook-tests --bench discord`

use std::sync::Arc;

use async_trait::async_trait;
use casebook_core::{Answer, CodeRef, EditionRef, Failure, Request, Respond};
use casebook_desk::{State, Supplies};
use casebook_discord::render;
use casebook_tests::answers::sample;
use casebook_tests::discord::{Discord, TOKEN};
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::json;
use tokio_util::sync::CancellationToken;

struct Ready;

#[async_trait]
impl Respond for Ready {
    async fn respond(&self, _: Request) -> Result<Answer, Failure> {
        Ok(sample())
    }

    async fn suggest(&self, _: &str, _: usize) -> Result<Vec<CodeRef>, Failure> {
        Ok(Vec::new())
    }

    fn loaded(&self) -> Result<Vec<EditionRef>, Failure> {
        Ok(Vec::new())
    }
}

fn event_to_post(c: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let discord = runtime.block_on(async {
        let discord = Discord::start().await;
        let config = json!({"token": TOKEN, "api_url": discord.url()});
        let config = serde_json::from_value(config).expect("a configuration");
        let clock = Arc::new(std::time::SystemTime::now);
        let state = State::in_memory(casebook_state::Config::default(), clock).expect("opens");
        tokio::spawn(casebook_discord::run(
            config,
            Supplies::new(Arc::new(Ready), state),
            CancellationToken::new(),
        ));
        discord.ready().await;
        discord
    });
    let mut group = c.benchmark_group("discord");
    group.bench_function("direct message to posted reply", |b| {
        b.to_async(&runtime).iter(|| async {
            let id = discord.direct("Is M54.50 billable?");
            let answer = discord.answer(id).await;
            discord.forget();
            answer
        });
    });
    group.bench_function("command to edited reply", |b| {
        b.to_async(&runtime).iter(|| async {
            let id = discord.command("ask", &[("question", "Is M54.50 billable?")]);
            let answer = discord.answer(id).await;
            discord.forget();
            answer
        });
    });
    let answer = sample();
    group.bench_function("render", |b| b.iter(|| render::answer(&answer)));
    group.finish();
}

criterion_group!(benches, event_to_post);
criterion_main!(benches);
