//! Where queries and mutations begin.

use std::sync::Arc;

use async_graphql::{Context, Enum, Error, ErrorExtensions, ID, Interface, Object, Result};

use super::{
    Asked, World,
    access::{may_read_customers, may_read_orders},
    bulk::{
        BulkOperationCancelPayload, BulkOperationObject, BulkOperationRunQueryPayload, BulkOperationUserError,
        UserError,
    },
    connection::{Connection, Window, bad_request},
    customer::CustomerObject,
    line::LineItemObject,
    order::{Count, OrderObject},
    refund::RefundObject,
    shop::{ApiVersion, AppInstallationObject, ShopObject},
    transaction::TransactionObject,
    webhook::{
        self, WebhookSubscriptionCreatePayload, WebhookSubscriptionDeletePayload, WebhookSubscriptionFormat,
        WebhookSubscriptionInput, WebhookSubscriptionObject, WebhookSubscriptionSortKeys,
        WebhookSubscriptionUpdatePayload,
    },
};
use crate::sandbox::shopify::{
    bulk::Seen,
    model::Order,
    search::{Search, Searchable},
    store::OrderSortKeys,
    webhook::{Subscription, Topic},
};

/// Anything with a global id.
#[derive(Interface, Clone)]
#[graphql(field(name = "id", ty = "ID"))]
pub(super) enum Node {
    Order(OrderObject),
    LineItem(LineItemObject),
    OrderTransaction(TransactionObject),
    Refund(RefundObject),
    Customer(CustomerObject),
    BulkOperation(BulkOperationObject),
    Shop(ShopObject),
    WebhookSubscription(WebhookSubscriptionObject),
}

/// What bulk operations can be sorted by.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BulkOperationsSortKeys {
    CompletedAt,
    CreatedAt,
}

/// Queries.
pub(in crate::sandbox::shopify) struct QueryRoot;

#[Object]
impl QueryRoot {
    async fn shop(&self, ctx: &Context<'_>) -> Result<ShopObject> {
        Ok(ShopObject::of(world(ctx)?))
    }

    async fn current_app_installation(&self, ctx: &Context<'_>) -> Result<AppInstallationObject> {
        Ok(AppInstallationObject(Arc::clone(world(ctx)?)))
    }

    async fn public_api_versions(&self) -> Vec<ApiVersion> {
        ApiVersion::all()
    }

