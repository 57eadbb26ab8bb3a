//! What numbers, habits and drugs of a note tell: body mass index, weeks of gestation, extent of burns, tobacco,
//! long-term drugs, and how an injury came about.
//!
//! None of it is a diagnosis, so it is only to be considered, until a diagnosis asks for it ("use additional code …") or
//! the note says itself what the code says.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

use casebook_note::{Assertion, SectionKind, Tobacco};
use regex::Regex;

use super::find::Finder;
use super::{Aside, Because, Finding, Making, Rank, Read, Reason};
use crate::Error;
use crate::catalog::Entry;

/// Drugs by their class, in the words of the code set: a name, a tab, the title.
const DRUGS: &str = include_str!("../../lexicon/long_term_drugs.tsv");

static CLASSES: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    DRUGS
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('\t'))
        .collect()
});

static BMI: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:bmi|body mass index)\b[^\d\n]{0,20}(\d{2}(?:\.\d{1,2})?)\b").ok()
});

static SURFACE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i)\b(?:tbsa|body surface(?: area)?)\b[^\d\n]{0,15}(?P<a>\d{1,3}(?:\.\d)?) ?(?:%|percent)|\b(?P<b>\d{1,3}(?:\.\d)?) ?(?:%|percent) (?:of )?(?:the )?(?:total )?(?:tbsa|body surface)",
    )
    .ok()
});

static THIRD: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:third|3rd)[- ]degree\b[^\d\n]{0,12}(\d{1,3}(?:\.\d)?) ?(?:%|percent)")
        .ok()
});

/// `45.0-49.9`, `70 or greater`, `less than 10%`, `0% to 9%`.
static SPAN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i)(?P<from>\d+(?:\.\d+)?)%? ?(?:-|to) ?(?P<to>\d+(?:\.\d+)?)|(?P<least>\d+(?:\.\d+)?)%? or (?:greater|more)|(?P<most>\d+(?:\.\d+)?)%? or less|less than (?P<below>\d+(?:\.\d+)?)",
    )
    .ok()
});

/// The numbers that the spans of a title hold, one after the other.
fn spans(title: &str) -> Vec<(f32, f32)> {
    let Some(pattern) = SPAN.as_ref() else {
        return Vec::new();
    };
    pattern
        .captures_iter(title)
        .filter_map(|c| {
            let number = |name: &str| c.name(name).and_then(|m| m.as_str().parse::<f32>().ok());
            if let (Some(from), Some(to)) = (number("from"), number("to")) {
                return Some((from, to));
            }
            if let Some(least) = number("least") {
                return Some((least, f32::MAX));
            }
            if let Some(most) = number("most") {
                return Some((0.0, most));
            }
            number("below").map(|below| (0.0, below - 0.1))
        })
        .collect()
}

/// Whether a span of a title, given to as many decimals as it is printed with, holds a number.
fn holds(span: (f32, f32), value: f32) -> bool {
    let fine = span.1.fract() != 0.0 || span.0.fract() != 0.0;
    let value = if fine {
        (value * 10.0 + 1e-3).floor() / 10.0
    } else {
        value.floor()
    };
    span.0 <= value && value <= span.1 + 1e-3
}

/// Adds all of it.
pub(super) fn add<'a>(
    making: &mut Making<'a>,
    finder: &mut Finder<'a>,
    read: &Read<'_>,
) -> Result<(), Error> {
    let mut told = Told {
        making,
        finder,
        read,
    };
    told.bmi()?;
    told.weeks()?;
    told.surface()?;
    told.tobacco()?;
    told.drugs()
}

struct Told<'t, 'a, 'n> {
    making: &'t mut Making<'a>,
    finder: &'t mut Finder<'a>,
    read: &'t Read<'n>,
}

