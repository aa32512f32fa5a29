use super::*;
use crate::sandbox::freshbooks::{DuplicateNumbers, ErrorStyle, HiddenClients};

#[tokio::test]
async fn read_only_keys_are_refused_and_strange_ones_ignored() {
    let api = Caller::start(noon()).await;
    let client = api.client("a@example.com").await;
    let id = api.invoice(client, "S1", "5.00").await;
    let path = format!("invoices/invoices/{id}");
    let amount = json!({"amount": "1.00", "code": "CAD"});
    for (key, value) in [
        ("due_date", json!("2026-12-01")),
        ("amount", amount.clone()),
        ("outstanding", amount.clone()),
        ("paid", amount),
        ("payment_status", json!("paid")),
        ("updated", json!("2026-11-20 10:00:00")),
        ("ownerid", json!(1)),
    ] {
        let body = json!({"invoice": {(key): value}});
        assert_eq!(api.refused(Method::PUT, &path, body).await, (403, 1038, key.to_owned()));
    }
    for key in ["amount", "taxNumber1", "updated"] {
        let mut line = line("Mug", "5.00");
        line[key] = json!("x");
        let body = json!({"invoice": {"lines": [line]}});
        assert_eq!(api.refused(Method::PUT, &path, body).await, (403, 1038, key.to_owned()));
    }
    let client_path = format!("users/clients/{client}");
    let body = json!({"client": {"username": "x"}});
    assert_eq!(api.refused(Method::PUT, &client_path, body).await, (403, 1038, "username".to_owned()));
    api.put(&path, json!({"invoice": {"dueDate": "2026-12-01"}})).await;
    assert_eq!(api.read_invoice(id).await["due_date"], "2026-11-20");
}

#[tokio::test]
async fn an_invoice_must_be_well_formed() {
    let api = Caller::start(noon()).await;
    let client = api.client("a@example.com").await;
    let with = |key: &str, value: Value| {
        let mut body = json!({"invoice": {"customerid": client, "create_date": "2026-11-20", "currency_code": "CAD",
            "lines": [line("Mug", "5.00")]}});
        body["invoice"][key] = value;
        body
    };
    let lines = |key: &str, value: Value| {
        let mut line = line("Mug", "5.00");
        line["taxName1"] = json!("T");
        line[key] = value;
        with("lines", json!([line]))
    };
    for (body, expected) in [
        (with("customerid", Value::Null), (422, 1001, "customerid")),
        (with("customerid", json!(1)), (404, 1012, "customerid")),
        (with("customerid", json!("x")), (422, 1015, "customerid")),
        (with("create_date", Value::Null), (422, 1001, "create_date")),
        (with("create_date", json!("2026-13-01")), (422, 1033, "create_date")),
        (with("status", json!("sent")), (422, 1015, "status")),
        (with("status", json!(4)), (422, 1004, "status")),
        (with("invoice_number", json!("12345678901")), (422, 1017, "invoice_number")),
        (with("invoice_number", json!(1001)), (422, 1004, "invoice_number")),
        (with("currency_code", json!("cad")), (422, 1004, "currency_code")),
        (with("currency_code", json!("USD")), (422, 1004, "unit_cost")),
        (with("notes", json!(5)), (422, 1004, "notes")),
        (with("show_attachments", json!("yes")), (422, 1031, "show_attachments")),
        (with("lines", json!({})), (422, 1004, "lines")),
        (lines("unit_cost", json!({"amount": "5.00", "code": "USD"})), (422, 1004, "unit_cost")),
        (lines("unit_cost", json!({"amount": 5, "code": "CAD"})), (422, 1004, "unit_cost")),
        (lines("unit_cost", json!("5.00")), (422, 1004, "unit_cost")),
        (lines("taxAmount1", json!("9.9755")), (422, 1018, "taxAmount1")),
        (lines("taxAmount2", json!("5")), (422, 1001, "taxName2")),
        (lines("qty", json!("two")), (422, 1015, "qty")),
        (lines("type", json!(7)), (422, 1004, "type")),
    ] {
        let (status, errno, field) = api.refused(Method::POST, "invoices/invoices", body.clone()).await;
        assert_eq!((status, errno, field.as_str()), expected, "{body}");
    }
    assert!(api.books.invoices().is_empty());
}

#[tokio::test]
async fn a_number_stays_taken_when_its_invoice_is_deleted() {
    let api = Caller::start(noon()).await;
    let client = api.client("a@example.com").await;
    let id = api.invoice(client, "S1009", "5.00").await;
    api.put(&format!("invoices/invoices/{id}"), json!({"invoice": {"vis_state": 1}})).await;
    let body = |number: Option<&str>| json!({"invoice": {"customerid": client, "create_date": "2026-11-20", "invoice_number": number}});
    let (status, _, field) = api.refused(Method::POST, "invoices/invoices", body(Some("S1009"))).await;
    assert_eq!((status, field.as_str()), (422, "invoice_number"));
    let next = api.post("invoices/invoices", body(None)).await;
    assert_eq!(next["invoice"]["invoice_number"], "S1010");
    // Renaming the deleted one frees its number.
    api.put(&format!("invoices/invoices/{id}"), json!({"invoice": {"invoice_number": "old"}})).await;
    api.post("invoices/invoices", body(Some("S1009"))).await;

    let api = Caller::start(Options { duplicate_numbers: DuplicateNumbers::Accept, ..noon() }).await;
    let client = api.client("a@example.com").await;
    api.invoice(client, "S1", "5.00").await;
    api.invoice(client, "S1", "5.00").await;
    assert_eq!(api.get("invoices/invoices?search[invoice_number]=S1").await["total"], 2);
}

