//! The real engine: its calibration, what every answer must be, and both platforms from end to end.

use std::sync::Arc;

use casebook_core::{Answer, Casebook, Encounter, Intent, Request, System, Verdict, today};
use casebook_desk::{State, Supplies};
use casebook_tests::real;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

static CASEBOOK: OnceCell<Result<Arc<Casebook>, String>> = OnceCell::const_new();

/// The engine, or `None` after saying why there is none here.
async fn engine() -> Option<Arc<Casebook>> {
    match CASEBOOK.get_or_init(real::casebook).await {
        Ok(casebook) => Some(casebook.clone()),
        Err(why) => {
            eprintln!("skipped, the real model is not to be had here: {why}");
            None
        }
    }
}

async fn ask(casebook: &Casebook, text: &str) -> Answer {
    let request = Request {
        intent: Intent::Ask,
        text: text.to_owned(),
        as_of: None,
        setting: None,
        ..Request::default()
    };
    casebook.ask(&request).await.unwrap()
}

fn shows(answer: &Answer, needle: &str) -> bool {
    let needle = needle.to_lowercase();
    answer
        .lines
        .iter()
        .any(|l| l.text.to_lowercase().contains(&needle))
        || answer
            .citations
            .iter()
            .any(|c| c.locator.to_lowercase().contains(&needle))
}

