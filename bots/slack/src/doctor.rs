//! Whether Slack would let Casebook work: tokens, scopes, the way in, the clock. It posts nothing.
//!
//! The client of `api` hands over bodies alone; what has to be known here stands in the heads of answers (`x-oauth-scopes`,
//! `Date`), so these two calls are made with hyper itself.

use std::time::{Duration, SystemTime};

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, header};
use casebook_desk::checkup::{Check, Health, clock};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::time::timeout;

use crate::{Config, SlackError, api, commands};

const WITHIN: Duration = Duration::from_secs(15);
/// No answer of these methods is longer.
const BODY: usize = 1 << 20;

const BOT_TOKEN: &str = "Slack: bot token";
const SCOPES: &str = "Slack: scopes";
const WAY_IN: &str = "Slack: way in";

/// What to do where Slack is not reached at all.
const UNREACHED: &str =
    "see that this machine reaches slack.com, and that slack.api_url is not set by mistake";

/// Looks at everything that Slack can be asked about without being seen in a channel.
pub async fn doctor(config: &Config) -> Vec<Check> {
    let slack = match Asking::new(config) {
        Ok(slack) => slack,
        Err(why) => return vec![Check::failed("Slack", why.to_string(), "")],
    };
    let (introduced, way_in) = tokio::join!(
        slack.call("auth.test", &config.bot_token),
        way_in(&slack, config)
    );
    let mut checks = vec![bot_token(config, &introduced)];
    if let Ok(answer) = &introduced {
        if answer.refusal().is_none() {
            checks.push(scopes(config, answer.said("x-oauth-scopes")));
        }
        let date = answer.said(header::DATE.as_str());
        checks.push(clock("Slack", date, answer.at));
    }
    checks.push(way_in);
    checks
}

fn bot_token(config: &Config, introduced: &Result<Answer, String>) -> Check {
    const NEXT: &str = "\"Install App\" in the app's settings shows the bot token (xoxb-…): set it as slack.bot_token or \
                        CASEBOOK_SLACK_BOT_TOKEN";
    let answer = match introduced {
        Ok(answer) => answer,
        Err(why) => return Check::failed(BOT_TOKEN, why, UNREACHED),
    };
    match answer.refusal() {
        Some(code) => {
            let hint = not_a("xoxb-", &config.bot_token);
            Check::failed(BOT_TOKEN, format!("Slack refuses it: {code}{hint}"), NEXT)
        }
        None => {
            let said = |key: &str| answer.body[key].as_str().unwrap_or("?");
            let (user, team) = (said("user"), said("team"));
            Check::ok(BOT_TOKEN, format!("speaks for {user} in {team}"))
        }
    }
}

/// That a token seems to be of another kind, where it does. Its first five characters say the kind and nothing else.
fn not_a(kind: &str, token: &SecretString) -> String {
    match token.expose_secret().starts_with(kind) {
        true => String::new(),
        false => format!("; what is set does not begin with \"{kind}\""),
    }
}

fn scopes(config: &Config, granted: Option<&str>) -> Check {
    let Some(granted) = granted else {
        return Check::warning(
            SCOPES,
            "Slack does not say which are granted",
            "compare \"OAuth & Permissions\" in the app's settings with casebook slack manifest",
        );
    };
    let granted: Vec<&str> = granted.split(',').map(str::trim).collect();
    let wanted: Vec<_> = commands::needs(config.channel_messages).collect();
    let missing: Vec<_> = wanted
        .iter()
        .filter(|need| !granted.contains(&need.scope))
        .collect();
    if !missing.is_empty() {
        let health = match missing.iter().any(|need| need.vital) {
            true => Health::Failed,
            false => Health::Warning,
        };
        let said: Vec<String> = missing
            .iter()
            .map(|need| format!("{} (for {})", need.scope, need.what_for))
            .collect();
        let flag = match config.channel_messages {
            true => " --channel-messages",
            false => "",
        };
        let next = format!(
            "paste what casebook slack manifest{flag} prints under \"App Manifest\" in the app's settings, and install the app \
             again"
        );
        return Check::new(
            SCOPES,
            health,
            format!("missing: {}", said.join(", ")),
            next,
        );
    }
    let unused: Vec<&str> = granted
        .into_iter()
        .filter(|scope| !scope.is_empty() && wanted.iter().all(|need| need.scope != *scope))
        .collect();
    if !unused.is_empty() {
        return Check::warning(
            SCOPES,
            format!("all that are used, and others: {}", unused.join(", ")),
            "take those away under \"OAuth & Permissions\" in the app's settings",
        );
    }
    Check::ok(
        SCOPES,
        format!("all {} that are used, no other", wanted.len()),
    )
}

