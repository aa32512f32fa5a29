//! Making, authorizing, pausing and ending connections.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use entity::{connection::Model, ids::ConnectionId, platform_grant::Platform};

use super::{
    super::{
        auth::Asking,
        error::{Fault, Result},
        mutation::{UserError, UserErrorCode},
        node::Numbered,
        settings::{ConnectionSettingsInput, user_error},
    },
    Connection, bare,
};
use crate::{
    auth::{Actor, Right},
    authorize, check,
    config::Client,
    connection::{self as connections, New},
    mapping::Settings,
};

/// A connection to be made.
#[derive(Debug, InputObject)]
pub(in super::super) struct CreateConnectionInput {
    /// What people call it, up to 200 characters.
    name: String,
    /// The shop's permanent address, such as `name.myshopify.com`.
    shop_domain: String,
    /// How its orders are booked, where it differs from the defaults. A second shop of one FreshBooks account needs an `invoiceNumber`
    /// template of its own.
    settings: Option<ConnectionSettingsInput>,
}

/// What became of a new connection.
#[derive(SimpleObject)]
pub(in super::super) struct CreateConnectionPayload {
    /// The connection, pending until both ends are authorized; null where the input must be mended first.
    connection: Option<Connection>,
    /// What is wrong with the input.
    user_errors: Vec<UserError>,
}

/// Which shop to authorize: `connectionId`, or `shopDomain` for a shop that may be new here.
#[derive(Debug, InputObject)]
pub(in super::super) struct AuthorizeShopifyInput {
    /// The connection whose shop is meant.
    connection_id: Option<ID>,
    /// The shop's permanent address, such as `name.myshopify.com`. It gets a connection with its first authorization.
    shop_domain: Option<String>,
}

/// Which connection's FreshBooks end to authorize.
#[derive(Debug, InputObject)]
pub(in super::super) struct AuthorizeFreshbooksInput {
    /// The connection.
    connection_id: ID,
}

/// Where a person goes on.
#[derive(SimpleObject)]
pub(in super::super) struct AuthorizePayload {
    /// Open it in the browser of somebody who may allow access there. FreshBooks' links are valid for two days before the first
    /// authorization, which decides whose books these are, and for 30 days after it. Null where the input must be mended first.
    authorization_url: Option<String>,
    /// What is wrong with the input.
    user_errors: Vec<UserError>,
}

/// The token of a custom app that was made in the shop's admin.
#[derive(InputObject)]
pub(in super::super) struct UseShopifyTokenInput {
    /// The connection.
    connection_id: ID,
    /// The Admin API access token, as the shop's admin shows it once. Stored encrypted, never shown again.
    token: String,
}

/// The credentials of an app of the shop's own organization.
#[derive(InputObject)]
pub(in super::super) struct UseShopifyClientCredentialsInput {
    /// The connection.
    connection_id: ID,
    /// The app's client id.
    client_id: String,
    /// The app's client secret. Stored encrypted, never shown again.
    client_secret: String,
}

/// Which business a connection's orders are booked in.
#[derive(Debug, InputObject)]
pub(in super::super) struct SelectFreshbooksBusinessInput {
    /// The connection.
    connection_id: ID,
    /// One of the ids of `freshbooks { businesses { id } }`.
    business_id: String,
}

/// Which connection to pause.
#[derive(Debug, InputObject)]
pub(in super::super) struct PauseConnectionInput {
    /// The connection.
    connection_id: ID,
}

/// Which connection to resume.
#[derive(Debug, InputObject)]
pub(in super::super) struct ResumeConnectionInput {
    /// The connection.
    connection_id: ID,
}

/// Which connection to end.
#[derive(Debug, InputObject)]
pub(in super::super) struct DisconnectConnectionInput {
    /// The connection.
    connection_id: ID,
}

/// What became of a connection.
#[derive(SimpleObject)]
pub(in super::super) struct ConnectionPayload {
    /// The connection as it is now; null where the input must be mended first.
    connection: Option<Connection>,
    /// What is wrong with the input.
    user_errors: Vec<UserError>,
}

impl ConnectionPayload {
    fn of(row: Model) -> Self {
        Self { connection: Some(Connection(row)), user_errors: Vec::new() }
    }

    fn wrong(user_errors: Vec<UserError>) -> Self {
        Self { connection: None, user_errors }
    }
}

/// What may be done about connections.
#[derive(Default)]
pub(in super::super) struct ConnectionMutation;

