//! An object as we read it, beside the answer that it was read from.

use std::ops::Deref;

use serde::{Deserialize, Deserializer, de::DeserializeOwned, de::Error};
use serde_json::Value;

/// What FreshBooks told of one object: the part that we use, and the whole, for comparing it with what FreshBooks says later.
#[derive(Clone, Debug)]
pub struct Told<T> {
    /// The part that we use.
    pub object: T,
    /// As it came.
    pub whole: Value,
}

impl<T> Deref for Told<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.object
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Told<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let whole = Value::deserialize(from)?;
        let object = T::deserialize(&whole).map_err(D::Error::custom)?;
        Ok(Self { object, whole })
    }
}
