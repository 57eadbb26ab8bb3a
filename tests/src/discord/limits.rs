//! The limits that Discord puts on what a bot sends, and its way of saying which one was passed.
//!
//! Lengths are counted in UTF-16 code units, the strictest of the readings in use.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// A refusal as Discord words it, or nothing where the message is good.
pub fn message(body: &Value) -> Option<Value> {
    let mut faults = Faults::default();
    faults.longest(body, "content", 2000);
    let embeds = list(&body["embeds"]);
    if embeds.len() > 10 {
        faults.add("embeds", "BASE_TYPE_MAX_LENGTH");
    }
    if body["content"].as_str().unwrap_or("").trim().is_empty() && embeds.is_empty() {
        return Some(json!({"code": 50006, "message": "Cannot send an empty message"}));
    }
    let mut all = 0;
    for (i, embed) in embeds.iter().enumerate() {
        let at = |rest: &str| format!("embeds.{i}.{rest}");
        let mut shown = 0;
        for (key, path, limit) in [
            ("/title", "title", 256),
            ("/description", "description", 4096),
            ("/footer/text", "footer.text", 2048),
            ("/author/name", "author.name", 256),
        ] {
            let text = embed.pointer(key).and_then(Value::as_str).unwrap_or("");
            shown += units(text);
            if units(text) > limit {
                faults.add(&at(path), "BASE_TYPE_MAX_LENGTH");
            }
        }
        let fields = list(&embed["fields"]);
        if fields.len() > 25 {
            faults.add(&at("fields"), "BASE_TYPE_MAX_LENGTH");
        }
        for (j, field) in fields.iter().enumerate() {
            for (key, limit) in [("name", 256), ("value", 1024)] {
                let text = field[key].as_str().unwrap_or("");
                shown += units(text);
                if text.trim().is_empty() {
                    faults.add(&at(&format!("fields.{j}.{key}")), "BASE_TYPE_REQUIRED");
                }
                if units(text) > limit {
                    faults.add(&at(&format!("fields.{j}.{key}")), "BASE_TYPE_MAX_LENGTH");
                }
            }
        }
        if shown == 0 {
            faults.add(&at("description"), "BASE_TYPE_REQUIRED");
        }
        all += shown;
    }
    if all > 6000 {
        faults.add("embeds", "MAX_EMBED_SIZE_EXCEEDED");
    }
    if units(body["nonce"].as_str().unwrap_or("")) > 25 {
        faults.add("nonce", "NONCE_TYPE_TOO_LONG");
    }
    components(&body["components"], &mut faults);
    faults.into_error()
}

/// What twilight, whose authors read Discord's documentation on their own, says of a message. It leaves out the 6000 over
/// all embeds, which [`message`] checks.
///
/// # Errors
/// In twilight's words.
pub fn second_opinion(body: &Value) -> Result<(), String> {
    use twilight_model::channel::message::{Component, Embed};
    if let Some(content) = body["content"].as_str() {
        twilight_validate::message::content(content).map_err(|e| e.to_string())?;
    }
    // twilight wants to read an embed's kind, which one does not send.
    let mut embeds = list(&body["embeds"]);
    for embed in &mut embeds {
        embed["type"] = json!("rich");
    }
    let embeds: Vec<Embed> = serde_json::from_value(json!(embeds)).map_err(|e| e.to_string())?;
    twilight_validate::message::embeds(&embeds).map_err(|e| e.to_string())?;
    let components: Vec<Component> =
        serde_json::from_value(json!(list(&body["components"]))).map_err(|e| e.to_string())?;
    twilight_validate::message::components(&components, false).map_err(|e| e.to_string())
}

