//! What people do with Casebook in Slack beyond a question: forms, buttons, sharing, settings, the home, the assistant
//! pane; over the real protocol against the stand-in.

use std::sync::Arc;
use std::time::SystemTime;

use casebook_core::{Answer, Intent, Line, Setting};
use casebook_desk::{Audience, ChannelSettings, Speaks};
use casebook_state::Clock;
use casebook_tests::answers::sample;
use casebook_tests::slack::bot::{Apart, Bot, Engine, Run, sealed_in, state_in};
use casebook_tests::slack::{PERSON, Slack, Trouble, button};
use serde_json::{Value, json};

/// The first line of [`sample`], by which its posts are known.
const DIRECT: &str = "FY2026 (April 2026) of ICD-10-CM is not in force";
/// A word that stands in nothing but the notes and questions of these tests.
const SECRET: &str = "zugzwang";

fn is_answer(post: &Value) -> bool {
    post["blocks"].to_string().contains(DIRECT)
}

fn is_private(post: &Value) -> bool {
    post["ephemeral"] == true
}

/// An answer with everything that makes a button.
fn rich() -> Answer {
    Answer {
        more: vec![Line {
            text: "A further line.".into(),
            citations: vec![2],
        }],
        related: vec![
            "What is M54.51?".into(),
            format!("A long question: {}?", "why ".repeat(60)),
        ],
        ..sample()
    }
}

/// More lines than one message holds.
fn long() -> Answer {
    let line = |n: usize| Line {
        text: format!(
            "Line {n}. {}",
            "More words than anybody reads in a chat. ".repeat(10)
        ),
        citations: vec![1],
    };
    Answer {
        lines: (1..=60).map(line).collect(),
        ..sample()
    }
}

async fn settings(bot: &Bot, settings: ChannelSettings) {
    bot.state.set("slack:C0", &settings).await.expect("kept");
}

#[tokio::test]
async fn every_command_means_what_the_manifest_says() {
    let bot = Bot::start().await;
    let commands = [
        ("/ask", Intent::Ask),
        ("/code", Intent::Code),
        ("/codes", Intent::Search),
        ("/check", Intent::Check),
    ];
    for (n, (command, intent)) in commands.iter().enumerate() {
        bot.slack.command(command, "77003 62323").await;
        let posts = bot.slack.posts(n + 1).await;
        assert!(is_answer(&posts[n]) && is_private(&posts[n]), "{command}");
        assert_eq!(bot.engine.last().intent, *intent, "{command}");
    }
    let manifest = casebook_slack::manifest(false, None);
    let mut announced: Vec<&str> = manifest["features"]["slash_commands"]
        .as_array()
        .expect("commands")
        .iter()
        .map(|command| command["command"].as_str().expect("a name"))
        .collect();
    announced.sort_unstable();
    assert_eq!(
        announced,
        ["/ask", "/case", "/casebook", "/check", "/code", "/codes"]
    );
}

#[tokio::test]
async fn a_note_goes_into_a_form_and_stands_in_no_channel() {
    let bot = Bot::start().await;
    assert_eq!(bot.slack.command("/case", "").await, None);
    let form = bot.slack.views(1).await[0].clone();
    // Nothing was entered: the form stays open and says so.
    let errors = bot
        .slack
        .submit(&form, json!({}))
        .await
        .expect("the form stays");
    assert_eq!(errors["response_action"], "errors");
    assert_eq!(bot.asked(), []);
    let note = format!("Low back pain, {SECRET}.");
    let closed = bot
        .slack
        .submit(&form, json!({"note": note, "note_2": "No fever."}))
        .await;
    assert_eq!(closed, None);
    let post = &bot.slack.posts(1).await[0];
    assert!(is_answer(post) && is_private(post));
    assert_eq!(bot.asked(), [(Intent::Case, format!("{note}\nNo fever."))]);
    assert!(!post.to_string().contains(SECRET));
    // It is the answer for whoever sends the form, once.
    bot.slack.submit(&form, json!({"note": note})).await;
    bot.only(1).await;
}

