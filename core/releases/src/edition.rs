//! What a release is, for whom, and for which dates of service.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::code::System;

/// Where a service is rendered, for tables that differ by it (NCCI publishes its edits for each apart).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Setting {
    /// Professional claims.
    Practitioner,
    /// Outpatient hospital claims.
    Facility,
    /// Durable medical equipment suppliers. Only MUEs are published for them.
    Dme,
}

impl Setting {
    /// The identifier on the command line and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Practitioner => "practitioner",
            Self::Facility => "facility",
            Self::Dme => "dme",
        }
    }

    /// As an answer says it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Practitioner => "practitioner",
            Self::Facility => "outpatient hospital",
            Self::Dme => "DME supplier",
        }
    }
}

impl std::str::FromStr for Setting {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        [Self::Practitioner, Self::Facility, Self::Dme]
            .into_iter()
            .find(|v| v.as_str() == s)
            .ok_or_else(|| "one of practitioner, facility, dme".to_owned())
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $id:literal, $source:literal, $system:expr;)*) => {
        /// What a file holds. The identifiers are kept in stores: add, never rename.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Kind { $($(#[$doc])* $name,)* }

        impl Kind {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The identifier in the store.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }

            /// The document's name, as citations print it. Kinds whose documents have titles of their own (coverage
            /// documents, files of the user's) override it.
            pub fn source(self) -> &'static str {
                match self { $(Self::$name => $source,)* }
            }

            /// The system whose codes its rows are, where they are one system's.
            pub fn system(self) -> Option<System> {
                match self { $(Self::$name => $system,)* }
            }
        }
    };
}

