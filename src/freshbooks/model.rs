//! FreshBooks' vocabulary: what we send (drafts) and what we read back, named as its accounting API names them.
//!
//! Drafts hold only fields that may be written: a computed field sent back is refused over there (law 9). Answers keep only what we use
//! and tolerate everything else, since fields appear over time.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An amount as FreshBooks writes it: two decimals in every currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// A decimal string; sent with two decimals, and with more only where they say something.
    #[serde(serialize_with = "two_decimals")]
    pub amount: Decimal,
    /// ISO 4217.
    pub code: String,
}

/// A client as we would have it. Empty strings are fields that we know nothing about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the names are FreshBooks', and so is their documentation")]
pub struct ClientDraft {
    pub fname: String,
    pub lname: String,
    pub organization: String,
    pub email: String,
    pub bus_phone: String,
    pub p_street: String,
    pub p_street2: String,
    pub p_city: String,
    pub p_province: String,
    pub p_code: String,
    pub p_country: String,
    pub s_street: String,
    pub s_street2: String,
    pub s_city: String,
    pub s_province: String,
    pub s_code: String,
    pub s_country: String,
    pub currency_code: String,
    pub language: String,
    /// The client's registration for sales tax.
    pub vat_number: String,
    /// Private over there; holds the marker by which we find our own clients again.
    pub note: String,
}

/// A client as FreshBooks has it.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "the names are FreshBooks', and so is their documentation")]
pub struct Client {
    #[serde(deserialize_with = "id")]
    pub id: i64,
    #[serde(default, deserialize_with = "text")]
    pub email: String,
    #[serde(default, deserialize_with = "text")]
    pub note: String,
    #[serde(default)]
    pub vis_state: VisState,
    /// Everything else, by FreshBooks' names.
    #[serde(flatten)]
    pub fields: serde_json::Map<String, serde_json::Value>,
}

/// An invoice as we would have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are FreshBooks', and so is their documentation")]
pub struct InvoiceDraft {
    pub invoice_number: String,
    pub customerid: i64,
    pub create_date: NaiveDate,
    pub currency_code: String,
    pub po_number: String,
    pub notes: String,
    pub lines: Vec<Line>,
}

/// One line as we would have it. FreshBooks computes its amount and taxes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are FreshBooks', and so is their documentation")]
pub struct Line {
    pub name: String,
    pub description: String,
    /// Whole units; a decimal string on the wire.
    #[serde(with = "quantity")]
    pub qty: i64,
    pub unit_cost: Amount,
    #[serde(rename = "taxName1", default, skip_serializing_if = "Option::is_none")]
    pub tax_name1: Option<String>,
    /// Percent with up to three decimals.
    #[serde(rename = "taxAmount1", default, skip_serializing_if = "Option::is_none", serialize_with = "percent")]
    pub tax_amount1: Option<Decimal>,
    #[serde(rename = "taxName2", default, skip_serializing_if = "Option::is_none")]
    pub tax_name2: Option<String>,
    /// Percent with up to three decimals.
    #[serde(rename = "taxAmount2", default, skip_serializing_if = "Option::is_none", serialize_with = "percent")]
    pub tax_amount2: Option<Decimal>,
    /// Tax 2 is charged on the net amount and tax 1 together.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub compounded_tax: bool,
}

/// An invoice as FreshBooks has it. `status` is left out on purpose: it does not tell what it says (a paid one may read "sent").
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "the names are FreshBooks', and so is their documentation")]
pub struct Invoice {
    #[serde(deserialize_with = "id")]
    pub id: i64,
    #[serde(default, deserialize_with = "text")]
    pub invoice_number: String,
    #[serde(deserialize_with = "id")]
    pub customerid: i64,
    #[serde(default)]
    pub create_date: Option<NaiveDate>,
    #[serde(default, deserialize_with = "text")]
    pub currency_code: String,
    /// The total with taxes.
    pub amount: Amount,
    pub outstanding: Amount,
    pub paid: Amount,
    #[serde(default, deserialize_with = "text")]
    pub po_number: String,
    #[serde(default, deserialize_with = "text")]
    pub notes: String,
    /// `draft` until it is marked sent.
    #[serde(default, deserialize_with = "text")]
    pub v3_status: String,
    #[serde(default, deserialize_with = "text")]
    pub display_status: String,
    #[serde(default)]
    pub vis_state: VisState,
    /// Present only when asked for with `include[]=lines`.
    #[serde(default)]
    pub lines: Option<Vec<LineAnswer>>,
}

/// What we need of a line that FreshBooks holds: its id, to keep it when the list is replaced.
#[derive(Clone, Debug, Deserialize)]
pub struct LineAnswer {
    /// Unique within the invoice only.
    #[serde(deserialize_with = "id")]
    pub lineid: i64,
}

