//! The table of commands: what Discord is told about each, and what a use of one asks.
//!
//! [`TABLE`] is all there is: `register` sends it, the listener dispatches by it, and a command that is not in it
//! (because a person's Discord still shows an older list) gets a sentence that names those that are.

use std::fmt;
use std::num::NonZeroU64;
use std::time::Duration;

use casebook_core::{Intent, Request, Setting};
use chrono::NaiveDate;
use serde_json::Value;
use serenity::all::{
    ChannelId, ChannelType, Command, CommandData, CommandDataOption, CommandDataOptionValue,
    CommandOptionType, CommandType, CreateCommand, CreateCommandOption, GuildId, Http,
    InstallationContext, InteractionContext, RoleId, UserId,
};

use crate::api::{self, Refusal};
use crate::markup;

/// The name of the message command, as its menu shows it.
pub(crate) const ASK_CASEBOOK: &str = "Ask Casebook";

/// What a person asked for with a command.
pub(crate) enum Asked {
    /// An answer.
    Answer(Request),
    /// A form for a note, which then never stands in the channel.
    NoteForm {
        as_of: Option<NaiveDate>,
        setting: Option<Setting>,
    },
    /// Settings shown, or changed where something was given.
    Config(Wanted),
    /// Questions without an answer, counted.
    Gaps,
    /// How much Casebook is used.
    Usage,
    /// What is loaded.
    Editions,
    /// How to ask.
    Help,
}

/// What `/casebook config` was given; nothing of it: the settings are shown.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Wanted {
    /// The channel that it is about; where the command was used, if absent.
    pub channel: Option<ChannelId>,
    /// For the whole server instead of a channel.
    pub everywhere: bool,
    pub listen: Option<String>,
    pub answers: Option<String>,
    pub setting: Option<String>,
    pub locality: Option<String>,
    pub contractor: Option<String>,
    pub allow_role: Option<RoleId>,
    pub remove_role: Option<RoleId>,
    pub allow_user: Option<UserId>,
    pub remove_user: Option<UserId>,
    pub reset: bool,
}

/// One command.
struct Entry {
    name: &'static str,
    kind: CommandType,
    /// Empty for a command of the message menu, which has none.
    description: &'static str,
    options: fn() -> Vec<CreateCommandOption>,
    read: fn(&Given) -> Result<Asked, String>,
}

/// Every command, in the order in which help names them.
static TABLE: &[Entry] = &[
    Entry {
        name: "ask",
        kind: CommandType::ChatInput,
        description: "Ask a coding question; every line of the answer names its source",
        options: || {
            vec![
                text("question", "Your question, without names or record numbers")
                    .max_length(2000)
                    .required(true),
                text("about", "A code that the question is about").set_autocomplete(true),
                date(),
                setting(),
            ]
        },
        read: |given| {
            let mut request = given.request(Intent::Ask, "question")?;
            request.about = given.list("about");
            Ok(Asked::Answer(request))
        },
    },
    Entry {
        name: "code",
        kind: CommandType::ChatInput,
        description: "Show codes exactly as their official files have them",
        options: || {
            vec![
                text("codes", "One or more codes, such as M54.50 77003")
                    .max_length(300)
                    .set_autocomplete(true)
                    .required(true),
                date(),
            ]
        },
        read: |given| Ok(Asked::Answer(given.request(Intent::Code, "codes")?)),
    },
    Entry {
        name: "codes",
        kind: CommandType::ChatInput,
        description: "Find codes for a condition or a service in words",
        options: || {
            vec![
                text("text", "The words, such as low back pain")
                    .max_length(300)
                    .set_autocomplete(true)
                    .required(true),
                date(),
            ]
        },
        read: |given| Ok(Asked::Answer(given.request(Intent::Search, "text")?)),
    },
    Entry {
        name: "check",
        kind: CommandType::ChatInput,
        description: "Check codes against one another: NCCI edits, units, add-on codes",
        options: || {
            vec![
                text("codes", "Two or more codes, such as 77003 62323-59")
                    .max_length(300)
                    .set_autocomplete(true)
                    .required(true),
                date(),
                setting(),
            ]
        },
        read: |given| Ok(Asked::Answer(given.request(Intent::Check, "codes")?)),
    },
    Entry {
        name: "case",
        kind: CommandType::ChatInput,
        description: "Codes for a note that you paste into a form; it never stands in the channel",
        options: || vec![date(), setting()],
        read: |given| {
            Ok(Asked::NoteForm {
                as_of: given.date()?,
                setting: given.setting(),
            })
        },
    },
    Entry {
        name: "casebook",
        kind: CommandType::ChatInput,
        description: "Help, what is loaded, and settings for those who manage the server",
        options: || {
            let sub = |name, description| {
                CreateCommandOption::new(CommandOptionType::SubCommand, name, description)
            };
            vec![
                config(sub(
                    "config",
                    "Show or change how Casebook behaves in a channel (Manage Server)",
                )),
                sub(
                    "gaps",
                    "Questions that the loaded sources did not answer (Manage Server)",
                ),
                sub("usage", "How much Casebook is used (Manage Server)"),
                sub("editions", "What is loaded, and what of it is not in force"),
                sub("help", "How to ask, with an example for each topic"),
            ]
        },
        read: |given| match given.sub {
            Some("config") => Ok(Asked::Config(given.wanted())),
            Some("gaps") => Ok(Asked::Gaps),
            Some("usage") => Ok(Asked::Usage),
            Some("editions") => Ok(Asked::Editions),
            Some("help") => Ok(Asked::Help),
            _ => Err(unknown("casebook")),
        },
    },
    Entry {
        name: ASK_CASEBOOK,
        kind: CommandType::Message,
        description: "",
        options: Vec::new,
        read: |given| match given.message() {
            Some(text) => Ok(Asked::Answer(Request {
                intent: Intent::Ask,
                text,
                ..Request::default()
            })),
            None => Err(
                "That message holds no text that Casebook can read. Ask with /ask instead."
                    .to_owned(),
            ),
        },
    },
];