#[tokio::test]
async fn a_note_that_was_typed_after_the_command_stands_in_the_form() {
    let bot = Bot::start().await;
    let note = "word ".repeat(900);
    bot.slack.command("/case", &note).await;
    let form = bot.slack.views(1).await[0].clone();
    bot.slack.submit(&form, json!({})).await;
    bot.slack.posts(1).await;
    let asked = bot.asked()[0].1.replace('\n', "");
    assert_eq!(asked.replace(' ', ""), note.replace(' ', ""));
}

#[tokio::test]
async fn a_form_that_slack_does_not_open_is_told() {
    let bot = Bot::start().await;
    bot.slack
        .trouble("views.open", [Trouble::Refused("expired_trigger_id")]);
    bot.slack.command("/case", "").await;
    let post = &bot.slack.posts(1).await[0];
    assert!(
        is_private(post)
            && post["text"]
                .as_str()
                .is_some_and(|text| text.contains("did not open"))
    );
    // After passing trouble it is opened all the same.
    bot.slack.trouble("views.open", [Trouble::Status(503)]);
    bot.slack.command("/case", "").await;
    bot.slack.views(1).await;
}

#[tokio::test]
async fn the_shortcut_answers_a_message_for_its_reader_alone() {
    let bot = Bot::start().await;
    bot.slack
        .shortcut(
            "ask_casebook",
            "C7",
            "is <@U0OTHER|dana> right that `M54.50` is billable?",
        )
        .await;
    let post = &bot.slack.posts(1).await[0];
    assert!(is_answer(post) && is_private(post) && post["channel"] == "C7");
    assert_eq!(
        bot.asked(),
        [(
            Intent::Ask,
            "is dana right that M54.50 is billable?".to_owned()
        )]
    );
    bot.slack
        .shortcut("a shortcut of yesterday", "C7", "M54.50")
        .await;
    bot.only(1).await;
}

#[tokio::test]
async fn a_private_answer_is_shared_with_its_button_once() {
    let bot = Bot::answering(rich(), json!({}), 10).await;
    bot.slack.command("/ask", "M54.50").await;
    let private = bot.slack.posts(1).await[0].clone();
    let press = bot.slack.clicked(PERSON, &private, "cb1:share:");
    bot.slack.deliver("interactive", press.clone()).await;
    let shared = bot.slack.posts(2).await[1].clone();
    assert!(is_answer(&shared) && !is_private(&shared));
    assert_eq!(
        (&shared["channel"], &shared["thread_ts"]),
        (&json!("C0"), &Value::Null)
    );
    assert!(
        shared["blocks"][0]
            .to_string()
            .contains("dana shares this answer.")
    );
    // What everybody sees needs no second button for that.
    assert!(button(&shared, "cb1:share:").is_none() && button(&shared, "cb1:no:").is_some());
    let replaced = bot
        .slack
        .post_where("the private copy says so", |post| post["updates"] == 1)
        .await;
    assert!(is_private(&replaced) && !is_answer(&replaced), "{replaced}");
    bot.slack.deliver("interactive", press).await;
    bot.only(2).await;
    assert_eq!(bot.asked().len(), 2);
}

#[tokio::test]
async fn where_casebook_is_no_member_the_button_still_shares() {
    let bot = Bot::start().await;
    bot.slack.command("/ask", "M54.50").await;
    let private = bot.slack.posts(1).await[0].clone();
    bot.slack
        .trouble("chat.postMessage", [Trouble::Refused("not_in_channel")]);
    bot.slack.click(&private, "cb1:share:").await;
    let shared = &bot.slack.posts(2).await[1];
    assert!(is_answer(shared) && shared["response_type"] == "in_channel");
}

#[tokio::test]
async fn a_public_answer_is_not_offered_for_sharing() {
    let bot = Bot::start().await;
    bot.slack.mention("C0", "M54.50").await;
    bot.slack.posts(1).await;
    bot.slack.direct_message("M54.50").await;
    for post in bot.slack.posts(2).await {
        assert!(button(&post, "cb1:yes:").is_some() && button(&post, "cb1:share:").is_none());
    }
}

