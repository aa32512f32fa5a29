//! Shopify's vocabulary: the parts of an order that the books need, named as the Admin API 2026-10 names them.
//!
//! One shape serves three sources: a direct read (connections as `{nodes: […]}`), a bulk result (children as lines of their own, joined
//! beforehand) and our own snapshots (plain lists). Amounts are decimal strings and are never read as floats.

mod buyer;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize};

pub use self::buyer::{
    Company, CompanyLocation, CompanyTaxSettings, Customer, EmailAddress, MailingAddress, PhoneNumber,
    PurchasingEntity, TaxSettings,
};
use crate::money::Currency;

/// A global id such as `gid://shopify/Order/1001`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Gid(pub String);

impl Gid {
    /// The gid of the object `kind` numbered `number`.
    pub fn new(kind: &str, number: i64) -> Self {
        Self(format!("gid://shopify/{kind}/{number}"))
    }

    /// The number in it, the same as `legacyResourceId`; `None` where the id has no such number.
    pub fn number(&self) -> Option<i64> {
        self.0.rsplit('/').next()?.split('?').next()?.parse().ok()
    }

    /// Whether it names an object of `kind`, such as `LineItem`.
    pub fn is(&self, kind: &str) -> bool {
        self.0.strip_prefix("gid://shopify/").and_then(|rest| rest.split('/').next()) == Some(kind)
    }
}

/// An amount in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MoneyV2 {
    /// A decimal string over there, without trailing zeros.
    pub amount: Decimal,
    /// ISO 4217.
    pub currency_code: Currency,
}

/// One amount twice: in the shop's and in the buyer's currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MoneyBag {
    /// In the shop's currency (`Order.currencyCode`).
    pub shop_money: MoneyV2,
    /// In the buyer's currency (`Order.presentmentCurrencyCode`).
    pub presentment_money: MoneyV2,
}

/// One order as it is now. Fields without a comment mean what the Admin API says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are Shopify's, and so is their documentation")]
pub struct Order {
    pub id: Gid,
    /// What people quote, such as `#1001`; not promised to be unique.
    pub name: String,
    /// The number inside the name.
    pub number: i64,
    pub created_at: DateTime<Utc>,
    pub processed_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub cancelled_at: Option<DateTime<Utc>>,
    pub cancel_reason: Option<String>,
    pub test: bool,
    pub edited: bool,
    pub source_name: Option<String>,
    pub po_number: Option<String>,
    pub note: Option<String>,
    #[serde(default)]
    pub tags: Vec<String>,
    #[serde(default)]
    pub custom_attributes: Vec<Attribute>,
    pub currency_code: Currency,
    pub presentment_currency_code: Currency,
    pub taxes_included: bool,
    pub tax_exempt: bool,
    pub duties_included: bool,
    /// `PAID`, `AUTHORIZED`, …; null was seen on orders without a transaction.
    pub display_financial_status: Option<String>,
    pub display_fulfillment_status: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub customer: Option<Customer>,
    pub purchasing_entity: Option<PurchasingEntity>,
    pub billing_address: Option<MailingAddress>,
    pub shipping_address: Option<MailingAddress>,
    pub total_price_set: MoneyBag,
    pub current_total_price_set: MoneyBag,
    pub total_tax_set: Option<MoneyBag>,
    pub current_total_tax_set: MoneyBag,
    pub total_tip_received_set: MoneyBag,
    pub total_received_set: MoneyBag,
    pub total_refunded_set: MoneyBag,
    pub net_payment_set: MoneyBag,
    pub total_outstanding_set: MoneyBag,
    /// Suggested less actual refunds: negative in the buyer's favour.
    pub refund_discrepancy_set: MoneyBag,
    pub total_cash_rounding_adjustment: CashRounding,
    #[serde(default)]
    pub tax_lines: Vec<TaxLine>,
    #[serde(default)]
    pub additional_fees: Vec<AdditionalFee>,
    #[serde(default)]
    pub transactions: Vec<Transaction>,
    #[serde(default)]
    pub refunds: Vec<Refund>,
    #[serde(default, deserialize_with = "nodes")]
    pub line_items: Vec<LineItem>,
    #[serde(default, deserialize_with = "nodes")]
    pub shipping_lines: Vec<ShippingLine>,
    #[serde(default, deserialize_with = "nodes")]
    pub discount_applications: Vec<DiscountApplication>,
}

