//! What can go wrong at FreshBooks, sorted by what the caller can do about it.
//!
//! FreshBooks reports failures in two shapes (its own `errors`, and google.rpc's `details`), in both also with status 200, and now and
//! then as HTML or nothing. What is kept of them names codes and fields; values are dropped, since they may be people's.

use std::time::Duration;

use chrono::DateTime;
use reqwest::{StatusCode, header::HeaderMap};
use serde_json::Value;

/// Why a call brought nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// 429. Nothing was done.
    #[error("FreshBooks asked us to slow down")]
    Throttled {
        /// As long as FreshBooks named; `None` when it named nothing.
        wait: Option<Duration>,
    },
    /// The token, or the grant that it is renewed by, is no longer accepted.
    #[error("FreshBooks no longer accepts our token")]
    Unauthorized,
    /// The person's role, the scopes or the account's state do not allow it.
    #[error("FreshBooks does not allow this: {0}")]
    Forbidden(Fault),
    /// No such object (or account) over there.
    #[error("FreshBooks does not know this: {0}")]
    NotFound(Fault),
    /// Our body or argument is not accepted: the same call will fail again.
    #[error("FreshBooks refused: {0}")]
    Refused(Fault),
    /// Somebody else is writing the same object. Nothing was done; try again in a moment.
    #[error("the object is being changed by another request")]
    Busy,
    /// A read that failed, also when repeated, or a write that never reached FreshBooks.
    #[error("FreshBooks is not available")]
    Unavailable(#[source] Cause),
    /// A write without an answer: it may have been done. Look it up before trying again.
    #[error("no answer: FreshBooks may have done it")]
    Unknown(#[source] Cause),
    /// An answer to a read that is not what the API promises.
    #[error("cannot make sense of FreshBooks' answer: {0}")]
    Malformed(String),
}

/// What lies behind a missing answer.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// No answer at all; never names the address.
    #[error("the connection failed")]
    Transport(#[source] reqwest::Error),
    /// A status that says nothing about the request.
    #[error("HTTP {0}")]
    Status(u16),
    /// FreshBooks' own code for a failure on its side, or what was wrong with its answer.
    #[error("{0}")]
    Answer(String),
}

/// What FreshBooks objects to, without the value that it objects to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    /// FreshBooks' code, such as 1012.
    pub errno: Option<i64>,
    /// Such as `client`; empty where FreshBooks does not say.
    pub object: String,
    /// Such as `userid`; empty where FreshBooks does not say.
    pub field: String,
    /// FreshBooks' words; where it names several faults, all of them.
    pub message: String,
}

impl Fault {
    /// Whether it is about `field`: FreshBooks does not always use its own place for saying so.
    pub fn is_about(&self, field: &str) -> bool {
        self.field == field || self.message.contains(field)
    }

    /// The account itself is unknown, rather than something in it.
    pub(super) fn is_account(&self) -> bool {
        self.object == "account" || self.message.to_ascii_lowercase().contains("account")
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(errno) = self.errno {
            write!(f, "errno {errno}, ")?;
        }
        match (self.object.as_str(), self.field.as_str()) {
            ("", "") => {}
            ("", name) | (name, "") => write!(f, "{name}: ")?,
            (object, field) => write!(f, "{object}.{field}: ")?,
        }
        f.write_str(if self.message.is_empty() { "no reason given" } else { &self.message })
    }
}

