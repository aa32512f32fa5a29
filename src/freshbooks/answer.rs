//! What an answer of FreshBooks says.
//!
//! Failures come in three shapes (FreshBooks' own `errors`, google.rpc's `details`, and the bare `errno` of callbacks), also with status
//! 200, and now and then as HTML or nothing. So the body decides, and the status where the body says nothing.

use std::time::Duration;

use chrono::DateTime;
use reqwest::{StatusCode, header::HeaderMap};
use serde_json::Value;

use super::error::{Cause, Error, Fault};

/// The answer's JSON where it is a success, else what went wrong. `body` may be anything.
pub(super) fn judge(write: bool, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Result<Value, Error> {
    let parsed: Option<Value> = serde_json::from_slice(body).ok();
    let status = status.as_u16();
    let fault = parsed.as_ref().and_then(fault);
    let plain = || Fault { message: format!("HTTP {status}"), ..Fault::default() };
    let errno = fault.as_ref().and_then(|fault| fault.errno);
    let rpc = parsed.as_ref().and_then(|body| body["code"].as_i64()).filter(|_| fault.is_some());
    match (status, fault) {
        (204, None) => Ok(Value::Null),
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
            (Some(404), _) => Error::NotFound(fault),
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
    if let (true, Some(errno)) = (body.get("response").is_none(), number(&body["errno"])) {
        return Some(bare_errno(errno, body));
    }
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

/// The callbacks' own shape: a status again, and a sentence for each field.
fn bare_errno(errno: i64, body: &Value) -> Fault {
    let details: Vec<&str> = body["details"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let said = if details.is_empty() { word(&body["message"]) } else { details.join("; ") };
    Fault { errno: Some(errno), message: scrub(&said, ""), ..Fault::default() }
}

fn new_style(detail: &Value) -> Vec<Fault> {
    if let Some(violations) = detail["fieldViolations"].as_array() {
        // The description is left out: it may repeat the value, a person's name as well, and nothing here tells which words those are.
        let fault = |violation: &Value| Fault {
            field: word(&violation["field"]),
            message: "is not accepted".to_owned(),
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
        let callback = json!({"errno": 422, "message": "well-formed but", "details": [
            "event: Value error, Unrecognized event.", "uri: Input should be a valid URL"]});
        let bare = json!({"errno": 404, "message": "Requested resource could not be found."});
        let cases = [
            (
                422,
                callback.to_string(),
                "FreshBooks refused: errno 422, event: Value error, Unrecognized event.; uri: Input should be a valid URL",
            ),
            (404, bare.to_string(), "FreshBooks does not know this: errno 404, Requested resource could not be found."),
            (200, bare.to_string(), "FreshBooks does not know this: errno 404, Requested resource could not be found."),
            (
                401,
                json!({"errno": 401, "message": "invalid_token: x"}).to_string(),
                "FreshBooks no longer accepts our token",
            ),
            (204, String::new(), "fine"),
            (404, old.to_string(), "FreshBooks does not know this: errno 1012, client.userid: Client not found."),
            (200, old.to_string(), "FreshBooks does not know this: errno 1012, client.userid: Client not found."),
            (404, rpc.to_string(), "FreshBooks does not know this: errno 1012, client.userid: Client not found."),
            (200, rpc.to_string(), "FreshBooks does not know this: errno 1012, client.userid: Client not found."),
            (422, single.to_string(), "FreshBooks refused: errno 1001, 'clientid' is a required field."),
            (400, violations.to_string(), "FreshBooks refused: qty: is not accepted; name: is not accepted"),
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
        for description in ["\"Ada Byron\" is not a name", "'Ada Byron' is not a name", "no name: Ada Byron"] {
            let body = json!({"code": 3, "message": "x", "details": [
                {"fieldViolations": [{"field": "client.fname", "description": description}]}]});
            assert_eq!(judged(true, 400, &body.to_string()), "FreshBooks refused: client.fname: is not accepted");
        }
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
