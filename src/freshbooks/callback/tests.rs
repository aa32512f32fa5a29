use proptest::prelude::*;

use super::*;

const VERIFIER: &str = "rT8kQ2mZ5xW9bN4cJ7hLpD3s";
const CREATED: &str =
    "name=invoice.create&object_id=987654&user_id=1&identity_id=712052&business_id=77123&account_id=xZNQ1X";
const SIGNATURE: &str = "6mwtRAZ72RaxuZSTM31wnJOs20/j5FNITFFckKJDPdw=";

fn form(body: &str) -> Vec<(String, String)> {
    pairs(body.as_bytes()).unwrap()
}

fn verifier(text: &str) -> SecretString {
    text.into()
}

fn sign(verifier: &str, message: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(verifier.as_bytes()).unwrap().chain_update(message);
    STANDARD.encode(mac.finalize().into_bytes())
}

#[test]
fn the_message_is_pythons_json_in_the_order_received() {
    let expected = r#"{"name": "invoice.create", "object_id": "987654", "user_id": "1", "identity_id": "712052", "business_id": "77123", "account_id": "xZNQ1X"}"#;
    assert_eq!(message(&form(CREATED)), expected);
    assert_eq!(expected.len(), 138);
    assert_eq!(message(&[]), "{}");
}

