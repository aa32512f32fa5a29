//! What Shopify sends by itself: whether it is Shopify's, and what it is about.
//!
//! A webhook is a doorbell, not a letter: of the body only the ids are read and what dates them, so that a field that Shopify adds,
//! drops or writes otherwise stops nobody. Whoever is rung for reads the object anew.

mod topic;

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use rust_decimal::Decimal;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::Sha256;

pub use self::topic::{TOPICS, Topic};
use super::model::Gid;

/// Which of the app's active secrets signed this raw body; `None` where none did. Shopify signs with the oldest one that is not revoked.
pub fn signed_with(secrets: &[SecretString], body: &[u8], header: &str) -> Option<usize> {
    let given = STANDARD.decode(header).ok()?;
    secrets.iter().map(ExposeSecret::expose_secret).position(|secret| {
        // Anybody can sign with nothing.
        !secret.is_empty()
            && Hmac::<Sha256>::new_from_slice(secret.as_bytes())
                .is_ok_and(|mac| mac.chain_update(body).verify_slice(&given).is_ok())
    })
}

/// What the app's own settings subscribe to, as privacy law asks: by their header.
pub const COMPLIANCE: [&str; 3] = ["customers/data_request", "customers/redact", "shop/redact"];

/// A delivery, read.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The order it is about, by its number.
    pub order: Option<i64>,
    /// When what it is about changed, as of the delivery's making; a repeated delivery keeps its old time.
    pub updated_at: Option<DateTime<Utc>>,
    /// The rest.
    pub about: About,
}

/// What happened, as far as anybody here cares.
#[derive(Clone, Debug, PartialEq)]
pub enum About {
    /// The order is new or another.
    Order,
    /// The order is gone.
    OrderDeleted,
    /// Money moved, or tried to.
    Transaction(Transaction),
    /// Something was given back.
    Refund,
    /// A customer is new or another.
    Customer {
        /// Their number.
        id: i64,
    },
    /// Two customers became one.
    CustomersMerged {
        /// Who is left.
        kept: i64,
        /// Who is no more.
        deleted: i64,
    },
    /// The shop no longer has the app: its tokens and webhooks are dead.
    Uninstalled {
        /// Its permanent address.
        domain: String,
    },
    /// The shop's own settings changed.
    Shop {
        /// Its permanent address.
        domain: String,
    },
    /// The app may do more or less than before.
    Scopes,
    /// A bulk operation ended, well or not.
    BulkFinished {
        /// For [`super::Shop::bulk`].
        id: Gid,
    },
    /// A customer asks what is known of them.
    DataRequest(Person),
    /// A customer is to be forgotten.
    RedactCustomer(Person),
    /// A shop is to be forgotten.
    RedactShop {
        /// Its permanent address.
        domain: String,
    },
    /// A topic that nobody here knows.
    Other,
}

/// A transaction as its webhook has it; the words are Shopify's, in lower case.
#[derive(Clone, Debug, PartialEq)]
pub struct Transaction {
    /// Its number.
    pub id: i64,
    /// Such as `sale`, `capture`, `refund`.
    pub kind: String,
    /// `success`, `failure`, `error`, `pending`.
    pub status: String,
    /// Such as `shopify_payments`.
    pub gateway: Option<String>,
    /// Positive, also for a refund.
    pub amount: Decimal,
    /// What the buyer paid in, ISO 4217.
    pub currency: String,
    /// When it took place.
    pub processed_at: Option<DateTime<Utc>>,
    /// No real money.
    pub test: bool,
}

/// Whom a request under privacy law is about.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    /// The shop's permanent address.
    pub domain: String,
    /// The customer's number; `None` for a guest.
    pub customer: Option<i64>,
    /// The address they gave.
    pub email: Option<String>,
    /// The orders named.
    pub orders: Vec<i64>,
    /// The request's own number, where it has one.
    pub request: Option<i64>,
}

/// Without the address.
impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { domain, customer, orders, request, .. } = self;
        write!(f, "Person {{ {domain}, customer {customer:?}, orders {orders:?}, request {request:?} }}")
    }
}

