//! The table of commands: registering it, and each command of it.

use super::*;
use casebook_discord::register;

#[tokio::test]
async fn registering_says_what_changed() {
    let discord = Discord::start().await;
    let config = config(json!({"api_url": discord.url()}));
    let registered = register(&config).await.unwrap();
    let all = [
        "ask",
        "code",
        "codes",
        "check",
        "case",
        "casebook",
        "Ask Casebook",
    ];
    assert_eq!(registered.added, all);
    let again = register(&config).await.unwrap();
    assert!(!again.is_news(), "{again}");
    assert_eq!(again.unchanged, all);
    // An older Casebook's list: one command otherwise, one that is no more.
    discord.alter_commands(|list| {
        list.retain(|command| command["name"] != "codes");
        for command in list.iter_mut().filter(|command| command["name"] == "check") {
            command["options"][0]["description"] = json!("Something else");
        }
        list.push(
            json!({"name": "lookup", "description": "Look up", "type": 1, "id": "7",
            "application_id": "8", "version": "9", "default_member_permissions": null}),
        );
    });
    let changed = register(&config).await.unwrap();
    assert_eq!(
        changed.to_string(),
        "added: codes\nchanged: check\nremoved: lookup\nunchanged: ask, code, case, casebook, Ask Casebook"
    );
    assert_eq!(discord.commands().len(), all.len());
}

#[tokio::test]
async fn registering_with_a_wrong_token_says_so() {
    let discord = Discord::start().await;
    let config = json!({"token": "wrong", "api_url": discord.url()});
    let config: Config = serde_json::from_value(config).unwrap();
    let error = register(&config).await.unwrap_err();
    assert!(error.to_string().contains("refuses the token"), "{error}");
}

#[tokio::test]
async fn each_command_asks_what_it_says() {
    let bot = start(json!({})).await;
    for (name, options, intent, text) in [
        (
            "ask",
            vec![("question", "Is it billable?"), ("about", "M54.50, I10")],
            Intent::Ask,
            "Is it billable?",
        ),
        (
            "code",
            vec![("codes", "M54.50 77003")],
            Intent::Code,
            "M54.50 77003",
        ),
        (
            "codes",
            vec![("text", "low **back** pain")],
            Intent::Search,
            "low back pain",
        ),
        (
            "check",
            vec![("codes", "77003 62323-59"), ("setting", "facility")],
            Intent::Check,
            "77003 62323-59",
        ),
    ] {
        let id = bot.discord.command(name, &options);
        let answer = bot.discord.answer(id).await;
        assert_eq!(answer["flags"], 64, "/{name} is private");
        let asked = bot.fake.asked().pop().unwrap();
        assert_eq!((asked.intent, asked.text.as_str()), (intent, text));
        if name == "ask" {
            assert_eq!(asked.about, ["M54.50", "I10"]);
        }
        if name == "check" {
            assert_eq!(asked.setting, Some(Setting::Facility));
        }
    }
}

#[tokio::test]
async fn a_note_is_asked_for_in_a_form_and_its_codes_are_private_everywhere() {
    let bot = start(json!({"public_answers": true})).await;
    let id = bot
        .discord
        .command("case", &[("date", "2026-11-24"), ("setting", "facility")]);
    let form = bot.discord.form(id).await;
    assert_eq!(
        form["components"][0]["components"][0]["style"], 2,
        "a paragraph"
    );
    assert_eq!(form["components"][0]["components"][0]["max_length"], 4000);
    let note = "Assessment: low back pain for two weeks.";
    let sent = bot.discord.submit(&form, &[note], None);
    let answer = bot.discord.answer(sent).await;
    assert_eq!(answer["flags"], 64, "only who pasted the note sees it");
    let asked = bot.fake.asked().pop().unwrap();
    assert_eq!((asked.intent, asked.text.as_str()), (Intent::Case, note));
    assert_eq!(asked.as_of.unwrap().to_string(), "2026-11-24");
    assert_eq!(asked.setting, Some(Setting::Facility));
    assert!(bot.discord.posts().is_empty());
}

#[tokio::test]
async fn a_message_is_asked_about_from_its_menu() {
    let bot = start(json!({"public_answers": true})).await;
    let id = bot
        .discord
        .message_command("Ask Casebook", "is **M54.50** billable, <@5>?");
    let answer = bot.discord.answer(id).await;
    assert_eq!(answer["flags"], 64);
    let asked = bot.fake.asked().pop().unwrap();
    assert_eq!(
        (asked.intent, asked.text.as_str()),
        (Intent::Ask, "is M54.50 billable, @user?")
    );
    let id = bot.discord.message_command("Ask Casebook", "");
    assert!(description(&bot.discord.answer(id).await).contains("no text"));
}

#[tokio::test]
async fn a_command_that_is_no_more_names_those_that_are() {
    let bot = start(json!({})).await;
    let id = bot.discord.command("lookup", &[("text", "M54.50")]);
    let answer = bot.discord.answer(id).await;
    assert_eq!(answer["flags"], 64);
    let text = description(&answer);
    assert!(text.contains("/ask") && text.contains("/check"), "{text}");
    let old = bot.discord.interact(
        3,
        json!({"custom_id": "old:thing", "component_type": 2}),
        json!({
            "message": bot.discord.any_message(),
        }),
    );
    assert!(description(&bot.discord.answer(old).await).contains("older Casebook"));
    assert!(bot.fake.asked().is_empty());
}

#[tokio::test]
async fn help_names_the_seven_topics_and_anyone_may_see_what_is_loaded() {
    let bot = start(json!({})).await;
    let id = bot.discord.casebook("help", json!([]), 0);
    let help = bot.discord.answer(id).await;
    for topic in casebook_desk::TOPICS {
        assert!(description(&help).contains(topic.name), "{help}");
    }
    let id = bot.discord.casebook("editions", json!([]), 0);
    let editions = bot.discord.answer(id).await;
    assert!(description(&editions).contains("FY2026"), "{editions}");
    assert_eq!(
        (&help["flags"], &editions["flags"]),
        (&json!(64), &json!(64))
    );
}

#[tokio::test]
async fn gaps_and_usage_are_for_those_who_manage_the_server() {
    let bot = start(json!({})).await;
    let id = bot.discord.command("ask", &[("question", "hello there")]);
    bot.discord.answer(id).await;
    for sub in ["gaps", "usage"] {
        let id = bot.discord.casebook(sub, json!([]), 0);
        let denied = bot.discord.answer(id).await;
        assert!(description(&denied).contains("admins"), "{denied}");
        let id = bot.discord.casebook(sub, json!([]), MANAGES);
        let shown = bot.discord.answer(id).await;
        assert!(description(&shown).contains("last 30 days"), "{shown}");
    }
}
