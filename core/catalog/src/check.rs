//! What the NCCI tables say of a claim's codes: pairs, units, add-on codes. Pure: [`check`] computes it from the rows
//! that [`crate::Catalog::ncci_facts`] found, and cannot fail.
//!
//! **Silence is no answer.** A pair without a row passes only where a loaded part of the table covers its column 1
//! code; anything else is [`Verdict::NoData`] and a sentence in [`Checked::unchecked`]. The files do not say what they
//! cover, but the publisher splits the table into four parts by column 1 code, in the order of the codes. So a part
//! covers the codes from its first to its last; two loaded neighbours (`f1` and `f2`, say) cover the codes between
//! them; `f1` covers what comes before its first code, and `f4` what comes after its last.
//!
//! **Which edition.** The one in force on the date of service; else the nearest later one, because rows keep the dates
//! from and through which they apply, so that a later file answers for an earlier date; else the latest earlier one,
//! and [`Checked::notices`] says that it is not in force. An edition that does not cover a code leaves it to the next.
//! MUE files keep no history: there a later edition is named as not in force too.
//!
//! **The verdict** of the whole is the worst of its findings: an edit that no modifier bypasses, then one that a
//! modifier may, then what could not be checked. A modifier that is written already does not turn a bypass into a pass:
//! whether the record supports it, no table can tell.

use std::collections::BTreeSet;
use std::str::FromStr;

use casebook_releases::ncci::addon::{AddOnType, CONTRACTOR_DEFINED};
use casebook_releases::ncci::is_code;
use casebook_releases::ncci::mue::Adjudication;
use casebook_releases::ncci::ptp::Indicator;
use casebook_releases::{Kind, Setting};
use chrono::NaiveDate;

use crate::Edition;
use crate::ncci::{AddOnEdit, MueValue, PtpEdit, PtpPart};

/// The modifiers that may bypass a PTP edit with indicator 1, the NCCI PTP-associated modifiers (NCCI Policy Manual,
/// ch. 1, E).
pub const ASSOCIATED: &[&str] = &[
    "24", "25", "27", "57", "58", "59", "78", "79", "91", "E1", "E2", "E3", "E4", "F1", "F2", "F3",
    "F4", "F5", "F6", "F7", "F8", "F9", "FA", "LC", "LD", "LM", "LT", "RC", "RI", "RT", "T1", "T2",
    "T3", "T4", "T5", "T6", "T7", "T8", "T9", "TA", "XE", "XP", "XS", "XU",
];

/// What a finding, or all of them together, comes to. In the order of gravity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// Checked, and nothing applies.
    Pass,
    /// No loaded edition says.
    NoData,
    /// An edit applies, and a modifier (or a further line) may bypass it.
    Bypassable,
    /// An edit applies, and nothing bypasses it.
    Fail,
}

impl Verdict {
    /// The identifier in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::NoData => "no_data",
            Self::Bypassable => "bypassable",
            Self::Fail => "fail",
        }
    }
}

/// One line of a claim.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Line {
    /// CPT or HCPCS Level II code, in upper case.
    pub code: String,
    /// The modifiers written on it, in upper case.
    pub modifiers: Vec<String>,
    /// Units of service; `None` where nobody said, which counts as one.
    pub units: Option<u32>,
}

impl FromStr for Line {
    type Err = &'static str;

    /// `62323`, `62323-59`, `62323-59-LT`, `64483x2`, `64483-RT x2`. Case does not matter.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str =
            "write a code with its modifiers and units, as in 62323, 62323-59 or 64483-RTx2";
        let text = text.trim().to_uppercase();
        let code = text.get(..5).filter(|c| is_code(c)).ok_or(WRONG)?;
        let mut line = Self {
            code: code.to_owned(),
            modifiers: Vec::new(),
            units: None,
        };
        let mut rest = text[5..].trim_start();
        while !rest.is_empty() {
            if let Some(modifier) = rest.strip_prefix(['-', ',']) {
                let modifier = modifier.trim_start();
                let two = modifier
                    .get(..2)
                    .filter(|m| m.bytes().all(|b| b.is_ascii_alphanumeric()))
                    .ok_or(WRONG)?;
                line.modifiers.push(two.to_owned());
                rest = modifier[2..].trim_start();
            } else {
                let units = rest.strip_prefix(['X', '*', '×']).ok_or(WRONG)?;
                let units = units.trim().parse().ok().filter(|n| *n > 0);
                line.units = Some(units.ok_or(WRONG)?);
                rest = "";
            }
        }
        Ok(line)
    }
}

