//! Money, percentages and times as the platform writes them.

use chrono::{DateTime, NaiveDate, TimeZone, Utc};
use chrono_tz::{America::New_York, Tz};
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// `{"amount": "12.30", "code": "CAD"}`.
pub(super) fn money(amount: Decimal, currency: &str) -> Value {
    json!({"amount": format!("{amount:.2}"), "code": currency})
}

/// Text without trailing zeros.
pub(super) fn percent(percent: Decimal) -> Value {
    Value::from(percent.normalize().to_string())
}

/// The wall clock of the platform's accounting family, wherever the business is.
pub(super) fn eastern(at: DateTime<Utc>) -> DateTime<Tz> {
    New_York.from_utc_datetime(&at.naive_utc())
}

/// Eastern wall time without a zone.
pub(super) fn stamp(at: DateTime<Utc>) -> String {
    eastern(at).format("%Y-%m-%d %H:%M:%S").to_string()
}

/// The same with microseconds.
pub(super) fn fine_stamp(at: DateTime<Utc>) -> String {
    eastern(at).format("%Y-%m-%d %H:%M:%S%.6f").to_string()
}

/// UTC wall time without a zone: only a client's sign-up date looks like this.
pub(super) fn utc_stamp(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}

/// The date in the Eastern zone.
pub(super) fn eastern_date(at: DateTime<Utc>) -> NaiveDate {
    eastern(at).date_naive()
}
