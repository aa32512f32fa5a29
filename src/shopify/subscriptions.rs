//! Webhook subscriptions of this app in one shop: what Shopify will send, and where to.
//!
//! Shopify deletes one whose deliveries fail eight times in a row, and all of them when the app is uninstalled; so they are listed and
//! mended again and again rather than made once. A topic and an address go together once.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Error, Shop,
    access::ApiVersion,
    documents::{self, Document},
    error::Cause,
    model::Gid,
    orders::next_page,
    part, read,
};

/// A subscription as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "Node")]
pub struct WebhookSubscription {
    /// For [`Shop::move_webhook`] and [`Shop::delete_webhook`].
    pub id: Gid,
    /// Such as `ORDERS_CREATE`.
    pub topic: String,
    /// Where it goes.
    pub uri: String,
    /// Whether the body is JSON rather than XML.
    pub json: bool,
    /// Comes with each delivery (`X-Shopify-Name`).
    pub name: Option<String>,
    /// Deliveries that it does not let through are not sent.
    pub filter: Option<String>,
    /// Empty: every field.
    pub include_fields: Vec<String>,
    /// What its bodies are written in, such as `2026-10`. The app's settings decide, not this subscription.
    pub api_version: String,
    /// Whether Shopify still supports that version.
    pub api_version_supported: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    id: Gid,
    topic: String,
    uri: String,
    format: String,
    name: Option<String>,
    filter: Option<String>,
    include_fields: Vec<String>,
    api_version: ApiVersion,
}

impl From<Node> for WebhookSubscription {
    fn from(node: Node) -> Self {
        Self {
            id: node.id,
            topic: node.topic,
            uri: node.uri,
            json: node.format == "JSON",
            name: node.name.filter(|name| !name.is_empty()),
            filter: node.filter.filter(|filter| !filter.is_empty()),
            include_fields: node.include_fields,
            api_version: node.api_version.handle,
            api_version_supported: node.api_version.supported,
        }
    }
}

impl Shop {
    /// This app's subscriptions in this shop, those of its settings file left out.
    ///
    /// # Errors
    /// As any call.
    pub async fn webhooks(&self) -> Result<Vec<WebhookSubscription>, Error> {
        let (mut all, mut after) = (Vec::new(), None::<String>);
        loop {
            let mut data = self.ask(&documents::WEBHOOK_LIST, json!({"after": after})).await?;
            let next = next_page(&data["webhookSubscriptions"], after.as_deref())?;
            let nodes: Vec<WebhookSubscription> = read(part(&mut data, "/webhookSubscriptions/nodes"))?;
            all.extend(nodes);
            match next {
                Some(next) => after = Some(next),
                None => return Ok(all),
            }
        }
    }

    /// Subscribes to `topic` (such as `ORDERS_CREATE`), every field. After [`Error::Unknown`] list them again.
    ///
    /// # Errors
    /// [`Error::Taken`] when the topic already goes to this address: list again. [`Error::Rejected`] with Shopify's words when it wants
    /// no such subscription, an address that is not public and https for one; else as any mutation.
    pub async fn create_webhook(
        &self,
        topic: &str,
        uri: &str,
        name: Option<&str>,
    ) -> Result<WebhookSubscription, Error> {
        let mut subscription = json!({"uri": uri, "format": "JSON"});
        if let Some(name) = name {
            subscription["name"] = name.into();
        }
        let variables = json!({"topic": topic, "subscription": subscription});
        let mut answer = self.change(&documents::WEBHOOK_CREATE, variables, "webhookSubscriptionCreate").await?;
        if let Some(objection) = Objection::of(&answer, uri) {
            return Err(objection.into_error("webhookSubscriptionCreate"));
        }
        // It is there, whatever we can read of it.
        let made = read(part(&mut answer, "/webhookSubscription"));
        made.map_err(|error| Error::Unknown(Cause::Answer(error.to_string())))
    }

    /// Sends what `id` subscribed to elsewhere, from the next event on; `None` where there is no such subscription any more.
    ///
    /// # Errors
    /// As [`Shop::create_webhook`], except that nothing is left in doubt: it may be tried again.
    pub async fn move_webhook(&self, id: &Gid, uri: &str) -> Result<Option<WebhookSubscription>, Error> {
        let variables = json!({"id": id, "subscription": {"uri": uri}});
        let mut answer = self.change(&documents::WEBHOOK_UPDATE, variables, "webhookSubscriptionUpdate").await?;
        match Objection::of(&answer, uri) {
            Some(objection) if objection.is_gone() => Ok(None),
            Some(objection) => Err(objection.into_error("webhookSubscriptionUpdate")),
            None => read(part(&mut answer, "/webhookSubscription")).map(Some),
        }
    }

