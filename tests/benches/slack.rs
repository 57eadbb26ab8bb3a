//! From an event to its posted answer, over the real protocol on loopback, with an answer at hand: what
//! the adapter adds to the time that the engine takes.

use std::sync::Arc;

use casebook_core::{Answer, CodeRef, EditionRef, Failure, Request, Respond};
use casebook_desk::Supplies;
use casebook_tests::answers::sample;
use casebook_tests::slack::Slack;
use casebook_tests::slack::bot::state;
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::json;
use tokio_util::sync::CancellationToken;

struct AtHand(Answer);

#[async_trait::async_trait]
impl Respond for AtHand {
    async fn respond(&self, _: Request) -> Result<Answer, Failure> {
        Ok(self.0.clone())
    }

    async fn suggest(&self, _: &str, _: usize) -> Result<Vec<CodeRef>, Failure> {
        Ok(Vec::new())
    }

    fn loaded(&self) -> Result<Vec<EditionRef>, Failure> {
        Ok(Vec::new())
    }
}

fn event_to_post(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let slack = runtime.block_on(Slack::start());
    let config = slack.config(json!({}));
    let respond = Arc::new(AtHand(sample()));
    let supplies = Supplies::new(respond, state());
    runtime.spawn(casebook_slack::run(
        config,
        supplies,
        CancellationToken::new(),
    ));
    runtime.block_on(slack.greeted(1));
    let mut posts = 0;
    criterion.bench_function("slack: mention to post", |bencher| {
        bencher.iter(|| {
            posts += 1;
            // A channel of its own for each: a channel's pace is one message a second.
            runtime.block_on(async {
                slack.mention(&format!("C{posts}"), "M54.50").await;
                slack.posted(posts).await;
            });
        });
    });
}

criterion_group!(benches, event_to_post);
criterion_main!(benches);
