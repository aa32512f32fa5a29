//! Webhooks: who subscribed to what, and what is sent when something happens in the shop.
//!
//! An event that somebody subscribed to becomes one signed delivery per subscription, with the state of that moment in its body. Without
//! subscriptions nothing happens at all: no body is written, no task runs.

mod control;
mod event;
mod post;
mod rest;
mod subscription;
mod topic;

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, SecondsFormat, Utc};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use uuid::Uuid;

use self::post::Post;
pub(super) use self::{
    rest::Rest,
    subscription::{Problem, not_approved, not_simulated},
};
pub use self::{subscription::Subscription, topic::Topic};
use super::{graphql::World, oauth::App, options::Options};

/// The version of what goes to the address in the app's own settings.
const APP_VERSION: &str = "2026-10";

/// What becomes of deliveries; changed by [`Shopify::set_deliveries`](super::Shopify::set_deliveries).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deliveries {
    /// They are sent at once, and again where that fails.
    #[default]
    Sending,
    /// They pile up for [`Shopify::take_deliveries`](super::Shopify::take_deliveries).
    Holding,
}

/// What goes wrong with a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryFault {
    /// It is never sent.
    Lost,
    /// It is signed with another secret.
    Forged,
    /// It is sent twice, the same to the byte.
    Doubled,
}

/// How deliveries went so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveryCounts {
    /// Made, whatever became of them.
    pub made: u64,
    /// Answered with 2xx.
    pub delivered: u64,
    /// Attempts that were answered otherwise, too late, or not at all.
    pub failed: u64,
    /// Given up after the last attempt.
    pub given_up: u64,
    /// Lost on purpose.
    pub lost: u64,
}

/// One event on its way to one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// `orders/updated`.
    pub topic: String,
    /// Where it goes.
    pub address: String,
    /// All headers, the content type and the signature among them.
    pub headers: Vec<(String, String)>,
    /// The body as it was signed.
    pub body: Vec<u8>,
    /// The subscription it is for; none for what goes to the address in the app's settings.
    pub subscription: Option<u64>,
}

impl Delivery {
    /// A header, however its name is spelt.
    pub fn header(&self, name: &str) -> Option<&str> {
        let named = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str())
    }

    /// The body read as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// What a subscription is to become. Parts left out stay as they are.
#[derive(Debug, Default)]
pub(super) struct Wish {
    pub(super) uri: Option<String>,
    pub(super) name: Option<String>,
    pub(super) filter: Option<String>,
    pub(super) include_fields: Option<Vec<String>>,
    pub(super) metafield_namespaces: Option<Vec<String>>,
}

/// All subscriptions of the shop, and what is under way because of them.
#[derive(Debug)]
pub(super) struct Webhooks {
    state: Mutex<State>,
    loopback: bool,
    post: Post,
}

#[derive(Debug, Default)]
struct State {
    subscriptions: Vec<Subscription>,
    made: u64,
    mode: Deliveries,
    held: Vec<Delivery>,
    faults: VecDeque<DeliveryFault>,
    counts: DeliveryCounts,
}

