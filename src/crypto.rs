//! Secrets at rest: AES-256-GCM under a ring of keys, each ciphertext bound to the place where it is stored.
//!
//! Two layers. The keyring (`MLC_ENCRYPTION_KEYS`) seals tokens and the customers' keys; a customer's key seals that person's values, so
//! that destroying it redacts them everywhere. A ciphertext copied to another row or column does not open: its place is authenticated.

use aes_gcm::{
    Aes256Gcm, Key, Nonce,
    aead::{Aead, Generate, KeyInit, Payload},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

/// Bytes of an AES-256 key.
const KEY_LENGTH: usize = 32;
/// Bytes of a GCM nonce.
const NONCE_LENGTH: usize = 12;

/// The keys of `MLC_ENCRYPTION_KEYS`: the first seals, all open.
#[derive(Clone)]
pub struct Keyring {
    keys: Vec<(String, Aes256Gcm)>,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|(id, _)| id)).finish()
    }
}

impl Keyring {
    /// Reads `id:base64(32 bytes)`, comma separated.
    ///
    /// # Errors
    /// Says which entry is wrong and how, never its value.
    pub fn parse(text: &SecretString) -> Result<Self, Error> {
        let mut keys: Vec<(String, Aes256Gcm)> = Vec::new();
        for (index, entry) in text.expose_secret().split(',').map(str::trim).enumerate() {
            let wrong = |reason| Error::Keys { position: index + 1, reason };
            let (id, encoded) = entry.split_once(':').ok_or(wrong("it is not of the form id:base64"))?;
            if id.is_empty() || !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
                return Err(wrong("its id may hold letters, digits, - and _ only"));
            }
            if keys.iter().any(|(known, _)| known == id) {
                return Err(wrong("its id stands there twice"));
            }
            let key = Zeroizing::new(BASE64.decode(encoded).map_err(|_| wrong("its key is not base64"))?);
            keys.push((id.to_owned(), cipher(&key).ok_or(wrong("its key is not 32 bytes long"))?));
        }
        Ok(Self { keys })
    }

    /// Seals `plain` for `place`, such as `platform_grant/7/shopify/access_token`: it opens nowhere else.
    ///
    /// # Errors
    /// Only beyond 64 GB.
    pub fn seal(&self, place: &str, plain: &[u8]) -> Result<String, Error> {
        let (_, cipher) = self.keys.first().ok_or(Error::Sealed)?;
        Ok(format!("{}{}", self.mark(), BASE64.encode(encrypt(cipher, place, plain)?)))
    }

    /// What everything that the first key has sealed begins with, and nothing else does.
    pub fn mark(&self) -> String {
        format!("k1.{}.", self.ids().next().unwrap_or_default())
    }

    /// Whether the first key sealed this.
    pub fn is_current(&self, sealed: &str) -> bool {
        sealed.starts_with(&self.mark())
    }

    /// The key that sealed this, where it is not on the ring.
    pub fn missing_for<'a>(&self, sealed: &'a str) -> Option<&'a str> {
        key_of(sealed).filter(|id| !self.ids().any(|known| known == *id))
    }

    /// The ids of its keys, the one that seals first.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|(id, _)| id.as_str())
    }

    /// Opens what [`Keyring::seal`] made for the same `place`.
    ///
    /// # Errors
    /// When its key is not on the ring, or it was altered or moved.
    pub fn open(&self, place: &str, sealed: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
        let (id, encoded) = sealed.strip_prefix("k1.").and_then(|rest| rest.split_once('.')).ok_or(Error::Sealed)?;
        let (_, cipher) = self.keys.iter().find(|(known, _)| known == id).ok_or(Error::UnknownKey(id.to_owned()))?;
        decrypt(cipher, place, encoded)
    }
}

/// The id of the key that sealed this.
fn key_of(sealed: &str) -> Option<&str> {
    sealed.strip_prefix("k1.").and_then(|rest| rest.split_once('.')).map(|(id, _)| id)
}

/// The key of one customer's values.
#[derive(Clone)]
pub struct DataKey(Zeroizing<[u8; KEY_LENGTH]>);

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DataKey([REDACTED])")
    }
}

impl DataKey {
    /// A fresh one.
    pub fn generate() -> Self {
        Self(Zeroizing::new(Key::<Aes256Gcm>::generate().into()))
    }

    /// As the keyring opened it.
    ///
    /// # Errors
    /// When it is not 32 bytes long.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Ok(Self(Zeroizing::new(bytes.try_into().map_err(|_| Error::Sealed)?)))
    }

    /// For the keyring to seal.
    pub fn bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// Seals `plain` for `place`.
    ///
    /// # Errors
    /// Only beyond 64 GB.
    pub fn seal(&self, place: &str, plain: &[u8]) -> Result<String, Error> {
        let cipher = cipher(self.bytes()).ok_or(Error::Sealed)?;
        Ok(format!("c1.{}", BASE64.encode(encrypt(&cipher, place, plain)?)))
    }

    /// Opens what [`DataKey::seal`] made for the same `place`.
    ///
    /// # Errors
    /// When it was altered or moved, or belongs to another customer.
    pub fn open(&self, place: &str, sealed: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
        let encoded = sealed.strip_prefix("c1.").ok_or(Error::Sealed)?;
        decrypt(&cipher(self.bytes()).ok_or(Error::Sealed)?, place, encoded)
    }
}

