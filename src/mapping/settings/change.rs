//! What is to become of settings: some are set, some return to their default, the rest stays.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::{Decimal, prelude::ToPrimitive};

use super::{
    Basis, Cancelled, Discounts, Drift, Filters, InvoiceWhen, Issue, LateChanges, MarketplaceTax, Matching, Refunds,
    Settings, check::Wrong,
};

/// What one setting becomes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum To<T> {
    /// It stays as it is.
    #[default]
    Same,
    /// It returns to its default.
    Default,
    /// It becomes this.
    Value(T),
}

impl<T> To<T> {
    fn of<S: From<T>>(self, before: S, default: S) -> S {
        match self {
            Self::Same => before,
            Self::Default => default,
            Self::Value(value) => value.into(),
        }
    }

    fn map<S>(self, with: impl FnOnce(T) -> S) -> To<S> {
        match self {
            Self::Same => To::Same,
            Self::Default => To::Default,
            Self::Value(value) => To::Value(with(value)),
        }
    }
}

/// What the settings become, each as [`Settings`] names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the settings")]
pub struct Change {
    pub filters: To<FiltersChange>,
    pub start_date: To<NaiveDate>,
    pub invoice_when: To<InvoiceWhen>,
    pub issue: To<Issue>,
    pub invoice_number: To<String>,
    pub currency: To<Basis>,
    pub discounts: To<Discounts>,
    pub marketplace_tax: To<MarketplaceTax>,
    /// In whole units of the currency, not in hundredths.
    pub rounding_cap: To<Decimal>,
    pub cancelled: To<Cancelled>,
    pub refunds: To<Refunds>,
    /// Gateway and type, in place of the whole list.
    pub payment_types: To<Vec<(String, String)>>,
    pub matching: To<Matching>,
    pub generic_client: To<String>,
    pub locked_through: To<NaiveDate>,
    pub late_changes: To<LateChanges>,
    pub drift: To<Drift>,
}

/// What the filters become, each as [`Filters`] names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the filters")]
pub struct FiltersChange {
    pub financial_statuses: To<Vec<String>>,
    pub sources: To<Vec<String>>,
    pub excluded_sources: To<Vec<String>>,
    pub tags: To<Vec<String>>,
    pub excluded_tags: To<Vec<String>>,
    pub test_orders: To<bool>,
}

impl Change {
    /// The settings with this change made. Blanks around texts go; whether the result can be meant is [`super::check`]'s business.
    pub fn apply(self, before: &Settings) -> Settings {
        let (before, default) = (before.clone(), Settings::default());
        let trimmed = |text: String| text.trim().to_owned();
        let types = |list: Vec<(String, String)>| -> BTreeMap<String, String> {
            list.into_iter().map(|(gateway, kind)| (trimmed(gateway), trimmed(kind))).collect()
        };
        Settings {
            filters: match self.filters {
                To::Same => before.filters,
                To::Default => default.filters,
                To::Value(change) => change.apply(before.filters),
            },
            start_date: self.start_date.of(before.start_date, default.start_date),
            invoice_when: self.invoice_when.of(before.invoice_when, default.invoice_when),
            issue: self.issue.of(before.issue, default.issue),
            invoice_number: self.invoice_number.map(trimmed).of(before.invoice_number, default.invoice_number),
            currency: self.currency.of(before.currency, default.currency),
            discounts: self.discounts.of(before.discounts, default.discounts),
            marketplace_tax: self.marketplace_tax.of(before.marketplace_tax, default.marketplace_tax),
            rounding_cap: self.rounding_cap.map(hundredths).of(before.rounding_cap, default.rounding_cap),
            cancelled: self.cancelled.of(before.cancelled, default.cancelled),
            refunds: self.refunds.of(before.refunds, default.refunds),
            payment_types: self.payment_types.map(types).of(before.payment_types, default.payment_types),
            matching: self.matching.of(before.matching, default.matching),
            generic_client: self.generic_client.map(trimmed).of(before.generic_client, default.generic_client),
            locked_through: self.locked_through.of(before.locked_through, default.locked_through),
            late_changes: self.late_changes.of(before.late_changes, default.late_changes),
            drift: self.drift.of(before.drift, default.drift),
        }
    }

    /// What is wrong with the change and would not show any more once it is made.
    pub fn wrong(&self) -> Vec<Wrong> {
        let mut wrong = Vec::new();
        if let To::Value(cap) = &self.rounding_cap
            && cap.normalize().scale() > 2
        {
            wrong.push(Wrong::invalid("roundingCap", "It has more than two decimals."));
        }
        if let To::Value(list) = &self.payment_types {
            let gateways: Vec<&str> = list.iter().map(|(gateway, _)| gateway.trim()).collect();
            let twice = gateways.iter().enumerate().find(|(index, gateway)| gateways[..*index].contains(gateway));
            wrong.extend(twice.map(|(_, gateway)| Wrong::twice(gateway)));
        }
        wrong
    }
}

impl FiltersChange {
    fn apply(self, before: Filters) -> Filters {
        let default = Filters::default();
        let statuses = self.financial_statuses.map(|list| list.iter().map(|status| status.to_uppercase()).collect());
        Filters {
            financial_statuses: statuses.map(tidy).of(before.financial_statuses, default.financial_statuses),
            sources: self.sources.map(tidy).of(before.sources, default.sources),
            excluded_sources: self.excluded_sources.map(tidy).of(before.excluded_sources, default.excluded_sources),
            tags: self.tags.map(tidy).of(before.tags, default.tags),
            excluded_tags: self.excluded_tags.map(tidy).of(before.excluded_tags, default.excluded_tags),
            test_orders: self.test_orders.of(before.test_orders, default.test_orders),
        }
    }
}

/// Without blanks around them, each once.
fn tidy(list: Vec<String>) -> Vec<String> {
    let mut tidy: Vec<String> = Vec::new();
    for text in list {
        let text = text.trim();
        if !tidy.iter().any(|known| known == text) {
            tidy.push(text.to_owned());
        }
    }
    tidy
}

/// What does not fit is far beyond what may be, and stays so.
fn hundredths(amount: Decimal) -> i64 {
    let beyond = if amount.is_sign_negative() { i64::MIN } else { i64::MAX };
    amount.checked_mul(Decimal::ONE_HUNDRED).and_then(|scaled| scaled.to_i64()).unwrap_or(beyond)
}
