//! `/casebook config`: what holds in a channel, shown and changed by options.

use casebook_core::Setting;
use casebook_desk::{Audience, ChannelSettings, Desk, Notice, Person, Speaks, Spot, Tone};

use crate::commands::{Wanted, setting_of};
use crate::interaction::Place;

/// Shows the settings of a channel, after changing them as is wanted.
pub(crate) async fn config(desk: &Desk, place: &Place, wanted: Wanted) -> Notice {
    let Some(guild) = place.guild else {
        return Notice::new(
            Tone::Denied,
            "Settings belong to a server's channels: use this command there. In direct messages everyone may ask.",
        );
    };
    let from = Person {
        id: place.person.to_string(),
        groups: Vec::new(),
        admin: place.manages,
    };
    // Who may not change them learns nothing about who is allowed either.
    if !from.admin {
        return Notice::new(
            Tone::Denied,
            "Only those who may manage the server can see or change Casebook's settings.",
        );
    }
    let workspace = guild.to_string();
    let (at, name) = if wanted.everywhere {
        // Without a channel the desk takes it for the whole server.
        let at = Spot {
            workspace: Some(workspace),
            ..Spot::default()
        };
        (
            at,
            "every channel of this server without settings of its own".to_owned(),
        )
    } else {
        let channel = wanted.channel.unwrap_or(place.settled());
        let at = Spot {
            channel: channel.to_string(),
            workspace: Some(workspace),
            ..Spot::default()
        };
        (at, format!("channel {channel}"))
    };
    let is_change = Wanted {
        channel: None,
        everywhere: false,
        ..wanted.clone()
    } != Wanted::default();
    let mut settings = match desk.settings(&at).await {
        Ok(settings) => settings,
        Err(notice) => return notice,
    };
    let mut said = String::new();
    if is_change {
        change(&mut settings, &wanted);
        let notice = desk.configure(&from, &at, &settings).await;
        if notice.tone != Tone::Plain {
            return notice;
        }
        said.push_str("Changed. It holds from the next question on.\n");
    }
    said.push_str(&format!("Settings of {name}:\n{}", shown(&settings)));
    Notice::new(Tone::Plain, said)
}

fn change(settings: &mut ChannelSettings, wanted: &Wanted) {
    if wanted.reset {
        *settings = ChannelSettings::default();
    }
    match wanted.listen.as_deref() {
        Some("mentions") => settings.speaks = Speaks::Mentions,
        Some("off") => settings.speaks = Speaks::Off,
        _ => {}
    }
    match wanted.answers.as_deref() {
        Some("private") => settings.audience = Some(Audience::Asker),
        Some("public") => settings.audience = Some(Audience::Everyone),
        _ => {}
    }
    if let Some(word) = wanted.setting.as_deref() {
        settings.setting = setting_of(word);
    }
    for (value, place) in [
        (&wanted.locality, &mut settings.locality),
        (&wanted.contractor, &mut settings.contractor),
    ] {
        if let Some(text) = value {
            *place = Some(text.clone()).filter(|text| !text.eq_ignore_ascii_case("none"));
        }
    }
    for (add, remove, list) in [
        (
            wanted.allow_role.map(|id| id.to_string()),
            wanted.remove_role.map(|id| id.to_string()),
            &mut settings.allowed_groups,
        ),
        (
            wanted.allow_user.map(|id| id.to_string()),
            wanted.remove_user.map(|id| id.to_string()),
            &mut settings.allowed_users,
        ),
    ] {
        list.retain(|known| Some(known) != remove.as_ref() && Some(known) != add.as_ref());
        list.extend(add);
    }
}

fn shown(settings: &ChannelSettings) -> String {
    let speaks = match settings.speaks {
        Speaks::Mentions => "when mentioned, and to commands",
        // Discord hands a bot without privileges only messages that mention it.
        Speaks::EveryQuestion => {
            "when mentioned, and to commands (Discord does not hand over other messages)"
        }
        Speaks::Off => "never",
    };
    let answers = match settings.audience {
        None => "to a command for who asked, to a mention for everyone",
        Some(Audience::Asker) => "for who asked",
        Some(Audience::Everyone) => "for everyone",
    };
    let setting = match settings.setting {
        Some(Setting::Practitioner) => "practitioner",
        Some(Setting::Facility) => "facility",
        _ => "nothing is assumed",
    };
    let or_none = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
    let allowed = [
        ("roles", &settings.allowed_groups),
        ("people", &settings.allowed_users),
    ]
    .iter()
    .filter(|(_, list)| !list.is_empty())
    .map(|(what, list)| format!("{what} {}", list.join(", ")))
    .collect::<Vec<_>>()
    .join("; ");
    let allowed = if allowed.is_empty() {
        "everyone".to_owned()
    } else {
        allowed
    };
    format!(
        "Answers: {speaks}\nSeen: {answers}\nSetting: {setting}\nLocality: {}\nContractor: {}\nMay ask: {allowed}",
        or_none(&settings.locality),
        or_none(&settings.contractor),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serenity::all::{RoleId, UserId};

    #[test]
    fn what_is_not_given_stays_and_none_takes_away() {
        let mut settings = ChannelSettings {
            locality: Some("Houston".into()),
            contractor: Some("Texas".into()),
            allowed_groups: vec!["5".into()],
            ..ChannelSettings::default()
        };
        let wanted = Wanted {
            locality: Some("None".into()),
            setting: Some("facility".into()),
            allow_role: Some(RoleId::new(6)),
            allow_user: Some(UserId::new(7)),
            ..Wanted::default()
        };
        change(&mut settings, &wanted);
        // A role that is allowed twice stands there once.
        change(&mut settings, &wanted);
        assert_eq!(settings.locality, None);
        assert_eq!(settings.contractor.as_deref(), Some("Texas"));
        assert_eq!(settings.setting, Some(Setting::Facility));
        assert_eq!(settings.allowed_groups, ["5", "6"]);
        assert_eq!(settings.allowed_users, ["7"]);
        let wanted = Wanted {
            remove_role: Some(RoleId::new(5)),
            ..Wanted::default()
        };
        change(&mut settings, &wanted);
        assert_eq!(settings.allowed_groups, ["6"]);
        change(
            &mut settings,
            &Wanted {
                reset: true,
                ..Wanted::default()
            },
        );
        assert_eq!(settings, ChannelSettings::default());
    }
}