/// What is to be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Its lines. The same code may stand on several.
    pub lines: Vec<Line>,
    /// Date of service.
    pub date: NaiveDate,
    /// Where, which decides the tables.
    pub setting: Setting,
}

/// What the loaded editions hold of a claim's codes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// The editions of PTP, MUE and add-on tables for the claim's setting.
    pub editions: Vec<Edition>,
    /// The column 1 codes of those that are parts of a PTP table.
    pub parts: Vec<PtpPart>,
    /// The rows of the claim's ordered pairs, in all those editions.
    pub edits: Vec<PtpEdit>,
    /// Its codes' MUEs.
    pub mues: Vec<MueValue>,
    /// Its codes' primary codes, where they are add-on codes.
    pub addons: Vec<AddOnEdit>,
    /// The codes that stand in any row of a PTP table, whatever the pair.
    pub named: BTreeSet<String>,
}

/// How an edition stands to the date of service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// In force.
    InForce,
    /// Of a later date.
    Later,
    /// Of an earlier date, and no longer in force.
    Earlier,
}

/// Where a finding stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Citation {
    /// The edition.
    pub edition: Edition,
    /// How that edition stands to the date of service.
    pub standing: Standing,
    /// Where in it.
    pub locator: String,
    /// The row, its fields in the file's own order. Empty where the finding is that there is no row.
    pub quote: String,
}

/// A modifier that is written on one of a pair's codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// On this code.
    pub code: String,
    /// The modifier.
    pub modifier: String,
    /// Whether it would bypass the edit, if the record supports it.
    pub bypasses: bool,
    /// Why, or why not.
    pub why: &'static str,
}

/// What the PTP table says of an ordered pair.
#[derive(Debug, Clone, PartialEq)]
pub struct PairFinding {
    /// The code that would be paid.
    pub column1: String,
    /// The code that would not be paid beside it.
    pub column2: String,
    /// Pass, fail, bypassable or no data.
    pub verdict: Verdict,
    /// The edit, where there is a row: the one that applies, else the one nearest in time.
    pub edit: Option<PtpEdit>,
    /// One sentence.
    pub reason: String,
    /// The modifiers that may bypass the edit; empty unless it is bypassable.
    pub may_bypass: &'static [&'static str],
    /// Modifiers that are written on either code, where an edit applies.
    pub written: Vec<Written>,
    /// Where it stands; `None` without data.
    pub citation: Option<Citation>,
}

/// What the MUE table says of a code's units.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitFinding {
    /// The code.
    pub code: String,
    /// The units that were compared: of its largest line, or of all its lines.
    pub units: u64,
    /// The most units; `None` where units were given and no table says.
    pub mue: Option<u32>,
    /// How they are compared.
    pub adjudication: Option<Adjudication>,
    /// Pass, fail, bypassable or no data.
    pub verdict: Verdict,
    /// One sentence.
    pub reason: String,
    /// Where it stands.
    pub citation: Option<Citation>,
}

/// What the add-on table says of a code that is an add-on code.
#[derive(Debug, Clone, PartialEq)]
pub struct AddOnFinding {
    /// The add-on code.
    pub code: String,
    /// How complete the list of its primary codes is.
    pub kind: AddOnType,
    /// Its listed primary codes on the date of service, in order.
    pub primaries: Vec<String>,
    /// Those that stand on the claim.
    pub present: Vec<String>,
    /// Pass, fail or no data.
    pub verdict: Verdict,
    /// One sentence.
    pub reason: String,
    /// The publisher's special instructions, verbatim.
    pub notes: Vec<String>,
    /// Where it stands.
    pub citation: Citation,
}

