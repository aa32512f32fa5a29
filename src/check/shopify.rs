//! The Shopify end: the shop, what it allows the app, and how long the grant lasts.

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use entity::{
    connection::Model as Connection,
    platform_grant::{Kind, Model as Grant, Platform},
};

use super::{
    Error,
    seen::{Closed, Glance, SHOPIFY_OBSTACLES, Seen, Told, grant_of, refused, token},
};
use crate::{
    alert::{Action, Severity},
    app::App,
    authorize, connection as connections,
    grant::{self, Used},
    mapping::settings::Basis,
    problem::{Owner, Problem},
    shopify::{self, Access, ApiVersion, People, Shop, ShopState, model::ShopInfo},
};

/// How long before its end a refresh token is cause for alarm: it would have been replaced long before.
const REFRESH_DYING: TimeDelta = TimeDelta::days(14);
/// How long before Shopify refuses a kind of token people are told.
const DEADLINE_NEAR: TimeDelta = TimeDelta::days(60);
/// How long before a version of the API may end it is warned of.
const VERSION_NEAR: TimeDelta = TimeDelta::days(60);

pub(super) const TOKEN_KIND: &str = "TOKEN_KIND";
pub(super) const REFRESH_ENDS: &str = "REFRESH_ENDS";

/// One call that needs all that a sync needs.
pub(super) async fn glance(app: &App, row: &Connection, used: &Used) -> Result<Glance, Error> {
    let token = match token(app, row, Platform::Shopify, used).await? {
        Ok(token) => token,
        Err(Closed::NotYet) => return Ok(Glance::Silent),
        Err(_) => return Ok(Glance::Wrong),
    };
    Ok(match app.shopify.shop(&row.shop_domain, token).people().await {
        Ok(_) => Glance::Fine,
        Err(error) if is_silence(&error) => Glance::Silent,
        Err(_) => Glance::Wrong,
    })
}

/// The whole end.
pub(super) async fn look(app: &App, row: &Connection, used: &Used) -> Result<Seen, Error> {
    let mut seen = Seen::new(Platform::Shopify);
    match enter(app, row, used, &mut seen).await? {
        Ok(Some((shop, info))) => {
            seen.passed("shopifyToken", "Shopify accepts the token.");
            seen.passed("shopifyShop", format!("The shop {} is open.", info.name));
            seen.over.extend(&SHOPIFY_OBSTACLES[..3]);
            currency(row, &info, &mut seen)?;
            time_zone(app, row, &info, &mut seen).await?;
            match shop.access().await {
                Ok(access) => allowed(app, row, &access, &shop, used, &mut seen).await?,
                Err(error) => {
                    seen.unknown("shopifyScopes", format!("Shopify did not say what it has allowed: {error}."))
                }
            }
            match shop.api_versions().await {
                Ok(versions) => version(&app.config.shopify_api_version, &versions, app.clock.now(), &mut seen),
                Err(error) => seen.unknown("shopifyApiVersion", format!("Shopify did not list its versions: {error}.")),
            }
            if let Some(grant) = grant_of(app, row.id, Platform::Shopify, used).await? {
                lasts(&grant, app.clock.now(), &mut seen);
            }
        }
        Ok(None) => {}
        Err(closed) => closed.tell(&mut seen, "shopifyToken", "shopifyScopes"),
    }
    seen.rest("Could not be found out this time.");
    Ok(seen)
}

/// The shop, behind the cheapest call, which needs no scope; `None` when it did not let us in, and has been told.
async fn enter(
    app: &App,
    row: &Connection,
    used: &Used,
    seen: &mut Seen,
) -> Result<Result<Option<(Shop, ShopInfo)>, Closed>, Error> {
    // Once more with a newer token, where there is one.
    for _ in 0..2 {
        let token = match token(app, row, Platform::Shopify, used).await? {
            Ok(token) => token,
            Err(closed) => return Ok(Err(closed)),
        };
        let shop = app.shopify.shop(&row.shop_domain, token);
        match shop.info().await {
            Ok(info) => return Ok(Ok(Some((shop, info)))),
            Err(shopify::Error::Unauthorized | shopify::Error::NonExpiringToken) => {
                if let Err(closed) = refused(app, row, Platform::Shopify, used).await? {
                    return Ok(Err(closed));
                }
            }
            Err(shopify::Error::ShopUnavailable { state, .. }) => {
                seen.unknown("shopifyToken", "Not asked: the shop does not answer.");
                seen.blocked("shopifyShop", unavailable(state));
                return Ok(Ok(None));
            }
            // Nothing that a scope or an approval could be missing for was asked.
            Err(shopify::Error::Forbidden(_)) => {
                seen.unknown("shopifyToken", "Not asked: the shop does not answer.");
                seen.blocked("shopifyShop", gone());
                return Ok(Ok(None));
            }
            Err(error) => {
                seen.unknown("shopifyToken", format!("Shopify did not answer as it should: {error}."));
                return Ok(Ok(None));
            }
        }
    }
    Ok(Err(Closed::NotYet))
}

