//! From a request to a posted answer: acknowledge, answer within limits, post once.

use std::sync::Arc;
use std::time::Duration;

use casebook_core::{Answer, Failure, Intent, Request, Respond};
use moka::future::Cache;
use serenity::all::{
    ChannelId, CommandInteraction, CreateEmbed, CreateInteractionResponse,
    CreateInteractionResponseMessage, CreateMessage, EditInteractionResponse, Http, Message,
    MessageReference, Nonce,
};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::{Config, api, render};

/// Discord waits 3 s for the first reply to a command.
const ACKNOWLEDGE_WITHIN: Duration = Duration::from_millis(2800);
const POST_WITHIN: Duration = Duration::from_secs(30);
/// An answer that comes sooner needs no typing indicator.
const TYPING_AFTER: Duration = Duration::from_millis(250);
/// Discord shows the indicator for 10 s.
const TYPING_EVERY: Duration = Duration::from_secs(8);
/// Discord delivers again after a reconnect, within minutes.
const REMEMBER: Duration = Duration::from_secs(15 * 60);
const DRAIN_WITHIN: Duration = Duration::from_secs(10);

/// Takes requests in and posts answers.
pub(crate) struct Desk {
    respond: Arc<dyn Respond>,
    public: bool,
    answer_within: Duration,
    limit: u16,
    /// One permit for each answer in the making, held until it is posted.
    slots: Semaphore,
    /// Messages and interactions that have been taken in.
    seen: Cache<u64, ()>,
    /// Cancelled when answers in the making must end.
    hurry: CancellationToken,
}

impl Desk {
    pub(crate) fn new(config: &Config, respond: Arc<dyn Respond>) -> Self {
        let limit = config.answers_in_flight.get();
        Self {
            respond,
            public: config.public_answers,
            answer_within: Duration::from_secs(config.answer_timeout_s.get().into()),
            limit,
            slots: Semaphore::new(limit.into()),
            seen: Cache::builder()
                .max_capacity(100_000)
                .time_to_live(REMEMBER)
                .build(),
            hurry: CancellationToken::new(),
        }
    }

    /// Answers a command: a deferred first reply at once, then that reply edited.
    pub(crate) async fn command(
        &self,
        http: &Http,
        command: &CommandInteraction,
        request: Result<Request, &'static str>,
    ) {
        let id = command.id.get();
        if !self.is_new(id).await {
            return;
        }
        let slot = self.slots.try_acquire().ok();
        let outcome = async {
            match request {
                Ok(request) => self.outcome(request, id, slot.is_some()).await,
                Err(advice) => render::notice(advice),
            }
        };
        let (acknowledged, embeds) = tokio::join!(self.acknowledge(http, command), outcome);
        if let Err(why) = acknowledged {
            tracing::error!(
                reference = id,
                "a command goes unanswered, Discord does not take the first reply: {why}"
            );
            return;
        }
        let edit = EditInteractionResponse::new()
            .embeds(embeds)
            .allowed_mentions(api::no_mentions());
        let posted =
            api::patiently(POST_WITHIN, || command.edit_response(http, edit.clone())).await;
        if let Err(why) = posted {
            tracing::error!(
                reference = id,
                "an answer to a command could not be posted: {why}"
            );
        }
    }

    async fn acknowledge(
        &self,
        http: &Http,
        command: &CommandInteraction,
    ) -> Result<(), api::Refusal> {
        let defer = CreateInteractionResponse::Defer(
            CreateInteractionResponseMessage::new().ephemeral(!self.public),
        );
        let sent = api::patiently(ACKNOWLEDGE_WITHIN, || {
            command.create_response(http, defer.clone())
        })
        .await;
        match sent {
            // An attempt that seemed lost had arrived.
            Err(why) if why.code == Some(api::ALREADY_ACKNOWLEDGED) => Ok(()),
            other => other,
        }
    }

