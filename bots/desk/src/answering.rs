//! From a request to an answer with its buttons: in its turn, within its time.

use std::panic::AssertUnwindSafe;

use casebook_core::{Answer, Failure, Intent, Request, Verdict, question, topic};
use casebook_state::{Audience, Gap, Turn};
use futures_util::FutureExt;
use tokio::time::timeout;

use crate::desk::RESTARTING;
use crate::errand::{Ask, Errand, Job, Made, answer_id, busy, reply};
use crate::press::Kept;
use crate::turnstile::Ticket;
use crate::{Action, AnswerId, Content, Desk, Notice, Tone};

/// Related questions and cards that are offered.
const OFFERED: usize = 3;

const PANICKED: &str = "Casebook failed over this question. Please put it in other words, or tell whoever runs Casebook.";

const TOO_LONG: &str = "Casebook took too long over this question. Please ask again in a minute.";

/// What a question came to.
enum Outcome {
    Answer(Box<Answer>),
    Failed(Failure, &'static str),
    Restarting,
}

async fn ask(desk: &Desk, request: Request) -> Outcome {
    let work = AssertUnwindSafe(desk.supplies.respond.respond(request)).catch_unwind();
    let within = desk.rules.answer_within;
    let failed = |person: &str, operator: String, outcome| {
        let failure = Failure {
            for_person: person.to_owned(),
            for_operator: operator,
        };
        Outcome::Failed(failure, outcome)
    };
    tokio::select! {
        biased;
        done = timeout(within, work) => match done {
            Ok(Ok(Ok(answer))) => Outcome::Answer(Box::new(answer)),
            Ok(Ok(Err(failure))) => Outcome::Failed(failure, "failed"),
            Ok(Err(_)) => failed(PANICKED, "it panicked; the panic's place is in the standard error output".into(), "panicked"),
            Err(_) => failed(TOO_LONG, format!("no answer within {} s", within.as_secs_f64()), "timeout"),
        },
        () = desk.hurry.cancelled() => Outcome::Restarting,
    }
}

/// Waits for a turn, and has the question answered.
pub(crate) async fn answered(
    desk: &Desk,
    job: &Job,
    question: Ask,
    ticket: Ticket,
) -> Option<Made> {
    let Ask {
        request,
        audience,
        only_if_known,
        keep,
    } = question;
    let intent = intent_name(request.intent);
    let made = |reply, outcome, permit| Made {
        reply,
        intent,
        outcome,
        permit,
        remember: None,
        gap: None,
        share: None,
    };
    let aside = |content, outcome, permit| {
        (!only_if_known).then(|| {
            made(
                reply(job, job.aside(), content, Vec::new()),
                outcome,
                permit,
            )
        })
    };
    let permit = tokio::select! {
        biased;
        permit = ticket.wait() => permit,
        () = desk.hurry.cancelled() => {
            return aside(Content::Notice(Notice::new(Tone::Busy, RESTARTING)), "restarting", None);
        }
    };
    let Some(permit) = permit else {
        return aside(busy(), "busy", None);
    };
    let asked = (request.intent, request.text.clone(), request.about.clone());
    let answer = match ask(desk, request).await {
        Outcome::Answer(answer) => *answer,
        Outcome::Failed(failure, outcome) => {
            let notice = desk.failure_of(failure, &job.reference());
            return aside(Content::Notice(notice), outcome, Some(permit));
        }
        Outcome::Restarting => {
            return aside(
                Content::Notice(Notice::new(Tone::Busy, RESTARTING)),
                "restarting",
                Some(permit),
            );
        }
    };
    let known = matches!(answer.verdict, Verdict::Answered | Verdict::Uncertain);
    if only_if_known && !known {
        return None;
    }
    let id = answer_id(&job.key);
    let private = audience == Audience::Asker;
    if keep {
        let kept = Kept {
            answer: answer.clone(),
            intent: asked.0,
            by: job.from.id.clone(),
            private,
        };
        if let Err(why) = desk.supplies.state.keep_answer(id.as_str(), &kept).await {
            let (platform, reference) = (desk.platform, job.reference());
            tracing::error!(
                platform,
                reference,
                "an answer was not kept for its buttons: {why}"
            );
        }
    }
    let (intent_asked, text, about) = asked;
    let gap = (keep && answer.verdict == Verdict::NoAnswer).then(|| gap(desk, intent_asked, &text));
    let opens_thread = match &job.errand {
        Errand::Question(question) => question.at.opens_thread,
        _ => false,
    };
    let remember = keep.then(|| Turn {
        by: job.from.id.clone(),
        question: text,
        about,
        opens_thread,
    });
    let actions = offered(
        &answer,
        &id,
        intent_asked,
        private && !job.at.direct && known,
        keep,
    );
    let outcome = verdict_name(answer.verdict);
    let mut made = made(
        reply(job, audience, Content::Answer(Box::new(answer)), actions),
        outcome,
        Some(permit),
    );
    made.reply.shows = keep.then_some((id, 0));
    made.remember = remember;
    made.gap = gap;
    Some(made)
}

/// The buttons below an answer.
pub(crate) fn offered(
    answer: &Answer,
    id: &AnswerId,
    intent: Intent,
    share: bool,
    kept: bool,
) -> Vec<Action> {
    let mut actions = Vec::new();
    let id = || id.clone();
    if kept && !answer.more.is_empty() {
        let from = u16::try_from(answer.lines.len()).unwrap_or(u16::MAX);
        actions.push(Action::More { answer: id(), from });
    }
    if kept && share {
        actions.push(Action::Share { answer: id() });
    }
    let exists = |code: &&casebook_core::CodeRef| code.status != casebook_core::Status::Unknown;
    let codes: Vec<_> = answer.codes.iter().filter(exists).take(OFFERED).collect();
    if intent != Intent::Code {
        let card = |code: &&casebook_core::CodeRef| Action::Card {
            system: code.system,
            code: code.code.clone(),
        };
        actions.extend(codes.iter().map(card));
    }
    if let Some(code) = codes.first() {
        actions.push(Action::AskAbout {
            system: code.system,
            code: code.code.clone(),
        });
    }
    let related = answer.related.iter().enumerate().take(OFFERED);
    actions.extend(related.filter_map(|(n, question)| {
        let action = Action::related(&id(), n, question)?;
        (kept || matches!(action, Action::Related { .. })).then_some(action)
    }));
    actions.push(Action::Helpful { answer: id() });
    actions.push(Action::NotHelpful { answer: id() });
    actions
}

/// A gap's kind: what about a code was asked, and what its codes look like.
fn gap(desk: &Desk, intent: Intent, text: &str) -> Gap {
    let parsed = question::parse(text).unwrap_or_default();
    let name = |topic: &topic::Topic| {
        serde_json::to_value(topic)
            .ok()?
            .as_str()
            .map(str::to_owned)
    };
    let shape = |mention: &question::Mention| {
        let shape = mention.code.chars().map(|c| match c {
            '0'..='9' => '9',
            c if c.is_alphabetic() => 'A',
            c => c,
        });
        shape.collect::<String>()
    };
    let sure = parsed.mentions.iter().filter(|mention| mention.sure);
    Gap {
        platform: desk.platform.to_owned(),
        intent: intent_name(intent).to_owned(),
        topic: topic::asked(&parsed.words)
            .first()
            .and_then(name)
            .unwrap_or_default(),
        shapes: sure.take(3).map(shape).collect(),
        text: text.to_owned(),
    }
}

pub(crate) fn intent_name(intent: Intent) -> &'static str {
    match intent {
        Intent::Ask => "ask",
        Intent::Code => "code",
        Intent::Search => "search",
        Intent::Check => "check",
        Intent::Case => "case",
    }
}

pub(crate) fn verdict_name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Answered => "answered",
        Verdict::Uncertain => "uncertain",
        Verdict::NoAnswer => "no_answer",
        Verdict::Refused => "refused",
    }
}
