//! Whether settings can be meant: everything that is wrong with them, each with the field that is to blame.

use chrono::NaiveDate;

use super::Settings;
use crate::mapping::invoice::NUMBER_LENGTH;

/// The fewest digits that an invoice number must leave to the order number: shops count from 1001.
const FEWEST_DIGITS: usize = 4;
/// The largest rounding cap, in hundredths: more is no rounding.
const LARGEST_CAP: i64 = 5_00;
/// Characters of the longest name that FreshBooks and Shopify take.
const NAME_LENGTH: usize = 255;
/// Entries of the longest list.
const LIST_LENGTH: usize = 100;

/// FreshBooks' payment types that all of its own libraries spell alike. `Credit` is not among them: it draws on a client's credits.
pub const PAYMENT_TYPES: [&str; 10] =
    ["Check", "Credit Card", "Cash", "Bank Transfer", "Debit", "PayPal", "AMEX", "JCB", "2Checkout", "Other"];

/// Shopify's `OrderDisplayFinancialStatus`.
const FINANCIAL_STATUSES: [&str; 8] =
    ["AUTHORIZED", "EXPIRED", "PAID", "PARTIALLY_PAID", "PARTIALLY_REFUNDED", "PENDING", "REFUNDED", "VOIDED"];

/// What settings must agree with beside themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The day where the shop is.
    pub today: NaiveDate,
    /// The largest order number of the shop, where one is known.
    pub largest_number: Option<i64>,
    /// The other connections to the same FreshBooks account.
    pub neighbours: Vec<Neighbour>,
}

/// Another connection to the same FreshBooks account: its invoice numbers are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// Its row's number.
    pub connection: i64,
    /// What people call it.
    pub name: String,
    /// Its setting *invoiceNumber*.
    pub invoice_number: String,
}

/// Something that a person must mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The setting, such as `filters.tags`.
    pub field: &'static str,
    /// What is wrong with it.
    pub reason: Reason,
}

/// What is wrong with a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It must not be empty.
    Empty,
    /// It cannot be meant; one sentence.
    Invalid(String),
    /// Another connection's invoices may have the same numbers.
    Taken {
        /// Its row's number.
        connection: i64,
        /// What people call it.
        name: String,
    },
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => f.write_str("It must not be empty."),
            Self::Invalid(sentence) => f.write_str(sentence),
            Self::Taken { name, .. } => write!(
                f,
                "The connection `{name}` writes invoices with such numbers to the same FreshBooks account: choose another prefix."
            ),
        }
    }
}

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.field, self.reason)
    }
}

impl Wrong {
    pub(super) fn invalid(field: &'static str, sentence: impl Into<String>) -> Self {
        Self { field, reason: Reason::Invalid(sentence.into()) }
    }

    pub(super) fn twice(gateway: &str) -> Self {
        Self::invalid("paymentTypes", format!("The gateway `{gateway}` is named twice."))
    }
}

/// Everything that is wrong with `settings`; nothing where they can be meant.
pub fn check(settings: &Settings, bounds: &Bounds) -> Vec<Wrong> {
    let mut wrong = filters(settings);
    if settings.start_date.is_some_and(|day| day < earliest()) {
        wrong.push(Wrong::invalid("startDate", format!("It is before {}.", earliest())));
    }
    wrong.extend(invoice_number(&settings.invoice_number, bounds));
    if settings.rounding_cap.is_some_and(|cap| !(0..=LARGEST_CAP).contains(&cap)) {
        wrong.push(Wrong::invalid("roundingCap", "It must be from 0.00 to 5.00: a larger difference is no rounding."));
    }
    wrong.extend(payment_types(settings));
    wrong.extend(text("genericClient", &settings.generic_client));
    if settings.locked_through.is_some_and(|day| day >= bounds.today) {
        let sentence = format!("It must be before today, {}: a day that is not over cannot be closed.", bounds.today);
        wrong.push(Wrong::invalid("lockedThrough", sentence));
    }
    wrong
}

/// Nobody's books of a shop begin before it.
fn earliest() -> NaiveDate {
    NaiveDate::from_ymd_opt(1990, 1, 1).unwrap_or_default()
}

