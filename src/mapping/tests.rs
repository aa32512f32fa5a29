//! Order in, invoice out: each case as an accountant would check it.

use serde_json::{Value, json};

use super::{
    settings::{Basis, Discounts},
    *,
};

/// One amount in both of the order's currencies.
fn bag(amount: &str) -> Value {
    bags(amount, "CAD", amount, "CAD")
}

fn bags(shop: &str, shop_code: &str, presentment: &str, presentment_code: &str) -> Value {
    json!({"shopMoney": {"amount": shop, "currencyCode": shop_code},
        "presentmentMoney": {"amount": presentment, "currencyCode": presentment_code}})
}

fn tax(title: &str, rate: f64, amount: &str) -> Value {
    json!({"title": title, "rate": rate, "channelLiable": null, "priceSet": bag(amount)})
}

fn item(title: &str, unit: &str, quantity: i64, total: &str, taxes: &[Value]) -> Value {
    json!({"id": "gid://shopify/LineItem/1", "title": title, "variantTitle": null, "sku": null, "quantity": quantity,
        "currentQuantity": quantity, "isGiftCard": false, "originalUnitPriceSet": bag(unit), "originalTotalSet": bag(total),
        "discountAllocations": [], "taxLines": taxes})
}

fn sale(amount: &str) -> Value {
    json!({"id": "gid://shopify/OrderTransaction/5", "kind": "SALE", "status": "SUCCESS", "gateway": "shopify_payments",
        "formattedGateway": null, "manualPaymentGateway": false, "test": false, "createdAt": "2026-11-20T03:30:00Z",
        "processedAt": null, "amountSet": bag(amount), "parentTransaction": null})
}

/// An order over `total` with these lines, paid in full.
fn order(total: &str, lines: &[Value]) -> Value {
    let mut order = json!({"id": "gid://shopify/Order/7001", "name": "#1001", "number": 1001, "createdAt": "2026-11-20T03:30:00Z",
        "processedAt": "2026-11-20T03:30:00Z", "updatedAt": "2026-11-20T03:31:00Z", "test": false, "edited": false,
        "currencyCode": "CAD", "presentmentCurrencyCode": "CAD", "taxesIncluded": false, "taxExempt": false,
        "dutiesIncluded": false, "displayFinancialStatus": "PAID", "email": "ada@example.com",
        "totalCashRoundingAdjustment": {"paymentSet": bag("0"), "refundSet": bag("0")}, "transactions": [sale(total)],
        "lineItems": {"nodes": lines}, "discountApplications": {"nodes": [{"index": 0, "code": "SAVE10", "title": null}]}});
    for sum in ["totalPriceSet", "currentTotalPriceSet", "totalReceivedSet", "netPaymentSet"] {
        order[sum] = bag(total);
    }
    for nothing in [
        "totalTaxSet",
        "currentTotalTaxSet",
        "totalTipReceivedSet",
        "totalRefundedSet",
        "totalOutstandingSet",
        "refundDiscrepancySet",
    ] {
        order[nothing] = bag("0");
    }
    order
}

fn read(order: &Value) -> Order {
    serde_json::from_value(order.clone()).unwrap()
}

fn shop() -> Shop {
    Shop { time_zone: chrono_tz::America::Toronto, rules: Rules::default() }
}

fn booked(order: &Value, settings: &Settings) -> Result<Wanted, Refusal> {
    wanted(&read(order), settings, &shop(), &Booked::default())
}

/// Lines as `quantity name at price [taxes]`, then the predicted total.
fn lines(wanted: &Wanted) -> Vec<String> {
    let of = |name: &Option<String>, percent: Option<rust_decimal::Decimal>| match (name, percent) {
        (Some(name), Some(percent)) => format!(" {name} {percent}%"),
        _ => String::new(),
    };
    let line = |line: &crate::freshbooks::model::Line| {
        let taxes = of(&line.tax_name1, line.tax_amount1) + &of(&line.tax_name2, line.tax_amount2);
        format!("{} {} at {}{taxes}", line.qty, line.name, line.unit_cost.amount)
    };
    let mut lines: Vec<String> = wanted.invoice.draft.lines.iter().map(line).collect();
    lines.push(cents_text(wanted.proof.predicted));
    lines
}

