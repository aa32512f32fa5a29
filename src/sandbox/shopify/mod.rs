//! Simulated Shopify: one shop's Admin GraphQL API and its OAuth over real HTTP, as strict as the real ones.
//!
//! It shares no type with the connector. Its schema is a part of Shopify's, executed by a real executor; costs, error shapes, search,
//! bulk operations, their files and webhooks follow the recorded behaviour, and [`Faults`] makes it fail where a test wants it to.

pub mod build;
mod bulk;
mod check;
mod cost;
pub mod currency;
mod gate;
mod graphql;
mod http;
pub mod model;
mod oauth;
mod options;
mod owed;
mod payment;
mod people;
mod sample;
mod sdl;
mod search;
mod states;
mod store;
#[cfg(test)]
mod tests;
mod webhook;

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use chrono::TimeDelta;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use self::{
    bulk::Bulk,
    cost::Bucket,
    graphql::{Api, Knobs, World},
    http::Server,
    model::Order,
    oauth::Oauth,
    store::Store,
    webhook::Webhooks,
};
pub use self::{
    bulk::BulkFate,
    options::{BulkPace, Distribution, Now, Options, ShopFacts, ShopState},
    sample::sample_store,
    webhook::{Deliveries, Delivery, DeliveryCounts, DeliveryFault, Subscription, Topic},
};
use super::faults::Faults;

/// A running shop; it stops when dropped.
#[derive(Debug)]
pub struct Shopify {
    /// What goes wrong next. Calls are named `graphql:` and the operation's name (`graphql:Orders`; its first field when it has none),
    /// `bulk:download`, `oauth:authorize` (the consent page) and `oauth:token` (the token endpoint, whatever the grant type).
    pub faults: Arc<Faults>,
    world: Arc<World>,
    address: SocketAddr,
    end: Option<oneshot::Sender<()>>,
    serving: Option<JoinHandle<()>>,
}

impl Shopify {
    /// Opens the shop on a port of the loopback interface.
    pub async fn start(mut options: Options) -> io::Result<Shopify> {
        let listener = TcpListener::bind(options.address).await?;
        let address = listener.local_addr()?;
        let faults = Arc::new(Faults::default());
        let orders = Store::default();
        orders.load(std::mem::take(&mut options.orders));
        let world = Arc::new(World {
            oauth: Oauth::new(&options),
            knobs: Mutex::new(Knobs::of(&options)),
            tokens: Mutex::new(options.tokens.drain(..).collect()),
            bucket: Mutex::new(Bucket::full(options.bucket, options.restore_rate, (options.now)())),
            bulk: Bulk::new()?,
            webhooks: Arc::new(Webhooks::new(&options)),
            base: OnceLock::from(format!("http://{address}")),
            faults: Arc::clone(&faults),
            orders,
            settings: options,
        });
        let api = Arc::new(Api::new(&world));
        let router = http::router(Arc::new(Server { api, world: Arc::clone(&world) }));
        let (end, ended) = oneshot::channel::<()>();
        let serving = tokio::spawn(async move {
            let graceful = axum::serve(listener, router).with_graceful_shutdown(async {
                // A dropped sender means the end as much as a sent word does.
                let _ = ended.await;
            });
            if let Err(error) = graceful.await {
                tracing::warn!("simulated Shopify stopped: {error}");
            }
        });
        Ok(Shopify { faults, world, address, end: Some(end), serving: Some(serving) })
    }

    /// The API's address with `{shop}` in place of the shop's domain.
    pub fn url(&self) -> String {
        format!("http://{}/{{shop}}", self.address)
    }

    /// The shop's domain.
    pub fn shop(&self) -> &str {
        &self.world.settings.shop
    }

    /// Adds an order, or puts it in the place of the one with its id, just as it is.
    pub fn place(&self, order: impl Into<Order>) -> Arc<Order> {
        let order = Arc::new(order.into());
        let before = self.world.orders.get(order.id);
        let known_buyer = self.world.listened(Topic::CustomersCreate) || self.world.listened(Topic::CustomersUpdate);
        let known_buyer = known_buyer && self.knows_buyer_of(&order);
        self.world.orders.put(Arc::clone(&order), self.world.now());
        match before {
            Some(before) => self.world.tell_changed(&before, &order),
            None => self.world.tell_placed(&order, known_buyer),
        }
        order
    }

    fn knows_buyer_of(&self, order: &Order) -> bool {
        let buyer = |order: &Order| order.customer.as_ref().map(|customer| customer.id);
        self.orders().iter().any(|known| buyer(known) == buyer(order))
    }

    /// Edits an order. Its `updated_at` becomes a second later, or now where that is later still. Totals stay as `edit` leaves them.
    /// Nothing happens when there is no such order.
    pub fn change(&self, id: u64, edit: impl FnOnce(&mut Order)) {
        let Some(before) = self.world.orders.get(id) else { return };
        let mut order = Order::clone(&before);
        edit(&mut order);
        order.updated_at = order.updated_at.max(before.updated_at + TimeDelta::seconds(1)).max(self.world.now());
        let order = Arc::new(order);
        self.world.orders.put(Arc::clone(&order), self.world.now());
        self.world.tell_changed(&before, &order);
    }

