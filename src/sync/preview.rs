//! What a sync of an order would send, without sending it: the same mapping, the same plan, and the same look-up of the client.

use chrono::{DateTime, Utc};
use entity::{connection, ids::ConnectionId};

use super::{
    Error, again, apply, books,
    known::{load_client, load_known},
    plan::{self, Action, Known, Write},
    read,
};
use crate::{
    app::App,
    connection as connections,
    grant::Used,
    link::LinkKey,
    mapping::{self, Settings, Wanted},
    order::{self, snapshot},
    problem::Problem,
};

/// What a sync of one order would do now.
#[derive(Clone, Debug)]
pub struct Preview {
    /// Shopify's number of the order.
    pub shopify_order_id: i64,
    /// What people call it.
    pub order_name: String,
    /// What FreshBooks should hold, or why we do not say.
    pub wanted: Result<Wanted, Problem>,
    /// What would be sent, in order. Ids that an earlier write brings are null.
    pub writes: Vec<Write>,
    /// Since when the order is known here; absent when it never was.
    pub known_since: Option<DateTime<Utc>>,
}

/// What a sync of this order would send to FreshBooks now. Reads the order from Shopify when it is not known, or not known to be fresh, and
/// looks the client up in FreshBooks where a sync would; writes nothing anywhere. `None` when Shopify shows no such order.
///
/// # Errors
/// When the database or Shopify fails.
pub async fn preview(app: &App, connection: ConnectionId, shopify_order_id: i64) -> Result<Option<Preview>, Error> {
    let used = Used::default();
    let made = make(app, connection, shopify_order_id, &used).await;
    let refused = made.as_ref().err().and_then(Error::unauthorized);
    if again(app, connection, refused, &used).await? {
        return make(app, connection, shopify_order_id, &used).await;
    }
    made
}

async fn make(
    app: &App,
    connection: ConnectionId,
    shopify_order_id: i64,
    used: &Used,
) -> Result<Option<Preview>, Error> {
    let connection = connections::load(app.db.read(), connection).await?;
    let settings = connections::settings(&connection)?;
    let shop = connections::shop(&connection)?;
    let row = order::find(app.db.read(), connection.id, shopify_order_id).await?;
    if let Some(row) = &row
        && order::is_redacted(app.db.read(), row).await?
    {
        return Ok(Some(Preview {
            shopify_order_id,
            order_name: row.name.clone(),
            wanted: Err(order::erased()),
            writes: Vec::new(),
            known_since: Some(row.created_at),
        }));
    }
    let stored = match row.as_ref().filter(|row| !row.stale) {
        Some(row) => snapshot::find(app.db.read(), &app.keyring, row.id).await?.map(|snapshot| snapshot.order),
        None => None,
    };
    let order = match stored {
        Some(order) => order,
        None => match read(app, &connection, shopify_order_id, used).await? {
            Some(order) => order,
            None => return Ok(None),
        },
    };
    let mut known = match &row {
        Some(row) => load_known(app, &connection, row.id, None).await?,
        None => Known { issues_in_create: connection.issues_in_create, ..Known::default() },
    };
    let planned = match mapping::wanted(&order, &settings, &shop, &known.booked()) {
        Ok(wanted) => planned(app, &connection, &settings, wanted, &mut known, used).await?,
        Err(refusal) => Err(refusal.problem()),
    };
    let (wanted, writes) = match planned {
        Ok((wanted, writes)) => (Ok(wanted), writes),
        Err(problem) => (Err(problem), Vec::new()),
    };
    let known_since = row.map(|row| row.created_at);
    Ok(Some(Preview { shopify_order_id: order.number_of_id(), order_name: order.name, wanted, writes, known_since }))
}

/// The plan, behind the look-up of a client that is not linked yet; or why it would not be carried out.
async fn planned(
    app: &App,
    connection: &connection::Model,
    settings: &Settings,
    wanted: Wanted,
    known: &mut Known,
    used: &Used,
) -> Result<Result<(Wanted, Vec<Write>), Problem>, Error> {
    let client = LinkKey::of_client(&wanted.client.subject, &connection.salt);
    load_client(app, connection, &client, known).await?;
    let mut writes = plan::plan(&wanted, known, &client);
    let looks_up = |write: &&Write| write.key == client && matches!(write.action, Action::Find | Action::Adopt);
    if let Some(look_up) = writes.first().filter(looks_up).cloned() {
        let books = books(app, connection, used).await?;
        match apply::client::look_up(&books, &wanted, known, &look_up).await {
            Ok(Some((found, _))) => known.client = Some(found),
            Ok(None) => known.absent.push(client.clone()),
            Err(Error::Waiting(problem) | Error::Refused(problem)) => return Ok(Err(problem)),
            Err(Error::Unfit(unfit)) => return Ok(Err(unfit.problem)),
            Err(error) if error.unauthorized().is_some() => return Err(error),
            // What comes after the look-up is shown as far as it can be told without FreshBooks.
            Err(_) => return Ok(Ok((wanted, writes))),
        }
        writes = plan::plan(&wanted, known, &client);
        writes.insert(0, look_up);
    }
    let writes = match plan::spare(writes, known) {
        Ok(spared) => spared.writes,
        Err(problem) => return Ok(Err(problem)),
    };
    Ok(match plan::locked(&writes, known, settings) {
        Some(problem) => Err(problem),
        None => Ok((wanted, writes)),
    })
}
