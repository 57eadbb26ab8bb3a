//! Codes and code systems.

use serde::{Deserialize, Serialize};

/// A code system that Casebook knows. The names in JSON are fixed by the command line's contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum System {
    /// ICD-10-CM, diagnoses (CDC/NCHS).
    Icd10cm,
    /// ICD-10-PCS, inpatient procedures (CMS).
    Icd10pcs,
    /// ICD-9-CM, in force until 2015-09-30.
    Icd9cm,
    /// HCPCS Level II (CMS).
    Hcpcs,
    /// CPT, HCPCS Level I (AMA). Only numbers and our own descriptions.
    Cpt,
    /// CPT and HCPCS modifiers.
    Modifier,
    /// Medicare severity diagnosis-related groups.
    Msdrg,
}

impl System {
    /// The identifier used in JSON, on the command line and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Icd10cm => "icd10cm",
            Self::Icd10pcs => "icd10pcs",
            Self::Icd9cm => "icd9cm",
            Self::Hcpcs => "hcpcs",
            Self::Cpt => "cpt",
            Self::Modifier => "modifier",
            Self::Msdrg => "msdrg",
        }
    }

    /// The name a coder uses.
    pub fn label(self) -> &'static str {
        match self {
            Self::Icd10cm => "ICD-10-CM",
            Self::Icd10pcs => "ICD-10-PCS",
            Self::Icd9cm => "ICD-9-CM",
            Self::Hcpcs => "HCPCS Level II",
            Self::Cpt => "CPT",
            Self::Modifier => "Modifier",
            Self::Msdrg => "MS-DRG",
        }
    }
}

impl std::str::FromStr for System {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        [
            Self::Icd10cm,
            Self::Icd10pcs,
            Self::Icd9cm,
            Self::Hcpcs,
            Self::Cpt,
            Self::Modifier,
            Self::Msdrg,
        ]
        .into_iter()
        .find(|v| v.as_str() == s)
        .ok_or_else(|| {
            format!("unknown system {s:?}; one of icd10cm icd10pcs icd9cm hcpcs cpt modifier msdrg")
        })
    }
}

/// Whether a code can stand on a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Complete and valid in its edition.
    Billable,
    /// Exists but may not stand on a claim (not payable by status, or not a code for claims).
    NotBillable,
    /// A category or subcategory: more characters are required.
    Header,
    /// Ended before the date of service.
    Terminated,
    /// In no loaded edition.
    Unknown,
}

/// A code as an answer names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeRef {
    /// The code system.
    pub system: System,
    /// The code as it is written on a claim's screen: `M54.50`, `77003`, `25`.
    pub code: String,
    /// Official title, or our common-language name where the title is licensed.
    pub title: String,
    /// Whether it can be billed.
    pub status: Status,
}
