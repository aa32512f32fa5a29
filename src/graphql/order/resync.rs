//! What a person does about one order: sync it ahead of everything else, decide about what was changed in FreshBooks, name a document that
//! is there already, or give it up.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use entity::{
    ids::{ConnectionId, OrderId},
    synced_order::Model,
};

use super::{
    super::{
        auth::Asking,
        error::{Fault, Result},
        mutation::{UserError, UserErrorCode},
        node::Numbered,
    },
    SyncedOrder,
    adopt::AdoptDocumentInput,
    by_name,
    drift::ResolveDriftInput,
    shopify_order_id,
};
use crate::{
    auth::Right,
    connection as connections, drift,
    order::{self, Target},
    sync,
};

/// Which order to sync again: `orderId`, or `connectionId` with `shopifyOrderId` or `name`.
#[derive(Debug, Default, InputObject)]
pub(in super::super) struct ResyncOrderInput {
    /// The global id of an order that is known here.
    order_id: Option<ID>,
    /// The connection of an order that may not be known here yet.
    connection_id: Option<ID>,
    /// Shopify's number of the order, or its gid. An order not known here is read from Shopify.
    shopify_order_id: Option<String>,
    /// The order's name, such as `#1001`; the newest of that name. One not known here is looked up in Shopify.
    name: Option<String>,
}

/// Which order to give up, and why.
#[derive(Debug, InputObject)]
pub(in super::super) struct DismissOrderInput {
    /// The global id of the order.
    order_id: ID,
    /// Why, for the audit trail, where everybody may read it: name no persons. From 1 to 500 characters, in one line.
    reason: String,
}

/// What became of a resync, of a decision, of a document that was named, or of a dismissal.
#[derive(SimpleObject)]
pub(in super::super) struct ResyncOrderPayload {
    /// The order, due now or given up; null where the input must be mended first.
    order: Option<SyncedOrder>,
    /// What is wrong with the input.
    user_errors: Vec<UserError>,
}

impl ResyncOrderPayload {
    pub(super) fn of(row: Model) -> Self {
        Self { order: Some(SyncedOrder(row)), user_errors: Vec::new() }
    }

    pub(super) fn invalid(field: &str, message: &str, code: UserErrorCode) -> Self {
        Self { order: None, user_errors: vec![UserError::new(field, message, code)] }
    }
}

/// What may be done to orders.
#[derive(Default)]
pub(in super::super) struct OrderMutation;

/// What may be done to orders.
#[Object]
impl OrderMutation {
    /// Syncs one order anew, ahead of everything else: it is read from Shopify and compared with the books, whatever became of it before.
    /// An order that agrees already causes no write. For the role SUPPORT.
    async fn resync_order(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which order.")] input: ResyncOrderInput,
    ) -> Result<ResyncOrderPayload> {
        ctx.role_may(Right::Resync)?;
        let (target, connection) = match target(ctx, input).await? {
            Ok(found) => found,
            Err(payload) => return Ok(payload),
        };
        let by = ctx.may(Right::Resync, connection)?;
        Ok(ResyncOrderPayload::of(order::resync(ctx.app(), &by, target).await?))
    }

