//! What the bots remember, held to its promises: two handles on one file stand for two replicas.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use casebook_state::{
    Audience, ChannelSettings, Claim, Claimed, Clock, Config, Feedback, Gap, LEASE, Speaks, State,
    StateError, Turn,
};
use secrecy::SecretString;
use tempfile::TempDir;

const KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
const OTHER_KEY: &str = "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWY=";
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A clock that a test moves.
#[derive(Clone)]
struct Hands(Arc<AtomicU64>);

impl Hands {
    fn new() -> Self {
        Self(Arc::new(AtomicU64::new(1_800_000_000_000)))
    }

    fn pass(&self, time: Duration) {
        let ms = u64::try_from(time.as_millis()).expect("a time that fits");
        self.0.fetch_add(ms, Ordering::SeqCst);
    }

    fn clock(&self) -> Clock {
        let hands = self.0.clone();
        Arc::new(move || {
            SystemTime::UNIX_EPOCH + Duration::from_millis(hands.load(Ordering::SeqCst))
        })
    }
}

fn with_key(key: &str) -> Config {
    Config {
        encryption_key: Some(SecretString::from(key)),
        ..Config::default()
    }
}

fn open(folder: &TempDir, config: Config, hands: &Hands) -> State {
    State::open_with(folder.path(), config, hands.clock()).expect("a store")
}

fn mine(claimed: Claimed) -> Claim {
    match claimed {
        Claimed::Mine(claim) => claim,
        other => panic!("{other:?}"),
    }
}

fn turn(by: &str, question: &str) -> Turn {
    Turn {
        by: by.into(),
        question: question.into(),
        about: Vec::new(),
        opens_thread: true,
    }
}

