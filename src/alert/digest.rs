//! The digest: at each firing of `MLC_ALERT_DIGEST_CRON` one message lists the open alerts of all connections.
//!
//! One row says which firing was the last. Moving it on is a compare-and-set that one replica wins, and makes the row due in the same
//! statement. However many firings were missed, the last one is made up for. What the message says is read when it is sent.

use std::{collections::HashMap, error::Error as StdError};

use chrono::{DateTime, SubsecRound, Utc};
use entity::{
    alert,
    alert_digest::{ActiveModel, Column, Entity, Model},
    connection,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};
use tracing::{instrument, warn};

use super::{
    Error,
    channels::Channel,
    deliver::{self, Visit},
    message::{self, Message},
};
use crate::{
    app::App,
    config,
    work::{self, Lane, Lease},
};

/// The only row.
const ROW: i64 = 1;
/// Alerts that one digest lists; the others it counts.
const LISTED: u64 = 100;

/// Makes the digest due when its time has come; `true` when this call won the firing.
///
/// # Errors
/// When the database fails.
pub async fn fire(app: &App, now: DateTime<Utc>) -> Result<bool, DbErr> {
    let Some(cron) = app.config.alert_digest_cron.as_deref().and_then(|text| config::cron(text).ok()) else {
        return Ok(false);
    };
    // Whole seconds: what is found keeps the fraction of what it is looked for from.
    let Ok(fires_at) = cron.find_previous_occurrence(&now.trunc_subsecs(0), true) else { return Ok(false) };
    match Entity::find_by_id(ROW).one(app.db.read()).await? {
        Some(last) if last.fires_at >= fires_at => Ok(false),
        Some(_) => {
            let won = work::mark::<Entity>(Lane::Webhook, now)?
                .filter(Column::Id.eq(ROW))
                .filter(Column::FiresAt.lt(fires_at))
                .col_expr(Column::FiresAt, Expr::value(fires_at))
                .exec(app.db.write())
                .await?;
            Ok(won.rows_affected == 1)
        }
        // Asked for just now: firings before that are nobody's.
        None => {
            Entity::insert(first(fires_at))
                .on_conflict(OnConflict::column(Column::Id).do_nothing().to_owned())
                .exec_without_returning(app.db.write())
                .await?;
            Ok(false)
        }
    }
}

/// Sends the claimed digest, where an alert is open, and ends the visit, whatever comes.
#[instrument(skip_all)]
pub async fn deliver(app: &App, lease: Lease, row: Model) {
    let lacks = |channel: &Channel| match channel {
        Channel::Webhook => row.webhook_told < row.generation,
        Channel::Email => row.email_told < row.generation,
    };
    let channels = Channel::ALL.into_iter().filter(|channel| app.channels.has(*channel) && lacks(channel));
    let visit = Visit {
        name: "the digest of alerts".to_owned(),
        lease,
        generation: row.generation,
        attempts: row.attempts,
        channels: channels.collect(),
    };
    let ended = match open_alerts(app, row.fires_at).await {
        Ok(message) => deliver::tell::<Entity>(app, &visit, message.as_ref()).await.map_err(Error::Db),
        Err(e) => Err(e),
    };
    if let Err(e) = ended {
        warn!(error = &e as &dyn StdError, "the visit of {} could not be ended; its lease will run out", visit.name);
    }
}

/// The message, where there is anything to tell.
async fn open_alerts(app: &App, fires_at: DateTime<Utc>) -> Result<Option<Message>, Error> {
    let db = app.db.read();
    let open = || alert::Entity::find().filter(alert::Column::ResolvedAt.is_null());
    let rows = open().order_by_asc(alert::Column::Id).limit(LISTED).all(db).await?;
    let ids = rows.iter().map(|row| row.connection_id);
    let connections = connection::Entity::find().filter(connection::Column::Id.is_in(ids)).all(db).await?;
    let connections: HashMap<_, _> = connections.into_iter().map(|row| (row.id, row)).collect();
    let mut oldest = Vec::new();
    for row in rows {
        if let Some(connection) = connections.get(&row.connection_id) {
            oldest.push(deliver::with_link(app, row, connection.clone())?);
        }
    }
    if oldest.is_empty() {
        return Ok(None);
    }
    let count = open().count(db).await?.max(oldest.len() as u64);
    Ok(Some(message::digest(&oldest, count, fires_at)))
}

fn first(fires_at: DateTime<Utc>) -> ActiveModel {
    ActiveModel {
        id: Set(ROW),
        fires_at: Set(fires_at),
        webhook_sent_at: Set(None),
        webhook_told: Set(0),
        email_sent_at: Set(None),
        email_told: Set(0),
        last_error: Set(None),
        lane: Set(Lane::Webhook as i16),
        due_at: Set(None),
        generation: Set(0),
        claimed_generation: Set(0),
        attempts: Set(0),
        fence: Set(None),
        leased_until: Set(None),
    }
}