fn text(name: &str, description: &str) -> CreateCommandOption {
    CreateCommandOption::new(CommandOptionType::String, name, description)
}

fn date() -> CreateCommandOption {
    text("date", "Date of service, as 2026-11-24; today where absent")
        .min_length(10)
        .max_length(10)
}

fn setting() -> CreateCommandOption {
    text("setting", "Where the service was rendered")
        .add_string_choice("Practitioner (professional claim)", "practitioner")
        .add_string_choice("Facility (outpatient hospital claim)", "facility")
}

/// The options of `/casebook config`. A word "none" takes a value away, since Discord has no empty option.
fn config(sub: CreateCommandOption) -> CreateCommandOption {
    let role =
        |name, description| CreateCommandOption::new(CommandOptionType::Role, name, description);
    let user =
        |name, description| CreateCommandOption::new(CommandOptionType::User, name, description);
    let yes =
        |name, description| CreateCommandOption::new(CommandOptionType::Boolean, name, description);
    sub.add_sub_option(
        CreateCommandOption::new(
            CommandOptionType::Channel,
            "channel",
            "The channel that it is about; this one where absent",
        )
        .channel_types(vec![
            ChannelType::Text,
            ChannelType::News,
            ChannelType::Forum,
        ]),
    )
    .add_sub_option(yes(
        "everywhere",
        "For every channel of the server that has no settings of its own",
    ))
    .add_sub_option(
        text("listen", "When Casebook answers")
            .add_string_choice("When mentioned, and to commands", "mentions")
            .add_string_choice("Never in this channel", "off"),
    )
    .add_sub_option(
        text("answers", "Who sees the answer to a command")
            .add_string_choice("Only who asked (they may share it)", "private")
            .add_string_choice("The channel", "public"),
    )
    .add_sub_option(
        text("setting", "What is assumed where a question says nothing")
            .add_string_choice("Practitioner (professional claim)", "practitioner")
            .add_string_choice("Facility (outpatient hospital claim)", "facility")
            .add_string_choice("Nothing is assumed", "none"),
    )
    .add_sub_option(
        text(
            "locality",
            "Fee-schedule locality, such as Houston; \"none\" takes it away",
        )
        .max_length(80),
    )
    .add_sub_option(
        text(
            "contractor",
            "Medicare contractor or state, such as Texas; \"none\" takes it away",
        )
        .max_length(80),
    )
    .add_sub_option(role(
        "allow_role",
        "Only this role, and others allowed, may ask",
    ))
    .add_sub_option(role("remove_role", "Take a role from those allowed"))
    .add_sub_option(user(
        "allow_user",
        "Only this person, and others allowed, may ask",
    ))
    .add_sub_option(user("remove_user", "Take a person from those allowed"))
    .add_sub_option(yes("reset", "Back to the defaults first"))
}

