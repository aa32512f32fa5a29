//! Row "currency": the shop's money or the buyer's, one per document.

use super::{settings::Basis, *};

fn buyers() -> Settings {
    but(|settings| settings.currency = Basis::Presentment)
}

/// Three pins at 0.99 US dollars: 1.40 each in the shop's money, and 4.21 all together.
fn pins() -> Value {
    let pin = || item("Pin", "0.99", 1, "0.99", &[]);
    order("2.97", &[pin(), pin(), pin()]).abroad("1.4173")
}

/// Two mugs for 27.12 US dollars, at 1.5.
fn mugs_abroad(change: impl FnOnce(Value) -> Value) -> Value {
    change(mugs()).abroad("1.5")
}

#[test]
fn decimals_are_the_currencys_own_and_a_third_one_is_refused() {
    let one = |price: &str, code: &str| order(price, &[item("Mug", price, 1, price, &[])]).in_currency(code);
    let three_yen = order("1000", &[item("Tea", "333", 3, "1000", &[])]).in_currency("JPY");
    check_invoices(&[
        ("two", one("9.37", "EUR"), but(|_| ()), &["1 Mug at 9.37", "9.37 EUR"]),
        ("none", one("937", "JPY"), but(|_| ()), &["1 Mug at 937.00", "937.00 JPY"]),
        ("none, not dividing", three_yen, but(|_| ()), &["2 Tea at 333.00", "1 Tea at 334.00", "1000.00 JPY"]),
        ("three, not needed", one("9.370", "KWD"), but(|_| ()), &["1 Mug at 9.37", "9.37 KWD"]),
        ("three", one("9.375", "KWD"), but(|_| ()), &["failed: CURRENCY_PRECISION"]),
    ]);
}

#[test]
fn a_third_decimal_matters_only_in_the_documents_currency() {
    // Three dinars and a bit are 10.00 dollars, whichever of the two is the shop's.
    let dinars = |shop: [&str; 2], buyer: [&str; 2]| {
        let money = || bags(shop[0], shop[1], buyer[0], buyer[1]);
        let mug = item("Mug", "0", 1, "0", &[]).set("/originalTotalSet", money());
        let sale = payment(5, "SALE", "0").set("/amountSet", money());
        let order =
            order("0", &[mug]).paid(&[sale]).set("/totalPriceSet", money()).set("/currentTotalPriceSet", money());
        order.set("/currencyCode", shop[1]).set("/presentmentCurrencyCode", buyer[1])
    };
    let (kwd, usd) = (["3.075", "KWD"], ["10.00", "USD"]);
    let expected = ["1 Mug at 10.00", "10.00 USD", "paid 10.00 USD on 2026-11-19 as Credit Card"];
    check_books(&[
        ("the shop's", dinars(kwd, usd), but(|_| ()), &["failed: CURRENCY_PRECISION"]),
        ("the shop's, the buyer's is booked", dinars(kwd, usd), buyers(), &expected),
        ("the buyer's", dinars(usd, kwd), but(|_| ()), &expected),
        ("the buyer's is booked", dinars(usd, kwd), buyers(), &["failed: CURRENCY_PRECISION"]),
    ]);
}

#[test]
fn documents_are_in_the_shops_money_or_in_the_buyers() {
    check_books(&[
        (
            "shop",
            mugs_abroad(|order| order),
            but(|_| ()),
            &["2 Mug at 18.00 HST 13%", "40.68 CAD", "paid 40.68 CAD on 2026-11-19 as Credit Card"],
        ),
        (
            "buyer",
            mugs_abroad(|order| order),
            buyers(),
            &["2 Mug at 12.00 HST 13%", "27.12 USD", "paid 27.12 USD on 2026-11-19 as Credit Card"],
        ),
    ]);
    assert_eq!(want(&mugs_abroad(|order| order), &buyers()).client.draft.currency_code, "USD");
}

#[test]
fn an_invoice_keeps_the_currency_it_was_booked_in() {
    for (code, settings, expected) in [
        ("USD", Settings::default(), "27.12 USD"),
        ("CAD", buyers(), "40.68 CAD"),
        ("EUR", Settings::default(), "40.68 CAD"),
        ("EUR", buyers(), "27.12 USD"),
    ] {
        let booked = invoiced(|invoice| invoice.currency = Some(code.to_owned()));
        let told = invoice_by(&mugs_abroad(|order| order), &settings, &toronto(), &booked);
        assert_eq!(told[1], expected, "booked in {code}");
    }
}

#[test]
fn converted_parts_that_do_not_make_the_converted_total_leave_a_rounding_line() {
    let pin = "1 Pin at 1.40";
    check_invoices(&[
        ("shop", pins(), but(|_| ()), &[pin, pin, pin, "1 Rounding at 0.01", "4.21 CAD"]),
        ("buyer", pins(), buyers(), &["1 Pin at 0.99", "1 Pin at 0.99", "1 Pin at 0.99", "2.97 USD"]),
    ]);
}

#[test]
fn a_tip_is_found_although_the_conversion_lost_a_cent() {
    // 8.46 in all: three pins at 1.40, a tip of 4.25, and a cent.
    let tipped = |lines: &[Value]| order("5.97", lines).set("/totalTipReceivedSet", bag("3.00")).abroad("1.4173");
    let sold = || item("Pin", "0.99", 1, "0.99", &[]);
    let listed = tipped(&[sold(), sold(), sold(), item("Trinkgeld", "3.00", 1, "3.00", &[])]);
    let pin = "1 Pin at 1.40";
    check_invoices(&[
        (
            "without a line",
            tipped(&[sold(), sold(), sold()]),
            but(|_| ()),
            &[pin, pin, pin, "1 Tip at 4.25", "1 Rounding at 0.01", "8.46 CAD"],
        ),
        ("with a line", listed, but(|_| ()), &[pin, pin, pin, "1 Trinkgeld at 4.25", "1 Rounding at 0.01", "8.46 CAD"]),
    ]);
}