fn code(refusal: Result<Wanted, Refusal>) -> String {
    match refusal.unwrap_err() {
        Refusal::Skipped(rule) => rule.code().to_owned(),
        Refusal::Waiting(problem) | Refusal::Failed(problem) => problem.code,
    }
}

/// Two mugs with HST: 24.00 + 3.12.
fn mugs() -> Value {
    order("27.12", &[item("Mug", "12.00", 2, "24.00", &[tax("HST", 0.13, "3.12")])])
}

#[test]
fn a_plain_sale_is_its_lines_with_true_rates() {
    let wanted = booked(&mugs(), &Settings::default()).unwrap();
    assert_eq!(lines(&wanted), ["2 Mug at 12.00 HST 13%", "27.12"]);
    let draft = &wanted.invoice.draft;
    assert_eq!((draft.invoice_number.as_str(), draft.po_number.as_str()), ("1001", "#1001"));
    assert_eq!(draft.create_date.to_string(), "2026-11-19", "the shop's day, not UTC's");
    assert!(invoice::is_ours(&draft.notes, 7001) && !invoice::is_ours(&draft.notes, 701));
    let [payment] = &wanted.payments[..] else { panic!("one payment") };
    assert_eq!((payment.amount(), payment.draft.kind.as_str()), (2712, "Credit Card"));
    assert!(payment::is_ours(&payment.draft.note, 5) && !payment::is_ours(&payment.draft.note, 51));
}

#[test]
fn a_discount_is_a_line_of_its_own_or_folded_into_the_price() {
    let mut line = item("Mug", "12.00", 2, "24.00", &[tax("HST", 0.13, "2.81")]);
    line["discountAllocations"] = json!([{"allocatedAmountSet": bag("2.40"), "discountApplication": {"index": 0}}]);
    let order = order("24.41", &[line]);
    let own = booked(&order, &Settings::default()).unwrap();
    assert_eq!(lines(&own), ["2 Mug at 12.00 HST 13%", "1 Discount SAVE10 at -2.40 HST 13%", "24.41"]);
    let folded = Settings { discounts: Discounts::Folded, ..Settings::default() };
    assert_eq!(lines(&booked(&order, &folded).unwrap()), ["2 Mug at 10.80 HST 13%", "24.41"]);
}

#[test]
fn prices_with_tax_inside_become_net_prices_that_make_the_same_total() {
    // Two mugs at 12.00, 10 % off, VAT 20 % inside: 21.60, of which 3.60 tax.
    let mut line = item("Mug", "12.00", 2, "24.00", &[tax("VAT", 0.2, "3.60")]);
    line["discountAllocations"] = json!([{"allocatedAmountSet": bag("2.40"), "discountApplication": {"index": 0}}]);
    let mut order = order("21.60", &[line]);
    order["taxesIncluded"] = json!(true);
    let wanted = booked(&order, &Settings::default()).unwrap();
    assert_eq!(lines(&wanted), ["2 Mug at 10.00 VAT 20%", "1 Discount SAVE10 at -2.00 VAT 20%", "21.60"]);
}

#[test]
fn more_than_two_taxes_are_one_named_sum_with_its_parts_in_words() {
    let taxes = [tax("State", 0.0625, "0.63"), tax("County", 0.01, "0.10"), tax("City", 0.005, "0.05")];
    let wanted = booked(&order("10.78", &[item("Mug", "10.00", 1, "10.00", &taxes)]), &Settings::default()).unwrap();
    assert_eq!(lines(&wanted), ["1 Mug at 10.00 State + County + City 7.75%", "10.78"]);
    assert_eq!(wanted.invoice.draft.lines[0].description, "Taxes: State 6.25%, County 1%, City 0.5%");
}

