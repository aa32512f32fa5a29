//! What FreshBooks should hold for a Shopify order. Pure: no clock, no database, no network.
//!
//! The dictionary between two vocabularies, Shopify's and FreshBooks', with no third one between them. Either it translates an order to
//! the cent, with the proof, or it refuses with a reason that names who can mend it.

mod amount;
pub mod client;
pub mod invoice;
mod line;
mod part;
pub mod payment;
mod refund;
mod refusal;
pub mod rounding;
pub mod settings;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use chrono_tz::Tz;

use self::amount::Reader;
pub use self::{
    client::{Subject, WantedClient},
    invoice::WantedInvoice,
    payment::WantedPayment,
    refusal::{Refusal, SkipRule},
    rounding::{Cents, Rules},
    settings::Settings,
};
use crate::{money::Currency, shopify::model::Order};

/// What mapping must know of the two ends beside the order itself.
#[derive(Clone, Copy, Debug)]
pub struct Shop {
    /// Documents are dated by this zone's days.
    pub time_zone: Tz,
    /// How this FreshBooks account has been seen to add up.
    pub rules: Rules,
}

/// What FreshBooks holds for the order already, as far as it binds what it should hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Booked {
    /// There is an invoice (live or voided): filters no longer apply.
    pub invoiced: bool,
    /// The invoice's date as FreshBooks has it.
    pub dated: Option<NaiveDate>,
    /// Refunds (Shopify's numbers) that the invoice shows as negative lines.
    pub adjusted: Vec<i64>,
    /// Credit notes by refund, with their dates.
    pub credited: BTreeMap<i64, NaiveDate>,
    /// Payments by transaction, with their dates.
    pub paid: BTreeMap<i64, NaiveDate>,
    /// By how much FreshBooks' total differed from every known rule, in hundredths.
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
    /// The document's currency.
    pub currency: Currency,
    /// What the invoice will add up to, and what the order is owed.
    pub proof: CentProof,
}

/// Law 2, before FreshBooks has answered. In hundredths of the document's currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CentProof {
    /// What Shopify's order is owed.
    pub shopify: Cents,
    /// What FreshBooks will answer, by the rule that its answers have not contradicted.
    pub predicted: Cents,
}

/// What FreshBooks should hold for `order`, or why we cannot say it to the cent.
///
/// # Errors
/// [`Refusal`]: skipped by a rule, waiting for Shopify or a person, or not translatable.
pub fn wanted(order: &Order, settings: &Settings, shop: &Shop, _booked: &Booked) -> Result<Wanted, Refusal> {
    if order.test {
        return Err(Refusal::Skipped(SkipRule::TestOrder));
    }
    let day = invoice::day(order.processed_at, shop.time_zone);
    if settings.start_date.is_some_and(|start| day < start) {
        return Err(Refusal::Skipped(SkipRule::BeforeStartDate));
    }
    let read = Reader::documents(settings.currency, order);
    let parts = if invoice::voided(order) { part::Parts::nothing() } else { part::take_apart(order, read)? };
    // First the money: an order that was paid beyond what is left of it waits, however little that is.
    let payments = payment::wanted(order, &parts, settings, shop)?;
    let (invoice, proof) = invoice::wanted(order, &parts, settings, shop)?;
    Ok(Wanted {
        shopify_order_id: order.number_of_id(),
        client: client::wanted(order, settings),
        invoice,
        payments,
        currency: read.currency(order),
        proof,
    })
}

/// Shopify's present total in the shop's currency, for lists: `None` where it is not whole minor units.
pub fn shop_total(order: &Order) -> Option<crate::money::Money> {
    let total = &order.current_total_price_set.shop_money;
    crate::money::Money::exact(total.amount, total.currency_code).ok()
}

/// Hundredths as text, such as `-12.30`.
pub fn cents_text(cents: Cents) -> String {
    rust_decimal::Decimal::new(cents, 2).to_string()
}

#[cfg(test)]
mod tests;
