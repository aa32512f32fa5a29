//! A platform's consent: its tokens, sealed under the keyring and bound to this row.

use sea_orm::entity::prelude::*;

use crate::ids::ConnectionId;

/// A row.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "platform_grant")]
#[expect(missing_docs, reason = "commented where the name does not say it")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub connection_id: ConnectionId,
    pub platform: Platform,
    pub kind: Kind,
    /// Counts the token sets of this row: whoever was refused with an older one just takes the present one.
    pub generation: i64,
    /// Sealed.
    #[sea_orm(column_type = "Text")]
    pub access_token: String,
    /// Sealed.
    #[sea_orm(column_type = "Text", nullable)]
    pub refresh_token: Option<String>,
    /// Of an app of the shop's own; else the settings' apply.
    pub client_id: Option<String>,
    /// Sealed.
    #[sea_orm(column_type = "Text", nullable)]
    pub client_secret: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub scopes: String,
    pub expires_at: Option<DateTimeUtc>,
    pub refresh_expires_at: Option<DateTimeUtc>,
    /// The platform refused the access token before its time: it is renewed before the next call.
    pub stale: bool,
    /// This token set is what such a refusal was answered with: a refusal of it, too, is final.
    pub second_chance: bool,
    /// Why only a person can go on, as the connector's `Problem` writes it. Nothing is called with such a grant.
    #[sea_orm(column_type = "Text", nullable)]
    pub refusal: Option<String>,
    /// Who renews it now, and for how long nobody else may.
    pub renewer: Option<Uuid>,
    pub renewing_until: Option<DateTimeUtc>,
    /// Renewals in a row that brought nothing, and when the next one may be tried.
    pub failures: i32,
    pub renew_after: Option<DateTimeUtc>,
    pub updated_at: DateTimeUtc,
}

/// How a grant came about, which is how it is renewed.
#[derive(Copy, Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(32))", rename_all = "snake_case")]
pub enum Kind {
    /// A person consented; a refresh token renews it, or it does not expire.
    Authorization,
    /// An app of the shop's own organization: renewed by asking again.
    ClientCredentials,
    /// A token that a person copied out of Shopify's admin: good until it is taken back.
    CustomApp,
}

/// Which side granted.
#[derive(Copy, Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Platform {
    Shopify,
    Freshbooks,
}

/// Relations are followed by id.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
