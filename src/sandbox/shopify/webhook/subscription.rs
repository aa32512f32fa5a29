//! Who wants to hear what, and which addresses Shopify takes.

use std::net::{IpAddr, Ipv4Addr};

use chrono::{DateTime, Utc};
use url::{Host, Url};

use super::topic::Topic;
use crate::sandbox::shopify::{
    oauth::App,
    search::{Held, Kind, Searchable},
};

/// A subscription made through the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The number in the global id.
    pub id: u64,
    /// What it tells of.
    pub topic: Topic,
    /// Where it is told.
    pub uri: String,
    /// The version of the address that it was asked for at; also that of its deliveries.
    pub version: &'static str,
    /// Sent along as `X-Shopify-Name`.
    pub name: Option<String>,
    /// Kept, not acted on: every event of the topic is told.
    pub filter: Option<String>,
    /// The only parts of the body that are sent, nested ones with dots; all when empty.
    pub include_fields: Vec<String>,
    /// Kept, not acted on: there are no metafields.
    pub metafield_namespaces: Vec<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    pub(in crate::sandbox::shopify) app: App,
}

/// What was wrong with an input: the field that is blamed, and why.
pub(in crate::sandbox::shopify) type Problem = (&'static [&'static str], String);

const ADDRESS: &[&str] = &["webhookSubscription", "callbackUrl"];
const INPUT: &[&str] = &["webhookSubscription"];
const UNKNOWN: &[&str] = &["id"];

pub(super) fn unknown() -> Problem {
    (UNKNOWN, "Webhook subscription does not exist".to_owned())
}

pub(super) fn taken() -> Problem {
    (ADDRESS, "Address for this topic has already been taken".to_owned())
}

pub(in crate::sandbox::shopify) fn not_approved() -> Problem {
    let text = "This app is not approved to subscribe to webhook topics containing protected customer data. See \
                https://shopify.dev/docs/apps/launch/protected-customer-data for more details.";
    (INPUT, text.to_owned())
}

pub(in crate::sandbox::shopify) fn not_simulated(what: &str) -> Problem {
    (INPUT, format!("{what} is not simulated"))
}

/// Whether Shopify would deliver there. `loopback` lets http through to this machine.
pub(super) fn check_address(uri: &str, loopback: bool) -> Result<(), Vec<Problem>> {
    let wrong = |text: &str| Err(vec![(ADDRESS, text.to_owned())]);
    if uri.trim().is_empty() {
        return wrong("Address can't be blank");
    }
    if let Some(rest) = uri.strip_prefix("pubsub://") {
        let parts = rest.split_once(':').filter(|(project, topic)| !project.is_empty() && !topic.is_empty());
        return parts.map(|_| ()).ok_or_else(|| {
            let format = "Address is not a valid GCP pub/sub format. Format should be pubsub://project:topic";
            vec![(ADDRESS, "Address protocol pubsub:// is not supported".to_owned()), (ADDRESS, format.to_owned())]
        });
    }
    if uri.starts_with("arn:aws:events:") {
        return Ok(());
    }
    let Ok(url) = Url::parse(uri) else { return wrong("Address is invalid") };
    match (url.scheme(), url.host()) {
        ("http", Some(host)) if loopback && is_loopback(&host) => Ok(()),
        ("https", Some(host)) if is_internal(&host) => wrong("Address cannot be a Shopify or an internal domain"),
        ("https", Some(_)) => Ok(()),
        (scheme, _) => wrong(&format!("Address protocol {scheme}:// is not supported")),
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
    }
}

fn is_internal(host: &Host<&str>) -> bool {
    let private = |ip: &Ipv4Addr| ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_unspecified();
    match host {
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            let within = |zone: &str| name == zone || name.strip_suffix(zone).is_some_and(|rest| rest.ends_with('.'));
            let zones = ["shopify.com", "myshopify.com", "localhost", "local", "internal"];
            zones.into_iter().any(within) || !name.contains('.')
        }
        Host::Ipv4(ip) => private(ip),
        Host::Ipv6(ip) => match IpAddr::V6(*ip).to_canonical() {
            IpAddr::V4(ip) => private(&ip),
            IpAddr::V6(ip) => {
                ip.is_loopback() || ip.is_unspecified() || ip.is_unique_local() || ip.is_unicast_link_local()
            }
        },
    }
}

/// A filter must say of each value which field it is about.
pub(super) fn check_filter(filter: Option<&str>) -> Result<(), Vec<Problem>> {
    let mut quoted = false;
    let outside = |c: char| {
        quoted ^= matches!(c, '"' | '\'');
        if quoted || matches!(c, '(' | ')') { ' ' } else { c }
    };
    // What stands in quotes is blanked, so that `title:'a b'` is one term.
    let plain: String = filter.unwrap_or_default().chars().map(outside).collect();
    let terms = plain.split_whitespace().filter(|term| !matches!(*term, "AND" | "OR" | "NOT" | "\"" | "'"));
    if terms.clone().all(|term| term.contains(':')) {
        return Ok(());
    }
    let text = "The specified filter is invalid, please ensure you specify the field(s) you wish to filter on.";
    Err(vec![(INPUT, text.to_owned())])
}

impl Searchable for Subscription {
    fn kind(field: &str) -> Option<Kind> {
        Some(match field {
            "created_at" | "updated_at" => Kind::Time,
            "id" => Kind::Number,
            "endpoint" | "topic" => Kind::Text,
            _ => return None,
        })
    }

    fn held(&self, field: &str) -> Held {
        match field {
            "created_at" => Held::Time(Some(self.created_at)),
            "updated_at" => Held::Time(Some(self.updated_at)),
            "id" => Held::Number(i64::try_from(self.id).unwrap_or_default()),
            "topic" => Held::Text(vec![self.topic.name().to_owned()]),
            _ => Held::Text(vec![self.uri.clone()]),
        }
    }

    fn words(&self) -> Vec<String> {
        vec![self.uri.clone()]
    }
}
