use super::*;

fn ids(list: &Value, key: &str) -> Vec<u64> {
    list[key].as_array().unwrap().iter().map(|row| row["id"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn lists_page_newest_first() {
    let api = Caller::start(noon()).await;
    let mut made = Vec::new();
    for number in 0..17 {
        made.push(api.client(&format!("{number}@example.com")).await);
    }
    made.reverse();
    let first = api.get("users/clients").await;
    assert_eq!(ids(&first, "clients"), made[..15]);
    assert_eq!([&first["page"], &first["pages"], &first["per_page"], &first["total"]], [1, 2, 15, 17]);
    let second = api.get("users/clients?page=2&per_page=10").await;
    assert_eq!(ids(&second, "clients"), made[10..]);
    assert_eq!(api.get("users/clients?per_page=500&page=0").await["per_page"], 100);
    assert_eq!(api.get("users/clients?page=9").await["clients"], json!([]));
    assert_eq!(
        api.get("invoices/invoices").await,
        json!({"invoices": [], "page": 1, "pages": 0, "per_page": 15, "total": 0})
    );
    for (query, errno) in [("page=x", 1014), ("per_page=x", 1013)] {
        let (status, body) = api.accounting(Method::GET, &format!("users/clients?{query}"), None).await;
        assert_eq!((status, body["response"]["errors"][0]["errno"].as_i64()), (422, Some(errno)));
    }
}

#[tokio::test]
async fn emails_need_not_be_unique_and_are_found_in_any_case() {
    let api = Caller::start(noon()).await;
    let (one, two) = (api.client("Someone@Example.com").await, api.client("someone@example.com").await);
    api.client("other@example.com").await;
    assert_eq!(ids(&api.get("users/clients?search%5Bemail%5D=SOMEONE%40example.com").await, "clients"), [two, one]);
    assert_eq!(
        api.books.clients().iter().map(|c| c.username.clone()).collect::<Vec<_>>(),
        ["testclient", "testclient2", "testclient3"]
    );
    api.put(
        &format!("users/clients/{one}"),
        json!({"client": {"note": "shop customer 77", "email": "new@example.com"}}),
    )
    .await;
    assert_eq!(ids(&api.get("users/clients?search[note_like]=Customer%2077").await, "clients"), [one]);
    assert_eq!(ids(&api.get("users/clients?search[email]=someone@example.com").await, "clients"), [two]);
    assert_eq!(ids(&api.get("users/clients?search[organization_like]=nothing").await, "clients"), [0; 0]);
    assert!(api.books.ignored_search_keys().is_empty());
}

#[tokio::test]
async fn deleted_rows_are_hidden_from_lists_and_shown_by_id() {
    let api = Caller::start(noon()).await;
    let client = api.client("a@example.com").await;
    let mut made = Vec::new();
    for number in ["S1", "S2", "S3"] {
        made.push(api.invoice(client, number, "5.00").await);
    }
    api.put(&format!("invoices/invoices/{}", made[0]), json!({"invoice": {"vis_state": 1}})).await;
    api.put(&format!("invoices/invoices/{}", made[1]), json!({"invoice": {"vis_state": 2}})).await;
    assert_eq!(ids(&api.get("invoices/invoices").await, "invoices"), [made[2], made[1]]);
    assert_eq!(ids(&api.get("invoices/invoices?search[vis_state]=1").await, "invoices"), [made[0]]);
    assert_eq!(ids(&api.get("invoices/invoices?search[invoice_number]=S1").await, "invoices"), [0; 0]);
    let both = "invoices/invoices?search[vis_state]=1&search[invoice_number]=S1";
    assert_eq!(ids(&api.get(both).await, "invoices"), [made[0]]);
    assert_eq!(api.read_invoice(made[0]).await["vis_state"], 1);
    let (status, _) = api.accounting(Method::DELETE, &format!("invoices/invoices/{}", made[2]), None).await;
    assert_eq!(status, 200);
    api.put(&format!("invoices/invoices/{}", made[0]), json!({"invoice": {"vis_state": 0}})).await;
    assert_eq!(ids(&api.get("invoices/invoices").await, "invoices"), [made[1], made[0]]);
}

#[tokio::test]
async fn a_search_key_that_means_nothing_filters_nothing_and_is_written_down() {
    let api = Caller::start(noon()).await;
    let client = api.client("a@example.com").await;
    let one = api.invoice(client, "S1", "5.00").await;
    let two = api.invoice(client, "S2", "6.00").await;
    assert_eq!(api.get("invoices/invoices?search[po_number]=x&search[status]=9").await["total"], 2);
    assert_eq!(api.get("users/clients?search[fname]=Nobody").await["total"], 1);
    assert_eq!(api.books.ignored_search_keys(), ["clients.fname", "invoices.po_number", "invoices.status"]);

    api.post("payments/payments", payment(one, "5.00")).await;
    for (query, expected) in [
        (format!("search[invoiceids][]={one}&search[invoiceids][]={two}"), vec![two, one]),
        ("search[outstanding]=true".to_owned(), vec![two]),
        ("search[paid]=true".to_owned(), vec![one]),
        ("search[v3_status]=paid".to_owned(), vec![one]),
        ("search[date_min]=2026-11-20".to_owned(), vec![two, one]),
        ("search[date_max]=2026-11-20".to_owned(), vec![]),
        ("search[updated_min]=2026-11-21".to_owned(), vec![]),
        (format!("search[customerid]={client}&sort=invoice_date_asc"), vec![two, one]),
    ] {
        assert_eq!(ids(&api.get(&format!("invoices/invoices?{query}")).await, "invoices"), expected, "{query}");
    }
    assert_eq!(api.books.ignored_search_keys().len(), 3);
}

#[tokio::test]
async fn documents_are_listed_by_their_ids() {
    let api = Caller::start(noon()).await;
    let client = api.client("a@example.com").await;
    let other = api.client("b@example.com").await;
    let mut made = Vec::new();
    for number in ["S1", "S2", "S3", "S4"] {
        made.push(api.invoice(client, number, "5.00").await);
    }
    let path = |keys: &[u64], name: &str| -> String {
        keys.iter().map(|id| format!("search[{name}][]={id}&")).collect::<String>() + "include[]=lines"
    };
    let paid = api.post("payments/payments", payment(made[2], "2.00")).await["payment"]["id"].as_u64().unwrap();
    let more = api.post("payments/payments", payment(made[2], "3.00")).await["payment"]["id"].as_u64().unwrap();
    api.books.edit_invoice("S1", json!({"vis_state": 2})).await.unwrap();
    api.books.delete_invoice("S2").await.unwrap();
    api.books.edit_payment(more, json!({"vis_state": 1})).await.unwrap();
    api.books.edit_client(other, json!({"vis_state": 1})).await.unwrap();

    let query = path(&[made[0], made[2], made[1], made[0], 7], "invoiceids");
    let list = api.get(&format!("invoices/invoices?{query}")).await;
    assert_eq!(ids(&list, "invoices"), [made[2], made[0]], "active and archived ones");
    assert_eq!((list["total"].as_u64(), list["invoices"][0]["lines"][0]["name"].as_str()), (Some(2), Some("Mug")));
    let deleted = api.get(&format!("invoices/invoices?search[vis_state]=1&{query}")).await;
    assert_eq!(ids(&deleted, "invoices"), [made[1]]);
    let page = api.get(&format!("invoices/invoices?per_page=1&page=2&{query}")).await;
    assert_eq!(ids(&page, "invoices"), [made[0]]);
    let both = api.get(&format!("invoices/invoices?search[v3_status]=partial&{query}")).await;
    assert_eq!(ids(&both, "invoices"), [made[2]]);
    assert_eq!(api.get("invoices/invoices?search[invoiceid]=7").await["total"], 0);

    let query = path(&[paid, more], "logids");
    assert_eq!(ids(&api.get(&format!("payments/payments?{query}")).await, "payments"), [paid]);
    let deleted = format!("payments/payments?{query}&search[vis_state]=1");
    assert_eq!(ids(&api.get(&deleted).await, "payments"), [more]);
    let query = path(&[client, other], "userids");
    assert_eq!(ids(&api.get(&format!("users/clients?{query}")).await, "clients"), [client]);
    let deleted = format!("users/clients?{query}&search[vis_state]=1");
    assert_eq!(ids(&api.get(&deleted).await, "clients"), [other]);
    assert!(api.books.ignored_search_keys().is_empty());
    let refused = api.refused(Method::GET, "payments/payments?search[logids][]=x", json!({})).await;
    assert_eq!(refused, (422, 1015, "logids".to_owned()));

    // Credit notes are found by client and date, and by nothing else that anybody knows of.
    let note = json!({"credit_note": {"clientid": client, "create_date": "2026-11-20"}});
    api.post("credit_notes/credit_notes", note).await;
    assert_eq!(
        api.get("credit_notes/credit_notes?search[creditids][]=7&search[updated_min]=2027-01-01").await["total"],
        1
    );
    assert_eq!(api.books.ignored_search_keys(), ["credit_notes.creditids", "credit_notes.updated_min"]);
}

#[tokio::test]
async fn times_are_eastern_but_for_a_sign_up() {
    let api = Caller::start(Options { now: at("2026-07-01T02:30:00Z"), ..noon() }).await;
    let client = api.client("a@example.com").await;
    let read = api.get(&format!("users/clients/{client}")).await["client"].clone();
    assert_eq!(
        (&read["updated"], &read["signup_date"]),
        (&json!("2026-06-30 22:30:00"), &json!("2026-07-01 02:30:00"))
    );
}
