//! Slack's limits on a message, as documented, and the sum of its text, as measured.

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
    for (i, block) in blocks.iter().enumerate() {
        check_block(block).map_err(|why| bad(format!("block {i}: {why}")))?;
    }
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

fn check_block(block: &Value) -> Result<(), String> {
    let kind = block["type"].as_str().ok_or("no type")?;
    match kind {
        "section" => check_text(&block["text"], 3000),
        "header" => check_text(&block["text"], 150),
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
