//! Patient data: a warning before anything else happens, and nothing of it kept.

use casebook_core::{Intent, Request, Verdict};
use casebook_desk::{Audience, ChannelSettings, Speaks, Taken, Tone};

use crate::*;

const TEXT: &str = "patient Jane Roe, DOB 03/04/1961, MRN 00123456: which code for low back pain?";

fn anyway(action: &Action) -> bool {
    matches!(action, Action::AnswerAnyway { .. })
}

fn drop_it(action: &Action) -> bool {
    matches!(action, Action::Drop { .. })
}

#[tokio::test]
async fn patient_data_is_warned_of_privately_before_anything_else() {
    for mut world in [World::new(), World::with_key()] {
        world.config.keep_gap_text = true;
        let engine = Engine::answering(unanswered(Verdict::NoAnswer));
        let desk = world.desk(&engine);
        for question in [
            mention("1", "U1", TEXT),
            direct("2", "U1", TEXT),
            command("3", "U1", TEXT),
        ] {
            let in_person = question.at.direct;
            world.take(&desk, question);
            let (_, reply) = world.reply().await;
            let Content::Warning(warning) = &reply.content else {
                panic!("{reply:?}")
            };
            assert_eq!(
                warning.seen,
                ["a name", "a date of birth", "a record number"]
            );
            assert_eq!(
                reply.audience,
                if in_person {
                    Audience::Everyone
                } else {
                    Audience::Asker
                }
            );
            assert_eq!(reply.actions.len(), 2);
            for word in ["Jane", "1961", "00123456"] {
                assert!(!warning.text.contains(word));
            }
        }
        desk.close().await;
        assert!(engine.asked().is_empty());
        assert!(world.state().gaps(30).await.unwrap().is_empty());
        assert!(desk.home(&person("U1")).await.recent.is_empty());
        assert!(!world.on_disk("Jane") && !world.on_disk("low back"));
    }
}

#[tokio::test]
async fn answered_anyway_only_the_asker_sees_it_and_nothing_is_kept() {
    for mut world in [World::new(), World::with_key()] {
        world.config.keep_gap_text = true;
        let engine = Engine::answering(unanswered(Verdict::NoAnswer));
        let desk = world.desk(&engine);
        world.take(&desk, mention("1", "U1", TEXT));
        let choice = action(&world.reply().await.1, anyway);
        world.press(&desk, "2", choice.clone(), "U1");
        let (_, reply) = world.reply().await;
        assert_eq!(shown(&reply).verdict, Verdict::NoAnswer);
        assert_eq!(reply.audience, Audience::Asker);
        settle(&desk).await;
        assert_eq!(engine.asked()[0].text, TEXT);
        // Nothing of it is context of what is asked next.
        world.take(&desk, in_thread_of("1", mention("3", "U1", "and its fee")));
        world.reply().await;
        settle(&desk).await;
        assert!(engine.asked()[1].before.is_empty());
        assert_eq!(desk.home(&person("U1")).await.recent, ["and its fee"]);
        let gaps = world.state().gaps(30).await.unwrap();
        assert_eq!(gaps.iter().map(|gap| gap.n).sum::<u64>(), 1);
        assert!(!world.on_disk("Jane") && !world.on_disk("low back"));
        // The choice is made once.
        world.press(&desk, "4", choice, "U1");
        assert!(
            notice(&world.reply().await.1)
                .1
                .contains("no longer has this question")
        );
    }
}

#[tokio::test]
async fn what_was_overheard_is_answered_anyway_as_well() {
    let mut world = World::new();
    let engine = Engine::answering(unanswered(Verdict::NoAnswer));
    let desk = world.desk(&engine);
    let every = ChannelSettings {
        speaks: Speaks::EveryQuestion,
        ..ChannelSettings::default()
    };
    desk.configure(&admin(), &channel(), &every).await;
    world.take(&desk, overheard("1", "U1", &format!("What about {TEXT}?")));
    let choice = action(&world.reply().await.1, anyway);
    world.press(&desk, "2", choice, "U1");
    let (_, reply) = world.reply().await;
    assert_eq!(shown(&reply).verdict, Verdict::NoAnswer);
    assert_eq!(reply.audience, Audience::Asker);
}

#[tokio::test]
async fn an_answer_without_a_trace_has_no_buttons_that_would_need_one() {
    let mut world = World::new();
    let desk = world.desk(&Engine::answering(answer(
        1,
        2,
        &["What is the fee of 77003?"],
    )));
    world.take(&desk, mention("1", "U1", TEXT));
    let choice = action(&world.reply().await.1, anyway);
    world.press(&desk, "2", choice, "U1");
    let (_, mut reply) = world.reply().await;
    reply.cut_after(0);
    let needs = |action: &Action| {
        matches!(
            action,
            Action::More { .. } | Action::Share { .. } | Action::RelatedTo { .. }
        )
    };
    assert!(!reply.actions.iter().any(needs), "{reply:?}");
}

