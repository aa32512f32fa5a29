//! What a failure of the database means for whoever runs the service.

use std::{error::Error, fmt};

use sea_orm::{
    ConnAcquireErr, DbErr, RuntimeErr, SqlxPostgresError,
    sqlx::{self, error::DatabaseError},
};

use crate::problem::{Owner, Problem};

/// What keeps a database from working. It passes, mostly by somebody's hand, and no order is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing more fits.
    Full,
    /// Another process holds the SQLite file.
    Locked,
    /// It does not answer.
    Away,
    /// It answers, but no connection is free.
    Crowded,
}

impl Trouble {
    /// The trouble behind an error, wherever among its causes it is. `None` where the database works as it should: what failed is ours.
    pub fn of(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(error) = error.downcast_ref::<DbErr>() {
                return Self::of_statement(error);
            }
            // What is passed on as it is hides its outermost error from its causes.
            if let Some(error) = error.downcast_ref::<RuntimeErr>() {
                return Self::of_driver(error);
            }
            if let Some(error) = error.downcast_ref::<ConnAcquireErr>() {
                return Some(Self::of_pool(*error));
            }
            next = error.source();
        }
        None
    }

    /// The problem's stable name.
    pub fn code(self) -> &'static str {
        match self {
            Self::Full => "DATABASE_FULL",
            Self::Locked => "DATABASE_LOCKED",
            Self::Away | Self::Crowded => "DATABASE_UNAVAILABLE",
        }
    }

    /// What is wrong, in one sentence.
    pub fn cause(self) -> &'static str {
        match self {
            Self::Full => "the disk of the database is full",
            Self::Locked => "another process holds the SQLite file",
            Self::Away => "the database does not answer",
            Self::Crowded => "no connection to the database is free",
        }
    }

    /// What to do about it.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Full => "make room where DATABASE_URL leads to",
            Self::Locked => "SQLite serves one process: end the other one, or use PostgreSQL",
            Self::Away => "see that what DATABASE_URL names runs and can be reached",
            Self::Crowded => {
                "allow more connections (max_connections, CONNECTION LIMIT) or run fewer replicas: each takes up to 20"
            }
        }
    }

    /// The same as an order or a pull shows it.
    pub fn problem(self) -> Problem {
        Problem::new(
            Owner::Operator,
            self.code(),
            format!("It could not be gone on with: {}.", self.cause()),
            format!("Whoever runs this service: {}. Then it goes on by itself.", self.remedy()),
        )
    }

    fn of_statement(error: &DbErr) -> Option<Self> {
        match error {
            DbErr::Conn(error) | DbErr::Exec(error) | DbErr::Query(error) => Self::of_driver(error),
            DbErr::ConnectionAcquire(error) => Some(Self::of_pool(*error)),
            _ => None,
        }
    }

    fn of_pool(error: ConnAcquireErr) -> Self {
        match error {
            ConnAcquireErr::Timeout => Self::Crowded,
            ConnAcquireErr::ConnectionClosed => Self::Away,
        }
    }

    fn of_driver(error: &RuntimeErr) -> Option<Self> {
        let RuntimeErr::SqlxError(error) = error else { return None };
        match &**error {
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
                Some(Self::Away)
            }
            sqlx::Error::PoolTimedOut => Some(Self::Crowded),
            sqlx::Error::Database(error) => Self::of_database(&**error),
            _ => None,
        }
    }

    fn of_database(error: &dyn DatabaseError) -> Option<Self> {
        let code = error.code()?;
        if error.try_downcast_ref::<SqlxPostgresError>().is_some() {
            return match &*code {
                "53100" => Some(Self::Full),
                "53300" => Some(Self::Crowded),
                // Being shut down or started, without memory, a standby while another becomes the primary; or we stood still for too long.
                "57P01" | "57P02" | "57P03" | "53200" | "25006" | "25P03" => Some(Self::Away),
                other => other.starts_with("08").then_some(Self::Away),
            };
        }
        // SQLite's extended codes have the primary one in their lowest byte.
        match code.parse::<i32>().ok()? & 0xff {
            5 | 6 => Some(Self::Locked),
            13 => Some(Self::Full),
            10 | 14 => Some(Self::Away), // reading or writing the file failed, or opening it
            _ => None,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.cause(), self.remedy())
    }
}

#[cfg(test)]
mod tests {
    use std::{io, sync::Arc};

    use super::*;
    use crate::{audit, order};

    fn lost() -> DbErr {
        DbErr::Query(RuntimeErr::SqlxError(Arc::new(sqlx::Error::Io(io::ErrorKind::ConnectionReset.into()))))
    }

    #[test]
    fn the_trouble_is_found_however_deep_it_lies() {
        assert_eq!(Trouble::of(&lost()), Some(Trouble::Away));
        assert_eq!(Trouble::of(&order::Error::Db(lost())), Some(Trouble::Away));
        assert_eq!(Trouble::of(&order::Error::Audit(audit::Error::Db(lost()))), Some(Trouble::Away));
        let none_free = DbErr::ConnectionAcquire(ConnAcquireErr::Timeout);
        assert_eq!(Trouble::of(&order::Error::Db(none_free)), Some(Trouble::Crowded));
    }

    #[test]
    fn what_is_our_own_fault_is_no_trouble() {
        assert_eq!(Trouble::of(&DbErr::Custom("no such column".to_owned())), None);
        assert_eq!(Trouble::of(&order::Error::Missing), None);
        let not_unique = DbErr::Exec(RuntimeErr::Internal("UNIQUE constraint failed".to_owned()));
        assert_eq!(Trouble::of(&not_unique), None);
    }
}
