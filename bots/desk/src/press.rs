//! Buttons that were pressed.

use std::sync::Arc;

use casebook_core::{Answer, Intent, Request, System};
use casebook_state::{Audience, Feedback};
use serde::{Deserialize, Serialize};

use crate::answering::{answered, intent_name, offered, verdict_name};
use crate::errand::{Errand, Job, Made, Plan, plan, reply};
use crate::privacy::take_held;
use crate::turnstile::Ticket;
use crate::{Action, Content, Desk, Manner, Notice, Press, Question, Tone, Wish, admin};

const FORGOTTEN: &str = "Casebook no longer has this answer: it keeps answers for a day at most, and in memory unless it \
                         was set up otherwise. Please ask the question again.";

const HELD_NO_MORE: &str = "Casebook no longer has this question: it was held in memory for 15 minutes at most. Please ask \
                            again, without names, dates of birth or record numbers.";

/// What a press asks for.
pub(crate) fn of_press(desk: &Desk, key: String, press: Press) -> Job {
    let ask = |intent, text, about| {
        Job::new(
            key.clone(),
            Errand::Question(question_of(&press, intent, text, about)),
        )
    };
    let say = |tone, text: &str| {
        let mut job = Job::new(key.clone(), Errand::Press(press.clone()));
        job.errand = Errand::Say(Notice::new(tone, text), "pressed");
        job
    };
    let typed = press
        .typed
        .as_deref()
        .map(str::trim)
        .filter(|typed| !typed.is_empty());
    match &press.action {
        action @ Action::Card { .. } => ask(Intent::Code, naming(action), Vec::new()),
        Action::AskAbout { code, .. } => match typed {
            Some(typed) => ask(Intent::Ask, typed.to_owned(), vec![code.clone()]),
            None => say(Tone::Plain, "Please write your question about the code."),
        },
        Action::Related { question } => ask(Intent::Ask, question.clone(), Vec::new()),
        Action::AnswerAnyway { held } => match take_held(desk, held, &press.from) {
            Some(held) => {
                let question = Question {
                    key: press.key.clone(),
                    address: press.address.clone(),
                    at: press.at.clone(),
                    // Whoever presses asks Casebook, also about what was only overheard.
                    manner: Manner::Command,
                    ..held.question.clone()
                };
                Job::new(key, Errand::Question(question)).leaving_no_trace()
            }
            None => say(Tone::Plain, HELD_NO_MORE),
        },
        Action::Drop { held } => match take_held(desk, held, &press.from) {
            Some(_) => say(Tone::Plain, "Dropped. Casebook kept nothing of it."),
            None => say(Tone::Plain, HELD_NO_MORE),
        },
        Action::More { .. }
        | Action::Helpful { .. }
        | Action::NotHelpful { .. }
        | Action::Share { .. }
        | Action::RelatedTo { .. } => Job::new(key, Errand::Press(press)),
    }
}

/// An answer with what its buttons need to know.
#[derive(Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) answer: Answer,
    pub(crate) intent: Intent,
    pub(crate) by: String,
    pub(crate) private: bool,
}

