//! Global ids as the admin API and the messages write them: a type's name and a row's number in URL-safe base64.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// The global id of the row `number` of the GraphQL type `kind`.
pub fn write(kind: &str, number: i64) -> String {
    URL_SAFE_NO_PAD.encode(format!("{kind}:{number}"))
}

/// The row's number in a global id of the type `kind`; `None` for anything that [`write()`] does not write, to the letter: two spellings of one
/// id would pass one check and fail another.
pub fn read(kind: &str, id: &str) -> Option<i64> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(id).ok()?).ok()?;
    let number = text.strip_prefix(kind)?.strip_prefix(':')?;
    let found: i64 = number.parse().ok()?;
    (found.to_string() == number).then_some(found)
}
