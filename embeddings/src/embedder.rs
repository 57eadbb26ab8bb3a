//! The model in memory: one ONNX Runtime for the process, one single-threaded session for each worker.
//!
//! Two sessions of one thread embed more than one session of two threads, and a session serves one caller at a
//! time. Sessions therefore wait in a pool. A long job takes one for each batch and gives it back, so that a
//! question asked meanwhile waits for one batch, not for the job.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use fastembed::TextEmbedding;
use ort::environment::Environment;

use crate::choice::ModelChoice;
use crate::manifest::RUNTIME;
use crate::recipe::Recipe;
use crate::setup::Assets;

/// Texts that one run of the model takes: more is slower, for the longest text decides the work of all.
const BATCH: usize = 16;

/// What an [`Embedder`] is made of.
#[derive(Debug, Clone)]
pub struct EmbedderOptions {
    /// The model. One of a hub has been [fetched](ModelChoice::fetch) before.
    pub model: ModelChoice,
    /// Sessions at most, which is texts embedded at the same time. Each takes one core and some 200 MB at its peak. Only the
    /// first is made at once, the others when there is work for them.
    pub workers: usize,
}

impl Default for EmbedderOptions {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            model: ModelChoice::default(),
            workers: cores.min(4),
        }
    }
}

/// Why there is no vector. No message holds a word of a text.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
    /// The assets given lack a file.
    #[error("the asset {0} has not been set up; run the set-up with it")]
    Missing(String),
    /// ONNX Runtime's library could not be loaded.
    #[error("ONNX Runtime could not be loaded from {}: {message}; delete that file and run the set-up again", path.display())]
    Runtime {
        /// The library.
        path: PathBuf,
        /// What the loader said.
        message: String,
    },
    /// The process has loaded another library already; it can hold one.
    #[error("ONNX Runtime is already loaded from {}; restart to load it from {}", loaded.display(), wanted.display())]
    OtherRuntime {
        /// The library in use.
        loaded: PathBuf,
        /// The library asked for.
        wanted: PathBuf,
    },
    /// A file of the model changed after it was set up, or, where it is the user's, after the start.
    #[error("{} is no longer the file that was set up; run the set-up again, or restart if it is a file of yours", .0.display())]
    Changed(PathBuf),
    /// A file of the model could not be read; the message holds its path.
    #[error("{0}; run the set-up again")]
    File(#[from] std::io::Error),
    /// The runtime refused the model.
    #[error(
        "the model {model} could not be loaded: {message}; delete its folder and run the set-up again"
    )]
    Model {
        /// The model.
        model: String,
        /// What the runtime said.
        message: String,
    },
    /// A model of the user's cannot be used.
    #[error("the model in {} cannot be used: {message}", folder.display())]
    Own {
        /// Its folder.
        folder: PathBuf,
        /// What is wrong, and what to do.
        message: String,
    },
    /// The runtime failed on a text.
    #[error("the model could not embed: {0}; restart, and report it if it happens again")]
    Inference(String),
}

/// A model that turns texts into vectors of length 1, so that the dot product of two is their cosine.
///
/// A text's vector is that of its first tokens, 256 of them with the default model (some 190 English words); the rest
/// is not read. One embedder may be shared by all threads.
pub struct Embedder {
    dimensions: usize,
    workers: usize,
    recipe: Recipe,
    environment: Environment,
    pool: Mutex<Pool>,
    /// A session came back, or the last waiting question got one.
    changed: Condvar,
}

struct Pool {
    idle: Vec<TextEmbedding>,
    /// Sessions there are, idle or at work.
    made: usize,
    /// Questions that wait for a session; batches let them go first.
    questions: usize,
}

