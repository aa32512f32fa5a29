//! Bulk operations: one query over a window, run by Shopify at its leisure and fetched as a file.

use chrono::{DateTime, SecondsFormat, Utc};
use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::{
    Shop,
    documents::{self, BULK_ORDERS},
    error::{Cause, Error},
    read,
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
        let answer = &mut data["bulkOperationRunQuery"];
        if let Some(refusal) = refusal(answer) {
            return Err(match refusal.as_str() {
                "OPERATION_IN_PROGRESS" | "LIMIT_REACHED" => Error::BulkInProgress,
                _ => Error::Rejected(format!("bulkOperationRunQuery: {refusal}")),
            });
        }
        // It runs, whatever we can read of it.
        read(answer["bulkOperation"].take()).map_err(|error| Error::Unknown(Cause::Answer(error.to_string())))
    }

    /// The operation `id`; `None` where there is none.
    ///
    /// # Errors
    /// As any call.
    pub async fn bulk(&self, id: &str) -> Result<Option<BulkOperation>, Error> {
        let mut data = self.ask(&documents::BULK_STATUS, json!({"id": id})).await?;
        read(data["bulkOperation"].take())
    }

    /// The newest operation of ours with exactly this text, in whatever state: adopted after a lost answer.
    ///
    /// # Errors
    /// As any call.
    pub async fn find_bulk(&self, query: &str) -> Result<Option<BulkOperation>, Error> {
        let mut data = self.ask(&documents::BULK_LIST, json!({})).await?;
        let listed: Vec<Value> = read(data["bulkOperations"]["nodes"].take())?;
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
        let answer = &mut data["bulkOperationCancel"];
        let refusal = refusal(answer);
        let status: Option<BulkStatus> = read(answer["bulkOperation"]["status"].take())?;
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
