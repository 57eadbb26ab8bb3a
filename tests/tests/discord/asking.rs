//! Who is answered, and how.

use super::*;
use casebook_tests::discord::OPENED;

#[tokio::test]
async fn a_command_is_deferred_privately_and_then_edited() {
    let bot = start(json!({})).await;
    let options = [
        ("question", "Is <@1> **M54.50** billable?"),
        ("date", "2026-11-24"),
        ("setting", "facility"),
    ];
    let id = bot.discord.command("ask", &options);
    let answer = bot.discord.answer(id).await;
    assert_eq!(answer["flags"], 64, "only the person who asked sees it");
    assert!(
        description(&answer).contains("M54.50 Low back pain, unspecified: billable"),
        "{answer}"
    );
    assert_eq!(answer["allowed_mentions"]["parse"], json!([]));
    let asked = &bot.fake.asked()[0];
    assert_eq!(asked.text, "Is @user M54.50 billable?");
    assert_eq!(
        (asked.intent, asked.setting),
        (Intent::Ask, Some(Setting::Facility))
    );
    assert_eq!(asked.as_of.unwrap().to_string(), "2026-11-24");
}

#[tokio::test]
async fn codes_are_asked_for_and_answers_may_be_public() {
    let bot = start(json!({"public_answers": true})).await;
    let id = bot.discord.command("code", &[("codes", "M54.50 77003")]);
    assert_eq!(bot.discord.answer(id).await["flags"], 0);
    let asked = &bot.fake.asked()[0];
    assert_eq!(
        (asked.intent, asked.text.as_str(), asked.as_of),
        (Intent::Code, "M54.50 77003", None)
    );
}

#[tokio::test]
async fn the_first_reply_does_not_wait_for_the_answer() {
    let bot = start(json!({})).await;
    let id = bot.discord.command("ask", &[("question", "wait for it")]);
    let deferred = bot.discord.calls_of("/callback").await;
    assert_eq!(
        (deferred[0].body["type"].as_u64(), deferred[0].status),
        (Some(5), 204)
    );
    assert!(
        bot.discord
            .calls()
            .iter()
            .all(|c| !c.what.starts_with("PATCH")),
        "not answered yet"
    );
    bot.fake.gate.add_permits(1);
    bot.discord.answer(id).await;
}

#[tokio::test]
async fn the_first_reply_comes_however_much_is_waiting() {
    let bot = start(json!({"answers_in_flight": 1})).await;
    let ids: Vec<u64> = (0..40)
        .map(|i| {
            bot.discord
                .command("ask", &[("question", &format!("wait {i}"))])
        })
        .collect();
    bot.discord.until_calls("/callback", ids.len()).await;
    let callbacks = bot.discord.calls_of("/callback").await;
    assert!(callbacks.iter().all(|call| call.status == 204));
    assert!(bot.fake.asked().len() <= 1, "one at a time");
    bot.fake.gate.add_permits(ids.len());
    for id in ids {
        bot.discord.answer(id).await;
    }
}

#[tokio::test]
async fn a_mention_gets_one_answer_that_pings_nobody() {
    let bot = start(json!({})).await;
    let id = bot
        .discord
        .mention(&format!("<@{BOT}> wait: is M54.50 billable?"));
    let typing = bot.discord.calls_of("/typing").await;
    assert_eq!(typing[0].what, format!("POST /channels/{CHANNEL}/typing"));
    bot.fake.gate.add_permits(1);
    let post = bot.discord.answer(id).await;
    assert_eq!(
        post["allowed_mentions"],
        json!({"parse": [], "users": [], "roles": [], "replied_user": false})
    );
    assert_eq!(post["nonce"].as_str().map(str::len), Some(24));
    assert_eq!(bot.fake.asked()[0].text, "wait: is M54.50 billable?");
    assert_eq!(bot.discord.posts().len(), 1);
}

#[tokio::test]
async fn a_direct_message_needs_no_mention() {
    let bot = start(json!({})).await;
    let id = bot.discord.direct("Is M54.50 billable?");
    bot.discord.answer(id).await;
    assert_eq!(bot.fake.asked()[0].text, "Is M54.50 billable?");
}

#[tokio::test]
async fn only_people_who_turn_to_us_are_answered() {
    let bot = start(json!({})).await;
    let mention = format!("<@{BOT}> hello");
    let robot = json!({"author": {"id": "5", "username": "other", "discriminator": "0", "avatar": null, "bot": true}});
    let ourselves = json!({"author": {"id": BOT.to_string(), "username": "casebook", "discriminator": "0", "avatar": null, "bot": true}});
    bot.discord.say(&mention, CHANNEL, robot);
    bot.discord.say(&mention, CHANNEL, ourselves);
    bot.discord
        .say(&mention, CHANNEL, json!({"webhook_id": "77"}));
    bot.discord.say(&mention, CHANNEL, json!({"type": 7}));
    bot.discord.say("Is M54.50 billable?", CHANNEL, json!({}));
    bot.discord
        .say("@everyone", CHANNEL, json!({"mention_everyone": true}));
    bot.discord.say(
        "<@&900000000000000001>",
        CHANNEL,
        json!({"mention_roles": ["900000000000000001"], "mentions": []}),
    );
    let id = bot.discord.mention(&mention);
    bot.discord.answer(id).await;
    assert_eq!(bot.fake.asked().len(), 1);
    assert_eq!(bot.discord.posts().len(), 1);
}

#[tokio::test]
async fn what_is_delivered_twice_is_answered_once() {
    let bot = start(json!({})).await;
    let (message, command) = (
        bot.discord.direct("one"),
        bot.discord.command("ask", &[("question", "two")]),
    );
    bot.discord.deliver_again(message);
    bot.discord.deliver_again(command);
    bot.discord.answer(message).await;
    bot.discord.answer(command).await;
    bot.discord.deliver_again(message);
    bot.discord.deliver_again(command);
    let last = bot.discord.direct("three");
    bot.discord.answer(last).await;
    assert_eq!(bot.fake.asked().len(), 3);
    assert_eq!(bot.discord.posts().len(), 2);
}

#[tokio::test]
async fn whoever_asks_nothing_is_told_how_to_ask() {
    let bot = start(json!({})).await;
    let id = bot.discord.direct("  ");
    assert_eq!(
        bot.discord.answer(id).await["embeds"][0]["title"],
        "How to ask"
    );
    // In a channel that is for the person alone.
    bot.discord.mention(&format!(" <@{BOT}> "));
    let posts = bot.discord.until_posts(2).await;
    assert_eq!(posts[1]["channel_id"], OPENED.to_string());
    let id = bot
        .discord
        .command("ask", &[("question", "yesterday"), ("date", "24.11.2026")]);
    assert!(description(&bot.discord.answer(id).await).contains("such as 2026-11-24"));
    assert!(bot.fake.asked().is_empty());
}
