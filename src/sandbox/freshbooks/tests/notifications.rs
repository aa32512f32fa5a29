use std::{collections::BTreeSet, sync::Mutex, time::Duration};

use super::{
    super::signature::sign,
    receiver::{Got, Receiver},
    *,
};
use crate::sandbox::freshbooks::{CallbackOptions, Deliveries, Delivery};

fn held(deliveries: &[Delivery]) -> Vec<Got> {
    deliveries.iter().map(|delivery| Got::of(&delivery.address, &delivery.headers, &delivery.body)).collect()
}

fn told(deliveries: &[Delivery]) -> Vec<String> {
    held(deliveries).iter().map(Got::told).collect()
}

/// Listening to everything this connector could want, and holding from now on.
async fn listening(options: Options) -> (Caller, Receiver) {
    let (api, receiver) = (Caller::start(options).await, Receiver::start().await);
    for noun in ["invoice", "payment", "client", "credit_note", "tax"] {
        api.listen(noun, &receiver).await;
    }
    api.books.set_deliveries(Deliveries::Holding);
    (api, receiver)
}

fn without_echoes() -> Options {
    let callbacks =
        CallbackOptions { payments_touch_invoices: false, invoices_touch_clients: false, ..CallbackOptions::default() };
    Options { callbacks, ..noon() }
}

#[tokio::test]
async fn what_happens_is_told_to_those_who_proved_that_they_listen() {
    let (api, receiver) = (Caller::start(noon()).await, Receiver::start().await);
    api.listen("invoice.create", &receiver).await;
    api.register("invoice", &format!("{}/unproved", receiver.url)).await;
    api.books.delivered().await;
    receiver.take();
    let client = api.client("a@example.com").await;
    let id = api.invoice(client, "S1", "5.00").await;
    api.books.edit_invoice("S1", json!({"notes": "changed"})).await.unwrap();
    api.books.delivered().await;
    let got = receiver.take();
    assert_eq!(
        got.iter().map(|got| (got.path.clone(), got.told())).collect::<Vec<_>>(),
        [("/invoice.create".to_owned(), format!("invoice.create {id}"))]
    );
    let verifier = api.books.callbacks()[0].verifier.clone();
    assert_eq!(got[0].signature, Some(sign(&verifier, &got[0].fields)));
    let mut keys: Vec<&str> = got[0].fields.iter().map(|(key, _)| key.as_str()).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["account_id", "business_id", "identity_id", "name", "object_id", "user_id"]);
}

#[tokio::test]
async fn every_change_has_its_event() {
    let (api, _receiver) = listening(without_echoes()).await;
    let next = |expected: &[String]| assert_eq!(told(&api.books.take_deliveries()), expected);
    let client = api.client("a@example.com").await;
    next(&[format!("client.create {client}")]);
    let id = api.invoice(client, "S1", "5.00").await;
    next(&[format!("invoice.create {id}")]);
    api.put(&format!("invoices/invoices/{id}"), json!({"invoice": {"vis_state": 1}})).await;
    next(&[format!("invoice.delete {id}")]);
    api.put(&format!("invoices/invoices/{id}"), json!({"invoice": {"vis_state": 0}})).await;
    next(&[format!("invoice.update {id}")]);
    // The bare noun stands for three verbs, and this is none of them.
    api.put(&format!("invoices/invoices/{id}"), json!({"invoice": {"action_email": true}})).await;
    next(&[format!("invoice.update {id}")]);
    let paid = api.post("payments/payments", payment(id, "7.00")).await["payment"].clone();
    next(&[format!("payment.create {}", paid["id"]), format!("credit_note.create {}", paid["overpaymentid"])]);
    api.books.edit_payment(paid["id"].as_u64().unwrap(), json!({"vis_state": 1})).await.unwrap();
    next(&[format!("payment.delete {}", paid["id"])]);
    let credit = paid["overpaymentid"].as_u64().unwrap();
    api.books.edit_credit_note(credit, json!({"notes": "x"})).await.unwrap();
    api.books.edit_credit_note(credit, json!({"vis_state": 1})).await.unwrap();
    next(&[format!("credit_note.update {credit}"), format!("credit_note.delete {credit}")]);
    api.books.archive_client(client).await.unwrap();
    next(&[format!("client.update {client}")]);
    let tax = api.post("taxes/taxes", json!({"tax": {"name": "HST", "amount": "13"}})).await["tax"]["id"].clone();
    api.accounting(Method::DELETE, &format!("taxes/taxes/{tax}"), None).await;
    next(&[format!("tax.create {tax}"), format!("tax.delete {tax}")]);
    api.accounting(Method::DELETE, &format!("invoices/invoices/{id}"), None).await;
    next(&[format!("invoice.delete {id}")]);
    // What is refused, or only read, is no event.
    api.refused(Method::PUT, &format!("invoices/invoices/{id}"), json!({"invoice": {"due_date": "x"}})).await;
    api.get("invoices/invoices").await;
    next(&[]);
}