fn filters(settings: &Settings) -> Vec<Wrong> {
    let filters = &settings.filters;
    let mut wrong = Vec::new();
    for (field, list) in [
        ("filters.financialStatuses", &filters.financial_statuses),
        ("filters.sources", &filters.sources),
        ("filters.excludedSources", &filters.excluded_sources),
        ("filters.tags", &filters.tags),
        ("filters.excludedTags", &filters.excluded_tags),
    ] {
        if list.len() > LIST_LENGTH {
            wrong.push(Wrong::invalid(field, format!("It has more than {LIST_LENGTH} entries.")));
        }
        wrong.extend(list.iter().find_map(|entry| text(field, entry)));
    }
    let unknown = filters.financial_statuses.iter().find(|status| !FINANCIAL_STATUSES.contains(&status.as_str()));
    if let Some(unknown) = unknown {
        let known = FINANCIAL_STATUSES.join(", ");
        let sentence = format!("`{unknown}` is none of Shopify's financial statuses: {known}.");
        wrong.push(Wrong::invalid("filters.financialStatuses", sentence));
    }
    for (field, named, excluded) in [
        ("filters.excludedSources", &filters.sources, &filters.excluded_sources),
        ("filters.excludedTags", &filters.tags, &filters.excluded_tags),
    ] {
        let both = excluded.iter().find(|entry| named.iter().any(|other| same(other, entry)));
        if let Some(both) = both {
            wrong.push(Wrong::invalid(field, format!("`{both}` is both asked for and excluded.")));
        }
    }
    wrong
}

fn invoice_number(template: &str, bounds: &Bounds) -> Vec<Wrong> {
    const FIELD: &str = "invoiceNumber";
    let Some((prefix, suffix)) = template.split_once("{number}").filter(|(_, rest)| !rest.contains("{number}")) else {
        return vec![Wrong::invalid(FIELD, "It must contain `{number}` exactly once.")];
    };
    let fixed = format!("{prefix}{suffix}");
    if let Some(odd) = fixed.chars().find(|c| !c.is_ascii_alphanumeric() && !"-_./#".contains(*c)) {
        let sentence =
            format!("`{odd}` does not belong into an invoice number: letters A to Z, digits and - _ . / # do.");
        return vec![Wrong::invalid(FIELD, sentence)];
    }
    let mut wrong = Vec::new();
    let digits = bounds.largest_number.map_or(0, |number| number.to_string().len()).max(FEWEST_DIGITS);
    if fixed.len() + digits > NUMBER_LENGTH {
        let sentence = format!(
            "With order numbers of {digits} digits it makes {} characters, and FreshBooks takes {NUMBER_LENGTH}: shorten it.",
            fixed.len() + digits
        );
        wrong.push(Wrong::invalid(FIELD, sentence));
    }
    let taken = bounds.neighbours.iter().find(|other| may_collide(template, &other.invoice_number));
    wrong.extend(taken.map(|other| Wrong {
        field: FIELD,
        reason: Reason::Taken { connection: other.connection, name: other.name.clone() },
    }));
    wrong
}

/// Whether two templates can give one and the same number: what sets them apart must not be digits, which a number may have as well.
fn may_collide(one: &str, other: &str) -> bool {
    let (one, other) = (one.to_ascii_lowercase(), other.to_ascii_lowercase());
    let (Some(one), Some(other)) = (one.split_once("{number}"), other.split_once("{number}")) else { return false };
    let digits = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_digit());
    // Order numbers do not begin with 0.
    let front =
        |long: &str, short: &str| long.strip_prefix(short).is_some_and(|rest| digits(rest) && !rest.starts_with('0'));
    let back = |long: &str, short: &str| long.strip_suffix(short).is_some_and(digits);
    (front(one.0, other.0) || front(other.0, one.0)) && (back(one.1, other.1) || back(other.1, one.1))
}

fn payment_types(settings: &Settings) -> Vec<Wrong> {
    const FIELD: &str = "paymentTypes";
    let mut wrong = Vec::new();
    if settings.payment_types.len() > LIST_LENGTH {
        wrong.push(Wrong::invalid(FIELD, format!("It has more than {LIST_LENGTH} entries.")));
    }
    let mut before: Option<&String> = None;
    let mut gateways: Vec<&String> = settings.payment_types.keys().collect();
    gateways.sort_by_key(|gateway| gateway.to_lowercase());
    for gateway in gateways {
        wrong.extend(text(FIELD, gateway));
        if before.is_some_and(|before| same(before, gateway)) {
            wrong.push(Wrong::twice(gateway));
        }
        before = Some(gateway);
    }
    for (gateway, kind) in &settings.payment_types {
        if !PAYMENT_TYPES.contains(&kind.as_str()) {
            let known = PAYMENT_TYPES.join(", ");
            let sentence = format!("`{kind}`, for `{gateway}`, is no payment type to choose: {known}.");
            wrong.push(Wrong::invalid(FIELD, sentence));
        }
    }
    wrong
}

/// A name that somebody typed.
fn text(field: &'static str, text: &str) -> Option<Wrong> {
    if text.trim().is_empty() {
        return Some(Wrong { field, reason: Reason::Empty });
    }
    if text.chars().count() > NAME_LENGTH {
        return Some(Wrong::invalid(field, format!("It has more than {NAME_LENGTH} characters.")));
    }
    text.chars().any(char::is_control).then(|| Wrong::invalid(field, "It has control characters."))
}

/// Shopify's tags and gateways do not know upper from lower case.
fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

#[cfg(test)]
mod tests;