/// Why a body cannot be used; never says what stands in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not one JSON object, with each field once.
    #[error("the body is not a JSON object")]
    NotAnObject,
    /// It belongs to another topic.
    #[error("the body has a {0}, which this topic has not")]
    Foreign(&'static str),
    /// It is not there, or not what it should be.
    #[error("the body has no usable {0}")]
    Missing(&'static str),
}

/// What a delivery of `topic` (such as `orders/create`) says. For bodies that [`signed_with`] accepted.
///
/// # Errors
/// [`Malformed`] where what the topic is about is not named.
pub fn read(topic: &str, body: &[u8]) -> Result<Event, Malformed> {
    let body: Body<'_> = object(body).ok_or(Malformed::NotAnObject)?;
    let (order, about) = match topic {
        "orders/create" | "orders/updated" | "orders/paid" | "orders/cancelled" => (Some(body.own()?), About::Order),
        "orders/delete" => (Some(body.own()?), About::OrderDeleted),
        "orders/edited" => (Some(edited_order(body.order_edit)?), About::Order),
        "order_transactions/create" => (Some(body.order()?), About::Transaction(body.transaction()?)),
        "refunds/create" => (Some(body.order()?), About::Refund),
        "customers/create" | "customers/update" => (None, About::Customer { id: body.own()? }),
        "customers/merge" => (None, body.merge()?),
        "app/uninstalled" => (None, About::Uninstalled { domain: domain(body.myshopify_domain, "myshopify_domain")? }),
        "shop/update" => (None, About::Shop { domain: domain(body.myshopify_domain, "myshopify_domain")? }),
        "app/scopes_update" => (None, About::Scopes),
        "bulk_operations/finish" => (None, About::BulkFinished { id: body.bulk()? }),
        "customers/data_request" => (None, About::DataRequest(body.person(body.orders_requested)?)),
        // The topic is not signed: a body that was made to ask for data, or to forget one person, must not erase more than that.
        "customers/redact" => {
            absent(&[(body.data_request, "data_request"), (body.orders_requested, "orders_requested")])?;
            (None, About::RedactCustomer(body.person(body.orders_to_redact)?))
        }
        "shop/redact" => {
            let domain = domain(body.shop_domain, "shop_domain")?;
            absent(&[(body.customer, "customer")])?;
            (None, About::RedactShop { domain })
        }
        _ => (None, About::Other),
    };
    Ok(Event { order, updated_at: instant(body.updated_at), about })
}

/// A part of the body as it stands there, to be read where a topic asks for it.
type Raw<'a> = Option<&'a RawValue>;

/// Every field that any topic needs; the rest is skipped, and nothing is copied.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Body<'a> {
    #[serde(borrow)]
    id: Raw<'a>,
    admin_graphql_api_id: Raw<'a>,
    updated_at: Raw<'a>,
    order_id: Raw<'a>,
    order_edit: Raw<'a>,
    kind: Raw<'a>,
    status: Raw<'a>,
    gateway: Raw<'a>,
    amount: Raw<'a>,
    currency: Raw<'a>,
    processed_at: Raw<'a>,
    test: Raw<'a>,
    admin_graphql_api_customer_kept_id: Raw<'a>,
    admin_graphql_api_customer_deleted_id: Raw<'a>,
    customer_kept_id: Raw<'a>,
    customer_deleted_id: Raw<'a>,
    myshopify_domain: Raw<'a>,
    shop_domain: Raw<'a>,
    customer: Raw<'a>,
    orders_requested: Raw<'a>,
    orders_to_redact: Raw<'a>,
    data_request: Raw<'a>,
}

/// An order's edit, a customer, a request: each by its number.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Part<'a> {
    #[serde(borrow)]
    id: Raw<'a>,
    order_id: Raw<'a>,
    email: Raw<'a>,
}

