//! The way of one question, from its arrival to its posted reply.

use std::pin::pin;
use std::sync::Arc;

use casebook_core::{Intent, Request};
use casebook_state::{Audience, ChannelSettings, Claim, Claimed, Gap, StateError, Turn};
use tokio::time::{Instant, sleep_until};

use crate::answering::answered;
use crate::policy::{self, Decision};
use crate::press::{Kept, pressed};
use crate::stored::stored;
use crate::turnstile::{Permit, Ticket};
use crate::{
    Action, AnswerId, Content, Desk, Manner, Notice, Once, Person, Place, Press, Question, Reply,
    Spot, Tone, Wish, admin, desk, help, privacy,
};

/// Earlier questions that a request carries.
const BEFORE: usize = 5;

const LOST: &str = "Casebook was restarted before it could answer this question, and kept nothing of it. Please ask it again.";

/// The answer may stand there: nobody can tell on a platform that does not let us look.
const LOST_IN_DOUBT: &str = "Casebook was restarted while it replied to this question, and kept nothing of it. If there is no answer \
                             above, please ask it again.";

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
    pub(crate) errand: Errand,
    pub(crate) arrived: Instant,
    /// Where it was taken over.
    pub(crate) claim: Option<Claim>,
    /// The person was warned about patient data, and wants an answer that leaves no trace.
    pub(crate) traceless: bool,
    pub(crate) from: Person,
    pub(crate) at: Spot,
    pub(crate) address: String,
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

    pub(crate) fn leaving_no_trace(mut self) -> Self {
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
    pub(crate) fn aside(&self) -> Audience {
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

pub(crate) fn answer_id(key: &str) -> AnswerId {
    AnswerId(Once::new(key, "answer").hex()[..16].to_owned())
}

/// What is said of a question whose text is gone, or that failed too often.
pub(crate) fn lost(too_often: bool, may_be_posted: bool) -> Errand {
    let text = match (too_often, may_be_posted) {
        (true, _) => GIVEN_UP,
        (false, true) => LOST_IN_DOUBT,
        (false, false) => LOST,
    };
    Errand::Say(Notice::new(Tone::Failed, text), "lost")
}

/// What is to be done about a job, as far as can be told before it is claimed.
pub(crate) enum Plan {
    Say(Content, &'static str),
    Warn(Vec<&'static str>),
    Answer(Box<Ask>),
    Press,
}

/// A question that is to be answered.
pub(crate) struct Ask {
    pub(crate) request: Request,
    pub(crate) audience: Audience,
    /// Nobody asked Casebook: be silent where there is no answer.
    pub(crate) only_if_known: bool,
    /// Whether anything of it may be kept.
    pub(crate) keep: bool,
}

/// A reply with what follows once it is posted.
pub(crate) struct Made {
    pub(crate) reply: Reply,
    pub(crate) intent: &'static str,
    pub(crate) outcome: &'static str,
    pub(crate) permit: Option<Permit>,
    pub(crate) remember: Option<Turn>,
    pub(crate) gap: Option<Gap>,
    /// An answer that is for everybody once this is posted.
    pub(crate) share: Option<(AnswerId, Kept)>,
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
    if job.claim.is_none() && is_overheard(&job) && !desk.is_new(&job.key) {
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
pub(crate) async fn plan(desk: &Desk, job: &Job) -> Option<Plan> {
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
    let seen = match job.traceless || privacy::is_note(request, question.manner) {
        true => Vec::new(),
        false => privacy::patient_data(&request.text),
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
        Ok::<_, StateError>((settings, turns))
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
    // An answer about a case quotes it.
    let whispered = job.traceless || request.intent == Intent::Case;
    let audience = match whispered && !question.at.direct {
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

async fn claim(desk: &Desk, job: &Job, plan: &Plan) -> Result<Claimed, StateError> {
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
            let Errand::Question(question) = &job.errand else {
                return None;
            };
            let actions = privacy::hold(desk, &job.key, question);
            let mut made = said(job, Content::Warning(privacy::warning(seen)), "warned");
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

pub(crate) fn busy() -> Content {
    Content::Notice(Notice::new(Tone::Busy, desk::BUSY))
}

pub(crate) fn reply(
    job: &Job,
    audience: Audience,
    content: Content,
    actions: Vec<Action>,
) -> Reply {
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
        Ok::<_, StateError>(())
    };
    if let Err(why) = kept.await {
        tracing::error!(platform, reference, "a question was not kept: {why}");
    }
}
