//! Times as the platform writes them.

use chrono::{DateTime, NaiveDate, NaiveDateTime, SubsecRound, TimeZone, Utc};
use chrono_tz::{America::New_York, Tz};

/// The wall clock of the platform's accounting family, wherever the business is.
pub(super) fn eastern(at: DateTime<Utc>) -> DateTime<Tz> {
    New_York.from_utc_datetime(&at.naive_utc())
}

/// Eastern wall time without a zone.
pub(super) fn stamp(at: DateTime<Utc>) -> String {
    plain(eastern(at).naive_local())
}

// Several of these stand in every answer, and a format string would be parsed each time.
fn plain(at: NaiveDateTime) -> String {
    let at = at.trunc_subsecs(0);
    format!("{} {}", at.date(), at.time())
}

/// The same with microseconds.
pub(super) fn fine_stamp(at: DateTime<Utc>) -> String {
    eastern(at).format("%Y-%m-%d %H:%M:%S%.6f").to_string()
}

/// UTC wall time without a zone: only a client's sign-up date looks like this.
pub(super) fn utc_stamp(at: DateTime<Utc>) -> String {
    plain(at.naive_utc())
}

/// The date in the Eastern zone.
pub(super) fn eastern_date(at: DateTime<Utc>) -> NaiveDate {
    eastern(at).date_naive()
}
