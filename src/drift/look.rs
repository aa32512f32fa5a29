//! One look: a hundred documents at a time are asked for, compared, and let go of.

use std::collections::BTreeMap;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use entity::{
    ids::{ConnectionId, LinkId},
    platform_grant::Platform,
    resource_link::{Kind, Model, State},
};
use serde_json::Value;
use tracing::warn;

use super::{
    Error, told,
    view::{self, ERASED, counted},
};
use crate::{
    app::App,
    connection as connections, customer_key,
    freshbooks::{self, Books},
    grant::{self, Used},
    link::{
        self, Facts, Remembered,
        seen::{self, Seen, View},
    },
};

/// Documents that one list call shows.
const TOGETHER: u64 = 100;
/// What is due this soon is looked at along with what is due now.
const SOON: TimeDelta = TimeDelta::minutes(5);
/// How long rows are held: longer than anything that is told meanwhile asks to wait.
const HELD: TimeDelta = TimeDelta::minutes(10);
/// When what could not be looked at is looked at again.
const AGAIN: TimeDelta = TimeDelta::minutes(1);

const KINDS: [Kind; 4] = [Kind::Client, Kind::Invoice, Kind::Payment, Kind::CreditNote];

/// Looks at everything that is due. Returns how many documents those were.
pub(super) async fn look(app: &App, id: ConnectionId, used: &Used) -> Result<usize, Error> {
    let began = app.clock.now();
    if link::next_look(app.db.read(), id).await?.is_none_or(|first| first > began) {
        return Ok(0);
    }
    let connection = connections::load(app.db.read(), id).await?;
    let (until, mut looked, mut books) = (began + SOON, 0, None);
    for kind in KINDS {
        let mut after = LinkId(0);
        while !app.stop.is_cancelled() {
            let now = app.clock.now();
            // Rows are told by this time: as both databases keep it.
            let held = (now + HELD).trunc_subsecs(0);
            let rows = link::take(app.db.write(), id, kind, after, until, held, TOGETHER).await?;
            let Some(last) = rows.last() else { break };
            after = last.id;
            match ask(app, &connection, used, &mut books, kind, &rows, now).await {
                Ok(found) => keep(app, &rows, &found, held).await?,
                Err(error) => {
                    let (all, again): (Vec<LinkId>, _) = (rows.iter().map(|row| row.id).collect(), now + wait(&error));
                    link::let_go(app.db.write(), &all, held, Some(again)).await?;
                    link::put_off(app.db.write(), id, until, again).await?;
                    return Err(error);
                }
            }
            looked += rows.len();
        }
    }
    Ok(looked)
}

/// These documents as FreshBooks has them, but for those that are being written.
async fn ask(
    app: &App,
    connection: &entity::connection::Model,
    used: &Used,
    books: &mut Option<Books>,
    kind: Kind,
    rows: &[Model],
    now: DateTime<Utc>,
) -> Result<BTreeMap<i64, Value>, Error> {
    let ids: Vec<i64> = rows.iter().filter(|row| !is_written(row, now)).filter_map(|row| row.freshbooks_id).collect();
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let books = match books {
        Some(books) => books,
        None => {
            let token = used.token(app, connection.id, Platform::Freshbooks).await?;
            books.insert(app.freshbooks.account(connection.account_id.as_deref().unwrap_or_default(), token))
        }
    };
    Ok(books.documents(view::documents(kind), &ids).await?)
}

/// Whether the document's last write is under way or in doubt: whoever writes it reads it.
fn is_written(row: &Model, now: DateTime<Utc>) -> bool {
    matches!(row.state, State::Intended | State::Adopting) || row.leased_until.is_some_and(|until| until > now)
}

fn wait(error: &Error) -> TimeDelta {
    let named = match error {
        Error::Books(freshbooks::Error::Throttled { wait }) => *wait,
        Error::Grant(grant::Error::NotYet { wait }) => Some(*wait),
        // At once, with a newer token; without one the connection has stopped.
        Error::Books(freshbooks::Error::Unauthorized) => return TimeDelta::zero(),
        _ => None,
    };
    named.and_then(|wait| TimeDelta::from_std(wait).ok()).unwrap_or(AGAIN).max(TimeDelta::seconds(1))
}

/// A document in which something is to be remembered.
struct Change<'a> {
    row: &'a Model,
    before: Seen,
    after: Seen,
    drift: Vec<String>,
    facts: Facts,
}

