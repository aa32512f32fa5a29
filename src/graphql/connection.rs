//! Connections: both ends, their grants, how far the sync is.

mod manage;
mod ping;
mod webhooks;

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use entity::{
    connection::{Model, Status},
    platform_grant::{self, Platform},
    synced_order,
};

pub(super) use self::{manage::ConnectionMutation, ping::PingMutation};
use self::{ping::ReferenceCheck, webhooks::WebhookSubscription};
use super::{
    auth::Asking,
    error::{Fault, Result},
    loader::{BudgetOf, ChecksOf, Figures, FiguresOf, GrantsOf, SubscriptionsOf},
    node::Numbered,
    order::OrderState,
    problem::Problem,
    scalar::{CurrencyCode, Instant, currency},
    settings::ConnectionSettings,
};
use crate::{budget, connection as connections, grant as grants, pauses, subscription};

/// Where a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "Status")]
pub(super) enum ConnectionStatus {
    /// A grant is still missing.
    Pending,
    /// Working.
    Active,
    /// Stopped by a person.
    Paused,
    /// Shopify or FreshBooks no longer accepts our token: somebody must authorize again. Nothing is lost meanwhile.
    NeedsReauthorization,
    /// Something over there stands in the way, such as a frozen shop or a lapsed subscription: `problem` says what. Looked at again once a
    /// day and by pingConnection; nothing is lost meanwhile.
    Blocked,
    /// Ended by a person. An uninstall of the app gives NEEDS_REAUTHORIZATION.
    Disconnected,
}

/// Whether a platform lets us in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
pub(super) enum GrantStatus {
    /// Nobody has authorized yet.
    Missing,
    /// Authorized. An access token that ran out is renewed by itself.
    Granted,
    /// The platform no longer accepts it: somebody must authorize again.
    Refused,
    /// The token ran out and cannot be renewed: somebody must authorize again.
    Expired,
}

/// One shop tied to one FreshBooks account.
pub(super) struct Connection(pub(super) Model);

/// One shop tied to one FreshBooks account.
#[Object]
impl Connection {
    /// Opaque and global; tokens are limited to connections by it.
    pub(super) async fn id(&self) -> ID {
        self.0.id.global()
    }

    /// What people call it.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The shop's permanent address, such as `name.myshopify.com`.
    async fn shop_domain(&self) -> &str {
        &self.0.shop_domain
    }

    /// Where it stands.
    async fn status(&self) -> ConnectionStatus {
        self.0.status.into()
    }

    /// What keeps it from working; null while nothing does.
    async fn problem(&self, ctx: &Context<'_>) -> Result<Option<Problem>> {
        let grants = ctx.reader().load_one(GrantsOf(self.0.id)).await?.unwrap_or_default();
        Ok(connections::problem(&self.0, &grants).map(Problem::from))
    }

    /// The Shopify end.
    async fn shopify(&self, ctx: &Context<'_>) -> Result<ShopifyEnd> {
        let grant = grant(ctx, &self.0, Platform::Shopify).await?;
        Ok(ShopifyEnd {
            status: status(ctx, grant.as_ref()),
            kind: grant.as_ref().map(|grant| grant.kind.into()),
            scopes: scopes(grant.as_ref()),
            expires_at: expires_at(grant.as_ref()),
            authorize_by: grant.as_ref().and_then(grants::refused_from).map(Instant),
            shop_name: self.0.shop_name.clone(),
            currency_code: currency(self.0.shop_currency.as_deref()),
            time_zone: self.0.shop_time_zone.clone(),
            api_version: ctx.app().config.shopify_api_version.clone(),
            webhooks_healthy: webhooks_healthy(ctx, &self.0, grant.as_ref(), Platform::Shopify).await?,
        })
    }

