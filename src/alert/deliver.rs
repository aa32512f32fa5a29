//! One visit of an alert, or of the digest: each channel that has not had the message is tried; what failed is tried again later, alone.

use std::{error::Error as StdError, fmt::Write};

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    alert::{self, Model},
    alert_digest,
};
use futures_util::future::join_all;
use sea_orm::{ColumnTrait, DbErr, ExprTrait, QueryFilter, sea_query::Expr};
use tracing::{error, instrument, warn};

use super::{
    Error,
    channels::{Channel, Failure},
    message::{Message, Told},
};
use crate::{
    app::App,
    connection, telemetry,
    work::{self, Due, Lease},
};

/// Waits between tries, in seconds; the last one is repeated.
const LADDER: [i64; 6] = [5, 30, 120, 600, 1_800, 7_200];
/// Waits in all: after a day the message is given up.
const WAITS: i32 = 17;

/// A table of messages: what each channel has had of a row.
pub(super) trait Messages: Due {
    /// The number of the last message that the channel took.
    fn told(channel: Channel) -> Self::Column;
    /// When that was.
    fn sent_at(channel: Channel) -> Self::Column;
    /// Why a channel has not had it.
    fn last_error() -> Self::Column;
}

macro_rules! messages {
    ($($table:ident),+) => {$(
        impl Messages for $table::Entity {
            fn told(channel: Channel) -> Self::Column {
                match channel {
                    Channel::Webhook => $table::Column::WebhookTold,
                    Channel::Email => $table::Column::EmailTold,
                }
            }
            fn sent_at(channel: Channel) -> Self::Column {
                match channel {
                    Channel::Webhook => $table::Column::WebhookSentAt,
                    Channel::Email => $table::Column::EmailSentAt,
                }
            }
            fn last_error() -> Self::Column {
                $table::Column::LastError
            }
        }
    )+};
}

messages!(alert, alert_digest);

/// What a visit goes by.
pub(super) struct Visit {
    /// For the log.
    pub(super) name: String,
    pub(super) lease: Lease,
    /// The number of the message.
    pub(super) generation: i64,
    pub(super) attempts: i32,
    /// Who has to be told.
    pub(super) channels: Vec<Channel>,
}

/// Tells who has to be told of a claimed alert, and ends the visit, whatever comes.
#[instrument(skip_all, fields(alert = %row.id))]
pub async fn deliver(app: &App, lease: Lease, row: Model) {
    let channels = Channel::ALL.into_iter().filter(|channel| app.channels.has(*channel) && lacks(&row, *channel));
    let visit = Visit {
        name: format!("alert {}", row.id),
        lease,
        generation: row.generation,
        attempts: row.attempts,
        channels: channels.collect(),
    };
    let ended = match told(app, row, &visit).await {
        Ok(told) => {
            tell::<alert::Entity>(app, &visit, told.map(|told| told.message()).as_ref()).await.map_err(Error::Db)
        }
        Err(e) => Err(e),
    };
    if let Err(e) = ended {
        warn!(error = &e as &dyn StdError, "the visit of {} could not be ended; its lease will run out", visit.name);
    }
}

/// Whether the channel has to be told what the row says now.
fn lacks(row: &Model, channel: Channel) -> bool {
    let told = match channel {
        Channel::Webhook => row.webhook_told,
        Channel::Email => row.email_told,
    };
    match (row.resolved_at, told) {
        // Who never heard of it need not hear that it is over.
        (Some(_), 0) => false,
        (None, 0) => true,
        (Some(_), told) => told < row.generation,
        (None, told) => told < row.generation && row.acknowledged_at.is_none(),
    }
}

/// Whatever the message needs; `None` where nobody has to be told, or the connection is gone.
async fn told(app: &App, row: Model, visit: &Visit) -> Result<Option<Told>, Error> {
    if visit.channels.is_empty() {
        return Ok(None);
    }
    match connection::load(app.db.read(), row.connection_id).await {
        Ok(connection) => Ok(Some(with_link(app, row, connection)?)),
        Err(connection::Error::Db(e)) => Err(e.into()),
        Err(_) => Ok(None),
    }
}

