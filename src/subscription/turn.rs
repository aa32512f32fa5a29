//! The rows of one end, held by one run: taken, written while it lasts, and given back with what people are told.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    connection::{self, Model as Connection, Status},
    platform_grant::Platform,
    schedule::Kind,
    webhook_subscription::{ActiveModel, Column, Entity, Model, State},
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict, SimpleExpr},
};
use uuid::Uuid;

use super::{
    Error, Look, Wish,
    told::{self, Fault},
    verifier,
};
use crate::{app::App, problem::Problem, schedule};

/// How long a run has its rows, should it die with them.
pub(super) const LEASE: TimeDelta = TimeDelta::minutes(3);
/// When a handshake that was not over in time is looked at again.
const AGAIN: TimeDelta = TimeDelta::minutes(1);

/// A run's hold on the rows of one end.
pub(super) struct Turn<'a> {
    pub(super) app: &'a App,
    pub(super) connection: &'a Connection,
    pub(super) platform: Platform,
    fence: Uuid,
    /// By topic, as they are by now.
    rows: BTreeMap<String, Model>,
    /// By topic, as they were.
    before: BTreeMap<String, State>,
    /// Topics that had stood, and what was wrong with them.
    repaired: BTreeMap<String, Fault>,
    /// Rows of what is no longer wanted.
    pub(super) unwanted: Vec<Model>,
}

impl<'a> Turn<'a> {
    /// Takes the rows of an end, with one for each wish; `None` while another run has them.
    pub(super) async fn take(
        app: &'a App,
        connection: &'a Connection,
        platform: Platform,
        wishes: &[Wish],
    ) -> Result<Option<Self>, Error> {
        let (now, fence) = (app.clock.now(), Uuid::new_v4());
        let txn = app.db.begin_write().await?;
        // Held first: where it is disconnected no row may come into being.
        let current = connection::Entity::find_by_id(connection.id).lock_exclusive().one(&txn).await?;
        if current.is_none_or(|row| row.status != Status::Active) {
            return Ok(None);
        }
        if !wishes.is_empty() {
            let rows = wishes.iter().map(|wish| wanted(connection, platform, wish));
            let known =
                OnConflict::columns([Column::ConnectionId, Column::Platform, Column::Topic]).do_nothing().to_owned();
            Entity::insert_many(rows).on_conflict(known).exec_without_returning(&txn).await?;
        }
        let own = Entity::find()
            .filter(Column::ConnectionId.eq(connection.id))
            .filter(Column::Platform.eq(platform))
            .order_by_asc(Column::Id);
        let rows = own.lock_exclusive().all(&txn).await?;
        if rows.iter().any(|row| row.leased_until.is_some_and(|until| until > now)) {
            return Ok(None);
        }
        Entity::update_many()
            .filter(Column::Id.is_in(rows.iter().map(|row| row.id)))
            .col_expr(Column::Fence, Expr::value(fence))
            .col_expr(Column::LeasedUntil, Expr::value(now + LEASE))
            .exec(&txn)
            .await?;
        txn.commit().await?;
        let is_wanted = |row: &Model| wishes.iter().any(|wish| wish.topic == row.topic);
        let (wanted, unwanted): (Vec<_>, Vec<_>) = rows.into_iter().partition(is_wanted);
        Ok(Some(Self {
            app,
            connection,
            platform,
            fence,
            before: wanted.iter().map(|row| (row.topic.clone(), row.state)).collect(),
            rows: wanted.into_iter().map(|row| (row.topic.clone(), row)).collect(),
            repaired: BTreeMap::new(),
            unwanted,
        }))
    }

    /// The row of a topic that is wanted.
    pub(super) fn row(&self, topic: &str) -> Result<&Model, Error> {
        self.rows.get(topic).ok_or(Error::Lost)
    }

    /// Whether the platform was asked for it by an earlier run already, and it has not stood since.
    pub(super) fn has_waited(&self, topic: &str) -> bool {
        matches!(self.before.get(topic), Some(State::Unverified | State::Failing))
    }

    /// Writes a row down as it is now. Of a topic that had stood, `fault` says what was wrong.
    pub(super) async fn put(
        &mut self,
        topic: &str,
        fault: Option<Fault>,
        change: impl FnOnce(&mut Model),
    ) -> Result<(), Error> {
        let now = self.app.clock.now();
        let row = self.rows.get_mut(topic).ok_or(Error::Lost)?;
        change(row);
        row.checked_at = Some(now);
        if let (Some(fault), Some(State::Active)) = (fault, self.before.get(topic)) {
            row.repaired_at = Some(now);
            self.repaired.entry(topic.to_owned()).or_insert(fault);
        }
        let mut written = Entity::update_many().filter(Column::Id.eq(row.id)).filter(Column::Fence.eq(self.fence));
        if row.state == State::Active {
            written = written.col_expr(Column::Offered, SimpleExpr::Custom("NULL".into()));
        }
        let written = written
            .col_expr(Column::Address, Expr::value(&row.address))
            .col_expr(Column::State, Expr::value(row.state))
            .col_expr(Column::RemoteId, Expr::value(row.remote_id.clone()))
            .col_expr(Column::Verifier, Expr::value(row.verifier.clone()))
            .col_expr(Column::ApiVersion, Expr::value(row.api_version.clone()))
            .col_expr(Column::Problem, Expr::value(row.problem.clone()))
            .col_expr(Column::RepairedAt, Expr::value(row.repaired_at))
            .col_expr(Column::CheckedAt, Expr::value(row.checked_at))
            .exec(self.app.db.write())
            .await?;
        if written.rows_affected == 1 { Ok(()) } else { Err(Error::Lost) }
    }