#[test]
fn a_cent_of_rounding_shows_and_more_than_the_cap_makes_taxes_lines_of_their_own() {
    // Shopify rounded this tax down, FreshBooks would round it up.
    let order = order("11.30", &[item("Mug", "10.00", 1, "10.00", &[tax("HST", 0.1304, "1.30")])]);
    let one = booked(&order, &Settings::default()).unwrap();
    assert_eq!(lines(&one), ["1 Mug at 10.00 HST 13.04%", "11.30"]);
    let strict = Settings { rounding_cap: Some(0), ..Settings::default() };
    let mut wrong = order.clone();
    wrong["lineItems"]["nodes"][0]["taxLines"] = json!([tax("HST", 0.14, "1.30")]);
    let exact = booked(&wrong, &strict).unwrap();
    assert_eq!(lines(&exact), ["1 Mug at 10.00", "1 Tax: HST 14% at 1.30", "11.30"]);
    let mut cent = wrong.clone();
    cent["lineItems"]["nodes"][0]["taxLines"] = json!([tax("HST", 0.131, "1.30")]);
    assert_eq!(
        lines(&booked(&cent, &Settings::default()).unwrap()),
        ["1 Mug at 10.00 HST 13.1%", "1 Rounding at -0.01", "11.30"]
    );
}

#[test]
fn an_order_whose_parts_do_not_make_its_total_is_refused_with_both_figures() {
    let refusal = booked(&order("99.00", &[item("Mug", "10.00", 1, "10.00", &[])]), &Settings::default());
    let Err(Refusal::Failed(problem)) = refusal else { panic!("{refusal:?}") };
    assert_eq!(problem.code, "NOT_TO_THE_CENT");
    assert!(problem.message.contains("99.00") && problem.message.contains("10.00"), "{}", problem.message);
}

#[test]
fn a_third_decimal_is_refused_and_money_beyond_what_is_owed_waits() {
    let dinars = order("9.375", &[item("Mug", "9.375", 1, "9.375", &[])]);
    assert_eq!(code(booked(&dinars, &Settings::default())), "CURRENCY_PRECISION");
    let mut twice = mugs();
    twice["transactions"] = json!([sale("27.12"), sale("27.12")]);
    assert_eq!(code(booked(&twice, &Settings::default())), "OVERPAID");
    let mut test = mugs();
    test["test"] = json!(true);
    assert_eq!(code(booked(&test, &Settings::default())), "TEST_ORDER");
}

#[test]
fn only_money_that_moved_posts() {
    for (field, value) in [("kind", "AUTHORIZATION"), ("kind", "VOID"), ("status", "PENDING"), ("status", "FAILURE")] {
        let mut order = mugs();
        order["transactions"][0][field] = json!(value);
        assert_eq!(booked(&order, &Settings::default()).unwrap().payments, [], "{field} {value}");
    }
    let mut order = mugs();
    order["transactions"][0]["test"] = json!(true);
    assert_eq!(booked(&order, &Settings::default()).unwrap().payments, []);
}

#[test]
fn in_the_shops_currency_a_payment_is_its_share_of_the_total_whatever_its_days_rate() {
    // 9.00 USD were 13.50 CAD in the order, and 12.77 CAD in the payment.
    let mut line = item("Mug", "13.50", 1, "13.50", &[]);
    line["originalTotalSet"] = bags("13.50", "CAD", "9.00", "USD");
    let mut order = order("13.50", &[line]);
    order["presentmentCurrencyCode"] = json!("USD");
    for field in ["currentTotalPriceSet", "totalReceivedSet"] {
        order[field] = bags("13.50", "CAD", "9.00", "USD");
    }
    order["transactions"][0]["amountSet"] = bags("12.77", "CAD", "9.00", "USD");
    let shop = booked(&order, &Settings::default()).unwrap();
    assert_eq!((shop.payments[0].amount(), shop.currency.code()), (1350, "CAD"));
    let buyer = booked(&order, &Settings { currency: Basis::Presentment, ..Settings::default() }).unwrap();
    assert_eq!((buyer.payments[0].amount(), buyer.currency.code()), (900, "USD"));
}

