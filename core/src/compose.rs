//! Putting an answer together: lines, the citations that support them, and the editions behind those.

use casebook_releases::coverage::CoverageDocument;
use chrono::NaiveDate;

use crate::answer::{Answer, Citation, EditionRef, Line, Timings, Verdict};
use crate::catalog::Edition;
use crate::code::CodeRef;
use crate::digest::{Digest, Entry};
use crate::tabular::dotted;
use crate::topic::Topic;

/// An answer in the making. Citations are numbered when it is finished, by first use.
pub(crate) struct Draft {
    as_of: NaiveDate,
    topic: Topic,
    lines: Vec<Line>,
    /// Lines for who wants to read on.
    more: Vec<Line>,
    /// Whether what is added now is one of those.
    further: bool,
    /// What each line is about.
    topics: Vec<Topic>,
    citations: Vec<(Citation, EditionRef)>,
    codes: Vec<CodeRef>,
}

/// A line of a card, with what it is about.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Fact {
    /// What it is about.
    pub topic: Topic,
    /// Plain text.
    pub text: String,
    /// Numbers of the card's citations.
    pub citations: Vec<usize>,
}

/// A citation's place in a draft.
pub(crate) type Cite = usize;

impl Draft {
    pub(crate) fn new(as_of: NaiveDate) -> Self {
        Self {
            as_of,
            topic: Topic::Code,
            lines: Vec::new(),
            more: Vec::new(),
            further: false,
            topics: Vec::new(),
            citations: Vec::new(),
            codes: Vec::new(),
        }
    }

    /// The lines from here on are about this.
    pub(crate) fn about(&mut self, topic: Topic) {
        self.topic = topic;
    }

    /// The lines from here on are for who wants to read on.
    pub(crate) fn further(&mut self) {
        self.further = true;
    }

