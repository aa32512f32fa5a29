//! Grants, from the link to the page at the end: both platforms, every way in, every way it can fail.

use entity::{
    connection::{self, Status},
    ids::ConnectionId,
    oauth_state,
    platform_grant::{Kind, Platform},
};
use ml_connector::{
    auth::{Actor, Principal, Role, Verifier},
    authorize,
    connection::New,
    grant,
    mapping::Settings,
    sandbox::{
        faults::{Failure, Moment},
        freshbooks, shopify,
    },
};
use sea_orm::EntityTrait;
use serde_json::{Value, json};
use url::Url;

use crate::harness::{SHOP, TestApp, World, mugs};

/// Somebody with a browser: goes where it is sent, keeps the one cookie that the connector gives.
#[derive(Default)]
pub(crate) struct Person {
    cookie: Option<String>,
}

/// Where a person ends up.
#[derive(Debug)]
pub(crate) struct Landed {
    pub(crate) status: u16,
    pub(crate) page: String,
}

impl Person {
    /// Opens an address and follows wherever it leads.
    pub(crate) async fn open(&mut self, url: &str) -> Landed {
        let mut url: Url = url.parse().unwrap();
        for _ in 0..10 {
            match self.step(&url).await {
                Ok(next) => url = next,
                Err(landed) => return landed,
            }
        }
        panic!("it leads round and round");
    }

    /// One request: where it leads, or what it shows.
    pub(crate) async fn step(&mut self, url: &Url) -> Result<Url, Landed> {
        let ours = url.path().starts_with("/oauth/") && url.path() != "/oauth/authorize";
        let mut request = http().get(url.clone());
        if let Some(cookie) = self.cookie.as_ref().filter(|_| ours) {
            request = request.header("cookie", format!("other=1; {cookie}"));
        }
        let answer = request.send().await.unwrap();
        if let Some(cookie) = answer.headers().get("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
            self.cookie = Some(cookie.split(';').next().unwrap().to_owned());
        }
        match answer.headers().get("location") {
            Some(next) => Ok(url.join(next.to_str().unwrap()).unwrap()),
            None => {
                let status = answer.status().as_u16();
                Err(Landed { status, page: answer.text().await.unwrap() })
            }
        }
    }

    /// What the cookie holds.
    pub(crate) fn cookie_value(&self) -> Option<String> {
        Some(self.cookie.as_ref()?.split_once('=')?.1.to_owned())
    }

    /// Follows an install up to the callback, and returns its address without opening it.
    pub(crate) async fn callback(&mut self, link: &str) -> Url {
        let mut url: Url = link.parse().unwrap();
        while !url.path().ends_with("/callback") {
            url = self.step(&url).await.unwrap_or_else(|landed| panic!("{landed:?}"));
        }
        url
    }
}

/// Goes nowhere by itself, and does not wait for ever.
pub(crate) fn http() -> reqwest::Client {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    client.timeout(std::time::Duration::from_secs(30)).build().unwrap()
}

/// Nobody has connected anything yet.
pub(crate) fn unconnected() -> World {
    World { connected: false, ..World::default() }
}

pub(crate) fn install_link(app: &TestApp) -> String {
    authorize::shopify_link(&app.app, SHOP).into()
}

/// The link in the page's markup that leads on.
fn link_in(page: &str) -> String {
    let (_, rest) = page.split_once("href=\"").unwrap_or_else(|| panic!("no link in {page}"));
    rest.split('"').next().unwrap().replace("&amp;", "&")
}