/// Compares what was found with what is remembered, and keeps the difference.
async fn keep(app: &App, rows: &[Model], found: &BTreeMap<i64, Value>, held: DateTime<Utc>) -> Result<(), Error> {
    let now = app.clock.now();
    let keys =
        customer_key::list(app.db.read(), &app.keyring, rows.iter().filter_map(|row| row.customer_key_id)).await?;
    let (mut done, mut later, mut changes) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        // A customer's key that was destroyed took with it what was remembered.
        let key = row.customer_key_id.and_then(|id| Some((id, keys.get(&id)?)));
        let (Some(id), Some((key_id, key))) = (row.freshbooks_id, key) else {
            done.push(row.id);
            continue;
        };
        if is_written(row, now) {
            later.push(row.id);
            continue;
        }
        let shown = match found.get(&id) {
            Some(document) => view::view(row.kind, document),
            None => View::from([("vis_state".to_owned(), ERASED.to_owned())]),
        };
        let before = match seen::open(row, key) {
            Ok(Some(before)) => before,
            Ok(None) => Seen::new(expected(row, &shown)),
            // One that was tampered with: the others are looked at all the same.
            Err(e) => {
                warn!(link.id = %row.id, error = &e as &dyn std::error::Error, "what link {} remembers does not open", row.id);
                done.push(row.id);
                continue;
            }
        };
        let shown = if found.contains_key(&id) { shown } else { erased(before.now()) };
        let mut facts = link::facts(row);
        if row.kind != Kind::Client && row.state == State::Confirmed {
            facts.total = counted(&shown).or(facts.total);
        }
        let (after, drift) = before.clone().looked(shown);
        let same = row.seen.is_some() && after == before && drift == seen::drift(row) && facts == link::facts(row);
        if same {
            done.push(row.id);
        } else {
            changes.push((Change { row, before, after, drift, facts }, (key_id, key)));
        }
    }
    let txn = app.db.begin_write().await?;
    // Keys before links: as whoever erases a customer locks them.
    let live = customer_key::hold_all(&txn, changes.iter().map(|(_, (key, _))| *key)).await?;
    let mut entries = Vec::new();
    for (change, (key_id, key)) in &changes {
        let Change { row, before, after, drift, facts } = change;
        let remembered = Remembered { seen: after, drift, facts };
        if live.contains(key_id) && link::remember_seen(&txn, row, key, remembered, now).await? {
            done.push(row.id);
            let told = told::entries(&txn, row, before, after, drift).await?;
            entries.extend(told.into_iter().map(|entry| (entry, Some((*key_id, *key)))));
        } else {
            later.push(row.id);
        }
    }
    link::let_go(&txn, &done, held, None).await?;
    link::let_go(&txn, &later, held, Some(now + AGAIN)).await?;
    told::append(&txn, entries, now).await?;
    txn.commit().await?;
    Ok(())
}

/// A document that FreshBooks does not know any more: all else is as it was.
fn erased(before: &View) -> View {
    let mut shown = before.clone();
    shown.insert("vis_state".to_owned(), ERASED.to_owned());
    shown
}

/// What a document written before anything was remembered should look like: as it is, but for what was remembered of it otherwise.
fn expected(row: &Model, shown: &View) -> View {
    let (facts, mut expected) = (link::facts(row), shown.clone());
    let state = if row.state == State::Removed { view::DELETED } else { view::ACTIVE };
    expected.insert("vis_state".to_owned(), state.to_owned());
    if let Some(total) = facts.total.filter(|_| row.kind != Kind::Client && row.state == State::Confirmed) {
        let amount = crate::mapping::cents_text(total);
        let code = shown.get("amount").and_then(|amount| amount.split_once(' ')).map(|(_, code)| code);
        let amount = code.map_or_else(|| amount.clone(), |code| format!("{amount} {code}"));
        expected.insert("amount".to_owned(), amount);
    }
    let dated = if row.kind == Kind::Payment { "date" } else { "create_date" };
    for (field, value) in [
        (dated, facts.dated.map(|day| day.to_string())),
        ("customerid", facts.client.map(|client| client.to_string())),
        ("invoice_number", facts.number.filter(|_| row.kind == Kind::Invoice)),
    ] {
        if let (Some(value), true) = (value, shown.contains_key(field)) {
            expected.insert(field.to_owned(), value);
        }
    }
    expected
}
