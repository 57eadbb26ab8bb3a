//! How long one question takes, and 256 titles, with each of the pinned models.

use std::hint::black_box;
use std::path::Path;

use casebook_embeddings::{Bars, Embedder, EmbedderOptions, ModelChoice, SetupOptions, ensure};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Words of which titles are made here, about as long as those of ICD-10-CM.
const SITES: [&str; 8] = [
    "femur",
    "left ankle",
    "right eye",
    "lower lobe",
    "descending aorta",
    "skin of scalp",
    "knee",
    "ear",
];
const CONDITIONS: [&str; 8] = [
    "Displaced fracture of",
    "Malignant neoplasm of",
    "Acute inflammation of",
    "Open wound without foreign body of",
    "Other specified disorders of",
    "Congenital absence of",
    "Burn of third degree of",
    "Pain in",
];
const ENCOUNTERS: [&str; 4] = [
    "",
    ", initial encounter for closed fracture",
    ", subsequent encounter with routine healing",
    ", sequela",
];

fn titles() -> Vec<String> {
    let each = CONDITIONS
        .iter()
        .flat_map(|c| SITES.iter().map(move |s| (c, s)));
    each.flat_map(|(c, s)| ENCOUNTERS.iter().map(move |e| format!("{c} {s}{e}")))
        .collect()
}

fn embed(c: &mut Criterion) {
    for model in ["casebook-minilm", "minilm-int8", "minilm-fp32"] {
        match load(model) {
            Ok(embedder) => measure(c, model, &embedder),
            Err(e) => eprintln!("nothing to measure of {model}: {e}"),
        }
    }
}

fn load(model: &str) -> Result<Embedder, Box<dyn std::error::Error>> {
    let data = Path::new(env!("CARGO_TARGET_TMPDIR")).join("embeddings-data");
    let wanted = ["runtime", model];
    let assets = ensure(&data, &wanted, &SetupOptions::default(), &Bars::new())?;
    let options = EmbedderOptions {
        model: ModelChoice::Pinned(model.to_owned()),
        ..EmbedderOptions::default()
    };
    Ok(Embedder::load(&assets, &options)?)
}

fn measure(c: &mut Criterion, model: &str, embedder: &Embedder) {
    let mut group = c.benchmark_group(model);
    group.bench_function("one question", |b| {
        b.iter(|| {
            embedder.embed_one(black_box(
                "what is the code for a heart attack, initial episode?",
            ))
        })
    });
    let titles = titles();
    group
        .sample_size(10)
        .throughput(Throughput::Elements(titles.len() as u64));
    group.bench_function("256 titles", |b| {
        b.iter(|| embedder.embed(black_box(&titles), &|_| ()))
    });
    group.finish();
}

criterion_group!(benches, embed);
criterion_main!(benches);
