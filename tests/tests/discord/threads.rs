//! Threads: one for each public question, with the context of what was asked in it.

use super::*;

fn in_thread(thread: u64) -> Value {
    json!({"channel_id": thread.to_string()})
}

#[tokio::test]
async fn a_mention_opens_a_thread_and_what_is_asked_there_has_its_context() {
    let (discord, state) = (Discord::start().await, memory());
    let bot = start_with(&discord, json!({}), state.clone());
    discord.ready().await;
    let id = bot
        .discord
        .mention(&format!("<@{BOT}> is M54.50 billable?"));
    let answer = bot.discord.answer(id).await;
    let thread = bot.discord.threads()[&id].clone();
    assert_eq!(
        thread["name"], "M54.50 Low back pain, unspecified",
        "not what was asked"
    );
    assert_eq!(answer["channel_id"], id.to_string());
    assert!(
        answer["message_reference"].is_null(),
        "a reply cannot leave its channel"
    );
    // A question is remembered once its answer stands.
    let conversation = format!("discord:{CHANNEL}:{id}");
    while state.turns(&conversation).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let next = bot
        .discord
        .say(&format!("<@{BOT}> and in 2025?"), id, in_thread(id));
    bot.discord.until_posts(2).await;
    let asked = bot.fake.asked().pop().unwrap();
    assert_eq!(asked.before, ["is M54.50 billable?"]);
    let posts = bot.discord.posts();
    assert_eq!(posts[1]["channel_id"], id.to_string());
    assert_eq!(
        posts[1]["message_reference"]["message_id"],
        next.to_string()
    );
    assert_eq!(bot.discord.threads().len(), 1);
}

#[tokio::test]
async fn one_can_ask_on_below_a_public_answer_without_a_mention() {
    let (discord, state) = (Discord::start().await, memory());
    let bot = start_with(&discord, json!({"public_answers": true}), state.clone());
    discord.ready().await;
    let id = bot
        .discord
        .mention(&format!("<@{BOT}> is M54.50 billable?"));
    let answer = bot.discord.answer(id).await;
    // A question is remembered once its answer stands.
    let conversation = format!("discord:{CHANNEL}:{id}");
    while state.turns(&conversation).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let pressed = bot.discord.press(&answer, "Ask on");
    let form = bot.discord.form(pressed).await;
    let sent = bot.discord.submit(&form, &["and in 2025?"], Some(&answer));
    let next = bot.discord.answer(sent).await;
    assert_eq!(next["flags"], 0, "in the thread, for everyone");
    let asked = bot.fake.asked().pop().unwrap();
    assert_eq!(
        (asked.text.as_str(), asked.before),
        ("and in 2025?", vec!["is M54.50 billable?".to_owned()])
    );
    // Below an answer that stands in the channel it goes to that answer's thread.
    let id = bot
        .discord
        .command("ask", &[("question", "is I10 billable?")]);
    let answer = bot.discord.answer(id).await;
    assert_eq!(answer["flags"], 0);
    let message: u64 = answer["id"].as_str().unwrap().parse().unwrap();
    bot.discord
        .calls_of(&format!("/messages/{message}/threads"))
        .await;
    let pressed = bot.discord.press(&answer, "Ask on");
    let form = bot.discord.form(pressed).await;
    let before = bot.discord.posts().len();
    let sent = bot.discord.submit(&form, &["and in 2024?"], Some(&answer));
    let note = bot.discord.answer(sent).await;
    assert_eq!(note["flags"], 64);
    let posts = bot.discord.until_posts(before + 1).await;
    assert_eq!(posts[before]["channel_id"], message.to_string());
}

#[tokio::test]
async fn in_other_peoples_threads_only_mentions_are_heard() {
    let bot = start(json!({})).await;
    let theirs = 777_000_000_000_000_000;
    bot.discord.has_thread(theirs, CHANNEL);
    bot.discord
        .say("is M54.50 billable?", theirs, in_thread(theirs));
    let id = bot.discord.say(
        &format!("<@{BOT}> is I10 billable?"),
        theirs,
        in_thread(theirs),
    );
    let answer = bot.discord.answer(id).await;
    assert_eq!(answer["channel_id"], theirs.to_string());
    assert_eq!(bot.fake.asked().len(), 1);
    assert_eq!(bot.discord.threads().len(), 1, "no thread in a thread");
}

#[tokio::test]
async fn where_no_thread_can_be_opened_the_answer_is_a_reply() {
    let bot = start(json!({})).await;
    bot.discord.fail("/threads", How::Refused(403, 50013));
    let id = bot
        .discord
        .mention(&format!("<@{BOT}> is M54.50 billable?"));
    let answer = bot.discord.answer(id).await;
    assert_eq!(answer["channel_id"], CHANNEL.to_string());
    assert_eq!(answer["message_reference"]["message_id"], id.to_string());
    // A thread that somebody else opened below the question in the meantime takes the answer.
    bot.discord.fail("/threads", How::Refused(400, 160_004));
    let id = bot
        .discord
        .mention(&format!("<@{BOT}> is M54.50 billable?"));
    assert_eq!(bot.discord.answer(id).await["channel_id"], id.to_string());
    // A thread that we may not write in does not.
    bot.discord.fail("/threads", How::Refused(400, 160_004));
    bot.discord.fail("/messages", How::Refused(403, 50013));
    let id = bot
        .discord
        .mention(&format!("<@{BOT}> is M54.50 billable?"));
    assert_eq!(
        bot.discord.answer(id).await["channel_id"],
        CHANNEL.to_string()
    );
}

#[tokio::test]
async fn a_public_answer_to_a_command_gets_a_thread_below_it() {
    let bot = start(json!({"public_answers": true})).await;
    let id = bot
        .discord
        .command("ask", &[("question", "is M54.50 billable?")]);
    let answer = bot.discord.answer(id).await;
    let message: u64 = answer["id"].as_str().unwrap().parse().unwrap();
    bot.discord
        .calls_of(&format!(
            "POST /channels/{CHANNEL}/messages/{message}/threads"
        ))
        .await;
    assert!(labels(&answer).contains(&"Ask on".to_owned()));
}
