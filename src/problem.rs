//! Why an order is not synced, told to the one who can mend it.

use serde::{Deserialize, Serialize};

/// A named reason with its remedy. Holds no personal data and no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Stable name in capitals, such as `OVERPAID`.
    pub code: String,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What to do about it.
    pub hint: String,
    /// Whose turn it is.
    pub owner: Owner,
}

/// Who can mend a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// Whoever runs the shop.
    Merchant,
    /// Whoever keeps the books.
    Accountant,
    /// Whoever runs this service.
    Operator,
    /// Shopify or FreshBooks; we try again by ourselves.
    Platform,
}

impl Problem {
    /// A problem from its parts.
    pub fn new(owner: Owner, code: &str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), hint: hint.into(), owner }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} {}", self.code, self.message, self.hint)
    }
}
