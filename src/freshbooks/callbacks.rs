//! Callbacks of this app in one account: what FreshBooks will send, and where to.
//!
//! A new callback sends nothing until it is verified: FreshBooks posts a verifier to its address, perhaps before the create has answered,
//! and we hand that back. One callback has one event; whether FreshBooks takes the same event and address twice is not certain.

use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Books, Error, Request, part, read};

/// Of the events family: [`Books`] knows where that is.
const PATH: &str = "events/callbacks";
const KEY: &str = "callback";

/// A callback as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Row")]
pub struct Callback {
    /// What a verification names, and what the other calls take.
    pub id: i64,
    /// Such as `invoice.update`.
    pub event: String,
    /// Where it goes.
    pub uri: String,
    /// Whether it sends anything.
    pub verified: bool,
}

/// Answers name the id by one word, by the other, or by both.
#[derive(Deserialize)]
struct Row {
    #[serde(default)]
    callbackid: Value,
    #[serde(default)]
    id: Value,
    event: String,
    uri: String,
    #[serde(default)]
    verified: bool,
}

impl TryFrom<Row> for Callback {
    type Error = &'static str;

    fn try_from(row: Row) -> Result<Self, Self::Error> {
        let number = |id: &Value| id.as_i64().or_else(|| id.as_str()?.parse().ok());
        let id = number(&row.callbackid).or_else(|| number(&row.id)).ok_or("no callbackid")?;
        Ok(Self { id, event: row.event, uri: row.uri, verified: row.verified })
    }
}

impl Books {
    /// Every callback of this app in the account.
    ///
    /// # Errors
    /// As any read; see [`Error`].
    pub async fn callbacks(&self) -> Result<Vec<Callback>, Error> {
        self.list(PATH, &[], "callbacks").await
    }

    /// Asks for `event` (such as `invoice.update`) at `uri`; FreshBooks then posts the verifier there. After [`Error::Unknown`] list them.
    ///
    /// # Errors
    /// [`Error::Refused`] for an event or an address that FreshBooks does not accept; else as any write.
    pub async fn create_callback(&self, event: &str, uri: &str) -> Result<Callback, Error> {
        self.write(&Request::create(PATH, KEY, json!({"event": event, "uri": uri})), KEY).await
    }

    /// Proves that we got the verifier. Doing it twice does no harm.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such callback any more; what FreshBooks says to a wrong verifier is not known.
    pub async fn verify_callback(&self, id: i64, verifier: &SecretString) -> Result<Callback, Error> {
        let answer = self.change(id, json!({"verifier": verifier.expose_secret()}));
        read(false, part(&mut answer.await?, KEY), KEY)
    }

    /// Has the verifier posted once more: it is the same as before as far as known, and the newest one counts.
    ///
    /// # Errors
    /// As [`Books::verify_callback`].
    pub async fn resend_callback(&self, id: i64) -> Result<(), Error> {
        self.change(id, json!({"resend": true})).await.map(drop)
    }

