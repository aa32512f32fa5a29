//! Stub until the alerts branch is merged.
use chrono::{DateTime, Utc};
use entity::{ids::ConnectionId, platform_grant::Platform};
use sea_orm::ConnectionTrait;

use crate::problem::Problem;

#[derive(Clone, Debug)]
pub struct Raise {
    pub connection: ConnectionId,
    pub subject: String,
    pub severity: Severity,
    pub problem: Problem,
    pub action: Option<Action>,
}
#[derive(Clone, Copy, Debug)]
pub enum Severity {
    Warning,
    Critical,
}
#[derive(Clone, Copy, Debug)]
pub enum Action {
    AuthorizeShopify,
    AuthorizeFreshbooks,
}
pub async fn raise(_: &impl ConnectionTrait, _: Raise, _: DateTime<Utc>) -> Result<(), Error> {
    Ok(())
}
pub async fn resolve(
    _: &impl ConnectionTrait,
    _: ConnectionId,
    _: &str,
    _: &str,
    _: DateTime<Utc>,
) -> Result<(), Error> {
    Ok(())
}
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the database failed")]
    Db(#[from] sea_orm::DbErr),
}
#[allow(unused)]
fn unused(_: Platform) {}
