//! Why something is not in the books, told to the one who can mend it.

use async_graphql::{Enum, SimpleObject};

use crate::problem;

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "problem::Owner")]
pub(super) enum ProblemOwner {
    /// Whoever runs the shop.
    Merchant,
    /// Whoever keeps the books.
    Accountant,
    /// Whoever runs this service.
    Operator,
    /// Shopify or FreshBooks; it is tried again by itself.
    Platform,
}

/// A named reason with its remedy. Holds no personal data.
#[derive(SimpleObject)]
pub(super) struct Problem {
    /// Its stable name, such as `OVERPAID`.
    code: String,
    /// What is wrong, in one sentence.
    message: String,
    /// What to do about it.
    hint: String,
    /// Whose turn it is.
    owner: ProblemOwner,
}

impl From<problem::Problem> for Problem {
    fn from(problem: problem::Problem) -> Self {
        let problem::Problem { code, message, hint, owner } = problem;
        Self { code, message, hint, owner: owner.into() }
    }
}
