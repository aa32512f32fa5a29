//! Table "Customer → client": what the client says.

use serde_json::json;

use super::{client::WantedClient, *};

pub(super) fn client(order: &Value, settings: &Settings) -> WantedClient {
    want(order, settings).client
}

/// The fields that say something beside currency and note, such as `fname: Ada`.
pub(super) fn fields(order: &Value) -> Vec<String> {
    let draft = json!(client(order, &Settings::default()).draft);
    let mut told: Vec<String> = draft
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, text)| !["currency_code", "note"].contains(&name.as_str()) && **text != json!(""))
        .map(|(name, text)| format!("{name}: {}", text.as_str().unwrap()))
        .collect();
    told.sort_by(|one, other| one.split_once(": ").cmp(&other.split_once(": ")));
    told
}

pub(super) fn customer() -> Value {
    json!({"id": "gid://shopify/Customer/7", "firstName": "Ada", "lastName": "Lovelace", "locale": "pt-BR", "verifiedEmail": true,
        "taxSettings": null, "defaultEmailAddress": {"emailAddress": "Ada@Example.com"}, "defaultPhoneNumber": {"phoneNumber": "+1 555 1"}})
}

/// A customer of whom Shopify tells no more than that there is one.
pub(super) fn silent_customer() -> Value {
    json!({"id": "gid://shopify/Customer/7", "firstName": null, "lastName": null, "locale": null, "verifiedEmail": false,
        "taxSettings": null, "defaultEmailAddress": null, "defaultPhoneNumber": null})
}

fn address(first: &str, last: &str, company: &str) -> Value {
    let some = |text: &str| if text.is_empty() { Value::Null } else { text.into() };
    json!({"firstName": some(first), "lastName": some(last), "company": some(company)})
}

pub(super) fn acme(registration: Value) -> Value {
    json!({"company": {"id": "gid://shopify/Company/5", "name": "Acme Ltd"},
        "location": {"id": "gid://shopify/CompanyLocation/6", "name": "Leeds", "taxSettings": registration}})
}

pub(super) fn nobody() -> Value {
    mugs().set("/email", Value::Null)
}

#[test]
fn a_customer_is_told_with_everything_that_shopify_knows() {
    let order = mugs()
        .set("/customer", customer().set("/taxSettings", json!({"taxId": "GB123"})))
        .set("/billingAddress", json!({"firstName": "Other", "lastName": "Name", "company": "Engines", "address1": "1 Main St",
            "address2": "Flat 2", "city": "Ottawa", "province": "Ontario", "zip": "K1A 0B1", "country": "Canada", "phone": "+1 555 9"}))
        .set("/shippingAddress", json!({"address1": "9 Side St", "address2": "c/o Babbage", "city": "Hull", "province": "Quebec",
            "zip": "J8X 1A1", "country": "Canada"}));
    let expected = [
        "bus_phone: +1 555 1",
        "email: ada@example.com",
        "fname: Ada",
        "language: pt",
        "lname: Lovelace",
        "organization: Engines",
        "p_city: Ottawa",
        "p_code: K1A 0B1",
        "p_country: Canada",
        "p_province: Ontario",
        "p_street: 1 Main St",
        "p_street2: Flat 2",
        "s_city: Hull",
        "s_code: J8X 1A1",
        "s_country: Canada",
        "s_province: Quebec",
        "s_street: 9 Side St",
        "s_street2: c/o Babbage",
        "vat_number: GB123",
    ];
    assert_eq!(fields(&order), expected);
    let client = client(&order, &Settings::default());
    assert_eq!((client.draft.currency_code.as_str(), client.draft.note.as_str()), ("CAD", "Shopify customer 7"));
    assert_eq!((client.cut.len(), client.as_of.to_rfc3339().as_str()), (0, "2026-11-20T03:31:00+00:00"));
    let told: Vec<&str> = client::SOURCES.iter().map(|(field, _)| *field).collect();
    assert!(
        json!(client.draft).as_object().unwrap().keys().all(|field| told.contains(&field.as_str())),
        "each has a source"
    );
}

#[test]
fn a_company_is_invoiced_by_its_name_with_its_branchs_tax_registration() {
    let order = |registration| {
        mugs()
            .set("/customer", customer().set("/taxSettings", json!({"taxId": "OWN1"})))
            .set("/billingAddress", address("", "", "Engines"))
            .set("/purchasingEntity", acme(registration))
    };
    let vat = |order: &Value| client(order, &Settings::default()).draft.vat_number;
    let registered = order(json!({"taxRegistrationId": "GB999"}));
    assert_eq!(client(&registered, &Settings::default()).draft.organization, "Acme Ltd");
    assert_eq!(vat(&registered), "GB999");
    assert_eq!(vat(&order(json!({"taxRegistrationId": null}))), "OWN1", "else the customer's own");
    for (field, once) in [
        ("email", true),
        ("fname", true),
        ("bus_phone", true),
        ("note", true),
        ("organization", false),
        ("p_city", false),
    ] {
        assert_eq!(client::is_set_once(&Subject::Company(5), field), once, "{field}: any of its people may order next");
    }
}

