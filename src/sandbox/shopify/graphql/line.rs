//! Line items, shipping lines, and the taxes, duties and fees on them.

use std::sync::Arc;

use async_graphql::{ID, Object};
use rust_decimal::Decimal;

use super::{
    discount::DiscountAllocation,
    scalar::{MoneyBag, gid},
};
use crate::sandbox::shopify::{
    build::float,
    currency::share,
    model::{
        Attribute, CountryCode, DiscountApplicationTargetSelection, DiscountSource, Duty, Fee, Line, Order, Shipping,
        TaxLine,
    },
};

/// The line at a position of an order.
#[derive(Clone, Debug)]
pub(super) struct LineItemObject {
    pub(super) order: Arc<Order>,
    pub(super) at: usize,
}

impl LineItemObject {
    pub(super) fn all(order: &Arc<Order>) -> Vec<LineItemObject> {
        (0..order.lines.len()).map(|at| LineItemObject { order: Arc::clone(order), at }).collect()
    }

    pub(super) fn line(&self) -> &Line {
        &self.order.lines[self.at]
    }

    fn bag(&self, amount: i64) -> MoneyBag {
        MoneyBag::at_rate(&self.order, amount)
    }

    /// Discounts of the line alone; those by code only when asked for.
    fn own_discounts(&self, codes: bool) -> i64 {
        let own = self.line().allocations.iter().filter(|part| {
            self.order.discounts.get(part.discount).is_some_and(|discount| {
                let code = matches!(discount.source, DiscountSource::Code(_));
                (discount.target_selection != DiscountApplicationTargetSelection::All && !code) || (codes && code)
            })
        });
        own.map(|part| part.amount).sum()
    }
}

#[Object(name = "LineItem")]
impl LineItemObject {
    pub(super) async fn id(&self) -> ID {
        gid("LineItem", self.line().id)
    }

    async fn name(&self) -> String {
        self.line().name()
    }

    async fn title(&self) -> &str {
        &self.line().title
    }

    async fn variant_title(&self) -> Option<&str> {
        self.line().variant_title.as_deref()
    }

    async fn sku(&self) -> Option<&str> {
        self.line().sku.as_deref()
    }

    async fn vendor(&self) -> Option<&str> {
        self.line().vendor.as_deref()
    }

    async fn quantity(&self) -> i64 {
        self.line().quantity
    }

    async fn current_quantity(&self) -> i64 {
        self.line().quantity - self.line().gone
    }

    async fn refundable_quantity(&self) -> i64 {
        self.line().quantity - self.line().gone
    }

    async fn is_gift_card(&self) -> bool {
        self.line().gift_card
    }

    async fn taxable(&self) -> bool {
        self.line().taxable
    }

    async fn requires_shipping(&self) -> bool {
        self.line().requires_shipping
    }

    async fn custom_attributes(&self) -> Vec<AttributeObject<'_>> {
        self.line().custom_attributes.iter().map(AttributeObject).collect()
    }

    async fn original_unit_price_set(&self) -> MoneyBag {
        self.bag(self.line().unit_price)
    }

    async fn original_total_set(&self) -> MoneyBag {
        self.bag(self.line().original_total())
    }

    async fn total_discount_set(&self) -> MoneyBag {
        self.bag(self.own_discounts(false))
    }

    async fn discounted_total_set(
        &self,
        #[graphql(default_with = "Some(false)")] with_code_discounts: Option<bool>,
    ) -> MoneyBag {
        self.bag(self.line().original_total() - self.own_discounts(with_code_discounts.unwrap_or_default()))
    }

    async fn discounted_unit_price_set(&self) -> MoneyBag {
        self.bag(share(self.line().original_total() - self.own_discounts(false), 1, self.line().quantity))
    }

    async fn discounted_unit_price_after_all_discounts_set(&self) -> MoneyBag {
        self.bag(share(self.line().gross(), 1, self.line().quantity))
    }

    async fn price_after_all_discounts_before_taxes_set(&self) -> MoneyBag {
        let (gross, tax) = self.order.line_now(self.at);
        self.bag(if self.order.taxes_included { gross - tax } else { gross })
    }

    async fn discount_allocations(&self) -> Vec<DiscountAllocation> {
        DiscountAllocation::all(&self.order, &self.line().allocations)
    }

    async fn tax_lines(&self, first: Option<i32>) -> Vec<TaxLineObject<'_>> {
        let all = TaxLineObject::all(&self.order, &self.line().taxes);
        limited(all, first)
    }

    async fn duties(&self) -> Vec<DutyObject> {
        let count = self.line().duties.len();
        (0..count).map(|duty| DutyObject { order: Arc::clone(&self.order), line: self.at, duty }).collect()
    }
}

/// The shipping line at a position of an order.
#[derive(Clone, Debug)]
pub(super) struct ShippingLineObject {
    pub(super) order: Arc<Order>,
    pub(super) at: usize,
}

impl ShippingLineObject {
    pub(super) fn line(&self) -> &Shipping {
        &self.order.shipping[self.at]
    }
}