/// A fresh entry for `MLC_ENCRYPTION_KEYS`.
pub fn keygen(id: &str) -> SecretString {
    let key: [u8; KEY_LENGTH] = Key::<Aes256Gcm>::generate().into();
    format!("{id}:{}", BASE64.encode(Zeroizing::new(key))).into()
}

fn cipher(key: &[u8]) -> Option<Aes256Gcm> {
    Aes256Gcm::new_from_slice(key).ok()
}

fn encrypt(cipher: &Aes256Gcm, place: &str, plain: &[u8]) -> Result<Vec<u8>, Error> {
    let nonce = Nonce::generate();
    let sealed = cipher.encrypt(&nonce, Payload { msg: plain, aad: place.as_bytes() }).map_err(|_| Error::Sealed)?;
    Ok([nonce.as_slice(), &sealed].concat())
}

fn decrypt(cipher: &Aes256Gcm, place: &str, encoded: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    let bytes = BASE64.decode(encoded).map_err(|_| Error::Sealed)?;
    let (nonce, sealed) = bytes.split_at_checked(NONCE_LENGTH).ok_or(Error::Sealed)?;
    let nonce = nonce.try_into().map_err(|_| Error::Sealed)?;
    let plain = cipher.decrypt(nonce, Payload { msg: sealed, aad: place.as_bytes() }).map_err(|_| Error::Sealed)?;
    Ok(Zeroizing::new(plain))
}

/// Why a secret does not open, or a key does not serve. Never says what was inside.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// `MLC_ENCRYPTION_KEYS` is malformed.
    #[error("entry {position} is malformed: {reason} (`ml-connector keygen` prints a good one)")]
    Keys {
        /// Which entry, from 1.
        position: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Sealed under a key that is gone.
    #[error("sealed under the key `{0}`, which MLC_ENCRYPTION_KEYS no longer holds")]
    UnknownKey(String),
    /// Altered, moved, or not ours.
    #[error("a sealed value does not open: it was altered, or moved from where it was stored")]
    Sealed,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(ids: &[&str]) -> Keyring {
        let text: Vec<String> = ids.iter().map(|id| keygen(id).expose_secret().to_owned()).collect();
        Keyring::parse(&text.join(",").into()).unwrap()
    }

    #[test]
    fn a_sealed_value_opens_only_where_it_was_put() {
        let ring = ring(&["a"]);
        let sealed = ring.seal("grant/1/access", b"token").unwrap();
        assert!(!sealed.contains("token"));
        assert_eq!(ring.open("grant/1/access", &sealed).unwrap().as_slice(), b"token");
        assert_eq!(ring.open("grant/2/access", &sealed), Err(Error::Sealed));
        assert_eq!(ring.open("grant/1/refresh", &sealed), Err(Error::Sealed));
    }

    #[test]
    fn one_altered_bit_is_refused() {
        let ring = ring(&["a"]);
        let sealed = ring.seal("x", b"token").unwrap();
        let mut bytes = BASE64.decode(sealed.rsplit('.').next().unwrap()).unwrap();
        for index in 0..bytes.len() {
            bytes[index] ^= 1;
            assert_eq!(ring.open("x", &format!("k1.a.{}", BASE64.encode(&bytes))), Err(Error::Sealed));
            bytes[index] ^= 1;
        }
    }

    #[test]
    fn the_first_key_seals_and_all_open() {
        let (old, new) = (keygen("old"), keygen("new"));
        let sealed = Keyring::parse(&old).unwrap().seal("x", b"token").unwrap();
        let both = format!("{},{}", new.expose_secret(), old.expose_secret());
        let both = Keyring::parse(&both.into()).unwrap();
        assert_eq!(both.open("x", &sealed).unwrap().as_slice(), b"token");
        assert!(both.seal("x", b"token").unwrap().starts_with("k1.new."));
        assert_eq!(Keyring::parse(&new).unwrap().open("x", &sealed), Err(Error::UnknownKey("old".to_owned())));
    }

    #[test]
    fn a_malformed_ring_says_which_entry_and_never_its_value() {
        for (text, reason) in
            [("", "form"), ("a", "form"), (":AAAA", "id may hold"), ("a:%%%", "base64"), ("a:c2VjcmV0", "32 bytes")]
        {
            let error = Keyring::parse(&text.to_owned().into()).unwrap_err().to_string();
            assert!(error.contains(reason) && !error.contains("c2VjcmV0"), "{error}");
        }
        let twice = keygen("a").expose_secret().to_owned();
        assert!(Keyring::parse(&format!("{twice},{twice}").into()).unwrap_err().to_string().contains("twice"));
    }

    #[test]
    fn a_customers_value_does_not_open_under_another_key() {
        let sealed = DataKey::generate().seal("snapshot/1", b"Ada").unwrap();
        assert_eq!(DataKey::generate().open("snapshot/1", &sealed), Err(Error::Sealed));
    }
}
