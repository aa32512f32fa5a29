//! Waits for the sample store to be in the books, with a bar on a terminal.

use std::{
    io::{IsTerminal, stderr},
    time::Duration,
};

use anyhow::bail;
use entity::{
    connection::Status,
    ids::{ConnectionId, PullId},
    pull, synced_order,
};
use indicatif::{ProgressBar, ProgressStyle};
use ml_connector::{app::App, connection as connections, pull as pulls};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

const LOOK: Duration = Duration::from_millis(200);

/// Returns when the pull has ended and no order is due any more.
pub(super) async fn wait(app: &App, connection: ConnectionId, pull: PullId) -> anyhow::Result<()> {
    let bar = bar();
    loop {
        let row = pulls::load(app.db.read(), pull).await?;
        let orders = || synced_order::Entity::find().filter(synced_order::Column::ConnectionId.eq(connection));
        let due = orders().filter(synced_order::Column::DueAt.is_not_null()).count(app.db.read()).await?;
        let known = orders().count(app.db.read()).await?;
        let total = row.announced_orders.and_then(|orders| u64::try_from(orders).ok()).unwrap_or(known).max(known);
        bar.set_length(total);
        bar.set_position(known - due.min(known));
        match row.state {
            pull::State::Waiting => bar.set_message("Shopify prepares the orders"),
            pull::State::Running if row.orders_seen == 0 => bar.set_message("Shopify prepares the orders"),
            pull::State::Running => bar.set_message(format!("{} orders read", row.orders_seen)),
            pull::State::Failed | pull::State::Cancelled => {
                let why = pulls::problem(&row).map(|problem| problem.to_string());
                bail!("the pull did not complete: {}", why.unwrap_or_else(|| "no reason was noted".to_owned()))
            }
            pull::State::Completed if due == 0 => break,
            pull::State::Completed => bar.set_message("all orders read"),
        }
        // Nothing of a connection that does not work is ever taken up: what is due stays due.
        match connections::load(app.db.read(), connection).await?.status {
            Status::Active => {}
            Status::NeedsReauthorization => {
                bail!(
                    "a platform no longer accepts the connection's token: it waits for a new authorization, and its orders with it"
                )
            }
            Status::Pending | Status::Paused | Status::Blocked | Status::Disconnected => {
                bail!("the connection was stopped while its orders were under way")
            }
        }
        tokio::select! {
            () = app.stop.cancelled() => bail!("interrupted"),
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    bar.finish_and_clear();
    Ok(())
}

fn bar() -> ProgressBar {
    if !stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} {pos}/{len} orders in FreshBooks [{bar:40}] {msg} {elapsed}");
    ProgressBar::no_length().with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
