//! What the guides tell people to type is what this binary takes: commands, variables, configuration, scopes.

use std::path::{Path, PathBuf};

use clap::Parser;

use crate::Cli;
use crate::config;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The guides: name and text.
fn guides() -> Vec<(&'static str, String)> {
    let names = [
        "README.md",
        "deploy/README.md",
        "deploy/slack.md",
        "deploy/discord.md",
    ];
    names
        .map(|name| (name, fs_err::read_to_string(root().join(name)).unwrap()))
        .into()
}

/// The lines of fenced blocks in `language`, block by block.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    text.split(&fence)
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect()
}

/// What stands between single backticks outside of fenced blocks.
fn inline(text: &str) -> Vec<String> {
    let prose: String = text.split("```").step_by(2).collect();
    prose
        .split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// A line of a shell as words: quotes are taken off, and it ends at a comment, a redirection or another command.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for c in line.chars().chain([' ']) {
        match c {
            '"' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => {
                if matches!(word.as_str(), "#" | ">" | "|" | "&&") {
                    return words;
                }
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            c => word.push(c),
        }
    }
    words
}

/// The commands of ours that a guide names.
fn commands(text: &str) -> Vec<Vec<String>> {
    let shell = blocks(text, "sh");
    let lines = shell.iter().flat_map(|block| block.lines());
    let lines = lines.map(str::to_owned).chain(inline(text));
    lines
        .filter_map(|line| {
            let words = words(&line);
            // `docker exec casebook casebook ask …`, `CASEBOOK_… cargo run -- slack`
            let starts = |i: &usize| {
                words[*i] == "casebook" || words[*i] == "--" && *i > 0 && words[i - 1] == "run"
            };
            let start = (0..words.len()).rev().find(starts)?;
            let is_ours = line.starts_with("casebook ")
                || line.contains("exec casebook ")
                || words[start] == "--";
            let given = words[start + 1..]
                .iter()
                .filter(|word| !word.starts_with('['));
            let given: Vec<String> = given.cloned().collect();
            (is_ours && !given.is_empty()).then(|| [vec!["casebook".to_owned()], given].concat())
        })
        .collect()
}

#[test]
fn every_command_in_the_guides_is_one() {
    let mut seen = 0;
    for (guide, text) in guides() {
        for command in commands(&text) {
            seen += 1;
            let parsed = Cli::try_parse_from(&command).map(drop);
            assert!(
                parsed.is_ok(),
                "{guide}: {command:?}: {}",
                parsed.unwrap_err()
            );
        }
    }
    assert!(seen > 40, "{seen} commands were found");
}

#[test]
fn a_command_that_is_none_would_be_found() {
    let text =
        "```sh\nexport A=b\ncasebook slak manifest > x\n```\nand `casebook doctor` and `casebook`";
    assert_eq!(
        commands(text),
        [
            vec!["casebook", "slak", "manifest"],
            vec!["casebook", "doctor"]
        ]
    );
    assert!(Cli::try_parse_from(["casebook", "slak", "manifest"]).is_err());
}

#[test]
fn every_variable_in_the_guides_is_one() {
    for (guide, text) in guides() {
        for part in text.split("CASEBOOK_").skip(1) {
            let name: String = part
                .chars()
                .take_while(|c| c.is_ascii_uppercase() || *c == '_')
                .collect();
            let name = format!("CASEBOOK_{name}");
            assert!(config::is_variable(&name), "{guide}: {name}");
        }
    }
}

#[test]
fn every_configuration_in_the_guides_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("casebook.toml");
    for (guide, text) in guides() {
        for block in blocks(&text, "toml") {
            let block = block.replace("[discord]", "[discord]\ntoken = \"t\"");
            fs_err::write(&file, &block).unwrap();
            let loaded = config::load(Some(&file), None).map(drop);
            assert!(loaded.is_ok(), "{guide}: {:#}", loaded.unwrap_err());
        }
    }
}

#[test]
fn the_guide_for_slack_names_every_scope_and_command() {
    let guide = fs_err::read_to_string(root().join("deploy/slack.md")).unwrap();
    let manifest = casebook_slack::manifest(true, None);
    let scopes = manifest["oauth_config"]["scopes"]["bot"]
        .as_array()
        .unwrap();
    let commands = manifest["features"]["slash_commands"].as_array().unwrap();
    let commands = commands.iter().map(|command| &command["command"]);
    for name in scopes.iter().chain(commands) {
        let name = name.as_str().unwrap();
        assert!(guide.contains(&format!("`{name}")), "{name}");
    }
}
