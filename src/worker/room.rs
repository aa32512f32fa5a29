//! How many rows of whom are claimed: no connection beyond its fair share, no account beyond what it takes at once.

use std::collections::HashMap;

use entity::{call_budget, pull, synced_order};
use sea_orm::DbErr;

use crate::{
    app::App,
    budget, pauses,
    work::{self, Lane, Lease, Waiting},
};

/// Claims orders for so many `places`, none beyond `least_urgent`. An order that a person waits for has a place of its own: what its account
/// takes at once does not hold it up, only a pause does.
pub(super) async fn orders(
    app: &App,
    places: usize,
    least_urgent: Lane,
) -> Result<Vec<(Lease, synced_order::Model)>, DbErr> {
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
    let mut claimed = Vec::new();
    for share in shares {
        claimed.extend(work::claim_share::<synced_order::Entity>(app.db.write(), share, least_urgent, now).await?);
    }
    for whom in full {
        budget::press(app, &whom, budgets.get(&whom)).await?;
    }
    Ok(claimed)
}

/// Claims pulls for so many `places`.
pub(super) async fn pulls(app: &App, places: usize) -> Result<Vec<(Lease, pull::Model)>, DbErr> {
    if places == 0 {
        return Ok(Vec::new());
    }
    let now = app.clock.now();
    let waiting = work::waiting::<pull::Entity>(app.db.read(), Lane::Backfill, now).await?;
    let (shares, _) = work::share(places, &waiting, HashMap::new(), account);
    let mut claimed = Vec::new();
    for share in shares {
        claimed.extend(work::claim_share::<pull::Entity>(app.db.write(), share, Lane::Backfill, now).await?);
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
