//! From a question to an answer.
//!
//! Codes come first: they are looked up, never searched. What is left of the question is searched among the
//! digest's entries and the concepts of ICD-10-CM, and the better fit speaks. Nothing here is written from
//! memory: a line is a passage, or a sentence computed from one, with its citation.

use std::time::Instant;

use casebook_catalog::coverage::Wanted as Documents;
use casebook_catalog::localities::state_in;
use chrono::NaiveDate;

use crate::Error;
use crate::answer::{Answer, Timings, Verdict};
use crate::card::{Diagnosis, described_line};
use crate::catalog::Edition;
use crate::code::System;
use crate::compose::Draft;
use crate::digest::{Entry as DigestEntry, Kind};
use crate::facts;
use crate::further;
use crate::gate::{self, Fit};
use crate::index::{DIGEST, edition_key};
use crate::lookup::{Desk, Known, look_up, proposals, search_codes, with_near};
use crate::outside::Outside;
use crate::question::{self, LONGEST, MOST_CODES, Question, Unreadable};
use crate::related;
use crate::respond::{Intent, Request};
use crate::retrieve::{Hit, Proposal, Resembled};
use crate::service::Service;
use crate::store::Filter;
use crate::tables::{about_codes, checked as checked_together};
use crate::tabular::{NoteKind, dotted};
use crate::topic::{self, Topic};
use crate::{case, check, official};

/// ICD-10-CM came into force on this day (45 CFR 162.1002).
pub(crate) const ICD10CM_BEGINS: NaiveDate = match NaiveDate::from_ymd_opt(2015, 10, 1) {
    Some(d) => d,
    None => NaiveDate::MIN,
};

/// Digest entries shown after the one that answers, and codes after the best one.
const MORE_RULES: usize = 3;
const MORE_CODES: usize = 4;
/// A further passage is shown if its score is at most so much below the best.
const NEAR_BEST: f32 = 0.09;

/// Answers one request on `today`.
pub(crate) async fn answer(
    desk: &Desk<'_>,
    request: &Request,
    today: NaiveDate,
) -> Result<Answer, Error> {
    let started = Instant::now();
    let mut timings = Timings::default();
    let mut answer = match request.intent {
        Intent::Search => found(desk, request, today).await?,
        Intent::Check => checked(desk, request, today)?,
        Intent::Case => match case::read(desk, &request.text, None).await? {
            Ok(case) => case.answer(),
            Err(why) => Answer::without_lines(
                Verdict::NoAnswer,
                why.sentence(),
                request.as_of.unwrap_or(today),
            ),
        },
        Intent::Ask | Intent::Code => {
            let answer = compose(desk, request, today, &mut timings).await?;
            match names_payers(&answer, &gate::payers(&request.text)) {
                true => answer,
                false => outside(Outside::Payer, answer.as_of),
            }
        }
    };
    if matches!(request.intent, Intent::Ask | Intent::Code)
        && let Ok(question) = question::parse(&request.text)
    {
        answer.related = related::questions(desk, &question, &answer)?;
    }
    timings.total = ms(started);
    timings.compose = (timings.total - timings.embed - timings.retrieve).max(0.0);
    answer.timings_ms = timings;
    Ok(answer)
}

/// Codes shown for `/codes`: what fits on a screen.
const FOUND: usize = 10;