impl Told<'_, '_, '_> {
    fn found(&mut self, code: Entry, rank: Rank, range: Range<usize>, why: &str, rule: &str) {
        if self.read.hidden.touches(&range) || !code.billable {
            return;
        }
        let reason = (rank == Rank::Consider).then(|| Reason {
            text: why.to_owned(),
            source: self.making.guideline(rule, why),
        });
        self.making.findings.add(Finding {
            code,
            rank,
            sure: true,
            said: Vec::new(),
            evidence: vec![range],
            assessed: false,
            generic: false,
            reason,
            sources: Vec::new(),
        });
    }

    /// The leaf below a heading whose first span holds a number and whose second one, if any, holds another.
    fn leaf(&mut self, heading: &Entry, first: f32, second: f32) -> Result<Option<Entry>, Error> {
        let catalog = self.finder.desk.catalog;
        let leaves = catalog.billable_below(self.finder.edition.id, &heading.key, 200)?;
        Ok(leaves.into_iter().find(|leaf| {
            let spans = spans(&leaf.title);
            !leaf.title.to_lowercase().contains("pediatric")
                && spans.first().is_some_and(|s| holds(*s, first))
                && spans.get(1).is_none_or(|s| holds(*s, second))
        }))
    }

    fn bmi(&mut self) -> Result<(), Error> {
        let text = self.read.note.text();
        let Some(found) = BMI.as_ref().and_then(|p| p.captures(text)) else {
            return Ok(());
        };
        let (Some(whole), Ok(value)) = (found.get(0), found[1].parse::<f32>()) else {
            return Ok(());
        };
        let Some(heading) = self.finder.named("Body mass index [BMI]", "Z")? else {
            return Ok(());
        };
        if let Some(code) = self.leaf(&heading, value, 0.0)? {
            self.found(
                code,
                Rank::Consider,
                whole.range(),
                "The body mass index is coded beside a diagnosis of weight that the provider documents.",
                "I.B.14",
            );
        }
        Ok(())
    }

    fn weeks(&mut self) -> Result<(), Error> {
        let Some(pregnancy) = self.read.note.pregnancy() else {
            return Ok(());
        };
        let Some(weeks) = pregnancy.value.weeks else {
            return Ok(());
        };
        let words = format!("{weeks} weeks gestation of pregnancy");
        if let Some(code) = self.finder.named(&words, "Z")? {
            self.found(
                code,
                Rank::Consider,
                pregnancy.range,
                "The weeks of gestation are coded beside a code of pregnancy.",
                "I.C.21.c.11",
            );
        }
        Ok(())
    }

    fn surface(&mut self) -> Result<(), Error> {
        let text = self.read.note.text();
        let Some(found) = SURFACE.as_ref().and_then(|p| p.captures(text)) else {
            return Ok(());
        };
        let value = found.name("a").or(found.name("b"));
        let (Some(whole), Some(Ok(total))) =
            (found.get(0), value.map(|v| v.as_str().parse::<f32>()))
        else {
            return Ok(());
        };
        let third = THIRD
            .as_ref()
            .and_then(|p| p.captures(text))
            .and_then(|c| c[1].parse::<f32>().ok())
            .unwrap_or(0.0);
        let words = "Burns classified according to extent of body surface involved";
        let Some(heading) = self.finder.named(words, "T")? else {
            return Ok(());
        };
        if let Some(code) = self.leaf(&heading, total, third)? {
            self.found(
                code,
                Rank::Consider,
                whole.range(),
                "The extent of body surface is coded beside the burns of each site.",
                "I.C.19.d.6",
            );
        }
        Ok(())
    }

    fn tobacco(&mut self) -> Result<(), Error> {
        let Some(found) = self.read.note.tobacco() else {
            return Ok(());
        };
        let words = match found.value {
            Tobacco::Never => return Ok(()),
            Tobacco::Former => "Personal history of nicotine dependence",
            Tobacco::Current => "Tobacco use",
        };
        if found.value == Tobacco::Former && !self.read.hidden.touches(&found.range) {
            let was = self.finder.named("Nicotine dependence", "F")?;
            self.making.aside.push(Aside {
                range: found.range.clone(),
                because: Because::Historical,
                codes: was.into_iter().collect(),
            });
        }
        let Some(code) = self.finder.named(words, "Z")? else {
            return Ok(());
        };
        // "Tobacco use" gives way to dependence, which the classification says: an Excludes1 note.
        let dependence = |key: &str| crate::excludes::names("F17.2-", key);
        if found.value == Tobacco::Current
            && self
                .making
                .findings
                .0
                .iter()
                .any(|f| dependence(&f.code.key))
        {
            return Ok(());
        }
        self.found(
            code,
            Rank::Consider,
            found.range,
            "Use of tobacco, also in the past, is coded where it matters to the encounter.",
            "I.C.21.c.4",
        );
        Ok(())
    }

    fn drugs(&mut self) -> Result<(), Error> {
        let note = self.read.note;
        let mut classes: Vec<(&'static str, Vec<Range<usize>>)> = Vec::new();
        let mut take = |class: &'static str, range: Range<usize>| match classes
            .iter_mut()
            .find(|(c, _)| *c == class)
        {
            Some((_, ranges)) => ranges.push(range),
            None => classes.push((class, vec![range])),
        };
        if let Some(range) = note.insulin() {
            take("Long term (current) use of insulin", range);
        }
        for word in note.words() {
            let Some(class) = CLASSES.get(word.form.as_str()) else {
                continue;
            };
            let section = note.sentence_of(&word.range).map(|s| s.section);
            let told = matches!(
                note.assertion(word.range.clone()),
                Assertion::Affirmed | Assertion::Listed
            ) && !matches!(
                section,
                None | Some(SectionKind::Allergies | SectionKind::Family)
            );
            if told {
                take(class, word.range.clone());
            }
        }
        for (class, ranges) in classes {
            let Some(code) = self.finder.named(class, "Z")? else {
                continue;
            };
            let long = |r: &Range<usize>| {
                note.sentence_of(r).is_some_and(|s| {
                    let text = note.text()[s.range.clone()].to_lowercase();
                    [
                        "long term",
                        "long-term",
                        "longterm",
                        "lifelong",
                        "indefinitely",
                        "chronically",
                    ]
                    .iter()
                    .any(|w| text.contains(w))
                })
            };
            let rank = if ranges.iter().any(long) {
                Rank::Coded
            } else {
                Rank::Consider
            };
            for range in ranges {
                self.found(
                    code.clone(),
                    rank,
                    range,
                    "Long-term use of a drug is coded where the note says that it is taken for long.",
                    "I.C.21.c.3",
                );
            }
        }
        Ok(())
    }
}

