//! The audit trail (law 7): every write to FreshBooks and every decision not to write, append-only, chained by hash per connection.
//!
//! An entry's hash covers the hash before it and every field of its own, personal values as the sealed bytes that are stored: destroying
//! a customer's key redacts them and the chain still verifies.

use chrono::{DateTime, SecondsFormat, Utc};
use entity::{
    audit_chain,
    audit_entry::{self, ActiveModel, Column, Entity, Model},
    ids::{ConnectionId, CustomerKeyId},
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::OnConflict,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::crypto::{self, DataKey};

/// What stands before the first entry.
const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Characters of the longest note that a person may leave.
const NOTE_LENGTH: usize = 500;

/// One field of a document: where it comes from, what it was and what it became.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldMapping {
    /// Such as `transactions.amountSet`.
    pub shopify_field: String,
    /// Such as `amount`.
    pub freshbooks_field: String,
    /// Before the write; absent on a create.
    pub before: Option<String>,
    /// After the write; absent on a delete.
    pub after: Option<String>,
    /// The values are a person's: sealed before they are stored.
    pub personal: bool,
}

/// A person's note as it goes into the trail; a blank one is none.
///
/// # Errors
/// With a sentence, for a note that is too long or no line of text.
pub fn note(text: Option<&str>) -> Result<Option<&str>, &'static str> {
    let Some(note) = text.map(str::trim).filter(|note| !note.is_empty()) else { return Ok(None) };
    if note.chars().count() > NOTE_LENGTH {
        return Err("The note has more than 500 characters.");
    }
    if note.chars().any(char::is_control) {
        return Err("The note has control characters, such as line breaks.");
    }
    Ok(Some(note))
}

/// What is to be remembered of one write or decision.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Whose chain.
    pub connection: ConnectionId,
    /// The original Shopify order.
    pub shopify_order_id: Option<i64>,
    /// Such as `OrderTransaction/123`.
    pub shopify_resource: Option<String>,
    /// Such as `payment/456`.
    pub freshbooks_resource: Option<String>,
    /// Such as `create_invoice`.
    pub action: String,
    /// `done`, `adopted`, `unchanged`, `skipped`, `waiting`, `failed`, …
    pub outcome: String,
    /// Who caused it.
    pub actor: String,
    /// What made the order due, such as `pull:12`.
    pub trigger: String,
    /// The visit that it belongs to.
    pub correlation_id: String,
    /// The fields written.
    pub field_mappings: Vec<FieldMapping>,
    /// One sentence, without personal data.
    pub message: String,
}

/// A value of a field mapping as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Stored {
    Plain(String),
    Sealed { sealed: String },
}

/// A field mapping as it is stored. The order of the fields is part of the canonical form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StoredMapping {
    shopify_field: String,
    freshbooks_field: String,
    before: Option<Stored>,
    after: Option<Stored>,
}

/// Appends `entry` of a sync. Call it last in the transaction of the change: it locks the connection's chain until the commit.
///
/// # Errors
/// When the database fails.
pub async fn append(
    txn: &impl ConnectionTrait,
    entry: Entry,
    key: Option<(CustomerKeyId, &DataKey)>,
    now: DateTime<Utc>,
) -> Result<Model, Error> {
    append_of(txn, "sync", entry, key, now).await
}

/// [`append`] for another part of the connector than the sync.
///
/// # Errors
/// When the database fails.
pub async fn append_of(
    txn: &impl ConnectionTrait,
    source: &str,
    entry: Entry,
    key: Option<(CustomerKeyId, &DataKey)>,
    now: DateTime<Utc>,
) -> Result<Model, Error> {
    let head = lock_head(txn, entry.connection).await?;
    let sequence = head.sequence + 1;
    let mappings = stored(&entry, sequence, key.map(|(_, key)| key))?;
    let mut row = Model {
        id: entity::ids::AuditEntryId(0),
        connection_id: entry.connection,
        sequence,
        occurred_at: now,
        shopify_order_id: entry.shopify_order_id,
        shopify_resource: entry.shopify_resource,
        freshbooks_resource: entry.freshbooks_resource,
        action: entry.action,
        outcome: entry.outcome,
        actor: entry.actor,
        source: source.to_owned(),
        trigger: entry.trigger,
        correlation_id: entry.correlation_id,
        field_mappings: serde_json::to_string(&mappings)?,
        customer_key_id: key.map(|(id, _)| id),
        message: entry.message,
        previous_hash: head.hash,
        hash: String::new(),
    };
    row.hash = hash(&row)?;
    let mut insert: ActiveModel = row.clone().into();
    insert.id = NotSet;
    let inserted = Entity::insert(insert).exec(txn).await?;
    row.id = inserted.last_insert_id;
    audit_chain::Entity::update_many()
        .set(audit_chain::ActiveModel { connection_id: NotSet, sequence: Set(sequence), hash: Set(row.hash.clone()) })
        .filter(audit_chain::Column::ConnectionId.eq(entry.connection))
        .exec(txn)
        .await?;
    Ok(row)
}

async fn lock_head(txn: &impl ConnectionTrait, connection: ConnectionId) -> Result<audit_chain::Model, DbErr> {
    let find = || audit_chain::Entity::find_by_id(connection).lock_exclusive();
    if let Some(head) = find().one(txn).await? {
        return Ok(head);
    }
    let first =
        audit_chain::ActiveModel { connection_id: Set(connection), sequence: Set(0), hash: Set(GENESIS.to_owned()) };
    audit_chain::Entity::insert(first)
        .on_conflict(OnConflict::column(audit_chain::Column::ConnectionId).do_nothing().to_owned())
        .exec_without_returning(txn)
        .await?;
    find().one(txn).await?.ok_or_else(|| DbErr::RecordNotFound("the head of an audit chain".to_owned()))
}

