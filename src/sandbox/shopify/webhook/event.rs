//! Which events a change is.

use serde_json::json;

use super::{Rest, Topic};
use crate::sandbox::shopify::{
    bulk::Seen,
    graphql::World,
    model::{Order, OrderDisplayFinancialStatus, OrderTransactionStatus, Transaction},
    oauth::App,
};

impl World {
    /// A checkout, and whatever else has happened to the order by the time it is put into the shop.
    pub(in crate::sandbox::shopify) fn tell_placed(&self, order: &Order, known_buyer: bool) {
        self.tell(Topic::OrdersCreate, |rest| rest.order(order));
        if let Some(customer) = &order.customer {
            let topic = if known_buyer { Topic::CustomersUpdate } else { Topic::CustomersCreate };
            self.tell(topic, |rest| rest.customer(customer, true));
        }
        self.tell_what_came(None, order);
        self.tell(Topic::OrdersUpdated, |rest| rest.order(order));
    }

    /// Whatever changed: always `orders/updated`, and what it is besides.
    pub(in crate::sandbox::shopify) fn tell_changed(&self, before: &Order, after: &Order) {
        self.tell_what_came(Some(before), after);
        if self.listened(Topic::OrdersEdited)
            && let Some(edit) = Rest::of(self).edit(before, after)
        {
            self.tell(Topic::OrdersEdited, |_| edit);
        }
        self.tell(Topic::OrdersUpdated, |rest| rest.order(after));
    }

    fn tell_what_came(&self, before: Option<&Order>, after: &Order) {
        let known = before.map(|order| order.transactions.as_slice()).unwrap_or_default();
        let news = |paid: &&Transaction| {
            ended(paid) && !known.iter().any(|old| old.id == paid.id && old.status == paid.status)
        };
        for paid in after.transactions.iter().filter(news) {
            self.tell(Topic::OrderTransactionsCreate, |rest| rest.transaction(after, paid));
        }
        let known = before.map(|order| order.refunds.as_slice()).unwrap_or_default();
        for refund in after.refunds.iter().filter(|refund| !known.iter().any(|old| old.id == refund.id)) {
            self.tell(Topic::RefundsCreate, |rest| rest.refund(after, refund));
        }
        if paid(after) && !before.is_some_and(paid) {
            self.tell(Topic::OrdersPaid, |rest| rest.order(after));
        }
        if after.cancelled_at.is_some() && before.is_none_or(|before| before.cancelled_at.is_none()) {
            self.tell(Topic::OrdersCancelled, |rest| rest.order(after));
        }
    }

    /// An order is gone; its number is all there is to say.
    pub(in crate::sandbox::shopify) fn tell_deleted(&self, id: u64) {
        self.tell(Topic::OrdersDelete, |_| json!({ "id": id }));
    }

    /// A bulk operation ended, one way or another.
    pub(in crate::sandbox::shopify) fn tell_finished(&self, seen: &Seen) {
        self.tell(Topic::BulkOperationsFinish, |rest| rest.bulk_operation(seen));
    }

    /// The last that an app hears of a shop: with this its subscriptions are gone.
    pub(in crate::sandbox::shopify) fn tell_uninstalled(&self) {
        let mut to = self.webhooks.of(App::Installed);
        to.retain(|known| known.topic == Topic::AppUninstalled);
        self.webhooks.forget(App::Installed);
        self.tell_each(&to, Topic::AppUninstalled.name(), |rest| rest.shop());
    }
}

/// Only attempts whose end is known are told.
fn ended(paid: &Transaction) -> bool {
    use OrderTransactionStatus::{Error, Failure, Success};
    matches!(paid.status, Success | Failure | Error)
}

fn paid(order: &Order) -> bool {
    let in_full = order.totals.total_received.presentment > 0 && order.totals.total_outstanding.presentment <= 0;
    in_full || order.financial_status == Some(OrderDisplayFinancialStatus::Paid)
}
