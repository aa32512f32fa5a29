//! The hand-picked kinds: sales, buyers, taxes, currencies.

use crate::sandbox::shopify::{
    build::{Draft, address, amount, customer, percent},
    currency::CurrencyCode,
    model::{CountryCode, DiscountSource, Order},
};

/// Makes one order of a kind.
pub(super) type Make = fn(Draft) -> Order;

pub(super) fn mug(draft: Draft) -> Draft {
    draft.line("Mug", "12.00", 2).variant("Blue").sku("MUG-BLU")
}

pub(super) fn regular(draft: Draft) -> Draft {
    let mut buyer = customer(700_001, "Avery", "Sample", "avery@example.com");
    buyer.phone = Some("+14165550100".to_owned());
    buyer.address = Some(address("Avery", "Sample", "Toronto", "ON", "M5V 2T6", CountryCode::Ca).into());
    draft.customer(buyer)
}

/// One order of each kind.
pub(super) fn all() -> Vec<Make> {
    vec![
        // paid in full by card, one tax, shipping
        |o| {
            regular(mug(o))
                .shipping("Standard", "5.00")
                .tax("HST", "0.13")
                .paid("shopify_payments")
                .with_fees()
                .fulfilled()
        },
        // percentage code over three lines, shared to the cent
        |o| {
            regular(o)
                .line("Bowl", "5.00", 1)
                .line("Cup", "5.00", 1)
                .line("Lid", "5.00", 1)
                .discount_code("TENOFF", amount("10.00"))
                .tax("HST", "0.13")
                .paid("shopify_payments")
        },
        // percentage code with odd cents
        |o| {
            mug(o)
                .line("Bowl", "9.97", 3)
                .discount_code("SAVE10", percent("10"))
                .shipping("Standard", "5.00")
                .tax("HST", "0.13")
                .guest("guest4@example.org")
                .paid("paypal")
        },
        // automatic discount and a code together
        |o| {
            mug(o)
                .line("Plate", "18.50", 2)
                .discount(DiscountSource::Automatic("Autumn".to_owned()), percent("15"))
                .discount_code("FIVER", amount("5.00"))
                .tax("HST", "0.13")
                .paid("shopify_payments")
        },
        // discount by staff on one line, with an explanation on another
        |o| {
            mug(o)
                .line_discount("Chipped", percent("30"))
                .line("Plate", "18.50", 1)
                .discount(DiscountSource::Manual("Sorry".to_owned(), Some("Late parcel".to_owned())), amount("3.33"))
                .tax("HST", "0.13")
                .paid("manual")
        },
        // free shipping by code
        |o| {
            mug(o)
                .shipping("Express", "14.00")
                .shipping_code("SHIPFREE", percent("100"))
                .tax("HST", "0.13")
                .paid("shopify_payments")
        },
        // tax inclusive, one tax, discount, shipping
        |o| {
            mug(o)
                .discount_code("SAVE10", percent("10"))
                .shipping("Royal Mail", "6.00")
                .inclusive()
                .tax("VAT", "0.2")
                .paid("shopify_payments")
        },
        // tax inclusive with two taxes
        |o| {
            o.line("Bowl", "9.97", 7)
                .shipping("Standard", "4.95")
                .inclusive()
                .tax("GST", "0.05")
                .tax("PST", "0.07")
                .paid("shopify_payments")
        },
        // tax inclusive, a price that no net unit price reproduces
        |o| o.line("Candle", "21.49", 3).inclusive().tax("HST", "0.13").paid("manual"),
        // GST and PST
        |o| {
            mug(o)
                .line("Plate", "18.50", 1)
                .shipping("Standard", "5.00")
                .tax("GST", "0.05")
                .tax("PST", "0.07")
                .paid("shopify_payments")
        },
        // GST and QST with its three decimals
        |o| mug(o).shipping("Standard", "9.95").tax("GST", "0.05").tax("QST", "0.09975").paid("shopify_payments"),
        // three taxes
        |o| {
            mug(o)
                .shipping("Ground", "7.77")
                .tax("State tax", "0.0625")
                .tax("County tax", "0.01")
                .tax("City tax", "0.0075")
                .paid("shopify_payments")
        },
        // zero-rated: a tax line with rate and amount 0
        |o| o.line("Cookbook", "33.33", 1).tax("Zero-rated", "0").paid("shopify_payments"),
        // one line taxed, one not
        |o| mug(o).line("Bread", "6.50", 2).untaxed().tax("HST", "0.13").paid("shopify_payments"),
        // tax on the order only, none on its lines (imported)
        |o| {
            mug(o).shipping("Standard", "5.00").tax("HST", "0.13").tax_on_order_only().source("importer").paid("manual")
        },
        // a marketplace remits the tax
        |o| {
            mug(o)
                .shipping("Standard", "5.00")
                .tax("State tax", "0.0725")
                .marketplace()
                .source("marketplace")
                .paid("marketplace_pay")
        },
        // foreign currency, payment at another rate than the order
        |o| {
            mug(o)
                .shipping("Air", "11.00")
                .sold_in(CurrencyCode::Usd, "1.5")
                .tax("State tax", "0.08")
                .placed()
                .paid_at_rate("paypal", "1.4189")
        },
        // foreign currency at the order's rate, tax inclusive
        |o| {
            o.line("Teapot", "64.90", 1)
                .sold_in(CurrencyCode::Eur, "1.4985")
                .inclusive()
                .tax("MwSt", "0.19")
                .paid("shopify_payments")
        },
        // yen, no decimals
        |o| {
            o.line("Furoshiki", "1200", 3)
                .discount_code("SAVE10", percent("10"))
                .shipping("EMS", "2400")
                .sold_in(CurrencyCode::Jpy, "0.0093")
                .tax("JCT", "0.1")
                .paid("shopify_payments")
        },
        // Kuwaiti dinar, three decimals: books with two must refuse it in presentment currency
        |o| o.line("Incense", "3.125", 3).sold_in(CurrencyCode::Kwd, "4.4512").paid("shopify_payments"),
        // guest with e-mail, no customer record
        |o| mug(o).guest("guest30@example.org").tax("HST", "0.13").paid("shopify_payments"),
        // at the till, nothing known of the buyer
        |o| mug(o).walk_in().tax("HST", "0.13").placed().paid_cash("0.00").fulfilled(),
        // at the till in cash, rounded up
        |o| {
            o.line("Sticker", "0.99", 1)
                .line("Bowl", "9.97", 1)
                .walk_in()
                .tax("HST", "0.13")
                .placed()
                .paid_cash("0.01")
                .fulfilled()
        },
        // at the till in cash, rounded down
        |o| o.line("Tea towel", "7.35", 1).walk_in().tax("HST", "0.13").placed().paid_cash("-0.01").fulfilled(),
        // a buyer without e-mail address
        |o| mug(o).customer(customer(700_034, "Noor", "Nomail", "")).paid("manual"),
        // a company, bill and ship addresses differ, purchase order number
        |o| {
            mug(o)
                .customer(customer(700_035, "Kit", "Proxy", "purchasing@example.com"))
                .po_number("PO-2026-77")
                .bill_to(crate::sandbox::shopify::model::Address {
                    company: Some("Example Holdings Ltd".to_owned()),
                    ..address("Kit", "Proxy", "Montréal", "QC", "H2Y 1C6", CountryCode::Ca)
                })
                .ship_to(address("Kit", "Proxy", "Halifax", "NS", "B3J 1P3", CountryCode::Ca))
                .tax("HST", "0.15")
                .paid("shopify_payments")
        },
        // titles with accents, emoji, quotes
        |o| {
            o.line("Théière « Brûlée » 🫖", "45.00", 1)
                .variant("6″ × 4″")
                .line("O'Brien & \"Co\" <b>", "10.00", 1)
                .tax("HST", "0.13")
                .paid("shopify_payments")
        },
        // titles and names from right to left, and Chinese
        |o| {
            o.line("כוס קפה", "15.00", 1)
                .line("فنجان", "16.00", 1)
                .line("茶壶", "88.00", 1)
                .customer(customer(700_038, "דנה", "דוגמה", "dana@example.com"))
                .tax("HST", "0.13")
                .paid("shopify_payments")
        },
        // three hundred lines
        |o| {
            (0..300)
                .fold(o, |o, n| o.line(&format!("Tile {n:03}"), "1.01", 1 + n % 3).sku(&format!("TILE-{n:03}")))
                .tax("HST", "0.13")
                .paid("manual")
        },
        // note, order attributes and line properties
        |o| {
            mug(o)
                .property("Engraving", "For A/B \u{2014} 100%")
                .note("Leave at the door\nsecond line")
                .attribute("gift", "yes")
                .attribute("campaign", "autumn/26")
                .tag("vip")
                .paid("shopify_payments")
        },
    ]
}
