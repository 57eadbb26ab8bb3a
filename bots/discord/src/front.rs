//! Everything that happens in Discord arrives here, whichever way it came in: it is acknowledged, understood, and handed
//! to the desk with the place where the reply goes.

use std::sync::Arc;
use std::time::Duration;

use casebook_core::{Intent, Request};
use casebook_desk::{
    Action, Audience, Desk, Manner, Notice, Person, Press, Question, Spot, Tone, Wish,
};
use serenity::all::{
    CommandInteraction, ComponentInteraction, GuildId, Http, Interaction, InteractionId, Message,
    MessageType, ModalInteraction, UserId,
};
use tokio::time::timeout;

use crate::api::Refusal;
use crate::buttons::{self, Pressed, Standing};
use crate::channels::{Channels, Known};
use crate::commands::{self, Asked};
use crate::interaction::{Place, Use};
use crate::place::{Below, Deferred, ToMessage};
use crate::revive::Address;
use crate::suggest::Suggester;
use crate::{markup, render, settings};

/// How long the first reply waits to learn who may see the answer; after that the answer is private, which is never wrong.
const SETTINGS_WITHIN: Duration = Duration::from_millis(150);

/// Where what happens in Discord is understood.
pub(crate) struct Front {
    pub http: Arc<Http>,
    pub desk: Arc<Desk>,
    suggester: Suggester,
    channels: Channels,
    /// Who we are.
    bot: UserId,
}

impl Front {
    pub fn new(http: Arc<Http>, desk: Arc<Desk>, bot: UserId) -> Self {
        Self {
            channels: Channels::new(Arc::clone(&http)),
            suggester: Suggester::new(Arc::clone(&desk)),
            http,
            desk,
            bot,
        }
    }

    /// Takes in a command, a key typed in one, a button or a form.
    pub async fn interaction(&self, interaction: Interaction) {
        match interaction {
            Interaction::Command(command) => self.command(&command).await,
            Interaction::Autocomplete(command) => {
                let choices = self.suggester.choices(&command.data).await;
                let offered = Use::from(&command).offer(&self.http, choices).await;
                if let Err(why) = offered {
                    // The next key asks again.
                    tracing::debug!("suggestions came to nothing: {why}");
                }
            }
            Interaction::Component(press) => self.press(&press).await,
            Interaction::Modal(form) => self.sent(&form).await,
            // Pings are the endpoint's; what serenity adds later is not ours.
            _ => {}
        }
    }

    async fn command(&self, command: &CommandInteraction) {
        let used = Use::from(command);
        match commands::read(&command.data, self.bot) {
            Err(advice) => {
                let notice = render::notice(&Notice::new(Tone::Denied, advice));
                seen(used.id, used.say(&self.http, &notice).await);
            }
            Ok(Asked::NoteForm { as_of, setting }) => {
                let form = buttons::note_form(as_of, setting);
                seen(used.id, used.form(&self.http, form).await);
            }
            Ok(Asked::Config(wanted)) => {
                if seen(used.id, used.defer(&self.http, true).await) {
                    let notice = settings::config(&self.desk, &used.place, wanted).await;
                    seen(
                        used.id,
                        used.fill(&self.http, &render::notice(&notice))
                            .await
                            .map(|_| ()),
                    );
                }
            }
            Ok(Asked::Answer(request)) => {
                // A message of somebody else's is asked about in private, whatever the channel's settings.
                let is_menu = command.data.name == commands::ASK_CASEBOOK;
                self.take(used, Wish::Ask(request), is_menu).await;
            }
            Ok(Asked::Gaps) => self.take(used, Wish::Admin("gaps".into()), true).await,
            Ok(Asked::Usage) => self.take(used, Wish::Admin("usage".into()), true).await,
            Ok(Asked::Editions) => self.take(used, Wish::Admin("editions".into()), true).await,
            Ok(Asked::Help) => self.take(used, Wish::Help, true).await,
        }
    }

    /// Acknowledges a command or a form, and hands it to the desk.
    async fn take(&self, used: Use, wish: Wish, always_private: bool) {
        let direct = used.place.guild.is_none();
        let public = direct || (!always_private && self.is_public(&used.place).await);
        let deferred = match public {
            true => Deferred::Public,
            false => Deferred::Private,
        };
        if !seen(used.id, used.defer(&self.http, !public).await) {
            return;
        }
        let question = Question {
            key: used.id.to_string(),
            address: Address::interaction(&used, deferred).to_string(),
            wish,
            from: person(&used.place),
            at: spot(&used.place),
            manner: Manner::Command,
        };
        let place = Below {
            http: Arc::clone(&self.http),
            used,
            deferred,
            always_private: always_private || !public,
            thread_of: None,
            standing: Vec::new(),
        };
        self.desk.take(question, Arc::new(place));
    }

