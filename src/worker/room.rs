//! How many rows of whom are claimed: no connection beyond its fair share, no account beyond what it takes at once.

use std::collections::HashMap;

use entity::{call_budget, pull, synced_order};
use sea_orm::DbErr;

use crate::{
    app::App,
    budget, pauses,
    work::{self, Due, Lane, Lease, Share, Waiting},
};

/// Claims orders for so many `places`, none beyond `least_urgent`. An order that a person waits for has a place of its own: what its account
/// takes at once does not hold it up, only a pause does.
///
/// # Errors
/// When the database fails.
pub async fn orders(app: &App, places: usize, least_urgent: Lane) -> Result<Vec<(Lease, synced_order::Model)>, DbErr> {
    if places == 0 {
        return Ok(Vec::new());
    }
    let now = app.clock.now();
    let all = work::waiting::<synced_order::Entity>(app.db.read(), least_urgent, now).await?;
    if all.iter().all(|one| one.lane.is_none()) {
        return Ok(Vec::new());
    }
    let budgets = budget::all(app.db.read()).await?;
    let room = if least_urgent == Lane::Resync { HashMap::new() } else { room(&all, &budgets) };
    let paused = |one: &Waiting| {
        let whom = [account(one), pauses::shop(&one.shop_domain)];
        whom.iter().any(|whom| app.pauses.left(whom).is_some())
    };
    let callable: Vec<Waiting> = all.into_iter().filter(|one| !paused(one)).collect();
    let (shares, full) = work::share(places, &callable, room, account);
    for whom in full {
        budget::press(app, &whom, budgets.get(&whom)).await?;
    }
    claimed::<synced_order::Entity>(app, shares, least_urgent).await
}

/// Claims pulls for so many `places`.
///
/// # Errors
/// When the database fails.
pub async fn pulls(app: &App, places: usize) -> Result<Vec<(Lease, pull::Model)>, DbErr> {
    if places == 0 {
        return Ok(Vec::new());
    }
    let now = app.clock.now();
    let waiting = work::waiting::<pull::Entity>(app.db.read(), Lane::Backfill, now).await?;
    let (shares, _) = work::share(places, &waiting, HashMap::new(), account);
    claimed::<pull::Entity>(app, shares, Lane::Backfill).await
}

/// Claims these shares. What was claimed is visited, also where the database fails the next share.
async fn claimed<E: Due>(app: &App, shares: Vec<Share>, least_urgent: Lane) -> Result<Vec<(Lease, E::Model)>, DbErr> {
    let mut claimed = Vec::new();
    for share in shares {
        match work::claim_share::<E>(app.db.write(), share, least_urgent, app.clock.now()).await {
            Ok(rows) => claimed.extend(rows),
            Err(e) if claimed.is_empty() => return Err(e),
            Err(e) => {
                app.db.failed(&e);
                break;
            }
        }
    }
    Ok(claimed)
}

/// What each account takes beside what is at work already.
fn room(all: &[Waiting], budgets: &HashMap<String, call_budget::Model>) -> HashMap<String, i64> {
    let mut room = HashMap::new();
    for one in all {
        let whom = account(one);
        let at_once = budgets.get(&whom).map_or(budget::FIRST, |budget| budget.at_once);
        *room.entry(whom).or_insert_with(|| i64::from(at_once)) -= one.busy;
    }
    room
}