    /// The FreshBooks end.
    async fn freshbooks(&self, ctx: &Context<'_>) -> Result<FreshbooksEnd> {
        let grant = grant(ctx, &self.0, Platform::Freshbooks).await?;
        Ok(FreshbooksEnd {
            status: status(ctx, grant.as_ref()),
            scopes: scopes(grant.as_ref()),
            expires_at: expires_at(grant.as_ref()),
            businesses: connections::businesses(&self.0).into_iter().map(FreshbooksBusiness::from).collect(),
            account_id: self.0.account_id.clone(),
            business_name: self.0.business_name.clone(),
            currency_code: currency(self.0.business_currency.as_deref()),
            webhooks_healthy: webhooks_healthy(ctx, &self.0, grant.as_ref(), Platform::Freshbooks).await?,
        })
    }

    /// How its orders are booked.
    async fn settings(&self) -> Result<ConnectionSettings> {
        Ok(connections::settings(&self.0)?.into())
    }

    /// How far the sync is.
    async fn sync_status(&self, ctx: &Context<'_>) -> Result<SyncStatus> {
        let figures = ctx.reader().load_one(FiguresOf(self.0.id)).await?.unwrap_or_default();
        let account = pauses::account(self.0.account_id.as_deref().unwrap_or_default());
        let (account, shop) = (BudgetOf(account), BudgetOf(pauses::shop(&self.0.shop_domain)));
        let budgets = ctx.reader().load_many([account.clone(), shop]).await?;
        let paused_until = budgets.values().filter_map(|budget| budget.paused_until).max();
        let waited = figures.oldest_due.map_or(0, |due| (ctx.app().clock.now() - due).num_seconds().max(0));
        Ok(SyncStatus {
            last_pull_at: self.0.last_pull_at.map(Instant),
            last_webhook_at: figures.last_webhook.map(Instant),
            last_synced_at: self.0.last_synced_at.map(Instant),
            orders_by_state: by_state(&figures),
            lag_seconds: i32::try_from(waited).unwrap_or(i32::MAX),
            watermark: self.0.watermark.map(Instant),
            next_pull_at: figures.next_pull.map(Instant),
            paused_until: paused_until.filter(|until| *until > ctx.app().clock.now()).map(Instant),
            at_once: budgets.get(&account).map_or(budget::FIRST, |budget| budget.at_once).into(),
            open_alerts: figures.open_alerts,
        })
    }

    /// What the last look at both ends found, in a fixed order; empty before the first one. Both are looked at once a day, after each
    /// authorization, by pingConnection, and when a platform refuses something.
    async fn reference_checks(&self, ctx: &Context<'_>) -> Result<Vec<ReferenceCheck>> {
        let rows = ctx.reader().load_one(ChecksOf(self.0.id)).await?.unwrap_or_default();
        Ok(rows.into_iter().map(ReferenceCheck::from).collect())
    }

    /// What both platforms are asked to tell us of by themselves, one by one, as the last look found it (once an hour); empty before the
    /// first one, and once the connection is disconnected.
    async fn webhook_subscriptions(&self, ctx: &Context<'_>) -> Result<Vec<WebhookSubscription>> {
        let rows = ctx.reader().load_one(SubscriptionsOf(self.0.id)).await?.unwrap_or_default();
        Ok(rows.into_iter().map(WebhookSubscription::from).collect())
    }

    /// When it was made.
    async fn created_at(&self) -> Instant {
        Instant(self.0.created_at)
    }
}

/// The shop's end of a connection.
#[derive(SimpleObject)]
pub(super) struct ShopifyEnd {
    /// Whether Shopify lets us in.
    status: GrantStatus,
    /// How the shop has let us in; null while it has not.
    kind: Option<ShopifyGrantKind>,
    /// What the shop has allowed us, such as `read_orders`.
    scopes: Vec<String>,
    /// When the access token runs out; null where it does not.
    expires_at: Option<Instant>,
    /// From when on Shopify refuses this kind of token (2027-01-01, for tokens of public apps that never expire) unless it is authorized
    /// again before; null where that is no concern.
    authorize_by: Option<Instant>,
    /// The shop's name.
    shop_name: Option<String>,
    /// The shop's currency.
    currency_code: Option<CurrencyCode>,
    /// The shop's time zone (IANA name): documents are dated by its days.
    time_zone: Option<String>,
    /// The version of the Admin API that is used.
    api_version: String,
    /// Whether Shopify tells us at once of every change that we want to hear of; looked at once an hour and set right by itself. While it is
    /// false changes come with the next scheduled pull, and `webhookSubscriptions` says what is wrong. Null before the first look, and while
    /// Shopify does not let us in.
    webhooks_healthy: Option<bool>,
}