kinds! {
    /// ICD-10-CM Tabular List, XML.
    Icd10cmTabular = "icd10cm_tabular", "ICD-10-CM Tabular List", Some(System::Icd10cm);
    /// ICD-10-CM order file: every code and header, fixed width.
    Icd10cmOrder = "icd10cm_order", "ICD-10-CM Order File", Some(System::Icd10cm);
    /// ICD-10-CM code file: billable codes and long titles.
    Icd10cmCodes = "icd10cm_codes", "ICD-10-CM Code Descriptions", Some(System::Icd10cm);
    /// Alphabetic Index to Diseases and Injuries, XML.
    Icd10cmIndex = "icd10cm_index", "ICD-10-CM Alphabetic Index", Some(System::Icd10cm);
    /// External Cause of Injuries Index, XML.
    Icd10cmExternal = "icd10cm_external", "ICD-10-CM External Cause of Injuries Index", Some(System::Icd10cm);
    /// Table of Neoplasms, XML.
    Icd10cmNeoplasm = "icd10cm_neoplasm", "ICD-10-CM Table of Neoplasms", Some(System::Icd10cm);
    /// Table of Drugs and Chemicals, XML.
    Icd10cmDrugs = "icd10cm_drugs", "ICD-10-CM Table of Drugs and Chemicals", Some(System::Icd10cm);
    /// Conversion table: each new code, its previous assignment, and the year.
    Icd10cmConversion = "icd10cm_conversion", "ICD-10-CM Conversion Table", Some(System::Icd10cm);
    /// Addenda: what an edition added, revised and deleted.
    Icd10cmAddenda = "icd10cm_addenda", "ICD-10-CM Addenda", Some(System::Icd10cm);
    /// Codes exempt from present-on-admission reporting.
    PoaExempt = "poa_exempt", "POA Exempt List", Some(System::Icd10cm);
    /// Into which categories of Medicare's risk adjustment models a diagnosis falls.
    Hcc = "hcc", "Medicare Risk Adjustment ICD-10-CM Mappings", Some(System::Icd10cm);
    /// ICD-10-CM Official Guidelines for Coding and Reporting, PDF.
    Icd10cmGuidelines = "icd10cm_guidelines", "ICD-10-CM Official Guidelines", Some(System::Icd10cm);
    /// ICD-10-PCS order file.
    Icd10pcsOrder = "icd10pcs_order", "ICD-10-PCS Order File", Some(System::Icd10pcs);
    /// ICD-10-PCS tables, XML: which characters make a code.
    Icd10pcsTables = "icd10pcs_tables", "ICD-10-PCS Tables", Some(System::Icd10pcs);
    /// ICD-10-PCS index, XML.
    Icd10pcsIndex = "icd10pcs_index", "ICD-10-PCS Index", Some(System::Icd10pcs);
    /// ICD-10-PCS definitions, XML.
    Icd10pcsDefinitions = "icd10pcs_definitions", "ICD-10-PCS Definitions", Some(System::Icd10pcs);
    /// ICD-10-PCS order addenda: what an edition added, revised and deleted.
    Icd10pcsAddenda = "icd10pcs_addenda", "ICD-10-PCS Order Addenda", Some(System::Icd10pcs);
    /// ICD-10-PCS Official Guidelines, PDF.
    Icd10pcsGuidelines = "icd10pcs_guidelines", "ICD-10-PCS Official Guidelines", Some(System::Icd10pcs);
    /// ICD-9-CM diagnosis or procedure titles.
    Icd9cmCodes = "icd9cm_codes", "ICD-9-CM Code Titles", Some(System::Icd9cm);
    /// General equivalence mappings from ICD-9-CM to ICD-10.
    GemForward = "gem_9_to_10", "General Equivalence Mappings, ICD-9-CM to ICD-10", None;
    /// General equivalence mappings from ICD-10 to ICD-9-CM.
    GemBackward = "gem_10_to_9", "General Equivalence Mappings, ICD-10 to ICD-9-CM", None;
    /// HCPCS Level II, alpha-numeric file.
    Hcpcs = "hcpcs", "HCPCS Level II Alpha-Numeric File", Some(System::Hcpcs);
    /// HCPCS processing notes.
    HcpcsNotes = "hcpcs_notes", "HCPCS Processing Notes", Some(System::Hcpcs);
    /// HCPCS not-otherwise-classified codes.
    HcpcsNoc = "hcpcs_noc", "HCPCS NOC Codes", Some(System::Hcpcs);
    /// NCCI procedure-to-procedure edits.
    Ptp = "ncci_ptp", "NCCI PTP Edits", None;
    /// NCCI medically unlikely edits.
    Mue = "ncci_mue", "NCCI Medically Unlikely Edits", None;
    /// NCCI add-on code edits.
    AddOn = "ncci_addon", "NCCI Add-on Code Edits", None;
    /// NCCI Policy Manual, PDF.
    NcciManual = "ncci_manual", "NCCI Policy Manual for Medicare Services", None;
    /// Physician fee schedule relative value file.
    RelativeValues = "rvu", "Medicare Physician Fee Schedule Relative Value File", None;
    /// Geographic practice cost indices.
    Gpci = "gpci", "Geographic Practice Cost Indices", None;
    /// Counties of the localities.
    Localities = "localities", "Medicare Localities and Counties", None;
    /// Anesthesia conversion factors.
    Anesthesia = "anesthesia", "Anesthesia Conversion Factors", None;
    /// Payment amounts capped by OPPS, by locality.
    OppsCap = "opps_cap", "OPPS Cap Payment Amounts", None;
    /// National coverage determinations.
    Ncd = "ncd", "National Coverage Determination", None;
    /// Local coverage determinations.
    Lcd = "lcd", "Local Coverage Determination", None;
    /// Billing and coding articles.
    Article = "article", "Local Coverage Article", None;
    /// Any other document that an operator loads as a source.
    Document = "document", "Document", None;
    /// CPT descriptors, from a licensed user's file.
    Cpt = "cpt", "CPT", Some(System::Cpt);
    /// CPT modifiers, from a licensed user's file.
    CptModifiers = "cpt_modifiers", "CPT Modifiers", Some(System::Modifier);
}

