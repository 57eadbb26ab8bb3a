//! What people see, out of the payloads that the stand-ins received: drawn as SVG for the guides, and written out as a
//! transcript.
//!
//! [`slack`] and [`discord`] read a platform's payload into [`Scene`]s and know everything that Casebook sends there; what
//! they do not know makes them panic, so that no picture leaves anything out. [`draw`] draws scenes, [`transcript`] writes
//! them.

pub mod discord;
mod draw;
pub mod slack;

use std::fmt::Write;

pub use draw::draw;

/// How a piece of text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// As it is.
    Plain,
    /// Bold.
    Bold,
    /// A link. Where it leads is not drawn.
    Link,
    /// Of fixed width.
    Code,
}

/// A piece of text in one look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The text.
    pub text: String,
    /// Its look.
    pub look: Look,
}

impl Run {
    /// A piece of text.
    pub fn new(text: impl Into<String>, look: Look) -> Self {
        Self {
            text: text.into(),
            look,
        }
    }
}

/// How a button looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Like any other.
    Plain,
    /// Stands out.
    Primary,
    /// Warns.
    Danger,
}

/// A button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    /// What stands on it.
    pub label: String,
    /// How it looks.
    pub tone: Tone,
}

/// A field of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// What stands above it.
    pub label: String,
    /// What stands in it, where something does.
    pub text: Option<String>,
    /// What stands in it while it is empty.
    pub hint: String,
    /// Whether it has several lines.
    pub lines: bool,
    /// Whether one chooses instead of typing.
    pub menu: bool,
    /// Whether it may be left empty.
    pub optional: bool,
}

/// A part of a message or a form, from top to bottom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text.
    Text(Vec<Run>),
    /// A point of a list.
    Item(Vec<Run>),
    /// Quoted text.
    Quote(Vec<Run>),
    /// Small text.
    Small(Vec<Run>),
    /// A heading.
    Heading(String),
    /// Buttons side by side.
    Buttons(Vec<Button>),
    /// Text with a button beside it.
    Beside(Vec<Run>, Button),
    /// A field of a form.
    Field(Field),
    /// So many parts that the picture leaves out.
    Torn(usize),
}

/// Something that is seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scene {
    /// Where it happens.
    Place(String),
    /// What a person types and sends as a command.
    Typed(String),
    /// What is offered while a person types.
    Choices(Vec<String>),
    /// A message of a person's.
    Person(Vec<Run>),
    /// A message of Casebook's.
    Casebook {
        /// Who alone sees it, where not everybody does.
        note: Option<&'static str>,
        /// The colour of the bar beside it, where it has one.
        bar: Option<u32>,
        /// What is said within the bar.
        parts: Vec<Part>,
        /// What stands below.
        below: Vec<Part>,
    },
    /// A form, or a page of its own.
    View {
        /// Its heading.
        title: String,
        /// What it holds.
        parts: Vec<Part>,
        /// The buttons at its end.
        ends: Vec<Button>,
    },
}

/// Whose colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// Slack's, light.
    Slack,
    /// Discord's, dark.
    Discord,
}

/// Numbers that differ from run to run become always the same.
fn settled(text: &str) -> String {
    const REFERENCE: &str = "Reference ";
    let Some((before, after)) = text.split_once(REFERENCE) else {
        return text.to_owned();
    };
    let number = after.get(..8);
    match number.is_some_and(|number| number.bytes().all(|b| b.is_ascii_hexdigit())) {
        true => format!("{before}{REFERENCE}4f9c21ab{}", &after[8..]),
        false => text.to_owned(),
    }
}

/// Leaves out what stands between the first `head` and the last `tail` parts, but for what says that a message was cut.
pub fn tear(parts: &mut Vec<Part>, head: usize, tail: usize) {
    if parts.len() <= head + tail + 1 {
        return;
    }
    let end = parts.len() - tail;
    let says_so = |part: &Part| match part {
        Part::Text(runs) | Part::Small(runs) => text(runs).starts_with("\u{2026}and "),
        _ => false,
    };
    let kept = (head..end).find(|i| says_so(&parts[*i]));
    let mut between = Vec::new();
    let kept = kept.unwrap_or(end);
    for (from, to) in [(head, kept), (kept + 1, end)] {
        if from < to {
            between.push(Part::Torn(to - from));
        }
        if to == kept && kept < end {
            between.push(parts[kept].clone());
        }
    }
    parts.splice(head..end, between);
}

/// [`tear`] for the message or the page of a scene.
pub fn torn(mut scene: Scene, head: usize, tail: usize) -> Scene {
    if let Scene::Casebook { parts, .. } | Scene::View { parts, .. } = &mut scene {
        tear(parts, head, tail);
    }
    scene
}

/// Scenes as text.
pub fn transcript(scenes: &[Scene]) -> String {
    let mut out = String::new();
    for scene in scenes {
        match scene {
            Scene::Place(place) => writeln!(out, "-- {place}"),
            Scene::Typed(text) => writeln!(out, "dana types: {text}"),
            Scene::Choices(choices) => writeln!(out, "offered:\n  {}", choices.join("\n  ")),
            Scene::Person(runs) => writeln!(out, "dana: {}", text(runs)),
            Scene::Casebook {
                note, parts, below, ..
            } => {
                let note = note.map_or(String::new(), |note| format!(" ({note})"));
                writeln!(out, "Casebook{note}:").and_then(|()| {
                    out.push_str(&lines(parts.iter().chain(below)));
                    Ok(())
                })
            }
            Scene::View { title, parts, ends } => {
                let _ = writeln!(out, "Casebook opens \"{title}\":");
                out.push_str(&lines(parts.iter()));
                match ends.is_empty() {
                    true => Ok(()),
                    false => writeln!(out, "  {}", buttons(ends)),
                }
            }
        }
        .expect("a string takes everything");
    }
    out
}

fn lines<'a>(parts: impl Iterator<Item = &'a Part>) -> String {
    let mut out = String::new();
    for part in parts {
        let (mark, said) = match part {
            Part::Text(runs) => ("", text(runs)),
            Part::Item(runs) => ("- ", text(runs)),
            Part::Quote(runs) => ("> ", text(runs)),
            Part::Small(runs) => ("~ ", text(runs)),
            Part::Heading(heading) => ("# ", heading.clone()),
            Part::Buttons(row) => ("", buttons(row)),
            Part::Beside(runs, button) => (
                "",
                format!("{} {}", text(runs), buttons(std::slice::from_ref(button))),
            ),
            Part::Field(field) => ("", self::field(field)),
            Part::Torn(n) => ("", format!("({n} parts are left out here)")),
        };
        for (i, line) in said.lines().enumerate() {
            let mark = if i == 0 { mark } else { "  " };
            out.push_str(format!("  {mark}{line}").trim_end());
            out.push('\n');
        }
    }
    out
}

fn text(runs: &[Run]) -> String {
    runs.iter().map(|run| run.text.as_str()).collect()
}

fn buttons(buttons: &[Button]) -> String {
    let labels: Vec<String> = buttons
        .iter()
        .map(|button| format!("[{}]", button.label))
        .collect();
    labels.join(" ")
}

fn field(field: &Field) -> String {
    let kind = if field.menu { "choose" } else { "type" };
    let optional = if field.optional { ", optional" } else { "" };
    match &field.text {
        Some(text) => format!("{} ({kind}{optional}): {text}", field.label),
        None => format!("{} ({kind}{optional}) {}", field.label, field.hint),
    }
}
