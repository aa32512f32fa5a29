//! What other settings would change.

use async_graphql::{Context, ID, Object, SimpleObject};
use entity::ids::ConnectionId;

use super::{
    audit::FieldMapping,
    auth::Asking,
    error::{Fault, Result},
    node::Numbered,
    problem::Problem,
    scalar::Money,
    settings::{ConnectionSettingsInput, sentences},
};
use crate::{
    connection as connections,
    sync::{self, Difference, Side},
};

/// Orders looked at where nobody says how many.
const DEFAULT: i32 = 100;
/// The most that are looked at.
const MOST: i32 = 1000;

/// Which of the last orders would become different documents under other settings.
#[derive(SimpleObject)]
pub(super) struct WhatIf {
    /// How many orders were looked at: fewer than asked for where fewer are stored.
    orders: i32,
    /// How many of them would become something else: as many as `differences` has.
    changed: i32,
    /// How many of them get no invoice under the present settings: left out by a rule, waiting, or failing.
    refused_now: i32,
    /// How many of them would get no invoice under the other settings.
    refused_then: i32,
    /// What would change, order by order; the order placed last comes first.
    differences: Vec<WhatIfDifference>,
}

/// What would change for one order. `before` is under the present settings, `after` under the others.
#[derive(SimpleObject)]
pub(super) struct WhatIfDifference {
    /// Shopify's number of the order.
    shopify_order_id: String,
    /// What people call the order, such as `#1001`.
    name: String,
    /// Field by field: where the value comes from, what it is, what it would be. Fields are named below their document: `client.fname`,
    /// `invoice.lines[0]`, `payments[123].type` and `credits[123].notes` with Shopify's number of the transaction and of the refund. Empty
    /// where one side gets no invoice.
    field_mappings: Vec<FieldMapping>,
    /// What the invoice, less credit notes, adds up to under the present settings; null where there is none.
    total_before: Option<Money>,
    /// What the invoice, less credit notes, would add up to under the other settings; null where there would be none.
    total_after: Option<Money>,
    /// Why it gets no invoice under the present settings, or what a person has to do beside; null where all is well.
    problem_before: Option<Problem>,
    /// Why it would get no invoice under the other settings, or what a person would have to do beside; null where all would be well.
    problem_after: Option<Problem>,
}

/// What is asked about other settings.
#[derive(Default)]
pub(super) struct WhatIfQuery;

/// What is asked about other settings.
#[Object]
impl WhatIfQuery {
    /// Which of the last orders would become different documents under other settings. The orders are taken as they were last read, placed
    /// last first, and mapped as if FreshBooks were empty; nothing is written and no platform is called. Documents that are in the books
    /// stay as they are when settings change, until their order changes or is resynced.
    #[graphql(complexity = "cost(last_orders) * child_complexity + 1")]
    async fn what_if(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose orders.")] connection_id: ID,
        #[graphql(desc = "What the settings would become, as `updateConnectionSettings` takes it.")]
        settings: ConnectionSettingsInput,
        #[graphql(desc = "How many orders to look at, 1000 at most.", default = 100)] last_orders: Option<i32>,
    ) -> Result<WhatIf> {
        let connection = ConnectionId::read(&connection_id)?;
        if !ctx.sees(Some(connection)) {
            return Err(Fault::NotFound("There is no such connection.".to_owned()));
        }
        let limit = last_orders.unwrap_or(DEFAULT);
        if !(1..=MOST).contains(&limit) {
            return Err(Fault::BadInput(format!("`lastOrders` must be from 1 to {MOST}.")));
        }
        let change = settings.into();
        let found = sync::what_if(ctx.app(), connection, &change, u64::try_from(limit).unwrap_or(0)).await;
        let found = found.map_err(|error| match error {
            sync::Error::Connection(connections::Error::Wrong(wrong)) => {
                Fault::BadInput(sentences(&wrong, |id| ctx.sees(Some(id))))
            }
            other => other.into(),
        })?;
        let count = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
        let people = ctx.sees_people(connection);
        Ok(WhatIf {
            orders: count(found.orders),
            changed: count(found.differences.len()),
            refused_now: count(found.refused_now),
            refused_then: count(found.refused_then),
            differences: found.differences.into_iter().map(|difference| shown(difference, people)).collect(),
        })
    }
}

/// Half of what a list of as many rows costs: most orders stay what they are, and are not shown.
fn cost(last_orders: Option<i32>) -> usize {
    usize::try_from(last_orders.unwrap_or(DEFAULT).clamp(1, MOST)).unwrap_or(1).div_ceil(2)
}

fn shown(difference: Difference, people: bool) -> WhatIfDifference {
    let Difference { shopify_order_id, name, now, then, mappings } = difference;
    let total = |side: &Side| side.total.and_then(|(cents, currency)| Money::hundredths(cents, currency.code()));
    WhatIfDifference {
        shopify_order_id: shopify_order_id.to_string(),
        name,
        field_mappings: mappings.into_iter().map(|mapping| FieldMapping::shown(mapping, people)).collect(),
        total_before: total(&now),
        total_after: total(&then),
        problem_before: now.problem.map(Problem::from),
        problem_after: then.problem.map(Problem::from),
    }
}
