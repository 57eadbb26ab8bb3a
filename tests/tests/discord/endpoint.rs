//! Interactions over HTTP, the other way in.

use super::*;
use casebook_tests::discord::endpoint::Endpoint;
use std::time::{SystemTime, UNIX_EPOCH};

/// A bot that receives interactions over HTTP, without or with the gateway.
async fn start_over_http(gateway: bool) -> (Bot, Endpoint) {
    let discord = Discord::start().await;
    // A port that is free: bound once and let go.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let endpoint = Endpoint::new(address);
    let settings = json!({
        "listen": address.to_string(), "public_key": endpoint.public_key(), "gateway": gateway,
    });
    let bot = start_on(&discord, settings);
    // Commands are registered once it listens.
    discord.ready().await;
    discord.deliver_to(endpoint.clone());
    (bot, endpoint)
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

#[tokio::test]
async fn commands_forms_and_typing_work_without_the_gateway() {
    let (bot, _) = start_over_http(false).await;
    let id = bot
        .discord
        .command("ask", &[("question", "Is M54.50 billable?")]);
    let answer = bot.discord.answer(id).await;
    assert!(description(&answer).contains("M54.50"));
    assert_eq!(answer["flags"], 64);
    let typing = bot.discord.types("code", "codes", "M54");
    assert_eq!(bot.discord.choices(typing).await[0].1, "M54.50");
    let case = bot.discord.command("case", &[]);
    let form = bot.discord.form(case).await;
    let sent = bot.discord.submit(&form, &["low back pain"], None);
    bot.discord.answer(sent).await;
    assert_eq!(bot.fake.asked().last().unwrap().intent, Intent::Case);
    let card = bot.discord.press(&answer, "Full card");
    bot.discord.answer(card).await;
    assert_eq!(bot.discord.sessions(), (0, 0), "no gateway was needed");
    bot.stop.cancel();
    bot.task.await.unwrap().unwrap();
}

#[tokio::test]
async fn mentions_still_come_over_the_gateway() {
    let (bot, _) = start_over_http(true).await;
    bot.discord.until_sessions(1, 0).await;
    let id = bot.discord.direct("Is M54.50 billable?");
    bot.discord.answer(id).await;
    let id = bot.discord.command("code", &[("codes", "M54.50")]);
    bot.discord.answer(id).await;
    assert_eq!(bot.fake.asked().len(), 2);
}

#[tokio::test]
async fn only_what_discord_signed_just_now_is_read() {
    let (bot, endpoint) = start_over_http(false).await;
    let ping = json!({"id": "1", "application_id": "2", "type": 1, "token": "t", "version": 1})
        .to_string();
    let good = now().to_string();
    let signature = endpoint.sign(&good, &ping);
    let (status, reply) = endpoint.post(&signature, &good, &ping).await;
    assert_eq!(
        (status, reply.contains("\"type\":1")),
        (200, true),
        "{reply}"
    );
    let old = (now() - 400).to_string();
    let future = (now() + 400).to_string();
    for (what, signature, timestamp, body) in [
        ("no signature", String::new(), good.clone(), ping.clone()),
        ("no hexadecimal", "é".repeat(64), good.clone(), ping.clone()),
        (
            "another body",
            signature.clone(),
            good.clone(),
            ping.replace('2', "3"),
        ),
        (
            "another time",
            signature.clone(),
            (now() + 1).to_string(),
            ping.clone(),
        ),
        ("too old", endpoint.sign(&old, &ping), old, ping.clone()),
        (
            "from the future",
            endpoint.sign(&future, &ping),
            future,
            ping.clone(),
        ),
        (
            "no time",
            endpoint.sign("soon", &ping),
            "soon".into(),
            ping.clone(),
        ),
    ] {
        let (status, _) = endpoint.post(&signature, &timestamp, &body).await;
        assert_eq!(status, 401, "{what}");
    }
    let long = " ".repeat(600 * 1024);
    let (status, _) = endpoint
        .post(&endpoint.sign(&good, &long), &good, &long)
        .await;
    assert_eq!(status, 413, "a body of any size is not read");
    let broken = "{}";
    let (status, _) = endpoint
        .post(&endpoint.sign(&good, broken), &good, broken)
        .await;
    assert_eq!(status, 400);
    assert!(bot.fake.asked().is_empty());
}

#[tokio::test]
async fn a_replayed_request_is_answered_once() {
    let (bot, endpoint) = start_over_http(false).await;
    let id = bot.discord.command("ask", &[("question", "once")]);
    bot.discord.answer(id).await;
    let event = bot.discord.event(id).await;
    for _ in 0..3 {
        assert_eq!(endpoint.deliver(&event).await.0, 202);
    }
    let last = bot.discord.command("ask", &[("question", "last")]);
    bot.discord.answer(last).await;
    assert_eq!(bot.fake.asked().len(), 2);
}

#[tokio::test]
async fn an_endpoint_that_cannot_work_says_what_to_do() {
    let discord = Discord::start().await;
    for (settings, said) in [
        (json!({"listen": "127.0.0.1:0"}), "public_key"),
        (
            json!({"listen": "127.0.0.1:0", "public_key": "abc"}),
            "public_key",
        ),
        (
            json!({"listen": "nowhere", "public_key": Endpoint::new(([127, 0, 0, 1], 1).into()).public_key()}),
            "discord.listen",
        ),
        (json!({"gateway": false}), "discord.listen"),
    ] {
        let bot = start_on(&discord, settings);
        let error = bot.task.await.unwrap().unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
}
