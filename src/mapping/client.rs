//! The FreshBooks client that an order's customer should be.

use chrono::{DateTime, Utc};

use crate::{
    freshbooks::model::ClientDraft,
    mapping::{
        settings::{Matching, Settings},
        text,
    },
    money::Currency,
    shopify::model::{Gid, MailingAddress, Order},
};

/// A client as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedClient {
    /// Who it is on Shopify's side.
    pub subject: Subject,
    /// What FreshBooks is sent.
    pub draft: ClientDraft,
    /// What had to be cut to fit, whole: (FreshBooks field, text).
    pub cut: Vec<(String, String)>,
    /// Whether a client that a person made with this e-mail address is taken to be this customer.
    pub by_email: bool,
    /// When the order behind it, or its customer, was last changed: an older order never overwrites what a newer one said.
    pub as_of: DateTime<Utc>,
}

/// Who bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Shopify's customer of this number.
    Customer(i64),
    /// The company of this number, whoever of its people ordered.
    Company(i64),
    /// A guest, known by this e-mail address in lower case.
    Guest(String),
    /// Nobody in particular: a sale without customer and e-mail address.
    Generic,
}

/// Where each field comes from: (FreshBooks field, Shopify field).
pub const SOURCES: [(&str, &str); 21] = [
    ("fname", "customer.firstName, billingAddress.firstName"),
    ("lname", "customer.lastName, billingAddress.lastName"),
    ("organization", "purchasingEntity.company.name, billingAddress.company"),
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
    ("vat_number", "purchasingEntity.location.taxSettings.taxRegistrationId, customer.taxSettings.taxId"),
    ("note", "customer.id"),
];

/// The text by which we find our own client again; a line of its note.
pub fn marker(subject: &Subject) -> String {
    match subject {
        Subject::Customer(number) => format!("Shopify customer {number}"),
        Subject::Company(number) => format!("Shopify company {number}"),
        Subject::Guest(_) => "Shopify guest".to_owned(),
        Subject::Generic => "Shopify sales without a customer".to_owned(),
    }
}

/// Whether a client with this note is the one we made for `subject`. A guest's note names nobody: its e-mail address must agree too.
pub fn is_ours(note: &str, subject: &Subject) -> bool {
    let marker = marker(subject);
    note.lines().any(|line| line.trim() == marker)
}

/// Whether a client with this note was made for another customer or company. A guest may well be one of them.
pub fn is_anothers(note: &str, subject: &Subject) -> bool {
    let of_somebody = |line: &str| line.starts_with("Shopify customer ") || line.starts_with("Shopify company ");
    matches!(subject, Subject::Customer(_) | Subject::Company(_))
        && !is_ours(note, subject)
        && note.lines().any(|line| of_somebody(line.trim()))
}

/// Whether this field is set when the client is made and left alone later: another order in another currency must not change the
/// client's, a person writes notes, and a company's orders come from any of its people.
pub fn is_set_once(subject: &Subject, field: &str) -> bool {
    let of_people = matches!(subject, Subject::Company(_)) && ["fname", "lname", "email", "bus_phone"].contains(&field);
    of_people || ["currency_code", "note"].contains(&field)
}

pub(super) fn wanted(order: &Order, settings: &Settings, currency: Currency) -> WantedClient {
    let subject = invoiced(order, settings);
    let draft = match subject {
        Subject::Generic => ClientDraft { organization: settings.generic_client.clone(), ..ClientDraft::default() },
        _ => of_buyer(order),
    };
    let mut draft = ClientDraft { currency_code: currency.code().to_owned(), note: marker(&subject), ..draft };
    // FreshBooks needs something to call a client by.
    if [&draft.fname, &draft.lname, &draft.organization, &draft.email].iter().all(|name| name.is_empty()) {
        draft.organization.clone_from(&draft.note);
    }
    // Anybody may type anybody's address: only where Shopify knows it to be the customer's own does it lead to a client made by hand. A
    // guest has nothing else.
    let verified = order.customer.as_ref().is_none_or(|customer| customer.verified_email);
    let by_email = settings.matching == Matching::VerifiedEmail && verified && !draft.email.is_empty();
    let cut = fit(&mut draft);
    let changed = order.customer.as_ref().and_then(|customer| customer.updated_at);
    let as_of = changed.map_or(order.updated_at, |changed| changed.max(order.updated_at));
    WantedClient { subject, draft, cut, by_email, as_of }
}

