//! Something that a person should know of, from when it is raised until it is resolved.

use sea_orm::entity::prelude::*;

use crate::ids::{AlertId, ConnectionId};

/// A row. Of one connection, code and subject at most one is open.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "alert")]
#[expect(missing_docs, reason = "commented where the name does not say it")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: AlertId,
    pub connection_id: ConnectionId,
    /// Such as `NEEDS_REAUTHORIZATION`.
    pub code: String,
    /// What within the connection it is about, such as `shopify`; may be empty.
    pub subject: String,
    pub severity: Severity,
    /// As the connector's `Problem` type writes it.
    #[sea_orm(column_type = "Text")]
    pub problem: String,
    pub action: Option<Action>,
    /// How often it was raised while open.
    pub count: i64,
    pub raised_at: DateTimeUtc,
    pub last_raised_at: DateTimeUtc,
    pub acknowledged_at: Option<DateTimeUtc>,
    pub acknowledged_by: Option<String>,
    pub resolved_at: Option<DateTimeUtc>,
    /// When its present message (raised, reminder, resolved) was asked for.
    pub announced_at: DateTimeUtc,
    /// When the webhook last took a message.
    pub webhook_sent_at: Option<DateTimeUtc>,
    /// The generation of the last message that the webhook took; 0 is none.
    pub webhook_told: i64,
    /// When the mail server last took a message.
    pub email_sent_at: Option<DateTimeUtc>,
    /// The generation of the last message that the mail server took; 0 is none.
    pub email_told: i64,
    /// Why a channel has not had the message yet, or was given up.
    #[sea_orm(column_type = "Text", nullable)]
    pub last_error: Option<String>,
    pub lane: i16,
    pub due_at: Option<DateTimeUtc>,
    /// Raised by every mark, and each mark is a message: 1 tells that it was raised.
    pub generation: i64,
    pub claimed_generation: i64,
    pub attempts: i32,
    pub fence: Option<Uuid>,
    pub leased_until: Option<DateTimeUtc>,
}

/// How bad it is.
#[derive(Copy, Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum Severity {
    /// Should be looked at; everything else goes on.
    Warning,
    /// Work has stopped until somebody acts.
    Critical,
}

/// What a person does about it, on a page that the message links to.
#[derive(Copy, Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(32))", rename_all = "snake_case")]
pub enum Action {
    /// Let us in at Shopify.
    AuthorizeShopify,
    /// Let us in at FreshBooks.
    AuthorizeFreshbooks,
}

/// Relations are followed by id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
