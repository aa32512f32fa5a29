//! Which orders a list shows, and in which order.

use async_graphql::{Enum, InputObject};
use chrono::{DateTime, Utc};
use entity::{
    resource_link as link,
    synced_order::{Column, Entity, Model, State},
};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, ExprTrait, QueryFilter, QuerySelect, QueryTrait,
    sea_query::{Expr, LikeExpr, SimpleExpr},
};

use super::{
    super::{
        error::{Fault, Result},
        page::Sort,
        scalar::Instant,
    },
    OrderState,
};

/// Which orders. Everything that is given must hold.
#[derive(Debug, Default, InputObject)]
pub(in super::super) struct OrderFilter {
    /// Standing at one of these places.
    states: Option<Vec<OrderState>>,
    /// With this financial status, as Shopify names it, such as `PARTIALLY_REFUNDED`.
    financial_status: Option<String>,
    /// With exactly this name, such as `#1001`; the # may be left out.
    name: Option<String>,
    /// With a name that begins so, such as `#10`.
    name_prefix: Option<String>,
    /// Placed at this instant or later.
    processed_from: Option<Instant>,
    /// Placed before this instant.
    processed_to: Option<Instant>,
    /// Last changed in Shopify at this instant or later.
    updated_from: Option<Instant>,
    /// Last changed in Shopify before this instant.
    updated_to: Option<Instant>,
    /// With a problem of this name, such as `OVERPAID`.
    has_problem_code: Option<String>,
    /// True: whose three totals disagree. False: whose three totals agree. Either leaves out orders without a proof.
    differs: Option<bool>,
    /// True: of which, or of whose customer, something was changed in FreshBooks that nobody has decided about. False: of which nothing was.
    /// A client of several guests or contacts is listed with the orders of whoever wrote it last; `drift` shows it at each.
    has_drift: Option<bool>,
}

impl OrderFilter {
    pub(super) fn condition(&self, now: DateTime<Utc>) -> Result<Condition> {
        let mut all = Condition::all();
        if let Some(states) = &self.states {
            all = all.add(in_states(states, now));
        }
        if let Some(status) = &self.financial_status {
            all = all.add(Column::FinancialStatus.eq(status.trim().to_ascii_uppercase()));
        }
        if let Some(name) = self.name.as_deref().map(str::trim) {
            all = all.add(Column::Name.is_in([name.to_owned(), format!("#{name}")]));
        }
        if let Some(prefix) = &self.name_prefix {
            all = all.add(like(Column::Name, format!("{}%", escaped(prefix.trim()))));
        }
        for (from, column) in
            [(self.processed_from, Column::ProcessedAt), (self.updated_from, Column::ShopifyUpdatedAt)]
        {
            all = all.add_option(from.map(|from| column.gte(from.0)));
        }
        for (to, column) in [(self.processed_to, Column::ProcessedAt), (self.updated_to, Column::ShopifyUpdatedAt)] {
            all = all.add_option(to.map(|to| column.lt(to.0)));
        }
        if let Some(code) = &self.has_problem_code {
            if code.is_empty() || !code.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                return Err(Fault::BadInput("`hasProblemCode` is a name such as OVERPAID.".to_owned()));
            }
            // The code is a field of the stored JSON: inside its other texts a quotation mark would be escaped.
            let field = format!("%\"code\":\"{}\"%", escaped(&code.to_ascii_uppercase()));
            all = all.add(like(Column::LastError, field));
        }
        if let Some(differs) = self.differs {
            let column = |column: Column| Expr::col((Entity, column));
            let agrees = column(Column::ProofReturnedMinor)
                .eq(column(Column::ProofShopifyMinor))
                .and(column(Column::ProofReturnedMinor).eq(column(Column::ProofPredictedMinor)));
            all = all.add(Column::ProofReturnedMinor.is_not_null());
            all = all.add(if differs { agrees.not() } else { agrees });
        }
        if let Some(drifted) = self.has_drift {
            all = all.add(if drifted { has_drift() } else { has_drift().not() });
        }
        Ok(all)
    }
}

/// Something was changed in FreshBooks of the order's own documents, or of a client under its customer's key.
fn has_drift() -> Condition {
    let of = |column: link::Column| {
        let drifted = link::Entity::find().select_only().column(column).filter(link::Column::Drift.is_not_null());
        drifted.filter(column.is_not_null())
    };
    let own = of(link::Column::OrderId);
    let clients = of(link::Column::CustomerKeyId).filter(link::Column::Kind.eq(link::Kind::Client));
    let key = Column::CustomerKeyId.is_not_null().and(Column::CustomerKeyId.in_subquery(clients.into_query()));
    Condition::any().add(Column::Id.in_subquery(own.into_query())).add(key)
}

fn in_states(states: &[OrderState], now: DateTime<Utc>) -> Condition {
    let leased = Column::LeasedUntil.gt(now).and(Column::State.ne(State::Dismissed));
    let at_rest = Column::LeasedUntil.is_null().or(Column::LeasedUntil.lte(now)).or(Column::State.eq(State::Dismissed));
    let mut any = Condition::any();
    if states.contains(&OrderState::Syncing) {
        any = any.add(leased);
    }
    let stored: Vec<_> = states.iter().filter_map(|state| state.stored()).collect();
    any.add(Condition::all().add(Column::State.is_in(stored)).add(at_rest))
}

fn like(column: Column, pattern: String) -> SimpleExpr {
    Expr::col((Entity, column)).like(LikeExpr::new(pattern).escape('\\'))
}

fn escaped(text: &str) -> String {
    text.chars().flat_map(|c| matches!(c, '%' | '_' | '\\').then_some('\\').into_iter().chain([c])).collect()
}

/// In which order orders come. Those not read from Shopify yet count as the newest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum)]
pub(in super::super) enum OrderOrder {
    /// Placed last comes first.
    #[default]
    ProcessedAtDesc,
    /// Placed first comes first.
    ProcessedAtAsc,
    /// Changed last in Shopify comes first.
    UpdatedAtDesc,
}

impl OrderOrder {
    pub(super) fn sort(self) -> Sort<Entity> {
        let (order, at, latest_first) = match self {
            Self::ProcessedAtDesc => ('p', Column::ProcessedAt, true),
            Self::ProcessedAtAsc => ('q', Column::ProcessedAt, false),
            Self::UpdatedAtDesc => ('u', Column::ShopifyUpdatedAt, true),
        };
        Sort { order, at: Some(at), id: Column::Id, latest_first }
    }

    /// The instant that the row is ordered by.
    pub(super) fn at(self, row: &Model) -> Option<DateTime<Utc>> {
        match self {
            Self::ProcessedAtDesc | Self::ProcessedAtAsc => row.processed_at,
            Self::UpdatedAtDesc => row.shopify_updated_at,
        }
    }
}