impl Embedder {
    /// Loads the runtime out of `assets`, which must hold `runtime`, and the model out of `assets` or its own folder.
    ///
    /// A process holds one ONNX Runtime; further embedders share it.
    ///
    /// # Errors
    /// [`EmbedError`] where an asset is missing, damaged or refused.
    pub fn load(assets: &Assets, options: &EmbedderOptions) -> Result<Self, EmbedError> {
        let recipe = match &options.model {
            ModelChoice::Pinned(name) => Recipe::pinned(assets, name)?,
            ModelChoice::Own(model) => Recipe::own(model)?,
        };
        let runtime = assets
            .only(RUNTIME)
            .ok_or_else(|| EmbedError::Missing(RUNTIME.to_owned()))?;
        let environment = environment(runtime)?;
        let mut first = recipe.session(environment.clone())?;
        // A model that gives something else than it should is found out here, not at the first question.
        let tried = first
            .embed(["fracture"], None)
            .map_err(|e| recipe.refused(e.to_string()))?;
        let dimensions = tried.first().map_or(0, Vec::len);
        match recipe.dimensions {
            Some(said) if said != dimensions => {
                return Err(recipe.refused(format!(
                    "it gives vectors of {dimensions} numbers, and dimensions = {said} was said"
                )));
            }
            _ if tried.iter().flatten().any(|x| !x.is_finite()) => {
                return Err(recipe.refused("it gives vectors that are no numbers".to_owned()));
            }
            _ => {}
        }
        Ok(Self {
            dimensions,
            workers: options.workers.max(1),
            recipe,
            environment,
            pool: Mutex::new(Pool {
                idle: vec![first],
                made: 1,
                questions: 0,
            }),
            changed: Condvar::new(),
        })
    }

    /// The model's name with 12 hex digits of a checksum: vectors of different ids cannot be compared. For a pinned
    /// model the same as [`model_id`](crate::model_id) gives; for another, the checksum is of all that its vectors
    /// depend on.
    pub fn model_id(&self) -> &str {
        &self.recipe.id
    }

    /// Numbers in a vector.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// The vector of a question. It blocks for some milliseconds, and goes before the batches of
    /// [`embed`](Self::embed).
    ///
    /// # Errors
    /// [`EmbedError::Inference`].
    pub fn embed_one(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        let text = &*prefixed(&self.recipe.query_prefix, text);
        let mut vectors = self.run(self.session_for_question(), &[text])?;
        vectors
            .pop()
            .ok_or_else(|| EmbedError::Inference("the runtime returned no vector".to_owned()))
    }

