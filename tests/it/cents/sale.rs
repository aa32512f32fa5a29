//! What was sold, before anybody paid.

use ml_connector::sandbox::shopify::{
    build::{self, Draft, Worth, amount, percent},
    currency::{CurrencyCode, Minor},
    model::{CountryCode, DiscountSource},
};
use rust_decimal::Decimal;

use super::{dice::Dice, features::Feature};

const TITLES: [&str; 6] = ["Mug", "Lamp", "Bowl", "Tea towel", "Bicycle", "Ring"];
const OTHER_SCRIPTS: [&str; 4] = ["茶碗 🍵", "كوب شاي", "Чашка", "Crème brûlée <b>&</b>"];

const ONE: &[Taxes] =
    &[&[("HST", "0.13")], &[("VAT", "0.2")], &[("MwSt", "0.19")], &[("HST", "0.15")], &[("TVA", "0.055")]];
const TWO: &[Taxes] =
    &[&[("GST", "0.05"), ("PST", "0.07")], &[("State", "0.04"), ("City", "0.04875")], &[("A", "0.1"), ("B", "0.08")]];
const QUEBEC: Taxes = &[("GST", "0.05"), ("QST", "0.09975")];
const FINE: &[Taxes] =
    &[&[("Sales tax", "0.0886254")], &[("State", "0.0715"), ("District", "0.0024375")], &[("Tax", "0.07300125")]];
const MANY: Taxes =
    &[("State", "0.0625"), ("County", "0.01"), ("City", "0.005"), ("District", "0.00125"), ("Transit", "0.004")];

type Taxes = &'static [(&'static str, &'static str)];

/// Major units as the builder reads them.
pub(super) fn text(minor: Minor, currency: CurrencyCode) -> String {
    currency.major(minor).to_string()
}

/// A sale of one to eight lines, seldom of hundreds.
pub(super) fn sale(dice: &mut Dice) -> (Draft, CurrencyCode) {
    let number = if dice.has(Feature::LongNumber) { 1_234_567_890 } else { dice.between(1, 999_999) };
    let mut draft = build::order(i32::try_from(number).unwrap());
    let (shop, presentment, rate) = currencies(dice);
    draft = draft.shop_currency(shop);
    if let Some(rate) = rate {
        draft = draft.sold_in(presentment, &rate);
    }
    draft = buyer(draft, dice);
    if dice.has(Feature::DutiesIncluded) {
        draft = draft.duties_included();
    }
    let lines = if dice.has(Feature::ManyLines) { dice.between(250, 280) } else { few(dice) };
    for _ in 0..lines {
        draft = line(draft, presentment, dice);
    }
    draft = discounts(draft, presentment, dice);
    draft = shipping(draft, presentment, dice);
    draft = taxes(draft, dice);
    draft = extras(draft, presentment, dice);
    if dice.has(Feature::TestOrder) {
        draft = draft.test();
    }
    (draft, presentment)
}

/// One more often than eight.
fn few(dice: &mut Dice) -> i64 {
    let most = dice.between(1, 8);
    dice.between(1, most)
}

