//! The FreshBooks client that an order's customer should be.

use chrono::{DateTime, Utc};

use crate::{
    freshbooks::model::ClientDraft,
    mapping::{amount::Reader, settings::Settings},
    shopify::model::{Gid, MailingAddress, Order},
};

/// A client as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedClient {
    /// Who it is on Shopify's side.
    pub subject: Subject,
    /// What FreshBooks is sent.
    pub draft: ClientDraft,
    /// When the order behind it was last changed: an older order never overwrites what a newer one said.
    pub as_of: DateTime<Utc>,
}

/// Who bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Shopify's customer of this number.
    Customer(i64),
    /// A guest, known by this e-mail address in lower case.
    Guest(String),
    /// Nobody in particular: a sale without customer and e-mail address.
    Generic,
}

/// Where each field comes from: (FreshBooks field, Shopify field).
pub const SOURCES: [(&str, &str); 20] = [
    ("fname", "customer.firstName"),
    ("lname", "customer.lastName"),
    ("organization", "billingAddress.company"),
    ("email", "customer.defaultEmailAddress, email"),
    ("bus_phone", "customer.defaultPhoneNumber, phone"),
    ("p_street", "billingAddress.address1"),
    ("p_street2", "billingAddress.address2"),
    ("p_city", "billingAddress.city"),
    ("p_province", "billingAddress.province"),
    ("p_code", "billingAddress.zip"),
    ("p_country", "billingAddress.country"),
    ("s_street", "shippingAddress.address1"),
    ("s_street2", "shippingAddress.address2"),
    ("s_city", "shippingAddress.city"),
    ("s_province", "shippingAddress.province"),
    ("s_code", "shippingAddress.zip"),
    ("s_country", "shippingAddress.country"),
    ("currency_code", "currencyCode"),
    ("language", "customer.locale"),
    ("note", "customer.id"),
];

/// Fields that are set once: a person may change them in FreshBooks, and another order in another currency must not change them back.
pub const ONLY_AT_CREATION: [&str; 3] = ["currency_code", "language", "note"];

/// The text by which we find our own client again; a line of its note.
pub fn marker(subject: &Subject) -> String {
    match subject {
        Subject::Customer(number) => format!("Shopify customer {number}"),
        Subject::Guest(_) => "Shopify guest".to_owned(),
        Subject::Generic => "Shopify sales without a customer".to_owned(),
    }
}

/// Whether a client with this note is the one we made for `subject`. A guest's note names nobody: its e-mail address must agree too.
pub fn is_ours(note: &str, subject: &Subject) -> bool {
    let marker = marker(subject);
    note.lines().any(|line| line.trim() == marker)
}

pub(super) fn wanted(order: &Order, settings: &Settings) -> WantedClient {
    let subject = subject(order);
    let currency_code = Reader::documents(settings.currency, order).currency(order).code().to_owned();
    let note = marker(&subject);
    let as_of = order.updated_at;
    if subject == Subject::Generic {
        let organization = settings.generic_client.clone();
        let draft = ClientDraft { organization, currency_code, note, ..ClientDraft::default() };
        return WantedClient { subject, draft, as_of };
    }
    let customer = order.customer.as_ref();
    let billing = order.billing_address.clone().unwrap_or_default();
    let shipping = order.shipping_address.clone().unwrap_or_default();
    let named =
        |pick: fn(&MailingAddress) -> &Option<String>| pick(&billing).clone().or_else(|| pick(&shipping).clone());
    let email = email(order).unwrap_or_default();
    let mut draft = ClientDraft {
        fname: text(customer.and_then(|c| c.first_name.clone()).or_else(|| named(|a| &a.first_name))),
        lname: text(customer.and_then(|c| c.last_name.clone()).or_else(|| named(|a| &a.last_name))),
        organization: text(named(|a| &a.company)),
        email,
        bus_phone: text(
            customer
                .and_then(|c| c.default_phone_number.as_ref()?.phone_number.clone())
                .or_else(|| order.phone.clone())
                .or_else(|| named(|a| &a.phone)),
        ),
        p_street: text(billing.address1),
        p_street2: text(billing.address2),
        p_city: text(billing.city),
        p_province: text(billing.province),
        p_code: text(billing.zip),
        p_country: text(billing.country),
        s_street: text(shipping.address1),
        s_street2: text(shipping.address2),
        s_city: text(shipping.city),
        s_province: text(shipping.province),
        s_code: text(shipping.zip),
        s_country: text(shipping.country),
        currency_code,
        language: text(customer.and_then(|c| c.locale.clone())).chars().take_while(char::is_ascii_alphabetic).collect(),
        vat_number: String::new(),
        note,
    };
    // FreshBooks needs something to call a client by.
    if [&draft.fname, &draft.lname, &draft.organization, &draft.email].iter().all(|name| name.is_empty()) {
        draft.organization.clone_from(&draft.note);
    }
    WantedClient { subject, draft, as_of }
}

fn subject(order: &Order) -> Subject {
    match (order.customer.as_ref().and_then(|customer| customer.id.number()), email(order)) {
        (Some(number), _) => Subject::Customer(number),
        (None, Some(email)) => Subject::Guest(email),
        (None, None) => Subject::Generic,
    }
}

/// In lower case: FreshBooks' comparison is not documented.
fn email(order: &Order) -> Option<String> {
    let of_customer = order.customer.as_ref().and_then(|c| c.default_email_address.as_ref()?.email_address.clone());
    let email = text(of_customer.or_else(|| order.email.clone())).to_lowercase();
    if email.contains('@') { Some(email) } else { None }
}

fn text(field: Option<String>) -> String {
    field.map(|text| text.trim().to_owned()).unwrap_or_default()
}

/// The person whose key seals this order's personal values: `customer:7`, or `order:9` where it has no customer.
pub fn key_subject(order: &Order) -> String {
    let number = |gid: &Gid| gid.number().unwrap_or_default();
    order.customer.as_ref().map_or_else(
        || format!("order:{}", order.number_of_id()),
        |customer| format!("customer:{}", number(&customer.id)),
    )
}
