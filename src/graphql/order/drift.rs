//! What somebody changed in FreshBooks of an order, and the decision about it.

use async_graphql::{Context, Enum, ID, InputObject, SimpleObject};
use entity::{
    resource_link::{self, Kind},
    synced_order::Model,
};

use super::{
    super::{audit::MASK, auth::Asking, error::Result, loader::ClientOf},
    documents::links,
};
use crate::{
    drift::{self, view::is_personal},
    link::{self, seen},
};

/// Whose version is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "drift::Choice")]
pub(in super::super) enum DriftChoice {
    /// FreshBooks': the fields are the person's from now on, and are not written again until somebody restores ours.
    Keep,
    /// Ours: the documents are written again, and brought back where they were deleted.
    Restore,
}

/// What is to become of everything that was changed in FreshBooks of one order.
#[derive(Debug, InputObject)]
pub(in super::super) struct ResolveDriftInput {
    /// The global id of the order.
    pub(super) order_id: ID,
    /// Whose version is right.
    pub(super) choice: DriftChoice,
    /// Why, for the audit trail, where everybody may read it: name no persons. At most 500 characters, in one line.
    pub(super) note: Option<String>,
}

/// One field that somebody changed in FreshBooks since we wrote it.
#[derive(SimpleObject)]
pub(in super::super) struct DriftedField {
    /// Which field of which document, such as `invoice.notes`, `payments[123].amount`, `client.email`, `invoice.lines[0]`; the number is
    /// FreshBooks' id. `vis_state` says whether it is active, archived, deleted or erased.
    field: String,
    /// FreshBooks' id of the document.
    freshbooks_id: Option<String>,
    /// As it was after our last write; null where it was empty. A person's values read `***` without the right to see them, and once they
    /// were redacted.
    before: Option<String>,
    /// As it was when it was last looked at; null where it is empty. Masked like `before`.
    after: Option<String>,
}

pub(super) async fn drift(ctx: &Context<'_>, order: &Model) -> Result<Vec<DriftedField>> {
    let mut rows = links(ctx, order).await?;
    let invoice = rows.iter().find(|row| row.kind == Kind::Invoice);
    if let Some(client) = invoice.and_then(|row| link::facts(row).client) {
        rows.extend(ctx.reader().load_one(ClientOf::Client(order.connection_id, client)).await?.unwrap_or_default());
    }
    let mut fields = Vec::new();
    for row in rows.iter().filter(|row| row.drift.is_some()) {
        fields.extend(of_document(ctx, row).await?);
    }
    Ok(fields)
}

async fn of_document(ctx: &Context<'_>, row: &resource_link::Model) -> Result<Vec<DriftedField>> {
    let people = ctx.sees_people(row.connection_id);
    let key = match row.customer_key_id {
        Some(id) => ctx.reader().load_one(id).await?,
        None => None,
    };
    let seen = key.and_then(|key| seen::open(row, &key).ok().flatten());
    let id = row.freshbooks_id.unwrap_or_default();
    let document = match row.kind {
        Kind::Client => "client".to_owned(),
        Kind::Invoice => "invoice".to_owned(),
        Kind::Payment => format!("payments[{id}]"),
        Kind::CreditNote => format!("creditNotes[{id}]"),
    };
    let shown = |name: &str, value: Option<&String>| match value {
        _ if seen.is_none() => Some(MASK.to_owned()),
        Some(_) if is_personal(row.kind, name) && !people => Some(MASK.to_owned()),
        value => value.cloned(),
    };
    let of_field = |name: String| DriftedField {
        field: format!("{document}.{name}"),
        freshbooks_id: row.freshbooks_id.map(|id| id.to_string()),
        before: shown(&name, seen.as_ref().and_then(|seen| seen.ours.get(&name))),
        after: shown(&name, seen.as_ref().and_then(|seen| seen.now().get(&name))),
    };
    Ok(seen::drift(row).into_iter().map(of_field).collect())
}
