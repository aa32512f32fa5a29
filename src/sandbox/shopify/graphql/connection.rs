//! Relay-like connections with Shopify's rules: `first` or `last` is required, 250 at most, 25,000 deep.

use async_graphql::{Context, Error, ErrorExtensions, OutputType, Result, SimpleObject};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::{
    Asked,
    bulk::BulkOperationObject,
    discount::DiscountApplication,
    line::{LineItemObject, ShippingLineObject},
    order::OrderObject,
    refund::{OrderAdjustmentObject, RefundLineItemObject, RefundShippingLineObject},
    transaction::TransactionObject,
    webhook::WebhookSubscriptionObject,
};

/// A page of something.
#[derive(SimpleObject, Debug)]
#[graphql(concrete(name = "OrderConnection", params(OrderObject)))]
#[graphql(concrete(name = "LineItemConnection", params(LineItemObject)))]
#[graphql(concrete(name = "ShippingLineConnection", params(ShippingLineObject)))]
#[graphql(concrete(name = "DiscountApplicationConnection", params(DiscountApplication)))]
#[graphql(concrete(name = "RefundLineItemConnection", params(RefundLineItemObject)))]
#[graphql(concrete(name = "RefundShippingLineConnection", params(RefundShippingLineObject)))]
#[graphql(concrete(name = "OrderAdjustmentConnection", params(OrderAdjustmentObject)))]
#[graphql(concrete(name = "OrderTransactionConnection", params(TransactionObject)))]
#[graphql(concrete(name = "BulkOperationConnection", params(BulkOperationObject)))]
#[graphql(concrete(name = "WebhookSubscriptionConnection", params(WebhookSubscriptionObject)))]
pub(super) struct Connection<T: OutputType>
where
    Edge<T>: OutputType,
{
    edges: Vec<Edge<T>>,
    nodes: Vec<T>,
    page_info: PageInfo,
}

/// One of a page, with its place.
#[derive(SimpleObject, Debug)]
#[graphql(concrete(name = "OrderEdge", params(OrderObject)))]
#[graphql(concrete(name = "LineItemEdge", params(LineItemObject)))]
#[graphql(concrete(name = "ShippingLineEdge", params(ShippingLineObject)))]
#[graphql(concrete(name = "DiscountApplicationEdge", params(DiscountApplication)))]
#[graphql(concrete(name = "RefundLineItemEdge", params(RefundLineItemObject)))]
#[graphql(concrete(name = "RefundShippingLineEdge", params(RefundShippingLineObject)))]
#[graphql(concrete(name = "OrderAdjustmentEdge", params(OrderAdjustmentObject)))]
#[graphql(concrete(name = "OrderTransactionEdge", params(TransactionObject)))]
#[graphql(concrete(name = "BulkOperationEdge", params(BulkOperationObject)))]
#[graphql(concrete(name = "WebhookSubscriptionEdge", params(WebhookSubscriptionObject)))]
pub(super) struct Edge<T: OutputType> {
    cursor: String,
    node: T,
}

/// Where a page stands.
#[derive(SimpleObject, Clone, Debug)]
pub(super) struct PageInfo {
    end_cursor: Option<String>,
    has_next_page: bool,
    has_previous_page: bool,
    start_cursor: Option<String>,
}

/// The arguments that every connection has.
#[derive(Debug, Default)]
pub(super) struct Window {
    pub(super) after: Option<String>,
    pub(super) before: Option<String>,
    pub(super) first: Option<i32>,
    pub(super) last: Option<i32>,
    pub(super) reverse: bool,
}

/// What a list is sorted by, then the id.
pub(super) type Key = (i64, u64);

const DEEPEST: usize = 25_000;

impl Window {
    /// Cuts the page out of everything, which is sorted by `key`. A bulk operation gets it all.
    pub(super) fn cut<T: OutputType + Clone>(
        self,
        ctx: &Context<'_>,
        all: Vec<T>,
        key: impl Fn(&T) -> Key,
    ) -> Result<Connection<T>>
    where
        Edge<T>: OutputType,
    {
        if ctx.data::<Asked>().is_ok_and(Asked::in_bulk) {
            return Ok(Connection::of(&all, &key, false, false));
        }
        let size = match (self.first, self.last) {
            (None, None) => return Err(bad_request("you must provide one of first or last")),
            (Some(_), Some(_)) => return Err(bad_request("providing both first and last is not supported")),
            (Some(size), None) | (None, Some(size)) => size,
        };
        let name = if self.first.is_some() { "first" } else { "last" };
        if size > 250 {
            return Err(bad_request(&format!(
                "{name} cannot exceed 250. To query larger amounts of data with fewer limits, bulk operations should be used \
                 instead.\nSee https://shopify.dev/api/usage/bulk-operations/queries for usage details."
            )));
        }
        let size = usize::try_from(size).map_err(|_| bad_request(&format!("{name} must be a positive number")))?;

        let mut all = all;
        if self.reverse {
            all.reverse();
        }
        let past = |at: Key, mark: Key| if self.reverse { at < mark } else { at > mark };
        let start = match self.after.as_deref().map(read).transpose()? {
            Some(mark) => all.iter().position(|item| past(key(item), mark)).unwrap_or(all.len()),
            None => 0,
        };
        let end = match self.before.as_deref().map(read).transpose()? {
            Some(mark) => all.iter().position(|item| !past(mark, key(item))).unwrap_or(all.len()).max(start),
            None => all.len(),
        };
        let (from, to) = if self.first.is_some() {
            (start, end.min(start + size))
        } else {
            (start.max(end.saturating_sub(size)), end)
        };
        if to > DEEPEST {
            return Err(bad_request("Pagination is limited to the first 25000 objects."));
        }
        Ok(Connection::of(&all[from..to], &key, from > 0, to < all.len()))
    }
}

impl<T: OutputType + Clone> Connection<T>
where
    Edge<T>: OutputType,
{
    fn of(page: &[T], key: &impl Fn(&T) -> Key, before: bool, after: bool) -> Connection<T> {
        let edges: Vec<Edge<T>> =
            page.iter().map(|item| Edge { cursor: write(key(item)), node: item.clone() }).collect();
        let page_info = PageInfo {
            start_cursor: edges.first().map(|edge| edge.cursor.clone()),
            end_cursor: edges.last().map(|edge| edge.cursor.clone()),
            has_previous_page: before,
            has_next_page: after,
        };
        Connection { edges, nodes: page.to_vec(), page_info }
    }
}

fn write((value, id): Key) -> String {
    BASE64_STANDARD.encode(json!({ "last_id": id, "last_value": value.to_string() }).to_string())
}

fn read(cursor: &str) -> Result<Key> {
    let parts = BASE64_STANDARD.decode(cursor).ok();
    let parts = parts.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    let key = parts
        .and_then(|parts| Some((parts.get("last_value")?.as_str()?.parse().ok()?, parts.get("last_id")?.as_u64()?)));
    key.ok_or_else(|| bad_request("Invalid cursor for current pagination sort."))
}

/// An error of the request's making.
pub(super) fn bad_request(message: &str) -> Error {
    Error::new(message).extend_with(|_, extensions| extensions.set("code", "BAD_REQUEST"))
}
