//! The digest: one message per firing in the whole fleet, and none where nothing is open.

use chrono::TimeDelta;
use ml_connector::{alert::digest, app::App, schedule};

use super::Told;

/// Every noon, and two replicas that share nothing but the database and the time.
async fn fleet() -> (Told, App) {
    let told = Told::with(|config| config.alert_digest_cron = Some("0 0 12 * * *".to_owned())).await;
    let other = App::new(told.app.app.config.clone(), told.app.app.clock.clone()).await.unwrap();
    (told, other)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_sends_one_digest_per_firing_and_makes_up_for_the_last_one_only() {
    let (told, other) = fleet().await;
    let app = told.app.app.clone();
    told.raise("shopify").await;
    told.raise("freshbooks").await;
    told.drain().await;
    assert_eq!(told.webhook.states(), ["open", "open"]);
    // The setting is new: yesterday's firing was never meant.
    assert!(!digest::fire(&app, app.clock.now()).await.unwrap());
    for days in [1, 3] {
        app.clock.advance(TimeDelta::days(days));
        let fire = |app: App| tokio::spawn(async move { digest::fire(&app, app.clock.now()).await.unwrap() });
        let firing: Vec<_> = (0..4).flat_map(|_| [fire(app.clone()), fire(other.clone())]).collect();
        let mut won = 0;
        for fired in firing {
            won += usize::from(fired.await.unwrap());
        }
        assert_eq!(won, 1);
        told.drain().await;
        ml_connector::worker::drain(&other).await.unwrap();
    }
    assert_eq!(told.webhook.states(), ["open", "open", "digest", "digest"]);
    let posted = &told.webhook.accepted()[2];
    assert_eq!(posted.body["openAlerts"], 2);
    let subjects: Vec<_> = posted.body["alerts"].as_array().unwrap().iter().map(|alert| &alert["link"]).collect();
    assert!(subjects.len() == 2 && subjects.iter().all(|link| link.is_string()), "{subjects:?}");
    assert_eq!(told.mail.subjects()[2..], ["[ml-connector] 2 alerts are open", "[ml-connector] 2 alerts are open"]);
    assert!(told.mail.mails()[2].contains("oauth/shopify/install"));

    told.resolve("shopify").await;
    told.resolve("freshbooks").await;
    told.drain().await;
    app.clock.advance(TimeDelta::days(1));
    assert!(schedule::fire_due(&other).await.unwrap() >= 1, "the heartbeat fires it");
    told.drain().await;
    assert_eq!(told.webhook.states().len(), 6, "nothing is open");
    assert!(other.stopped().await);
    told.app.end().await;
}

#[tokio::test]
async fn a_digest_that_fails_is_tried_again_where_it_failed() {
    let (told, _) = fleet().await;
    let app = &told.app.app;
    told.raise("shopify").await;
    told.drain().await;
    digest::fire(app, app.clock.now()).await.unwrap();
    app.clock.advance(TimeDelta::days(1));
    assert!(digest::fire(app, app.clock.now()).await.unwrap());
    told.mail.refuse(3);
    told.app.settle().await;
    assert_eq!((told.webhook.states(), told.mail.mails().len()), (vec!["open".to_owned(), "digest".to_owned()], 2));
    told.app.end().await;
}