    pub(crate) fn as_of(&self) -> NaiveDate {
        self.as_of
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Whether a line begins with one of these.
    pub(crate) fn starts_with(&self, starts: &[&str]) -> bool {
        let mut lines = self.lines.iter();
        lines.any(|l| starts.iter().any(|s| l.text.starts_with(s)))
    }

    /// The codes that its lines are about, as they are written.
    pub(crate) fn coded(&self) -> impl Iterator<Item = &str> {
        self.codes.iter().map(|c| c.code.as_str())
    }

    pub(crate) fn cite(&mut self, (citation, edition): (Citation, EditionRef)) -> Cite {
        let same = |(c, _): &(Citation, EditionRef)| {
            c.source == citation.source
                && c.locator == citation.locator
                && c.quote == citation.quote
                && c.edition == citation.edition
        };
        self.citations.iter().position(same).unwrap_or_else(|| {
            self.citations.push((citation, edition));
            self.citations.len() - 1
        })
    }

    /// A passage of the tabular list: `on` is the level that prints `quote`.
    pub(crate) fn cite_tabular(&mut self, edition: &Edition, on: &str, quote: &str) -> Cite {
        self.cite((
            tabular_citation(edition, on, quote),
            tabular_edition(edition, self.as_of),
        ))
    }

    /// A row or passage of a loaded edition: `quote` is its text or its fields in the file's order.
    pub(crate) fn cite_row(&mut self, edition: &Edition, locator: &str, quote: &str) -> Cite {
        let citation = Citation {
            n: 0,
            source: edition.source.clone(),
            locator: locator.to_owned(),
            edition: edition.edition.clone(),
            effective: edition.effective,
            quote: quote.to_owned(),
            url: edition.url.clone(),
            file: edition.file.clone(),
        };
        self.cite((citation, tabular_edition(edition, self.as_of)))
    }

    /// What its lines cite.
    pub(crate) fn into_sources(self) -> Vec<(Citation, EditionRef)> {
        self.citations
    }

    /// Whether a line rests on an edition that is not in force: then the answer says so anyhow.
    pub(crate) fn is_late(&self) -> bool {
        self.lines
            .iter()
            .flat_map(|l| &l.citations)
            .any(|&cite| !self.citations[cite].1.in_force)
    }

    /// Whether a place of an edition is quoted already, whatever the quote.
    pub(crate) fn quotes(&self, edition: &Edition, locator: &str) -> bool {
        let same = |(c, _): &(Citation, EditionRef)| {
            c.source == edition.source && c.edition == edition.edition && c.locator == locator
        };
        self.citations.iter().any(same)
    }

    /// A coverage document, which has dates of its own inside an export; a list may hold documents of several kinds.
    pub(crate) fn cite_document(
        &mut self,
        edition: Option<&Edition>,
        document: &CoverageDocument,
        locator: &str,
        quote: &str,
    ) -> Cite {
        let source = document.version.kind.source().to_owned();
        let (name, begins) = edition.map_or((String::new(), NaiveDate::MIN), |e| {
            (e.edition.clone(), e.effective)
        });
        let (effective, through) = (document.effective.unwrap_or(begins), document.end);
        let citation = Citation {
            n: 0,
            source: source.clone(),
            locator: locator.to_owned(),
            edition: name.clone(),
            effective,
            quote: quote.to_owned(),
            url: document.url.clone(),
            file: edition.map_or(String::new(), |e| e.file.clone()),
        };
        let reference = EditionRef {
            source,
            edition: name,
            effective,
            through,
            in_force: effective <= self.as_of && through.is_none_or(|t| self.as_of <= t),
        };
        self.cite((citation, reference))
    }

    pub(crate) fn cite_digest(&mut self, digest: &Digest, entry: &Entry) -> Cite {
        self.cite(digest.cite(entry, self.as_of))
    }

    /// Adds a line once; a line said before is not said again.
    pub(crate) fn line(&mut self, text: impl Into<String>, cites: &[Cite]) {
        let text = text.into();
        if self.lines.iter().chain(&self.more).any(|l| l.text == text) {
            return;
        }
        let line = Line {
            text,
            citations: cites.to_vec(),
        };
        if self.further {
            self.more.push(line);
        } else {
            self.lines.push(line);
            self.topics.push(self.topic);
        }
    }

    pub(crate) fn code(&mut self, code: CodeRef) {
        // An answer is about the codes of its lines.
        if self.further {
            return;
        }
        if !self
            .codes
            .iter()
            .any(|c| c.system == code.system && c.code == code.code)
        {
            self.codes.push(code);
        }
    }

    /// Finishes the answer. If an edition behind it is not in force, that becomes the first line.
    pub(crate) fn finish(mut self, verdict: Verdict, reason: Option<String>) -> Answer {
        self.not_in_force();
        self.leave_out_late();
        let mut number = vec![0; self.citations.len()];
        let mut order = Vec::new();
        for line in self.lines.iter_mut().chain(&mut self.more) {
            for cite in &mut line.citations {
                if number[*cite] == 0 {
                    order.push(*cite);
                    number[*cite] = order.len();
                }
                *cite = number[*cite];
            }
        }
        let mut editions: Vec<EditionRef> = Vec::new();
        let mut citations = Vec::new();
        for (n, cite) in order.into_iter().enumerate() {
            let (citation, edition) = &self.citations[cite];
            citations.push(Citation {
                n: n + 1,
                ..citation.clone()
            });
            if !editions.contains(edition) {
                editions.push(edition.clone());
            }
        }
        Answer {
            verdict,
            reason,
            read_as: None,
            arranged_by: None,
            as_of: self.as_of,
            lines: self.lines,
            more: self.more,
            related: Vec::new(),
            citations,
            codes: self.codes,
            editions,
            timings_ms: Timings::default(),
        }
    }

    /// The lines as facts of a card, with their citations, and what has to be said first: which editions behind them are not
    /// in force.
    pub(crate) fn into_facts(self) -> (Option<String>, Vec<Fact>, Vec<Citation>) {
        let topics = self.topics.clone();
        let mut answer = self.finish(Verdict::Answered, None);
        let notice = (answer.lines.len() > topics.len()).then(|| answer.lines.remove(0).text);
        let facts = answer
            .lines
            .into_iter()
            .zip(topics)
            .map(|(line, topic)| Fact {
                topic,
                text: line.text,
                citations: line.citations,
            });
        (notice, facts.collect(), answer.citations)
    }

    /// A further line needs no warning of its own: one whose edition is not in force stays only if the first line names
    /// that edition.
    fn leave_out_late(&mut self) {
        let (lines, citations) = (&self.lines, &self.citations);
        let named = |edition: &EditionRef| {
            let mut cites = lines.iter().flat_map(|l| &l.citations);
            cites.any(|&cite| citations[cite].1 == *edition)
        };
        self.more.retain(|line| {
            let mut editions = line.citations.iter().map(|&cite| &citations[cite].1);
            editions.all(|edition| edition.in_force || named(edition))
        });
    }

    fn not_in_force(&mut self) {
        let mut late: Vec<(EditionRef, Cite)> = Vec::new();
        for line in &self.lines {
            for &cite in &line.citations {
                let edition = &self.citations[cite].1;
                if !edition.in_force && !late.iter().any(|(e, _)| e == edition) {
                    late.push((edition.clone(), cite));
                }
            }
        }
        if late.is_empty() {
            return;
        }
        let named: Vec<String> = late.iter().map(|(e, _)| span(e)).collect();
        let text = format!(
            "Not in force on {}: {}. Check the edition of that date before you bill.",
            self.as_of,
            named.join("; ")
        );
        let cites = late.into_iter().map(|(_, cite)| cite).collect();
        self.lines.insert(
            0,
            Line {
                text,
                citations: cites,
            },
        );
    }
}

fn span(e: &EditionRef) -> String {
    match e.through {
        Some(through) => format!("{} {} ({} to {through})", e.source, e.edition, e.effective),
        None => format!("{} {} (from {})", e.source, e.edition, e.effective),
    }
}

/// How an answer cites the tabular list.
pub(crate) fn tabular_citation(edition: &Edition, on: &str, quote: &str) -> Citation {
    let locator = if on.starts_with("ch") {
        on.replace("ch", "chapter ")
    } else {
        dotted(on)
    };
    // CDC's browser of the list, opened at the code; a block or chapter has no page of its own.
    let fiscal = edition
        .edition
        .split_whitespace()
        .next()
        .unwrap_or_default();
    let code = if on.starts_with("ch") {
        String::new()
    } else {
        dotted(&on[..on.find('-').unwrap_or(on.len())])
    };
    Citation {
        n: 0,
        source: edition.source.clone(),
        locator,
        edition: edition.edition.clone(),
        effective: edition.effective,
        quote: quote.to_owned(),
        url: format!("https://icd10cmtool.cdc.gov/?fy={fiscal}&query={code}"),
        file: edition.file.clone(),
    }
}

pub(crate) fn tabular_edition(edition: &Edition, as_of: NaiveDate) -> EditionRef {
    EditionRef {
        source: edition.source.clone(),
        edition: edition.edition.clone(),
        effective: edition.effective,
        through: edition.through,
        in_force: edition.in_force(as_of),
    }
}