    /// Whether everyone sees the answer to a command here.
    async fn is_public(&self, place: &Place) -> bool {
        let spot = spot(place);
        let settings = timeout(SETTINGS_WITHIN, self.desk.settings(&spot)).await;
        matches!(settings, Ok(Ok(settings)) if settings.audience == Some(Audience::Everyone))
    }

    async fn press(&self, press: &ComponentInteraction) {
        let used = Use::from(press);
        let action = match buttons::pressed(&press.data.custom_id) {
            Some(Pressed::Action(action)) => action,
            Some(Pressed::AskOn) => {
                seen(used.id, used.form(&self.http, buttons::ask_on_form()).await);
                return;
            }
            Some(Pressed::Note { .. }) | None => {
                let advice = "This button is from an older Casebook. Please ask again.";
                let notice = render::notice(&Notice::new(Tone::Denied, advice));
                seen(used.id, used.say(&self.http, &notice).await);
                return;
            }
        };
        if let Some(form) = action.form() {
            let form = buttons::form(&action, &form);
            seen(used.id, used.form(&self.http, form).await);
            return;
        }
        let standing = buttons::standing(&press.message.components, &action);
        self.act(used, action, None, standing).await;
    }

    /// A form was sent.
    async fn sent(&self, form: &ModalInteraction) {
        let used = Use::from(form);
        let typed = buttons::typed(&form.data.components);
        match buttons::pressed(&form.data.custom_id) {
            Some(Pressed::Note { as_of, setting }) => {
                let request = Request {
                    intent: Intent::Case,
                    text: typed.unwrap_or_default(),
                    as_of,
                    setting,
                    ..Request::default()
                };
                self.take(used, Wish::Ask(request), true).await;
            }
            Some(Pressed::AskOn) => self.ask_on(used, typed.unwrap_or_default()).await,
            Some(Pressed::Action(action)) => self.act(used, action, typed, Vec::new()).await,
            None => {
                let advice = "This form is from an older Casebook. Please ask again.";
                let notice = render::notice(&Notice::new(Tone::Denied, advice));
                seen(used.id, used.say(&self.http, &notice).await);
            }
        }
    }

    /// A further question about a public answer: in the answer's thread, for everyone.
    async fn ask_on(&self, used: Use, text: String) {
        let in_thread = used.place.parent.is_some();
        let deferred = match in_thread {
            true => Deferred::Public,
            false => Deferred::Private,
        };
        if !seen(used.id, used.defer(&self.http, !in_thread).await) {
            return;
        }
        let mut at = spot(&used.place);
        if !in_thread {
            // Discord gives the thread below a message that message's id.
            at.thread = used.on.map(|message| message.to_string());
        }
        let question = Question {
            key: used.id.to_string(),
            address: Address::interaction(&used, deferred).to_string(),
            wish: Wish::Ask(Request {
                text,
                ..Request::default()
            }),
            from: person(&used.place),
            at,
            manner: Manner::Mention,
        };
        let place = Below {
            http: Arc::clone(&self.http),
            thread_of: used.on,
            used,
            deferred,
            always_private: false,
            standing: Vec::new(),
        };
        self.desk.take(question, Arc::new(place));
    }

    /// Acknowledges a button, or its form, and hands it to the desk.
    async fn act(&self, used: Use, action: Action, typed: Option<String>, standing: Vec<Standing>) {
        let direct = used.place.guild.is_none();
        // What only the person sees may change under their hand. What everyone sees stays as it is.
        let deferred = match action {
            Action::More { .. } if used.on_private || direct => Deferred::Page,
            Action::AnswerAnyway { .. } | Action::Drop { .. } if used.on_private || direct => {
                Deferred::Change
            }
            _ if direct => Deferred::Public,
            _ => Deferred::Private,
        };
        let acknowledged = match deferred {
            Deferred::Change | Deferred::Page => used.defer_change(&self.http).await,
            Deferred::Private => used.defer(&self.http, true).await,
            Deferred::Public => used.defer(&self.http, false).await,
        };
        if !seen(used.id, acknowledged) {
            return;
        }
        let press = Press {
            key: used.id.to_string(),
            address: Address::interaction(&used, deferred).to_string(),
            action,
            typed,
            from: person(&used.place),
            at: spot(&used.place),
        };
        let place = Below {
            http: Arc::clone(&self.http),
            thread_of: None,
            standing: match deferred {
                Deferred::Page => standing,
                _ => Vec::new(),
            },
            used,
            deferred,
            always_private: false,
        };
        self.desk.press(press, Arc::new(place));
    }