async fn only_connection(app: &TestApp) -> connection::Model {
    let mut all = connection::Entity::find().all(app.app.db.read()).await.unwrap();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

/// Both ends by the browser, as a merchant who finds the app does it.
pub(crate) async fn connect_by_browser(app: &mut TestApp, person: &mut Person) -> connection::Model {
    let installed = person.open(&install_link(app)).await;
    assert_eq!(installed.status, 200, "{}", installed.page);
    let done = person.open(&link_in(&installed.page)).await;
    assert_eq!(done.status, 200, "{}", done.page);
    let row = only_connection(app).await;
    app.connection = row.id;
    app.quiet().await;
    row
}

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
async fn disconnecting_needs_no_answer_of_freshbooks() {
    let mut app = TestApp::in_world(unconnected()).await;
    connect_by_browser(&mut app, &mut Person::default()).await;
    app.freshbooks.faults.add(Some("Revoke"), 0, 2, Moment::Before, Failure::Drop);
    authorize::disconnect(&app.app, &Actor::system("test"), app.connection).await.unwrap();
    app.quiet().await;
    assert_eq!(app.connection().await.status, Status::Disconnected);
    assert!(grant::list(app.app.db.read(), app.connection).await.unwrap().is_empty());
    let trail = entity::audit_entry::Entity::find().all(app.app.db.read()).await.unwrap();
    let said: Vec<_> =
        trail.iter().rev().take(2).map(|entry| (entry.action.as_str(), entry.message.as_str())).collect();
    assert_eq!((said[1].0, said[0].0), ("disconnect", "revoke"));
    assert!(said[0].1.contains("did not confirm"), "{said:?}");
    app.end().await;
}

#[tokio::test]
async fn of_two_admins_who_choose_at_once_one_decides() {
    let books = freshbooks::Options {
        more_businesses: vec![freshbooks::Business::new(77, "Second Ltd", Some("SbX8r2"))],
        ..freshbooks::Options::default()
    };
    let mut app = TestApp::in_world(World { freshbooks: books, ..unconnected() }).await;
    connect_by_browser(&mut app, &mut Person::default()).await;
    let choose = async |business| {
        ml_connector::connection::select_business(&app.app, &Actor::system("test"), app.connection, business).await
    };
    let (one, other) = tokio::join!(choose(77), choose(14_700_001));
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    let chosen = if one.is_ok() { 77 } else { 14_700_001 };
    assert_eq!(app.connection().await.business_id, Some(chosen));
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

/// A pending connection, as an admin makes it.
pub(crate) async fn pending(app: &mut TestApp) -> ConnectionId {
    let new = New { name: "Test".to_owned(), shop_domain: SHOP.to_owned(), settings: Settings::default() };
    let row = ml_connector::connection::create(&app.app, &Actor::system("test"), new).await.unwrap();
    app.connection = row.id;
    row.id
}

async fn freshbooks_link(app: &TestApp) -> String {
    authorize::link(&app.app, &app.connection().await, Platform::Freshbooks).unwrap().into()
}

#[tokio::test]
async fn a_freshbooks_link_that_was_changed_or_is_over_leads_nowhere() {
    let mut app = TestApp::in_world(unconnected()).await;
    pending(&mut app).await;
    let link = freshbooks_link(&app).await;
    let mut wrong = link.clone();
    wrong.truncate(link.len() - 2);
    for link in [wrong.as_str(), &format!("{}oauth/freshbooks/authorize", app.app.config.public_url)] {
        let landed = Person::default().open(link).await;
        assert_eq!(landed.status, 400);
        assert!(landed.page.contains("LINK_OVER"), "{}", landed.page);
    }
    app.app.clock.advance(chrono::TimeDelta::days(31));
    assert!(Person::default().open(&link).await.page.contains("LINK_OVER"));
    app.end().await;
}

#[tokio::test]
async fn a_login_with_several_businesses_waits_for_a_choice() {
    let books = freshbooks::Options {
        more_businesses: vec![freshbooks::Business::new(77, "Second Ltd", Some("SbX8r2"))],
        ..freshbooks::Options::default()
    };
    let mut app = TestApp::in_world(World { freshbooks: books, ..unconnected() }).await;
    let mut person = Person::default();
    let row = connect_by_browser(&mut app, &mut person).await;
    assert_eq!((row.status, row.account_id), (Status::Pending, None));
    let query = "query($id: ID!) { connection(id: $id) { freshbooks { businesses { id name currencyCode } } } }";
    let id = global(&app);
    let data = ask(&app, query, json!({ "id": id })).await;
    assert_eq!(data["connection"]["freshbooks"]["businesses"][1]["name"], "Second Ltd");
    let select = "mutation($input: SelectFreshbooksBusinessInput!) { selectFreshbooksBusiness(input: $input) {
        connection { status freshbooks { businessName businesses { id } } } userErrors { field code } } }";
    let of = |business: &str| json!({ "input": { "connectionId": id, "businessId": business } });
    let data = ask(&app, select, of("78")).await;
    assert_eq!(data["selectFreshbooksBusiness"]["userErrors"][0]["code"], "NOT_FOUND");
    let data = ask(&app, select, of("77")).await;
    let connection = &data["selectFreshbooksBusiness"]["connection"];
    assert_eq!(
        (&connection["status"], &connection["freshbooks"]["businessName"]),
        (&json!("ACTIVE"), &json!("Second Ltd"))
    );
    let data = ask(&app, select, of("14700001")).await;
    assert_eq!(data["selectFreshbooksBusiness"]["userErrors"][0]["code"], "TAKEN", "books are not moved");
    app.end().await;
}

