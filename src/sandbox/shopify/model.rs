//! Orders as the simulated shop keeps them: plain facts, with the totals that Shopify would show beside them.
//!
//! Amounts are in minor units of the order's presentment currency; `rate` turns them into shop money. The builder (`build`) fills
//! `totals`; who changes a field by hand leaves them as they are, on purpose: a test may want figures that do not add up.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::currency::{CurrencyCode, Minor};

pub use super::{payment::*, people::*, states::*};

/// An amount in both currencies of an order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bag {
    /// In minor units of the presentment currency.
    pub presentment: Minor,
    /// In minor units of the shop's currency.
    pub shop: Minor,
}

/// A key and a value that a merchant or a buyer attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Not unique.
    pub key: String,
    /// Null when left empty.
    pub value: Option<String>,
}

/// An order with everything that was recorded about it.
#[derive(Clone, Debug)]
pub struct Order {
    /// The number in the global id.
    pub id: u64,
    /// The number inside the name.
    pub number: i32,
    /// What merchants call it, `#1001`.
    pub name: String,
    /// When Shopify made the record.
    pub created_at: DateTime<Utc>,
    /// When the sale happened.
    pub processed_at: DateTime<Utc>,
    /// When anything last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was archived.
    pub closed_at: Option<DateTime<Utc>>,
    /// When it was cancelled.
    pub cancelled_at: Option<DateTime<Utc>>,
    /// Why it was cancelled.
    pub cancel_reason: Option<OrderCancelReason>,
    /// Made with a test gateway.
    pub test: bool,
    /// Inventory is reserved.
    pub confirmed: bool,
    /// Changed by an order edit.
    pub edited: bool,
    /// Prices contain tax.
    pub taxes_included: bool,
    /// Each tax is charged on the taxes before it too.
    pub taxes_compound: bool,
    /// No tax is charged.
    pub tax_exempt: bool,
    /// Taxes may still change.
    pub estimated_taxes: bool,
    /// Duties are inside the subtotal.
    pub duties_included: bool,
    /// `web`, `pos`, `shopify_draft_order`, …
    pub source_name: Option<String>,
    /// The buyer's own order number.
    pub po_number: Option<String>,
    /// A remark.
    pub note: Option<String>,
    /// Labels.
    pub tags: Vec<String>,
    /// Attached by theme or apps.
    pub custom_attributes: Vec<Attribute>,
    /// The shop's currency at the time of the order.
    pub currency: CurrencyCode,
    /// The buyer's currency.
    pub presentment: CurrencyCode,
    /// Shop money for one unit of presentment money, fixed at order time.
    pub rate: Decimal,
    /// As displayed; null was recorded on orders made by API without a transaction.
    pub financial_status: Option<OrderDisplayFinancialStatus>,
    /// As displayed.
    pub fulfillment_status: OrderDisplayFulfillmentStatus,
    /// As displayed.
    pub return_status: OrderReturnStatus,
    /// The buyer's address for this order.
    pub email: Option<String>,
    /// The buyer's number for this order.
    pub phone: Option<String>,
    /// Null for guests and walk-ins.
    pub customer: Option<Arc<Customer>>,
    /// The company it was bought for.
    pub company: Option<Arc<PurchasingCompany>>,
    /// Null is possible.
    pub billing_address: Option<Arc<Address>>,
    /// Null is possible.
    pub shipping_address: Option<Arc<Address>>,
    /// In the order they were sold; lines added by an edit come last.
    pub lines: Vec<Line>,
    /// Shipping lines, removed ones too.
    pub shipping: Vec<Shipping>,
    /// What was granted; the amounts are in the allocations.
    pub discounts: Vec<Discount>,
    /// Additional fees.
    pub fees: Vec<Fee>,
    /// Tax recorded for the order alone, on none of its lines.
    pub order_taxes: Vec<TaxLine>,
    /// Every attempt to move money.
    pub transactions: Vec<Transaction>,
    /// Refunds, and removals by an edit, which Shopify records as refunds without money.
    pub refunds: Vec<Refund>,
    /// A gratuity, inside the total.
    pub tip: Minor,
    /// What cash rounding added to the payment.
    pub cash_rounding: Minor,
    /// What cash rounding added to the refund.
    pub cash_rounding_refund: Minor,
    /// The figures that Shopify shows.
    pub totals: Totals,
    /// When the next event of the builder happens; a minute after the last when empty.
    pub(super) next_event: Option<DateTime<Utc>>,
}

/// The sums of an order; each named as its GraphQL field without `Set`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are Shopify's own names, explained there")]
pub struct Totals {
    pub original_total_price: Bag,
    pub total_price: Bag,
    pub current_total_price: Bag,
    pub subtotal_price: Bag,
    pub current_subtotal_price: Bag,
    pub total_discounts: Bag,
    pub current_total_discounts: Bag,
    pub cart_discount_amount: Option<Bag>,
    pub current_cart_discount_amount: Bag,
    pub total_shipping_price: Bag,
    pub current_shipping_price: Bag,
    pub total_tax: Bag,
    pub current_total_tax: Bag,
    pub total_tip_received: Bag,
    pub original_total_duties: Option<Bag>,
    pub current_total_duties: Option<Bag>,
    pub original_total_additional_fees: Option<Bag>,
    pub current_total_additional_fees: Option<Bag>,
    pub total_received: Bag,
    pub total_capturable: Bag,
    pub total_refunded: Bag,
    pub total_refunded_shipping: Bag,
    pub net_payment: Bag,
    pub total_outstanding: Bag,
    pub refund_discrepancy: Bag,
}

