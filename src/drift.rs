//! Drift: documents of ours that somebody changed in FreshBooks.
//!
//! FreshBooks tells by id that something changed, and most of what it tells are echoes of our own writes. So documents are looked at
//! together, one list call per hundred, and compared with how FreshBooks itself answered our last write. What differs is shown, told and
//! kept until a person decides; the setting *drift* may decide for them.

mod decide;
mod look;
mod told;
pub mod view;

use entity::{ids::ConnectionId, platform_grant::Platform};
use sea_orm::DbErr;
use tracing::{info, warn};

pub use self::decide::{Choice, resolve};
use crate::{
    alert,
    app::App,
    audit, connection as connections, crypto, customer_key, freshbooks,
    grant::{self, Used, Verdict},
    link, order,
};

/// Looks at the documents whose time has come.
pub async fn run_scheduled(app: &App, id: ConnectionId) {
    match run(app, id).await {
        Ok(0) => {}
        Ok(looked) => info!(connection = %id, looked, "documents of connection {id} were looked at in FreshBooks"),
        Err(e) => {
            warn!(error = &e as &dyn std::error::Error, connection = %id, "documents of connection {id} could not be looked at yet");
        }
    }
}

/// Looks at the documents whose time has come, and sees to what follows. What could not be looked at is looked at later: whoever moves the
/// schedule on asks when. Returns how many were.
///
/// # Errors
/// When FreshBooks does not answer, or the database fails.
pub async fn run(app: &App, id: ConnectionId) -> Result<usize, Error> {
    let used = Used::default();
    let mut looked = look::look(app, id, &used).await;
    if let Err(Error::Books(freshbooks::Error::Unauthorized)) = &looked
        && used.refused(app, id, Platform::Freshbooks).await? == Verdict::Again
    {
        looked = look::look(app, id, &used).await;
    }
    decide::by_setting(app, id).await?;
    told::settle(app, id).await?;
    looked
}

/// Why there was no look, or no decision.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody changed anything of this order in FreshBooks, or it was decided about already.
    #[error("nothing of this order was changed in FreshBooks")]
    NoDrift,
    /// The note is too long, or no line of text; the sentence says which.
    #[error("{0}")]
    Note(&'static str),
    /// FreshBooks did not answer as it should.
    #[error(transparent)]
    Books(#[from] freshbooks::Error),
    /// No token.
    #[error(transparent)]
    Grant(#[from] grant::Error),
    /// The connection is not to be had.
    #[error(transparent)]
    Connection(#[from] connections::Error),
    /// The order is not to be had.
    #[error(transparent)]
    Order(#[from] order::Error),
    /// A link is not to be had.
    #[error(transparent)]
    Link(#[from] link::Error),
    /// A customer's key is not to be had.
    #[error(transparent)]
    Key(#[from] customer_key::Error),
    /// What is stored does not open.
    #[error("what was seen of a document does not open")]
    Crypto(#[from] crypto::Error),
    /// An alert could not be raised.
    #[error(transparent)]
    Alert(#[from] alert::Error),
    /// The trail could not be written.
    #[error(transparent)]
    Audit(#[from] audit::Error),
    /// What is stored is not in its form.
    #[error("what is stored is not in its form")]
    Form(#[from] serde_json::Error),
    /// The database failed.
    #[error("the database failed")]
    Db(#[from] DbErr),
}
