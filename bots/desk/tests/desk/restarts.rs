//! A process that is killed in the middle: its questions are answered once, or it is said that they are lost.

use std::sync::atomic::Ordering;
use std::time::Duration;

use casebook_desk::{Audience, Tone};
use casebook_state::LEASE;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::*;

/// A process: its desk, and what runs in it. Killing it drops everything where it stands.
struct Process {
    runtime: Runtime,
    desk: Arc<Desk>,
}

impl Process {
    fn start(world: &World, engine: &Arc<Engine>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let desk = {
            let _inside = runtime.enter();
            world.desk(engine)
        };
        Self { runtime, desk }
    }

    fn take(&self, world: &World, question: Question) {
        let _inside = self.runtime.enter();
        world.take(&self.desk, question);
    }

    fn kill(self) {
        self.runtime.shutdown_background();
    }
}

/// Keeps a desk until it is told to stop.
fn keep(desk: &Arc<Desk>, finder: Arc<Finder>) -> (CancellationToken, JoinHandle<()>) {
    let stop = CancellationToken::new();
    (stop.clone(), tokio::spawn(desk.clone().keep(finder, stop)))
}

/// Waits until the one claim that there is has ended.
async fn until_done(world: &World) {
    let file = rusqlite::Connection::open(world.folder.path().join("state.sqlite")).unwrap();
    let stage = || -> i64 {
        file.query_row("SELECT stage FROM claim", [], |r| r.get(0))
            .unwrap()
    };
    while stage() < 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Kills a process in the middle of its answer to question 1.
async fn killed_while_answering(world: &mut World, question: Question) {
    let engine = Engine::stuck();
    let process = Process::start(world, &engine);
    process.take(world, question);
    while engine.asked().is_empty() {
        tokio::task::yield_now().await;
    }
    process.kill();
}

#[tokio::test]
async fn a_question_that_the_platform_still_has_is_answered_by_the_next_process_once_its_lease_ran_out()
 {
    let mut world = World::new();
    let question = mention("1", "U1", "what is M54.50");
    killed_while_answering(&mut world, question.clone()).await;
    let engine = Engine::answering(answer(1, 0, &[]));
    let desk = world.desk(&engine);
    let (stop, keeping) = keep(&desk, world.finder(vec![question.clone()]));
    // Delivered again meanwhile, it is somebody's already.
    world.take(&desk, question);
    settle(&desk).await;
    assert!(engine.asked().is_empty());
    world.hands.pass(LEASE);
    let (place, reply) = world.reply().await;
    assert_eq!((place.as_str(), lines(&reply)), ("1", vec!["line 1"]));
    settle(&desk).await;
    world.hands.pass(LEASE * 2);
    stop.cancel();
    keeping.await.unwrap();
    assert!(world.rest(&desk).await.is_empty());
    assert_eq!(engine.asked().len(), 1);
}

#[tokio::test]
async fn without_its_text_the_person_is_asked_to_ask_again() {
    let mut world = World::new();
    killed_while_answering(&mut world, command("1", "U1", "what is M54.50")).await;
    assert!(!world.on_disk("what is M54.50"));
    world.hands.pass(LEASE);
    let engine = Engine::answering(answer(1, 0, &[]));
    let desk = world.desk(&engine);
    let (stop, keeping) = keep(&desk, world.finder(Vec::new()));
    let (place, reply) = world.reply().await;
    assert_eq!(
        (place.as_str(), notice(&reply).0, reply.audience),
        ("1", Tone::Failed, Audience::Asker)
    );
    assert!(notice(&reply).1.contains("ask it again"));
    stop.cancel();
    keeping.await.unwrap();
    assert!(world.rest(&desk).await.is_empty());
    assert!(engine.asked().is_empty());
}

#[tokio::test]
async fn where_the_answer_may_stand_already_the_person_is_not_told_that_there_is_none() {
    let mut world = World::new();
    // The platform takes the post and does not let us look for it.
    world.platform.blind.store(true, Ordering::SeqCst);
    world.platform.hangs.store(true, Ordering::SeqCst);
    let process = Process::start(&world, &Engine::answering(answer(1, 0, &[])));
    process.take(&world, command("1", "U1", "what is M54.50"));
    world.reply().await;
    process.kill();
    world.platform.hangs.store(false, Ordering::SeqCst);
    world.hands.pass(LEASE);
    let desk = world.desk(&Engine::answering(answer(1, 0, &[])));
    let (stop, keeping) = keep(&desk, world.finder(Vec::new()));
    let (_, reply) = world.reply().await;
    assert!(notice(&reply).1.contains("If there is no answer above"));
    stop.cancel();
    keeping.await.unwrap();
}

#[tokio::test]
async fn with_a_key_the_question_itself_outlasts_the_process_encrypted() {
    let mut world = World::with_key();
    let mut question = command("1", "U1", "what is M54.50");
    let Wish::Ask(request) = &mut question.wish else {
        panic!()
    };
    request.about = vec!["77003".into()];
    request.as_of = Some(date());
    killed_while_answering(&mut world, question).await;
    assert!(!world.on_disk("what is M54.50"));
    world.hands.pass(LEASE);
    let engine = Engine::answering(answer(1, 0, &[]));
    let desk = world.desk(&engine);
    let (stop, keeping) = keep(&desk, world.finder(Vec::new()));
    let (place, reply) = world.reply().await;
    assert_eq!(
        (place.as_str(), lines(&reply), reply.audience),
        ("1", vec!["line 1"], Audience::Asker)
    );
    let asked = engine.asked();
    assert_eq!(asked[0].text, "what is M54.50");
    assert_eq!(
        (asked[0].about.as_slice(), asked[0].as_of),
        (["77003".to_owned()].as_slice(), Some(date()))
    );
    stop.cancel();
    keeping.await.unwrap();
}

#[tokio::test]
async fn of_two_processes_that_find_it_one_answers() {
    let mut world = World::new();
    let question = mention("1", "U1", "what is M54.50");
    killed_while_answering(&mut world, question.clone()).await;
    world.hands.pass(LEASE);
    let engine = Engine::answering(answer(1, 0, &[]));
    let (a, b) = (world.desk(&engine), world.desk(&engine));
    let (stop_a, keeping_a) = keep(&a, world.finder(vec![question.clone()]));
    let (stop_b, keeping_b) = keep(&b, world.finder(vec![question]));
    world.reply().await;
    stop_a.cancel();
    stop_b.cancel();
    keeping_a.await.unwrap();
    keeping_b.await.unwrap();
    assert!(world.rest(&a).await.is_empty() && world.rest(&b).await.is_empty());
    assert_eq!(engine.asked().len(), 1);
}

#[tokio::test]
async fn a_reply_that_stands_there_already_is_not_posted_again() {
    for blind in [false, true] {
        let mut world = World::new();
        world.platform.blind.store(blind, Ordering::SeqCst);
        // The platform takes the post, and the process ends before it learns of that.
        world.platform.hangs.store(true, Ordering::SeqCst);
        let engine = Engine::answering(answer(1, 0, &[]));
        let process = Process::start(&world, &engine);
        let question = mention("1", "U1", "what is M54.50");
        process.take(&world, question.clone());
        let (_, first) = world.reply().await;
        process.kill();
        world.platform.hangs.store(false, Ordering::SeqCst);
        world.hands.pass(LEASE);
        let desk = world.desk(&engine);
        let (stop, keeping) = keep(&desk, world.finder(vec![question]));
        if blind {
            // Nobody can tell; under the same name the platform may drop it.
            assert_eq!(world.reply().await.1.once, first.once);
        } else {
            until_done(&world).await;
        }
        stop.cancel();
        keeping.await.unwrap();
        assert!(world.rest(&desk).await.is_empty());
    }
}

#[tokio::test]
async fn a_claim_is_renewed_for_as_long_as_its_answer_takes() {
    let world = World::new();
    let engine = Engine::stuck();
    let desk = world.desk(&engine);
    let (stop, keeping) = keep(&desk, world.finder(Vec::new()));
    world.take(&desk, mention("1", "U1", "what is M54.50"));
    while engine.asked().is_empty() {
        tokio::task::yield_now().await;
    }
    let file = rusqlite::Connection::open(world.folder.path().join("state.sqlite")).unwrap();
    let until = || -> i64 {
        file.query_row("SELECT until FROM claim", [], |r| r.get(0))
            .unwrap()
    };
    let other = world.state();
    for _ in 0..4 {
        let before = until();
        world.hands.pass(LEASE / 2);
        while until() == before {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(other.left_over("slack").await.unwrap().is_empty());
    }
    stop.cancel();
    keeping.await.unwrap();
    assert_eq!(engine.asked().len(), 1);
}

#[tokio::test]
async fn a_question_that_ends_its_process_again_and_again_is_given_up() {
    let mut world = World::new();
    let question = mention("1", "U1", "what is M54.50");
    killed_while_answering(&mut world, question.clone()).await;
    for _ in 0..2 {
        world.hands.pass(LEASE);
        // Each of the next two takes it over and ends.
        let engine = Engine::stuck();
        let process = Process::start(&world, &engine);
        let keeping = process.desk.clone().keep(
            world.finder(vec![question.clone()]),
            CancellationToken::new(),
        );
        process.runtime.spawn(keeping);
        while engine.asked().is_empty() {
            tokio::task::yield_now().await;
        }
        process.kill();
    }
    world.hands.pass(LEASE);
    let engine = Engine::answering(answer(1, 0, &[]));
    let desk = world.desk(&engine);
    let (stop, keeping) = keep(&desk, world.finder(vec![question]));
    let (_, reply) = world.reply().await;
    assert!(notice(&reply).1.contains("several attempts"));
    stop.cancel();
    keeping.await.unwrap();
    assert!(engine.asked().is_empty());
}

#[tokio::test]
async fn after_half_an_hour_nobody_waits_for_the_answer_any_more() {
    let mut world = World::new();
    let question = mention("1", "U1", "what is M54.50");
    killed_while_answering(&mut world, question.clone()).await;
    world.hands.pass(HOUR);
    let engine = Engine::answering(answer(1, 0, &[]));
    let desk = world.desk(&engine);
    let (stop, keeping) = keep(&desk, world.finder(vec![question]));
    assert_eq!(notice(&world.reply().await.1).0, Tone::Failed);
    stop.cancel();
    keeping.await.unwrap();
    assert!(engine.asked().is_empty());
}

#[tokio::test]
async fn a_place_that_cannot_be_found_again_is_looked_for_once() {
    let mut world = World::new();
    killed_while_answering(&mut world, mention("1", "U1", "what is M54.50")).await;
    world.hands.pass(LEASE);
    let engine = Engine::answering(answer(1, 0, &[]));
    let desk = world.desk(&engine);
    let found = world.finder(Vec::new());
    let finder = Finder {
        sender: found.sender.clone(),
        platform: found.platform.clone(),
        questions: Vec::new(),
        places: false,
    };
    let (stop, keeping) = keep(&desk, Arc::new(finder));
    until_done(&world).await;
    stop.cancel();
    keeping.await.unwrap();
    assert!(world.rest(&desk).await.is_empty());
}

#[tokio::test]
async fn a_place_where_nothing_can_be_posted_is_given_up_in_the_end() {
    let mut world = World::new();
    let question = mention("1", "U1", "what is M54.50");
    world.platform.failing.store(u64::MAX, Ordering::SeqCst);
    let engine = Engine::answering(answer(1, 0, &[]));
    let desk = world.desk(&engine);
    world.take(&desk, question.clone());
    settle(&desk).await;
    let (stop, keeping) = keep(&desk, world.finder(vec![question]));
    let file = rusqlite::Connection::open(world.folder.path().join("state.sqlite")).unwrap();
    let claim = || -> (i64, i64) {
        file.query_row("SELECT stage, attempts FROM claim", [], |r| {
            Ok((r.get(0)?, r.get(1)?))
        })
        .unwrap()
    };
    let posts = || u64::MAX - world.platform.failing.load(Ordering::SeqCst);
    assert_eq!(posts(), 1);
    while claim().0 < 2 {
        let before = posts();
        world.hands.pass(LEASE);
        let mut looks = 0;
        while posts() == before && claim().0 < 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
            looks += 1;
            // A renewal that was on its way as its question ended holds the claim for once more.
            if looks % 500 == 0 {
                world.hands.pass(LEASE);
            }
        }
        settle(&desk).await;
    }
    assert_eq!(claim().1, 5);
    // The question three times; then only that it is given up, which fails as well.
    assert_eq!(engine.asked().len(), 3);
    stop.cancel();
    keeping.await.unwrap();
    assert!(world.rest(&desk).await.is_empty());
}

#[tokio::test]
async fn a_process_that_lost_its_claim_meanwhile_posts_nothing() {
    let mut world = World::new();
    let (slow, gate) = crate::limits::gated();
    let a = world.desk(&slow);
    let question = mention("1", "U1", "what is M54.50");
    world.take(&a, question.clone());
    while slow.asked().is_empty() {
        tokio::task::yield_now().await;
    }
    // It renews nothing, as if it had stood still.
    world.hands.pass(LEASE);
    let b = world.desk(&Engine::answering(answer(2, 0, &[])));
    let (stop, keeping) = keep(&b, world.finder(vec![question]));
    assert_eq!(lines(&world.reply().await.1), ["line 1", "line 2"]);
    gate.add_permits(1);
    assert!(world.rest(&a).await.is_empty());
    stop.cancel();
    keeping.await.unwrap();
    assert!(world.rest(&b).await.is_empty());
}