/// What [`check`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// The worst of the findings.
    pub verdict: Verdict,
    /// What must be said first: an edition that is not in force on the date. One sentence each.
    pub notices: Vec<String>,
    /// Every ordered pair, in the order of the claim's codes.
    pub pairs: Vec<PairFinding>,
    /// The codes that have an MUE, or whose units cannot be checked.
    pub units: Vec<UnitFinding>,
    /// The add-on codes.
    pub addons: Vec<AddOnFinding>,
    /// What no loaded edition covers. One sentence each.
    pub unchecked: Vec<String>,
    /// Those of the codes whose MUE the loaded edition does not have, because it is not published; each stands in
    /// `unchecked`, too.
    pub unpublished: Vec<String>,
}

/// Holds a claim's codes against the NCCI tables; see the module for the rules.
pub fn check(claim: &Claim, facts: &Facts) -> Checked {
    let mut checked = Checked {
        verdict: Verdict::NoData,
        notices: Vec::new(),
        pairs: Vec::new(),
        units: Vec::new(),
        addons: Vec::new(),
        unchecked: Vec::new(),
        unpublished: Vec::new(),
    };
    let mut codes: Vec<&str> = Vec::new();
    for line in &claim.lines {
        if !codes.contains(&line.code.as_str()) {
            codes.push(&line.code);
        }
    }
    pairs(claim, facts, &codes, &mut checked);
    units(claim, facts, &codes, &mut checked);
    addons(claim, facts, &codes, &mut checked);
    for code in &codes {
        let known = facts.named.contains(*code)
            || facts.mues.iter().any(|m| m.mue.code == *code)
            || facts
                .addons
                .iter()
                .any(|a| a.addon.code == *code || a.addon.primary == *code);
        if !known && !facts.editions.is_empty() {
            checked.unchecked.push(format!(
                "Whether {code} is a code: no row of the loaded NCCI tables names it."
            ));
        }
    }
    // No finding at all is no pass.
    checked.verdict = (checked.pairs.iter().map(|p| p.verdict))
        .chain(checked.units.iter().map(|u| u.verdict))
        .chain(checked.addons.iter().map(|a| a.verdict))
        .max()
        .unwrap_or(Verdict::NoData);
    checked
}

/// The parts of one edition of one table.
struct Group<'f> {
    standing: Standing,
    editions: Vec<&'f Edition>,
}

/// The editions of a kind, the one that answers best first. Parts of one edition stand together; of a part that was
/// loaded twice (as text and as a workbook, say) the later one counts.
fn groups<'f>(facts: &'f Facts, kind: Kind, date: NaiveDate) -> Vec<Group<'f>> {
    let mut groups: Vec<Group<'f>> = Vec::new();
    for edition in facts.editions.iter().filter(|e| e.kind == kind) {
        let same = groups.iter_mut().find(|g| {
            g.editions
                .first()
                .is_some_and(|f| f.effective == edition.effective && f.edition == edition.edition)
        });
        match same {
            Some(group) => group.editions.push(edition),
            None => groups.push(Group {
                standing: standing(edition, date),
                editions: vec![edition],
            }),
        }
    }
    for group in &mut groups {
        group.editions.sort_by_key(|e| std::cmp::Reverse(e.id));
        let mut seen = BTreeSet::new();
        let one_part = kind != Kind::Ptp;
        group
            .editions
            .retain(|e| seen.insert(e.part.as_str()) || (!one_part && e.part.is_empty()));
    }
    groups.sort_by(|a, b| {
        let (x, y) = (a.editions[0], b.editions[0]);
        let rank = |s| match s {
            Standing::InForce => 0,
            Standing::Later => 1,
            Standing::Earlier => 2,
        };
        let nearer = match a.standing {
            Standing::Later => x.effective.cmp(&y.effective),
            _ => y.effective.cmp(&x.effective),
        };
        // A correction of the same date goes before what it corrects: its name is the longer one.
        rank(a.standing)
            .cmp(&rank(b.standing))
            .then(nearer)
            .then(y.edition.cmp(&x.edition))
    });
    groups
}

