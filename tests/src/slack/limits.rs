//! Slack's limits on a message, as documented, and the sum of its text, as measured.

use std::collections::HashSet;

use serde_json::Value;

/// The sum of text over all blocks that was seen to pass; 11,341 characters were refused.
pub const ALL_TEXT: usize = 9597;
/// A text beyond this may become two messages.
pub const TEXT: usize = 4000;

/// Why Slack would refuse a message.
#[derive(Debug)]
pub struct Excess {
    /// Slack's error code.
    pub code: &'static str,
    /// What is wrong where, without the text.
    pub why: String,
}

fn bad(why: impl Into<String>) -> Excess {
    Excess {
        code: "invalid_blocks",
        why: why.into(),
    }
}

/// Checks the arguments of `chat.postMessage`, or a body for a response address.
///
/// # Errors
/// The first limit that the message breaks.
pub fn check(body: &Value) -> Result<(), Excess> {
    if body
        .as_object()
        .is_none_or(|body| body.values().any(Value::is_null))
    {
        let why = "an argument is null".into();
        return Err(Excess {
            code: "invalid_arguments",
            why,
        });
    }
    let text = body["text"].as_str().unwrap_or_default();
    let blocks = body["blocks"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    if text.is_empty() && blocks.is_empty() {
        return Err(Excess {
            code: "no_text",
            why: "neither text nor blocks".into(),
        });
    }
    if text.chars().count() > TEXT {
        return Err(Excess {
            code: "msg_too_long",
            why: "the text would be split".into(),
        });
    }
    if blocks.len() > 50 {
        return Err(bad(format!("{} blocks", blocks.len())));
    }
    check_blocks(blocks, false)?;
    let sum = blocks.iter().map(sum_of_text).sum::<usize>();
    if sum > ALL_TEXT {
        let why = format!("{sum} characters of text in all");
        return Err(Excess {
            code: "msg_blocks_too_long",
            why,
        });
    }
    Ok(())
}

/// Checks a view: what `views.open`, `views.update` and `views.publish` take.
///
/// # Errors
/// The first limit that the view breaks.
pub fn check_view(view: &Value) -> Result<(), Excess> {
    let modal = match view["type"].as_str() {
        Some("modal") => true,
        Some("home") => false,
        _ => return Err(bad("a view of no known type")),
    };
    for (key, wanted) in [("title", modal), ("submit", false), ("close", false)] {
        let text = &view[key];
        if text.is_null() && !wanted {
            continue;
        }
        let plain = text["type"] == "plain_text";
        if !plain || check_text(text, 24).is_err() {
            return Err(bad(format!("{key} is no plain text of 24 characters")));
        }
    }
    if length(&view["private_metadata"]) > 3000 || length(&view["callback_id"]) > 255 {
        return Err(bad("private_metadata or callback_id is too long"));
    }
    let blocks = view["blocks"].as_array().ok_or_else(|| bad("no blocks"))?;
    if blocks.is_empty() || blocks.len() > 100 {
        return Err(bad(format!("{} blocks", blocks.len())));
    }
    let input = |block: &Value| block["type"] == "input";
    if modal && blocks.iter().any(input) && view["submit"].is_null() {
        return Err(bad("inputs without a submit"));
    }
    check_blocks(blocks, true)
}

fn length(text: &Value) -> usize {
    text.as_str().map_or(0, |text| text.chars().count())
}

/// Checks every block, and that ids are unique.
fn check_blocks(blocks: &[Value], of_view: bool) -> Result<(), Excess> {
    let mut ids = HashSet::new();
    for (i, block) in blocks.iter().enumerate() {
        let bad = |why: String| bad(format!("block {i}: {why}"));
        match block["type"].as_str() {
            Some("input") if !of_view => return Err(bad("an input in a message".into())),
            Some("input") => check_input(block).map_err(bad)?,
            _ => check_block(block).map_err(bad)?,
        }
        let elements = block["elements"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let elements = elements
            .iter()
            .chain([&block["accessory"], &block["element"]]);
        let of_elements = elements.map(|element| ("action", &element["action_id"]));
        for (kind, id) in of_elements.chain([("block", &block["block_id"])]) {
            if let Some(id) = id.as_str()
                && (id.is_empty() || id.len() > 255 || !ids.insert((kind, id)))
            {
                return Err(bad(format!(
                    "the {kind} id {id:?} is empty, long, or not the only one"
                )));
            }
        }
    }
    Ok(())
}

fn check_input(block: &Value) -> Result<(), String> {
    check_text(&block["label"], 2000)?;
    if !block["hint"].is_null() {
        check_text(&block["hint"], 2000)?;
    }
    let element = &block["element"];
    if length(&element["action_id"]) == 0 {
        return Err("an input without an action id".into());
    }
    if !element["placeholder"].is_null() {
        check_text(&element["placeholder"], 150)?;
    }
    match element["type"].as_str() {
        Some("plain_text_input") => {
            let most = element["max_length"].as_u64().unwrap_or(3000);
            match most <= 3000 && length(&element["initial_value"]) as u64 <= most {
                true => Ok(()),
                false => Err("an input of more than 3000 characters".into()),
            }
        }
        Some("static_select" | "radio_buttons") => {
            let options = element["options"]
                .as_array()
                .map(Vec::as_slice)
                .unwrap_or_default();
            if options.is_empty() || options.len() > 100 {
                return Err(format!("{} options", options.len()));
            }
            let initial = &element["initial_option"];
            if !initial.is_null() && !options.contains(initial) {
                return Err("the initial option is none of the options".into());
            }
            options.iter().try_for_each(|option| {
                check_text(&option["text"], 75)?;
                match (1..=150).contains(&length(&option["value"])) {
                    true => Ok(()),
                    false => Err("an option without a value, or with a long one".into()),
                }
            })
        }
        Some("multi_users_select") => Ok(()),
        other => Err(format!("an input {other:?} is not known here")),
    }
}

fn check_button(button: &Value) -> Result<(), String> {
    if button["type"] != "button" {
        return Err(format!("a {} is not known here", button["type"]));
    }
    if button["text"]["type"] != "plain_text" {
        return Err("a button's text is not plain".into());
    }
    check_text(&button["text"], 75)?;
    if !matches!(button["style"].as_str(), None | Some("primary" | "danger")) {
        return Err("a button of no known style".into());
    }
    match length(&button["action_id"]) > 0 && length(&button["value"]) <= 2000 {
        true => Ok(()),
        false => Err("a button without an id, or with a value of more than 2000".into()),
    }
}

fn check_block(block: &Value) -> Result<(), String> {
    let kind = block["type"].as_str().ok_or("no type")?;
    match kind {
        "section" => {
            check_text(&block["text"], 3000)?;
            match &block["accessory"] {
                Value::Null => Ok(()),
                button => check_button(button),
            }
        }
        "header" => check_text(&block["text"], 150),
        "actions" => {
            let elements = elements(block)?;
            if elements.len() > 25 {
                return Err(format!("{} elements in actions", elements.len()));
            }
            elements.iter().try_for_each(check_button)
        }
        "context" => {
            let elements = elements(block)?;
            if elements.len() > 10 {
                return Err(format!("{} elements in a context", elements.len()));
            }
            elements
                .iter()
                .try_for_each(|element| check_text(element, 3000))
        }
        "rich_text" => elements(block)?.iter().try_for_each(check_rich),
        "divider" => Ok(()),
        other => Err(format!("a {other:?} is not known here")),
    }
}

fn elements(value: &Value) -> Result<&[Value], String> {
    match value["elements"].as_array() {
        Some(elements) if !elements.is_empty() => Ok(elements),
        _ => Err("no elements".into()),
    }
}

fn check_text(text: &Value, most: usize) -> Result<(), String> {
    let known = matches!(text["type"].as_str(), Some("plain_text" | "mrkdwn"));
    let length = text["text"].as_str().map_or(0, |text| text.chars().count());
    match known && (1..=most).contains(&length) {
        true => Ok(()),
        false => Err(format!(
            "a text object of {length} characters, at most {most}"
        )),
    }
}

fn check_rich(element: &Value) -> Result<(), String> {
    match element["type"].as_str().ok_or("no type")? {
        "rich_text_section" => elements(element)?.iter().try_for_each(check_leaf),
        "rich_text_list" => {
            if !matches!(element["style"].as_str(), Some("bullet" | "ordered")) {
                return Err("a list without a style".into());
            }
            elements(element)?
                .iter()
                .try_for_each(|item| match item["type"].as_str() {
                    Some("rich_text_section") => check_rich(item),
                    _ => Err("a list's item is no section".into()),
                })
        }
        other => Err(format!("a {other:?} is not known here")),
    }
}

fn check_leaf(leaf: &Value) -> Result<(), String> {
    let filled = |key: &str| leaf[key].as_str().is_some_and(|text| !text.is_empty());
    match leaf["type"].as_str() {
        Some("text") if filled("text") => Ok(()),
        Some("link") if filled("text") => match leaf["url"].as_str() {
            Some(url) if url.starts_with("https://") || url.starts_with("http://") => Ok(()),
            _ => Err("a link without an address".into()),
        },
        _ => Err("an element without text, or of an unknown kind".into()),
    }
}

/// The characters under every `text` and `url`.
fn sum_of_text(value: &Value) -> usize {
    match value {
        Value::Array(values) => values.iter().map(sum_of_text).sum(),
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| match value {
                Value::String(text) if matches!(key.as_str(), "text" | "url") => {
                    text.chars().count()
                }
                other => sum_of_text(other),
            })
            .sum(),
        _ => 0,
    }
}
