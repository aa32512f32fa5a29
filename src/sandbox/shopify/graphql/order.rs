//! The order: its facts, its sums, its lists.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result, SimpleObject};

use super::{
    access::{may_read_customers, protected},
    connection::{Connection, Window},
    customer::{CustomerObject, MailingAddressObject, PurchasingCompanyObject, PurchasingEntity},
    discount::DiscountApplication,
    line::{AttributeObject, FeeObject, LineItemObject, ShippingLineObject, TaxLineObject, limited},
    refund::RefundObject,
    scalar::{Instant, MoneyBag, UnsignedInt64, gid},
    transaction::TransactionObject,
};
use crate::sandbox::shopify::{
    currency::CurrencyCode,
    model::{
        CountPrecision, DiscountSource, Order, OrderCancelReason, OrderDisplayFinancialStatus,
        OrderDisplayFulfillmentStatus, OrderReturnStatus, OrderTransactionKind, OrderTransactionStatus,
    },
};

/// An order.
#[derive(Clone, Debug)]
pub(super) struct OrderObject(pub(super) Arc<Order>);

#[Object(name = "Order")]
impl OrderObject {
    pub(super) async fn id(&self) -> ID {
        gid("Order", self.0.id)
    }

    async fn legacy_resource_id(&self) -> UnsignedInt64 {
        UnsignedInt64(self.0.id)
    }

    async fn name(&self) -> &str {
        &self.0.name
    }

    async fn number(&self) -> i32 {
        self.0.number
    }

    async fn created_at(&self) -> Instant {
        Instant(self.0.created_at)
    }

    async fn processed_at(&self) -> Instant {
        Instant(self.0.processed_at)
    }

    async fn updated_at(&self) -> Instant {
        Instant(self.0.updated_at)
    }

    async fn closed_at(&self) -> Option<Instant> {
        self.0.closed_at.map(Instant)
    }

    async fn closed(&self) -> bool {
        self.0.closed_at.is_some()
    }

    async fn cancelled_at(&self) -> Option<Instant> {
        self.0.cancelled_at.map(Instant)
    }

    async fn cancel_reason(&self) -> Option<OrderCancelReason> {
        self.0.cancel_reason
    }

    async fn test(&self) -> bool {
        self.0.test
    }

    async fn confirmed(&self) -> bool {
        self.0.confirmed
    }

    async fn edited(&self) -> bool {
        self.0.edited
    }

    async fn source_name(&self) -> Option<&str> {
        self.0.source_name.as_deref()
    }

    async fn po_number(&self) -> Option<&str> {
        self.0.po_number.as_deref()
    }

    async fn note(&self) -> Option<&str> {
        self.0.note.as_deref()
    }

    async fn tags(&self) -> &[String] {
        &self.0.tags
    }

    async fn currency_code(&self) -> CurrencyCode {
        self.0.currency
    }

    async fn presentment_currency_code(&self) -> CurrencyCode {
        self.0.presentment
    }

    async fn taxes_included(&self) -> bool {
        self.0.taxes_included
    }

    async fn tax_exempt(&self) -> bool {
        self.0.tax_exempt
    }

    async fn estimated_taxes(&self) -> bool {
        self.0.estimated_taxes
    }

    async fn duties_included(&self) -> bool {
        self.0.duties_included
    }

    async fn display_financial_status(&self) -> Option<OrderDisplayFinancialStatus> {
        self.0.financial_status
    }

    async fn display_fulfillment_status(&self) -> OrderDisplayFulfillmentStatus {
        self.0.fulfillment_status
    }

    async fn return_status(&self) -> OrderReturnStatus {
        self.0.return_status
    }

    async fn subtotal_price_set(&self) -> Option<MoneyBag> {
        Some(MoneyBag::new(&self.0, self.0.totals.subtotal_price))
    }

    async fn total_discounts_set(&self) -> Option<MoneyBag> {
        Some(MoneyBag::new(&self.0, self.0.totals.total_discounts))
    }

    async fn total_shipping_price_set(&self) -> MoneyBag {
        MoneyBag::new(&self.0, self.0.totals.total_shipping_price)
    }

    async fn total_tax_set(&self) -> Option<MoneyBag> {
        Some(MoneyBag::new(&self.0, self.0.totals.total_tax))
    }

    async fn total_tip_received_set(&self) -> MoneyBag {
        MoneyBag::new(&self.0, self.0.totals.total_tip_received)
    }

    async fn total_price_set(&self) -> MoneyBag {
        MoneyBag::new(&self.0, self.0.totals.total_price)
    }

    async fn original_total_price_set(&self) -> MoneyBag {
        MoneyBag::new(&self.0, self.0.totals.original_total_price)
    }

    async fn current_subtotal_price_set(&self) -> MoneyBag {
        MoneyBag::new(&self.0, self.0.totals.current_subtotal_price)
    }

    async fn current_total_discounts_set(&self) -> MoneyBag {
        MoneyBag::new(&self.0, self.0.totals.current_total_discounts)
    }

    async fn current_cart_discount_amount_set(&self) -> MoneyBag {
        MoneyBag::new(&self.0, self.0.totals.current_cart_discount_amount)
    }