/// How a shop has let us in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "platform_grant::Kind")]
pub(super) enum ShopifyGrantKind {
    /// Somebody allowed the app in the browser.
    Authorization,
    /// An app of the shop's own organization.
    ClientCredentials,
    /// The token of a custom app that was made in the shop's admin.
    CustomApp,
}

/// A business that the FreshBooks login may write to.
#[derive(SimpleObject)]
pub(super) struct FreshbooksBusiness {
    /// For selectFreshbooksBusiness.
    id: String,
    /// Its name.
    name: String,
    /// Its home currency, where known.
    currency_code: Option<CurrencyCode>,
}

impl From<connections::Account> for FreshbooksBusiness {
    fn from(account: connections::Account) -> Self {
        let currency_code = currency(account.currency_code.as_deref());
        Self { id: account.business_id.to_string(), name: account.name, currency_code }
    }
}

/// The books' end of a connection.
#[derive(SimpleObject)]
pub(super) struct FreshbooksEnd {
    /// Whether FreshBooks lets us in.
    status: GrantStatus,
    /// What the business has allowed us, such as `user:invoices:write`.
    scopes: Vec<String>,
    /// When the access token runs out; it is renewed before.
    expires_at: Option<Instant>,
    /// The businesses to choose from with selectFreshbooksBusiness; empty once one is chosen.
    businesses: Vec<FreshbooksBusiness>,
    /// The account that is written to.
    account_id: Option<String>,
    /// The business's name.
    business_name: Option<String>,
    /// The business's home currency, where known.
    currency_code: Option<CurrencyCode>,
    /// Whether FreshBooks tells us at once when somebody changes one of our documents there; looked at once an hour and set right by itself.
    /// While it is false such changes are found later, and `webhookSubscriptions` says what is wrong. Null before the first look, and while
    /// FreshBooks does not let us in.
    webhooks_healthy: Option<bool>,
}

/// How far the sync of a connection is.
#[derive(SimpleObject)]
pub(super) struct SyncStatus {
    /// When a pull last ended well.
    last_pull_at: Option<Instant>,
    /// When a platform last told of something by itself, whatever came of it; null before the first time. A quiet shop has nothing to tell:
    /// whether webhooks would come is said by `webhooksHealthy`.
    last_webhook_at: Option<Instant>,
    /// When an order last came to rest.
    last_synced_at: Option<Instant>,
    /// How many orders stand where; every state is listed, also those without an order.
    orders_by_state: Vec<OrdersInState>,
    /// For how many seconds the order that has waited longest has been due; 0 when none waits.
    lag_seconds: i32,
    /// Every change of the shop's orders before this instant has been read, provably.
    watermark: Option<Instant>,
    /// When the next scheduled pull begins.
    next_pull_at: Option<Instant>,
    /// Until when no order is synced because Shopify or FreshBooks asked us to slow down (HTTP 429); null where neither did. It goes on by
    /// itself, and no order loses an attempt.
    paused_until: Option<Instant>,
    /// How many orders are synced at the same time at most, over all connections of the FreshBooks account and all processes: 4 at first,
    /// halved when FreshBooks asks us to slow down, raised again by itself, up to 16. An order that somebody resyncs does not wait for that:
    /// each process keeps one more place for such orders, and only a pause holds them up.
    at_once: i32,
    /// How many alerts about it are open.
    open_alerts: i64,
}

/// How many orders stand at one place.
#[derive(SimpleObject)]
pub(super) struct OrdersInState {
    /// The place.
    state: OrderState,
    /// How many.
    count: i64,
}

fn by_state(figures: &Figures) -> Vec<OrdersInState> {
    let of = |list: &[(synced_order::State, i64)], state: OrderState| {
        list.iter().filter(|(of, _)| OrderState::at_rest(*of) == state).map(|(_, count)| count).sum::<i64>()
    };
    OrderState::ALL
        .into_iter()
        .map(|state| {
            let count = match state {
                OrderState::Syncing => figures.leased.iter().map(|(_, count)| count).sum(),
                // Read a moment apart: a visit that began in between must not make it negative.
                _ => (of(&figures.by_state, state) - of(&figures.leased, state)).max(0),
            };
            OrdersInState { state, count }
        })
        .collect()
}