/// What a use of a command came with.
struct Given<'a> {
    data: &'a CommandData,
    sub: Option<&'a str>,
    options: &'a [CommandDataOption],
    bot: UserId,
}

impl<'a> Given<'a> {
    fn new(data: &'a CommandData, bot: UserId) -> Self {
        let (sub, options) = match data.options.first() {
            Some(CommandDataOption {
                name,
                value: CommandDataOptionValue::SubCommand(options),
                ..
            }) => (Some(name.as_str()), options.as_slice()),
            _ => (None, data.options.as_slice()),
        };
        Self {
            data,
            sub,
            options,
            bot,
        }
    }

    fn value(&self, name: &str) -> Option<&'a CommandDataOptionValue> {
        self.options
            .iter()
            .find(|o| o.name == name)
            .map(|o| &o.value)
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        self.value(name)?
            .as_str()
            .map(str::trim)
            .filter(|text| !text.is_empty())
    }

    fn list(&self, name: &str) -> Vec<String> {
        self.text(name)
            .into_iter()
            .flat_map(|text| text.split([' ', ',', ';']))
            .filter(|code| !code.is_empty())
            .map(str::to_owned)
            .collect()
    }

    fn date(&self) -> Result<Option<NaiveDate>, String> {
        self.text("date").map(str::parse).transpose().map_err(|_| {
            "Write the date of service as year-month-day, such as 2026-11-24.".to_owned()
        })
    }

    fn setting(&self) -> Option<Setting> {
        setting_of(self.text("setting")?)
    }

    fn request(&self, intent: Intent, option: &str) -> Result<Request, String> {
        Ok(Request {
            intent,
            text: markup::plain(self.text(option).unwrap_or_default(), self.bot),
            as_of: self.date()?,
            setting: self.setting(),
            ..Request::default()
        })
    }

    /// The text of the message that a message command was used on.
    fn message(&self) -> Option<String> {
        let id = self.data.target_id?.to_message_id();
        let message = self.data.resolved.messages.get(&id)?;
        let text = markup::plain(&message.content, self.bot);
        (!text.is_empty()).then_some(text)
    }

    fn wanted(&self) -> Wanted {
        let yes = |name| {
            matches!(
                self.value(name),
                Some(CommandDataOptionValue::Boolean(true))
            )
        };
        let owned = |name| self.text(name).map(str::to_owned);
        let role = |name| {
            self.value(name)
                .and_then(CommandDataOptionValue::as_role_id)
        };
        let user = |name| {
            self.value(name)
                .and_then(CommandDataOptionValue::as_user_id)
        };
        Wanted {
            channel: self
                .value("channel")
                .and_then(CommandDataOptionValue::as_channel_id),
            everywhere: yes("everywhere"),
            listen: owned("listen"),
            answers: owned("answers"),
            setting: owned("setting"),
            locality: owned("locality"),
            contractor: owned("contractor"),
            allow_role: role("allow_role"),
            remove_role: role("remove_role"),
            allow_user: user("allow_user"),
            remove_user: user("remove_user"),
            reset: yes("reset"),
        }
    }
}

/// A setting by the word that stands for it in options and custom ids.
pub(crate) fn setting_of(word: &str) -> Option<Setting> {
    match word {
        "practitioner" => Some(Setting::Practitioner),
        "facility" => Some(Setting::Facility),
        _ => None,
    }
}

/// What a use of a command asks, or a sentence for the person about what to do instead.
pub(crate) fn read(data: &CommandData, bot: UserId) -> Result<Asked, String> {
    let entry = TABLE
        .iter()
        .find(|entry| entry.name == data.name && entry.kind == data.kind)
        .ok_or_else(|| unknown(&data.name))?;
    (entry.read)(&Given::new(data, bot))
}

/// For a command that is not in the table any more.
fn unknown(_name: &str) -> String {
    let names: Vec<String> = TABLE
        .iter()
        .filter(|entry| entry.kind == CommandType::ChatInput)
        .map(|entry| format!("/{}", entry.name))
        .collect();
    format!(
        "Casebook does not have that command any more. There are {}. Restart Discord to see them.",
        names.join(", ")
    )
}

fn definitions() -> Vec<CreateCommand> {
    TABLE
        .iter()
        .map(|entry| {
            let command = CreateCommand::new(entry.name)
                .kind(entry.kind)
                .contexts(vec![InteractionContext::Guild, InteractionContext::BotDm])
                .integration_types(vec![InstallationContext::Guild])
                .set_options((entry.options)());
            match entry.kind {
                CommandType::ChatInput => command.description(entry.description),
                _ => command,
            }
        })
        .collect()
}

