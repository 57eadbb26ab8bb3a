//! From a question to its reply: once, in time, and never silently not.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use casebook_core::{Failure, Intent, Request, Verdict};
use casebook_desk::{Audience, Content, Desk, Rules, TOPICS, Taken, Tone, Wish};
use tokio::sync::Notify;

use crate::*;

#[tokio::test]
async fn a_question_gets_one_answer_however_often_it_is_delivered() {
    let mut world = World::new();
    let engine = Engine::answering(answer(2, 0, &[]));
    let desk = world.desk(&engine);
    assert_eq!(
        world.take(&desk, mention("1", "U1", "what is M54.50")),
        Taken::Yes
    );
    assert_eq!(
        world.take(&desk, mention("1", "U1", "what is M54.50")),
        Taken::Before
    );
    let (place, reply) = world.reply().await;
    assert_eq!(
        (place.as_str(), lines(&reply)),
        ("1", vec!["line 1", "line 2"])
    );
    assert_eq!(
        world.take(&desk, mention("1", "U1", "what is M54.50")),
        Taken::Before
    );
    assert!(world.rest(&desk).await.is_empty());
    assert_eq!(engine.asked().len(), 1);
}

#[tokio::test]
async fn a_mention_that_comes_as_two_kinds_of_event_is_one_question() {
    let mut world = World::new();
    let engine = Engine::answering(answer(1, 0, &[]));
    let desk = world.desk(&engine);
    // In a channel where nobody's message is answered unasked, the message comes first and the mention after it.
    world.take(&desk, overheard("1", "U1", "what is M54.50?"));
    world.take(&desk, mention("1", "U1", "what is M54.50?"));
    world.reply().await;
    world.take(&desk, overheard("1", "U1", "what is M54.50?"));
    assert!(world.rest(&desk).await.is_empty());
    assert_eq!(engine.asked().len(), 1);
}

#[tokio::test]
async fn two_replicas_post_one_answer() {
    let mut world = World::new();
    let engine = Engine::answering(answer(1, 0, &[]));
    let (a, b) = (world.desk(&engine), world.desk(&engine));
    for n in 0..30 {
        let question = mention(&n.to_string(), "U1", "what is M54.50");
        assert_eq!(world.take(&a, question.clone()), Taken::Yes);
        assert_eq!(world.take(&b, question), Taken::Yes);
    }
    let mut replies = world.rest(&a).await;
    replies.extend(world.rest(&b).await);
    let mut places: Vec<_> = replies.iter().map(|(place, _)| place.clone()).collect();
    places.sort();
    places.dedup();
    assert_eq!((replies.len(), places.len()), (30, 30));
}

#[tokio::test]
async fn a_reply_has_one_name_in_every_process_and_another_for_every_question() {
    let mut world = World::new();
    let engine = Engine::answering(answer(1, 0, &[]));
    let mut names = Vec::new();
    for key in ["1", "1", "2"] {
        world.folder = tempfile::TempDir::new().unwrap();
        let desk = world.desk(&engine);
        world.take(&desk, mention(key, "U1", "what is M54.50"));
        names.push(world.reply().await.1.once);
        desk.close().await;
    }
    assert_eq!(names[0], names[1]);
    assert_ne!(names[0], names[2]);
    assert_eq!((names[0].uuid().len(), names[0].short().len()), (36, 24));
    assert!(names[0].uuid().chars().nth(14) == Some('8'));
}

#[tokio::test]
async fn a_slow_answer_has_a_sign_of_life_and_a_quick_one_none() {
    let mut world = World::new();
    let go = Arc::new(Notify::new());
    let wait = go.clone();
    let engine = Engine::new(move |_| {
        let wait = wait.clone();
        async move {
            wait.notified().await;
            Ok(answer(1, 0, &[]))
        }
    });
    let rules = Rules {
        sign_after: Duration::ZERO,
        ..rules()
    };
    let desk = Desk::new("slack", rules, world.supplies(&engine));
    world.take(&desk, mention("slow", "U1", "what is M54.50"));
    // The answer comes only after the sign.
    assert!(matches!(world.next().await, Seen::Sign(place) if place == "slow"));
    go.notify_one();
    assert!(matches!(world.next().await, Seen::Post(place, _) if place == "slow"));

    let desk = world.desk(&Engine::answering(answer(1, 0, &[])));
    world.take(&desk, mention("quick", "U1", "what is M54.50"));
    assert!(matches!(world.next().await, Seen::Post(place, _) if place == "quick"));
}

