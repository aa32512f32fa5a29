use super::*;
use crate::sandbox::freshbooks::Rounding;

fn taxed(amount: &str, taxes: &[(&str, &str)]) -> Value {
    let mut line = line("Thing", amount);
    for ((name, percent), keys) in taxes.iter().zip([["taxName1", "taxAmount1"], ["taxName2", "taxAmount2"]]) {
        line[keys[0]] = json!(name);
        line[keys[1]] = json!(percent);
    }
    line
}

async fn total(api: &Caller, client: u64, discount: &str, lines: Value) -> (String, String) {
    let body = json!({"invoice": {"customerid": client, "create_date": "2026-11-20", "currency_code": "CAD",
        "discount_value": discount, "lines": lines}});
    let made = api.post("invoices/invoices", body).await["invoice"].clone();
    let text = |key: &str| made[key]["amount"].as_str().unwrap().to_owned();
    (text("discount_total"), text("amount"))
}

#[tokio::test]
async fn the_recorded_documents_come_to_the_recorded_totals() {
    let api = Caller::start(noon()).await;
    let client = api.client("a@example.com").await;
    let mut bowls = taxed("5.00", &[("HST", "13")]);
    bowls["qty"] = json!("4");
    let mut mugs = taxed("4.00", &[]);
    mugs["qty"] = json!(6);
    assert_eq!(total(&api, client, "10", json!([bowls, mugs])).await, ("-4.40".to_owned(), "41.94".to_owned()));

    let both: &[_] = &[("TPS", "5"), ("TVQ", "9.975")];
    let lines = json!([taxed("555.55", both), taxed("7.98", both)]);
    assert_eq!(total(&api, client, "15", lines).await, ("-84.53".to_owned(), "550.73".to_owned()));
}

#[tokio::test]
async fn the_rounding_switch_reaches_the_answer() {
    for (rounding, three, tie) in [
        (Rounding::LineHalfUp, "34.23", "2.63"),
        (Rounding::LineHalfEven, "34.23", "2.62"),
        (Rounding::InvoiceHalfUp, "34.24", "2.63"),
        (Rounding::InvoiceHalfEven, "34.24", "2.62"),
        (Rounding::TaxesTogether, "34.23", "2.63"),
    ] {
        let api = Caller::start(Options { rounding, ..noon() }).await;
        let client = api.client("a@example.com").await;
        let hst = || taxed("10.10", &[("HST", "13")]);
        assert_eq!(total(&api, client, "0", json!([hst(), hst(), hst()])).await.1, three, "{rounding:?}");
        assert_eq!(total(&api, client, "0", json!([taxed("2.50", &[("GST", "5")])])).await.1, tie, "{rounding:?}");
        let both: &[_] = &[("GST", "5"), ("QST", "9.975")];
        let together = if rounding == Rounding::TaxesTogether { "30.73" } else { "30.74" };
        assert_eq!(total(&api, client, "0", json!([taxed("26.73", both)])).await.1, together, "{rounding:?}");
    }
}

#[tokio::test]
async fn a_compounded_tax_is_charged_on_the_first_and_read_back() {
    let api = Caller::start(noon()).await;
    let client = api.client("a@example.com").await;
    let mut lamp = taxed("100.00", &[("GST", "5"), ("QST", "10")]);
    lamp["compounded_tax"] = json!(true);
    assert_eq!(total(&api, client, "0", json!([lamp])).await.1, "115.50");
    let view = &api.books.invoices()[0].lines[0];
    assert!(view.compounded);
    assert_eq!(view.taxes.iter().map(|tax| tax.amount.to_string()).collect::<Vec<_>>(), ["5.00", "10.50"]);
}

#[tokio::test]
async fn an_e_mail_goes_to_those_named_or_to_the_client() {
    let api = Caller::start(noon()).await;
    let client = api.client("a@example.com").await;
    let id = api.invoice(client, "S1", "5.00").await;
    let path = format!("invoices/invoices/{id}");
    let send = |recipients: Value| json!({"invoice": {"action_email": true, "email_recipients": recipients}});
    for wrong in [json!("b@example.com"), json!([7]), json!(["nobody"])] {
        let refused = api.refused(Method::PUT, &path, send(wrong)).await;
        assert_eq!(refused, (422, 1004, "email_recipients".to_owned()));
    }
    assert_eq!(api.books.emails_sent(), 0);
    api.put(&path, send(json!(["b@example.com", "c@example.com"]))).await;
    let answer = api.put(&path, json!({"invoice": {"action_email": true}})).await;
    assert_eq!(answer["invoice"]["v3_status"], "sent");
    let invoice = &api.books.invoices()[0];
    assert_eq!((api.books.emails_sent(), invoice.emails_sent), (2, 2));
    assert_eq!(invoice.emailed_to, ["b@example.com", "c@example.com", "a@example.com"]);

    let silent = api.post("users/clients", json!({"client": {"fname": "No", "lname": "Mail"}})).await;
    let id = api.invoice(silent["client"]["id"].as_u64().unwrap(), "S2", "5.00").await;
    let body = json!({"invoice": {"action_email": true}});
    let refused = api.refused(Method::PUT, &format!("invoices/invoices/{id}"), body).await;
    assert_eq!(refused, (422, 1001, "email_recipients".to_owned()));
}

