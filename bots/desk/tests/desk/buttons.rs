//! Buttons: what they do, and what is left of them after a restart.

use std::sync::atomic::Ordering;

use casebook_core::{Intent, Verdict};
use casebook_desk::{Audience, LONGEST_ACTION, Tone};
use proptest::prelude::*;

use crate::*;

fn is_more(action: &Action) -> bool {
    matches!(action, Action::More { .. })
}

fn is_share(action: &Action) -> bool {
    matches!(action, Action::Share { .. })
}

#[tokio::test]
async fn an_answer_offers_what_fits_to_it() {
    let mut world = World::new();
    let related = [
        "Which modifiers go with 77003?",
        "What is the fee of 77003?",
    ];
    let desk = world.desk(&Engine::answering(answer(2, 3, &related)));
    world.take(&desk, command("1", "U1", "what is M54.50"));
    let labels: Vec<_> = world
        .reply()
        .await
        .1
        .actions
        .iter()
        .map(Action::label)
        .collect();
    assert_eq!(
        labels,
        [
            "More passages",
            "Share to channel",
            "Full card of M54.50",
            "Ask about M54.50",
            related[0],
            related[1],
            "Helpful",
            "Not helpful"
        ]
    );
    // In public there is nothing to share, and without further lines no more.
    let desk = world.desk(&Engine::answering(answer(1, 0, &[])));
    world.take(&desk, of_intent(Intent::Code, mention("2", "U1", "M54.50")));
    let labels: Vec<_> = world
        .reply()
        .await
        .1
        .actions
        .iter()
        .map(Action::label)
        .collect();
    assert_eq!(labels, ["Ask about M54.50", "Helpful", "Not helpful"]);
    let desk = world.desk(&Engine::answering(unanswered(Verdict::NoAnswer)));
    world.take(&desk, command("3", "U1", "what is the moon"));
    let labels: Vec<_> = world
        .reply()
        .await
        .1
        .actions
        .iter()
        .map(Action::label)
        .collect();
    assert_eq!(labels, ["Helpful", "Not helpful"]);
}

#[tokio::test]
async fn more_shows_the_further_lines_with_their_citations() {
    let mut world = World::new();
    let engine = Engine::answering(answer(2, 3, &[]));
    let desk = world.desk(&engine);
    world.take(&desk, mention("1", "U1", "what is M54.50"));
    let (_, first) = world.reply().await;
    world.press(&desk, "2", action(&first, is_more), "U2");
    let (place, rest) = world.reply().await;
    assert_eq!((place.as_str(), rest.audience), ("2", Audience::Asker));
    assert_eq!(lines(&rest), ["line 3", "line 4", "line 5"]);
    assert_eq!(
        shown(&rest)
            .citations
            .iter()
            .map(|citation| citation.n)
            .collect::<Vec<_>>(),
        [3, 4, 5]
    );
    assert_eq!(engine.asked().len(), 1);
}

#[tokio::test]
async fn what_a_renderer_cut_is_behind_the_button_however_often_it_cuts() {
    let mut world = World::new();
    let desk = world.desk(&Engine::answering(answer(5, 2, &[])));
    world.take(&desk, mention("1", "U1", "what is M54.50"));
    let (_, mut reply) = world.reply().await;
    let mut all = Vec::new();
    for n in 2..9 {
        let shown = lines(&reply).len().min(2);
        all.extend(lines(&reply).into_iter().take(shown).map(str::to_owned));
        if shown == lines(&reply).len() && n > 2 && all.len() == 7 {
            break;
        }
        reply.cut_after(shown);
        assert_eq!(
            reply
                .actions
                .iter()
                .filter(|action| is_more(action))
                .count(),
            1
        );
        world.press(&desk, &n.to_string(), action(&reply, is_more), "U1");
        reply = world.reply().await.1;
    }
    let whole: Vec<_> = (1..=7).map(|n| format!("line {n}")).collect();
    assert_eq!(all, whole);
}

#[tokio::test]
async fn a_card_and_a_question_about_a_code_carry_the_code_through_a_restart() {
    let mut world = World::new();
    let engine = Engine::answering(answer(1, 0, &[]));
    let desk = world.desk(&engine);
    world.take(&desk, mention("1", "U1", "what is M54.50"));
    let (_, reply) = world.reply().await;
    desk.close().await;
    let desk = world.desk(&engine);
    world.press(
        &desk,
        "2",
        action(&reply, |action| matches!(action, Action::Card { .. })),
        "U2",
    );
    let (_, card) = world.reply().await;
    assert_eq!(card.audience, Audience::Asker);
    let about = action(&reply, |action| matches!(action, Action::AskAbout { .. }));
    assert!(
        about
            .form()
            .is_some_and(|form| form.label.contains("M54.50") && !form.optional)
    );
    world.press_with(&desk, "3", about, "U2", Some("which modifiers go with it"));
    world.reply().await;
    let asked = engine.asked();
    assert_eq!(
        (asked[1].intent, asked[1].text.as_str()),
        (Intent::Code, "M54.50")
    );
    assert_eq!(
        (asked[2].intent, asked[2].text.as_str()),
        (Intent::Ask, "which modifiers go with it")
    );
    assert_eq!(asked[2].about, ["M54.50"]);
}

