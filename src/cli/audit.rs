//! `ml-connector audit verify`: whether the audit trail is as it was written.

use anyhow::{Context, bail};
use clap::builder::NonEmptyStringValueParser;
use entity::connection::Model as Connection;
use ml_connector::{
    audit::{self, Verdict},
    config::Config,
    connection,
    db::Db,
    graphql, telemetry,
};
use serde_json::json;

use super::output;

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Checks that no audit entry was changed, removed or slipped in; 1 when one was. Needs no keys and calls nobody
    Verify(VerifyArgs),
}

#[derive(clap::Args)]
pub(super) struct VerifyArgs {
    /// Only this connection, by global id or the shop's address; else all
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    connection: Option<String>,
    /// One line of JSON for each connection
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(config: &Config, command: Command) -> anyhow::Result<()> {
    let Command::Verify(args) = command;
    let _telemetry = telemetry::init(&config.log, config.log_format, config.otlp_endpoint.as_deref());
    let db = super::beside(config).await?;
    let broken = verify(&db, &args).await?;
    // The first of each connection is in its line.
    match broken.as_slice() {
        [] => Ok(()),
        [first] => bail!("the audit trail is broken: {first}"),
        [first, others @ ..] => bail!("the audit trail is broken: {first}; {} more connections", others.len()),
    }
}

/// What is broken, a sentence for each connection.
async fn verify(db: &Db, args: &VerifyArgs) -> anyhow::Result<Vec<String>> {
    let all = connection::list(db.read(), None).await.context("the connections cannot be read")?;
    let is_meant = |row: &Connection| match &args.connection {
        Some(name) => graphql::connection_id(row.id) == *name || row.shop_domain.eq_ignore_ascii_case(name),
        None => true,
    };
    let chosen: Vec<Connection> = all.into_iter().filter(is_meant).collect();
    if chosen.is_empty() {
        match &args.connection {
            Some(name) => bail!("there is no connection {name}"),
            None => output::note("there is no connection whose trail could be verified"),
        }
    }
    let mut broken = Vec::new();
    for row in chosen {
        let verdict = audit::verify(db.read(), row.id).await;
        let verdict = verdict.with_context(|| format!("the trail of {} cannot be read", row.shop_domain))?;
        output::line(&if args.json { line(&row, &verdict) } else { sentence(&row, &verdict) })?;
        if let Verdict::Broken { .. } = verdict {
            broken.push(sentence(&row, &verdict));
        }
    }
    Ok(broken)
}

fn sentence(row: &Connection, verdict: &Verdict) -> String {
    let name = format!("{} ({})", row.shop_domain, graphql::connection_id(row.id));
    match verdict {
        Verdict::Intact(1) => format!("{name}: 1 entry, intact"),
        Verdict::Intact(entries) => format!("{name}: {entries} entries, intact"),
        Verdict::Broken { sequence, reason } => format!("{name}: broken at entry {sequence}: {reason}"),
    }
}

fn line(row: &Connection, verdict: &Verdict) -> String {
    let (entries, broken) = match verdict {
        Verdict::Intact(entries) => (Some(entries), None),
        Verdict::Broken { sequence, reason } => (None, Some(json!({ "sequence": sequence, "reason": reason }))),
    };
    json!({
        "connectionId": graphql::connection_id(row.id),
        "shopDomain": row.shop_domain,
        "intact": broken.is_none(),
        "entries": entries,
        "firstBroken": broken,
    })
    .to_string()
}
