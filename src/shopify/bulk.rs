//! Bulk operations: one query over a window, run by Shopify at its leisure and fetched as a file.

use chrono::{DateTime, SecondsFormat, Utc};
use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::{
    Shop,
    documents::{self, BULK_ORDERS},
    error::{Cause, Error},
    part, read,
};

/// The query that reads every order changed from `since` (inclusive) until `until` (exclusive), both in whole seconds.
///
/// The text is the operation's natural key: the same window gives the same text, see [`Shop::find_bulk`].
pub fn bulk_orders_query(since: Option<DateTime<Utc>>, until: DateTime<Utc>) -> String {
    let text = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let since = since.map(|since| format!("updated_at:>='{}' AND ", text(since))).unwrap_or_default();
    let lines = BULK_ORDERS.text.lines().filter(|line| !line.starts_with('#'));
    lines.collect::<Vec<_>>().join("\n").replace("WINDOW", &format!("{since}updated_at:<'{}'", text(until)))
}

/// An operation as it stands.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names are Shopify's, and so is their documentation")]
pub struct BulkOperation {
    pub id: String,
    pub status: BulkStatus,
    /// `ACCESS_DENIED`, `INTERNAL_SERVER_ERROR`, `TIMEOUT`.
    pub error_code: Option<String>,
    pub created_at: DateTime<Utc>,
    pub completed_at: Option<DateTime<Utc>>,
    /// All lines of the file.
    #[serde(deserialize_with = "count")]
    pub object_count: u64,
    /// Lines without a parent: orders.
    #[serde(deserialize_with = "count")]
    pub root_object_count: u64,
    /// Bytes; `None` until it is done.
    #[serde(deserialize_with = "size")]
    pub file_size: Option<u64>,
    /// Signed: whoever has it can read the orders. `None` also when a completed operation found nothing.
    #[serde(deserialize_with = "secret")]
    pub url: Option<SecretString>,
    /// What a failed operation had got to: it proves nothing.
    #[serde(deserialize_with = "secret")]
    pub partial_data_url: Option<SecretString>,
}

/// Where an operation stands. The first two and `Canceling` go on by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names are Shopify's, and so is their documentation")]
pub enum BulkStatus {
    Created,
    Running,
    Completed,
    Failed,
    Canceling,
    Canceled,
    /// The result is older than seven days and gone.
    Expired,
}

impl Shop {
    /// Starts an operation, children grouped under their orders. After [`Error::Unknown`] ask [`Shop::find_bulk`].
    ///
    /// # Errors
    /// [`Error::BulkInProgress`] when Shopify runs as many as it will; else as any mutation.
    pub async fn start_bulk(&self, query: &str) -> Result<BulkOperation, Error> {
        let mut data = self.ask(&documents::BULK_RUN, json!({"query": query})).await?;
        let mut answer = part(&mut data, "/bulkOperationRunQuery");
        if let Some(refusal) = refusal(&answer) {
            return Err(match refusal.as_str() {
                "OPERATION_IN_PROGRESS" | "LIMIT_REACHED" => Error::BulkInProgress,
                _ => Error::Rejected(format!("bulkOperationRunQuery: {refusal}")),
            });
        }
        // It runs, whatever we can read of it.
        read(part(&mut answer, "/bulkOperation")).map_err(|error| Error::Unknown(Cause::Answer(error.to_string())))
    }

    /// The operation `id`; `None` where there is none.
    ///
    /// # Errors
    /// As any call.
    pub async fn bulk(&self, id: &str) -> Result<Option<BulkOperation>, Error> {
        let mut data = self.ask(&documents::BULK_STATUS, json!({"id": id})).await?;
        read(part(&mut data, "/bulkOperation"))
    }

    /// The newest operation of ours with exactly this text, in whatever state: adopted after a lost answer.
    ///
    /// # Errors
    /// As any call.
    pub async fn find_bulk(&self, query: &str) -> Result<Option<BulkOperation>, Error> {
        let mut data = self.ask(&documents::BULK_LIST, json!({})).await?;
        let listed: Vec<Value> = read(part(&mut data, "/bulkOperations/nodes"))?;
        let ours = listed.into_iter().filter(|operation| operation["query"] == query);
        let ours = ours.map(read).collect::<Result<Vec<BulkOperation>, Error>>()?;
        Ok(ours.into_iter().rev().max_by_key(|operation| operation.created_at))
    }

    /// Makes sure that `id` is not, or not for long, running.
    ///
    /// # Errors
    /// [`Error::Rejected`] when there is no such operation; else as any call.
    pub async fn cancel_bulk(&self, id: &str) -> Result<(), Error> {
        let mut data = self.ask(&documents::BULK_CANCEL, json!({"id": id})).await?;
        let refusal = refusal(&data["bulkOperationCancel"]);
        let status: Option<BulkStatus> = read(part(&mut data, "/bulkOperationCancel/bulkOperation/status"))?;
        match (status, refusal) {
            // An operation that has ended cannot be cancelled, and need not.
            (Some(BulkStatus::Created | BulkStatus::Running), Some(refusal)) | (None, Some(refusal)) => {
                Err(Error::Rejected(format!("bulkOperationCancel: {refusal}")))
            }
            (Some(_), _) => Ok(()),
            (None, None) => Err(Error::Malformed("bulkOperationCancel answered nothing".to_owned())),
        }
    }
}

