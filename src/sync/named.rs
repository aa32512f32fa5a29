//! An order by its name, asked in Shopify.

use entity::connection;

use super::{Error, again, shop};
use crate::{app::App, grant::Used};

/// Shopify's number of the newest order of this name, with or without the `#`, asked over there: our rows know names only of what was
/// read. `None` when Shopify shows none.
///
/// # Errors
/// When the database or Shopify fails.
pub async fn find_by_name(app: &App, connection: &connection::Model, name: &str) -> Result<Option<i64>, Error> {
    if name.is_empty() {
        return Ok(None);
    }
    let used = Used::default();
    let found = named(app, connection, name, &used).await;
    let refused = found.as_ref().err().and_then(Error::unauthorized);
    if again(app, connection.id, refused, &used).await? { named(app, connection, name, &used).await } else { found }
}

async fn named(app: &App, connection: &connection::Model, name: &str, used: &Used) -> Result<Option<i64>, Error> {
    let shop = shop(app, connection, used).await?;
    let mut found = shop.order_id_by_name(name).await?;
    if found.is_none() && !name.starts_with('#') {
        found = shop.order_id_by_name(&format!("#{name}")).await?;
    }
    Ok(found.and_then(|gid| gid.number()))
}
