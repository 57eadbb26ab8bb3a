//! Discord's markup to plain text: what a person typed, as the person read it.

use serenity::all::{Timestamp, UserId};

/// Markup that comes in pairs, longest first.
const PAIRS: [&str; 7] = ["***", "**", "*", "__", "_", "~~", "||"];

/// `text` without Discord's markup: formatting is dropped, code keeps its text as it is, and
/// references become words. Mentions of `bot` vanish, since they only say whom the message is for;
/// those of others become `@user`, because a name is no part of a question.
pub(crate) fn plain(text: &str, bot: UserId) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    // Code comes first: nothing inside it is markup.
    while let Some((before, code, after)) = next_code(rest) {
        formatted(before, bot, &mut out);
        out.push_str(code);
        rest = after;
    }
    formatted(rest, bot, &mut out);
    out.trim().to_owned()
}

/// The next code span or block: what stands before it, its text, and what follows.
fn next_code(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    while let Some(at) = text[from..].find('`').map(|i| from + i) {
        let ticks = text[at..].len() - text[at..].trim_start_matches('`').len();
        let escaped = text[..at].bytes().rev().take_while(|b| *b == b'\\').count() % 2 == 1;
        let fence = &text[at..at + ticks];
        let inner = &text[at + ticks..];
        match inner.find(fence) {
            Some(end) if !escaped && end > 0 => {
                let code = &inner[..end];
                let code = if ticks >= 3 {
                    without_language(code)
                } else {
                    code
                };
                return Some((&text[..at], code, &inner[end + ticks..]));
            }
            _ => from = at + ticks,
        }
    }
    None
}

/// A block's first line names a language where it is one word and a line follows.
fn without_language(code: &str) -> &str {
    match code.split_once('\n') {
        Some((first, block))
            if first
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+-_.#".contains(c)) =>
        {
            block
        }
        _ => code,
    }
    .trim_matches('\n')
}

/// Appends `text`, which holds no code, without its markup.
fn formatted(text: &str, bot: UserId, out: &mut String) {
    let mut rest = text;
    let mut line_start = out.is_empty() || out.ends_with('\n');
    while let Some(c) = rest.chars().next() {
        if line_start {
            // Quotes and headings; lists keep their dashes, which also read as plain text.
            rest = [">>> ", "> ", "-# ", "### ", "## ", "# "]
                .iter()
                .find_map(|mark| rest.strip_prefix(mark))
                .unwrap_or(rest);
            line_start = false;
            continue;
        }
        if let Some(after) = rest.strip_prefix('\\')
            && let Some(escaped) = after
                .chars()
                .next()
                .filter(|c| !c.is_alphanumeric() && !c.is_whitespace())
        {
            out.push(escaped);
            rest = &after[escaped.len_utf8()..];
        } else if let Some((word, after)) = reference(rest, bot) {
            out.push_str(&word);
            rest = after;
        } else if let Some((inner, after)) = pair(rest, out.chars().next_back()) {
            formatted(inner, bot, out);
            rest = after;
        } else {
            out.push(c);
            line_start = c == '\n';
            rest = &rest[c.len_utf8()..];
        }
    }
}

/// A reference in angle brackets at the start of `text`, as words, and what follows it.
fn reference(text: &str, bot: UserId) -> Option<(String, &str)> {
    let (inside, after) = text.strip_prefix('<')?.split_once('>')?;
    let number = |s: &str| s.parse::<u64>().ok();
    let word = if let Some(role) = inside.strip_prefix("@&") {
        number(role).map(|_| "@role".into())?
    } else if let Some(user) = inside
        .strip_prefix("@!")
        .or_else(|| inside.strip_prefix('@'))
    {
        if number(user)? == bot.get() {
            String::new()
        } else {
            "@user".into()
        }
    } else if let Some(channel) = inside.strip_prefix('#') {
        number(channel).map(|_| "#channel".into())?
    } else if let Some(time) = inside.strip_prefix("t:") {
        // The day in UTC: a date of service is what a question can use of it.
        // Not from_unix_timestamp: serenity multiplies unchecked there.
        let seconds: i64 = time.split(':').next()?.parse().ok()?;
        Timestamp::from_millis(seconds.checked_mul(1000)?)
            .ok()?
            .to_string()
            .get(..10)?
            .to_owned()
    } else if let Some(command) = inside.strip_prefix('/') {
        let (name, id) = command.split_once(':')?;
        number(id).map(|_| format!("/{name}"))?
    } else {
        let emoji = inside
            .strip_prefix("a:")
            .or_else(|| inside.strip_prefix(':'))?;
        let (name, id) = emoji.split_once(':')?;
        number(id).map(|_| format!(":{name}:"))?
    };
    Some((word, after))
}

