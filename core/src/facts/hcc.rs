//! Into which hierarchical condition categories of Medicare's risk adjustment a diagnosis falls.

use crate::Error;
use crate::Kind;
use crate::compose::Draft;
use crate::lookup::Desk;
use crate::tabular::dotted;

/// Adds the categories of a diagnosis; where they were asked for, also that it has none.
pub(crate) fn line(
    desk: &Desk<'_>,
    key: &str,
    asked: bool,
    draft: &mut Draft,
) -> Result<(), Error> {
    let Some(edition) = desk.shelf.on(Kind::Hcc, desk.on) else {
        return Ok(());
    };
    let code = dotted(key);
    let rows = desk.catalog.hccs(edition.id, key)?;
    if rows.is_empty() {
        if asked {
            let quote = format!(
                "{} categories are listed; {code} is not among their diagnoses",
                edition.rows
            );
            let cite = draft.cite_row(edition, "the whole list", &quote);
            draft.line(
                format!(
                    "{code} is in no category of any model that {} {} lists.",
                    edition.source, edition.edition
                ),
                &[cite],
            );
        }
        return Ok(());
    }
    let shown: Vec<String> = rows
        .iter()
        .map(|r| {
            let counts = match r.counts {
                Some(true) => " (counts)",
                Some(false) => " (does not count)",
                None => "",
            };
            format!("{} category {}{counts}", r.model, r.category)
        })
        .collect();
    let quote: Vec<String> = rows
        .iter()
        .map(|r| {
            let counts = match r.counts {
                Some(true) => ", for the payment year: Yes",
                Some(false) => ", for the payment year: No",
                None => "",
            };
            format!("{}: {}{counts}", r.model, r.category)
        })
        .collect();
    let cite = draft.cite_row(edition, &code, &format!("{key}\n{}", quote.join("\n")));
    let name = edition.edition.split(' ').next().unwrap_or_default();
    let payment = name
        .strip_prefix("PY")
        .map_or(String::new(), |year| format!(", payment year {year}"));
    draft.line(
        format!("HCC of {code}{payment}: {}.", shown.join("; ")),
        &[cite],
    );
    Ok(())
}
