//! Whether Discord would let Casebook work: token, intents, the way in, servers, commands, connections, the clock. It
//! changes nothing.

use std::num::NonZeroU64;
use std::time::{Duration, SystemTime};

use casebook_desk::checkup::{Check, clock};
use serde_json::Value;
use serenity::all::{Http, LightMethod, Request, Route};

use crate::api::{self, Refusal};
use crate::commands::{self, Registered};
use crate::{Config, Shards};

/// For one question, with its repetitions.
const WITHIN: Duration = Duration::from_secs(15);

const TOKEN: &str = "Discord: token";
const INTENTS: &str = "Discord: intents";
const WAY_IN: &str = "Discord: way in";
const SERVERS: &str = "Discord: servers";
const COMMANDS: &str = "Discord: commands";
const CONNECTIONS: &str = "Discord: connections";

/// What an application may hear beyond what Casebook needs, by the bits of its `flags`.
const PRIVILEGED: [(u64, &str); 3] = [
    (1 << 12 | 1 << 13, "Presence"),
    (1 << 14 | 1 << 15, "Server Members"),
    (1 << 18 | 1 << 19, "Message Content"),
];

/// Looks at everything that Discord can be asked about without being seen in a channel.
pub async fn doctor(config: &Config) -> Vec<Check> {
    let http = match api::http(config) {
        Ok(http) => http,
        Err(why) => return vec![Check::failed("Discord", why.to_string(), "")],
    };
    // Where the gateway is, anybody may ask: so the clock is known whatever becomes of the token.
    let (gateway, me) = tokio::join!(get(&http, Route::Gateway), get(&http, Route::UserMe));
    let of_clock = gateway.as_ref().ok().or(me.as_ref().ok());
    let of_clock = of_clock.map(|answer| clock("Discord", answer.date.as_deref(), answer.at));
    let me = match me {
        Ok(me) => me.body,
        Err(why) => {
            return [token_failed(config, &why)]
                .into_iter()
                .chain(of_clock)
                .collect();
        }
    };
    let said = |key: &str| me[key].as_str().unwrap_or("?").to_owned();
    let mut checks = vec![Check::ok(
        TOKEN,
        format!("it is {}'s ({})", said("username"), said("id")),
    )];
    let application = get(&http, Route::Oauth2ApplicationCurrent).await;
    // A bot's user has its application's id, unless it is from before 2016.
    let id = application
        .as_ref()
        .map_or(&me["id"], |application| &application.body["id"]);
    if let Some(id) = id.as_str().and_then(|id| id.parse::<NonZeroU64>().ok()) {
        http.set_application_id(id.into());
    }
    let (servers, commands, connections) = tokio::join!(
        get(&http, Route::UserMeGuilds),
        registered(&http, config),
        get(&http, Route::GatewayBot),
    );
    match application {
        Ok(application) => {
            checks.push(intents(&application.body));
            checks.push(way_in(config, &application.body));
        }
        Err(why) => checks.push(untold(WAY_IN, &why)),
    }
    checks.push(match servers {
        Ok(servers) => in_servers(&servers.body),
        Err(why) => untold(SERVERS, &why),
    });
    checks.push(commands);
    if config.gateway {
        checks.push(match connections {
            Ok(connections) => may_connect(config, &connections.body),
            Err(why) => untold(CONNECTIONS, &why),
        });
    }
    checks.extend(of_clock);
    checks
}

fn token_failed(config: &Config, why: &Refusal) -> Check {
    match why.status {
        Some(401) => Check::failed(
            TOKEN,
            "Discord refuses it",
            "\"Bot\", \"Reset Token\" in the developer portal gives a new one: set it as discord.token or \
             CASEBOOK_DISCORD_TOKEN. It is neither the application's id nor its public key",
        ),
        _ => Check::failed(
            TOKEN,
            format!(
                "Discord at {} does not answer as it should: {why}",
                api::address(config)
            ),
            "see that this machine reaches discord.com, and that discord.api_url is not set by mistake",
        ),
    }
}

/// Something that Discord does not say, though it takes the token.
fn untold(name: &str, why: &Refusal) -> Check {
    Check::warning(
        name,
        format!("Discord does not say: {why}"),
        "try again in a minute",
    )
}

fn intents(application: &Value) -> Check {
    let flags = application["flags"].as_u64().unwrap_or(0);
    let on: Vec<&str> = PRIVILEGED
        .iter()
        .filter(|(bits, _)| flags & bits != 0)
        .map(|(_, name)| *name)
        .collect();
    match on.as_slice() {
        [] => Check::ok(INTENTS, "none that is privileged is on, and none is needed"),
        on => Check::warning(
            INTENTS,
            format!("privileged ones are on and not used: {}", on.join(", ")),
            "switch them off under \"Bot\", \"Privileged Gateway Intents\" in the developer portal",
        ),
    }
}

