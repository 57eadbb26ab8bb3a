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
    assert_eq!(
        names,
        [
            "ask",
            "code",
            "codes",
            "check",
            "case",
            "casebook",
            "Ask Casebook"
        ]
    );
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
    assert_eq!(bot.discord.guild_commands().len(), 7);
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
    let supplies = Supplies::new(Fake::new(), memory());
    let error = |value: Value| {
        let config: Config = serde_json::from_value(value).unwrap();
        run(config, supplies.clone(), CancellationToken::new())
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

#[tokio::test]
async fn a_bot_with_several_shards_answers_on_each() {
    let discord = Discord::start().await;
    discord.advise_shards(2);
    let bot = start_on(&discord, json!({"shards": "auto"}));
    // serenity lets 5 s pass between two connections, as Discord asks.
    discord.until_sessions(2, 0).await;
    // The guild's events come on one of the two, direct messages on the first.
    let command = discord.command("ask", &[("question", "hello")]);
    let direct = discord.direct("hello");
    let mention = discord.mention(&format!("<@{BOT}> hello"));
    for id in [command, direct, mention] {
        discord.answer(id).await;
    }
    assert_eq!(bot.fake.asked().len(), 3);
    let registered = discord
        .calls()
        .iter()
        .filter(|call| call.what.starts_with("PUT"))
        .count();
    assert_eq!(registered, 1, "by one shard alone");
}

#[test]
fn shards_are_a_number_or_auto() {
    let shards = |value: Value| {
        serde_json::from_value::<Config>(json!({"token": "t", "shards": value}))
            .map(|config| config.shards)
    };
    assert_eq!(
        shards(json!("auto")).unwrap(),
        casebook_discord::Shards::Auto
    );
    assert!(
        matches!(shards(json!(4)).unwrap(), casebook_discord::Shards::Number(n) if n.get() == 4)
    );
    for wrong in [json!(0), json!("many"), json!(-1)] {
        assert!(
            shards(wrong)
                .unwrap_err()
                .to_string()
                .contains("or \"auto\"")
        );
    }
}