    async fn order(&self, ctx: &Context<'_>, id: ID) -> Option<Result<OrderObject>> {
        match (number(&id, "Order"), may_read_orders(ctx, "order")) {
            (Err(error), _) | (_, Err(error)) => Some(Err(error)),
            (Ok(number), Ok(())) => visible(ctx, number).map(|order| Ok(OrderObject(order))),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the schema has them")]
    async fn orders(
        &self,
        ctx: &Context<'_>,
        after: Option<String>,
        before: Option<String>,
        first: Option<i32>,
        last: Option<i32>,
        query: Option<String>,
        #[graphql(default_with = "Some(false)")] reverse: Option<bool>,
        #[graphql(default_with = "Some(OrderSortKeys::ProcessedAt)")] sort_key: Option<OrderSortKeys>,
    ) -> Result<Connection<OrderObject>> {
        may_read_orders(ctx, "orders")?;
        let sort = sort_key.unwrap_or(OrderSortKeys::ProcessedAt);
        let asked = ctx.data::<Asked>()?;
        let found = match &asked.page {
            Some(page) => page.clone(),
            None => {
                let search = search::<Order>(ctx, query.as_deref())?;
                let world = world(ctx)?;
                world.orders.find(search.as_ref(), world.view(&asked.scopes), sort)
            }
        };
        let window = Window { after, before, first, last, reverse: reverse.unwrap_or_default() };
        window.cut(ctx, found.into_iter().map(OrderObject).collect(), |order| sort.key(&order.0))
    }

    async fn orders_count(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(10000)")] limit: Option<i32>,
        query: Option<String>,
    ) -> Result<Option<Count>> {
        may_read_orders(ctx, "ordersCount")?;
        let search = search::<Order>(ctx, query.as_deref())?;
        let world = world(ctx)?;
        let count =
            world.orders.find(search.as_ref(), world.view(&ctx.data::<Asked>()?.scopes), OrderSortKeys::Id).len();
        let limit = limit.and_then(|limit| usize::try_from(limit).ok());
        Ok(Some(limit.map_or_else(|| Count::exact(count), |limit| Count::up_to(count, limit))))
    }

    async fn refund(&self, ctx: &Context<'_>, id: ID) -> Option<Result<RefundObject>> {
        match (number(&id, "Refund"), may_read_orders(ctx, "refund")) {
            (Err(error), _) | (_, Err(error)) => Some(Err(error)),
            (Ok(number), Ok(())) => find_refund(ctx, number).map(Ok),
        }
    }

    async fn node(&self, ctx: &Context<'_>, id: ID) -> Option<Result<Node>> {
        find(ctx, &id, "node").await.transpose()
    }

    async fn nodes(&self, ctx: &Context<'_>, ids: Vec<ID>) -> Vec<Option<Result<Node>>> {
        let mut nodes = Vec::with_capacity(ids.len());
        for id in &ids {
            nodes.push(find(ctx, id, "nodes").await.transpose());
        }
        nodes
    }

    async fn bulk_operation(&self, ctx: &Context<'_>, id: ID) -> Option<Result<BulkOperationObject>> {
        let number = match number(&id, "BulkOperation") {
            Ok(number) => number,
            Err(error) => return Some(Err(error)),
        };
        let world = world(ctx).ok()?;
        world.bulk.look(world, number).await.map(|seen| Ok(BulkOperationObject(seen)))
    }

    #[expect(clippy::too_many_arguments, reason = "the schema has them")]
    async fn bulk_operations(
        &self,
        ctx: &Context<'_>,
        after: Option<String>,
        before: Option<String>,
        first: Option<i32>,
        last: Option<i32>,
        query: Option<String>,
        #[graphql(default_with = "Some(false)")] reverse: Option<bool>,
        #[graphql(default_with = "Some(BulkOperationsSortKeys::CreatedAt)")] sort_key: Option<BulkOperationsSortKeys>,
    ) -> Result<Connection<BulkOperationObject>> {
        let search = search::<Seen>(ctx, query.as_deref())?;
        let world = world(ctx)?;
        // Newest first; keys count downwards so that cursors do too.
        let by_end = sort_key == Some(BulkOperationsSortKeys::CompletedAt);
        let key = |seen: &Seen| {
            let time = if by_end { seen.completed_at.unwrap_or_default() } else { seen.created_at };
            (-time.timestamp_micros(), u64::MAX - seen.id)
        };
        let mut all = world.bulk.look_at_all(world).await;
        all.retain(|seen| search.as_ref().is_none_or(|search| search.finds(seen)));
        all.sort_by_key(key);
        let window = Window { after, before, first, last, reverse: reverse.unwrap_or_default() };
        window.cut(ctx, all.into_iter().map(BulkOperationObject).collect(), |item| key(&item.0))
    }

    async fn webhook_subscription(&self, ctx: &Context<'_>, id: ID) -> Option<Result<WebhookSubscriptionObject>> {
        let number = match number(&id, "WebhookSubscription") {
            Ok(number) => number,
            Err(error) => return Some(Err(error)),
        };
        let mut own = webhook::own(ctx, world(ctx).ok()?).ok()?.into_iter();
        own.find(|known| known.id == number).map(|known| Ok(WebhookSubscriptionObject(known)))
    }

    #[expect(clippy::too_many_arguments, reason = "the schema has them")]
    async fn webhook_subscriptions(
        &self,
        ctx: &Context<'_>,
        after: Option<String>,
        before: Option<String>,
        first: Option<i32>,
        #[expect(unused_variables, reason = "all are in JSON")] format: Option<WebhookSubscriptionFormat>,
        last: Option<i32>,
        query: Option<String>,
        #[graphql(default_with = "Some(false)")] reverse: Option<bool>,
        #[graphql(default_with = "Some(WebhookSubscriptionSortKeys::CreatedAt)")] sort_key: Option<
            WebhookSubscriptionSortKeys,
        >,
        topics: Option<Vec<Topic>>,
        uri: Option<String>,
    ) -> Result<Connection<WebhookSubscriptionObject>> {
        let search = search::<Subscription>(ctx, query.as_deref())?;
        let mut all = webhook::own(ctx, world(ctx)?)?;
        all.retain(|known| {
            search.as_ref().is_none_or(|search| search.finds(known))
                && topics.as_ref().is_none_or(|topics| topics.contains(&known.topic))
                && uri.as_ref().is_none_or(|uri| *uri == known.uri)
        });
        let by_id = sort_key == Some(WebhookSubscriptionSortKeys::Id);
        let key = |known: &Subscription| (if by_id { 0 } else { known.created_at.timestamp_micros() }, known.id);
        all.sort_by_key(key);
        let window = Window { after, before, first, last, reverse: reverse.unwrap_or_default() };
        window.cut(ctx, all.into_iter().map(WebhookSubscriptionObject).collect(), |item| key(&item.0))
    }

    async fn webhook_subscriptions_count(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(10000)")] limit: Option<i32>,
        query: Option<String>,
    ) -> Result<Option<Count>> {
        let search = search::<Subscription>(ctx, query.as_deref())?;
        let mut own = webhook::own(ctx, world(ctx)?)?;
        own.retain(|known| search.as_ref().is_none_or(|search| search.finds(known)));
        let limit = limit.and_then(|limit| usize::try_from(limit).ok());
        Ok(Some(limit.map_or_else(|| Count::exact(own.len()), |limit| Count::up_to(own.len(), limit))))
    }
}

/// Mutations.
#[derive(Debug)]
pub(in crate::sandbox::shopify) struct Mutation;

#[Object]
impl Mutation {
    async fn bulk_operation_run_query(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = false)] group_objects: bool,
        query: String,
    ) -> Result<Option<BulkOperationRunQueryPayload>> {
        let (asked, world) = (ctx.data::<Asked>()?, world(ctx)?);
        Ok(Some(match world.bulk.run(asked, world, &query, group_objects) {
            Ok(seen) => BulkOperationRunQueryPayload {
                bulk_operation: Some(BulkOperationObject(seen)),
                user_errors: Vec::new(),
            },
            Err(refusals) => {
                let error = |(field, message, code)| BulkOperationUserError { field, message, code: Some(code) };
                let user_errors = refusals.into_iter().map(error).collect();
                BulkOperationRunQueryPayload { bulk_operation: None, user_errors }
            }
        }))
    }

