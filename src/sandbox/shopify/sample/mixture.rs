//! The ordinary run of a shop: mostly paid, some with discounts, refunds, foreign buyers, prices with tax inside.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::sandbox::shopify::{
    build::{Draft, Giving, address, amount, customer, instant, order, percent},
    currency::CurrencyCode,
    model::{CountryCode, Customer, Order, OrderCancelReason},
};

const GOODS: [(&str, &str, &str, &str); 12] = [
    ("Mug", "Blue", "MUG-BLU", "12.00"),
    ("Mug", "Red", "MUG-RED", "12.00"),
    ("Plate", "Large", "PLT-L", "18.50"),
    ("Bowl", "Small", "BWL-S", "9.97"),
    ("Teapot", "Cast iron", "TPT-CI", "64.90"),
    ("Tea towel", "Linen", "TWL-LIN", "7.35"),
    ("Candle", "Cedar", "CND-CDR", "21.49"),
    ("Apron", "One size", "APR-1", "39.00"),
    ("Spoon set", "Oak", "SPN-OAK", "15.25"),
    ("Cookbook", "Hardcover", "BK-HC", "33.33"),
    ("Coffee beans", "1 kg", "COF-1KG", "27.80"),
    ("Sticker", "Single", "STK-1", "0.99"),
];

const NAMES: [(&str, &str); 10] = [
    ("Avery", "Sample"),
    ("Blake", "Example"),
    ("Casey", "Placeholder"),
    ("Drew", "Fixture"),
    ("Élodie", "Modèle"),
    ("Flynn", "Specimen"),
    ("Gray", "Mockton"),
    ("Harper", "Dummett"),
    ("Iva", "Vzorová"),
    ("Jules", "Testwell"),
];

/// When the order at this position was sold: spread over the two months, four hours and some minutes apart, wrapping around.
pub(super) fn sold_at(at: usize) -> DateTime<Utc> {
    let span = TimeDelta::days(61).num_minutes();
    let minutes = (at as i64).wrapping_mul(247).rem_euclid(span);
    instant("2026-09-15T04:10:00Z") + TimeDelta::minutes(minutes) + TimeDelta::seconds(at as i64 % 60)
}

/// A seeded run of orders.
pub(super) struct Mixture {
    dice: StdRng,
    regulars: Vec<Arc<Customer>>,
}

impl Mixture {
    pub(super) fn new() -> Mixture {
        Mixture { dice: StdRng::seed_from_u64(20_261_115), regulars: Vec::new() }
    }

    pub(super) fn order(&mut self, number: i32, at: usize) -> Order {
        let foreign = self.chance(10);
        let draft = order(number).at_instant(sold_at(at));
        let draft = self.goods(draft);
        let draft = self.buyer(draft, number);
        let draft = self.discounts(draft);
        let draft = if number % 97 == 0 { draft.test() } else { draft };
        let draft = if foreign { self.abroad(draft) } else { self.at_home(draft) };
        self.afterwards(draft, foreign)
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.dice.random_ratio(percent, 100)
    }

    fn goods(&mut self, mut draft: Draft) -> Draft {
        for _ in 0..self.dice.random_range(1..=4) {
            let (title, variant, sku, price) = GOODS[self.dice.random_range(0..GOODS.len())];
            let quantity = if self.chance(70) { 1 } else { self.dice.random_range(2..=6) };
            draft = draft.line(title, price, quantity).variant(variant).sku(sku);
        }
        if self.chance(75) {
            draft = draft.shipping("Standard", ["4.95", "9.95", "14.00"][self.dice.random_range(0..3)]);
        }
        draft
    }

    fn buyer(&mut self, draft: Draft, number: i32) -> Draft {
        match self.dice.random_range(0..100) {
            0..8 => draft.walk_in(),
            8..20 => draft.guest(&format!("guest{number}@example.org")),
            20..60 if !self.regulars.is_empty() => {
                let known = self.dice.random_range(0..self.regulars.len());
                draft.customer(Arc::clone(&self.regulars[known]))
            }
            _ => {
                let (first, last) = NAMES[self.dice.random_range(0..NAMES.len())];
                let mut buyer = customer(
                    800_000_000 + u64::from(number.unsigned_abs()),
                    first,
                    last,
                    &format!("buyer{number}@example.com"),
                );
                buyer.address = Some(address(first, last, "Toronto", "ON", "M5V 2T6", CountryCode::Ca).into());
                let buyer = Arc::new(buyer);
                self.regulars.push(Arc::clone(&buyer));
                draft.customer(buyer)
            }
        }
    }

    fn discounts(&mut self, draft: Draft) -> Draft {
        match self.dice.random_range(0..100) {
            0..9 => draft.discount_code("SAVE10", percent("10")),
            9..13 => draft.discount_code("FIVER", amount("5.00")),
            13..16 => draft.shipping_code("SHIPFREE", percent("100")),
            16..18 => draft.line_discount("Scratched", percent("30")),
            _ => draft,
        }
    }

    fn at_home(&mut self, draft: Draft) -> Draft {
        match self.dice.random_range(0..100) {
            0..45 => draft.tax("HST", "0.13"),
            45..65 => draft.tax("GST", "0.05").tax("PST", "0.07"),
            65..80 => draft.tax("GST", "0.05").tax("QST", "0.09975"),
            80..95 => draft.inclusive().tax("HST", "0.13"),
            _ => draft,
        }
    }

    fn abroad(&mut self, draft: Draft) -> Draft {
        match self.dice.random_range(0..4) {
            0 => draft.sold_in(CurrencyCode::Usd, "1.3742"),
            1 => draft.sold_in(CurrencyCode::Eur, "1.4985").inclusive().tax("VAT", "0.21"),
            2 => draft.sold_in(CurrencyCode::Gbp, "1.7310").inclusive().tax("VAT", "0.2"),
            _ => draft.sold_in(CurrencyCode::Usd, "1.3801").tax("State tax", "0.0625").tax("County tax", "0.0125"),
        }
    }

    fn afterwards(&mut self, draft: Draft, foreign: bool) -> Order {
        let gateway = ["shopify_payments", "shopify_payments", "paypal", "manual"][self.dice.random_range(0..4)];
        let rate = ["1.3650", "1.4102", "1.5001"][self.dice.random_range(0..3)];
        let refund = self.dice.random_range(0..100);
        let sold = match self.dice.random_range(0..100) {
            0..3 => return draft.authorized(gateway),
            3..6 => return draft.unpaid("Bank Deposit"),
            6..8 => return draft.placed().paid_part(gateway, "5.00"),
            8..10 => return draft.unpaid("manual").cancelled(OrderCancelReason::Customer),
            10..16 => draft.placed().paid_part("gift_card", "5.00").paid(gateway),
            _ if foreign => draft.placed().paid_at_rate(gateway, rate),
            _ => draft.paid(gateway).with_fees(),
        };
        let sold = if self.chance(85) { sold.fulfilled() } else { sold };
        match refund {
            0..3 => sold.refund_units(0, 1),
            3..5 => sold.refund_all(),
            5..6 => sold.refunded(Giving::nothing().money("1.00").note("Goodwill")),
            6..7 => sold.refund_shipping("2.00"),
            7..8 => sold.refund_units(0, 1).refund_units(0, 1),
            8..10 => sold.edit_removes(0, 1).refunded(Giving::nothing()),
            10..12 => sold.cancelled(OrderCancelReason::Inventory),
            _ => sold,
        }
    }
}
