//! What the platforms are asked to tell of a connection, and how that stands.

use async_graphql::{Enum, SimpleObject};
use entity::webhook_subscription::{Model, State};

use super::super::{delivery::Platform, problem::Problem, scalar::Instant};
use crate::subscription;

/// How a webhook stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "State")]
pub(in super::super) enum WebhookSubscriptionState {
    /// Asked for with the next look, or just being asked for.
    Wanted,
    /// FreshBooks knows our address and has still to confirm it with a test message.
    Unverified,
    /// It stands: events come.
    Active,
    /// It could not be set up: `problem` says why. Tried again every hour.
    Failing,
}

/// One kind of event that a platform is asked to tell us of.
#[derive(SimpleObject)]
pub(in super::super) struct WebhookSubscription {
    /// Who tells.
    platform: Platform,
    /// Of what, by the platform's own word, such as `orders/updated` or `invoice.update`.
    topic: String,
    /// Where to: made of MLC_PUBLIC_URL, and to be reached from the internet over https.
    address: String,
    /// How it stands.
    state: WebhookSubscriptionState,
    /// Why it could not be set up; null while nothing is wrong.
    problem: Option<Problem>,
    /// The version of Shopify's API that its messages are written in; null for FreshBooks and before it stands.
    api_version: Option<String>,
    /// When the platform last said how it stands; null before the first time since the platform was authorized.
    checked_at: Option<Instant>,
    /// When it was last found missing or wrong and was set up anew; null when it never was.
    repaired_at: Option<Instant>,
}

impl From<Model> for WebhookSubscription {
    fn from(row: Model) -> Self {
        let problem = subscription::problem(&row).map(Problem::from);
        let Model { platform, topic, address, state, api_version, checked_at, repaired_at, .. } = row;
        Self {
            platform: platform.into(),
            topic,
            address,
            state: state.into(),
            problem,
            api_version,
            checked_at: checked_at.map(Instant),
            repaired_at: repaired_at.map(Instant),
        }
    }
}
