//! Where the platforms ring. Too large, not signed, not readable: in this order, and nothing of it is kept. What is answered 200 is safe.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderName, Response, StatusCode, header},
    response::IntoResponse,
};
use chrono::{DateTime, Utc};
use entity::ids::ConnectionId;
use futures_util::StreamExt;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tracing::{debug, error, info, warn};

use super::{Web, error::line};
use crate::{
    connection as connections,
    freshbooks::callback,
    global_id, grant,
    shopify::webhook as shop,
    subscription, telemetry,
    webhook::{self, Arrival, Intake, freshbooks, shopify},
};

/// Bytes of the longest body of a shop's: an order of some hundred lines has megabytes.
const LARGEST_SHOPIFY: usize = 4 * 1024 * 1024;
/// Bytes of the longest body of FreshBooks': it names ids only.
const LARGEST_FRESHBOOKS: usize = 16 * 1024;
/// KiB of bodies that are in memory at once.
const ROOM: usize = 128 * 1024;
/// How long a body may take: Shopify gives the whole delivery five seconds.
const ARRIVES_WITHIN: Duration = Duration::from_secs(5);
/// Headers beyond this many bytes are not kept.
const HEADERS: usize = 16 * 1024;
/// What no trail should hold.
const SECRET: [HeaderName; 3] = [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION];

/// What the routes of webhooks share.
#[derive(Debug)]
pub(super) struct Doors {
    intake: Intake,
    room: Arc<Semaphore>,
}

impl Doors {
    pub(super) fn to(intake: Intake) -> Self {
        Self { intake, room: Arc::new(Semaphore::new(ROOM)) }
    }

    /// The headers and the body, where it is not too large, comes in time and there is room for it. The room is taken as the bytes come:
    /// whoever only announces them takes none.
    async fn read(&self, request: Request, largest: usize) -> Result<Letter, Refusal> {
        let (parts, body) = request.into_parts();
        let announced = parts.headers.get(header::CONTENT_LENGTH);
        let announced = announced.and_then(|length| length.to_str().ok()?.parse::<usize>().ok()).unwrap_or_default();
        if announced > largest {
            return Err(Refusal::TooLarge(largest));
        }
        let mut letter =
            Letter { headers: parts.headers, body: Vec::with_capacity(announced.min(64 * 1024)), room: Vec::new() };
        let reading = async {
            let mut chunks = body.into_data_stream();
            while let Some(chunk) = chunks.next().await {
                let chunk = chunk.map_err(|_| Refusal::Malformed("the body did not arrive whole".to_owned()))?;
                if letter.body.len() + chunk.len() > largest {
                    return Err(Refusal::TooLarge(largest));
                }
                let needed = u32::try_from(chunk.len().div_ceil(1024)).unwrap_or(u32::MAX);
                let room = self.room.clone().try_acquire_many_owned(needed);
                letter.room.push(room.map_err(|_| Refusal::Overloaded)?);
                letter.body.extend_from_slice(&chunk);
            }
            Ok(())
        };
        match timeout(ARRIVES_WITHIN, reading).await {
            Ok(read) => read.map(|()| letter),
            Err(_) => Err(Refusal::Malformed("the body did not arrive in time".to_owned())),
        }
    }
}

/// A delivery as it came, and the room that it takes.
struct Letter {
    headers: HeaderMap,
    body: Vec<u8>,
    room: Vec<OwnedSemaphorePermit>,
}

/// `POST /webhooks/shopify`: every topic of every shop.
pub(super) async fn from_shopify(State(web): State<Arc<Web>>, request: Request) -> Response<Body> {
    answered(&web, "shopify", shopify_delivery(&web, request).await)
}

/// `POST /webhooks/freshbooks/{connectionId}/{event}`: one event of one connection, and the handshake of its callback.
pub(super) async fn from_freshbooks(
    State(web): State<Arc<Web>>,
    Path((connection, event)): Path<(String, String)>,
    request: Request,
) -> Response<Body> {
    answered(&web, "freshbooks", freshbooks_delivery(&web, &connection, &event, request).await)
}

async fn shopify_delivery(web: &Web, request: Request) -> Result<(), Refusal> {
    let Letter { headers, body, room: _room } = web.doors.read(request, LARGEST_SHOPIFY).await?;
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let shop_domain = text("x-shopify-shop-domain").unwrap_or_default().to_ascii_lowercase();
    let signature = text("x-shopify-hmac-sha256").unwrap_or_default();
    if shop::signed_with(&web.app.config.shopify_client_secrets, &body, signature).is_none() {
        // An app of the shop's own signs with its own secret.
        let own = grant::own_secret(&web.app, &shop_domain).await.map_err(|error| web.failed(error))?;
        let signed = own.is_some_and(|secret| shop::signed_with(&[secret], &body, signature).is_some());
        if !signed {
            return Err(Refusal::Signature);
        }
    }
    let missing = |name: &str| Refusal::Malformed(format!("the header {name} is missing"));
    let topic = text("x-shopify-topic")
        .filter(|topic| (1..=100).contains(&topic.len()))
        .ok_or_else(|| missing("X-Shopify-Topic"))?;
    if shop_domain.is_empty() || shop_domain.len() > 255 {
        return Err(missing("X-Shopify-Shop-Domain"));
    }
    let event = shop::read(topic, &body).map_err(|error| Refusal::Malformed(error.to_string()))?;
    let short = |name: &str| text(name).filter(|value| !value.is_empty() && value.len() <= 200).map(str::to_owned);
    let triggered_at = text("x-shopify-triggered-at").and_then(|at| DateTime::parse_from_rfc3339(at).ok());
    let arrival = shopify::Arrival {
        topic: topic.to_owned(),
        webhook_id: short("x-shopify-webhook-id"),
        event_id: short("x-shopify-event-id"),
        api_version: short("x-shopify-api-version"),
        triggered_at: triggered_at.map(|at| at.with_timezone(&Utc)),
        headers: kept(&headers),
        body_bytes: body.len(),
        shop_domain,
        event,
    };
    Ok(web.doors.intake.take(Arrival::Shopify(arrival)).await?)
}

