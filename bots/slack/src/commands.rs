//! What Slack is told about the app, as one table: commands, the shortcut, events, scopes.
//!
//! [`manifest`] prints it for Slack's "Create New App, From a manifest"; the listener looks the same table up for
//! what it receives. So a command cannot be announced without a meaning, and no scope is asked for that no row needs.

use casebook_core::Intent;
use serde_json::{Value, json};

/// What a slash command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Does {
    /// Its text is a request with this intent.
    Ask(Intent),
    /// Opens the form for a note.
    Note,
    /// Shows help, settings and what is kept: see `reply`.
    Casebook,
}

/// A slash command.
pub(crate) struct Command {
    pub(crate) name: &'static str,
    pub(crate) does: Does,
    description: &'static str,
    usage_hint: &'static str,
}

/// Every slash command.
pub(crate) const COMMANDS: [Command; 6] = [
    Command {
        name: "/ask",
        does: Does::Ask(Intent::Ask),
        description: "Ask a coding question. Only you see the answer.",
        usage_hint: "your question, without patient details",
    },
    Command {
        name: "/code",
        does: Does::Ask(Intent::Code),
        description: "Show one or more codes. Only you see the answer.",
        usage_hint: "M54.50 E11.9",
    },
    Command {
        name: "/codes",
        does: Does::Ask(Intent::Search),
        description: "Find codes for a condition or a service in words. Only you see the answer.",
        usage_hint: "low back pain",
    },
    Command {
        name: "/check",
        does: Does::Ask(Intent::Check),
        description: "Check codes against one another: NCCI edits, units, add-on codes. Only you see the answer.",
        usage_hint: "77003 62323",
    },
    Command {
        name: "/case",
        does: Does::Note,
        description: "Find the codes of a note. A form opens for it, so that it never stands in the channel.",
        usage_hint: "no text: a form opens",
    },
    Command {
        name: "/casebook",
        does: Does::Casebook,
        description: "Help, what is loaded, and settings of this channel.",
        usage_hint: "help | editions | config | gaps | usage",
    },
];

/// The command of this name.
pub(crate) fn command(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| command.name == name)
}

/// The message shortcut's `callback_id`.
pub(crate) const ASK_SHORTCUT: &str = "ask_casebook";
/// The message shortcut as people see it, 24 characters at most.
const ASK_SHORTCUT_NAME: &str = "Ask Casebook";

/// A scope, and what needs it.
pub(crate) struct Need {
    pub(crate) scope: &'static str,
    events: &'static [&'static str],
    /// What people have of it, or the methods that need it.
    pub(crate) what_for: &'static str,
    /// Whether Casebook is of no use without it.
    pub(crate) vital: bool,
    /// Needed only to hear every message of a channel that Casebook is in.
    channel_messages: bool,
}

/// Every scope with its use.
const NEEDS: [Need; 10] = [
    Need {
        scope: "app_mentions:read",
        events: &["app_mention"],
        what_for: "mentions in channels",
        vital: true,
        channel_messages: false,
    },
    Need {
        scope: "im:history",
        events: &["message.im"],
        what_for: "messages to Casebook itself",
        vital: true,
        channel_messages: false,
    },
    Need {
        scope: "commands",
        events: &[],
        what_for: "the commands and the shortcut",
        vital: true,
        channel_messages: false,
    },
    // chat.postMessage, chat.postEphemeral, chat.update.
    Need {
        scope: "chat:write",
        events: &[],
        what_for: "answers",
        vital: true,
        channel_messages: false,
    },
    // reactions.add.
    Need {
        scope: "reactions:write",
        events: &[],
        what_for: "a sign of life on a message whose answer takes longer than a second",
        vital: false,
        channel_messages: false,
    },
    // users.info.
    Need {
        scope: "users:read",
        events: &[],
        what_for: "who is an admin and may open the settings",
        vital: false,
        channel_messages: false,
    },
    // usergroups.users.list.
    Need {
        scope: "usergroups:read",
        events: &[],
        what_for: "user groups that may ask",
        vital: false,
        channel_messages: false,
    },
    // assistant.threads.setStatus and setSuggestedPrompts.
    Need {
        scope: "assistant:write",
        events: &[
            "assistant_thread_started",
            "assistant_thread_context_changed",
        ],
        what_for: "status and suggested prompts in the assistant pane",
        vital: false,
        channel_messages: false,
    },
    Need {
        scope: "channels:history",
        events: &["message.channels"],
        what_for: "every message of public channels (slack.channel_messages)",
        vital: true,
        channel_messages: true,
    },
    Need {
        scope: "groups:history",
        events: &["message.groups"],
        what_for: "every message of private channels (slack.channel_messages)",
        vital: true,
        channel_messages: true,
    },
];

/// The scopes that the app is to have.
pub(crate) fn needs(channel_messages: bool) -> impl Iterator<Item = &'static Need> {
    NEEDS
        .iter()
        .filter(move |need| channel_messages || !need.channel_messages)
}

/// Events that need no scope.
const FREE_EVENTS: [&str; 1] = ["app_home_opened"];

/// The app manifest: what Slack's app settings take under "From a manifest".
///
/// `channel_messages`: with the scopes to hear every message of the channels that Casebook is in, for the mode
/// "every question" ([`crate::Config::channel_messages`]). `request_url`: where Slack reaches Casebook over HTTPS;
/// without it the app uses Socket Mode.
pub fn manifest(channel_messages: bool, request_url: Option<&str>) -> Value {
    let needs: Vec<&Need> = needs(channel_messages).collect();
    let scopes: Vec<&str> = needs.iter().map(|need| need.scope).collect();
    let events: Vec<&str> = needs
        .iter()
        .flat_map(|need| need.events.iter().copied())
        .collect();
    let commands = COMMANDS.iter().map(|command| {
        let mut entry = json!({
            "command": command.name,
            "description": command.description,
            "usage_hint": command.usage_hint,
            "should_escape": true,
        });
        if let Some(url) = request_url {
            entry["url"] = url.into();
        }
        entry
    });
    let prompts = crate::views::prompts(&casebook_desk::help());
    let mut manifest = json!({
        "display_information": {
            "name": "Casebook",
            "description": "Medical coding questions, answered from dated official sources.",
            "background_color": "#1f4e5f",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": true,
                "messages_tab_enabled": true,
                "messages_tab_read_only_enabled": false,
            },
            "bot_user": {"display_name": "Casebook", "always_online": false},
            "shortcuts": [{
                "name": ASK_SHORTCUT_NAME,
                "type": "message",
                "callback_id": ASK_SHORTCUT,
                "description": "Answers this message. Only you see the answer.",
            }],
            "slash_commands": commands.collect::<Vec<_>>(),
            "assistant_view": {
                "assistant_description": "Medical coding questions, answered from dated official sources.",
                "suggested_prompts": prompts,
            },
        },
        "oauth_config": {"scopes": {"bot": scopes}},
        "settings": {
            "event_subscriptions": {"bot_events": events.into_iter().chain(FREE_EVENTS).collect::<Vec<_>>()},
            "interactivity": {"is_enabled": true},
            "org_deploy_enabled": false,
            "socket_mode_enabled": request_url.is_none(),
            "token_rotation_enabled": false,
        },
    });
    if let Some(url) = request_url {
        manifest["settings"]["event_subscriptions"]["request_url"] = url.into();
        manifest["settings"]["interactivity"]["request_url"] = url.into();
    }
    manifest
}
