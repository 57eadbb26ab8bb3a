//! Discord's gateway: events on their way to the front.

use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use casebook_desk::Meters;
use serenity::all::{
    ConnectionStage, Context, Event, EventHandler, Interaction, Message, RawEventHandler, Ready,
    ShardStageUpdateEvent,
};

use crate::front::Front;
use crate::{PLATFORM, commands};

/// Receives events; serenity runs each call in a task of its own, so a slow one holds nothing up.
pub(crate) struct Listener {
    front: Arc<Front>,
    guild: Option<NonZeroU64>,
    meters: Meters,
    /// How many connections there should be, and which there are.
    shards: u32,
    connected: Mutex<BTreeSet<u32>>,
}

impl Listener {
    pub(crate) fn new(
        front: Arc<Front>,
        guild: Option<NonZeroU64>,
        meters: Meters,
        shards: u32,
    ) -> Self {
        meters.connected(PLATFORM, false);
        Self {
            front,
            guild,
            meters,
            shards,
            connected: Mutex::default(),
        }
    }

    /// Casebook is ready while every connection is there.
    fn note(&self, shard: u32, connected: bool) {
        // A set is whole after every change.
        let mut there = self
            .connected
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if connected {
            there.insert(shard);
        } else {
            there.remove(&shard);
        }
        self.meters
            .connected(PLATFORM, there.len() == self.shards as usize);
    }
}

#[async_trait]
impl EventHandler for Listener {
    async fn ready(&self, ctx: Context, ready: Ready) {
        // serenity tells its own client only, and not the one that replies go by.
        self.front.http.set_application_id(ready.application.id);
        let shard = ready.shard.map_or(0, |shard| shard.id.0);
        tracing::info!(
            bot = ready.user.id.get(),
            guilds = ready.guilds.len(),
            shard,
            "connected to Discord"
        );
        // READY comes for each shard, and again after a lost session; registering again costs one look.
        if shard == 0
            && let Err(why) = commands::register(&ctx.http, self.guild).await
        {
            tracing::error!(
                "Discord does not take the commands, mentions and direct messages work: {why}"
            );
        }
    }

    async fn shard_stage_update(&self, _ctx: Context, event: ShardStageUpdateEvent) {
        let shard = event.shard_id.0;
        let is_there = event.new == ConnectionStage::Connected;
        if is_there && event.old == ConnectionStage::Resuming {
            self.meters.reconnected(PLATFORM);
        }
        self.note(shard, is_there);
        tracing::info!(
            shard,
            "connection to Discord: {} -> {}",
            event.old,
            event.new
        );
    }

    async fn message(&self, _ctx: Context, message: Message) {
        self.front.message(&message).await;
    }

    async fn interaction_create(&self, _ctx: Context, interaction: Interaction) {
        self.front.interaction(interaction).await;
    }
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