    async fn bulk_operation_cancel(&self, ctx: &Context<'_>, id: ID) -> Option<Result<BulkOperationCancelPayload>> {
        let number = match number(&id, "BulkOperation") {
            Ok(number) => number,
            Err(error) => return Some(Err(error)),
        };
        let world = world(ctx).ok()?;
        Some(Ok(match world.bulk.cancel(world, number) {
            Some((seen, problem)) => BulkOperationCancelPayload {
                bulk_operation: Some(BulkOperationObject(seen)),
                user_errors: problem.map(|message| UserError { field: None, message }).into_iter().collect(),
            },
            None => BulkOperationCancelPayload {
                bulk_operation: None,
                user_errors: vec![UserError {
                    field: Some(vec!["id".to_owned()]),
                    message: "Bulk operation does not exist".to_owned(),
                }],
            },
        }))
    }
    async fn webhook_subscription_create(
        &self,
        ctx: &Context<'_>,
        topic: Topic,
        webhook_subscription: WebhookSubscriptionInput,
    ) -> Option<Result<WebhookSubscriptionCreatePayload>> {
        let (asked, world) = (ctx.data::<Asked>().ok()?, world(ctx).ok()?);
        Some(webhook::create(asked, world, topic, webhook_subscription))
    }

    async fn webhook_subscription_update(
        &self,
        ctx: &Context<'_>,
        id: ID,
        webhook_subscription: WebhookSubscriptionInput,
    ) -> Option<Result<WebhookSubscriptionUpdatePayload>> {
        let (asked, world) = (ctx.data::<Asked>().ok()?, world(ctx).ok()?);
        Some(number(&id, "WebhookSubscription").map(|id| webhook::update(asked, world, id, webhook_subscription)))
    }

