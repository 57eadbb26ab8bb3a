//! `BEHAVIOUR.md` names a test for each thing that the bots keep to: every one is there.

use std::collections::HashMap;
use std::path::Path;

/// Rows of the document's tables: a behaviour, and the tests in backticks.
fn rows(document: &str) -> Vec<(&str, Vec<&str>)> {
    let rows = document.lines().filter_map(|line| {
        let (behaviour, tests) = line.strip_prefix("| ")?.split_once(" | ")?;
        let tests = tests.split('`').skip(1).step_by(2).collect();
        Some((behaviour, tests))
    });
    rows.collect()
}

/// Whether a file holds a test of this name.
fn has_test(source: &str, name: &str) -> bool {
    let Some(at) = source.find(&format!("fn {name}(")) else {
        return false;
    };
    // From the line above upwards: attributes and comments.
    let above = source[..at].rfind('\n').map_or("", |end| &source[..end]);
    let is_head = |line: &&str| line.trim().starts_with("#[") || line.trim().starts_with("//");
    let mut head = above.lines().rev().take_while(is_head);
    head.any(|line| line.contains("#[test]") || line.contains("#[tokio::test"))
}

#[test]
fn every_test_that_is_named_is_there() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = fs_err::read_to_string(here.join("BEHAVIOUR.md")).unwrap();
    let root = here.parent().unwrap();
    let rows = rows(&document);
    assert!(rows.len() > 40, "{} rows", rows.len());
    let mut files: HashMap<&str, String> = HashMap::new();
    let mut missing = Vec::new();
    for (behaviour, tests) in rows {
        assert!(!tests.is_empty(), "no test for {behaviour:?}");
        for test in tests {
            let (file, name) = test.split_once("::").expect("a file and a function");
            let source = files
                .entry(file)
                .or_insert_with(|| fs_err::read_to_string(root.join(file)).unwrap_or_default());
            if !has_test(source, name) {
                missing.push(test);
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn a_test_that_is_not_there_is_missed() {
    let source = "#[test]\nfn one() {}\n\nfn two() {}\n";
    assert!(has_test(source, "one"));
    assert!(!has_test(source, "two") && !has_test(source, "three"));
    assert_eq!(
        rows("| a | `b::c` `d::e` |\n|---|---|\n"),
        [("a", vec!["b::c", "d::e"])]
    );
}