fn unavailable(state: ShopState) -> Problem {
    match state {
        ShopState::Frozen => Problem::new(
            Owner::Merchant,
            "SHOP_FROZEN",
            "Shopify has frozen the shop: its bill is unpaid (HTTP 402).",
            "Settle the bill in the shop's admin, under Settings, Billing. The sync goes on by itself within a day, or at once with pingConnection.",
        ),
        ShopState::Locked => Problem::new(
            Owner::Merchant,
            "SHOP_LOCKED",
            "Shopify has locked the shop (HTTP 423).",
            "Ask Shopify's support why; once it is unlocked the sync goes on by itself within a day, or at once with pingConnection.",
        ),
        ShopState::Unknown => gone(),
    }
}

fn gone() -> Problem {
    Problem::new(
        Owner::Merchant,
        "SHOP_GONE",
        "Shopify no longer serves this shop: it was closed, or there is none of this name.",
        "Reopen the shop, or disconnect the connection. If the shop is open: MLC_SHOPIFY_API_VERSION or MLC_SHOPIFY_URL is wrong.",
    )
}

/// Scopes, what they show, and the plan.
async fn allowed(
    app: &App,
    row: &Connection,
    access: &Access,
    shop: &Shop,
    used: &Used,
    seen: &mut Seen,
) -> Result<(), Error> {
    plan(access, seen);
    let missing = authorize::missing(&access.scopes.join(","));
    if !missing.is_empty() {
        let problem = authorize::scope_missing(&missing);
        seen.failed("shopifyScopes", &problem);
        seen.rest("Not asked: scopes are missing.");
        seen.short = grant_of(app, row.id, Platform::Shopify, used).await?.map(|grant| (grant, problem));
        return Ok(());
    }
    seen.passed("shopifyScopes", format!("Allowed: {}.", access.scopes.join(", ")));
    if access.scopes.iter().any(|scope| scope == "read_all_orders") {
        seen.passed("shopifyOrderHistory", "All orders are shown, however old.");
    } else {
        seen.warning(
            "shopifyOrderHistory",
            "Only orders of the last 60 days are shown: the scope read_all_orders is missing. Older ones cannot be pulled or resynced.",
            Owner::Merchant,
            "if older orders matter, request read_all_orders for the app and authorize again.",
        );
    }
    match shop.people().await {
        Ok(people) => {
            seen.over.push("PROTECTED_DATA");
            personal(people, seen);
        }
        Err(shopify::Error::ProtectedData(_)) => seen.blocked(
            "shopifyProtectedData",
            Problem::new(
                Owner::Merchant,
                "PROTECTED_DATA",
                "Shopify shows this app no orders: it has no access to protected customer data.",
                "Request it for the app (level 1, and the fields name, address, e-mail and phone), then pingConnection.",
            ),
        ),
        Err(error) => {
            seen.unknown("shopifyProtectedData", format!("Shopify did not show the newest orders: {error}."));
        }
    }
    Ok(())
}

/// Whether people come with their orders. A customer may have no e-mail address; that none of several has a name tells more.
fn personal(people: People, seen: &mut Seen) {
    let People { customers, named, with_email, addresses, with_street } = people;
    let mut hidden = Vec::new();
    if customers > 0 && named == 0 {
        hidden.push("names");
    }
    if customers > 0 && with_email == 0 {
        hidden.push("e-mail addresses");
    }
    if addresses > 0 && with_street == 0 {
        hidden.push("streets and postal codes");
    }
    if customers == 0 && addresses == 0 {
        seen.unknown(
            "shopifyProtectedData",
            "Orders are shown. None of the newest has a customer by whom to tell the rest.",
        );
    } else if hidden.is_empty() {
        seen.passed("shopifyProtectedData", "Orders are shown, and their customers with them.");
    } else {
        seen.warning(
            "shopifyProtectedData",
            format!("None of the newest orders shows {}: clients and invoices are made without.", hidden.join(", ")),
            Owner::Merchant,
            "the app probably lacks access to these fields of protected customer data (level 2): request each of them.",
        );
    }
}

