//! What a person is told when there is no grant: on the page that they land on, and by the API.

use super::Error;
use crate::{
    connection,
    grant::title,
    problem::{Owner, Problem},
};

const AGAIN: &str = "Start again from the link that you were given, or ask for a new one.";

impl Error {
    /// The reason with its remedy, and whose turn it is.
    pub fn problem(&self) -> Problem {
        match self {
            Self::NotConfigured(setting) => Problem::new(
                Owner::Operator,
                "NO_APP",
                "This service has not been given its app's credentials yet.",
                format!("Whoever runs it sets {setting} and its secret, and restarts it."),
            ),
            Self::NotAShop => Problem::new(
                Owner::Merchant,
                "NOT_A_SHOP",
                "This is not the address of a Shopify shop.",
                "It looks like name.myshopify.com: the shop's admin shows it under Settings, Domains.",
            ),
            Self::Unsigned => Problem::new(
                Owner::Operator,
                "BAD_SIGNATURE",
                "This request does not bear Shopify's signature, so nothing was done.",
                "Start again from the shop's admin. If it stays so: MLC_SHOPIFY_CLIENT_SECRET is not the secret of this app.",
            ),
            Self::Stale => Problem::new(
                Owner::Merchant,
                "OLD_SIGNATURE",
                "Shopify signed this request too long ago, so nothing was done.",
                "Start again from the shop's admin. If it stays so: the clock of this service is wrong.",
            ),
            Self::UnknownState => Problem::new(
                Owner::Merchant,
                "AUTHORIZATION_OVER",
                "This authorization was ended already, took longer than 15 minutes, or was not begun here.",
                AGAIN,
            ),
            Self::OtherBrowser => Problem::new(
                Owner::Merchant,
                "OTHER_BROWSER",
                "This authorization was begun in another browser, or cookies are switched off.",
                "Open the link and allow access in one browser, with cookies allowed for this page.",
            ),
            Self::BadLink => Problem::new(
                Owner::Operator,
                "LINK_OVER",
                "This link is not valid any more, or was not copied whole: it is good for two days before the first authorization, for 30 days after it.",
                "Ask for a new one; an administrator gets it from authorizeFreshbooks.",
            ),
            Self::Declined => {
                Problem::new(Owner::Merchant, "DECLINED", "Access was not allowed, so nothing was connected.", AGAIN)
            }
            Self::Code => Problem::new(
                Owner::Merchant,
                "NOT_ACCEPTED",
                "The platform does not accept the code or token: it was used before, is too old, or was taken back.",
                AGAIN,
            ),
            Self::Scopes(missing) => Problem::new(
                Owner::Merchant,
                "SCOPE_MISSING",
                format!("Less was allowed than is needed. Missing: {}.", missing.join(", ")),
                "Check that the app asks for these scopes (in its released version), then authorize again.",
            ),
            Self::Rejected(reason) => Problem::new(
                Owner::Operator,
                "REJECTED",
                format!("The platform did not accept the request: {reason}."),
                "Compare the app's client id, secret and redirect addresses with this service's settings.",
            ),
            Self::NoBusiness(reasons) if reasons.is_empty() => Problem::new(
                Owner::Accountant,
                "NO_BUSINESS",
                "This FreshBooks login belongs to no business.",
                "Authorize with the login of an owner, admin or manager of the business.",
            ),
            Self::NoBusiness(reasons) => Problem::new(
                Owner::Accountant,
                "NO_BUSINESS",
                format!(
                    "This FreshBooks login has no business that invoices can be written to. {}.",
                    reasons.join(". ")
                ),
                "Authorize with the login of an owner, admin or manager of the business.",
            ),
            Self::NoAnswer(platform) => Problem::new(
                Owner::Platform,
                "NO_ANSWER",
                format!("{} did not answer.", title(*platform)),
                format!("Wait a minute. {AGAIN}"),
            ),
            Self::Connection(error) => connection_problem(error),
            Self::Grant(_) | Self::Crypto(_) | Self::Db(_) => internal(),
        }
    }

    /// Whether somebody who asks may be told: the rest is ours, and its cause for the log only.
    pub fn is_ours(&self) -> bool {
        self.problem().code == "INTERNAL"
    }
}

fn connection_problem(error: &connection::Error) -> Problem {
    match error {
        connection::Error::AnotherShop(shop) => Problem::new(
            Owner::Merchant,
            "ANOTHER_SHOP",
            format!("These credentials belong to another shop than {shop}."),
            "Take those of this connection's shop.",
        ),
        connection::Error::AnotherAccount(business) => Problem::new(
            Owner::Accountant,
            "ANOTHER_ACCOUNT",
            format!("This FreshBooks login has no access to {business}, where this connection's documents are."),
            "Authorize with a login of that business. Books are never moved by authorizing again.",
        ),
        connection::Error::Missing => Problem::new(
            Owner::Operator,
            "NO_CONNECTION",
            "There is no such connection any more.",
            "Ask an administrator for a new link.",
        ),
        connection::Error::TimeZone(zone) => Problem::new(
            Owner::Operator,
            "TIME_ZONE",
            format!("The shop's time zone `{zone}` is not known here."),
            "Update this service, or choose another zone in the shop's settings.",
        ),
        _ => internal(),
    }
}

fn internal() -> Problem {
    Problem::new(
        Owner::Operator,
        "INTERNAL",
        "Something went wrong on this service's side.",
        format!("Its log says what. {AGAIN}"),
    )
}