async fn grant(ctx: &Context<'_>, row: &Model, platform: Platform) -> Result<Option<platform_grant::Model>> {
    let grants = ctx.reader().load_one(GrantsOf(row.id)).await?.unwrap_or_default();
    Ok(grants.into_iter().find(|grant| grant.platform == platform))
}

/// Of an end that lets us in.
async fn webhooks_healthy(
    ctx: &Context<'_>,
    row: &Model,
    grant: Option<&platform_grant::Model>,
    platform: Platform,
) -> Result<Option<bool>> {
    if grant.is_none_or(|grant| grant.refusal.is_some()) {
        return Ok(None);
    }
    let rows = ctx.reader().load_one(SubscriptionsOf(row.id)).await?.unwrap_or_default();
    Ok(subscription::healthy(rows.iter().filter(|row| row.platform == platform)))
}

fn status(ctx: &Context<'_>, grant: Option<&platform_grant::Model>) -> GrantStatus {
    match grant {
        None => GrantStatus::Missing,
        Some(grant) if grant.refusal.is_some() => GrantStatus::Refused,
        // A new token is asked for with the app's credentials whenever there is need.
        Some(grant) if grant.kind == platform_grant::Kind::ClientCredentials || grant.refresh_token.is_some() => {
            GrantStatus::Granted
        }
        Some(grant) if grant.expires_at.is_some_and(|at| at <= ctx.app().clock.now()) => GrantStatus::Expired,
        Some(_) => GrantStatus::Granted,
    }
}

fn expires_at(grant: Option<&platform_grant::Model>) -> Option<Instant> {
    grant.and_then(|grant| grant.expires_at).map(Instant)
}

/// Shopify separates scopes by commas, FreshBooks by spaces.
fn scopes(grant: Option<&platform_grant::Model>) -> Vec<String> {
    let text = grant.map(|grant| grant.scopes.as_str()).unwrap_or_default();
    text.split([',', ' ']).filter(|scope| !scope.is_empty()).map(str::to_owned).collect()
}

/// What is asked about connections.
#[derive(Default)]
pub(super) struct ConnectionQuery;

/// What is asked about connections.
#[Object]
impl ConnectionQuery {
    /// The connections that the token may know of, oldest first.
    async fn connections(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those that stand there.")] status: Option<ConnectionStatus>,
    ) -> Result<Vec<Connection>> {
        let rows = connections::list(ctx.app().db.read(), status.map(Status::from)).await?;
        Ok(rows.into_iter().filter(|row| ctx.sees(Some(row.id))).map(Connection).collect())
    }

    /// One connection, by its id or by its shop; null when there is none, or none for this token.
    async fn connection(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its global id.")] id: Option<ID>,
        #[graphql(desc = "Its shop's address, such as `name.myshopify.com`.")] shop_domain: Option<String>,
    ) -> Result<Option<Connection>> {
        let row = match (id, shop_domain) {
            (Some(id), None) => ctx.reader().load_one(entity::ids::ConnectionId::read(&id)?).await?,
            (None, Some(domain)) => connections::find_by_shop(ctx.app().db.read(), &bare(&domain)).await?,
            _ => return Err(Fault::BadInput("Give `id` or `shopDomain`, one of them.".to_owned())),
        };
        Ok(row.filter(|row| ctx.sees(Some(row.id))).map(Connection))
    }
}

/// People paste addresses as their browser shows them.
fn bare(domain: &str) -> String {
    let domain = domain.trim().to_ascii_lowercase();
    let domain = domain.strip_prefix("https://").unwrap_or(&domain);
    match domain.strip_prefix("admin.shopify.com/store/") {
        Some(path) => format!("{}.myshopify.com", path.split(['/', '?']).next().unwrap_or(path)),
        None => domain.split('/').next().unwrap_or(domain).to_owned(),
    }
}
