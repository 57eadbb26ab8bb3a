//! The way of one question, from its arrival to its posted reply.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;

use casebook_core::{Answer, Failure, Intent, Request, Verdict, question, topic};
use casebook_note::IdentifierKind;
use casebook_state::{Audience, ChannelSettings, Claim, Claimed, Feedback, Gap, Turn};
use chrono::NaiveDate;
use futures_util::FutureExt;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep_until, timeout};

use crate::desk::{BUSY, HOLD, RESTARTING, naming, question_of};
use crate::policy::{self, Decision};
use crate::turnstile::{Permit, Ticket};
use crate::{
    Action, AnswerId, Content, Desk, Manner, Notice, Once, Person, Place, Press, Question, Reply,
    Spot, Tone, Warning, Wish, admin, help,
};

/// Earlier questions that a request carries.
const BEFORE: usize = 5;
/// Related questions and cards that are offered.
const OFFERED: usize = 3;

const PANICKED: &str = "Casebook failed over this question. Please put it in other words, or tell whoever runs Casebook.";
const TOO_LONG: &str = "Casebook took too long over this question. Please ask again in a minute.";
const FORGOTTEN: &str = "Casebook no longer has this answer: it keeps answers for a day at most, and in memory unless it \
                         was set up otherwise. Please ask the question again.";
const HELD_NO_MORE: &str = "Casebook no longer has this question: it was held in memory for 15 minutes at most. Please ask \
                            again, without names, dates of birth or record numbers.";
const LOST: &str = "Casebook was restarted before it could answer this question, and kept nothing of it. Please ask it again.";
const GIVEN_UP: &str = "Casebook could not answer this question in several attempts. Please put it in other words, or tell \
                        whoever runs Casebook.";

/// Something to see to.
pub(crate) enum Errand {
    Question(Question),
    /// A button that asks no question.
    Press(Press),
    /// Only this is to be said; the outcome's name for counting.
    Say(Notice, &'static str),
}

/// An errand with what the desk knows about it.
pub(crate) struct Job {
    /// The platform's name and its key.
    pub(crate) key: String,
    errand: Errand,
    arrived: Instant,
    /// Where it was taken over.
    claim: Option<Claim>,
    /// The person was warned about patient data, and wants an answer that leaves no trace.
    traceless: bool,
    from: Person,
    at: Spot,
    address: String,
}

/// A question that waits for the person's choice.
pub(crate) struct Held {
    question: Question,
}

impl Job {
    pub(crate) fn new(key: String, errand: Errand) -> Self {
        let (from, at, address) = match &errand {
            Errand::Question(q) => (q.from.clone(), q.at.clone(), q.address.clone()),
            Errand::Press(p) => (p.from.clone(), p.at.clone(), p.address.clone()),
            Errand::Say(..) => Default::default(),
        };
        Self {
            key,
            errand,
            arrived: Instant::now(),
            claim: None,
            traceless: false,
            from,
            at,
            address,
        }
    }

    /// The same place and person, for whom there is only this.
    pub(crate) fn only(mut self, notice: Notice, outcome: &'static str) -> Self {
        self.errand = Errand::Say(notice, outcome);
        self
    }

    pub(crate) fn taken_over(mut self, claim: Claim) -> Self {
        self.claim = Some(claim);
        self
    }

    fn leaving_no_trace(mut self) -> Self {
        self.traceless = true;
        self
    }

    pub(crate) fn person(&self) -> &str {
        &self.from.id
    }

    pub(crate) fn reference(&self) -> String {
        reference(&self.key)
    }

