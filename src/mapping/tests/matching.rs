//! Table "Customer → client": who is invoiced, and how the client is found.

use serde_json::json;

use super::{
    clients::{acme, client, customer, fields, nobody, silent_customer},
    settings::Matching,
    *,
};

#[test]
fn who_bought_is_the_company_the_customer_the_guest_or_nobody() {
    let b2b = mugs().set("/customer", customer()).set("/purchasingEntity", acme(Value::Null));
    let person = mugs().set("/customer", customer()).set("/purchasingEntity", json!({}));
    let guest = |email: &str| mugs().set("/email", email);
    let table = [
        ("company", b2b, Subject::Company(5), "Shopify company 5"),
        ("customer", mugs().set("/customer", customer()), Subject::Customer(7), "Shopify customer 7"),
        ("a person as purchasing entity", person, Subject::Customer(7), "Shopify customer 7"),
        ("guest", mugs(), Subject::Guest("ada@example.com".to_owned()), "Shopify guest"),
        ("guest, shouting", guest(" ADA@Example.com "), Subject::Guest("ada@example.com".to_owned()), "Shopify guest"),
        ("no address at all", guest("none"), Subject::Generic, "Shopify sales without a customer"),
        ("an empty address", guest(""), Subject::Generic, "Shopify sales without a customer"),
        (
            "an address too long",
            guest(&format!("{}@x.org", "a".repeat(250))),
            Subject::Generic,
            "Shopify sales without a customer",
        ),
        ("nobody", nobody(), Subject::Generic, "Shopify sales without a customer"),
    ];
    for (what, order, subject, note) in table {
        let client = client(&order, &Settings::default());
        assert_eq!((client.subject, client.draft.note.as_str()), (subject, note), "{what}");
    }
}

#[test]
fn only_an_address_known_to_be_the_customers_own_leads_to_a_client_made_by_hand() {
    let verified = || mugs().set("/customer", customer());
    let unverified = || mugs().set("/customer", customer().set("/verifiedEmail", false));
    let without = || mugs().set("/customer", silent_customer().set("/verifiedEmail", true)).set("/email", Value::Null);
    let table = [
        (Matching::VerifiedEmail, verified(), true),
        (Matching::VerifiedEmail, unverified(), false),
        (Matching::VerifiedEmail, mugs(), true),
        (Matching::VerifiedEmail, without(), false),
        (Matching::VerifiedEmail, nobody(), false),
        (Matching::AlwaysCreate, verified(), false),
        (Matching::AlwaysCreate, mugs(), false),
        (Matching::GenericClient, verified(), false),
    ];
    for (matching, order, expected) in table {
        let client = client(&order, &but(|settings| settings.matching = matching));
        assert_eq!(client.by_email, expected, "{matching:?} {}", order["customer"]);
    }
}

#[test]
fn the_generic_client_has_the_name_of_the_settings_and_nothing_of_the_buyers() {
    let named = |matching| {
        but(|settings| (settings.matching, settings.generic_client) = (matching, "Counter sales".to_owned()))
    };
    let all = [(nobody(), Matching::VerifiedEmail), (mugs().set("/customer", customer()), Matching::GenericClient)];
    for (order, matching) in all {
        let client = client(&order, &named(matching));
        let expected = crate::freshbooks::model::ClientDraft {
            organization: "Counter sales".to_owned(),
            currency_code: "CAD".to_owned(),
            note: "Shopify sales without a customer".to_owned(),
            ..Default::default()
        };
        assert_eq!((client.subject, client.draft), (Subject::Generic, expected), "{matching:?}");
    }
    assert_eq!(fields(&nobody()), ["organization: Shopify sales"], "by default");
}

#[test]
fn our_own_clients_are_known_by_a_line_of_their_note() {
    let (seven, acme, guest) =
        (Subject::Customer(7), Subject::Company(5), Subject::Guest("ada@example.com".to_owned()));
    let table = [
        ("Shopify customer 7", &seven, (true, false)),
        ("pays late\nShopify customer 7 ", &seven, (true, false)),
        ("Shopify customer 71", &seven, (false, true)),
        ("Shopify company 5", &seven, (false, true)),
        ("Shopify company 5", &acme, (true, false)),
        ("Shopify guest", &seven, (false, false)),
        ("Shopify guest", &guest, (true, false)),
        ("Shopify customer 7", &guest, (false, false)),
        ("", &seven, (false, false)),
    ];
    for (note, subject, expected) in table {
        assert_eq!(
            (client::is_ours(note, subject), client::is_anothers(note, subject)),
            expected,
            "{note:?} {subject:?}"
        );
    }
}

#[test]
fn personal_values_are_sealed_under_the_customers_key_or_the_orders() {
    let key = |order: Value| client::key_subject(&serde_json::from_value(order).unwrap());
    assert_eq!(key(mugs().set("/customer", customer())), "customer:7");
    assert_eq!(key(mugs()), "order:7001");
}