#[tokio::test]
async fn a_login_that_may_not_write_is_refused_with_the_reason_and_its_tokens_given_back() {
    for (change, reason) in [("role", "client"), ("subscription", "cancelled"), ("none", "keeps no books")] {
        let mut books = freshbooks::Options::default();
        match change {
            "role" => books.role = "client".to_owned(),
            "subscription" => books.subscription = "cancelled".to_owned(),
            _ => books.role = "client".to_owned(),
        }
        if change == "none" {
            books.more_businesses = vec![freshbooks::Business::new(77, "Bookless Ltd", None)];
        }
        let mut app = TestApp::in_world(World { freshbooks: books, ..unconnected() }).await;
        pending(&mut app).await;
        let landed = Person::default().open(&freshbooks_link(&app).await).await;
        assert_eq!(landed.status, 400, "{}", landed.page);
        assert!(landed.page.contains("NO_BUSINESS") && landed.page.contains(reason), "{}", landed.page);
        assert!(grant::list(app.app.db.read(), app.connection).await.unwrap().is_empty());
        assert_eq!(app.calls().get("Revoke"), Some(&2), "{:?}", app.calls());
        app.end().await;
    }
}

#[tokio::test]
async fn a_connection_stays_with_its_books_whoever_authorizes_again() {
    let mut app = TestApp::in_world(unconnected()).await;
    let mut person = Person::default();
    let row = connect_by_browser(&mut app, &mut person).await;
    use sea_orm::{ColumnTrait, QueryFilter};
    // As if its documents were in the books of another business.
    connection::Entity::update_many()
        .filter(connection::Column::Id.eq(row.id))
        .col_expr(connection::Column::AccountId, "Other1".into())
        .col_expr(connection::Column::BusinessName, "Other Ltd".into())
        .exec(app.app.db.write())
        .await
        .unwrap();
    let before = grant::find(app.app.db.read(), row.id, Platform::Freshbooks).await.unwrap();
    let landed = person.open(&freshbooks_link(&app).await).await;
    assert!(landed.page.contains("ANOTHER_ACCOUNT") && landed.page.contains("Other Ltd"), "{}", landed.page);
    assert_eq!(grant::find(app.app.db.read(), row.id, Platform::Freshbooks).await.unwrap(), before);
    app.database.remove().await;
}

#[tokio::test]
async fn a_person_who_says_no_at_freshbooks_reads_so() {
    let mut app = TestApp::in_world(unconnected()).await;
    pending(&mut app).await;
    let mut person = Person::default();
    let mut callback = person.callback(&freshbooks_link(&app).await).await;
    let state = callback.query_pairs().find(|(key, _)| key == "state").unwrap().1.into_owned();
    callback.query_pairs_mut().clear().append_pair("error", "access_denied").append_pair("state", &state);
    let landed = person.step(&callback).await.unwrap_err();
    assert!(landed.page.contains("DECLINED"), "{}", landed.page);
    app.end().await;
}

pub(crate) fn global(app: &TestApp) -> String {
    ml_connector::graphql::connection_id(app.connection)
}

/// The data that an admin is answered.
pub(crate) async fn ask(app: &TestApp, query: &str, variables: Value) -> Value {
    let verifier = Verifier::from_config(&app.app.config).unwrap();
    let admin = Principal { subject: "ada".to_owned(), role: Role::Admin, connections: None };
    let token = verifier.issue(&admin, chrono::TimeDelta::hours(1), app.app.clock.now()).unwrap();
    let answer: Value = http()
        .post(format!("{}graphql", app.app.config.public_url))
        .bearer_auth(token)
        .json(&json!({ "query": query, "variables": variables }))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert!(answer.get("errors").is_none(), "{answer:#}");
    answer["data"].clone()
}