    /// Makes sure that there is no subscription `id`.
    ///
    /// # Errors
    /// As any call, and it may be tried again.
    pub async fn delete_webhook(&self, id: &Gid) -> Result<(), Error> {
        let answer = self.change(&documents::WEBHOOK_DELETE, json!({"id": id}), "webhookSubscriptionDelete").await?;
        match Objection::of(&answer, "") {
            Some(objection) if !objection.is_gone() => Err(objection.into_error("webhookSubscriptionDelete")),
            None if answer.is_null() => Err(Error::Malformed("webhookSubscriptionDelete answered nothing".to_owned())),
            _ => Ok(()),
        }
    }

    /// The payload of a mutation.
    async fn change(&self, document: &Document, variables: Value, payload: &str) -> Result<Value, Error> {
        let mut data = self.ask(document, variables).await?;
        Ok(part(&mut data, &format!("/{payload}")))
    }
}

/// A mutation's `userErrors`, in Shopify's words. They are about topics and addresses, never about people; the address that we sent is
/// left out all the same.
struct Objection(String);

impl Objection {
    fn of(payload: &Value, uri: &str) -> Option<Self> {
        let errors = payload["userErrors"].as_array().filter(|errors| !errors.is_empty())?;
        let words = errors.iter().map(|error| error["message"].as_str().unwrap_or("no reason given"));
        let words = words.collect::<Vec<_>>().join("; ");
        Some(Self(if uri.is_empty() { words } else { words.replace(uri, "…") }))
    }

    fn says(&self, words: &str) -> bool {
        self.0.to_ascii_lowercase().contains(words)
    }

    fn is_gone(&self) -> bool {
        self.says("does not exist")
    }

    fn into_error(self, mutation: &str) -> Error {
        if self.says("already been taken") { Error::Taken } else { Error::Rejected(format!("{mutation}: {}", self.0)) }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::*, *};

    const URI: &str = "https://sync.example.com/webhooks/shopify";

    fn node(number: i64, topic: &str) -> Value {
        json!({"id": format!("gid://shopify/WebhookSubscription/{number}"), "topic": topic, "uri": URI, "format": "JSON",
            "name": null, "filter": "", "includeFields": [], "apiVersion": {"handle": "2026-10", "supported": true}})
    }

    fn answer(mutation: &str, subscription: Value, errors: Value) -> Reply {
        Reply::json(json!({"data": {mutation: {"webhookSubscription": subscription, "userErrors": errors}}}))
    }

    fn refused(mutation: &str, field: &str, message: &str) -> Reply {
        answer(mutation, Value::Null, json!([{"field": [field], "message": message}]))
    }

    fn page(nodes: Value, next: Option<&str>) -> Reply {
        let info = json!({"hasNextPage": next.is_some(), "endCursor": next});
        Reply::json(json!({"data": {"webhookSubscriptions": {"nodes": nodes, "pageInfo": info}}}))
    }

    #[tokio::test]
    async fn all_pages_are_listed() {
        let mut filtered = node(2, "ORDERS_PAID");
        filtered["filter"] = json!("total_price:>1");
        filtered["includeFields"] = json!(["id"]);
        filtered["format"] = json!("XML");
        let server = Server::start([
            page(json!([node(1, "ORDERS_CREATE")]), Some("c1")),
            page(json!([filtered]), None),
            page(json!([]), Some("c2")),
            page(json!([]), Some("c2")),
        ])
        .await;
        let found = server.shop().webhooks().await.unwrap();
        let expected = WebhookSubscription {
            id: Gid::new("WebhookSubscription", 1),
            topic: "ORDERS_CREATE".to_owned(),
            uri: URI.to_owned(),
            json: true,
            name: None,
            filter: None,
            include_fields: Vec::new(),
            api_version: "2026-10".to_owned(),
            api_version_supported: true,
        };
        assert_eq!((found.len(), &found[0]), (2, &expected));
        assert_eq!((found[1].json, found[1].filter.as_deref()), (false, Some("total_price:>1")));
        assert_eq!(found[1].include_fields, ["id"]);
        assert_eq!(server.seen()[1].body["variables"], json!({"after": "c1"}));
        assert!(matches!(server.shop().webhooks().await, Err(Error::Malformed(_))), "pages that do not end");
    }

