//! Who may ask where, what a thread remembers, and who sees the answer.

use casebook_core::{Setting, Verdict};
use casebook_desk::{Audience, ChannelSettings, Desk, Manner, Rules, Speaks, Taken, Tone};

use crate::*;

async fn set(desk: &Desk, settings: ChannelSettings) {
    let said = desk.configure(&admin(), &channel(), &settings).await;
    assert_eq!(said.tone, Tone::Plain);
    assert_eq!(desk.settings(&channel()).await.unwrap(), settings);
}

#[tokio::test]
async fn only_admins_change_settings() {
    let world = World::new();
    let desk = world.desk(&Engine::stuck());
    let off = ChannelSettings {
        speaks: Speaks::Off,
        ..ChannelSettings::default()
    };
    assert_eq!(
        desk.configure(&person("U1"), &channel(), &off).await.tone,
        Tone::Denied
    );
    assert_eq!(
        desk.settings(&channel()).await.unwrap(),
        ChannelSettings::default()
    );
}

#[tokio::test]
async fn where_it_is_off_whoever_asks_is_told_and_nobody_is_answered() {
    let mut world = World::new();
    let engine = Engine::answering(answer(1, 0, &[]));
    let desk = world.desk(&engine);
    set(
        &desk,
        ChannelSettings {
            speaks: Speaks::Off,
            ..ChannelSettings::default()
        },
    )
    .await;
    for question in [
        mention("1", "U1", "what is M54.50"),
        command("2", "U1", "what is M54.50"),
    ] {
        world.take(&desk, question);
        let (_, reply) = world.reply().await;
        assert_eq!(
            (notice(&reply).0, reply.audience),
            (Tone::Denied, Audience::Asker)
        );
        assert!(notice(&reply).1.contains("switched off"));
    }
    world.take(&desk, overheard("3", "U1", "what is M54.50?"));
    // A direct message is no channel.
    world.take(&desk, direct("4", "U1", "what is M54.50"));
    let rest = world.rest(&desk).await;
    assert_eq!(
        rest.iter()
            .map(|(place, _)| place.as_str())
            .collect::<Vec<_>>(),
        ["4"]
    );
    assert_eq!(engine.asked().len(), 1);
}

#[tokio::test]
async fn only_whom_an_admin_allowed_is_answered() {
    let mut world = World::new();
    let engine = Engine::answering(answer(1, 0, &[]));
    let desk = world.desk(&engine);
    let some = ChannelSettings {
        speaks: Speaks::EveryQuestion,
        allowed_users: vec!["U1".into()],
        allowed_groups: vec!["S1".into()],
        ..ChannelSettings::default()
    };
    set(&desk, some).await;
    world.take(&desk, mention("stranger", "U2", "what is M54.50"));
    let (_, reply) = world.reply().await;
    assert_eq!(
        (notice(&reply).0, reply.audience),
        (Tone::Denied, Audience::Asker)
    );
    world.take(&desk, overheard("stranger aside", "U2", "what is M54.50?"));
    let mut member = mention("member", "U3", "what is M54.50");
    member.from.groups = vec!["S1".into()];
    world.take(&desk, member);
    assert_eq!(world.reply().await.0, "member");
    world.take(&desk, mention("named", "U1", "what is M54.50"));
    assert_eq!(world.reply().await.0, "named");
    assert!(world.rest(&desk).await.is_empty());
}

