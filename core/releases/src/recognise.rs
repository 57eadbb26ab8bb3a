//! What a file is, by its content.
//!
//! Each family of files has a `recognise` of its own beside its parser; this module asks them in turn. A file that
//! nobody recognises is not guessed at.

use crate::edition::Found;
use crate::member::{Form, Member};
use crate::table::{self, Separator};

/// What the recognisers look at: the beginning of a file, read once.
pub struct Look<'a> {
    /// The file.
    pub member: &'a Member,
    /// The first 64 KB as text; empty for binary forms.
    pub text: String,
    /// The first 30 rows of a workbook, or of text read as CSV or as tab separated (whichever has more columns).
    pub rows: Vec<Vec<String>>,
}

impl<'a> Look<'a> {
    /// Reads a file's beginning.
    pub fn at(member: &'a Member) -> Self {
        const ROWS: usize = 30;
        let text = member.head_text();
        let rows = match member.form {
            Form::Workbook => table::head(member, Separator::Comma, ROWS),
            Form::Text => {
                let widest =
                    |rows: &[Vec<String>]| rows.iter().map(Vec::len).max().unwrap_or_default();
                let (commas, tabs) = (
                    table::head(member, Separator::Comma, ROWS),
                    table::head(member, Separator::Tab, ROWS),
                );
                if widest(&tabs) >= widest(&commas) {
                    tabs
                } else {
                    commas
                }
            }
            _ => Vec::new(),
        };
        Self { member, text, rows }
    }
}

type Recogniser = fn(&Look<'_>) -> Option<Found>;

/// In this order: the more particular first.
const RECOGNISERS: &[Recogniser] = &[
    crate::tabular::recognise,
    crate::ncci::recognise,
    crate::hcpcs::recognise,
    crate::hcpcs::recognise_notes,
    crate::hcpcs::recognise_noc,
    crate::relative_values::recognise,
    crate::gpci::recognise,
    crate::localities::recognise,
    crate::anesthesia::recognise,
    crate::opps_cap::recognise,
    crate::fixed::recognise,
    crate::icd10cm_index::recognise,
    crate::icd10pcs_tables::recognise,
    crate::icd10pcs_definitions::recognise,
    // A mapping's line could be a code file's with an odd title.
    crate::gem::recognise,
    crate::icd10_order::recognise,
    crate::icd10_addenda::recognise,
    crate::icd9::recognise,
    crate::conversion::recognise,
    crate::poa::recognise,
    crate::hcc::recognise,
    crate::coverage::recognise,
    crate::document::recognise,
    // By shape alone, and so after all that has headings.
    crate::cpt::recognise,
    crate::cpt::recognise_modifiers,
];

/// What a file holds; `None` where no recogniser knows it.
pub fn recognise(member: &Member) -> Option<Found> {
    let look = Look::at(member);
    RECOGNISERS.iter().find_map(|recognise| recognise(&look))
}