/// The shop's currency, the buyer's, and shop money for one unit of it where they differ.
fn currencies(dice: &mut Dice) -> (CurrencyCode, CurrencyCode, Option<String>) {
    use CurrencyCode::{Bhd, Cad, Eur, Gbp, Jpy, Krw, Kwd, Usd};
    let shop = if dice.has(Feature::ShopWithoutDecimals) {
        dice.one_of(&[Jpy, Krw])
    } else if dice.has(Feature::ShopThreeDecimals) {
        dice.one_of(&[Kwd, Bhd])
    } else {
        dice.one_of(&[Cad, Cad, Usd, Eur, Gbp])
    };
    if !dice.has(Feature::Foreign) {
        return (shop, shop, None);
    }
    let buyer = if dice.has(Feature::BuyerWithoutDecimals) {
        dice.one_of(&[Jpy, Krw])
    } else if dice.has(Feature::BuyerThreeDecimals) {
        dice.one_of(&[Kwd, Bhd])
    } else {
        dice.one_of(&[Usd, Eur, Gbp, Cad])
    };
    if buyer == shop {
        return (shop, shop, None);
    }
    // In millionths of a dollar; rates have six decimals and wander by some per cent.
    let worth = |currency| match currency {
        Jpy => 6_700,
        Krw => 730,
        Kwd => 3_250_000,
        Bhd => 2_650_000,
        Cad => 730_000,
        Eur => 1_080_000,
        Gbp => 1_270_000,
        _ => 1_000_000,
    };
    let wander = Decimal::new(dice.between(9_700, 10_300), 4);
    let rate = Decimal::from(worth(buyer)) / Decimal::from(worth(shop)) * wander;
    (shop, buyer, Some(rate.round_dp(6).to_string()))
}

fn buyer(draft: Draft, dice: &mut Dice) -> Draft {
    match dice.below(4) {
        0 => draft.guest("guest@example.com"),
        1 => draft.walk_in(),
        _ => draft.customer(build::customer(7 + dice.below(3), "Ada", "Example", "ada@example.com")),
    }
}

fn line(draft: Draft, currency: CurrencyCode, dice: &mut Dice) -> Draft {
    let title = if dice.has(Feature::OtherScript) { dice.one_of(&OTHER_SCRIPTS) } else { dice.one_of(&TITLES) };
    let most = if dice.has(Feature::ManyUnits) { 144 } else { dice.one_of(&[1, 1, 1, 2, 3, 7]) };
    let quantity = dice.between(1, most);
    if dice.has(Feature::GiftCardSold) {
        return draft.line("Gift card", &text(price(dice, currency), currency), quantity).gift_card();
    }
    let price = if dice.has(Feature::FreeLine) { 0 } else { price(dice, currency) };
    let mut draft = draft.line(title, &text(price, currency), quantity);
    if dice.has(Feature::LineTax) {
        draft = draft.line_tax("Eco fee tax", dice.one_of(&["0.05", "0.0775", "0.123"]));
    } else if dice.has(Feature::Untaxed) {
        draft = draft.untaxed();
    }
    if dice.has(Feature::Duty) {
        let duty = dice.between(1, price.max(100));
        draft = draft.duty(&text(duty, currency), "6912.00", CountryCode::Cn);
        if !dice.seen.has(Feature::DutiesIncluded) && dice.has(Feature::DutyTax) {
            draft = draft.duty_tax("GST", "0.05");
        }
    }
    if dice.has(Feature::LineDiscount) {
        draft = draft.line_discount("Scratched", worth(dice, price.max(1), currency));
    }
    draft
}

/// In minor units: often just below a whole number, sometimes anything.
pub(super) fn price(dice: &mut Dice, currency: CurrencyCode) -> Minor {
    let cents = if dice.has(Feature::OddPrice) {
        dice.between(1, 50_000)
    } else if dice.below(8) == 0 {
        dice.between(1, 99)
    } else {
        dice.between(1, 250) * 100 - dice.one_of(&[0, 1, 5])
    };
    match currency.digits() {
        3 if dice.below(6) == 0 => cents * 10 + dice.between(1, 9),
        3 => cents * 10,
        _ => cents,
    }
}

fn worth(dice: &mut Dice, base: Minor, currency: CurrencyCode) -> Worth {
    if dice.below(2) == 0 {
        percent(dice.one_of(&["10", "15", "33.33", "12.5", "7"]))
    } else {
        amount(&text(dice.between(1, base), currency))
    }
}

