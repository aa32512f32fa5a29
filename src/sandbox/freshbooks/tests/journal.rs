use std::sync::Mutex;

use super::*;
use crate::sandbox::faults::{Failure, Moment};

type Lines = Arc<Mutex<Vec<String>>>;

fn journalled(lines: &Lines) -> Options {
    let lines = lines.clone();
    let journal: crate::sandbox::freshbooks::Journal = Arc::new(move |line| {
        let lines = lines.clone();
        Box::pin(async move {
            tokio::task::yield_now().await;
            lines.lock().unwrap().push(line);
            Ok(())
        })
    });
    Options { journal: Some(journal), ..noon() }
}

async fn a_day(api: &Caller) -> u64 {
    let client = api.client("a@example.com").await;
    let id = api.invoice(client, "S1", "50.00").await;
    api.post("payments/payments", payment(id, "60.00")).await;
    api.invoice(client, "S2", "5.00").await;
    api.books.delete_invoice("S2").await.unwrap();
    let tax = api.post("taxes/taxes", json!({"tax": {"name": "HST", "amount": "13"}})).await;
    api.accounting(Method::DELETE, &format!("taxes/taxes/{}", tax["tax"]["id"]), None).await;
    let note =
        json!({"credit_note": {"clientid": client, "create_date": "2026-11-20", "lines": [line("Back", "1.00")]}});
    api.post("credit_notes/credit_notes", note).await;
    client
}

#[tokio::test]
async fn restored_books_are_the_same_books() {
    let lines = Lines::default();
    let api = Caller::start(journalled(&lines)).await;
    let client = a_day(&api).await;
    let mut restored = lines.lock().unwrap().clone();
    // A journal may keep its lines in any order.
    restored.reverse();
    let again = Caller::start(Options { restored, ..journalled(&lines) }).await;
    assert_eq!(again.books.invoices(), api.books.invoices());
    assert_eq!(again.books.payments(), api.books.payments());
    assert_eq!(again.books.clients(), api.books.clients());
    assert_eq!(again.books.credit_notes(), api.books.credit_notes());
    for path in ["invoices/invoices?include[]=lines&search[vis_state]=0", "users/clients", "taxes/taxes"] {
        assert_eq!(again.get(path).await, api.get(path).await);
    }
    // Ids and numbers go on where they were.
    let (one, other) = (api.client("b@example.com").await, again.client("b@example.com").await);
    assert_eq!(one, other);
    let body = json!({"invoice": {"customerid": client, "create_date": "2026-11-20"}});
    let made = again.post("invoices/invoices", body).await;
    assert_eq!(made["invoice"]["invoice_number"], "S3");
    assert_eq!(again.get("users/clients?search[email]=a@example.com").await["total"], 1);
}

#[tokio::test]
async fn a_lost_answer_is_in_the_journal_and_so_are_tokens() {
    let lines = Lines::default();
    let api = Caller::start(journalled(&lines)).await;
    let client = api.client("a@example.com").await;
    api.books.faults.add(Some("CreateInvoice"), 0, 1, Moment::After, Failure::Status(502));
    let body = json!({"invoice": {"customerid": client, "create_date": "2026-11-20"}});
    assert_eq!(api.accounting(Method::POST, "invoices/invoices", Some(body)).await.0, 502);
    let form = [
        ("client_id", "sandbox-client-id"),
        ("client_secret", "sandbox-client-secret"),
        ("grant_type", "refresh_token"),
        ("refresh_token", "sandbox-refresh-token"),
        ("redirect_uri", "https://x.example.com/"),
    ];
    let response = api.http.post(format!("{}/auth/oauth/token", api.books.url())).form(&form).send().await.unwrap();
    assert_eq!(response.status(), 200);

    let restored = lines.lock().unwrap().clone();
    let again = Caller::start(Options { restored, ..noon() }).await;
    assert_eq!(again.books.invoices().len(), 1);
    assert_eq!(again.books.tokens(), api.books.tokens());
    let response = again.http.post(format!("{}/auth/oauth/token", again.books.url())).form(&form).send().await.unwrap();
    assert_eq!(response.status(), 400);
}

#[tokio::test]
async fn any_line_stands_in_for_those_that_were_still_on_their_way() {
    let (sender, gate) = tokio::sync::watch::channel(false);
    let lines = Lines::default();
    let kept = lines.clone();
    let first = Mutex::new(true);
    // The first line hangs, as if the process were killed before it reached the disk.
    let journal: crate::sandbox::freshbooks::Journal = Arc::new(move |line| {
        let (kept, mut gate) = (kept.clone(), gate.clone());
        let hangs = std::mem::take(&mut *first.lock().unwrap());
        Box::pin(async move {
            if hangs {
                gate.wait_for(|open| *open).await.map_err(|e| e.to_string())?;
            }
            kept.lock().unwrap().push(line);
            Ok(())
        })
    });
    let api = Arc::new(Caller::start(Options { journal: Some(journal), ..noon() }).await);
    let slow = tokio::spawn({
        let api = api.clone();
        async move { api.client("slow@example.com").await }
    });
    while api.books.clients().is_empty() {
        tokio::task::yield_now().await;
    }
    api.client("quick@example.com").await;
    let restored = lines.lock().unwrap().clone();
    assert_eq!(restored.len(), 1);
    let again = Caller::start(Options { restored, ..noon() }).await;
    assert_eq!(again.books.clients(), api.books.clients());
    sender.send(true).unwrap();
    slow.await.unwrap();
    let restored = lines.lock().unwrap().clone();
    let again = Caller::start(Options { restored, ..noon() }).await;
    assert_eq!(again.books.clients(), api.books.clients());
}

#[tokio::test]
async fn an_answer_waits_for_the_journal_and_fails_with_it() {
    let journal: crate::sandbox::freshbooks::Journal = Arc::new(|_| Box::pin(async { Err("disk full".to_owned()) }));
    let api = Caller::start(Options { journal: Some(journal), ..noon() }).await;
    let body = json!({"client": {"email": "a@example.com"}});
    assert_eq!(api.accounting(Method::POST, "users/clients", Some(body)).await.0, 500);
    assert!(api.get("users/clients").await["total"] == 1);
    let broken = Options { restored: vec!["{".to_owned()], ..noon() };
    assert!(FreshBooks::start(broken).await.is_err());
}
