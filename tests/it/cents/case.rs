//! One random order with the settings that it is booked by.

use ml_connector::{
    mapping::{
        Rules, Settings, Shop,
        settings::{Basis, Discounts, Issue, MarketplaceTax, Refunds},
    },
    sandbox::shopify::model::Order,
};

use super::{
    dice::{Dice, Features},
    features::Feature,
    later, payments, sale,
};

/// Everything that one case consists of.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) seed: u64,
    pub(super) without: Features,
    pub(super) seen: Features,
    /// The order when it was booked for the first time, where that was earlier.
    pub(super) before: Option<Order>,
    pub(super) order: Order,
    pub(super) settings: Settings,
    pub(super) shop: Shop,
    /// Whether FreshBooks honours the status in a create, and whether we know.
    pub(super) issues_in_create: (bool, Option<bool>),
    /// Whether every write is made and answered: that takes most of the time, so not every case does it.
    pub(super) kept: bool,
}

impl Case {
    /// The case of `seed`, with some features forbidden.
    pub(super) fn new(seed: u64, without: Features) -> Self {
        let mut dice = Dice::new(seed, without);
        let settings = settings(&mut dice);
        let shop = shop(&mut dice);
        let honours = dice.below(2) == 0;
        let known = dice.one_of(&[None, Some(honours)]);
        let (draft, _) = sale::sale(&mut dice);
        let mut order = payments::pay(draft, &mut dice);
        let mut before = None;
        if dice.has(Feature::Eventful) {
            before = dice.has(Feature::SeenBefore).then(|| order.clone());
            order = later::happen(order, &mut dice);
        }
        let kept = dice.has(Feature::Kept) || before.is_some();
        let issues_in_create = (honours, known);
        Self { seed, without, seen: dice.seen, before, order, settings, shop, issues_in_create, kept }
    }
}

/// Each choice of the accountant has its line here.
fn settings(dice: &mut Dice) -> Settings {
    let started = dice.has(Feature::LateStart).then(|| "2027-01-01".parse().unwrap());
    Settings {
        currency: if dice.has(Feature::Presentment) { Basis::Presentment } else { Basis::Shop },
        discounts: if dice.has(Feature::Folded) { Discounts::Folded } else { Discounts::OwnLine },
        marketplace_tax: if dice.has(Feature::MarketplaceOwnLine) {
            MarketplaceTax::OwnLine
        } else {
            MarketplaceTax::Named
        },
        rounding_cap: if dice.has(Feature::StrictCap) { Some(dice.between(0, 5)) } else { None },
        refunds: dice.one_of(&[Refunds::Adjust, Refunds::Adjust, Refunds::CreditNote, Refunds::Person]),
        issue: dice.one_of(&[Issue::Sent, Issue::Draft]),
        start_date: started,
        invoice_number: dice.one_of(&["{number}", "SH-{number}"]).to_owned(),
        ..Settings::default()
    }
}

/// Every rule alone, and nothing learnt yet.
fn shop(dice: &mut Dice) -> Shop {
    Shop {
        time_zone: dice.one_of(&[chrono_tz::America::Toronto, chrono_tz::Asia::Tokyo, chrono_tz::UTC]),
        rules: Rules::from_bits(dice.one_of(&[0, 0b0001, 0b0010, 0b0100, 0b1000])),
    }
}
