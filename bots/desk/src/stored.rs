//! A question as it is kept, encrypted, until it has its reply.

use casebook_core::{Intent, Request, Setting};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{Manner, Person, Question, Spot, Wish};

#[derive(Serialize, Deserialize)]
struct Stored {
    key: String,
    address: String,
    intent: Intent,
    text: String,
    as_of: Option<NaiveDate>,
    setting: Option<Setting>,
    about: Vec<String>,
    from: Person,
    at: Spot,
    manner: Manner,
}

/// As a text; only questions that want an answer are kept.
pub(crate) fn stored(question: &Question) -> Option<String> {
    let Wish::Ask(request) = &question.wish else {
        return None;
    };
    let stored = Stored {
        key: question.key.clone(),
        address: question.address.clone(),
        intent: request.intent,
        text: request.text.clone(),
        as_of: request.as_of,
        setting: request.setting,
        about: request.about.clone(),
        from: question.from.clone(),
        at: question.at.clone(),
        manner: question.manner,
    };
    serde_json::to_string(&stored).ok()
}

/// What [`stored`] made a text of.
pub(crate) fn restored(text: &str) -> Option<Question> {
    let stored: Stored = serde_json::from_str(text).ok()?;
    Some(Question {
        key: stored.key,
        address: stored.address,
        wish: Wish::Ask(Request {
            intent: stored.intent,
            text: stored.text,
            as_of: stored.as_of,
            setting: stored.setting,
            about: stored.about,
            ..Request::default()
        }),
        from: stored.from,
        at: stored.at,
        manner: stored.manner,
    })
}
