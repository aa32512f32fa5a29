//! The result files over HTTP: no token, a signature in the address instead, and an XML refusal once it is no longer good.

use std::{io::SeekFrom, sync::Arc};

use axum::{
    body::Body,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::{BulkFate, lock};
use crate::sandbox::shopify::http::{Server, broken, spoil};

/// The part of the address that decides.
#[derive(Debug, Deserialize)]
pub(in crate::sandbox::shopify) struct Signed {
    #[serde(rename = "Signature")]
    signature: Option<String>,
}

/// `GET /bulk-operation-outputs/{secret}`.
pub(in crate::sandbox::shopify) async fn download(
    State(server): State<Arc<Server>>,
    Path(secret): Path<String>,
    Query(signed): Query<Signed>,
    headers: HeaderMap,
) -> Response {
    let strike = server.world.faults.strike("bulk:download");
    spoil(strike, file(&server, &secret, signed.signature.as_deref(), &headers)).await
}

async fn file(server: &Server, secret: &str, signature: Option<&str>, headers: &HeaderMap) -> Response {
    let found = {
        let mut operations = lock(&server.world.bulk.operations);
        let operation = operations
            .iter_mut()
            .find(|operation| operation.secret == secret && Some(operation.signature.as_str()) == signature);
        operation.and_then(|operation| {
            let first = !operation.spoilt;
            operation.spoilt = true;
            let offered = operation.seen.url.is_some() || operation.seen.partial_url.is_some();
            let good = offered && !operation.expired(server.world.now());
            good.then(|| (operation.path.clone(), operation.fate, first))
        })
    };
    let Some((path, fate, first)) = found else { return refused() };
    let Ok(mut file) = tokio::fs::File::open(&path).await else { return refused() };
    let Ok(size) = file.metadata().await.map(|meta| meta.len()) else { return refused() };
    let from = range(headers).filter(|&from| from < size);
    if let Some(from) = from
        && file.seek(SeekFrom::Start(from)).await.is_err()
    {
        return refused();
    }
    let left = size - from.unwrap_or_default();
    let kind = [(header::CONTENT_TYPE, "application/jsonl")];
    match fate {
        BulkFate::CutDownload if first => {
            return (kind, Body::from_stream(ReaderStream::new(file.take(left / 2)))).into_response();
        }
        BulkFate::BreakDownload if first => {
            return (kind, broken(ReaderStream::new(file.take(left / 2)))).into_response();
        }
        _ => {}
    }
    let length = [(header::CONTENT_LENGTH, left.to_string()), (header::ACCEPT_RANGES, "bytes".to_owned())];
    let body = Body::from_stream(ReaderStream::with_capacity(file, 64 * 1024));
    match from {
        Some(from) => {
            let range = format!("bytes {from}-{}/{size}", size - 1);
            (StatusCode::PARTIAL_CONTENT, kind, length, [(header::CONTENT_RANGE, range)], body).into_response()
        }
        None => (kind, length, body).into_response(),
    }
}

/// `Range: bytes=100-`; other forms are ignored, as a server may.
fn range(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get(header::RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
}

fn refused() -> Response {
    let body = "<?xml version='1.0' encoding='UTF-8'?><Error><Code>AccessDenied</Code><Message>Access denied.</Message></Error>";
    (StatusCode::FORBIDDEN, [(header::CONTENT_TYPE, "application/xml; charset=UTF-8")], body).into_response()
}
