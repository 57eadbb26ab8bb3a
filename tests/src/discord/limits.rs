//! The limits that Discord puts on what a bot sends, and its way of saying which one was passed.
//!
//! Lengths are counted in UTF-16 code units, the strictest of the readings in use.

use serde_json::{Map, Value, json};

/// A refusal as Discord words it, or nothing where the message is good.
pub fn message(body: &Value) -> Option<Value> {
    let mut faults = Faults::default();
    faults.longest(body, "content", 2000);
    let embeds = body["embeds"].as_array().cloned().unwrap_or_default();
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
        let fields = embed["fields"].as_array().cloned().unwrap_or_default();
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
    faults.into_error()
}

/// A refusal of a list of commands, or nothing where it is good.
pub fn commands(list: &Value) -> Option<Value> {
    let mut faults = Faults::default();
    let name_is_good = |name: &str| {
        (1..=32).contains(&name.len())
            && name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c))
    };
    for (i, command) in list.as_array().into_iter().flatten().enumerate() {
        let options = command["options"].as_array().cloned().unwrap_or_default();
        let described = std::iter::once((format!("{i}"), command)).chain(
            options
                .iter()
                .enumerate()
                .map(|(j, o)| (format!("{i}.options.{j}"), o)),
        );
        for (at, item) in described {
            if !name_is_good(item["name"].as_str().unwrap_or("")) {
                faults.add(&format!("{at}.name"), "APPLICATION_COMMAND_INVALID_NAME");
            }
            if !(1..=100).contains(&units(item["description"].as_str().unwrap_or(""))) {
                faults.add(&format!("{at}.description"), "BASE_TYPE_BAD_LENGTH");
            }
            for (k, choice) in item["choices"].as_array().into_iter().flatten().enumerate() {
                if !(1..=100).contains(&units(choice["name"].as_str().unwrap_or(""))) {
                    faults.add(&format!("{at}.choices.{k}.name"), "BASE_TYPE_BAD_LENGTH");
                }
            }
        }
        let required: Vec<bool> = options.iter().map(|o| o["required"] == true).collect();
        if required.windows(2).any(|pair| !pair[0] && pair[1]) {
            faults.add(
                &format!("{i}.options"),
                "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
            );
        }
    }
    faults.into_error()
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