    /// Makes sure that there is no callback `id`.
    ///
    /// # Errors
    /// As any call, and it may be tried again.
    pub async fn delete_callback(&self, id: i64) -> Result<(), Error> {
        let path = format!("{PATH}/{id}");
        let request = || self.request(Method::DELETE, &path);
        let gone = self.paced(self.freshbooks.repeat(&format!("DELETE {path}"), request)).await;
        match gone {
            Ok(_) => Ok(()),
            Err(Error::NotFound(fault)) if !fault.is_account() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Unlike other writes this one may be repeated.
    async fn change(&self, id: i64, fields: Value) -> Result<Value, Error> {
        let path = format!("{PATH}/{id}");
        let body = json!({ KEY: fields });
        let request = || self.request(Method::PUT, &path).json(&body);
        self.paced(self.freshbooks.repeat(&format!("PUT {path}"), request)).await
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::*, *};
    use crate::freshbooks::callback::EVENTS;

    const URI: &str = "https://sync.example.com/webhooks/freshbooks";

    fn row(id: i64, event: &str, verified: bool) -> Value {
        json!({"callbackid": id, "id": id, "event": event, "uri": URI, "verified": verified, "updated_at": "2026-11-20 10:00:00"})
    }

    fn one(row: Value) -> Reply {
        Reply::json(200, json!({"response": {"result": {"callback": row}}}))
    }

    fn page(rows: Value, page: u64, pages: u64) -> Reply {
        Reply::json(200, json!({"response": {"result": {"callbacks": rows, "page": page, "pages": pages, "total": 3}}}))
    }

    fn fault(status: u16, details: &[&str]) -> Reply {
        Reply::json(
            status,
            json!({"errno": status, "message": "Requested resource could not be found.", "details": details}),
        )
    }

    #[tokio::test]
    async fn all_are_listed_whichever_way_they_name_their_id() {
        let first = json!([row(1, EVENTS[0], true), {"callbackid": 2, "event": EVENTS[1], "uri": URI}]);
        let second = json!([{"callbackid": "3", "event": EVENTS[2], "uri": URI, "verified": false}, {"callbackid": 2, "event": EVENTS[1], "uri": URI}]);
        let server =
            Server::start([page(first, 1, 2), page(second, 2, 2), page(json!([{"event": "x", "uri": "y"}]), 1, 1)])
                .await;
        let found = server.books().callbacks().await.unwrap();
        let found: Vec<_> =
            found.iter().map(|callback| (callback.id, callback.event.as_str(), callback.verified)).collect();
        assert_eq!(found, [(1, EVENTS[0], true), (2, EVENTS[1], false), (3, EVENTS[2], false)]);
        assert_eq!(server.seen()[1].path, "/events/account/ZyX01a/events/callbacks?page=2&per_page=100");
        assert!(matches!(server.books().callbacks().await, Err(Error::Malformed(_))), "one without an id");
    }

    #[tokio::test]
    async fn one_is_created_resent_verified_and_deleted() {
        let server = Server::start([
            one(row(7, EVENTS[0], false)),
            one(row(7, EVENTS[0], false)),
            one(row(7, EVENTS[0], true)),
            Reply::status(204, ""),
        ])
        .await;
        let books = server.books();
        let made = books.create_callback(EVENTS[0], URI).await.unwrap();
        assert_eq!(made, Callback { id: 7, event: EVENTS[0].to_owned(), uri: URI.to_owned(), verified: false });
        books.resend_callback(7).await.unwrap();
        assert!(books.verify_callback(7, &"rT8k".into()).await.unwrap().verified);
        books.delete_callback(7).await.unwrap();
        let path = "/events/account/ZyX01a/events/callbacks";
        let one = format!("{path}/7");
        let seen: Vec<_> = server.seen().into_iter().map(|seen| (seen.method, seen.path, seen.body)).collect();
        let expected = [
            ("POST", path, json!({"callback": {"event": EVENTS[0], "uri": URI}})),
            ("PUT", one.as_str(), json!({"callback": {"resend": true}})),
            ("PUT", one.as_str(), json!({"callback": {"verifier": "rT8k"}})),
            ("DELETE", one.as_str(), Value::Null),
        ];
        assert_eq!(seen, expected.map(|(method, path, body)| (method.to_owned(), path.to_owned(), body)));
    }

    #[tokio::test]
    async fn one_that_is_gone_needs_no_deleting_but_an_unknown_account_is_an_error() {
        let account = json!({"errno": 404, "message": "Account not found."});
        let deleted = Reply::json(200, json!({"response": {}}));
        let server = Server::start([fault(404, &[]), deleted, Reply::json(404, account), fault(404, &[])]).await;
        let books = server.books();
        books.delete_callback(7).await.unwrap();
        books.delete_callback(7).await.unwrap();
        assert!(matches!(books.delete_callback(7).await, Err(Error::NotFound(_))));
        assert!(matches!(books.verify_callback(7, &"x".into()).await, Err(Error::NotFound(_))));
    }

    #[tokio::test]
    async fn a_refusal_says_what_of() {
        let details = ["event: Value error, Unrecognized event.", "uri: Input should be a valid URL"];
        let server = Server::start([fault(422, &details)]).await;
        let error = server.books().create_callback("invoice.eat", "x").await.unwrap_err();
        let said =
            "FreshBooks refused: errno 422, event: Value error, Unrecognized event.; uri: Input should be a valid URL";
        assert_eq!(error.to_string(), said);
        let Error::Refused(fault) = error else { panic!("{error:?}") };
        assert!(fault.is_about("event") && fault.is_about("uri"));
    }

    #[tokio::test]
    async fn a_create_is_sent_once_and_the_others_again() {
        for reply in [Reply::status(502, ""), Reply::Silence, one(json!({"event": "x"}))] {
            let server = Server::start([reply]).await;
            assert!(matches!(server.books().create_callback(EVENTS[0], URI).await, Err(Error::Unknown(_))));
            assert_eq!(server.seen().len(), 1);
        }
        let server =
            Server::start([Reply::status(502, ""), one(row(7, EVENTS[0], true)), Reply::Silence, fault(404, &[])])
                .await;
        server.books().verify_callback(7, &"x".into()).await.unwrap();
        server.books().delete_callback(7).await.unwrap();
    }
}
