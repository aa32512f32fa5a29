//! Links: what each Shopify object became in FreshBooks, and what is about to become.
//!
//! Before a write its intent is stored, after it the answer. A restart that meets an intent cannot know whether the write was done: it
//! looks first (law 8). The unique index over (connection, kind, Shopify id) holds law 1 against every race.

mod adopt;
mod erase;
mod look;
pub mod seen;
mod write;

use chrono::{DateTime, NaiveDate, Utc};
use entity::{
    ids::{ConnectionId, LinkId, OrderId},
    resource_link::{Column, Entity, Kind, Model, State},
};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, sea_query::Expr};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

pub use self::adopt::{Named, give_back, holder, name};
pub use self::erase::{Shared, clients_of, forget_all_guests, forget_guests, guest, redact};
pub use self::look::{
    Remembered, count_drifted, doubt, drifted, forget_seen, let_go, locked, locked_with_others, look_later, next_look,
    put_off, remember_decision, remember_seen, rewrite, take,
};
pub use self::write::{
    Confirmed, Intent, Writer, confirm, forget_absent, hold_anew, hold_no_longer, intend, release, under_way,
};
use crate::{
    crypto::{self, DataKey},
    customer_key,
    mapping::Subject,
};

/// Which link.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LinkKey {
    /// What kind of document.
    pub kind: Kind,
    /// Shopify's number of the order, transaction, refund or customer; `company:` and its number; a pseudonym for guests; `generic`.
    pub shopify_id: String,
}

impl LinkKey {
    /// The link of a client.
    pub fn of_client(subject: &Subject, salt: &str) -> Self {
        let shopify_id = match subject {
            Subject::Customer(number) => number.to_string(),
            Subject::Company(number) => format!("company:{number}"),
            Subject::Generic => "generic".to_owned(),
            Subject::Guest(email) => guest(email, salt),
        };
        Self { kind: Kind::Client, shopify_id }
    }
}

/// What a document is called, in the trail and to people.
pub fn noun(kind: Kind) -> &'static str {
    match kind {
        Kind::Client => "client",
        Kind::Invoice => "invoice",
        Kind::Payment => "payment",
        Kind::CreditNote => "credit_note",
    }
}

/// What in Shopify a document stands for, in the trail: such as `OrderTransaction/123`; a guest is nobody in particular.
pub fn shopify_resource(kind: Kind, shopify_id: &str) -> String {
    match kind {
        Kind::Invoice => format!("Order/{shopify_id}"),
        Kind::Payment => format!("OrderTransaction/{shopify_id}"),
        Kind::CreditNote => format!("Refund/{shopify_id}"),
        Kind::Client => match shopify_id.split_once(':') {
            Some(("company", number)) => format!("Company/{number}"),
            Some(_) => "guest".to_owned(),
            None if shopify_id == "generic" => "generic".to_owned(),
            None => format!("Customer/{shopify_id}"),
        },
    }
}

/// What FreshBooks answered about a document, as far as plans need it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Facts {
    /// An invoice's total, a payment's amount; hundredths.
    pub total: Option<i64>,
    /// What is still to be paid of an invoice; hundredths.
    pub outstanding: Option<i64>,
    /// No longer a draft.
    pub issued: bool,
    /// An invoice's lines, in order: kept when the list is replaced.
    pub line_ids: Vec<i64>,
    /// Whether it was ours, or found by a person's e-mail address: such a client keeps its own fields.
    pub adopted: bool,
    /// The Shopify change that a client's fields stem from.
    pub as_of: Option<DateTime<Utc>>,
    /// The document's currency.
    pub currency: String,
    /// An invoice's number.
    pub number: Option<String>,
    /// The document's date.
    pub dated: Option<NaiveDate>,
    /// FreshBooks' id of the client that an invoice belongs to.
    pub client: Option<i64>,
    /// Refunds (Shopify's numbers) that an invoice shows as negative lines.
    pub adjusted: Vec<i64>,
    /// By how much FreshBooks' total differed from every rounding rule that is known; hundredths.
    pub unexplained: i64,
}

/// A link as a plan sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownDoc<D> {
    /// How sure we are.
    pub state: State,
    /// FreshBooks' id, once it has answered.
    pub id: Option<i64>,
    /// The draft that it last accepted.
    pub written: Option<D>,
    /// What it answered.
    pub facts: Facts,
}

