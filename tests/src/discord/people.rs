//! What people do: use commands, type, press buttons, fill in forms, say things.

use std::time::Instant;

use serde_json::{Value, json};

use super::{BOT, CHANNEL, DIRECT, Discord, GUILD, Interaction, bot, message, person};

/// The guild's member that a person is, with roles and permissions.
pub fn member(roles: &[u64], permissions: u64) -> Value {
    let roles: Vec<String> = roles.iter().map(u64::to_string).collect();
    json!({
        "user": person(), "roles": roles, "joined_at": "2026-01-01T00:00:00Z", "deaf": false, "mute": false,
        "flags": 0, "permissions": permissions.to_string(),
    })
}

fn strings(options: &[(&str, &str)]) -> Value {
    options
        .iter()
        .map(|(name, value)| json!({"name": name, "type": 3, "value": value}))
        .collect()
}

impl Discord {
    /// A person uses a command in the guild's channel. Returns the interaction's id.
    pub fn command(&self, name: &str, options: &[(&str, &str)]) -> u64 {
        self.command_in(name, strings(options), json!({}))
    }

    /// A person uses a command with any options; `change` replaces keys of the event.
    pub fn command_in(&self, name: &str, options: Value, change: Value) -> u64 {
        let data = json!({"id": "1", "name": name, "type": 1, "options": options});
        self.interact(2, data, change)
    }

    /// A person uses `/casebook SUB`, as a member with these permissions.
    pub fn casebook(&self, sub: &str, options: Value, permissions: u64) -> u64 {
        let options = json!([{"name": sub, "type": 1, "options": options}]);
        self.command_in(
            "casebook",
            options,
            json!({"member": member(&[], permissions)}),
        )
    }

    /// A person chooses a command from the menu of a message that somebody wrote.
    pub fn message_command(&self, name: &str, content: &str) -> u64 {
        let on = self.0.change(|inner| inner.id());
        let mut target = message(on, CHANNEL, content);
        target["author"] = person();
        let data = json!({
            "id": "1", "name": name, "type": 3, "target_id": on.to_string(),
            "resolved": {"messages": {on.to_string(): target}},
        });
        self.interact(2, data, json!({}))
    }

    /// A person types in an option of a command.
    pub fn types(&self, name: &str, option: &str, typed: &str) -> u64 {
        let options = json!([{"name": option, "type": 3, "value": typed, "focused": true}]);
        let data = json!({"id": "1", "name": name, "type": 1, "options": options});
        self.interact(4, data, json!({}))
    }

    /// A person presses the button that is labelled so (or begins so) on a message of the bot's.
    pub fn press(&self, on: &Value, label: &str) -> u64 {
        self.press_as(on, label, json!({}))
    }

    /// As [`Discord::press`]; `change` replaces keys of the event.
    pub fn press_as(&self, on: &Value, label: &str, change: Value) -> u64 {
        let parts = parts(on);
        let button = parts
            .iter()
            .find(|part| {
                part["label"]
                    .as_str()
                    .is_some_and(|text| text.starts_with(label))
            })
            .unwrap_or_else(|| panic!("no button {label:?} on {on:#}"));
        let data = json!({"custom_id": button["custom_id"], "component_type": 2});
        self.on_message(on, data, change)
    }

    /// A person chooses from the menu on a message of the bot's.
    pub fn choose(&self, on: &Value, option: &str) -> u64 {
        let parts = parts(on);
        let (menu, value) = parts
            .iter()
            .find_map(|part| {
                let options = part["options"].as_array()?;
                let chosen = options.iter().find(|o| {
                    o["label"]
                        .as_str()
                        .is_some_and(|text| text.starts_with(option))
                })?;
                Some((part, chosen["value"].clone()))
            })
            .unwrap_or_else(|| panic!("no option {option:?} on {on:#}"));
        let data = json!({"custom_id": menu["custom_id"], "component_type": 3, "values": [value]});
        self.on_message(on, data, json!({}))
    }

    /// A person sends a form, with these texts in its fields from the first. `on`: the message whose button opened it.
    pub fn submit(&self, form: &Value, texts: &[&str], on: Option<&Value>) -> u64 {
        let fields = parts(form);
        assert!(texts.len() <= fields.len(), "{form:#}");
        let rows: Vec<Value> = fields
            .iter()
            .enumerate()
            .map(|(i, field)| {
                let value = texts.get(i).copied().unwrap_or("");
                let field = json!({"type": 4, "custom_id": field["custom_id"], "value": value});
                json!({"type": 1, "components": [field]})
            })
            .collect();
        let data = json!({"custom_id": form["custom_id"], "components": rows});
        match on {
            Some(on) => self.with_message(5, on, data, json!({})),
            None => self.interact(5, data, json!({})),
        }
    }