fn account(one: &Waiting) -> String {
    pauses::account(one.account_id.as_deref().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use entity::{
        connection::{Column, Entity, Status},
        ids::ConnectionId,
    };
    use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, sea_query::Expr};
    use tempfile::TempDir;

    use super::*;
    use crate::{
        auth::Actor,
        connection::{self, New},
        mapping::Settings,
        order::{self, Mark, Told},
        worker::tests::app,
    };

    struct World {
        app: App,
        connections: Vec<ConnectionId>,
        _directory: TempDir,
    }

    /// Active connections, one for each of these accounts.
    async fn world(accounts: &[&str]) -> World {
        let (app, directory) = app().await;
        let mut connections = Vec::new();
        for (number, account) in accounts.iter().enumerate() {
            let domain = format!("shop-{number}.myshopify.com");
            let new = New { name: domain.clone(), shop_domain: domain, settings: Settings::default() };
            let id = connection::create(&app, &Actor::system("test"), new).await.unwrap().id;
            Entity::update_many()
                .filter(Column::Id.eq(id))
                .col_expr(Column::Status, Expr::value(Status::Active))
                .col_expr(Column::AccountId, Expr::value(*account))
                .exec(app.db.write())
                .await
                .unwrap();
            connections.push(id);
        }
        World { app, connections, _directory: directory }
    }

    impl World {
        async fn announce(&self, connection: usize, numbers: std::ops::Range<i64>, lane: Lane) {
            let told: Vec<Told> = numbers.map(|number| Told { number, version: None }).collect();
            let (now, mark) = (self.app.clock.now(), Mark::new(lane, "test", &Actor::system("test")));
            let txn = self.app.db.begin_write().await.unwrap();
            order::announce(&txn, self.connections[connection], &told, &mark, now, now).await.unwrap();
            txn.commit().await.unwrap();
        }

        /// The numbers of the orders claimed of each connection.
        async fn claim(&self, places: usize, least_urgent: Lane) -> Vec<Vec<i64>> {
            let mut claimed = vec![Vec::new(); self.connections.len()];
            for (_, row) in orders(&self.app, places, least_urgent).await.unwrap() {
                let index = self.connections.iter().position(|id| *id == row.connection_id).unwrap();
                claimed[index].push(row.shopify_order_id);
            }
            claimed
        }
    }

    #[tokio::test]
    async fn a_noisy_connection_takes_no_more_than_its_share() {
        let world = world(&["A", "B"]).await;
        world.announce(0, 0..500, Lane::Webhook).await;
        assert_eq!(world.claim(2, Lane::Backfill).await, [vec![0, 1], vec![]]);
        world.announce(1, 1000..1003, Lane::Backfill).await;
        assert_eq!(
            world.claim(4, Lane::Backfill).await,
            [vec![2], vec![1000, 1001, 1002]],
            "to the one that has none at work"
        );
    }

    #[tokio::test]
    async fn within_a_connection_the_more_urgent_lane_goes_first() {
        let world = world(&["A"]).await;
        world.announce(0, 0..5, Lane::Backfill).await;
        world.announce(0, 5..7, Lane::Pull).await;
        world.announce(0, 7..8, Lane::Webhook).await;
        assert_eq!(world.claim(3, Lane::Backfill).await, [vec![7, 5, 6]]);
    }

    #[tokio::test]
    async fn an_account_is_not_worked_on_more_than_it_takes_and_is_felt_for_more() {
        let world = world(&["A", "A"]).await;
        let app = &world.app;
        world.announce(0, 0..50, Lane::Webhook).await;
        world.announce(1, 1000..1050, Lane::Webhook).await;
        let at_once = |claimed: Vec<Vec<i64>>| claimed.iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(at_once(world.claim(8, Lane::Backfill).await), [2, 2], "of one account, four in all");
        assert_eq!(at_once(world.claim(8, Lane::Backfill).await), [0, 0]);
        // A lease that nobody renews is a dead process's: its place is free long before its row is.
        app.clock.advance(TimeDelta::seconds(11));
        assert_eq!(at_once(world.claim(8, Lane::Backfill).await), [2, 2]);
        assert_eq!(
            at_once(world.claim(8, Lane::Backfill).await).iter().sum::<usize>(),
            1,
            "one more: nothing was refused"
        );
        assert_eq!(at_once(world.claim(8, Lane::Backfill).await), [0, 0]);
        // A person does not wait for that.
        world.announce(1, 2000..2001, Lane::Resync).await;
        assert_eq!(world.claim(1, Lane::Resync).await, [vec![], vec![2000]]);
    }

    #[tokio::test]
    async fn who_asked_us_to_slow_down_is_left_alone_by_all_processes_and_worked_on_less_at_once() {
        let world = world(&["A", "B"]).await;
        let app = &world.app;
        let other = App::on(app.db.clone(), app.config.clone(), app.clock.clone()).unwrap();
        world.announce(0, 0..50, Lane::Webhook).await;
        world.announce(0, 50..51, Lane::Resync).await;
        world.announce(1, 1000..1002, Lane::Webhook).await;
        for _ in 0..5 {
            app.pauses.refused(&pauses::account("A"), Some(std::time::Duration::from_secs(7)));
        }
        budget::exchange(app).await.unwrap();
        budget::exchange(&other).await.unwrap();
        assert!(orders(&other, 8, Lane::Backfill).await.unwrap().iter().all(|(_, row)| row.shopify_order_id >= 1000));
        assert!(orders(app, 8, Lane::Resync).await.unwrap().is_empty(), "nor for a person");
        app.clock.advance(TimeDelta::seconds(7));
        assert_eq!(world.claim(8, Lane::Backfill).await[0].len(), 2, "half of four, though it was refused five times");
    }

    #[tokio::test]
    async fn a_shop_that_asked_us_to_slow_down_is_left_alone_too() {
        let world = world(&["A"]).await;
        world.announce(0, 0..5, Lane::Webhook).await;
        let shop = pauses::shop("shop-0.myshopify.com");
        world.app.pauses.refused(&shop, Some(std::time::Duration::from_secs(60)));
        assert!(orders(&world.app, 8, Lane::Backfill).await.unwrap().is_empty());
        world.app.clock.advance(TimeDelta::seconds(60));
        assert_eq!(world.claim(8, Lane::Backfill).await[0].len(), 4);
    }
}