/// Rows of buttons and menus, or of a form's text fields.
fn components(rows: &Value, faults: &mut Faults) {
    let rows = list(rows);
    let mut ids = BTreeSet::new();
    if rows.len() > 5 {
        faults.add("components", "BASE_TYPE_MAX_LENGTH");
    }
    for (i, row) in rows.iter().enumerate() {
        let parts = list(&row["components"]);
        let one_only = parts.iter().any(|part| part["type"] != 2);
        if row["type"] != 1 || parts.is_empty() || parts.len() > if one_only { 1 } else { 5 } {
            faults.add(
                &format!("components.{i}.components"),
                "BASE_TYPE_BAD_LENGTH",
            );
        }
        for (j, part) in parts.iter().enumerate() {
            let at = |key: &str| format!("components.{i}.components.{j}.{key}");
            let text = |key: &str| part[key].as_str().unwrap_or("").to_owned();
            let id = text("custom_id");
            if !(1..=100).contains(&units(&id)) {
                faults.add(&at("custom_id"), "BASE_TYPE_BAD_LENGTH");
            }
            if !ids.insert(id) {
                faults.add(&at("custom_id"), "COMPONENT_CUSTOM_ID_DUPLICATED");
            }
            match part["type"].as_u64() {
                Some(2) if !(1..=80).contains(&units(&text("label"))) => {
                    faults.add(&at("label"), "BASE_TYPE_BAD_LENGTH");
                }
                Some(3) => {
                    let options = list(&part["options"]);
                    if !(1..=25).contains(&options.len()) {
                        faults.add(&at("options"), "BASE_TYPE_BAD_LENGTH");
                    }
                    let mut values = BTreeSet::new();
                    for (k, option) in options.iter().enumerate() {
                        for key in ["label", "value"] {
                            let text = option[key].as_str().unwrap_or("");
                            if !(1..=100).contains(&units(text)) {
                                faults.add(
                                    &at(&format!("options.{k}.{key}")),
                                    "BASE_TYPE_BAD_LENGTH",
                                );
                            }
                        }
                        if !values.insert(option["value"].to_string()) {
                            faults.add(
                                &at(&format!("options.{k}.value")),
                                "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED",
                            );
                        }
                    }
                    if units(&text("placeholder")) > 150 {
                        faults.add(&at("placeholder"), "BASE_TYPE_MAX_LENGTH");
                    }
                }
                Some(4) => {
                    if !(1..=45).contains(&units(&text("label"))) {
                        faults.add(&at("label"), "BASE_TYPE_BAD_LENGTH");
                    }
                    if units(&text("placeholder")) > 100 || units(&text("value")) > 4000 {
                        faults.add(&at("placeholder"), "BASE_TYPE_MAX_LENGTH");
                    }
                    if part["max_length"].as_u64().is_some_and(|max| max > 4000) {
                        faults.add(&at("max_length"), "NUMBER_TYPE_MAX");
                    }
                }
                Some(2) => {}
                _ => faults.add(&at("type"), "UNION_TYPE_CHOICES"),
            }
        }
    }
}

/// A refusal of a form, or nothing where it is good.
pub fn form(data: &Value) -> Option<Value> {
    let mut faults = Faults::default();
    for (key, limit) in [("title", 45), ("custom_id", 100)] {
        if !(1..=limit).contains(&units(data[key].as_str().unwrap_or(""))) {
            faults.add(key, "BASE_TYPE_BAD_LENGTH");
        }
    }
    if list(&data["components"]).is_empty() {
        faults.add("components", "BASE_TYPE_REQUIRED");
    }
    components(&data["components"], &mut faults);
    faults.into_error()
}

/// A refusal of choices for autocomplete, or nothing where they are good.
pub fn choices(data: &Value) -> Option<Value> {
    let mut faults = Faults::default();
    let Some(choices) = data["choices"].as_array() else {
        faults.add("choices", "BASE_TYPE_REQUIRED");
        return faults.into_error();
    };
    if choices.len() > 25 {
        faults.add("choices", "BASE_TYPE_MAX_LENGTH");
    }
    for (i, choice) in choices.iter().enumerate() {
        for key in ["name", "value"] {
            if !(1..=100).contains(&units(choice[key].as_str().unwrap_or(""))) {
                faults.add(&format!("choices.{i}.{key}"), "BASE_TYPE_BAD_LENGTH");
            }
        }
    }
    faults.into_error()
}

/// A refusal of a thread, or nothing where it is good.
pub fn thread(body: &Value) -> Option<Value> {
    let mut faults = Faults::default();
    if !(1..=100).contains(&units(body["name"].as_str().unwrap_or(""))) {
        faults.add("name", "BASE_TYPE_BAD_LENGTH");
    }
    faults.into_error()
}

