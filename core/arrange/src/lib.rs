//! Answers arranged by a language model, which says nothing of its own.
//!
//! Off unless an address is configured. [`Arranged`] wraps whatever answers requests: a question in words that was
//! answered goes to the model together with the passages that answer it, and nothing else goes there. What comes back is
//! taken apart into sentences, and a sentence stays only if it cites, and if every code, number and date in it, its
//! quotes, its negations and most of its words stand in what it cites ([`check`]). What is left becomes the answer's first
//! lines; the lines that Casebook found stay behind them, as further lines. Where nothing is left, and at every failure,
//! the answer is sent as it was found.
//!
//! What may not happen, and why it does not:
//! * *A passage gives orders.* Passages are marked as data in the request, word by word ([`prompt`]). A model that obeys
//!   all the same gains nothing: sentences of a passage that speak to a model support no sentence.
//! * *Patient data leaves the house.* A question in which `casebook-note` finds an identifier is not sent. Neither are
//!   earlier questions, but for what a follow-up takes from them.
//! * *A log holds what people typed.* No error here holds text of a request or a reply; [`LOG_FILTER`] cuts off the
//!   levels at which the HTTP client writes frames.

mod check;
mod model;
mod prompt;

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use casebook_core::{
    Answer, CodeRef, EditionRef, Failure, Intent, Line, Request, Respond, Verdict, question,
};
use secrecy::SecretString;
use serde::Deserialize;

use check::Source;
use model::{Model, Trouble};

/// Levels that must be part of the process's log filter: the HTTP client writes bodies, and so questions, below them.
pub const LOG_FILTER: &str = "reqwest=info,hyper=info,hyper_util=info,rustls=info";

/// Lines that a model's sentences may become; more is no short answer.
const MOST_LINES: usize = 6;
/// Passages that are sent: the first ones are those that answer.
const MOST_PASSAGES: usize = 12;

/// Which model arranges answers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address of an OpenAI-compatible service, up to and with the version: `https://api.openai.com/v1`,
    /// `http://localhost:11434/v1`. `CASEBOOK_MODEL_URL`.
    pub base_url: String,
    /// Key, where the service asks for one. `CASEBOOK_MODEL_KEY`.
    #[serde(default)]
    pub api_key: Option<SecretString>,
    /// The model's name there. `CASEBOOK_MODEL_NAME`.
    pub model: String,
    /// Seconds after which the answer is sent as it was found. Default: 20.
    #[serde(default = "timeout_s")]
    pub timeout_s: NonZeroU64,
}

fn timeout_s() -> NonZeroU64 {
    NonZeroU64::MIN.saturating_add(19)
}

/// The address is not one, or the HTTP client does not start.
#[derive(Debug, thiserror::Error)]
#[error("arrange.base_url: {0}")]
pub struct NoModel(&'static str);

/// What a model's service says when it is asked for its models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// It has the configured one.
    Has,
    /// It has others, but not the configured one.
    HasNot,
    /// It gives no list, but this HTTP status: whether it has the model is not known.
    NoList(u16),
    /// It refuses the key, with this HTTP status.
    Refused(u16),
    /// It does not answer.
    Away,
}

/// Asks the configured service whether it has the configured model. No question is sent.
///
/// # Errors
/// Where the address is none.
pub async fn reach(config: &Config) -> Result<Reach, NoModel> {
    Ok(Model::new(config)?.reach().await)
}

/// Whatever answers requests, with its answers arranged.
pub struct Arranged<R: ?Sized> {
    inner: Arc<R>,
    model: Model,
    within: Duration,
}

impl<R: Respond + ?Sized> Arranged<R> {
    /// Wraps `inner`. Nothing is sent before the first question.
    ///
    /// # Errors
    /// Where the address is none.
    pub fn new(inner: Arc<R>, config: &Config) -> Result<Self, NoModel> {
        Ok(Self {
            inner,
            model: Model::new(config)?,
            within: Duration::from_secs(config.timeout_s.get()),
        })
    }