impl Order {
    /// The number in its id.
    pub fn number_of_id(&self) -> i64 {
        self.id.number().unwrap_or_default()
    }
}

/// A key and a value that the shop or the buyer added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are Shopify's, and so is their documentation")]
pub struct Attribute {
    pub key: String,
    pub value: Option<String>,
}

/// What rounding to coins added to payments and refunds; signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are Shopify's, and so is their documentation")]
pub struct CashRounding {
    pub payment_set: MoneyBag,
    pub refund_set: MoneyBag,
}

/// One tax on one line (or, on the order, the sum of such).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaxLine {
    /// What the tax is called, such as `HST`.
    pub title: String,
    /// `0.13` for 13 %. A JSON number over there; read through its text, so that 0.13 stays 0.13.
    #[serde(default, with = "rate")]
    pub rate: Option<Decimal>,
    /// A marketplace collects and remits this tax.
    pub channel_liable: Option<bool>,
    /// The amount: for the whole ordered quantity, after discounts, before refunds.
    pub price_set: MoneyBag,
}

/// A fee that is neither an item nor shipping.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are Shopify's, and so is their documentation")]
pub struct AdditionalFee {
    pub id: Gid,
    pub name: String,
    pub price: MoneyBag,
    #[serde(default)]
    pub tax_lines: Vec<TaxLine>,
}

/// Money that moved, or tried to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are Shopify's, and so is their documentation")]
pub struct Transaction {
    pub id: Gid,
    pub kind: TransactionKind,
    pub status: TransactionStatus,
    pub gateway: Option<String>,
    pub formatted_gateway: Option<String>,
    pub manual_payment_gateway: bool,
    pub test: bool,
    pub created_at: DateTime<Utc>,
    pub processed_at: Option<DateTime<Utc>>,
    /// Positive, also for refunds and change.
    pub amount_set: MoneyBag,
    pub parent_transaction: Option<Reference>,
}

/// What a transaction does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names are Shopify's, and so is their documentation")]
pub enum TransactionKind {
    Authorization,
    Capture,
    Change,
    EmvAuthorization,
    Refund,
    Sale,
    SuggestedRefund,
    Void,
    /// A kind that this version does not know: no money is taken to have moved.
    #[serde(other)]
    Unknown,
}

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names are Shopify's, and so is their documentation")]
pub enum TransactionStatus {
    AwaitingResponse,
    Error,
    Failure,
    Pending,
    Success,
    /// Also a status that this version does not know.
    #[serde(other)]
    Unknown,
}

/// An object named by its id alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// The gid.
    pub id: Gid,
}

/// Goods or money given back. In a bulk result its lines are missing: a list cannot hold a connection there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are Shopify's, and so is their documentation")]
pub struct Refund {
    pub id: Gid,
    pub created_at: Option<DateTime<Utc>>,
    pub processed_at: DateTime<Utc>,
    pub note: Option<String>,
    /// The sum of its transactions; 0 when no money moved.
    pub total_refunded_set: MoneyBag,
    pub duties: Option<Vec<RefundDuty>>,
    #[serde(default, deserialize_with = "nodes")]
    pub refund_line_items: Vec<RefundLineItem>,
    #[serde(default, deserialize_with = "nodes")]
    pub refund_shipping_lines: Vec<RefundShippingLine>,
    #[serde(default, deserialize_with = "nodes")]
    pub transactions: Vec<RefundTransaction>,
}

/// Duty given back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are Shopify's, and so is their documentation")]
pub struct RefundDuty {
    pub amount_set: MoneyBag,
}

/// Units of one line given back. `subtotal_set` holds tax only where the order's prices include it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are Shopify's, and so is their documentation")]
pub struct RefundLineItem {
    pub quantity: i64,
    pub subtotal_set: MoneyBag,
    pub total_tax_set: MoneyBag,
    pub line_item: Reference,
}