/// A refusal of a list of commands, or nothing where it is good.
pub fn commands(list_of: &Value) -> Option<Value> {
    let mut faults = Faults::default();
    for (i, command) in list(list_of).iter().enumerate() {
        if [2, 3].iter().any(|kind| command["type"] == *kind) {
            let name = command["name"].as_str().unwrap_or("");
            if !(1..=32).contains(&units(name)) {
                faults.add(&format!("{i}.name"), "BASE_TYPE_BAD_LENGTH");
            }
            if command["description"]
                .as_str()
                .is_some_and(|text| !text.is_empty())
                || !list(&command["options"]).is_empty()
            {
                faults.add(
                    &format!("{i}.description"),
                    "APPLICATION_COMMAND_CONTEXT_MENU_DESCRIPTION_CANNOT_BE_SET",
                );
            }
        } else {
            described(&i.to_string(), command, &mut faults);
        }
        // Names, descriptions and values of a command count together.
        if all_text(command) > 8000 {
            faults.add(&i.to_string(), "APPLICATION_COMMAND_TOO_LARGE");
        }
    }
    faults.into_error()
}

/// A command or an option with what is below it.
fn described(at: &str, item: &Value, faults: &mut Faults) {
    let name = item["name"].as_str().unwrap_or("");
    let good = (1..=32).contains(&name.len())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c));
    if !good {
        faults.add(&format!("{at}.name"), "APPLICATION_COMMAND_INVALID_NAME");
    }
    if !(1..=100).contains(&units(item["description"].as_str().unwrap_or(""))) {
        faults.add(&format!("{at}.description"), "BASE_TYPE_BAD_LENGTH");
    }
    let choices = list(&item["choices"]);
    if choices.len() > 25 || !choices.is_empty() && item["autocomplete"] == true {
        faults.add(&format!("{at}.choices"), "BASE_TYPE_BAD_LENGTH");
    }
    for (k, choice) in choices.iter().enumerate() {
        if !(1..=100).contains(&units(choice["name"].as_str().unwrap_or(""))) {
            faults.add(&format!("{at}.choices.{k}.name"), "BASE_TYPE_BAD_LENGTH");
        }
    }
    let options = list(&item["options"]);
    if options.len() > 25 {
        faults.add(&format!("{at}.options"), "BASE_TYPE_MAX_LENGTH");
    }
    let required: Vec<bool> = options.iter().map(|o| o["required"] == true).collect();
    if required.windows(2).any(|pair| !pair[0] && pair[1]) {
        faults.add(
            &format!("{at}.options"),
            "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
        );
    }
    for (j, option) in options.iter().enumerate() {
        described(&format!("{at}.options.{j}"), option, faults);
    }
}

fn all_text(item: &Value) -> usize {
    let own: usize = ["name", "description", "value"]
        .iter()
        .map(|key| units(item[*key].as_str().unwrap_or("")))
        .sum();
    let below = ["options", "choices"]
        .iter()
        .flat_map(|key| list(&item[*key]))
        .map(|inner| all_text(&inner))
        .sum::<usize>();
    own + below
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

#[derive(Default)]
struct Faults(Map<String, Value>);

impl Faults {
    fn longest(&mut self, body: &Value, key: &str, limit: usize) {
        if units(body[key].as_str().unwrap_or("")) > limit {
            self.add(key, "BASE_TYPE_MAX_LENGTH");
        }
    }

    fn add(&mut self, path: &str, code: &str) {
        let mut at = &mut self.0;
        for part in path.split('.') {
            at = at
                .entry(part)
                .or_insert_with(|| json!({}))
                .as_object_mut()
                .expect("only objects are inserted");
        }
        at.insert(
            "_errors".into(),
            json!([{"code": code, "message": "refused"}]),
        );
    }

    fn into_error(self) -> Option<Value> {
        (!self.0.is_empty())
            .then(|| json!({"code": 50035, "message": "Invalid Form Body", "errors": self.0}))
    }
}
