//! The slash commands: what Discord is told about them, and what a use of one asks.

use std::num::NonZeroU64;
use std::time::Duration;

use casebook_core::{Intent, Request, Setting};
use serde_json::Value;
use serenity::all::{
    CommandData, CommandOptionType, CreateCommand, CreateCommandOption, GuildId, Http,
    InstallationContext, InteractionContext, UserId,
};

use crate::api::{self, Refusal};
use crate::markup;

fn definitions() -> Vec<CreateCommand> {
    let text =
        |name, description| CreateCommandOption::new(CommandOptionType::String, name, description);
    let date = || {
        text("date", "Date of service, as 2026-11-24; today where absent")
            .min_length(10)
            .max_length(10)
    };
    let everywhere = |name, description| {
        CreateCommand::new(name)
            .description(description)
            .contexts(vec![InteractionContext::Guild, InteractionContext::BotDm])
            .integration_types(vec![InstallationContext::Guild])
    };
    vec![
        everywhere(
            "ask",
            "Ask a coding question; every line of the answer names its source",
        )
        .add_option(
            text("question", "Your question, without names or record numbers").required(true),
        )
        .add_option(date())
        .add_option(
            text("setting", "Where the service was rendered")
                .add_string_choice("Practitioner (professional claim)", "practitioner")
                .add_string_choice("Facility (outpatient hospital claim)", "facility"),
        ),
        everywhere(
            "code",
            "Show codes exactly as their official files have them",
        )
        .add_option(text("codes", "One or more codes, such as M54.50 77003").required(true))
        .add_option(date()),
    ]
}

/// Tells Discord the commands, unless it has them already: it allows 200 changes a day.
pub(crate) async fn register(http: &Http, guild: Option<NonZeroU64>) -> Result<(), Refusal> {
    const WITHIN: Duration = Duration::from_secs(60);
    let wanted = definitions();
    let guild = guild.map(GuildId::from);
    let registered = api::patiently(WITHIN, || async {
        match guild {
            Some(guild) => http.get_guild_commands(guild).await,
            None => http.get_global_commands().await,
        }
    })
    .await?;
    if same(&wanted, &registered) {
        tracing::debug!("Discord has these commands already");
        return Ok(());
    }
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
    Ok(())
}

/// Whether two lists of commands say the same, whatever Discord adds (ids, versions, defaults).
fn same(wanted: &impl serde::Serialize, registered: &impl serde::Serialize) -> bool {
    let essence = |commands: Value| {
        let mut list: Vec<Value> = match commands {
            Value::Array(list) => list.into_iter().map(essence).collect(),
            _ => Vec::new(),
        };
        list.sort_by_key(|command| command["name"].to_string());
        list
    };
    match (
        serde_json::to_value(wanted),
        serde_json::to_value(registered),
    ) {
        (Ok(wanted), Ok(registered)) => essence(wanted) == essence(registered),
        _ => false,
    }
}

/// The keys that we set, without those whose value is a default. Lists keep their order: it is the
/// order in which Discord shows options and choices.
fn essence(value: Value) -> Value {
    const OURS: [&str; 12] = [
        "name",
        "type",
        "description",
        "options",
        "required",
        "choices",
        "value",
        "min_length",
        "max_length",
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
        Value::Array(list) => list.is_empty(),
        // A command is a chat command unless it says otherwise; an option's type is never 1 here.
        Value::Number(number) => key == "type" && number.as_u64() == Some(1),
        _ => false,
    }
}

/// What a use of a command asks, or a sentence for the person about what to write instead.
pub(crate) fn request(data: &CommandData, bot: UserId) -> Result<Request, &'static str> {
    let option = |name: &str| {
        data.options
            .iter()
            .find(|o| o.name == name)
            .and_then(|o| o.value.as_str())
            .map(str::trim)
    };
    let (intent, text) = match data.name.as_str() {
        "ask" => (Intent::Ask, option("question")),
        "code" => (Intent::Code, option("codes")),
        _ => return Err("Casebook has no such command any more. Use /ask or /code."),
    };
    Ok(Request {
        intent,
        text: markup::plain(text.unwrap_or_default(), bot),
        as_of: match option("date") {
            None => None,
            Some(date) => {
                Some(date.parse().map_err(
                    |_| "Write the date of service as year-month-day, such as 2026-11-24.",
                )?)
            }
        },
        setting: match option("setting") {
            Some("practitioner") => Some(Setting::Practitioner),
            Some("facility") => Some(Setting::Facility),
            _ => None,
        },
        ..Request::default()
    })
}
