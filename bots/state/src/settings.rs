//! Settings of a channel, as an admin chose them.

use casebook_releases::Setting;
use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};

use crate::{State, StateError};

/// When Casebook speaks in a channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaks {
    /// When it is mentioned or a command is used, and to whom it is already talking in a thread.
    #[default]
    Mentions,
    /// Also to a question that nobody addressed to it, if it has an answer.
    EveryQuestion,
    /// Not at all.
    Off,
}

/// Who sees a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Everybody in the channel.
    Everyone,
    /// Only the person who asked.
    Asker,
}

/// What holds in a channel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChannelSettings {
    /// When Casebook speaks.
    pub speaks: Speaks,
    /// Who sees answers. None: commands are answered to the asker alone, what was said in the channel for everybody.
    pub audience: Option<Audience>,
    /// The setting that questions are about, where a question names none.
    pub setting: Option<Setting>,
    /// The fee-schedule locality, where a question names none.
    pub locality: Option<String>,
    /// The Medicare contractor or state, where a question names none.
    pub contractor: Option<String>,
    /// Ids of the people who may ask; with `allowed_groups` empty, too: everybody.
    pub allowed_users: Vec<String>,
    /// Ids of groups or roles whose members may ask.
    pub allowed_groups: Vec<String>,
}

impl ChannelSettings {
    /// These settings, with what they leave open taken from others.
    pub fn or(self, others: &Self) -> Self {
        Self {
            audience: self.audience.or(others.audience),
            setting: self.setting.or(others.setting),
            locality: self.locality.or_else(|| others.locality.clone()),
            contractor: self.contractor.or_else(|| others.contractor.clone()),
            ..self
        }
    }

    /// Whether a person may ask here.
    pub fn allow(&self, user: &str, groups: &[String]) -> bool {
        (self.allowed_users.is_empty() && self.allowed_groups.is_empty())
            || self.allowed_users.iter().any(|allowed| allowed == user)
            || self
                .allowed_groups
                .iter()
                .any(|allowed| groups.contains(allowed))
    }
}

impl State {
    /// The settings of the first of these places that has any: a channel, then its workspace.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn settings(
        &self,
        places: Vec<String>,
    ) -> Result<Option<ChannelSettings>, StateError> {
        self.work(move |c, _| {
            let mut query = c.prepare_cached("SELECT value FROM settings WHERE channel = ?1")?;
            for place in &places {
                let found: Option<String> = query.query_row([place], |r| r.get(0)).optional()?;
                if let Some(text) = found {
                    // Unreadable settings may say "off": an error, not the defaults.
                    return serde_json::from_str(&text)
                        .map(Some)
                        .map_err(|e| unreadable(0, e));
                }
            }
            Ok(None)
        })
        .await
    }

    /// Sets what holds in a place from now on.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn set(&self, place: &str, settings: &ChannelSettings) -> Result<(), StateError> {
        let (place, value) = (place.to_owned(), serde_json::to_string(settings));
        self.work(move |c, now| {
            let value = value.map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))?;
            c.execute(
                "INSERT OR REPLACE INTO settings (channel, value, changed) VALUES (?1, ?2, ?3)",
                params![place, value, now],
            )
            .map(|_| ())
        })
        .await
    }

    /// Every place that has settings of its own, for an operator.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn all_settings(&self) -> Result<Vec<(String, ChannelSettings)>, StateError> {
        self.work(|c, _| {
            c.prepare_cached("SELECT channel, value FROM settings ORDER BY channel")?
                .query_map([], |r| {
                    let text: String = r.get(1)?;
                    let settings = serde_json::from_str(&text).map_err(|e| unreadable(1, e))?;
                    Ok((r.get(0)?, settings))
                })?
                .collect()
        })
        .await
    }
}

fn unreadable(column: usize, why: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, why.into())
}
