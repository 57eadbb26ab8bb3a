//! What holds in a channel, and who may ask there.

use super::*;
use casebook_tests::discord::member;

fn text(name: &str, value: &str) -> Value {
    json!({"name": name, "type": 3, "value": value})
}

#[tokio::test]
async fn settings_are_shown_and_changed_by_those_who_manage_the_server() {
    let bot = start(json!({})).await;
    let id = bot
        .discord
        .casebook("config", json!([text("answers", "public")]), 0);
    assert!(description(&bot.discord.answer(id).await).contains("manage the server"));
    let options = json!([
        text("answers", "public"),
        text("setting", "facility"),
        text("locality", "Houston"),
        text("contractor", "Texas"),
    ]);
    let id = bot.discord.casebook("config", options, MANAGES);
    let changed = bot.discord.answer(id).await;
    assert_eq!(changed["flags"], 64);
    assert!(description(&changed).contains("Houston"), "{changed}");
    let id = bot.discord.command("ask", &[("question", "hello")]);
    assert_eq!(bot.discord.answer(id).await["flags"], 0, "public now");
    let asked = bot.fake.asked().pop().unwrap();
    assert_eq!(asked.setting, Some(Setting::Facility));
    assert_eq!(
        (asked.locality.as_deref(), asked.contractor.as_deref()),
        (Some("Houston"), Some("Texas"))
    );
    // Shown without a change; "none" takes a value away.
    let id = bot.discord.casebook("config", json!([]), MANAGES);
    assert!(!description(&bot.discord.answer(id).await).contains("Changed"));
    let id = bot
        .discord
        .casebook("config", json!([text("locality", "none")]), MANAGES);
    assert!(description(&bot.discord.answer(id).await).contains("Locality: none"));
}

#[tokio::test]
async fn only_allowed_roles_and_people_may_ask() {
    let bot = start(json!({})).await;
    let role = json!([{"name": "allow_role", "type": 8, "value": "4242"}]);
    let id = bot.discord.casebook("config", role, MANAGES);
    bot.discord.answer(id).await;
    let question = json!([text("question", "hello")]);
    let id = bot.discord.command("ask", &[("question", "hello")]);
    let denied = bot.discord.answer(id).await;
    assert!(description(&denied).contains("not open to you"), "{denied}");
    assert!(bot.fake.asked().is_empty());
    let id = bot
        .discord
        .command_in("ask", question, json!({"member": member(&[4242], 0)}));
    bot.discord.answer(id).await;
    assert_eq!(bot.fake.asked().len(), 1);
    // A mention tells the roles, too; without them it is refused to the person alone.
    let mention = format!("<@{BOT}> hello");
    bot.discord.say(&mention, CHANNEL, json!({"member": {"roles": ["4242"], "joined_at": "2026-01-01T00:00:00Z", "deaf": false, "mute": false}}));
    bot.discord.until_posts(1).await;
    assert_eq!(bot.fake.asked().len(), 2);
    bot.discord.mention(&mention);
    let posts = bot.discord.until_posts(2).await;
    assert_eq!(
        posts[1]["channel_id"],
        casebook_tests::discord::OPENED.to_string()
    );
    assert_eq!(bot.fake.asked().len(), 2);
}

#[tokio::test]
async fn a_channel_can_be_switched_off_and_wins_over_the_server() {
    let bot = start(json!({})).await;
    let everywhere =
        json!([text("listen", "off"), {"name": "everywhere", "type": 5, "value": true}]);
    let id = bot.discord.casebook("config", everywhere, MANAGES);
    bot.discord.answer(id).await;
    let id = bot.discord.command("ask", &[("question", "hello")]);
    assert!(description(&bot.discord.answer(id).await).contains("switched off"));
    let id = bot
        .discord
        .casebook("config", json!([text("listen", "mentions")]), MANAGES);
    bot.discord.answer(id).await;
    let id = bot.discord.command("ask", &[("question", "hello")]);
    assert!(description(&bot.discord.answer(id).await).contains("M54.50"));
}
