//! What one end came to: findings, what stands in the way, whom to tell.

use entity::{
    connection::Model as Connection,
    ids::ConnectionId,
    platform_grant::{Model as Grant, Platform},
    reference_check::Outcome,
};
use secrecy::SecretString;

use super::Error;
use crate::{
    alert::{Action, Severity},
    app::App,
    grant::{self, Used, Verdict},
    problem::{Owner, Problem},
};

/// The names of Shopify's checks, in the order in which they are shown. Those of both ends are stable: people build on them.
pub(super) const SHOPIFY: [&str; 11] = [
    "shopifyToken",
    "shopifyShop",
    "shopifyScopes",
    "shopifyOrderHistory",
    "shopifyProtectedData",
    "shopifyPlan",
    "shopifyTokenKind",
    "shopifyRefresh",
    "shopifyApiVersion",
    "currency",
    "timeZone",
];

/// The same of FreshBooks.
pub(super) const FRESHBOOKS: [&str; 5] =
    ["freshbooksToken", "freshbooksRole", "freshbooksSubscription", "freshbooksScopes", "freshbooksPlanLimit"];

/// What Shopify can put in the way of all work.
pub(super) const SHOPIFY_OBSTACLES: [&str; 4] = ["SHOP_FROZEN", "SHOP_LOCKED", "SHOP_GONE", "PROTECTED_DATA"];

/// The same of FreshBooks; all of them begin so.
pub(super) const FRESHBOOKS_OBSTACLES: [&str; 2] = ["FRESHBOOKS_ROLE", "FRESHBOOKS_INACTIVE"];

/// What one call shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Glance {
    /// Nothing stands in the way.
    Fine,
    /// Something does: worth a whole look.
    Wrong,
    /// Nobody knows.
    Silent,
}

/// One thing that was looked at.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) name: &'static str,
    pub(super) outcome: Outcome,
    pub(super) detail: String,
    pub(super) hint: String,
}

/// What people are told while it lasts.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) severity: Severity,
    pub(super) problem: Problem,
    pub(super) action: Option<Action>,
}

/// What one end came to.
#[derive(Debug)]
pub(super) struct Seen {
    platform: Platform,
    findings: Vec<Finding>,
    alerts: Vec<(&'static str, Option<Told>)>,
    /// Stands in the way of all work.
    pub(super) obstacle: Option<Problem>,
    /// Codes of obstacles that are not there.
    pub(super) over: Vec<&'static str>,
    /// The grant that does not reach, and what it lacks.
    pub(super) short: Option<(Grant, Problem)>,
}

impl Seen {
    pub(super) fn new(platform: Platform) -> Self {
        Self { platform, findings: Vec::new(), alerts: Vec::new(), obstacle: None, over: Vec::new(), short: None }
    }

    /// An end that has not answered in time.
    pub(super) fn silent(platform: Platform) -> Self {
        let mut seen = Self::new(platform);
        seen.rest("It did not answer in time.");
        seen
    }

    pub(super) fn passed(&mut self, name: &'static str, detail: impl Into<String>) {
        self.push(name, Outcome::Passed, detail.into(), String::new());
    }

    pub(super) fn warning(&mut self, name: &'static str, detail: impl Into<String>, owner: Owner, hint: &str) {
        self.push(name, Outcome::Warning, detail.into(), turn(owner, hint));
    }

    /// A warning that people are told of as well.
    pub(super) fn warned(&mut self, name: &'static str, problem: &Problem) {
        self.push(name, Outcome::Warning, problem.message.clone(), turn(problem.owner, &problem.hint));
    }

    pub(super) fn failed(&mut self, name: &'static str, problem: &Problem) {
        self.push(name, Outcome::Failed, problem.message.clone(), turn(problem.owner, &problem.hint));
    }

    pub(super) fn unknown(&mut self, name: &'static str, detail: impl Into<String>) {
        self.push(name, Outcome::Unknown, detail.into(), String::new());
    }

    /// A failure that stops the connection.
    pub(super) fn blocked(&mut self, name: &'static str, problem: Problem) {
        self.failed(name, &problem);
        self.obstacle.get_or_insert(problem);
    }

    /// Whatever was not found out, for one reason.
    pub(super) fn rest(&mut self, why: &str) {
        for name in self.names() {
            if !self.findings.iter().any(|finding| finding.name == *name) {
                self.unknown(name, why);
            }
        }
    }

    /// Tells people, or that it is over.
    pub(super) fn alert(&mut self, code: &'static str, told: Option<Told>) {
        self.alerts.push((code, told));
    }