/// Sees to buttons that ask no question of their own.
pub(crate) async fn pressed(
    desk: &Arc<Desk>,
    job: &mut Job,
    press: Press,
    ticket: Option<Ticket>,
) -> Option<Made> {
    let made = |reply| Made {
        reply,
        intent: "button",
        outcome: "pressed",
        permit: None,
        remember: None,
        gap: None,
        share: None,
    };
    let say = |job: &Job, tone, text: &str| {
        made(reply(
            job,
            job.aside(),
            Content::Notice(Notice::new(tone, text)),
            Vec::new(),
        ))
    };
    let id = match &press.action {
        Action::More { answer, .. }
        | Action::Helpful { answer }
        | Action::NotHelpful { answer }
        | Action::Share { answer }
        | Action::RelatedTo { answer, .. } => answer.clone(),
        _ => return None,
    };
    let kept: Option<Kept> = match desk.supplies.state.kept_answer(id.as_str()).await {
        Ok(kept) => kept,
        Err(why) => {
            let notice = desk.failure_of(admin::failed(why), &job.reference());
            return Some(made(reply(
                job,
                job.aside(),
                Content::Notice(notice),
                Vec::new(),
            )));
        }
    };
    if let Action::Helpful { .. } | Action::NotHelpful { .. } = press.action {
        let feedback = Feedback {
            answer: id.as_str().to_owned(),
            person: press.from.id.clone(),
            platform: desk.platform.to_owned(),
            intent: kept
                .as_ref()
                .map_or("unknown", |kept| intent_name(kept.intent))
                .to_owned(),
            verdict: kept
                .as_ref()
                .map_or("unknown", |kept| verdict_name(kept.answer.verdict))
                .to_owned(),
            helpful: matches!(press.action, Action::Helpful { .. }),
            reason: press.typed.clone(),
        };
        return Some(match desk.supplies.state.rate(feedback).await {
            Ok(true) => say(job, Tone::Plain, "Thank you, this is noted."),
            Ok(false) => say(
                job,
                Tone::Plain,
                "Thank you, this is noted, but not your words: they seem to hold details by which a person could be \
                 recognised.",
            ),
            Err(why) => {
                let notice = desk.failure_of(admin::failed(why), &job.reference());
                made(reply(job, job.aside(), Content::Notice(notice), Vec::new()))
            }
        });
    }
    let Some(kept) = kept else {
        return Some(say(job, Tone::Plain, FORGOTTEN));
    };
    // What only its asker saw, only its asker gets more of.
    if kept.private && kept.by != press.from.id {
        return Some(say(
            job,
            Tone::Denied,
            "This answer was given to somebody else. Please ask the question yourself.",
        ));
    }
    match press.action {
        Action::More { from, .. } => {
            let rest = rest(kept.answer, from.into());
            if rest.lines.is_empty() {
                return Some(say(job, Tone::Plain, "There are no further passages."));
            }
            let mut reply = reply(
                job,
                job.aside(),
                Content::Answer(Box::new(rest)),
                Vec::new(),
            );
            reply.shows = Some((id, from.into()));
            Some(made(reply))
        }
        Action::Share { .. } => {
            // Once for an answer, however often it is pressed.
            let key = format!("{}:share:{id}", desk.platform);
            if !kept.private || !desk.is_new(&key) {
                return Some(say(job, Tone::Plain, "This answer is shared already."));
            }
            job.key = key;
            let actions = offered(&kept.answer, &id, kept.intent, false, true);
            let answer = Content::Answer(Box::new(kept.answer.clone()));
            let mut made = made(reply(job, Audience::Everyone, answer, actions));
            made.reply.shows = Some((id.clone(), 0));
            made.share = Some((
                id,
                Kept {
                    private: false,
                    ..kept
                },
            ));
            Some(made)
        }
        Action::RelatedTo { n, .. } => {
            let Some(question) = kept.answer.related.get(usize::from(n)).cloned() else {
                return Some(say(job, Tone::Plain, FORGOTTEN));
            };
            let question = question_of(&press, Intent::Ask, question, Vec::new());
            let mut asking = Job::new(job.key.clone(), Errand::Question(question));
            asking.arrived = job.arrived;
            *job = asking;
            match (plan(desk, job).await, ticket) {
                (Some(Plan::Answer(ask)), Some(ticket)) => answered(desk, job, *ask, ticket).await,
                (Some(Plan::Say(content, _)), _) => {
                    Some(made(reply(job, job.aside(), content, Vec::new())))
                }
                _ => Some(say(job, Tone::Plain, FORGOTTEN)),
            }
        }
        _ => None,
    }
}

/// An answer from one of its lines on, with the citations of those.
fn rest(mut answer: Answer, from: usize) -> Answer {
    let further = std::mem::take(&mut answer.more);
    answer.lines.extend(further);
    answer.lines.drain(..from.min(answer.lines.len()));
    let lines = &answer.lines;
    answer.citations.retain(|citation| {
        lines
            .iter()
            .any(|line| line.citations.contains(&citation.n))
    });
    answer
}

/// A question that a button asks.
fn question_of(press: &Press, intent: Intent, text: String, about: Vec<String>) -> Question {
    Question {
        key: press.key.clone(),
        address: press.address.clone(),
        wish: Wish::Ask(Request {
            intent,
            text,
            about,
            ..Request::default()
        }),
        from: press.from.clone(),
        at: press.at.clone(),
        manner: Manner::Command,
    }
}

/// The text that names a code exactly, whatever else looks like it.
fn naming(action: &Action) -> String {
    match action {
        Action::Card {
            system: System::Modifier,
            code,
        } => format!("modifier {code}"),
        Action::Card {
            system: System::Msdrg,
            code,
        } => format!("DRG {code}"),
        Action::Card { code, .. } => code.clone(),
        _ => String::new(),
    }
}
