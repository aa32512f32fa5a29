//! What a sync would send, without sending it.

use async_graphql::{Context, ID, Object, SimpleObject};
use entity::{ids::ConnectionId, resource_link::Kind};
use serde_json::{Value, json};

use super::{
    audit::{FieldMapping, MASK},
    auth::Asking,
    error::{Fault, Result},
    node::{Numbered, shopify_order_id},
    problem::Problem,
    scalar::{Instant, Json, Money},
};
use crate::{
    connection as connections, grant, mapping,
    sync::{
        self, Preview,
        plan::{Draft, Write},
    },
};

/// What a sync of an order would send to FreshBooks now.
#[derive(SimpleObject)]
pub(super) struct OrderPreview {
    /// Shopify's number of the order.
    shopify_order_id: String,
    /// What people call the order, such as `#1001`.
    order_name: String,
    /// Since when the order is known here; null when it was read from Shopify for this preview only.
    known_since: Option<Instant>,
    /// What the order is owed, in the currency of the documents; null where that cannot be said.
    owed: Option<Money>,
    /// What FreshBooks is expected to answer, the invoice less credit notes; to the cent it equals `owed`, but for refunds that are left to a
    /// person. Null where that cannot be said.
    predicted_total: Option<Money>,
    /// Why the order would not end as synced: what stands in the way, or what is left to a person although `writes` would be sent. Null when
    /// it would.
    problem: Option<Problem>,
    /// What would be sent, in order: together, their field mappings are the difference to what FreshBooks holds. Empty when the books agree
    /// already, or something stands in the way.
    writes: Vec<PreviewedWrite>,
}

/// One step of a sync: a write to FreshBooks, or a look-up before one.
#[derive(SimpleObject)]
pub(super) struct PreviewedWrite {
    /// What is done: `find`, `adopt` (what somebody named is read), `create`, `update`, `issue`, `void`, `restore` or `delete`.
    action: String,
    /// What it is done to: `client`, `invoice`, `payment` or `credit_note`.
    resource: String,
    /// What it stands for in Shopify, such as `OrderTransaction/123`; null for clients without a customer in Shopify.
    shopify_resource: Option<String>,
    /// FreshBooks' id of the document; null while it has none.
    freshbooks_id: Option<String>,
    /// Exactly what is sent; null for a look-up.
    request: Option<PreviewedRequest>,
    /// The difference, field by field: where the value comes from, what FreshBooks last accepted (`before`), what it becomes (`after`).
    /// `before` is null on a create, and where it is not known what FreshBooks holds. Empty for a look-up,
    /// and where a document is hidden or restored whole.
    field_mappings: Vec<FieldMapping>,
}

/// A request to FreshBooks, not sent.
#[derive(SimpleObject)]
pub(super) struct PreviewedRequest {
    /// `POST` creates, `PUT` changes.
    method: String,
    /// Below the account, such as `invoices/invoices`.
    path: String,
    /// What is sent. Ids that only an earlier write will bring are null. A person's values read `***` without the right to see them.
    body: Json,
}

/// What is asked about what would be.
#[derive(Default)]
pub(super) struct PreviewQuery;

/// What is asked about what would be.
#[Object]
impl PreviewQuery {
    /// What a sync of this order would send to FreshBooks now, without sending it. An order that is not known here is read from Shopify.
    async fn preview_order(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The connection that the order comes through.")] connection_id: ID,
        #[graphql(desc = "Shopify's number of the order, or its gid.")] shopify_order_id: String,
    ) -> Result<OrderPreview> {
        let connection = ConnectionId::read(&connection_id)?;
        let number = self::shopify_order_id(&shopify_order_id)?;
        if !ctx.sees(Some(connection)) {
            return Err(Fault::NotFound("There is no such connection.".to_owned()));
        }
        let preview = sync::preview(ctx.app(), connection, number).await?;
        let preview = preview.ok_or_else(|| {
            let text = "Shopify shows no such order. Orders older than 60 days need the scope read_all_orders.";
            Fault::NotFound(text.to_owned())
        })?;
        Ok(shown(preview, ctx.sees_people(connection)))
    }
}