/// One line item.
#[derive(Clone, Debug)]
pub struct Line {
    /// The number in the global id.
    pub id: u64,
    /// The product's title.
    pub title: String,
    /// The variant's title.
    pub variant_title: Option<String>,
    /// The merchant's article number.
    pub sku: Option<String>,
    /// The maker.
    pub vendor: Option<String>,
    /// Units sold, refunded and removed ones included.
    pub quantity: i64,
    /// Units given back or removed.
    pub gone: i64,
    /// Before discounts.
    pub unit_price: Minor,
    /// Shares of discounts.
    pub allocations: Vec<Allocation>,
    /// For the whole quantity; never shrinks.
    pub taxes: Vec<TaxLine>,
    /// Customs charges.
    pub duties: Vec<Duty>,
    /// A liability rather than a sale.
    pub gift_card: bool,
    /// The variant's flag.
    pub taxable: bool,
    /// Something is sent.
    pub requires_shipping: bool,
    /// A gratuity shown as a line; outside the subtotal.
    pub tip: bool,
    /// Engravings and the like.
    pub custom_attributes: Vec<Attribute>,
}

/// One way of shipping.
#[derive(Clone, Debug)]
pub struct Shipping {
    /// The number in the global id; null in some old orders.
    pub id: Option<u64>,
    /// As the buyer saw it.
    pub title: String,
    /// The carrier's code.
    pub code: Option<String>,
    /// `shopify` or a carrier service.
    pub source: Option<String>,
    /// Removed by an edit.
    pub removed: bool,
    /// Before discounts.
    pub price: Minor,
    /// Shares of discounts.
    pub allocations: Vec<Allocation>,
    /// After discounts, before refunds.
    pub taxes: Vec<TaxLine>,
}

/// A share of a discount on a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// Position in the order's `discounts`.
    pub discount: usize,
    /// Never negative.
    pub amount: Minor,
}

/// One tax on something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaxLine {
    /// `HST`, `GST`, …
    pub title: String,
    /// 0.13 for thirteen per cent.
    pub rate: Option<Decimal>,
    /// The amount.
    pub price: Minor,
    /// The sales channel remits it; null means unknown.
    pub channel_liable: Option<bool>,
    /// Who computed it.
    pub source: Option<String>,
}

/// A customs charge on a line.
#[derive(Clone, Debug)]
pub struct Duty {
    /// The number in the global id.
    pub id: u64,
    /// The tariff number.
    pub harmonized_system_code: Option<String>,
    /// Where the goods come from.
    pub country_of_origin: Option<CountryCode>,
    /// The amount.
    pub price: Minor,
    /// Taxes on it.
    pub taxes: Vec<TaxLine>,
}

/// An additional fee on the order.
#[derive(Clone, Debug)]
pub struct Fee {
    /// The number in the global id.
    pub id: u64,
    /// What for.
    pub name: String,
    /// The amount.
    pub price: Minor,
    /// Taxes on it.
    pub taxes: Vec<TaxLine>,
}

/// A discount as it was granted.
#[derive(Clone, Debug)]
pub struct Discount {
    /// Where it comes from.
    pub source: DiscountSource,
    /// How it is spread.
    pub allocation_method: DiscountApplicationAllocationMethod,
    /// Over which lines.
    pub target_selection: DiscountApplicationTargetSelection,
    /// On goods or on shipping.
    pub target_type: DiscountApplicationTargetType,
    /// How much.
    pub value: DiscountValue,
}

/// Where a discount comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiscountSource {
    /// Typed in by the buyer.
    Code(String),
    /// Granted by a rule.
    Automatic(String),
    /// Granted by staff, with an explanation.
    Manual(String, Option<String>),
    /// Granted by a script.
    Script(String),
}

/// How much a discount is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiscountValue {
    /// 10 for ten per cent.
    Percent(Decimal),
    /// In the presentment currency.
    Amount(Minor),
}

impl Order {
    /// Converts at the order's own rate, as Shopify converts each figure by itself.
    pub fn bag(&self, presentment: Minor) -> Bag {
        bag(presentment, self.presentment, self.currency, self.rate)
    }
}

/// `amount` of `from` in both currencies.
pub(super) fn bag(amount: Minor, from: CurrencyCode, to: CurrencyCode, rate: Decimal) -> Bag {
    let shop = if from == to { amount } else { to.minor(from.major(amount) * rate) };
    Bag { presentment: amount, shop }
}

impl Line {
    /// Before discounts, the whole quantity.
    pub fn original_total(&self) -> Minor {
        self.unit_price * self.quantity
    }

    /// After every discount, the whole quantity; with tax where prices contain it.
    pub fn gross(&self) -> Minor {
        self.original_total() - self.allocations.iter().map(|share| share.amount).sum::<Minor>()
    }

    /// All its taxes.
    pub fn tax(&self) -> Minor {
        self.taxes.iter().map(|tax| tax.price).sum()
    }

    /// Title and variant.
    pub fn name(&self) -> String {
        match &self.variant_title {
            Some(variant) => format!("{} - {variant}", self.title),
            None => self.title.clone(),
        }
    }
}

impl Duty {
    /// All its taxes.
    pub fn tax(&self) -> Minor {
        self.taxes.iter().map(|tax| tax.price).sum()
    }
}

impl Fee {
    /// All its taxes.
    pub fn tax(&self) -> Minor {
        self.taxes.iter().map(|tax| tax.price).sum()
    }
}

impl Shipping {
    /// After discounts.
    pub fn discounted(&self) -> Minor {
        self.price - self.allocations.iter().map(|share| share.amount).sum::<Minor>()
    }

    /// All its taxes.
    pub fn tax(&self) -> Minor {
        self.taxes.iter().map(|tax| tax.price).sum()
    }
}
