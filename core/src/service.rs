//! A procedure, supply, drug or modifier, with everything that is loaded about it.
//!
//! What it is comes from the best text that may be shown: the official description of HCPCS Level II, the licensed one
//! of CPT where an operator loaded it, else our own. That it exists is a fact of tables: a CPT code that no text here
//! describes still has its values and edits.

use casebook_releases::hcpcs::HcpcsRow;
use casebook_releases::relative_values::{self, RelativeValue};
use chrono::NaiveDate;

use crate::Error;
use crate::ask::ICD10CM_BEGINS;
use crate::card::{Card, CardNotes, NEAREST};
use crate::catalog::Edition;
use crate::code::{CodeRef, Status, System};
use crate::compose::Draft;
use crate::digest::Entry as DigestEntry;
use crate::facts;
use crate::lookup::Desk;
use crate::{Kind, topic::Topic};

/// A row of the NCCI tables for the date that names a code.
fn named<'a>(desk: &Desk<'a>, code: &str) -> Result<Option<(&'a Edition, String)>, Error> {
    if let Some(edition) = desk.shelf.for_setting(Kind::Mue, desk.setting, desk.on)
        && let Some(row) = desk.catalog.mue(edition.id, code)?
    {
        return Ok(Some((edition, row.quote())));
    }
    if let Some(edition) = desk.shelf.for_setting(Kind::Ptp, desk.setting, desk.on) {
        for part in desk.shelf.parts(edition) {
            let (first, second) = desk.catalog.ptp_of(part.id, code, desk.on, 1)?;
            if let Some(row) = first.first().or(second.first()) {
                return Ok(Some((part, row.quote())));
            }
        }
    }
    Ok(None)
}

/// A listed code as it is written.
fn written(system: System, entry: &crate::catalog::Entry) -> CodeRef {
    let code = entry.code_ref(system);
    CodeRef {
        code: match system {
            System::Icd9cm => facts::crosswalk::icd9_dotted(&code.code),
            _ => code.code,
        },
        ..code
    }
}

