//! A server for this module's tests: gives the prepared replies in turn and keeps what it was asked.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::Response,
};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::{API_VERSION, Shop, Shopify};

pub(super) enum Reply {
    Answer(u16, Vec<u8>),
    /// The request is taken, and nothing ever comes back.
    Silence,
}

impl Reply {
    pub(super) fn json(body: Value) -> Self {
        Self::Answer(200, body.to_string().into_bytes())
    }

    pub(super) fn status(status: u16, body: &str) -> Self {
        Self::Answer(status, body.as_bytes().to_vec())
    }
}

#[derive(Clone)]
pub(super) struct Seen {
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

#[derive(Default)]
struct Script {
    replies: VecDeque<Reply>,
    seen: Vec<Seen>,
}

pub(super) struct Server {
    pub(super) base: String,
    script: Arc<Mutex<Script>>,
}

impl Server {
    pub(super) async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let script = Script { replies: replies.into_iter().collect(), seen: Vec::new() };
        let script = Arc::new(Mutex::new(script));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&script));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { base, script }
    }

    /// The sample shop on this server.
    pub(super) fn shop(&self) -> Shop {
        Shopify::new(http(), &format!("{}/{{shop}}", self.base), API_VERSION, crate::pauses::Pauses::default())
            .shop("sample.myshopify.com", "shpat_secret".into())
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.script.lock().unwrap().seen.clone()
    }
}

pub(super) fn http() -> reqwest::Client {
    reqwest::Client::builder().timeout(Duration::from_millis(500)).build().unwrap()
}

async fn answer(State(script): State<Arc<Mutex<Script>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let reply = {
        let mut script = script.lock().unwrap();
        let body = serde_json::from_slice(&body).unwrap_or_default();
        script.seen.push(Seen { path: parts.uri.to_string(), headers: parts.headers, body });
        script.replies.pop_front().unwrap_or(Reply::Answer(599, b"no further call was expected".to_vec()))
    };
    match reply {
        Reply::Answer(status, body) => {
            Response::builder().status(status).header("x-request-id", "r-1").body(Body::from(body)).unwrap()
        }
        Reply::Silence => std::future::pending().await,
    }
}

/// An amount in both currencies.
pub(super) fn bag(amount: &str) -> Value {
    let money = json!({"amount": amount, "currencyCode": "CAD"});
    json!({"shopMoney": money, "presentmentMoney": money})
}

/// An order's own fields, as a direct read and a bulk line have them alike.
pub(super) fn order_fields(number: i64) -> Value {
    let at = "2026-11-20T10:00:00Z";
    let mut order = json!({
        "id": format!("gid://shopify/Order/{number}"), "name": format!("#{number}"), "number": number, "createdAt": at,
        "processedAt": at, "updatedAt": at, "cancelledAt": null, "cancelReason": null, "test": false, "edited": false,
        "sourceName": "web", "poNumber": null, "note": null, "tags": [], "customAttributes": [{"key": "gift", "value": null}],
        "currencyCode": "CAD", "presentmentCurrencyCode": "CAD", "taxesIncluded": false, "taxExempt": false,
        "dutiesIncluded": false, "displayFinancialStatus": null, "displayFulfillmentStatus": "UNFULFILLED", "email": null,
        "phone": null, "customer": null, "billingAddress": null, "shippingAddress": {"city": "Toronto", "zip": null},
        "totalCashRoundingAdjustment": {"paymentSet": bag("0.0"), "refundSet": bag("0.0")},
        "taxLines": [], "additionalFees": [], "transactions": [], "refunds": [], "totalTaxSet": null
    });
    for total in [
        "totalPriceSet",
        "currentTotalPriceSet",
        "currentTotalTaxSet",
        "totalTipReceivedSet",
        "totalReceivedSet",
        "totalRefundedSet",
        "netPaymentSet",
        "totalOutstandingSet",
        "refundDiscrepancySet",
    ] {
        order[total] = bag("31.9");
    }
    order
}

/// A line item's fields.
pub(super) fn line_fields() -> Value {
    json!({"id": "gid://shopify/LineItem/1", "title": "Mug", "variantTitle": null, "sku": "M-1", "quantity": 2,
        "currentQuantity": 2, "isGiftCard": false, "customAttributes": [], "originalUnitPriceSet": bag("12.0"),
        "originalTotalSet": bag("24.0"), "duties": [],
        "discountAllocations": [{"allocatedAmountSet": bag("2.4"), "discountApplication": {"index": 0}}],
        "taxLines": [{"title": "HST", "rate": 0.13, "channelLiable": false, "priceSet": bag("2.81")}]})
}
