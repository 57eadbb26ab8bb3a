//! The shipped assets and the real model: set up once with pip, below the build folder, and used by every test here.
//!
//! Where pip or the network is absent nothing can be tested, and each test says so.

use std::path::Path;
use std::sync::{LazyLock, Mutex};

use casebook_embeddings::{
    Assets, EmbedError, Embedder, EmbedderOptions, ModelChoice, SetupError, SetupOptions, Silent,
    ensure, model_id,
};

static ASSETS: LazyLock<Result<Assets, SetupError>> = LazyLock::new(|| set_up("minilm-int8"));

/// The model that is used unless another is named.
static OURS: LazyLock<Result<Assets, SetupError>> = LazyLock::new(|| set_up("casebook-minilm"));

/// The model as it was published, 84 MB more to download.
static FP32: LazyLock<Result<Assets, SetupError>> = LazyLock::new(|| set_up("minilm-fp32"));

fn set_up(model: &str) -> Result<Assets, SetupError> {
    let data = Path::new(env!("CARGO_TARGET_TMPDIR")).join("embeddings-data");
    ensure(
        &data,
        &["runtime", model],
        &SetupOptions::default(),
        &Silent,
    )
}

static EMBEDDER: LazyLock<Option<Embedder>> = LazyLock::new(|| {
    let assets = there(&ASSETS)?;
    let options = EmbedderOptions {
        model: ModelChoice::Pinned("minilm-int8".to_owned()),
        workers: 2,
    };
    match Embedder::load(assets, &options) {
        Ok(embedder) => Some(embedder),
        Err(e) => panic!("{e}"),
    }
});

/// The assets, or `None` where this machine cannot get them. Any other failure fails the test.
fn there(assets: &'static Result<Assets, SetupError>) -> Option<&'static Assets> {
    match assets {
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
fn the_model_that_is_carried_knows_what_coders_say() {
    let Some(assets) = there(&OURS) else { return };
    let ours = Embedder::load(assets, &EmbedderOptions::default()).unwrap();
    assert_eq!(
        Some(ours.model_id().to_owned()),
        model_id("casebook-minilm")
    );
    let near = |model: &Embedder, a: &str, b: &str| {
        cosine(&model.embed_one(a).unwrap(), &model.embed_one(b).unwrap())
    };
    let pair = (
        "broken collarbone",
        "Fracture of unspecified part of clavicle",
    );
    let trained = near(&ours, pair.0, pair.1);
    assert!(trained > near(&ours, pair.0, "Dislocation of shoulder joint") + 0.1);
    if let Some(published) = &*EMBEDDER {
        assert!(trained > near(published, pair.0, pair.1));
    }
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

/// Texts of a clinic, of many lengths; all ours.
fn texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        "heart attack",
        "Can I bill an epidural with fluoroscopic guidance on the same day?",
        "sprain of the left ankle, first visit",
        "E11.9",
        "",
        "Diabète sucré, 糖尿病, сахарный диабет",
        "modifier 25 with a minor procedure",
    ]
    .map(str::to_owned)
    .into();
    for (i, what) in ["fracture", "burn", "pain", "ulcer", "neoplasm"]
        .into_iter()
        .enumerate()
    {
        for site in ["femur", "eyelid", "lower back", "oesophagus"] {
            texts.push(format!(
                "{what} of the {site}{}",
                ", not healing".repeat(i * i)
            ));
        }
    }
    texts
}

#[test]
fn the_published_weights_give_nearly_the_same_vectors() {
    let (Some(int8), Some(assets)) = (&*EMBEDDER, there(&FP32)) else {
        return;
    };
    let options = EmbedderOptions {
        model: ModelChoice::Pinned("minilm-fp32".to_owned()),
        workers: 2,
    };
    let fp32 = Embedder::load(assets, &options).unwrap();
    assert_eq!(fp32.dimensions(), 384);
    assert_eq!(Some(fp32.model_id().to_owned()), model_id("minilm-fp32"));
    assert_ne!(fp32.model_id(), int8.model_id());

    let texts = texts();
    let (one, other) = (
        int8.embed(&texts, &|_| ()).unwrap(),
        fp32.embed(&texts, &|_| ()).unwrap(),
    );
    let mut cosines = Vec::new();
    for ((text, a), b) in texts.iter().zip(&one).zip(&other) {
        let alike = cosine(a, b);
        assert!(alike >= 0.99, "{text}: {alike}");
        cosines.push((alike, text));
    }
    cosines.sort_by(|a, b| a.0.total_cmp(&b.0));
    eprintln!(
        "cosine of int8 and fp32: least {:?}, median {:?}",
        cosines[0],
        cosines[cosines.len() / 2]
    );

    let mut most = 0.0_f32;
    for (text, vector) in texts.iter().zip(&other) {
        let alone = fp32.embed_one(text).unwrap();
        for (x, y) in alone.iter().zip(vector) {
            most = most.max((x - y).abs());
            assert!((x - y).abs() < 1e-5, "{text}: {x} alone, {y} among others");
        }
    }
    eprintln!("most that a number depends on its batch: {most}");
}

#[test]
fn assets_that_were_not_set_up_are_an_error() {
    let missing = Embedder::load(&Assets::default(), &EmbedderOptions::default());
    assert!(matches!(missing, Err(EmbedError::Missing(name)) if name == "casebook-minilm"));
}
