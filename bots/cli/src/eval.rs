//! `casebook eval`: how well codes are found, on a file of queries.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use casebook_core::{Casebook, Ranking, Request, System, today};
use serde::Serialize;

/// The figures, in the shape of `casebook eval --json`.
#[derive(Serialize)]
pub struct Measured {
    queries: usize,
    #[serde(rename = "recall@1")]
    recall1: f64,
    #[serde(rename = "recall@5")]
    recall5: f64,
    #[serde(rename = "recall@10")]
    recall10: f64,
    #[serde(rename = "mrr@10")]
    mrr10: f64,
    #[serde(rename = "category_recall@1")]
    category1: f64,
    #[serde(rename = "category_recall@5")]
    category5: f64,
    p50_ms: f64,
    p99_ms: f64,
}

/// Runs every query of a file.
///
/// # Errors
/// Names the file and line that cannot be read.
pub async fn run(
    casebook: &Casebook,
    file: &Path,
    system: Option<System>,
    limit: usize,
) -> Result<Measured> {
    let mut tally = Tally::default();
    for (query, wanted) in queries(file)? {
        let started = Instant::now();
        let hits = casebook
            .search(&query, system, limit.max(10), today())
            .await?;
        let took = started.elapsed();
        let found: Vec<String> = hits.iter().map(|h| plain(&h.code.code)).collect();
        tally.count(&found, &wanted, took);
    }
    tally.measured()
}

/// The figures of each ranking of ICD-10-CM codes, in one run: what each step adds, and what it costs.
#[derive(Serialize)]
pub struct Stages {
    bm25: Measured,
    dense: Measured,
    rank_fusion: Measured,
    r#final: Measured,
}

/// Runs every query of a file by each ranking.
///
/// # Errors
/// As [`run`].
pub async fn stages(casebook: &Casebook, file: &Path, limit: usize) -> Result<Stages> {
    let queries = queries(file)?;
    let by = async |ranking| {
        let mut tally = Tally::default();
        for (query, wanted) in &queries {
            let started = Instant::now();
            let found = casebook
                .ranked(query, ranking, limit.max(10), today())
                .await?;
            tally.count(&found, wanted, started.elapsed());
        }
        tally.measured()
    };
    Ok(Stages {
        bm25: by(Ranking::Words).await?,
        dense: by(Ranking::Meaning).await?,
        rank_fusion: by(Ranking::Ranks).await?,
        r#final: by(Ranking::Full).await?,
    })
}

/// The queries of a file, each with the codes that answer it.
fn queries(file: &Path) -> Result<Vec<(String, Vec<String>)>> {
    let text = fs_err::read_to_string(file).context("the queries cannot be read")?;
    let mut queries = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let mut columns = line.split('\t');
        let (Some(query), Some(codes)) = (columns.next(), columns.next()) else {
            bail!(
                "{}:{}: a query, a tab and codes are expected",
                file.display(),
                number + 1
            );
        };
        let wanted = codes.split(',').map(plain).filter(|code| !code.is_empty());
        queries.push((query.to_owned(), wanted.collect()));
    }
    if queries.is_empty() {
        bail!("{} holds no query", file.display());
    }
    Ok(queries)
}

/// What is counted while queries run.
#[derive(Default)]
struct Tally {
    /// Of each query the rank of the first right code, and of the first of a right category.
    ranks: Vec<(Option<usize>, Option<usize>)>,
    times_ms: Vec<f64>,
}

impl Tally {
    /// A hit is a code that is wanted, or one below it.
    fn count(&mut self, found: &[String], wanted: &[String], took: Duration) {
        let rank = |test: &dyn Fn(&str, &str) -> bool| {
            found
                .iter()
                .position(|f| wanted.iter().any(|w| test(f, w)))
                .map(|i| i + 1)
        };
        self.ranks.push((
            rank(&|f, w| f.starts_with(w)),
            rank(&|f, w| f.get(..3).is_some() && f.get(..3) == w.get(..3)),
        ));
        self.times_ms.push(took.as_secs_f64() * 1000.0);
    }

    fn measured(mut self) -> Result<Measured> {
        let ranks = &self.ranks;
        let n = ranks.len() as f64;
        let within = |rank: Option<usize>, k| rank.is_some_and(|x| x <= k);
        let exact = |k: usize| ranks.iter().filter(|r| within(r.0, k)).count() as f64 / n;
        let category = |k: usize| ranks.iter().filter(|r| within(r.1, k)).count() as f64 / n;
        let reciprocal = |r: &(Option<usize>, Option<usize>)| match r.0 {
            Some(x) if x <= 10 => 1.0 / x as f64,
            _ => 0.0,
        };
        self.times_ms.sort_by(f64::total_cmp);
        let times = &self.times_ms;
        let at = |share: f64| {
            let place = (times.len().saturating_sub(1) as f64 * share).round() as usize;
            times.get(place).copied().context("no query ran")
        };
        Ok(Measured {
            queries: ranks.len(),
            recall1: exact(1),
            recall5: exact(5),
            recall10: exact(10),
            mrr10: ranks.iter().map(reciprocal).sum::<f64>() / n,
            category1: category(1),
            category5: category(5),
            p50_ms: at(0.5)?,
            p99_ms: at(0.99)?,
        })
    }
}

