//! The sentences of an official passage that a question asks about, verbatim.
//!
//! A guideline's section can be a page long; an answer shows the part that fits and names the section for the rest.
//! What is shown is one unbroken piece of the passage, so that the quote stands in its source character for
//! character.

use std::collections::HashSet;

use unicode_segmentation::UnicodeSegmentation;

/// Characters of an excerpt, but that its first sentence is always whole.
pub const LENGTH: usize = 600;

/// Ends of what looks like a sentence and is an abbreviation.
const NO_END: [&str; 12] = [
    "e.g.", "i.e.", "etc.", "vs.", "dr.", "no.", "fig.", "sec.", "ch.", "st.", "approx.", "incl.",
];

/// The unbroken run of sentences that shares most with a question. `stems` turns text into what is compared.
pub fn best<'a>(
    passage: &'a str,
    question: &HashSet<u32>,
    stems: &dyn Fn(&str) -> HashSet<u32>,
) -> &'a str {
    let sentences = sentences(passage);
    let shared: Vec<HashSet<u32>> = sentences
        .iter()
        .map(|(from, to)| {
            stems(&passage[*from..*to])
                .intersection(question)
                .copied()
                .collect()
        })
        .collect();
    let mut best = (0, 0, 0);
    for first in 0..sentences.len() {
        // A word counts once, however often it is said.
        let mut found: HashSet<u32> = HashSet::new();
        for last in first..sentences.len() {
            let length = sentences[last].1 - sentences[first].0;
            if last > first && length > LENGTH {
                break;
            }
            found.extend(&shared[last]);
            // The same words in fewer sentences are the better excerpt, and of two such the earlier.
            let shorter = last - first < best.2 - best.1;
            if found.len() > best.0 || (found.len() == best.0 && best.0 > 0 && shorter) {
                best = (found.len(), first, last);
            }
        }
    }
    let Some(&(from, _)) = sentences.get(best.1) else {
        return passage;
    };
    // Room that is left is filled with what follows: a rule's exceptions stand behind it.
    let mut last = best.2;
    while sentences
        .get(last + 1)
        .is_some_and(|next| next.1 - from <= LENGTH)
    {
        last += 1;
    }
    passage[from..sentences[last].1].trim()
}

/// Where the sentences begin and end, in bytes.
fn sentences(text: &str) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    for (from, piece) in text.split_sentence_bound_indices() {
        let to = from + piece.len();
        match found.last_mut() {
            Some(last) if !ends(&text[last.0..last.1]) => last.1 = to,
            _ => found.push((from, to)),
        }
    }
    found
}

/// Whether a piece is a sentence of its own: neither an abbreviation's end nor a mere number ("1.").
fn ends(piece: &str) -> bool {
    let piece = piece.trim();
    let lower = piece.to_lowercase();
    piece.chars().count() > 12 && !NO_END.iter().any(|a| lower.ends_with(a))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hash::{DefaultHasher, Hash, Hasher};

    fn stems(text: &str) -> HashSet<u32> {
        let words = text.to_lowercase();
        let word = |w: &str| {
            let mut hasher = DefaultHasher::new();
            w.hash(&mut hasher);
            hasher.finish() as u32
        };
        words
            .split(|c: char| !c.is_alphanumeric())
            .filter(|w| w.len() > 3)
            .map(word)
            .collect()
    }

    fn check(passage: &str, question: &str, begins: &str) {
        let got = best(passage, &stems(question), &stems);
        assert!(got.starts_with(begins), "{got}");
        assert!(passage.contains(got) && got.chars().count() <= LENGTH.max(passage.len().min(600)));
    }

    #[test]
    fn the_part_that_is_asked_for() {
        let filler =
            "This sentence speaks of something else at some length, as sections do. ".repeat(6);
        let passage = format!("{filler}Sequence the infection (e.g. sepsis) first. Then the rest.");
        check(
            &passage,
            "sequence of sepsis infection",
            "Sequence the infection (e.g. sepsis) first.",
        );
        check("Short.", "anything", "Short.");
        check("", "anything", "");
        check(&filler, "unrelated", "This sentence");
    }
}
