//! What an answer leaves out of its first lines: passages and codes that fit less well, for who wants to read on.

use std::collections::HashSet;

use crate::Error;
use crate::card::{Diagnosis, described_line};
use crate::catalog::Edition;
use crate::compose::Draft;
use crate::digest::{Entry as DigestEntry, Kind};
use crate::index::DIGEST;
use crate::lookup::Desk;
use crate::official;
use crate::retrieve::{Hit, Proposal};
use crate::service::Service;
use crate::{System, code::Status};

/// Lines of each kind that are kept for reading on.
const MOST: usize = 4;
/// What is worth reading on scores at most so much below the best.
const NEAR: f32 = 0.2;

/// Adds passages that fit the question and were not said.
pub(crate) fn passages(
    desk: &Desk<'_>,
    hits: &[Hit],
    question: &str,
    draft: &mut Draft,
) -> Result<(), Error> {
    draft.further();
    let best = hits.first().map_or(0.0, |h| h.score);
    let fitting = hits.iter().filter(|h| h.score >= best - NEAR);
    for hit in fitting.take(2 * MOST) {
        if let Some(text) = official::by_key(desk, &hit.passage.key)? {
            official::passage_line(desk, &text, question, draft);
        } else if hit.passage.edition != DIGEST {
            let system = hit.passage.system.unwrap_or(System::Hcpcs);
            if let Some(service) = Service::read(desk, system, &hit.passage.key)? {
                service.headline(desk, draft);
            }
        } else if let Some(entry) = desk.digest.get(&hit.passage.key) {
            entries(desk, [entry], draft)?;
        }
    }
    Ok(())
}

/// Adds entries of the digest that were not said.
pub(crate) fn entries<'e>(
    desk: &Desk<'_>,
    more: impl IntoIterator<Item = &'e DigestEntry>,
    draft: &mut Draft,
) -> Result<(), Error> {
    draft.further();
    for entry in more.into_iter().take(MOST) {
        match entry.kind {
            Kind::Rule => official::rule_line(desk, entry, None, draft)?,
            _ => described_line(desk.digest, entry, draft),
        }
    }
    Ok(())
}

/// Adds the codes that fit next after those that were said, one of each category first: a page of one fracture's sides
/// helps nobody.
pub(crate) fn codes(
    desk: &Desk<'_>,
    edition: &Edition,
    proposals: &[Proposal],
    draft: &mut Draft,
) -> Result<(), Error> {
    draft.further();
    let said: HashSet<String> = draft.coded().map(|c| c.replace('.', "")).collect();
    let mut categories = HashSet::new();
    let mut added = 0;
    let best = proposals.first().map_or(0.0, |p| p.score);
    for proposal in proposals.iter().filter(|p| p.score >= best - NEAR) {
        let key = &proposal.code.key;
        let category = key.get(..3).unwrap_or(key);
        if added == MOST || said.contains(key) || !categories.insert(category.to_owned()) {
            continue;
        }
        if let Some(found) = Diagnosis::read(desk.catalog, edition, desk.tabular(), key)?
            && found.entry.code_ref(System::Icd10cm).status != Status::Unknown
        {
            found.headline(edition, draft);
            added += 1;
        }
    }
    Ok(())
}
