mod library;

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::shopify::SCOPES;

const SECRET: &str = "shpss_0123456789abcdef0123456789abcdef";
const BODY: &[u8] = br#"{"id":7000000000001,"admin_graphql_api_id":"gid:\/\/shopify\/Order\/7000000000001"}"#;
const HEADER: &str = "y9w3ZADRU9sE44AKlNymy7Lqgwdho9zbt0Qybo5SnCI=";

fn secrets(secrets: &[&str]) -> Vec<SecretString> {
    secrets.iter().map(|secret| SecretString::from(*secret)).collect()
}

fn sign(secret: &str, body: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(body);
    STANDARD.encode(mac.finalize().into_bytes())
}

fn about(topic: &str, body: &Value) -> Result<About, Malformed> {
    read(topic, body.to_string().as_bytes()).map(|event| event.about)
}

#[test]
fn shopifys_own_example_is_accepted_with_whichever_secret_is_active() {
    assert_eq!(BODY.len(), 83);
    assert_eq!(signed_with(&secrets(&[SECRET]), BODY, HEADER), Some(0));
    assert_eq!(signed_with(&secrets(&["new", SECRET, SECRET]), BODY, HEADER), Some(1));
    assert_eq!(signed_with(&secrets(&["new", "newer"]), BODY, HEADER), None);
    assert_eq!(signed_with(&[], BODY, HEADER), None);
}

#[test]
fn what_is_nearly_signed_is_not_signed() {
    let ours = secrets(&[SECRET]);
    let unescaped = String::from_utf8(BODY.to_vec()).unwrap().replace("\\/", "/");
    for body in [unescaped.as_bytes(), BODY.trim_ascii_end().strip_suffix(b"}").unwrap(), b""] {
        assert_eq!(signed_with(&ours, body, HEADER), None);
    }
    let bytes = STANDARD.decode(HEADER).unwrap();
    let strange = [
        "",
        "=",
        HEADER.trim_end_matches('='),
        &format!(" {HEADER}"),
        &format!("{HEADER}\n"),
        &hex::encode(&bytes),
        &STANDARD.encode(&bytes[..31]),
        &STANDARD.encode([&bytes[..], b"x"].concat()),
        // The same bytes for a careless decoder.
        "y9w3ZADRU9sE44AKlNymy7Lqgwdho9zbt0Qybo5SnCJ=",
    ];
    for header in strange {
        assert_eq!(signed_with(&ours, BODY, header), None, "{header:?}");
    }
}

#[test]
fn an_empty_secret_signs_nothing() {
    assert_eq!(signed_with(&secrets(&["", SECRET]), BODY, &sign("", BODY)), None);
}

