//! What about a code is asked: its fee, its edits, its coverage. Pure.

/// A thing that tables say about a code, and by which a card is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// What the code is, and whether it can be billed.
    Code,
    /// Instructional notes.
    Notes,
    /// Present-on-admission reporting.
    Poa,
    /// Categories of Medicare's risk adjustment.
    Hcc,
    /// Where the index or a table leads to it.
    Index,
    /// The same in another code set.
    Crosswalk,
    /// When it was added, changed or ended.
    History,
    /// Payment policy indicators: status, global days, bilateral and the like.
    Indicators,
    /// Which modifiers those indicators are about.
    Modifiers,
    /// Medicare's payment amount.
    Fee,
    /// Medically unlikely edits.
    Units,
    /// NCCI procedure-to-procedure edits.
    Edits,
    /// Add-on codes and their primaries.
    AddOn,
    /// Coverage documents.
    Coverage,
    /// What HCPCS says of the code beside its description.
    Attributes,
    /// Rules of manuals, guidelines and the digest.
    Rules,
}

/// Words that ask for a topic, in the order in which they are looked for. A cue of one word must stand as a word.
const CUES: &[(&str, Topic)] = &[
    ("medically unlikely", Topic::Units),
    ("mue", Topic::Units),
    ("mues", Topic::Units),
    ("how many units", Topic::Units),
    ("max units", Topic::Units),
    ("maximum units", Topic::Units),
    ("unit limit", Topic::Units),
    ("units per day", Topic::Units),
    ("add-on", Topic::AddOn),
    ("add on code", Topic::AddOn),
    ("addon", Topic::AddOn),
    ("primary code", Topic::AddOn),
    ("ptp", Topic::Edits),
    ("ncci edit", Topic::Edits),
    ("ncci edits", Topic::Edits),
    ("cci edit", Topic::Edits),
    ("cci edits", Topic::Edits),
    ("bundled with", Topic::Edits),
    ("bundles with", Topic::Edits),
    ("fee", Topic::Fee),
    ("fees", Topic::Fee),
    ("how much does medicare pay", Topic::Fee),
    ("what does medicare pay", Topic::Fee),
    ("reimbursement", Topic::Fee),
    ("payment amount", Topic::Fee),
    ("allowed amount", Topic::Fee),
    ("allowable", Topic::Fee),
    ("price", Topic::Fee),
    ("rvu", Topic::Fee),
    ("rvus", Topic::Fee),
    ("global days", Topic::Indicators),
    ("global period", Topic::Indicators),
    ("postoperative period", Topic::Indicators),
    ("status indicator", Topic::Indicators),
    ("bilateral indicator", Topic::Indicators),
    ("payment indicator", Topic::Indicators),
    ("assistant surgeon", Topic::Indicators),
    ("assistant at surgery", Topic::Indicators),
    ("co-surgeon", Topic::Indicators),
    ("team surgery", Topic::Indicators),
    ("multiple procedure", Topic::Indicators),
    ("supervision level", Topic::Indicators),
    ("physician supervision", Topic::Indicators),
    ("which modifiers", Topic::Modifiers),
    ("what modifiers", Topic::Modifiers),
    ("modifiers apply", Topic::Modifiers),
    ("modifiers of", Topic::Modifiers),
    ("covered", Topic::Coverage),
    ("coverage", Topic::Coverage),
    ("lcd", Topic::Coverage),
    ("ncd", Topic::Coverage),
    ("medical necessity", Topic::Coverage),
    ("medically necessary", Topic::Coverage),
    ("which diagnoses support", Topic::Coverage),
    ("what diagnoses support", Topic::Coverage),
    ("poa", Topic::Poa),
    ("present on admission", Topic::Poa),
    ("hcc", Topic::Hcc),
    ("hccs", Topic::Hcc),
    ("hierarchical condition category", Topic::Hcc),
    ("risk adjustment", Topic::Hcc),
    ("risk adjusted", Topic::Hcc),
    ("risk adjusts", Topic::Hcc),
    ("crosswalk", Topic::Crosswalk),
    ("crosswalks", Topic::Crosswalk),
    ("icd-9", Topic::Crosswalk),
    ("icd9", Topic::Crosswalk),
    ("icd 9", Topic::Crosswalk),
    ("gem", Topic::Crosswalk),
    ("gems", Topic::Crosswalk),
    ("equivalent", Topic::Crosswalk),
    ("maps to", Topic::Crosswalk),
    ("map to", Topic::Crosswalk),
    ("changed", Topic::History),
    ("history", Topic::History),
    ("when was", Topic::History),
    ("new code", Topic::History),
    ("replaced", Topic::History),
    ("previous code", Topic::History),
    ("deleted", Topic::History),
    ("effective date", Topic::History),
    ("index entry", Topic::Index),
    ("index entries", Topic::Index),
    ("alphabetic index", Topic::Index),
];

/// The topics that a question's words ask for, the first cue first.
pub fn asked(words: &str) -> Vec<Topic> {
    let text = format!(" {} ", plain(words));
    let mut topics = Vec::new();
    for (cue, topic) in CUES {
        if text.contains(&format!(" {} ", plain(cue))) && !topics.contains(topic) {
            topics.push(*topic);
        }
    }
    topics
}

/// The words, in lower case, of the cues that a question's words hold.
pub(crate) fn cue_words(words: &str) -> Vec<&'static str> {
    let text = format!(" {} ", plain(words));
    CUES.iter()
        .filter(|(cue, _)| text.contains(&format!(" {} ", plain(cue))))
        .flat_map(|(cue, _)| cue.split(' '))
        .collect()
}

/// Lower-case words with one space between them.
fn plain(text: &str) -> String {
    let words = text.to_lowercase();
    let words: Vec<&str> = words
        .split(|c: char| !(c.is_alphanumeric() || c == '-'))
        .filter(|w| !w.is_empty())
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_of_questions() {
        for (text, expected) in [
            ("what is the MUE for ?", vec![Topic::Units]),
            ("fee for in Manhattan", vec![Topic::Fee]),
            (
                "is covered in Texas, and what is the fee?",
                vec![Topic::Fee, Topic::Coverage],
            ),
            ("coffee", vec![]),
            ("ICD-9 equivalent of", vec![Topic::Crosswalk]),
            ("global days of", vec![Topic::Indicators]),
            ("what is it", vec![]),
        ] {
            assert_eq!(asked(text), expected, "{text}");
        }
    }
}
