use std::slice;

use axum::http::StatusCode;
use jsonwebtoken::{EncodingKey, Header};
use serde_json::json;

use super::{
    super::{
        Principal, Role, Verifier,
        testing::{AUDIENCE, Answer, ISSUER, Pair, Provider},
    },
    *,
};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

fn good() -> Value {
    json!({ "sub": "alice", "role": "support", "exp": now().timestamp() + 86_400, "iss": ISSUER, "aud": AUDIENCE })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = good();
    claims[name] = value;
    claims
}

/// A provider that lists these keys, and a service that takes nobody's tokens but its.
async fn world(keys: &[Value]) -> (Provider, Verifier) {
    let provider = Provider::start(keys.to_vec()).await;
    let verifier = Verifier::from_config(&provider.in_config(Config::default())).unwrap();
    (provider, verifier)
}

async fn role(verifier: &Verifier, token: &str) -> Result<Role, Error> {
    verifier.verify(token, now()).await.map(|principal| principal.role)
}

/// A token by hand: whatever header, signed with whatever.
fn forged(header: &Value, claims: &Value, sign: impl FnOnce(&str) -> Vec<u8>) -> String {
    let message = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()));
    let signature = BASE64.encode(sign(&message));
    format!("{message}.{signature}")
}

#[tokio::test]
async fn each_kind_of_key_signs_tokens_that_are_taken() {
    let all = [(Pair::Rsa, "rsa"), (Pair::Ec, "ec"), (Pair::Ed, "ed")];
    let (provider, verifier) = world(&all.map(|(pair, kid)| pair.listed(kid))).await;
    assert_eq!(provider.asked(), 0, "not before somebody comes");
    for (pair, kid) in all {
        let claims = with("connections", json!(["one"]));
        let principal = verifier.verify(&format!("Bearer {}", pair.sign(Some(kid), &claims)), now()).await.unwrap();
        let connections = Some(vec!["one".to_owned()]);
        assert_eq!(principal, Principal { subject: "alice".to_owned(), role: Role::Support, connections });
    }
    assert_eq!(provider.asked(), 1);
    let mut altered = Pair::Ec.sign(Some("ec"), &good());
    altered.replace_range(altered.len() - 4.., "AAAA");
    assert_eq!(role(&verifier, &altered).await, Err(Error::Signature));
    let theirs = Pair::OtherRsa.sign(Some("rsa"), &good());
    assert_eq!(role(&verifier, &theirs).await, Err(Error::Signature));
}

#[tokio::test]
async fn claims_are_checked_as_those_of_our_own_tokens() {
    let (_provider, verifier) = world(&[Pair::Ed.listed("k")]).await;
    let at = now().timestamp();
    for (name, value, expected) in [
        ("iss", json!("https://evil.example"), Error::Issuer),
        ("iss", json!(null), Error::Issuer),
        ("aud", json!("another service"), Error::Audience),
        ("aud", json!(null), Error::Audience),
        ("exp", json!(at - 31), Error::Expired),
        ("nbf", json!(at + 31), Error::NotYet),
        ("role", json!("root"), Error::Claim("role".to_owned())),
        ("connections", json!("all"), Error::Claim("connections".to_owned())),
    ] {
        let token = Pair::Ed.sign(Some("k"), &with(name, value));
        assert_eq!(role(&verifier, &token).await, Err(expected));
    }
    let listed = with("aud", json!(["x", AUDIENCE]));
    assert_eq!(role(&verifier, &Pair::Ed.sign(Some("k"), &listed)).await, Ok(Role::Support));
}

