//! Looking codes up: what a mention is, what is near one that does not exist, and codes found by searching.

use std::sync::Arc;

use chrono::NaiveDate;

use crate::Error;
use crate::Kind;
use crate::card::{self, Card, Diagnosis, described};
use crate::catalog::{Catalog, Edition, Entry};
use crate::code::{CodeRef, Status, System};
use crate::digest::Digest;
use crate::facts;
use crate::index::{DIGEST, edition_key};
use crate::names::{NameShelf, Names, Wording};
use crate::question::{self, Mention};
use crate::respond::Setting;
use crate::retrieve::{Proposal, Retriever};
use crate::service::Service;
use crate::shelf::Shelf;
use crate::store::Filter;
use crate::tabular::dotted;

/// Everything that an answer is made from, for the time of one question.
pub(crate) struct Desk<'a> {
    pub digest: &'a Digest,
    pub catalog: &'a Catalog,
    pub retriever: &'a Retriever,
    /// Everything that is loaded.
    pub shelf: &'a Shelf,
    /// Date of service.
    pub on: NaiveDate,
    /// Whose claims are asked about, for tables that differ by it.
    pub setting: Setting,
    /// Where a fee is asked for, if the question names no place.
    pub locality: Option<&'a str>,
    /// Whose coverage documents are asked for, if the question names no state or contractor.
    pub contractor: Option<&'a str>,
    /// ICD-10-CM's edition for the date: the one in force, else the latest.
    pub icd10cm: Option<&'a Edition>,
    /// The names of its codes.
    pub names: &'a NameShelf,
}

impl<'a> Desk<'a> {
    /// The tabular list that speaks for the date, for notes that the code's own edition does not print.
    pub(crate) fn tabular(&self) -> Option<&'a Edition> {
        self.shelf.on(crate::Kind::Icd10cmTabular, self.on)
    }

    /// The names of ICD-10-CM's codes on the date.
    pub(crate) fn names(&self) -> Result<Option<Arc<Names>>, Error> {
        let lexical = &self.retriever.lexical;
        self.icd10cm
            .map(|e| {
                self.names
                    .of(self.catalog, self.shelf, e, self.on, lexical, self.digest)
            })
            .transpose()
    }

    /// A question's words as the code set would put them.
    pub(crate) fn wording(&self, text: &str) -> Result<Wording, Error> {
        Ok(match self.names()? {
            Some(names) => names.wording(text),
            None => Wording::plain(text),
        })
    }
}

/// A code that a question names, looked up.
pub(crate) enum Known<'a> {
    Diagnosis(Box<Diagnosis>),
    Service(Box<Service<'a>>),
    Missing {
        system: System,
        code: String,
        reason: String,
        near: Vec<CodeRef>,
    },
}

impl<'a> Known<'a> {
    /// The service, where it is one.
    pub(crate) fn service(&self) -> Option<&Service<'a>> {
        match self {
            Self::Service(service) => Some(service),
            _ => None,
        }
    }
}

/// Looks a mention up; `None` where it was no code after all.
pub(crate) fn look_up<'a>(
    desk: &Desk<'a>,
    mention: &Mention,
    alone: bool,
) -> Result<Option<Known<'a>>, Error> {
    for &system in &mention.systems {
        match system {
            System::Icd10cm => {
                if let Some(edition) = desk.icd10cm
                    && let Some(found) =
                        Diagnosis::read(desk.catalog, edition, desk.tabular(), &mention.code)?
                {
                    return Ok(Some(Known::Diagnosis(Box::new(found))));
                }
            }
            _ => {
                if let Some(service) = Service::read(desk, system, &mention.code)? {
                    return Ok(Some(Known::Service(Box::new(service))));
                }
            }
        }
    }
    if !mention.sure && !alone {
        return Ok(None);
    }
    let system = mention.systems[mention.systems.len() - 1];
    let system = if mention.systems[0] == System::Icd10cm && system != System::Hcpcs {
        System::Icd10cm
    } else {
        system
    };
    Ok(Some(missing(desk, system, &mention.code)?))
}

