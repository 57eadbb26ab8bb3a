//! Slack's markup and plain text, both ways. No I/O.

/// What a person typed, as plain text: `<...>` tokens become what the person saw, mentions of people
/// and bots disappear, entities are decoded, typographic quotes become straight ones, and formatting
/// marks around words are dropped.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('<') {
        out.push_str(&unmark(&rest[..open]));
        let inner = &rest[open + 1..];
        // Slack escapes every typed `<`, so one without an end can only come from another sender.
        let Some(close) = inner.find('>') else {
            out.push_str(&unmark(&rest[open..]));
            rest = "";
            break;
        };
        out.push_str(&token(&inner[..close]));
        rest = &inner[close + 1..];
    }
    out.push_str(&unmark(rest));
    straighten(&unescape(&out)).trim().to_owned()
}

/// One `<...>` token as the person saw it.
fn token(inner: &str) -> String {
    let (target, label) = match inner.split_once('|') {
        Some((target, label)) => (target, Some(label)),
        None => (inner, None),
    };
    match target.chars().next() {
        // A name adds nothing to a coding question and points at a person.
        Some('@') => String::new(),
        Some('#') => format!(
            "#{}",
            label.filter(|l| !l.is_empty()).unwrap_or(&target[1..])
        ),
        Some('!') => match label {
            Some(label) => label.to_owned(),
            None => format!("@{}", target[1..].split('^').next().unwrap_or_default()),
        },
        _ => label.filter(|l| !l.is_empty()).unwrap_or(target).to_owned(),
    }
}

/// Drops `*`, `_`, `~` and backticks that stand in pairs around words of one row.
fn unmark(text: &str) -> String {
    text.split('\n')
        .map(unmark_row)
        .collect::<Vec<_>>()
        .join("\n")
}

fn unmark_row(row: &str) -> String {
    let chars: Vec<char> = row.chars().collect();
    let mut drop = vec![false; chars.len()];
    for mark in ['*', '_', '~', '`'] {
        let mut open = None;
        for (i, _) in chars.iter().enumerate().filter(|(_, c)| **c == mark) {
            let before = i.checked_sub(1).and_then(|j| chars.get(j));
            let after = chars.get(i + 1);
            let opens = before.is_none_or(|c| !c.is_alphanumeric())
                && after.is_some_and(|c| !c.is_whitespace());
            let closes = before.is_some_and(|c| !c.is_whitespace())
                && after.is_none_or(|c| !c.is_alphanumeric());
            match open {
                Some(start) if closes => {
                    drop[start] = true;
                    drop[i] = true;
                    open = None;
                }
                None if opens => open = Some(i),
                _ => {}
            }
        }
    }
    chars
        .iter()
        .zip(drop)
        .filter(|(_, d)| !d)
        .map(|(c, _)| *c)
        .collect()
}

/// Decodes the three entities of Slack, once: `&amp;lt;` is the text `&lt;`.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let tail = &rest[at..];
        let (plain, len) = [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>')]
            .into_iter()
            .find(|(entity, _)| tail.starts_with(entity))
            .map_or(('&', 1), |(entity, c)| (c, entity.len()));
        out.push(plain);
        rest = &tail[len..];
    }
    out.push_str(rest);
    out
}

/// Quotes and spaces as keyboards without autocorrection write them.
fn straighten(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\u{201C}' | '\u{201D}' | '\u{201E}' | '\u{2033}' => '"',
            '\u{2018}' | '\u{2019}' | '\u{201A}' | '\u{2032}' => '\'',
            '\u{00A0}' | '\u{202F}' => ' ',
            c => c,
        })
        .collect()
}

