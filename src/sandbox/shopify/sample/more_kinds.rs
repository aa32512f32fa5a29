//! The hand-picked kinds: money, refunds, edits, cancellations.

use super::kinds::Make;
use crate::sandbox::shopify::{
    build::{Draft, Giving, amount, percent},
    currency::CurrencyCode,
    model::{CountryCode, OrderCancelReason, OrderDisplayFinancialStatus},
};

pub(super) fn set(draft: Draft) -> Draft {
    let draft = draft.line("Teapot", "64.90", 1).sku("TPT-CI").line("Cup", "7.35", 4).sku("CUP-4");
    draft.shipping("Standard", "5.00").tax("HST", "0.13").guest("tea@example.org")
}

/// One order of each kind.
pub(super) fn all() -> Vec<Make> {
    vec![
        // split payment, gift card and card
        |o| set(o).placed().paid_part("gift_card", "25.00").paid("shopify_payments").with_fees(),
        // paid in part
        |o| set(o).placed().paid_part("shopify_payments", "50.00"),
        // manual gateway, still to be paid
        |o| set(o).unpaid("Bank Deposit"),
        // manual gateway, marked as paid
        |o| set(o).placed().paid("manual"),
        // authorised, not captured: nothing outstanding, nothing received
        |o| set(o).authorized("shopify_payments"),
        // authorised, then captured
        |o| set(o).authorized("shopify_payments").captured(None),
        // the authorisation expired
        |o| set(o).authorized("shopify_payments").shown_as(Some(OrderDisplayFinancialStatus::Expired)),
        // voided
        |o| set(o).authorized("shopify_payments").voided(),
        // test order
        |o| set(o).test().paid("bogus"),
        // total zero by discount: paid without a transaction
        |o| o.line("Sample box", "9.00", 1).discount_code("GRATIS", percent("100")).tax("HST", "0.13").paid("manual"),
        // a gratuity, shown as a line
        |o| set(o).tip("6.00").paid("shopify_payments"),
        // gift card sold, beside goods
        |o| set(o).line("Gift card", "50.00", 1).gift_card().paid("shopify_payments"),
        // duties charged
        |o| set(o).line("Knife", "80.00", 1).duty("6.40", "8211.92", CountryCode::Jp).paid("shopify_payments"),
        // units refunded with their tax, restocked
        |o| set(o).paid("shopify_payments").refund_units(1, 2),
        // shipping refunded
        |o| set(o).paid("shopify_payments").refund_shipping("5.00"),
        // amount only: the order's total stays
        |o| set(o).paid("shopify_payments").refunded(Giving::nothing().money("7.50").note("Goodwill")),
        // goods came back, no money went
        |o| set(o).paid("shopify_payments").refunded(Giving::nothing().units(1, 1).without_money()),
        // refund pending
        |o| set(o).paid("paypal").refunded(Giving::nothing().units(1, 2).pending()),
        // refund pending, then arrived
        |o| set(o).paid("paypal").refunded(Giving::nothing().units(1, 2).pending()).refund_arrives(),
        // refunded in full
        |o| set(o).paid("shopify_payments").refund_all(),
        // refunded in full to card and gift card
        |o| set(o).placed().paid_part("gift_card", "25.00").paid("shopify_payments").refund_all(),
        // tax inclusive, units and shipping refunded
        |o| {
            o.line("Bowl", "9.97", 3)
                .shipping("Standard", "4.95")
                .inclusive()
                .tax("VAT", "0.2")
                .paid("shopify_payments")
                .refunded(Giving::nothing().units(0, 1).all_shipping())
        },
        // foreign currency, refund at yet another rate
        |o| {
            o.line("Book", "9.00", 2)
                .sold_in(CurrencyCode::Usd, "1.5")
                .placed()
                .paid_at_rate("manual", "1.4189")
                .refunded(Giving::nothing().units(0, 1).at_rate("1.42"))
        },
        // an edit removed a unit before payment
        |o| set(o).placed().edit_removes(1, 1).paid("shopify_payments"),
        // an edit removed a unit after payment: overpaid until refunded
        |o| set(o).paid("shopify_payments").edit_removes(1, 1),
        // the same, refunded
        |o| {
            set(o).paid("shopify_payments").edit_removes(1, 1).refunded(Giving::nothing()).with(|order| {
                order.tags.push("edited".to_owned());
            })
        },
        // an edit added a line: partly paid
        |o| set(o).paid("shopify_payments").edit_adds("Saucer", "3.20", 4),
        // an edit added a discount: subtotal and total move
        |o| o.line("Lamp", "100.00", 1).placed().edit_discounts(0, "Scratched", amount("20.00")).paid("manual"),
        // exchange: one unit back, another line added, the difference paid
        |o| set(o).paid("shopify_payments").edit_removes(1, 1).edit_adds("Jug", "19.00", 1).paid("shopify_payments"),
        // cancelled unpaid
        |o| set(o).unpaid("Bank Deposit").cancelled(OrderCancelReason::Customer),
        // cancelled while authorised
        |o| set(o).authorized("shopify_payments").cancelled(OrderCancelReason::Fraud),
        // cancelled and refunded
        |o| set(o).paid("shopify_payments").cancelled(OrderCancelReason::Inventory),
    ]
}