#[test]
fn an_order_is_named_by_number_or_gid_and_dated() {
    for topic in ["orders/create", "orders/updated", "orders/paid", "orders/cancelled"] {
        let body = br#" {"line_items":[{"id":1,"tax_lines":[[]]}],"id":7,"updated_at":"2026-11-20T05:00:00-05:00","note":"id"}"#;
        let event = read(topic, body).unwrap();
        assert_eq!((event.order, event.about), (Some(7), About::Order));
        assert_eq!(event.updated_at, Some("2026-11-20T10:00:00Z".parse().unwrap()));
    }
    let spellings = [
        json!({"id": "7"}),
        json!({"admin_graphql_api_id": "gid://shopify/Order/7"}),
        json!({"id": null, "admin_graphql_api_id": "gid://shopify/Order/7"}),
        json!({"id": {"x": 1}, "admin_graphql_api_id": "gid://shopify/Order/7", "updated_at": "yesterday"}),
    ];
    for body in spellings {
        let event = read("orders/updated", body.to_string().as_bytes()).unwrap();
        assert_eq!((event.order, event.updated_at), (Some(7), None), "{body}");
    }
    assert_eq!(read("orders/create", BODY).unwrap().order, Some(7_000_000_000_001));
    let gone = read("orders/delete", br#"{"id":7}"#).unwrap();
    assert_eq!((gone.order, gone.about), (Some(7), About::OrderDeleted));
    let edited =
        read("orders/edited", br#"{"order_edit":{"id":5,"order_id":7,"line_items":{"additions":[]}}}"#).unwrap();
    assert_eq!((edited.order, edited.about), (Some(7), About::Order));
    let refund = read("refunds/create", br#"{"id":5,"order_id":7,"refund_line_items":[{"subtotal":195.66}]}"#).unwrap();
    assert_eq!((refund.order, refund.about), (Some(7), About::Refund));
}

#[test]
fn a_transaction_keeps_its_cents() {
    let mut body = json!({"id": 5, "order_id": 7, "kind": "sale", "status": "success", "gateway": "bogus", "amount": "12.30",
        "currency": "CAD", "test": true, "processed_at": "2026-11-20T05:00:00-05:00", "receipt": {"id": "x"}});
    let expected = Transaction {
        id: 5,
        kind: "sale".to_owned(),
        status: "success".to_owned(),
        gateway: Some("bogus".to_owned()),
        amount: Decimal::new(1230, 2),
        currency: "CAD".to_owned(),
        processed_at: Some("2026-11-20T10:00:00Z".parse().unwrap()),
        test: true,
    };
    let event = read("order_transactions/create", body.to_string().as_bytes()).unwrap();
    assert_eq!((event.order, event.about), (Some(7), About::Transaction(expected)));

    let digits = "123456789012345.6789"; // more than a float holds
    for amount in [format!("\"{digits}\""), digits.to_owned()] {
        let text = body.to_string().replace("\"12.30\"", &amount);
        let About::Transaction(transaction) = read("order_transactions/create", text.as_bytes()).unwrap().about else {
            panic!("not a transaction")
        };
        assert_eq!(transaction.amount.to_string(), digits);
    }

    for field in ["gateway", "processed_at", "test"] {
        body[field] = Value::Null;
    }
    let About::Transaction(bare) = about("order_transactions/create", &body).unwrap() else { panic!() };
    assert_eq!((bare.gateway, bare.processed_at, bare.test), (None, None, false));
    for field in ["id", "order_id", "kind", "status", "amount", "currency"] {
        let mut without = body.clone();
        without.as_object_mut().unwrap().remove(field);
        assert_eq!(about("order_transactions/create", &without), Err(Malformed::Missing(field)));
    }
}

#[test]
fn customers_shops_and_operations_are_named() {
    let customer = read("customers/update", br#"{"id":9,"email":"a@example.com","updated_at":"2026-11-20T10:00:00Z"}"#);
    let customer = customer.unwrap();
    assert_eq!((customer.order, customer.about), (None, About::Customer { id: 9 }));
    assert!(customer.updated_at.is_some());
    let merges = [
        json!({"admin_graphql_api_customer_kept_id": "gid://shopify/Customer/1",
            "admin_graphql_api_customer_deleted_id": "gid://shopify/Customer/2", "status": "completed", "errors": []}),
        json!({"customer_kept_id": 1, "customer_deleted_id": "2"}),
        json!({"admin_graphql_api_customer_kept_id": 1, "admin_graphql_api_customer_deleted_id": 2}),
    ];
    for body in merges {
        assert_eq!(about("customers/merge", &body), Ok(About::CustomersMerged { kept: 1, deleted: 2 }));
    }
    let shop = json!({"id": 3, "domain": "sample.example", "myshopify_domain": "sample.myshopify.com"});
    let domain = || "sample.myshopify.com".to_owned();
    assert_eq!(about("app/uninstalled", &shop), Ok(About::Uninstalled { domain: domain() }));
    assert_eq!(about("shop/update", &shop), Ok(About::Shop { domain: domain() }));
    assert_eq!(about("app/scopes_update", &json!({"previous": [], "current": ["read_orders"]})), Ok(About::Scopes));
    let operation = json!({"admin_graphql_api_id": "gid://shopify/BulkOperation/71", "status": "completed"});
    assert_eq!(
        about("bulk_operations/finish", &operation),
        Ok(About::BulkFinished { id: Gid::new("BulkOperation", 71) })
    );
    assert_eq!(
        about("shop/redact", &json!({"shop_id": 3, "shop_domain": domain()})),
        Ok(About::RedactShop { domain: domain() })
    );
    assert_eq!(about("disputes/create", &json!({})), Ok(About::Other));
}

#[test]
fn requests_under_privacy_law_name_a_person_and_hide_the_address() {
    let body = json!({"shop_id": 3, "shop_domain": "sample.myshopify.com", "orders_requested": [7, "8", null, {}],
        "customer": {"id": 9, "email": "ada@example.com", "phone": "555"}, "data_request": {"id": 9999}});
    let person = Person {
        domain: "sample.myshopify.com".to_owned(),
        customer: Some(9),
        email: Some("ada@example.com".to_owned()),
        orders: vec![7, 8],
        request: Some(9999),
    };
    assert!(!format!("{person:?}").contains("ada"));
    assert_eq!(about("customers/data_request", &body), Ok(About::DataRequest(person)));
    let body = json!({"shop_domain": "sample.myshopify.com", "customer": {"email": ""}, "orders_to_redact": [7]});
    let About::RedactCustomer(guest) = about("customers/redact", &body).unwrap() else { panic!() };
    assert_eq!((guest.customer, guest.email, guest.orders, guest.request), (None, None, vec![7], None));
}

#[test]
fn what_is_missing_is_named_and_nothing_is_quoted() {
    let cases = [
        ("orders/create", "id"),
        ("orders/delete", "id"),
        ("orders/edited", "order_edit.order_id"),
        ("refunds/create", "order_id"),
        ("customers/update", "id"),
        ("customers/merge", "admin_graphql_api_customer_kept_id"),
        ("app/uninstalled", "myshopify_domain"),
        ("shop/update", "myshopify_domain"),
        ("bulk_operations/finish", "admin_graphql_api_id"),
        ("customers/data_request", "shop_domain"),
        ("shop/redact", "shop_domain"),
    ];
    let strange = json!({"id": "Ada", "order_edit": [1, 7], "order_id": -7, "myshopify_domain": 5, "shop_domain": "",
        "admin_graphql_api_id": "gid://shopify/Unknown/Ada", "amount": "Ada", "customer": "Ada"});
    for (topic, field) in cases {
        for body in [json!({}), strange.clone()] {
            assert_eq!(about(topic, &body), Err(Malformed::Missing(field)), "{topic}");
        }
    }
    let asks = json!({"shop_domain": "sample.myshopify.com", "customer": {"id": 7}, "data_request": {"id": 1}});
    assert_eq!(about("customers/redact", &asks), Err(Malformed::Foreign("data_request")), "a question erases nobody");
    assert_eq!(about("shop/redact", &asks), Err(Malformed::Foreign("customer")));
    let nobody = json!({"shop_domain": "sample.myshopify.com", "customer": {}, "orders_to_redact": []});
    assert_eq!(about("customers/redact", &nobody), Err(Malformed::Missing("customer")));
    for body in ["", "[7]", "7", "null", "{", "{\"id\":7}x", "{\"id\":7,\"id\":8}", "{\"id\":\"\\ud800\""] {
        assert_eq!(read("orders/create", body.as_bytes()), Err(Malformed::NotAnObject), "{body}");
    }
    assert_eq!(Malformed::Missing("id").to_string(), "the body has no usable id");
}

#[test]
fn depth_and_size_do_no_harm() {
    let deep = format!("{{\"id\":7,\"x\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(matches!(read("orders/create", deep.as_bytes()), Ok(Event { order: Some(7), .. }) | Err(_)));
    let line = json!({"id": 1, "title": "Mug", "price": "12.00", "tax_lines": [{"price": "1.56"}]});
    let wide = json!({"line_items": vec![line; 10_000], "id": 7});
    assert_eq!(read("orders/updated", wide.to_string().as_bytes()).unwrap().order, Some(7));
}

#[test]
fn each_topic_has_one_name_of_either_kind_and_is_read() {
    let headers: BTreeSet<_> = TOPICS.iter().map(|topic| topic.header).collect();
    assert_eq!(headers.len(), TOPICS.len());
    let asked: Vec<_> = SCOPES.split(',').chain(["read_customer_merge"]).collect();
    for topic in TOPICS {
        assert_eq!(topic.name, topic.header.replace('/', "_").to_uppercase());
        assert!(topic.scope.is_none_or(|scope| asked.contains(&scope)), "{}", topic.name);
        assert_ne!(about(topic.header, &json!({})), Ok(About::Other), "{}", topic.name);
    }
}

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

fn topic() -> impl Strategy<Value = &'static str> {
    let others = ["customers/data_request", "customers/redact", "shop/redact", "x"];
    prop::sample::select(TOPICS.iter().map(|topic| topic.header).chain(others).collect::<Vec<_>>())
}

/// JSON with our names in it, now and then where they belong.
fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[-+]?[0-9]{0,40}([.][0-9]{0,40})?([eE]-?[0-9]{1,12})?".prop_map(Value::from),
        "gid://shopify/(Order|Customer|BulkOperation)/[0-9?]{0,25}".prop_map(Value::from),
        "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[-+][0-9]{2}:[0-9]{2})".prop_map(Value::from),
    ];
    let name = "id|admin_graphql_api_id|updated_at|order_id|order_edit|kind|status|amount|currency|customer|email|shop_domain|\
        myshopify_domain|orders_to_redact|orders_requested|data_request|customer_kept_id|customer_deleted_id|x";
    leaf.prop_recursive(3, 32, 12, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(name, inner, 0..12)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_body_is_too_strange(topic in topic(), body in any::<Vec<u8>>(), value in json_value()) {
        let _ = read(topic, &body);
        let _ = read(topic, value.to_string().as_bytes());
    }

    #[test]
    fn any_number_is_read_in_any_spelling(id in 1..=i64::MAX) {
        for body in [json!({"id": id}), json!({"id": id.to_string()}), json!({"admin_graphql_api_id": Gid::new("Order", id)})] {
            prop_assert_eq!(read("orders/create", body.to_string().as_bytes()).unwrap().order, Some(id));
        }
    }

    #[test]
    fn any_amount_is_read_to_its_last_digit(units in any::<i64>(), scale in 0..20_u32) {
        let amount = Decimal::new(units, scale);
        for raw in [format!("\"{amount}\""), amount.to_string()] {
            let body = format!(r#"{{"id":1,"order_id":2,"kind":"sale","status":"success","currency":"CAD","amount":{raw}}}"#);
            let About::Transaction(transaction) = read("order_transactions/create", body.as_bytes()).unwrap().about else {
                panic!("not a transaction")
            };
            prop_assert_eq!(transaction.amount.to_string(), amount.to_string());
        }
    }

    #[test]
    fn a_signature_is_of_this_body_and_this_secret(
        body in prop::collection::vec(any::<u8>(), 1..200),
        secret in ".{1,80}",
        header in any::<String>(),
        bit in any::<prop::sample::Index>(),
    ) {
        let ours = secrets(&[&secret]);
        let signature = sign(&secret, &body);
        prop_assert_eq!(signed_with(&ours, &body, &signature), Some(0));
        prop_assert_eq!(signed_with(&ours, &body, &header), None);
        let flipped = |bytes: &[u8]| {
            let (mut bytes, bit) = (bytes.to_vec(), bit.index(bytes.len() * 8));
            bytes[bit / 8] ^= 1 << (bit % 8);
            bytes
        };
        prop_assert_eq!(signed_with(&ours, &flipped(&body), &signature), None);
        let other = STANDARD.encode(flipped(&STANDARD.decode(&signature).unwrap()));
        prop_assert_eq!(signed_with(&ours, &body, &other), None);
        prop_assert_eq!(signed_with(&secrets(&[&(secret.clone() + "x")]), &body, &signature), None);
    }
}