#[test]
fn a_guest_is_known_by_address_and_nobody_is_the_generic_client() {
    let guest = booked(&mugs(), &Settings::default()).unwrap().client;
    assert_eq!(guest.subject, Subject::Guest("ada@example.com".to_owned()));
    let mut order = mugs();
    order["email"] = json!(null);
    let nobody = booked(&order, &Settings::default()).unwrap().client;
    assert_eq!((nobody.subject, nobody.draft.organization.as_str()), (Subject::Generic, "Shopify sales"));
}

#[test]
fn a_number_longer_than_freshbooks_takes_is_refused() {
    let settings = Settings { invoice_number: "SHOP-{number}-X".to_owned(), ..Settings::default() };
    assert_eq!(code(booked(&mugs(), &settings)), "INVOICE_NUMBER_TOO_LONG");
}

#[test]
fn each_confirmed_write_shortens_the_plan_until_nothing_is_left() {
    use crate::{
        link::{Facts, KnownDoc, LinkKey},
        sync::plan::{Action, Draft, Known, plan},
    };
    use entity::resource_link::{Kind, State};

    let wanted = booked(&mugs(), &Settings::default()).unwrap();
    let client = LinkKey { kind: Kind::Client, shopify_id: "guest:x".to_owned() };
    let mut known = Known::default();
    let mut steps = Vec::new();
    while let Some(write) = plan(&wanted, &known, &client).into_iter().next() {
        steps.push((write.key.kind, write.action));
        assert!(steps.len() < 10, "{steps:?}");
        let facts = Facts { total: Some(2712), issued: true, as_of: Some(wanted.client.as_of), ..Facts::default() };
        let state = State::Confirmed;
        match (write.action, write.draft) {
            (Action::Find, _) => known.absent.push(write.key),
            (_, Draft::Credit(draft)) => panic!("no refund, and yet {draft:?}"),
            (_, Draft::Client(draft)) => {
                known.client = Some(KnownDoc { state, id: Some(1), written: Some(*draft), facts })
            }
            (_, Draft::Invoice(draft)) => {
                assert_eq!(draft.customerid, 1);
                known.invoice = Some(KnownDoc { state, id: Some(2), written: Some(draft), facts });
            }
            (_, Draft::Payment(draft)) => {
                assert_eq!(draft.invoiceid, 2);
                known.payments.insert(5, KnownDoc { state, id: Some(3), written: Some(draft), facts });
            }
        }
    }
    let expected = [(Kind::Client, Action::Find), (Kind::Client, Action::Create), (Kind::Invoice, Action::Create)];
    assert_eq!(steps[..3], expected);
    assert_eq!(steps[3..], [(Kind::Payment, Action::Create)]);

    // Refunded since: the payment is lowered before the invoice is.
    let mut refunded = mugs();
    refunded["currentTotalPriceSet"] = bag("13.56");
    refunded["transactions"] = json!([sale("27.12"), sale("13.56")]);
    refunded["transactions"][1]["kind"] = json!("REFUND");
    refunded["transactions"][1]["id"] = json!("gid://shopify/OrderTransaction/6");
    refunded["lineItems"]["nodes"][0]["currentQuantity"] = json!(1);
    refunded["refunds"] = json!([{"id": "gid://shopify/Refund/8", "createdAt": null, "processedAt": "2026-11-21T10:00:00Z",
        "note": null, "totalRefundedSet": bag("13.56"), "duties": null,
        "refundLineItems": [{"quantity": 1, "subtotalSet": bag("12.00"), "totalTaxSet": bag("1.56"),
            "lineItem": {"id": "gid://shopify/LineItem/1"}}],
        "transactions": [{"id": "gid://shopify/OrderTransaction/6", "kind": "REFUND", "status": "SUCCESS", "amountSet": bag("13.56")}]}]);
    let wanted = booked(&refunded, &Settings::default()).unwrap();
    assert_eq!(lines(&wanted), ["2 Mug at 12.00 HST 13%", "1 Refund: Mug at -12.00 HST 13%", "13.56"]);
    let steps: Vec<_> =
        plan(&wanted, &known, &client).into_iter().map(|write| (write.key.kind, write.action)).collect();
    assert_eq!(steps, [(Kind::Payment, Action::Update), (Kind::Invoice, Action::Update)]);
}
