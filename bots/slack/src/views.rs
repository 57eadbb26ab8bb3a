//! Forms, and the app's home: what stands in a view of its own.
//!
//! Every field's block and action have the same id, so that [`crate::inbound::View`] reads them alike.

use casebook_core::Setting;
use casebook_desk::{
    Action, Audience, ChannelSettings, Form, Help, Home, LONGEST_ACTION, Speaks, editions_in_words,
};
use serde_json::{Value, json};

use crate::inbound::View;
use crate::render::{button, clip, context};

/// The form for a note.
pub(crate) const NOTE: &str = "note";
/// The form that goes before an action: a question about a code, a reason.
pub(crate) const TYPED: &str = "typed";
/// The form for a channel's settings.
pub(crate) const SETTINGS: &str = "settings";

/// Slack takes so many characters in a field.
const FIELD: usize = 3000;
/// So many fields take a long note.
const NOTE_FIELDS: [&str; 4] = ["note", "note_2", "note_3", "note_4"];
/// Editions listed in the home; more say that there are more.
const EDITIONS: usize = 20;
/// The assistant pane takes so many prompts.
const PROMPTS: usize = 4;

fn plain(text: &str) -> Value {
    json!({"type": "plain_text", "text": text, "emoji": false})
}

fn form(id: &str, title: &str, submit: &str, metadata: &str, blocks: Vec<Value>) -> Value {
    json!({
        "type": "modal", "callback_id": id, "private_metadata": metadata,
        "title": plain(title), "submit": plain(submit), "close": plain("Cancel"), "blocks": blocks,
    })
}

/// A field for text, with `initial` text in it.
fn field(id: &str, label: &str, optional: bool, lines: bool, initial: &str) -> Value {
    let mut element = json!({
        "type": "plain_text_input", "action_id": id, "multiline": lines, "max_length": if lines { FIELD } else { 200 },
    });
    if !initial.is_empty() {
        element["initial_value"] = clip(initial, if lines { FIELD } else { 200 }).into();
    }
    json!({"type": "input", "block_id": id, "optional": optional, "label": plain(label), "element": element})
}

/// A list of which one is chosen.
fn choice(id: &str, label: &str, options: &[(&str, &str)], chosen: &str) -> Value {
    let option = |(value, text): &(&str, &str)| json!({"text": plain(text), "value": value});
    let mut element = json!({
        "type": "static_select", "action_id": id, "options": options.iter().map(option).collect::<Vec<_>>(),
    });
    if let Some(initial) = options.iter().find(|(value, _)| *value == chosen) {
        element["initial_option"] = option(initial);
    }
    json!({"type": "input", "block_id": id, "label": plain(label), "element": element})
}

/// The form for a note. `metadata` comes back with it.
pub(crate) fn note(text: &str, metadata: &str) -> Value {
    let mut blocks = vec![context(
        "Paste the note without names, dates of birth and numbers that identify the patient. It stands in no channel, \
             and Casebook does not store it. Only you see the answer.",
    )];
    let chars: Vec<char> = text.chars().collect();
    let mut pieces = chars.chunks(FIELD);
    for (i, id) in NOTE_FIELDS.iter().enumerate() {
        let piece: String = pieces.next().unwrap_or_default().iter().collect();
        let label = if i == 0 {
            "Note"
        } else {
            "Continued (3,000 characters fit in each field)"
        };
        blocks.push(field(id, label, i > 0, true, &piece));
    }
    form(NOTE, "Codes for a note", "Find codes", metadata, blocks)
}

/// The note that was entered.
pub(crate) fn entered_note(view: &View) -> String {
    let pieces = NOTE_FIELDS.iter().filter_map(|id| view.text(id));
    pieces.collect::<Vec<_>>().join("\n")
}

/// The form that goes before an action.
pub(crate) fn typed(form_: &Form, metadata: &str) -> Value {
    let longest = usize::from(form_.longest).min(FIELD);
    let element = json!({
        "type": "plain_text_input", "action_id": TYPED, "multiline": true, "max_length": longest,
        "placeholder": plain(&clip(form_.hint, 150)),
    });
    let blocks = vec![json!({
        "type": "input", "block_id": TYPED, "optional": form_.optional, "label": plain(&form_.label),
        "element": element,
    })];
    form(TYPED, &clip(form_.title, 24), "Send", metadata, blocks)
}

/// What was entered in [`typed`].
pub(crate) fn entered_text(view: &View) -> Option<String> {
    view.text(TYPED).map(str::to_owned)
}