#[test]
fn names_come_from_one_person_the_customer_first() {
    let named = |first: Value, last: Value| {
        mugs().set("/customer", silent_customer().set("/firstName", first).set("/lastName", last))
    };
    let (ada, grace) = (|| address("Ada", "Lovelace", ""), || address("Grace", "Hopper", ""));
    let table = [
        ("customer", named("Mary".into(), "Somerville".into()).set("/billingAddress", ada()), ["Mary", "Somerville"]),
        ("half a customer", named("Mary".into(), Value::Null).set("/billingAddress", ada()), ["Mary", ""]),
        ("an empty customer", named("".into(), " ".into()).set("/billingAddress", ada()), ["Ada", "Lovelace"]),
        ("billing", mugs().set("/billingAddress", ada()).set("/shippingAddress", grace()), ["Ada", "Lovelace"]),
        (
            "half a billing address",
            mugs().set("/billingAddress", address("Ada", "", "")).set("/shippingAddress", grace()),
            ["Ada", ""],
        ),
        (
            "an empty billing address",
            mugs().set("/billingAddress", json!({})).set("/shippingAddress", grace()),
            ["Grace", "Hopper"],
        ),
        ("shipping", mugs().set("/shippingAddress", grace()), ["Grace", "Hopper"]),
    ];
    for (what, order, expected) in table {
        let draft = client(&order, &Settings::default()).draft;
        assert_eq!([draft.fname.as_str(), draft.lname.as_str()], expected, "{what}");
    }
}

#[test]
fn where_a_gift_goes_is_not_who_pays() {
    let order = mugs()
        .set("/billingAddress", address("Ada", "Lovelace", ""))
        .set("/shippingAddress", address("Grace", "Hopper", "Navy"));
    assert_eq!(client(&order, &Settings::default()).draft.organization, "", "the receiver's company");
    let alone = mugs().set("/shippingAddress", address("Grace", "Hopper", "Navy"));
    assert_eq!(client(&alone, &Settings::default()).draft.organization, "Navy", "nobody else is named");
}

#[test]
fn an_empty_field_is_no_field_and_the_next_source_tells() {
    let order = mugs()
        .set(
            "/customer",
            customer()
                .set("/defaultEmailAddress", json!({"emailAddress": ""}))
                .set("/defaultPhoneNumber", json!({"phoneNumber": ""})),
        )
        .set("/phone", "")
        .set("/billingAddress", json!({"phone": "+1 555 9"}));
    let draft = client(&order, &Settings::default()).draft;
    assert_eq!((draft.email.as_str(), draft.bus_phone.as_str()), ("ada@example.com", "+1 555 9"));
}

#[test]
fn whoever_has_no_name_is_called_by_address_or_number() {
    let silent = mugs().set("/customer", silent_customer());
    assert_eq!(fields(&silent), ["email: ada@example.com"]);
    assert_eq!(fields(&silent.set("/email", Value::Null)), ["organization: Shopify customer 7"]);
}

#[test]
fn what_freshbooks_does_not_take_is_cut_and_kept_whole_beside() {
    let long = "ש".repeat(300);
    let all = ["address1", "address2", "city", "province", "zip", "country"];
    let mut place = json!({"firstName": long, "lastName": long, "company": long, "phone": long});
    all.iter().for_each(|field| place[*field] = long.as_str().into());
    let order = mugs()
        .set("/customer", silent_customer().set("/taxSettings", json!({"taxId": long})))
        .set("/billingAddress", place.clone())
        .set("/shippingAddress", place);
    let client = client(&order, &Settings::default());
    let draft = json!(client.draft);
    let short = ["fname", "lname", "organization", "bus_phone", "vat_number", "p_street", "p_street2"]
        .map(|field| (field, 255));
    let places = ["p_city", "p_province", "p_code", "p_country"].map(|field| (field, 100));
    let shipping = [
        ("s_street", 255),
        ("s_street2", 255),
        ("s_city", 100),
        ("s_province", 100),
        ("s_code", 100),
        ("s_country", 100),
    ];
    let expected: Vec<(&str, usize)> = short.into_iter().chain(places).chain(shipping).collect();
    for (field, length) in &expected {
        let text = draft[field].as_str().unwrap();
        assert_eq!((text.chars().count(), text.ends_with('…')), (*length, true), "{field}");
    }
    let cut: Vec<&str> = client.cut.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(cut, expected.iter().map(|(field, _)| *field).collect::<Vec<_>>());
    assert!(client.cut.iter().all(|(_, whole)| *whole == long));
}
