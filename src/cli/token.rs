//! `ml-connector token`: a signed admin token for somebody who has the secret anyway.

use chrono::TimeDelta;
use clap::builder::NonEmptyStringValueParser;
use ml_connector::{
    auth::{Principal, Role, Verifier},
    clock::Clock,
    config::{self, Config},
};

use super::output;

/// Nobody needs a token for longer, and a slip of the keyboard should not make one that never ends.
const LONGEST: TimeDelta = TimeDelta::days(366);

#[derive(clap::Args)]
pub(super) struct Args {
    /// viewer reads (people masked), support also syncs and pulls and sees people, admin also manages
    #[arg(long)]
    role: Role,
    /// Who it is for: the audit trail names them
    #[arg(long, default_value = "operator", value_parser = NonEmptyStringValueParser::new())]
    subject: String,
    /// How long it is good for, such as 90s, 30m, 12h, 7d or 1d12h
    #[arg(long, default_value = "12h", value_parser = ttl)]
    ttl: TimeDelta,
    /// Limits it to a connection, by global id; may be repeated
    #[arg(long = "connection", value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    connections: Vec<String>,
}

pub(super) async fn run(config: &Config, args: Args) -> anyhow::Result<()> {
    let verifier = Verifier::from_config(config)?;
    if config.jwt_secret.is_none() {
        let reason = "it is not set, and this command signs with it; tokens of the identity provider come from there";
        return Err(config::Error::new("MLC_JWT_SECRET", reason).into());
    }
    let connections = if args.connections.is_empty() { None } else { Some(args.connections) };
    let principal = Principal { subject: args.subject, role: args.role, connections };
    let now = Clock::default().now();
    let token = verifier.issue(&principal, args.ttl, now)?;
    verifier.verify(&token, now).await?; // a subject that no token may carry is told here, not by a 401 later
    output::line(&token)
}

/// Numbers with units, added up: `1d12h`.
fn ttl(text: &str) -> Result<TimeDelta, String> {
    let wrong = || format!("`{text}` is not a time such as 90s, 30m, 12h, 7d or 1d12h");
    let (mut total, mut rest) = (TimeDelta::zero(), text);
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at(digits);
        let number: i64 = number.parse().map_err(|_| wrong())?;
        let mut tail = tail.chars();
        let part = match tail.next() {
            Some('s') => TimeDelta::try_seconds(number),
            Some('m') => TimeDelta::try_minutes(number),
            Some('h') => TimeDelta::try_hours(number),
            Some('d') => TimeDelta::try_days(number),
            Some('w') => TimeDelta::try_weeks(number),
            _ => None,
        };
        total = part.and_then(|part| total.checked_add(&part)).ok_or_else(wrong)?;
        rest = tail.as_str();
    }
    if total <= TimeDelta::zero() {
        return Err(wrong());
    }
    if total > LONGEST { Err(format!("`{text}` is longer than {} days", LONGEST.num_days())) } else { Ok(total) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_numbers_with_units() {
        assert_eq!(ttl("12h"), Ok(TimeDelta::hours(12)));
        assert_eq!(ttl("1d12h30m15s"), Ok(TimeDelta::seconds(131_415)));
        assert_eq!(ttl("2w"), Ok(TimeDelta::days(14)));
        for wrong in ["", "h", "12", "12x", "-1h", "1.5h", "0s", "12h ", "9223372036854775807w", "400d", "1é"] {
            assert!(ttl(wrong).is_err(), "{wrong} was taken");
        }
    }
}