    pub(super) fn alerts(&self) -> impl Iterator<Item = (Platform, &'static str, Option<&Told>)> {
        self.alerts.iter().map(|(code, told)| (self.platform, *code, told.as_ref()))
    }

    /// The findings as they are shown.
    pub(super) fn in_order(&self) -> impl Iterator<Item = &Finding> {
        self.names().iter().filter_map(|name| self.findings.iter().find(|finding| finding.name == *name))
    }

    /// Whether all is known that could stand in the way.
    pub(super) fn is_sure(&self) -> bool {
        let obstacles = match self.platform {
            Platform::Shopify => &SHOPIFY_OBSTACLES[..],
            Platform::Freshbooks => &FRESHBOOKS_OBSTACLES[..],
        };
        self.obstacle.is_some() || obstacles.iter().all(|code| self.over.contains(code))
    }

    fn names(&self) -> &'static [&'static str] {
        match self.platform {
            Platform::Shopify => &SHOPIFY,
            Platform::Freshbooks => &FRESHBOOKS,
        }
    }

    fn push(&mut self, name: &'static str, outcome: Outcome, detail: String, hint: String) {
        self.findings.push(Finding { name, outcome, detail, hint });
    }
}

/// The remedy, addressed.
fn turn(owner: Owner, hint: &str) -> String {
    let whose = match owner {
        Owner::Merchant => "Whoever runs the shop: ",
        Owner::Accountant => "Whoever keeps the books: ",
        Owner::Operator => "Whoever runs this service: ",
        Owner::Platform => "",
    };
    format!("{whose}{hint}")
}

/// Why an end cannot be asked.
#[derive(Debug)]
pub(super) enum Closed {
    /// Nobody has authorized it.
    Missing,
    /// Only a person can authorize it again.
    Refused(Problem),
    /// Its token is over and could not be renewed yet.
    NotYet,
}

impl Closed {
    /// As findings of the end: about its token, or about what the token lacks.
    pub(super) fn tell(self, seen: &mut Seen, token: &'static str, scopes: &'static str) {
        match self {
            Self::Missing => {
                let (message, hint) = match seen.platform {
                    Platform::Shopify => (
                        "Nobody has authorized Shopify yet.",
                        "open the link of authorizeShopify; useShopifyToken and useShopifyClientCredentials are the other two ways.",
                    ),
                    Platform::Freshbooks => {
                        ("Nobody has authorized FreshBooks yet.", "open the link of authorizeFreshbooks.")
                    }
                };
                seen.push(token, Outcome::Failed, message.to_owned(), format!("An administrator: {hint}"));
                seen.rest("Not asked: nobody has authorized it yet.");
            }
            Self::Refused(problem) => {
                seen.failed(if problem.code == "SCOPE_MISSING" { scopes } else { token }, &problem);
                seen.rest("Not asked: it must be authorized again first.");
            }
            Self::NotYet => {
                seen.unknown(
                    token,
                    "The token has run out and could not be renewed yet; that is tried again by itself.",
                );
                seen.rest("Not asked: there is no token just now.");
            }
        }
    }
}

/// The token to ask with.
pub(super) async fn token(
    app: &App,
    row: &Connection,
    platform: Platform,
    used: &Used,
) -> Result<Result<SecretString, Closed>, Error> {
    match used.token(app, row.id, platform).await {
        Ok(token) => Ok(Ok(token)),
        Err(grant::Error::Missing) => Ok(Err(Closed::Missing)),
        Err(grant::Error::Refused(problem)) => Ok(Err(Closed::Refused(problem))),
        Err(grant::Error::NotYet { .. }) => Ok(Err(Closed::NotYet)),
        Err(error) => Err(error.into()),
    }
}

/// The token was not accepted: whether to ask once more.
pub(super) async fn refused(
    app: &App,
    row: &Connection,
    platform: Platform,
    used: &Used,
) -> Result<Result<(), Closed>, Error> {
    match used.refused(app, row.id, platform).await? {
        Verdict::Again => Ok(Ok(())),
        Verdict::Final(problem) => Ok(Err(Closed::Refused(problem))),
    }
}

/// The grant that the calls were made with; `None` when there is a newer one by now.
pub(super) async fn grant_of(
    app: &App,
    id: ConnectionId,
    platform: Platform,
    used: &Used,
) -> Result<Option<Grant>, Error> {
    let row = grant::find(app.db.read(), id, platform).await?;
    Ok(row.filter(|row| row.generation == used.generation(platform)))
}