impl Kind {
    /// The publisher's page for releases of this kind, where a person finds the current edition and reads the document.
    pub fn page(self) -> &'static str {
        match self {
            Self::Icd10cmTabular
            | Self::Icd10cmOrder
            | Self::Icd10cmCodes
            | Self::Icd10cmIndex
            | Self::Icd10cmExternal
            | Self::Icd10cmNeoplasm
            | Self::Icd10cmDrugs
            | Self::Icd10cmConversion
            | Self::Icd10cmAddenda
            | Self::PoaExempt
            | Self::Icd10cmGuidelines
            | Self::Icd10pcsOrder
            | Self::Icd10pcsTables
            | Self::Icd10pcsIndex
            | Self::Icd10pcsDefinitions
            | Self::Icd10pcsGuidelines
            | Self::Icd10pcsAddenda => "https://www.cms.gov/medicare/coding-billing/icd-10-codes",
            Self::Hcc => {
                "https://www.cms.gov/medicare/payment/medicare-advantage-rates-statistics/risk-adjustment"
            }
            Self::Icd9cmCodes | Self::GemForward | Self::GemBackward => {
                "https://www.cms.gov/medicare/coding-billing/icd-10-codes/icd-10-cm-icd-10-pcs-gem-archive"
            }
            Self::Hcpcs | Self::HcpcsNotes | Self::HcpcsNoc => {
                "https://www.cms.gov/medicare/coding-billing/healthcare-common-procedure-system/quarterly-update"
            }
            Self::Ptp => {
                "https://www.cms.gov/medicare/coding-billing/national-correct-coding-initiative-ncci-edits/medicare-ncci-procedure-procedure-ptp-edits"
            }
            Self::Mue => {
                "https://www.cms.gov/medicare/coding-billing/national-correct-coding-initiative-ncci-edits/medicare-ncci-medically-unlikely-edits"
            }
            Self::AddOn => {
                "https://www.cms.gov/medicare/coding-billing/national-correct-coding-initiative-ncci-edits/medicare-ncci-add-code-edits"
            }
            Self::NcciManual => {
                "https://www.cms.gov/medicare/coding-billing/national-correct-coding-initiative-ncci-edits/medicare-ncci-policy-manual"
            }
            Self::RelativeValues
            | Self::Gpci
            | Self::Localities
            | Self::Anesthesia
            | Self::OppsCap => {
                "https://www.cms.gov/medicare/payment/fee-schedules/physician/pfs-relative-value-files"
            }
            Self::Ncd | Self::Lcd | Self::Article => {
                "https://www.cms.gov/medicare-coverage-database/search.aspx"
            }
            Self::Document => "",
            Self::Cpt | Self::CptModifiers => "https://www.ama-assn.org/practice-management/cpt",
        }
    }
}

impl std::str::FromStr for Kind {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        Self::ALL
            .iter()
            .copied()
            .find(|k| k.as_str() == s)
            .ok_or_else(|| format!("unknown kind of release {s:?}"))
    }
}

/// What a file was recognised as. What the content does not say is read from its name; what neither says is `None`,
/// and the operator is asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it holds.
    pub kind: Kind,
    /// For which claims, where the tables differ by setting.
    pub setting: Option<Setting>,
    /// The edition's name: `FY2026`, `2026 Q3`, `RVU25D`.
    pub edition: Option<String>,
    /// First date of service on which it holds.
    pub effective: Option<NaiveDate>,
    /// Last date of service on which it holds, where the publisher's calendar fixes one.
    pub through: Option<NaiveDate>,
    /// Which of several files that make up one edition: `f1`, `nonQPP`, `dx`. Empty where there is one.
    pub part: String,
}

impl Found {
    /// A file whose edition is not known yet.
    pub fn of(kind: Kind) -> Self {
        Self {
            kind,
            setting: None,
            edition: None,
            effective: None,
            through: None,
            part: String::new(),
        }
    }

    /// A fiscal year's edition, October 1 to September 30: ICD-10-CM, ICD-10-PCS and their companions.
    #[must_use]
    pub fn fiscal_year(mut self, year: i32) -> Self {
        self.edition = Some(format!("FY{year}"));
        self.effective = NaiveDate::from_ymd_opt(year - 1, 10, 1);
        self.through = NaiveDate::from_ymd_opt(year, 9, 30);
        self
    }

    /// A quarter's edition (1 to 4 of a calendar year): NCCI and HCPCS.
    #[must_use]
    pub fn quarter(mut self, year: i32, quarter: u32) -> Self {
        self.edition = Some(format!("{year} Q{quarter}"));
        let first = |year, quarter: u32| NaiveDate::from_ymd_opt(year, quarter * 3 - 2, 1);
        self.effective = first(year, quarter);
        let next = if quarter < 4 {
            first(year, quarter + 1)
        } else {
            first(year + 1, 1)
        };
        self.through = next.and_then(|d| d.pred_opt());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calendars() {
        let q = Found::of(Kind::Ptp).quarter(2026, 4);
        assert_eq!(q.edition.as_deref(), Some("2026 Q4"));
        assert_eq!(q.effective, NaiveDate::from_ymd_opt(2026, 10, 1));
        assert_eq!(q.through, NaiveDate::from_ymd_opt(2026, 12, 31));
        let fy = Found::of(Kind::Icd10cmOrder).fiscal_year(2026);
        assert_eq!(fy.effective, NaiveDate::from_ymd_opt(2025, 10, 1));
        assert_eq!(fy.through, NaiveDate::from_ymd_opt(2026, 9, 30));
    }

    #[test]
    fn identifiers_are_unique_and_read_back() {
        for kind in Kind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(*kind));
        }
    }
}
