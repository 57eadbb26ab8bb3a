//! What a log holds, and what it never does.

use super::*;

#[tokio::test]
async fn an_interaction_that_serenity_cannot_parse_is_reported() {
    let bot = start(json!({})).await;
    bot.discord
        .dispatch("INTERACTION_CREATE", json!({"id": "1", "content": SECRET}));
    let id = bot.discord.direct("hello");
    bot.discord.answer(id).await;
    let warned = || {
        logs()
            .0
            .lines()
            .iter()
            .any(|l| l.contains("cannot parse an INTERACTION_CREATE"))
    };
    while !warned() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn no_log_holds_what_people_type() {
    let bot = start(json!({})).await;
    for fault in [How::Status(400), How::TooMany(0.1)] {
        bot.discord.fail("/messages", fault);
        let id = bot.discord.direct(&format!("{SECRET}, M54.50?"));
        bot.discord.dispatch(
            "MESSAGE_CREATE",
            json!({"id": id.to_string(), "content": SECRET}),
        );
    }
    for question in [SECRET.to_owned(), format!("fail {SECRET}")] {
        let id = bot.discord.command("ask", &[("question", &question)]);
        bot.discord.answer(id).await;
    }
    // A frame that is no event at all: serenity prints it at WARN.
    bot.discord
        .frame(json!({"op": "nothing", "content": SECRET}));
    bot.discord.hang_up();
    bot.discord.until_sessions(1, 1).await;
    let last = bot.discord.direct(SECRET);
    bot.discord.answer(last).await;
    let (ours, all) = logs();
    let leaks = |log: &Log| {
        log.lines()
            .into_iter()
            .filter(|l| l.contains("Zebulon"))
            .collect::<Vec<_>>()
    };
    assert!(
        leaks(&all).iter().any(|l| l.contains("WARN")),
        "serenity logs text unless LOG_FILTER stands against it"
    );
    assert_eq!(leaks(&ours), Vec::<String>::new());
    assert!(
        ours.lines()
            .iter()
            .any(|l| l.contains("connected to Discord"))
    );
    assert!(
        !ours
            .lines()
            .iter()
            .any(|l| l.contains(TOKEN) || l.contains("token-"))
    );
}

#[test]
fn configuration_hides_the_token_and_knows_its_keys() {
    assert!(!format!("{:?}", config(json!({}))).contains(TOKEN));
    let unknown = serde_json::from_value::<Config>(json!({"token": "t", "tokn": 1}));
    assert!(
        unknown
            .unwrap_err()
            .to_string()
            .contains("unknown field `tokn`")
    );
}