fn stored(entry: &Entry, sequence: i64, key: Option<&DataKey>) -> Result<Vec<StoredMapping>, Error> {
    let connection = entry.connection;
    entry
        .field_mappings
        .iter()
        .map(|mapping| {
            let value = |value: &Option<String>, side: &str| -> Result<Option<Stored>, Error> {
                let Some(text) = value else { return Ok(None) };
                if !mapping.personal {
                    return Ok(Some(Stored::Plain(text.clone())));
                }
                let Some(key) = key else { return Ok(Some(Stored::Sealed { sealed: String::new() })) };
                let place = place(connection, sequence, &mapping.freshbooks_field, side);
                Ok(Some(Stored::Sealed { sealed: key.seal(&place, text.as_bytes())? }))
            };
            Ok(StoredMapping {
                shopify_field: mapping.shopify_field.clone(),
                freshbooks_field: mapping.freshbooks_field.clone(),
                before: value(&mapping.before, "before")?,
                after: value(&mapping.after, "after")?,
            })
        })
        .collect()
}

/// The field mappings of an entry. Without the customer's key, personal values read `***`.
///
/// # Errors
/// When the stored text is not what [`append`] wrote.
pub fn field_mappings(entry: &Model, key: Option<&DataKey>) -> Result<Vec<FieldMapping>, Error> {
    let stored: Vec<StoredMapping> = serde_json::from_str(&entry.field_mappings)?;
    Ok(stored
        .into_iter()
        .map(|mapping| {
            let personal =
                [&mapping.before, &mapping.after].iter().any(|side| matches!(side, Some(Stored::Sealed { .. })));
            let open = |value: Option<Stored>, side: &str| {
                value.map(|value| match value {
                    Stored::Plain(text) => text,
                    Stored::Sealed { sealed } => {
                        let place = place(entry.connection_id, entry.sequence, &mapping.freshbooks_field, side);
                        let opened = key.and_then(|key| key.open(&place, &sealed).ok());
                        opened.map_or_else(|| "***".to_owned(), |text| String::from_utf8_lossy(&text).into_owned())
                    }
                })
            };
            FieldMapping {
                before: open(mapping.before.clone(), "before"),
                after: open(mapping.after.clone(), "after"),
                shopify_field: mapping.shopify_field,
                freshbooks_field: mapping.freshbooks_field,
                personal,
            }
        })
        .collect())
}

fn place(connection: ConnectionId, sequence: i64, field: &str, side: &str) -> String {
    format!("audit_entry/{connection}/{sequence}/{field}/{side}")
}

/// The canonical form is a JSON list of every field in this order, times as RFC 3339 in UTC with microseconds.
fn hash(row: &audit_entry::Model) -> Result<String, Error> {
    let canonical = serde_json::to_vec(&serde_json::json!([
        row.previous_hash,
        row.connection_id,
        row.sequence,
        row.occurred_at.to_rfc3339_opts(SecondsFormat::Micros, true),
        row.shopify_order_id,
        row.shopify_resource,
        row.freshbooks_resource,
        row.action,
        row.outcome,
        row.actor,
        row.source,
        row.trigger,
        row.correlation_id,
        row.field_mappings,
        row.customer_key_id,
        row.message,
    ]))?;
    Ok(hex::encode(Sha256::digest(canonical)))
}

/// How a chain stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// This many entries, each following from the one before.
    Intact(i64),
    /// The first entry that does not follow, and why.
    Broken {
        /// Its place in the chain.
        sequence: i64,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// Walks the connection's chain from its first entry.
///
/// # Errors
/// When the database fails.
pub async fn verify(conn: &impl ConnectionTrait, connection: ConnectionId) -> Result<Verdict, Error> {
    // Read first: entries appended during the walk lie beyond it.
    let head = audit_chain::Entity::find_by_id(connection).one(conn).await?;
    let (last, end) = head.map_or((0, GENESIS.to_owned()), |head| (head.sequence, head.hash));
    let (mut sequence, mut previous) = (0, GENESIS.to_owned());
    loop {
        let page = Entity::find()
            .filter(Column::ConnectionId.eq(connection))
            .filter(Column::Sequence.gt(sequence))
            .order_by_asc(Column::Sequence)
            .limit(500)
            .all(conn)
            .await?;
        if page.is_empty() {
            break;
        }
        for row in page {
            let broken = |reason| Ok(Verdict::Broken { sequence: row.sequence, reason });
            if row.sequence != sequence + 1 {
                return broken("entries before it are missing");
            }
            if row.previous_hash != previous {
                return broken("it does not follow from the entry before it");
            }
            if row.hash != hash(&row)? {
                return broken("its content was changed");
            }
            if row.sequence == last && row.hash != end {
                return broken("it is not the entry that stood last");
            }
            (sequence, previous) = (row.sequence, row.hash);
        }
    }
    if sequence < last {
        return Ok(Verdict::Broken { sequence: sequence + 1, reason: "entries at the end are missing" });
    }
    if last == 0 && sequence > 0 {
        return Ok(Verdict::Broken { sequence, reason: "the chain has entries and no head" });
    }
    Ok(Verdict::Intact(sequence))
}

/// Why the trail cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database failed.
    #[error("the database failed")]
    Db(#[from] DbErr),
    /// A value could not be sealed.
    #[error("an audit value could not be sealed")]
    Crypto(#[from] crypto::Error),
    /// Not the stored form.
    #[error("an audit entry is not in its stored form")]
    Form(#[from] serde_json::Error),
}
