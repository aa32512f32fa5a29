//! What a token may see: scopes, and the approval for protected data that comes on top.

use std::sync::Arc;

use async_graphql::{Context, Error, ErrorExtensions, Result};

use super::{Asked, World};

/// Refuses a field of orders to a token without the scope, and to an app without the approval.
pub(super) fn may_read_orders(ctx: &Context<'_>, field: &str) -> Result<()> {
    let access = "`read_orders` access scope or `read_marketplace_orders` access scope.";
    may_read(ctx, field, "read_orders", access)?;
    approved(ctx, "Order")
}

/// The same for the buyer.
pub(super) fn may_read_customers(ctx: &Context<'_>, field: &str) -> Result<()> {
    may_read(ctx, field, "read_customers", "`read_customers` access scope.")?;
    approved(ctx, "Customer")
}

/// Gives names, addresses, e-mail and telephone to an app approved for them, and null to others.
pub(super) fn protected<T>(ctx: &Context<'_>, value: Option<T>) -> Option<T> {
    let approved = ctx.data::<Arc<World>>().is_ok_and(|world| world.knobs().personal_data);
    value.filter(|_| approved)
}

fn may_read(ctx: &Context<'_>, field: &str, scope: &str, access: &str) -> Result<()> {
    if ctx.data::<Asked>()?.scopes.covers(scope) { Ok(()) } else { Err(denied(field, access)) }
}

/// The error of a field that needs more than the token has.
pub(super) fn denied(field: &str, access: &str) -> Error {
    let error = Error::new(format!("Access denied for {field} field. Required access: {access}"));
    error.extend_with(|_, extensions| {
        extensions.set("code", "ACCESS_DENIED");
        extensions.set("documentation", "https://shopify.dev/api/usage/access-scopes");
        extensions.set("requiredAccess", access);
    })
}

fn approved(ctx: &Context<'_>, object: &str) -> Result<()> {
    if ctx.data::<Arc<World>>()?.knobs().orders_allowed {
        return Ok(());
    }
    let error = Error::new(format!(
        "This app is not approved to access the {object} object. See \
         https://shopify.dev/docs/apps/launch/protected-customer-data for more details."
    ));
    Err(error.extend_with(|_, extensions| extensions.set("code", "ACCESS_DENIED")))
}
