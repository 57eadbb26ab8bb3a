//! Buttons: what they do, what they say, and how they fit into the short string that a platform carries for them.
//!
//! A string is `cb1`, a word, and what the button needs, apart by `:`. What a button needs is in the string itself where it
//! fits, so that it works after a restart; else it is the id of an answer, which may be forgotten by then.

use std::fmt;

use casebook_core::code::System;

/// Characters of an encoded action: Discord's limit for a `custom_id`.
pub const LONGEST_ACTION: usize = 100;

const MARK: &str = "cb1";

/// Names an answer below which buttons stand.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AnswerId(pub(crate) String);

impl AnswerId {
    /// As it stands in a button: 16 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let right = text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
        right.then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for AnswerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a button does.
#[derive(Clone, PartialEq, Eq)]
pub enum Action {
    /// Shows an answer's lines from this one on.
    More {
        /// The answer.
        answer: AnswerId,
        /// The first line to show, counted over its lines and further lines.
        from: u16,
    },
    /// Shows a code's card.
    Card {
        /// The code system.
        system: System,
        /// The code.
        code: String,
    },
    /// Asks a question about a code: the form's text is the question.
    AskAbout {
        /// The code system.
        system: System,
        /// The code.
        code: String,
    },
    /// The answer helped.
    Helpful {
        /// The answer.
        answer: AnswerId,
    },
    /// It did not: the form's text is the reason.
    NotHelpful {
        /// The answer.
        answer: AnswerId,
    },
    /// Shows a private answer to the channel.
    Share {
        /// The answer.
        answer: AnswerId,
    },
    /// Asks a question that follows from an answer.
    Related {
        /// The question.
        question: String,
    },
    /// As `Related`, for a question that does not fit into the string.
    RelatedTo {
        /// The answer.
        answer: AnswerId,
        /// Which of its related questions.
        n: u8,
        /// The question, for the label. Not in the string.
        question: String,
    },
    /// Answers a question with patient data after all, keeping nothing.
    AnswerAnyway {
        /// The question that is held.
        held: AnswerId,
    },
    /// Forgets a question with patient data.
    Drop {
        /// The question that is held.
        held: AnswerId,
    },
}

/// What to ask a person for before an action is pressed: a modal with one text field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// Heading, at most 24 characters.
    pub title: &'static str,
    /// The field's label, at most 45 characters.
    pub label: String,
    /// A hint in the empty field, at most 100 characters.
    pub hint: &'static str,
    /// Characters that may be typed.
    pub longest: u16,
    /// Whether the field may be left empty.
    pub optional: bool,
}

impl Action {
    /// As a platform carries it: at most [`LONGEST_ACTION`] characters. Other strings of an adapter's must not begin
    /// with `cb1:`.
    pub fn encode(&self) -> String {
        use Action::*;
        match self {
            More { answer, from } => format!("{MARK}:more:{answer}:{from}"),
            Card { system, code } => format!("{MARK}:card:{}:{code}", system.as_str()),
            AskAbout { system, code } => format!("{MARK}:about:{}:{code}", system.as_str()),
            Helpful { answer } => format!("{MARK}:yes:{answer}"),
            NotHelpful { answer } => format!("{MARK}:no:{answer}"),
            Share { answer } => format!("{MARK}:share:{answer}"),
            Related { question } => format!("{MARK}:ask:{question}"),
            RelatedTo { answer, n, .. } => format!("{MARK}:next:{answer}:{n}"),
            AnswerAnyway { held } => format!("{MARK}:anyway:{held}"),
            Drop { held } => format!("{MARK}:drop:{held}"),
        }
    }

    /// What an encoded action was; none if it is not one of ours.
    pub fn decode(text: &str) -> Option<Self> {
        let (mark, rest) = text.split_once(':')?;
        let (word, rest) = rest.split_once(':')?;
        let answer = || AnswerId::parse(rest);
        let code = || {
            let (system, code) = rest.split_once(':')?;
            let fits = !code.is_empty() && code.len() <= 20;
            fits.then_some((system.parse::<System>().ok()?, code.to_owned()))
        };
        let numbered = || {
            let (answer, n) = rest.split_once(':')?;
            Some((AnswerId::parse(answer)?, n.parse::<u16>().ok()?))
        };
        if mark != MARK {
            return None;
        }
        Some(match word {
            "more" => numbered().map(|(answer, from)| Self::More { answer, from })?,
            "card" => code().map(|(system, code)| Self::Card { system, code })?,
            "about" => code().map(|(system, code)| Self::AskAbout { system, code })?,
            "yes" => Self::Helpful { answer: answer()? },
            "no" => Self::NotHelpful { answer: answer()? },
            "share" => Self::Share { answer: answer()? },
            "ask" if !rest.is_empty() => Self::Related {
                question: rest.to_owned(),
            },
            "next" => {
                let (answer, n) = numbered()?;
                let n = u8::try_from(n).ok()?;
                Self::RelatedTo {
                    answer,
                    n,
                    question: String::new(),
                }
            }
            "anyway" => Self::AnswerAnyway { held: answer()? },
            "drop" => Self::Drop { held: answer()? },
            _ => return None,
        })
    }

    /// A related question: in the string where it fits.
    pub(crate) fn related(answer: &AnswerId, n: usize, question: &str) -> Option<Self> {
        if question.trim().is_empty() {
            return None;
        }
        let whole = Self::Related {
            question: question.to_owned(),
        };
        // Platforms count UTF-16 units or characters; the former are never fewer.
        if whole.encode().encode_utf16().count() <= LONGEST_ACTION {
            return Some(whole);
        }
        let n = u8::try_from(n).ok()?;
        Some(Self::RelatedTo {
            answer: answer.clone(),
            n,
            question: question.to_owned(),
        })
    }

    /// What stands on the button. It may be longer than a platform allows; shorten it there.
    pub fn label(&self) -> String {
        use Action::*;
        match self {
            More { .. } => "More passages".into(),
            Card { code, .. } => format!("Full card of {code}"),
            AskAbout { code, .. } => format!("Ask about {code}"),
            Helpful { .. } => "Helpful".into(),
            NotHelpful { .. } => "Not helpful".into(),
            Share { .. } => "Share to channel".into(),
            Related { question } | RelatedTo { question, .. } => question.clone(),
            AnswerAnyway { .. } => "Answer anyway, nothing is stored".into(),
            Drop { .. } => "Drop".into(),
        }
    }

    /// What to ask for in a modal first, if anything.
    pub fn form(&self) -> Option<Form> {
        match self {
            Self::AskAbout { code, .. } => Some(Form {
                title: "Ask about this code",
                label: format!("Your question about {code}"),
                hint: "Which modifiers go with it? No names or record numbers, please.",
                longest: 1000,
                optional: false,
            }),
            Self::NotHelpful { .. } => Some(Form {
                title: "Not helpful",
                label: "What was missing or wrong?".into(),
                hint: "Without names, dates of birth or record numbers, please.",
                longest: 1000,
                optional: true,
            }),
            _ => None,
        }
    }
}

/// Does not print questions.
impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Related { .. } => f.write_str("Related"),
            other => f.write_str(&other.encode()),
        }
    }
}