/// The form for a channel's settings. `channel_messages`: whether Casebook hears every message of its channels.
pub(crate) fn settings(now: &ChannelSettings, channel_messages: bool, metadata: &str) -> Value {
    let mut speaks = vec![
        ("mentions", "To mentions, and in threads that began with it"),
        ("off", "Not at all"),
    ];
    if channel_messages {
        speaks.insert(
            1,
            ("every_question", "To every question that it can answer"),
        );
    }
    let mut blocks = vec![choice(
        "speaks",
        "Casebook answers",
        &speaks,
        speaks_as(now.speaks),
    )];
    if !channel_messages {
        blocks.push(context(
            "To let it answer every question, whoever runs Casebook sets slack.channel_messages and updates the app with \
             \u{201C}casebook slack manifest --channel-messages\u{201D}.",
        ));
    }
    blocks.extend([
        choice(
            "audience",
            "Who sees answers",
            &[
                ("default", "Commands: the asker. Mentions: everybody"),
                ("everyone", "Everybody in the channel"),
                ("asker", "Only the person who asked"),
            ],
            match now.audience {
                None => "default",
                Some(Audience::Everyone) => "everyone",
                Some(Audience::Asker) => "asker",
            },
        ),
        choice(
            "setting",
            "Questions are about",
            &[
                ("either", "Nothing in particular"),
                ("practitioner", "Practitioner services"),
                ("facility", "Hospital outpatient services"),
                ("dme", "Durable medical equipment"),
            ],
            match now.setting {
                None => "either",
                Some(Setting::Practitioner) => "practitioner",
                Some(Setting::Facility) => "facility",
                Some(Setting::Dme) => "dme",
            },
        ),
        field(
            "locality",
            "Fee schedule locality, such as Houston",
            true,
            false,
            now.locality.as_deref().unwrap_or(""),
        ),
        field(
            "contractor",
            "Medicare contractor or state, such as Texas",
            true,
            false,
            now.contractor.as_deref().unwrap_or(""),
        ),
        people(
            "users",
            "Who may ask (nobody chosen: everybody)",
            &now.allowed_users,
        ),
        field(
            "groups",
            "Ids of user groups that may ask, separated by commas (S0123ABCD)",
            true,
            false,
            &now.allowed_groups.join(", "),
        ),
    ]);
    form(SETTINGS, "Casebook here", "Save", metadata, blocks)
}

fn people(id: &str, label: &str, chosen: &[String]) -> Value {
    let mut element = json!({"type": "multi_users_select", "action_id": id});
    if !chosen.is_empty() {
        element["initial_users"] = json!(chosen);
    }
    json!({"type": "input", "block_id": id, "optional": true, "label": plain(label), "element": element})
}

fn speaks_as(speaks: Speaks) -> &'static str {
    match speaks {
        Speaks::Mentions => "mentions",
        Speaks::EveryQuestion => "every_question",
        Speaks::Off => "off",
    }
}

/// The settings that were chosen.
pub(crate) fn entered_settings(view: &View) -> ChannelSettings {
    let owned = |id: &str| view.text(id).map(str::to_owned);
    ChannelSettings {
        speaks: match view.chosen("speaks") {
            Some("every_question") => Speaks::EveryQuestion,
            Some("off") => Speaks::Off,
            _ => Speaks::Mentions,
        },
        audience: match view.chosen("audience") {
            Some("everyone") => Some(Audience::Everyone),
            Some("asker") => Some(Audience::Asker),
            _ => None,
        },
        setting: match view.chosen("setting") {
            Some("practitioner") => Some(Setting::Practitioner),
            Some("facility") => Some(Setting::Facility),
            Some("dme") => Some(Setting::Dme),
            _ => None,
        },
        locality: owned("locality"),
        contractor: owned("contractor"),
        allowed_users: view.people("users"),
        allowed_groups: owned("groups")
            .iter()
            .flat_map(|groups| groups.split([',', ' ']))
            .filter(|group| !group.is_empty())
            .map(str::to_owned)
            .collect(),
    }
}

/// The app's home. Every button asks its question in the conversation with the app.
pub(crate) fn home(home: &Home) -> Value {
    let Home {
        recent,
        editions,
        help,
    } = home;
    let mut blocks = vec![header("Casebook"), context(help.intro), context(help.how)];
    let ask = |id: String, label: &str, question: &str| {
        let action = Action::Related {
            question: question.to_owned(),
        };
        let mut block = json!({
            "type": "section", "block_id": id, "text": plain(&clip(label, 2000)),
        });
        // A longer question does not fit into a button; it can still be read and typed.
        if action.encode().chars().count() <= LONGEST_ACTION {
            let mut button = button(&format!("{id}_ask"), &action);
            button["text"] = plain("Ask");
            block["accessory"] = button;
        }
        block
    };
    blocks.push(header("Topics"));
    for (i, topic) in help.topics.iter().enumerate() {
        let label = format!("{}: {}", topic.name, topic.example);
        blocks.push(ask(format!("topic{i}"), &label, topic.example));
    }
    blocks.push(header("Your recent questions"));
    match recent.as_slice() {
        [] => blocks.push(context("None that Casebook still knows.")),
        recent => {
            let recent = recent.iter().enumerate();
            blocks
                .extend(recent.map(|(i, question)| ask(format!("recent{i}"), question, question)));
        }
    }
    blocks.push(header("What is loaded"));
    let editions = editions_in_words(editions);
    for edition in editions.iter().take(EDITIONS) {
        blocks.push(context(&clip(edition, 300)));
    }
    match editions.len().checked_sub(EDITIONS) {
        None if editions.is_empty() => blocks.push(context("No edition is loaded.")),
        None | Some(0) => {}
        Some(n) => blocks.push(context(&format!(
            "\u{2026}and {n} more: /casebook editions"
        ))),
    }
    blocks.push(context(help.privacy));
    json!({"type": "home", "blocks": blocks})
}

fn header(text: &str) -> Value {
    json!({"type": "header", "text": plain(text)})
}

/// Prompts for the assistant pane, which takes four.
pub(crate) fn prompts(help: &Help) -> Vec<Value> {
    let topics = help.topics.iter().take(PROMPTS);
    topics
        .map(|topic| json!({"title": topic.name, "message": topic.example}))
        .collect()
}