/// What may be done about connections.
#[Object]
impl ConnectionMutation {
    /// Makes a connection for a shop. It is pending until both ends are authorized. For the role ADMIN.
    async fn create_connection(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which shop, and how its orders are booked.")] input: CreateConnectionInput,
    ) -> Result<CreateConnectionPayload> {
        let by = ctx.principal()?.may(Right::Manage, None)?;
        let invalid = |field: &str, message: &str, code| {
            Ok(CreateConnectionPayload { connection: None, user_errors: vec![UserError::new(field, message, code)] })
        };
        let name = input.name.trim().to_owned();
        if name.is_empty() || name.chars().count() > 200 || name.chars().any(char::is_control) {
            return invalid("name", "A name has from 1 to 200 characters, in one line.", UserErrorCode::Invalid);
        }
        let settings = match input.settings {
            Some(settings) => {
                let change: crate::mapping::settings::Change = settings.into();
                let wrong = change.wrong();
                if !wrong.is_empty() {
                    let user_errors = wrong.into_iter().map(|wrong| user_error(wrong, |_| true)).collect();
                    return Ok(CreateConnectionPayload { connection: None, user_errors });
                }
                change.apply(&Settings::default())
            }
            None => Settings::default(),
        };
        let new = New { name, shop_domain: bare(&input.shop_domain), settings };
        match connections::create(ctx.app(), &by, new).await {
            Ok(row) => Ok(CreateConnectionPayload { connection: Some(Connection(row)), user_errors: Vec::new() }),
            Err(connections::Error::Taken) => invalid(
                "shopDomain",
                "There is a connection for this shop already; `connection(shopDomain:)` shows it, authorizeShopify takes it up again.",
                UserErrorCode::Taken,
            ),
            Err(connections::Error::NotAShop) => invalid("shopDomain", NOT_A_SHOP, UserErrorCode::Invalid),
            Err(connections::Error::Wrong(wrong)) => {
                let user_errors = wrong.into_iter().map(|wrong| user_error(wrong, |_| true)).collect();
                Ok(CreateConnectionPayload { connection: None, user_errors })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The link under which somebody of the shop lets the connector in, for the first time or again. For the role ADMIN.
    async fn authorize_shopify(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which shop.")] input: AuthorizeShopifyInput,
    ) -> Result<AuthorizePayload> {
        ctx.role_may(Right::Manage)?;
        let url = match (input.connection_id, input.shop_domain) {
            (Some(id), None) => {
                let id = ConnectionId::read(&id)?;
                ctx.may(Right::Manage, id)?;
                match connections::load(ctx.app().db.read(), id).await {
                    Ok(row) => authorize::link(ctx.app(), &row, Platform::Shopify)?,
                    Err(connections::Error::Missing) => return Ok(no_link(no_connection())),
                    Err(error) => return Err(error.into()),
                }
            }
            (None, Some(domain)) => {
                ctx.principal()?.may(Right::Manage, None)?;
                match connections::shop_domain(&bare(&domain)) {
                    Ok(domain) => authorize::shopify_link(ctx.app(), &domain),
                    Err(_) => {
                        return Ok(no_link(UserError::new("shopDomain", NOT_A_SHOP, UserErrorCode::Invalid)));
                    }
                }
            }
            _ => {
                let message = "Give `connectionId` or `shopDomain`, one of them.";
                return Ok(no_link(UserError::new("connectionId", message, UserErrorCode::Required)));
            }
        };
        Ok(AuthorizePayload { authorization_url: Some(url.into()), user_errors: Vec::new() })
    }

    /// The link under which somebody of the business lets the connector into FreshBooks, for the first time or again. For the role ADMIN.
    async fn authorize_freshbooks(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which connection.")] input: AuthorizeFreshbooksInput,
    ) -> Result<AuthorizePayload> {
        let (id, _) = managed(ctx, &input.connection_id)?;
        match connections::load(ctx.app().db.read(), id).await {
            Ok(row) => {
                let url = authorize::link(ctx.app(), &row, Platform::Freshbooks)?;
                Ok(AuthorizePayload { authorization_url: Some(url.into()), user_errors: Vec::new() })
            }
            Err(connections::Error::Missing) => Ok(no_link(no_connection())),
            Err(error) => Err(error.into()),
        }
    }

    /// Lets the connector into a shop by the token of a custom app that was made in the shop's admin. It is tried at once. For the role
    /// ADMIN.
    async fn use_shopify_token(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which connection, and the token.")] input: UseShopifyTokenInput,
    ) -> Result<ConnectionPayload> {
        let (id, by) = managed(ctx, &input.connection_id)?;
        let token = input.token.trim();
        if token.is_empty() {
            let message = "The token is empty.";
            return Ok(ConnectionPayload::wrong(vec![UserError::new("token", message, UserErrorCode::Required)]));
        }
        authorized(authorize::use_shopify_token(ctx.app(), &by, id, token.into()).await, "token")
    }

    /// Lets the connector into a shop by the credentials of an app of the shop's own organization (Dev Dashboard). They are tried at once;
    /// the tokens last a day and are renewed by themselves. For the role ADMIN.
    async fn use_shopify_client_credentials(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which connection, and the app's credentials.")] input: UseShopifyClientCredentialsInput,
    ) -> Result<ConnectionPayload> {
        let (id, by) = managed(ctx, &input.connection_id)?;
        let client = Client { id: input.client_id.trim().to_owned(), secret: input.client_secret.trim().into() };
        if client.id.is_empty() || input.client_secret.trim().is_empty() {
            let message = "Both the client id and the client secret are needed.";
            return Ok(ConnectionPayload::wrong(vec![UserError::new("clientId", message, UserErrorCode::Required)]));
        }
        authorized(authorize::use_client_credentials(ctx.app(), &by, id, client).await, "clientSecret")
    }

    /// Ties a connection to one of the businesses that its FreshBooks login opens, for good. For the role ADMIN.
    async fn select_freshbooks_business(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which connection, and which business.")] input: SelectFreshbooksBusinessInput,
    ) -> Result<ConnectionPayload> {
        let (id, by) = managed(ctx, &input.connection_id)?;
        let wrong =
            |message: &str, code| Ok(ConnectionPayload::wrong(vec![UserError::new("businessId", message, code)]));
        let Ok(business) = input.business_id.trim().parse() else {
            return wrong("The id of a business is a number.", UserErrorCode::Invalid);
        };
        match connections::select_business(ctx.app(), &by, id, business).await {
            Ok(row) => {
                check::soon(ctx.app(), id);
                Ok(ConnectionPayload::of(row))
            }
            Err(connections::Error::NoSuchBusiness) => wrong(
                "The FreshBooks login opens no such business; `freshbooks { businesses { id name } }` lists those to choose from.",
                UserErrorCode::NotFound,
            ),
            Err(connections::Error::Bound(name)) => wrong(
                &format!(
                    "The connection is tied to {name}, where its documents are. Make another connection for another business."
                ),
                UserErrorCode::Taken,
            ),
            Err(connections::Error::Wrong(list)) => {
                let list = list.into_iter().map(|wrong| user_error(wrong, |id| ctx.sees(Some(id))));
                Ok(ConnectionPayload::wrong(list.collect()))
            }
            other => changed(other),
        }
    }

    /// Stops a connection until somebody resumes it: nothing is pulled, read or written; what is under way ends first. For the role ADMIN.
    async fn pause_connection(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which connection.")] input: PauseConnectionInput,
    ) -> Result<ConnectionPayload> {
        let (id, by) = managed(ctx, &input.connection_id)?;
        changed(connections::pause(ctx.app(), &by, id).await)
    }

    /// Takes a paused connection up again, where it stopped. For the role ADMIN.
    async fn resume_connection(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which connection.")] input: ResumeConnectionInput,
    ) -> Result<ConnectionPayload> {
        let (id, by) = managed(ctx, &input.connection_id)?;
        changed(connections::resume(ctx.app(), &by, id).await)
    }

    /// Ends a connection: FreshBooks revokes the tokens, ours are deleted, nothing is read or written any more. Orders and the trail stay
    /// here, the documents stay in FreshBooks, and the app stays in the shop until somebody uninstalls it there. Both ends authorized anew
    /// take the connection up again. For the role ADMIN.
    async fn disconnect_connection(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which connection.")] input: DisconnectConnectionInput,
    ) -> Result<ConnectionPayload> {
        let (id, by) = managed(ctx, &input.connection_id)?;
        authorized(authorize::disconnect(ctx.app(), &by, id).await, "connectionId")
    }
}

const NOT_A_SHOP: &str = "This is no shop's address: it looks like `name.myshopify.com`.";

/// The connection and the right to manage it.
fn managed(ctx: &Context<'_>, id: &ID) -> Result<(ConnectionId, Actor)> {
    ctx.role_may(Right::Manage)?;
    let id = ConnectionId::read(id)?;
    Ok((id, ctx.may(Right::Manage, id)?))
}

fn no_connection() -> UserError {
    UserError::new("connectionId", "There is no such connection.", UserErrorCode::NotFound)
}

fn no_link(error: UserError) -> AuthorizePayload {
    AuthorizePayload { authorization_url: None, user_errors: vec![error] }
}

fn changed(row: std::result::Result<Model, connections::Error>) -> Result<ConnectionPayload> {
    match row {
        Ok(row) => Ok(ConnectionPayload::of(row)),
        Err(connections::Error::Missing) => Ok(ConnectionPayload::wrong(vec![no_connection()])),
        Err(connections::Error::Disconnected) => {
            let message = "The connection is disconnected: authorize both ends to take it up again.";
            Ok(ConnectionPayload::wrong(vec![UserError::new("connectionId", message, UserErrorCode::Invalid)]))
        }
        Err(error) => Err(error.into()),
    }
}

/// `field` is to blame for what a platform did not accept.
fn authorized(row: std::result::Result<Model, authorize::Error>, field: &str) -> Result<ConnectionPayload> {
    match row {
        Ok(row) => Ok(ConnectionPayload::of(row)),
        Err(authorize::Error::Connection(error @ connections::Error::Missing)) => changed(Err(error)),
        Err(error) if error.is_ours() => Err(Fault::internal(&error)),
        Err(error) => {
            let problem = error.problem();
            let message = format!("{} {}", problem.message, problem.hint);
            Ok(ConnectionPayload::wrong(vec![UserError::new(field, &message, UserErrorCode::Invalid)]))
        }
    }
}
