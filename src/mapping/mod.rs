//! What FreshBooks should hold for a Shopify order. Pure: no clock, no database, no network.
//!
//! The dictionary between two vocabularies, Shopify's and FreshBooks', with no third one between them. Either it translates an order to
//! the cent, with the proof, or it refuses with a reason that names who can mend it.
//!
//! Read it in this order: `filter` (is it booked at all), `part` and `refund` (the order taken apart, in Shopify's own figures),
//! `tax` and `line` (parts as FreshBooks' lines), `document` (lines that add up), then a file per kind of document.

mod amount;
pub mod client;
pub mod credit;
mod document;
mod filter;
pub mod invoice;
mod line;
mod part;
pub mod payment;
mod refund;
mod refusal;
pub mod rounding;
pub mod settings;
mod tax;
mod text;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use chrono_tz::Tz;

use self::{amount::Reader, document::Style, line::Shape, part::View};
pub use self::{
    client::{Subject, WantedClient},
    credit::WantedCredit,
    invoice::WantedInvoice,
    payment::WantedPayment,
    refusal::{Refusal, SkipRule},
    rounding::{Cents, Rules},
    settings::Settings,
};
use crate::{
    mapping::settings::{Basis, Cancelled, Refunds},
    money::Currency,
    problem::Problem,
    shopify::model::Order,
};

/// What mapping must know of the two ends beside the order itself.
#[derive(Clone, Copy, Debug)]
pub struct Shop {
    /// Documents are dated by this zone's days.
    pub time_zone: Tz,
    /// How this FreshBooks account has been seen to add up.
    pub rules: Rules,
}

/// What FreshBooks holds for the order already, as far as it binds what it should hold: a number, a currency and the way in which a refund
/// was recorded never change, whatever the settings say later.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Booked {
    /// The invoice, live or voided.
    pub invoice: Option<BookedInvoice>,
    /// Credit notes, by Shopify's number of the refund.
    pub credited: BTreeMap<i64, BookedCredit>,
    /// The dates of payments, by Shopify's number of the transaction.
    pub paid: BTreeMap<i64, NaiveDate>,
}

/// What binds of an invoice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BookedInvoice {
    /// As FreshBooks has it.
    pub number: Option<String>,
    /// As FreshBooks has it.
    pub dated: Option<NaiveDate>,
    /// ISO 4217.
    pub currency: Option<String>,
    /// Refunds (Shopify's numbers) that it shows as negative lines.
    pub adjusted: Vec<i64>,
    /// By how much FreshBooks' answer differed from every known rule; hundredths.
    pub unexplained: Cents,
}

/// What binds of a credit note.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BookedCredit {
    /// As FreshBooks has it.
    pub dated: Option<NaiveDate>,
    /// By how much FreshBooks' answer differed from every known rule; hundredths.
    pub unexplained: Cents,
}

/// What FreshBooks should hold for one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Shopify's number for the order.
    pub shopify_order_id: i64,
    /// The one who is invoiced.
    pub client: WantedClient,
    /// The one invoice.
    pub invoice: WantedInvoice,
    /// One per successful sale or capture.
    pub payments: Vec<WantedPayment>,
    /// One per refund that is recorded so.
    pub credits: Vec<WantedCredit>,
    /// The documents' currency.
    pub currency: Currency,
    /// What the documents will add up to, and what the order is owed.
    pub proof: CentProof,
    /// What a person still has to do, once the documents are there: the order waits for it.
    pub left_to_person: Option<Problem>,
}

/// Law 2, before FreshBooks has answered. In hundredths of the document's currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CentProof {
    /// What Shopify's order is owed.
    pub shopify: Cents,
    /// What FreshBooks will answer, the invoice less credit notes, by the rule that its answers have not contradicted.
    pub predicted: Cents,
}

/// What FreshBooks should hold for `order`, or why we cannot say it to the cent.
///
/// # Errors
/// [`Refusal`]: skipped by a rule, waiting for Shopify or a person, or not translatable.
pub fn wanted(order: &Order, settings: &Settings, shop: &Shop, booked: &Booked) -> Result<Wanted, Refusal> {
    if booked.invoice.is_none() {
        filter::check(order, settings, shop.time_zone)?;
    }
    let basis = basis(order, settings, booked);
    let view = View { order, read: Reader::documents(basis, order), settings, booked };
    let parts = if invoice::voided(order) {
        match settings.cancelled {
            _ if booked.invoice.is_none() => return Err(Refusal::Skipped(SkipRule::CancelledBeforeInvoice)),
            Cancelled::Person => return Err(Refusal::cancelled_by_person()),
            Cancelled::Void => part::Parts::default(),
        }
    } else {
        part::take_apart(view)?
    };
    let currency = view.read.currency(order);
    let style = Style { settings, currency, rule: shop.rules.preferred(), shape: Shape::Split };
    // First the money: an order that was paid beyond what is left of it waits, however little that is.
    let payments = payment::wanted(view, &parts, shop)?;
    let (invoice, shape) = invoice::wanted(view, &parts, shop, style)?;
    // What the invoice keeps out of the tax report, a credit note must not take back from it.
    let credits = credit::wanted(
        view,
        &parts,
        shop,
        Style { shape: if shape == Shape::TaxLines { shape } else { Shape::Split }, ..style },
    )?;
    let predicted = invoice.total - credits.iter().map(|credit| credit.total).sum::<Cents>();
    let left: Vec<&refund::Refunded> =
        parts.refunds.iter().filter(|refund| refund.policy == Refunds::Person && refund.given != 0).collect();
    let left_to_person = (!left.is_empty())
        .then(|| refusal::refund_left(left.len(), left.iter().map(|refund| refund.given).sum(), currency.code()));
    Ok(Wanted {
        shopify_order_id: order.number_of_id(),
        client: client::wanted(order, settings, currency),
        invoice,
        payments,
        credits,
        currency,
        proof: CentProof { shopify: parts.owed, predicted },
        left_to_person,
    })
}

/// Whose money the documents are in: that of the invoice, once there is one.
fn basis(order: &Order, settings: &Settings, booked: &Booked) -> Basis {
    match booked.invoice.as_ref().and_then(|invoice| invoice.currency.as_deref()) {
        Some(code) if code == order.currency_code.code() => Basis::Shop,
        Some(code) if code == order.presentment_currency_code.code() => Basis::Presentment,
        _ => settings.currency,
    }
}

/// Shopify's present total in the shop's currency, for lists: `None` where it is not whole minor units.
pub fn shop_total(order: &Order) -> Option<crate::money::Money> {
    let total = &order.current_total_price_set.shop_money;
    crate::money::Money::exact(total.amount, total.currency_code).ok()
}

/// An amount of FreshBooks' in hundredths.
pub fn cents(amount: rust_decimal::Decimal) -> Cents {
    crate::money::half_up(amount * rust_decimal::Decimal::ONE_HUNDRED)
}

/// Hundredths as text, such as `-12.30`.
pub fn cents_text(cents: Cents) -> String {
    rust_decimal::Decimal::new(cents, 2).to_string()
}

/// Whether a text of ours begins with `before` and a number: it says what it was made for.
fn names_a_number(text: &str, before: &str) -> bool {
    let number = text.strip_prefix(before).and_then(|rest| rest.split(' ').next());
    number.is_some_and(|number| number.parse::<i64>().is_ok())
}

#[cfg(test)]
mod tests;
