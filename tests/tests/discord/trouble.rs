//! What the person who asked sees when something goes wrong.

use super::*;

#[tokio::test]
async fn a_lost_reply_to_a_post_does_not_double_it() {
    let bot = start(json!({})).await;
    bot.discord.fail("/messages", How::Lost);
    let id = bot.discord.direct("hello");
    bot.discord.until_calls("POST /channels", 2).await;
    bot.discord.answer(id).await;
    assert_eq!(bot.discord.posts().len(), 1);
}

#[tokio::test]
async fn a_lost_reply_to_the_first_reply_is_no_failure() {
    let bot = start(json!({})).await;
    bot.discord.fail("/callback", How::Lost);
    let id = bot.discord.command("ask", &[("question", "hello")]);
    bot.discord.answer(id).await;
    assert_eq!(
        bot.discord
            .calls_of("/callback")
            .await
            .last()
            .unwrap()
            .status,
        400
    );
}

#[tokio::test]
async fn limits_and_outages_are_waited_out() {
    let bot = start(json!({})).await;
    for how in [How::TooMany(0.2), How::Status(500), How::Status(503)] {
        bot.discord.fail("/messages", how);
    }
    bot.discord.fail("/callback", How::Status(502));
    bot.discord.fail("PATCH", How::TooMany(0.1));
    let message = bot.discord.direct("one");
    let command = bot.discord.command("ask", &[("question", "two")]);
    bot.discord.answer(message).await;
    bot.discord.answer(command).await;
    let pauses: Vec<Duration> = bot
        .discord
        .calls()
        .iter()
        .filter(|c| c.what.starts_with("POST /channels"))
        .map(|c| c.at)
        .collect::<Vec<_>>()
        .windows(2)
        .map(|pair| pair[1] - pair[0])
        .collect();
    assert!(
        pauses[0] >= Duration::from_millis(200) && pauses.is_sorted(),
        "{pauses:?}"
    );
}

#[tokio::test]
async fn a_failure_is_shown_with_a_reference_and_logged_once_under_it() {
    let bot = start(json!({})).await;
    let id = bot
        .discord
        .command("ask", &[("question", &format!("fail for {SECRET}"))]);
    let answer = bot.discord.answer(id).await;
    let text = description(&answer);
    assert!(
        text.starts_with("The store is being rebuilt. Ask again in a minute."),
        "{text}"
    );
    let reference = text
        .split("Reference ")
        .nth(1)
        .unwrap()
        .trim_end_matches(')');
    assert!(!answer.to_string().contains("store/index.rs"));
    let logged: Vec<String> = logs()
        .0
        .lines()
        .into_iter()
        .filter(|l| l.contains("no segment"))
        .collect();
    assert_eq!(
        logged.iter().filter(|l| l.contains(reference)).count(),
        1,
        "{logged:?}"
    );
}

#[tokio::test]
async fn a_panic_fails_one_answer_alone() {
    let bot = start(json!({})).await;
    let id = bot.discord.direct("panic");
    assert!(description(&bot.discord.answer(id).await).contains("failed over this question"));
    let id = bot.discord.direct("hello");
    assert!(description(&bot.discord.answer(id).await).contains("M54.50"));
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_given_up() {
    let bot = start(json!({"answer_timeout_s": 1})).await;
    let id = bot.discord.command("ask", &[("question", "wait")]);
    assert!(description(&bot.discord.answer(id).await).contains("took too long"));
}

#[tokio::test]
async fn beyond_the_queue_people_are_told_that_it_is_busy() {
    let bot = start(json!({"answers_in_flight": 1, "queue": 1})).await;
    let first = bot.discord.direct("wait");
    bot.discord.calls_of("/typing").await;
    let second = bot.discord.direct("hello, in the queue");
    let third = bot.discord.command("ask", &[("question", "hello")]);
    let busy = bot.discord.answer(third).await;
    assert!(description(&busy).contains("busy"), "{busy}");
    bot.fake.gate.add_permits(1);
    for id in [first, second] {
        assert!(description(&bot.discord.answer(id).await).contains("M54.50"));
    }
}
