//! The hand-picked kinds: money, refunds, edits, cancellations.

use super::kinds::Make;
use crate::sandbox::shopify::{
    build::{Draft, Giving, amount, percent},
    currency::CurrencyCode,
    model::{CountryCode, OrderCancelReason, OrderDisplayFinancialStatus, RefundLineItemRestockType},
};

fn set(draft: Draft) -> Draft {
    let draft = draft.line("Teapot", "64.90", 1).sku("TPT-CI").line("Cup", "7.35", 4).sku("CUP-4");
    draft.shipping("Standard", "5.00").tax("HST", "0.13").guest("tea@example.org")
}

/// One order of each kind, after those of `kinds`.
pub(super) fn all() -> Vec<Make> {
    vec![
        // 45: split payment, gift card and card
        |o| set(o).placed().paid_part("gift_card", "25.00").paid("shopify_payments").with_fees(),
        // 46: paid in part
        |o| set(o).placed().paid_part("shopify_payments", "50.00"),
        // 47: manual gateway, still to be paid
        |o| set(o).unpaid("Bank Deposit"),
        // 48: manual gateway, marked as paid
        |o| set(o).placed().paid("manual"),
        // 49: authorised, not captured: nothing outstanding, nothing received
        |o| set(o).authorized("shopify_payments"),
        // 50: authorised, then captured
        |o| set(o).authorized("shopify_payments").captured(None),
        // 51: captured in part
        |o| set(o).authorized("shopify_payments").captured(Some("60.00")),
        // 52: the authorisation expired
        |o| set(o).authorized("shopify_payments").shown_as(Some(OrderDisplayFinancialStatus::Expired)),
        // 53: voided
        |o| set(o).authorized("shopify_payments").voided(),
        // 54: declined once, then paid
        |o| set(o).placed().declined("shopify_payments").paid("shopify_payments"),
        // 55: declined, nothing else
        |o| set(o).placed().declined("shopify_payments"),
        // 56: test order
        |o| set(o).test().paid("bogus"),
        // 57: a real order with a payment in test mode
        |o| set(o).placed().paid_in_test_mode("bogus"),
        // 58: made by API without a transaction: no displayed status
        |o| set(o).source("4711").placed().shown_as(None),
        // 59: total zero by discount: paid without a transaction
        |o| o.line("Sample box", "9.00", 1).discount_code("GRATIS", percent("100")).tax("HST", "0.13").paid("manual"),
        // 60: total zero by price
        |o| o.line("Catalogue", "0.00", 1).placed(),
        // 61: a gratuity, shown as a line
        |o| set(o).tip("6.00").paid("shopify_payments"),
        // 62: a gratuity that only the total knows
        |o| set(o).tip_without_line("4.50").paid("shopify_payments"),
        // 63: gift card sold, beside goods
        |o| set(o).line("Gift card", "50.00", 1).gift_card().paid("shopify_payments"),
        // 64: gift card alone, bought with a discount code that does not touch it
        |o| o.line("Gift card", "100.00", 1).gift_card().discount_code("SAVE10", percent("10")).paid("paypal"),
        // 65: additional fee
        |o| set(o).fee("Packaging levy", "0.75").paid("shopify_payments"),
        // 66: duties charged
        |o| set(o).line("Knife", "80.00", 1).duty("6.40", "8211.92", CountryCode::Jp).paid("shopify_payments"),
        // 67: units refunded with their tax, restocked
        |o| set(o).paid("shopify_payments").refund_units(1, 2),
        // 68: units refunded one after the other, to the last cent
        |o| {
            o.line("Bowl", "9.97", 3)
                .discount_code("SAVE10", percent("10"))
                .tax("HST", "0.13")
                .paid("shopify_payments")
                .refund_units(0, 1)
                .refund_units(0, 1)
                .refund_units(0, 1)
        },
        // 69: units refunded, not restocked
        |o| {
            set(o)
                .paid("shopify_payments")
                .refunded(Giving::nothing().units(0, 1).restock(RefundLineItemRestockType::NoRestock))
        },
        // 70: shipping refunded
        |o| set(o).paid("shopify_payments").refund_shipping("5.00"),
        // 71: a part of the shipping refunded
        |o| set(o).paid("shopify_payments").refund_shipping("2.00"),
        // 72: amount only: the order's total stays
        |o| set(o).paid("shopify_payments").refunded(Giving::nothing().money("7.50").note("Goodwill")),
        // 73: less money than the lines are worth
        |o| set(o).paid("shopify_payments").refunded(Giving::nothing().units(1, 1).money("5.00")),
        // 74: goods came back, no money went
        |o| set(o).paid("shopify_payments").refunded(Giving::nothing().units(1, 1).without_money()),
        // 75: refund pending
        |o| set(o).paid("paypal").refunded(Giving::nothing().units(1, 2).pending()),
        // 76: refund pending, then arrived
        |o| set(o).paid("paypal").refunded(Giving::nothing().units(1, 2).pending()).refund_arrives(),
        // 77: refund failed, then made again
        |o| set(o).paid("paypal").refunded(Giving::nothing().money("10.00").failed()).refund_amount("10.00"),
        // 78: refunded in full
        |o| set(o).paid("shopify_payments").refund_all(),
        // 79: refunded in full to card and gift card
        |o| set(o).placed().paid_part("gift_card", "25.00").paid("shopify_payments").refund_all(),
        // 80: refund of a part of each payment
        |o| {
            set(o).placed().paid_part("gift_card", "25.00").paid("shopify_payments").refunded(
                Giving::nothing().units(0, 1).money_to("gift_card", "25.00").money_to("shopify_payments", "48.34"),
            )
        },
        // 81: tax inclusive, units and shipping refunded
        |o| {
            o.line("Bowl", "9.97", 3)
                .shipping("Standard", "4.95")
                .inclusive()
                .tax("VAT", "0.2")
                .paid("shopify_payments")
                .refunded(Giving::nothing().units(0, 1).all_shipping())
        },
        // 82: foreign currency, refund at yet another rate
        |o| {
            o.line("Book", "9.00", 2)
                .sold_in(CurrencyCode::Usd, "1.5")
                .placed()
                .paid_at_rate("manual", "1.4189")
                .refunded(Giving::nothing().units(0, 1).at_rate("1.42"))
        },
        // 83: an edit removed a unit before payment
        |o| set(o).placed().edit_removes(1, 1).paid("shopify_payments"),
        // 84: an edit removed a unit after payment: overpaid until refunded
        |o| set(o).paid("shopify_payments").edit_removes(1, 1),
        // 85: the same, refunded
        |o| {
            set(o).paid("shopify_payments").edit_removes(1, 1).refunded(Giving::nothing()).with(|order| {
                order.tags.push("edited".to_owned());
            })
        },
        // 86: an edit added a line: partly paid
        |o| set(o).paid("shopify_payments").edit_adds("Saucer", "3.20", 4),
        // 87: an edit added a line, paid
        |o| set(o).paid("shopify_payments").edit_adds("Saucer", "3.20", 4).paid("shopify_payments"),
        // 88: an edit added a discount: subtotal and total move
        |o| o.line("Lamp", "100.00", 1).placed().edit_discounts(0, "Scratched", amount("20.00")).paid("manual"),
        // 89: an edit removed the shipping
        |o| set(o).placed().edit_removes_shipping().paid("manual"),
        // 90: taxes recalculated for another address
        |o| set(o).placed().taxes_recalculated("HST", "0.15").paid("shopify_payments"),
        // 91: exchange: one unit back, another line added, the difference paid
        |o| set(o).paid("shopify_payments").edit_removes(1, 1).edit_adds("Jug", "19.00", 1).paid("shopify_payments"),
        // 92: cancelled unpaid
        |o| set(o).unpaid("Bank Deposit").cancelled(OrderCancelReason::Customer),
        // 93: cancelled while authorised
        |o| set(o).authorized("shopify_payments").cancelled(OrderCancelReason::Fraud),
        // 94: cancelled and refunded
        |o| set(o).paid("shopify_payments").cancelled(OrderCancelReason::Inventory),
        // 95: cancelled, the money kept
        |o| set(o).paid("shopify_payments").cancelled_without_refund(OrderCancelReason::Other),
        // 96: ids that may be null are null
        |o| {
            set(o).paid("shopify_payments").refunded(Giving::nothing().units(0, 1).all_shipping()).with(|order| {
                order.shipping.iter_mut().for_each(|line| line.id = None);
                order.refunds.iter_mut().for_each(|refund| {
                    refund.created_at = None;
                    refund.lines.iter_mut().for_each(|line| line.id = None);
                });
            })
        },
        // 97: completed draft order, archived
        |o| set(o).source("shopify_draft_order").paid("manual").fulfilled().closed(),
        // 98: two shipping lines, refunded in full, with a gratuity
        |o| set(o).shipping("Insurance", "2.00").tip("3.00").paid("shopify_payments").refund_all(),
    ]
}