async fn freshbooks_delivery(web: &Web, connection: &str, event: &str, request: Request) -> Result<(), Refusal> {
    let id = global_id::read("Connection", connection).map(ConnectionId).ok_or(Refusal::Unknown)?;
    let Letter { headers, body, room: _room } = web.doors.read(request, LARGEST_FRESHBOOKS).await?;
    let row = match connections::load(web.app.db.read(), id).await {
        Ok(row) => row,
        Err(connections::Error::Missing) => return Err(Refusal::Unknown),
        Err(error) => return Err(web.failed(error)),
    };
    let unreadable = || Refusal::Malformed("the body is not a form, or too long a one".to_owned());
    let pairs = callback::pairs(&body).ok_or_else(unreadable)?;
    let notice = callback::read(&pairs).map_err(|error| Refusal::Malformed(error.to_string()));
    if let Ok(callback::Notice { name, object_id, verifier: Some(verifier), .. }) = &notice
        && name == callback::VERIFY
    {
        // Anybody could send this: it is an offer, and FreshBooks has the last word.
        subscription::offered(&web.app, id, event, *object_id, verifier.clone())
            .await
            .map_err(|error| web.failed(error))?;
        return Ok(());
    }
    let signature = headers.get("x-freshbooks-hmac-sha256").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let verifiers = subscription::verifiers(&web.app, id, event).await.map_err(|error| web.failed(error))?;
    if !verifiers.iter().any(|verifier| callback::is_signed(verifier, &pairs, signature)) {
        return Err(Refusal::Signature);
    }
    let notice = notice?;
    if row.account_id.as_deref() != Some(notice.account_id.as_str()) {
        return Err(Refusal::Malformed("account_id is not this connection's account".to_owned()));
    }
    let arrival = freshbooks::Arrival {
        connection: id,
        event: notice.name,
        object_id: notice.object_id,
        headers: kept(&headers),
        body_bytes: body.len(),
    };
    Ok(web.doors.intake.take(Arrival::FreshBooks(arrival)).await?)
}

/// Every header as it came, as a JSON list of pairs; what might hold a secret of somebody between is left out.
fn kept(headers: &HeaderMap) -> String {
    let mut room = HEADERS;
    let pairs = headers
        .iter()
        .filter(|(name, _)| !SECRET.contains(name))
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())));
    let fitting: Vec<_> = pairs
        .take_while(|(name, value)| {
            let rest = room.checked_sub(name.len() + value.len());
            room = rest.unwrap_or_default();
            rest.is_some()
        })
        .collect();
    serde_json::to_string(&fitting).unwrap_or_default()
}

/// Why a delivery is not taken.
#[derive(Debug)]
enum Refusal {
    /// Bytes that there may be.
    TooLarge(usize),
    Signature,
    Malformed(String),
    Unknown,
    Overloaded,
    Failed,
}

impl Web {
    fn failed(&self, error: impl std::error::Error + 'static) -> Refusal {
        if self.app.db.failed(&error).is_none() {
            error!(error = &error as &dyn std::error::Error, "a delivery could not be taken; it is sent again");
        }
        Refusal::Failed
    }
}

impl From<webhook::Error> for Refusal {
    fn from(error: webhook::Error) -> Self {
        match error {
            webhook::Error::Overloaded => Self::Overloaded,
            webhook::Error::Failed => Self::Failed,
        }
    }
}

fn answered(web: &Web, platform: &'static str, taken: Result<(), Refusal>) -> Response<Body> {
    let Err(refusal) = taken else { return StatusCode::OK.into_response() };
    let (reason, status, message) = match refusal {
        Refusal::TooLarge(most) => {
            ("too_large", StatusCode::PAYLOAD_TOO_LARGE, format!("The body is larger than {} KiB.", most / 1024))
        }
        Refusal::Signature => ("signature", StatusCode::UNAUTHORIZED, "The signature is not right.".to_owned()),
        Refusal::Malformed(what) => ("malformed", StatusCode::BAD_REQUEST, format!("This cannot be read: {what}.")),
        Refusal::Unknown => ("unknown_connection", StatusCode::NOT_FOUND, "There is no such connection.".to_owned()),
        Refusal::Overloaded => {
            ("overloaded", StatusCode::SERVICE_UNAVAILABLE, "Too many deliveries at once: send it again.".to_owned())
        }
        Refusal::Failed => {
            ("failed", StatusCode::SERVICE_UNAVAILABLE, "This could not be stored: send it again.".to_owned())
        }
    };
    telemetry::webhook_refused(platform, reason);
    match status {
        // A thousand times the same would hide what the trouble is.
        StatusCode::SERVICE_UNAVAILABLE if web.app.db.trouble().is_some() => {
            debug!(platform, reason, "a delivery was not taken; it is sent again");
        }
        StatusCode::SERVICE_UNAVAILABLE => warn!(platform, reason, "a delivery was not taken; it is sent again"),
        _ => info!(platform, reason, "a delivery was refused: {message}"),
    }
    let mut response = line(status, &message);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, 1.into());
    }
    response
}
