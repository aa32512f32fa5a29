//! A person has seen to a request.

use entity::{
    ids::PrivacyRequestId,
    privacy_request::{Column, Entity, Kind, Model, State},
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::Expr};

use super::{Error, SERVICE, erase, shop};
use crate::{alert, app::App, audit, auth::Actor};

/// Notes that the data were handed out, or that somebody has seen to a request that was declined. `note` goes into the trail, and names
/// nobody. What is completed already stays as it is.
///
/// # Errors
/// [`Error::Note`], [`Error::NotForPeople`], [`Error::Missing`]; or when the database fails.
pub async fn complete(app: &App, by: &Actor, id: PrivacyRequestId, note: Option<&str>) -> Result<Model, Error> {
    let (now, note) = (app.clock.now(), audit::note(note).map_err(Error::Note)?);
    let txn = app.db.begin_write().await?;
    let row = Entity::find_by_id(id).lock_exclusive().one(&txn).await?.ok_or(Error::Missing)?;
    let (state, detail) = match (row.kind, row.state) {
        (Kind::CustomerData, State::Open) => (State::Done, note.unwrap_or("Handed out.").to_owned()),
        (Kind::ShopRedact, State::Declined) if row.completed_by.as_deref() == Some(SERVICE) => {
            let seen_to = note.map_or_else(|| row.detail.clone(), |note| format!("{} {note}", row.detail));
            (State::Declined, seen_to)
        }
        (Kind::CustomerRedact | Kind::ShopRedact, State::Open) => {
            return Err(Error::NotForPeople("The service carries this request out by itself."));
        }
        _ => return Ok(row),
    };
    let completed = Entity::update_many()
        .filter(Column::Id.eq(id))
        .col_expr(Column::State, Expr::value(state))
        .col_expr(Column::Detail, Expr::value(&detail))
        .col_expr(Column::CompletedAt, Expr::value(now))
        .col_expr(Column::CompletedBy, Expr::value(by.name()))
        .col_expr(Column::Email, Expr::value(None::<String>))
        .exec_with_returning(&txn)
        .await?;
    match row.kind {
        Kind::CustomerData => erase::resolve_if_none_is_open(&txn, row.connection_id, now).await?,
        Kind::CustomerRedact => {}
        Kind::ShopRedact => {
            alert::resolve(&txn, row.connection_id, shop::WHILE_INSTALLED, "", now).await?;
        }
    }
    let message = format!("Request {id} was completed: {}", note.unwrap_or("no note."));
    erase::noted(&txn, row.connection_id, by.name(), ("complete_privacy_request", "done"), message, now).await?;
    txn.commit().await?;
    app.bell.notify_one();
    completed.into_iter().next().ok_or(Error::Missing)
}
