//! The main job: orders become invoices, payments and audit entries.

use entity::synced_order::State;
use ml_connector::sandbox::shopify::{Options, build, sample_store};

use crate::harness::{TestApp, World, mugs};

#[tokio::test]
async fn a_paid_order_becomes_one_paid_invoice() {
    let app = TestApp::start().await;
    app.shopify.place(mugs(1001));
    app.pull().await;
    assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"]);
    assert_eq!(app.order("#1001").await.state, State::Synced);
    app.end().await;
}

#[tokio::test]
async fn the_whole_sample_store_ends_to_the_cent_with_nothing_unexplained() {
    let shopify = Options { orders: sample_store(120), restore_rate: 1000, bucket: 20_000, ..Options::default() };
    let app = TestApp::in_world(World { shopify, ..World::default() }).await;
    app.pull().await;
    let states = app.states().await;
    assert_eq!(states.len(), 120);
    let unexplained: Vec<_> =
        states.iter().filter(|(_, (state, _))| !matches!(state, State::Synced | State::Skipped)).collect();
    assert!(unexplained.is_empty(), "{unexplained:#?}");
    app.end().await;
}