/// A payment as we would have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are FreshBooks', and so is their documentation")]
pub struct PaymentDraft {
    pub invoiceid: i64,
    pub amount: Amount,
    pub date: NaiveDate,
    #[serde(rename = "type")]
    pub kind: String,
    /// Holds the marker by which we find our own payments again.
    pub note: String,
}

/// A payment as FreshBooks has it.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "the names are FreshBooks', and so is their documentation")]
pub struct Payment {
    #[serde(deserialize_with = "id")]
    pub id: i64,
    #[serde(deserialize_with = "id")]
    pub invoiceid: i64,
    pub amount: Amount,
    #[serde(default)]
    pub date: Option<NaiveDate>,
    #[serde(rename = "type", default, deserialize_with = "text")]
    pub kind: String,
    #[serde(default, deserialize_with = "text")]
    pub note: String,
    #[serde(default)]
    pub vis_state: VisState,
    /// The credit that FreshBooks made of money beyond what was outstanding.
    #[serde(default)]
    pub overpaymentid: Option<i64>,
}

/// A credit note as we would have it. It belongs to a client: what it is for can only be said in its words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are FreshBooks', and so is their documentation")]
pub struct CreditNoteDraft {
    /// Like the three below, fixed once it is created.
    pub clientid: i64,
    pub create_date: NaiveDate,
    pub currency_code: String,
    /// `goodwill` for what we make.
    pub credit_type: String,
    /// Holds the marker by which we find our own credit notes again.
    pub notes: String,
    /// With positive amounts.
    pub lines: Vec<Line>,
}

/// A credit note as FreshBooks has it.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "the names are FreshBooks', and so is their documentation")]
pub struct CreditNote {
    #[serde(deserialize_with = "id")]
    pub id: i64,
    #[serde(deserialize_with = "id")]
    pub clientid: i64,
    #[serde(default)]
    pub create_date: Option<NaiveDate>,
    /// `overpayment` where FreshBooks made it of money beyond what was outstanding.
    #[serde(default, deserialize_with = "text")]
    pub credit_type: String,
    #[serde(default, deserialize_with = "text")]
    pub currency_code: String,
    /// The total with taxes.
    pub amount: Amount,
    /// How much of it has been applied to invoices.
    pub paid: Amount,
    #[serde(default, deserialize_with = "text")]
    pub notes: String,
    #[serde(default)]
    pub vis_state: VisState,
    /// Present only when asked for with `include[]=lines`.
    #[serde(default)]
    pub lines: Option<Vec<CreditNoteLine>>,
}

/// A line of a credit note that FreshBooks holds. It has no id: a new list takes the place of the old one.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "the names are FreshBooks', and so is their documentation")]
pub struct CreditNoteLine {
    #[serde(default, deserialize_with = "text")]
    pub name: String,
    /// Before taxes.
    pub amount: Amount,
}

/// A named tax of the account. Lines copy name and percent; they never point here.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "the names are FreshBooks', and so is their documentation")]
pub struct Tax {
    #[serde(deserialize_with = "id")]
    pub id: i64,
    #[serde(default, deserialize_with = "text")]
    pub name: String,
    /// Percent.
    pub amount: Option<Decimal>,
}

/// Whether an object shows: `vis_state` 0, 1, 2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "i64", into = "i64")]
#[expect(missing_docs, reason = "the names are FreshBooks', and so is their documentation")]
pub enum VisState {
    #[default]
    Active,
    Deleted,
    Archived,
}

impl From<i64> for VisState {
    fn from(state: i64) -> Self {
        match state {
            1 => Self::Deleted,
            2 => Self::Archived,
            _ => Self::Active,
        }
    }
}

impl From<VisState> for i64 {
    fn from(state: VisState) -> Self {
        match state {
            VisState::Active => 0,
            VisState::Deleted => 1,
            VisState::Archived => 2,
        }
    }
}

/// Ids are numbers on the wire; a string is accepted.
fn id<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Id {
        Number(i64),
        Text(String),
    }
    match Id::deserialize(from)? {
        Id::Number(number) => Ok(number),
        Id::Text(text) => text.parse().map_err(serde::de::Error::custom),
    }
}

/// Unset texts are null on one row and empty on the next.
fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// Never rounds: an amount that needs a third decimal keeps it, and FreshBooks or the cent proof objects.
fn two_decimals<S: Serializer>(amount: &Decimal, to: S) -> Result<S::Ok, S::Error> {
    let mut amount = amount.normalize();
    if amount.scale() < 2 {
        amount.rescale(2);
    }
    to.collect_str(&amount)
}

/// As FreshBooks writes percentages itself: `13`, `9.975`.
#[expect(clippy::ref_option, reason = "the shape that serde asks for")]
fn percent<S: Serializer>(percent: &Option<Decimal>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_some(&percent.map(|percent| percent.normalize().to_string()))
}

mod quantity {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde asks for")]
    pub(super) fn serialize<S: Serializer>(quantity: &i64, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(quantity)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}
