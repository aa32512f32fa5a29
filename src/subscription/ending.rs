//! What becomes of webhooks when a connection ends: the platforms are told while a token still works. What they do not hear of rings for
//! nothing, and is refused.

use std::{error::Error as StdError, time::Duration};

use entity::{connection::Model as Connection, platform_grant::Model as Grant, platform_grant::Platform};
use tracing::warn;

use super::{freshbooks, shopify};
use crate::{app::App, grant};

/// How long a platform may take to hear of it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Deletes what a connection had subscribed to, with the grants that it had: at both ends, as far as they answer. Call it before the tokens are
/// given back.
pub(crate) async fn take_back(app: &App, connection: &Connection, grants: &[Grant]) {
    for grant in grants.iter().filter(|grant| grant.refusal.is_none()) {
        match tokio::time::timeout(PATIENCE, delete_all(app, connection, grant)).await {
            Ok(Ok(())) => {}
            Ok(Err(e)) => warn!(
                error = &*e as &dyn StdError,
                connection = %connection.id,
                "the webhooks of {} were not deleted",
                grant::name(grant.platform)
            ),
            Err(_) => {
                warn!(connection = %connection.id, "the webhooks of {} were not deleted in time", grant::name(grant.platform))
            }
        }
    }
}

async fn delete_all(app: &App, connection: &Connection, grant: &Grant) -> Result<(), Box<dyn StdError + Send + Sync>> {
    let Some(token) = grant::tokens(&app.keyring, grant)?.pop() else { return Ok(()) };
    match (grant.platform, connection.account_id.as_deref()) {
        (Platform::Shopify, _) => shopify::delete_all(app, &app.shopify.shop(&connection.shop_domain, token)).await?,
        (Platform::Freshbooks, Some(account)) => {
            freshbooks::delete_all(app, connection.id, &app.freshbooks.account(account, token)).await?;
        }
        (Platform::Freshbooks, None) => {}
    }
    Ok(())
}