    /// Who sees what is no answer.
    fn aside(&self) -> Audience {
        if self.at.direct {
            Audience::Everyone
        } else {
            Audience::Asker
        }
    }
}

/// What a person can name and an operator can find.
pub(crate) fn reference(key: &str) -> String {
    Once::new(key, "reply").hex()[..8].to_owned()
}

fn answer_id(key: &str) -> AnswerId {
    AnswerId(Once::new(key, "answer").hex()[..16].to_owned())
}

/// What is said of a question whose text is gone, or that failed too often.
pub(crate) fn lost(too_often: bool) -> Errand {
    let text = if too_often { GIVEN_UP } else { LOST };
    Errand::Say(Notice::new(Tone::Failed, text), "lost")
}

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

/// A held question, for the person who asked it.
fn take_held(desk: &Desk, id: &AnswerId, from: &Person) -> Option<Arc<Held>> {
    let held = desk
        .held
        .get(id.as_str())
        .filter(|held| held.question.from.id == from.id)?;
    desk.held.invalidate(id.as_str());
    Some(held)
}

/// What is to be done about a job, as far as can be told before it is claimed.
enum Plan {
    Say(Content, &'static str),
    Warn(Vec<&'static str>),
    Answer(Box<Ask>),
    Press,
}

/// A question that is to be answered.
struct Ask {
    request: Request,
    audience: Audience,
    /// Nobody asked Casebook: be silent where there is no answer.
    only_if_known: bool,
    /// Whether anything of it may be kept.
    keep: bool,
}

/// A reply with what follows once it is posted.
struct Made {
    reply: Reply,
    intent: &'static str,
    outcome: &'static str,
    permit: Option<Permit>,
    remember: Option<Turn>,
    gap: Option<Gap>,
    /// An answer that is for everybody once this is posted.
    share: Option<(AnswerId, Kept)>,
}

/// Sees to a job, to the end.
pub(crate) async fn attend(
    desk: &Arc<Desk>,
    mut job: Job,
    place: Arc<dyn Place>,
    ticket: Option<Ticket>,
) {
    let Some(plan) = plan(desk, &job).await else {
        // Taken over, it would be found again and again.
        return done(desk, job.claim.as_ref(), &job).await;
    };
    if is_overheard(&job) && !desk.is_new(&job.key) {
        return;
    }
    let claim = match job.claim.take() {
        Some(claim) => Some(claim),
        None => match claim(desk, &job, &plan).await {
            Ok(Claimed::Mine(claim)) => Some(claim),
            Ok(Claimed::Held | Claimed::Done) => return,
            Err(why) => {
                // An answer that might come twice is better than none.
                let (platform, reference) = (desk.platform, job.reference());
                tracing::error!(
                    platform,
                    reference,
                    "a question is answered without a claim: {why}"
                );
                None
            }
        },
    };
    let holding = claim.map(|claim| desk.hold(claim));
    let claim = holding.as_ref().map(|holding| &holding.claim);
    let once = Once::new(&job.key, "reply");
    if claim.is_some_and(|claim| claim.may_be_posted) && place.is_posted(&once).await {
        done(desk, claim, &job).await;
        return;
    }
    match make(desk, &mut job, plan, &place, ticket).await {
        Some(made) => deliver(desk, &job, made, &place, claim).await,
        None => done(desk, claim, &job).await,
    }
}

fn is_overheard(job: &Job) -> bool {
    matches!(&job.errand, Errand::Question(q) if q.manner == Manner::Overheard && !q.at.direct)
}

/// None: there is nothing to say.
async fn plan(desk: &Desk, job: &Job) -> Option<Plan> {
    let question = match &job.errand {
        Errand::Say(notice, outcome) => {
            return Some(Plan::Say(Content::Notice(notice.clone()), outcome));
        }
        Errand::Press(_) => return Some(Plan::Press),
        Errand::Question(question) => question,
    };
    let request = match &question.wish {
        Wish::Help => return Some(Plan::Say(Content::Help(help()), "help")),
        Wish::Admin(words) => {
            let said = admin::run(&desk.supplies, words, &question.from).await;
            let notice = said.unwrap_or_else(|failure| desk.failure_of(failure, &job.reference()));
            return Some(Plan::Say(Content::Notice(notice), "admin"));
        }
        Wish::Ask(request) => request,
    };
    // Before anything else, and without any I/O: whether the text tells of a patient.
    let seen = match job.traceless || is_note(request, question.manner) {
        true => Vec::new(),
        false => patient_data(&request.text),
    };
    let overheard = is_overheard(job);
    let state = &desk.supplies.state;
    let conversation = conversation(desk, &question.at);
    let read = async {
        let settings = desk.settings_of(&question.at).await?;
        let turns = match &conversation {
            Some(conversation) => state.turns(conversation).await?,
            None => Vec::new(),
        };
        Ok((settings, turns))
    };
    let (settings, turns) = match read.await {
        Ok(read) => read,
        Err(why) if overheard => {
            tracing::error!(
                platform = desk.platform,
                "settings of a channel cannot be read: {why}"
            );
            return None;
        }
        // They may say "off".
        Err(why) => {
            let notice = desk.failure_of(admin::failed(why), &job.reference());
            return Some(Plan::Say(Content::Notice(notice), "failed"));
        }
    };
    let decision = policy::decide(
        question.manner,
        &request.text,
        &question.from,
        &question.at,
        &settings,
        &turns,
    );
    let only_if_known = match decision {
        Decision::Silence => return None,
        Decision::Deny(why) => {
            return Some(Plan::Say(
                Content::Notice(Notice::new(Tone::Denied, why)),
                "denied",
            ));
        }
        Decision::Answer => false,
        Decision::AnswerIfKnown => true,
    };
    if !seen.is_empty() {
        return Some(Plan::Warn(seen));
    }
    let text = request.text.trim();
    if text.is_empty() || text.eq_ignore_ascii_case("help") {
        return Some(Plan::Say(Content::Help(help()), "help"));
    }
    let audience = match job.traceless && !question.at.direct {
        true => Audience::Asker,
        false => policy::audience(question.manner, &question.at, &settings),
    };
    Some(Plan::Answer(Box::new(Ask {
        keep: !job.traceless && request.intent != Intent::Case,
        request: filled(request.clone(), &settings, &turns),
        audience,
        only_if_known,
    })))
}

/// What a request lacks, from the channel's settings and from the conversation.
fn filled(mut request: Request, settings: &ChannelSettings, turns: &[Turn]) -> Request {
    request.setting = request.setting.or(settings.setting);
    request.locality = request.locality.or_else(|| settings.locality.clone());
    request.contractor = request.contractor.or_else(|| settings.contractor.clone());
    if request.before.is_empty() {
        let late = turns.len().saturating_sub(BEFORE);
        request.before = turns[late..]
            .iter()
            .map(|turn| turn.question.clone())
            .collect();
    }
    // "Ask about this code" holds for the questions that follow.
    if let (true, Some(last)) = (request.about.is_empty(), turns.last()) {
        request.about = last.about.clone();
    }
    request
}

/// Whose questions are each other's context: a thread's; in a direct message without threads, the whole of it.
fn conversation(desk: &Desk, at: &Spot) -> Option<String> {
    let place = match (&at.thread, at.direct) {
        (Some(thread), _) => format!("{}:{thread}", at.channel),
        (None, true) => at.channel.clone(),
        (None, false) => return None,
    };
    Some(format!("{}:{place}", desk.platform))
}

/// A note that was pasted for its codes where nobody else sees it: its identifiers are part of the answer.
fn is_note(request: &Request, manner: Manner) -> bool {
    request.intent == Intent::Case && manner == Manner::Command
}

/// By what a patient could be recognised in a text, in words for people.
fn patient_data(text: &str) -> Vec<&'static str> {
    let mut seen = Vec::new();
    for identifier in casebook_note::identifiers(text) {
        if identifier.is_patient_data() {
            let word = word_for(identifier.kind);
            if !seen.contains(&word) {
                seen.push(word);
            }
        }
    }
    seen
}

fn word_for(kind: IdentifierKind) -> &'static str {
    use IdentifierKind::*;
    match kind {
        Name | Clinician => "a name",
        DateOfBirth => "a date of birth",
        Date => "a date",
        RecordNumber => "a record number",
        AccountNumber => "an account or member number",
        SocialSecurityNumber => "a social security number",
        Phone => "a phone number",
        Fax => "a fax number",
        Email => "an e-mail address",
        Address | Place => "an address",
        Serial => "a serial or licence number",
        Url | IpAddress => "a web address",
        Age => "an age over 89",
    }
}

async fn claim(desk: &Desk, job: &Job, plan: &Plan) -> Result<Claimed, casebook_state::StateError> {
    let stored = match (&job.errand, plan) {
        (Errand::Question(question), Plan::Answer(ask)) if ask.keep => {
            let on_disk = desk.supplies.state.keeps_conversations_on_disk();
            on_disk.then(|| stored(question)).flatten()
        }
        _ => None,
    };
    desk.supplies
        .state
        .claim(&job.key, desk.platform, &job.address, stored.as_deref())
        .await
}

async fn done(desk: &Desk, claim: Option<&Claim>, job: &Job) {
    let Some(claim) = claim else { return };
    if let Err(why) = desk.supplies.state.done(claim).await {
        tracing::error!(
            platform = desk.platform,
            reference = job.reference(),
            "a claim was not ended: {why}"
        );
    }
}

async fn make(
    desk: &Arc<Desk>,
    job: &mut Job,
    plan: Plan,
    place: &Arc<dyn Place>,
    ticket: Option<Ticket>,
) -> Option<Made> {
    let said = |job: &Job, content, outcome| Made {
        reply: reply(job, job.aside(), content, Vec::new()),
        intent: "none",
        outcome,
        permit: None,
        remember: None,
        gap: None,
        share: None,
    };
    match plan {
        Plan::Say(content, outcome) => Some(said(job, content, outcome)),
        Plan::Warn(seen) => {
            let actions = hold(desk, job);
            let mut made = said(job, Content::Warning(warning(seen)), "warned");
            made.reply.actions = actions;
            Some(made)
        }
        Plan::Press => {
            let Errand::Press(press) = &job.errand else {
                return None;
            };
            let press = press.clone();
            pressed(desk, job, press, ticket).await
        }
        Plan::Answer(ask) => {
            let ticket = match ticket {
                Some(ticket) => Some((ticket, None)),
                None => desk
                    .turnstile
                    .enter(job.person())
                    .map(|(ticket, seat)| (ticket, Some(seat))),
            };
            let Some((ticket, _seat)) = ticket else {
                return (!ask.only_if_known).then(|| said(job, busy(), "busy"));
            };
            if ask.only_if_known {
                return answered(desk, job, *ask, ticket).await;
            }
            let sign_at = job.arrived + desk.rules.sign_after;
            let sign = async {
                sleep_until(sign_at).await;
                place.working().await;
                std::future::pending::<()>().await;
            };
            let (mut sign, mut work) = (pin!(sign), pin!(answered(desk, job, *ask, ticket)));
            tokio::select! {
                biased;
                made = work.as_mut() => made,
                () = sign.as_mut() => None,
            }
        }
    }
}

fn busy() -> Content {
    Content::Notice(Notice::new(Tone::Busy, BUSY))
}

fn reply(job: &Job, audience: Audience, content: Content, actions: Vec<Action>) -> Reply {
    let once = Once::new(&job.key, "reply");
    Reply {
        reference: once.hex()[..8].to_owned(),
        once,
        audience,
        content,
        actions,
        shows: None,
    }
}

/// Holds a question for the person's choice, in memory.
fn hold(desk: &Desk, job: &Job) -> Vec<Action> {
    let Errand::Question(question) = &job.errand else {
        return Vec::new();
    };
    let held = answer_id(&job.key);
    desk.held.insert(
        held.as_str().to_owned(),
        Arc::new(Held {
            question: question.clone(),
        }),
    );
    vec![
        Action::AnswerAnyway { held: held.clone() },
        Action::Drop { held },
    ]
}

fn warning(seen: Vec<&'static str>) -> Warning {
    let minutes = HOLD.as_secs() / 60;
    let text = format!(
        "This seems to hold patient data: {}. It was not answered, and nothing of it was stored. If others can see the \
         message, please delete it and ask again without these details. Or choose below: answered as it is, only you \
         see the answer, and still nothing is stored. Until you choose it is held in memory, for {minutes} minutes at \
         most.",
        seen.join(", ")
    );
    Warning { text, seen }
}

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
async fn answered(desk: &Desk, job: &Job, question: Ask, ticket: Ticket) -> Option<Made> {
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
fn offered(answer: &Answer, id: &AnswerId, intent: Intent, share: bool, kept: bool) -> Vec<Action> {
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

/// An answer with what its buttons need to know.
#[derive(Serialize, Deserialize)]
struct Kept {
    answer: Answer,
    intent: Intent,
    by: String,
    private: bool,
}

/// Sees to buttons that ask no question of their own.
async fn pressed(
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
            let question = kept.answer.related.get(usize::from(n))?.clone();
            let question = question_of(&press, Intent::Ask, question, Vec::new());
            let mut asking = Job::new(job.key.clone(), Errand::Question(question));
            asking.arrived = job.arrived;
            *job = asking;
            let Some(Plan::Answer(ask)) = plan(desk, job).await else {
                return Some(say(job, Tone::Plain, FORGOTTEN));
            };
            answered(desk, job, *ask, ticket?).await
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

async fn deliver(
    desk: &Desk,
    job: &Job,
    made: Made,
    place: &Arc<dyn Place>,
    claim: Option<&Claim>,
) {
    let Made {
        reply,
        intent,
        outcome,
        permit,
        remember,
        gap,
        share,
    } = made;
    let (platform, reference, state) = (desk.platform, &reply.reference, &desk.supplies.state);
    // Posting is bounded, too; while it is not our turn there, nobody else is answered in our place.
    let posting = desk.posting.acquire().await;
    drop(permit);
    if let Some(claim) = claim {
        match state.begin_post(claim).await {
            Ok(true) => {}
            Ok(false) => {
                tracing::warn!(
                    platform,
                    reference,
                    "a reply is not posted: another process took its question over"
                );
                return;
            }
            Err(why) => tracing::error!(
                platform,
                reference,
                "a reply is posted without its claim: {why}"
            ),
        }
    }
    let posted = place.post(&reply).await;
    drop(posting);
    let elapsed = job.arrived.elapsed();
    desk.supplies.meters.outcome(platform, intent, outcome);
    if let Err(why) = state.count(platform, intent, outcome).await {
        tracing::error!(platform, reference, "a question was not counted: {why}");
    }
    let posted = match posted {
        Ok(posted) => posted,
        Err(why) => {
            // Its claim runs out, and the question is tried again.
            desk.supplies.meters.post_failed(platform);
            if share.is_some() {
                desk.forget(&job.key);
            }
            tracing::error!(
                platform,
                reference,
                channel = job.at.channel,
                "a reply cannot be posted: {why}"
            );
            return;
        }
    };
    desk.supplies.meters.posted(platform, elapsed);
    tracing::info!(
        platform,
        reference,
        elapsed_ms = elapsed.as_millis(),
        outcome,
        "a question has its reply"
    );
    done(desk, claim, job).await;
    let kept = async {
        if let Some(turn) = remember {
            let at = Spot {
                thread: posted.thread.or_else(|| job.at.thread.clone()),
                ..job.at.clone()
            };
            if let Some(conversation) = conversation(desk, &at) {
                state.remember(&conversation, turn.clone()).await?;
            }
            state.remember(&desk.own_list(&job.from), turn).await?;
        }
        if let Some((id, kept)) = share {
            state.keep_answer(id.as_str(), &kept).await?;
        }
        if let Some(gap) = gap {
            state.record_gap(gap).await?;
        }
        Ok::<_, casebook_state::StateError>(())
    };
    if let Err(why) = kept.await {
        tracing::error!(platform, reference, "a question was not kept: {why}");
    }
}

fn intent_name(intent: Intent) -> &'static str {
    match intent {
        Intent::Ask => "ask",
        Intent::Code => "code",
        Intent::Search => "search",
        Intent::Check => "check",
        Intent::Case => "case",
    }
}

fn verdict_name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Answered => "answered",
        Verdict::Uncertain => "uncertain",
        Verdict::NoAnswer => "no_answer",
        Verdict::Refused => "refused",
    }
}

/// A question as it is kept (encrypted) until it has its reply.
#[derive(Serialize, Deserialize)]
struct Stored {
    key: String,
    address: String,
    intent: Intent,
    text: String,
    as_of: Option<NaiveDate>,
    setting: Option<casebook_core::Setting>,
    about: Vec<String>,
    from: Person,
    at: Spot,
    manner: Manner,
}

fn stored(question: &Question) -> Option<String> {
    let Wish::Ask(request) = &question.wish else {
        return None;
    };
    let stored = Stored {
        key: question.key.clone(),
        address: question.address.clone(),
        intent: request.intent,
        text: request.text.clone(),
        as_of: request.as_of,
        setting: request.setting,
        about: request.about.clone(),
        from: question.from.clone(),
        at: question.at.clone(),
        manner: question.manner,
    };
    serde_json::to_string(&stored).ok()
}

/// What [`stored`] made a text of.
pub(crate) fn restored(text: &str) -> Option<Question> {
    let stored: Stored = serde_json::from_str(text).ok()?;
    Some(Question {
        key: stored.key,
        address: stored.address,
        wish: Wish::Ask(Request {
            intent: stored.intent,
            text: stored.text,
            as_of: stored.as_of,
            setting: stored.setting,
            about: stored.about,
            ..Request::default()
        }),
        from: stored.from,
        at: stored.at,
        manner: stored.manner,
    })
}
