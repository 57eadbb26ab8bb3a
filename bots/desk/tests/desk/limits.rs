//! Bounded, and fair between people; with a visible "busy" instead of silence.

use std::collections::HashMap;
use std::sync::Arc;

use casebook_desk::{Audience, Desk, Fair, Rules, Taken, Tone};
use proptest::prelude::*;
use tokio::sync::Semaphore;

use crate::*;

/// An engine that answers as often as the test lets it.
pub(crate) fn gated() -> (Arc<Engine>, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let wait = gate.clone();
    let engine = Engine::new(move |_| {
        let wait = wait.clone();
        async move {
            wait.acquire().await.unwrap().forget();
            Ok(answer(1, 0, &[]))
        }
    });
    (engine, gate)
}

#[tokio::test]
async fn one_persons_burst_does_not_starve_another() {
    let mut world = World::new();
    let (engine, gate) = gated();
    let rules = Rules {
        answers_in_flight: 1,
        queue: 100,
        ..rules()
    };
    let desk = Desk::new("slack", rules, world.supplies(&engine));
    for n in 0..20 {
        world.take(
            &desk,
            mention(&format!("burst {n}"), "U1", "what is M54.50"),
        );
    }
    world.take(&desk, mention("patient", "U2", "what is M54.50"));
    let mut order = Vec::new();
    for _ in 0..3 {
        gate.add_permits(1);
        order.push(world.reply().await.0);
    }
    // The one in the making, one of the burst, and then the other person at the latest.
    assert!(order.iter().any(|place| place == "patient"), "{order:?}");
}

#[tokio::test]
async fn where_there_is_no_room_the_person_with_most_is_told_to_come_back() {
    let mut world = World::new();
    let (engine, gate) = gated();
    let rules = Rules {
        answers_in_flight: 1,
        queue: 15,
        ..rules()
    };
    let desk = Desk::new("slack", rules, world.supplies(&engine));
    // A person's share of what fits in here is a quarter: 4 of 16.
    for n in 0..5 {
        let taken = world.take(
            &desk,
            mention(&format!("greedy {n}"), "U0", "what is M54.50"),
        );
        assert_eq!(taken, if n < 4 { Taken::Yes } else { Taken::Busy });
    }
    let (place, reply) = world.reply().await;
    assert_eq!(
        (place.as_str(), notice(&reply).0, reply.audience),
        ("greedy 4", Tone::Busy, Audience::Asker)
    );
    // Others fill the rest; then one more finds room in place of the last question of whoever has most.
    for n in 0..12 {
        world.take(
            &desk,
            mention(&format!("other {n}"), &format!("V{n}"), "what is M54.50"),
        );
    }
    assert_eq!(
        world.take(&desk, mention("one more", "W", "what is M54.50")),
        Taken::Yes
    );
    let (place, reply) = world.reply().await;
    assert_eq!((place.as_str(), notice(&reply).0), ("greedy 3", Tone::Busy));
    // The others, and the first of the greedy ones, are all answered.
    gate.add_permits(100);
    let rest = world.rest(&desk).await;
    assert_eq!(rest.len(), 16);
    assert!(rest.iter().all(|(_, reply)| lines(reply) == ["line 1"]));
}

#[tokio::test]
async fn no_question_of_a_flood_goes_without_a_word() {
    let mut world = World::new();
    let (engine, gate) = gated();
    let rules = Rules {
        answers_in_flight: 2,
        queue: 10,
        ..rules()
    };
    let desk = Desk::new("slack", rules, world.supplies(&engine));
    for n in 0..200 {
        world.take(
            &desk,
            mention(&n.to_string(), &format!("U{}", n % 50), "what is M54.50"),
        );
    }
    gate.add_permits(200);
    let rest = world.rest(&desk).await;
    let places: std::collections::HashSet<_> = rest.iter().map(|(place, _)| place).collect();
    assert_eq!((rest.len(), places.len()), (200, 200));
    let busy = rest
        .iter()
        .filter(|(_, reply)| !matches!(reply.content, Content::Answer(_)));
    assert_eq!(busy.count(), 188);
    assert!(engine.asked().len() == 12);
}

