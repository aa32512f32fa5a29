//! Refunds, and the removals that Shopify records as refunds without money.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result};

use super::{
    connection::{Connection, Window},
    line::{DutyObject, LineItemObject, ShippingLineObject},
    order::OrderObject,
    scalar::{Instant, MoneyBag, UnsignedInt64, gid},
    transaction::TransactionObject,
};
use crate::sandbox::shopify::model::{
    Adjustment, Order, OrderAdjustmentDiscrepancyReason, Refund, RefundLine, RefundLineItemRestockType, RefundShipping,
};

/// The refund at a position of an order.
#[derive(Clone, Debug)]
pub(super) struct RefundObject {
    pub(super) order: Arc<Order>,
    pub(super) at: usize,
}

impl RefundObject {
    pub(super) fn all(order: &Arc<Order>) -> Vec<RefundObject> {
        (0..order.refunds.len()).map(|at| RefundObject { order: Arc::clone(order), at }).collect()
    }

    fn get(&self) -> &Refund {
        &self.order.refunds[self.at]
    }
}

#[Object(name = "Refund")]
impl RefundObject {
    pub(super) async fn id(&self) -> ID {
        gid("Refund", self.get().id)
    }

    async fn legacy_resource_id(&self) -> UnsignedInt64 {
        UnsignedInt64(self.get().id)
    }

    async fn created_at(&self) -> Option<Instant> {
        self.get().created_at.map(Instant)
    }

    async fn processed_at(&self) -> Instant {
        Instant(self.get().processed_at)
    }

    async fn updated_at(&self) -> Instant {
        Instant(self.get().updated_at)
    }

    async fn note(&self) -> Option<&str> {
        self.get().note.as_deref()
    }

    async fn order(&self) -> OrderObject {
        OrderObject(Arc::clone(&self.order))
    }

    async fn total_refunded_set(&self) -> MoneyBag {
        MoneyBag::new(&self.order, self.order.paid_back(self.get()))
    }

    async fn duties(&self) -> Option<Vec<RefundDuty>> {
        let duties = self.get().duties.iter();
        Some(duties.map(|&(id, amount)| RefundDuty { order: Arc::clone(&self.order), id, amount }).collect())
    }

    async fn refund_line_items(
        &self,
        ctx: &Context<'_>,
        after: Option<String>,
        before: Option<String>,
        first: Option<i32>,
        last: Option<i32>,
        #[graphql(default_with = "Some(false)")] reverse: Option<bool>,
    ) -> Result<Connection<RefundLineItemObject>> {
        let order = &self.order;
        let all = self.get().lines.iter().enumerate();
        let all = all.map(|(at, line)| RefundLineItemObject { order: Arc::clone(order), at, line: *line }).collect();
        let window = Window { after, before, first, last, reverse: reverse.unwrap_or_default() };
        window.cut(ctx, all, |item| (item.at as i64, item.at as u64))
    }

    async fn refund_shipping_lines(
        &self,
        ctx: &Context<'_>,
        after: Option<String>,
        before: Option<String>,
        first: Option<i32>,
        last: Option<i32>,
        #[graphql(default_with = "Some(false)")] reverse: Option<bool>,
    ) -> Result<Connection<RefundShippingLineObject>> {
        let all = self.get().shipping.iter();
        let all = all.map(|line| RefundShippingLineObject { order: Arc::clone(&self.order), line: *line }).collect();
        let window = Window { after, before, first, last, reverse: reverse.unwrap_or_default() };
        window.cut(ctx, all, |item| (0, item.line.id))
    }

    async fn order_adjustments(
        &self,
        ctx: &Context<'_>,
        after: Option<String>,
        before: Option<String>,
        first: Option<i32>,
        last: Option<i32>,
        #[graphql(default_with = "Some(false)")] reverse: Option<bool>,
    ) -> Result<Connection<OrderAdjustmentObject>> {
        let all = self.get().adjustments.iter();
        let all = all.map(|line| OrderAdjustmentObject { order: Arc::clone(&self.order), line: *line }).collect();
        let window = Window { after, before, first, last, reverse: reverse.unwrap_or_default() };
        window.cut(ctx, all, |item| (0, item.line.id))
    }

