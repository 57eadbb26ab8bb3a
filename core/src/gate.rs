//! What Casebook does not answer, and when it has not found enough to answer.
//!
//! A question passes three gates: it must be readable (`question`), it must be a coder's (here), and what was
//! found must fit it well enough (here). The thresholds are fitted on `tests/calibration/`.

use std::sync::LazyLock;

use regex::RegexSet;

use crate::retrieve::{Hit, Proposal};

/// A kind of question that is declined, with the one sentence that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Declined {
    /// Treatment, dosage, what a clinician should do.
    Clinical,
    /// The person's own symptoms or illness.
    OwnHealth,
    /// Billing for what was not done or not documented, hiding something from an auditor.
    Cheating,
}

impl Declined {
    /// The sentence for the person who asked.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Clinical => {
                "Casebook codes what a clinician has documented; it gives no advice on diagnosis, treatment or dosage."
            }
            Self::OwnHealth => {
                "Casebook is for coding records, not for anyone's own symptoms: please ask a clinician, or call your \
                 local emergency number if it is urgent."
            }
            Self::Cheating => {
                "Casebook does not help to bill for what was not done or not documented; code what the record \
                 supports, or ask your compliance officer."
            }
        }
    }
}

static OWN_HEALTH: LazyLock<Option<RegexSet>> = LazyLock::new(|| {
    RegexSet::new([
        r"(?i)\b(i have|i've|i've got|i feel|i am having|i'm having|i woke up with|i keep getting)\b.{0,40}\b(pain|ache|fever|rash|cough|headache|dizz|nausea|vomit|bleeding|lump|swelling|numb|tingling|symptoms?|cold|flu|chest|infection|short of breath)\b",
        r"(?i)\bmy (own )?(chest|head|stomach|back|knee|throat|tooth|leg|arm|eye|ear|neck|shoulder|heart)s? (hurts?|aches?|is (sore|swollen|killing|burning)|feels?)\b",
        r"(?i)\bmy (son|daughter|child|baby|kid|wife|husband|mother|mom|father|dad|girlfriend|boyfriend|partner) (has|is having|feels|is sick|woke up)\b",
        r"(?i)\b(do|could|might) i have (a |an |the )?(cancer|covid|diabetes|flu|stroke|heart attack|infection|std|pneumonia|depression)\b",
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
        r"(?i)\bhow (do|should|can|would) (i|we|you|they|doctors?|one) (treat|cure|manage|diagnose)\b",
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

/// Whether a question is of a kind that is declined.
pub fn declined(text: &str) -> Option<Declined> {
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
    if is(&CHEATING) && !is(&ABOUT_RULES) {
        return Some(Declined::Cheating);
    }
    if is(&OWN_HEALTH) && !record {
        return Some(Declined::OwnHealth);
    }
    (is(&CLINICAL)).then_some(Declined::Clinical)
}

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

/// Thresholds of the fused score with a model; fitted on `tests/calibration/`.
const GOOD: f32 = 0.66;
const MAYBE: f32 = 0.56;

/// Without a meaning to compare, only nearly complete coverage counts.
const GOOD_WORDS: f32 = 0.75;
const MAYBE_WORDS: f32 = 0.6;

/// Judges a passage by its scores.
pub fn fit(hit: &Hit) -> Fit {
    let (good, maybe, value) = match hit.meaning {
        Some(_) => (GOOD, MAYBE, hit.score),
        None => (GOOD_WORDS, MAYBE_WORDS, hit.coverage),
    };
    if value >= good {
        Fit::Good
    } else if value >= maybe {
        Fit::Maybe
    } else {
        Fit::None
    }
}

/// Thresholds of a code's fused score; fitted as those above.
const GOOD_CODE: f32 = 0.60;
const MAYBE_CODE: f32 = 0.48;

/// Judges a code that was found for a condition in words.
pub fn fit_code(proposal: &Proposal) -> Fit {
    if proposal.score >= GOOD_CODE {
        Fit::Good
    } else if proposal.score >= MAYBE_CODE {
        Fit::Maybe
    } else {
        Fit::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declines_what_is_not_a_coders_question() {
        for (text, expected) in [
            ("I have chest pain, what should I do?", Declined::OwnHealth),
            ("my knee hurts when I walk", Declined::OwnHealth),
            ("should I go to the ER", Declined::OwnHealth),
            ("what dose of metformin should I give", Declined::Clinical),
            ("how do I treat pneumonia", Declined::Clinical),
            ("best antibiotic for UTI", Declined::Clinical),
            ("how can I upcode this visit", Declined::Cheating),
            (
                "how do I get paid for a visit that was never documented",
                Declined::Cheating,
            ),
            (
                "can I bill for a service we did not perform",
                Declined::Cheating,
            ),
            (
                "which modifier bypasses? help me get around the NCCI edit",
                Declined::Cheating,
            ),
            (
                "what is the highest paying diagnosis for this",
                Declined::Cheating,
            ),
        ] {
            assert_eq!(declined(text), Some(expected), "{text}");
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
            assert_eq!(declined(text), None, "{text}");
        }
    }
}
