use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::*;
use crate::config::Config;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn config() -> Config {
    Config { jwt_secret: Some(SECRET.into()), ..Config::default() }
}

fn verifier() -> Verifier {
    Verifier::from_config(&config()).unwrap()
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

fn somebody(role: Role) -> Principal {
    Principal { subject: "alice".to_owned(), role, connections: None }
}

fn claim(name: &str) -> Error {
    Error::Claim(name.to_owned())
}

/// A token with these claims, signed as asked.
fn token(algorithm: Algorithm, claims: &Value) -> String {
    jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}

async fn verify(claims: &Value) -> Result<Principal, Error> {
    verifier().verify(&token(Algorithm::HS256, claims), now()).await
}

fn good() -> Value {
    json!({ "sub": "alice", "role": "support", "exp": now().timestamp() + 60 })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = good();
    claims[name] = value;
    claims
}

#[tokio::test]
async fn what_is_issued_is_taken_until_it_expires() {
    let mut alice = somebody(Role::Admin);
    alice.connections = Some(vec!["Q29ubmVjdGlvbjox".to_owned()]);
    let token = verifier().issue(&alice, TimeDelta::hours(12), now()).unwrap();
    assert_eq!(verifier().verify(&token, now()).await, Ok(alice.clone()));
    assert_eq!(verifier().verify(&format!("bearer {token}"), now() + TimeDelta::hours(12)).await, Ok(alice));
    assert_eq!(
        verifier().verify(&token, now() + TimeDelta::hours(12) + TimeDelta::seconds(30)).await,
        Err(Error::Expired)
    );
}

#[tokio::test]
async fn the_token_does_not_choose_its_algorithm() {
    assert_eq!(verifier().verify(&token(Algorithm::HS512, &good()), now()).await, Err(Error::Algorithm));
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    for (name, header) in [("none", json!({ "alg": "none", "typ": "JWT" })), ("None", json!({ "alg": "None" }))] {
        for signature in ["", "AAAA"] {
            let unsigned = format!("{}.{}.{signature}", encode(&header), encode(&good()));
            assert!(verifier().verify(&unsigned, now()).await.is_err(), "{name} was taken");
        }
    }
}

#[tokio::test]
async fn an_altered_token_is_refused() {
    let token = token(Algorithm::HS256, &good());
    let parts: Vec<_> = token.split('.').collect();
    let forged = URL_SAFE_NO_PAD.encode(with("role", json!("admin")).to_string());
    assert_eq!(verifier().verify(&format!("{}.{forged}.{}", parts[0], parts[2]), now()).await, Err(Error::Signature));
    let other = Config { jwt_secret: Some(SECRET.replace('0', "1").into()), ..Config::default() };
    assert_eq!(Verifier::from_config(&other).unwrap().verify(&token, now()).await, Err(Error::Signature));
    for broken in ["", "Bearer", "a.b", "a.b.c", "…", &token[..20]] {
        assert!(verifier().verify(broken, now()).await.is_err(), "{broken} was taken");
    }
}

#[tokio::test]
async fn times_are_checked_against_the_time_given() {
    let at = now().timestamp();
    assert_eq!(verify(&with("exp", json!(at - 31))).await, Err(Error::Expired));
    assert!(verify(&with("exp", json!(at - 29))).await.is_ok());
    assert!(verify(&with("exp", json!(9_999_999_999.5))).await.is_ok());
    assert_eq!(verify(&with("exp", json!("soon"))).await, Err(claim("exp")));
    assert_eq!(verify(&with("nbf", json!(at + 31))).await, Err(Error::NotYet));
    assert!(verify(&with("nbf", json!(at + 30))).await.is_ok());
    assert_eq!(verify(&json!({ "sub": "alice", "role": "admin" })).await, Err(claim("exp")));
}

#[tokio::test]
async fn issuer_and_audience_are_checked_where_they_are_known() {
    assert_eq!(verify(&with("aud", json!("another service"))).await, Err(Error::Audience));
    let strict = Config { jwt_issuer: Some("us".to_owned()), jwt_audience: Some("mlc".to_owned()), ..config() };
    let strict = Verifier::from_config(&strict).unwrap();
    let verify = async |iss: Value, aud: Value| {
        let claims = json!({ "sub": "a", "role": "viewer", "exp": now().timestamp() + 60, "iss": iss, "aud": aud });
        strict.verify(&token(Algorithm::HS256, &claims), now()).await.map(|principal| principal.role)
    };
    assert_eq!(verify(json!("us"), json!("mlc")).await, Ok(Role::Viewer));
    assert_eq!(verify(json!("us"), json!(["x", "mlc"])).await, Ok(Role::Viewer));
    assert_eq!(verify(json!("us"), json!("mlc2")).await, Err(Error::Audience));
    assert_eq!(verify(json!("us"), json!(null)).await, Err(Error::Audience));
    assert_eq!(verify(json!("them"), json!("mlc")).await, Err(Error::Issuer));
    assert_eq!(verify(json!(["us"]), json!("mlc")).await, Err(Error::Issuer));
    assert_eq!(strict.verify(&token(Algorithm::HS256, &good()), now()).await, Err(Error::Issuer));
    let own = strict.issue(&somebody(Role::Viewer), TimeDelta::minutes(1), now()).unwrap();
    assert!(strict.verify(&own, now()).await.is_ok());
}

#[tokio::test]
async fn claims_of_an_identity_provider_can_be_renamed() {
    let renamed = Config { jwt_role_claim: "groups".to_owned(), jwt_connections_claim: "shops".to_owned(), ..config() };
    let renamed = Verifier::from_config(&renamed).unwrap();
    let claims = json!({
        "sub": "alice", "exp": now().timestamp() + 60, "role": "admin", "groups": ["staff", "viewer", "support"], "shops": ["x"],
    });
    let principal = renamed.verify(&token(Algorithm::HS256, &claims), now()).await.unwrap();
    assert_eq!((principal.role, principal.connections), (Role::Support, Some(vec!["x".to_owned()])));
}

#[tokio::test]
async fn a_claim_that_makes_no_sense_is_not_guessed_at() {
    for (name, value) in [
        ("role", json!("root")),
        ("role", json!(3)),
        ("sub", json!("")),
        ("sub", json!("a\nb")),
        ("sub", json!("x".repeat(201))),
        ("connections", json!("all")),
        ("connections", json!(null)),
        ("connections", json!([1])),
    ] {
        assert_eq!(verify(&with(name, value)).await, Err(claim(name)));
    }
}

#[test]
fn roles_hold_what_the_interface_says() {
    use Right::{Acknowledge, Manage, Pull, Read, ReadPersonal, Resync};
    let rights = |role: Role| [Read, ReadPersonal, Resync, Pull, Acknowledge, Manage].map(|right| role.may(right));
    assert_eq!(rights(Role::Viewer), [true, false, false, false, false, false]);
    assert_eq!(rights(Role::Support), [true, true, true, true, true, false]);
    assert_eq!(rights(Role::Admin), [true; 6]);
}

#[test]
fn a_limited_token_reaches_its_connections_only() {
    let mut alice = somebody(Role::Admin);
    assert_eq!(alice.may(Right::Manage, None).unwrap().name(), "user:alice");
    alice.connections = Some(vec!["one".to_owned()]);
    assert!(alice.may(Right::Resync, Some("one")).is_ok());
    assert_eq!(alice.may(Right::Resync, Some("two")), Err(Denied::Connection));
    assert_eq!(alice.may(Right::Read, Some("two")), Err(Denied::Connection));
    assert_eq!(alice.may(Right::Manage, None), Err(Denied::Connection));
    assert!(alice.may(Right::Read, None).is_ok() && alice.sees("one") && !alice.sees("two"));
    alice.role = Role::Viewer;
    assert_eq!(alice.may(Right::Pull, Some("one")), Err(Denied::Role { has: "viewer", needs: "support" }));
    alice.connections = Some(Vec::new());
    assert!(!alice.sees("one"));
}

#[test]
fn a_weak_or_missing_secret_is_a_configuration_error() {
    for secret in [None, Some("short".into())] {
        let error = Verifier::from_config(&Config { jwt_secret: secret, ..Config::default() }).unwrap_err();
        assert_eq!(error.variable(), "MLC_JWT_SECRET");
        assert!(!error.to_string().contains("short,"));
    }
}

#[test]
fn actors_say_where_they_come_from() {
    assert_eq!(Actor::system("schedule").to_string(), "system:schedule");
    assert_eq!(Actor::cli("root\n").name(), "cli:root");
}