/// The codes that fit a condition or service, best first, each cited.
async fn found(desk: &Desk<'_>, request: &Request, today: NaiveDate) -> Result<Answer, Error> {
    let as_of = request.as_of.unwrap_or(today);
    if let Err(why) = question::parse(&request.text) {
        return Ok(Answer::without_lines(
            Verdict::NoAnswer,
            unreadable(why),
            as_of,
        ));
    }
    let mut draft = Draft::new(as_of);
    for hit in search_codes(desk, &request.text, None, FOUND).await? {
        match (hit.code.system, desk.icd10cm) {
            (System::Icd10cm, Some(edition)) => {
                let key = hit.code.code.replace('.', "");
                if let Some(d) = Diagnosis::read(desk.catalog, edition, desk.tabular(), &key)? {
                    d.headline(edition, &mut draft);
                }
            }
            (system, _) => {
                if let Some(service) = Service::read(desk, system, &hit.code.code)? {
                    service.headline(desk, &mut draft);
                }
            }
        }
    }
    Ok(if draft.is_empty() {
        draft.finish(Verdict::NoAnswer, Some(not_found(desk)))
    } else {
        draft.finish(Verdict::Answered, None)
    })
}

/// What the NCCI tables say of the codes that were typed, and of those chosen before.
fn checked(desk: &Desk<'_>, request: &Request, today: NaiveDate) -> Result<Answer, Error> {
    let text = format!("{} {}", request.about.join(" "), request.text);
    let (text, units) = check::without_units(&text);
    let as_of = request.as_of.unwrap_or(today);
    let question = match question::parse(&text) {
        Ok(question) => question,
        Err(why) => {
            return Ok(Answer::without_lines(
                Verdict::NoAnswer,
                unreadable(why),
                as_of,
            ));
        }
    };
    let mut known = Vec::new();
    for mention in &question.mentions {
        known.extend(look_up(desk, mention, true)?);
    }
    let mut draft = Draft::new(question.date.unwrap_or(as_of));
    if known.len() < 2 {
        let reason = "Name two codes or more to check against one another, e.g. \"77003 62323\".";
        return Ok(draft.finish(Verdict::NoAnswer, Some(reason.to_owned())));
    }
    let question = Question {
        words: "together".to_owned(),
        ..question
    };
    let extent = check::Extent::Whole;
    let found = match checked_together(desk, &question, &known, &units, extent, &mut draft)? {
        Some(found) => Some(found),
        None => about_codes(desk, &question, &known, &mut draft)?,
    };
    Ok(match found {
        Some((_, reason)) if draft.is_empty() => draft.finish(Verdict::NoAnswer, reason),
        Some((verdict, reason)) => draft.finish(verdict, reason),
        None => draft.finish(
            Verdict::NoAnswer,
            Some("The NCCI tables are about CPT and HCPCS codes; name two of those.".to_owned()),
        ),
    })
}

async fn compose(
    desk: &Desk<'_>,
    request: &Request,
    today: NaiveDate,
    timings: &mut Timings,
) -> Result<Answer, Error> {
    let as_of = request.as_of.unwrap_or(today);
    let question = match question::parse(&request.text) {
        Ok(q) => q,
        Err(why) => {
            return Ok(Answer::without_lines(
                Verdict::NoAnswer,
                unreadable(why),
                as_of,
            ));
        }
    };
    let as_of = question.date.unwrap_or(as_of);
    if as_of < ICD10CM_BEGINS {
        let reason = format!(
            "No loaded edition covers {as_of}: ICD-10-CM begins on {ICD10CM_BEGINS}. Name a later date of service, or leave it out."
        );
        return Ok(Answer::without_lines(Verdict::NoAnswer, reason, as_of));
    }
    if let Some(kind) = gate::declined(&question.text, today) {
        return Ok(outside(kind, as_of));
    }
    let looking = Instant::now();
    let mut known = Vec::new();
    let codes_only = request.intent == Intent::Code || question.only_names_codes();
    for mention in &question.mentions {
        known.extend(look_up(desk, mention, codes_only)?);
    }
    timings.retrieve += ms(looking);
    let mut draft = Draft::new(as_of);
    if known.is_empty() && (request.intent == Intent::Code && question.substance().len() <= 1) {
        let reason = "That is not a code in a form that I know. Examples: M54.50, J3301, 99213-25, modifier 59.";
        return Ok(Answer::without_lines(Verdict::NoAnswer, reason, as_of));
    }
    if known.is_empty() && !question.malformed.is_empty() {
        let reason = format!(
            "{} is not a code in a form that a code system here has. Examples: M54.50, J3301, 99213-25, modifier 59.",
            question.malformed.join(", ")
        );
        return Ok(draft.finish(Verdict::NoAnswer, Some(reason)));
    }
    if !known.is_empty() && codes_only {
        return cards(desk, &question, &known, draft);
    }
    if !known.is_empty() {
        if let Some(done) = about_codes(desk, &question, &known, &mut draft)? {
            return Ok(draft.finish(done.0, done.1));
        }
        return with_codes(desk, &question, &known, draft, timings).await;
    }
    // What looked like a code was a word.
    let question = question.in_words();
    in_words(desk, &question, draft, timings).await
}

