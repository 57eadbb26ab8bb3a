//! Discord's payloads, read as a client shows them.

use serde_json::Value;

use super::{Button, Field, Look, Part, Run, Scene, Tone, settled};

/// A flag of messages that one person alone sees.
const EPHEMERAL: u64 = 64;

/// A message that Casebook sent.
pub fn message(message: &Value) -> Scene {
    let flags = message["flags"].as_u64().unwrap_or(0);
    let embeds = list(&message["embeds"]);
    assert!(embeds.len() < 2, "a picture knows one embed: {message:#}");
    let mut parts = match message["content"].as_str() {
        Some(content) if !content.is_empty() => marked(content),
        _ => Vec::new(),
    };
    for embed in embeds {
        parts.extend(embedded(embed));
    }
    Scene::Casebook {
        note: (flags & EPHEMERAL != 0).then_some("Only you can see this"),
        bar: embeds.first().map(|embed| {
            let colour = embed["color"].as_u64().unwrap_or(0);
            u32::try_from(colour).expect("a colour")
        }),
        parts,
        below: rows(&message["components"]),
    }
}

/// A form that was opened.
pub fn form(form: &Value) -> Scene {
    let button = |label: &str, tone| Button {
        label: label.to_owned(),
        tone,
    };
    Scene::View {
        title: string(&form["title"]).to_owned(),
        parts: rows(&form["components"]),
        ends: vec![
            button("Cancel", Tone::Plain),
            button("Submit", Tone::Primary),
        ],
    }
}

fn string(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn embedded(embed: &Value) -> Vec<Part> {
    let known = ["color", "title", "description", "fields", "footer", "type"];
    for (key, value) in embed.as_object().expect("an object") {
        assert!(
            known.contains(&key.as_str()) || value.is_null(),
            "{key}: {value}"
        );
    }
    let mut parts = Vec::new();
    if let Some(title) = embed["title"].as_str() {
        parts.push(Part::Heading(title.to_owned()));
    }
    if let Some(description) = embed["description"].as_str() {
        parts.extend(marked(description));
    }
    for field in list(&embed["fields"]) {
        let name: Vec<Run> = inline(string(&field["name"]))
            .into_iter()
            .map(|run| Run::new(run.text, Look::Bold))
            .collect();
        parts.push(Part::Text(name));
        parts.extend(marked(string(&field["value"])));
    }
    if let Some(footer) = embed["footer"]["text"].as_str() {
        parts.push(Part::Small(vec![Run::new(settled(footer), Look::Plain)]));
    }
    parts
}

/// Buttons, menus and fields, row by row.
fn rows(components: &Value) -> Vec<Part> {
    let rows = list(components).iter();
    rows.flat_map(|row| {
        let inside = list(&row["components"]);
        let buttons: Vec<Button> = inside
            .iter()
            .filter(|part| is_button(part))
            .map(button)
            .collect();
        let buttons = (!buttons.is_empty()).then_some(Part::Buttons(buttons));
        let others = inside.iter().filter(|part| !is_button(part));
        others.map(|part| Part::Field(field(part))).chain(buttons)
    })
    .collect()
}

fn is_button(part: &Value) -> bool {
    part["type"] == 2
}

fn button(part: &Value) -> Button {
    Button {
        label: string(&part["label"]).to_owned(),
        tone: match part["style"].as_u64() {
            Some(1) => Tone::Primary,
            Some(2) => Tone::Plain,
            Some(4) => Tone::Danger,
            other => panic!("a button in the style {other:?}"),
        },
    }
}

fn field(part: &Value) -> Field {
    let menu = match part["type"].as_u64() {
        Some(3) => true,
        Some(4) => false,
        other => panic!("a picture knows no part {other:?}"),
    };
    let label = if menu { "" } else { string(&part["label"]) };
    Field {
        label: label.to_owned(),
        text: part["value"]
            .as_str()
            .filter(|text| !text.is_empty())
            .map(str::to_owned),
        hint: part["placeholder"].as_str().unwrap_or_default().to_owned(),
        lines: part["style"] == 2,
        menu,
        optional: part["required"] == false,
    }
}

/// Text in Discord's markup, a part for each line.
fn marked(text: &str) -> Vec<Part> {
    let lines = settled(text);
    let lines = lines.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| match line.strip_prefix("> ") {
            Some(quote) => Part::Quote(inline(quote)),
            None => Part::Text(inline(line)),
        })
        .collect()
}

/// A line's bold text, links and escaped characters: the markup that Casebook uses.
fn inline(line: &str) -> Vec<Run> {
    let mut runs = vec![Run::new("", Look::Plain)];
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        let look = runs.last().expect("never empty").look;
        if let (Some(after), Some(escaped)) = (rest.strip_prefix('\\'), rest.chars().nth(1)) {
            runs.last_mut().expect("never empty").text.push(escaped);
            rest = &after[escaped.len_utf8()..];
        } else if let Some(after) = rest.strip_prefix("**") {
            let other = if look == Look::Bold {
                Look::Plain
            } else {
                Look::Bold
            };
            runs.push(Run::new("", other));
            rest = after;
        } else if let Some((label, after)) = link(rest) {
            runs.push(Run::new(label, Look::Link));
            runs.push(Run::new("", look));
            rest = after;
        } else {
            runs.last_mut().expect("never empty").text.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    runs.retain(|run| !run.text.is_empty());
    runs
}

/// A masked link's label, and what follows it.
fn link(text: &str) -> Option<(&str, &str)> {
    let (label, after) = text.strip_prefix('[')?.split_once("](http")?;
    let (_, after) = after.split_once(')')?;
    (!label.contains(['[', ']'])).then_some((label, after))
}
