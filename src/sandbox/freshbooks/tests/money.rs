use super::*;

fn figures(invoice: &Value) -> [String; 4] {
    ["paid", "outstanding"]
        .map(|key| invoice[key]["amount"].as_str().unwrap().to_owned())
        .into_iter()
        .chain(["v3_status", "payment_status"].map(|key| invoice[key].as_str().unwrap().to_owned()))
        .collect::<Vec<_>>()
        .try_into()
        .unwrap()
}

#[tokio::test]
async fn payments_move_what_is_paid_and_the_statuses() {
    for paid_status in [4, 2] {
        let api = Caller::start(Options { paid_status, ..noon() }).await;
        let client = api.client("a@example.com").await;
        let id = api.invoice(client, "S1", "50.00").await;
        let first = api.post("payments/payments", payment(id, "20.00")).await["payment"].clone();
        let invoice = api.read_invoice(id).await;
        assert_eq!(figures(&invoice), ["20.00", "30.00", "partial", "partial"]);
        assert_eq!((&invoice["status"], &invoice["display_status"]), (&json!(2), &json!("sent")));
        api.post("payments/payments", payment(id, "30.00")).await;
        let invoice = api.read_invoice(id).await;
        assert_eq!(figures(&invoice), ["50.00", "0.00", "paid", "paid"]);
        assert_eq!((&invoice["status"], &invoice["date_paid"]), (&json!(paid_status), &json!("2026-11-20")));

        let path = format!("payments/payments/{}", first["id"]);
        api.put(&path, json!({"payment": {"amount": {"amount": "5.00"}, "note": "less"}})).await;
        assert_eq!(figures(&api.read_invoice(id).await), ["35.00", "15.00", "partial", "partial"]);
        let deleted = api.put(&path, json!({"payment": {"vis_state": 1}})).await;
        assert_eq!(deleted["payment"]["vis_state"], 1);
        assert_eq!(figures(&api.read_invoice(id).await), ["30.00", "20.00", "partial", "partial"]);
        api.put(&path, json!({"payment": {"vis_state": 0}})).await;
        assert_eq!(figures(&api.read_invoice(id).await), ["35.00", "15.00", "partial", "partial"]);
    }
}

#[tokio::test]
async fn an_overpayment_becomes_a_credit_without_a_word() {
    let api = Caller::start(noon()).await;
    let client = api.client("a@example.com").await;
    let id = api.invoice(client, "S1", "50.00").await;
    let first = api.post("payments/payments", payment(id, "60.00")).await["payment"].clone();
    assert_eq!(first["amount"], json!({"amount": "50.00", "code": "CAD"}));
    let again = api.post("payments/payments", payment(id, "10.00")).await["payment"].clone();
    assert_eq!(again["amount"]["amount"], "0.00");
    let credits = api.books.credit_notes();
    assert_eq!(credits.iter().map(|credit| credit.amount.to_string()).collect::<Vec<_>>(), ["10.00", "10.00"]);
    assert!(credits.iter().all(|credit| credit.kind == "overpayment" && credit.client_id == client));
    assert_eq!(first["overpaymentid"], credits[0].id);
    assert_eq!(again["overpaymentid"], credits[1].id);
    assert_eq!(figures(&api.read_invoice(id).await), ["50.00", "0.00", "paid", "paid"]);

    // And a credit can be spent on another invoice.
    let other = api.invoice(client, "S2", "8.00").await;
    let mut spend = payment(other, "8.00");
    spend["payment"]["creditid"] = json!(credits[0].id);
    spend["payment"]["type"] = json!("Credit");
    api.post("payments/payments", spend).await;
    let credit = &api.books.credit_notes()[0];
    assert_eq!((credit.paid.to_string().as_str(), credit.payment_status.as_str()), ("8.00", "partial"));
}