fn missing<'a>(desk: &Desk<'_>, system: System, code: &str) -> Result<Known<'a>, Error> {
    let label = system.label();
    // Modifiers of two digits are CPT's, and in no list of HCPCS.
    if matches!(system, System::Hcpcs | System::Modifier)
        && !code.bytes().all(|b| b.is_ascii_digit())
        && let Some(list) = desk.shelf.on(Kind::Hcpcs, desk.on)
    {
        return not_listed(desk, system, code, list);
    }
    let (code, reason, near) = match (system, desk.icd10cm) {
        (System::Icd10cm, Some(edition)) => {
            let near = near_entries(desk.catalog, edition, system, code)?;
            let mut reason = format!(
                "{} does not exist in {} {}.",
                dotted(code),
                edition.source,
                edition.edition
            );
            if let Some(ended) = facts::history::ended(desk, system, code)? {
                reason.push_str(&format!(" {ended}"));
            }
            (dotted(code), reason, near)
        }
        (System::Cpt | System::Hcpcs | System::Modifier, _) => (
            code.to_owned(),
            format!(
                "{label} {code} is not in the loaded sources, which describe the codes asked for most; that does not \
                 mean that it does not exist. Look it up in the current {} file.",
                if system == System::Hcpcs {
                    "HCPCS"
                } else {
                    "CPT"
                }
            ),
            near_described(desk.digest, system, code),
        ),
        _ => match desk.shelf.codes(system, desk.on) {
            Some(edition) => {
                let mut reason = format!(
                    "{label} {code} does not exist in {} {}.",
                    edition.source, edition.edition
                );
                for more in [
                    facts::history::ended(desk, system, code)?,
                    facts::pcs::why_none(desk, code)?.filter(|_| system == System::Icd10pcs),
                ]
                .into_iter()
                .flatten()
                {
                    reason.push_str(&format!(" {more}"));
                }
                let near = near_entries(desk.catalog, edition, system, code)?;
                (code.to_owned(), reason, near)
            }
            None => (
                code.to_owned(),
                format!("No edition of {label} is loaded, so {code} cannot be looked up."),
                Vec::new(),
            ),
        },
    };
    Ok(Known::Missing {
        system,
        code,
        reason,
        near,
    })
}

/// A code or modifier that the loaded HCPCS file does not have: whether another edition has it, and what is near it.
fn not_listed<'a>(
    desk: &Desk<'_>,
    system: System,
    code: &str,
    list: &Edition,
) -> Result<Known<'a>, Error> {
    let mut reason = format!(
        "{} {code} is not in {} {}.",
        system.label(),
        list.source,
        list.edition
    );
    if let Some(elsewhere) = facts::history::ended(desk, system, code)? {
        reason.push_str(&format!(" {elsewhere}"));
    }
    let mut near = near_described(desk.digest, system, code);
    if system == System::Hcpcs {
        near.extend(near_entries(desk.catalog, list, system, code)?);
        let mut seen = std::collections::HashSet::new();
        near.retain(|c| seen.insert(c.code.clone()));
        near.truncate(5);
    }
    Ok(Known::Missing {
        system,
        code: code.to_owned(),
        reason,
        near,
    })
}

/// Codes that were perhaps meant: those below the longest beginning that exists, then those one slip away.
fn near_entries(
    catalog: &Catalog,
    edition: &Edition,
    system: System,
    code: &str,
) -> Result<Vec<CodeRef>, Error> {
    let mut near: Vec<Entry> = Vec::new();
    for length in (2..code.len()).rev() {
        let Some(beginning) = code.get(..length) else {
            continue;
        };
        near.extend(catalog.starting_with(edition.id, beginning, 60)?);
        if near.len() >= 5 {
            break;
        }
    }
    near.sort_by_key(|e| (strsim::damerau_levenshtein(&e.key, code), e.key.len()));
    near.dedup();
    Ok(near.iter().take(5).map(|e| e.code_ref(system)).collect())
}

