//! What the shop allows this app, as the shop itself sees it.

use serde::Deserialize;
use serde_json::json;

use super::{Error, Shop, documents, part, read};

/// The rights and the plan behind a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Handles such as `read_orders`: what was granted, which may be less than was asked.
    pub scopes: Vec<String>,
    /// As Shopify shows it, such as `Basic`.
    pub plan: String,
    /// A store for trying things out: its orders are not real sales.
    pub development: bool,
}

/// A version of the Admin API.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ApiVersion {
    /// Such as `2026-10`.
    pub handle: String,
    /// Stable, and not at its end.
    pub supported: bool,
}

/// What the newest orders show of people: whether it is there, never what it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct People {
    /// Orders with a customer, of the ten newest.
    pub customers: usize,
    /// Of these, with a first or last name.
    pub named: usize,
    /// Of these, with an e-mail address.
    pub with_email: usize,
    /// Billing and shipping addresses of the same orders.
    pub addresses: usize,
    /// Of these, with a street or a postal code.
    pub with_street: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Buyer {
    customer: Option<Customer>,
    billing_address: Option<Address>,
    shipping_address: Option<Address>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Customer {
    first_name: Option<String>,
    last_name: Option<String>,
    default_email_address: Option<Email>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Email {
    email_address: Option<String>,
}

#[derive(Deserialize)]
struct Address {
    address1: Option<String>,
    zip: Option<String>,
    country: Option<String>,
}

impl People {
    fn of(orders: &[Buyer]) -> Self {
        let customers: Vec<&Customer> = orders.iter().filter_map(|order| order.customer.as_ref()).collect();
        let addresses = orders.iter().flat_map(|order| [&order.billing_address, &order.shipping_address]).flatten();
        // An address that names not even a country may be empty, not hidden.
        let addresses: Vec<&Address> = addresses.filter(|address| there(&address.country)).collect();
        let email = |customer: &Customer| {
            customer.default_email_address.as_ref().is_some_and(|email| there(&email.email_address))
        };
        Self {
            customers: customers.len(),
            named: customers.iter().filter(|of| there(&of.first_name) || there(&of.last_name)).count(),
            with_email: customers.iter().filter(|customer| email(customer)).count(),
            addresses: addresses.len(),
            with_street: addresses.iter().filter(|of| there(&of.address1) || there(&of.zip)).count(),
        }
    }
}

fn there(text: &Option<String>) -> bool {
    text.as_ref().is_some_and(|text| !text.is_empty())
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
        })
    }

    /// The versions of the API on offer. Needs no scope.
    ///
    /// # Errors
    /// As any call; see [`Error`].
    pub async fn api_versions(&self) -> Result<Vec<ApiVersion>, Error> {
        let mut data = self.ask(&documents::API_VERSIONS, json!({})).await?;
        read(part(&mut data, "/publicApiVersions"))
    }

    /// What the newest orders show of people: the cheapest call that needs all that a sync needs.
    ///
    /// # Errors
    /// [`Error::ProtectedData`] when the app has no approval for orders, [`Error::Forbidden`] when a scope is missing; else as any call.
    pub async fn people(&self) -> Result<People, Error> {
        let mut data = self.ask(&documents::PEOPLE, json!({})).await?;
        let orders: Vec<Buyer> = read(part(&mut data, "/orders/nodes"))?;
        Ok(People::of(&orders))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::*, *};

    #[tokio::test]
    async fn the_installation_names_its_scopes_and_the_plan() {
        let body = json!({"data": {
            "currentAppInstallation": {"accessScopes": [{"handle": "read_orders"}, {"handle": "write_customers"}]},
            "shop": {"plan": {"publicDisplayName": "Basic", "partnerDevelopment": false}}}});
        let server = Server::start([Reply::json(body), Reply::json(json!({"data": {"shop": null}}))]).await;
        let access = server.shop().access().await.unwrap();
        assert_eq!(
            (access.scopes.join(" "), access.plan.as_str()),
            ("read_orders write_customers".to_owned(), "Basic")
        );
        assert!(!access.development);
        assert_eq!(server.seen()[0].body["operationName"], "AppInstallation");
        assert!(matches!(server.shop().access().await, Err(Error::Malformed(_))));
    }

    #[tokio::test]
    async fn people_are_counted_and_never_kept() {
        let nowhere = json!({"address1": null, "zip": null, "country": null});
        let hidden = json!({"address1": null, "zip": null, "country": "Canada"});
        let shown = json!({"address1": "1 Main St", "zip": "M5V", "country": "Canada"});
        let orders = json!([
            {"customer": {"firstName": "Ada", "lastName": null, "defaultEmailAddress": {"emailAddress": "a@example.com"}},
                "billingAddress": shown, "shippingAddress": hidden},
            {"customer": {"firstName": null, "lastName": "", "defaultEmailAddress": null},
                "billingAddress": nowhere, "shippingAddress": null},
            {"customer": null, "billingAddress": null, "shippingAddress": null}]);
        let body = json!({"data": {"orders": {"nodes": orders}}});
        let versions = json!({"data": {"publicApiVersions": [{"handle": "2026-10", "supported": true}]}});
        let server = Server::start([Reply::json(body), Reply::json(versions)]).await;
        let people = server.shop().people().await.unwrap();
        assert_eq!(people, People { customers: 2, named: 1, with_email: 1, addresses: 2, with_street: 1 });
        let versions = server.shop().api_versions().await.unwrap();
        assert_eq!(versions, [ApiVersion { handle: "2026-10".to_owned(), supported: true }]);
    }
}