/// The first of a payload's `userErrors`: its code, else its field. The message may quote what we sent.
fn refusal(payload: &Value) -> Option<String> {
    let first = payload["userErrors"].as_array()?.first()?;
    let field = || {
        let path: Vec<&str> = first["field"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        format!("refused for {}", if path.is_empty() { "no field".to_owned() } else { path.join(".") })
    };
    Some(first["code"].as_str().map_or_else(field, str::to_owned))
}

/// Shopify writes 64-bit numbers as strings.
fn count<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    size(from)?.ok_or_else(|| serde::de::Error::custom("no count"))
}

fn size<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    match Value::deserialize(from)? {
        Value::Null => Ok(None),
        Value::Number(number) => Ok(number.as_u64()),
        Value::String(text) => text.parse().map(Some).map_err(serde::de::Error::custom),
        _ => Err(serde::de::Error::custom("not a count")),
    }
}

fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SecretString>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.map(SecretString::from))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::{super::testing::*, *};

    fn operation(number: i64, status: &str, created: &str, query: &str) -> Value {
        json!({"id": format!("gid://shopify/BulkOperation/{number}"), "status": status, "errorCode": null, "createdAt": created,
            "completedAt": null, "objectCount": "12", "rootObjectCount": "3", "fileSize": null,
            "url": if status == "COMPLETED" { json!("https://storage.example.com/x?sig=1") } else { Value::Null },
            "partialDataUrl": null, "query": query})
    }

    fn data(data: Value) -> Reply {
        Reply::json(json!({ "data": data }))
    }

    #[test]
    fn a_window_is_half_open_and_in_utc() {
        let (since, until) = ("2026-11-01T00:00:00Z".parse().unwrap(), "2026-11-02T00:00:00.9Z".parse().unwrap());
        let query = bulk_orders_query(Some(since), until);
        assert!(query.contains(
            r#"orders(query: "updated_at:>='2026-11-01T00:00:00Z' AND updated_at:<'2026-11-02T00:00:00Z'")"#
        ));
        assert!(bulk_orders_query(None, until).contains(r#"orders(query: "updated_at:<'2026-11-02T00:00:00Z'")"#));
        assert!(!query.contains("sortKey") && !query.contains('#') && query.len() < 65_535);
    }

    #[tokio::test]
    async fn an_operation_starts_is_read_and_hides_its_address() {
        let started = operation(1, "CREATED", "2026-11-20T10:00:00Z", "q");
        let done = operation(1, "COMPLETED", "2026-11-20T10:00:00Z", "q");
        let server = Server::start([
            data(json!({"bulkOperationRunQuery": {"bulkOperation": started, "userErrors": []}})),
            data(json!({"bulkOperation": done})),
            data(json!({"bulkOperation": null})),
        ])
        .await;
        let operation = server.shop().start_bulk("q").await.unwrap();
        assert_eq!((operation.status, operation.object_count), (BulkStatus::Created, 12));
        let operation = server.shop().bulk(&operation.id).await.unwrap().unwrap();
        assert!(operation.url.as_ref().unwrap().expose_secret().starts_with("https://storage"));
        assert!(!format!("{operation:?}").contains("sig=1"));
        assert!(server.shop().bulk("gid://shopify/BulkOperation/2").await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_full_house_is_told_from_a_bad_query() {
        let refused = |code: &str| {
            let error = json!({"field": ["query"], "message": "quoted text", "code": code});
            data(json!({"bulkOperationRunQuery": {"bulkOperation": null, "userErrors": [error]}}))
        };
        let server = Server::start([refused("OPERATION_IN_PROGRESS"), refused("INVALID")]).await;
        assert!(matches!(server.shop().start_bulk("q").await, Err(Error::BulkInProgress)));
        let error = server.shop().start_bulk("q").await.unwrap_err();
        assert_eq!(error.to_string(), "Shopify rejected our request: bulkOperationRunQuery: INVALID");
    }

    #[tokio::test]
    async fn an_operation_is_found_again_by_its_text() {
        let list = json!([
            operation(4, "RUNNING", "2026-11-20T10:00:00Z", "other"),
            operation(3, "RUNNING", "2026-11-20T09:00:00Z", "q"),
            operation(2, "CANCELED", "2026-11-20T08:00:00Z", "q")
        ]);
        let server = Server::start([data(json!({"bulkOperations": {"nodes": list}}))]).await;
        let found = server.shop().find_bulk("q").await.unwrap().unwrap();
        assert_eq!(found.id, "gid://shopify/BulkOperation/3");
    }

    #[tokio::test]
    async fn cancelling_what_has_ended_is_fine() {
        let answer = |operation: Value, errors: Value| {
            data(json!({"bulkOperationCancel": {"bulkOperation": operation, "userErrors": errors}}))
        };
        let refusal = |field: Value| json!([{"field": field, "message": "x"}]);
        let server = Server::start([
            answer(json!({"status": "CANCELING"}), json!([])),
            answer(json!({"status": "COMPLETED"}), refusal(Value::Null)),
            answer(Value::Null, refusal(json!(["id"]))),
        ])
        .await;
        server.shop().cancel_bulk("1").await.unwrap();
        server.shop().cancel_bulk("1").await.unwrap();
        let error = server.shop().cancel_bulk("1").await.unwrap_err();
        assert_eq!(error.to_string(), "Shopify rejected our request: bulkOperationCancel: refused for id");
    }
}