impl Error {
    /// Whether the same read may succeed in a moment.
    pub(super) fn is_blip(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// No answer, or none that can be read: a read can be repeated, a write is in doubt.
    pub(super) fn lost(write: bool, cause: Cause) -> Self {
        if write { Self::Unknown(cause) } else { Self::Unavailable(cause) }
    }

    /// A request that did not bring an answer. Where not even a connection came about, nothing was done.
    pub(super) fn transport(write: bool, error: reqwest::Error) -> Self {
        let error = error.without_url();
        if error.is_builder() {
            return Self::Malformed("our own request: the address or the token cannot be sent".to_owned());
        }
        Self::lost(write && !error.is_connect(), Cause::Transport(error))
    }

    /// A success that does not hold what it should.
    pub(super) fn unreadable(write: bool, what: String) -> Self {
        if write { Self::Unknown(Cause::Answer(what)) } else { Self::Malformed(what) }
    }
}

/// The answer's JSON where it is a success, else what went wrong. `body` may be anything.
pub(super) fn judge(write: bool, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Result<Value, Error> {
    let parsed: Option<Value> = serde_json::from_slice(body).ok();
    let status = status.as_u16();
    let fault = parsed.as_ref().and_then(fault);
    let plain = || Fault { message: format!("HTTP {status}"), ..Fault::default() };
    let errno = fault.as_ref().and_then(|fault| fault.errno);
    let rpc = parsed.as_ref().and_then(|body| body["code"].as_i64()).filter(|_| fault.is_some());
    match (status, fault) {
        (200..300, None) => parsed.ok_or_else(|| Error::unreadable(write, "not JSON".to_owned())),
        (429, _) => Err(Error::Throttled { wait: retry_after(headers) }),
        // Not the person's grant, but our own credentials (token endpoint).
        (401, Some(fault)) if fault.message == "invalid_client" => Err(Error::Refused(fault)),
        (401, _) => Err(Error::Unauthorized),
        (409, _) => Err(Error::Busy),
        (408 | 500.., _) => Err(Error::lost(write, Cause::Status(status))),
        // A field that cannot be written is our mistake, not a missing right.
        (403, Some(fault)) if fault.errno == Some(1038) => Err(Error::Refused(fault)),
        (403, fault) => Err(Error::Forbidden(fault.unwrap_or_else(plain))),
        (404, fault) => Err(Error::NotFound(fault.unwrap_or_else(plain))),
        (200..300, Some(fault)) => Err(match (errno, rpc) {
            (Some(409), _) | (_, Some(10)) => Error::Busy,
            (Some(500), _) | (_, Some(13 | 14)) => Error::lost(write, Cause::Answer(fault.to_string())),
            (Some(1003 | 1042), _) | (_, Some(7)) => Error::Forbidden(fault),
            (Some(1011 | 1012), _) | (_, Some(5)) => Error::NotFound(fault),
            (_, Some(8)) => Error::Throttled { wait: retry_after(headers) },
            (_, Some(16)) => Error::Unauthorized,
            _ => Error::Refused(fault),
        }),
        (_, fault) => Err(Error::Refused(fault.unwrap_or_else(plain))),
    }
}

/// The failure that `body` reports in either shape; `None` where it reports none.
fn fault(body: &Value) -> Option<Fault> {
    let errors = match &body["response"]["errors"] {
        Value::Null => Vec::new(),
        Value::Array(list) => list.iter().map(old_style).collect(),
        single => vec![old_style(single)],
    };
    let details = || match body.get("details").and_then(Value::as_array) {
        Some(details) if body.get("response").is_none() => details.iter().flat_map(new_style).collect(),
        _ => Vec::new(),
    };
    // google.rpc without details, and the auth family's own shape.
    let bare = || {
        let code = body["code"].is_number() && body.get("response").is_none();
        let message = if code { &body["message"] } else { &body["error"] };
        message.as_str().map(|message| Fault { message: scrub(message, ""), ..Fault::default() })
    };
    let several = if errors.is_empty() { details() } else { errors };
    let mut several = several.into_iter();
    let Some(mut first) = several.next() else { return bare() };
    for other in several {
        first.message = format!("{}; {other}", first.message);
    }
    Some(first)
}

fn old_style(error: &Value) -> Fault {
    Fault {
        errno: number(&error["errno"]),
        object: word(&error["object"]),
        field: word(&error["field"]),
        message: scrub(error["message"].as_str().unwrap_or_default(), error["value"].as_str().unwrap_or_default()),
    }
}

fn new_style(detail: &Value) -> Vec<Fault> {
    if let Some(violations) = detail["fieldViolations"].as_array() {
        let fault = |violation: &Value| Fault {
            field: word(&violation["field"]),
            message: scrub(violation["description"].as_str().unwrap_or_default(), ""),
            ..Fault::default()
        };
        return violations.iter().map(fault).collect();
    }
    vec![Fault { errno: number(&detail["reason"]), ..old_style(&detail["metadata"]) }]
}

fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// FreshBooks' words without the value they are about, and without addresses.
fn scrub(message: &str, value: &str) -> String {
    let message = if value.is_empty() { message.to_owned() } else { message.replace(value, "…") };
    let word = |word: &str| if word.contains('@') { "…".to_owned() } else { word.to_owned() };
    message.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// Seconds, or a date; this is compared with the answer's own date, so that clocks need not agree.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let wait = text("retry-after")?;
    if let Ok(seconds) = wait.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let (until, now) = (DateTime::parse_from_rfc2822(wait).ok()?, DateTime::parse_from_rfc2822(text("date")?).ok()?);
    Some((until - now).to_std().unwrap_or_default())
}

/// What is wrong with some JSON, without repeating any of it.
pub(super) fn shape(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.split(" at line").next() {
        Some(missing) if missing.starts_with("missing field") => missing.to_owned(),
        _ => format!("{:?} error", error.classify()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judged(write: bool, status: u16, body: &str) -> String {
        let status = StatusCode::from_u16(status).unwrap();
        match judge(write, status, &HeaderMap::new(), body.as_bytes()) {
            Ok(_) => "fine".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn every_shape_of_failure_is_understood() {
        let old = json!({"response": {"errors": [
            {"errno": 1012, "field": "userid", "message": "Client not found.", "object": "client", "value": "77"}]}});
        let single = json!({"response": {"errors": {"errno": "1001", "message": "'clientid' is a required field."}}});
        let rpc = json!({"code": 5, "message": "Request failed with status_code: 404", "details": [
            {"reason": "1012", "metadata": {"object": "client", "message": "Client not found.", "field": "userid"}}]});
        let violations = json!({"code": 3, "message": "x", "details": [{"fieldViolations": [
            {"field": "qty", "description": "must be a number"}, {"field": "name", "description": "is too long"}]}]});
        let taken = json!({"response": {"errors": [{"errno": 1, "field": "invoice_number", "message": "in use"},
            {"errno": 2, "field": "notes", "message": "too long"}]}});
        let read_only = json!({"response": {"errors": [{"errno": 1038, "field": "due_date", "message": "no"}]}});
        let cases = [
            (404, old.to_string(), "FreshBooks does not know this: errno 1012, client.userid: Client not found."),
            (200, old.to_string(), "FreshBooks does not know this: errno 1012, client.userid: Client not found."),
            (404, rpc.to_string(), "FreshBooks does not know this: errno 1012, client.userid: Client not found."),
            (200, rpc.to_string(), "FreshBooks does not know this: errno 1012, client.userid: Client not found."),
            (422, single.to_string(), "FreshBooks refused: errno 1001, 'clientid' is a required field."),
            (400, violations.to_string(), "FreshBooks refused: qty: must be a number; name: is too long"),
            (422, taken.to_string(), "FreshBooks refused: errno 1, invoice_number: in use; errno 2, notes: too long"),
            (403, read_only.to_string(), "FreshBooks refused: errno 1038, due_date: no"),
            (403, "<html>".to_owned(), "FreshBooks does not allow this: HTTP 403"),
            (413, String::new(), "FreshBooks refused: HTTP 413"),
            (409, String::new(), "the object is being changed by another request"),
            (401, json!({"error": "unauthenticated"}).to_string(), "FreshBooks no longer accepts our token"),
            (200, json!({"response": {"errors": [], "result": {}}}).to_string(), "fine"),
            (200, json!({"response": {}}).to_string(), "fine"),
        ];
        for (status, body, expected) in cases {
            assert_eq!(judged(true, status, &body), expected);
        }
    }

    #[test]
    fn what_has_no_readable_answer_is_in_doubt_when_it_was_a_write() {
        for (status, body) in [(500, ""), (502, "<html>"), (408, ""), (200, "<html>"), (200, "")] {
            assert_eq!(judged(true, status, body), "no answer: FreshBooks may have done it");
        }
        assert_eq!(judged(false, 502, "<html>"), "FreshBooks is not available");
        assert_eq!(judged(false, 200, "<html>"), "cannot make sense of FreshBooks' answer: not JSON");
        let inside = json!({"response": {"errors": [{"errno": 500, "message": "x"}]}}).to_string();
        assert_eq!(judged(true, 200, &inside), "no answer: FreshBooks may have done it");
    }

    #[test]
    fn values_do_not_get_into_messages() {
        let body = json!({"response": {"errors": [{"errno": 1004, "field": "email", "value": "Ada Byron",
            "message": "Ada Byron <ada@example.com> is not valid."}]}});
        assert_eq!(judged(true, 422, &body.to_string()), "FreshBooks refused: errno 1004, email: … … is not valid.");
    }

    #[test]
    fn the_wait_is_read_as_seconds_or_as_a_date() {
        let wait = |after: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("retry-after", after.parse().unwrap());
            headers.insert("date", "Fri, 20 Nov 2026 10:00:00 GMT".parse().unwrap());
            match judge(true, StatusCode::TOO_MANY_REQUESTS, &headers, b"") {
                Err(Error::Throttled { wait }) => wait,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(wait("7"), Some(Duration::from_secs(7)));
        assert_eq!(wait("Fri, 20 Nov 2026 10:00:30 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(wait("Fri, 20 Nov 2026 09:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(wait("soon"), None);
    }
}
