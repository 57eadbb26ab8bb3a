//! One use of Casebook by a command, a button or a form: who, where, and how it is replied to.

use std::time::Duration;

use serde_json::json;
use serenity::all::{
    ChannelId, CommandInteraction, ComponentInteraction, CreateAutocompleteResponse,
    CreateInteractionResponse, CreateModal, GuildId, Http, InteractionId, Member, MessageFlags,
    MessageId, ModalInteraction, PartialChannel, Permissions, RoleId, UserId,
};

use crate::api::{self, Refusal};
use crate::render::Said;

/// Discord waits 3 s for the first reply.
const ACKNOWLEDGE_WITHIN: Duration = Duration::from_millis(2800);
const POST_WITHIN: Duration = Duration::from_secs(30);
const LOOK_WITHIN: Duration = Duration::from_secs(5);
/// The flag of a message that one person alone sees.
const EPHEMERAL: u64 = 64;

/// A use, as far as replying to it goes. Its token is a key to reply for 15 minutes: it is in no log.
#[derive(Clone)]
pub(crate) struct Use {
    pub id: InteractionId,
    token: String,
    pub place: Place,
    /// The message with the button that was pressed.
    pub on: Option<MessageId>,
    /// Whether only the person sees that message.
    pub on_private: bool,
}

/// Who, and where.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub person: UserId,
    pub roles: Vec<RoleId>,
    /// Whether the person may manage the server.
    pub manages: bool,
    /// Absent in direct messages.
    pub guild: Option<GuildId>,
    /// The channel, or the thread.
    pub channel: ChannelId,
    /// The channel that the thread is in.
    pub parent: Option<ChannelId>,
}

impl Place {
    fn new(
        person: UserId,
        member: Option<&Member>,
        guild: Option<GuildId>,
        id: ChannelId,
        channel: Option<&PartialChannel>,
    ) -> Self {
        let allowed = member
            .and_then(|member| member.permissions)
            .unwrap_or(Permissions::empty());
        let is_thread = channel.is_some_and(|channel| is_thread(channel.kind));
        Self {
            person,
            roles: member
                .map(|member| member.roles.clone())
                .unwrap_or_default(),
            manages: allowed.intersects(Permissions::MANAGE_GUILD | Permissions::ADMINISTRATOR),
            guild,
            channel: id,
            parent: channel
                .filter(|_| is_thread)
                .and_then(|channel| channel.parent_id),
        }
    }

    /// The channel whose settings hold here.
    pub fn settled(&self) -> ChannelId {
        self.parent.unwrap_or(self.channel)
    }
}

/// Whether a channel of this kind is a thread.
pub(crate) fn is_thread(kind: serenity::all::ChannelType) -> bool {
    use serenity::all::ChannelType::{NewsThread, PrivateThread, PublicThread};
    matches!(kind, NewsThread | PublicThread | PrivateThread)
}

impl From<&CommandInteraction> for Use {
    fn from(i: &CommandInteraction) -> Self {
        Self {
            id: i.id,
            token: i.token.clone(),
            place: Place::new(
                i.user.id,
                i.member.as_deref(),
                i.guild_id,
                i.channel_id,
                i.channel.as_ref(),
            ),
            on: None,
            on_private: false,
        }
    }
}

impl From<&ComponentInteraction> for Use {
    fn from(i: &ComponentInteraction) -> Self {
        Self {
            id: i.id,
            token: i.token.clone(),
            place: Place::new(
                i.user.id,
                i.member.as_ref(),
                i.guild_id,
                i.channel_id,
                i.channel.as_ref(),
            ),
            on: Some(i.message.id),
            on_private: is_private(i.message.flags),
        }
    }
}

impl From<&ModalInteraction> for Use {
    fn from(i: &ModalInteraction) -> Self {
        Self {
            id: i.id,
            token: i.token.clone(),
            place: Place::new(
                i.user.id,
                i.member.as_ref(),
                i.guild_id,
                i.channel_id,
                i.channel.as_ref(),
            ),
            on: i.message.as_ref().map(|message| message.id),
            on_private: i.message.as_ref().is_some_and(|m| is_private(m.flags)),
        }
    }
}