/// How an injury came about, by meaning: it never goes first, and is only to be considered.
pub(super) async fn causes(
    making: &mut Making<'_>,
    finder: &mut Finder<'_>,
    read: &Read<'_>,
) -> Result<(), Error> {
    let injured = making
        .findings
        .0
        .iter()
        .any(|f| f.code.key.starts_with(['S', 'T']));
    if !injured {
        return Ok(());
    }
    for range in read.note.external_causes().into_iter().take(MOST_CAUSES) {
        if read.hidden.touches(&range) {
            continue;
        }
        let text = read.note.text()[range.clone()].to_owned();
        let Some(code) = finder.cause(&text).await? else {
            continue;
        };
        let why = "How an injury came about may be reported as well, never first.";
        let source = making.guideline("I.C.20", why);
        making.findings.add(Finding {
            code,
            rank: Rank::Consider,
            sure: false,
            said: Vec::new(),
            evidence: vec![range],
            assessed: false,
            generic: false,
            reason: Some(Reason {
                text: why.to_owned(),
                source,
            }),
            sources: Vec::new(),
        });
    }
    Ok(())
}

/// Sentences that are searched for a cause.
const MOST_CAUSES: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_hold_numbers() {
        let bmi = |title: &str, value| holds(spans(title)[0], value);
        assert!(bmi("Body mass index [BMI] 45.0-49.9, adult", 46.2));
        assert!(bmi("Body mass index [BMI] 45.0-49.9, adult", 49.95));
        assert!(!bmi("Body mass index [BMI] 45.0-49.9, adult", 50.0));
        assert!(bmi("Body mass index [BMI] 70 or greater, adult", 71.3));
        assert!(bmi("Body mass index [BMI] 19.9 or less, adult", 18.0));
        assert!(bmi("Burns involving less than 10% of body surface", 4.0));
        assert!(!bmi("Burns involving less than 10% of body surface", 10.0));
        let both = spans("Burns involving 10-19% of body surface with 0% to 9% third degree burns");
        assert!(holds(both[0], 19.5) && holds(both[1], 1.0) && !holds(both[1], 10.0));
    }

    #[test]
    fn every_drug_has_a_class() {
        for line in DRUGS.lines().filter(|l| !l.starts_with('#')) {
            let (name, class) = line.split_once('\t').unwrap();
            assert!(
                class.replace('-', " ").starts_with("Long term (current)"),
                "{line}"
            );
            assert!(!name.contains(' ') && name == name.to_lowercase(), "{line}");
        }
        let names = DRUGS.lines().filter(|l| l.contains('\t')).count();
        assert_eq!(CLASSES.len(), names, "a name stands twice");
    }
}
