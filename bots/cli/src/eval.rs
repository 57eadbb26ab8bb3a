//! `casebook eval`: how well codes are found, on a file of queries.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use casebook_core::{Casebook, Request, System, today};
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
    let text = fs_err::read_to_string(file).context("the queries cannot be read")?;
    let mut ranks: Vec<(Option<usize>, Option<usize>)> = Vec::new();
    let mut times = Vec::new();
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
        let wanted: Vec<String> = codes
            .split(',')
            .map(plain)
            .filter(|code| !code.is_empty())
            .collect();
        let started = Instant::now();
        let hits = casebook
            .search(query, system, limit.max(10), today())
            .await?;
        times.push(started.elapsed().as_secs_f64() * 1000.0);
        let found: Vec<String> = hits.iter().map(|h| plain(&h.code.code)).collect();
        let rank = |test: &dyn Fn(&str, &str) -> bool| {
            found
                .iter()
                .position(|f| wanted.iter().any(|w| test(f, w)))
                .map(|i| i + 1)
        };
        ranks.push((
            rank(&|f, w| f.starts_with(w)),
            rank(&|f, w| f.get(..3).is_some() && f.get(..3) == w.get(..3)),
        ));
    }
    if ranks.is_empty() {
        bail!("{} holds no query", file.display());
    }
    let n = ranks.len() as f64;
    let exact = |k: usize| ranks.iter().filter(|r| r.0.is_some_and(|x| x <= k)).count() as f64 / n;
    let category =
        |k: usize| ranks.iter().filter(|r| r.1.is_some_and(|x| x <= k)).count() as f64 / n;
    let reciprocal = |r: &(Option<usize>, Option<usize>)| match r.0 {
        Some(x) if x <= 10 => 1.0 / x as f64,
        _ => 0.0,
    };
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize];
    Ok(Measured {
        queries: ranks.len(),
        recall1: exact(1),
        recall5: exact(5),
        recall10: exact(10),
        mrr10: ranks.iter().map(reciprocal).sum::<f64>() / n,
        category1: category(1),
        category5: category(5),
        p50_ms: at(0.5),
        p99_ms: at(0.99),
    })
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
