//! What shops tell: orders, their money, customers, the app itself, and requests about people.

mod keep;

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    connection::{self, Status},
    ids::ConnectionId,
    platform_grant::Platform,
    privacy_request,
    schedule::Kind,
    told_transaction,
    webhook_delivery::{ActiveModel, Outcome},
};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect,
    sea_query::OnConflict,
};

use super::{Failure, Kept, blank, word};
use crate::{
    auth::Actor,
    crypto::Keyring,
    customer_key,
    order::{self, Mark, Told},
    privacy, pull, schedule,
    shopify::webhook::{About, Event, Transaction},
    work::Lane,
};

/// How long an order waits for more of its events: those of one checkout come within a second or two, and are one visit.
const TOGETHER: TimeDelta = TimeDelta::seconds(2);

/// One delivery, verified and read.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// As the header names it. Headers are not signed: what follows is done with that shop's own token.
    pub shop_domain: String,
    /// Such as `orders/updated`.
    pub topic: String,
    /// Names this delivery.
    pub webhook_id: Option<String>,
    /// Names the event, also in its other deliveries.
    pub event_id: Option<String>,
    /// Of the body.
    pub api_version: Option<String>,
    /// When it happened.
    pub triggered_at: Option<DateTime<Utc>>,
    /// JSON list of pairs.
    pub headers: String,
    /// How long the body was.
    pub body_bytes: usize,
    /// What it says.
    pub event: Event,
}

/// A delivery on its way into the database.
struct Fresh<'a> {
    arrival: &'a Arrival,
    connection: Option<ConnectionId>,
    /// The same event again, in the same batch.
    repeats: i32,
    outcome: Outcome,
    detail: &'static str,
    /// Orders of a customer that carry what is known of them.
    of_customer: Vec<i64>,
}

/// Keeps the deliveries, and marks what they concern.
///
/// The rows come first: that they are new is what the database says, so that two processes which are told the same at once agree on who
/// follows it. Then orders, in one go and in order; then keys; whoever else locks these does so in the same order.
pub(super) async fn store(
    txn: &DatabaseTransaction,
    keyring: &Keyring,
    arrivals: &[&Arrival],
    now: DateTime<Utc>,
) -> Result<Vec<Kept>, Failure> {
    if arrivals.is_empty() {
        return Ok(Vec::new());
    }
    let shops = connections(txn, arrivals).await?;
    let named = named_once(arrivals);
    let fresh = named
        .into_iter()
        .map(|(arrival, repeats)| Fresh::of(arrival, repeats, shops.get(arrival.shop_domain.as_str()).copied()));
    let (mut fresh, again) = keep::new_ones(txn, fresh.collect(), now).await?;
    keep::count_repeats(txn, &again).await?;

    let mut of_orders: BTreeMap<ConnectionId, Vec<Told>> = BTreeMap::new();
    for (_, one) in &mut fresh {
        one.find_customers(txn).await?;
        let (Some(connection), Outcome::Accepted) = (one.connection, one.outcome) else { continue };
        let told = of_orders.entry(connection).or_default();
        told.extend(one.arrival.event.order.map(|number| Told { number, version: one.arrival.event.updated_at }));
        told.extend(one.of_customer.iter().map(|number| Told { number: *number, version: None }));
    }
    let mark = Mark::new(Lane::Webhook, "webhook", &Actor::system("webhook"));
    let mut known = HashMap::new();
    for (connection, told) in &of_orders {
        for (number, version) in order::announce(txn, *connection, told, &mark, now + TOGETHER, now).await? {
            known.insert((*connection, number), version);
        }
    }
    told(txn, fresh.iter().map(|(_, one)| one), now).await?;
    for (_, one) in &mut fresh {
        if one.outcome == Outcome::Accepted {
            one.follow(txn, keyring, &known, now).await?;
        }
    }
    keep::outcomes(txn, &fresh).await?;
    let kept = |one: &Fresh<'_>, word| ("shopify", one.arrival.topic.clone(), word);
    let news = fresh.iter().map(|(_, one)| kept(one, word(one.outcome)));
    Ok(news.chain(again.iter().map(|one| kept(one, "repeated"))).collect())
}