/// Shipping given back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are Shopify's, and so is their documentation")]
pub struct RefundShippingLine {
    pub subtotal_amount_set: MoneyBag,
    pub tax_amount_set: MoneyBag,
    pub shipping_line: Option<ShippingLineName>,
}

/// Enough of a shipping line to find its taxes and its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are Shopify's, and so is their documentation")]
pub struct ShippingLineName {
    pub id: Option<Gid>,
    pub title: String,
}

/// A transaction of a refund: the same one stands in [`Order::transactions`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are Shopify's, and so is their documentation")]
pub struct RefundTransaction {
    pub id: Gid,
    pub kind: TransactionKind,
    pub status: TransactionStatus,
    pub amount_set: MoneyBag,
}

/// Something sold. `quantity`, the totals and `tax_lines` never shrink; `current_quantity` does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are Shopify's, and so is their documentation")]
pub struct LineItem {
    pub id: Gid,
    pub title: String,
    pub variant_title: Option<String>,
    pub sku: Option<String>,
    pub quantity: i64,
    pub current_quantity: i64,
    pub is_gift_card: bool,
    #[serde(default)]
    pub custom_attributes: Vec<Attribute>,
    pub original_unit_price_set: MoneyBag,
    pub original_total_set: MoneyBag,
    #[serde(default)]
    pub discount_allocations: Vec<DiscountAllocation>,
    #[serde(default)]
    pub tax_lines: Vec<TaxLine>,
    #[serde(default)]
    pub duties: Vec<Duty>,
}

/// Import duty on a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are Shopify's, and so is their documentation")]
pub struct Duty {
    pub id: Gid,
    pub price: MoneyBag,
    #[serde(default)]
    pub tax_lines: Vec<TaxLine>,
}

/// A line's share of a discount, split to the cent by Shopify.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are Shopify's, and so is their documentation")]
pub struct DiscountAllocation {
    pub allocated_amount_set: MoneyBag,
    pub discount_application: DiscountIndex,
}

/// Points into [`Order::discount_applications`] by their `index`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are Shopify's, and so is their documentation")]
pub struct DiscountIndex {
    pub index: i64,
}

/// A way of delivery and its price.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are Shopify's, and so is their documentation")]
pub struct ShippingLine {
    pub id: Option<Gid>,
    pub title: String,
    pub is_removed: bool,
    pub original_price_set: MoneyBag,
    pub discounted_price_set: MoneyBag,
    #[serde(default)]
    pub discount_allocations: Vec<DiscountAllocation>,
    #[serde(default)]
    pub tax_lines: Vec<TaxLine>,
}

/// The intent of a discount; the amounts are in the allocations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are Shopify's, and so is their documentation")]
pub struct DiscountApplication {
    pub index: i64,
    /// Set on a discount code.
    pub code: Option<String>,
    /// Set on automatic, manual and script discounts.
    pub title: Option<String>,
}

/// What the shop says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are Shopify's, and so is their documentation")]
pub struct ShopInfo {
    pub id: Gid,
    pub name: String,
    pub myshopify_domain: String,
    pub currency_code: Currency,
    pub iana_timezone: String,
    pub taxes_included: bool,
}

/// Accepts `[…]`, `{"nodes": […]}` and null alike.
fn nodes<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Shape<T> {
        List(Vec<T>),
        Connection { nodes: Vec<T> },
    }
    Ok(match Option::<Shape<T>>::deserialize(from)? {
        Some(Shape::List(list) | Shape::Connection { nodes: list }) => list,
        None => Vec::new(),
    })
}

/// Rates come as JSON numbers and are stored as strings; both are read through their text.
mod rate {
    use rust_decimal::Decimal;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Decimal>, D::Error> {
        let text = match serde_json::Value::deserialize(from)? {
            serde_json::Value::Null => return Ok(None),
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        text.parse().or_else(|_| Decimal::from_scientific(&text)).map(Some).map_err(D::Error::custom)
    }

    #[expect(clippy::ref_option, reason = "the shape that serde asks for")]
    pub(super) fn serialize<S: Serializer>(rate: &Option<Decimal>, to: S) -> Result<S::Ok, S::Error> {
        match rate {
            Some(rate) => to.collect_str(rate),
            None => to.serialize_none(),
        }
    }
}
