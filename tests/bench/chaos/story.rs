//! What happens in the shop: orders of every kind are placed, then paid, refunded, edited and cancelled.

use std::collections::VecDeque;

use ml_connector::sandbox::shopify::{
    Shopify,
    build::Giving,
    model::{Line, Order, OrderCancelReason},
    sample_store,
};
use rand::{Rng, SeedableRng, rngs::StdRng};

enum Happening {
    Placed(Box<Order>),
    Changed(u64),
}

/// What is still to happen, and when it does the next step of it.
pub(crate) struct Story {
    ahead: VecDeque<Happening>,
    dice: StdRng,
    /// How often an order was changed so far.
    pub(crate) changes: u64,
}

impl Story {
    /// Each order is changed up to three times after it was placed, whatever happens to the others in between.
    pub(crate) fn new(orders: u32, seed: u64) -> anyhow::Result<Self> {
        let mut dice = StdRng::seed_from_u64(seed);
        let mut ahead = Vec::new();
        for order in sample_store(usize::try_from(orders)?) {
            let (id, placed) = (order.id, dice.random_range(0..1_000_000_u32));
            ahead.push((placed, Happening::Placed(Box::new(order))));
            for _ in 0..dice.random_range(0..=3) {
                ahead.push((dice.random_range(placed..=1_000_000), Happening::Changed(id)));
            }
        }
        // Stable: an order is placed before it changes, also within a moment.
        ahead.sort_by_key(|(at, _)| *at);
        Ok(Self { ahead: ahead.into_iter().map(|(_, happening)| happening).collect(), dice, changes: 0 })
    }

    pub(crate) fn is_over(&self) -> bool {
        self.ahead.is_empty()
    }

    /// Lets the next so many things happen.
    pub(crate) fn go_on(&mut self, shopify: &Shopify, steps: usize) {
        for happening in self.ahead.drain(..steps.min(self.ahead.len())) {
            match happening {
                Happening::Placed(order) => drop(shopify.place(*order)),
                Happening::Changed(id) => {
                    self.changes += 1;
                    change(shopify, id, self.dice.random_range(0..10));
                }
            }
        }
    }
}

fn change(shopify: &Shopify, id: u64, thrown: u32) {
    let Some(order) = shopify.order(id) else { return };
    let totals = &order.totals;
    let paid = totals.net_payment.shop >= 100 && totals.total_outstanding.shop == 0;
    let unpaid = totals.net_payment.shop == 0 && totals.total_outstanding.shop > 0;
    let customer = OrderCancelReason::Customer;
    let event: fn(Order) -> Order = match thrown {
        0 if paid && is_plain(&order) => |order| order.refund_units(0, 1),
        1 if paid && is_plain(&order) => |order| order.refund_amount("1.00"),
        2 if paid && is_plain(&order) => |order| order.refund_all(),
        3 if paid && is_plain(&order) => |order| order.edit_removes(0, 1).refunded(Giving::nothing()),
        4 if paid && is_plain(&order) => |order| order.edit_adds("Saucer", "3.20", 1),
        5 if paid && is_plain(&order) => |order| order.cancelled(OrderCancelReason::Inventory),
        0..=4 if unpaid && is_plain(&order) => |order| order.paid("manual"),
        5 if unpaid && is_plain(&order) => return shopify.evolve(id, |order| order.cancelled(customer)),
        _ => return shopify.change(id, |order| order.tags.push(format!("seen-{thrown}"))),
    };
    shopify.evolve(id, event);
}

/// Whether anything may happen to it: nothing odd about its money, and nothing has happened yet.
fn is_plain(order: &Order) -> bool {
    let odd = |line: &Line| line.gift_card || line.tip || !line.duties.is_empty();
    order.currency == order.presentment
        && !order.test
        && order.cancelled_at.is_none()
        && order.refunds.is_empty()
        && !order.edited
        && order.cash_rounding == 0
        && order.totals.total_capturable.shop == 0
        && !order.lines.iter().any(odd)
}