#[test]
fn the_known_examples_are_accepted() {
    let other_order =
        "name=invoice.create&object_id=987654&account_id=xZNQ1X&business_id=77123&identity_id=712052&user_id=1";
    let escapes = "name=client.update&object_id=42&user_id=1&identity_id=712052&business_id=77123&account_id=xZNQ1X\
        &note=%C3%A9+%22%2F%22+%F0%9F%98%80";
    let verify = "name=callback.verify&object_id=2001&account_id=xZNQ1X&verifier=rT8kQ2mZ5xW9bN4cJ7hLpD3s";
    let known = [
        (CREATED, SIGNATURE),
        (other_order, "Z6jDP6yZ0xk1edGnsSRgvGmy3u+xcREHRP9ykaE+OiA="),
        (escapes, "xCiykr2/A2izAMGhu49noff6M6TX9Mi1BOR9c+dS4zM="),
        (verify, "nfZR1Q/+xat5KzTcosNlaQ65FmfUtv+WNYl6yuPVPKA="),
    ];
    for (body, signature) in known {
        assert!(is_signed(&verifier(VERIFIER), &form(body), signature), "{body}");
        for (other, _) in known.iter().filter(|(other, _)| *other != body) {
            assert!(!is_signed(&verifier(VERIFIER), &form(other), signature), "{other}");
        }
    }
    assert!(message(&form(escapes)).ends_with(r#""note": "\u00e9 \"/\" \ud83d\ude00"}"#));
}

#[test]
fn other_ways_of_signing_are_refused() {
    let wrong = [
        ("compact", "9a6kmBMOfbbgPQDmSUmK1eDJb3WEA9nn3yXxA3EA9vM="),
        ("sorted", "fjgNqEGFNaX3C5k6MF7BwM94r4rlPRReQcBdyudJ4hM="),
        ("ids as numbers", "bhuoJCAMA1G4D6UkCWBFG+mfbOB2Vg2df98DKdSbyI8="),
        ("the raw body", &sign(VERIFIER, CREATED)),
        ("unpadded", SIGNATURE.trim_end_matches('=')),
        ("hex", &hex::encode(STANDARD.decode(SIGNATURE).unwrap())),
        ("spaced", &format!("{SIGNATURE} ")),
        ("nothing", ""),
    ];
    for (how, signature) in wrong {
        assert!(!is_signed(&verifier(VERIFIER), &form(CREATED), signature), "{how}");
    }
    assert!(!is_signed(&verifier("another"), &form(CREATED), SIGNATURE));
    assert!(
        !is_signed(&verifier(""), &form(CREATED), &sign("", &message(&form(CREATED)))),
        "anybody can sign with nothing"
    );
}

#[test]
fn escapes_are_pythons() {
    let escaped = |value: &str| message(&[("k".to_owned(), value.to_owned())]);
    assert_eq!(escaped("\n\r\t\u{8}\u{c}\0\u{1f}"), r#"{"k": "\n\r\t\b\f\u0000\u001f"}"#);
    assert_eq!(escaped("\"\\/' <>&"), r#"{"k": "\"\\/' <>&"}"#);
    assert_eq!(escaped("\u{7f}\u{80}\u{2028}\u{ffff}\u{10ffff}"), r#"{"k": "\u007f\u0080\u2028\uffff\udbff\udfff"}"#);
}

#[test]
fn a_field_that_comes_twice_has_its_first_place_and_its_last_value() {
    assert_eq!(message(&form("a=1&b=2&a=3&c=&b=4")), r#"{"a": "3", "b": "4", "c": ""}"#);
    assert_eq!(read(&form("name=x&account_id=a&object_id=1&object_id=2")).unwrap().object_id, 2);
}

#[test]
fn no_form_is_read_that_no_callback_could_be() {
    assert_eq!(form("a=1+%2B&&b&=c"), [("a", "1 +"), ("b", ""), ("", "c")].map(|(k, v)| (k.to_owned(), v.to_owned())));
    assert_eq!(pairs(b""), Some(Vec::new()));
    assert_eq!(pairs("a=1&".repeat(64).as_bytes()).map(|pairs| pairs.len()), Some(64));
    assert_eq!(pairs("a=1&".repeat(65).as_bytes()), None);
    assert!(pairs(&vec![b'a'; 16 * 1024]).is_some());
    assert_eq!(pairs(&vec![b'a'; 16 * 1024 + 1]), None);
}

#[test]
fn a_notice_says_what_happened_to_what() {
    let notice = read(&form(CREATED)).unwrap();
    assert_eq!(
        (notice.name.as_str(), notice.object_id, notice.account_id.as_str()),
        ("invoice.create", 987_654, "xZNQ1X")
    );
    assert!(notice.verifier.is_none());
    let verify = read(&form("name=callback.verify&object_id=2001&account_id=xZNQ1X&verifier=rT8k")).unwrap();
    assert_eq!(verify.verifier.as_ref().unwrap().expose_secret(), "rT8k");
    assert!(!format!("{verify:?}").contains("rT8k"));
    let stray = read(&form("name=invoice.update&object_id=1&account_id=a&verifier=x")).unwrap();
    assert!(stray.verifier.is_none(), "only a verification may bring one");
}

#[test]
fn what_is_missing_is_named() {
    let cases = [
        ("", "name"),
        ("name=&account_id=a&object_id=1", "name"),
        ("name=invoice.update&object_id=1", "account_id"),
        ("name=invoice.update&account_id=a", "object_id"),
        ("name=invoice.update&account_id=a&object_id=1.5", "object_id"),
        ("name=invoice.update&account_id=a&object_id=-1", "object_id"),
        ("name=invoice.update&account_id=a&object_id=99999999999999999999", "object_id"),
        ("name=callback.verify&account_id=a&object_id=1", "verifier"),
        ("name=callback.verify&account_id=a&object_id=1&verifier=", "verifier"),
    ];
    for (body, field) in cases {
        assert_eq!(read(&form(body)).unwrap_err(), Malformed(field), "{body}");
    }
    assert_eq!(Malformed("object_id").to_string(), "the callback has no usable object_id");
}

/// Each string by another's escapes, what that leaves alone by its UTF-16; one field at a time.
fn slow_message(pairs: &Pairs) -> String {
    let quoted = |text: &str| -> String {
        let json = serde_json::to_string(text).unwrap();
        let letter = |letter: char| match letter {
            ' '..='~' => letter.to_string(),
            _ => letter.to_string().encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect(),
        };
        json.chars().map(letter).collect()
    };
    let first = |index: usize| pairs[..index].iter().all(|(name, _)| *name != pairs[index].0);
    let last = |name: &str| &pairs.iter().rfind(|(known, _)| known == name).unwrap().1;
    let fields = (0..pairs.len()).filter(|index| first(*index)).map(|index| &pairs[index].0);
    let fields: Vec<_> = fields.map(|name| format!("{}: {}", quoted(name), quoted(last(name)))).collect();
    format!("{{{}}}", fields.join(", "))
}

/// With a few names only, so that some come twice.
fn some_pairs() -> impl Strategy<Value = Vec<(String, String)>> {
    let name = prop_oneof!["name|object_id|account_id|verifier|a", any::<String>()];
    let value = prop_oneof![any::<String>(), "[0-9]{0,22}", "[\\x00-\\x7f]{0,9}", "callback.verify"];
    prop::collection::vec((name, value), 0..10)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_body_is_too_strange(body in any::<Vec<u8>>(), header in any::<String>()) {
        if let Some(pairs) = pairs(&body) {
            let _ = read(&pairs);
            prop_assert!(!is_signed(&verifier(VERIFIER), &pairs, &header));
            prop_assert!(message(&pairs).is_ascii());
        }
    }

    #[test]
    fn the_message_is_what_a_slower_way_makes(pairs in some_pairs()) {
        let _ = read(&pairs);
        prop_assert_eq!(message(&pairs), slow_message(&pairs));
    }

    #[test]
    fn fields_survive_the_form(sent in some_pairs()) {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&sent).finish();
        // Nothing at all is not a field to a reader of forms.
        let kept: Vec<_> = sent.into_iter().filter(|(name, value)| !(name.is_empty() && value.is_empty())).collect();
        let got: Vec<_> = form(&body).into_iter().filter(|(name, value)| !(name.is_empty() && value.is_empty())).collect();
        prop_assert_eq!(got, kept);
    }

    #[test]
    fn a_signature_is_of_these_fields_and_this_verifier(
        sent in some_pairs(),
        secret in ".{1,40}",
        bit in any::<prop::sample::Index>(),
    ) {
        let signature = sign(&secret, &message(&sent));
        prop_assert!(is_signed(&verifier(&secret), &sent, &signature));
        let longer = verifier(&(secret.clone() + "x"));
        prop_assert!(!is_signed(&longer, &sent, &signature));
        let mut bytes = STANDARD.decode(&signature).unwrap();
        let bit = bit.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(!is_signed(&verifier(&secret), &sent, &STANDARD.encode(bytes)));
        let more = [&sent[..], &[("another".to_owned(), String::new())]].concat();
        prop_assert!(!is_signed(&verifier(&secret), &more, &signature));
    }
}
