//! How the platform signs what it sends to a callback.
//!
//! It turns the form into a Python dict and signs what `json.dumps` prints of that: every value a string, in the order sent, a blank behind
//! each colon and comma, and everything that is not printable ASCII escaped.

use std::fmt::Write;

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What the header carries for these fields.
pub(super) fn sign(verifier: &str, fields: &[(String, String)]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(verifier.as_bytes()).map(|mut mac| {
        mac.update(dumped(fields).as_bytes());
        STANDARD.encode(mac.finalize().into_bytes())
    });
    // A key of any length will do.
    mac.unwrap_or_default()
}

fn dumped(fields: &[(String, String)]) -> String {
    let pair = |(key, value): &(String, String)| format!("{}: {}", quoted(key), quoted(value));
    format!("{{{}}}", fields.iter().map(pair).collect::<Vec<_>>().join(", "))
}

fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(char),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    // Writing to a string cannot fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use url::form_urlencoded;

    use super::*;

    const VERIFIER: &str = "rT8kQ2mZ5xW9bN4cJ7hLpD3s";

    fn fields(form: &str) -> Vec<(String, String)> {
        form_urlencoded::parse(form.as_bytes()).into_owned().collect()
    }

    #[test]
    fn signatures_are_those_worked_out_with_python() {
        for (form, expected) in [
            (
                "name=invoice.create&object_id=987654&user_id=1&identity_id=712052&business_id=77123&account_id=xZNQ1X",
                "6mwtRAZ72RaxuZSTM31wnJOs20/j5FNITFFckKJDPdw=",
            ),
            (
                "name=invoice.create&object_id=987654&account_id=xZNQ1X&business_id=77123&identity_id=712052&user_id=1",
                "Z6jDP6yZ0xk1edGnsSRgvGmy3u+xcREHRP9ykaE+OiA=",
            ),
            (
                "name=client.update&object_id=42&user_id=1&identity_id=712052&business_id=77123&account_id=xZNQ1X\
                 &note=%C3%A9+%22%2F%22+%F0%9F%98%80",
                "xCiykr2/A2izAMGhu49noff6M6TX9Mi1BOR9c+dS4zM=",
            ),
            (
                "name=callback.verify&object_id=2001&account_id=xZNQ1X&verifier=rT8kQ2mZ5xW9bN4cJ7hLpD3s",
                "nfZR1Q/+xat5KzTcosNlaQ65FmfUtv+WNYl6yuPVPKA=",
            ),
        ] {
            assert_eq!(sign(VERIFIER, &fields(form)), expected, "{form}");
        }
    }

    #[test]
    fn the_text_signed_is_what_python_prints() {
        let awkward =
            [("näme".to_owned(), "é \"/\" \\ 😀\n\r\t\u{8}\u{c}\u{1}\u{7f}".to_owned()), ("b".into(), "".into())];
        let printed = r#"{"n\u00e4me": "\u00e9 \"/\" \\ \ud83d\ude00\n\r\t\b\f\u0001\u007f", "b": ""}"#;
        assert_eq!(dumped(&awkward), printed);
    }
}