fn of_buyer(order: &Order) -> ClientDraft {
    let customer = order.customer.as_ref();
    let entity = order.purchasing_entity.as_ref();
    let billing = order.billing_address.clone().unwrap_or_default();
    let shipping = order.shipping_address.clone().unwrap_or_default();
    // Where a gift goes is not who pays: the shipping address tells of a buyer only where the billing address names nobody.
    let named = [&billing.first_name, &billing.last_name, &billing.company];
    let buyer = if first_filled(named).is_empty() { &shipping } else { &billing };
    let (fname, lname) = name(order, buyer);
    let company = entity.and_then(|entity| entity.company.as_ref()).map(|company| company.name.clone());
    let registrations = [
        &entity.and_then(|entity| entity.location.as_ref()?.tax_settings.as_ref()?.tax_registration_id.clone()),
        &customer.and_then(|customer| customer.tax_settings.as_ref()?.tax_id.clone()),
    ];
    let phone = customer.and_then(|customer| customer.default_phone_number.as_ref()?.phone_number.clone());
    ClientDraft {
        fname,
        lname,
        organization: first_filled([&company, &buyer.company]),
        email: email(order).unwrap_or_default(),
        bus_phone: first_filled([&phone, &order.phone, &billing.phone, &buyer.phone]),
        p_street: filled(billing.address1),
        p_street2: filled(billing.address2),
        p_city: filled(billing.city),
        p_province: filled(billing.province),
        p_code: filled(billing.zip),
        p_country: filled(billing.country),
        s_street: filled(shipping.address1),
        s_street2: filled(shipping.address2),
        s_city: filled(shipping.city),
        s_province: filled(shipping.province),
        s_code: filled(shipping.zip),
        s_country: filled(shipping.country),
        language: filled(customer.and_then(|c| c.locale.clone()))
            .chars()
            .take_while(char::is_ascii_alphabetic)
            .collect(),
        vat_number: first_filled(registrations),
        ..ClientDraft::default()
    }
}

/// First and last name of one person: half a customer and half an address would make somebody who does not exist.
fn name(order: &Order, buyer: &MailingAddress) -> (String, String) {
    let names = |first: &Option<String>, last: &Option<String>| (first_filled([first]), first_filled([last]));
    let customer = order.customer.as_ref().map(|customer| names(&customer.first_name, &customer.last_name));
    customer
        .filter(|(first, last)| !first.is_empty() || !last.is_empty())
        .unwrap_or_else(|| names(&buyer.first_name, &buyer.last_name))
}

/// Cuts what FreshBooks would refuse as too long. Returns what was cut, whole.
fn fit(draft: &mut ClientDraft) -> Vec<(String, String)> {
    let ClientDraft { fname, lname, organization, bus_phone, vat_number, .. } = draft;
    let ClientDraft { p_street, p_street2, p_city, p_province, p_code, p_country, .. } = draft;
    let ClientDraft { s_street, s_street2, s_city, s_province, s_code, s_country, .. } = draft;
    let fields = [
        ("fname", fname, text::SHORT),
        ("lname", lname, text::SHORT),
        ("organization", organization, text::SHORT),
        ("bus_phone", bus_phone, text::SHORT),
        ("vat_number", vat_number, text::SHORT),
        ("p_street", p_street, text::SHORT),
        ("p_street2", p_street2, text::SHORT),
        ("p_city", p_city, text::PLACE),
        ("p_province", p_province, text::PLACE),
        ("p_code", p_code, text::PLACE),
        ("p_country", p_country, text::PLACE),
        ("s_street", s_street, text::SHORT),
        ("s_street2", s_street2, text::SHORT),
        ("s_city", s_city, text::PLACE),
        ("s_province", s_province, text::PLACE),
        ("s_code", s_code, text::PLACE),
        ("s_country", s_country, text::PLACE),
    ];
    let mut cut = Vec::new();
    for (name, field, max) in fields {
        let short = text::fit(field, max);
        if short != *field {
            cut.push((name.to_owned(), std::mem::replace(field, short)));
        }
    }
    cut
}

/// Who this order is invoiced to.
pub fn invoiced(order: &Order, settings: &Settings) -> Subject {
    if settings.matching == Matching::GenericClient { Subject::Generic } else { subject(order) }
}

/// Who bought this order.
pub fn subject(order: &Order) -> Subject {
    let company = order.purchasing_entity.as_ref().and_then(|entity| entity.company.as_ref()?.id.number());
    let customer = order.customer.as_ref().and_then(|customer| customer.id.number());
    match (company, customer, email(order)) {
        (Some(company), ..) => Subject::Company(company),
        (_, Some(customer), _) => Subject::Customer(customer),
        (_, _, Some(email)) => Subject::Guest(email),
        _ => Subject::Generic,
    }
}

/// In lower case: FreshBooks' comparison is not documented. One longer than FreshBooks keeps is no address.
fn email(order: &Order) -> Option<String> {
    let of_customer = order.customer.as_ref().and_then(|c| c.default_email_address.as_ref()?.email_address.clone());
    let email = first_filled([&of_customer, &order.email]).to_lowercase();
    (email.contains('@') && email.chars().count() <= text::SHORT).then_some(email)
}

fn filled(field: Option<String>) -> String {
    first_filled([&field])
}

/// The first that says something: Shopify has both null and empty texts.
fn first_filled<const N: usize>(fields: [&Option<String>; N]) -> String {
    let mut texts = fields.into_iter().flatten().map(|text| text.trim());
    texts.find(|text| !text.is_empty()).unwrap_or_default().to_owned()
}

/// The person whose key seals this order's personal values: `customer:7`, or `order:9` where it has no customer.
pub fn key_subject(order: &Order) -> String {
    let number = |gid: &Gid| gid.number().unwrap_or_default();
    order.customer.as_ref().map_or_else(
        || format!("order:{}", order.number_of_id()),
        |customer| format!("customer:{}", number(&customer.id)),
    )
}