fn is_private(flags: Option<MessageFlags>) -> bool {
    flags.is_some_and(|flags| flags.contains(MessageFlags::EPHEMERAL))
}

impl Use {
    /// A use that an earlier run of ours took in, from what it kept.
    pub fn again(id: InteractionId, token: String, place: Place) -> Self {
        Self {
            id,
            token,
            place,
            on: None,
            on_private: false,
        }
    }

    /// The key to reply to it.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Says that an answer will come: a new message that only the person sees, or everyone.
    pub async fn defer(&self, http: &Http, private: bool) -> Result<(), Refusal> {
        let flags = if private { EPHEMERAL } else { 0 };
        self.first(http, &json!({"type": 5, "data": {"flags": flags}}))
            .await
    }

    /// Says that the message with the button will change.
    pub async fn defer_change(&self, http: &Http) -> Result<(), Refusal> {
        self.first(http, &json!({"type": 6})).await
    }

    /// Says something at once, to the person alone.
    pub async fn say(&self, http: &Http, said: &Said) -> Result<(), Refusal> {
        let mut data = said.body();
        data["flags"] = json!(EPHEMERAL);
        self.first(http, &json!({"type": 4, "data": data})).await
    }

    /// Opens a form.
    pub async fn form(&self, http: &Http, form: CreateModal) -> Result<(), Refusal> {
        self.first(http, &CreateInteractionResponse::Modal(form))
            .await
    }

    /// Offers choices while the person types. Nobody waits for late ones: it is tried once.
    pub async fn offer(
        &self,
        http: &Http,
        choices: CreateAutocompleteResponse,
    ) -> Result<(), Refusal> {
        let response = CreateInteractionResponse::Autocomplete(choices);
        api::once(ACKNOWLEDGE_WITHIN, || {
            http.create_interaction_response(self.id, &self.token, &response, Vec::new())
        })
        .await
    }

    async fn first(&self, http: &Http, response: &impl serde::Serialize) -> Result<(), Refusal> {
        let sent = api::patiently(ACKNOWLEDGE_WITHIN, || {
            http.create_interaction_response(self.id, &self.token, response, Vec::new())
        })
        .await;
        match sent {
            // An attempt that seemed lost had arrived.
            Err(why) if why.code == Some(api::ALREADY_ACKNOWLEDGED) => Ok(()),
            other => other,
        }
    }

    /// Puts `said` where the first reply said that something will come.
    pub async fn fill(&self, http: &Http, said: &Said) -> Result<MessageId, Refusal> {
        let token = self.token.as_str();
        api::show(
            POST_WITHIN,
            self.id.get(),
            said,
            |_| {},
            |body| async move {
                http.edit_original_interaction_response(token, &body, Vec::new())
                    .await
                    .map(|message| message.id)
            },
        )
        .await
    }

    /// Whether the first reply says something by now, and not only that something will come.
    pub async fn is_filled(&self, http: &Http) -> bool {
        let reply = api::patiently(LOOK_WITHIN, || {
            http.get_original_interaction_response(&self.token)
        })
        .await;
        reply.is_ok_and(|reply| {
            let flags = reply.flags.unwrap_or_default();
            !flags.contains(MessageFlags::LOADING)
        })
    }

    /// Takes back the promise of a reply.
    pub async fn withdraw(&self, http: &Http) -> Result<(), Refusal> {
        let gone = api::patiently(POST_WITHIN, || {
            http.delete_original_interaction_response(&self.token)
        })
        .await;
        match gone {
            // An attempt that seemed lost had arrived.
            Err(why) if why.status == Some(404) => Ok(()),
            other => other,
        }
    }

    /// Adds a message to the first reply. Discord knows no nonce here, so what may have arrived is not sent again.
    pub async fn add(&self, http: &Http, said: &Said, private: bool) -> Result<(), Refusal> {
        let mut body = said.body();
        body["flags"] = json!(if private { EPHEMERAL } else { 0 });
        api::once(POST_WITHIN, || async {
            http.create_followup_message(&self.token, &body, Vec::new())
                .await
                .map(|_| ())
        })
        .await
    }
}
