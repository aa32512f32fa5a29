//! Webhook subscriptions as GraphQL shows and makes them.

use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};

use super::{
    Asked, World,
    access::denied,
    bulk::UserError,
    scalar::{Instant, UnsignedInt64, gid},
    shop::ApiVersion,
};
use crate::sandbox::shopify::webhook::{Problem, Subscription, Topic, Wish, not_approved, not_simulated};

/// How a body is written.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WebhookSubscriptionFormat {
    #[graphql(name = "JSON")]
    Json,
    #[graphql(name = "XML")]
    Xml,
}

/// What subscriptions can be sorted by.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WebhookSubscriptionSortKeys {
    CreatedAt,
    Id,
}

/// What a subscription is to be.
#[derive(InputObject)]
pub(super) struct WebhookSubscriptionInput {
    filter: Option<String>,
    format: Option<WebhookSubscriptionFormat>,
    include_fields: Option<Vec<String>>,
    metafield_namespaces: Option<Vec<String>>,
    name: Option<String>,
    uri: Option<String>,
}

/// A subscription.
#[derive(Clone, Debug)]
pub(super) struct WebhookSubscriptionObject(pub(super) Subscription);

#[Object(name = "WebhookSubscription")]
impl WebhookSubscriptionObject {
    pub(super) async fn id(&self) -> ID {
        gid("WebhookSubscription", self.0.id)
    }

    async fn legacy_resource_id(&self) -> UnsignedInt64 {
        UnsignedInt64(self.0.id)
    }

    async fn topic(&self) -> Topic {
        self.0.topic
    }

    async fn uri(&self) -> &str {
        &self.0.uri
    }

    async fn format(&self) -> WebhookSubscriptionFormat {
        WebhookSubscriptionFormat::Json
    }

    async fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    async fn filter(&self) -> Option<&str> {
        self.0.filter.as_deref()
    }

    async fn include_fields(&self) -> &[String] {
        &self.0.include_fields
    }

    async fn metafield_namespaces(&self) -> &[String] {
        &self.0.metafield_namespaces
    }

    async fn api_version(&self) -> ApiVersion {
        ApiVersion::of(self.0.version)
    }

    async fn created_at(&self) -> Instant {
        Instant(self.0.created_at)
    }

    async fn updated_at(&self) -> Instant {
        Instant(self.0.updated_at)
    }
}

/// The answer to `webhookSubscriptionCreate`.
#[derive(SimpleObject)]
pub(super) struct WebhookSubscriptionCreatePayload {
    webhook_subscription: Option<WebhookSubscriptionObject>,
    user_errors: Vec<UserError>,
}

/// The answer to `webhookSubscriptionUpdate`.
#[derive(SimpleObject)]
pub(super) struct WebhookSubscriptionUpdatePayload {
    webhook_subscription: Option<WebhookSubscriptionObject>,
    user_errors: Vec<UserError>,
}

/// The answer to `webhookSubscriptionDelete`.
#[derive(SimpleObject)]
pub(super) struct WebhookSubscriptionDeletePayload {
    deleted_webhook_subscription_id: Option<ID>,
    user_errors: Vec<UserError>,
}

pub(super) fn create(
    asked: &Asked,
    world: &World,
    topic: Topic,
    input: WebhookSubscriptionInput,
) -> Result<WebhookSubscriptionCreatePayload> {
    may_hear(asked, topic)?;
    let made = if topic.protected() && !world.knobs().orders_allowed {
        Err(vec![not_approved()])
    } else {
        wish(input).and_then(|wish| world.webhooks.create(asked.app, topic, asked.version, wish, world.now()))
    };
    let (webhook_subscription, user_errors) = split(made);
    Ok(WebhookSubscriptionCreatePayload { webhook_subscription, user_errors })
}

pub(super) fn update(
    asked: &Asked,
    world: &World,
    id: u64,
    input: WebhookSubscriptionInput,
) -> WebhookSubscriptionUpdatePayload {
    let made = wish(input).and_then(|wish| world.webhooks.update(asked.app, id, wish, world.now()));
    let (webhook_subscription, user_errors) = split(made);
    WebhookSubscriptionUpdatePayload { webhook_subscription, user_errors }
}

pub(super) fn delete(asked: &Asked, world: &World, id: u64) -> WebhookSubscriptionDeletePayload {
    let (deleted_webhook_subscription_id, problems) = match world.webhooks.delete(asked.app, id) {
        Ok(()) => (Some(gid("WebhookSubscription", id)), Vec::new()),
        Err(problems) => (None, problems),
    };
    WebhookSubscriptionDeletePayload { deleted_webhook_subscription_id, user_errors: errors(problems) }
}

/// The subscriptions of the asking app, and of no other.
pub(super) fn own(ctx: &Context<'_>, world: &World) -> Result<Vec<Subscription>> {
    Ok(world.webhooks.of(ctx.data::<Asked>()?.app))
}

/// The scope of what a topic tells of is needed to hear it.
fn may_hear(asked: &Asked, topic: Topic) -> Result<()> {
    let Some(scope) = topic.scope().filter(|scope| !asked.scopes.covers(scope)) else { return Ok(()) };
    Err(denied("webhookSubscriptionCreate", &format!("`{scope}` access scope.")))
}

fn wish(input: WebhookSubscriptionInput) -> Result<Wish, Vec<Problem>> {
    if input.format == Some(WebhookSubscriptionFormat::Xml) {
        return Err(vec![not_simulated("The format XML")]);
    }
    let WebhookSubscriptionInput { filter, include_fields, metafield_namespaces, name, uri, .. } = input;
    Ok(Wish { uri, name, filter, include_fields, metafield_namespaces })
}

fn split(made: Result<Subscription, Vec<Problem>>) -> (Option<WebhookSubscriptionObject>, Vec<UserError>) {
    match made {
        Ok(made) => (Some(WebhookSubscriptionObject(made)), Vec::new()),
        Err(problems) => (None, errors(problems)),
    }
}

fn errors(problems: Vec<Problem>) -> Vec<UserError> {
    let error = |(field, message): Problem| {
        let field = field.iter().map(|part| (*part).to_owned()).collect();
        UserError { field: Some(field), message }
    };
    problems.into_iter().map(error).collect()
}
