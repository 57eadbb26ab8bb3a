//! Autocomplete while a person types.

use super::*;

#[tokio::test]
async fn codes_are_suggested_after_those_that_stand_there() {
    let bot = start(json!({})).await;
    let id = bot.discord.types("code", "codes", "77003 M54");
    let choices = bot.discord.choices(id).await;
    let first = ("77003 M54.50 Low back pain, unspecified", "77003 M54.50");
    assert_eq!((choices[0].0.as_str(), choices[0].1.as_str()), first);
    assert_eq!(bot.fake.typed(), ["M54"]);
    assert!(bot.fake.asked().is_empty(), "typing is no question");
}

#[tokio::test]
async fn words_are_suggested_as_official_wording() {
    let bot = start(json!({})).await;
    let id = bot.discord.types("codes", "text", "low back");
    let choices = bot.discord.choices(id).await;
    let first = (
        "Low back pain, unspecified · M54.50",
        "Low back pain, unspecified",
    );
    assert_eq!((choices[0].0.as_str(), choices[0].1.as_str()), first);
    assert_eq!(bot.fake.typed(), ["low back"]);
}

#[tokio::test]
async fn many_and_long_suggestions_keep_discords_limits() {
    let bot = start(json!({})).await;
    for (command, option) in [("check", "codes"), ("codes", "text"), ("ask", "about")] {
        let id = bot.discord.types(command, option, "many 😀");
        // The stand-in refuses more than 25, empty ones, and any longer than 100.
        let choices = bot.discord.choices(id).await;
        assert_eq!(choices.len(), 25, "{command}");
    }
    let callbacks = bot.discord.calls_of("/callback").await;
    assert!(
        callbacks.iter().all(|call| call.status == 204),
        "{callbacks:#?}"
    );
}

#[tokio::test]
async fn who_types_is_never_kept_waiting() {
    let bot = start(json!({})).await;
    for typed in ["wait", "fail", "panic"] {
        let id = bot.discord.types("code", "codes", typed);
        // What was typed can be asked; "no options match" would be untrue.
        let echo = (typed.to_owned(), typed.to_owned());
        assert_eq!(bot.discord.choices(id).await, [echo]);
    }
    let id = bot.discord.types("code", "codes", "");
    assert!(bot.discord.choices(id).await.is_empty());
}
