//! Reading a note of 2 kB with everything that is asked of it, and looking for identifiers in a chat message.

use casebook_note::{Note, identifiers};
use criterion::{Criterion, Throughput};
use std::hint::black_box;

const NOTE: &str = include_str!("note.txt");
const QUESTION: &str = "can I bill 99213-25 with 20610 for the knee on 3/1/2026?";

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("note");
    group.throughput(Throughput::Bytes(NOTE.len() as u64));
    group.bench_function("read", |b| b.iter(|| Note::read(black_box(NOTE))));
    let note = Note::read(NOTE);
    group.bench_function("phrases", |b| b.iter(|| note.phrases().count()));
    group.bench_function("attributes of all phrases", |b| {
        b.iter(|| {
            for phrase in note.phrases() {
                black_box(note.attributes(phrase.range));
            }
        });
    });
    group.bench_function("identifiers", |b| b.iter(|| identifiers(black_box(NOTE))));
    group.finish();
    criterion.bench_function("identifiers of a question", |b| {
        b.iter(|| identifiers(black_box(QUESTION)));
    });
    criterion.final_summary();
}
