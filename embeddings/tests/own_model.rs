//! Models that are not in the manifest: a folder, and a hub's repository that this process serves.
//!
//! They are tiny ones of random numbers, and what they give is held against what `tiny` computes in plain loops. The
//! pinned runtime is set up as in `real_model.rs`; where it cannot be had, each test says so.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are not test functions, which may unwrap"
)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};

use casebook_embeddings::{
    Assets, EmbedError, Embedder, EmbedderOptions, ModelChoice, Origin, SetupError, SetupOptions,
    Silent, ensure,
};
use fs_err as fs;
use tempfile::TempDir;

mod tiny;

use tiny::{Measures, Numbers, SMALL, Tiny};

const TEXTS: [&str; 6] = [
    "fracture of the left femur",
    "chest pain",
    "",
    "Acute unheard-of pain",
    "the the the of of",
    "left right left right left right left right left right left right left right",
];

static ASSETS: LazyLock<Result<Assets, SetupError>> = LazyLock::new(|| {
    let data = Path::new(env!("CARGO_TARGET_TMPDIR")).join("embeddings-data");
    ensure(
        &data,
        &["runtime", "minilm-int8"],
        &SetupOptions::default(),
        &Silent,
    )
});

/// The runtime, or `None` where this machine cannot get it. Any other failure fails the test.
fn assets() -> Option<&'static Assets> {
    match &*ASSETS {
        Ok(assets) => Some(assets),
        Err(
            e @ (SetupError::NoPip { .. }
            | SetupError::NoNetwork { .. }
            | SetupError::UnsupportedPlatform { .. }),
        ) => {
            eprintln!("SKIPPED, the runtime is not here: {e}");
            None
        }
        Err(e) => panic!("{e}"),
    }
}

/// The choice that a configuration with these keys makes.
fn choice(keys: &str) -> ModelChoice {
    #[derive(serde::Deserialize)]
    struct Config {
        model: ModelChoice,
    }
    toml::from_str::<Config>(&format!("model = {{ {keys} }}"))
        .unwrap()
        .model
}

fn in_folder(folder: &Path, keys: &str) -> ModelChoice {
    choice(&format!("folder = '{}', {keys}", folder.display()))
}

fn load(assets: &Assets, model: ModelChoice) -> Result<Embedder, EmbedError> {
    Embedder::load(assets, &EmbedderOptions { model, workers: 1 })
}

fn assert_close(vector: &[f32], expected: &[f64], what: &str) {
    assert_eq!(vector.len(), expected.len(), "{what}");
    for (x, y) in vector.iter().zip(expected) {
        assert!(
            (f64::from(*x) - y).abs() < 1e-5,
            "{what}: {x} where {y} is right"
        );
    }
}

#[test]
fn the_graph_computes_what_bert_is() {
    let Some(assets) = assets() else { return };
    let large = Measures {
        hidden: 24,
        heads: 2,
        layers: 3,
        inner: 40,
        seed: 7,
        ..SMALL
    };
    for measures in [
        SMALL,
        large,
        Measures {
            hidden: 6,
            heads: 1,
            layers: 1,
            inner: 5,
            prefix: "bert.",
            ..SMALL
        },
        Measures {
            numbers: Numbers::F16,
            ..SMALL
        },
        Measures {
            numbers: Numbers::Bf16,
            ..large
        },
    ] {
        let tiny = Tiny::new(measures);
        let folder = TempDir::new().unwrap();
        tiny.write(folder.path()).unwrap();
        for (pooling, mean) in [("mean", true), ("cls", false)] {
            let keys = format!("pooling = '{pooling}'");
            let embedder = load(assets, in_folder(folder.path(), &keys)).unwrap();
            assert_eq!(embedder.dimensions(), measures.hidden);
            let texts = TEXTS.map(str::to_owned);
            let together = embedder.embed(&texts, &|_| ()).unwrap();
            for (text, vector) in texts.iter().zip(&together) {
                let what = format!("{measures:?}, {pooling}, {text}");
                // Its own batch, or one with longer and shorter texts: the reference knows no padding.
                assert_close(
                    &embedder.embed_one(text).unwrap(),
                    &tiny.vector(text, mean),
                    &what,
                );
                assert_close(vector, &tiny.vector(text, mean), &what);
            }
        }
    }
}