#[tokio::test]
async fn a_question_that_waits_for_its_turn_has_its_sign_of_life_meanwhile() {
    let mut world = World::new();
    let engine = Engine::stuck();
    let rules = Rules {
        answers_in_flight: 1,
        sign_after: Duration::ZERO,
        ..rules()
    };
    let desk = Desk::new("slack", rules, world.supplies(&engine));
    world.take(&desk, mention("1", "U1", "what is M54.50"));
    world.take(&desk, mention("2", "U2", "what is M54.50"));
    let mut signs = Vec::new();
    for _ in 0..2 {
        if let Seen::Sign(place) = world.next().await {
            signs.push(place);
        }
    }
    signs.sort();
    assert_eq!(signs, ["1", "2"]);
    assert_eq!(engine.asked().len(), 1);
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_said_to_be_late() {
    let mut world = World::new();
    let rules = Rules {
        answer_within: Duration::from_millis(1),
        ..rules()
    };
    let desk = Desk::new("slack", rules, world.supplies(&Engine::stuck()));
    world.take(&desk, mention("1", "U1", "what is M54.50"));
    let (_, reply) = world.reply().await;
    let (tone, text) = notice(&reply);
    assert_eq!(tone, Tone::Failed);
    assert!(
        text.contains("too long") && text.contains(&reply.reference),
        "{text}"
    );
    assert_eq!(reply.audience, Audience::Asker);
}

#[tokio::test]
async fn a_panic_ends_its_question_and_nothing_else() {
    let mut world = World::new();
    let engine = Engine::new(|request: &Request| {
        let panics = request.text.contains("panic");
        async move {
            assert!(!panics, "as asked");
            Ok(answer(1, 0, &[]))
        }
    });
    let desk = Desk::new(
        "slack",
        Rules {
            answers_in_flight: 1,
            ..rules()
        },
        world.supplies(&engine),
    );
    world.take(&desk, mention("1", "U1", "please panic"));
    let (_, reply) = world.reply().await;
    assert_eq!(notice(&reply).0, Tone::Failed);
    assert!(notice(&reply).1.contains(&reply.reference));
    world.take(&desk, mention("2", "U1", "what is M54.50"));
    assert_eq!(lines(&world.reply().await.1), ["line 1"]);
}

#[tokio::test]
async fn a_failure_tells_the_person_what_to_do_and_not_what_the_operator_must_know() {
    let mut world = World::new();
    let engine = Engine::new(|_| {
        std::future::ready(Err(Failure {
            for_person: "Please try again in a minute.".into(),
            for_operator: "catalog /data/catalog.sqlite: disk I/O error".into(),
        }))
    });
    let desk = world.desk(&engine);
    world.take(&desk, mention("1", "U1", "what is M54.50"));
    let (_, reply) = world.reply().await;
    let (tone, text) = notice(&reply);
    assert_eq!(tone, Tone::Failed);
    assert_eq!(
        text,
        format!(
            "Please try again in a minute. (Reference {})",
            reply.reference
        )
    );
}

#[tokio::test]
async fn nothing_and_help_are_answered_with_help_and_its_seven_topics() {
    let mut world = World::new();
    let engine = Engine::answering(answer(1, 0, &[]));
    let desk = world.desk(&engine);
    let mut asked = mention("3", "U1", "");
    asked.wish = Wish::Help;
    for question in [mention("1", "U1", "  "), mention("2", "U1", "Help"), asked] {
        world.take(&desk, question);
        let (_, reply) = world.reply().await;
        let Content::Help(help) = &reply.content else {
            panic!("{reply:?}")
        };
        assert_eq!(help.topics, TOPICS);
        assert_eq!(reply.audience, Audience::Asker);
    }
    assert!(engine.asked().is_empty());
    let names: Vec<_> = TOPICS.iter().map(|topic| topic.name).collect();
    assert_eq!(
        names,
        [
            "CPT codes",
            "Guidelines",
            "Modifiers",
            "Crosswalks",
            "NCCI edits",
            "Compliance",
            "Medicare coverage"
        ]
    );
    assert_eq!(TOPICS[0].example, "What is CPT code 99213?");
}

#[tokio::test]
async fn a_post_that_the_platform_does_not_take_is_counted_and_tried_again() {
    let mut world = World::new();
    let engine = Engine::answering(answer(1, 0, &[]));
    let supplies = world.supplies(&engine);
    let desk = Desk::new("slack", rules(), supplies.clone());
    world.platform.failing.store(1, Ordering::SeqCst);
    let question = mention("1", "U1", "what is M54.50");
    world.take(&desk, question.clone());
    assert!(world.rest(&desk).await.is_empty());
    assert!(
        supplies
            .meters
            .text()
            .contains("casebook_failed_posts_total{platform=\"slack\"} 1")
    );
    // Its claim runs out, and the question is answered again.
    world.hands.pass(casebook_state::LEASE);
    let again = world.desk(&engine);
    let stop = tokio_util::sync::CancellationToken::new();
    let keeping = tokio::spawn(
        again
            .clone()
            .keep(world.finder(vec![question]), stop.clone()),
    );
    assert_eq!(lines(&world.reply().await.1), ["line 1"]);
    stop.cancel();
    keeping.await.unwrap();
    assert!(world.rest(&again).await.is_empty());
}

#[tokio::test]
async fn suggestions_never_fail() {
    let world = World::new();
    let desk = world.desk(&Engine::stuck());
    assert_eq!(desk.suggest("M54", 25).await.len(), 2);
    assert!(desk.suggest("panic", 25).await.is_empty());
}

#[tokio::test]
async fn closing_waits_for_answers_in_the_making() {
    let mut world = World::new();
    let go = Arc::new(Notify::new());
    let wait = go.clone();
    let engine = Engine::new(move |_| {
        let wait = wait.clone();
        async move {
            wait.notified().await;
            Ok(answer(1, 0, &[]))
        }
    });
    let desk = world.desk(&engine);
    world.take(&desk, mention("1", "U1", "what is M54.50"));
    while engine.asked().is_empty() {
        tokio::task::yield_now().await;
    }
    let closing = tokio::spawn({
        let desk = desk.clone();
        async move { desk.close().await }
    });
    // Whoever comes now is told so. (Closing has begun once it says so.)
    let mut n = 2;
    while world.take(&desk, mention(&n.to_string(), "U2", "")) != Taken::Closing {
        n += 1;
        tokio::task::yield_now().await;
    }
    assert!(!closing.is_finished());
    go.notify_one();
    closing.await.unwrap();
    let mut answered = false;
    let mut told = false;
    for (place, reply) in world.rest(&desk).await {
        answered |= place == "1" && lines(&reply) == ["line 1"];
        told |= place == n.to_string() && notice(&reply).1.contains("restarted");
    }
    assert!(answered && told);
}

#[tokio::test]
async fn an_answer_that_closing_cannot_wait_for_ends_with_a_sentence() {
    let mut world = World::new();
    let rules = Rules {
        drain_within: Duration::from_millis(1),
        answers_in_flight: 1,
        ..rules()
    };
    let desk = Desk::new("slack", rules, world.supplies(&Engine::stuck()));
    world.take(&desk, mention("1", "U1", "what is M54.50"));
    world.take(&desk, mention("2", "U2", "what is M54.50"));
    let rest = world.rest(&desk).await;
    assert_eq!(rest.len(), 2);
    for (_, reply) in &rest {
        let (tone, text) = notice(reply);
        assert!(tone == Tone::Busy && text.contains("restarted"), "{text}");
    }
    // It had its reply: nobody takes it over.
    world.hands.pass(casebook_state::LEASE);
    assert!(world.state().left_over("slack").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_refusal_and_no_answer_are_answers() {
    let mut world = World::new();
    for verdict in [Verdict::NoAnswer, Verdict::Refused] {
        let desk = world.desk(&Engine::answering(unanswered(verdict)));
        let key = format!("{verdict:?}");
        world.take(
            &desk,
            of_intent(Intent::Search, mention(&key, "U1", "what is M54.50")),
        );
        assert_eq!(shown(&world.reply().await.1).verdict, verdict);
    }
}