fn shown(preview: Preview, people: bool) -> OrderPreview {
    let (proof, problem) = match preview.wanted {
        Ok(wanted) => (Some((wanted.proof, wanted.currency)), wanted.left_to_person.map(Into::into)),
        Err(problem) => (None, Some(problem.into())),
    };
    let money = |cents: fn(&mapping::CentProof) -> i64| {
        proof.as_ref().and_then(|(proof, currency)| Money::hundredths(cents(proof), currency.code()))
    };
    OrderPreview {
        shopify_order_id: preview.shopify_order_id.to_string(),
        order_name: preview.order_name.clone(),
        known_since: preview.known_since.map(Instant),
        owed: money(|proof| proof.shopify),
        predicted_total: money(|proof| proof.predicted),
        problem,
        writes: preview.writes.into_iter().map(|write| step(write, people)).collect(),
    }
}

fn step(write: Write, people: bool) -> PreviewedWrite {
    let number = |kind: &str| Some(format!("{kind}/{}", write.key.shopify_id));
    let (resource, shopify_resource) = match write.key.kind {
        // A guest goes by a pseudonym, which says nothing to anybody.
        Kind::Client if write.key.shopify_id.parse::<i64>().is_err() => ("client", None),
        Kind::Client => ("client", number("Customer")),
        Kind::Invoice => ("invoice", number("Order")),
        Kind::Payment => ("payment", number("OrderTransaction")),
        Kind::CreditNote => ("credit_note", number("Refund")),
    };
    PreviewedWrite {
        action: write.action.name().to_owned(),
        resource: resource.to_owned(),
        shopify_resource,
        freshbooks_id: write.id.map(|id| id.to_string()),
        request: write.request.map(|request| {
            let mut body = request.body;
            if !people {
                mask(&write.draft, &mut body);
            }
            PreviewedRequest { method: request.method.to_string(), path: request.path, body: Json(body) }
        }),
        field_mappings: write.mappings.into_iter().map(|mapping| FieldMapping::shown(mapping, people)).collect(),
    }
}

/// A client's fields are a person's, all of them; a line's words may be: buyers have things engraved.
fn mask(draft: &Draft, body: &mut Value) {
    match draft {
        Draft::Client(_) => *body = json!({ "client": MASK }),
        Draft::Invoice(_) | Draft::Credit(_) => {
            let lines = ["/invoice/lines", "/credit_note/lines"].into_iter().find(|at| body.pointer(at).is_some());
            let lines = lines.and_then(|at| body.pointer_mut(at)).and_then(Value::as_array_mut);
            for line in lines.into_iter().flatten().filter_map(Value::as_object_mut) {
                for (_, words) in line.iter_mut().filter(|(field, _)| matches!(field.as_str(), "name" | "description"))
                {
                    *words = MASK.into();
                }
            }
        }
        Draft::Payment(_) => {}
    }
}

impl From<sync::Error> for Fault {
    fn from(error: sync::Error) -> Self {
        match error {
            sync::Error::Connection(connections::Error::Missing) => {
                Self::NotFound("There is no such connection.".to_owned())
            }
            sync::Error::Grant(grant::Error::Missing) => {
                Self::BadInput("Shopify has not been authorized yet.".to_owned())
            }
            sync::Error::Shopify(error) => Self::platform(&error),
            other => Self::internal(&other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        audit,
        freshbooks::{clients, model::ClientDraft},
        link::LinkKey,
        sync::plan::Action,
    };

    fn create_client() -> Write {
        let draft = ClientDraft { fname: "Quillon".to_owned(), ..ClientDraft::default() };
        let mapping = audit::FieldMapping {
            shopify_field: "customer.firstName".to_owned(),
            freshbooks_field: "fname".to_owned(),
            before: None,
            after: Some("Quillon".to_owned()),
            personal: true,
        };
        Write {
            key: LinkKey { kind: Kind::Client, shopify_id: "guest:00ff".to_owned() },
            action: Action::Create,
            id: None,
            request: Some(clients::create(&draft)),
            draft: Draft::Client(Box::new(draft)),
            mappings: vec![mapping],
        }
    }

    #[test]
    fn a_clients_fields_are_shown_whole_or_not_at_all() {
        let open = step(create_client(), true);
        assert_eq!(
            open.request.as_ref().map(|request| request.body.0["client"]["fname"].clone()),
            Some(json!("Quillon"))
        );
        assert_eq!((open.resource.as_str(), &open.shopify_resource), ("client", &None));
        let masked = step(create_client(), false);
        assert_eq!(masked.request.map(|request| request.body.0), Some(json!({ "client": MASK })));
        assert_eq!(masked.field_mappings[0].after.as_deref(), Some(MASK));
    }
}
