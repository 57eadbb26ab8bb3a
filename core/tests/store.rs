//! One conformance suite for both vector engines: what holds for the embedded one holds for a server.
//!
//! The server's part runs where `CASEBOOK_QDRANT_URL` names one, and says so where it does not.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are not test functions, which may unwrap"
)]

use casebook_core::System;
use casebook_core::lexical::{Lexical, Sparse};
use casebook_core::store::edge::EdgeStore;
use casebook_core::store::server::ServerStore;
use casebook_core::store::{Filter, Passage, Point, Query, Store, StoreError};
use chrono::NaiveDate;
use proptest::prelude::*;

const DIMENSIONS: usize = 4;

fn day(y: i32, m: u32, d: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(y, m, d).unwrap()
}

fn point(
    id: u64,
    system: Option<System>,
    edition: &str,
    text: &str,
    dense: Option<[f32; 4]>,
) -> Point {
    let (from, through) = match edition {
        "old" => (day(2024, 10, 1), Some(day(2025, 9, 30))),
        _ => (day(2025, 10, 1), None),
    };
    Point {
        id,
        passage: Passage {
            key: format!("key-{id}"),
            system,
            edition: edition.to_owned(),
            from,
            through,
            text: text.to_owned(),
        },
        sparse: Lexical::new().unwrap().passage(text),
        dense: dense.map(Vec::from),
    }
}

fn words(text: &str) -> Sparse {
    Lexical::new().unwrap().question(text)
}

fn query(dense: Option<[f32; 4]>, text: &str, filter: Filter) -> Query {
    Query {
        dense: dense.map(Vec::from),
        sparse: words(text),
        filter,
        limit: 10,
    }
}

async fn keys(store: &dyn Store, query: Query) -> Vec<u64> {
    let mut found: Vec<u64> = store
        .search(&query)
        .await
        .unwrap()
        .into_iter()
        .map(|f| f.id)
        .collect();
    found.sort_unstable();
    found
}

