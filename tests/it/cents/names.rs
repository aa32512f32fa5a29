//! Ids and closed lists of values, as the Admin API spells them.

use ml_connector::{
    money::Currency,
    sandbox::shopify::{currency::CurrencyCode, model as theirs},
    shopify::model::{Gid, TransactionKind, TransactionStatus},
};

pub(super) fn gid(kind: &str, number: u64) -> Gid {
    Gid::new(kind, i64::try_from(number).unwrap())
}

pub(super) fn currency(code: CurrencyCode) -> Currency {
    Currency::new(&format!("{code:?}")).unwrap()
}

/// `PartiallyPaid` as `PARTIALLY_PAID`.
pub(super) fn shouted(name: impl std::fmt::Debug) -> String {
    let mut shouted = String::new();
    for letter in format!("{name:?}").chars() {
        if letter.is_ascii_uppercase() && !shouted.is_empty() {
            shouted.push('_');
        }
        shouted.push(letter.to_ascii_uppercase());
    }
    shouted
}

pub(super) fn kind(kind: theirs::OrderTransactionKind) -> TransactionKind {
    use theirs::OrderTransactionKind as Theirs;
    match kind {
        Theirs::Authorization => TransactionKind::Authorization,
        Theirs::Capture => TransactionKind::Capture,
        Theirs::Change => TransactionKind::Change,
        Theirs::EmvAuthorization => TransactionKind::EmvAuthorization,
        Theirs::Refund => TransactionKind::Refund,
        Theirs::Sale => TransactionKind::Sale,
        Theirs::SuggestedRefund => TransactionKind::SuggestedRefund,
        Theirs::Void => TransactionKind::Void,
    }
}

pub(super) fn status(status: theirs::OrderTransactionStatus) -> TransactionStatus {
    use theirs::OrderTransactionStatus as Theirs;
    match status {
        Theirs::AwaitingResponse => TransactionStatus::AwaitingResponse,
        Theirs::Error => TransactionStatus::Error,
        Theirs::Failure => TransactionStatus::Failure,
        Theirs::Pending => TransactionStatus::Pending,
        Theirs::Success => TransactionStatus::Success,
        Theirs::Unknown => TransactionStatus::Unknown,
    }
}
