//! Buttons and forms: how the desk's actions look in Discord.

use std::collections::BTreeSet;

use casebook_core::Setting;
use casebook_desk::{Action, Form};
use chrono::NaiveDate;
use serenity::all::{
    ActionRow, ActionRowComponent, ButtonKind, ButtonStyle, CreateActionRow, CreateButton,
    CreateInputText, CreateModal, InputTextStyle,
};

use crate::commands::setting_of;

/// Discord's limits, in UTF-16 code units where they are lengths.
const ROWS: usize = 5;
const IN_A_ROW: usize = 5;
const LABEL: usize = 80;
const TITLE: usize = 45;
const CUSTOM_ID: usize = 100;
/// The longest text that a form takes.
const NOTE: u16 = 4000;

/// The button below a public answer that asks on in its thread. Discord hands a bot without privileges only messages that
/// mention it, so a plain message in the thread would not be heard.
const ASK_ON: &str = "dc1:on";
const NOTE_FORM: &str = "dc1:note";
/// The one field of each form.
const FIELD: &str = "text";

/// What a button, or the form of a button, asks for.
pub(crate) enum Pressed {
    /// Something that the desk knows.
    Action(Action),
    /// A further question in an answer's thread.
    AskOn,
    /// The form for a note was sent.
    Note {
        as_of: Option<NaiveDate>,
        setting: Option<Setting>,
    },
}

/// What a custom id stands for; nothing where an older Casebook made it.
pub(crate) fn pressed(custom_id: &str) -> Option<Pressed> {
    if custom_id == ASK_ON {
        return Some(Pressed::AskOn);
    }
    if let Some(rest) = custom_id.strip_prefix(NOTE_FORM) {
        let mut parts = rest.split(':').skip(1);
        return Some(Pressed::Note {
            as_of: parts.next().and_then(|date| date.parse().ok()),
            setting: parts.next().and_then(setting_of),
        });
    }
    Action::decode(custom_id).map(Pressed::Action)
}

/// A button that stands on a message and stays when the message's lines change.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    id: String,
    label: String,
    style: ButtonStyle,
}

/// The buttons that stay on a message when it shows other lines of its answer: all but those that turn its pages. Away
/// from the first lines there is one that leads back.
pub(crate) fn standing(rows: &[ActionRow], pressed: &Action) -> Vec<Standing> {
    let mut stay: Vec<Standing> = Vec::new();
    if let Action::More { answer, from } = pressed
        && *from > 0
    {
        let first = Action::More {
            answer: answer.clone(),
            from: 0,
        };
        stay.push(Standing {
            id: first.encode(),
            label: "From the start".to_owned(),
            style: ButtonStyle::Secondary,
        });
    }
    for part in rows.iter().flat_map(|row| &row.components) {
        if let ActionRowComponent::Button(button) = part
            && let ButtonKind::NonLink { custom_id, style } = &button.data
            && !matches!(Action::decode(custom_id), Some(Action::More { .. }))
        {
            stay.push(Standing {
                id: custom_id.clone(),
                label: button.label.clone().unwrap_or_default(),
                style: *style,
            });
        }
    }
    stay
}

/// The buttons below a reply: what to do with it first, then related questions. What finds no place is left out from the
/// end.
pub(crate) fn rows(
    actions: &[Action],
    standing: &[Standing],
    asks_on: bool,
) -> Vec<CreateActionRow> {
    let mut ids = BTreeSet::new();
    let mut deeds = Vec::new();
    let mut questions = Vec::new();
    let fresh = actions.iter().map(|action| Standing {
        id: action.encode(),
        label: action.label(),
        style: style(action),
    });
    for button in fresh.chain(standing.iter().cloned()) {
        let label = cut(&one_line(&button.label), LABEL);
        let fits = button.id.encode_utf16().count() <= CUSTOM_ID && !label.is_empty();
        // Discord refuses a message with two buttons of one id.
        if !fits || !ids.insert(button.id.clone()) {
            continue;
        }
        let is_question = matches!(
            Action::decode(&button.id),
            Some(Action::Related { .. } | Action::RelatedTo { .. })
        );
        let button = CreateButton::new(button.id)
            .label(label)
            .style(button.style);
        if is_question {
            questions.push(button);
        } else {
            deeds.push(button);
        }
    }
    if asks_on {
        deeds.push(
            CreateButton::new(ASK_ON)
                .label("Ask on")
                .style(ButtonStyle::Primary),
        );
    }
    deeds
        .chunks(IN_A_ROW)
        .chain(questions.chunks(IN_A_ROW))
        .take(ROWS)
        .map(|row| CreateActionRow::Buttons(row.to_vec()))
        .collect()
}

