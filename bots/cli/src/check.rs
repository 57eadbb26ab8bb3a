//! The page of `casebook check` for the terminal.

use casebook_core::CheckPage;

use crate::page::from_file;

/// The verdict, then what it rests on, then what could not be checked.
pub fn page(check: &CheckPage) -> String {
    let verdict = match check.verdict {
        "pass" => "No edit applies",
        "fail" => "An edit applies, and no modifier bypasses it",
        "bypassable" => "An edit applies; a modifier may bypass it where the record supports it",
        _ => "No verdict: not everything could be checked, which is not permission",
    };
    let mut page = String::new();
    for notice in &check.notices {
        page.push_str(&format!("! {notice}\n"));
    }
    page.push_str(&format!(
        "{verdict} ({}, {}).\n",
        check.setting.label(),
        check.as_of
    ));
    let mut cited = Vec::new();
    let findings = (check.pairs.iter().map(|p| (p.reason.as_str(), &p.citation)))
        .chain(
            check
                .add_ons
                .iter()
                .map(|a| (a.reason.as_str(), &a.citation)),
        )
        .chain(check.units.iter().map(|u| (u.reason.as_str(), &u.citation)));
    for (reason, citation) in findings {
        page.push_str(&format!("  {reason}\n"));
        if let Some(c) = citation {
            let source = format!(
                "{}, {}, {}, effective {}{}\n      {}",
                c.source,
                c.locator,
                c.edition,
                c.effective,
                from_file(c),
                c.url
            );
            if !c.quote.is_empty() {
                page.push_str(&format!("      {}\n", c.quote.replace('\t', "  ")));
            }
            if !cited.contains(&source) {
                cited.push(source);
            }
        }
    }
    for sentence in &check.unchecked {
        page.push_str(&format!("  not checked: {sentence}\n"));
    }
    if !cited.is_empty() {
        page.push_str("Sources\n");
    }
    cited
        .iter()
        .for_each(|source| page.push_str(&format!("  {source}\n")));
    page
}