fn standing(edition: &Edition, date: NaiveDate) -> Standing {
    if edition.in_force(date) {
        Standing::InForce
    } else if edition.effective > date {
        Standing::Later
    } else {
        Standing::Earlier
    }
}

/// That an edition covers a column 1 code.
struct Covering<'f> {
    standing: Standing,
    /// The part to cite.
    edition: &'f Edition,
    part: &'f PtpPart,
    /// The parts in which rows may stand.
    ids: Vec<i64>,
}

impl<'f> Group<'f> {
    /// Whether the loaded parts cover a column 1 code, by the rule of the module.
    fn covers(&self, facts: &'f Facts, code: &str) -> Option<Covering<'f>> {
        let mut parts: Vec<(&'f Edition, &'f PtpPart)> = Vec::new();
        for edition in &self.editions {
            if let Some(part) = facts.parts.iter().find(|p| p.edition == edition.id) {
                parts.push((edition, part));
            }
        }
        let within = |part: &PtpPart| part.first.as_str() <= code && code <= part.last.as_str();
        let ids: Vec<i64> = parts
            .iter()
            .filter(|(_, p)| within(p))
            .map(|(e, _)| e.id)
            .collect();
        let part = |label: &str| parts.iter().find(|(e, _)| e.part == label);
        let cited = parts
            .iter()
            .find(|(_, p)| within(p))
            .or_else(|| part("f1").filter(|(_, p)| code < p.first.as_str()))
            .or_else(|| part("f4").filter(|(_, p)| code > p.last.as_str()))
            .or_else(|| {
                [("f1", "f2"), ("f2", "f3"), ("f3", "f4")]
                    .iter()
                    .find_map(|(low, high)| {
                        let (low, high) = (part(low)?, part(high)?);
                        let between = low.1.last.as_str() < code && code < high.1.first.as_str();
                        between.then_some(low)
                    })
            })?;
        Some(Covering {
            standing: self.standing,
            edition: cited.0,
            part: cited.1,
            ids,
        })
    }
}

fn pairs(claim: &Claim, facts: &Facts, codes: &[&str], checked: &mut Checked) {
    if codes.len() < 2 {
        return;
    }
    let groups = groups(facts, Kind::Ptp, claim.date);
    let coverings: Vec<Option<Covering<'_>>> = codes
        .iter()
        .map(|code| groups.iter().find_map(|g| g.covers(facts, code)))
        .collect();
    for (code, covering) in codes.iter().zip(&coverings) {
        let date = claim.date;
        match covering {
            Some(c) if c.standing == Standing::Earlier => {
                notice(
                    checked,
                    c.edition,
                    date,
                    "edits that began later are not in it",
                );
            }
            Some(_) => {}
            None if claim.setting == Setting::Dme => checked.unchecked.push(format!(
                "PTP edits with {code} in column 1: none are published for DME suppliers."
            )),
            None => checked.unchecked.push(format!(
                "PTP edits with {code} in column 1 ({}, {date}): no loaded part of the table covers them.",
                claim.setting.label()
            )),
        }
    }
    for (i, first) in codes.iter().enumerate() {
        for (j, second) in codes.iter().enumerate().skip(i + 1) {
            for (column1, column2, covering) in [
                (first, second, &coverings[i]),
                (second, first, &coverings[j]),
            ] {
                checked.pairs.push(match covering {
                    Some(covering) => pair(claim, facts, column1, column2, covering),
                    None => PairFinding {
                        column1: (*column1).to_owned(),
                        column2: (*column2).to_owned(),
                        verdict: Verdict::NoData,
                        edit: None,
                        reason: format!(
                            "No loaded part of the PTP table covers {column1} in column 1."
                        ),
                        may_bypass: &[],
                        written: Vec::new(),
                        citation: None,
                    },
                });
            }
        }
    }
}

fn pair(
    claim: &Claim,
    facts: &Facts,
    column1: &str,
    column2: &str,
    covering: &Covering<'_>,
) -> PairFinding {
    let date = claim.date;
    let rows: Vec<&PtpEdit> = facts
        .edits
        .iter()
        .filter(|e| {
            covering.ids.contains(&e.edition) && e.column1 == column1 && e.column2 == column2
        })
        .collect();
    // Two that apply at once would be the publisher's mistake; the stricter one is then the safer answer.
    let active = rows
        .iter()
        .filter(|e| e.active(date))
        .min_by_key(|e| (e.indicator, std::cmp::Reverse(e.effective)));
    // Else the last one that had begun, else the first that will.
    let nearest = active
        .or_else(|| {
            let begun = rows.iter().filter(|e| e.effective <= date);
            begun.max_by_key(|e| e.effective)
        })
        .or_else(|| rows.iter().min_by_key(|e| e.effective))
        .copied();
    let names = format!("column 1 {column1}, column 2 {column2}");
    let cite = |edition: &Edition, locator: String, quote: String| {
        Some(Citation {
            edition: edition.clone(),
            standing: covering.standing,
            locator,
            quote,
        })
    };
    let mut finding = PairFinding {
        column1: column1.to_owned(),
        column2: column2.to_owned(),
        verdict: Verdict::Pass,
        edit: nearest.cloned(),
        reason: format!("No edit has {column1} in column 1 and {column2} in column 2."),
        may_bypass: &[],
        written: Vec::new(),
        citation: None,
    };
    let Some(edit) = nearest else {
        let PtpPart { first, last, .. } = covering.part;
        finding.citation = cite(
            covering.edition,
            format!("no row with {names} (column 1 codes from {first} to {last})"),
            String::new(),
        );
        return finding;
    };
    let edition = facts.editions.iter().find(|e| e.id == edit.edition);
    finding.citation = cite(edition.unwrap_or(covering.edition), names, edit.quote());
    if active.is_none() {
        finding.reason = inactive(edit, date);
        return finding;
    }
    finding.written = written(claim, column1, column2);
    if edit.indicator == Indicator::Allowed {
        finding.verdict = Verdict::Bypassable;
        finding.may_bypass = ASSOCIATED;
    } else {
        finding.verdict = Verdict::Fail;
        for written in finding.written.iter_mut().filter(|w| w.bypasses) {
            written.bypasses = false;
            written.why = "no modifier bypasses an edit with indicator 0";
        }
    }
    finding.reason = format!(
        "{column2} is not paid beside {column1}: indicator {}, {}.",
        edit.indicator.figure(),
        edit.indicator.meaning()
    );
    finding
}

/// Why a row does not apply to a date.
fn inactive(edit: &PtpEdit, date: NaiveDate) -> String {
    let names = format!(
        "The edit with {} in column 1 and {} in column 2",
        edit.column1, edit.column2
    );
    match edit.deletion {
        _ if edit.indicator == Indicator::NotApplicable => {
            format!(
                "{names} was never active (indicator 9, {}).",
                edit.effective
            )
        }
        Some(last) if last < date => {
            format!("{names} was deleted: it applied last on {last}, before {date}.")
        }
        _ => format!("{names} begins on {}, after {date}.", edit.effective),
    }
}

/// From this date on, 59 and X{EPSU} count on either code of a pair; before, on column 2 alone (CMS Change Request
/// 11168).
fn either_column() -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(2019, 7, 1)
}