    /// Answers a mention or a direct message by a reply to it.
    pub(crate) async fn message(&self, http: &Http, message: &Message, text: String) {
        let id = message.id.get();
        if !self.is_new(id).await {
            return;
        }
        let slot = self.slots.try_acquire().ok();
        let request = Request {
            intent: Intent::Ask,
            text,
            as_of: None,
            setting: None,
            ..Request::default()
        };
        let outcome = self.outcome(request, id, slot.is_some());
        let embeds = typing_while(http, message.channel_id, outcome).await;
        let post = CreateMessage::new()
            .embeds(embeds)
            .allowed_mentions(api::no_mentions())
            // The question may have been deleted; its answer then stands alone.
            .reference_message(MessageReference::from(message).fail_if_not_exists(false))
            // One post for one question, even where a lost attempt had arrived.
            .nonce(Nonce::String(id.to_string()))
            .enforce_nonce(true);
        let posted = api::patiently(POST_WITHIN, || {
            message.channel_id.send_message(http, post.clone())
        })
        .await;
        if let Err(why) = posted {
            tracing::error!(
                reference = id,
                channel = message.channel_id.get(),
                "an answer to a message could not be posted: {why}"
            );
        }
    }

    /// Waits for the answers in the making. After 10 s the rest end with a sentence that says so.
    pub(crate) async fn drain(&self) {
        let all = u32::from(self.limit);
        if timeout(DRAIN_WITHIN, self.slots.acquire_many(all))
            .await
            .is_err()
        {
            self.hurry.cancel();
            if timeout(Duration::from_secs(2), self.slots.acquire_many(all))
                .await
                .is_err()
            {
                tracing::warn!("stopped before every answer was posted");
            }
        }
    }

    /// Whether this message or interaction was not taken in before.
    async fn is_new(&self, id: u64) -> bool {
        self.seen.entry(id).or_insert(()).await.is_fresh()
    }

    /// What the person will see. A failure is logged here, once, under the number that they see.
    async fn outcome(&self, request: Request, reference: u64, has_slot: bool) -> Vec<CreateEmbed> {
        if request.text.trim().is_empty() {
            return render::usage();
        }
        if !has_slot {
            return render::notice(
                "Casebook is busy with other questions. Ask again in a few seconds.",
            );
        }
        match self.answer(request).await {
            Ok(answer) => render::answer(&answer),
            Err(failure) => {
                tracing::error!(reference, "no answer: {}", failure.for_operator);
                render::failure(&failure, reference)
            }
        }
    }

    async fn answer(&self, request: Request) -> Result<Answer, Failure> {
        let respond = Arc::clone(&self.respond);
        // A task of its own turns a panic into a failure of this answer alone; dropping the set ends it.
        let mut task = JoinSet::new();
        task.spawn(async move { respond.respond(request).await });
        tokio::select! {
            joined = task.join_next() => match joined {
                Some(Ok(result)) => result,
                _ => Err(Failure {
                    for_person: "Casebook failed on this question. Try other words.".into(),
                    for_operator: "the answer's task panicked; standard error names the place".into(),
                }),
            },
            () = sleep(self.answer_within) => Err(Failure {
                for_person: "This answer took too long. Ask again, perhaps for less at once.".into(),
                for_operator: format!("no answer within answer_timeout_s = {}", self.answer_within.as_secs()),
            }),
            () = self.hurry.cancelled() => Err(Failure {
                for_person: "Casebook is being restarted. Ask again in a minute.".into(),
                for_operator: "stopped while answering".into(),
            }),
        }
    }
}

/// Shows that Casebook is typing for as long as `work` takes.
async fn typing_while<T>(http: &Http, channel: ChannelId, work: impl Future<Output = T>) -> T {
    let typing = async {
        sleep(TYPING_AFTER).await;
        loop {
            // The indicator is a courtesy: where it fails, the answer still comes.
            if timeout(TYPING_EVERY, http.broadcast_typing(channel))
                .await
                .is_ok()
            {
                sleep(TYPING_EVERY).await;
            }
        }
    };
    tokio::select! {
        done = work => done,
        never = typing => never,
    }
}
