use super::*;
use crate::sandbox::freshbooks::Rounding;

const PATH: &str = "credit_notes/credit_notes";

fn taxed(name: &str, price: &str, taxes: &[(&str, &str)]) -> Value {
    let mut line = json!({"name": name, "qty": 1, "unit_cost": {"amount": price, "code": "CAD"}});
    for ((name, percent), keys) in taxes.iter().zip([["taxName1", "taxAmount1"], ["taxName2", "taxAmount2"]]) {
        line[keys[0]] = json!(name);
        line[keys[1]] = json!(percent);
    }
    line
}

fn note(client: u64, lines: Value) -> Value {
    json!({"credit_note": {"clientid": client, "create_date": "2026-11-20", "currency_code": "CAD",
        "credit_type": "goodwill", "notes": "Refund 901", "lines": lines}})
}

async fn make(api: &Caller, client: u64, lines: Value) -> Value {
    api.post(&format!("{PATH}?include[]=lines"), note(client, lines)).await["credit_note"].clone()
}

fn figures(note: &Value) -> [&str; 3] {
    [&note["amount"]["amount"], &note["paid"]["amount"], &note["payment_status"]].map(|value| value.as_str().unwrap())
}

#[tokio::test]
async fn a_credit_note_belongs_to_a_client_and_its_wrapper_is_singular() {
    let api = Caller::start(noon()).await;
    let client = api.client("a@example.com").await;
    let body = note(client, json!([taxed("Mug", "20.00", &[("HST", "13")])]));
    let wrong_wrapper = json!({"credit_notes": body["credit_note"]});
    assert_eq!(api.refused(Method::POST, PATH, wrong_wrapper).await, (422, 1001, "clientid".to_owned()));
    let made = api.post(PATH, body).await["credit_note"].clone();
    assert!(made.get("lines").is_none(), "lines come only when asked for");
    assert_eq!(figures(&made), ["22.60", "0.00", "unpaid"]);
    assert_eq!((&made["credit_type"], &made["credit_number"]), (&json!("goodwill"), &json!("0000001")));

    let path = format!("{PATH}/{}", made["id"]);
    let read = api.get(&format!("{path}?include[]=lines")).await["credit_note"].clone();
    assert_eq!(read["lines"][0]["amount"]["amount"], "20.00");
    api.put(&path, json!({"credit_note": {"vis_state": 1, "notes": "lost"}})).await;
    assert_eq!(api.get(PATH).await["total"], 0);
    assert_eq!(api.get(&format!("{PATH}?search[vis_state]=1")).await["total"], 1);
    let gone = api.get(&path).await["credit_note"].clone();
    assert_eq!((&gone["vis_state"], &gone["notes"]), (&json!(1), &json!("Refund 901")));
}

#[tokio::test]
async fn a_credit_note_must_be_well_formed() {
    let api = Caller::start(Options { longest_line_name: Some(5), ..noon() }).await;
    let client = api.client("a@example.com").await;
    let with = |key: &str, value: Value| {
        let mut body = note(client, json!([taxed("Mug", "5.00", &[])]));
        body["credit_note"][key] = value;
        body
    };
    for (body, expected) in [
        (with("clientid", Value::Null), (422, 1001, "clientid")),
        (with("clientid", json!(1)), (404, 1012, "clientid")),
        (with("create_date", Value::Null), (422, 1001, "create_date")),
        (with("credit_type", json!("overpayment")), (422, 1004, "credit_type")),
        (with("currency_code", json!("USD")), (422, 1004, "unit_cost")),
        (with("amount", json!({"amount": "5.00"})), (403, 1038, "amount")),
        (with("paid", json!({"amount": "5.00"})), (403, 1038, "paid")),
        (with("vis_state", json!(0)), (403, 1038, "vis_state")),
        (with("lines", json!([taxed("Mug", "-5.00", &[])])), (422, 1004, "amount")),
        (with("lines", json!([taxed("Teapot", "5.00", &[])])), (422, 1017, "name")),
        (with("lines", json!([taxed("Mug", "5.00", &[("HST", "13.00005")])])), (422, 1018, "taxAmount1")),
    ] {
        let (status, errno, field) = api.refused(Method::POST, PATH, body.clone()).await;
        assert_eq!((status, errno, field.as_str()), expected, "{body}");
    }
    assert!(api.books.credit_notes().is_empty());
}

#[tokio::test]
async fn credit_notes_round_as_invoices_do() {
    for (rounding, three, tie, both) in [
        (Rounding::LineHalfUp, "34.23", "2.63", "30.74"),
        (Rounding::LineHalfEven, "34.23", "2.62", "30.74"),
        (Rounding::InvoiceHalfUp, "34.24", "2.63", "30.74"),
        (Rounding::InvoiceHalfEven, "34.24", "2.62", "30.74"),
        (Rounding::TaxesTogether, "34.23", "2.63", "30.73"),
    ] {
        let api = Caller::start(Options { rounding, ..noon() }).await;
        let client = api.client("a@example.com").await;
        let hst = || taxed("Mug", "10.10", &[("HST", "13")]);
        let lines = [
            (json!([hst(), hst(), hst()]), three),
            (json!([taxed("Mug", "2.50", &[("GST", "5")])]), tie),
            (json!([taxed("Mug", "26.73", &[("GST", "5"), ("QST", "9.975")])]), both),
        ];
        for (lines, expected) in lines {
            assert_eq!(figures(&make(&api, client, lines).await), [expected, "0.00", "unpaid"], "{rounding:?}");
        }
    }
}