    /// Tells what happened to an order with the builder's words: `evolve(id, |order| order.refund_all())`. The event happens now, by
    /// the shop's clock, unless that is before the last one.
    pub fn evolve(&self, id: u64, event: impl FnOnce(Order) -> Order) {
        let now = self.world.now();
        self.change(id, |order| {
            let mut next = order.clone();
            if next.updated_at < now {
                next.next_event = Some(now);
            }
            *order = event(next);
        });
    }

    /// Deletes an order: it vanishes, and only a webhook tells of it.
    pub fn delete(&self, id: u64) -> Option<Arc<Order>> {
        let gone = self.world.orders.remove(id)?;
        self.world.tell_deleted(id);
        Some(gone)
    }

    /// All orders, by id.
    pub fn orders(&self) -> Vec<Arc<Order>> {
        self.world.orders.all()
    }

    /// One order.
    pub fn order(&self, id: u64) -> Option<Arc<Order>> {
        self.world.orders.get(id)
    }

    /// Accepts one more access token.
    pub fn accept_token(&self, token: &str) {
        self.world.oauth.remember(token);
        self.tokens().insert(token.to_owned());
    }

    /// No token is good any longer: neither those of the options nor the access tokens of OAuth. Nor can they be refreshed.
    pub fn revoke_tokens(&self) {
        self.tokens().clear();
        self.world.oauth.forget();
    }

    /// The merchant uninstalls the app: all that OAuth granted is dead, bulk operations under way are cancelled, its subscriptions are
    /// deleted after they have told of it. Tokens of the options are another app's and stay, subscriptions made with them too.
    pub fn uninstall(&self) {
        self.world.knobs().installed = false;
        self.world.oauth.forget();
        self.world.bulk.abandon(self.world.now());
        self.world.tell_uninstalled();
    }

    /// The app is installed again without OAuth, so that its credentials work on its owner's store.
    pub fn install(&self) {
        self.world.knobs().installed = true;
    }

    /// Ends all access tokens that would have ended by themselves; refresh tokens live on.
    pub fn expire_access_tokens(&self) {
        self.world.oauth.expire(self.world.now());
    }

    /// Whether and how the shop answers from now on.
    pub fn set_state(&self, state: ShopState) {
        self.world.knobs().state = state;
    }

    /// Whether the app is approved for names, addresses, e-mail and telephone.
    pub fn set_personal_data(&self, approved: bool) {
        self.world.knobs().personal_data = approved;
    }

    /// Whether the app is approved for orders and customers at all.
    pub fn set_orders_allowed(&self, approved: bool) {
        self.world.knobs().orders_allowed = approved;
    }

    /// What the person grants at most from now on; tokens that are there keep their scopes.
    pub fn set_grant_only(&self, scopes: Option<Vec<String>>) {
        self.world.knobs().grant_only = scopes;
    }

    /// Whether errors of the token endpoint come as HTML pages.
    pub fn set_html_errors(&self, html: bool) {
        self.world.knobs().html_errors = html;
    }

    /// How often the token endpoint was asked, by grant type: `authorization_code` for a code, `refresh_token`,
    /// `urn:ietf:params:oauth:grant-type:token-exchange`, `client_credentials`. Requests that a fault spoilt count too.
    pub fn token_requests(&self) -> BTreeMap<String, u64> {
        self.world.oauth.requests()
    }

    /// Every client secret, code, access token and refresh token there ever was: none of them may turn up in a log.
    pub fn secrets(&self) -> Vec<String> {
        self.world.oauth.secrets()
    }

    /// The pairs as a query with the `hmac` that the shop would put there, for a callback or the app's own address.
    pub fn signed_query(&self, pairs: &[(&str, &str)]) -> String {
        self.world.signed_query(pairs)
    }

    /// What becomes of the next bulk operation that is started; call it again for the one after.
    pub fn next_bulk(&self, fate: BulkFate) {
        self.world.bulk.fate(fate);
    }

    /// Takes points out of the bucket, as another app's requests would not but a test may want to.
    pub fn drain(&self, points: u32) {
        let mut bucket = self.world.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.pay(i64::from(points), self.world.now());
    }

    /// Closes: no new connections, requests under way are answered.
    pub async fn stop(mut self) {
        drop(self.end.take());
        if let Some(serving) = self.serving.take()
            && let Err(error) = serving.await
        {
            tracing::warn!("simulated Shopify did not stop cleanly: {error}");
        }
    }

    fn tokens(&self) -> MutexGuard<'_, std::collections::BTreeSet<String>> {
        self.world.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shopify {
    fn drop(&mut self) {
        drop(self.end.take());
        self.world.bulk.clear();
        self.world.webhooks.end();
    }
}
