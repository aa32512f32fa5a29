//! Reading orders, complete or not at all.
//!
//! The first page holds few rows of each list, since Shopify charges for what might come; lists that go on are read to their end. An
//! order that changes between two pages would be half old and half new, so it is then read from the start.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    Shop,
    documents::{self, Document},
    error::{Cause, Error},
    model::{Gid, Order},
    part, read,
};

/// How many orders one call asks for.
const BATCH: usize = 20;

/// Lists that Shopify cannot page end here; an order at this limit is refused rather than cut.
const LIST_LIMIT: usize = 250;

/// The lists of an order and of a refund that may go on, and the documents that read on.
const OF_ORDER: [(&str, &Document); 3] = [
    ("lineItems", &documents::ORDER_LINES),
    ("shippingLines", &documents::ORDER_SHIPPING),
    ("discountApplications", &documents::ORDER_DISCOUNTS),
];
const OF_REFUND: [(&str, &Document); 3] = [
    ("refundLineItems", &documents::REFUND_LINES),
    ("refundShippingLines", &documents::REFUND_SHIPPING),
    ("transactions", &documents::REFUND_TRANSACTIONS),
];

/// A page of [`Shop::orders_updated`].
#[derive(Clone, Debug)]
pub struct UpdatedOrders {
    /// Oldest change first.
    pub orders: Vec<UpdatedOrder>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<String>,
}

/// An order that changed, and when.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are Shopify's, and so is their documentation")]
pub struct UpdatedOrder {
    pub id: Gid,
    pub updated_at: DateTime<Utc>,
}

impl Shop {
    /// Complete orders in the order asked, as many as wanted (twenty per request); `None` where Shopify shows none.
    ///
    /// # Errors
    /// [`Error::Malformed`] also for an order with more transactions or refunds than Shopify lists; else as any call.
    pub async fn orders(&self, ids: &[Gid]) -> Result<Vec<Option<Order>>, Error> {
        let mut orders = Vec::with_capacity(ids.len());
        for ids in ids.chunks(BATCH) {
            for (first, id) in self.first_pages(ids).await?.into_iter().zip(ids) {
                orders.push(match first {
                    Some(first) => self.complete(id, first).await?,
                    None => None,
                });
            }
        }
        Ok(orders)
    }

    /// How many orders [`Shop::orders`] can read within a minute by what the shop's budget allows; `None` before anything is known of it.
    pub fn orders_per_minute(&self) -> Option<u64> {
        let calls = self.shopify.0.budgets.per_minute(&self.domain, documents::ORDERS.name, Instant::now())?;
        Some(calls * BATCH as u64)
    }

    /// The newest order called exactly `name` (such as `#1001`).
    ///
    /// # Errors
    /// As any call.
    pub async fn order_id_by_name(&self, name: &str) -> Result<Option<Gid>, Error> {
        #[derive(Deserialize)]
        struct Named {
            id: Gid,
            name: String,
        }
        let quoted = name.replace('\\', "\\\\").replace('\'', "\\'");
        let mut data = self.ask(&documents::ORDER_BY_NAME, json!({"query": format!("name:'{quoted}'")})).await?;
        let found: Vec<Named> = read(part(&mut data, "/orders/nodes"))?;
        Ok(found.into_iter().find(|order| order.name == name).map(|order| order.id))
    }

    /// A page of the orders that `query` (Shopify's search syntax) finds, by `updated_at`; `after` is the last page's `next`.
    ///
    /// # Errors
    /// As any call.
    pub async fn orders_updated(&self, query: &str, after: Option<&str>) -> Result<UpdatedOrders, Error> {
        let mut data = self.ask(&documents::ORDERS_UPDATED, json!({"query": query, "after": after})).await?;
        let next = next_page(&data["orders"], after)?;
        Ok(UpdatedOrders { next, orders: read(part(&mut data, "/orders/nodes"))? })
    }

    /// How many orders `query` (Shopify's search syntax) finds.
    ///
    /// # Errors
    /// [`Error::Malformed`] where Shopify gives only a lower bound; else as any call.
    pub async fn count_orders(&self, query: &str) -> Result<u64, Error> {
        let data = self.ask(&documents::ORDERS_COUNT, json!({"query": query})).await?;
        let count = &data["ordersCount"];
        match (count["precision"].as_str(), count["count"].as_u64()) {
            (Some("EXACT"), Some(count)) => Ok(count),
            _ => Err(Error::Malformed("ordersCount is not exact".to_owned())),
        }
    }

    async fn first_pages(&self, ids: &[Gid]) -> Result<Vec<Option<Value>>, Error> {
        let mut data = self.ask(&documents::ORDERS, json!({"ids": ids})).await?;
        let nodes: Vec<Value> = read(part(&mut data, "/nodes"))?;
        if nodes.len() != ids.len() {
            return Err(Error::Malformed(format!("{} orders for {} ids", nodes.len(), ids.len())));
        }
        // An object that is not an order comes back without a field.
        Ok(nodes.into_iter().map(|node| node["id"].is_string().then_some(node)).collect())
    }