#[tokio::test]
async fn what_nobody_addressed_to_casebook_is_answered_only_where_that_is_wanted_and_known() {
    let mut world = World::new();
    let engine = Engine::new(|request| {
        let known = request.text.contains("M54.50");
        std::future::ready(Ok(if known {
            answer(1, 0, &[])
        } else {
            unanswered(Verdict::NoAnswer)
        }))
    });
    let desk = world.desk(&engine);
    world.take(&desk, overheard("not wanted", "U1", "what is M54.50?"));
    settle(&desk).await;
    set(
        &desk,
        ChannelSettings {
            speaks: Speaks::EveryQuestion,
            ..ChannelSettings::default()
        },
    )
    .await;
    world.take(&desk, overheard("question", "U1", "what is M54.50?"));
    let (place, reply) = world.reply().await;
    assert_eq!(
        (place.as_str(), reply.audience),
        ("question", Audience::Everyone)
    );
    world.take(&desk, overheard("remark", "U1", "M54.50 again, as ever."));
    world.take(&desk, overheard("unknown", "U1", "who brings the cake?"));
    assert!(world.rest(&desk).await.is_empty());
    assert_eq!(engine.asked().len(), 2);
    // Silence is no gap.
    assert!(world.state().gaps(30).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_channel_without_settings_has_those_of_its_workspace_and_else_the_operators() {
    let mut world = World::new();
    let engine = Engine::answering(answer(1, 0, &[]));
    let defaults = ChannelSettings {
        setting: Some(Setting::Facility),
        locality: Some("Houston".into()),
        contractor: Some("Texas".into()),
        ..ChannelSettings::default()
    };
    let desk = Desk::new(
        "slack",
        Rules {
            defaults,
            ..rules()
        },
        world.supplies(&engine),
    );
    let everywhere = Spot {
        channel: String::new(),
        ..channel()
    };
    let wide = ChannelSettings {
        locality: Some("Dallas".into()),
        audience: Some(Audience::Asker),
        ..ChannelSettings::default()
    };
    world.take(&desk, mention("1", "U1", "fee of 77003"));
    world.reply().await;
    desk.configure(&admin(), &everywhere, &wide).await;
    world.take(&desk, mention("2", "U1", "fee of 77003"));
    assert_eq!(world.reply().await.1.audience, Audience::Asker);
    let asked = engine.asked();
    let facts = |n: usize| {
        (
            asked[n].setting,
            asked[n].locality.as_deref(),
            asked[n].contractor.as_deref(),
        )
    };
    assert_eq!(
        facts(0),
        (Some(Setting::Facility), Some("Houston"), Some("Texas"))
    );
    assert_eq!(
        facts(1),
        (Some(Setting::Facility), Some("Dallas"), Some("Texas"))
    );
}

#[tokio::test]
async fn a_channels_settings_are_in_the_request_unless_the_person_chose_otherwise() {
    let mut world = World::new();
    let engine = Engine::answering(answer(1, 0, &[]));
    let desk = world.desk(&engine);
    let settings = ChannelSettings {
        setting: Some(Setting::Practitioner),
        locality: Some("Houston".into()),
        contractor: Some("Texas".into()),
        ..ChannelSettings::default()
    };
    set(&desk, settings).await;
    world.take(&desk, mention("1", "U1", "fee of 77003"));
    world.reply().await;
    let mut chosen = command("2", "U1", "fee of 77003");
    let Wish::Ask(request) = &mut chosen.wish else {
        panic!()
    };
    request.setting = Some(Setting::Facility);
    request.locality = Some("Alaska".into());
    world.take(&desk, chosen);
    world.reply().await;
    let asked = engine.asked();
    assert_eq!(
        (asked[0].setting, asked[0].locality.as_deref()),
        (Some(Setting::Practitioner), Some("Houston"))
    );
    assert_eq!(
        (asked[1].setting, asked[1].locality.as_deref()),
        (Some(Setting::Facility), Some("Alaska"))
    );
    assert_eq!(asked[1].contractor.as_deref(), Some("Texas"));
}

#[tokio::test]
async fn commands_are_private_and_what_is_said_aloud_is_answered_aloud_unless_set_otherwise() {
    let mut world = World::new();
    let desk = world.desk(&Engine::answering(answer(1, 0, &[])));
    let audience = |settings: Option<Audience>| ChannelSettings {
        audience: settings,
        ..ChannelSettings::default()
    };
    use Audience::{Asker, Everyone};
    let cases = [
        (None, Asker, Everyone),
        (Some(Asker), Asker, Asker),
        (Some(Everyone), Everyone, Everyone),
    ];
    for (n, (set_to, of_command, of_mention)) in cases.into_iter().enumerate() {
        set(&desk, audience(set_to)).await;
        world.take(&desk, command(&format!("c{n}"), "U1", "what is M54.50"));
        assert_eq!(world.reply().await.1.audience, of_command);
        world.take(&desk, mention(&format!("m{n}"), "U1", "what is M54.50"));
        assert_eq!(world.reply().await.1.audience, of_mention);
    }
}

#[tokio::test]
async fn earlier_questions_of_a_thread_are_its_context() {
    let mut world = World::new();
    let engine = Engine::answering(answer(1, 0, &[]));
    let desk = world.desk(&engine);
    world.take(&desk, mention("1", "U1", "is 77003 payable"));
    world.reply().await;
    settle(&desk).await;
    world.take(
        &desk,
        in_thread_of("1", mention("2", "U2", "and for a facility")),
    );
    world.reply().await;
    settle(&desk).await;
    world.take(
        &desk,
        in_thread_of("1", mention("3", "U1", "and bilateral")),
    );
    world.take(&desk, mention("4", "U1", "another thread"));
    world.rest(&desk).await;
    let mut before: Vec<_> = engine
        .asked()
        .into_iter()
        .map(|request| (request.text, request.before))
        .collect();
    before.sort();
    let owned = |texts: &[&str]| {
        texts
            .iter()
            .map(|&text| text.to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        before,
        [
            (
                "and bilateral".to_owned(),
                owned(&["is 77003 payable", "and for a facility"])
            ),
            (
                "and for a facility".to_owned(),
                owned(&["is 77003 payable"])
            ),
            ("another thread".to_owned(), owned(&[])),
            ("is 77003 payable".to_owned(), owned(&[])),
        ]
    );
}

#[tokio::test]
async fn in_a_thread_of_its_own_whoever_asked_goes_on_without_a_mention_and_others_talk() {
    let mut world = World::new();
    let engine = Engine::answering(answer(1, 0, &[]));
    let desk = world.desk(&engine);
    world.take(&desk, mention("1", "U1", "is 77003 payable"));
    world.reply().await;
    settle(&desk).await;
    world.take(
        &desk,
        in_thread_of("1", overheard("2", "U1", "and for a facility?")),
    );
    assert_eq!(world.reply().await.0, "2");
    world.take(
        &desk,
        in_thread_of(
            "1",
            overheard("3", "U2", "I think that is wrong, isn't it?"),
        ),
    );
    assert!(world.rest(&desk).await.is_empty());
    assert_eq!(engine.asked().len(), 2);
}

#[tokio::test]
async fn in_other_peoples_threads_it_speaks_only_when_mentioned() {
    let mut world = World::new();
    let engine = Engine::answering(answer(1, 0, &[]));
    let desk = world.desk(&engine);
    set(
        &desk,
        ChannelSettings {
            speaks: Speaks::EveryQuestion,
            ..ChannelSettings::default()
        },
    )
    .await;
    // The thread began with somebody else's message, and Casebook was called in once.
    world.take(
        &desk,
        in_thread_of("theirs", mention("1", "U1", "is 77003 payable")),
    );
    assert_eq!(world.reply().await.0, "1");
    settle(&desk).await;
    world.take(
        &desk,
        in_thread_of("theirs", overheard("2", "U1", "is 77003 payable in Texas?")),
    );
    world.take(
        &desk,
        in_thread_of("theirs", overheard("3", "U2", "what do you think?")),
    );
    world.take(
        &desk,
        in_thread_of("theirs", mention("4", "U2", "and bilateral")),
    );
    let rest = world.rest(&desk).await;
    assert_eq!(
        rest.iter()
            .map(|(place, _)| place.as_str())
            .collect::<Vec<_>>(),
        ["4"]
    );
}

#[tokio::test]
async fn the_thread_that_a_reply_opens_is_remembered() {
    let mut world = World::new();
    let engine = Engine::answering(answer(1, 0, &[]));
    let desk = world.desk(&engine);
    *world.platform.opens.lock().unwrap() = Some("thread of 1".into());
    let mut first = command("1", "U1", "is 77003 payable");
    first.at.opens_thread = true;
    world.take(&desk, first);
    world.reply().await;
    settle(&desk).await;
    *world.platform.opens.lock().unwrap() = None;
    world.take(
        &desk,
        in_thread_of("1", mention("2", "U1", "and bilateral")),
    );
    world.reply().await;
    assert_eq!(engine.asked()[1].before, ["is 77003 payable"]);
}

#[tokio::test]
async fn a_direct_message_is_one_conversation() {
    let mut world = World::new();
    let engine = Engine::answering(answer(1, 0, &[]));
    let desk = world.desk(&engine);
    world.take(
        &desk,
        Question {
            at: Spot {
                thread: None,
                ..direct("1", "U1", "").at
            },
            ..direct("1", "U1", "is 77003 payable")
        },
    );
    world.reply().await;
    settle(&desk).await;
    let (_, reply) = {
        world.take(&desk, direct("2", "U1", "and bilateral"));
        world.reply().await
    };
    assert_eq!(engine.asked()[1].before, ["is 77003 payable"]);
    settle(&desk).await;
    // Nobody else is there to share with.
    assert!(
        !reply
            .actions
            .iter()
            .any(|action| matches!(action, Action::Share { .. }))
    );
    assert_eq!(
        desk.home(&person("U1")).await.recent,
        ["and bilateral", "is 77003 payable"]
    );
    assert!(desk.home(&person("U2")).await.recent.is_empty());
    assert_eq!(desk.home(&person("U2")).await.editions.len(), 1);
}

#[tokio::test]
async fn an_overheard_message_in_a_direct_conversation_is_for_casebook() {
    let mut world = World::new();
    let desk = world.desk(&Engine::answering(answer(1, 0, &[])));
    let question = Question {
        manner: Manner::Overheard,
        ..direct("1", "U1", "M54.50")
    };
    assert_eq!(world.take(&desk, question), Taken::Yes);
    assert_eq!(world.reply().await.0, "1");
}
