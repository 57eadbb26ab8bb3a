//! What Casebook does not answer, and when it has not found enough to answer.
//!
//! A question passes three gates: it must be readable (`question`), it must be a coder's (here), and what was
//! found must fit it well enough (here). The thresholds are fitted on `tests/calibration/`.

use std::sync::LazyLock;

use chrono::{Datelike, NaiveDate};
use regex::{Regex, RegexSet};

use crate::index::DIGEST;
use crate::outside::Outside;
use crate::retrieve::{Hit, Proposal, Resembled, UNASKED};

static OWN_HEALTH: LazyLock<Option<RegexSet>> = LazyLock::new(|| {
    RegexSet::new([
        r"(?i)\b(i have|i've|i've got|i feel|i am having|i'm having|i woke up with|i keep getting)\b.{0,40}\b(pain|ache|fever|rash|cough|headache|dizz|nausea|vomit|bleeding|lump|swelling|numb|tingling|symptoms?|cold|flu|chest|infection|short of breath)\b",
        r"(?i)\bmy (own )?(chest|head|stomach|back|knee|throat|tooth|leg|arm|eye|ear|neck|shoulder|heart)s? (hurts?|aches?|is (sore|swollen|killing|burning)|feels?)\b",
        r"(?i)\bmy (son|daughter|child|baby|kid|wife|husband|mother|mom|father|dad|girlfriend|boyfriend|partner) (has|is having|feels|is sick|woke up)\b",
        r"(?i)\b(do|could|might) i have (a |an |the )?(cancer|covid|diabetes|flu|stroke|heart attack|infection|std|pneumonia|depression)\b",
        r"(?i)\bmy ((left|right|upper|lower|own|inner) )?(arm|leg|back|chest|neck|face|hand|foot|stomach|belly|breast|scalp|stitches|incision|wound|rash|mole|period|blood sugar|blood pressure|heart|knee|tooth|gums|ears?|eyes?)\b",
        r"(?i)\bam i (having|going to die|sick|pregnant)\b",
        r"(?i)\bshould i (go to|see|call) (the|a|an|my)? ?(er|emergency|hospital|doctor|gp|ambulance|specialist|911)\b",
    ])
    .ok()
});

static CLINICAL: LazyLock<Option<RegexSet>> = LazyLock::new(|| {
    RegexSet::new([
        r"(?i)\bshould i (take|stop|start|use) (my |the |an? )?\w*(medicine|medication|pill|antibiotic|aspirin|ibuprofen|insulin|statin|metformin|tylenol|dose)",
        r"(?i)\bhow (much|many) \w+ (should|can|may) (i|he|she|they|the patient|my patient|a patient|an adult|a child) (take|have|get|be given)\b",
        r"(?i)\b(what|which) (dose|dosage|medication|medicine|drug|antibiotic|treatment)\b.{0,40}\b(should|would|is (best|right|recommended|appropriate))\b",
        r"(?i)\b(recommended|maximum|max|correct|right) (dose|dosage) (of|for)\b",
        r"(?i)\bdosage (of|for)\b",
        r"(?i)\bhow (do|should|can|would) (i|we|you|they|doctors?|one) (treat|cure|manage|diagnose|intubate|suture|anesthetize|interpret|dose|wean|titrate)\b",
        r"(?i)\b(first|second|third)[- ]line (treatment|therapy|drug|agent|antibiotic|medication)\b",
        r"(?i)\b(what|which|right|correct|usual|safe) (dose|dosage|target (a1c|bp|blood pressure|ldl)|antibiotic)\b",
        r"(?i)\b(does|do) (this|the|these) (ekg|ecg|x-?ray|scan|ct|mri|labs?|strip|rhythm|film|slide)s? (show|mean|look)\b",
        r"(?i)\b(what is|what's) the (prognosis|life expectancy|survival rate|target (a1c|bp|inr|ldl))\b",
        r"(?i)\b(should|can|may|do) (i|we|he|she) (stop|hold|start|restart|continue|give|prescribe) \w+ before\b",
        r"(?i)\bshould (this|the|that|a) \w+ be (biopsied|operated|excised|removed|followed|admitted|discharged|intubated|transfused|treated)\b",
        r"(?i)\bbest (treatment|medication|drug|antibiotic|therapy|cure) for\b",
        r"(?i)\bwhat (is|are) the (treatments?|cure|symptoms|side effects|prognosis) (for|of)\b",
        r"(?i)\bis it safe to\b.{0,30}\b(take|mix|combine|give|use)\b",
        r"(?i)\b(should|can) (the|this|my|a) patient (be (given|prescribed|discharged|started)|take|stop|have surgery)\b",
        r"(?i)\bwhat should (the|this|my|a) (patient|doctor) (do|take|be given)\b",
    ])
    .ok()
});

