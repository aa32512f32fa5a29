//! Global ids as the admin API and the messages write them: a type's name and a row's number in URL-safe base64.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// The global id of the row `number` of the GraphQL type `kind`.
pub fn write(kind: &str, number: i64) -> String {
    URL_SAFE_NO_PAD.encode(format!("{kind}:{number}"))
}