    async fn current_shipping_price_set(&self) -> MoneyBag {
        MoneyBag::new(&self.0, self.0.totals.current_shipping_price)
    }

    async fn current_total_tax_set(&self) -> MoneyBag {
        MoneyBag::new(&self.0, self.0.totals.current_total_tax)
    }

    async fn current_total_price_set(&self) -> MoneyBag {
        MoneyBag::new(&self.0, self.0.totals.current_total_price)
    }

    async fn total_received_set(&self) -> MoneyBag {
        MoneyBag::new(&self.0, self.0.totals.total_received)
    }

    async fn total_capturable_set(&self) -> MoneyBag {
        MoneyBag::new(&self.0, self.0.totals.total_capturable)
    }

    async fn total_refunded_set(&self) -> MoneyBag {
        MoneyBag::new(&self.0, self.0.totals.total_refunded)
    }

    async fn total_refunded_shipping_set(&self) -> MoneyBag {
        MoneyBag::new(&self.0, self.0.totals.total_refunded_shipping)
    }

    async fn net_payment_set(&self) -> MoneyBag {
        MoneyBag::new(&self.0, self.0.totals.net_payment)
    }

    async fn total_outstanding_set(&self) -> MoneyBag {
        MoneyBag::new(&self.0, self.0.totals.total_outstanding)
    }

    async fn refund_discrepancy_set(&self) -> MoneyBag {
        MoneyBag::new(&self.0, self.0.totals.refund_discrepancy)
    }

    async fn cart_discount_amount_set(&self) -> Option<MoneyBag> {
        self.0.totals.cart_discount_amount.map(|bag| MoneyBag::new(&self.0, bag))
    }

    async fn original_total_duties_set(&self) -> Option<MoneyBag> {
        self.0.totals.original_total_duties.map(|bag| MoneyBag::new(&self.0, bag))
    }

    async fn original_total_additional_fees_set(&self) -> Option<MoneyBag> {
        self.0.totals.original_total_additional_fees.map(|bag| MoneyBag::new(&self.0, bag))
    }

    async fn current_total_duties_set(&self) -> Option<MoneyBag> {
        self.0.totals.current_total_duties.map(|bag| MoneyBag::new(&self.0, bag))
    }

    async fn current_total_additional_fees_set(&self) -> Option<MoneyBag> {
        self.0.totals.current_total_additional_fees.map(|bag| MoneyBag::new(&self.0, bag))
    }

    async fn confirmation_number(&self) -> Option<String> {
        Some(format!("SIM{:06}", self.0.number))
    }

    async fn customer_locale(&self) -> Option<&str> {
        self.0.customer.as_ref().map(|customer| customer.locale.as_str())
    }

    async fn fully_paid(&self) -> bool {
        self.0.totals.total_received.presentment > 0 && self.0.totals.total_outstanding.presentment <= 0
    }

    async fn unpaid(&self) -> bool {
        self.0.totals.total_received.presentment == 0 && self.0.totals.total_outstanding.presentment > 0
    }

    async fn subtotal_line_items_quantity(&self) -> i64 {
        self.0.lines.iter().filter(|line| !line.tip).map(|line| line.quantity).sum()
    }

    async fn current_subtotal_line_items_quantity(&self) -> i64 {
        self.0.lines.iter().filter(|line| !line.tip).map(|line| line.quantity - line.gone).sum()
    }

    async fn merchant_of_record_app(&self) -> Option<OrderApp> {
        None
    }

    async fn total_cash_rounding_adjustment(&self) -> CashRoundingAdjustment {
        CashRoundingAdjustment {
            payment_set: MoneyBag::at_rate(&self.0, self.0.cash_rounding),
            refund_set: MoneyBag::at_rate(&self.0, self.0.cash_rounding_refund),
        }
    }