fn near_described(digest: &Digest, system: System, code: &str) -> Vec<CodeRef> {
    let mut near: Vec<(usize, CodeRef)> = digest
        .entries()
        .iter()
        .filter(|e| e.system() == Some(system))
        .filter_map(described)
        .map(|c| (strsim::damerau_levenshtein(&c.code, code), c))
        .filter(|(distance, _)| *distance <= 1)
        .collect();
    near.sort_by(|a, b| (a.0, &a.1.code).cmp(&(b.0, &b.1.code)));
    near.into_iter().take(5).map(|(_, c)| c).collect()
}

pub(crate) fn with_near(reason: &str, near: &[CodeRef]) -> String {
    if near.is_empty() {
        return reason.to_owned();
    }
    let named: Vec<String> = near
        .iter()
        .map(|c| format!("{} {}", c.code, c.title))
        .collect();
    format!("{reason} Near it: {}.", named.join("; "))
}

/// One card for each code typed, in order, for `casebook code --json`.
pub(crate) fn typed_cards(
    desk: &Desk<'_>,
    typed: &[String],
    system: Option<System>,
) -> Result<Vec<Card>, Error> {
    typed.iter().map(|t| typed_card(desk, t, system)).collect()
}

fn typed_card(desk: &Desk<'_>, typed: &str, system: Option<System>) -> Result<Card, Error> {
    let mentions = question::parse(typed)
        .map(|q| q.mentions)
        .unwrap_or_default();
    // A heading of three characters, or a code of few digits, is one where its code set is named.
    let named = system.filter(|_| {
        (1..=7).contains(&typed.len())
            && typed.chars().all(|c| c.is_ascii_alphanumeric() || c == '.')
    });
    let mut mention = match (mentions.into_iter().next(), named) {
        (Some(m), _) => m,
        (None, Some(system)) => Mention {
            typed: typed.to_owned(),
            code: typed.to_ascii_uppercase().replace('.', ""),
            systems: vec![system],
            sure: true,
            modifiers: Vec::new(),
        },
        // Two characters alone are a modifier.
        (None, None) if typed.len() == 2 && typed.chars().all(|c| c.is_ascii_alphanumeric()) => {
            Mention {
                typed: typed.to_owned(),
                code: typed.to_ascii_uppercase(),
                systems: vec![System::Modifier],
                sure: true,
                modifiers: Vec::new(),
            }
        }
        (None, None) => {
            let reason =
                "Not a code in a form that Casebook knows. Examples: M54.50, J3301, 99213, 25."
                    .to_owned();
            let code = typed.chars().take(20).collect();
            return Ok(card::unknown_card(
                system.unwrap_or(System::Icd10cm),
                code,
                reason,
                Vec::new(),
            ));
        }
    };
    if let Some(system) = system {
        mention.systems = vec![system];
    }
    Ok(match look_up(desk, &mention, true)? {
        Some(Known::Diagnosis(d)) => match desk.icd10cm {
            Some(edition) => d.card(desk, edition)?,
            None => card::unknown_card(System::Icd10cm, mention.code, String::new(), Vec::new()),
        },
        Some(Known::Service(s)) => s.card(desk)?,
        Some(Known::Missing {
            system,
            code,
            reason,
            near,
        }) => card::unknown_card(system, code, reason, near),
        None => card::unknown_card(
            mention.systems[0],
            mention.code,
            "Not a code.".to_owned(),
            Vec::new(),
        ),
    })
}

/// The diagnoses that fit a question's words, best first.
pub(crate) async fn proposals(
    desk: &Desk<'_>,
    wording: &Wording,
    dense: Option<Vec<f32>>,
    limit: usize,
) -> Result<Vec<Proposal>, Error> {
    let (Some(edition), Some(names)) = (desk.icd10cm, desk.names()?) else {
        return Ok(Vec::new());
    };
    desk.retriever
        .codes(desk.catalog, edition, &names, wording, dense, limit)
        .await
}

