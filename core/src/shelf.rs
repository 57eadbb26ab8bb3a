//! Which edition speaks for a date of service.
//!
//! Editions stand side by side; a date picks among them. The one in force answers; where none is, the nearest in time,
//! and the answer says first that it was not in force.

use casebook_catalog::Edition;
use casebook_releases::{Kind, Setting, System};
use chrono::NaiveDate;

/// Everything that is loaded, as it was when a question arrived.
#[derive(Debug, Clone, Default)]
pub struct Shelf {
    editions: Vec<Edition>,
}

impl Shelf {
    /// A shelf of these editions.
    pub fn new(editions: Vec<Edition>) -> Self {
        Self { editions }
    }

    /// All of them, newest first within a kind.
    pub fn editions(&self) -> &[Edition] {
        &self.editions
    }

    /// All editions of a kind, newest first.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = &Edition> {
        self.editions.iter().filter(move |e| e.kind == kind)
    }

    /// The edition of a kind that speaks for a date.
    pub fn on(&self, kind: Kind, date: NaiveDate) -> Option<&Edition> {
        best(self.of(kind), date)
    }

    /// As [`Self::on`], for tables that differ by setting.
    pub fn for_setting(&self, kind: Kind, setting: Setting, date: NaiveDate) -> Option<&Edition> {
        best(self.of(kind).filter(|e| e.setting == Some(setting)), date)
    }

    /// The edition that says which codes of a system exist on a date. Several kinds of file list the same codes; one
    /// in force goes before one that is not, and one with notes before one without.
    pub fn codes(&self, system: System, date: NaiveDate) -> Option<&Edition> {
        let kinds: &[Kind] = match system {
            System::Icd10cm => &[Kind::Icd10cmTabular, Kind::Icd10cmOrder, Kind::Icd10cmCodes],
            System::Icd10pcs => &[Kind::Icd10pcsOrder],
            System::Icd9cm => &[Kind::Icd9cmCodes],
            System::Hcpcs | System::Modifier => &[Kind::Hcpcs],
            System::Cpt => &[Kind::Cpt],
            System::Msdrg => &[],
        };
        let picked: Vec<&Edition> = kinds.iter().filter_map(|k| self.on(*k, date)).collect();
        picked
            .iter()
            .find(|e| e.in_force(date))
            .copied()
            .or_else(|| best(picked.into_iter(), date))
    }

    /// All editions that speak for a date with the given one: the other files of the same edition.
    pub fn parts(&self, edition: &Edition) -> Vec<&Edition> {
        self.editions
            .iter()
            .filter(|e| {
                e.kind == edition.kind
                    && e.setting == edition.setting
                    && e.edition == edition.edition
            })
            .collect()
    }
}

/// In force before not in force; then the nearest in time; then the latest.
fn best<'a>(editions: impl Iterator<Item = &'a Edition>, date: NaiveDate) -> Option<&'a Edition> {
    editions.max_by_key(|e| {
        let before = (e.effective - date).num_days().max(0);
        let after = e.through.map_or(0, |t| (date - t).num_days().max(0));
        (e.in_force(date), -(before + after), e.effective, e.id)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn edition(kind: Kind, name: &str, effective: &str, through: &str) -> Edition {
        Edition {
            id: 0,
            kind,
            setting: None,
            source: String::new(),
            edition: name.into(),
            effective: day(effective),
            through: Some(day(through)),
            part: String::new(),
            url: String::new(),
            file: String::new(),
            sha256: String::new(),
            rows: 0,
        }
    }

    #[test]
    fn a_date_picks_its_edition() {
        let shelf = Shelf::new(vec![
            edition(Kind::Icd10cmTabular, "april", "2026-04-01", "2026-09-30"),
            edition(Kind::Icd10cmTabular, "2017", "2016-10-01", "2017-09-30"),
            edition(Kind::Icd10cmOrder, "order", "2025-10-01", "2026-09-30"),
        ]);
        let on = |date| {
            shelf
                .codes(System::Icd10cm, day(date))
                .unwrap()
                .edition
                .clone()
        };
        assert_eq!(on("2026-05-01"), "april");
        assert_eq!(on("2025-12-01"), "order");
        assert_eq!(on("2017-01-01"), "2017");
        // Nothing is in force: the nearest.
        assert_eq!(on("2026-11-25"), "april");
        assert_eq!(on("2018-01-01"), "2017");
        assert_eq!(on("2025-09-01"), "order");
        assert_eq!(on("2015-10-01"), "2017");
    }
}
