//! How people are told: in the trail what was changed, by an alert that something was.

use chrono::{DateTime, Utc};
use entity::{
    ids::{ConnectionId, CustomerKeyId},
    resource_link::Model,
};
use sea_orm::{ConnectionTrait, DatabaseTransaction, EntityTrait};
use uuid::Uuid;

use super::{Error, view::is_personal};
use crate::{
    alert::{self, Raise, Severity},
    app::App,
    audit::{self, FieldMapping},
    auth::Actor,
    crypto::DataKey,
    link::{
        self,
        seen::{self, Seen},
    },
    problem::{Owner, Problem},
};

/// What the alert is about.
const SUBJECT: &str = "orders";
const CODE: &str = "DRIFT";

/// Shopify's number of the order behind a document; a client has many.
async fn order_of(conn: &impl ConnectionTrait, row: &Model) -> Result<Option<i64>, Error> {
    let Some(id) = row.order_id else { return Ok(None) };
    Ok(entity::synced_order::Entity::find_by_id(id).one(conn).await?.map(|order| order.shopify_order_id))
}

/// An entry about a document, without fields.
pub(super) fn entry(row: &Model, order: Option<i64>, outcome: &str, message: String) -> audit::Entry {
    audit::Entry {
        connection: row.connection_id,
        shopify_order_id: order,
        shopify_resource: Some(link::shopify_resource(row.kind, &row.shopify_id)),
        freshbooks_resource: Some(format!("{}/{}", link::noun(row.kind), row.freshbooks_id.unwrap_or_default())),
        action: "drift".to_owned(),
        outcome: outcome.to_owned(),
        actor: Actor::system("drift").name().to_owned(),
        trigger: "webhook".to_owned(),
        correlation_id: Uuid::new_v4().to_string(),
        field_mappings: Vec::new(),
        message,
    }
}

/// What a look says to the trail: fields that somebody changed, and fields that are as we wrote them again.
pub(super) async fn entries(
    conn: &impl ConnectionTrait,
    row: &Model,
    before: &Seen,
    after: &Seen,
    drift: &[String],
) -> Result<Vec<audit::Entry>, Error> {
    let known = seen::drift(row);
    let document = format!("{} {}", link::noun(row.kind), row.freshbooks_id.unwrap_or_default());
    let news = |name: &&String| !known.contains(name) || before.now().get(*name) != after.now().get(*name);
    let noticed: Vec<&String> = drift.iter().filter(news).collect();
    let gone: Vec<&String> = known.iter().filter(|name| !drift.contains(name)).collect();
    let mut entries = Vec::new();
    if noticed.is_empty() && gone.is_empty() {
        return Ok(entries);
    }
    let order = order_of(conn, row).await?;
    for (outcome, names, from, to) in
        [("noticed", noticed, &after.ours, after.now()), ("gone", gone, before.now(), &after.ours)]
    {
        if names.is_empty() {
            continue;
        }
        let listed = names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
        let message = match outcome {
            "noticed" => format!("Somebody changed {document} in FreshBooks: {listed}."),
            _ => format!("In FreshBooks {document} is again as we wrote it: {listed}."),
        };
        let field_mappings = names
            .iter()
            .map(|name| FieldMapping {
                shopify_field: "-".to_owned(),
                freshbooks_field: (*name).clone(),
                before: from.get(*name).cloned(),
                after: to.get(*name).cloned(),
                personal: is_personal(row.kind, name),
            })
            .collect();
        entries.push(audit::Entry { field_mappings, ..entry(row, order, outcome, message) });
    }
    Ok(entries)
}

/// Appends entries, each with the key that seals its values. Last in a transaction.
pub(super) async fn append(
    txn: &DatabaseTransaction,
    entries: Vec<(audit::Entry, Option<(CustomerKeyId, &DataKey)>)>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    for (entry, key) in entries {
        audit::append_of(txn, "drift", entry, key, now).await?;
    }
    Ok(())
}

/// Raises the alert where documents have drifted since it was last raised, and closes it where none is left.
pub(super) async fn settle(app: &App, id: ConnectionId) -> Result<(), Error> {
    // Mostly there is nothing to say, and nobody has to wait for that.
    let problem = problem(link::count_drifted(app.db.read(), id).await?);
    if alert::find_open(app.db.read(), id, CODE, SUBJECT).await? == problem {
        return Ok(());
    }
    let txn = app.db.begin_write().await?;
    told(&txn, id, app.clock.now()).await?;
    txn.commit().await?;
    app.bell.notify_one();
    Ok(())
}

/// What is wrong where so many documents have drifted.
fn problem(documents: u64) -> Option<Problem> {
    let problem = || {
        Problem::new(
            Owner::Accountant,
            CODE,
            format!("{documents} document(s) were changed in FreshBooks since we wrote them."),
            "List orders with the filter hasDrift; resolveDrift keeps FreshBooks' version of an order or writes ours again.",
        )
    };
    (documents > 0).then(problem)
}

/// As [`settle`], in the caller's transaction.
pub(super) async fn told(txn: &DatabaseTransaction, id: ConnectionId, now: DateTime<Utc>) -> Result<(), Error> {
    let Some(problem) = problem(link::count_drifted(txn, id).await?) else {
        alert::resolve(txn, id, CODE, SUBJECT, now).await?;
        return Ok(());
    };
    // Open already, and of as many: nothing new to say.
    if alert::find_open(txn, id, CODE, SUBJECT).await?.as_ref() == Some(&problem) {
        return Ok(());
    }
    alert::raise(
        txn,
        Raise { connection: id, subject: SUBJECT, severity: Severity::Warning, problem, action: None },
        now,
    )
    .await?;
    Ok(())
}