/// Without line breaks and other control characters, which a label cannot show.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

fn style(action: &Action) -> ButtonStyle {
    match action {
        Action::More { .. } | Action::Share { .. } => ButtonStyle::Primary,
        Action::AnswerAnyway { .. } => ButtonStyle::Danger,
        _ => ButtonStyle::Secondary,
    }
}

/// The form that stands before an action.
pub(crate) fn form(action: &Action, form: &Form) -> CreateModal {
    let field = CreateInputText::new(InputTextStyle::Paragraph, cut(&form.label, TITLE), FIELD)
        .placeholder(cut(form.hint, 100))
        .required(!form.optional)
        .max_length(form.longest.min(NOTE));
    modal(&action.encode(), form.title, field)
}

/// The form for a further question in an answer's thread.
pub(crate) fn ask_on_form() -> CreateModal {
    let field = CreateInputText::new(InputTextStyle::Paragraph, "Your question", FIELD)
        .placeholder(
            "Everyone in the thread will see the answer. No names or record numbers, please.",
        )
        .required(true)
        .max_length(1000);
    modal(ASK_ON, "Ask on in this thread", field)
}

/// The form for a note. What the command was given travels in its id.
pub(crate) fn note_form(as_of: Option<NaiveDate>, setting: Option<Setting>) -> CreateModal {
    let as_of = as_of.map_or(String::new(), |date| date.to_string());
    let setting = match setting {
        Some(Setting::Practitioner) => "practitioner",
        Some(Setting::Facility) => "facility",
        _ => "",
    };
    let field = CreateInputText::new(InputTextStyle::Paragraph, "The note", FIELD)
        .placeholder("Without names, dates of birth or record numbers. Only you see the answer.")
        .required(true)
        .max_length(NOTE);
    modal(
        &format!("{NOTE_FORM}:{as_of}:{setting}"),
        "Codes for a note",
        field,
    )
}

fn modal(id: &str, title: &str, field: CreateInputText) -> CreateModal {
    CreateModal::new(id, cut(title, TITLE)).components(vec![CreateActionRow::InputText(field)])
}

/// What was typed into a form.
pub(crate) fn typed(rows: &[ActionRow]) -> Option<String> {
    rows.iter()
        .flat_map(|row| &row.components)
        .find_map(|part| match part {
            ActionRowComponent::InputText(field) => field.value.clone(),
            _ => None,
        })
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
}

/// `text` within `max` code units, with a sign where it was cut.
pub(crate) fn cut(text: &str, max: usize) -> String {
    let text = text.trim();
    if text.encode_utf16().count() <= max {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += c.len_utf16();
        if used > max {
            break;
        }
        out.push(c);
    }
    out.truncate(out.trim_end().len());
    out.push('…');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_form_carries_what_the_command_was_given() {
        let id = |as_of: Option<&str>, setting| {
            let form = note_form(as_of.map(|date| date.parse().expect("a date")), setting);
            let form = serde_json::to_value(form).expect("serializes");
            form["custom_id"].as_str().expect("an id").to_owned()
        };
        let Some(Pressed::Note { as_of, setting }) =
            pressed(&id(Some("2026-11-24"), Some(Setting::Facility)))
        else {
            panic!("a note")
        };
        assert_eq!(
            as_of.map(|date| date.to_string()).as_deref(),
            Some("2026-11-24")
        );
        assert_eq!(setting, Some(Setting::Facility));
        let nothing = pressed(&id(None, None));
        assert!(matches!(
            nothing,
            Some(Pressed::Note {
                as_of: None,
                setting: None
            })
        ));
        assert!(pressed("cb0:old").is_none() && pressed("").is_none());
    }
}
