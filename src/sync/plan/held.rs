//! What a person has changed in FreshBooks is not written over: a plan makes way for it, or waits.

use std::collections::{BTreeSet, HashMap};

use entity::resource_link::Kind;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{Action, Draft, Known, Write};
use crate::{
    link::{
        LinkKey, noun,
        seen::{Held, covers},
    },
    mapping::Wanted,
    problem::{Owner, Problem},
};

/// Fields that money depends on. Where a person holds one of them, half a plan would leave the books worse than none.
const MONEY: [&str; 7] = ["amount", "clientid", "currency_code", "customerid", "invoiceid", "lines", VIS_STATE];
const VIS_STATE: &str = "vis_state";

/// What a plan may do, beside what a person holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spared {
    /// The writes without the fields that are held.
    pub writes: Vec<Write>,
    /// Fields that are left out and that nobody has decided about, such as `invoice.notes`.
    pub left: BTreeSet<String>,
}

/// Leaves out of a plan what a person holds in FreshBooks.
///
/// # Errors
/// Where that is money, or a document that is to be removed: nothing of the plan may be carried out.
pub fn spare(writes: Vec<Write>, known: &Known) -> Result<Spared, Problem> {
    let mut spared = Spared::default();
    for mut write in writes {
        let held = known.held.get(&write.key);
        if write.key.kind == Kind::Payment && pays(write.action) && invoice_is_put_away(&known.held) {
            return Err(problem("invoice.vis_state"));
        }
        let Some(held) = held else {
            spared.writes.push(write);
            continue;
        };
        let noun = noun(write.key.kind);
        let sent = sent(&write);
        let stands = |field: &str| match (write.action, write.key.kind) {
            (Action::Find | Action::Adopt | Action::Create, _) => false,
            (Action::Void | Action::Delete | Action::Restore, _) => {
                held.changed.contains(field) || (held.kept.contains(field) && MONEY.contains(&field))
            }
            // What is done about a client that was put away is its own business.
            (_, Kind::Client) => false,
            _ => field == VIS_STATE || (MONEY.contains(&field) && covers(&sent, field)),
        };
        if let Some(field) = held.changed.iter().chain(&held.kept).find(|field| stands(field)) {
            return Err(problem(&format!("{noun}.{field}")));
        }
        if write.action == Action::Update {
            let theirs: Vec<&String> = sent.iter().filter(|field| held.has(field)).collect();
            spared.left.extend(
                theirs.iter().filter(|field| held.changed.contains(**field)).map(|field| format!("{noun}.{field}")),
            );
            leave_out(&mut write, &theirs, known);
            if theirs.len() == sent.len() {
                continue;
            }
        }
        spared.writes.push(write);
    }
    Ok(spared)
}

/// Why an order waits whose fields are held.
pub fn problem(fields: &str) -> Problem {
    Problem::new(
        Owner::Accountant,
        "DRIFT",
        format!("Somebody has changed in FreshBooks what this order would write: {fields}."),
        "resolveDrift with RESTORE writes our version again, with KEEP leaves these fields to you; what KEEP leaves out of the books is booked by hand, and the order dismissed.",
    )
}

/// Whether a person's version of money stands against what the order is owed. `totals` says whether the documents add up.
pub fn stands_against(wanted: &Wanted, known: &Known, totals: bool) -> Option<Problem> {
    let mut names: BTreeSet<String> = BTreeSet::new();
    for (key, held) in &known.held {
        let matters = match key.kind {
            Kind::Client => false,
            Kind::Invoice | Kind::CreditNote => !totals,
            Kind::Payment => {
                let paid = key.shopify_id.parse().ok().and_then(|number: i64| known.payments.get(&number)?.facts.total);
                let of_it = wanted.payments.iter().find(|payment| payment.transaction.to_string() == key.shopify_id);
                of_it.is_some_and(|payment| paid != Some(payment.amount()))
            }
        };
        let money = held.changed.iter().chain(&held.kept).filter(|field| MONEY.contains(&field.as_str()));
        names.extend(money.filter(|_| matters).map(|field| format!("{}.{field}", noun(key.kind))));
    }
    if names.is_empty() { None } else { Some(problem(&names.into_iter().collect::<Vec<_>>().join(", "))) }
}

fn pays(action: Action) -> bool {
    matches!(action, Action::Create | Action::Update | Action::Restore)
}

fn invoice_is_put_away(held: &HashMap<LinkKey, Held>) -> bool {
    held.iter().any(|(key, held)| key.kind == Kind::Invoice && held.has(VIS_STATE))
}

/// The fields that a write names.
pub fn sent(write: &Write) -> BTreeSet<String> {
    let object = write.request.as_ref().and_then(|request| request.body.as_object()?.values().next());
    object.and_then(Value::as_object).map(|fields| fields.keys().cloned().collect()).unwrap_or_default()
}

/// Takes these fields out of a write: FreshBooks keeps what it has, and the draft what was accepted before.
fn leave_out(write: &mut Write, fields: &[&String], known: &Known) {
    if fields.is_empty() {
        return;
    }
    if let Some(object) = write.request.as_mut().and_then(|request| request.body.as_object_mut()?.values_mut().next())
        && let Some(object) = object.as_object_mut()
    {
        object.retain(|field, _| !fields.contains(&field));
    }
    write.mappings.retain(|mapping| !fields.iter().any(|field| mapping.freshbooks_field == **field));
    let number = || write.key.shopify_id.parse::<i64>().ok();
    match &mut write.draft {
        Draft::Client(draft) => {
            as_before(draft.as_mut(), known.client.as_ref().and_then(|doc| doc.written.as_ref()), fields)
        }
        Draft::Invoice(draft) => as_before(draft, known.invoice.as_ref().and_then(|doc| doc.written.as_ref()), fields),
        Draft::Payment(draft) => {
            let before = number().and_then(|number| known.payments.get(&number)?.written.as_ref());
            as_before(draft, before, fields);
        }
        Draft::Credit(draft) => {
            let before = number().and_then(|number| known.credits.get(&number)?.written.as_ref());
            as_before(draft, before, fields);
        }
    }
}

fn as_before<D: Serialize + DeserializeOwned>(draft: &mut D, before: Option<&D>, fields: &[&String]) {
    let (Some(Ok(before)), Ok(mut merged)) = (before.map(serde_json::to_value), serde_json::to_value(&*draft)) else {
        return;
    };
    for field in fields {
        merged[field.as_str()] = before[field.as_str()].clone();
    }
    if let Ok(merged) = serde_json::from_value(merged) {
        *draft = merged;
    }
}