#[tokio::test]
async fn the_token_does_not_choose_its_algorithm() {
    let rsa = Pair::Rsa.listed("k");
    let (provider, ours) = world(slice::from_ref(&rsa)).await;
    let both = Config { jwt_secret: Some(SECRET.into()), ..provider.in_config(Config::default()) };
    let both = Verifier::from_config(&both).unwrap();
    for verifier in [&ours, &both] {
        for alg in ["none", "None", "NONE", ""] {
            let token = forged(&json!({ "alg": alg, "kid": "k" }), &good(), |_| Vec::new());
            assert_eq!(role(verifier, &token).await, Err(Error::Algorithm), "{alg}");
        }
        for algorithm in [Algorithm::RS384, Algorithm::RS512, Algorithm::PS256] {
            let token = Pair::Rsa.sign_by(algorithm, Some("k"), &good());
            assert_eq!(role(verifier, &token).await, Err(Error::Algorithm), "{algorithm:?}");
        }
        for pair in [Pair::Ec, Pair::Ed] {
            assert_eq!(role(verifier, &pair.sign(Some("k"), &good())).await, Err(Error::Algorithm));
        }
        let asks_for_more = json!({ "alg": "RS256", "kid": "k", "crit": ["b64"], "b64": false });
        assert_eq!(role(verifier, &forged(&asks_for_more, &good(), |_| vec![0; 256])).await, Err(Error::Malformed));
    }
    // A public key is no secret: HS256 knows MLC_JWT_SECRET only.
    let der: Vec<u8> = ["n", "e"].iter().flat_map(|part| BASE64.decode(rsa[part].as_str().unwrap()).unwrap()).collect();
    let publics = [PUBLIC_PEM.as_bytes().to_vec(), PUBLIC_PEM.trim_end().as_bytes().to_vec(), public_der(), der];
    for public in publics {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some("k".to_owned());
        let token = jsonwebtoken::encode(&header, &good(), &EncodingKey::from_secret(&public)).unwrap();
        assert_eq!(role(&ours, &token).await, Err(Error::Algorithm));
        assert_eq!(role(&both, &token).await, Err(Error::Signature));
    }
}

#[tokio::test]
async fn our_own_tokens_stay_good_beside_the_providers() {
    let provider = Provider::start(vec![Pair::Ec.listed("k")]).await;
    let both = Config { jwt_secret: Some(SECRET.into()), ..provider.in_config(Config::default()) };
    let both = Verifier::from_config(&both).unwrap();
    let alice = Principal { subject: "alice".to_owned(), role: Role::Admin, connections: None };
    let token = both.issue(&alice, TimeDelta::hours(1), now()).unwrap();
    assert_eq!(both.verify(&token, now()).await, Ok(alice.clone()));
    assert_eq!(provider.asked(), 0);
    assert_eq!(role(&both, &Pair::Ec.sign(Some("k"), &good())).await, Ok(Role::Support));

    let only = Verifier::from_config(&provider.in_config(Config::default())).unwrap();
    assert_eq!(role(&only, &token).await, Err(Error::Algorithm));
    assert_eq!(only.issue(&alice, TimeDelta::hours(1), now()), Err(Error::NoSecret));
}

#[tokio::test]
async fn a_token_names_its_key_where_there_are_several() {
    let (_provider, verifier) = world(&[Pair::Rsa.listed("a"), Pair::OtherRsa.listed("b")]).await;
    assert_eq!(role(&verifier, &Pair::Rsa.sign(None, &good())).await, Err(Error::WhichKey));
    assert_eq!(role(&verifier, &Pair::Rsa.sign(Some("b"), &good())).await, Err(Error::Signature));
    assert_eq!(role(&verifier, &Pair::Rsa.sign(Some("c"), &good())).await, Err(Error::UnknownKey));
    assert_eq!(role(&verifier, &Pair::Rsa.sign(Some("a"), &good())).await, Ok(Role::Support));
    let (_provider, verifier) = world(&[Pair::Rsa.listed("a")]).await;
    assert_eq!(role(&verifier, &Pair::Rsa.sign(None, &good())).await, Ok(Role::Support));
}

