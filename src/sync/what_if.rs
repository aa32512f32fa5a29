//! Which of the last orders would become different documents under other settings. Nothing is written, nobody is called: what is stored of
//! each order is mapped twice, as if the books were empty, and the documents are compared.

use std::collections::BTreeMap;

use entity::ids::ConnectionId;
use serde::Serialize;

use super::{
    Error,
    diff::{diff, pairs},
};
use crate::{
    app::App,
    audit::FieldMapping,
    connection as connections,
    mapping::{
        self, Booked, Cents, Refusal, Subject, Wanted, client, payment,
        settings::{Change, Issue, Settings},
    },
    money::Currency,
    order::snapshot,
    problem::Problem,
    shopify::model::Order,
};

/// Orders held in memory at a time.
const PAGE: usize = 100;

/// What a change of settings would change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WhatIf {
    /// Orders looked at.
    pub orders: usize,
    /// Of these, refused under the present settings.
    pub refused_now: usize,
    /// Of these, refused under the others.
    pub refused_then: usize,
    /// Those that become something else, in the order in which they were looked at.
    pub differences: Vec<Difference>,
}

/// What changes for one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Shopify's number.
    pub shopify_order_id: i64,
    /// What people call it.
    pub name: String,
    /// Under the present settings.
    pub now: Side,
    /// Under the others.
    pub then: Side,
    /// Field by field, below the document's name, such as `invoice.lines[0]`. Empty where one side is refused.
    pub mappings: Vec<FieldMapping>,
}

/// What an order becomes under some settings: documents, or a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// What FreshBooks would make of the documents: the invoice less credit notes, in hundredths.
    pub total: Option<(Cents, Currency)>,
    /// Why there is none, or what a person has to do beside.
    pub problem: Option<Problem>,
}

/// Compares the last `limit` orders that are stored under the connection's settings and under these with `change` made.
///
/// # Errors
/// [`connections::Error::Wrong`] when the settings cannot be meant; when there is no such connection, or the database fails.
pub async fn what_if(app: &App, connection: ConnectionId, change: &Change, limit: u64) -> Result<WhatIf, Error> {
    let row = connections::load(app.db.read(), connection).await?;
    let (now, then) = connections::proposed(app.db.read(), app, &row, change).await?;
    let shop = connections::shop(&row)?;
    let wanted = |order: &Order, settings: &Settings| mapping::wanted(order, settings, &shop, &Booked::default());
    let mut answer = WhatIf::default();
    for page in snapshot::newest(app.db.read(), connection, limit).await?.chunks(PAGE) {
        for order in snapshot::list(app.db.read(), &app.keyring, page).await? {
            answer.add(&order, wanted(&order, &now), wanted(&order, &then));
        }
    }
    Ok(answer)
}

impl WhatIf {
    fn add(&mut self, order: &Order, now: Result<Wanted, Refusal>, then: Result<Wanted, Refusal>) {
        self.orders += 1;
        self.refused_now += usize::from(now.is_err());
        self.refused_then += usize::from(then.is_err());
        let mappings = match (&now, &then) {
            (Ok(now), Ok(then)) => documents(now, then),
            _ => Vec::new(),
        };
        let (now, then) = (Side::of(now), Side::of(then));
        if now != then || !mappings.is_empty() {
            let (shopify_order_id, name) = (order.number_of_id(), order.name.clone());
            self.differences.push(Difference { shopify_order_id, name, now, then, mappings });
        }
    }
}

impl Side {
    fn of(wanted: Result<Wanted, Refusal>) -> Self {
        let refused = |problem| Self { total: None, problem: Some(problem) };
        match wanted {
            Ok(Wanted { proof, currency, left_to_person, .. }) => {
                Self { total: Some((proof.predicted, currency)), problem: left_to_person }
            }
            Err(Refusal::Skipped(rule)) => refused(rule.problem()),
            Err(Refusal::Waiting(problem) | Refusal::Failed(problem)) => refused(problem),
        }
    }
}

/// Every field in which the documents differ.
fn documents(now: &Wanted, then: &Wanted) -> Vec<FieldMapping> {
    let mut rows = Vec::new();
    let somebody = [now, then].iter().any(|side| side.client.subject != Subject::Generic);
    let client = diff(Some(&now.client.draft), &then.client.draft, &pairs(&client::SOURCES), somebody);
    below("client", client, &mut rows);
    let invoice = diff(Some(&now.invoice.draft), &then.invoice.draft, &then.invoice.sources, false);
    below("invoice", invoice, &mut rows);
    let shown = |voided: bool| if voided { "deleted" } else { "active" };
    let ours = [
        ("status", stage(now.invoice.issue), stage(then.invoice.issue)),
        ("vis_state", shown(now.invoice.voided), shown(then.invoice.voided)),
    ];
    let ours =
        ours.into_iter().filter(|(_, before, after)| before != after).map(|(field, before, after)| FieldMapping {
            shopify_field: "-".to_owned(),
            freshbooks_field: field.to_owned(),
            before: Some(before.to_owned()),
            after: Some(after.to_owned()),
            personal: false,
        });
    below("invoice", ours.collect(), &mut rows);
    let sources = pairs(&payment::SOURCES);
    let payments = |side: &'_ Wanted| -> Drafts<_> {
        side.payments.iter().map(|payment| (payment.transaction, (payment.draft.clone(), sources.clone()))).collect()
    };
    one_by_one("payments", &payments(now), &payments(then), &mut rows);
    let credits = |side: &'_ Wanted| -> Drafts<_> {
        side.credits.iter().map(|credit| (credit.refund, (credit.draft.clone(), credit.sources.clone()))).collect()
    };
    one_by_one("credits", &credits(now), &credits(then), &mut rows);
    rows
}

/// As the trail names it when an invoice is issued.
fn stage(issue: Issue) -> &'static str {
    match issue {
        Issue::Draft => "draft",
        Issue::Sent => "sent",
        Issue::Email => "sent by e-mail",
    }
}

/// Drafts with where their fields come from, by Shopify's number.
type Drafts<D> = BTreeMap<i64, (D, Vec<(String, String)>)>;

/// Documents of which an order has several.
fn one_by_one<D: Serialize>(documents: &str, now: &Drafts<D>, then: &Drafts<D>, rows: &mut Vec<FieldMapping>) {
    for (number, (before, sources)) in now {
        let found = if let Some((after, sources)) = then.get(number) {
            diff(Some(before), after, sources, false)
        } else {
            let gone = diff(None, before, sources, false).into_iter();
            gone.map(|row| FieldMapping { before: row.after, after: None, ..row }).collect()
        };
        below(&format!("{documents}[{number}]"), found, rows);
    }
    for (number, (after, sources)) in then.iter().filter(|(number, _)| !now.contains_key(number)) {
        below(&format!("{documents}[{number}]"), diff(None, after, sources, false), rows);
    }
}

/// Names each field below its document.
fn below(document: &str, found: Vec<FieldMapping>, rows: &mut Vec<FieldMapping>) {
    rows.extend(found.into_iter().map(|row| {
        let freshbooks_field = format!("{document}.{}", row.freshbooks_field);
        FieldMapping { freshbooks_field, ..row }
    }));
}
