//! Changing how a connection's orders are booked: checked, stored and told in the trail in one transaction, in which whatever the old
//! settings kept out of the books becomes due again. What is in the books is not touched: no setting rewrites documents that agree.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use entity::{
    connection::{Column, Entity, Model},
    ids::ConnectionId,
};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};
use uuid::Uuid;

use super::{Error, load, settings};
use crate::{
    app::App,
    audit::{self, FieldMapping},
    auth::Actor,
    mapping::settings::{Bounds, Change, Neighbour, Settings, Wrong, check, listed},
    order::{self, Mark, snapshot},
    work::Lane,
};

/// Changes settings. Where nothing changes nothing is written, to the trail neither. Returns the connection as it is then.
///
/// # Errors
/// [`Error::Wrong`] with everything that is wrong; when there is no such connection, or the database fails.
pub async fn update_settings(app: &App, by: &Actor, id: ConnectionId, change: &Change) -> Result<Model, Error> {
    let now = app.clock.now();
    // Without locks first: what is wrong, or no change, ends here.
    let row = load(app.db.read(), id).await?;
    let (before, after) = proposed(app.db.read(), app, &row, change).await?;
    if before == after {
        return Ok(row);
    }
    let txn = app.db.begin_write().await?;
    // Orders, connection, trail: whoever ends a visit locks them one after the other, too.
    let mark = Mark::new(Lane::Pull, "settings", by);
    order::reconsider(&txn, id, &mark, now).await?;
    lock(&txn, Some(id), row.account_id.as_deref()).await?;
    let row = load(&txn, id).await?;
    let (before, after) = proposed(&txn, app, &row, change).await?;
    let field_mappings = difference(&before, &after);
    if field_mappings.is_empty() {
        return Ok(row);
    }
    let stored = Entity::update_many()
        .filter(Column::Id.eq(id))
        .col_expr(Column::Settings, Expr::value(serde_json::to_string(&after)?))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .exec_with_returning(&txn)
        .await?;
    let names: Vec<&str> = field_mappings.iter().map(|mapping| mapping.freshbooks_field.as_str()).collect();
    let entry = audit::Entry {
        connection: id,
        shopify_order_id: None,
        shopify_resource: None,
        freshbooks_resource: None,
        action: "update_settings".to_owned(),
        outcome: "done".to_owned(),
        actor: by.name().to_owned(),
        trigger: "settings".to_owned(),
        correlation_id: Uuid::new_v4().to_string(),
        message: format!("Changed {}.", names.join(", ")),
        field_mappings,
    };
    audit::append_of(&txn, "settings", entry, None, now).await?;
    txn.commit().await?;
    // Visits that began before the commit went by the old settings, and may have ended since they were marked.
    let txn = app.db.begin_write().await?;
    order::reconsider(&txn, id, &mark, now).await?;
    txn.commit().await?;
    app.bell.notify_one();
    stored.into_iter().next().ok_or(Error::Missing)
}

/// A connection's settings, and what they would be with `change` made.
///
/// # Errors
/// [`Error::Wrong`] with everything that would be wrong then, but for what is wrong already and stays as it is; when the database fails.
pub async fn proposed(
    conn: &impl ConnectionTrait,
    app: &App,
    row: &Model,
    change: &Change,
) -> Result<(Settings, Settings), Error> {
    let before = settings(row)?;
    let after = change.clone().apply(&before);
    let bounds = Bounds {
        today: today(row.shop_time_zone.as_deref(), app.clock.now()),
        largest_number: snapshot::largest_number(conn, &app.keyring, row.id).await?,
        neighbours: neighbours(conn, Some(row.id), row.account_id.as_deref()).await?,
    };
    let mut wrong = change.wrong();
    // Order numbers grow, rules are added: a change is not to blame for what it leaves as it was.
    let already = check(&before, &bounds);
    let changed = difference(&before, &after);
    let stays = |wrong: &Wrong| {
        let field = format!("settings.{}", wrong.field);
        already.contains(wrong) && changed.iter().all(|mapping| mapping.freshbooks_field != field)
    };
    wrong.extend(check(&after, &bounds).into_iter().filter(|wrong| !stays(wrong)));
    if wrong.is_empty() { Ok((before, after)) } else { Err(Error::Wrong(wrong)) }
}

/// Whether a new connection's settings can be meant.
pub(super) async fn check_new(
    txn: &impl ConnectionTrait,
    settings: &Settings,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    in_account(txn, None, settings, None, today(None, now)).await
}

/// Whether a connection's settings can be meant in this account, whose connections are locked.
pub(super) async fn check_account(
    txn: &impl ConnectionTrait,
    row: &Model,
    account: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    in_account(txn, Some(row.id), &settings(row)?, Some(account), today(row.shop_time_zone.as_deref(), now)).await
}

async fn in_account(
    txn: &impl ConnectionTrait,
    id: Option<ConnectionId>,
    settings: &Settings,
    account: Option<&str>,
    today: NaiveDate,
) -> Result<(), Error> {
    let bounds = Bounds { today, largest_number: None, neighbours: neighbours(txn, id, account).await? };
    let wrong = check(settings, &bounds);
    if wrong.is_empty() { Ok(()) } else { Err(Error::Wrong(wrong)) }
}

/// Holds still whatever the check of an invoice number depends on: all connections of the account, always in the same order.
///
/// # Errors
/// When the database fails.
pub async fn lock(txn: &impl ConnectionTrait, id: Option<ConnectionId>, account: Option<&str>) -> Result<(), Error> {
    let any = Condition::any()
        .add_option(id.map(|id| Column::Id.eq(id)))
        .add_option(account.map(|account| Column::AccountId.eq(account)));
    let rows = Entity::find().select_only().column(Column::Id).filter(any).order_by_asc(Column::Id).lock_exclusive();
    rows.into_tuple::<ConnectionId>().all(txn).await?;
    Ok(())
}

/// The other connections to the same FreshBooks account, disconnected ones too: their invoices are still there.
async fn neighbours(
    conn: &impl ConnectionTrait,
    id: Option<ConnectionId>,
    account: Option<&str>,
) -> Result<Vec<Neighbour>, Error> {
    let Some(account) = account else { return Ok(Vec::new()) };
    let rows = Entity::find().filter(Column::AccountId.eq(account)).order_by_asc(Column::Id).all(conn).await?;
    rows.into_iter()
        .filter(|row| Some(row.id) != id)
        .map(|row| {
            let invoice_number = settings(&row)?.invoice_number;
            Ok(Neighbour { connection: row.id.0, name: row.name, invoice_number })
        })
        .collect()
}

fn difference(before: &Settings, after: &Settings) -> Vec<FieldMapping> {
    let pairs = listed(before).into_iter().zip(listed(after));
    pairs
        .filter(|((_, before), (_, after))| before != after)
        .map(|((name, before), (_, after))| FieldMapping {
            shopify_field: "-".to_owned(),
            freshbooks_field: format!("settings.{name}"),
            before,
            after,
            personal: false,
        })
        .collect()
}

/// The day where the shop is; the world's while its zone is not known.
fn today(zone: Option<&str>, now: DateTime<Utc>) -> NaiveDate {
    let zone = zone.and_then(|zone| zone.parse().ok()).unwrap_or(Tz::UTC);
    now.with_timezone(&zone).date_naive()
}
