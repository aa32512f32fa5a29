//! Money that moved, was promised or failed: transactions and refunds.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use super::{
    currency::Minor,
    model::Bag,
    states::{
        DigitalWallet, OrderAdjustmentDiscrepancyReason, OrderTransactionErrorCode, OrderTransactionKind,
        OrderTransactionStatus, RefundLineItemRestockType,
    },
};

/// An attempt to move money.
#[derive(Clone, Debug)]
pub struct Transaction {
    /// The number in the global id.
    pub id: u64,
    /// What was attempted.
    pub kind: OrderTransactionKind,
    /// How it went.
    pub status: OrderTransactionStatus,
    /// `shopify_payments`, `manual`, `gift_card`, …
    pub gateway: String,
    /// Made by hand rather than by a provider.
    pub manual: bool,
    /// Positive for refunds too. The rate is that of its own day.
    pub amount: Bag,
    /// Cash rounding of this payment.
    pub rounding: Option<Bag>,
    /// What an authorisation still holds.
    pub unsettled: Option<Bag>,
    /// When the record was made.
    pub created_at: DateTime<Utc>,
    /// When the money moved.
    pub processed_at: Option<DateTime<Utc>>,
    /// The id of the authorisation that was captured, the sale that was refunded.
    pub parent: Option<u64>,
    /// Test mode.
    pub test: bool,
    /// Why it failed.
    pub error: Option<OrderTransactionErrorCode>,
    /// The provider's number.
    pub payment_id: Option<String>,
    /// What was paid with.
    pub details: Option<PaymentMeans>,
    /// What Shopify Payments kept.
    pub fees: Vec<TransactionFee>,
}

/// What was paid with.
#[derive(Clone, Debug)]
pub enum PaymentMeans {
    /// Company and masked number, with the wallet it came from.
    Card(String, String, Option<DigitalWallet>),
    /// iDEAL, Bancontact and the like.
    Local(String),
    /// Instalments.
    Instalments,
    /// PayPal.
    Paypal,
}

/// What Shopify Payments kept of a payment, in shop currency.
#[derive(Clone, Debug)]
pub struct TransactionFee {
    /// The number in the global id.
    pub id: u64,
    /// The whole fee.
    pub amount: Minor,
    /// The part that does not depend on the amount.
    pub flat: Minor,
    /// 0.029 for 2.9 per cent.
    pub rate: Decimal,
}

/// A refund, or a removal by an edit.
#[derive(Clone, Debug)]
pub struct Refund {
    /// The number in the global id.
    pub id: u64,
    /// Null in some old refunds.
    pub created_at: Option<DateTime<Utc>>,
    /// The day of the credit.
    pub processed_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// A remark.
    pub note: Option<String>,
    /// Units given back.
    pub lines: Vec<RefundLine>,
    /// Shipping given back.
    pub shipping: Vec<RefundShipping>,
    /// Where money and lines disagree.
    pub adjustments: Vec<Adjustment>,
    /// Ids of the order's transactions that belong to it.
    pub transactions: Vec<u64>,
    /// Duties given back, by the duty's id; their taxes go with them.
    pub duties: Vec<(u64, Minor)>,
    /// Made by an order edit rather than a refund.
    pub removal: bool,
    /// The part of its money that is on no line of this refund and due all the same: an earlier removal had left it over, or rounding to
    /// coins added it.
    pub settles: Minor,
}

/// Units of a line given back.
#[derive(Clone, Copy, Debug)]
pub struct RefundLine {
    /// The number in the global id; null in some old refunds.
    pub id: Option<u64>,
    /// Position in the order's `lines`.
    pub line: usize,
    /// How many.
    pub quantity: i64,
    /// What becomes of the goods.
    pub restock: RefundLineItemRestockType,
    /// They are back in stock.
    pub restocked: bool,
    /// One unit after discounts.
    pub price: Minor,
    /// All of them after discounts.
    pub subtotal: Minor,
    /// Their tax.
    pub tax: Minor,
}

/// Shipping given back.
#[derive(Clone, Copy, Debug)]
pub struct RefundShipping {
    /// The number in the global id.
    pub id: u64,
    /// Position in the order's `shipping`.
    pub shipping: usize,
    /// After discounts.
    pub subtotal: Minor,
    /// Its tax.
    pub tax: Minor,
}

/// A difference between what a refund's lines are worth and what was paid out.
#[derive(Clone, Copy, Debug)]
pub struct Adjustment {
    /// The number in the global id.
    pub id: u64,
    /// Why.
    pub reason: Option<OrderAdjustmentDiscrepancyReason>,
    /// Suggested less actual: negative in the buyer's favour.
    pub amount: Minor,
    /// Its tax.
    pub tax: Minor,
}
