//! The model, over the chat completions protocol that OpenAI made common, streamed.
//!
//! The transport is reqwest and the events are eventsource-stream's. A client of the whole API was not taken: such clients
//! put bodies into their errors and logs, repeat requests on their own, and read keys from the environment.

use std::time::Duration;

use eventsource_stream::Eventsource;
use futures_util::StreamExt;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, StatusCode, Url, redirect};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::json;

use crate::prompt::Prompt;
use crate::{Config, NoModel, Reach};

/// A connection that takes longer than this is not made.
const CONNECT: Duration = Duration::from_secs(5);
const LIST_WITHIN: Duration = Duration::from_secs(15);
/// Bytes after which a reply is no short answer.
const LONGEST: usize = 8_000;

/// Why there is no reply. Holds no word of a request or a reply: a service's own message may repeat either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("the model cannot be reached")]
    Unreachable,
    #[error("the model's service answered with status {0}")]
    Status(u16),
    #[error("the model took too long")]
    Slow,
    #[error("the model's reply was cut off")]
    Cut,
    #[error("the model's reply is not in the streaming format")]
    Garbage,
    #[error("the model's reply is too long")]
    TooLong,
}

/// One event of a streamed reply, as far as it is read. Services differ in what else they send.
#[derive(Deserialize)]
struct Chunk {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Delta,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct Delta {
    #[serde(default)]
    content: Option<String>,
}

/// A model that can be asked.
pub(crate) struct Model {
    client: Client,
    address: Url,
    /// Where the service lists its models.
    list: Url,
    name: String,
}

impl Model {
    pub(crate) fn new(config: &Config) -> Result<Self, NoModel> {
        let address = |path: &str| {
            let address = format!("{}/{path}", config.base_url.trim_end_matches('/'));
            Url::parse(&address).map_err(|_| NoModel("it is not an address"))
        };
        let (address, list) = (address("chat/completions")?, address("models")?);
        if !matches!(address.scheme(), "http" | "https") || !address.has_host() {
            return Err(NoModel("an http or https address is expected"));
        }
        let mut headers = HeaderMap::new();
        if let Some(key) = &config.api_key {
            let bearer = format!("Bearer {}", key.expose_secret());
            let mut value = HeaderValue::from_str(&bearer)
                .map_err(|_| NoModel("the key beside it has characters that no header can hold"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let client = Client::builder()
            .default_headers(headers)
            .connect_timeout(CONNECT)
            // A question goes to the configured address and nowhere else.
            .redirect(redirect::Policy::none())
            .build()
            .map_err(|_| NoModel("the HTTP client does not start"))?;
        Ok(Self {
            client,
            address,
            list,
            name: config.model.clone(),
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether the service has the model, by its list of models: nobody is charged for that.
    pub(crate) async fn reach(&self) -> Reach {
        #[derive(Deserialize)]
        struct List {
            data: Vec<Listed>,
        }
        #[derive(Deserialize)]
        struct Listed {
            id: String,
        }
        let asked = self.client.get(self.list.clone()).timeout(LIST_WITHIN);
        let Ok(response) = asked.send().await else {
            return Reach::Away;
        };
        match response.status().as_u16() {
            200 => {}
            status @ (401 | 403) => return Reach::Refused(status),
            status => return Reach::NoList(status),
        }
        let Ok(bytes) = response.bytes().await else {
            return Reach::Away;
        };
        let Ok(list) = serde_json::from_slice::<List>(&bytes) else {
            return Reach::NoList(200);
        };
        let is_ours = |id: &str| id == self.name || id.strip_suffix(":latest") == Some(&self.name);
        match list.data.iter().any(|listed| is_ours(&listed.id)) {
            true => Reach::Has,
            false => Reach::HasNot,
        }
    }

    /// The whole reply. Dropping the future closes the connection.
    pub(crate) async fn ask(&self, prompt: &Prompt) -> Result<String, Trouble> {
        let mut body = json!({
            "model": self.name,
            "stream": true,
            "temperature": 0,
            "messages": [
                { "role": "system", "content": prompt.system },
                { "role": "user", "content": prompt.user },
            ],
        });
        let mut response = self.post(&body).await?;
        // Some models refuse to be told how much to vary.
        if response.status() == StatusCode::BAD_REQUEST {
            if let Some(fields) = body.as_object_mut() {
                fields.remove("temperature");
            }
            response = self.post(&body).await?;
        }
        if !response.status().is_success() {
            return Err(Trouble::Status(response.status().as_u16()));
        }
        let mut events = response.bytes_stream().eventsource();
        let (mut reply, mut ended) = (String::new(), false);
        while let Some(event) = events.next().await {
            let event = event.map_err(|e| match e {
                eventsource_stream::EventStreamError::Transport(_) => Trouble::Cut,
                _ => Trouble::Garbage,
            })?;
            if event.data.trim() == "[DONE]" {
                ended = true;
                break;
            }
            let chunk: Chunk = serde_json::from_str(&event.data).map_err(|_| Trouble::Garbage)?;
            // The last event may count tokens and hold no choice.
            let Some(choice) = chunk.choices.into_iter().next() else {
                continue;
            };
            reply.push_str(&choice.delta.content.unwrap_or_default());
            if reply.len() > LONGEST {
                return Err(Trouble::TooLong);
            }
            match choice.finish_reason.as_deref() {
                None => {}
                Some("stop") => ended = true,
                // Cut for its length, or withheld: what came is no whole answer.
                Some(_) => return Err(Trouble::Cut),
            }
        }
        match (ended, reply.is_empty()) {
            (true, false) => Ok(reply),
            (true, true) => Err(Trouble::Garbage),
            (false, _) => Err(Trouble::Cut),
        }
    }

    async fn post(&self, body: &serde_json::Value) -> Result<reqwest::Response, Trouble> {
        let request = self.client.post(self.address.clone());
        let request = request
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_string());
        request.send().await.map_err(|e| match e.is_timeout() {
            true => Trouble::Slow,
            false => Trouble::Unreachable,
        })
    }
}