#[tokio::test]
async fn a_deleted_or_archived_client_gets_nothing_new_until_it_is_back_unless_told_otherwise() {
    const INVOICES: &str = "invoices/invoices";
    const CREDITS: &str = "credit_notes/credit_notes";
    for (hidden_clients, deleted, archived) in [
        (HiddenClients::Refuse, Some(1011), Some(1004)),
        (HiddenClients::RefuseDeleted, Some(1011), None),
        (HiddenClients::Accept, None, None),
    ] {
        let api = Caller::start(Options { hidden_clients, ..noon() }).await;
        let client = api.client("a@example.com").await;
        let old = api.invoice(client, "S1", "5.00").await;
        let invoice = json!({"invoice": {"customerid": client, "create_date": "2026-11-20"}});
        let credit = json!({"credit_note": {"clientid": client, "create_date": "2026-11-20"}});
        for (state, errno) in [(1, deleted), (2, archived), (0, None)] {
            api.put(&format!("users/clients/{client}"), json!({"client": {"vis_state": state}})).await;
            for (path, body, field) in [(INVOICES, &invoice, "customerid"), (CREDITS, &credit, "clientid")] {
                match errno {
                    Some(errno) => {
                        let refused = api.refused(Method::POST, path, body.clone()).await;
                        assert_eq!(refused, (422, errno, field.to_owned()), "{hidden_clients:?}");
                    }
                    None => drop(api.post(path, body.clone()).await),
                }
            }
            // What was there before goes on.
            api.put(&format!("{INVOICES}/{old}"), json!({"invoice": {"notes": "changed"}})).await;
            api.post("payments/payments", payment(old, "1.00")).await;
        }
    }
}

#[tokio::test]
async fn a_text_can_be_too_long() {
    let api = Caller::start(Options { longest_line_name: Some(20), ..noon() }).await;
    let client = api.client("a@example.com").await;
    let id = api.invoice(client, "S1", "5.00").await;
    let invoice = |key: &str, length: usize| json!({"invoice": {(key): "é".repeat(length)}});
    let path = format!("invoices/invoices/{id}");
    for (key, longest) in [("po_number", 255), ("organization", 255), ("city", 100), ("invoice_number", 10)] {
        assert_eq!(api.refused(Method::PUT, &path, invoice(key, longest + 1)).await, (422, 1017, key.to_owned()));
        api.put(&path, invoice(key, longest)).await;
    }
    api.put(&path, invoice("notes", 5000)).await;
    let named = |length: usize| json!({"invoice": {"lines": [line(&"é".repeat(length), "5.00")]}});
    assert_eq!(api.refused(Method::PUT, &path, named(21)).await, (422, 1017, "name".to_owned()));
    api.put(&path, named(20)).await;
    for (key, longest) in [("email", 255), ("vat_number", 255), ("p_street", 255), ("p_city", 100), ("s_code", 100)] {
        let body = |length: usize| json!({"client": {(key): "é".repeat(length)}});
        let path = format!("users/clients/{client}");
        assert_eq!(api.refused(Method::PUT, &path, body(longest + 1)).await, (422, 1017, key.to_owned()));
        api.put(&path, body(longest)).await;
    }
}

#[tokio::test]
async fn errors_come_in_two_styles_and_sometimes_inside_200() {
    let old = json!({"response": {"errors": [{"errno": 1012, "field": "userid", "message": "Client not found.",
        "object": "client", "value": "12345"}]}});
    let new = json!({"code": 5, "message": "Request failed with status_code: 404", "details": [{
        "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "1012",
        "domain": "accounting.api.freshbooks.com",
        "metadata": {"object": "client", "message": "Client not found.", "value": "12345", "field": "userid"}}]});
    for (error_style, expected) in [(ErrorStyle::Old, old), (ErrorStyle::New, new)] {
        let api = Caller::start(Options { error_style, ..noon() }).await;
        assert_eq!(api.accounting(Method::GET, "users/clients/12345", None).await, (404, expected));
        let (status, body) = api.send(Method::GET, "/accounting/account/sbx7q1/users/clients", None).await;
        assert_eq!(status, 404, "{body}");
        api.books.errors_inside_200("CreateClient");
        let body = json!({"client": {"email": "a@example.com"}});
        let (status, answer) = api.accounting(Method::POST, "users/clients", Some(body.clone())).await;
        assert_eq!((status, answer["response"]["errors"][0]["errno"].as_i64()), (200, Some(12_001)));
        assert!(api.books.clients().is_empty());
        api.post("users/clients", body).await;
    }
}

#[tokio::test]
async fn unreadable_bodies_and_insufficient_roles_are_refused() {
    let api = Caller::start(noon()).await;
    let url = format!("{}/accounting/account/SbX7q1/users/clients", api.books.url());
    for (kind, body) in [("application/json", "{"), ("text/plain", "{\"client\":{\"email\":\"a@example.com\"}}")] {
        let request = api.http.post(&url).bearer_auth("sandbox-access-token").header("content-type", kind).body(body);
        assert_eq!(request.send().await.unwrap().status(), 400);
    }
    let api = Caller::start(Options { role: "client".to_owned(), ..noon() }).await;
    api.get("users/clients").await;
    let body = json!({"client": {"email": "a@example.com"}});
    assert_eq!(api.refused(Method::POST, "users/clients", body).await, (403, 1003, String::new()));
}