    /// It stands.
    pub(super) async fn stands(
        &mut self,
        topic: &str,
        fault: Option<Fault>,
        change: impl FnOnce(&mut Model),
    ) -> Result<(), Error> {
        self.put(topic, fault, |row| {
            change(row);
            row.state = State::Active;
            row.problem = None;
        })
        .await
    }

    /// It cannot be set up.
    pub(super) async fn fails(&mut self, topic: &str, problem: &Problem) -> Result<(), Error> {
        let text = serde_json::to_string(problem)?;
        self.put(topic, None, |row| {
            row.state = State::Failing;
            row.problem = Some(text);
        })
        .await
    }

    /// The rows of this run's topics that something has come for, as they are by now.
    pub(super) async fn offered(&self) -> Result<Vec<Model>, Error> {
        let waiting = Entity::find().filter(Column::Fence.eq(self.fence)).filter(Column::Offered.is_not_null());
        Ok(waiting.all(self.app.db.read()).await?)
    }

    /// Gives the rows back, and tells people. Nothing is concluded where the platform has not `answered` to the end.
    pub(super) async fn end(self, answered: bool) -> Result<Look, Error> {
        let (id, now) = (self.connection.id, self.app.clock.now());
        let txn = self.app.db.begin_write().await?;
        let current = connection::Entity::find_by_id(id).lock_exclusive().one(&txn).await?;
        let rows = Entity::find().filter(Column::Fence.eq(self.fence)).lock_exclusive().all(&txn).await?;
        if rows.is_empty() || current.is_none_or(|row| row.status == Status::Disconnected) {
            return Ok(Look::Busy);
        }
        Entity::update_many()
            .filter(Column::Fence.eq(self.fence))
            .col_expr(Column::Fence, SimpleExpr::Custom("NULL".into()))
            .col_expr(Column::LeasedUntil, SimpleExpr::Custom("NULL".into()))
            .exec(&txn)
            .await?;
        let rows: Vec<Model> = rows.into_iter().filter(|row| self.rows.contains_key(&row.topic)).collect();
        if !self.repaired.is_empty() {
            told::repaired(&txn, id, self.platform, &self.repaired, now).await?;
        }
        let healthy = rows.iter().all(|row| row.state == State::Active);
        if answered {
            told::standing(&txn, id, self.platform, &rows, now).await?;
            if self.repaired.is_empty() && healthy && self.before.values().all(|state| *state == State::Active) {
                told::nothing_to_repair(&txn, id, self.platform, now).await?;
            }
        }
        if let Some(at) = self.next_look(&rows, answered, now)? {
            schedule::hasten(&txn, [id], Kind::Webhooks, at).await?;
        }
        txn.commit().await?;
        self.app.bell.notify_one();
        let repaired = self.repaired.into_keys().collect();
        Ok(if answered { Look::Seen { repaired, healthy } } else { Look::Silent })
    }

    /// Before the clock's next time: for a verifier that came when nobody looked any more, or has still to come for the first time.
    fn next_look(&self, rows: &[Model], answered: bool, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, Error> {
        let waiting: Vec<&Model> = rows.iter().filter(|row| row.state != State::Active).collect();
        for row in &waiting {
            if verifier::has_fresh(self.app, row)? {
                return Ok(Some(now + verifier::BETWEEN));
            }
        }
        let fresh = waiting.iter().any(|row| row.state == State::Unverified && !self.has_waited(&row.topic));
        Ok((answered && fresh).then_some(now + AGAIN))
    }
}

/// Forgets a row of what is no longer wanted.
pub(super) async fn drop_row(conn: &impl ConnectionTrait, row: &Model) -> Result<(), Error> {
    Entity::delete_many().filter(Column::Id.eq(row.id)).exec(conn).await?;
    Ok(())
}

fn wanted(connection: &Connection, platform: Platform, wish: &Wish) -> ActiveModel {
    ActiveModel {
        id: NotSet,
        connection_id: Set(connection.id),
        platform: Set(platform),
        topic: Set(wish.topic.to_owned()),
        address: Set(wish.address.clone()),
        state: Set(State::Wanted),
        remote_id: Set(None),
        verifier: Set(None),
        offered: Set(None),
        api_version: Set(None),
        problem: Set(None),
        repaired_at: Set(None),
        checked_at: Set(None),
        fence: Set(None),
        leased_until: Set(None),
    }
}