static CHEATING: LazyLock<Option<RegexSet>> = LazyLock::new(|| {
    RegexSet::new([
        r"(?i)\b(how (can|do|could|to)|help me|want to|need to|ways? to|trick|let's)\b.{0,50}\b(up-?code|falsify|fake|back-?date|forge|pad (the|a|my) (claim|bill)|game the)\b",
        r"(?i)\b(get|make) (paid|more money|reimbursed|medicare|insurance|the insurer|it)\b.{0,60}\b(even though|without|although|that) (it |he |she |we |they |the \w+ )?(was|were|is|did|do|had|has)?\s?(not|n't|never|didn't|wasn't|document|doing|perform)",
        r"(?i)\bbill\b.{0,60}\b(never|didn't|did not|wasn't|was not|weren't|were not)\b.{0,20}\b(done|do|happen|happened|perform|performed|provided|rendered|documented|seen|see|saw)\b",
        r"(?i)\b(avoid|escape|without|prevent) (an? |the )?(audits?|getting caught|detection|auditors?)\b.{0,60}",
        r"(?i)\b(hide|conceal)\b.{0,40}\b(from)\b.{0,20}\b(auditor|medicare|payer|insurance|oig|cms|rac)\b",
        r"(?i)\b(how (can|do|to)|help me|want to|need to|let's)\b.{0,40}\b(get around|trick|beat|cheat|fool|defeat|bypass) (the |an? )?(ncci|edit|edits|audit|mue|payer|denial|medicare|insurance|insurer|system)\b",
        r"(?i)\b(highest|best|better|most) paying (code|dx|diagnosis|drg|level|modifier)\b",
        r"(?i)\b(code|modifier|diagnosis|dx)\b.{0,30}\b(pays? (the )?(most|more|better|best|highest)|to (maximi[sz]e|boost|increase|inflate) (payment|reimbursement|revenue|the drg))\b",
        r"(?i)\b(maximi[sz]e|inflate) (my |our |the )?(reimbursement|payment|revenue|rvus?|drg)\b",
        r"(?i)\b(make up|invent|add) (a |an )?(fake |false |untrue )?(diagnosis|dx|documentation|note|symptom)s?\b.{0,40}\b(so|to get|that (was|is)n't|not in)\b",
        r"(?i)\b(change|alter|edit) the (record|note|documentation|chart|date)\b.{0,40}\b(so|to get|to match|after)\b.{0,40}\b(paid|pays?|denial|audit|covered|pass)\b",
        r"(?i)\b(without|before|avoid) (getting|being|get) caught\b",
        r"(?i)\bmake (the|this|that|it|a|my|our) ?\w* look (like|as)\b",
        r"(?i)\b(add|use|put|pick|choose|change|move|swap)\b.{0,60}\bso (that )?.{0,40}\b(approved?|pays?|paid|covered|passes|go(es)? through|doesn't apply|does not apply|isn't denied)\b",
        r"(?i)\b(paid|pay|bill) twice\b|\bdouble[- ]bill(ing)? (it|this|the|for|without)\b",
        r"(?i)\bcover up\b|\bget away with\b|\bfly under the radar\b",
        r"(?i)\bunbundle\b.{0,40}\b(to get|so that|for more|and get)\b",
    ])
    .ok()
});

/// Words that turn a sentence about cheating into a question about rules: "is it fraud to …", "how do I avoid
/// upcoding", "what is the penalty for …".
static ABOUT_RULES: LazyLock<Option<RegexSet>> = LazyLock::new(|| {
    RegexSet::new([
        r"(?i)\b(is it|would it be|is that|is this) (fraud|illegal|legal|allowed|a violation|compliant|ok|okay|abuse)\b",
        r"(?i)\b(penalt|fine for|punish|liab|consequence|report(ing)? (someone|a colleague|fraud|suspected)|whistle|prevent fraud|avoid (up-?coding|fraud|unbundling))",
        r"(?i)^what (is|are|does|counts as) (the )?(up-?coding|unbundling|fraud|false claim)",
    ])
    .ok()
});

