//! The locked period: nothing is written with a date in it, and nothing that has such a date is changed.

use chrono::NaiveDate;
use entity::resource_link::Kind;

use super::{Action, Draft, Known, Write};
use crate::{
    mapping::Settings,
    problem::{Owner, Problem},
};

/// Why this plan must wait, if it touches the locked period. Half a plan would leave the books worse than none.
pub fn locked(writes: &[Write], known: &Known, settings: &Settings) -> Option<Problem> {
    let write = writes.iter().find(|write| dates(write, known).into_iter().flatten().any(|day| settings.locks(day)))?;
    let what = match write.key.kind {
        Kind::Client => "client",
        Kind::Invoice => "invoice",
        Kind::Payment => "payment",
        Kind::CreditNote => "credit note",
    };
    Some(Problem::new(
        Owner::Accountant,
        "LOCKED_PERIOD",
        format!(
            "To {} the {what} would change a period that is locked (setting `lockedThrough`).",
            write.action.name()
        ),
        "Make the change by hand where it belongs and dismiss the order; or move lockedThrough back, resync, and lock again.",
    ))
}

/// The date that the document has, and the one that it would get.
fn dates(write: &Write, known: &Known) -> [Option<NaiveDate>; 2] {
    if matches!(write.action, Action::Find | Action::Adopt) {
        return [None, None];
    }
    let number = || write.key.shopify_id.parse::<i64>().ok();
    match &write.draft {
        Draft::Client(_) => [None, None],
        Draft::Invoice(draft) => [known.invoice.as_ref().and_then(|doc| doc.facts.dated), Some(draft.create_date)],
        Draft::Payment(draft) => [number().and_then(|id| known.payments.get(&id)?.facts.dated), Some(draft.date)],
        Draft::Credit(draft) => [number().and_then(|id| known.credits.get(&id)?.facts.dated), Some(draft.create_date)],
    }
}