/// What the modifiers on a pair's codes would do to an edit with indicator 1.
fn written(claim: &Claim, column1: &str, column2: &str) -> Vec<Written> {
    let mut found: Vec<Written> = Vec::new();
    for line in &claim.lines {
        if line.code != column1 && line.code != column2 {
            continue;
        }
        for modifier in &line.modifiers {
            let seen = |w: &Written| w.code == line.code && w.modifier == *modifier;
            if found.iter().any(seen) {
                continue;
            }
            let (bypasses, why) = bypasses(modifier, &line.code, line.code == column2, claim.date);
            found.push(Written {
                code: line.code.clone(),
                modifier: modifier.clone(),
                bypasses,
                why,
            });
        }
    }
    found
}

fn bypasses(modifier: &str, code: &str, on_column2: bool, date: NaiveDate) -> (bool, &'static str) {
    let distinct = matches!(modifier, "59" | "XE" | "XP" | "XS" | "XU");
    if !ASSOCIATED.contains(&modifier) {
        (false, "it is none of the NCCI PTP-associated modifiers")
    } else if distinct && evaluation(code) {
        (
            false,
            "59 and X{EPSU} are not for evaluation and management codes",
        )
    } else if matches!(modifier, "24" | "25" | "57") && procedure(code) {
        (
            false,
            "24, 25 and 57 are for evaluation and management codes",
        )
    } else if distinct && !on_column2 && either_column().is_some_and(|d| date < d) {
        (
            false,
            "before 2019-07-01 it counted on the column 2 code alone",
        )
    } else {
        (true, "it may bypass the edit where the record supports it")
    }
}

