//! Buttons and forms below answers.

use super::*;

#[tokio::test]
async fn a_long_answer_is_cut_and_the_rest_is_behind_a_button() {
    let bot = start(json!({})).await;
    let id = bot.discord.command("ask", &[("question", "long please")]);
    let mut page = bot.discord.answer(id).await;
    let shown = |page: &Value| -> Vec<usize> {
        let lines = description(page).lines();
        lines
            .filter_map(|line| {
                let number = line.trim_start_matches("**").strip_prefix("Line ")?;
                number.split('.').next()?.parse().ok()
            })
            .collect()
    };
    let mut seen = shown(&page);
    assert!(labels(&page).contains(&"Helpful".to_owned()), "{page:#}");
    while labels(&page).contains(&"More passages".to_owned()) {
        let id = bot.discord.press(&page, "More passages");
        let next = bot.discord.answer(id).await;
        // The private message changes under the person's hand.
        let first = bot.discord.call_of_interaction(id).await;
        assert_eq!(
            (&next["id"], first["type"].as_u64()),
            (&page["id"], Some(6))
        );
        assert_eq!(next["flags"], 64);
        page = next;
        seen.extend(shown(&page));
    }
    assert_eq!(
        seen,
        (1..=40).collect::<Vec<_>>(),
        "each line once, in order"
    );
    // It keeps its buttons, and there is a way back.
    for label in ["Helpful", "Share to channel", "Full card of M54.50"] {
        assert!(
            labels(&page).contains(&label.to_owned()),
            "{label} of {page:#}"
        );
    }
    let id = bot.discord.press(&page, "From the start");
    let first = bot.discord.answer(id).await;
    assert_eq!(shown(&first)[0], 1);
    assert!(!labels(&first).contains(&"From the start".to_owned()));
}

#[tokio::test]
async fn what_is_said_about_an_answer_leaves_it_standing() {
    let discord = Discord::start().await;
    // Nothing is kept for buttons here.
    let clock = Arc::new(std::time::SystemTime::now);
    let nothing = serde_json::from_value(json!({"keep_conversations_h": 0})).unwrap();
    let bot = start_with(
        &discord,
        json!({}),
        State::in_memory(nothing, clock).unwrap(),
    );
    discord.ready().await;
    let id = bot.discord.command("ask", &[("question", "long please")]);
    let page = bot.discord.answer(id).await;
    let pressed = bot.discord.press(&page, "More passages");
    let added = bot.discord.added(pressed).await;
    assert!(
        description(&added[0]).contains("no longer has this answer"),
        "{added:#?}"
    );
    assert_eq!(added[0]["flags"], 64);
    assert!(
        bot.discord.answered(pressed).is_none(),
        "the message itself is unchanged"
    );
}

#[tokio::test]
async fn a_card_and_a_question_about_its_code() {
    let bot = start(json!({})).await;
    let id = bot.discord.command("ask", &[("question", "hello")]);
    let answer = bot.discord.answer(id).await;
    let pressed = bot.discord.press(&answer, "Full card");
    let card = bot.discord.answer(pressed).await;
    assert_eq!(card["flags"], 64);
    let asked = bot.fake.asked().pop().unwrap();
    assert_eq!(
        (asked.intent, asked.text.as_str()),
        (Intent::Code, "M54.50")
    );
    let pressed = bot.discord.press(&card, "Ask about");
    let form = bot.discord.form(pressed).await;
    let sent = bot
        .discord
        .submit(&form, &["Which modifiers?"], Some(&card));
    bot.discord.answer(sent).await;
    let asked = bot.fake.asked().pop().unwrap();
    assert_eq!(asked.about, ["M54.50"]);
    assert_eq!(asked.text, "Which modifiers?");
}

#[tokio::test]
async fn related_questions_are_asked_with_one_press_however_long() {
    let bot = start(json!({})).await;
    let id = bot.discord.command("ask", &[("question", "hello")]);
    let answer = bot.discord.answer(id).await;
    let pressed = bot.discord.press(&answer, "Is M54.50 billable?");
    bot.discord.answer(pressed).await;
    assert_eq!(bot.fake.asked().pop().unwrap().text, "Is M54.50 billable?");
    let pressed = bot.discord.press(&answer, "What of words");
    bot.discord.answer(pressed).await;
    let long = bot.fake.asked().pop().unwrap().text;
    assert!(
        long.len() > 100 && long.starts_with("What of words"),
        "{long}"
    );
}

#[tokio::test]
async fn feedback_is_kept_with_its_reason() {
    let state = memory();
    let discord = Discord::start().await;
    let bot = start_with(&discord, json!({}), state.clone());
    discord.ready().await;
    let id = bot.discord.command("ask", &[("question", "hello")]);
    let answer = bot.discord.answer(id).await;
    let pressed = bot.discord.press(&answer, "Helpful");
    let thanks = bot.discord.answer(pressed).await;
    assert_eq!(thanks["flags"], 64);
    assert_eq!(state.opinions(1).await.unwrap().helpful, 1);
    let pressed = bot.discord.press(&answer, "Not helpful");
    let form = bot.discord.form(pressed).await;
    let sent = bot
        .discord
        .submit(&form, &["The edition is old"], Some(&answer));
    bot.discord.answer(sent).await;
    let opinions = state.opinions(1).await.unwrap();
    assert_eq!(
        (opinions.helpful, opinions.not_helpful),
        (0, 1),
        "the second opinion replaces the first"
    );
    assert_eq!(opinions.reasons, ["The edition is old"]);
}

