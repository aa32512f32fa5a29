//! What can happen to an order, and what the books hold once it is booked.

use ml_connector::{
    mapping::settings::{Issue, Refunds, Settings},
    sandbox::{
        freshbooks::{DuplicateNumbers, Options as Books},
        shopify::{
            build::Draft,
            model::{Order, OrderCancelReason},
        },
    },
};

use crate::harness::World;

/// One kind of visit: the order as it was sold, and what then happens to it.
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) world: fn() -> World,
    /// Whether FreshBooks has the customer already, from another order.
    pub(super) client_is_known: bool,
    pub(super) sold: fn(Draft) -> Order,
    /// What happens once the sale is in the books; where nothing does, the sale itself is what is booked.
    pub(super) then: Option<fn(Order) -> Order>,
    /// Its statements are those of another kind: its calls alone are gone through.
    pub(super) alike: bool,
    /// How often FreshBooks is called for it where nothing fails.
    pub(super) calls: u64,
    /// What it holds of the order afterwards, all that was ever made.
    pub(super) books: &'static [&'static str],
}

/// The sale of two mugs with shipping and HST, 32.77 in all, to a customer whom FreshBooks knows.
const SALE: Kind = Kind {
    name: "paid",
    world: World::default,
    client_is_known: true,
    sold: |order| order.paid("shopify_payments"),
    then: None,
    alike: false,
    calls: 2,
    books: &["invoice 32.77 CAD, paid", "payment 32.77 CAD"],
};

/// Sales that FreshBooks has nothing of yet.
pub(super) const SOLD: [Kind; 8] = [
    Kind { name: "of a new client", client_is_known: false, calls: 4, ..SALE },
    Kind { alike: true, ..SALE },
    Kind {
        name: "unpaid",
        alike: true,
        sold: |order| order.unpaid("manual"),
        calls: 1,
        books: &["invoice 32.77 CAD, unpaid"],
        ..SALE
    },
    Kind {
        name: "paid in two parts",
        alike: true,
        sold: |order| order.unpaid("manual").paid_part("cash", "10.00").paid("manual"),
        calls: 3,
        books: &["invoice 32.77 CAD, paid", "payment 10.00 CAD", "payment 22.77 CAD"],
        ..SALE
    },
    Kind {
        name: "where a status in the create is not honoured",
        alike: true,
        world: || World {
            freshbooks: Books { honours_status_in_create: false, ..Books::default() },
            ..World::default()
        },
        calls: 3,
        ..SALE
    },
    Kind {
        name: "of a new client where numbers may be taken twice",
        alike: true,
        world: || World {
            freshbooks: Books { duplicate_numbers: DuplicateNumbers::Accept, ..Books::default() },
            ..World::default()
        },
        client_is_known: false,
        calls: 4,
        ..SALE
    },
    Kind {
        name: "sent by e-mail",
        world: || with(Settings { issue: Issue::Email, ..Settings::default() }),
        calls: 3,
        books: &["invoice 32.77 CAD, paid, e-mailed 1 times", "payment 32.77 CAD"],
        ..SALE
    },
    Kind {
        name: "refunded before it was booked",
        alike: true,
        world: by_credit_note,
        sold: |order| order.paid("shopify_payments").refund_units(0, 1),
        calls: 3,
        books: &["invoice 32.77 CAD, paid", "payment 32.77 CAD", "credit note 13.56 CAD"],
        ..SALE
    },
];

/// Booked sales that become more, or less, or something else.
pub(super) const CHANGED: [Kind; 4] = [
    Kind {
        name: "paid later",
        alike: true,
        sold: |order| order.unpaid("manual"),
        then: Some(|order| order.paid("manual")),
        calls: 2,
        ..SALE
    },
    Kind {
        name: "edited, unpaid",
        alike: true,
        sold: |order| order.unpaid("manual"),
        then: Some(|order| order.edit_removes(0, 1).edit_adds("Spoon", "3.00", 1)),
        calls: 1,
        books: &["invoice 22.60 CAD, unpaid"],
        ..SALE
    },
    Kind {
        name: "edited, paid",
        alike: true,
        then: Some(|order| order.edit_adds("Spoon", "3.00", 1)),
        calls: 1,
        books: &["invoice 36.16 CAD, partial", "payment 32.77 CAD"],
        ..SALE
    },
    Kind {
        name: "edited and paid up",
        sold: |order| order.unpaid("manual").paid_part("cash", "10.00"),
        then: Some(|order| order.edit_adds("Spoon", "3.00", 1).paid("manual")),
        calls: 2,
        books: &["invoice 36.16 CAD, paid", "payment 10.00 CAD", "payment 26.16 CAD"],
        ..SALE
    },
];

/// Booked sales whose goods or money go back.
pub(super) const GIVEN_BACK: [Kind; 7] = [
    Kind {
        name: "refunded in part",
        then: Some(|order| order.refund_units(0, 1)),
        calls: 2,
        books: &["invoice 19.21 CAD, paid", "payment 19.21 CAD"],
        ..SALE
    },
    Kind {
        name: "refunded",
        then: Some(Order::refund_all),
        calls: 2,
        books: &["invoice 0.00 CAD, unpaid", "payment 32.77 CAD, removed"],
        ..SALE
    },
    Kind {
        name: "refunded in part by credit note",
        world: by_credit_note,
        then: Some(|order| order.refund_units(0, 1)),
        calls: 1,
        books: &["invoice 32.77 CAD, paid", "payment 32.77 CAD", "credit note 13.56 CAD"],
        ..SALE
    },
    Kind {
        name: "refunded twice by credit note",
        alike: true,
        world: by_credit_note,
        then: Some(|order| order.refund_amount("2.00").refund_all()),
        calls: 2,
        books: &["invoice 32.77 CAD, paid", "payment 32.77 CAD", "credit note 2.00 CAD", "credit note 30.77 CAD"],
        ..SALE
    },
    Kind {
        name: "cancelled, unpaid",
        sold: |order| order.unpaid("manual"),
        then: Some(cancelled),
        calls: 1,
        books: &["invoice 32.77 CAD, unpaid, removed"],
        ..SALE
    },
    Kind {
        name: "cancelled, paid",
        alike: true,
        then: Some(cancelled),
        calls: 2,
        books: &["invoice 0.00 CAD, unpaid", "payment 32.77 CAD, removed"],
        ..SALE
    },
    Kind {
        name: "cancelled, paid, by credit note",
        alike: true,
        world: by_credit_note,
        then: Some(cancelled),
        calls: 1,
        books: &["invoice 32.77 CAD, paid", "payment 32.77 CAD", "credit note 32.77 CAD"],
        ..SALE
    },
];

fn cancelled(order: Order) -> Order {
    order.cancelled(OrderCancelReason::Customer)
}

fn by_credit_note() -> World {
    with(Settings { refunds: Refunds::CreditNote, ..Settings::default() })
}

fn with(settings: Settings) -> World {
    World { settings, ..World::default() }
}