#[tokio::test]
async fn a_code_that_was_chosen_stays_the_context_of_its_thread() {
    let mut world = World::new();
    let engine = Engine::answering(answer(1, 0, &[]));
    let desk = world.desk(&engine);
    let mut chosen = mention("1", "U1", "which modifiers go with it");
    let Wish::Ask(request) = &mut chosen.wish else {
        panic!()
    };
    request.about = vec!["77003".into()];
    world.take(&desk, chosen);
    world.reply().await;
    settle(&desk).await;
    world.take(&desk, in_thread_of("1", mention("2", "U1", "and its fee")));
    world.reply().await;
    assert_eq!(engine.asked()[1].about, ["77003"]);
}

#[tokio::test]
async fn a_modifier_and_a_drg_are_named_so_that_nothing_else_looks_like_them() {
    let mut world = World::new();
    let engine = Engine::answering(answer(1, 0, &[]));
    let desk = world.desk(&engine);
    for (n, (system, code)) in [(System::Modifier, "25"), (System::Msdrg, "470")]
        .into_iter()
        .enumerate()
    {
        world.press(
            &desk,
            &n.to_string(),
            Action::Card {
                system,
                code: code.into(),
            },
            "U1",
        );
        world.reply().await;
    }
    let asked: Vec<_> = engine
        .asked()
        .into_iter()
        .map(|request| request.text)
        .collect();
    assert_eq!(asked, ["modifier 25", "DRG 470"]);
}

#[tokio::test]
async fn related_questions_are_asked_whether_they_fit_into_the_button_or_not() {
    let mut world = World::new();
    let long = format!(
        "Which of these {} codes may stand beside it on one claim?",
        "very ".repeat(30)
    );
    let related = ["What is the fee of 77003?", long.as_str()];
    let engine = Engine::answering(answer(1, 0, &related));
    let desk = world.desk(&engine);
    world.take(&desk, mention("1", "U1", "what is 77003"));
    let (_, reply) = world.reply().await;
    settle(&desk).await;
    world.press(
        &desk,
        "2",
        action(&reply, |action| matches!(action, Action::Related { .. })),
        "U1",
    );
    world.reply().await;
    let kept = action(&reply, |action| matches!(action, Action::RelatedTo { .. }));
    assert_eq!(kept.label(), long);
    world.press(&desk, "3", kept, "U1");
    world.reply().await;
    let asked: Vec<_> = engine
        .asked()
        .into_iter()
        .map(|request| request.text)
        .collect();
    assert_eq!(asked, ["what is 77003", related[0], related[1]]);
}

#[tokio::test]
async fn a_private_answer_is_shared_once_and_only_by_its_asker() {
    let mut world = World::new();
    let desk = world.desk(&Engine::answering(answer(2, 1, &[])));
    world.take(&desk, command("1", "U1", "what is M54.50"));
    let (_, private) = world.reply().await;
    assert_eq!(private.audience, Audience::Asker);
    let share = action(&private, is_share);
    world.press(&desk, "2", share.clone(), "U2");
    let (_, reply) = world.reply().await;
    assert_eq!(
        (notice(&reply).0, reply.audience),
        (Tone::Denied, Audience::Asker)
    );
    // A post that fails may be tried again.
    settle(&desk).await;
    world.platform.failing.store(1, Ordering::SeqCst);
    world.press(&desk, "3", share.clone(), "U1");
    settle(&desk).await;
    world.press(&desk, "4", share.clone(), "U1");
    let (place, shared) = world.reply().await;
    assert_eq!((place.as_str(), shared.audience), ("4", Audience::Everyone));
    assert_eq!(lines(&shared), ["line 1", "line 2"]);
    assert!(!shared.actions.iter().any(is_share));
    settle(&desk).await;
    world.press(&desk, "5", share, "U1");
    let (_, reply) = world.reply().await;
    assert!(notice(&reply).1.contains("shared already"));
    // Now that all can see it, all may see more of it.
    world.press(&desk, "6", action(&shared, is_more), "U2");
    assert_eq!(lines(&world.reply().await.1), ["line 3"]);
}

#[tokio::test]
async fn nobody_else_gets_more_of_a_private_answer() {
    let mut world = World::new();
    let desk = world.desk(&Engine::answering(answer(2, 1, &[])));
    world.take(&desk, command("1", "U1", "what is M54.50"));
    let more = action(&world.reply().await.1, is_more);
    world.press(&desk, "2", more, "U2");
    assert_eq!(notice(&world.reply().await.1).0, Tone::Denied);
}

#[tokio::test]
async fn a_button_of_a_forgotten_answer_says_what_to_do() {
    let mut world = World::new();
    let engine = Engine::answering(answer(2, 1, &[]));
    let desk = world.desk(&engine);
    world.take(&desk, command("1", "U1", "what is M54.50"));
    let (_, reply) = world.reply().await;
    desk.close().await;
    let desk = world.desk(&engine);
    for (n, is) in [is_more as fn(&Action) -> bool, is_share]
        .into_iter()
        .enumerate()
    {
        world.press(&desk, &format!("b{n}"), action(&reply, is), "U1");
        let (_, said) = world.reply().await;
        assert_eq!(
            (notice(&said).0, said.audience),
            (Tone::Plain, Audience::Asker)
        );
        assert!(notice(&said).1.contains("ask the question again"));
    }
}