/// The evaluation and management section of CPT.
fn evaluation(code: &str) -> bool {
    ("99202"..="99499").contains(&code) && code.bytes().all(|b| b.is_ascii_digit())
}

/// The surgery, radiology and laboratory sections, which hold no evaluation and management. Codes elsewhere may count
/// as such (eye examinations, some G codes), and are left to the reader.
fn procedure(code: &str) -> bool {
    ("10000".."90000").contains(&code) && code.bytes().all(|b| b.is_ascii_digit())
}

fn notice(checked: &mut Checked, edition: &Edition, date: NaiveDate, therefore: &str) {
    let through = edition
        .through
        .map(|d| format!(" through {d}"))
        .unwrap_or_default();
    let text = format!(
        "No {} for {date} are loaded that cover this: the answer rests on edition {}, in force from {}{through}; \
         {therefore}.",
        edition.kind.source(),
        edition.edition,
        edition.effective
    );
    if !checked.notices.contains(&text) {
        checked.notices.push(text);
    }
}

fn units(claim: &Claim, facts: &Facts, codes: &[&str], checked: &mut Checked) {
    let groups = groups(facts, Kind::Mue, claim.date);
    let group = groups.first();
    for code in codes {
        let lines = || claim.lines.iter().filter(|l| l.code == *code);
        let given = |l: &Line| u64::from(l.units.unwrap_or(1));
        let total: u64 = lines().map(given).sum();
        let found = group.and_then(|g| {
            g.editions.iter().find_map(|edition| {
                let value = facts
                    .mues
                    .iter()
                    .find(|m| m.edition == edition.id && m.mue.code == *code)?;
                Some((g.standing, *edition, value))
            })
        });
        let Some((standing, edition, value)) = found else {
            let missing = match group {
                None => format!(
                    "MUE of {code} ({}, {}): no edition is loaded.",
                    claim.setting.label(),
                    claim.date
                ),
                Some(g) => format!(
                    "MUE of {code} ({}): edition {} has none; not every MUE is published.",
                    claim.setting.label(),
                    g.editions[0].edition
                ),
            };
            if group.is_some() {
                checked.unpublished.push((*code).to_owned());
            }
            if total > 1 {
                checked.units.push(UnitFinding {
                    code: (*code).to_owned(),
                    units: total,
                    mue: None,
                    adjudication: None,
                    verdict: Verdict::NoData,
                    reason: format!("No loaded table says how many units of {code} are too many."),
                    citation: None,
                });
            }
            checked.unchecked.push(missing);
            continue;
        };
        if standing != Standing::InForce {
            notice(checked, edition, claim.date, "the values may differ");
        }
        let (most, adjudication) = (value.mue.value, value.mue.adjudication);
        let units = match adjudication {
            Adjudication::Line => lines().map(given).max().unwrap_or_default(),
            Adjudication::DatePolicy | Adjudication::DateClinical => total,
        };
        let (verdict, end) = if units <= u64::from(most) {
            (Verdict::Pass, String::new())
        } else {
            match adjudication {
                // Of a value of zero there is no line that could be paid.
                Adjudication::Line if most > 0 => (
                    Verdict::Bypassable,
                    " Units beyond it may stand on a further line with a modifier that says why.".to_owned(),
                ),
                Adjudication::Line => (Verdict::Fail, String::new()),
                Adjudication::DatePolicy => {
                    (Verdict::Fail, " Nothing bypasses it.".to_owned())
                }
                Adjudication::DateClinical => (
                    Verdict::Fail,
                    " They are denied; on appeal they may be paid where the record shows that they were necessary."
                        .to_owned(),
                ),
            }
        };
        checked.units.push(UnitFinding {
            code: (*code).to_owned(),
            units,
            mue: Some(most),
            adjudication: Some(adjudication),
            verdict,
            reason: format!(
                "{code}: {units} of at most {most}; {}.{end}",
                adjudication.meaning()
            ),
            citation: Some(Citation {
                edition: edition.clone(),
                standing,
                locator: format!("code {code}"),
                quote: value.quote(),
            }),
        });
    }
}

