//! Talking to Discord's HTTP API: the client, retries with limits in time, and what a log may say
//! about a refusal.

use std::error::Error as _;
use std::time::Duration;

use secrecy::ExposeSecret;
use serde_json::Value;
use serenity::all::{ApplicationId, CreateAllowedMentions, Http, HttpBuilder, HttpError, UserId};
use tokio::time::{sleep, timeout};

use crate::render::Said;
use crate::{Config, DiscordError};

/// Discord's code for a second first reply to one interaction: the first one went through.
pub(crate) const ALREADY_ACKNOWLEDGED: isize = 40060;

/// Pauses between attempts. serenity drops `retry_after` from a 429 when its limiter is off (behind
/// `api_url`), so they grow past what Discord usually asks for.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];

/// The base address that `config` leads to.
pub(crate) fn address(config: &Config) -> String {
    config
        .api_url
        .clone()
        .unwrap_or_else(|| "https://discord.com".into())
}

/// Nobody is pinged by anything that Casebook says.
pub(crate) fn no_mentions() -> CreateAllowedMentions {
    CreateAllowedMentions::new().replied_user(false)
}

/// The HTTP client. Another base address and serenity's rate limiter exclude each other: with the
/// limiter on, serenity ignores the address and sends to the real Discord.
pub(crate) fn http(config: &Config) -> Result<Http, DiscordError> {
    let builder =
        HttpBuilder::new(config.token.expose_secret()).default_allowed_mentions(no_mentions());
    let http = match &config.api_url {
        None => builder.build(),
        Some(url) => {
            let host = url
                .strip_prefix("http://")
                .or_else(|| url.strip_prefix("https://"));
            if host.is_none_or(|host| host.trim_matches('/').is_empty()) {
                return Err(DiscordError::ApiUrl(url.clone()));
            }
            builder.proxy(url).ratelimiter_disabled(true).build()
        }
    };
    assert_eq!(
        http.proxy.is_some(),
        http.ratelimiter.is_none(),
        "serenity honours another base address only without its rate limiter"
    );
    Ok(http)
}

/// Asks Discord who we are, which the calls about commands and replies need.
pub(crate) async fn introduce(http: &Http, config: &Config) -> Result<UserId, DiscordError> {
    const WITHIN: Duration = Duration::from_secs(60);
    let bot = patiently(WITHIN, || http.get_current_user())
        .await
        .map_err(|why| start_failed(config, why))?;
    let application = patiently(WITHIN, || http.get_current_application_info()).await;
    // A bot's user has its application's id, unless it is from before 2016.
    http.set_application_id(match application {
        Ok(application) => application.id,
        Err(why) => {
            tracing::debug!("Discord does not say which application this is: {why}");
            ApplicationId::new(bot.id.get())
        }
    });
    Ok(bot.id)
}

/// Why a start came to nothing, in words.
pub(crate) fn start_failed(config: &Config, why: Refusal) -> DiscordError {
    match why.status {
        Some(401) => DiscordError::Token,
        _ => DiscordError::Unreachable {
            address: address(config),
            why: why.to_string(),
        },
    }
}

/// What Discord, or the way to it, said instead of doing what was asked. Holds status, code and field
/// names only: Discord's sentences can repeat the value that they refuse, and an address can hold an
/// interaction's token.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{what}")]
pub(crate) struct Refusal {
    what: String,
    /// The HTTP status and Discord's own error code, where there was a reply.
    pub status: Option<u16>,
    pub code: Option<isize>,
}

impl Refusal {
    fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            status: None,
            code: None,
        }
    }

    /// Nothing was asked of Discord.
    pub(crate) fn none() -> Self {
        Self::new("not tried")
    }

    /// Whether Discord refused what the message holds, and not that it is sent.
    fn is_about_the_body(&self) -> bool {
        const INVALID_FORM_BODY: isize = 50035;
        const EMPTY_MESSAGE: isize = 50006;
        self.status == Some(400) && matches!(self.code, Some(0 | INVALID_FORM_BODY | EMPTY_MESSAGE))
    }

    fn from(error: &serenity::Error) -> Self {
        match error {
            serenity::Error::Http(HttpError::UnsuccessfulRequest(response)) => {
                let status = response.status_code.as_u16();
                let mut what = format!("HTTP {status}, code {}", response.error.code);
                for field in &response.error.errors {
                    what.push_str(&format!(", {} at {}", field.code, field.path));
                }
                Self {
                    what,
                    status: Some(status),
                    code: Some(response.error.code),
                }
            }
            serenity::Error::Http(HttpError::Request(error)) => {
                // The innermost cause: the outer ones repeat the address.
                let mut cause = error.source();
                while let Some(inner) = cause.and_then(|cause| cause.source()) {
                    cause = Some(inner);
                }
                Self::new(cause.map_or("the connection failed".into(), ToString::to_string))
            }
            serenity::Error::Json(_) => Self::new("the reply is not what serenity expects"),
            other => Self::new(other.to_string()),
        }
    }
}