static INJECTION: LazyLock<Option<RegexSet>> = LazyLock::new(|| {
    RegexSet::new([
        r"(?i)\b(ignore|disregard|forget|override) (all |any |the |your |these |those |every |of )*((previous|prior|above|earlier) |instructions?|prompts?|guardrails|safety)",
        r"(?i)\b(system|developer|admin|debug|jailbreak|dan) mode\b",
        r"(?i)^\s*(system|assistant|developer)\s*:",
        r"(?i)</?(system|passage|context|document|instructions?|prompt|user|assistant)>",
        r"(?i)\b(reveal|print|show|repeat|output|dump|list|tell)\b.{0,30}\b(system prompt|prompt|environment variables|api keys?|tokens?|passwords?|secrets?|above this line|text above|chat logs?)\b",
        r"(?i)\b(from now on|you are now|pretend (to be|you are|that you)|role-?play as)\b",
        r"(?i)\bnew instructions?\b",
        r"(?i)\b(rm -rf|drop table|select \* from|<script|curl http|os\.system)",
    ])
    .ok()
});

/// The organisation's own claims and people, which no official source knows.
static OWN_RECORDS: LazyLock<Option<RegexSet>> = LazyLock::new(|| {
    RegexSet::new([
        r"(?i)\b(our|my|your) (providers?|denials?|hospitals?|clinics?|claims?|staff|coders?|team|department|accounts?|schedule|queue)\b.{0,60}\b(rate|share|average|highest|lowest|count|total|report|schedule|productivity|go(ne)? up|went|pending|stuck)\b",
        r"(?i)\b(claim|account|invoice|mrn|ticket|case|visit|batch|remit) (number |no\.? ?|# ?)?\d{4,}\b",
        r"(?i)\bdr\.? [a-z]+\b.{0,30}\b(usually|always|prefers?|schedule|on call|documents?)\b",
    ])
    .ok()
});

/// Code systems of which nothing is ever loaded.
static OTHER_SYSTEM: LazyLock<Option<RegexSet>> = LazyLock::new(|| {
    RegexSet::new([
        r"(?i)\b(loinc|snomed|rxnorm|opcs-?4?|icpc-?2?|dsm-?(iv|5|v)|icd-?o(-3)?|icd-?11|cvx|ops code|achi|ccam|read codes?|meddra)\b",
        r"(?i)\b(qr|bar|zip|source|dress|area|morse|country|currency|python|java|html|promo|pin|color|colour|postal|penal|building|error) ?codes?\b",
    ])
    .ok()
});

/// Payers other than Medicare, whose rules are not loaded.
static PAYER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)\b(medicaid|aetna|cigna|humana|anthem|united\ ?health(care)?|uhc|optum|kaiser|bcbs\w*|blue\ ?(cross|shield)
        |centene|molina|ambetter|wellcare|healthnet|highmark|carefirst|emblemhealth|geisinger|tricare|champva|bupa|medibank|ohip
        |masshealth|medi-cal|tenncare|badgercare|soonercare|husky\ health|peach\ ?care|ahcccs
        |workers?'?\ ?-?\ ?comp(ensation)?
        |(private|commercial|self-?funded|travel)\ (payers?|insur\w+|plans?|polic(y|ies)))\b",
    )
    .ok()
});

/// "Fiscal year 2031", "in 2040".
static YEAR: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)\b(?:fy ?)?(20\d\d)\b").ok());

/// Whether a question is of a kind that is declined by its words alone, whatever is loaded. `today` tells what may have been
/// published: editions come out within the year before they hold.
pub fn declined(text: &str, today: NaiveDate) -> Option<Outside> {
    let is = |set: &Option<RegexSet>| set.as_ref().is_some_and(|s| s.is_match(text));
    // "I have a patient with chest pain" is a coder's sentence.
    let record = [
        "patient",
        "claim",
        "chart",
        "record",
        "encounter",
        "provider",
        "documented",
        "documentation",
        "code ",
    ]
    .iter()
    .any(|w| text.to_lowercase().contains(w));
    if is(&INJECTION) {
        return Some(Outside::Injection);
    }
    if is(&CHEATING) && !is(&ABOUT_RULES) {
        return Some(Outside::Cheating);
    }
    if is(&OWN_HEALTH) && !record {
        return Some(Outside::OwnHealth);
    }
    if is(&CLINICAL) {
        return Some(Outside::Clinical);
    }
    let year = YEAR
        .as_ref()
        .into_iter()
        .flat_map(|y| y.captures_iter(text));
    let latest = year.filter_map(|c| c[1].parse::<i32>().ok()).max();
    if latest.is_some_and(|year| year > today.year() + 1) {
        return Some(Outside::Future);
    }
    if is(&OWN_RECORDS) {
        return Some(Outside::OwnRecords);
    }
    is(&OTHER_SYSTEM).then_some(Outside::OtherCodeSystem)
}

