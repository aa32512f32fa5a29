//! Who gets how much of a worker's room.

use std::collections::HashMap;

use chrono::{DateTime, Duration, Utc};
use entity::{
    connection::{Column as Of, Entity as Connections, Status},
    ids::ConnectionId,
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, ExprTrait, FromQueryResult, QueryFilter, QuerySelect, QueryTrait,
    sea_query::{Expr, SelectStatement, SimpleExpr},
};

use super::{Due, Lane, RENEW, column, free};

/// An active connection, and what waits there.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Waiting {
    /// Whose rows.
    pub connection: ConnectionId,
    /// Its FreshBooks account.
    pub account_id: Option<String>,
    /// Its shop.
    pub shop_domain: String,
    /// The lane of the most urgent row that waits; `None` where none does.
    pub lane: Option<i16>,
    /// Since when that row is due.
    pub since: Option<DateTime<Utc>>,
    /// Rows that are being visited just now, by whatever process.
    pub busy: i64,
}

/// So many rows of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Whose rows.
    pub connection: ConnectionId,
    /// How many, at most.
    pub rows: u64,
}

/// The active connections, and what waits there, none of it beyond `least_urgent`.
///
/// # Errors
/// When the database fails.
pub async fn waiting<E: Due>(
    db: &impl ConnectionTrait,
    least_urgent: Lane,
    now: DateTime<Utc>,
) -> Result<Vec<Waiting>, DbErr> {
    let of_this =
        || Ok::<_, DbErr>(Expr::col((E::default(), column::<E>("connection_id")?)).equals((Connections, Of::Id)));
    let first = |name: &str| {
        let first = free::<E>(now)?.filter(of_this()?).filter(column::<E>("lane")?.lte(least_urgent as i16));
        Ok::<_, DbErr>(scalar(first.select_only().column(column::<E>(name)?).limit(1).into_query()))
    };
    // A lease that was not renewed for as long as this is a dead process's: it holds its row for a while yet, but nobody's room.
    let alive = now + E::HOLD - RENEW * 2 - Duration::seconds(1);
    let busy = E::find()
        .select_only()
        .expr(Expr::col(column::<E>("id")?).count())
        .filter(of_this()?)
        .filter(column::<E>("fence")?.is_not_null())
        .filter(column::<E>("leased_until")?.gt(alive));
    Connections::find()
        .select_only()
        .column_as(Of::Id, "connection")
        .columns([Of::AccountId, Of::ShopDomain])
        .expr_as(first("lane")?, "lane")
        .expr_as(first("due_at")?, "since")
        .expr_as(scalar(busy.into_query()), "busy")
        .filter(Of::Status.eq(Status::Active))
        .into_model()
        .all(db)
        .await
}

fn scalar(query: SelectStatement) -> SimpleExpr {
    SimpleExpr::SubQuery(None, Box::new(query.into()))
}

/// Gives `places` away one by one: each to the connection that has the fewest, by whatever process; among those to the most urgent row, then
/// to the one that waits the longest. `room` says how many more an account takes; who is not named takes any number. Whoever would have been
/// given more by an account that takes no more is in the second list.
pub fn share(
    places: usize,
    waiting: &[Waiting],
    mut room: HashMap<String, i64>,
    account: impl Fn(&Waiting) -> String,
) -> (Vec<Share>, Vec<String>) {
    let mut given = vec![0_u64; waiting.len()];
    let mut full = Vec::new();
    for _ in 0..places {
        let mut order: Vec<usize> = (0..waiting.len()).filter(|index| waiting[*index].lane.is_some()).collect();
        order.sort_by_key(|index| {
            let one = &waiting[*index];
            (one.busy.unsigned_abs() + given[*index], one.lane, one.since, one.connection.0)
        });
        let next = order.into_iter().find(|index| match room.get_mut(&account(&waiting[*index])) {
            Some(room) if *room > 0 => {
                *room -= 1;
                true
            }
            Some(_) => {
                full.push(account(&waiting[*index]));
                false
            }
            None => true,
        });
        let Some(next) = next else { break };
        given[next] += 1;
    }
    full.sort();
    full.dedup();
    let shares = waiting.iter().zip(given).filter(|(_, rows)| *rows > 0);
    (shares.map(|(one, rows)| Share { connection: one.connection, rows }).collect(), full)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(connection: i64, lane: i16, since: i64, busy: i64) -> Waiting {
        Waiting {
            connection: ConnectionId(connection),
            account_id: Some(format!("account{connection}")),
            shop_domain: String::new(),
            lane: Some(lane),
            since: DateTime::from_timestamp(since, 0),
            busy,
        }
    }

    fn shared(places: usize, waiting: &[Waiting], room: &[(&str, i64)]) -> (Vec<(i64, u64)>, Vec<String>) {
        let room = room.iter().map(|(account, room)| ((*account).to_owned(), *room)).collect();
        let (shares, full) = share(places, waiting, room, |one| one.account_id.clone().unwrap_or_default());
        (shares.into_iter().map(|share| (share.connection.0, share.rows)).collect(), full)
    }

    #[test]
    fn places_are_given_evenly_whatever_is_at_work_already() {
        assert_eq!(shared(8, &[one(1, 3, 0, 0), one(2, 3, 5, 0)], &[]).0, [(1, 4), (2, 4)]);
        assert_eq!(shared(4, &[one(1, 3, 0, 6), one(2, 3, 5, 0)], &[]).0, [(2, 4)]);
        assert_eq!(shared(4, &[one(1, 3, 0, 1), one(2, 3, 5, 0)], &[]).0, [(1, 2), (2, 2)]);
        assert_eq!(shared(5, &[one(1, 3, 0, 0)], &[]).0, [(1, 5)], "alone it gets everything");
        let idle = Waiting { lane: None, ..one(2, 0, 0, 0) };
        assert_eq!(shared(2, &[one(1, 3, 0, 0), idle], &[]).0, [(1, 2)]);
    }

    #[test]
    fn among_equals_the_more_urgent_then_the_longer_waiting_comes_first() {
        assert_eq!(shared(1, &[one(1, 3, 0, 0), one(2, 1, 9, 0)], &[]).0, [(2, 1)]);
        assert_eq!(shared(1, &[one(1, 1, 9, 0), one(2, 1, 0, 0)], &[]).0, [(2, 1)]);
    }

    #[test]
    fn what_an_account_takes_at_once_is_never_exceeded_and_the_rest_goes_to_others() {
        let (shares, full) = shared(8, &[one(1, 3, 0, 0), one(2, 3, 0, 0)], &[("account1", 2)]);
        assert_eq!((shares, full), (vec![(1, 2), (2, 6)], vec!["account1".to_owned()]));
        let (shares, full) = shared(8, &[one(1, 3, 0, 4)], &[("account1", 0)]);
        assert_eq!((shares, full), (vec![], vec!["account1".to_owned()]));
        // Two shops with one account.
        let mut second = one(2, 3, 0, 0);
        second.account_id = Some("account1".to_owned());
        assert_eq!(shared(8, &[one(1, 3, 0, 0), second], &[("account1", 3)]).0, [(1, 2), (2, 1)]);
    }
}
