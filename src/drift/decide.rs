//! What becomes of a change that somebody made in FreshBooks: it is kept, or our version is written again.

use chrono::{DateTime, Utc};
use entity::{
    ids::{ConnectionId, OrderId},
    resource_link::{Kind, Model, State},
    synced_order,
};
use sea_orm::DatabaseTransaction;
use serde_json::Value;
use tracing::warn;

use super::{Error, told, view};
use crate::{
    app::App,
    audit,
    auth::Actor,
    connection as connections,
    crypto::DataKey,
    customer_key,
    link::{
        self, Remembered,
        seen::{self, Seen},
    },
    mapping::settings::Drift,
    order::{self, Mark},
    schedule,
    work::Lane,
};

/// Whose version is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// FreshBooks'.
    Keep,
    /// Ours.
    Restore,
}

/// Decides about everything that somebody changed in FreshBooks of this order: its documents and its client.
///
/// # Errors
/// [`Error::NoDrift`] where there is nothing to decide, [`Error::Note`] for a note that does not fit; when there is no such order, or the
/// database fails.
pub async fn resolve(
    app: &App,
    by: &Actor,
    id: OrderId,
    choice: Choice,
    note: Option<&str>,
) -> Result<synced_order::Model, Error> {
    let note = audit::note(note).map_err(Error::Note)?;
    let row = decide(app, by, id, choice, note).await?;
    app.bell.notify_one();
    Ok(row)
}

/// As [`resolve`], where the setting says that ours is always right. What was written again in vain is left to a person.
pub(super) async fn by_setting(app: &App, id: ConnectionId) -> Result<(), Error> {
    let connection = connections::load(app.db.read(), id).await?;
    if connections::settings(&connection)?.drift == Drift::Keep {
        return Ok(());
    }
    let mut orders = Vec::new();
    for row in link::drifted(app.db.read(), id).await? {
        // One that was tampered with is a person's to look into: the others are restored all the same.
        let seen = match opened(app, app.db.read(), &row).await {
            Ok(Some((_, seen))) => seen,
            Ok(None) => continue,
            Err(error @ Error::Db(_)) => return Err(error),
            Err(e) => {
                warn!(link.id = %row.id, error = &e as &dyn std::error::Error, "what link {} remembers does not open", row.id);
                continue;
            }
        };
        if !seen.restoring {
            let order = match row.order_id {
                Some(order) => Some(order),
                None => newest(app.db.read(), &row).await?,
            };
            orders.extend(order);
        }
    }
    orders.sort();
    orders.dedup();
    for order in orders {
        let dismissed = order::load(app.db.read(), order).await?.state == synced_order::State::Dismissed;
        if dismissed {
            continue;
        }
        match decide(app, &Actor::system("drift"), order, Choice::Restore, None).await {
            Ok(_) | Err(Error::NoDrift) => {}
            Err(error @ Error::Db(_)) => return Err(error),
            Err(e) => {
                warn!(order.id = %order, error = &e as &dyn std::error::Error, "order {order} could not be restored as the setting says");
            }
        }
    }
    app.bell.notify_one();
    Ok(())
}

async fn decide(
    app: &App,
    by: &Actor,
    id: OrderId,
    choice: Choice,
    note: Option<&str>,
) -> Result<synced_order::Model, Error> {
    let now = app.clock.now();
    let txn = app.db.begin_write().await?;
    // Orders, links, alert, trail: as every visit locks them.
    let order = order::lock(&txn, id).await?;
    let mut entries = Vec::new();
    let mut client = None;
    for row in link::locked(&txn, order.connection_id, id).await? {
        let Some((key, seen)) = opened(app, &txn, &row).await? else {
            // The customer was redacted: nothing is left to compare with.
            if row.drift.is_some() {
                link::forget_seen(&txn, row.id).await?;
                let entry = told::entry(&row, None, "kept", "What was remembered of it was redacted.".to_owned());
                entries.push((said(entry, by, order.shopify_order_id, note), None));
            }
            continue;
        };
        let drift = seen::drift(&row);
        let undecided = match choice {
            Choice::Keep => !drift.is_empty(),
            Choice::Restore => !(drift.is_empty() && seen.kept.is_empty()),
        };
        if !undecided {
            continue;
        }
        let entry = match choice {
            Choice::Keep => keep(&txn, &row, &key.1, seen, &drift, now).await?,
            Choice::Restore => restore(&txn, &row, &key.1, seen, &drift).await?,
        };
        if row.kind == Kind::Client {
            client = Some(row.clone());
        }
        entries.push((said(entry, by, order.shopify_order_id, note), Some(key)));
    }
    if entries.is_empty() {
        return Err(Error::NoDrift);
    }
    let mark = Mark::new(Lane::Resync, "drift", by);
    match choice {
        Choice::Keep => order::kept(&txn, &order, proof(&link::list(&txn, id).await?), &mark, now).await?,
        Choice::Restore => {
            let mut due = vec![id];
            if let Some(row) = &client {
                due.extend(newest(&txn, row).await?);
            }
            due.sort();
            due.dedup();
            order::revisit(&txn, &due, &mark, now).await?;
        }
    }
    told::told(&txn, order.connection_id, now).await?;
    let sealed = entries.iter().map(|(entry, key)| (entry.clone(), key.as_ref().map(|(id, key)| (*id, key))));
    told::append(&txn, sealed.collect(), now).await?;
    let row = order::load(&txn, id).await?;
    txn.commit().await?;
    Ok(row)
}