    fn on_message(&self, on: &Value, data: Value, change: Value) -> u64 {
        self.with_message(3, on, data, change)
    }

    fn with_message(&self, kind: u64, on: &Value, data: Value, mut change: Value) -> u64 {
        let id = on["id"]
            .as_str()
            .and_then(|id| id.parse().ok())
            .expect("an id");
        let channel = on["channel_id"].as_str().and_then(|id| id.parse().ok());
        let channel = channel.unwrap_or(CHANNEL);
        let mut target = message(id, channel, "");
        target["flags"] = on["flags"].clone();
        target["components"] = on["components"]
            .as_array()
            .cloned()
            .unwrap_or_default()
            .into();
        if target["flags"].is_null() {
            target["flags"] = json!(0);
        }
        change["message"] = target;
        if channel != CHANNEL {
            let thread = self.threads().get(&channel).cloned();
            change["channel_id"] = json!(channel.to_string());
            change["channel"] = thread.unwrap_or(json!({"id": channel.to_string(), "type": 1}));
        }
        self.interact(kind, data, change)
    }

    /// A person uses the bot in any way: `kind` is the interaction's type. Returns its id.
    pub fn interact(&self, kind: u64, data: Value, change: Value) -> u64 {
        self.0.change(|inner| {
            let id = inner.id();
            let token = format!("token-{id}");
            let mut event = json!({
                "id": id.to_string(), "application_id": BOT.to_string(), "type": kind, "token": token,
                "version": 1, "data": data, "guild_id": GUILD.to_string(), "channel_id": CHANNEL.to_string(),
                "channel": {"id": CHANNEL.to_string(), "type": 0, "name": "coding"},
                "member": member(&[], 0), "locale": "en-US", "entitlements": [], "context": 0,
                "authorizing_integration_owners": {}, "attachment_size_limit": 1, "app_permissions": "0",
            });
            for (key, value) in change.as_object().into_iter().flatten() {
                event[key] = value.clone();
            }
            let on = &event["message"]["id"];
            let on = on.as_str().and_then(|id| id.parse().ok());
            let interaction = Interaction {
                id,
                event: event.clone(),
                since: Instant::now(),
                first: None,
                flags: event["message"]["flags"].as_u64().unwrap_or(0),
                message: on.unwrap_or_else(|| inner.id()),
                answer: None,
                form: None,
                choices: None,
                added: Vec::new(),
                withdrawn: false,
            };
            inner.interactions.insert(token, interaction);
            match &inner.endpoint {
                Some(endpoint) => {
                    let endpoint = endpoint.clone();
                    tokio::spawn(async move { endpoint.deliver(&event).await });
                }
                None => inner.gateway.dispatch("INTERACTION_CREATE", event),
            }
            id
        })
    }

    /// A person mentions the bot in the guild's channel. Returns the message's id.
    pub fn mention(&self, text: &str) -> u64 {
        self.say(text, CHANNEL, json!({}))
    }

    /// A person writes to the bot directly.
    pub fn direct(&self, text: &str) -> u64 {
        self.say(text, DIRECT, json!({}))
    }

    /// Someone says something; `change` replaces keys of the event.
    pub fn say(&self, text: &str, channel: u64, change: Value) -> u64 {
        self.0.change(|inner| {
            let id = inner.id();
            let mentioned = text.contains(&BOT.to_string());
            let mut event = message(id, channel, text);
            event["author"] = person();
            if mentioned {
                event["mentions"] = json!([bot()]);
            }
            if channel != DIRECT {
                event["guild_id"] = json!(GUILD.to_string());
            }
            for (key, value) in change.as_object().into_iter().flatten() {
                event[key] = value.clone();
            }
            inner.gateway.say(event);
            id
        })
    }
}

/// The buttons, menus or fields of a message or a form.
fn parts(of: &Value) -> Vec<Value> {
    let rows = of["components"].as_array().cloned().unwrap_or_default();
    rows.iter()
        .flat_map(|row| row["components"].as_array().cloned().unwrap_or_default())
        .collect()
}
