//! The digest's files are what `core/digest/README.md` says: form, ids, known codes, no licensed wording.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are not test functions, which may unwrap"
)]

use std::collections::{HashMap, HashSet};
use std::path::Path;

use casebook_core::digest::{Digest, FILES, Kind};
use casebook_core::question;

const TOPICS: [&str; 11] = [
    "cpt",
    "guidelines",
    "modifiers",
    "crosswalks",
    "ncci",
    "compliance",
    "coverage",
    "em",
    "global",
    "hcpcs",
    "basics",
];

fn digest() -> Digest {
    Digest::embedded().unwrap()
}

#[test]
fn every_file_of_the_folder_is_compiled_in() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("digest");
    let mut found: Vec<String> = fs_err::read_dir(folder)
        .unwrap()
        .map(|f| f.unwrap().file_name().into_string().unwrap())
        .filter(|f| f.ends_with(".toml") && f != "sources.toml")
        .collect();
    found.sort();
    let compiled: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        compiled, found,
        "list the file in FILES of core/src/digest.rs"
    );
}

#[test]
fn entries_have_the_form_that_the_readme_describes() {
    let mut faults = Vec::new();
    let mut ids = HashSet::new();
    let mut texts = HashSet::new();
    let mut described = HashSet::new();
    let mut asked = HashSet::new();
    for e in digest().entries() {
        let mut fault = |what: &str| faults.push(format!("{}: {what}", e.id));
        if !ids.insert(e.id.clone()) {
            fault("the id is used twice");
        }
        let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !e.id.chars().all(kebab) || e.id.starts_with('-') || e.id.ends_with('-') {
            fault("the id is not kebab-case");
        }
        if !TOPICS.contains(&e.topic.as_str()) {
            fault("the topic is unknown");
        }
        if e.title.trim().is_empty() || e.title.chars().count() > 90 {
            fault("the title has 1 to 90 characters");
        }
        if !(40..=500).contains(&e.text.chars().count()) {
            fault("the text has 40 to 500 characters");
        }
        if e.text.contains('\n') || e.text.trim() != e.text {
            fault("the text is one line without space around it");
        }
        if !texts.insert(e.text.clone()) {
            fault("the text stands elsewhere too");
        }
        if e.locator.trim().is_empty() {
            fault("the locator is empty");
        }
        if !(1..=8).contains(&e.ask.len()) {
            fault("1 to 8 ways of asking");
        }
        // The same question cannot lead to two entries: the nearer one is the answer.
        if !e.ask.iter().all(|q| asked.insert(q.to_lowercase())) {
            fault("a way of asking stands elsewhere too");
        }
        if (e.kind == Kind::Rule) == e.code.is_some() {
            fault("a rule describes no code; a modifier or code entry describes one");
        }
        if let Some(code) = &e.code
            && !described.insert((e.kind, code.clone()))
        {
            fault("the code is described twice");
        }
        if e.fee_schedule.is_some() && e.source != "pfs-rvu" {
            fault("fee schedule figures come from pfs-rvu");
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn there_is_enough_of_everything() {
    let mut count: HashMap<Kind, usize> = HashMap::new();
    for e in digest().entries() {
        *count.entry(e.kind).or_default() += 1;
    }
    assert!(count[&Kind::Modifier] >= 60, "{count:?}");
    assert!(count[&Kind::Code] >= 250, "{count:?}");
    assert!(count[&Kind::Rule] >= 250, "{count:?}");
}

#[test]
fn codes_are_written_as_codes() {
    let mut faults = Vec::new();
    for e in digest().entries() {
        for code in &e.codes {
            let ends = code
                .split_once('-')
                .map_or(vec![code.as_str()], |(a, b)| vec![a, b]);
            for end in ends.into_iter().filter(|c| c.len() > 2) {
                let read = question::parse(end).unwrap().mentions;
                if read.len() != 1 {
                    faults.push(format!("{}: {code}", e.id));
                }
            }
        }
    }
    assert!(
        faults.is_empty(),
        "not in a form that anybody writes:\n{}",
        faults.join("\n")
    );
}

/// Phrases by which the licensed descriptors are known. We may not quote them to look for them, so the list is of
/// their editorial turns, which no common-language description needs.
#[test]
fn no_wording_of_the_licensed_descriptors() {
    let turns = [
        "(list separately in addition to code for primary procedure)",
        "separate procedure)",
        "each additional 15 minutes (",
        "which requires a medically appropriate history",
        "when using total time on the date of the encounter for code selection",
        "by the same physician or other qualified health care professional",
        "physician or other qualified health care professional",
        "(eg,",
        "(ie,",
    ];
    let mut faults = Vec::new();
    for e in digest().entries() {
        let text = format!("{} {}", e.title, e.text).to_lowercase();
        for turn in turns.iter().filter(|t| text.contains(**t)) {
            faults.push(format!("{}: {turn:?}", e.id));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn sources_have_an_address_and_a_span() {
    for (key, s) in digest().sources() {
        assert!(s.url.starts_with("https://"), "{key}");
        assert!(s.through.is_none_or(|t| s.effective <= t), "{key}");
        assert!(
            !s.title.is_empty() && !s.edition.is_empty() && !s.publisher.is_empty(),
            "{key}"
        );
    }
}

#[test]
fn a_wrong_file_is_named_with_its_line() {
    let sources =
        "[a]\ntitle='t'\npublisher='p'\nedition='e'\neffective='2025-01-01'\nurl='https://x'\n";
    let missing = "[[entry]]\nid='x'\nkind='rule'\n";
    let e = Digest::parse(sources, &[("broken.toml", missing)])
        .unwrap_err()
        .to_string();
    assert!(e.contains("broken.toml") && e.contains("line"), "{e}");
    let unknown = "[[entry]]\nid='x'\nkind='rule'\ntopic='em'\ntitle='t'\ntext='t'\nsource='b'\nlocator='l'\nask=['q']\n";
    let e = Digest::parse(sources, &[("f.toml", unknown)])
        .unwrap_err()
        .to_string();
    assert!(
        e.contains("f.toml") && e.contains("sources.toml") && e.contains("\"b\""),
        "{e}"
    );
}
