//! Slack's payloads, read as a client shows them.

use serde_json::Value;

use super::{Button, Field, Look, Part, Run, Scene, Tone, settled};

/// A message that Casebook posted.
pub fn message(post: &Value) -> Scene {
    Scene::Casebook {
        note: (post["ephemeral"] == true).then_some("Only visible to you"),
        bar: None,
        parts: match post["blocks"].as_array() {
            Some(blocks) => blocks.iter().flat_map(parts).collect(),
            None => vec![Part::Text(vec![Run::new(
                settled(&unescaped(string(&post["text"]))),
                Look::Plain,
            )])],
        },
        below: Vec::new(),
    }
}

/// A form that was opened, or the app's home.
pub fn view(view: &Value) -> Scene {
    let button = |key: &str, tone| {
        let label = view[key]["text"].as_str()?.to_owned();
        Some(Button { label, tone })
    };
    let ends = [
        button("close", Tone::Plain),
        button("submit", Tone::Primary),
    ];
    Scene::View {
        title: match view["type"].as_str() {
            Some("home") => "Home".to_owned(),
            _ => string(&view["title"]["text"]).to_owned(),
        },
        parts: list(&view["blocks"]).iter().flat_map(parts).collect(),
        ends: ends.into_iter().flatten().collect(),
    }
}

fn string(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

fn list(value: &Value) -> &[Value] {
    value
        .as_array()
        .unwrap_or_else(|| panic!("no list: {value}"))
}

/// The fallback text, in which Casebook uses no markup.
fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

fn parts(block: &Value) -> Vec<Part> {
    match string(&block["type"]) {
        "rich_text" => list(&block["elements"]).iter().flat_map(rich).collect(),
        "context" => list(&block["elements"])
            .iter()
            .map(|element| Part::Small(vec![plain(element)]))
            .collect(),
        "header" => vec![Part::Heading(plain(&block["text"]).text)],
        "section" if block["accessory"].is_object() => vec![Part::Beside(
            vec![plain(&block["text"])],
            button(&block["accessory"]),
        )],
        "section" => vec![Part::Text(vec![plain(&block["text"])])],
        "actions" => vec![Part::Buttons(
            list(&block["elements"]).iter().map(button).collect(),
        )],
        "input" => vec![Part::Field(field(block))],
        other => panic!("a picture knows no block {other:?}: {block:#}"),
    }
}

fn rich(element: &Value) -> Vec<Part> {
    let runs = |of: &Value| list(&of["elements"]).iter().map(run).collect::<Vec<_>>();
    match string(&element["type"]) {
        "rich_text_section" => vec![Part::Text(runs(element))],
        "rich_text_list" => list(&element["elements"])
            .iter()
            .map(|section| Part::Item(runs(section)))
            .collect(),
        other => panic!("a picture knows no rich text {other:?}"),
    }
}

fn run(element: &Value) -> Run {
    let look = match (string(&element["type"]), &element["style"]["bold"]) {
        ("link", _) => Look::Link,
        ("text", bold) if bold == true => Look::Bold,
        ("text", _) => Look::Plain,
        (other, _) => panic!("a picture knows no element {other:?}"),
    };
    Run::new(settled(string(&element["text"])), look)
}

/// A text object, which Casebook sends plain alone.
fn plain(text: &Value) -> Run {
    assert_eq!(text["type"], "plain_text", "{text}");
    Run::new(settled(string(&text["text"])), Look::Plain)
}

fn button(element: &Value) -> Button {
    assert_eq!(element["type"], "button", "{element}");
    Button {
        label: plain(&element["text"]).text,
        tone: match element["style"].as_str() {
            None => Tone::Plain,
            Some("primary") => Tone::Primary,
            Some("danger") => Tone::Danger,
            Some(other) => panic!("a button in the style {other:?}"),
        },
    }
}

fn field(block: &Value) -> Field {
    let element = &block["element"];
    let (menu, text) = match string(&element["type"]) {
        "plain_text_input" => (false, element["initial_value"].as_str()),
        "static_select" => (true, element["initial_option"]["text"]["text"].as_str()),
        "multi_users_select" => (true, None),
        other => panic!("a picture knows no field {other:?}"),
    };
    let hint = element["placeholder"]["text"].as_str();
    Field {
        label: plain(&block["label"]).text,
        text: text.map(str::to_owned),
        hint: hint.unwrap_or(if menu { "Choose" } else { "" }).to_owned(),
        lines: element["multiline"] == true,
        menu,
        optional: block["optional"] == true,
    }
}