/// Whether the same call may succeed a little later.
fn passes(error: &serenity::Error) -> bool {
    match error {
        serenity::Error::Http(HttpError::UnsuccessfulRequest(response)) => {
            response.status_code.as_u16() == 429 || response.status_code.is_server_error()
        }
        serenity::Error::Http(HttpError::Request(_)) => true,
        _ => false,
    }
}

/// Makes a call, again after what may pass (429, 5xx, a broken or silent connection), for at most
/// `within`; one attempt gets a third of it. serenity itself sets no limit in time.
///
/// The call must be safe to repeat: an attempt that timed out may have taken effect.
pub(crate) async fn patiently<T, F>(
    within: Duration,
    mut call: impl FnMut() -> F,
) -> Result<T, Refusal>
where
    F: Future<Output = serenity::Result<T>>,
{
    let mut last = Refusal::new(format!("no reply within {} ms", within.as_millis()));
    let attempts = async {
        let mut pauses = PAUSES.into_iter();
        loop {
            last = match timeout(within / 3, call()).await {
                Ok(Ok(value)) => return Some(value),
                Ok(Err(error)) if !passes(&error) => {
                    last = Refusal::from(&error);
                    return None;
                }
                Ok(Err(error)) => Refusal::from(&error),
                Err(_) => Refusal::new(format!("no reply within {} ms", (within / 3).as_millis())),
            };
            sleep(pauses.next()?).await;
        }
    };
    match timeout(within, attempts).await {
        Ok(Some(value)) => Ok(value),
        Ok(None) | Err(_) => Err(last),
    }
}

/// Makes a call that must not be made twice: once, for at most `within`.
pub(crate) async fn once<T, F>(within: Duration, call: impl FnOnce() -> F) -> Result<T, Refusal>
where
    F: Future<Output = serenity::Result<T>>,
{
    match timeout(within, call()).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Refusal::from(&error)),
        Err(_) => Err(Refusal::new(format!(
            "no reply within {} ms",
            within.as_millis()
        ))),
    }
}

/// Shows something by a call that takes a message's body and is safe to repeat. Where Discord refuses embeds or buttons,
/// the same is said in plain text: a person sees an answer, and the log says what to mend.
pub(crate) async fn show<T, F>(
    within: Duration,
    reference: u64,
    said: &Said,
    change: impl Fn(&mut Value),
    call: impl Fn(Value) -> F,
) -> Result<T, Refusal>
where
    F: Future<Output = serenity::Result<T>>,
{
    let mut body = said.body();
    change(&mut body);
    match patiently(within, || call(body.clone())).await {
        Err(why) if why.is_about_the_body() => {
            tracing::error!(
                reference,
                "Discord refuses a message, plain text takes its place: {why}"
            );
            let mut body = said.plain_body();
            change(&mut body);
            patiently(within, || call(body.clone())).await
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(api_url: Option<&str>) -> Config {
        let config = serde_json::json!({"token": "t", "api_url": api_url});
        serde_json::from_value(config).expect("a configuration")
    }

    #[test]
    fn the_limiter_stays_on_unless_another_address_takes_its_place() {
        let discord = http(&config(None)).expect("builds");
        assert!(discord.ratelimiter.is_some() && discord.proxy.is_none());
        let other = http(&config(Some("http://127.0.0.1:4801"))).expect("builds");
        assert!(other.ratelimiter.is_none());
        assert_eq!(other.proxy.as_deref(), Some("http://127.0.0.1:4801"));
    }

    #[test]
    fn addresses_that_are_none_are_refused() {
        for url in [
            "discord.example",
            "ftp://discord.example",
            "http://",
            "https:///",
        ] {
            assert!(
                matches!(http(&config(Some(url))), Err(DiscordError::ApiUrl(_))),
                "{url}"
            );
        }
    }
}