#[tokio::test]
async fn one_change_echoes_in_what_belongs_to_it() {
    let (api, receiver) = listening(noon()).await;
    let client = api.client("a@example.com").await;
    let mut made = Vec::new();
    for number in ["S1", "S2"] {
        made.push(api.invoice(client, number, "5.00").await);
    }
    let echoes = made.iter().flat_map(|id| [format!("invoice.create {id}"), format!("client.update {client}")]);
    let expected: Vec<String> = std::iter::once(format!("client.create {client}")).chain(echoes).collect();
    assert_eq!(told(&api.books.take_deliveries()), expected);
    let paid = api.books.add_payment(payment(made[0], "2.00")["payment"].clone()).await.unwrap();
    api.books.edit_payment(paid, json!({"invoiceid": made[1]})).await.unwrap();
    api.books.edit_payment(paid, json!({"vis_state": 1})).await.unwrap();
    assert_eq!(
        told(&api.books.take_deliveries()),
        [
            format!("payment.create {paid}"),
            format!("invoice.update {}", made[0]),
            format!("payment.update {paid}"),
            format!("invoice.update {}", made[1]),
            format!("invoice.update {}", made[0]),
            format!("payment.delete {paid}"),
            format!("invoice.update {}", made[1]),
        ]
    );
    api.books.set_deliveries(Deliveries::Sending);
    api.listen("invoice.sendByEmail", &receiver).await;
    api.put(&format!("invoices/invoices/{}", made[0]), json!({"invoice": {"action_email": true}})).await;
    let both = [format!("invoice.sendByEmail {}", made[0]), format!("invoice.update {}", made[0])];
    assert_eq!(receiver.told(&api).await, both);
}

#[tokio::test]
async fn notifications_come_in_any_order_twice_badly_signed_and_with_strange_fields() {
    let (api, _receiver) = listening(noon()).await;
    let client = api.client("a@example.com").await;
    api.books.take_deliveries();
    let change = async || {
        api.books.edit_client(client, json!({"note": "x"})).await.unwrap();
        held(&api.books.take_deliveries())
    };
    let verifier = api.books.callbacks().into_iter().find(|callback| callback.event == "client").unwrap().verifier;
    let mut orders = BTreeSet::new();
    for _ in 0..16 {
        let got = change().await.remove(0);
        assert_eq!(got.signature, Some(sign(&verifier, &got.fields)));
        orders.insert(got.fields);
    }
    assert!(orders.len() > 4);
    let strange = ("é".to_owned(), "“a” & b=c, d: e 😀".to_owned());
    api.books.set_callbacks(|callbacks| {
        callbacks.duplicates = true;
        callbacks.extra_field = Some(strange.clone());
    });
    let got = change().await;
    assert_eq!((got.len(), got[0].told()), (2, got[1].told()));
    for got in &got {
        assert!(got.fields.contains(&strange));
        assert_eq!(got.signature, Some(sign(&verifier, &got.fields)));
    }
    api.books.spoil_next_signature();
    let right: Vec<bool> =
        change().await.iter().map(|got| got.signature == Some(sign(&verifier, &got.fields))).collect();
    assert_eq!(right, [false, true]);
}