    /// The vectors of texts that are to be found, in their order. It blocks until all are done, on as many threads as there are
    /// workers. `done` is called after each batch, from any of them, with the number of texts in that batch.
    ///
    /// # Errors
    /// The first [`EmbedError`] of any batch; the other workers stop after the batch they are at.
    pub fn embed(
        &self,
        texts: &[String],
        done: &(dyn Fn(usize) + Sync),
    ) -> Result<Vec<Vec<f32>>, EmbedError> {
        // Texts of like length share a batch, so that little padding is computed. Longest first: a worker that
        // ends early then has little left to wait for.
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|&i| std::cmp::Reverse(texts[i].len()));
        let batches: Vec<&[usize]> = order.chunks(BATCH).collect();
        let next = AtomicUsize::new(0);
        let vectors = Mutex::new(vec![Vec::new(); texts.len()]);
        let work = || -> Result<(), EmbedError> {
            while let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
                let words: Vec<_> = batch
                    .iter()
                    .map(|&i| prefixed(&self.recipe.passage_prefix, &texts[i]))
                    .collect();
                let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
                let embedded = self
                    .session_for_batch()
                    .and_then(|session| self.run(session, &words));
                // The others find no further batch and stop.
                let embedded =
                    embedded.inspect_err(|_| next.store(batches.len(), Ordering::Relaxed))?;
                let mut vectors = lock(&vectors);
                for (&i, vector) in batch.iter().zip(embedded) {
                    vectors[i] = vector;
                }
                drop(vectors);
                done(batch.len());
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let helpers: Vec<_> = (1..self.workers.min(batches.len()))
                .map(|_| scope.spawn(work))
                .collect();
            let mut result = work();
            for helper in helpers {
                let ended = helper
                    .join()
                    .unwrap_or_else(|_| Err(EmbedError::Inference("a worker stopped".to_owned())));
                result = result.and(ended);
            }
            result
        })?;
        Ok(vectors.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// Embeds one batch and gives the session back.
    fn run(&self, session: TextEmbedding, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let mut lease = Lease {
            embedder: self,
            session: Some(session),
        };
        let vectors = lease
            .session
            .as_mut()
            .map(|s| s.embed(texts, Some(texts.len())));
        drop(lease);
        let vectors = vectors
            .unwrap_or(Ok(Vec::new()))
            .map_err(|e| inference(&e))?;
        match vectors.iter().find(|v| v.len() != self.dimensions) {
            Some(v) => Err(EmbedError::Inference(format!(
                "the model gives {} dimensions where {} are expected",
                v.len(),
                self.dimensions
            ))),
            None if vectors.len() != texts.len() => Err(EmbedError::Inference(
                "the runtime returned too few vectors".to_owned(),
            )),
            None => Ok(vectors),
        }
    }

    fn session_for_question(&self) -> TextEmbedding {
        let mut pool = lock(&self.pool);
        pool.questions += 1;
        loop {
            if let Some(session) = pool.idle.pop() {
                pool.questions -= 1;
                self.changed.notify_all();
                return session;
            }
            pool = self
                .changed
                .wait(pool)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn session_for_batch(&self) -> Result<TextEmbedding, EmbedError> {
        let mut pool = lock(&self.pool);
        loop {
            if pool.questions == 0
                && let Some(session) = pool.idle.pop()
            {
                return Ok(session);
            }
            if pool.made < self.workers {
                pool.made += 1;
                drop(pool);
                return self
                    .recipe
                    .session(self.environment.clone())
                    .inspect_err(|_| lock(&self.pool).made -= 1);
            }
            pool = self
                .changed
                .wait(pool)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A session out of the pool. It goes back when the lease ends, even where a panic ends it: a session lost would
/// let every later question wait for ever.
struct Lease<'a> {
    embedder: &'a Embedder,
    session: Option<TextEmbedding>,
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        lock(&self.embedder.pool).idle.extend(self.session.take());
        self.embedder.changed.notify_all();
    }
}

impl std::fmt::Debug for Embedder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Embedder")
            .field("id", &self.recipe.id)
            .field("workers", &self.workers)
            .finish_non_exhaustive()
    }
}

/// The pool's numbers are changed in single steps, so a panic elsewhere leaves them whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The tokenizer's own message could quote the text, so it is left out.
fn inference(e: &fastembed::Error) -> EmbedError {
    EmbedError::Inference(match e {
        fastembed::Error::Tokenization(_) => "the tokenizer refused the text".to_owned(),
        e => e.to_string(),
    })
}

/// A model that was trained with something before each text gives worse vectors without it.
fn prefixed<'a>(prefix: &str, text: &'a str) -> Cow<'a, str> {
    if prefix.is_empty() {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("{prefix}{text}"))
    }
}

/// The process's one environment, from the library at `path`.
fn environment(path: &Path) -> Result<Environment, EmbedError> {
    static LOADED: Mutex<Option<(PathBuf, Environment)>> = Mutex::new(None);
    let mut loaded = lock(&LOADED);
    if let Some((from, environment)) = loaded.as_ref() {
        return if from == path {
            Ok(environment.clone())
        } else {
            Err(EmbedError::OtherRuntime {
                loaded: from.clone(),
                wanted: path.to_owned(),
            })
        };
    }
    let failed = |message: String| EmbedError::Runtime {
        path: path.to_owned(),
        message,
    };
    let environment = ort::init_from(path)
        .map_err(|e| failed(e.to_string()))?
        .with_name("casebook")
        .with_telemetry(false)
        .build()
        .map_err(|e| failed(e.to_string()))?;
    *loaded = Some((path.to_owned(), environment.clone()));
    Ok(environment)
}