fn plan(access: &Access, seen: &mut Seen) {
    let named = format!("The shop is on the plan {}.", access.plan);
    if access.development {
        seen.warning(
            "shopifyPlan",
            format!("{named} It is a development store: its orders are no real sales."),
            Owner::Accountant,
            "take care that its invoices go to a business that is for trials as well.",
        );
    } else if matches!(access.plan.as_str(), "Paused" | "Inactive") {
        seen.warning(
            "shopifyPlan",
            named,
            Owner::Merchant,
            "no new orders come while the shop rests; nothing else is to be done.",
        );
    } else {
        seen.passed("shopifyPlan", named);
    }
}

/// How long the grant can be used.
fn lasts(grant: &Grant, now: DateTime<Utc>, seen: &mut Seen) {
    kind(grant, now, seen);
    let Some(ends) = grant.refresh_expires_at.filter(|_| grant.refresh_token.is_some()) else {
        seen.passed("shopifyRefresh", "The grant needs no refresh token, or has one that does not end.");
        seen.alert(REFRESH_ENDS, None);
        return;
    };
    if ends - REFRESH_DYING > now {
        seen.passed(
            "shopifyRefresh",
            format!("Its refresh token is good until {}, and replaced whenever it is used.", day(ends)),
        );
        seen.alert(REFRESH_ENDS, None);
        return;
    }
    let problem = Problem::new(
        Owner::Operator,
        REFRESH_ENDS,
        format!("The refresh token for Shopify ends on {}: it has not been replaced for long.", day(ends)),
        "See why tokens are not renewed (the alerts APP_CREDENTIALS and TOKEN_NOT_RENEWED, the log); after that day the shop must be authorized again.",
    );
    if ends > now {
        seen.warned("shopifyRefresh", &problem)
    } else {
        seen.failed("shopifyRefresh", &problem)
    }
    tell(seen, REFRESH_ENDS, problem);
}

fn kind(grant: &Grant, now: DateTime<Utc>, seen: &mut Seen) {
    let Some(deadline) = grant::refused_from(grant) else {
        seen.passed(
            "shopifyTokenKind",
            match grant.kind {
                Kind::CustomApp => "The token of a custom app: it does not end, and Shopify goes on taking it.",
                Kind::ClientCredentials => "A token for a day, asked for anew by the app's own credentials.",
                Kind::Authorization => "A token that ends soon and is renewed by itself.",
            },
        );
        seen.alert(TOKEN_KIND, None);
        return;
    };
    let problem = Problem::new(
        Owner::Merchant,
        TOKEN_KIND,
        format!("The token never ends: from {} on Shopify refuses such tokens of public apps.", day(deadline)),
        "Authorize the shop again before, with the link of authorizeShopify.",
    );
    if now < deadline {
        seen.warned("shopifyTokenKind", &problem)
    } else {
        seen.failed("shopifyTokenKind", &problem)
    }
    if now + DEADLINE_NEAR >= deadline {
        tell(seen, TOKEN_KIND, problem);
    }
}

fn tell(seen: &mut Seen, code: &'static str, problem: Problem) {
    let told = Told { severity: Severity::Warning, problem, action: Some(Action::AuthorizeShopify) };
    seen.alert(code, Some(told));
}

/// A stable version lives for a year at least.
fn version(ours: &str, versions: &[ApiVersion], now: DateTime<Utc>, seen: &mut Seen) {
    let update = "update this service; MLC_SHOPIFY_API_VERSION should only be set where somebody knows why.";
    let listed = versions.iter().find(|version| version.handle == ours);
    let ends = until(ours);
    match (listed, ends) {
        (Some(listed), Some(ends)) if listed.supported && ends - VERSION_NEAR > now => {
            seen.passed("shopifyApiVersion", format!("Version {ours} is supported, until {} at least.", day(ends)));
        }
        (Some(listed), Some(ends)) if listed.supported => seen.warning(
            "shopifyApiVersion",
            format!("Version {ours} is supported, but only until {} for sure.", day(ends)),
            Owner::Operator,
            update,
        ),
        (Some(_), _) => seen.warning(
            "shopifyApiVersion",
            format!("Version {ours} is not a stable version."),
            Owner::Operator,
            update,
        ),
        (None, _) => seen.warning(
            "shopifyApiVersion",
            format!("Version {ours} is no longer supported: Shopify answers by its oldest one, which may mean other things by the same words."),
            Owner::Operator,
            update,
        ),
    }
}

/// A year after a version such as `2026-10` came.
fn until(version: &str) -> Option<DateTime<Utc>> {
    let came: NaiveDate = format!("{version}-01").parse().ok()?;
    Some(came.with_year(came.year() + 1)?.and_hms_opt(17, 0, 0)?.and_utc())
}