/// The connections of these shops.
async fn connections<'a>(
    txn: &DatabaseTransaction,
    arrivals: &[&'a Arrival],
) -> Result<HashMap<&'a str, (ConnectionId, Status)>, Failure> {
    let domains: HashSet<&str> = arrivals.iter().map(|arrival| arrival.shop_domain.as_str()).collect();
    let rows: Vec<(ConnectionId, String, Status)> = connection::Entity::find()
        .select_only()
        .columns([connection::Column::Id, connection::Column::ShopDomain, connection::Column::Status])
        .filter(connection::Column::ShopDomain.is_in(domains.iter().copied()))
        .into_tuple()
        .all(txn)
        .await?;
    let found = rows.into_iter();
    Ok(found.filter_map(|(id, domain, status)| Some((*domains.get(domain.as_str())?, (id, status)))).collect())
}

/// Those that tell something of their own, with how often each came again. A repeat of either id for the same topic is the same trigger.
fn named_once<'a>(arrivals: &[&'a Arrival]) -> Vec<(&'a Arrival, i32)> {
    let (mut once, mut places) = (Vec::<(&Arrival, i32)>::new(), HashMap::new());
    for arrival in arrivals {
        let names = [&arrival.webhook_id, &arrival.event_id].into_iter().flatten();
        let names: Vec<(&str, &str)> = names.map(|name| (name.as_str(), arrival.topic.as_str())).collect();
        let place = names.iter().find_map(|name| places.get(name).copied());
        match place.and_then(|place: usize| once.get_mut(place)) {
            Some((_, repeats)) => *repeats += 1,
            None => {
                places.extend(names.into_iter().map(|name| (name, once.len())));
                once.push((arrival, 0));
            }
        }
    }
    once
}

impl<'a> Fresh<'a> {
    fn of(arrival: &'a Arrival, repeats: i32, shop: Option<(ConnectionId, Status)>) -> Self {
        let ignored = |connection, detail| Self {
            arrival,
            connection,
            repeats,
            outcome: Outcome::Ignored,
            detail,
            of_customer: Vec::new(),
        };
        let Some((connection, status)) = shop else { return ignored(None, "This shop is not connected.") };
        let named = match &arrival.event.about {
            About::Uninstalled { domain } | About::Shop { domain } | About::RedactShop { domain } => Some(domain),
            About::DataRequest(person) | About::RedactCustomer(person) => Some(&person.domain),
            _ => None,
        };
        // The body is signed, the header is not.
        if named.is_some_and(|domain| *domain != arrival.shop_domain) {
            return ignored(None, "The header and the body name different shops.");
        }
        let obeyed =
            matches!(arrival.event.about, About::DataRequest(_) | About::RedactCustomer(_) | About::RedactShop { .. });
        if status == Status::Disconnected && !obeyed {
            return ignored(Some(connection), "This shop is disconnected.");
        }
        let outcome = Outcome::Accepted;
        Self { arrival, connection: Some(connection), repeats, outcome, detail: "", of_customer: Vec::new() }
    }

    fn ignore(&mut self, detail: &'static str) {
        (self.outcome, self.detail) = (Outcome::Ignored, detail);
    }

    /// What is told of a customer is seen through the newest of their orders.
    async fn find_customers(&mut self, txn: &DatabaseTransaction) -> Result<(), Failure> {
        let (Some(connection), Outcome::Accepted) = (self.connection, self.outcome) else { return Ok(()) };
        let customers = match &self.arrival.event.about {
            About::Customer { id } => vec![*id],
            About::CustomersMerged { kept, deleted } => vec![*kept, *deleted],
            _ => return Ok(()),
        };
        self.of_customer = order::newest_of_customers(txn, connection, &customers).await?;
        if self.of_customer.is_empty() && customers.len() == 1 {
            self.ignore("No order of this customer is known.");
        }
        Ok(())
    }

