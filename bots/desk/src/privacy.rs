//! Patient data in a question: what is seen, what is said, and the question's wait for a choice.

use std::sync::Arc;

use casebook_core::{Intent, Request};
use casebook_note::IdentifierKind;

use crate::desk::HOLD;
use crate::errand::answer_id;
use crate::{Action, AnswerId, Desk, Manner, Person, Question, Warning};

/// A question that waits for the person's choice.
pub(crate) struct Held {
    pub(crate) question: Question,
}

/// A note that was pasted for its codes where nobody else sees it: its identifiers are part of the answer.
pub(crate) fn is_note(request: &Request, manner: Manner) -> bool {
    request.intent == Intent::Case && manner == Manner::Command
}

/// By what a patient could be recognised in a text, in words for people.
pub(crate) fn patient_data(text: &str) -> Vec<&'static str> {
    let mut seen = Vec::new();
    for identifier in casebook_note::identifiers(text) {
        if identifier.is_patient_data() {
            let word = word_for(identifier.kind);
            if !seen.contains(&word) {
                seen.push(word);
            }
        }
    }
    seen
}

fn word_for(kind: IdentifierKind) -> &'static str {
    use IdentifierKind::*;
    match kind {
        Name | Clinician => "a name",
        DateOfBirth => "a date of birth",
        Date => "a date",
        RecordNumber => "a record number",
        AccountNumber => "an account or member number",
        SocialSecurityNumber => "a social security number",
        Phone => "a phone number",
        Fax => "a fax number",
        Email => "an e-mail address",
        Address | Place => "an address",
        Serial => "a serial or licence number",
        Url | IpAddress => "a web address",
        Age => "an age over 89",
    }
}

pub(crate) fn warning(seen: Vec<&'static str>) -> Warning {
    let minutes = HOLD.as_secs() / 60;
    let text = format!(
        "This seems to hold patient data: {}. It was not answered, and nothing of it was stored. If others can see the \
         message, please delete it and ask again without these details. Or choose below: answered as it is, only you \
         see the answer, and still nothing is stored. Until you choose it is held in memory, for {minutes} minutes at \
         most.",
        seen.join(", ")
    );
    Warning { text, seen }
}

/// Holds a question for the person's choice, in memory.
pub(crate) fn hold(desk: &Desk, key: &str, question: &Question) -> Vec<Action> {
    let held = answer_id(key);
    let question = question.clone();
    desk.held
        .insert(held.as_str().to_owned(), Arc::new(Held { question }));
    vec![
        Action::AnswerAnyway { held: held.clone() },
        Action::Drop { held },
    ]
}

/// A held question, for the person who asked it.
pub(crate) fn take_held(desk: &Desk, id: &AnswerId, from: &Person) -> Option<Arc<Held>> {
    let held = desk
        .held
        .get(id.as_str())
        .filter(|held| held.question.from.id == from.id)?;
    desk.held.invalidate(id.as_str());
    Some(held)
}