#[tokio::test]
async fn further_lines_are_behind_a_button_and_keep_its_privacy() {
    let bot = Bot::answering(rich(), json!({}), 10).await;
    let ts = bot.slack.mention("C0", "M54.50").await;
    let public = bot.slack.posts(1).await[0].clone();
    assert!(!public["blocks"].to_string().contains("A further line."));
    bot.slack.click_as("U0READER", &public, "cb1:more:").await;
    let more = &bot.slack.posts(2).await[1];
    assert!(more["blocks"].to_string().contains("A further line."));
    assert!(!more["blocks"].to_string().contains(DIRECT));
    assert_eq!(more["thread_ts"], json!(ts));
}

#[tokio::test]
async fn a_long_answer_is_cut_at_a_line_and_its_buttons_bring_every_line_once() {
    let bot = Bot::answering(long(), json!({}), 10).await;
    bot.slack.command("/ask", "everything").await;
    let mut seen = Vec::new();
    for n in 1.. {
        let post = bot.slack.posts(n).await[n - 1].clone();
        let shown = post["blocks"].to_string();
        let lines = (1..=60).filter(|i| shown.contains(&format!("Line {i}. ")));
        seen.extend(lines);
        if seen.len() >= 60 {
            assert!(button(&post, "cb1:more:").is_none());
            break;
        }
        assert!(shown.contains("more lines: press"), "{shown}");
        bot.slack.click(&post, "cb1:more:").await;
    }
    assert_eq!(seen, (1..=60).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_code_of_an_answer_can_be_shown_and_asked_about() {
    let bot = Bot::start().await;
    bot.slack.mention("C0", "low back pain").await;
    let post = bot.slack.posts(1).await[0].clone();
    bot.slack.click(&post, "cb1:card:").await;
    bot.slack.posts(2).await;
    assert_eq!(bot.engine.last().intent, Intent::Code);
    assert_eq!(bot.engine.last().text, "M54.50");
    bot.slack.click(&post, "cb1:about:").await;
    let form = bot.slack.views(1).await[0].clone();
    assert_eq!(
        bot.slack
            .submit(&form, json!({"typed": "which modifiers?"}))
            .await,
        None
    );
    bot.slack.posts(3).await;
    let request = bot.engine.last();
    assert_eq!(
        (request.text.as_str(), &request.about[..]),
        ("which modifiers?", &["M54.50".to_owned()][..])
    );
}

#[tokio::test]
async fn related_questions_are_asked_by_their_buttons_however_long() {
    let bot = Bot::answering(rich(), json!({}), 10).await;
    bot.slack.mention("C0", "low back pain").await;
    let post = bot.slack.posts(1).await[0].clone();
    bot.slack.click(&post, "cb1:ask:").await;
    bot.slack.posts(2).await;
    assert_eq!(bot.engine.last().text, "What is M54.51?");
    bot.slack.click(&post, "cb1:next:").await;
    bot.slack.posts(3).await;
    assert_eq!(bot.engine.last().text, rich().related[1]);
}

#[tokio::test]
async fn feedback_is_kept_with_its_reason() {
    let bot = Bot::start().await;
    bot.slack.mention("C0", "M54.50").await;
    let post = bot.slack.posts(1).await[0].clone();
    bot.slack.click(&post, "cb1:yes:").await;
    let thanks = &bot.slack.posts(2).await[1];
    assert!(is_private(thanks));
    bot.slack.click_as("U0OTHER", &post, "cb1:no:").await;
    let form = bot.slack.views(1).await[0].clone();
    let mut sent = bot
        .slack
        .submitted(&form, json!({"typed": "the source is old"}));
    sent["user"]["id"] = "U0OTHER".into();
    bot.slack.deliver("interactive", sent).await;
    bot.slack.posts(3).await;
    let opinions = bot.state.opinions(1).await.expect("read");
    assert_eq!((opinions.helpful, opinions.not_helpful), (1, 1));
    assert_eq!(opinions.reasons, ["the source is old"]);
}

#[tokio::test]
async fn a_button_that_nobody_knows_any_more_is_told() {
    let bot = Bot::start().await;
    bot.slack.mention("C0", "M54.50").await;
    let mut post = bot.slack.posts(1).await[0].clone();
    let text = post.to_string().replace("cb1:yes:", "cb0:yes:");
    post = serde_json::from_str(&text).expect("JSON");
    bot.slack.click(&post, "cb0:yes:").await;
    let told = &bot.slack.posts(2).await[1];
    assert!(
        is_private(told)
            && told["text"]
                .as_str()
                .is_some_and(|text| text.contains("ask again"))
    );
}

/// A question that tells of a patient.
const PATIENT: &str = "MRN 4471920, John Whitfield, DOB 03/14/1961: is M54.50 right?";

#[tokio::test]
async fn patient_data_gets_a_private_warning_before_anything_else() {
    let bot = Bot::start().await;
    let ts = bot.slack.mention("C0", PATIENT).await;
    let warning = bot.slack.posts(1).await[0].clone();
    assert!(is_private(&warning) && warning["user"] == PERSON && warning["thread_ts"] == json!(ts));
    assert!(!warning.to_string().contains("Whitfield") && !warning.to_string().contains("4471920"));
    assert_eq!(bot.asked(), []);
    // Answered after all: for this person alone, in the warning's place.
    bot.slack.click(&warning, "cb1:anyway:").await;
    let answer = bot
        .slack
        .post_where("an answer in its place", is_answer)
        .await;
    assert!(is_private(&answer) && answer["updates"] == 1);
    bot.only(1).await;
}

#[tokio::test]
async fn a_question_with_patient_data_is_dropped_by_a_button() {
    let bot = Bot::start().await;
    bot.slack.command("/ask", PATIENT).await;
    let warning = bot.slack.posts(1).await[0].clone();
    bot.slack.click(&warning, "cb1:drop:").await;
    let dropped = bot
        .slack
        .post_where("the warning is replaced", |post| post["updates"] == 1)
        .await;
    assert!(
        dropped["text"]
            .as_str()
            .is_some_and(|text| text.contains("Dropped"))
    );
    // The other button is too late.
    bot.slack.click(&warning, "cb1:anyway:").await;
    bot.slack
        .post_where("told", |post| post["updates"] == 2)
        .await;
    bot.only(1).await;
    assert_eq!(bot.asked().len(), 1);
}

#[tokio::test]
async fn a_thread_is_context_for_its_next_question() {
    let bot = Bot::start().await;
    let ts = bot.slack.mention("C0", "what is 77003?").await;
    bot.slack.posts(1).await;
    bot.remembered("C0", &ts).await;
    let mut next = bot
        .slack
        .message("app_mention", "C0", "<@U0BOT> and with 62323?");
    next["thread_ts"] = json!(ts);
    bot.slack.event(next).await;
    bot.slack.posts(2).await;
    assert_eq!(bot.engine.last().before, ["what is 77003?"]);
    // Another thread knows nothing of it.
    bot.slack.mention("C0", "and 62323?").await;
    bot.slack.posts(3).await;
    assert!(bot.engine.last().before.is_empty());
}

#[tokio::test]
async fn in_its_channels_casebook_speaks_when_it_is_meant() {
    let bot = Bot::with(json!({"channel_messages": true}), 1000).await;
    let said = |text: &str, thread: Option<&str>, user: &str| {
        let mut event = bot.slack.message("message", "C0", text);
        event["channel_type"] = "channel".into();
        event["user"] = user.into();
        if let Some(thread) = thread {
            event["thread_ts"] = thread.into();
        }
        event
    };
    // To nobody in particular, and in somebody else's thread.
    bot.slack
        .event(said("what is modifier 25?", None, PERSON))
        .await;
    bot.slack
        .event(said(
            "what is modifier 25?",
            Some("1795400000.000001"),
            PERSON,
        ))
        .await;
    // A mention comes as two events here: in either order one answer.
    for first in ["message", "app_mention"] {
        let mut event = said("<@U0BOT> what is 77003?", None, PERSON);
        event["type"] = first.into();
        bot.slack.event(event.clone()).await;
        event["type"] = if first == "message" {
            "app_mention"
        } else {
            "message"
        }
        .into();
        bot.slack.event(event).await;
    }
    let posts = bot.slack.posts(2).await;
    let thread = posts[0]["thread_ts"].as_str().expect("a thread").to_owned();
    bot.remembered("C0", &thread).await;
    // In a thread that began with a question to it, who asked goes on, and others talk.
    bot.slack
        .event(said("is it bundled?", Some(&thread), "U0OTHER"))
        .await;
    bot.slack
        .event(said("and with 62323?", Some(&thread), PERSON))
        .await;
    let posts = bot.slack.posts(3).await;
    assert_eq!(posts[2]["thread_ts"], json!(thread));
    bot.only(3).await;
    assert_eq!(bot.asked().len(), 4);
}

#[tokio::test]
async fn every_question_of_a_channel_is_answered_where_that_is_set() {
    let bot = Bot::with(json!({"channel_messages": true}), 1000).await;
    settings(
        &bot,
        ChannelSettings {
            speaks: Speaks::EveryQuestion,
            ..Default::default()
        },
    )
    .await;
    for text in ["what is modifier 25?", "good morning everybody"] {
        let mut event = bot.slack.message("message", "C0", text);
        event["channel_type"] = "channel".into();
        bot.slack.event(event).await;
    }
    assert!(is_answer(&bot.slack.posts(1).await[0]));
    bot.only(1).await;
}

#[tokio::test]
async fn without_the_scope_nothing_of_a_channel_is_heard() {
    let bot = Bot::start().await;
    settings(
        &bot,
        ChannelSettings {
            speaks: Speaks::EveryQuestion,
            ..Default::default()
        },
    )
    .await;
    let mut event = bot.slack.message("message", "C0", "what is modifier 25?");
    event["channel_type"] = "channel".into();
    bot.slack.event(event).await;
    bot.only(0).await;
}

#[tokio::test]
async fn settings_are_for_admins() {
    let bot = Bot::start().await;
    bot.slack.command("/casebook", "config").await;
    let denied = &bot.slack.posts(1).await[0];
    assert!(
        is_private(denied)
            && denied["text"]
                .as_str()
                .is_some_and(|text| text.contains("Only admins"))
    );
    for command in ["gaps", "usage"] {
        bot.slack.command("/casebook", command).await;
    }
    let posts = bot.slack.posts(3).await;
    assert!(posts.iter().all(|post| {
        post["text"]
            .as_str()
            .is_some_and(|text| text.contains("Only admins"))
    }));
    assert_eq!(
        bot.slack.calls("users.info", 1).await.len(),
        1,
        "who is an admin is remembered"
    );
    // A form that was opened by an admin does not serve another person.
    let other = Bot::start().await;
    other.slack.admin(PERSON);
    other.slack.command("/casebook", "config").await;
    let form = other.slack.views(1).await[0].clone();
    let mut sent = other.slack.submitted(&form, json!({"speaks": "off"}));
    sent["user"]["id"] = "U0OTHER".into();
    other.slack.deliver("interactive", sent).await;
    let denied = &other.slack.posts(1).await[0];
    assert!(
        denied["text"]
            .as_str()
            .is_some_and(|text| text.contains("Only admins")),
        "{denied}"
    );
    assert_eq!(other.state.all_settings().await.expect("read"), []);
}

#[tokio::test]
async fn an_admin_changes_the_settings_of_a_channel_in_a_form() {
    let bot = Bot::with(json!({"admins": [PERSON]}), 1000).await;
    bot.slack.command("/casebook", "config").await;
    let form = bot.slack.views(1).await[0].clone();
    // Without the scope to hear every question it is not offered.
    assert!(!form.to_string().contains("every_question"));
    let values = json!({
        "audience": "asker", "setting": "facility", "locality": "Houston", "contractor": "Texas",
        "users": [PERSON], "groups": "S0CODERS, S0LEADS",
    });
    assert_eq!(bot.slack.submit(&form, values).await, None);
    bot.slack.posts(1).await;
    let kept = bot.state.all_settings().await.expect("read");
    let wanted = ChannelSettings {
        speaks: Speaks::Mentions,
        audience: Some(Audience::Asker),
        setting: Some(Setting::Facility),
        locality: Some("Houston".into()),
        contractor: Some("Texas".into()),
        allowed_users: vec![PERSON.into()],
        allowed_groups: vec!["S0CODERS".into(), "S0LEADS".into()],
    };
    assert_eq!(kept, [("slack:C0".to_owned(), wanted)]);
    // The next question is answered by them, and the form shows them again.
    bot.slack.mention("C0", "fee for 99213").await;
    let post = &bot.slack.posts(2).await[1];
    assert!(is_answer(post) && is_private(post) && post["user"] == PERSON);
    let request = bot.engine.last();
    assert_eq!(request.setting, Some(Setting::Facility));
    assert_eq!(request.locality.as_deref(), Some("Houston"));
    assert_eq!(request.contractor.as_deref(), Some("Texas"));
    bot.slack.command("/casebook", "config").await;
    let again = bot.slack.views(2).await[1].clone();
    bot.slack.submit(&again, json!({"speaks": "off"})).await;
    bot.slack.posts(3).await;
    let off = &bot.state.all_settings().await.expect("read")[0].1;
    assert_eq!(off.speaks, Speaks::Off);
    assert_eq!(off.allowed_groups, ["S0CODERS", "S0LEADS"]);
    bot.slack.mention("C0", "fee for 99213").await;
    let denied = &bot.slack.posts(4).await[3];
    assert!(is_private(denied) && !is_answer(denied));
}

#[tokio::test]
async fn who_may_ask_is_named_by_person_and_by_group() {
    let bot = Bot::start().await;
    bot.slack.group("S0CODERS", &[PERSON]);
    bot.slack.group("S0OTHERS", &["U0OTHER"]);
    let of = |groups: &[&str]| ChannelSettings {
        allowed_groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        ..Default::default()
    };
    settings(&bot, of(&["S0CODERS", "S0OTHERS", "S0GONE"])).await;
    bot.slack.mention("C0", "M54.50").await;
    assert!(is_answer(&bot.slack.posts(1).await[0]));
    let mut event = bot.slack.message("app_mention", "C0", "<@U0BOT> M54.50");
    event["user"] = "U0NOBODY".into();
    bot.slack.event(event).await;
    let denied = &bot.slack.posts(2).await[1];
    assert!(is_private(denied) && denied["user"] == "U0NOBODY" && !is_answer(denied));
    assert_eq!(bot.asked().len(), 1);
}

#[tokio::test]
async fn admins_read_gaps_usage_and_editions() {
    let bot = Bot::with(json!({"admins": [PERSON]}), 1000).await;
    bot.slack
        .mention("C0", &format!("is {SECRET} billable?"))
        .await;
    bot.slack.posts(1).await;
    for (n, command) in ["gaps", "usage", "editions"].iter().enumerate() {
        bot.slack.command("/casebook", command).await;
        let post = bot.slack.posts(n + 2).await[n + 1].clone();
        assert!(
            is_private(&post) && !post.to_string().contains(SECRET),
            "{command}: {post}"
        );
    }
    let posts = bot.slack.posts(4).await;
    assert!(
        posts[2]["text"]
            .as_str()
            .is_some_and(|text| text.contains("slack, ask, answered: 1")),
        "{}",
        posts[2]
    );
    assert!(
        posts[3]["text"]
            .as_str()
            .is_some_and(|text| text.contains("ICD-10-CM Tabular List"))
    );
}

#[tokio::test]
async fn the_home_shows_topics_recent_questions_and_what_is_loaded() {
    let bot = Bot::start().await;
    bot.slack.command("/ask", "what is modifier 25?").await;
    bot.slack.posts(1).await;
    bot.slack.command("/ask", PATIENT).await;
    bot.slack.posts(2).await;
    let opened = |tab: &str| json!({"type": "app_home_opened", "user": PERSON, "channel": "D0PERSON", "tab": tab, "event_ts": "1.2"});
    bot.slack.event(opened("messages")).await;
    bot.slack.event(opened("home")).await;
    let home = bot.slack.views(1).await[0].clone();
    let shown = home.to_string();
    assert_eq!(home["view_of"], PERSON);
    assert!(
        shown.contains("what is modifier 25?") && shown.contains("FY2026 (April 2026)"),
        "{shown}"
    );
    assert!(!shown.contains("Whitfield"));
    for topic in casebook_desk::TOPICS {
        assert!(shown.contains(topic.example));
    }
    // A button asks in the conversation with the app.
    bot.slack
        .click(&home, "cb1:ask:What is CPT code 99213?")
        .await;
    let post = &bot.slack.posts(3).await[2];
    assert!(is_answer(post) && !is_private(post) && post["channel"] == PERSON);
    assert_eq!(bot.engine.last().text, "What is CPT code 99213?");
}

#[tokio::test]
async fn the_assistant_pane_has_prompts_and_shows_that_work_goes_on() {
    let bot = Bot::with(json!({}), 0).await;
    let thread = "1795400000.000001";
    bot.slack
        .event(
            json!({"type": "assistant_thread_started", "event_ts": thread, "assistant_thread": {
                "user_id": PERSON, "channel_id": "D0PERSON", "thread_ts": thread, "context": {},
            }}),
        )
        .await;
    let prompts = bot
        .slack
        .calls("assistant.threads.setSuggestedPrompts", 1)
        .await[0]
        .body
        .clone();
    assert_eq!(prompts["thread_ts"], thread);
    assert_eq!(prompts["prompts"][0]["message"], "What is CPT code 99213?");
    let mut question = bot
        .slack
        .message("message", "D0PERSON", "What is CPT code 99213?");
    (question["channel_type"], question["thread_ts"]) = ("im".into(), thread.into());
    bot.slack.event(question).await;
    let status = bot.slack.calls("assistant.threads.setStatus", 1).await[0]
        .body
        .clone();
    assert_eq!(
        (&status["channel_id"], &status["thread_ts"]),
        (&json!("D0PERSON"), &json!(thread))
    );
    bot.engine.permits.add_permits(1);
    let post = &bot.slack.posts(2).await[1];
    assert!(is_answer(post) && post["thread_ts"] == thread);
}

#[tokio::test]
async fn a_channel_that_slack_limits_is_left_alone_for_as_long_as_it_says() {
    let bot = Bot::start().await;
    bot.slack.trouble("chat.postMessage", [Trouble::Limited(2)]);
    bot.slack.mention("C0", "one").await;
    bot.slack.posts(1).await;
    let calls = bot.slack.calls("chat.postMessage", 2).await;
    assert_eq!(calls.len(), 2);
    let waited = calls[1].at.duration_since(calls[0].at);
    assert!(waited.as_secs() >= 2, "{waited:?} after it was limited");
    // Longer than the question lives: it is given up rather than tried too early.
    bot.slack
        .trouble("chat.postMessage", [Trouble::Limited(3600)]);
    bot.slack.mention("C0", "two").await;
    bot.slack.calls("chat.postMessage", 3).await;
    bot.only(1).await;
}

#[tokio::test]
async fn nothing_that_is_said_pings_anybody() {
    let ping = "<!channel> <!here> @here @channel <@U012AB3CD> <!subteam^S1|@coders>";
    let mut answer = sample();
    answer.lines[1].text = format!("{ping} is billable");
    answer.citations[1].quote = format!("quoted {ping}");
    answer.codes[0].title = ping.to_owned();
    answer.related = vec![format!("{ping}?")];
    let bot = Bot::answering(answer, json!({}), 10).await;
    bot.slack.mention("C0", &format!("fail {ping}")).await;
    bot.slack.posts(1).await;
    bot.slack.mention("C0", &format!("what is {ping}?")).await;
    bot.slack.posts(2).await;
    bot.slack
        .trouble("chat.postMessage", [Trouble::Refused("invalid_blocks")]);
    bot.slack.mention("C1", &format!("what is {ping}?")).await;
    for post in bot.slack.posts(3).await {
        let text = post["text"].as_str().expect("text");
        assert!(!text.contains('<'), "{text}");
        assert!(post["link_names"].is_null() && post["parse"].is_null());
        let shown = post["blocks"].to_string();
        for pings in [
            "\"user\"",
            "\"usergroup\"",
            "\"broadcast\"",
            "\"channel\"",
            "\"mrkdwn\"",
        ] {
            assert!(!shown.contains(&format!("\"type\":{pings}")), "{shown}");
        }
    }
}

#[tokio::test]
async fn two_processes_with_one_store_answer_a_question_once() {
    let (slack, engine) = (Slack::start().await, Engine::new(sample(), 1000));
    let folder = tempfile::tempdir().expect("a folder");
    let start = || {
        Run::start(
            &slack,
            json!({}),
            engine.clone(),
            state_in(folder.path(), now()),
        )
    };
    let one = start();
    slack.greeted(1).await;
    let two = start();
    slack.greeted(2).await;
    for n in 1..=5 {
        let event = slack.message("app_mention", &format!("C{n}"), "<@U0BOT> M54.50");
        slack.event_everywhere(event).await;
        slack.posts(n).await;
    }
    one.stop.cancel();
    two.stop.cancel();
    for run in [one, two] {
        run.running.await.expect("no panic").expect("no error");
    }
    assert_eq!(slack.posts(5).await.len(), 5);
    assert_eq!(engine.asked().len(), 5);
}

fn now() -> Clock {
    Arc::new(SystemTime::now)
}

/// A minute and more later, when claims have run out.
fn later() -> Clock {
    Arc::new(|| SystemTime::now() + 2 * casebook_state::LEASE)
}

#[tokio::test]
async fn a_question_whose_process_ended_is_answered_by_the_next_once() {
    for (command, private) in [(false, false), (true, true)] {
        let (slack, folder) = (Slack::start().await, tempfile::tempdir().expect("a folder"));
        let first = Engine::new(sample(), 0);
        let run = Apart::start(&slack, first.clone(), sealed_in(folder.path(), now()));
        slack.greeted(1).await;
        let event = slack.message("app_mention", "C0", "<@U0BOT> M54.50");
        match command {
            true => drop(slack.command("/ask", "M54.50").await),
            false => slack.event(event.clone()).await,
        }
        first.asked_times(1).await;
        run.crash();

        let second = Engine::new(sample(), 10);
        let run = Run::start(
            &slack,
            json!({}),
            second.clone(),
            sealed_in(folder.path(), later()),
        );
        slack.greeted(2).await;
        let post = slack.posts(1).await[0].clone();
        assert!(is_answer(&post) && is_private(&post) == private, "{post}");
        if !command {
            assert_eq!(post["thread_ts"], event["ts"]);
            // Slack delivers once more what nobody acknowledged in time.
            slack.event(event).await;
        }
        slack.mention("C0LAST", "the last one").await;
        assert_eq!(slack.posts(2).await[1]["channel"], "C0LAST");
        assert_eq!(second.asked().len(), 2);
        run.stop.cancel();
    }
}

#[tokio::test]
async fn without_a_key_the_person_is_asked_to_ask_again_after_a_restart() {
    let (slack, folder) = (Slack::start().await, tempfile::tempdir().expect("a folder"));
    let first = Engine::new(sample(), 0);
    let run = Apart::start(&slack, first.clone(), state_in(folder.path(), now()));
    slack.greeted(1).await;
    let ts = slack.mention("C0", SECRET).await;
    first.asked_times(1).await;
    run.crash();
    for file in ["state.sqlite", "state.sqlite-wal"] {
        let bytes = fs_err::read(folder.path().join(file)).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&bytes).contains(SECRET), "{file}");
    }
    let _run = Run::start(
        &slack,
        json!({}),
        Engine::new(sample(), 10),
        state_in(folder.path(), later()),
    );
    let told = &slack.posts(1).await[0];
    assert!(is_private(told) && told["thread_ts"] == json!(ts));
    assert!(
        told["text"]
            .as_str()
            .is_some_and(|text| text.contains("ask it again")),
        "{told}"
    );
}