/// How Slack's events get here: Socket Mode, or requests that Slack signs.
async fn way_in(slack: &Asking<'_>, config: &Config) -> Check {
    let secret = config.signing_secret.as_ref();
    let secret = secret.is_some_and(|secret| !secret.expose_secret().is_empty());
    match (config.listen, &config.app_token) {
        (Some(address), _) if secret => Check::ok(
            WAY_IN,
            format!("signed requests over HTTP at {address}, path /slack"),
        ),
        (Some(_), _) => Check::failed(
            WAY_IN,
            "slack.listen is set, and slack.signing_secret is not",
            "copy \"Signing Secret\" from \"Basic Information\" in the app's settings to slack.signing_secret or \
             CASEBOOK_SLACK_SIGNING_SECRET",
        ),
        (None, Some(token)) => {
            const NEXT: &str = "generate an app-level token (xapp-…) with the scope connections:write under \"Basic \
                                Information\" in the app's settings: set it as slack.app_token or CASEBOOK_SLACK_APP_TOKEN";
            match slack.call("apps.connections.open", token).await {
                Err(why) => Check::failed(WAY_IN, why, UNREACHED),
                Ok(answer) => match answer.refusal() {
                    // The address that came is a secret, and is not used.
                    None => Check::ok(WAY_IN, "Socket Mode: the app-level token opens connections"),
                    Some(code) => {
                        let hint = not_a("xapp-", token);
                        let found = format!("Slack refuses the app-level token: {code}{hint}");
                        Check::failed(WAY_IN, found, NEXT)
                    }
                },
            }
        }
        (None, None) => Check::failed(
            WAY_IN,
            "neither an app-level token (Socket Mode) nor slack.listen is set",
            "set slack.app_token or CASEBOOK_SLACK_APP_TOKEN: \"Basic Information\", \"App-Level Tokens\" in the app's \
             settings",
        ),
    }
}

struct Asking<'a> {
    client: Client<HttpsConnector<HttpConnector>, Body>,
    base: &'a str,
}

struct Answer {
    head: HeaderMap,
    body: Value,
    /// When it came, by our clock.
    at: SystemTime,
}

impl Answer {
    /// Slack's reason for refusing, where it refuses. Its codes are words; what is none is not repeated.
    fn refusal(&self) -> Option<&str> {
        if self.body["ok"] == true {
            return None;
        }
        let code = self.body["error"].as_str().unwrap_or_default();
        let is_code = !code.is_empty() && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        Some(if is_code { code } else { "no known reason" })
    }

    fn said(&self, header: &str) -> Option<&str> {
        self.head.get(header)?.to_str().ok()
    }
}

impl<'a> Asking<'a> {
    fn new(config: &'a Config) -> Result<Self, SlackError> {
        let base = config.api_url.as_deref().unwrap_or("https://slack.com/api");
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build(api::connector()?),
            base: base.trim_end_matches('/'),
        })
    }

    /// A method without arguments. The error holds no token and no answer's text.
    async fn call(&self, method: &str, token: &SecretString) -> Result<Answer, String> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}/{method}", self.base))
            .header(
                header::AUTHORIZATION,
                format!("Bearer {}", token.expose_secret()),
            )
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::empty())
            .map_err(|_| "slack.api_url is no address, or the token holds what no token holds")?;
        let asked = async {
            let response = self
                .client
                .request(request)
                .await
                .map_err(|error| format!("Slack is not reached: {}", api::chain(&error)))?;
            let at = SystemTime::now();
            let (head, body) = response.into_parts();
            let status = head.status.as_u16();
            let body = to_bytes(Body::new(body), BODY).await.unwrap_or_default();
            let body = serde_json::from_slice(&body).map_err(|_| {
                format!("what answers in Slack's place does not speak its protocol (HTTP status {status})")
            })?;
            Ok(Answer {
                head: head.headers,
                body,
                at,
            })
        };
        match timeout(WITHIN, asked).await {
            Ok(answered) => answered,
            Err(_) => Err(format!(
                "Slack does not answer within {} s",
                WITHIN.as_secs()
            )),
        }
    }
}