/// How commands and buttons get here: over the gateway, or as requests to the address that the application names.
fn way_in(config: &Config, application: &Value) -> Check {
    let theirs = application["interactions_endpoint_url"].as_str();
    let theirs = theirs.filter(|url| !url.is_empty());
    match (&config.listen, theirs) {
        (None, _) if !config.gateway => Check::failed(
            WAY_IN,
            "discord.gateway is false, and discord.listen is not set",
            "take discord.gateway = false away, or set discord.listen and discord.public_key",
        ),
        (None, Some(url)) => Check::failed(
            WAY_IN,
            format!("Discord sends commands and buttons to {url}, and discord.listen is not set"),
            "empty \"Interactions Endpoint URL\" under \"General Information\" in the developer portal, or set \
             discord.listen and discord.public_key",
        ),
        (None, None) => Check::ok(WAY_IN, "the gateway"),
        (Some(_), _) if !same_key(config, application) => Check::failed(
            WAY_IN,
            "discord.public_key is not this application's, so every request would be refused",
            "copy \"Public Key\" from \"General Information\" in the developer portal",
        ),
        (Some(listen), None) => Check::warning(
            WAY_IN,
            format!(
                "discord.listen is {listen}, and the application names no address: commands come over the gateway"
            ),
            "start Casebook, then set \"Interactions Endpoint URL\" under \"General Information\" in the developer portal to \
             https://your.host/interactions",
        ),
        (Some(listen), Some(url)) => Check::ok(
            WAY_IN,
            format!("signed requests to {url}, received at {listen}"),
        ),
    }
}

fn same_key(config: &Config, application: &Value) -> bool {
    let ours = config.public_key.as_deref().unwrap_or_default().trim();
    let theirs = application["verify_key"].as_str().unwrap_or_default();
    !ours.is_empty() && (theirs.is_empty() || ours.eq_ignore_ascii_case(theirs))
}

fn in_servers(servers: &Value) -> Check {
    // A page of Discord's list holds 200.
    match servers.as_array().map_or(0, Vec::len) {
        0 => Check::warning(
            SERVERS,
            "Casebook is in no server: only direct messages reach it",
            "open the Install Link under \"Installation\" in the developer portal, and choose a server",
        ),
        1 => Check::ok(SERVERS, "it is in one"),
        200.. => Check::ok(SERVERS, "it is in 200 or more"),
        n => Check::ok(SERVERS, format!("it is in {n}")),
    }
}

async fn registered(http: &Http, config: &Config) -> Check {
    match commands::compare(http, config.guild_id, WITHIN).await {
        Err(why) => untold(COMMANDS, &why),
        Ok(changes) if !changes.is_news() => Check::ok(
            COMMANDS,
            format!("Discord has all {}", changes.unchanged.len()),
        ),
        Ok(changes) => Check::warning(
            COMMANDS,
            differences(&changes),
            "casebook discord register tells Discord now; the service does so at its start",
        ),
    }
}

fn differences(changes: &Registered) -> String {
    let kinds = [
        ("Discord does not have", &changes.added),
        ("it has in another form", &changes.changed),
        ("it has and we have not", &changes.removed),
    ];
    let said: Vec<String> = kinds
        .iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(what, names)| format!("{what}: {}", names.join(", ")))
        .collect();
    said.join("; ")
}

fn may_connect(config: &Config, connections: &Value) -> Check {
    let starts = &connections["session_start_limit"];
    let left = starts["remaining"].as_u64().unwrap_or(0);
    let advised = connections["shards"].as_u64().unwrap_or(1);
    match config.shards {
        Shards::Number(ours) if u64::from(ours.get()) < advised => Check::warning(
            CONNECTIONS,
            format!("Discord advises {advised}, and discord.shards is {ours}"),
            "set discord.shards = \"auto\"",
        ),
        _ if left < advised => Check::failed(
            CONNECTIONS,
            "Discord lets this bot connect no more today: it was started too often",
            format!(
                "find out why it is restarted; it may connect again in {} min",
                starts["reset_after"].as_u64().unwrap_or(0).div_ceil(60_000)
            ),
        ),
        _ => Check::ok(CONNECTIONS, format!("{left} starts are left today")),
    }
}

struct Answer {
    body: Value,
    /// What time it was for Discord.
    date: Option<String>,
    /// When it came, by our clock.
    at: SystemTime,
}

async fn get(http: &Http, route: Route<'static>) -> Result<Answer, Refusal> {
    api::patiently(WITHIN, || async {
        let response = http.request(Request::new(route, LightMethod::Get)).await?;
        let at = SystemTime::now();
        let date = response.headers().get("date");
        let date = date.and_then(|date| date.to_str().ok()).map(str::to_owned);
        let body = serde_json::from_slice(&response.bytes().await?)?;
        Ok(Answer { body, date, at })
    })
    .await
}