#[tokio::test]
async fn no_more_answers_are_in_the_making_at_once_than_allowed() {
    let mut world = World::new();
    let (engine, gate) = gated();
    let rules = Rules {
        answers_in_flight: 3,
        queue: 100,
        ..rules()
    };
    let desk = Desk::new("slack", rules, world.supplies(&engine));
    for n in 0..20 {
        world.take(
            &desk,
            mention(&n.to_string(), &format!("U{n}"), "what is M54.50"),
        );
    }
    while engine.asked().len() < 3 {
        tokio::task::yield_now().await;
    }
    for answered in 1..=17 {
        assert_eq!(engine.asked().len(), answered + 2);
        gate.add_permits(1);
        world.reply().await;
        while engine.asked().len() < answered + 3 {
            tokio::task::yield_now().await;
        }
    }
    gate.add_permits(3);
    assert_eq!(world.rest(&desk).await.len(), 3);
}

#[derive(Debug, Clone)]
enum Step {
    Push(u8),
    Pop,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![3 => (0..6u8).prop_map(Step::Push), 2 => Just(Step::Pop)];
    prop::collection::vec(step, 0..300)
}

proptest! {
    /// Whatever comes: nothing is lost or doubled, each person's items stay in order, whoever waits is served after at
    /// most one item of each other person, and whoever has nothing waiting finds room while somebody has two.
    #[test]
    fn the_queue_is_fair(steps in steps(), room in 0..12usize) {
        let mut queue = Fair::new(room);
        let mut model: HashMap<u8, Vec<u32>> = HashMap::new();
        let mut passed: HashMap<u8, HashMap<u8, u32>> = HashMap::new();
        let mut owner: HashMap<u32, u8> = HashMap::new();
        for (n, step) in (0u32..).zip(steps) {
            match step {
                Step::Push(who) => {
                    owner.insert(n, who);
                    let before = queue.len();
                    let own = model.get(&who).map_or(0, Vec::len);
                    let most = model.values().map(Vec::len).max().unwrap_or(0);
                    match queue.push(who, n) {
                        None => {
                            prop_assert!(before < room);
                            model.entry(who).or_default().push(n);
                        }
                        Some(out) if out == n => {
                            prop_assert_eq!(before, room);
                            prop_assert!(most <= own + 1);
                        }
                        Some(out) => {
                            prop_assert_eq!(before, room);
                            let loser = owner[&out];
                            prop_assert_eq!(model[&loser].len(), most);
                            prop_assert_eq!(model.get_mut(&loser).and_then(Vec::pop), Some(out));
                            model.entry(who).or_default().push(n);
                        }
                    }
                    if own == 0 && most >= 2 {
                        prop_assert!(model.get(&who).is_some_and(|items| items.contains(&n)));
                    }
                }
                Step::Pop => {
                    let Some(item) = queue.pop() else {
                        prop_assert!(model.values().all(Vec::is_empty));
                        continue;
                    };
                    let who = owner[&item];
                    prop_assert_eq!(model.get_mut(&who).map(|items| items.remove(0)), Some(item));
                    passed.remove(&who);
                    for (&waiting, items) in &model {
                        if waiting != who && !items.is_empty() {
                            let times = passed.entry(waiting).or_default().entry(who).or_default();
                            *times += 1;
                            prop_assert!(*times <= 1, "{} was passed twice by {}", waiting, who);
                        }
                    }
                }
            }
            model.retain(|_, items| !items.is_empty());
            passed.retain(|who, _| model.contains_key(who));
            prop_assert_eq!(queue.len(), model.values().map(Vec::len).sum::<usize>());
            prop_assert!(queue.len() <= room);
        }
    }
}

#[tokio::test]
async fn taking_a_question_in_waits_for_nothing() {
    let mut world = World::new();
    let engine = Engine::answering(answer(1, 0, &[]));
    let desk = world.desk(&engine);
    // Another process holds the state: no question can be claimed.
    let file = rusqlite::Connection::open(world.folder.path().join("state.sqlite")).unwrap();
    file.execute_batch("BEGIN IMMEDIATE").unwrap();
    // Taken in without a chance for anything else to run here.
    for n in 0..100 {
        let question = mention(&n.to_string(), &format!("U{n}"), "what is M54.50");
        assert_eq!(world.take(&desk, question), Taken::Yes);
    }
    file.execute_batch("COMMIT").unwrap();
    assert_eq!(world.rest(&desk).await.len(), 100);
}
