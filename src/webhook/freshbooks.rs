//! What FreshBooks tells: that a document changed, by its id, whoever changed it.
//!
//! Most of these events are echoes of our own writes, and all that any of them says is where to look. What is ours is looked at together
//! with others, by one list call per hundred documents: never one call per event.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use entity::{
    ids::{ConnectionId, OrderId},
    platform_grant::Platform,
    resource_link::{self, Kind},
    schedule, synced_order,
    webhook_delivery::{ActiveModel, Entity, Outcome},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QuerySelect};

use super::{AT_ONCE, Failure, Kept, blank, word};
use crate::{link, schedule as schedules};

/// An event about something that we wrote less than this ago may be about that very write.
const ECHO: TimeDelta = TimeDelta::minutes(5);
/// How long what is no echo waits for more of its kind.
const TOGETHER: TimeDelta = TimeDelta::seconds(5);

/// One event, verified and read.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Whose callback it came by.
    pub connection: ConnectionId,
    /// Such as `invoice.update`.
    pub event: String,
    /// FreshBooks' id of the document.
    pub object_id: i64,
    /// JSON list of pairs.
    pub headers: String,
    /// How long the body was.
    pub body_bytes: usize,
}

impl Arrival {
    fn kind(&self) -> Option<Kind> {
        Some(match self.event.split('.').next()? {
            "client" => Kind::Client,
            "invoice" => Kind::Invoice,
            "payment" => Kind::Payment,
            "credit_note" => Kind::CreditNote,
            _ => return None,
        })
    }
}

/// Keeps the events, and marks the documents of ours that are to be looked at.
pub(super) async fn store(
    txn: &DatabaseTransaction,
    arrivals: &[&Arrival],
    now: DateTime<Utc>,
) -> Result<Vec<Kept>, Failure> {
    let links = links(txn, arrivals).await?;
    let orders = orders(txn, links.values().flatten()).await?;
    let (mut rows, mut kept) = (Vec::new(), Vec::new());
    let (mut echoes, mut others) = (BTreeMap::<_, Vec<_>>::new(), BTreeMap::<_, Vec<_>>::new());
    for arrival in arrivals {
        let found = arrival.kind().and_then(|kind| links.get(&(arrival.connection, kind, arrival.object_id)));
        let found = found.map(Vec::as_slice).unwrap_or_default();
        // A customer and a guest of one address may share a client: what any of them has just written is an echo to all.
        let is_ours = |link: &resource_link::Model| {
            link.updated_at > now - ECHO || link.leased_until.is_some_and(|until| until > now)
        };
        let (outcome, detail) = if found.is_empty() {
            (Outcome::Ignored, "Not a document of ours.")
        } else if found.iter().any(is_ours) {
            echoes.entry(arrival.connection).or_default().extend(found.iter().map(|link| link.id));
            (Outcome::Echo, "We have just written this document ourselves: it is looked at with others.")
        } else {
            others.entry(arrival.connection).or_default().extend(found.iter().map(|link| link.id));
            (Outcome::Accepted, "")
        };
        kept.push(("freshbooks", arrival.event.clone(), word(outcome)));
        rows.push(ActiveModel {
            platform: Set(Platform::Freshbooks),
            connection_id: Set(Some(arrival.connection)),
            shop_domain: Set(String::new()),
            topic: Set(arrival.event.clone()),
            webhook_id: Set(None),
            event_id: Set(None),
            api_version: Set(None),
            shopify_order_id: Set(found.iter().find_map(|link| orders.get(&link.order_id?).copied())),
            resource: Set(arrival.event.split('.').next().map(|noun| format!("{noun}/{}", arrival.object_id))),
            version: Set(None),
            triggered_at: Set(None),
            received_at: Set(now),
            outcome: Set(outcome),
            detail: Set(detail.to_owned()),
            repeats: Set(0),
            headers: Set(arrival.headers.clone()),
            body_bytes: Set(i32::try_from(arrival.body_bytes).unwrap_or(i32::MAX)),
            ..blank()
        });
    }
    // All echoes of some minutes fall due at the same instant.
    let slot = now.duration_trunc(ECHO).unwrap_or(now) + ECHO;
    for (found, at) in [(echoes, slot), (others, now + TOGETHER)] {
        for (connection, links) in found {
            link::look_later(txn, &links, at).await?;
            schedules::hasten(txn, [connection], schedule::Kind::Drift, at).await?;
        }
    }
    for some in rows.chunks(AT_ONCE) {
        Entity::insert_many(some.iter().cloned()).exec_without_returning(txn).await?;
    }
    Ok(kept)
}

/// The links of these documents.
async fn links(
    txn: &DatabaseTransaction,
    arrivals: &[&Arrival],
) -> Result<HashMap<(ConnectionId, Kind, i64), Vec<resource_link::Model>>, DbErr> {
    use resource_link::{Column, Entity};
    let mut asked: BTreeMap<ConnectionId, Vec<i64>> = BTreeMap::new();
    for arrival in arrivals {
        asked.entry(arrival.connection).or_default().push(arrival.object_id);
    }
    let mut found: HashMap<_, Vec<_>> = HashMap::new();
    for (connection, ids) in asked {
        let theirs = Entity::find()
            .filter(Column::ConnectionId.eq(connection))
            .filter(Column::Kind.is_in([Kind::Client, Kind::Invoice, Kind::Payment, Kind::CreditNote]))
            .filter(Column::FreshbooksId.is_in(ids));
        for row in theirs.all(txn).await? {
            if let Some(id) = row.freshbooks_id {
                found.entry((connection, row.kind, id)).or_default().push(row);
            }
        }
    }
    Ok(found)
}

/// Shopify's numbers of the orders behind these links.
async fn orders(
    txn: &DatabaseTransaction,
    links: impl Iterator<Item = &resource_link::Model>,
) -> Result<HashMap<OrderId, i64>, DbErr> {
    use synced_order::{Column, Entity};
    let ids: Vec<OrderId> = links.filter_map(|link| link.order_id).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(OrderId, i64)> = Entity::find()
        .select_only()
        .columns([Column::Id, Column::ShopifyOrderId])
        .filter(Column::Id.is_in(ids))
        .into_tuple()
        .all(txn)
        .await?;
    Ok(rows.into_iter().collect())
}
