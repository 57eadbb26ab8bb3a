//! Beginning, losing and ending the connection.

use super::*;

#[tokio::test]
async fn commands_are_registered_once() {
    let bot = start(json!({})).await;
    bot.stop.cancel();
    bot.task.await.unwrap().unwrap();
    let names: Vec<Value> = bot
        .discord
        .commands()
        .iter()
        .map(|c| c["name"].clone())
        .collect();
    assert_eq!(names, ["ask", "code"]);
    let again = start_on(&bot.discord, json!({}));
    bot.discord.until_sessions(2, 0).await;
    let id = bot.discord.direct("hello");
    bot.discord.answer(id).await;
    again.stop.cancel();
    again.task.await.unwrap().unwrap();
    let calls = bot.discord.calls();
    let of = |verb: &str| {
        calls
            .iter()
            .filter(|c| c.what.starts_with(verb) && c.what.ends_with("/commands"))
            .count()
    };
    assert_eq!((of("GET"), of("PUT")), (2, 1));
}

#[tokio::test]
async fn commands_of_one_guild_for_development() {
    let bot = start(json!({"guild_id": casebook_tests::discord::GUILD})).await;
    assert_eq!(bot.discord.guild_commands().len(), 2);
    assert!(bot.discord.commands().is_empty());
}

#[tokio::test]
async fn a_dropped_connection_is_resumed_and_nothing_is_missed() {
    let bot = start(json!({})).await;
    bot.discord.hang_up();
    let id = bot.discord.direct("asked in the gap");
    bot.discord.answer(id).await;
    bot.discord.until_sessions(1, 1).await;
    bot.discord.frame(json!({"op": 7, "d": null}));
    bot.discord.until_sessions(1, 2).await;
    let id = bot.discord.direct("asked afterwards");
    bot.discord.answer(id).await;
    assert_eq!(bot.fake.asked().len(), 2);
}

#[tokio::test]
async fn a_lost_session_is_begun_anew() {
    let bot = start(json!({})).await;
    bot.discord.frame(json!({"op": 9, "d": false}));
    bot.discord.until_sessions(2, 0).await;
    let id = bot.discord.direct("hello");
    bot.discord.answer(id).await;
}

#[tokio::test]
async fn stopping_lets_answers_finish_and_takes_leave() {
    let bot = start(json!({})).await;
    let id = bot.discord.command("ask", &[("question", "wait")]);
    bot.discord.calls_of("/callback").await;
    bot.stop.cancel();
    assert_eq!(bot.discord.closed().await, 1000);
    bot.fake.gate.add_permits(1);
    bot.task.await.unwrap().unwrap();
    let posted = bot
        .discord
        .calls()
        .iter()
        .any(|c| c.what.starts_with("PATCH"));
    assert!(posted, "returned before the answer was posted");
    assert!(description(&bot.discord.answer(id).await).contains("M54.50"));
}

#[tokio::test]
async fn stopping_does_not_wait_for_ever() {
    let bot = start(json!({})).await;
    let id = bot.discord.command("ask", &[("question", "wait")]);
    bot.discord.calls_of("/callback").await;
    bot.stop.cancel();
    bot.task.await.unwrap().unwrap();
    assert!(description(&bot.discord.answer(id).await).contains("being restarted"));
}

#[tokio::test]
async fn a_start_that_cannot_succeed_says_what_to_do() {
    let discord = Discord::start().await;
    let fake: Arc<dyn Respond> = Arc::new(Fake {
        asked: Mutex::default(),
        gate: Semaphore::new(0),
    });
    let error = |value: Value| {
        let config: Config = serde_json::from_value(value).unwrap();
        run(config, Arc::clone(&fake), CancellationToken::new())
    };
    // Discord refuses a token on the gateway; a proxy may do so before.
    for proxy in [false, true] {
        if proxy {
            discord.fail("GET /gateway", How::Status(401));
        }
        let wrong = error(json!({"token": "wrong", "api_url": discord.url()}))
            .await
            .unwrap_err();
        assert!(matches!(wrong, DiscordError::Token), "{wrong}");
    }
    let no_address = error(json!({"token": TOKEN, "api_url": "discord.example"}))
        .await
        .unwrap_err();
    assert!(
        no_address.to_string().contains("must begin with http://"),
        "{no_address}"
    );
    let closed = error(json!({"token": TOKEN, "api_url": "http://127.0.0.1:1"}))
        .await
        .unwrap_err();
    assert!(closed.to_string().contains("127.0.0.1:1"), "{closed}");
}
