//! What people are told of webhooks: what was repaired, and what cannot be set up.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use entity::{
    ids::ConnectionId,
    platform_grant::Platform,
    webhook_subscription::{Model, State},
};
use sea_orm::ConnectionTrait;

use super::problem;
use crate::{
    alert::{self, Raise, Severity},
    grant::{self, title},
    problem::{Owner, Problem},
};

/// What had stood was found missing or wrong, and set right.
const REPAIRED: &str = "WEBHOOKS_REPAIRED";
/// What is wanted cannot be set up.
const FAILING: &str = "WEBHOOKS_FAILING";

/// What is told, one of each platform.
pub(crate) const ALERTS: [&str; 2] = [REPAIRED, FAILING];

/// What was wrong with a subscription that had stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// It was not there.
    Missing,
    /// It went elsewhere.
    Address,
    /// Somebody had limited what it sends.
    Limited,
    /// It spoke a version that is over.
    Version,
    /// The platform no longer took our address for proved.
    Unverified,
    /// Nobody here knew its secret.
    Secret,
}

impl Fault {
    fn words(self) -> &'static str {
        match self {
            Self::Missing => "were missing",
            Self::Address => "were sent to another address",
            Self::Limited => "were limited by a filter or to some fields",
            Self::Version => "were sent in a version of the API that is over",
            Self::Unverified => "were no longer verified",
            Self::Secret => "were signed with a secret that was not known here",
        }
    }
}

/// Tells what was found wrong and set right.
pub(super) async fn repaired(
    txn: &impl ConnectionTrait,
    id: ConnectionId,
    platform: Platform,
    repaired: &BTreeMap<String, Fault>,
    now: DateTime<Utc>,
) -> Result<(), alert::Error> {
    let mut by_fault: BTreeMap<Fault, Vec<&str>> = BTreeMap::new();
    for (topic, fault) in repaired {
        by_fault.entry(*fault).or_default().push(topic);
    }
    let found: Vec<String> =
        by_fault.iter().map(|(fault, topics)| format!("{} {}", topics.join(", "), fault.words())).collect();
    let title = title(platform);
    let why = match platform {
        Platform::Shopify => "Shopify deletes a webhook after eight failed deliveries in a row",
        Platform::Freshbooks => "a person may have changed them in FreshBooks' developer page",
    };
    let problem = Problem::new(
        Owner::Operator,
        REPAIRED,
        format!("Webhooks of {title} were found missing or wrong and were set up anew: {}.", found.join("; ")),
        format!(
            "Nothing is lost: scheduled pulls and the hourly look at the books bring what was not told. If it comes again, see that \
             MLC_PUBLIC_URL is reachable from the internet without a break, that its certificate is valid, and that no other program uses the \
             same app: {why}. It is over with the next look that finds all of them well."
        ),
    );
    raise(txn, id, platform, problem, now).await
}

/// All was found well.
pub(super) async fn nothing_to_repair(
    txn: &impl ConnectionTrait,
    id: ConnectionId,
    platform: Platform,
    now: DateTime<Utc>,
) -> Result<(), alert::Error> {
    alert::resolve(txn, id, REPAIRED, grant::name(platform), now).await.map(drop)
}

/// Tells what cannot be set up, or that all is.
pub(super) async fn standing(
    txn: &impl ConnectionTrait,
    id: ConnectionId,
    platform: Platform,
    rows: &[Model],
    now: DateTime<Utc>,
) -> Result<(), alert::Error> {
    let failing: Vec<&Model> = rows.iter().filter(|row| row.state == State::Failing).collect();
    if let Some(first) = failing.iter().find_map(|row| problem(row)) {
        let Problem { message, hint, owner, .. } = first;
        let topics: Vec<&str> = failing.iter().map(|row| row.topic.as_str()).collect();
        let message = format!(
            "{} of {} webhooks of {} cannot be set up ({}). {message}",
            failing.len(),
            rows.len(),
            title(platform),
            topics.join(", ")
        );
        let hint = format!(
            "{hint} Orders are synced all the same: by the scheduled pull, up to its interval later. Tried again every hour by itself."
        );
        return raise(txn, id, platform, Problem { code: FAILING.to_owned(), message, hint, owner }, now).await;
    }
    if rows.iter().all(|row| row.state == State::Active) {
        alert::resolve(txn, id, FAILING, grant::name(platform), now).await?;
    }
    Ok(())
}

async fn raise(
    txn: &impl ConnectionTrait,
    connection: ConnectionId,
    platform: Platform,
    problem: Problem,
    now: DateTime<Utc>,
) -> Result<(), alert::Error> {
    let subject = grant::name(platform);
    alert::raise(txn, Raise { connection, subject, severity: Severity::Warning, problem, action: None }, now).await
}

/// The platform does not accept the address.
pub(super) fn address_refused(platform: Platform, address: &str, said: &str) -> Problem {
    Problem::new(
        Owner::Operator,
        "ADDRESS_REFUSED",
        format!("{} does not accept the address {address}, which is made of MLC_PUBLIC_URL: {said}.", title(platform)),
        "Set MLC_PUBLIC_URL to an https address with a public name, under which the internet reaches this service, and restart it.",
    )
}

/// Nothing that came could be checked.
pub(super) fn no_secret() -> Problem {
    Problem::new(
        Owner::Operator,
        "SECRET_MISSING",
        "The secret of the Shopify app is not known here: whether a delivery is Shopify's could not be checked, so none is asked for.",
        "Set MLC_SHOPIFY_CLIENT_ID and MLC_SHOPIFY_CLIENT_SECRET to those of the app whose token the connection uses (for a custom app: its \
         API key and its API secret key), and restart the service.",
    )
}

/// The platform does not allow it.
pub(super) fn not_allowed(platform: Platform, said: &str) -> Problem {
    let (owner, hint) = match platform {
        Platform::Shopify => (
            Owner::Merchant,
            "See that the app has the scopes read_orders and read_customers and its access to protected customer data, then authorize \
             Shopify again.",
        ),
        Platform::Freshbooks => (
            Owner::Accountant,
            "See that the login is still owner, admin or manager of the business and that the app has all scopes, then authorize \
             FreshBooks again.",
        ),
    };
    let message = format!("{} does not allow these webhooks: {said}.", title(platform));
    Problem::new(owner, "NOT_ALLOWED", message, hint)
}

/// The platform does not want it, for another reason.
pub(super) fn refused(platform: Platform, said: &str) -> Problem {
    Problem::new(
        Owner::Operator,
        "REFUSED",
        format!("{} did not accept what it was asked for: {said}.", title(platform)),
        "See whether a newer version of this service knows better, and report it otherwise.",
    )
}

/// No verifier came in time.
pub(super) fn not_verified(address: &str) -> Problem {
    Problem::new(
        Owner::Operator,
        "NOT_VERIFIED",
        format!("FreshBooks' test message to {address} did not arrive here, so FreshBooks sends nothing there."),
        "Open MLC_PUBLIC_URL with /healthz at its end from outside your network: it must answer over https, with a valid certificate. A \
         proxy or firewall in front must let POST requests under /webhooks/ through without a login.",
    )
}

/// FreshBooks did not take what came for its own.
pub(super) fn not_confirmed(said: &str) -> Problem {
    Problem::new(
        Owner::Platform,
        "NOT_VERIFIED",
        format!("FreshBooks' test messages arrive, but FreshBooks does not confirm them: {said}."),
        "See FreshBooks' status page. If it lasts for a day, ask FreshBooks' support about callbacks that cannot be verified.",
    )
}
