//! The pages on which a person lets us in at a platform.

use entity::platform_grant::Platform;
use url::Url;

use crate::{app::App, crypto};

/// Where a person authorizes the platform for this connection.
///
/// # Errors
/// When the link cannot be sealed.
pub fn link(app: &App, connection: &entity::connection::Model, platform: Platform) -> Result<Url, crypto::Error> {
    let _ = platform;
    let mut url = app.config.public_url.clone();
    url.set_path(&format!("{}oauth/shopify/install", url.path()));
    url.query_pairs_mut().append_pair("shop", &connection.shop_domain);
    Ok(url)
}