async fn conforms(store: &dyn Store) {
    // Empty.
    assert_eq!(store.count().await.unwrap(), 0);
    assert!(store.ids(false).await.unwrap().is_empty());
    assert!(
        keys(
            store,
            query(Some([1.0, 0.0, 0.0, 0.0]), "pain", Filter::default())
        )
        .await
        .is_empty()
    );

    // Words first, meanings later.
    let points = vec![
        point(1, Some(System::Icd10cm), "new", "low back pain", None),
        point(2, Some(System::Icd10cm), "old", "neck pain", None),
        point(3, None, "new", "rules for sepsis", None),
        point(
            u64::MAX >> 1,
            Some(System::Cpt),
            "new",
            "injection of a knee",
            None,
        ),
    ];
    store.upsert(points).await.unwrap();
    assert_eq!(store.count().await.unwrap(), 4);
    assert_eq!(store.ids(false).await.unwrap().len(), 4);
    assert!(store.ids(true).await.unwrap().is_empty());
    assert_eq!(
        keys(store, query(None, "pains", Filter::default())).await,
        [1, 2],
        "stems match"
    );
    store
        .set_dense(vec![
            (1, vec![1.0, 0.0, 0.0, 0.0]),
            (3, vec![0.0, 1.0, 0.0, 0.0]),
        ])
        .await
        .unwrap();
    assert_eq!(store.ids(true).await.unwrap(), [1, 3].into());

    // Both scores of one point, either score of the others.
    let found = store
        .search(&query(
            Some([1.0, 0.0, 0.0, 0.0]),
            "pain",
            Filter::default(),
        ))
        .await
        .unwrap();
    let one = found.iter().find(|f| f.id == 1).unwrap();
    assert!((one.dense.unwrap() - 1.0).abs() < 1e-3 && one.sparse.unwrap() > 0.0);
    let two = found.iter().find(|f| f.id == 2).unwrap();
    assert!(two.dense.is_none() && two.sparse.unwrap() > 0.0);
    assert!(found.iter().find(|f| f.id == 3).unwrap().sparse.is_none());
    assert_eq!(
        one.passage,
        point(1, Some(System::Icd10cm), "new", "low back pain", None).passage
    );
    assert_eq!(two.passage.through, Some(day(2025, 9, 30)));

    // Filters by system, edition and date.
    let all = "pain sepsis injection";
    let only = |systems: Vec<System>| Filter {
        systems: Some(systems),
        ..Filter::default()
    };
    assert_eq!(
        keys(store, query(None, all, only(vec![System::Icd10cm]))).await,
        [1, 2]
    );
    assert_eq!(
        keys(store, query(None, all, only(vec![]))).await,
        [3],
        "rules have no system"
    );
    let edition = Filter {
        editions: vec!["old".into()],
        ..Filter::default()
    };
    assert_eq!(keys(store, query(None, all, edition)).await, [2]);
    let on = |date| Filter {
        on: Some(date),
        ..Filter::default()
    };
    assert_eq!(
        keys(store, query(None, all, on(day(2025, 9, 30)))).await,
        [2],
        "the last day counts"
    );
    assert_eq!(
        keys(store, query(None, all, on(day(2025, 10, 1)))).await,
        [1, 3, u64::MAX >> 1]
    );
    assert!(
        keys(store, query(None, all, on(day(1800, 1, 1))))
            .await
            .is_empty()
    );

    // Replaced, not doubled; removed, and again without complaint.
    store
        .upsert(vec![point(
            2,
            Some(System::Icd10cm),
            "old",
            "shoulder ache",
            None,
        )])
        .await
        .unwrap();
    assert_eq!(
        keys(store, query(None, "shoulder", Filter::default())).await,
        [2]
    );
    assert_eq!(store.count().await.unwrap(), 4);
    store.delete(&[3, 999]).await.unwrap();
    store.delete(&[]).await.unwrap();
    assert_eq!(store.count().await.unwrap(), 3);

    // Searchable before, during and after ordering.
    store.flush().await.unwrap();
    store.optimize().await.unwrap();
    assert_eq!(
        keys(store, query(None, "back", Filter::default())).await,
        [1]
    );
    // No words that count: nothing found by words, no error.
    assert!(
        keys(store, query(None, "the of and", Filter::default()))
            .await
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_engine_conforms() {
    let dir = tempfile::tempdir().unwrap();
    let store = EdgeStore::open(&dir.path().join("index"), DIMENSIONS).unwrap();
    conforms(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_conforms() {
    let Ok(url) = std::env::var("CASEBOOK_QDRANT_URL") else {
        eprintln!("skipped: CASEBOOK_QDRANT_URL names no Qdrant server (gRPC address)");
        return;
    };
    let name = format!("casebook-test-{}", std::process::id());
    let store = ServerStore::open(&url, None, &name, DIMENSIONS)
        .await
        .unwrap();
    conforms(&store).await;
    store.drop_collection().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_flushed_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("index");
    let store = EdgeStore::open(&path, DIMENSIONS).unwrap();
    store
        .upsert(vec![point(
            7,
            None,
            "new",
            "kept",
            Some([1.0, 0.0, 0.0, 0.0]),
        )])
        .await
        .unwrap();
    store.flush().await.unwrap();
    drop(store);
    let store = EdgeStore::open(&path, DIMENSIONS).unwrap();
    assert_eq!(
        keys(&store, query(None, "kept", Filter::default())).await,
        [7]
    );
    assert_eq!(store.ids(true).await.unwrap(), [7].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_reads_a_copy() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("index");
    let store = EdgeStore::open(&path, DIMENSIONS).unwrap();
    store
        .upsert(vec![point(7, None, "new", "kept", None)])
        .await
        .unwrap();
    store.flush().await.unwrap();
    assert!(matches!(
        EdgeStore::open(&path, DIMENSIONS),
        Err(StoreError::Locked(_))
    ));
    let copy = EdgeStore::open_copy(&path, DIMENSIONS).unwrap();
    assert!(copy.is_copy());
    assert_eq!(
        keys(&copy, query(None, "kept", Filter::default())).await,
        [7]
    );
}

/// As two commands at once do: one writes, and what it writes comes and goes while the other copies.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_taken_while_the_other_process_writes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("index");
    let store = EdgeStore::open(&path, DIMENSIONS).unwrap();
    let kept = point(7, None, "new", "kept", None);
    store.upsert(vec![kept]).await.unwrap();
    store.flush().await.unwrap();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (done, folder) = (stop.clone(), path.clone());
    let writing = std::thread::spawn(move || {
        while !done.load(std::sync::atomic::Ordering::Relaxed) {
            for n in 0..20 {
                let passing = folder.join(format!(".atomicwrite{n}"));
                fs_err::create_dir_all(&passing).unwrap();
                fs_err::write(passing.join("half"), "half").unwrap();
                fs_err::remove_dir_all(&passing).unwrap();
            }
        }
    });
    for _ in 0..20 {
        let copy = EdgeStore::open_copy(&path, DIMENSIONS).unwrap();
        let found = keys(&copy, query(None, "kept", Filter::default())).await;
        assert_eq!(found, [7]);
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    writing.join().unwrap();
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let opened = ServerStore::open("http://127.0.0.1:9", None, "c", DIMENSIONS).await;
    let message = opened.err().unwrap().to_string();
    assert!(
        message.contains("127.0.0.1:9") && message.contains("store.url"),
        "{message}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    /// Any text can be indexed and any text can be asked.
    #[test]
    fn any_text_is_searchable(text in "\\PC{0,200}", asked in "\\PC{0,200}") {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        runtime.block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let store = EdgeStore::open(&dir.path().join("index"), DIMENSIONS).unwrap();
            store.upsert(vec![point(1, None, "new", &text, None)]).await.unwrap();
            store.search(&query(None, &asked, Filter::default())).await.unwrap();
        });
    }
}
