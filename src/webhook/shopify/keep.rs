//! The rows of deliveries: which of a batch are new is what the database says.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use entity::{
    ids::DeliveryId,
    webhook_delivery::{Column, Entity, Outcome},
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryTrait,
    sea_query::{Expr, OnConflict, Query},
};

use super::{super::AT_ONCE, Fresh};

/// Which delivery: by both of its ids and its topic.
type Name = (Option<String>, Option<String>, String);

/// Stores what is new and returns it with its row, and what is not.
pub(super) async fn new_ones<'a>(
    txn: &DatabaseTransaction,
    all: Vec<Fresh<'a>>,
    now: DateTime<Utc>,
) -> Result<(Vec<(DeliveryId, Fresh<'a>)>, Vec<Fresh<'a>>), DbErr> {
    let columns = [Column::Id, Column::WebhookId, Column::EventId, Column::Topic];
    let mut ids: HashMap<Name, Vec<DeliveryId>> = HashMap::new();
    for some in all.chunks(AT_ONCE) {
        let mut insert = Entity::insert_many(some.iter().map(|one| one.row(now)))
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .into_query();
        insert.returning(Query::returning().columns(columns));
        for row in txn.query_all(&insert).await? {
            let name = (row.try_get("", "webhook_id")?, row.try_get("", "event_id")?, row.try_get("", "topic")?);
            ids.entry(name).or_default().push(row.try_get("", "id")?);
        }
    }
    let (mut fresh, mut again) = (Vec::with_capacity(all.len()), Vec::new());
    for one in all {
        let arrival = one.arrival;
        let name = (arrival.webhook_id.clone(), arrival.event_id.clone(), arrival.topic.clone());
        match ids.get_mut(&name).and_then(Vec::pop) {
            Some(id) => fresh.push((id, one)),
            None => again.push(one),
        }
    }
    Ok((fresh, again))
}

/// Counts what came again.
pub(super) async fn count_repeats(txn: &DatabaseTransaction, again: &[Fresh<'_>]) -> Result<(), DbErr> {
    let mut by_webhook: BTreeMap<(&str, i32), Vec<&Fresh<'_>>> = BTreeMap::new();
    for one in again {
        by_webhook.entry((&one.arrival.topic, one.repeats + 1)).or_default().push(one);
    }
    for ((topic, times), all) in by_webhook {
        let counted = || {
            let more = Expr::col(Column::Repeats).add(times);
            Entity::update_many().filter(Column::Topic.eq(topic)).col_expr(Column::Repeats, more)
        };
        let ids = all.iter().filter_map(|one| one.arrival.webhook_id.as_deref());
        let found = counted().filter(Column::WebhookId.is_in(ids)).exec(txn).await?.rows_affected;
        if found == all.len() as u64 {
            continue;
        }
        // Some are known by their event only, which came in another delivery.
        for one in all {
            let Some(event) = &one.arrival.event_id else { continue };
            let others = Column::WebhookId.is_null().or(Column::WebhookId.ne(one.arrival.webhook_id.as_deref()));
            counted().filter(Column::EventId.eq(event)).filter(others).exec(txn).await?;
        }
    }
    Ok(())
}

/// Writes down what became of those that were stored as accepted and are not.
pub(super) async fn outcomes(txn: &DatabaseTransaction, fresh: &[(DeliveryId, Fresh<'_>)]) -> Result<(), DbErr> {
    let mut changed: HashMap<(Outcome, &str), Vec<DeliveryId>> = HashMap::new();
    for (id, one) in fresh.iter().filter(|(_, one)| one.outcome != Outcome::Accepted) {
        changed.entry((one.outcome, one.detail)).or_default().push(*id);
    }
    for ((outcome, detail), ids) in changed {
        Entity::update_many()
            .filter(Column::Id.is_in(ids))
            .col_expr(Column::Outcome, Expr::value(outcome))
            .col_expr(Column::Detail, Expr::value(detail))
            .exec(txn)
            .await?;
    }
    Ok(())
}
