//! Links: what each Shopify object became in FreshBooks, and what is about to become.
//!
//! Before a write its intent is stored, after it the answer. A restart that meets an intent cannot know whether the write was done: it
//! looks first (law 8). The unique index over (connection, kind, Shopify id) holds law 1 against every race.

mod adopt;
mod erase;
mod look;
pub mod seen;

use chrono::{DateTime, NaiveDate, Utc};
use entity::{
    ids::{ConnectionId, CustomerKeyId, LinkId, OrderId},
    resource_link::{ActiveModel, Column, Entity, Kind, Model, State},
    synced_order,
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder,
    sea_query::{Expr, OnConflict, SimpleExpr},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

pub use self::adopt::{Named, give_back, holder, name};
pub use self::erase::{Shared, clients_of, forget_all_guests, forget_guests, guest, redact};
pub use self::look::{
    Remembered, count_drifted, doubt, drifted, forget_seen, let_go, locked, locked_with_others, look_later, next_look,
    put_off, remember_decision, remember_seen, rewrite, take,
};
use self::seen::Seen;
use crate::{
    crypto::{self, DataKey},
    customer_key,
    mapping::Subject,
    order,
    work::{self, LEASE, Lease},
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

/// Who is about to write: the visit of an order, or of the client behind it.
#[derive(Clone, Copy, Debug)]
pub struct Writer<'a> {
    /// Whose books.
    pub connection: ConnectionId,
    /// The order's lease: without it nothing is intended.
    pub lease: Lease,
    /// Seals what is stored.
    pub key: &'a (CustomerKeyId, DataKey),
}

/// What is to be remembered of a write before it is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Intent<'a> {
    /// What the document can be found by over there; never a personal value.
    pub natural_key: Option<&'a str>,
    /// The document is there already and is about to change: if the answer never comes it is read again before anything is compared.
    pub changes: bool,
    /// The document is about to be made: not where another visit has made it meanwhile.
    pub creates: bool,
    /// The document is the one of this id that a person named: only while it still is. Nothing else is done about a link while one is named.
    pub adopts: Option<i64>,
}

/// Notes what is about to be written, if the order is still ours and nobody else is writing the same document.
///
/// # Errors
/// [`Error::Fenced`] when the lease was lost or the order given up, [`Error::Erased`] when its customer was erased, [`Error::Busy`] when
/// another visit is writing it.
pub async fn intend(
    txn: &DatabaseTransaction,
    writer: Writer<'_>,
    key: &LinkKey,
    intent: Intent<'_>,
    now: DateTime<Utc>,
) -> Result<LinkId, Error> {
    let Intent { natural_key, changes, creates, adopts } = intent;
    hold(txn, writer.lease, now).await?;
    make(txn, writer.connection, OrderId(writer.lease.id), key, now).await?;
    // An order's own documents are written by one visit at a time ([`under_way`]); a client is shared by many orders.
    let mut update = of(writer.connection, key);
    if key.kind == Kind::Client {
        let free = Column::Fence.is_null().or(Column::Fence.eq(writer.lease.visit())).or(Column::LeasedUntil.lt(now));
        update = update.filter(free);
    }
    update = update
        .col_expr(Column::Fence, Expr::value(writer.lease.visit()))
        .col_expr(Column::LeasedUntil, Expr::value(now + LEASE))
        .col_expr(Column::UpdatedAt, Expr::value(now));
    if creates {
        // What another visit was about to make, even one whose lease has run out, may be there: it is looked for first, and a look that was
        // taken over since does not count. A client is always looked for first, and whoever took the look over may have let go of it again.
        let ours = Column::Fence.eq(writer.lease.visit());
        update = update.filter(if key.kind == Kind::Client { ours } else { ours.or(Column::Fence.is_null()) });
        update = update.filter(Column::FreshbooksId.is_null());
    }
    update = match adopts {
        Some(id) => update.filter(Column::State.eq(State::Adopting)).filter(Column::FreshbooksId.eq(id)),
        None => update.filter(Column::State.ne(State::Adopting)),
    };
    if changes {
        update = update.col_expr(Column::State, Expr::value(State::Intended));
    }
    if let Some(natural_key) = natural_key {
        update = update.col_expr(Column::NaturalKey, Expr::value(natural_key));
    }
    let taken = update.exec_with_returning(txn).await?;
    taken.into_iter().next().map(|row| row.id).ok_or(Error::Busy)
}

/// Makes sure that there is a row: of a document of this order, or of the client behind it.
async fn make(
    txn: &DatabaseTransaction,
    connection: ConnectionId,
    order: OrderId,
    key: &LinkKey,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let blank = ActiveModel {
        id: NotSet,
        connection_id: Set(connection),
        order_id: Set((key.kind != Kind::Client).then_some(order)),
        kind: Set(key.kind),
        shopify_id: Set(key.shopify_id.clone()),
        state: Set(State::Intended),
        freshbooks_id: Set(None),
        natural_key: Set(None),
        written: Set(None),
        facts: Set(None),
        customer_key_id: Set(None),
        fence: Set(None),
        leased_until: Set(None),
        look_at: Set(None),
        seen: Set(None),
        drift: Set(None),
        created_at: Set(now),
        updated_at: Set(now),
    };
    Entity::insert(blank)
        .on_conflict(
            OnConflict::columns([Column::ConnectionId, Column::Kind, Column::ShopifyId]).do_nothing().to_owned(),
        )
        .exec_without_returning(txn)
        .await?;
    Ok(())
}

