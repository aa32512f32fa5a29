//! The admin API: a thin skin over the owners, by topic.
//!
//! Resolvers read rows and ask owners for changes; what they answer never says more than the token may know. Limits are set here, once:
//! an operation is refused before it runs when it is too deep or would read too much.

mod alert;
mod audit;
mod auth;
mod connection;
mod delivery;
mod error;
mod loader;
mod mutation;
mod node;
mod order;
mod page;
mod preview;
mod privacy;
mod problem;
mod pull;
mod scalar;
mod settings;
mod viewer;
mod what_if;

use async_graphql::{
    EmptySubscription, ID, MergedObject, Request, Response, SDLExportOptions, Schema as Built,
    connection::{DefaultEdgeName, Edge, EmptyFields},
    dataloader::DataLoader,
    resolver_utils::enum_value,
};
use entity::{connection::Status, ids::ConnectionId};

use self::{
    alert::{Alert, AlertMutation, AlertQuery},
    audit::{AuditEntry, AuditQuery},
    connection::{ConnectionMutation, ConnectionQuery, PingMutation},
    delivery::{DeliveryQuery, WebhookDelivery},
    error::Fault,
    loader::Reader,
    node::NodeQuery,
    order::{OrderMutation, OrderQuery, SyncedOrder},
    page::{Cursor, Page},
    preview::PreviewQuery,
    privacy::{PrivacyMutation, PrivacyQuery, PrivacyRequest},
    pull::{Pull, PullMutation, PullQuery},
    settings::SettingsMutation,
    viewer::ViewerQuery,
    what_if::WhatIfQuery,
};
use crate::{app::App, auth::Principal};

/// The deepest operation: two more than what tools ask when they read the schema itself, which is deeper than any of our data.
const DEPTH: usize = 17;
/// The costliest operation, one per field and row: a hundred orders with all their fields, not with all their audit entries.
const COMPLEXITY: usize = 20_000;

/// What may be asked.
#[derive(Default, MergedObject)]
pub struct Query(
    ViewerQuery,
    NodeQuery,
    ConnectionQuery,
    OrderQuery,
    AuditQuery,
    PullQuery,
    DeliveryQuery,
    AlertQuery,
    PrivacyQuery,
    PreviewQuery,
    WhatIfQuery,
);

/// What may be changed. Every mutation takes one `input` and answers the changed object, or what is wrong with the input.
#[derive(Default, MergedObject)]
pub struct Mutation(
    ConnectionMutation,
    PingMutation,
    OrderMutation,
    PullMutation,
    SettingsMutation,
    AlertMutation,
    PrivacyMutation,
);

/// The schema, with what its resolvers need.
pub type Schema = Built<Query, Mutation, EmptySubscription>;

fn build() -> async_graphql::SchemaBuilder<Query, Mutation, EmptySubscription> {
    type PageEdge<N> = Edge<Cursor, N, EmptyFields, DefaultEdgeName>;
    Schema::build(Query::default(), Mutation::default(), EmptySubscription)
        .limit_depth(DEPTH)
        .limit_complexity(COMPLEXITY)
        .override_output_type_description::<ID>(
            "The name of one object, opaque and global: kept as it is, never taken apart.",
        )
        .override_output_type_description::<Page<SyncedOrder>>("A page of orders.")
        .override_output_type_description::<PageEdge<SyncedOrder>>("An order and its place in the list.")
        .override_output_type_description::<Page<AuditEntry>>("A page of the audit trail.")
        .override_output_type_description::<PageEdge<AuditEntry>>("An audit entry and its place in the list.")
        .override_output_type_description::<Page<Pull>>("A page of pulls.")
        .override_output_type_description::<PageEdge<Pull>>("A pull and its place in the list.")
        .override_output_type_description::<Page<WebhookDelivery>>("A page of webhook deliveries.")
        .override_output_type_description::<PageEdge<WebhookDelivery>>("A delivery and its place in the list.")
        .override_output_type_description::<Page<Alert>>("A page of alerts.")
        .override_output_type_description::<PageEdge<Alert>>("An alert and its place in the list.")
        .override_output_type_description::<Page<PrivacyRequest>>("A page of requests about people.")
        .override_output_type_description::<PageEdge<PrivacyRequest>>("A request and its place in the list.")
}

/// The schema of a running application.
pub fn schema(app: App) -> Schema {
    build().data(app).finish()
}

/// The schema as text: what `schema.graphql` holds.
pub fn sdl() -> String {
    build().finish().sdl_with_options(SDLExportOptions::new().use_space_ident().prefer_single_line_descriptions())
}

/// The global id of a connection, as the schema's `ID`s are: for what is printed at a terminal.
pub fn connection_id(id: ConnectionId) -> String {
    node::Numbered::global(id).to_string()
}

/// Where a connection stands, in the schema's word: for what is printed at a terminal.
pub fn connection_status(status: Status) -> String {
    enum_value(connection::ConnectionStatus::from(status)).to_string()
}

/// Runs an operation for somebody whose token was good.
pub async fn answer(schema: &Schema, app: &App, asker: Principal, request: Request) -> Response {
    let reader = DataLoader::new(Reader(app.clone()), tokio::spawn);
    let mut response = schema.execute(request.data(asker).data(reader)).await;
    error::name_codes(&mut response.errors);
    response
}

/// What is answered to somebody whose token is missing or not good: `reason` ends up in front of a person.
pub fn unauthenticated(reason: String) -> Response {
    Response::from_errors(vec![Fault::Unauthenticated(reason).into()])
}

/// What is answered to somebody like that who comes too often.
pub fn rate_limited(reason: String) -> Response {
    Response::from_errors(vec![Fault::RateLimited(reason).into()])
}

/// What is answered to something that is no operation at all.
pub fn malformed(reason: String) -> Response {
    Response::from_errors(vec![Fault::BadInput(reason).into()])
}

#[cfg(test)]
mod tests;