impl Webhooks {
    pub(super) fn new(options: &Options) -> Webhooks {
        Webhooks { state: Mutex::default(), loopback: options.loopback_webhooks, post: Post::new(options) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The subscriptions of one app, oldest first.
    pub(super) fn of(&self, app: App) -> Vec<Subscription> {
        self.state().subscriptions.iter().filter(|known| known.app == app).cloned().collect()
    }

    pub(super) fn create(
        &self,
        app: App,
        topic: Topic,
        version: &'static str,
        wish: Wish,
        now: DateTime<Utc>,
    ) -> Result<Subscription, Vec<Problem>> {
        let uri = wish.uri.unwrap_or_default();
        subscription::check_address(&uri, self.loopback)?;
        subscription::check_filter(wish.filter.as_deref())?;
        let mut state = self.state();
        if state.subscriptions.iter().any(|known| known.app == app && known.topic == topic && known.uri == uri) {
            return Err(vec![subscription::taken()]);
        }
        state.made += 1;
        let made = Subscription {
            id: 1_929_000_000_000 + state.made * 32_768,
            topic,
            uri,
            version,
            name: wish.name,
            filter: wish.filter,
            include_fields: wish.include_fields.unwrap_or_default(),
            metafield_namespaces: wish.metafield_namespaces.unwrap_or_default(),
            created_at: now,
            updated_at: now,
            app,
        };
        state.subscriptions.push(made.clone());
        Ok(made)
    }

    pub(super) fn update(
        &self,
        app: App,
        id: u64,
        wish: Wish,
        now: DateTime<Utc>,
    ) -> Result<Subscription, Vec<Problem>> {
        let mut state = self.state();
        let Some(at) = state.subscriptions.iter().position(|known| known.app == app && known.id == id) else {
            return Err(vec![subscription::unknown()]);
        };
        let mut next = state.subscriptions[at].clone();
        next.uri = wish.uri.unwrap_or(next.uri);
        next.name = wish.name.or(next.name);
        next.filter = wish.filter.or(next.filter);
        next.include_fields = wish.include_fields.unwrap_or(next.include_fields);
        next.metafield_namespaces = wish.metafield_namespaces.unwrap_or(next.metafield_namespaces);
        next.updated_at = now;
        subscription::check_address(&next.uri, self.loopback)?;
        subscription::check_filter(next.filter.as_deref())?;
        let twin = |known: &Subscription| known.id != id && known.topic == next.topic && known.uri == next.uri;
        if state.subscriptions.iter().any(|known| known.app == app && twin(known)) {
            return Err(vec![subscription::taken()]);
        }
        state.subscriptions[at] = next.clone();
        Ok(next)
    }

    pub(super) fn delete(&self, app: App, id: u64) -> Result<(), Vec<Problem>> {
        let mut state = self.state();
        let before = state.subscriptions.len();
        state.subscriptions.retain(|known| known.app != app || known.id != id);
        if state.subscriptions.len() == before { Err(vec![subscription::unknown()]) } else { Ok(()) }
    }

    /// The subscriptions of an app that is no longer installed.
    pub(super) fn forget(&self, app: App) {
        self.state().subscriptions.retain(|known| known.app != app);
    }

    /// Stops what is being sent.
    pub(super) fn end(&self) {
        self.post.end();
    }
}

impl World {
    /// Whether anybody wants to hear of it.
    pub(super) fn listened(&self, topic: Topic) -> bool {
        self.webhooks.state().subscriptions.iter().any(|known| known.topic == topic)
    }

    /// Tells those who subscribed. The body is written only when there are any.
    pub(super) fn tell(&self, topic: Topic, body: impl FnOnce(&Rest) -> Value) {
        let known = self.webhooks.state();
        let to: Vec<_> = known.subscriptions.iter().filter(|known| known.topic == topic).cloned().collect();
        drop(known);
        self.tell_each(&to, topic.name(), body);
    }

    fn tell_each(&self, to: &[Subscription], topic: &str, body: impl FnOnce(&Rest) -> Value) {
        if to.is_empty() {
            return;
        }
        let body = body(&Rest::of(self));
        let event = Uuid::new_v4();
        for subscription in to {
            let bytes = written(&rest::only(&body, &subscription.include_fields));
            let delivery = self.delivery(topic, Some(subscription), &subscription.uri, event, bytes);
            self.hand_over(delivery);
        }
    }

    /// Tells the address in the app's own settings, if there is one.
    fn tell_app(&self, topic: &str, body: impl FnOnce(&Rest) -> Value) {
        let Some(address) = self.knobs().compliance_uri.clone() else { return };
        let bytes = written(&body(&Rest::of(self)));
        self.hand_over(self.delivery(topic, None, &address, Uuid::new_v4(), bytes));
    }

    fn delivery(&self, topic: &str, to: Option<&Subscription>, address: &str, event: Uuid, body: Vec<u8>) -> Delivery {
        let triggered = self.now().to_rfc3339_opts(SecondsFormat::Nanos, true);
        let mut headers = vec![
            ("Content-Type", "application/json".to_owned()),
            ("X-Shopify-Topic", topic.to_owned()),
            ("X-Shopify-Hmac-SHA256", signature(self.signing_secret(), &body)),
            ("X-Shopify-Shop-Domain", self.settings.shop.clone()),
            ("X-Shopify-API-Version", to.map_or(APP_VERSION, |known| known.version).to_owned()),
            ("X-Shopify-Webhook-Id", Uuid::new_v4().to_string()),
            ("X-Shopify-Event-Id", event.to_string()),
            ("X-Shopify-Triggered-At", triggered),
        ];
        headers.extend(to.and_then(|known| known.name.clone()).map(|name| ("X-Shopify-Name", name)));
        Delivery {
            topic: topic.to_owned(),
            address: address.to_owned(),
            headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            body,
            subscription: to.map(|known| known.id),
        }
    }

    /// Sends, holds or loses it.
    fn hand_over(&self, mut delivery: Delivery) {
        let mut state = self.webhooks.state();
        state.counts.made += 1;
        let copies = match state.faults.pop_front() {
            None => 1,
            Some(DeliveryFault::Doubled) => 2,
            Some(DeliveryFault::Forged) => {
                let forged = signature("shpss_of_somebody_else", &delivery.body);
                let header = delivery.headers.iter_mut().find(|(name, _)| name == "X-Shopify-Hmac-SHA256");
                header.into_iter().for_each(|(_, value)| value.clone_from(&forged));
                1
            }
            Some(DeliveryFault::Lost) => {
                state.counts.lost += 1;
                0
            }
        };
        let copies = std::iter::repeat_n(delivery, copies);
        match state.mode {
            Deliveries::Holding => state.held.extend(copies),
            Deliveries::Sending => copies.for_each(|copy| self.webhooks.post.send(&self.webhooks, copy)),
        }
    }
}

/// The header that vouches for a body.
fn signature(secret: &str, body: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map(|mut mac| {
        mac.update(body);
        mac.finalize().into_bytes()
    });
    // A key of any length will do.
    mac.map(|mac| BASE64_STANDARD.encode(mac)).unwrap_or_default()
}

/// As Shopify writes JSON: `/` is escaped always, what is not ASCII in half of the deliveries.
fn written(body: &Value) -> Vec<u8> {
    escaped(&body.to_string(), rand::random()).into_bytes()
}

// Both can only stand inside strings, where an escape means the same.
fn escaped(json: &str, ascii: bool) -> String {
    let mut text = String::with_capacity(json.len() + 64);
    for c in json.chars() {
        match c {
            '/' => text.push_str("\\/"),
            c if ascii && !c.is_ascii() => {
                let units = c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
                text.push_str(&units);
            }
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_published_vector() {
        let json = r#"{"id":7000000000001,"admin_graphql_api_id":"gid://shopify/Order/7000000000001"}"#;
        let body = escaped(json, true);
        assert_eq!(body.len(), 83);
        let signature = signature("shpss_0123456789abcdef0123456789abcdef", body.as_bytes());
        assert_eq!(signature, "y9w3ZADRU9sE44AKlNymy7Lqgwdho9zbt0Qybo5SnCI=");
    }

    #[test]
    fn what_is_not_ascii_comes_raw_or_as_code_units() {
        let json = r#""Zoë 𝄞""#;
        assert_eq!(escaped(json, false), json);
        assert_eq!(escaped(json, true), r#""Zo\u00eb \ud834\udd1e""#);
    }
}