/// Stores what a visit learnt of a document without a write to it: which refunds it shows, or else its total. The rest stays as it is
/// stored, and nothing is stored where that changes just now: a look may have brought news since the visit began.
///
/// # Errors
/// When the database fails.
pub async fn remember(
    conn: &impl ConnectionTrait,
    connection: ConnectionId,
    key: &LinkKey,
    facts: &Facts,
) -> Result<(), Error> {
    let Some(row) = find_row(conn, connection, key).await?.filter(|row| row.state == State::Confirmed) else {
        return Ok(());
    };
    let mut stored = self::facts(&row);
    if stored.adjusted == facts.adjusted {
        stored.total = facts.total;
    } else {
        stored.adjusted.clone_from(&facts.adjusted);
    }
    Entity::update_many()
        .filter(Column::Id.eq(row.id))
        .filter(Column::State.eq(State::Confirmed))
        .filter(row.facts.map_or_else(|| Column::Facts.is_null(), |text| Column::Facts.eq(text)))
        .col_expr(Column::Facts, Expr::value(serde_json::to_string(&stored)?))
        .exec(conn)
        .await?;
    Ok(())
}

/// The link of this key.
///
/// # Errors
/// When the database fails.
pub async fn find_row(
    conn: &impl ConnectionTrait,
    connection: ConnectionId,
    key: &LinkKey,
) -> Result<Option<Model>, DbErr> {
    Entity::find()
        .filter(Column::ConnectionId.eq(connection))
        .filter(Column::Kind.eq(key.kind))
        .filter(Column::ShopifyId.eq(&key.shopify_id))
        .one(conn)
        .await
}

/// The links of an order: its invoice, its payments and its credit notes.
///
/// # Errors
/// When the database fails.
pub async fn list(conn: &impl ConnectionTrait, order: OrderId) -> Result<Vec<Model>, DbErr> {
    Entity::find().filter(Column::OrderId.eq(order)).order_by_asc(Column::Id).all(conn).await
}

/// A row as plans see it, with the key that seals its draft. A draft whose customer was redacted is gone, and the document is written anew
/// when it must be.
///
/// # Errors
/// When what is stored was tampered with.
pub fn opened<D: DeserializeOwned>(row: &Model, key: Option<&DataKey>) -> Result<KnownDoc<D>, Error> {
    let written = key.map(|key| written(row, key)).transpose()?.flatten();
    let mut facts = facts(row);
    // Before FreshBooks has answered, the number that was about to be sent is the one to look for.
    facts.number = facts.number.or_else(|| row.natural_key.clone());
    Ok(KnownDoc { state: row.state, id: row.freshbooks_id, written, facts })
}

/// The draft that FreshBooks last accepted, as it is stored.
///
/// # Errors
/// When what is stored was tampered with.
pub fn written<D: DeserializeOwned>(row: &Model, key: &DataKey) -> Result<Option<D>, Error> {
    let Some(sealed) = &row.written else { return Ok(None) };
    Ok(Some(serde_json::from_slice(&key.open(&place(row.id), sealed)?)?))
}

/// What FreshBooks answered.
pub fn facts(row: &Model) -> Facts {
    row.facts.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

fn of(connection: ConnectionId, key: &LinkKey) -> sea_orm::UpdateMany<Entity> {
    Entity::update_many()
        .filter(Column::ConnectionId.eq(connection))
        .filter(Column::Kind.eq(key.kind))
        .filter(Column::ShopifyId.eq(&key.shopify_id))
}

fn place(id: LinkId) -> String {
    format!("resource_link/{id}/written")
}

/// Why a document must not be written, or its link not read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The lease ran out and somebody else has the order, or a person gave it up.
    #[error("this visit no longer holds the order")]
    Fenced,
    /// The order's customer was erased meanwhile: nothing is written for it any more.
    #[error("the order's customer was erased")]
    Erased,
    /// Another visit is writing the same document.
    #[error("another visit is writing the same document")]
    Busy,
    /// The customer's key is not to be had.
    #[error(transparent)]
    Key(#[from] customer_key::Error),
    /// What is stored does not open.
    #[error("a link's draft does not open")]
    Crypto(#[from] crypto::Error),
    /// What is stored is not in its form.
    #[error("a link is not in its form")]
    Form(#[from] serde_json::Error),
    /// The database failed.
    #[error("the database failed")]
    Db(#[from] DbErr),
}