#[tokio::test]
async fn a_key_is_used_for_what_it_is_meant_for_only() {
    let changed = |name: &str, value: Value| {
        let mut jwk = Pair::Rsa.listed("k");
        jwk[name] = value;
        jwk
    };
    let weak = BASE64.encode([&[0; 8][..], &[0xff; 128]].concat());
    for jwk in [
        changed("use", json!("enc")),
        changed("alg", json!("RS384")),
        changed("alg", json!("PS256")),
        changed("key_ops", json!(["sign"])),
        changed("n", json!(weak)),
        changed("kty", json!("oct")),
        json!("nonsense"),
    ] {
        let (_provider, verifier) = world(slice::from_ref(&jwk)).await;
        assert_eq!(role(&verifier, &Pair::Rsa.sign(Some("k"), &good())).await, Err(Error::UnknownKey), "{jwk}");
        // What cannot be used does not spoil the rest.
        let (_provider, verifier) = world(&[jwk, Pair::Ed.listed("ed")]).await;
        assert_eq!(role(&verifier, &Pair::Ed.sign(Some("ed"), &good())).await, Ok(Role::Support));
    }
    let mut bare = Pair::Rsa.listed("k");
    bare.as_object_mut().unwrap().remove("alg");
    bare["use"] = json!("sig");
    let (_provider, verifier) = world(&[bare]).await;
    assert_eq!(role(&verifier, &Pair::Rsa.sign(Some("k"), &good())).await, Ok(Role::Support));
    assert_eq!((bits(&[0, 0, 1]), bits(&[0x80, 0]), bits(&[0]), bits(&[])), (1, 16, 0, 0));
}

#[tokio::test]
async fn a_rotation_is_found_by_the_first_token_that_needs_it() {
    let (provider, verifier) = world(&[Pair::Rsa.listed("old")]).await;
    let (old, new) = (Pair::Rsa.sign(Some("old"), &good()), Pair::OtherRsa.sign(Some("new"), &good()));
    assert!(verifier.verify(&old, now()).await.is_ok());
    provider.answers(Answer::Keys(vec![Pair::OtherRsa.listed("new")]));
    // Whoever makes up names makes us ask once a minute, not more.
    for _ in 0..5 {
        assert_eq!(verifier.verify(&new, now() + TimeDelta::seconds(59)).await, Err(Error::UnknownKey));
    }
    assert_eq!(provider.asked(), 1);
    assert!(verifier.verify(&new, now() + TimeDelta::seconds(60)).await.is_ok());
    assert_eq!(verifier.verify(&old, now() + TimeDelta::seconds(61)).await, Err(Error::UnknownKey));
    assert_eq!(provider.asked(), 2);
}

#[tokio::test]
async fn a_key_that_was_withdrawn_is_good_for_an_hour_at_most() {
    let (provider, verifier) = world(&[Pair::Ed.listed("k")]).await;
    let token = Pair::Ed.sign(Some("k"), &good());
    assert!(verifier.verify(&token, now()).await.is_ok());
    provider.answers(Answer::Keys(Vec::new()));
    assert!(verifier.verify(&token, now() + TimeDelta::minutes(59)).await.is_ok());
    assert_eq!(verifier.verify(&token, now() + TimeDelta::minutes(60)).await, Err(Error::UnknownKey));
    assert_eq!(provider.asked(), 2);
}

#[tokio::test]
async fn a_provider_that_does_not_answer_takes_nothing_away() {
    let (provider, verifier) = world(&[Pair::Ed.listed("k")]).await;
    let (known, unknown) = (Pair::Ed.sign(Some("k"), &good()), Pair::Ec.sign(Some("new"), &good()));
    let mut at = now();
    assert!(verifier.verify(&known, at).await.is_ok());
    let failures = [
        Answer::Other(StatusCode::SERVICE_UNAVAILABLE, String::new()),
        Answer::Other(StatusCode::OK, "<html>".to_owned()),
        Answer::Other(StatusCode::OK, format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(LARGEST))),
        Answer::Redirect,
    ];
    for (index, failure) in failures.into_iter().enumerate() {
        provider.answers(failure);
        at += TimeDelta::hours(2);
        assert!(verifier.verify(&known, at).await.is_ok(), "{index}");
        assert_eq!(verifier.verify(&unknown, at).await, Err(Error::Provider), "{index}");
        assert_eq!(provider.asked(), index + 2, "one question a minute, whatever came of it");
    }
    provider.answers(Answer::Keys(vec![Pair::Ec.listed("new")]));
    assert!(verifier.verify(&unknown, at + TimeDelta::minutes(1)).await.is_ok());
}