impl Body<'_> {
    /// The number of what was sent.
    fn own(&self) -> Result<i64, Malformed> {
        number(self.id).or_else(|| number(self.admin_graphql_api_id)).ok_or(Malformed::Missing("id"))
    }

    fn order(&self) -> Result<i64, Malformed> {
        number(self.order_id).ok_or(Malformed::Missing("order_id"))
    }

    fn transaction(&self) -> Result<Transaction, Malformed> {
        Ok(Transaction {
            id: self.own()?,
            kind: text(self.kind).ok_or(Malformed::Missing("kind"))?,
            status: text(self.status).ok_or(Malformed::Missing("status"))?,
            gateway: text(self.gateway),
            amount: decimal(self.amount).ok_or(Malformed::Missing("amount"))?,
            currency: text(self.currency).ok_or(Malformed::Missing("currency"))?,
            processed_at: instant(self.processed_at),
            test: self.test.is_some_and(|test| test.get() == "true"),
        })
    }

    fn merge(&self) -> Result<About, Malformed> {
        let kept = number(self.admin_graphql_api_customer_kept_id).or_else(|| number(self.customer_kept_id));
        let deleted = number(self.admin_graphql_api_customer_deleted_id).or_else(|| number(self.customer_deleted_id));
        Ok(About::CustomersMerged {
            kept: kept.ok_or(Malformed::Missing("admin_graphql_api_customer_kept_id"))?,
            deleted: deleted.ok_or(Malformed::Missing("admin_graphql_api_customer_deleted_id"))?,
        })
    }

    fn bulk(&self) -> Result<Gid, Malformed> {
        let id = text(self.admin_graphql_api_id).map(Gid).filter(|id| id.is("BulkOperation"));
        id.ok_or(Malformed::Missing("admin_graphql_api_id"))
    }

    fn person(&self, orders: Raw<'_>) -> Result<Person, Malformed> {
        let customer: Part<'_> = part(self.customer);
        let request: Part<'_> = part(self.data_request);
        let orders: Vec<Raw<'_>> = orders.and_then(|list| serde_json::from_str(list.get()).ok()).unwrap_or_default();
        let person = Person {
            domain: domain(self.shop_domain, "shop_domain")?,
            customer: number(customer.id),
            email: text(customer.email).filter(|email| !email.is_empty()),
            orders: orders.into_iter().filter_map(number).collect(),
            request: number(request.id),
        };
        if person.customer.is_none() && person.email.is_none() && person.orders.is_empty() {
            return Err(Malformed::Missing("customer"));
        }
        Ok(person)
    }
}

fn absent(parts: &[(Raw<'_>, &'static str)]) -> Result<(), Malformed> {
    match parts.iter().find(|(part, _)| part.is_some()) {
        Some((_, name)) => Err(Malformed::Foreign(name)),
        None => Ok(()),
    }
}

fn edited_order(edit: Raw<'_>) -> Result<i64, Malformed> {
    number(part(edit).order_id).ok_or(Malformed::Missing("order_edit.order_id"))
}

/// Nothing but an object: a list would be taken for its fields in order.
fn object<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Option<T> {
    (json.trim_ascii_start().first() == Some(&b'{')).then(|| serde_json::from_slice(json).ok())?
}

fn part(raw: Raw<'_>) -> Part<'_> {
    raw.and_then(|raw| object(raw.get().as_bytes())).unwrap_or_default()
}

fn text(raw: Raw<'_>) -> Option<String> {
    serde_json::from_str(raw?.get()).ok()
}

/// `7`, `"7"` and `"gid://shopify/Order/7"` alike; nothing that has a number is numbered 0 or less.
fn number(raw: Raw<'_>) -> Option<i64> {
    let number = match raw?.get().parse() {
        Ok(number) => Some(number),
        Err(_) => Gid(text(raw)?).number(),
    };
    number.filter(|number| *number > 0)
}

/// `"12.00"` and `12.5`, by their digits.
fn decimal(raw: Raw<'_>) -> Option<Decimal> {
    let digits = text(raw).or_else(|| Some(raw?.get().to_owned()))?;
    Decimal::from_str_exact(&digits).or_else(|_| Decimal::from_scientific(&digits)).ok()
}

fn instant(raw: Raw<'_>) -> Option<DateTime<Utc>> {
    Some(DateTime::parse_from_rfc3339(&text(raw)?).ok()?.to_utc())
}

fn domain(raw: Raw<'_>, name: &'static str) -> Result<String, Malformed> {
    text(raw).filter(|domain| !domain.is_empty()).ok_or(Malformed::Missing(name))
}

#[cfg(test)]
mod tests;
