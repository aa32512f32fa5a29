//! The hand-picked kinds: sales, buyers, taxes, currencies.

use crate::sandbox::shopify::{
    build::{Draft, address, amount, customer, percent},
    currency::CurrencyCode,
    model::{CountryCode, DigitalWallet, DiscountSource, Order},
};

/// Makes one order of a kind.
pub(super) type Make = fn(Draft) -> Order;

fn mug(draft: Draft) -> Draft {
    draft.line("Mug", "12.00", 2).variant("Blue").sku("MUG-BLU")
}

fn regular(draft: Draft) -> Draft {
    let mut buyer = customer(700_001, "Avery", "Sample", "avery@example.com");
    buyer.phone = Some("+14165550100".to_owned());
    buyer.address = Some(address("Avery", "Sample", "Toronto", "ON", "M5V 2T6", CountryCode::Ca));
    draft.customer(buyer)
}

/// One order of each kind, in this order from number 1001.
pub(super) fn all() -> Vec<Make> {
    vec![
        // 1: paid in full by card, one tax, shipping
        |o| {
            regular(mug(o))
                .shipping("Standard", "5.00")
                .tax("HST", "0.13")
                .paid("shopify_payments")
                .with_fees()
                .fulfilled()
        },
        // 2: the same customer comes back, no shipping, no tax
        |o| regular(o).line("Sticker", "0.99", 3).sku("STK-1").paid("shopify_payments").with_fees(),
        // 3: percentage code over three lines, shared to the cent
        |o| {
            regular(o)
                .line("Bowl", "5.00", 1)
                .line("Cup", "5.00", 1)
                .line("Lid", "5.00", 1)
                .discount_code("TENOFF", amount("10.00"))
                .tax("HST", "0.13")
                .paid("shopify_payments")
        },
        // 4: percentage code with odd cents
        |o| {
            mug(o)
                .line("Bowl", "9.97", 3)
                .discount_code("SAVE10", percent("10"))
                .shipping("Standard", "5.00")
                .tax("HST", "0.13")
                .guest("guest4@example.org")
                .paid("paypal")
        },
        // 5: automatic discount and a code together
        |o| {
            mug(o)
                .line("Plate", "18.50", 2)
                .discount(DiscountSource::Automatic("Autumn".to_owned()), percent("15"))
                .discount_code("FIVER", amount("5.00"))
                .tax("HST", "0.13")
                .paid("shopify_payments")
        },
        // 6: discount by staff on one line, with an explanation on another
        |o| {
            mug(o)
                .line_discount("Chipped", percent("30"))
                .line("Plate", "18.50", 1)
                .discount(DiscountSource::Manual("Sorry".to_owned(), Some("Late parcel".to_owned())), amount("3.33"))
                .tax("HST", "0.13")
                .paid("manual")
        },
        // 7: discount by script
        |o| {
            mug(o)
                .discount(DiscountSource::Script("Buy two".to_owned()), percent("12.5"))
                .tax("HST", "0.13")
                .paid("shopify_payments")
        },
        // 8: free shipping by code
        |o| {
            mug(o)
                .shipping("Express", "14.00")
                .shipping_code("SHIPFREE", percent("100"))
                .tax("HST", "0.13")
                .paid("shopify_payments")
        },
        // 9: shipping half off, two shipping lines
        |o| {
            mug(o)
                .shipping("Standard", "5.00")
                .shipping("Insurance", "1.25")
                .shipping_code("HALFSHIP", percent("50"))
                .tax("HST", "0.13")
                .paid("shopify_payments")
        },
        // 10: tax inclusive, one tax, discount, shipping
        |o| {
            mug(o)
                .discount_code("SAVE10", percent("10"))
                .shipping("Royal Mail", "6.00")
                .inclusive()
                .tax("VAT", "0.2")
                .paid("shopify_payments")
        },
        // 11: tax inclusive with two taxes
        |o| {
            o.line("Bowl", "9.97", 7)
                .shipping("Standard", "4.95")
                .inclusive()
                .tax("GST", "0.05")
                .tax("PST", "0.07")
                .paid("shopify_payments")
        },
        // 12: tax inclusive, a price that no net unit price reproduces
        |o| o.line("Candle", "21.49", 3).inclusive().tax("HST", "0.13").paid("manual"),
        // 13: GST and PST
        |o| {
            mug(o)
                .line("Plate", "18.50", 1)
                .shipping("Standard", "5.00")
                .tax("GST", "0.05")
                .tax("PST", "0.07")
                .paid("shopify_payments")
        },
        // 14: GST and QST with its three decimals
        |o| mug(o).shipping("Standard", "9.95").tax("GST", "0.05").tax("QST", "0.09975").paid("shopify_payments"),
        // 15: three taxes
        |o| {
            mug(o)
                .shipping("Ground", "7.77")
                .tax("State tax", "0.0625")
                .tax("County tax", "0.01")
                .tax("City tax", "0.0075")
                .paid("shopify_payments")
        },
        // 16: zero-rated: a tax line with rate and amount 0
        |o| o.line("Cookbook", "33.33", 1).tax("Zero-rated", "0").paid("shopify_payments"),
        // 17: no tax lines at all: an exempt buyer
        |o| regular(mug(o)).tax("HST", "0.13").tax_exempt().paid("shopify_payments"),
        // 18: one line taxed, one not
        |o| mug(o).line("Bread", "6.50", 2).untaxed().tax("HST", "0.13").paid("shopify_payments"),
        // 19: a line with a tax of its own
        |o| mug(o).line("Cookbook", "33.33", 1).line_tax("GST", "0.05").tax("HST", "0.13").paid("shopify_payments"),
        // 20: the variant says untaxed, the tax line disagrees
        |o| o.line("Candle", "21.49", 1).taxed_anyway("HST", "0.13").paid("shopify_payments"),
        // 21: shipping is not taxed
        |o| mug(o).shipping("Standard", "5.00").shipping_untaxed().tax("HST", "0.13").paid("shopify_payments"),
        // 22: tax on the order only, none on its lines (imported)
        |o| {
            mug(o).shipping("Standard", "5.00").tax("HST", "0.13").tax_on_order_only().source("importer").paid("manual")
        },
        // 23: a marketplace remits the tax
        |o| {
            mug(o)
                .shipping("Standard", "5.00")
                .tax("State tax", "0.0725")
                .marketplace()
                .source("marketplace")
                .paid("marketplace_pay")
        },
        // 24: taxes are estimates
        |o| mug(o).tax("HST", "0.13").estimated().paid("shopify_payments"),
        // 25: foreign currency, payment at another rate than the order
        |o| {
            mug(o)
                .shipping("Air", "11.00")
                .sold_in(CurrencyCode::Usd, "1.5")
                .tax("State tax", "0.08")
                .placed()
                .paid_at_rate("paypal", "1.4189")
        },
        // 26: foreign currency at the order's rate, tax inclusive
        |o| {
            o.line("Teapot", "64.90", 1)
                .sold_in(CurrencyCode::Eur, "1.4985")
                .inclusive()
                .tax("MwSt", "0.19")
                .paid("shopify_payments")
        },
        // 27: many small lines whose conversions do not add up to the converted total
        |o| {
            (0..9)
                .fold(o, |o, n| o.line(&format!("Bead {n}"), "0.33", 1))
                .sold_in(CurrencyCode::Usd, "1.3742")
                .paid("shopify_payments")
        },
        // 28: yen, no decimals
        |o| {
            o.line("Furoshiki", "1200", 3)
                .discount_code("SAVE10", percent("10"))
                .shipping("EMS", "2400")
                .sold_in(CurrencyCode::Jpy, "0.0093")
                .tax("JCT", "0.1")
                .paid("shopify_payments")
        },
        // 29: Kuwaiti dinar, three decimals: books with two must refuse it in presentment currency
        |o| o.line("Incense", "3.125", 3).sold_in(CurrencyCode::Kwd, "4.4512").paid("shopify_payments"),
        // 30: guest with e-mail, no customer record
        |o| mug(o).guest("guest30@example.org").tax("HST", "0.13").paid("shopify_payments"),
        // 31: at the till, nothing known of the buyer
        |o| mug(o).walk_in().tax("HST", "0.13").placed().paid_cash("0.00").fulfilled(),
        // 32: at the till in cash, rounded up
        |o| {
            o.line("Sticker", "0.99", 1)
                .line("Bowl", "9.97", 1)
                .walk_in()
                .tax("HST", "0.13")
                .placed()
                .paid_cash("0.01")
                .fulfilled()
        },
        // 33: at the till in cash, rounded down
        |o| o.line("Tea towel", "7.35", 1).walk_in().tax("HST", "0.13").placed().paid_cash("-0.01").fulfilled(),
        // 34: a buyer without e-mail address
        |o| mug(o).customer(customer(700_034, "Noor", "Nomail", "")).paid("manual"),
        // 35: a company, bill and ship addresses differ, purchase order number
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
        // 36: an address in the United States
        |o| {
            mug(o)
                .customer(customer(700_036, "Lane", "Stub", "lane@example.com"))
                .bill_to(address("Lane", "Stub", "Portland", "OR", "97201", CountryCode::Us))
                .paid("shopify_payments")
        },
        // 37: titles with accents, emoji, quotes
        |o| {
            o.line("Théière « Brûlée » 🫖", "45.00", 1)
                .variant("6″ × 4″")
                .line("O'Brien & \"Co\" <b>", "10.00", 1)
                .tax("HST", "0.13")
                .paid("shopify_payments")
        },
        // 38: titles and names from right to left, and Chinese
        |o| {
            o.line("כוס קפה", "15.00", 1)
                .line("فنجان", "16.00", 1)
                .line("茶壶", "88.00", 1)
                .customer(customer(700_038, "דנה", "דוגמה", "dana@example.com"))
                .tax("HST", "0.13")
                .paid("shopify_payments")
        },
        // 39: a very long title
        |o| o.line(&"Handmade ".repeat(28), "25.00", 1).tax("HST", "0.13").paid("shopify_payments"),
        // 40: three hundred lines
        |o| {
            (0..300)
                .fold(o, |o, n| o.line(&format!("Tile {n:03}"), "1.01", 1 + n % 3).sku(&format!("TILE-{n:03}")))
                .tax("HST", "0.13")
                .paid("manual")
        },
        // 41: note, order attributes and line properties
        |o| {
            mug(o)
                .property("Engraving", "For A/B \u{2014} 100%")
                .note("Leave at the door\nsecond line")
                .attribute("gift", "yes")
                .attribute("campaign", "autumn/26")
                .tag("vip")
                .paid("shopify_payments")
        },
        // 42: digital goods only
        |o| {
            o.line("Pattern (PDF)", "4.00", 1)
                .digital()
                .tax("HST", "0.13")
                .paid("shopify_payments")
                .by_wallet(DigitalWallet::ApplePay)
        },
        // 43: another prefix in the name
        |o| mug(o).name("CA-1043-B").paid("shopify_payments"),
        // 44: imported: sold before it was entered
        |o| mug(o).entered("2026-11-14T15:00:00Z").source("importer").tax("HST", "0.13").paid("manual"),
    ]
}
