//! One more order, which no pull brings: the simulated shop tells of it.

use std::time::{Duration, Instant};

use anyhow::bail;
use entity::synced_order::State;
use ml_connector::{
    order,
    sandbox::shopify::build,
    subscription::{self, Look},
};

use super::Running;

/// How long webhooks may take to be set up, and the order to be in the books.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// Waits until both platforms tell what happens, lets something happen, and waits until it is in the books. How long that took.
pub(super) async fn ring(running: &Running, number: i32) -> anyhow::Result<Duration> {
    let Running { shopify, app, connection, .. } = running;
    let began = Instant::now();
    loop {
        let looks = subscription::run(app, *connection).await?;
        if looks.iter().all(|look| matches!(look, Look::Seen { healthy: true, .. })) {
            break;
        }
        if began.elapsed() > PATIENCE {
            bail!("webhooks could not be set up: {looks:?}");
        }
        tokio::time::sleep(LOOK).await;
    }
    let sold = build::order(number)
        .line("Mug", "12.00", 2)
        .shipping("Standard", "5.00")
        .tax("HST", "0.13")
        .customer(build::customer(900_001, "Ada", "Example", "ada@example.com"))
        .paid("shopify_payments");
    let placed = Instant::now();
    let id = i64::try_from(shopify.place(sold).id)?;
    if tokio::time::timeout(PATIENCE, shopify.deliveries_done()).await.is_err() {
        bail!("the service did not take what the shop told");
    }
    while placed.elapsed() < PATIENCE {
        let row = order::find(app.db.read(), *connection, id).await?;
        if row.is_some_and(|row| row.state == State::Synced && row.due_at.is_none()) {
            break;
        }
        tokio::time::sleep(LOOK).await;
    }
    // What did not arrive is told by the report.
    Ok(placed.elapsed())
}
