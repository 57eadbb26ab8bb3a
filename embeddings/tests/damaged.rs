//! What is said where files change after their set-up. A process loads one ONNX Runtime, so this is one test in a
//! process of its own.

use std::path::Path;

use casebook_embeddings::{
    EmbedError, Embedder, EmbedderOptions, ModelChoice, SetupError, SetupOptions, Silent, ensure,
};
use fs_err as fs;

#[test]
fn damaged_files_are_errors_and_not_crashes() {
    let shared = Path::new(env!("CARGO_TARGET_TMPDIR")).join("embeddings-data");
    let wanted = ["runtime", "minilm-int8"];
    match ensure(&shared, &wanted, &SetupOptions::default(), &Silent) {
        Ok(_) => {}
        Err(
            e @ (SetupError::NoPip { .. }
            | SetupError::NoNetwork { .. }
            | SetupError::UnsupportedPlatform { .. }),
        ) => {
            return eprintln!("SKIPPED, the real model is not here: {e}");
        }
        Err(e) => panic!("{e}"),
    }
    // Another machine without a network: the data folder of the first serves as its assets folder.
    let data = tempfile::TempDir::new().unwrap();
    let air_gapped = SetupOptions {
        assets_folder: Some(shared.join("assets")),
        offline: true,
    };
    let assets = ensure(data.path(), &wanted, &air_gapped, &Silent).unwrap();
    let options = EmbedderOptions {
        model: ModelChoice::Pinned("minilm-int8".to_owned()),
        ..EmbedderOptions::default()
    };
    let library = fs::read_dir(data.path().join("assets/runtime"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();

    fs::rename(&library, data.path().join("aside")).unwrap();
    let gone = Embedder::load(&assets, &options);
    assert!(matches!(gone, Err(EmbedError::Runtime { .. })), "{gone:?}");

    fs::write(&library, "no library").unwrap();
    let corrupt = Embedder::load(&assets, &options);
    assert!(
        matches!(&corrupt, Err(EmbedError::Runtime { path, .. }) if *path == library),
        "{corrupt:?}"
    );

    // A failed attempt does not spoil the process for the right library.
    fs::rename(data.path().join("aside"), &library).unwrap();
    let model = assets.path("minilm-int8", "model.onnx").unwrap();
    let whole = fs::read(model).unwrap();
    fs::write(model, &whole[..whole.len() / 2]).unwrap();
    let changed = Embedder::load(&assets, &options);
    assert!(
        matches!(&changed, Err(EmbedError::Changed(path)) if path == model),
        "{changed:?}"
    );

    fs::write(model, whole).unwrap();
    let embedder = Embedder::load(&assets, &options).unwrap();
    assert_eq!(embedder.embed_one("heart attack").unwrap().len(), 384);

    let elsewhere = ensure(&shared, &wanted, &SetupOptions::default(), &Silent).unwrap();
    let other = Embedder::load(&elsewhere, &options);
    assert!(
        matches!(other, Err(EmbedError::OtherRuntime { .. })),
        "{other:?}"
    );
}