/// What registering the commands changed: their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registered {
    /// Discord did not have them.
    pub added: Vec<String>,
    /// Discord had them otherwise.
    pub changed: Vec<String>,
    /// Discord had them, and they are no more.
    pub removed: Vec<String>,
    /// Discord had them as they are.
    pub unchanged: Vec<String>,
}

impl Registered {
    /// Whether there was anything to tell Discord.
    pub fn is_news(&self) -> bool {
        !(self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty())
    }

    fn between(wanted: &[CreateCommand], registered: &[Command]) -> Self {
        let wanted = by_name(wanted);
        let registered = by_name(registered);
        let mut changes = Self::default();
        for (name, command) in &wanted {
            let list = match registered.iter().find(|(other, _)| other == name) {
                None => &mut changes.added,
                Some((_, other)) if other != command => &mut changes.changed,
                Some(_) => &mut changes.unchanged,
            };
            list.push(name.clone());
        }
        changes.removed = registered
            .into_iter()
            .map(|(name, _)| name)
            .filter(|name| !wanted.iter().any(|(other, _)| other == name))
            .collect();
        changes
    }
}

impl fmt::Display for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for (what, names) in [
            ("added", &self.added),
            ("changed", &self.changed),
            ("removed", &self.removed),
            ("unchanged", &self.unchanged),
        ] {
            if !names.is_empty() {
                let gap = if first { "" } else { "\n" };
                write!(f, "{gap}{what}: {}", names.join(", "))?;
                first = false;
            }
        }
        Ok(())
    }
}

/// Tells Discord the commands, unless it has them already: it allows 200 changes a day.
pub(crate) async fn register(
    http: &Http,
    guild: Option<NonZeroU64>,
) -> Result<Registered, Refusal> {
    const WITHIN: Duration = Duration::from_secs(60);
    let changes = compare(http, guild, WITHIN).await?;
    if !changes.is_news() {
        tracing::debug!("Discord has these commands already");
        return Ok(changes);
    }
    let wanted = definitions();
    let guild = guild.map(GuildId::from);
    api::patiently(WITHIN, || async {
        match guild {
            Some(guild) => http.create_guild_commands(guild, &wanted).await,
            None => http.create_global_commands(&wanted).await,
        }
    })
    .await?;
    tracing::info!(
        commands = wanted.len(),
        guild = guild.map(GuildId::get),
        "told Discord the commands"
    );
    Ok(changes)
}

/// What registering would change.
pub(crate) async fn compare(
    http: &Http,
    guild: Option<NonZeroU64>,
    within: Duration,
) -> Result<Registered, Refusal> {
    let guild = guild.map(GuildId::from);
    let registered = api::patiently(within, || async {
        match guild {
            Some(guild) => http.get_guild_commands(guild).await,
            None => http.get_global_commands().await,
        }
    })
    .await?;
    Ok(Registered::between(&definitions(), &registered))
}

/// Commands by name, as what they say, whatever Discord adds (ids, versions, defaults).
fn by_name(commands: &[impl serde::Serialize]) -> Vec<(String, Value)> {
    commands
        .iter()
        .filter_map(|command| serde_json::to_value(command).ok())
        .map(|command| {
            let name = command["name"].as_str().unwrap_or_default().to_owned();
            (name, essence(command))
        })
        .collect()
}

/// The keys that we set, without those whose value is a default. Lists keep their order: it is the
/// order in which Discord shows options and choices.
fn essence(value: Value) -> Value {
    const OURS: [&str; 14] = [
        "name",
        "type",
        "description",
        "options",
        "required",
        "autocomplete",
        "choices",
        "value",
        "min_length",
        "max_length",
        "channel_types",
        "contexts",
        "integration_types",
        "nsfw",
    ];
    match value {
        Value::Object(map) => map
            .into_iter()
            .filter(|(key, value)| OURS.contains(&key.as_str()) && !is_default(key, value))
            .map(|(key, value)| (key, essence(value)))
            .collect(),
        Value::Array(list) => list.into_iter().map(essence).collect(),
        other => other,
    }
}

fn is_default(key: &str, value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => key == "description" && text.is_empty(),
        Value::Array(list) => list.is_empty(),
        // A command is a chat command unless it says otherwise. An option of type 1 is a subcommand, and loses its type
        // on both sides alike.
        Value::Number(number) => key == "type" && number.as_u64() == Some(1),
        _ => false,
    }
}
