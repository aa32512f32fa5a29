//! The work split over processes: one takes what comes in, others do the visits.

use std::time::{Duration, Instant};

use ml_connector::{auth::Role, sandbox::shopify::Options};
use serde_json::json;

use super::{on_postgres, small, until_synced, world};
use crate::{
    harness::mugs,
    person::{ask_at, global, http},
    service::{Service, Start},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_takes_what_comes_and_others_do_the_work() {
    if !on_postgres() {
        return;
    }
    let app = world(Options::default()).await;
    let web = Service::ready(&app, Start { role: "web", ..small() }).await;
    let workers = [
        Service::ready(&app, Start { role: "worker", ..small() }).await,
        Service::ready(&app, Start { role: "worker", ..small() }).await,
    ];
    let told = Instant::now();
    app.shopify.place(mugs(1001));
    web.ring(&app).await;
    until_synced(&app, 1).await;
    println!("told to the web process, in the books after {:?}", told.elapsed());
    assert!(told.elapsed() < Duration::from_secs(14), "nobody waited for a lease");
    for number in 1002..1011 {
        app.shopify.place(mugs(number));
    }
    web.ring(&app).await;
    until_synced(&app, 10).await;

    // What a person asks of it is done by the others as well.
    app.shopify.change(app.order("#1001").await.shopify_order_id.unsigned_abs(), |order| {
        order.shipping_address = None;
    });
    let resync = "mutation($c: ID!) { resyncOrder(input: {connectionId: $c, name: \"#1001\"}) { order { state } userErrors { message } } }";
    let answer = ask_at(&app, &web.url("graphql"), Role::Admin, resync, json!({"c": global(&app)})).await;
    assert!(answer.get("errors").is_none(), "{answer}");
    until_synced(&app, 10).await;
    assert_eq!(app.order("#1001").await.trigger, "resync");

    let figures = |service: &Service| {
        let url = service.url("metrics");
        async move { http().get(url).send().await.unwrap().text().await.unwrap() }
    };
    assert!(!figures(&web).await.contains("mlc_freshbooks_calls_total"), "it visits nobody");
    let mut visits = 0;
    for worker in &workers {
        visits += usize::from(figures(worker).await.contains("mlc_orders_settled_total"));
        assert_eq!(worker.get("graphql").await, Some(404));
        assert_eq!((worker.get("healthz").await, worker.get("readyz").await), (Some(200), Some(200)));
    }
    assert!(visits > 0);
    for service in workers.into_iter().chain([web]) {
        service.stop().await;
    }
    app.end().await;
}
