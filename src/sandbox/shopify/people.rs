//! Who bought, and where they live.

use std::sync::Arc;

use async_graphql::Enum;
use chrono::{DateTime, Utc};

/// A buyer with an account or at least a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    /// The number in the global id.
    pub id: u64,
    /// Protected data.
    pub first_name: Option<String>,
    /// Protected data.
    pub last_name: Option<String>,
    /// Protected data.
    pub email: Option<String>,
    /// They have shown that the address is theirs.
    pub verified_email: bool,
    /// Protected data.
    pub phone: Option<String>,
    /// Their own registration for sales tax.
    pub tax_id: Option<String>,
    /// `en`, `fr`, …
    pub locale: String,
    /// A remark.
    pub note: Option<String>,
    /// Pays no tax.
    pub tax_exempt: bool,
    /// When the record was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Where they live.
    pub address: Option<Arc<Address>>,
}

/// A company that buys, and the branch that it buys for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurchasingCompany {
    /// The number in the company's global id.
    pub id: u64,
    /// What it is called.
    pub name: String,
    /// The number in the branch's global id.
    pub location_id: u64,
    /// What the branch is called.
    pub location: String,
    /// The branch's registration for sales tax.
    pub tax_registration_id: Option<String>,
}

/// A postal address; every part may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are the parts of an address")]
pub struct Address {
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub company: Option<String>,
    pub address1: Option<String>,
    pub address2: Option<String>,
    pub city: Option<String>,
    pub province: Option<String>,
    pub province_code: Option<String>,
    pub zip: Option<String>,
    pub country: Option<CountryCode>,
    pub phone: Option<String>,
}

/// Countries that the samples ship to.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "ISO 3166 codes")]
pub enum CountryCode {
    At,
    Au,
    Be,
    Br,
    Ca,
    Ch,
    Cn,
    De,
    Dk,
    Es,
    Fr,
    Gb,
    Ie,
    Il,
    In,
    It,
    Jp,
    Kr,
    Kw,
    Mx,
    Nl,
    No,
    Nz,
    Pl,
    Se,
    Us,
    Za,
}

impl CountryCode {
    /// The name as Shopify prints it.
    pub fn name(self) -> &'static str {
        match self {
            Self::At => "Austria",
            Self::Au => "Australia",
            Self::Be => "Belgium",
            Self::Br => "Brazil",
            Self::Ca => "Canada",
            Self::Ch => "Switzerland",
            Self::Cn => "China",
            Self::De => "Germany",
            Self::Dk => "Denmark",
            Self::Es => "Spain",
            Self::Fr => "France",
            Self::Gb => "United Kingdom",
            Self::Ie => "Ireland",
            Self::Il => "Israel",
            Self::In => "India",
            Self::It => "Italy",
            Self::Jp => "Japan",
            Self::Kr => "South Korea",
            Self::Kw => "Kuwait",
            Self::Mx => "Mexico",
            Self::Nl => "Netherlands",
            Self::No => "Norway",
            Self::Nz => "New Zealand",
            Self::Pl => "Poland",
            Self::Se => "Sweden",
            Self::Us => "United States",
            Self::Za => "South Africa",
        }
    }
}
