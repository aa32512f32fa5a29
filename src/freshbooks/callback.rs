//! What FreshBooks sends by itself: whether it is FreshBooks', and what it is about.
//!
//! A callback names an object and nothing of it: whoever is rung for reads the object anew. What is signed is not the body, but the JSON
//! that Python makes of its fields in the order in which they came.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use url::form_urlencoded;

/// What we want to hear of: what people may do to our documents. Nobody but us creates those.
pub const EVENTS: [&str; 8] = [
    "invoice.update",
    "invoice.delete",
    "payment.update",
    "payment.delete",
    "client.update",
    "client.delete",
    "credit_note.update",
    "credit_note.delete",
];

/// The event that brings a new callback's verifier.
pub const VERIFY: &str = "callback.verify";

/// Bytes of the longest body that is read: a callback has a few hundred.
const LENGTH: usize = 16 * 1024;
/// Fields that a body may have.
const FIELDS: usize = 64;

/// A field and its value, in the order of the body.
pub type Pairs = [(String, String)];

/// The fields of a form; `None` where there are more, or more in them, than any callback has.
pub fn pairs(body: &[u8]) -> Option<Vec<(String, String)>> {
    if body.len() > LENGTH {
        return None;
    }
    let pairs: Vec<_> = form_urlencoded::parse(body).into_owned().take(FIELDS + 1).collect();
    (pairs.len() <= FIELDS).then_some(pairs)
}

/// What FreshBooks signs: `json.dumps` of a Python dict. A field that comes twice keeps its first place and has its last value.
pub fn message(pairs: &Pairs) -> String {
    let mut fields: Vec<(&str, &str)> = Vec::with_capacity(pairs.len());
    for (name, value) in pairs {
        match fields.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => fields.push((name, value)),
        }
    }
    let mut json = String::from("{");
    for (index, (name, value)) in fields.into_iter().enumerate() {
        if index > 0 {
            json.push_str(", ");
        }
        quote(&mut json, name);
        json.push_str(": ");
        quote(&mut json, value);
    }
    json.push('}');
    json
}

/// A string as Python writes it: printable ASCII as it is, everything else escaped.
fn quote(json: &mut String, text: &str) {
    json.push('"');
    for letter in text.chars() {
        match letter {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            '\u{8}' => json.push_str("\\b"),
            '\u{c}' => json.push_str("\\f"),
            ' '..='~' => json.push(letter),
            _ => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    json.push_str("\\u");
                    json.push_str(&hex::encode(unit.to_be_bytes()));
                }
            }
        }
    }
    json.push('"');
}

/// Whether FreshBooks signed these fields for the callback that has this `verifier`.
pub fn is_signed(verifier: &SecretString, pairs: &Pairs, header: &str) -> bool {
    let verifier = verifier.expose_secret().as_bytes();
    let Ok(given) = STANDARD.decode(header) else { return false };
    // Anybody can sign with nothing.
    !verifier.is_empty()
        && Hmac::<Sha256>::new_from_slice(verifier)
            .is_ok_and(|mac| mac.chain_update(message(pairs)).verify_slice(&given).is_ok())
}

/// A callback, read.
#[derive(Clone, Debug)]
pub struct Notice {
    /// The event, such as `invoice.update`, or [`VERIFY`].
    pub name: String,
    /// The number of what it is about; with [`VERIFY`] that of the callback itself.
    pub object_id: i64,
    /// The account it happened in.
    pub account_id: String,
    /// With [`VERIFY`]: what the callback will be signed with for ever, and what proves that we got it.
    pub verifier: Option<SecretString>,
}

/// A field is not there, or not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the callback has no usable {0}")]
pub struct Malformed(pub &'static str);

/// What the fields say.
///
/// # Errors
/// [`Malformed`] names the field that is missing; [`VERIFY`] needs a verifier, nothing else does.
pub fn read(pairs: &Pairs) -> Result<Notice, Malformed> {
    let field = |name: &'static str| {
        let last = pairs.iter().rev().find(|(known, _)| known == name);
        last.map(|(_, value)| value.clone()).filter(|value| !value.is_empty()).ok_or(Malformed(name))
    };
    let (name, account_id) = (field("name")?, field("account_id")?);
    let object_id = field("object_id")?.parse().ok().filter(|id| *id > 0).ok_or(Malformed("object_id"))?;
    let verifier = match field("verifier") {
        Err(missing) if name == VERIFY => return Err(missing),
        verifier => verifier.ok().filter(|_| name == VERIFY).map(SecretString::from),
    };
    Ok(Notice { name, object_id, account_id, verifier })
}

#[cfg(test)]
mod tests;