    /// Decides about everything that somebody changed in FreshBooks of one order (`SyncedOrder.drift`): FreshBooks' version is kept, and not
    /// written over from now on, or ours is written again. For the role SUPPORT.
    async fn resolve_drift(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which order, and whose version is right.")] input: ResolveDriftInput,
    ) -> Result<ResyncOrderPayload> {
        ctx.role_may(Right::Resync)?;
        let ResolveDriftInput { order_id, choice, note } = input;
        let (id, connection) = match known(ctx, &order_id).await? {
            Ok(found) => found,
            Err(payload) => return Ok(payload),
        };
        let by = ctx.may(Right::Resync, connection)?;
        match drift::resolve(ctx.app(), &by, id, choice.into(), note.as_deref()).await {
            Ok(row) => Ok(ResyncOrderPayload::of(row)),
            Err(drift::Error::NoDrift) => {
                let message = "Nothing of this order was changed in FreshBooks, or it was decided about already.";
                Ok(ResyncOrderPayload::invalid("orderId", message, UserErrorCode::Invalid))
            }
            Err(drift::Error::Note(sentence)) => {
                Ok(ResyncOrderPayload::invalid("note", sentence, UserErrorCode::Invalid))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Says that a document which is in FreshBooks already is this order's: an invoice that was written by hand, the right one of several
    /// clients, a payment or a credit note that somebody has recorded. The next visit, ahead of everything else, reads it. Where it fits it
    /// is linked, and from then on kept right like any other of the order's documents: what differs from Shopify is written, a client keeps
    /// what a person filled in. Where it does not fit nothing of it is changed, and the order waits as `ADOPTION_REFUSED` with the reason.
    /// Naming the same document again changes nothing, unless the order was dismissed: naming takes it up again. What the connector has
    /// deleted since is not linked anew: a resync brings back what the order needs. For the role SUPPORT.
    async fn adopt_document(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which document, and what it is of which order.")] input: AdoptDocumentInput,
    ) -> Result<ResyncOrderPayload> {
        ctx.role_may(Right::Resync)?;
        let (id, connection) = match known(ctx, &input.order_id).await? {
            Ok(found) => found,
            Err(payload) => return Ok(payload),
        };
        let by = ctx.may(Right::Resync, connection)?;
        input.adopt(ctx.app(), &by, id).await
    }

    /// Gives one order up, whatever its state: it is out of the way until somebody resyncs it. Its changes in Shopify are still recorded, and
    /// nothing is done about them; what is in the books stays there. Dismissing it again changes nothing. For the role SUPPORT.
    async fn dismiss_order(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which order, and why.")] input: DismissOrderInput,
    ) -> Result<ResyncOrderPayload> {
        ctx.role_may(Right::Resync)?;
        let DismissOrderInput { order_id, reason } = input;
        let (id, connection) = match known(ctx, &order_id).await? {
            Ok(found) => found,
            Err(payload) => return Ok(payload),
        };
        let by = ctx.may(Right::Resync, connection)?;
        match order::dismiss(ctx.app(), &by, id, &reason).await {
            Ok(row) => Ok(ResyncOrderPayload::of(row)),
            Err(order::Error::Reason(sentence)) => {
                let code = if reason.trim().is_empty() { UserErrorCode::Required } else { UserErrorCode::Invalid };
                Ok(ResyncOrderPayload::invalid("reason", sentence, code))
            }
            Err(error) => Err(error.into()),
        }
    }
}

type Found<T> = std::result::Result<(T, ConnectionId), ResyncOrderPayload>;

/// The order of this global id.
async fn known(ctx: &Context<'_>, id: &ID) -> Result<Found<OrderId>> {
    let id = OrderId::read(id)?;
    match order::load(ctx.app().db.read(), id).await {
        Ok(row) => Ok(Ok((id, row.connection_id))),
        Err(order::Error::Missing) => {
            Ok(Err(ResyncOrderPayload::invalid("orderId", "There is no such order.", UserErrorCode::NotFound)))
        }
        Err(error) => Err(error.into()),
    }
}

async fn target(ctx: &Context<'_>, input: ResyncOrderInput) -> Result<Found<Target>> {
    use UserErrorCode::{Invalid, NotFound, Required};
    let db = ctx.app().db.read();
    let ResyncOrderInput { order_id, connection_id, shopify_order_id: number, name } = input;
    match (order_id, connection_id, number, name) {
        (Some(id), None, None, None) => {
            let found = known(ctx, &id).await?;
            Ok(found.map(|(id, connection)| (Target::Known(id), connection)))
        }
        (None, Some(connection), number, name) if number.is_some() != name.is_some() => {
            let connection = ConnectionId::read(&connection)?;
            ctx.may(Right::Resync, connection)?;
            let row = match connections::load(db, connection).await {
                Ok(row) => row,
                Err(connections::Error::Missing) => {
                    let message = "There is no such connection.";
                    return Ok(Err(ResyncOrderPayload::invalid("connectionId", message, NotFound)));
                }
                Err(error) => return Err(error.into()),
            };
            if let Some(number) = number {
                return Ok(match shopify_order_id(&number) {
                    Ok(number) => Ok((Target::Shopify(connection, number), connection)),
                    Err(Fault::BadInput(message)) => {
                        Err(ResyncOrderPayload::invalid("shopifyOrderId", &message, Invalid))
                    }
                    Err(fault) => return Err(fault),
                });
            }
            let name = name.unwrap_or_default();
            if let Some(known) = by_name(ctx, connection, &name).await? {
                return Ok(Ok((Target::Known(known.id), connection)));
            }
            Ok(match sync::find_by_name(ctx.app(), &row, name.trim()).await? {
                Some(number) => Ok((Target::Shopify(connection, number), connection)),
                None => Err(ResyncOrderPayload::invalid(
                    "name",
                    "Shopify shows no order of this name. Orders older than 60 days need the scope read_all_orders.",
                    NotFound,
                )),
            })
        }
        _ => {
            let message = "Give `orderId`; or `connectionId` with either `shopifyOrderId` or `name`.";
            Ok(Err(ResyncOrderPayload::invalid("orderId", message, Required)))
        }
    }
}