#[test]
fn a_payment_is_its_share_of_the_total_whatever_its_days_rate() {
    let at = |order: Value, index: usize, shop: &str, buyer: &str| {
        order.set(&format!("/transactions/{index}/amountSet"), bags(shop, "CAD", buyer, "USD"))
    };
    let thirds = [payment(5, "SALE", "0.99"), payment(6, "SALE", "0.99"), payment(7, "SALE", "0.99")];
    let table: [(&str, Value, &[i64]); 5] = [
        ("paid at a loss", at(mugs_abroad(|order| order), 0, "38.00", "27.12"), &[4068]),
        ("paid at a gain", at(mugs_abroad(|order| order), 0, "41.00", "27.12"), &[4068]),
        ("half of it", at(mugs_abroad(|order| order), 0, "20.99", "13.56"), &[2034]),
        ("in thirds, the last takes what is left", pins().paid(&thirds).abroad("1.5"), &[149, 148, 149]),
        ("nothing", mugs_abroad(Tell::unpaid), &[]),
    ];
    for (what, order, expected) in table {
        let wanted = want(&order, &Settings::default());
        assert_eq!(wanted.payments.iter().map(WantedPayment::amount).collect::<Vec<_>>(), expected, "{what}");
    }
}

#[test]
fn too_much_of_the_buyers_money_waits_with_both_figures_in_the_shops() {
    let order = mugs_abroad(|order| order.paid(&[payment(5, "SALE", "27.12"), payment(6, "SALE", "10.00")]));
    let refusal = want_with(&order, &Settings::default(), &toronto(), &Booked::default());
    let Err(Refusal::Waiting(problem)) = refusal else { panic!("{refusal:?}") };
    assert_eq!(problem.message, "The customer paid 55.68, but owes 40.68 CAD.");
}

/// One of two mugs came back: 13.56 dollars, worth 20.34 in the order and 19.00 on the refund's day.
fn one_back() -> Value {
    let order = mugs_abroad(|order| order.refunded(refund(8, &[back(1, 1, "12.00", "1.56")], "13.56")).now("13.56"));
    let money = bags("19.00", "CAD", "13.56", "USD");
    order.set("/transactions/1/amountSet", money.clone()).set("/refunds/0/transactions/0/amountSet", money)
}

#[test]
fn several_refunds_abroad_end_on_what_is_owed() {
    // One mug came back, then a dollar for nothing in particular; and one that is still on its way.
    let both = |order: Value| {
        let amount =
            order.refunded(refund(8, &[back(1, 1, "12.00", "1.56")], "13.56")).refunded(refund(9, &[], "1.00"));
        amount.set("/refundDiscrepancySet", bag("-1.00")).now("13.56")
    };
    let pending =
        mugs().refunded(refund(8, &[back(1, 1, "12.00", "1.56")], "13.56").set("/transactions/0/status", "PENDING"));
    let (sold, goods) = ("2 Mug at 17.01 HST 13%", "1 Refund: Mug at -17.01 HST 13%");
    let (paid, note) =
        (|amount| format!("paid {amount} CAD on 2026-11-19 as Credit Card"), "credit note on 2026-11-21");
    check_books(&[
        (
            "adjusted",
            both(mugs()).abroad("1.4173"),
            but(|_| ()),
            &[sold, goods, "1 Refund without items at -1.42", "17.80 CAD", &paid("17.80")],
        ),
        (
            "credited",
            both(mugs()).abroad("1.4173"),
            but(|settings| settings.refunds = settings::Refunds::CreditNote),
            &[
                sold,
                "38.44 CAD",
                &paid("38.44"),
                note,
                "1 Refund: Mug at 17.01 HST 13%",
                "19.22 CAD",
                note,
                "1 Refund without items at 1.42",
                "1.42 CAD",
            ],
        ),
        ("pending", pending.now("13.56").abroad("1.4173"), but(|_| ()), &[sold, "38.44 CAD", &paid("38.44")]),
    ]);
}

#[test]
fn a_refund_is_its_share_of_the_total_whatever_its_days_rate() {
    let credit = but(|settings| settings.refunds = settings::Refunds::CreditNote);
    let (sold, paid) = ("2 Mug at 18.00 HST 13%", "paid 40.68 CAD on 2026-11-19 as Credit Card");
    check_books(&[
        (
            "adjusted",
            one_back(),
            but(|_| ()),
            &[sold, "1 Refund: Mug at -18.00 HST 13%", "20.34 CAD", "paid 20.34 CAD on 2026-11-19 as Credit Card"],
        ),
        (
            "credited",
            one_back(),
            credit,
            &[sold, "40.68 CAD", paid, "credit note on 2026-11-21", "1 Refund: Mug at 18.00 HST 13%", "20.34 CAD"],
        ),
        (
            "in the buyer's money",
            one_back(),
            buyers(),
            &[
                "2 Mug at 12.00 HST 13%",
                "1 Refund: Mug at -12.00 HST 13%",
                "13.56 USD",
                "paid 13.56 USD on 2026-11-19 as Credit Card",
            ],
        ),
    ]);
}