/// What FreshBooks has counts from now on, and the fields are the person's.
async fn keep(
    txn: &DatabaseTransaction,
    row: &Model,
    key: &DataKey,
    mut seen: Seen,
    drift: &[String],
    now: DateTime<Utc>,
) -> Result<audit::Entry, Error> {
    seen.keep(drift);
    let facts = link::facts(row);
    link::remember_decision(txn, row, key, Remembered { seen: &seen, drift: &[], facts: &facts }).await?;
    // Somebody may have changed more since the last look.
    link::look_later(txn, &[row.id], now).await?;
    schedule::hasten(txn, [row.connection_id], entity::schedule::Kind::Drift, now).await?;
    let message = format!("FreshBooks' version is kept: {}.", drift.join(", "));
    Ok(told::entry(row, None, "kept", message))
}

/// The next visit writes the document again.
async fn restore(
    txn: &DatabaseTransaction,
    row: &Model,
    key: &DataKey,
    mut seen: Seen,
    drift: &[String],
) -> Result<audit::Entry, Error> {
    let mut drift = drift.to_vec();
    if row.kind == Kind::Client {
        // What we left empty is the person's to fill.
        let (theirs, rest) = drift.into_iter().partition::<Vec<_>, _>(|name| !seen.ours.contains_key(name));
        let found: Vec<_> =
            theirs.into_iter().filter_map(|name| Some((seen.now().get(&name)?.clone(), name))).collect();
        seen.ours.extend(found.into_iter().map(|(text, name)| (name, text)));
        drift = rest;
    }
    let fields: Vec<String> = drift.iter().cloned().chain(seen.kept.iter().cloned()).collect();
    seen.restoring = !fields.is_empty();
    if fields.is_empty() {
        seen.found = None;
    }
    let facts = link::facts(row);
    link::remember_decision(txn, row, key, Remembered { seen: &seen, drift: &drift, facts: &facts }).await?;
    if row.kind == Kind::Client {
        let hidden = seen.now().get("vis_state").is_some_and(|state| state != view::ACTIVE);
        let written = written(row, key, &seen, &fields)?;
        link::rewrite(txn, row, key, written.as_ref(), hidden && row.state == State::Confirmed).await?;
    } else {
        link::doubt(txn, row).await?;
    }
    let message = match fields.as_slice() {
        [] => "What we left empty stays as it was filled in.".to_owned(),
        fields => format!("Our version is written again: {}.", fields.join(", ")),
    };
    Ok(told::entry(row, None, "restoring", message))
}

/// What a client's draft would be, had we written what FreshBooks has in these fields.
fn written(row: &Model, key: &DataKey, seen: &Seen, fields: &[String]) -> Result<Option<Value>, Error> {
    let Some(mut written) = link::written::<Value>(row, key)? else { return Ok(None) };
    for field in fields {
        if let Some(value) = written.get_mut(field.as_str()) {
            *value = seen.now().get(field).cloned().unwrap_or_default().into();
        }
    }
    Ok(Some(written))
}

fn said(entry: audit::Entry, by: &Actor, order: i64, note: Option<&str>) -> audit::Entry {
    let message = match note {
        Some(note) => format!("{} {note}", entry.message),
        None => entry.message,
    };
    audit::Entry {
        shopify_order_id: Some(order),
        actor: by.name().to_owned(),
        trigger: "drift".to_owned(),
        message,
        ..entry
    }
}

/// What FreshBooks' documents of an order add up to, where that is known.
fn proof(links: &[Model]) -> Option<i64> {
    let total = |row: &Model| if row.state == State::Removed { Some(0) } else { link::facts(row).total };
    let invoice = links.iter().find(|row| row.kind == Kind::Invoice)?;
    let credits = links.iter().filter(|row| row.kind == Kind::CreditNote).filter_map(total).sum::<i64>();
    Some(total(invoice)? - credits)
}

/// The order of a client's customer that was changed last.
async fn newest(conn: &impl sea_orm::ConnectionTrait, client: &Model) -> Result<Option<OrderId>, Error> {
    Ok(match client.customer_key_id {
        Some(key) => order::newest_of_key(conn, key).await?,
        None => None,
    })
}

/// What is remembered of a document, and the key that seals it.
async fn opened(
    app: &App,
    conn: &impl sea_orm::ConnectionTrait,
    row: &Model,
) -> Result<Option<((entity::ids::CustomerKeyId, DataKey), Seen)>, Error> {
    let Some(id) = row.customer_key_id else { return Ok(None) };
    let Some(key) = customer_key::find_by_id(conn, &app.keyring, id).await? else { return Ok(None) };
    Ok(seen::open(row, &key)?.map(|seen| ((id, key), seen)))
}