    async fn transactions(
        &self,
        ctx: &Context<'_>,
        after: Option<String>,
        before: Option<String>,
        first: Option<i32>,
        last: Option<i32>,
        #[graphql(default_with = "Some(false)")] reverse: Option<bool>,
    ) -> Result<Connection<TransactionObject>> {
        let own = |paid: &TransactionObject| self.get().transactions.contains(&paid.get().id);
        let all = TransactionObject::all(&self.order).into_iter().filter(own).collect();
        let window = Window { after, before, first, last, reverse: reverse.unwrap_or_default() };
        window.cut(ctx, all, |item| (0, item.get().id))
    }
}

/// Units given back.
#[derive(Clone, Debug)]
pub(super) struct RefundLineItemObject {
    order: Arc<Order>,
    at: usize,
    line: RefundLine,
}

#[Object(name = "RefundLineItem")]
impl RefundLineItemObject {
    pub(super) async fn id(&self) -> Option<ID> {
        self.line.id.map(|id| gid("RefundLineItem", id))
    }

    async fn quantity(&self) -> i64 {
        self.line.quantity
    }

    async fn restock_type(&self) -> RefundLineItemRestockType {
        self.line.restock
    }

    async fn restocked(&self) -> bool {
        self.line.restocked
    }

    async fn price_set(&self) -> MoneyBag {
        MoneyBag::at_rate(&self.order, self.line.price)
    }

    async fn subtotal_set(&self) -> MoneyBag {
        MoneyBag::at_rate(&self.order, self.line.subtotal)
    }

    async fn total_tax_set(&self) -> MoneyBag {
        MoneyBag::at_rate(&self.order, self.line.tax)
    }

    async fn line_item(&self) -> LineItemObject {
        LineItemObject { order: Arc::clone(&self.order), at: self.line.line }
    }
}

/// Shipping given back.
#[derive(Clone, Debug)]
pub(super) struct RefundShippingLineObject {
    order: Arc<Order>,
    line: RefundShipping,
}

#[Object(name = "RefundShippingLine")]
impl RefundShippingLineObject {
    pub(super) async fn id(&self) -> ID {
        gid("RefundShippingLine", self.line.id)
    }

    async fn subtotal_amount_set(&self) -> MoneyBag {
        MoneyBag::at_rate(&self.order, self.line.subtotal)
    }

    async fn tax_amount_set(&self) -> MoneyBag {
        MoneyBag::at_rate(&self.order, self.line.tax)
    }

    async fn shipping_line(&self) -> ShippingLineObject {
        ShippingLineObject { order: Arc::clone(&self.order), at: self.line.shipping }
    }
}

/// Where money and lines disagree.
#[derive(Clone, Debug)]
pub(super) struct OrderAdjustmentObject {
    order: Arc<Order>,
    line: Adjustment,
}

#[Object(name = "OrderAdjustment")]
impl OrderAdjustmentObject {
    pub(super) async fn id(&self) -> ID {
        gid("OrderAdjustment", self.line.id)
    }

    async fn reason(&self) -> Option<OrderAdjustmentDiscrepancyReason> {
        self.line.reason
    }

    async fn amount_set(&self) -> MoneyBag {
        MoneyBag::at_rate(&self.order, self.line.amount)
    }

    async fn tax_amount_set(&self) -> MoneyBag {
        MoneyBag::at_rate(&self.order, self.line.tax)
    }
}

/// A customs charge given back.
pub(super) struct RefundDuty {
    order: Arc<Order>,
    id: u64,
    amount: i64,
}

#[Object]
impl RefundDuty {
    async fn amount_set(&self) -> MoneyBag {
        MoneyBag::at_rate(&self.order, self.amount)
    }

    async fn original_duty(&self) -> Option<DutyObject> {
        let mut lines = self.order.lines.iter().enumerate();
        lines.find_map(|(line, of)| {
            let duty = of.duties.iter().position(|duty| duty.id == self.id)?;
            Some(DutyObject { order: Arc::clone(&self.order), line, duty })
        })
    }
}
