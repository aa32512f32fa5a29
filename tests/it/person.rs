//! Somebody with a browser, and what an admin asks by the API: for tests that connect a shop.

use entity::{
    connection::{self},
    ids::ConnectionId,
    platform_grant::Platform,
};
use ml_connector::{
    auth::{Actor, Principal, Role, Verifier},
    authorize,
    connection::New,
    mapping::Settings,
};
use sea_orm::EntityTrait;
use serde_json::{Value, json};
use url::Url;

use crate::harness::{SHOP, TestApp, World};

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
pub(crate) fn link_in(page: &str) -> String {
    let (_, rest) = page.split_once("href=\"").unwrap_or_else(|| panic!("no link in {page}"));
    rest.split('"').next().unwrap().replace("&amp;", "&")
}

pub(crate) async fn only_connection(app: &TestApp) -> connection::Model {
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

/// A pending connection, as an admin makes it.
pub(crate) async fn pending(app: &mut TestApp) -> ConnectionId {
    let new = New { name: "Test".to_owned(), shop_domain: SHOP.to_owned(), settings: Settings::default() };
    let row = ml_connector::connection::create(&app.app, &Actor::system("test"), new).await.unwrap();
    app.connection = row.id;
    row.id
}

pub(crate) async fn freshbooks_link(app: &TestApp) -> String {
    authorize::link(&app.app, &app.connection().await, Platform::Freshbooks).unwrap().into()
}

pub(crate) fn global(app: &TestApp) -> String {
    ml_connector::graphql::connection_id(app.connection)
}

/// The data that an admin is answered.
pub(crate) async fn ask(app: &TestApp, query: &str, variables: Value) -> Value {
    let answer = ask_as(app, Role::Admin, query, variables).await;
    assert!(answer.get("errors").is_none(), "{answer:#}");
    answer["data"].clone()
}

/// The whole answer that somebody of this role gets.
pub(crate) async fn ask_as(app: &TestApp, role: Role, query: &str, variables: Value) -> Value {
    ask_at(app, &format!("{}graphql", app.app.config.public_url), role, query, variables).await
}

/// The same of another process.
pub(crate) async fn ask_at(app: &TestApp, address: &str, role: Role, query: &str, variables: Value) -> Value {
    try_ask_at(app, address, role, query, variables).await.unwrap()
}

/// The same of one that may be gone before it answers.
pub(crate) async fn try_ask_at(
    app: &TestApp,
    address: &str,
    role: Role,
    query: &str,
    variables: Value,
) -> reqwest::Result<Value> {
    let verifier = Verifier::from_config(&app.app.config).unwrap();
    let somebody = Principal { subject: "ada".to_owned(), role, connections: None };
    let token = verifier.issue(&somebody, chrono::TimeDelta::hours(1), app.app.clock.now()).unwrap();
    http()
        .post(address)
        .bearer_auth(token)
        .json(&json!({ "query": query, "variables": variables }))
        .send()
        .await?
        .json()
        .await
}