fn addons(claim: &Claim, facts: &Facts, codes: &[&str], checked: &mut Checked) {
    let groups = groups(facts, Kind::AddOn, claim.date);
    let Some(group) = groups.first() else {
        checked.unchecked.push(format!(
            "Add-on codes ({}): no edition is loaded.",
            claim.date
        ));
        return;
    };
    let mut used = None;
    for code in codes {
        let rows: Vec<(&Edition, &AddOnEdit)> = group
            .editions
            .iter()
            .flat_map(|edition| {
                let rows = facts.addons.iter().filter(|a| {
                    a.edition == edition.id && a.addon.code == *code && a.active(claim.date)
                });
                rows.map(|a| (*edition, a))
            })
            .collect();
        let Some((edition, first)) = rows.first().copied() else {
            continue;
        };
        used = Some(edition);
        let mut primaries: Vec<String> = rows
            .iter()
            .map(|(_, a)| a.addon.primary.clone())
            .filter(|p| p != CONTRACTOR_DEFINED)
            .collect();
        primaries.sort();
        primaries.dedup();
        let present: Vec<String> = primaries
            .iter()
            .filter(|p| codes.contains(&p.as_str()))
            .cloned()
            .collect();
        // The loosest of its rows decides whether the list is complete.
        let open = rows
            .iter()
            .find(|(_, a)| {
                a.addon.kind != AddOnType::Complete || a.addon.primary == CONTRACTOR_DEFINED
            })
            .copied();
        let cited = present
            .first()
            .and_then(|p| rows.iter().find(|(_, a)| a.addon.primary == *p).copied())
            .or(open)
            .unwrap_or((edition, first));
        let kind = match open {
            Some((_, a)) if a.addon.primary == CONTRACTOR_DEFINED => AddOnType::ContractorDefined,
            Some((_, a)) => a.addon.kind,
            None => AddOnType::Complete,
        };
        let (verdict, reason) = if let Some(primary) = present.first() {
            (
                Verdict::Pass,
                format!("{code} is an add-on code, and its primary code {primary} is there."),
            )
        } else if kind == AddOnType::Complete {
            (
                Verdict::Fail,
                format!("{code} is an add-on code, and none of its primary codes is there."),
            )
        } else {
            checked.unchecked.push(format!(
                "Whether a primary code of the add-on code {code} is there: {}.",
                kind.meaning()
            ));
            (
                Verdict::NoData,
                format!(
                    "{code} is an add-on code, and none of its listed primary codes is there; {}.",
                    kind.meaning()
                ),
            )
        };
        let mut notes: Vec<String> = Vec::new();
        for (_, a) in &rows {
            if !a.addon.notes.is_empty() && !notes.contains(&a.addon.notes) {
                notes.push(a.addon.notes.clone());
            }
        }
        checked.addons.push(AddOnFinding {
            code: (*code).to_owned(),
            kind,
            primaries,
            present,
            verdict,
            reason,
            notes,
            citation: Citation {
                edition: cited.0.clone(),
                standing: group.standing,
                locator: format!("add-on code {code}, primary code {}", cited.1.addon.primary),
                quote: cited.1.quote(),
            },
        });
    }
    if let (Standing::Earlier, Some(edition)) = (group.standing, used) {
        notice(
            checked,
            edition,
            claim.date,
            "edits that began later are not in it",
        );
    }
}
