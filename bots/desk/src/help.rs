//! What Casebook says about itself.

/// A kind of question, with an example.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Topic {
    /// Its name, for a heading or a suggested prompt's title.
    pub name: &'static str,
    /// A question that Casebook answers.
    pub example: &'static str,
}

/// The seven topics, for help and suggested prompts.
pub const TOPICS: [Topic; 7] = [
    Topic {
        name: "CPT codes",
        example: "What is CPT code 99213?",
    },
    Topic {
        name: "Guidelines",
        example: "When is hypertension coded together with chronic kidney disease?",
    },
    Topic {
        name: "Modifiers",
        example: "When is modifier 25 appended?",
    },
    Topic {
        name: "Crosswalks",
        example: "What does ICD-9-CM 724.2 map to?",
    },
    Topic {
        name: "NCCI edits",
        example: "Can 77003 be billed with 62323?",
    },
    Topic {
        name: "Compliance",
        example: "What is upcoding?",
    },
    Topic {
        name: "Medicare coverage",
        example: "Does Medicare cover epidural steroid injections?",
    },
];

/// What Casebook can do, as parts that a renderer arranges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Help {
    /// What it is, in two sentences.
    pub intro: &'static str,
    /// How to ask.
    pub how: &'static str,
    /// Kinds of questions.
    pub topics: &'static [Topic],
    /// What to leave out.
    pub privacy: &'static str,
}

/// The help.
pub fn help() -> Help {
    Help {
        intro: "Casebook answers coding questions from the official sources that are loaded here. Each line of an answer \
                is quoted or computed from a dated source, and says which; where the sources are silent, it says so.",
        how: "Ask in words, or name codes. In a channel mention me; in a thread of mine a follow-up question is read with the \
              earlier ones. /ask, /code, /codes, /check and /case are answered to you alone, and you can share the answer.",
        topics: &TOPICS,
        privacy: "Please leave out names, dates of birth, record numbers and whatever else identifies a patient. Where I \
                  see such details I ask you first, and keep nothing of the message.",
    }
}
