//! What operators see: admin commands, counters, health and readiness.

use casebook_core::Verdict;
use casebook_desk::{Audience, Tone, ops};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::*;

fn admin_command(key: &str, by: Person, words: &str) -> Question {
    Question {
        wish: Wish::Admin(words.into()),
        from: by,
        ..command(key, "", "")
    }
}

async fn said(world: &mut World, desk: &Arc<Desk>, key: &str, words: &str) -> String {
    world.take(desk, admin_command(key, admin(), words));
    let (_, reply) = world.reply().await;
    assert_eq!(
        (notice(&reply).0, reply.audience),
        (Tone::Plain, Audience::Asker)
    );
    notice(&reply).1.to_owned()
}

#[tokio::test]
async fn admins_read_gaps_usage_and_editions_and_nobody_else_does() {
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
    for (n, text) in [
        "what is M54.50",
        "fee of 99999 on the moon",
        "fee of 99998 on the moon",
    ]
    .into_iter()
    .enumerate()
    {
        world.take(&desk, command(&format!("q{n}"), "U1", text));
        world.reply().await;
    }
    settle(&desk).await;
    let gaps = said(&mut world, &desk, "1", "gaps").await;
    assert_eq!(
        gaps,
        "Questions without an answer in the last 30 days: 2\n2 × ask, fee, 99999"
    );
    let usage = said(&mut world, &desk, "2", "usage").await;
    assert!(
        usage.contains("slack, ask, no_answer: 2") && usage.contains("slack, ask, answered: 1"),
        "{usage}"
    );
    let editions = said(&mut world, &desk, "3", "editions").await;
    assert_eq!(
        editions,
        "Editions that are loaded: 1\nICD-10-CM Tabular List, FY2027: from 2026-10-01"
    );
    assert!(
        said(&mut world, &desk, "4", "help")
            .await
            .starts_with("Commands for admins")
    );
    for (n, words) in ["gaps", "usage", "config"].into_iter().enumerate() {
        world.take(&desk, admin_command(&format!("d{n}"), person("U1"), words));
        assert_eq!(notice(&world.reply().await.1).0, Tone::Denied);
    }
}

#[tokio::test]
async fn a_gaps_words_are_listed_only_where_they_are_kept() {
    for keep in [false, true] {
        let mut world = World::new();
        world.config.keep_gap_text = keep;
        let desk = world.desk(&Engine::answering(unanswered(Verdict::NoAnswer)));
        world.take(&desk, command("q", "U1", "how are moonwalks billed"));
        world.reply().await;
        settle(&desk).await;
        let gaps = said(&mut world, &desk, "1", "gaps").await;
        assert_eq!(gaps.contains("moonwalks"), keep, "{gaps}");
        assert_eq!(world.on_disk("moonwalks"), keep);
    }
}

async fn get(address: std::net::SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (
        head.split(' ').nth(1).unwrap().parse().unwrap(),
        body.to_owned(),
    )
}

#[tokio::test]
async fn health_readiness_and_metrics_are_served() {
    let mut world = World::new();
    let supplies = world.supplies(&Engine::answering(answer(1, 0, &[])));
    let desk = Desk::new("slack", rules(), supplies.clone());
    let config = ops::Config {
        listen: "127.0.0.1:0".parse().unwrap(),
    };
    let listener = ops::bind(&config).await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(ops::serve(listener, supplies.clone(), stop.clone()));
    assert_eq!(get(address, "/health").await.0, 200);
    // No adapter has started, then one without a connection, then one with.
    assert_eq!(get(address, "/ready").await.0, 503);
    supplies.meters.connected("slack", false);
    let (status, page) = get(address, "/ready").await;
    assert_eq!(status, 503);
    assert!(
        page.contains("slack: not ready") && page.contains("state: ready"),
        "{page}"
    );
    supplies.meters.connected("slack", true);
    assert_eq!(get(address, "/ready").await.0, 200);
    supplies.meters.reconnected("slack");
    world.take(&desk, mention("1", "U1", "what is M54.50"));
    world.reply().await;
    desk.close().await;
    let (_, text) = get(address, "/metrics").await;
    for line in [
        "casebook_questions_total{platform=\"slack\",intent=\"ask\",verdict=\"answered\"} 1",
        "casebook_event_to_post_seconds_count{platform=\"slack\"} 1",
        "casebook_queue_depth{platform=\"slack\"} 0",
        "casebook_in_flight{platform=\"slack\"} 0",
        "casebook_reconnects_total{platform=\"slack\"} 1",
        "casebook_connected{platform=\"slack\"} 1",
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "{line} is not in\n{text}"
        );
    }
    assert!(text.ends_with("# EOF\n"));
    stop.cancel();
    serving.await.unwrap().unwrap();
}