#[tokio::test]
async fn a_service_starts_while_the_provider_is_down() {
    let config = Config {
        jwt_jwks_url: Some("http://127.0.0.1:1/keys".parse().unwrap()),
        jwt_issuer: Some(ISSUER.to_owned()),
        jwt_audience: Some(AUDIENCE.to_owned()),
        ..Config::default()
    };
    let verifier = Verifier::from_config(&config).unwrap();
    let error = role(&verifier, &Pair::Ed.sign(Some("k"), &good())).await.unwrap_err();
    assert!(error.to_string().contains("does not answer"), "{error}");
}

#[tokio::test]
async fn those_who_come_together_share_one_question_and_none_can_hang_it_up() {
    let (provider, verifier) = world(&[Pair::Ed.listed("k")]).await;
    let token = Pair::Ed.sign(Some("k"), &good());
    let impatient = tokio::time::timeout(Duration::from_millis(5), verifier.verify(&token, now())).await;
    assert!(impatient.is_err(), "it hung up");
    let all = futures_util::future::join_all((0..20).map(|_| verifier.verify(&token, now()))).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    assert_eq!(provider.asked(), 1);

    // While a second opinion is on its way, a known key is good.
    provider.answers(Answer::Silence);
    let later = now() + TimeDelta::hours(2);
    let waiting = tokio::spawn({
        let (verifier, token) = (verifier.clone(), token.clone());
        async move { verifier.verify(&token, later).await }
    });
    while provider.asked() < 2 {
        tokio::task::yield_now().await;
    }
    let began = std::time::Instant::now();
    assert!(verifier.verify(&token, later).await.is_ok());
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert!(waiting.await.unwrap().is_ok(), "it went by what is known");
}

#[test]
fn a_provider_needs_a_safe_address_an_issuer_and_an_audience() {
    let config = |url: &str, issuer: Option<&str>, audience: Option<&str>| Config {
        jwt_jwks_url: Some(url.parse().unwrap()),
        jwt_issuer: issuer.map(str::to_owned),
        jwt_audience: audience.map(str::to_owned),
        ..Config::default()
    };
    let https = "https://id.example.com/keys";
    for (config, variable) in [
        (config("http://id.example.com/keys", Some("i"), Some("a")), "MLC_JWT_JWKS_URL"),
        (config("http://127.0.0.1.example.com/keys", Some("i"), Some("a")), "MLC_JWT_JWKS_URL"),
        (config(https, None, Some("a")), "MLC_JWT_ISSUER"),
        (config(https, Some("i"), None), "MLC_JWT_AUDIENCE"),
    ] {
        assert_eq!(Verifier::from_config(&config).unwrap_err().variable(), variable);
    }
    for url in [https, "http://localhost:1/keys", "http://[::1]/keys", "http://127.9.9.9/keys"] {
        assert!(Verifier::from_config(&config(url, Some("i"), Some("a"))).is_ok(), "{url}");
    }
    let short = Config { jwt_secret: Some("short".into()), ..config(https, Some("i"), Some("a")) };
    assert_eq!(Verifier::from_config(&short).unwrap_err().variable(), "MLC_JWT_SECRET");
}

/// The public half of [`Pair::Rsa`], as people pass it around.
fn public_der() -> Vec<u8> {
    let base64: String = PUBLIC_PEM.lines().filter(|line| !line.starts_with('-')).collect();
    base64::engine::general_purpose::STANDARD.decode(base64).unwrap()
}

const PUBLIC_PEM: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAwgPGjvYkC1GUBPDcu8jB
CU6x4gBFuainCWhg2kDDShsVDp/30mhNmHQxmd1y+vCVl2aK4MaHyLdMdBs9s1s9
yeU1HRCVYhv/KRrevRhYfO7PV408X83ZKAqocNWjVc4yGNgmu1/ZnTrUBD5D0y0R
opIh4WBgPGk+FAiasULqc7JCT5zDu/67X1wUJoO0voejAf5ZdLF7jJVDxB1bg8G0
r3B+xnsU/PPINxA0kUFb8vTODq+cioDX/ix45w1gzpJpMyfOuHGMtIvX2H3t0ffj
lxRjpM76dcGdc8+jPglYuZhF6pCCXbi2GmQASor7MfFpeoMDyBUV/Iu2VBUBaqMW
DQIDAQAB
-----END PUBLIC KEY-----\n";
