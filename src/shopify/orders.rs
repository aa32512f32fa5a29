//! Reading orders, complete or not at all.
//!
//! The first page holds few rows of each list, since Shopify charges for what might come; lists that go on are read to their end. An
//! order that changes between two pages would be half old and half new, so it is then read from the start.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Shop,
    documents::{self, Document},
    error::{Cause, Error},
    model::{Gid, Order},
    read,
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
        let found: Vec<Named> = read(data["orders"]["nodes"].take())?;
        Ok(found.into_iter().find(|order| order.name == name).map(|order| order.id))
    }

    /// A page of the orders that `query` (Shopify's search syntax) finds, by `updated_at`; `after` is the last page's `next`.
    ///
    /// # Errors
    /// As any call.
    pub async fn orders_updated(&self, query: &str, after: Option<&str>) -> Result<UpdatedOrders, Error> {
        let mut data = self.ask(&documents::ORDERS_UPDATED, json!({"query": query, "after": after})).await?;
        let page = &mut data["orders"];
        Ok(UpdatedOrders { next: next_page(page), orders: read(page["nodes"].take())? })
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
        let nodes: Vec<Value> = read(data["nodes"].take())?;
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
        let of = order["updatedAt"].take();
        order["updatedAt"] = of.clone();
        for list in ["transactions", "refunds"] {
            if order[list].as_array().is_some_and(|rows| rows.len() >= LIST_LIMIT) {
                return Err(Error::Malformed(format!("an order with {LIST_LIMIT} {list} or more")));
            }
        }
        let id = order["id"].clone();
        for (list, document) in OF_ORDER {
            if !self.rest(document, "order", &id, &mut order[list], list, &of).await? {
                return Ok(false);
            }
        }
        for refund in order["refunds"].as_array_mut().into_iter().flatten() {
            let id = refund["id"].clone();
            for (list, document) in OF_REFUND {
                if !self.rest(document, "refund", &id, &mut refund[list], list, &of).await? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Reads one list of `owner` to its end; `false` when the order is no longer the one `of` that time.
    async fn rest(
        &self,
        document: &Document,
        owner: &str,
        id: &Value,
        connection: &mut Value,
        list: &str,
        of: &Value,
    ) -> Result<bool, Error> {
        let mut next = next_page(connection);
        while let Some(after) = next {
            let mut data = self.ask(document, json!({"id": id, "after": after})).await?;
            let owner = &mut data[owner];
            let updated = owner.get("updatedAt").unwrap_or_else(|| &owner["order"]["updatedAt"]);
            if updated != of {
                return Ok(false);
            }
            let page = &mut owner[list];
            next = next_page(page).filter(|cursor| *cursor != after);
            let mut rows: Vec<Value> = read(page["nodes"].take())?;
            if let Some(nodes) = connection["nodes"].as_array_mut() {
                nodes.append(&mut rows);
            }
        }
        Ok(true)
    }
}

/// The cursor of the next page, where there is one.
fn next_page(connection: &Value) -> Option<String> {
    let info = &connection["pageInfo"];
    if info["hasNextPage"] != true { None } else { info["endCursor"].as_str().map(str::to_owned) }
}