    async fn webhook_subscription_delete(
        &self,
        ctx: &Context<'_>,
        id: ID,
    ) -> Option<Result<WebhookSubscriptionDeletePayload>> {
        let (asked, world) = (ctx.data::<Asked>().ok()?, world(ctx).ok()?);
        Some(number(&id, "WebhookSubscription").map(|id| webhook::delete(asked, world, id)))
    }
}

fn world<'a>(ctx: &Context<'a>) -> Result<&'a Arc<World>> {
    ctx.data::<Arc<World>>()
}

/// Reads a query and notes its warnings for the answer.
fn search<T: Searchable>(ctx: &Context<'_>, query: Option<&str>) -> Result<Option<Search>> {
    let Some(query) = query.filter(|query| !query.trim().is_empty()) else { return Ok(None) };
    let search = Search::parse::<T>(query).map_err(|message| bad_request(&message))?;
    if !search.warnings.is_empty() {
        let key = ctx.field().alias().unwrap_or(ctx.field().name());
        let notes = &ctx.data::<Asked>()?.notes;
        notes.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(search.note(key, query));
    }
    Ok(Some(search))
}

/// The number in a global id of this kind; another kind is an error, an id of nothing is not.
fn number(id: &ID, kind: &str) -> Result<u64> {
    split(id).filter(|(of, _)| *of == kind).map(|(_, number)| number).ok_or_else(|| {
        let error = Error::new(format!("Invalid id: {}", id.as_str()));
        error.extend_with(|_, extensions| extensions.set("code", "RESOURCE_NOT_FOUND"))
    })
}

fn split(id: &ID) -> Option<(&str, u64)> {
    let (kind, number) = id.strip_prefix("gid://shopify/")?.split_once('/')?;
    Some((kind, number.split('?').next()?.parse().ok()?))
}

fn visible(ctx: &Context<'_>, id: u64) -> Option<Arc<Order>> {
    let world = world(ctx).ok()?;
    let since = world.view(&ctx.data::<Asked>().ok()?.scopes).since;
    world.orders.get(id).filter(|order| since.is_none_or(|since| order.created_at >= since))
}

fn find_refund(ctx: &Context<'_>, id: u64) -> Option<RefundObject> {
    let (order, at) = world(ctx).ok()?.orders.refund(id)?;
    Some(RefundObject { order: visible(ctx, order.id)?, at })
}

/// Refuses what the token may not see, under the name of the asking field.
async fn find(ctx: &Context<'_>, id: &ID, field: &str) -> Result<Option<Node>> {
    let Some((kind, number)) = split(id) else { return Ok(None) };
    match kind {
        "Order" | "Refund" | "LineItem" | "OrderTransaction" => may_read_orders(ctx, field)?,
        "Customer" => may_read_customers(ctx, field)?,
        _ => {}
    }
    Ok(found(ctx, kind, number).await)
}

async fn found(ctx: &Context<'_>, kind: &str, number: u64) -> Option<Node> {
    let world = world(ctx).ok()?;
    match kind {
        "Order" => visible(ctx, number).map(|order| Node::Order(OrderObject(order))),
        "Refund" => find_refund(ctx, number).map(Node::Refund),
        "BulkOperation" => {
            world.bulk.look(world, number).await.map(|seen| Node::BulkOperation(BulkOperationObject(seen)))
        }
        "LineItem" => {
            let order = visible(ctx, number / 1000)?;
            let at = order.lines.iter().position(|line| line.id == number)?;
            Some(Node::LineItem(LineItemObject { order, at }))
        }
        "OrderTransaction" => {
            let order = visible(ctx, number / 1000)?;
            let at = order.transactions.iter().position(|paid| paid.id == number)?;
            Some(Node::OrderTransaction(TransactionObject { order, at }))
        }
        "Customer" => {
            let all = world.orders.all();
            let mut buyers = all.iter().filter_map(|order| order.customer.as_ref());
            buyers.find(|buyer| buyer.id == number).map(|buyer| Node::Customer(CustomerObject(Arc::clone(buyer))))
        }
        "Shop" => Some(Node::Shop(ShopObject::of(world))),
        "WebhookSubscription" => {
            let mut own = webhook::own(ctx, world).ok()?.into_iter();
            own.find(|known| known.id == number)
                .map(|known| Node::WebhookSubscription(WebhookSubscriptionObject(known)))
        }
        _ => None,
    }
}