#[tokio::test]
async fn with_a_key_buttons_outlast_a_restart() {
    let mut world = World::with_key();
    let engine = Engine::answering(answer(2, 1, &[]));
    let desk = world.desk(&engine);
    world.take(&desk, command("1", "U1", "what is M54.50"));
    let (_, reply) = world.reply().await;
    desk.close().await;
    let desk = world.desk(&engine);
    world.press(&desk, "2", action(&reply, is_more), "U1");
    assert_eq!(lines(&world.reply().await.1), ["line 3"]);
    assert!(!world.on_disk("line 3"));
}

#[tokio::test]
async fn feedback_is_kept_with_its_reason() {
    let mut world = World::new();
    let desk = world.desk(&Engine::answering(answer(1, 0, &[])));
    world.take(&desk, mention("1", "U1", "what is M54.50"));
    let (_, reply) = world.reply().await;
    let yes = action(&reply, |action| matches!(action, Action::Helpful { .. }));
    let no = action(&reply, |action| matches!(action, Action::NotHelpful { .. }));
    assert!(yes.form().is_none() && no.form().is_some_and(|form| form.optional));
    world.press(&desk, "2", yes, "U1");
    assert!(notice(&world.reply().await.1).1.starts_with("Thank you"));
    world.press_with(&desk, "3", no.clone(), "U2", Some("an old edition"));
    world.reply().await;
    world.press_with(&desk, "4", no, "U3", Some("MRN 00123456 says otherwise"));
    let (_, reply) = world.reply().await;
    assert!(notice(&reply).1.contains("not your words"));
    settle(&desk).await;
    let opinions = world.state().opinions(30).await.unwrap();
    assert_eq!((opinions.helpful, opinions.not_helpful), (1, 2));
    assert_eq!(opinions.reasons, ["an old edition"]);
}

#[tokio::test]
async fn a_press_that_is_delivered_twice_is_one() {
    let mut world = World::new();
    let engine = Engine::answering(answer(1, 0, &[]));
    let desk = world.desk(&engine);
    let card = Action::Card {
        system: System::Cpt,
        code: "77003".into(),
    };
    assert_eq!(
        world.press(&desk, "1", card.clone(), "U1"),
        casebook_desk::Taken::Yes
    );
    assert_eq!(
        world.press(&desk, "1", card, "U1"),
        casebook_desk::Taken::Before
    );
    assert_eq!(world.rest(&desk).await.len(), 1);
}

#[tokio::test]
async fn a_button_says_too_where_casebook_is_off() {
    let mut world = World::new();
    let engine = Engine::answering(answer(1, 0, &[]));
    let desk = world.desk(&engine);
    let off = casebook_desk::ChannelSettings {
        speaks: casebook_desk::Speaks::Off,
        ..casebook_desk::ChannelSettings::default()
    };
    desk.configure(&admin(), &channel(), &off).await;
    world.press(
        &desk,
        "1",
        Action::Card {
            system: System::Cpt,
            code: "77003".into(),
        },
        "U1",
    );
    assert_eq!(notice(&world.reply().await.1).0, Tone::Denied);
    assert!(engine.asked().is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Every action comes back from its string as it was, and the string fits into what Discord carries.
    #[test]
    fn actions_fit_and_come_back(question in "\\PC{0,120}", from in any::<u16>(), n in 0..5usize) {
        let mut world = answer(1, 1, &[&question]);
        world.codes = Vec::new();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let reply = runtime.block_on(async {
            let mut place = World::new();
            let desk = place.desk(&Engine::answering(world));
            place.take(&desk, mention(&n.to_string(), "U1", "what is M54.50"));
            let mut reply = place.reply().await.1;
            reply.cut_after(from.into());
            reply
        });
        for action in &reply.actions {
            let text = action.encode();
            prop_assert!(text.encode_utf16().count() <= LONGEST_ACTION, "{}", text);
            let back = Action::decode(&text);
            match (action, &back) {
                (Action::RelatedTo { answer, n, .. }, Some(Action::RelatedTo { answer: a, n: m, .. })) => {
                    prop_assert_eq!((answer, n), (a, m));
                }
                _ => prop_assert_eq!(back.as_ref(), Some(action)),
            }
        }
    }

    /// Whatever string a platform sends back, reading it does not fail, and only ours is one.
    #[test]
    fn strange_strings_are_no_actions(text in "\\PC{0,120}", word in "[a-z]{0,6}") {
        prop_assert!(Action::decode(&text).is_none_or(|action| text.starts_with("cb1:") && action.encode() == text));
        let near = format!("cb1:{word}:{text}");
        if let Some(action) = Action::decode(&near) {
            prop_assert_eq!(Action::decode(&action.encode()), Some(action));
        }
    }
}
