//! Our signatures against Shopify's own library, where somebody has it at hand: `MLC_NODE_WEBHOOKS` names `tests/node`, installed.

use std::{
    io::Write,
    process::{Command, Stdio},
    thread,
};

use super::*;

/// What the library says to each request, in turn.
fn ask(directory: &str, requests: &[Value]) -> Vec<Value> {
    let script = std::path::Path::new(directory).join("webhooks.mjs");
    let mut node = Command::new("node")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("MLC_NODE_WEBHOOKS is set, and there is no node");
    let mut stdin = node.stdin.take().unwrap();
    let lines: String = requests.iter().map(|request| format!("{request}\n")).collect();
    let writer = thread::spawn(move || stdin.write_all(lines.as_bytes()).unwrap());
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success(), "the library does not answer: is it installed?");
    writer.join().unwrap();
    let answers: Vec<Value> = output.stdout.split(|byte| *byte == b'\n').flat_map(serde_json::from_slice).collect();
    assert_eq!(answers.len(), requests.len());
    answers
}

fn check(body: &str, secret: &str, signature: &str) -> Value {
    let headers = json!({"x-shopify-hmac-sha256": signature, "x-shopify-topic": "orders/create",
        "x-shopify-shop-domain": "sample.myshopify.com", "x-shopify-api-version": "2026-10", "x-shopify-webhook-id": "w-1"});
    json!({"check": {"rawBody": body, "secret": secret, "headers": headers}})
}

#[test]
fn shopifys_own_library_signs_and_accepts_as_we_do() {
    let Ok(directory) = std::env::var("MLC_NODE_WEBHOOKS") else {
        eprintln!("skipped: MLC_NODE_WEBHOOKS does not name Shopify's own library");
        return;
    };
    let escaped = String::from_utf8(BODY.to_vec()).unwrap();
    let large = json!({"id": 7, "note": "é/\u{2028}😀\"\\".repeat(100_000)}).to_string();
    assert!(large.len() > 1024 * 1024);
    let bodies = [
        escaped.as_str(),
        r#"{"id":7,"name":"Zoë 😀","note":"\u00e9 \ud83d\ude00"}"#,
        "{\"id\":7,\"note\":\"\u{2028}\u{7f}\"}\r\n",
        "id=7",
        " ",
        "",
        &large,
    ];
    for secret in [SECRET, "é😀", "x"] {
        let ours = secrets(&["another", secret]);
        let requests = bodies.map(|body| json!({"sign": {"body": body, "secret": secret}}));
        let theirs = ask(&directory, &requests);
        for (body, answer) in bodies.iter().zip(&theirs) {
            let signature = answer["hmac"].as_str().unwrap();
            let about = format!("{} bytes", body.len());
            assert_eq!(signed_with(&ours, body.as_bytes(), signature), Some(1), "{about}");
            assert_eq!(signed_with(&ours, format!("{body} ").as_bytes(), signature), None, "{about}");
            assert_eq!(sign(secret, body.as_bytes()), signature, "{about}");
        }
        let right = bodies.map(|body| check(body, secret, &sign(secret, body.as_bytes())));
        let wrong = bodies.map(|body| check(body, secret, &sign("another", body.as_bytes())));
        for ((body, accepted), refused) in bodies.iter().zip(ask(&directory, &right)).zip(ask(&directory, &wrong)) {
            // To the library a delivery without a body is none, whoever signed it.
            assert_eq!(accepted["valid"], !body.is_empty(), "{} bytes: {accepted}", body.len());
            assert_eq!(refused["valid"], false, "{} bytes: {refused}", body.len());
        }
    }
}
