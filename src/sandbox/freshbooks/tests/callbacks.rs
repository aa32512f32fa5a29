use std::{collections::BTreeSet, time::Duration};

use super::{identity::BACK, receiver::Receiver, *};
use crate::sandbox::{
    faults::{Failure, Moment},
    freshbooks::{CallbackOptions, Deliveries, FailedVerification},
};

fn knobs(change: impl FnOnce(&mut CallbackOptions)) -> Options {
    let mut callbacks = CallbackOptions::default();
    change(&mut callbacks);
    Options { callbacks, ..noon() }
}

fn ids(list: &Value) -> Vec<u64> {
    let rows = list["response"]["result"]["callbacks"].as_array().unwrap().iter();
    rows.map(|row| row["callbackid"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn a_callback_is_proved_with_the_verifier_sent_to_its_address() {
    let (api, receiver) = (Caller::start(noon()).await, Receiver::start().await);
    let id = api.register("invoice.update", &format!("{}/hook", receiver.url)).await;
    api.books.delivered().await;
    let got = receiver.take();
    assert_eq!(got.len(), 1);
    assert_eq!((got[0].path.as_str(), got[0].told()), ("/hook", format!("callback.verify {id}")));
    assert_eq!((got[0].field("account_id"), got[0].field("business_id")), ("SbX7q1", "14700001"));
    assert_eq!((got[0].field("identity_id"), got[0].field("user_id")), ("14000001", "1"));
    assert_eq!((&got[0].signature, got[0].fields.len()), (&None, 7));

    let (status, body) = api.change(id, json!({"verifier": "wrong"})).await;
    assert_eq!((status, body), (400, json!({"errno": 400, "message": "Invalid verifier."})));
    assert!(!api.books.callbacks()[0].verified);
    let (status, body) = api.change(id, json!({"callback_id": id, "verifier": got[0].field("verifier")})).await;
    assert_eq!((status, &body["response"]["result"]["callback"]["verified"]), (200, &json!(true)));
    let seen = api.books.callbacks().remove(0);
    assert_eq!((seen.id, seen.event.as_str(), seen.verified), (id, "invoice.update", true));
    assert_eq!((seen.verifier.as_str(), seen.uri), (got[0].field("verifier"), format!("{}/hook", receiver.url)));
    assert!(api.books.secrets().contains(&seen.verifier));

    // Asked for once more it is the same secret, and the proof stands.
    assert_eq!(api.change(id, json!({"resend": true})).await.0, 200);
    api.books.delivered().await;
    assert_eq!(receiver.take()[0].field("verifier"), seen.verifier);
    assert!(api.books.callbacks()[0].verified);
    // Another address or event has to be proved anew, and nobody asks for that by itself.
    assert_eq!(api.change(id, json!({"event": "invoice", "uri": "https://x.example.com/hook"})).await.0, 200);
    let changed = api.books.callbacks().remove(0);
    assert_eq!((changed.event.as_str(), changed.verified), ("invoice", false));
    assert_eq!(receiver.told(&api).await, [""; 0]);
}

#[tokio::test]
async fn callbacks_are_listed_read_and_deleted() {
    let api = Caller::start(noon()).await;
    api.books.set_deliveries(Deliveries::Holding);
    let events = ["invoice.create", "invoice", "payment.create", "invoice.create"];
    let mut made = Vec::new();
    for (event, place) in events.into_iter().zip(["a", "b", "c", "a"]) {
        made.push(api.register(event, &format!("https://x.example.com/{place}")).await);
    }
    let (_, list) = api.callbacks(Method::GET, "", None).await;
    assert_eq!(ids(&list), made, "the same pair may be registered twice");
    let paging = ["page", "pages", "per_page", "total"].map(|key| list["response"]["result"][key].as_u64().unwrap());
    assert_eq!(paging, [1, 1, 15, 4]);
    for (query, expected) in [
        ("?per_page=2&page=2", vec![made[2], made[3]]),
        ("?search[event]=invoice.create", vec![made[0], made[1], made[3]]),
        ("?search[event]=invoice", vec![made[1]]),
        ("?search[uri]=https://x.example.com/a", vec![made[0], made[3]]),
        ("?search[uri]=https://x.example.com/a&search[event]=payment", vec![]),
        ("?search[verified]=true&search[vis_state]=1", made.clone()),
    ] {
        assert_eq!(ids(&api.callbacks(Method::GET, query, None).await.1), expected, "{query}");
    }
    assert_eq!(api.books.ignored_search_keys(), ["callbacks.verified", "callbacks.vis_state"]);

    let (mut times, mut keys) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..64 {
        let (_, body) = api.callbacks(Method::GET, &format!("/{}", made[0]), None).await;
        let callback = body["response"]["result"]["callback"].as_object().unwrap().clone();
        assert!(callback.get("id").is_none_or(|id| *id == callback["callbackid"]));
        times.insert(callback["updated_at"].as_str().unwrap().to_owned());
        keys.insert(callback.len());
    }
    assert_eq!(Vec::from_iter(times), ["2026-11-20 17:00:00", "2026-11-20T17:00:00Z"]);
    assert_eq!(Vec::from_iter(keys), [5, 6]);

    let path = format!("/{}", made[0]);
    assert_eq!(api.callbacks(Method::DELETE, &path, None).await, (200, json!({"response": {}})));
    api.books.set_callbacks(|callbacks| callbacks.delete_answers_204 = true);
    assert_eq!(api.callbacks(Method::DELETE, &format!("/{}", made[1]), None).await, (204, Value::Null));
    let gone = json!({"errno": 404, "message": "Requested resource could not be found."});
    for method in [Method::GET, Method::DELETE, Method::PUT] {
        let body = (method == Method::PUT).then(|| json!({"callback": {"resend": true}}));
        assert_eq!(api.callbacks(method, &path, body).await, (404, gone.clone()));
    }
    assert_eq!(api.books.callbacks().len(), 2);
    let calls = api.books.faults.calls();
    let counted = ["CreateCallback", "ListCallbacks", "GetCallback", "UpdateCallback", "DeleteCallback"];
    assert_eq!(counted.map(|call| calls[call]), [4, 7, 65, 1, 3]);
}

#[tokio::test]
async fn what_cannot_be_is_refused_in_the_familys_own_shape() {
    let api = Caller::start(noon()).await;
    let semantic = "The request was well-formed but was unable to be followed due to semantic errors.";
    for (fields, details) in [
        (
            json!({"event": "invoice.paid", "uri": "/hook"}),
            json!([
                "event: Value error, Unrecognized event.",
                "uri: Input should be a valid URL, relative URL without a base",
            ]),
        ),
        (json!({"event": "all"}), json!(["event: Value error, Unrecognized event.", "uri: Field required"])),
        (json!({"event": 7, "uri": "https://x.example.com"}), json!(["event: Input should be a valid string"])),
        (json!({"event": "tax", "uri": "http://x.example.com/"}), json!(["uri: URL scheme should be 'https'"])),
        (json!({"event": "tax.sendByEmail", "uri": "ftp://localhost/"}), {
            json!(["event: Value error, Unrecognized event.", "uri: URL scheme should be 'https'"])
        }),
    ] {
        let expected = json!({"errno": 422, "message": semantic, "details": details});
        let body = Some(json!({"callback": fields}));
        assert_eq!(api.callbacks(Method::POST, "", body).await, (422, expected), "{fields}");
    }
    for address in ["http://localhost:9/x", "http://[::1]:9/", "http://127.0.0.1:9", "https://x.example.com/h?a=b"] {
        api.register("invoice.sendByEmail", address).await;
    }
    let id = api.books.callbacks()[0].id;
    for fields in [json!({}), json!({"uri": "x"}), json!({"event": null})] {
        assert_eq!(api.change(id, fields).await.0, 422);
    }
    assert_eq!(api.callbacks(Method::POST, "", Some(json!({"hook": {}}))).await.0, 422);
    assert_eq!(api.callbacks(Method::POST, "", Some(json!([]))).await.0, 400);
    assert_eq!(api.callbacks(Method::GET, "?page=x", None).await.0, 422);
    let elsewhere = "/events/account/Other/events/callbacks";
    assert_eq!(api.send(Method::GET, elsewhere, None).await.1["errno"], 404);
    api.books.set_role("client");
    assert_eq!(api.callbacks(Method::DELETE, &format!("/{id}"), None).await.1["errno"], 403);
    api.books.expire_access_tokens().await.unwrap();
    let message = "invalid_token: The request token failed to authenticate or validate.";
    let unauthorized = json!({"errno": 401, "message": message});
    assert_eq!(api.callbacks(Method::GET, "", None).await, (401, unauthorized));
}

#[tokio::test]
async fn a_verification_can_come_before_the_create_returns_or_late_or_be_in_vain() {
    let receiver = Receiver::start().await;
    let api = Caller::start(knobs(|callbacks| {
        callbacks.verify_before_create_returns = true;
        callbacks.sign_verification = true;
    }))
    .await;
    receiver.answer(&[500]);
    let id = api.register("client", &receiver.url).await;
    let got = receiver.take();
    assert_eq!((got.len(), got[0].told()), (1, format!("callback.verify {id}")));
    let verifier = got[0].field("verifier");
    assert_eq!(got[0].signature, Some(super::super::signature::sign(verifier, &got[0].fields)));
    assert_eq!(receiver.told(&api).await, [""; 0], "it is not tried again");

    for (failure, status) in [(FailedVerification::Refused, 400), (FailedVerification::Unheeded, 200)] {
        api.books.set_callbacks(|callbacks| callbacks.fail_verification = Some(failure));
        assert_eq!(api.change(id, json!({"verifier": verifier})).await.0, status);
        assert!(!api.books.callbacks()[0].verified);
    }
    api.books.set_callbacks(|callbacks| {
        *callbacks = CallbackOptions { verify_delay: Some(Duration::from_millis(300)), ..CallbackOptions::default() };
    });
    let second = api.register("client", &receiver.url).await;
    assert!(receiver.take().is_empty());
    assert_eq!(receiver.told(&api).await, [format!("callback.verify {second}")]);

    // What was done and not heard of is verified all the same.
    api.books.set_callbacks(|callbacks| callbacks.verify_delay = None);
    api.books.faults.add(Some("CreateCallback"), 0, 1, Moment::After, Failure::Status(504));
    let body = json!({"callback": {"event": "tax", "uri": receiver.url}});
    assert_eq!(api.callbacks(Method::POST, "", Some(body)).await.0, 504);
    assert_eq!(receiver.told(&api).await.len(), 1);
    assert_eq!(api.books.callbacks().len(), 3);
}

#[tokio::test]
async fn a_callback_may_need_the_scope_of_what_it_is_about() {
    let api = Caller::start(knobs(|callbacks| callbacks.need_scope = true)).await;
    let id = api.register("payment.create", "https://x.example.com").await;
    let code = api.code("user:clients:read").await;
    let (_, pair) = api.token("authorization_code", "code", &code, BACK).await;
    let token = pair["access_token"].as_str().unwrap();
    let send = async |method: Method, path: &str, event: &str| {
        let url = format!("{}/events/account/SbX7q1/events/callbacks{path}", api.books.url());
        let body = json!({"callback": {"event": event, "uri": "https://x.example.com"}});
        api.http.request(method, url).bearer_auth(token).json(&body).send().await.unwrap().status().as_u16()
    };
    assert_eq!(send(Method::POST, "", "client").await, 200);
    assert_eq!(send(Method::POST, "", "invoice.create").await, 403);
    assert_eq!(send(Method::PUT, &format!("/{id}"), "credit_note").await, 403);
    api.books.set_callbacks(|callbacks| callbacks.need_scope = false);
    assert_eq!(send(Method::POST, "", "invoice.create").await, 200);
}