/// A service or modifier that exists somewhere in what is loaded.
pub(crate) struct Service<'a> {
    pub system: System,
    /// In capitals, without modifiers.
    pub code: String,
    /// Our description.
    pub described: Option<&'a DigestEntry>,
    /// Its row in HCPCS Level II.
    pub listed: Option<(&'a Edition, HcpcsRow)>,
    /// Its row in an order file or list of titles: ICD-10-PCS, ICD-9-CM.
    pub titled: Option<(&'a Edition, crate::catalog::Entry)>,
    /// Of a heading, the first billable codes below it; of a code that ended, those that its row refers to.
    pub nearest: Vec<CodeRef>,
    /// Its licensed text, with the notice that must stand beside it.
    pub licensed: Option<(&'a Edition, String, String)>,
    /// Its rows in the fee schedule, the one without a modifier first.
    pub values: Option<(&'a Edition, Vec<RelativeValue>)>,
    /// A row of an NCCI table, or of the mappings, that names it, where nothing else does: with its edition.
    pub named: Option<(&'a Edition, String)>,
}

impl<'a> Service<'a> {
    /// Looks a code up everywhere; `None` where nothing that is loaded knows it.
    pub(crate) fn read(desk: &Desk<'a>, system: System, code: &str) -> Result<Option<Self>, Error> {
        let (shelf, catalog, on) = (desk.shelf, desk.catalog, desk.on);
        let mut service = Self {
            system,
            code: code.to_owned(),
            described: desk.digest.describing(system, code),
            listed: None,
            titled: None,
            nearest: Vec::new(),
            licensed: None,
            values: None,
            named: None,
        };
        match system {
            System::Hcpcs | System::Modifier => {
                if let Some(edition) = shelf.on(Kind::Hcpcs, on) {
                    let row = if system == System::Modifier {
                        catalog.hcpcs_modifier(edition.id, code)?
                    } else {
                        catalog.hcpcs(edition.id, code)?
                    };
                    service.listed = row.map(|row| (edition, row));
                    service.nearest = service.referred(desk)?;
                }
            }
            System::Icd10pcs | System::Icd9cm => {
                if let Some(edition) = shelf.codes(system, on) {
                    let key = code.replace('.', "");
                    service.titled = catalog
                        .entry(edition.id, &key)?
                        .map(|entry| (edition, entry));
                    if service.titled.as_ref().is_some_and(|(_, e)| !e.billable) {
                        let below = catalog.billable_below(edition.id, &key, NEAREST)?;
                        service.nearest = below.iter().map(|e| written(system, e)).collect();
                    }
                }
            }
            System::Icd10cm | System::Cpt | System::Msdrg => {}
        }
        if let Some((text, edition)) = facts::licensed::text(desk, system, code)? {
            service.licensed = Some((edition, text, facts::licensed::notice(desk, edition)?));
        }
        if matches!(system, System::Cpt | System::Hcpcs)
            && let Some(edition) = shelf.on(Kind::RelativeValues, on)
        {
            // Since 2026 there are two files, which differ by the conversion factor; most are paid by this one.
            let mut parts = shelf.parts(edition).into_iter();
            let edition = parts.find(|e| e.part == "nonQPP").unwrap_or(edition);
            let rows = catalog.relative_values(edition.id, code)?;
            service.values = (!rows.is_empty()).then_some((edition, rows));
        }
        let known = service.described.is_some()
            || service.listed.is_some()
            || service.titled.is_some()
            || service.licensed.is_some()
            || service.values.is_some();
        if !known {
            service.named = match system {
                System::Cpt | System::Hcpcs => named(desk, code)?,
                System::Icd9cm => facts::crosswalk::names(desk, code)?,
                _ => None,
            };
        }
        Ok((known || service.named.is_some()).then_some(service))
    }

    /// The codes that a row refers to which has ended: what is billed instead, where something is.
    fn referred(&self, desk: &Desk<'_>) -> Result<Vec<CodeRef>, Error> {
        let Some((edition, row)) = &self.listed else {
            return Ok(Vec::new());
        };
        if self.system != System::Hcpcs || row.terminated.is_none_or(|last| last >= desk.on) {
            return Ok(Vec::new());
        }
        let mut codes = Vec::new();
        for code in &row.cross_references {
            let found = desk.catalog.hcpcs(edition.id, code)?;
            if let Some(other) = found.filter(|o| o.valid_on(desk.on)) {
                codes.push(CodeRef {
                    system: System::Hcpcs,
                    code: other.code,
                    title: other.long,
                    status: Status::Billable,
                });
            }
        }
        Ok(codes)
    }

    /// As an answer names it.
    pub(crate) fn code_ref(&self, on: NaiveDate) -> CodeRef {
        CodeRef {
            system: self.system,
            code: self.written(),
            title: self.title(),
            status: self.status(on),
        }
    }

    fn written(&self) -> String {
        match self.system {
            System::Icd9cm => facts::crosswalk::icd9_dotted(&self.code),
            _ => self.code.clone(),
        }
    }

    /// What it is called. Never the licensed text, which stands only where its notice stands, too.
    fn title(&self) -> String {
        if let Some((_, row)) = &self.listed {
            row.long.clone()
        } else if let Some((_, entry)) = &self.titled {
            entry.title.clone()
        } else {
            self.described.map_or(String::new(), |e| e.title.clone())
        }
    }

    /// Its status in the fee schedule, a letter: the loaded file's, else the digest's.
    fn fee_status(&self) -> Option<char> {
        match (&self.values, self.described) {
            (Some((_, rows)), _) => rows.first().map(|r| r.status),
            (None, Some(entry)) => entry.fee_schedule.as_ref()?.status.chars().next(),
            (None, None) => None,
        }
    }

    /// Why it cannot be billed, as one sentence.
    fn reason(&self, status: Status) -> Option<String> {
        match status {
            Status::NotBillable => {
                let why = self
                    .fee_status()
                    .and_then(|s| Some((s, relative_values::status(s)?.0)));
                Some(why.map_or_else(
                    || "Medicare's fee schedule pays nothing for this code itself.".to_owned(),
                    |(letter, meaning)| {
                        format!("Status {letter} in Medicare's fee schedule ({meaning}).")
                    },
                ))
            }
            Status::Terminated if self.system == System::Icd9cm => Some(format!(
                "ICD-9-CM is for services before {ICD10CM_BEGINS}, when ICD-10-CM began."
            )),
            Status::Terminated => {
                let last = self.listed.as_ref()?.1.terminated?;
                Some(format!("It ended on {last}."))
            }
            Status::Header => Some("A heading: more characters are required.".to_owned()),
            _ => None,
        }
    }

    fn status(&self, on: NaiveDate) -> Status {
        let heading = self.titled.as_ref().is_some_and(|(_, e)| !e.billable);
        if self.system == System::Icd9cm && !heading && on >= ICD10CM_BEGINS {
            return Status::Terminated;
        }
        if let Some((_, row)) = &self.listed
            && row.terminated.is_some_and(|last| last < on)
        {
            return Status::Terminated;
        }
        if let Some((_, entry)) = &self.titled {
            return if entry.billable {
                Status::Billable
            } else {
                Status::Header
            };
        }
        match self.fee_status() {
            // Bundled, or replaced for Medicare by another code: it may not stand on a Medicare claim.
            Some('B' | 'I' | 'P' | 'D' | 'F' | 'G' | 'H') => Status::NotBillable,
            _ => Status::Billable,
        }
    }

    /// What the code is: the best text first, then ours.
    pub(crate) fn headline(&self, desk: &Desk<'_>, draft: &mut Draft) {
        draft.about(Topic::Code);
        let name = format!("{} {}", self.system.label(), self.written());
        if let Some((edition, row)) = &self.listed {
            let cite = draft.cite_row(edition, &self.code, &row.long);
            let state = match row.terminated {
                Some(last) if last < desk.on => {
                    format!(" Ended on {last}: not valid on {}.", desk.on)
                }
                Some(last) => format!(" Valid until {last}."),
                None => String::new(),
            };
            draft.line(
                format!("{name}: {}.{state}", row.long.trim_end_matches('.')),
                &[cite],
            );
        }
        if let Some((edition, entry)) = &self.titled {
            let cite = draft.cite_row(edition, &self.written(), &entry.title);
            let state = match self.status(desk.on) {
                Status::Header => "a heading, not a code",
                Status::Terminated => "for services before 2015-10-01, when ICD-10-CM began",
                _ => "billable",
            };
            draft.line(format!("{name} {}: {state}.", entry.title), &[cite]);
        }
        if let Some((edition, text, notice)) = &self.licensed {
            let cite = draft.cite_row(edition, &self.code, text);
            draft.line(format!("{name}: {text} ({notice})"), &[cite]);
        }
        if let Some(entry) = self.described {
            let cite = draft.cite_digest(desk.digest, entry);
            let title = entry.title.trim_end_matches('.');
            let heading = if title.starts_with(&name) {
                title.to_owned()
            } else {
                format!("{name}: {title}")
            };
            draft.line(format!("{heading}. {}", entry.text), &[cite]);
        } else if self.listed.is_none() && self.titled.is_none() && self.licensed.is_none() {
            self.numbered(draft);
        }
        draft.code(self.code_ref(desk.on));
    }

    /// What the code is, beside what a table in force answered: not where the description would put the dates of an
    /// edition that has ended before that answer.
    pub(crate) fn beside(&self, desk: &Desk<'_>, draft: &mut Draft) {
        let official = self.listed.is_some() || self.titled.is_some() || self.licensed.is_some();
        let ours = self
            .described
            .map(|entry| desk.digest.cite(entry, desk.on).1.in_force);
        if official || ours == Some(true) || draft.is_late() {
            self.headline(desk, draft);
        } else {
            draft.code(self.code_ref(desk.on));
        }
    }

    /// A code that only tables know.
    fn numbered(&self, draft: &mut Draft) {
        if let (System::Icd9cm, Some((edition, quote))) = (self.system, &self.named) {
            let code = self.written();
            let cite = draft.cite_row(edition, &code, quote);
            let text = format!(
                "ICD-9-CM {code} is in the mappings; no list with its title is loaded here."
            );
            draft.line(text, &[cite]);
            return;
        }
        let (edition, locator, quote, place) = match (&self.values, &self.named) {
            (Some((edition, rows)), _) => {
                let quote = rows.first().map(facts::fees::quote).unwrap_or_default();
                (
                    *edition,
                    format!("HCPCS {}", self.code),
                    quote,
                    "in the fee schedule",
                )
            }
            (None, Some((edition, quote))) => (
                *edition,
                self.code.clone(),
                quote.clone(),
                "in the NCCI tables",
            ),
            (None, None) => return,
        };
        let cite = draft.cite_row(edition, &locator, &quote);
        let text = format!(
            "{} {} is {place}; what it describes is the AMA's text, which is not loaded here.",
            self.system.label(),
            self.code
        );
        draft.line(text, &[cite]);
    }

    /// The billable codes next to one that cannot be billed.
    fn nearest_line(&self, draft: &mut Draft) {
        let edition = match (&self.titled, &self.listed) {
            (Some((edition, _)), _) | (None, Some((edition, _))) => *edition,
            (None, None) => return,
        };
        if self.nearest.is_empty() {
            return;
        }
        let named: Vec<String> = self
            .nearest
            .iter()
            .map(|c| format!("{} {}", c.code, c.title))
            .collect();
        let cites: Vec<_> = self
            .nearest
            .iter()
            .map(|c| draft.cite_row(edition, &c.code, &c.title))
            .collect();
        let what = match self.titled {
            Some(_) => "The first billable codes below it",
            None => "Its row refers to",
        };
        draft.line(format!("{what}: {}.", named.join("; ")), &cites);
    }

    /// Everything that tables say of it.
    pub(crate) fn lines(&self, desk: &Desk<'_>, draft: &mut Draft) -> Result<(), Error> {
        self.headline(desk, draft);
        self.nearest_line(draft);
        facts::service(desk, self, None, draft)
    }

    /// The card as JSON.
    pub(crate) fn card(&self, desk: &Desk<'_>) -> Result<Card, Error> {
        let mut draft = Draft::new(desk.on);
        self.lines(desk, &mut draft)?;
        let code = self.code_ref(desk.on);
        let edition = self
            .listed
            .as_ref()
            .map(|(e, _)| *e)
            .or(self.titled.as_ref().map(|(e, _)| *e))
            .or(self.licensed.as_ref().map(|(e, ..)| *e))
            .or(self.named.as_ref().map(|(e, _)| *e));
        let valued = self.values.as_ref().map(|(e, _)| *e);
        let (edition, effective, through, in_force) = match (edition, self.described, valued) {
            (Some(e), ..) | (None, None, Some(e)) => (
                Some(e.edition.clone()),
                Some(e.effective),
                e.through,
                e.in_force(desk.on),
            ),
            (None, Some(entry), _) => {
                let (_, e) = desk.digest.cite(entry, desk.on);
                (Some(e.edition), Some(e.effective), e.through, e.in_force)
            }
            (None, None, None) => (None, None, None, false),
        };
        let reason = self.reason(code.status);
        let (notice, facts, citations) = draft.into_facts();
        let (title, licence) = match &self.licensed {
            Some((_, text, notice)) => (text.clone(), Some(notice.clone())),
            None => (code.title, None),
        };
        Ok(Card {
            system: code.system,
            code: code.code,
            title,
            licence,
            status: code.status,
            reason,
            edition,
            effective,
            through,
            in_force,
            notice,
            notes: CardNotes::default(),
            seventh_characters: Vec::new(),
            below: Vec::new(),
            description: self.described.map(|e| e.text.clone()),
            facts,
            citations,
            near: self.nearest.clone(),
        })
    }
}