/// Length as the platform may count it: UTF-16 units, never fewer than characters.
pub(crate) fn width(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Plain text for a `mrkdwn` object, at most `max` wide, with an ellipsis where it was cut.
///
/// Nothing in it pings or links (`&`, `<`, `>` are escaped) and nothing formats: a mark has a
/// zero-width space on both sides, so it stands neither at a word's edge nor beside a word, whichever
/// way Slack counts that space. An escape is written whole or not at all.
pub(crate) fn escape(text: &str, max: usize) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut used = 0;
    // Where the text may still be cut so that the ellipsis fits.
    let mut last_fit = 0;
    let mut row_start = true;
    for c in text.chars() {
        let mut buffer = [0; 4];
        let piece: &str = match c {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' if row_start => "\u{200B}&gt;",
            '>' => "&gt;",
            '*' => "\u{200B}*\u{200B}",
            '_' => "\u{200B}_\u{200B}",
            '~' => "\u{200B}~\u{200B}",
            '`' => "\u{200B}`\u{200B}",
            '\n' => "\n",
            '\t' => " ",
            c if c.is_control() => continue,
            c => c.encode_utf8(&mut buffer),
        };
        let next = used + width(piece);
        if next > max {
            out.truncate(last_fit);
            out.push('…');
            return out;
        }
        out.push_str(piece);
        used = next;
        if used < max {
            last_fit = out.len();
        }
        row_start = c == '\n' || (row_start && c.is_whitespace());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(slack: &str, expected: &str) {
        assert_eq!(plain(slack), expected, "{slack:?}");
    }

    #[test]
    fn tokens_become_what_the_person_saw() {
        check("<@U0BOT> is M54.5 billable?", "is M54.5 billable?");
        check("hey <@U0BOT|casebook>, <@U777> asks", "hey ,  asks");
        check("see <#C024BE7LR|billing> or <#C9>", "see #billing or #C9");
        check(
            "<!here> <!subteam^S1|@coders> <!date^1^{date}|1 Jan>",
            "@here @coders 1 Jan",
        );
        check(
            "<https://www.cms.gov/x?a=1&amp;b=2>",
            "https://www.cms.gov/x?a=1&b=2",
        );
        check(
            "<http://cms.gov|cms.gov> <mailto:a@b.c|a@b.c>",
            "cms.gov a@b.c",
        );
        check("1 < 2 is not closed", "1 < 2 is not closed");
        check("<>", "");
    }

    #[test]
    fn entities_are_decoded_once() {
        check("age &lt; 18 &amp; &gt; 5", "age < 18 & > 5");
        check("&amp;lt; &copy; &", "&lt; &copy; &");
    }

    #[test]
    fn quotes_are_straight_and_pairs_of_marks_are_gone() {
        check(
            "\u{201C}low back pain\u{201D} isn\u{2019}t",
            "\"low back pain\" isn't",
        );
        check(
            "*M54.50* and `Z79.4`, _why_ ~no~",
            "M54.50 and Z79.4, why no",
        );
        check(
            "M54* or 5 * 3 or snake_case_x",
            "M54* or 5 * 3 or snake_case_x",
        );
        check("```M54.50```", "M54.50");
        check("a*\n*b", "a*\n*b");
    }

    #[test]
    fn escaped_text_neither_pings_nor_formats() {
        assert_eq!(
            escape("<!channel> & <@U1>", 99),
            "&lt;!channel&gt; &amp; &lt;@U1&gt;"
        );
        assert_eq!(escape("> q", 99), "\u{200B}&gt; q");
        assert_eq!(escape("a\u{7}\tb\r\n", 99), "a b\n");
    }

    #[test]
    fn a_cut_keeps_entities_whole_and_says_so() {
        for max in 1..40 {
            let cut = escape("ab&<>&😀cd*e&&&&", max);
            assert!(width(&cut) <= max, "{cut:?} {max}");
            let bare = cut
                .replace("&amp;", "")
                .replace("&lt;", "")
                .replace("&gt;", "");
            assert!(!bare.contains('&'), "{cut:?}");
        }
        assert_eq!(escape("abc", 3), "abc");
        assert_eq!(escape("abcd", 3), "ab…");
    }
}