#[tokio::test]
async fn a_new_invoice_is_a_draft_with_copies_of_its_client_and_hidden_lines() {
    let api = Caller::start(noon()).await;
    let client = api.client("a@example.com").await;
    let body = json!({"invoice": {"customerid": client, "create_date": "2026-11-01", "due_offset_days": 10,
        "currency_code": "CAD", "lines": [line("Mug", "12.00")], "no_such_key": true}});
    let made = api.post("invoices/invoices", body).await["invoice"].clone();
    assert!(made.get("lines").is_none());
    assert_eq!((&made["invoice_number"], &made["discount_total"]["amount"]), (&json!("0000001"), &json!("0.00")));
    assert_eq!(
        (&made["status"], &made["v3_status"], &made["display_status"]),
        (&json!(1), &json!("draft"), &json!("draft"))
    );
    assert_eq!(
        (&made["due_date"], &made["city"], &made["fulfillment_date"]),
        (&json!("2026-11-11"), &json!("Halifax"), &Value::Null)
    );
    assert_eq!(made["updated"], "2026-11-20 12:00:00");

    let id = made["id"].as_u64().unwrap();
    api.put(&format!("users/clients/{client}"), json!({"client": {"p_city": "Gaspe"}})).await;
    let sent = api.put(&format!("invoices/invoices/{id}"), json!({"invoice": {"action_mark_as_sent": true}})).await;
    let sent = &sent["invoice"];
    assert_eq!(
        (&sent["status"], &sent["v3_status"], &sent["fulfillment_date"]),
        (&json!(2), &json!("overdue"), &json!("2026-11-01"))
    );
    assert_eq!(sent["city"], "Halifax");
    assert_eq!(api.books.emails_sent(), 0);
}

#[tokio::test]
async fn a_status_in_the_create_is_honoured_or_dropped() {
    for (honours_status_in_create, status) in [(true, 2), (false, 1)] {
        let api = Caller::start(Options { honours_status_in_create, ..noon() }).await;
        let client = api.client("a@example.com").await;
        let id = api.invoice(client, "S1", "5.00").await;
        assert_eq!(api.read_invoice(id).await["status"], status);
    }
}

#[tokio::test]
async fn only_the_first_phase_of_a_put_is_done() {
    let api = Caller::start(noon()).await;
    let client = api.client("a@example.com").await;
    let id = api.invoice(client, "S1", "5.00").await;
    let path = format!("invoices/invoices/{id}");
    let both = json!({"invoice": {"vis_state": 2, "action_email": true, "notes": "lost"}});
    let answer = api.put(&path, both).await["invoice"].clone();
    assert_eq!((&answer["vis_state"], &answer["notes"]), (&json!(2), &json!("")));
    assert_eq!(api.books.emails_sent(), 0);
    let answer = api.put(&path, json!({"invoice": {"action_email": true, "notes": "lost"}})).await["invoice"].clone();
    assert_eq!(answer["notes"], "");
    assert_eq!(api.books.emails_sent(), 1);
    let answer = api.put(&path, json!({"invoice": {"notes": "kept"}})).await["invoice"].clone();
    assert_eq!(answer["notes"], "kept");
}

#[tokio::test]
async fn lines_are_replaced_as_a_whole_and_keep_the_ids_given() {
    let api = Caller::start(noon()).await;
    let client = api.client("a@example.com").await;
    let id = api.invoice(client, "S1", "5.00").await;
    let path = format!("invoices/invoices/{id}?include[]=lines");
    let mut kept = line("Mug", "5.00");
    kept["lineid"] = json!(1);
    let two = json!({"invoice": {"lines": [line("Refund", "-2.00"), kept]}});
    let answer = api.put(&path, two).await["invoice"].clone();
    assert_eq!(answer["amount"]["amount"], "3.00");
    let ids: Vec<_> =
        answer["lines"].as_array().unwrap().iter().map(|line| (&line["lineid"], &line["taskno"])).collect();
    assert_eq!(ids, [(&json!(2), &json!(1)), (&json!(1), &json!(2))]);
    let answer = api.put(&path, json!({"invoice": {"lines": [line("Jug", "9.00")]}})).await["invoice"].clone();
    assert_eq!((&answer["lines"][0]["lineid"], answer["lines"].as_array().unwrap().len()), (&json!(3), 1));

    let mut strange = line("Mug", "5.00");
    strange["lineid"] = json!(77);
    let refused = api.refused(Method::PUT, &path, json!({"invoice": {"lines": [strange]}})).await;
    assert_eq!(refused, (422, 1004, "lineid".to_owned()));
    let below_zero = json!({"invoice": {"lines": [line("Refund", "-2.00")]}});
    assert_eq!(api.refused(Method::PUT, &path, below_zero).await, (422, 1004, "amount".to_owned()));
    assert_eq!(api.read_invoice(id).await["amount"]["amount"], "9.00");
}

#[tokio::test]
async fn tax_numbers_come_from_the_tax_of_that_name_and_outlive_nothing() {
    let api = Caller::start(noon()).await;
    let client = api.client("a@example.com").await;
    let tax = json!({"tax": {"name": "HST", "amount": "13", "number": "RT 1"}});
    let tax = api.post("taxes/taxes", tax).await["tax"]["id"].as_u64().unwrap();
    let body = json!({"invoice": {"customerid": client, "create_date": "2026-11-20", "currency_code": "CAD",
        "lines": [taxed("10.00", &[("HST", "13")])]}});
    let made = api.post("invoices/invoices?include[]=lines", body).await["invoice"].clone();
    assert_eq!(made["lines"][0]["taxNumber1"], "RT 1");
    let (status, body) = api.accounting(Method::DELETE, &format!("taxes/taxes/{tax}"), None).await;
    assert_eq!((status, body), (200, json!({"response": {}})));
    assert_eq!(api.read_invoice(made["id"].as_u64().unwrap()).await["lines"][0]["taxAmount1"], "13");
}
