//! The simulator over real HTTP, as a caller meets it.

mod by_hand;
mod callbacks;
mod credits;
mod documents;
mod faults;
mod identity;
mod journal;
mod lists;
mod money;
mod notifications;
mod receiver;
mod strictness;
mod tokens;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use reqwest::Method;
use serde_json::{Value, json};

use super::{FreshBooks, Options};

/// A caller with the first access token.
struct Caller {
    books: FreshBooks,
    http: reqwest::Client,
}

fn at(time: &str) -> super::Now {
    let time: DateTime<Utc> = time.parse().unwrap();
    Arc::new(move || time)
}

fn noon() -> Options {
    Options { now: at("2026-11-20T17:00:00Z"), ..Options::default() }
}

impl Caller {
    async fn start(options: Options) -> Caller {
        let books = FreshBooks::start(options).await.unwrap();
        Caller { books, http: reqwest::Client::builder().build().unwrap() }
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let request = self.http.request(method, format!("{}{path}", self.books.url()));
        let request = request.bearer_auth("sandbox-access-token");
        let request = if let Some(body) = body { request.json(&body) } else { request };
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default())
    }

    async fn accounting(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        self.send(method, &format!("/accounting/account/SbX7q1/{path}"), body).await
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = self.accounting(Method::GET, path, None).await;
        assert_eq!(status, 200, "{body}");
        body["response"]["result"].clone()
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let (status, body) = self.accounting(Method::POST, path, Some(body)).await;
        assert_eq!(status, 200, "{body}");
        body["response"]["result"].clone()
    }

    async fn put(&self, path: &str, body: Value) -> Value {
        let (status, body) = self.accounting(Method::PUT, path, Some(body)).await;
        assert_eq!(status, 200, "{body}");
        body["response"]["result"].clone()
    }

    /// HTTP status, errno and field of the first error.
    async fn refused(&self, method: Method, path: &str, body: Value) -> (u16, i64, String) {
        let (status, body) = self.accounting(method, path, Some(body)).await;
        let error = &body["response"]["errors"][0];
        assert!(error.is_object(), "not refused: {status} {body}");
        (status, error["errno"].as_i64().unwrap(), error["field"].as_str().unwrap().to_owned())
    }

    async fn client(&self, email: &str) -> u64 {
        let body = json!({"client": {"fname": "Test", "lname": "Client", "email": email, "p_city": "Halifax"}});
        self.post("users/clients", body).await["client"]["id"].as_u64().unwrap()
    }

    /// One line of `price`, marked as sent.
    async fn invoice(&self, client: u64, number: &str, price: &str) -> u64 {
        let invoice = json!({"invoice": {
            "customerid": client, "create_date": "2026-11-20", "currency_code": "CAD", "status": 2,
            "invoice_number": number, "lines": [line("Mug", price)],
        }});
        self.post("invoices/invoices", invoice).await["invoice"]["id"].as_u64().unwrap()
    }

    async fn read_invoice(&self, id: u64) -> Value {
        self.get(&format!("invoices/invoices/{id}?include[]=lines")).await["invoice"].clone()
    }
}

fn line(name: &str, price: &str) -> Value {
    json!({"type": 0, "name": name, "qty": 1, "unit_cost": {"amount": price, "code": "CAD"}})
}

fn payment(invoice: u64, amount: &str) -> Value {
    json!({"payment": {"invoiceid": invoice, "amount": {"amount": amount, "code": "CAD"}, "date": "2026-11-20",
        "type": "Credit Card", "note": "a note"}})
}
