//! Slack's markup as the plain text that a person meant.
//!
//! Slack sends `&`, `<` and `>` of the text as entities and its own references in angle brackets, so an
//! angle bracket that stands for itself cannot be mistaken for a reference. Slash commands arrive partly
//! without that, so what only looks like a reference stays as it is.

/// Turns the `text` of an event or a command into plain text.
///
/// Mentions of the user `me` vanish, since they only say whom the message is for; other references
/// become the words that Slack shows for them. Marks of bold, italic, strike and code vanish; typographic
/// quotes and no-break spaces become plain ones.
pub(crate) fn plain_text(text: &str, me: &str) -> String {
    let mut words = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        words.push_str(&rest[..start]);
        rest = &rest[start..];
        let reference = rest[1..]
            .split_once('>')
            .and_then(|(inner, after)| Some((shown(inner, me)?, after)));
        match reference {
            Some((label, after)) => {
                words.push_str(label);
                rest = after;
            }
            None => {
                words.push('<');
                rest = &rest[1..];
            }
        }
    }
    words.push_str(rest);
    // `&amp;` last: "&amp;lt;" is the text "&lt;".
    let words = unmark(&words)
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
    let straight: String = words.chars().map(straighten).collect();
    straight.trim().to_owned()
}

/// What Slack shows for the reference `<inner>`; nothing where it is none.
fn shown<'a>(inner: &'a str, me: &str) -> Option<&'a str> {
    let (target, label) = match inner.split_once('|') {
        Some((target, label)) => (target, Some(label)),
        None => (inner, None),
    };
    let id = |rest: &str| {
        !rest.is_empty()
            && rest
                .chars()
                .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
    };
    match target.chars().next()? {
        '@' if target[1..] == *me => Some(""),
        // An id without a label means nothing to a reader.
        '@' | '#' if id(&target[1..]) => Some(label.unwrap_or_default()),
        // <!here>, <!subteam^S1|@coders>, <!date^1^{date}|July 1>
        '!' if target[1..].starts_with(|c: char| c.is_ascii_lowercase()) => {
            Some(label.unwrap_or_default())
        }
        _ => ["https://", "http://", "mailto:", "tel:"]
            .iter()
            .any(|scheme| target.starts_with(scheme))
            .then_some(label.unwrap_or(target)),
    }
}

/// Removes marks that format: backticks anywhere, and `*`, `_`, `~` where they enclose words.
fn unmark(text: &str) -> String {
    let chars: Vec<char> = text.chars().filter(|c| *c != '`').collect();
    let mut marks = vec![false; chars.len()];
    for mark in ['*', '_', '~'] {
        let mut open = None;
        for (i, c) in chars.iter().enumerate() {
            let before = i.checked_sub(1).map(|i| chars[i]);
            let after = chars.get(i + 1).copied();
            if *c == '\n' {
                open = None;
            } else if *c != mark {
                continue;
            } else if let Some(start) = open
                && i > start + 1
                && before.is_some_and(|c| !c.is_whitespace())
                && after.is_none_or(|c| !c.is_alphanumeric())
            {
                (marks[start], marks[i]) = (true, true);
                open = None;
            } else if before.is_none_or(|c| !c.is_alphanumeric())
                && after.is_some_and(|c| !c.is_whitespace())
            {
                open = Some(i);
            }
        }
    }
    let kept = chars.iter().zip(marks).filter(|(_, mark)| !mark);
    kept.map(|(c, _)| *c).collect()
}

fn straighten(c: char) -> char {
    match c {
        '\u{2018}' | '\u{2019}' | '\u{201A}' | '\u{2032}' => '\'',
        '\u{201C}' | '\u{201D}' | '\u{201E}' | '\u{2033}' => '"',
        '\u{00A0}' | '\u{202F}' | '\u{2007}' => ' ',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::plain_text;

    fn check(input: &str, expected: &str) {
        assert_eq!(plain_text(input, "UBOT"), expected, "from {input:?}");
    }

    #[test]
    fn references_become_the_words_that_slack_shows() {
        check("<@UBOT> is M54.50 billable?", "is M54.50 billable?");
        check("<@UBOT|casebook>: M54.50", ": M54.50");
        check("M54.50 <@UBOT>", "M54.50");
        check("ask <@U012AB3CD|dana> or <@U99>", "ask dana or");
        check("see <#C024BE7LR|general> and <#C1>", "see general and");
        check(
            "<!here> <!subteam^S1|@coders> <!date^1^{date}|July 1>",
            "@coders July 1",
        );
        check(
            "<https://www.cms.gov|cms.gov> <https://x.org>",
            "cms.gov https://x.org",
        );
        check(
            "<mailto:a@b.org|a@b.org> <tel:99213|99213>",
            "a@b.org 99213",
        );
    }

    #[test]
    fn what_only_looks_like_a_reference_stays() {
        check("BP <140 and >90", "BP <140 and >90");
        check("age <@ 5> <> <", "age <@ 5> <> <");
        check("INR <2.0|3.0>", "INR <2.0|3.0>");
        check("<unclosed https://x", "<unclosed https://x");
        check("&lt;@UBOT&gt;", "<@UBOT>");
    }

    #[test]
    fn entities_are_decoded_once() {
        check("R&amp;D &lt;5 &gt;3", "R&D <5 >3");
        check("&amp;lt;", "&lt;");
        check("AT&T &nbsp;", "AT&T &nbsp;");
    }

    #[test]
    fn marks_that_format_vanish_and_others_stay() {
        check("*M54.50* and _E11.9_, ~I10~.", "M54.50 and E11.9, I10.");
        check("`M54.50` ```99213\n99214```", "M54.50 99213\n99214");
        check("*_both_* *<https://www.cms.gov|here>*", "both here");
        check(
            "2 * 3 * 4, snake_case_name, ~5 mg",
            "2 * 3 * 4, snake_case_name, ~5 mg",
        );
        check("*open\nclose*", "*open\nclose*");
        check("**", "**");
    }

    #[test]
    fn typography_becomes_plain() {
        check(
            "\u{201C}back\u{201D} patient\u{2019}s\u{A0}L4",
            "\"back\" patient's L4",
        );
        check("  \n ", "");
    }
}
