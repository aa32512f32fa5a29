//! What the shop allows this app, as the shop itself sees it.

use serde::Deserialize;
use serde_json::json;

use super::{Error, Shop, documents, read};

/// The rights and the plan behind a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Handles such as `read_orders`: what was granted, which may be less than was asked.
    pub scopes: Vec<String>,
    /// As Shopify shows it, such as `Basic`.
    pub plan: String,
    /// A store for trying things out: its orders are not real sales.
    pub development: bool,
    /// Whether the shop is on Shopify Plus.
    pub plus: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    current_app_installation: Installation,
    shop: Planned,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Installation {
    access_scopes: Vec<Scope>,
}

#[derive(Deserialize)]
struct Scope {
    handle: String,
}

#[derive(Deserialize)]
struct Planned {
    plan: Plan,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Plan {
    public_display_name: String,
    partner_development: bool,
    shopify_plus: bool,
}

impl Shop {
    /// What this token may do, and which plan the shop is on. Needs no scope.
    ///
    /// # Errors
    /// As any call; see [`Error`].
    pub async fn access(&self) -> Result<Access, Error> {
        let Answer { current_app_installation, shop } = read(self.ask(&documents::APP_INSTALLATION, json!({})).await?)?;
        Ok(Access {
            scopes: current_app_installation.access_scopes.into_iter().map(|scope| scope.handle).collect(),
            plan: shop.plan.public_display_name,
            development: shop.plan.partner_development,
            plus: shop.plan.shopify_plus,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::*, *};

    #[tokio::test]
    async fn the_installation_names_its_scopes_and_the_plan() {
        let body = json!({"data": {
            "currentAppInstallation": {"accessScopes": [{"handle": "read_orders"}, {"handle": "write_customers"}]},
            "shop": {"plan": {"publicDisplayName": "Basic", "partnerDevelopment": false, "shopifyPlus": false}}}});
        let server = Server::start([Reply::json(body), Reply::json(json!({"data": {"shop": null}}))]).await;
        let access = server.shop().access().await.unwrap();
        assert_eq!(
            (access.scopes.join(" "), access.plan.as_str()),
            ("read_orders write_customers".to_owned(), "Basic")
        );
        assert!(!access.development && !access.plus);
        assert_eq!(server.seen()[0].body["operationName"], "AppInstallation");
        assert!(matches!(server.shop().access().await, Err(Error::Malformed(_))));
    }
}