/// What is said to a question that is not answered.
fn outside(kind: Outside, as_of: NaiveDate) -> Answer {
    Answer::without_lines(kind.verdict(), kind.sentence(), as_of)
}

/// Whether an answer says something of each payer that was asked about: Medicare's rule is no other payer's.
fn names_payers(answer: &Answer, payers: &[String]) -> bool {
    let said = |payer: &str| {
        answer
            .lines
            .iter()
            .any(|l| l.text.to_lowercase().contains(payer))
            || answer
                .citations
                .iter()
                .any(|c| c.quote.to_lowercase().contains(payer))
    };
    answer.lines.is_empty() || payers.iter().all(|p| said(p))
}

/// The cards of codes that were asked for by themselves.
fn cards(
    desk: &Desk<'_>,
    question: &Question,
    known: &[Known<'_>],
    mut draft: Draft,
) -> Result<Answer, Error> {
    let mut missing = Vec::new();
    for k in known {
        match k {
            Known::Diagnosis(d) => {
                if let Some(edition) = desk.icd10cm {
                    if known.len() == 1 {
                        d.lines(edition, &mut draft, &[]);
                        facts::diagnosis(desk, d, None, &mut draft)?;
                    } else {
                        d.headline(edition, &mut draft);
                    }
                }
            }
            Known::Service(service) => {
                if known.len() < 3 {
                    service.lines(desk, &mut draft)?;
                } else {
                    service.headline(desk, &mut draft);
                }
                if known.len() == 1
                    && let Some(entry) = service.described
                {
                    official::rules_naming(desk, entry, &mut draft)?;
                }
            }
            Known::Missing { reason, near, .. } => missing.push(with_near(reason, near)),
        }
    }
    if question.typed_codes > MOST_CODES {
        missing.push(format!(
            "{} codes were typed; the first {MOST_CODES} are answered. Ask for the others in a second message.",
            question.typed_codes
        ));
    }
    if draft.is_empty() {
        for k in known {
            if let Known::Missing { near, .. } = k {
                near.iter().for_each(|c| draft.code(c.clone()));
            }
        }
        return Ok(draft.finish(Verdict::NoAnswer, Some(missing.join(" "))));
    }
    Ok(if missing.is_empty() {
        draft.finish(Verdict::Answered, None)
    } else {
        draft.finish(Verdict::Uncertain, Some(missing.join(" ")))
    })
}

/// A question in words that names codes: passages about those codes first.
async fn with_codes(
    desk: &Desk<'_>,
    question: &Question,
    known: &[Known<'_>],
    mut draft: Draft,
    timings: &mut Timings,
) -> Result<Answer, Error> {
    let named: Vec<String> = known
        .iter()
        .filter_map(|k| match k {
            Known::Diagnosis(d) => Some(dotted(&d.entry.key)),
            Known::Service(s) => Some(s.code.clone()),
            // A rule may say what became of a code that is gone.
            Known::Missing { system, code, .. } if *system != System::Icd10cm => Some(code.clone()),
            Known::Missing { .. } => None,
        })
        .collect();
    let missing: Vec<String> = known
        .iter()
        .filter_map(|k| match k {
            Known::Missing { reason, near, .. } => Some(with_near(reason, near)),
            _ => None,
        })
        .collect();
    let dense = embed(desk, &question.text, timings).await?;
    let resembled = desk.retriever.resembled(dense.as_deref()).await?;
    let sources = Filter {
        editions: rule_editions(desk),
        ..Filter::default()
    };
    let hits = search(desk, &question.text, dense, sources, &resembled, timings).await?;
    let mut about: Vec<(usize, f32, &DigestEntry)> = Vec::new();
    let scores: std::collections::HashMap<&str, f32> = hits
        .iter()
        .map(|h| (h.passage.key.as_str(), h.score))
        .collect();
    for entry in desk.digest.entries() {
        let names = named.iter().filter(|c| names_code(entry, c)).count();
        let score = scores.get(entry.id.as_str()).copied().unwrap_or_default();
        if names == named.len() && !named.is_empty() || (names > 0 && score > 0.0) {
            // A sentence that says one code beside another answers before a list that holds both.
            let says = named
                .iter()
                .filter(|c| entry.text.contains(c.as_str()))
                .count();
            let of = entry.code.as_ref().is_some_and(|c| named.contains(c));
            about.push((
                names,
                score + 0.2 * says as f32 + if of { 0.3 } else { 0.0 },
                entry,
            ));
        }
    }
    about.sort_by(|a, b| {
        b.0.cmp(&a.0)
            .then(b.1.total_cmp(&a.1))
            .then(a.2.breadth().cmp(&b.2.breadth()))
    });
    let procedures = known
        .iter()
        .filter_map(Known::service)
        .filter(|s| matches!(s.system, System::Cpt | System::Hcpcs))
        .count();
    let best = about.first().map_or(0, |a| a.0);
    let shown = about.iter().filter(|a| a.0 == best).count();
    let shown = shown.min(1 + MORE_RULES);
    for (_, _, entry) in &about[..shown] {
        if entry.kind == Kind::Rule {
            official::rule_line(desk, entry, Some(&question.text), &mut draft)?;
        } else {
            described_line(desk.digest, entry, &mut draft);
        }
    }
    for k in known {
        match k {
            Known::Diagnosis(d) => {
                if let Some(edition) = desk.icd10cm {
                    d.headline(edition, &mut draft);
                }
            }
            Known::Service(s) if known.len() == 1 => s.lines(desk, &mut draft)?,
            Known::Service(s) => s.headline(desk, &mut draft),
            Known::Missing { .. } => {}
        }
    }
    if draft.is_empty() {
        return Ok(draft.finish(Verdict::NoAnswer, Some(missing.join(" "))));
    }
    let rest = about[shown..].iter().filter(|a| a.1 > 0.0);
    further::entries(desk, rest.map(|a| a.2), &mut draft)?;
    if !missing.is_empty() {
        return Ok(draft.finish(Verdict::Uncertain, Some(missing.join(" "))));
    }
    if procedures >= 2 {
        let reason = check::uncovered(desk, &named, draft.as_of());
        return Ok(draft.finish(Verdict::Uncertain, Some(reason)));
    }
    let fits = about
        .first()
        .is_some_and(|(names, score, _)| *names == named.len() && *score >= 0.45);
    if fits {
        return Ok(draft.finish(Verdict::Answered, None));
    }
    let reason = "The sources describe the code, but no loaded passage answers the question itself; check what follows.";
    Ok(draft.finish(Verdict::Uncertain, Some(reason.to_owned())))
}

/// Whether an entry is about a code, or says it in its text ("modifier 25" among others).
fn names_code(entry: &DigestEntry, code: &str) -> bool {
    if entry.is_about(code) {
        return true;
    }
    if code.len() == 2 {
        let needle = format!("modifier {}", code.to_lowercase());
        return entry.text.to_lowercase().contains(&needle)
            || entry.title.to_lowercase().contains(&needle);
    }
    false
}

/// What kind of thing a question in words looks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Diagnosis,
    Procedure,
    Rule,
    Anything,
}

fn wanted(text: &str) -> Wanted {
    let t = text.to_lowercase();
    let any = |cues: &[&str]| cues.iter().any(|c| t.contains(c));
    if any(&[
        "guideline",
        "sequenc",
        "rule",
        "policy",
        "how do i code",
        "how to code",
        "principal diagnosis",
        "which goes first",
        "coded first",
        "code first",
    ]) {
        return Wanted::Rule;
    }
    if any(&["cpt", "hcpcs", "procedure code", "j code", "j-code"]) {
        return Wanted::Procedure;
    }
    if any(&[
        "icd",
        "dx code",
        "diagnosis code",
        "code for",
        "dx for",
        "diagnosis for",
    ]) {
        return Wanted::Diagnosis;
    }
    if any(&[
        "when ",
        "can i",
        "can we",
        "can you",
        "may i",
        "should",
        "how many",
        "how long",
        "difference",
        "how do",
        "how is",
        "who ",
        "why",
        "what is ",
        "what are ",
        "what does",
        "does ",
        "do i",
        "is it",
        "are ",
        "must",
        "need",
        "allowed",
        "medicare",
        "bill",
        "document",
        "deadline",
        "modifier",
    ]) {
        return Wanted::Rule;
    }
    Wanted::Anything
}

/// What may answer a question without codes, best first, with what speaks for each.
pub struct Considered {
    wanted: Wanted,
    /// The question without the words that only ask.
    condition: String,
    /// Rules and described services.
    pub rules: Vec<Hit>,
    /// Diagnoses.
    pub codes: Vec<Proposal>,
    /// Questions that it resembles.
    pub resembled: Resembled,
}

/// Finds what may answer a question in words.
pub(crate) async fn consider(
    desk: &Desk<'_>,
    question: &Question,
    text: &str,
    timings: &mut Timings,
) -> Result<Considered, Error> {
    let wanted = wanted(text);
    let asked = desk.wording(&question.condition())?;
    // Rules are not written in the code set's wording, so they are searched with what was typed; and a rule is asked for
    // in a sentence, which would only blur the condition of "code for …".
    let condition = asked.typed().to_owned();
    let sentence = desk.wording(text)?;
    let whole = embed(desk, sentence.typed(), timings).await?;
    let resembled = desk.retriever.resembled(whole.as_deref()).await?;
    let dense = match wanted {
        Wanted::Rule => whole,
        _ => embed(desk, &condition, timings).await?,
    };
    let mut sources = Filter {
        editions: rule_editions(desk),
        ..Filter::default()
    };
    if wanted == Wanted::Procedure {
        sources.systems = Some(vec![System::Cpt, System::Hcpcs, System::Modifier]);
    }
    let rules = search(desk, &condition, dense, sources, &resembled, timings).await?;
    let codes = if wanted == Wanted::Procedure {
        Vec::new()
    } else {
        let started = Instant::now();
        let dense = desk.retriever.embed_wording(&asked).await?;
        timings.embed += ms(started);
        let started = Instant::now();
        let codes = proposals(desk, &asked, dense, 12).await?;
        timings.retrieve += ms(started);
        codes
    };
    Ok(Considered {
        wanted,
        condition,
        rules,
        codes,
        resembled,
    })
}

/// A question without codes.
async fn in_words(
    desk: &Desk<'_>,
    question: &Question,
    mut draft: Draft,
    timings: &mut Timings,
) -> Result<Answer, Error> {
    let text = question.words.as_str();
    if question.substance().is_empty() {
        let reason = "Ask with a code or in words, e.g. \"M54.50\", \"what is modifier 25\", \"guideline for sepsis with pneumonia\".";
        return Ok(draft.finish(Verdict::NoAnswer, Some(reason.to_owned())));
    }
    if let Some(answer) = coverage_in_words(desk, question, &mut draft, timings).await? {
        return Ok(draft.finish(answer.0, answer.1));
    }
    let Considered {
        wanted,
        condition,
        rules,
        codes,
        resembled,
    } = consider(desk, question, text, timings).await?;
    let rule_lead = rules.first().map_or(0.0, |h| h.score);
    let code_lead = codes.first().map_or(0.0, |p| p.score);
    let rule_fit = gate::fit(&rules, &resembled);
    // A question after a rule that no rule answers is answered by a code only if that is what it calls by name.
    let code_fit = match gate::fit_code(&codes, &resembled) {
        Fit::Maybe if wanted == Wanted::Rule => Fit::None,
        _ if !gate::may_be_a_condition(text) => Fit::None,
        fit => fit,
    };
    let rules_speak = rule_fit != Fit::None
        && (code_fit == Fit::None || rules_go_first(wanted, &rules, &codes, &resembled));
    let fit = if rules_speak { rule_fit } else { code_fit };
    if fit == Fit::None {
        if let Some((kind, near)) = resembled.outside
            && near >= gate::COMPANY
            && (kind != Outside::OwnHealth || gate::of_oneself(text))
        {
            return Ok(outside(kind, draft.as_of()));
        }
        return Ok(draft.finish(Verdict::NoAnswer, Some(not_found(desk))));
    }
    if rules_speak {
        rule_lines(desk, &rules, &condition, &mut draft)?;
    } else if let Some(edition) = desk.icd10cm {
        code_lines(desk, edition, &codes, &mut draft)?;
        if rule_fit == Fit::Good && rule_lead + NEAR_BEST >= code_lead {
            rule_lines(desk, &rules[..1], &condition, &mut draft)?;
        }
    }
    if !draft.is_empty() {
        if rule_fit != Fit::None {
            further::passages(desk, &rules, &condition, &mut draft)?;
        }
        if let (Some(edition), true) = (desk.icd10cm, code_fit != Fit::None) {
            further::codes(desk, edition, &codes, &mut draft)?;
        }
    }
    if fit == Fit::Good {
        return Ok(draft.finish(Verdict::Answered, None));
    }
    let reason =
        "These passages may answer it; read them before you rely on them, or ask in other words.";
    Ok(draft.finish(Verdict::Uncertain, Some(reason.to_owned())))
}

/// How much the words of a question speak for what it wants, beside the chances that rules and codes answer it.
const WANTED: f32 = 0.15;

/// Whether rules answer a question rather than codes, where both may.
fn rules_go_first(
    wanted: Wanted,
    rules: &[Hit],
    codes: &[Proposal],
    resembled: &Resembled,
) -> bool {
    let leaning = match wanted {
        Wanted::Rule | Wanted::Procedure => WANTED,
        Wanted::Diagnosis => -WANTED,
        Wanted::Anything => 0.0,
    };
    if resembled.entries.is_empty() {
        let lead = |score: Option<f32>| score.unwrap_or_default();
        return lead(rules.first().map(|h| h.score)) + leaning
            >= lead(codes.first().map(|p| p.score));
    }
    gate::rules_answer(rules, resembled) + leaning >= gate::code_answers(codes, resembled)
}

/// Words that ask for a coverage document and stand in all of them.
const COVERAGE_WORDS: [&str; 9] = [
    "lcd",
    "lcds",
    "ncd",
    "ncds",
    "article",
    "coverage",
    "covered",
    "determination",
    "local",
];

/// Coverage documents that are considered, before those stay that hold where it was asked for.
const COVERAGE_FOUND: usize = 40;

/// "Is there an LCD for … in …?": the loaded coverage documents whose title or text fits, of the state or contractor that
/// is named. `None` where nothing fits, so that rules may answer.
async fn coverage_in_words(
    desk: &Desk<'_>,
    question: &Question,
    draft: &mut Draft,
    timings: &mut Timings,
) -> Result<Option<(Verdict, Option<String>)>, Error> {
    let editions: Vec<String> = [crate::Kind::Lcd, crate::Kind::Ncd, crate::Kind::Article]
        .into_iter()
        .flat_map(|kind| desk.shelf.of(kind))
        .map(edition_key)
        .collect();
    if editions.is_empty() || !topic::asked(&question.words).contains(&Topic::Coverage) {
        return Ok(None);
    }
    let condition = desk.wording(&question.condition())?;
    let (state, contractor) = facts::coverage::asked_where(desk, &question.words);
    // Where it is asked for is no part of what it is about.
    let place = |word: &str| state.is_some() && state_in(word) == state;
    let subject: Vec<&str> = condition
        .typed()
        .split_whitespace()
        .filter(|w| !COVERAGE_WORDS.contains(&w.to_lowercase().as_str()) && !place(w))
        .collect();
    let subject = subject.join(" ");
    if subject.is_empty() {
        return Ok(None);
    }
    let dense = embed(desk, &subject, timings).await?;
    let filter = Filter {
        editions,
        ..Filter::default()
    };
    let mut hits = desk
        .retriever
        .search(
            &subject,
            dense,
            filter,
            &Resembled::default(),
            desk.digest,
            COVERAGE_FOUND,
        )
        .await?;
    // Of the documents that fit, those that hold there.
    let mut nowhere = None;
    if state.is_some() || contractor.is_some() {
        let wanted = Documents {
            on: Some(desk.on),
            state,
            contractor,
            ..Documents::default()
        };
        let mut there = Vec::new();
        for hit in &hits {
            if facts::coverage::holds(desk, &hit.passage.key, &wanted)? {
                there.push(hit.clone());
            }
        }
        if there.is_empty() {
            let names: Vec<&str> = state.into_iter().chain(contractor).collect();
            nowhere = Some(format!(
                "None of the loaded coverage documents that may be about it is listed for {}. These are of others, or it is \
                 not loaded where they hold.",
                names.join(", ")
            ));
        } else {
            hits = there;
        }
    }
    let fit = hits.first().map_or(Fit::None, gate::fit_document);
    if fit == Fit::None {
        return Ok(None);
    }
    draft.about(Topic::Coverage);
    rule_lines(desk, &hits, &subject, draft)?;
    if draft.is_empty() {
        return Ok(None);
    }
    let name = match (state, contractor) {
        (None, None) => ", and name a state or contractor",
        _ => "",
    };
    let reason = format!(
        "These coverage documents may be about it; read them before you rely on them{name}."
    );
    Ok(Some(match (nowhere, fit) {
        (Some(nowhere), _) => (Verdict::Uncertain, Some(nowhere)),
        (None, Fit::Good) => (Verdict::Answered, None),
        (None, _) => (Verdict::Uncertain, Some(reason)),
    }))
}

/// The editions in which rules and services are searched: the digest, official text, and HCPCS.
fn rule_editions(desk: &Desk<'_>) -> Vec<String> {
    let mut editions = vec![DIGEST.to_owned()];
    editions.extend(official::editions(desk).into_iter().map(edition_key));
    editions.extend(desk.shelf.on(crate::Kind::Hcpcs, desk.on).map(edition_key));
    editions
}

/// The best passages and entries, then those that fit nearly as well; official text goes first among them.
fn rule_lines(
    desk: &Desk<'_>,
    hits: &[Hit],
    question: &str,
    draft: &mut Draft,
) -> Result<(), Error> {
    let best = hits.first().map_or(0.0, |h| h.score);
    let mut shown: Vec<&Hit> = hits
        .iter()
        .filter(|h| h.score >= best - NEAR_BEST)
        .take(1 + MORE_RULES)
        .collect();
    shown.sort_by_key(|h| h.passage.edition == DIGEST);
    for hit in shown {
        if let Some(text) = official::by_key(desk, &hit.passage.key)? {
            official::passage_line(desk, &text, question, draft);
        } else if official::title_line(desk, &hit.passage.key, draft)? {
            // A determination that is only listed answers by its title.
        } else if hit.passage.key.starts_with("document ") {
            // It does not hold on the date.
        } else if hit.passage.edition != DIGEST {
            let system = hit.passage.system.unwrap_or(System::Hcpcs);
            if let Some(service) = Service::read(desk, system, &hit.passage.key)? {
                service.headline(desk, draft);
            }
        } else if let Some(entry) = desk.digest.get(&hit.passage.key) {
            match (entry.kind, entry.system(), entry.code.as_deref()) {
                (Kind::Rule, ..) => official::rule_line(desk, entry, Some(question), draft)?,
                (_, Some(system), Some(code)) => match Service::read(desk, system, code)? {
                    Some(service) => {
                        service.headline(desk, draft);
                        draft.about(Topic::Indicators);
                        facts::fees::indicators(desk, &service, draft);
                    }
                    None => described_line(desk.digest, entry, draft),
                },
                _ => described_line(desk.digest, entry, draft),
            }
        }
    }
    Ok(())
}

/// The best code with the notes that a coder must heed, then others that fit nearly as well.
fn code_lines(
    desk: &Desk<'_>,
    edition: &Edition,
    codes: &[Proposal],
    draft: &mut Draft,
) -> Result<(), Error> {
    let best = codes.first().map_or(0.0, |p| p.score);
    let near = codes.iter().filter(|p| p.score >= best - NEAR_BEST);
    for (place, Proposal { code, .. }) in near.take(1 + MORE_CODES).enumerate() {
        let Some(diagnosis) = Diagnosis::read(desk.catalog, edition, desk.tabular(), &code.key)?
        else {
            continue;
        };
        diagnosis.headline(edition, draft);
        if place == 0 {
            for kind in [
                NoteKind::CodeFirst,
                NoteKind::UseAdditional,
                NoteKind::Excludes1,
            ] {
                diagnosis.note_lines(kind, edition, draft, true);
            }
        }
    }
    Ok(())
}

fn not_found(desk: &Desk<'_>) -> String {
    let loaded = desk.icd10cm.map_or("no code set".to_owned(), |e| {
        format!("{} {}", e.source, e.edition)
    });
    format!(
        "This is not in the loaded sources ({loaded} and Casebook's digest). Rephrase it with the condition, the code or \
         the modifier, or ask the operator to load the release that covers it."
    )
}

fn unreadable(why: Unreadable) -> String {
    match why {
        Unreadable::Empty => {
            "Nothing was asked. Try \"M54.50\", \"what is modifier 25\" or \"guideline for sepsis with pneumonia\".".into()
        }
        Unreadable::NoWords => "There is no word or code in that. Ask with a code or in words.".into(),
        Unreadable::TooLong => {
            format!("That is longer than {LONGEST} characters, so it was not read. Ask one question at a time.")
        }
        Unreadable::Binary => "That looks like a file rather than a question. Ask with a code or in words.".into(),
    }
}

async fn embed(
    desk: &Desk<'_>,
    text: &str,
    timings: &mut Timings,
) -> Result<Option<Vec<f32>>, Error> {
    let started = Instant::now();
    let vector = desk.retriever.embed(text).await?;
    timings.embed += ms(started);
    Ok(vector)
}

async fn search(
    desk: &Desk<'_>,
    text: &str,
    dense: Option<Vec<f32>>,
    filter: Filter,
    resembled: &Resembled,
    timings: &mut Timings,
) -> Result<Vec<Hit>, Error> {
    let started = Instant::now();
    let hits = desk
        .retriever
        .search(text, dense, filter, resembled, desk.digest, 12)
        .await?;
    timings.retrieve += ms(started);
    Ok(hits)
}

fn ms(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}
