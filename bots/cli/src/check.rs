//! The page of `casebook check` for the terminal.

use casebook_core::CheckPage;

use crate::page::from_file;

/// The verdict in words: of the worst finding, whatever it is about.
fn verdict(check: &CheckPage) -> &'static str {
    let pairs = check.pairs.iter().any(|p| p.verdict == check.verdict);
    let add_ons = check.add_ons.iter().any(|a| a.verdict == check.verdict);
    match check.verdict {
        "pass" => "No edit applies",
        "fail" if pairs => "An edit applies, and no modifier bypasses it",
        "fail" if add_ons => "An add-on code is there without a primary code",
        "fail" => "There are more units than are paid",
        "bypassable" if pairs => {
            "An edit applies; a modifier may bypass it where the record supports it"
        }
        "bypassable" => {
            "There are more units than one line may have; further lines may be paid where the record supports them"
        }
        _ => "No verdict: not everything could be checked, which is not permission",
    }
}

/// The verdict, then what it rests on, then what could not be checked.
pub fn page(check: &CheckPage) -> String {
    let verdict = verdict(check);
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

#[cfg(test)]
mod tests {
    use casebook_core::Setting;
    use casebook_core::check::Units;

    use super::*;

    #[test]
    fn units_alone_are_no_edit() {
        let check = CheckPage {
            as_of: Default::default(),
            setting: Setting::Practitioner,
            verdict: "fail",
            notices: Vec::new(),
            pairs: Vec::new(),
            units: vec![Units {
                code: "0009U".into(),
                mue: Some(2),
                adjudication: None,
                verdict: "fail",
                reason: "0009U: 3 of at most 2.".into(),
                citation: None,
            }],
            add_ons: Vec::new(),
            unchecked: vec!["Add-on codes: no edition is loaded.".into()],
        };
        let shown = page(&check);
        assert!(
            shown.starts_with("There are more units than are paid (practitioner"),
            "{shown}"
        );
        assert!(shown.contains("not checked: Add-on codes"), "{shown}");
    }
}