    /// Takes in a message, if it is for us.
    pub async fn message(&self, message: &Message) {
        let Some((question, place)) = self.question(message).await else {
            return;
        };
        self.desk.take(question, Arc::new(place));
    }

    /// What a message asks of us, and where the reply goes.
    pub async fn question(&self, message: &Message) -> Option<(Question, ToMessage)> {
        let direct = message.guild_id.is_none();
        if !asks_us(message, self.bot, direct) {
            return None;
        }
        let place = match direct {
            true => ToMessage {
                http: Arc::clone(&self.http),
                channel: message.channel_id,
                message: message.id,
                guild: None,
                person: message.author.id,
                opens_thread: false,
            },
            false => {
                let known = self.channels.get(message.channel_id).await;
                return Some(self.in_guild(message, known));
            }
        };
        let at = Spot {
            channel: message.channel_id.to_string(),
            direct: true,
            ..Spot::default()
        };
        let question = self.asked(message, at, Manner::Direct, &place);
        Some((question, place))
    }

    fn in_guild(&self, message: &Message, known: Known) -> (Question, ToMessage) {
        let opens_thread = known.takes_threads && known.parent.is_none();
        let place = ToMessage {
            http: Arc::clone(&self.http),
            channel: message.channel_id,
            message: message.id,
            guild: message.guild_id,
            person: message.author.id,
            opens_thread,
        };
        let thread = match known.parent {
            Some(_) => Some(message.channel_id.to_string()),
            // Discord gives the thread below a message that message's id.
            None => opens_thread.then(|| message.id.to_string()),
        };
        let at = Spot {
            channel: known.parent.unwrap_or(message.channel_id).to_string(),
            workspace: message.guild_id.map(|guild| guild.to_string()),
            thread,
            opens_thread,
            direct: false,
        };
        let question = self.asked(message, at, Manner::Mention, &place);
        (question, place)
    }

    fn asked(&self, message: &Message, at: Spot, manner: Manner, place: &ToMessage) -> Question {
        let roles = message.member.as_ref().map(|member| &member.roles);
        Question {
            key: message.id.to_string(),
            address: Address::message(place).to_string(),
            wish: Wish::Ask(Request {
                text: markup::plain(&message.content, self.bot),
                ..Request::default()
            }),
            from: Person {
                id: message.author.id.to_string(),
                groups: roles
                    .into_iter()
                    .flatten()
                    .map(ToString::to_string)
                    .collect(),
                admin: false,
            },
            at,
            manner,
        }
    }
}

fn person(place: &Place) -> Person {
    Person {
        id: place.person.to_string(),
        groups: place.roles.iter().map(ToString::to_string).collect(),
        admin: place.manages,
    }
}

/// Where an interaction is, in the desk's words.
pub(crate) fn spot(place: &Place) -> Spot {
    Spot {
        channel: place.settled().to_string(),
        workspace: place.guild.map(|guild: GuildId| guild.to_string()),
        thread: place.parent.map(|_| place.channel.to_string()),
        opens_thread: false,
        direct: place.guild.is_none(),
    }
}

/// Only people are answered (never bots, ourselves included, webhooks or Discord's own notices), and
/// only when they mention us, reply to us or write to us directly. Roles and @everyone do not count.
fn asks_us(message: &Message, bot: UserId, direct: bool) -> bool {
    let person = !message.author.bot
        && !message.author.system
        && message.webhook_id.is_none()
        && matches!(
            message.kind,
            MessageType::Regular | MessageType::InlineReply
        );
    person && (direct || message.mentions.iter().any(|user| user.id == bot))
}

/// Whether a first reply was taken; if not, the log says so.
fn seen(id: InteractionId, sent: Result<(), Refusal>) -> bool {
    if let Err(why) = &sent {
        tracing::error!(
            reference = id.get(),
            "somebody goes unanswered, Discord does not take the reply to their command: {why}"
        );
    }
    sent.is_ok()
}