fn currency(row: &Connection, info: &ShopInfo, seen: &mut Seen) -> Result<(), Error> {
    let shop = info.currency_code.code();
    let basis = connections::settings(row)?.currency;
    let Some(home) = row.business_currency.as_deref() else {
        seen.unknown("currency", format!("The shop sells in {shop}; the home currency of the business is not known."));
        return Ok(());
    };
    let documents = match basis {
        Basis::Shop => format!("documents are in the shop's currency, {shop} (setting currency: SHOP)"),
        Basis::Presentment => {
            "each document is in the currency that its buyer paid in (setting currency: PRESENTMENT)".to_owned()
        }
    };
    if shop == home {
        seen.passed("currency", format!("Shop and business both keep {shop}; {documents}."));
    } else {
        seen.warning(
            "currency",
            format!("The shop keeps {shop}, the business {home}; {documents}."),
            Owner::Accountant,
            "FreshBooks keeps foreign documents in their own currency and its reports convert them. No setting changes the business's home currency.",
        );
    }
    Ok(())
}

async fn time_zone(app: &App, row: &Connection, info: &ShopInfo, seen: &mut Seen) -> Result<(), Error> {
    let (zone, known) = (info.iana_timezone.as_str(), row.shop_time_zone.as_deref().unwrap_or_default());
    if zone.parse::<Tz>().is_err() {
        seen.warning(
            "timeZone",
            format!("The shop's time zone {zone} is not known here: documents go on to be dated by {known}."),
            Owner::Operator,
            "update this service, or let the shop choose another zone.",
        );
        return Ok(());
    }
    match connections::shop_seen(app, row.id, info).await {
        Ok(_) => {}
        Err(connections::Error::AnotherShop(shop)) => {
            seen.unknown("timeZone", format!("The address {shop} answers for another shop now."));
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    }
    if zone == known {
        seen.passed("timeZone", format!("Documents are dated by the days of {zone}, as the shop's own."));
    } else {
        seen.warning(
            "timeZone",
            format!("The shop has moved from {known} to {zone}: new documents are dated by the days of {zone}, schedules go by its clocks."),
            Owner::Accountant,
            "nothing to do; documents that are booked keep their dates. This warning is gone at the next look.",
        );
    }
    Ok(())
}

fn day(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d").to_string()
}

/// Nothing was said about the shop or the app.
fn is_silence(error: &shopify::Error) -> bool {
    use shopify::Error::{BulkInProgress, Malformed, Throttled, Unavailable, Unknown};
    matches!(error, Throttled { .. } | Unavailable(_) | Unknown(_) | Malformed(_) | BulkInProgress)
}

#[cfg(test)]
mod tests {
    use entity::reference_check::Outcome;

    use super::*;

    fn outcome(seen: &Seen, name: &str) -> (Outcome, String) {
        let finding = seen.in_order().find(|finding| finding.name == name).unwrap();
        (finding.outcome, finding.detail.clone())
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_version_is_warned_of_before_its_year_is_over() {
        let versions = ["2026-10", "unstable"]
            .map(|handle| ApiVersion { handle: handle.to_owned(), supported: handle != "unstable" });
        let judged = |ours: &str, now: &str| {
            let mut seen = Seen::new(Platform::Shopify);
            version(ours, &versions, at(now), &mut seen);
            outcome(&seen, "shopifyApiVersion")
        };
        assert_eq!(judged("2026-10", "2026-11-27T00:00:00Z").0, Outcome::Passed);
        assert!(judged("2026-10", "2026-11-27T00:00:00Z").1.contains("2027-10-01"));
        assert_eq!(judged("2026-10", "2027-09-01T00:00:00Z").0, Outcome::Warning);
        assert_eq!(judged("unstable", "2026-11-27T00:00:00Z").0, Outcome::Warning);
        assert!(judged("2025-01", "2026-11-27T00:00:00Z").1.contains("no longer supported"));
    }

    #[test]
    fn what_none_of_several_customers_shows_is_probably_hidden() {
        let judged = |people: People| {
            let mut seen = Seen::new(Platform::Shopify);
            personal(people, &mut seen);
            outcome(&seen, "shopifyProtectedData")
        };
        assert_eq!(judged(People::default()).0, Outcome::Unknown);
        let shown = People { customers: 2, named: 1, with_email: 1, addresses: 1, with_street: 1 };
        assert_eq!(judged(shown).0, Outcome::Passed);
        let hidden = judged(People { named: 0, with_street: 0, ..shown });
        assert!(hidden.0 == Outcome::Warning && hidden.1.contains("names, streets"), "{}", hidden.1);
    }
}
