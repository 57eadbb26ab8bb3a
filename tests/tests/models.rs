//! An index belongs to one model: another gets its own, and the first is found as it was left.
//!
//! The models are tiny ones of random numbers, so that an index is complete in a moment. What they find is nonsense;
//! that they are asked at all is what counts here.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use casebook_core::{Casebook, Settings, StoreSettings};
use casebook_embeddings::{
    Assets, Embedder, EmbedderOptions, ModelChoice, Origin, OwnModel, Pooling,
};
use casebook_tests::real;

#[path = "../../embeddings/tests/tiny/mod.rs"]
mod tiny;

use tiny::{Measures, SMALL, Tiny};

fn embedder(assets: &Assets, folder: &Path) -> Arc<Embedder> {
    let model = ModelChoice::Own(OwnModel {
        origin: Origin::Folder(folder.to_owned()),
        name: "tiny".to_owned(),
        dimensions: None,
        max_tokens: None,
        pooling: Some(Pooling::Mean),
        query_prefix: String::new(),
        passage_prefix: String::new(),
    });
    let options = EmbedderOptions { model, workers: 1 };
    Arc::new(Embedder::load(assets, &options).unwrap())
}

/// Opens the folder with a model; returns the engine and how many steps of indexing that took.
async fn open(data: &Path, embedder: &Arc<Embedder>) -> (Casebook, usize) {
    let settings = Settings {
        data: data.to_owned(),
        store: StoreSettings::Edge,
    };
    let steps = AtomicUsize::new(0);
    let casebook = Casebook::open(&settings, None, Some(embedder.clone()), &|_| {
        steps.fetch_add(1, Ordering::Relaxed);
    })
    .await
    .unwrap();
    (casebook, steps.into_inner())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_model_has_an_index_of_its_own() {
    let assets = match real::assets() {
        Ok(assets) => assets,
        Err(why) => return eprintln!("skipped, the runtime is not to be had here: {why}"),
    };
    let (data, model) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());

    Tiny::new(SMALL).write(model.path()).unwrap();
    let first = embedder(&assets, model.path());
    let (casebook, steps) = open(data.path(), &first).await;
    assert!(steps > 0 && !casebook.is_complete().await.unwrap());
    casebook.complete(&|_| ()).await.unwrap();
    assert!(casebook.is_complete().await.unwrap());
    drop(casebook);

    // The same folder and name, but trained further, and with more numbers in a vector.
    Tiny::new(Measures {
        hidden: 24,
        seed: 2,
        ..SMALL
    })
    .write(model.path())
    .unwrap();
    let second = embedder(&assets, model.path());
    assert_ne!(first.model_id(), second.model_id());
    assert_eq!((first.dimensions(), second.dimensions()), (16, 24));
    let (casebook, steps) = open(data.path(), &second).await;
    assert!(
        steps > 0,
        "the second model was given the index of the first"
    );
    assert!(!casebook.is_complete().await.unwrap());
    casebook.complete(&|_| ()).await.unwrap();
    let today = casebook_core::today();
    let hits = casebook
        .search("modifier 25", None, 5, today)
        .await
        .unwrap();
    drop((casebook, hits));

    // Back to the first: nothing is indexed again.
    let (casebook, steps) = open(data.path(), &first).await;
    assert_eq!(steps, 0);
    assert!(casebook.is_complete().await.unwrap());
    for id in [first.model_id(), second.model_id()] {
        assert!(data.path().join("index").join(id).is_dir(), "{id}");
    }
}