/// The payers other than Medicare that a question names, in lower case: what answers it must name them, too.
pub fn payers(text: &str) -> Vec<String> {
    let found = PAYER.iter().flat_map(|payer| payer.find_iter(text));
    found.map(|m| m.as_str().to_lowercase()).collect()
}

/// A question that begins so asks for a person, a place, a time or a reason: no code answers it, whatever its words resemble.
static NO_CONDITION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)^\W*(who|whose|where|when|why|what time|how (old|tall|far|big|late|early|much|many))\b").ok()
});

/// Whether a code may answer a question in words.
pub fn may_be_a_condition(text: &str) -> bool {
    let names_a_code = text.to_lowercase().contains("code");
    names_a_code || !NO_CONDITION.as_ref().is_some_and(|p| p.is_match(text))
}

/// Who speaks of the own body says so; "grit in the eye" is a condition that was not found.
static ONESELF: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)\b(i|i'm|i've|my|me|am|should|mine|we|our)\b").ok());

/// Whether somebody speaks of themselves, or of their own.
pub fn of_oneself(text: &str) -> bool {
    ONESELF.as_ref().is_some_and(|p| p.is_match(text))
}

/// From this similarity on, a question that nothing answers is told what kind of question it resembles.
pub const COMPANY: f32 = 0.55;

/// How well the best passage fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// It answers something else.
    None,
    /// It may answer; the person must judge.
    Maybe,
    /// It answers.
    Good,
}

/// Log-odds that rules answer a question: an intercept, and weights of its similarity to the likest question that they answer,
/// to the likest that nothing here answers, and of the share of its words that one passage holds. Fitted on the tune halves
/// of `tests/evaluation`, from what `casebook eval --signals` prints, by `fit_gate.py` there.
const RULES: [f32; 4] = [-2.26, 8.26, -10.44, 4.94];
const GOOD: f32 = 0.60;
const MAYBE: f32 = 0.36;
/// A question less like any that is answered is about something else, whatever words it shares with a passage.
const LEAST: f32 = 0.46;

/// The same for the code that is proposed first: weights of its fused score, of the share of the question that its name says,
/// and of the similarity to the likest question that nothing answers.
const CODES: [f32; 4] = [-1.54, 9.55, 2.89, -8.48];
const GOOD_CODE: f32 = 0.75;
const MAYBE_CODE: f32 = 0.45;

fn chance<const N: usize>(weights: [f32; N], signals: &[f32]) -> f32 {
    let odds: f32 = weights[0]
        + weights[1..]
            .iter()
            .zip(signals)
            .map(|(w, s)| w * s)
            .sum::<f32>();
    1.0 / (1.0 + (-odds).exp())
}

/// The chance that rules answer a question, by the company that it keeps, 0 to 1. An official passage for which no question
/// was written counts by its own likeness.
pub fn rules_answer(hits: &[Hit], resembled: &Resembled) -> f32 {
    chance(RULES, &company(hits, resembled))
}

/// What [`RULES`] weighs.
pub fn company(hits: &[Hit], resembled: &Resembled) -> [f32; 3] {
    let unasked = hits
        .iter()
        .filter(|h| h.asked.is_none() && h.passage.edition != DIGEST)
        .filter_map(|h| h.meaning)
        .fold(0.0, f32::max);
    let inside = resembled.inside().max(unasked + UNASKED);
    let coverage = hits.iter().map(|h| h.coverage).fold(0.0, f32::max);
    [inside, outside(resembled), coverage]
}

/// The chance that the code proposed first is meant, 0 to 1.
pub fn code_answers(codes: &[Proposal], resembled: &Resembled) -> f32 {
    codes.first().map_or(0.0, |best| {
        let said = best.signals.called.as_ref().map_or(0.0, |c| c.coverage);
        chance(CODES, &[best.score, said, outside(resembled)])
    })
}