/// Text between a pair of marks at the start of `text`, and what follows. `5 * 3 * 2` and
/// `some_file_name` hold no pair: marks cling to what they enclose, and `_` stands outside words.
fn pair(text: &str, before: Option<char>) -> Option<(&str, &str)> {
    let mark = PAIRS.iter().find(|mark| text.starts_with(**mark))?;
    let inner = &text[mark.len()..];
    let clings = |c: Option<char>| c.is_some_and(|c| !c.is_whitespace());
    let in_word = |c: Option<char>| mark.starts_with('_') && c.is_some_and(char::is_alphanumeric);
    if !clings(inner.chars().next()) || in_word(before) {
        return None;
    }
    inner
        .match_indices(mark)
        .map(|(end, _)| end)
        .find_map(|end| {
            let (enclosed, after) = (&inner[..end], &inner[end + mark.len()..]);
            let closes = clings(enclosed.chars().next_back())
                && !enclosed.ends_with('\\')
                && !in_word(after.chars().next());
            closes.then_some((enclosed, after))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(typed: &str, plain_text: &str) {
        assert_eq!(plain(typed, UserId::new(77)), plain_text, "from {typed:?}");
    }

    #[test]
    fn references_become_words() {
        check("<@77> is M54.5 billable?", "is M54.5 billable?");
        check("<@!77> hello <@123> and <@!124>", "hello @user and @user");
        check("<@&9> see <#456>", "@role see #channel");
        check("<:codes:123> <a:spin:456>", ":codes: :spin:");
        check(
            "on <t:1764000000:D> or <t:1764000000>",
            "on 2025-11-24 or 2025-11-24",
        );
        check("use </ask:123>", "use /ask");
    }

    #[test]
    fn what_only_looks_like_a_reference_stays() {
        check("BMI <35 and age >65", "BMI <35 and age >65");
        check(
            "<@abc> <t:x> <https://example.org/a_b_c>",
            "<@abc> <t:x> <https://example.org/a_b_c>",
        );
        check("<t:99999999999999999999>", "<t:99999999999999999999>");
        check("<t:9223372036854775807>", "<t:9223372036854775807>");
    }

    #[test]
    fn formatting_is_dropped() {
        check(
            "**M54.5** and *I10* __x__ ~~y~~ ||secret||",
            "M54.5 and I10 x y secret",
        );
        check("***both*** _under_", "both under");
        check("> quoted\n# Head\n- item", "quoted\nHead\n- item");
        check("||**nested**||", "nested");
    }

    #[test]
    fn what_only_looks_like_formatting_stays() {
        check("5 * 3 * 2", "5 * 3 * 2");
        check("some_file_name.csv", "some_file_name.csv");
        check("M54.5*", "M54.5*");
        check("a || b || c", "a || b || c");
        check("**", "**");
    }

    #[test]
    fn escapes_show_what_they_escape() {
        check(r"\*not bold\* \<@123> \`x\`", "*not bold* <@123> `x`");
        check(r"C:\temp", r"C:\temp");
        check(r"\\", r"\");
    }

    #[test]
    fn code_keeps_its_text() {
        check("`M54.5` and ``a`b``", "M54.5 and a`b");
        check("```\nM54.5 **x**\nI10\n```", "M54.5 **x**\nI10");
        check("```text\nM54.5\n```after", "M54.5after");
        check("```M54.5```", "M54.5");
        check("a ` b", "a ` b");
        check("```", "```");
    }
}