#[tokio::test]
async fn an_admin_connects_a_shop_by_a_custom_apps_token_step_by_step() {
    let mut app = TestApp::in_world(unconnected()).await;
    app.shopify.place(mugs(1001));
    let create = "mutation { createConnection(input: { name: \"Mugs\", shopDomain: \"https://sandbox-store.myshopify.com/admin\" }) {
        connection { id status } userErrors { field message code } } }";
    let made = ask(&app, create, json!({})).await["createConnection"].clone();
    assert_eq!(made["connection"]["status"], "PENDING", "{made:#}");
    let id = made["connection"]["id"].clone();
    let again = ask(&app, create, json!({})).await;
    assert_eq!(again["createConnection"]["userErrors"][0]["code"], "TAKEN");

    let token = "mutation($id: ID!, $token: String!) { useShopifyToken(input: { connectionId: $id, token: $token }) {
        connection { shopify { status kind shopName authorizeBy } } userErrors { field message code } } }";
    let wrong = ask(&app, token, json!({ "id": id, "token": "shpat_wrong" })).await;
    assert_eq!(wrong["useShopifyToken"]["userErrors"][0]["code"], "INVALID");
    assert!(!wrong.to_string().contains("shpat_wrong"), "a token is not repeated");
    let right = ask(&app, token, json!({ "id": id, "token": "shpat_sandbox" })).await;
    let shopify = &right["useShopifyToken"]["connection"]["shopify"];
    assert_eq!((&shopify["status"], &shopify["kind"]), (&json!("GRANTED"), &json!("CUSTOM_APP")), "{right:#}");
    assert_eq!(shopify["authorizeBy"], Value::Null);

    let link = "mutation($id: ID!) { authorizeFreshbooks(input: { connectionId: $id }) { authorizationUrl userErrors { message } } }";
    let link = ask(&app, link, json!({ "id": id })).await["authorizeFreshbooks"]["authorizationUrl"].clone();
    let landed = Person::default().open(link.as_str().unwrap()).await;
    assert_eq!(landed.status, 200, "{}", landed.page);
    app.connection = only_connection(&app).await.id;
    app.pull().await;
    assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"]);
    app.end().await;
}

#[tokio::test]
async fn an_app_of_the_shops_own_is_let_in_by_its_credentials_for_as_long_as_they_are_good() {
    let store = shopify::Options { own_store: true, ..shopify::Options::default() };
    let mut app = TestApp::in_world(World { shopify: store.clone(), ..unconnected() }).await;
    app.shopify.install();
    pending(&mut app).await;
    let query = "mutation($id: ID!, $client: String!, $secret: String!) {
        useShopifyClientCredentials(input: { connectionId: $id, clientId: $client, clientSecret: $secret }) {
            connection { shopify { kind expiresAt } } userErrors { field message code } } }";
    let with = |secret: &str| json!({ "id": global(&app), "client": store.client_id, "secret": secret });
    let wrong = ask(&app, query, with("shpss_wrong")).await;
    assert_eq!(wrong["useShopifyClientCredentials"]["userErrors"][0]["code"], "INVALID");
    let right = ask(&app, query, with(&store.client_secrets[0])).await;
    let shopify = &right["useShopifyClientCredentials"]["connection"]["shopify"];
    assert_eq!(shopify["kind"], "CLIENT_CREDENTIALS", "{right:#}");
    Person::default().open(&freshbooks_link(&app).await).await;
    app.quiet().await;
    assert_eq!(app.connection().await.status, Status::Active);
    // A day later the token is over, and asked for again.
    app.app.clock.advance(chrono::TimeDelta::hours(25));
    app.shopify.place(mugs(1001));
    app.pull().await;
    assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"]);
    assert_eq!(app.shopify.token_requests().get("client_credentials"), Some(&3), "{:?}", app.shopify.token_requests());
    app.end().await;
}

#[tokio::test]
async fn pausing_stops_and_disconnecting_revokes_and_both_can_be_taken_back() {
    let mut app = TestApp::in_world(unconnected()).await;
    let mut person = Person::default();
    connect_by_browser(&mut app, &mut person).await;
    let change = async |mutation: &str| {
        let input = format!("{}{}Input!", mutation[..1].to_uppercase(), &mutation[1..]);
        let query = format!(
            "mutation($input: {input}) {{ {mutation}(input: $input) {{ connection {{ status }} userErrors {{ message }} }} }}"
        );
        ask(&app, &query, json!({ "input": { "connectionId": global(&app) } })).await[mutation]["connection"]["status"]
            .clone()
    };
    assert_eq!(change("pauseConnection").await, "PAUSED");
    app.shopify.place(mugs(1001));
    app.pull_until_stopped().await;
    assert!(app.invoices_of("#1001").is_empty());
    assert_eq!(change("resumeConnection").await, "ACTIVE");
    app.settle().await;
    assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"]);
    assert_eq!(change("disconnectConnection").await, "DISCONNECTED");
    app.quiet().await;
    assert!(grant::list(app.app.db.read(), app.connection).await.unwrap().is_empty());
    assert_eq!(app.freshbooks.tokens(), (None, None), "revoked over there");
    assert_eq!(change("resumeConnection").await, Value::Null, "somebody must authorize first");
    // The same connection is taken up again, with its links: nothing is booked twice.
    person.open(&install_link(&app)).await;
    let landed = person.open(&freshbooks_link(&app).await).await;
    assert_eq!(landed.status, 200, "{}", landed.page);
    assert_eq!(app.connection().await.status, Status::Active);
    app.pull().await;
    assert_eq!(app.invoices_of("#1001"), ["32.77 CAD, paid"]);
    app.end().await;
}
