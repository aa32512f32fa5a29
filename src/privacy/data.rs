//! `customers/data_request`: a person hands out what is held of a customer. Nothing is copied for it: the export is made when asked for.

use entity::privacy_request::{Column, Entity, Kind, Model, State};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::{Error, attend::Ended};
use crate::{
    alert::{self, Raise, Severity},
    app::App,
    problem::{Owner, Problem},
    work::{self, Lease},
};

pub(super) const ALERT: &str = "CUSTOMER_DATA_REQUEST";

/// Tells people; the request stays open until one of them has completed it.
pub(super) async fn attend(app: &App, lease: Lease, row: &Model) -> Result<Ended, Error> {
    let now = app.clock.now();
    let txn = app.db.begin_write().await?;
    // First: requests are locked before alerts, by everybody.
    if work::settle::<Entity>(lease, now)?.exec(&txn).await?.rows_affected != 1 {
        return Err(Error::Fenced);
    }
    let first = Entity::find()
        .filter(Column::ConnectionId.eq(row.connection_id))
        .filter(Column::Kind.eq(Kind::CustomerData))
        .filter(Column::State.eq(State::Open))
        .order_by_asc(Column::DeadlineAt)
        .one(&txn)
        .await?;
    // Completed or overtaken while it was being claimed: nobody has to be told.
    if let Some(first) = first {
        let problem = Problem::new(
            Owner::Operator,
            ALERT,
            format!(
                "A customer asks, through Shopify, for the data that are held of them; due by {}.",
                first.deadline_at.date_naive()
            ),
            "`privacyRequests` in the admin API has the export: hand it to the merchant, then `completePrivacyRequest`.",
        );
        let raise =
            Raise { connection: row.connection_id, subject: "", severity: Severity::Warning, problem, action: None };
        alert::raise(&txn, raise, now).await?;
    }
    txn.commit().await?;
    Ok(Ended::Settled)
}
