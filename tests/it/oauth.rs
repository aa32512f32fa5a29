//! Shopify's grant, from the link to the page at the end, and every way it can fail.

use entity::{
    connection::{self, Status},
    oauth_state,
    platform_grant::{Kind, Platform},
};
use ml_connector::{
    grant,
    sandbox::{
        faults::{Failure, Moment},
        shopify,
    },
};
use sea_orm::EntityTrait;
use url::Url;

use crate::{
    harness::{SHOP, TestApp, World, mugs},
    person::{Landed, Person, connect_by_browser, install_link, link_in, only_connection, unconnected},
};

#[tokio::test]
async fn a_merchant_connects_both_ends_in_the_browser_and_orders_are_synced() {
    let mut app = TestApp::in_world(unconnected()).await;
    app.shopify.place(mugs(1001));
    let mut person = Person::default();
    let installed = person.open(&install_link(&app)).await;
    assert_eq!(installed.status, 200, "{}", installed.page);
    assert!(installed.page.contains("Shopify is connected") && installed.page.contains("Sandbox Store"));
    let row = only_connection(&app).await;
    assert_eq!((row.status, row.shop_domain.as_str(), row.name.as_str()), (Status::Pending, SHOP, "Sandbox Store"));
    let done = person.open(&link_in(&installed.page)).await;
    assert_eq!(done.status, 200, "{}", done.page);
    assert!(done.page.contains("FreshBooks is connected") && done.page.contains("Sandbox Books"), "{}", done.page);
    let row = only_connection(&app).await;
    app.connection = row.id;
    assert_eq!((row.status, row.business_currency.as_deref()), (Status::Active, Some("CAD")));
    let grants = grant::list(app.app.db.read(), row.id).await.unwrap();
    let shopify = grants.iter().find(|grant| grant.platform == Platform::Shopify).unwrap();
    assert_eq!(
        (shopify.kind, shopify.scopes.as_str()),
        (Kind::Authorization, "read_orders,read_all_orders,read_customers")
    );
    assert!(grants.iter().all(|grant| grant.refresh_token.is_some() && grant.expires_at.is_some()));
    assert!(oauth_state::Entity::find().all(app.app.db.read()).await.unwrap().is_empty(), "nothing is left under way");
    app.pull().await;
    assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"]);
    app.end().await;
}

#[tokio::test]
async fn an_install_from_the_shops_admin_is_taken_when_shopify_signed_it_and_refused_when_not() {
    let app = TestApp::in_world(World {
        shopify: shopify::Options { padded_host: true, ..shopify::Options::default() },
        ..unconnected()
    })
    .await;
    let base = app.app.config.public_url.clone();
    let now = app.app.clock.now().timestamp().to_string();
    let install = |query: &str| format!("{base}oauth/shopify/install?{query}");
    let query = app.shopify.signed_query(&[("shop", SHOP), ("timestamp", &now), ("host", "YWRtaW4=")]);
    assert_eq!(Person::default().open(&install(&query)).await.status, 200);
    for forged in [
        query.replace("sandbox-store", "other-store"),
        format!("{query}&extra=1"),
        query.replace("hmac=", "hmac=00"),
        format!("shop={SHOP}&timestamp={now}&hmac="),
        format!("shop={SHOP}&timestamp={now}&hmac=a&hmac=b"),
    ] {
        let landed = Person::default().open(&install(&forged)).await;
        assert_eq!(landed.status, 403, "{forged}");
        assert!(landed.page.contains("BAD_SIGNATURE"), "{}", landed.page);
    }
    let old = (app.app.clock.now().timestamp() - 100).to_string();
    let query = app.shopify.signed_query(&[("shop", SHOP), ("timestamp", &old)]);
    assert!(Person::default().open(&install(&query)).await.page.contains("OLD_SIGNATURE"));
    app.end().await;
}

#[tokio::test]
async fn what_is_no_shop_is_never_redirected_to() {
    let hosts = [
        "evil.example.com",
        "evil.example.com/.myshopify.com",
        "sandbox-store.myshopify.com.evil.example.com",
        "sandbox-store.myshopify.com@evil.example.com",
        "evil.example.com%23.myshopify.com",
        "evil.example.com%0a.myshopify.com",
        "-.myshopify.com",
        "a.b.myshopify.com",
        "",
        "sandbox-store.myshopify.com&shop=evil.myshopify.com",
    ];
    for path in ["install?", "callback?state=x&code=y&hmac=z&"] {
        let app = TestApp::in_world(unconnected()).await;
        for shop in hosts {
            let url = format!("{}oauth/shopify/{path}shop={shop}", app.app.config.public_url);
            let landed = Person::default().step(&url.parse().unwrap()).await.unwrap_err();
            assert_eq!(landed.status, 400, "{shop}");
            assert!(landed.page.contains("NOT_A_SHOP"), "{}", landed.page);
        }
        app.end().await;
    }
}

#[tokio::test]
async fn somebody_who_comes_too_often_waits() {
    let app = TestApp::in_world(unconnected()).await;
    let url: Url = install_link(&app).parse().unwrap();
    let mut person = Person::default();
    let mut limited = 0;
    for _ in 0..40 {
        if person.step(&url).await.is_err_and(|landed| landed.status == 429) {
            limited += 1;
        }
    }
    assert!((10..=20).contains(&limited), "{limited}");
    assert_eq!(reqwest::get(format!("{}healthz", app.app.config.public_url)).await.unwrap().status(), 200);
    app.end().await;
}

