//! A graceful stop, whatever is in flight: ten seconds at most, and the next start finishes what was begun.

use std::time::Duration;

use entity::synced_order;
use ml_connector::{
    auth::{Actor, Role},
    pull as pulls,
    sandbox::{
        faults::{Failure, Moment},
        shopify::Options,
    },
};
use serde_json::json;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::{
    harness::{TestApp, World, mugs},
    person::{global, try_ask_at},
    service::{Service, Start, until},
};

/// Longer than anybody waits.
const LATE: Failure = Failure::Late(Duration::from_secs(60));

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_in_flight_it_ends_within_ten_seconds_and_the_next_start_finishes_it() {
    let shopify = Options { orders: (1001..1004).map(mugs).collect(), ..Options::default() };
    let app = TestApp::in_world(World { shopify, ..World::default() }).await;
    app.listen().await;
    let service = Service::ready(&app, Start { log: "info", ..Start::default() }).await;

    // A write that FreshBooks has carried out and does not answer, a result of Shopify's that does not come.
    app.freshbooks.faults.add(Some("CreateInvoice"), 0, 1, Moment::After, LATE);
    app.shopify.faults.add(Some("bulk:download"), 0, 1, Moment::After, LATE);
    app.shopify.place(mugs(1010));
    service.ring(&app).await;
    pulls::request(&app.app, &Actor::system("test"), app.connection, None, None).await.unwrap();
    let called = |call: &'static str| {
        let (books, shop) = (&app.freshbooks.faults, &app.shopify.faults);
        async move { books.calls().contains_key(call) || shop.calls().contains_key(call) }
    };
    until(|| called("CreateInvoice")).await;
    until(|| called("bulk:download")).await;
    // A question whose answer hangs on Shopify, and requests that their senders never finish.
    app.shopify.faults.add(Some("graphql:Orders"), 0, 1, Moment::Before, LATE);
    let before = app.shopify.faults.calls()["graphql:Orders"];
    let preview =
        "query($c: ID!) { previewOrder(connectionId: $c, shopifyOrderId: \"6000000001001\") { problem { code } } }";
    let (url, ours) = (service.url("graphql"), global(&app));
    let asking = try_ask_at(&app, &url, Role::Admin, preview, json!({"c": ours}));
    let stopping = async {
        until(|| async { app.shopify.faults.calls()["graphql:Orders"] > before }).await;
        let mut unfinished = Vec::new();
        for begun in [
            "POST /webhooks/shopify HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{",
            "POST /webhooks/shopify HTTP/1.1\r\nHost: x\r\nContent-Le",
            "",
        ] {
            let address = url.trim_start_matches("http://").trim_end_matches("/graphql");
            let mut sender = TcpStream::connect(address).await.unwrap();
            sender.write_all(begun.as_bytes()).await.unwrap();
            unfinished.push(sender);
        }
        let ended = service.stop().await;
        drop(unfinished);
        ended
    };
    let (answer, (log, took)) = tokio::join!(asking, stopping);
    assert!(answer.is_err(), "it was gone before it could answer");
    println!("it took {took:?}");
    // Ten seconds are always used up here; the rest is for a busy machine.
    assert!(took < Duration::from_secs(14), "{took:?}: {log}");
    assert!(log.contains("something was still running after ten seconds"), "{log}");

    app.shopify.faults.clear();
    let service = Service::start(&app);
    until(|| async { app.at_rest().await }).await;
    drop(service);
    assert_eq!(app.calls()["CreateInvoice"], 4, "the first one was found");
    assert!(app.states().await.values().all(|(state, _)| *state == synced_order::State::Synced));
    app.end().await;
}
