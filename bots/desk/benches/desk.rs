//! What the desk and the state store cost: from a question's arrival to its post, with an engine and a platform that take
//! no time. `cargo bench -p casebook-desk`.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use async_trait::async_trait;
use casebook_core::{Answer, CodeRef, EditionRef, Failure, Request, Respond, Verdict};
use casebook_desk::{
    Desk, Manner, Person, Place, PostFailed, Posted, Question, Reply, Rules, Spot, State, Supplies,
    Wish,
};
use chrono::NaiveDate;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

struct Instantly;

#[async_trait]
impl Respond for Instantly {
    async fn respond(&self, _: Request) -> Result<Answer, Failure> {
        let date = NaiveDate::default();
        Ok(Answer::without_lines(Verdict::Answered, "", date))
    }

    async fn suggest(&self, _: &str, _: usize) -> Result<Vec<CodeRef>, Failure> {
        Ok(Vec::new())
    }

    fn loaded(&self) -> Result<Vec<EditionRef>, Failure> {
        Ok(Vec::new())
    }
}

struct Nowhere(tokio::sync::mpsc::UnboundedSender<()>);

#[async_trait]
impl Place for Nowhere {
    async fn post(&self, reply: &Reply) -> Result<Posted, PostFailed> {
        black_box(reply);
        let _ = self.0.send(());
        Ok(Posted::default())
    }
}

fn question(n: u64) -> Question {
    Question {
        key: format!("C1:{n}"),
        address: format!("C1:{n}"),
        wish: Wish::Ask(Request {
            text: "can 77003 be billed with 62323?".into(),
            ..Request::default()
        }),
        from: Person {
            id: format!("U{}", n % 50),
            ..Person::default()
        },
        at: Spot {
            channel: "C1".into(),
            thread: Some(n.to_string()),
            opens_thread: true,
            ..Spot::default()
        },
        manner: Manner::Mention,
    }
}

fn questions(c: &mut Criterion) {
    let Ok(runtime) = tokio::runtime::Runtime::new() else {
        return;
    };
    let mut group = c.benchmark_group("event to post");
    let next = AtomicU64::new(0);
    for burst in [1u64, 16, 200] {
        let Ok(folder) = tempfile::tempdir() else {
            return;
        };
        let Ok(state) = State::open(folder.path(), Default::default()) else {
            return;
        };
        let supplies = Supplies::new(Arc::new(Instantly), state);
        let desk = Desk::new("bench", Rules::default(), supplies);
        group.throughput(Throughput::Elements(burst));
        group.bench_with_input(BenchmarkId::from_parameter(burst), &burst, |b, &burst| {
            b.iter_custom(|times| {
                runtime.block_on(async {
                    let (sender, mut posted) = tokio::sync::mpsc::unbounded_channel();
                    let started = Instant::now();
                    for _ in 0..times {
                        for _ in 0..burst {
                            let n = next.fetch_add(1, Ordering::Relaxed);
                            desk.take(question(n), Arc::new(Nowhere(sender.clone())));
                        }
                        for _ in 0..burst {
                            posted.recv().await;
                        }
                    }
                    started.elapsed()
                })
            });
        });
    }
    group.finish();
}

criterion_group!(benches, questions);
criterion_main!(benches);