fn discounts(mut draft: Draft, currency: CurrencyCode, dice: &mut Dice) -> Draft {
    if dice.has(Feature::PercentCode) {
        draft = draft.discount_code("SAVE", percent(dice.one_of(&["10", "15", "20", "33.33", "12.5", "50"])));
    }
    if dice.has(Feature::AmountCode) {
        draft = draft.discount_code("MINUS", amount(&text(price(dice, currency), currency)));
    }
    if dice.has(Feature::Automatic) {
        let worth = worth(dice, 2_000, currency);
        draft = draft.discount(DiscountSource::Automatic("Summer sale".to_owned()), worth);
    }
    if dice.has(Feature::AllOff) {
        draft = draft.discount_code("GRATIS", percent("100")).shipping_code("GRATIS", percent("100"));
    }
    draft
}

fn shipping(mut draft: Draft, currency: CurrencyCode, dice: &mut Dice) -> Draft {
    if !dice.has(Feature::Shipping) {
        return draft;
    }
    let cost = if dice.has(Feature::FreeShipping) { 0 } else { price(dice, currency) };
    draft = draft.shipping("Standard", &text(cost, currency));
    if dice.has(Feature::SecondShipping) {
        draft = draft.shipping("Bulky goods", &text(price(dice, currency), currency));
    }
    if dice.has(Feature::ShippingDiscount) {
        let worth = if dice.below(2) == 0 { percent("100") } else { worth(dice, cost.max(1), currency) };
        draft = draft.shipping_code("FREESHIP", worth);
    }
    if dice.has(Feature::ShippingUntaxed) { draft.shipping_untaxed() } else { draft }
}

fn taxes(mut draft: Draft, dice: &mut Dice) -> Draft {
    use Feature::{FineRate, FiveTaxes, FourTaxes, NoTaxes, OneTax, Quebec, ThreeTaxes, TwoTaxes};
    let kinds = [NoTaxes, OneTax, TwoTaxes, Quebec, ThreeTaxes, FourTaxes, FiveTaxes, FineRate];
    let rates = match dice.pick(&kinds) {
        Some(OneTax) => dice.one_of(ONE),
        Some(TwoTaxes) => dice.one_of(TWO),
        Some(Quebec) => QUEBEC,
        Some(ThreeTaxes) => &MANY[..3],
        Some(FourTaxes) => &MANY[..4],
        Some(FiveTaxes) => MANY,
        Some(FineRate) => dice.one_of(FINE),
        _ => &[],
    };
    for (title, rate) in rates {
        draft = draft.tax(title, rate);
    }
    if dice.has(Feature::SameTitle) {
        draft = draft.tax("Sales tax", "0.04").tax("Sales tax", "0.0125");
    }
    if dice.has(Feature::BlankTitle) {
        draft = draft.tax("", "0.06");
    }
    if dice.has(Feature::ZeroRate) {
        draft = draft.tax("Zero-rated", "0");
    }
    if dice.has(Feature::Inclusive) {
        draft = draft.inclusive();
    }
    if dice.has(Feature::Marketplace) {
        draft = draft.marketplace();
    }
    if dice.has(Feature::TaxExempt) { draft.tax_exempt() } else { draft }
}

fn extras(mut draft: Draft, currency: CurrencyCode, dice: &mut Dice) -> Draft {
    // Importers that state tax on the order alone know nothing finer.
    let order_tax_only = !dice.seen.has(Feature::DutyTax) && dice.has(Feature::OrderTaxOnly);
    if order_tax_only {
        draft = draft.tax_on_order_only();
    }
    if dice.has(Feature::Fee) {
        draft = draft.fee("Packaging fee", &text(dice.between(1, 900), currency));
        if !order_tax_only && dice.has(Feature::FeeTax) {
            draft = draft.fee_tax("GST", "0.05");
        }
    }
    if dice.has(Feature::Tip) {
        draft.tip(&text(price(dice, currency), currency))
    } else if dice.has(Feature::TipWithoutLine) {
        draft.tip_without_line(&text(price(dice, currency), currency))
    } else {
        draft
    }
}