#[tokio::test]
async fn new_lines_take_the_place_of_the_old_ones_and_what_is_fixed_stays() {
    let api = Caller::start(noon()).await;
    let client = api.client("a@example.com").await;
    let made = make(&api, client, json!([taxed("Mug", "20.00", &[("HST", "13")])])).await;
    let path = format!("{PATH}/{}?include[]=lines", made["id"]);
    let mut lamp = taxed("Lamp", "100.00", &[("GST", "5"), ("QST", "10")]);
    lamp["compounded_tax"] = json!(true);
    let change = json!({"credit_note": {"notes": "more", "lines": [lamp, taxed("Bulb", "2.00", &[])]}});
    let answer = api.put(&path, change).await["credit_note"].clone();
    assert_eq!(figures(&answer), ["117.50", "0.00", "unpaid"]);
    assert_eq!((&answer["notes"], answer["lines"].as_array().unwrap().len()), (&json!("more"), 2));
    let answer = api.put(&path, json!({"credit_note": {"notes": "still more"}})).await["credit_note"].clone();
    assert_eq!((&answer["amount"]["amount"], answer["lines"].as_array().unwrap().len()), (&json!("117.50"), 2));
    for (key, value) in [
        ("clientid", json!(client)),
        ("create_date", json!("2026-11-21")),
        ("currency_code", json!("CAD")),
        ("credit_type", json!("goodwill")),
        ("amount", json!({"amount": "1.00"})),
    ] {
        let body = json!({"credit_note": {(key): value}});
        assert_eq!(api.refused(Method::PUT, &path, body).await, (403, 1038, key.to_owned()));
    }
}

#[tokio::test]
async fn a_clients_credit_notes_are_found_by_the_client_alone() {
    let api = Caller::start(noon()).await;
    let (one, two) = (api.client("a@example.com").await, api.client("b@example.com").await);
    for client in [one, two, one] {
        make(&api, client, json!([taxed("Mug", "5.00", &[])])).await;
    }
    let found = api.get(&format!("{PATH}?search[clientid]={one}&include[]=lines")).await;
    let rows = found["credit_notes"].as_array().unwrap();
    assert_eq!((found["total"].as_u64(), rows.len()), (Some(2), 2));
    assert!(rows.iter().all(|row| row["clientid"] == one && row["lines"][0]["name"] == "Mug"));
    let by_date = api.get(&format!("{PATH}?search[date_min]=2026-11-20&search[date_max]=2026-11-21")).await;
    assert_eq!(by_date["total"], 3);
    assert_eq!(api.get(&format!("{PATH}?search[client_id]={one}")).await["total"], 3);
    assert_eq!(api.books.ignored_search_keys(), ["credit_notes.client_id"]);
}

#[tokio::test]
async fn what_is_applied_of_a_credit_shows_and_cannot_be_taken_back() {
    let api = Caller::start(noon()).await;
    let client = api.client("a@example.com").await;
    let made = make(&api, client, json!([taxed("Mug", "20.00", &[])])).await;
    let path = format!("{PATH}/{}", made["id"]);
    let invoice = api.invoice(client, "S1", "50.00").await;
    let spend = |amount: &str| {
        let mut fields = payment(invoice, amount)["payment"].clone();
        fields["creditid"] = made["id"].clone();
        fields["type"] = json!("Credit");
        fields
    };
    let first = api.books.add_payment(spend("8.00")).await.unwrap();
    assert_eq!(figures(&api.get(&path).await["credit_note"]), ["20.00", "8.00", "partial"]);
    let lower = json!({"credit_note": {"lines": [taxed("Mug", "7.99", &[])]}});
    assert_eq!(api.refused(Method::PUT, &path, lower).await, (422, 1004, "amount".to_owned()));
    assert!(api.books.add_payment(spend("12.01")).await.is_err(), "more than is left of it");
    api.books.add_payment(spend("12.00")).await.unwrap();
    assert_eq!(figures(&api.get(&path).await["credit_note"]), ["20.00", "20.00", "paid"]);
    assert_eq!(api.read_invoice(invoice).await["outstanding"]["amount"], "30.00");
    assert_eq!(api.get("users/clients?search[has_credit]=true").await["total"], 0);
    api.books.edit_payment(first, json!({"vis_state": 1})).await.unwrap();
    assert_eq!(figures(&api.get(&path).await["credit_note"]), ["20.00", "12.00", "partial"]);
    assert_eq!(api.get("users/clients?search[has_credit]=true").await["total"], 1);
}