#[Object(name = "ShippingLine")]
impl ShippingLineObject {
    pub(super) async fn id(&self) -> Option<ID> {
        self.line().id.map(|id| gid("ShippingLine", id))
    }

    async fn title(&self) -> &str {
        &self.line().title
    }

    async fn code(&self) -> Option<&str> {
        self.line().code.as_deref()
    }

    async fn source(&self) -> Option<&str> {
        self.line().source.as_deref()
    }

    async fn custom(&self) -> bool {
        self.line().source.is_none()
    }

    async fn is_removed(&self) -> bool {
        self.line().removed
    }

    async fn original_price_set(&self) -> MoneyBag {
        MoneyBag::at_rate(&self.order, self.line().price)
    }

    async fn discounted_price_set(&self) -> MoneyBag {
        MoneyBag::at_rate(&self.order, self.line().discounted())
    }

    async fn current_discounted_price_set(&self) -> MoneyBag {
        MoneyBag::at_rate(&self.order, self.order.shipping_now(self.at).0)
    }

    async fn discount_allocations(&self) -> Vec<DiscountAllocation> {
        DiscountAllocation::all(&self.order, &self.line().allocations)
    }

    async fn tax_lines(&self) -> Vec<TaxLineObject<'_>> {
        TaxLineObject::all(&self.order, &self.line().taxes)
    }
}

/// A key and its value.
pub(super) struct AttributeObject<'a>(pub(super) &'a Attribute);

#[Object(name = "Attribute")]
impl AttributeObject<'_> {
    async fn key(&self) -> &str {
        &self.0.key
    }

    async fn value(&self) -> Option<&str> {
        self.0.value.as_deref()
    }
}

/// One tax.
pub(super) struct TaxLineObject<'a> {
    order: &'a Order,
    tax: std::borrow::Cow<'a, TaxLine>,
}

impl<'a> TaxLineObject<'a> {
    pub(super) fn all(order: &'a Order, taxes: &'a [TaxLine]) -> Vec<TaxLineObject<'a>> {
        taxes.iter().map(|tax| TaxLineObject { order, tax: std::borrow::Cow::Borrowed(tax) }).collect()
    }

    pub(super) fn computed(order: &'a Order, taxes: Vec<TaxLine>) -> Vec<TaxLineObject<'a>> {
        taxes.into_iter().map(|tax| TaxLineObject { order, tax: std::borrow::Cow::Owned(tax) }).collect()
    }
}

#[Object(name = "TaxLine")]
impl TaxLineObject<'_> {
    async fn title(&self) -> &str {
        &self.tax.title
    }

    async fn rate(&self) -> Option<f64> {
        self.tax.rate.map(float)
    }

    async fn rate_percentage(&self) -> Option<f64> {
        self.tax.rate.map(|rate| float(rate * Decimal::ONE_HUNDRED))
    }

    async fn channel_liable(&self) -> Option<bool> {
        self.tax.channel_liable
    }

    async fn source(&self) -> Option<&str> {
        self.tax.source.as_deref()
    }

    async fn price_set(&self) -> MoneyBag {
        MoneyBag::at_rate(self.order, self.tax.price)
    }
}

/// A customs charge.
#[derive(Clone, Debug)]
pub(super) struct DutyObject {
    pub(super) order: Arc<Order>,
    pub(super) line: usize,
    pub(super) duty: usize,
}

impl DutyObject {
    fn duty(&self) -> &Duty {
        &self.order.lines[self.line].duties[self.duty]
    }
}

#[Object(name = "Duty")]
impl DutyObject {
    pub(super) async fn id(&self) -> ID {
        gid("Duty", self.duty().id)
    }

    async fn harmonized_system_code(&self) -> Option<&str> {
        self.duty().harmonized_system_code.as_deref()
    }

    async fn country_code_of_origin(&self) -> Option<CountryCode> {
        self.duty().country_of_origin
    }

    async fn price(&self) -> MoneyBag {
        MoneyBag::at_rate(&self.order, self.duty().price)
    }

    async fn tax_lines(&self) -> Vec<TaxLineObject<'_>> {
        TaxLineObject::all(&self.order, &self.duty().taxes)
    }
}

/// An additional fee.
pub(super) struct FeeObject<'a> {
    pub(super) order: &'a Order,
    pub(super) fee: &'a Fee,
}

#[Object(name = "AdditionalFee")]
impl FeeObject<'_> {
    pub(super) async fn id(&self) -> ID {
        gid("AdditionalFee", self.fee.id)
    }

    async fn name(&self) -> &str {
        &self.fee.name
    }

    async fn price(&self) -> MoneyBag {
        MoneyBag::at_rate(self.order, self.fee.price)
    }

    async fn tax_lines(&self) -> Vec<TaxLineObject<'_>> {
        TaxLineObject::all(self.order, &self.fee.taxes)
    }
}

/// The first of a list that has no cursor.
pub(super) fn limited<T>(mut all: Vec<T>, first: Option<i32>) -> Vec<T> {
    if let Some(first) = first {
        all.truncate(usize::try_from(first).unwrap_or_default());
    }
    all
}
