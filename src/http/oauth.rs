//! Where a person's browser begins and ends a grant: the pages between the platforms' own.
//!
//! A redirect goes to the platform that the settings name, or to a shop of myshopify.com; never to a host that the request names.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{RawQuery, State},
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
    response::IntoResponse,
};
use entity::connection::{self, Status};
use tracing::{error, info};
use url::Url;

use super::{
    Web,
    page::{Outcome, Page},
};
use crate::{
    authorize::{self, Browser, Error, Granted},
    connection as connections,
    problem::Owner,
};

/// The cookie that ties a grant to the browser that began it. Over https under a name that no other host can set it by.
fn cookie_name(web: &Web) -> &'static str {
    if is_https(web) { "__Host-mlc_oauth" } else { "mlc_oauth" }
}

fn is_https(web: &Web) -> bool {
    web.app.config.public_url.scheme() == "https"
}

/// Seconds it is kept: longer than a grant may take.
const COOKIE_LIVES: u32 = 3_600;

/// `GET /oauth/shopify/install`.
pub(super) async fn install(
    State(web): State<Arc<Web>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response<Body> {
    let browser = browser(&web, &headers).unwrap_or_else(Browser::fresh);
    let next = authorize::begin_shopify(&web.app, &query.unwrap_or_default(), &browser).await;
    go(&web, next, &browser)
}

/// `GET /oauth/shopify/callback`.
pub(super) async fn installed(
    State(web): State<Arc<Web>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response<Body> {
    let browser = browser(&web, &headers);
    match authorize::end_shopify(&web.app, &query.unwrap_or_default(), browser.as_ref()).await {
        Ok(granted) => shopify_page(&granted).into_response(),
        Err(error) => failed(&error),
    }
}

/// `GET /oauth/freshbooks/authorize`.
pub(super) async fn consent(
    State(web): State<Arc<Web>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response<Body> {
    let browser = browser(&web, &headers).unwrap_or_else(Browser::fresh);
    let next = authorize::begin_freshbooks(&web.app, &query.unwrap_or_default(), &browser).await;
    go(&web, next, &browser)
}

/// `GET /oauth/freshbooks/callback`.
pub(super) async fn consented(
    State(web): State<Arc<Web>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response<Body> {
    let browser = browser(&web, &headers);
    match authorize::end_freshbooks(&web.app, &query.unwrap_or_default(), browser.as_ref()).await {
        Ok(granted) => freshbooks_page(&granted.connection).into_response(),
        Err(error) => failed(&error),
    }
}

/// The browser, by the cookie that it was given.
fn browser(web: &Web, headers: &HeaderMap) -> Option<Browser> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let ours = cookies.flat_map(|line| line.split(';')).find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == cookie_name(web)).then_some(value)
    })?;
    (ours.len() == 64 && ours.bytes().all(|b| b.is_ascii_hexdigit())).then(|| Browser::of(ours))
}

/// On to the platform, with the cookie that the way back needs.
fn go(web: &Web, next: Result<Url, Error>, browser: &Browser) -> Response<Body> {
    let next = match next {
        Ok(next) => next,
        Err(error) => return failed(&error),
    };
    let (name, secure) = (cookie_name(web), if is_https(web) { "; Secure" } else { "" });
    // Lax: the platform's redirect back is a navigation from another site.
    let cookie = format!("{name}={}; Path=/; Max-Age={COOKIE_LIVES}; HttpOnly; SameSite=Lax{secure}", browser.cookie());
    let (Ok(cookie), Ok(location)) = (HeaderValue::from_str(&cookie), HeaderValue::from_str(next.as_str())) else {
        return failed(&Error::NotAShop);
    };
    (StatusCode::SEE_OTHER, [(header::SET_COOKIE, cookie), (header::LOCATION, location)]).into_response()
}

fn shopify_page(granted: &Granted) -> Page {
    let row = &granted.connection;
    let shop = row.shop_name.as_deref().unwrap_or(&row.shop_domain);
    let (next, links) = match &granted.next {
        Some(next) => (
            "One step is left: allow ml-connector to write invoices in FreshBooks.",
            vec![("Go on to FreshBooks".to_owned(), next.to_string())],
        ),
        None => (standing(row), Vec::new()),
    };
    Page {
        title: "Shopify is connected".to_owned(),
        happened: vec![format!("{shop} ({}) lets ml-connector read its orders.", row.shop_domain)],
        next: vec![next.to_owned()],
        links,
        outcome: Outcome::Success,
    }
}

fn freshbooks_page(row: &connection::Model) -> Page {
    let shop = row.shop_name.as_deref().unwrap_or(&row.shop_domain);
    let (happened, next) = match &row.business_name {
        Some(business) => (format!("Orders of {shop} are booked in {business}."), standing(row)),
        None => {
            let names: Vec<String> = connections::businesses(row).into_iter().map(|business| business.name).collect();
            (
                format!("Your login opens these businesses: {}.", names.join(", ")),
                "An administrator of ml-connector now selects the one that the orders are booked in \
                 (selectFreshbooksBusiness; a second shop in one business needs an invoice number template of its own first).",
            )
        }
    };
    Page {
        title: "FreshBooks is connected".to_owned(),
        happened: vec![happened],
        next: vec![next.to_owned()],
        links: Vec::new(),
        outcome: Outcome::Success,
    }
}

/// What happens now.
fn standing(row: &connection::Model) -> &'static str {
    match row.status {
        Status::Active => {
            "Both ends are connected. Orders are synced by themselves from now on; you can close this page."
        }
        Status::Pending => "The other end is still to be authorized. You can close this page.",
        Status::Paused => "The connection is paused: an administrator resumes it. You can close this page.",
        Status::NeedsReauthorization => "The other end still needs to be authorized again. You can close this page.",
        Status::Blocked => "Something still stands in the way; an administrator sees what. You can close this page.",
        Status::Disconnected => "The connection is disconnected. You can close this page.",
    }
}

/// Says what went wrong, what to do, and who can do it.
fn failed(error: &Error) -> Response<Body> {
    let problem = error.problem();
    let status = match error {
        Error::NoAnswer(_) => StatusCode::BAD_GATEWAY,
        Error::NotConfigured(_) => StatusCode::SERVICE_UNAVAILABLE,
        Error::Unsigned | Error::OtherBrowser => StatusCode::FORBIDDEN,
        other if other.is_ours() => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    };
    if error.is_ours() {
        error!(error = error as &dyn std::error::Error, "a grant could not be ended");
    } else {
        info!(code = problem.code, "a grant was not given");
    }
    let turn = match problem.owner {
        Owner::Merchant => "You, or somebody who runs the shop, can mend this.",
        Owner::Accountant => "You, or somebody who keeps the books, can mend this.",
        Owner::Operator => "Whoever runs this service can mend this.",
        Owner::Platform => "This usually passes by itself.",
    };
    Page {
        title: "Not connected".to_owned(),
        happened: vec![problem.message],
        next: vec![problem.hint, format!("{turn} (Code: {})", problem.code)],
        links: Vec::new(),
        outcome: Outcome::Failure(status),
    }
    .into_response()
}