#[tokio::test]
async fn a_payment_must_be_one() {
    let api = Caller::start(noon()).await;
    let client = api.client("a@example.com").await;
    let id = api.invoice(client, "S1", "50.00").await;
    let gone = api.invoice(client, "S2", "50.00").await;
    api.put(&format!("invoices/invoices/{gone}"), json!({"invoice": {"vis_state": 1}})).await;
    let with = |key: &str, value: Value| {
        let mut body = payment(id, "10.00");
        body["payment"][key] = value;
        body
    };
    for (body, expected) in [
        (with("type", json!("Stripe")), (422, 1004, "type")),
        (with("type", json!("Visa")), (422, 1004, "type")),
        (with("amount", json!({"amount": "10.00", "code": "USD"})), (422, 1004, "amount")),
        (with("amount", json!({"amount": "0.00"})), (422, 1004, "amount")),
        (with("amount", json!({"amount": "-1.00"})), (422, 1004, "amount")),
        (with("amount", json!({"amount": 10})), (422, 1004, "amount")),
        (with("amount", json!({"amount": "1.005"})), (422, 1004, "amount")),
        (with("amount", json!("10.00")), (422, 1004, "amount")),
        (with("amount", Value::Null), (422, 1001, "amount")),
        (with("date", Value::Null), (422, 1001, "date")),
        (with("date", json!("20/11/2026")), (422, 1033, "date")),
        (with("invoiceid", Value::Null), (422, 1001, "invoiceid")),
        (with("invoiceid", json!(1)), (404, 1012, "invoiceid")),
        (with("invoiceid", json!(gone)), (422, 1011, "invoiceid")),
        (with("clientid", json!(client)), (403, 1038, "clientid")),
        (with("overpaymentid", json!(1)), (403, 1038, "overpaymentid")),
    ] {
        let (status, errno, field) = api.refused(Method::POST, "payments/payments", body.clone()).await;
        assert_eq!((status, errno, field.as_str()), expected, "{body}");
    }
    assert!(api.books.payments().is_empty());
}

#[tokio::test]
async fn an_invoice_cannot_be_lowered_below_what_is_paid() {
    let api = Caller::start(noon()).await;
    let client = api.client("a@example.com").await;
    let id = api.invoice(client, "S1", "50.00").await;
    let paid = api.post("payments/payments", payment(id, "50.00")).await["payment"]["id"].clone();
    let lowered = json!({"invoice": {"lines": [line("Mug", "50.00"), line("Refund", "-10.00")]}});
    let path = format!("invoices/invoices/{id}");
    assert_eq!(api.refused(Method::PUT, &path, lowered.clone()).await, (422, 1004, "amount".to_owned()));
    let less = json!({"payment": {"amount": {"amount": "40.00", "code": "CAD"}}});
    api.put(&format!("payments/payments/{paid}"), less).await;
    api.put(&path, lowered).await;
    assert_eq!(figures(&api.read_invoice(id).await), ["40.00", "0.00", "paid", "paid"]);
}

#[tokio::test]
async fn a_deleted_invoice_leaves_its_payments() {
    let api = Caller::start(noon()).await;
    let client = api.client("a@example.com").await;
    let id = api.invoice(client, "S1", "50.00").await;
    api.post("payments/payments", payment(id, "50.00")).await;
    api.books.delete_invoice("S1").await.unwrap();
    assert_eq!(api.get(&format!("payments/payments?search[invoiceid]={id}")).await["total"], 1);
    assert_eq!(api.read_invoice(id).await["vis_state"], 1);
}

#[tokio::test]
async fn a_paid_draft_stays_a_draft() {
    for (payment_shows_on_draft, v3) in [(true, "paid"), (false, "draft")] {
        let api = Caller::start(Options { payment_shows_on_draft, ..noon() }).await;
        let client = api.client("a@example.com").await;
        let body =
            json!({"invoice": {"customerid": client, "create_date": "2026-11-20", "lines": [line("Mug", "5.00")]}});
        let id = api.post("invoices/invoices", body).await["invoice"]["id"].as_u64().unwrap();
        api.post("payments/payments", payment(id, "5.00")).await;
        let invoice = api.read_invoice(id).await;
        assert_eq!((&invoice["v3_status"], &invoice["display_status"]), (&json!(v3), &json!("draft")));
    }
}