#[tokio::test]
async fn a_callback_is_good_once_in_the_browser_that_began_it_and_as_shopify_signed_it() {
    let app = TestApp::in_world(unconnected()).await;
    let mut person = Person::default();
    let callback = person.callback(&install_link(&app)).await;
    let code = |landed: Result<Url, Landed>| {
        let page = landed.unwrap_err().page;
        page.split("(Code: ").nth(1).map_or_else(|| page.clone(), |rest| rest.split(')').next().unwrap().to_owned())
    };
    assert_eq!(code(Person::default().step(&callback).await), "OTHER_BROWSER");
    let mut other = Person::default();
    other.callback(&install_link(&app)).await;
    assert_eq!(code(other.step(&callback).await), "OTHER_BROWSER");
    let changed = |name: &str, value: &str| {
        let pairs: Vec<(String, String)> = callback
            .query_pairs()
            .map(|(key, old)| (key.to_string(), if key == name { value.to_owned() } else { old.to_string() }))
            .collect();
        let mut url = callback.clone();
        url.query_pairs_mut().clear().extend_pairs(pairs);
        url
    };
    assert_eq!(code(person.step(&changed("code", "0000")).await), "BAD_SIGNATURE");
    assert_eq!(code(person.step(&changed("hmac", &"0".repeat(64))).await), "BAD_SIGNATURE");
    assert_eq!(code(person.step(&changed("state", "guessed")).await), "AUTHORIZATION_OVER");
    assert_eq!(code(person.step(&changed("shop", "other-store.myshopify.com")).await), "AUTHORIZATION_OVER");
    assert_eq!(person.step(&callback).await.unwrap_err().status, 200, "none of this has spent it");
    assert_eq!(code(person.step(&callback).await), "AUTHORIZATION_OVER", "replayed");

    let late = person.callback(&install_link(&app)).await;
    app.app.clock.advance(chrono::TimeDelta::minutes(16));
    assert_eq!(code(person.step(&late).await), "AUTHORIZATION_OVER");
    app.end().await;
}

#[tokio::test]
async fn a_code_that_shopify_does_not_take_and_an_answer_that_is_lost_connect_nothing() {
    let app = TestApp::in_world(unconnected()).await;
    let mut person = Person::default();
    app.shopify.faults.add(Some("oauth:token"), 0, 1, Moment::After, Failure::Drop);
    let lost = person.open(&install_link(&app)).await;
    assert_eq!(lost.status, 502);
    assert!(lost.page.contains("NO_ANSWER"), "{}", lost.page);
    assert!(connection::Entity::find().all(app.app.db.read()).await.unwrap().is_empty());
    assert_eq!(person.open(&install_link(&app)).await.status, 200, "a second try goes through");
    app.end().await;
}

#[tokio::test]
async fn a_shop_that_allows_less_than_is_needed_waits_for_another_consent() {
    let mut app = TestApp::in_world(unconnected()).await;
    app.shopify.set_grant_only(Some(vec!["read_orders".to_owned()]));
    let mut person = Person::default();
    let landed = person.open(&install_link(&app)).await;
    assert_eq!(landed.status, 400);
    assert!(landed.page.contains("SCOPE_MISSING") && landed.page.contains("read_customers"), "{}", landed.page);
    let row = only_connection(&app).await;
    assert_eq!(row.status, Status::NeedsReauthorization);
    app.shopify.set_grant_only(None);
    let row = connect_by_browser(&mut app, &mut person).await;
    assert_eq!(row.status, Status::Active);
    app.end().await;
}

#[tokio::test]
async fn a_shop_that_does_not_answer_right_after_its_consent_is_connected_all_the_same() {
    let mut app = TestApp::in_world(unconnected()).await;
    app.shopify.faults.add(Some("graphql:Shop"), 0, 3, Moment::Before, Failure::Status(502));
    let mut person = Person::default();
    let landed = person.open(&install_link(&app)).await;
    assert_eq!(landed.status, 200, "{}", landed.page);
    app.quiet().await;
    let row = only_connection(&app).await;
    assert_eq!(
        (row.shop_name.as_deref(), row.shop_time_zone.as_deref()),
        (Some("Sandbox Store"), Some("America/Toronto"))
    );
    assert_eq!(connect_by_browser(&mut app, &mut person).await.status, Status::Active);
    app.end().await;
}

#[tokio::test]
async fn somebody_who_hangs_up_while_shopify_answers_has_connected_all_the_same() {
    let app = TestApp::in_world(unconnected()).await;
    let mut person = Person::default();
    let callback = person.callback(&install_link(&app)).await;
    app.shopify.faults.add(
        Some("oauth:token"),
        0,
        1,
        Moment::After,
        Failure::Late(std::time::Duration::from_millis(400)),
    );
    let hung_up = tokio::time::timeout(std::time::Duration::from_millis(150), person.step(&callback)).await;
    assert!(hung_up.is_err(), "it was to be slow");
    app.quiet().await;
    let row = only_connection(&app).await;
    assert!(grant::find(app.app.db.read(), row.id, Platform::Shopify).await.unwrap().is_some());
    app.end().await;
}

#[tokio::test]
async fn while_a_secret_is_rotated_either_one_lets_shopify_in() {
    let (old, new) = ("shpss_old_old_old_old_old_old_old_old", "shpss_new_new_new_new_new_new_new_new");
    let store = shopify::Options {
        // Shopify signs with the oldest secret, and knows the new one already.
        client_secrets: vec![new.to_owned(), old.to_owned()],
        ..shopify::Options::default()
    };
    let mut app = TestApp::in_world(World { shopify: store, ..unconnected() }).await;
    let row = connect_by_browser(&mut app, &mut Person::default()).await;
    assert_eq!(row.status, Status::Active);
    app.end().await;
}
