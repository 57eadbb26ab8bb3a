//! The shipped assets and the real model: set up once with pip, below the build folder, and used by every test here.
//!
//! Where pip or the network is absent nothing can be tested, and each test says so.

use std::path::Path;
use std::sync::{LazyLock, Mutex};

use casebook_embeddings::{
    Assets, EmbedError, Embedder, EmbedderOptions, SetupError, SetupOptions, Silent, ensure,
    model_id,
};

static ASSETS: LazyLock<Result<Assets, SetupError>> = LazyLock::new(|| {
    let data = Path::new(env!("CARGO_TARGET_TMPDIR")).join("embeddings-data");
    ensure(
        &data,
        &["runtime", "minilm-int8"],
        &SetupOptions::default(),
        &Silent,
    )
});

static EMBEDDER: LazyLock<Option<Embedder>> = LazyLock::new(|| {
    let assets = assets()?;
    let options = EmbedderOptions {
        workers: 2,
        ..EmbedderOptions::default()
    };
    match Embedder::load(assets, &options) {
        Ok(embedder) => Some(embedder),
        Err(e) => panic!("{e}"),
    }
});

/// The assets, or `None` where this machine cannot get them. Any other failure fails the test.
fn assets() -> Option<&'static Assets> {
    match &*ASSETS {
        Ok(assets) => Some(assets),
        Err(
            e @ (SetupError::NoPip { .. }
            | SetupError::NoNetwork { .. }
            | SetupError::UnsupportedPlatform { .. }),
        ) => {
            eprintln!("SKIPPED, the real model is not here: {e}");
            None
        }
        Err(e) => panic!("{e}"),
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

#[test]
fn meaning_decides_the_distance() {
    let Some(embedder) = &*EMBEDDER else { return };
    let heart = embedder.embed_one("heart attack").unwrap();
    let infarction = embedder.embed_one("myocardial infarction").unwrap();
    let ankle = embedder.embed_one("ankle sprain").unwrap();
    assert!(cosine(&heart, &infarction) > cosine(&heart, &ankle) + 0.2);
}

#[test]
fn a_vector_has_length_one_and_the_stated_dimensions() {
    let Some(embedder) = &*EMBEDDER else { return };
    assert_eq!(embedder.dimensions(), 384);
    assert_eq!(
        Some(embedder.model_id().to_owned()),
        model_id("minilm-int8")
    );
    for text in ["heart attack", "", "\u{0}", "糖尿病", &"pain ".repeat(5000)] {
        let vector = embedder.embed_one(text).unwrap();
        assert_eq!(vector.len(), 384);
        assert!((cosine(&vector, &vector) - 1.0).abs() < 1e-4, "{text:.20}");
    }
}

#[test]
fn a_batch_keeps_the_order_and_the_vectors() {
    let Some(embedder) = &*EMBEDDER else { return };
    let texts: Vec<String> = (0..70)
        .map(|i| format!("fracture number {i} {}", "of the femur ".repeat(i % 7)))
        .collect();
    let done = Mutex::new(Vec::new());
    let together = embedder
        .embed(&texts, &|n| done.lock().unwrap().push(n))
        .unwrap();
    assert_eq!(
        done.into_inner().unwrap().iter().sum::<usize>(),
        texts.len()
    );
    assert_eq!(together.len(), texts.len());
    for (text, vector) in texts.iter().zip(&together) {
        let alone = embedder.embed_one(text).unwrap();
        for (x, y) in alone.iter().zip(vector) {
            assert!((x - y).abs() < 1e-3, "{text}: {x} {y}");
        }
    }
    assert!(
        embedder
            .embed(&[], &|_| panic!("nothing was done"))
            .unwrap()
            .is_empty()
    );
}

#[test]
fn only_the_first_tokens_of_a_text_count() {
    let Some(embedder) = &*EMBEDDER else { return };
    let beginning = "pain ".repeat(300);
    let longer = format!("{beginning} fracture of the left femur");
    assert_eq!(
        embedder.embed_one(&beginning).unwrap(),
        embedder.embed_one(&longer).unwrap()
    );
    let shorter = embedder.embed_one(&"pain ".repeat(200)).unwrap();
    assert_ne!(
        embedder.embed_one(&beginning).unwrap(),
        shorter,
        "fewer tokens were read than the model takes"
    );
}

#[test]
fn questions_are_answered_while_a_long_job_runs() {
    let Some(embedder) = &*EMBEDDER else { return };
    let texts: Vec<String> = (0..320)
        .map(|i| format!("displaced fracture of the shaft of the femur, encounter {i}"))
        .collect();
    let answered_at = Mutex::new(None);
    let finished = Mutex::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            embedder
                .embed(&texts, &|n| *finished.lock().unwrap() += n)
                .unwrap()
        });
        while *finished.lock().unwrap() == 0 {
            std::thread::yield_now();
        }
        embedder.embed_one("chest pain").unwrap();
        *answered_at.lock().unwrap() = Some(*finished.lock().unwrap());
    });
    assert!(
        answered_at.into_inner().unwrap().unwrap() < texts.len(),
        "the question waited for the whole job"
    );
}

#[test]
fn assets_that_were_not_set_up_are_an_error() {
    let missing = Embedder::load(&Assets::default(), &EmbedderOptions::default());
    assert!(matches!(missing, Err(EmbedError::Missing(name)) if name == "minilm-int8"));
}