/// An alert with its link. One that cannot be made is left out: better told without than not at all.
pub(super) fn with_link(app: &App, row: Model, connection: entity::connection::Model) -> Result<Told, Error> {
    let link = super::link(app, &connection, &row).unwrap_or_else(|e| {
        warn!(error = &e as &dyn StdError, "alert {} is told without its link", row.id);
        None
    });
    Ok(Told { problem: super::problem(&row)?, row, connection, link })
}

/// Tries the channels side by side, then brings the row to rest or lets it be tried again.
pub(super) async fn tell<E: Messages>(app: &App, visit: &Visit, message: Option<&Message>) -> Result<(), DbErr> {
    let now = app.clock.now();
    let Some(message) = message else { return rest::<E>(app, visit, None).await };
    let tries = visit.channels.iter().map(async |&channel| match app.channels.send(channel, message, now).await {
        Ok(()) => {
            telemetry::alert_delivery(channel.name(), "sent");
            note::<E>(app, visit, channel).await.map(|()| None)
        }
        Err(failure) => Ok(Some((channel, failure))),
    });
    let outcomes: Vec<Option<(Channel, Failure)>> = join_all(tries).await.into_iter().collect::<Result<_, DbErr>>()?;
    let failures: Vec<(Channel, Failure)> = outcomes.into_iter().flatten().collect();
    if failures.is_empty() {
        return rest::<E>(app, visit, None).await;
    }
    let given_up = visit.attempts >= WAITS;
    let asked = failures.iter().filter_map(|(_, failure)| failure.wait()).max();
    let asked = asked.and_then(|wait| TimeDelta::from_std(wait).ok()).unwrap_or_default();
    let wait = app.config.scaled(ladder(visit.attempts).max(asked));
    for (channel, failure) in &failures {
        let (channel, cause) = (channel.name(), failure as &dyn StdError);
        telemetry::alert_delivery(channel, if given_up { "given_up" } else { "failed" });
        if given_up {
            error!(channel, error = cause, "{} was given up after a day", visit.name);
        } else {
            warn!(channel, error = cause, "{} not delivered, tried again in {} s", visit.name, wait.num_seconds());
        }
    }
    let text = sentence(&failures);
    if given_up {
        return rest::<E>(app, visit, Some(text)).await;
    }
    let now = app.clock.now();
    work::retry_later::<E>(visit.lease, now + wait, true, now)?
        .col_expr(E::last_error(), Expr::value(text))
        .exec(app.db.write())
        .await?;
    Ok(())
}

/// The channel has the message. True whoever holds the lease by now.
async fn note<E: Messages>(app: &App, visit: &Visit, channel: Channel) -> Result<(), DbErr> {
    let now: DateTime<Utc> = app.clock.now();
    E::update_many()
        .filter(Expr::col("id").eq(visit.lease.id))
        .filter(E::told(channel).lt(visit.generation))
        .col_expr(E::told(channel), Expr::value(visit.generation))
        .col_expr(E::sent_at(channel), Expr::value(now))
        .exec(app.db.write())
        .await?;
    Ok(())
}

async fn rest<E: Messages>(app: &App, visit: &Visit, error: Option<String>) -> Result<(), DbErr> {
    work::settle::<E>(visit.lease, app.clock.now())?
        .col_expr(E::last_error(), Expr::value(error))
        .exec(app.db.write())
        .await?;
    Ok(())
}

fn ladder(attempts: i32) -> TimeDelta {
    let step = usize::try_from(attempts).unwrap_or_default().min(LADDER.len() - 1);
    TimeDelta::seconds(LADDER[step])
}

/// For the row: what is wrong with each channel.
fn sentence(failures: &[(Channel, Failure)]) -> String {
    let mut text = String::new();
    for (channel, failure) in failures {
        let between = if text.is_empty() { "" } else { "; " };
        // Writing to a string does not fail.
        let _ = write!(text, "{between}{}: {failure}", channel.name());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_given_up_after_a_day() {
        let whole: TimeDelta = (0..WAITS).map(ladder).sum();
        assert!(whole >= TimeDelta::days(1) && whole < TimeDelta::hours(26), "{whole}");
    }
}