    /// The answer, arranged; as it was found where the model does not help.
    async fn arranged(&self, question: &str, found: Answer) -> Answer {
        let sources = sources(&found);
        let prompt = prompt::Prompt::new(question, &sources);
        let asked = tokio::time::timeout(self.within, self.model.ask(&prompt));
        let reply = match asked.await.unwrap_or(Err(Trouble::Slow)) {
            Ok(reply) => prompt.unmarked(&reply),
            Err(trouble) => {
                tracing::warn!(%trouble, "the model did not arrange an answer; it is sent as it was found");
                return found;
            }
        };
        let mut kept = check::kept(&reply, &sources);
        kept.lines.truncate(MOST_LINES);
        tracing::info!(
            kept = kept.lines.len(),
            dropped = kept.dropped,
            "the model's sentences were held against their sources"
        );
        if kept.lines.is_empty() {
            return found;
        }
        with_lines(found, kept.lines, self.model.name())
    }
}

/// Whether an answer is one that a model may arrange, to this question.
fn is_for_the_model(question: &str, answer: &Answer) -> bool {
    // Cards and single lines are as short as they get.
    answer.verdict == Verdict::Answered
        && answer.lines.len() > 1
        && question::parse(question).is_ok_and(|q| !q.only_names_codes())
        && casebook_note::identifiers(question).is_empty()
}

/// What supports a sentence: each citation's quote, and the lines that Casebook computed from it.
fn sources(answer: &Answer) -> Vec<Source> {
    answer
        .citations
        .iter()
        .filter_map(|citation| {
            let lines = answer
                .lines
                .iter()
                .filter(|l| l.citations.contains(&citation.n));
            let lines: Vec<&str> = lines.map(|l| l.text.as_str()).collect();
            // What is only behind the button does not answer.
            (!lines.is_empty()).then(|| Source::new(citation, &lines))
        })
        .take(MOST_PASSAGES)
        .collect()
}

/// The answer with the model's lines first and its own behind them, citations numbered anew by first use.
fn with_lines(found: Answer, lines: Vec<Line>, model: &str) -> Answer {
    // That an edition is not in force is said first, whatever a model thinks of it.
    let (warning, own): (Vec<Line>, Vec<Line>) = found
        .lines
        .into_iter()
        .partition(|l| l.text.starts_with("Not in force on "));
    let mut arranged = Answer {
        lines: warning.into_iter().chain(lines).collect(),
        more: own.into_iter().chain(found.more).collect(),
        arranged_by: Some(model.to_owned()),
        ..found
    };
    let mut order: Vec<usize> = Vec::new();
    for line in arranged.lines.iter_mut().chain(&mut arranged.more) {
        for n in &mut line.citations {
            let place = order
                .iter()
                .position(|known| known == n)
                .unwrap_or_else(|| {
                    order.push(*n);
                    order.len() - 1
                });
            *n = place + 1;
        }
    }
    let cited = std::mem::take(&mut arranged.citations);
    arranged.citations = order
        .iter()
        .enumerate()
        .filter_map(|(place, n)| {
            let mut citation = cited.iter().find(|c| c.n == *n)?.clone();
            citation.n = place + 1;
            Some(citation)
        })
        .collect();
    arranged
}

#[async_trait]
impl<R: Respond + ?Sized> Respond for Arranged<R> {
    async fn respond(&self, request: Request) -> Result<Answer, Failure> {
        let asked = (request.intent == Intent::Ask).then(|| request.text.clone());
        let found = self.inner.respond(request).await?;
        let Some(asked) = asked else {
            return Ok(found);
        };
        // A follow-up is sent as it was read, and only if nothing that it was read from identifies anyone.
        let question = found.read_as.clone().unwrap_or_else(|| asked.clone());
        let personal = !casebook_note::identifiers(&asked).is_empty();
        if personal || !is_for_the_model(&question, &found) {
            return Ok(found);
        }
        Ok(self.arranged(&question, found).await)
    }

    async fn suggest(&self, typed: &str, limit: usize) -> Result<Vec<CodeRef>, Failure> {
        self.inner.suggest(typed, limit).await
    }

    fn loaded(&self) -> Result<Vec<EditionRef>, Failure> {
        self.inner.loaded()
    }
}