#[tokio::test]
async fn a_private_answer_is_shared_once_and_gets_a_thread() {
    let bot = start(json!({})).await;
    let id = bot.discord.command("ask", &[("question", "hello")]);
    let answer = bot.discord.answer(id).await;
    assert!(bot.discord.posts().is_empty());
    // A lost reply makes us post twice; the nonce makes it one.
    bot.discord
        .fail(&format!("POST /channels/{CHANNEL}/messages"), How::Lost);
    let pressed = bot.discord.press(&answer, "Share");
    let note = bot.discord.answer(pressed).await;
    assert!(description(&note).contains("channel"), "{note}");
    let posts = bot.discord.posts();
    assert_eq!(posts.len(), 1);
    assert_eq!(posts[0]["embeds"], answer["embeds"]);
    assert_eq!(posts[0]["allowed_mentions"]["parse"], json!([]));
    assert!(
        !labels(&posts[0])
            .iter()
            .any(|label| label.starts_with("Share"))
    );
    let message: u64 = posts[0]["id"].as_str().unwrap().parse().unwrap();
    assert!(bot.discord.threads().contains_key(&message));
}

#[tokio::test]
async fn sharing_works_without_the_right_to_write_in_the_channel() {
    let bot = start(json!({})).await;
    let id = bot.discord.command("ask", &[("question", "hello")]);
    let answer = bot.discord.answer(id).await;
    bot.discord.fail(
        &format!("POST /channels/{CHANNEL}/messages"),
        How::Refused(403, 50001),
    );
    let pressed = bot.discord.press(&answer, "Share");
    let added = bot.discord.added(pressed).await;
    assert_eq!((added.len(), &added[0]["flags"]), (1, &json!(0)));
    assert_eq!(added[0]["embeds"], answer["embeds"]);
}

#[tokio::test]
async fn a_press_that_is_delivered_twice_acts_once() {
    let bot = start(json!({})).await;
    let id = bot.discord.command("ask", &[("question", "hello")]);
    let answer = bot.discord.answer(id).await;
    let pressed = bot.discord.press(&answer, "Share");
    bot.discord.deliver_again(pressed);
    bot.discord.answer(pressed).await;
    bot.discord.deliver_again(pressed);
    let last = bot.discord.command("ask", &[("question", "last")]);
    bot.discord.answer(last).await;
    assert_eq!(bot.discord.posts().len(), 1);
}

#[tokio::test]
async fn patient_details_are_asked_about_first_and_nothing_of_them_is_kept() {
    let state = memory();
    let discord = Discord::start().await;
    let bot = start_with(&discord, json!({}), state.clone());
    discord.ready().await;
    let text = "Is M54.50 right for John Smith, DOB 01/02/1960, MRN 12345678?";
    let id = bot.discord.command("ask", &[("question", text)]);
    let warning = bot.discord.answer(id).await;
    assert_eq!(warning["flags"], 64);
    assert!(bot.fake.asked().is_empty(), "asked before the person chose");
    assert!(!warning.to_string().contains("Smith"), "{warning}");
    let pressed = bot.discord.press(&warning, "Drop");
    let dropped = bot.discord.answer(pressed).await;
    assert_eq!(dropped["id"], warning["id"], "the warning itself changes");
    let id = bot.discord.command("ask", &[("question", text)]);
    let warning = bot.discord.answer(id).await;
    let pressed = bot.discord.press(&warning, "Answer anyway");
    let answer = bot.discord.answer(pressed).await;
    assert_eq!(answer["flags"], 64);
    assert_eq!(bot.fake.asked().len(), 1);
}

#[tokio::test]
async fn a_mention_with_patient_details_is_answered_to_the_person_alone() {
    let bot = start(json!({})).await;
    let text = format!("<@{BOT}> is M54.50 right for John Smith, DOB 01/02/1960, MRN 12345678?");
    bot.discord.mention(&text);
    let posts = bot.discord.until_posts(1).await;
    assert_eq!(
        posts[0]["channel_id"],
        casebook_tests::discord::OPENED.to_string()
    );
    assert!(!posts[0].to_string().contains("Smith"));
    assert!(bot.discord.threads().is_empty());
    // Where the person takes no direct messages, the channel learns only that there is something to say.
    bot.discord.fail("POST /channels", How::Refused(403, 50007));
    bot.discord.mention(&text);
    let posts = bot.discord.until_posts(2).await;
    assert_eq!(posts[1]["channel_id"], CHANNEL.to_string());
    assert!(description(&posts[1]).contains("alone"), "{posts:#?}");
    assert_eq!(labels(&posts[1]), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_for_one_person_takes_a_public_promise_back() {
    let bot = start(json!({"public_answers": true})).await;
    let text = "Is M54.50 right for John Smith, DOB 01/02/1960, MRN 12345678?";
    let id = bot.discord.command("ask", &[("question", text)]);
    let added = bot.discord.added(id).await;
    assert_eq!(added[0]["flags"], 64);
    assert_eq!(added[0]["embeds"][0]["title"], "Patient details?");
    assert!(bot.discord.is_withdrawn(id));
    assert!(bot.discord.answered(id).is_none());
}

#[tokio::test]
async fn an_answer_of_which_nothing_is_kept_is_shown_whole() {
    let bot = start(json!({})).await;
    let id = bot.discord.command("case", &[]);
    let form = bot.discord.form(id).await;
    let sent = bot.discord.submit(&form, &["A long note."], None);
    let first = bot.discord.answer(sent).await;
    assert!(!labels(&first).contains(&"More passages".to_owned()));
    let added = loop {
        let added = bot.discord.added(sent).await;
        if added
            .iter()
            .any(|message| description(message).contains("Line 40"))
        {
            break added;
        }
        tokio::task::yield_now().await;
    };
    assert!(
        added.iter().all(|message| message["flags"] == 64),
        "{added:#?}"
    );
}
