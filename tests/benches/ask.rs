//! Retrieve and ask, on the real model and index: `cargo bench -p casebook-tests --bench ask`.

use casebook_core::{Intent, Request};
use casebook_tests::real;
use criterion::{Criterion, criterion_group, criterion_main};
use tokio::runtime::Runtime;

fn bench(c: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let casebook = match runtime.block_on(real::casebook()) {
        Ok(casebook) => casebook,
        Err(why) => {
            eprintln!("skipped, the real model is not to be had here: {why}");
            return;
        }
    };
    let today = casebook_core::today();
    c.bench_function("search: low back pain", |b| {
        b.to_async(&runtime)
            .iter(|| casebook.search("low back pain", None, 10, today));
    });
    for text in [
        "M54.50",
        "what is modifier 25?",
        "guideline for sepsis with pneumonia",
        "code for low back pain",
    ] {
        let request = Request {
            intent: Intent::Ask,
            text: text.into(),
            as_of: None,
            setting: None,
            ..Request::default()
        };
        c.bench_function(&format!("ask: {text}"), |b| {
            b.to_async(&runtime).iter(|| casebook.ask(&request));
        });
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