#[tokio::test]
async fn dropped_it_is_gone() {
    let mut world = World::new();
    let engine = Engine::answering(answer(1, 0, &[]));
    let desk = world.desk(&engine);
    world.take(&desk, mention("1", "U1", TEXT));
    let (_, warned) = world.reply().await;
    world.press(&desk, "2", action(&warned, drop_it), "U1");
    assert!(notice(&world.reply().await.1).1.starts_with("Dropped"));
    world.press(&desk, "3", action(&warned, anyway), "U1");
    let (_, reply) = world.reply().await;
    assert_eq!(notice(&reply).0, Tone::Plain);
    assert!(engine.asked().is_empty());
}

#[tokio::test]
async fn the_choice_is_the_askers_and_gone_with_the_process() {
    let mut world = World::with_key();
    let engine = Engine::answering(answer(1, 0, &[]));
    let desk = world.desk(&engine);
    world.take(&desk, mention("1", "U1", TEXT));
    let choice = action(&world.reply().await.1, anyway);
    world.press(&desk, "2", choice.clone(), "U2");
    assert!(
        notice(&world.reply().await.1)
            .1
            .contains("no longer has this question")
    );
    // Somebody else's press does not take it away.
    assert!(engine.asked().is_empty());
    desk.close().await;
    let desk = world.desk(&engine);
    world.press(&desk, "3", choice, "U1");
    assert!(
        notice(&world.reply().await.1)
            .1
            .contains("no longer has this question")
    );
    assert!(engine.asked().is_empty());
}

#[tokio::test]
async fn people_who_talk_among_themselves_are_not_warned() {
    let mut world = World::new();
    let desk = world.desk(&Engine::stuck());
    assert_eq!(world.take(&desk, overheard("1", "U1", TEXT)), Taken::Yes);
    assert!(world.rest(&desk).await.is_empty());
}

#[tokio::test]
async fn a_note_that_only_its_author_sees_is_answered_and_not_kept() {
    let mut world = World::with_key();
    world.config.keep_gap_text = true;
    let engine = Engine::answering(answer(2, 1, &[]));
    let desk = world.desk(&engine);
    // Even where an admin wants answers to be public.
    let public = casebook_desk::ChannelSettings {
        audience: Some(Audience::Everyone),
        ..casebook_desk::ChannelSettings::default()
    };
    desk.configure(&admin(), &channel(), &public).await;
    world.take(&desk, of_intent(Intent::Case, command("1", "U1", TEXT)));
    let (_, reply) = world.reply().await;
    assert_eq!((lines(&reply).len(), reply.audience), (2, Audience::Asker));
    settle(&desk).await;
    assert!(desk.home(&person("U1")).await.recent.is_empty());
    assert!(!world.on_disk("Jane"));
    // An answer about a case quotes it, so it is not kept for buttons either.
    assert!(
        !reply
            .actions
            .iter()
            .any(|action| matches!(action, Action::More { .. } | Action::Share { .. }))
    );
    // Pasted into a channel it is warned of like everything else.
    world.take(&desk, of_intent(Intent::Case, mention("2", "U1", TEXT)));
    assert!(matches!(world.reply().await.1.content, Content::Warning(_)));
}

#[tokio::test]
async fn a_date_of_service_and_a_code_are_no_patient() {
    let mut world = World::new();
    let desk = world.desk(&Engine::answering(answer(1, 0, &[])));
    world.take(
        &desk,
        mention(
            "1",
            "U1",
            "was 77003 payable on 3/1/2026 in Houston, Texas?",
        ),
    );
    assert_eq!(lines(&world.reply().await.1), ["line 1"]);
}

#[test]
fn nothing_that_is_printed_for_debugging_holds_what_was_typed() {
    let mut question = mention("1", "U1", TEXT);
    question.wish = Wish::Ask(Request {
        text: TEXT.into(),
        before: vec![TEXT.into()],
        ..Request::default()
    });
    let action = Action::Related {
        question: TEXT.into(),
    };
    for printed in [format!("{question:?}"), format!("{action:?}")] {
        assert!(!printed.contains("Jane"), "{printed}");
    }
}

/// Collects what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The log of every test in this binary: a subscriber of one thread misses what another thread registered as nobody's.
#[tokio::test]
async fn the_log_has_the_operators_half_under_the_persons_number_and_no_text() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let mut world = World::with_key();
    let engine = Engine::new(|_| {
        std::future::ready(Err(Failure {
            for_person: "Please try again.".into(),
            for_operator: "the catalog is gone".into(),
        }))
    });
    let desk = world.desk(&engine);
    world.take(&desk, mention("1", "U1", "low back pain question"));
    let (_, failed) = world.reply().await;
    world.take(&desk, mention("2", "U1", TEXT));
    let choice = action(&world.reply().await.1, anyway);
    world.press(&desk, "3", choice, "U1");
    world.reply().await;
    world
        .platform
        .failing
        .store(1, std::sync::atomic::Ordering::SeqCst);
    world.take(&desk, mention("4", "U1", "low back pain question"));
    desk.close().await;
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let line = log
        .lines()
        .find(|line| line.contains("the catalog is gone"))
        .expect("the operator's half");
    assert!(line.contains(&failed.reference), "{line}");
    assert!(log.contains("channel_not_found"), "{log}");
    for word in ["Jane", "low back", "Please try again"] {
        assert!(!log.contains(word), "{log}");
    }
}
