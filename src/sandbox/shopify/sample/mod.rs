//! A store full of orders of every kind, the same each time.
//!
//! First the hand-picked kinds, one order each, then orders varied by a seeded generator in the mixture of an ordinary shop. No clock is
//! read: sales lie between 2026-09-15 and 2026-11-15, later events shortly after them.

mod kinds;
mod mixture;
mod more_kinds;
mod oddities;

use super::model::Order;

/// The number of the first order, `#1001`.
const FIRST: i32 = 1001;

/// That many orders, numbered from 1001 up.
pub fn sample_store(orders: usize) -> Vec<Order> {
    let kinds = kinds().into_iter().enumerate().map(|(at, kind)| {
        let number = FIRST + i32::try_from(at).unwrap_or_default();
        kind(super::build::order(number).at_instant(mixture::sold_at(at)))
    });
    let mut store: Vec<Order> = kinds.take(orders).collect();
    let mut mixture = mixture::Mixture::new();
    for at in store.len()..orders {
        store.push(mixture.order(FIRST + i32::try_from(at).unwrap_or_default(), at));
    }
    store
}

/// The kinds of every shop first, so that a small store has them all.
fn kinds() -> Vec<kinds::Make> {
    kinds::all().into_iter().chain(more_kinds::all()).chain(oddities::all()).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::sandbox::shopify::{build::instant, currency::CurrencyCode, tests::figures::agree};

    #[test]
    fn it_is_the_same_each_time_and_quick() {
        let begun = Instant::now();
        let store = sample_store(5000);
        assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
        let again = sample_store(5000);
        assert_eq!(format!("{:?}", store[4321]), format!("{:?}", again[4321]));
        assert_eq!(store.len(), 5000);
        assert_eq!(store[0].name, "#1001");
        let (from, to) = (instant("2026-09-15T00:00:00Z"), instant("2026-11-15T23:59:59Z"));
        for order in &store {
            assert!(order.processed_at >= from && order.processed_at <= to, "{}: {}", order.name, order.processed_at);
            assert!(order.updated_at >= order.created_at, "{}", order.name);
            assert_eq!(order.currency, CurrencyCode::Cad);
        }
    }

    #[test]
    fn there_are_at_least_sixty_two_kinds() {
        assert!(super::kinds().len() >= 62, "{}", super::kinds().len());
    }

    #[test]
    fn the_figures_of_every_order_agree() {
        sample_store(2000).iter().for_each(agree);
    }
}
