//! The consent page of a person who always agrees, and the signature under where it sends the browser.

use std::collections::BTreeMap;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use url::{Url, form_urlencoded};

use super::scope::Scopes;
use crate::sandbox::shopify::graphql::World;

/// Where the browser is sent, or the text of the page that refuses.
pub(super) fn agree(world: &World, query: &str) -> Result<String, String> {
    let options = &world.settings;
    let asked: BTreeMap<_, _> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let get = |key: &str| asked.get(key).map(String::as_str).unwrap_or_default();
    if get("client_id") != options.client_id {
        return Err("application_cannot_be_found: Application cannot be found".to_owned());
    }
    let registered = &options.redirect_uris;
    let uri = get("redirect_uri");
    let target = Url::parse(uri).ok().filter(|target| matches!(target.scheme(), "http" | "https"));
    let target = target.filter(|_| registered.is_empty() || registered.iter().any(|known| known == uri));
    let mut target = target.ok_or("invalid_request: The redirect_uri is not whitelisted")?;
    if get("state").is_empty() {
        return Err("invalid_request: The state parameter is missing".to_owned());
    }
    if !get("grant_options[]").is_empty() {
        return Err("invalid_request: Tokens of single users are not simulated".to_owned());
    }
    let plain = |unknown: String| unknown.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    let scopes = Scopes::parse(get("scope"));
    let scopes = scopes.map_err(|unknown| format!("invalid_scope: {} is not a scope", plain(unknown)))?;
    let scopes = world.allowed(&scopes);
    let now = world.now();
    let code = super::lock(&world.oauth.grants).consent(scopes, now);
    let answer = [
        ("code", code),
        ("host", host(&options.shop, options.padded_host)),
        ("shop", options.shop.clone()),
        ("state", get("state").to_owned()),
        ("timestamp", now.timestamp().to_string()),
    ];
    let hmac = sign(world.signing_secret(), &answer);
    target.query_pairs_mut().extend_pairs(&answer).append_pair("hmac", &hmac);
    Ok(target.into())
}

/// Lower-case hex over the sorted pairs, form-encoded as they stand in a query.
pub(super) fn sign<K: AsRef<str>, V: AsRef<str>>(secret: &str, pairs: &[(K, V)]) -> String {
    let sorted: BTreeMap<&str, &str> = pairs.iter().map(|(key, value)| (key.as_ref(), value.as_ref())).collect();
    let message = form_urlencoded::Serializer::new(String::new()).extend_pairs(sorted).finish();
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map(|mut mac| {
        mac.update(message.as_bytes());
        mac.finalize().into_bytes()
    });
    // A key of any length will do.
    mac.map(hex::encode).unwrap_or_default()
}

// Of the two forms of this parameter, the one that needs padding when padding is wanted: their lengths differ by no multiple of three.
fn host(shop: &str, padded: bool) -> String {
    let name = shop.strip_suffix(".myshopify.com").unwrap_or(shop);
    let new = format!("admin.shopify.com/store/{name}");
    if !padded {
        return STANDARD_NO_PAD.encode(new);
    }
    let old = format!("{shop}/admin");
    STANDARD.encode(if new.len() % 3 == 0 { old } else { new })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_published_vector() {
        let pairs = [
            ("timestamp", "1795334400"),
            ("state", "nonce-42"),
            ("shop", "test-shop.myshopify.com"),
            ("host", "YWRtaW4uc2hvcGlmeS5jb20vc3RvcmUvdGVzdC1zaG9w"),
            ("code", "7a1c0ffee0a1b2c3"),
        ];
        let hmac = sign("shpss_0123456789abcdef0123456789abcdef", &pairs);
        assert_eq!(hmac, "ffb5f787f4fd74bc466ba5594c11924d5a70876cd742eee3baa8a4c92300cf2a");
    }

    #[test]
    fn a_host_is_padded_only_on_request_and_then_always() {
        for shop in ["a.myshopify.com", "ab.myshopify.com", "abc.myshopify.com"] {
            assert!(!host(shop, false).contains('='));
            assert!(host(shop, true).ends_with('='));
        }
    }
}