    /// Marks whatever the delivery concerns beside its order. `known` is what was known of the orders before.
    async fn follow(
        &mut self,
        txn: &DatabaseTransaction,
        keyring: &Keyring,
        known: &HashMap<(ConnectionId, i64), Option<DateTime<Utc>>>,
        now: DateTime<Utc>,
    ) -> Result<(), Failure> {
        let Some(connection) = self.connection else { return Ok(()) };
        let event = &self.arrival.event;
        let soon = |kind| schedule::hasten(txn, [connection], kind, now);
        match &event.about {
            About::Order | About::OrderDeleted | About::Transaction(_) | About::Refund => {
                let before = event.order.and_then(|number| known.get(&(connection, number)).copied().flatten());
                if let (Some(told), Some(before)) = (event.updated_at, before)
                    && told < before
                    && event.about == About::Order
                {
                    self.outcome = Outcome::OutOfOrder;
                    self.detail = "A newer state of this order is known: nothing follows from this one.";
                }
            }
            About::Customer { .. } => {}
            About::CustomersMerged { kept, deleted } => {
                customer_key::merge(txn, connection, *deleted, *kept).await?;
            }
            // What these say is looked at: an old one that comes late must not stop a shop that was installed again.
            About::Uninstalled { .. } | About::Scopes | About::Shop { .. } => {
                soon(Kind::Check).await?;
                if !matches!(event.about, About::Shop { .. }) {
                    soon(Kind::Webhooks).await?;
                }
            }
            About::BulkFinished { id } => {
                if !pull::operation_ended(txn, connection, &id.0, now).await? {
                    self.ignore("No pull waits for this operation.");
                }
            }
            About::DataRequest(person) => {
                privacy::ask(txn, keyring, connection, privacy_request::Kind::CustomerData, Some(person), now).await?;
            }
            About::RedactCustomer(person) => {
                privacy::ask(txn, keyring, connection, privacy_request::Kind::CustomerRedact, Some(person), now)
                    .await?;
            }
            About::RedactShop { .. } => {
                privacy::ask(txn, keyring, connection, privacy_request::Kind::ShopRedact, None, now).await?;
            }
            About::Other => {
                self.ignore("Nothing here follows from this topic.");
            }
        }
        Ok(())
    }

    fn row(&self, now: DateTime<Utc>) -> ActiveModel {
        let Arrival { shop_domain, topic, webhook_id, event_id, api_version, triggered_at, headers, body_bytes, event } =
            self.arrival.clone();
        ActiveModel {
            platform: Set(Platform::Shopify),
            connection_id: Set(self.connection),
            shop_domain: Set(shop_domain),
            resource: Set(resource(&event)),
            topic: Set(topic),
            webhook_id: Set(webhook_id),
            event_id: Set(event_id),
            api_version: Set(api_version),
            shopify_order_id: Set(event.order),
            version: Set(event.updated_at),
            triggered_at: Set(triggered_at),
            received_at: Set(now),
            outcome: Set(self.outcome),
            detail: Set(self.detail.to_owned()),
            repeats: Set(self.repeats),
            headers: Set(headers),
            body_bytes: Set(i32::try_from(body_bytes).unwrap_or(i32::MAX)),
            ..blank()
        }
    }
}

/// What the event is about. Requests about people name nobody here.
fn resource(event: &Event) -> Option<String> {
    match (&event.about, event.order) {
        (About::Transaction(transaction), _) => Some(format!("OrderTransaction/{}", transaction.id)),
        (About::Customer { id }, _) => Some(format!("Customer/{id}")),
        (About::CustomersMerged { kept, .. }, _) => Some(format!("Customer/{kept}")),
        (About::BulkFinished { id }, _) => Some(id.0.trim_start_matches("gid://shopify/").to_owned()),
        (_, Some(order)) => Some(format!("Order/{order}")),
        _ => None,
    }
}

/// Keeps the transactions that were told of, so that money is seen before its order can be read.
async fn told<'a, 'b: 'a>(
    txn: &DatabaseTransaction,
    fresh: impl Iterator<Item = &'a Fresh<'b>>,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let mut rows: BTreeMap<(ConnectionId, i64), told_transaction::ActiveModel> = BTreeMap::new();
    for one in fresh.filter(|one| one.outcome == Outcome::Accepted) {
        let Event { order: Some(order), about: About::Transaction(transaction), .. } = &one.arrival.event else {
            continue;
        };
        let Some(connection) = one.connection.filter(|_| !transaction.test) else { continue };
        let Transaction { id, kind, status, gateway, amount, currency, processed_at, .. } = transaction.clone();
        let row = told_transaction::ActiveModel {
            id: NotSet,
            connection_id: Set(connection),
            shopify_order_id: Set(*order),
            shopify_transaction_id: Set(id),
            kind: Set(kind),
            status: Set(status),
            gateway: Set(gateway.unwrap_or_default()),
            amount: Set(amount.to_string()),
            currency: Set(currency),
            processed_at: Set(processed_at),
            told_at: Set(now),
        };
        rows.insert((connection, id), row);
    }
    if rows.is_empty() {
        return Ok(());
    }
    use told_transaction::Column;
    let newer = OnConflict::columns([Column::ConnectionId, Column::ShopifyTransactionId])
        .update_columns([Column::Status, Column::Amount, Column::Currency, Column::ProcessedAt, Column::ToldAt])
        .to_owned();
    told_transaction::Entity::insert_many(rows.into_values()).on_conflict(newer).exec_without_returning(txn).await?;
    Ok(())
}