/// Prints, for each query, what was considered with what speaks for it, to fit weights on. A line begins with the query's
/// number and a letter: `C` a code, whether it is right by the second column, its score, its variant's likeness and its
/// signals; `R` a rule or service with its key, score and signals; `G` what the gate weighs for rules; `O` the kind of the likest question that is not
/// answered, with its similarity.
///
/// # Errors
/// As [`run`].
pub async fn signals(casebook: &Casebook, file: &Path) -> Result<String> {
    let text = fs_err::read_to_string(file).context("the queries cannot be read")?;
    let mut out = String::new();
    for (number, line) in text.lines().enumerate() {
        let mut columns = line.split('\t');
        let Some(query) = columns
            .next()
            .filter(|q| !q.is_empty() && !q.starts_with('#'))
        else {
            continue;
        };
        let wanted: Vec<String> = columns
            .next()
            .unwrap_or_default()
            .split(',')
            .map(plain)
            .collect();
        let number = number + 1;
        let considered = casebook.considered(query, today()).await?;
        for p in &considered.codes {
            let right = wanted
                .iter()
                .any(|w| !w.is_empty() && p.code.key.starts_with(w));
            out.push_str(&format!(
                "{number}\tC\t{}\t{}\t{:.4}\t{:.4}\t{}\n",
                p.code.key,
                u8::from(right),
                p.score,
                p.variant,
                figures(&p.signals.features(0.0))
            ));
        }
        for hit in &considered.rules {
            out.push_str(&format!(
                "{number}\tR\t{}\t{:.4}\t{}\n",
                hit.passage.key,
                hit.score,
                figures(&hit.features(0.0))
            ));
        }
        let company = casebook_core::gate::company(&considered.rules, &considered.resembled);
        out.push_str(&format!("{number}\tG\t{}\n", figures(&company)));
        if let Some((kind, near)) = considered.resembled.outside {
            out.push_str(&format!("{number}\tO\t{kind:?}\t{near:.4}\n"));
        }
    }
    Ok(out)
}

/// Prints the answer to each query as `casebook ask --json` does, on a line of its own: for judging many at once.
///
/// # Errors
/// As [`run`].
pub async fn answers(casebook: &Casebook, file: &Path) -> Result<String> {
    let text = fs_err::read_to_string(file).context("the queries cannot be read")?;
    let mut out = String::new();
    let queries = text
        .lines()
        .filter(|l| !l.is_empty() && !l.starts_with('#'));
    for line in queries {
        let request = Request {
            text: line.split('\t').next().unwrap_or_default().to_owned(),
            ..Request::default()
        };
        let answer = casebook.ask(&request).await?;
        out.push_str(&serde_json::to_string(&answer)?);
        out.push('\n');
    }
    Ok(out)
}

fn figures(features: &[f32]) -> String {
    let printed: Vec<String> = features.iter().map(|f| format!("{f:.4}")).collect();
    printed.join("\t")
}

fn plain(code: &str) -> String {
    code.trim().replace(['.', '-'], "").to_ascii_uppercase()
}

impl Measured {
    /// For the terminal.
    pub fn page(&self) -> String {
        format!(
            "{} queries\nrecall@1 {:.3}  @5 {:.3}  @10 {:.3}  MRR@10 {:.3}\ncategory recall@1 {:.3}  @5 {:.3}\n\
             p50 {:.1} ms  p99 {:.1} ms",
            self.queries,
            self.recall1,
            self.recall5,
            self.recall10,
            self.mrr10,
            self.category1,
            self.category5,
            self.p50_ms,
            self.p99_ms
        )
    }
}

impl Stages {
    /// For the terminal: a line for each ranking.
    pub fn page(&self) -> String {
        let mut page = format!("{} queries\n", self.r#final.queries);
        page.push_str(
            "ranking        @1    @5   @10  MRR@10  category@1    @5   p50 ms   p99 ms\n",
        );
        for (name, m) in [
            ("BM25", &self.bm25),
            ("dense", &self.dense),
            ("rank fusion", &self.rank_fusion),
            ("final", &self.r#final),
        ] {
            page.push_str(&format!(
                "{name:<11} {:.3} {:.3} {:.3}   {:.3}       {:.3} {:.3} {:>8.1} {:>8.1}\n",
                m.recall1,
                m.recall5,
                m.recall10,
                m.mrr10,
                m.category1,
                m.category5,
                m.p50_ms,
                m.p99_ms
            ));
        }
        page.trim_end().to_owned()
    }
}