    /// The order of which `first` is the first page, read to its end.
    async fn complete(&self, id: &Gid, first: Value) -> Result<Option<Order>, Error> {
        let mut order = first;
        for _ in 0..3 {
            if self.read_on(&mut order).await? {
                return read(order).map(Some);
            }
            match self.first_pages(std::slice::from_ref(id)).await?.pop().flatten() {
                Some(again) => order = again,
                None => return Ok(None),
            }
        }
        Err(Error::Unavailable(Cause::Moving))
    }

    /// Appends what follows the first pages; `false` when the order changed meanwhile.
    async fn read_on(&self, order: &mut Value) -> Result<bool, Error> {
        let of = order["updatedAt"].clone();
        for list in ["transactions", "refunds"] {
            if order[list].as_array().is_some_and(|rows| rows.len() >= LIST_LIMIT) {
                return Err(Error::Malformed(format!("an order with {LIST_LIMIT} {list} or more")));
            }
        }
        let id = order["id"].clone();
        for (list, document) in OF_ORDER {
            if !self.rest(document, "order", &id, order, list, &of).await? {
                return Ok(false);
            }
        }
        for refund in order.pointer_mut("/refunds").and_then(Value::as_array_mut).into_iter().flatten() {
            let id = refund["id"].clone();
            for (list, document) in OF_REFUND {
                if !self.rest(document, "refund", &id, refund, list, &of).await? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Reads one list of `owner`, a `kind`, to its end; `false` when the order is no longer the one `of` that time.
    async fn rest(
        &self,
        document: &Document,
        kind: &str,
        id: &Value,
        owner: &mut Value,
        list: &str,
        of: &Value,
    ) -> Result<bool, Error> {
        let mut next = next_page(&owner[list], None)?;
        while let Some(after) = next {
            let mut data = self.ask(document, json!({"id": id, "after": after})).await?;
            let seen = &data[kind];
            if seen.get("updatedAt").unwrap_or(&seen["order"]["updatedAt"]) != of {
                return Ok(false);
            }
            next = next_page(&seen[list], Some(&after))?;
            let mut rows: Vec<Value> = read(part(&mut data, &format!("/{kind}/{list}/nodes")))?;
            if let Some(nodes) = owner.pointer_mut(&format!("/{list}/nodes")).and_then(Value::as_array_mut) {
                nodes.append(&mut rows);
            }
        }
        Ok(true)
    }
}

/// Where the page after `connection` begins; `None` on the last one. A list that cannot be read to its end is an error, not an end.
pub(super) fn next_page(connection: &Value, this: Option<&str>) -> Result<Option<String>, Error> {
    let info = &connection["pageInfo"];
    match (info["hasNextPage"].as_bool(), info["endCursor"].as_str()) {
        (Some(false), _) => Ok(None),
        (Some(true), Some(next)) if Some(next) != this => Ok(Some(next.to_owned())),
        _ => Err(Error::Malformed("a list that does not say how it goes on".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::*, *};

    fn data(data: Value) -> Reply {
        Reply::json(json!({ "data": data }))
    }

    fn connection(nodes: Value, next: Option<&str>) -> Value {
        json!({"nodes": nodes, "pageInfo": {"hasNextPage": next.is_some(), "endCursor": next}})
    }

    fn line(number: i64) -> Value {
        let mut line = line_fields();
        line["id"] = json!(Gid::new("LineItem", number));
        line
    }

    fn refund_line(of: i64) -> Value {
        json!({"quantity": 1, "subtotalSet": bag("1.0"), "totalTaxSet": bag("0.13"), "lineItem": {"id": Gid::new("LineItem", of)}})
    }

    /// An order of one line and one refund of one line, both of which may go on.
    fn first_page(updated: &str, next: Option<&str>, refund_next: Option<&str>) -> Value {
        let mut order = order_fields(1001);
        order["updatedAt"] = json!(updated);
        order["lineItems"] = connection(json!([line(1)]), next);
        order["shippingLines"] = connection(json!([]), None);
        order["discountApplications"] = connection(json!([{"index": 0, "code": "WELCOME"}]), None);
        order["refunds"] = json!([{"id": "gid://shopify/Refund/5", "createdAt": null, "processedAt": "2026-11-20T10:00:00Z",
            "note": null, "totalRefundedSet": bag("1.13"), "duties": null,
            "refundLineItems": connection(json!([refund_line(1)]), refund_next),
            "refundShippingLines": connection(json!([]), None),
            "transactions": connection(json!([]), None)}]);
        order
    }

    const THEN: &str = "2026-11-20T10:00:00Z";
    const LATER: &str = "2026-11-20T10:00:07Z";

    fn ids(numbers: std::ops::Range<i64>) -> Vec<Gid> {
        numbers.map(|number| Gid::new("Order", number)).collect()
    }

    #[tokio::test]
    async fn an_order_is_read_to_the_end_of_every_list() {
        let lines = |nodes, next| data(json!({"order": {"updatedAt": THEN, "lineItems": connection(nodes, next)}}));
        let server = Server::start([
            data(json!({"nodes": [null, first_page(THEN, Some("c1"), Some("r1")), {}]})),
            lines(json!([line(2), line(3)]), Some("c2")),
            lines(json!([line(4)]), None),
            data(json!({"refund": {"order": {"updatedAt": THEN}, "refundLineItems": connection(json!([refund_line(2)]), None)}})),
        ])
        .await;
        let orders = server.shop().orders(&ids(1000..1003)).await.unwrap();
        let [None, Some(order), None] = &orders[..] else { panic!("{orders:?}") };
        assert_eq!(order.line_items.iter().filter_map(|line| line.id.number()).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!(order.refunds[0].refund_line_items.len(), 2);
        assert_eq!(order.line_items[0].tax_lines[0].rate.unwrap().to_string(), "0.13");
        let asked: Vec<_> = server.seen().into_iter().map(|seen| seen.body["variables"].clone()).collect();
        assert_eq!(asked[1], json!({"id": "gid://shopify/Order/1001", "after": "c1"}));
        assert_eq!(asked[3], json!({"id": "gid://shopify/Refund/5", "after": "r1"}));
    }

    #[tokio::test]
    async fn an_order_that_changes_between_two_pages_is_read_from_the_start() {
        let server = Server::start([
            data(json!({"nodes": [first_page(THEN, Some("c1"), None)]})),
            data(json!({"order": {"updatedAt": LATER, "lineItems": connection(json!([line(2)]), None)}})),
            data(json!({"nodes": [first_page(LATER, None, None)]})),
        ])
        .await;
        let orders = server.shop().orders(&ids(1001..1002)).await.unwrap();
        assert_eq!(orders[0].as_ref().unwrap().line_items.len(), 1, "not a mixture");
    }

    #[tokio::test]
    async fn a_list_that_cannot_be_read_to_its_end_is_an_error() {
        let stuck = json!({"order": {"updatedAt": THEN, "lineItems": connection(json!([line(2)]), Some("c1"))}});
        let mut endless = first_page(THEN, Some("c1"), None);
        endless["lineItems"]["pageInfo"]["endCursor"] = Value::Null;
        let server = Server::start([
            data(json!({"nodes": [first_page(THEN, Some("c1"), None)]})),
            data(stuck),
            data(json!({"nodes": [endless]})),
            data(json!({"nodes": [7]})),
            data(json!({"nodes": [{"id": "gid://shopify/Order/1", "refunds": [7]}]})),
            data(json!({"nodes": "x"})),
        ])
        .await;
        for case in ["stuck", "endless"] {
            assert!(matches!(server.shop().orders(&ids(0..1)).await, Err(Error::Malformed(_))), "{case}");
        }
        assert!(server.shop().orders(&ids(0..1)).await.unwrap()[0].is_none());
        for case in ["strange refunds", "strange nodes"] {
            assert!(matches!(server.shop().orders(&ids(0..1)).await, Err(Error::Malformed(_))), "{case}");
        }
    }

    #[tokio::test]
    async fn many_orders_go_out_in_twenties() {
        let nothing = |count| data(json!({"nodes": vec![Value::Null; count]}));
        let server = Server::start([nothing(20), nothing(5)]).await;
        assert_eq!(server.shop().orders(&ids(0..25)).await.unwrap().len(), 25);
        let server = Server::start([nothing(3)]).await;
        assert!(matches!(server.shop().orders(&ids(0..2)).await, Err(Error::Malformed(_))));
    }

    #[tokio::test]
    async fn a_name_is_quoted_and_compared_exactly() {
        let found = json!([{"id": "gid://shopify/Order/3", "name": "#1001-A"}, {"id": "gid://shopify/Order/2", "name": "#1001"},
            {"id": "gid://shopify/Order/1", "name": "#1001"}]);
        let server =
            Server::start([data(json!({"orders": {"nodes": found}})), data(json!({"orders": {"nodes": []}}))]).await;
        assert_eq!(server.shop().order_id_by_name("#1001").await.unwrap(), Some(Gid::new("Order", 2)));
        assert_eq!(server.shop().order_id_by_name("it's").await.unwrap(), None);
        assert_eq!(server.seen()[1].body["variables"]["query"], r"name:'it\'s'");
    }

    #[tokio::test]
    async fn a_lower_bound_is_not_a_count() {
        let count = |precision: &str| data(json!({"ordersCount": {"count": 10000, "precision": precision}}));
        let server = Server::start([count("EXACT"), count("AT_LEAST")]).await;
        assert_eq!(server.shop().count_orders("x").await.unwrap(), 10000);
        assert!(server.shop().count_orders("x").await.is_err());
    }
}