fn lines(file: &str) -> Vec<String> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("calibration")
        .join(file);
    let text = fs_err::read_to_string(path).unwrap();
    text.lines()
        .filter(|l| !l.is_empty() && !l.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

/// Every line of an answered verdict is cited, every citation is used, numbered from 1 in order of use, dated and
/// linked; without an answer no source is shown.
fn is_sound(answer: &Answer) {
    let mut used = Vec::new();
    for line in answer.lines.iter().chain(&answer.more) {
        assert!(
            !line.citations.is_empty(),
            "a line without citation: {}",
            line.text
        );
        for n in &line.citations {
            if !used.contains(n) {
                used.push(*n);
            }
        }
    }
    assert_eq!(used, (1..=answer.citations.len()).collect::<Vec<_>>());
    for c in &answer.citations {
        assert!(
            c.url.starts_with("https://") && !c.quote.is_empty() && !c.edition.is_empty(),
            "{c:?}"
        );
    }
    assert_eq!(answer.reason.is_none(), answer.verdict == Verdict::Answered);
    if matches!(answer.verdict, Verdict::NoAnswer | Verdict::Refused) {
        assert!(answer.lines.is_empty() && answer.more.is_empty() && answer.citations.is_empty());
    }
    if answer.editions.iter().any(|e| !e.in_force) {
        assert!(
            answer.lines[0].text.starts_with("Not in force"),
            "{:?}",
            answer.lines[0]
        );
    }
}

/// What was measured, less two: a change that loses more has to say why. The held halves are measured by hand, with
/// `casebook eval`, and never here.
#[tokio::test(flavor = "multi_thread")]
async fn codes_are_found_as_often_as_before() {
    let Some(casebook) = engine().await else {
        return;
    };
    for (file, first, among_five) in [("everyday.tune", 130, 137), ("clinical.tune", 130, 151)] {
        let (mut at_1, mut at_5) = (0, 0);
        for line in lines(&format!("../evaluation/{file}.tsv")) {
            let mut columns = line.split('\t');
            let query = columns.next().unwrap();
            let wanted: Vec<&str> = columns.next().unwrap().split(',').collect();
            let hits = casebook
                .search(query, Some(System::Icd10cm), 10, today())
                .await
                .unwrap();
            let rank = hits
                .iter()
                .position(|h| wanted.iter().any(|w| h.code.code.starts_with(w)));
            at_1 += usize::from(rank == Some(0));
            at_5 += usize::from(rank.is_some_and(|r| r < 5));
        }
        assert!(
            at_1 >= first && at_5 >= among_five,
            "{file}: {at_1} first, {at_5} among five"
        );
    }
}

/// The same for cases: codes of the tune half's notes that are coded, that are suggested at all, and that are right; and no
/// code that must not be suggested is coded. `casebook eval cases.tune.jsonl` prints what is behind it.
#[tokio::test(flavor = "multi_thread")]
async fn cases_lead_to_codes_as_often_as_before() {
    let Some(casebook) = engine().await else {
        return;
    };
    let strings = |list: &serde_json::Value| -> Vec<String> {
        let list = list.as_array().unwrap().iter();
        list.map(|c| c.as_str().unwrap().to_owned()).collect()
    };
    let (mut hits, mut suggested, mut right, mut coded) = (0, 0, 0, 0);
    for line in lines("../evaluation/cases.tune.jsonl") {
        let note: serde_json::Value = serde_json::from_str(&line).unwrap();
        let encounter = match note["setting"].as_str() {
            Some("inpatient") => Encounter::InpatientAtDischarge,
            _ => Encounter::Outpatient,
        };
        let text = note["text"].as_str().unwrap();
        let case = casebook
            .case(text, Some(encounter), today())
            .await
            .unwrap()
            .unwrap();
        let codes: Vec<&str> = case.codes.iter().map(|s| s.code.code.as_str()).collect();
        let below = |code: &str, of: &[String]| of.iter().any(|w| code.starts_with(w.as_str()));
        let mut expected = Vec::new();
        for wanted in note["codes"].as_array().unwrap() {
            let wanted = strings(wanted);
            let is = codes.iter().any(|c| below(c, &wanted));
            hits += usize::from(is);
            suggested +=
                usize::from(is || case.consider.iter().any(|s| below(&s.code.code, &wanted)));
            expected.extend(wanted);
        }
        coded += codes.len();
        right += codes.iter().filter(|c| below(c, &expected)).count();
        for not in note["not_codes"].as_array().unwrap() {
            let not = strings(&not["codes"]);
            assert!(
                !codes.iter().any(|c| below(c, &not)),
                "{codes:?} holds one of {not:?}"
            );
        }
    }
    assert!(
        hits >= CODED && suggested >= SUGGESTED && coded - right <= WRONG,
        "{hits} coded, {suggested} suggested, {} of {coded} wrong",
        coded - right
    );
}

/// What was measured, less two (of 54), and the codes that nobody expected, and two more.
const CODED: usize = 44;
const SUGGESTED: usize = 47;
const WRONG: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn what_people_say_is_read_as_the_code_set_prints_it() {
    let Some(casebook) = engine().await else {
        return;
    };
    for (query, code) in [
        ("diarhea", "R19.7"),
        ("oesophageal reflux", "K21"),
        ("hydrocefalus", "G91"),
    ] {
        let hits = casebook
            .search(query, Some(System::Icd10cm), 5, today())
            .await
            .unwrap();
        let found = hits.iter().any(|h| h.code.code.starts_with(code));
        assert!(found, "{query}: {:?}", hits.first());
    }
    // A saying is its official wording: "eye" is no reason for a code of the eye's.
    let hits = casebook
        .search("pink eye", Some(System::Icd10cm), 5, today())
        .await
        .unwrap();
    assert_eq!(hits[0].code.code, "H10.9");
    // A cause, a side within a saying, and a name to the letter among siblings that differ by an "other" or a "without".
    for (query, code) in [
        ("slipped on ice", "W00"),
        ("bitten by my neighbour's dog", "W54.0"),
        ("been around someone with covid", "Z20.822"),
        ("clot in my left leg", "I82.402"),
        ("elevated LFTs", "R79.89"),
        ("Esophageal varices without bleeding", "I85.00"),
    ] {
        let hits = casebook
            .search(query, Some(System::Icd10cm), 5, today())
            .await
            .unwrap();
        assert!(
            hits[0].code.code.starts_with(code),
            "{query}: {:?}",
            hits[0]
        );
    }
    // No name of a code holds these; as misspelt words they would lead away from the rule.
    let answer = ask(&casebook, "what does unbundling mean").await;
    assert!(shows(&answer, "unbundl"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_with_an_answer_get_it() {
    let Some(casebook) = engine().await else {
        return;
    };
    let (mut right, mut all, mut wrong) = (0, 0, Vec::new());
    let mut stages: [Vec<f64>; 4] = Default::default();
    for line in lines("answerable.tsv") {
        let (question, needle) = line.split_once('\t').unwrap();
        let answer = ask(&casebook, question).await;
        is_sound(&answer);
        let t = answer.timings_ms;
        for (stage, ms) in stages
            .iter_mut()
            .zip([t.embed, t.retrieve, t.compose, t.total])
        {
            stage.push(ms);
        }
        all += 1;
        if matches!(answer.verdict, Verdict::Answered | Verdict::Uncertain)
            && shows(&answer, needle)
        {
            right += 1;
        } else {
            let first = answer
                .lines
                .get(1)
                .or(answer.lines.first())
                .map_or("", |l| l.text.as_str());
            wrong.push(format!(
                "{question}: {:?} {}",
                answer.verdict,
                first.chars().take(110).collect::<String>()
            ));
        }
    }
    eprintln!("{right} of {all} answered; not:\n{}", wrong.join("\n"));
    // For the record, not held to anything: machines are noisy.
    for (stage, ms) in ["embed", "retrieve", "compose", "total"]
        .iter()
        .zip(&mut stages)
    {
        ms.sort_by(f64::total_cmp);
        eprintln!(
            "{stage}: p50 {:.1} ms, p99 {:.1} ms",
            ms[ms.len() / 2],
            ms[ms.len() * 99 / 100]
        );
    }
    assert!(
        right * 100 >= all * ANSWERED,
        "{right} of {all}:\n{}",
        wrong.join("\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_without_an_answer_get_none() {
    let Some(casebook) = engine().await else {
        return;
    };
    let (mut quiet, mut all, mut loud) = (0, 0, Vec::new());
    for question in lines("unanswerable.txt") {
        let answer = ask(&casebook, &question).await;
        is_sound(&answer);
        all += 1;
        match answer.verdict {
            Verdict::NoAnswer | Verdict::Refused => quiet += 1,
            verdict => loud.push(format!(
                "{question}: {verdict:?} {}",
                answer
                    .lines
                    .last()
                    .map_or("", |l| l.text.as_str())
                    .chars()
                    .take(110)
                    .collect::<String>()
            )),
        }
    }
    eprintln!(
        "{quiet} of {all} left unanswered; answered:\n{}",
        loud.join("\n")
    );
    assert!(
        quiet * 100 >= all * UNANSWERED,
        "{quiet} of {all}:\n{}",
        loud.join("\n")
    );
}

/// Per cent that the engine reached when the thresholds were fitted, less a margin.
const ANSWERED: usize = 88;
const UNANSWERED: usize = 92;

#[tokio::test(flavor = "multi_thread")]
async fn tabular_quotes_stand_in_the_list() {
    let Some(casebook) = engine().await else {
        return;
    };
    let assets = real::assets().unwrap();
    let xml = fs_err::read_to_string(
        assets
            .path("icd10cm-2026-04", "icd10cm-tabular.xml")
            .unwrap(),
    )
    .unwrap();
    let xml = xml
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
        .replace("&apos;", "'")
        .replace("&quot;", "\"");
    for question in [
        "M54.50",
        "E11.9",
        "S52.501A",
        "T36.0X5A",
        "excludes1 for J44.1",
        "B20",
        "A41.9",
        "code for heart failure",
        "O80",
        "7th character for S52.5",
    ] {
        let answer = ask(&casebook, question).await;
        is_sound(&answer);
        for c in answer
            .citations
            .iter()
            .filter(|c| c.source == "ICD-10-CM Tabular List")
        {
            for part in c.quote.lines() {
                // A 7th character's line is the character and its meaning.
                let meaning = part.get(2..).unwrap_or_default();
                assert!(
                    xml.contains(part) || xml.contains(meaning),
                    "{question}: not in the list: {part}"
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_send_never_fails() {
    let Some(casebook) = engine().await else {
        return;
    };
    let codes: String = (0..500)
        .map(|i| format!("M{:02}.{} ", i % 100, i % 10))
        .collect();
    for text in [
        "",
        "   ",
        "🙂🙂🙂",
        "?!",
        "\u{0}\u{1}binary",
        &"word ".repeat(20_000),
        "¿cuál es el código para la diabetes?",
        "'; DROP TABLE code; --",
        "<@U012AB3CD> <!channel> *bold* `code`",
        "**@everyone** ||spoiler|| <@123>",
        &codes,
        "E11.9 on 1800-01-01",
        "E11.9 on 2999-12-31",
        "糖尿病",
        "E11.9 E11.9 E11.9",
        "A",
        "99999",
        "Z99.999",
        "ZZ9.99",
    ] {
        let answer = ask(&casebook, text).await;
        is_sound(&answer);
        let asked: String = text.chars().take(60).collect();
        if let Some(reason) = &answer.reason {
            assert!(
                asked.trim().len() < 25 || !reason.contains(asked.trim()),
                "the question is echoed: {reason}"
            );
        }
    }
}

/// What a bot works with: the engine, and a memory that ends with the test.
fn supplies(casebook: Arc<Casebook>) -> Supplies {
    let clock = Arc::new(std::time::SystemTime::now);
    let state = State::in_memory(casebook_state::Config::default(), clock).unwrap();
    Supplies::new(casebook, state)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_in_slack_is_answered_from_the_real_index() {
    let Some(casebook) = engine().await else {
        return;
    };
    let slack = casebook_tests::slack::Slack::start().await;
    let config = slack.config(serde_json::json!({}));
    let stop = CancellationToken::new();
    let bot = tokio::spawn(casebook_slack::run(
        config,
        supplies(casebook),
        stop.clone(),
    ));
    slack.greeted(1).await;
    let user = casebook_tests::slack::BOT_USER;
    slack
        .mention("C1", &format!("<@{user}> can I bill 77003 with 62323?"))
        .await;
    let post = slack.posts(1).await[0].to_string();
    eprintln!("posted: {post}");
    assert!(post.contains("77003 is not added"), "{post}");
    stop.cancel();
    bot.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_in_discord_is_answered_from_the_real_index() {
    let Some(casebook) = engine().await else {
        return;
    };
    let discord = casebook_tests::discord::Discord::start().await;
    let config = serde_json::from_value(serde_json::json!({
        "token": casebook_tests::discord::TOKEN,
        "api_url": discord.url(),
    }))
    .unwrap();
    let stop = CancellationToken::new();
    let bot = tokio::spawn(casebook_discord::run(
        config,
        supplies(casebook),
        stop.clone(),
    ));
    discord.ready().await;
    let id = discord.command("code", &[("codes", "M54.50")]);
    let answer = discord.answer(id).await.to_string();
    eprintln!("answered: {answer}");
    assert!(
        answer.contains("Low back pain, unspecified") && answer.contains("Tabular"),
        "{answer}"
    );
    stop.cancel();
    bot.await.unwrap().unwrap();
}