/// Codes that begin with what was typed, else those that its words find: what an autocomplete offers.
pub(crate) async fn suggested(
    desk: &Desk<'_>,
    typed: &str,
    limit: usize,
) -> Result<Vec<CodeRef>, Error> {
    let typed = typed.trim();
    let beginning = typed.replace('.', "").to_ascii_uppercase();
    let code_like = beginning.len() <= 7
        && beginning.chars().any(|c| c.is_ascii_digit())
        && beginning.chars().all(|c| c.is_ascii_alphanumeric());
    let mut codes: Vec<CodeRef> = Vec::new();
    if code_like {
        if let Some(edition) = desk.icd10cm {
            let found = desk.catalog.starting_with(edition.id, &beginning, limit)?;
            codes.extend(found.iter().map(|e| e.code_ref(System::Icd10cm)));
        }
        if let Some(edition) = desk.shelf.codes(System::Hcpcs, desk.on) {
            let found = desk.catalog.starting_with(edition.id, &beginning, limit)?;
            codes.extend(found.iter().map(|e| e.code_ref(System::Hcpcs)));
        }
        for entry in desk.digest.entries() {
            let begins = entry
                .code
                .as_deref()
                .is_some_and(|c| c.starts_with(&beginning));
            if let Some(code) = described(entry).filter(|_| begins)
                && !codes.iter().any(|c| c.code == code.code)
            {
                codes.push(code);
            }
        }
    } else if typed.chars().count() > 2 {
        let hits = search_codes(desk, typed, None, limit).await?;
        codes.extend(hits.into_iter().map(|hit| hit.code));
    }
    codes.truncate(limit);
    Ok(codes)
}

/// A code found by searching, for `casebook search --json`.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct CodeHit {
    /// The code, its title and whether it can be billed.
    #[serde(flatten)]
    pub code: CodeRef,
    /// Fused score, 0 to 1.
    pub score: f32,
}

/// How far a service stands behind a condition that fits as well.
const SERVICE: f32 = 0.08;

/// Codes for a condition or service in words, best first.
pub(crate) async fn search_codes(
    desk: &Desk<'_>,
    text: &str,
    system: Option<System>,
    limit: usize,
) -> Result<Vec<CodeHit>, Error> {
    let wording = desk.wording(text)?;
    let text = wording.official();
    let mut hits: Vec<CodeHit> = Vec::new();
    let dense = desk.retriever.embed_wording(&wording).await?;
    if system.is_none_or(|s| s == System::Icd10cm) {
        for proposal in proposals(desk, &wording, dense.clone(), limit).await? {
            hits.push(CodeHit {
                code: proposal.code.code_ref(System::Icd10cm),
                score: proposal.score,
            });
        }
    }
    if system != Some(System::Icd10cm) {
        let systems = match system {
            Some(system) => vec![system],
            // Procedures of ICD-10-PCS are searched where they are asked for: they would fill every page.
            None => vec![System::Cpt, System::Hcpcs, System::Modifier],
        };
        let mut editions = vec![DIGEST.to_owned()];
        for system in &systems {
            editions.extend(desk.shelf.codes(*system, desk.on).map(edition_key));
        }
        let filter = Filter {
            systems: Some(systems),
            editions,
            on: None,
        };
        let resembled = desk.retriever.resembled(dense.as_deref()).await?;
        for hit in desk
            .retriever
            .search(text, dense, filter, &resembled, desk.digest, limit)
            .await?
        {
            let code = match (hit.passage.edition == DIGEST, hit.passage.system) {
                (true, _) => desk.digest.get(&hit.passage.key).and_then(described),
                (false, Some(system)) => Service::read(desk, system, &hit.passage.key)?
                    .map(|service| service.code_ref(desk.on)),
                (false, None) => None,
            };
            if let Some(code) = code {
                // Of a condition and a service that fit as well, words without a system name the condition.
                let score = match system {
                    Some(_) => hit.score,
                    None => hit.score - SERVICE,
                };
                hits.push(CodeHit { code, score });
            }
        }
    }
    hits.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut seen = std::collections::HashSet::new();
    hits.retain(|h| {
        h.code.status != Status::Unknown && seen.insert((h.code.system, h.code.code.clone()))
    });
    hits.truncate(limit);
    Ok(hits)
}