#[test]
fn the_small_files_say_what_the_table_does_not() {
    let Some(assets) = assets() else { return };
    let tiny = Tiny::new(SMALL);
    let folder = TempDir::new().unwrap();
    tiny.write(folder.path()).unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(
        "1_Pooling/config.json",
        r#"{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}"#,
    );
    write(
        "modules.json",
        r#"[{"type": "sentence_transformers.models.Transformer"}, {"type": "sentence_transformers.models.Pooling"}]"#,
    );
    write("sentence_bert_config.json", r#"{"max_seq_length": 5}"#);
    // Without `model_max_length`, or with what "no limit" looks like, as many are.
    write(
        "tokenizer_config.json",
        r#"{"model_max_length": 1000000000000000019884624838656, "pad_token": {"content": "[PAD]"}}"#,
    );
    let text = "fracture of the left femur";
    let embedder = load(assets, in_folder(folder.path(), "")).unwrap();
    // Five tokens: three words between the first and the last.
    let read = tiny.vector("fracture of the", false);
    assert_close(&embedder.embed_one(text).unwrap(), &read, "five tokens");
    let embedder = load(
        assets,
        in_folder(folder.path(), "pooling = 'mean', max_tokens = 4"),
    )
    .unwrap();
    let read = tiny.vector("fracture of", true);
    assert_close(&embedder.embed_one(text).unwrap(), &read, "four tokens");
    // The table may say more than the model has positions for.
    let embedder = load(assets, in_folder(folder.path(), "max_tokens = 500")).unwrap();
    let long = "pain ".repeat(40);
    assert_close(
        &embedder.embed_one(&long).unwrap(),
        &tiny.vector(&long, false),
        "all positions",
    );
}

#[test]
fn prefixes_are_written_before_what_they_are_for() {
    let Some(assets) = assets() else { return };
    let tiny = Tiny::new(SMALL);
    let folder = TempDir::new().unwrap();
    tiny.write(folder.path()).unwrap();
    let keys = "pooling = 'mean', query_prefix = 'query : ', passage_prefix = 'passage : '";
    let embedder = load(assets, in_folder(folder.path(), keys)).unwrap();
    let question = embedder.embed_one("chest pain").unwrap();
    assert_close(
        &question,
        &tiny.vector("query : chest pain", true),
        "question",
    );
    let passages = embedder.embed(&["chest pain".to_owned()], &|_| ()).unwrap();
    assert_close(
        &passages[0],
        &tiny.vector("passage : chest pain", true),
        "passage",
    );
}

#[test]
fn an_id_changes_with_the_vectors_of_passages_and_with_nothing_else() {
    let Some(assets) = assets() else { return };
    let (one, two) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    Tiny::new(SMALL).write(one.path()).unwrap();
    Tiny::new(Measures { seed: 2, ..SMALL })
        .write(two.path())
        .unwrap();
    let id = |folder: &Path, keys: &str| {
        let choice = in_folder(folder, &format!("name = 'Ours', {keys}"));
        load(assets, choice).unwrap().model_id().to_owned()
    };
    let first = id(one.path(), "pooling = 'mean'");
    assert!(
        first.starts_with("ours-") && first.len() == "ours-".len() + 12,
        "{first}"
    );
    assert_eq!(
        first,
        id(one.path(), "pooling = 'mean', query_prefix = 'query: '")
    );
    assert_eq!(first, id(one.path(), "pooling = 'mean', dimensions = 16"));
    for (folder, keys) in [
        (two.path(), "pooling = 'mean'"),
        (one.path(), "pooling = 'cls'"),
        (one.path(), "pooling = 'mean', max_tokens = 4"),
        (one.path(), "pooling = 'mean', passage_prefix = 'passage: '"),
    ] {
        assert_ne!(first, id(folder, keys), "{keys}");
    }
}

#[test]
fn a_folder_with_a_graph_is_the_same_model() {
    let Some(assets) = assets() else { return };
    let folder = TempDir::new().unwrap();
    for name in ["model.onnx", "tokenizer.json"] {
        let from = assets.path("minilm-int8", name).unwrap();
        fs::copy(from, folder.path().join(name)).unwrap();
    }
    let own = load(
        assets,
        in_folder(
            folder.path(),
            "pooling = 'mean', max_tokens = 256, dimensions = 384",
        ),
    )
    .unwrap();
    let pinned = load(assets, ModelChoice::Pinned("minilm-int8".to_owned())).unwrap();
    assert_ne!(own.model_id(), pinned.model_id());
    for text in ["heart attack", "fracture of the shaft of the femur, left"] {
        assert_eq!(
            own.embed_one(text).unwrap(),
            pinned.embed_one(text).unwrap()
        );
    }
}

#[test]
fn a_folder_that_cannot_be_used_says_why() {
    let Some(assets) = assets() else { return };
    let fails = |keys: &str, change: &dyn Fn(&Path)| {
        let folder = TempDir::new().unwrap();
        Tiny::new(SMALL).write(folder.path()).unwrap();
        change(folder.path());
        let e = load(assets, in_folder(folder.path(), keys)).unwrap_err();
        assert!(matches!(e, EmbedError::Own { .. }), "{e:?}");
        let e = e.to_string();
        assert!(e.contains(&folder.path().display().to_string()), "{e}");
        e
    };
    let remove =
        |name: &'static str| move |folder: &Path| fs::remove_file(folder.join(name)).unwrap();
    let write = |name: &'static str, text: &'static str| {
        move |folder: &Path| {
            fs::create_dir_all(folder.join("1_Pooling")).unwrap();
            fs::write(folder.join(name), text).unwrap();
        }
    };
    let mean = "pooling = 'mean'";
    for (keys, change, said) in [
        (
            mean,
            &remove("model.safetensors") as &dyn Fn(&Path),
            "none of model.onnx",
        ),
        (mean, &remove("config.json"), "no config.json"),
        (mean, &remove("tokenizer.json"), "no tokenizer.json"),
        ("", &|_: &Path| (), "say pooling = \"mean\""),
        (
            "pooling = 'mean', dimensions = 384",
            &|_: &Path| (),
            "16 numbers",
        ),
        (mean, &write("tokenizer.json", "{}"), "tokenizer.json"),
        (
            mean,
            &write(
                "config.json",
                r#"{"model_type": "mpnet", "num_attention_heads": 4}"#,
            ),
            "export the model to ONNX",
        ),
        (
            mean,
            &write("model.safetensors", "short"),
            "model.safetensors",
        ),
        (mean, &write("model.onnx", "no graph"), ""),
        (
            mean,
            &write(
                "modules.json",
                r#"[{"type": "sentence_transformers.models.Dense"}]"#,
            ),
            "layer Dense",
        ),
        (
            mean,
            &write("modules.json", "[{}]"),
            "modules.json cannot be read",
        ),
        (
            "",
            &write(
                "1_Pooling/config.json",
                r#"{"pooling_mode_max_tokens": true}"#,
            ),
            "another pooling",
        ),
        (
            "",
            &write(
                "1_Pooling/config.json",
                r#"{"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": true}"#,
            ),
            "another pooling",
        ),
    ] {
        let e = fails(keys, change);
        assert!(e.contains(said), "{said}: {e}");
    }
}

#[test]
fn weights_exchanged_under_a_running_process_are_noticed() {
    let Some(assets) = assets() else { return };
    let folder = TempDir::new().unwrap();
    Tiny::new(SMALL).write(folder.path()).unwrap();
    let model = in_folder(folder.path(), "pooling = 'mean'");
    let embedder = Embedder::load(assets, &EmbedderOptions { model, workers: 2 }).unwrap();
    Tiny::new(Measures { seed: 2, ..SMALL })
        .write(folder.path())
        .unwrap();
    // The second worker's session is made of the files as they are now.
    let texts: Vec<String> = (0..4000).map(|i| format!("pain {i}")).collect();
    let e = embedder.embed(&texts, &|_| ()).unwrap_err();
    assert!(
        matches!(&e, EmbedError::Changed(path) if path.ends_with("model.safetensors")),
        "{e}"
    );
}

/// A hub on this machine that holds one repository, `owner/tiny`. Returns its address and the paths it was asked for.
fn hub(files: BTreeMap<String, Vec<u8>>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = asked.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut path = String::new();
            for line in BufReader::new(&stream).lines() {
                let line = line.unwrap();
                if let Some(rest) = line.strip_prefix("GET ") {
                    path = rest.split(' ').next().unwrap().to_owned();
                }
                if line.is_empty() {
                    break;
                }
            }
            let file = path
                .strip_prefix("/owner/tiny/resolve/")
                .and_then(|rest| rest.split_once('/'));
            let (head, body) = match file {
                None => ("HTTP/1.1 401 Unauthorized\r\n".to_owned(), Vec::new()),
                Some((_, name)) => match files.get(name) {
                    None => ("HTTP/1.1 404 Not Found\r\n".to_owned(), Vec::new()),
                    Some(body) => (
                        "HTTP/1.1 200 OK\r\nX-Repo-Commit: 0123abcd\r\n".to_owned(),
                        body.clone(),
                    ),
                },
            };
            seen.lock().unwrap().push(path);
            let length = body.len();
            // A client that has seen enough may be gone.
            let _ = write!(
                stream,
                "{head}Content-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            let _ = stream.write_all(&body);
        }
    });
    (address, asked)
}