    async fn payment_gateway_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for paid in self.0.transactions.iter().filter(|paid| paid.kind != OrderTransactionKind::Refund) {
            if paid.status != OrderTransactionStatus::Failure && !names.contains(&paid.gateway.as_str()) {
                names.push(&paid.gateway);
            }
        }
        names
    }

    async fn discount_codes(&self) -> Vec<&str> {
        let codes = self.0.discounts.iter().map(|discount| &discount.source);
        codes
            .filter_map(|source| if let DiscountSource::Code(code) = source { Some(code.as_str()) } else { None })
            .collect()
    }

    async fn custom_attributes(&self) -> Vec<AttributeObject<'_>> {
        self.0.custom_attributes.iter().map(AttributeObject).collect()
    }

    async fn email(&self, ctx: &Context<'_>) -> Option<&str> {
        protected(ctx, self.0.email.as_deref())
    }

    async fn phone(&self, ctx: &Context<'_>) -> Option<&str> {
        protected(ctx, self.0.phone.as_deref())
    }

    async fn customer(&self, ctx: &Context<'_>) -> Result<Option<CustomerObject>> {
        may_read_customers(ctx, "customer")?;
        Ok(self.0.customer.as_ref().map(|customer| CustomerObject(Arc::clone(customer))))
    }

    async fn purchasing_entity(&self, ctx: &Context<'_>) -> Result<Option<PurchasingEntity>> {
        may_read_customers(ctx, "purchasingEntity")?;
        let company = self.0.company.as_ref().map(|company| PurchasingCompanyObject(Arc::clone(company)));
        let customer = || self.0.customer.as_ref().map(|customer| CustomerObject(Arc::clone(customer)));
        Ok(company.map(PurchasingEntity::PurchasingCompany).or_else(|| customer().map(PurchasingEntity::Customer)))
    }

    async fn billing_address(&self) -> Option<MailingAddressObject<'_>> {
        self.0.billing_address.as_ref().map(|address| MailingAddressObject { address, id: self.0.id * 10 + 1 })
    }

    async fn shipping_address(&self) -> Option<MailingAddressObject<'_>> {
        self.0.shipping_address.as_ref().map(|address| MailingAddressObject { address, id: self.0.id * 10 + 2 })
    }

    async fn tax_lines(&self) -> Vec<TaxLineObject<'_>> {
        TaxLineObject::computed(&self.0, self.0.tax_lines(false))
    }

    async fn current_tax_lines(&self) -> Vec<TaxLineObject<'_>> {
        TaxLineObject::computed(&self.0, self.0.tax_lines(true))
    }

    async fn additional_fees(&self) -> Vec<FeeObject<'_>> {
        self.0.fees.iter().map(|fee| FeeObject { order: &self.0, fee }).collect()
    }

    async fn transactions_count(&self) -> Option<Count> {
        Some(Count::exact(self.0.transactions.len()))
    }

    async fn transactions(
        &self,
        capturable: Option<bool>,
        first: Option<i32>,
        manually_resolvable: Option<bool>,
    ) -> Vec<TransactionObject> {
        let mut all = TransactionObject::all(&self.0);
        if let Some(wanted) = capturable {
            all.retain(|paid| paid.get().unsettled.is_some_and(|left| left.presentment > 0) == wanted);
        }
        if let Some(wanted) = manually_resolvable {
            all.retain(|paid| (paid.get().manual && paid.get().status == OrderTransactionStatus::Pending) == wanted);
        }
        limited(all, first)
    }

    async fn refunds(&self, first: Option<i32>) -> Vec<RefundObject> {
        limited(RefundObject::all(&self.0), first)
    }

    async fn line_items(
        &self,
        ctx: &Context<'_>,
        after: Option<String>,
        before: Option<String>,
        first: Option<i32>,
        last: Option<i32>,
        #[graphql(default_with = "Some(false)")] reverse: Option<bool>,
    ) -> Result<Connection<LineItemObject>> {
        let window = Window { after, before, first, last, reverse: reverse.unwrap_or_default() };
        window.cut(ctx, LineItemObject::all(&self.0), |item| (item.at as i64, item.line().id))
    }

    #[expect(clippy::too_many_arguments, reason = "the schema has them")]
    async fn shipping_lines(
        &self,
        ctx: &Context<'_>,
        after: Option<String>,
        before: Option<String>,
        first: Option<i32>,
        #[graphql(default_with = "Some(false)")] include_removals: Option<bool>,
        last: Option<i32>,
        #[graphql(default_with = "Some(false)")] reverse: Option<bool>,
    ) -> Result<Connection<ShippingLineObject>> {
        let removed = include_removals.unwrap_or_default();
        let shown = (0..self.0.shipping.len()).filter(|&at| removed || !self.0.shipping[at].removed);
        let all = shown.map(|at| ShippingLineObject { order: Arc::clone(&self.0), at }).collect();
        let window = Window { after, before, first, last, reverse: reverse.unwrap_or_default() };
        window.cut(ctx, all, |item| (item.at as i64, item.line().id.unwrap_or_default()))
    }

    async fn discount_applications(
        &self,
        ctx: &Context<'_>,
        after: Option<String>,
        before: Option<String>,
        first: Option<i32>,
        last: Option<i32>,
        #[graphql(default_with = "Some(false)")] reverse: Option<bool>,
    ) -> Result<Connection<DiscountApplication>> {
        let window = Window { after, before, first, last, reverse: reverse.unwrap_or_default() };
        window.cut(ctx, DiscountApplication::all(&self.0), |item| (0, item.position()))
    }
}

/// An app that sold in the merchant's place; none does here.
#[derive(SimpleObject)]
pub(super) struct OrderApp {
    id: ID,
    name: String,
}

/// What rounding to coins changed.
#[derive(SimpleObject)]
pub(super) struct CashRoundingAdjustment {
    payment_set: MoneyBag,
    refund_set: MoneyBag,
}

/// A number of things.
#[derive(SimpleObject)]
pub(super) struct Count {
    count: usize,
    precision: CountPrecision,
}

impl Count {
    pub(super) fn exact(count: usize) -> Count {
        Count { count, precision: CountPrecision::Exact }
    }

    /// Counting stops at the limit.
    pub(super) fn up_to(count: usize, limit: usize) -> Count {
        let precision = if count > limit { CountPrecision::AtLeast } else { CountPrecision::Exact };
        Count { count: count.min(limit), precision }
    }
}
