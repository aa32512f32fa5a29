//! The hand-picked kinds that are rarer still; they come after the sixty-two of every shop.

use super::{
    kinds::{Make, mug, regular},
    more_kinds::set,
};
use crate::sandbox::shopify::{
    build::{Giving, address, customer, percent},
    currency::CurrencyCode,
    model::{CountryCode, DigitalWallet, DiscountSource, OrderCancelReason, RefundLineItemRestockType},
};

/// One order of each kind.
pub(super) fn all() -> Vec<Make> {
    vec![
        // discount by script
        |o| {
            mug(o)
                .discount(DiscountSource::Script("Buy two".to_owned()), percent("12.5"))
                .tax("HST", "0.13")
                .paid("shopify_payments")
        },
        // shipping half off, two shipping lines
        |o| {
            mug(o)
                .shipping("Standard", "5.00")
                .shipping("Insurance", "1.25")
                .shipping_code("HALFSHIP", percent("50"))
                .tax("HST", "0.13")
                .paid("shopify_payments")
        },
        // no tax lines at all: an exempt buyer
        |o| regular(mug(o)).tax("HST", "0.13").tax_exempt().paid("shopify_payments"),
        // a line with a tax of its own
        |o| mug(o).line("Cookbook", "33.33", 1).line_tax("GST", "0.05").tax("HST", "0.13").paid("shopify_payments"),
        // the variant says untaxed, the tax line disagrees
        |o| o.line("Candle", "21.49", 1).taxed_anyway("HST", "0.13").paid("shopify_payments"),
        // shipping is not taxed
        |o| mug(o).shipping("Standard", "5.00").shipping_untaxed().tax("HST", "0.13").paid("shopify_payments"),
        // taxes are estimates
        |o| mug(o).tax("HST", "0.13").estimated().paid("shopify_payments"),
        // many small lines whose conversions do not add up to the converted total
        |o| {
            (0..9)
                .fold(o, |o, n| o.line(&format!("Bead {n}"), "0.33", 1))
                .sold_in(CurrencyCode::Usd, "1.3742")
                .paid("shopify_payments")
        },
        // an address in the United States
        |o| {
            mug(o)
                .customer(customer(700_036, "Lane", "Stub", "lane@example.com"))
                .bill_to(address("Lane", "Stub", "Portland", "OR", "97201", CountryCode::Us))
                .paid("shopify_payments")
        },
        // a very long title
        |o| o.line(&"Handmade ".repeat(28), "25.00", 1).tax("HST", "0.13").paid("shopify_payments"),
        // digital goods only
        |o| {
            o.line("Pattern (PDF)", "4.00", 1)
                .digital()
                .tax("HST", "0.13")
                .paid("shopify_payments")
                .by_wallet(DigitalWallet::ApplePay)
        },
        // another prefix in the name
        |o| mug(o).name("CA-1043-B").paid("shopify_payments"),
        // imported: sold before it was entered
        |o| mug(o).entered("2026-11-14T15:00:00Z").source("importer").tax("HST", "0.13").paid("manual"),
        // the same customer comes back, no shipping, no tax
        |o| regular(o).line("Sticker", "0.99", 3).sku("STK-1").paid("shopify_payments").with_fees(),
        // declined once, then paid
        |o| set(o).placed().declined("shopify_payments").paid("shopify_payments"),
        // declined, nothing else
        |o| set(o).placed().declined("shopify_payments"),
        // a real order with a payment in test mode
        |o| set(o).placed().paid_in_test_mode("bogus"),
        // made by API without a transaction: no displayed status
        |o| set(o).source("4711").placed().shown_as(None),
        // total zero by price
        |o| o.line("Catalogue", "0.00", 1).placed(),
        // a gratuity that only the total knows
        |o| set(o).tip_without_line("4.50").paid("shopify_payments"),
        // gift card alone, bought with a discount code that does not touch it
        |o| o.line("Gift card", "100.00", 1).gift_card().discount_code("SAVE10", percent("10")).paid("paypal"),
        // additional fee
        |o| set(o).fee("Packaging levy", "0.75").paid("shopify_payments"),
        // units refunded, not restocked
        |o| {
            set(o)
                .paid("shopify_payments")
                .refunded(Giving::nothing().units(0, 1).restock(RefundLineItemRestockType::NoRestock))
        },
        // a part of the shipping refunded
        |o| set(o).paid("shopify_payments").refund_shipping("2.00"),
        // refund failed, then made again
        |o| set(o).paid("paypal").refunded(Giving::nothing().money("10.00").failed()).refund_amount("10.00"),
        // refund of a part of each payment
        |o| {
            set(o).placed().paid_part("gift_card", "25.00").paid("shopify_payments").refunded(
                Giving::nothing().units(0, 1).money_to("gift_card", "25.00").money_to("shopify_payments", "48.34"),
            )
        },
        // an edit added a line, paid
        |o| set(o).paid("shopify_payments").edit_adds("Saucer", "3.20", 4).paid("shopify_payments"),
        // an edit removed the shipping
        |o| set(o).placed().edit_removes_shipping().paid("manual"),
        // taxes recalculated for another address
        |o| set(o).placed().taxes_recalculated("HST", "0.15").paid("shopify_payments"),
        // cancelled, the money kept
        |o| set(o).paid("shopify_payments").cancelled_without_refund(OrderCancelReason::Other),
        // ids that may be null are null
        |o| {
            set(o).paid("shopify_payments").refunded(Giving::nothing().units(0, 1).all_shipping()).with(|order| {
                order.shipping.iter_mut().for_each(|line| line.id = None);
                order.refunds.iter_mut().for_each(|refund| {
                    refund.created_at = None;
                    refund.lines.iter_mut().for_each(|line| line.id = None);
                });
            })
        },
        // completed draft order, archived
        |o| set(o).source("shopify_draft_order").paid("manual").fulfilled().closed(),
        // two shipping lines, refunded in full, with a gratuity
        |o| set(o).shipping("Insurance", "2.00").tip("3.00").paid("shopify_payments").refund_all(),
        // less money than the lines are worth
        |o| set(o).paid("shopify_payments").refunded(Giving::nothing().units(1, 1).money("5.00")),
        // captured in part
        |o| set(o).authorized("shopify_payments").captured(Some("60.00")),
        // units refunded one after the other, to the last cent
        |o| {
            o.line("Bowl", "9.97", 3)
                .discount_code("SAVE10", percent("10"))
                .tax("HST", "0.13")
                .paid("shopify_payments")
                .refund_units(0, 1)
                .refund_units(0, 1)
                .refund_units(0, 1)
        },
        // a company buys for a branch that is registered for sales tax
        |o| {
            mug(o)
                .customer(customer(700_098, "Robin", "Buyer", "robin@example.com"))
                .company(710_001, "Sample Supplies GmbH")
                .tax_registration("DE123456789")
                .bill_to(crate::sandbox::shopify::model::Address {
                    company: Some("Sample Supplies GmbH".to_owned()),
                    ..address("Robin", "Buyer", "Hamburg", "HH", "20095", CountryCode::De)
                })
                .po_number("PO-2026-98")
                .paid("manual")
        },
        // a customer who has not shown that the address is theirs, with a tax number of their own
        |o| {
            let buyer = customer(700_099, "Sasha", "Unproven", "sasha@example.com").unverified().tax_id("GB999000111");
            mug(o).customer(buyer).tax("HST", "0.13").paid("shopify_payments")
        },
    ]
}
