use std::time::Duration;

use super::*;
use crate::sandbox::faults::{Failure, Moment};

async fn create(api: &Caller, client: u64) -> Result<reqwest::Response, reqwest::Error> {
    let body = json!({"invoice": {"customerid": client, "create_date": "2026-11-20", "lines": [line("Mug", "5.00")]}});
    let url = format!("{}/accounting/account/SbX7q1/invoices/invoices", api.books.url());
    let response = api.http.post(url).bearer_auth("sandbox-access-token").json(&body).send().await?;
    // Reading to the end is part of getting an answer.
    let (parts, body) = (response.status(), response.headers().clone());
    let bytes = response.bytes().await?;
    let mut again = axum::http::Response::new(bytes);
    *again.status_mut() = parts;
    *again.headers_mut() = body;
    Ok(again.into())
}

#[tokio::test]
async fn a_fault_strikes_before_the_effect_or_after_it() {
    let api = Caller::start(noon()).await;
    let client = api.client("a@example.com").await;
    let faults = api.books.faults.clone();
    for (moment, expected) in [(Moment::Before, 0), (Moment::After, 1)] {
        faults.add(Some("CreateInvoice"), 0, 1, moment, Failure::Drop);
        assert!(create(&api, client).await.is_err());
        assert_eq!(api.books.invoices().len(), expected);
    }
    faults.add(Some("CreateInvoice"), 1, 1, Moment::After, Failure::Status(504));
    assert_eq!(create(&api, client).await.unwrap().status(), 200);
    assert_eq!(create(&api, client).await.unwrap().status(), 504);
    assert_eq!(api.books.invoices().len(), 3);
    faults.add(None, 0, 1, Moment::Before, Failure::Throttle(Some(7)));
    let throttled = create(&api, client).await.unwrap();
    assert_eq!((throttled.status().as_u16(), throttled.headers()["retry-after"].to_str().unwrap()), (429, "7"));
    assert!(throttled.json::<Value>().await.is_ok());
    faults.add(None, 0, 1, Moment::Before, Failure::Throttle(None));
    let throttled = create(&api, client).await.unwrap();
    assert!(throttled.headers().get("retry-after").is_none());
    assert_eq!((throttled.status().as_u16(), throttled.bytes().await.unwrap().len()), (429, 0));
    faults.add(None, 0, 1, Moment::After, Failure::Late(Duration::from_millis(5)));
    assert_eq!(create(&api, client).await.unwrap().status(), 200);
    assert_eq!(faults.calls()["CreateInvoice"], 7);
    assert_eq!(faults.calls()["CreateClient"], 1);
}

#[tokio::test]
async fn a_stopped_account_frees_its_port_and_cuts_kept_connections() {
    let api = Caller::start(noon()).await;
    api.client("a@example.com").await;
    let Caller { books, http } = api;
    let listen = Some(books.url().trim_start_matches("http://").parse().unwrap());
    books.stop().await;
    let api = Caller { books: FreshBooks::start(Options { listen, ..noon() }).await.unwrap(), http };
    assert_eq!(api.get("users/clients").await["total"], 0);
}
