//! The schema: a part of Shopify's, with its names and types, executed for real.

mod access;
mod bulk;
mod connection;
mod customer;
mod discount;
mod line;
mod order;
mod refund;
mod root;
mod scalar;
mod shop;
mod transaction;
mod webhook;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use async_graphql::{EmptySubscription, Schema};
use chrono::{DateTime, TimeDelta, Utc};

use self::root::{Mutation, QueryRoot};
use super::{
    bulk::Bulk,
    cost::Bucket,
    model::Order,
    oauth::{App, Oauth, Scopes},
    options::{Options, ShopFacts, ShopState},
    sdl::Types,
    store::{Store, View},
    webhook::Webhooks,
};
use crate::sandbox::faults::Faults;

/// What can change while the shop runs.
#[derive(Debug)]
pub(super) struct Knobs {
    pub(super) state: ShopState,
    pub(super) installed: bool,
    pub(super) personal_data: bool,
    pub(super) orders_allowed: bool,
    pub(super) html_errors: bool,
    pub(super) grant_only: Option<Vec<String>>,
    /// Scopes of the tokens of the options, and of an app that is installed without being asked.
    pub(super) scopes: Vec<String>,
    pub(super) facts: Arc<ShopFacts>,
    pub(super) facts_changed_at: DateTime<Utc>,
    pub(super) compliance_uri: Option<String>,
}

impl Knobs {
    pub(super) fn of(options: &Options) -> Knobs {
        Knobs {
            state: ShopState::Open,
            installed: true,
            personal_data: options.personal_data,
            orders_allowed: options.orders_allowed,
            html_errors: options.html_errors,
            grant_only: options.grant_only.clone(),
            scopes: options.scopes.clone(),
            facts: Arc::new(options.facts.clone()),
            facts_changed_at: options.facts.created_at,
            compliance_uri: options.compliance_uri.clone(),
        }
    }
}

/// The shop and everything in it.
#[derive(Debug)]
pub(super) struct World {
    pub(super) settings: Options,
    pub(super) orders: Store,
    pub(super) tokens: Mutex<BTreeSet<String>>,
    pub(super) oauth: Oauth,
    pub(super) knobs: Mutex<Knobs>,
    pub(super) bucket: Mutex<Bucket>,
    pub(super) bulk: Bulk,
    pub(super) webhooks: Arc<Webhooks>,
    pub(super) faults: Arc<Faults>,
    pub(super) base: OnceLock<String>,
}

impl World {
    pub(super) fn now(&self) -> DateTime<Utc> {
        (self.settings.now)()
    }

    pub(super) fn knobs(&self) -> MutexGuard<'_, Knobs> {
        self.knobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a token with these scopes may see of the orders.
    pub(super) fn view(&self, scopes: &Scopes) -> View {
        let now = self.now();
        let everything = scopes.covers("read_all_orders");
        View {
            now,
            lag: TimeDelta::from_std(self.settings.index_lag).unwrap_or_default(),
            since: (!everything).then(|| now - TimeDelta::days(60)),
        }
    }

    /// Where it listens, without a slash at the end.
    pub(super) fn base(&self) -> String {
        self.base.get().cloned().unwrap_or_default()
    }
}

/// The executor.
pub(super) struct Api {
    pub(super) schema: Schema<QueryRoot, Mutation, EmptySubscription>,
    pub(super) types: Types,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api").finish_non_exhaustive()
    }
}

impl Api {
    pub(super) fn new(world: &Arc<World>) -> Api {
        let schema = Schema::build(QueryRoot, Mutation, EmptySubscription)
            .disable_suggestions()
            .data(Arc::clone(world))
            .finish();
        let types = Types::read(&schema.sdl());
        Api { schema, types }
    }

    /// The schema without a shop behind it.
    #[cfg(test)]
    pub(super) fn sdl() -> String {
        Schema::build(QueryRoot, Mutation, EmptySubscription).finish().sdl()
    }
}

/// One request's own things.
pub(super) struct Asked {
    pub(super) api: Arc<Api>,
    /// What the token may do.
    pub(super) scopes: Scopes,
    /// Whose token it is.
    pub(super) app: App,
    /// The version of the address.
    pub(super) version: &'static str,
    /// The orders that a bulk operation reads this time; connections need no window then.
    page: Option<Vec<Arc<Order>>>,
    /// Entries of `extensions.search`.
    pub(super) notes: Arc<Mutex<Vec<serde_json::Value>>>,
}

impl Asked {
    pub(super) fn direct(api: &Arc<Api>, scopes: Scopes, app: App, version: &'static str) -> Asked {
        Asked { api: Arc::clone(api), scopes, app, version, page: None, notes: Arc::default() }
    }

    /// Part of a bulk operation, which reads nothing that depends on app or version.
    pub(super) fn bulk(api: &Arc<Api>, scopes: &Scopes, page: Vec<Arc<Order>>) -> Asked {
        Asked { page: Some(page), ..Asked::direct(api, scopes.clone(), App::Installed, "unstable") }
    }

    pub(super) fn in_bulk(&self) -> bool {
        self.page.is_some()
    }
}