/// Whether the order is still ours and nobody gave it up, for another while.
async fn hold(txn: &DatabaseTransaction, lease: Lease, now: DateTime<Utc>) -> Result<(), Error> {
    let renewal = work::renewal::<synced_order::Entity>(lease, now)?;
    let held = renewal.filter(synced_order::Column::State.ne(synced_order::State::Dismissed));
    let row = held.exec_with_returning(txn).await?.into_iter().next().ok_or(Error::Fenced)?;
    // Asked after the row is ours: whoever erases a customer locks the orders first.
    if order::is_redacted(txn, &row).await? { Err(Error::Erased) } else { Ok(()) }
}

/// What FreshBooks answered about a document.
#[derive(Clone, Copy, Debug)]
pub struct Confirmed<'a, D> {
    /// The intended link.
    pub id: LinkId,
    /// Live or removed.
    pub state: State,
    /// FreshBooks' id of the document.
    pub freshbooks_id: i64,
    /// The draft that it accepted; `None` where what it holds is not known, or its customer was erased meanwhile.
    pub written: Option<&'a D>,
    /// What it answered.
    pub facts: &'a Facts,
    /// What is remembered of the answer for later comparing; `None` where it showed no document, or its customer was erased meanwhile.
    pub seen: Option<&'a Seen>,
    /// The fields that a person has changed and that this write did not name.
    pub drift: &'a [String],
}

/// Stores FreshBooks' answer. The caller holds the writer's key since before it locked any link ([`customer_key::hold`]), as whoever erases
/// a customer locks them; of a key that was destroyed nothing is sealed. `false`, and nothing is stored, where somebody else has written or
/// looked at the document since: what this visit was told is old.
///
/// # Errors
/// When the database fails. A lost lease on the order is no reason to forget an answer: the document is there, whoever goes on.
pub async fn confirm<D: Serialize>(
    txn: &DatabaseTransaction,
    writer: Writer<'_>,
    answer: Confirmed<'_, D>,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let (key_id, key) = writer.key;
    let seal = |draft| -> Result<String, Error> { Ok(key.seal(&place(answer.id), &serde_json::to_vec(draft)?)?) };
    let stored = Entity::update_many()
        .filter(Column::Id.eq(answer.id))
        .filter(Column::Fence.eq(writer.lease.visit()))
        .col_expr(Column::State, Expr::value(answer.state))
        .col_expr(Column::FreshbooksId, Expr::value(answer.freshbooks_id))
        .col_expr(Column::Written, Expr::value(answer.written.map(seal).transpose()?))
        .col_expr(Column::CustomerKeyId, Expr::value(key_id.0))
        .col_expr(Column::Seen, Expr::value(answer.seen.map(|seen| seen::sealed(answer.id, seen, key)).transpose()?))
        .col_expr(Column::Drift, Expr::value(seen::listed(answer.drift)?))
        .col_expr(Column::Facts, Expr::value(serde_json::to_string(answer.facts)?))
        .col_expr(Column::Fence, SimpleExpr::Custom("NULL".into()))
        .col_expr(Column::LeasedUntil, SimpleExpr::Custom("NULL".into()))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .exec(txn)
        .await?;
    Ok(stored.rows_affected == 1)
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

/// Lets go of documents whose writes certainly did not happen, so that others need not wait for the lease to run out.
///
/// # Errors
/// When the database fails.
pub async fn release(conn: &impl ConnectionTrait, lease: Lease) -> Result<(), DbErr> {
    Entity::update_many()
        .filter(Column::Fence.eq(lease.visit()))
        .col_expr(Column::Fence, SimpleExpr::Custom("NULL".into()))
        .col_expr(Column::LeasedUntil, SimpleExpr::Custom("NULL".into()))
        .exec(conn)
        .await?;
    Ok(())
}

/// Forgets what a visit was about to make, looked for and did not find, and that is not wanted any more: else it would be looked for again
/// and again.
///
/// # Errors
/// When the database fails.
pub async fn forget_absent(conn: &impl ConnectionTrait, lease: Lease) -> Result<(), DbErr> {
    Entity::delete_many()
        .filter(Column::Fence.eq(lease.visit()))
        .filter(Column::State.eq(State::Intended))
        .filter(Column::FreshbooksId.is_null())
        .exec(conn)
        .await?;
    Ok(())
}

/// Lets every document that is being written be left alone from now on, where time has jumped.
///
/// # Errors
/// When the database fails.
pub async fn hold_anew(conn: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<(), DbErr> {
    hold_until(conn, Column::Fence.is_not_null(), now).await
}

/// Lets no document be left alone for longer than a call may take: a longer lease is of a clock that was ahead.
///
/// # Errors
/// When the database fails.
pub async fn hold_no_longer(conn: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<(), DbErr> {
    hold_until(conn, Column::Fence.is_not_null().and(Column::LeasedUntil.gt(now + LEASE)), now).await
}

async fn hold_until(conn: &impl ConnectionTrait, which: SimpleExpr, now: DateTime<Utc>) -> Result<(), DbErr> {
    let held = Entity::update_many().filter(which);
    held.col_expr(Column::LeasedUntil, Expr::value(now + LEASE)).exec(conn).await?;
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

/// Until when an earlier visit's call about one of these documents may still be carried out: it had no answer, died or hung. Whoever looked
/// for the document before that might not find it, make it, and have it twice.
pub fn under_way(rows: &[Model], visit: Uuid, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let others = rows.iter().filter(|row| row.fence.is_some_and(|fence| fence != visit));
    others.filter_map(|row| row.leased_until).filter(|until| *until > now).max()
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