fn tiny_repository(tiny: &Tiny) -> BTreeMap<String, Vec<u8>> {
    [
        ("config.json", tiny.config().into_bytes()),
        ("tokenizer.json", Tiny::tokenizer().into_bytes()),
        ("model.safetensors", tiny.safetensors()),
        (
            "1_Pooling/config.json",
            br#"{"pooling_mode_mean_tokens": true}"#.to_vec(),
        ),
    ]
    .map(|(name, bytes)| (name.to_owned(), bytes))
    .into()
}

#[test]
fn a_repository_is_fetched_once_and_of_one_commit() {
    let tiny = Tiny::new(SMALL);
    let (endpoint, asked) = hub(tiny_repository(&tiny));
    let data = TempDir::new().unwrap();
    let model = choice(&format!(
        "hub = 'owner/tiny', endpoint = '{endpoint}', revision = 'some/branch'"
    ));
    let options = SetupOptions::default();
    let fetched = model.fetch(data.path(), &options, &Silent).unwrap();
    let paths = std::mem::take(&mut *asked.lock().unwrap());
    assert_eq!(paths[0], "/owner/tiny/resolve/some%2Fbranch/config.json");
    assert!(
        paths[1..]
            .iter()
            .all(|p| p.starts_with("/owner/tiny/resolve/0123abcd/")),
        "{paths:?}"
    );
    // Later, also without a network, nothing is asked for.
    let offline = SetupOptions {
        offline: true,
        ..SetupOptions::default()
    };
    assert_eq!(
        model.fetch(data.path(), &offline, &Silent).unwrap(),
        fetched
    );
    assert!(asked.lock().unwrap().is_empty());
    let ModelChoice::Own(own) = &fetched else {
        panic!("{fetched:?}")
    };
    assert_eq!(own.name, "tiny");
    let Origin::Folder(folder) = &own.origin else {
        panic!("{own:?}")
    };
    assert!(folder.starts_with(data.path()), "{folder:?}");
    let left: Vec<_> = fs::read_dir(folder.parent().unwrap()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");

    let Some(assets) = assets() else { return };
    let embedder = load(assets, fetched).unwrap();
    let vector = embedder.embed_one("chest pain").unwrap();
    assert_close(&vector, &tiny.vector("chest pain", true), "from the hub");
    let unfetched = load(assets, model).unwrap_err();
    assert!(matches!(unfetched, EmbedError::Missing(_)), "{unfetched}");
}

#[test]
fn a_hub_that_does_not_yield_a_model_says_what_to_do() {
    let fails = |keys: &str, options: &SetupOptions| {
        let data = TempDir::new().unwrap();
        let e = choice(keys)
            .fetch(data.path(), options, &Silent)
            .unwrap_err();
        assert!(matches!(e, SetupError::Hub { .. }), "{e:?}");
        let hub = data.path().join("assets/hub");
        let left = fs::read_dir(hub).map_or(0, Iterator::count);
        assert_eq!(left, 0, "something was left behind");
        let e = e.to_string();
        assert!(e.contains("model = { folder"), "{e}");
        e
    };
    let online = SetupOptions::default();
    let offline = SetupOptions {
        offline: true,
        ..SetupOptions::default()
    };
    let e = fails("hub = 'a/b', endpoint = 'http://127.0.0.1:9'", &online);
    assert!(e.contains("a/b") && e.contains("http://127.0.0.1:9"), "{e}");
    assert!(fails("hub = 'a/b'", &offline).contains("switched off"));

    let tiny = Tiny::new(SMALL);
    let (endpoint, _) = hub(tiny_repository(&tiny));
    let e = fails(
        &format!("hub = 'owner/other', endpoint = '{endpoint}'"),
        &online,
    );
    assert!(e.contains("no such repository"), "{e}");
    for (gone, said) in [
        ("tokenizer.json", "no tokenizer.json"),
        ("model.safetensors", "none of model.onnx"),
    ] {
        let mut files = tiny_repository(&tiny);
        files.remove(gone);
        let (endpoint, _) = hub(files);
        let e = fails(
            &format!("hub = 'owner/tiny', endpoint = '{endpoint}'"),
            &online,
        );
        assert!(e.contains(said), "{e}");
    }
}

#[test]
fn what_is_no_repository_is_left_as_it_is() {
    let data = TempDir::new().unwrap();
    for model in [
        ModelChoice::default(),
        in_folder(Path::new("/models/a"), ""),
    ] {
        let options = SetupOptions::default();
        assert_eq!(model.fetch(data.path(), &options, &Silent).unwrap(), model);
    }
}