#[tokio::test]
async fn a_notification_not_taken_is_tried_again_a_few_times() {
    let callbacks = CallbackOptions { retry_gap: Duration::from_millis(1), ..CallbackOptions::default() };
    let (api, receiver) = (Caller::start(Options { callbacks, ..noon() }).await, Receiver::start().await);
    api.listen("client.create", &receiver).await;
    // A redirect is not followed.
    receiver.answer(&[500, 302, 404]);
    let client = api.client("a@example.com").await;
    assert_eq!(receiver.told(&api).await, vec![format!("client.create {client}"); 4]);
    receiver.answer(&[500; 9]);
    api.client("b@example.com").await;
    assert_eq!(receiver.told(&api).await.len(), 4, "then it is given up");
}

#[tokio::test]
async fn a_person_and_the_platform_meddle_with_callbacks() {
    let (api, receiver) = listening(without_echoes()).await;
    let of = |event: &str| api.books.callbacks().into_iter().find(|callback| callback.event == event);
    api.books.remove_callback("tax").await.unwrap();
    assert_eq!(of("tax"), None);
    assert!(api.books.remove_callback("tax").await.is_err());
    api.books.redirect_callback("payment", "https://else.example.com").await.unwrap();
    let moved = of("payment").unwrap();
    assert_eq!((moved.uri.as_str(), moved.verified), ("https://else.example.com", false));
    let before = of("client").unwrap();
    api.books.unverify_callback("client").await.unwrap();
    assert_eq!(of("client").unwrap(), super::super::CallbackView { verified: false, ..before.clone() });
    api.client("a@example.com").await;
    assert_eq!(api.books.take_deliveries(), []);
    api.books.resend_verification("client").await.unwrap();
    let got = held(&api.books.take_deliveries()).remove(0);
    assert_eq!((got.told(), got.field("verifier")), (format!("callback.verify {}", before.id), &*before.verifier));
    // What is held stays held, and the rest goes out again.
    api.books.set_deliveries(Deliveries::Sending);
    api.books.resend_verification("client").await.unwrap();
    assert_eq!(receiver.told(&api).await, [format!("callback.verify {}", before.id)]);
}

#[tokio::test]
async fn restored_callbacks_still_listen_and_a_change_not_safe_is_not_told() {
    let lines = Arc::new(Mutex::new(Vec::<String>::new()));
    let broken = Arc::new(Mutex::new(false));
    let (kept, fails) = (lines.clone(), broken.clone());
    let journal: super::super::Journal = Arc::new(move |line| {
        let failed = *fails.lock().unwrap();
        if !failed {
            kept.lock().unwrap().push(line);
        }
        Box::pin(async move { if failed { Err("disk full".to_owned()) } else { Ok(()) } })
    });
    let (api, receiver) = listening(Options { journal: Some(journal), ..without_echoes() }).await;
    let client = api.client("a@example.com").await;
    api.books.remove_callback("tax").await.unwrap();
    assert_eq!(api.books.take_deliveries().len(), 1);
    *broken.lock().unwrap() = true;
    api.books.edit_client(client, json!({"note": "never"})).await.unwrap_err();
    assert_eq!(api.books.take_deliveries(), []);

    let restored = lines.lock().unwrap().clone();
    let again = Caller::start(Options { restored, ..without_echoes() }).await;
    assert_eq!(again.books.callbacks(), api.books.callbacks());
    assert!(again.books.callbacks().iter().all(|callback| again.books.secrets().contains(&callback.verifier)));
    assert_eq!(receiver.told(&again).await, [""; 0]);
    again.books.edit_client(client, json!({"note": "told"})).await.unwrap();
    assert_eq!(receiver.told(&again).await, [format!("client.update {client}")]);
}
