//! What Discord refuses a message for, and what happens then.

use super::*;
use casebook_tests::answers::any_answer;
use casebook_tests::discord::limits;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

/// Answers with the worst answers that the generator thinks of.
struct Worst(Mutex<Vec<Answer>>);

#[async_trait]
impl Respond for Worst {
    async fn respond(&self, _: Request) -> Result<Answer, Failure> {
        Ok(self
            .0
            .lock()
            .expect("no panic")
            .pop()
            .unwrap_or_else(sample))
    }

    async fn suggest(&self, _: &str, _: usize) -> Result<Vec<CodeRef>, Failure> {
        Ok(Vec::new())
    }

    fn loaded(&self) -> Result<Vec<EditionRef>, Failure> {
        Ok(Vec::new())
    }
}

#[tokio::test]
async fn no_payload_of_any_answer_passes_a_limit() {
    const MANY: usize = 150;
    logs();
    let mut runner = TestRunner::deterministic();
    let related = prop::collection::vec("\\PC{0,300}", 0..6);
    let answers =
        (any_answer(), related).prop_map(|(answer, related)| Answer { related, ..answer });
    let worst = (0..MANY)
        .map(|_| answers.new_tree(&mut runner).expect("an answer").current())
        .collect();
    let discord = Discord::start().await;
    let settings = config(json!({"api_url": discord.url()}));
    let supplies = Supplies::new(Arc::new(Worst(Mutex::new(worst))), memory());
    let bot = tokio::spawn(run(settings, supplies, CancellationToken::new()));
    discord.ready().await;
    for i in 0..MANY / 3 {
        let command = discord.command("ask", &[("question", "hello")]);
        let direct = discord.direct("hello");
        let mention = discord.mention(&format!("<@{BOT}> hello {i}"));
        for id in [command, direct, mention] {
            let answer = discord.answer(id).await;
            assert_eq!(limits::second_opinion(&answer), Ok(()), "{answer:#}");
            assert!(
                labels(&answer).iter().any(|label| label == "Helpful"),
                "{answer:#}"
            );
        }
    }
    // The stand-in keeps Discord's limits; where we passed one, plain text took the place of an embed.
    let refused: Vec<_> = discord
        .calls()
        .into_iter()
        .filter(|call| call.status >= 400)
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
    bot.abort();
}

#[tokio::test]
async fn refused_embeds_are_said_in_plain_text_and_logged() {
    let bot = start(json!({})).await;
    bot.discord.fail("PATCH", How::Refused(400, 50035));
    let id = bot.discord.command("ask", &[("question", "hello")]);
    let answer = bot.discord.answer(id).await;
    let text = answer["content"].as_str().unwrap();
    assert!(
        text.contains("M54.50 Low back pain") && text.contains("https://www.cms.gov"),
        "{text}"
    );
    assert_eq!(answer["embeds"], json!([]));
    assert_eq!(answer["allowed_mentions"]["parse"], json!([]));
    bot.discord.fail("/messages", How::Refused(400, 50035));
    let id = bot.discord.direct("hello");
    let reply = bot.discord.answer(id).await;
    assert!(
        reply["content"].as_str().unwrap().contains("M54.50"),
        "{reply}"
    );
    let logged = logs().0.lines();
    assert!(
        logged
            .iter()
            .any(|line| line.contains("ERROR") && line.contains("plain text takes its place"))
    );
}