fn outside(resembled: &Resembled) -> f32 {
    resembled.outside.map_or(0.0, |(_, near)| near)
}

/// Without a meaning to compare, only nearly complete coverage counts.
const GOOD_WORDS: f32 = 0.75;
const MAYBE_WORDS: f32 = 0.6;

/// Judges what was found among rules for a question.
pub fn fit(hits: &[Hit], resembled: &Resembled) -> Fit {
    match hits.first() {
        None => Fit::None,
        Some(best) if resembled.entries.is_empty() => {
            fit_within(best.coverage, GOOD_WORDS, MAYBE_WORDS)
        }
        Some(_) if company(hits, resembled)[0] < LEAST => Fit::None,
        Some(_) => fit_within(rules_answer(hits, resembled), GOOD, MAYBE),
    }
}

/// Thresholds of a document's fused score with a model.
const GOOD_DOCUMENT: f32 = 0.68;
const MAYBE_DOCUMENT: f32 = 0.58;

/// Judges a passage of a document of which nobody asks in a certain way.
pub fn fit_document(hit: &Hit) -> Fit {
    let (good, maybe, value) = match hit.meaning {
        Some(_) => (GOOD_DOCUMENT, MAYBE_DOCUMENT, hit.score),
        None => (GOOD_WORDS, MAYBE_WORDS, hit.coverage),
    };
    fit_within(value, good, maybe)
}

fn fit_within(value: f32, good: f32, maybe: f32) -> Fit {
    if value >= good {
        Fit::Good
    } else if value >= maybe {
        Fit::Maybe
    } else {
        Fit::None
    }
}

/// Without a meaning to compare, a code has to be called by name.
const GOOD_NAME: f32 = 0.60;
const MAYBE_NAME: f32 = 0.48;

/// Judges what was found among codes for a condition in words.
pub fn fit_code(codes: &[Proposal], resembled: &Resembled) -> Fit {
    match codes.first() {
        None => Fit::None,
        Some(best) if resembled.entries.is_empty() => fit_within(best.score, GOOD_NAME, MAYBE_NAME),
        Some(_) => fit_within(code_answers(codes, resembled), GOOD_CODE, MAYBE_CODE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn today() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 12, 1).unwrap()
    }

    #[test]
    fn declines_what_is_not_a_coders_question() {
        for (text, expected) in [
            ("I have chest pain, what should I do?", Outside::OwnHealth),
            ("my knee hurts when I walk", Outside::OwnHealth),
            ("should I go to the ER", Outside::OwnHealth),
            ("what dose of metformin should I give", Outside::Clinical),
            ("how do I treat pneumonia", Outside::Clinical),
            ("best antibiotic for UTI", Outside::Clinical),
            ("how can I upcode this visit", Outside::Cheating),
            (
                "how do I get paid for a visit that was never documented",
                Outside::Cheating,
            ),
            (
                "can I bill for a service we did not perform",
                Outside::Cheating,
            ),
            (
                "which modifier bypasses? help me get around the NCCI edit",
                Outside::Cheating,
            ),
            (
                "what is the highest paying diagnosis for this",
                Outside::Cheating,
            ),
        ] {
            assert_eq!(declined(text, today()), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_person_or_a_time_is_no_condition() {
        for text in ["who is the president of the AMA", "What time is it?"] {
            assert!(!may_be_a_condition(text), "{text}");
        }
        for text in [
            "AMA discharge",
            "when a patient falls, which code",
            "whooping cough",
        ] {
            assert!(may_be_a_condition(text), "{text}");
        }
    }

    #[test]
    fn lets_coders_ask() {
        for text in [
            "code for chest pain",
            "I have a patient with chest pain and fever, which code?",
            "is upcoding fraud?",
            "what is the penalty for upcoding",
            "how do I avoid upcoding",
            "when can modifier 59 bypass an NCCI edit",
            "can I bill 77003 with 62323?",
            "what is modifier 25?",
            "long term use of insulin",
            "how do I code a patient who stopped taking metformin",
            "can I bill a visit that was not completed with modifier 53",
            "what documentation is required for critical care",
        ] {
            assert_eq!(declined(text, today()), None, "{text}");
        }
    }
}