    #[tokio::test]
    async fn one_is_created_moved_and_deleted() {
        let deleted = json!({"deletedWebhookSubscriptionId": "gid://shopify/WebhookSubscription/1", "userErrors": []});
        let server = Server::start([
            answer("webhookSubscriptionCreate", node(1, "ORDERS_CREATE"), json!([])),
            answer("webhookSubscriptionCreate", node(2, "ORDERS_PAID"), json!([])),
            answer("webhookSubscriptionUpdate", node(1, "ORDERS_CREATE"), json!([])),
            Reply::json(json!({"data": {"webhookSubscriptionDelete": deleted}})),
        ])
        .await;
        let shop = server.shop();
        let made = shop.create_webhook("ORDERS_CREATE", URI, Some("orders")).await.unwrap();
        shop.create_webhook("ORDERS_PAID", URI, None).await.unwrap();
        assert_eq!(shop.move_webhook(&made.id, URI).await.unwrap(), Some(made.clone()));
        shop.delete_webhook(&made.id).await.unwrap();
        let asked: Vec<Value> = server.seen().into_iter().map(|seen| seen.body["variables"].clone()).collect();
        assert_eq!(
            asked,
            [
                json!({"topic": "ORDERS_CREATE", "subscription": {"uri": URI, "format": "JSON", "name": "orders"}}),
                json!({"topic": "ORDERS_PAID", "subscription": {"uri": URI, "format": "JSON"}}),
                json!({"id": made.id, "subscription": {"uri": URI}}),
                json!({"id": made.id}),
            ]
        );
    }

    #[tokio::test]
    async fn what_is_taken_is_told_from_what_is_wrong() {
        let create = "webhookSubscriptionCreate";
        let server = Server::start([
            refused(create, "webhookSubscription", "Address for this topic has already been taken"),
            refused(create, "callbackUrl", &format!("Address {URI} is not supported")),
        ])
        .await;
        let mut errors = Vec::new();
        for _ in 0..2 {
            errors.push(server.shop().create_webhook("ORDERS_CREATE", URI, None).await.unwrap_err());
        }
        assert!(matches!(errors[0], Error::Taken));
        let said = "Shopify rejected our request: webhookSubscriptionCreate: Address … is not supported";
        assert_eq!(errors[1].to_string(), said);
    }

    #[tokio::test]
    async fn one_that_is_gone_needs_no_deleting_and_cannot_be_moved() {
        let gone = |mutation| refused(mutation, "id", "Webhook subscription does not exist");
        let server = Server::start([
            gone("webhookSubscriptionDelete"),
            gone("webhookSubscriptionUpdate"),
            refused("webhookSubscriptionDelete", "id", "is not yours"),
            Reply::json(json!({"data": {"webhookSubscriptionDelete": null}})),
        ])
        .await;
        let (shop, id) = (server.shop(), Gid::new("WebhookSubscription", 1));
        shop.delete_webhook(&id).await.unwrap();
        assert_eq!(shop.move_webhook(&id, URI).await.unwrap(), None);
        assert!(matches!(shop.delete_webhook(&id).await, Err(Error::Rejected(_))));
        assert!(matches!(shop.delete_webhook(&id).await, Err(Error::Malformed(_))));
    }

    #[tokio::test]
    async fn a_create_is_sent_once_and_the_others_again() {
        for reply in
            [Reply::status(502, ""), Reply::Silence, answer("webhookSubscriptionCreate", Value::Null, json!([]))]
        {
            let server = Server::start([reply]).await;
            let made = server.shop().create_webhook("ORDERS_CREATE", URI, None).await;
            assert!(matches!(made, Err(Error::Unknown(_))));
            assert_eq!(server.seen().len(), 1);
        }
        let moved = answer("webhookSubscriptionUpdate", node(1, "ORDERS_CREATE"), json!([]));
        let server = Server::start([Reply::status(502, ""), moved]).await;
        assert!(server.shop().move_webhook(&Gid::new("WebhookSubscription", 1), URI).await.unwrap().is_some());
    }
}