/// Everything that stands on the disk, journal included.
fn on_disk(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in fs_err::read_dir(folder).expect("the folder") {
        all.extend(fs_err::read(entry.expect("an entry").path()).expect("a file"));
    }
    all
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn of_two_replicas_one_gets_the_question() {
    let (folder, hands) = (TempDir::new().unwrap(), Hands::new());
    let (a, b) = (
        open(&folder, Config::default(), &hands),
        open(&folder, Config::default(), &hands),
    );
    for n in 0..50 {
        let key = format!("slack:C1:{n}");
        let (first, second) = tokio::join!(
            a.claim(&key, "slack", "", None),
            b.claim(&key, "slack", "", None)
        );
        let won = [first.unwrap(), second.unwrap()];
        assert_eq!(
            won.iter()
                .filter(|claimed| matches!(claimed, Claimed::Mine(_)))
                .count(),
            1,
            "{won:?}"
        );
        assert_eq!(
            won.iter()
                .filter(|claimed| **claimed == Claimed::Held)
                .count(),
            1,
            "{won:?}"
        );
    }
}

#[tokio::test]
async fn a_question_with_its_reply_is_done_for_everybody_and_after_a_restart() {
    let (folder, hands) = (TempDir::new().unwrap(), Hands::new());
    let a = open(&folder, Config::default(), &hands);
    let claim = mine(a.claim("k", "slack", "C1", None).await.unwrap());
    assert!(a.begin_post(&claim).await.unwrap());
    assert!(a.done(&claim).await.unwrap());
    drop(a);
    hands.pass(LEASE * 10);
    let again = open(&folder, Config::default(), &hands);
    assert_eq!(
        again.claim("k", "slack", "C1", None).await.unwrap(),
        Claimed::Done
    );
    assert!(again.left_over("slack").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_claim_whose_holder_died_is_taken_over_once_its_lease_ran_out() {
    let (folder, hands) = (TempDir::new().unwrap(), Hands::new());
    let dead = open(&folder, Config::default(), &hands);
    let old = mine(dead.claim("k", "slack", "C1/17", None).await.unwrap());
    let other = open(&folder, Config::default(), &hands);
    hands.pass(LEASE - Duration::from_secs(1));
    assert!(other.left_over("slack").await.unwrap().is_empty());
    assert_eq!(
        other.claim("k", "slack", "", None).await.unwrap(),
        Claimed::Held
    );
    hands.pass(Duration::from_secs(1));
    assert!(other.left_over("discord").await.unwrap().is_empty());
    let left = other.left_over("slack").await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(
        (left[0].claim.key.as_str(), left[0].address.as_str()),
        ("k", "C1/17")
    );
    assert_eq!(
        (
            left[0].claim.attempts,
            left[0].claim.may_be_posted,
            left[0].age
        ),
        (2, false, LEASE)
    );
    // Taken over, it is not taken over again, and its former holder may not post any more.
    assert!(other.left_over("slack").await.unwrap().is_empty());
    assert!(!dead.begin_post(&old).await.unwrap());
    assert!(!dead.done(&old).await.unwrap());
    assert!(other.begin_post(&left[0].claim).await.unwrap());
}

#[tokio::test]
async fn whoever_takes_over_knows_that_a_reply_may_stand_there() {
    let (folder, hands) = (TempDir::new().unwrap(), Hands::new());
    let dead = open(&folder, Config::default(), &hands);
    let old = mine(dead.claim("k", "slack", "C1", None).await.unwrap());
    assert!(dead.begin_post(&old).await.unwrap());
    hands.pass(LEASE);
    let left = open(&folder, Config::default(), &hands)
        .left_over("slack")
        .await
        .unwrap();
    assert!(left[0].claim.may_be_posted);
}

#[tokio::test]
async fn a_renewed_claim_is_left_alone() {
    let (folder, hands) = (TempDir::new().unwrap(), Hands::new());
    let (a, b) = (
        open(&folder, Config::default(), &hands),
        open(&folder, Config::default(), &hands),
    );
    let claim = mine(a.claim("k", "slack", "C1", None).await.unwrap());
    for _ in 0..5 {
        hands.pass(LEASE / 2);
        a.renew(vec![claim.clone()]).await.unwrap();
        assert!(b.left_over("slack").await.unwrap().is_empty());
    }
    hands.pass(LEASE);
    assert_eq!(b.left_over("slack").await.unwrap().len(), 1);
    // Renewing does not win it back.
    a.renew(vec![claim.clone()]).await.unwrap();
    assert!(!a.begin_post(&claim).await.unwrap());
}

#[tokio::test]
async fn a_question_in_the_making_is_on_the_disk_only_encrypted() {
    const TEXT: &str = "does an epidurogram go with it";
    let hands = Hands::new();
    for config in [Config::default(), with_key(KEY)] {
        let folder = TempDir::new().unwrap();
        let encrypted = config.encryption_key.is_some();
        let state = open(&folder, config.clone(), &hands);
        mine(
            state
                .claim("k", "slack", "response_url of ours", Some(TEXT))
                .await
                .unwrap(),
        );
        let bytes = on_disk(folder.path());
        assert!(!holds(&bytes, TEXT));
        assert_eq!(holds(&bytes, "response_url of ours"), !encrypted);
        hands.pass(LEASE);
        let left = open(&folder, config, &hands)
            .left_over("slack")
            .await
            .unwrap();
        assert_eq!(left[0].question.as_deref(), encrypted.then_some(TEXT));
        assert_eq!(left[0].address, "response_url of ours");
        assert!(!format!("{left:?}").contains(TEXT));
    }
}

#[tokio::test]
async fn what_is_done_keeps_neither_address_nor_question() {
    let (folder, hands) = (TempDir::new().unwrap(), Hands::new());
    let state = open(&folder, Config::default(), &hands);
    let claim = mine(
        state
            .claim("k", "slack", "a right to reply", None)
            .await
            .unwrap(),
    );
    assert!(holds(&on_disk(folder.path()), "a right to reply"));
    state.done(&claim).await.unwrap();
    state.purge().await.unwrap();
    assert!(!holds(&on_disk(folder.path()), "a right to reply"));
}

#[tokio::test]
async fn a_conversation_is_remembered_in_order_and_for_its_time() {
    for config in [Config::default(), with_key(KEY)] {
        let (folder, hands) = (TempDir::new().unwrap(), Hands::new());
        let state = open(&folder, config, &hands);
        for n in 0..12 {
            state
                .remember("t", turn("U1", &format!("question {n}")))
                .await
                .unwrap();
        }
        state
            .remember("u", turn("U2", "another thread"))
            .await
            .unwrap();
        let turns = state.turns("t").await.unwrap();
        let texts: Vec<_> = turns.iter().map(|turn| turn.question.as_str()).collect();
        assert_eq!(texts.len(), 10);
        assert_eq!((texts[0], texts[9]), ("question 2", "question 11"));
        assert!(turns[0].opens_thread && turns[0].by == "U1");
        hands.pass(HOUR * 24 + Duration::from_secs(1));
        assert!(state.turns("t").await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn conversations_and_answers_outlast_a_restart_only_with_a_key_and_encrypted() {
    const TEXT: &str = "and what about bilateral";
    for (config, kept) in [(Config::default(), false), (with_key(KEY), true)] {
        let (folder, hands) = (TempDir::new().unwrap(), Hands::new());
        let state = open(&folder, config.clone(), &hands);
        assert_eq!(state.keeps_conversations_on_disk(), kept);
        state.remember("t", turn("U1", TEXT)).await.unwrap();
        state
            .keep_answer("a", &"a line of an answer")
            .await
            .unwrap();
        assert_eq!(
            state.kept_answer::<String>("a").await.unwrap().as_deref(),
            Some("a line of an answer")
        );
        let bytes = on_disk(folder.path());
        assert!(!holds(&bytes, TEXT) && !holds(&bytes, "a line of an answer"));
        drop(state);
        let again = open(&folder, config, &hands);
        assert_eq!(again.turns("t").await.unwrap().len(), usize::from(kept));
        assert_eq!(
            again.kept_answer::<String>("a").await.unwrap().is_some(),
            kept
        );
        // Under another key there is nothing, and no failure.
        let other = open(&folder, with_key(OTHER_KEY), &hands);
        assert!(other.turns("t").await.unwrap().is_empty());
        assert!(other.kept_answer::<String>("a").await.unwrap().is_none());
    }
}

#[tokio::test]
async fn what_was_encrypted_for_one_place_does_not_open_in_another() {
    let (folder, hands) = (TempDir::new().unwrap(), Hands::new());
    let state = open(&folder, with_key(KEY), &hands);
    state
        .remember("mine", turn("U1", "a question"))
        .await
        .unwrap();
    let file = rusqlite::Connection::open(folder.path().join("state.sqlite")).unwrap();
    file.execute("UPDATE turn SET thread = 'yours'", [])
        .unwrap();
    assert!(state.turns("yours").await.unwrap().is_empty());
    file.execute("UPDATE turn SET thread = 'mine'", []).unwrap();
    assert_eq!(state.turns("mine").await.unwrap().len(), 1);
    file.execute(
        "UPDATE turn SET sealed = substr(sealed, 1, length(sealed) - 1)",
        [],
    )
    .unwrap();
    assert!(state.turns("mine").await.unwrap().is_empty());
}

#[tokio::test]
async fn nothing_is_remembered_of_a_question_about_a_certain_patient_or_where_that_is_off() {
    for config in [Config::default(), with_key(KEY)] {
        let (folder, hands) = (TempDir::new().unwrap(), Hands::new());
        let state = open(&folder, config, &hands);
        state
            .remember(
                "t",
                turn("U1", "patient Jane Roe, DOB 03/04/1961, code for her knee"),
            )
            .await
            .unwrap();
        assert!(state.turns("t").await.unwrap().is_empty());
        // A date of service is no patient.
        state
            .remember("t", turn("U1", "was 77003 payable on 3/1/2026"))
            .await
            .unwrap();
        assert_eq!(state.turns("t").await.unwrap().len(), 1);
    }
    let (folder, hands) = (TempDir::new().unwrap(), Hands::new());
    let state = open(
        &folder,
        Config {
            keep_conversations_h: 0,
            ..with_key(KEY)
        },
        &hands,
    );
    state.remember("t", turn("U1", "a question")).await.unwrap();
    state.keep_answer("a", &1).await.unwrap();
    assert!(state.turns("t").await.unwrap().is_empty());
    assert!(state.kept_answer::<u8>("a").await.unwrap().is_none());
}

#[tokio::test]
async fn settings_of_a_channel_win_over_those_of_its_workspace() {
    let (folder, hands) = (TempDir::new().unwrap(), Hands::new());
    let state = open(&folder, Config::default(), &hands);
    let places = || vec!["slack:C1".to_owned(), "slack:workspace:T1".to_owned()];
    assert_eq!(state.settings(places()).await.unwrap(), None);
    let wide = ChannelSettings {
        contractor: Some("Texas".into()),
        ..ChannelSettings::default()
    };
    state.set("slack:workspace:T1", &wide).await.unwrap();
    assert_eq!(state.settings(places()).await.unwrap(), Some(wide.clone()));
    let own = ChannelSettings {
        speaks: Speaks::Off,
        audience: Some(Audience::Asker),
        allowed_groups: vec!["S1".into()],
        ..ChannelSettings::default()
    };
    state.set("slack:C1", &own).await.unwrap();
    drop(state);
    let again = open(&folder, Config::default(), &hands);
    assert_eq!(again.settings(places()).await.unwrap(), Some(own.clone()));
    assert_eq!(again.all_settings().await.unwrap().len(), 2);
    assert_eq!(own.clone().or(&wide).contractor.as_deref(), Some("Texas"));
    assert_eq!(own.or(&wide).speaks, Speaks::Off);
}

#[test]
fn who_may_ask() {
    let open = ChannelSettings::default();
    assert!(open.allow("U1", &[]));
    let some = ChannelSettings {
        allowed_users: vec!["U1".into()],
        allowed_groups: vec!["S1".into()],
        ..ChannelSettings::default()
    };
    assert!(some.allow("U1", &[]));
    assert!(some.allow("U2", &["S0".into(), "S1".into()]));
    assert!(!some.allow("U2", &["S2".into()]));
}

fn feedback(answer: &str, person: &str, helpful: bool, reason: Option<&str>) -> Feedback {
    Feedback {
        answer: answer.into(),
        person: person.into(),
        platform: "slack".into(),
        intent: "ask".into(),
        verdict: "answered".into(),
        helpful,
        reason: reason.map(Into::into),
    }
}

#[tokio::test]
async fn a_second_opinion_replaces_the_first_and_reasons_with_patient_data_are_not_kept() {
    let (folder, hands) = (TempDir::new().unwrap(), Hands::new());
    let state = open(&folder, Config::default(), &hands);
    assert!(state.rate(feedback("a", "U1", true, None)).await.unwrap());
    assert!(
        state
            .rate(feedback("a", "U1", false, Some("the edition is old")))
            .await
            .unwrap()
    );
    assert!(
        state
            .rate(feedback("a", "U2", true, Some("  ")))
            .await
            .unwrap()
    );
    assert!(
        !state
            .rate(feedback(
                "b",
                "U2",
                false,
                Some("MRN 00123456 was billed otherwise")
            ))
            .await
            .unwrap()
    );
    let opinions = state.opinions(30).await.unwrap();
    assert_eq!((opinions.helpful, opinions.not_helpful), (1, 2));
    assert_eq!(opinions.reasons, ["the edition is old"]);
    let bytes = on_disk(folder.path());
    assert!(!holds(&bytes, "00123456"));
    // Who said it is not kept either.
    assert!(!holds(&bytes, "U1") && !holds(&bytes, "U2"));
}

fn gap(text: &str) -> Gap {
    Gap {
        platform: "slack".into(),
        intent: "ask".into(),
        topic: "fee".into(),
        shapes: vec!["99999".into()],
        text: text.into(),
    }
}

#[tokio::test]
async fn a_gap_keeps_its_words_only_where_configured_and_nobody_can_be_recognised() {
    let harmless = "what does the moon pay for 99213";
    let (folder, hands) = (TempDir::new().unwrap(), Hands::new());
    let state = open(&folder, Config::default(), &hands);
    state.record_gap(gap(harmless)).await.unwrap();
    state.record_gap(gap(harmless)).await.unwrap();
    let gaps = state.gaps(30).await.unwrap();
    assert_eq!(
        (
            gaps.len(),
            gaps[0].n,
            gaps[0].topic.as_str(),
            gaps[0].shapes.as_str()
        ),
        (1, 2, "fee", "99999")
    );
    assert!(gaps[0].texts.is_empty());
    assert!(!holds(&on_disk(folder.path()), "moon"));
    drop(state);
    let state = open(
        &folder,
        Config {
            keep_gap_text: true,
            ..Config::default()
        },
        &hands,
    );
    state.record_gap(gap(harmless)).await.unwrap();
    for recognisable in [
        "patient John Doe on the moon",
        "seen by Dr. Smith on the moon",
        "moon, DOB 1/2/1950",
    ] {
        state.record_gap(gap(recognisable)).await.unwrap();
    }
    let gaps = state.gaps(30).await.unwrap();
    assert_eq!(gaps[0].n, 6);
    assert_eq!(gaps[0].texts, [harmless]);
    let bytes = on_disk(folder.path());
    for word in ["John", "Smith", "1950"] {
        assert!(!holds(&bytes, word), "{word}");
    }
}

#[tokio::test]
async fn usage_is_counted_by_day() {
    let (folder, hands) = (TempDir::new().unwrap(), Hands::new());
    let state = open(&folder, Config::default(), &hands);
    for _ in 0..3 {
        state.count("slack", "ask", "answered").await.unwrap();
    }
    hands.pass(DAY);
    state.count("slack", "ask", "answered").await.unwrap();
    let usage = state.usage(30).await.unwrap();
    assert_eq!(
        usage.iter().map(|count| count.n).collect::<Vec<_>>(),
        [1, 3]
    );
    assert_eq!(usage[0].day, usage[1].day + 1);
    assert_eq!(state.usage(1).await.unwrap().len(), 1);
}

#[tokio::test]
async fn purging_forgets_what_is_older_than_configured_and_nothing_else() {
    let (folder, hands) = (TempDir::new().unwrap(), Hands::new());
    let config = Config {
        keep_gap_text: true,
        keep_gaps_days: 10,
        keep_feedback_days: 20,
        keep_usage_days: 30,
        ..with_key(KEY)
    };
    let state = open(&folder, config, &hands);
    let claim = mine(state.claim("k", "slack", "", None).await.unwrap());
    state.done(&claim).await.unwrap();
    state
        .set("slack:C1", &ChannelSettings::default())
        .await
        .unwrap();
    state.remember("t", turn("U1", "a question")).await.unwrap();
    state.record_gap(gap("words of a gap")).await.unwrap();
    state
        .rate(feedback("a", "U1", true, Some("words of a reason")))
        .await
        .unwrap();
    state.count("slack", "ask", "answered").await.unwrap();
    let kept = |what: &str| {
        let file = rusqlite::Connection::open(folder.path().join("state.sqlite")).unwrap();
        file.query_row(&format!("SELECT count(*) FROM {what}"), [], |r| {
            r.get::<_, i64>(0)
        })
        .unwrap()
    };
    let tables = ["claim", "turn", "gap", "feedback", "usage", "settings"];
    let mut days = 0;
    for (day, left) in [(0, 6), (1, 6), (3, 4), (11, 3), (21, 2), (31, 1)] {
        hands.pass(DAY * (day - days) + Duration::from_secs(1));
        days = day;
        state.purge().await.unwrap();
        let there: Vec<_> = tables.iter().filter(|table| kept(table) > 0).collect();
        // On the first day the conversation is just a second too old.
        let left = if day == 1 { left - 1 } else { left };
        assert_eq!(there.len(), left, "day {day}: {there:?}");
    }
    assert_eq!(kept("settings"), 1);
    let bytes = on_disk(folder.path());
    assert!(!holds(&bytes, "words of a gap") && !holds(&bytes, "words of a reason"));
}

#[tokio::test]
async fn a_key_that_is_none_is_refused_and_never_shown() {
    let folder = TempDir::new().unwrap();
    for key in [
        "secret-but-short",
        "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5",
    ] {
        let config = with_key(key);
        assert!(!format!("{config:?}").contains(key));
        let refused = State::open(folder.path(), config);
        assert!(matches!(refused, Err(StateError::Key)), "{refused:?}");
    }
}

#[tokio::test]
async fn a_file_of_a_newer_casebook_is_left_alone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state.sqlite");
    let file = rusqlite::Connection::open(&path).unwrap();
    file.pragma_update(None, "user_version", 999).unwrap();
    drop(file);
    let refused = State::open(folder.path(), Config::default())
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("state.sqlite") && refused.contains("update Casebook"),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_write_at_once() {
    let (folder, hands) = (TempDir::new().unwrap(), Hands::new());
    let (a, b) = (
        open(&folder, Config::default(), &hands),
        open(&folder, Config::default(), &hands),
    );
    let write = |state: State, name: &'static str| {
        tokio::spawn(async move {
            for n in 0..200 {
                let claim = mine(
                    state
                        .claim(&format!("{name}{n}"), "slack", "", None)
                        .await
                        .unwrap(),
                );
                state.count("slack", "ask", "answered").await.unwrap();
                assert!(state.done(&claim).await.unwrap());
            }
        })
    };
    let (first, second) = tokio::join!(write(a.clone(), "a"), write(b, "b"));
    first.unwrap();
    second.unwrap();
    assert_eq!(a.usage(1).await.unwrap()[0].n, 400);
    a.check().await.unwrap();
}

#[tokio::test]
async fn purging_does_not_wait_for_somebody_who_reads() {
    let (folder, hands) = (TempDir::new().unwrap(), Hands::new());
    let state = open(&folder, Config::default(), &hands);
    state.count("slack", "ask", "answered").await.unwrap();
    let reader = rusqlite::Connection::open(folder.path().join("state.sqlite")).unwrap();
    reader.execute_batch("BEGIN; SELECT * FROM usage;").unwrap();
    state.purge().await.unwrap();
    // Nor is it put off for good.
    reader.execute_batch("COMMIT").unwrap();
    state.purge().await.unwrap();
    let journal = fs_err::metadata(folder.path().join("state.sqlite-wal")).unwrap();
    assert_eq!(journal.len(), 0);
}
