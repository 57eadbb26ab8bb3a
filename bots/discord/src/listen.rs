//! Discord's events: which of them ask something of Casebook.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use serenity::all::{
    Context, Event, EventHandler, Interaction, Message, MessageType, RawEventHandler, Ready,
    ShardStageUpdateEvent, UserId,
};

use crate::reply::Desk;
use crate::{commands, markup};

/// Receives events; serenity runs each call in a task of its own, so a slow one holds nothing up.
pub(crate) struct Listener {
    desk: Arc<Desk>,
    guild: Option<NonZeroU64>,
    /// Who we are, known from the first READY.
    bot: OnceLock<UserId>,
}

impl Listener {
    pub(crate) fn new(desk: Arc<Desk>, guild: Option<NonZeroU64>) -> Self {
        Self {
            desk,
            guild,
            bot: OnceLock::new(),
        }
    }
}

#[async_trait]
impl EventHandler for Listener {
    async fn ready(&self, ctx: Context, ready: Ready) {
        let bot = *self.bot.get_or_init(|| ready.user.id);
        tracing::info!(
            bot = bot.get(),
            guilds = ready.guilds.len(),
            "connected to Discord"
        );
        // READY comes again after a lost session; registering again costs one look.
        if let Err(why) = commands::register(&ctx.http, self.guild).await {
            tracing::error!(
                "Discord does not take the commands, mentions and direct messages work: {why}"
            );
        }
    }

    async fn shard_stage_update(&self, _ctx: Context, event: ShardStageUpdateEvent) {
        tracing::info!(
            shard = event.shard_id.0,
            "connection to Discord: {} -> {}",
            event.old,
            event.new
        );
    }

    async fn message(&self, ctx: Context, message: Message) {
        let Some(&bot) = self.bot.get() else { return };
        if asks_us(&message, bot) {
            let text = markup::plain(&message.content, bot);
            self.desk.message(&ctx.http, &message, text).await;
        }
    }

    async fn interaction_create(&self, ctx: Context, interaction: Interaction) {
        let (Some(&bot), Interaction::Command(command)) = (self.bot.get(), interaction) else {
            return;
        };
        self.desk
            .command(&ctx.http, &command, commands::request(&command.data, bot))
            .await;
    }
}

/// Only people are answered (never bots, ourselves included, webhooks or Discord's own notices), and
/// only when they mention us, reply to us or write to us directly. Roles and @everyone do not count.
fn asks_us(message: &Message, bot: UserId) -> bool {
    let person = !message.author.bot
        && !message.author.system
        && message.webhook_id.is_none()
        && matches!(
            message.kind,
            MessageType::Regular | MessageType::InlineReply
        );
    let direct = message.guild_id.is_none();
    person && (direct || message.mentions.iter().any(|user| user.id == bot))
}

/// Counts what serenity passes over because it cannot parse it. An interaction among it is a person
/// left waiting.
#[derive(Default)]
pub(crate) struct Unparsed(AtomicU64);

#[async_trait]
impl RawEventHandler for Unparsed {
    async fn raw_event(&self, _ctx: Context, event: Event) {
        let Event::Unknown(event) = event else { return };
        let so_far = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        if event.kind == "INTERACTION_CREATE" {
            tracing::warn!(
                so_far,
                "serenity cannot parse an INTERACTION_CREATE: a command goes unanswered. Look for a newer serenity"
            );
        } else {
            tracing::debug!(
                so_far,
                kind = event.kind,
                "an event that serenity does not know"
            );
        }
    }
}
